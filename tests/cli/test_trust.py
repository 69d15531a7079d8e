"""What the program does to the world: it opens no network connection, and writes only where it was told.

    python tests/cli/test_trust.py PROGRAM PROJECT

Watched by strace; skipped where there is none.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM, PROJECT = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
PEOPLE = PROJECT / "photos/people"
PHOTO = PEOPLE / "eileen_collins/astronaut.png"
MAY_WRITE_TO = ("/dev/null", "/dev/tty", "/dev/stdout", "/dev/stderr")

CALLS = "trace=network,openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,link,linkat,symlink,symlinkat," \
        "truncate,chmod,fchmodat,chown,fchownat,execve,execveat"
CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)")


def can_watch():
    return shutil.which("strace") and subprocess.run(["strace", "-o", "/dev/null", "true"]).returncode == 0


@unittest.skipUnless(can_watch(), "SKIPPED, nothing was tested: strace isn't here or may not watch")
class Trust(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name).resolve()
        (self.folder / "here").mkdir()

    def watch(self, *arguments, may_write=(), stdin=None):
        """Runs the program; fails for a call to the network, another program, or a change outside of may_write."""
        log = self.folder / "log"
        subprocess.run(["strace", "-f", "-o", log, "-e", CALLS, PROGRAM, *map(str, arguments)], cwd=self.folder / "here",
                       stdin=stdin, stdout=subprocess.DEVNULL, check=True)
        calls = [match.groups() for match in map(CALL.match, log.read_text().splitlines()) if match]
        self.assertGreater(sum(name == "openat" for name, _ in calls), 3)  # it was watched
        self.assertEqual(sum(name == "execve" for name, _ in calls), 1)
        for name, told in calls:
            if name in ("open", "openat") and not re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", told):
                continue
            if name == "execve":
                continue
            paths = re.findall(r'"([^"]*)"', told)
            self.assertTrue(paths, f"{name}({told}")  # so that socket, connect, sendto, ... fail here
            for path in paths:
                whole = pathlib.Path(self.folder / "here", path)
                allowed = path in MAY_WRITE_TO or any(whole == place or place in whole.parents for place in may_write)
                self.assertTrue(allowed, f"{name}({told}")

    def test_what_only_looks_writes_nothing(self):
        self.watch("info", "--verify")
        self.watch("detect", PHOTO)
        self.watch("landmarks", "--json", PHOTO)
        self.watch("compare", PHOTO, PHOTO)
        self.watch("represent", "--json", PHOTO)
        self.watch("cluster", "--json", PEOPLE)

    def test_what_writes_does_so_where_it_was_told(self):
        def target(name):
            (self.folder / name).mkdir()
            return self.folder / name

        models = target("models")
        self.watch("train", PEOPLE, "-o", models / "people.ffr", may_write=[models])
        self.watch("infer", models / "people.ffr", PHOTO)
        for verb in ("align", "represent", "demo"):
            where = target(verb)
            self.watch(verb, *([] if verb == "demo" else [PHOTO]), "-o", where / "out", may_write=[where])
        drawn = target("drawn")
        self.watch("detect", PHOTO, "--draw", drawn, may_write=[drawn])
        self.watch("hog", PHOTO, "-o", drawn / "hog.png", may_write=[drawn])
        self.assertEqual(list((self.folder / "here").iterdir()), [])

    def test_the_watch_sees_what_it_is_for(self):
        with self.assertRaises(AssertionError):
            self.watch("hog", PHOTO, "-o", self.folder / "hog.png")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
