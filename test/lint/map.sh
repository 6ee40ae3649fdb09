#!/bin/sh
# Every file that src/README.md names is there.
status=0
for file in $(grep -o '`[a-z]*/[a-z_0-9]*\.[ch]`' src/README.md | tr -d '`' | sort -u); do
    [ -e "src/$file" ] && continue
    echo "src/README.md names src/$file, which is not there"
    status=1
done
exit $status
