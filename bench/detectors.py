#!/usr/bin/env python3
"""Measures what each detector of ffr finds of faces that are turned, small, blurred or covered: a Markdown table and a plot.

    bench/detectors.py FFR PLOT.svg

FFR is the built program. Needs the packages pillow and matplotlib. README.md tells how it's done.
"""

import pathlib
import sys
import tempfile

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
from face_variants import FACE, blurred, covered, faces_of_photos, is_face, run, sized, turned  # noqa: E402

# And how their lines are drawn: that of auto is wide, since others lie on it.
DETECTORS = {"hog": {"color": "#999999"}, "auto": {"color": "#f0c7a5", "linewidth": 5, "zorder": 1.5},
             "mmod": {"color": "#1f6fb4"}}

# What's altered: its name, how, the values, and the side of the face in pixels at a value.
SERIES = [
    ("turned by, degrees", turned, range(-90, 91, 15), lambda angle: FACE),
    ("side of the face, pixels", sized, (40, 50, 60, 65, 70, 75, 80, 90, 100, 120), lambda side: side),
    ("blurred, sigma in pixels", blurred, (0, 1, 2, 3, 4, 5, 6, 8, 10), lambda radius: FACE),
    ("covered from below, %", covered, (0, 10, 20, 30, 40, 50, 60), lambda percent: FACE),
]


def measure(ffr, faces, alter, values, side_at):
    """Of each detector, for each value: the share of faces that are found, and how many boxes aren't faces."""
    with tempfile.TemporaryDirectory() as folder:
        for value in values:
            for i, face in enumerate(faces):
                alter(face, value).save(pathlib.Path(folder) / f"{value}_{i}.png")
        shares = {}
        for detector in DETECTORS:
            found, others = dict.fromkeys(values, 0), dict.fromkeys(values, 0)
            for name, seen in run(ffr, "detect", folder, "--detector", detector).items():
                value = int(name.split("_")[0])
                hits = sum(is_face(face["box"], side_at(value)) for face in seen)
                found[value] += hits > 0
                others[value] += len(seen) - hits
            shares[detector] = {value: (found[value] / len(faces), others[value]) for value in values}
        return shares


def print_table(title, shares, values):
    print(f"| {title} | " + " | ".join(map(str, values)) + " |\n| --- |" + " --- |" * len(values))
    for detector, found in shares.items():
        print(f"| {detector} | " + " | ".join(f"{100 * found[value][0]:.0f}" for value in values) + " |")
    wrong = {detector: sum(others for _, others in found.values()) for detector, found in shares.items()}
    print("\nOther boxes: " + ", ".join(f"{detector} {count}" for detector, count in wrong.items()) + "\n")


def main():
    ffr, plot = sys.argv[1:]
    faces = list(faces_of_photos(ffr))
    print(f"{len(faces)} faces, % found\n")
    plt.style.use(pathlib.Path(__file__).with_name("plot.mplstyle"))
    figure, all_axes = plt.subplots(1, len(SERIES), figsize=(12, 3), layout="constrained", sharey=True)
    for axes, (title, alter, values, side_at) in zip(all_axes, SERIES):
        shares = measure(ffr, faces, alter, values, side_at)
        print_table(title, shares, values)
        for detector, found in shares.items():
            axes.plot(list(values), [100 * found[value][0] for value in values], label=detector,
                      marker="o", markersize=3.5, **DETECTORS[detector])
        axes.set(xlabel=title, ylim=(0, 103))
    all_axes[0].set(ylabel="% found")
    all_axes[0].legend(frameon=False, loc="lower center")
    figure.savefig(plot, metadata={"Date": None})


if __name__ == "__main__":
    main()
