// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_NET_HTTP_CLIENT_INTERNAL_H
#define PENSTOCK_NET_HTTP_CLIENT_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "codec/http1.h"
#include "codec/http2.h"
#include "net/http_client.h"
#include "net/stream.h"

#define HTTP_HOST_VALUE_MAX 300
// Of a response.
#define CLIENT_HEAD_MAX (64 * 1024)
#define CLIENT_HEADERS_MAX 200
// A piece of a request's body that is handed over at a time.
#define CLIENT_SLICE (256 * 1024)
// A connection that was idle for longer may be being closed by its peer: servers keep them for
// seconds.
#define CLIENT_ONCE_IDLE_MS 1000

struct http_client {
    struct loop *loop;
    struct http_client_options o; // defaults filled in
    struct tls_config *tls;       // NULL until needed; owned
    struct proxy_rules proxies;
    struct map origins;   // struct origin; owned
    struct list calls;    // struct client_call
    struct list conns;    // struct client_conn
    struct list h2_conns; // struct client_h2
    bool closing;
    struct loop_task finish;
    void (*close_cb)(void *ctx);
    void *close_ctx;
};

struct origin {
    struct http_client *client;
    bool tls;
    uint16_t port;
    const struct proxy *proxy;   // NULL = straight
    struct tls_session *session; // to resume; owned
    size_t n_conns;              // with an open stream
    enum http_version version;
    struct list idle;    // struct client_conn, last used first
    struct list h2;      // struct client_h2 that may get calls
    struct list waiting; // struct client_call, first come first
    char host[256];
    char host_value[HTTP_HOST_VALUE_MAX]; // of the Host header
    char key[HTTP_HOST_VALUE_MAX];        // in the map
};

enum call_phase {
    CALL_WAITING, // for a connection to become free
    CALL_CONNECTING,
    CALL_SENDING,
    CALL_SENT, // waiting for the first byte
    CALL_RECEIVING,
    CALL_FINISHED, // on_done is posted
};

struct client_call {
    struct list link;      // client.calls
    struct list wait_link; // origin.waiting
    struct http_call *call;
    struct http_client *client;
    struct origin *origin;
    struct client_conn *conn;
    enum call_phase phase;
    bool secret;      // the response
    struct buf head;  // HTTP/1.1: of the request, as it is sent
    struct span body; // the caller's
    bool no_body;     // HEAD: the response has none
    size_t sent;      // of the body
    size_t received;  // of the response body
    size_t max_body;
    bool interim; // in a 1xx response
    bool once, retried;
    bool paused;
    struct h2_call {
        struct list link; // client_h2.calls
        struct client_h2 *conn;
        struct http2_stream *stream; // owned
        struct arena arena;          // of the request
        struct http2_request request;
        unsigned moves;  // to other connections
        bool stale;      // begun on a connection that had served others
        uint64_t got;    // bytes that had come there by then
        bool head_waits; // the head came while paused
        bool ended;      // the response is complete, but not yet told
        struct buf tail; // what came of the body while paused
        struct loop_task resume;
    } h2;
    struct timer timer;
    int64_t connect_ms, first_byte_ms, total_ms, idle_ms;
    int64_t total_due, phase_due; // INT64_MAX = none; while paused: what is left of them
    struct loop_task done;
    int status;
    struct err err;
};

struct client_conn {
    struct list link;      // client.conns
    struct list idle_link; // origin.idle
    struct http_client *client;
    struct origin *origin; // NULL once the stream is closed
    struct client_call *call;
    struct stream *stream;
    struct http1 *parser;
    bool reused;
    bool got_byte; // of the response to the present call
    int64_t born_ms, idle_since_ms;
    struct buf tail; // input that came while the call was paused
    struct timer idle;
    struct loop_task resume;
};

struct client_h2 {
    struct list link;        // client.h2_conns
    struct list origin_link; // origin.h2
    struct http_client *client;
    struct origin *origin; // NULL once the stream is closed
    struct stream *stream;
    struct http2 *http2; // NULL until the stream is open
    struct list calls;   // struct client_call, by h2.link
    size_t n_calls;
    bool served; // a call before
    bool going;  // no new calls
    bool pinged;
    bool idle;    // no calls, and the watch is for that
    uint64_t got; // bytes
    int64_t born_ms, heard_ms;
    struct timer watch; // for silence while there are calls, for the end of idleness otherwise
    struct loop_task flush;
};

// client_h2.c
void client_h2_assign(struct client_call *cc);
// The call is over: its stream ends.
void client_h2_release(struct client_call *cc);
void client_h2_resume(struct client_call *cc);
void client_h2_close(struct client_h2 *c);

// client_conn.c
// Gives the call a connection: an idle one (not when it failed on one), a new one, or a place in
// the queue.
void client_assign(struct client_call *cc);
void client_conn_close(struct client_conn *c);
void client_conn_resume(struct client_conn *c);
// The system's trust store is read when it is first needed: a client of plain endpoints has none.
int client_tls(struct http_client *c, struct tls_config **out, struct err *e);

// http_client.c
// Where a connection to the origin goes, but for the TLS settings.
struct stream_target client_target(struct origin *o);
void client_call_finish(struct client_call *cc, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// What came of the response, checked against the call's limits: the call may be over after.
void client_call_head(struct client_call *cc, int status, struct http_headers h,
                      int64_t content_length);
void client_call_body(struct client_call *cc, struct span piece);
// Where it is, and why: for a call whose connection is lost.
void client_call_lost(struct client_call *cc, int status);
void client_call_set_phase(struct client_call *cc, enum call_phase phase);
void client_maybe_finish(struct http_client *c);

#endif
