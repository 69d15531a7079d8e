"""What the program does with other people's files: nothing is overwritten, lost or doubled.

Run by ctest as: python3 test_safety.py PROGRAM PROJECT. Needs Python's standard library only.
"""

import errno
import fcntl
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from test_cli import (ASTRONAUT, DONE, GROUP, HOPPER, NO_FACE, OBAMA2, PEOPLE, PHOTOS, PROGRAM, SOME_FAILED, WRONG_USAGE,  # noqa: E402
                      CliTest, records, run)

OBAMA = PEOPLE / "barack_obama" / "obama.jpg"
BIDEN = PEOPLE / "joe_biden" / "biden.jpg"
JOURNAL, LOCK = "represent.partial.jsonl", ".represent.lock"


def snapshot(folder):
    """All files below a folder with what's in them; links by where they lead."""
    return {str(p.relative_to(folder)): os.readlink(p) if p.is_symlink() else p.read_bytes()
            for p in folder.rglob("*") if not p.is_dir()}


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


class SafetyTest(CliTest):
    def start(self, *arguments, **more):
        """A process that heeds all signals, even where the tests run in the background."""
        def heed():
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
        more = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        process = subprocess.Popen([str(PROGRAM), *map(str, arguments)], preexec_fn=heed, **more)

        def end():
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        self.addCleanup(end)
        return process

    def wait_for(self, condition, process):
        for _ in range(6000):
            if condition() or process.poll() is not None:
                return
            time.sleep(0.01)
        self.fail("it didn't come to it within a minute")


class Outputs(SafetyTest):
    """No file is replaced that the program didn't write."""

    FOREIGN = "holds tables or other files of their names that ffr didn't write: .*--force"

    def refused(self, file, *arguments, name=None, reason="is there already, and isn't ", **more):
        """Runs a verb whose output is a file that's there; it has to stay."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"mine")
        before = snapshot(self.folder)
        result = run(*arguments, **more)
        self.check(result, SOME_FAILED, f"{name or file.name}: {reason}")
        self.assertEqual(snapshot(self.folder), before)
        return result

    def model(self):
        model = self.folder / "people.ffr"
        self.check(run("train", PEOPLE, "-o", model), DONE)
        return model

    def test_a_photo_of_the_same_name_but_another_ending_stays(self):
        model = self.model()
        shutil.copy(OBAMA, self.folder / "IMG_1.jpg")
        shutil.copy(ASTRONAUT, self.folder / "IMG_1.png")
        before = snapshot(self.folder)
        for verb in (["detect"], ["landmarks"], ["infer", model]):
            result = self.check(run(*verb, "IMG_1.png", "--draw", ".", cwd=self.folder), SOME_FAILED,
                                "IMG_1.jpg: is there already, and isn't an annotated copy that ffr wrote: move it away, or "
                                "choose another folder")
            self.assertEqual(result.stdout, "")
        self.assertEqual(snapshot(self.folder), before)

    def test_each_verb_leaves_what_it_did_not_write(self):
        out, model = self.folder / "out", self.model()
        self.refused(out / "astronaut.jpg", "detect", ASTRONAUT, "--draw", out)
        self.refused(out / "astronaut.png", "align", ASTRONAUT, "-o", out)
        self.refused(out / "group-2.png", "align", "--all-faces", GROUP, "-o", out)
        self.refused(out / "hog.png", "hog", ASTRONAUT, "-o", out / "hog.png")
        self.refused(out / "model", "train", PEOPLE, "-o", out / "model")
        self.refused(out / "who.json", "video", model, "--timeline", out / "who.json", stdin="")
        for name in ("index.html", "people.ffr", "3-found-group.jpg"):
            demo = self.folder / name.split(".")[0]
            (demo / name).parent.mkdir(parents=True)
            (demo / name).write_bytes(b"mine")
            self.check(run("demo", "-o", demo), SOME_FAILED, f"{name}: is there already, .* or replace it with --force")
            self.assertEqual((demo / name).read_bytes(), b"mine")

    def test_tables_that_are_somebody_else_s_stay(self):
        tables = self.folder / "tables"
        for name in ("labels.csv", "reps.csv"):
            self.refused(tables / name, "represent", ASTRONAUT, "-o", tables, name="tables", reason=self.FOREIGN)
            (tables / name).unlink()
        (tables / "labels.csv").write_text("1,a/1.png\n")
        (tables / "source.json").write_text("{}")
        self.check(run("represent", ASTRONAUT, "-o", tables), SOME_FAILED, self.FOREIGN)
        self.check(run("represent", ASTRONAUT, "-o", tables, "--force"), DONE)
        self.check(run("represent", OBAMA2, "-o", tables), DONE)  # now they're its own
        self.assertIn("obama2", (tables / "labels.csv").read_text())
        self.refused(tables / "photos.csv", "represent", ASTRONAUT, "-o", tables, name="tables", reason=self.FOREIGN)
        for option in ([], ["--resume"]):
            alone = self.folder / f"alone{len(option)}"
            for name in ("photos.csv", "source.json"):
                self.refused(alone / name, "represent", ASTRONAUT, "-o", alone, *option, name=alone.name, reason=self.FOREIGN)

    def test_tables_that_somebody_has_worked_on_are_not_completed(self):
        tables = self.folder / "tables"
        self.check(run("represent", PEOPLE, "-o", tables), DONE)
        labels = (tables / "labels.csv").read_text()
        for changed in ("person,path\n" + labels, labels.replace("\n", ",a note\n")):
            (tables / "labels.csv").write_text(changed)
            before = snapshot(tables)
            self.check(run("represent", OBAMA2, "-o", tables, "--resume"), SOME_FAILED,
                       "tables have a header, further columns or no source.json, which ffr would not keep")
            self.assertEqual(snapshot(tables), before)
        self.check(run("represent", OBAMA2, "-o", tables, "--resume", "--force"), DONE)
        self.assertEqual(len((tables / "labels.csv").read_text().splitlines()), 5)

    def test_results_that_are_somebody_else_s_stay(self):
        tables, out = self.folder / "tables", self.folder / "out"
        tables.mkdir()
        rows = [(person, i) for person in range(3) for i in range(6)]
        (tables / "labels.csv").write_text("".join(f"{person + 1},{person}/{i}.png\n" for person, i in rows))
        (tables / "reps.csv").write_text("".join(",".join(["0.5" if k == person else str(i / 1000) for k in range(128)]) + "\n"
                                                 for person, i in rows))
        verb = ["evaluate", "classification", tables, "--embedder", "resnet29", "--people", "2", "-o", out]
        for name in ("classification.csv", "classification.png"):
            self.refused(out / name, *verb)
            (out / name).unlink()
        self.check(run(*verb), DONE)
        # A table has no mark, and the chart's doesn't speak for what may be anybody's.
        self.check(run(*verb), SOME_FAILED, "classification.csv: is there already, .*--force")
        self.check(run(*verb, "--force"), DONE)

    def test_each_fold_s_table_is_looked_at_first(self):
        lfw, out = self.folder / "lfw", self.folder / "out"
        for person, photo in (("A", OBAMA), ("B", ASTRONAUT), ("C", BIDEN)):
            (lfw / person).mkdir(parents=True)
            for i in (1, 2):
                shutil.copy(photo, lfw / person / f"{person}_{i:04}{photo.suffix}")
        (self.folder / "pairs.txt").write_text("2 1\nA 1 2\nA 1 B 1\nB 1 2\nB 1 C 1\n")
        verb = ["evaluate", "lfw", lfw, "--pairs", self.folder / "pairs.txt", "-o", out]
        for name in ("accuracies.csv", "roc.csv", "roc-fold-0.csv", "roc-fold-1.csv", "roc.png"):
            self.refused(out / name, *verb)
            (out / name).unlink()
        self.check(run(*verb), DONE)

    def test_a_model_in_a_demo_s_folder_is_only_the_demo_s_beside_its_page(self):
        demo = self.folder / "demo"
        demo.mkdir()
        self.check(run("train", PEOPLE, "-o", demo / "people.ffr"), DONE)
        before = snapshot(demo)
        self.check(run("demo", "-o", demo), SOME_FAILED, "people.ffr: is there already, .*--force")
        self.assertEqual(snapshot(demo), before)

    def test_a_file_that_speaks_of_a_timeline_is_none(self):
        model, file = self.model(), self.folder / "film.json"
        file.write_text(json.dumps({"film": "my notes", "timeline": {"made_by": "ffr: timeline", "frames": 3}}, indent=2))
        before = file.read_bytes()
        self.check(run("video", model, "--timeline", file, stdin=""), SOME_FAILED, "isn't a timeline that ffr wrote")
        self.assertEqual(file.read_bytes(), before)

    def test_force_replaces_where_that_s_a_sane_wish(self):
        for name, verb in (("hog.png", ["hog", ASTRONAUT, "-o"]), ("model", ["train", PEOPLE, "-o"])):
            file = self.folder / name
            file.write_bytes(b"mine")
            self.check(run(*verb, file), SOME_FAILED, "or replace it with --force")
            self.check(run(*verb, file, "--force"), DONE)
            self.assertGreater(file.stat().st_size, 1000)
        for verb in (["detect", ASTRONAUT, "--draw", "."], ["align", ASTRONAUT, "-o", "."], ["cluster", PEOPLE, "-o", "x"]):
            self.check(run(*verb, "--force", cwd=self.folder), WRONG_USAGE, "--force")

    def test_a_model_is_not_a_picture_nor_a_picture_a_model(self):
        model = self.model()
        self.check(run("hog", ASTRONAUT, "-o", self.folder / "hog.png"), DONE)
        shutil.copy(model, self.folder / "model.png")
        self.check(run("hog", ASTRONAUT, "-o", self.folder / "model.png"), SOME_FAILED, "isn't a HOG picture that ffr wrote")
        self.check(run("train", PEOPLE, "-o", self.folder / "hog.png"), SOME_FAILED, "isn't a model that ffr wrote")
        self.check(run("align", ASTRONAUT, "-o", self.folder / "out"), DONE)
        chip = self.folder / "out" / "astronaut.png"
        self.check(run("hog", ASTRONAUT, "-o", chip), SOME_FAILED, "isn't a HOG picture that ffr wrote")
        weights = self.folder / "weights.ffr"
        shutil.copy(PHOTOS.parent / "weights" / "hog_frontal.ffr", weights)
        self.check(run("train", PEOPLE, "-o", weights), SOME_FAILED, "isn't a model that ffr wrote")

    def test_its_own_files_and_empty_ones_are_replaced(self):
        for _ in range(2):
            self.check(run("detect", ASTRONAUT, "--draw", self.folder / "drawn"), DONE)
            self.check(run("hog", ASTRONAUT, "-o", self.folder / "hog.jpg"), DONE)
            self.check(run("train", PEOPLE, "-o", self.folder / "model"), DONE)
            self.check(run("represent", PEOPLE, "-o", self.folder / "tables"), DONE)
            self.check(run("demo", "-o", self.folder / "demo"), DONE)
        (self.folder / "empty").touch()
        self.check(run("train", PEOPLE, "-o", self.folder / "empty"), DONE)

    def test_only_its_own_chips_of_the_same_photo_made_in_the_same_way_are_aligned_already(self):
        photos, out = self.folder / "photos", self.folder / "out"
        photos.mkdir()
        shutil.copy(ASTRONAUT, photos / "a.png")
        align = ["align", photos, "-o", out]
        self.assertNotIn("skipped", self.check(run(*align), DONE).stdout)
        self.assertIn("skipped, is aligned already", self.check(run(*align), DONE).stdout)
        chip = (out / "a.png").read_bytes()
        for option in (["--points", "5"], ["--upsample", "1"], ["--threshold", "0.1"], ["--method", "openface"]):
            self.assertNotIn("skipped", self.check(run(*align, *option), DONE).stdout)
            self.assertIn("skipped", self.check(run(*align, *option), DONE).stdout)
        self.assertNotIn("skipped", self.check(run(*align), DONE).stdout)
        self.assertEqual((out / "a.png").read_bytes(), chip)
        size = max((photos / "a.png").stat().st_size, OBAMA2.stat().st_size)
        for photo in (ASTRONAUT, OBAMA2):  # of one size; the content tells what it is
            (photos / "a.png").write_bytes(photo.read_bytes().ljust(size, b"\0"))
            run(*align)
        (out / "a.png").write_bytes(chip)
        (photos / "a.png").write_bytes(OBAMA2.read_bytes().ljust(size, b"\0"))
        self.assertNotIn("skipped", self.check(run(*align), DONE).stdout)
        self.assertNotEqual((out / "a.png").read_bytes(), chip)
        for changed in (chip[:-20], chip + b"\0", chip[:-30] + bytes(30)):  # a disk that was full, somebody's work
            (out / "a.png").write_bytes(changed)
            self.check(run(*align), SOME_FAILED, "isn't an aligned face that ffr wrote")
            self.assertEqual((out / "a.png").read_bytes(), changed)

    def test_two_inputs_that_would_be_one_output_are_named_before_anything_is_written(self):
        for name in ("a", "b"):
            (self.folder / name).mkdir()
            shutil.copy(ASTRONAUT, self.folder / name / "x.png")
        shutil.copy(OBAMA2, self.folder / "first.jpg")
        before = snapshot(self.folder)
        for verb in (["detect", "--draw", "out"], ["align", "-o", "out"]):
            self.check(run(*verb, "first.jpg", "a/x.png", "b/x.png", cwd=self.folder), WRONG_USAGE,
                       "a/x.png and b/x.png: would both become out/x")
        self.assertEqual(snapshot(self.folder), before)

    def test_two_names_of_one_output_are_noticed(self):
        out = self.folder / "out"
        out.mkdir()
        (out / "b.jpg").symlink_to("a.jpg")
        shutil.copy(ASTRONAUT, self.folder / "a.png")
        shutil.copy(OBAMA2, self.folder / "b.png")
        self.check(run("detect", self.folder / "a.png", self.folder / "b.png", "--draw", out), WRONG_USAGE,
                   "a.png and .*b.png: would both become .*b.jpg")
        self.assertEqual([p.name for p in out.iterdir()], ["b.jpg"])

    def test_a_sorted_copy_never_replaces_what_came_meanwhile(self):
        out = self.folder / "sorted"
        process = self.start("cluster", "-", "-o", out)
        process.stdin.write(f"{ASTRONAUT}\n".encode())
        process.stdin.flush()
        time.sleep(0.3)
        (out / "group-001").mkdir(parents=True)
        (out / "group-001" / "astronaut.png").write_bytes(b"mine")
        (out / "group-001.jpg").write_bytes(b"mine")
        process.stdin.close()
        process.stdin = None
        _, error = process.communicate()
        self.assertEqual((out / "group-001" / "astronaut.png").read_bytes(), b"mine")
        self.assertEqual((out / "group-001" / "astronaut-2.png").read_bytes(), ASTRONAUT.read_bytes())
        self.assertEqual((out / "group-001.jpg").read_bytes(), b"mine")
        self.assertRegex(error.decode(), "group-001.jpg: is there already")


class Replacing(SafetyTest):
    """Modes, owners, links and read-only files."""

    def test_new_models_and_tables_are_the_owner_s_alone(self):
        def with_umask(mask, *arguments):
            self.check(run(*arguments, preexec_fn=lambda: os.umask(mask)), DONE)

        with_umask(0o022, "train", PEOPLE, "-o", self.folder / "model")
        with_umask(0o022, "represent", PEOPLE, "-o", self.folder / "tables")
        files = [self.folder / "model", *(self.folder / "tables").iterdir()]
        self.assertEqual(len(files), 5)
        self.assertEqual({mode_of(file) for file in files}, {0o600})
        with_umask(0o022, "train", PEOPLE, "--mode", "664", "-o", self.folder / "wide")
        self.assertEqual(mode_of(self.folder / "wide"), 0o644)
        with_umask(0o077, "represent", PEOPLE, "--mode", "644", "-o", self.folder / "narrow")
        self.assertEqual({mode_of(file) for file in (self.folder / "narrow").iterdir()}, {0o600})
        with_umask(0o022, "detect", ASTRONAUT, "--draw", self.folder / "drawn")
        self.assertEqual(mode_of(self.folder / "drawn" / "astronaut.jpg"), 0o644)
        for mode in ("0600", "688", "100", "x", ""):
            self.check(run("train", PEOPLE, "--mode", mode, "-o", self.folder / "m"), WRONG_USAGE, "--mode")

    def test_the_journal_is_the_owner_s_alone(self):
        process = self.start("represent", "-", "-o", self.folder / "out")
        process.stdin.write(f"{ASTRONAUT}\n".encode())
        process.stdin.flush()
        journal = self.folder / "out" / JOURNAL
        self.wait_for(lambda: journal.exists() and journal.read_bytes().count(b"\n") > 1, process)
        self.assertEqual(mode_of(journal), 0o600)

    def test_a_replaced_model_keeps_its_mode(self):
        model = self.folder / "model"
        self.check(run("train", PEOPLE, "-o", model), DONE)
        for mode in (0o640, 0o644, 0o660):
            model.chmod(mode)
            self.check(run("train", PEOPLE, "-o", model), DONE)
            self.assertEqual(mode_of(model), mode)

    def test_replaced_tables_keep_their_modes(self):
        out = self.folder / "out"
        self.check(run("represent", PEOPLE, "-o", out), DONE)
        (out / "reps.csv").chmod(0o640)
        self.check(run("represent", OBAMA2, "-o", out, "--resume"), DONE)
        self.assertEqual({name.name: mode_of(name) for name in out.iterdir()},
                         {"labels.csv": 0o600, "reps.csv": 0o640, "photos.csv": 0o600, "source.json": 0o600})

    def test_a_link_stays_a_link(self):
        self.check(run("train", PEOPLE, "-o", self.folder / "v1"), DONE)
        (self.folder / "current").symlink_to("v1")
        old = (self.folder / "v1").read_bytes()
        self.check(run("train", PHOTOS, "-o", self.folder / "current"), SOME_FAILED, "group.jpg: there are 4 faces")
        self.assertTrue((self.folder / "current").is_symlink())
        self.assertNotEqual((self.folder / "v1").read_bytes(), old)

    def test_a_read_only_file_stays_and_that_s_said_before_it_costs_time(self):
        model = self.folder / "model"
        self.check(run("train", PEOPLE, "-o", model), DONE)
        model.chmod(0o444)
        old = model.read_bytes()
        # The weights aren't even looked for.
        self.check(run("train", PHOTOS, "--weights", self.folder / "none", "-o", model), SOME_FAILED,
                   "model: can't write the file: it's read-only")
        tables = self.folder / "tables"
        self.check(run("represent", ASTRONAUT, "-o", tables), DONE)
        (tables / "labels.csv").chmod(0o444)
        self.check(run("represent", OBAMA2, "-o", tables), SOME_FAILED, "labels.csv: can't write the file: it's read-only")
        self.assertEqual(self.only_files(tables), ["labels.csv", "photos.csv", "reps.csv", "source.json"])
        self.assertEqual((model.read_bytes(), mode_of(model)), (old, 0o444))
        chips = self.folder / "chips"
        self.check(run("align", ASTRONAUT, "-o", chips), DONE)
        (chips / "astronaut.png").chmod(0o444)
        self.check(run("align", "--method", "openface", ASTRONAUT, "-o", chips), SOME_FAILED, "it's read-only")

    def test_temporary_files_of_killed_runs_are_deleted_by_the_next(self):
        left = self.folder / f".ffr-{'0' * 32}.tmp"
        left.write_bytes(b"half a model")
        kept = self.folder / ".ffr-notes.tmp"
        kept.write_bytes(b"mine")
        self.check(run("train", PEOPLE, "-o", self.folder / "model"), DONE)
        self.assertEqual(self.only_files(self.folder), [".ffr-notes.tmp", "model"])


class OneWriter(SafetyTest):
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


class Resume(SafetyTest):
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


class Trees(SafetyTest):
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


class Ends(SafetyTest):
    """However a run is ended, what's done stays, and the status says by which signal."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.model = pathlib.Path(folder.name) / "people.ffr"
        assert run("train", PEOPLE, "-o", cls.model).returncode == DONE

    FRAME = b"FRAME\n" + bytes(64 * 64 * 3 // 2)
    HEADER = b"YUV4MPEG2 W64 H64 F25:1\n"

    def test_a_video_is_ended_by_each_signal_while_its_camera_stalls(self):
        for number in self.SIGNALS:
            for rest in (b"", b"FRAME\n" + bytes(100)):  # between frames, and within one
                timeline = self.folder / f"{number}{len(rest)}.json"
                process = self.start("video", self.model, "--timeline", timeline)
                process.stdin.write(self.HEADER + self.FRAME * 3 + rest)
                process.stdin.flush()
                whole = self.HEADER + self.FRAME * 3
                self.assertEqual(process.stdout.read(len(whole)), whole)
                process.send_signal(number)
                self.assertEqual(process.wait(20), 128 + number)  # its standard input is still open
                self.assertEqual(process.stdout.read(), b"")
                self.assertEqual(process.stderr.read().decode(), "ffr: stopped after 3 frames\n")
                self.assertEqual(json.loads(timeline.read_text())["frames"], 3)

    def test_a_video_whose_header_does_not_come_is_ended_too(self):
        process = self.start("video", self.model)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 128 + signal.SIGTERM)

    def test_a_reader_that_stalls_does_not_keep_the_program(self):
        for verb in (["video", self.model], ["represent", "--json", "-"]):
            process = self.start(*verb)
            data = self.HEADER + self.FRAME * 40 if verb[0] == "video" else f"{GROUP}\n".encode() * 30
            def feed(process=process, data=data):
                try:
                    process.stdin.write(data)
                    process.stdin.flush()
                except BrokenPipeError:
                    pass
            feeder = threading.Thread(target=feed)
            feeder.start()
            time.sleep(2)  # more than a pipe holds waits to be read now
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(20), 128 + signal.SIGTERM)
            feeder.join()

    def test_a_batch_is_ended_by_each_signal_and_its_tables_are_written(self):
        for number in self.SIGNALS:
            out = self.folder / str(number)
            process = self.start("represent", "-", "-o", out)
            process.stdin.write(f"{ASTRONAUT}\n{OBAMA2}\n".encode())
            process.stdin.flush()
            journal = out / JOURNAL
            self.wait_for(lambda: journal.exists() and journal.read_bytes().count(b"\n") > 2, process)
            process.send_signal(number)
            self.assertEqual(process.wait(20), 128 + number)
            self.assertIn("2 rows kept in", process.stderr.read().decode())
            self.assertEqual(len((out / "labels.csv").read_text().splitlines()), 2)
            self.check(run("train", out, "-o", self.folder / "m"), DONE)
            self.check(run("represent", ASTRONAUT, OBAMA2, HOPPER, "-o", out, "--resume"), DONE)
            whole = self.folder / f"{number} whole"
            self.check(run("represent", ASTRONAUT, OBAMA2, HOPPER, "-o", whole), DONE)
            self.assertEqual(snapshot(out), snapshot(whole))

    def test_a_second_signal_of_any_kind_ends_the_run_at_once(self):
        # A search that takes a while, and is in hand when the signals come.
        slow = ["detect", "--detector", "mmod", "--upsample", "2", "--threads", "1", "--json", GROUP]
        process = self.start(*slow)
        time.sleep(0.5)
        process.send_signal(signal.SIGHUP)
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 128 + signal.SIGTERM)
        self.assertEqual(process.stdout.read(), b"")
        # The last photo is finished after one signal, and the status says that there was one.
        process = self.start(*slow)
        time.sleep(0.5)
        process.send_signal(signal.SIGHUP)
        out, error = process.communicate(timeout=60)
        self.assertEqual((process.returncode, len(out.splitlines())), (128 + signal.SIGHUP, 1), error)

    def test_signals_that_were_ignored_stay_so(self):
        process = subprocess.Popen(["sh", "-c", 'trap "" HUP INT; exec "$0" "$@"', str(PROGRAM), "detect", "--json", "-"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        process.stdin.write(f"{ASTRONAUT}\n".encode())
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(f"{OBAMA2}\n".encode())
        self.assertEqual((process.returncode, len(out.splitlines())), (DONE, 1))

    def test_no_temporary_file_outlives_a_signal(self):
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGABRT):
            out = self.folder / "out"
            process = self.start("demo", "-o", out)
            self.wait_for(lambda: out.exists() and len(list(out.iterdir())) > 3, process)
            process.send_signal(number)
            status = process.wait(20)
            self.assertIn(status, (128 + number, -number, DONE))
            self.assertEqual([p.name for p in out.iterdir() if p.name.startswith(".")], [], number)
            shutil.rmtree(out)

    def shell(self, streams, *arguments):
        """Runs a verb with streams that the shell has closed."""
        return subprocess.run(["sh", "-c", f'exec "$0" "$@" {streams}', str(PROGRAM), *map(str, arguments)],
                              capture_output=True, text=True, timeout=60)

    def test_closed_streams_are_no_place_for_our_files(self):
        model = self.folder / "model"
        for streams, status in (("<&-", DONE), ("2>&-", DONE), (">&-", SOME_FAILED), ("<&- >&- 2>&-", SOME_FAILED)):
            self.assertEqual(self.shell(streams, "train", PEOPLE, "-o", model).returncode, status, streams)
            self.assertEqual(model.read_bytes(), self.model.read_bytes(), streams)
            model.unlink()

    def test_reading_from_or_writing_to_a_closed_stream_is_an_error_that_s_said(self):
        self.check(self.shell("<&-", "detect", "-"), SOME_FAILED, "standard input: can't read: Bad file descriptor")
        self.check(self.shell("<&-", "video", self.model), SOME_FAILED, "standard input: can't be read any more")
        self.check(self.shell(">&-", "detect", ASTRONAUT), SOME_FAILED, "can't write to standard output")


class ForeignTables(SafetyTest):
    """Tables that a spreadsheet or another system wrote."""

    def setUp(self):
        super().setUp()
        self.tables = self.folder / "tables"
        self.check(run("represent", PEOPLE, "-o", self.tables), DONE)
        self.check(run("train", self.tables, "-o", self.folder / "model"), DONE)
        self.labels, self.reps = ((self.tables / name).read_text().splitlines() for name in ("labels.csv", "reps.csv"))

    def train(self, labels=None, reps=None, status=DONE, error=None, same=True, encoding="utf-8"):
        for name, lines in (("labels.csv", labels or self.labels), ("reps.csv", reps or self.reps)):
            (self.tables / name).write_bytes("".join(lines).encode(encoding) if isinstance(lines, str)
                                             else ("\n".join(lines) + "\n").encode(encoding))
        other = self.folder / "other"
        other.unlink(missing_ok=True)
        self.check(run("train", self.tables, "-o", other), status, error)
        if status == DONE and same:
            self.assertEqual(other.read_bytes(), (self.folder / "model").read_bytes())

    def test_byte_order_marks_line_ends_quotes_and_headers(self):
        bom = "\ufeff"
        crlf = "\r\n".join(self.labels) + "\r\n", "\r\n".join(self.reps) + "\r\n"
        self.train(*crlf)
        self.train(bom + crlf[0], bom + crlf[1])
        quoted = ['"' + line.replace(",", '","') + '"' for line in self.labels]
        self.train(quoted, ['"' + line.replace(",", '","') + '"' for line in self.reps])
        self.train(["label,path", *self.labels], [",".join(f"x{i}" for i in range(128)), *self.reps])
        self.train([bom + "label,path", *self.labels])
        self.train(reps=[",".join(map(str, range(128))), *self.reps])  # pandas counts columns

    def test_further_columns_where_they_do_no_harm(self):
        self.train([line + ",a note,3" for line in self.labels], [line + "," for line in self.reps])
        self.train(["name,id,Path", *(f"x,{line}" for line in self.labels)])
        numbered = [f"{i},{line}" for i, line in enumerate(self.reps)]
        self.train(reps=numbered)
        self.train(reps=["," + ",".join(map(str, range(128))), *numbered])
        self.train(reps=[f"7,{line}" for line in self.reps], status=SOME_FAILED,
                   error="reps.csv: row 1 should have 128 numbers, not 129")

    def test_paths_of_windows(self):
        def windows(line):
            number, path = line.split(",", 1)
            return number + ",C:" + path.replace("/", "\\")
        self.train([windows(line) for line in self.labels])
        self.train([windows(line).replace("C:\\", "\\\\server\\share\\") for line in self.labels])
        self.train([f"{i},{path.split('/', 1)[1].replace('/', chr(92))}" for i, path in
                    (line.split(",", 1) for line in self.labels)])
        self.train([line.replace(",/", ",D:/") for line in self.labels])
        # A folder that was named with '/' has both; each row's last one tells.
        self.train([line[:line.rindex("/")] + "\\" + line[line.rindex("/") + 1:] for line in self.labels])
        odd = "1,photos/barack_obama/a\\b.jpg"  # elsewhere a backslash is a letter like others
        self.train([odd, *self.labels[1:]])

    def test_what_is_refused_is_named_with_its_reason(self):
        self.train(encoding="utf-16", status=SOME_FAILED, error="labels.csv: is UTF-16 text: save it as CSV in UTF-8")
        self.train([line.replace(",", ";") for line in self.labels], status=SOME_FAILED,
                   error="labels.csv: has ';' between its fields: save it with commas")
        self.train(reps=[line.replace(",", ";") for line in self.reps], status=SOME_FAILED,
                   error="reps.csv: has ';' between its fields")
        self.train([self.labels[0], "2"] + self.labels[2:], status=SOME_FAILED,
                   error="labels.csv: row 2 should have a number and a path")
        self.train(["label,path", *self.labels[1:]], status=SOME_FAILED, error="reps.csv: has 4 rows, but labels.csv has 3")

    def test_our_own_tables_are_the_same_bytes_everywhere(self):
        for name in ("labels.csv", "reps.csv", "source.json"):
            data = (self.tables / name).read_bytes()
            self.assertNotIn(b"\r", data)
            self.assertNotIn(b"\\", data)
            self.assertTrue(data.endswith(b"\n"))


class Pipes(SafetyTest):
    """Photos that come through pipes."""

    def test_one_photo_comes_through_standard_input(self):
        expected = records(run("detect", "--json", OBAMA2))[0]["faces"]
        model = self.folder / "model"
        self.check(run("train", PEOPLE, "-o", model), DONE)
        for verb in (["detect"], ["landmarks"], ["represent"], ["infer", model], ["cluster"]):
            result = subprocess.run([str(PROGRAM), *map(str, verb), "--json", "/dev/stdin"], input=OBAMA2.read_bytes(),
                                    capture_output=True, timeout=60)
            self.assertEqual(result.returncode, DONE, result.stderr)
            [record] = [json.loads(line) for line in result.stdout.splitlines()]
            self.assertEqual((record["image"], record["faces"][0]["box"]), ("/dev/stdin", expected[0]["box"]))
        with open(OBAMA2) as file:
            result = subprocess.run([str(PROGRAM), "detect", "--json", "/dev/stdin"], stdin=file, capture_output=True)
            self.assertEqual(json.loads(result.stdout)["faces"], expected)

    def test_a_named_pipe_is_read_and_one_in_a_folder_refused(self):
        pipe = self.folder / "pipe.jpg"
        os.mkfifo(pipe)
        process = self.start("detect", "--json", pipe)
        with open(pipe, "wb") as writer:
            writer.write(OBAMA2.read_bytes())
        out, error = process.communicate(timeout=60)
        self.assertEqual(len(json.loads(out)["faces"]), 1, error)
        self.check(run("detect", self.folder), SOME_FAILED, "pipe.jpg: isn't a regular file")
        shutil.copy(ASTRONAUT, self.folder)
        result = self.check(run("detect", "--json", self.folder), SOME_FAILED, "pipe.jpg: isn't a regular file")
        self.assertEqual([len(r.get("faces", [])) for r in records(result)], [1, 0])

    def test_a_process_of_the_shell_gives_a_photo(self):
        result = subprocess.run(["bash", "-c", f'"{PROGRAM}" detect --json <(cat "{OBAMA2}") <(cat "{HOPPER}")'],
                                capture_output=True, text=True, timeout=60)
        self.assertEqual([len(r["faces"]) for r in records(result)], [1, 1], result.stderr)

    def test_a_pipe_that_stalls_is_left_by_a_signal(self):
        pipe = self.folder / "pipe.jpg"
        os.mkfifo(pipe)
        for has_writer in (False, True):
            process = self.start("detect", "--json", pipe)
            writer = open(pipe, "wb") if has_writer else None
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(20), 128 + signal.SIGTERM)
            if writer:
                writer.close()

    def test_a_photo_from_a_pipe_can_not_be_sorted(self):
        result = subprocess.run([str(PROGRAM), "cluster", "/dev/stdin", "-o", str(self.folder / "sorted")],
                                input=OBAMA2.read_bytes(), capture_output=True, timeout=60)
        self.assertEqual(result.returncode, SOME_FAILED)
        self.assertIn("/dev/stdin: isn't a file that can be copied", result.stderr.decode())
        self.assertEqual(self.only_files(self.folder / "sorted"), ["group-001.jpg", "groups.jpg"])

    def test_a_socket_is_read_like_a_pipe(self):
        ours, theirs = socket.socketpair()
        process = self.start("detect", "--json", "/dev/stdin", stdin=theirs)
        theirs.close()
        ours.sendall(OBAMA2.read_bytes())
        ours.close()
        out, error = process.communicate(timeout=60)
        self.assertEqual(len(json.loads(out)["faces"]), 1, error)

    def test_bytes_that_are_no_paths_are_never_taken_for_done(self):
        heif = b"\0\0\0\x18ftypheic" + bytes(100)
        pnm = b"P6\n2 2\n255\n" + bytes(range(10, 22))
        for data, reason in ((heif, "holds a picture"), (pnm, "holds a picture"),
                             (b"a.jpg\0b.jpg\0", "there's a byte 0 in a path: paths come one a line")):
            for more in ([], ["--draw", str(self.folder / "out")]):
                result = subprocess.run([str(PROGRAM), "detect", "--json", "-", *more], input=data, capture_output=True, timeout=60)
                self.assertEqual((result.returncode, result.stdout), (SOME_FAILED, b""))
                self.assertRegex(result.stderr.decode(), f"^ffr: standard input: {reason}.*\n$")

    def test_what_is_no_photo_is_named(self):
        for data, reason in ((b"", "/dev/stdin: the file is empty|/dev/stdin: is empty"), (b"no photo", "isn't an image")):
            result = subprocess.run([str(PROGRAM), "detect", "/dev/stdin"], input=data, capture_output=True, timeout=60)
            self.assertEqual(result.returncode, SOME_FAILED)
            self.assertRegex(result.stderr.decode(), reason)

    def test_a_photo_where_paths_are_expected_is_said_in_one_line(self):
        for photo in (ASTRONAUT, OBAMA2):
            for verb in (["detect", "-"], ["detect", "-", "--draw", self.folder / "out"], ["represent", "--json", "-"]):
                result = subprocess.run([str(PROGRAM), *map(str, verb)], input=photo.read_bytes(), capture_output=True, timeout=60)
                self.assertEqual((result.returncode, result.stdout), (SOME_FAILED, b""))
                self.assertEqual(result.stderr.decode(), "ffr: standard input: holds a picture where paths are expected, one "
                                                         "a line: to read it, give /dev/stdin in place of -\n")


class Terminals(SafetyTest):
    """The bar fits the terminal."""

    def on_terminal(self, columns, resize_to=None, **environment):
        photos = self.folder / "photos"
        photos.mkdir(exist_ok=True)
        for i in range(12):
            shutil.copy(ASTRONAUT, photos / f"{i}.png")
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(str(PROGRAM), [str(PROGRAM), "represent", str(photos), "--json", "--threads", "1"],
                      {**os.environ, "TERM": "xterm", **environment})
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        out = b""
        while True:
            try:
                if select.select([terminal], [], [], 60)[0]:
                    data = os.read(terminal, 65536)
            except OSError as error:
                self.assertEqual(error.errno, errno.EIO)  # the end, on Linux
                break
            if not data:
                break
            out += data
            if resize_to and out.count(b" left") >= 3:
                fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, resize_to, 0, 0))
        os.close(terminal)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        return [bar.split(b"\x1b")[0] for bar in out.split(b"\r") if b"/12" in bar]

    def test_the_bar_is_narrower_than_the_terminal(self):
        for columns in (20, 40, 60, 80, 300):
            bars = self.on_terminal(columns)
            self.assertGreater(len(bars), 5)
            self.assertLess(max(map(len, bars)), columns)

    def test_the_bar_follows_the_width(self):
        bars = self.on_terminal(80, resize_to=30)
        self.assertGreater(max(map(len, bars)), 30)
        self.assertLess(len(bars[-1]), 30)

    def test_a_terminal_that_can_t_take_a_line_back_gets_no_bar(self):
        self.assertEqual(self.on_terminal(80, TERM="dumb"), [])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
