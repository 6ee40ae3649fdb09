// SPDX-License-Identifier: Apache-2.0
#include "script_run.h"

static const struct {
    const char *script, *want;
} rows[] = {
    // The line is the author's own.
    {"var a;\n\na.b",
     "script: TypeError: cannot read property 'b' of undefined (line 3, column 3)"},
    {"return f();\nfunction f() {\n  return g()\n}\nfunction g() {\n  nope\n}",
     "script: ReferenceError: identifier 'nope' undefined (line 6, column 3)"},
    {"\n\n  x y", "script: SyntaxError: y is not expected here (line 3, column 5)"},
    {"return {\n  deviceName: 'x'\n",
     "script: SyntaxError: the script ends too early: , or } is missing (line 3, column 1)"},
    {"\nJSON.parse('{')", "script: SyntaxError: invalid json (at offset 2) (line 2, column 6)"},
    {"\nvar f = null; f()", "script: TypeError: null not callable (line 2, column 15)"},
    {"\n\nthrow new RangeError('too warm')", "script: RangeError: too warm (line 3, column 7)"},
    {"throw new Error('')", "script: Error (line 1, column 7)"},
    {"\nthrow new Error('broken frame (line 9)')",
     "script: Error: broken frame (line 9) (line 2, column 7)"},
    {"\n[1, 2].forEach(function (x) {\n  throw new Error(x)\n})",
     "script: Error: 1 (line 3, column 9)"},
    // Anything can be thrown.
    {"throw 'text'", "script: thrown: text"},
    {"throw 5", "script: thrown: 5"},
    {"throw null", "script: thrown: null"},
    {"throw undefined", "script: thrown: undefined"},
    {"throw {code: 7}", "script: thrown: {\"code\":7}"},
    {"throw [1]", "script: thrown: [1]"},
    {"throw '\\ud83d\\udca1 \\ud83d'", "script: thrown: \xf0\x9f\x92\xa1 \xef\xbf\xbd"},
    {"var e = new Error('a'); e.message = 'b'; e.name = 'Own'; throw e",
     "script: Own: b (line 1, column 9)"},
    // What is thrown can be hostile.
    {"throw {toString: function () { throw new Error('inner') }, toJSON: function () { throw 'x' "
     "}}",
     "script: thrown: x"},
    {"var e = new Error('a'); e.toString = function () { return 'told' }; throw e",
     "script: told (line 1, column 9)"},
    {"var e = new Error('a'); Object.defineProperty(e, 'lineNumber', {get: function () { throw 1 "
     "}}); "
     "throw e",
     "script: Error: a (line 1, column 9)"},
    {"\neval('1;\\n\\n nope')", "script: SyntaxError: eval is not supported: write the code into "
                                "the script itself (line 2, column 1)"},
    {"(0, eval)('1')", "script: EvalError: eval is not supported: write the code into the script "
                       "itself (line 1, column 9)"},
    {"(function () {}).constructor('return 1')",
     "script: EvalError: new Function is not supported: write the function into the script itself "
     "(line 1, column 18)"},
    {"throw new Proxy({}, {get: function () { throw new Error('trap') }})",
     "script: Error: trap (line 1, column 47)"},
    {"throw Symbol('s')", "script: thrown: "},
    // So can a result.
    {"return {deviceName: {toJSON: function () { throw new Error('no json') }}}",
     "script: Error: no json (line 1, column 50)"},
    {"return Object.defineProperty({}, 'deviceName', {get: function () {\nthrow new "
     "Error('getter') }, "
     "enumerable: true})",
     "script: Error: getter (line 2, column 7)"},
    {"return new Proxy({}, {ownKeys: function () { throw new Error('keys') }})",
     "script: Error: keys (line 1, column 52)"},
    {"return {deviceName: new Proxy({}, {get: function (t, k) { throw new Error('get ' + k) }})}",
     "script: Error: get toJSON (line 1, column 65)"},
    {"var p = new Proxy([], {get: function (t, k) { return k === 'length' ? 1e9 : 1 }}); return "
     "{deviceName: 'a', telemetry: {p: p}}",
     "script: RangeError: the result has more than 200000 values"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct script_run s;
        script_run_init(&s, CONVERT_UPLINK, rows[i].script, NULL);
        for (int again = 0; again < 2; again++) {
            const char *got = script_run_uplink(&s, SPAN("x"));
            size_t n = strlen(rows[i].want);
            // A trailing blank stands for any text.
            if (rows[i].want[n - 1] == ' ' ? strncmp(got, rows[i].want, n) != 0
                                           : strcmp(got, rows[i].want) != 0)
                fail_msg("%s\n gives %s\n not   %s", rows[i].script, got, rows[i].want);
        }
        script_run_free(&s);
    }
}

// A long message is cut between characters.
static void test_long_message(void **state)
{
    (void)state;
    struct script_run s;
    script_run_init(&s, CONVERT_UPLINK, "throw new Error('x' + Array(5000).join('\\u20ac'))", NULL);
    struct span got = span_str(script_run_uplink(&s, SPAN("")));
    assert_true(got.n > 500 && got.n < 2000);
    assert_true(span_is_utf8(got));
    assert_true(span_has_suffix(got, SPAN("\xe2\x82\xac")));
    script_run_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),
                                       cmocka_unit_test(test_long_message)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
