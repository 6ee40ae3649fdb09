// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BASE_MAP_H
#define PENSTOCK_BASE_MAP_H

// Hash map from bytes to a pointer. The key's bytes are borrowed: they live in the value (or
// longer). Keyed hash, so that a peer who chooses keys cannot choose collisions. Zero-initialise,
// map_free(). One thread at a time.

#include "base/span.h"

struct map_slot;

struct map {
    struct map_slot *slots;
    size_t n;
    size_t cap;
};

// Keyed 64-bit hash of bytes; the key is drawn once a process.
uint64_t map_hash(struct span key);

void *map_get(const struct map *m, struct span key);
// Adds or replaces; returns the value that was there, or NULL.
void *map_put(struct map *m, struct span key, void *value);
// Returns the value that was there, or NULL.
void *map_remove(struct map *m, struct span key);
// Iteration: start with *at = 0; NULL ends it. The map must not change meanwhile.
void *map_next(const struct map *m, size_t *at, struct span *key);
void map_free(struct map *m);

#endif
