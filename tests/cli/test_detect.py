"""Faces found: folders, pictures of them, the CNN detector, large photos."""

import json
import math
import os
import re
import shutil
import struct
import subprocess
import sys
import unittest

from harness import (ASTRONAUT, CliTest, DONE, GROUP, NO_FACE, OBAMA2, PEOPLE, PHOTOS, PROGRAM, PROJECT, SOME_FAILED,
                     WRONG_USAGE, records, run)


def jpeg_size(path):
    """Width and height by a baseline JPEG's header."""
    height, width = struct.unpack(">HH", re.search(rb"\xff\xc0...(....)", path.read_bytes(), re.S).group(1))
    return width, height


class Detect(CliTest):
    def test_json_is_as_promised(self):
        result = self.check(run("detect", "--json", ASTRONAUT), DONE)
        [record] = records(result)
        self.assertEqual(list(record), ["image", "width", "height", "faces"])
        self.assertEqual((record["image"], record["width"], record["height"]), (str(ASTRONAUT), 512, 512))
        [face] = record["faces"]
        self.assertEqual(list(face), ["box", "score", "view"])
        self.assertEqual((face["box"], face["view"]), ([179, 83, 266, 170], 0))
        self.assertAlmostEqual(face["score"], 1.534124, places=5)

    def test_text_is_for_people(self):
        result = self.check(run("detect", ASTRONAUT), DONE)
        self.assertIn("1 face\n  box 179 83 266 170  score 1.534  view front", result.stdout)

    def test_faces_come_by_falling_score(self):
        [record] = records(run("detect", "--json", GROUP))
        scores = [face["score"] for face in record["faces"]]
        self.assertEqual(len(scores), 4)
        self.assertEqual(scores, sorted(scores, reverse=True))

    def test_no_face_is_no_failure(self):
        [record] = records(self.check(run("detect", "--json", NO_FACE), DONE))
        self.assertEqual(record["faces"], [])

    def test_folders_are_searched_in_order_and_standard_input_gives_paths(self):
        names = [r["image"] for r in records(run("detect", "--json", PEOPLE))]
        self.assertEqual(len(names), 4)
        self.assertEqual(names, sorted(names))
        piped = run("detect", "--json", "-", stdin=f"{OBAMA2}\n\n{ASTRONAUT}\r\n")
        self.assertEqual([r["image"] for r in records(piped)], [str(OBAMA2), str(ASTRONAUT)])

    def test_the_number_of_threads_changes_nothing(self):
        one, four = (run("detect", "--json", "--threads", n, PHOTOS).stdout for n in (1, 4))
        self.assertEqual(one, four)

    def test_the_threshold_lets_more_or_fewer_through(self):
        self.assertEqual(len(records(run("detect", "--json", "--threshold", "-1", ASTRONAUT))[0]["faces"]), 5)
        self.assertEqual(records(run("detect", "--json", "--threshold", "2", ASTRONAUT))[0]["faces"], [])

    def test_draw_writes_annotated_copies_in_the_same_tree(self):
        self.check(run("detect", "--draw", self.folder / "out", PEOPLE), DONE)
        self.assertEqual(self.only_files(self.folder / "out"),
                         ["barack_obama/obama.jpg", "barack_obama/obama3.jpg", "eileen_collins/astronaut.jpg",
                          "joe_biden/biden.jpg"])

    def test_photos_that_differ_by_their_extension_only_have_outputs_of_their_own(self):
        photos = self.folder / "in"
        (photos / "sub").mkdir(parents=True)
        shutil.copy(OBAMA2, photos / "a.jpg")
        shutil.copy(ASTRONAUT, photos / "a.png")
        shutil.copy(ASTRONAUT, photos / "b.png")
        shutil.copy(OBAMA2, photos / "sub" / "a.jpg")
        self.check(run("detect", "--draw", self.folder / "out", photos), DONE)
        self.assertEqual(self.only_files(self.folder / "out"), ["a.jpg.jpg", "a.png.jpg", "b.jpg", "sub/a.jpg"])
        self.assertEqual(jpeg_size(self.folder / "out" / "a.png.jpg"), (512, 512))
        got = records(self.check(run("align", "--json", photos, "-o", self.folder / "chips"), DONE))
        names = ["a.jpg.png", "a.png.png", "b.png", "sub/a.png"]
        self.assertEqual([r["faces"][0]["aligned"] for r in got], [str(self.folder / "chips" / name) for name in names])
        # A photo that has such a name already is still not written over.
        shutil.copy(NO_FACE, photos / "a.png.png")
        self.check(run("detect", "--draw", self.folder / "again", photos), WRONG_USAGE,
                   "/a.png and .*/a.png.png: would both become .*/again/a.png.jpg")
        self.assertFalse((self.folder / "again").exists())

    def test_draw_makes_small_photos_large_enough_to_read_and_leaves_others(self):
        (self.folder / "small.pgm").write_bytes(b"P5 100 80 255\n" + bytes(8000))
        (self.folder / "dot.pgm").write_bytes(b"P5 1 1 255\n\0")
        shutil.copy(ASTRONAUT, self.folder)
        for verb in (["detect"], ["landmarks"]):
            self.check(run(*verb, "--draw", self.folder / "out", self.folder / "small.pgm", self.folder / "dot.pgm",
                           self.folder / "astronaut.png"), DONE)
            sizes = [jpeg_size(self.folder / "out" / f"{name}.jpg") for name in ("small", "dot", "astronaut")]
            self.assertEqual(sizes, [(400, 320), (480, 480), (512, 512)])

    def test_two_inputs_never_write_the_same_file(self):
        for name in ("a", "b"):
            (self.folder / name).mkdir()
            shutil.copy(ASTRONAUT, self.folder / name / "x.png")
        result = run("detect", "--draw", self.folder / "out", self.folder / "a" / "x.png", self.folder / "b" / "x.png")
        self.check(result, WRONG_USAGE, "a/x.png and .*b/x.png: would both become .*out/x.jpg: give them in two runs")
        self.assertFalse((self.folder / "out").exists())

    def test_a_photo_is_never_overwritten(self):
        shutil.copy(OBAMA2, self.folder / "party.jpg")
        shutil.copy(ASTRONAUT, self.folder / "x.png")
        for verb in (["detect", "--draw", "."], ["landmarks", "--draw", "../" + self.folder.name]):
            result = run(*verb, "party.jpg", cwd=self.folder)
            self.check(result, SOME_FAILED, "party.jpg: its output .*party.jpg would overwrite the input party.jpg")
        self.check(run("align", ".", "-o", ".", cwd=self.folder), SOME_FAILED, "x.png would overwrite the input .*x.png")
        self.assertEqual((self.folder / "party.jpg").read_bytes(), OBAMA2.read_bytes())
        self.assertEqual((self.folder / "x.png").read_bytes(), ASTRONAUT.read_bytes())

    @unittest.skipIf("FFR_SANITIZED" in os.environ, "sanitizers take more memory than is allowed here")
    def test_too_many_threads_are_no_reason_to_stop(self):
        few = "ulimit -v 3000000; exec \"$0\" detect --json --threads 1024 " + f"'{NO_FACE}' " * 1024
        result = subprocess.run(["bash", "-c", few, str(PROGRAM)], capture_output=True, text=True)
        # The input itself is given 1024 times; what counts is that each is answered.
        self.assertEqual(len(records(result)), 1024, result.stderr[-1000:])

    def test_a_full_disk_behind_standard_output_is_a_failure(self):
        with open("/dev/full", "w") as full:
            for verb in (["detect", ASTRONAUT], ["detect", "--json", ASTRONAUT], ["info"]):
                result = subprocess.run([str(PROGRAM), *map(str, verb)], stdout=full, stderr=subprocess.PIPE, text=True)
                self.assertEqual(result.returncode, SOME_FAILED)
                self.assertIn("can't write to standard output", result.stderr)

    def test_a_threshold_has_to_be_a_number(self):
        for text in ("nan", "inf", "x"):
            self.check(run("detect", "--threshold", text, ASTRONAUT), WRONG_USAGE)
        self.check(run("compare", "--distance", "nan", ASTRONAUT, OBAMA2), WRONG_USAGE)

    def test_doubling_has_a_limit(self):
        tall = self.folder / "tall.pgm"
        tall.write_bytes(b"P5 8 1000000 255\n" + bytes(8_000_000))
        self.check(run("detect", "--upsample", "4", tall), SOME_FAILED, "tall.pgm: .*doubled 4 times, has more than")

    def test_exif_orientation_is_applied_unless_told_otherwise(self):
        # An Exif segment that says "turn me by 180 degrees" put into a photo: found faces move to the other corner.
        jpeg = OBAMA2.read_bytes()
        tiff = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, 3, 0) + b"\0\0\0\0"
        segment = b"\xff\xe1" + struct.pack(">H", 2 + 6 + len(tiff)) + b"Exif\0\0" + tiff
        (self.folder / "turned.jpg").write_bytes(jpeg[:2] + segment + jpeg[2:])
        self.assertEqual(records(run("detect", "--json", self.folder / "turned.jpg"))[0]["faces"], [])
        [record] = records(run("detect", "--json", "--no-exif", self.folder / "turned.jpg"))
        self.assertEqual(record["faces"][0]["box"], [164, 302, 474, 611])


class CnnDetector(CliTest):
    """Faces that lean too far for HOG."""

    GOLDEN = PROJECT / "tests" / "golden"
    TURNED = GOLDEN / "images" / "turned_minus_20.png"

    def test_faces_are_the_reference_s(self):
        golden = json.loads((self.GOLDEN / "data" / "mmod.json").read_text())["records"]
        for name, upsample in (("crowd", 0), ("half_face_left", 0), ("window_80x80", 1)):
            [expected] = [r["detections"] for r in golden
                          if (r["image"], r["gray"], r["upsample"]) == (name, False, upsample)]
            result = run("detect", "--json", "--detector", "mmod", "--upsample", upsample,
                         self.GOLDEN / "images" / f"{name}.png")
            [record] = records(self.check(result, DONE))
            self.assertEqual([list(face) for face in record["faces"]], [["box", "score"]] * len(expected))
            self.assertEqual([face["box"] for face in record["faces"]], [face["box"] for face in expected])
            for face, wanted in zip(record["faces"], expected):
                self.assertAlmostEqual(face["score"], wanted["score"], delta=1e-4)

    def test_text_has_no_view(self):
        result = self.check(run("detect", "--detector", "mmod", ASTRONAUT), DONE)
        self.assertRegex(result.stdout, r"box 168 69 263 164  score 1\.06\d\n$")

    def test_every_verb_goes_on_from_its_boxes(self):
        cnn = "--detector", "mmod"
        [record] = records(self.check(run("landmarks", "--json", *cnn, "--points", "5", self.TURNED), DONE))
        golden = json.loads((self.GOLDEN / "data" / "mmod_faces.json").read_text())["records"]
        [expected] = [r for r in golden if (r["image"], r["gray"]) == ("turned_minus_20", False)]
        self.assertEqual(record["faces"][0]["landmarks"], expected["points5"])
        result = run("represent", "--json", *cnn, "--points", "5", self.TURNED)
        [record] = records(self.check(result, DONE))
        self.assertLess(math.dist(record["faces"][0]["embedding"], expected["embedding"]), 0.001)

        aligned = self.check(run("align", *cnn, ASTRONAUT, "-o", self.folder / "a"), DONE)
        self.assertIn("astronaut.png", aligned.stdout)
        self.assertNotEqual((self.folder / "a" / "astronaut.png").read_bytes(),
                            self.aligned_by_hog().read_bytes())
        compared = self.check(run("compare", *cnn, ASTRONAUT, OBAMA2), DONE)
        self.assertIn("different", compared.stdout)
        self.check(run("train", *cnn, PEOPLE, "-o", self.folder / "people.ffr"), DONE)
        inferred = self.check(run("infer", *cnn, self.folder / "people.ffr", OBAMA2), DONE)
        self.assertIn("barack_obama", inferred.stdout)
        clustered = records(self.check(run("cluster", "--json", *cnn, PEOPLE / "barack_obama"), DONE))
        self.assertTrue(clustered)
        [timing] = records(self.check(run("bench", "--json", *cnn, "--repeat", "1", "--stage", "detect"), DONE))
        self.assertEqual(timing["stage"], "detect")

    def aligned_by_hog(self):
        self.check(run("align", ASTRONAUT, "-o", self.folder / "hog"), DONE)
        return self.folder / "hog" / "astronaut.png"

    def test_auto_asks_hog_first(self):
        def faces(detector, image):
            return records(self.check(run("detect", "--json", "--detector", detector, image), DONE))[0]["faces"]

        self.assertEqual(faces("auto", ASTRONAUT), faces("hog", ASTRONAUT))
        for name in "low_contrast", "no_face_brick", "tiny_face":
            image = self.GOLDEN / "images" / f"{name}.png"
            self.assertEqual(faces("auto", image), faces("mmod", image))

    def test_hog_pictures_are_of_hog_and_other_detectors_are_unknown(self):
        result = run("hog", "--detector", "mmod", ASTRONAUT, "-o", self.folder / "hog.png")
        self.check(result, WRONG_USAGE, "--detector: has to be hog")
        self.check(run("detect", "--detector", "cascade", ASTRONAUT), WRONG_USAGE, "--detector")

    def test_its_weights_are_named_when_they_are_missing_or_another_s(self):
        result = run("detect", "--detector", "mmod", "--weights", self.folder, ASTRONAUT)
        self.check(result, SOME_FAILED, "mmod.ffr: no such weights in")
        shutil.copy(PROJECT / "weights" / "hog_frontal.ffr", self.folder / "mmod.ffr")
        result = run("detect", "--detector", "mmod", "--weights", self.folder, ASTRONAUT)
        self.check(result, SOME_FAILED, "holds 'hog_detector', not 'mmod'")


class MaxPixels(CliTest):
    """Large photos made smaller: what's told is in the pixels of the photo all the same."""

    def test_boxes_and_landmarks_are_those_of_the_photo_but_for_a_few_pixels(self):
        [whole], [reduced] = (records(self.check(run("represent", "--json", OBAMA2, *more), DONE))
                              for more in ([], ["--max-pixels", "100000"]))
        self.assertGreater(whole["width"] * whole["height"], 3 * 100000)
        self.assertEqual([reduced[k] for k in ("width", "height")], [whole[k] for k in ("width", "height")])
        [a], [b] = whole["faces"], reduced["faces"]
        size = a["box"][2] - a["box"][0]
        for name, share in (("box", 0.15), ("landmarks", 0.05)):
            apart = max(abs(x - y) for x, y in zip(*(sum(f[name], []) if name == "landmarks" else f[name] for f in (a, b))))
            self.assertLess(apart, share * size, name)
        self.assertLess(math.dist(a["embedding"], b["embedding"]), 0.3)
        self.assertNotEqual(a["landmarks"], b["landmarks"])
        [found] = records(run("detect", "--json", "--max-pixels", "100000", OBAMA2))
        self.assertEqual(found["faces"][0]["box"], b["box"])
        self.assertIn("box " + " ".join(map(str, b["box"])), run("detect", "--max-pixels", "100000", OBAMA2).stdout)
        [marked] = records(run("landmarks", "--json", "--max-pixels", "100000", OBAMA2))
        self.assertEqual(marked["faces"][0]["landmarks"], b["landmarks"])
        run("train", PEOPLE, "-o", self.folder / "model")
        [named] = records(run("infer", self.folder / "model", "--json", "--max-pixels", "100000", OBAMA2))
        self.assertEqual({k: named["faces"][0][k] for k in b}, b)
        text = run("infer", self.folder / "model", "--multi", "--max-pixels", "100000", OBAMA2).stdout
        self.assertIn(f"x={(b['box'][0] + b['box'][2]) // 2}", text.replace(".5", ""))

    def test_photos_within_the_limit_are_left_alone(self):
        self.assertEqual(run("represent", "--json", "--max-pixels", "262144", ASTRONAUT).stdout,
                         run("represent", "--json", ASTRONAUT).stdout)
        for text in ("0", "-5", "many", "1e6x"):
            self.check(run("detect", "--max-pixels", text, ASTRONAUT), WRONG_USAGE, "--max-pixels")

    def test_the_smallest_limit_finds_nothing(self):
        [record] = records(self.check(run("detect", "--json", "--max-pixels", "1", ASTRONAUT), DONE))
        self.assertEqual((record["width"], record["faces"]), (512, []))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
