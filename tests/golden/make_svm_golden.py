#!/usr/bin/env python3
"""Makes data/svm.json and data/svm_people.json: what libsvm, as scikit-learn contains it, says about synthetic embeddings.

Usage: python3 tests/golden/make_svm_golden.py    (takes seconds; the output is the same every time)

Pinned, because the numbers are theirs:
    scikit-learn == 1.9.1   numpy == 2.4.6

For each of three folds (every third sample is held out) the file has, for the held-out samples:
    decisions      one-vs-one decision values of SVC(C=1, kernel="linear"), pairs (0,1), (0,2), ... (4,5)
    probabilities  with the cross validation folds that ffr chooses: decision values from SVC, then Platt's fit and the
                   pairwise coupling written here from the papers
    libsvm_*       predict_proba of SVC(probability=True), whose folds are drawn by chance: median, minimum and maximum
                   over SEEDS values of random_state

svm_people.json asks the simpler question of OpenFace's users, for 5 and for 10 people: from ten pictures each, the
probabilities of people in a hundred other pictures; median over PEOPLE_SEEDS values of random_state. Samples there are
whole ten thousandths.
"""

import json
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn.svm import SVC

VERSIONS = {"scikit-learn": "1.9.1", "numpy": "2.4.6"}
found = {"scikit-learn": sklearn.__version__, "numpy": np.__version__}
if found != VERSIONS:
    raise SystemExit(f"needs {VERSIONS}, found {found}")

PEOPLE = [8, 9, 10, 11, 12, 14]  # samples of each person
DIMENSION = 128
SEEDS = 101
PEOPLE_SETS = {5: (10, 20), 10: (10, 10)}  # people: pictures of each to train on, and to name
PEOPLE_SEEDS = 21
RIDGE = 1e-12  # keeps Newton's matrix invertible


def make_samples(rng, counts):
    """Unit vectors: people share most of their direction, and one picture in four is a poor one."""
    common = rng.standard_normal(DIMENSION)
    samples, labels = [], []
    for person, count in enumerate(counts):
        centre = common + 0.75 * rng.standard_normal(DIMENSION)
        centre /= np.linalg.norm(centre)
        for _ in range(count):
            noise = 0.12 if rng.random() < 0.25 else 0.045
            sample = centre + noise * rng.standard_normal(DIMENSION)
            samples.append(sample / np.linalg.norm(sample))
            labels.append(person)
    # Rounded through float32, so that the JSON's decimals are what both sides read.
    return np.round(np.array(samples), 4).astype(np.float32).astype(np.float64), np.array(labels)


def train(x, y, **more):
    return SVC(C=1, kernel="linear", tol=1e-3, decision_function_shape="ovo", **more).fit(x, y)


def pair_decision(x, y, probe):
    """Decision value of a pair, positive for y == 1. scikit-learn's two-class sign is positive for the larger label."""
    return train(x, y).decision_function(probe)


def platt_fit(values, positive):
    """a, b of 1 / (1 + exp(a f + b)) by Newton's method with backtracking (Lin, Lin & Weng 2007)."""
    n_positive, n_negative = positive.sum(), (~positive).sum()
    target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))

    def entropy(a, b):
        z = a * values + b
        return float(np.sum(target * z + np.logaddexp(0, -z)))

    a, b = 0.0, float(np.log((n_negative + 1) / (n_positive + 1)))
    current = entropy(a, b)
    for _ in range(100):
        p = np.exp(-np.logaddexp(0, a * values + b))
        slope = np.array([np.sum(values * (target - p)), np.sum(target - p)])
        if np.all(np.abs(slope) < 1e-5):
            break
        weight = p * (1 - p)
        hessian = np.array([[np.sum(values * values * weight), np.sum(values * weight)],
                            [np.sum(values * weight), np.sum(weight)]]) + RIDGE * np.eye(2)
        step = -np.linalg.solve(hessian, slope)
        size = 1.0
        while size >= 1e-10:
            trial = entropy(a + size * step[0], b + size * step[1])
            if trial < current + 1e-4 * size * float(slope @ step):
                break
            size /= 2
        if size < 1e-10:
            break
        a, b, current = a + size * step[0], b + size * step[1], trial
    return a, b


def couple(r):
    """p from r[a, b], the probability of a if it's a or b: the second method of Wu, Lin & Weng 2004."""
    k = len(r)
    q = -r.T * r
    np.fill_diagonal(q, [sum(r[b, a] ** 2 for b in range(k) if b != a) for a in range(k)])
    p = np.full(k, 1 / k)
    for _ in range(max(100, k)):
        if np.max(np.abs(q @ p - p @ q @ p)) < 0.005 / k:
            break
        for a in range(k):
            p[a] += (p @ q @ p - q[a] @ p) / q[a, a]
            p /= p.sum()
    return p


def probabilities(x, y, probe, decisions):
    k = y.max() + 1
    r = np.zeros((len(probe), k, k))
    pair = 0
    for a in range(k):
        for b in range(a + 1, k):
            x_pair = np.concatenate([x[y == a], x[y == b]])
            counts = (y == a).sum(), (y == b).sum()
            positive = np.arange(sum(counts)) < counts[0]
            fold = np.concatenate([np.arange(count) for count in counts]) % min(5, *counts)
            values = np.empty(len(x_pair))
            for f in range(fold.max() + 1):
                values[fold == f] = pair_decision(x_pair[fold != f], positive[fold != f], x_pair[fold == f])
            slope, shift = platt_fit(values, positive)
            r[:, a, b] = np.clip(1 / (1 + np.exp(slope * decisions[:, pair] + shift)), 1e-7, 1 - 1e-7)
            r[:, b, a] = 1 - r[:, a, b]
            pair += 1
    return np.array([couple(one) for one in r])


def rounded(values, digits):
    return np.round(values, digits).tolist()


def make_fold(x, y, held_out):
    decisions = train(x[~held_out], y[~held_out]).decision_function(x[held_out])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # probability=True goes in 1.11; the versions are pinned
        by_seed = np.array([train(x[~held_out], y[~held_out], probability=True, random_state=seed)
                           .predict_proba(x[held_out]) for seed in range(SEEDS)])
    return {
        "held_out": np.flatnonzero(held_out).tolist(),
        "decisions": rounded(decisions, 6),
        "probabilities": rounded(probabilities(x[~held_out], y[~held_out], x[held_out], decisions), 5),
        "libsvm_median": rounded(np.median(by_seed, axis=0), 5),
        "libsvm_minimum": rounded(by_seed.min(axis=0), 5),
        "libsvm_maximum": rounded(by_seed.max(axis=0), 5),
    }


def make_people(people, training, naming):
    x, y = make_samples(np.random.default_rng(people), [training + naming] * people)
    is_training = np.arange(len(y)) % (training + naming) < training
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        by_seed = np.array([train(x[is_training], y[is_training], probability=True, random_state=seed)
                            .predict_proba(x[~is_training]) for seed in range(PEOPLE_SEEDS)])
    median = np.median(by_seed, axis=0)
    print(f"{people} people: right names {np.mean(median.argmax(axis=1) == y[~is_training]):.2f}, spread over seeds: "
          f"mean {np.mean(by_seed.max(axis=0) - by_seed.min(axis=0)):.4f}")
    return {"people": people, "training": np.rint(x[is_training] * 1e4).astype(int).tolist(),
            "training_labels": y[is_training].tolist(), "naming": np.rint(x[~is_training] * 1e4).astype(int).tolist(),
            "probabilities": rounded(median, 4)}


def save(name, data):
    target = pathlib.Path(__file__).parent / "data" / name
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(data, separators=(",", ":")).replace("],", "],\n") + "\n")


def main():
    x, y = make_samples(np.random.default_rng(20240527), PEOPLE)
    folds = [make_fold(x, y, np.arange(len(y)) % 3 == fold) for fold in range(3)]
    data = {
        "versions": found,
        "seeds": SEEDS,
        "labels": y.tolist(),
        "samples": rounded(x, 4),
        "folds": folds,
    }
    save("svm.json", data)
    save("svm_people.json", {"versions": found, "seeds": PEOPLE_SEEDS,
                             "sets": [make_people(people, *counts) for people, counts in PEOPLE_SETS.items()]})
    for fold in folds:
        p = np.array(fold["libsvm_median"])
        right = np.mean(p.argmax(axis=1) == y[fold["held_out"]])
        ours = np.array(fold["probabilities"])
        spread = np.array(fold["libsvm_maximum"]) - np.array(fold["libsvm_minimum"])
        print(f"right names {right:.2f}; mean confidence {p.max(axis=1).mean():.2f}; "
              f"spread over seeds: mean {spread.mean():.4f}, largest {spread.max():.4f}; "
              f"our folds to the median: largest {np.abs(ours - p).max():.4f}")


if __name__ == "__main__":
    main()
