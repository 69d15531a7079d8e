"""Follows the book as a reader would: every command of it is run, in its order, and has to print and draw what the book shows.

    tests/book/test_book.py BIN SOURCE [CHAPTER...]

BIN is the folder of the examples, SOURCE the repository. A ```cpp block of the book or of README.md has to stand, line by line, in
one of the examples; the ```text block after a command is all that the command prints; a picture in docs/book/images is what
the command of that name draws.
"""

import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
import unittest

BIN, SOURCE = map(pathlib.Path, sys.argv[1:3])
BOOK = SOURCE / "docs/book"
CHAPTERS = [page for page in sorted(BOOK.glob("*.md")) if len(sys.argv) < 4 or page.stem in sys.argv[3:]]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
IMAGE = re.compile(r"!\[[^\]]*\]\(([^)]+)\)")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def blocks(page):
    return BLOCK.findall(page.read_text())


def without_indentation(code):
    return [line.rstrip() for line in textwrap.dedent(code).strip("\n").splitlines()]


def holds(file_lines, block_lines):
    """True when the block is a run of the file's lines, whatever its indentation."""
    size = len(block_lines)
    for first in range(len(file_lines) - size + 1):
        if without_indentation("\n".join(file_lines[first : first + size])) == block_lines:
            return True
    return False


def same_number(shown, printed):
    """True for numbers that differ by less than 0.2 % or by one in the last digit that the book shows: the paths of several
    CPUs add up in other orders."""
    digits = len(shown.split("e")[0].partition(".")[2])
    one = 10.0 ** -digits * (10.0 ** int(shown.split("e")[1]) if "e" in shown else 1)
    return abs(float(shown) - float(printed)) <= max(0.002 * abs(float(shown)), 1.001 * one)


def same_text(shown, printed):
    """True when all but the numbers is the same, blanks between words aside, and the numbers nearly; whole numbers exactly."""
    if NUMBER.sub("#", shown).split() != NUMBER.sub("#", printed).split():
        return False
    pairs = list(zip(NUMBER.findall(shown), NUMBER.findall(printed)))
    return all(a == b if a.lstrip("-").isdigit() else same_number(a, b) for a, b in pairs)


class Book(unittest.TestCase):
    def test_code_is_that_of_the_examples(self):
        examples = {path.name: path.read_text().splitlines() for path in sorted((SOURCE / "examples").glob("*.cpp"))}
        for page in [SOURCE / "README.md", *CHAPTERS]:
            for language, code in blocks(page):
                if language == "cpp":
                    with self.subTest(page=page.name, code=code):
                        lines = without_indentation(code)
                        self.assertTrue(any(holds(text, lines) for text in examples.values()), "is in no example")

    def test_each_example_has_a_chapter(self):
        for example in (SOURCE / "examples").glob("[0-9][0-9]_*.cpp"):
            self.assertTrue((BOOK / f"{example.stem.replace('_', '-')}.md").exists(), example.name)

    def test_pictures_are_there_and_shown(self):
        shown = {BOOK / link for page in BOOK.glob("*.md") for link in IMAGE.findall(page.read_text())}
        self.assertEqual(shown, set(BOOK.glob("images/*")))

    def test_commands_print_and_draw_what_the_book_shows(self):
        with tempfile.TemporaryDirectory() as folder:
            here = pathlib.Path(folder)
            (here / "build").mkdir()
            (here / "build/bin").symlink_to(BIN.resolve())
            for name in ("photos", "weights", "examples", "tests"):
                (here / name).symlink_to((SOURCE / name).resolve())
            for page in CHAPTERS:
                self.follow(page, here)

    def follow(self, page, here):
        found = blocks(page)
        for (language, text), (next_language, shown) in zip(found, [*found[1:], ("", "")]):
            if language != "sh":
                continue
            commands = [line for line in text.splitlines() if line.startswith("build/bin/")]
            for command in commands:
                with self.subTest(page=page.name, command=command):
                    run = subprocess.run(command, shell=True, cwd=here, capture_output=True, text=True, timeout=600)
                    self.assertEqual(run.returncode, 0, run.stderr)
                    if next_language == "text" and command == commands[-1]:
                        self.assertTrue(same_text(shown, run.stdout), f"printed:\n{run.stdout}\nthe book:\n{shown}")
                    for word in shlex.split(command):
                        if (BOOK / "images" / word).is_file():
                            self.same_picture(here / word, BOOK / "images" / word)

    def same_picture(self, drawn, shown):
        run = subprocess.run([BIN / "compare_pictures", drawn, shown], capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
