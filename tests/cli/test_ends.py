"""However a run is ended, what's done stays."""

import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from harness import (ASTRONAUT, CliTest, DONE, GROUP, HOPPER, JOURNAL, OBAMA2, PEOPLE, PROGRAM, SOME_FAILED, run,
                     snapshot)


class Ends(CliTest):
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


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
