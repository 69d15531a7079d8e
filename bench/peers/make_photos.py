#!/usr/bin/env python3
"""Makes the photos that the stages and their growth are measured with, of those in photos/. The same ones every time.

    make_photos.py FOLDER

    512x512.ppm ...      with one face; 1920x1080.ppm with three
    square_128.ppm ...   one photo at growing sizes
    faces_1.ppm ...      always the same 32 faces, but only as many are upright: the rest isn't found
"""

import pathlib
import sys

import cv2
import dlib
import numpy as np

from prepare import CROWDS, PROJECT, SQUARES

TILE_WIDTH, TILE_HEIGHT, TILES_A_ROW = 240, 270, 8


def read(name):
    return cv2.imread(str(PROJECT / "photos" / name))


def fill(photo, width, height):
    """The photo at a size: scaled until it covers all, cut at both sides or at the bottom."""
    scale = max(width / photo.shape[1], height / photo.shape[0])
    scaled = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left = (scaled.shape[1] - width) // 2
    return scaled[:height, left:left + width]


def tile(photo):
    """A face and what's around it."""
    box = dlib.get_frontal_face_detector()(photo[..., ::-1].copy())[0]
    width = min(round(2.2 * box.width()), photo.shape[1])
    height = min(width * TILE_HEIGHT // TILE_WIDTH, photo.shape[0])
    left = min(max(box.center().x - width // 2, 0), photo.shape[1] - width)
    top = min(max(box.center().y - height // 2, 0), photo.shape[0] - height)
    return fill(photo[top:top + height, left:left + width], TILE_WIDTH, TILE_HEIGHT)


def crowd(tiles, upright):
    """All tiles side by side, those after the first `upright` ones upside down."""
    turned = [face if i < upright else face[::-1] for i, face in enumerate(tiles)]
    return np.vstack([np.hstack(turned[i:i + TILES_A_ROW]) for i in range(0, len(turned), TILES_A_ROW)])


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)

    def write(name, photo):
        cv2.imwrite(str(folder / f"{name}.ppm"), photo)

    obama, obama2, obama3 = map(read, ("people/barack_obama/obama.jpg", "unseen/obama2.jpg",
                                       "people/barack_obama/obama3.jpg"))
    biden, collins, hopper = map(read, ("people/joe_biden/biden.jpg", "people/eileen_collins/astronaut.png",
                                        "unseen/grace_hopper.jpg"))
    write("512x512", collins)
    write("640x480", fill(hopper, 640, 480))
    write("1920x1080", np.hstack([fill(obama, 800, 1080), fill(obama2, 560, 1080), fill(biden, 560, 1080)]))
    write("1986x1545", fill(obama3, 1986, 1545))
    for side in SQUARES:
        write(f"square_{side}", fill(obama3, side, side))
    faces = [tile(photo) for photo in (collins, hopper, obama, obama2, biden)]
    tiles = [faces[i % len(faces)] for i in range(max(CROWDS))]
    for count in CROWDS:
        write(f"faces_{count}", crowd(tiles, count))


if __name__ == "__main__":
    main()
