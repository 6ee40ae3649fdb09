// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"

#define BUF_MIN 64

void buf_free(struct buf *b)
{
    mem_free(b->p);
    *b = (struct buf){0};
}

void buf_free_wiped(struct buf *b)
{
    mem_wipe(b->p, b->cap);
    buf_free(b);
}

char *buf_reserve(struct buf *b, size_t n)
{
    size_t need;
    require(num_add_size(b->n, n, &need));
    if (need > b->cap) {
        size_t cap = b->cap ? b->cap + b->cap / 2 : BUF_MIN;
        if (cap < need)
            cap = need;
        b->p = mem_realloc(b->p, cap);
        b->cap = cap;
    }
    return b->p ? b->p + b->n : NULL;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    if (n == 0)
        return;
    memcpy(buf_reserve(b, n), p, n);
    b->n += n;
}

void buf_add_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_add_u64(struct buf *b, uint64_t v)
{
    char t[20];
    size_t i = sizeof t;
    do {
        t[--i] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    buf_add(b, t + i, sizeof t - i);
}

void buf_add_i64(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_add_char(b, '-');
    buf_add_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    require(n >= 0);
    vsnprintf(buf_reserve(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
    va_end(again);
    b->n += (size_t)n;
}

void buf_drop(struct buf *b, size_t n)
{
    require(n <= b->n);
    b->n -= n;
    if (b->n)
        memmove(b->p, b->p + n, b->n);
}

const char *buf_cstr(struct buf *b)
{
    *buf_reserve(b, 1) = '\0';
    return b->p;
}
