#!/usr/bin/env python3
"""Measures the CNN detector by ffr, by dlib in C++ and by PyTorch, in turns, and prints Markdown tables. See README.md.

    bench/peers/run_cnn.py [--build build/peers] [--ffr build/bin/ffr] [--rounds 15] [--json FILE]
"""

import json
import sys

from peer import Peer, largest_difference, quartiles, speed_ratio, take_turns
from prepare import HERE, PROJECT, prepare_photos, say
from run_stages import memory_table, peak_memory, script_arguments, stage_peers, table

TASKS = ["mmod 512x512", "mmod 1920x1080"]
TOLERANCE = 1e-4  # of a score; boxes and their order are equal


def cnn_peers(build, python):
    """How to start each peer that this machine can run."""
    stages = stage_peers(build, python)
    peers = {name: stages[name] for name in ("dlib, C++", "ffr", "ffr, only AVX2") if name in stages}
    program, *folders = peers["ffr"][0]
    peers["ffr, two threads"] = ([program, *folders, "2"], TOLERANCE, None, 2)
    peers["PyTorch"] = ([python, HERE / "torch_cnn_peer.py", PROJECT / "weights/mmod.ffr", build / "photos"], TOLERANCE)
    return peers


def compare_answers(peers, task):
    """Ends the run where faces aren't the first peer's; of PyTorch there's only the best score."""
    expected = peers[0].ask("answer", task)
    for peer in peers[1:]:
        wanted = [[expected[0][4]]] if peer.name == "PyTorch" else expected
        difference = largest_difference(peer.ask("answer", task), wanted)
        if not difference <= TOLERANCE:
            sys.exit(f"{task}: {peer.name} disagrees with {peers[0].name} by {difference}")


def main():
    arguments = script_arguments(__doc__)
    python, _ = prepare_photos(arguments.build, arguments.ffr)
    starts = cnn_peers(arguments.build, python)
    peers = [Peer(name, *how) for name, how in starts.items()]
    for task in TASKS:
        compare_answers(peers, task)
    memory = {name: {task: peak_memory(name, how, task) for task in TASKS} for name, how in starts.items()}
    for done in range(arguments.rounds):
        say(f"round {done + 1} of {arguments.rounds}")
        for task in TASKS:
            for peer in take_turns(peers, done):
                peer.time(task, 1 if peer.name.startswith("dlib") else 3)

    print(table(["ms", *(peer.name for peer in peers)],
                [[task, *(quartiles(peer.times[task]) for peer in peers)] for task in TASKS]))
    ours = next(peer for peer in peers if peer.name == "ffr")
    print(table(["speed as a multiple of ffr's, one thread", *(peer.name for peer in peers)],
                [[task, *(f"{speed_ratio(peer.times[task], ours.times[task]):.3f}" for peer in peers)] for task in TASKS]))
    print(memory_table(memory))
    for peer in peers:
        print(f"* {peer.name}: {peer.about['version']} ({peer.about['how']})")
        peer.end()
    if arguments.json:
        raw = {"peers": {peer.name: {**peer.about, "seconds": peer.times} for peer in peers}, "memory": memory}
        arguments.json.write_text(json.dumps(raw, indent=1))


if __name__ == "__main__":
    main()
