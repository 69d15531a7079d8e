"""Which weights and which CPU's kernels are taken."""

import os
import shutil
import sys
import unittest

from harness import ASTRONAUT, CliTest, DONE, PROGRAM, PROJECT, SOME_FAILED, records, run


class Simd(CliTest):
    def test_a_path_is_taken_on_request_and_one_that_isn_t_there_refused(self):
        plain = records(self.check(run("represent", "--json", ASTRONAUT, env={"FFR_SIMD": "scalar"}), DONE))[0]["faces"][0]
        best = records(self.check(run("represent", "--json", ASTRONAUT), DONE))[0]["faces"][0]
        self.assertEqual(plain["box"], best["box"])
        self.assertLess(max(abs(a - b) for a, b in zip(plain["embedding"], best["embedding"])), 1e-5)
        self.assertEqual(records(run("info", "--json", env={"FFR_SIMD": "scalar"}))[0]["simd"], "scalar")
        self.assertEqual(records(run("info", "--json", env={"FFR_SIMD": "scalar"}))[0]["int8"], "plain")
        self.assertIn("int8: ", run("info").stdout)
        self.check(run("info", env={"FFR_SIMD": "warp"}), SOME_FAILED, "FFR_SIMD is 'warp', which isn't a path of this machine")


class Weights(CliTest):
    def test_info_lists_the_weights_with_their_licences(self):
        [record] = records(self.check(run("info", "--json"), DONE))
        self.assertEqual([w["kind"] for w in record["weights"]], ["hog_detector", "mmod", "landmarks", "landmarks", "resnet29"])
        self.assertRegex(record["weights"][3]["license"], "NOT FOR COMMERCIAL USE")
        self.assertIn("NOT FOR COMMERCIAL USE", run("info").stdout)

    def test_verify_tells_the_weights_that_are_shipped_from_others_and_from_damaged_ones(self):
        for options in (), ("--weights", PROJECT / "weights"):
            [record] = records(self.check(run("info", "--verify", "--json", *options), DONE))
            self.assertEqual([w["as_shipped"] for w in record["weights"]], [True] * 5)
        self.assertEqual(self.check(run("info", "--verify"), DONE).stdout.count("verified: whole, and as shipped"), 5)
        self.assertNotIn("verified", run("info").stdout)
        for path in (PROJECT / "weights").glob("*.ffr"):
            shutil.copy(path, self.folder)
        shutil.copy(self.folder / "landmarks5.ffr", self.folder / "landmarks68.ffr")
        damaged = bytearray((self.folder / "mmod.ffr").read_bytes())
        damaged[len(damaged) // 2] ^= 1
        (self.folder / "mmod.ffr").write_bytes(damaged)
        result = self.check(run("info", "--verify", "--weights", self.folder), SOME_FAILED,
                            "mmod.ffr: the checksum is wrong: the file was damaged or altered")
        self.assertEqual(result.stdout.count("verified: whole, and as shipped"), 3)
        self.assertEqual(result.stdout.count("verified: whole, but none that's shipped"), 1)

    def test_the_program_works_when_copied_elsewhere(self):
        shutil.copy(PROGRAM, self.folder / "ffr")
        result = self.check(run("detect", "--json", ASTRONAUT, program=self.folder / "ffr", cwd=self.folder), DONE)
        self.assertEqual(len(records(result)[0]["faces"]), 1)

    def test_weights_are_taken_from_the_option_then_the_variable_then_beside_the_program(self):
        def place(*parts):
            folder = self.folder.joinpath(*parts)
            shutil.copytree(PROJECT / "weights", folder, ignore=shutil.ignore_patterns("exact", "*.md"))
            return folder

        def used(*arguments, **more):
            return records(run("info", "--json", *arguments, **more))[0]["weights"][0]["file"]

        shutil.copy(PROGRAM, self.folder / "ffr")
        program = {"program": self.folder / "ffr"}
        self.assertEqual(used(**program), "embedded hog_frontal.ffr")
        beside, variable, option = place("weights"), place("variable"), place("option")
        self.assertEqual(used(**program), str(beside / "hog_frontal.ffr"))
        env = {"FFR_WEIGHTS": str(variable)}
        self.assertEqual(used(**program, env=env), str(variable / "hog_frontal.ffr"))
        self.assertEqual(used("--weights", option, **program, env=env), str(option / "hog_frontal.ffr"))

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody else")
    def test_weights_that_are_there_but_closed_are_named(self):
        self.folder.chmod(0o755)
        shutil.copy(PROGRAM, self.folder / "ffr")
        shutil.copy(ASTRONAUT, self.folder)
        (self.folder / "weights").mkdir()
        shutil.copy(PROJECT / "weights" / "hog_frontal.ffr", self.folder / "weights")
        (self.folder / "weights" / "hog_frontal.ffr").chmod(0)
        result = run("detect", self.folder / "astronaut.png", program=self.folder / "ffr", user=65534)
        self.check(result, SOME_FAILED, "hog_frontal.ffr: can't open the file: Permission denied")

    def test_missing_cut_and_altered_weights_are_named(self):
        good = (PROJECT / "weights" / "hog_frontal.ffr").read_bytes()
        path = self.folder / "hog_frontal.ffr"
        self.check(run("detect", "--weights", self.folder, ASTRONAUT), SOME_FAILED, "hog_frontal.ffr: no such weights in")
        path.write_bytes(good[:1000])
        self.check(run("detect", "--weights", self.folder, ASTRONAUT), SOME_FAILED, f"{path}: .*the file ends at 1000")
        path.write_bytes(good[:-1] + bytes([good[-1] ^ 255]))
        self.check(run("detect", "--weights", self.folder, ASTRONAUT), SOME_FAILED, f"{path}: the checksum is wrong")
        shutil.copy(PROJECT / "weights" / "landmarks5.ffr", path)
        self.check(run("detect", "--weights", self.folder, ASTRONAUT), SOME_FAILED, "holds 'landmarks', not 'hog_detector'")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
