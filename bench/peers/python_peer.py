#!/usr/bin/env python3
"""The peers that are Python packages, as workers that obey the commands of worker.hpp.

    python_peer.py onnxruntime|opencv|dlib MODEL FACES SIDE [THREADS]

MODEL is an ONNX file, for OpenCV also one of Torch, for dlib its .dat. ONNX Runtime and OpenCV take floats: they get them
ready-made, and what making them costs isn't timed. dlib's package takes bytes.
"""

import sys

import numpy as np

from worker import serve


def planes(faces):
    """float32 [N, 3, side, side], as the ONNX models take them."""
    return np.ascontiguousarray(faces.transpose(0, 3, 1, 2).astype(np.float32))


class OnnxRuntime:
    package, how, prepare = "onnxruntime", "ONNX", staticmethod(planes)

    def __init__(self, model, threads):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        # Its threads sleep when it's done, so that they don't disturb who is measured next.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def embed(self, pixels):
        return self.session.run(None, {"pixels": pixels})[0]


class OpenCV:
    package = "opencv-python-headless"

    def __init__(self, model, threads):
        import cv2
        cv2.setNumThreads(threads)
        is_torch = model.endswith(".t7")
        self.how = "Torch's file" if is_torch else "ONNX"
        self.range = np.float32(255 if is_torch else 1)
        self.network = cv2.dnn.readNetFromTorch(model) if is_torch else cv2.dnn.readNetFromONNX(model)

    def prepare(self, faces):
        return planes(faces) / self.range

    def embed(self, pixels):
        self.network.setInput(pixels)
        return self.network.forward()


class Dlib:
    package, how, prepare = "dlib-bin", "wheel", staticmethod(list)

    def __init__(self, model, threads):
        import dlib
        self.model = dlib.face_recognition_model_v1(model)

    def embed(self, faces):
        if len(faces) == 1:
            return [self.model.compute_face_descriptor(faces[0])]
        return self.model.compute_face_descriptor(faces)


def main():
    kind, model, path, side, threads = [*sys.argv[1:], "1"][:5]
    peer = {"onnxruntime": OnnxRuntime, "opencv": OpenCV, "dlib": Dlib}[kind](model, int(threads))
    faces = np.fromfile(path, np.uint8).reshape(-1, int(side), int(side), 3)

    def find_task(batch):
        batch = int(batch)
        pixels = peer.prepare(faces[:batch])

        def answer():
            parts = [peer.embed(peer.prepare(faces[i:i + batch])) for i in range(0, len(faces), batch)]
            return [numbers for part in parts for numbers in part]

        return lambda: peer.embed(pixels), answer

    serve(peer.package, peer.how, find_task)


if __name__ == "__main__":
    main()
