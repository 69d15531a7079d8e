"""Faces as numbers, and as tables."""

import csv
import shutil
import sys
import unittest

from harness import ASTRONAUT, CliTest, DONE, PEOPLE, SOME_FAILED, records, run


class Represent(CliTest):
    def test_json_has_everything(self):
        [record] = records(self.check(run("represent", "--json", ASTRONAUT), DONE))
        [face] = record["faces"]
        self.assertEqual(list(face), ["box", "score", "view", "landmarks", "embedding"])
        self.assertEqual((len(face["landmarks"]), len(face["embedding"])), (68, 128))

    def test_tables_are_openface_s(self):
        self.check(run("represent", PEOPLE, "-o", self.folder), DONE)
        labels = list(csv.reader((self.folder / "labels.csv").read_text().splitlines()))
        numbers = list(csv.reader((self.folder / "reps.csv").read_text().splitlines()))
        self.assertEqual([row[0] for row in labels], ["1", "1", "2", "3"])
        self.assertEqual(labels[2][1], str(ASTRONAUT))
        self.assertEqual([len(row) for row in numbers], [128] * 4)
        [record] = records(run("represent", "--json", ASTRONAUT))
        self.assertEqual([float(x) for x in numbers[2]], record["faces"][0]["embedding"])

    def test_paths_in_tables_show_the_person_s_folder(self):
        shutil.copytree(PEOPLE, self.folder / "people")
        for cwd, path in ((self.folder / "people" / "joe_biden", "biden.jpg"), (self.folder / "people", "joe_biden/../joe_biden/biden.jpg")):
            self.check(run("represent", path, "-o", self.folder / "reps", cwd=cwd), DONE)
            result = self.check(run("train", self.folder / "reps", "-o", self.folder / "model"), DONE)
            self.assertIn("  joe_biden: 1 face\n", result.stdout)

    def test_aligned_faces_are_taken_as_they_are(self):
        run("align", ASTRONAUT, "-o", self.folder)
        [aligned] = records(self.check(run("represent", "--json", "--aligned", self.folder / "astronaut.png"), DONE))
        [whole] = records(run("represent", "--json", ASTRONAUT))
        self.assertEqual(aligned["faces"][0]["embedding"], whole["faces"][0]["embedding"])
        self.check(run("represent", "--aligned", ASTRONAUT), SOME_FAILED, "astronaut.png: .*150 x 150 pixels, not 512 x 512")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
