// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"

#include "convert/js_text.h"

static void check_in(const char *utf8, size_t n, const char *want, size_t want_n)
{
    char out[64];
    assert_int_equal(js_text_in(out, span_of(utf8, n)), want_n);
    assert_memory_equal(out, want, want_n);
}

static void check_out(const char *cesu8, size_t n, const char *want, size_t want_n)
{
    char out[64];
    assert_int_equal(js_text_out(out, span_of(cesu8, n)), want_n);
    assert_memory_equal(out, want, want_n);
}

#define IN(a, b) check_in(a, sizeof(a) - 1, b, sizeof(b) - 1)
#define OUT(a, b) check_out(a, sizeof(a) - 1, b, sizeof(b) - 1)
#define BAD "\xef\xbf\xbd"

static void test_in(void **state)
{
    (void)state;
    IN("", "");
    IN("plain \x7f\0x", "plain \x7f\0x");
    IN("\xc3\xa9\xe2\x82\xac", "\xc3\xa9\xe2\x82\xac");
    IN("\xf0\x9f\x92\xa1", "\xed\xa0\xbd\xed\xb2\xa1"); // U+1F4A1
    IN("\xf0\x90\x80\x80", "\xed\xa0\x80\xed\xb0\x80"); // U+10000
    IN("\xf4\x8f\xbf\xbf", "\xed\xaf\xbf\xed\xbf\xbf"); // U+10FFFF
    IN("\xf4\x90\x80\x80", BAD BAD BAD BAD);            // above
    IN("\xff"
       "a\x80"
       "b\xc0\xaf",
       BAD "a" BAD "b" BAD BAD);             // never a symbol of Duktape's
    IN("\xc3", BAD);                         // cut
    IN("\xe2\x82", BAD BAD);                 //
    IN("\xed\xa0\xbd\xed\xb2\xa1", BAD BAD); // surrogates in UTF-8
    IN("\xe0\x9f\xbf", BAD BAD BAD);         // overlong
}

static void test_out(void **state)
{
    (void)state;
    OUT("plain", "plain");
    OUT("\xc3\xa9\xe2\x82\xac", "\xc3\xa9\xe2\x82\xac");
    OUT("\xed\xa0\xbd\xed\xb2\xa1", "\xf0\x9f\x92\xa1");
    OUT("x\xed\xa0\xbd", "x" BAD); // high alone
    OUT("\xed\xb2\xa1y", BAD "y"); // low alone
    OUT("\xed\xa0\xbd\xed\xa0\xbd\xed\xb2\xa1", BAD "\xf0\x9f\x92\xa1");
    OUT("\xed\xa0\xbd"
        "a",
        BAD "a");
    OUT("\xff\x81", BAD BAD);
}

static void test_arena_and_buf(void **state)
{
    (void)state;
    struct arena a = {0};
    struct buf b = {0};
    assert_span_is(js_text_out_arena(&a, SPAN("abc")), "abc");
    assert_span_is(js_text_out_arena(&a, SPAN("\xed\xa0\xbd\xed\xb2\xa1")), "\xf0\x9f\x92\xa1");
    js_text_out_buf(&b, SPAN("abc"));
    js_text_out_buf(&b, SPAN("\xed\xb2\xa1"));
    assert_span_is(buf_span(&b), "abc" BAD);
    assert_true(js_text_is_ascii(SPAN("0123456789abcdef")));
    assert_false(js_text_is_ascii(SPAN("0123456789abcde\xc3\xa9")));
    assert_false(js_text_is_ascii(SPAN("\xc3\xa9")));
    arena_free(&a);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in),
        cmocka_unit_test(test_out),
        cmocka_unit_test(test_arena_and_buf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
