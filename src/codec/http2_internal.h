// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_HTTP2_INTERNAL_H
#define PENSTOCK_CODEC_HTTP2_INTERNAL_H

#include <nghttp2/nghttp2.h>

#include "base/arena.h"
#include "base/list.h"
#include "codec/http2.h"

#define HTTP2_ERROR_MAX 160

// Fills with what it is given and leaks at a steady rate.
struct http2_bucket {
    int64_t at_ms;
    int64_t level; // thousandths
};

struct http2 {
    nghttp2_session *session;
    struct http2_options o;
    struct list streams; // not closed; those without an owner only wait for their end
    size_t n_streams;
    struct http2_event *events;
    size_t events_at, events_n, events_cap;
    int64_t now_ms;
    struct http2_bucket idle_frames, resets;
    bool settled;
    bool in_head;
    bool shutting; // http2_shutdown() was called; its GOAWAY is out; the PING behind it is, too
    bool shut_noticed, shut_pinged;
    bool peer_going; // its GOAWAY has come
    bool failed;
    bool calm; // the peer has overdone it
    struct buf *sink;
    size_t sink_max;
    char error[HTTP2_ERROR_MAX];
};

struct http2_stream {
    struct list link;
    struct http2 *h; // NULL once closed
    int32_t id;
    bool owned;
    bool remote_end; // the peer's END has come
    bool out_end;    // our body is complete
    bool deferred;   // the library waits for more of it
    bool above;      // the high mark has been reached
    bool refused;    // the request was never sent
    bool resetting;  // we asked for its end
    bool head_done;
    size_t pending; // events not taken yet
    void *owner;
    uint32_t window; // to be set once it is open; 0 = as it is
    struct http2_head head;
    struct http_header *fields; // in the arena, as is all of the head
    size_t fields_cap;
    size_t head_bytes, trailer_bytes;
    struct arena arena;
    struct buf out; // our body
    size_t out_at;
    uint64_t sent;
};

// http2.c
void http2_record(struct http2 *h, struct http2_event event);
struct http2_stream *http2_stream_new(struct http2 *h);
void http2_stream_release(struct http2_stream *s); // frees when nobody holds it
void http2_fail(struct http2 *h, const char *why);
// Counts one; false when that is too many.
bool http2_bucket_add(struct http2_bucket *b, int64_t now_ms, int64_t burst, int64_t a_second);

// http2_head.c
void http2_head_begin(struct http2_stream *s);
// 0, or what the library's callback returns.
int http2_head_add(struct http2_stream *s, struct span name, struct span value);
void http2_head_done(struct http2_stream *s, bool end);

// http2_send.c
int http2_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *framehd,
                    size_t n, nghttp2_data_source *source, void *ctx);

#endif
