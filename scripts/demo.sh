#!/usr/bin/env bash
# Builds ffr and shows the whole way from a photo to a name. Installs what's missing; all it needs is a network for that.
#
#   bash scripts/demo.sh [FOLDER]    the page and its pictures go to FOLDER, by default ffr-demo
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
cmake --preset release -DFFR_BUILD_TESTS=OFF
cmake --build build
build/bin/ffr demo -o "${1:-ffr-demo}"
