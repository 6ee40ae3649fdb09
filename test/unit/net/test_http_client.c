// SPDX-License-Identifier: Apache-2.0
#include "net_call.h"

#include "net/http_client_internal.h"
#include "net/http_server_internal.h"

static struct http_client *client;
static struct http_server *server;
static struct tcp_listener *listener; // speaks raw bytes
static uint16_t raw_port;
static struct raw peers[8];
static int n_peers;
static int closed;
static int handled;
static struct http_exchange *held;
static char *big;

enum { BIG = 16 * 1024 * 1024 };

static void handler(void *ctx, struct http_exchange *x)
{
    (void)ctx;
    handled++;
    if (span_is(http_path(x), "/hold"))
        held = x;
    else if (span_is(http_path(x), "/big"))
        http_respond_type(x, 200, "application/octet-stream", span_of(big, BIG));
    else if (span_is(http_path(x), "/cut"))
        http_cut(x);
    else if (span_is(http_path(x), "/what"))
        http_respond_type(x, 200, "text/plain",
                          arena_printf(http_arena(x), "%.*s %.*s?%.*s host=%.*s x=%.*s n=%zu",
                                       SPAN_ARG(http_method(x)), SPAN_ARG(http_path(x)),
                                       SPAN_ARG(http_query(x)),
                                       SPAN_ARG(http_request_header(x, "host")),
                                       SPAN_ARG(http_request_header(x, "x-test")), http_body(x).n));
    else
        http_respond_type(x, 200, "text/plain", http_body(x));
}

static void on_accept(void *ctx, struct tcp *t)
{
    (void)ctx;
    assert_true(n_peers < 8);
    raw_attach(&peers[n_peers++], t);
}

static int setup_with(const struct http_client_options *o)
{
    begin_loop();
    n_peers = closed = handled = 0;
    held = NULL;
    memset(peers, 0, sizeof(peers));
    struct err e = {0};
    struct http_server_options so = {.host = SPAN("127.0.0.1"), .handler = handler};
    assert_int_equal(http_server_new(loop, &so, &server, &e), 0);
    assert_int_equal(http_client_new(loop, o, &client, &e), 0);
    assert_int_equal(tcp_listen(loop, SPAN("127.0.0.1"), 0, on_accept, NULL, &listener, &e), 0);
    raw_port = tcp_listener_port(listener);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return setup_with(&(struct http_client_options){0});
}

static int teardown(void **state)
{
    (void)state;
    int gone = 0;
    for (int i = 0; i < n_peers; i++)
        raw_close(&peers[i]);
    tcp_listener_close(listener, set_flag, &gone);
    if (client)
        http_client_close(client, set_flag, &gone);
    else
        gone++;
    http_server_close(server, 0, set_flag, &gone);
    if (held)
        http_respond_type(held, 200, "text/plain", SPAN(""));
    wait_until(gone == 3);
    end_loop();
    return 0;
}

static void start(struct reply *r, uint16_t port, const char *method, const char *target,
                  struct http_call_options o)
{
    struct url u = {.host = SPAN("127.0.0.1"), .port = port};
    o.method = span_str(method);
    reply_start(r, client, &u, target, o);
}

static void get(struct reply *r, uint16_t port, const char *target)
{
    start(r, port, "GET", target, (struct http_call_options){0});
}

static void finish_failed(struct reply *r, int code, const char *msg)
{
    wait_until(r->done);
    reply_ends(r, code, msg);
    reply_free(r);
}

struct raw *peer(int i)
{
    wait_until(n_peers > i);
    return &peers[i];
}

static void request_and_response(void **state)
{
    (void)state;
    struct reply r = {0};
    struct http_header h = {SPAN("X-Test"), SPAN("a b")};
    start(&r, http_server_port(server), "POST", "/what?q=1",
          (struct http_call_options){.headers = {&h, 1}, .body = SPAN("12345")});
    reply_ok(&r);
    char want[100];
    snprintf(want, sizeof(want), "POST /what?q=1 host=127.0.0.1:%u x=a b n=5",
             (unsigned)http_server_port(server));
    assert_memory_equal(r.body.p, want, r.body.n);
    assert_int_equal(r.content_length, r.body.n);
    assert_memory_equal(r.type, "text/plain", 10);
    reply_free(&r);
    start(&r, http_server_port(server), "HEAD", "/what", (struct http_call_options){0});
    reply_ok(&r);
    assert_int_equal(r.body.n, 0);
    reply_free(&r);
}

static void what_goes_over_the_wire(void **state)
{
    (void)state;
    struct reply r = {0}, s = {0};
    get(&r, raw_port, "/a");
    struct raw *p = peer(0);
    wait_until(raw_has(p, "\r\n\r\n"));
    char want[100];
    snprintf(want, sizeof(want), "GET /a HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n",
             (unsigned)raw_port);
    assert_int_equal(p->got.n, strlen(want));
    assert_memory_equal(p->got.p, want, p->got.n);
    raw_send(p, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    raw_send(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    wait_until(r.body.n == 3);
    assert_int_equal(r.content_length, -1);
    raw_send(p, "2;x=y\r\nde\r\n0\r\nTrailer: 1\r\n\r\n");
    reply_ok(&r);
    assert_memory_equal(r.body.p, "abcde", 5);
    buf_clear(&p->got);
    start(&s, raw_port, "POST", "/b", (struct http_call_options){0});
    wait_until(raw_has(p, "Content-Length: 0\r\n\r\n")); // the same connection
    raw_send(p, "HTTP/1.1 204 No Content\r\n\r\n");
    wait_until(s.done);
    assert_int_equal(s.code, 0);
    assert_int_equal(s.status, 204);
    assert_int_equal(n_peers, 1);
    reply_free(&r);
    reply_free(&s);
}

static void body_until_close(void **state)
{
    (void)state;
    struct reply r = {0};
    get(&r, raw_port, "/");
    raw_send(peer(0), "HTTP/1.0 200 OK\r\n\r\nall of it");
    wait_until(r.body.n == 9);
    assert_int_equal(r.done, 0);
    raw_close(peer(0));
    reply_ok(&r);
    reply_free(&r);
}

static void wrong_responses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
    };
    for (int i = 0; i < 8; i++) {
        struct reply r = {0};
        get(&r, raw_port, "/");
        raw_send(peer(i), bad[i]);
        finish_failed(&r, ERR_PROTO, "127.0.0.1");
    }
}

static void cut_in_the_middle(void **state)
{
    (void)state;
    struct reply r = {0};
    get(&r, raw_port, "/");
    raw_send(peer(0), "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    wait_until(r.body.n == 3);
    raw_close(peer(0));
    finish_failed(&r, ERR_CLOSED, "before the response was complete");
    get(&r, raw_port, "/");
    wait_until(raw_has(peer(1), "\r\n\r\n"));
    raw_close(peer(1));
    finish_failed(&r, ERR_CLOSED, "before a response came");
}

static void stale_connection_is_replaced_once(void **state)
{
    (void)state;
    struct reply r = {0};
    get(&r, raw_port, "/1");
    raw_send(peer(0), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    reply_ok(&r);
    reply_free(&r);
    // The next request and the peer's close cross each other.
    start(&r, raw_port, "POST", "/2", (struct http_call_options){.body = SPAN("body")});
    raw_close(peer(0));
    wait_until(raw_has(peer(1), "body"));
    assert_int_equal(r.done, 0);
    raw_send(peer(1), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    reply_ok(&r);
    reply_free(&r);
    // After the first byte it is told.
    get(&r, raw_port, "/3");
    wait_until(raw_has(peer(1), "/3"));
    raw_send(peer(1), "HTTP/1.1 ");
    for (int i = 0; i < 3; i++)
        loop_turn(loop, false);
    raw_close(peer(1));
    finish_failed(&r, ERR_CLOSED, "closed");
    assert_int_equal(n_peers, 2);
}

static void post(struct reply *r, const char *target)
{
    start(r, raw_port, "POST", target,
          (struct http_call_options){.body = SPAN("body"), .once = true});
}

static void answer(struct reply *r, int i)
{
    raw_send(peer(i), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    reply_ok(r);
    reply_free(r);
}

static void call_that_may_go_once_is_not_repeated(void **state)
{
    (void)state;
    struct reply r = {0};
    post(&r, "/1");
    answer(&r, 0);
    // The connection is fresh enough, but the peer closes it all the same.
    post(&r, "/2");
    wait_until(raw_has(peer(0), "/2"));
    raw_close(peer(0));
    finish_failed(&r, ERR_CLOSED, "before a response came");
    assert_int_equal(n_peers, 1);
}

static int setup_one(void **state)
{
    (void)state;
    return setup_with(&(struct http_client_options){.max_per_origin = 1});
}

static void call_that_may_go_once_leaves_old_connections(void **state)
{
    (void)state;
    struct reply r = {0};
    post(&r, "/1");
    answer(&r, 0);
    advance_ms(CLIENT_ONCE_IDLE_MS + 1);
    post(&r, "/2");
    answer(&r, 1); // in the place of the one that is too old
    advance_ms(CLIENT_ONCE_IDLE_MS + 1);
    get(&r, raw_port, "/3");
    answer(&r, 1);
    post(&r, "/4");
    wait_until(raw_has(peer(1), "/4"));
    answer(&r, 1);
    assert_int_equal(n_peers, 2);
}

static void idle_connection_closed_by_peer_is_dropped(void **state)
{
    (void)state;
    struct reply r = {0};
    get(&r, raw_port, "/1");
    raw_send(peer(0), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    reply_ok(&r);
    reply_free(&r);
    raw_close(peer(0));
    for (int i = 0; i < 5; i++)
        loop_turn(loop, false);
    get(&r, raw_port, "/2");
    raw_send(peer(1), "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    reply_ok(&r);
    reply_free(&r);
    get(&r, raw_port, "/3");
    raw_send(peer(2), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nunasked");
    reply_ok(&r);
    reply_free(&r);
    get(&r, raw_port, "/4");
    wait_until(raw_has(peer(3), "/4"));
    http_call_cancel(&r.call);
    finish_failed(&r, ERR_CANCELED, "canceled");
}

static void connections_are_limited_and_reused(void **state)
{
    (void)state;
    struct reply r[20] = {0};
    for (int i = 0; i < 20; i++)
        get(&r[i], raw_port, "/");
    wait_until(n_peers == 2);
    for (int i = 0; i < 20; i++) {
        struct raw *p = &peers[i % 2];
        wait_until(raw_count(p, "GET /") == i / 2 + 1);
        raw_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    for (int i = 0; i < 20; i++) {
        reply_ok(&r[i]);
        reply_free(&r[i]);
    }
    assert_int_equal(n_peers, 2);
}

static int setup_two(void **state)
{
    (void)state;
    return setup_with(&(struct http_client_options){.max_per_origin = 2});
}

static void waiting_call_gets_the_place_of_a_failed_one(void **state)
{
    (void)state;
    struct reply r[3] = {0};
    for (int i = 0; i < 3; i++)
        get(&r[i], raw_port, "/");
    wait_until(n_peers == 2);
    http_call_cancel(&r[0].call);
    wait_until(n_peers == 3);
    http_call_cancel(&r[2].call);
    http_call_cancel(&r[2].call);
    http_call_cancel(&r[1].call);
    for (int i = 0; i < 3; i++)
        finish_failed(&r[i], ERR_CANCELED, "canceled");
}

static int setup_short_lived(void **state)
{
    (void)state;
    return setup_with(&(struct http_client_options){.idle_ms = 20000, .max_age_ms = 25000});
}

static void idle_and_age_limits(void **state)
{
    (void)state;
    struct reply r = {0};
    get(&r, raw_port, "/");
    raw_send(peer(0), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    reply_ok(&r);
    reply_free(&r);
    advance_ms(18000);
    turns(5);
    assert_int_equal(peers[0].ended, 0);
    advance_ms(2000);
    wait_until(peers[0].ended);
    // Too old when it comes back, and too old when it is wanted.
    for (int i = 0; i < 2; i++) {
        get(&r, raw_port, "/");
        struct raw *p = peer(1 + i);
        wait_until(raw_has(p, "GET"));
        if (i == 0)
            advance_ms(25000);
        raw_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        reply_ok(&r);
        reply_free(&r);
        if (i == 0)
            wait_until(p->ended);
    }
    for (int i = 0; i < 2; i++) {
        advance_ms(15000);
        get(&r, raw_port, "/");
        struct raw *p = peer(2 + i);
        raw_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        reply_ok(&r);
        reply_free(&r);
        turns(5);
    }
    assert_true(peers[2].ended);
    assert_int_equal(n_peers, 4);
}

static void time_limits(void **state)
{
    (void)state;
    struct reply r = {0};
    start(&r, raw_port, "GET", "/", (struct http_call_options){.first_byte_ms = 20000});
    wait_until(raw_has(peer(0), "GET"));
    advance_ms(18000);
    turns(5);
    assert_int_equal(r.done, 0);
    advance_ms(2000);
    finish_failed(&r, ERR_TIMEOUT, "no response within 20000 ms");
    start(&r, raw_port, "GET", "/", (struct http_call_options){.total_ms = 30000});
    raw_send(peer(1), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
    wait_until(r.body.n == 2);
    advance_ms(28000);
    turns(5);
    assert_int_equal(r.done, 0);
    advance_ms(2000);
    finish_failed(&r, ERR_TIMEOUT, "no complete response within 30000 ms");
    // 192.0.2.0/24 is documentation space (RFC 5737): no answer, or refused at once without a
    // route.
    struct url u = {.host = SPAN("192.0.2.1"), .port = 81};
    r.call = (struct http_call){.data = &r, .ev = &reply_events};
    struct http_call_options o = {.method = SPAN("GET"), .target = SPAN("/"), .origin = &u};
    assert_int_equal(http_client_start(client, &r.call, &o), 0);
    turns(5);
    advance_ms(5000);
    wait_until(r.done);
    assert_true(r.code == ERR_TIMEOUT || r.code == ERR_CONNECT);
    assert_non_null(strstr(r.err.msg, "192.0.2.1"));
    reply_free(&r);
}

static void connection_refused(void **state)
{
    (void)state;
    int gone = 0;
    struct tcp_listener *l;
    assert_int_equal(tcp_listen(loop, SPAN("127.0.0.1"), 0, on_accept, NULL, &l, NULL), 0);
    uint16_t port = tcp_listener_port(l);
    tcp_listener_close(l, set_flag, &gone);
    wait_until(gone);
    struct reply r = {0};
    get(&r, port, "/");
    finish_failed(&r, ERR_CONNECT, "refused");
}

static void body_cap(void **state)
{
    (void)state;
    struct reply r = {0};
    uint16_t port = http_server_port(server);
    start(&r, port, "PUT", "/", (struct http_call_options){.body = SPAN("12345"), .max_body = 5});
    reply_ok(&r);
    reply_free(&r);
    start(&r, port, "PUT", "/", (struct http_call_options){.body = SPAN("123456"), .max_body = 5});
    finish_failed(&r, ERR_LIMIT, "over the limit of 5");
    start(&r, raw_port, "GET", "/", (struct http_call_options){.max_body = 5});
    raw_send(peer(0), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n");
    wait_until(r.body.n == 5);
    raw_send(peer(0), "1\r\nf\r\n");
    finish_failed(&r, ERR_LIMIT, "over the limit of 5");
}

static void pause_holds_the_body_back(void **state)
{
    (void)state;
    struct reply r = {.pause_on_body = true};
    get(&r, http_server_port(server), "/big");
    wait_until(r.pieces == 1);
    turns(300);
    assert_int_equal(r.pieces, 1);
    struct http_server *s = server;
    // The rest waits at the sender.
    assert_true(stream_queued(container_of(s->conns.next, struct conn, link)->stream) > 0);
    size_t resumed = 0;
    while (!r.done) {
        if (resumed < r.pieces) {
            resumed++;
            if (resumed == 40)
                r.pause_on_body = false;
            http_call_resume(&r.call);
        }
        loop_turn(loop, true);
    }
    reply_ok(&r);
    assert_int_equal(r.body.n, BIG);
    assert_memory_equal(r.body.p, big, BIG);
    reply_free(&r);
}

static void time_stands_still_while_paused(void **state)
{
    (void)state;
    struct reply r = {.pause_on_body = true};
    start(&r, raw_port, "GET", "/", (struct http_call_options){.total_ms = 60000});
    raw_send(peer(0), "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab");
    wait_until(r.pieces == 1);
    advance_ms(100000);
    raw_send(peer(0), "cd");
    turns(10);
    assert_int_equal(r.done, 0);
    assert_int_equal(r.pieces, 1);
    r.pause_on_body = false;
    http_call_resume(&r.call);
    wait_until(r.body.n == 4);
    // And goes on afterwards.
    advance_ms(58000);
    turns(10);
    assert_int_equal(r.done, 0);
    advance_ms(2000);
    finish_failed(&r, ERR_TIMEOUT, "no complete response within 60000 ms");
}

// Several pieces in one segment come one at a time.
static void pause_between_chunks(void **state)
{
    (void)state;
    struct reply r = {.pause_on_body = true};
    get(&r, raw_port, "/");
    raw_send(peer(0), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n");
    for (size_t i = 1; i <= 3; i++) {
        wait_until(r.pieces == i);
        turns(5);
        assert_int_equal(r.pieces, i);
        http_call_resume(&r.call);
    }
    reply_ok(&r);
    assert_memory_equal(r.body.p, "abc", 3);
    reply_free(&r);
}

static void pause_at_the_last_piece(void **state)
{
    (void)state;
    struct reply r = {.pause_on_body = true};
    get(&r, raw_port, "/");
    raw_send(peer(0), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
    wait_until(r.pieces == 1);
    for (int i = 0; i < 5; i++)
        loop_turn(loop, false);
    assert_int_equal(r.done, 0);
    http_call_resume(&r.call);
    reply_ok(&r);
    reply_free(&r);
    // The idle connection is watched again.
    raw_close(peer(0));
    wait_until(list_empty(&client->conns));
}

static void connection_used_last_is_used_next(void **state)
{
    (void)state;
    struct reply r[2] = {0};
    get(&r[0], raw_port, "/0");
    get(&r[1], raw_port, "/1");
    wait_until(n_peers == 2 && raw_has(&peers[0], "GET") && raw_has(&peers[1], "GET"));
    for (int i = 1; i >= 0; i--) {
        raw_send(&peers[i], "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        struct reply *x = raw_has(&peers[i], "/0") ? &r[0] : &r[1];
        reply_ok(x);
        reply_free(x);
    }
    get(&r[0], raw_port, "/next");
    wait_until(raw_has(&peers[0], "/next"));
    http_call_cancel(&r[0].call);
    finish_failed(&r[0], ERR_CANCELED, "canceled");
}

static void cancel_at_every_point(void **state)
{
    (void)state;
    struct reply r = {0};
    get(&r, raw_port, "/"); // connecting
    http_call_cancel(&r.call);
    assert_int_equal(r.done, 0);
    finish_failed(&r, ERR_CANCELED, "canceled");
    r.cancel_on_body = true; // inside a callback
    get(&r, http_server_port(server), "/big");
    wait_until(r.done);
    assert_int_equal(r.pieces, 1);
    finish_failed(&r, ERR_CANCELED, "canceled");
    // After the end, before it is told.
    r.cancel_after_body = true;
    start(&r, http_server_port(server), "PUT", "/", (struct http_call_options){.body = SPAN("x")});
    wait_until(r.done);
    assert_int_equal(r.body.n, 1);
    finish_failed(&r, ERR_CANCELED, "canceled");
    get(&r, http_server_port(server), "/hold"); // waiting for the answer
    wait_until(held);
    http_call_cancel(&r.call);
    finish_failed(&r, ERR_CANCELED, "canceled");
    get(&r, http_server_port(server), "/"); // after the end
    reply_ok(&r);
    http_call_cancel(&r.call);
    http_call_pause(&r.call);
    http_call_resume(&r.call);
    assert_int_equal(r.done, 1);
    reply_free(&r);
}

static void close_cancels_all(void **state)
{
    (void)state;
    struct reply r[4] = {0};
    get(&r[0], http_server_port(server), "/");
    reply_ok(&r[0]); // leaves an idle connection
    reply_free(&r[0]);
    get(&r[0], http_server_port(server), "/hold");
    wait_until(held);
    get(&r[1], raw_port, "/");
    wait_until(n_peers == 1);
    get(&r[2], raw_port, "/");
    http_client_close(client, set_flag, &closed);
    assert_int_equal(closed, 0);
    struct url u = {.host = SPAN("127.0.0.1"), .port = raw_port};
    struct http_call_options o = {.method = SPAN("GET"), .target = SPAN("/"), .origin = &u};
    r[3].call = (struct http_call){.data = &r[3], .ev = &reply_events};
    assert_int_equal(http_client_start(client, &r[3].call, &o), ERR_CLOSED);
    wait_until(closed);
    client = NULL;
    for (int i = 0; i < 3; i++)
        finish_failed(&r[i], ERR_CANCELED, "canceled");
    assert_int_equal(r[3].done, 0);
}

static void bad_arguments(void **state)
{
    (void)state;
    struct url u = {.host = SPAN("127.0.0.1"), .port = raw_port};
    struct reply r = {.call = {.data = &r, .ev = &reply_events}};
    struct http_header split = {SPAN("X-A"), SPAN("1\r\nX-B: 2")}, name = {SPAN("X A"), SPAN("1")};
    const struct http_call_options bad[] = {
        {.method = SPAN("GET"), .target = SPAN("/a b")},
        {.method = SPAN("GET"), .target = SPAN("/\r\nX: y")},
        {.method = SPAN("GET"), .target = SPAN("")},
        {.method = SPAN("GET"), .target = SPAN("a")},
        {.method = SPAN("GE T"), .target = SPAN("/")},
        {.method = SPAN("GET"), .target = SPAN("/"), .headers = {&split, 1}},
        {.method = SPAN("GET"), .target = SPAN("/"), .headers = {&name, 1}},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct http_call_options o = bad[i];
        o.origin = &u;
        assert_int_equal(http_client_start(client, &r.call, &o), ERR_INVALID);
    }
    assert_int_equal(r.done, 0);
}

// A request far larger than the socket takes, echoed.
static void big_both_ways(void **state)
{
    (void)state;
    struct reply r = {0};
    start(&r, http_server_port(server), "POST", "/",
          (struct http_call_options){.body = span_of(big, BIG)});
    reply_ok(&r);
    assert_int_equal(r.body.n, BIG);
    assert_memory_equal(r.body.p, big, BIG);
    reply_free(&r);
}

// The answer comes before the request is out: it counts, and the connection is not used again.
static void early_answer(void **state)
{
    (void)state;
    struct reply r = {0};
    start(&r, raw_port, "POST", "/", (struct http_call_options){.body = span_of(big, BIG)});
    wait_until(n_peers == 1 && peers[0].got.n > 0);
    tcp_read_stop(peers[0].tcp);
    raw_send(peer(0), "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
    wait_until(r.done);
    assert_int_equal(r.code, 0);
    assert_int_equal(r.status, 413);
    reply_free(&r);
    get(&r, raw_port, "/");
    raw_send(peer(1), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    reply_ok(&r);
    reply_free(&r);
}

static void host_value(void **state)
{
    (void)state;
    static const struct {
        struct url u;
        const char *want;
    } table[] = {
        {{.host = SPAN("a.example"), .port = 80}, "a.example"},
        {{.host = SPAN("a.example"), .port = 443}, "a.example:443"},
        {{.host = SPAN("a.example"), .port = 443, .tls = true}, "a.example"},
        {{.host = SPAN("a.example"), .port = 80, .tls = true}, "a.example:80"},
        {{.host = SPAN("::1"), .port = 8080}, "[::1]:8080"},
        {{.host = SPAN("::1"), .port = 80}, "[::1]"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char out[64];
        assert_int_equal(http_host_value(&table[i].u, out, sizeof(out)), strlen(table[i].want));
        assert_string_equal(out, table[i].want);
    }
}

// No limit on the whole, but on each silence of the body; none of it while paused.
static void silent_bodies(void **state)
{
    (void)state;
    static struct reply r;
    r = (struct reply){0};
    start(&r, raw_port, "GET", "/",
          (struct http_call_options){.total_ms = HTTP_NO_LIMIT, .idle_ms = 3000});
    wait_until(n_peers == 1 && raw_has(&peers[0], "\r\n\r\n"));
    advance_ms(20000); // the first byte has its own limit
    turns(5);
    raw_send(&peers[0], "HTTP/1.1 200 OK\r\n\r\n");
    wait_until(r.heads == 1);
    for (int i = 1; i <= 100; i++) {
        advance_ms(2000);
        turns(2);
        raw_send(&peers[0], "x");
        wait_until(r.body.n == (size_t)i);
    }
    http_call_pause(&r.call);
    advance_ms(100000);
    turns(5);
    http_call_resume(&r.call);
    turns(5);
    advance_ms(1000);
    turns(5);
    assert_int_equal(r.done, 0);
    advance_ms(2000);
    wait_until(r.done);
    assert_int_equal(r.code, ERR_TIMEOUT);
    assert_non_null(strstr(r.err.msg, "silent for 3000 ms"));
    reply_free(&r);
}

int main(void)
{
    big = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)(i * 31 >> 7);
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(silent_bodies, setup, teardown),
        T(request_and_response),
        T(what_goes_over_the_wire),
        T(body_until_close),
        T(wrong_responses),
        T(cut_in_the_middle),
        T(stale_connection_is_replaced_once),
        T(call_that_may_go_once_is_not_repeated),
        cmocka_unit_test_setup_teardown(call_that_may_go_once_leaves_old_connections, setup_one,
                                        teardown),
        T(idle_connection_closed_by_peer_is_dropped),
        cmocka_unit_test_setup_teardown(connections_are_limited_and_reused, setup_two, teardown),
        cmocka_unit_test_setup_teardown(waiting_call_gets_the_place_of_a_failed_one, setup_two,
                                        teardown),
        cmocka_unit_test_setup_teardown(idle_and_age_limits, setup_short_lived, teardown),
        T(time_limits),
        T(connection_refused),
        T(body_cap),
        T(pause_holds_the_body_back),
        T(time_stands_still_while_paused),
        T(pause_between_chunks),
        T(pause_at_the_last_piece),
        T(connection_used_last_is_used_next),
        T(cancel_at_every_point),
        T(close_cancels_all),
        T(bad_arguments),
        T(big_both_ways),
        T(early_answer),
        cmocka_unit_test(host_value),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    free(big);
    return rc;
}
