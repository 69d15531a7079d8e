#!/usr/bin/env python3
"""Makes data/crops.json: what dlib's frontal face detector says about 1,000 random parts of the pictures.

    python tests/golden/make_crops_golden.py

Parts are 1 to 300 pixels on a side, in colour or gray, as they are, posterised (so that many gradients are equally long)
or with noise added. Of the answer each record keeps the number of detections and the XXH64 of all of them, each as
little-endian left, top, right, bottom and view in 32 bits and the score as a double: 28 bytes.
"""

import struct

import dlib
import numpy as np
import xxhash

from pictures import check_versions, variants, write

REFERENCES = {"dlib-bin": "20.0.1", "numpy": "2.4.6", "pillow": "13.0.0"}
CROPS = 1000
LARGEST = 300
LOOKS = ("plain", "posterised", "noisy")
UPSAMPLE = (0, 0, 0, 1)
THRESHOLDS = (0.0, -1.0, -2.0)


def with_look(pixels, look, seed):
    if look == "posterised":
        return pixels // 48 * 48
    if look == "noisy":
        index = np.arange(pixels.size, dtype=np.uint64)
        noise = ((index * 2654435761 + seed) % 2**32 >> 26).astype(np.uint8)
        return pixels + noise.reshape(pixels.shape)
    return pixels


def digest(detector, pixels, upsample, threshold):
    boxes, scores, views = detector.run(pixels, upsample, threshold)
    data = b"".join(struct.pack("<5id", box.left(), box.top(), box.right(), box.bottom(), int(view), score)
                    for box, score, view in zip(boxes, scores, views))
    return {"count": len(boxes), "xxh64": xxhash.xxh64_hexdigest(data, seed=0)}


def main():
    check_versions(REFERENCES)
    pictures = list(variants())
    detector = dlib.get_frontal_face_detector()
    generator = np.random.default_rng(1000)
    records = []
    for _ in range(CROPS):
        name, gray, pixels = pictures[generator.integers(len(pictures))]
        height, width = (int(generator.integers(1, min(side, LARGEST) + 1)) for side in pixels.shape[:2])
        top, left = (int(generator.integers(0, side - part + 1))
                     for side, part in zip(pixels.shape[:2], (height, width)))
        look, seed = str(generator.choice(LOOKS)), int(generator.integers(2**32))
        upsample, threshold = int(generator.choice(UPSAMPLE)), float(generator.choice(THRESHOLDS))
        part = np.ascontiguousarray(with_look(pixels[top:top + height, left:left + width], look, seed))
        records.append({"image": name, "gray": gray, "left": left, "top": top, "width": width, "height": height,
                        "look": look, "seed": seed, "upsample": upsample, "threshold": threshold,
                        **digest(detector, part, upsample, threshold)})
    assert sum(record["count"] for record in records) > CROPS
    write("crops.json", "make_crops_golden.py", "frontal faces in random parts of the pictures", REFERENCES, records)


if __name__ == "__main__":
    main()
