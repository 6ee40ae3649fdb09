// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/mem.h"
#include "io/tcp_internal.h"

// Happy path: resolve (or take the numeric address), connect, on_connect(0).
// Failure modes: each address is tried in turn on a fresh handle; the message is that of the last.
// While other addresses remain, one that does not answer is given up after ATTEMPT_MS.

#define HOST_MAX 255
#define ATTEMPT_MS 2000

struct dial {
    struct tcp *tcp;
    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    bool resolving;
    struct addrinfo *found; // owned
    const struct addrinfo *next;
    struct sockaddr_storage addr; // being tried
    struct timer attempt;
    int last; // libuv status of the last failure
    uint16_t port;
    char host[HOST_MAX + 1];
};

static void try_next(struct dial *d);

static void dial_free(struct dial *d)
{
    timer_stop(&d->attempt);
    if (d->found)
        uv_freeaddrinfo(d->found);
    if (d->tcp)
        d->tcp->dial = NULL;
    mem_free(d);
}

static void fail(struct dial *d, int code)
{
    struct tcp *t = d->tcp;
    struct err e = {0};
    if (code == ERR_DNS)
        err_set(&e, code, "cannot resolve host name %s: %s", d->host, uv_strerror(d->last));
    else
        err_set(&e, code, "cannot connect to %s port %u: %s", d->host, (unsigned)d->port,
                uv_strerror(d->last));
    dial_free(d);
    t->ev->on_connect(t->ctx, code, &e);
}

static void on_attempt_closed(uv_handle_t *h)
{
    struct tcp *t = h->data;
    struct dial *d = t->dial;
    t->uv_busy = false;
    if (t->closing) {
        dial_free(d);
        tcp_maybe_free(t);
    } else if (d->next) {
        try_next(d);
    } else {
        fail(d, ERR_CONNECT);
    }
}

static void attempt_failed(struct dial *d, int status)
{
    timer_stop(&d->attempt);
    d->last = status;
    tcp_close_handle(d->tcp, on_attempt_closed);
}

static void on_attempt_timeout(struct timer *timer)
{
    attempt_failed(container_of(timer, struct dial, attempt), UV_ETIMEDOUT);
}

static void on_connected(uv_connect_t *req, int status)
{
    struct dial *d = container_of(req, struct dial, connect);
    struct tcp *t = d->tcp;
    if (!t->uv_open)
        return; // given up on; the close callback goes on
    if (status != 0) {
        attempt_failed(d, status);
        return;
    }
    dial_free(d);
    t->connected = true;
    tcp_set_options(t);
    t->ev->on_connect(t->ctx, 0, NULL);
}

static void set_port(struct sockaddr_storage *addr, uint16_t port)
{
    if (addr->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)addr)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)addr)->sin_port = htons(port);
}

static void attempt(struct dial *d)
{
    struct tcp *t = d->tcp;
    require(uv_tcp_init(loop_native(t->loop), &t->uv) == 0);
    t->uv_open = t->uv_busy = true;
    int rc = uv_tcp_connect(&d->connect, &t->uv, (const struct sockaddr *)&d->addr, on_connected);
    if (rc != 0)
        attempt_failed(d, rc);
    else if (d->next)
        timer_start(t->loop, &d->attempt, ATTEMPT_MS);
}

static void try_next(struct dial *d)
{
    const struct addrinfo *a = d->next;
    d->next = a->ai_next;
    require(a->ai_addrlen <= sizeof(d->addr));
    memcpy(&d->addr, a->ai_addr, a->ai_addrlen);
    set_port(&d->addr, d->port);
    attempt(d);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct dial *d = container_of(req, struct dial, resolve);
    struct tcp *t = d->tcp;
    d->resolving = false;
    d->found = found;
    if (!t) {
        dial_free(d);
        return;
    }
    d->last = status ? status : UV_EAI_NONAME;
    d->next = found;
    if (status != 0 || !found)
        fail(d, ERR_DNS);
    else
        try_next(d);
}

int tcp_connect(struct loop *l, struct span host, uint16_t port, const struct tcp_events *ev,
                void *ctx, struct tcp **out)
{
    if (host.n == 0 || host.n > HOST_MAX || memchr(host.p, 0, host.n) || port == 0)
        return ERR_INVALID;
    struct tcp *t = tcp_alloc(l);
    tcp_set_events(t, ev, ctx);
    struct dial *d = t->dial = mem_new(struct dial);
    d->tcp = t;
    d->port = port;
    d->attempt.fire = on_attempt_timeout;
    memcpy(d->host, host.p, host.n);
    if (tcp_parse_addr(d->host, port, &d->addr)) {
        attempt(d);
    } else {
        struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
        int rc = uv_getaddrinfo(loop_native(l), &d->resolve, on_resolved, d->host, NULL, &hints);
        if (rc != 0) {
            dial_free(d);
            mem_free(t);
            return rc == UV_EINVAL ? ERR_INVALID : ERR_DNS;
        }
        d->resolving = true;
    }
    *out = t;
    return 0;
}

void dial_cancel(struct tcp *t)
{
    struct dial *d = t->dial;
    if (d->resolving) {
        // A look-up that is running cannot be stopped: it goes on alone.
        uv_cancel((uv_req_t *)&d->resolve);
        d->tcp = NULL;
        t->dial = NULL;
    } else if (t->uv_open) {
        tcp_close_handle(t, on_attempt_closed);
    }
}
