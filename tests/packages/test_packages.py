"""Builds consumer/ from an installation, and from the sources, as other projects would.

    test_packages.py BUILD SOURCE      with CXX and CXXFLAGS as BUILD had them

The installation is made from BUILD, in a folder with a space in its name, and moved, so that nothing can hang on where it
was. test_release.sh has what takes longer.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, SOURCE = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
CONSUMER = SOURCE / "tests" / "packages" / "consumer"
PHOTO = SOURCE / "photos" / "people" / "eileen_collins" / "astronaut.png"
BOX = "[179 83 266 170]\n"


def run(*command, **more):
    result = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            **more)
    if result.returncode != 0:
        raise AssertionError(f"{shlex.join(map(str, command))}:\n{result.stdout}")
    return result.stdout


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="ffr packages ")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        run("cmake", "--install", BUILD, "--prefix", cls.folder / "installed")
        cls.prefix = cls.folder / "moved"
        shutil.move(cls.folder / "installed", cls.prefix)
        cls.weights = cls.prefix / "share" / "ffr" / "weights"

    def build(self, target, **variables):
        """Builds a target of consumer/ and returns its path."""
        build = self.folder / self._testMethodName
        options = [f"-D{name}={value}" for name, value in variables.items()]
        run("cmake", "-G", "Ninja", "-S", CONSUMER, "-B", build, "-DCMAKE_BUILD_TYPE=Debug", *options)
        run("cmake", "--build", build, "--target", target)
        return build / target

    def test_find_package_gives_headers_compiled_parts_and_weights(self):
        found = {"CMAKE_PREFIX_PATH": self.prefix}
        self.assertEqual(run(self.build("consumer", **found), self.weights, PHOTO), BOX)
        self.assertEqual(run(self.build("consumer-embedded", **found), PHOTO), BOX)
        # The same for assemblers that can't include files.
        numbers = self.build("consumer-embedded", FFR_ASSEMBLER_INCLUDES_FILES="OFF", **found)
        self.assertEqual(run(numbers, PHOTO), BOX)

    def test_a_component_that_isn_t_there_is_named(self):
        project = self.folder / "asks for more"
        project.mkdir()
        (project / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.21)\nproject(asker LANGUAGES CXX)\n"
                                                "find_package(ffr REQUIRED COMPONENTS telepathy)\n")
        with self.assertRaisesRegex(AssertionError, "has no component telepathy"):
            run("cmake", "-G", "Ninja", "-S", project, "-B", project / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}")

    def test_pkg_config_gives_what_a_compiler_needs(self):
        environment = dict(os.environ, PKG_CONFIG_PATH=str(next(self.prefix.rglob("ffr.pc")).parent))
        flags = shlex.split(run("pkg-config", "--cflags", "--libs", "ffr", env=environment))
        weights = run("pkg-config", "--variable=weightsdir", "ffr", env=environment).strip().replace("\\", "")
        compiler = [os.environ.get("CXX", "c++"), *shlex.split(os.environ.get("CXXFLAGS", ""))]
        program = self.folder / "by pkg-config"
        run(*compiler, "-std=c++17", CONSUMER / "main.cpp", *flags, "-o", program)
        self.assertEqual(run(program, weights, PHOTO), BOX)

    def test_c_programs_get_libffr_without_a_word_of_c_plus_plus(self):
        project, source = self.folder / "in C", CONSUMER / "version.c"
        project.mkdir()
        (project / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.21)\nproject(in_c LANGUAGES C)\n"
            "find_package(ffr 0.1 REQUIRED COMPONENTS c_shared)\n"
            f"add_executable(in_c {source})\ntarget_link_libraries(in_c PRIVATE ffr::c_shared)\n")
        run("cmake", "-G", "Ninja", "-S", project, "-B", project / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        run("cmake", "--build", project / "build")
        run(project / "build" / "in_c")
        environment = dict(os.environ, PKG_CONFIG_PATH=str(next(self.prefix.rglob("ffr-c.pc")).parent))
        flags = shlex.split(run("pkg-config", "--cflags", "--libs", "ffr-c", env=environment))
        library = next(self.prefix.rglob("ffr-c.pc")).parent.parent
        run(os.environ.get("CC", "cc"), source, *flags, f"-Wl,-rpath,{library}", "-o", project / "by pkg-config")
        run(project / "by pkg-config")

    def test_add_subdirectory_gives_the_same_targets(self):
        program = self.build("consumer-embedded", FFR_FROM="add_subdirectory", FFR_SOURCE=SOURCE)
        self.assertEqual(run(program, PHOTO), BOX)

    def test_fetch_content_gives_the_same_targets(self):
        program = self.build("consumer", FFR_FROM="FetchContent", FFR_SOURCE=SOURCE)
        self.assertEqual(run(program, SOURCE / "weights", PHOTO), BOX)

    def test_the_installed_program_finds_the_installed_weights(self):
        self.assertIn(f"{self.weights / 'resnet29.ffr'}: resnet29", run(self.prefix / "bin" / "ffr", "info"))

    def test_the_manual_and_the_completion_are_where_they_re_looked_for(self):
        self.assertTrue((self.prefix / "share/man/man1/ffr.1").read_text().startswith(".TH FFR 1"))
        self.assertIn("complete -o default -F _ffr ffr",
                      (self.prefix / "share/bash-completion/completions/ffr").read_text())

    def test_all_recipes_have_the_library_s_version(self):
        header = (SOURCE / "include" / "ffr" / "version.hpp").read_text()
        version = re.search(r'kVersion = "([0-9.]+)"', header).group(1)
        packaging = SOURCE / "packaging"
        self.assertEqual(json.loads((packaging / "vcpkg" / "vcpkg.json").read_text())["version"], version)
        self.assertRegex((packaging / "debian" / "changelog").read_text(), rf"\Affr \({re.escape(version)}-")
        self.assertIn(f"\n## [{version}]", (SOURCE / "CHANGELOG.md").read_text())

    def test_nothing_installed_knows_where_it_was_built(self):
        texts = [path for path in self.prefix.rglob("*") if path.suffix in {".cmake", ".pc", ".hpp", ".inl"}]
        self.assertGreater(len(texts), 40)
        for path in texts:
            for place in (BUILD, SOURCE, self.folder / "installed"):
                self.assertNotIn(str(place), path.read_text(), path)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
