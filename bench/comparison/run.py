#!/usr/bin/env python3
"""Measures the same small program written with ffr, dlib, OpenCV and face_recognition, and prints Markdown tables.

    bench/comparison/run.py [--build build/comparison] [--builds 3] [--rounds 25] [--write docs/comparison.md]

Needs Debian after `apt-get update`, Python 3.10 or newer with venv, and the packages g++ cmake make binutils
libstb-dev libdlib-dev libopenblas-dev libjpeg-dev libpng-dev libopencv-dev opencv-data. Fetches the rest from PyPI, the
first time. Ways that compile all of dlib are built once, the others --builds times. README.md tells what's measured.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "peers"))

from downloads import PHOTOS
from peer import process_options, take_turns
from prepare import PROJECT, say
from tables import answer_table, binary_table, build_table, code_table, time_table, version_line
from ways import all_ways, needed_packages

SAME, DIFFERENT = ("obama", "obama2"), ("obama", "biden")
LARGEST_DIFFERENCE = 1e-3  # of distances, from dlib's; ffr's weights are float16
MARKS = "<!-- measured by bench/comparison/run.py -->", "<!-- end of what was measured -->"


def check_packages(ways):
    """Ends the run if a package isn't installed."""
    missing = [name for name in needed_packages(ways)
               if subprocess.run(["dpkg-query", "-W", "-f", "${Status}", name], capture_output=True, text=True).stdout
               != "install ok installed"]
    if missing:
        sys.exit(f"not installed: apt-get install {' '.join(missing)}")


def measure(command):
    """What a process prints; its seconds on the clock and of the processor, and megabytes of memory at the most."""
    start = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, **process_options())
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{printed}\nfailed with exit code {process.returncode}")
    return printed, time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def build_all(ways, builds):
    """Configures and builds each way anew, in turns: seconds of both steps, by way."""
    times = {way.name: {"configure": [], "build": []} for way in ways}
    for done in range(builds):
        for way in take_turns(ways, done):
            if way.compiles_dlib and done > 0:
                continue
            say(f"building {way.name}, {done + 1} of {builds}")
            shutil.rmtree(way.target, ignore_errors=True)
            for step, command in ("configure", way.configure), ("build", way.build):
                times[way.name][step].append(measure(command)[1:3])
    return times


def photos(build, names, is_png):
    return [build / f"{name}.png" if is_png else PROJECT / "photos" / PHOTOS[name] for name in names]


def answers(ways, build):
    """Distance and verdict of both pairs, as JPEGs and as PNGs, by way. Ends the run where they don't agree."""
    given = {way.name: [measure([*way.start, *photos(build, names, is_png)])[0].splitlines()[-1].split(" ", 1)
                        for names in (SAME, DIFFERENT) for is_png in (False, True)] for way in ways}
    expected = given["dlib, Debian's"]
    for name, found in given.items():
        if [verdict for _, verdict in found] != [verdict for _, verdict in expected]:
            sys.exit(f"{name} says {found}, dlib {expected}")
        for i in (1, 3):  # the PNGs
            if name != "OpenCV" and abs(float(found[i][0]) - float(expected[i][0])) > LARGEST_DIFFERENCE:
                sys.exit(f"{name} says {found}, dlib {expected}")
    return given


def run_all(ways, build, rounds):
    """Each program as a process from start to end, in turns: seconds, processor's seconds and megabytes, by way."""
    times = {way.name: [] for way in ways}
    for done in range(rounds):
        say(f"round {done + 1} of {rounds}")
        for way in take_turns(ways, done):
            times[way.name].append(measure([*way.start, *photos(build, SAME, False)])[1:])
    return times


def replace_tables(page, text):
    """Puts the text between the page's marks."""
    before, rest = page.read_text().split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    page.write_text(f"{before}{MARKS[0]}\n\n{text}\n{MARKS[1]}{after}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=PROJECT / "build/comparison", help="where all is made")
    parser.add_argument("--builds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=25, help="of the programs")
    parser.add_argument("--write", type=pathlib.Path, help="a page whose tables are replaced")
    arguments = parser.parse_args()
    build = arguments.build.resolve()

    ways = all_ways(build)
    check_packages(ways)
    build_times = build_all(ways, arguments.builds)
    given = answers(ways, build)
    run_times = run_all(ways, build, arguments.rounds)
    tables = {"Code and download": code_table(ways), "Building": build_table(ways, build_times),
              "On the disk": binary_table(ways), "Time to first answer": time_table(ways, run_times),
              "Answers": answer_table(given, (SAME, DIFFERENT)), "Versions": version_line(ways)}
    text = "\n".join(f"**{title}**\n\n{table}" for title, table in tables.items())
    print(text)
    if arguments.write:
        replace_tables(arguments.write, text)


if __name__ == "__main__":
    main()
