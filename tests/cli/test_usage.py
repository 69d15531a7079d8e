"""Help, manual, completion, and what the documents say."""

import re
import shlex
import subprocess
import sys
import unittest

from harness import ASTRONAUT, CliTest, DONE, GROUP, PEOPLE, PHOTOS, PROGRAM, PROJECT, SOME_FAILED, WRONG_USAGE, run


class Usage(CliTest):
    VERBS = ["detect", "hog", "landmarks", "align", "represent", "compare", "train", "infer", "cluster", "video", "evaluate", "demo",
             "bench", "info"]

    def completions(self, *words):
        """What bash offers for the last of the words."""
        script = self.check(run("--bash-completion"), DONE).stdout
        line = " ".join(f"'{word}'" for word in ("ffr", *words))
        script += f"\nCOMP_WORDS=({line}); COMP_CWORD={len(words)}; _ffr; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        return subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True).stdout.split()

    def test_bash_completes_verbs_options_and_choices(self):
        self.assertEqual(self.completions(""), self.VERBS)
        self.assertEqual(self.completions("re"), ["represent"])
        self.assertIn("--extend", self.completions("train", "--e"))
        self.assertEqual(self.completions("detect", "--u"), ["--upsample"])
        self.assertEqual(self.completions("align", "--method", ""), ["chip", "openface"])
        self.assertEqual(self.completions("represent", "--embedder", "nn"), ["nn4.small2"])
        self.assertEqual(self.completions("evaluate", ""), ["lfw", "classification"])
        self.assertEqual(self.completions("detect", ""), [])  # bash goes on with file names

    def test_the_manual_has_each_verb_and_each_option_of_the_help(self):
        manual = self.check(run("--man"), DONE).stdout.replace("\\-", "-")
        for verb in self.VERBS:
            self.assertIn(f'.SS "ffr {verb}', manual)
            if verb == "evaluate":
                continue
            shown = self.check(run(verb, "--help"), DONE).stdout
            for option in re.findall(r"^  (?:-\w,)?(--[\w-]+)", shown, re.MULTILINE):
                if option != "--help":
                    self.assertIn(f"\\&{option}\\fR", manual, verb)

    def test_each_verb_s_example_works_on_the_shipped_photos(self):
        (self.folder / "photos").symlink_to(PHOTOS)
        for verb in self.VERBS:
            shown = self.check(run(verb, "--help"), DONE).stdout
            example = re.search(r"Example:\n  ffr (.*?)(?:   .*)?$", shown, re.MULTILINE).group(1)
            if verb in ("evaluate", "video"):  # these are on data which aren't shipped
                continue
            self.check(run(*shlex.split(example), cwd=self.folder), DONE)


    def test_each_verb_explains_itself_with_an_example(self):
        for verb in self.VERBS:
            result = self.check(run(verb, "--help"), DONE)
            self.assertIn("Example:\n  ffr " + verb, result.stdout)
            self.assertIn(verb, run("--help").stdout)

    def test_wrong_usage_has_its_own_status(self):
        self.check(run(), WRONG_USAGE)
        self.check(run("fly"), WRONG_USAGE)
        self.check(run("detect"), WRONG_USAGE)
        self.check(run("detect", "--upsample", "9", ASTRONAUT), WRONG_USAGE)
        self.check(run("detect", "--upsample", "many", ASTRONAUT), WRONG_USAGE)
        self.check(run("landmarks", "--points", "7", ASTRONAUT), WRONG_USAGE)
        self.check(run("compare", ASTRONAUT), WRONG_USAGE)
        self.check(run("align", ASTRONAUT), WRONG_USAGE)
        self.check(run("hog", ASTRONAUT), WRONG_USAGE)
        self.check(run("cluster", "--distance", "-1", ASTRONAUT), WRONG_USAGE)

    def test_the_version_is_the_library_s(self):
        header = (PROJECT / "include" / "ffr" / "version.hpp").read_text()
        self.assertEqual(run("--version").stdout.strip(), re.search(r'"([0-9.]+)"', header).group(1))


class Documents(CliTest):
    def test_the_readme_s_code_is_the_example_that_is_built(self):
        code = re.search(r"```cpp\n(.*?)```", (PROJECT / "README.md").read_text(), re.S).group(1)
        self.assertEqual(code, (PROJECT / "examples" / "name_people.cpp").read_text())

    def test_the_example_names_people(self):
        example = PROGRAM.parent / "name_people"
        run("train", PEOPLE, "-o", self.folder / "people.ffr")
        result = self.check(run(PROJECT / "weights", self.folder / "people.ffr", GROUP, program=example), DONE)
        self.assertEqual(len(result.stdout.splitlines()), 4)
        self.assertIn("barack_obama at [", result.stdout)
        result = run(PROJECT / "weights", self.folder / "people.ffr", self.folder / "none.jpg", program=example)
        self.check(result, SOME_FAILED, "none.jpg: can't open the file")

    def test_documented_commands_have_verbs_and_options_that_exist(self):
        for page, least in ((PROJECT / "README.md", 4), (PROJECT / "docs" / "openface.md", 6),
                            (PROJECT / "docs" / "batch.md", 4), (PROJECT / "docs" / "video.md", 1)):
            commands = re.findall(r"^build/bin/ffr ([^#\n]+)", page.read_text(), re.M)
            self.assertGreaterEqual(len(commands), least)
            for words in map(str.split, commands):
                self.assertIn(words[0], Usage.VERBS)
                verb = words[:2] if words[0] == "evaluate" else words[:1]
                explained = run(*verb, "--help").stdout
                for option in (word for word in words if word.startswith("-")):
                    self.assertIn(option, explained, " ".join(words))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
