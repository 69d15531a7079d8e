"""Makes what run.py needs in a build folder: Python packages, C++ workers, models and faces. What takes long is made once.

    venv/            the packages of requirements.txt
    cmake/           the C++ workers
    ffr/             the programs ffr and convert_weights, if run.py wasn't told where they are
    resnet29.*       dlib's network: its own .dat file, converted to ours (float32), exported to ONNX
    nn4_small2.*     a network of nn4.small2's shape with seeded weights: Torch's file, converted to ours, exported to ONNX
    *.faces          16 faces, bytes: those of photos/, and some of them mirrored
"""

import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
FACES = 16

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
                    targets=("ffr_program", "convert_weights"))
    return ffr, ffr.parent / "convert_weights"


def prepare(build, ffr=None):
    """Everything; the venv's Python, and of each network the number of multiply-adds a face."""
    build.mkdir(parents=True, exist_ok=True)
    python = python_packages(build)
    cmake_build(HERE, build / "cmake")
    ffr, convert_weights = programs(build, ffr)

    resnet29, nn4 = build / "resnet29", build / "nn4_small2"
    shutil.copyfile(pathlib.Path(run(python, "-c", MODELS_FOLDER).strip()) / "dlib_face_recognition_resnet_model_v1.dat",
                    f"{resnet29}.dat")
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
