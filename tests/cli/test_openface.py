"""The way with OpenFace's network."""

import csv
import hashlib
import json
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

from harness import (ASTRONAUT, CliTest, DONE, GROUP, OBAMA2, PEOPLE, PROGRAM, PROJECT, SOME_FAILED, WRONG_USAGE,
                     records, run)

sys.path.insert(0, str(PROJECT / "tests" / "golden"))
import make_t7  # noqa: E402


class OpenFace(CliTest):
    """nn4.small2 with made-up weights: the whole way from a .t7 file to a name."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.weights = pathlib.Path(folder.name) / "weights"
        shutil.copytree(PROJECT / "weights", cls.weights, ignore=shutil.ignore_patterns("exact", "*.md"))
        cls.network = make_t7.t7(1, "published")
        (cls.weights / "net.t7").write_bytes(cls.network)
        cls.converted = cls.convert(cls.weights / "net.t7", cls.weights / "nn4.small2.ffr")

    @staticmethod
    def convert(source, target, *more):
        return run("nn4.small2", source, target, *more, program=PROGRAM.parent / "convert_weights")

    def ffr(self, verb, *arguments, weights=None):
        return run(verb, "--weights", weights or self.weights, *arguments)

    def test_an_unknown_network_is_said_to_be_one(self):
        self.check(self.converted, DONE)
        md5 = hashlib.md5(self.network).hexdigest()
        self.assertEqual(self.converted.stdout,
                         f"{self.weights / 'net.t7'}: an unknown network of nn4.small2's shape, MD5 {md5}\n")
        [record] = records(self.check(self.ffr("info", "--json"), DONE))
        self.assertEqual([w["kind"] for w in record["weights"]],
                         ["hog_detector", "mmod", "landmarks", "landmarks", "resnet29", "nn4.small2"])
        self.assertEqual(record["weights"][-1]["origin"],
                         f"an unknown network of nn4.small2's shape, net.t7, MD5 {md5}")
        self.assertEqual(record["weights"][-1]["license"], "unknown")

    def test_origin_and_licence_may_be_told(self):
        target = self.folder / "mine.ffr"
        self.check(self.convert(self.weights / "net.t7", target, "--origin", "mine", "--license", "CC0"), DONE)
        self.assertIn(b"mine", target.read_bytes())

    def test_a_network_is_never_written_over_itself(self):
        (self.folder / "net.t7").write_bytes(self.network)
        self.check(self.convert(self.folder / "net.t7", self.folder / "net.t7"), SOME_FAILED, "is the file to convert itself")
        self.assertEqual((self.folder / "net.t7").read_bytes(), self.network)
        (self.folder / "notes.txt").write_text("mine")
        self.check(self.convert(self.folder / "net.t7", self.folder / "notes.txt"), SOME_FAILED,
                   "notes.txt: is there already, and isn't a weight file")
        self.assertEqual((self.folder / "notes.txt").read_text(), "mine")
        for _ in range(2):  # weights may be converted anew
            self.check(self.convert(self.folder / "net.t7", self.folder / "net.ffr"), DONE)

    def test_weights_of_another_network_under_its_name_are_refused(self):
        shutil.copytree(self.weights, self.folder / "weights")
        shutil.copy(self.weights / "nn4.small2.ffr", self.folder / "weights" / "resnet29.ffr")
        self.check(self.ffr("represent", ASTRONAUT, weights=self.folder / "weights"), SOME_FAILED,
                   "resnet29.ffr: holds 'nn4.small2', not 'resnet29'")

    def test_a_gray_photo_is_aligned_in_colour_as_openface_has_it(self):
        gray = PROJECT / "tests" / "golden" / "images" / "gray.png"
        self.check(run("align", "--method", "openface", gray, "-o", self.folder), DONE)
        self.assertEqual((self.folder / "gray.png").read_bytes()[25], 2)  # colour type RGB

    def test_bad_networks_are_refused_with_the_place_and_leave_no_file(self):
        for content, reason in [(b"", "byte 0: the file ends here"), (b"\x80\x02 a pickle", "type tag"),
                                (self.network[:1_000_000], "byte "), (self.network + b"x", "1 bytes too many"),
                                (self.network.replace(b"nn.Linear", b"nn.Maxout"), "expected a Linear")]:
            (self.folder / "bad.t7").write_bytes(content)
            self.check(self.convert(self.folder / "bad.t7", self.folder / "out.ffr"), SOME_FAILED, "bad.t7: .*" + reason)
        self.check(self.convert(self.folder / "none.t7", self.folder / "out.ffr"), SOME_FAILED, "none.t7: can't open")
        self.assertEqual(self.only_files(self.folder), ["bad.t7"])

    def test_the_network_has_no_int8_form(self):
        self.check(self.ffr("represent", "--embedder", "nn4.small2", "--precision", "int8", ASTRONAUT), SOME_FAILED,
                   "nn4.small2 hasn't got an int8 form")

    def test_without_its_weights_the_network_says_where_to_get_them(self):
        self.check(run("represent", "--embedder", "nn4.small2", ASTRONAUT), SOME_FAILED,
                   "nn4.small2.ffr: no such weights.*docs/openface.md")

    def test_the_openface_way_from_photos_to_names(self):
        nn4 = ["--embedder", "nn4.small2"]
        aligned, reps, model = (self.folder / name for name in ("aligned", "reps", "people.ffr"))
        self.check(self.ffr("align", "--method", "openface", PEOPLE, "-o", aligned), DONE)
        self.check(self.ffr("represent", "--aligned", *nn4, aligned, "-o", reps), DONE)
        numbers = [[float(x) for x in row] for row in csv.reader((reps / "reps.csv").read_text().splitlines())]
        self.assertTrue(all(abs(sum(x * x for x in row) - 1) < 1e-5 for row in numbers))
        source = json.loads((reps / "source.json").read_text())
        self.assertEqual((source["embedder"], source["alignment"]), ("nn4.small2", ""))
        self.check(self.ffr("train", reps, "-o", model), DONE)
        for verb in (["train"], ["evaluate", "classification"]):
            result = run(*verb, reps, "--embedder", "resnet29", "-o", self.folder / "none")
            self.check(result, SOME_FAILED, "source.json: the numbers are of nn4.small2, not of resnet29")
        self.check(run("train", reps, "--points", "5", "-o", model), WRONG_USAGE, "--points: goes with photos")
        # The network is the model's without being told, and a training photo gives its row of the table.
        [record] = records(self.check(self.ffr("infer", model, "--json", PEOPLE / "joe_biden" / "biden.jpg"), DONE))
        self.assertEqual(record["faces"][0]["embedding"], numbers[3])
        self.check(self.ffr("infer", model, "--embedder", "resnet29", OBAMA2), SOME_FAILED,
                   "people.ffr: was trained with network nn4.small2, not resnet29")
        # The same people from photos, in one step.
        self.check(self.ffr("train", PEOPLE, *nn4, "-o", self.folder / "direct.ffr"), DONE)
        result = self.check(self.ffr("infer", "--multi", self.folder / "direct.ffr", GROUP), DONE)
        self.assertEqual(len(re.findall(r"@ x=\d+", result.stdout)), 4)

    def test_tables_that_openface_wrote_are_taken_for_the_network_that_s_named(self):
        (self.folder / "labels.csv").write_text("1,aligned/anna/1.png\n2,aligned/ben/1.png\n")
        rows = [",".join(["1"] + ["0"] * 127), ",".join(["0"] * 127 + ["1"])]
        (self.folder / "reps.csv").write_text("\n".join(rows) + "\n")
        model = self.folder / "people.ffr"
        self.check(run("train", self.folder, "-o", model), SOME_FAILED, "has no source.json, so say which network")
        self.check(run("train", self.folder, "--embedder", "nn4.small2", "-o", model), DONE)
        self.check(self.ffr("infer", model, OBAMA2), DONE)
        (self.folder / "source.json").write_text('{"embedder": "vgg", "weights": "", "alignment": ""}')
        self.check(run("train", self.folder, "-o", model), SOME_FAILED, "source.json: there's no network 'vgg'")
        (self.folder / "source.json").write_text("{}")
        self.check(run("train", self.folder, "-o", model), SOME_FAILED, "source.json: .*embedder")

    def test_a_model_refuses_other_weights_and_another_alignment(self):
        model = self.folder / "people.ffr"
        self.check(self.ffr("train", PEOPLE, "--embedder", "nn4.small2", "-o", model), DONE)
        other = self.folder / "other"
        shutil.copytree(self.weights, other)
        (other / "net.t7").write_bytes(make_t7.t7(2, "published"))
        self.check(self.convert(other / "net.t7", other / "nn4.small2.ffr"), DONE)
        self.check(self.ffr("infer", model, OBAMA2, weights=other), SOME_FAILED,
                   "people.ffr: was trained with weights with checksum [0-9a-f]{16}, not [0-9a-f]{16}")
        self.check(self.ffr("infer", model, "--points", "5", OBAMA2), SOME_FAILED,
                   "people.ffr: was trained with alignment 'outer eyes and nose at 96 pixels by 68 landmarks', not "
                   "'outer eyes and nose at 96 pixels by 5 landmarks'")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
