"""What the makers of golden data share: the pictures, their hashes, and the form of a data file."""

import importlib.metadata
import json
import pathlib

import numpy as np
import xxhash
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
IMAGES = HERE / "images"
DATA = HERE / "data"


def check_versions(references):
    for package, version in references.items():
        found = importlib.metadata.version(package)
        if found != version:
            raise SystemExit(f"{package} is {found}; the golden data are made with {version}")


def hash_of(array):
    return xxhash.xxh64_hexdigest(np.ascontiguousarray(array).tobytes(), seed=0)


def to_gray(rgb):
    """Rec. 601 luma in integers, halves upwards: what the tests can repeat exactly."""
    wide = rgb.astype(np.uint32)
    return ((299 * wide[..., 0] + 587 * wide[..., 1] + 114 * wide[..., 2] + 500) // 1000).astype(np.uint8)


def variants():
    """Each image as (name, gray, pixels): in colour where it has any, and in gray."""
    for path in sorted(IMAGES.glob("*.png")):
        pixels = np.asarray(Image.open(path))
        if pixels.ndim == 3:
            yield path.stem, False, pixels
            yield path.stem, True, to_gray(pixels)
        else:
            yield path.stem, True, pixels


def shortest(values):
    """float32 numbers as the shortest decimals that give the same floats."""
    return [float(str(value)) for value in np.asarray(values, np.float32).ravel()]


def write(name, made_by, about, references, records):
    """One record a line, so that a difference can be read."""
    def line(value):
        return json.dumps(value, separators=(",", ":"))

    head = {"about": about, "made_by": f"tests/golden/{made_by}", "references": references}
    body = ",\n".join(line(record) for record in records)
    text = line(head)[:-1] + ',\n"records":[\n' + body + "\n]}\n"
    json.loads(text)
    DATA.mkdir(exist_ok=True)
    (DATA / name).write_text(text)
    print(f"{name}: {len(records)} records, {len(text)} bytes")
