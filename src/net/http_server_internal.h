// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_NET_HTTP_SERVER_INTERNAL_H
#define PENSTOCK_NET_HTTP_SERVER_INTERNAL_H

#include "codec/http1.h"
#include "codec/http2.h"
#include "net/http_server.h"
#include "net/stream.h"

#define SERVER_DATE_LEN 29
#define SERVER_PEER_MAX 64
#define SERVER_HEADERS_MAX 100
#define SERVER_TARGET_MAX (8 * 1024)
// What a peer must take of its answers within idle_ms.
#define SERVER_SLOWEST_BYTES (16 * 1024)
// For a peer to close after all has been said.
#define SERVER_LINGER_MS 2000
#define SERVER_LINGER_BYTES (1024 * 1024)

struct http_server {
    struct loop *loop;
    struct tcp_listener *listener;
    struct tls_config *tls;       // NULL = plain; owned
    struct http_server_options o; // defaults filled in
    struct list conns;            // struct conn
    size_t n_streams;             // of them, with an open stream
    size_t body_bytes;            // request bodies held now
    size_t h2_exchanges;          // of all connections
    bool draining;
    bool closing;
    bool listener_closed;
    struct timer grace;
    struct loop_task finish;
    void (*close_cb)(void *ctx);
    void *close_ctx;
    int64_t date_s; // what `date` shows
    char date[SERVER_DATE_LEN + 1];
};

enum conn_phase {
    CONN_IDLE,     // between requests, or waiting for the peer to take its answers
    CONN_HEAD,     // a request's first byte has come
    CONN_BODY,     // its head has come
    CONN_HANDLING, // the handler owns the exchange
    CONN_LINGER,   // the last answer is out: waiting for the peer to close
};

// How a version of HTTP carries out what a handler asks for.
struct exchange_ops {
    enum http_version version;
    void (*respond)(struct http_exchange *x, int status, struct http_headers h, struct span body);
    void (*start)(struct http_exchange *x, int status, struct http_headers h);
    int (*write)(struct http_exchange *x, struct span piece);
    size_t (*queued)(const struct http_exchange *x);
    void (*end)(struct http_exchange *x);
    void (*reset)(struct http_exchange *x);
    void (*cut)(struct http_exchange *x);
    void (*goaway)(struct http_exchange *x); // NULL = there is no such thing
};

struct http_exchange {
    const struct exchange_ops *ops;
    struct conn *conn;
    bool open;      // the handler owns it
    bool streaming; // its answer has begun
    bool chunked;   // HTTP/1.1: how the streamed answer is framed
    bool head_only;
    bool keep_alive;
    bool minor0; // HTTP/1.0
    struct span method, path, query;
    struct http_headers headers;
    struct buf body;
    struct arena arena;
    void *data;
    void (*on_gone)(struct http_exchange *x);
    void (*on_drain)(struct http_exchange *x);
};

struct conn {
    struct list link;
    struct http_server *server;
    struct stream *stream; // NULL once closed
    bool stream_closing;
    bool processing; // conn_process() is on the stack
    bool reading;
    bool eof;             // the peer sends no more
    bool last;            // the answer being made is the last one
    bool fresh;           // no request has come yet
    bool sniffing;        // it may still turn out to be HTTP/2
    uint8_t sniffed;      // bytes of its preface that have come
    struct server_h2 *h2; // owned; then `parser`, `tail` and `x` are not used
    enum conn_phase phase;
    struct http1 *parser;
    struct timer timer;
    struct loop_task resume;
    struct buf out;  // answers to go out in one write
    struct buf tail; // input that waits until the request before is answered
    size_t queued_seen;
    int64_t stalled_ms;
    uint64_t given; // bytes for the stream since the reader of a streamed answer was looked at
    size_t discarded;
    struct http_exchange x;
    char peer[SERVER_PEER_MAX];
};

void conn_accept(struct http_server *s, struct tcp *t);
// The exchange's answer is in `out` (or nothing, when the stream is gone): goes on.
void conn_answered(struct conn *c);
// Cuts at once; the object lives on while a handler owns its exchange.
void conn_cut(struct conn *c);
// Idle: closes. Busy: the next answer is the last.
void conn_drain(struct conn *c);
void conn_flush(struct conn *c, struct span more);
// A streamed answer has begun: its peer has to take what it is sent.
void conn_watch_reader(struct conn *c);
void conn_set_phase(struct conn *c, enum conn_phase phase);
// Ends in order: what is queued goes out, then waits for the peer to close.
void conn_begin_linger(struct conn *c);
void conn_maybe_free(struct conn *c);
void server_maybe_finish(struct http_server *s);

// server_h2.c: the exchanges of a connection that speaks HTTP/2.
struct server_h2 *server_h2_new(struct conn *c);
void server_h2_free(struct server_h2 *h);
void server_h2_read(struct server_h2 *h, struct span in);
void server_h2_drained(struct server_h2 *h); // the stream takes more
void server_h2_drain(struct server_h2 *h);   // the server ends
// The stream is gone: tells those who hold an exchange.
void server_h2_gone(struct server_h2 *h);
// Nobody holds an exchange.
bool server_h2_empty(const struct server_h2 *h);

// http_exchange.c
// Path and query of origin-form or absolute-form (RFC 9112 section 3.2), else the target as it is.
void exchange_set_target(struct http_exchange *x, struct span target);
void exchange_tell_gone(struct http_exchange *x);
void exchange_tell_drained(struct http_exchange *x);

// http_response.c
extern const struct exchange_ops http1_exchange_ops;
// Appends an answer to `out`; a large body goes straight to the stream.
void response_write(struct conn *c, int status, struct http_headers h, struct span body);
void response_write_error(struct conn *c, int status, const char *reason);
bool response_bodiless(int status);
// The value of a Date header: SERVER_DATE_LEN bytes.
const char *response_date(struct http_server *s);
// A line end inside a header would let its author write our head: logs and returns false.
bool response_header_ok(const struct http_header *h);
// Fills `out` with what the server says itself about a refused request; returns its type.
const char *response_error_body(const struct http_server *s, int status, const char *reason,
                                struct buf *out);

#endif
