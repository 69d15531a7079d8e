"""The demo's page and pictures, and the benchmark."""

import base64
import html.parser
import json
import re
import sys
import unittest

from harness import CliTest, DONE, NO_FACE, PHOTOS, SOME_FAILED, records, run


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


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
