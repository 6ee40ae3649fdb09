// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include "base/mem.h"
#include "lib/test.h"

static void test_adding(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_null(buf_reserve(&b, 0));
    assert_string_equal(buf_cstr(&b), "");
    buf_add_str(&b, "one");
    buf_add_char(&b, ' ');
    buf_add_u64(&b, 0);
    buf_add_char(&b, ' ');
    buf_add_u64(&b, UINT64_MAX);
    buf_add_char(&b, ' ');
    buf_add_i64(&b, INT64_MIN);
    buf_add_char(&b, ' ');
    buf_add_i64(&b, 0);
    buf_add_i64(&b, -1);
    buf_add(&b, NULL, 0);
    buf_add_span(&b, SPAN_NONE);
    buf_printf(&b, " %05d|%s", 42, "");
    assert_string_equal(buf_cstr(&b), "one 0 18446744073709551615 -9223372036854775808 0-1 00042|");
    assert_int_equal(b.n, strlen(b.p));
    buf_free(&b);
    assert_null(b.p);
}

static void test_growth_keeps_what_is_there(void **state)
{
    (void)state;
    struct buf b = {0};
    int grown = 0;
    for (int i = 0; i < 10000; i++) {
        size_t cap = b.cap;
        buf_add_char(&b, (char)i);
        grown += b.cap != cap;
    }
    assert_in_range(grown, 5, 20);
    memset(buf_reserve(&b, 100000), 0, 100000);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(b.p[i], (char)i);
    }
    buf_clear(&b);
    assert_int_equal(b.n, 0);
    buf_free(&b);
}

// Each length in a buffer of its own, so that a sanitizer sees a byte too many.
static void test_printf_of_every_length(void **state)
{
    (void)state;
    for (int n = 0; n < 200; n++) {
        struct buf b = {0}, c = {0};
        buf_printf(&b, "%*s", n, "");
        assert_int_equal(b.n, n);
        buf_add(&c, b.p, b.n);
        assert_int_equal(strlen(buf_cstr(&c)), n);
        buf_free(&b);
        buf_free(&c);
    }
}

static void test_drop(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_add_str(&b, "0123456789");
    buf_drop(&b, 0);
    buf_drop(&b, 3);
    assert_span_is(buf_span(&b), "3456789");
    buf_drop(&b, 7);
    assert_int_equal(b.n, 0);
    buf_free(&b);
}

static void drop_too_much(void *arg)
{
    buf_drop(arg, 4);
}

static void reserve_too_much(void *arg)
{
    buf_reserve(arg, SIZE_MAX);
}

static void array_too_large(void *arg)
{
    mem_free(mem_alloc_array(*(size_t *)arg, 16));
}

static void test_misuse_aborts(void **state)
{
    (void)state;
    struct buf b = {0};
    size_t n = SIZE_MAX / 16 + 1;
    buf_add_str(&b, "abc");
    assert_true(test_aborts(drop_too_much, &b));
    assert_true(test_aborts(reserve_too_much, &b));
    assert_true(test_aborts(array_too_large, &n));
    buf_free(&b);
}

static void test_mem(void **state)
{
    (void)state;
    char *s = mem_strndup("abcdef", 3);
    assert_string_equal(s, "abc");
    mem_wipe(s, 3);
    assert_memory_equal(s, "\0\0\0", 3);
    s = mem_realloc(s, 0);
    assert_non_null(s);
    mem_free(s);
    mem_free(mem_alloc(0));
    mem_free(mem_alloc_array(3, 5));
    uint64_t *zero = mem_new(uint64_t);
    assert_int_equal(*zero, 0);
    mem_free(zero);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adding),
        cmocka_unit_test(test_growth_keeps_what_is_there),
        cmocka_unit_test(test_printf_of_every_length),
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_misuse_aborts),
        cmocka_unit_test(test_mem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
