// SPDX-License-Identifier: Apache-2.0
#include "syntax/functions.h"

#include "lib/test.h"
#include "syntax/lower.h"
#include "syntax/parse.h"

static const char *const formals[] = {"payload", NULL};

// What is known of the function whose ( is the `nth` (0: the first) of the text that runs.
static const struct {
    const char *text;
    unsigned nth;
    const char *name; // NULL: nothing is said
    int length;       // -1: as in the text
    bool is_method;
} rows[] = {
    {"var f = function (a) {}", 0, "f", -1, false},
    {"var f = function /* */ g(a) {}", 0, NULL, -1, false},
    {"var o = {'a b': function () {}, 12: function () {}}", 0, "a b", -1, false},
    {"var o = {'a b': function () {}, 12: function () {}}", 1, "12", -1, false},
    {"var o = {'a\\n': function () {}}", 0, NULL, -1, false},
    {"var o = {get x() { return 1 }, set x(v) {}}", 0, "get x", -1, true},
    {"var o = {get x() { return 1 }, set x(v) {}}", 1, "set x", -1, true},
    {"x = function () {}; y = (function () {}); (z) = function () {}", 0, "x", -1, false},
    {"x = function () {}; y = (function () {}); (z) = function () {}", 2, "y", -1, false},
    {"x = function () {}; y = (function () {}); (z) = function () {}", 4, NULL, -1, false},
    {"o.x = function () {}", 0, NULL, -1, false},
    {"let f = (a, b = 1, c) => a", 1, "f", 1, true},
    {"f(() => 1)", 2, "", -1, true},
};

static uint32_t find_paren(struct span text, unsigned nth)
{
    for (uint32_t i = 0; i < text.n; i++) {
        if (text.p[i] == '(' && nth-- == 0)
            return i;
    }
    fail_msg("no (");
    return 0;
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena = {0};
        struct ast_tree tree;
        struct scope_tree scopes;
        struct lowered code;
        struct syntax_error e;
        assert_int_equal(syntax_parse(span_str(rows[i].text), formals, &arena, &tree, &e), 0);
        assert_int_equal(scope_analyse(&tree, &arena, &scopes, &e), 0);
        assert_int_equal(lower_script(&tree, &scopes, &arena, &code, &e), 0);
        struct span text = code.changed ? code.text : tree.text;
        const struct syntax_function *f =
            syntax_functions_find(&code.functions, find_paren(text, rows[i].nth));
        if (!rows[i].name) {
            assert_null(f);
        } else {
            assert_non_null(f);
            assert_true(span_is(f->has_name ? f->name : SPAN_NONE, rows[i].name));
            assert_int_equal(f->has_length ? (int)f->length : -1, rows[i].length);
            assert_int_equal(f->is_method, rows[i].is_method);
        }
        arena_free(&arena);
    }
}

// Found by their places, in any text.
static void test_order(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct syntax_functions f = {0};
    for (uint32_t i = 0; i < 100; i++)
        syntax_functions_add_name(&f, &arena, i * 3, SPAN("n"));
    syntax_functions_add_name(&f, &arena, 300, SPAN_NONE);
    for (uint32_t at = 0; at < 310; at++)
        assert_int_equal(syntax_functions_find(&f, at) != NULL, at % 3 == 0 && at < 300);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
