// SPDX-License-Identifier: Apache-2.0
#include "net/proxy.h"

#include <stdio.h>

#include "lib/test.h"
#include "net/tunnel.h"

static struct proxy_rules rules;
static struct err e;

static int teardown(void **state)
{
    (void)state;
    proxy_rules_free(&rules);
    return 0;
}

static int make(const char *https, const char *http, const char *none)
{
    struct proxy_settings s = {span_str(https), span_str(http), span_str(none)};
    proxy_rules_free(&rules);
    e = (struct err){0};
    return proxy_rules_init(&rules, &s, &e);
}

static const struct proxy *find(const char *url)
{
    struct url u;
    assert_int_equal(url_parse(span_str(url), &u, NULL), 0);
    return proxy_rules_find(&rules, &u);
}

static void test_forms_of_proxies(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
        const char *authorization;
    } cases[] = {
        {"http://proxy.test:3128", "proxy.test", 3128, ""},
        {"http://proxy.test:3128/", "proxy.test", 3128, ""},
        {"proxy.test:3128", "proxy.test", 3128, ""},
        {" http://proxy.test ", "proxy.test", 80, ""},
        {"http://[::1]:8080", "::1", 8080, ""},
        {"http://[fd00::7]", "fd00::7", 80, ""},
        {"http://user:pass@proxy.test:1", "proxy.test", 1, "Basic dXNlcjpwYXNz"},
        {"http://user:p%40ss%3Aword@proxy.test:1", "proxy.test", 1, "Basic dXNlcjpwQHNzOndvcmQ="},
        {"http://a@b:c@proxy.test:1", "proxy.test", 1, "Basic YUBiOmM="},
        {"http://user@proxy.test:1", "proxy.test", 1, "Basic dXNlcjo="},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (make(cases[i].text, "", "") < 0)
            fail_msg("%s: %s", cases[i].text, e.msg);
        const struct proxy *p = find("https://host.test/");
        assert_non_null(p);
        assert_span_equal(p->host, span_str(cases[i].host));
        assert_int_equal(p->port, cases[i].port);
        assert_span_equal(p->authorization, span_str(cases[i].authorization));
        assert_null(find("http://host.test/"));
    }
}

static void test_wrong_proxies(void **state)
{
    (void)state;
    static const char *const cases[] = {"https://proxy.test:1",  "http://",
                                        "http://proxy.test:0",   "http://proxy.test:70000",
                                        "http://proxy.test:a",   "http://secret%zz@proxy.test:1",
                                        "http://u:secret%0@p:1", "http://:3128"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(make("", cases[i], ""), ERR_CONFIG);
        assert_non_null(strstr(e.msg, "HTTP_PROXY"));
        assert_null(strstr(e.msg, "secret"));
    }
}

static void test_exceptions(void **state)
{
    (void)state;
    static const struct {
        const char *none, *url;
        bool straight;
    } cases[] = {
        {"", "https://a.test", false},
        {"*", "https://a.test", true},
        {"b.test , a.test", "https://a.test", true},
        {"a.test", "https://x.a.test", true},
        {".a.test", "https://x.a.test", true},
        {"*.a.test", "https://x.A.test", true},
        {"A.Test", "https://a.test", true},
        {"a.test", "https://xa.test", false},
        {"x.a.test", "https://a.test", false},
        {"a.test:443", "https://a.test", true},
        {"a.test:8443", "https://a.test", false},
        {"a.test:8443", "https://a.test:8443", true},
        {"10.0.0.0/8", "https://10.1.2.3", true},
        {"10.0.0.0/8", "https://11.1.2.3", false},
        {"10.128.0.0/9", "https://10.127.0.1", false},
        {"10.128.0.0/9", "https://10.200.0.1", true},
        {"0.0.0.0/0", "https://10.200.0.1", true},
        {"10.0.0.1", "https://10.0.0.1", true},
        {"10.0.0.1:443", "https://10.0.0.1", true},
        {"10.0.0.1", "https://10.0.0.2", false},
        {"fd00::/8", "https://[fd00::1]", true},
        {"fd00::1", "https://[fd00::1]", true},
        {"[fd00::1]:443", "https://[fd00::1]", true},
        {"fd00::1", "https://[fd00::2]", false},
        {"10.0.0.0/8", "https://[fd00::2]", false},
        {"10.0.0.0/33", "https://10.1.2.3", false},
        {"", "https://localhost", true},
        {"", "https://x.localhost", true},
        {"", "https://127.1.2.3", true},
        {"", "https://[::1]", true},
        {"", "https://169.254.169.254", true},
        {"", "https://[fd00:ec2::254]", true},
        {"", "https://[fe80::1]", true},
        {"", "https://128.0.0.1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(make("http://proxy.test:1", "", cases[i].none), 0);
        if ((find(cases[i].url) == NULL) != cases[i].straight)
            fail_msg("NO_PROXY=%s and %s", cases[i].none, cases[i].url);
    }
}

static void test_exceptions_limit(void **state)
{
    (void)state;
    struct buf list = {0};
    for (int i = 0; i < PROXY_EXCEPTIONS_MAX; i++)
        buf_printf(&list, "h%d.test,", i);
    struct proxy_settings s = {.no_proxy = buf_span(&list)};
    assert_int_equal(proxy_rules_init(&rules, &s, &e), 0);
    proxy_rules_free(&rules);
    buf_add_str(&list, "more.test");
    s.no_proxy = buf_span(&list);
    assert_int_equal(proxy_rules_init(&rules, &s, &e), ERR_CONFIG);
    buf_free(&list);
}

// Tunnel ------------------------------------------------------------------------------------------

static int feed_split(const char *answer, size_t step, struct span *rest)
{
    assert_int_equal(make("http://user:pass@proxy.test:3128", "", ""), 0);
    struct tunnel *t = tunnel_new(find("https://host.test/"), SPAN("host.test:443"));
    assert_span_is(tunnel_request(t), "CONNECT host.test:443 HTTP/1.1\r\nHost: host.test:443\r\n"
                                      "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n");
    size_t n = strlen(answer);
    int status = ERR_AGAIN;
    for (size_t at = 0; at < n && status == ERR_AGAIN; at += step) {
        size_t left = n - at;
        status = tunnel_feed(t, span_of(answer + at, left < step ? left : step), rest, &e);
    }
    tunnel_free(t);
    return status;
}

static void test_tunnel(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        int status;
        const char *says;
    } cases[] = {
        {"HTTP/1.1 200 Connection established\r\n\r\n", 0, ""},
        {"HTTP/1.0 200 OK\r\nVia: x\r\n\r\n", 0, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 0, ""},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0, ""},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 0, ""},
        {"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n", ERR_AUTH, "user name and a password"},
        {"HTTP/1.1 403 Forbidden\r\n\r\n", ERR_CONNECT,
         "answered 403 when asked for host.test:443"},
        {"HTTP/1.1 502 Bad Gateway\r\n\r\n", ERR_UNAVAILABLE, "answered 502"},
        {"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", ERR_CONNECT, "answered 302"},
        {"HTTP/1.1 101 Switching\r\n\r\n", ERR_CONNECT, "answered 101"},
        {"SSH-2.0-OpenSSH\r\n\r\n", ERR_PROTO, "not a valid HTTP response"},
        {"HTTP/1.1 200 OK\r\n", ERR_AGAIN, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static const size_t steps[] = {1, 7, 1000};
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
            struct span rest = SPAN_NONE;
            int status = feed_split(cases[i].answer, steps[k], &rest);
            if (status != cases[i].status || !strstr(e.msg, cases[i].says))
                fail_msg("%s: %d %s", cases[i].answer, status, e.msg);
            assert_null(strstr(e.msg, "pass@"));
        }
    }
}

static void test_bytes_from_beyond(void **state)
{
    (void)state;
    struct span rest;
    assert_int_equal(feed_split("HTTP/1.1 200 OK\r\n\r\nearly", 1000, &rest), 0);
    assert_span_is(rest, "early");
}

static void test_endless_head(void **state)
{
    (void)state;
    struct span rest;
    struct buf answer = {0};
    buf_add_str(&answer, "HTTP/1.1 200 OK\r\nX: ");
    for (int i = 0; i < 20000; i++)
        buf_add_char(&answer, 'x');
    buf_add_char(&answer, '\0');
    assert_int_equal(feed_split(answer.p, 1000, &rest), ERR_PROTO);
    buf_free(&answer);
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, teardown)
    const struct CMUnitTest tests[] = {
        T(test_forms_of_proxies), T(test_wrong_proxies), T(test_exceptions),
        T(test_exceptions_limit), T(test_tunnel),        T(test_bytes_from_beyond),
        T(test_endless_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
