"""A peer: a worker process on its own core, the answers that it gives and the times that it takes."""

import collections
import json
import os
import statistics
import subprocess
import sys

SINGLE = {name: "1" for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}


def process_options(threads=1, environment=None):
    """How a process is started that's to be measured: on the last cores, by libraries that take one thread each."""
    cores = sorted(os.sched_getaffinity(0))[-threads:]
    # OPENBLAS_CORETYPE is left out: OpenBLAS shall choose the kernels of this machine itself.
    kept = {key: value for key, value in os.environ.items()
            if key not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "FFR_SIMD", "FFR_WEIGHTS")}
    return {"env": {**kept, **SINGLE, **(environment or {})}, "preexec_fn": lambda: os.sched_setaffinity(0, cores)}


class Peer:
    """A worker process. Its commands are told in worker.hpp.

    tolerance: how far its answers may be from the others', kept for whoever compares them.
    """

    def __init__(self, name, command, tolerance, environment=None, threads=1):
        self.name, self.tolerance, self.threads = name, tolerance, threads
        self.process = subprocess.Popen([str(word) for word in command], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, **process_options(threads, environment))
        self.about = self.answer()
        self.times = collections.defaultdict(list)  # seconds of a task, a median a round
        self.difference = None

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name}: the worker ended with exit code {self.process.wait()}")
        return json.loads(line)

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        return self.answer()

    def time(self, task, repeats):
        self.times[task].append(statistics.median(self.ask("run", repeats, task)["seconds"]))

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def take_turns(peers, done):
    """The peers in the order of a round: backwards every other time, so that nobody always comes after the same one."""
    return peers if done % 2 == 0 else list(reversed(peers))


def largest_difference(answer, other):
    """Of any number; infinite when there are more or fewer of them."""
    if [len(row) for row in answer] != [len(row) for row in other]:
        return float("inf")
    return max((abs(a - b) for row, other_row in zip(answer, other) for a, b in zip(row, other_row)), default=0)


def quartiles(seconds):
    """The median in milliseconds, and the quartiles."""
    low, middle, high = (1e3 * time for time in statistics.quantiles(seconds, n=4))
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"


def speed_ratio(times, reference):
    """How many times as fast as the reference: of each round, and the median of that."""
    return statistics.median(theirs / ours for ours, theirs in zip(times, reference, strict=True))
