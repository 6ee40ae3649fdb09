// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_SCAN_H
#define PENSTOCK_STORE_SCAN_H

// The points of one series in order of time, merged from several sources: generations and the head.
// Where two have a point at the same time, the source added later wins. Sources load one chunk at a
// time, and only when their time comes.

#include "store/point_list.h"
#include "store/run.h"

struct scan_source {
    struct run *run; // NULL: all of it is in `points`
    struct point_list points;
    size_t at;
    bool started, in_place;
    int64_t bound; // before it has started: no point comes before this time
};

struct scan {
    uint32_t series;
    int64_t lo, hi; // inclusive
    bool ascending;
    struct scan_source *sources;
    size_t n, cap;
    size_t *heap; // of sources
    size_t n_heap;
    bool has_last;
    int64_t last;
    int status;
};

// The same scan can be begun again and keeps its memory. Zero-initialise once.
void scan_begin(struct scan *s, uint32_t series, int64_t lo, int64_t hi, bool ascending);
// [t0, t1]: all times in the run. in_place (ascending only): it stands at (series, lo) already, and
// will stand at the next series when the scan has ended.
void scan_add_run(struct scan *s, struct run *run, bool in_place, int64_t t0, int64_t t1);
// An empty list to put points into, before the first scan_next(): within [lo, hi], settled.
struct point_list *scan_add_points(struct scan *s);
// 1 and the next point, valid until the next call; 0; negative.
int scan_next(struct scan *s, const struct store_point **out) MUST_CHECK;
void scan_free(struct scan *s);

#endif
