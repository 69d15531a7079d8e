#!/usr/bin/env bash
# Makes the Debian packages ffr, libffr0 and libffr-dev from the last commit, and checks them with lintian.
#
#   bash packaging/debian/build.sh [FOLDER]    packages and source package go to FOLDER, by default build/debian
#
# Needs what packaging/debian/control names under Build-Depends, and lintian.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p "${1:-build/debian}"
folder=$(realpath "${1:-build/debian}")
version=$(sed -n '1s/.*(\(.*\)-.*/\1/p' packaging/debian/changelog)

git archive --prefix="ffr-$version/" --output="$folder/ffr_$version.orig.tar.gz" HEAD
rm -rf "$folder/ffr-$version"
tar -xzf "$folder/ffr_$version.orig.tar.gz" -C "$folder"
cd "$folder/ffr-$version"
cp -r packaging/debian debian
rm debian/build.sh
dpkg-buildpackage --unsigned-source --unsigned-changes
# No bug report of Debian's asks for the package.
lintian --suppress-tags initial-upload-closes-no-bugs --fail-on error,warning "../ffr_$version"*.changes
