#!/usr/bin/env python3
"""Measures how a photo's time grows with its pixels, its faces and the threads; prints Markdown tables. See README.md.

    bench/peers/run_growth.py --json growth.json [--build build/peers] [--ffr build/bin/ffr] [--rounds 15]
"""

import collections
import json
import os

from peer import Peer, quartiles, take_turns
from prepare import CROWDS, SQUARES, prepare_photos, say
from run_stages import PHOTO, compare_answers, script_arguments, stage_peers, table, time_program

PEERS = ["dlib, C++", "ffr"]
PIXELS = {side * side: f"detect square_{side}" for side in SQUARES}
FACES = {count: f"all faces_{count}" for count in CROWDS}
REPEATS = 2  # of a task in a round
PHOTOS = 64  # that the program measures at once
SHARED_TASK = "detect 1920x1080"  # that threads share
THREADS = [count for count in (1, 2) if count <= len(os.sched_getaffinity(0))]


def start_threads(command, tolerance):
    """ffr with each number of threads."""
    return [Peer(f"ffr, {count} threads", [*command, count], tolerance, threads=count) for count in THREADS]


def time_program_threads(ffr, seconds, done):
    """Many photos by the program, with each number of threads."""
    for count in take_turns(THREADS, done):
        command = [ffr, "represent", "--quiet", "--threads", str(count), *[PHOTO] * PHOTOS]
        seconds[count].append(time_program(command, count))


def growth_table(of_what, growth):
    sizes = next(iter(growth.values()))
    return table([of_what, *(f"{name}, ms" for name in growth)],
                 [[str(size), *(quartiles(times[size]) for times in growth.values())] for size in sizes])


def main():
    arguments = script_arguments(__doc__)
    python, ffr = prepare_photos(arguments.build, arguments.ffr)
    starts = stage_peers(arguments.build, python)
    peers = [Peer(name, *starts[name]) for name in PEERS if name in starts]
    tasks = [*PIXELS.values(), *FACES.values()]
    compare_answers(peers, tasks)
    threaded = start_threads(*starts["ffr"])
    compare_answers([peers[0], *threaded], [SHARED_TASK])
    programs = collections.defaultdict(list)
    for done in range(arguments.rounds):
        say(f"round {done + 1} of {arguments.rounds}")
        for task in tasks:
            for peer in take_turns(peers, done):
                peer.time(task, REPEATS)
        for peer in take_turns(threaded, done):
            peer.time(SHARED_TASK, REPEATS)
        time_program_threads(ffr, programs, done)
    for peer in peers + threaded:
        peer.end()

    growth = {"pixels": {peer.name: {size: peer.times[task] for size, task in PIXELS.items()} for peer in peers},
              "faces": {peer.name: {count: peer.times[task] for count, task in FACES.items()} for peer in peers},
              "threads": {"detection, 1920 x 1080": {peer.threads: peer.times[SHARED_TASK] for peer in threaded},
                          f"ffr represent, {PHOTOS} photos": programs}}
    for of_what, seconds in growth.items():
        print(growth_table(of_what, seconds))
    if arguments.json:
        arguments.json.write_text(json.dumps(growth, indent=1))


if __name__ == "__main__":
    main()
