"""Same or different people."""

import sys
import unittest

from harness import ASTRONAUT, CliTest, DONE, NO_FACE, OBAMA2, PEOPLE, SOME_FAILED, WRONG_USAGE, records, run


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


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
