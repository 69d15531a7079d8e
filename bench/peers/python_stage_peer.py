#!/usr/bin/env python3
"""A photo's way by dlib's Python package. Commands: worker.hpp, tasks: those of ffr_stage_peer.cpp.

    python_stage_peer.py MODELS_FOLDER PHOTOS_FOLDER
"""

import functools
import pathlib
import sys

import cv2
import dlib
import numpy as np

from worker import serve


class Dlib:
    """The stages. What a task needs is loaded with the first that needs it."""

    def __init__(self, models, photos):
        self.models, self.photos = pathlib.Path(models), pathlib.Path(photos)
        self.detector = dlib.get_frontal_face_detector()

    @functools.cache
    def predictor(self, points):
        return dlib.shape_predictor(str(self.models / f"shape_predictor_{points}_face_landmarks.dat"))

    @functools.cached_property
    def network(self):
        return dlib.face_recognition_model_v1(str(self.models / "dlib_face_recognition_resnet_model_v1.dat"))

    @functools.cached_property
    def cnn_detector(self):
        return dlib.cnn_face_detection_model_v1(str(self.models / "mmod_human_face_detector.dat"))

    def detect_by_cnn(self, photo):
        return self.cnn_detector(photo, 0)

    def detect(self, photo):
        return self.detector.run(photo, 0, 0.0)

    def landmarks(self, photo, box, points=68):
        return self.predictor(points)(photo, box)

    def chip(self, photo, landmarks):
        return dlib.get_face_chip(photo, landmarks, 150, 0.25)

    def embed(self, chips):
        return self.network.compute_face_descriptor(chips)

    def all(self, photo):
        return self.embed([self.chip(photo, self.landmarks(photo, box)) for box in self.detect(photo)[0]])

    def find_task(self, stage, name):
        photo = np.ascontiguousarray(cv2.imread(str(self.photos / f"{name}.ppm"))[..., ::-1])
        if stage == "detect":
            return task(lambda: self.detect(photo), detection_rows)
        if stage == "mmod":
            return task(lambda: self.detect_by_cnn(photo), cnn_detection_rows)
        if stage == "all":
            return task(lambda: self.all(photo), list)
        boxes = self.detect(photo)[0]
        if stage.startswith("landmarks"):
            points = int(stage.removeprefix("landmarks"))
            return task(lambda: [self.landmarks(photo, box, points) for box in boxes], landmark_rows)
        landmarks = self.landmarks(photo, boxes[0])
        if stage == "chip":
            return task(lambda: self.chip(photo, landmarks), lambda chip: [chip.ravel()])
        chips = [self.chip(photo, landmarks)]
        return task(lambda: self.embed(chips), list)


def task(work, rows):
    return work, lambda: rows(work())


def detection_rows(detections):
    return [[box.left(), box.top(), box.right(), box.bottom(), score, filter]
            for box, score, filter in zip(*detections, strict=True)]


def cnn_detection_rows(detections):
    return [[d.rect.left(), d.rect.top(), d.rect.right(), d.rect.bottom(), d.confidence, 0] for d in detections]


def landmark_rows(faces):
    return [[number for point in landmarks.parts() for number in (point.x, point.y)] for landmarks in faces]


if __name__ == "__main__":
    serve("dlib-bin", "wheel", Dlib(*sys.argv[1:]).find_task)
