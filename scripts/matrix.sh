#!/usr/bin/env bash
# All compilers, language versions, SIMD paths, CPUs and systems that this machine has or can emulate, in one table each: see
# compilers.sh and cpus.sh, which also tell what to install. Takes long: emulators are slow.
#   scripts/matrix.sh > tables.md
set -uo pipefail
cd "$(dirname "$0")"
status=0
./compilers.sh || status=1
echo
./cpus.sh || status=1
exit $status
