// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_IO_TCP_INTERNAL_H
#define PENSTOCK_IO_TCP_INTERNAL_H

#include <uv.h>

#include "io/loop_internal.h"
#include "io/tcp.h"

struct dial;

struct tcp {
    struct loop *loop;
    uv_tcp_t uv;
    bool uv_open; // uv_tcp_init() done, uv_close() not yet called
    bool uv_busy; // from uv_tcp_init() to the close callback
    bool connected;
    bool failed;  // a write failed: nothing more goes out
    bool ended;   // tcp_shutdown() called
    bool above;   // the queue reached the high mark and has not drained since
    bool closing; // tcp_close() called: no more events
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
// Starts closing the handle; `cb` gets the handle, whose data is the connection.
void tcp_close_handle(struct tcp *t, uv_close_cb cb);
// Frees when closing and nothing is under way any more.
void tcp_maybe_free(struct tcp *t);
void tcp_set_options(struct tcp *t);

// Takes back what is under way; t->dial stays set while a handle has to close first.
void dial_cancel(struct tcp *t);

void tcp_format_addr(const struct sockaddr_storage *addr, char *out, size_t cap);
// Numeric hosts only.
bool tcp_parse_addr(const char *host, uint16_t port, struct sockaddr_storage *out);

#endif
