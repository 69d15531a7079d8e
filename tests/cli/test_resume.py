"""One row a photo, and one writer a folder."""

import fcntl
import os
import shutil
import signal
import socket
import sys
import unittest

from harness import (ASTRONAUT, BIDEN, CliTest, DONE, HOPPER, JOURNAL, NO_FACE, OBAMA, OBAMA2, PEOPLE, SOME_FAILED,
                     WRONG_USAGE, run, snapshot)

LOCK = ".represent.lock"


class OneWriter(CliTest):
    """A folder of tables has one writer at a time."""

    def hold(self, out):
        """A run that waits for its next photo."""
        process = self.start("represent", "-", "-o", out, "--resume")
        process.stdin.write(f"{ASTRONAUT}\n".encode())
        process.stdin.flush()
        journal = out / JOURNAL
        self.wait_for(lambda: journal.exists() and journal.read_bytes().count(b"\n") > 1, process)
        return process

    def test_a_second_run_is_refused_at_once_and_told_whose_the_folder_is(self):
        out = self.folder / "out"
        first = self.hold(out)
        before = snapshot(out)
        second = run("represent", "--weights", self.folder / "none", OBAMA2, "-o", out, "--resume")  # it isn't even looked at
        self.check(second, SOME_FAILED, f"out: process {first.pid} on {socket.gethostname()} writes there: wait until it has ended")
        self.assertEqual(snapshot(out), before)
        first.stdin.write(f"{OBAMA2}\n".encode())
        first.stdin.close()
        self.assertEqual(first.wait(60), DONE)
        self.assertEqual(len((out / "labels.csv").read_text().splitlines()), 2)
        self.assertFalse((out / LOCK).exists())
        self.check(run("represent", OBAMA2, HOPPER, "-o", out, "--resume"), DONE)

    def test_a_lock_whose_process_is_gone_is_taken_over(self):
        out = self.folder / "out"
        first = self.hold(out)
        first.kill()
        first.wait()
        self.assertTrue((out / LOCK).exists())
        self.check(run("represent", ASTRONAUT, OBAMA2, "-o", out, "--resume"), DONE)
        self.assertEqual(len((out / "labels.csv").read_text().splitlines()), 2)
        self.assertFalse((out / LOCK).exists())

    def test_a_lock_is_another_machine_s_as_long_as_the_file_system_says_so(self):
        out = self.folder / "out"
        out.mkdir()
        with open(out / LOCK, "w") as other:
            other.write("process 1 on elsewhere\n")
            other.flush()
            fcntl.flock(other, fcntl.LOCK_EX)
            self.check(run("represent", ASTRONAUT, "-o", out), SOME_FAILED, "out: process 1 on elsewhere writes there")
        self.check(run("represent", ASTRONAUT, "-o", out), DONE)

    def test_a_signal_takes_the_lock_away(self):
        out = self.folder / "out"
        for number in (signal.SIGTERM, signal.SIGQUIT):
            process = self.hold(out)
            process.send_signal(number)
            process.wait(60)
            self.assertFalse((out / LOCK).exists(), number)

    def test_tables_that_are_half_old_and_half_new_are_not_read(self):
        out = self.folder / "out"
        self.check(run("represent", PEOPLE, "-o", out), DONE)
        (out / JOURNAL).write_text('{"embedder":"resnet29"}\n{"tables":"begun"}\n')
        for verb in (["train", out, "-o", self.folder / "m"], ["cluster", out], ["evaluate", "classification", out, "-o", "x"]):
            self.check(run(*verb), SOME_FAILED, "its tables are being written, or a run was killed when it wrote them")
        (out / JOURNAL).write_text('{"embedder":"resnet29"}\n{"tables":"begun"}\n{"tables":"written"}\n')
        self.check(run("train", out, "-o", self.folder / "m"), DONE)


class Resume(CliTest):
    """One row a photo, and the right one."""

    def setUp(self):
        super().setUp()
        self.photos = self.folder / "photos" / "x"
        self.photos.mkdir(parents=True)
        self.out = self.folder / "out"
        for name, source in (("a.png", ASTRONAUT), ("b.jpg", OBAMA2)):
            self.put(name, source)

    def put(self, name, source, seconds=1_000_000_000):
        """A photo that's old enough for its time to tell."""
        shutil.copy(source, self.photos / name)
        os.utime(self.photos / name, (seconds, seconds))

    def represent(self, *arguments, status=DONE, error=None, **more):
        return self.check(run("represent", *arguments, "-o", self.out, "--resume", cwd=self.folder, **more), status, error)

    def rows(self):
        labels = [line.split(",", 1)[1] for line in (self.out / "labels.csv").read_text().splitlines()]
        return dict(zip(labels, (self.out / "reps.csv").read_text().splitlines(), strict=True))

    def test_one_row_a_photo_however_its_path_is_spelled(self):
        (self.folder / "link").symlink_to("photos")
        (self.photos / "c.png").symlink_to("a.png")
        self.represent("photos")
        before = snapshot(self.out)
        for spelling in ("./photos", "photos//", "photos/../photos/x/", self.folder / "photos", "link", "link/x/a.png",
                         "photos/x/c.png", str(self.folder) + "//photos/./x"):
            self.represent(spelling)
            self.assertEqual(sorted(self.rows()), ["photos/x/a.png", "photos/x/b.jpg"], spelling)
        self.assertEqual(snapshot(self.out)["reps.csv"], before["reps.csv"])
        self.check(run("represent", self.photos / "a.png", "-o", self.out, "--resume", cwd="/"), DONE)
        self.assertEqual(len(self.rows()), 2)

    def test_a_photo_that_was_replaced_is_measured_again(self):
        self.represent("photos")
        before = self.rows()
        self.put("a.png", HOPPER, 1_000_000_009)
        self.represent("photos")
        after = self.rows()
        self.assertNotEqual(after["photos/x/a.png"], before["photos/x/a.png"])
        self.assertEqual(after["photos/x/b.jpg"], before["photos/x/b.jpg"])
        self.assertEqual(len(after), 2)
        whole = self.folder / "whole"
        self.check(run("represent", "photos", "-o", whole, cwd=self.folder), DONE)
        self.assertEqual(snapshot(whole), snapshot(self.out))

    def test_the_content_decides_where_size_and_time_can_not(self):
        self.represent("photos")
        before = self.rows()
        os.utime(self.photos / "b.jpg", (5, 5))  # touched only
        self.assertEqual(self.represent("photos").stdout, "")
        self.assertEqual(self.rows(), before)
        self.assertIn(",5000000000\n", (self.out / "photos.csv").read_text())
        # Two photos of the same size, the second written within the time that a clock may not tell apart.
        photos = [photo.read_bytes() for photo in (OBAMA2, HOPPER)]
        size = max(map(len, photos))
        (self.photos / "c.jpg").write_bytes(photos[0].ljust(size, b"\0"))
        self.represent("photos/x/c.jpg")
        first = self.rows()["photos/x/c.jpg"]
        self.assertRegex((self.out / "photos.csv").read_text(), r"c\.jpg,[0-9]+,[0-9a-f]{16},0\n")
        (self.photos / "c.jpg").write_bytes(photos[1].ljust(size, b"\0"))
        self.represent("photos/x/c.jpg")
        self.assertNotEqual(self.rows()["photos/x/c.jpg"], first)

    def test_a_library_that_was_moved_keeps_its_rows(self):
        self.represent("photos")
        before = snapshot(self.out)
        moved = self.folder / "elsewhere"
        moved.mkdir()
        (self.folder / "photos").rename(moved / "photos")
        self.check(run("represent", "photos", "-o", self.out, "--resume", cwd=moved), DONE)
        self.assertEqual(len(self.rows()), 2)
        self.assertEqual({name: data for name, data in snapshot(self.out).items() if name != "photos.csv"},
                         {name: data for name, data in before.items() if name != "photos.csv"})
        self.assertIn(str(moved), (self.out / "photos.csv").read_text())
        shutil.copy(HOPPER, moved / "photos" / "x" / "b.jpg")  # moved once more, and replaced
        (moved / "photos").rename(self.folder / "photos")
        self.represent("photos")
        self.assertEqual(len(self.rows()), 2)
        self.assertNotEqual(self.rows()["photos/x/b.jpg"].encode(), before["reps.csv"].splitlines()[1])

    def test_two_trees_with_the_same_paths_keep_all_rows(self):
        for name, photo in (("one", OBAMA2), ("two", HOPPER)):
            folder = self.folder / name / "photos" / "x"
            folder.mkdir(parents=True)
            shutil.copy(photo, folder / "b.jpg")
        for name in ("one", "two", "one", "two", "one"):
            self.check(run("represent", "photos", "-o", self.out, "--resume", cwd=self.folder / name), DONE)
        self.assertEqual((self.out / "labels.csv").read_text(), "1,photos/x/b.jpg\n" * 2)
        self.assertEqual(len(set((self.out / "reps.csv").read_text().splitlines())), 2)

    def test_tables_without_states_are_completed_from_another_folder(self):
        self.represent("photos")
        (self.out / "photos.csv").unlink()
        (self.folder / "sub").mkdir()
        (self.folder / "photos").rename(self.folder / "sub" / "photos")
        self.check(run("represent", "photos", "-o", self.out, "--resume", cwd=self.folder / "sub"), DONE)
        self.assertEqual(len(self.rows()), 2)

    def test_a_vanished_photo_that_is_named_keeps_its_row_too(self):
        self.represent("photos/x/a.png", "photos/x/b.jpg")
        (self.photos / "b.jpg").unlink()
        self.represent("photos/x/a.png", "photos/x/b.jpg", status=SOME_FAILED, error="b.jpg: isn't there any more; its row stays")
        self.assertEqual(len(self.rows()), 2)

    def test_nothing_is_pruned_when_all_photos_are_gone(self):
        self.represent("photos")
        before = snapshot(self.out)
        (self.folder / "photos").rename(self.folder / "unmounted")
        self.check(run("represent", ASTRONAUT.parent / "none.png", "-o", self.out, "--resume", "--prune"), SOME_FAILED,
                   "none of its photos is there, so --prune takes out none: is their disk missing")
        self.assertEqual({k: v for k, v in snapshot(self.out).items() if k != JOURNAL}, before)

    def test_an_interrupted_run_does_not_give_up_finished_tables(self):
        self.represent("photos")
        before = snapshot(self.out)
        process = self.start("represent", "-", "-o", self.out)
        process.stdin.write(f"{HOPPER}\n".encode())
        process.stdin.flush()
        self.wait_for(lambda: (self.out / JOURNAL).exists() and (self.out / JOURNAL).read_bytes().count(b"\n") > 1, process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(20), 128 + signal.SIGINT)
        self.assertEqual({k: v for k, v in snapshot(self.out).items() if k != JOURNAL}, before)

    def test_a_photo_that_s_another_without_a_face_loses_its_row(self):
        self.represent("photos")
        self.put("a.png", NO_FACE, 1_000_000_009)
        self.represent("photos", status=SOME_FAILED, error="a.png: there's no face")
        self.assertEqual(list(self.rows()), ["photos/x/b.jpg"])

    def test_a_photo_that_vanished_is_named_and_dropped_on_request(self):
        self.represent("photos")
        (self.photos / "b.jpg").unlink()
        self.represent("photos", error="photos/x/b.jpg: isn't there any more; its row stays, until --prune takes it out")
        self.assertEqual(len(self.rows()), 2)
        self.represent("photos", "--prune", error="photos/x/b.jpg: isn't there any more; its row is taken out")
        self.assertEqual(list(self.rows()), ["photos/x/a.png"])
        self.assertEqual(self.represent("photos").stderr, "")
        self.check(run("represent", "photos", "-o", self.out, "--prune", cwd=self.folder), WRONG_USAGE, "goes with --resume")

    def test_rows_of_finished_tables_that_were_made_otherwise_are_refused(self):
        self.represent("photos")
        before = snapshot(self.out)
        for option, reason in ((["--upsample", "1"], "--upsample 0, not 1"), (["--no-exif"], "--no-exif false, not true"),
                               (["--detector", "mmod"], '--detector "hog", not "mmod"'),
                               (["--threshold", "0.5"], "--threshold 0.0, not 0.5"), (["--max-pixels", "99"], "--max-pixels 0, not 99")):
            self.represent("photos", *option, status=SOME_FAILED, error="out: the numbers there were made with " + reason)
        self.assertEqual(snapshot(self.out), before)

    def test_tables_from_before_states_were_kept_are_gone_on_with(self):
        self.represent("photos")
        before = self.rows()
        (self.out / "photos.csv").unlink()
        (self.photos / "b.jpg").unlink()
        self.put("c.jpg", HOPPER)
        self.represent("photos")
        self.assertEqual(sorted(self.rows()), ["photos/x/a.png", "photos/x/b.jpg", "photos/x/c.jpg"])
        self.assertLess(set(before.values()), set(self.rows().values()))
        (self.out / "photos.csv").write_text("a,b\n")
        self.represent("photos", status=SOME_FAILED, error="photos.csv: row 1 isn't as ffr wrote it: delete the file")

    def test_no_photo_is_named_by_itself_under_another_name(self):
        people = self.folder / "people"
        for person, photos in {"a": [ASTRONAUT, ASTRONAUT], "b": [OBAMA, OBAMA], "c": [BIDEN]}.items():
            (people / person).mkdir(parents=True)
            for i, photo in enumerate(photos):
                shutil.copy(photo, people / person / f"{i}{photo.suffix}")
        result = self.check(run("train", people, "-o", self.folder / "model"), DONE)
        self.assertIn("Nobody has two faces", result.stdout)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
