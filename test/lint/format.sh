#!/bin/sh
# Our C files are as clang-format leaves them; --fix rewrites them. One version, since each differs.
set -eu
cd "$(dirname "$0")/../.."

format=clang-format-19
command -v $format >/dev/null 2>&1 || { echo "format.sh: no $format (Debian package $format)" >&2; exit 1; }

case ${1-} in
--fix) mode=-i ;;
*) mode='--dry-run -Werror' ;;
esac
# shellcheck disable=SC2086 # two words
find src test -name node_modules -prune -o -name '*.[ch]' -print0 | xargs -0 -r $format $mode
