// SPDX-License-Identifier: Apache-2.0
#include "store/hashidx.h"

#include "base/err.h"
#include "base/mem.h"

#define CAP_MIN 16

// The slot's upper half both selects the bucket and is compared, so that growing needs no keys.
static void place(struct hashidx *ix, uint64_t slot)
{
    size_t mask = ix->cap - 1, i = (size_t)(slot >> 32) & mask;
    while (ix->slots[i])
        i = (i + 1) & mask;
    ix->slots[i] = slot;
}

static void resize(struct hashidx *ix, size_t cap)
{
    struct hashidx old = *ix;
    ix->slots = mem_zalloc(cap * sizeof *ix->slots);
    ix->cap = cap;
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i])
            place(ix, old.slots[i]);
    }
    mem_free(old.slots);
}

void hashidx_reserve(struct hashidx *ix, size_t n)
{
    size_t cap = ix->cap ? ix->cap : CAP_MIN;
    while (n * 4 > cap * 3)
        cap *= 2;
    if (cap > ix->cap)
        resize(ix, cap);
}

void hashidx_add(struct hashidx *ix, uint64_t hash, uint32_t value)
{
    require(value < UINT32_MAX);
    hashidx_reserve(ix, ix->n + 1);
    place(ix, (hash & 0xffffffff00000000u) | (value + 1));
    ix->n++;
}

bool hashidx_next(const struct hashidx *ix, uint64_t hash, size_t *at, uint32_t *value)
{
    if (ix->n == 0)
        return false;
    size_t mask = ix->cap - 1, home = (size_t)(hash >> 32) & mask;
    for (;;) {
        uint64_t slot = ix->slots[(home + *at) & mask];
        if (slot == 0)
            return false;
        (*at)++;
        if (slot >> 32 == hash >> 32) {
            *value = (uint32_t)slot - 1;
            return true;
        }
    }
}

void hashidx_free(struct hashidx *ix)
{
    mem_free(ix->slots);
    *ix = (struct hashidx){0};
}
