#!/usr/bin/env python3
"""A network in ffr's weight format (kind "resnet29" or "nn4.small2") as an ONNX model with the same float32 weights.

    export_onnx.py WEIGHTS.ffr MODEL.onnx

The model takes float32 pixels 0..255, N x 3 x side x side, R, G, B, and gives N x 128 numbers. What ffr does to a pixel
first, (value - mean) / range, is folded into the first convolution, so that it costs a peer nothing.

Prints the number of multiply-adds a face. The layers are those of include/ffr/embed/resnet29.hpp and nn4_small2.hpp.
"""

import math
import pathlib
import struct
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TYPES = {1: "u1", 2: "i1", 3: "<u2", 4: "<i2", 5: "<i4", 6: "<f2", 7: "<f4", 8: "<f8"}
RESNET29_BLOCKS = ([(32, 1)] * 3 + [(64, 2)] + [(64, 1)] * 3 + [(128, 2)] + [(128, 1)] * 2 + [(256, 2)] +
                   [(256, 1)] * 2 + [(256, 2)])  # output maps, stride
NN4_SMALL2_MODULES = {"3a": ("max", 1), "3b": ("l2", 1), "3c": ("max", 2), "4a": ("l2", 1), "4e": ("max", 2),
                      "5a": ("l2", 1), "5b": ("max", 1)}  # pool, stride of the 3x3 and 5x5 filters


def read_weights(path):
    """Kind and tensors of a weight file, as docs/weight-format.md has them. Doesn't look at the checksum."""
    data = pathlib.Path(path).read_bytes()
    if data[:8] != b"\x89FFR\r\n\x1a\n":
        raise ValueError(f"{path}: isn't an ffr weight file")
    (count,) = struct.unpack_from("<I", data, 12)
    tensors = {}
    for entry in range(64, 64 + 112 * count, 112):
        kind, rank, *extents, offset = struct.unpack_from("<II4QQ", data, entry + 56)
        shape = extents[:rank]
        values = np.frombuffer(data, TYPES[kind], math.prod(shape), offset).reshape(shape)
        tensors[data[entry:entry + 56].rstrip(b"\0").decode()] = values.astype("f4") if kind == 6 else values
    return data[32:64].rstrip(b"\0").decode(), tensors


class Maps:
    """What flows between nodes: a name, and the shape without the batch."""

    def __init__(self, name, *shape):
        self.name, self.shape = name, shape


class Graph:
    """Nodes one after another, with the shapes worked out on the way."""

    def __init__(self, side):
        self.nodes, self.constants, self.multiply_adds = [], [], 0
        self.input = Maps("pixels", 3, side, side)

    def node(self, kind, inputs, shape, **attributes):
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [getattr(x, "name", x) for x in inputs], [name], name, **attributes))
        return Maps(name, *shape)

    def constant(self, values):
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def convolution(self, x, weights, bias, stride, padding):
        outputs, inputs, side, _ = weights.shape
        shape = (outputs, *((extent + 2 * padding - side) // stride + 1 for extent in x.shape[1:]))
        self.multiply_adds += math.prod(shape) * inputs * side * side
        return self.node("Conv", [x, self.constant(weights), self.constant(bias)], shape, kernel_shape=[side] * 2,
                         strides=[stride] * 2, pads=[padding] * 4)

    def relu(self, x):
        return self.node("Relu", [x], x.shape)

    def pool(self, kind, x, side, stride, padding=0):
        shape = (x.shape[0], *((extent + 2 * padding - side) // stride + 1 for extent in x.shape[1:]))
        more = {"count_include_pad": 1} if kind == "AveragePool" else {}
        return self.node(kind, [x], shape, kernel_shape=[side] * 2, strides=[stride] * 2, pads=[padding] * 4, **more)

    def l2_pool(self, x, side, stride, padding):
        """The root of the sum of squares, of the four parts that Torch makes it of."""
        mean = self.pool("AveragePool", self.node("Mul", [x, x], x.shape), side, stride, padding)
        total = self.node("Mul", [mean, self.constant(np.float32(side * side))], mean.shape)
        return self.node("Sqrt", [total], mean.shape)

    def pad(self, x, shape, before=(0, 0, 0)):
        """Zeros around x up to `shape`, of which `before` in front."""
        if tuple(shape) == tuple(x.shape):
            return x
        after = [wanted - extent - front for wanted, extent, front in zip(shape, x.shape, before)]
        pads = self.constant(np.array([0, *before, 0, *after], np.int64))
        return self.node("Pad", [x, pads], shape, mode="constant")

    def add(self, a, b):
        """Both start at channel 0, row 0, column 0; what one doesn't have counts as 0."""
        shape = tuple(map(max, a.shape, b.shape))
        return self.node("Add", [self.pad(a, shape), self.pad(b, shape)], shape)

    def concatenate(self, branches):
        """Smaller maps lie in the middle of zeros."""
        size = [max(branch.shape[i] for branch in branches) for i in (1, 2)]
        padded = [self.pad(x, (x.shape[0], *size), (0, (size[0] - x.shape[1]) // 2, (size[1] - x.shape[2]) // 2))
                  for x in branches]
        return self.node("Concat", padded, (sum(x.shape[0] for x in branches), *size), axis=1)

    def across_channels(self, x):
        """x / (1 + 1e-4 / 5 * sum of x^2 over 5 maps) ^ 0.75. The sum is a convolution and the power two roots: the
        operator LRN takes 3 ms of ONNX Runtime, more than all convolutions."""
        maps = x.shape[0]
        near = np.abs(np.subtract.outer(np.arange(maps), np.arange(maps))) <= 2
        weights = np.where(near, np.float32(1e-4 / 5), np.float32(0)).reshape(maps, maps, 1, 1)
        squares = self.node("Mul", [x, x], x.shape)
        energy = self.node("Conv", [squares, self.constant(weights), self.constant(np.ones(maps, "f4"))], x.shape,
                           kernel_shape=[1, 1])
        root = self.node("Sqrt", [energy], x.shape)
        damping = self.node("Mul", [root, self.node("Sqrt", [root], x.shape)], x.shape)
        return self.node("Div", [x, damping], x.shape)

    def global_mean_and_connection(self, x, weights, bias):
        means = self.node("Flatten", [self.node("GlobalAveragePool", [x], (x.shape[0], 1, 1))], x.shape[:1], axis=1)
        self.multiply_adds += weights.size
        return self.node("Gemm", [means, self.constant(weights), self.constant(bias)], (len(bias),), transB=1)

    def unit_length(self, x):
        length = self.node("ReduceL2", [x], (1,), axes=[1], keepdims=1)
        return self.node("Div", [x, length], x.shape)

    def model(self, output):
        self.nodes[-1].output[0] = "embedding"
        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *maps.shape])
                  for name, maps in (("pixels", self.input), ("embedding", output))]
        graph = helper.make_graph(self.nodes, "ffr", values[:1], values[1:], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model


def on_pixels(weights, bias, mean, scale):
    """A convolution that does the same to pixels as the given one to (pixel - mean) * scale. Where there's a border of
    zeros, mean has to be 0."""
    weights = weights.astype("f8") * scale
    bias = bias - np.einsum("oiyx,i->o", weights, mean)
    return weights.astype("f4"), bias.astype("f4")


def resnet29(tensors):
    graph, at = Graph(150), 0

    def convolution(x, stride, padding):
        nonlocal at
        at += 1
        weights, bias = (tensors[f"conv{at:02}/{part}"] for part in ("weights", "bias"))
        if at == 1:
            weights, bias = on_pixels(weights, bias, tensors["pixel_mean"], 1 / 256)
        return graph.convolution(x, weights, bias, stride, padding)

    x = graph.pool("MaxPool", graph.relu(convolution(graph.input, 2, 0)), 3, 2)
    for _, stride in RESNET29_BLOCKS:
        y = convolution(graph.relu(convolution(x, stride, 1 if stride == 1 else 0)), 1, 1)
        x = graph.relu(graph.add(y, graph.pool("AveragePool", x, 2, 2) if stride == 2 else x))
    weights = tensors["projection/weights"]
    return graph, graph.global_mean_and_connection(x, weights, np.zeros(len(weights), "f4"))


def nn4_small2(tensors):
    graph = Graph(96)

    def unit(x, name, stride=1):
        weights, bias = tensors[name + "/weights"], tensors[name + "/bias"]
        if name == "conv1":
            weights, bias = on_pixels(weights, bias, np.zeros(3), 1 / 255)
        return graph.relu(graph.convolution(x, weights, bias, stride, weights.shape[2] // 2))

    def inception(x, name, pool, stride):
        branches = [unit(unit(x, f"{name}/{side}_reduce"), f"{name}/{side}", stride)
                    for side in ("3x3", "5x5") if f"{name}/{side}/weights" in tensors]
        window = [int(value) for value in tensors[name + "/pool/window"]]
        pooled = graph.l2_pool(x, *window) if pool == "l2" else graph.pool("MaxPool", x, *window)
        branches.append(unit(pooled, name + "/pool") if name + "/pool/weights" in tensors else pooled)
        if name + "/1x1/weights" in tensors:
            branches.append(unit(x, name + "/1x1"))
        return graph.concatenate(branches)

    x = graph.across_channels(graph.pool("MaxPool", unit(graph.input, "conv1", 2), 3, 2, 1))
    x = graph.across_channels(unit(unit(x, "conv2"), "conv3"))
    x = graph.pool("MaxPool", x, 3, 2, 1)
    for name, (pool, stride) in NN4_SMALL2_MODULES.items():
        x = inception(x, name, pool, stride)
    x = graph.global_mean_and_connection(x, tensors["linear/weights"], tensors["linear/bias"])
    return graph, graph.unit_length(x)


def main():
    weights, target = sys.argv[1:]
    kind, tensors = read_weights(weights)
    graph, output = {"resnet29": resnet29, "nn4.small2": nn4_small2}[kind](tensors)
    onnx.save(graph.model(output), target)
    print(graph.multiply_adds)


if __name__ == "__main__":
    main()
