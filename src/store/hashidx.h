// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_HASHIDX_H
#define PENSTOCK_STORE_HASHIDX_H

// Hash index from a 64-bit hash (map_hash()) to small numbers, eight bytes a slot: half of what a
// base/map entry with its key costs, which counts with a hundred thousand devices. The caller
// compares the keys of the candidates. Nothing is ever removed. Zero-initialise.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hashidx {
    uint64_t *slots; // upper half of the hash << 32 | value + 1; 0 = free
    size_t n, cap;
};

// Makes room for `n` entries without growing on the way.
void hashidx_reserve(struct hashidx *ix, size_t n);
void hashidx_add(struct hashidx *ix, uint64_t hash, uint32_t value); // value < UINT32_MAX
// The next candidate: start with *at = 0; false ends it.
bool hashidx_next(const struct hashidx *ix, uint64_t hash, size_t *at, uint32_t *value);
void hashidx_free(struct hashidx *ix);

#endif
