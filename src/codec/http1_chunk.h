// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_HTTP1_CHUNK_H
#define PENSTOCK_CODEC_HTTP1_CHUNK_H

// The chunked transfer coding (RFC 9112 section 7.1), taken apart strictly. Extensions are ignored,
// trailer fields are checked for their line ends and dropped.

#include "codec/http1.h"

enum chunk_state {
    CHUNK_SIZE,
    CHUNK_EXT,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER,
    CHUNK_TRAILER_LF,
};

// Zero before the first byte of a body.
struct http1_chunks {
    enum chunk_state state;
    uint64_t left; // of the chunk
    size_t line_n; // bytes of the size line, or of the trailer line
    size_t trailer_n;
    struct http1_error error;
};

// Takes from *in: HTTP1_BODY with a piece, HTTP1_MORE when *in is used up, HTTP1_DONE after the
// last byte, HTTP1_ERROR.
enum http1_event http1_chunks_next(struct http1_chunks *c, struct span *in, struct span *piece);

// tchar of RFC 9110 section 5.6.2.
bool http1_is_token_char(unsigned char c);

#endif
