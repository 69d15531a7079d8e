#!/usr/bin/env bash
# Makes the book's site out of docs/book: build/book/index.html. Spelling and links have to be right.
#
# Installs what it needs, and fetches mkdocs (BSD), its theme and latex2mathml (MIT) from PyPI.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh book

misspelt=$(cat README.md SECURITY.md docs/*.md docs/book/*.md | python3 scripts/prose.py |
  aspell list --lang=en_GB --encoding=utf-8 --ignore-case --personal="$PWD/docs/words.txt" | sort -u)
if [ -n "$misspelt" ]; then
  echo "book.sh: misspelt, or missing in docs/words.txt:" $misspelt >&2
  exit 1
fi

[ -x build/book-tools/bin/mkdocs ] || python3 -m venv build/book-tools
build/book-tools/bin/pip install --quiet --requirement docs/requirements.txt
NO_MKDOCS_2_WARNING=1 build/book-tools/bin/mkdocs --quiet build --strict --config-file docs/mkdocs.yml --site-dir "$PWD/build/book"
echo "build/book/index.html"
