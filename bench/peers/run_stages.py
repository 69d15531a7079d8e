#!/usr/bin/env python3
"""Measures a photo's way by ffr and by dlib, stage by stage, in turns, and prints Markdown tables. See README.md.

    bench/peers/run_stages.py [--build build/peers] [--ffr build/bin/ffr] [--rounds 15] [--json FILE]
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time

from peer import Peer, largest_difference, process_options, quartiles, speed_ratio, take_turns
from prepare import HERE, PROJECT, models_folder, prepare_photos, say

TASKS = {"detect 512x512": 5, "detect 640x480": 5, "detect 1920x1080": 3, "detect 1986x1545": 3,
         "landmarks68 512x512": 50, "landmarks68 faces_32": 5, "landmarks5 512x512": 50, "landmarks5 faces_32": 5,
         "chip 512x512": 50, "embed 512x512": 5, "all 512x512": 5}  # and how often in a round
MEMORY_TASKS = ["detect 512x512", "detect 1920x1080"]
PROGRAMS = ["detect", "represent"]  # verbs of the program ffr
PHOTO = PROJECT / "photos/people/eileen_collins/astronaut.png"  # 512x512

# How far the numbers of a stage may be from dlib's. Boxes, points and pixels are whole numbers: they're equal.
EXACT = {"detect": 1e-5, "landmarks68": 0, "landmarks5": 0, "chip": 0, "embed": 1e-4, "all": 1e-4}
# The shipped weights are rounded: a point may be another pixel, so the chip another piece of the photo.
SHIPPED = {**EXACT, "landmarks68": 2, "chip": 40, "embed": 0.03, "all": 0.03}


def stage_peers(build, python):
    """How to start each peer that this machine can run, the reference first."""
    photos, models, program = build / "photos", models_folder(python), build / "cmake/ffr_stage_peer"
    shipped = [program, PROJECT / "weights", photos]
    peers = {
        "dlib, C++": ([build / "cmake/dlib_stage_peer", models, photos], EXACT),
        "dlib, Python": ([python, HERE / "python_stage_peer.py", models, photos], EXACT),
        "ffr": (shipped, SHIPPED),
        "ffr, exact weights": ([program, PROJECT / "weights/exact", photos], EXACT),
        "ffr, only AVX2": (shipped, SHIPPED, {"FFR_SIMD": "avx2"}),
    }
    if not (build / "cmake/dlib_stage_peer").exists():
        say("left out: dlib from C++; it needs libdlib-dev and libopenblas-dev")
        del peers["dlib, C++"]
    if not (PROJECT / "weights/exact").exists():
        say("left out: ffr with exact weights; scripts/exact_weights.sh makes them")
        del peers["ffr, exact weights"]
    if "avx2" not in pathlib.Path("/proc/cpuinfo").read_text().split():
        del peers["ffr, only AVX2"]
    return peers


def compare_answers(peers, tasks):
    """Ends the run where a peer's answer isn't that of the first one."""
    for task in tasks:
        expected = peers[0].ask("answer", task)
        for peer in peers[1:]:
            difference = largest_difference(peer.ask("answer", task), expected)
            if not difference <= peer.tolerance[task.split()[0]]:
                sys.exit(f"{task}: {peer.name} disagrees with {peers[0].name} by {difference}")


def time_program(command, threads=1):
    """Seconds from starting a process to its end."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **process_options(threads))
    return time.perf_counter() - start


def peak_memory(name, how, task):
    """Bytes of memory that the task takes beyond the photo and the weights, in a process of its own."""
    peer = Peer(name, *how)
    memory = peer.ask("peak", task)
    peer.end()
    return memory["most"] - memory["before"]


def table(head, rows):
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]) + "\n"


def time_table(peers):
    return table(["ms", *(peer.name for peer in peers)],
                 [[task, *(quartiles(peer.times[task]) for peer in peers)] for task in TASKS])


def speed_table(peers):
    """How many times as fast as each dlib each ffr is."""
    pairs = [(ours, theirs) for theirs in peers if theirs.name.startswith("dlib") for ours in peers
             if ours.name.startswith("ffr")]
    return table(["times as fast", *(f"{ours.name} as {theirs.name}" for ours, theirs in pairs)],
                 [[task, *(f"{speed_ratio(ours.times[task], theirs.times[task]):.2f}" for ours, theirs in pairs)]
                  for task in TASKS])


def memory_table(memory):
    def cell(task, taken):
        width, height = map(int, task.split()[1].split("x"))
        return f"{taken / 1e6:.1f} MB, {taken / (width * height):.1f} a pixel"

    return table(["bytes beyond photo and weights", *next(iter(memory.values()))],
                 [[name, *(cell(*item) for item in taken.items())] for name, taken in memory.items()])


def script_arguments(description):
    """What all scripts for stages are told."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=PROJECT / "build/peers", help="where all is made")
    parser.add_argument("--ffr", type=pathlib.Path, help="a built program ffr, with convert_weights beside it")
    parser.add_argument("--rounds", type=int, default=15, help="at least 2")
    parser.add_argument("--json", type=pathlib.Path, help="a file for the raw times")
    arguments = parser.parse_args()
    arguments.build = arguments.build.resolve()
    return arguments


def main():
    arguments = script_arguments(__doc__)
    python, ffr = prepare_photos(arguments.build, arguments.ffr)
    starts = stage_peers(arguments.build, python)
    peers = [Peer(name, *how) for name, how in starts.items()]
    compare_answers(peers, TASKS)
    memory = {name: {task: peak_memory(name, how, task) for task in MEMORY_TASKS} for name, how in starts.items()}
    processes = {verb: [] for verb in PROGRAMS}
    for done in range(arguments.rounds):
        say(f"round {done + 1} of {arguments.rounds}")
        for task, repeats in TASKS.items():
            for peer in take_turns(peers, done):
                peer.time(task, repeats)
        for verb in PROGRAMS:
            processes[verb].append(time_program([ffr, verb, "--quiet", PHOTO]))

    print(time_table(peers))
    print(speed_table(peers))
    print(memory_table(memory))
    print(table(["ms, the process as a whole", "ffr"],
                [[f"ffr {verb} {PHOTO.name}", quartiles(processes[verb])] for verb in PROGRAMS]))
    for peer in peers:
        print(f"* {peer.name}: {peer.about['version']} ({peer.about['how']})")
        peer.end()
    if arguments.json:
        raw = {"peers": {peer.name: {**peer.about, "seconds": peer.times} for peer in peers}, "memory": memory,
               "processes": processes}
        arguments.json.write_text(json.dumps(raw, indent=1))


if __name__ == "__main__":
    main()
