// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BASE_ARENA_H
#define PENSTOCK_BASE_ARENA_H

// Bump allocation for things that die together: a request, a batch, a job. Zero-initialise,
// allocate, arena_free() once. Ownership may move between threads; one thread at a time.

#include "base/span.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks;
    char *at;
    char *end;
    size_t bytes; // held from the system, for budgets
};

// 16-byte aligned, uninitialised. Never NULL.
void *arena_alloc(struct arena *a, size_t n);
void *arena_zalloc(struct arena *a, size_t n);
// n * size with overflow check (aborts); by arena_array().
void *arena_alloc_array(struct arena *a, size_t n, size_t size);
// 1-byte aligned copy.
char *arena_dup(struct arena *a, const void *p, size_t n);
struct span arena_span(struct arena *a, struct span s);
// NUL-terminated copy.
char *arena_cstr(struct arena *a, struct span s);
struct span arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
// Grows an allocation made last in place when it can, else copies. old_n may be 0 with p NULL.
void *arena_grow(struct arena *a, void *p, size_t old_n, size_t new_n);
void arena_free(struct arena *a);
// Overwrites everything first, for what holds secrets.
void arena_free_wiped(struct arena *a);
// Forgets all allocations and keeps one chunk of usual size for reuse.
void arena_reset(struct arena *a);

#define arena_new(a, type) ((type *)arena_zalloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc_array((a), (size_t)(n), sizeof(type)))

#endif
