// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_GENS_H
#define PENSTOCK_STORE_GENS_H

// Generations: sets of blocks, each sorted by series and time. A flush makes one of level 0; when a
// level has GENS_MERGE of them, the oldest are merged into one of the next level, so that a read
// has to look into few. All new blocks go to the end of the table: what a flush costs does not grow
// with the database.
//
// All of it goes in small steps, each a transaction of its own between two commits, and each
// picking up from the table where the last one stopped, also after a crash.

#include "store/block.h"
#include "store/db.h"

enum gen_state {
    GEN_BUILDING = 1, // not for readers yet
    GEN_LIVE,
    GEN_DEAD // its blocks are being deleted
};

struct gen {
    int64_t id, rank;
    int level;
    enum gen_state state;
    int64_t target;
    uint32_t at_series;
    int64_t at_ts;
    int64_t t0, t1;
    uint64_t points, bytes;
};

#define GENS_MERGE 8
// Merging stops here: a larger generation would take too long to copy for what it gains.
#define GENS_MERGED_BYTES_MAX (1024ll * 1024 * 1024)
#define GEN_LEVEL_FINAL 100

struct gens {
    struct gen *p; // by rank
    size_t n, cap;
};

int gens_load(struct db *db, struct gens *out) MUST_CHECK;
void gens_free(struct gens *g);
int gen_add(struct db *db, const struct gen *g) MUST_CHECK;
int gen_save(struct db *db, const struct gen *g) MUST_CHECK;
int gen_remove(struct db *db, int64_t id) MUST_CHECK;
// For block_writer: ctx is a struct gen_blocks.
struct gen_blocks {
    struct db *db;
    int64_t gen;
};
int gen_put_block(void *ctx, uint32_t series, int64_t ts, struct span block);
// Takes what a block writer has written into account.
void gen_count(struct gen *g, const struct block_writer *w);

// How much a step writes or frees, more or less: about five milliseconds of work.
#define GENS_STEP_BYTES (256 * 1024)
#define GENS_STEP_BLOCKS 64

// One step of deleting a dead generation or of merging, inside a transaction. *did tells whether
// there was anything to do. next_id: for a new generation; counted up when used.
int gens_step(struct db *db, int64_t *next_id, bool *did) MUST_CHECK;

#endif
