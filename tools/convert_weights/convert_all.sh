#!/usr/bin/env bash
# Converts all of dlib's files that ffr uses, with their origin and licence written into the results.
#
#   bash tools/convert_weights/convert_all.sh ORIGINALS OUTPUT exact|shipped
#
# ORIGINALS holds the five files that scripts/exact_weights.sh fetches. "exact" keeps every value; "shipped" writes what
# weights/ holds in the repository: the 68-point model and the network in their compact codings.
set -euo pipefail
originals=$1 output=$2 coding=$3
convert=${CONVERT_WEIGHTS:-build/bin/convert_weights}
compact=()
[ "$coding" = shipped ] && compact=(--compact)
mkdir -p "$output"

"$convert" hog "$originals/frontal_face_detector.svm" "$output/hog_frontal.ffr" \
  --origin "dlib's frontal face detector (dlib/image_processing/frontal_face_detector.h), trained by Davis King on faces \
from Labeled Faces in the Wild; saved by dlib-bin 20.0.1" \
  --license "Boost Software License 1.0"
"$convert" landmarks "$originals/shape_predictor_5_face_landmarks.dat" "$output/landmarks5.ffr" \
  --origin "shape_predictor_5_face_landmarks.dat by Davis King (dlib-models), trained on 7198 faces that he annotated \
himself; from PyPI's face-recognition-models 0.3.0" \
  --license "CC0 1.0 (public domain)"
"$convert" landmarks "${compact[@]}" "$originals/shape_predictor_68_face_landmarks.dat" "$output/landmarks68.ffr" \
  --origin "shape_predictor_68_face_landmarks.dat by Davis King (dlib-models), trained on the iBUG 300-W dataset; from \
PyPI's face-recognition-models 0.3.0" \
  --license "NOT FOR COMMERCIAL USE: the licence of the iBUG 300-W dataset, which it was trained on, excludes that. Use \
the 5-point model, or ask Imperial College London"
"$convert" resnet29 "${compact[@]}" "$originals/dlib_face_recognition_resnet_model_v1.dat" "$output/resnet29.ffr" \
  --origin "dlib_face_recognition_resnet_model_v1.dat by Davis King (dlib-models), trained on about 3 million faces of \
7485 people; from PyPI's face-recognition-models 0.3.0" \
  --license "CC0 1.0 (public domain)"
"$convert" mmod "$originals/mmod_human_face_detector.dat" "$output/mmod.ffr" \
  --origin "mmod_human_face_detector.dat by Davis King (dlib-models), trained on faces that he annotated in images of \
public datasets; from PyPI's face-recognition-models 0.3.0" \
  --license "CC0 1.0 (public domain)"
