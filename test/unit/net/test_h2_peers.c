// SPDX-License-Identifier: Apache-2.0

// HTTP/2 of the client and the server against peers of the test's own: silent, slow, wrong, gone.

#include "net_call.h"

#include "codec/http2.h"
#include "net/http_client_internal.h"
#include "net/http_server_internal.h"

enum {
    HEAD_MS = 10000,
    BODY_MS = 30000,
    IDLE_MS = 60000,
    PIECE = 32 * 1024,
    HUGE_BODY = 1024 * 1024
};

static struct http_client *client;
static struct http_server *server;
static struct tcp_listener *listener;
static uint16_t raw_port;
static struct raw peers[8];
static int n_peers, closed, handled, gone;
static struct http_exchange *held;
static char piece[PIECE], huge[HUGE_BODY];

// A connection of the test's own: an HTTP/2 codec over a raw peer.
struct peer {
    struct raw raw;
    struct http2 *h;
    struct http2_stream *s[8]; // as they were requested, or came
    int n;
    int heads, ends, closes, goaways, status, code;
    size_t bytes;
    bool consumes;
};
static struct peer peer;

static struct http2_options options = {.head_max = 64 * 1024,
                                       .headers_max = 100,
                                       .streams_max = 100,
                                       .window = 65535,
                                       .conn_window = 1024 * 1024};

static void peer_take(struct peer *p)
{
    struct http2_event e;
    while (http2_next(p->h, &e)) {
        if (e.type == HTTP2_HEAD && options.side == HTTP2_SERVER) {
            assert_true(p->n < 8);
            p->s[p->n++] = e.stream;
        }
        p->heads += e.type == HTTP2_HEAD;
        p->ends += e.type == HTTP2_END;
        p->closes += e.type == HTTP2_CLOSED;
        p->goaways += e.type == HTTP2_GOAWAY;
        if (e.type == HTTP2_HEAD)
            p->status = http2_stream_head(e.stream)->status;
        if (e.type == HTTP2_CLOSED)
            p->code = (int)e.code;
        if (e.type == HTTP2_DATA) {
            p->bytes += e.data.n;
            if (p->consumes)
                http2_stream_consume(e.stream, e.data.n);
        }
    }
}

// Feeds what has come and sends what there is to say. True, for use in conditions.
static bool peer_work(struct peer *p)
{
    (void)!http2_feed(p->h, buf_span(&p->raw.got), 0);
    buf_clear(&p->raw.got);
    peer_take(p);
    struct buf out = {0};
    while (http2_out(p->h, &out, 1024 * 1024) > 0)
        peer_take(p);
    if (out.n > 0)
        raw_send_span(&p->raw, buf_span(&out));
    buf_free(&out);
    return true;
}

static void peer_close(struct peer *p)
{
    http2_free(p->h);
    for (int i = 0; i < p->n; i++)
        http2_stream_free(p->s[i], HTTP2_CANCEL);
    raw_close(&p->raw);
    *p = (struct peer){0};
}

static void peer_connect(struct peer *p)
{
    *p = (struct peer){.consumes = true};
    options.side = HTTP2_CLIENT;
    raw_connect(&p->raw, http_server_port(server));
    p->h = http2_new(&options);
}

static struct http2_stream *peer_request(struct peer *p, const char *path, bool end)
{
    struct http2_request r = {.method = SPAN("POST"),
                              .scheme = SPAN("http"),
                              .authority = SPAN("h"),
                              .path = span_str(path),
                              .end = end};
    p->s[p->n] = http2_request(p->h, &r);
    assert_non_null(p->s[p->n]);
    return p->s[p->n++];
}

static void on_gone(struct http_exchange *x)
{
    assert_ptr_equal(x, held);
    gone++;
}

static void handler(void *ctx, struct http_exchange *x)
{
    (void)ctx;
    handled++;
    if (span_is(http_path(x), "/hold")) {
        held = x;
        http_on_gone(x, on_gone);
    } else if (span_is(http_path(x), "/large")) {
        http_respond_type(x, 200, "text/plain", span_of(piece, PIECE));
    } else if (span_is(http_path(x), "/huge")) {
        http_respond_type(x, 200, "text/plain", span_of(huge, HUGE_BODY));
    } else {
        http_respond_type(x, 200, "text/plain",
                          http_version_of(x) == HTTP_2 ? SPAN("[two]") : SPAN("[one]"));
    }
}

static void on_accept(void *ctx, struct tcp *t)
{
    (void)ctx;
    assert_true(n_peers < 8);
    raw_attach(&peers[n_peers++], t);
}

static void setup_with(struct http_server_options so)
{
    begin_loop();
    n_peers = closed = handled = gone = 0;
    held = NULL;
    peer = (struct peer){0};
    memset(peers, 0, sizeof(peers));
    so.host = SPAN("127.0.0.1");
    so.handler = handler;
    struct err e = {0};
    struct http_client_options co = {0};
    assert_int_equal(http_server_new(loop, &so, &server, &e), 0);
    assert_int_equal(http_client_new(loop, &co, &client, &e), 0);
    assert_int_equal(tcp_listen(loop, SPAN("127.0.0.1"), 0, on_accept, NULL, &listener, &e), 0);
    raw_port = tcp_listener_port(listener);
}

static int setup(void **state)
{
    (void)state;
    setup_with(
        (struct http_server_options){.head_ms = HEAD_MS, .body_ms = BODY_MS, .idle_ms = IDLE_MS});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (peer.h)
        peer_close(&peer);
    for (int i = 0; i < n_peers; i++)
        raw_close(&peers[i]);
    tcp_listener_close(listener, set_flag, &closed);
    http_client_close(client, set_flag, &closed);
    http_server_close(server, 0, set_flag, &closed);
    if (held)
        http_reset(held);
    wait_until(closed == 3);
    end_loop();
    return 0;
}

// ---- the server ----

static void preface_in_pieces(void **state)
{
    (void)state;
    peer_connect(&peer);
    peer_request(&peer, "/", true);
    struct buf out = {0};
    while (http2_out(peer.h, &out, 65536) > 0) {
    }
    for (size_t i = 0; i < out.n; i++) {
        raw_send_span(&peer.raw, span_of(out.p + i, 1));
        turns(2);
    }
    buf_free(&out);
    wait_until(peer_work(&peer) && peer.ends == 1);
    assert_int_equal(peer.bytes, 5);
    assert_int_equal(peer.status, 200);
}

static void what_only_begins_like_the_preface(void **state)
{
    (void)state;
    static const char *const starts[] = {"P", "PRI", "PRI * HTTP/2.0\r\n"};
    static struct raw r;
    raw_connect(&r, http_server_port(server));
    raw_send(&r, "P");
    turns(5);
    raw_send(&r, "UT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    wait_until(raw_has(&r, "[one]"));
    raw_close(&r);
    // What stays unfinished is an unfinished head; what turns out to be nothing is refused.
    for (size_t i = 0; i < 3; i++) {
        raw_connect(&r, http_server_port(server));
        raw_send(&r, starts[i]);
        turns(5);
        assert_int_equal(r.ended, 0);
        if (i == 0) {
            advance_ms(HEAD_MS);
            wait_until(r.ended);
            assert_true(raw_has(&r, " 408 "));
        } else {
            raw_send(&r, "x\r\n\r\n");
            wait_until(r.ended);
            assert_true(raw_has(&r, "HTTP/1.1 400") || raw_has(&r, "HTTP/1.1 505"));
        }
        raw_close(&r);
    }
}

static int setup_without(void **state)
{
    (void)state;
    setup_with((struct http_server_options){.no_http2 = true});
    return 0;
}

static void not_when_it_is_switched_off(void **state)
{
    (void)state;
    static struct raw r;
    raw_connect(&r, http_server_port(server));
    raw_send(&r, HTTP2_PREFACE);
    wait_until(r.ended);
    assert_true(raw_has(&r, "HTTP/1.1 505"));
    raw_close(&r);
}

static void silent_from_the_start(void **state)
{
    (void)state;
    peer_connect(&peer);
    peer_work(&peer); // the preface, no request
    turns(10);
    advance_ms(HEAD_MS - 2000);
    turns(5);
    assert_int_equal(peer.raw.ended, 0);
    advance_ms(2000);
    wait_until(peer.raw.ended);
}

static void head_that_does_not_end(void **state)
{
    (void)state;
    peer_connect(&peer);
    peer_request(&peer, "/hold", true);
    wait_until(peer_work(&peer) && held);
    // The first half of another one.
    peer_request(&peer, "/", true);
    struct buf out = {0};
    while (http2_out(peer.h, &out, 65536) > 0) {
    }
    raw_send_span(&peer.raw, span_of(out.p, out.n - 2));
    buf_free(&out);
    turns(10);
    advance_ms(HEAD_MS - 2000);
    turns(10);
    assert_int_equal(peer.raw.ended, 0);
    advance_ms(2000);
    wait_until(peer.raw.ended);
    assert_int_equal(gone, 1);
}

static void body_that_does_not_end(void **state)
{
    (void)state;
    peer_connect(&peer);
    struct http2_stream *s = peer_request(&peer, "/", false);
    peer_request(&peer, "/hold", true);
    assert_int_equal(http2_stream_write(s, SPAN("ab")), 0);
    wait_until(peer_work(&peer) && held);
    advance_ms(BODY_MS - 2000);
    turns(10);
    peer_work(&peer);
    assert_int_equal(peer.heads, 0);
    // What drips does not push the limit ahead.
    assert_int_equal(http2_stream_write(s, SPAN("c")), 0);
    peer_work(&peer);
    turns(5);
    advance_ms(2000);
    wait_until(peer_work(&peer) && peer.ends == 1);
    assert_int_equal(peer.status, 408);
    turns(5);
    advance_ms(2000);
    wait_until(peer_work(&peer) && peer.closes == 1);
    assert_int_equal(peer.code, HTTP2_NO_ERROR);
    assert_int_equal(peer.raw.ended, 0);
    assert_int_equal(handled, 1);
}

// An answer before the request is complete: the rest is thrown away for a while, so that a peer in
// the middle of it gets the answer.
static void answered_in_the_middle_of_the_request(void **state)
{
    (void)state;
    // 0: the peer finishes; 1: it sends more than is thrown away; 2: it says nothing more.
    for (int way = 0; way < 3; way++) {
        peer_connect(&peer);
        struct http2_stream *s = peer_request(&peer, "/", false);
        for (int i = 0; i < 5; i++)
            assert_int_equal(http2_stream_write(s, span_of(piece, PIECE)), 0);
        wait_until(peer_work(&peer) && peer.ends == 1);
        assert_int_equal(peer.status, 413);
        assert_int_equal(peer.closes, 0);
        for (int i = 0; way < 2 && i < (way ? 40 : 2); i++)
            (void)!http2_stream_write(s, span_of(piece, PIECE));
        if (way == 0)
            http2_stream_end(s);
        if (way == 2) {
            peer_work(&peer);
            turns(10);
            advance_ms(2000);
        }
        wait_until(peer_work(&peer) && peer.closes == 1);
        assert_int_equal(peer.code, HTTP2_NO_ERROR);
        // Only a stream that is complete on both sides has all of its body out.
        if (way < 2)
            assert_int_equal(http2_stream_queued(s) == 0, way == 0);
        peer_request(&peer, "/", true);
        wait_until(peer_work(&peer) && peer.ends == 2);
        peer_close(&peer);
        assert_int_equal(handled, way + 1);
    }
    wait_until(server->body_bytes == 0);
}

static int setup_small_bodies(void **state)
{
    (void)state;
    setup_with((struct http_server_options){.max_body = 100 * 1024});
    return 0;
}

// A reader that opens no window: its stream is reset, the others go on.
static void reader_that_opens_no_window(void **state)
{
    (void)state;
    peer_connect(&peer);
    peer.consumes = false;
    peer_request(&peer, "/hold", true);
    wait_until(peer_work(&peer) && held);
    http_respond_start(held, 200, (struct http_headers){0});
    for (int i = 0; i < 4; i++)
        assert_int_equal(http_respond_write(held, span_of(piece, PIECE)), 0);
    wait_until(peer_work(&peer) && peer.bytes == 65535);
    // Pings do not help.
    for (int i = 0; i < 2; i++) {
        advance_ms(i == 0 ? IDLE_MS : IDLE_MS - 2000); // the first look at what waits
        http2_ping(peer.h);
        peer_work(&peer);
        turns(10);
    }
    assert_int_equal(gone, 0);
    advance_ms(2000);
    wait_until(peer_work(&peer) && peer.closes == 1);
    assert_int_equal(peer.code, HTTP2_CANCEL);
    assert_int_equal(gone, 1);
    assert_int_equal(http_respond_write(held, SPAN("x")), ERR_CLOSED);
    http_respond_end(held);
    held = NULL;
    // Also when the handler has left.
    for (int i = 0; i < 4; i++)
        peer_request(&peer, "/large", true);
    wait_until(peer_work(&peer) && peer.ends == 4);
    assert_int_equal(peer.raw.ended, 0);
    assert_int_equal(server->n_streams, 1);
}

static void answered_but_not_read(void **state)
{
    (void)state;
    peer_connect(&peer);
    peer.consumes = false;
    peer_request(&peer, "/hold", true);
    wait_until(peer_work(&peer) && held);
    static char large[128 * 1024];
    http_respond_type(held, 200, "text/plain", span_of(large, sizeof(large)));
    held = NULL;
    wait_until(peer_work(&peer) && peer.bytes == 65535);
    for (int i = 0; i < 2; i++) {
        advance_ms(IDLE_MS);
        turns(10);
    }
    wait_until(peer_work(&peer) && peer.closes == 1);
    assert_int_equal(peer.code, HTTP2_CANCEL);
}

// What nobody takes is not made for ever: further requests wait, streamed answers do not.
static void answers_that_nobody_takes_are_bounded(void **state)
{
    (void)state;
    peer_connect(&peer);
    peer.consumes = false;
    for (int i = 0; i < 7; i++)
        peer_request(&peer, "/huge", true);
    // Each leaves a little less than a megabyte: the fifth fills four.
    wait_until(peer_work(&peer) && peer.heads == 5);
    for (int i = 0; i < 20; i++) {
        turns(5);
        peer_work(&peer);
    }
    assert_int_equal(handled, 5);
    peer.consumes = true;
    http2_stream_consume(peer.s[0], 65535);
    wait_until(peer_work(&peer) && peer.heads == 6);
    for (int i = 1; i < 6; i++)
        http2_stream_consume(peer.s[i], 65535);
    wait_until(peer_work(&peer) && peer.ends == 7);
    assert_int_equal(handled, 7);
    assert_int_equal(peer.bytes, 7 * HUGE_BODY);
}

// A silent answer may last.
static void silent_answer_stays(void **state)
{
    (void)state;
    peer_connect(&peer);
    peer_request(&peer, "/hold", true);
    wait_until(peer_work(&peer) && held);
    http_respond_start(held, 200, (struct http_headers){0});
    for (int i = 0; i < 5; i++) {
        advance_ms(IDLE_MS);
        turns(10);
    }
    assert_int_equal(http_respond_write(held, SPAN("still")), 0);
    http_respond_end(held);
    held = NULL;
    wait_until(peer_work(&peer) && peer.ends == 1);
    assert_int_equal(peer.bytes, 5);
}

// One that takes nothing from the socket at all.
static void socket_that_is_not_read(void **state)
{
    (void)state;
    options.window = 64 * 1024 * 1024;
    options.conn_window = 128 * 1024 * 1024;
    peer_connect(&peer);
    options.window = 65535;
    options.conn_window = 1024 * 1024;
    peer_request(&peer, "/hold", true);
    wait_until(peer_work(&peer) && held);
    tcp_read_stop(peer.raw.tcp);
    http_respond_start(held, 200, (struct http_headers){0});
    for (int i = 0; i < 1000; i++)
        assert_int_equal(http_respond_write(held, span_of(piece, PIECE)), 0);
    turns(200);
    // What waits in the socket is bounded; the rest waits in its stream.
    assert_true(stream_queued(held->conn->stream) < 2 * TCP_HIGH_MARK);
    for (int i = 0; i < 3 && !gone; i++) {
        advance_ms(IDLE_MS);
        turns(10);
    }
    assert_int_equal(gone, 1);
    http_respond_end(held);
    held = NULL;
    wait_until(server->n_streams == 0);
}

static void protocol_error_ends_the_connection(void **state)
{
    (void)state;
    peer_connect(&peer);
    peer_request(&peer, "/hold", true);
    wait_until(peer_work(&peer) && held);
    raw_send_span(&peer.raw, SPAN("\0\0\0\0\0\0\0\0\0")); // DATA on stream 0
    wait_until(peer_work(&peer) && peer.goaways == 1);
    wait_until(peer.raw.ended);
    assert_int_equal(gone, 1);
    http_respond_type(held, 200, "text/plain", SPAN("nowhere"));
    held = NULL;
    // It waits for the peer's close, not for ever.
    advance_ms(3000);
    wait_until(server->n_streams == 0);
}

static void peer_that_never_answers_the_announced_end(void **state)
{
    (void)state;
    peer_connect(&peer);
    peer_request(&peer, "/", true);
    wait_until(peer_work(&peer) && peer.ends == 1);
    http_server_drain(server);
    turns(10);
    assert_int_equal(peer.raw.ended, 0);
    advance_ms(3000);
    wait_until(peer.raw.ended);
}

static int setup_one_stream(void **state)
{
    (void)state;
    setup_with((struct http_server_options){.max_streams = 1});
    return 0;
}

// Exchanges whose streams are gone but that are still held count.
static void held_exchanges_are_bounded(void **state)
{
    (void)state;
    peer_connect(&peer);
    struct http_exchange *all[2];
    for (int i = 0; i < 2; i++) {
        held = NULL;
        struct http2_stream *s = peer_request(&peer, "/hold", true);
        wait_until(peer_work(&peer) && held);
        all[i] = held;
        http2_stream_reset(s, HTTP2_CANCEL);
        wait_until(peer_work(&peer) && gone == i + 1);
    }
    peer_request(&peer, "/", true);
    peer.closes = 0;
    wait_until(peer_work(&peer) && peer.closes == 1);
    assert_int_equal(peer.code, HTTP2_REFUSED_STREAM);
    for (int i = 0; i < 2; i++)
        http_respond_type(all[i], 200, "text/plain", SPAN(""));
    held = NULL;
    peer_request(&peer, "/", true);
    wait_until(peer_work(&peer) && peer.ends == 1);
}

static int setup_few_exchanges(void **state)
{
    (void)state;
    setup_with((struct http_server_options){.max_exchanges = 2});
    return 0;
}

// Peers that only begin requests, by many connections, do not take all memory.
static void exchanges_of_all_connections_are_bounded(void **state)
{
    (void)state;
    struct peer other;
    peer_connect(&peer);
    for (int i = 0; i < 2; i++)
        peer_request(&peer, "/", false);
    wait_until(peer_work(&peer) && server->h2_exchanges == 2);
    peer_connect(&other);
    peer_request(&other, "/", true);
    wait_until(peer_work(&other) && other.closes == 1);
    assert_int_equal(other.code, HTTP2_REFUSED_STREAM);
    assert_int_equal(handled, 0);
    peer_close(&peer);
    wait_until(server->h2_exchanges == 0);
    peer_request(&other, "/", true);
    wait_until(peer_work(&other) && other.ends == 1);
    assert_int_equal(other.status, 200);
    peer_close(&other);
}

// ---- the client ----

static void start_with(struct reply *r, uint16_t port, struct http_call_options o)
{
    struct url u = {.host = SPAN("127.0.0.1"), .port = port};
    o.version = HTTP_2;
    o.method = SPAN("GET");
    o.total_ms = HTTP_NO_LIMIT;
    o.first_byte_ms = 3600000;
    r->bytes_only = true;
    reply_start(r, client, &u, "/", o);
}

static void start(struct reply *r, uint16_t port)
{
    start_with(r, port, (struct http_call_options){0});
}

// The last connection that came, as a server of the test's own.
static void peer_accept(struct peer *p, int n)
{
    wait_until(n_peers == n);
    *p = (struct peer){.consumes = true};
    options.side = HTTP2_SERVER;
    p->h = http2_new(&options);
    // The raw peer goes on in `peers`; only its bytes are taken from there.
}

static bool serve(struct peer *p, struct raw *r)
{
    (void)!http2_feed(p->h, buf_span(&r->got), 0);
    buf_clear(&r->got);
    peer_take(p);
    struct buf out = {0};
    while (http2_out(p->h, &out, 1024 * 1024) > 0)
        peer_take(p);
    if (out.n > 0)
        raw_send_span(r, buf_span(&out));
    buf_free(&out);
    return true;
}

// ... and the heads of so many calls.
static void peer_accept_calls(struct peer *p, int n, int calls)
{
    peer_accept(p, n);
    wait_until(serve(p, &peers[n - 1]) && p->heads == calls);
}

static void forget_peer(struct peer *p)
{
    http2_free(p->h);
    for (int i = 0; i < p->n; i++)
        http2_stream_free(p->s[i], HTTP2_CANCEL);
    *p = (struct peer){0};
}

static void peers_that_do_not_speak_it(void **state)
{
    (void)state;
    static struct reply a, b;
    // An HTTP/1.1 server that answers what it does not understand.
    start(&a, raw_port);
    start(&b, raw_port);
    wait_until(n_peers == 1 && raw_has(&peers[0], "PRI * HTTP/2.0"));
    raw_send(&peers[0], "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    reply_ends(&a, ERR_PROTO, "does not speak HTTP/2");
    reply_ends(&b, ERR_PROTO, "does not speak HTTP/2");
    // One that says little and closes.
    start(&a, raw_port);
    wait_until(n_peers == 2 && raw_has(&peers[1], "PRI"));
    raw_send(&peers[1], "?");
    turns(5);
    tcp_shutdown(peers[1].tcp);
    reply_ends(&a, ERR_PROTO, "does not speak HTTP/2");
    // One that says nothing.
    start(&a, raw_port);
    wait_until(n_peers == 3 && raw_has(&peers[2], "PRI"));
    tcp_shutdown(peers[2].tcp);
    reply_ends(&a, ERR_CLOSED, "before a response came");
}

static void peer_that_breaks_the_rules(void **state)
{
    (void)state;
    static struct reply r;
    static struct peer p;
    start(&r, raw_port);
    peer_accept_calls(&p, 1, 1);
    raw_send_span(&peers[0], SPAN("\0\0\0\0\0\0\0\0\0"));
    reply_ends(&r, ERR_PROTO, "not valid HTTP/2");
    forget_peer(&p);
}

static void half_open_connections_are_found(void **state)
{
    (void)state;
    static struct reply r[2];
    static struct peer p;
    start(&r[0], raw_port);
    start(&r[1], raw_port);
    peer_accept_calls(&p, 1, 2);
    assert_int_equal(http2_respond(p.s[1], 200, (struct http_headers){0}, false), 0);
    assert_int_equal(http2_stream_write(p.s[1], SPAN("abc")), 0);
    serve(&p, &peers[0]);
    wait_until(r[1].bytes == 3);
    // As long as the PINGs are answered, silence is fine.
    for (int i = 0; i < 4; i++) {
        advance_ms(15000);
        wait_until(peers[0].got.n > 0);
        serve(&p, &peers[0]);
        turns(10);
    }
    assert_int_equal(r[0].done + r[1].done, 0);
    advance_ms(15000);
    wait_until(peers[0].got.n > 0); // asked, and no answer
    advance_ms(8000);
    turns(10);
    assert_int_equal(r[0].done + r[1].done, 0);
    advance_ms(2000);
    wait_until(r[0].done && r[1].done);
    reply_ends(&r[0], ERR_TIMEOUT, "before a response came");
    reply_ends(&r[1], ERR_TIMEOUT, "before the response was complete");
    forget_peer(&p);
}

// Any byte is a sign of life, and the next silence counts anew.
static void data_answers_a_ping(void **state)
{
    (void)state;
    static struct reply r;
    static struct peer p;
    start(&r, raw_port);
    peer_accept_calls(&p, 1, 1);
    turns(10);
    advance_ms(15000);
    wait_until(peers[0].got.n > 0);
    buf_clear(&peers[0].got);
    assert_int_equal(http2_respond(p.s[0], 200, (struct http_headers){0}, false), 0);
    serve(&p, &peers[0]);
    wait_until(r.heads == 1);
    advance_ms(14000);
    turns(10);
    assert_int_equal(r.done, 0);
    http2_stream_end(p.s[0]);
    serve(&p, &peers[0]);
    reply_ends(&r, 0, "");
    forget_peer(&p);
}

// A connection that had served others and dies before anything came: once more, elsewhere.
static void stale_connections_are_replaced(void **state)
{
    (void)state;
    static struct reply r;
    static struct peer p;
    for (int twice = 0; twice < 2; twice++) {
        int first = n_peers;
        start(&r, raw_port);
        peer_accept_calls(&p, first + 1, 1);
        assert_int_equal(http2_respond(p.s[0], 200, (struct http_headers){0}, true), 0);
        serve(&p, &peers[first]);
        reply_ends(&r, 0, "");
        forget_peer(&p);
        start(&r, raw_port);
        wait_until(peers[first].got.n > 0);
        raw_close(&peers[first]);
        wait_until(n_peers == first + 2);
        assert_int_equal(r.done, 0);
        if (twice) {
            // Only once.
            wait_until(peers[first + 1].got.n > 0);
            raw_close(&peers[first + 1]);
            reply_ends(&r, ERR_CLOSED, "before a response came");
            continue;
        }
        peer_accept_calls(&p, first + 2, 1);
        assert_int_equal(http2_respond(p.s[0], 204, (struct http_headers){0}, true), 0);
        serve(&p, &peers[first + 1]);
        reply_ends(&r, 0, "");
        assert_int_equal(r.status, 204);
        forget_peer(&p);
        raw_close(&peers[first + 1]);
        wait_until(list_empty(&client->h2_conns));
    }
}

static void call_that_may_go_once_is_not_repeated(void **state)
{
    (void)state;
    static struct reply r;
    static struct peer p;
    start(&r, raw_port);
    peer_accept_calls(&p, 1, 1);
    assert_int_equal(http2_respond(p.s[0], 200, (struct http_headers){0}, true), 0);
    serve(&p, &peers[0]);
    reply_ends(&r, 0, "");
    forget_peer(&p);
    start_with(&r, raw_port, (struct http_call_options){.once = true});
    wait_until(peers[0].got.n > 0);
    raw_close(&peers[0]);
    reply_ends(&r, ERR_CLOSED, "before a response came");
    assert_int_equal(n_peers, 1);
}

static void refused_once_more_but_not_for_ever(void **state)
{
    (void)state;
    static struct reply r;
    static struct peer p;
    start(&r, raw_port);
    peer_accept(&p, 1);
    for (int i = 0; i < 2; i++) {
        wait_until(serve(&p, &peers[0]) && p.heads == i + 1);
        assert_int_equal(r.done, 0);
        http2_stream_reset(p.s[i], HTTP2_REFUSED_STREAM);
        serve(&p, &peers[0]);
    }
    reply_ends(&r, ERR_CLOSED, "REFUSED_STREAM");
    assert_int_equal(n_peers, 1);
    forget_peer(&p);
}

static void going_peers_are_left_but_not_for_ever(void **state)
{
    (void)state;
    static struct reply r;
    static struct peer p;
    start(&r, raw_port);
    // Each connection goes away before it looks at the call.
    for (int i = 0; i < 4; i++) {
        wait_until(n_peers == i + 1 && peers[i].got.n > 60);
        assert_int_equal(r.done, 0);
        raw_send_span(&peers[i], SPAN("\0\0\0\4\0\0\0\0\0"                     // SETTINGS
                                      "\0\0\10\7\0\0\0\0\0\0\0\0\0\0\0\0\0")); // GOAWAY(0,0)
    }
    reply_ends(&r, ERR_CLOSED, "REFUSED_STREAM");
    (void)p;
    assert_int_equal(n_peers, 4);
}

static void wrong_heads(void **state)
{
    (void)state;
    static struct reply r;
    static struct peer p;
    static char value[3000];
    memset(value, 'v', sizeof(value));
    start(&r, raw_port);
    peer_accept_calls(&p, 1, 1);
    struct http_header h[40];
    for (int i = 0; i < 40; i++)
        h[i] = (struct http_header){SPAN("x"), span_of(value, 1600)};
    assert_int_equal(http2_respond(p.s[0], 200, (struct http_headers){h, 38}, true), 0);
    serve(&p, &peers[0]);
    reply_ends(&r, 0, "");
    start(&r, raw_port);
    wait_until(serve(&p, &peers[0]) && p.heads == 2);
    struct http_header many[201];
    for (int i = 0; i < 201; i++)
        many[i] = (struct http_header){SPAN("x"), SPAN("v")};
    assert_int_equal(http2_respond(p.s[1], 200, (struct http_headers){many, 201}, true), 0);
    serve(&p, &peers[0]);
    reply_ends(&r, ERR_PROTO, "head is too large");
    forget_peer(&p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(preface_in_pieces),
        T(what_only_begins_like_the_preface),
        cmocka_unit_test_setup_teardown(not_when_it_is_switched_off, setup_without, teardown),
        T(silent_from_the_start),
        T(head_that_does_not_end),
        T(body_that_does_not_end),
        cmocka_unit_test_setup_teardown(answered_in_the_middle_of_the_request, setup_small_bodies,
                                        teardown),
        T(reader_that_opens_no_window),
        T(answered_but_not_read),
        T(answers_that_nobody_takes_are_bounded),
        T(silent_answer_stays),
        T(socket_that_is_not_read),
        T(protocol_error_ends_the_connection),
        T(peer_that_never_answers_the_announced_end),
        cmocka_unit_test_setup_teardown(held_exchanges_are_bounded, setup_one_stream, teardown),
        cmocka_unit_test_setup_teardown(exchanges_of_all_connections_are_bounded,
                                        setup_few_exchanges, teardown),
        T(peers_that_do_not_speak_it),
        T(peer_that_breaks_the_rules),
        T(half_open_connections_are_found),
        T(data_answers_a_ping),
        T(stale_connections_are_replaced),
        T(call_that_may_go_once_is_not_repeated),
        T(refused_once_more_but_not_for_ever),
        T(going_peers_are_left_but_not_for_ever),
        T(wrong_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
