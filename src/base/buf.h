// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BASE_BUF_H
#define PENSTOCK_BASE_BUF_H

// A growable byte buffer that owns its bytes. Zero-initialise, use, buf_free(). One thread at a
// time.

#include <stdint.h>

#include "base/span.h"

struct buf {
    char *p;
    size_t n;
    size_t cap;
};

void buf_free(struct buf *b);
// Overwrites all bytes first, for what holds secrets. What growing left behind is not ours any
// more: reserve enough before secrets come in.
void buf_free_wiped(struct buf *b);
static inline void buf_clear(struct buf *b)
{
    b->n = 0;
}
// Makes room for `n` more bytes and returns where they go; buf_commit() counts them.
char *buf_reserve(struct buf *b, size_t n);
static inline void buf_commit(struct buf *b, size_t n)
{
    b->n += n;
}
void buf_add(struct buf *b, const void *p, size_t n);
static inline void buf_add_span(struct buf *b, struct span s)
{
    buf_add(b, s.p, s.n);
}
void buf_add_str(struct buf *b, const char *s);
static inline void buf_add_char(struct buf *b, char c)
{
    if (b->n == b->cap)
        buf_reserve(b, 1);
    b->p[b->n++] = c;
}
void buf_add_u64(struct buf *b, uint64_t v);
void buf_add_i64(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Removes the first `n` bytes (moves the rest down).
void buf_drop(struct buf *b, size_t n);
// NUL-terminates without counting the NUL, for C interfaces; valid until the next change.
const char *buf_cstr(struct buf *b);
static inline struct span buf_span(const struct buf *b)
{
    return (struct span){b->p, b->n};
}

#endif
