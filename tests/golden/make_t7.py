#!/usr/bin/env python3
"""Writes a full-size nn4.small2 network with seeded weights as a Torch7 file (.t7). Python's standard library only.

    make_t7.py OUT.t7 [--seed 1] [--variant published|defined] [--ascii]

OpenFace's own nn4.small2.v1.t7 can't be shipped here. A file of the same shape and the same classes proves the reader
and the network all the same, because OpenCV reads it too: make_openface_golden.py has the reference's answers.

The published weights pool otherwise than the published definition of the network; docs/openface.md has the table.
Weights are sums of uniform numbers, made with exact arithmetic only: the file is the same on every machine. Their
sizes keep activations healthy: He, Zhang, Ren & Sun 2015.
"""

import argparse
import array
import pathlib
import random
import struct
import sys

NIL, NUMBER, STRING, TABLE, TORCH, BOOLEAN = range(6)


class Object:
    """An instance of a Torch class that is a table of fields."""

    def __init__(self, name, **fields):
        self.name, self.fields = name, fields


class Tensor:
    """float32 values with a shape."""

    def __init__(self, shape, values):
        self.shape, self.values = shape, array.array("f", values)


class LongStorage(tuple):
    """A list of 64-bit integers."""


class Binary:
    """Tokens as the binary encoding has them: little-endian."""

    def __init__(self):
        self.parts = []

    def int(self, value):
        self.parts.append(struct.pack("<i", value))

    def long(self, *values):
        self.parts.append(struct.pack(f"<{len(values)}q", *values))

    def double(self, value):
        self.parts.append(struct.pack("<d", value))

    def string(self, text):
        self.int(len(text))
        self.parts.append(text.encode())

    def floats(self, values):
        if sys.byteorder == "big":
            values = values[:]
            values.byteswap()
        self.parts.append(values.tobytes())


class Ascii(Binary):
    """The same tokens as text."""

    def int(self, value):
        self.parts.append(b"%d\n" % value)

    def long(self, *values):
        if values:
            self.parts.append(" ".join(map(str, values)).encode() + b"\n")

    def double(self, value):
        self.parts.append(b"%.17g\n" % value)

    def string(self, text):
        self.int(len(text))
        self.parts.append(text.encode() + b"\n")

    def floats(self, values):
        if values:
            self.parts.append(" ".join(["%.9g" % value for value in values]).encode() + b"\n")


class Writer:
    """Objects as a graph: what was written before is named by its index."""

    def __init__(self, tokens):
        self.out, self.count, self.indices = tokens, 0, {}

    def begin(self, tag, class_name=None):
        self.out.int(tag)
        self.count += 1
        self.out.int(self.count)
        if class_name:
            self.out.string("V 1")
            self.out.string(class_name)

    def put(self, value):
        if value is None:
            self.out.int(NIL)
        elif isinstance(value, bool):
            self.out.int(BOOLEAN)
            self.out.int(int(value))
        elif isinstance(value, (int, float)):
            self.out.int(NUMBER)
            self.out.double(value)
        elif isinstance(value, str):
            self.out.int(STRING)
            self.out.string(value)
        elif isinstance(value, list):
            self.table(dict(enumerate(value, 1)))
        elif isinstance(value, LongStorage):
            self.begin(TORCH, "torch.LongStorage")
            self.out.long(len(value))
            self.out.long(*value)
        elif isinstance(value, Tensor):
            self.tensor(value)
        elif id(value) in self.indices:
            self.out.int(TORCH)
            self.out.int(self.indices[id(value)])
        else:
            self.begin(TORCH, value.name)
            self.indices[id(value)] = self.count
            self.table(value.fields)

    def table(self, fields):
        self.begin(TABLE)
        self.out.int(len(fields))
        for key, value in fields.items():
            self.put(key)
            self.put(value)

    def tensor(self, value):
        strides = [1]
        for extent in reversed(value.shape[1:]):
            strides.insert(0, strides[0] * extent)
        self.begin(TORCH, "torch.FloatTensor")
        self.out.int(len(value.shape))
        self.out.long(*value.shape)
        self.out.long(*strides)
        self.out.long(1)  # the first element's place in the storage, counted from 1
        self.begin(TORCH, "torch.FloatStorage")
        self.out.long(len(value.values))
        self.out.floats(value.values)


class Network:
    """The modules of nn4.small2 with weights from a seeded generator."""

    def __init__(self, seed, variant):
        self.random = random.Random(seed).random
        published = variant == "published"
        same = dict(stride=2, padding=0) if published else dict(stride=1, padding=1)
        down = dict(stride=2, padding=0) if published else dict(stride=2, padding=1)
        l2_stride = 3 if published else 1
        self.root = self.sequence(
            *self.unit(3, 64, 7, 2, 3, "MM"), self.max_pool(2, 1), self.across_channels(),
            *self.unit(64, 64, 1, 1, 0, "MM"),
            *self.unit(64, 192, 3, 1, 1, "MM"), self.across_channels(), self.max_pool(2, 1),
            self.inception(192, [(3, 96, 128), (5, 16, 32)], self.max_pool(**same), 32, 64),
            self.inception(256, [(3, 96, 128), (5, 32, 64)], self.l2_pool(l2_stride), 64, 64),
            self.inception(320, [(3, 128, 256), (5, 32, 64)], self.max_pool(**down), 0, 0, stride=2),
            self.inception(640, [(3, 96, 192), (5, 32, 64)], self.l2_pool(l2_stride), 128, 256),
            self.inception(640, [(3, 160, 256), (5, 64, 128)], self.max_pool(**down), 0, 0, stride=2),
            self.inception(1024, [(3, 96, 384)], self.l2_pool(l2_stride), 96, 256),
            self.inception(736, [(3, 96, 384)], self.max_pool(**same), 96, 256),
            self.average_pool(1),
            self.module("View", numElements=736, size=LongStorage((736,))),
            self.module("Linear", weight=self.spread((128, 736), 0, 0.05), bias=self.spread((128,), 0, 0.05)),
            self.module("Normalize", p=2, eps=1e-10))

    def uniform(self, shape, low, high):
        count = 1
        for extent in shape:
            count *= extent
        draw, width = self.random, high - low
        return Tensor(shape, [low + width * draw() for _ in range(count)])

    def spread(self, shape, mean, deviation):
        reach = deviation * 1.75  # near the root of 3, which gives a uniform number this deviation
        return self.uniform(shape, mean - reach, mean + reach)

    @staticmethod
    def module(name, **fields):
        return Object("nn." + name, train=False, _type="torch.FloatTensor", **fields)

    def sequence(self, *modules):
        return self.module("Sequential", modules=list(modules))

    def unit(self, inputs, outputs, side, stride, padding, kind=""):
        """Convolution, batch normalisation, ReLU."""
        taps = inputs * side * side
        shape = (outputs, taps) if kind == "MM" else (outputs, inputs, side, side)
        root = 1.0
        for _ in range(40):  # of 2 / taps, by Newton
            root = (root + 2 / taps / root) / 2
        convolution = self.module(
            "SpatialConvolution" + kind, nInputPlane=inputs, nOutputPlane=outputs, kW=side, kH=side, dW=stride,
            dH=stride, padW=padding, padH=padding, weight=self.spread(shape, 0, root),
            bias=self.spread((outputs,), 0, 0.05))
        normalisation = self.module(
            "SpatialBatchNormalization", eps=1e-5, momentum=0.1, affine=True, nDim=4,
            weight=self.uniform((outputs,), 0.5, 1.5), bias=self.spread((outputs,), 0, 0.2),
            running_mean=self.spread((outputs,), 0, 0.2), running_var=self.uniform((outputs,), 0.5, 2))
        return convolution, normalisation, self.module("ReLU", threshold=0, val=0, inplace=False)

    def max_pool(self, stride, padding):
        return self.module("SpatialMaxPooling", kW=3, kH=3, dW=stride, dH=stride, padW=padding, padH=padding,
                           ceil_mode=False)

    def average_pool(self, stride):
        return self.module("SpatialAveragePooling", kW=3, kH=3, dW=stride, dH=stride, padW=0, padH=0, ceil_mode=False,
                           count_include_pad=True, divide=True)

    def l2_pool(self, stride):
        return self.module("SpatialLPPooling", kW=3, kH=3, dW=stride, dH=stride, modules=[
            self.module("Square"), self.average_pool(stride),
            self.module("MulConstant", constant_scalar=9, inplace=False), self.module("Sqrt", eps=0)])

    def across_channels(self):
        return self.module("SpatialCrossMapLRN", size=5, alpha=1e-4, beta=0.75, k=1)

    def inception(self, inputs, filters, pool, pool_outputs, outputs_1x1, stride=1):
        branches = [self.sequence(*self.unit(inputs, reduced, 1, 1, 0),
                                  *self.unit(reduced, outputs, side, stride, side // 2))
                    for side, reduced, outputs in filters]
        branches.append(self.sequence(pool, *(self.unit(inputs, pool_outputs, 1, 1, 0) if pool_outputs else ())))
        if outputs_1x1:
            branches.append(self.sequence(*self.unit(inputs, outputs_1x1, 1, 1, 0)))
        concat = self.module("DepthConcat", dimension=2, modules=branches)
        return self.module("Inception", modules=[concat], module=concat)  # OpenCV wants them in this order


def t7(seed, variant, ascii_encoding=False):
    """The bytes of the file."""
    tokens = Ascii() if ascii_encoding else Binary()
    Writer(tokens).put(Network(seed, variant).root)
    return b"".join(tokens.parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--variant", choices=("published", "defined"), default="published")
    parser.add_argument("--ascii", action="store_true")
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_bytes(t7(arguments.seed, arguments.variant, arguments.ascii))


if __name__ == "__main__":
    main()
