#!/usr/bin/env python3
"""What including ffr costs a compiler: seconds and memory, as Markdown tables.

    bench/compile_time.py [--compiler g++] [--rounds 3]

The first table has programs: ten lines that use the whole way, with the headers, with the one generated file, and with what
ffr::compiled has compiled elsewhere (FFR_COMPILED_ELSEWHERE). The second has each public header alone, included and not used. Least of some
rounds, since whatever else the machine does only adds.
"""

import argparse
import os
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = """#include <ffr/ffr.hpp>
#include <iostream>

int main(int argc, char** argv) {
    if (argc != 3) return 1;
    const auto pipeline = ffr::Pipeline::load(argv[1]);
    for (const ffr::Face& face : pipeline.faces(ffr::read_image(argv[2]))) {
        std::cout << face.detection.box << ' ' << face.embedding[0] << '\\n';
    }
}
"""


def stb_folder():
    for folder in ("/usr/include", "/usr/include/stb", "/usr/local/include", "/usr/local/include/stb"):
        if (pathlib.Path(folder) / "stb_image.h").exists():
            return folder
    raise SystemExit("there's no stb_image.h")


def compile_once(command):
    """Seconds of processor time and megabytes at the most."""
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(map(str, command))} failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def cost(arguments, text, *options):
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "program.cpp"
        source.write_text(text)
        command = [arguments.compiler, "-std=c++17", "-O2", f"-isystem{stb_folder()}", *options, "-c", source, "-o",
                   source.with_suffix(".o")]
        runs = [compile_once(command) for _ in range(arguments.rounds)]
        return f"{min(s for s, _ in runs):.1f} | {max(m for _, m in runs):.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    headers = f"-I{ROOT / 'include'}"
    print(f"{arguments.compiler} -O2\n\n| program of ten lines | s | MB |\n| --- | --- | --- |")
    print("| with include/ |", cost(arguments, PROGRAM, headers), "|")
    print("| with single_include/ |", cost(arguments, PROGRAM, f"-I{ROOT / 'single_include'}"), "|")
    print("| with include/, most compiled elsewhere |", cost(arguments, PROGRAM, headers, "-DFFR_COMPILED_ELSEWHERE"), "|")
    print("\n| header, not used | s | MB |\n| --- | --- | --- |")
    library = ROOT / "include/ffr"
    for header in sorted(path for path in library.rglob("*.hpp") if "kernels" not in path.parts and "formats" not in path.parts):
        print(f"| {header.relative_to(library)} |", cost(arguments, f"#include <ffr/{header.relative_to(library)}>\n", headers), "|")


if __name__ == "__main__":
    main()
