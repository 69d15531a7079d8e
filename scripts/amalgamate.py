#!/usr/bin/env python3
"""Makes single_include/ffr/ffr.hpp: the whole library in one file.

    scripts/amalgamate.py            # writes it
    scripts/amalgamate.py --check    # fails when the committed one isn't what would be written

Each header's text takes the place of its first #include, and a kernel's text (.inl) that of each. The macros that headers use
among themselves are undefined at the end; those that users may set are told in docs/macros.md.
"""

import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "include/ffr"
TARGET = ROOT / "single_include/ffr/ffr.hpp"
INCLUDE = re.compile(r'#include "([^"]+)"')
DEFINE = re.compile(r"#define (FFR_\w+)")
CONDITION = re.compile(r"#(if|ifdef|ifndef|endif)\b")
HEAD = """// ffr {version}: faces found and named, each step from scratch.
//
// Made by scripts/amalgamate.py out of include/ffr/: change it there.
//
{licence}
#pragma once
"""


class Amalgamation:
    """All headers' lines in the order of their includes."""

    def __init__(self):
        self.seen = {}  # headers, and whether their text depends on a condition
        self.lines = []

    def add(self, path, conditional=False):
        self.seen[path] = conditional
        depth = 0
        self.lines.append(f"\n// ---- {path.relative_to(SOURCE.parent)}\n")
        for line in path.read_text().splitlines():
            condition = CONDITION.match(line)
            if condition:
                depth += -1 if condition[1] == "endif" else 1
            include = INCLUDE.match(line)
            if include:
                self.add_include((path.parent / include[1]).resolve(), conditional or depth > 0)
            elif line != "#pragma once":
                self.lines.append(line + "\n")

    def add_include(self, path, conditional):
        if path not in self.seen or path.suffix == ".inl":
            self.add(path, conditional)
        elif self.seen[path] and not conditional:
            raise SystemExit(f"{path}: the first #include of it depends on a condition, so its text may be missing")


def macros(text):
    """What the headers define for themselves."""
    return sorted({name for name in DEFINE.findall(text) if not name.startswith("FFR_VERSION")})


def amalgamated():
    whole = Amalgamation()
    whole.add(SOURCE / "ffr.hpp")
    text = "".join(whole.lines)
    version = re.search(r'kVersion = "([^"]+)"', text)[1]
    licence = "".join(f"// {line}".rstrip() + "\n" for line in (ROOT / "LICENSE").read_text().splitlines())
    undefined = "".join(f"#undef {name}\n" for name in macros(text))
    return HEAD.format(version=version, licence=licence) + text + "\n" + undefined


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    text = amalgamated()
    if arguments.check:
        if not TARGET.exists() or TARGET.read_text() != text:
            sys.exit(f"{TARGET.relative_to(ROOT)} isn't current: run scripts/amalgamate.py")
        return
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text)
    print(f"{TARGET.relative_to(ROOT)}: {text.count(chr(10))} lines, {len(text) // 1024} KB")


if __name__ == "__main__":
    main()
