// SPDX-License-Identifier: Apache-2.0
#include "syntax/source_map.h"

void source_map_add(struct source_map *m, struct arena *arena, uint32_t at, uint32_t source)
{
    if (m->n > 0) {
        struct source_run *last = &m->runs[m->n - 1];
        bool made = (last->source & SOURCE_MAP_MADE) != 0;
        if (made ? last->source == source : last->source + (at - last->at) == source)
            return;
        if (last->at == at) {
            last->source = source;
            return;
        }
    }
    if (m->n == m->cap) {
        uint32_t cap = m->cap ? m->cap * 2 : 64;
        m->runs = arena_grow(arena, m->runs, m->cap * sizeof(m->runs[0]), cap * sizeof(m->runs[0]));
        m->cap = cap;
    }
    m->runs[m->n++] = (struct source_run){at, source};
}

uint32_t source_map_find(const struct source_map *m, uint32_t at)
{
    uint32_t low = 0, high = m->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (m->runs[middle].at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return m->n == 0 ? at : 0;
    const struct source_run *run = &m->runs[low - 1];
    if (run->source & SOURCE_MAP_MADE)
        return run->source & ~SOURCE_MAP_MADE;
    return run->source + (at - run->at);
}
