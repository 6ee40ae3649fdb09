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
    uint32_t bytes; // set when frozen
    uint32_t points;
};

// Where the loop appends to a series. Kept by the series, valid for the head with this epoch.
struct head_cursor {
    struct points_state st;
    uint32_t epoch, run;
    uint32_t at, room; // next byte to write, bytes left in the extent
    uint32_t bytes, points;
    uint32_t old_run; // in the head before
};

// One series with more than this makes the head full: a read decodes all of it at once.
#define HEAD_SERIES_POINTS (256 * 1024)
#define HEAD_SERIES_BYTES (64 * 1024 * 1024)

struct head *head_new(uint32_t epoch); // epoch > 0
void head_free(struct head *h);
uint32_t head_epoch(const struct head *h);
size_t head_bytes(const struct head *h);
// Whether one series has more points than is good.
bool head_crowded(const struct head *h);
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
void head_read_frozen(const struct head *h, const struct head_cursor *c, uint32_t series,
                      struct buf *out);

#endif
