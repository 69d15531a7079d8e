"""The program in a world where things go wrong: no room on the disk, folders that can't be written, files that change or are
cut off while they're used, a process that's killed.

Run by ctest as: python3 test_faults.py PROGRAM PROJECT. Needs Python's standard library and Linux. FFR_KILLS sets how often
each verb is killed (6), FFR_KILL_SEED the moments.
"""

import errno
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import soak

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
PROJECT = pathlib.Path(sys.argv[2]).resolve()
WEIGHTS = PROJECT / "weights"
PEOPLE = PROJECT / "photos" / "people"
IMAGES = PROJECT / "tests" / "golden" / "images"
PORTRAIT = IMAGES / "portrait.png"
ASTRONAUT = PEOPLE / "eileen_collins" / "astronaut.png"

DONE, SOME_FAILED = 0, 1
KILLS = int(os.environ.get("FFR_KILLS", 6))
SEED = int(os.environ.get("FFR_KILL_SEED", 1))


def environment():
    return {k: v for k, v in os.environ.items() if k != "FFR_WEIGHTS"}


def run(*arguments, **more):
    return subprocess.run([str(PROGRAM), *map(str, arguments)], capture_output=True, text=True, env=environment(),
                          timeout=600, **more)


def files_in(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def finished(files):
    """Without those that a killed process was writing under another name."""
    return {name: data for name, data in files.items() if not pathlib.Path(name).name.startswith(".")}


class FaultTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def check(self, result, status, error=None):
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        if error is not None:
            self.assertRegex(result.stderr, error)
        return result

    def filter(self, *arguments):
        """A process that takes paths from its standard input."""
        process = subprocess.Popen([str(PROGRAM), *map(str, arguments), "-"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment())

        def end():
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()
        self.addCleanup(end)
        return process

    def ask(self, process, path):
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        return process.stdout.readline()


# Verbs that write files, and where to: arguments without it, the output's name, its place among several files.
WRITERS = {
    "train": (["train", PEOPLE, "-o"], "people.ffr"),
    "represent": (["represent", PEOPLE, "-o"], "tables"),
    "align": (["align", ASTRONAUT, "-o"], "chips"),
    "detect": (["detect", ASTRONAUT, "--draw"], "drawn"),
}


class NoRoom(FaultTest):
    """Whatever ends the room: the verb says so, leaves nothing half done, and what was there before stays."""

    def check_writers(self, folder, error, **more):
        for verb, (arguments, name) in WRITERS.items():
            with self.subTest(verb):
                before = files_in(folder)
                result = run(*arguments, folder / name, **more)
                self.check(result, SOME_FAILED, error)
                after = files_in(folder)
                if verb == "represent":  # keeps the rows that it has
                    after.pop("tables/represent.partial.jsonl", None)
                self.assertEqual(after, before)
                shutil.rmtree(folder / "tables", ignore_errors=True)

    def test_files_that_may_not_grow(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write then fails with EFBIG
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        self.check_writers(self.folder, "can't write the file: File too large", preexec_fn=limit)
        self.check(run("train", PEOPLE, "-o", self.folder / "people.ffr"), DONE)
        self.check_writers(self.folder, "can't write the file: File too large", preexec_fn=limit)

    def mounted(self, options):
        folder = self.folder / "mounted"
        folder.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
            self.skipTest("a file system can't be mounted here")
        self.addCleanup(subprocess.run, ["umount", str(folder)], check=True)
        return folder

    def test_a_full_file_system(self):
        folder = self.mounted("size=16k")
        try:
            (folder / "others").write_bytes(bytes(12288))
        except OSError as error:
            self.assertEqual(error.errno, errno.ENOSPC)
        self.check_writers(folder, "No space left on device")

    def test_a_file_system_that_is_read_only(self):
        self.check_writers(self.mounted("ro"), "Read-only file system")

    def test_a_place_where_nobody_can_write(self):
        self.check_writers(pathlib.Path("/proc/self/fdinfo"), "can't (make the folder|write the file)")
        (self.folder / "file").write_text("in the way")
        self.check_writers(self.folder / "file", "can't (make the folder|write the file)")

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_a_folder_without_permission(self):
        closed = self.folder / "closed"
        closed.mkdir(mode=0o500)
        self.check_writers(closed, "Permission denied")

    def test_a_pipe_keeps_its_place(self):
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        self.check(run("train", PEOPLE, "-o", pipe), SOME_FAILED, "pipe: can't write the file: it isn't a regular file")
        self.assertTrue(pipe.is_fifo())
        self.assertEqual([p.name for p in self.folder.iterdir()], ["pipe"])

    def test_a_full_standard_output(self):
        self.check(run("train", PEOPLE, "-o", self.folder / "people.ffr"), DONE)
        for verb in (["represent", "--json", ASTRONAUT], ["infer", self.folder / "people.ffr", ASTRONAUT],
                     ["compare", ASTRONAUT, ASTRONAUT], ["landmarks", ASTRONAUT], ["train", PEOPLE, "-o", self.folder / "new"]):
            with self.subTest(verb[0]), open("/dev/full", "w") as full:
                result = subprocess.run([str(PROGRAM), *map(str, verb)], stdout=full, stderr=subprocess.PIPE, text=True,
                                        env=environment())
                self.assertEqual(result.returncode, SOME_FAILED)
                self.assertIn("can't write to standard output", result.stderr)


class ChangingFiles(FaultTest):
    """Files that others write while the program uses them."""

    def records_of(self, photo, count):
        """What a process says about a photo again and again."""
        process = self.filter("detect", "--json", "--threads", "1")
        return [json.loads(self.ask(process, photo)) for _ in range(count)]

    def test_a_photo_that_is_written_again_and_again_is_read_whole_or_refused(self):
        for source in (PORTRAIT, PEOPLE / "barack_obama" / "obama.jpg"):
            photo = self.folder / source.name
            data, ended = source.read_bytes(), threading.Event()
            photo.write_bytes(data)
            [whole] = self.records_of(photo, 1)
            numbers = random.Random(SEED)

            def rewrite():
                while not ended.is_set():
                    with open(photo, "r+b", buffering=0) as file:
                        file.truncate(numbers.randrange(len(data)))
                    time.sleep(numbers.random() / 500)
                    photo.write_bytes(data)
                    time.sleep(numbers.random() / 100)

            writer = threading.Thread(target=rewrite)
            writer.start()
            try:
                records = self.records_of(photo, 200)
            finally:
                ended.set()
                writer.join()
            refused = [record for record in records if "error" in record]
            self.assertTrue(all(record == whole for record in records if "error" not in record))
            for record in refused:
                self.assertRegex(record["error"], "cut off|damaged|is empty|isn't an image|became shorter")
            self.assertTrue(0 < len(refused) < 200, len(refused))

    def copied_weights(self):
        folder = self.folder / "weights"
        folder.mkdir()
        for name in ("hog_frontal.ffr", "landmarks68.ffr", "resnet29.ffr"):
            shutil.copy(WEIGHTS / name, folder)
        return folder

    def test_weights_that_are_replaced_are_used_on_by_who_has_them_open(self):
        folder = self.copied_weights()
        process = self.filter("represent", "--json", "--threads", "1", "--weights", folder)
        before = self.ask(process, PORTRAIT)
        self.assertEqual(len(json.loads(before)["faces"]), 1)
        for file in list(folder.iterdir()):
            other = folder / "other"
            other.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
            other.rename(file)
        self.assertEqual(self.ask(process, PORTRAIT), before)
        self.check(run("represent", PORTRAIT, "--weights", folder), SOME_FAILED, "ffr: should have [0-9]+ bytes, the file ends")

    def test_weights_that_are_cut_off_or_overwritten_where_they_lie_are_used_on_by_who_has_them_open(self):
        folder = self.copied_weights()
        process = self.filter("represent", "--json", "--threads", "1", "--weights", folder)
        before = self.ask(process, PORTRAIT)
        for file in folder.iterdir():
            os.truncate(file, 4096)
            self.assertEqual(self.ask(process, PORTRAIT), before)
            file.write_bytes(bytes(64 << 20))
            self.assertEqual(self.ask(process, PORTRAIT), before)
        self.check(run("represent", PORTRAIT, "--weights", folder), SOME_FAILED, "ffr: isn't an ffr weight file")

    def test_models_that_are_cut_off_are_refused_wherever_they_end(self):
        model = self.folder / "people.ffr"
        self.check(run("train", PEOPLE, "-o", model), DONE)
        data, numbers = model.read_bytes(), random.Random(SEED)
        for size in (0, 1, 63, 64, len(data) - 1, *(numbers.randrange(len(data)) for _ in range(10))):
            model.write_bytes(data[:size])
            self.check(run("infer", model, ASTRONAUT), SOME_FAILED, "people.ffr: (the file is empty|.*the file ends at)")


class Kills(FaultTest):
    """kill -9 at random moments."""

    def start_and_kill(self, seconds, *arguments):
        """\\returns whether it was still running then"""
        process = subprocess.Popen([str(PROGRAM), *map(str, arguments)], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env=environment())
        try:
            process.wait(seconds)
            return False
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return True

    def people(self):
        folder = self.folder / "people"
        for i, photo in enumerate(sorted(IMAGES.glob("*.png"))):
            person = folder / f"person {i % 4}"
            person.mkdir(parents=True, exist_ok=True)
            copy = shutil.copy(photo, person)
            os.utime(copy, (10**9, 10**9))  # so old that its time tells whether it has changed
        return folder

    def undisturbed(self, *arguments):
        """The files that a command makes, how it ends and how long it takes."""
        start = time.monotonic()
        result = run(*arguments, self.folder / "undisturbed" / "out")
        seconds = time.monotonic() - start
        files = files_in(self.folder / "undisturbed")
        self.assertTrue(files)
        return files, result.returncode, seconds

    def test_represent_goes_on_to_what_an_undisturbed_run_writes(self):
        people, numbers, killed = self.people(), random.Random(SEED), 0
        files, status, seconds = self.undisturbed("represent", people, "-o")
        for i in range(KILLS):
            out = self.folder / str(i) / "out"
            command = ["represent", people, "--resume", "-o", out]
            for _ in range(1 + i % 2):  # every other run is killed twice
                killed += self.start_and_kill(numbers.random() * seconds, *command)
            self.check(run(*command), status)
            self.assertEqual(finished(files_in(out.parent)), files)
        self.assertGreater(killed, 0)
        print(f"represent: killed {killed} times", file=sys.stderr)

    def test_represent_killed_while_it_writes_its_tables(self):
        people = self.people()
        files, status, _ = self.undisturbed("represent", people, "-o")
        for i, last in enumerate(("labels.csv", "reps.csv", "source.json")):
            out = self.folder / str(i) / "out"
            command = ["represent", people, "--resume", "-o", out]
            process = subprocess.Popen([str(PROGRAM), *map(str, command)], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, env=environment())
            while process.poll() is None and not (out / last).exists():
                pass
            process.kill()
            process.wait()
            self.check(run(*command), status)
            self.assertEqual(finished(files_in(out.parent)), files)

    def test_train_leaves_the_old_model_or_the_new_one(self):
        people, numbers, killed, new = self.people(), random.Random(SEED), 0, 0
        files, status, seconds = self.undisturbed("train", people, "-o")
        [(_, trained)] = files.items()
        self.check(run("train", PEOPLE, "-o", self.folder / "old"), DONE)
        old = (self.folder / "old").read_bytes()
        self.assertNotEqual(old, trained)
        for i in range(KILLS):
            folder = self.folder / str(i)
            folder.mkdir()
            model = folder / "out"
            model.write_bytes(old)
            killed += self.start_and_kill(numbers.random() * seconds, "train", people, "-o", model)
            self.assertIn(model.read_bytes(), (old, trained))
            new += model.read_bytes() == trained
            self.check(run("train", people, "-o", model), status)
            self.assertEqual(finished(files_in(folder)), files)
        self.assertGreater(killed, 0)
        print(f"train: killed {killed} times, {new} new models", file=sys.stderr)


class Soak(FaultTest):
    """The short form of soak.py: 300 photos, which show open files. Memory swings by the photo; for that it takes thousands."""

    def test_no_file_stays_open(self):
        samples, faces = soak.soak(PROGRAM, PROJECT, 300, 2)
        self.assertGreater(faces, 150)
        self.assertLessEqual(soak.growth(samples)[1], 0)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
