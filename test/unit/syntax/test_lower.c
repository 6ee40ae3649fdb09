// SPDX-License-Identifier: Apache-2.0
#include "syntax/lower.h"

#include <time.h>

#include "lib/test.h"
#include "syntax/parse.h"

static const char *const formals[] = {"payload", "metadata", NULL};

// What each construct becomes; whether that runs as it should is for the tests of convert.
static const struct {
    const char *text, *want;
} rows[] = {
    {"const a = 1; let b; var c = a", "var a = 1; var b; var c = a;"},
    {"{ let a = 1; { let a = 2 } }", "{ var a$2 = 1; { var a$1 = 2; } }"},
    {"const f = (x) => x + 1", "var f = (function(x){return (x + 1);});"},
    {"const f = () => { return this }", "var $this=this;var f = (function(){ return $this; });"},
    {"function f() { return (() => arguments.length)() }",
     "function f(){var $arguments=arguments; return ((function(){return ($arguments.length);}))(); "
     "}"},
    {"return `a${b}c`", "return $text(\"a\",b,\"c\");"},
    {"return `a\n\"b\"`", "return \"a\\n\\\"b\\\"\";"},
    {"tag`a${b}\\n`", "(tag($s1||($s1=$site([\"a\",\"\\\\n\"],\"a\",\"\\n\")),b));var $s1;"},
    {"const {a, b: {c = 2}, ...d} = e",
     "var $1=e,a=$1.a,$2=$1.b,c=($3=$2.c)===void 0?(2):$3,d=$others($1,\"a\",\"b\");var $1,$2,$3;"},
    {"const [a, , b = 1, ...c] = d",
     "var $1=d,$2=$list($1,-1),a=$2[0],b=($3=$2[2])===void 0?(1):$3,c=$rest($2,3);var $1,$2,$3;"},
    {"[a, b] = [b, a]", "($1=[b, a],$2=$list($1,2),a=$2[0],b=$2[1],$1);var $1,$2;"},
    {"function f(a, b = 2, {c}, ...d) { return a }",
     "function f(a,b,$p2){if(b===void 0)b=(2);var c=$p2.c;var d=$rest(arguments,3); return a; }"},
    {"for (const x of list) { x.y }", "for($1=$iter($3=list),$2=0;$2<$1.length||$1!==$3&&$more($1);"
                                      "){var x=$1[$2++];{ x.y; }}var $1,$2,$3;"},
    {"a: for (const x of Symbol) { if (x) continue; if (y) break a; return x }",
     "a: for($1=$iter($3=Symbol),$2=0;$2<$1.length||$1!==$3&&$more($1);){$4=0;try{{var "
     "x=$1[$2++];{ if (x) {$4=1;continue ;} if (y) {$4=2;break a;} {$5=x;$4=2;return $5;} "
     "}}$4=1;}finally{$4===1||$close($1,$4);}}var $1,$2,$3,$4,$5;"},
    {"for (const x of o.return) f(() => { g(x) })",
     "for($1=$iter($3=o.return),$2=0;$2<$1.length||$1!==$3&&$more($1);){$4=0;try{{$5=(function(x){"
     "f((function(){ g(x); }));})($1[$2++]);}$4=1;}finally{$4===1||$close($1,$4);}}var "
     "$1,$2,$3,$4,$5;"},
    {"for (let i = 0; f(() => i), i < 2; i++) g()",
     "for (var i = 0,$w2=i,$f1=0;;){$1=(function(i){try{if($f1)(i++);else "
     "$f1=1;if(!(f((function(){return (i);})), i < 2))return "
     "1;g();}finally{$w2=i;}})($w2);if($1===1)break ;}var $1;"},
    {"for (const x of y) { function f() { return x } }",
     "for($1=$iter($3=y),$2=0;$2<$1.length||$1!==$3&&$more($1);){$4=(function(x){{f$1=function(){ "
     "return x; }; f=f$1; }var f$1;})($1[$2++]);}var $1,$2,$3,$4,f;"},
    {"for (const k in o) list.push(() => k)",
     "for($1 in o){$2=(function(k){list.push((function(){return (k);}));})($1);}var $1,$2;"},
    {"for (let i = 0; i < 3; i++) { fs.push(() => i); if (i) break }",
     "for (var i = 0; i < 3; i++) {$1=(function(i){{ fs.push((function(){return (i);})); if (i) "
     "return 1; }})(i);if($1===1)break ;}var $1;"},
    {"outer: for (const a of x) { for (const b of y) { f(() => b); continue outer } }",
     "outer: for($1=$iter($3=x),$2=0;$2<$1.length||$1!==$3&&$more($1);){var a=$1[$2++];{ "
     "for($4=$iter($6=y),$5=0;$5<$4.length||$4!==$6&&$more($4);){$7=(function(b){{ "
     "f((function(){return (b);})); return 1; }})($4[$5++]);if($7===1)continue outer;} }}var "
     "$1,$2,$3,$4,$5,$6,$7;"},
    {"return a?.b.c?.(d)",
     "return (($1=a)==null||($2=($3=$1.b).c)==null?void 0:$call($2,$3,d));var $1,$2,$3;"},
    {"let o = {}; return o?.[1]", "var o = {}; return (o==null?void 0:o[1]);"},
    {"return delete a?.b", "return (($1=a)==null?true:delete $1.b);var $1;"},
    {"return a ?? b", "return (($1=a)!=null?$1:b);var $1;"},
    {"let a; a ?\?= 1; o.p ||= 2", "var a; (a!=null?a:(a=(1))); (($1=o).p||($1.p=(2)));var $1;"},
    {"f(...a, b)", "$apply(f,void 0,$spread(1,a,0,b));"},
    {"o.f(...a)", "$apply(($1=o).f,$1,$list(a,-1));var $1;"},
    {"return [1, ...a, , 2]", "return $spread(0,(1),1,a,2,0,0,(2));"},
    {"return {...a, b, ...c}", "return $mix($mix($mix({},a,0),{b},1),c,0);"},
    {"f(a, b,)", "f(a, b);"},
    {"try { f() } catch { g() }", "try { f(); } catch($e1){ g(); }"},
    {"return 1_000 + '\\u{1F600}'", "return 1000 + '\\ud83d\\ude00';"},
    {"const a = 1; a = 2; a++", "var a = 1; ($fixed(\"a\",(2))); ($fixed(\"a\"));"},
    {"f(); let a = 1; function f() { return a }",
     "a=$unset;f(); var a = 1; function f(){ return (a===$unset?$dead(\"a\"):a); }"},
    {"class A { m() { return 1 } static s = 2 }",
     "var A=($m2=[5,0,function(){\"use strict\";$needs_new(this,$c1);},0,\"m\",function(){\"use "
     "strict\"; return 1; },11,\"s\",function(){\"use strict\";return "
     "(2);}],$c1=$class($m2),$statics($m2,$c1),$c1);var $c1,$m2;"},
    {"class B extends A { x = 1; constructor() { super(1); this.y = 2 } m() { return super.m() } }",
     "var B=($b3=A,$m2=[3,\"x\",function(){\"use strict\";return (1);},5,0,function(){\"use "
     "strict\";var $this,$raw=this;$needs_new(this,$c1); "
     "($fields($m2,$this=$once($super($b3,$raw,[(1)]),$this))); ($this||$no_this()).y = 2;return "
     "$this||$no_this(); },0,\"m\",function(){\"use strict\"; return "
     "$super_call($c1.prototype,\"m\",this); }],$c1=$class($m2,$b3),$c1);var $c1,$m2,$b3;"},
    {"class B extends A { m() { super.x += 1; return super[k]++ } }",
     "var B=($b3=A,$m2=[5,0,function(){\"use strict\";$needs_new(this,$c1);return "
     "$super($b3,this,arguments)},0,\"m\",function(){\"use strict\"; "
     "($super_set($c1.prototype,\"x\",$super_get($c1.prototype,\"x\",this)+(1),this)); return "
     "($1=k,$2=+$super_get($c1.prototype,$1,this),$super_set($c1.prototype,$1,$2+1,this),$2);var "
     "$1,$2; }],$c1=$class($m2,$b3),$c1);var $c1,$m2,$b3;"},
    {"class A { m() { A = 1 } }",
     "var A=($m2=[5,0,function(){\"use strict\";$needs_new(this,$c1);},0,\"m\",function"
     "(){\"use strict\"; ($fixed(\"A\",(1))); }],$c1=$class($m2),$c1);var $c1,$m2;"},
    {"for (let i = i; ; );", "for (var i=$unset,i = (i===$unset?$dead(\"i\"):i); ; );"},
    {"function f(a = b, b) {}", "function f(a,b){if(a===void 0)a=$dead(\"b\");}"},
    {"function f(a = b) { var b }", "function f(a){if(a===void 0)a=b; var b$1; }"},
    {"function f(a, b = 1) { arguments[0] = 2 }",
     "function f($p0,$p1){var a=$p0;if($p1===void 0)$p1=(1);var b=$p1; arguments[0] = 2; }"},
    {"return (o.f)?.(1)", "return (($1=($2=o).f)==null?void 0:$call($1,$2,(1)));var $1,$2;"},
    {"return {delete() {}}", "return {delete:function(){}};"},
    {"return {m() { return super.f?.(1) }}",
     "return ($h1={m(){ return (($1=$super_get($h1,\"f\",this))==null?void "
     "0:$call($1,this,(1)));var "
     "$1; }});var $h1;"},
    {"if (a) { function f() {} } else { function f() {} }",
     "if (a) {f$2=function(){}; f=f$2; } else {f$1=function(){}; f=f$1; }var f$2,f,f$1,f;"},
    {"let a = b\n;[c] = d\nlet e = () => 1\nreturn e",
     "var a = b;($1=\nd,$2=$list($1,1),c=$2[0],$1);\nvar e = (function(){return (1);});\nreturn "
     "e;var $1,$2;"},
    {"switch (a) { case 1: let b = 2; default: return b }",
     "switch (b=$unset,a) { case 1: var b = 2; default: return (b===$unset?$dead(\"b\"):b); }"},
    {"a\n  ?.b\n  .c(`x${\n1}`)\nf()",
     "(($1=a)==null?void 0:$1.\nb.\nc($text(\"x\",(\n1))));\nf();var $1;"},
    {"const {a = 1} = b", "var $1=b,a=($2=$1.a)===void 0?(1):$2;var $1,$2;"},
    {"let x; { const x = 1; f(() => x) } x",
     "var x; { var x$1 = 1; f((function(){return (x$1);})); } x;"},
    {"var $ = 1, $$ = () => $", "var $ = 1,$$ = (function(){return ($);});"},
    {"'use strict'; const a = () => b", "'use strict'; var a = (function(){return (b);});"},
};

// Runs as it stands: not changed.
static const char *const plain[] = {
    "",
    "var a = 1; function f(b) { return a + b } return f(2)",
    "var o = {a, m() { return 1 }, get g() { return 2 }, ['x' + 1]: 3}; return 2 ** 3",
    "if (a) { function f() {} } return 0b11 + 0o17 + 017",
    "with (o) { a }",
    "try { f() } catch (e) { g(e) } finally { h() } // end",
    "var r = /a[/]b/g; x: for (var i in o) { continue x }",
};

struct lowering {
    struct arena arena;
    struct ast_tree tree;
    struct scope_tree scopes;
    struct lowered code;
    struct syntax_error error;
};

static int lower(struct lowering *l, const char *text)
{
    *l = (struct lowering){0};
    int rc = syntax_parse(span_str(text), formals, &l->arena, &l->tree, &l->error);
    if (rc == 0)
        rc = scope_analyse(&l->tree, &l->arena, &l->scopes, &l->error);
    return rc == 0 ? lower_script(&l->tree, &l->scopes, &l->arena, &l->code, &l->error) : rc;
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lowering l;
        if (lower(&l, rows[i].text) != 0)
            fail_msg("%s\n is refused: %s", rows[i].text, l.error.msg);
        if (!span_is(l.code.text, rows[i].want))
            fail_msg("%s\n becomes %.*s", rows[i].text, SPAN_ARG(l.code.text));
        arena_free(&l.arena);
    }
}

static void test_plain(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        struct lowering l;
        assert_int_equal(lower(&l, plain[i]), 0);
        if (l.code.changed)
            fail_msg("%s\n becomes %.*s", plain[i], SPAN_ARG(l.code.text));
        arena_free(&l.arena);
    }
}

// The place in the source of the word in the lowered text.
static void check_place(const char *text, const char *word, uint32_t line, uint32_t column)
{
    struct lowering l;
    assert_int_equal(lower(&l, text), 0);
    const char *at = memmem(l.code.text.p, l.code.text.n, word, strlen(word));
    assert_non_null(at);
    uint32_t source = source_map_find(&l.code.map, (uint32_t)(at - l.code.text.p));
    struct syntax_place place = syntax_locate(span_str(text), source);
    if (place.line != line || place.column != column)
        fail_msg("%s in\n%s\n is at %u:%u", word, text, place.line, place.column);
    // Every line of the source that goes on in the lowered text is the same line there.
    uint32_t lowered_line = syntax_locate(l.code.text, (uint32_t)(at - l.code.text.p)).line;
    assert_int_equal(lowered_line, line);
    arena_free(&l.arena);
}

static void test_places(void **state)
{
    (void)state;
    check_place("const f = x => {\n  return x.\n    word }", "word", 3, 5);
    check_place("a?.\nb?.c(\n  d, word)", "word", 3, 6);
    check_place("let s = `a\nb${c}\n` + word", "word", 3, 5);
    check_place("for (const [a,\n b] of c) {\n word }", "word", 3, 2);
    check_place("function f({a,\n b = 1},\n ...c) {\n word }", "word", 4, 2);
    check_place("class A extends B {\n constructor() {\n  super()\n  word() }\n}", "word", 4, 3);
    check_place("for (let i = 0; i < 1; i++) {\n f(() => i);\n word() }", "word", 3, 2);
    check_place("const {a,\n b} = c\nword()", "word", 3, 1);
    check_place("for (let i = 0;\n f(() => i);\n word()) g()", "word", 3, 2);
    check_place("for (let i = 0;\n f(() => i);\n i++) {\n word() }", "word", 4, 2);
    check_place("for (const x of Symbol) {\n return word }", "word", 2, 9);
    check_place("class A extends B { m() {\n super.x += word } }", "word", 2, 13);
    check_place("class A extends B { m() {\n super[\n word]++ } }", "word", 3, 2);
    check_place("function f(a, b = 1) { arguments;\n word() }", "word", 2, 2);
    check_place("x = {...a,\n b: 1,\n word}", "word", 3, 2);
}

static double lower_ms(const struct buf *text)
{
    double best = 1e9;
    for (int i = 0; i < 5; i++) {
        struct timespec from, to;
        struct lowering l = {0};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
        assert_int_equal(syntax_parse(buf_span(text), formals, &l.arena, &l.tree, &l.error), 0);
        assert_int_equal(scope_analyse(&l.tree, &l.arena, &l.scopes, &l.error), 0);
        assert_int_equal(lower_script(&l.tree, &l.scopes, &l.arena, &l.code, &l.error), 0);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
        arena_free(&l.arena);
        double ms =
            (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
        best = ms < best ? ms : best;
    }
    return best;
}

// The time grows with the text, whatever it is made of: sixteen times the text may take at most 80
// times as long.
static void test_linear(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "f(a => `x${a}`, {...b, c}, [...d]);\n",
        "{ let x = 1; { let x = 2; f(() => x) } }\n",
        "for (const [k, v] of f(x)) { if (k) continue; g(() => v) }\n",
        "var y; function z() { return z() + y }\n",
        "class A { m() { return super.m(...a) } static b = A }; ",
        "if (a) { function f() {} } else { function f() {} } ",
        "a?.b?.[c]?.(d) ?? (e ||= 1);\n",
    };
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct buf small = {0}, large = {0};
        bool block = pieces[i][0] == 'c';
        for (int n = 0; n < 16 * 100; n++) {
            struct buf *both[] = {&large, n < 100 ? &small : NULL};
            for (int k = 0; k < 2 && both[k]; k++) {
                buf_add_str(both[k], block ? "{" : "");
                buf_add_str(both[k], pieces[i]);
                buf_add_str(both[k], block ? "}" : "");
            }
        }
        double one = lower_ms(&small), many = lower_ms(&large);
        if (many > 80 * one)
            fail_msg("%s: %.2f ms, and %.2f ms for 16 times as many", pieces[i], one, many);
        buf_free(&small);
        buf_free(&large);
    }
}

static void test_refused(void **state)
{
    (void)state;
    struct lowering l;
    assert_int_equal(lower(&l, "let a;\nwith (o) { a }"), ERR_INVALID);
    assert_string_equal(l.error.msg,
                        "with is supported in plain ES5 scripts only: name the object instead");
    assert_int_equal(l.error.at, 7);
    arena_free(&l.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_plain),
                                       cmocka_unit_test(test_places), cmocka_unit_test(test_linear),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
