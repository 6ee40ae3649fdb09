// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_HTTP2_PEER_H
#define PENSTOCK_TEST_HTTP2_PEER_H

// A peer of the HTTP/2 codec that writes and reads raw frames (RFC 9113 section 4.1), for what the
// codec's own other end would never say.

#include "base/buf.h"
#include "codec/http2.h"

enum frame_type {
    F_DATA,
    F_HEADERS,
    F_PRIORITY,
    F_RST_STREAM,
    F_SETTINGS,
    F_PUSH_PROMISE,
    F_PING,
    F_GOAWAY,
    F_WINDOW_UPDATE,
    F_CONTINUATION,
};
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8 };

void peer_frame(struct buf *out, int type, int flags, uint32_t id, struct span payload);
void peer_number(struct buf *out, uint32_t v); // four bytes
// A header field without compression (RFC 7541 section 6.2.2).
void peer_field(struct buf *out, struct span name, struct span value);
// The block of a GET of "/".
void peer_get(struct buf *block);
// Preface and empty SETTINGS.
void peer_begin(struct buf *out);
// The frames of `in`, in words: "SETTINGS HEADERS(1) RST_STREAM(1,8) GOAWAY(2147483647,0)".
void peer_describe(struct span in, struct buf *out);

#endif
