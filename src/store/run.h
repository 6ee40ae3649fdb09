// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_RUN_H
#define PENSTOCK_STORE_RUN_H

// A cursor over the chunks of one generation, which are sorted by series and time: forwards over
// all of it, or backwards over one series. Chunks lie in the run until it moves on.

#include "store/block.h"
#include "store/db.h"

struct run {
    struct db *db;
    int64_t gen;
    struct buf block;
    // First point of the block: its key in the table.
    uint32_t block_series;
    int64_t block_ts;
    struct block_reader reader; // forwards: behind `chunk`
    struct block_chunk chunk;
    bool has_chunk;
    // Backwards: chunks of the series in this block that are still to come.
    uint32_t back_series;
    int64_t back_ts;
    struct block_chunk *back;
    size_t n_back, cap_back;
};

void run_init(struct run *r, struct db *db, int64_t gen);
void run_free(struct run *r);

// To the first chunk of a later series, or of this series with a point at `ts` or later.
int run_seek(struct run *r, uint32_t series, int64_t ts) MUST_CHECK;
// The chunk it stands on, or NULL at the end.
static inline const struct block_chunk *run_chunk(const struct run *r)
{
    return r->has_chunk ? &r->chunk : NULL;
}
int run_advance(struct run *r) MUST_CHECK;

// Behind the last chunk of the series that begins at `ts` or before.
int run_seek_back(struct run *r, uint32_t series, int64_t ts) MUST_CHECK;
// 1 and the chunk before, 0 when there is none, negative.
int run_back(struct run *r, struct block_chunk *out) MUST_CHECK;

#endif
