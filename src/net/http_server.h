// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_NET_HTTP_SERVER_H
#define PENSTOCK_NET_HTTP_SERVER_H

// HTTP/1.1 and HTTP/2 server, plain or TLS. Loop thread. HTTP/2 by TLS's choice of protocol, or by
// a peer that begins with its preface (RFC 9113 section 3.3); requests of one connection run side
// by side then, each its own exchange.
//
// The handler runs when a request has arrived whole (its body bounded by max_body). It owns the
// exchange until it answers it, once, now or later, whole (http_respond()) or piece by piece
// (http_respond_start() to http_respond_end()); the exchange and all its spans live until then,
// even when the peer goes away meanwhile. Pipelined requests wait their turn.

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "io/loop.h"
#include "net/http_types.h"

struct http_server;
struct http_exchange;

typedef void http_handler_fn(void *ctx, struct http_exchange *x);

struct http_server_options {
    struct span host;
    uint16_t port;        // 0 = any free
    const char *tls_cert; // PEM files; both or none
    const char *tls_key;
    size_t max_head;        // request line + headers; 0 = 32 KiB -> 431
    size_t max_body;        // 0 = 16 MiB -> 413
    size_t max_body_total;  // bodies of all connections together; 0 = 64 MiB -> 503
    size_t max_connections; // 0 = 1024; accepting pauses beyond
    int64_t head_ms;        // first byte of a request to end of its headers; 0 = 10000 -> 408
    int64_t body_ms;        // whole body; 0 = 60000 -> 408
    int64_t idle_ms;        // keep-alive; 0 = 60000
    bool no_http2;
    uint32_t max_streams; // HTTP/2: requests of one connection at a time; 0 = 256
    size_t max_exchanges; // and of all connections together; 0 = 8192 -> REFUSED_STREAM
    http_handler_fn *handler;
    void *ctx;
    // Body of the answers the server itself makes (400, 408, 413, 431, ...): fills `out` and
    // returns the content type. NULL = plain text.
    const char *(*error_body)(int status, const char *reason, struct buf *out);
};

// e says host, port and why.
int http_server_new(struct loop *l, const struct http_server_options *o, struct http_server **out,
                    struct err *e);
uint16_t http_server_port(const struct http_server *s);
// Stops accepting; idle connections close, busy ones finish their response with Connection: close.
void http_server_drain(struct http_server *s);
// drain, then cuts what is left after grace_ms; cb when all are gone. Exchanges still held by
// handlers must be responded to (their answers go nowhere) before cb runs.
void http_server_close(struct http_server *s, int64_t grace_ms, void (*cb)(void *ctx), void *ctx);

struct span http_method(const struct http_exchange *x);
struct span http_path(const struct http_exchange *x);  // as sent, undecoded
struct span http_query(const struct http_exchange *x); // without '?'
struct span http_body(const struct http_exchange *x);
struct http_headers http_request_headers(const struct http_exchange *x);
struct span http_request_header(const struct http_exchange *x, const char *name);
// Memory that lives as long as the exchange.
struct arena *http_arena(struct http_exchange *x);
struct loop *http_loop(struct http_exchange *x);
// "HOST:PORT" of the peer.
const char *http_peer(const struct http_exchange *x);
// For the owner's use; NULL at first.
void http_set_data(struct http_exchange *x, void *data);
void *http_data(struct http_exchange *x);
// Runs at most once, when the peer is gone before the answer: the owner still must respond.
void http_on_gone(struct http_exchange *x, void (*cb)(struct http_exchange *x));

// Ends the exchange: x is invalid after. Headers without Content-Length, Connection, Date.
// `body` is copied.
void http_respond(struct http_exchange *x, int status, struct http_headers h, struct span body);
// Shorthand with one Content-Type header.
void http_respond_type(struct http_exchange *x, int status, const char *type, struct span body);

// An answer of unknown length, piece by piece, instead of http_respond(): chunked, or until the
// connection closes for a peer of HTTP/1.0, or DATA of HTTP/2. A peer that takes nothing of what
// waits for it within idle_ms is cut; a silent answer is not.
void http_respond_start(struct http_exchange *x, int status, struct http_headers h);
// Copies. ERR_CLOSED when the peer is gone: the owner still must end the exchange. The owner stops
// writing when http_respond_queued() says TCP_HIGH_MARK, and goes on at on_drain.
int http_respond_write(struct http_exchange *x, struct span piece);
// Bytes that wait for the peer.
size_t http_respond_queued(const struct http_exchange *x);
// Runs each time the queue has been at TCP_HIGH_MARK and is at TCP_LOW_MARK again, never inside
// http_respond_write().
void http_on_drain(struct http_exchange *x, void (*cb)(struct http_exchange *x));
// Ends the exchange: x is invalid after.
void http_respond_end(struct http_exchange *x);

enum http_version http_version_of(const struct http_exchange *x);
// Fault injection. All but http_goaway() end the exchange, whether its answer has begun or not.
// Cuts the connection; of a streamed answer, what the kernel has taken may still arrive.
void http_cut(struct http_exchange *x);
// HTTP/2: RST_STREAM with INTERNAL_ERROR. HTTP/1.1: as http_cut().
void http_reset(struct http_exchange *x);
// HTTP/2: GOAWAY on its connection; the exchanges there go on. HTTP/1.1: nothing.
void http_goaway(struct http_exchange *x);

#endif
