// SPDX-License-Identifier: Apache-2.0
#include "convert/js_memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

// A slab holds objects of one class and starts with the number of that class; it is aligned to its
// size, so that an object leads to its slab. A large allocation ends in 8 where an object of a slab
// ends in 0: that tells them apart.
#define SLAB_BYTES ((size_t)16 * 1024)
#define SLAB_HEAD 16
#define BLOCK_SLABS 16
#define SMALL_MAX 2048
#define LARGE_HEAD 40

struct js_memory_block {
    struct js_memory_block *next;
    void *base;
};

struct js_memory_large {
    struct js_memory_large *next, *prev;
    size_t n; // usable bytes
};

_Static_assert(sizeof(struct js_memory_large) <= LARGE_HEAD, "the head holds it");
_Static_assert(LARGE_HEAD % 16 == 8, "what tells a large allocation apart");

// Classes: 16, 32 ... 256, then four steps for each doubling.
static unsigned class_of(size_t n)
{
    if (n <= 256)
        return n ? (unsigned)((n - 1) >> 4) : 0;
    unsigned top = 63 - (unsigned)__builtin_clzll(n - 1); // 8 for 257..512
    return 16 + (top - 8) * 4 + (unsigned)(((n - 1) >> (top - 2)) & 3);
}

static size_t class_bytes(unsigned c)
{
    if (c < 16)
        return ((size_t)c + 1) << 4;
    unsigned top = 8 + (c - 16) / 4;
    return ((size_t)4 + (c - 16) % 4 + 1) << (top - 2);
}

_Static_assert(JS_MEMORY_CLASSES == 16 + 3 * 4, "SMALL_MAX, 2 to the 11th, is in the last class");

static bool is_large(const void *p)
{
    return ((uintptr_t)p & 15) == 8;
}

static unsigned slab_class(const void *p)
{
    return *(const unsigned *)((uintptr_t)p & ~(uintptr_t)(SLAB_BYTES - 1));
}

static struct js_memory_large *large_of(void *p)
{
    return (struct js_memory_large *)((char *)p - LARGE_HEAD);
}

static bool may_hold(struct js_memory *m, size_t n, bool force)
{
    if (force || (n <= m->limit && m->held <= m->limit - n))
        return true;
    m->refused = true;
    return false;
}

static bool new_slab(struct js_memory *m, unsigned c, bool force)
{
    if (!may_hold(m, SLAB_BYTES, force))
        return false;
    if (m->block_at == m->block_end) {
        struct js_memory_block *b = mem_new(struct js_memory_block);
        b->base = aligned_alloc(SLAB_BYTES, SLAB_BYTES * BLOCK_SLABS);
        require(b->base != NULL);
        b->next = m->blocks;
        m->blocks = b;
        m->block_at = b->base;
        m->block_end = m->block_at + SLAB_BYTES * BLOCK_SLABS;
    }
    char *slab = m->block_at;
    m->block_at += SLAB_BYTES;
    m->held += SLAB_BYTES;
    *(unsigned *)slab = c;
    m->bump[c] = slab + SLAB_HEAD;
    m->bump_end[c] = slab + SLAB_BYTES;
    ASAN_POISON_MEMORY_REGION(slab + SLAB_HEAD, SLAB_BYTES - SLAB_HEAD);
    return true;
}

// malloc() alone promises less than 16 on some machines.
static struct js_memory_large *aligned_large(size_t n)
{
    return aligned_alloc(16, (n + LARGE_HEAD + 15) & ~(size_t)15);
}

static void *alloc_large(struct js_memory *m, size_t n, bool force)
{
    if (n > SIZE_MAX / 2 || !may_hold(m, n + LARGE_HEAD, force))
        return NULL;
    struct js_memory_large *l = aligned_large(n);
    if (!l) {
        m->refused = true;
        require(!force);
        return NULL;
    }
    l->n = n;
    l->prev = NULL;
    l->next = m->large;
    if (l->next)
        l->next->prev = l;
    m->large = l;
    m->held += n + LARGE_HEAD;
    return (char *)l + LARGE_HEAD;
}

static void free_large(struct js_memory *m, void *p)
{
    struct js_memory_large *l = large_of(p);
    m->held -= l->n + LARGE_HEAD;
    if (l->prev)
        l->prev->next = l->next;
    else
        m->large = l->next;
    if (l->next)
        l->next->prev = l->prev;
    free(l);
}

static inline void *alloc(struct js_memory *m, size_t n, bool force)
{
    if (n > SMALL_MAX)
        return alloc_large(m, n, force);
    unsigned c = class_of(n);
    char *p = m->free[c];
    if (p) {
        ASAN_UNPOISON_MEMORY_REGION(p, sizeof(void *));
        m->free[c] = *(void **)p;
    } else {
        size_t bytes = class_bytes(c);
        if ((size_t)(m->bump_end[c] - m->bump[c]) < bytes && !new_slab(m, c, force))
            return NULL;
        p = m->bump[c];
        m->bump[c] += bytes;
    }
    ASAN_UNPOISON_MEMORY_REGION(p, n);
    return p;
}

void *js_memory_alloc(struct js_memory *m, size_t n)
{
    return n ? alloc(m, n, false) : NULL;
}

void *js_memory_reserve(struct js_memory *m, size_t n)
{
    return alloc(m, n, true);
}

void js_memory_free(struct js_memory *m, void *p)
{
    if (!p)
        return;
    if (is_large(p)) {
        free_large(m, p);
        return;
    }
    unsigned c = slab_class(p);
    ASAN_UNPOISON_MEMORY_REGION(p, sizeof(void *));
    *(void **)p = m->free[c];
    m->free[c] = p;
    ASAN_POISON_MEMORY_REGION(p, class_bytes(c));
}

// Large stays large: the C library may grow it in place.
static void *realloc_large(struct js_memory *m, void *p, size_t n)
{
    struct js_memory_large *l = large_of(p);
    if (n > SIZE_MAX / 2 || (n > l->n && !may_hold(m, n - l->n, false)))
        return NULL;
    struct js_memory_large *to = realloc(l, n + LARGE_HEAD);
    if (to && ((uintptr_t)to & 15) != 0) {
        struct js_memory_large *moved = aligned_large(n);
        require(moved != NULL);
        memcpy(moved, to, n + LARGE_HEAD);
        free(to);
        to = moved;
    }
    if (!to) {
        m->refused = true;
        return NULL;
    }
    m->held += n;
    m->held -= to->n;
    to->n = n;
    if (to->prev)
        to->prev->next = to;
    else
        m->large = to;
    if (to->next)
        to->next->prev = to;
    return (char *)to + LARGE_HEAD;
}

void *js_memory_realloc(struct js_memory *m, void *p, size_t n)
{
    if (!p)
        return js_memory_alloc(m, n);
    if (n == 0) {
        js_memory_free(m, p);
        return NULL;
    }
    size_t old;
    if (is_large(p)) {
        if (n > SMALL_MAX)
            return realloc_large(m, p, n);
        old = large_of(p)->n;
    } else {
        unsigned c = slab_class(p);
        old = class_bytes(c);
        if (n <= SMALL_MAX && class_of(n) == c) {
            ASAN_POISON_MEMORY_REGION(p, old);
            ASAN_UNPOISON_MEMORY_REGION(p, n);
            return p;
        }
    }
    void *to = alloc(m, n, false);
    if (!to)
        return NULL;
    ASAN_UNPOISON_MEMORY_REGION(p, old);
    memcpy(to, p, old < n ? old : n);
    js_memory_free(m, p);
    return to;
}

void js_memory_release(struct js_memory *m)
{
    while (m->large) {
        struct js_memory_large *l = m->large;
        m->large = l->next;
        free(l);
    }
    while (m->blocks) {
        struct js_memory_block *b = m->blocks;
        m->blocks = b->next;
        ASAN_UNPOISON_MEMORY_REGION(b->base, SLAB_BYTES * BLOCK_SLABS);
        free(b->base);
        mem_free(b);
    }
    *m = (struct js_memory){.limit = m->limit};
}
