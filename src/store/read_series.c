// SPDX-License-Identifier: Apache-2.0
#include "store/aggregate.h"
#include "store/gens.h"
#include "store/reader.h"
#include "store/scan.h"

#include "base/mem.h"

// One series after the other, with the same cursors.
struct series_reader {
    struct gens gens; // that readers may see, by rank
    struct run *runs;
    struct scan scan;
};

static int open_reader(struct series_reader *sr, struct db *db)
{
    int rc = gens_load(db, &sr->gens);
    size_t n = 0;
    for (size_t i = 0; i < sr->gens.n; i++) {
        if (sr->gens.p[i].state == GEN_LIVE)
            sr->gens.p[n++] = sr->gens.p[i];
    }
    sr->gens.n = n;
    sr->runs = mem_alloc_array(n, sizeof *sr->runs);
    for (size_t i = 0; i < n; i++)
        run_init(&sr->runs[i], db, sr->gens.p[i].id);
    return rc;
}

static void close_reader(struct series_reader *sr)
{
    scan_free(&sr->scan);
    for (size_t i = 0; i < sr->gens.n; i++)
        run_free(&sr->runs[i]);
    mem_free(sr->runs);
    gens_free(&sr->gens);
}

static int begin_series(struct series_reader *sr, const struct read_series *rs, int64_t lo,
                        int64_t hi, bool ascending)
{
    scan_begin(&sr->scan, rs->id, lo, hi, ascending);
    for (size_t i = 0; i < sr->gens.n; i++) {
        const struct gen *g = &sr->gens.p[i];
        if (g->t1 >= lo && g->t0 <= hi)
            scan_add_run(&sr->scan, &sr->runs[i], false, g->t0, g->t1);
    }
    if (rs->frozen.n + rs->active.n == 0)
        return 0;
    struct point_list *head = scan_add_points(&sr->scan);
    int rc = point_list_decode(head, rs->frozen, lo, hi);
    if (rc == 0)
        rc = point_list_decode(head, rs->active, lo, hi);
    point_list_settle(head);
    return rc;
}

static struct value copy_value(struct arena *a, const struct value *v)
{
    struct value out = *v;
    if (v->type >= VALUE_STRING)
        out.s = arena_span(a, v->s);
    return out;
}

int read_series_latest(struct db *db, struct read_job *job)
{
    struct series_reader sr = {0};
    const struct store_point *p;
    int rc = open_reader(&sr, db);
    for (size_t i = 0; i < job->n_series && rc == 0; i++) {
        struct read_series *rs = &job->series[i];
        if (!rs->ask)
            continue;
        rc = begin_series(&sr, rs, INT64_MIN, INT64_MAX, false);
        if (rc == 0)
            rc = scan_next(&sr.scan, &p);
        if (rc <= 0)
            continue;
        rs->found = true;
        rs->point = (struct store_point){p->ts_ms, copy_value(&job->r->arena, &p->value)};
        rc = 0;
    }
    close_reader(&sr);
    return rc;
}

struct collector {
    struct arena *arena;
    struct store_series_out *out;
    size_t cap;
};

static int collect(struct collector *c, const struct store_point *p)
{
    struct store_series_out *out = c->out;
    if (out->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 16;
        out->points = arena_grow(c->arena, out->points, c->cap * sizeof *p, cap * sizeof *p);
        c->cap = cap;
    }
    out->points[out->n++] = (struct store_point){p->ts_ms, copy_value(c->arena, &p->value)};
    return c->arena->bytes > STORE_RESULT_BYTES_MAX ? ERR_LIMIT : 0;
}

static int range_plain(struct series_reader *sr, struct collector *c, size_t limit)
{
    const struct store_point *p;
    int rc = 0;
    while ((limit == 0 || c->out->n < limit) && (rc = scan_next(&sr->scan, &p)) > 0) {
        rc = collect(c, p);
        if (rc != 0)
            return rc;
    }
    return rc < 0 ? rc : 0;
}

static int range_aggregate(struct series_reader *sr, struct collector *c,
                           const struct store_read *r)
{
    struct aggregate a;
    struct store_point bucket;
    const struct store_point *p;
    int rc;
    aggregate_init(&a, r->agg, r->start_ms, r->end_ms, r->interval_ms);
    while ((rc = scan_next(&sr->scan, &p)) > 0) {
        rc = aggregate_add(&a, p, &bucket) ? collect(c, &bucket) : 0;
        if (rc != 0)
            break;
    }
    if (rc == 0 && aggregate_finish(&a, &bucket))
        rc = collect(c, &bucket);
    aggregate_free(&a);
    return rc;
}

int read_series_range(struct db *db, struct read_job *job)
{
    struct store_read *r = job->r;
    struct series_reader sr = {0};
    bool plain = r->agg == STORE_NONE || r->interval_ms <= 0;
    int rc = open_reader(&sr, db);
    for (size_t i = 0; i < job->n_series && rc == 0; i++) {
        struct collector c = {&r->arena, &r->series_out[i], 0};
        if (!job->series[i].series || r->start_ms >= r->end_ms)
            continue;
        rc = begin_series(&sr, &job->series[i], r->start_ms, r->end_ms - 1,
                          plain ? r->ascending : true);
        if (rc == 0)
            rc = plain ? range_plain(&sr, &c, r->limit) : range_aggregate(&sr, &c, r);
    }
    close_reader(&sr);
    return rc;
}
