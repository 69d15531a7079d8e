#!/usr/bin/env bash
# Makes the packages from the last commit, and builds consumer/ from each: Debian, Conan, CPack; and from the sources, with
# sanitizers. For before a release: it takes ten minutes and needs root, to install the Debian packages and remove them again.
#
#   bash tests/packages/test_release.sh
#
# Needs what scripts/setup.sh installs, and: apt-get install debhelper lintian python3-venv clang libclang-rt-dev
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
photo=$PWD/photos/people/eileen_collins/astronaut.png

# use NAME PREFIX: finds ffr in PREFIX and a face in the photo.
use() {
  cmake -G Ninja -S tests/packages/consumer -B "$work/use $1" -DCMAKE_PREFIX_PATH="$2" >/dev/null
  cmake --build "$work/use $1" >/dev/null
  [ "$("$work/use $1/consumer-embedded" "$photo")" = "[179 83 266 170]" ]
  echo "ok: $1"
}

# use_sources NAME CC CXX FLAGS: the same from the sources, with all of the C interface, in a build of type Debug.
use_sources() {
  cmake -G Ninja -S tests/packages/consumer -B "$work/use $1" -DFFR_FROM=add_subdirectory -DFFR_SOURCE="$PWD" \
    -DFFR_BUILD_C_LIBRARY=ON -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER="$2" -DCMAKE_CXX_COMPILER="$3" \
    -DCMAKE_C_FLAGS="$4" -DCMAKE_CXX_FLAGS="$4" >/dev/null
  cmake --build "$work/use $1" >/dev/null
  [ "$("$work/use $1/consumer" weights "$photo")" = "[179 83 266 170]" ]
  [ "$("$work/use $1/consumer-embedded" "$photo")" = "[179 83 266 170]" ]
  "$work/use $1/consumer-c_shared"
  "$work/use $1/consumer-c_static"
  echo "ok: $1"
}

echo "== The sources, unoptimised and with sanitizers"
use_sources "g++ Debug" gcc g++ ""
use_sources "clang++ sanitizers" clang clang++ "-fsanitize=address,undefined -fno-sanitize-recover=all"
use_sources "g++ sanitizers" gcc g++ "-fsanitize=address,undefined -fno-sanitize-recover=all"

echo "== Debian"
bash packaging/debian/build.sh "$work/debian"
apt-get install -y --no-install-recommends "$work"/debian/*.deb >/dev/null
remove() { apt-get remove -y ffr libffr0 libffr-dev >/dev/null; }
trap 'remove; rm -rf "$work"' EXIT
ffr detect "$photo"
ffr info | grep -q "/usr/share/ffr/weights/resnet29.ffr: resnet29"
use Debian /usr
g++ -std=c++17 tests/packages/consumer/main.cpp $(pkg-config --cflags --libs ffr) -o "$work/by pkg-config"
"$work/by pkg-config" "$(pkg-config --variable=weightsdir ffr)" "$photo"
cc tests/packages/consumer/version.c $(pkg-config --cflags --libs ffr-c) -o "$work/in C"
"$work/in C"
remove
trap 'rm -rf "$work"' EXIT

echo "== Conan"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet conan
export CONAN_HOME=$work/conan
"$work/venv/bin/conan" profile detect
"$work/venv/bin/conan" create packaging/conan
"$work/venv/bin/conan" create packaging/conan -o "ffr/*:shared=True"

echo "== CPack"
cmake --preset release -B "$work/build" -DFFR_BUILD_TESTS=OFF >/dev/null
cmake --build "$work/build"
for generator in TGZ ZIP DEB; do
  (cd "$work/build" && cpack -G "$generator" >/dev/null)
done
mkdir "$work/tgz" "$work/zip" "$work/deb"
tar -xzf "$work"/build/*.tar.gz -C "$work/tgz"
(cd "$work/zip" && cmake -E tar xf "$work"/build/*.zip)
dpkg-deb --extract "$work"/build/*.deb "$work/deb"
use "CPack's tar.gz" "$(echo "$work"/tgz/*)"
use "CPack's zip" "$(echo "$work"/zip/*)"
use "CPack's deb" "$work/deb/usr"
