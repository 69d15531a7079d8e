#!/usr/bin/env bash
# Compiles the one header by every g++ and clang++ that's installed, MinGW's and emscripten's among them, in each language
# version from C++17 on, with all warnings as errors, and prints a table. Before a release, install all that Debian has:
#   apt-get install g++-11 clang-13 clang-14 clang-15 clang-16 clang-19 g++-mingw-w64-x86-64-posix emscripten
set -uo pipefail
cd "$(dirname "$0")/.."
stb=$(find /usr/include /usr/local/include -name stb_image.h -printf '%h' -quit)
# Found by name, newest names last; plain g++ and clang++ are among them.
compilers=$(compgen -c | grep -xE '(g|clang)\+\+-[0-9]+|x86_64-w64-mingw32-g\+\+-posix|em\+\+' | sort -uV)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
echo "| compiler | C++17 | C++20 | C++23 |"
echo "| --- | --- | --- | --- |"
for compiler in $compilers; do
  row="| $("$compiler" --version | head -1) |"
  for standard in 17 20 2b; do
    if "$compiler" "-std=c++$standard" -O2 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Isingle_include \
      -isystem "$stb" -c tests/single_include/one.cpp -o /dev/null 2>"$log"; then
      row+=" clean |"
    else
      row+=" **fails** |"
      status=1
      { echo "$compiler, C++$standard:"; head -20 "$log"; } >&2
    fi
  done
  echo "$row"
done
exit $status
