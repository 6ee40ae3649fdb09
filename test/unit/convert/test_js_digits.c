// SPDX-License-Identifier: Apache-2.0
// What V8 prints and reads, taken from Node 20.

#include <float.h>
#include <math.h>

#include "lib/test.h"

#include "convert/js_digits.h"

static void check_text(double v, bool exponential, const char *want)
{
    char text[JS_DIGITS_TEXT_MAX];
    assert_span_equal(span_of(text, js_digits_text(v, exponential, text)), span_str(want));
}

static void test_text(void **state)
{
    (void)state;
    check_text(22.5, false, "22.5");
    check_text(-0.1, false, "-0.1");
    check_text(1e-4, false, "0.0001");
    check_text(0.000001234, false, "0.000001234");
    check_text(1.5e-6, false, "0.0000015");
    check_text(1e-7, false, "1e-7");
    check_text(-1.25e-7, false, "-1.25e-7");
    check_text(1e15, false, "1000000000000000");
    check_text(1e20, false, "100000000000000000000");
    check_text(123456789012345680000.0, false, "123456789012345680000");
    check_text(1e21, false, "1e+21");
    check_text(-1.5e300, false, "-1.5e+300");
    check_text(DBL_MAX, false, "1.7976931348623157e+308");
    check_text(DBL_MIN, false, "2.2250738585072014e-308");
    check_text(DBL_TRUE_MIN, false, "5e-324");
    check_text(2 * DBL_TRUE_MIN, false, "1e-323");
}

static void test_nearest(void **state)
{
    (void)state;
    // Two texts of as many digits are equally near: the even one.
    check_text(1013721.25048828125, false, "1013721.2504882812");
    check_text(904311.78759765625, false, "904311.7875976562");
    check_text(0x1p-25, false, "2.9802322387695312e-8");
    check_text(0x1p-1002, false, "2.3331590462580472e-302");
    // The shortest is not the nearest of its length.
    check_text(0x1p-1007, false, "7.291122019556398e-304");
    check_text(0x1p-1017, false, "7.120236347223045e-307");
    check_text(0x1p+53, false, "9007199254740992");
}

static void test_exponential(void **state)
{
    (void)state;
    check_text(1, true, "1e+0");
    check_text(-22.5, true, "-2.25e+1");
    check_text(0.001, true, "1e-3");
    check_text(0x1p-1002, true, "2.3331590462580472e-302");
}

static void check_radix(double v, int radix, const char *want)
{
    char text[JS_DIGITS_RADIX_MAX];
    assert_span_equal(span_of(text, js_digits_in_radix(v, radix, text)), span_str(want));
}

static void test_radix(void **state)
{
    (void)state;
    check_radix(255, 16, "ff");
    check_radix(-255.5, 16, "-ff.8");
    check_radix(0.1, 2, "0.0001100110011001100110011001100110011001100110011001101");
    check_radix(0.1, 3, "0.0022002200220022002200220022002201");
    check_radix(0.1, 36, "0.3lllllllllm");
    check_radix(0.5, 36, "0.i");
    check_radix(1e21, 36, "5v1j4f4ds7c000");
    check_radix(1e21, 16, "3635c9adc5dea00000");
    check_radix(0x1p+53, 7, "5350140446150306054");
    check_radix(1 - 0x1p-53, 2, "0.11111111111111111111111111111111111111111111111111111");
    char text[JS_DIGITS_RADIX_MAX];
    assert_int_equal(js_digits_in_radix(-DBL_MAX, 2, text), 1025);
    assert_int_equal(js_digits_in_radix(-DBL_TRUE_MIN, 2, text), 1077);
}

static void check_read(const char *text, int radix, double want)
{
    double got = -1;
    assert_true(js_digits_read(span_str(text), radix, &got));
    assert_true(got == want);
}

static void test_read(void **state)
{
    (void)state;
    check_read("007.50", 10, 7.5);
    check_read(".5", 10, 0.5);
    check_read("5.", 10, 5);
    check_read("5.e1", 10, 50);
    check_read("1e", 10, 1);
    check_read("12.5e+", 10, 12.5);
    check_read("000", 10, 0);
    check_read("035066339249148722", 10, 35066339249148720.0);
    check_read("1e400", 10, INFINITY);
    check_read("2c0de78cf6d3dd", 16, 12400187128861660.0);
    check_read("2E04BA57DCBC81", 16, 12953047313202304.0);
    check_read("20000000000001", 16, 9007199254740992.0);
    check_read("20000000000003", 16, 9007199254740996.0);
    check_read("200000000000010000000000000000000001", 16, 0x1.0000000000001p+141);
    check_read("0743431647404750641", 8, 17013418734375328.0);
    check_read("zz", 36, 1295);
    check_read("358965605239", 36, 413984254801560060.0);
    check_read("00101111110000111101000011", 36, 6.241688044304184e+35);
    check_read("201102211100211100221110022111002211100", 3, 2917552289613731300.0);
}

static void test_long(void **state)
{
    (void)state;
    static char ones[5000];
    double v;
    memset(ones, '1', sizeof ones);
    assert_true(js_digits_read(span_of(ones, sizeof ones), 2, &v) && isinf(v));
    assert_true(js_digits_read(span_of(ones, sizeof ones), 36, &v) && isinf(v));
    assert_false(js_digits_read(span_of(ones, sizeof ones), 10, &v));
    memset(ones, '0', sizeof ones - 1);
    assert_true(js_digits_read(span_of(ones, sizeof ones), 2, &v) && v == 1);
    assert_true(js_digits_read(span_of(ones, sizeof ones), 10, &v) && v == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_exponential), cmocka_unit_test(test_radix),
        cmocka_unit_test(test_read),        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
