// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"

#include <stdio.h>

#include "lib/test.h"

static void test_texts_are_distinct(void **state)
{
    (void)state;
    static const int codes[] = {
#define CODE(name, value, text) name,
        ERR_LIST(CODE)
#undef CODE
    };
    size_t n = sizeof codes / sizeof *codes;
    for (size_t i = 0; i < n; i++) {
        assert_true(codes[i] < 0);
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(codes[i], codes[j]);
            assert_string_not_equal(err_text(codes[i]), err_text(codes[j]));
        }
    }
    assert_string_equal(err_text(0), "ok");
    assert_string_equal(err_text(-9999), "unknown error");
}

static void test_set_and_wrap(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(err_set(&e, ERR_CONFIG, "key %s", "port"), ERR_CONFIG);
    assert_string_equal(e.msg, "key port");
    assert_int_equal(err_wrap(&e, "file %s", "p.json"), ERR_CONFIG);
    assert_string_equal(e.msg, "file p.json: key port");
    assert_int_equal(err_set(NULL, ERR_IO, "dropped"), ERR_IO);
    struct err bare = {.code = ERR_TIMEOUT};
    err_wrap(&bare, "DescribeStream");
    assert_string_equal(bare.msg, "DescribeStream: timed out");
}

static void test_long_messages_are_cut(void **state)
{
    (void)state;
    struct err e = {0};
    char text[2 * ERR_MSG_MAX];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    err_set(&e, ERR_IO, "%s", text);
    assert_int_equal(strlen(e.msg), ERR_MSG_MAX - 1);
    text[ERR_MSG_MAX - 1] = '\0';
    err_set(&e, ERR_IO, "%s", text);
    assert_int_equal(strlen(e.msg), ERR_MSG_MAX - 1);
    err_wrap(&e, "%s", text);
    assert_int_equal(strlen(e.msg), ERR_MSG_MAX - 1);
    err_wrap(&e, "head");
    assert_memory_equal(e.msg, "head: xxx", 9);
}

static void break_invariant(void *arg)
{
    require(arg == NULL);
}

static void test_require(void **state)
{
    (void)state;
    int x;
    assert_true(test_aborts(break_invariant, &x));
    assert_false(test_aborts(break_invariant, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_are_distinct),
        cmocka_unit_test(test_set_and_wrap),
        cmocka_unit_test(test_long_messages_are_cut),
        cmocka_unit_test(test_require),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
