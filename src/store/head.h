// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_HEAD_H
#define PENSTOCK_STORE_HEAD_H

// The head: points in memory by series, each series one stream (store/points.h) in a chain of
// growing extents, all in one arena. The loop appends; when full, the head is frozen and handed to
// the writer: from then on nobody changes it, and both may read it.

#include "store/points.h"

struct head;

// A series' stream in the head.
struct head_run {
    uint32_t series;
    uint32_t first; // address of the first extent
    uint32_t bytes; // frozen: of the stream. Before: the series' run in the head before this one
};

// Where the loop appends to a series. Kept by the series, valid for the head with this epoch.
// As small as it is, with the latest value beside it, to fit a cache line: appending to random
// series costs mostly what fetching these costs.
struct head_cursor {
    int64_t ts; // struct points_state
    uint64_t bits;
    int32_t step;
    uint32_t epoch, run;
    uint32_t at;    // the next byte to write
    uint32_t bytes; // written so far
    uint16_t room;  // left in the extent
    uint8_t tag;
};

// One series with more than this makes the head full: a read decodes all of it at once. (A point
// takes two bytes or more, hence at most a quarter of a million of them.)
#define HEAD_SERIES_BYTES (512 * 1024)

struct head *head_new(uint32_t epoch); // epoch > 0
void head_free(struct head *h);
uint32_t head_epoch(const struct head *h);
size_t head_bytes(const struct head *h);
// Whether one series has more points than is good.
bool head_crowded(const struct head *h);
// Brings what head_append() will touch into the cache, if the cursor says where that is.
void head_prefetch(const struct head *h, const struct head_cursor *c);
void head_append(struct head *h, struct head_cursor *c, uint32_t series, int64_t ts,
                 const struct value *v);

// The end of appending. `cursor_of` finds the cursor of a series.
void head_freeze(struct head *h, struct head_cursor *(*cursor_of)(void *ctx, uint32_t series),
                 void *ctx);
// Runs of a frozen head, in no order; head_read() copies one's stream to the end of `out`.
size_t head_runs(const struct head *h, const struct head_run **out);
void head_read(const struct head *h, const struct head_run *run, struct buf *out);
// The same by series: from the head being filled, and from the frozen one before it (NULL fine).
void head_read_active(const struct head *h, const struct head_cursor *c, struct buf *out);
void head_read_frozen(const struct head *h, const struct head *active, const struct head_cursor *c,
                      uint32_t series, struct buf *out);

#endif
