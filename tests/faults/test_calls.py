"""Each operation that writes files, stopped at every system call that changes one: by kill -9, by a disk that's full from there
on, by a rename that fails, also where files can't have second names (links). Afterwards every file that was there before is as
it was or the new whole, nothing else is to be seen, and the same command again leaves an undisturbed run's bytes.

Run by ctest as: python3 test_calls.py PROGRAM PROJECT LIBRARY, the library made of failing_calls.c. Needs Python's standard
library and Linux. FFR_EVERY_CALL=1 tries all calls (some twenty minutes on two cores), else a few of each operation.
"""

import collections
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
PROJECT = pathlib.Path(sys.argv[2]).resolve()
LIBRARY = pathlib.Path(sys.argv[3]).resolve()

DONE, SOME_FAILED = 0, 1
EVERY_CALL = os.environ.get("FFR_EVERY_CALL") == "1"
# How many calls are tried of each operation, where it's not all, and which are counted.
POINTS = {"kill": 24, "kill-half": 8, "nospace": 14, "rename": 6, "kill-rename": 4}
COUNTED = {"kill": "calls", "kill-half": "writes", "nospace": "room", "rename": "renames", "kill-rename": "renames"}
REASONS = {"nospace": "No space left on device", "rename": "Input/output error"}
JOURNAL, LOCK = "represent.partial.jsonl", ".represent.lock"
PHOTOS, FACES, GENERATIONS = 200, 10, 4
OLD = 1_000_000_000  # seconds since 1970: no photo is so new that its time doesn't count

# Changes of files, all that there are, as strace calls them; those with '?' aren't on every machine.
CHANGES = """?open openat ?openat2 ?creat write writev pwrite64 pwritev ?pwritev2 truncate ftruncate fallocate fsync fdatasync
?sync_file_range sendfile ?copy_file_range splice ?rename ?renameat ?renameat2 ?unlink unlinkat ?rmdir ?mkdir mkdirat ?link
linkat ?symlink symlinkat ?mknod mknodat ?chmod fchmod fchmodat ?fchmodat2 ?chown ?lchown fchown fchownat ?utime ?utimes
utimensat ?futimesat setxattr fsetxattr lsetxattr removexattr fremovexattr lremovexattr mmap""".split()


def environment(**more):
    return {**{k: v for k, v in os.environ.items() if k not in ("FFR_WEIGHTS", "LD_PRELOAD")}, **more}


def run(*arguments, **more):
    return subprocess.run([str(PROGRAM), *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          **{"env": environment(), "timeout": 600, **more})


def done(*arguments, **more):
    """Prepares something."""
    result = run(*arguments, **more)
    if result.returncode != DONE:
        raise AssertionError(f"{arguments}: {result.returncode}: {result.stderr}")


def below(folder):
    """All that's in a folder and its folders: the path and whether it's a folder."""
    for entry in os.scandir(folder):
        yield entry.path, entry.is_dir()
        if entry.is_dir():
            yield from below(entry.path)


def files_of(folder):
    """All files below a folder: bytes and mode."""
    return {os.path.relpath(path, folder): (pathlib.Path(path).read_bytes(), stat.S_IMODE(os.stat(path).st_mode))
            for path, is_folder in below(folder) if not is_folder}


def folders_of(folder):
    return {os.path.relpath(path, folder) for path, is_folder in below(folder) if is_folder}


def states_of(*folders):
    """What files are without their bytes: enough to see that one was written, replaced or deleted, or that one came."""
    states = {path: os.stat(path) for folder in folders for path, _ in below(folder)}
    return {path: (state.st_ino, state.st_size, state.st_mtime_ns, state.st_mode) for path, state in states.items()}


def copy(source, target, modified=OLD):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    os.utime(target, (modified, modified))


def place():
    """Where the folders go. In memory, if there's room: it's processes that end here, not machines."""
    memory = pathlib.Path("/dev/shm")
    fits = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 500 << 20
    return memory if fits else None


@dataclasses.dataclass
class Operation:
    """A command in a folder of its own. Inputs lie elsewhere: their paths stand in some outputs."""
    name: str
    command: list  # its paths to outputs are relative
    again: list = None  # to be run after a fault; by default the same
    before: pathlib.Path = None  # tree of what's there before
    keeps: tuple = ()  # names of files that a run that failed leaves for the next one
    clears: str = None  # folder to be deleted before the next run, as the program asks for
    tables: str = None  # folder of a pair of tables
    few: int = 1  # where a run takes long: one of so many points that are tried elsewhere
    stdin: pathlib.Path = None
    cut: dict = dataclasses.field(default_factory=dict)  # of files by name: what of their bytes is the same in each run


@dataclasses.dataclass
class Undisturbed:
    before: dict  # what stays or is replaced
    left: set  # names of what an earlier run that was killed left, and this one takes away
    files: dict
    folders: set
    status: int
    counts: dict


class Shared:
    """Photos and tables, made once."""
    root = chips = photos = small = tables = small_tables = None


def setUpModule():
    folder = tempfile.TemporaryDirectory(prefix="ffr-calls-", dir=place())
    unittest.addModuleCleanup(folder.cleanup)
    root = Shared.root = pathlib.Path(folder.name)
    # A chip's own chip is slightly another picture, in which the face is found again.
    source = PROJECT / "photos"
    for generation in range(GENERATIONS):
        target = root / "chips" / str(generation)
        done("align", source, "--all-faces", "-o", target)
        source = target
    Shared.chips = [sorted((root / "chips" / str(i)).rglob("*.png")) for i in range(GENERATIONS)]
    if {len(chips) for chips in Shared.chips} != {FACES}:
        raise AssertionError(f"not {FACES} faces each: {[len(chips) for chips in Shared.chips]}")
    Shared.photos = root / "photos"
    for number in range(PHOTOS):
        copy(chip(number), Shared.photos / name_of(number))
    # Small ones without faces, for who copies or marks photos and needs not see anything.
    Shared.small = root / "small"
    for number in range(PHOTOS):
        photo = Shared.small / name_of(number, "pgm")
        photo.parent.mkdir(parents=True, exist_ok=True)
        photo.write_bytes(b"P5 256 1 255\n" + bytes((number + i) % 256 for i in range(256)))
    Shared.tables = root / "tables"
    done("represent", "--aligned", Shared.photos, "--precision", "int8", "-o", Shared.tables)
    Shared.small_tables = tables_of(root / "small-tables", Shared.small, 0.001)


def chip(number):
    return Shared.chips[number // FACES % GENERATIONS][number % FACES]


def name_of(number, extension="png"):
    return f"person {number % FACES}/{number:03}.{extension}"


def tables_of(folder, photos, step):
    """Tables of people who are far apart, and whose faces are near each other."""
    folder.mkdir()
    labels, numbers = [], []
    for number in range(PHOTOS):
        person = number % FACES
        labels.append(f"{person + 1},{photos / name_of(number, 'pgm')}\n")
        numbers.append(",".join("0.9" if i == person else str(number * step) if i == 100 else "0" for i in range(128)) + "\n")
    (folder / "labels.csv").write_text("".join(labels))
    (folder / "reps.csv").write_text("".join(numbers))
    return folder


def is_leftover(name, operation):
    """Whether a file is one that a killed run may leave and the next one takes away."""
    last = pathlib.Path(name).name
    return re.fullmatch(r"\.ffr-[0-9a-f]{32}\.tmp", last) is not None or last == LOCK or last in operation.keeps


class Calls(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="operation-", dir=Shared.root.parent)
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.inputs, self.before = self.folder / "inputs", self.folder / "before"
        self.inputs.mkdir()
        self.before.mkdir()

    def faulted(self, operation, folder, **variables):
        """Runs an operation with the library. \\returns its result and the library's log"""
        log = folder.parent / f"{folder.name}.log"
        variables = {"LD_PRELOAD": str(LIBRARY), "FFR_FAULT_LOG": str(log), **variables}
        result = self.started(operation, operation.command, folder, env=environment(**variables))
        text = log.read_text() if log.exists() else ""
        log.unlink(missing_ok=True)
        return result, text

    def started(self, operation, command, folder, **more):
        with open(operation.stdin or os.devnull, "rb") as stdin:
            return run(*command, cwd=folder, stdin=stdin, **more)

    def prepared(self, operation, name):
        folder = self.folder / name
        if operation.before is None:
            folder.mkdir()
        else:
            shutil.copytree(operation.before, folder)
        return folder

    def same(self, operation, name, found, wanted):
        cut = operation.cut.get(pathlib.Path(name).name)
        return found == wanted or (cut is not None and cut(found) == cut(wanted))

    def undisturbed(self, operation):
        folder = self.prepared(operation, "undisturbed")
        before = files_of(folder)
        result, log = self.faulted(operation, folder, FFR_FAULT="count")
        [counts] = re.findall(r"^calls (\d+) writes (\d+) room (\d+) renames (\d+)$", log, re.M)
        counts = dict(zip(("calls", "writes", "room", "renames"), map(int, counts)))
        files = files_of(folder)
        self.assertEqual([name for name in files if is_leftover(name, operation)], [])
        self.assertEqual(result.returncode, DONE, result.stderr)
        self.assertTrue(files != before)
        self.assertNotIn("fault", log)
        left = before.keys() - files.keys()
        self.assertEqual([name for name in left if not is_leftover(name, operation)], [])
        return Undisturbed({name: before[name] for name in before if name in files}, left, files, folders_of(folder),
                           result.returncode, counts)

    def check_fault(self, operation, wanted, fault, at):
        """\\returns what's wrong after a fault, and what it hit"""
        folder = self.prepared(operation, f"{fault}-{at}")
        result, log = self.faulted(operation, folder, FFR_FAULT=fault, FFR_FAULT_AT=str(at))
        hit = re.search(r"^fault (.*)$", log, re.M)
        wrong = []
        files, is_killed = files_of(folder), hit is not None and fault.startswith("kill")
        if hit is None:  # several threads wait for the disk together, the one time more of them than the other
            if result.returncode != wanted.status:
                wrong.append(f"ended with {result.returncode} without a fault: {result.stderr}")
        elif is_killed:
            if result.returncode != -signal.SIGKILL:
                wrong.append(f"ended with {result.returncode}, not by the signal")
        else:
            names = {*wanted.files, *wanted.folders, JOURNAL, LOCK}
            lines = [line for line in result.stderr.splitlines() if REASONS[fault] in line]
            if result.returncode != SOME_FAILED or not any(name in line for name in names for line in lines):
                wrong.append(f"ended with {result.returncode} and said: {result.stderr}")
        wrong += self.wrong_files(operation, wanted, files, is_killed, fault == "kill-rename")
        wrong += self.wrong_tables(operation, wanted, files, folder)
        wrong += [f"the folder {name} is new" for name in folders_of(folder) - wanted.folders]
        if operation.clears:
            shutil.rmtree(folder / operation.clears, ignore_errors=True)
        again = self.started(operation, operation.again or operation.command, folder)
        if again.returncode != wanted.status:
            wrong.append(f"the next run ended with {again.returncode}: {again.stderr}")
        files = files_of(folder)
        for name in sorted({*files, *wanted.files}):
            if name not in files:
                wrong.append(f"after the next run {name} isn't there")
            elif name not in wanted.files:
                wrong.append(f"after the next run {name} is there")
            elif not self.same(operation, name, files[name][0], wanted.files[name][0]):
                wrong.append(f"after the next run {name} isn't what an undisturbed run writes")
            elif files[name][1] != wanted.files[name][1]:
                wrong.append(f"after the next run {name} has the mode {files[name][1]:o}, not {wanted.files[name][1]:o}")
        if states_of(Shared.root, self.inputs) != self.states:
            wrong.append("an input was changed")
        shutil.rmtree(folder)
        return wrong, None if hit is None else hit[1]

    def wrong_files(self, operation, wanted, files, is_killed, may_be_empty):
        """What's wrong with the files that a fault has left. A file system without links has the place of a new file taken by
        an empty one before the file is moved there."""
        wrong = []
        for name, (data, mode) in wanted.before.items():
            if name not in files:
                wrong.append(f"{name} is gone")
            elif files[name][0] != data and not self.same(operation, name, files[name][0], wanted.files[name][0]):
                wrong.append(f"{name} is neither the old nor the new one, {len(files[name][0])} bytes")
            elif files[name][1] != mode:
                wrong.append(f"{name} had the mode {mode:o} and has {files[name][1]:o}")
        for name, (data, mode) in files.items():
            if name in wanted.before or name in wanted.left or pathlib.Path(name).name in operation.keeps:
                continue
            if is_killed and is_leftover(name, operation):
                continue
            if name not in wanted.files:
                wrong.append(f"{name} is left, {len(data)} bytes")
            elif may_be_empty and not data:
                continue
            elif not self.same(operation, name, data, wanted.files[name][0]):
                wrong.append(f"{name} isn't whole, {len(data)} bytes")
            elif mode != wanted.files[name][1]:
                wrong.append(f"{name} has the mode {mode:o}, not {wanted.files[name][1]:o}")
        return wrong

    def wrong_tables(self, operation, wanted, files, folder):
        """Tables that don't belong together are nobody's: who reads them says so."""
        if operation.tables is None:
            return []
        names = [f"{operation.tables}/{name}" for name in ("labels.csv", "reps.csv")]
        pair = [files.get(name, (None,))[0] for name in names]
        if any(pair == [whole.get(name, (None,))[0] for name in names] for whole in (wanted.before, wanted.files)):
            return []
        self.mixed += 1
        result = run("cluster", operation.tables, cwd=folder)
        if result.returncode == SOME_FAILED and "its tables are being written" in result.stderr:
            return []
        return [f"half of the tables are new, and cluster ended with {result.returncode} and said: {result.stderr}"]

    def check_operation(self, operation):
        self.states, self.mixed = states_of(Shared.root, self.inputs), 0
        with self.subTest("faults"):
            self.check_faults(operation)
        with self.subTest("no call escapes the library"):
            self.check_that_no_call_escapes(operation)

    def check_faults(self, operation):
        start = time.monotonic()
        wanted = self.undisturbed(operation)
        points = []
        for fault, counted in COUNTED.items():
            count = wanted.counts[counted]
            tried = range(1, count + 1) if EVERY_CALL else spread(count, POINTS[fault] // operation.few)
            points += [(fault, at) for at in tried]
        tried, missed, wrong = collections.Counter(), 0, []
        with concurrent.futures.ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
            jobs = [pool.submit(self.check_fault, operation, wanted, fault, at) for fault, at in points]
            for (fault, at), job in zip(points, jobs):
                found, hit = job.result()
                tried[fault] += hit is not None
                missed += hit is None
                wrong += [f"{fault} {at} ({hit}): {text}" for text in found]
        figures = ", ".join(f"{tried[fault]} {fault}" for fault in COUNTED)
        print(f"{operation.name}: {wanted.counts['calls']} calls, {sum(tried.values())} points ({figures}), {missed} not come "
              f"to, {time.monotonic() - start:.0f} s", file=sys.stderr)
        for fault in COUNTED:
            self.assertGreater(tried[fault], 0, fault)
        if wrong:
            self.fail(f"{len(wrong)} times:\n" + "\n".join(wrong[:40]))
        if operation.tables:
            self.assertGreater(self.mixed, 0)

    def check_that_no_call_escapes(self, operation):
        """The kernel has seen as many changes as the library."""
        if shutil.which("strace") is None:
            self.skipTest("there's no strace to tell whether the library sees every call")
        folder = self.prepared(operation, "traced")
        log, trace = self.folder / "log", self.folder / "trace"
        command = ["strace", "-f", "-y", "-qq", "-s", "0", "-e", "signal=none", "-e", "trace=" + ",".join(CHANGES), "-o", trace,
                   "-E", f"LD_PRELOAD={LIBRARY}", "-E", "FFR_FAULT=count", "-E", f"FFR_FAULT_LOG={log}", PROGRAM]
        with open(operation.stdin or os.devnull, "rb") as stdin:
            result = subprocess.run([*map(str, command), *map(str, operation.command)], cwd=folder, stdin=stdin, text=True,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment(), timeout=600)
        if not trace.exists() or not trace.read_text():
            self.skipTest(f"strace can't trace here: {result.stderr}")
        seen = [line for line in trace.read_text().splitlines() if is_change(line, log)]
        [counted] = re.findall(r"^calls (\d+) ", log.read_text(), re.M)
        names = collections.Counter(re.match(r"\d+ +(\w+)", line)[1] for line in seen)
        self.assertEqual(len(seen), int(counted), names)


def is_change(line, log):
    """Whether a line of strace is the beginning of a call that changes a file."""
    call = re.match(r"\d+ +(\w+)\((.*)", line)
    if call is None or str(log) in line:
        return False
    name, rest = call[1], call[2]
    if name.startswith("open"):
        return re.search(r"\bO_(WRONLY|RDWR|CREAT|TRUNC)\b", rest) is not None
    if name == "mmap":
        return re.search(r"PROT_WRITE.*MAP_SHARED.*, \d+<", rest) is not None
    if name in ("sendfile", "write", "writev", "pwrite64", "pwritev", "pwritev2"):
        return re.match(r"([3-9]|\d\d+)</(?!dev/(?!shm/))", rest) is not None
    return True


def spread(count, most):
    """At most so many of the numbers from 1 to count: the first and the last ones, where a run does what it does once, and
    between them others that are far apart."""
    if count <= most:
        return range(1, count + 1)
    first, last = max(1, most // 4), max(1, most // 2)
    middle, others = most - first - last, count - first - last
    between = {first + round((i + 0.5) * others / middle) for i in range(middle)}
    return sorted({*range(1, first + 1), *between, *range(count - last + 1, count + 1)})


class Operations(Calls):
    def test_represent_begins_new_tables(self):
        command = ["represent", "--aligned", Shared.photos, "--precision", "int8", "--threads", "2", "-o", "tables"]
        self.check_operation(Operation("represent", command, again=[*command, "--resume"], keeps=(JOURNAL,), tables="tables",
                                       few=2))

    def test_represent_completes_tables_that_are_there(self):
        """Some photos are new, some changed, some gone, and some have only another time."""
        photos = self.inputs / "photos"
        for number in range(PHOTOS - 20):
            copy(chip(number), photos / name_of(number))
        command = ["represent", "--aligned", photos, "--precision", "int8", "--threads", "2", "--resume", "--prune"]
        done(*command, "-o", self.before / "tables")
        for file in (self.before / "tables").iterdir():
            file.chmod(0o640)
        for number in range(0, 50, 10):
            (photos / name_of(number)).unlink()
            copy(chip(number + 11), photos / name_of(number + 1), OLD + 1)
            os.utime(photos / name_of(number + 2), (OLD + 2, OLD + 2))
        for number in range(PHOTOS - 20, PHOTOS + 5):
            copy(chip(number), photos / name_of(number))
        self.assertEqual(len(list(photos.rglob("*.png"))), PHOTOS)
        self.check_operation(Operation("represent --resume --prune", [*command, "-o", "tables"], before=self.before,
                                       keeps=(JOURNAL,), tables="tables"))

    def test_represent_goes_on_after_a_kill(self):
        """With half a line in the journal, a lock and a temporary file that nobody holds any more."""
        command = ["represent", "--aligned", Shared.photos, "--precision", "int8", "--threads", "2", "-o", "tables"]
        started = Operation("represent", command)
        result, log = self.faulted(started, self.before, FFR_FAULT="kill-half", FFR_FAULT_AT=str(PHOTOS * 3 // 4))
        self.assertEqual(result.returncode, -signal.SIGKILL)
        self.assertRegex(log, f"^fault write .*{JOURNAL}$")
        self.assertNotEqual((self.before / "tables" / JOURNAL).read_bytes()[-1:], b"\n")
        self.assertTrue((self.before / "tables" / LOCK).is_file())
        (self.before / "tables" / f".ffr-{'0' * 32}.tmp").write_text("half a table")
        self.check_operation(Operation("represent --resume after a kill", [*command, "--resume"], before=self.before,
                                       keeps=(JOURNAL,), tables="tables"))

    def test_train_replaces_a_model(self):
        done("train", Shared.small_tables, "--embedder", "resnet29", "-o", self.before / "model.ffr")
        (self.before / "model.ffr").chmod(0o640)
        self.check_operation(Operation("train", ["train", Shared.tables, "-o", "model.ffr"], before=self.before))

    def test_align_makes_the_chips_that_are_missing(self):
        """Some are there already, some are of other photos of the same names."""
        photos = self.inputs / "other"
        for number in range(PHOTOS):
            copy(chip(number if number % 20 else number + FACES), photos / name_of(number))
        done("align", photos, "-o", self.before / "chips")
        for number in range(5, PHOTOS, 5):
            if number % 20:
                (self.before / "chips" / name_of(number)).unlink()
        command = ["align", Shared.photos, "--threads", "1", "-o", "chips"]
        self.check_operation(Operation("align", command, before=self.before))

    def test_detect_draws_copies_anew(self):
        """Every other photo has a copy, of which some are of other photos."""
        photos, others = self.inputs / "photos", self.inputs / "other"
        for number in range(PHOTOS):
            copy(chip(number) if number % 20 == 0 else Shared.small / name_of(number, "pgm"), photos / name_of(number))
            if number % 2 == 0:
                copy(chip(number + FACES * (number % 40 // 20)) if number % 20 == 0
                     else Shared.small / name_of((number + 4) % PHOTOS, "pgm"), others / name_of(number))
        done("detect", others, "--draw", self.before / "drawn")
        for file in list((self.before / "drawn").rglob("*.jpg"))[:50]:
            file.chmod(0o640)
        command = ["detect", photos, "--threads", "1", "--draw", "drawn"]
        self.check_operation(Operation("detect --draw", command, before=self.before))

    def test_cluster_sorts_copies_into_a_new_folder(self):
        command = ["cluster", Shared.small_tables, "--embedder", "resnet29", "--threads", "1", "-o", "sorted"]
        self.check_operation(Operation("cluster", command, clears="sorted"))

    def test_hog_replaces_its_picture(self):
        done("hog", chip(0), "-o", self.before / "hog.png")
        self.check_operation(Operation("hog", ["hog", chip(1), "-o", "hog.png"], before=self.before))

    def test_demo_makes_its_page_anew(self):
        done("demo", "--precision", "int8", "-o", self.before / "demo")
        (self.before / "demo" / "3-found-group.jpg").unlink()
        self.check_operation(Operation("demo", ["demo", "--threads", "1", "-o", "demo"], before=self.before, few=4))

    def test_evaluate_replaces_its_results(self):
        other = tables_of(self.inputs / "tables", Shared.small, 0.002)
        verb = ["evaluate", "classification", "--embedder", "resnet29"]
        done(*verb, other, "--people", "2", "--faces", "10", "-o", self.before / "results")

        def without_seconds(table):
            return [line.split(b",")[:4] for line in table.splitlines()]

        command = [*verb, Shared.small_tables, "--people", "3", "--force", "-o", "results"]
        self.check_operation(Operation("evaluate classification", command, before=self.before,
                                       cut={"classification.csv": without_seconds}))

    def test_video_replaces_its_timeline(self):
        model, video = self.inputs / "model.ffr", self.inputs / "video.y4m"
        done("train", Shared.tables, "-o", model)
        header = b"YUV4MPEG2 W16 H64 F25:1 Ip A1:1 Cmono\n"
        frames = [b"FRAME\n" + (Shared.small / name_of(i, "pgm")).read_bytes()[-256:] * 4 for i in range(PHOTOS)]
        video.write_bytes(header + b"".join(frames))
        verb = ["video", model, "--precision", "int8", "--threads", "1", "--timeline"]
        with open(video, "rb") as stdin:
            done(*verb, self.before / "timeline.json", stdin=stdin)
        video.write_bytes(header + b"".join(frames[:20]))
        self.check_operation(Operation("video --timeline", [*verb, "timeline.json"], before=self.before, stdin=video))


if __name__ == "__main__":
    if not LIBRARY.is_file():
        sys.exit(f"{LIBRARY}: isn't there")
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
