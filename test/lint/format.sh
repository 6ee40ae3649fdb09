#!/bin/sh
# Our C files are as clang-format leaves them; --fix [FILE...] rewrites them.
# One version of it for everybody: each formats a little differently.
set -eu
cd "$(dirname "$0")/../.."

format=clang-format-19
command -v $format >/dev/null 2>&1 || { echo "format.sh: no $format (Debian package $format)" >&2; exit 1; }

mode='--dry-run -Werror'
if [ "${1-}" = --fix ]; then
    mode=-i
    shift
fi
# shellcheck disable=SC2086 # two words
if [ $# -gt 0 ]; then
    $format $mode "$@"
else
    find src test -name node_modules -prune -o -name '*.[ch]' -print0 | xargs -0 -r $format $mode
fi
