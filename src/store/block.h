// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_BLOCK_H
#define PENSTOCK_STORE_BLOCK_H

// Blocks: what a flush or a merge writes. Points go in by series, then time; out come blobs that
// just fill a database page, each a version byte and chunks in the same order:
//   varint series id minus the previous chunk's (0 at first)
//   varint number of points, 1..BLOCK_CHUNK_POINTS
//   varint time of the last point minus time of the first
//   varint length, then a series stream (store/points.h), which decodes on its own
// A series that does not fit goes on in the next block. Pure.

#include "store/points.h"

#define BLOCK_VERSION 1
#define BLOCK_CHUNK_POINTS 1000
// A row of the block table with a blob this long has a leaf page of 8192 bytes for itself: SQLite
// keeps at most 8192 - 35 bytes in the page (file format, section 1.6), columns beside it take 30.
#define BLOCK_BYTES 8120

// Gets each full block and the place of its first point.
typedef int block_emit_fn(void *ctx, uint32_t series, int64_t ts, struct span block);

struct block_writer {
    block_emit_fn *emit;
    void *ctx;
    struct buf block, chunk;
    uint32_t first_series, last_series;
    int64_t first_ts;
    struct points_state st; // of the open chunk
    uint32_t series, n;     // open chunk; n 0 = none
    int64_t t0;
    int64_t min_ts, max_ts; // over all points written
    uint64_t points, bytes;
    int status; // first failure of emit()
};

void block_writer_init(struct block_writer *w, block_emit_fn *emit, void *ctx);
// Ascending series, then strictly ascending time.
void block_add(struct block_writer *w, uint32_t series, int64_t ts, const struct value *v);
// Emits what is left. 0 or what emit() gave. The writer can be used on.
int block_flush(struct block_writer *w);
void block_writer_free(struct block_writer *w);

struct block_chunk {
    uint32_t series, n;
    int64_t t0, t1;
    struct span stream;
};
// Reads the chunks of a block, and sees to it that they are in order.
struct block_reader {
    struct unpack u;
    uint32_t series; // of the chunk before
    int64_t t1;
};
int block_reader_init(struct block_reader *r, struct span block); // 0 or ERR_INVALID
int block_next(struct block_reader *r, struct block_chunk *out);  // 1, 0 at the end, ERR_INVALID

#endif
