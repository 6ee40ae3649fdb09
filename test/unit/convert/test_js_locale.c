// SPDX-License-Identifier: Apache-2.0
#include <float.h>
#include <math.h>

#include "lib/test.h"

#include "convert/js_locale.h"

static void check(double v, struct js_number_format f, const char *want)
{
    char text[JS_LOCALE_NUMBER_MAX];
    assert_span_equal(span_of(text, js_locale_number(v, &f, text)), span_str(want));
}

static struct js_number_format format(int min_integer, int min_fraction, int max_fraction,
                                      int grouped_from)
{
    return (struct js_number_format){.min_integer = min_integer,
                                     .min_fraction = min_fraction,
                                     .max_fraction = max_fraction,
                                     .grouped_from = grouped_from};
}

static struct js_number_format significant(int least, int most)
{
    struct js_number_format f = format(1, 0, 3, 4);
    f.min_significant = least;
    f.max_significant = most;
    return f;
}

static struct js_number_format percent(int fraction)
{
    struct js_number_format f = format(1, fraction, fraction, 4);
    f.percent = true;
    return f;
}

static void test_groups(void **state)
{
    (void)state;
    check(0, format(1, 0, 3, 4), "0");
    check(-0.0, format(1, 0, 3, 4), "-0");
    check(123, format(1, 0, 3, 4), "123");
    check(1234, format(1, 0, 3, 4), "1,234");
    check(-1234567.891, format(1, 0, 3, 4), "-1,234,567.891");
    check(1234, format(1, 0, 3, 0), "1234");
    check(1234, format(1, 0, 3, 5), "1234");
    check(12345, format(1, 0, 3, 5), "12,345");
    check(7, format(4, 0, 3, 4), "0,007");
    check(NAN, format(1, 0, 3, 4), "NaN");
    check(-INFINITY, format(1, 0, 3, 4), "-\xe2\x88\x9e");
}

static void test_rounding(void **state)
{
    (void)state;
    // Of the digits that are shown, not of the double behind them.
    check(1.005, format(1, 0, 2, 4), "1.01");
    check(999.9995, format(1, 0, 3, 4), "1,000");
    check(0.0005, format(1, 0, 3, 4), "0.001");
    check(0.00049, format(1, 0, 3, 4), "0");
    check(-0.4, format(1, 0, 0, 4), "-0");
    check(9.5, format(1, 0, 0, 4), "10");
    check(1e-20, format(1, 0, 3, 4), "0");
    check(2, format(1, 2, 3, 4), "2.00");
    check(0, format(1, 1, 3, 4), "0.0");
}

static void test_significant(void **state)
{
    (void)state;
    check(12345, significant(1, 3), "12,300");
    check(99.95, significant(1, 3), "100");
    check(0.5, significant(3, 21), "0.500");
    check(0, significant(3, 21), "0.00");
    check(0.125, percent(0), "13%");
}

// The longest there are fit.
static void test_size(void **state)
{
    (void)state;
    char text[JS_LOCALE_NUMBER_MAX];
    struct js_number_format f = percent(20);
    assert_int_equal(js_locale_number(-DBL_MAX, &f, text), 1 + 311 + 103 + 21 + 1);
    f = significant(21, 21);
    assert_int_equal(js_locale_number(-DBL_TRUE_MIN, &f, text), 1 + 2 + 323 + 21);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_significant),
        cmocka_unit_test(test_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
