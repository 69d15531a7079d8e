#!/usr/bin/env python3
"""The CNN detector's network in PyTorch. Commands: worker.hpp.

    torch_cnn_peer.py MMOD.ffr PHOTOS_FOLDER

The task is `mmod PHOTO`: the pyramid on its canvas and the network, but no boxes are made of the scores. The answer is a row
of one number, the best score.
"""

import pathlib
import sys

import cv2
import numpy as np
import torch
from torch.nn import functional

from export_onnx import read_weights
from worker import serve

GAP, BORDER, LEAST_HEIGHT = 10, 11, 5  # of include/ffr/detect/mmod_pyramid.hpp
STRIDES_AND_PADDINGS = [(2, 0)] * 3 + [(1, 2)] * 3 + [(1, 4)]  # of kMmodLayers in include/ffr/detect/mmod_network.hpp


def levels(picture):
    """A picture, 1 x 3 x height x width, and its smaller versions."""
    all_levels = [picture]
    while True:
        height, width = (extent * 5 // 6 for extent in all_levels[-1].shape[2:])
        if width == 0 or height < LEAST_HEIGHT:
            return all_levels
        all_levels.append(functional.interpolate(all_levels[-1], (height, width), mode="bilinear", align_corners=True))


def draw_canvas(picture):
    """The levels down the left side, and up the right one."""
    all_levels = levels(picture)
    heights = [level.shape[2] for level in all_levels]
    width = picture.shape[3]
    total, down, above, count = sum(heights) + GAP * (len(heights) - 2), 0, 0, 0
    for level in all_levels:
        if level.shape[3] <= width - above - GAP and 2 * (down - heights[0]) >= total - heights[0]:
            break
        down, above, count = down + level.shape[2] + GAP, level.shape[3], count + 1
    down -= GAP
    canvas = torch.zeros(1, 3, down + 2 * BORDER, width + 2 * BORDER)
    y = BORDER
    for level in all_levels[:count]:
        canvas[:, :, y:y + level.shape[2], BORDER:BORDER + level.shape[3]] = level
        y += level.shape[2] + GAP
    y -= GAP
    for level in all_levels[count:]:
        top, left = y - level.shape[2], BORDER + width - level.shape[3]
        if top < BORDER + heights[0] and left < BORDER + width:
            break
        canvas[:, :, top:y, left:left + level.shape[3]] = level
        y = top - GAP
    return canvas


class Network:
    def __init__(self, weights, photos):
        kind, self.tensors = read_weights(weights)
        assert kind == "mmod", kind
        self.photos = pathlib.Path(photos)
        self.layers = [tuple(torch.tensor(self.tensors[f"conv{i}/{part}"]) for part in ("weights", "bias"))
                       for i in range(1, 8)]

        self.mean = torch.tensor(self.tensors["pixel_mean"]).reshape(1, 3, 1, 1)

    def scores(self, pixels):
        with torch.inference_mode():
            x = draw_canvas((pixels - self.mean) / 256)
            for i, ((weights, bias), (stride, padding)) in enumerate(zip(self.layers, STRIDES_AND_PADDINGS)):
                x = functional.conv2d(x, weights, bias, stride, padding)
                if i < 6:
                    functional.relu_(x)
        return x

    def find_task(self, stage, photo):
        assert stage == "mmod", stage
        photo = cv2.imread(str(self.photos / f"{photo}.ppm"))[..., ::-1]
        pixels = torch.tensor(np.ascontiguousarray(photo.transpose(2, 0, 1)[None]))
        return lambda: self.scores(pixels), lambda: [[self.scores(pixels).max()]]


if __name__ == "__main__":
    torch.set_num_threads(1)
    serve("torch", "oneDNN", Network(*sys.argv[1:]).find_task)
