"""Names in a video."""

import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

from harness import ASTRONAUT, CliTest, DONE, OBAMA2, PEOPLE, PROGRAM, PROJECT, SOME_FAILED, WRONG_USAGE, run


def read_png(path):
    """Width, height and rows of an 8-bit RGB PNG without interlacing."""
    data, position, packed = path.read_bytes(), 8, b""
    width, height, depth, colours = struct.unpack(">IIBB", data[16:26])
    assert (depth, colours, data[28]) == (8, 2, 0)
    while position < len(data):
        size, kind = struct.unpack(">I4s", data[position:position + 8])
        packed += data[position + 8:position + 8 + size] if kind == b"IDAT" else b""
        position += size + 12
    lines, rows, above = zlib.decompress(packed), [], bytearray(3 * width)
    for start in range(0, len(lines), 3 * width + 1):
        method, row = lines[start], bytearray(lines[start + 1:start + 1 + 3 * width])
        for i in range(len(row) if method else 0):
            left, corner = (row[i - 3], above[i - 3]) if i >= 3 else (0, 0)
            near = min((abs(above[i] - corner), 0, left), (abs(left - corner), 1, above[i]),
                       (abs(left + above[i] - 2 * corner), 2, corner))[2]
            row[i] = (row[i] + (0, left, above[i], (left + above[i]) // 2, near)[method]) & 255
        rows.append(row)
        above = row
    return width, height, rows


class Video(CliTest):
    """A clip of 14 frames: a photo moves 3 pixels a frame to the left, is away for frames 6 to 10 and comes back."""

    WIDTH, HEIGHT, SIZE, BOX = 301, 241, 301 * 241, [79, 43, 166, 130]
    HEADER = b"YUV4MPEG2 W301 H241 F25:1 Ip A1:1 C444 XSOME=THING\n"
    GRAY = bytes([126]) * SIZE + bytes([128]) * 2 * SIZE

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.model = pathlib.Path(folder.name) / "people.ffr"
        run("train", PEOPLE, "-o", cls.model)
        width, height, rows = read_png(ASTRONAUT)
        planes = [[], [], []]
        for row in rows:
            y, cb, cr = bytearray(), bytearray(), bytearray()
            for r, g, b in zip(row[0::3], row[1::3], row[2::3]):
                y.append(round(16 + (65.481 * r + 128.553 * g + 24.966 * b) / 255))
                cb.append(round(128 + (-37.797 * r - 74.203 * g + 112 * b) / 255))
                cr.append(round(128 + (112 * r - 93.786 * g - 18.214 * b) / 255))
            for plane, values in zip(planes, (y, cb, cr)):
                plane.append(bytes(values))
        view = [b"".join(row[100 + 3 * i:100 + 3 * i + cls.WIDTH] for plane in planes for row in plane[40:40 + cls.HEIGHT])
                for i in range(9)]
        cls.frames = view[:6] + [cls.GRAY] * 5 + view[6:]

    def stream(self, frames):
        return self.HEADER + b"".join(b"FRAME\n" + frame for frame in frames)

    def video(self, stream, *arguments, **more):
        return subprocess.run([str(PROGRAM), "video", str(self.model), *map(str, arguments)], input=stream,
                              stderr=subprocess.PIPE, timeout=600, **{"stdout": subprocess.PIPE, **more})

    def check_video(self, result, status, error=None):
        self.check(subprocess.CompletedProcess([], result.returncode, "", result.stderr.decode()), status, error)
        return result.stdout

    def test_json_tells_who_is_in_each_frame(self):
        lines = self.check_video(self.video(self.stream(self.frames), "--json"), DONE).decode().splitlines()
        frames = [json.loads(line) for line in lines]
        self.assertEqual([frame["frame"] for frame in frames], list(range(14)))
        self.assertEqual([frame["time"] for frame in frames[:3]], [0, 0.04, 0.08])
        # Away for more than three searches, it's a new track.
        self.assertEqual([[f["track"] for f in frame["faces"]] for frame in frames], [[1]] * 6 + [[]] * 5 + [[2]] * 3)
        for i, frame in enumerate(frames):
            for face in frame["faces"]:
                self.assertEqual(list(face), ["box", "score", "track", "name", "confidence", "distance"])
                self.assertEqual(face["name"], "eileen_collins")
                self.assertGreater(face["score"], 0)
                if i < 6:
                    for edge, there, shift in zip(face["box"], self.BOX, (3 * i, 0, 3 * i, 0)):
                        self.assertAlmostEqual(edge, there - shift, delta=12)

    def test_the_stream_keeps_all_that_isn_t_drawn_on(self):
        out = self.check_video(self.video(self.stream(self.frames)), DONE)
        self.assertEqual(out[:len(self.HEADER)], self.HEADER)
        size = 6 + 3 * self.SIZE
        self.assertEqual(len(out), len(self.HEADER) + 14 * size)
        for i, frame in enumerate(self.frames):
            start = len(self.HEADER) + i * size
            self.assertEqual(out[start:start + 6], b"FRAME\n")
            drawn = out[start + 6:start + size]
            self.assertTrue((drawn == frame) == (6 <= i <= 10), f"frame {i}")  # and not a megabyte of difference
            if drawn == frame:
                continue
            # A box and a label above it: nothing in the lower rows, nor in the corner of the face.
            for plane in range(3):
                first = plane * self.SIZE
                for y in list(range(10)) + list(range(150, self.HEIGHT)):
                    row = slice(first + y * self.WIDTH, first + (y + 1) * self.WIDTH)
                    self.assertEqual(drawn[row], frame[row])

    def test_the_timeline_tells_who_is_seen_from_when_to_when(self):
        timeline = self.folder / "new" / "who.json"
        self.check_video(self.video(self.stream(self.frames), "--timeline", timeline), DONE)
        self.assertEqual(json.loads(timeline.read_text()), {
            "made_by": "ffr: timeline", "frames": 14, "seconds": 0.56,
            "people": [{"name": "eileen_collins", "track": 1, "from": 0.0, "to": 0.24},
                       {"name": "eileen_collins", "track": 2, "from": 0.44, "to": 0.56}]})
        self.assertEqual(self.only_files(self.folder), ["new/who.json"])

    def test_between_searches_faces_are_followed(self):
        out = self.check_video(self.video(self.stream(self.frames[:6]), "--json", "--every", "4"), DONE)
        faces = [face for line in out.splitlines() for face in json.loads(line)["faces"]]
        self.assertEqual([face["track"] for face in faces], [1] * 6)
        self.assertEqual([face["score"] is None for face in faces], [False, True, True, True, False, True])
        for i, face in enumerate(faces[:4]):
            self.assertAlmostEqual(face["box"][0], faces[0]["box"][0] - 3 * i, delta=2)
            self.assertAlmostEqual(face["box"][1], faces[0]["box"][1], delta=2)

    def test_a_face_that_a_search_misses_keeps_its_name(self):
        coarse = bytearray(self.frames[3])
        for row in range(self.HEIGHT):
            for x in range(0, self.WIDTH, 15):
                start, width = row // 15 * 15 * self.WIDTH + x, min(15, self.WIDTH - x)
                coarse[row * self.WIDTH + x:row * self.WIDTH + x + width] = self.frames[3][start:start + 1] * width
        away = [self.GRAY] * 3
        stream = self.stream(self.frames[:3] + [bytes(coarse)] + self.frames[4:6] + away + self.frames[11:])
        out = self.check_video(self.video(stream, "--json"), DONE)
        frames = [json.loads(line)["faces"] for line in out.splitlines()]
        self.assertEqual([[(f["track"], f["name"], f["score"] is None) for f in faces] for faces in frames],
                         [[(1, "eileen_collins", i == 3)] if i not in (6, 7, 8) else [] for i in range(12)])

    def test_strangers_are_unknown_and_limits_make_more_of_them(self):
        out = self.check_video(self.video(self.stream(self.frames[:2]), "--json", "--distance", "0.01"), DONE)
        self.assertEqual([json.loads(line)["faces"][0]["name"] for line in out.splitlines()], [None, None])

    def test_brightness_alone_will_do_and_a_rate_needn_t_be_told(self):
        stream = b"YUV4MPEG2 W301 H241 Cmono\n" + b"".join(b"FRAME Ip\n" + f[:self.SIZE] for f in self.frames[:2])
        timeline = self.folder / "who.json"
        out = self.check_video(self.video(stream, "--timeline", timeline), DONE)
        self.assertEqual(len(out), len(stream))
        self.assertEqual(out.count(b"FRAME Ip\n"), 2)
        self.assertEqual(json.loads(timeline.read_text()), {
            "made_by": "ffr: timeline", "frames": 2, "seconds": None, "people": [{"name": "eileen_collins", "track": 1, "from": None, "to": None}]})

    def test_a_stream_that_s_cut_off_leaves_what_came_before(self):
        whole = self.stream(self.frames[:3])
        error = "standard input: frame 3 is cut off after 1000 of 217623 bytes"
        timeline = self.folder / "who.json"
        result = self.video(whole + b"FRAME\n" + bytes(1000), "--timeline", timeline)
        self.assertEqual(len(self.check_video(result, SOME_FAILED, error)), len(whole))
        self.assertEqual(json.loads(timeline.read_text())["frames"], 3)
        self.assertEqual(json.loads(timeline.read_text())["people"][0]["to"], 0.12)
        out = self.check_video(self.video(whole + b"FRAME\n" + bytes(1000), "--json"), SOME_FAILED, error)
        self.assertEqual(json.loads(out.splitlines()[3]), {"frame": 3, "error": error})
        self.assertEqual(len(out.splitlines()), 4)

    def test_what_is_no_video_is_refused(self):
        for stream, reason in [(b"", "is empty"), (OBAMA2.read_bytes()[:5000], "isn't YUV4MPEG2|a line of more"),
                               (b"YUV4MPEG2 W99999 H99999 F25:1\n", "99999 x 99999 pixels, more than the limit"),
                               (b"YUV4MPEG2 W64 H64 F25:1 C420p10\n", "colours are 'C420p10'")]:
            result = self.video(stream, "--timeline", self.folder / "who.json")
            self.assertEqual(self.check_video(result, SOME_FAILED, "ffr: standard input: .*(" + reason + ")"), b"")
        self.assertEqual(self.only_files(self.folder), [])

    def test_a_video_without_frames_or_with_tiny_ones_is_none_the_worse(self):
        for stream in (self.HEADER, b"YUV4MPEG2 W1 H1 F25:1 C420jpeg\n" + b"FRAME\nabc" * 3):
            self.assertEqual(self.check_video(self.video(stream), DONE), stream)

    def test_an_output_that_can_t_be_written_is_a_failure(self):
        stream, error = self.stream(self.frames), "ffr: can't write to standard output"
        timeline = self.folder / "who.json"
        with open("/dev/full", "w") as full:
            self.check_video(self.video(stream, "--timeline", timeline, stdout=full), SOME_FAILED, error)
        self.assertEqual(json.loads(timeline.read_text())["frames"], 1)
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as gone:
            self.check_video(self.video(stream, stdout=gone), SOME_FAILED, error)
        (self.folder / "file").touch()
        result = self.video(stream, "--timeline", self.folder / "file" / "who.json")
        self.assertEqual(len(self.check_video(result, SOME_FAILED, "file")), len(stream))

    def test_an_interrupted_video_ends_after_a_frame(self):
        timeline = self.folder / "who.json"
        with subprocess.Popen([str(PROGRAM), "video", str(self.model), "--timeline", str(timeline)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdin.write(self.stream(self.frames[:1]))
            process.stdin.flush()
            out = process.stdout.read(len(self.stream(self.frames[:1])))
            process.send_signal(signal.SIGINT)
            rest, error = process.communicate(self.stream(self.frames[1:3])[len(self.HEADER):])
        self.assertEqual((len(out), rest, process.returncode), (len(self.stream(self.frames[:1])), b"", 128 + signal.SIGINT))
        self.assertEqual(error.decode(), "ffr: stopped after 1 frame\n")
        self.assertEqual(json.loads(timeline.read_text())["frames"], 1)

    def test_wrong_usage(self):
        before = self.model.read_bytes()
        self.check_video(self.video(b"", "--timeline", self.model), WRONG_USAGE, "is the model")
        self.assertEqual(self.model.read_bytes(), before)
        self.check_video(self.video(b"", "--every", "0"), WRONG_USAGE)
        self.check(run("video"), WRONG_USAGE)
        self.check(run("video", PROJECT / "weights" / "resnet29.ffr"), SOME_FAILED, "not a model made by `ffr train`")

    @staticmethod
    def to_matrix(matrix):
        """The filter that docs/video.md gives to ffmpeg."""
        [documented] = re.findall(r"^ffmpeg .*(-vf scale=\S*).* yuv4mpegpipe", (PROJECT / "docs" / "video.md").read_text(), re.M)
        return documented.replace("bt709", matrix)

    @unittest.skipUnless(shutil.which("ffmpeg") and shutil.which("ffprobe"), "ffmpeg isn't installed")
    def test_ffmpeg_converts_colours_to_what_is_read(self):
        # Sixteen colours, each in a field large enough that its neighbours don't mix in.
        colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255), (255, 255, 255),
                   (0, 0, 0), (200, 30, 60), (30, 180, 90), (40, 70, 210), (224, 172, 140), (128, 64, 32), (90, 120, 200),
                   (250, 128, 10), (128, 128, 128)]
        kr_kb = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}
        for width, height, matrix in [(1280, 720, "bt709"), (640, 480, "bt601")]:
            rows = [b"".join(bytes(c) * (width // 4) for c in colours[4 * i:4 * i + 4]) * (height // 4) for i in range(4)]
            (self.folder / "in.ppm").write_bytes(b"P6 %d %d 255\n" % (width, height) + b"".join(rows))
            for name, tag, full in [("bt601", "smpte170m", "tv"), ("bt709", "bt709", "tv"), ("bt2020", "bt2020nc", "tv"),
                                    ("bt709", "bt709", "pc")]:
                with self.subTest(height=height, tag=tag, range=full):
                    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", "in.ppm", "-vf", f"scale=out_color_matrix={name}:"
                                    f"out_range={full}:flags=accurate_rnd+full_chroma_int,format=yuv420p", "-c:v", "ffv1",
                                    "-colorspace", tag, "-color_range", full, "in.mkv"], check=True, cwd=self.folder)
                    told = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=color_space,color_range",
                                           "-of", "csv=p=0", "in.mkv"], cwd=self.folder, capture_output=True, text=True)
                    self.assertEqual(told.stdout.strip(), f"{full},{tag}")
                    stream = subprocess.run(f"ffmpeg -v error -i in.mkv {self.to_matrix(matrix)} -f yuv4mpegpipe "
                                            "-pix_fmt yuv420p -", shell=True, check=True, cwd=self.folder,
                                            capture_output=True).stdout
                    header, frame, planes = stream.split(b"\n", 2)
                    self.assertNotIn(b"RANGE=FULL", header)
                    self.assertEqual(frame, b"FRAME")
                    y, cb, cr = (planes[:width * height], planes[width * height:width * height * 5 // 4],
                                 planes[width * height * 5 // 4:])
                    for i, rgb in enumerate(colours):
                        column, row = (2 * (i % 4) + 1) * width // 8, (2 * (i // 4) + 1) * height // 8
                        luma = (y[row * width + column] - 16) / 219
                        blue, red = (plane[row // 2 * (width // 2) + column // 2] / 224 - 128 / 224 for plane in (cb, cr))
                        kr, kb = kr_kb[matrix]
                        r, b = luma + (2 - 2 * kr) * red, luma + (2 - 2 * kb) * blue
                        shown = (r, (luma - kr * r - kb * b) / (1 - kr - kb), b)
                        for value, wanted in zip(shown, rgb):
                            self.assertLessEqual(abs(min(max(255 * value, 0), 255) - wanted), 3, (rgb, shown))

    @unittest.skipUnless(shutil.which("ffmpeg") and shutil.which("ffprobe"), "ffmpeg isn't installed")
    def test_ffmpeg_stands_at_both_ends(self):
        obama = PEOPLE / "barack_obama" / "obama.jpg"
        move = ("[0]scale=280:-2[a];[1]crop=260:260:90:20,scale=w='2*trunc((240+60*sin(t))/2)':h=-2:eval=frame[b];"
                "[2][a]overlay=x='10+10*t':y=40[c];[c][b]overlay=x='370-15*t':y='120+40*sin(2*t)'")
        ffmpeg = ["ffmpeg", "-v", "error"]
        subprocess.run([*ffmpeg, "-loop", "1", "-framerate", "10", "-i", obama, "-loop", "1", "-framerate", "10", "-i",
                        ASTRONAUT, "-f", "lavfi", "-i", "color=gray:s=640x480:r=10", "-filter_complex", move, "-t", "2",
                        "-pix_fmt", "yuv420p", "in.mp4"], check=True, cwd=self.folder)
        pipe = (f'set -o pipefail; ffmpeg -v error -i in.mp4 {self.to_matrix("bt601")} -f yuv4mpegpipe -pix_fmt yuv420p - | '
                '"$0" video "$1" --every 2 --timeline who.json | ffmpeg -v error -i - out.mp4')
        result = subprocess.run(["bash", "-c", pipe, str(PROGRAM), str(self.model)], cwd=self.folder, capture_output=True,
                                text=True)
        self.check(result, DONE)
        people = json.loads((self.folder / "who.json").read_text())["people"]
        self.assertEqual([(person["name"], person["from"], person["to"]) for person in people],
                         [("barack_obama", 0.0, 1.9), ("eileen_collins", 0.0, 1.9)])
        played = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-of", "csv=p=0", "-show_entries",
                                 "stream=width,height,nb_read_frames", "out.mp4"], cwd=self.folder, capture_output=True,
                                text=True)
        self.assertEqual((played.stdout.strip(), played.stderr), ("640,480,20", ""))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
