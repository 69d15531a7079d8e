#!/usr/bin/env python3
"""Leaves of Markdown, from standard input, what is to be read as words: no code, formulas, links' targets, tags or names in
CamelCase, snake_case and capitals."""

import re
import sys

text = sys.stdin.read()
for pattern in (r"^```.*?^```", r"^~~~.*?^~~~"):
    text = re.sub(pattern, " ", text, flags=re.DOTALL | re.MULTILINE)
for pattern in (
    r"\$\$.*?\$\$",
    r"(?<!\\)\$[^$\n]+\$",
    r"`[^`]*`",
    r"\]\([^)]*\)",
    r"<[^>]*>",
    r"https?://\S+",
    r"[\w-]+(\.\w+)+",  # names of files
    r"\b[\w-]*[_0-9/][\w-]*\b",  # names in code, sizes, versions
    r"\b\w*[a-z][A-Z]\w*\b",
    r"\b[A-Z]{2,}s?\b",
):
    text = re.sub(pattern, " ", text, flags=re.DOTALL)
print(text)
