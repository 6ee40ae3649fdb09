#!/bin/sh
# Builds a release, measures it next to its peers and prints a table; bench/README.md explains it.
# Usage: sh bench/run.sh [--write] [--runs N] [--seconds S] [ROW...]
#   --write      puts the table into bench/README.md as well
#   --runs N     pairs of runs a row (default 3)
#   --seconds S  starts no further row after so many (default: what keeps all within ten minutes)
set -eu
cd "$(dirname "$0")/.."
began=$(date +%s)

have() { command -v "$1" >/dev/null 2>&1; }

# Puts the first node >= 18 of PATH in front, so that an old one before it does not matter.
use_node() {
    old_ifs=$IFS
    IFS=:
    for dir in $PATH; do
        major=$("$dir/node" -p 'process.versions.node.split(".")[0]' 2>/dev/null) || continue
        if [ "$major" -ge 18 ]; then
            PATH=$dir:$PATH
            IFS=$old_ifs
            return 0
        fi
    done
    IFS=$old_ifs
    return 1
}

install() {
    [ -n "$*" ] || return 0
    as_root=
    [ "$(id -u)" = 0 ] || as_root=sudo
    $as_root apt-get -q update >&2 &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$@" >&2
}

sh third_party/setup.sh
missing=
use_node || missing="$missing nodejs"
have npm || missing="$missing npm"
have wrk || missing="$missing wrk"
# shellcheck disable=SC2086 # a list of words
install $missing

cmake --preset release -B build/bench -DPENSTOCK_BENCH=ON -DPENSTOCK_TESTS=OFF >&2
cmake --build build/bench -j "$(nproc)" >&2
[ bench/node_modules/.package-lock.json -nt bench/package-lock.json ] ||
    (cd bench && npm ci --no-audit --no-fund >&2)

# A slow machine gets fewer rows, never more time; a last row takes less than 100 s.
left=$((590 - $(date +%s) + began))
[ "$left" -ge 200 ] || left=200
exec timeout -k 5 "$left" node bench/bench.mjs --seconds $((left - 100)) "$@"
