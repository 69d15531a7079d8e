"""Folders as people link them."""

import shutil
import sys
import unittest

from harness import ASTRONAUT, CliTest, DONE, HOPPER, OBAMA2, records, run


class Trees(CliTest):
    """Folders as people link them."""

    def test_links_that_lead_to_each_other_end_and_give_each_photo_once(self):
        photos = self.folder / "photos"
        for year, photo in (("2019", OBAMA2), ("2020", HOPPER)):
            (photos / year).mkdir(parents=True)
            shutil.copy(photo, photos / year)
        (photos / "family").mkdir()
        for year in ("2019", "2020"):
            (photos / "family" / year).symlink_to(f"../{year}")
            (photos / year / "family").symlink_to("../family")
        got = records(self.check(run("detect", "--json", "photos", cwd=self.folder), DONE))
        self.assertEqual([r["image"] for r in got], ["photos/2019/obama2.jpg", "photos/2020/grace_hopper.jpg"])
        self.check(run("detect", "photos", "--draw", "out", cwd=self.folder), DONE)
        self.assertEqual(self.only_files(self.folder / "out"), ["2019/obama2.jpg", "2020/grace_hopper.jpg"])

    def test_a_linked_folder_is_searched_and_one_that_leads_back_ends(self):
        (self.folder / "real" / "anna").mkdir(parents=True)
        (self.folder / "links").mkdir()
        shutil.copy(ASTRONAUT, self.folder / "real" / "anna")
        (self.folder / "links" / "anna").symlink_to("../real/anna")
        (self.folder / "links" / "back").symlink_to("..")
        got = records(self.check(run("detect", "--json", "links", "real", cwd=self.folder), DONE))
        self.assertEqual([r["image"] for r in got], ["links/anna/astronaut.png"])

    def test_a_photo_given_by_name_is_always_taken(self):
        for inputs, count in (([ASTRONAUT, ASTRONAUT, ASTRONAUT.parent], 2), ([ASTRONAUT.parent, ASTRONAUT], 1)):
            self.assertEqual(len(records(self.check(run("detect", "--json", *inputs), DONE))), count)
        lines = f"{ASTRONAUT}\n" * 3
        self.assertEqual(len(records(self.check(run("detect", "--json", "-", stdin=lines), DONE))), 3)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
