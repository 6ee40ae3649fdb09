// SPDX-License-Identifier: Apache-2.0
#include "codec/url.h"

#include <stdio.h>

#include "base/mem.h"
#include "lib/test.h"

static struct url parse(const char *text)
{
    struct url u;
    struct err e = {0};
    if (url_parse(span_str(text), &u, &e) != 0) {
        fail_msg("%s: %s", text, e.msg);
    }
    return u;
}

static void test_parts(void **state)
{
    (void)state;
    struct url u = parse("https://kinesis.eu-west-1.amazonaws.com");
    assert_true(u.tls);
    assert_span_is(u.host, "kinesis.eu-west-1.amazonaws.com");
    assert_int_equal(u.port, 443);
    assert_false(u.port_given);
    assert_int_equal(u.path.n, 0);
    assert_int_equal(u.query.n, 0);
    u = parse("HTTP://localhost:4567/a/b?c=d?e");
    assert_false(u.tls);
    assert_span_is(u.host, "localhost");
    assert_int_equal(u.port, 4567);
    assert_true(u.port_given);
    assert_span_is(u.path, "/a/b");
    assert_span_is(u.query, "c=d?e");
    u = parse("http://[::1]:80?q");
    assert_span_is(u.host, "::1");
    assert_int_equal(u.port, 80);
    assert_true(u.port_given);
    assert_int_equal(u.path.n, 0);
    assert_span_is(u.query, "q");
    u = parse("https://[2001:db8::1]/");
    assert_span_is(u.host, "2001:db8::1");
    assert_span_is(u.path, "/");
    u = parse("http://127.0.0.1:65535/%20");
    assert_int_equal(u.port, 65535);
    assert_span_is(u.path, "/%20");
    u = parse("http://host:/");
    assert_int_equal(u.port, 80);
    assert_false(u.port_given);
}

static void test_wrong_urls(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "http:",
                                      "http://",
                                      "https:///path",
                                      "http://:80",
                                      "ftp://host",
                                      "host:80",
                                      "//host",
                                      "http:/host",
                                      "http://host:0",
                                      "http://host:65536",
                                      "http://host:99999999999",
                                      "http://host:8a",
                                      "http://host:-1",
                                      "http://host:80:80",
                                      "http://user@host",
                                      "http://user:secret@host",
                                      "http://host/a#b",
                                      "http://ho st",
                                      "http://host/a b",
                                      "http://host\r\nX: y",
                                      "http://[::1",
                                      "http://[::1]x",
                                      "http://[]",
                                      "http://[host]",
                                      "http://::1",
                                      "http://h%6fst",
                                      "http://h\xc3\xb6st",
                                      "http://host/\x7f",
                                      "http://host\\a",
                                      "http://?q",
                                      " http://host"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct url u;
        struct err e = {0};
        if (url_parse(span_str(bad[i]), &u, &e) != ERR_INVALID || !e.msg[0]) {
            fail_msg("taken: %s", bad[i]);
        }
        assert_null(strstr(e.msg, "secret"));
        assert_int_equal(url_parse(span_str(bad[i]), &u, NULL), ERR_INVALID);
    }
    struct url u;
    assert_int_equal(url_parse(SPAN("http://a\0b"), &u, NULL), ERR_INVALID);
    assert_int_equal(url_parse(SPAN_NONE, &u, NULL), ERR_INVALID);
}

static void test_host_length_limit(void **state)
{
    (void)state;
    char text[300] = "http://";
    struct url u;
    memset(text + 7, 'a', 254);
    assert_int_equal(url_parse(span_of(text, 7 + 253), &u, NULL), 0);
    assert_int_equal(url_parse(span_of(text, 7 + 254), &u, NULL), ERR_INVALID);
    struct span v6 = SPAN("[1111:2222:3333:4444:5555:6666:111.222.233.244]:1");
    struct span longer = SPAN("[11111:2222:3333:4444:5555:6666:111.222.233.244]:1"), host;
    uint16_t port;
    assert_int_equal(url_parse_hostport(v6, &host, &port, NULL), 0);
    assert_int_equal(host.n, 45);
    assert_int_equal(url_parse_hostport(longer, &host, &port, NULL), ERR_INVALID);
}

// Every prefix, in memory of its own size.
static void test_prefixes(void **state)
{
    (void)state;
    struct span whole = SPAN("https://[2001:db8::1]:8443/a%20b?c=d");
    for (size_t n = 0; n <= whole.n; n++) {
        struct url u;
        struct err e = {0};
        char *exact = memcpy(mem_alloc(n), whole.p, n);
        int rc = url_parse(span_of(exact, n), &u, &e);
        assert_int_equal(rc, n >= strlen("https://[2001:db8::1]") ? 0 : ERR_INVALID);
        mem_free(exact);
    }
}

static void test_decode(void **state)
{
    (void)state;
    struct arena a = {0};
    struct span out;
    assert_int_equal(url_decode(SPAN("a%20b+c%2F%c3%A4"), false, &a, &out), 0);
    assert_span_is(out, "a b+c/\xc3\xa4");
    assert_int_equal(url_decode(SPAN("a+b%2B"), true, &a, &out), 0);
    assert_span_is(out, "a b+");
    assert_int_equal(url_decode(SPAN_NONE, true, &a, &out), 0);
    assert_int_equal(out.n, 0);
    static const char *const bad[] = {"%", "%2", "a%", "%g0", "%0g", "%%20", "%00", "%-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(url_decode(span_str(bad[i]), false, &a, &out), ERR_INVALID);
    }
    assert_int_equal(url_decode(SPAN("a\0b"), false, &a, &out), ERR_INVALID);
    arena_free(&a);
}

static void test_query(void **state)
{
    (void)state;
    struct arena a = {0};
    struct span out, q = SPAN("pageSize=10&page=0&text%53earch=a%26b+c&empty=&flag&page=1&bad=%");
    assert_true(url_query_get(q, "pageSize", &a, &out));
    assert_span_is(out, "10");
    assert_true(url_query_get(q, "page", &a, &out));
    assert_span_is(out, "0");
    assert_true(url_query_get(q, "textSearch", &a, &out));
    assert_span_is(out, "a&b c");
    assert_true(url_query_get(q, "empty", &a, &out));
    assert_int_equal(out.n, 0);
    assert_true(url_query_get(q, "flag", &a, &out));
    assert_int_equal(out.n, 0);
    assert_false(url_query_get(q, "bad", &a, &out));
    assert_false(url_query_get(q, "Page", &a, &out));
    assert_false(url_query_get(q, "size", &a, &out));
    assert_true(url_query_get(SPAN("a+b=1"), "a b", &a, &out));
    assert_span_is(out, "1");
    assert_false(url_query_get(SPAN_NONE, "page", &a, &out));
    assert_false(url_query_get(SPAN("%=1&=2&&"), "page", &a, &out));
    arena_free(&a);
}

static void test_encode(void **state)
{
    (void)state;
    struct buf b = {0};
    url_encode(&b, SPAN("AZaz09-_.~/ \xc3\xa4+*%\0"), false);
    assert_span_is(buf_span(&b), "AZaz09-_.~%2F%20%C3%A4%2B%2A%25%00");
    buf_clear(&b);
    url_encode(&b, SPAN("/a b/"), true);
    assert_span_is(buf_span(&b), "/a%20b/");
    buf_clear(&b);
    url_encode(&b, SPAN_NONE, true);
    assert_int_equal(b.n, 0);
    buf_free(&b);
}

static void test_hostport(void **state)
{
    (void)state;
    struct span host;
    uint16_t port;
    struct err e = {0};
    assert_int_equal(url_parse_hostport(SPAN("127.0.0.1:8080"), &host, &port, &e), 0);
    assert_span_is(host, "127.0.0.1");
    assert_int_equal(port, 8080);
    assert_int_equal(url_parse_hostport(SPAN("[::]:0"), &host, &port, &e), 0);
    assert_span_is(host, "::");
    assert_int_equal(port, 0);
    static const char *const bad[] = {"",         "host",    "host:",  ":80",    "host:65536",
                                      "[::1]",    "[::1]:",  "::1:80", "h:80:1", "h:8 0",
                                      "host:+80", "[::1]80", "h/x:80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        e.msg[0] = '\0';
        if (url_parse_hostport(span_str(bad[i]), &host, &port, &e) != ERR_INVALID || !e.msg[0]) {
            fail_msg("taken: %s", bad[i]);
        }
    }
    assert_int_equal(url_parse_hostport(SPAN_NONE, &host, &port, &e), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),    cmocka_unit_test(test_wrong_urls),
        cmocka_unit_test(test_prefixes), cmocka_unit_test(test_host_length_limit),
        cmocka_unit_test(test_decode),   cmocka_unit_test(test_query),
        cmocka_unit_test(test_encode),   cmocka_unit_test(test_hostport),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
