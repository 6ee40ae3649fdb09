// SPDX-License-Identifier: Apache-2.0

// Answers that a handler gives piece by piece, over HTTP/1.1.

#include "net_server.h"

#include "net/http_server_internal.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

enum { IDLE_MS = 60000, PIECE = 32 * 1024 };

static int handled, gone, drained;
static struct http_exchange *held;
static char piece[PIECE];
static const struct http_header header = {SPAN("Content-Type"), SPAN("text/plain")};

static void on_gone(struct http_exchange *x)
{
    assert_ptr_equal(x, held);
    gone++;
}

static void on_drain(struct http_exchange *x)
{
    assert_ptr_equal(x, held);
    drained++;
}

static void say(struct http_exchange *x, const char *text)
{
    assert_int_equal(http_respond_write(x, span_str(text)), 0);
}

static void handler(void *ctx, struct http_exchange *x)
{
    (void)ctx;
    handled++;
    assert_int_equal(http_version_of(x), HTTP_1_1);
    if (span_is(http_path(x), "/plain")) {
        http_respond_type(x, 200, "text/plain", SPAN("[plain]"));
        return;
    }
    http_goaway(x); // does nothing here
    http_respond_start(x, span_is(http_path(x), "/204") ? 204 : 200,
                       (struct http_headers){&header, 1});
    if (span_is(http_path(x), "/hold")) {
        held = x;
        http_on_gone(x, on_gone);
        http_on_drain(x, on_drain);
        return;
    }
    say(x, "one");
    say(x, "");
    say(x, "and two");
    if (span_is(http_path(x), "/cut"))
        http_cut(x);
    else
        http_respond_end(x);
}

static int setup(void **state)
{
    (void)state;
    handled = gone = drained = 0;
    held = NULL;
    begin_server((struct http_server_options){.handler = handler, .idle_ms = IDLE_MS});
    return 0;
}

static void hold(struct raw *r)
{
    raw_connect(r, http_server_port(server));
    raw_send(r, GET("/hold"));
    wait_until(held);
}

#define BODY "3\r\none\r\n7\r\nand two\r\n0\r\n\r\n"

static void chunks_in_one_connection(void **state)
{
    (void)state;
    static struct raw r;
    raw_connect(&r, http_server_port(server));
    raw_send(&r, GET("/") GET("/plain") GET("/"));
    wait_until(raw_count(&r, BODY) == 2);
    assert_true(raw_has(&r, "\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n"
                            "3\r\none\r\n"));
    assert_int_equal(raw_count(&r, "Content-Length"), 1); // of the plain one
    assert_int_equal(raw_count(&r, "[plain]"), 1);
    raw_close(&r);
}

static void answers_without_a_body(void **state)
{
    (void)state;
    static struct raw r;
    raw_connect(&r, http_server_port(server));
    raw_send(&r, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n" GET("/204") GET("/plain"));
    wait_until(raw_has(&r, "[plain]"));
    assert_int_equal(raw_count(&r, "Transfer-Encoding: chunked\r\n"), 1);
    assert_true(raw_has(&r, "HTTP/1.1 204 No Content\r\n"));
    assert_false(raw_has(&r, "one"));
    assert_false(raw_has(&r, "0\r\n\r\n"));
    raw_close(&r);
}

static void until_close_for_http_1_0(void **state)
{
    (void)state;
    static struct raw r;
    raw_connect(&r, http_server_port(server));
    raw_send(&r, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    wait_until(r.ended);
    assert_int_equal(r.status, ERR_CLOSED);
    assert_true(raw_has(&r, "Connection: close\r\n"));
    assert_true(raw_has(&r, "\r\n\r\noneand two"));
    assert_false(raw_has(&r, "chunked"));
    raw_close(&r);
}

static void pieces_leave_as_they_come(void **state)
{
    (void)state;
    static struct raw r;
    hold(&r);
    wait_until(raw_has(&r, "\r\n\r\n"));
    say(held, "first");
    wait_until(raw_has(&r, "5\r\nfirst\r\n"));
    // A silent answer stays, however long.
    for (int i = 0; i < 5; i++) {
        advance_ms(IDLE_MS);
        turns(5);
    }
    say(held, "second");
    wait_until(raw_has(&r, "6\r\nsecond\r\n"));
    raw_send(&r, GET("/plain"));
    turns(5);
    assert_int_equal(handled, 1);
    http_respond_end(held);
    wait_until(raw_has(&r, "0\r\n\r\nHTTP/1.1 200 OK"));
    wait_until(raw_has(&r, "[plain]"));
    assert_int_equal(gone, 0);
    raw_close(&r);
}

static void peer_goes_away(void **state)
{
    (void)state;
    static struct raw r;
    hold(&r);
    raw_close(&r);
    wait_until(gone);
    wait_until(http_respond_write(held, SPAN("x")) == ERR_CLOSED);
    assert_int_equal(http_respond_queued(held), 0);
    http_respond_end(held);
    turns(3);
    assert_int_equal(gone, 1);
}

static void fill(void)
{
    while (http_respond_queued(held) < TCP_HIGH_MARK)
        assert_int_equal(http_respond_write(held, span_of(piece, PIECE)), 0);
}

static void slow_reader_pushes_back(void **state)
{
    (void)state;
    static struct raw r;
    hold(&r);
    tcp_read_stop(r.tcp);
    fill();
    turns(20);
    assert_int_equal(drained, 0);
    assert_true(http_respond_queued(held) >= TCP_HIGH_MARK);
    tcp_read_start(r.tcp);
    wait_until(drained == 1);
    assert_true(http_respond_queued(held) <= TCP_LOW_MARK);
    tcp_read_stop(r.tcp);
    fill();
    tcp_read_start(r.tcp);
    wait_until(drained == 2);
    http_respond_end(held);
    wait_until(memcmp(r.got.p + r.got.n - 5, "0\r\n\r\n", 5) == 0);
    raw_close(&r);
}

static void reader_that_takes_nothing_is_cut(void **state)
{
    (void)state;
    static struct raw r;
    hold(&r);
    tcp_read_stop(r.tcp);
    advance_ms(IDLE_MS);
    turns(5);
    fill();
    advance_ms(IDLE_MS); // the first look at what waits
    turns(5);
    assert_int_equal(gone, 0);
    advance_ms(IDLE_MS - 2000);
    turns(5);
    assert_int_equal(gone, 0);
    advance_ms(2000);
    wait_until(gone);
    assert_int_equal(http_respond_write(held, SPAN("x")), ERR_CLOSED);
    http_respond_end(held);
    raw_close(&r);
}

// What is taken between two looks counts, whatever is written meanwhile.
static void reader_is_measured_by_what_it_takes(void **state)
{
    (void)state;
    static const struct {
        size_t seen_more; // waited at the last look beyond what waits now
        int cut;
    } rows[] = {{16 * 1024, 0}, {16 * 1024 - 1, 1}};
    for (int i = 0; i < 2; i++) {
        static struct raw r;
        held = NULL;
        gone = 0;
        hold(&r);
        tcp_read_stop(r.tcp);
        fill();
        turns(200);
        struct conn *c = held->conn;
        conn_watch_reader(c);
        c->queued_seen = stream_queued(c->stream) + rows[i].seen_more - 10;
        c->given = 10;
        advance_ms(IDLE_MS);
        turns(5);
        assert_int_equal(gone, rows[i].cut);
        http_reset(held);
        raw_close(&r);
    }
}

static void cut_and_reset(void **state)
{
    (void)state;
    static struct raw r;
    raw_connect(&r, http_server_port(server));
    raw_send(&r, GET("/cut") GET("/plain"));
    wait_until(r.ended);
    assert_true(raw_has(&r, "3\r\none\r\n7\r\nand two\r\n"));
    assert_false(raw_has(&r, "\r\n0\r\n"));
    assert_int_equal(handled, 1);
    raw_close(&r);
    hold(&r);
    say(held, "begun");
    http_reset(held);
    wait_until(r.ended);
    assert_int_equal(gone, 0);
    assert_false(raw_has(&r, "\r\n0\r\n"));
    raw_close(&r);
}

static void drain_waits_for_the_end(void **state)
{
    (void)state;
    static struct raw r;
    hold(&r);
    http_server_drain(server);
    turns(5);
    say(held, "still");
    wait_until(raw_has(&r, "still"));
    assert_int_equal(r.ended, 0);
    http_respond_end(held);
    wait_until(r.ended);
    assert_true(raw_has(&r, "0\r\n\r\n"));
    raw_close(&r);
}

static void close_cuts_after_the_grace(void **state)
{
    (void)state;
    static struct raw r;
    hold(&r);
    close_server(1000);
    turns(5);
    say(held, "still");
    wait_until(raw_has(&r, "still"));
    advance_ms(1000);
    wait_until(gone);
    wait_until(r.ended);
    assert_false(raw_has(&r, "0\r\n\r\n"));
    turns(5);
    assert_int_equal(closed, 0);
    http_respond_end(held);
    wait_until(closed);
    raw_close(&r);
}

int main(void)
{
    memset(piece, 'x', sizeof(piece));
#define T(f) cmocka_unit_test_setup_teardown(f, setup, end_server)
    const struct CMUnitTest tests[] = {
        T(chunks_in_one_connection),
        T(answers_without_a_body),
        T(until_close_for_http_1_0),
        T(pieces_leave_as_they_come),
        T(peer_goes_away),
        T(slow_reader_pushes_back),
        T(reader_that_takes_nothing_is_cut),
        T(reader_is_measured_by_what_it_takes),
        T(cut_and_reset),
        T(drain_waits_for_the_end),
        T(close_cuts_after_the_grace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
