#!/bin/sh
# Every test of Penstock; installs what is missing. Usage: sh test/run.sh [PART...]
# Parts: lint unit clang asan tsan fuzz integration fault (default: all, in this order).
# Ends with one line "N passed, N failed[, N skipped]"; exit 1 if anything failed.
#
# Node tests find PENSTOCK_BIN, PENSTOCK_VECTORS and PENSTOCK_BUILD (release, asan or tsan); with
# PENSTOCK_BOUNDED=1 (the slow sanitizer builds) they leave out long runs and large counts.
set -u
cd "$(dirname "$0")/.." || exit 1
root=$PWD
logs=$root/build/test-logs
fuzz_seconds=${PENSTOCK_FUZZ_SECONDS:-3}
export PENSTOCK_VECTORS="${PENSTOCK_VECTORS:-$root/../shared/vectors}"

parts=${*:-lint unit clang asan tsan fuzz integration fault}
for part in $parts; do
    case $part in
    lint | unit | clang | asan | tsan | fuzz | integration | fault) ;;
    *) echo "run.sh: no part '$part' (lint unit clang asan tsan fuzz integration fault)" >&2; exit 2 ;;
    esac
done
wants() {
    for want in "$@"; do
        case " $parts " in *" $want "*) return 0 ;; esac
    done
    return 1
}

# ---- what must be installed

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
    # shellcheck disable=SC2086 # a list of words
    { $as_root apt-get -q update && $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y --no-install-recommends install "$@"; } >"$logs/install.log" 2>&1 || {
        cat "$logs/install.log" >&2
        echo "run.sh: could not install: $*" >&2
        exit 1
    }
}

# need COMMAND PACKAGE: notes the package when the command is missing.
need() { have "$1" || missing="$missing $2"; }

install_tools() {
    sh third_party/setup.sh || exit 1
    missing=
    wants lint && need clang-format-19 clang-format-19
    wants clang fuzz && need clang clang
    wants asan tsan fuzz && need llvm-symbolizer llvm
    if wants integration fault asan tsan; then
        use_node || missing="$missing nodejs"
        need npm npm
        need aws awscli
        have chromium || have chromium-browser || have google-chrome || missing="$missing chromium"
        need ip iproute2
        need openssl openssl
        need sqlite3 sqlite3
        need curl curl
        need jq jq
        need python3 python3
        # A test drives the endpoint by it; the AWS CLI of other sources keeps its own.
        { python3 -c 'import botocore' || /usr/bin/python3 -c 'import botocore'; } >/dev/null 2>&1 ||
            missing="$missing python3-botocore"
        need ps procps
    fi
    # shellcheck disable=SC2086
    install $missing
    if wants fuzz; then
        # The run-time library must be that of the compiler, whichever version this Debian has.
        version=$(clang -dumpversion)
        [ -e "$(clang -print-file-name=libclang_rt.fuzzer-"$(uname -m)".a)" ] ||
            [ -e "$(clang -print-runtime-dir)/libclang_rt.fuzzer-$(uname -m).a" ] ||
            [ -e "$(clang -print-runtime-dir)/libclang_rt.fuzzer.a" ] ||
            install "libclang-rt-${version%%.*}-dev"
    fi
}

# ---- suites: each runs with its output in a log, and says count PASSED FAILED SKIPPED

count() { echo "$1 $2 $3" >>"$logs/$suite.count"; }

# suite NAME COMMAND...: runs it, shows its time, and its whole output if anything failed in it.
suite() {
    suite=$1
    shift
    began=$(date +%s)
    rm -f "$logs/$suite.count" "$logs/$suite.sanitizer".*
    "$@" >"$logs/$suite.log" 2>&1 || count 0 1 0
    # A report of a child whose exit status nobody looked at counts as well.
    for report in "$logs/$suite.sanitizer".*; do
        [ -e "$report" ] || continue
        cat "$report" >>"$logs/$suite.log"
        count 0 1 0
    done
    # shellcheck disable=SC2046
    set -- $(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$logs/$suite.count" 2>/dev/null)
    if [ $((${1:-0} + ${2:-0} + ${3:-0})) = 0 ]; then
        echo "ran nothing" >>"$logs/$suite.log"
        set -- 0 1 0
    fi
    [ "$2" = 0 ] || sed "s/^/$suite: /" "$logs/$suite.log"
    echo "$*" >>"$logs/total"
    printf '%-18s %5d s %7d passed %5d failed %5d skipped\n' "$suite" $(($(date +%s) - began)) "$1" "$2" "$3"
}

# The reports go to files: the output of a server under test is often thrown away.
sanitizer_env() {
    common=log_path=$logs/$suite.sanitizer
    export ASAN_OPTIONS="$common:detect_leaks=1:detect_stack_use_after_return=1"
    export UBSAN_OPTIONS="$common:print_stacktrace=1"
    export TSAN_OPTIONS="$common:second_deadlock_stack=1"
}

# Old run-time libraries cannot live with the address space layout of new kernels.
plain_layout() {
    probe=$root/build/tsan-probe
    [ -n "${wrap-}" ] || {
        echo 'int main(void) { return 0; }' >"$probe.c"
        wrap=env
        if cc -fsanitize=thread "$probe.c" -o "$probe" && ! "$probe" 2>/dev/null &&
            setarch -R "$probe" 2>/dev/null; then
            wrap='setarch -R'
        fi
    } >/dev/null 2>&1
}

build() {
    cmake --preset "$1" -DPENSTOCK_WERROR=ON && cmake --build --preset "$1"
}

lint() {
    for script in test/lint/*.sh; do
        if sh "$script"; then count 1 0 0; else count 0 1 0; fi
    done
}

# Counts cmocka's cases; a test that is no cmocka program, or died before its summary, is one.
count_ctest() {
    awk '
    /^[0-9]+\/[0-9]+ Testing: / { p = f = s = 0; open = 1; next }
    open && /^\[  (PASSED |FAILED |SKIPPED) \] (.*: )?[0-9]+ test\(s\)/ {
        match($0, /[0-9]+ test\(s\)/)
        n = substr($0, RSTART, RLENGTH) + 0
        if (/^\[  PASSED/) p += n; else if (/^\[  FAILED/) f += n; else s += n
        next
    }
    open && /^Test [A-Z][a-z]+\.?$/ && ended {
        if (/Passed/) { if (p + f + s == 0) p = 1 } else if (f == 0) f = 1
        P += p; F += f; S += s; open = 0
    }
    { ended = /^-+$/ }
    END { print P + 0, F + 0, S + 0 }' "$1"
}

unit() {
    sanitizer_env
    build "$1" || return 1
    rm -f "build/$1/Testing/Temporary/LastTest.log"
    # shellcheck disable=SC2086
    $wrap ctest --preset "$1" -j "$(nproc)" --no-tests=ignore
    result=$?
    log=build/$1/Testing/Temporary/LastTest.log
    [ -e "$log" ] || return $result
    # shellcheck disable=SC2046
    set -- $(count_ctest "$log")
    count "$1" "$2" "$3"
    [ $result = 0 ] || [ "$2" != 0 ]
}

npm_packages() {
    for dir in test/integration test/fault; do
        [ -e $dir/package.json ] || continue
        [ $dir/node_modules/.package-lock.json -nt $dir/package-lock.json ] && continue
        (cd $dir && npm ci --no-audit --no-fund) || return 1
    done
}

# node_suite PRESET SECONDS FILE...
node_suite() {
    sanitizer_env
    preset=$1
    limit=$2
    shift 2
    build "$preset" || return 1
    PENSTOCK_BOUNDED=
    [ "$preset" = release ] || PENSTOCK_BOUNDED=1
    export PENSTOCK_BOUNDED PENSTOCK_BIN="$root/build/$preset/penstock" PENSTOCK_BUILD="$preset"
    # shellcheck disable=SC2086
    $wrap timeout -k 10 "$limit" node --test --test-reporter=tap "$@" >"$logs/$suite.tap"
    result=$?
    cat "$logs/$suite.tap"
    # shellcheck disable=SC2046
    set -- $(awk '
        /^# pass [0-9]+$/ { p = $3 }
        /^# (fail|cancelled) [0-9]+$/ { f[$2] = $3 }
        /^# (skipped|todo) [0-9]+$/ { s[$2] = $3 }
        END { print p + 0, f["fail"] + f["cancelled"], s["skipped"] + s["todo"] }' "$logs/$suite.tap")
    count "$1" "$2" "$3"
    [ $result != 124 ] || echo "stopped after $limit s"
    [ $result = 0 ] || [ "$2" != 0 ]
}

# The thread sanitizer looks where threads meet, the address sanitizer everywhere but where another
# program is the one under test.
sanitized() {
    for file in $integration; do
        case $1:$(basename "$file" .test.mjs) in
        tsan:tutorial | tsan:serve | tsan:rules | tsan:integrations | tsan:outbox | tsan:replay | tsan:dead_letters | \
            tsan:fanout | tsan:webhooks | tsan:devices | tsan:rest) echo "$file" ;;
        tsan:* | asan:kinesis_local | asan:readme | asan:programs) ;;
        *) echo "$file" ;;
        esac
    done
}

# fuzz_target PROGRAM
fuzz_target() {
    target=$1
    name=$(basename "$target")
    corpus=build/fuzz/corpus/$name
    mkdir -p "$corpus"
    set -- "$corpus"
    [ -d "test/fuzz/corpus/${name#fuzz_}" ] && set -- "$@" "test/fuzz/corpus/${name#fuzz_}"
    case $name in
    fuzz_syntax | fuzz_convert_lower | fuzz_convert_script) set -- "$@" -dict=test/fuzz/javascript.dict ;;
    esac
    if $wrap "$target" -max_total_time="$fuzz_seconds" -timeout=10 -rss_limit_mb=2048 \
        -artifact_prefix="$logs/$name." -print_final_stats=1 "$@" >"$logs/$name.log" 2>&1; then
        count 1 0 0
    else
        cat "$logs/$name.log"
        count 0 1 0
    fi
}

fuzz() {
    sanitizer_env
    cmake --preset fuzz -DPENSTOCK_WERROR=ON && cmake --build --preset fuzz --target fuzzers || return 1
    # All take the same time: one a core, then the next ones.
    running=0
    for target in build/fuzz/test/fuzz/fuzz_*; do
        [ -x "$target" ] || continue
        fuzz_target "$target" &
        running=$((running + 1))
        [ $((running % $(nproc))) = 0 ] && wait
    done
    wait
}

mkdir -p "$logs" && rm -f "$logs/total"
install_tools
plain_layout

integration=$(find test/integration -name node_modules -prune -o -name '*.test.mjs' -print 2>/dev/null | sort)
[ -e test/integration/package.json ] || integration=
fault=$(find test/fault -maxdepth 1 -name '*.mjs' 2>/dev/null | sort)
wants asan tsan integration || integration=
wants fault || fault=

# shellcheck disable=SC2086 # lists of paths without blanks
{
    if [ -n "$integration$fault" ]; then
        # Without its clients no node test can run: one failure, not one for each suite.
        npm_packages >"$logs/npm.log" 2>&1 || {
            sed 's/^/npm: /' "$logs/npm.log"
            echo 0 1 0 >>"$logs/total"
            integration='' fault=''
        }
    fi
    wants lint && suite lint lint
    wants unit && suite unit unit release
    wants clang && suite unit-clang unit clang
    for preset in asan tsan; do
        wants $preset || continue
        suite unit-$preset unit $preset
        [ -z "$integration" ] ||
            suite integration-$preset node_suite $preset 1800 $(sanitized $preset)
    done
    wants fuzz && [ -e test/fuzz/CMakeLists.txt ] && suite fuzz fuzz
    wants integration && [ -n "$integration" ] && suite integration node_suite release 1800 $integration
    wants fault && [ -n "$fault" ] && suite fault node_suite release 1800 $fault
}

awk '{ p += $1; f += $2; s += $3 }
    END {
        printf "%d passed, %d failed", p, f
        if (s) printf ", %d skipped", s
        print ""
        exit f > 0 || p == 0
    }' "$logs/total"
