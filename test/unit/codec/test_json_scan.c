// SPDX-License-Identifier: Apache-2.0
#include "codec/json_scan.h"

#include <stdio.h>

#include "base/mem.h"
#include "codec/json_out.h"
#include "lib/test.h"
#include "lib/test_clock.h"
#include "unit/codec/json_cases.h"

// A copy in memory of its own size, so that a sanitizer sees a read beyond it.
static struct span exact(struct span s)
{
    char *p = mem_alloc(s.n);
    if (s.n > 0) {
        memcpy(p, s.p, s.n);
    }
    return span_of(p, s.n);
}

// Reads all tokens and writes them again. False with *e set on an error.
static bool rewrite(struct span text, struct buf *out, struct err *e)
{
    struct arena a = {0};
    struct json_scan s;
    struct json_out j = {.out = out};
    enum json_token t;
    json_scan_init(&s, text, &a);
    while ((t = json_scan_next(&s)) > JSON_T_END) {
        switch (t) {
        case JSON_T_OBJECT:
            json_out_object(&j);
            break;
        case JSON_T_ARRAY:
            json_out_array(&j);
            break;
        case JSON_T_OBJECT_END:
        case JSON_T_ARRAY_END:
            json_out_end(&j);
            break;
        case JSON_T_KEY:
            json_out_key(&j, s.text);
            break;
        case JSON_T_STRING:
            json_out_str(&j, s.text);
            break;
        default:
            json_out_raw(&j, s.text);
        }
    }
    if (t == JSON_T_ERROR) {
        assert_non_null(s.error);
        assert_int_equal(json_scan_next(&s), JSON_T_ERROR);
        assert_int_equal(json_scan_skip(&s), ERR_INVALID);
        assert_int_equal(json_scan_error(&s, e), ERR_INVALID);
    } else {
        assert_int_equal(json_scan_next(&s), JSON_T_END);
    }
    arena_free(&a);
    return t == JSON_T_END;
}

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof json_good / sizeof *json_good; i++) {
        struct span text = exact(json_good[i]);
        struct buf out = {0};
        struct err e = {0};
        if (!rewrite(text, &out, &e)) {
            fail_msg("case %zu: %s", i, e.msg);
        }
        buf_free(&out);
        mem_free((char *)text.p);
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof json_bad / sizeof *json_bad; i++) {
        struct span text = exact(json_bad[i].text);
        struct buf out = {0};
        struct err e = {0};
        char place[40];
        if (rewrite(text, &out, &e)) {
            fail_msg("taken: case %zu %.*s", i, SPAN_ARG(text));
        }
        snprintf(place, sizeof place, "line %d column %d: ", json_bad[i].line, json_bad[i].column);
        if (strncmp(e.msg, place, strlen(place)) != 0 || strlen(e.msg) == strlen(place)) {
            fail_msg("case %zu %.*s: %swanted, not %s", i, SPAN_ARG(text), place, e.msg);
        }
        // Skipping checks no less.
        struct json_scan s;
        json_scan_init(&s, text, NULL);
        bool skipped = json_scan_skip(&s) == 0 && json_scan_next(&s) == JSON_T_END;
        assert_false(skipped);
        buf_free(&out);
        mem_free((char *)text.p);
    }
}

static void assert_rewritten(struct span text, struct span want)
{
    struct buf out = {0};
    struct err e = {0};
    if (!rewrite(text, &out, &e)) {
        fail_msg("%s", e.msg);
    }
    assert_span_equal(buf_span(&out), want);
    buf_free(&out);
}

static void test_unescaping(void **state)
{
    (void)state;
    assert_rewritten(SPAN("\"\\u0041\\u00e4\\u20AC\\uD83D\\uDE00\\/\""),
                     SPAN("\"A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80/\""));
    assert_rewritten(SPAN("\"x\\u0000y\""), SPAN("\"x\\u0000y\""));
    assert_rewritten(SPAN("\"\\ud800\\udc00\\udbff\\udfff\\uffff\""),
                     SPAN("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xef\xbf\xbf\""));
    assert_rewritten(SPAN("{\"a\\nb\\\"\\\\\":\"\\b\\f\\r\\t\"}"),
                     SPAN("{\"a\\nb\\\"\\\\\":\"\\b\\f\\r\\t\"}"));
}

static size_t encode(uint32_t c, char *out)
{
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6) {
        out[i] = (char)(0x80 | (c & 0x3f));
    }
    out[0] = (char)(lead[n > 1 ? n : 0] | c);
    return n;
}

// Every code there is, as escape and as it stands.
static void test_every_code(void **state)
{
    (void)state;
    struct arena a = {0};
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        char text[40], plain[4];
        struct json_scan s;
        if (c >= 0xd800 && c <= 0xdfff) {
            continue;
        }
        struct span want = span_of(plain, encode(c, plain));
        if (c < 0x10000) {
            snprintf(text, sizeof text, "\"\\u%04x\"", (unsigned)c);
        } else {
            unsigned v = (unsigned)c - 0x10000;
            snprintf(text, sizeof text, "\"\\u%04X\\u%04x\"", 0xd800 + (v >> 10),
                     0xdc00 + (v & 0x3ff));
        }
        json_scan_init(&s, span_str(text), &a);
        if (json_scan_next(&s) != JSON_T_STRING || !span_eq(s.text, want)) {
            fail_msg("escape of U+%04X", (unsigned)c);
        }
        snprintf(text, sizeof text, "\"%.*s\"", (int)want.n, want.p);
        json_scan_init(&s, span_str(text), &a);
        bool must_escape = c < 0x20 || c == '"' || c == '\\';
        if (!must_escape && (json_scan_next(&s) != JSON_T_STRING || !span_eq(s.text, want))) {
            fail_msg("U+%04X", (unsigned)c);
        }
        arena_reset(&a);
    }
    arena_free(&a);
}

static void test_without_an_arena_strings_stay_as_written(void **state)
{
    (void)state;
    struct json_scan s;
    json_scan_init(&s, SPAN("{\"\\u0041\":\"\\n\"}"), NULL);
    assert_int_equal(json_scan_next(&s), JSON_T_OBJECT);
    assert_int_equal(json_scan_next(&s), JSON_T_KEY);
    assert_span_is(s.text, "\\u0041");
    assert_int_equal(json_scan_next(&s), JSON_T_STRING);
    assert_span_is(s.text, "\\n");
}

static void test_tokens(void **state)
{
    (void)state;
    struct json_scan s;
    json_scan_init(&s, SPAN(" {\"k\": [-1.5e3, true, false, null, \"v\"]} "), NULL);
    assert_int_equal(json_scan_next(&s), JSON_T_OBJECT);
    assert_int_equal(json_scan_next(&s), JSON_T_KEY);
    assert_span_is(s.text, "k");
    assert_int_equal(json_scan_next(&s), JSON_T_ARRAY);
    assert_int_equal(s.depth, 2);
    assert_int_equal(json_scan_next(&s), JSON_T_NUMBER);
    assert_span_is(s.text, "-1.5e3");
    assert_int_equal(json_scan_next(&s), JSON_T_TRUE);
    assert_int_equal(json_scan_next(&s), JSON_T_FALSE);
    assert_int_equal(json_scan_next(&s), JSON_T_NULL);
    assert_int_equal(json_scan_next(&s), JSON_T_STRING);
    assert_span_is(s.text, "v");
    assert_int_equal(json_scan_next(&s), JSON_T_ARRAY_END);
    assert_int_equal(json_scan_next(&s), JSON_T_OBJECT_END);
    assert_int_equal(json_scan_next(&s), JSON_T_END);
    assert_int_equal(json_scan_next(&s), JSON_T_END);
}

static void test_skip_and_raw(void **state)
{
    (void)state;
    struct json_scan s;
    struct span raw;
    json_scan_init(&s,
                   SPAN("{\"a\": {\"x\":[1,{}]} ,\"b\": [ 1 , \"\\u0041\" ], \"c\":-1 "
                        ",\"d\":\"s\\n\",\"e\":[]}"),
                   NULL);
    assert_int_equal(json_scan_next(&s), JSON_T_OBJECT);
    assert_int_equal(json_scan_next(&s), JSON_T_KEY);
    assert_int_equal(json_scan_skip(&s), 0);
    assert_span_is(s.text, "{\"x\":[1,{}]}");
    assert_int_equal(json_scan_next(&s), JSON_T_KEY);
    assert_int_equal(json_scan_next(&s), JSON_T_ARRAY);
    assert_int_equal(json_scan_raw(&s, &raw), 0);
    assert_span_is(raw, "[ 1 , \"\\u0041\" ]");
    assert_int_equal(json_scan_next(&s), JSON_T_KEY);
    assert_span_is(s.text, "c");
    assert_int_equal(json_scan_skip(&s), 0);
    assert_span_is(s.text, "-1");
    assert_int_equal(json_scan_next(&s), JSON_T_KEY);
    assert_int_equal(json_scan_skip(&s), 0);
    assert_span_is(s.text, "\"s\\n\"");
    assert_int_equal(json_scan_next(&s), JSON_T_KEY);
    assert_int_equal(json_scan_next(&s), JSON_T_ARRAY);
    assert_int_equal(json_scan_skip(&s), ERR_INVALID);
    assert_int_equal(json_scan_next(&s), JSON_T_ERROR);

    json_scan_init(&s, SPAN(" [1,[2]] "), NULL);
    assert_int_equal(json_scan_skip(&s), 0);
    assert_span_is(s.text, "[1,[2]]");
    assert_int_equal(json_scan_next(&s), JSON_T_END);
    json_scan_init(&s, SPAN("1"), NULL);
    assert_int_equal(json_scan_next(&s), JSON_T_NUMBER);
    assert_int_equal(json_scan_skip(&s), ERR_INVALID);
    json_scan_init(&s, SPAN("1"), NULL);
    assert_int_equal(json_scan_raw(&s, &raw), ERR_INVALID);
    assert_int_equal(json_scan_next(&s), JSON_T_ERROR);
    json_scan_init(&s, SPAN("{\"a\":1}"), NULL);
    assert_int_equal(json_scan_next(&s), JSON_T_OBJECT);
    assert_int_equal(json_scan_skip(&s), ERR_INVALID);
    json_scan_init(&s, SPAN("[[1,}"), NULL);
    assert_int_equal(json_scan_next(&s), JSON_T_ARRAY);
    assert_int_equal(json_scan_raw(&s, &raw), ERR_INVALID);
}

static struct buf nested(int depth, char opening, char closing)
{
    struct buf b = {0};
    for (int i = 0; i < depth; i++) {
        buf_add_char(&b, opening);
        if (opening == '{') {
            buf_add_str(&b, "\"k\":");
        }
    }
    buf_add_char(&b, '1');
    for (int i = 0; i < depth; i++) {
        buf_add_char(&b, closing);
    }
    return b;
}

static enum json_token scan_all(struct span text, int max_depth)
{
    struct json_scan s;
    enum json_token t;
    json_scan_init(&s, text, NULL);
    s.max_depth = max_depth;
    while ((t = json_scan_next(&s)) > JSON_T_END) {
    }
    return t;
}

static void test_depth_limit(void **state)
{
    (void)state;
    for (int object = 0; object < 2; object++) {
        char opening = object ? '{' : '[', closing = object ? '}' : ']';
        for (int max = JSON_SCAN_DEPTH; max <= JSON_SCAN_DEPTH_MOST; max += JSON_SCAN_DEPTH) {
            struct buf at = nested(max, opening, closing), over = nested(max + 1, opening, closing);
            assert_int_equal(scan_all(buf_span(&at), max), JSON_T_END);
            assert_int_equal(scan_all(buf_span(&over), max), JSON_T_ERROR);
            buf_free(&at);
            buf_free(&over);
        }
    }
    struct json_scan s;
    json_scan_init(&s, SPAN(""), NULL);
    assert_int_equal(s.max_depth, JSON_SCAN_DEPTH);
}

// The string's end, and what must not stand in it, at each place of a text that is read by words.
static void test_strings_at_every_place(void **state)
{
    (void)state;
    static const char wrong[] = {0x00, 0x1f, '\n', (char)0x80, (char)0xff};
    for (size_t n = 0; n < 100; n++) {
        struct buf b = {0};
        buf_add_char(&b, '"');
        for (size_t i = 0; i < n; i++) {
            buf_add_char(&b, (char)('#' + i % 50));
        }
        buf_add_char(&b, '"');
        struct span text = exact(buf_span(&b));
        struct json_scan s;
        json_scan_init(&s, text, NULL);
        assert_int_equal(json_scan_next(&s), JSON_T_STRING);
        assert_span_equal(s.text, span_of(text.p + 1, n));
        assert_int_equal(json_scan_next(&s), JSON_T_END);
        assert_int_equal(scan_all(span_of(text.p, n + 1), JSON_SCAN_DEPTH), JSON_T_ERROR);
        for (size_t at = 1; at <= n; at++) {
            for (size_t w = 0; w < sizeof wrong; w++) {
                char was = text.p[at];
                ((char *)text.p)[at] = wrong[w];
                json_scan_init(&s, text, NULL);
                assert_int_equal(json_scan_next(&s), JSON_T_ERROR);
                assert_ptr_equal(s.at, text.p + at);
                ((char *)text.p)[at] = was;
            }
        }
        mem_free((char *)text.p);
        buf_free(&b);
    }
}

// Whatever bytes: no crash, no read outside, and only well-formed text is taken.
static void test_mutations(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,-2.5e+3,true,null],\"k\\u00e4\\ud83d\\ude00\":{"
                               "\"\xc3\xa4\":\"x\\n\"},\"e\":\"\"}";
    uint64_t random = 1;
    for (int i = 0; i < 20000; i++) {
        char copy[sizeof text];
        memcpy(copy, text, sizeof text);
        for (uint64_t k = test_random_below(&random, 4); k > 0; k--) {
            copy[test_random_below(&random, sizeof text - 1)] = (char)test_random(&random);
        }
        struct span in = exact(span_of(copy, (size_t)test_random_below(&random, sizeof text)));
        struct buf once = {0}, twice = {0};
        struct err e = {0};
        if (rewrite(in, &once, &e)) {
            assert_true(rewrite(buf_span(&once), &twice, &e));
            assert_span_equal(buf_span(&twice), buf_span(&once));
        }
        buf_free(&once);
        buf_free(&twice);
        mem_free((char *)in.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_unescaping),
        cmocka_unit_test(test_every_code),
        cmocka_unit_test(test_without_an_arena_strings_stay_as_written),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_skip_and_raw),
        cmocka_unit_test(test_depth_limit),
        cmocka_unit_test(test_strings_at_every_place),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
