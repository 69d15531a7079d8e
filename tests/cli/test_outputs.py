"""No file is replaced that the program didn't write; modes, links and read-only files."""

import json
import os
import shutil
import stat
import sys
import time
import unittest

from harness import (ASTRONAUT, BIDEN, CliTest, DONE, GROUP, JOURNAL, OBAMA, OBAMA2, PEOPLE, PHOTOS, SOME_FAILED,
                     WRONG_USAGE, run, snapshot)


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


class Outputs(CliTest):
    """No file is replaced that the program didn't write."""

    FOREIGN = "holds tables or other files of their names that ffr didn't write: .*--force"

    def refused(self, file, *arguments, name=None, reason="is there already, and isn't ", **more):
        """Runs a verb whose output is a file that's there; it has to stay."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"mine")
        before = snapshot(self.folder)
        result = run(*arguments, **more)
        self.check(result, SOME_FAILED, f"{name or file.name}: {reason}")
        self.assertEqual(snapshot(self.folder), before)
        return result

    def model(self):
        model = self.folder / "people.ffr"
        self.check(run("train", PEOPLE, "-o", model), DONE)
        return model

    def test_a_photo_of_the_same_name_but_another_ending_stays(self):
        model = self.model()
        shutil.copy(OBAMA, self.folder / "IMG_1.jpg")
        shutil.copy(ASTRONAUT, self.folder / "IMG_1.png")
        before = snapshot(self.folder)
        for verb in (["detect"], ["landmarks"], ["infer", model]):
            result = self.check(run(*verb, "IMG_1.png", "--draw", ".", cwd=self.folder), SOME_FAILED,
                                "IMG_1.jpg: is there already, and isn't an annotated copy that ffr wrote: move it away, or "
                                "choose another folder")
            self.assertEqual(result.stdout, "")
        self.assertEqual(snapshot(self.folder), before)

    def test_each_verb_leaves_what_it_did_not_write(self):
        out, model = self.folder / "out", self.model()
        self.refused(out / "astronaut.jpg", "detect", ASTRONAUT, "--draw", out)
        self.refused(out / "astronaut.png", "align", ASTRONAUT, "-o", out)
        self.refused(out / "group-2.png", "align", "--all-faces", GROUP, "-o", out)
        self.refused(out / "hog.png", "hog", ASTRONAUT, "-o", out / "hog.png")
        self.refused(out / "model", "train", PEOPLE, "-o", out / "model")
        self.refused(out / "who.json", "video", model, "--timeline", out / "who.json", stdin="")
        for name in ("index.html", "people.ffr", "3-found-group.jpg"):
            demo = self.folder / name.split(".")[0]
            (demo / name).parent.mkdir(parents=True)
            (demo / name).write_bytes(b"mine")
            self.check(run("demo", "-o", demo), SOME_FAILED, f"{name}: is there already, .* or replace it with --force")
            self.assertEqual((demo / name).read_bytes(), b"mine")

    def test_tables_that_are_somebody_else_s_stay(self):
        tables = self.folder / "tables"
        for name in ("labels.csv", "reps.csv"):
            self.refused(tables / name, "represent", ASTRONAUT, "-o", tables, name="tables", reason=self.FOREIGN)
            (tables / name).unlink()
        (tables / "labels.csv").write_text("1,a/1.png\n")
        (tables / "source.json").write_text("{}")
        self.check(run("represent", ASTRONAUT, "-o", tables), SOME_FAILED, self.FOREIGN)
        self.check(run("represent", ASTRONAUT, "-o", tables, "--force"), DONE)
        self.check(run("represent", OBAMA2, "-o", tables), DONE)  # now they're its own
        self.assertIn("obama2", (tables / "labels.csv").read_text())
        self.refused(tables / "photos.csv", "represent", ASTRONAUT, "-o", tables, name="tables", reason=self.FOREIGN)
        for option in ([], ["--resume"]):
            alone = self.folder / f"alone{len(option)}"
            for name in ("photos.csv", "source.json"):
                self.refused(alone / name, "represent", ASTRONAUT, "-o", alone, *option, name=alone.name, reason=self.FOREIGN)

    def test_tables_that_somebody_has_worked_on_are_not_completed(self):
        tables = self.folder / "tables"
        self.check(run("represent", PEOPLE, "-o", tables), DONE)
        labels = (tables / "labels.csv").read_text()
        for changed in ("person,path\n" + labels, labels.replace("\n", ",a note\n")):
            (tables / "labels.csv").write_text(changed)
            before = snapshot(tables)
            self.check(run("represent", OBAMA2, "-o", tables, "--resume"), SOME_FAILED,
                       "tables have a header, further columns or no source.json, which ffr would not keep")
            self.assertEqual(snapshot(tables), before)
        self.check(run("represent", OBAMA2, "-o", tables, "--resume", "--force"), DONE)
        self.assertEqual(len((tables / "labels.csv").read_text().splitlines()), 5)

    def test_results_that_are_somebody_else_s_stay(self):
        tables, out = self.folder / "tables", self.folder / "out"
        tables.mkdir()
        rows = [(person, i) for person in range(3) for i in range(6)]
        (tables / "labels.csv").write_text("".join(f"{person + 1},{person}/{i}.png\n" for person, i in rows))
        (tables / "reps.csv").write_text("".join(",".join(["0.5" if k == person else str(i / 1000) for k in range(128)]) + "\n"
                                                 for person, i in rows))
        verb = ["evaluate", "classification", tables, "--embedder", "resnet29", "--people", "2", "-o", out]
        for name in ("classification.csv", "classification.png"):
            self.refused(out / name, *verb)
            (out / name).unlink()
        self.check(run(*verb), DONE)
        # A table has no mark, and the chart's doesn't speak for what may be anybody's.
        self.check(run(*verb), SOME_FAILED, "classification.csv: is there already, .*--force")
        self.check(run(*verb, "--force"), DONE)

    def test_each_fold_s_table_is_looked_at_first(self):
        lfw, out = self.folder / "lfw", self.folder / "out"
        for person, photo in (("A", OBAMA), ("B", ASTRONAUT), ("C", BIDEN)):
            (lfw / person).mkdir(parents=True)
            for i in (1, 2):
                shutil.copy(photo, lfw / person / f"{person}_{i:04}{photo.suffix}")
        (self.folder / "pairs.txt").write_text("2 1\nA 1 2\nA 1 B 1\nB 1 2\nB 1 C 1\n")
        verb = ["evaluate", "lfw", lfw, "--pairs", self.folder / "pairs.txt", "-o", out]
        for name in ("accuracies.csv", "roc.csv", "roc-fold-0.csv", "roc-fold-1.csv", "roc.png"):
            self.refused(out / name, *verb)
            (out / name).unlink()
        self.check(run(*verb), DONE)

    def test_a_model_in_a_demo_s_folder_is_only_the_demo_s_beside_its_page(self):
        demo = self.folder / "demo"
        demo.mkdir()
        self.check(run("train", PEOPLE, "-o", demo / "people.ffr"), DONE)
        before = snapshot(demo)
        self.check(run("demo", "-o", demo), SOME_FAILED, "people.ffr: is there already, .*--force")
        self.assertEqual(snapshot(demo), before)

    def test_a_file_that_speaks_of_a_timeline_is_none(self):
        model, file = self.model(), self.folder / "film.json"
        file.write_text(json.dumps({"film": "my notes", "timeline": {"made_by": "ffr: timeline", "frames": 3}}, indent=2))
        before = file.read_bytes()
        self.check(run("video", model, "--timeline", file, stdin=""), SOME_FAILED, "isn't a timeline that ffr wrote")
        self.assertEqual(file.read_bytes(), before)

    def test_force_replaces_where_that_s_a_sane_wish(self):
        for name, verb in (("hog.png", ["hog", ASTRONAUT, "-o"]), ("model", ["train", PEOPLE, "-o"])):
            file = self.folder / name
            file.write_bytes(b"mine")
            self.check(run(*verb, file), SOME_FAILED, "or replace it with --force")
            self.check(run(*verb, file, "--force"), DONE)
            self.assertGreater(file.stat().st_size, 1000)
        for verb in (["detect", ASTRONAUT, "--draw", "."], ["align", ASTRONAUT, "-o", "."], ["cluster", PEOPLE, "-o", "x"]):
            self.check(run(*verb, "--force", cwd=self.folder), WRONG_USAGE, "--force")

    def test_a_model_is_not_a_picture_nor_a_picture_a_model(self):
        model = self.model()
        self.check(run("hog", ASTRONAUT, "-o", self.folder / "hog.png"), DONE)
        shutil.copy(model, self.folder / "model.png")
        self.check(run("hog", ASTRONAUT, "-o", self.folder / "model.png"), SOME_FAILED, "isn't a HOG picture that ffr wrote")
        self.check(run("train", PEOPLE, "-o", self.folder / "hog.png"), SOME_FAILED, "isn't a model that ffr wrote")
        self.check(run("align", ASTRONAUT, "-o", self.folder / "out"), DONE)
        chip = self.folder / "out" / "astronaut.png"
        self.check(run("hog", ASTRONAUT, "-o", chip), SOME_FAILED, "isn't a HOG picture that ffr wrote")
        weights = self.folder / "weights.ffr"
        shutil.copy(PHOTOS.parent / "weights" / "hog_frontal.ffr", weights)
        self.check(run("train", PEOPLE, "-o", weights), SOME_FAILED, "isn't a model that ffr wrote")

    def test_its_own_files_and_empty_ones_are_replaced(self):
        for _ in range(2):
            self.check(run("detect", ASTRONAUT, "--draw", self.folder / "drawn"), DONE)
            self.check(run("hog", ASTRONAUT, "-o", self.folder / "hog.jpg"), DONE)
            self.check(run("train", PEOPLE, "-o", self.folder / "model"), DONE)
            self.check(run("represent", PEOPLE, "-o", self.folder / "tables"), DONE)
            self.check(run("demo", "-o", self.folder / "demo"), DONE)
        (self.folder / "empty").touch()
        self.check(run("train", PEOPLE, "-o", self.folder / "empty"), DONE)

    def test_only_its_own_chips_of_the_same_photo_made_in_the_same_way_are_aligned_already(self):
        photos, out = self.folder / "photos", self.folder / "out"
        photos.mkdir()
        shutil.copy(ASTRONAUT, photos / "a.png")
        align = ["align", photos, "-o", out]
        self.assertNotIn("skipped", self.check(run(*align), DONE).stdout)
        self.assertIn("skipped, is aligned already", self.check(run(*align), DONE).stdout)
        chip = (out / "a.png").read_bytes()
        for option in (["--points", "5"], ["--upsample", "1"], ["--threshold", "0.1"], ["--method", "openface"]):
            self.assertNotIn("skipped", self.check(run(*align, *option), DONE).stdout)
            self.assertIn("skipped", self.check(run(*align, *option), DONE).stdout)
        self.assertNotIn("skipped", self.check(run(*align), DONE).stdout)
        self.assertEqual((out / "a.png").read_bytes(), chip)
        size = max((photos / "a.png").stat().st_size, OBAMA2.stat().st_size)
        for photo in (ASTRONAUT, OBAMA2):  # of one size; the content tells what it is
            (photos / "a.png").write_bytes(photo.read_bytes().ljust(size, b"\0"))
            run(*align)
        (out / "a.png").write_bytes(chip)
        (photos / "a.png").write_bytes(OBAMA2.read_bytes().ljust(size, b"\0"))
        self.assertNotIn("skipped", self.check(run(*align), DONE).stdout)
        self.assertNotEqual((out / "a.png").read_bytes(), chip)
        for changed in (chip[:-20], chip + b"\0", chip[:-30] + bytes(30)):  # a disk that was full, somebody's work
            (out / "a.png").write_bytes(changed)
            self.check(run(*align), SOME_FAILED, "isn't an aligned face that ffr wrote")
            self.assertEqual((out / "a.png").read_bytes(), changed)

    def test_two_inputs_that_would_be_one_output_are_named_before_anything_is_written(self):
        for name in ("a", "b"):
            (self.folder / name).mkdir()
            shutil.copy(ASTRONAUT, self.folder / name / "x.png")
        shutil.copy(OBAMA2, self.folder / "first.jpg")
        before = snapshot(self.folder)
        for verb in (["detect", "--draw", "out"], ["align", "-o", "out"]):
            self.check(run(*verb, "first.jpg", "a/x.png", "b/x.png", cwd=self.folder), WRONG_USAGE,
                       "a/x.png and b/x.png: would both become out/x")
        self.assertEqual(snapshot(self.folder), before)

    def test_two_names_of_one_output_are_noticed(self):
        out = self.folder / "out"
        out.mkdir()
        (out / "b.jpg").symlink_to("a.jpg")
        shutil.copy(ASTRONAUT, self.folder / "a.png")
        shutil.copy(OBAMA2, self.folder / "b.png")
        self.check(run("detect", self.folder / "a.png", self.folder / "b.png", "--draw", out), WRONG_USAGE,
                   "a.png and .*b.png: would both become .*b.jpg")
        self.assertEqual([p.name for p in out.iterdir()], ["b.jpg"])

    def test_a_sorted_copy_never_replaces_what_came_meanwhile(self):
        out = self.folder / "sorted"
        process = self.start("cluster", "-", "-o", out)
        process.stdin.write(f"{ASTRONAUT}\n".encode())
        process.stdin.flush()
        time.sleep(0.3)
        (out / "group-001").mkdir(parents=True)
        (out / "group-001" / "astronaut.png").write_bytes(b"mine")
        (out / "group-001.jpg").write_bytes(b"mine")
        process.stdin.close()
        process.stdin = None
        _, error = process.communicate()
        self.assertEqual((out / "group-001" / "astronaut.png").read_bytes(), b"mine")
        self.assertEqual((out / "group-001" / "astronaut-2.png").read_bytes(), ASTRONAUT.read_bytes())
        self.assertEqual((out / "group-001.jpg").read_bytes(), b"mine")
        self.assertRegex(error.decode(), "group-001.jpg: is there already")


class Replacing(CliTest):
    """Modes, owners, links and read-only files."""

    def test_new_models_and_tables_are_the_owner_s_alone(self):
        def with_umask(mask, *arguments):
            self.check(run(*arguments, preexec_fn=lambda: os.umask(mask)), DONE)

        with_umask(0o022, "train", PEOPLE, "-o", self.folder / "model")
        with_umask(0o022, "represent", PEOPLE, "-o", self.folder / "tables")
        files = [self.folder / "model", *(self.folder / "tables").iterdir()]
        self.assertEqual(len(files), 5)
        self.assertEqual({mode_of(file) for file in files}, {0o600})
        with_umask(0o022, "train", PEOPLE, "--mode", "664", "-o", self.folder / "wide")
        self.assertEqual(mode_of(self.folder / "wide"), 0o644)
        with_umask(0o077, "represent", PEOPLE, "--mode", "644", "-o", self.folder / "narrow")
        self.assertEqual({mode_of(file) for file in (self.folder / "narrow").iterdir()}, {0o600})
        with_umask(0o022, "detect", ASTRONAUT, "--draw", self.folder / "drawn")
        self.assertEqual(mode_of(self.folder / "drawn" / "astronaut.jpg"), 0o644)
        for mode in ("0600", "688", "100", "x", ""):
            self.check(run("train", PEOPLE, "--mode", mode, "-o", self.folder / "m"), WRONG_USAGE, "--mode")

    def test_the_journal_is_the_owner_s_alone(self):
        process = self.start("represent", "-", "-o", self.folder / "out")
        process.stdin.write(f"{ASTRONAUT}\n".encode())
        process.stdin.flush()
        journal = self.folder / "out" / JOURNAL
        self.wait_for(lambda: journal.exists() and journal.read_bytes().count(b"\n") > 1, process)
        self.assertEqual(mode_of(journal), 0o600)

    def test_a_replaced_model_keeps_its_mode(self):
        model = self.folder / "model"
        self.check(run("train", PEOPLE, "-o", model), DONE)
        for mode in (0o640, 0o644, 0o660):
            model.chmod(mode)
            self.check(run("train", PEOPLE, "-o", model), DONE)
            self.assertEqual(mode_of(model), mode)

    def test_replaced_tables_keep_their_modes(self):
        out = self.folder / "out"
        self.check(run("represent", PEOPLE, "-o", out), DONE)
        (out / "reps.csv").chmod(0o640)
        self.check(run("represent", OBAMA2, "-o", out, "--resume"), DONE)
        self.assertEqual({name.name: mode_of(name) for name in out.iterdir()},
                         {"labels.csv": 0o600, "reps.csv": 0o640, "photos.csv": 0o600, "source.json": 0o600})

    def test_a_link_stays_a_link(self):
        self.check(run("train", PEOPLE, "-o", self.folder / "v1"), DONE)
        (self.folder / "current").symlink_to("v1")
        old = (self.folder / "v1").read_bytes()
        self.check(run("train", PHOTOS, "-o", self.folder / "current"), SOME_FAILED, "group.jpg: there are 4 faces")
        self.assertTrue((self.folder / "current").is_symlink())
        self.assertNotEqual((self.folder / "v1").read_bytes(), old)

    def test_a_read_only_file_stays_and_that_s_said_before_it_costs_time(self):
        model = self.folder / "model"
        self.check(run("train", PEOPLE, "-o", model), DONE)
        model.chmod(0o444)
        old = model.read_bytes()
        # The weights aren't even looked for.
        self.check(run("train", PHOTOS, "--weights", self.folder / "none", "-o", model), SOME_FAILED,
                   "model: can't write the file: it's read-only")
        tables = self.folder / "tables"
        self.check(run("represent", ASTRONAUT, "-o", tables), DONE)
        (tables / "labels.csv").chmod(0o444)
        self.check(run("represent", OBAMA2, "-o", tables), SOME_FAILED, "labels.csv: can't write the file: it's read-only")
        self.assertEqual(self.only_files(tables), ["labels.csv", "photos.csv", "reps.csv", "source.json"])
        self.assertEqual((model.read_bytes(), mode_of(model)), (old, 0o444))
        chips = self.folder / "chips"
        self.check(run("align", ASTRONAUT, "-o", chips), DONE)
        (chips / "astronaut.png").chmod(0o444)
        self.check(run("align", "--method", "openface", ASTRONAUT, "-o", chips), SOME_FAILED, "it's read-only")

    def test_temporary_files_of_killed_runs_are_deleted_by_the_next(self):
        left = self.folder / f".ffr-{'0' * 32}.tmp"
        left.write_bytes(b"half a model")
        kept = self.folder / ".ffr-notes.tmp"
        kept.write_bytes(b"mine")
        self.check(run("train", PEOPLE, "-o", self.folder / "model"), DONE)
        self.assertEqual(self.only_files(self.folder), [".ffr-notes.tmp", "model"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
