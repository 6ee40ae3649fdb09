// SPDX-License-Identifier: Apache-2.0
#include "net/stream.h"

#include "base/mem.h"

struct stream {
    struct tcp *tcp;
    const struct stream_events *ev;
    void *ctx;
    void (*close_cb)(void *ctx);
    void *close_ctx;
};

static void on_connect(void *ctx, int status, const struct err *e)
{
    struct stream *s = ctx;
    s->ev->on_open(s->ctx, status, e);
}

static void on_read(void *ctx, const char *p, size_t n, int status)
{
    struct stream *s = ctx;
    s->ev->on_read(s->ctx, p, n, status);
}

static void on_drain(void *ctx, int status)
{
    struct stream *s = ctx;
    s->ev->on_drain(s->ctx, status);
}

static const struct tcp_events tcp_events = {on_connect, on_read, on_drain};

static struct stream *stream_new(const struct stream_events *ev, void *ctx)
{
    struct stream *s = mem_new(struct stream);
    s->ev = ev;
    s->ctx = ctx;
    return s;
}

int stream_connect(struct loop *l, struct span host, uint16_t port, const struct stream_events *ev,
                   void *ctx, struct stream **out)
{
    struct stream *s = stream_new(ev, ctx);
    int rc = tcp_connect(l, host, port, &tcp_events, s, &s->tcp);
    if (rc != 0) {
        mem_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

struct stream *stream_accept(struct tcp *t, const struct stream_events *ev, void *ctx)
{
    struct stream *s = stream_new(ev, ctx);
    s->tcp = t;
    tcp_set_events(t, &tcp_events, s);
    return s;
}

void stream_read_start(struct stream *s)
{
    tcp_read_start(s->tcp);
}

void stream_read_stop(struct stream *s)
{
    tcp_read_stop(s->tcp);
}

int stream_write(struct stream *s, const struct span *parts, size_t n)
{
    return tcp_write(s->tcp, parts, n);
}

size_t stream_queued(const struct stream *s)
{
    return tcp_queued(s->tcp);
}

void stream_shutdown(struct stream *s)
{
    tcp_shutdown(s->tcp);
}

void stream_peer(const struct stream *s, char *out, size_t cap)
{
    tcp_peer(s->tcp, out, cap);
}

static void on_closed(void *ctx)
{
    struct stream *s = ctx;
    void (*cb)(void *) = s->close_cb;
    void *close_ctx = s->close_ctx;
    mem_free(s);
    if (cb)
        cb(close_ctx);
}

void stream_close(struct stream *s, void (*cb)(void *ctx), void *ctx)
{
    s->close_cb = cb;
    s->close_ctx = ctx;
    tcp_close(s->tcp, on_closed, s);
}
