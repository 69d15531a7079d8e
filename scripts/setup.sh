#!/usr/bin/env bash
# Installs what building ffr needs, where that is missing. demo.sh, test.sh and book.sh call it; there's no need to call it yourself.
#
#   bash scripts/setup.sh          compiler, CMake, Eigen, stb, CLI11, nlohmann/json, OpenSSL
#   bash scripts/setup.sh tests    doctest, Python and pkg-config too
#   bash scripts/setup.sh book     what scripts/book.sh needs: Python, aspell
#   bash scripts/setup.sh ci       all of these, clang, its formatter and its checker, Doxygen, OpenBLAS, Google Benchmark, ffmpeg, strace, valgrind
set -euo pipefail

apt_packages=(g++ cmake ninja-build libeigen3-dev libstb-dev libcli11-dev nlohmann-json3-dev libssl-dev)
brew_packages=(cmake ninja eigen stb cli11 nlohmann-json openssl)
case "${1:-}" in
  tests | ci)
    apt_packages+=(doctest-dev pkg-config python3 python3-venv)
    brew_packages+=(doctest pkg-config python)
    ;;&
  ci) apt_packages+=(clang libclang-rt-dev clang-format clang-tidy doxygen libopenblas-dev libbenchmark-dev ffmpeg strace valgrind) ;;&
  ci | book)
    apt_packages+=(python3 python3-venv aspell aspell-en)
    brew_packages+=(python aspell)
    ;;
esac

if command -v apt-get >/dev/null; then
  missing=()
  for package in "${apt_packages[@]}"; do
    [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && exit 0
  echo "Installing ${missing[*]}"
  root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "setup.sh: needs root or sudo to install: ${missing[*]}" >&2; exit 1; }
    root=(sudo)
  fi
  "${root[@]}" apt-get -o DPkg::Lock::Timeout=600 update -qq
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
elif command -v brew >/dev/null; then
  for package in "${brew_packages[@]}"; do
    brew list "$package" >/dev/null 2>&1 || brew install "$package" ||
      echo "setup.sh: Homebrew couldn't install $package; CMake will tell if it's missing" >&2
  done
else
  missing=()
  for command in c++ cmake ninja; do command -v "$command" >/dev/null || missing+=("$command"); done
  echo "setup.sh: this system has neither apt nor Homebrew. ffr needs a C++17 compiler, CMake 3.21, Ninja, Eigen 3.3," >&2
  echo "stb_image.h and stb_image_write.h, CLI11, nlohmann/json, OpenSSL and, for the tests, doctest, pkg-config and Python 3." >&2
  if [ ${#missing[@]} -gt 0 ]; then
    echo "Of these, missing for certain: ${missing[*]}" >&2
    exit 1
  fi
  echo "Trying with what is here; CMake will name what it can't find." >&2
fi
