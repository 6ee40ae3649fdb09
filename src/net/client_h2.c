// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/mem.h"
#include "net/http_client_internal.h"

// Happy path: a call joins the origin's connection (or the first one dials it), becomes a stream,
// and gets its response's events as they come; a task at the end of the turn sends what all calls
// have to say. Failure modes: a lost connection takes its calls along, but for those that may be
// started again; a peer that is silent for too long is asked by PING and then given up; what comes
// for a paused call waits with it, at most the window's bytes.

#define CONN_WINDOW (8 * 1024 * 1024)
#define STREAM_WINDOW (256 * 1024)
#define FLUSH_AT (64 * 1024)
// To a connection that is still being made; it may take fewer when it is there.
#define CALLS_AT_FIRST 100
// A call that no connection takes is not carried on for ever.
#define MOVES_MAX 3

static void on_stream_closed(void *ctx)
{
    struct client_h2 *c = ctx;
    struct http_client *client = c->client;
    list_remove(&c->link);
    mem_free(c);
    client_maybe_finish(client);
}

static bool too_old(const struct client_h2 *c)
{
    return loop_now_ms(c->client->loop) - c->born_ms >= c->client->o.max_age_ms;
}

static bool takes_calls(const struct client_h2 *c)
{
    if (c->going || too_old(c))
        return false;
    return c->http2 ? http2_can_request(c->http2) : c->n_calls < CALLS_AT_FIRST;
}

static struct client_h2 *find_conn(const struct origin *o)
{
    list_for(it, &o->h2)
    {
        struct client_h2 *c = container_of(it, struct client_h2, origin_link);
        if (takes_calls(c))
            return c;
    }
    return NULL;
}

static void serve_waiting(struct origin *o)
{
    while (!list_empty(&o->waiting) && !o->client->closing &&
           (find_conn(o) || o->n_conns < o->client->o.max_per_origin))
        client_h2_assign(container_of(list_pop(&o->waiting), struct client_call, wait_link));
}

static void flush_later(struct client_h2 *c)
{
    if (c->stream && !list_linked(&c->flush.link))
        loop_post(c->client->loop, &c->flush);
}

static void send_some(struct client_h2 *c)
{
    struct buf out = {0};
    while (c->http2 && stream_queued(c->stream) < TCP_HIGH_MARK &&
           http2_out(c->http2, &out, FLUSH_AT) > 0) {
        struct span part = buf_span(&out);
        // A failure comes by on_drain.
        (void)!stream_write(c->stream, &part, 1);
        buf_clear(&out);
    }
    buf_free(&out);
}

static void send_body(struct client_call *cc)
{
    struct http2_stream *s = cc->h2.stream;
    if (cc->phase != CALL_SENDING && cc->sent == cc->body.n)
        return;
    while (cc->sent < cc->body.n && http2_stream_queued(s) < HTTP2_HIGH_MARK) {
        size_t left = cc->body.n - cc->sent;
        struct span slice =
            span_of(cc->body.p + cc->sent, left < CLIENT_SLICE ? left : CLIENT_SLICE);
        cc->sent += slice.n;
        if (http2_stream_write(s, slice) != 0)
            return; // its end comes as an event
    }
    if (cc->sent < cc->body.n)
        return;
    if (cc->body.n > 0)
        http2_stream_end(s);
    if (cc->phase == CALL_SENDING)
        client_call_set_phase(cc, CALL_SENT);
}

// False when the connection takes no more.
static bool begin(struct client_h2 *c, struct client_call *cc)
{
    struct http2_stream *s = http2_request(c->http2, &cc->h2.request);
    if (!s)
        return false;
    cc->h2.stream = s;
    cc->h2.stale = c->served;
    cc->h2.got = c->got;
    cc->sent = 0;
    client_call_set_phase(cc, CALL_SENDING);
    send_body(cc);
    flush_later(c);
    return true;
}

static void set_watch(struct client_h2 *c)
{
    struct http_client *client = c->client;
    if (c->n_calls == 0)
        timer_start(client->loop, &c->watch, client->o.idle_ms);
    else if (!c->pinged)
        timer_start(client->loop, &c->watch, client->o.ping_ms);
}

static void join(struct client_h2 *c, struct client_call *cc)
{
    cc->h2.conn = c;
    list_push(&c->calls, &cc->h2.link);
    if (c->n_calls++ > 0)
        return;
    c->heard_ms = loop_now_ms(c->client->loop);
    c->idle = false;
    set_watch(c);
}

static void leave(struct client_call *cc)
{
    struct client_h2 *c = cc->h2.conn;
    cc->h2.conn = NULL;
    list_remove(&cc->h2.link);
    c->n_calls--;
    c->served = true;
}

static void drop_stream(struct client_call *cc, uint32_t code)
{
    http2_stream_free(cc->h2.stream, code);
    cc->h2.stream = NULL;
}

// Takes the call off its connection, to be started anew.
static void start_again(struct client_call *cc)
{
    struct client_h2 *c = cc->h2.conn;
    if (c)
        leave(cc);
    drop_stream(cc, HTTP2_CANCEL);
    client_h2_assign(cc);
    if (c)
        flush_later(c); // it may have become idle
}

void client_h2_release(struct client_call *cc)
{
    loop_unpost(&cc->h2.resume);
    drop_stream(cc, HTTP2_CANCEL);
    struct client_h2 *c = cc->h2.conn;
    if (!c)
        return;
    leave(cc);
    if (c->n_calls == 0 && !c->http2)
        client_h2_close(c); // it was being made for this call
    else
        flush_later(c);
}

// The stream is gone or given up; its calls are still on the list.
static void shut(struct client_h2 *c)
{
    struct origin *o = c->origin;
    c->origin = NULL;
    list_remove(&c->origin_link);
    timer_stop(&c->watch);
    loop_unpost(&c->flush);
    http2_free(c->http2);
    c->http2 = NULL;
    stream_close(c->stream, on_stream_closed, c);
    c->stream = NULL;
    o->n_conns--;
}

static void fail_call(struct client_call *cc, int status, const char *why)
{
    if (why)
        client_call_finish(cc, status, "%s", why);
    else
        client_call_lost(cc, status);
}

// Ends the connection; `why` is for all its calls, NULL for the usual words.
static void conn_failed(struct client_h2 *c, int status, const char *why)
{
    if (!c->origin)
        return;
    struct origin *o = c->origin;
    struct list lost = LIST_INIT(lost);
    shut(c);
    list_move_all(&lost, &c->calls);
    for (struct list *it; (it = list_pop(&lost));) {
        struct client_call *cc = container_of(it, struct client_call, h2.link);
        bool untouched = cc->h2.stale && cc->h2.got == c->got;
        leave(cc);
        if (cc->h2.ended)
            continue; // all of the response is here
        if (untouched && !cc->once && !cc->retried && !why) {
            cc->retried = true;
            start_again(cc);
        } else {
            fail_call(cc, status, why);
        }
    }
    serve_waiting(o);
}

void client_h2_close(struct client_h2 *c)
{
    if (c->http2) {
        http2_goaway(c->http2, HTTP2_NO_ERROR);
        send_some(c);
    }
    conn_failed(c, ERR_CLOSED, NULL);
}

static void no_http2(struct client_h2 *c)
{
    char why[HTTP_HOST_VALUE_MAX + 40];
    snprintf(why, sizeof(why), "%s does not speak HTTP/2", c->origin->host_value);
    conn_failed(c, ERR_PROTO, why);
}

static void complete(struct client_call *cc)
{
    client_call_finish(cc, 0, "%s", "");
}

static void on_reset(struct client_call *cc, const struct http2_event *event)
{
    if (cc->h2.ended)
        return;
    bool answered = cc->phase == CALL_RECEIVING;
    bool going = cc->h2.conn && cc->h2.conn->going;
    if (event->unprocessed && !answered && (going ? cc->h2.moves < MOVES_MAX : !cc->retried)) {
        cc->h2.moves++;
        cc->retried = cc->retried || !going;
        start_again(cc);
        return;
    }
    int status = event->code == HTTP2_PROTOCOL_ERROR ? ERR_PROTO : ERR_CLOSED;
    client_call_finish(cc, status, "%s: stream reset (%s) %s", cc->origin->host_value,
                       http2_code_text(event->code),
                       answered ? "before the response was complete" : "before a response came");
}

static bool holds_back(const struct client_call *cc)
{
    return cc->paused || cc->h2.head_waits || cc->h2.tail.n > 0 || list_linked(&cc->h2.resume.link);
}

static void tell_head(struct client_call *cc)
{
    const struct http2_head *head = http2_stream_head(cc->h2.stream);
    cc->h2.head_waits = false;
    if (head->too_large)
        client_call_finish(cc, ERR_PROTO, "%s: not a valid HTTP response: its head is too large",
                           cc->origin->host_value);
    else
        client_call_head(cc, head->status, head->headers, head->content_length);
}

static void on_data(struct client_call *cc, struct span piece)
{
    if (holds_back(cc)) {
        buf_add_span(&cc->h2.tail, piece);
        return;
    }
    client_call_body(cc, piece);
    if (cc->h2.stream)
        http2_stream_consume(cc->h2.stream, piece.n);
}

static void on_call_event(struct client_call *cc, const struct http2_event *event)
{
    switch (event->type) {
    case HTTP2_HEAD:
        client_call_set_phase(cc, CALL_RECEIVING);
        if (holds_back(cc))
            cc->h2.head_waits = true;
        else
            tell_head(cc);
        break;
    case HTTP2_DATA:
        on_data(cc, event->data);
        break;
    case HTTP2_END:
        if (holds_back(cc))
            cc->h2.ended = true;
        else
            complete(cc);
        break;
    case HTTP2_CLOSED:
        on_reset(cc, event);
        break;
    case HTTP2_DRAINED:
        send_body(cc);
        break;
    default:
        break;
    }
}

static void on_conn_event(struct client_h2 *c, const struct http2_event *event)
{
    if (event->type == HTTP2_GOAWAY) {
        c->going = true;
        list_remove(&c->origin_link);
    } else if (event->type == HTTP2_SETTLED) {
        serve_waiting(c->origin);
    }
}

static bool take_events(struct client_h2 *c)
{
    bool any = false;
    struct http2_event event;
    while (c->http2 && http2_next(c->http2, &event)) {
        any = true;
        struct client_call *cc = event.stream ? http2_stream_owner(event.stream) : NULL;
        if (cc)
            on_call_event(cc, &event);
        else if (!event.stream)
            on_conn_event(c, &event);
    }
    return any;
}

static void on_broken(struct client_h2 *c)
{
    if (!http2_settled(c->http2) && c->got > 0) {
        no_http2(c);
        return;
    }
    char why[HTTP_HOST_VALUE_MAX + 200];
    const char *text = http2_error(c->http2);
    if (c->going && !text[0]) {
        conn_failed(c, ERR_CLOSED, NULL);
        return;
    }
    snprintf(why, sizeof(why), "%s: not valid HTTP/2: %s", c->origin->host_value,
             text[0] ? text : "protocol error");
    conn_failed(c, ERR_PROTO, why);
}

// What calls have said and what came for them, until nothing moves any more.
static void work(struct client_h2 *c)
{
    do {
        send_some(c);
    } while (take_events(c));
    if (!c->http2)
        return;
    if (http2_finished(c->http2)) {
        on_broken(c);
        return;
    }
    bool idle = c->n_calls == 0;
    if (idle && (c->going || too_old(c)))
        client_h2_close(c);
    else if (idle && !c->idle)
        set_watch(c);
    c->idle = idle;
}

static void on_flush(struct loop_task *t)
{
    struct client_h2 *c = container_of(t, struct client_h2, flush);
    struct origin *o = c->origin;
    work(c);
    serve_waiting(o);
}

static void on_watch(struct timer *t)
{
    struct client_h2 *c = container_of(t, struct client_h2, watch);
    const struct http_client_options *o = &c->client->o;
    int64_t silent_ms = loop_now_ms(t->loop) - c->heard_ms;
    if (c->n_calls == 0) {
        client_h2_close(c);
    } else if (c->pinged) {
        conn_failed(c, ERR_TIMEOUT, NULL);
    } else if (!c->http2 || silent_ms < o->ping_ms) {
        timer_start(t->loop, t, c->http2 ? o->ping_ms - silent_ms : o->ping_ms);
    } else {
        c->pinged = true;
        http2_ping(c->http2);
        timer_start(t->loop, t, o->pong_ms);
        flush_later(c);
    }
}

static void on_read(void *ctx, const char *p, size_t n, int status)
{
    struct client_h2 *c = ctx;
    if (status != 0) {
        if (c->got > 0 && !http2_settled(c->http2))
            no_http2(c);
        else
            conn_failed(c, status, NULL);
        return;
    }
    c->got += n;
    c->heard_ms = loop_now_ms(c->client->loop);
    if (c->pinged) {
        c->pinged = false;
        set_watch(c);
    }
    // What went wrong shows in http2_finished().
    (void)!http2_feed(c->http2, span_of(p, n), c->heard_ms);
    struct origin *o = c->origin;
    take_events(c);
    work(c);
    serve_waiting(o);
}

static void on_open(void *ctx, int status, const struct err *e)
{
    struct client_h2 *c = ctx;
    struct origin *o = c->origin;
    if (status != 0) {
        conn_failed(c, status, e && e->msg[0] ? e->msg : err_text(status));
        return;
    }
    if (o->tls && strcmp(stream_alpn(c->stream), "h2") != 0) {
        no_http2(c);
        return;
    }
    struct http2_options options = {.side = HTTP2_CLIENT,
                                    .head_max = CLIENT_HEAD_MAX,
                                    .headers_max = CLIENT_HEADERS_MAX,
                                    .window = STREAM_WINDOW,
                                    .conn_window = CONN_WINDOW};
    c->http2 = http2_new(&options);
    c->heard_ms = loop_now_ms(c->client->loop);
    stream_read_start(c->stream);
    list_for_safe(it, &c->calls)
    {
        struct client_call *cc = container_of(it, struct client_call, h2.link);
        if (!begin(c, cc)) {
            leave(cc);
            client_h2_assign(cc);
        }
    }
    flush_later(c);
}

static void on_drain(void *ctx, int status)
{
    struct client_h2 *c = ctx;
    if (status != 0)
        conn_failed(c, status, NULL);
    else
        flush_later(c);
}

static const struct stream_events events = {on_open, on_read, on_drain};

static void dial(struct client_call *cc)
{
    struct origin *o = cc->origin;
    struct client_h2 *c = mem_new(struct client_h2);
    c->client = o->client;
    c->watch.fire = on_watch;
    c->flush.run = on_flush;
    c->born_ms = loop_now_ms(o->client->loop);
    list_init(&c->calls);
    client_call_set_phase(cc, CALL_CONNECTING);
    struct err e = {0};
    struct stream_target to = client_target(o);
    to.h2 = true;
    int rc = o->tls ? client_tls(o->client, &to.tls, &e) : 0;
    if (o->proxy && !o->tls)
        rc = err_set(&e, ERR_CONFIG, "HTTP/2 goes through a proxy over TLS only");
    if (rc == 0)
        rc = stream_connect(o->client->loop, &to, &events, c, &c->stream);
    if (rc != 0) {
        mem_free(c);
        client_call_finish(cc, rc, "cannot connect to %s: %s", o->host_value,
                           e.code ? e.msg : err_text(rc));
        return;
    }
    c->origin = o;
    o->n_conns++;
    list_push(&o->client->h2_conns, &c->link);
    list_push(&o->h2, &c->origin_link);
    join(c, cc);
}

static void close_old_ones(struct origin *o)
{
    list_for_safe(it, &o->h2)
    {
        struct client_h2 *c = container_of(it, struct client_h2, origin_link);
        if (too_old(c) && c->n_calls == 0)
            client_h2_close(c);
    }
}

void client_h2_assign(struct client_call *cc)
{
    struct origin *o = cc->origin;
    close_old_ones(o);
    struct client_h2 *c = find_conn(o);
    if (!c && o->n_conns < o->client->o.max_per_origin) {
        dial(cc);
    } else if (!c) {
        client_call_set_phase(cc, CALL_WAITING);
        list_push(&o->waiting, &cc->wait_link);
    } else if (!c->http2) {
        client_call_set_phase(cc, CALL_CONNECTING);
        join(c, cc);
    } else {
        join(c, cc);
        require(begin(c, cc));
    }
}

static void on_resume(struct loop_task *t)
{
    struct client_call *cc = container_of(t, struct client_call, h2.resume);
    struct h2_call *h2 = &cc->h2;
    if (cc->paused)
        return;
    if (h2->head_waits)
        tell_head(cc);
    if (cc->paused || cc->phase == CALL_FINISHED)
        return;
    if (h2->tail.n > 0) {
        struct buf tail = h2->tail;
        h2->tail = (struct buf){0};
        client_call_body(cc, buf_span(&tail));
        if (h2->stream) {
            http2_stream_consume(h2->stream, tail.n);
            if (h2->conn)
                flush_later(h2->conn);
        }
        buf_free(&tail);
    }
    if (h2->ended && !cc->paused && cc->phase != CALL_FINISHED)
        complete(cc);
}

void client_h2_resume(struct client_call *cc)
{
    if (!cc->h2.stream || list_linked(&cc->h2.resume.link))
        return;
    cc->h2.resume.run = on_resume;
    loop_post(cc->client->loop, &cc->h2.resume);
}
