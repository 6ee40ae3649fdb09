// SPDX-License-Identifier: Apache-2.0

// HTTP/2 calls of our client against our server, over real sockets.

#include "net_call.h"

#include "net/http_client_internal.h"
#include "net/http_server_internal.h"

enum { BIG = 8 * 1024 * 1024, CALLS = 200, PIECE = 32 * 1024, HELD = 220 };

static struct http_client *client;
static struct http_server *server;
static int closed, handled, gone, drained;
static struct http_exchange *held[HELD];
static int n_held;
static char *big;

static void on_gone(struct http_exchange *x)
{
    (void)x;
    gone++;
}

static void on_drain(struct http_exchange *x)
{
    (void)x;
    drained++;
}

static void describe(struct http_exchange *x)
{
    http_respond_type(x, 200, "text/plain",
                      arena_printf(http_arena(x), "%.*s %.*s?%.*s host=%.*s x=%.*s n=%zu",
                                   SPAN_ARG(http_method(x)), SPAN_ARG(http_path(x)),
                                   SPAN_ARG(http_query(x)),
                                   SPAN_ARG(http_request_header(x, "host")),
                                   SPAN_ARG(http_request_header(x, "X-Test")), http_body(x).n));
}

static void handler(void *ctx, struct http_exchange *x)
{
    (void)ctx;
    handled++;
    assert_int_equal(http_version_of(x), HTTP_2);
    assert_null(http_data(x));
    struct span path = http_path(x);
    if (span_has_prefix(path, SPAN("/hold"))) {
        assert_true(n_held < HELD);
        http_on_gone(x, on_gone);
        http_on_drain(x, on_drain);
        held[n_held++] = x;
    } else if (span_is(path, "/big")) {
        http_respond_type(x, 200, "application/octet-stream", span_of(big, BIG));
    } else if (span_is(path, "/what")) {
        describe(x);
    } else if (span_is(path, "/204")) {
        http_respond(x, 204, (struct http_headers){0}, SPAN("dropped"));
    } else if (span_is(path, "/headers")) {
        const struct http_header h[] = {{SPAN("X-Good"), SPAN("yes")},
                                        {SPAN("Connection"), SPAN("close")},
                                        {SPAN("X-Bad"), SPAN("a\r\nX-Evil: 1")}};
        http_respond(x, 418, (struct http_headers){h, 3}, SPAN("tea"));
    } else if (span_is(path, "/pieces")) {
        http_respond_start(x, 200, (struct http_headers){0});
        assert_int_equal(http_respond_write(x, SPAN("one")), 0);
        assert_int_equal(http_respond_write(x, SPAN("")), 0);
        assert_int_equal(http_respond_write(x, SPAN("and two")), 0);
        http_respond_end(x);
    } else if (span_is(path, "/reset")) {
        http_reset(x);
    } else if (span_is(path, "/cut")) {
        http_cut(x);
    } else {
        http_respond_type(x, 200, "text/plain", http_body(x));
    }
}

static void setup_with(struct http_client_options co, struct http_server_options so)
{
    begin_loop();
    closed = handled = gone = drained = n_held = 0;
    memset(held, 0, sizeof(held));
    so.host = SPAN("127.0.0.1");
    so.handler = handler;
    struct err e = {0};
    assert_int_equal(http_server_new(loop, &so, &server, &e), 0);
    assert_int_equal(http_client_new(loop, &co, &client, &e), 0);
}

static int setup(void **state)
{
    (void)state;
    setup_with((struct http_client_options){0}, (struct http_server_options){0});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    int expected = 0;
    if (client)
        http_client_close(client, set_flag, (expected++, &closed));
    if (server)
        http_server_close(server, 0, set_flag, (expected++, &closed));
    for (int i = 0; i < n_held; i++) {
        if (held[i])
            http_reset(held[i]);
    }
    wait_until(closed == expected);
    end_loop();
    return 0;
}

static void start(struct reply *r, const char *method, const char *target,
                  struct http_call_options o)
{
    struct url u = {.host = SPAN("127.0.0.1"), .port = http_server_port(server)};
    o.version = HTTP_2;
    o.method = span_str(method);
    reply_start(r, client, &u, target, o);
}

static void finish(struct reply *r)
{
    wait_until(r->done);
    assert_int_equal(r->done, 1);
    assert_true(r->heads == 0 || r->date == 29);
}

static void good(struct reply *r, int status, struct span body)
{
    finish(r);
    if (r->code != 0)
        fail_msg("%s", r->err.msg);
    assert_int_equal(r->status, status);
    assert_int_equal(r->heads, 1);
    assert_int_equal(r->body.n, body.n);
    if (body.n)
        assert_memory_equal(r->body.p, body.p, body.n);
    buf_free(&r->body);
}

static void good_text(struct reply *r, int status, const char *body)
{
    good(r, status, span_str(body));
}

static size_t streams_of_server(void)
{
    return server->n_streams;
}

static struct client_h2 *first_conn(void)
{
    assert_false(list_empty(&client->h2_conns));
    return container_of(client->h2_conns.next, struct client_h2, link);
}

static void one_call(void **state)
{
    (void)state;
    static struct reply r;
    const struct http_header h[] = {{SPAN("X-Test"), SPAN("yes")},
                                    {SPAN("Connection"), SPAN("keep-alive")}};
    start(&r, "GET", "/what?a=b", (struct http_call_options){.headers = {h, 2}});
    char want[100];
    snprintf(want, sizeof(want), "GET /what?a=b host=127.0.0.1:%u x=yes n=0",
             http_server_port(server));
    good_text(&r, 200, want);
    assert_int_equal(r.content_length, strlen(want));
    start(&r, "POST", "/what", (struct http_call_options){.body = SPAN("hello")});
    snprintf(want, sizeof(want), "POST /what? host=127.0.0.1:%u x= n=5", http_server_port(server));
    good_text(&r, 200, want);
    start(&r, "POST", "/echo", (struct http_call_options){0});
    good_text(&r, 200, "");
    start(&r, "HEAD", "/echo", (struct http_call_options){0});
    good_text(&r, 200, "");
    start(&r, "GET", "/204", (struct http_call_options){0});
    good_text(&r, 204, "");
    start(&r, "GET", "/headers", (struct http_call_options){0});
    good_text(&r, 418, "tea");
    start(&r, "GET", "/pieces", (struct http_call_options){0});
    good_text(&r, 200, "oneand two");
    assert_int_equal(r.content_length, -1);
    start(&r, "HEAD", "/pieces", (struct http_call_options){0});
    good_text(&r, 200, "");
    assert_int_equal(streams_of_server(), 1);
}

static void large_both_ways(void **state)
{
    (void)state;
    static struct reply r[2];
    start(&r[0], "POST", "/echo", (struct http_call_options){.body = span_of(big, BIG)});
    start(&r[1], "GET", "/big", (struct http_call_options){.window = 1024 * 1024});
    good(&r[0], 200, span_of(big, BIG));
    good(&r[1], 200, span_of(big, BIG));
}

static void many_share_a_connection(void **state)
{
    (void)state;
    static struct reply r[CALLS];
    for (int i = 0; i < CALLS; i++)
        start(&r[i], "POST", "/echo",
              (struct http_call_options){.body = span_of(big, (size_t)i * 100)});
    for (int i = 0; i < CALLS; i++)
        good(&r[i], 200, span_of(big, (size_t)i * 100));
    // The first connection was asked for 100 before it was there.
    assert_int_equal(streams_of_server(), 2);
    for (int i = 0; i < CALLS; i++)
        start(&r[i], "POST", "/echo", (struct http_call_options){.body = SPAN("x")});
    for (int i = 0; i < CALLS; i++)
        good_text(&r[i], 200, "x");
    assert_int_equal(streams_of_server(), 2);
}

static int setup_two_streams(void **state)
{
    (void)state;
    setup_with((struct http_client_options){.max_per_origin = 2},
               (struct http_server_options){.max_streams = 2});
    return 0;
}

// Two streams a connection, two connections: the fifth call waits.
static void more_connections_when_streams_run_out(void **state)
{
    (void)state;
    static struct reply r[5];
    start(&r[0], "GET", "/echo", (struct http_call_options){0});
    good_text(&r[0], 200, "");
    for (int i = 0; i < 5; i++)
        start(&r[i], "GET", "/hold", (struct http_call_options){0});
    wait_until(n_held == 4);
    turns(20);
    assert_int_equal(n_held, 4);
    assert_int_equal(streams_of_server(), 2);
    http_respond_type(held[1], 200, "text/plain", SPAN("done"));
    held[1] = NULL;
    wait_until(n_held == 5);
    for (int i = 0; i < 5; i++) {
        if (held[i])
            http_respond_type(held[i], 200, "text/plain", SPAN("done"));
        held[i] = NULL;
    }
    for (int i = 0; i < 5; i++)
        good_text(&r[i], 200, "done");
}

// Calls that were started before the peer's SETTINGS: what it refuses comes again.
static void refused_streams_are_repeated(void **state)
{
    (void)state;
    static struct reply r[4];
    for (int i = 0; i < 4; i++)
        start(&r[i], "POST", "/echo", (struct http_call_options){.body = SPAN("x")});
    for (int i = 0; i < 4; i++)
        good_text(&r[i], 200, "x");
}

static void fill(struct http_exchange *x, size_t n)
{
    for (size_t i = 0; i < n; i += PIECE)
        assert_int_equal(http_respond_write(x, span_of(big, PIECE)), 0);
}

// One call that is paused holds its window and stops nobody else.
static void paused_call_stops_only_itself(void **state)
{
    (void)state;
    static struct reply slow = {.pause_on_body = true}, quick;
    start(&slow, "GET", "/hold",
          (struct http_call_options){
              .window = 128 * 1024, .total_ms = 60000, .first_byte_ms = 60000});
    wait_until(n_held == 1);
    http_respond_start(held[0], 200, (struct http_headers){0});
    fill(held[0], 2 * 1024 * 1024);
    wait_until(slow.bytes > 0);
    size_t had = slow.bytes;
    for (int i = 0; i < 20; i++) {
        start(&quick, "GET", "/big", (struct http_call_options){0});
        good(&quick, 200, span_of(big, BIG));
    }
    struct client_call *cc = slow.call.internal;
    assert_int_equal(slow.bytes, had);
    assert_true(cc->h2.tail.n > 0);
    assert_true(cc->h2.tail.n + had <= 128 * 1024);
    assert_true(http_respond_queued(held[0]) >= 2 * 1024 * 1024 - 128 * 1024);
    advance_ms(100000);
    turns(5);
    assert_int_equal(slow.done, 0); // the limits stand still
    slow.pause_on_body = false;
    http_call_resume(&slow.call);
    wait_until(drained == 1);
    assert_true(http_respond_queued(held[0]) <= TCP_LOW_MARK);
    http_respond_end(held[0]);
    held[0] = NULL;
    finish(&slow);
    assert_int_equal(slow.code, 0);
    assert_int_equal(slow.bytes, 2 * 1024 * 1024);
    buf_free(&slow.body);
}

static void paused_at_the_head_and_at_the_end(void **state)
{
    (void)state;
    static struct reply r = {.pause_on_head = true};
    start(&r, "POST", "/echo", (struct http_call_options){.body = SPAN("hello")});
    wait_until(r.heads == 1);
    turns(20);
    assert_int_equal(r.bytes, 0);
    // All of it has come: the connection may go.
    client_h2_close(first_conn());
    turns(5);
    r.pause_on_body = true;
    http_call_resume(&r.call);
    wait_until(r.bytes == 5);
    turns(5);
    assert_int_equal(r.done, 0);
    http_call_resume(&r.call);
    good_text(&r, 200, "hello");
    // Paused before anything came.
    r.pause_on_head = r.pause_on_body = false;
    start(&r, "POST", "/echo", (struct http_call_options){.body = SPAN("hello")});
    http_call_pause(&r.call);
    wait_until(handled == 2);
    turns(20);
    assert_int_equal(r.heads, 0);
    http_call_resume(&r.call);
    good_text(&r, 200, "hello");
}

static void cancel_at_any_time(void **state)
{
    (void)state;
    static struct reply r, other;
    start(&other, "GET", "/hold", (struct http_call_options){0});
    wait_until(n_held == 1);
    // Before anything is sent.
    start(&r, "POST", "/echo", (struct http_call_options){.body = SPAN("hello")});
    http_call_cancel(&r.call);
    finish(&r);
    assert_int_equal(r.code, ERR_CANCELED);
    // While the peer works on it.
    start(&r, "GET", "/hold", (struct http_call_options){0});
    wait_until(n_held == 2);
    http_call_cancel(&r.call);
    finish(&r);
    assert_int_equal(r.code, ERR_CANCELED);
    wait_until(gone == 1);
    assert_int_equal(
        http_respond_write((http_respond_start(held[1], 200, (struct http_headers){0}), held[1]),
                           SPAN("x")),
        ERR_CLOSED);
    http_respond_end(held[1]);
    held[1] = NULL;
    // In the middle of the body.
    r.cancel_on_body = true;
    start(&r, "GET", "/big", (struct http_call_options){0});
    finish(&r);
    assert_int_equal(r.code, ERR_CANCELED);
    buf_free(&r.body);
    r.cancel_on_body = false;
    // While a large request is on its way.
    start(&r, "POST", "/echo", (struct http_call_options){.body = span_of(big, BIG)});
    turns(2);
    http_call_cancel(&r.call);
    finish(&r);
    assert_int_equal(r.code, ERR_CANCELED);
    // The connection went on all the time.
    http_respond_type(held[0], 200, "text/plain", SPAN("still"));
    held[0] = NULL;
    good_text(&other, 200, "still");
    assert_int_equal(streams_of_server(), 1);
}

static void cancel_while_connecting(void **state)
{
    (void)state;
    static struct reply r[2];
    start(&r[0], "GET", "/echo", (struct http_call_options){0});
    start(&r[1], "GET", "/echo", (struct http_call_options){0});
    http_call_cancel(&r[0].call);
    good_text(&r[1], 200, "");
    finish(&r[0]);
    assert_int_equal(r[0].code, ERR_CANCELED);
    client_h2_close(first_conn());
    start(&r[0], "GET", "/echo", (struct http_call_options){0});
    http_call_cancel(&r[0].call);
    finish(&r[0]);
    wait_until(list_empty(&client->h2_conns));
}

static void resets_and_cuts(void **state)
{
    (void)state;
    static struct reply r, other;
    start(&other, "GET", "/hold", (struct http_call_options){0});
    wait_until(n_held == 1);
    start(&r, "GET", "/reset", (struct http_call_options){0});
    finish(&r);
    assert_int_equal(r.code, ERR_CLOSED);
    assert_non_null(strstr(r.err.msg, "INTERNAL_ERROR"));
    assert_int_equal(other.done, 0);
    // A stream that is cut in the middle.
    start(&r, "GET", "/hold", (struct http_call_options){0});
    wait_until(n_held == 2);
    http_respond_start(held[1], 200, (struct http_headers){0});
    fill(held[1], PIECE);
    wait_until(r.bytes == PIECE);
    http_reset(held[1]);
    held[1] = NULL;
    finish(&r);
    assert_int_equal(r.code, ERR_CLOSED);
    assert_non_null(strstr(r.err.msg, "before the response was complete"));
    buf_free(&r.body);
    // The whole connection.
    start(&r, "GET", "/cut", (struct http_call_options){0});
    finish(&r);
    finish(&other);
    assert_int_equal(r.code, ERR_CLOSED);
    assert_int_equal(other.code, ERR_CLOSED);
    assert_int_equal(gone, 1);
    http_respond_type(held[0], 200, "text/plain", SPAN("nowhere"));
    held[0] = NULL;
    start(&r, "GET", "/echo", (struct http_call_options){0});
    good_text(&r, 200, "");
}

static void cut_leaves_what_was_said(void **state)
{
    (void)state;
    static struct reply r;
    start(&r, "GET", "/hold", (struct http_call_options){0});
    wait_until(n_held == 1);
    http_respond_start(held[0], 200, (struct http_headers){0});
    fill(held[0], PIECE);
    http_cut(held[0]);
    held[0] = NULL;
    finish(&r);
    assert_int_equal(r.code, ERR_CLOSED);
    assert_int_equal(r.bytes, PIECE);
    buf_free(&r.body);
}

// Calls under way finish where they are; later ones take another connection.
static void goaway_moves_calls(void **state)
{
    (void)state;
    static struct reply r[3];
    start(&r[0], "GET", "/hold", (struct http_call_options){0});
    wait_until(n_held == 1);
    http_goaway(held[0]);
    // This one meets the GOAWAY on its way.
    start(&r[1], "POST", "/echo", (struct http_call_options){.body = SPAN("again")});
    good_text(&r[1], 200, "again");
    start(&r[2], "GET", "/echo", (struct http_call_options){0});
    good_text(&r[2], 200, "");
    assert_int_equal(streams_of_server(), 2);
    assert_int_equal(handled, 3);
    http_respond_type(held[0], 200, "text/plain", SPAN("late"));
    held[0] = NULL;
    good_text(&r[0], 200, "late");
    wait_until(streams_of_server() == 1);
}

static void drain_is_graceful(void **state)
{
    (void)state;
    static struct reply r[3];
    start(&r[0], "GET", "/hold", (struct http_call_options){0});
    wait_until(n_held == 1);
    http_server_drain(server);
    // Under way when the server begins to drain: still taken.
    start(&r[1], "POST", "/echo", (struct http_call_options){.body = SPAN("taken")});
    good_text(&r[1], 200, "taken");
    wait_until(first_conn()->going);
    start(&r[2], "GET", "/echo", (struct http_call_options){0});
    finish(&r[2]);
    assert_int_equal(r[2].code, ERR_CONNECT);
    http_respond_type(held[0], 200, "text/plain", SPAN("late"));
    held[0] = NULL;
    good_text(&r[0], 200, "late");
    wait_until(streams_of_server() == 0);
}

static void drain_of_an_idle_connection(void **state)
{
    (void)state;
    static struct reply r;
    start(&r, "GET", "/echo", (struct http_call_options){0});
    good_text(&r, 200, "");
    http_server_drain(server);
    wait_until(streams_of_server() == 0);
    wait_until(list_empty(&client->h2_conns));
}

static void close_cuts_after_the_grace(void **state)
{
    (void)state;
    static struct reply r;
    start(&r, "GET", "/hold", (struct http_call_options){0});
    wait_until(n_held == 1);
    http_respond_start(held[0], 200, (struct http_headers){0});
    http_server_close(server, 1000, set_flag, &closed);
    server = NULL;
    turns(5);
    fill(held[0], PIECE);
    wait_until(r.bytes == PIECE);
    assert_int_equal(gone, 0);
    advance_ms(1000);
    wait_until(gone == 1);
    finish(&r);
    assert_int_equal(r.code, ERR_CLOSED);
    buf_free(&r.body);
    assert_int_equal(closed, 0);
    http_respond_end(held[0]);
    held[0] = NULL;
    wait_until(closed == 1);
    closed = 0;
}

static void client_closes_in_the_middle(void **state)
{
    (void)state;
    static struct reply r[3];
    for (int i = 0; i < 2; i++)
        start(&r[i], "GET", "/hold", (struct http_call_options){0});
    wait_until(n_held == 2);
    start(&r[2], "GET", "/echo", (struct http_call_options){0});
    int done = 0;
    http_client_close(client, set_flag, &done);
    client = NULL;
    wait_until(done);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(r[i].done, 1);
        assert_int_equal(r[i].code, ERR_CANCELED);
    }
    wait_until(gone == 2);
}

static void limits_of_a_response(void **state)
{
    (void)state;
    static struct reply r;
    start(&r, "POST", "/echo", (struct http_call_options){.body = SPAN("12345"), .max_body = 5});
    good_text(&r, 200, "12345");
    start(&r, "POST", "/echo", (struct http_call_options){.body = SPAN("123456"), .max_body = 5});
    finish(&r);
    assert_int_equal(r.code, ERR_LIMIT);
    start(&r, "GET", "/pieces", (struct http_call_options){.max_body = 10});
    good_text(&r, 200, "oneand two");
    start(&r, "GET", "/pieces", (struct http_call_options){.max_body = 9});
    finish(&r);
    assert_int_equal(r.code, ERR_LIMIT);
    buf_free(&r.body);
}

static void time_limits(void **state)
{
    (void)state;
    static struct reply first, total, idle, none;
    start(&first, "GET", "/hold", (struct http_call_options){.first_byte_ms = 5000});
    start(&total, "GET", "/hold", (struct http_call_options){.total_ms = 8000});
    start(&idle, "GET", "/hold/idle",
          (struct http_call_options){.idle_ms = 3000, .total_ms = HTTP_NO_LIMIT});
    start(&none, "GET", "/hold/none",
          (struct http_call_options){.total_ms = HTTP_NO_LIMIT, .first_byte_ms = 3600000});
    wait_until(n_held == 4);
    struct http_exchange *x[2] = {0};
    for (int i = 0; i < 4; i++) {
        if (span_is(http_path(held[i]), "/hold/idle"))
            x[0] = held[i];
        if (span_is(http_path(held[i]), "/hold/none"))
            x[1] = held[i];
    }
    http_respond_start(x[0], 200, (struct http_headers){0});
    // Each piece starts the silence anew.
    for (int i = 0; i < 4; i++) {
        fill(x[0], PIECE);
        wait_until(idle.bytes == (size_t)(i + 1) * PIECE);
        advance_ms(2000);
        turns(5);
    }
    finish(&first);
    finish(&total);
    assert_int_equal(first.code, ERR_TIMEOUT);
    assert_int_equal(total.code, ERR_TIMEOUT);
    assert_int_equal(idle.done, 0);
    // Not while it is paused.
    http_call_pause(&idle.call);
    advance_ms(10000);
    turns(5);
    assert_int_equal(idle.done, 0);
    http_call_resume(&idle.call);
    turns(2);
    advance_ms(3000);
    finish(&idle);
    assert_int_equal(idle.code, ERR_TIMEOUT);
    assert_non_null(strstr(idle.err.msg, "silent for 3000 ms"));
    buf_free(&idle.body);
    turns(20);
    for (int i = 0; i < 5; i++) {
        advance_ms(20000);
        turns(20); // the PINGs are answered
    }
    assert_int_equal(none.done, 0);
    http_respond_type(x[1], 200, "text/plain", SPAN("at last"));
    for (int i = 0; i < 4; i++)
        held[i] = held[i] == x[1] ? NULL : held[i];
    good_text(&none, 200, "at last");
}

static void idle_connections_close(void **state)
{
    (void)state;
    static struct reply r;
    start(&r, "GET", "/echo", (struct http_call_options){0});
    good_text(&r, 200, "");
    turns(5);
    advance_ms(19000);
    turns(5);
    assert_false(list_empty(&client->h2_conns));
    advance_ms(2000);
    wait_until(list_empty(&client->h2_conns));
    // The server's side, too, when the client does not.
    start(&r, "GET", "/hold", (struct http_call_options){.total_ms = HTTP_NO_LIMIT});
    wait_until(n_held == 1);
    timer_stop(&first_conn()->watch);
    http_respond_type(held[0], 200, "text/plain", SPAN("x"));
    held[0] = NULL;
    good_text(&r, 200, "x");
    turns(5);
    timer_stop(&first_conn()->watch);
    advance_ms(59000);
    turns(5);
    assert_int_equal(streams_of_server(), 1);
    advance_ms(2000);
    wait_until(streams_of_server() == 0);
}

// Old connections get no new calls and close when the last of theirs has ended.
static void old_connections_are_left(void **state)
{
    (void)state;
    static struct reply a, b;
    start(&a, "GET", "/hold",
          (struct http_call_options){.total_ms = HTTP_NO_LIMIT, .first_byte_ms = 3600000});
    wait_until(n_held == 1);
    for (int i = 0; i < 31; i++) {
        advance_ms(10000);
        turns(20);
    }
    start(&b, "GET", "/echo", (struct http_call_options){0});
    good_text(&b, 200, "");
    assert_int_equal(streams_of_server(), 2);
    http_respond_type(held[0], 200, "text/plain", SPAN("x"));
    held[0] = NULL;
    good_text(&a, 200, "x");
    wait_until(streams_of_server() == 1);
}

static int setup_small(void **state)
{
    (void)state;
    setup_with((struct http_client_options){0},
               (struct http_server_options){
                   .max_head = 1000, .max_body = 10, .max_body_total = 1200, .body_ms = 5000});
    return 0;
}

static void refused(const char *method, const char *target, struct http_call_options o, int status)
{
    static struct reply r;
    start(&r, method, target, o);
    finish(&r);
    if (r.code != 0)
        fail_msg("%d: %s", status, r.err.msg);
    assert_int_equal(r.status, status);
    buf_free(&r.body);
}

static void limits_of_a_request(void **state)
{
    (void)state;
    static char value[1200];
    memset(value, 'v', sizeof(value));
    refused("POST", "/echo", (struct http_call_options){.body = SPAN("12345678901")}, 413);
    refused("POST", "/echo", (struct http_call_options){.body = SPAN("1234567890")}, 200);
    // :method 42, :scheme 43, :path 42, :authority with its port, x 33 and the value
    // (section 6.5.2).
    char authority[32];
    snprintf(authority, sizeof(authority), "127.0.0.1:%u", http_server_port(server));
    size_t left = 1000 - (7 + 3 + 32) - (7 + 4 + 32) - (5 + 5 + 32) -
                  (10 + strlen(authority) + 32) - (1 + 32);
    struct http_header h = {SPAN("x"), span_of(value, left)};
    refused("GET", "/echo", (struct http_call_options){.headers = {&h, 1}}, 200);
    h.value.n++;
    refused("GET", "/echo", (struct http_call_options){.headers = {&h, 1}}, 431);
    // Heads count against what all requests together may hold.
    static struct reply r;
    h.value.n--;
    start(&r, "GET", "/hold", (struct http_call_options){.headers = {&h, 1}});
    wait_until(n_held == 1);
    h.value.n = 100;
    refused("GET", "/echo", (struct http_call_options){.headers = {&h, 1}}, 503);
    http_respond_type(held[0], 200, "text/plain", SPAN(""));
    held[0] = NULL;
    good_text(&r, 200, "");
    assert_int_equal(server->body_bytes, 0);
    refused("GET", "/echo", (struct http_call_options){.headers = {&h, 1}}, 200);
    assert_int_equal(streams_of_server(), 1);
}

int main(void)
{
    big = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)(i * 31 >> 7);
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(one_call),
        T(large_both_ways),
        T(many_share_a_connection),
        cmocka_unit_test_setup_teardown(more_connections_when_streams_run_out, setup_two_streams,
                                        teardown),
        cmocka_unit_test_setup_teardown(refused_streams_are_repeated, setup_two_streams, teardown),
        T(paused_call_stops_only_itself),
        T(paused_at_the_head_and_at_the_end),
        T(cancel_at_any_time),
        T(cancel_while_connecting),
        T(resets_and_cuts),
        T(cut_leaves_what_was_said),
        T(goaway_moves_calls),
        T(drain_is_graceful),
        T(drain_of_an_idle_connection),
        T(close_cuts_after_the_grace),
        T(client_closes_in_the_middle),
        T(limits_of_a_response),
        T(time_limits),
        T(idle_connections_close),
        T(old_connections_are_left),
        cmocka_unit_test_setup_teardown(limits_of_a_request, setup_small, teardown),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    free(big);
    return rc;
}
