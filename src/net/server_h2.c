// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"
#include "base/mem.h"
#include "net/http_server_internal.h"

// Happy path: what is read goes into the HTTP/2 engine; each stream becomes an exchange whose
// handler runs when its request is whole; answers wait in the engine, and a task at the end of the
// turn sends them. Failure modes: a request over a limit is answered and its stream ends; a peer
// that opens no window for what waits has its stream reset; a connection of no use any more says
// GOAWAY and lingers; an exchange whose stream is gone waits for its handler.

#define CONN_WINDOW (1024 * 1024)
#define STREAM_WINDOW (256 * 1024)
#define FLUSH_AT (64 * 1024)
#define FIRST_BODY_ROOM (64 * 1024)
// Of whole answers that a peer has not taken yet; beyond, its further requests wait.
#define ANSWERS_MAX (4 * 1024 * 1024)

struct server_h2 {
    struct conn *conn;
    struct http2 *http2; // NULL once the connection is gone
    struct list exchanges;
    struct list ready; // of them, complete requests that wait for their handler
    size_t n_exchanges;
    bool touched;      // there has been one since the last look
    bool busy;         // there were some at the last look
    struct timer head; // a head has begun
    struct loop_task flush;
};

struct h2_exchange {
    struct http_exchange x;
    struct list link;       // server_h2.exchanges
    struct list ready_link; // server_h2.ready
    struct server_h2 *h;
    struct http2_stream *stream;
    bool lingers; // the answer is out, the request is thrown away
    size_t discarded;
    bool handled;       // the handler has had it, or it was refused
    size_t charged;     // of the server's body_bytes
    struct timer timer; // of the request's body, then of who reads the answer
    size_t queued_seen;
    uint64_t sent_seen;
};

static struct h2_exchange *of(struct http_exchange *x)
{
    return container_of(x, struct h2_exchange, x);
}

static void flush_later(struct server_h2 *h)
{
    if (!list_linked(&h->flush.link))
        loop_post(h->conn->server->loop, &h->flush);
}

static void give_back(struct h2_exchange *hx)
{
    hx->h->conn->server->body_bytes -= hx->charged;
    hx->charged = 0;
    // A request may bring secrets.
    buf_free_wiped(&hx->x.body);
}

static void exchange_free(struct h2_exchange *hx, uint32_t code)
{
    struct server_h2 *h = hx->h;
    give_back(hx);
    timer_stop(&hx->timer);
    list_remove(&hx->link);
    list_remove(&hx->ready_link);
    h->n_exchanges--;
    h->conn->server->h2_exchanges--;
    http2_stream_free(hx->stream, code);
    arena_free_wiped(&hx->x.arena);
    mem_free(hx);
    flush_later(h);
}

static bool charge(struct h2_exchange *hx, size_t n)
{
    struct http_server *s = hx->h->conn->server;
    if (s->body_bytes > s->o.max_body_total || n > s->o.max_body_total - s->body_bytes)
        return false;
    s->body_bytes += n;
    hx->charged += n;
    return true;
}

static void watch_reader(struct h2_exchange *hx)
{
    hx->queued_seen = http2_stream_queued(hx->stream);
    hx->sent_seen = http2_stream_sent(hx->stream);
    struct http_server *s = hx->h->conn->server;
    timer_start(s->loop, &hx->timer, s->o.idle_ms);
}

// The handler is done with it: what remains goes out by itself.
static void finish(struct h2_exchange *hx)
{
    hx->x.open = false;
    hx->x.on_gone = NULL;
    hx->x.on_drain = NULL;
    bool had_body = hx->x.body.n > 0;
    give_back(hx);
    if (had_body)
        arena_free_wiped(&hx->x.arena);
    else
        arena_free(&hx->x.arena);
    http2_stream_drop_head(hx->stream);
    if (!http2_stream_open(hx->stream)) {
        exchange_free(hx, HTTP2_NO_ERROR);
        return;
    }
    watch_reader(hx);
    flush_later(hx->h);
}

// Status, Date, the length when it is known, and the handler's own.
static void send_head(struct h2_exchange *hx, int status, struct http_headers h, bool known,
                      size_t length, bool end)
{
    struct arena *a = &hx->x.arena;
    struct http_header *all = arena_array(a, struct http_header, h.n + 2);
    size_t n = 0;
    all[n++] = (struct http_header){SPAN("date"),
                                    span_of(response_date(hx->h->conn->server), SERVER_DATE_LEN)};
    if (known && !response_bodiless(status))
        all[n++] = (struct http_header){SPAN("content-length"), arena_printf(a, "%zu", length)};
    for (size_t i = 0; i < h.n; i++) {
        if (response_header_ok(&h.h[i]))
            all[n++] = h.h[i];
    }
    (void)!http2_respond(hx->stream, status, (struct http_headers){all, n}, end);
}

static void send_whole(struct h2_exchange *hx, int status, struct http_headers h, struct span body)
{
    bool end = body.n == 0 || hx->x.head_only || response_bodiless(status);
    send_head(hx, status, h, true, body.n, end);
    if (end || http2_stream_write(hx->stream, body) != 0)
        return;
    http2_stream_end(hx->stream);
}

static void respond(struct http_exchange *x, int status, struct http_headers h, struct span body)
{
    require(status >= 200 && status <= 599);
    send_whole(of(x), status, h, body);
    finish(of(x));
}

static void respond_start(struct http_exchange *x, int status, struct http_headers h)
{
    require(status >= 200 && status <= 599);
    struct h2_exchange *hx = of(x);
    x->head_only = x->head_only || response_bodiless(status);
    if (!http2_stream_open(hx->stream))
        return;
    send_head(hx, status, h, false, 0, x->head_only);
    watch_reader(hx);
    flush_later(hx->h);
}

static int respond_write(struct http_exchange *x, struct span piece)
{
    struct h2_exchange *hx = of(x);
    if (!http2_stream_open(hx->stream))
        return ERR_CLOSED;
    if (x->head_only)
        return 0;
    flush_later(hx->h);
    return http2_stream_write(hx->stream, piece);
}

static size_t respond_queued(const struct http_exchange *x)
{
    const struct h2_exchange *hx = container_of(x, const struct h2_exchange, x);
    return http2_stream_open(hx->stream) ? http2_stream_queued(hx->stream) : 0;
}

static void respond_end(struct http_exchange *x)
{
    if (!x->head_only)
        http2_stream_end(of(x)->stream);
    finish(of(x));
}

static void reset(struct http_exchange *x)
{
    x->open = false;
    exchange_free(of(x), HTTP2_INTERNAL_ERROR);
}

static bool send_some(struct server_h2 *h);

static void cut(struct http_exchange *x)
{
    struct conn *c = x->conn;
    if (x->streaming)
        send_some(of(x)->h);
    conn_cut(c);
    x->open = false;
    exchange_free(of(x), HTTP2_CANCEL);
}

static void goaway(struct http_exchange *x)
{
    struct server_h2 *h = of(x)->h;
    if (!h->http2)
        return;
    http2_goaway(h->http2, HTTP2_NO_ERROR);
    flush_later(h);
}

static const struct exchange_ops ops = {
    .version = HTTP_2,
    .respond = respond,
    .start = respond_start,
    .write = respond_write,
    .queued = respond_queued,
    .end = respond_end,
    .reset = reset,
    .cut = cut,
    .goaway = goaway,
};

static void refuse(struct h2_exchange *hx, int status, const char *reason)
{
    struct server_h2 *h = hx->h;
    log_debug("net", "request refused", "peer=%s status=%d reason=\"%s\"", http_peer(&hx->x),
              status, reason);
    struct buf body = {0};
    const char *type = response_error_body(h->conn->server, status, reason, &body);
    struct http_header header = {SPAN("content-type"), span_str(type)};
    hx->handled = true;
    send_whole(hx, status, (struct http_headers){&header, 1}, buf_span(&body));
    buf_free(&body);
    finish(hx);
}

// Nothing of the request's body comes in time; or the answer's reader takes nothing.
static void on_exchange_timer(struct timer *t)
{
    struct h2_exchange *hx = container_of(t, struct h2_exchange, timer);
    if (!hx->handled) {
        refuse(hx, 408, "request body did not arrive in time");
        return;
    }
    if (hx->lingers) {
        http2_stream_reset(hx->stream, HTTP2_NO_ERROR);
        flush_later(hx->h);
        return;
    }
    size_t least = hx->queued_seen < SERVER_SLOWEST_BYTES ? hx->queued_seen : SERVER_SLOWEST_BYTES;
    if (http2_stream_sent(hx->stream) - hx->sent_seen >= least) {
        watch_reader(hx);
        return;
    }
    log_debug("net", "stream reset: its peer takes nothing", "peer=%s", http_peer(&hx->x));
    if (hx->x.open) {
        // The memory of the head stays for the handler.
        http2_stream_reset(hx->stream, HTTP2_CANCEL);
        flush_later(hx->h);
        exchange_tell_gone(&hx->x);
    } else {
        exchange_free(hx, HTTP2_CANCEL);
    }
}

static void take_head(struct server_h2 *h, struct http2_stream *stream)
{
    struct http_server *s = h->conn->server;
    h->conn->fresh = false;
    // Handlers may hold those whose streams are gone: they count, too. Each costs some 10 KB before
    // its body has begun.
    if (h->n_exchanges >= 2 * (size_t)s->o.max_streams || s->h2_exchanges >= s->o.max_exchanges) {
        http2_stream_free(stream, HTTP2_REFUSED_STREAM);
        return;
    }
    struct h2_exchange *hx = mem_new(struct h2_exchange);
    const struct http2_head *head = http2_stream_head(stream);
    hx->h = h;
    hx->stream = stream;
    hx->timer.fire = on_exchange_timer;
    hx->x = (struct http_exchange){.ops = &ops,
                                   .conn = h->conn,
                                   .method = head->method,
                                   .head_only = span_is(head->method, "HEAD"),
                                   .headers = head->headers};
    http2_stream_set_owner(stream, hx);
    list_push(&h->exchanges, &hx->link);
    h->n_exchanges++;
    s->h2_exchanges++;
    h->touched = true;
    if (head->too_large) {
        refuse(hx, 431, "request header fields too large");
    } else if (head->path.n > SERVER_TARGET_MAX) {
        refuse(hx, 414, "request target too long");
    } else if (head->path.n == 0) {
        refuse(hx, 501, "method not supported");
    } else if (head->content_length > 0 && (uint64_t)head->content_length > s->o.max_body) {
        refuse(hx, 413, "request body too large");
    } else if (!charge(hx, http2_stream_head_bytes(stream))) {
        refuse(hx, 503, "too many request bodies at a time; try again later");
    } else {
        exchange_set_target(&hx->x, head->path);
        if (head->expect_continue && !head->end)
            http2_continue(stream);
        if (!head->end)
            timer_start(s->loop, &hx->timer, s->o.body_ms);
        if (head->content_length > 0)
            buf_reserve(&hx->x.body, head->content_length < FIRST_BODY_ROOM
                                         ? (size_t)head->content_length
                                         : FIRST_BODY_ROOM);
    }
}

// A peer that is still sending must not lose the answer to a reset: it is listened to for a while.
static void linger(struct h2_exchange *hx)
{
    hx->lingers = true;
    timer_start(hx->h->conn->server->loop, &hx->timer, SERVER_LINGER_MS);
}

static void discard(struct h2_exchange *hx, size_t n)
{
    hx->discarded += n;
    if (hx->discarded > SERVER_LINGER_BYTES && hx->lingers)
        http2_stream_reset(hx->stream, HTTP2_NO_ERROR);
}

static void take_data(struct h2_exchange *hx, struct span piece)
{
    struct http_exchange *x = &hx->x;
    http2_stream_consume(hx->stream, piece.n);
    if (hx->handled) {
        discard(hx, piece.n);
        return;
    }
    if (piece.n > hx->h->conn->server->o.max_body - x->body.n)
        refuse(hx, 413, "request body too large");
    else if (!charge(hx, piece.n))
        refuse(hx, 503, "too many request bodies at a time; try again later");
    else
        buf_add_span(&x->body, piece);
}

static void take_end(struct h2_exchange *hx)
{
    if (hx->handled)
        return;
    hx->handled = true;
    timer_stop(&hx->timer);
    list_push(&hx->h->ready, &hx->ready_link);
}

static bool answers_wait(const struct server_h2 *h)
{
    size_t bytes = 0;
    list_for(it, &h->exchanges)
    {
        const struct h2_exchange *hx = container_of(it, struct h2_exchange, link);
        // A handler that streams watches its own queue.
        bytes += hx->x.open ? 0 : http2_stream_queued(hx->stream);
    }
    return bytes >= ANSWERS_MAX;
}

static bool run_handlers(struct server_h2 *h)
{
    bool any = false;
    while (!list_empty(&h->ready) && !answers_wait(h)) {
        struct h2_exchange *hx = container_of(list_pop(&h->ready), struct h2_exchange, ready_link);
        const struct http_server_options *o = &h->conn->server->o;
        hx->x.open = true;
        o->handler(o->ctx, &hx->x);
        any = true;
    }
    return any;
}

static void take_close(struct h2_exchange *hx)
{
    timer_stop(&hx->timer);
    if (hx->x.open)
        exchange_tell_gone(&hx->x);
    else
        exchange_free(hx, HTTP2_NO_ERROR);
}

static void on_event(struct server_h2 *h, const struct http2_event *event)
{
    struct h2_exchange *hx = event->stream ? http2_stream_owner(event->stream) : NULL;
    if (event->type == HTTP2_HEAD)
        take_head(h, event->stream);
    if (!hx)
        return;
    switch (event->type) {
    case HTTP2_DATA:
        take_data(hx, event->data);
        break;
    case HTTP2_END:
        take_end(hx);
        break;
    case HTTP2_CLOSED:
        take_close(hx);
        break;
    case HTTP2_SENT:
        linger(hx);
        break;
    case HTTP2_DRAINED:
        exchange_tell_drained(&hx->x);
        break;
    default:
        break;
    }
}

static bool take_events(struct server_h2 *h)
{
    bool any = false;
    struct http2_event event;
    while (h->http2 && http2_next(h->http2, &event)) {
        on_event(h, &event);
        any = true;
    }
    return any;
}

static bool send_some(struct server_h2 *h)
{
    struct conn *c = h->conn;
    bool any = false;
    while (c->stream && h->http2 && stream_queued(c->stream) < TCP_HIGH_MARK &&
           http2_out(h->http2, &c->out, FLUSH_AT) > 0) {
        conn_flush(c, SPAN_NONE);
        any = true;
    }
    return any;
}

static void set_head_timer(struct server_h2 *h)
{
    struct http_server *s = h->conn->server;
    if (!http2_in_head(h->http2))
        timer_stop(&h->head);
    else if (!timer_active(&h->head))
        timer_start(s->loop, &h->head, s->o.head_ms);
}

// What the connection waits for now.
static void settle(struct server_h2 *h)
{
    struct conn *c = h->conn;
    if (!h->http2 || !c->stream || c->phase == CONN_LINGER)
        return;
    if (http2_finished(h->http2)) {
        if (http2_error(h->http2)[0])
            log_debug("net", "HTTP/2 connection ends", "peer=%s reason=\"%s\"", http_peer(&c->x),
                      http2_error(h->http2));
        server_h2_gone(h);
        if (c->stream)
            conn_begin_linger(c);
        return;
    }
    set_head_timer(h);
    bool busy = h->n_exchanges > 0;
    if (busy && !h->busy) {
        conn_set_phase(c, CONN_HANDLING);
        conn_watch_reader(c);
    } else if (!busy && (h->busy || h->touched)) {
        c->queued_seen = stream_queued(c->stream);
        c->stalled_ms = 0;
        conn_set_phase(c, CONN_IDLE);
        if (c->last)
            timer_start(c->server->loop, &c->timer, SERVER_LINGER_MS);
    }
    h->busy = busy;
    h->touched = false;
}

static void work(struct server_h2 *h)
{
    struct conn *c = h->conn;
    c->processing = true;
    for (bool more = true; more;) {
        more = take_events(h);
        more = run_handlers(h) || more;
        more = send_some(h) || more;
    }
    c->processing = false;
    settle(h);
    conn_maybe_free(c);
}

static void on_flush(struct loop_task *t)
{
    work(container_of(t, struct server_h2, flush));
}

static void on_head_late(struct timer *t)
{
    struct server_h2 *h = container_of(t, struct server_h2, head);
    log_debug("net", "request refused", "peer=%s reason=\"request head did not arrive in time\"",
              http_peer(&h->conn->x));
    conn_cut(h->conn);
}

struct server_h2 *server_h2_new(struct conn *c)
{
    const struct http_server_options *o = &c->server->o;
    struct http2_options options = {.side = HTTP2_SERVER,
                                    .head_max = o->max_head,
                                    .headers_max = SERVER_HEADERS_MAX,
                                    .streams_max = o->max_streams,
                                    .window = STREAM_WINDOW,
                                    .conn_window = CONN_WINDOW};
    struct server_h2 *h = mem_new(struct server_h2);
    h->conn = c;
    h->http2 = http2_new(&options);
    list_init(&h->exchanges);
    list_init(&h->ready);
    h->head.fire = on_head_late;
    h->flush.run = on_flush;
    // Until its first request, as for HTTP/1.1.
    conn_set_phase(c, CONN_IDLE);
    if (c->last)
        server_h2_drain(h);
    return h;
}

void server_h2_free(struct server_h2 *h)
{
    if (!h)
        return;
    timer_stop(&h->head);
    loop_unpost(&h->flush);
    http2_free(h->http2);
    mem_free(h);
}

void server_h2_read(struct server_h2 *h, struct span in)
{
    if (!h->http2)
        return;
    // What went wrong shows in http2_finished().
    (void)!http2_feed(h->http2, in, loop_now_ms(h->conn->server->loop));
    work(h);
}

void server_h2_drained(struct server_h2 *h)
{
    if (h->conn->phase != CONN_LINGER)
        work(h);
}

void server_h2_drain(struct server_h2 *h)
{
    struct conn *c = h->conn;
    if (!h->http2)
        return;
    http2_shutdown(h->http2);
    flush_later(h);
    if (!h->busy)
        timer_start(c->server->loop, &c->timer, SERVER_LINGER_MS);
}

void server_h2_gone(struct server_h2 *h)
{
    struct list left = LIST_INIT(left);
    timer_stop(&h->head);
    http2_free(h->http2);
    h->http2 = NULL;
    list_move_all(&left, &h->exchanges);
    // A handler that is told may end others, too.
    for (struct list *it; (it = list_pop(&left));) {
        struct h2_exchange *hx = container_of(it, struct h2_exchange, link);
        list_push(&h->exchanges, it);
        take_close(hx);
    }
    flush_later(h);
}

bool server_h2_empty(const struct server_h2 *h)
{
    return h->n_exchanges == 0;
}
