"""The program as its users meet it: verbs, output, exit status, and what happens with bad input.

Run by ctest as: python3 test_cli.py PROGRAM PROJECT. Needs Python's standard library only.
"""

import base64
import csv
import hashlib
import html.parser
import json
import math
import os
import pathlib
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
PROJECT = pathlib.Path(sys.argv[2]).resolve()
PHOTOS = PROJECT / "photos"
PEOPLE = PHOTOS / "people"
ASTRONAUT = PEOPLE / "eileen_collins" / "astronaut.png"
OBAMA2 = PHOTOS / "unseen" / "obama2.jpg"
HOPPER = PHOTOS / "unseen" / "grace_hopper.jpg"
GROUP = PHOTOS / "unseen" / "group.jpg"
NO_FACE = PROJECT / "tests" / "golden" / "images" / "no_face_brick.png"
TINY_FACE = NO_FACE.with_name("tiny_face.png")

sys.path.insert(0, str(PROJECT / "tests" / "golden"))
import make_t7  # noqa: E402

DONE, SOME_FAILED, WRONG_USAGE = 0, 1, 2


def run(*arguments, stdin=None, env=None, program=PROGRAM, cwd=None, **more):
    environment = {k: v for k, v in os.environ.items() if k != "FFR_WEIGHTS"}
    environment.update(env or {})
    return subprocess.run([str(program), *map(str, arguments)], input=stdin, capture_output=True, text=True,
                          env=environment, cwd=cwd, timeout=600, **more)


def records(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def png(width, height, pixels=b""):
    """A PNG with a header of its own choosing; its pixels may be missing."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b""))


class Page(html.parser.HTMLParser):
    """A page of HTML: what it holds, and that each of its tags is closed."""

    def __init__(self, text):
        super().__init__()
        self.text, self.open, self.tags, self.sections, self.references, self.alts = text, [], set(), [], [], {}
        self.styles = ""
        self.feed(text)
        self.close()
        assert text.startswith("<!DOCTYPE html>") and not self.open, self.open

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.add(tag)
        if tag == "section":
            self.sections.append(attributes["id"])
            self.alts[attributes["id"]] = []
        if tag == "img":
            self.alts[self.sections[-1]].append(attributes["alt"])
        self.references += [(tag, attributes[name]) for name in ("src", "href", "srcset", "data") if name in attributes]
        self.styles += attributes.get("style", "")
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.styles += data


def jpeg_size(path):
    """Width and height by a baseline JPEG's header."""
    height, width = struct.unpack(">HH", re.search(rb"\xff\xc0...(....)", path.read_bytes(), re.S).group(1))
    return width, height


class CliTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def check(self, result, status, error=None):
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        if error is None and status == DONE:
            self.assertEqual(result.stderr, "")
        if error is not None:
            self.assertRegex(result.stderr, error)
        return result

    def only_files(self, folder):
        return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


class Usage(CliTest):
    VERBS = ["detect", "hog", "landmarks", "align", "represent", "compare", "train", "infer", "cluster", "video", "evaluate", "demo",
             "bench", "info"]

    def completions(self, *words):
        """What bash offers for the last of the words."""
        script = self.check(run("--bash-completion"), DONE).stdout
        line = " ".join(f"'{word}'" for word in ("ffr", *words))
        script += f"\nCOMP_WORDS=({line}); COMP_CWORD={len(words)}; _ffr; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        return subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True).stdout.split()

    def test_bash_completes_verbs_options_and_choices(self):
        self.assertEqual(self.completions(""), self.VERBS)
        self.assertEqual(self.completions("re"), ["represent"])
        self.assertIn("--extend", self.completions("train", "--e"))
        self.assertEqual(self.completions("detect", "--u"), ["--upsample"])
        self.assertEqual(self.completions("align", "--method", ""), ["chip", "openface"])
        self.assertEqual(self.completions("represent", "--embedder", "nn"), ["nn4.small2"])
        self.assertEqual(self.completions("evaluate", ""), ["lfw", "classification"])
        self.assertEqual(self.completions("detect", ""), [])  # bash goes on with file names

    def test_the_manual_has_each_verb_and_each_option_of_the_help(self):
        manual = self.check(run("--man"), DONE).stdout.replace("\\-", "-")
        for verb in self.VERBS:
            self.assertIn(f'.SS "ffr {verb}', manual)
            if verb == "evaluate":
                continue
            shown = self.check(run(verb, "--help"), DONE).stdout
            for option in re.findall(r"^  (?:-\w,)?(--[\w-]+)", shown, re.MULTILINE):
                if option != "--help":
                    self.assertIn(f"\\&{option}\\fR", manual, verb)

    def test_each_verb_s_example_works_on_the_shipped_photos(self):
        (self.folder / "photos").symlink_to(PHOTOS)
        for verb in self.VERBS:
            shown = self.check(run(verb, "--help"), DONE).stdout
            example = re.search(r"Example:\n  ffr (.*?)(?:   .*)?$", shown, re.MULTILINE).group(1)
            if verb in ("evaluate", "video"):  # these are on data which aren't shipped
                continue
            self.check(run(*shlex.split(example), cwd=self.folder), DONE)


    def test_each_verb_explains_itself_with_an_example(self):
        for verb in self.VERBS:
            result = self.check(run(verb, "--help"), DONE)
            self.assertIn("Example:\n  ffr " + verb, result.stdout)
            self.assertIn(verb, run("--help").stdout)

    def test_wrong_usage_has_its_own_status(self):
        self.check(run(), WRONG_USAGE)
        self.check(run("fly"), WRONG_USAGE)
        self.check(run("detect"), WRONG_USAGE)
        self.check(run("detect", "--upsample", "9", ASTRONAUT), WRONG_USAGE)
        self.check(run("detect", "--upsample", "many", ASTRONAUT), WRONG_USAGE)
        self.check(run("landmarks", "--points", "7", ASTRONAUT), WRONG_USAGE)
        self.check(run("compare", ASTRONAUT), WRONG_USAGE)
        self.check(run("align", ASTRONAUT), WRONG_USAGE)
        self.check(run("hog", ASTRONAUT), WRONG_USAGE)
        self.check(run("cluster", "--distance", "-1", ASTRONAUT), WRONG_USAGE)

    def test_the_version_is_the_library_s(self):
        header = (PROJECT / "include" / "ffr" / "version.hpp").read_text()
        self.assertEqual(run("--version").stdout.strip(), re.search(r'"([0-9.]+)"', header).group(1))


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


class BadInput(CliTest):
    def bad(self, name, content):
        (self.folder / name).write_bytes(content)
        return self.folder / name

    def test_bad_files_are_named_with_the_reason_and_the_others_done(self):
        photo = OBAMA2.read_bytes()
        bad = {
            "text.jpg": (b"this is no image\n", "isn't an image"),
            "empty.png": (b"", "empty"),
            "cut.jpg": (photo[: len(photo) // 2], "cut off|ends"),
            "cut.png": (ASTRONAUT.read_bytes()[:5000], "cut off|ends"),
            "huge.png": (png(16_000_000, 16_000_000), "pixels|large|damaged"),
            "large.png": (png(15_000, 15_000), "pixels"),
            "liar.png": (png(300, 300, b"\0" * 100), "cut off|ends|damaged"),
        }
        paths = [self.bad(name, content) for name, (content, _) in bad.items()]
        result = run("detect", "--json", *paths, self.folder / "missing.jpg", ASTRONAUT)
        self.check(result, SOME_FAILED)
        got = records(result)
        self.assertEqual(len(got), len(bad) + 2)
        for path, record, (_, reason) in zip(paths, got, bad.values()):
            self.assertEqual(record["image"], str(path))
            self.assertRegex(record["error"], reason)
            self.assertIn(f"ffr: {path}: {record['error']}\n", result.stderr)
        self.assertRegex(got[-2]["error"], "No such file")
        self.assertEqual(len(got[-1]["faces"]), 1)

    def test_what_is_no_file_is_refused_at_once(self):
        os.mkfifo(self.folder / "pipe.jpg")
        with open(self.folder / "big.jpg", "wb") as sparse:
            sparse.truncate(6_000_000_000)
        result = self.check(run("detect", "--json", "/dev/zero", self.folder), SOME_FAILED)
        self.assertEqual([r["error"].split(": ")[-1] for r in records(result)],
                         ["isn't a regular file", "has 6000000000 bytes, more than the limit of 2147483647",
                          "isn't a regular file"])

    def test_a_huffman_table_of_too_many_codes_is_refused(self):
        photo = OBAMA2.read_bytes()
        segment = b"\xff\xc4" + struct.pack(">H", 2 + 17 + 272) + b"\0" + b"\x11" * 16 + bytes(272)
        path = self.bad("codes.jpg", photo[:2] + segment + photo[2:])
        self.check(run("detect", path), SOME_FAILED, "codes.jpg: the image is damaged: a Huffman table")

    def test_a_folder_without_images_is_said_so(self):
        self.check(run("detect", self.folder), SOME_FAILED, "there are no images in the folder")

    def test_an_unreadable_folder_is_named_and_the_rest_searched(self):
        closed = self.folder / "closed"
        closed.mkdir()
        shutil.copy(ASTRONAUT, self.folder / "a.png")
        closed.chmod(0)
        self.addCleanup(closed.chmod, 0o700)
        more = {}
        if os.geteuid() == 0:  # nothing is closed to root
            self.folder.chmod(0o755)
            shutil.copy(PROGRAM, self.folder / "ffr")
            more = {"user": 65534, "program": self.folder / "ffr"}
        result = self.check(run("detect", "--json", self.folder, **more), SOME_FAILED, "closed: can't search the folder")
        self.assertEqual(len(records(result)), 2)

    def test_a_broken_file_in_a_folder_doesn_t_end_the_run(self):
        shutil.copy(ASTRONAUT, self.folder / "a.png")
        self.bad("b.png", b"nothing")
        shutil.copy(ASTRONAUT, self.folder / "c.png")
        self.bad("notes.txt", b"not looked at")
        got = records(self.check(run("detect", "--json", self.folder), SOME_FAILED))
        self.assertEqual([list(r)[1] for r in got], ["width", "error", "width"])

    def test_odd_names_are_no_problem(self):
        name = 'Zoë "quoted", Ünïcode 人.png'
        shutil.copy(ASTRONAUT, self.folder / name)
        [record] = records(self.check(run("detect", "--json", self.folder / name), DONE))
        self.assertEqual(record["image"], str(self.folder / name))

    def test_what_can_t_be_written_leaves_nothing_behind(self):
        (self.folder / "file").write_text("in the way")
        result = run("align", ASTRONAUT, "-o", self.folder / "file" / "chips")
        self.check(result, SOME_FAILED, "file.*can't make the folder")
        self.check(run("train", PEOPLE, "-o", self.folder / "file" / "model"), SOME_FAILED, "file.*can't make the folder")
        (self.folder / "folder" / "full").mkdir(parents=True)
        self.check(run("train", PEOPLE, "-o", self.folder / "folder"), SOME_FAILED, "folder: can't write the file")
        self.assertEqual(self.only_files(self.folder), ["file"])


class LandmarksAndAlign(CliTest):
    def test_landmarks_have_as_many_points_as_asked_for(self):
        for points in (5, 68):
            [record] = records(self.check(run("landmarks", "--json", "--points", points, ASTRONAUT), DONE))
            self.assertEqual(len(record["faces"][0]["landmarks"]), points)
        self.assertEqual(len(records(run("landmarks", "--json", ASTRONAUT))[0]["faces"][0]["landmarks"]), 68)

    def test_align_writes_the_same_tree(self):
        self.check(run("align", PEOPLE, "-o", self.folder), DONE)
        self.assertEqual(self.only_files(self.folder),
                         ["barack_obama/obama.png", "barack_obama/obama3.png", "eileen_collins/astronaut.png",
                          "joe_biden/biden.png"])
        header = (self.folder / "joe_biden" / "biden.png").read_bytes()[16:24]
        self.assertEqual(struct.unpack(">II", header), (150, 150))

    def test_align_tells_where_the_chips_are(self):
        [record] = records(self.check(run("align", "--json", ASTRONAUT, "-o", self.folder), DONE))
        self.assertEqual(list(record["faces"][0]), ["box", "score", "view", "landmarks", "aligned"])
        self.assertEqual(record["faces"][0]["aligned"], str(self.folder / "astronaut.png"))

    def test_align_takes_the_largest_face_or_all(self):
        self.check(run("align", GROUP, "-o", self.folder / "one"), DONE)
        self.assertEqual(self.only_files(self.folder / "one"), ["group.png"])
        self.check(run("align", "--all-faces", GROUP, "-o", self.folder / "all"), DONE)
        self.assertEqual(self.only_files(self.folder / "all"),
                         ["group-2.png", "group-3.png", "group-4.png", "group.png"])

    def test_no_chip_overwrites_another(self):
        shutil.copy(GROUP, self.folder / "p.jpg")
        shutil.copy(OBAMA2, self.folder / "p-2.jpg")
        out = self.folder / "out"  # named without its beginning, and not there yet
        result = run("align", "--all-faces", "p-2.jpg", "p.jpg", "-o", "out", cwd=self.folder)
        self.check(result, SOME_FAILED, "p.jpg: its output .*p-2.png would overwrite the output of .*p-2.jpg")
        alone = self.folder / "alone"
        run("align", self.folder / "p-2.jpg", "-o", alone)
        self.assertEqual((out / "p-2.png").read_bytes(), (alone / "p-2.png").read_bytes())

    def test_what_is_aligned_already_is_not_done_again(self):
        self.check(run("align", GROUP, ASTRONAUT, "-o", self.folder), DONE)
        (self.folder / "astronaut.png").unlink()
        os.utime(self.folder / "group.png", (0, 0))
        got = records(self.check(run("align", "--json", GROUP, ASTRONAUT, "-o", self.folder), DONE))
        self.assertEqual(got[0], {"image": str(GROUP), "skipped": "is aligned already"})
        self.assertEqual(len(got[1]["faces"]), 1)
        result = self.check(run("align", GROUP, "-o", self.folder), DONE)
        self.assertIn("group.jpg: skipped, is aligned already", result.stdout)
        # All faces after a run for the largest: the others come to it, and what's there stays.
        self.check(run("align", "--all-faces", GROUP, "-o", self.folder), DONE)
        self.assertEqual((self.folder / "group.png").stat().st_mtime, 0)
        self.assertEqual(self.only_files(self.folder),
                         ["astronaut.png", "group-2.png", "group-3.png", "group-4.png", "group.png"])
        self.assertIn("skipped", run("align", "--all-faces", GROUP, "-o", self.folder).stdout)
        # An empty file isn't an aligned face.
        (self.folder / "astronaut.png").write_bytes(b"")
        self.check(run("align", ASTRONAUT, "-o", self.folder), DONE)
        self.assertGreater((self.folder / "astronaut.png").stat().st_size, 0)

    def test_openface_aligns_a_tree_to_any_size_by_either_set_of_landmarks(self):
        def sizes(folder):
            return {struct.unpack(">II", p.read_bytes()[16:24]) for p in folder.rglob("*.png")}

        method = ["align", "--method", "openface"]
        self.check(run(*method, PEOPLE, "-o", self.folder / "a"), DONE)
        self.assertEqual(self.only_files(self.folder / "a"),
                         ["barack_obama/obama.png", "barack_obama/obama3.png", "eileen_collins/astronaut.png",
                          "joe_biden/biden.png"])
        self.assertEqual(sizes(self.folder / "a"), {(96, 96)})
        self.check(run(*method, "--size", "33", PEOPLE, "-o", self.folder / "b"), DONE)
        self.assertEqual(sizes(self.folder / "b"), {(33, 33)})
        self.check(run(*method, "--landmarks", "innerEyesAndBottomLip", ASTRONAUT, "-o", self.folder / "c"), DONE)
        self.assertNotEqual((self.folder / "c" / "astronaut.png").read_bytes(),
                            (self.folder / "a" / "eileen_collins" / "astronaut.png").read_bytes())
        self.check(run(*method, "--points", "5", ASTRONAUT, "-o", self.folder / "d"), DONE)
        self.check(run(*method, "--points", "5", "--landmarks", "innerEyesAndBottomLip", ASTRONAUT, "-o", self.folder),
                   WRONG_USAGE, "innerEyesAndBottomLip needs --points 68")
        for option in (["--size", "100"], ["--landmarks", "outerEyesAndNose"]):
            self.check(run("align", *option, ASTRONAUT, "-o", self.folder), WRONG_USAGE, "goes with --method openface")

    def test_images_with_several_faces_are_left_out_on_request(self):
        got = records(self.check(run("align", "--method", "openface", "--skip-multi", "--json", GROUP, ASTRONAUT, "-o",
                                     self.folder), DONE))
        self.assertEqual(got[0], {"image": str(GROUP), "skipped": "has 4 faces"})
        self.assertEqual(self.only_files(self.folder), ["astronaut.png"])

    def test_no_face_to_align_is_a_failure(self):
        self.check(run("align", NO_FACE, ASTRONAUT, "-o", self.folder), SOME_FAILED, "brick.png: there's no face")
        self.assertEqual(self.only_files(self.folder), ["astronaut.png"])


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


class LongRuns(CliTest):
    """A folder full of photos: stopped, killed, gone on with, split, piped."""

    JOURNAL = "represent.partial.jsonl"
    TABLES = ["labels.csv", "photos.csv", "reps.csv", "source.json"]

    def setUp(self):
        super().setUp()
        self.photos = self.folder / "photos"
        self.make_photos()

    def make_photos(self):
        sources = sorted(p for p in PHOTOS.rglob("*") if p.suffix in (".jpg", ".png"))
        for i in range(16):
            source = sources[i % len(sources)]
            person = self.photos / f"person {i * 7 % 5}"
            person.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, person / f"{i}, Zoë{source.suffix}")
        (self.photos / "person 0" / "broken.jpg").write_bytes(b"nothing")

    def tables(self, folder):
        return {name: (folder / name).read_bytes() for name in ("labels.csv", "reps.csv", "source.json")}

    def undisturbed(self):
        out = self.folder / "undisturbed"
        self.check(run("represent", self.photos, "-o", out), SOME_FAILED, "broken.jpg: ")
        self.assertEqual(self.only_files(out), self.TABLES)
        return self.tables(out)

    def start(self, *arguments, **more):
        def heed_interrupts():  # where the tests themselves run in the background, which ignores them
            signal.signal(signal.SIGINT, signal.SIG_DFL)

        process = subprocess.Popen([str(PROGRAM), *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts, **more)

        def end():
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                stream.close()
        self.addCleanup(end)
        return process

    def end_after(self, rows, signal_number, out, *more):
        """Ends a run into a folder when its journal has so many rows, and tells its status and messages."""
        process = self.start("represent", self.photos, "-o", out, "--threads", "1", *more)
        while process.poll() is None:
            journal = out / self.JOURNAL
            if journal.exists() and journal.read_bytes().count(b"\n") > rows:
                process.send_signal(signal_number)
                break
        errors = process.communicate()[1]
        return process.returncode, errors

    def test_killed_again_and_again_the_tables_are_those_of_an_undisturbed_run(self):
        out = self.folder / "out"
        self.end_after(1, signal.SIGKILL, out)
        for rows in (4, 5, 9):
            before = (out / self.JOURNAL).read_bytes().splitlines()
            self.end_after(rows, signal.SIGKILL, out, "--resume")
            after = (out / self.JOURNAL).read_bytes().splitlines()
            self.assertEqual(after[: len(before) - 1], before[:-1])  # the last one may be half a line
            paths = [json.loads(line)["path"] for line in after[1:-1]]
            self.assertEqual(len(paths), len(set(paths)))
        self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "broken.jpg: ")
        self.assertEqual(self.only_files(out), self.TABLES)
        self.assertEqual(self.tables(out), self.undisturbed())

    def test_a_line_cut_off_is_done_again_and_a_damaged_one_named(self):
        out = self.folder / "out"
        self.end_after(4, signal.SIGKILL, out)
        lines = (out / self.JOURNAL).read_bytes().splitlines(True)
        (out / self.JOURNAL).write_bytes(b"".join(lines[:4]) + lines[3][:1000])
        self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "broken.jpg: ")
        self.assertEqual(self.tables(out), self.undisturbed())
        (out / self.JOURNAL).write_bytes(lines[0] + b"{}\n" + lines[1])
        self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "partial.jsonl: line 2: ")
        (out / self.JOURNAL).write_bytes(b"")
        self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "its first line can't be read")

    def test_signals_finish_what_is_in_hand_and_say_how_to_go_on(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            out = self.folder / f"out{number}"
            status, errors = self.end_after(3, number, out)
            self.assertEqual(status, 128 + number, errors)
            kept = (out / self.JOURNAL).read_text().count("embedding\":")
            self.assertRegex(errors, f"ffr: stopped after [0-9]+ inputs; {kept} rows kept in .*: .*--resume")
            self.assertEqual(self.only_files(out), sorted([self.JOURNAL, *self.TABLES]))
            self.assertEqual(len((out / "labels.csv").read_text().splitlines()), kept)
            self.check(run("represent", self.photos, "-o", out), SOME_FAILED, "didn't end: go on with --resume, or delete")
            self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "broken.jpg: ")
            self.assertEqual(self.tables(out), self.undisturbed())

    def test_a_signal_ends_a_filter_that_waits_for_its_next_path(self):
        process = self.start("detect", "--json", "-")
        process.stdin.write(f"{ASTRONAUT}\n")
        process.stdin.flush()
        self.assertEqual(len(json.loads(process.stdout.readline())["faces"]), 1)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 128 + signal.SIGTERM)

    def test_other_options_are_refused_by_name(self):
        out = self.folder / "out"
        self.end_after(2, signal.SIGKILL, out)
        for option, reason in ((["--upsample", "1"], "--upsample 0, not 1"), (["--points", "5"], "alignment "),
                               (["--precision", "int8"], 'precision "float32", not "int8"'),
                               (["--max-pixels", "9999"], "--max-pixels 0, not 9999"),
                               (["--shard", "1/2"], '--shard "1/1", not "1/2"')):
            result = run("represent", self.photos, "-o", out, "--resume", *option)
            self.check(result, SOME_FAILED, f"partial.jsonl: was begun with {reason}")
        self.check(run("represent", self.photos, "--resume"), WRONG_USAGE, "--resume: goes with -o")
        self.check(run("represent", self.photos, "--resume", "--json", "-o", out), WRONG_USAGE, "without --json")
        self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "broken.jpg: ")
        self.check(run("represent", self.photos, "-o", out, "--resume", "--precision", "int8"), SOME_FAILED,
                   "out.*precision")

    def test_tables_are_completed_by_the_photos_that_they_lack(self):
        out = self.folder / "out"
        self.check(run("represent", self.photos / "person 1", self.photos / "person 3", "-o", out, "--resume"), DONE)
        before = (out / "reps.csv").read_text().splitlines()
        result = self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "broken.jpg: ")
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertLess(set(before), set((out / "reps.csv").read_text().splitlines()))
        self.assertEqual(self.tables(out), self.undisturbed())
        # Rows of photos that aren't named this time stay, before the others.
        before = (out / "reps.csv").read_text().splitlines()
        self.check(run("represent", ASTRONAUT, "-o", out, "--resume"), DONE)
        self.assertEqual((out / "reps.csv").read_text().splitlines()[:-1], before)
        self.assertIn(f"1,{ASTRONAUT}\n", (out / "labels.csv").read_text())

    def test_a_photo_named_twice_has_one_row(self):
        self.check(run("represent", ASTRONAUT, PEOPLE, ASTRONAUT, "-o", self.folder / "out"), DONE)
        self.assertEqual(len((self.folder / "out" / "labels.csv").read_text().splitlines()), 4)

    def test_names_in_no_encoding_are_gone_on_with(self):
        names = [os.fsencode(self.photos) + name for name in (b"/M\xfcller.png", b"/M\xf6ller.png")]
        for name in names:
            shutil.copy(ASTRONAUT, name)
        out = self.folder / "out"
        self.end_after(14, signal.SIGKILL, out)
        self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "broken.jpg: ")
        self.assertEqual(self.tables(out), self.undisturbed())
        labels = (out / "labels.csv").read_bytes()
        self.assertEqual([labels.count(name) for name in names], [1, 1])

    def test_a_full_disk_ends_the_run_and_what_was_done_is_kept(self):
        out = self.folder / "out"
        few = "trap '' XFSZ; ulimit -f 16; exec \"$0\" represent --threads 1 \"$1\" -o \"$2\""
        result = subprocess.run(["bash", "-c", few, str(PROGRAM), str(self.photos), str(out)], capture_output=True, text=True)
        self.check(result, SOME_FAILED, "partial.jsonl: can't write the file: File too large")
        kept = (out / self.JOURNAL).read_bytes()
        self.assertGreater(kept.count(b"\n"), 2)
        self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "broken.jpg: ")
        self.assertEqual(self.tables(out), self.undisturbed())

    def test_paths_are_taken_while_their_producer_still_writes(self):
        for verb in (["detect"], ["landmarks"], ["represent"]):
            process = self.start(*verb, "--json", "-")
            for photo in (ASTRONAUT, OBAMA2):
                process.stdin.write(f"{photo}\n")
                process.stdin.flush()
                # If the program waited for the end of its input, this would wait for ever.
                self.assertEqual(json.loads(process.stdout.readline())["image"], str(photo))
            process.stdin.write(str(NO_FACE))  # a last line without an end
            process.stdin.close()
            self.assertEqual(json.loads(process.stdout.readline())["faces"], [])
            self.assertEqual(process.wait(60), DONE)

    def shards(self, count, *more):
        """The lines of all parts together, each part run at the same time as the others."""
        parts = [self.start("represent", "--json", self.photos, "--shard", f"{i}/{count}", *more)
                 for i in range(1, count + 1)]
        return [part.communicate()[0].splitlines() for part in parts]

    def test_shards_are_a_whole_run_split_by_the_hash_of_the_path(self):
        whole = run("represent", "--json", self.photos).stdout.splitlines()
        one, two = self.shards(2)
        self.assertEqual(sorted(one + two), sorted(whole))
        self.assertTrue(3 < len(one) < 14, len(one))
        # The same photos elsewhere, and the folder written otherwise: the same parts.
        shutil.copytree(self.photos, self.folder / "moved" / "here")
        moved = run("detect", "--json", "here/../here/", "--shard", "1/2", cwd=self.folder / "moved")
        self.assertEqual([pathlib.Path(r["image"]).name for r in records(moved)],
                         [pathlib.Path(json.loads(line)["image"]).name for line in one])
        for text in ("0/2", "3/2", "1", "1/", "/2", "1/2x", "-1/2", "1/0", "a/b"):
            self.check(run("detect", self.photos, "--shard", text), WRONG_USAGE, "isn't I/N")

    def test_shards_hash_with_xxh64(self):
        # What another implementation gives: xxhash.xxh64(name).intdigest() % 3 in Python.
        (self.folder / "tree" / "ä").mkdir(parents=True)
        for name in ("a.png", "ä/b.png", "c.png", "d.png"):
            shutil.copy(NO_FACE, self.folder / "tree" / name)
        got = [[str(pathlib.Path(r["image"]).relative_to(self.folder / "tree")) for r in
                records(run("detect", "--json", self.folder / "tree", "--shard", f"{i}/3"))] for i in (1, 2, 3)]
        self.assertEqual(got, [["c.png", "d.png", "ä/b.png"], ["a.png"], []])

    def merge_tables(self, parts):
        """As docs/batch.md tells."""
        merged = self.folder / "merged"
        merged.mkdir()
        for name in ("labels.csv", "reps.csv"):
            (merged / name).write_bytes(b"".join((part / name).read_bytes() for part in parts))
        shutil.copy(parts[0] / "source.json", merged)
        self.check(run("represent", self.photos, "-o", merged, "--resume"), SOME_FAILED, "broken.jpg: ")
        return self.tables(merged)

    def test_the_tables_of_shards_merge_into_those_of_a_single_run(self):
        parts = [self.folder / f"part{i}" for i in (1, 2)]
        running = [self.start("represent", self.photos, "-o", part, "--shard", f"{i}/2") for i, part in enumerate(parts, 1)]
        self.assertEqual(sorted(process.wait(600) for process in running), [DONE, SOME_FAILED])
        self.assertEqual(self.merge_tables(parts), self.undisturbed())

    @unittest.skipUnless(shutil.which("parallel"), "GNU parallel isn't installed: apt-get install parallel")
    def test_gnu_parallel_splits_a_tree_and_a_stream(self):
        whole = run("represent", "--json", self.photos).stdout.splitlines()
        split = subprocess.run(["parallel", "-j2", str(PROGRAM), "represent", "--json", "--shard", "{}/2", str(self.photos),
                                ":::", "1", "2"], capture_output=True, text=True)
        self.assertEqual(sorted(split.stdout.splitlines()), sorted(whole), split.stderr)
        paths = "".join(f"{path}\n" for path in sorted(self.photos.rglob("*.*")))
        stream = subprocess.run(["parallel", "-j2", "--pipe", "-N4", "--keep-order", str(PROGRAM), "represent", "--json", "-"],
                                input=paths, capture_output=True, text=True)
        self.assertEqual(stream.stdout.splitlines(), whole, stream.stderr)
        parts = [self.folder / f"part{i}" for i in (1, 2)]
        subprocess.run(["parallel", "-j2", str(PROGRAM), "represent", str(self.photos), "--shard", "{}/2", "-o",
                        f"{self.folder}/part{{}}", ":::", "1", "2"], capture_output=True)
        self.assertEqual(self.merge_tables(parts), self.undisturbed())

    @unittest.skipUnless(shutil.which("script"), "script isn't installed, which gives a program a terminal")
    def test_a_terminal_sees_a_bar_with_rate_and_time_left(self):
        def on_terminal(command):
            return subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True,
                                  stdin=subprocess.DEVNULL).stdout.decode()
        command = f"'{PROGRAM}' represent '{self.photos}' -o '{self.folder}/out'"
        self.assertRegex(on_terminal(command), r"\[#+\.*\] \d+/17  [0-9.]+ a second, \d+ s left")
        self.assertNotIn("a second", on_terminal(command + " --quiet"))
        piped = on_terminal(f"echo '{ASTRONAUT}' | '{PROGRAM}' detect --json -")
        self.assertRegex(piped, r"\r1 done, [0-9.]+ a second")


class Compare(CliTest):
    def test_same_and_different_people(self):
        photos = [PEOPLE / "barack_obama" / "obama.jpg", OBAMA2, PEOPLE / "joe_biden" / "biden.jpg"]
        got = records(self.check(run("compare", "--json", *photos), DONE))
        self.assertEqual([pair["same"] for pair in got], [True, False, False])
        self.assertTrue(all(pair["same"] for pair in records(run("compare", "--json", "--distance", "2", *photos))))
        text = run("compare", *photos).stdout
        self.assertEqual((text.count("the same person"), text.count("different people")), (1, 2))

    def test_one_photo_is_wrong_usage_but_a_folder_that_can_t_be_searched_a_failure(self):
        self.check(run("compare", OBAMA2), WRONG_USAGE)
        (self.folder / "empty").mkdir()
        self.check(run("compare", self.folder / "empty"), SOME_FAILED, "empty: there are no images in the folder")

    def test_a_photo_without_a_face_is_left_out(self):
        result = self.check(run("compare", ASTRONAUT, NO_FACE, OBAMA2), SOME_FAILED, "brick.png: there's no face")
        self.assertEqual(len(result.stdout.splitlines()), 1)


class Hog(CliTest):
    def size(self, path):
        """Width and height of a PNG."""
        data = path.read_bytes()
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        return struct.unpack(">II", data[16:24])

    def test_a_face_comes_with_its_window_and_its_filter(self):
        face, none = self.folder / "face.png", self.folder / "out" / "none.png"
        self.assertIn("box 179 83 266 170  score 1.534  view front", self.check(run("hog", ASTRONAUT, "-o", face), DONE).stdout)
        self.check(run("hog", "--threshold", "2", ASTRONAUT, "-o", none), DONE)
        self.assertEqual(self.size(face)[1], self.size(none)[1])
        self.assertGreater(self.size(face)[0], self.size(none)[0] + 300)  # the panels beside

    def test_json_has_the_best_window_and_the_picture(self):
        [record] = records(self.check(run("hog", "--json", GROUP, "-o", self.folder / "hog.JPG"), DONE))
        self.assertEqual(list(record), ["image", "width", "height", "faces", "picture"])
        self.assertEqual(record["faces"], records(run("detect", "--json", GROUP))[0]["faces"][:1])
        self.assertEqual((self.folder / "hog.JPG").read_bytes()[:2], b"\xff\xd8")

    def test_no_face_is_said_and_the_features_are_drawn(self):
        result = self.check(run("hog", NO_FACE, "-o", self.folder / "brick.png"), DONE)
        self.assertIn("no face", result.stdout)
        self.size(self.folder / "brick.png")

    def test_pictures_are_neither_tiny_nor_huge(self):
        for width, height in ((20, 20), (20, 4000), (6000, 4000)):
            with self.subTest(width=width, height=height):
                photo, picture = self.folder / "photo.png", self.folder / "picture.png"
                row = bytes(x * x // 64 % 256 for x in range(width))
                photo.write_bytes(png(width, height, (b"\0" + row) * height))
                if (width, height) == (20, 4000):  # made smaller it's under 20 pixels wide
                    self.check(run("hog", photo, "-o", picture), SOME_FAILED, "photo.png: is too small or too narrow")
                    continue
                self.check(run("hog", photo, "-o", picture), DONE)
                self.assertTrue(60 <= min(self.size(picture)) and max(self.size(picture)) <= 1300, self.size(picture))

    def test_bad_input_and_output_are_named_and_nothing_is_written(self):
        small = self.folder / "small.png"
        small.write_bytes(png(19, 300, (b"\0" + bytes(19)) * 300))
        out = self.folder / "out.png"
        self.check(run("hog", small, "-o", out), SOME_FAILED, "small.png: is too small or too narrow: .* 20 pixels")
        self.check(run("hog", self.folder / "none.jpg", "-o", out), SOME_FAILED, "none.jpg: can't open the file")
        self.check(run("hog", self.folder, "-o", out), SOME_FAILED, ": is a folder, not a file")
        [record] = records(run("hog", "--json", small, "-o", out))
        self.assertIn("too small", record["error"])
        for name in ("out.gif", "out", "out.png.bmp"):
            self.check(run("hog", ASTRONAUT, "-o", self.folder / name), WRONG_USAGE, "has to end in .png or .jpg")
        before = small.read_bytes()
        self.check(run("hog", small, "-o", small), SOME_FAILED, "small.png: its picture would overwrite it")
        self.assertEqual(small.read_bytes(), before)
        self.assertEqual(self.only_files(self.folder), ["small.png"])


class Cluster(CliTest):
    PEOPLE_OF_THE_PHOTOS = {"obama.jpg": 1, "obama2.jpg": 1, "obama3.jpg": 1, "astronaut.png": 2, "biden.jpg": 3,
                            "grace_hopper.jpg": 4}

    def test_the_shipped_photos_fall_into_four_people(self):
        got = records(self.check(run("cluster", "--json", PHOTOS, NO_FACE), DONE))
        groups = {pathlib.Path(record["image"]).name: [face["group"] for face in record["faces"]] for record in got}
        self.assertEqual(groups.pop("group.jpg"), [1, 2, 3, 4])
        self.assertEqual(groups.pop(NO_FACE.name), [])
        self.assertEqual(groups, {name: [group] for name, group in self.PEOPLE_OF_THE_PHOTOS.items()})

    def test_json_is_represent_s_with_groups(self):
        with_groups = records(self.check(run("cluster", "--json", PHOTOS), DONE))
        for record in with_groups:
            for face in record["faces"]:
                self.assertEqual(list(face)[-1], "group")
                del face["group"]
        self.assertEqual(with_groups, records(run("represent", "--json", PHOTOS)))

    def test_the_text_goes_by_group(self):
        text = self.check(run("cluster", NO_FACE, ASTRONAUT, OBAMA2, PEOPLE / "barack_obama" / "obama.jpg"), DONE).stdout
        self.assertRegex(text, r"^group 1: 2 faces\n  .*obama2.jpg  box .*\n  .*obama.jpg  box .*\n"
                               r"group 2: 1 face\n  .*astronaut.png  box 179 83 266 170 .*\nno face: 1 photo\n  .*brick.png\n$")

    def test_the_number_of_threads_changes_nothing(self):
        one, four = (run("cluster", "--json", "--threads", n, PHOTOS).stdout for n in (1, 4))
        self.assertEqual(one, four)

    def test_the_distance_makes_more_or_fewer_groups(self):
        def groups(distance):
            got = records(run("cluster", "--json", "--distance", distance, PEOPLE))
            return len({face["group"] for record in got for face in record["faces"]})
        self.assertEqual([groups(distance) for distance in (0, 0.6, 2)], [4, 3, 1])

    def test_photos_are_sorted_into_folders_and_the_faces_shown(self):
        shutil.copytree(PHOTOS, self.folder / "photos")
        for person in ("barack_obama", "joe_biden"):  # another photo of one name, in two folders
            shutil.copy(PEOPLE / "barack_obama" / "obama.jpg", self.folder / "photos" / "people" / person / "same.jpg")
        shutil.copy(NO_FACE, self.folder / "photos" / "brick.png")
        before = {p: p.read_bytes() for p in (self.folder / "photos").rglob("*") if p.is_file()}
        out = self.folder / "sorted"
        self.check(run("cluster", self.folder / "photos", "-o", out), DONE)
        expected = [f"group-{number:03}/{name}" for name, number in self.PEOPLE_OF_THE_PHOTOS.items()]
        expected += [f"group-{number:03}/group.jpg" for number in (1, 2, 3, 4)]
        expected += [f"group-{number:03}.jpg" for number in (1, 2, 3, 4)]
        expected += ["group-001/same.jpg", "group-001/same-2.jpg", "no-face/brick.png", "groups.jpg"]
        self.assertEqual(self.only_files(out), sorted(expected))
        self.assertEqual((out / "group-001" / "same-2.jpg").read_bytes(), (out / "group-001" / "same.jpg").read_bytes())
        self.assertEqual((out / "group-004" / "group.jpg").read_bytes(), GROUP.read_bytes())
        self.assertEqual({p: p.read_bytes() for p in (self.folder / "photos").rglob("*") if p.is_file()}, before)
        for sheet in out.glob("*.jpg"):
            self.check(run("detect", sheet), DONE)

    def test_a_folder_with_something_in_it_is_refused_at_once(self):
        (self.folder / "full").mkdir()
        (self.folder / "full" / "note").write_text("mine")
        for target in (self.folder / "full", self.folder / "full" / "note"):
            self.check(run("cluster", ASTRONAUT, "-o", target), SOME_FAILED, "isn't a new or an empty folder")
        self.assertEqual(self.only_files(self.folder), ["full/note"])
        (self.folder / "empty").mkdir()
        self.check(run("cluster", ASTRONAUT, "-o", self.folder / "empty"), DONE)

    def test_bad_photos_are_named_and_the_others_grouped(self):
        broken = self.folder / "broken.jpg"
        broken.write_bytes(OBAMA2.read_bytes()[:20])
        result = self.check(run("cluster", "--json", broken, OBAMA2, ASTRONAUT, "-o", self.folder / "out"), SOME_FAILED, "broken.jpg: ")
        self.assertEqual([list(record)[1] for record in records(result)], ["error", "width", "width"])
        self.assertEqual(self.only_files(self.folder / "out"), ["group-001.jpg", "group-001/obama2.jpg", "group-002.jpg",
                                                                "group-002/astronaut.png", "groups.jpg"])

    def test_no_face_at_all_is_no_failure(self):
        result = self.check(run("cluster", NO_FACE, "-o", self.folder / "out"), DONE)
        self.assertEqual(result.stdout, f"no face: 1 photo\n  {NO_FACE}\n")
        self.assertEqual(self.only_files(self.folder / "out"), ["no-face/" + NO_FACE.name])

    def test_tables_give_the_groups_of_their_photos(self):
        shutil.copytree(PEOPLE, self.folder / "people")
        run("represent", self.folder / "people", "-o", self.folder / "reps")
        got = records(self.check(run("cluster", "--json", self.folder / "reps", "-o", self.folder / "out"), DONE))
        self.assertEqual([list(record) for record in got], [["image", "faces"]] * 4)
        self.assertEqual([record["faces"][0]["group"] for record in got], [1, 1, 2, 3])
        self.assertEqual(list(got[0]["faces"][0]), ["embedding", "group"])
        self.assertEqual(len(self.only_files(self.folder / "out")), 4 + 3 + 1)
        (self.folder / "people" / "joe_biden" / "biden.jpg").unlink()
        result = run("cluster", self.folder / "reps", "-o", self.folder / "again")
        self.check(result, SOME_FAILED, "biden.jpg: can't open the file")
        self.assertIn("group 3: 1 face", result.stdout)
        self.check(run("cluster", self.folder / "reps"), DONE)  # the pictures aren't needed to group

    def test_pictures_of_large_and_of_many_groups_have_an_end(self):
        out, many, singles = self.folder / "out", 125, 22
        places = [0] * many + [5 * (i + 1) for i in range(singles)]
        (self.folder / "labels.csv").write_text(f"1,{ASTRONAUT}\n" * len(places))
        (self.folder / "reps.csv").write_text("".join(f"{x}" + ",0" * 127 + "\n" for x in places))
        result = self.check(run("cluster", "--embedder", "resnet29", self.folder, "-o", out), DONE)
        self.assertEqual(re.findall(r"^group \d+: (.*)$", result.stdout, re.M), [f"{many} faces"] + ["1 face"] * singles)
        self.assertEqual(len(list((out / "group-001").iterdir())), many)
        self.assertTrue((out / "group-001" / f"astronaut-{many}.png").is_file())
        sizes = {pathlib.Path(record["image"]).name: (record["width"], record["height"])
                 for record in records(run("detect", "--json", *out.glob("*.jpg")))}
        self.assertEqual(sizes["group-001.jpg"], (10 * 100 + 4, 34 + 10 * 100))  # the first 100 faces
        self.assertEqual(sizes["groups.jpg"], (10 * 100 + 4, 20 * (34 + 100) + 34))  # 20 groups, and how many more

    def test_tables_go_alone_and_bad_ones_are_named(self):
        run("represent", PEOPLE, "-o", self.folder)
        self.check(run("cluster", self.folder, ASTRONAUT), WRONG_USAGE, "tables, which go alone")
        self.check(run("cluster", ASTRONAUT, self.folder), WRONG_USAGE, "tables, which go alone")
        self.check(run("cluster", "--points", "5", self.folder), WRONG_USAGE, "goes with photos")
        (self.folder / "reps.csv").write_text("1,2\n" * 4)
        self.check(run("cluster", self.folder), SOME_FAILED, "reps.csv: row 1 should have 128 numbers")


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


def read_png(path):
    """Width, height and rows of an 8-bit RGB PNG without interlacing."""
    data, position, packed = path.read_bytes(), 8, b""
    width, height, depth, colours = struct.unpack(">IIBB", data[16:26])
    assert (depth, colours, data[28]) == (8, 2, 0)
    while position < len(data):
        size, kind = struct.unpack(">I4s", data[position:position + 8])
        packed += data[position + 8:position + 8 + size] if kind == b"IDAT" else b""
        position += size + 12
    lines, rows, above = zlib.decompress(packed), [], bytearray(3 * width)
    for start in range(0, len(lines), 3 * width + 1):
        method, row = lines[start], bytearray(lines[start + 1:start + 1 + 3 * width])
        for i in range(len(row) if method else 0):
            left, corner = (row[i - 3], above[i - 3]) if i >= 3 else (0, 0)
            near = min((abs(above[i] - corner), 0, left), (abs(left - corner), 1, above[i]),
                       (abs(left + above[i] - 2 * corner), 2, corner))[2]
            row[i] = (row[i] + (0, left, above[i], (left + above[i]) // 2, near)[method]) & 255
        rows.append(row)
        above = row
    return width, height, rows


class Video(CliTest):
    """A clip of 14 frames: a photo moves 3 pixels a frame to the left, is away for frames 6 to 10 and comes back."""

    WIDTH, HEIGHT, SIZE, BOX = 301, 241, 301 * 241, [79, 43, 166, 130]
    HEADER = b"YUV4MPEG2 W301 H241 F25:1 Ip A1:1 C444 XSOME=THING\n"
    GRAY = bytes([126]) * SIZE + bytes([128]) * 2 * SIZE

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.model = pathlib.Path(folder.name) / "people.ffr"
        run("train", PEOPLE, "-o", cls.model)
        width, height, rows = read_png(ASTRONAUT)
        planes = [[], [], []]
        for row in rows:
            y, cb, cr = bytearray(), bytearray(), bytearray()
            for r, g, b in zip(row[0::3], row[1::3], row[2::3]):
                y.append(round(16 + (65.481 * r + 128.553 * g + 24.966 * b) / 255))
                cb.append(round(128 + (-37.797 * r - 74.203 * g + 112 * b) / 255))
                cr.append(round(128 + (112 * r - 93.786 * g - 18.214 * b) / 255))
            for plane, values in zip(planes, (y, cb, cr)):
                plane.append(bytes(values))
        view = [b"".join(row[100 + 3 * i:100 + 3 * i + cls.WIDTH] for plane in planes for row in plane[40:40 + cls.HEIGHT])
                for i in range(9)]
        cls.frames = view[:6] + [cls.GRAY] * 5 + view[6:]

    def stream(self, frames):
        return self.HEADER + b"".join(b"FRAME\n" + frame for frame in frames)

    def video(self, stream, *arguments, **more):
        return subprocess.run([str(PROGRAM), "video", str(self.model), *map(str, arguments)], input=stream,
                              stderr=subprocess.PIPE, timeout=600, **{"stdout": subprocess.PIPE, **more})

    def check_video(self, result, status, error=None):
        self.check(subprocess.CompletedProcess([], result.returncode, "", result.stderr.decode()), status, error)
        return result.stdout

    def test_json_tells_who_is_in_each_frame(self):
        lines = self.check_video(self.video(self.stream(self.frames), "--json"), DONE).decode().splitlines()
        frames = [json.loads(line) for line in lines]
        self.assertEqual([frame["frame"] for frame in frames], list(range(14)))
        self.assertEqual([frame["time"] for frame in frames[:3]], [0, 0.04, 0.08])
        # Away for more than three searches, it's a new track.
        self.assertEqual([[f["track"] for f in frame["faces"]] for frame in frames], [[1]] * 6 + [[]] * 5 + [[2]] * 3)
        for i, frame in enumerate(frames):
            for face in frame["faces"]:
                self.assertEqual(list(face), ["box", "score", "track", "name", "confidence", "distance"])
                self.assertEqual(face["name"], "eileen_collins")
                self.assertGreater(face["score"], 0)
                if i < 6:
                    for edge, there, shift in zip(face["box"], self.BOX, (3 * i, 0, 3 * i, 0)):
                        self.assertAlmostEqual(edge, there - shift, delta=12)

    def test_the_stream_keeps_all_that_isn_t_drawn_on(self):
        out = self.check_video(self.video(self.stream(self.frames)), DONE)
        self.assertEqual(out[:len(self.HEADER)], self.HEADER)
        size = 6 + 3 * self.SIZE
        self.assertEqual(len(out), len(self.HEADER) + 14 * size)
        for i, frame in enumerate(self.frames):
            start = len(self.HEADER) + i * size
            self.assertEqual(out[start:start + 6], b"FRAME\n")
            drawn = out[start + 6:start + size]
            self.assertTrue((drawn == frame) == (6 <= i <= 10), f"frame {i}")  # and not a megabyte of difference
            if drawn == frame:
                continue
            # A box and a label above it: nothing in the lower rows, nor in the corner of the face.
            for plane in range(3):
                first = plane * self.SIZE
                for y in list(range(10)) + list(range(150, self.HEIGHT)):
                    row = slice(first + y * self.WIDTH, first + (y + 1) * self.WIDTH)
                    self.assertEqual(drawn[row], frame[row])

    def test_the_timeline_tells_who_is_seen_from_when_to_when(self):
        timeline = self.folder / "new" / "who.json"
        self.check_video(self.video(self.stream(self.frames), "--timeline", timeline), DONE)
        self.assertEqual(json.loads(timeline.read_text()), {
            "made_by": "ffr: timeline", "frames": 14, "seconds": 0.56,
            "people": [{"name": "eileen_collins", "track": 1, "from": 0.0, "to": 0.24},
                       {"name": "eileen_collins", "track": 2, "from": 0.44, "to": 0.56}]})
        self.assertEqual(self.only_files(self.folder), ["new/who.json"])

    def test_between_searches_faces_are_followed(self):
        out = self.check_video(self.video(self.stream(self.frames[:6]), "--json", "--every", "4"), DONE)
        faces = [face for line in out.splitlines() for face in json.loads(line)["faces"]]
        self.assertEqual([face["track"] for face in faces], [1] * 6)
        self.assertEqual([face["score"] is None for face in faces], [False, True, True, True, False, True])
        for i, face in enumerate(faces[:4]):
            self.assertAlmostEqual(face["box"][0], faces[0]["box"][0] - 3 * i, delta=2)
            self.assertAlmostEqual(face["box"][1], faces[0]["box"][1], delta=2)

    def test_a_face_that_a_search_misses_keeps_its_name(self):
        coarse = bytearray(self.frames[3])
        for row in range(self.HEIGHT):
            for x in range(0, self.WIDTH, 15):
                start, width = row // 15 * 15 * self.WIDTH + x, min(15, self.WIDTH - x)
                coarse[row * self.WIDTH + x:row * self.WIDTH + x + width] = self.frames[3][start:start + 1] * width
        away = [self.GRAY] * 3
        stream = self.stream(self.frames[:3] + [bytes(coarse)] + self.frames[4:6] + away + self.frames[11:])
        out = self.check_video(self.video(stream, "--json"), DONE)
        frames = [json.loads(line)["faces"] for line in out.splitlines()]
        self.assertEqual([[(f["track"], f["name"], f["score"] is None) for f in faces] for faces in frames],
                         [[(1, "eileen_collins", i == 3)] if i not in (6, 7, 8) else [] for i in range(12)])

    def test_strangers_are_unknown_and_limits_make_more_of_them(self):
        out = self.check_video(self.video(self.stream(self.frames[:2]), "--json", "--distance", "0.01"), DONE)
        self.assertEqual([json.loads(line)["faces"][0]["name"] for line in out.splitlines()], [None, None])

    def test_brightness_alone_will_do_and_a_rate_needn_t_be_told(self):
        stream = b"YUV4MPEG2 W301 H241 Cmono\n" + b"".join(b"FRAME Ip\n" + f[:self.SIZE] for f in self.frames[:2])
        timeline = self.folder / "who.json"
        out = self.check_video(self.video(stream, "--timeline", timeline), DONE)
        self.assertEqual(len(out), len(stream))
        self.assertEqual(out.count(b"FRAME Ip\n"), 2)
        self.assertEqual(json.loads(timeline.read_text()), {
            "made_by": "ffr: timeline", "frames": 2, "seconds": None, "people": [{"name": "eileen_collins", "track": 1, "from": None, "to": None}]})

    def test_a_stream_that_s_cut_off_leaves_what_came_before(self):
        whole = self.stream(self.frames[:3])
        error = "standard input: frame 3 is cut off after 1000 of 217623 bytes"
        timeline = self.folder / "who.json"
        result = self.video(whole + b"FRAME\n" + bytes(1000), "--timeline", timeline)
        self.assertEqual(len(self.check_video(result, SOME_FAILED, error)), len(whole))
        self.assertEqual(json.loads(timeline.read_text())["frames"], 3)
        self.assertEqual(json.loads(timeline.read_text())["people"][0]["to"], 0.12)
        out = self.check_video(self.video(whole + b"FRAME\n" + bytes(1000), "--json"), SOME_FAILED, error)
        self.assertEqual(json.loads(out.splitlines()[3]), {"frame": 3, "error": error})
        self.assertEqual(len(out.splitlines()), 4)

    def test_what_is_no_video_is_refused(self):
        for stream, reason in [(b"", "is empty"), (OBAMA2.read_bytes()[:5000], "isn't YUV4MPEG2|a line of more"),
                               (b"YUV4MPEG2 W99999 H99999 F25:1\n", "99999 x 99999 pixels, more than the limit"),
                               (b"YUV4MPEG2 W64 H64 F25:1 C420p10\n", "colours are 'C420p10'")]:
            result = self.video(stream, "--timeline", self.folder / "who.json")
            self.assertEqual(self.check_video(result, SOME_FAILED, "ffr: standard input: .*(" + reason + ")"), b"")
        self.assertEqual(self.only_files(self.folder), [])

    def test_a_video_without_frames_or_with_tiny_ones_is_none_the_worse(self):
        for stream in (self.HEADER, b"YUV4MPEG2 W1 H1 F25:1 C420jpeg\n" + b"FRAME\nabc" * 3):
            self.assertEqual(self.check_video(self.video(stream), DONE), stream)

    def test_an_output_that_can_t_be_written_is_a_failure(self):
        stream, error = self.stream(self.frames), "ffr: can't write to standard output"
        timeline = self.folder / "who.json"
        with open("/dev/full", "w") as full:
            self.check_video(self.video(stream, "--timeline", timeline, stdout=full), SOME_FAILED, error)
        self.assertEqual(json.loads(timeline.read_text())["frames"], 1)
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as gone:
            self.check_video(self.video(stream, stdout=gone), SOME_FAILED, error)
        (self.folder / "file").touch()
        result = self.video(stream, "--timeline", self.folder / "file" / "who.json")
        self.assertEqual(len(self.check_video(result, SOME_FAILED, "file")), len(stream))

    def test_an_interrupted_video_ends_after_a_frame(self):
        timeline = self.folder / "who.json"
        with subprocess.Popen([str(PROGRAM), "video", str(self.model), "--timeline", str(timeline)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdin.write(self.stream(self.frames[:1]))
            process.stdin.flush()
            out = process.stdout.read(len(self.stream(self.frames[:1])))
            process.send_signal(signal.SIGINT)
            rest, error = process.communicate(self.stream(self.frames[1:3])[len(self.HEADER):])
        self.assertEqual((len(out), rest, process.returncode), (len(self.stream(self.frames[:1])), b"", 128 + signal.SIGINT))
        self.assertEqual(error.decode(), "ffr: stopped after 1 frame\n")
        self.assertEqual(json.loads(timeline.read_text())["frames"], 1)

    def test_wrong_usage(self):
        before = self.model.read_bytes()
        self.check_video(self.video(b"", "--timeline", self.model), WRONG_USAGE, "is the model")
        self.assertEqual(self.model.read_bytes(), before)
        self.check_video(self.video(b"", "--every", "0"), WRONG_USAGE)
        self.check(run("video"), WRONG_USAGE)
        self.check(run("video", PROJECT / "weights" / "resnet29.ffr"), SOME_FAILED, "not a model made by `ffr train`")

    @staticmethod
    def to_matrix(matrix):
        """The filter that docs/video.md gives to ffmpeg."""
        [documented] = re.findall(r"^ffmpeg .*(-vf scale=\S*).* yuv4mpegpipe", (PROJECT / "docs" / "video.md").read_text(), re.M)
        return documented.replace("bt709", matrix)

    @unittest.skipUnless(shutil.which("ffmpeg") and shutil.which("ffprobe"), "ffmpeg isn't installed")
    def test_ffmpeg_converts_colours_to_what_is_read(self):
        # Sixteen colours, each in a field large enough that its neighbours don't mix in.
        colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255), (255, 255, 255),
                   (0, 0, 0), (200, 30, 60), (30, 180, 90), (40, 70, 210), (224, 172, 140), (128, 64, 32), (90, 120, 200),
                   (250, 128, 10), (128, 128, 128)]
        kr_kb = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}
        for width, height, matrix in [(1280, 720, "bt709"), (640, 480, "bt601")]:
            rows = [b"".join(bytes(c) * (width // 4) for c in colours[4 * i:4 * i + 4]) * (height // 4) for i in range(4)]
            (self.folder / "in.ppm").write_bytes(b"P6 %d %d 255\n" % (width, height) + b"".join(rows))
            for name, tag, full in [("bt601", "smpte170m", "tv"), ("bt709", "bt709", "tv"), ("bt2020", "bt2020nc", "tv"),
                                    ("bt709", "bt709", "pc")]:
                with self.subTest(height=height, tag=tag, range=full):
                    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", "in.ppm", "-vf", f"scale=out_color_matrix={name}:"
                                    f"out_range={full}:flags=accurate_rnd+full_chroma_int,format=yuv420p", "-c:v", "ffv1",
                                    "-colorspace", tag, "-color_range", full, "in.mkv"], check=True, cwd=self.folder)
                    told = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=color_space,color_range",
                                           "-of", "csv=p=0", "in.mkv"], cwd=self.folder, capture_output=True, text=True)
                    self.assertEqual(told.stdout.strip(), f"{full},{tag}")
                    stream = subprocess.run(f"ffmpeg -v error -i in.mkv {self.to_matrix(matrix)} -f yuv4mpegpipe "
                                            "-pix_fmt yuv420p -", shell=True, check=True, cwd=self.folder,
                                            capture_output=True).stdout
                    header, frame, planes = stream.split(b"\n", 2)
                    self.assertNotIn(b"RANGE=FULL", header)
                    self.assertEqual(frame, b"FRAME")
                    y, cb, cr = (planes[:width * height], planes[width * height:width * height * 5 // 4],
                                 planes[width * height * 5 // 4:])
                    for i, rgb in enumerate(colours):
                        column, row = (2 * (i % 4) + 1) * width // 8, (2 * (i // 4) + 1) * height // 8
                        luma = (y[row * width + column] - 16) / 219
                        blue, red = (plane[row // 2 * (width // 2) + column // 2] / 224 - 128 / 224 for plane in (cb, cr))
                        kr, kb = kr_kb[matrix]
                        r, b = luma + (2 - 2 * kr) * red, luma + (2 - 2 * kb) * blue
                        shown = (r, (luma - kr * r - kb * b) / (1 - kr - kb), b)
                        for value, wanted in zip(shown, rgb):
                            self.assertLessEqual(abs(min(max(255 * value, 0), 255) - wanted), 3, (rgb, shown))

    @unittest.skipUnless(shutil.which("ffmpeg") and shutil.which("ffprobe"), "ffmpeg isn't installed")
    def test_ffmpeg_stands_at_both_ends(self):
        obama = PEOPLE / "barack_obama" / "obama.jpg"
        move = ("[0]scale=280:-2[a];[1]crop=260:260:90:20,scale=w='2*trunc((240+60*sin(t))/2)':h=-2:eval=frame[b];"
                "[2][a]overlay=x='10+10*t':y=40[c];[c][b]overlay=x='370-15*t':y='120+40*sin(2*t)'")
        ffmpeg = ["ffmpeg", "-v", "error"]
        subprocess.run([*ffmpeg, "-loop", "1", "-framerate", "10", "-i", obama, "-loop", "1", "-framerate", "10", "-i",
                        ASTRONAUT, "-f", "lavfi", "-i", "color=gray:s=640x480:r=10", "-filter_complex", move, "-t", "2",
                        "-pix_fmt", "yuv420p", "in.mp4"], check=True, cwd=self.folder)
        pipe = (f'set -o pipefail; ffmpeg -v error -i in.mp4 {self.to_matrix("bt601")} -f yuv4mpegpipe -pix_fmt yuv420p - | '
                '"$0" video "$1" --every 2 --timeline who.json | ffmpeg -v error -i - out.mp4')
        result = subprocess.run(["bash", "-c", pipe, str(PROGRAM), str(self.model)], cwd=self.folder, capture_output=True,
                                text=True)
        self.check(result, DONE)
        people = json.loads((self.folder / "who.json").read_text())["people"]
        self.assertEqual([(person["name"], person["from"], person["to"]) for person in people],
                         [("barack_obama", 0.0, 1.9), ("eileen_collins", 0.0, 1.9)])
        played = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-of", "csv=p=0", "-show_entries",
                                 "stream=width,height,nb_read_frames", "out.mp4"], cwd=self.folder, capture_output=True,
                                text=True)
        self.assertEqual((played.stdout.strip(), played.stderr), ("640,480,20", ""))


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


class Simd(CliTest):
    def test_a_path_is_taken_on_request_and_one_that_isn_t_there_refused(self):
        plain = records(self.check(run("represent", "--json", ASTRONAUT, env={"FFR_SIMD": "scalar"}), DONE))[0]["faces"][0]
        best = records(self.check(run("represent", "--json", ASTRONAUT), DONE))[0]["faces"][0]
        self.assertEqual(plain["box"], best["box"])
        self.assertLess(max(abs(a - b) for a, b in zip(plain["embedding"], best["embedding"])), 1e-5)
        self.assertEqual(records(run("info", "--json", env={"FFR_SIMD": "scalar"}))[0]["simd"], "scalar")
        self.assertEqual(records(run("info", "--json", env={"FFR_SIMD": "scalar"}))[0]["int8"], "plain")
        self.assertIn("int8: ", run("info").stdout)
        self.check(run("info", env={"FFR_SIMD": "warp"}), SOME_FAILED, "FFR_SIMD is 'warp', which isn't a path of this machine")


class Weights(CliTest):
    def test_info_lists_the_weights_with_their_licences(self):
        [record] = records(self.check(run("info", "--json"), DONE))
        self.assertEqual([w["kind"] for w in record["weights"]], ["hog_detector", "mmod", "landmarks", "landmarks", "resnet29"])
        self.assertRegex(record["weights"][3]["license"], "NOT FOR COMMERCIAL USE")
        self.assertIn("NOT FOR COMMERCIAL USE", run("info").stdout)

    def test_verify_tells_the_weights_that_are_shipped_from_others_and_from_damaged_ones(self):
        for options in (), ("--weights", PROJECT / "weights"):
            [record] = records(self.check(run("info", "--verify", "--json", *options), DONE))
            self.assertEqual([w["as_shipped"] for w in record["weights"]], [True] * 5)
        self.assertEqual(self.check(run("info", "--verify"), DONE).stdout.count("verified: whole, and as shipped"), 5)
        self.assertNotIn("verified", run("info").stdout)
        for path in (PROJECT / "weights").glob("*.ffr"):
            shutil.copy(path, self.folder)
        shutil.copy(self.folder / "landmarks5.ffr", self.folder / "landmarks68.ffr")
        damaged = bytearray((self.folder / "mmod.ffr").read_bytes())
        damaged[len(damaged) // 2] ^= 1
        (self.folder / "mmod.ffr").write_bytes(damaged)
        result = self.check(run("info", "--verify", "--weights", self.folder), SOME_FAILED,
                            "mmod.ffr: the checksum is wrong: the file was damaged or altered")
        self.assertEqual(result.stdout.count("verified: whole, and as shipped"), 3)
        self.assertEqual(result.stdout.count("verified: whole, but none that's shipped"), 1)

    def test_the_program_works_when_copied_elsewhere(self):
        shutil.copy(PROGRAM, self.folder / "ffr")
        result = self.check(run("detect", "--json", ASTRONAUT, program=self.folder / "ffr", cwd=self.folder), DONE)
        self.assertEqual(len(records(result)[0]["faces"]), 1)

    def test_weights_are_taken_from_the_option_then_the_variable_then_beside_the_program(self):
        def place(*parts):
            folder = self.folder.joinpath(*parts)
            shutil.copytree(PROJECT / "weights", folder, ignore=shutil.ignore_patterns("exact", "*.md"))
            return folder

        def used(*arguments, **more):
            return records(run("info", "--json", *arguments, **more))[0]["weights"][0]["file"]

        shutil.copy(PROGRAM, self.folder / "ffr")
        program = {"program": self.folder / "ffr"}
        self.assertEqual(used(**program), "embedded hog_frontal.ffr")
        beside, variable, option = place("weights"), place("variable"), place("option")
        self.assertEqual(used(**program), str(beside / "hog_frontal.ffr"))
        env = {"FFR_WEIGHTS": str(variable)}
        self.assertEqual(used(**program, env=env), str(variable / "hog_frontal.ffr"))
        self.assertEqual(used("--weights", option, **program, env=env), str(option / "hog_frontal.ffr"))

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody else")
    def test_weights_that_are_there_but_closed_are_named(self):
        self.folder.chmod(0o755)
        shutil.copy(PROGRAM, self.folder / "ffr")
        shutil.copy(ASTRONAUT, self.folder)
        (self.folder / "weights").mkdir()
        shutil.copy(PROJECT / "weights" / "hog_frontal.ffr", self.folder / "weights")
        (self.folder / "weights" / "hog_frontal.ffr").chmod(0)
        result = run("detect", self.folder / "astronaut.png", program=self.folder / "ffr", user=65534)
        self.check(result, SOME_FAILED, "hog_frontal.ffr: can't open the file: Permission denied")

    def test_missing_cut_and_altered_weights_are_named(self):
        good = (PROJECT / "weights" / "hog_frontal.ffr").read_bytes()
        path = self.folder / "hog_frontal.ffr"
        self.check(run("detect", "--weights", self.folder, ASTRONAUT), SOME_FAILED, "hog_frontal.ffr: no such weights in")
        path.write_bytes(good[:1000])
        self.check(run("detect", "--weights", self.folder, ASTRONAUT), SOME_FAILED, f"{path}: .*the file ends at 1000")
        path.write_bytes(good[:-1] + bytes([good[-1] ^ 255]))
        self.check(run("detect", "--weights", self.folder, ASTRONAUT), SOME_FAILED, f"{path}: the checksum is wrong")
        shutil.copy(PROJECT / "weights" / "landmarks5.ffr", path)
        self.check(run("detect", "--weights", self.folder, ASTRONAUT), SOME_FAILED, "holds 'landmarks', not 'hog_detector'")


class BenchAndDemo(CliTest):
    def test_bench_reports_each_stage(self):
        got = records(self.check(run("bench", "--json", "--repeat", "1"), DONE))
        self.assertEqual([r["stage"] for r in got], ["detect", "landmarks", "chip", "embed", "all"])
        self.assertTrue(all(0 < r["min_ms"] <= r["median_ms"] and r["threads"] == 1 and r["simd"] for r in got))
        self.check(run("bench", "--image", NO_FACE, "--repeat", "1"), SOME_FAILED, "no face")

    def test_demo_leaves_pictures_and_a_page_that_shows_them(self):
        result = self.check(run("demo", "-o", self.folder / "demo"), DONE)
        self.assertRegex(result.stdout, "grace_hopper.jpg: unknown")
        self.assertRegex(result.stdout, "obama2.jpg: barack_obama")
        files = self.only_files(self.folder / "demo")
        pictures = [(self.folder / "demo" / name).read_bytes() for name in files if name.endswith(".jpg")]
        self.assertGreaterEqual(len(pictures), 30)
        self.assertEqual(len(files), len(pictures) + 2)
        self.assertLess({"index.html", "people.ffr"}, set(files))
        page = self.page()
        shown = [base64.b64decode(src.split(",")[1]) for tag, src in page.references if tag == "img"]
        self.assertLessEqual(set(pictures), set(shown))

    def page(self):
        return Page((self.folder / "demo" / "index.html").read_text(encoding="utf-8"))

    def test_the_demo_s_page_is_one_small_file_that_needs_no_other(self):
        self.check(run("demo", "-o", self.folder / "demo"), DONE)
        self.assertLessEqual((self.folder / "demo" / "index.html").stat().st_size, 2_000_000)
        page = self.page()
        self.assertGreater(len(page.references), 30)
        for tag, reference in page.references:
            self.assertRegex(reference, "^data:image/(png|jpeg);base64,", tag)
        self.assertNotIn("script", page.tags)
        self.assertNotIn("link", page.tags)
        self.assertNotRegex(page.styles, r"url\(|@import")

    def test_the_demo_s_page_has_each_step_and_each_photo(self):
        self.check(run("demo", "-o", self.folder / "demo"), DONE)
        page = self.page()
        self.assertEqual(page.sections, ["photos", "edges", "find", "mark", "straighten", "measure", "compare", "name"])
        photos = sorted(path.stem for folder in ("people", "unseen") for path in (PHOTOS / folder).rglob("*.*"))
        self.assertEqual(sorted(re.match(r"Photo (\w+)", alt).group(1) for alt in page.alts["photos"]), photos)
        self.assertEqual([len(page.alts[step]) for step in page.sections], [7, 2, 7, 4, 10, 10, 0, 3])
        everything = sum(page.alts.values(), [])
        self.assertTrue(all(len(alt) >= 10 for alt in everything), everything)
        self.assertEqual(len(set(everything)), len(everything))
        self.assertEqual(len(re.findall(r">[01]\.\d\d</td>", page.text)), 100)
        self.assertIn("prefers-color-scheme: dark", page.styles)

    def test_the_demo_is_the_same_with_any_number_of_threads_and_with_five_points(self):
        one, four = (self.check(run("demo", "--json", "--threads", n, "-o", self.folder / str(n)), DONE).stdout
                     for n in (1, 4))
        self.assertEqual(one, four)
        self.assertEqual([len(json.loads(line)["faces"]) for line in one.splitlines()], [1, 4, 1])
        self.assertEqual(*((self.folder / n / "index.html").read_bytes() for n in ("1", "4")))
        self.check(run("demo", "--points", "5", "-o", self.folder / "demo"), DONE)
        self.assertIn("5 points", self.page().text)

    def test_a_demo_without_faces_or_without_a_folder_says_so(self):
        (self.folder / "file").write_text("")
        self.check(run("demo", "-o", self.folder / "file" / "demo"), SOME_FAILED, "can't make the folder")
        self.check(run("demo", "--threshold", "9", "-o", self.folder / "demo"), SOME_FAILED, "no embeddings")


class Documents(CliTest):
    def test_the_readme_s_code_is_the_example_that_is_built(self):
        code = re.search(r"```cpp\n(.*?)```", (PROJECT / "README.md").read_text(), re.S).group(1)
        self.assertEqual(code, (PROJECT / "examples" / "name_people.cpp").read_text())

    def test_the_example_names_people(self):
        example = PROGRAM.parent / "name_people"
        run("train", PEOPLE, "-o", self.folder / "people.ffr")
        result = self.check(run(PROJECT / "weights", self.folder / "people.ffr", GROUP, program=example), DONE)
        self.assertEqual(len(result.stdout.splitlines()), 4)
        self.assertIn("barack_obama at [", result.stdout)
        result = run(PROJECT / "weights", self.folder / "people.ffr", self.folder / "none.jpg", program=example)
        self.check(result, SOME_FAILED, "none.jpg: can't open the file")

    def test_documented_commands_have_verbs_and_options_that_exist(self):
        for page, least in ((PROJECT / "README.md", 4), (PROJECT / "docs" / "openface.md", 6),
                            (PROJECT / "docs" / "batch.md", 4), (PROJECT / "docs" / "video.md", 1)):
            commands = re.findall(r"^build/bin/ffr ([^#\n]+)", page.read_text(), re.M)
            self.assertGreaterEqual(len(commands), least)
            for words in map(str.split, commands):
                self.assertIn(words[0], Usage.VERBS)
                verb = words[:2] if words[0] == "evaluate" else words[:1]
                explained = run(*verb, "--help").stdout
                for option in (word for word in words if word.startswith("-")):
                    self.assertIn(option, explained, " ".join(words))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
