// SPDX-License-Identifier: Apache-2.0
#include "base/value.h"

#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "lib/test.h"

static void assert_long(struct value v, int64_t want)
{
    assert_int_equal(v.type, VALUE_LONG);
    assert_true(v.i == want);
}

static void assert_double(struct value v, double want)
{
    assert_int_equal(v.type, VALUE_DOUBLE);
    assert_true(v.d == want && signbit(v.d) == signbit(want));
}

static void assert_string(struct value v, const char *want)
{
    assert_int_equal(v.type, VALUE_STRING);
    assert_span_equal(v.s, span_str(want));
}

// From memory of its own size, so that a sanitizer sees a read beyond it.
static struct value typed(const char *text, struct value (*type)(struct span text))
{
    size_t n = strlen(text);
    char *copy = memcpy(mem_alloc(n), text, n);
    struct value v = type(span_of(copy, n));
    if (v.type == VALUE_STRING) {
        assert_ptr_equal(v.s.p, copy);
        v.s.p = text;
    }
    mem_free(copy);
    return v;
}

static struct value number(const char *text)
{
    return typed(text, value_number_text);
}

static struct value cast(const char *text)
{
    return typed(text, value_cast_string);
}

static void test_integral_numbers_are_long(void **state)
{
    (void)state;
    assert_long(number("22"), 22);
    assert_long(number("-22"), -22);
    assert_long(number("0"), 0);
    assert_long(number("-0"), 0);
    assert_long(number("1e3"), 1000);
    assert_long(number("1E+3"), 1000);
    assert_long(number("1.5e1"), 15);
    assert_long(number("1.50e1"), 15);
    assert_long(number("-2500e-2"), -25);
    assert_long(number("0e-99"), 0);
    assert_long(number("0e99999999999999999999"), 0);
    assert_long(number("9223372036854775807"), INT64_MAX);
    assert_long(number("-9223372036854775808"), INT64_MIN);
    assert_long(number("9223372036854775807e0"), INT64_MAX);
    assert_long(number("-9.223372036854775808e18"), INT64_MIN);
    assert_long(number("9223372036854775807000e-3"), INT64_MAX);
    assert_long(number("9007199254740993e0"), 9007199254740993);
}

static void test_a_plain_point_makes_a_double(void **state)
{
    (void)state;
    assert_double(number("22.0"), 22);
    assert_double(number("22.5"), 22.5);
    assert_double(number("0.0"), 0);
    assert_double(number("-0.0"), 0);
    assert_double(number("-0.5"), -0.5);
    assert_double(number("1e-3"), 0.001);
    assert_double(number("1.25e1"), 12.5);
    assert_double(number("12345678901234567890.5"), 12345678901234567890.5);
}

static void test_integers_beyond_64_bits_are_strings(void **state)
{
    (void)state;
    assert_string(number("9223372036854775808"), "9223372036854775808");
    assert_string(number("-9223372036854775809"), "-9223372036854775809");
    assert_string(number("9223372036854775808e0"), "9223372036854775808e0");
    assert_string(number("1e19"), "1e19");
    assert_string(number("1e999"), "1e999");
    assert_string(number("-1e99999999999999999999"), "-1e99999999999999999999");
    assert_string(number("1e-99999999999999999999"), "1e-99999999999999999999");
}

static void test_digits_behind_the_point(void **state)
{
    (void)state;
    assert_double(number("0.1234567890123456"), 0.1234567890123456);
    assert_string(number("0.12345678901234567"), "0.12345678901234567");
    assert_double(number("1.0000000000000000"), 1);
    assert_string(number("1.00000000000000000"), "1.00000000000000000");
    assert_double(number("1e-16"), 1e-16);
    assert_string(number("1e-17"), "1e-17");
    assert_double(number("0.12345678901234567e1"), 1.2345678901234567);
}

static void test_long_numbers(void **state)
{
    (void)state;
    enum { N = 2000 };
    char *text = mem_alloc(N + 1);
    memset(text, '9', N);
    text[N] = '\0';
    assert_string(number(text), text);
    text[N - 2] = '.';
    assert_string(number(text), text);
    memset(text, '0', N);
    assert_long(cast(text), 0);
    text[N - 1] = '7';
    assert_long(cast(text), 7);
    text[N - 2] = '.';
    assert_double(cast(text), 0.7);
    mem_free(text);
}

static void test_strings_that_are_numbers(void **state)
{
    (void)state;
    assert_long(cast("22"), 22);
    assert_long(cast("-19"), -19);
    assert_long(cast("9"), 9);
    assert_double(cast("22.0"), 22);
    assert_double(cast("-22.5"), -22.5);
    assert_long(cast("007"), 7);
    assert_long(cast("-007"), -7);
    assert_double(cast("007.5"), 7.5);
    assert_double(cast(".5"), 0.5);
    assert_double(cast("-.5"), -0.5);
    assert_string(cast("99999999999999999999"), "99999999999999999999");
    assert_string(cast("0.12345678901234567"), "0.12345678901234567");
}

static void test_strings_that_stay(void **state)
{
    (void)state;
    static const char *const stay[] = {"v.0.11", "",    "-",   ".",   "-.",       "5.",  "1e3",
                                       "1E3",    "+1",  " 1",  "1 ",  "1.2.3",    "--1", "0x10",
                                       "true",   "NaN", "1,5", "-1-", "\xd9\xa1", "12a"};
    for (size_t i = 0; i < sizeof stay / sizeof *stay; i++) {
        assert_string(cast(stay[i]), stay[i]);
    }
}

static void test_numbers_from_script(void **state)
{
    (void)state;
    assert_long(value_number(22), 22);
    assert_long(value_number(-0.0), 0);
    assert_double(value_number(22.5), 22.5);
    assert_long(value_number(-9223372036854775808.0), INT64_MIN);
    assert_double(value_number(9223372036854775808.0), 9223372036854775808.0);
    assert_double(value_number(1e300), 1e300);
}

static void test_equality(void **state)
{
    (void)state;
    struct value all[] = {value_bool(false),      value_bool(true),        value_long(0),
                          value_long(1),          value_double(0),         value_double(1),
                          value_string(SPAN("")), value_string(SPAN("1")), value_json(SPAN("")),
                          value_json(SPAN("1"))};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (size_t j = 0; j < sizeof all / sizeof *all; j++) {
            assert_int_equal(value_eq(&all[i], &all[j]), i == j);
        }
    }
}

static void test_text(void **state)
{
    (void)state;
    struct buf b = {0};
    struct value all[] = {value_bool(true),           value_bool(false),
                          value_long(INT64_MIN),      value_double(22.5),
                          value_string(SPAN("v\"1")), value_json(SPAN("{\"a\":1}"))};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        value_text(&all[i], &b);
        buf_add_char(&b, ' ');
    }
    assert_span_is(buf_span(&b), "true false -9223372036854775808 22.5 v\"1 {\"a\":1} ");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integral_numbers_are_long),
        cmocka_unit_test(test_a_plain_point_makes_a_double),
        cmocka_unit_test(test_integers_beyond_64_bits_are_strings),
        cmocka_unit_test(test_digits_behind_the_point),
        cmocka_unit_test(test_long_numbers),
        cmocka_unit_test(test_strings_that_are_numbers),
        cmocka_unit_test(test_strings_that_stay),
        cmocka_unit_test(test_numbers_from_script),
        cmocka_unit_test(test_equality),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
