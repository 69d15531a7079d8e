#!/usr/bin/env python3
"""Makes photos/unseen/group.jpg: four people of photos/, cut out and put side by side as if they stood together.

    python tools/make_group_photo.py [PHOTOS_FOLDER]

Needs Pillow (the committed picture was made with 13.0.0; another version's JPEG may differ in its bytes).
"""

import pathlib
import sys

from PIL import Image

HEIGHT = 400  # of the picture, pixels
STRIP = 265   # width of a person's strip
OVERLAP = 20  # of two strips, which fade into each other

# file, centre and width of the face in it, what the width becomes, where the centre comes to lie (rows from the top),
# mirrored?, degrees counter-clockwise
PEOPLE = [
    ("unseen/grace_hopper.jpg", (268, 245), 216, 145, 163, False, 0),
    ("unseen/obama2.jpg", (319, 456), 311, 132, 150, False, 0),
    ("people/eileen_collins/astronaut.png", (222, 126), 88, 125, 168, False, 4),
    ("people/joe_biden/biden.jpg", (594, 387), 311, 130, 158, True, 0),
]


def strip(path, centre, face, new_face, row, mirrored, degrees):
    """A person's strip: the part of the photo that puts the face where it should be, at the size it should have."""
    photo = Image.open(path).convert("RGB")
    if degrees:
        photo = photo.rotate(degrees, resample=Image.Resampling.BICUBIC, center=centre)
    scale = face / new_face
    left, top = centre[0] - STRIP / 2 * scale, centre[1] - row * scale
    left = min(max(left, 0), photo.width - STRIP * scale)
    box = (left, top, left + STRIP * scale, top + HEIGHT * scale)
    if min(box) < 0 or box[2] > photo.width or box[3] > photo.height:
        sys.exit(f"{path}: the strip {box} leaves the photo of {photo.size}")
    part = photo.resize((STRIP, HEIGHT), Image.Resampling.LANCZOS, box=box)
    return part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else part


def main():
    photos = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "photos")
    step = STRIP - OVERLAP
    group = Image.new("RGB", (step * len(PEOPLE) + OVERLAP, HEIGHT))
    fade = Image.new("L", (STRIP, HEIGHT), 255)
    for x in range(OVERLAP):
        fade.paste(255 * (x + 1) // (OVERLAP + 1), (x, 0, x + 1, HEIGHT))
    for i, (name, *how) in enumerate(PEOPLE):
        group.paste(strip(photos / name, *how), (i * step, 0), fade if i else None)
    group.save(photos / "unseen/group.jpg", quality=92)


if __name__ == "__main__":
    main()
