#!/bin/sh
# Every file of the test vectors is read by a test: one names it, or lists its folder (and counts what
# is there). Where the upstream suites are missing only our own are looked at.
set -eu
cd "$(dirname "$0")/../.."
upstream=${PENSTOCK_VECTORS:-../shared/vectors}
# Folders that no test reads. The first test that does takes its folder off this list.
unread=''

# "name" of each string of a test that looks like a vector, with its file.
names=$(grep -rnoE '"(cbor|credentials|endpoints|errors|eventstream|kpl|profile|protocol|sigv4)/[^"]*"' \
    test/unit --include='*.[ch]' | sed 's/^\([^:]*\):[0-9]*:"\(.*\)"$/\2 \1/' | sort -u)

for top in test/vectors "$upstream"; do
    [ -d "$top" ] || continue
    (cd "$top" && find . -type f ! -name 'LICENSE*' ! -name 'NOTICE*' ! -name 'README*') | sed 's#^\./##'
done | sort -u | NAMES=$names UNREAD=$unread awk '
function lists(file,    line, found)
{
    if (file in reads_folder) return reads_folder[file]
    found = 0
    while ((getline line < file) > 0) if (line ~ /readdir\(/) found = 1
    close(file)
    return reads_folder[file] = found
}
BEGIN {
    n_unread = split(ENVIRON["UNREAD"], unread, " ")
    n = split(ENVIRON["NAMES"], line, "\n")
    for (i = 1; i <= n; i++) {
        split(line[i], part, " ")
        if (part[1] != "") { name[i] = part[1]; source[i] = part[2] }
    }
}
function is_read(file,    i)
{
    for (i = 1; i <= n; i++)
        if (name[i] == file || (index(file, name[i] "/") == 1 && lists(source[i]))) return 1
    return 0
}
{
    known = 0
    for (u = 1; u <= n_unread; u++) if (index($0, unread[u]) == 1) known = u
    if (is_read($0)) {
        if (known) {
            print "a test reads " $0 ": take " unread[known] " off the list in test/lint/vectors.sh" > "/dev/stderr"
            bad = 1
        }
        next
    }
    if (known) next
    print "no test reads the vectors in " $0 > "/dev/stderr"
    bad = 1
}
END { exit bad }'
