"""How good the embeddings are."""

import csv
import pathlib
import shutil
import sys
import unittest

from harness import ASTRONAUT, CliTest, DONE, HOPPER, NO_FACE, OBAMA2, PEOPLE, SOME_FAILED, WRONG_USAGE, records, run


class Evaluate(CliTest):
    def made_up_lfw(self):
        """Four people's photos under LFW's names."""
        for name, number, photo in [("Barack_Obama", 1, PEOPLE / "barack_obama" / "obama.jpg"),
                                    ("Barack_Obama", 2, OBAMA2), ("Barack_Obama", 3, PEOPLE / "barack_obama" / "obama3.jpg"),
                                    ("Eileen_Collins", 1, ASTRONAUT), ("Grace_Hopper", 1, HOPPER),
                                    ("Joe_Biden", 1, PEOPLE / "joe_biden" / "biden.jpg")]:
            folder = self.folder / "lfw" / name
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(photo, folder / f"{name}_{number:04}.jpg")
        (self.folder / "pairs.txt").write_text(
            "2\t2\n"
            "Barack_Obama\t1\t2\nBarack_Obama\t1\t3\nBarack_Obama\t1\tJoe_Biden\t1\nEileen_Collins\t1\tGrace_Hopper\t1\n"
            "Barack_Obama\t2\t3\nBarack_Obama\t3\t1\nBarack_Obama\t2\tEileen_Collins\t1\nGrace_Hopper\t1\tJoe_Biden\t1\n")

    def accuracy_by_hand(self):
        """The protocol on distances that compare tells: the largest of the best thresholds of the other fold."""
        photos = sorted((self.folder / "lfw").rglob("*.jpg"))
        distances = {(pathlib.Path(r["a"]).stem, pathlib.Path(r["b"]).stem): r["distance"] ** 2
                     for r in records(run("compare", "--json", *photos))}
        folds = [[], []]
        for i, line in enumerate((self.folder / "pairs.txt").read_text().splitlines()[1:]):
            words = line.split("\t")
            names = sorted([f"{words[0]}_000{words[1]}", f"{words[-2] if len(words) == 4 else words[0]}_000{words[-1]}"])
            folds[i // 4].append((distances[tuple(names)], len(words) == 3))

        def right(fold, threshold):
            return sum((distance < threshold) == same for distance, same in folds[fold])

        thresholds = [i / 100 for i in range(400)]
        chosen = [max(thresholds, key=lambda t: (right(1 - fold, t), t)) for fold in (0, 1)]
        return sum(right(fold, chosen[fold]) for fold in (0, 1)) / 8

    def lfw(self, *arguments, tree="lfw", pairs="pairs.txt"):
        return run("evaluate", "lfw", self.folder / tree, "--pairs", self.folder / pairs, "-o", self.folder / "out",
                   "--force", *arguments)

    def test_a_small_set_laid_out_like_lfw(self):
        self.made_up_lfw()
        [got] = records(self.check(self.lfw("--json"), DONE))
        self.assertEqual((got["pairs"], got["folds"], got["auc"], got["equal_error_rate"]), (8, 2, 1, 0))
        self.assertEqual(got["accuracy"], self.accuracy_by_hand())
        self.assertEqual(self.only_files(self.folder / "out"),
                         ["accuracies.csv", "roc-fold-0.csv", "roc-fold-1.csv", "roc.csv", "roc.png"])
        fold = list(csv.DictReader((self.folder / "out" / "roc-fold-0.csv").read_text().splitlines()))
        self.assertEqual(len(fold), 400)
        self.assertEqual({k: fold[0][k] for k in ("threshold", "tp", "tn", "fp", "fn")},
                         {"threshold": "0.00", "tp": "0", "tn": "2", "fp": "0", "fn": "2"})
        self.assertEqual(len((self.folder / "out" / "roc.csv").read_text().splitlines()), 1001)
        self.assertRegex(self.lfw().stdout, r"^8 pairs in 2 folds: accuracy 0\.\d{4} \+/- 0\.\d{4}, AUC 1\.0000, equal")

    def test_from_tables_the_answer_is_the_same_as_from_pictures(self):
        self.made_up_lfw()
        self.check(run("represent", self.folder / "lfw", "-o", self.folder / "reps"), DONE)
        self.assertEqual(self.lfw("--json").stdout, self.lfw("--json", tree="reps").stdout)

    def test_a_picture_without_a_face_is_measured_in_the_middle(self):
        self.made_up_lfw()
        shutil.copy(NO_FACE, self.folder / "lfw" / "Grace_Hopper" / "Grace_Hopper_0001.jpg")
        self.check(self.lfw(), DONE)

    def test_bad_pairs_are_named_with_the_line(self):
        self.made_up_lfw()
        good = (self.folder / "pairs.txt").read_text()
        for content, reason in [("", "line 1: should have the number of folds"), ("1 2\n", "line 1"),
                                (good.replace("Barack_Obama\t2\t3", "Barack_Obama\t2"), "line 6: should have a name and two"),
                                (good.replace("\t1\tJoe_Biden", "\tx\tJoe_Biden", 1), "line 4: 'x' isn't a picture's number"),
                                (good.replace("Obama\t1\t3", "Obama\t1\t4", 1), "line 3: .*has no picture 'Barack_Obama_0004'"),
                                (good.replace("Joe_Biden\t1\nEileen", "Barack_Obama\t2\nEileen", 1), "line 4: should have two people"),
                                (good[: good.index("Grace_Hopper\t1\tJoe")], "has 7 pairs, but the first line says 2 times")]:
            (self.folder / "bad.txt").write_text(content)
            self.check(self.lfw(pairs="bad.txt"), SOME_FAILED, "bad.txt: .*" + reason)
        self.assertFalse((self.folder / "out").exists())

    def test_classification_of_people_far_apart(self):
        rows = [(f"p{person}/{face}.png", [1.0 if i == person else 0.01 * ((face * 7 + i) % 5) for i in range(128)])
                for person in range(12) for face in range(5 + person)]
        (self.folder / "labels.csv").write_text("".join(f"1,{path}\n" for path, _ in rows))
        (self.folder / "reps.csv").write_text("".join(",".join(map(str, numbers)) + "\n" for _, numbers in rows))
        network = ["--embedder", "resnet29"]
        result = run("evaluate", "classification", self.folder, *network, "--json", "--people", "3,10,99", "-o",
                     self.folder / "out")
        got = records(self.check(result, DONE))
        self.assertEqual([(r["people"], r["accuracy"]) for r in got], [(3, 1), (10, 1), (12, 1)])
        self.assertEqual(self.only_files(self.folder / "out"), ["classification.csv", "classification.png"])
        self.check(run("evaluate", "classification", self.folder, "--people", "1", "-o", self.folder / "out"), WRONG_USAGE)
        result = run("evaluate", "classification", self.folder, *network, "--people", "3,10", "--faces", "2", "--json", "-o",
                     self.folder / "few")
        self.check(result, SOME_FAILED, "3 people: identification needs two people, ten faces")
        self.assertEqual([r["faces"] for r in records(result)], [20])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
