"""Photos by person, without names."""

import pathlib
import re
import shutil
import sys
import unittest

from harness import (ASTRONAUT, CliTest, DONE, GROUP, NO_FACE, OBAMA2, PEOPLE, PHOTOS, SOME_FAILED, WRONG_USAGE,
                     records, run)


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


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
