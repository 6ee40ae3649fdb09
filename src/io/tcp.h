// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_IO_TCP_H
#define PENSTOCK_IO_TCP_H

// TCP: resolve + connect, listen + accept, read, write. Loop thread only. net/stream.h puts TLS on
// top of it.

#include "base/span.h"
#include "io/loop.h"

struct tcp;

struct tcp_events {
    // Connected (client) or failed; not called for accepted connections.
    void (*on_connect)(void *ctx, int status, const struct err *e);
    // n > 0 bytes (valid during the call), or n == 0 with status ERR_CLOSED (orderly end of file)
    // or another error; after a non-zero status nothing more is read.
    void (*on_read)(void *ctx, const char *p, size_t n, int status);
    // The write queue went from above the high mark to below the low mark, or a write failed
    // (status).
    void (*on_drain)(void *ctx, int status);
};

// Resolves (skipping look-up for numeric hosts) and connects, to the address that answers first
// (io/addresses.h). The events table and ctx live as long as the connection. TCP_NODELAY and
// keep-alive are set.
int tcp_connect(struct loop *l, struct span host, uint16_t port, const struct tcp_events *ev,
                void *ctx, struct tcp **out);
// Reading starts off.
void tcp_read_start(struct tcp *t);
void tcp_read_stop(struct tcp *t);
// What was read is overwritten in the loop's buffer after on_read: for what may hold secrets.
void tcp_wipe_reads(struct tcp *t, bool on);
// Copies what the kernel does not take at once. tcp_queued() tells how much waits; the caller stops
// producing above TCP_HIGH_MARK. Errors come by on_drain.
#define TCP_HIGH_MARK (256 * 1024)
#define TCP_LOW_MARK (64 * 1024)
int tcp_write(struct tcp *t, const struct span *parts, size_t n);
size_t tcp_queued(const struct tcp *t);
// Half-close after the queue has drained.
void tcp_shutdown(struct tcp *t);
// "HOST:PORT" of the peer, for logs.
void tcp_peer(const struct tcp *t, char *out, size_t cap);
// No event after this call; frees; cb (may be NULL) once it is gone. Safe at any moment.
void tcp_close(struct tcp *t, void (*cb)(void *ctx), void *ctx);

struct tcp_listener;
// on_accept gives a connection whose events the owner sets with tcp_set_events() before returning.
int tcp_listen(struct loop *l, struct span host, uint16_t port,
               void (*on_accept)(void *ctx, struct tcp *t), void *ctx, struct tcp_listener **out,
               struct err *e);
void tcp_set_events(struct tcp *t, const struct tcp_events *ev, void *ctx);
// The port really bound (for port 0).
uint16_t tcp_listener_port(const struct tcp_listener *s);
// Stops and resumes accepting, for connection limits.
void tcp_listener_pause(struct tcp_listener *s, bool paused);
void tcp_listener_close(struct tcp_listener *s, void (*cb)(void *ctx), void *ctx);

#endif
