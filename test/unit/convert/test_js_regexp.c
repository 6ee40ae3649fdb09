// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "lib/test.h"

#include "convert/js_regexp.h"

#define ROOM 256

// The translation, or "! " and what is wrong.
static void check(const char *pattern, const char *flags, const char *want)
{
    struct span in = span_str(pattern);
    char name_room[ROOM], room[ROOM], refusal[ROOM] = "! ";
    struct js_regexp_text names = {name_room, 0, ROOM}, out = {room, 0, ROOM}, size = {0};
    int bits = js_regexp_flags(span_str(flags));
    assert_true(bits >= 0);
    const char *complaint = js_regexp_names(in, &names);
    struct span known = span_of(names.p, names.n);
    if (!complaint)
        complaint = js_regexp_translate(in, bits, known, &out);
    if (complaint) {
        strcpy(refusal + 2, complaint);
        assert_string_equal(refusal, want);
        return;
    }
    assert_span_equal(span_of(out.p, out.n), span_str(want));
    assert_null(js_regexp_translate(in, bits, known, &size));
    assert_int_equal(size.n, out.n);
}

static void test_flags(void **state)
{
    (void)state;
    assert_int_equal(js_regexp_flags(SPAN("")), 0);
    assert_int_equal(js_regexp_flags(SPAN("gimsuyd")), 127);
    assert_int_equal(js_regexp_flags(SPAN("ys")), JS_REGEXP_STICKY | JS_REGEXP_DOT_ALL);
    assert_int_equal(js_regexp_flags(SPAN("gg")), -1);
    assert_int_equal(js_regexp_flags(SPAN("v")), -1);
    assert_int_equal(js_regexp_flags(SPAN("g\0")), -1);
}

static void test_names(void **state)
{
    (void)state;
    char room[ROOM];
    struct js_regexp_text out = {room, 0, ROOM};
    assert_null(js_regexp_names(SPAN("(a)(?:b)(?<x1>c)[(?<no>](?<=d)\\((?<_$\xc3\xa9>e)"), &out));
    struct span rest = span_of(out.p, out.n);
    struct js_regexp_name name;
    assert_true(js_regexp_next_name(&rest, &name));
    assert_int_equal(name.group, 2);
    assert_span_is(name.text, "x1");
    assert_true(js_regexp_next_name(&rest, &name));
    assert_int_equal(name.group, 3);
    assert_span_is(name.text, "_$\xc3\xa9");
    assert_false(js_regexp_next_name(&rest, &name));

    check("(?<a>", "", "(");
    check("(?<a", "", "! invalid capture group name");
    check("(?<1>a)", "", "! invalid capture group name");
    check("(?<>a)", "", "! invalid capture group name");
    check("(?<a>b)(?<b>c)(?<a>d)", "", "! duplicate capture group name");
}

// A pattern of n groups "(?<aN>)" with names of the given width.
static const char *many(char *p, unsigned n, int width)
{
    char *at = p;
    for (unsigned i = 0; i < n; i++)
        at += sprintf(at, "(?<a%0*u>)", width, i);
    return p;
}

static void test_limits(void **state)
{
    (void)state;
    static char pattern[70000 * 4], room[ROOM * 1024];
    struct js_regexp_text out = {room, 0, sizeof room};
    assert_null(js_regexp_names(span_str(many(pattern, JS_REGEXP_NAMED_MAX, 3)), &out));
    out.n = 0;
    assert_string_equal(js_regexp_names(span_str(many(pattern, JS_REGEXP_NAMED_MAX + 1, 3)), &out),
                        "too many named groups");
    out.n = 0;
    assert_null(js_regexp_names(span_str(many(pattern, 1, JS_REGEXP_NAME_MAX - 1)), &out));
    out.n = 0;
    assert_string_equal(js_regexp_names(span_str(many(pattern, 1, JS_REGEXP_NAME_MAX)), &out),
                        "invalid capture group name");
    memset(pattern, '(', JS_REGEXP_GROUPS_MAX + 1);
    assert_null(js_regexp_names(span_of(pattern, JS_REGEXP_GROUPS_MAX), &out));
    assert_string_equal(js_regexp_names(span_of(pattern, JS_REGEXP_GROUPS_MAX + 1), &out),
                        "too many groups");
}

static void test_references(void **state)
{
    (void)state;
    check("(?<q>['\"]).*\\k<q>1", "", "(['\"]).*(?:\\1)1");
    check("\\k<b>(x)(?<b>y)", "", "(?:\\2)(x)(y)");
    check("\\k<a>", "", "\\k<a>");
    check("\\k<b>(?<a>x)", "", "! invalid named capture referenced");
    check("\\k(?<a>x)", "", "! invalid named reference");
    check("[\\k](?<a>x)", "", "! invalid named reference");
    check("\\k<a>", "u", "! invalid named capture referenced");
    check("(a)\\1\\2", "", "(a)\\1\\u0002");
    check("\\8\\12\\400\\0", "", "8\\u000a\\u00200\\u0000");
    check("[\\1\\8]", "", "[\\u00018]");
    check("(a)\\1\\0", "u", "(a)\\1\\u0000");
    check("\\1", "u", "! invalid escape");
    check("\\00", "u", "! invalid escape");
}

static void test_dot_and_braces(void **state)
{
    (void)state;
    check("a.[.]", "", "a.[.]");
    check("a.[.]\\.", "s", "a[^][.]\\.");
    check("a{1}{2,}{3,4}", "", "a{1}{2,}{3,4}");
    check("{a{,2}x{1", "", "\\{a\\{,2}x\\{1");
    check("a{", "u", "! lone quantifier brackets");
    check("a}", "u", "! lone quantifier brackets");
    check("a]", "u", "! lone quantifier brackets");
    check("a{2}[{}]", "u", "a{2}[{}]");
    check("[a-\\d][\\s-\\d]", "", "[a\\-\\d][\\s\\-\\d]");
    check("[\\d-a]", "u", "! invalid character class");
    check("[\\d-]", "u", "[\\d-]");
    check("(?<=a)(?<!b)(?=c)(?!d)(?:e)", "", "(?<=a)(?<!b)(?=c)(?!d)(?:e)");
}

static void test_escapes(void **state)
{
    (void)state;
    check("\\x4\\x41\\u41\\u0041\\u{41}", "", "x4\\x41u41\\u0041u{41}");
    check("\\c\\cA[\\c1\\c]", "", "\\\\c\\cA[\\u0011\\\\c]");
    check("\\a\\-\\p{L}", "", "\\a\\-\\p\\{L}");
    check("\\u{1F600}\\ud83d\\ude00", "u", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80");
    check("\xed\xa0\xbd\xed\xb8\x80", "u", "\xf0\x9f\x98\x80");
    check("\xed\xa0\xbd\xed\xb8\x80", "", "\xed\xa0\xbd\xed\xb8\x80");
    check("\xed\xa0\xbd[\xed\xb8\x80]\\u{d83d}", "u", "\xed\xa0\xbd[\xed\xb8\x80]\\ud83d");
    check("\\D[\\D\\d]", "u", "\\D[\\D\xf0\x90\x80\x80-\xf4\x8f\xbf\xbf\\d]");
    check("\\u{2f}\\/\\-", "u", "! invalid escape");
    check("\\u{2f}\\/[\\-]", "u", "\\u002f\\/[\\-]");
    check("\\u{110000}", "u", "! invalid Unicode escape");
    check("\\u{}", "u", "! invalid Unicode escape");
    check("\\u12", "u", "! invalid Unicode escape");
    check("\\x1", "u", "! invalid escape");
    check("\\a", "u", "! invalid escape");
    check("[\\B]", "u", "! invalid escape");
    check("\\p{L}", "u", "! Unicode property escapes, \\p{...}, are not supported");
    check("\\", "", "! \\ at end of pattern");
}

static void check_source(const char *pattern, const char *want)
{
    char room[ROOM];
    struct js_regexp_text out = {room, 0, ROOM};
    js_regexp_source(span_str(pattern), &out);
    assert_span_equal(span_of(out.p, out.n), span_str(want));
}

static void test_source(void **state)
{
    (void)state;
    check_source("", "(?:)");
    check_source("a/b", "a\\/b");
    check_source("[/]\\/\\\\/", "[/]\\/\\\\\\/");
    check_source("\n\r\\\n", "\\n\\r\\n");
    check_source("(?<a>.)", "(?<a>.)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags),          cmocka_unit_test(test_names),
        cmocka_unit_test(test_limits),         cmocka_unit_test(test_references),
        cmocka_unit_test(test_dot_and_braces), cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
