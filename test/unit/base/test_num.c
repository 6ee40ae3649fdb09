// SPDX-License-Identifier: Apache-2.0
#include "base/num.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "lib/test.h"
#include "lib/test_clock.h"

static void assert_text(double v, const char *want)
{
    char text[NUM_TEXT_MAX];
    size_t n = num_format_double(v, text);
    assert_int_equal(n, strlen(text));
    assert_string_equal(text, want);
}

static void test_format(void **state)
{
    (void)state;
    assert_text(0, "0");
    assert_text(-0.0, "0");
    assert_text(22, "22");
    assert_text(22.5, "22.5");
    assert_text(-22.05, "-22.05");
    assert_text(-0.000001, "-0.000001");
    assert_text(0.1, "0.1");
    assert_text(0.1 + 0.2, "0.30000000000000004");
    assert_text(1.0 / 3, "0.3333333333333333");
    assert_text(99999999999999.9, "99999999999999.9");
    assert_text(9007199254740991, "9007199254740991");
    assert_text(9007199254740992, "9007199254740992");
    assert_text(-1e18, "-1000000000000000000");
    assert_text(1e20, "100000000000000000000");
    assert_text(1e21, "1e+21");
    assert_text(-1e300, "-1e+300");
    assert_text(DBL_MAX, "1.7976931348623157e+308");
    assert_text(DBL_MIN, "2.2250738585072014e-308");
    assert_text(4.9406564584124654e-324, "5e-324");
    assert_text(1e-7, "1e-07");
}

static void assert_round_trip(double v)
{
    char text[NUM_TEXT_MAX];
    double back;
    size_t n = num_format_double(v, text);
    assert_in_range(n, 1, NUM_TEXT_MAX - 1);
    assert_true(num_parse_double(span_of(text, n), &back));
    if (back != v) {
        fail_msg("%a was written %s", v, text);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = test_random(&random);
        double v;
        memcpy(&v, &bits, sizeof v);
        if (isfinite(v)) {
            assert_round_trip(v);
        }
        assert_round_trip((double)(int64_t)(bits >> 20) / 1000);
        assert_round_trip((double)(int64_t)bits);
        assert_round_trip((double)(bits >> 40) * 1e-9);
        assert_round_trip(nextafter((double)(bits >> 50) / 100, INFINITY));
    }
}

static void test_any_locale(void **state)
{
    (void)state;
    // Whichever of these the machine has; the point must stay one.
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"};
    for (size_t i = 0; i < 3; i++) {
        if (setlocale(LC_ALL, names[i])) {
            assert_text(1234.5678901, "1234.5678901");
            assert_text(2.5, "2.5");
        }
    }
    setlocale(LC_ALL, "C");
    // The thread's own locale is put back.
    locale_t mine = newlocale(LC_ALL_MASK, "C", (locale_t)0), before = uselocale(mine);
    double v;
    assert_text(1.0 / 3, "0.3333333333333333");
    assert_true(num_parse_double(SPAN("0.3333333333333333"), &v));
    assert_true(uselocale(before) == mine);
    freelocale(mine);
}

static void test_parse_grammar(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double v;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"0.5", 0.5},
                {"10", 10},
                {"1E5", 1e5},
                {"1e+5", 1e5},
                {"-1.25e-2", -0.0125},
                {"123456789012345678901234567890", 1.2345678901234568e29},
                {"9007199254740993", 9007199254740992},
                {"1e999", INFINITY},
                {"-1e999", -INFINITY},
                {"1e-999", 0}};
    static const char *const bad[] = {
        "",    "-",   "+1", "01", "-01", ".5",  "5.", "1.e5", "1e", "1e+",   "1e5.",  "0x1",
        "inf", "NaN", "1 ", " 1", "1_0", "--1", "1-", "1,5",  "e5", "1e5e5", "1.2.3", "\xd9\xa1"};
    double v;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(num_parse_double(span_str(good[i].text), &v));
        assert_true(v == good[i].v);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (num_parse_double(span_str(bad[i]), &v)) {
            fail_msg("taken: %s", bad[i]);
        }
    }
    assert_false(num_parse_double(SPAN("1\0"), &v));
    assert_true(num_parse_double(SPAN("-0"), &v) && signbit(v));
}

static void test_parse_length_limit(void **state)
{
    (void)state;
    char text[NUM_PARSE_MAX + 1];
    double v;
    memset(text, '0', sizeof text);
    text[0] = '1';
    text[1] = '.';
    assert_true(num_parse_double(span_of(text, NUM_PARSE_MAX), &v));
    assert_true(v == 1.0);
    assert_false(num_parse_double(span_of(text, NUM_PARSE_MAX + 1), &v));
}

static void test_sizes(void **state)
{
    (void)state;
    size_t n;
    assert_true(num_add_size(SIZE_MAX - 1, 1, &n));
    assert_false(num_add_size(SIZE_MAX, 1, &n));
    assert_true(num_mul_size(SIZE_MAX / 2, 2, &n));
    assert_false(num_mul_size(SIZE_MAX / 2 + 1, 2, &n));
}

static void format_infinity(void *arg)
{
    char text[NUM_TEXT_MAX];
    num_format_double(*(double *)arg, text);
}

static void check_digits(double v, const char *want, int want_point)
{
    char digits[NUM_DIGITS_MAX];
    int point = 99, n = num_shortest_digits(v, digits, &point);
    assert_span_equal(span_of(digits, (size_t)n), span_str(want));
    assert_int_equal(point, want_point);
}

static void test_shortest_digits(void **state)
{
    (void)state;
    check_digits(22.5, "225", 2);
    check_digits(0.001, "1", -2);
    check_digits(1e21, "1", 22);
    check_digits(123456789012345680000.0, "12345678901234568", 21);
    check_digits(904311.78759765625, "9043117875976562", 6); // the even one of two as near
    check_digits(0x1p-1007, "7291122019556398", -303);       // not the nearest of 16 digits
    check_digits(0x1p-1074, "5", -323);
    check_digits(DBL_MAX, "17976931348623157", 309);
}

static void test_format_of_infinity_aborts(void **state)
{
    (void)state;
    double v = INFINITY;
    assert_true(test_aborts(format_infinity, &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),          cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_shortest_digits), cmocka_unit_test(test_any_locale),
        cmocka_unit_test(test_parse_grammar),   cmocka_unit_test(test_parse_length_limit),
        cmocka_unit_test(test_sizes),           cmocka_unit_test(test_format_of_infinity_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
