#!/bin/sh
# Every C file names its licence; no lock file names the registry it was made with.
set -eu
cd "$(dirname "$0")/../.."
status=0

find src test -name node_modules -prune -o -name '*.[ch]' -print | {
    while read -r file; do
        read -r line <"$file" || line=
        [ "$line" = '// SPDX-License-Identifier: Apache-2.0' ] && continue
        echo "$file:1: the first line must be // SPDX-License-Identifier: Apache-2.0" >&2
        status=1
    done
    exit $status
} || status=1

named=$(find . -name node_modules -prune -o -path ./build -prune -o -name package-lock.json \
    -exec grep -Hn -m 1 '"resolved": "http' {} +) || true
if [ -n "$named" ]; then
    echo "$named" >&2
    echo "put omit-lockfile-registry-resolved=true into .npmrc there and make the lock file again" >&2
    status=1
fi
exit $status
