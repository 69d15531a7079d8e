"""What was measured, as Markdown tables; and the sizes of files."""

import pathlib
import re
import statistics
import sys

from downloads import debian_sizes
from prepare import run
from ways import needed_packages

C_RUNTIME = "libc.so", "libm.so", "libgcc_s.so", "libstdc++.so"  # every C++ program has them


def code_lines(path, comment):
    """Lines that aren't blank and hold more than a comment."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return sum(1 for line in lines if line and not line.startswith(comment))


def size(path):
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink())
    return path.stat().st_size


def megabytes(bytes_):
    return f"{bytes_ / 1e6:.1f}" if bytes_ >= 1e5 else f"{bytes_ / 1e6:.2f}"


def spread(values, form=".1f"):
    """The median, and the quartiles of more than two."""
    if len(values) < 3:
        return format(statistics.median(values), form)
    low, middle, high = (format(value, form) for value in statistics.quantiles(values, n=4, method="inclusive"))
    return f"{middle} ({low}–{high})"


def table(head, rows):
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in [head, ["---"] * len(head), *rows]) + "\n"


def code_table(ways):
    def row(way):
        comment = "#" if way.is_python else "//"
        debian = debian_sizes(way.packages)
        fetched = sum(debian.values()) + sum(map(size, way.files))
        models = sum(map(size, way.models))
        return [way.name, code_lines(way.program, comment), code_lines(way.build_file, "#"),
                ", ".join(way.packages + way.asked), len(debian) + len(way.files), megabytes(fetched),
                megabytes(models) if models else "among them", megabytes(fetched + models)]

    return table(["", "lines of code", "of its build file", "asks for", "packages and files in all", "MB of them",
                  "MB of models", "download, MB"], map(row, ways))


def build_table(ways, times):
    def row(way):
        cells = [spread([taken[i] for taken in times[way.name][step]])
                 for step in ("configure", "build") for i in (0, 1)]
        return [way.name, *cells]

    return table(["s", "configure", "of it processor", "build", "of it processor"], map(row, ways))


def libraries(program):
    """The shared libraries that a program loads, without those that every C++ program has."""
    found = re.findall(r"=> (/\S+)", run("ldd", program))
    return [pathlib.Path(path).resolve() for path in found if not pathlib.Path(path).name.startswith(C_RUNTIME)]


def binary_table(ways):
    def row(way):
        if way.is_python:
            return [way.name, "—", "—", f"{megabytes(size(way.target / 'lib'))}, models among them", "—"]
        stripped = way.target / "stripped"
        run("strip", "-o", stripped, way.start[0])
        loaded = libraries(way.start[0])
        return [way.name, megabytes(size(stripped)), len(loaded), megabytes(sum(map(size, loaded))),
                megabytes(sum(map(size, way.models)))]

    return table(["", "program, stripped, MB", "shared libraries", "MB of them", "MB of models"], map(row, ways))


def time_table(ways, times):
    def row(way):
        wall, processor, memory = zip(*times[way.name])
        return [way.name, spread([1e3 * s for s in wall], ".0f"), spread([1e3 * s for s in processor], ".0f"),
                format(statistics.median(memory), ".0f")]

    return table(["", "ms from start to end", "of it processor", "MB of memory at the most"], map(row, ways))


def answer_table(given, pairs):
    head = [f"{' and '.join(names)}, {kind}" for names in pairs for kind in ("JPEG", "PNG")]
    return table(["distance", *head], [[name, *(distance for distance, _ in found)] for name, found in given.items()])


def version_line(ways):
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    versions = run("dpkg-query", "-W", "-f", "${Package} ${Version}, ", *needed_packages(ways)).strip(" ,")
    files = {file.name for way in ways for file in way.files}
    packages = sorted(" ".join(found.groups()) for found in map(re.compile(r"(\w+)-([\d.]*\d)").match, files) if found)
    return (f"One core of {cpu[1] if cpu else 'an unknown CPU'}. Python {sys.version.split()[0]}. Debian's packages: "
            f"{versions}. PyPI's: {', '.join(packages)}.\n")
