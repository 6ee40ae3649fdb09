// SPDX-License-Identifier: Apache-2.0
#include "codec/cbor.h"

#include <string.h>

// Shortest head (RFC 8949 section 4.2.1).
static void put_head(struct buf *b, unsigned major, uint64_t v)
{
    uint8_t head[9];
    size_t n = v <= 0xff ? 1 : v <= 0xffff ? 2 : v <= 0xffffffff ? 4 : 8;
    if (v < 24) {
        buf_add_char(b, (char)(major << 5 | v));
        return;
    }
    head[0] = (uint8_t)(major << 5 | (n == 1 ? 24u : n == 2 ? 25u : n == 4 ? 26u : 27u));
    for (size_t i = 0; i < n; i++) {
        head[n - i] = (uint8_t)(v >> (8 * i));
    }
    buf_add(b, head, n + 1);
}

void cbor_put_uint(struct buf *b, uint64_t v)
{
    put_head(b, 0, v);
}

void cbor_put_int(struct buf *b, int64_t v)
{
    if (v < 0) {
        put_head(b, 1, (uint64_t)(-1 - v));
    } else {
        put_head(b, 0, (uint64_t)v);
    }
}

void cbor_put_bytes(struct buf *b, struct span s)
{
    put_head(b, 2, s.n);
    buf_add_span(b, s);
}

void cbor_put_text(struct buf *b, struct span s)
{
    put_head(b, 3, s.n);
    buf_add_span(b, s);
}

void cbor_put_array(struct buf *b, uint64_t n)
{
    put_head(b, 4, n);
}

void cbor_put_map(struct buf *b, uint64_t n)
{
    put_head(b, 5, n);
}

void cbor_put_tag(struct buf *b, uint64_t tag)
{
    put_head(b, 6, tag);
}

void cbor_put_bool(struct buf *b, bool v)
{
    buf_add_char(b, v ? (char)0xf5 : (char)0xf4);
}

void cbor_put_null(struct buf *b)
{
    buf_add_char(b, (char)0xf6);
}

void cbor_put_double(struct buf *b, double v)
{
    uint8_t bytes[9] = {0xfb};
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    for (int i = 0; i < 8; i++) {
        bytes[8 - i] = (uint8_t)(bits >> (8 * i));
    }
    buf_add(b, bytes, sizeof bytes);
}
