"""Landmarks, and straightened faces."""

import os
import shutil
import struct
import sys
import unittest

from harness import ASTRONAUT, CliTest, DONE, GROUP, NO_FACE, OBAMA2, PEOPLE, SOME_FAILED, WRONG_USAGE, records, run


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


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
