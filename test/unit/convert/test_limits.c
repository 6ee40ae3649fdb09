// SPDX-License-Identifier: Apache-2.0
#include <fnmatch.h>

#include "base/mem.h"
#include "script_run.h"

#define MIB ((size_t)1 << 20)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOW 3
#else
#define SLOW 1
#endif

// Runs a script that does `harm` on payload "x" and nothing bad on others: the record after the bad
// one must be unharmed, on a new heap when `heaps` is 2. In `want` a * stands for any text.
static void check_within(int64_t time_ms, const char *harm, const char *want, unsigned heaps)
{
    struct runner_limits limits = {.time_ms = time_ms, .memory = 8 * MIB};
    struct script_run s;
    struct buf script = {0};
    buf_printf(&script,
               "var before = typeof leak; leak = 1;\nif (payload[0] === 120) {\n%s\n}\n"
               "return {deviceName: before}",
               harm);
    script_run_init(&s, CONVERT_UPLINK, buf_cstr(&script), &limits);
    assert_string_equal(script_run_uplink(&s, SPAN("y")), "device undefined");
    const char *got = script_run_uplink(&s, SPAN("x"));
    if (fnmatch(want, got, 0) != 0)
        assert_string_equal(got, want);
    assert_string_equal(script_run_uplink(&s, SPAN("y")), "device undefined");
    assert_int_equal(s.stats.heaps_made, heaps);
    assert_int_equal(s.stats.runs, 3);
    assert_int_equal(s.stats.failures, strncmp(want, "device", 6) != 0);
    assert_int_equal(s.stats.timeouts, strncmp(want, "timeout", 7) == 0);
    assert_int_equal(s.stats.memory_kills, strncmp(want, "memory", 6) == 0);
    script_run_free(&s);
    buf_free(&script);
}

static void check(const char *harm, const char *want, unsigned heaps)
{
    check_within(3600000, harm, want, heaps);
}

static void check_time(const char *harm)
{
    check_within(60 * SLOW, harm,
                 SLOW == 1 ? "timeout: the script ran longer than 60 ms"
                           : "timeout: the script ran longer than 180 ms",
                 2);
}

static void check_memory(const char *harm)
{
    check(harm, "memory: the script needs more than 8192 KiB of memory", 2);
}

static void test_time(void **state)
{
    (void)state;
    check_time("for (;;);");
    check_time("for (;;) { try { for (;;); } catch (e) {} }");
    check_time("for (;;) { try { for (;;); } finally { continue } }");
    check_time(
        "function f() { f2() } function f2() { for (;;) [1].map(function () { return 1 }) } f()");
    check_time("for (;;) '1,2,3'.split(',')");
    check_time("for (;;) JSON.parse('{\"a\": [1, 2, 3]}')");
    check_time("for (;;) [3, 1, 2].sort(function (a, b) { return a - b })");
}

// No bytecode runs in these.
static void test_time_in_natives(void **state)
{
    (void)state;
    check_time("Array.prototype.indexOf.call({length: 2147483647}, 1)");
    check_time("Array.prototype.forEach.call({length: 2147483647}, function () {})");
    check_time("Array.prototype.reverse.call({length: 2147483647})");
    check_time(
        "Array.prototype.join.call(new Proxy([], {}), '') + Array.prototype.every.call({length: "
        "2147483647}, isNaN)");
    // The step limit or the clock, whichever is first.
    struct runner_limits limits = {.time_ms = 60 * SLOW, .memory = 8 * MIB};
    struct script_run s;
    script_run_init(
        &s, CONVERT_UPLINK,
        "if (payload[0] === 120) /^(a+)+$/.test('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'); "
        "return {deviceName: 'd'}",
        &limits);
    assert_string_not_equal(script_run_uplink(&s, SPAN("x")), "device d");
    assert_string_equal(script_run_uplink(&s, SPAN("y")), "device d");
    script_run_free(&s);
}

// Too few instructions to look at the clock, and much to do in each; or one that would take hours.
static void test_time_in_large_values(void **state)
{
    (void)state;
    check_time("for (var i = 0, s = 'x'.repeat(1 << 20); i < 1000; i++) s + i");
    check_time("for (var i = 0, s = '\u00e9'.repeat(1 << 20); i < 600; i++) s.toUpperCase()");
    check_time("for (var i = 0, s = ' '.repeat(1 << 20); i < 800; i++) s.trim()");
    check_time("for (var i = 0, s = '1'.repeat(1 << 20); i < 800; i++) parseInt(s, 7)");
    check_time("for (var i = 0, s = 'x'.repeat(1 << 20); i < 1000; i++) s.indexOf('y')");
    check_time("for (var i = 0, s = 'x'.repeat(1 << 20), t = s + 'y'; i < 800; i++) "
               "s.localeCompare(t)");
    check_time("for (var i = 0, s = JSON.stringify(payload) + ' '.repeat(1 << 20); i < 900; i++) "
               "JSON.parse(s)");
    check_time("for (var i = 0, a = new Uint8Array(400000), b = new Float32Array(400000); i < 900; "
               "i++) b.set(a)");
    check_time("for (var i = 0, s = '(' + 'x'.repeat(1 << 20); i < 900; i++) Date.parse(s)");
    check_time(
        "for (var i = 0, s = 'x'.repeat(1 << 20), l = []; i < 20000; i++) l.push(s); l.sort()");
    check_time("var s = 'x'.repeat(1 << 20); s.indexOf('x'.repeat(1 << 19) + 'y')");
    check_time("var s = 'x'.repeat(1 << 20); s.lastIndexOf('x'.repeat(1 << 19) + 'y')");
    check_time("var s = 'x'.repeat(1 << 20); s.split('x'.repeat(1 << 19) + 'y')");
    check_time("var s = 'x'.repeat(1 << 20); s.replace('x'.repeat(1 << 19) + 'y', '')");
    check_time("new RegExp('a|'.repeat(200000) + 'b')");
    check_time("new RegExp('[' + '\\u0000-\\uffff'.repeat(1000) + ']', 'i')");
}

// Script code that runs when the result or the error is looked at has the same limit.
static void test_time_after_return(void **state)
{
    (void)state;
    check_time("return {deviceName: {toJSON: function () { for (;;); }}}");
    check_time("return Object.defineProperty({}, 'deviceName', {get: function () { for (;;); }, "
               "enumerable: true})");
    check_time("throw {toJSON: function () { for (;;); }}");
    check_time("var e = new Error('x'); e.toString = function () { for (;;); }; throw e");
}

static void test_memory(void **state)
{
    (void)state;
    check_memory("var l = []; for (;;) l.push({x: new Array(1000)})");
    check_memory("var s = 'x'; for (;;) s += s");
    check_memory("var s = 'x'; for (;;) { try { for (;;) s += s } catch (e) { s += s } }");
    check_memory("for (var i = 0, l = []; ; i++) l[i] = 'text number ' + i");
    check_memory("new Uint8Array(100 * 1024 * 1024)");
    check_memory("var s = Array(1024 * 1024).join('x'); [s, s, s, s, s, s, s, s, s].join('')");
    check_memory(
        "var s = Array(1024 * 1024).join('x'); JSON.parse('[' + Array(3).join('\"' + s + '\",') + "
        "'\"' + s + s + '\"]')");
    check_memory("var l = payload; for (;;) l = l.concat(l)");
    // The limit itself fits.
    check("var l = new Array(4); for (var i = 0; i < 4; i++) l[i] = Array(1024 * 1024).join(i)",
          "device undefined", 1);
}

// Caught by the script, it is the script's business; the heap is made again all the same.
static void test_memory_caught(void **state)
{
    (void)state;
    check("try { new Uint8Array(100 * 1024 * 1024) } catch (e) { return {deviceName: 'caught'} }",
          "device caught", 2);
}

// What an iterator gave is not kept until its last.
static void test_memory_of_iterators(void **state)
{
    (void)state;
    check("let n = 0, i = 0;\n"
          "const next = () => ({done: i === 30000, value: 'x'.repeat(1000) + i++});\n"
          "for (const text of {[Symbol.iterator]: () => ({next})}) n += text.length;\n"
          "return {deviceName: n}",
          "device 30138890", 1);
}

// What a record took, and gave back, another may take in pieces of other sizes.
static void test_memory_of_the_record_before(void **state)
{
    (void)state;
    struct runner_limits limits = {.time_ms = 100000, .memory = 8 * MIB};
    struct script_run s;
    script_run_init(&s, CONVERT_UPLINK,
                    "var list = [];\n"
                    "if (payload[0] === 120) for (var i = 0; i < 50000; i++) list.push({});\n"
                    "else list = new Uint8Array(5 << 20);\n"
                    "return {deviceName: list.length}",
                    &limits);
    assert_string_equal(script_run_uplink(&s, SPAN("x")), "device 50000");
    assert_string_equal(script_run_uplink(&s, SPAN("y")), "device 5242880");
    assert_string_equal(script_run_uplink(&s, SPAN("y")), "device 5242880");
    assert_string_equal(script_run_uplink(&s, SPAN("x")), "device 50000");
    assert_int_equal(s.stats.heaps_made, 2);
    assert_int_equal(s.stats.failures, 0);
    script_run_free(&s);
}

// A script must not run with other metadata than its record's.
static void test_metadata_that_does_not_fit(void **state)
{
    (void)state;
    struct runner_limits limits = {.time_ms = 100000, .memory = 2 * MIB};
    struct script_run s;
    struct uplink_record record = {.payload = SPAN("x")};
    char *text = mem_alloc(4 * MIB);
    memset(text, 'x', 4 * MIB);
    struct convert_pair pair = {SPAN("key"), span_of(text, 4 * MIB)};
    script_run_init(&s, CONVERT_UPLINK, "return {deviceName: typeof metadata.key}", &limits);
    assert_string_equal(script_run_uplink_meta(&s, &record, (struct convert_pairs){&pair, 1}),
                        "memory: the script needs more than 2048 KiB of memory");
    pair.value = SPAN("v");
    assert_string_equal(script_run_uplink_meta(&s, &record, (struct convert_pairs){&pair, 1}),
                        "device string");
    script_run_free(&s);
    mem_free(text);
}

static void test_recursion(void **state)
{
    (void)state;
    check("(function f() { return f() + 1 })()",
          "script: RangeError: callstack limit (line 3, column 24)", 1);
    check("var o = {}; o.toString = function () { return o + '' }; o + ''",
          "script: RangeError: C stack depth limit (line 3, column 51)", 1);
    check("(function f() { [1].map(f) })()",
          "script: RangeError: C stack depth limit (line 3, column 21)", 1);
    check("(function f() { 'x'.replace(/x/, f) })()",
          "script: RangeError: C stack depth limit (line 3, column 21)", 1);
    check("JSON.parse(Array(20000).join('['))",
          "script: RangeError: decode recursion limit (line 3, column 6)", 1);
    check("var l = []; for (var i = 0; i < 5000; i++) l = [l]; JSON.stringify(l)",
          "script: RangeError: encode recursion limit (line 3, column 58)", 1);
    check("new RegExp(Array(20000).join('('))",
          "script: RangeError: regexp compiler recursion limit (line 3, column 1)", 1);
    // Of the stack where its frames are large, as they are with sanitizers.
    check("/(a|b)*$/.test(Array(20000).join('ab') + 'c')",
          "script: RangeError: * limit (line 3, column 11)", 1);
    // Loops that take nothing end, many in each other too.
    assert_value("[/^(?:a*)*?(?:(a|b?)*)*$/.test('aab'), "
                 "/((((((((((((((((((((a?)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*b/.test('ac')]",
                 "[true,false]");
    // Deep data, freed without recursion.
    check("var o = null; for (var i = 0; i < 20000; i++) o = {o: o}; leak2 = o", "device undefined",
          1);
}

// Natives that make objects must not trust constructors that a script has put in their place.
static void test_replaced_constructors(void **state)
{
    (void)state;
    check("var b = new Uint8Array(4096).buffer;\n"
          "ArrayBuffer = function () { return new Uint8Array(1) };\n"
          "return {deviceName: String(structuredClone(b).byteLength)}",
          "device 4096", 1);
    check("var a = new Uint8Array([7, 8]);\n"
          "Uint8Array = Map = Date = function () { return 5 };\n"
          "return {deviceName: typeof structuredClone([a, new Set([1])])}",
          "device object", 1);
}

// Natives that walk the table of an object: a setter of the script must not move it under them.
static void test_moved_tables(void **state)
{
    (void)state;
    check("var o = {a: 1, b: 2, c: 3};\n"
          "Object.defineProperty(Array.prototype, '0', {set: function () {\n"
          "  Object.defineProperty(o, 'b', {get: function () { return 9 }});\n"
          "  delete o.c; for (var i = 0; i < 50; i++) o['n' + i] = i;\n"
          "}});\n"
          "return {deviceName: JSON.stringify(Object.values(o)) + Object.entries(o).length}",
          "device [1,2,3]3", 1);
}

// A setter of the script that gets hold of the copy of a result could change it after it was looked
// at, and make it contain itself.
static void test_copied_results(void **state)
{
    (void)state;
    check("var copy;\n"
          "Object.defineProperty(Array.prototype, '0', {set: function () { copy = this }});\n"
          "return {deviceName: 'd', telemetry: {a: [1], get b() {\n"
          "  if (copy) Object.defineProperty(copy, 0, {value: copy}); return 2\n"
          "}}}",
          "device d @{a=json[1], b=2}", 1);
}

// Objects give back what they do not use when memory is scarce, and their tables move.
static void test_moved_arrays(void **state)
{
    (void)state;
    struct runner_limits limits = {.time_ms = 100000, .memory = 64 * MIB};
    int whole = 0;
    for (int rest = 320000; rest < 420000; rest += 12000) {
        struct script_run s;
        struct buf script = {0};
        // Room for a list, one more with much to give back, and not for the list's text.
        buf_printf(
            &script,
            "var keep = [], list = [], more = [], n = 0, m = 2000, i, text, rest;\n"
            "keep.length = 3000;\n"
            "try { for (;;) keep[n++] = new Uint8Array(100000) } catch (e) {}\n"
            "try { for (;;) keep[m++] = new Uint8Array(2500) } catch (e) {}\n"
            "for (i = 1; i <= 8; i++) keep[n - 1 - i] = null;\n"
            "for (i = 0; i < 12000; i++) list.push(300);\n"
            "list.length = 10000;\n"
            "for (i = 0; i < 14000; i++) more.push(1);\n"
            "more.length = 10;\n"
            "try { rest = new Uint8Array(%d); text = String.fromCharCode.apply(null, list) }\n"
            "catch (e) { text = '' }\n"
            "keep = null;\n"
            "return {deviceName: text.length + text.replace(/\u012c/g, '')}",
            rest);
        script_run_init(&s, CONVERT_UPLINK, buf_cstr(&script), &limits);
        const char *got = script_run_uplink(&s, SPAN("x"));
        whole += strcmp(got, "device 10000") == 0;
        if (strcmp(got, "device 0") != 0 && strcmp(got, "device 10000") != 0)
            assert_true(span_has_prefix(span_str(got), SPAN("memory: ")));
        script_run_free(&s);
        buf_free(&script);
    }
    assert_true(whole > 0);
}

static void test_script_size(void **state)
{
    (void)state;
    struct buf script = {0};
    char *p = buf_reserve(&script, CONVERT_SCRIPT_MAX + 2);
    memset(p, ' ', CONVERT_SCRIPT_MAX);
    memcpy(p, "return null//", 13);
    buf_commit(&script, CONVERT_SCRIPT_MAX);
    assert_uplink(buf_cstr(&script), "", "nothing");
    buf_add_char(&script, ' ');
    assert_uplink(buf_cstr(&script), "", "invalid: the script is longer than 1048576 bytes");
    buf_free(&script);
}

// Not even the heap fits.
static void test_tiny_heap(void **state)
{
    (void)state;
    struct script_run s;
    for (size_t memory = 16 * 1024; memory <= 400 * 1024; memory += 48 * 1024) {
        struct runner_limits limits = {.time_ms = 3600000, .memory = memory};
        script_run_init(&s, CONVERT_UPLINK, "return {deviceName: 'd'}", &limits);
        struct span got = span_str(script_run_uplink(&s, SPAN("x")));
        assert_true(span_is(got, "device d") || span_has_prefix(got, SPAN("memory: ")));
        script_run_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_time_in_natives),
        cmocka_unit_test(test_time_in_large_values),
        cmocka_unit_test(test_time_after_return),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_memory_caught),
        cmocka_unit_test(test_memory_of_iterators),
        cmocka_unit_test(test_memory_of_the_record_before),
        cmocka_unit_test(test_metadata_that_does_not_fit),
        cmocka_unit_test(test_recursion),
        cmocka_unit_test(test_replaced_constructors),
        cmocka_unit_test(test_moved_tables),
        cmocka_unit_test(test_copied_results),
        cmocka_unit_test(test_moved_arrays),
        cmocka_unit_test(test_script_size),
        cmocka_unit_test(test_tiny_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
