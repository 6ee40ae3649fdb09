// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_POINT_LIST_H
#define PENSTOCK_STORE_POINT_LIST_H

// Decoded points of one series. Texts lie in the streams they were decoded from. Pure.

#include "store/points.h"
#include "store/store.h"

struct point_list {
    struct store_point *p;
    size_t n, cap;
};

void point_list_clear(struct point_list *l);
void point_list_free(struct point_list *l);
// Adds the points of a series stream with lo <= time <= hi. 0 or ERR_INVALID.
int point_list_decode(struct point_list *l, struct span stream, int64_t lo, int64_t hi);
bool point_list_is_sorted(const struct point_list *l); // strictly
// Sorts by time; of several with one time the last added stays.
void point_list_settle(struct point_list *l);

#endif
