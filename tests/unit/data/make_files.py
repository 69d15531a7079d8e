#!/usr/bin/env python3
"""Makes the small image files of the tests in the folder of this script. Needs Pillow; made with version 13.0."""

import pathlib
import struct
import zlib

from PIL import Image

FOLDER = pathlib.Path(__file__).parent


def png(name, width, height, depth, color_type, rows, extra=b""):
    """A PNG by hand, for what Pillow doesn't write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    (FOLDER / name).write_bytes(content)


def gradient(width, height):
    """A smooth picture: red grows to the right, green downwards, blue is 128."""
    image = Image.new("RGB", (width, height))
    image.putdata([(255 * x // (width - 1), 255 * y // (height - 1), 128) for y in range(height) for x in range(width)])
    return image


def main():
    # Pixel (x, y) is (10 x + 1, 20 y + 2, 3).
    small = Image.new("RGB", (3, 2))
    small.putdata([(10 * x + 1, 20 * y + 2, 3) for y in range(2) for x in range(3)])
    small.save(FOLDER / "rgb_3x2.png")
    small.save(FOLDER / "rgb_3x2.bmp")
    small.save(FOLDER / "rgb_3x2.tga")
    small.save(FOLDER / "rgb_3x2_rle.tga", compression="tga_rle")
    small.save(FOLDER / "rgb_3x2.ppm")
    small.quantize(6).save(FOLDER / "palette_3x2.png")
    small.quantize(6).save(FOLDER / "palette_3x2.gif")
    small.convert("L").save(FOLDER / "gray_3x2.png")
    small.convert("L").save(FOLDER / "gray_3x2.tga")
    Image.merge("RGBA", (*small.split(), Image.new("L", (3, 2), 7))).save(FOLDER / "rgba_3x2.png")

    png("gray_alpha_2x1.png", 2, 1, 8, 4, [bytes([100, 0, 200, 255])])
    png("rgb16_2x1.png", 2, 1, 16, 2, [struct.pack(">6H", 0x01FF, 0x0280, 0x0300, 0xFFFF, 0x00FF, 0x8000)])
    png("gray16_2x1.png", 2, 1, 16, 0, [struct.pack(">2H", 0x12FF, 0xFE01)])
    png("bits1_3x1.png", 3, 1, 1, 0, [bytes([0b10100000])])
    png("huge_header.png", 15000, 15000, 8, 2, [b"\0"])

    frames = [Image.new("P", (4, 3), color) for color in (0, 1)]
    for frame in frames:
        frame.putpalette([255, 0, 0, 0, 0, 255] + [0] * 762)
    frames[0].save(FOLDER / "two_frames.gif", save_all=True, append_images=frames[1:], duration=100)

    picture = gradient(40, 24)
    picture.save(FOLDER / "baseline_40x24.jpg", quality=90)
    picture.save(FOLDER / "progressive_40x24.jpg", quality=90, progressive=True)
    picture.save(FOLDER / "restart_40x24.jpg", quality=90, restart_marker_blocks=1)
    picture.convert("L").save(FOLDER / "gray_40x24.jpg", quality=90)
    picture.convert("CMYK").save(FOLDER / "cmyk_40x24.jpg", quality=90)

    # All four inks: what of the gradient can be black is black ink. Stored inverted, as Adobe's programs do.
    inks = Image.new("CMYK", (40, 24))
    inverted = [tuple(255 - value for value in pixel) for pixel in picture.getdata()]
    inks.putdata([(c - min(c, m, y), m - min(c, m, y), y - min(c, m, y), min(c, m, y)) for c, m, y in inverted])
    inks.save(FOLDER / "cmyk_progressive_40x24.jpg", quality=95, progressive=True)
    # What Pillow itself makes of it.
    Image.open(FOLDER / "cmyk_progressive_40x24.jpg").convert("RGB").save(FOLDER / "cmyk_progressive_40x24.png")

    # The same picture with Exif blocks; the size of the stored picture stays 40 x 24.
    for orientation, order in ((6, "<"), (8, ">")):
        exif = Image.Exif()
        exif.endian = order
        exif[0x010F] = "camera"  # another tag before the orientation
        exif[0x0112] = orientation
        picture.save(FOLDER / f"orientation{orientation}_40x24.jpg", quality=90, exif=exif)


if __name__ == "__main__":
    main()
