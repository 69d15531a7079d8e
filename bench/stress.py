#!/usr/bin/env python3
"""Measures where ffr ends: what is found, marked and recognised of faces that are blurred, noisy, compressed, turned, small, dark
or covered. Markdown tables and a plot.

    bench/stress.py FFR PLOT.svg [FIGURES.json]

FFR is the built program. Needs the packages numpy, pillow and matplotlib. README.md tells how it's done.
"""

import io
import json
import pathlib
import sys
import tempfile
import typing

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from face_variants import FACE, MARGIN, blurred, covered, faces_of_photos, is_face, picture, run, sized, turned  # noqa: E402
from PIL import Image  # noqa: E402

# Options of the program, and the colour of their lines.
WAYS = {"hog": ((), "#999999"), "hog, upsampled": (("--upsample", "1"), "#e08a3c"),
        "mmod": (("--detector", "mmod"), "#1f6fb4"), "mmod, 5 points": (("--detector", "mmod", "--points", "5"), "#2e9e6b")}
DETECTIONS = [way for way in WAYS if "points" not in way]  # which differ in what's found
LIMIT = 0.6  # distance up to which the program takes two faces for one person's
ENOUGH = 0.95  # share of the faces that is "found" or "recognised" in the table of limits
OUTER_EYES = {5: (0, 2), 68: (36, 45)}  # the landmarks, by how many there are, whose distance is the unit of their error
# How the plot shows each figure.
LINES = {"found": {"linewidth": 5, "alpha": 0.35}, "recognised": {"marker": "o", "markersize": 3},
         "landmark error": {"linestyle": ":"}}
# The photographs in a photo, from the left. Digits tell those of one person apart.
PHOTOGRAPHS = {"group.jpg": ("grace_hopper", "obama2", "astronaut", "biden")}


def photograph(face):
    return PHOTOGRAPHS.get(face.name, (pathlib.Path(face.name).stem,))[face.place]


def person(face):
    return photograph(face).rstrip("0123456789")


def noisy(face, sigma):
    noise = np.random.default_rng(face.box).normal(0, 1, (FACE * MARGIN, FACE * MARGIN, 3))
    return Image.fromarray(np.clip(np.rint(picture(face) + sigma * noise), 0, 255).astype(np.uint8))


def compressed(face, quality):
    if quality is None:
        return picture(face)
    file = io.BytesIO()
    picture(face).save(file, "JPEG", quality=quality)
    return Image.open(file)


def darkened(face, percent):
    return picture(face).point(lambda level: round(level * percent / 100))


def lean(face, angle):
    """Counter-clockwise, and the mirror images clockwise: the CNN doesn't treat both alike."""
    return -angle if face.mirrored else angle


def leant(face, angle):
    return turned(face, lean(face, angle))


class Axis(typing.NamedTuple):
    title: str
    alter: typing.Callable
    values: tuple  # from mild to strong; the first leaves the face as it is

    def side(self, value):
        return value if self.alter is sized else FACE

    def angle(self, face, value):
        return lean(face, value) if self.alter is leant else 0


AXES = [
    Axis("blurred, sigma in pixels", blurred, (0, 1, 2, 3, 4, 5, 6, 8, 10)),
    Axis("noise, sigma in levels", noisy, (0, 10, 20, 30, 40, 50, 60, 80, 100)),
    Axis("JPEG quality", compressed, (None, 75, 50, 30, 20, 15, 10, 5, 2)),
    Axis("turned by, degrees", leant, (0, 10, 20, 30, 40, 50, 60, 70, 80, 90)),
    Axis("side of the face, pixels", sized, (110, 90, 80, 70, 60, 50, 40, 35, 30, 25, 20)),
    Axis("brightness left, %", darkened, (100, 50, 30, 20, 15, 10, 7, 5, 3, 2)),
    Axis("covered from below, %", covered, (0, 10, 20, 30, 40, 50, 60)),
]


class Seen(typing.NamedTuple):
    """A face as the program sees it: landmarks in the undisturbed picture's coordinates, as complex numbers."""

    landmarks: np.ndarray
    embedding: np.ndarray


def seen(record, side, angle):
    points = np.array(record["landmarks"]) @ (1, 1j)
    centre = (1 + 1j) * (side * MARGIN - 1) / 2
    undone = (points - centre) * (FACE / side) * np.exp(1j * np.radians(angle))
    return Seen(undone + (1 + 1j) * (FACE * MARGIN - 1) / 2, np.array(record["embedding"]))


def look(ffr, axis, faces):
    """By way and value: for each face what the program sees, or None."""
    with tempfile.TemporaryDirectory() as folder:
        for k, value in enumerate(axis.values):
            for i, face in enumerate(faces):
                axis.alter(face, value).save(pathlib.Path(folder) / f"{k}_{i}.png")
        views = {}
        for way, (options, _) in WAYS.items():
            records = run(ffr, "represent", folder, *options)
            views[way] = {value: [] for value in axis.values}
            for k, value in enumerate(axis.values):
                for i, face in enumerate(faces):
                    hits = [record for record in records[f"{k}_{i}.png"] if is_face(record["box"], axis.side(value))]
                    view = seen(hits[0], axis.side(value), axis.angle(face, value)) if hits else None
                    views[way][value].append(view)
        return views


def nearest(embedding, others):
    return min((float(np.linalg.norm(embedding - other)) for other in others), default=np.inf)


def recognition(view, i, faces, undisturbed):
    """Distances of face i to itself undisturbed, to its person in other photographs, and to the nearest other person."""
    same, others = [], []
    for face, known in zip(faces, undisturbed):
        if face.mirrored or face.name in PHOTOGRAPHS:
            continue
        if person(face) != person(faces[i]):
            others.append(known.embedding)
        elif photograph(face) != photograph(faces[i]):
            same.append(known.embedding)
    return tuple(nearest(view.embedding, known) for known in ([undisturbed[i].embedding], same, others))


def landmark_error(view, undisturbed):
    left, right = OUTER_EYES[len(undisturbed.landmarks)]
    return abs(view.landmarks - undisturbed.landmarks).mean() / abs(undisturbed.landmarks[left] - undisturbed.landmarks[right])


def figures(views, faces, undisturbed):
    """What a value of an axis does to all faces, seen in one way. Shares are of all faces, means of those found."""
    found = [i for i, view in enumerate(views) if view]
    distances = np.array([recognition(views[i], i, faces, undisturbed) for i in found]).reshape(-1, 3)
    itself, same, other = distances.T
    errors = [landmark_error(views[i], undisturbed[i]) for i in found]
    several = sum(len({photograph(b) for b in faces if person(b) == person(a)}) > 1 for a in faces)

    def mean(numbers):
        return float(np.mean(numbers)) if found else None

    return {"found": len(found) / len(faces),
            "recognised": int(((itself <= LIMIT) & (itself < other)).sum()) / len(faces),
            "named by another photo": int(((same <= LIMIT) & (same < other)).sum()) / several,
            "wrongly named": int(((other <= LIMIT) & (other < same)).sum()) / len(faces),
            "landmark error": mean(errors), "distance to itself": mean(itself), "to the nearest other": mean(other)}


def label(value):
    return "none" if value is None else str(value)


def last(axis, by_value, *names):
    """The value up to which the shares of these names are enough."""
    good = [min(of[name] for name in names) >= ENOUGH for of in by_value.values()] + [False]
    return axis.values[good.index(False) - 1] if good[0] else None


def last_recognised(axis, by_value):
    return last(axis, by_value, "recognised", "named by another photo")


def print_table(heads, rows):
    for row in [heads, ["---"] * len(heads), *rows]:
        print("| " + " | ".join(row) + " |")
    print()


def print_axis(axis, results):
    def cell(figure):
        return "" if figure is None else f"{100 * figure:.0f}"

    names = next(iter(results["hog"].values()))
    print_table([axis.title, *map(label, axis.values)],
                [[f"{way}: {name}", *(cell(of[name]) for of in by_value.values())]
                 for way, by_value in results.items() for name in names])


def print_limits(all_results):
    """How far the faces are found and recognised, and how the default sees those that it just recognises."""
    print_table(["up to", *(f"found: {way}" for way in DETECTIONS), *(f"recognised: {way}" for way in WAYS)],
                [[axis.title, *(label(last(axis, results[way], "found")) for way in DETECTIONS),
                  *(label(last_recognised(axis, results[way])) for way in WAYS)] for axis, results in all_results])
    rows = []
    for axis, results in all_results:
        limit = last_recognised(axis, results["hog"])
        of = results["hog"][limit]
        rows.append([axis.title, label(limit), f"{100 * of['landmark error']:.1f}", f"{of['distance to itself']:.2f}",
                     f"{of['to the nearest other']:.2f}"])
    print_table(["hog", "at", "landmark error, %", "distance to itself", "to the nearest other"], rows)


def draw(axes, axis, results):
    # By place, not by value: most happens at one end of an axis.
    places = range(len(axis.values))
    for name, style in LINES.items():
        for way in DETECTIONS if name == "found" else WAYS:
            shares = [np.nan if of[name] is None else 100 * of[name] for of in results[way].values()]
            axes.plot(places, shares, color=WAYS[way][1], **style)
    axes.set(xlabel=axis.title, ylim=(0, 103))
    axes.set_xticks(places, map(label, axis.values))


def draw_legend(axes):
    axes.set_axis_off()
    handles = [axes.plot([], [], color=colour, linewidth=3, label=way)[0] for way, (_, colour) in WAYS.items()]
    handles += [axes.plot([], [], color="black", label=name, **style)[0] for name, style in LINES.items()]
    axes.legend(handles=handles, frameon=False, loc="center")


def plot_all(all_results, path):
    plt.style.use(pathlib.Path(__file__).with_name("plot.mplstyle"))
    figure, grid = plt.subplots(2, 4, figsize=(12, 6), layout="constrained", sharey=True)
    for axes, (axis, results) in zip(grid.flat, all_results):
        draw(axes, axis, results)
    draw_legend(grid.flat[-1])
    for axes in grid[:, 0]:
        axes.set(ylabel="%")
    figure.savefig(path, metadata={"Date": None})


def main():
    ffr, plot, *to_json = sys.argv[1:]
    faces = list(faces_of_photos(ffr))
    print(f"{len(faces)} faces. Shares and errors in %, distances in hundredths.\n")
    all_results = []
    for axis in AXES:
        results = {way: {value: figures(views, faces, by_value[axis.values[0]]) for value, views in by_value.items()}
                   for way, by_value in look(ffr, axis, faces).items()}
        print_axis(axis, results)
        all_results.append((axis, results))
    print_limits(all_results)
    plot_all(all_results, plot)
    for path in to_json:
        pathlib.Path(path).write_text(json.dumps({axis.title: results for axis, results in all_results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
