// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_IO_TCP_INTERNAL_H
#define PENSTOCK_IO_TCP_INTERNAL_H

#include <uv.h>

#include "io/loop_internal.h"
#include "io/tcp.h"

struct dial;

struct tcp {
    struct loop *loop;
    uv_tcp_t *uv; // owned, until its close callback; NULL before it connects and after
    bool uv_open; // there, and uv_close() not yet called
    bool connected;
    bool failed;  // a write failed: nothing more goes out
    bool ended;   // tcp_shutdown() called
    bool above;   // the queue reached the high mark and has not drained since
    bool closing; // tcp_close() called: no more events
    bool wipe;    // the read buffer after each on_read
    const struct tcp_events *ev;
    void *ctx;
    struct dial *dial; // while connecting; owned
    struct loop_task task;
    int fail_status;
    uv_shutdown_t shutdown;
    void (*close_cb)(void *ctx);
    void *close_ctx;
};

struct tcp *tcp_alloc(struct loop *l);
uv_tcp_t *tcp_new_handle(struct loop *l);
// The handle is connected, and the connection's from here on.
void tcp_adopt(struct tcp *t, uv_tcp_t *uv);
// Frees when closing and nothing is under way any more.
void tcp_maybe_free(struct tcp *t);

// Lets the dial go; what is under way in it ends alone.
void dial_cancel(struct tcp *t);

void tcp_format_addr(const struct sockaddr_storage *addr, char *out, size_t cap);
// Numeric hosts only.
bool tcp_parse_addr(const char *host, uint16_t port, struct sockaddr_storage *out);

#endif
