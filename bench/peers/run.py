#!/usr/bin/env python3
"""Measures ffr's networks beside their peers, on one core, in turns, and prints a Markdown table of each. See README.md.

    bench/peers/run.py [--build build/peers] [--ffr build/bin/ffr] [--rounds 15] [--json FILE]
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

from peer import Peer, largest_difference, quartiles, speed_ratio, take_turns
from prepare import HERE, PROJECT, prepare, say

BATCHES = {1: 8, 16: 2}  # and how often in a round
LARGEST_DIFFERENCE = {"float32": 1e-3, "int8": 0.05}  # of one number
REFERENCE = "ONNX Runtime"  # whose speed the others are compared with


def start_peers(network, build, python):
    """All peers of a network that this machine can run, the reference first."""
    base, side = build / network, 150 if network == "resnet29" else 96
    faces = f"{base}.faces"

    def ffr(name, program="ffr_peer", simd=None, threads=1, precision="float32"):
        environment = {"FFR_SIMD": simd} if simd else {}
        command = [build / "cmake" / program, f"{base}.ffr", faces, threads, precision]
        peers.append(Peer(name, command, LARGEST_DIFFERENCE[precision], environment, threads))

    def package(name, kind, model, threads=1):
        command = [python, HERE / "python_peer.py", kind, model, faces, side, threads]
        peers.append(Peer(name, command, LARGEST_DIFFERENCE["float32"], threads=threads))

    peers = []
    package(REFERENCE, "onnxruntime", f"{base}.onnx")
    ffr("ffr")
    best, flags = peers[-1].about["how"], pathlib.Path("/proc/cpuinfo").read_text().split()
    for simd in "avx2", "sse2":
        if simd in flags and simd != best:
            ffr(f"ffr, only {simd.upper()}", simd=simd)
    ffr("ffr at -O2", "ffr_peer_o2")
    if network == "resnet29":
        ffr("ffr in int8", precision="int8")
        ffr("ffr in int8, only AVX2", simd="avx2", precision="int8")
        names = {"eigen": "Eigen", "openblas": "OpenBLAS"}
        for name in names:
            if (build / "cmake" / f"ffr_peer_{name}").exists():
                ffr(f"ffr with {names[name]}", f"ffr_peer_{name}")
            else:
                say(f"left out: ffr with {names[name]}, which isn't installed")
        package("OpenCV", "opencv", f"{base}.onnx")
        if (build / "cmake/dlib_peer").exists():
            command = [build / "cmake/dlib_peer", f"{base}.dat", faces]
            peers.append(Peer("dlib, C++", command, LARGEST_DIFFERENCE["float32"]))
        else:
            say("left out: dlib from C++; it needs libdlib-dev and libopenblas-dev")
        package("dlib, Python", "dlib", f"{base}.dat")
    else:
        package("OpenCV", "opencv", f"{base}.t7")
    if len(os.sched_getaffinity(0)) > 1:
        package(f"{REFERENCE}, 2 threads", "onnxruntime", f"{base}.onnx", threads=2)
        ffr("ffr, 2 threads", threads=2)
    return peers


def compare_answers(peers):
    """The largest difference between a peer's numbers and ffr's, by each way to batch."""
    expected = next(peer for peer in peers if peer.name == "ffr").ask("answer", 1)
    for peer in peers:
        peer.difference = max(largest_difference(peer.ask("answer", batch), expected) for batch in BATCHES)
        if not peer.difference <= peer.tolerance:
            sys.exit(f"{peer.name} disagrees with ffr by {peer.difference}")


def measure_peak(build):
    """Billions of operations a second of the core that the peers run on; None where that can't be measured."""
    if not (build / "cmake/fma_peak").exists():
        return None
    core = max(os.sched_getaffinity(0))
    done = subprocess.run([build / "cmake/fma_peak"], stdout=subprocess.PIPE, text=True,
                          preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    return float(done.stdout) if done.returncode == 0 else None


def table(peers, multiply_adds, peak):
    """The lines of a Markdown table. GFLOP/s counts the network's multiply-adds twice, however a peer works them out."""
    def both(form, value):
        return " / ".join(format(value(batch), form) for batch in BATCHES)

    lines = ["| peer | version | " + " | ".join(f"ms a face, batch of {batch}" for batch in BATCHES) +
             f" | GFLOP/s | of peak | times {REFERENCE}'s speed | largest difference |", "| --- " * 8 + "|"]
    for peer in peers:
        cells = [peer.name, f"{peer.about['version']} ({peer.about['how']})"]
        for batch in BATCHES:
            cells.append(quartiles(time / batch for time in peer.times[batch]))
        speed = {batch: 2e-9 * multiply_adds * batch / statistics.median(peer.times[batch]) for batch in BATCHES}
        reference = next(other for other in peers if other.name.startswith(REFERENCE) and other.threads == peer.threads)
        ratio = {batch: speed_ratio(peer.times[batch], reference.times[batch]) for batch in BATCHES}
        cells += [both(".0f", speed.get), both(".0%", lambda batch: speed[batch] / peak / peer.threads) if peak else "",
                  both(".2f", ratio.get), f"{peer.difference:.0e}" if peer.difference else "0"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=PROJECT / "build/peers", help="where all is made")
    parser.add_argument("--ffr", type=pathlib.Path, help="a built program ffr, with convert_weights beside it")
    parser.add_argument("--rounds", type=int, default=15, help="at least 2")
    parser.add_argument("--json", type=pathlib.Path, help="a file for the raw times")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    python, multiply_adds = prepare(build, arguments.ffr)

    networks = {network: start_peers(network, build, python) for network in multiply_adds}
    for peers in networks.values():
        compare_answers(peers)
    peaks = []
    for done in range(arguments.rounds):
        say(f"round {done + 1} of {arguments.rounds}")
        peaks.append(measure_peak(build))
        for peer in take_turns([peer for peers in networks.values() for peer in peers], done):
            for batch, repeats in BATCHES.items():
                peer.time(batch, repeats)
    peak = statistics.median(peaks) if None not in peaks else None

    raw = {"rounds": arguments.rounds, "peak_gflops": peaks, "networks": {}}
    for network, peers in networks.items():
        print(f"**{network}**: {multiply_adds[network] / 1e6:.0f} million multiply-adds a face\n")
        print("\n".join(table(peers, multiply_adds[network], peak)) + "\n")
        raw["networks"][network] = {peer.name: {**peer.about, "threads": peer.threads, "difference": peer.difference,
                                                "seconds_per_call": peer.times} for peer in peers}
        for peer in peers:
            peer.end()
    if peak:
        print(f"Peak of one core, measured in the same rounds: {peak:.0f} GFLOP/s.")
    if arguments.json:
        arguments.json.write_text(json.dumps(raw, indent=1))


if __name__ == "__main__":
    main()
