"""The C interface from another language: the program's own answers, through libffr and ctypes.

Run by ctest as: python3 test_ctypes.py PROGRAM LIBRARY EXAMPLE MODEL PROJECT, the example being examples/c's program.
Needs Python's standard library only.
"""

import concurrent.futures
import ctypes
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest
from ctypes import byref, c_double, c_float, c_int32, c_size_t, c_uint32, c_void_p

PROGRAM, LIBRARY, C_EXAMPLE, MODEL, PROJECT = (pathlib.Path(path).resolve() for path in sys.argv[1:6])
WEIGHTS = PROJECT / "weights"
GROUP = PROJECT / "photos" / "unseen" / "group.jpg"
HEADER = (PROJECT / "include" / "ffr" / "ffr.h").read_text()
PYTHON_EXAMPLE = PROJECT / "examples" / "python" / "name_people.py"

sys.path.insert(0, str(PYTHON_EXAMPLE.parent))
from name_people import Error, Face, Identity, Image, Library, Versioned  # noqa: E402

FORMAT_ERROR, OUT_OF_MEMORY = 3, 4


class DetectOptions(Versioned):
    _fields_ = [("struct_size", c_uint32), ("upsample", c_int32), ("threshold", c_double)]


def run(*command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600, **more)


def program_says(*arguments):
    return json.loads(run(PROGRAM, *arguments).stdout)["faces"]


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ffr = Library(str(LIBRARY))
        cls.ffr.functions.ffr_distance.restype = c_double
        cls.pipeline, cls.photo = c_void_p(), Image()
        cls.ffr.call("ffr_pipeline_open", str(WEIGHTS).encode(), None, byref(cls.pipeline))
        cls.ffr.call("ffr_image_read", str(GROUP).encode(), byref(cls.photo))

    @classmethod
    def tearDownClass(cls):
        cls.ffr.functions.ffr_image_free(byref(cls.photo))
        cls.ffr.functions.ffr_pipeline_close(cls.pipeline)

    def faces(self, step="ffr_find_faces"):
        found = c_void_p()
        self.ffr.call(step, self.pipeline, byref(self.photo), None, byref(found))
        faces = [Face() for _ in range(self.ffr.functions.ffr_faces_count(found))]
        for i, face in enumerate(faces):
            self.ffr.call("ffr_faces_get", found, c_size_t(i), byref(face))
        self.ffr.functions.ffr_faces_free(found)
        return faces

    def as_json(self, face):
        """A face as the program writes it; its embedding in floats, which the program rounds to as many digits as it
        takes to have them back."""
        return {"box": list(face.box), "view": face.view, "embedding": list(face.embedding),
                "landmarks": [list(point) for point in face.landmarks[:face.landmark_count]]}

    def test_faces_are_the_program_s(self):
        wanted, got = program_says("represent", "--json", GROUP), self.faces()
        self.assertEqual(len(wanted), 4)
        for face in wanted:
            face["embedding"] = list((c_float * 128)(*face["embedding"]))
        scores = [face.pop("score") for face in wanted]
        self.assertEqual([self.as_json(face) for face in got], wanted)
        for face, score in zip(got, scores):
            self.assertAlmostEqual(face.score, score, places=12)
        self.assertEqual([list(face.box) for face in self.faces("ffr_detect")], [face["box"] for face in wanted])

    def test_each_step_alone_gives_the_same(self):
        for face in self.faces():
            points, count, embedding = (c_int32 * 2 * 68)(), c_size_t(), (c_float * 128)()
            box = (c_int32 * 4)(*face.box)
            self.ffr.call("ffr_landmarks", self.pipeline, byref(self.photo), box, points, c_size_t(68), byref(count))
            self.ffr.call("ffr_embed", self.pipeline, byref(self.photo), box, embedding)
            self.assertEqual((count.value, bytes(points)), (68, bytes(face.landmarks)))
            self.assertEqual(self.ffr.functions.ffr_distance(embedding, face.embedding), 0)

    def test_names_are_the_program_s(self):
        people = c_void_p()
        self.ffr.call("ffr_identifier_open", str(MODEL).encode(), self.pipeline, byref(people))
        wanted = program_says("infer", MODEL, "--multi", "--json", GROUP)
        self.assertEqual([face["name"] for face in wanted].count(None), 1)
        for face, answer in zip(self.faces(), wanted):
            who = Identity()
            self.ffr.call("ffr_identify", people, face.embedding, None, byref(who))
            self.assertEqual(who.name and who.name.decode(), answer["name"])
            self.assertEqual(who.candidate.decode(), answer["candidate"])
            self.assertAlmostEqual(who.confidence, answer["confidence"], places=12)
            self.assertAlmostEqual(who.distance, answer["distance"], places=12)
        self.ffr.functions.ffr_identifier_close(people)

    def test_many_threads_use_one_pipeline(self):
        alone = [bytes(face) for face in self.faces()]
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            for together in threads.map(lambda _: [bytes(face) for face in self.faces()], range(8)):
                self.assertEqual(together, alone)

    @unittest.skipUnless(sys.platform == "linux", "needs a limit of memory that's kept, and a way to know what's used")
    def test_a_call_without_enough_memory_fails_and_the_next_one_works(self):
        alone = [bytes(face) for face in self.faces()]
        used = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        options, error, faces = DetectOptions(upsample=4), Error(), c_void_p()
        resource.setrlimit(resource.RLIMIT_AS, (used + 100_000_000, hard))
        try:
            status = self.ffr.functions.ffr_detect(self.pipeline, byref(self.photo), byref(options), byref(faces),
                                                   byref(error))
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        self.assertEqual((status, error.message), (OUT_OF_MEMORY, b"there isn't enough memory"))
        self.assertEqual([bytes(face) for face in self.faces()], alone)

    def test_weights_that_are_none_are_named(self):
        with tempfile.TemporaryDirectory() as folder:
            for file in WEIGHTS.glob("*.ffr"):
                shutil.copy(file, folder)
            (pathlib.Path(folder) / "resnet29.ffr").write_bytes(b"nothing of the kind")
            error, pipeline = Error(), c_void_p()
            status = self.ffr.functions.ffr_pipeline_open(folder.encode(), None, byref(pipeline), byref(error))
            self.assertEqual((status, pipeline.value), (FORMAT_ERROR, None))
            self.assertIn("resnet29.ffr: ", error.message.decode())


class TheLibrary(unittest.TestCase):
    def test_it_shows_the_header_s_functions_and_nothing_else(self):
        promised = sorted(re.findall(r"^FFR_API [^(]*?(\w+)\(", HEADER, re.M))
        self.assertGreater(len(promised), 10)
        symbols = run("nm", *(["-gU"] if sys.platform == "darwin" else ["-D", "--defined-only"]), LIBRARY)
        self.assertEqual(symbols.returncode, 0, symbols.stderr)
        self.assertEqual(sorted(line.split()[2].lstrip("_") for line in symbols.stdout.splitlines()), promised)


class Documents(unittest.TestCase):
    def test_both_examples_say_the_same(self):
        arguments = (WEIGHTS, MODEL, GROUP)
        in_c, in_python = run(C_EXAMPLE, *arguments), run(sys.executable, PYTHON_EXAMPLE, LIBRARY, *arguments)
        for result in (in_c, in_python):
            self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(in_python.stdout.replace(",", ""), in_c.stdout)
        self.assertEqual(len(in_c.stdout.splitlines()), 4)
        self.assertRegex(in_c.stdout, r"(?m)^barack_obama at \[\d+ \d+ \d+ \d+\]$")

    def test_both_examples_name_what_failed(self):
        for command in ((C_EXAMPLE,), (sys.executable, PYTHON_EXAMPLE, LIBRARY)):
            result = run(*command, WEIGHTS, MODEL, "none.jpg")
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertRegex(result.stderr, r"^none.jpg: can't open the file: .*\n$")

    def test_the_page_s_code_is_the_examples(self):
        page = (PROJECT / "docs" / "c-interface.md").read_text()
        [code] = re.findall(r"```c\n(.*?)```", page, re.S)
        self.assertEqual(code, (PROJECT / "examples" / "c" / "name_people.c").read_text())
        [excerpt] = re.findall(r"```python\n(.*?)```", page, re.S)
        self.assertIn(excerpt, PYTHON_EXAMPLE.read_text())


if __name__ == "__main__":
    os.environ.pop("FFR_WEIGHTS", None)
    unittest.main(argv=[sys.argv[0], *sys.argv[6:]])
