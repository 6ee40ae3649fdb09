// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_MEMORY_H
#define PENSTOCK_CONVERT_JS_MEMORY_H

// The allocator of one JavaScript heap: free lists by size class over blocks that are given back
// only with the whole heap, and a limit on what is held from the system. Zero-initialise, set
// `limit`. One thread at a time.

#include <stdbool.h>
#include <stddef.h>

#define JS_MEMORY_CLASSES 28

struct js_memory {
    size_t limit; // bytes
    size_t held;  // bytes from the system
    bool refused; // an allocation was refused since the caller last cleared this
    void *free[JS_MEMORY_CLASSES];
    char *bump[JS_MEMORY_CLASSES], *bump_end[JS_MEMORY_CLASSES];
    char *block_at, *block_end; // slabs not yet given to a class
    struct js_memory_block *blocks;
    struct js_memory_large *large;
};

// NULL when the limit would be passed. 8-byte aligned.
void *js_memory_alloc(struct js_memory *m, size_t n);
void *js_memory_realloc(struct js_memory *m, void *p, size_t n);
void js_memory_free(struct js_memory *m, void *p);
// Past the limit; aborts when the system has no memory.
void *js_memory_reserve(struct js_memory *m, size_t n);
// Gives back everything.
void js_memory_release(struct js_memory *m);

#endif
