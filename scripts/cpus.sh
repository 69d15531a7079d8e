#!/usr/bin/env bash
# Builds the core tests for other CPUs and systems by Debian's cross compilers, runs them under emulators and prints a table.
# What isn't installed is left out and said so. For a release:
#   apt-get install qemu-user wine g++-mingw-w64-x86-64-posix emscripten nodejs \
#     g++-aarch64-linux-gnu g++-arm-linux-gnueabihf g++-i686-linux-gnu g++-s390x-linux-gnu
#   scripts/cpus.sh            all of them
#   scripts/cpus.sh s390x      one
set -uo pipefail
cd "$(dirname "$0")/.."
out=build/cpus
rm -rf "$out"/*-objects
mkdir -p "$out/include"
# Headers that are the same for every CPU; /usr/include itself is this machine's.
for headers in doctest nlohmann stb; do cp -r "/usr/include/$headers" "$out/include/"; done
export WINEPREFIX="$PWD/$out/wine" WINEDEBUG=-all

sources=(tests/main.cpp)
for name in exact_kernels face_detector halving hog image image_io landmarks leaves resize sampling similarity simd_layers svm \
  threads weights_file; do
  sources+=(tests/unit/*/"${name}_test.cpp")
done
for name in crops detector hog landmarks pyramid; do sources+=("tests/golden/${name}_golden_test.cpp"); done

# name | compiler | what it links with | what runs it | which tests, if not all
targets=(
  "avx512|g++|-static|env FFR_SIMD=avx512|"
  "avx2|g++|-static|env FFR_SIMD=avx2|"
  "sse2|g++|-static|env FFR_SIMD=sse2|"
  "scalar|g++|-static|env FFR_SIMD=scalar|"
  "no-avx|g++|-static|qemu-x86_64 -cpu Nehalem|"
  "i386|i686-linux-gnu-g++ -msse2 -mfpmath=sse|-static|qemu-i386|"
  "aarch64|aarch64-linux-gnu-g++|-static|qemu-aarch64 -cpu max|"
  "armhf|arm-linux-gnueabihf-g++|-static|qemu-arm|"
  # All tests would take an hour. These read files, whose bytes are in the other order than the CPU's.
  "s390x|s390x-linux-gnu-g++|-static|qemu-s390x|--source-file=*/weights_*,*/svm_*,*/image_*,*/similarity_*,*/halving_*,*/leaves_*"
  "windows|x86_64-w64-mingw32-g++-posix|-static|wine|"
  "windows-avx|x86_64-w64-mingw32-g++-posix -DFFR_WINDOWS_AVX|-static|wine|"
  # The flag of node is for emscripten 3.1.6, which takes a node with fetch for a browser.
  "wasm|em++ -msimd128 -pthread -fexceptions|-sPROXY_TO_PTHREAD -sEXIT_RUNTIME -sNODERAWFS -sINITIAL_MEMORY=2147418112|node --no-experimental-fetch|"
)

# build COMPILER LINK PROGRAM: once for all targets of the same compiler.
build() {
  local objects="$out/${1//[^a-zA-Z0-9]/_}-objects"
  if [ ! -e "$objects" ]; then
    mkdir -p "$objects"
    printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -I{} sh -c "$1 -std=c++17 -O1 -Iinclude -Itests/unit \
      -isystem '$out/include' -isystem '$out/include/stb' -DFFR_TEST_DIR='\"$PWD/tests\"' \
      -DFFR_WEIGHTS_DIR='\"$PWD/weights\"' -c {} -o '$objects'/\$(basename {} .cpp).o" || { rm -r "$objects"; return 1; }
  fi
  $1 $2 "$objects"/*.o -o "$3"
}

status=0
echo "| system | compiler | run by | core tests |"
echo "| --- | --- | --- | --- |"
for target in "${targets[@]}"; do
  IFS='|' read -r name compiler link run tests <<<"$target"
  [ $# -eq 0 ] || [ "$1" = "$name" ] || continue
  program="$out/$name" log="$out/$name.log"
  [[ $name == wasm ]] && program+=".js"
  [[ $name == windows* ]] && program+=".exe"
  [[ $run == qemu-* ]] && ! command -v "${run%% *}" >/dev/null && run="${run/#${run%% *}/${run%% *}-static}"
  if ! command -v "${compiler%% *}" >/dev/null || ! command -v "${run%% *}" >/dev/null; then
    echo "| $name | ${compiler%% *} | ${run%% *} | not installed |"
    continue
  fi
  if ! build "$compiler" "$link" "$program" >"$log" 2>&1; then
    result="**doesn't compile**, see $log"
  elif $run "$program" --no-path-filenames --no-colors ${tests:+"$tests"} >"$log" 2>&1; then
    result="$(grep -oE '[0-9]+ passed' "$log" | head -1)"
  elif grep -q "isn't a path of this machine" "$log"; then
    result="not on this machine"
  else
    result="**fail**: $(grep -oE '[0-9]+ failed' "$log" | head -1), see $log"
  fi
  [[ $result == \*\** ]] && status=1
  echo "| $name | $compiler $(${compiler%% *} -dumpversion) | $run | $result |"
done
exit $status
