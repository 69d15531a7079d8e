#!/usr/bin/env bash
# Builds the core tests for other CPUs by Debian's cross compilers, runs them under qemu and prints a table. For a release:
#   apt-get install qemu-user g++-aarch64-linux-gnu g++-arm-linux-gnueabihf g++-i686-linux-gnu g++-s390x-linux-gnu
#   scripts/cpus.sh            all of them
#   scripts/cpus.sh s390x      one
set -uo pipefail
cd "$(dirname "$0")/.."
out=build/cpus
mkdir -p "$out/include"
# Headers that are the same for every CPU; /usr/include itself is this machine's.
for headers in doctest nlohmann stb; do cp -r "/usr/include/$headers" "$out/include/"; done

sources=(tests/main.cpp)
for name in exact_kernels face_detector halving hog image landmarks leaves resize sampling similarity svm weights; do
  sources+=("tests/unit/${name}_test.cpp")
done
for name in crops detector hog landmarks pyramid; do sources+=("tests/golden/${name}_golden_test.cpp"); done

# name, compiler, what runs it. The last runs this machine's own program on a CPU that has no AVX.
targets=(
  "aarch64|aarch64-linux-gnu-g++|qemu-aarch64 -cpu max"
  "armhf|arm-linux-gnueabihf-g++|qemu-arm"
  "i386|i686-linux-gnu-g++ -msse2 -mfpmath=sse|qemu-i386"
  "s390x|s390x-linux-gnu-g++|qemu-s390x"
  "no-avx|g++|qemu-x86_64 -cpu Nehalem"
)
status=0
echo "| CPU | compiler | run by | core tests |"
echo "| --- | --- | --- | --- |"
for target in "${targets[@]}"; do
  IFS='|' read -r name compiler run <<<"$target"
  [ $# -eq 0 ] || [ "$1" = "$name" ] || continue
  build() {
    local objects=()
    for source in "${sources[@]}"; do
      local object="$out/$name-$(basename "$source" .cpp).o"
      $compiler -std=c++17 -O1 -Iinclude -isystem "$out/include" -isystem "$out/include/stb" \
        -DFFR_TEST_DIR="\"$PWD/tests\"" -DFFR_WEIGHTS_DIR="\"$PWD/weights\"" -c "$source" -o "$object" || return 1
      objects+=("$object")
    done
    $compiler -static "${objects[@]}" -lpthread -o "$out/$name"
  }
  result="**doesn't compile**"
  if build 2>"$out/$name.log"; then
    if $run "$out/$name" --no-path-filenames >"$out/$name.log" 2>&1; then
      result="$(grep -oE '[0-9]+ passed' "$out/$name.log" | head -1)"
    else
      result="**fail**: $(grep -oE '[0-9]+ failed' "$out/$name.log" | head -1), see $out/$name.log"
    fi
  fi
  [[ $result == \*\** ]] && status=1
  echo "| $name | $compiler $($compiler -dumpversion) | $run | $result |"
done
exit $status
