// SPDX-License-Identifier: Apache-2.0
// JSON.parse is ours for what is JSON (duk_part_json.h), and Duktape's for the rest.
#include "script_run.h"

#include "codec/json_scan.h"
#include "lib/test_clock.h"

// The payload parsed and written again; "error NAME" when it is refused.
static const char round_trip[] =
    "var text = decodeToString(payload), v;\n"
    "try { v = JSON.stringify(JSON.parse(text)) } catch (e) { v = 'error ' + e.name }\n"
    "return {deviceName: 'd', telemetry: {v: v}}";

static struct script_run s;

static int begin(void **state)
{
    (void)state;
    script_run_init(&s, CONVERT_UPLINK, round_trip, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    script_run_free(&s);
    return 0;
}

static void check(const char *json, const char *want)
{
    struct buf full = {0};
    buf_printf(&full, "device d @{v='%s'}", want);
    const char *got = script_run_uplink(&s, span_str(json));
    if (strcmp(got, buf_cstr(&full)) != 0)
        fail_msg("%s gives %s, not %s", json, got, want);
    buf_free(&full);
}

static void test_values(void **state)
{
    (void)state;
    static const char *const same[] = {
        "null",
        "true",
        "false",
        "0",
        "1",
        "-1",
        "2147483647",
        "2147483648",
        "-2147483648",
        "9007199254740991",
        "123456789012345",
        "0.5",
        "-0.25",
        "22.5",
        "3.14159",
        "1e+21",
        "1e-7",
        "123456.789012345",
        "0.1",
        "0.30000000000000004",
        "1.7976931348623157e+308",
        "5e-324",
        "\"\"",
        "\"text\"",
        "\"\xc3\xa9\xe2\x82\xac\"",
        "\"\xf0\x9f\x92\xa1\"",
        "[]",
        "{}",
        "[1,2,3]",
        "[[],[[]],{}]",
        "{\"a\":1}",
        "{\"a\":{\"b\":[{\"c\":null}]}}",
        "{\"\":1}",
        "{\"1\":1,\"a\":2}",
        "{\"__proto__\":1,\"toJSON2\":2,\"constructor\":3}",
        "[true,false,null,\"x\",1.5]",
    };
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        check(same[i], same[i]);
    check(" \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n", "{\"a\":[1,2],\"b\":{}}");
    check("1.0", "1");
    check("1E3", "1000");
    check("-0", "0");
    check("1.50e-2", "0.015");
    check("9007199254740993", "9007199254740992");
    check("123456789012345678901234567890", "1.2345678901234568e+29");
    check("0.1000000000000000055511151231257827", "0.1");
    check("1e400", "null");
    check("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    check("\"\\u0041\\u00e9\\u20AC\\ud83d\\udca1\"", "\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xa1\"");
    check("\"x\\u0000y\"", "\"x\\u0000y\"");
    check("{\"a\\n\":1}", "{\"a\\n\":1}");
    check("{\"a\":1,\"b\":2,\"a\":{\"c\":3},\"b\":4}", "{\"a\":{\"c\":3},\"b\":4}");
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",          " ",         "{",           "[",          "\"",
        "tru",       "nul",       "truex",       "True",       "01",
        "-",         "-x",        "+1",          ".5",         "1.",
        "1.e1",      "1e",        "1e+",         "0x1",        "NaN",
        "Infinity",  "-Infinity", "undefined",   "'a'",        "{a:1}",
        "{\"a\"}",   "{\"a\":}",  "{\"a\":1,}",  "{,}",        "{\"a\":1 \"b\":2}",
        "[1,]",      "[,1]",      "[1 2]",       "[1",         "{\"a\":1",
        "1 2",       "{}{}",      "[]]",         "\"\n\"",     "\"\t\"",
        "\"\\x41\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\",       "\"\\\"",
        "\"a",       "// c",      "[1]//",       "{\"a\":1}x", "\"\\U0041\"",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        check(bad[i], "error SyntaxError");
}

// Around the numbers at which members and items are moved in batches and a hash is made.
static void test_sizes(void **state)
{
    (void)state;
    struct buf object = {0}, array = {0};
    for (int n = 1; n <= 140; n++) {
        buf_clear(&object);
        buf_clear(&array);
        for (int i = 0; i < n; i++) {
            buf_printf(&object, "%s\"key %d\":[%d]", i ? "," : "{", i, i);
            buf_printf(&array, "%s\"item %d\"", i ? "," : "[", i);
        }
        buf_add_char(&object, '}');
        buf_add_char(&array, ']');
        check(buf_cstr(&object), buf_cstr(&object));
        check(buf_cstr(&array), buf_cstr(&array));
    }
    buf_free(&object);
    buf_free(&array);
}

static void test_object_is_ordinary(void **state)
{
    (void)state;
    assert_value(
        "(function () { var t = '{'; for (var i = 0; i < 100; i++) t += (i ? ',' : '') + '\"k' + i "
        "+ '\":' + i; var o = JSON.parse(t + '}'); var ok = 0; for (i = 0; i < 100; i++) ok += "
        "o['k' + i] === i; o.k5 = 'x'; delete o.k7; o.more = 1; return [ok, o.k5, o.k7, o.more, "
        "Object.keys(o).length, o.hasOwnProperty('k99')] })()",
        "[100,\"x\",null,1,100,true]");
    assert_value(
        "(function () { var o = JSON.parse('{\"a\":1,\"b\":2}'); var k = []; for (var i in o) "
        "k.push(i); var d = Object.getOwnPropertyDescriptor(o, 'a'); return [k, d.writable, "
        "d.enumerable, d.configurable, o instanceof Object, Object.isExtensible(o)] })()",
        "[[\"a\",\"b\"],true,true,true,true,true]");
    assert_value("(function () { var a = JSON.parse('[1,2,3]'); a.push(4); a[9] = 1; return "
                 "[Array.isArray(a), a.length, a.indexOf(4), a] })()",
                 "[true,10,3,[1,2,3,4,null,null,null,null,null,1]]");
    assert_value(
        "(function () { var o = JSON.parse('{\"__proto__\":{\"x\":1}}'); return [o.x === "
        "undefined, "
        "o.hasOwnProperty('__proto__'), Object.getPrototypeOf(o) === Object.prototype] })()",
        "[true,true,true]");
    assert_value("JSON.parse('[1,{\"a\":2}]', function (k, v) { return typeof v === 'number' ? v * "
                 "10 : v })",
                 "[10,{\"a\":20}]");
    assert_value(
        "[1 / JSON.parse('-0') < 0, JSON.parse('1e400'), JSON.parse(5), JSON.parse(' true ')]",
        "[true,null,5,true]");
}

static void test_depth(void **state)
{
    (void)state;
    struct buf b = {0};
    for (int depth = 390; depth <= 410; depth++) {
        buf_clear(&b);
        for (int i = 0; i < depth; i++)
            buf_add_str(&b, i % 2 ? "[" : "{\"a\":");
        buf_add_str(&b, "1");
        for (int i = depth; i-- > 0;)
            buf_add_str(&b, i % 2 ? "]" : "}");
        check(buf_cstr(&b), buf_cstr(&b));
    }
    buf_free(&b);
}

static void random_value(struct buf *b, uint64_t *seed, int depth)
{
    static const char *const words[] = {"null",  "true", "false", "\"\\u00e9\"", "\"a\\nb\"",
                                        "-12.5", "0",    "1e3",   "\"x\"",       "123456789012"};
    uint64_t kind = test_random_below(seed, depth > 0 ? 12 : 10);
    if (kind < 10) {
        buf_add_str(b, words[kind]);
        return;
    }
    buf_add_str(b, kind == 10 ? "[" : "{");
    for (uint64_t n = test_random_below(seed, 6), i = 0; i < n; i++) {
        if (i > 0)
            buf_add_str(b, ", ");
        if (kind == 11)
            buf_printf(b, "\"k%d\" :", (int)test_random_below(seed, 5));
        random_value(b, seed, depth - 1);
    }
    buf_add_str(b, kind == 10 ? "]" : " }");
}

// Damaged documents are taken exactly when an independent scanner takes them.
static void test_against_scanner(void **state)
{
    (void)state;
    struct buf doc = {0};
    struct arena arena = {0};
    uint64_t seed = 20241118;
    int taken = 0, refused = 0;
    for (int round = 0; round < 6000; round++) {
        buf_clear(&doc);
        random_value(&doc, &seed, 4);
        for (uint64_t n = test_random_below(&seed, 3); n > 0 && doc.n > 0; n--) {
            size_t at = test_random_below(&seed, doc.n);
            doc.p[at] = "{}[]:,\"\\0-.e1 \ntu"[test_random_below(&seed, 17)];
        }
        struct json_scan scan;
        enum json_token t;
        json_scan_init(&scan, buf_span(&doc), &arena);
        while ((t = json_scan_next(&scan)) > JSON_T_END)
            continue;
        const char *got = script_run_uplink(&s, buf_span(&doc));
        bool is_refused = strstr(got, "v='error ") != NULL;
        if (is_refused != (t == JSON_T_ERROR))
            fail_msg("%.*s gives %s", SPAN_ARG(buf_span(&doc)), got);
        refused += is_refused;
        taken += !is_refused;
        arena_reset(&arena);
    }
    assert_true(taken > 1000 && refused > 1000);
    assert_int_equal(s.stats.heaps_made, 1);
    buf_free(&doc);
    arena_free(&arena);
}

// Names are remembered from record to record: more of them than are kept, and longer ones.
static void test_names(void **state)
{
    (void)state;
    struct buf b = {0};
    uint64_t seed = 5;
    for (int round = 0; round < 3000; round++) {
        buf_clear(&b);
        buf_add_char(&b, '{');
        for (int i = 0; i < 10; i++) {
            size_t n = test_random_below(&seed, 40) + 1;
            buf_add_str(&b, i ? ",\"" : "\"");
            buf_add_char(&b, (char)('a' + i));
            while (n-- > 0)
                buf_add_char(&b, (char)('a' + test_random_below(&seed, 3)));
            buf_printf(&b, "\":%d", i);
        }
        buf_add_char(&b, '}');
        check(buf_cstr(&b), buf_cstr(&b));
    }
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_sizes),  cmocka_unit_test(test_object_is_ordinary),
        cmocka_unit_test(test_depth),  cmocka_unit_test(test_against_scanner),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
