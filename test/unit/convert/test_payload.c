// SPDX-License-Identifier: Apache-2.0
// The payload is an Array in every way a script can see.
#include "script_run.h"

// The expression's value as JSON, with payload = the bytes 1, 2, 3, 255.
static void check(const char *expression, const char *want)
{
    struct script_run s;
    struct buf script = {0}, full = {0};
    buf_printf(&script,
               "var p = payload; function lessThan3(x) { return x < 3 }\n"
               "return {deviceName: 'd', telemetry: {v: JSON.stringify(%s)}}",
               expression);
    buf_printf(&full, "device d @{v='%s'}", want);
    script_run_init(&s, CONVERT_UPLINK, buf_cstr(&script), NULL);
    const char *got = script_run_uplink(&s, SPAN("\x01\x02\x03\xff"));
    if (strcmp(got, buf_cstr(&full)) != 0)
        fail_msg("%s: %s, not %s", expression, got, buf_cstr(&full));
    script_run_free(&s);
    buf_free(&script);
    buf_free(&full);
}

static void test_is_an_array(void **state)
{
    (void)state;
    check("[Array.isArray(p), p instanceof Array, typeof p, Object.prototype.toString.call(p)]",
          "[true,true,\"object\",\"[object Array]\"]");
    check("[p.constructor === Array, Object.getPrototypeOf(p) === Array.prototype, p.length]",
          "[true,true,4]");
    check("p", "[1,2,3,255]");
    check("Object.keys(p).concat(Object.getOwnPropertyNames(p))",
          "[\"0\",\"1\",\"2\",\"3\",\"0\",\"1\",\"2\",\"3\",\"length\"]");
    check("Object.getOwnPropertyDescriptor(p, 3)",
          "{\"value\":255,\"writable\":true,\"enumerable\":true,\"configurable\":true}");
    check("Object.getOwnPropertyDescriptor(p, \"length\")",
          "{\"value\":4,\"writable\":true,\"enumerable\":false,\"configurable\":false}");
    check("[p[0], p[3], typeof p[4], typeof p[-1], 3 in p, 4 in p, p.hasOwnProperty(0)]",
          "[1,255,\"undefined\",\"undefined\",true,false,true]");
    check("(function () { var k = []; for (var i in p) k.push(i); return k })()",
          "[\"0\",\"1\",\"2\",\"3\"]");
    check("[typeof p[0], p[0] === 1, p[3] >> 1, p[3] << 24 >> 24, p[1] / p[0], ~p[3]]",
          "[\"number\",true,127,-1,2,-256]");
    check("[String(p), p + 1, p == \"1,2,3,255\", Object.isExtensible(p), Object.isFrozen(p)]",
          "[\"1,2,3,255\",\"1,2,3,2551\",true,true,false]");
}

static void test_reading(void **state)
{
    (void)state;
    check("p.slice(1, 3)", "[2,3]");
    check("p.slice(-1)", "[255]");
    check("p.concat([4], 5, p)", "[1,2,3,255,4,5,1,2,3,255]");
    check("[0].concat(p)", "[0,1,2,3,255]");
    check("[p.join(), p.join(\"\"), p.toString(), p.toLocaleString()]",
          "[\"1,2,3,255\",\"123255\",\"1,2,3,255\",\"1,2,3,255\"]");
    check("[p.indexOf(255), p.indexOf(9), p.lastIndexOf(1), p.indexOf(\"1\")]", "[3,-1,0,-1]");
    check("p.map(function (x, i, l) { return x * i + l.length })", "[4,6,10,769]");
    check("p.filter(lessThan3)", "[1,2]");
    check("[p.every(lessThan3), p.some(lessThan3)]", "[false,true]");
    check("[p.reduce(function (a, b) { return a + b }), p.reduceRight(function (a, b) { return a + "
          "\"-\" + b })]",
          "[261,\"255-3-2-1\"]");
    check("(function () { var s = 0; p.forEach(function (x) { s += x }); return s })()", "261");
    check("p.includes(255)", "true");
}

static void test_changing(void **state)
{
    (void)state;
    check("[p.push(7, 8), p]", "[6,[1,2,3,255,7,8]]");
    check("[p.pop(), p.length, p]", "[255,3,[1,2,3]]");
    check("[p.shift(), p.unshift(9), p]", "[1,4,[9,2,3,255]]");
    check("[p.splice(1, 2, \"a\"), p]", "[[2,3],[1,\"a\",255]]");
    check("p.reverse()", "[255,3,2,1]");
    check("p.sort()", "[1,2,255,3]");
    check("p.sort(function (a, b) { return b - a })", "[255,3,2,1]");
    check("(p.length = 2, p)", "[1,2]");
    check("(p[6] = 1, [p.length, p[5], p])", "[7,null,[1,2,3,255,null,null,1]]");
    check("(p[1000000] = 1, [p.length, p[3]])", "[1000001,255]");
    check("(p[0] = {a: 1}, p.x = 2, delete p[1], p)", "[{\"a\":1},null,3,255]");
    check("(p[1] = 0.5, p[2] = -1, p[3] = 300, p)", "[1,0.5,-1,300]");
}

static void test_to_text(void **state)
{
    (void)state;
    check("String.fromCharCode.apply(String, p).length", "4");
    check("String.fromCharCode.apply(null, p).charCodeAt(3)", "255");
    check("String.fromCharCode.apply(String, [104, 233, 8364, 55357, 56481])",
          "\"h\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xa1\"");
}

// The string must be what the plain call gives for the same arguments.
static void test_from_char_code(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "[]",
        "[65]",
        "[0, 127, 128, 255]",
        "[2047, 2048, 65535, 65536, 65601]",
        "[-1, -65, 1.9, 65.5, NaN, Infinity, 4294967361, 1e20]",
        "[55357, 56481, 55357]",
        "[\"65\", true, null, undefined, {valueOf: function () { return 66 }}]",
        "[65, , 66]",
        "(function () { var l = [65]; l[3] = 66; return l })()",
        "(function () { var l = []; l[5000] = 65; l.length = 2; return l })()",
    };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct buf e = {0};
        buf_printf(&e,
                   "(function (l) { var a = String.fromCharCode.apply(String, l), b = \"\", r = "
                   "Reflect.apply(String.fromCharCode, null, l), c = "
                   "Function.prototype.apply.call(String.fromCharCode, 0, l);"
                   "for (var i = 0; i < l.length; i++) b += String.fromCharCode(l[i]);"
                   "return a === b && r === b && c === b && a.length === l.length })(%s)",
                   lists[i]);
        check(buf_cstr(&e), "true");
        buf_free(&e);
    }
    check("String.fromCharCode.apply(String, new Uint8Array([104, 105]))", "\"hi\"");
    check("String.fromCharCode.apply(String, {length: 2, 0: 104, 1: 105})", "\"hi\"");
    check("(function () { return String.fromCharCode.apply(String, arguments) })(104, 105)",
          "\"hi\"");
    check("String.fromCharCode.apply(String)", "\"\"");
    check("String.fromCharCode.apply(String, null)", "\"\"");
    check("(function () { try { String.fromCharCode.apply(String, 5) } catch (e) { return e.name } "
          "})()",
          "\"TypeError\"");
    check("(function () { try { String.fromCharCode.apply(String, [Symbol()]) } catch (e) { return "
          "e.name } "
          "})()",
          "\"TypeError\"");
    check("Math.max.apply(null, p)", "255");
    check("(function () { return this === String ? arguments.length : 0 }).apply(String, p)", "4");
    // apply shows nothing of it.
    check("[Object.getOwnPropertyNames(String.fromCharCode), String.fromCharCode.length, "
          "String.fromCharCode.name, String.fromCharCode.hasOwnProperty(\"apply\"), "
          "String.fromCharCode.apply === Function.prototype.apply]",
          "[[\"length\",\"name\"],1,\"fromCharCode\",false,true]");
}

static void test_large(void **state)
{
    (void)state;
    struct script_run s;
    size_t n = 1 << 20;
    char *bytes = test_malloc(n);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(i * 7);
    script_run_init(
        &s, CONVERT_UPLINK,
        "var t = String.fromCharCode.apply(String, payload), sum = 0;\n"
        "for (var i = 0; i < payload.length; i += 4099) sum += (t.charCodeAt(i) === "
        "payload[i]) + (payload[i] === i * 7 % 256);\n"
        "return {deviceName: [t.length, sum].join(), telemetry: {r: payload.reverse()[0]}}",
        NULL);
    for (int i = 0; i < 3; i++)
        assert_string_equal(script_run_uplink(&s, span_of(bytes, n)),
                            "device 1048576,512 @{r=249}");
    script_run_free(&s);
    test_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_an_array),    cmocka_unit_test(test_reading),
        cmocka_unit_test(test_changing),       cmocka_unit_test(test_to_text),
        cmocka_unit_test(test_from_char_code), cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
