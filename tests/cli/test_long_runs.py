"""A folder full of photos: stopped, gone on with, split, piped."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import unittest

from harness import (ASTRONAUT, CliTest, DONE, NO_FACE, OBAMA2, PEOPLE, PHOTOS, PROGRAM, SOME_FAILED,
                     WRONG_USAGE, records, run)


class LongRuns(CliTest):
    """A folder full of photos: stopped, killed, gone on with, split, piped."""

    JOURNAL = "represent.partial.jsonl"
    TABLES = ["labels.csv", "photos.csv", "reps.csv", "source.json"]

    def setUp(self):
        super().setUp()
        self.photos = self.folder / "photos"
        self.make_photos()

    def make_photos(self):
        sources = sorted(p for p in PHOTOS.rglob("*") if p.suffix in (".jpg", ".png"))
        for i in range(16):
            source = sources[i % len(sources)]
            person = self.photos / f"person {i * 7 % 5}"
            person.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, person / f"{i}, Zoë{source.suffix}")
        (self.photos / "person 0" / "broken.jpg").write_bytes(b"nothing")

    def tables(self, folder):
        return {name: (folder / name).read_bytes() for name in ("labels.csv", "reps.csv", "source.json")}

    def undisturbed(self):
        out = self.folder / "undisturbed"
        self.check(run("represent", self.photos, "-o", out), SOME_FAILED, "broken.jpg: ")
        self.assertEqual(self.only_files(out), self.TABLES)
        return self.tables(out)

    def start(self, *arguments, **more):
        def heed_interrupts():  # where the tests themselves run in the background, which ignores them
            signal.signal(signal.SIGINT, signal.SIG_DFL)

        process = subprocess.Popen([str(PROGRAM), *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts, **more)

        def end():
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                stream.close()
        self.addCleanup(end)
        return process

    def end_after(self, rows, signal_number, out, *more):
        """Ends a run into a folder when its journal has so many rows, and tells its status and messages."""
        process = self.start("represent", self.photos, "-o", out, "--threads", "1", *more)
        while process.poll() is None:
            journal = out / self.JOURNAL
            if journal.exists() and journal.read_bytes().count(b"\n") > rows:
                process.send_signal(signal_number)
                break
        errors = process.communicate()[1]
        return process.returncode, errors

    def test_killed_again_and_again_the_tables_are_those_of_an_undisturbed_run(self):
        out = self.folder / "out"
        self.end_after(1, signal.SIGKILL, out)
        for rows in (4, 5, 9):
            before = (out / self.JOURNAL).read_bytes().splitlines()
            self.end_after(rows, signal.SIGKILL, out, "--resume")
            after = (out / self.JOURNAL).read_bytes().splitlines()
            self.assertEqual(after[: len(before) - 1], before[:-1])  # the last one may be half a line
            paths = [json.loads(line)["path"] for line in after[1:-1]]
            self.assertEqual(len(paths), len(set(paths)))
        self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "broken.jpg: ")
        self.assertEqual(self.only_files(out), self.TABLES)
        self.assertEqual(self.tables(out), self.undisturbed())

    def test_a_line_cut_off_is_done_again_and_a_damaged_one_named(self):
        out = self.folder / "out"
        self.end_after(4, signal.SIGKILL, out)
        lines = (out / self.JOURNAL).read_bytes().splitlines(True)
        (out / self.JOURNAL).write_bytes(b"".join(lines[:4]) + lines[3][:1000])
        self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "broken.jpg: ")
        self.assertEqual(self.tables(out), self.undisturbed())
        (out / self.JOURNAL).write_bytes(lines[0] + b"{}\n" + lines[1])
        self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "partial.jsonl: line 2: ")
        (out / self.JOURNAL).write_bytes(b"")
        self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "its first line can't be read")

    def test_signals_finish_what_is_in_hand_and_say_how_to_go_on(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            out = self.folder / f"out{number}"
            status, errors = self.end_after(3, number, out)
            self.assertEqual(status, 128 + number, errors)
            kept = (out / self.JOURNAL).read_text().count("embedding\":")
            self.assertRegex(errors, f"ffr: stopped after [0-9]+ inputs; {kept} rows kept in .*: .*--resume")
            self.assertEqual(self.only_files(out), sorted([self.JOURNAL, *self.TABLES]))
            self.assertEqual(len((out / "labels.csv").read_text().splitlines()), kept)
            self.check(run("represent", self.photos, "-o", out), SOME_FAILED, "didn't end: go on with --resume, or delete")
            self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "broken.jpg: ")
            self.assertEqual(self.tables(out), self.undisturbed())

    def test_a_signal_ends_a_filter_that_waits_for_its_next_path(self):
        process = self.start("detect", "--json", "-")
        process.stdin.write(f"{ASTRONAUT}\n")
        process.stdin.flush()
        self.assertEqual(len(json.loads(process.stdout.readline())["faces"]), 1)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 128 + signal.SIGTERM)

    def test_other_options_are_refused_by_name(self):
        out = self.folder / "out"
        self.end_after(2, signal.SIGKILL, out)
        for option, reason in ((["--upsample", "1"], "--upsample 0, not 1"), (["--points", "5"], "alignment "),
                               (["--precision", "int8"], 'precision "float32", not "int8"'),
                               (["--max-pixels", "9999"], "--max-pixels 0, not 9999"),
                               (["--shard", "1/2"], '--shard "1/1", not "1/2"')):
            result = run("represent", self.photos, "-o", out, "--resume", *option)
            self.check(result, SOME_FAILED, f"partial.jsonl: was begun with {reason}")
        self.check(run("represent", self.photos, "--resume"), WRONG_USAGE, "--resume: goes with -o")
        self.check(run("represent", self.photos, "--resume", "--json", "-o", out), WRONG_USAGE, "without --json")
        self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "broken.jpg: ")
        self.check(run("represent", self.photos, "-o", out, "--resume", "--precision", "int8"), SOME_FAILED,
                   "out.*precision")

    def test_tables_are_completed_by_the_photos_that_they_lack(self):
        out = self.folder / "out"
        self.check(run("represent", self.photos / "person 1", self.photos / "person 3", "-o", out, "--resume"), DONE)
        before = (out / "reps.csv").read_text().splitlines()
        result = self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "broken.jpg: ")
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertLess(set(before), set((out / "reps.csv").read_text().splitlines()))
        self.assertEqual(self.tables(out), self.undisturbed())
        # Rows of photos that aren't named this time stay, before the others.
        before = (out / "reps.csv").read_text().splitlines()
        self.check(run("represent", ASTRONAUT, "-o", out, "--resume"), DONE)
        self.assertEqual((out / "reps.csv").read_text().splitlines()[:-1], before)
        self.assertIn(f"1,{ASTRONAUT}\n", (out / "labels.csv").read_text())

    def test_a_photo_named_twice_has_one_row(self):
        self.check(run("represent", ASTRONAUT, PEOPLE, ASTRONAUT, "-o", self.folder / "out"), DONE)
        self.assertEqual(len((self.folder / "out" / "labels.csv").read_text().splitlines()), 4)

    def test_names_in_no_encoding_are_gone_on_with(self):
        names = [os.fsencode(self.photos) + name for name in (b"/M\xfcller.png", b"/M\xf6ller.png")]
        for name in names:
            shutil.copy(ASTRONAUT, name)
        out = self.folder / "out"
        self.end_after(14, signal.SIGKILL, out)
        self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "broken.jpg: ")
        self.assertEqual(self.tables(out), self.undisturbed())
        labels = (out / "labels.csv").read_bytes()
        self.assertEqual([labels.count(name) for name in names], [1, 1])

    def test_a_full_disk_ends_the_run_and_what_was_done_is_kept(self):
        out = self.folder / "out"
        few = "trap '' XFSZ; ulimit -f 16; exec \"$0\" represent --threads 1 \"$1\" -o \"$2\""
        result = subprocess.run(["bash", "-c", few, str(PROGRAM), str(self.photos), str(out)], capture_output=True, text=True)
        self.check(result, SOME_FAILED, "partial.jsonl: can't write the file: File too large")
        kept = (out / self.JOURNAL).read_bytes()
        self.assertGreater(kept.count(b"\n"), 2)
        self.check(run("represent", self.photos, "-o", out, "--resume"), SOME_FAILED, "broken.jpg: ")
        self.assertEqual(self.tables(out), self.undisturbed())

    def test_paths_are_taken_while_their_producer_still_writes(self):
        for verb in (["detect"], ["landmarks"], ["represent"]):
            process = self.start(*verb, "--json", "-")
            for photo in (ASTRONAUT, OBAMA2):
                process.stdin.write(f"{photo}\n")
                process.stdin.flush()
                # If the program waited for the end of its input, this would wait for ever.
                self.assertEqual(json.loads(process.stdout.readline())["image"], str(photo))
            process.stdin.write(str(NO_FACE))  # a last line without an end
            process.stdin.close()
            self.assertEqual(json.loads(process.stdout.readline())["faces"], [])
            self.assertEqual(process.wait(60), DONE)

    def shards(self, count, *more):
        """The lines of all parts together, each part run at the same time as the others."""
        parts = [self.start("represent", "--json", self.photos, "--shard", f"{i}/{count}", *more)
                 for i in range(1, count + 1)]
        return [part.communicate()[0].splitlines() for part in parts]

    def test_shards_are_a_whole_run_split_by_the_hash_of_the_path(self):
        whole = run("represent", "--json", self.photos).stdout.splitlines()
        one, two = self.shards(2)
        self.assertEqual(sorted(one + two), sorted(whole))
        self.assertTrue(3 < len(one) < 14, len(one))
        # The same photos elsewhere, and the folder written otherwise: the same parts.
        shutil.copytree(self.photos, self.folder / "moved" / "here")
        moved = run("detect", "--json", "here/../here/", "--shard", "1/2", cwd=self.folder / "moved")
        self.assertEqual([pathlib.Path(r["image"]).name for r in records(moved)],
                         [pathlib.Path(json.loads(line)["image"]).name for line in one])
        for text in ("0/2", "3/2", "1", "1/", "/2", "1/2x", "-1/2", "1/0", "a/b"):
            self.check(run("detect", self.photos, "--shard", text), WRONG_USAGE, "isn't I/N")

    def test_shards_hash_with_xxh64(self):
        # What another implementation gives: xxhash.xxh64(name).intdigest() % 3 in Python.
        (self.folder / "tree" / "ä").mkdir(parents=True)
        for name in ("a.png", "ä/b.png", "c.png", "d.png"):
            shutil.copy(NO_FACE, self.folder / "tree" / name)
        got = [[str(pathlib.Path(r["image"]).relative_to(self.folder / "tree")) for r in
                records(run("detect", "--json", self.folder / "tree", "--shard", f"{i}/3"))] for i in (1, 2, 3)]
        self.assertEqual(got, [["c.png", "d.png", "ä/b.png"], ["a.png"], []])

    def merge_tables(self, parts):
        """As docs/batch.md tells."""
        merged = self.folder / "merged"
        merged.mkdir()
        for name in ("labels.csv", "reps.csv"):
            (merged / name).write_bytes(b"".join((part / name).read_bytes() for part in parts))
        shutil.copy(parts[0] / "source.json", merged)
        self.check(run("represent", self.photos, "-o", merged, "--resume"), SOME_FAILED, "broken.jpg: ")
        return self.tables(merged)

    def test_the_tables_of_shards_merge_into_those_of_a_single_run(self):
        parts = [self.folder / f"part{i}" for i in (1, 2)]
        running = [self.start("represent", self.photos, "-o", part, "--shard", f"{i}/2") for i, part in enumerate(parts, 1)]
        self.assertEqual(sorted(process.wait(600) for process in running), [DONE, SOME_FAILED])
        self.assertEqual(self.merge_tables(parts), self.undisturbed())

    @unittest.skipUnless(shutil.which("parallel"), "GNU parallel isn't installed: apt-get install parallel")
    def test_gnu_parallel_splits_a_tree_and_a_stream(self):
        whole = run("represent", "--json", self.photos).stdout.splitlines()
        split = subprocess.run(["parallel", "-j2", str(PROGRAM), "represent", "--json", "--shard", "{}/2", str(self.photos),
                                ":::", "1", "2"], capture_output=True, text=True)
        self.assertEqual(sorted(split.stdout.splitlines()), sorted(whole), split.stderr)
        paths = "".join(f"{path}\n" for path in sorted(self.photos.rglob("*.*")))
        stream = subprocess.run(["parallel", "-j2", "--pipe", "-N4", "--keep-order", str(PROGRAM), "represent", "--json", "-"],
                                input=paths, capture_output=True, text=True)
        self.assertEqual(stream.stdout.splitlines(), whole, stream.stderr)
        parts = [self.folder / f"part{i}" for i in (1, 2)]
        subprocess.run(["parallel", "-j2", str(PROGRAM), "represent", str(self.photos), "--shard", "{}/2", "-o",
                        f"{self.folder}/part{{}}", ":::", "1", "2"], capture_output=True)
        self.assertEqual(self.merge_tables(parts), self.undisturbed())

    @unittest.skipUnless(shutil.which("script"), "script isn't installed, which gives a program a terminal")
    def test_a_terminal_sees_a_bar_with_rate_and_time_left(self):
        def on_terminal(command):
            return subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True,
                                  stdin=subprocess.DEVNULL).stdout.decode()
        command = f"'{PROGRAM}' represent '{self.photos}' -o '{self.folder}/out'"
        self.assertRegex(on_terminal(command), r"\[#+\.*\] \d+/17  [0-9.]+ a second, \d+ s left")
        self.assertNotIn("a second", on_terminal(command + " --quiet"))
        piped = on_terminal(f"echo '{ASTRONAUT}' | '{PROGRAM}' detect --json -")
        self.assertRegex(piped, r"\r1 done, [0-9.]+ a second")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
