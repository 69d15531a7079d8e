#!/usr/bin/env python3
"""Draws what run_growth.py has measured: medians, and the quartiles as bars. Runs in the venv of prepare.py.

    plot_growth.py GROWTH.json PLOT.svg
"""

import json
import pathlib
import statistics
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

GRAY = "#999999"
COLOURS = {"dlib, C++": GRAY, "ffr": "#1f6fb4"}
THREADS_COLOURS = ["#1f6fb4", "#d1701f"]


def draw(axes, name, colour, samples):
    """samples: of each size what was measured, several times."""
    low, middle, high = zip(*(statistics.quantiles(values, n=4) for values in samples.values()))
    below, above = ([abs(a - b) for a, b in zip(middle, edge)] for edge in (low, high))
    axes.errorbar(list(samples), middle, yerr=[below, above], label=name, color=colour, marker="o", markersize=3.5,
                  capsize=2)


def draw_times(axes, growth, unit=1):
    for name, times in growth.items():
        draw(axes, name, COLOURS[name], {int(size) / unit: [1e3 * t for t in taken] for size, taken in times.items()})
    axes.set_ylabel("ms")


def draw_pixels(axes, growth):
    draw_times(axes, growth, unit=1e6)
    axes.set(title="detection", xlabel="megapixels", xscale="log", yscale="log")
    for axis in axes.xaxis, axes.yaxis:
        axis.set_major_formatter("{x:g}")


def draw_faces(axes, growth):
    draw_times(axes, growth)
    axes.set(title="the whole way, 1920 x 1080", xlabel="faces", ylim=(0, None))


def draw_threads(axes, growth):
    for (name, times), colour in zip(growth.items(), THREADS_COLOURS):
        speeds = {int(count): [one / many for one, many in zip(times["1"], taken)] for count, taken in times.items()}
        draw(axes, name, colour, speeds)
    axes.plot(list(speeds), list(speeds), color=GRAY, linestyle=":", label="the most that's possible")
    axes.set(title="ffr with more threads", xlabel="threads", ylabel="times as fast as one", xticks=list(speeds),
             ylim=(0, None))


def main():
    growth = json.loads(pathlib.Path(sys.argv[1]).read_text())
    plt.rcParams.update({"font.size": 9, "axes.titlesize": 10, "axes.grid": True, "grid.color": "#e6e6e6",
                         "axes.spines.top": False, "axes.spines.right": False, "svg.fonttype": "none",
                         "svg.hashsalt": "ffr"})
    figure, panels = plt.subplots(1, 3, figsize=(9.5, 3.2), layout="constrained")
    draw_pixels(panels[0], growth["pixels"])
    draw_faces(panels[1], growth["faces"])
    draw_threads(panels[2], growth["threads"])
    for axes in panels:
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(sys.argv[2], metadata={"Date": None})


if __name__ == "__main__":
    main()
