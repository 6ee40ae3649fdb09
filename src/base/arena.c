// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"

#define ARENA_ALIGN 16
#define ARENA_CHUNK_MIN 4096
#define ARENA_CHUNK_MAX (256 * 1024)

struct arena_chunk {
    struct arena_chunk *next;
    size_t size; // of the whole chunk, header included
};

#define CHUNK_HEAD ((sizeof(struct arena_chunk) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1))

static void *alloc_slow(struct arena *a, size_t n)
{
    size_t need, size = a->chunks ? a->chunks->size * 2 : ARENA_CHUNK_MIN;
    require(num_add_size(n, CHUNK_HEAD + ARENA_ALIGN, &need));
    if (size > ARENA_CHUNK_MAX)
        size = ARENA_CHUNK_MAX;
    bool own = need > size;
    if (own)
        size = need;
    struct arena_chunk *c = mem_alloc(size);
    c->size = size;
    a->bytes += size;
    char *p = (char *)c + CHUNK_HEAD;
    if (own && a->chunks) {
        // A large piece gets its own chunk behind the current one, whose room stays in use.
        c->next = a->chunks->next;
        a->chunks->next = c;
        return p;
    }
    c->next = a->chunks;
    a->chunks = c;
    a->at = p + n;
    a->end = (char *)c + size;
    return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
    char *p = (char *)(((uintptr_t)a->at + ARENA_ALIGN - 1) & ~(uintptr_t)(ARENA_ALIGN - 1));
    if (!a->at || p > a->end || (size_t)(a->end - p) < n)
        return alloc_slow(a, n);
    a->at = p + n;
    return p;
}

void *arena_alloc_array(struct arena *a, size_t n, size_t size)
{
    size_t total;
    require(num_mul_size(n, size, &total));
    return arena_alloc(a, total);
}

void *arena_zalloc(struct arena *a, size_t n)
{
    return memset(arena_alloc(a, n), 0, n);
}

char *arena_dup(struct arena *a, const void *p, size_t n)
{
    char *out;
    if (a->at && (size_t)(a->end - a->at) >= n) {
        out = a->at;
        a->at += n;
    } else {
        out = alloc_slow(a, n);
    }
    if (n)
        memcpy(out, p, n);
    return out;
}

struct span arena_span(struct arena *a, struct span s)
{
    return (struct span){arena_dup(a, s.p, s.n), s.n};
}

char *arena_cstr(struct arena *a, struct span s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return p;
}

struct span arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    require(n >= 0);
    char *p = arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return (struct span){p, (size_t)n};
}

void *arena_grow(struct arena *a, void *p, size_t old_n, size_t new_n)
{
    if (p && (char *)p + old_n == a->at && (size_t)(a->end - (char *)p) >= new_n) {
        a->at = (char *)p + new_n;
        return p;
    }
    void *q = arena_alloc(a, new_n);
    if (old_n)
        memcpy(q, p, old_n < new_n ? old_n : new_n);
    return q;
}

void arena_free(struct arena *a)
{
    for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        mem_free(c);
    }
    *a = (struct arena){0};
}

void arena_free_wiped(struct arena *a)
{
    for (struct arena_chunk *c = a->chunks; c; c = c->next)
        mem_wipe((char *)c + CHUNK_HEAD, c->size - CHUNK_HEAD);
    arena_free(a);
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *keep = NULL;
    for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        // A chunk made for one large piece is not kept, or one large batch would hold it for ever.
        if (!keep && c->size <= ARENA_CHUNK_MAX) {
            keep = c;
        } else {
            mem_free(c);
        }
    }
    *a = (struct arena){0};
    if (!keep)
        return;
    keep->next = NULL;
    a->chunks = keep;
    a->bytes = keep->size;
    a->at = (char *)keep + CHUNK_HEAD;
    a->end = (char *)keep + keep->size;
}
