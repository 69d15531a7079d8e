#!/usr/bin/env python3
"""Makes data/clusters.json: the groups that dlib's Chinese whispers finds.

    python tests/golden/make_cluster_golden.py    (seconds; the output is the same every time)

    a record with "threshold" only     the embeddings of all records in data/faces.json, first those of faces aligned by 5
                                       points, then those by 68: four people
    a record with "people"             people of so many faces each: each a point of 128 numbers from the generator of
                                       tests/unit/noise.hpp, its faces around it at a spread

Groups are numbered by falling size, equal ones by their first face. dlib visits faces by chance, so each partition is
asked for twice, from the first face and from the last, and has to be the same.
"""

import json

import dlib
import numpy as np

from pictures import DATA, check_versions, write

REFERENCES = {"dlib-bin": "20.0.1", "numpy": "2.4.6"}
MADE_UP = (  # faces of each person, spread, threshold
    ([1], 0.05, 0.6),
    ([60], 0.05, 0.6),
    ([1] * 40, 0.05, 0.6),
    ([40, 30, 12, 12, 7, 3, 2, 1, 1], 0.05, 0.6),
    ([25, 24, 23, 2, 40], 0.06, 0.6),  # some of one person's faces are farther apart than the threshold
    ([30, 20, 10], 0.05, 0.3),  # nobody is near to anybody
    ([9, 8, 7, 6], 0.05, 2.0),  # everybody is near to everybody
)


def numbers(seed):
    values = []
    for _ in range(128):
        seed = (seed * 1664525 + 1013904223) % 2**32
        values.append(np.float32((seed ^ 2**31) - 2**31) / np.float32(2**31))
    return np.array(values, np.float32)


def made_up(people, spread):
    return [np.float32(0.1) * numbers(1000 + person) + np.float32(spread) * numbers(2000 + 100 * person + face)
            for person, faces in enumerate(people) for face in range(faces)]


def partition(embeddings, threshold):
    labels = dlib.chinese_whispers_clustering([dlib.vector([float(x) for x in e]) for e in embeddings], threshold)
    by_size = sorted(set(labels), key=lambda label: (-labels.count(label), labels.index(label)))
    return [by_size.index(label) for label in labels]


def groups_of(embeddings, threshold):
    groups = partition(embeddings, threshold)
    backwards = partition(embeddings[::-1], threshold)[::-1]
    if len(set(zip(groups, backwards))) != len(set(groups)) or len(set(groups)) != len(set(backwards)):
        raise SystemExit("dlib's groups hang on the order of the faces")
    return groups


def main():
    check_versions(REFERENCES)
    faces = json.loads((DATA / "faces.json").read_text())["records"]
    real = [record[points]["embedding"] for points in ("aligned_by_5", "aligned_by_68") for record in faces]
    records = [{"threshold": threshold, "groups": groups_of(real, threshold)} for threshold in (0.3, 0.35, 0.4, 0.6)]
    for people, spread, threshold in MADE_UP:
        records.append({"people": people, "spread": spread, "threshold": threshold,
                        "groups": groups_of(made_up(people, spread), threshold)})
    write("clusters.json", "make_cluster_golden.py", "groups of faces by Chinese whispers", REFERENCES, records)


if __name__ == "__main__":
    main()
