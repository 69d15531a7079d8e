"""Packages the library and its C interface, without the program:  conan create packaging/conan

stb comes from the system. CMake projects find ffr by its own ffrConfig.cmake, which has ffr_embed_weights too.
"""

import pathlib
import re

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeToolchain
from conan.tools.files import copy
from conan.tools.system.package_manager import Apt, Brew, Dnf, PacMan

SOURCES = ["CMakeLists.txt", "CHANGELOG.md", "LICENSE", "capi/*", "cmake/*", "include/*", "weights/*"]


class FfrConan(ConanFile):
    name = "ffr"
    description = "Face recognition from scratch, in one include"
    license = "MIT"
    topics = ("face-recognition", "face-detection", "header-only")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False]}  # of the C interface: the C++ library is headers
    default_options = {"shared": False}
    no_copy_source = True

    @property
    def _project(self):
        return pathlib.Path(self.recipe_folder).parent.parent

    def set_version(self):
        header = (self._project / "include" / "ffr" / "version.hpp").read_text()
        self.version = re.search(r'kVersion = "([0-9.]+)"', header).group(1)

    def export_sources(self):
        for pattern in SOURCES:
            copy(self, pattern, self._project, self.export_sources_folder, excludes="weights/exact/*")

    def system_requirements(self):
        Apt(self).install(["libstb-dev"])
        Dnf(self).install(["stb-devel"])
        PacMan(self).install(["stb"])
        Brew(self).install(["stb"])

    def generate(self):
        toolchain = CMakeToolchain(self)
        for part in ("PROGRAM", "TOOLS", "TESTS", "EXAMPLES"):
            toolchain.cache_variables[f"FFR_BUILD_{part}"] = False
        toolchain.cache_variables["FFR_WERROR"] = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", self.source_folder, pathlib.Path(self.package_folder) / "licenses")

    def package_info(self):
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = ["lib/cmake/ffr"]
        self.cpp_info.libs = ["ffr_compiled"]
        self.cpp_info.defines = ["FFR_COMPILED_ELSEWHERE"]
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]
