// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "lib/test.h"
#include "syntax/parse.h"
#include "syntax/scope.h"

static const char *const formals[] = {"payload", "metadata", NULL};

// What is accepted; Node accepts all of it as well.
static const char *const good[] = {
    "",
    "return 1",
    "// only a comment",
    "return 1 // c",
    "const a = 1, b = {a, c() { return 1 }, get d() { return 2 }, set d(v) {}, ['x' + 1]: 2, 4: 5}",
    "var o = {async: 1, get: 2, set() {}, static: 3, if: 4, get get() { return 1 }}; o.if.class",
    "return (a, b = 1, {c, d = 2} = {}, [e, , f = 3, ...g], ...h) => a + b",
    "return payload?.a?.[1]?.(2)?.b.c",
    "return a?.5:1",
    "x => x\n/2/1",
    "return `a${1 + `b${2}`}c` + `` + `$` + `$$ {` + `${{a: 1}.a}`",
    "for (const [k, v] of a) { if (k) continue; }",
    "for (let i = 0, n = 3; i < n; i++) {} for (var i in {}) ; for (a.b of c) d; for ({a} of b);",
    "for (let [a, b] in c); for (var x = (1 in {}); x;) {} for (x in a, b) ; for (let of of xs) ;",
    "label: for (;;) { break label } x: { break x } y: z: for (;;) { continue y }",
    "class A extends B { constructor(a) { super(a) } static s() { return super.s() } get x() {} }",
    "class A { static y = 1; z; w = this.z; ['c']() {} static { this.q = 1 } 'str'() {} 1() {} }",
    "class A { static static() {} get get() {} set set(v) {} static async = 1 }",
    "class A extends null { constructor() { (() => super())() } }",
    "var re = /[/]\\/(?:a)/gi; return re.test('a') / 2",
    "return {}\n/1/g",
    "a = b\n++c",
    "do ; while (0) return 1",
    "if (a) function f() {}",
    "if (a) ; else if (b) ; else ;",
    "try { } catch { } try { } catch ({a}) { } finally { }",
    "[a, b] = [b, a]; ({a, b: c.d, ...e} = f); [{a = 1}] = b; ({a = 1}) => a",
    "a ?\?= b ||= c &&= d; a ** b ** c; (-2) ** 2; (a ?? b) || c",
    "1_000.5_0e1_0 + 0xf_f + 0b1 + 0o7 + 1..toString() + .5 + 010 + 089",
    "var let_ = 1; let\nfoo = 2; async = 1; await = 2; yield_ = 3; let2 = async(x); static_ = 4",
    "let = 3; return let",
    "f(a,); (function (a,) {}); (a,) => 1; new F(...a, b,)",
    "new new X()(); new a.b.c(1); new (foo())(); new foo`x`; new.target; () => new.target",
    "return function () { return new.target }",
    "with (a) b",
    "var a = '\\u{1F600}\\x41\\\n' + '\\07'; `\\u{41}`; tag`\\u{zz}`",
    "<!-- c\nreturn 1",
    "x\n--> c\n",
    "var a\\u0062c = 1; \\u{61}bc",
    "x = function () {}(); !function () {}(); (function () {})()",
    "{ function f() {} function f() {} } try {} catch (e) { var e }",
    "delete a?.b; typeof a?.b; (a?.b)(); a\n?.b",
    "{ let a } { let a } let a; function g() { let a }",
    "(() => arguments)(); var payload; function metadata() {}",
    "switch (a) { case 1: let q; break; default: }",
    "'use strict'; var a = 1; function f() { 'use strict'; return this }",
    "var \xc3\xa9 = '\xf0\x9f\x98\x80', \xe4\xb8\xad = /\xc3\xa9/; return \xc3\xa9",
    ("\xef\xbb\xbfreturn\xc2\xa0"
     "1\xe2\x80\xa8+ 2"),
};

// The message and place of what is refused.
static const struct {
    const char *text;
    unsigned line, column;
    const char *message;
} bad[] = {
    {"x y", 1, 3, "y is not expected here"},
    {"return {\n  a: 1\n", 3, 1, "the script ends too early: , or } is missing"},
    {"f(1 2)", 1, 5, ", or ) is missing before 2"},
    {"f(1, 'a' 'b')", 1, 10, ", or ) is missing before a string"},
    {"if (a", 1, 6, "the script ends too early: ) is missing"},
    {"}", 1, 1, "} is not expected here"},
    {"var 1a", 1, 6, "a number and a name need a blank between them"},
    {"a\n  @b", 2, 3, "the character @ has no meaning here"},
    {"a = \xe2\x80\x9c"
     "b\xe2\x80\x9d",
     1, 5, "the character \xe2\x80\x9c has no meaning here"},
    {"a \x01", 1, 3, "a character with the code 1 has no meaning here"},
    {"'abc", 1, 1, "this string has no end: a closing ' is missing"},
    {"'a\nb'", 1, 1, "this string has no end: a closing ' is missing"},
    {"`abc${1}", 1, 8, "this template has no end: a closing ` is missing"},
    {"/* abc", 1, 1, "this comment has no end: */ is missing"},
    {"return /a", 1, 8, "this regular expression has no end: a closing / is missing"},
    {"'\\xg'", 1, 2, "this escape is not complete: \\xHH, \\uHHHH or \\u{H...}"},
    {"'\\u{110000}'", 1, 2, "this escape is not complete: \\xHH, \\uHHHH or \\u{H...}"},
    {"`\\u{zz}`", 1, 1, "an escape in this template is not complete"},
    {"1__0", 1, 2, "an underscore in a number stands between two digits"},
    {"0_1", 1, 2, "an underscore in a number stands between two digits"},
    {"1e", 1, 3, "the exponent has no digits"},
    {"0x", 1, 3, "a digit is missing after 0x"},
    {"var if = 1", 1, 5, "if is a reserved word, it cannot be a name here"},
    {"var \\u0069f", 1, 5, "if is a reserved word, it cannot be a name here"},
    {"'use strict'; var interface", 1, 19, "interface is a reserved word in strict code"},
    // What is not supported
    {"let a = 1;\nasync function f() {}", 2, 1,
     "async functions are not supported: a script returns its result at once"},
    {"const f = async () => 1", 1, 11,
     "async functions are not supported: a script returns its result at once"},
    {"const f = async x => 1", 1, 11,
     "async functions are not supported: a script returns its result at once"},
    {"({async m() {}})", 1, 3,
     "async methods are not supported: a script returns its result at once"},
    {"await x", 1, 1, "await is not supported: a script returns its result at once"},
    {"for await (x of y) ;", 1, 5,
     "for await is not supported: a script returns its result at once"},
    {"function* g() {}", 1, 9, "generators are not supported: collect the values in an array"},
    {"({*g() {}})", 1, 3, "generators are not supported: collect the values in an array"},
    {"class A { *g() {} }", 1, 11, "generators are not supported: collect the values in an array"},
    {"yield 1", 1, 1, "generators are not supported: collect the values in an array"},
    {"import a from 'b'", 1, 1, "modules are not supported: put the code into the script itself"},
    {"return import('b')", 1, 8, "modules are not supported: put the code into the script itself"},
    {"export const a = 1", 1, 1, "modules are not supported: put the code into the script itself"},
    {"return 10n", 1, 8,
     "BigInt is not supported: write the number without n, or as a string when it needs more than "
     "53 bits"},
    {"class A { #x = 1 }", 1, 11, "private names are not supported: write _name instead of #name"},
    {"this.#x", 1, 6, "private names are not supported: write _name instead of #name"},
    {"return\n  eval('1')", 2, 3, "eval is not supported: write the code into the script itself"},
    {"new Function('a')", 1, 1,
     "new Function is not supported: write the function into the script itself"},
    // Early errors
    {"const x", 1, 7, "const x needs a value: = is missing"},
    {"const {a}", 1, 7, "a pattern that declares variables needs a value: = is missing"},
    {"let x, x", 1, 8, "x is already declared here"},
    {"let a; const a = function () {}", 1, 14, "a is already declared here"},
    {"let a; var a", 1, 12, "a is already declared here"},
    {"var a; let a", 1, 12, "a is already declared here"},
    {"{ let a; { var a } }", 1, 16, "a is already declared here"},
    {"{ var a; let a }", 1, 7, "a is already declared here"},
    {"let payload", 1, 5, "payload is already declared here"},
    {"try {} catch (e) { let e }", 1, 24, "e is already declared here"},
    {"try {} catch ([e]) { var e }", 1, 26, "e is already declared here"},
    {"for (let i;;) { var i }", 1, 21, "i is already declared here"},
    {"let f; function f() {}", 1, 17, "f is already declared here"},
    {"class A {} class A {}", 1, 18, "A is already declared here"},
    {"switch (0) { case 0: let a; case 1: let a }", 1, 41, "a is already declared here"},
    {"(a, a) => 1", 1, 5, "two parameters are called a"},
    {"function f(a, [a]) {}", 1, 16, "two parameters are called a"},
    {"for (const x = 1 of y) ;", 1, 16,
     "the variable of a for-in or for-of loop has no value here"},
    {"for (let x, y of z) ;", 1, 13, "one variable is declared here, not several"},
    {"break", 1, 1, "break stands in a loop or switch only"},
    {"continue", 1, 1, "continue stands in a loop only"},
    {"for (;;) { (() => { break })() }", 1, 21, "break stands in a loop or switch only"},
    {"x: { continue x }", 1, 6, "the label x is not one of a loop"},
    {"for (;;) break y", 1, 10, "no label y is around this break"},
    {"a: a: ;", 1, 4, "the label a is already around this place"},
    {"1 = 2", 1, 1, "this cannot be assigned to: a variable or a property is needed"},
    {"a + b = c", 1, 1, "this cannot be assigned to: a variable or a property is needed"},
    {"f()++", 1, 1, "this cannot be assigned to: a variable or a property is needed"},
    {"a?.b = 1", 1, 1, "a place found by ?. cannot be assigned to"},
    {"({a = 1})", 1, 5, "a = inside braces is for patterns; a property's value follows a :"},
    {"[...a, b] = c", 1, 2, "the rest of a pattern must be its last part"},
    {"({a() {}} = b)", 1, 3, "a method cannot be part of a pattern"},
    {"-2 ** 2", 1, 1, "put the operand of ** into parentheses: (-a) ** b or -(a ** b)"},
    {"a ?? b || c", 1, 6, "?? and || or && need parentheses around one of them"},
    {"x || a => 1", 1, 8, "=> is not expected here"},
    {"x || (a => 1), y && () => 1", 1, 21, "an arrow function stands in parentheses here"},
    {"super()", 1, 1, "super() stands in the constructor of a class that extends another"},
    {"super.x", 1, 1, "super.name stands in methods only"},
    {"class A { constructor() {} constructor() {} }", 1, 28, "a class has one constructor"},
    {"class A { x = arguments }", 1, 15, "arguments cannot stand in the value of a field"},
    {"'use strict'; with (a) {}", 1, 15, "with is not allowed in strict code"},
    {"'use strict'; eval = 1", 1, 15, "eval cannot be assigned to in strict code"},
    {"'use strict'; 010", 1, 15,
     "octal numbers and escapes are not allowed in strict code: write 0o17 or \\x0f"},
    {"function f(a = 1) { 'use strict' }", 1, 21,
     "\"use strict\" cannot stand in a function with defaults, rest or patterns among its "
     "parameters"},
    {"if (1) let x", 1, 8, "a declaration needs a block around it here: { }"},
    {"throw\n1", 1, 1, "what throw throws must begin on the same line"},
    {"a?.`x`", 1, 4, "a template cannot follow ?."},
    {"try {}", 1, 1, "try needs a catch or a finally"},
    {"--> c", 1, 3, "> is not expected here"},
    {"function () {}", 1, 10, "( is not expected here"},
};

struct parsed {
    struct arena arena;
    struct ast_tree tree;
    struct scope_tree scopes;
    struct syntax_error error;
};

static int parse(struct parsed *p, struct span text)
{
    *p = (struct parsed){0};
    int rc = syntax_parse(text, formals, &p->arena, &p->tree, &p->error);
    return rc == 0 ? scope_analyse(&p->tree, &p->arena, &p->scopes, &p->error) : rc;
}

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct parsed p;
        if (parse(&p, span_str(good[i])) != 0)
            fail_msg("%s\n gives %s", good[i], p.error.msg);
        arena_free(&p.arena);
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct parsed p;
        struct span text = span_str(bad[i].text);
        if (parse(&p, text) != ERR_INVALID)
            fail_msg("%s\n is accepted", bad[i].text);
        struct syntax_place place = syntax_locate(text, p.error.at);
        if (strcmp(p.error.msg, bad[i].message) != 0 || place.line != bad[i].line ||
            place.column != bad[i].column)
            fail_msg("%s\n gives %u:%u %s", bad[i].text, place.line, place.column, p.error.msg);
        arena_free(&p.arena);
    }
}

// Every text, cut anywhere, ends in a tree or an error.
static void test_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        for (size_t n = 0; n < strlen(good[i]); n++) {
            struct span text = span_of(good[i], n);
            struct parsed p;
            if (!span_is_utf8(text))
                continue;
            if (parse(&p, text) != 0)
                assert_true(p.error.at <= n && p.error.msg[0] != 0);
            arena_free(&p.arena);
        }
    }
}

static void check_ranges(void *ctx, struct ast_node *n)
{
    const struct ast_node *parent = ctx;
    assert_true(n->start >= parent->start && n->end <= parent->end && n->start <= n->end);
    ast_each_child(n, check_ranges, n);
}

// A node lies within its parent.
static void test_ranges(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct parsed p;
        assert_int_equal(parse(&p, span_str(good[i])), 0);
        ast_each_child(p.tree.body->c, check_ranges, p.tree.body);
        arena_free(&p.arena);
    }
}

static void check_repeated(const char *before, unsigned n, const char *piece, const char *after,
                           const char *message)
{
    struct buf text = {0};
    struct parsed p;
    buf_add_str(&text, before);
    for (unsigned i = 0; i < n; i++)
        buf_add_str(&text, piece);
    buf_add_str(&text, after);
    int rc = parse(&p, buf_span(&text));
    if (message)
        assert_string_equal(p.error.msg, message);
    else if (rc != 0)
        fail_msg("%u times %s: %s", n, piece, p.error.msg);
    arena_free(&p.arena);
    buf_free(&text);
}

// Depth is bounded whatever it is made of; length is not.
static void test_depth(void **state)
{
    (void)state;
    static const char *const deep[] = {
        "(",    "[",   "{a:",   "!",       "a?",  "a=>",  "f(",       "`${",
        "new ", "{",   "if(a)", "for(;;)", "a=",  "-",    "class{x=", "function(){(",
        "x=>{", "do ", "try{",  "a:",      "[a=", "({a=", "async(",   "delete "};
    for (size_t i = 0; i < sizeof(deep) / sizeof(deep[0]); i++) {
        struct buf text = {0};
        struct parsed p;
        for (int k = 0; k < 20000; k++)
            buf_add_str(&text, deep[i]);
        assert_int_equal(parse(&p, buf_span(&text)), ERR_INVALID);
        arena_free(&p.arena);
        buf_free(&text);
    }
    check_repeated("a = ", 90, "(", "1", "the script ends too early: ) is missing");
    check_repeated("a = 1", 700, " + 1", ";", NULL);
    check_repeated("a = 1", 1000, " + 1", ";",
                   "the script is nested too deeply: more than 800 levels");
    check_repeated("a", 1000, ".a", ";", "the script is nested too deeply: more than 800 levels");
    check_repeated("if (a) {}", 700, " else if (a) {}", "", NULL);
    check_repeated("if (a) {}", 900, " else if (a) {}", "",
                   "the script is nested too deeply: more than 800 levels");
    check_repeated("", 20000, "a = 1;\n", "", NULL);
    check_repeated("a = [", 20000, "1,", "]", NULL);
    check_repeated("a = [", 200000, "1,1,", "]",
                   "the script is too large: it has more than 400000 parts");
}

static void check_caret(const char *text, uint32_t line, uint32_t column, const char *want)
{
    struct buf out = {0};
    syntax_add_caret(&out, span_str(text), (struct syntax_place){line, column});
    assert_string_equal(buf_cstr(&out), want);
    buf_free(&out);
}

static void test_places(void **state)
{
    (void)state;
    struct span text = SPAN("a\r\nb\xc3\xa9"
                            "c\n\xe2\x80\xa8"
                            "d\re");
    static const struct {
        uint32_t at, line, column;
    } rows[] = {{0, 1, 1}, {1, 1, 2},  {3, 2, 1},  {4, 2, 2},  {6, 2, 3},
                {8, 3, 1}, {11, 4, 1}, {13, 5, 1}, {14, 5, 2}, {99, 5, 2}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct syntax_place p = syntax_locate(text, rows[i].at);
        if (p.line != rows[i].line || p.column != rows[i].column)
            fail_msg("byte %u is at %u:%u", rows[i].at, p.line, p.column);
    }
    check_caret("one\ntwo three\nfour", 2, 5, "two three\n    ^\n");
    check_caret("one", 1, 4, "one\n   ^\n");
    check_caret("a\n\tb\xc3\xa9 = 1", 2, 4, "\tb\xc3\xa9 = 1\n\t  ^\n");
    struct buf line = {0}, out = {0};
    for (int i = 0; i < 1000; i++)
        buf_add_str(&line, "0123456789");
    syntax_add_caret(&out, buf_span(&line), (struct syntax_place){1, 5003});
    assert_true(out.n < 200);
    buf_free(&line);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),   cmocka_unit_test(test_bad),   cmocka_unit_test(test_cut),
        cmocka_unit_test(test_ranges), cmocka_unit_test(test_depth), cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
