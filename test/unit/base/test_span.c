// SPDX-License-Identifier: Apache-2.0
#include "base/span.h"

#include <stdio.h>

#include "lib/test.h"

static void test_comparing(void **state)
{
    (void)state;
    assert_true(span_eq(SPAN(""), SPAN_NONE));
    assert_true(span_eq(SPAN("a\0b"), SPAN("a\0b")));
    assert_false(span_eq(SPAN("a\0b"), SPAN("a\0c")));
    assert_true(span_is(SPAN("abc"), "abc"));
    assert_true(span_is(SPAN_NONE, NULL));
    assert_true(span_ieq(SPAN("Content-Type"), SPAN("cONTENT-tYPE")));
    assert_false(span_ieq(SPAN("a@"), SPAN("a`")));
    assert_false(span_ieq(SPAN("\xc3\x84"), SPAN("\xc3\xa4")));
    assert_false(span_ieq(SPAN("a"), SPAN("ab")));
    assert_true(span_cmp(SPAN("a"), SPAN("b")) < 0);
    assert_true(span_cmp(SPAN("a"), SPAN("ab")) < 0);
    assert_true(span_cmp(SPAN("ab"), SPAN("a")) > 0);
    assert_true(span_cmp(SPAN("\xff"), SPAN("a")) > 0);
    assert_true(span_cmp(SPAN_NONE, SPAN("")) == 0);
    assert_true(span_has_prefix(SPAN("abc"), SPAN("ab")));
    assert_true(span_has_prefix(SPAN("abc"), SPAN_NONE));
    assert_false(span_has_prefix(SPAN("a"), SPAN("ab")));
    assert_false(span_has_prefix(SPAN("abc"), SPAN("bc")));
    assert_true(span_has_suffix(SPAN("abc"), SPAN("bc")));
    assert_false(span_has_suffix(SPAN("abc"), SPAN("ab")));
    assert_false(span_has_suffix(SPAN_NONE, SPAN("a")));
    assert_true(span_eq_secret(SPAN("secret"), SPAN("secret")));
    assert_false(span_eq_secret(SPAN("secret"), SPAN("secreT")));
    assert_false(span_eq_secret(SPAN("secret"), SPAN("secret1")));
    assert_true(span_eq_secret(SPAN_NONE, SPAN("")));
}

static void test_cutting(void **state)
{
    (void)state;
    struct span rest = SPAN("a,,b");
    assert_span_is(span_cut(&rest, ','), "a");
    assert_span_is(span_cut(&rest, ','), "");
    assert_non_null(rest.p);
    assert_span_is(span_cut(&rest, ','), "b");
    assert_null(rest.p);
    rest = SPAN("a,");
    span_cut(&rest, ',');
    assert_non_null(rest.p);
    assert_span_is(span_cut(&rest, ','), "");
    assert_null(rest.p);
    assert_int_equal(span_find(SPAN("abc"), 'c'), 2);
    assert_int_equal(span_find(SPAN("abc"), 'd'), 3);
    assert_int_equal(span_find(SPAN_NONE, 'd'), 0);
    assert_span_is(span_trim(SPAN(" \t\r\n\v\f a b \n")), "a b");
    assert_span_is(span_trim(SPAN(" \t ")), "");
    assert_span_is(span_trim(SPAN_NONE), "");
}

static void test_integers(void **state)
{
    (void)state;
    uint64_t u;
    int64_t i;
    assert_true(span_to_u64(SPAN("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_false(span_to_u64(SPAN("18446744073709551616"), &u));
    assert_false(span_to_u64(SPAN("99999999999999999999999"), &u));
    assert_true(span_to_u64(SPAN("007"), &u) && u == 7);
    static const char *const bad[] = {"", "-", "+1", " 1", "1 ", "1a", "0x1", "1.0", "--1", "-+1"};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        assert_false(span_to_u64(span_str(bad[k]), &u));
        assert_false(span_to_i64(span_str(bad[k]), &i));
    }
    assert_false(span_to_u64(SPAN("-1"), &u));
    assert_true(span_to_i64(SPAN("-9223372036854775808"), &i) && i == INT64_MIN);
    assert_false(span_to_i64(SPAN("-9223372036854775809"), &i));
    assert_true(span_to_i64(SPAN("9223372036854775807"), &i) && i == INT64_MAX);
    assert_false(span_to_i64(SPAN("9223372036854775808"), &i));
    assert_true(span_to_i64(SPAN("-0"), &i) && i == 0);
}

static size_t encode(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6) {
        out[i] = (char)(0x80 | (c & 0x3f));
    }
    out[0] = (char)(lead[n] | c);
    return n;
}

// Every code there is, and beyond.
static void test_utf8_of_every_code(void **state)
{
    (void)state;
    char text[8];
    for (uint32_t c = 0; c < 0x1fffff; c++) {
        bool good = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
        size_t n = encode(c, text);
        if (span_is_utf8(span_of(text, n)) != good) {
            fail_msg("U+%04X", c);
        }
        if (n > 1 && span_is_utf8(span_of(text, n - 1))) {
            fail_msg("U+%04X cut short", c);
        }
    }
}

static void test_wrong_utf8(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x80\x80",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x80\x80\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xfe",
                                      "\xff",
                                      "\xc3(",
                                      "\xe2\x82(",
                                      "a\xc3",
                                      "\xe2(\xa1",
                                      "\xf0\x28\x8c\xbc",
                                      "\xc3\xc3\xa4",
                                      "\xf8\x88\x80\x80\x80",
                                      "\xf0\x9f\x98(",
                                      "\xf0\x9f(\x80",
                                      "\xe2\x82\xc0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (span_is_utf8(span_str(bad[i]))) {
            fail_msg("case %zu", i);
        }
    }
    // The same after and before a word of ASCII.
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[40];
        snprintf(text, sizeof text, "12345678%s12345678", bad[i]);
        assert_false(span_is_utf8(span_str(text)));
    }
    assert_true(span_is_utf8(SPAN_NONE));
    assert_true(span_is_utf8(SPAN("a\0b \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comparing),  cmocka_unit_test(test_cutting),
        cmocka_unit_test(test_integers),   cmocka_unit_test(test_utf8_of_every_code),
        cmocka_unit_test(test_wrong_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
