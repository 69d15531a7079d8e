#!/usr/bin/env python3
"""Makes data/openface_faces.json and data/nn4_small2.json: what OpenCV says about OpenFace's alignment and network.

    python tests/golden/make_openface_golden.py

Needs the packages of REFERENCES in just these versions: OpenCV 5 warps in floating point and has no reader for Torch's
files. Landmarks are those of dlib in data/faces.json, which make_golden.py makes.

    openface_faces.json   for each face in faces.json: XXH64 of the face that getAffineTransform and warpAffine make, by
                          both of OpenFace's sets of landmarks, at 96 and 150 pixels
    nn4_small2.json       for the two networks that make_t7.py writes, read by readNetFromTorch: the 128 numbers of each
                          face in colour and of noise; and of one face what comes out of each stage, some values of it
"""

import json
import tempfile

import cv2
import numpy as np

import make_t7
from pictures import DATA, check_versions, hash_of, shortest, variants, write

REFERENCES = {"opencv-python-headless": "4.10.0.84", "numpy": "2.4.6", "pillow": "13.0.0"}
SIZES = (96, 150)
ALIGNMENTS = {  # landmarks of 68, and where OpenFace's mean face has them in the unit square
    "outerEyesAndNose": ((36, 45, 33), ((0.194157, 0.16926692), (0.7888591, 0.15817115), (0.4949509, 0.5144414))),
    "innerEyesAndBottomLip": ((39, 42, 57), ((0.36378494, 0.17794687), (0.6189632, 0.17277813),
                                             (0.50020397, 0.7505844))),
}
SEEDS = {"published": 1, "defined": 2}
STAGES = {"conv1": "l3_ReLU", "pool1": "l5_LRN", "conv2": "l8_ReLU", "conv3": "l11_ReLU", "pool3": "l13_Pooling",
          "3a": "l33_torchMerge", "3b": "l56_torchMerge", "3c": "l70_torchMerge", "4a": "l93_torchMerge",
          "4e": "l107_torchMerge", "5a": "l124_torchMerge", "5b": "l138_torchMerge"}
VALUES_A_STAGE = 500


def align(pixels, points, alignment, size):
    indices, targets = ALIGNMENTS[alignment]
    landmarks = np.array(points, np.float32)[list(indices)]
    matrix = cv2.getAffineTransform(landmarks, np.float32(size) * np.array(targets, np.float32))
    return cv2.warpAffine(pixels, matrix, (size, size))


def noise(seed):
    """96 x 96 pixels from the linear congruential generator of tests/unit/noise.hpp."""
    values = bytearray()
    for _ in range(96 * 96 * 3):
        seed = (seed * 1664525 + 1013904223) % 2**32
        values.append(seed >> 24)
    return np.frombuffer(values, np.uint8).reshape(96, 96, 3)


def blob(face):
    return np.ascontiguousarray(face.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255))


def stage_record(variant, stage, values):
    flat = values.ravel()
    step = max(len(flat) // VALUES_A_STAGE, 1) | 1  # odd: meets every row and column in time
    return {"variant": variant, "seed": SEEDS[variant], "stage": stage, "shape": list(values.shape[1:]), "step": step,
            "values": shortest(flat[::step])}


def make_network_records(faces):
    records = []
    for variant, seed in SEEDS.items():
        with tempfile.NamedTemporaryFile(suffix=".t7") as file:
            file.write(make_t7.t7(seed, variant))
            file.flush()
            network = cv2.dnn.readNetFromTorch(file.name)
        for key, face in faces:
            network.setInput(blob(face))
            records.append({"variant": variant, "seed": seed, **key, "embedding": shortest(network.forward())})
        network.setInput(blob(faces[0][1]))
        outputs = network.forward(list(STAGES.values()))
        records += [stage_record(variant, stage, values) for stage, values in zip(STAGES, outputs)]
    return records


def main():
    check_versions(REFERENCES)
    images = {(name, gray): pixels for name, gray, pixels in variants()}
    warps, faces = [], []
    for record in json.loads((DATA / "faces.json").read_text())["records"]:
        key = {name: record[name] for name in ("image", "gray", "index")}
        pixels, points = images[record["image"], record["gray"]], record["aligned_by_68"]["points"]
        warps.append({**key, "points": points, "warps": [
            {"landmarks": alignment, "size": size, "xxh64": hash_of(align(pixels, points, alignment, size))}
            for alignment in ALIGNMENTS for size in SIZES]})
        if not record["gray"]:
            faces.append((key, align(pixels, points, "outerEyesAndNose", 96)))
    faces.append(({"noise": 1}, noise(1)))
    write("openface_faces.json", "make_openface_golden.py", "faces aligned as OpenFace does it", REFERENCES, warps)
    write("nn4_small2.json", "make_openface_golden.py", "nn4.small2 with seeded weights: embeddings and stages",
          REFERENCES, make_network_records(faces))


if __name__ == "__main__":
    main()
