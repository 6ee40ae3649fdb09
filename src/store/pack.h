// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_PACK_H
#define PENSTOCK_STORE_PACK_H

// Compact binary fields, shared by the log, the blocks, the operations of a transaction and the
// series list of a device. Numbers are LEB128 varints, signed ones zigzag first.

#include <string.h>

#include "base/buf.h"
#include "base/uuid.h"

#define PACK_VARINT_MAX 10

static inline uint64_t pack_zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}
static inline int64_t pack_unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

// Returns the end of what was written, at most PACK_VARINT_MAX bytes on.
static inline uint8_t *pack_varint(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

static inline void pack_u64(struct buf *b, uint64_t v)
{
    uint8_t *p = (uint8_t *)buf_reserve(b, PACK_VARINT_MAX);
    buf_commit(b, (size_t)(pack_varint(p, v) - p));
}
static inline void pack_i64(struct buf *b, int64_t v)
{
    pack_u64(b, pack_zigzag(v));
}
static inline void pack_span(struct buf *b, struct span s)
{
    pack_u64(b, s.n);
    buf_add_span(b, s);
}
static inline void pack_uuid(struct buf *b, struct uuid u)
{
    buf_add(b, u.b, sizeof u.b);
}

// Reads fields back. After a field that is not there or wrong, `bad` stays set and every read gives
// zero.
struct unpack {
    const uint8_t *p, *end;
    bool bad;
};

static inline struct unpack unpack_of(struct span s)
{
    const uint8_t *p = (const uint8_t *)(s.p ? s.p : "");
    return (struct unpack){p, p + s.n, false};
}
static inline bool unpack_more(const struct unpack *u)
{
    return !u->bad && u->p < u->end;
}
static inline void unpack_fail(struct unpack *u)
{
    u->bad = true;
    u->p = u->end;
}

static inline uint64_t unpack_u64(struct unpack *u)
{
    uint64_t v = 0;
    for (unsigned shift = 0; u->p < u->end; shift += 7) {
        uint8_t c = *u->p++;
        if (shift == 63 && c > 1)
            break;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80)
            return v;
    }
    unpack_fail(u);
    return 0;
}
static inline int64_t unpack_i64(struct unpack *u)
{
    return pack_unzigzag(unpack_u64(u));
}
static inline uint32_t unpack_u32(struct unpack *u)
{
    uint64_t v = unpack_u64(u);
    if (v > UINT32_MAX) {
        unpack_fail(u);
        return 0;
    }
    return (uint32_t)v;
}
static inline uint8_t unpack_byte(struct unpack *u)
{
    if (u->p == u->end) {
        unpack_fail(u);
        return 0;
    }
    return *u->p++;
}
static inline struct span unpack_bytes(struct unpack *u, uint64_t n)
{
    if (n > (size_t)(u->end - u->p)) {
        unpack_fail(u);
        return SPAN_NONE;
    }
    struct span s = {(const char *)u->p, (size_t)n};
    u->p += n;
    return s;
}
static inline struct span unpack_span(struct unpack *u)
{
    return unpack_bytes(u, unpack_u64(u));
}
static inline struct uuid unpack_uuid(struct unpack *u)
{
    struct uuid id = {{0}};
    struct span s = unpack_bytes(u, sizeof id.b);
    if (s.p)
        memcpy(id.b, s.p, sizeof id.b);
    return id;
}

#endif
