"""Photos that come through pipes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

from harness import ASTRONAUT, CliTest, DONE, HOPPER, OBAMA2, PEOPLE, PROGRAM, SOME_FAILED, records, run


class Pipes(CliTest):
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


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
