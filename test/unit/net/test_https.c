// SPDX-License-Identifier: Apache-2.0
#include "net_call.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/http_server_internal.h"
#include "net_certs.h"

enum { BIG = 4 * 1024 * 1024 };

static bool have_openssl;
static struct http_server *server;
static struct http_client *client;
static struct tcp_listener *listener;
static struct raw peers[4];
static int n_peers;
static int handled;
static bool no_http2;
static enum http_version last_version;
static char *big;

static void handler(void *ctx, struct http_exchange *x)
{
    (void)ctx;
    handled++;
    last_version = http_version_of(x);
    if (span_is(http_path(x), "/big"))
        http_respond_type(x, 200, "application/octet-stream", span_of(big, BIG));
    else
        http_respond_type(x, 200, "text/plain", http_body(x));
}

static void on_accept(void *ctx, struct tcp *t)
{
    (void)ctx;
    assert_true(n_peers < 4);
    raw_attach(&peers[n_peers++], t);
}

static void begin(const char *cert, const char *key, const char *ca)
{
    if (!have_openssl)
        skip();
    begin_loop();
    n_peers = handled = 0;
    struct err e = {0};
    struct http_server_options so = {.host = SPAN("127.0.0.1"),
                                     .handler = handler,
                                     .tls_cert = certs_path(cert),
                                     .tls_key = certs_path(key),
                                     .head_ms = 10000,
                                     .no_http2 = no_http2};
    struct http_client_options co = {.ca_file = certs_path(ca)};
    if (http_server_new(loop, &so, &server, &e) != 0 ||
        http_client_new(loop, &co, &client, &e) != 0 ||
        tcp_listen(loop, SPAN("127.0.0.1"), 0, on_accept, NULL, &listener, &e) != 0)
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

static void start(struct reply *r, const char *host, uint16_t port, const char *target,
                  struct http_call_options o)
{
    struct url u = {.host = span_str(host), .port = port, .tls = true};
    reply_start(r, client, &u, target, o);
}

static void finish_failed(struct reply *r, int code, const char *msg)
{
    reply_ends(r, code, msg);
    reply_free(r);
}

static void close_idle(void)
{
    struct http_server *s = server;
    list_for_safe(it, &s->conns) conn_cut(container_of(it, struct conn, link));
}

static void calls_and_resumption(void **state)
{
    (void)state;
    begin("good.pem", "good.key", "ca.pem");
    uint16_t port = http_server_port(server);
    static const char *const hosts[] = {"localhost", "127.0.0.1"};
    for (int i = 0; i < 2; i++) {
        uint64_t before = tls_config_resumed(server->tls);
        struct reply r = {0};
        for (int k = 0; k < 3; k++) {
            start(&r, hosts[i], port, "/", (struct http_call_options){.body = SPAN("hello")});
            reply_ok(&r);
            assert_memory_equal(r.body.p, "hello", 5);
            reply_free(&r);
        }
        assert_int_equal(tls_config_resumed(server->tls), before);
        close_idle();
        for (int k = 0; k < 5; k++)
            loop_turn(loop, false);
        start(&r, hosts[i], port, "/", (struct http_call_options){.body = SPAN("again")});
        reply_ok(&r);
        reply_free(&r);
        assert_int_equal(tls_config_resumed(server->tls), before + 1);
    }
    end();
}

static void big_both_ways(void **state)
{
    (void)state;
    begin("good.pem", "good.key", "ca.pem");
    struct reply r = {0};
    start(&r, "127.0.0.1", http_server_port(server), "/",
          (struct http_call_options){.body = span_of(big, BIG)});
    reply_ok(&r);
    assert_int_equal(r.body.n, BIG);
    assert_memory_equal(r.body.p, big, BIG);
    reply_free(&r);
    end();
}

// Decrypted bytes that nobody wanted yet must not be forgotten: they wake no socket.
static void pause_and_resume(void **state)
{
    (void)state;
    begin("good.pem", "good.key", "ca.pem");
    struct reply r = {.pause_on_body = true};
    start(&r, "127.0.0.1", http_server_port(server), "/big", (struct http_call_options){0});
    size_t resumed = 0;
    while (!r.done) {
        if (resumed < r.pieces) {
            size_t pieces = r.pieces;
            for (int i = 0; i < 10 && resumed < 20; i++)
                loop_turn(loop, false);
            assert_int_equal(r.pieces, pieces);
            resumed++;
            http_call_resume(&r.call);
        }
        loop_turn(loop, true);
    }
    reply_ok(&r);
    assert_int_equal(r.body.n, BIG);
    assert_memory_equal(r.body.p, big, BIG);
    assert_true(resumed > 50);
    reply_free(&r);
    end();
}

// What the peer sends meanwhile stays in the socket, not in the TLS engine.
static void paused_from_the_start(void **state)
{
    (void)state;
    begin("good.pem", "good.key", "ca.pem");
    struct reply r = {0};
    start(&r, "127.0.0.1", http_server_port(server), "/big", (struct http_call_options){0});
    http_call_pause(&r.call);
    wait_until(handled);
    for (int i = 0; i < 300; i++)
        loop_turn(loop, false);
    struct http_server *s = server;
    assert_true(stream_queued(container_of(s->conns.next, struct conn, link)->stream) > 0);
    assert_int_equal(r.status, 0);
    http_call_resume(&r.call);
    reply_ok(&r);
    assert_int_equal(r.body.n, BIG);
    reply_free(&r);
    end();
}

static void http2_by_choice_of_protocol(void **state)
{
    (void)state;
    begin("good.pem", "good.key", "ca.pem");
    uint16_t port = http_server_port(server);
    uint64_t before = tls_config_resumed(server->tls);
    for (int again = 0; again < 2; again++) {
        struct reply r[4] = {0};
        for (int i = 0; i < 3; i++)
            start(&r[i], "localhost", port, i ? "/" : "/big",
                  (struct http_call_options){.version = HTTP_2, .body = span_of(big, BIG)});
        // Side by side with the older version, which has a connection of its own.
        start(&r[3], "localhost", port, "/", (struct http_call_options){.body = SPAN("one")});
        for (int i = 0; i < 4; i++)
            reply_ok(&r[i]);
        assert_int_equal(server->n_streams, 2);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(r[i].body.n, BIG);
            assert_memory_equal(r[i].body.p, big, BIG);
        }
        for (int i = 0; i < 4; i++)
            reply_free(&r[i]);
        assert_int_equal(tls_config_resumed(server->tls), before + 2 * (uint64_t)again);
        close_idle();
        for (int k = 0; k < 5; k++)
            loop_turn(loop, false);
    }
    struct reply r = {0};
    start(&r, "localhost", port, "/", (struct http_call_options){0});
    reply_ok(&r);
    assert_int_equal(last_version, HTTP_1_1);
    reply_free(&r);
    start(&r, "localhost", port, "/", (struct http_call_options){.version = HTTP_2});
    reply_ok(&r);
    assert_int_equal(last_version, HTTP_2);
    reply_free(&r);
    end();
}

static void http2_paused_and_resumed(void **state)
{
    (void)state;
    begin("good.pem", "good.key", "ca.pem");
    struct reply r = {.pause_on_body = true};
    start(&r, "127.0.0.1", http_server_port(server), "/big",
          (struct http_call_options){.version = HTTP_2});
    size_t resumed = 0;
    while (!r.done) {
        if (resumed < r.pieces) {
            resumed++;
            http_call_resume(&r.call);
        }
        loop_turn(loop, true);
    }
    reply_ok(&r);
    assert_int_equal(r.body.n, BIG);
    assert_memory_equal(r.body.p, big, BIG);
    assert_true(resumed > 8);
    reply_free(&r);
    end();
}

static void http2_not_spoken(void **state)
{
    (void)state;
    no_http2 = true;
    begin("good.pem", "good.key", "ca.pem");
    no_http2 = false;
    struct reply r = {0};
    start(&r, "localhost", http_server_port(server), "/",
          (struct http_call_options){.version = HTTP_2});
    finish_failed(&r, ERR_PROTO, "does not speak HTTP/2");
    start(&r, "localhost", http_server_port(server), "/", (struct http_call_options){0});
    reply_ok(&r);
    assert_int_equal(handled, 1);
    reply_free(&r);
    end();
}

static void refused(const char *cert, const char *key, const char *ca, const char *host,
                    const char *msg)
{
    begin(cert, key, ca);
    struct reply r = {0};
    start(&r, host, http_server_port(server), "/",
          (struct http_call_options){.body = SPAN("secret")});
    finish_failed(&r, ERR_TLS_CERT, msg);
    assert_int_equal(handled, 0);
    end();
}

static void certificates_are_verified(void **state)
{
    (void)state;
    refused("good.pem", "good.key", "other.pem", "localhost", "AWS_CA_BUNDLE");
    refused("name.pem", "name.key", "ca.pem", "localhost", "not for localhost");
    refused("name.pem", "name.key", "ca.pem", "127.0.0.1", "not for 127.0.0.1");
    refused("expired.pem", "expired.key", "ca.pem", "localhost", "expired on");
}

static void plain_meets_tls(void **state)
{
    (void)state;
    begin("good.pem", "good.key", "ca.pem");
    struct reply r = {0};
    start(&r, "127.0.0.1", tcp_listener_port(listener), "/", (struct http_call_options){0});
    wait_until(n_peers == 1 && peers[0].got.n > 0);
    raw_send(&peers[0], "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    finish_failed(&r, ERR_TLS, "does not speak TLS");
    static struct raw plain;
    raw_connect(&plain, http_server_port(server));
    raw_send(&plain, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_until(plain.ended);
    assert_false(raw_has(&plain, "HTTP"));
    raw_close(&plain);
    assert_int_equal(handled, 0);
    end();
}

static void handshake_time_limits(void **state)
{
    (void)state;
    begin("good.pem", "good.key", "ca.pem");
    static struct raw silent;
    raw_connect(&silent, http_server_port(server));
    struct reply r = {0};
    start(&r, "127.0.0.1", tcp_listener_port(listener), "/",
          (struct http_call_options){.connect_ms = 5000});
    wait_until(n_peers == 1 && peers[0].got.n > 0);
    advance_ms(5000);
    finish_failed(&r, ERR_TIMEOUT, "no connection within 5000 ms");
    start(&r, "127.0.0.1", tcp_listener_port(listener), "/", (struct http_call_options){0});
    wait_until(n_peers == 2 && peers[1].got.n > 0);
    raw_close(&peers[1]);
    finish_failed(&r, ERR_TLS, "closed the connection during the TLS handshake");
    assert_int_equal(silent.ended, 0);
    advance_ms(5000);
    wait_until(silent.ended); // the server's own limit
    raw_close(&silent);
    end();
}

static void canceled_during_the_handshake(void **state)
{
    (void)state;
    begin("good.pem", "good.key", "ca.pem");
    for (int turns = 0; turns < 12; turns++) {
        struct reply r = {0};
        start(&r, "127.0.0.1", http_server_port(server), "/", (struct http_call_options){0});
        for (int i = 0; i < turns && !r.done; i++)
            loop_turn(loop, false);
        http_call_cancel(&r.call);
        wait_until(r.done);
        reply_free(&r);
    }
    end();
}

// A TLS server by hand, so that it can cut the connection rudely.
static void body_cut_without_tls_close(void **state)
{
    (void)state;
    begin("good.pem", "good.key", "ca.pem");
    for (int orderly = 0; orderly < 2; orderly++) {
        struct reply r = {0};
        start(&r, "127.0.0.1", tcp_listener_port(listener), "/", (struct http_call_options){0});
        wait_until(n_peers == orderly + 1);
        struct raw *p = &peers[orderly];
        struct tls *tls = tls_server_new(server->tls);
        char request[1000];
        int shaken = ERR_AGAIN;
        ssize_t n = ERR_AGAIN;
        size_t fed = 0;
        while (n <= 0) {
            wait_until(p->got.n > fed);
            tls_feed(tls, span_of(p->got.p + fed, p->got.n - fed));
            fed = p->got.n;
            if (shaken == ERR_AGAIN)
                shaken = tls_handshake(tls);
            if (shaken == 0)
                n = tls_read(tls, request, sizeof(request));
            tls_keep_input(tls);
            raw_send_span(p, tls_out(tls));
            tls_out_clear(tls);
        }
        assert_memory_equal(request, "POST / HTTP/1.1\r\n", 17);
        assert_int_equal(tls_write(tls, SPAN("HTTP/1.1 200 OK\r\n\r\nhalf")), 0);
        if (orderly)
            tls_close_notify(tls);
        raw_send_span(p, tls_out(tls));
        wait_until(r.body.n == 4);
        raw_close(p);
        wait_until(r.done);
        assert_int_equal(r.code, orderly ? 0 : ERR_TLS);
        reply_free(&r);
        tls_free(tls);
    }
    end();
}

static uint16_t free_port(void)
{
    int gone = 0;
    struct tcp_listener *l;
    assert_int_equal(tcp_listen(loop, SPAN("127.0.0.1"), 0, on_accept, NULL, &l, NULL), 0);
    uint16_t port = tcp_listener_port(l);
    tcp_listener_close(l, set_flag, &gone);
    wait_until(gone);
    return port;
}

// A server that nobody here wrote. With TLS 1.3 it sends two tickets, often together with its
// answer.
static void openssl_server(void **state)
{
    (void)state;
    begin("good.pem", "good.key", "ca.pem");
    uint16_t port = free_port();
    char number[8];
    snprintf(number, sizeof(number), "%u", (unsigned)port);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); // also when an assertion ends the test
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execlp("openssl", "openssl", "s_server", "-www", "-accept", number, "-cert",
               certs_path("good.pem"), "-key", certs_path("good.key"), NULL);
        _exit(127);
    }
    int64_t give_up = clock_system.mono_ms(NULL) + DEADLINE_MS;
    for (int ok = 0; ok < 20;) {
        struct reply r = {0};
        start(&r, "127.0.0.1", port, "/", (struct http_call_options){.method = SPAN("GET")});
        if (ok % 2) {
            // Lets all of it come before anything is read.
            http_call_pause(&r.call);
            for (int64_t until = clock_system.mono_ms(NULL) + 50;
                 clock_system.mono_ms(NULL) < until;)
                loop_turn(loop, false);
            http_call_resume(&r.call);
        }
        wait_until(r.done);
        if (r.code == ERR_CONNECT && ok == 0 && clock_system.mono_ms(NULL) < give_up) {
            reply_free(&r);
            continue; // it is still starting
        }
        reply_ok(&r);
        assert_true(r.body.n > 100);
        reply_free(&r);
        ok++;
    }
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    end();
}

// Runs an openssl server that insists on a certificate of the test's authority.
static pid_t start_strict_server(uint16_t port)
{
    char number[8];
    snprintf(number, sizeof(number), "%u", (unsigned)port);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
        execlp("openssl", "openssl", "s_server", "-www", "-accept", number, "-cert",
               certs_path("good.pem"), "-key", certs_path("good.key"), "-CAfile",
               certs_path("ca.pem"), "-Verify", "1", "-verify_return_error", NULL);
        _exit(127);
    }
    return pid;
}

static int call_strict_server(uint16_t port, const char *cert, const char *key)
{
    struct reply r = {0};
    int gone = 0, code = ERR_CONNECT;
    struct err e = {0};
    struct http_client *before = client;
    struct http_client_options o = {.ca_file = certs_path("ca.pem"),
                                    .cert_file = cert ? certs_path(cert) : NULL,
                                    .key_file = key ? certs_path(key) : NULL};
    if (http_client_new(loop, &o, &client, &e) != 0)
        fail_msg("%s", e.msg);
    int64_t give_up = clock_system.mono_ms(NULL) + DEADLINE_MS;
    while (code == ERR_CONNECT && clock_system.mono_ms(NULL) < give_up) {
        start(&r, "127.0.0.1", port, "/", (struct http_call_options){.method = SPAN("GET")});
        wait_until(r.done);
        code = r.code;
        reply_free(&r);
    }
    http_client_close(client, set_flag, &gone);
    wait_until(gone);
    client = before;
    return code;
}

static void client_certificate(void **state)
{
    (void)state;
    begin("good.pem", "good.key", "ca.pem");
    uint16_t port = free_port();
    pid_t pid = start_strict_server(port);
    assert_int_equal(call_strict_server(port, "good.pem", "good.key"), 0);
    assert_true(call_strict_server(port, NULL, NULL) < 0);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    struct http_client *c;
    struct err e = {0};
    struct http_client_options o = {.ca_file = certs_path("ca.pem"),
                                    .cert_file = certs_path("good.pem"),
                                    .key_file = certs_path("name.key")};
    assert_int_equal(http_client_new(loop, &o, &c, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "does not belong"));
    end();
}

static void wrong_bundle(void **state)
{
    (void)state;
    if (!have_openssl)
        skip();
    begin_loop();
    struct err e = {0};
    struct http_client *c;
    struct http_client_options o = {.ca_file = "/nonexistent/bundle.pem"};
    assert_int_equal(http_client_new(loop, &o, &c, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "/nonexistent/bundle.pem"));
    o.ca_file = certs_path("good.key");
    assert_int_equal(http_client_new(loop, &o, &c, &e), ERR_TLS_CERT);
    assert_non_null(strstr(e.msg, "good.key"));
    end_loop();
}

static int group_setup(void **state)
{
    (void)state;
    have_openssl = certs_make();
    big = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)(i * 31 >> 7);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    free(big);
    certs_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_and_resumption),
        cmocka_unit_test(big_both_ways),
        cmocka_unit_test(pause_and_resume),
        cmocka_unit_test(paused_from_the_start),
        cmocka_unit_test(http2_by_choice_of_protocol),
        cmocka_unit_test(http2_paused_and_resumed),
        cmocka_unit_test(http2_not_spoken),
        cmocka_unit_test(certificates_are_verified),
        cmocka_unit_test(plain_meets_tls),
        cmocka_unit_test(handshake_time_limits),
        cmocka_unit_test(canceled_during_the_handshake),
        cmocka_unit_test(body_cut_without_tls_close),
        cmocka_unit_test(openssl_server),
        cmocka_unit_test(client_certificate),
        cmocka_unit_test(wrong_bundle),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
