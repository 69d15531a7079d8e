"""What the workers in Python have in common: the commands of worker.hpp."""

import importlib.metadata
import json
import sys
import time


def memory(entry):
    """Bytes, as /proc has them under the name `entry`."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(entry))


def times_of(work, repeats):
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return {"seconds": times}


def peak_of(work):
    before = memory("VmRSS:")
    work()
    return {"before": before, "most": memory("VmHWM:")}


def serve(package, how, find_task):
    """Obeys commands until standard input ends.

    find_task(*words) makes a task ready: gives a function that does what's timed, and one that gives rows of numbers.
    """
    print(json.dumps({"version": importlib.metadata.version(package), "how": how}), flush=True)
    for line in sys.stdin:
        command, *words = line.split()
        repeats = int(words.pop(0)) if command == "run" else None
        work, answer = find_task(*words)
        if command == "run":
            result = times_of(work, repeats)
        elif command == "peak":
            result = peak_of(work)
        else:
            result = [[float(number) for number in row] for row in answer()]
        print(json.dumps(result), flush=True)
