// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"
#include "base/mem.h"
#include "net/http_server_internal.h"

// Happy path: bytes go through the parser until a request is whole; the handler answers at once
// (the loop in conn_process() goes on with the next pipelined request, and all answers leave in one
// write) or later (input waits in `tail`, reading stops when more comes).
// Failure modes: what the parser refuses, a limit, or a time limit is answered and the connection
// lingers until the peer has closed, so that the answer is not lost to a reset; a peer that is gone
// leaves the exchange to its handler, and the object is freed when that has answered.

// What a connection keeps of its buffers between requests.
#define KEEP_BYTES (64 * 1024)
#define FIRST_BODY_ROOM (64 * 1024)

static bool blocked(const struct conn *c)
{
    return c->x.open || c->phase == CONN_LINGER || !c->stream ||
           stream_queued(c->stream) >= TCP_HIGH_MARK;
}

void conn_set_phase(struct conn *c, enum conn_phase phase)
{
    const struct http_server_options *o = &c->server->o;
    if (phase == c->phase && phase != CONN_IDLE)
        return;
    c->phase = phase;
    switch (phase) {
    case CONN_IDLE:
        timer_start(c->server->loop, &c->timer, c->fresh ? o->head_ms : o->idle_ms);
        break;
    case CONN_HEAD:
        timer_start(c->server->loop, &c->timer, o->head_ms);
        break;
    case CONN_BODY:
        timer_start(c->server->loop, &c->timer, o->body_ms);
        break;
    case CONN_HANDLING:
        break; // the handler's own limits count
    case CONN_LINGER:
        timer_start(c->server->loop, &c->timer, SERVER_LINGER_MS);
        break;
    }
}

static void set_reading(struct conn *c, bool on)
{
    if (!c->stream || c->reading == on)
        return;
    c->reading = on;
    if (on)
        stream_read_start(c->stream);
    else
        stream_read_stop(c->stream);
}

static void trim_buf(struct buf *b)
{
    if (b->cap > KEEP_BYTES)
        buf_free(b);
    else
        buf_clear(b);
}

// A request may bring secrets.
static void drop_body(struct conn *c)
{
    c->server->body_bytes -= c->x.body.n;
    mem_wipe(c->x.body.p, c->x.body.n);
    trim_buf(&c->x.body);
}

void conn_maybe_free(struct conn *c)
{
    if (c->stream || c->stream_closing || c->x.open || c->processing ||
        (c->h2 && !server_h2_empty(c->h2)))
        return;
    struct http_server *s = c->server;
    timer_stop(&c->timer);
    loop_unpost(&c->resume);
    list_remove(&c->link);
    drop_body(c);
    server_h2_free(c->h2);
    http1_free(c->parser);
    arena_free(&c->x.arena);
    buf_free(&c->out);
    buf_free(&c->x.body);
    buf_free_wiped(&c->tail);
    mem_free(c);
    server_maybe_finish(s);
}

static void on_stream_closed(void *ctx)
{
    struct conn *c = ctx;
    c->stream_closing = false;
    conn_maybe_free(c);
}

void conn_cut(struct conn *c)
{
    if (!c->stream)
        return;
    struct http_server *s = c->server;
    struct stream *stream = c->stream;
    c->stream = NULL;
    c->stream_closing = true;
    timer_stop(&c->timer);
    loop_unpost(&c->resume);
    if (s->n_streams-- == s->o.max_connections && s->listener)
        tcp_listener_pause(s->listener, false);
    stream_close(stream, on_stream_closed, c);
    if (c->h2)
        server_h2_gone(c->h2);
    else
        exchange_tell_gone(&c->x);
}

void conn_flush(struct conn *c, struct span more)
{
    if (c->stream && c->out.n + more.n > 0) {
        struct span parts[2] = {buf_span(&c->out), more};
        c->given += c->out.n + more.n;
        // A failure comes by on_drain.
        (void)!stream_write(c->stream, parts, 2);
    }
    trim_buf(&c->out);
}

void conn_begin_linger(struct conn *c)
{
    conn_flush(c, SPAN_NONE);
    stream_shutdown(c->stream);
    c->queued_seen = stream_queued(c->stream);
    c->stalled_ms = 0;
    buf_free(&c->tail);
    drop_body(c);
    if (c->eof && c->queued_seen == 0) {
        conn_cut(c);
        return;
    }
    conn_set_phase(c, CONN_LINGER);
    set_reading(c, !c->eof);
}

static void refuse(struct conn *c, int status, const char *reason)
{
    log_debug("net", "request refused", "peer=%s status=%d reason=\"%s\"", http_peer(&c->x), status,
              reason);
    c->last = true;
    c->x.head_only = false;
    response_write_error(c, status, reason);
    conn_begin_linger(c);
}

static void begin_body(struct conn *c)
{
    const struct http1_head *h = http1_head(c->parser);
    const struct http_server_options *o = &c->server->o;
    c->fresh = false;
    if (h->content_length > 0 && (uint64_t)h->content_length > o->max_body) {
        refuse(c, 413, "request body too large");
        return;
    }
    if (h->chunked || h->content_length > 0)
        conn_set_phase(c, CONN_BODY);
    if (h->expect_continue && http1_rest(c->parser).n == 0)
        buf_add_str(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
    if (h->content_length > 0)
        buf_reserve(&c->x.body, (size_t)h->content_length < FIRST_BODY_ROOM
                                    ? (size_t)h->content_length
                                    : FIRST_BODY_ROOM);
}

static void add_body(struct conn *c)
{
    struct http_server *s = c->server;
    struct span piece = http1_body(c->parser);
    if (piece.n > s->o.max_body - c->x.body.n) {
        refuse(c, 413, "request body too large");
    } else if (piece.n > s->o.max_body_total - s->body_bytes) {
        refuse(c, 503, "too many request bodies at a time; try again later");
    } else {
        s->body_bytes += piece.n;
        buf_add_span(&c->x.body, piece);
    }
}

static void handle(struct conn *c)
{
    const struct http1_head *h = http1_head(c->parser);
    struct http_exchange *x = &c->x;
    x->method = h->method;
    x->head_only = span_is(h->method, "HEAD");
    x->keep_alive = h->keep_alive;
    x->minor0 = h->minor == 0;
    x->headers = h->headers;
    x->data = NULL;
    x->on_gone = NULL;
    x->on_drain = NULL;
    x->streaming = false;
    exchange_set_target(x, h->target);
    x->open = true;
    conn_set_phase(c, CONN_HANDLING);
    c->server->o.handler(c->server->o.ctx, x);
}

static void on_event(struct conn *c, enum http1_event event)
{
    switch (event) {
    case HTTP1_HEAD:
        begin_body(c);
        break;
    case HTTP1_BODY:
        add_body(c);
        break;
    case HTTP1_DONE:
        handle(c);
        break;
    default: {
        struct http1_error e = http1_error(c->parser);
        refuse(c, e.status, e.reason);
    }
    }
}

// After the loop: what the connection waits for now.
static void settle(struct conn *c)
{
    if (!c->stream || c->phase == CONN_LINGER)
        return;
    conn_flush(c, SPAN_NONE);
    set_reading(c, c->tail.n == 0 && !c->eof);
    if (c->x.open)
        return;
    if (c->last && http1_idle(c->parser) && c->tail.n == 0) {
        conn_begin_linger(c); // the server began to drain meanwhile
    } else if (blocked(c) || (http1_idle(c->parser) && !c->eof)) {
        c->queued_seen = stream_queued(c->stream);
        c->stalled_ms = 0;
        conn_set_phase(c, CONN_IDLE);
    } else if (c->eof) {
        conn_begin_linger(c);
    } else if (c->phase != CONN_BODY) {
        conn_set_phase(c, CONN_HEAD);
    }
}

static void process(struct conn *c, struct span in)
{
    http1_feed(c->parser, in);
    c->processing = true;
    while (!blocked(c)) {
        enum http1_event event = http1_next(c->parser);
        if (event == HTTP1_MORE)
            break;
        on_event(c, event);
    }
    c->processing = false;
}

static void process_input(struct conn *c, struct span in)
{
    process(c, in);
    struct span rest = http1_rest(c->parser);
    if (c->stream && c->phase != CONN_LINGER && rest.n > 0)
        buf_add_span(&c->tail, rest);
    settle(c);
    conn_maybe_free(c);
}

static void on_resume(struct loop_task *task)
{
    struct conn *c = container_of(task, struct conn, resume);
    if (c->tail.n > 0) {
        process(c, buf_span(&c->tail));
        if (c->tail.n > 0)
            buf_drop(&c->tail, c->tail.n - http1_rest(c->parser).n);
        if (c->tail.n == 0)
            trim_buf(&c->tail);
    }
    settle(c);
    conn_maybe_free(c);
}

static void go_on_later(struct conn *c)
{
    if (!list_linked(&c->resume.link))
        loop_post(c->server->loop, &c->resume);
}

void conn_answered(struct conn *c)
{
    c->x.open = false;
    c->x.on_gone = NULL;
    if (c->x.body.n)
        arena_free_wiped(&c->x.arena);
    else if (c->x.arena.bytes > KEEP_BYTES)
        arena_free(&c->x.arena);
    else
        arena_reset(&c->x.arena);
    drop_body(c);
    if (c->stream && c->last)
        conn_begin_linger(c);
    if (c->processing)
        return;
    if (!c->stream) {
        go_on_later(c); // frees
        return;
    }
    if (c->phase == CONN_LINGER)
        return;
    conn_flush(c, SPAN_NONE);
    // The next request's handler must not run inside the caller of http_respond().
    if (c->tail.n > 0)
        go_on_later(c);
    else
        settle(c);
}

// While lingering: input is thrown away, within bounds.
static void discard(struct conn *c, size_t n, int status)
{
    c->discarded += n;
    if (status != 0 || c->discarded > SERVER_LINGER_BYTES)
        conn_cut(c);
}

static void begin_h2(struct conn *c, struct span in)
{
    http1_free(c->parser);
    c->parser = NULL;
    c->sniffing = false;
    c->h2 = server_h2_new(c);
    server_h2_read(c->h2, in);
}

// HTTP/2 is told by TLS, or by the preface of a peer that knows beforehand (RFC 9113 section 3.3).
// True when the input has been dealt with.
static bool sniff(struct conn *c, struct span in)
{
    if (c->server->tls) {
        c->sniffing = false;
        if (strcmp(stream_alpn(c->stream), "h2") != 0)
            return false;
        begin_h2(c, in);
        return true;
    }
    size_t left = HTTP2_PREFACE_LEN - c->sniffed, n = in.n < left ? in.n : left;
    if (memcmp(in.p, &HTTP2_PREFACE[c->sniffed], n) == 0 && n < left) {
        c->sniffed += (uint8_t)n;
        conn_set_phase(c, CONN_HEAD);
        return true;
    }
    bool h2 = memcmp(in.p, &HTTP2_PREFACE[c->sniffed], n) == 0;
    c->sniffing = false;
    if (!h2 && c->sniffed == 0)
        return false;
    struct buf all = {0};
    buf_add(&all, HTTP2_PREFACE, c->sniffed);
    buf_add_span(&all, in);
    if (h2)
        begin_h2(c, buf_span(&all));
    else
        process_input(c, buf_span(&all));
    buf_free(&all);
    return true;
}

static void on_read(void *ctx, const char *p, size_t n, int status)
{
    struct conn *c = ctx;
    if (c->phase == CONN_LINGER) {
        discard(c, n, status);
    } else if (c->h2) {
        // Without our peer's WINDOW_UPDATEs a half-closed connection is of no use.
        if (status != 0)
            conn_cut(c);
        else
            server_h2_read(c->h2, span_of(p, n));
    } else if (status == 0 && c->sniffing && sniff(c, span_of(p, n))) {
        return;
    } else if (status == ERR_CLOSED) {
        c->eof = true;
        c->reading = false;
        exchange_tell_gone(&c->x);
        if (c->stream && !c->x.open)
            settle(c);
    } else if (status != 0) {
        conn_cut(c);
    } else if (blocked(c) || c->tail.n > 0) {
        buf_add(&c->tail, p, n);
        set_reading(c, false);
    } else {
        process_input(c, span_of(p, n));
    }
}

static void on_drain(void *ctx, int status)
{
    struct conn *c = ctx;
    if (status != 0)
        conn_cut(c);
    else if (c->h2)
        server_h2_drained(c->h2);
    else if (c->x.open)
        exchange_tell_drained(&c->x);
    else if (c->phase != CONN_LINGER)
        go_on_later(c);
}

static const struct stream_events events = {NULL, on_read, on_drain};

// The peer takes (nearly) nothing of what waits for it: true when that has lasted too long.
static bool stalled(struct conn *c, int64_t since_last_ms)
{
    size_t queued = stream_queued(c->stream);
    if (queued == 0)
        return true;
    if (queued + SERVER_SLOWEST_BYTES <= c->queued_seen) {
        c->queued_seen = queued;
        c->stalled_ms = 0;
        return false;
    }
    c->stalled_ms += since_last_ms;
    return c->stalled_ms >= c->server->o.idle_ms;
}

void conn_watch_reader(struct conn *c)
{
    c->queued_seen = stream_queued(c->stream);
    c->given = 0;
    timer_start(c->server->loop, &c->timer, c->server->o.idle_ms);
}

// A streamed answer may be silent, but what waited at the last look has to be taken, or
// SERVER_SLOWEST_BYTES of it.
static void check_reader(struct conn *c)
{
    size_t least = c->queued_seen < SERVER_SLOWEST_BYTES ? c->queued_seen : SERVER_SLOWEST_BYTES;
    if (c->queued_seen + c->given < stream_queued(c->stream) + least)
        conn_cut(c);
    else
        conn_watch_reader(c);
}

static void on_timer(struct timer *t)
{
    struct conn *c = container_of(t, struct conn, timer);
    switch (c->phase) {
    case CONN_HEAD:
        refuse(c, 408, "request head did not arrive in time");
        break;
    case CONN_BODY:
        refuse(c, 408, "request body did not arrive in time");
        break;
    case CONN_IDLE:
        if ((c->h2 && c->last) || stalled(c, c->server->o.idle_ms))
            conn_cut(c);
        else
            timer_start(t->loop, t, c->server->o.idle_ms);
        break;
    case CONN_LINGER:
        if (stalled(c, SERVER_LINGER_MS))
            conn_cut(c);
        else
            timer_start(t->loop, t, SERVER_LINGER_MS);
        break;
    case CONN_HANDLING:
        if (c->h2 || (c->x.open && c->x.streaming))
            check_reader(c);
        break;
    }
}

void conn_drain(struct conn *c)
{
    c->last = true;
    if (c->h2 && c->stream && c->phase != CONN_LINGER)
        server_h2_drain(c->h2);
    if (c->h2)
        return;
    if (!c->stream || c->processing || c->phase != CONN_IDLE || c->tail.n > 0)
        return;
    if (stream_queued(c->stream) > 0)
        conn_begin_linger(c);
    else
        conn_cut(c);
}

void conn_accept(struct http_server *s, struct tcp *t)
{
    struct conn *c = mem_new(struct conn);
    c->server = s;
    c->fresh = true;
    c->last = s->draining;
    c->sniffing = !s->o.no_http2;
    c->x.conn = c;
    c->x.ops = &http1_exchange_ops;
    c->timer.fire = on_timer;
    c->resume.run = on_resume;
    struct http1_limits limits = {
        .head = s->o.max_head, .headers = SERVER_HEADERS_MAX, .target = SERVER_TARGET_MAX};
    c->parser = http1_new(HTTP1_REQUESTS, &limits);
    c->stream = stream_accept(s->loop, t, s->tls, &events, c);
    list_push(&s->conns, &c->link);
    if (++s->n_streams == s->o.max_connections)
        tcp_listener_pause(s->listener, true);
    conn_set_phase(c, CONN_IDLE);
    set_reading(c, true);
}
