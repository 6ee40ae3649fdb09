// SPDX-License-Identifier: Apache-2.0
// The order that Node 20 gives.

#include "lib/test.h"

#include "convert/js_collate.h"

static const struct js_collate_options variant = {JS_COLLATE_VARIANT, false},
                                       numeric = {JS_COLLATE_VARIANT, true};

// Each stands before the next.
static void check_order(const char *const *texts, const struct js_collate_options *o)
{
    for (size_t i = 0; texts[i]; i++)
        for (size_t k = 0; texts[k]; k++) {
            int c = js_collate(span_str(texts[i]), span_str(texts[k]), o);
            if (c != (i > k) - (i < k))
                fail_msg("%s and %s: %d", texts[i], texts[k], c);
        }
}

static void check(const char *a, const char *b, enum js_collate_sensitivity s, int want)
{
    struct js_collate_options o = {s, false};
    assert_int_equal(js_collate(span_str(a), span_str(b), &o), want);
    assert_int_equal(js_collate(span_str(b), span_str(a), &o), -want);
}

static void test_order(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",           " x", "_x",       "-x", "1",  "10",           "2",  "a", "A",   "\xc3\xa1",
        "ab",         "aB", "Ab",       "ae", "AE", "\xc3\xa6",     "az", "b", "lza", "lzb",
        "\xc5\x82zb", "ss", "\xc3\x9f", "z",  "Z",  "\xe4\xb8\xad", NULL};
    check_order(texts, &variant);
}

// Whatever the table lacks stands behind, by its code; half a pair too.
static void test_beyond(void **state)
{
    (void)state;
    static const char *const texts[] = {"\xc3\xbe",
                                        "\xc7\x80",
                                        "\xce\xb1",
                                        "\xce\xb1z",
                                        "\xe3\x81\x82",
                                        "\xed\xa0\xbd",
                                        "\xed\xa0\xbd\xed\xb8\x80",
                                        NULL};
    check_order(texts, &variant);
    check("a", "a\x01\xc2\xad", JS_COLLATE_VARIANT, 0);
    check("e\xcc\x81", "\xc3\xa9", JS_COLLATE_VARIANT, 0);
}

static void test_sensitivity(void **state)
{
    (void)state;
    check("a", "\xc3\x81", JS_COLLATE_BASE, 0);
    check("a", "b", JS_COLLATE_BASE, -1);
    check("a", "A", JS_COLLATE_ACCENT, 0);
    check("a", "\xc3\xa1", JS_COLLATE_ACCENT, -1);
    check("a", "\xc3\xa1", JS_COLLATE_CASE, 0);
    check("a", "A", JS_COLLATE_CASE, -1);
    check("A", "\xc3\xa1", JS_COLLATE_VARIANT, -1);
}

static void test_numeric(void **state)
{
    (void)state;
    static const char *const texts[] = {"-2",
                                        "0",
                                        "1.5",
                                        "1.10",
                                        "9b",
                                        "10",
                                        "99999999999999999999999",
                                        "100000000000000000000000",
                                        "a1",
                                        "a1b",
                                        "a2",
                                        "a10",
                                        "a10b",
                                        "b",
                                        NULL};
    check_order(texts, &numeric);
    assert_int_equal(js_collate(SPAN("a010"), SPAN("a10"), &numeric), 0);
    assert_int_equal(js_collate(SPAN("00"), SPAN("0"), &numeric), 0);
    assert_int_equal(js_collate(SPAN("x01y1"), SPAN("x1y2"), &numeric), -1);
    assert_int_equal(js_collate(SPAN("0"), SPAN(""), &numeric), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_beyond),
        cmocka_unit_test(test_sensitivity),
        cmocka_unit_test(test_numeric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
