"""What the tests of the program share: how it's run, what it's run on, what a result has to be.

Each test is run by ctest as: python3 test_TOPIC.py PROGRAM PROJECT. They need Python's standard library only.
"""

import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
PROJECT = pathlib.Path(sys.argv[2]).resolve()
PHOTOS = PROJECT / "photos"
PEOPLE = PHOTOS / "people"
ASTRONAUT = PEOPLE / "eileen_collins" / "astronaut.png"
OBAMA2 = PHOTOS / "unseen" / "obama2.jpg"
HOPPER = PHOTOS / "unseen" / "grace_hopper.jpg"
GROUP = PHOTOS / "unseen" / "group.jpg"
NO_FACE = PROJECT / "tests" / "golden" / "images" / "no_face_brick.png"
DONE, SOME_FAILED, WRONG_USAGE = 0, 1, 2


def run(*arguments, stdin=None, env=None, program=PROGRAM, cwd=None, **more):
    environment = {k: v for k, v in os.environ.items() if k != "FFR_WEIGHTS"}
    environment.update(env or {})
    return subprocess.run([str(program), *map(str, arguments)], input=stdin, capture_output=True, text=True,
                          env=environment, cwd=cwd, timeout=600, **more)


def records(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def png(width, height, pixels=b""):
    """A PNG with a header of its own choosing; its pixels may be missing."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b""))


class CliTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def check(self, result, status, error=None):
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        if error is None and status == DONE:
            self.assertEqual(result.stderr, "")
        if error is not None:
            self.assertRegex(result.stderr, error)
        return result

    def only_files(self, folder):
        return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())

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


OBAMA = PEOPLE / "barack_obama" / "obama.jpg"
BIDEN = PEOPLE / "joe_biden" / "biden.jpg"
JOURNAL = "represent.partial.jsonl"


def snapshot(folder):
    """All files below a folder with what's in them; links by where they lead."""
    return {str(p.relative_to(folder)): os.readlink(p) if p.is_symlink() else p.read_bytes()
            for p in folder.rglob("*") if not p.is_dir()}
