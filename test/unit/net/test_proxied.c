// SPDX-License-Identifier: Apache-2.0
#include "net_call.h"

#include "net/http_server.h"
#include "net_certs.h"

// Calls through a proxy of the test's own: it answers as the test says and, once it has opened the
// way, hands bytes to and fro.

static bool have_openssl;
static struct http_server *server;
static struct http_client *client;
static struct tcp_listener *listener;
static struct raw inner, outer; // the client's connection, and the one to the server
static int n_accepted;
static const char *answer;
static bool relaying;

static void handler(void *ctx, struct http_exchange *x)
{
    (void)ctx;
    http_respond_type(x, 200, "text/plain", http_body(x));
}

static void on_accept(void *ctx, struct tcp *t)
{
    (void)ctx;
    if (n_accepted++ == 0)
        raw_attach(&inner, t);
    else
        tcp_close(t, NULL, NULL);
}

static void begin(const char *user)
{
    struct err e = {0};
    char url[100];
    if (!have_openssl)
        skip();
    begin_loop();
    n_accepted = 0;
    relaying = false;
    struct http_server_options so = {.host = SPAN("127.0.0.1"),
                                     .handler = handler,
                                     .tls_cert = certs_path("good.pem"),
                                     .tls_key = certs_path("good.key")};
    if (tcp_listen(loop, SPAN("127.0.0.1"), 0, on_accept, NULL, &listener, &e) != 0 ||
        http_server_new(loop, &so, &server, &e) != 0)
        fail_msg("%s", e.msg);
    snprintf(url, sizeof url, "http://%s127.0.0.1:%u", user, (unsigned)tcp_listener_port(listener));
    struct proxy_settings ps = {.https = span_str(url), .http = span_str(url)};
    struct http_client_options co = {.ca_file = certs_path("ca.pem"), .proxies = ps};
    if (http_client_new(loop, &co, &client, &e) != 0)
        fail_msg("%s", e.msg);
}

static void end(void)
{
    int gone = 0;
    http_client_close(client, set_flag, &gone);
    http_server_close(server, 0, set_flag, &gone);
    tcp_listener_close(listener, set_flag, &gone);
    wait_until(gone == 3);
    end_loop();
}

static bool direct;

static void start(struct reply *r, bool tls, enum http_version version)
{
    struct url u = {.host = SPAN("a.wild.example"), .port = tls ? 443 : 80, .tls = tls};
    *r = (struct reply){0};
    reply_start(
        r, client, &u, "/path?q",
        (struct http_call_options){.body = SPAN("hello"), .version = version, .direct = direct});
}

static void hand_over(struct raw *from, struct raw *to)
{
    if (from->got.n == 0)
        return;
    raw_send_span(to, buf_span(&from->got));
    buf_clear(&from->got);
}

// One turn of the proxy.
static bool relay(void)
{
    if (!relaying && raw_has(&inner, "\r\n\r\n")) {
        buf_clear(&inner.got);
        raw_connect(&outer, http_server_port(server));
        wait_until(outer.open);
        raw_send(&inner, answer);
        relaying = true;
    }
    if (relaying) {
        hand_over(&inner, &outer);
        hand_over(&outer, &inner);
    }
    return true;
}

static void through_a_tunnel(enum http_version version)
{
    struct reply r;
    begin("user:pass@");
    answer = "HTTP/1.1 200 Connection established\r\n\r\n";
    start(&r, true, version);
    wait_until(inner.tcp && raw_has(&inner, "\r\n\r\n"));
    assert_true(raw_has(&inner, "CONNECT a.wild.example:443 HTTP/1.1\r\n"));
    assert_true(raw_has(&inner, "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"));
    wait_until(relay() && r.done);
    reply_ok(&r);
    assert_memory_equal(r.body.p, "hello", 5);
    buf_free(&r.body);
    // The tunnel is kept for the next call.
    start(&r, true, version);
    wait_until(relay() && r.done);
    assert_int_equal(r.code, 0);
    assert_int_equal(n_accepted, 1);
    buf_free(&r.body);
    end();
}

static void tls_through_a_tunnel(void **state)
{
    (void)state;
    through_a_tunnel(HTTP_1_1);
}

static void http2_through_a_tunnel(void **state)
{
    (void)state;
    through_a_tunnel(HTTP_2);
}

static void plain_calls_ask_the_proxy_itself(void **state)
{
    (void)state;
    struct reply r;
    begin("user:pass@");
    start(&r, false, HTTP_1_1);
    wait_until(inner.tcp && raw_has(&inner, "hello"));
    assert_true(raw_has(&inner, "POST http://a.wild.example/path?q HTTP/1.1\r\n"
                                "Host: a.wild.example\r\n"));
    assert_true(raw_has(&inner, "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"));
    raw_send(&inner, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    reply_ends(&r, 0, "");
    buf_free(&r.body);
    start(&r, false, HTTP_2);
    reply_ends(&r, ERR_CONFIG, "over TLS only");
    end();
}

// The name is looked up here, and there is no such host; the proxy hears nothing of it, also when
// the same origin has been reached by it before.
static void direct_calls_ask_no_proxy(void **state)
{
    (void)state;
    struct reply r;
    begin("");
    start(&r, false, HTTP_1_1);
    wait_until(inner.tcp && raw_has(&inner, "hello"));
    raw_send(&inner, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    reply_ends(&r, 0, "");
    buf_free(&r.body);
    buf_clear(&inner.got);
    direct = true;
    start(&r, false, HTTP_1_1);
    direct = false;
    wait_until(r.done);
    assert_int_not_equal(r.code, 0);
    assert_int_equal(inner.got.n, 0);
    assert_int_equal(n_accepted, 1);
    end();
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        int code;
        const char *says;
    } cases[] = {
        {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", ERR_AUTH, "user name"},
        {"HTTP/1.1 403 Forbidden\r\n\r\n", ERR_CONNECT, "answered 403"},
        {"nonsense\r\n\r\n", ERR_PROTO, "not a valid HTTP response"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reply r;
        begin("");
        start(&r, true, HTTP_1_1);
        wait_until(inner.tcp && raw_has(&inner, "\r\n\r\n"));
        assert_false(raw_has(&inner, "Proxy-Authorization"));
        raw_send(&inner, cases[i].answer);
        reply_ends(&r, cases[i].code, cases[i].says);
        end();
    }
}

static void the_proxy_hangs_up(void **state)
{
    (void)state;
    struct reply r;
    begin("");
    start(&r, true, HTTP_1_1);
    wait_until(inner.tcp && raw_has(&inner, "\r\n\r\n"));
    raw_close(&inner);
    reply_ends(&r, ERR_CLOSED, "the proxy closed the connection");
    end();
}

static void the_proxy_is_silent(void **state)
{
    (void)state;
    struct reply r;
    begin("");
    start(&r, true, HTTP_1_1);
    wait_until(inner.tcp && raw_has(&inner, "\r\n\r\n"));
    advance_ms(5000);
    reply_ends(&r, ERR_TIMEOUT, "no connection within");
    end();
}

static void closed_while_asking(void **state)
{
    (void)state;
    struct reply r;
    begin("");
    start(&r, true, HTTP_1_1);
    wait_until(inner.tcp && raw_has(&inner, "\r\n\r\n"));
    http_call_cancel(&r.call);
    reply_ends(&r, ERR_CANCELED, "");
    end();
}

static void nobody_listens(void **state)
{
    (void)state;
    struct reply r;
    int gone = 0;
    begin("");
    tcp_listener_close(listener, set_flag, &gone);
    wait_until(gone);
    start(&r, true, HTTP_1_1);
    reply_ends(&r, ERR_CONNECT, "the proxy: cannot connect to 127.0.0.1");
    assert_int_equal(
        tcp_listen(loop, SPAN("127.0.0.1"), 0, on_accept, NULL, &listener, &(struct err){0}), 0);
    end();
}

static int make_certs(void **state)
{
    (void)state;
    have_openssl = certs_make();
    return 0;
}

static int remove_certs(void **state)
{
    (void)state;
    certs_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_through_a_tunnel),
        cmocka_unit_test(http2_through_a_tunnel),
        cmocka_unit_test(plain_calls_ask_the_proxy_itself),
        cmocka_unit_test(direct_calls_ask_no_proxy),
        cmocka_unit_test(refusals),
        cmocka_unit_test(the_proxy_hangs_up),
        cmocka_unit_test(the_proxy_is_silent),
        cmocka_unit_test(closed_while_asking),
        cmocka_unit_test(nobody_listens),
    };
    return cmocka_run_group_tests(tests, make_certs, remove_certs);
}
