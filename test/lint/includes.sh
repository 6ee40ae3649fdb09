#!/bin/sh
# What the compiler cannot check of our include rules:
# - a third-party header is included in its own layer only, and does not leak out of it through a header;
# - our own headers are named from the root of src/, never relatively.
set -eu
cd "$(dirname "$0")/../.."

[ -d src ] || exit 0
find src -name '*.[ch]' | sort | xargs awk '
function owner(header)
{
    if (header ~ /^uv(\.h|\/)/) return "io"
    if (header ~ /^(mbedtls|psa)\//) return "codec"
    if (header ~ /^(llhttp|nghttp2|cjson)(\.h|\/)/) return "codec"
    if (header ~ /^wslay\//) return "net"
    if (header ~ /^(duktape\.[ch]|duk_config\.h|utf8proc\.h)/) return "convert"
    if (header ~ /^sqlite3/) return "store"
    return ""
}
function report(at, what)
{
    print at ": " what > "/dev/stderr"
    bad = 1
}
FNR == 1 {
    split(FILENAME, part, "/")
    layer = FILENAME == "src/main.c" ? "main" : part[2]
    self = substr(FILENAME, 5)
    layer_of[self] = layer
}
/^[ \t]*#[ \t]*include/ {
    at = FILENAME ":" FNR
    if (!match($0, /[<"][^>"]+[>"]/)) next
    quoted = substr($0, RSTART, 1) == "\""
    header = substr($0, RSTART + 1, RLENGTH - 2)
    own = owner(header)
    if (own != "") {
        if (own != layer) report(at, header " may only be included in src/" own "/")
        else if (FILENAME ~ /\.h$/) leaks[self] = header
    } else if (header ~ /(^|\/)\.\.\//) {
        report(at, "relative include; write \"layer/" header "\" without ../")
    } else if (quoted && header !~ /\//) {
        report(at, "write \"" layer "/" header "\"")
    } else if (quoted) {
        n++; from[n] = self; to[n] = header; where[n] = at
    }
}
END {
    # A header leaks what it includes, and so does every header that includes it.
    do {
        again = 0
        for (i = 1; i <= n; i++)
            if ((to[i] in leaks) && from[i] ~ /\.h$/ && !(from[i] in leaks)) {
                leaks[from[i]] = leaks[to[i]]
                again = 1
            }
    } while (again)
    for (i = 1; i <= n; i++)
        if ((to[i] in leaks) && layer_of[from[i]] != layer_of[to[i]] && layer_of[from[i]] != owner(leaks[to[i]]))
            report(where[i], to[i] " brings in " leaks[to[i]] ": keep that behind an opaque type")
    exit bad
}'
