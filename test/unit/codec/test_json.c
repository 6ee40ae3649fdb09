// SPDX-License-Identifier: Apache-2.0
#include "codec/json.h"

#include <math.h>
#include <stdio.h>

#include "lib/test.h"
#include "unit/codec/json_cases.h"

static struct json *parse(struct span text)
{
    struct err e = {0};
    struct json *j = json_parse(text, &e);
    if (!j) {
        fail_msg("%.*s: %s", SPAN_ARG(text), e.msg);
    }
    return j;
}

static void assert_written(const struct json *j, const char *want)
{
    struct buf b = {0};
    json_write(j, &b);
    assert_string_equal(buf_cstr(&b), want);
    buf_free(&b);
}

static void assert_rewritten(const char *text, const char *want)
{
    struct json *j = parse(span_str(text));
    assert_written(j, want);
    json_free(j);
}

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof json_good / sizeof *json_good; i++) {
        json_free(parse(json_good[i]));
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof json_bad / sizeof *json_bad; i++) {
        struct err e = {0};
        char place[40];
        assert_null(json_parse(json_bad[i].text, &e));
        assert_int_equal(e.code, ERR_INVALID);
        snprintf(place, sizeof place, "line %d column %d: ", json_bad[i].line, json_bad[i].column);
        assert_memory_equal(e.msg, place, strlen(place));
        assert_null(json_parse(json_bad[i].text, NULL));
    }
}

static void assert_refused(const char *text, const char *want)
{
    struct err e = {0};
    assert_null(json_parse(span_str(text), &e));
    assert_string_equal(e.msg, want);
}

static void test_refused_although_json(void **state)
{
    (void)state;
    assert_refused("[\n \"a\\u0000\"]", "line 2 column 2: \\u0000 is not accepted in a string");
    assert_refused("{\"a\":1,\"\\u0000\":1}", "line 1 column 8: \\u0000 is not accepted in a key");
    assert_refused("[1, -1e309]", "line 1 column 5: the number is too large or too long");
}

static void test_rewriting(void **state)
{
    (void)state;
    assert_rewritten(" { \"b\" : [ 1 , 2.50 , 1e3 ] , \"a\" : { } } ",
                     "{\"b\":[1,2.5,1000],\"a\":{}}");
    assert_rewritten("[true,false,null,\"\",[],{}]", "[true,false,null,\"\",[],{}]");
    assert_rewritten("\"\\u00e4\\/\\n\\u001f\"", "\"\xc3\xa4/\\n\\u001f\"");
    assert_rewritten("{\"k\\\"\":0}", "{\"k\\\"\":0}");
    assert_rewritten("9007199254740991", "9007199254740991");
    assert_rewritten("0.1", "0.1");
    assert_rewritten("{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}");
}

static void test_reading(void **state)
{
    (void)state;
    struct json *j =
        parse(SPAN("{\"s\":\"text\",\"i\":-42,\"d\":2.5,\"t\":true,\"f\":false,\"n\":null,"
                   "\"a\":[1,\"x\"],\"o\":{\"k\":1},\"S\":\"other\",\"s\":\"second\"}"));
    assert_int_equal(json_kind(j), JSON_OBJECT);
    assert_int_equal(json_count(j), 10);
    assert_span_is(json_get_str(j, "s", SPAN_NONE), "text");
    assert_span_is(json_get_str(j, "S", SPAN_NONE), "other");
    assert_span_is(json_get_str(j, "i", SPAN("default")), "default");
    assert_span_is(json_get_str(j, "missing", SPAN("default")), "default");
    assert_int_equal(json_get_int(j, "i", 0), -42);
    assert_int_equal(json_get_int(j, "d", 7), 7);
    assert_int_equal(json_get_int(j, "s", 7), 7);
    assert_true(json_num(json_get(j, "d"), 0) == 2.5);
    assert_true(json_num(json_get(j, "s"), 1.5) == 1.5);
    assert_true(json_get_bool(j, "t", false));
    assert_false(json_get_bool(j, "f", true));
    assert_true(json_get_bool(j, "n", true));
    assert_true(json_is(json_get(j, "n"), JSON_NULL));
    assert_false(json_is(NULL, JSON_NULL));
    assert_int_equal(json_kind(json_get(j, "t")), JSON_BOOL);
    struct json *a = json_get(j, "a");
    assert_int_equal(json_count(a), 2);
    assert_int_equal(json_int(json_child(a), 0), 1);
    assert_span_is(json_str(json_next(json_child(a)), SPAN_NONE), "x");
    assert_null(json_next(json_next(json_child(a))));
    assert_int_equal(json_key(json_child(a)).n, 0);
    assert_span_is(json_key(json_child(j)), "s");
    assert_null(json_get(a, "k"));
    assert_null(json_get(NULL, "k"));
    assert_null(json_child(json_get(j, "s")));
    assert_int_equal(json_get_int(json_get(j, "o"), "k", 0), 1);
    json_free(j);
    json_free(NULL);
}

static void test_integers(void **state)
{
    (void)state;
    struct json *j =
        parse(SPAN("[9007199254740992,-9007199254740992,9007199254740994,1e3,0.5,1e300]"));
    static const int64_t want[] = {9007199254740992, -9007199254740992, -1, 1000, -1, -1};
    size_t i = 0;
    for (struct json *c = json_child(j); c; c = json_next(c)) {
        assert_true(json_int(c, -1) == want[i++]);
    }
    json_free(j);
}

static void test_building(void **state)
{
    (void)state;
    struct json *j = json_new_object(), *a = json_new_array();
    json_set_str(j, "s", SPAN("one"));
    json_set_num(j, "n", 1.5);
    json_set_bool(j, "b", true);
    json_set(j, "a", a);
    json_add(a, json_new_null());
    json_add(a, json_new_num(NAN));
    json_add(a, json_new_str(SPAN("cut\0here")));
    json_add(a, json_new_bool(false));
    assert_written(j, "{\"s\":\"one\",\"n\":1.5,\"b\":true,\"a\":[null,null,\"cut\",false]}");
    json_set_str(j, "n", SPAN("two"));
    json_remove(j, "b");
    json_remove(j, "missing");
    assert_written(j, "{\"s\":\"one\",\"n\":\"two\",\"a\":[null,null,\"cut\",false]}");
    struct json *copy = json_copy(j);
    json_set(j, "a", json_new_object());
    json_set_num(j, "S", 1);
    assert_written(j, "{\"s\":\"one\",\"n\":\"two\",\"a\":{},\"S\":1}");
    assert_written(copy, "{\"s\":\"one\",\"n\":\"two\",\"a\":[null,null,\"cut\",false]}");
    json_free(copy);
    json_free(j);
}

static void set_in_array(void *arr)
{
    json_set(arr, "k", json_new_null());
}

static void add_to_itself(void *arr)
{
    json_add(arr, arr);
}

static void add_nothing(void *arr)
{
    json_add(arr, NULL);
}

static void set_nothing(void *obj)
{
    json_set(obj, "k", NULL);
}

static void set_in_itself(void *obj)
{
    json_set(obj, "k", obj);
}

static void test_misuse_aborts(void **state)
{
    (void)state;
    struct json *a = json_new_array(), *o = json_new_object();
    assert_true(test_aborts(set_in_array, a));
    assert_true(test_aborts(add_to_itself, a));
    assert_true(test_aborts(add_nothing, a));
    assert_true(test_aborts(add_nothing, o));
    assert_true(test_aborts(set_nothing, o));
    assert_true(test_aborts(set_in_itself, o));
    json_free(a);
    json_free(o);
}

static struct buf nested(int depth)
{
    struct buf b = {0};
    for (int i = 0; i < depth; i++) {
        buf_add_str(&b, i % 2 ? "{\"k\":" : "[");
    }
    buf_add_char(&b, '1');
    for (int i = depth; i > 0; i--) {
        buf_add_char(&b, i % 2 ? ']' : '}');
    }
    return b;
}

static void test_depth_limit(void **state)
{
    (void)state;
    struct buf at = nested(JSON_DEPTH), over = nested(JSON_DEPTH + 1), out = {0};
    struct err e = {0};
    struct json *j = json_parse(buf_span(&at), &e), *copy;
    assert_non_null(j);
    copy = json_copy(j);
    json_write(copy, &out);
    assert_span_equal(buf_span(&out), buf_span(&at));
    assert_null(json_parse(buf_span(&over), &e));
    assert_non_null(strstr(e.msg, "nested too deeply"));
    json_free(copy);
    json_free(j);
    buf_free(&at);
    buf_free(&over);
    buf_free(&out);
}

// What is half built when the text turns out wrong is freed: every cut and every bad byte.
static void test_no_leak_on_errors(void **state)
{
    (void)state;
    struct span text = SPAN("{\"a\":[1,{\"b\":\"\\u00e4\"}],\"c\":{\"d\":null}}");
    for (size_t n = 0; n < text.n; n++) {
        char copy[64];
        assert_null(json_parse(span_of(text.p, n), NULL));
        memcpy(copy, text.p, text.n);
        copy[n] = '\x01';
        assert_null(json_parse(span_of(copy, text.n), NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_refused_although_json),
        cmocka_unit_test(test_rewriting),
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_building),
        cmocka_unit_test(test_misuse_aborts),
        cmocka_unit_test(test_depth_limit),
        cmocka_unit_test(test_no_leak_on_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
