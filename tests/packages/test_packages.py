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
CACHE = dict(re.findall(r"^(\w+):\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.MULTILINE))
VERSION = re.search(r'kVersion = "([0-9.]+)"', (SOURCE / "include" / "ffr" / "version.hpp").read_text()).group(1)


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

    def configure(self, cmake, build="build", languages="CXX", sources=None, **variables):
        """Writes a project, configures it, and returns its build folder and what CMake said."""
        project = self.folder / f"{self._testMethodName} project"
        project.mkdir(exist_ok=True)
        for name, text in (sources or {}).items():
            (project / name).write_text(text)
        (project / "CMakeLists.txt").write_text(
            f"cmake_minimum_required(VERSION 3.21)\nproject(app LANGUAGES {languages})\n{cmake}")
        options = [f"-D{name}={value}" for name, value in variables.items()]
        said = run("cmake", "-G", "Ninja", "-S", project, "-B", project / build, "-DCMAKE_BUILD_TYPE=Debug", *options)
        return project / build, said

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

    # ffr in another project: nothing of it gets into that one's way.

    # A library of another project that links each of ffr's, and a program of a third that finds both libraries.
    EXPORTED = """
        add_library(mylib STATIC mylib.cpp)
        target_link_libraries(mylib PRIVATE ffr::ffr ffr::compiled ffr::c_static)
        install(TARGETS mylib EXPORT mylibTargets)
        install(EXPORT mylibTargets DESTINATION lib/cmake/mylib)
        install(FILES mylibConfig.cmake DESTINATION lib/cmake/mylib)"""
    EXPORTED_SOURCES = {
        "mylib.cpp": "#include <ffr/ffr.h>\n#include <ffr/version.hpp>\n"
                     "const char* mine() { return ffr_version() == FFR_VERSION ? ffr::kVersion : nullptr; }\n",
        "mylibConfig.cmake": "include(CMakeFindDependencyMacro)\nfind_dependency(ffr COMPONENTS compiled c_static)\n"
                             'include("${CMAKE_CURRENT_LIST_DIR}/mylibTargets.cmake")\n'}

    def use_exported(self, prefixes):
        shutil.rmtree(self.folder / f"{self._testMethodName} project" / "user", ignore_errors=True)
        build, _ = self.configure("find_package(mylib REQUIRED)\nadd_executable(user user.cpp)\n"
                                  "target_link_libraries(user PRIVATE mylib)\n", build="user",
                                  sources={"user.cpp": "#include <cstdio>\nconst char* mine();\n"
                                                       "int main() { std::puts(mine()); }\n"},
                                  CMAKE_PREFIX_PATH=";".join(map(str, prefixes)))
        run("cmake", "--build", build)
        self.assertEqual(run(build / "user"), VERSION + "\n")

    def test_a_library_that_links_ffr_is_exported_with_ffr_or_without(self):
        def installed(how, name, **variables):
            # Included first, GNUInstallDirs names the folder of documents after the other project.
            cmake = f'include(GNUInstallDirs)\nadd_subdirectory("{SOURCE}" ffr {how})\n{self.EXPORTED}'
            build, _ = self.configure(cmake, sources=self.EXPORTED_SOURCES, FFR_BUILD_C_LIBRARY="ON",
                                      BUILD_SHARED_LIBS="OFF", **variables)
            run("cmake", "--build", build)
            run("cmake", "--install", build, "--prefix", self.folder / name)
            self.assertFalse((build / "CPackConfig.cmake").exists())
            files = {str(path.relative_to(self.folder / name)) for path in (self.folder / name).rglob("*") if path.is_file()}
            return self.folder / name, files

        config = "lib/cmake/mylib/mylib"
        mine = {"lib/libmylib.a", f"{config}Config.cmake", f"{config}Targets.cmake", f"{config}Targets-debug.cmake"}
        prefix, files = installed("", "mylib alone")
        self.assertEqual(files, mine)
        self.use_exported([prefix, self.prefix])
        self.assertEqual(installed("EXCLUDE_FROM_ALL", "mylib alone once more")[1], mine)

        ffr = {"lib/libffr.a", "lib/libffr_compiled.a", "lib/cmake/ffr/ffrConfig.cmake", "include/ffr/ffr.hpp",
               "share/ffr/weights/hog_frontal.ffr", "share/doc/ffr/LICENSE"}
        self.assertLessEqual(mine | ffr, installed("", "mylib and ffr", FFR_INSTALL="ON")[1])
        prefix, files = installed("EXCLUDE_FROM_ALL", "mylib and ffr once more", FFR_INSTALL="ON")
        self.assertLessEqual(mine | ffr, files)
        self.use_exported([prefix])

    def test_the_first_of_two_copies_serves_both(self):
        same = f'add_subdirectory("{SOURCE}" one)\nadd_subdirectory("{SOURCE}" two)\n'
        self.assertNotIn("Warning", self.configure(same, build="same")[1])
        other = self.folder / "another copy"  # is left before more of it is read
        (other / "include" / "ffr").mkdir(parents=True)
        shutil.copy(SOURCE / "CMakeLists.txt", other)
        header = (SOURCE / "include" / "ffr" / "version.hpp").read_text()
        (other / "include" / "ffr" / "version.hpp").write_text(header.replace(f'"{VERSION}"', '"9.8.7"'))
        for first in (f'add_subdirectory("{SOURCE}" one)', "find_package(ffr REQUIRED)"):
            with self.subTest(first):
                said = self.configure(f'{first}\nadd_subdirectory("{other}" two)\n', build=first.partition("(")[0],
                                      CMAKE_PREFIX_PATH=self.prefix)[1]
                self.assertRegex(" ".join(said.split()), f"has ffr {VERSION} already, .* ffr 9.8.7 in .*another copy")

    def test_all_of_its_targets_are_called_ffr_something_in_another_project(self):
        build, _ = self.configure(f"""
            foreach(name tests bench examples cli single_include docs convert_weights t7_files unit_tests fuzzers)
              add_custom_target(${{name}})
            endforeach()
            add_subdirectory("{SOURCE}" one EXCLUDE_FROM_ALL)
            add_executable(app app.cpp)
            target_link_libraries(app ffr::ffr)
            function(tell folder)
              get_property(targets DIRECTORY ${{folder}} PROPERTY BUILDSYSTEM_TARGETS)
              get_property(folders DIRECTORY ${{folder}} PROPERTY SUBDIRECTORIES)
              file(APPEND "${{CMAKE_BINARY_DIR}}/targets" "${{targets}};")
              foreach(folder IN LISTS folders)
                tell(${{folder}})
              endforeach()
            endfunction()
            tell("{SOURCE}")""",
            sources={"app.cpp": "#include <ffr/version.hpp>\nint main() {}\n"},
            **{f"FFR_BUILD_{part}": "ON" for part in "PROGRAM C_LIBRARY TOOLS TESTS EXAMPLES BENCH".split()})
        run("cmake", "--build", build, "--target", "app")
        targets = set((build / "targets").read_text().split(";")) - {""}
        self.assertLessEqual({"ffr", "ffr_program", "ffr_convert_weights", "ffr_c_shared"}, targets)
        self.assertEqual([name for name in targets if not name.startswith("ffr")], [])

    def test_another_project_gets_no_variables_but_ffr_s_and_no_language(self):
        build, _ = self.configure(f"""
            find_package(Threads REQUIRED)
            get_cmake_property(before CACHE_VARIABLES)
            add_subdirectory("{SOURCE}" ffr)
            get_cmake_property(after CACHE_VARIABLES)
            list(REMOVE_ITEM after ${{before}})
            get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
            get_property(tested DIRECTORY "{SOURCE}" PROPERTY TESTS)
            file(WRITE "${{CMAKE_BINARY_DIR}}/told" "${{languages}}\n${{tested}}\n${{CMAKE_UNITY_BUILD}}\n${{after}}")""",
            CMAKE_UNITY_BUILD="ON")
        languages, tested, unity, variables = (build / "told").read_text().split("\n")
        self.assertEqual([languages, tested, unity], ["CXX", "", "ON"])
        self.assertIn("FFR_INSTALL", variables.split(";"))
        self.assertEqual([name for name in variables.split(";") if not re.match("FFR_|ffr_", name)], [])

    def test_stb_may_come_from_a_target_of_the_other_project(self):
        using = """
            add_executable(app app.cpp)
            target_link_libraries(app PRIVATE ffr::ffr)"""
        sources = {"app.cpp": "#include <ffr/image/image_io.hpp>\n#ifndef MY_STB\n#error not that target\n#endif\nint main() {}\n"}
        mine = f"""
            add_library(my_stb INTERFACE)
            target_include_directories(my_stb INTERFACE "{CACHE["FFR_STB_INCLUDE_DIR"]}")
            target_compile_definitions(my_stb INTERFACE MY_STB)
            add_library(my::stb ALIAS my_stb)"""
        for come_by in (f'add_subdirectory("{SOURCE}" ffr)', "find_package(ffr REQUIRED)"):
            with self.subTest(come_by):
                wanted = dict(build=come_by.partition("(")[0], sources=sources, CMAKE_PREFIX_PATH=self.prefix,
                              FFR_STB_TARGET="my::stb")
                with self.assertRaisesRegex(AssertionError, "FFR_STB_TARGET is my::stb"):
                    self.configure(f"{come_by}\n{using}", **wanted)
                build, _ = self.configure(f"{mine}\n{come_by}\n{using}", **wanted)
                run("cmake", "--build", build, "--target", "app")
                self.assertIsNone(re.search("^FFR_STB_INCLUDE_DIR:", (build / "CMakeCache.txt").read_text(), re.MULTILINE))

    def test_a_missing_stb_is_named_with_where_to_get_it(self):
        half = self.folder / "half of stb"  # as one of Fedora's packages
        half.mkdir()
        (half / "stb_image.h").touch()
        for folder, missing in (self.folder / "nothing", "stb_image.h"), (half, "stb_image_write.h"):
            for come_by in (f'add_subdirectory("{SOURCE}" ffr)', "find_package(ffr REQUIRED)"):
                with self.subTest(f"{missing} {come_by}"):
                    with self.assertRaises(AssertionError) as failure:
                        self.configure(come_by, build=f"{missing} {come_by.partition('(')[0]}", FFR_STB_INCLUDE_DIR=folder,
                                       CMAKE_PREFIX_PATH=self.prefix)
                    said = " ".join(str(failure.exception).split())
                    for text in (f"{missing} wasn't found", "libstb-dev", "stb_image-devel and stb_image_write-devel",
                                 "Homebrew", "vcpkg", "Conan", "set FFR_STB_INCLUDE_DIR", "FFR_STB_TARGET to a"):
                        self.assertIn(text, said)

    def test_unity_builds_of_other_projects_take_ffr(self):
        source = "#include <ffr/ffr.hpp>\nint NAME(const char* photo) { return ffr::read_image(photo).width(); }\n"
        main = ("#include WEIGHTS_HEADER\n#include <ffr/ffr.hpp>\nint one(const char*);\nint two(const char*);\n"
                "int main(int, char** arguments) {\n    WEIGHTS(\"hog_frontal.ffr\");\n"
                "    return one(arguments[1]) == two(arguments[1]) ? 0 : 1;\n}\n")
        build, _ = self.configure("""
            find_package(ffr REQUIRED)
            foreach(library ffr compiled)
              add_executable(by_${library} one.cpp two.cpp main.cpp)
              target_link_libraries(by_${library} PRIVATE ffr::${library})
              ffr_embed_weights(by_${library} hog_frontal.ffr)
              target_compile_definitions(by_${library} PRIVATE WEIGHTS_HEADER="by_${library}_weights.hpp"
                                                               WEIGHTS=by_${library}_weights)
            endforeach()""",
            sources={"one.cpp": source.replace("NAME", "one"), "two.cpp": source.replace("NAME", "two"), "main.cpp": main},
            CMAKE_PREFIX_PATH=self.prefix, CMAKE_UNITY_BUILD="ON")
        run("cmake", "--build", build)
        for library in ("ffr", "compiled"):
            self.assertTrue((build / f"CMakeFiles/by_{library}.dir/Unity/unity_0_cxx.cxx").exists())
            run(build / f"by_{library}", PHOTO)

    def test_ffr_s_own_files_are_compiled_one_by_one_in_unity_builds(self):
        build = self.folder / "unity"
        run("cmake", "-G", "Ninja", "-S", SOURCE, "-B", build, "-DCMAKE_UNITY_BUILD=ON")
        self.assertEqual(re.findall(r"\S*/Unity/\S*", (build / "build.ninja").read_text()), [])

    @unittest.skipUnless(sys.platform == "linux", "by nm, of ELF's shared libraries")
    def test_a_plugin_with_libffr_inside_shows_only_its_own_functions(self):
        build, _ = self.configure("find_package(ffr REQUIRED COMPONENTS c_static)\nadd_library(plugin MODULE plugin.c)\n"
                                  "target_link_libraries(plugin PRIVATE ffr::c_static)\n", languages="C CXX",
                                  sources={"plugin.c": "#include <ffr/ffr.h>\nint plugin(ffr_pipeline** pipeline) {\n"
                                                       "    return ffr_pipeline_open(0, 0, pipeline, 0);\n}\n"},
                                  CMAKE_PREFIX_PATH=self.prefix)
        run("cmake", "--build", build)
        self.assertEqual(run("nm", "-D", "--defined-only", "--format=just-symbols", build / "libplugin.so"), "plugin\n")

        # Whoever links without CMake, and so without --exclude-libs, shows the standard library's templates, but no function
        # of ffr's.
        run(os.environ.get("CXX", "c++"), "-shared", next(build.rglob("plugin.c.o")), next(self.prefix.rglob("libffr.a")),
            "-o", build / "by hand.so")
        names = run("nm", "-D", "--defined-only", "--format=just-symbols", build / "by hand.so").splitlines()
        self.assertIn("plugin", names)
        self.assertEqual([name for name in names if re.match(r"ffr_|_ZNK?3ffr", name)], [])

    @unittest.skipUnless(sys.platform == "linux", "by nm, of ELF's shared libraries")
    def test_libffr_shows_the_functions_of_its_header_and_nothing_else(self):
        header = (self.prefix / "include" / "ffr" / "ffr.h").read_text()
        names = run("nm", "-D", "--defined-only", "--format=just-symbols", next(self.prefix.rglob("libffr.so"))).split()
        self.assertEqual(sorted(names), sorted(re.findall(r"^FFR_API [^(]*?(\w+)\(", header, re.MULTILINE)))

    def test_the_installed_program_finds_the_installed_weights(self):
        self.assertIn(f"{self.weights / 'resnet29.ffr'}: resnet29", run(self.prefix / "bin" / "ffr", "info"))

    def test_the_manual_and_the_completion_are_where_they_re_looked_for(self):
        self.assertTrue((self.prefix / "share/man/man1/ffr.1").read_text().startswith(".TH FFR 1"))
        self.assertIn("complete -o default -F _ffr ffr",
                      (self.prefix / "share/bash-completion/completions/ffr").read_text())

    def test_all_recipes_have_the_library_s_version(self):
        packaging = SOURCE / "packaging"
        self.assertEqual(json.loads((packaging / "vcpkg" / "vcpkg.json").read_text())["version"], VERSION)
        self.assertRegex((packaging / "debian" / "changelog").read_text(), rf"\Affr \({re.escape(VERSION)}-")
        self.assertIn(f"\n## [{VERSION}]", (SOURCE / "CHANGELOG.md").read_text())

    def test_nothing_installed_knows_where_it_was_built(self):
        texts = [path for path in self.prefix.rglob("*") if path.suffix in {".cmake", ".pc", ".hpp", ".inl"}]
        self.assertGreater(len(texts), 40)
        for path in texts:
            for place in (BUILD, SOURCE, self.folder / "installed"):
                self.assertNotIn(str(place), path.read_text(), path)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
