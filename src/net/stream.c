// SPDX-License-Identifier: Apache-2.0
#include "net/stream.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/tunnel.h"

// Happy path of TLS: what TCP reads is fed to the TLS engine and pumped out of it record by record;
// what the engine wants to send goes to TCP after every call.
// Failure modes: an owner that stops reading inside on_read leaves the rest in the engine, from
// where a task takes it up again; a failed handshake ends the stream with the engine's message;
// nothing is told twice.

// Plain bytes that are encrypted before TCP gets them.
#define WRITE_STEP (64 * 1024)
#define HOST_MAX 255
#define HOST_PORT_MAX (HOST_MAX + 16)

struct stream {
    struct loop *loop;
    struct tcp *tcp;
    struct tls *tls;       // NULL = plain; owned
    struct tunnel *tunnel; // while a proxy is asked; owned
    struct tls_session **session;
    const struct stream_events *ev;
    void *ctx;
    bool accepted;
    bool open;    // TLS: the handshake is done
    bool reading; // wanted by the owner
    bool ended;   // the end has been told
    bool pumping;
    bool closing;
    struct loop_task pump_task;
    void (*close_cb)(void *ctx);
    void *close_ctx;
};

static void flush_tls(struct stream *s)
{
    struct span out = tls_out(s->tls);
    if (out.n > 0) {
        // A failure comes by on_drain.
        (void)!tcp_write(s->tcp, &out, 1);
        tls_out_clear(s->tls);
    }
}

static void fail(struct stream *s, int status, const struct err *e)
{
    if (s->ended || s->closing)
        return;
    s->ended = true;
    tcp_read_stop(s->tcp);
    if (!s->accepted && !s->open) {
        s->ev->on_open(s->ctx, status, e);
        return;
    }
    if (s->accepted && !s->open)
        log_debug("net", "TLS handshake failed", "reason=\"%s\"", e ? e->msg : err_text(status));
    s->ev->on_read(s->ctx, NULL, 0, status);
}

static void take_session(struct stream *s)
{
    struct tls_session *fresh = s->session ? tls_take_session(s->tls) : NULL;
    if (fresh) {
        tls_session_free(*s->session);
        *s->session = fresh;
    }
}

static void shake(struct stream *s)
{
    int rc = tls_handshake(s->tls);
    flush_tls(s);
    if (rc == ERR_AGAIN)
        return;
    if (rc != 0) {
        fail(s, rc, tls_error(s->tls));
        return;
    }
    s->open = true;
    if (!s->accepted)
        s->ev->on_open(s->ctx, 0, NULL);
}

static void read_records(struct stream *s)
{
    char plain[TLS_RECORD_MAX];
    while (s->open && s->reading && !s->ended && !s->closing) {
        ssize_t n = tls_read(s->tls, plain, sizeof(plain));
        take_session(s);
        if (n == ERR_AGAIN)
            break;
        if (n > 0)
            s->ev->on_read(s->ctx, plain, (size_t)n, 0);
        else
            fail(s, (int)n, tls_error(s->tls));
    }
}

static void pump(struct stream *s)
{
    if (s->pumping || s->ended || s->closing)
        return;
    s->pumping = true;
    if (!s->open)
        shake(s);
    read_records(s);
    s->pumping = false;
    if (s->closing)
        return;
    flush_tls(s);
    tls_keep_input(s->tls);
    if (s->open && !s->reading)
        tcp_read_stop(s->tcp);
}

static void on_pump_task(struct loop_task *task)
{
    pump(container_of(task, struct stream, pump_task));
}

static void begin_tls(struct stream *s)
{
    tcp_read_start(s->tcp);
    pump(s);
}

static void on_connect(void *ctx, int status, const struct err *e)
{
    struct stream *s = ctx;
    if (status != 0) {
        struct err why = e ? *e : (struct err){status, ""};
        if (s->tunnel)
            err_wrap(&why, "the proxy");
        fail(s, status, &why);
    } else if (s->tunnel) {
        struct span request = tunnel_request(s->tunnel);
        // A failure comes by on_drain.
        (void)!tcp_write(s->tcp, &request, 1);
        tcp_read_start(s->tcp);
    } else if (s->tls) {
        begin_tls(s);
    } else {
        s->open = true;
        s->ev->on_open(s->ctx, 0, NULL);
    }
}

static void on_tunnel_read(struct stream *s, struct span in, int status)
{
    struct err e = {0};
    struct span rest;
    if (status == 0)
        status = tunnel_feed(s->tunnel, in, &rest, &e);
    else
        err_set(&e, status, "the proxy closed the connection");
    if (status == ERR_AGAIN)
        return;
    if (status < 0) {
        fail(s, status, &e);
        return;
    }
    tls_feed(s->tls, rest);
    tunnel_free(s->tunnel);
    s->tunnel = NULL;
    begin_tls(s);
}

static void on_read(void *ctx, const char *p, size_t n, int status)
{
    struct stream *s = ctx;
    if (s->tunnel) {
        on_tunnel_read(s, span_of(p, n), status);
        return;
    }
    if (!s->tls) {
        s->ev->on_read(s->ctx, p, n, status);
        return;
    }
    if (status == ERR_CLOSED) {
        tls_eof(s->tls);
    } else if (status != 0) {
        fail(s, status, NULL);
        return;
    } else {
        tls_feed(s->tls, span_of(p, n));
    }
    pump(s);
}

static void on_drain(void *ctx, int status)
{
    struct stream *s = ctx;
    if (s->open)
        s->ev->on_drain(s->ctx, status);
    else if (status != 0)
        fail(s, status, NULL);
}

static const struct tcp_events tcp_events = {on_connect, on_read, on_drain};

static struct stream *stream_new(struct loop *l, const struct stream_events *ev, void *ctx)
{
    struct stream *s = mem_new(struct stream);
    s->loop = l;
    s->ev = ev;
    s->ctx = ctx;
    s->pump_task.run = on_pump_task;
    return s;
}

static struct tunnel *new_tunnel(const struct stream_target *to)
{
    char name[HOST_PORT_MAX];
    bool v6 = memchr(to->host.p, ':', to->host.n) != NULL;
    int n = snprintf(name, sizeof(name), "%s%.*s%s:%u", v6 ? "[" : "", SPAN_ARG(to->host),
                     v6 ? "]" : "", (unsigned)to->port);
    require(n > 0 && (size_t)n < sizeof(name));
    return tunnel_new(to->proxy, span_of(name, (size_t)n));
}

int stream_connect(struct loop *l, const struct stream_target *to, const struct stream_events *ev,
                   void *ctx, struct stream **out)
{
    struct stream *s = stream_new(l, ev, ctx);
    require(to->tls || !to->proxy);
    if (to->host.n == 0 || to->host.n > HOST_MAX) {
        mem_free(s);
        return ERR_INVALID;
    }
    struct span host = to->proxy ? to->proxy->host : to->host;
    int rc = tcp_connect(l, host, to->proxy ? to->proxy->port : to->port, &tcp_events, s, &s->tcp);
    if (rc != 0) {
        mem_free(s);
        return rc;
    }
    if (to->proxy)
        s->tunnel = new_tunnel(to);
    if (to->tls) {
        s->session = to->session;
        const struct tls_session *resume = to->session ? *to->session : NULL;
        s->tls = to->h2 ? tls_client_new_h2(to->tls, to->host, resume)
                        : tls_client_new(to->tls, to->host, resume);
    }
    *out = s;
    return 0;
}

struct stream *stream_accept(struct loop *l, struct tcp *t, struct tls_config *tls,
                             const struct stream_events *ev, void *ctx)
{
    tcp_wipe_reads(t, true);
    struct stream *s = stream_new(l, ev, ctx);
    s->tcp = t;
    s->accepted = true;
    s->open = !tls;
    tcp_set_events(t, &tcp_events, s);
    if (tls) {
        s->tls = tls_server_new(tls);
        tcp_read_start(t);
    }
    return s;
}

void stream_wipe_reads(struct stream *s, bool on)
{
    if (s->tcp)
        tcp_wipe_reads(s->tcp, on);
}

void stream_read_start(struct stream *s)
{
    s->reading = true;
    if (s->ended || s->closing)
        return;
    tcp_read_start(s->tcp);
    // Bytes that wait inside the engine wake nobody.
    if (s->tls && s->open && !list_linked(&s->pump_task.link))
        loop_post(s->loop, &s->pump_task);
}

void stream_read_stop(struct stream *s)
{
    s->reading = false;
    // A handshake reads on its own account.
    if (!s->tls || s->open)
        tcp_read_stop(s->tcp);
}

static int write_tls(struct stream *s, struct span part)
{
    while (part.n > 0) {
        struct span step = span_of(part.p, part.n < WRITE_STEP ? part.n : WRITE_STEP);
        int rc = tls_write(s->tls, step);
        if (rc != 0)
            return rc;
        if (tls_out(s->tls).n >= WRITE_STEP)
            flush_tls(s);
        part.p += step.n;
        part.n -= step.n;
    }
    return 0;
}

int stream_write(struct stream *s, const struct span *parts, size_t n)
{
    if (!s->open || s->closing)
        return ERR_CLOSED;
    if (!s->tls)
        return tcp_write(s->tcp, parts, n);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = write_tls(s, parts[i]);
    flush_tls(s);
    return rc;
}

size_t stream_queued(const struct stream *s)
{
    return tcp_queued(s->tcp);
}

const char *stream_alpn(const struct stream *s)
{
    return s->tls && s->open ? tls_alpn(s->tls) : "";
}

void stream_shutdown(struct stream *s)
{
    if (s->tls && s->open && !s->closing) {
        tls_close_notify(s->tls);
        flush_tls(s);
    }
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
    tunnel_free(s->tunnel);
    tls_free(s->tls);
    mem_free(s);
    if (cb)
        cb(close_ctx);
}

void stream_close(struct stream *s, void (*cb)(void *ctx), void *ctx)
{
    require(!s->closing);
    s->closing = true;
    s->close_cb = cb;
    s->close_ctx = ctx;
    loop_unpost(&s->pump_task);
    // An orderly end for the peer, should there be room for it. Not from inside the engine.
    if (s->tls && s->open && !s->pumping) {
        tls_close_notify(s->tls);
        flush_tls(s);
    }
    tcp_close(s->tcp, on_closed, s);
}
