#!/usr/bin/env python3
"""Makes tests/golden/images/*.png: pictures that between them reach the corners of detection, alignment and embedding.

    python tests/golden/make_images.py SDIST

SDIST is the unpacked source distribution of face_recognition 1.3.0 from PyPI, for its
tests/test_images/obama_partial_face*.jpg. The rest comes from photos/ and from scikit-image's data. Needs numpy, Pillow
and scikit-image; README.md has the versions. The pictures are committed: this runs only when one is added or changed.
"""

import importlib.util
import pathlib
import sys

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
PHOTOS = HERE.parent.parent / "photos"
SKIMAGE = pathlib.Path(importlib.util.find_spec("skimage").submodule_search_locations[0]) / "data"
OUT = HERE / "images"


def photo(name):
    return Image.open(PHOTOS / name).convert("RGB")


def cut(image, left, top, right, bottom, width):
    """The part [left, right) x [top, bottom), brought to the given width."""
    height = round((bottom - top) * width / (right - left))
    return image.resize((width, height), Image.Resampling.LANCZOS, box=(left, top, right, bottom))


def turned(image, degrees):
    return image.rotate(degrees, resample=Image.Resampling.BICUBIC, fillcolor=(96, 104, 112))


def levels(image, function):
    """Every value v of every channel becomes function(v), rounded and clamped."""
    table = [int(min(max(round(function(v)), 0), 255)) for v in range(256)]
    return image.point(table * len(image.getbands()))


def montage(tiles, columns, side):
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * side, rows * side), (40, 44, 52))
    for i, tile in enumerate(tiles):
        left, top = i % columns * side, i // columns * side
        sheet.paste(tile, (left + (side - tile.width) // 2, top + (side - tile.height) // 2))
    return sheet


def main():
    sdist = pathlib.Path(sys.argv[1]) / "tests/test_images"
    obama, obama2 = photo("people/barack_obama/obama.jpg"), photo("unseen/obama2.jpg")
    obama3, biden = photo("people/barack_obama/obama3.jpg"), photo("people/joe_biden/biden.jpg")
    collins, hopper = photo("people/eileen_collins/astronaut.png"), photo("unseen/grace_hopper.jpg")
    partial = [Image.open(sdist / f"obama_partial_face{n}.jpg").convert("RGB") for n in ("", "2")]

    def face(image, x, y, reach, side):
        return cut(image, x - reach, y - reach, x + reach, y + reach, side)

    crowd = [
        face(obama, 495, 265, 240, 156), face(hopper, 268, 245, 230, 150), face(biden, 594, 387, 330, 130),
        face(collins, 222, 126, 110, 160), face(obama2, 319, 456, 300, 140),
        face(obama3, 800, 456, 330, 120).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        turned(face(hopper, 268, 245, 230, 150), 10), turned(face(obama2, 319, 456, 300, 160), -12),
    ]
    # name -> picture
    pictures = {
        "portrait": cut(obama, 120, 0, 870, 1000, 330),
        "turned_15": turned(cut(biden, 150, 0, 950, 900, 330), 15),
        "turned_minus_20": turned(cut(collins, 40, 0, 400, 360, 360), -20),
        "cut_by_right_border": cut(collins, 0, 0, 245, 300, 300),
        "cut_by_left_border": cut(collins, 195, 38, 348, 191, 150),  # a corner on exactly -22.5, which goes to -23
        "cut_by_top_border": cut(obama2, 0, 325, 626, 960, 320),
        "half_face_left": cut(partial[0], 0, 0, 491, 620, 320),
        "half_face_right": cut(partial[1], 0, 0, 551, 620, 340),
        "dark": levels(cut(hopper, 0, 0, 512, 600, 330), lambda v: v * 0.22),
        "low_contrast": levels(cut(obama3, 400, 100, 1300, 1100, 330), lambda v: 118 + (v - 118) * 0.15),
        "posterised": levels(cut(collins, 60, 0, 420, 420, 360), lambda v: v // 52 * 52),
        "odd_size": cut(obama2, 0, 50, 626, 900, 347),
        "gray": cut(hopper, 0, 0, 512, 600, 341).convert("L"),
        "tiny_face": cut(obama3, 0, 0, 1434, 2000, 215),
        "crowd": montage(crowd, 4, 160),
        "large_face": cut(obama3, 560, 180, 1050, 760, 540),
        "wide": cut(photo("unseen/group.jpg"), 0, 20, 1000, 320, 600),
        "noisy": Image.fromarray(np.clip(
            np.asarray(cut(obama, 120, 0, 870, 750, 260), np.int16)
            + np.random.default_rng(1).normal(0, 14, (260, 260, 3)).round().astype(np.int16), 0, 255).astype(np.uint8)),
        "no_face_coffee": cut(Image.open(SKIMAGE / "coffee.png").convert("RGB"), 0, 0, 600, 400, 330),
        "no_face_brick": Image.open(SKIMAGE / "brick.png").convert("L").resize((256, 256), Image.Resampling.LANCZOS),
        "window_80x80": face(obama, 495, 265, 160, 80),
        "below_window_63x63": face(obama, 495, 265, 160, 63),
        "pixel_1x1": Image.new("RGB", (1, 1), (200, 100, 50)),
    }
    OUT.mkdir(exist_ok=True)
    for name, picture in pictures.items():
        # Through an array: so no colour profile or other chunk of the source ends up in the file.
        Image.fromarray(np.asarray(picture)).save(OUT / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
