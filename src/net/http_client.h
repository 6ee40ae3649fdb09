// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_NET_HTTP_CLIENT_H
#define PENSTOCK_NET_HTTP_CLIENT_H

// HTTP client with a pool of connections per origin (scheme, host, port, version). Loop thread.
//
// A call is one request and its response. The caller owns `struct http_call` and the request's
// spans until on_done, which runs exactly once. A reset on a reused connection before any response
// byte is repeated once on a fresh connection, without the caller's knowing, but for calls that may
// not reach the peer twice: they fail, and begin on no HTTP/1.1 connection that has been idle for
// long, which the peer may be closing.
//
// HTTP/1.1: a call has its connection for itself. HTTP/2: all calls of an origin share one (another
// when the peer takes no more streams); a call the peer has not looked at (REFUSED_STREAM, or
// beyond its GOAWAY) is started again elsewhere; connections that are silent while calls wait are
// asked by PING.

#include "base/err.h"
#include "codec/url.h"
#include "io/loop.h"
#include "net/http_types.h"
#include "net/proxy.h"

struct http_client;

struct http_client_options {
    const char *ca_file;   // PEM bundle; NULL = system trust store
    const char *cert_file; // PEM, shown to servers that ask; NULL = none
    const char *key_file;
    struct proxy_settings proxies; // empty = none
    bool insecure;         // no verification: tests only, never reachable from configuration
    size_t max_per_origin; // connections; 0 = 64
    int64_t idle_ms;       // close idle connections after; 0 = 20000
    int64_t max_age_ms;    // no new calls on connections older than this; 0 = 300000
    int64_t ping_ms;       // HTTP/2: silence on a connection with calls before a PING; 0 = 15000
    int64_t pong_ms;       // and from there until it counts as dead; 0 = 10000
};

// e names the file when the bundle cannot be read.
int http_client_new(struct loop *l, const struct http_client_options *o, struct http_client **out,
                    struct err *e);
// Cancels all calls (their on_done runs with ERR_CANCELED), closes all connections, then cb.
void http_client_close(struct http_client *c, void (*cb)(void *ctx), void *ctx);

struct http_call;

struct http_call_events {
    // Status line and headers. content_length is -1 when unknown. Optional.
    void (*on_head)(struct http_call *call, int status, struct http_headers h,
                    int64_t content_length);
    // A piece of the body. Optional.
    void (*on_body)(struct http_call *call, struct span piece);
    // The end: 0, or why not (e->msg says where: connect, TLS, first byte, ...).
    void (*on_done)(struct http_call *call, int status, const struct err *e);
};

#define HTTP_NO_LIMIT (-1)

struct http_call_options {
    enum http_version version;   // HTTP_1_1 or HTTP_2: no other one is tried
    struct span method;          // "GET"
    const struct url *origin;    // tls, host, port are used
    struct span target;          // origin-form: "/path?query"
    struct http_headers headers; // without Host, Content-Length, Connection: added here
    struct span body;            // empty = none (Content-Length: 0 is sent for POST and PUT)
    int64_t connect_ms;          // TCP + TLS; 0 = 5000
    int64_t first_byte_ms;       // from request sent to first response byte; 0 = 30000
    int64_t total_ms;            // whole call; 0 = 60000; HTTP_NO_LIMIT
    int64_t idle_ms;             // longest silence once the response has begun; 0 = none
    size_t max_body;             // response cap, ERR_LIMIT beyond; 0 = 16 MiB; SIZE_MAX = none
    uint32_t window;             // HTTP/2: bytes on their way or held while paused; 0 = 256 KiB; at
                                 // least 64 KiB
    bool once;                   // not idempotent: never repeated
    bool secret;                 // the response is: read buffers are wiped
    bool direct;                 // by no proxy, whatever the address
};

struct http_call {
    void *data; // the caller's
    const struct http_call_events *ev;
    void *internal; // the client's
};

// The Host value the client will send for this origin (port only when not the scheme's default):
// what a signer signs. Writes a NUL; returns the length.
size_t http_host_value(const struct url *origin, char *out, size_t cap);

int http_client_start(struct http_client *c, struct http_call *call,
                      const struct http_call_options *o) MUST_CHECK;
// Stops and resumes reading the response (back-pressure): from the socket, or of HTTP/2 by the
// stream's window, so that other calls go on. While paused the limits stand still.
void http_call_pause(struct http_call *call);
void http_call_resume(struct http_call *call);
void http_call_cancel(struct http_call *call);

#endif
