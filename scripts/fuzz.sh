#!/usr/bin/env bash
# Fuzzes every reader: replays what was found before, then tries new input for some seconds each, two at a time. Chance
# begins at the same number, unless SEED says otherwise; 0 is a new one each time.
#
#   bash scripts/fuzz.sh [SECONDS] [NAME...]      20 seconds of all, or of those named: weights, model, photo, ...
#
# New input that's worth keeping goes to build/fuzz/found/NAME; what breaks a reader is build/fuzz/crashes/NAME-...
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-20}
shift || true

bash scripts/setup.sh ci
cmake --preset sanitizers >/dev/null
cmake --build build/sanitizers --target fuzzers
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for fuzzer in tests/fuzz/*_fuzzer.cpp; do
    name=${fuzzer##*/}
    names+=("${name%_fuzzer.cpp}")
  done
fi

rm -rf build/fuzz/seeds
build/sanitizers/fuzz/make_seeds build/fuzz/seeds
mkdir -p build/fuzz/crashes

run() {
  local name=$1 seconds=$2 folder=build/fuzz fuzzer=build/sanitizers/fuzz/$1_fuzzer
  [ -x "$fuzzer" ] || { echo "fuzz.sh: there's no fuzzer '$name'" >&2; return 1; }
  mkdir -p "$folder/found/$name" "$folder/seeds/$name" "tests/fuzz/corpus/$name"
  local options=(-seed="${SEED:-1}" -timeout=120 -rss_limit_mb=2048 -artifact_prefix="$folder/crashes/$name-" -print_final_stats=1)
  [ -f "tests/fuzz/$name.dict" ] && options+=("-dict=tests/fuzz/$name.dict")
  local known=("tests/fuzz/corpus/$name" "$folder/seeds/$name")
  # Replayed first, so that one that's known is told as such.
  "$fuzzer" "${options[@]}" -runs=0 "${known[@]}" >"$folder/$name.log" 2>&1 &&
    "$fuzzer" "${options[@]}" -max_total_time="$seconds" "$folder/found/$name" "${known[@]}" \
      >>"$folder/$name.log" 2>&1 || {
    tail -40 "$folder/$name.log" >&2
    echo "$name: FAILED, see $folder/$name.log and $folder/crashes" >&2
    return 1
  }
  echo "$name: $(grep -a number_of_executed_units "$folder/$name.log" | tail -1 | grep -o '[0-9]*$') runs"
}
export -f run
printf '%s\n' "${names[@]}" | xargs -P 2 -I{} bash -c "run {} $seconds"
