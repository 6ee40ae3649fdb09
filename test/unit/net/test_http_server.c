// SPDX-License-Identifier: Apache-2.0
#include "net_server.h"

#include <time.h>

#include "net/http_server_internal.h"

#define H "Host: h\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" H "\r\n"

enum { BIG = 8 * 1024 * 1024 };

static int handled, gone;
static struct http_exchange *held[4];
static int n_held;
static char *big;
static char last_peer[64];

static void on_gone(struct http_exchange *x)
{
    (void)x;
    gone++;
}

static void describe(struct http_exchange *x)
{
    struct span q = http_query(x), body = http_body(x);
    http_respond_type(x, 200, "text/plain",
                      arena_printf(http_arena(x), "[%.*s %.*s q=%.*s body=%.*s]",
                                   SPAN_ARG(http_method(x)), SPAN_ARG(http_path(x)), SPAN_ARG(q),
                                   (int)(body.n < 100 ? body.n : 100), body.p ? body.p : ""));
}

static void handler(void *ctx, struct http_exchange *x)
{
    assert_ptr_equal(ctx, &handled);
    assert_null(http_data(x));
    handled++;
    snprintf(last_peer, sizeof(last_peer), "%s", http_peer(x));
    struct span path = http_path(x);
    if (span_has_prefix(path, SPAN("/hold"))) {
        http_set_data(x, &gone);
        http_on_gone(x, on_gone);
        held[n_held++] = x;
    } else if (span_is(path, "/big")) {
        http_respond_type(x, 200, "application/octet-stream", span_of(big, BIG));
    } else if (span_is(path, "/drain")) {
        describe(x);
        http_server_drain(server);
    } else if (span_is(path, "/cut")) {
        http_cut(x);
    } else if (span_is(path, "/empty")) {
        http_respond(x, 204, (struct http_headers){0}, SPAN("dropped"));
    } else if (span_is(path, "/headers")) {
        const struct http_header h[] = {{SPAN("X-Good"), SPAN("yes")},
                                        {SPAN("X-Bad"), SPAN("a\r\nX-Evil: 1")},
                                        {SPAN("X Bad"), SPAN("1")},
                                        {SPAN("X-Empty"), SPAN_NONE}};
        http_respond(x, 418, (struct http_headers){h, 4}, SPAN("tea"));
    } else {
        describe(x);
    }
}

static const char *json_error(int status, const char *reason, struct buf *out)
{
    buf_printf(out, "{\"status\":%d,\"message\":\"%s\"}", status, reason);
    return "application/json";
}

static void begin(struct http_server_options o)
{
    handled = gone = n_held = 0;
    o.handler = handler;
    o.ctx = &handled;
    begin_server(o);
}

static int setup(void **state)
{
    (void)state;
    begin((struct http_server_options){0});
    return 0;
}

static void dial(struct raw *r)
{
    raw_connect(r, http_server_port(server));
}

// IMF-fixdate, now.
static void assert_date(struct raw *r)
{
    char date[30];
    struct tm tm = {0};
    memcpy(date, strstr(buf_cstr(&r->got), "Date: ") + 6, 29);
    date[29] = '\0';
    assert_ptr_equal(strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm), date + 29);
    int64_t off = timegm(&tm) - loop_wall_ms(loop) / 1000;
    assert_true(off >= -2 && off <= 0);
}

static void date_goes_on(void **state)
{
    (void)state;
    static struct raw r;
    dial(&r);
    for (int i = 0; i < 3; i++) {
        buf_clear(&r.got);
        raw_send(&r, GET("/"));
        wait_until(raw_has(&r, "]"));
        assert_date(&r);
        advance_ms(i == 0 ? 1000 : 5000);
    }
    raw_close(&r);
}

static void keep_alive_and_heads(void **state)
{
    (void)state;
    static struct raw r;
    dial(&r);
    raw_send(&r, GET("/a?b=c"));
    wait_until(raw_has(&r, "[GET /a q=b=c body=]"));
    assert_true(raw_has(&r, "HTTP/1.1 200 OK\r\nDate: "));
    assert_true(raw_has(&r, "Content-Length: 20\r\nContent-Type: text/plain\r\n\r\n"));
    assert_false(raw_has(&r, "Connection:"));
    assert_memory_equal(last_peer, "127.0.0.1:", 10);
    assert_date(&r);
    buf_clear(&r.got);
    raw_send(&r, "HEAD /a HTTP/1.1\r\n" H "\r\n");
    wait_until(raw_has(&r, "\r\n\r\n"));
    assert_true(raw_has(&r, "Content-Length: 18\r\n"));
    assert_false(raw_has(&r, "[HEAD"));
    buf_clear(&r.got);
    raw_send(&r, GET("/empty"));
    wait_until(raw_has(&r, "\r\n\r\n"));
    assert_true(raw_has(&r, "HTTP/1.1 204 No Content\r\n"));
    assert_false(raw_has(&r, "Content-Length"));
    buf_clear(&r.got);
    raw_send(&r, GET("/headers"));
    wait_until(raw_has(&r, "tea"));
    assert_true(raw_has(&r, "HTTP/1.1 418 \r\n"));
    assert_true(raw_has(&r, "X-Good: yes\r\nX-Empty: \r\n\r\ntea"));
    assert_false(raw_has(&r, "Evil"));
    assert_int_equal(handled, 4);
    raw_close(&r);
}

static void targets(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"/", "[GET / q= body=]"},
        {"/?", "[GET / q= body=]"},
        {"/a?b?c", "[GET /a q=b?c body=]"},
        {"http://x.example/p?q", "[GET /p q=q body=]"},
        {"http://x.example", "[GET / q= body=]"},
        {"http://x.example?q", "[GET / q=q body=]"},
        {"*", "[GET * q= body=]"},
        {"/%41", "[GET /%41 q= body=]"},
    };
    static struct raw r;
    dial(&r);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char request[200];
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" H "\r\n", rows[i][0]);
        buf_clear(&r.got);
        raw_send(&r, request);
        wait_until(raw_has(&r, "]"));
        if (!raw_has(&r, rows[i][1]))
            fail_msg("%s: %.*s", rows[i][0], (int)r.got.n, r.got.p);
    }
    raw_close(&r);
}

static void http_1_0(void **state)
{
    (void)state;
    static struct raw r;
    dial(&r);
    raw_send(&r, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    wait_until(raw_has(&r, "]"));
    assert_true(raw_has(&r, "Connection: keep-alive\r\n"));
    raw_send(&r, "GET / HTTP/1.0\r\n\r\n");
    wait_until(r.ended);
    assert_int_equal(raw_count(&r, "]"), 2);
    assert_true(raw_has(&r, "Connection: close\r\n"));
    raw_close(&r);
}

static void bodies(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" H
        "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    };
    static struct raw r;
    dial(&r);
    for (int i = 0; i < 2; i++) {
        raw_send(&r, requests[i]);
        wait_until(raw_count(&r, "[POST / q= body=hello]") == i + 1);
    }
    // In pieces of one byte.
    for (int i = 0; i < 2; i++) {
        for (const char *p = requests[i]; *p; p++) {
            raw_send_span(&r, span_of(p, 1));
            turns(2);
        }
        wait_until(raw_count(&r, "[POST / q= body=hello]") == i + 3);
    }
    raw_close(&r);
}

static void expect_continue(void **state)
{
    (void)state;
    static struct raw r;
    dial(&r);
    raw_send(&r, "POST / HTTP/1.1\r\n" H "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    wait_until(raw_has(&r, "HTTP/1.1 100 Continue\r\n\r\n"));
    assert_int_equal(handled, 0);
    raw_send(&r, "ab");
    wait_until(raw_has(&r, "body=ab]"));
    buf_clear(&r.got);
    raw_send(&r, "POST / HTTP/1.1\r\n" H "Content-Length: 2\r\nExpect: 100-continue\r\n\r\nab");
    wait_until(raw_has(&r, "body=ab]"));
    assert_false(raw_has(&r, "100 Continue"));
    raw_close(&r);
}

static void pipelined_and_answered_at_once(void **state)
{
    (void)state;
    static struct raw r;
    dial(&r);
    struct buf many = {0};
    for (int i = 0; i < 1000; i++)
        buf_printf(&many, "POST /%d HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n%d", i, i % 10);
    raw_send_span(&r, buf_span(&many));
    wait_until(raw_count(&r, "HTTP/1.1 200 OK") == 1000);
    const char *at = buf_cstr(&r.got);
    for (int i = 0; i < 1000; i++) {
        char want[50];
        snprintf(want, sizeof(want), "[POST /%d q= body=%d]", i, i % 10);
        at = strstr(at, want);
        assert_non_null(at);
    }
    buf_free(&many);
    raw_close(&r);
}

static void pipelined_and_answered_later(void **state)
{
    (void)state;
    static struct raw r;
    dial(&r);
    raw_send(&r, GET("/hold") GET("/hold2") GET("/3"));
    wait_until(n_held == 1);
    turns(5);
    assert_int_equal(handled, 1);
    http_respond_type(held[0], 200, "text/plain", SPAN("[one]"));
    assert_int_equal(handled, 1); // never from inside http_respond()
    wait_until(n_held == 2);
    wait_until(raw_has(&r, "[one]"));
    assert_false(raw_has(&r, "[GET /3"));
    raw_send(&r, GET("/4"));
    http_respond_type(held[1], 200, "text/plain", SPAN("[two]"));
    wait_until(raw_has(&r, "[GET /4"));
    const char *two = strstr(buf_cstr(&r.got), "[two]");
    assert_non_null(strstr(two, "[GET /3"));
    assert_int_equal(handled, 4);
    raw_close(&r);
}

// While a handler is busy, only a bounded part of what follows is taken from the socket.
static void input_waits_in_the_socket(void **state)
{
    (void)state;
    static struct raw r;
    dial(&r);
    raw_send(&r, GET("/hold"));
    wait_until(n_held == 1);
    raw_send_span(&r, span_of(big, BIG));
    for (int i = 0; i < 200; i++)
        turns(1);
    assert_true(tcp_queued(r.tcp) > 0);
    size_t stuck = tcp_queued(r.tcp);
    turns(200);
    assert_int_equal(tcp_queued(r.tcp), stuck);
    http_respond_type(held[0], 200, "text/plain", SPAN("[one]"));
    wait_until(raw_has(&r, "[one]"));
    wait_until(raw_has(&r, "HTTP/1.1 400 Bad Request")); // what followed was no request
    raw_close(&r);
}

static void refused(const char *request, int status, const char *line)
{
    static struct raw r;
    dial(&r);
    raw_send(&r, request);
    wait_until(r.ended);
    char want[64];
    snprintf(want, sizeof(want), "HTTP/1.1 %d %s\r\n", status, line);
    if (!raw_has(&r, want) || raw_count(&r, "HTTP/1.1") != 1)
        fail_msg("%s: %.*s", request, (int)r.got.n, r.got.p);
    assert_true(raw_has(&r, "Connection: close\r\n"));
    assert_true(raw_has(&r, "Content-Type: application/json\r\n"));
    snprintf(want, sizeof(want), "{\"status\":%d,", status);
    assert_true(raw_has(&r, want));
    raw_close(&r);
}

static int setup_small(void **state)
{
    (void)state;
    begin((struct http_server_options){.max_head = 300,
                                       .max_body = 10,
                                       .max_body_total = 15,
                                       .max_connections = 2,
                                       .error_body = json_error});
    return 0;
}

static void refusals_answer_and_close(void **state)
{
    (void)state;
#define POST "POST / HTTP/1.1\r\n" H
    refused("nonsense\r\n\r\n", 400, "Bad Request");
    refused(POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("/x"), 400,
            "Bad Request");
    refused(POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab" GET("/x"), 400, "Bad Request");
    refused(POST "Transfer-Encoding: chunked\r\n\r\nx\r\n" GET("/x"), 400, "Bad Request");
    refused("GET / HTTP/3.0\r\n" H "\r\n", 505, "HTTP Version Not Supported");
    refused(POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501, "Not Implemented");
    refused(POST "Content-Length: 11\r\n\r\n", 413, "Content Too Large");
    refused(POST "Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n", 413,
            "Content Too Large");
    char head[400];
    memset(head, 'x', sizeof(head));
    memcpy(head, "GET /", 5);
    head[399] = '\0';
    refused(head, 414, "URI Too Long");
    memcpy(head, "GET / HTTP/1.1\r\nX: ", 19);
    refused(head, 431, "Request Header Fields Too Large");
    assert_int_equal(handled, 0);
    // At the limits.
    static struct raw r;
    dial(&r);
    raw_send(&r, POST "Content-Length: 10\r\n\r\n0123456789");
    wait_until(raw_has(&r, "body=0123456789]"));
    raw_send(&r, POST "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n");
    wait_until(raw_count(&r, "body=0123456789]") == 2);
    raw_close(&r);
}

static void bodies_of_all_connections_are_bounded(void **state)
{
    (void)state;
    static struct raw a, b;
    dial(&a);
    raw_send(&a, "POST /hold HTTP/1.1\r\n" H "Content-Length: 10\r\n\r\n0123456789");
    wait_until(n_held == 1);
    refused(POST "Content-Length: 6\r\n\r\n012345", 503, "Service Unavailable");
    dial(&b);
    raw_send(&b, POST "Content-Length: 5\r\n\r\n01234");
    wait_until(raw_has(&b, "body=01234]"));
    http_respond_type(held[0], 200, "text/plain", SPAN("ok"));
    raw_send(&b, POST "Content-Length: 10\r\n\r\n0123456789");
    wait_until(raw_has(&b, "body=0123456789]"));
    raw_close(&a);
    raw_close(&b);
}

static void connections_are_limited(void **state)
{
    (void)state;
    static struct raw r[3];
    for (int i = 0; i < 3; i++) {
        dial(&r[i]);
        raw_send(&r[i], GET("/"));
    }
    wait_until(raw_has(&r[0], "]") && raw_has(&r[1], "]"));
    turns(20);
    assert_int_equal(r[2].got.n, 0);
    raw_close(&r[1]);
    wait_until(raw_has(&r[2], "]"));
    raw_close(&r[0]);
    raw_close(&r[2]);
}

enum { HEAD_MS = 10000, BODY_MS = 30000, IDLE_MS = 60000 };

static int setup_timed(void **state)
{
    (void)state;
    begin((struct http_server_options){.head_ms = HEAD_MS, .body_ms = BODY_MS, .idle_ms = IDLE_MS});
    return 0;
}

static void time_limits(void **state)
{
    (void)state;
    static struct raw silent, head, body, idle;
    dial(&silent);
    dial(&head);
    dial(&body);
    dial(&idle);
    raw_send(&head, "GET / HTTP/1.1\r\n");
    raw_send(&body, "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nab");
    raw_send(&idle, GET("/"));
    wait_until(raw_has(&idle, "]"));
    turns(10);
    advance_ms(HEAD_MS - 2000);
    turns(10);
    assert_int_equal(silent.ended + head.ended + body.ended + idle.ended, 0);
    advance_ms(2000);
    wait_until(silent.ended && head.ended);
    assert_int_equal(silent.got.n, 0);
    assert_true(raw_has(&head, "HTTP/1.1 408 Request Timeout\r\n"));
    advance_ms(BODY_MS - HEAD_MS - 2000);
    turns(10);
    assert_int_equal(body.ended + idle.ended, 0);
    advance_ms(2000);
    wait_until(body.ended);
    assert_true(raw_has(&body, "HTTP/1.1 408 Request Timeout\r\n"));
    advance_ms(IDLE_MS - BODY_MS - 2000);
    turns(10);
    assert_int_equal(idle.ended, 0);
    advance_ms(2000);
    wait_until(idle.ended);
    assert_int_equal(raw_count(&idle, "HTTP/1.1"), 1);
    raw_close(&silent);
    raw_close(&head);
    raw_close(&body);
    raw_close(&idle);
}

// A byte now and then does not push the limit ahead.
static void dripping(const char *start, int64_t limit_ms)
{
    static struct raw r;
    dial(&r);
    raw_send(&r, start);
    turns(10);
    for (int64_t at = 2000; at < limit_ms; at += 1000) {
        advance_ms(1000);
        raw_send(&r, "x");
        turns(10);
        assert_int_equal(r.ended, 0);
    }
    advance_ms(2000);
    wait_until(r.ended);
    assert_true(raw_has(&r, " 408 "));
    raw_close(&r);
}

static void dripping_requests(void **state)
{
    (void)state;
    dripping("GET / HTTP/1.1\r\nX: ", HEAD_MS);
    dripping("POST / HTTP/1.1\r\n" H "Content-Length: 1000\r\n\r\n", BODY_MS);
}

// A refused peer that stays is not waited for.
static void lingering_ends(void **state)
{
    (void)state;
    static struct raw stays, talks;
    dial(&stays);
    dial(&talks);
    raw_send(&stays, "nonsense\r\n\r\n");
    raw_send(&talks, "nonsense\r\n\r\n");
    wait_until(stays.ended && talks.ended);
    struct http_server *s = server;
    assert_int_equal(s->n_streams, 2);
    raw_send_span(&talks, span_of(big, BIG));
    wait_until(s->n_streams == 1);
    advance_ms(3000);
    wait_until(s->n_streams == 0);
    raw_close(&stays);
    raw_close(&talks);
}

static void peer_that_takes_nothing_is_cut(void **state)
{
    (void)state;
    static struct raw r;
    struct http_server *s = server;
    dial(&r);
    tcp_read_stop(r.tcp);
    // Answers that nobody takes stop the next requests.
    raw_send(&r, GET("/big") GET("/big") GET("/big"));
    wait_until(handled == 1);
    turns(200);
    assert_int_equal(handled, 1);
    advance_ms(IDLE_MS - 2000);
    turns(10);
    assert_int_equal(s->n_streams, 1);
    advance_ms(2000);
    wait_until(s->n_streams == 0);
    raw_close(&r);
}

// One that takes a little now and then is no better.
static void peer_that_takes_too_little_is_cut(void **state)
{
    (void)state;
    static struct raw little, enough;
    struct http_server *s = server;
    for (int i = 0; i < 2; i++) {
        struct raw *r = i ? &enough : &little;
        dial(r);
        tcp_read_stop(r->tcp);
        raw_send(r, GET("/big"));
        wait_until(handled == i + 1);
        turns(200);
        // As if that much had been taken: a real read takes what it gets.
        struct conn *c = container_of(s->conns.next, struct conn, link);
        c->queued_seen = stream_queued(c->stream) + (i ? 16 * 1024 : 16 * 1024 - 1);
        advance_ms(IDLE_MS);
        turns(10);
        assert_int_equal(s->n_streams, i);
        raw_close(r);
        wait_until(s->n_streams == 0);
    }
}

static void large_answer_in_order(void **state)
{
    (void)state;
    static struct raw r;
    dial(&r);
    raw_send(&r, GET("/big") GET("/big") GET("/end"));
    wait_until(raw_has(&r, "\r\n\r\n"));
    wait_until(r.got.n > 2 * (size_t)BIG);
    wait_until(memcmp(r.got.p + r.got.n - 19, "[GET /end q= body=]", 19) == 0);
    char *body = memmem(r.got.p, 1000, "\r\n\r\n", 4);
    assert_non_null(body);
    assert_memory_equal(body + 4, big, BIG);
    body = memmem(body + 4 + BIG, 1000, "\r\n\r\n", 4);
    assert_memory_equal(body + 4, big, BIG);
    raw_close(&r);
}

static void peer_gone_before_the_answer(void **state)
{
    (void)state;
    static struct raw r;
    dial(&r);
    raw_send(&r, "POST /hold HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc");
    wait_until(n_held == 1);
    raw_close(&r);
    wait_until(gone == 1);
    // The request stays readable until it is answered.
    assert_true(span_is(http_path(held[0]), "/hold"));
    assert_true(span_is(http_body(held[0]), "abc"));
    assert_ptr_equal(http_data(held[0]), &gone);
    http_respond_type(held[0], 200, "text/plain", SPAN("nowhere"));
    turns(3);
    assert_int_equal(gone, 1);
}

static void half_closed_peer_gets_its_answers(void **state)
{
    (void)state;
    static struct raw r;
    dial(&r);
    raw_send(&r, GET("/hold") GET("/2"));
    tcp_shutdown(r.tcp);
    wait_until(n_held == 1);
    turns(5);
    http_respond_type(held[0], 200, "text/plain", SPAN("[one]"));
    wait_until(r.ended);
    assert_int_equal(r.status, ERR_CLOSED);
    assert_true(raw_has(&r, "[one]"));
    assert_true(raw_has(&r, "[GET /2"));
    raw_close(&r);
    dial(&r);
    raw_send(&r, GET("/hold"));
    wait_until(n_held == 2);
    tcp_shutdown(r.tcp);
    wait_until(gone == 1);
    http_respond_type(held[1], 200, "text/plain", SPAN("[held]"));
    wait_until(r.ended);
    assert_int_equal(r.status, ERR_CLOSED);
    assert_true(raw_has(&r, "[held]"));
    raw_close(&r);
    dial(&r);
    raw_send(&r, "GET / HT");
    tcp_shutdown(r.tcp);
    wait_until(r.ended);
    raw_close(&r);
}

static void cut_without_an_answer(void **state)
{
    (void)state;
    static struct raw r;
    dial(&r);
    raw_send(&r, GET("/1") GET("/cut") GET("/3"));
    wait_until(r.ended);
    assert_false(raw_has(&r, "/3"));
    assert_int_equal(handled, 2);
    raw_close(&r);
    dial(&r);
    raw_send(&r, GET("/hold"));
    wait_until(n_held == 1);
    http_cut(held[0]);
    wait_until(r.ended);
    assert_int_equal(r.got.n, 0);
    assert_int_equal(gone, 0);
    raw_close(&r);
}

static void drain_finishes_what_is_begun(void **state)
{
    (void)state;
    static struct raw idle, busy, half;
    dial(&idle);
    dial(&busy);
    dial(&half);
    raw_send(&idle, GET("/"));
    raw_send(&busy, GET("/hold") GET("/2"));
    raw_send(&half, "GET /half HTTP/1.1\r\n");
    wait_until(raw_has(&idle, "]") && n_held == 1);
    turns(3);
    http_server_drain(server);
    wait_until(idle.ended);
    assert_int_equal(busy.ended, 0);
    raw_send(&half, H "\r\n");
    wait_until(half.ended);
    assert_true(raw_has(&half, "Connection: close\r\n") && raw_has(&half, "[GET /half"));
    http_respond_type(held[0], 200, "text/plain", SPAN("[one]"));
    wait_until(busy.ended);
    assert_true(raw_has(&busy, "Connection: close\r\n"));
    assert_true(raw_has(&busy, "[one]"));
    assert_false(raw_has(&busy, "/2"));
    close_server(1000);
    advance_ms(1000); // the peers have not closed
    wait_until(closed);
    raw_close(&idle);
    raw_close(&busy);
    raw_close(&half);
}

static void drain_from_inside_a_handler(void **state)
{
    (void)state;
    static struct raw r;
    dial(&r);
    raw_send(&r, GET("/drain"));
    wait_until(r.ended);
    assert_true(raw_has(&r, "[GET /drain"));
    raw_close(&r);
    static struct raw pipelined;
    end_server(state);
    setup(state);
    dial(&pipelined);
    raw_send(&pipelined, GET("/1") GET("/drain") GET("/3") GET("/4"));
    wait_until(pipelined.ended);
    assert_true(raw_has(&pipelined, "[GET /3"));
    assert_int_equal(raw_count(&pipelined, "Connection: close"), 1);
    assert_false(raw_has(&pipelined, "[GET /4"));
    raw_close(&pipelined);
}

static void close_waits_for_held_exchanges(void **state)
{
    (void)state;
    static struct raw r;
    dial(&r);
    raw_send(&r, GET("/hold"));
    wait_until(n_held == 1);
    close_server(1000);
    turns(5);
    assert_int_equal(closed + r.ended, 0);
    advance_ms(1000);
    wait_until(r.ended); // the grace is over
    turns(5);
    assert_int_equal(gone, 1);
    assert_int_equal(closed, 0);
    http_respond_type(held[0], 200, "text/plain", SPAN("late"));
    assert_int_equal(closed, 0);
    wait_until(closed);
    raw_close(&r);
}

static void wrong_options(void **state)
{
    (void)state;
    struct http_server *s;
    struct err e = {0};
    struct http_server_options o = {
        .host = SPAN("127.0.0.1"), .port = http_server_port(server), .handler = handler};
    assert_int_equal(http_server_new(loop, &o, &s, &e), ERR_EXISTS);
    assert_non_null(strstr(e.msg, "127.0.0.1"));
    o.port = 0;
    o.tls_cert = "/nonexistent";
    assert_int_equal(http_server_new(loop, &o, &s, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "both"));
    o.tls_key = "/nonexistent";
    assert_int_equal(http_server_new(loop, &o, &s, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "/nonexistent"));
}

int main(void)
{
    big = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)(i * 31 >> 7);
#define T(f) cmocka_unit_test_setup_teardown(f, setup, end_server)
    const struct CMUnitTest tests[] = {
        T(keep_alive_and_heads),
        T(date_goes_on),
        T(targets),
        T(http_1_0),
        T(bodies),
        T(expect_continue),
        T(pipelined_and_answered_at_once),
        T(pipelined_and_answered_later),
        T(input_waits_in_the_socket),
        cmocka_unit_test_setup_teardown(refusals_answer_and_close, setup_small, end_server),
        cmocka_unit_test_setup_teardown(bodies_of_all_connections_are_bounded, setup_small,
                                        end_server),
        cmocka_unit_test_setup_teardown(connections_are_limited, setup_small, end_server),
        cmocka_unit_test_setup_teardown(time_limits, setup_timed, end_server),
        cmocka_unit_test_setup_teardown(dripping_requests, setup_timed, end_server),
        cmocka_unit_test_setup_teardown(lingering_ends, setup_timed, end_server),
        cmocka_unit_test_setup_teardown(peer_that_takes_nothing_is_cut, setup_timed, end_server),
        cmocka_unit_test_setup_teardown(peer_that_takes_too_little_is_cut, setup_timed, end_server),
        T(large_answer_in_order),
        T(peer_gone_before_the_answer),
        T(half_closed_peer_gets_its_answers),
        T(cut_without_an_answer),
        T(drain_finishes_what_is_begun),
        T(drain_from_inside_a_handler),
        T(close_waits_for_held_exchanges),
        T(wrong_options),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    free(big);
    return rc;
}
