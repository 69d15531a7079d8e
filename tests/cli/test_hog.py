"""What the detector sees, as a picture."""

import struct
import sys
import unittest

from harness import ASTRONAUT, CliTest, DONE, GROUP, NO_FACE, SOME_FAILED, WRONG_USAGE, png, records, run


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


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
