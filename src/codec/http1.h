// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_HTTP1_H
#define PENSTOCK_CODEC_HTTP1_H

// HTTP/1.1 messages (RFC 9112) as events, without I/O. One thread at a time.
//
//   http1_feed(p, bytes);
//   while ((event = http1_next(p)) != HTTP1_MORE) ...
//
// The caller may stop between any two events and keep http1_rest() for later: that is how pipelined
// requests are taken one at a time. Heads are collected whole, checked and then parsed by llhttp;
// the framing of bodies is decoded here, the same with every llhttp version. Nothing is lenient:
// what RFC 9112 lets a server refuse is refused.

#include <stdint.h>

#include "base/err.h"
#include "codec/http_header.h"

enum http1_side { HTTP1_REQUESTS, HTTP1_RESPONSES };

enum http1_event {
    HTTP1_MORE,  // all input is used up
    HTTP1_HEAD,  // http1_head() tells
    HTTP1_BODY,  // http1_body() is a piece of the input, not copied
    HTTP1_DONE,  // the message is complete; the next http1_next() starts another
    HTTP1_ERROR, // http1_error() tells; the same again from now on
};

struct http1_limits {
    size_t head;    // bytes of the head, with the empty line at its end
    size_t headers; // fields
    size_t target;  // bytes of the request target
};

// Bounds on what the framing of a chunked body may add.
#define HTTP1_CHUNK_LINE_MAX 256
#define HTTP1_TRAILER_MAX (8 * 1024)

struct http1_head {
    struct span method; // requests; static text
    struct span target; // requests
    int status;         // responses
    uint8_t minor;      // of HTTP/1.x
    bool keep_alive;
    bool chunked;
    bool until_close;       // response body ends with the connection
    bool expect_continue;   // "Expect: 100-continue" of a request with a body
    int64_t content_length; // 0 without body, -1 when chunked or until_close
    struct http_headers headers;
};

struct http1_error {
    int status;         // what a server answers: 400, 414, 431, 501, 505
    const char *reason; // static text for a person
};

struct http1;

struct http1 *http1_new(enum http1_side side, const struct http1_limits *limits);
void http1_free(struct http1 *p);
// Forgets everything, for a new connection.
void http1_reset(struct http1 *p);
// The next response answers a HEAD request: no body whatever its headers say.
void http1_expect_no_body(struct http1 *p);
// `in` is borrowed until all of it is used up or the next feed, which needs the rest used up or
// kept.
void http1_feed(struct http1 *p, struct span in);
enum http1_event http1_next(struct http1 *p);
struct span http1_rest(const struct http1 *p);
// No byte of a message has come since the last one was done.
bool http1_idle(const struct http1 *p);
// Input has ended: HTTP1_DONE (once) when that completes a body, HTTP1_MORE between messages,
// HTTP1_ERROR inside one.
enum http1_event http1_eof(struct http1 *p);
// Valid, with all its spans, from HTTP1_HEAD until the http1_next() after HTTP1_DONE.
const struct http1_head *http1_head(const struct http1 *p);
struct span http1_body(const struct http1 *p);
struct http1_error http1_error(const struct http1 *p);

#endif
