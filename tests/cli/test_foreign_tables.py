"""Tables that a spreadsheet or another system wrote."""

import sys
import unittest

from harness import CliTest, DONE, PEOPLE, SOME_FAILED, run


class ForeignTables(CliTest):
    """Tables that a spreadsheet or another system wrote."""

    def setUp(self):
        super().setUp()
        self.tables = self.folder / "tables"
        self.check(run("represent", PEOPLE, "-o", self.tables), DONE)
        self.check(run("train", self.tables, "-o", self.folder / "model"), DONE)
        self.labels, self.reps = ((self.tables / name).read_text().splitlines() for name in ("labels.csv", "reps.csv"))

    def train(self, labels=None, reps=None, status=DONE, error=None, same=True, encoding="utf-8"):
        for name, lines in (("labels.csv", labels or self.labels), ("reps.csv", reps or self.reps)):
            (self.tables / name).write_bytes("".join(lines).encode(encoding) if isinstance(lines, str)
                                             else ("\n".join(lines) + "\n").encode(encoding))
        other = self.folder / "other"
        other.unlink(missing_ok=True)
        self.check(run("train", self.tables, "-o", other), status, error)
        if status == DONE and same:
            self.assertEqual(other.read_bytes(), (self.folder / "model").read_bytes())

    def test_byte_order_marks_line_ends_quotes_and_headers(self):
        bom = "\ufeff"
        crlf = "\r\n".join(self.labels) + "\r\n", "\r\n".join(self.reps) + "\r\n"
        self.train(*crlf)
        self.train(bom + crlf[0], bom + crlf[1])
        quoted = ['"' + line.replace(",", '","') + '"' for line in self.labels]
        self.train(quoted, ['"' + line.replace(",", '","') + '"' for line in self.reps])
        self.train(["label,path", *self.labels], [",".join(f"x{i}" for i in range(128)), *self.reps])
        self.train([bom + "label,path", *self.labels])
        self.train(reps=[",".join(map(str, range(128))), *self.reps])  # pandas counts columns

    def test_further_columns_where_they_do_no_harm(self):
        self.train([line + ",a note,3" for line in self.labels], [line + "," for line in self.reps])
        self.train(["name,id,Path", *(f"x,{line}" for line in self.labels)])
        numbered = [f"{i},{line}" for i, line in enumerate(self.reps)]
        self.train(reps=numbered)
        self.train(reps=["," + ",".join(map(str, range(128))), *numbered])
        self.train(reps=[f"7,{line}" for line in self.reps], status=SOME_FAILED,
                   error="reps.csv: row 1 should have 128 numbers, not 129")

    def test_paths_of_windows(self):
        def windows(line):
            number, path = line.split(",", 1)
            return number + ",C:" + path.replace("/", "\\")
        self.train([windows(line) for line in self.labels])
        self.train([windows(line).replace("C:\\", "\\\\server\\share\\") for line in self.labels])
        self.train([f"{i},{path.split('/', 1)[1].replace('/', chr(92))}" for i, path in
                    (line.split(",", 1) for line in self.labels)])
        self.train([line.replace(",/", ",D:/") for line in self.labels])
        # A folder that was named with '/' has both; each row's last one tells.
        self.train([line[:line.rindex("/")] + "\\" + line[line.rindex("/") + 1:] for line in self.labels])
        odd = "1,photos/barack_obama/a\\b.jpg"  # elsewhere a backslash is a letter like others
        self.train([odd, *self.labels[1:]])

    def test_what_is_refused_is_named_with_its_reason(self):
        self.train(encoding="utf-16", status=SOME_FAILED, error="labels.csv: is UTF-16 text: save it as CSV in UTF-8")
        self.train([line.replace(",", ";") for line in self.labels], status=SOME_FAILED,
                   error="labels.csv: has ';' between its fields: save it with commas")
        self.train(reps=[line.replace(",", ";") for line in self.reps], status=SOME_FAILED,
                   error="reps.csv: has ';' between its fields")
        self.train([self.labels[0], "2"] + self.labels[2:], status=SOME_FAILED,
                   error="labels.csv: row 2 should have a number and a path")
        self.train(["label,path", *self.labels[1:]], status=SOME_FAILED, error="reps.csv: has 4 rows, but labels.csv has 3")

    def test_our_own_tables_are_the_same_bytes_everywhere(self):
        for name in ("labels.csv", "reps.csv", "source.json"):
            data = (self.tables / name).read_bytes()
            self.assertNotIn(b"\r", data)
            self.assertNotIn(b"\\", data)
            self.assertTrue(data.endswith(b"\n"))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
