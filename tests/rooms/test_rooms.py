"""The rooms of include/ffr/ and cli/: who may include whom, and that the lists that name all headers do.

Run by ctest as: python3 test_rooms.py PROJECT.
"""

import pathlib
import re
import sys
import unittest

PROJECT = pathlib.Path(sys.argv[1]).resolve()
LIBRARY, PROGRAM = PROJECT / "include" / "ffr", PROJECT / "cli"

# An include leads into the same room or into one further left.
ROOMS = ["base", "kernels", "image", "layers", "detect", "align", "embed", "identify", "pipeline", "video"]
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


def headers(folder):
    return sorted(path for path in folder.rglob("*") if path.suffix in (".hpp", ".inl", ".h"))


def included(path, root=None):
    """The files that a header includes by their names in quotes."""
    for name in INCLUDE.findall(path.read_text()):
        yield ((root or path.parent) / name).resolve()


class Library(unittest.TestCase):
    def room(self, path):
        parts = path.relative_to(LIBRARY).parts
        return parts[0] if len(parts) > 1 else path.stem

    def test_the_root_has_what_concerns_the_whole_and_nothing_else(self):
        self.assertEqual(sorted(path.name for path in LIBRARY.iterdir() if path.is_file()),
                         ["ffr.h", "ffr.hpp", "pipeline.hpp", "version.h", "version.hpp"])
        self.assertEqual({path.name for path in LIBRARY.iterdir() if path.is_dir()}, set(ROOMS) - {"pipeline"})

    def test_includes_lead_one_way(self):
        count = 0
        for path in headers(LIBRARY):
            if self.room(path) not in ROOMS:  # ffr.hpp includes all, ffr.h and version.hpp the version
                continue
            for other in included(path):
                self.assertTrue(other.exists(), f"{path}: {other}")
                self.assertLessEqual(ROOMS.index(self.room(other)), ROOMS.index(self.room(path)),
                                     f"{path.relative_to(LIBRARY)} includes {other.relative_to(LIBRARY)}")
                count += 1
        self.assertGreater(count, 200)

    def test_ffr_hpp_lists_every_header_room_by_room(self):
        listed = list(included(LIBRARY / "ffr.hpp"))
        steps = ["image", "layers", "detect", "align", "embed", "identify", "video"]
        own = {path for step in steps for path in (LIBRARY / step).glob("*.hpp")} - {LIBRARY / "image" / "font.hpp"}
        self.assertEqual(own - set(listed), set())
        order = [self.room(path) for path in listed if self.room(path) in ROOMS]
        self.assertEqual(order, sorted(order, key=ROOMS.index))

    def test_architecture_md_has_every_room_and_no_other(self):
        text = (PROJECT / "docs" / "architecture.md").read_text()
        named = set(re.findall(r"^\| `include/ffr/(\w+)/`", text, re.M))
        self.assertEqual(named, set(ROOMS) - {"pipeline"})
        for path in re.findall(r"`((?:include|cli|tests|tools|docs)/[\w/.]+)`", text):
            self.assertTrue((PROJECT / path).exists(), path)


class Program(unittest.TestCase):
    ROOMS = {"verbs": {"verbs", "run", "show", "load"}, "run": {"run", "show", "load"}, "show": {"run", "show", "load"},
             "load": {"run", "load"}}

    def test_a_verb_includes_no_other_verb_and_the_rest_no_verb(self):
        for path in sorted([*PROGRAM.glob("*/*.hpp"), *PROGRAM.glob("*/*.cpp")]):
            room = path.parent.name
            for name in INCLUDE.findall(path.read_text()):
                if name.startswith("ffr/"):
                    continue
                other = (PROGRAM / name).resolve()
                self.assertTrue(other.exists(), f"{path}: {name}")
                self.assertIn(other.parent.name, self.ROOMS[room], f"{path}: {name}")
                if other.parent.name == "verbs":
                    self.assertEqual(other.name, "verbs.hpp", path)

    def test_each_verb_has_a_file(self):
        declared = re.findall(r"void add_(\w+)\(CLI::App& app, Status& status\);", (PROGRAM / "verbs" / "verbs.hpp").read_text())
        files = {path.stem for path in (PROGRAM / "verbs").glob("*.cpp")} | {"landmarks"}  # which detect.cpp has, too
        self.assertEqual(set(declared), files)


class Tests(unittest.TestCase):
    def test_unit_tests_stand_where_their_headers_do(self):
        unit = PROJECT / "tests" / "unit"
        for room in [path.name for path in LIBRARY.iterdir() if path.is_dir()]:
            for test in (unit / room).rglob("*_test.cpp"):
                header = LIBRARY / test.relative_to(unit).parent / (test.name[:-len("_test.cpp")] + ".hpp")
                if room != "kernels":  # of which some tests take several
                    self.assertTrue(header.exists(), test)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
