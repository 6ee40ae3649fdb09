// SPDX-License-Identifier: Apache-2.0
#include "store/scan.h"

#include "base/mem.h"

void scan_begin(struct scan *s, uint32_t series, int64_t lo, int64_t hi, bool ascending)
{
    s->series = series;
    s->lo = lo;
    s->hi = hi;
    s->ascending = ascending;
    s->n = s->n_heap = 0;
    s->has_last = false;
    s->status = 0;
}

void scan_free(struct scan *s)
{
    for (size_t i = 0; i < s->cap; i++)
        point_list_free(&s->sources[i].points);
    mem_free(s->sources);
    mem_free(s->heap);
    *s = (struct scan){0};
}

static int64_t source_time(const struct scan *s, const struct scan_source *src)
{
    if (!src->started)
        return src->bound;
    return src->points.p[s->ascending ? src->at : src->points.n - 1 - src->at].ts_ms;
}

// Whether source a's next point comes before source b's. An unstarted source goes first among
// equals, for its bound may be its first point.
static bool comes_before(const struct scan *s, size_t a, size_t b)
{
    const struct scan_source *x = &s->sources[a], *y = &s->sources[b];
    int64_t tx = source_time(s, x), ty = source_time(s, y);
    if (tx != ty)
        return s->ascending ? tx < ty : tx > ty;
    if (x->started != y->started)
        return !x->started;
    return a > b;
}

static void sift_down(struct scan *s, size_t i)
{
    size_t item = s->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->n_heap)
            break;
        if (child + 1 < s->n_heap && comes_before(s, s->heap[child + 1], s->heap[child]))
            child++;
        if (!comes_before(s, s->heap[child], item))
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = item;
}

static struct scan_source *add_source(struct scan *s)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 8;
        s->sources = mem_realloc(s->sources, cap * sizeof *s->sources);
        memset(s->sources + s->cap, 0, (cap - s->cap) * sizeof *s->sources);
        s->heap = mem_realloc(s->heap, cap * sizeof *s->heap);
        s->cap = cap;
    }
    struct scan_source *src = &s->sources[s->n];
    s->heap[s->n_heap++] = s->n++;
    struct point_list keep = src->points;
    *src = (struct scan_source){.points = keep};
    point_list_clear(&src->points);
    return src;
}

void scan_add_run(struct scan *s, struct run *run, bool in_place, int64_t t0, int64_t t1)
{
    struct scan_source *src = add_source(s);
    src->run = run;
    src->in_place = in_place;
    src->bound = s->ascending ? (t0 > s->lo ? t0 : s->lo) : (t1 < s->hi ? t1 : s->hi);
}

struct point_list *scan_add_points(struct scan *s)
{
    struct scan_source *src = add_source(s);
    src->bound = s->ascending ? s->lo : s->hi;
    return &src->points;
}

static int next_chunk(struct scan *s, struct scan_source *src, struct block_chunk *out)
{
    if (!s->ascending) {
        int rc = run_back(src->run, out);
        return rc > 0 && out->t1 < s->lo ? 0 : rc;
    }
    const struct block_chunk *c = run_chunk(src->run);
    if (!c || c->series != s->series || c->t0 > s->hi)
        return 0;
    *out = *c;
    return 1;
}

// The points in range of one chunk. Merging goes by the order that a chunk claims.
static int decode(struct scan *s, struct point_list *l, const struct block_chunk *c)
{
    int rc = point_list_decode(l, c->stream, s->lo, s->hi);
    if (rc == 0 && (!point_list_is_sorted(l) || (l->n && l->p[l->n - 1].ts_ms > c->t1)))
        rc = ERR_INVALID;
    return rc;
}

// Decodes chunks until there is a point in the range: 1, 0 at the end, negative.
static int refill(struct scan *s, struct scan_source *src)
{
    struct block_chunk chunk;
    src->at = 0;
    point_list_clear(&src->points);
    while (src->points.n == 0) {
        int rc = src->run ? next_chunk(s, src, &chunk) : 0;
        if (rc <= 0)
            return rc;
        rc = decode(s, &src->points, &chunk);
        if (rc == 0 && src->points.n == 0 && s->ascending)
            rc = run_advance(src->run);
        if (rc < 0)
            return rc;
    }
    return 1;
}

static int start_source(struct scan *s, struct scan_source *src)
{
    src->started = true;
    if (!src->run)
        return src->points.n > 0;
    int rc = 0;
    if (!s->ascending)
        rc = run_seek_back(src->run, s->series, s->hi);
    else if (!src->in_place)
        rc = run_seek(src->run, s->series, s->lo);
    return rc < 0 ? rc : refill(s, src);
}

// Decoded texts lie in the run's block: it moves on only when they have been used.
static int step_source(struct scan *s, struct scan_source *src)
{
    if (++src->at < src->points.n)
        return 1;
    if (src->run && s->ascending) {
        int rc = run_advance(src->run);
        if (rc < 0)
            return rc;
    }
    return refill(s, src);
}

int scan_next(struct scan *s, const struct store_point **out)
{
    if (!s->has_last) {
        for (size_t i = s->n_heap / 2; i-- > 0;)
            sift_down(s, i);
    }
    while (s->status == 0 && s->n_heap > 0) {
        struct scan_source *src = &s->sources[s->heap[0]];
        int rc = 1;
        if (!src->started) {
            rc = start_source(s, src);
        } else if (s->has_last && source_time(s, src) == s->last) {
            rc = step_source(s, src);
        } else {
            s->last = source_time(s, src);
            s->has_last = true;
            *out = &src->points.p[s->ascending ? src->at : src->points.n - 1 - src->at];
            return 1;
        }
        if (rc < 0)
            s->status = rc;
        if (rc <= 0)
            s->heap[0] = s->heap[--s->n_heap];
        sift_down(s, 0);
    }
    return s->status;
}
