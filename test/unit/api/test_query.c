// SPDX-License-Identifier: Apache-2.0
#include "api/query.h"

#include "base/buf.h"
#include "lib/test.h"

static struct arena arena;
static struct query query;
static struct err err;

static int parse(const char *text)
{
    arena_free(&arena);
    err = (struct err){0};
    return query_parse(span_str(text), &arena, &query, &err);
}

static int teardown(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static void test_arguments(void **state)
{
    (void)state;
    assert_int_equal(parse("a=1&b=x%20y+z&c&&d=&e=1%3D2=3&a=2&%66=f"), 0);
    assert_span_is(query_get(&query, "a"), "1");
    assert_span_is(query_get(&query, "b"), "x y z");
    assert_non_null(query_get(&query, "c").p);
    assert_int_equal(query_get(&query, "c").n, 0);
    assert_non_null(query_get(&query, "d").p);
    assert_span_is(query_get(&query, "e"), "1=2=3");
    assert_span_is(query_get(&query, "f"), "f");
    assert_null(query_get(&query, "g").p);
    assert_int_equal(parse(""), 0);
    assert_int_equal(query.n, 0);
    assert_null(query_get(&query, "a").p);
    assert_int_equal(parse("a=%zz"), ERR_INVALID);
    assert_int_equal(parse("%=1"), ERR_INVALID);
    assert_int_equal(parse("a=%00"), ERR_INVALID);
}

static void test_numbers(void **state)
{
    (void)state;
    int64_t n;
    bool b;
    assert_int_equal(parse("a=-5&b=x&c=&t=TRUE&f=false"), 0);
    assert_int_equal(query_get_int(&query, "a", 1, &n, &err), 0);
    assert_int_equal(n, -5);
    assert_int_equal(query_get_int(&query, "c", 7, &n, &err), 0);
    assert_int_equal(n, 7);
    assert_int_equal(query_get_int(&query, "none", 8, &n, &err), 0);
    assert_int_equal(n, 8);
    assert_int_equal(query_get_int(&query, "b", 1, &n, &err), ERR_INVALID);
    assert_non_null(strstr(err.msg, "argument b"));
    assert_int_equal(query_get_bool(&query, "t", false, &b, &err), 0);
    assert_true(b);
    assert_int_equal(query_get_bool(&query, "f", true, &b, &err), 0);
    assert_false(b);
    assert_int_equal(query_get_bool(&query, "none", true, &b, &err), 0);
    assert_true(b);
    assert_int_equal(query_get_bool(&query, "a", true, &b, &err), ERR_INVALID);
}

static void test_lists(void **state)
{
    (void)state;
    struct query_list l;
    assert_int_equal(parse("keys=a,b,,a&key=c,d&keys=e&keys=&key=b"), 0);
    assert_int_equal(query_get_list(&query, "keys", "key", &arena, &l, &err), 0);
    assert_int_equal(l.n, 4);
    assert_span_is(l.items[0], "a");
    assert_span_is(l.items[1], "b");
    assert_span_is(l.items[2], "c,d");
    assert_span_is(l.items[3], "e");
    assert_int_equal(query_get_list(&query, "none", NULL, &arena, &l, &err), 0);
    assert_int_equal(l.n, 0);
}

static void list_of(size_t n, struct buf *out)
{
    buf_clear(out);
    buf_add_str(out, "keys=");
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "k%zu,k%zu,", i, i / 2);
}

static void test_list_limit(void **state)
{
    (void)state;
    struct buf b = {0};
    struct query_list l;
    list_of(QUERY_LIST_MAX, &b);
    assert_int_equal(parse(buf_cstr(&b)), 0);
    assert_int_equal(query_get_list(&query, "keys", "key", &arena, &l, &err), 0);
    assert_int_equal(l.n, QUERY_LIST_MAX);
    assert_span_is(l.items[QUERY_LIST_MAX - 1], "k511");
    list_of(QUERY_LIST_MAX + 1, &b);
    assert_int_equal(parse(buf_cstr(&b)), 0);
    assert_int_equal(query_get_list(&query, "keys", "key", &arena, &l, &err), ERR_INVALID);
    buf_free(&b);
}

static void test_argument_limit(void **state)
{
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < QUERY_ARGS_MAX; i++)
        buf_add_str(&b, "&a=1");
    assert_int_equal(parse(buf_cstr(&b)), 0);
    assert_int_equal(query.n, QUERY_ARGS_MAX);
    buf_add_str(&b, "&a=1");
    assert_int_equal(parse(buf_cstr(&b)), ERR_INVALID);
    buf_free(&b);
}

static void test_page(void **state)
{
    (void)state;
    struct page_link l;
    assert_int_equal(parse("pageSize=20&page=3&textSearch=+x%20&sortProperty=name&sortOrder=DESC"),
                     0);
    assert_int_equal(query_get_page(&query, 100, &l, &err), 0);
    assert_int_equal(l.page, 3);
    assert_int_equal(l.page_size, 20);
    assert_span_is(l.text, "x");
    assert_span_is(l.sort_property, "name");
    assert_true(l.descending);
    // One of the hub's clients asks for everything like this.
    assert_int_equal(parse("pageSize=999999999&page=0"), 0);
    assert_int_equal(query_get_page(&query, 100, &l, &err), 0);
    assert_int_equal(l.page_size, 100);
    assert_int_equal(l.text.n, 0);
    assert_false(l.descending);
}

static void test_wrong_page(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "pageSize=10",
        "page=0",
        "pageSize=0&page=0",
        "pageSize=-1&page=0",
        "pageSize=10&page=-1",
        "pageSize=x&page=0",
        "pageSize=&page=0",
        "pageSize=10&page=1.5",
        "pageSize=2147483648&page=0",
        "pageSize=10&page=2147483648",
        "pageSize=99999999999999999999&page=0",
        "pageSize=10&page=0&sortOrder=UP",
    };
    struct page_link l;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(parse(wrong[i]), 0);
        if (query_get_page(&query, 100, &l, &err) != ERR_INVALID)
            fail_msg("accepted: %s", wrong[i]);
        assert_true(err.msg[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),      cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_lists),          cmocka_unit_test(test_list_limit),
        cmocka_unit_test(test_argument_limit), cmocka_unit_test(test_page),
        cmocka_unit_test(test_wrong_page),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
