#!/usr/bin/env python3
"""Measures what each detector of ffr finds of faces that are turned, small, blurred or covered: a Markdown table and a plot.

    bench/detectors.py FFR PLOT.svg

FFR is the built program. Needs the packages pillow and matplotlib. README.md tells how it's done.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
from PIL import Image, ImageDraw, ImageFilter, ImageOps  # noqa: E402

PHOTOS = pathlib.Path(__file__).resolve().parents[1] / "photos"
# And how their lines are drawn: that of auto is wide, since others lie on it.
DETECTORS = {"hog": {"color": "#999999"}, "auto": {"color": "#f0c7a5", "linewidth": 5, "zorder": 1.5},
             "mmod": {"color": "#1f6fb4"}}
FACE = 110  # pixels of a face's side where its size isn't what's altered
MARGIN = 3  # sides of a face that a picture has
GRAY = (128, 128, 128)


def detect(ffr, detector, folder):
    """Boxes of each picture in a folder, by its name."""
    run = subprocess.run([ffr, "detect", "--json", "--quiet", "--detector", detector, folder], check=True,
                         capture_output=True, text=True)
    records = map(json.loads, run.stdout.splitlines())
    return {pathlib.Path(record["image"]).name: [face["box"] for face in record["faces"]] for record in records}


def cut(photo, box, side):
    """A face in the middle of a picture, `side` pixels wide, with room to turn it."""
    x, y, size = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0] + 1
    reach = size * MARGIN * 0.75
    to = round(2 * reach * side / size)
    return photo.transform((to, to), Image.Transform.EXTENT, (x - reach, y - reach, x + reach, y + reach),
                           Image.Resampling.BICUBIC, fillcolor=GRAY)


def middle(picture, side):
    half, reach = picture.width / 2, side * MARGIN / 2
    return picture.crop(tuple(round(half + d) for d in (-reach, -reach, reach, reach)))


def turned(photo, box, angle):
    return middle(cut(photo, box, FACE).rotate(angle, Image.Resampling.BICUBIC, fillcolor=GRAY), FACE)


def sized(photo, box, side):
    # Down by a filter that sees all pixels, as a camera would have.
    large = middle(cut(photo, box, 2 * FACE), 2 * FACE)
    return large.resize((side * MARGIN, side * MARGIN), Image.Resampling.LANCZOS)


def blurred(photo, box, radius):
    return middle(cut(photo, box, FACE), FACE).filter(ImageFilter.GaussianBlur(radius))


def covered(photo, box, percent):
    picture = middle(cut(photo, box, FACE), FACE)
    bottom = (picture.height + FACE) // 2
    ImageDraw.Draw(picture).rectangle((0, bottom - FACE * percent // 100, picture.width, bottom), fill=GRAY)
    return picture


# What's altered: its name, how, the values, and the side of the face in pixels at a value.
SERIES = [
    ("turned by, degrees", turned, range(-90, 91, 15), lambda angle: FACE),
    ("side of the face, pixels", sized, (40, 50, 60, 65, 70, 75, 80, 90, 100, 120), lambda side: side),
    ("blurred, sigma in pixels", blurred, (0, 1, 2, 3, 4, 5, 6, 8, 10), lambda radius: FACE),
    ("covered from below, %", covered, (0, 10, 20, 30, 40, 50, 60), lambda percent: FACE),
]


def is_face(box, side):
    """True when a box is around the middle of a picture, and neither half nor twice the face's size."""
    centre, width = side * MARGIN / 2, box[2] - box[0] + 1
    off = max(abs((box[0] + box[2]) / 2 - centre), abs((box[1] + box[3]) / 2 - centre))
    return off < side / 3 and side / 2 < width < side * 2


def faces_of_photos(ffr):
    """The faces of the shipped photos and of their mirror images: photo and box, as the CNN finds them."""
    for folder in sorted({path.parent for path in PHOTOS.glob("*/**/*.*")}):
        for name, boxes in detect(ffr, "mmod", folder).items():
            photo = Image.open(folder / name).convert("RGB")
            for left, top, right, bottom in boxes:
                yield photo, (left, top, right, bottom)
                yield ImageOps.mirror(photo), (photo.width - 1 - right, top, photo.width - 1 - left, bottom)


def measure(ffr, faces, alter, values, side_at):
    """Of each detector, for each value: the share of faces that are found, and how many boxes aren't faces."""
    with tempfile.TemporaryDirectory() as folder:
        for value in values:
            for i, (photo, box) in enumerate(faces):
                alter(photo, box, value).save(pathlib.Path(folder) / f"{value}_{i}.png")
        shares = {}
        for detector in DETECTORS:
            found, others = dict.fromkeys(values, 0), dict.fromkeys(values, 0)
            for name, boxes in detect(ffr, detector, folder).items():
                value = int(name.split("_")[0])
                hits = sum(is_face(box, side_at(value)) for box in boxes)
                found[value] += hits > 0
                others[value] += len(boxes) - hits
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
    plt.rcParams.update({"font.size": 9, "axes.titlesize": 10, "axes.grid": True, "grid.color": "#e6e6e6",
                         "axes.spines.top": False, "axes.spines.right": False, "svg.fonttype": "none",
                         "svg.hashsalt": "ffr"})
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
