// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_CBOR_H
#define PENSTOCK_CODEC_CBOR_H

// CBOR (RFC 8949): a pull reader over complete input and a writer of definite-length items.
// The reader accepts definite and indefinite lengths, chunked strings, any integer width, half,
// single and double floats, tags and unknown simple values; nesting up to 64. No allocation but for
// chunked strings.

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum cbor_type {
    CBOR_ERROR = -1,
    CBOR_END = 0, // input is used up
    CBOR_UINT,    // u
    CBOR_NINT,    // value is -1 - u
    CBOR_BYTES,   // s
    CBOR_TEXT,    // s (not checked for UTF-8)
    CBOR_ARRAY,   // count, or CBOR_INDEFINITE
    CBOR_MAP,     // count of pairs, or CBOR_INDEFINITE
    CBOR_TAG,     // u; the tagged item follows
    CBOR_FALSE,
    CBOR_TRUE,
    CBOR_NULL,   // null and undefined
    CBOR_FLOAT,  // d
    CBOR_SIMPLE, // u
    CBOR_BREAK,  // end of an indefinite array or map
};

#define CBOR_INDEFINITE UINT64_MAX
#define CBOR_DEPTH 64

struct cbor_item {
    enum cbor_type type;
    uint64_t u;
    uint64_t count;
    double d;
    struct span s;
};

struct cbor_reader {
    const uint8_t *at, *end;
    struct arena *arena; // for chunked strings
    const char *error;
};

void cbor_reader_init(struct cbor_reader *r, struct span in, struct arena *arena);
// Reads one item head (and the bytes of a string). False on error (sticky, r->error says why).
bool cbor_read(struct cbor_reader *r, struct cbor_item *out);
// Skips the rest of an item whose head was just read (members of arrays, maps, tags).
bool cbor_skip(struct cbor_reader *r, const struct cbor_item *item);
// Whether the next array/map member exists: for loops over both length forms. `left` starts as
// item.count; false at the end (a break is consumed) or on error.
bool cbor_more(struct cbor_reader *r, uint64_t *left);
// Any number as int64 (floats rounded), with an optional tag 1 in front already consumed or not.
bool cbor_read_int(struct cbor_reader *r, int64_t *out);

void cbor_put_uint(struct buf *b, uint64_t v);
void cbor_put_int(struct buf *b, int64_t v);
void cbor_put_bytes(struct buf *b, struct span s);
void cbor_put_text(struct buf *b, struct span s);
void cbor_put_array(struct buf *b, uint64_t n);
void cbor_put_map(struct buf *b, uint64_t n);
void cbor_put_tag(struct buf *b, uint64_t tag);
void cbor_put_bool(struct buf *b, bool v);
void cbor_put_null(struct buf *b);
void cbor_put_double(struct buf *b, double v);

#endif
