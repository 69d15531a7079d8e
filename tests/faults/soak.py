"""Many photos through one process of `ffr represent`: memory stays flat and no file stays open.

    python3 tests/faults/soak.py PROGRAM PROJECT [--photos 20000] [--threads 1]

The photos are the project's own (photos/ and the crops of them in tests/golden/images), each cropped, mirrored and made
brighter or darker in its own way, as PNG and as PPM; one in fourteen is one of photos/ as it is. They lie in a RAM folder,
where there is one, as long as the program needs them. Needs Python's standard library and Linux's /proc.
"""

import argparse
import collections
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib

WARM_UP = 100  # photos of which each kind has come once, so that the largest has asked for its memory
MOST_GROWTH_KB = 4096
SAMPLES = 40
WIDTH = HEIGHT = 240
AHEAD = 16  # photos that wait in the folder

Picture = collections.namedtuple("Picture", "width height rows")  # rows of RGB bytes
Sample = collections.namedtuple("Sample", "photos memory most_memory files")


def paeth(left, up, corner):
    guess = left + up - corner
    return min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]


def unfilter(kind, line, above, step):
    """One row of a PNG, in place (PNG specification, 9.2)."""
    for i in range(len(line) if kind else 0):
        left, corner = (line[i - step], above[i - step]) if i >= step else (0, 0)
        guess = (left, above[i], (left + above[i]) // 2, None)[kind - 1]
        line[i] = (line[i] + (paeth(left, above[i], corner) if guess is None else guess)) & 255
    return line


def read_png(path):
    """An 8-bit gray or RGB PNG without interlacing."""
    data, at, coded = path.read_bytes(), 8, b""
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IHDR":
            width, height, _, colour = struct.unpack_from(">IIBB", data, at + 8)
        if kind == b"IDAT":
            coded += data[at + 8 : at + 8 + size]
        at += size + 12
    step = 3 if colour == 2 else 1
    raw, stride = zlib.decompress(coded), width * step + 1
    above, rows = bytes(stride - 1), []
    for y in range(height):
        line = bytearray(raw[y * stride + 1 : (y + 1) * stride])
        above = unfilter(raw[y * stride], line, above, step)
        rows.append(bytes(above) if step == 3 else bytes(v for v in above for _ in range(3)))
    return Picture(width, height, rows)


def mirrored(picture):
    def flip(row):
        out = bytearray(len(row))
        for c in range(3):
            out[c::3] = row[c::3][::-1]
        return bytes(out)
    return Picture(picture.width, picture.height, [flip(row) for row in picture.rows])


def cropped(picture, number):
    """A part of at most WIDTH x HEIGHT, elsewhere and of another size for each number, around the middle."""
    width, height = min(picture.width, WIDTH - number % 7), min(picture.height, HEIGHT - number % 11)
    left = min(max((picture.width - width) // 2 + number % 13 - 6, 0), picture.width - width)
    top = min(max((picture.height - height) // 3 + number % 17 - 8, 0), picture.height - height)
    return Picture(width, height, [row[3 * left : 3 * (left + width)] for row in picture.rows[top : top + height]])


def brightened(picture, number):
    change = number % 61 - 30
    table = bytes(min(max(v + change, 0), 255) for v in range(256))
    return picture._replace(rows=[row.translate(table) for row in picture.rows])


def as_ppm(picture):
    return b"P6 %d %d 255\n" % (picture.width, picture.height) + b"".join(picture.rows)


def as_png(picture):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", picture.width, picture.height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in picture.rows), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


class Photos:
    """Writes photo after photo; each number has its own."""

    NAMES = ("portrait", "cut_by_top_border", "gray", "dark", "noisy", "turned_15", "half_face_left", "posterised",
             "no_face_coffee")

    def __init__(self, project, folder):
        self.folder = folder
        images = project / "tests" / "golden" / "images"
        pictures = [read_png(images / f"{name}.png") for name in self.NAMES]
        self.pictures = pictures + [mirrored(picture) for picture in pictures]
        self.whole = sorted(p for p in (project / "photos").rglob("*") if p.suffix in (".jpg", ".png"))

    def write(self, number):
        if number % 14 == 7:
            photo = self.whole[number // 14 % len(self.whole)]
            return pathlib.Path(shutil.copy(photo, self.folder / f"{number}{photo.suffix}"))
        picture = self.pictures[number % len(self.pictures)]
        picture = brightened(cropped(picture, number), number)
        name, data = (".ppm", as_ppm(picture)) if number % 3 else (".png", as_png(picture))
        path = self.folder / f"{number}{name}"
        path.write_bytes(data)
        return path


def memory_and_files(pid):
    """Resident memory in kB, now and at most until now, and open files of a process."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    now, most = (int(status.split(name)[1].split()[0]) for name in ("VmRSS:", "VmHWM:"))
    return now, most, len(os.listdir(f"/proc/{pid}/fd"))


def next_sample(done, count):
    each = max(1, count // SAMPLES)
    return WARM_UP if done < WARM_UP else min(count, (done // each + 1) * each)


def soak(program, project, count, threads, say=lambda text: None):
    """\\returns the samples from the end of the warm-up on, and how many faces were found"""
    ram = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    environment = {k: v for k, v in os.environ.items() if k != "FFR_WEIGHTS"}
    command = [program, "represent", "--json", "--quiet", "--threads", str(threads), "-"]
    with tempfile.TemporaryDirectory(dir=ram) as folder, subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as process:
        photos, waiting, samples, faces, written = Photos(project, pathlib.Path(folder)), collections.deque(), [], 0, 0
        for done in range(1, count + 1):
            # Before a sample nothing more is handed in, so that the program then waits and reads no file.
            until = next_sample(done - 1, count)
            while written < until and len(waiting) < AHEAD:
                waiting.append(photos.write(written))
                process.stdin.write(f"{waiting[-1]}\n")
                written += 1
            process.stdin.flush()
            record = json.loads(process.stdout.readline())
            path = waiting.popleft()
            if record["image"] != str(path) or "error" in record:
                raise SystemExit(f"photo {done}: {record}")
            faces += len(record["faces"])
            path.unlink()
            if done == until:
                samples.append(Sample(done, *memory_and_files(process.pid)))
                say("%6d photos  %7d kB, at most %7d kB  %d files" % samples[-1])
        process.stdin.close()
        if process.wait() != 0:
            raise SystemExit(f"the program ended with {process.returncode}")
    return samples, faces


def growth(samples):
    """How much more memory in kB and how many more files there were in the second half of the samples than in the first.

    How much a program gives back depends on the photos that came last, and on what of the heap they left in pieces; the
    least of many samples doesn't. What's lost with each photo would raise it."""
    half = len(samples) // 2
    first, second = samples[:half], samples[half:]
    return (min(sample.memory for sample in second) - min(sample.memory for sample in first),
            max(sample.files for sample in second) - min(sample.files for sample in first))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("project", type=pathlib.Path)
    parser.add_argument("--photos", type=int, default=20000, help="more than %d" % WARM_UP)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    start = time.monotonic()
    samples, faces = soak(options.program.resolve(), options.project.resolve(), options.photos, options.threads,
                          lambda text: print(text, flush=True))
    memory, files = growth(samples)
    print(f"{options.photos} photos with {faces} faces in {time.monotonic() - start:.0f} s: {samples[0].memory} kB after the "
          f"first {WARM_UP}, {samples[-1].memory} kB at the end, {min(sample.memory for sample in samples)} to "
          f"{max(sample.memory for sample in samples)} kB between; the least grew by {memory} kB, open files by {files}")
    return 0 if memory <= MOST_GROWTH_KB and files <= 0 else 1


if __name__ == "__main__":
    sys.exit(main())
