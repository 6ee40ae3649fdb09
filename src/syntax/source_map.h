// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_SYNTAX_SOURCE_MAP_H
#define PENSTOCK_SYNTAX_SOURCE_MAP_H

// From bytes of a lowered text to bytes of its source: runs that were copied, and runs that were
// made, which all stand for one place. Immutable once made; any thread.

#include "base/arena.h"

#define SOURCE_MAP_MADE (1u << 31)

struct source_run {
    uint32_t at;     // where it begins in the lowered text
    uint32_t source; // with SOURCE_MAP_MADE: of all of it; else of its first byte
};

struct source_map {
    struct source_run *runs;
    uint32_t n, cap;
};

// In the order of the lowered text.
void source_map_add(struct source_map *m, struct arena *arena, uint32_t at, uint32_t source);
// An empty map leads each byte to itself.
uint32_t source_map_find(const struct source_map *m, uint32_t at);

#endif
