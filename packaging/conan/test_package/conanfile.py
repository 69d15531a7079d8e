"""Builds the consumer of tests/packages against the package, and has it find a face, and one in C."""

import pathlib

from conan import ConanFile
from conan.tools.cmake import CMake, cmake_layout

PROJECT = pathlib.Path(__file__).resolve().parents[3]


class FfrTest(ConanFile):
    settings = "os", "arch", "compiler", "build_type"
    generators = "CMakeToolchain"

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        self.requires(self.tested_reference_str)

    def build(self):
        cmake = CMake(self)
        cmake.configure(build_script_folder=PROJECT / "tests" / "packages" / "consumer")
        cmake.build()

    def test(self):
        photo = PROJECT / "photos" / "people" / "eileen_collins" / "astronaut.png"
        program = pathlib.Path(self.build_folder) / "consumer-embedded"
        self.run(f'"{program}" "{photo}"')
        kind = "shared" if self.dependencies["ffr"].options.shared else "static"
        self.run(f'"{pathlib.Path(self.build_folder) / f"consumer-c_{kind}"}"', env="conanrun")
