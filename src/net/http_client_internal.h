// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_NET_HTTP_CLIENT_INTERNAL_H
#define PENSTOCK_NET_HTTP_CLIENT_INTERNAL_H

#include "base/buf.h"
#include "base/map.h"
#include "codec/http1.h"
#include "net/http_client.h"
#include "net/stream.h"

#define HTTP_HOST_VALUE_MAX 300

struct http_client {
    struct loop *loop;
    struct http_client_options o; // defaults filled in
    struct tls_config *tls;       // NULL until needed; owned
    struct map origins;           // struct origin; owned
    struct list calls;            // struct client_call
    struct list conns;            // struct client_conn
    bool closing;
    struct loop_task finish;
    void (*close_cb)(void *ctx);
    void *close_ctx;
};

struct origin {
    struct http_client *client;
    bool tls;
    uint16_t port;
    struct tls_session *session; // to resume; owned
    size_t n_conns;              // with an open stream
    struct list idle;            // struct client_conn, last used first
    struct list waiting;         // struct client_call, first come first
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
    struct buf head;
    struct span body; // the caller's
    bool no_body;     // HEAD: the response has none
    size_t sent;      // of the body
    size_t received;  // of the response body
    size_t max_body;
    bool interim; // in a 1xx response
    bool retried;
    bool paused;
    struct timer timer;
    int64_t connect_ms, first_byte_ms, total_ms;
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
    int64_t born_ms;
    struct buf tail; // input that came while the call was paused
    struct timer idle;
    struct loop_task resume;
};

// client_conn.c
// Gives the call a connection: an idle one (not when it failed on one), a new one, or a place in
// the queue.
void client_assign(struct client_call *cc);
void client_conn_close(struct client_conn *c);
void client_conn_resume(struct client_conn *c);

// http_client.c
void client_call_finish(struct client_call *cc, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void client_call_set_phase(struct client_call *cc, enum call_phase phase);
void client_maybe_finish(struct http_client *c);

#endif
