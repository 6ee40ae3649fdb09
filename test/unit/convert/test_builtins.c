// SPDX-License-Identifier: Apache-2.0
#include "script_run.h"

static void test_language(void **state)
{
    (void)state;
    assert_value("Object.entries({a: 1, b: [2]})", "[[\"a\",1],[\"b\",[2]]]");
    assert_value("Object.entries('ab')", "[[\"0\",\"a\"],[\"1\",\"b\"]]");
    assert_value("Object.values({a: 1, b: 2})", "[1,2]");
    assert_value("Object.fromEntries([['a', 1], ['b', {c: 2}]])", "{\"a\":1,\"b\":{\"c\":2}}");
    assert_value("Object.assign({a: 1, b: 1}, {b: 2}, null, undefined, {c: 3})",
                 "{\"a\":1,\"b\":2,\"c\":3}");
    assert_value("[[1, 2].includes(2), [1].includes('1'), [NaN].includes(NaN), [0].includes(-0)]",
                 "[true,false,true,true]");
    assert_value("[[1, 2, 3].includes(1, 1), [1, 2, 3].includes(3, -1), [,].includes(undefined), "
                 "[].includes()]",
                 "[false,true,true,false]");
    assert_value("Array.prototype.includes.call({length: 2, 1: 'x'}, 'x')", "true");
    assert_value("[].slice.call(Uint8Array.from([1, 2, 300]))", "[1,2,44]");
    assert_value("[].slice.call(Uint8Array.from('123', function (x, i) { return x * 2 + i }))",
                 "[2,5,8]");
    assert_value("[Int16Array.from([40000])[0], Uint8Array.from({length: 3}).length]",
                 "[-25536,3]");
    assert_value("[new Uint8Array([1, 2, 3]).reduce(function (a, b) { return a + b }), new "
                 "Float64Array([0.5]).reduce(function (a, b) { return a + b }, 1)]",
                 "[6,1.5]");
}

static void test_language_errors(void **state)
{
    (void)state;
    assert_uplink("Object.entries(null)", "",
                  "script: TypeError: null and undefined are no objects (line 1, column 8)");
    assert_uplink("Object.fromEntries(5)", "",
                  "script: TypeError: 5 is not iterable (line 1, column 8)");
    assert_uplink("Object.fromEntries([5])", "",
                  "script: TypeError: Object.fromEntries: pairs are needed (line 1, column 8)");
    assert_uplink("new Uint8Array([]).reduce(function () {})", "",
                  "script: TypeError: invalid args (line 1, column 20)");
    assert_uplink(
        "new Uint8Array([1]).reduce(5)", "",
        "script: TypeError: function required, found 5 (stack index 0) (line 1, column 21)");
    assert_uplink("Uint8Array.from([1], 5)", "",
                  "script: TypeError: the mapping is not a function (line 1, column 12)");
}

// Copies obey the limits of a run, whatever they are copies of.
static void test_clone_limits(void **state)
{
    (void)state;
    assert_uplink("for (var d = [], i = 0; i < 100000; i++) d = [d]; structuredClone(d)", "",
                  "script: RangeError: Maximum call stack size exceeded (line 1, column 51)");
    assert_uplink("for (var d = [], i = 0; i < 450; i++) d = {d: d}; structuredClone(d)", "",
                  "script: RangeError: Maximum call stack size exceeded (line 1, column 51)");
    assert_uplink(
        "structuredClone({f: function () {}})", "",
        "script: DataCloneError: function f() { [ecmascript code] } could not be cloned. (line "
        "1, column 1)");
    assert_value("(function () { for (var d = [], i = 0; i < 390; i++) d = {d: d}; return "
                 "structuredClone(d) !== d })()",
                 "true");
    // A getter that changes what is being copied.
    assert_value("structuredClone({get a() { delete this.b; return 1 }, b: 2})", "{\"a\":1}");
    assert_value(
        "(function () { var m = new Map([[1, {get x() { m.clear(); return 5 }}], [2, 3]]); "
        "return structuredClone(m).size })()",
        "2");
}

// As scripts see built-ins: nothing of them in for-in, and their own length and name.
static void test_look(void **state)
{
    (void)state;
    assert_value(
        "(function () { var k = []; for (var i in [1]) k.push(i); for (i in {}) k.push(i); for "
        "(i in new Uint8Array(1)) k.push(i); for (i in globalThis) k.push(i); return k })()",
        "[\"0\",\"0\"]");
    assert_value(
        "[[].includes.length, [].includes.name, Object.entries.length, decodeToString.length, "
        "parseBytesToInt.name]",
        "[1,\"includes\",1,1,\"parseBytesToInt\"]");
    assert_value("Object.getOwnPropertyDescriptor(Array.prototype, 'includes').writable && "
                 "Object.getOwnPropertyDescriptor(globalThis, 'atob').configurable",
                 "true");
}

static void test_helpers(void **state)
{
    (void)state;
    assert_value("decodeToString([104, 195, 169, 240, 159, 146, 161, 255])",
                 "\"h\xc3\xa9\xf0\x9f\x92\xa1\xef\xbf\xbd\"");
    assert_value(
        "decodeToString(new Uint8Array([104, 105])) + decodeToString([]) + decodeToString('x')",
        "\"hix\"");
    assert_value("decodeToJson([123, 34, 97, 34, 58, 49, 125]).a", "1");
    assert_value("base64ToBytes('AAEC/w==')", "[0,1,2,255]");
    assert_value("[base64ToBytes('AAEC/w'), base64ToBytes(''), base64ToBytes(' AA\\nEC ')]",
                 "[[0,1,2,255],[],[0,1,2]]");
    assert_value("[bytesToBase64([0, 1, 2, 255]), bytesToBase64([]), bytesToBase64([-1, 257])]",
                 "[\"AAEC/w==\",\"\",\"/wE=\"]");
    assert_value("[bytesToHex([0, 171, -1]), bytesToHex(new Uint8Array([16])), bytesToHex([])]",
                 "[\"00ABFF\",\"10\",\"\"]");
    assert_value("[hexToBytes('00abFF'), hexToBytes('0x10'), hexToBytes('')]",
                 "[[0,171,255],[16],[]]");
    assert_value(
        "[parseBytesToInt([1, 2, 3, 4, 5], 1, 2), parseBytesToInt([1, 2, 3], 1, 2, false), "
        "parseBytesToInt([255, 255, 255, 255]), parseBytesToInt([255, 255]), "
        "parseBytesToInt([7], 1), parseBytesToInt([1, 2], 0, 2, true)]",
        "[515,770,-1,65535,0,258]");
    assert_value("[toFixed(1.005, 2), toFixed(-1.5, 0), toFixed(22, 3), toFixed(0.1 + 0.2, 10), "
                 "toFixed('3.14159', 2), toFixed(2.5)]",
                 "[1.01,-2,22,0.3,3.14,3]");
    assert_value("[btoa('hi\\u00ff'), btoa(''), atob('aGn/'), atob('aGk'), atob(' aG k= ')]",
                 "[\"aGn/\",\"\",\"hi\xc3\xbf\",\"hi\",\"hi\"]");
}

static void test_helper_errors(void **state)
{
    (void)state;
    assert_uplink("decodeToString(5)", "",
                  "script: TypeError: an array of bytes is needed (line 1, column 1)");
    assert_uplink("decodeToString()", "",
                  "script: TypeError: an array of bytes is needed (line 1, column 1)");
    assert_uplink("decodeToString({length: 1e9})", "",
                  "script: RangeError: more than 16777216 bytes (line 1, column 1)");
    assert_uplink("decodeToJson([123])", "",
                  "script: SyntaxError: invalid json (at offset 2) (line 1, column 1)");
    assert_uplink("base64ToBytes('A')", "",
                  "script: TypeError: the text is not base64 (line 1, column 1)");
    assert_uplink("base64ToBytes('A_==')", "",
                  "script: TypeError: the text is not base64 (line 1, column 1)");
    assert_uplink("hexToBytes('abc')", "",
                  "script: TypeError: the text is not hexadecimal (line 1, column 1)");
    assert_uplink("hexToBytes('zz')", "",
                  "script: TypeError: the text is not hexadecimal (line 1, column 1)");
    assert_uplink("parseBytesToInt([1, 2], 3)", "",
                  "script: RangeError: parseBytesToInt: there are only 2 bytes (line 1, column 1)");
    assert_uplink("parseBytesToInt([1, 2], 1, 2)", "",
                  "script: RangeError: parseBytesToInt: there are only 2 bytes (line 1, column 1)");
    assert_uplink(
        "parseBytesToInt([1, 2, 3, 4, 5])", "",
        "script: RangeError: parseBytesToInt: at most 4 bytes make an int (line 1, column 1)");
    assert_uplink("parseBytesToInt([1], NaN)", "",
                  "script: RangeError: parseBytesToInt: there are only 1 bytes (line 1, column 1)");
    assert_uplink(
        "btoa('\\u0100')", "",
        "script: RangeError: btoa: the text has characters above U+00FF (line 1, column 1)");
    assert_uplink("atob('*')", "", "script: TypeError: the text is not base64 (line 1, column 1)");
}

// A script's own declarations win over the helpers.
static void test_shadowing(void **state)
{
    (void)state;
    assert_uplink(
        "return {deviceName: decodeToString(payload)};\nfunction decodeToString(p) { return "
        "'own' + String.fromCharCode.apply(String, p) }",
        "\xc3\xa9", "device own\xc3\x83\xc2\xa9");
    assert_uplink("var atob = function () { return 'mine' }; return {deviceName: atob('x')}", "",
                  "device mine");
    assert_uplink("toFixed = 5; return {deviceName: toFixed}", "", "device 5");
    assert_uplink("return {deviceName: decodeToString(payload)}", "\xc3\xa9", "device \xc3\xa9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_language),     cmocka_unit_test(test_language_errors),
        cmocka_unit_test(test_clone_limits), cmocka_unit_test(test_look),
        cmocka_unit_test(test_helpers),      cmocka_unit_test(test_helper_errors),
        cmocka_unit_test(test_shadowing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
