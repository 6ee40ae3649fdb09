// SPDX-License-Identifier: Apache-2.0
#include "codec/json_out.h"

#include <math.h>

#include "lib/test.h"

static void test_document(void **state)
{
    (void)state;
    struct buf b = {0};
    struct json_out j = {.out = &b};
    struct value all[] = {value_bool(true), value_long(-5), value_double(22.5),
                          value_string(SPAN("v.\"1\"")), value_json(SPAN("{\"x\":[]}"))};
    json_out_object(&j);
    json_out_key_str(&j, "s", SPAN("t"));
    json_out_key_int(&j, "i", INT64_MIN);
    json_out_key_bool(&j, "b", false);
    json_out_key_null(&j, "n");
    json_out_key_raw(&j, "r", SPAN("[1]"));
    json_out_key(&j, SPAN("values"));
    json_out_array(&j);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        json_out_value(&j, &all[i]);
    }
    json_out_array(&j);
    json_out_end(&j);
    json_out_object(&j);
    json_out_end(&j);
    json_out_uuid(&j, uuid_null);
    json_out_end(&j);
    json_out_key(&j, SPAN("last"));
    json_out_num(&j, 1e300);
    json_out_end(&j);
    assert_span_is(buf_span(&b),
                   "{\"s\":\"t\",\"i\":-9223372036854775808,\"b\":false,\"n\":null,\"r\":[1],"
                   "\"values\":[true,-5,22.5,\"v.\\\"1\\\"\",{\"x\":[]},[],{},"
                   "\"13814000-1dd2-11b2-8080-808080808080\"],\"last\":1e+300}");
    buf_free(&b);
}

static void test_numbers(void **state)
{
    (void)state;
    struct buf b = {0};
    struct json_out j = {.out = &b};
    json_out_array(&j);
    json_out_num(&j, NAN);
    json_out_num(&j, INFINITY);
    json_out_num(&j, -INFINITY);
    json_out_num(&j, -0.5);
    json_out_int(&j, 0);
    json_out_end(&j);
    assert_span_is(buf_span(&b), "[null,null,null,-0.5,0]");
    buf_free(&b);
}

static void assert_quoted(struct span in, struct span want)
{
    struct buf b = {0};
    json_quote(&b, in);
    assert_span_equal(buf_span(&b), want);
    buf_free(&b);
}

static void test_quoting(void **state)
{
    (void)state;
    assert_quoted(SPAN_NONE, SPAN("\"\""));
    assert_quoted(SPAN("a/b'c"), SPAN("\"a/b'c\""));
    assert_quoted(SPAN("\"\\\b\f\n\r\t"), SPAN("\"\\\"\\\\\\b\\f\\n\\r\\t\""));
    assert_quoted(SPAN("\0\x01\x1f\x7f"), SPAN("\"\\u0000\\u0001\\u001f\x7f\""));
    assert_quoted(SPAN("k\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"),
                  SPAN("\"k\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\""));
}

#define FFFD "\xef\xbf\xbd"

static void test_quoting_of_wrong_utf8(void **state)
{
    (void)state;
    assert_quoted(SPAN("a\x80z"), SPAN("\"a" FFFD "z\""));
    assert_quoted(SPAN("\xff\xc3"), SPAN("\"" FFFD FFFD "\""));
    assert_quoted(SPAN("\xe2\x82"), SPAN("\"" FFFD FFFD "\""));
    assert_quoted(SPAN("\xed\xa0\x80"), SPAN("\"" FFFD FFFD FFFD "\""));
    assert_quoted(SPAN("\xc0\xaf"), SPAN("\"" FFFD FFFD "\""));
    assert_quoted(SPAN("\xf4\x90\x80\x80"), SPAN("\"" FFFD FFFD FFFD FFFD "\""));
}

// A character that needs care, at each place of a text that is taken by words.
static void test_quoting_at_every_place(void **state)
{
    (void)state;
    static const struct {
        struct span in, out;
    } cases[] = {{SPAN("\""), SPAN("\\\"")},
                 {SPAN("\\"), SPAN("\\\\")},
                 {SPAN("\x1f"), SPAN("\\u001f")},
                 {SPAN("\xc3\xa4"), SPAN("\xc3\xa4")},
                 {SPAN("\xa4"), SPAN(FFFD)}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        for (size_t n = 0; n < 80; n++) {
            for (size_t at = 0; at <= n; at += n < 20 ? 1 : 3) {
                struct buf in = {0}, want = {0};
                buf_add_char(&want, '"');
                for (size_t i = 0; i <= n; i++) {
                    if (i == at) {
                        buf_add_span(&in, cases[c].in);
                        buf_add_span(&want, cases[c].out);
                    } else {
                        buf_add_char(&in, (char)('#' + i % 50));
                        buf_add_char(&want, (char)('#' + i % 50));
                    }
                }
                buf_add_char(&want, '"');
                assert_quoted(buf_span(&in), buf_span(&want));
                buf_free(&in);
                buf_free(&want);
            }
        }
    }
}

static void nest(void *arg)
{
    struct buf b = {0};
    struct json_out j = {.out = &b};
    for (int i = 0; i < *(int *)arg; i++) {
        json_out_array(&j);
    }
    buf_free(&b);
}

static void test_depth_limit(void **state)
{
    (void)state;
    int at = JSON_OUT_DEPTH, over = JSON_OUT_DEPTH + 1;
    assert_false(test_aborts(nest, &at));
    assert_true(test_aborts(nest, &over));
}

static struct json_out *begin(struct buf *b)
{
    static struct json_out j;
    j = (struct json_out){.out = b};
    return &j;
}

static void end_of_nothing(void *b)
{
    json_out_end(begin(b));
}

static void value_without_key(void *b)
{
    struct json_out *j = begin(b);
    json_out_object(j);
    json_out_int(j, 1);
}

static void key_in_array(void *b)
{
    struct json_out *j = begin(b);
    json_out_array(j);
    json_out_key(j, SPAN("k"));
}

static void key_after_key(void *b)
{
    struct json_out *j = begin(b);
    json_out_object(j);
    json_out_key(j, SPAN("k"));
    json_out_key(j, SPAN("k"));
}

static void end_after_key(void *b)
{
    struct json_out *j = begin(b);
    json_out_object(j);
    json_out_key(j, SPAN("k"));
    json_out_end(j);
}

static void two_documents(void *b)
{
    struct json_out *j = begin(b);
    json_out_int(j, 1);
    json_out_int(j, 2);
}

static void test_wrong_nesting_aborts(void **state)
{
    (void)state;
    struct buf b = {0};
    void (*const wrong[])(void *) = {end_of_nothing, value_without_key, key_in_array,
                                     key_after_key,  end_after_key,     two_documents};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_true(test_aborts(wrong[i], &b));
    }
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_quoting_of_wrong_utf8),
        cmocka_unit_test(test_quoting_at_every_place),
        cmocka_unit_test(test_depth_limit),
        cmocka_unit_test(test_wrong_nesting_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
