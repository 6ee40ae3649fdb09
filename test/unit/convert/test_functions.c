// SPDX-License-Identifier: Apache-2.0
// Closures make their own properties late and scopes are filled by hand (duk_part_function.h):
// neither may be seen by a script. What is wanted here is what the language says.
#include "script_run.h"

static void test_own_properties(void **state)
{
    (void)state;
    assert_value("(function () { function f(a, b) {} return [f.length, f.name, typeof f.prototype, "
                 "f.prototype.constructor === f, f.prototype === f.prototype] })()",
                 "[2,\"f\",\"object\",true,true]");
    assert_value(
        "(function () { function f() {} return [f.hasOwnProperty('prototype'), "
        "f.hasOwnProperty('length'), f.hasOwnProperty('call'), 'name' in f, 'apply' in f] })()",
        "[true,true,false,true,true]");
    assert_value(
        "(function () { function f() {} return Object.getOwnPropertyNames(f).filter(function "
        "(k) { return k !== 'fileName' }).sort() })()",
        "[\"length\",\"name\",\"prototype\"]");
    assert_value(
        "(function () { function f() {} return [Object.keys(f), Reflect.ownKeys(f).length >= 3, "
        "JSON.stringify(f)] })()",
        "[[],true,null]");
    assert_value(
        "(function () { function f(a) {} var d = Object.getOwnPropertyDescriptor(f, 'length'); "
        "return [d.value, d.writable, d.enumerable, d.configurable] })()",
        "[1,false,false,true]");
    assert_value("(function () { function f() {} var d = Object.getOwnPropertyDescriptor(f, "
                 "'prototype'); return [d.writable, d.enumerable, d.configurable] })()",
                 "[true,false,false]");
    assert_value(
        "(function () { var f = function () {}; return [f.name, (function () {}).length] })()",
        "[\"f\",0]");
    assert_value("(function () { function f() {} delete f.length; delete f.name; return [f.length, "
                 "f.name, delete f.prototype, typeof f.prototype] })()",
                 "[0,\"\",false,\"object\"]");
    assert_value(
        "(function () { var o = {m() {}, get g() { return 1 }}; return [o.m.hasOwnProperty("
        "'prototype'), typeof o.m.prototype, o.g, o.m.name] })()",
        "[false,\"undefined\",1,\"m\"]");
}

// What the compiler is told of functions: in a script that runs as it is, and in a lowered one.
static void test_described(void **state)
{
    (void)state;
    assert_value("(function () { var f = function /* ( */ (a) {}, o = {p: function () {}, q: "
                 "function z() {}, 'r s': function () {}, get t() { return 1 }}; return [f.name, "
                 "f.length, o.p.name, o.q.name, o['r s'].name, Object.getOwnPropertyDescriptor(o, "
                 "'t').get.name, (function () {}).name, [function () {}][0].name] })()",
                 "[\"f\",1,\"p\",\"z\",\"r s\",\"get t\",\"\",\"\"]");
    assert_value("(() => { const f = (a, b = 1, c) => a, o = {m({d}, [e], ...g) {}}; return "
                 "[f.name, f.length, o.m.length, 'prototype' in f, (class K { constructor(a) {} "
                 "}).name, (class { static n() {} }).n.name] })()",
                 "[\"f\",1,2,false,\"K\",\"n\"]");
    assert_value("(() => { const r = []; for (const f of [() => 1, {m() {}}.m, "
                 "Object.getOwnPropertyDescriptor({get a() { return 1 }}, 'a').get, (() => "
                 "1).bind()]) { try { r.push(typeof new f()) } catch (e) { r.push(e.name) } } "
                 "return r })()",
                 "[\"TypeError\",\"TypeError\",\"TypeError\",\"TypeError\"]");
}

static void test_construct(void **state)
{
    (void)state;
    assert_value(
        "(function () { function F(x) { this.x = x } F.prototype.get = function () { return "
        "this.x }; var o = new F(7); return [o.get(), o instanceof F, o.constructor === F, "
        "Object.getPrototypeOf(o) === F.prototype, new F instanceof Object] })()",
        "[7,true,true,true,true]");
    assert_value(
        "(function () { function F() {} var a = new F; F.prototype = {k: 1}; var b = new F; "
        "return [a.k === undefined, b.k, a instanceof F, b instanceof F] })()",
        "[true,1,false,true]");
    assert_value(
        "(function () { function F() {} F.prototype = 5; return Object.getPrototypeOf(new F) === "
        "Object.prototype })()",
        "true");
    assert_value(
        "(function () { function A() {} function B() {} B.prototype = Object.create(A.prototype); "
        "return new B instanceof A })()",
        "true");
    assert_value("(function () { function F() {} var G = F.bind(null, 1); return [G.name, new G "
                 "instanceof F, G.hasOwnProperty('prototype')] })()",
                 "[\"bound F\",true,false]");
}

static void test_changed(void **state)
{
    (void)state;
    assert_value(
        "(function () { function f() {} f.x = 1; f.prototype.y = 2; return [f.x, new f().y, "
        "Object.keys(f), f.length] })()",
        "[1,2,[\"x\"],0]");
    assert_value(
        "(function () { function f() {} f.length = 9; f.name = 'g'; return [f.length, f.name] "
        "})()",
        "[0,\"f\"]");
    assert_value(
        "(function () { function f() {} Object.defineProperty(f, 'name', {value: 'g'}); return "
        "[f.name, f.length] })()",
        "[\"g\",0]");
    assert_value(
        "(function () { function f() {} Object.freeze(f); f.x = 1; f.prototype = null; return "
        "[Object.isFrozen(f), f.x === undefined, typeof f.prototype] })()",
        "[true,true,\"object\"]");
    assert_value(
        "(function () { function f() {} Object.preventExtensions(f); return [Object.isFrozen(f), "
        "Object.isSealed(f), Object.isExtensible(f), f.length] })()",
        "[false,false,false,0]");
    assert_value("(function () { function f() {} Object.seal(f); return [Object.isSealed(f), "
                 "delete f.length] })()",
                 "[true,false]");
    assert_value(
        "(function () { function f() {} Object.setPrototypeOf(f, null); return [f.length, f.call "
        "=== undefined, f.prototype.constructor === f] })()",
        "[0,true,true]");
    assert_value(
        "(function () { function f() {} var p = new Proxy(f, {}); return [p.length, p.name, "
        "p.prototype === f.prototype, Object.getOwnPropertyNames(p).indexOf('length') >= 0] })()",
        "[0,\"f\",true,true]");
    assert_value(
        "(function () { function f() {} var o = Object.create(f); return [o.name, o.length, "
        "o.hasOwnProperty('name'), o.prototype === f.prototype] })()",
        "[\"f\",0,false,true]");
    assert_value(
        "(function () { 'use strict'; function f() {} try { f.caller } catch (e) { return e.name } "
        "})()",
        "\"TypeError\"");
    assert_value(
        "(function () { 'use strict'; function f() {} return Object.getOwnPropertyNames(f).length "
        ">= 5 })()",
        "true");
    assert_value("(function () { function f() {} function g() {} f.toString === g.toString; return "
                 "f.toString().indexOf('function f') })()",
                 "0");
}

static void test_scopes(void **state)
{
    (void)state;
    assert_value(
        "(function () { var l = []; for (var i = 0; i < 3; i++) l.push((function (k) { return "
        "function () { return k * 10 + i } })(i)); return l.map(function (f) { return f() }) })()",
        "[3,13,23]");
    assert_value(
        "(function () { function counter() { var n = 0; return {up: function () { return ++n }, "
        "get: function () { return n }} } var a = counter(), b = counter(); a.up(); a.up(); "
        "b.up(); return [a.get(), b.get()] })()",
        "[2,1]");
    assert_value(
        "(function (a, b) { var c = 3; function f() { return a + b + c } a = 10; c = 30; return "
        "f() })(1, 2)",
        "42");
    assert_value("(function f(n) { return n < 2 ? 1 : n * f(n - 1) })(10)", "3628800");
    assert_value(
        "(function () { var f = function g(n) { return n ? g(n - 1) + 1 : typeof g }; return f(2) "
        "})()",
        "\"function11\"");
    assert_value(
        "(function () { var o = {v: 1}; with (o) { v = 2; var f = function () { return v } } o.v = "
        "3; return [f(), o.v] })()",
        "[3,3]");
    assert_value(
        "(function () { try { throw 1 } catch (e) { var f = function () { return e } } return f() "
        "})()",
        "1");
    assert_value("(function () { return typeof hidden; function unused() { return hidden } })()",
                 "\"undefined\"");
    assert_value(
        "(function (a) { arguments[0] = 5; var f = function () { return a }; return [a, f()] "
        "})(1)",
        "[5,5]");
    assert_value("(function () { delete f; function f() {} return typeof f })()", "\"function\"");
    assert_value(
        "(function () { var a; function f() { return a } a = function () { return f }; return "
        "f()()=== f })()",
        "true");
}

// Around the number of variables up to which a scope goes without a hash.
static void test_many_variables(void **state)
{
    (void)state;
    for (int n = 1; n <= 40; n++) {
        struct buf e = {0};
        buf_add_str(&e, "(function () {");
        for (int i = 0; i < n; i++)
            buf_printf(&e, "var v%d = %d;", i, i);
        buf_add_str(&e, "function set(i, x) { switch (i) {");
        for (int i = 0; i < n; i++)
            buf_printf(&e, "case %d: v%d = x; break;", i, i);
        buf_add_str(&e, "} } function sum() { return 0");
        for (int i = 0; i < n; i++)
            buf_printf(&e, " + v%d", i);
        buf_printf(&e, "} return {set: set, sum: sum} })()");
        struct buf script = {0}, want = {0};
        buf_printf(&script, "(function (o) { o.set(%d, 1000); return [o.sum()] })(%s)", n - 1,
                   buf_cstr(&e));
        buf_printf(&want, "[%d]", (n - 1) * (n - 2) / 2 + 1000);
        assert_value(buf_cstr(&script), buf_cstr(&want));
        buf_free(&e);
        buf_free(&script);
        buf_free(&want);
    }
}

// Closures that outlive their maker, with collections in between.
static void test_collections(void **state)
{
    (void)state;
    assert_value(
        "(function () { var l = []; for (var i = 0; i < 20000; i++) { var f = (function (k) { "
        "return function () { return k } })(i); if (i % 1000 === 0) l.push(f); f.self = f } "
        "return l.reduce(function (a, f) { return a + f() + f.length + (f.prototype.constructor "
        "=== f) }, 0) })()",
        "190020");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_properties), cmocka_unit_test(test_construct),
        cmocka_unit_test(test_described),      cmocka_unit_test(test_changed),
        cmocka_unit_test(test_scopes),         cmocka_unit_test(test_many_variables),
        cmocka_unit_test(test_collections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
