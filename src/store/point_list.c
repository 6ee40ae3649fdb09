// SPDX-License-Identifier: Apache-2.0
#include "store/point_list.h"

#include "base/err.h"
#include "base/mem.h"

void point_list_clear(struct point_list *l)
{
    l->n = 0;
}

void point_list_free(struct point_list *l)
{
    mem_free(l->p);
    *l = (struct point_list){0};
}

static void add(struct point_list *l, int64_t ts, const struct value *v)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 32;
        l->p = mem_realloc(l->p, l->cap * sizeof *l->p);
    }
    l->p[l->n++] = (struct store_point){ts, *v};
}

int point_list_decode(struct point_list *l, struct span stream, int64_t lo, int64_t hi)
{
    struct points_state st = {0};
    struct unpack u = unpack_of(stream);
    struct value v;
    int64_t ts;
    int rc;
    while ((rc = points_decode(&st, &u, &ts, &v)) > 0) {
        if (ts >= lo && ts <= hi)
            add(l, ts, &v);
    }
    return rc;
}

bool point_list_is_sorted(const struct point_list *l)
{
    for (size_t i = 1; i < l->n; i++) {
        if (l->p[i - 1].ts_ms >= l->p[i].ts_ms)
            return false;
    }
    return true;
}

static void merge_halves(struct store_point *to, const struct store_point *from, size_t middle,
                         size_t n)
{
    size_t a = 0, b = middle;
    for (size_t i = 0; i < n; i++) {
        bool first = b == n || (a < middle && from[a].ts_ms <= from[b].ts_ms);
        to[i] = first ? from[a++] : from[b++];
    }
}

// Bottom-up merge sort: stable, so that of equal times the last added comes last.
static void sort(struct point_list *l)
{
    struct store_point *from = l->p, *to = mem_alloc_array(l->n, sizeof *to), *spare;
    for (size_t width = 1; width < l->n; width *= 2) {
        for (size_t i = 0; i < l->n; i += 2 * width) {
            size_t n = l->n - i < 2 * width ? l->n - i : 2 * width;
            merge_halves(to + i, from + i, width < n ? width : n, n);
        }
        spare = from;
        from = to;
        to = spare;
    }
    if (from != l->p)
        l->cap = l->n;
    l->p = from;
    mem_free(to);
}

void point_list_settle(struct point_list *l)
{
    if (point_list_is_sorted(l))
        return;
    sort(l);
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (i + 1 == l->n || l->p[i].ts_ms != l->p[i + 1].ts_ms)
            l->p[n++] = l->p[i];
    }
    l->n = n;
}
