"""Training, and naming."""

import json
import math
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

from harness import (ASTRONAUT, CliTest, DONE, GROUP, HOPPER, NO_FACE, OBAMA2, PEOPLE, PROJECT, SOME_FAILED,
                     WRONG_USAGE, records, run)

TINY_FACE = NO_FACE.with_name("tiny_face.png")


class TrainAndInfer(CliTest):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.model = pathlib.Path(folder.name) / "people.ffr"
        cls.trained = run("train", PEOPLE, "-o", cls.model)

    def names(self, *arguments):
        result = self.check(run("infer", self.model, "--json", *arguments), DONE)
        return [[face["name"] for face in record["faces"]] for record in records(result)]

    def test_training_says_whom_it_knows(self):
        self.check(self.trained, DONE)
        for name in ("barack_obama", "eileen_collins", "joe_biden"):
            self.assertIn(name, self.trained.stdout)

    def test_training_twice_gives_the_same_file(self):
        self.check(run("train", PEOPLE, "-o", self.folder / "again.ffr", "--threads", "1"), DONE)
        self.assertEqual((self.folder / "again.ffr").read_bytes(), self.model.read_bytes())

    def test_people_in_unseen_photos_are_named_and_strangers_are_not(self):
        self.assertEqual(self.names(OBAMA2, HOPPER), [["barack_obama"], [None]])
        self.assertEqual(sorted(map(str, self.names(GROUP)[0])), ["None", "barack_obama", "eileen_collins", "joe_biden"])

    def test_the_text_is_openface_s(self):
        result = self.check(run("infer", self.model, OBAMA2, HOPPER), DONE)
        lines = result.stdout.splitlines()
        self.assertEqual(lines[0], f"=== {OBAMA2} ===")
        self.assertRegex(lines[1], r"^Predict barack_obama with 0\.\d\d confidence\.$")
        self.assertRegex(lines[3], r"^Unknown: nearest is \w+ at distance 0\.\d\d\.$")

    def test_multi_goes_from_left_to_right(self):
        result = self.check(run("infer", "--multi", self.model, GROUP), DONE)
        lines = result.stdout.splitlines()
        self.assertEqual(lines[1], "List of faces in image from left to right")
        places = [int(re.search(r"@ x=(\d+)", line).group(1)) for line in lines[2:]]
        self.assertEqual(len(places), 4)
        self.assertEqual(places, sorted(places))

    def test_json_has_the_name_beside_all_that_represent_says(self):
        [named], [measured] = (records(run(*verb, "--json", OBAMA2)) for verb in (["infer", self.model], ["represent"]))
        face = named["faces"][0]
        self.assertEqual(list(face), ["box", "score", "view", "landmarks", "embedding", "name", "candidate", "confidence",
                                      "distance"])
        self.assertEqual({k: face[k] for k in measured["faces"][0]}, measured["faces"][0])

    def test_limits_of_distance_and_confidence_make_people_unknown(self):
        self.assertEqual(self.names("--distance", "0.1", OBAMA2), [[None]])
        self.assertEqual(self.names("--confidence", "0.99", OBAMA2), [[None]])

    def test_no_face_is_said_so(self):
        self.assertIn("No face found.", self.check(run("infer", self.model, NO_FACE), DONE).stdout)

    def test_verbose_tells_how_long_each_step_took(self):
        self.assertEqual(run("infer", "--verbose", self.model, OBAMA2).stdout.count("seconds."), 4)

    def test_draw_writes_the_named_photo(self):
        self.check(run("infer", "--draw", self.folder, self.model, GROUP), DONE)
        self.assertEqual(self.only_files(self.folder), ["group.jpg"])

    def test_tables_train_the_same_model_as_photos(self):
        run("represent", PEOPLE, "-o", self.folder)
        self.check(run("train", self.folder, "-o", self.folder / "model.ffr"), DONE)
        self.assertEqual((self.folder / "model.ffr").read_bytes(), self.model.read_bytes())

    def test_bad_tables_are_named_with_the_row(self):
        numbers = ",".join(["0.5"] * 128)
        (self.folder / "labels.csv").write_text('1,"a, or b/1.png"\r\n2,c/1.png\r\n')
        for content, reason in [(numbers + "\n", "reps.csv: has 1 row, but labels.csv has 2"),
                                (numbers + "\n1,2\n", "reps.csv: row 2 should have 128 numbers"),
                                (numbers + "\n" + numbers.replace("0.5", "x", 1) + "\n", "row 2 has 'x', not a number"),
                                (numbers + "\n" + numbers.replace("0.5", "0.5\0x", 1) + "\n", "row 2 has '0.5"),
                                (numbers + "\n" + "," * 1000, "row 2 has more than 1000 fields"),
                                (numbers + "\n" + numbers.replace("0.5", "nan", 1) + "\n", "row 2 has 'nan'")]:
            (self.folder / "reps.csv").write_text(content)
            self.check(run("train", self.folder, "-o", self.folder / "model"), SOME_FAILED, reason)
        (self.folder / "reps.csv").write_text(numbers + "\n" + numbers + "\n")
        (self.folder / "labels.csv").write_text('1,a/1.png\n2,"b/1.png\n')
        self.check(run("train", self.folder, "-o", self.folder / "model"), SOME_FAILED,
                   "labels.csv: row 2 has a quote that isn't closed")
        for path in ("c.png", "/c.png", "", "C:\\c.png", "D:c.png"):
            (self.folder / "labels.csv").write_text(f"1,a/1.png\n2,{path}\n")
            self.check(run("train", self.folder, "-o", self.folder / "model"), SOME_FAILED,
                       f"labels.csv: row 2 has '{re.escape(path)}', a path without a person's folder")
        (self.folder / "labels.csv").write_text("1,a/1.png\n2,b/1.png\n")
        (self.folder / "reps.csv").unlink()
        self.check(run("train", self.folder, "-o", self.folder / "model"), SOME_FAILED, "reps.csv: can't open the file")
        self.assertFalse((self.folder / "model").exists())

    def test_numbers_may_have_blanks_around_them(self):
        (self.folder / "labels.csv").write_text("1,a/1.png\n2,b/1.png\n")
        (self.folder / "reps.csv").write_text(", ".join(["0.5"] * 128) + "\n" + " , ".join(["1"] * 128) + "\n")
        result = self.check(run("train", self.folder, "--embedder", "resnet29", "-o", self.folder / "new" / "model"), DONE)
        self.assertIn("knows 2 names by 2 faces", result.stdout)
        (self.folder / "reps.csv").write_text(",".join([" "] * 128) + "\n" + ",".join(["1"] * 128) + "\n")
        self.check(run("train", self.folder, "-o", self.folder / "model"), SOME_FAILED, "row 1 has ' ', not a number")

    def test_int8_is_chosen_explicitly_and_not_mixed_with_float32(self):
        model, reps, int8 = self.folder / "people.ffr", self.folder / "reps", ["--precision", "int8"]
        [rounded] = records(self.check(run("represent", "--json", *int8, ASTRONAUT), DONE))[0]["faces"]
        [exact] = records(self.check(run("represent", "--json", ASTRONAUT), DONE))[0]["faces"]
        apart = math.dist(rounded["embedding"], exact["embedding"])
        self.assertTrue(0 < apart < 0.06, apart)
        self.check(run("represent", *int8, PEOPLE, "-o", reps), DONE)
        self.assertEqual(json.loads((reps / "source.json").read_text())["precision"], "int8")
        self.check(run("train", reps, "--precision", "float32", "-o", model), SOME_FAILED,
                   "source.json: the numbers are of precision int8, not float32")
        self.check(run("train", reps, "-o", model), DONE)
        self.check(run("infer", model, OBAMA2), SOME_FAILED, "people.ffr: was trained with precision int8, not float32")
        result = self.check(run("infer", "--json", *int8, model, OBAMA2), DONE)
        self.assertEqual([face["name"] for face in records(result)[0]["faces"]], ["barack_obama"])
        self.check(run("train", PEOPLE, "-o", model), DONE)
        self.check(run("infer", *int8, model, OBAMA2), SOME_FAILED, "was trained with precision float32, not int8")
        self.check(run("represent", "--precision", "int4", ASTRONAUT), WRONG_USAGE, "--precision")

    def test_one_person_is_enough(self):
        shutil.copytree(PEOPLE / "barack_obama", self.folder / "in" / "barack_obama")
        self.check(run("train", self.folder / "in", "-o", self.folder / "model"), DONE)
        result = run("infer", "--json", self.folder / "model", OBAMA2, HOPPER)
        self.assertEqual([r["faces"][0]["name"] for r in records(result)], ["barack_obama", None])

    def test_training_goes_on_without_the_photos_that_fail(self):
        shutil.copytree(PEOPLE, self.folder / "in")
        shutil.copy(NO_FACE, self.folder / "in" / "joe_biden" / "brick.png")
        (self.folder / "in" / "joe_biden" / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
        shutil.copy(ASTRONAUT, self.folder / "in" / "nobody.png")
        result = run("train", self.folder / "in", "-o", self.folder / "model")
        self.check(result, SOME_FAILED, "brick.png: there's no face")
        self.assertRegex(result.stderr, "broken.jpg: ")
        self.assertRegex(result.stderr, "nobody.png: lies in no person's folder")
        self.assertEqual((self.folder / "model").read_bytes(), self.model.read_bytes())

    def test_training_tells_what_it_used_and_what_not(self):
        people = self.folder / "in"
        shutil.copytree(PEOPLE, people)
        shutil.copy(GROUP, people / "joe_biden" / "group.jpg")
        shutil.copy(NO_FACE, people / "eileen_collins" / "brick.png")
        result = run("train", people, "-o", self.folder / "model")
        self.check(result, SOME_FAILED, "group.jpg: there are 4 faces in the image")
        self.assertIn("  eileen_collins: 1 face, 1 photo skipped\n    brick.png: there's no face in the image\n"
                      "  joe_biden: 1 face, 1 photo skipped\n    group.jpg: there are 4 faces", result.stdout)
        self.assertIn("Left out and named by the others: 2 of 2 faces right (100.0 %).", result.stdout)
        self.assertEqual((self.folder / "model").read_bytes(), self.model.read_bytes())

    def test_a_face_that_s_too_small_teaches_nobody(self):
        small = self.folder / "in" / "small"
        small.mkdir(parents=True)
        shutil.copy(TINY_FACE, small)
        self.check(run("train", self.folder / "in", "--upsample", "1", "-o", self.folder / "model"), SOME_FAILED,
                   r"tiny_face.png: the face is only 4\d pixels wide, less than 50")

    def test_a_stranger_among_a_person_s_photos_is_left_out(self):
        people = self.folder / "in"
        shutil.copytree(PEOPLE / "barack_obama", people / "barack_obama")
        shutil.copy(ASTRONAUT, people / "barack_obama" / "a.png")
        result = run("train", people, "-o", self.folder / "model", "--json")
        self.check(result, SOME_FAILED, "a.png: looks unlike most of barack_obama's other photos: probably somebody else")
        record = records(result)[-1]  # behind the failed photo's
        self.assertEqual(record["faces"], 2)
        self.assertEqual([skipped["image"] for skipped in record["enrolment"][0]["skipped"]],
                         [str(people / "barack_obama" / "a.png")])

    def test_two_names_of_one_person_are_noticed(self):
        people = self.folder / "in"
        shutil.copytree(PEOPLE, people)
        shutil.move(people / "barack_obama" / "obama3.jpg", self.folder / "obama3.jpg")
        (people / "barry").mkdir()
        shutil.move(self.folder / "obama3.jpg", people / "barry" / "obama3.jpg")
        result = self.check(run("train", people, "-o", self.folder / "model"), DONE)
        self.assertRegex(result.stdout, r"barack_obama and barry look the same: half of their faces are within 0\.\d\d")
        self.assertIn("Nobody has two faces", result.stdout)

    def test_a_model_is_extended_without_the_old_photos(self):
        first, second, both = (self.folder / name for name in ("first", "second", "both"))
        shutil.copytree(PEOPLE / "barack_obama", first / "barack_obama")
        for name in ("eileen_collins", "joe_biden"):
            shutil.copytree(PEOPLE / name, second / name)
        self.check(run("train", first, "-o", self.folder / "old.ffr"), DONE)
        shutil.rmtree(first)
        self.check(run("train", second, "--extend", self.folder / "old.ffr", "-o", both), DONE)
        self.assertEqual(both.read_bytes(), self.model.read_bytes())
        # Into itself, with photos that it knows already: nothing changes.
        self.check(run("train", second, "--extend", both, "-o", both), DONE)
        self.assertEqual(both.read_bytes(), self.model.read_bytes())
        self.check(run("train", second, "--precision", "int8", "--extend", both, "-o", both), SOME_FAILED,
                   "both: was trained with precision float32, not int8")
        self.check(run("train", second, "--extend", PROJECT / "weights" / "resnet29.ffr", "-o", both), SOME_FAILED,
                   "'resnet29', not a model made by `ffr train`")
        self.assertEqual(both.read_bytes(), self.model.read_bytes())

    def test_a_folder_with_no_face_makes_no_model(self):
        (self.folder / "in" / "brick").mkdir(parents=True)
        shutil.copy(NO_FACE, self.folder / "in" / "brick")
        self.check(run("train", self.folder / "in", "-o", self.folder / "model"), SOME_FAILED, "in: no face found")
        self.check(run("train", self.folder / "nowhere", "-o", self.folder / "model"), SOME_FAILED, "nowhere: isn't a folder")
        self.assertFalse((self.folder / "model").exists())

    def test_bad_models_are_refused_with_the_reason(self):
        good = self.model.read_bytes()
        altered = bytearray(good)
        altered[len(good) // 2] ^= 1
        for content, reason in [(good[: len(good) // 2], "the file ends at"), (bytes(altered), "checksum is wrong"),
                                (b"", "the file is empty"), (b"who knows", "isn't an ffr weight file")]:
            (self.folder / "model").write_bytes(content)
            self.check(run("infer", self.folder / "model", OBAMA2), SOME_FAILED, "model: .*" + reason)
        self.check(run("infer", PROJECT / "weights" / "resnet29.ffr", OBAMA2), SOME_FAILED,
                   "'resnet29', not a model made by `ffr train`")
        self.check(run("infer", self.folder / "none", OBAMA2), SOME_FAILED, "none: can't open the file: No such file")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
