#!/bin/sh
# Installs what is missing, builds Penstock and starts the demo. Arguments go to `penstock demo`.
set -eu
cd "$(dirname "$0")/.."
sh third_party/setup.sh
cmake --preset release
cmake --build --preset release --target penstock
exec build/release/penstock demo "$@"
