// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/mem.h"
#include "io/tcp_internal.h"

// Happy path: resolve (or take the numeric address), connect, on_connect(0).
// Failure modes: the addresses are tried in the order of addresses.h; when one has failed, or has
// not answered for a while, the next is tried beside it, and the first to connect wins. The message
// is that of the last failure. A dial that lost its connection ends alone.

#define HOST_MAX 255

struct attempt {
    struct list link;
    struct dial *dial;
    uv_tcp_t *uv; // goes to the connection when this attempt wins
    uv_connect_t connect;
    union address address;
    bool closing;
};

struct dial {
    struct tcp *tcp; // NULL: nobody waits for it any more
    struct loop *loop;
    uv_getaddrinfo_t resolve;
    bool resolving;
    struct addresses addresses;
    unsigned next;        // address to try
    struct list attempts; // closing ones too
    struct timer timer;   // until the next attempt
    int last;             // libuv status of the last failure
    uint16_t port;
    char host[HOST_MAX + 1];
};

static void try_next(struct dial *d);

// Frees what nobody waits for and nothing is under way in.
static void maybe_free(struct dial *d)
{
    if (!d->tcp && !d->resolving && list_empty(&d->attempts))
        mem_free(d);
}

static void on_attempt_closed(uv_handle_t *h)
{
    struct attempt *a = h->data;
    struct dial *d = a->dial;
    list_remove(&a->link);
    mem_free(a->uv);
    mem_free(a);
    if (d->tcp)
        try_next(d);
    maybe_free(d);
}

static void close_attempt(struct attempt *a)
{
    if (a->closing)
        return;
    a->closing = true;
    uv_close((uv_handle_t *)a->uv, on_attempt_closed);
}

// Takes the dial from its connection. Attempts under way end alone.
static void detach(struct dial *d)
{
    timer_stop(&d->timer);
    d->tcp->dial = NULL;
    d->tcp = NULL;
    list_for(it, &d->attempts)
    {
        close_attempt(container_of(it, struct attempt, link));
    }
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
    detach(d);
    t->ev->on_connect(t->ctx, code, &e);
}

static void attempt_failed(struct attempt *a, int status)
{
    struct dial *d = a->dial;
    d->last = status;
    bad_addresses_add(loop_bad_addresses(d->loop), &a->address, loop_now_ms(d->loop));
    close_attempt(a);
}

// The handle is the connection's from here on. Those that were tried before and have not answered
// are slow at best.
static void win(struct attempt *a)
{
    struct dial *d = a->dial;
    struct tcp *t = d->tcp;
    struct bad_addresses *bad = loop_bad_addresses(d->loop);
    bad_addresses_remove(bad, &a->address);
    for (struct list *it = d->attempts.next; it != &a->link; it = it->next)
        bad_addresses_add(bad, &container_of(it, struct attempt, link)->address,
                          loop_now_ms(d->loop));
    tcp_adopt(t, a->uv);
    list_remove(&a->link);
    mem_free(a);
    detach(d);
    maybe_free(d);
    t->ev->on_connect(t->ctx, 0, NULL);
}

static void on_connected(uv_connect_t *req, int status)
{
    struct attempt *a = container_of(req, struct attempt, connect);
    if (a->closing)
        return;
    if (status != 0)
        attempt_failed(a, status);
    else
        win(a);
}

static void try_next(struct dial *d)
{
    if (d->next == d->addresses.n) {
        if (list_empty(&d->attempts))
            fail(d, ERR_CONNECT);
        return;
    }
    struct attempt *a = mem_new(struct attempt);
    a->dial = d;
    a->address = d->addresses.at[d->next++];
    a->uv = tcp_new_handle(d->loop);
    a->uv->data = a;
    list_push(&d->attempts, &a->link);
    int rc = uv_tcp_connect(&a->connect, a->uv, &a->address.any, on_connected);
    if (rc != 0)
        attempt_failed(a, rc);
    else if (d->next < d->addresses.n)
        timer_start(d->loop, &d->timer, ADDRESSES_ATTEMPT_DELAY_MS);
}

static void on_timer(struct timer *timer)
{
    try_next(container_of(timer, struct dial, timer));
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct dial *d = container_of(req, struct dial, resolve);
    d->resolving = false;
    for (const struct addrinfo *a = found; a; a = a->ai_next)
        addresses_add(&d->addresses, a->ai_addr, d->port);
    uv_freeaddrinfo(found);
    if (d->tcp) {
        d->last = status ? status : UV_EAI_NONAME;
        addresses_order(&d->addresses, loop_bad_addresses(d->loop), loop_now_ms(d->loop));
        if (d->addresses.n == 0)
            fail(d, ERR_DNS);
        else
            try_next(d);
    }
    maybe_free(d);
}

static struct dial *new_dial(struct tcp *t, struct span host, uint16_t port)
{
    struct dial *d = t->dial = mem_new(struct dial);
    d->tcp = t;
    d->loop = t->loop;
    d->port = port;
    d->timer.fire = on_timer;
    list_init(&d->attempts);
    memcpy(d->host, host.p, host.n);
    return d;
}

int tcp_connect(struct loop *l, struct span host, uint16_t port, const struct tcp_events *ev,
                void *ctx, struct tcp **out)
{
    if (host.n == 0 || host.n > HOST_MAX || memchr(host.p, 0, host.n) || port == 0)
        return ERR_INVALID;
    struct tcp *t = tcp_alloc(l);
    struct sockaddr_storage numeric;
    tcp_set_events(t, ev, ctx);
    struct dial *d = new_dial(t, host, port);
    if (tcp_parse_addr(d->host, port, &numeric)) {
        addresses_add(&d->addresses, (const struct sockaddr *)&numeric, port);
        try_next(d);
    } else {
        struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
        int rc = uv_getaddrinfo(loop_native(l), &d->resolve, on_resolved, d->host, NULL, &hints);
        if (rc != 0) {
            mem_free(d);
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
    // A look-up that is running cannot be stopped: it goes on alone.
    if (d->resolving)
        uv_cancel((uv_req_t *)&d->resolve);
    detach(d);
    maybe_free(d);
}
