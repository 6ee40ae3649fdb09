#!/bin/sh
# Installs what the build needs on Debian 12 or 13 and unpacks Duktape's source; safe to run again.
set -eu
cd "$(dirname "$0")"

packages='build-essential ca-certificates cmake dpkg-dev libcjson-dev libcmocka-dev libmbedtls-dev
libnghttp2-dev libsqlite3-dev libutf8proc-dev libuv1-dev libwslay-dev ninja-build pkg-config'

say() { echo "setup.sh: $*" >&2; }
die() { say "$*"; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        die "needs root to run: $*"
    fi
}

# quiet COMMAND...: shows the output only when the command fails.
quiet() {
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then
        rm -f "$log"
    else
        cat "$log" >&2
        rm -f "$log"
        die "failed: $*"
    fi
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# One unreachable source among many is no reason to stop: what is missed shows at the install.
apt_update() {
    [ -n "${updated-}" ] || as_root apt-get -q update >/dev/null 2>&1 || say "apt-get update failed"
    updated=1
}

install_packages() {
    missing=
    for package in $packages; do
        is_installed "$package" || missing="$missing $package"
    done
    # Debian 13 has llhttp as a library; Debian 12 has its sources, inside node-llhttp.
    if ! is_installed libllhttp-dev && ! is_installed node-llhttp; then
        apt_update
        if apt-cache show libllhttp-dev >/dev/null 2>&1; then
            missing="$missing libllhttp-dev"
        else
            missing="$missing node-llhttp"
        fi
    fi
    [ -n "$missing" ] || return 0
    apt_update
    # shellcheck disable=SC2086 # a list of words
    quiet as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y --no-install-recommends install $missing
}

# Writes the deb-src twin of every configured source under $1, leaving the system's own lists alone.
source_lists() {
    eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
    for file in "${list:-/etc/apt/sources.list}" "${parts:-/etc/apt/sources.list.d}"/*; do
        [ -r "$file" ] || continue
        name=$(basename "$file")
        case $name in
        *.sources) sed 's/^Types:.*/Types: deb-src/' "$file" >"$1/$name" ;;
        *.list) sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$file" >"$1/$name" ;;
        esac
    done
}

fetch_duktape() {
    [ -e .cache/duktape/duktape.c ] && return 0
    # apt drops its privileges to download, so the directory must be open to its own user.
    tmp=$(mktemp -d)
    trap 'rm -rf "$tmp"' EXIT
    chmod 755 "$tmp"
    mkdir "$tmp/sources" "$tmp/lists" "$tmp/cache" "$tmp/src"
    source_lists "$tmp/sources"
    set -- -q -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$tmp/sources" \
        -o "Dir::State::lists=$tmp/lists" -o "Dir::Cache=$tmp/cache"
    apt-get "$@" update >/dev/null 2>&1 || say "apt-get update failed for some source packages"
    # apt checks the signed index, the index the .dsc, and dpkg-source the .dsc's own hashes.
    (cd "$tmp/src" && quiet apt-get "$@" source duktape)
    mkdir -p .cache
    rm -rf .cache/duktape.new
    mkdir .cache/duktape.new
    cp "$tmp"/src/duktape-*/src-noline/duktape.c "$tmp"/src/duktape-*/src-noline/duktape.h \
        "$tmp"/src/duktape-*/src-noline/duk_config.h "$tmp"/src/duktape-*/LICENSE.txt .cache/duktape.new/
    rm -rf .cache/duktape
    mv .cache/duktape.new .cache/duktape
}

install_packages
fetch_duktape
