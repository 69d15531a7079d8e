#!/usr/bin/env python3
"""Makes tests/golden/data/: what dlib says about tests/golden/images/, stage by stage, for the tests beside this file.

    python tests/golden/make_golden.py [--compiler g++] [--dlib-include FOLDER]

Needs the packages of REFERENCES below in just these versions (dlib as the wheel dlib-bin: compiled with AVX) and a C++
compiler with the headers of dlib 19.24 (Debian's libdlib-dev) for the stages that dlib's Python package doesn't offer.
The models come from the installed face_recognition_models. README.md tells what each file holds.
"""

import argparse
import hashlib
import importlib.util
import itertools
import pathlib
import subprocess
import tempfile

import dlib
import numpy as np

from pictures import DATA, HERE, check_versions, hash_of, shortest, variants, write

REFERENCES = {"dlib-bin": "20.0.1", "face_recognition_models": "0.3.0", "numpy": "2.4.6", "pillow": "13.0.0"}
DLIB_HEADERS = ("19", "24")

WINDOW_STAGES = ((0, 0.0), (0, -0.5), (1, 0.0), (1, -0.5))  # upsample, threshold
CHIP_SIZES = (150, 96, 40)  # the last two halve the image first, once or more
HOG_CROPS = (  # image, left, top, width, height: widths leave 2, 6 and 3 columns to the one-at-a-time part
    ("portrait", 80, 40, 180, 164),
    ("odd_size", 101, 97, 131, 173),
    ("posterised", 96, 120, 197, 96),
)
RANDOM_BOX_IMAGES = (("portrait", False), ("crowd", True), ("noisy", False), ("gray", True))
RANDOM_BOXES_EACH = 10


def synthetic(gray):
    """64 rows x 83 columns by formula; gray is its red channel."""
    y, x = np.mgrid[0:64, 0:83]
    planes = (7 * x + 13 * y + 3 * x * y, x * x + 5 * y, 11 * x + y * y)
    rgb = (np.stack(planes, -1) % 256).astype(np.uint8)
    return np.ascontiguousarray(rgb[..., 0]) if gray else rgb


class DlibStages:
    """reference/dlib_stages.cpp, compiled and at hand."""

    def __init__(self, folder, compiler, include):
        version = (pathlib.Path(include) / "dlib/revision.h").read_text()
        for name, wanted in zip(("MAJOR", "MINOR"), DLIB_HEADERS):
            if f"#define DLIB_{name}_VERSION  {wanted}\n" not in version:
                raise SystemExit(f"{include}: the headers aren't those of dlib {'.'.join(DLIB_HEADERS)}")
        self.program = pathlib.Path(folder) / "dlib_stages"
        # -ffp-contract=off: fused multiply-adds would change pixels; -mavx: as the wheel is compiled.
        subprocess.run([compiler, "-std=c++17", "-O2", "-mavx", "-ffp-contract=off", f"-I{include}",
                        HERE / "reference/dlib_stages.cpp", "-o", self.program, "-lpthread"], check=True)

    def run(self, stage, pixels):
        channels = 3 if pixels.ndim == 3 else 1
        header = f"{pixels.shape[1]} {pixels.shape[0]} {channels}\n".encode()
        return subprocess.run([self.program, stage], input=header + pixels.tobytes(), capture_output=True,
                              check=True).stdout

    def image(self, stage, pixels):
        header, data = self.run(stage, pixels).split(b"\n", 1)
        width, height, channels = map(int, header.split())
        result = np.frombuffer(data, np.uint8).reshape((height, width) if channels == 1 else (height, width, 3))
        # The wheel has the bare resize: two versions of dlib have to agree.
        assert np.array_equal(result, dlib.resize_image(pixels, height, width))
        return result

    def hog(self, pixels):
        header, data = self.run("hog", pixels).split(b"\n", 1)
        rows, columns = map(int, header.split())
        return np.frombuffer(data, "<f4").reshape(31 if rows else 0, rows, columns)

    def levels(self, pixels):
        return int(self.run("levels", pixels))


def described(pixels):
    return {"width": pixels.shape[1], "height": pixels.shape[0], "xxh64": hash_of(pixels)}


def pyramid_record(stages, pixels):
    count = stages.levels(pixels)
    levels, level = [], pixels
    for index in range(1, count):
        level = stages.image("down", level)
        if index <= 3 or index == count - 1:
            levels.append({"level": index, **described(level)})
    return {"level_count": count, "levels": levels, "upsampled": described(stages.image("up", pixels))}


def make_pyramid(stages):
    records = [{"image": name, "gray": gray, **pyramid_record(stages, pixels)} for name, gray, pixels in variants()]
    for gray in (False, True):
        records.append({"image": "", "gray": gray, "down": described(stages.image("down", synthetic(gray))),
                        **pyramid_record(stages, synthetic(gray))})
    return records


def make_hog(stages):
    images = {(name, gray): pixels for name, gray, pixels in variants()}
    records, values = [], bytearray()
    crops = [(name, gray, box) for name, *box in HOG_CROPS for gray in (False, True)]
    for name, gray, box in crops + [("", False, None), ("", True, None)]:
        if name:
            left, top, width, height = box
            pixels = np.ascontiguousarray(images[name, gray][top:top + height, left:left + width])
            assert pixels.shape[:2] == (height, width)
        else:
            pixels, box = synthetic(gray), [0, 0, 83, 64]
        planes = stages.hog(pixels)
        records.append({"image": name, "gray": gray, "left": box[0], "top": box[1], "width": box[2], "height": box[3],
                        "rows": planes.shape[1], "columns": planes.shape[2], "first_value": len(values) // 4})
        values += planes.tobytes()
    (DATA / "hog.bin").write_bytes(values)
    return records


def detections_of(detector, pixels, upsample, threshold):
    boxes, scores, views = detector.run(pixels, upsample, threshold)
    return [{"box": edges(box), "score": score, "view": int(view)} for box, score, view in zip(boxes, scores, views)]


def edges(box):
    return [box.left(), box.top(), box.right(), box.bottom()]


def make_detections(detector):
    return [{"image": name, "gray": gray, "upsample": upsample, "threshold": threshold,
             "detections": detections_of(detector, pixels, upsample, threshold)}
            for name, gray, pixels in variants() for upsample, threshold in WINDOW_STAGES]


def points_of(predictor, pixels, box):
    shape = predictor(pixels, dlib.rectangle(*box))
    return [[p.x, p.y] for p in shape.parts()]


def random_boxes():
    """Boxes anywhere within and around a picture, most of them partly, some wholly outside."""
    generator = np.random.default_rng(20)
    for name, gray in RANDOM_BOX_IMAGES:
        for _ in range(RANDOM_BOXES_EACH):
            left, top = generator.integers(-250, 550, 2)
            width, height = generator.integers(1, 350, 2)
            yield name, gray, [int(left), int(top), int(left + width - 1), int(top + height - 1)]


def make_landmarks(predictors, detections):
    images = {(name, gray): pixels for name, gray, pixels in variants()}
    places = [(record["image"], record["gray"], found["box"]) for record in detections
              for found in record["detections"]]
    unique = [place for place, _ in itertools.groupby(sorted(places))]
    records = []
    for kind, group in (("detection", unique), ("random", random_boxes())):
        for name, gray, box in group:
            points = {f"points{count}": points_of(predictor, images[name, gray], box)
                      for count, predictor in predictors.items()}
            records.append({"image": name, "gray": gray, "kind": kind, "box": box, **points})
    return records


def chip_depth(rect, size):
    """How often dlib halves the image before it samples the chip."""
    l, t, r, b = rect
    depth = -1
    while True:
        depth += 1
        l, t, r, b = l / 2 - 1.25, t / 2 - 0.75, r / 2 - 1.25, b / 2 - 0.75
        if (r - l + 1) * (b - t + 1) <= size * size:
            return depth


def chip_record(pixels, shape, size):
    details = dlib.get_face_chip_details(shape, size, 0.25)
    rect = [details.rect.left(), details.rect.top(), details.rect.right(), details.rect.bottom()]
    return {"size": size, "box": rect, "angle": details.angle, "halvings": chip_depth(rect, size),
            "xxh64": hash_of(dlib.get_face_chip(pixels, shape, size, 0.25))}


def embedding_of(network, pixels, shape):
    chip = dlib.get_face_chip(pixels, shape, 150, 0.25)
    if chip.ndim == 2:
        chip = np.stack([chip] * 3, -1)
    vector = np.array(network.compute_face_descriptor(chip))
    if pixels.ndim == 3:  # the way from the whole image has to be the same
        assert np.array_equal(vector, np.array(network.compute_face_descriptor(pixels, shape)))
    assert np.array_equal(vector, vector.astype(np.float32))
    return shortest(vector)


def make_faces(detector, predictors, network):
    """All faces that are found as the picture stands, or once doubled where none is."""
    records = []
    for name, gray, pixels in variants():
        for upsample in (0, 1):
            found = detections_of(detector, pixels, upsample, 0.0)
            if found:
                break
        for index, detection in enumerate(found):
            record = {"image": name, "gray": gray, "upsample": upsample, "index": index, **detection}
            for count, predictor in predictors.items():
                shape = predictor(pixels, dlib.rectangle(*detection["box"]))
                record[f"aligned_by_{count}"] = {
                    "points": [[p.x, p.y] for p in shape.parts()],
                    "chips": [chip_record(pixels, shape, size) for size in CHIP_SIZES],
                    "embedding": embedding_of(network, pixels, shape),
                }
            records.append(record)
    return records


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--dlib-include", default="/usr/include", help="folder with the headers of dlib 19.24")
    arguments = parser.parse_args()
    check_versions(REFERENCES)
    DATA.mkdir(exist_ok=True)

    package = pathlib.Path(importlib.util.find_spec("face_recognition_models").submodule_search_locations[0])
    models = {count: package / "models" / name for count, name in (
        (5, "shape_predictor_5_face_landmarks.dat"), (68, "shape_predictor_68_face_landmarks.dat"))}
    network_path = package / "models/dlib_face_recognition_resnet_model_v1.dat"
    detector = dlib.get_frontal_face_detector()
    predictors = {count: dlib.shape_predictor(str(path)) for count, path in models.items()}
    network = dlib.face_recognition_model_v1(str(network_path))

    def sha256(path):
        return hashlib.sha256(path.read_bytes()).hexdigest()

    wheel = {name: REFERENCES[name] for name in ("dlib-bin", "numpy", "pillow")}
    headers = {**wheel, "dlib headers": ".".join(DLIB_HEADERS), "compiled with": "-O2 -mavx -ffp-contract=off"}
    landmark_models = {path.name: sha256(path) for path in models.values()}
    all_models = {**landmark_models, network_path.name: sha256(network_path)}
    with_landmarks = {**wheel, "face_recognition_models": REFERENCES["face_recognition_models"], **landmark_models}

    with tempfile.TemporaryDirectory() as folder:
        stages = DlibStages(folder, arguments.compiler, arguments.dlib_include)
        write("pyramid.json", "make_golden.py", "5/6 levels and the 2x step: sizes and XXH64 of pixels", headers, make_pyramid(stages))
        write("hog.json", "make_golden.py", "31 HOG planes as little-endian float32 in hog.bin", headers, make_hog(stages))
    detections = make_detections(detector)
    write("detections.json", "make_golden.py", "frontal faces", wheel, detections)
    write("landmarks.json", "make_golden.py", "5 and 68 points on given boxes", with_landmarks, make_landmarks(predictors, detections))
    write("faces.json", "make_golden.py", "detection, landmarks, chips and embedding of each face", {**with_landmarks, **all_models},
          make_faces(detector, predictors, network))


if __name__ == "__main__":
    main()
