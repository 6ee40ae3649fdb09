// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "net/http_client_internal.h"

// Happy path: a call takes the connection used last (or a new one), its request is written in
// slices as the peer takes them, the response's events go to the caller piece by piece, and the
// connection becomes idle again. Failure modes: a reused connection that dies before the first byte
// has probably been closed by the peer meanwhile: the call moves to a fresh one, once. Every other
// failure ends the call.

static void on_stream_closed(void *ctx)
{
    struct client_conn *c = ctx;
    struct http_client *client = c->client;
    list_remove(&c->link);
    http1_free(c->parser);
    buf_free(&c->tail);
    mem_free(c);
    client_maybe_finish(client);
}

static void serve_waiting(struct origin *o)
{
    if (list_empty(&o->waiting) || o->client->closing)
        return;
    struct list *it = list_pop(&o->waiting);
    client_assign(container_of(it, struct client_call, wait_link));
}

void client_conn_close(struct client_conn *c)
{
    struct origin *o = c->origin;
    if (!o)
        return;
    c->origin = NULL;
    list_remove(&c->idle_link);
    timer_stop(&c->idle);
    loop_unpost(&c->resume);
    if (c->call)
        c->call->conn = NULL;
    c->call = NULL;
    stream_close(c->stream, on_stream_closed, c);
    c->stream = NULL;
    o->n_conns--;
    serve_waiting(o);
}

static void on_idle_over(struct timer *t)
{
    client_conn_close(container_of(t, struct client_conn, idle));
}

static bool too_old(const struct client_conn *c)
{
    return loop_now_ms(c->client->loop) - c->born_ms >= c->client->o.max_age_ms;
}

// The response is complete: the connection waits for another call, or closes.
static void release(struct client_conn *c, bool reusable)
{
    c->call->conn = NULL;
    c->call = NULL;
    if (!reusable || too_old(c) || c->client->closing) {
        client_conn_close(c);
        return;
    }
    c->idle_since_ms = loop_now_ms(c->client->loop);
    list_push_front(&c->origin->idle, &c->idle_link);
    timer_start(c->client->loop, &c->idle, c->client->o.idle_ms);
    stream_read_start(c->stream);
    serve_waiting(c->origin);
}

static void send_more(struct client_conn *c)
{
    struct client_call *cc = c->call;
    while (cc->sent < cc->body.n && stream_queued(c->stream) < TCP_HIGH_MARK) {
        size_t left = cc->body.n - cc->sent;
        struct span slice =
            span_of(cc->body.p + cc->sent, left < CLIENT_SLICE ? left : CLIENT_SLICE);
        cc->sent += slice.n;
        // A failure comes by on_drain or on_read.
        if (stream_write(c->stream, &slice, 1) != 0)
            break;
    }
    if (cc->sent == cc->body.n && cc->phase == CALL_SENDING)
        client_call_set_phase(cc, CALL_SENT);
}

static void begin(struct client_conn *c)
{
    struct client_call *cc = c->call;
    c->got_byte = false;
    http1_reset(c->parser);
    if (cc->no_body)
        http1_expect_no_body(c->parser);
    stream_wipe_reads(c->stream, cc->secret);
    client_call_set_phase(cc, CALL_SENDING);
    cc->sent = cc->body.n < CLIENT_SLICE ? cc->body.n : CLIENT_SLICE;
    struct span parts[2] = {buf_span(&cc->head), span_of(cc->body.p, cc->sent)};
    (void)!stream_write(c->stream, parts, 2);
    send_more(c);
    if (cc->paused)
        stream_read_stop(c->stream);
    else
        stream_read_start(c->stream);
}

static void conn_failed(struct client_conn *c, int status)
{
    struct client_call *cc = c->call;
    bool stale = c->reused && !c->got_byte;
    client_conn_close(c);
    if (!cc)
        return;
    if (stale && !cc->once && !cc->retried) {
        cc->retried = true;
        client_assign(cc);
        return;
    }
    client_call_lost(cc, status);
}

static void complete(struct client_conn *c)
{
    struct client_call *cc = c->call;
    bool reusable =
        http1_head(c->parser)->keep_alive && http1_rest(c->parser).n == 0 && cc->sent == cc->body.n;
    release(c, reusable);
    client_call_finish(cc, 0, "%s", "");
}

static void on_head(struct client_conn *c)
{
    struct client_call *cc = c->call;
    const struct http1_head *h = http1_head(c->parser);
    cc->interim = h->status < 200;
    if (h->status == 101)
        client_call_finish(cc, ERR_PROTO, "%s: switched protocols unasked", cc->origin->host_value);
    else if (!cc->interim)
        client_call_head(cc, h->status, h->headers, h->content_length);
}

// False ends the loop: the call has left the connection.
static bool on_event(struct client_conn *c, enum http1_event event)
{
    struct client_call *cc = c->call;
    switch (event) {
    case HTTP1_HEAD:
        on_head(c);
        break;
    case HTTP1_BODY:
        client_call_body(cc, http1_body(c->parser));
        break;
    case HTTP1_DONE:
        if (cc->interim)
            break;
        complete(c);
        return false;
    default:
        client_call_finish(cc, ERR_PROTO, "%s: not a valid HTTP response: %s",
                           cc->origin->host_value, http1_error(c->parser).reason);
    }
    return c->call == cc;
}

static void process(struct client_conn *c, struct span in)
{
    struct client_call *cc = c->call;
    http1_feed(c->parser, in);
    while (!cc->paused) {
        enum http1_event event = http1_next(c->parser);
        if (event == HTTP1_MORE || !on_event(c, event))
            return;
    }
}

static void on_read(void *ctx, const char *p, size_t n, int status)
{
    struct client_conn *c = ctx;
    if (!c->call) {
        // Idle: whatever comes now, the connection is of no use any more.
        client_conn_close(c);
    } else if (status != 0) {
        if (status == ERR_CLOSED && http1_eof(c->parser) == HTTP1_DONE)
            complete(c);
        else
            conn_failed(c, status);
    } else if (c->call->paused) {
        buf_add(&c->tail, p, n);
    } else {
        if (!c->got_byte) {
            c->got_byte = true;
            client_call_set_phase(c->call, CALL_RECEIVING);
        }
        struct client_call *cc = c->call;
        process(c, span_of(p, n));
        if (c->call == cc && cc->paused)
            buf_add_span(&c->tail, http1_rest(c->parser));
    }
}

static void on_resume(struct loop_task *task)
{
    struct client_conn *c = container_of(task, struct client_conn, resume);
    struct client_call *cc = c->call;
    if (!cc || cc->paused)
        return;
    // Also without input: the end of a message may be what is left to tell.
    process(c, buf_span(&c->tail));
    if (c->call != cc) {
        buf_free(&c->tail);
        return;
    }
    buf_drop(&c->tail, c->tail.n - http1_rest(c->parser).n);
    if (!cc->paused) {
        buf_free(&c->tail);
        stream_read_start(c->stream);
    }
}

void client_conn_resume(struct client_conn *c)
{
    if (!list_linked(&c->resume.link))
        loop_post(c->client->loop, &c->resume);
}

static void on_open(void *ctx, int status, const struct err *e)
{
    struct client_conn *c = ctx;
    struct client_call *cc = c->call;
    if (status == 0) {
        begin(c);
        return;
    }
    client_call_finish(cc, status, "%s", e && e->msg[0] ? e->msg : err_text(status));
}

static void on_drain(void *ctx, int status)
{
    struct client_conn *c = ctx;
    if (status != 0)
        conn_failed(c, status);
    else if (c->call && c->call->sent < c->call->body.n)
        send_more(c);
}

static const struct stream_events events = {on_open, on_read, on_drain};

int client_tls(struct http_client *c, struct tls_config **out, struct err *e)
{
    struct stream_client_files files = {.insecure = c->o.insecure};
    int rc = c->tls ? 0 : stream_client_tls(&files, &c->tls, e);
    *out = c->tls;
    return rc;
}

static void dial(struct client_call *cc)
{
    struct origin *o = cc->origin;
    struct client_conn *c = mem_new(struct client_conn);
    c->client = o->client;
    c->idle.fire = on_idle_over;
    c->resume.run = on_resume;
    c->born_ms = loop_now_ms(o->client->loop);
    client_call_set_phase(cc, CALL_CONNECTING);
    struct err e = {0};
    struct stream_target to = client_target(o);
    int rc = o->tls ? client_tls(o->client, &to.tls, &e) : 0;
    if (rc == 0)
        rc = stream_connect(o->client->loop, &to, &events, c, &c->stream);
    if (rc != 0) {
        mem_free(c);
        client_call_finish(cc, rc, "cannot connect to %s: %s", o->host_value,
                           e.code ? e.msg : err_text(rc));
        return;
    }
    struct http1_limits limits = {.head = CLIENT_HEAD_MAX, .headers = CLIENT_HEADERS_MAX};
    c->parser = http1_new(HTTP1_RESPONSES, &limits);
    c->origin = o;
    c->call = cc;
    cc->conn = c;
    o->n_conns++;
    list_push(&o->client->conns, &c->link);
}

// The one used last.
static struct client_conn *take_idle(struct origin *o, bool once)
{
    while (!list_empty(&o->idle)) {
        struct client_conn *c = container_of(o->idle.next, struct client_conn, idle_link);
        if (too_old(c)) {
            client_conn_close(c);
            continue;
        }
        if (once && loop_now_ms(c->client->loop) - c->idle_since_ms > CLIENT_ONCE_IDLE_MS)
            return NULL;
        list_remove(&c->idle_link);
        timer_stop(&c->idle);
        return c;
    }
    return NULL;
}

void client_assign(struct client_call *cc)
{
    struct origin *o = cc->origin;
    if (o->version == HTTP_2) {
        client_h2_assign(cc);
        return;
    }
    struct client_conn *c = cc->retried ? NULL : take_idle(o, cc->once);
    if (!c && o->n_conns >= o->client->o.max_per_origin && !list_empty(&o->idle))
        client_conn_close(container_of(o->idle.prev, struct client_conn, idle_link));
    if (c) {
        c->reused = true;
        c->call = cc;
        cc->conn = c;
        begin(c);
    } else if (o->n_conns < o->client->o.max_per_origin) {
        dial(cc);
    } else {
        client_call_set_phase(cc, CALL_WAITING);
        list_push(&o->waiting, &cc->wait_link);
    }
}
