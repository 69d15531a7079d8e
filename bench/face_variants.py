"""The faces of the shipped photos, cut out and altered, and the program ffr run over them: for detectors.py and stress.py."""

import json
import pathlib
import subprocess
import typing

from PIL import Image, ImageFilter, ImageOps

PHOTOS = pathlib.Path(__file__).resolve().parents[1] / "photos"
FACE = 110  # pixels of a face's side where its size isn't what's altered
MARGIN = 3  # sides of a face that a picture has
GRAY = (128, 128, 128)


class Face(typing.NamedTuple):
    """Where a face is in a photo, as the CNN finds it."""

    photo: Image.Image
    box: tuple  # left, top, right, bottom
    name: str  # of the photo's file
    place: int  # among the photo's faces, from the left
    mirrored: bool


def run(ffr, verb, folder, *options):
    """The faces of each picture in a folder, by the picture's name."""
    done = subprocess.run([ffr, verb, "--json", "--quiet", *options, folder], check=True, capture_output=True, text=True)
    records = map(json.loads, done.stdout.splitlines())
    return {pathlib.Path(record["image"]).name: record["faces"] for record in records}


def faces_of_photos(ffr):
    """The faces of the shipped photos and of their mirror images."""
    for folder in sorted({path.parent for path in PHOTOS.glob("*/**/*.*")}):
        for name, found in run(ffr, "detect", folder, "--detector", "mmod").items():
            photo = Image.open(folder / name).convert("RGB")
            for place, (left, top, right, bottom) in enumerate(sorted(face["box"] for face in found)):
                yield Face(photo, (left, top, right, bottom), name, place, False)
                yield Face(ImageOps.mirror(photo), (photo.width - 1 - right, top, photo.width - 1 - left, bottom),
                           name, place, True)


def picture(face, side=FACE, angle=0):
    """A face in the middle of a picture, `side` pixels wide, turned by so many degrees counter-clockwise."""
    left, top, right, bottom = face.box
    x, y, size = (left + right) / 2, (top + bottom) / 2, right - left + 1
    # Twice as large, with room to turn it; then down by a filter that sees all pixels, as a camera would have.
    room, reach = 3 * MARGIN * FACE, 0.75 * MARGIN * size
    large = face.photo.transform((room, room), Image.Transform.EXTENT, (x - reach, y - reach, x + reach, y + reach),
                                 Image.Resampling.BICUBIC, fillcolor=GRAY)
    large = large.rotate(angle, Image.Resampling.BICUBIC, fillcolor=GRAY)
    edge = room // 6
    return large.crop((edge, edge, 5 * edge, 5 * edge)).resize((side * MARGIN, side * MARGIN), Image.Resampling.LANCZOS)


def turned(face, angle):
    return picture(face, angle=angle)


def sized(face, side):
    return picture(face, side)


def blurred(face, radius):
    return picture(face).filter(ImageFilter.GaussianBlur(radius))


def covered(face, percent):
    image = picture(face)
    bottom = (image.height + FACE) // 2
    image.paste(GRAY, (0, bottom - FACE * percent // 100, image.width, bottom))
    return image


def is_face(box, side):
    """True when a box is around the middle of a picture, and neither half nor twice the face's size."""
    centre, width = side * MARGIN / 2, box[2] - box[0] + 1
    off = max(abs((box[0] + box[2]) / 2 - centre), abs((box[1] + box[3]) / 2 - centre))
    return off < side / 3 and side / 2 < width < side * 2
