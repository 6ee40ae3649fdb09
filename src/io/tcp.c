// SPDX-License-Identifier: Apache-2.0
#include "io/tcp.h"

#include <stdio.h>

#include "base/mem.h"
#include "io/tcp_internal.h"

// Happy path: a connection comes from tcp_connect() (tcp_dial.c) or a listener (tcp_listen.c), is
// read through the loop's one buffer and written with uv_try_write(); only what the kernel does not
// take is copied and queued.
// Failure modes: a failed write is told once by on_drain; tcp_close() may come at any time, also
// while resolving, connecting or writing: tcp_maybe_free() waits for what is under way.

#define KEEPALIVE_S 60
#define PARTS_AT_ONCE 16

struct write_req {
    uv_write_t uv;
    struct tcp *tcp;
    char bytes[];
};

static void fail_later(struct tcp *t, int status)
{
    if (t->failed || t->closing)
        return;
    t->failed = true;
    t->fail_status = status;
    loop_post(t->loop, &t->task);
}

static void on_task(struct loop_task *task)
{
    struct tcp *t = container_of(task, struct tcp, task);
    if (t->closing)
        tcp_maybe_free(t);
    else
        t->ev->on_drain(t->ctx, t->fail_status);
}

struct tcp *tcp_alloc(struct loop *l)
{
    struct tcp *t = mem_new(struct tcp);
    t->loop = l;
    t->task.run = on_task;
    return t;
}

void tcp_maybe_free(struct tcp *t)
{
    if (!t->closing || t->uv || list_linked(&t->task.link))
        return;
    void (*cb)(void *) = t->close_cb;
    void *ctx = t->close_ctx;
    mem_free(t);
    if (cb)
        cb(ctx);
}

uv_tcp_t *tcp_new_handle(struct loop *l)
{
    uv_tcp_t *uv = mem_new(uv_tcp_t);
    require(uv_tcp_init(loop_native(l), uv) == 0);
    return uv;
}

void tcp_adopt(struct tcp *t, uv_tcp_t *uv)
{
    t->uv = uv;
    uv->data = t;
    t->uv_open = t->connected = true;
    uv_tcp_nodelay(uv, 1);
    uv_tcp_keepalive(uv, 1, KEEPALIVE_S);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct tcp *t = h->data;
    *out = uv_buf_init(loop_read_buf(t->loop), LOOP_READ_BUF);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct tcp *t = s->data;
    if (t->closing || n == 0)
        return;
    if (n > 0) {
        bool wipe = t->wipe;
        t->ev->on_read(t->ctx, buf->base, (size_t)n, 0);
        if (wipe)
            mem_wipe(buf->base, (size_t)n);
        return;
    }
    uv_read_stop(s);
    t->ev->on_read(t->ctx, NULL, 0, io_err((int)n));
}

void tcp_read_start(struct tcp *t)
{
    if (t->uv_open && !t->closing && t->connected)
        uv_read_start((uv_stream_t *)t->uv, on_alloc, on_read);
}

void tcp_wipe_reads(struct tcp *t, bool on)
{
    t->wipe = on;
}

void tcp_read_stop(struct tcp *t)
{
    if (t->uv_open)
        uv_read_stop((uv_stream_t *)t->uv);
}

static void on_written(uv_write_t *uv, int status)
{
    struct write_req *w = container_of(uv, struct write_req, uv);
    struct tcp *t = w->tcp;
    mem_free(w);
    if (t->closing || t->failed)
        return;
    if (status != 0) {
        t->failed = true;
        t->ev->on_drain(t->ctx, io_err(status));
    } else if (t->above && tcp_queued(t) <= TCP_LOW_MARK) {
        t->above = false;
        t->ev->on_drain(t->ctx, 0);
    }
}

static void queue_rest(struct tcp *t, const struct span *parts, size_t n, size_t skip, size_t total)
{
    struct write_req *w = mem_alloc(sizeof(*w) + total - skip);
    w->tcp = t;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        size_t from = skip < parts[i].n ? skip : parts[i].n;
        skip -= from;
        if (parts[i].n > from)
            memcpy(w->bytes + at, parts[i].p + from, parts[i].n - from);
        at += parts[i].n - from;
    }
    uv_buf_t buf = uv_buf_init(w->bytes, (unsigned)at);
    int rc = uv_write(&w->uv, (uv_stream_t *)t->uv, &buf, 1, on_written);
    if (rc != 0) {
        mem_free(w);
        fail_later(t, io_err(rc));
    } else if (tcp_queued(t) >= TCP_HIGH_MARK) {
        t->above = true;
    }
}

// Bytes the kernel took at once, or a negative libuv status.
static ssize_t write_now(struct tcp *t, const struct span *parts, size_t n)
{
    ssize_t written = 0;
    for (size_t i = 0; i < n; i += PARTS_AT_ONCE) {
        uv_buf_t bufs[PARTS_AT_ONCE];
        unsigned count = 0;
        size_t bytes = 0;
        for (size_t k = i; k < n && k < i + PARTS_AT_ONCE; k++) {
            if (parts[k].n == 0)
                continue;
            bufs[count++] = uv_buf_init((char *)parts[k].p, (unsigned)parts[k].n);
            bytes += parts[k].n;
        }
        if (count == 0)
            continue;
        int rc = uv_try_write((uv_stream_t *)t->uv, bufs, count);
        if (rc == UV_EAGAIN)
            return written;
        if (rc < 0)
            return rc;
        written += rc;
        if ((size_t)rc < bytes)
            return written;
    }
    return written;
}

int tcp_write(struct tcp *t, const struct span *parts, size_t n)
{
    if (!t->connected || t->closing || t->failed || t->ended)
        return ERR_CLOSED;
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += parts[i].n;
    ssize_t written = tcp_queued(t) == 0 ? write_now(t, parts, n) : 0;
    if (written < 0)
        fail_later(t, io_err((int)written));
    else if ((size_t)written < total)
        queue_rest(t, parts, n, (size_t)written, total);
    return 0;
}

size_t tcp_queued(const struct tcp *t)
{
    return t->uv_open ? uv_stream_get_write_queue_size((const uv_stream_t *)t->uv) : 0;
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    (void)req;
    (void)status;
}

void tcp_shutdown(struct tcp *t)
{
    if (!t->connected || t->closing || t->ended)
        return;
    t->ended = true;
    if (t->uv_open)
        uv_shutdown(&t->shutdown, (uv_stream_t *)t->uv, on_shutdown);
}

void tcp_set_events(struct tcp *t, const struct tcp_events *ev, void *ctx)
{
    t->ev = ev;
    t->ctx = ctx;
}

bool tcp_parse_addr(const char *host, uint16_t port, struct sockaddr_storage *out)
{
    return uv_ip4_addr(host, port, (struct sockaddr_in *)out) == 0 ||
           uv_ip6_addr(host, port, (struct sockaddr_in6 *)out) == 0;
}

void tcp_format_addr(const struct sockaddr_storage *addr, char *out, size_t cap)
{
    char host[64] = "?";
    if (addr->ss_family == AF_INET6) {
        const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)addr;
        uv_ip6_name(a, host, sizeof(host));
        snprintf(out, cap, "[%s]:%u", host, (unsigned)ntohs(a->sin6_port));
    } else {
        const struct sockaddr_in *a = (const struct sockaddr_in *)addr;
        uv_ip4_name(a, host, sizeof(host));
        snprintf(out, cap, "%s:%u", host, (unsigned)ntohs(a->sin_port));
    }
}

void tcp_peer(const struct tcp *t, char *out, size_t cap)
{
    struct sockaddr_storage addr = {0};
    int n = sizeof(addr);
    if (t->uv_open && uv_tcp_getpeername(t->uv, (struct sockaddr *)&addr, &n) == 0)
        tcp_format_addr(&addr, out, cap);
    else
        snprintf(out, cap, "?");
}

static void on_closed(uv_handle_t *h)
{
    struct tcp *t = h->data;
    mem_free(t->uv);
    t->uv = NULL;
    tcp_maybe_free(t);
}

void tcp_close(struct tcp *t, void (*cb)(void *ctx), void *ctx)
{
    require(!t->closing);
    t->closing = true;
    t->close_cb = cb;
    t->close_ctx = ctx;
    if (t->dial)
        dial_cancel(t);
    if (t->uv_open) {
        t->uv_open = false;
        uv_close((uv_handle_t *)t->uv, on_closed);
    } else if (!list_linked(&t->task.link)) {
        loop_post(t->loop, &t->task);
    }
}
