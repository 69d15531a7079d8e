"""The bar of progress fits the terminal."""

import errno
import fcntl
import os
import pty
import select
import shutil
import struct
import sys
import termios
import unittest

from harness import ASTRONAUT, CliTest, PROGRAM


class Terminals(CliTest):
    """The bar fits the terminal."""

    def on_terminal(self, columns, resize_to=None, **environment):
        photos = self.folder / "photos"
        photos.mkdir(exist_ok=True)
        for i in range(12):
            shutil.copy(ASTRONAUT, photos / f"{i}.png")
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(str(PROGRAM), [str(PROGRAM), "represent", str(photos), "--json", "--threads", "1"],
                      {**os.environ, "TERM": "xterm", **environment})
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        out = b""
        while True:
            try:
                if select.select([terminal], [], [], 60)[0]:
                    data = os.read(terminal, 65536)
            except OSError as error:
                self.assertEqual(error.errno, errno.EIO)  # the end, on Linux
                break
            if not data:
                break
            out += data
            if resize_to and out.count(b" left") >= 3:
                fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, resize_to, 0, 0))
        os.close(terminal)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        return [bar.split(b"\x1b")[0] for bar in out.split(b"\r") if b"/12" in bar]

    def test_the_bar_is_narrower_than_the_terminal(self):
        for columns in (20, 40, 60, 80, 300):
            bars = self.on_terminal(columns)
            self.assertGreater(len(bars), 5)
            self.assertLess(max(map(len, bars)), columns)

    def test_the_bar_follows_the_width(self):
        bars = self.on_terminal(80, resize_to=30)
        self.assertGreater(max(map(len, bars)), 30)
        self.assertLess(len(bars[-1]), 30)

    def test_a_terminal_that_can_t_take_a_line_back_gets_no_bar(self):
        self.assertEqual(self.on_terminal(80, TERM="dumb"), [])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
