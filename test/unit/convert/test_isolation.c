// SPDX-License-Identifier: Apache-2.0
#include "script_run.h"

// A script that changes what it can reach, and reports what it finds at its start: each record must
// find the same, and so the heap is never made again.
static void check(const char *look, const char *change)
{
    struct script_run s;
    struct buf script = {0}, first = {0};
    buf_printf(&script,
               "var found = String(%s); var self = arguments.callee; %s;\n"
               "return {deviceName: 'd', telemetry: {found: found}}",
               look, change);
    script_run_init(&s, CONVERT_UPLINK, buf_cstr(&script), NULL);
    buf_add_str(&first, script_run_uplink(&s, SPAN("ab")));
    if (strncmp(buf_cstr(&first), "device d @{found='", 18) != 0)
        fail_msg("%s: %s", buf_cstr(&script), buf_cstr(&first));
    for (int i = 0; i < 4; i++)
        assert_string_equal(script_run_uplink(&s, SPAN("ab")), buf_cstr(&first));
    assert_int_equal(s.stats.heaps_made, 1);
    script_run_free(&s);
    buf_free(&script);
    buf_free(&first);
}

static void test_globals(void **state)
{
    (void)state;
    check("typeof leak", "leak = 1");
    check("typeof leak", "leak = function () { return leak }");
    check("typeof leak", "(function () { leak = {big: payload} })()");
    check("typeof leak", "this.leak = 1");
    check("typeof leak", "globalThis.leak = 1");
    check("typeof leak", "Object.defineProperty(this, 'leak', {value: 1})");
    check("typeof leak", "Object.defineProperty(this, 'leak', {get: function () { return 1 }})");
    check("typeof JSON + typeof parseInt + NaN", "JSON = null; parseInt = 1; delete this.JSON");
    check("typeof decodeToString", "decodeToString = null");
    check("Object.isExtensible(this)", "Object.preventExtensions(this)");
    check("Object.isFrozen(this)", "Object.freeze(this)");
    check("Object.getPrototypeOf(this) === Object.prototype", "Object.setPrototypeOf(this, null)");
    check("Object.getOwnPropertyNames(this).length",
          "for (var i = 0; i < 3000; i++) this['g' + i] = i");
    check("Object.getOwnPropertyNames(this).join()",
          "Object.getOwnPropertyNames(this).forEach(function (k) { delete self.constructor; try { "
          "delete globalThis[k] } catch (e) {} })");
    check("Object.keys(this).length", "with (this) { leak = 1 }");
}

static void test_built_ins(void **state)
{
    (void)state;
    check("typeof [].foo", "Array.prototype.foo = 1");
    check("[].length + [][0]", "Array.prototype[0] = 1");
    check("Array.prototype.length", "Array.prototype.push(1, 2, 3)");
    check("Array.prototype.length", "Array.prototype.length = 9");
    check("Array.prototype.length",
          "Array.prototype.unshift(1); Array.prototype.splice(0, 0, 1, 2)");
    check("Object.getOwnPropertyDescriptor(Array.prototype, 'length').writable",
          "Object.defineProperty(Array.prototype, 'length', {writable: false})");
    check("' x '.trim()", "String.prototype.trim = function () { return 'changed' }");
    check("typeof ''.trim", "delete String.prototype.trim");
    check("typeof {}.foo", "Object.prototype.foo = 1");
    check("typeof {}.foo", "({}).__proto__.foo = 1");
    check("typeof {}.foo", "Object.prototype.__defineGetter__('foo', function () { return 1 })");
    check("({}).toString()", "Object.prototype.toString = null");
    check("Object.isFrozen(Math)", "Object.freeze(Math)");
    check("Object.isSealed(JSON)", "Object.seal(JSON)");
    check("Math.PI + Math.max(1, 2)", "Math.max = 5; Math.PI = 3");
    check("typeof Math.max.foo + Math.max.length", "Math.max.foo = 1; delete Math.max.length");
    check("Object.getPrototypeOf(Math) === Object.prototype", "Object.setPrototypeOf(Math, Array)");
    check("Object.getPrototypeOf(Math) === Object.prototype", "Math.__proto__ = {q: 1}");
    check("typeof (function () {}).foo", "Function.prototype.foo = 1");
    check("typeof Error.prototype.foo + new Error('a').message",
          "Error.prototype.foo = 1; Error.prototype.message = 'changed'");
    check("isNaN(Date.prototype.valueOf ? 0 : 1) + typeof Date.prototype.foo",
          "Date.prototype.foo = 1; try { Date.prototype.setTime.call(Date.prototype, 5) } catch "
          "(e) {}");
    check("RegExp.prototype.lastIndex", "try { RegExp.prototype.lastIndex = 7 } catch (e) {}");
    check("typeof Uint8Array.prototype.foo", "Uint8Array.prototype.foo = 1");
    check("typeof Object.getPrototypeOf(Uint8Array).foo",
          "Object.getPrototypeOf(Uint8Array).foo = 1");
    check("typeof Symbol.iterator.foo", "Symbol.prototype.foo = 1");
    check("typeof JSON.parse.apply.foo", "JSON.parse.apply.foo = 1");
    check("String.fromCharCode.apply(String, payload)", "Function.prototype.apply = null");
    check("String.fromCharCode.apply(String, payload)",
          "String.fromCharCode = function () { return 'changed' }");
    check("typeof Object.getOwnPropertyDescriptor(function () { 'use strict' }, 'caller').get.foo",
          "var t = Object.getOwnPropertyDescriptor(function () { 'use strict' }, 'caller').get; "
          "try { "
          "t.foo = 1 } catch (e) {}");
    check("typeof [].foo", "new Proxy(Array.prototype, {}).foo = 1");
    check("Array.prototype.length",
          "var p = new Proxy(Array.prototype, {}); p.length = 3; p[5] = 1");
    check("typeof [].foo",
          "Reflect.set(Array.prototype, 'foo', 1); Reflect.defineProperty(Array.proto"
          "type, 'bar', {value: 1}); Reflect.deleteProperty(Array.prototype, 'map')");
    check("typeof [].map", "Reflect.deleteProperty(Array.prototype, 'map')");
    check("typeof Reflect.ownKeys.foo", "Object.assign(Reflect.ownKeys, {foo: 1})");
    check("[3, 1, 2].sort().join()",
          "Array.prototype.sort.call(Array.prototype); Array.prototype.sort "
          "= Array.prototype.reverse");
}

static void test_function(void **state)
{
    (void)state;
    check("typeof arguments.callee.count", "self.count = 1");
    check("typeof arguments.callee.prototype", "self.prototype = {x: 1}");
    check("arguments.callee.length + arguments.callee.name",
          "Object.defineProperty(self, 'name', {value: 'n'}); delete self.length");
    check("Object.isExtensible(arguments.callee)", "Object.preventExtensions(self)");
    check("Object.getPrototypeOf(arguments.callee) === Function.prototype",
          "Object.setPrototypeOf(self, null)");
    check("payload.join() + typeof payload.x", "payload.push(9); payload.x = 1; payload[0] = 7");
    check("typeof metadata.x", "metadata.x = 1");
}

// The same after an error, and of what the script leaves in cycles nothing stays.
static void test_after_errors(void **state)
{
    (void)state;
    struct script_run s;
    script_run_init(
        &s, CONVERT_UPLINK,
        "var seen = typeof leak + typeof [].foo; leak = payload; Array.prototype.foo = 1;\n"
        "if (payload[0] === 120) throw new Error(seen);\n"
        "return {deviceName: seen}",
        NULL);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(script_run_uplink(&s, SPAN("x")),
                            "script: Error: undefinedundefined (line 2, column 31)");
        assert_string_equal(script_run_uplink(&s, SPAN("y")), "device undefinedundefined");
    }
    script_run_free(&s);
}

static void test_garbage(void **state)
{
    (void)state;
    struct script_run s;
    struct runner_limits limits = {.time_ms = 3600000, .memory = (size_t)2 << 20};
    script_run_init(&s, CONVERT_UPLINK,
                    "var big = payload.concat(payload, payload, payload);\n"
                    "function a() { return b() + big.length } function b() { return a }\n"
                    "var ring = {a: a}; ring.ring = ring; keep = ring; Math.keep = [ring, big];\n"
                    "return {deviceName: String(big.length)}",
                    &limits);
    char payload[1000] = {0};
    for (int i = 0; i < 2000; i++)
        assert_string_equal(script_run_uplink(&s, span_of(payload, sizeof(payload))),
                            "device 4000");
    assert_int_equal(s.stats.heaps_made, 1);
    script_run_free(&s);
}

// A collection in the middle of a run must keep what the journal keeps.
static void test_collection_with_changes(void **state)
{
    (void)state;
    struct script_run s;
    script_run_init(
        &s, CONVERT_UPLINK,
        "var names = Object.getOwnPropertyNames;\n"
        "var before = names(String.prototype).length + names(Array.prototype).length +\n"
        "    typeof JSON.parse + typeof ''.trim + String(Object.isFrozen(Math));\n"
        "names(String.prototype).forEach(function (k) { delete String.prototype[k] });\n"
        "Object.keys = null; delete JSON.parse; delete Array.prototype.map;\n"
        "Math.list = []; Object.freeze(Math);\n"
        "for (var i = 0; i < 60000; i++) { var x = {i: i}; x.x = x }\n"
        "return {deviceName: before}",
        NULL);
    struct buf first = {0};
    buf_add_str(&first, script_run_uplink(&s, SPAN("")));
    assert_non_null(strstr(buf_cstr(&first), "functionfunctionfalse"));
    for (int i = 0; i < 5; i++)
        assert_string_equal(script_run_uplink(&s, SPAN("")), buf_cstr(&first));
    assert_int_equal(s.stats.heaps_made, 1);
    buf_free(&first);
    script_run_free(&s);
}

// Two scripts on one thread share nothing.
static void test_two_scripts(void **state)
{
    (void)state;
    struct script_run a, b;
    script_run_init(&a, CONVERT_UPLINK,
                    "leak = 1; Object.prototype.x = 1; return {deviceName: 'a'}", NULL);
    script_run_init(&b, CONVERT_UPLINK, "return {deviceName: typeof leak + typeof {}.x}", NULL);
    assert_string_equal(script_run_uplink(&a, SPAN("")), "device a");
    assert_string_equal(script_run_uplink(&b, SPAN("")), "device undefinedundefined");
    script_run_free(&a);
    script_run_free(&b);
}

static void test_sandbox(void **state)
{
    (void)state;
    assert_value(
        "[typeof Duktape, typeof Buffer, typeof CBOR, typeof performance, typeof require, "
        "typeof module, typeof process, typeof print, typeof alert, typeof console, typeof "
        "setTimeout, typeof fetch].join()",
        "\"undefined,undefined,undefined,undefined,undefined,undefined,undefined,undefined,"
        "undefined,undefined,undefined,undefined\"");
    assert_value("[typeof Uint8Array.allocPlain, typeof Uint8Array.plainOf, typeof "
                 "ArrayBuffer.allocPlain, typeof ArrayBuffer.plainOf].join()",
                 "\"undefined,undefined,undefined,undefined\"");
    assert_value("Object.keys(this)", "[]");
    // A body cannot be left, and sees nothing around it.
    assert_uplink("} evil(); {", "",
                  "script: SyntaxError: } is not expected here (line 1, column 1)");
    assert_uplink("return 1 } function evil() {", "",
                  "script: SyntaxError: } is not expected here (line 1, column 10)");
    assert_uplink("return {deviceName: 'x'} // the end", "", "device x");
    assert_uplink(
        "return {deviceName: 'x'} /* open", "",
        "script: SyntaxError: this comment has no end: */ is missing (line 1, column 26)");
    assert_uplink("'use strict'; leak = 1; return {deviceName: 'x'}", "",
                  "script: ReferenceError: identifier 'leak' undefined (line 1, column 22)");
    assert_uplink("'use strict'; return {deviceName: typeof this}", "", "device undefined");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_globals),     cmocka_unit_test(test_built_ins),
        cmocka_unit_test(test_function),    cmocka_unit_test(test_after_errors),
        cmocka_unit_test(test_garbage),     cmocka_unit_test(test_collection_with_changes),
        cmocka_unit_test(test_two_scripts), cmocka_unit_test(test_sandbox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
