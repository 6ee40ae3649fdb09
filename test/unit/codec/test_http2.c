// SPDX-License-Identifier: Apache-2.0

// Both ends of the HTTP/2 codec against each other: whatever way the bytes are cut, the same comes
// out; windows; what waits and what is given up.

#include <stdlib.h>

#include "codec/http2.h"
#include "http2_peer.h"
#include "lib/test.h"
#include "lib/test_clock.h"
#include "lib/test_split.h"

enum { WINDOW = 65535, CONN_WINDOW = 1024 * 1024, BIG = 300 * 1024 };

static struct http2 *client, *server;
static char *big;

static struct http2 *make(enum http2_side side)
{
    struct http2_options o = {.side = side,
                              .head_max = 8192,
                              .headers_max = 50,
                              .streams_max = 100,
                              .window = WINDOW,
                              .conn_window = CONN_WINDOW};
    return http2_new(&o);
}

static int setup(void **state)
{
    (void)state;
    client = make(HTTP2_CLIENT);
    server = make(HTTP2_SERVER);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http2_free(client);
    http2_free(server);
    return 0;
}

// What an end has got of a stream.
struct side {
    struct http2_stream *s;
    struct buf body;
    int heads, ends, closed, drained;
    uint32_t code;
    bool consumes;
};

static struct side at_client[4], at_server[4];
static int n_server;
static int pongs, goaways;

static void on_event(struct http2 *h, const struct http2_event *e)
{
    pongs += e->type == HTTP2_PONG;
    goaways += e->type == HTTP2_GOAWAY;
    if (!e->stream)
        return;
    if (e->type == HTTP2_HEAD && h == server) {
        at_server[n_server].s = e->stream;
        at_server[n_server].consumes = true;
        http2_stream_set_owner(e->stream, &at_server[n_server++]);
    }
    struct side *side = http2_stream_owner(e->stream);
    switch (e->type) {
    case HTTP2_HEAD:
        side->heads++;
        break;
    case HTTP2_DATA:
        assert_int_equal(side->heads, 1);
        buf_add_span(&side->body, e->data);
        if (side->consumes)
            http2_stream_consume(e->stream, e->data.n);
        break;
    case HTTP2_END:
        side->ends++;
        break;
    case HTTP2_CLOSED:
        side->closed++;
        side->code = e->code;
        break;
    case HTTP2_DRAINED:
        side->drained++;
        break;
    default:
        break;
    }
}

static bool take(struct http2 *h)
{
    bool any = false;
    for (struct http2_event e; http2_next(h, &e); any = true)
        on_event(h, &e);
    return any;
}

static bool feed(void *ctx, struct span piece)
{
    assert_int_equal(http2_feed(ctx, piece, 1000), 0);
    take(ctx);
    return true;
}

// Bytes go back and forth until both ends are silent.
static void run(int way)
{
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < 2; i++) {
            struct http2 *from = i ? server : client, *to = i ? client : server;
            struct buf out = {0};
            more = http2_out(from, &out, 32 * 1024) > 0 || more;
            more = take(from) || more;
            test_split(buf_span(&out), way, feed, to);
            buf_free(&out);
        }
    }
}

static struct side *request(const char *path, bool end, uint32_t window)
{
    for (int i = 0; i < 4; i++) {
        if (at_client[i].s)
            continue;
        buf_free(&at_client[i].body);
        at_client[i] = (struct side){.consumes = true};
        const struct http_header h[] = {{SPAN("X-Test"), SPAN("yes")},
                                        {SPAN("Host"), SPAN("left out")},
                                        {SPAN("Transfer-Encoding"), SPAN("chunked")}};
        struct http2_request r = {.method = SPAN("POST"),
                                  .scheme = SPAN("http"),
                                  .authority = SPAN("a.example:8"),
                                  .path = span_str(path),
                                  .headers = {h, 3},
                                  .end = end,
                                  .window = window,
                                  .owner = &at_client[i]};
        at_client[i].s = http2_request(client, &r);
        assert_non_null(at_client[i].s);
        return &at_client[i];
    }
    fail();
    return NULL;
}

static void forget(void)
{
    for (int i = 0; i < 4; i++) {
        http2_stream_free(at_client[i].s, HTTP2_CANCEL);
        http2_stream_free(at_server[i].s, HTTP2_CANCEL);
        buf_free(&at_client[i].body);
        buf_free(&at_server[i].body);
        at_client[i] = at_server[i] = (struct side){0};
    }
    n_server = pongs = goaways = 0;
}

static void respond(struct side *side, struct span body)
{
    const struct http_header h = {SPAN("Content-Type"), SPAN("text/plain")};
    assert_int_equal(http2_respond(side->s, 200, (struct http_headers){&h, 1}, body.n == 0), 0);
    if (body.n == 0)
        return;
    assert_int_equal(http2_stream_write(side->s, body), 0);
    http2_stream_end(side->s);
}

static void body_is(const struct side *side, struct span want)
{
    assert_int_equal(side->body.n, want.n);
    if (want.n)
        assert_memory_equal(side->body.p, want.p, want.n);
    assert_int_equal(side->ends, 1);
}

static void exchange_however_cut(void **state)
{
    for (int way = 0; way < TEST_SPLITS; way++) {
        setup(state);
        struct side *a = request("/a?b", false, 0), *b = request("/b", true, 0);
        assert_int_equal(http2_stream_write(a->s, span_of(big, BIG)), 0);
        http2_stream_end(a->s);
        run(way);
        assert_int_equal(n_server, 2);
        const struct http2_head *head = http2_stream_head(at_server[0].s);
        assert_span_is(head->method, "POST");
        assert_span_is(head->path, "/a?b");
        assert_span_is(head->scheme, "http");
        assert_span_is(head->authority, "a.example:8");
        assert_int_equal(head->headers.n, 2);
        assert_span_is(head->headers.h[0].name, "x-test");
        assert_span_is(head->headers.h[1].name, "host");
        assert_span_is(head->headers.h[1].value, "a.example:8");
        assert_int_equal(head->content_length, -1);
        assert_int_equal(http2_stream_head(at_server[1].s)->content_length, 0);
        body_is(&at_server[0], span_of(big, BIG));
        body_is(&at_server[1], SPAN_NONE);
        respond(&at_server[1], span_of(big, BIG));
        respond(&at_server[0], SPAN_NONE);
        run(way);
        body_is(a, SPAN_NONE);
        body_is(b, span_of(big, BIG));
        assert_int_equal(http2_stream_head(b->s)->status, 200);
        assert_span_is(http2_stream_head(b->s)->headers.h[0].value, "text/plain");
        for (int i = 0; i < 2; i++) {
            assert_int_equal(at_client[i].closed + at_server[i].closed, 2);
            assert_int_equal(at_client[i].code + at_server[i].code, 0);
        }
        assert_int_equal(http2_streams(client) + http2_streams(server), 0);
        forget();
        teardown(state);
    }
}

// A stream that is not read stops at its window; the others share all of the connection's.
static void windows(void **state)
{
    (void)state;
    struct side *slow = request("/slow", true, 100 * 1024), *usual = request("/usual", true, 0),
                *quick = request("/quick", true, 0);
    slow->consumes = usual->consumes = false;
    run(TEST_SPLIT_WHOLE);
    for (int i = 0; i < 3; i++)
        respond(&at_server[i], span_of(big, BIG));
    run(TEST_SPLIT_WHOLE);
    assert_int_equal(slow->body.n, 100 * 1024);
    assert_int_equal(usual->body.n, WINDOW);
    body_is(quick, span_of(big, BIG));
    assert_int_equal(http2_stream_queued(at_server[0].s), BIG - 100 * 1024);
    assert_int_equal(http2_stream_sent(at_server[0].s), 100 * 1024);
    // Many more than the connection's window, with the slow ones in place.
    for (int i = 0; i < 10; i++) {
        http2_stream_free(quick->s, HTTP2_CANCEL);
        buf_free(&quick->body);
        *quick = (struct side){0};
        quick = request("/quick", true, 0);
        http2_stream_free(at_server[2].s, HTTP2_CANCEL);
        n_server = 2;
        at_server[2] = (struct side){0};
        run(TEST_SPLIT_WHOLE);
        respond(&at_server[2], span_of(big, BIG));
        run(TEST_SPLIT_WHOLE);
        body_is(quick, span_of(big, BIG));
    }
    // What has been taken is given back: half of the window at a time.
    http2_stream_consume(slow->s, 60 * 1024);
    run(TEST_SPLIT_WHOLE);
    assert_int_equal(slow->body.n, 160 * 1024);
    slow->consumes = true;
    http2_stream_consume(slow->s, 100 * 1024);
    usual->consumes = true;
    http2_stream_consume(usual->s, WINDOW);
    run(TEST_SPLIT_WHOLE);
    body_is(slow, span_of(big, BIG));
    body_is(usual, span_of(big, BIG));
    forget();
}

static void drained_is_told_once_a_time(void **state)
{
    (void)state;
    request("/", true, 0)->consumes = false;
    run(TEST_SPLIT_WHOLE);
    struct side *s = &at_server[0];
    assert_int_equal(http2_respond(s->s, 200, (struct http_headers){0}, false), 0);
    assert_int_equal(http2_stream_write(s->s, span_of(big, HTTP2_HIGH_MARK - 1)), 0);
    run(TEST_SPLIT_WHOLE);
    at_client[0].consumes = true;
    http2_stream_consume(at_client[0].s, at_client[0].body.n);
    run(TEST_SPLIT_WHOLE);
    assert_int_equal(s->drained, 0);
    assert_int_equal(http2_stream_queued(s->s), 0);
    assert_int_equal(http2_stream_write(s->s, span_of(big, HTTP2_HIGH_MARK)), 0);
    run(TEST_SPLIT_WHOLE);
    assert_int_equal(s->drained, 1);
    http2_stream_end(s->s);
    run(TEST_SPLIT_WHOLE);
    assert_int_equal(at_client[0].ends, 1);
    assert_int_equal(at_client[0].body.n, 2 * HTTP2_HIGH_MARK - 1);
    forget();
}

// Output is handed out in bounded pieces, and a stream may end while its frame waits for room.
static void output_is_bounded(void **state)
{
    (void)state;
    request("/", true, 1024 * 1024);
    run(TEST_SPLIT_WHOLE);
    respond(&at_server[0], span_of(big, BIG));
    struct buf out = {0};
    size_t all = 0, n;
    while ((n = http2_out(server, &out, 1000)) > 0 && all < BIG / 2) {
        assert_true(out.n <= 1000 + 9 + 16384);
        test_split(buf_span(&out), TEST_SPLIT_WHOLE, feed, client);
        all += n;
        buf_clear(&out);
    }
    http2_stream_free(at_server[0].s, HTTP2_CANCEL);
    at_server[0].s = NULL;
    buf_free(&out);
    run(TEST_SPLIT_WHOLE);
    assert_int_equal(at_client[0].closed, 1);
    assert_int_equal(at_client[0].ends, 0);
    assert_int_equal(at_client[0].code, HTTP2_CANCEL);
    assert_int_equal(http2_streams(server), 0);
    forget();
}

static void given_up_at_any_time(void **state)
{
    // 0: not sent; 1: sent; 2: answered in part; 3: closed.
    for (int when = 0; when < 4; when++) {
        for (int by_server = 0; by_server < 2; by_server++) {
            if (when == 0 && by_server)
                continue;
            setup(state);
            struct side *c = request("/", true, 0);
            if (when > 0)
                run(TEST_SPLIT_WHOLE);
            if (when == 2) {
                assert_int_equal(
                    http2_respond(at_server[0].s, 200, (struct http_headers){0}, false), 0);
                assert_int_equal(http2_stream_write(at_server[0].s, SPAN("half")), 0);
                run(TEST_SPLIT_WHOLE);
            }
            if (when == 3) {
                respond(&at_server[0], SPAN("all"));
                run(TEST_SPLIT_WHOLE);
            }
            struct side *who = by_server ? &at_server[0] : c,
                        *other = by_server ? c : &at_server[0];
            http2_stream_free(who->s, HTTP2_CANCEL);
            who->s = NULL;
            run(TEST_SPLIT_WHOLE);
            if (when > 0) {
                assert_int_equal(other->closed, 1);
                assert_int_equal(other->code, when == 3 ? 0 : HTTP2_CANCEL);
            }
            assert_int_equal(http2_streams(client) + http2_streams(server), 0);
            // The connection goes on.
            n_server = 1;
            c = request("/again", true, 0);
            run(TEST_SPLIT_WHOLE);
            respond(&at_server[1], SPAN("again"));
            run(TEST_SPLIT_WHOLE);
            body_is(c, SPAN("again"));
            forget();
            teardown(state);
        }
    }
}

// An owner may free the whole connection between two events, and its streams after that.
static void connection_freed_between_events(void **state)
{
    for (int stop = 0; stop < 12; stop++) {
        setup(state);
        for (int i = 0; i < 3; i++)
            request("/", true, 0);
        struct buf out = {0};
        while (http2_out(client, &out, 1024 * 1024) > 0) {
        }
        assert_int_equal(http2_feed(server, buf_span(&out), 0), 0);
        struct http2_event e;
        for (int i = 0; i < stop && http2_next(server, &e); i++)
            on_event(server, &e);
        http2_free(server);
        server = NULL;
        for (int i = 0; i < n_server; i++) {
            assert_false(http2_stream_open(at_server[i].s));
            assert_span_is(http2_stream_head(at_server[i].s)->path, "/");
            assert_int_equal(http2_respond(at_server[i].s, 200, (struct http_headers){0}, true),
                             ERR_CLOSED);
        }
        buf_free(&out);
        http2_free(client);
        client = NULL;
        forget();
        teardown(state);
    }
}

static void shutdown_takes_what_is_on_its_way(void **state)
{
    (void)state;
    request("/1", true, 0);
    run(TEST_SPLIT_WHOLE);
    http2_shutdown(server);
    http2_shutdown(server);
    struct buf out = {0}, said = {0};
    while (http2_out(server, &out, 65536) > 0) {
    }
    peer_describe(buf_span(&out), &said);
    assert_string_equal(buf_cstr(&said), "GOAWAY(2147483647,0) PING");
    // This one crosses the announcement.
    request("/2", true, 0);
    struct buf crossing = {0};
    while (http2_out(client, &crossing, 65536) > 0) {
    }
    feed(client, buf_span(&out));
    feed(server, buf_span(&crossing));
    assert_int_equal(n_server, 2);
    assert_false(http2_can_request(client));
    assert_int_equal(goaways, 1);
    run(TEST_SPLIT_WHOLE);
    assert_int_equal(goaways, 2);
    assert_false(http2_finished(server));
    respond(&at_server[0], SPAN("one"));
    respond(&at_server[1], SPAN("two"));
    run(TEST_SPLIT_WHOLE);
    body_is(&at_client[1], SPAN("two"));
    assert_true(http2_finished(server) && http2_finished(client));
    buf_free(&out);
    buf_free(&said);
    buf_free(&crossing);
    forget();
}

static void ping(void **state)
{
    (void)state;
    run(TEST_SPLIT_WHOLE);
    http2_ping(client);
    run(TEST_SPLIT_WHOLE);
    assert_int_equal(pongs, 1);
    forget();
}

static void goaway_with_an_error_ends_all(void **state)
{
    (void)state;
    request("/", true, 0);
    run(TEST_SPLIT_WHOLE);
    http2_goaway(server, HTTP2_ENHANCE_YOUR_CALM);
    run(TEST_SPLIT_WHOLE);
    assert_int_equal(goaways, 1);
    assert_true(http2_finished(server));
    forget();
}

int main(void)
{
    big = malloc(BIG + HTTP2_HIGH_MARK);
    for (size_t i = 0; i < BIG + HTTP2_HIGH_MARK; i++)
        big[i] = (char)(i * 31 >> 7);
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchange_however_cut), T(windows),
        T(drained_is_told_once_a_time),         T(output_is_bounded),
        cmocka_unit_test(given_up_at_any_time), cmocka_unit_test(connection_freed_between_events),
        T(shutdown_takes_what_is_on_its_way),   T(ping),
        T(goaway_with_an_error_ends_all),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    free(big);
    return rc;
}
