// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/tcp_internal.h"

#define BACKLOG 1024
#define HOST_MAX 64

struct tcp_listener {
    struct loop *loop;
    uv_tcp_t uv;
    void (*on_accept)(void *ctx, struct tcp *t);
    void *ctx;
    bool paused;
    bool waiting; // libuv holds a connection that was not accepted; it polls no more until then
    bool closing;
    struct loop_task task;
    void (*close_cb)(void *ctx);
    void *close_ctx;
};

static void on_refused_closed(uv_handle_t *h)
{
    mem_free(h);
}

static void accept_one(struct tcp_listener *s)
{
    uv_tcp_t *uv = tcp_new_handle(s->loop);
    s->waiting = false;
    int rc = uv_accept((uv_stream_t *)&s->uv, (uv_stream_t *)uv);
    if (rc != 0) {
        log_warn("io", "accept failed", "error=\"%s\"", uv_strerror(rc));
        uv_close((uv_handle_t *)uv, on_refused_closed);
        return;
    }
    struct tcp *t = tcp_alloc(s->loop);
    tcp_adopt(t, uv);
    s->on_accept(s->ctx, t);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct tcp_listener *s = stream->data;
    if (s->closing)
        return;
    if (status != 0) {
        log_warn("io", "accept failed", "error=\"%s\"", uv_strerror(status));
        return;
    }
    if (s->paused)
        s->waiting = true;
    else
        accept_one(s);
}

static void on_task(struct loop_task *task)
{
    struct tcp_listener *s = container_of(task, struct tcp_listener, task);
    if (!s->paused && s->waiting && !s->closing)
        accept_one(s);
}

// Name look-up would block: only what needs none.
static bool parse_host(struct span host, uint16_t port, struct sockaddr_storage *addr)
{
    char text[HOST_MAX];
    if (host.n >= sizeof(text))
        return false;
    memcpy(text, host.p ? host.p : "", host.n);
    text[host.n] = '\0';
    const char *name = text;
    if (host.n == 0 || span_is(host, "*"))
        name = "0.0.0.0";
    else if (span_is(host, "localhost"))
        name = "127.0.0.1";
    return tcp_parse_addr(name, port, addr);
}

static void on_closed(uv_handle_t *h)
{
    struct tcp_listener *s = h->data;
    void (*cb)(void *) = s->close_cb;
    void *ctx = s->close_ctx;
    mem_free(s);
    if (cb)
        cb(ctx);
}

int tcp_listen(struct loop *l, struct span host, uint16_t port,
               void (*on_accept)(void *ctx, struct tcp *t), void *ctx, struct tcp_listener **out,
               struct err *e)
{
    struct sockaddr_storage addr = {0};
    if (!parse_host(host, port, &addr))
        return err_set(e, ERR_CONFIG,
                       "cannot listen on %.*s: give a numeric address, localhost or * (all)",
                       SPAN_ARG(host));
    struct tcp_listener *s = mem_new(struct tcp_listener);
    s->loop = l;
    s->on_accept = on_accept;
    s->ctx = ctx;
    s->task.run = on_task;
    require(uv_tcp_init(loop_native(l), &s->uv) == 0);
    s->uv.data = s;
    int rc = uv_tcp_bind(&s->uv, (const struct sockaddr *)&addr, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&s->uv, BACKLOG, on_connection);
    if (rc != 0) {
        s->closing = true;
        uv_close((uv_handle_t *)&s->uv, on_closed);
        return err_set(e, rc == UV_EADDRINUSE ? ERR_EXISTS : ERR_IO,
                       "cannot listen on %.*s port %u: %s", SPAN_ARG(host), (unsigned)port,
                       uv_strerror(rc));
    }
    *out = s;
    return 0;
}

uint16_t tcp_listener_port(const struct tcp_listener *s)
{
    struct sockaddr_storage addr = {0};
    int n = sizeof(addr);
    uv_tcp_getsockname(&s->uv, (struct sockaddr *)&addr, &n);
    return ntohs(addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&addr)->sin6_port
                                            : ((struct sockaddr_in *)&addr)->sin_port);
}

void tcp_listener_pause(struct tcp_listener *s, bool paused)
{
    s->paused = paused;
    if (!paused && s->waiting && !list_linked(&s->task.link))
        loop_post(s->loop, &s->task);
}

void tcp_listener_close(struct tcp_listener *s, void (*cb)(void *ctx), void *ctx)
{
    require(!s->closing);
    s->closing = true;
    s->close_cb = cb;
    s->close_ctx = ctx;
    loop_unpost(&s->task);
    uv_close((uv_handle_t *)&s->uv, on_closed);
}
