// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_HTTP2_H
#define PENSTOCK_CODEC_HTTP2_H

// One HTTP/2 connection (RFC 9113), client or server end, without I/O. Loop thread.
//
//   http2_feed(h, bytes, now_ms);               bytes in
//   while (http2_next(h, &event)) ...           what happened
//   while (http2_out(h, &buf, max) > 0) ...     bytes out; may make events, too
//
// Nothing is called back: a feed records events, and between two of them the owner may do what it
// wants, http2_free() included. After anything that may have something to say (a feed, a request, a
// piece of a body, a consume), take http2_out().
//
// A stream belongs to whoever got it: a client by http2_request(), a server by its HTTP2_HEAD
// event. Its memory, the head with all its spans included, lives until http2_stream_free(), also
// when the peer or the whole connection is gone before.
//
// Flow control: the connection's window is given back as data arrives; a stream's only as its owner
// says http2_stream_consume(). So one that does not read stops itself and nobody else, and holds at
// most its window.

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/http_header.h"

#define HTTP2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define HTTP2_PREFACE_LEN 24

// Error codes of RFC 9113 section 7 that owners name or meet.
enum http2_code {
    HTTP2_NO_ERROR = 0,
    HTTP2_PROTOCOL_ERROR = 1,
    HTTP2_INTERNAL_ERROR = 2,
    HTTP2_REFUSED_STREAM = 7,
    HTTP2_CANCEL = 8,
    HTTP2_ENHANCE_YOUR_CALM = 11,
};
const char *http2_code_text(uint32_t code);

enum http2_side { HTTP2_CLIENT, HTTP2_SERVER };

struct http2_options {
    enum http2_side side;
    size_t head_max;      // bytes of a head: names, values and 32 a field (section 6.5.2)
    size_t headers_max;   // fields
    uint32_t streams_max; // server: what the peer may have open
    uint32_t window;      // of a stream that comes in, or that is requested without another one
    uint32_t conn_window; // of the connection
};

// What a peer may send of what costs us and moves nothing (SETTINGS, PING, PRIORITY, empty DATA),
// and of streams it makes only to end them (rapid reset): so many at once,
// and so many a second. Beyond, the connection ends with ENHANCE_YOUR_CALM.
#define HTTP2_IDLE_FRAMES_BURST 1000
#define HTTP2_IDLE_FRAMES_A_SECOND 100
#define HTTP2_RESETS_BURST 200
#define HTTP2_RESETS_A_SECOND 33

// http2_stream_queued() from which HTTP2_DRAINED will tell when it is low again.
#define HTTP2_HIGH_MARK (256 * 1024)
#define HTTP2_LOW_MARK (64 * 1024)

struct http2;
struct http2_stream;

enum http2_event_type {
    HTTP2_HEAD,    // http2_stream_head() tells; interim responses are passed over
    HTTP2_DATA,    // `data`, a piece of what was fed
    HTTP2_END,     // the peer's message is complete (trailers are passed over)
    HTTP2_CLOSED,  // the stream is gone, by `code`; after END with NO_ERROR when all went well
    HTTP2_SENT,    // server: the answer is out, although the request is not complete
    HTTP2_DRAINED, // what waits to be sent was at the high mark and is below the low one
    HTTP2_PONG,    // the peer has answered http2_ping()
    HTTP2_SETTLED, // the peer's SETTINGS have come
    HTTP2_GOAWAY,  // the peer takes no more requests, by `code`
};

struct http2_event {
    enum http2_event_type type;
    struct http2_stream *stream; // NULL for those of the connection
    struct span data;
    uint32_t code;
    bool unprocessed; // CLOSED: the peer has not looked at the request
};

struct http2_head {
    struct span method, scheme, authority, path; // requests
    int status;                                  // responses
    struct http_headers headers; // lower-case names; requests have "host" in any case
    int64_t content_length;      // 0 without body, -1 when unknown
    bool end;                    // no body follows
    bool too_large;              // over a limit: the headers are not complete
    bool expect_continue;
};

struct http2 *http2_new(const struct http2_options *o);
// Streams somebody owns live on.
void http2_free(struct http2 *h);

// 0, or ERR_PROTO when the connection is of no use any more: http2_error() says why, and what
// http2_out() has must still be sent. Data events borrow `in` until the next feed.
int http2_feed(struct http2 *h, struct span in, int64_t now_ms);
bool http2_next(struct http2 *h, struct http2_event *out);
// Appends frames until `out` holds about `max` bytes; returns how many were added.
size_t http2_out(struct http2 *h, struct buf *out, size_t max);
// Both sides have said all: close when the last bytes are out.
bool http2_finished(const struct http2 *h);
const char *http2_error(const struct http2 *h);
// The peer's SETTINGS have come: it speaks HTTP/2.
bool http2_settled(const struct http2 *h);
// A head has begun and is not complete: nothing else can come meanwhile.
bool http2_in_head(const struct http2 *h);
// Streams that are not closed.
size_t http2_streams(const struct http2 *h);
void http2_ping(struct http2 *h);
// Announces the end: requests that are under way are still taken until the peer has heard of it.
void http2_shutdown(struct http2 *h);
// The end: later requests are ignored (no such error) or everything is (another code).
void http2_goaway(struct http2 *h, uint32_t code);

// Whether the peer takes another request now.
bool http2_can_request(const struct http2 *h);
struct http2_request {
    struct span method, scheme, authority, path;
    struct http_headers headers; // without those that HTTP/2 has no use for: they are left out
    bool end;                    // no body follows
    uint32_t window;             // receive window; 0 = the connection's usual; at least 65535
    void *owner;
};
// NULL when it is not taken: http2_can_request().
struct http2_stream *http2_request(struct http2 *h, const struct http2_request *r);

void http2_stream_set_owner(struct http2_stream *s, void *owner);
void *http2_stream_owner(const struct http2_stream *s);
const struct http2_head *http2_stream_head(const struct http2_stream *s);
// Bytes of the body that the owner has taken.
void http2_stream_consume(struct http2_stream *s, size_t n);
// Server. ERR_CLOSED when the stream is gone. The final status once; `end`: no body follows.
int http2_respond(struct http2_stream *s, int status, struct http_headers headers, bool end);
// "100 Continue".
void http2_continue(struct http2_stream *s);
// A piece of our body (copied), and its end. ERR_CLOSED when the stream is gone.
int http2_stream_write(struct http2_stream *s, struct span piece);
void http2_stream_end(struct http2_stream *s);
// Bytes of our body that are in no frame yet; how many have been framed.
size_t http2_stream_queued(const struct http2_stream *s);
uint64_t http2_stream_sent(const struct http2_stream *s);
bool http2_stream_open(const struct http2_stream *s);
// What its head counts against head_max.
size_t http2_stream_head_bytes(const struct http2_stream *s);
// Frees the head before the stream: its spans are gone.
void http2_stream_drop_head(struct http2_stream *s);
// RST_STREAM with that code when it is still open. Its owner keeps it.
void http2_stream_reset(struct http2_stream *s, uint32_t code);
// The same, and frees. No event of it comes after.
void http2_stream_free(struct http2_stream *s, uint32_t code);

#endif
