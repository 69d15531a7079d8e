"""Files that are no photos, damaged, or can't be read or written."""

import os
import shutil
import struct
import sys
import unittest

from harness import ASTRONAUT, CliTest, DONE, OBAMA2, PEOPLE, PROGRAM, SOME_FAILED, png, records, run


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


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
