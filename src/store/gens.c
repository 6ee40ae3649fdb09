// SPDX-License-Identifier: Apache-2.0
#include "store/gens.h"

#include "base/mem.h"
#include "store/scan.h"

int gens_load(struct db *db, struct gens *out)
{
    struct stmt *s = db_stmt(db, SQL_LOAD_GENS);
    int rc;
    out->n = 0;
    while ((rc = stmt_step(s)) > 0) {
        if (out->n == out->cap) {
            out->cap = out->cap ? out->cap * 2 : 16;
            out->p = mem_realloc(out->p, out->cap * sizeof *out->p);
        }
        out->p[out->n++] = (struct gen){.id = stmt_col_int(s, 0),
                                        .rank = stmt_col_int(s, 1),
                                        .level = (int)stmt_col_int(s, 2),
                                        .state = (enum gen_state)stmt_col_int(s, 3),
                                        .target = stmt_col_int(s, 4),
                                        .at_series = (uint32_t)stmt_col_int(s, 5),
                                        .at_ts = stmt_col_int(s, 6),
                                        .t0 = stmt_col_int(s, 7),
                                        .t1 = stmt_col_int(s, 8),
                                        .points = (uint64_t)stmt_col_int(s, 9),
                                        .bytes = (uint64_t)stmt_col_int(s, 10)};
    }
    return rc;
}

void gens_free(struct gens *g)
{
    mem_free(g->p);
    *g = (struct gens){0};
}

static int put_gen(struct db *db, enum sql_id id, const struct gen *g)
{
    struct stmt *s = db_stmt(db, id);
    stmt_int(s, 1, g->id);
    stmt_int(s, 2, g->rank);
    stmt_int(s, 3, g->level);
    stmt_int(s, 4, g->state);
    stmt_int(s, 5, g->target);
    stmt_int(s, 6, g->at_series);
    stmt_int(s, 7, g->at_ts);
    stmt_int(s, 8, g->t0);
    stmt_int(s, 9, g->t1);
    stmt_int(s, 10, (int64_t)g->points);
    stmt_int(s, 11, (int64_t)g->bytes);
    return stmt_run(s);
}

int gen_add(struct db *db, const struct gen *g)
{
    return put_gen(db, SQL_ADD_GEN, g);
}

int gen_save(struct db *db, const struct gen *g)
{
    return put_gen(db, SQL_SET_GEN, g);
}

int gen_remove(struct db *db, int64_t id)
{
    struct stmt *s = db_stmt(db, SQL_REMOVE_GEN);
    stmt_int(s, 1, id);
    return stmt_run(s);
}

int gen_put_block(void *ctx, uint32_t series, int64_t ts, struct span block)
{
    const struct gen_blocks *to = ctx;
    struct stmt *s = db_stmt(to->db, SQL_ADD_BLOCK);
    stmt_int(s, 1, to->gen);
    stmt_int(s, 2, series);
    stmt_int(s, 3, ts);
    stmt_blob(s, 4, block);
    return stmt_run(s);
}

void gen_count(struct gen *g, const struct block_writer *w)
{
    if (w->points == 0)
        return;
    if (g->points == 0 || w->min_ts < g->t0)
        g->t0 = w->min_ts;
    if (g->points == 0 || w->max_ts > g->t1)
        g->t1 = w->max_ts;
    g->points += w->points;
    g->bytes += w->bytes;
}

// Merging -----------------------------------------------------------------------------------------

struct merge {
    struct db *db;
    struct gen *target;
    struct run runs[GENS_MERGE];
    size_t n;
    struct scan scan;
    struct block_writer out;
};

static int open_inputs(struct merge *m, const struct gens *all)
{
    // What comes next: behind the last point written.
    uint32_t series = m->target->at_series;
    int64_t ts = m->target->at_ts;
    if (ts == INT64_MAX)
        series++;
    ts = ts == INT64_MAX ? INT64_MIN : ts + 1;
    for (size_t i = 0; i < all->n; i++) {
        if (all->p[i].target != m->target->id)
            continue;
        if (m->n == GENS_MERGE)
            return ERR_INVALID;
        struct run *r = &m->runs[m->n++];
        run_init(r, m->db, all->p[i].id);
        int rc = run_seek(r, series, ts);
        if (rc < 0)
            return rc;
    }
    return 0;
}

// The lowest series that any input stands at; 0 = all are at their end.
static uint32_t next_series(const struct merge *m)
{
    uint32_t lowest = 0;
    for (size_t i = 0; i < m->n; i++) {
        const struct block_chunk *c = run_chunk(&m->runs[i]);
        if (c && (lowest == 0 || c->series < lowest))
            lowest = c->series;
    }
    return lowest;
}

static int merge_series(struct merge *m, uint32_t series)
{
    struct gen *t = m->target;
    int64_t lo = t->at_series == series ? t->at_ts + 1 : INT64_MIN;
    const struct store_point *p;
    int rc;
    scan_begin(&m->scan, series, lo, INT64_MAX, true);
    for (size_t i = 0; i < m->n; i++) {
        const struct block_chunk *c = run_chunk(&m->runs[i]);
        if (c && c->series == series)
            scan_add_run(&m->scan, &m->runs[i], true, INT64_MIN, INT64_MAX);
    }
    while ((rc = scan_next(&m->scan, &p)) > 0) {
        block_add(&m->out, series, p->ts_ms, &p->value);
        t->at_series = series;
        t->at_ts = p->ts_ms;
        if (m->out.bytes >= GENS_STEP_BYTES)
            return 0;
    }
    return rc;
}

static int finish_merge(struct merge *m, struct gens *all)
{
    m->target->state = GEN_LIVE;
    int rc = 0;
    for (size_t i = 0; i < all->n && rc == 0; i++) {
        struct gen *g = &all->p[i];
        if (g->target != m->target->id)
            continue;
        g->state = GEN_DEAD;
        g->target = 0;
        rc = gen_save(m->db, g);
    }
    return rc;
}

static int merge_step(struct db *db, struct gens *all, struct gen *target)
{
    struct merge m = {.db = db, .target = target};
    struct gen_blocks to = {db, target->id};
    block_writer_init(&m.out, gen_put_block, &to);
    int rc = open_inputs(&m, all);
    uint32_t series = 0;
    while (rc == 0 && m.out.bytes < GENS_STEP_BYTES && (series = next_series(&m)) > 0)
        rc = merge_series(&m, series);
    int flushed = block_flush(&m.out);
    if (rc == 0)
        rc = flushed;
    gen_count(target, &m.out);
    if (rc == 0 && series == 0)
        rc = finish_merge(&m, all);
    if (rc == 0)
        rc = gen_save(db, target);
    block_writer_free(&m.out);
    scan_free(&m.scan);
    for (size_t i = 0; i < m.n; i++)
        run_free(&m.runs[i]);
    return rc;
}

static struct gen *find_building(struct gens *all, int level)
{
    for (size_t i = 0; i < all->n; i++) {
        if (all->p[i].state == GEN_BUILDING && all->p[i].level == level)
            return &all->p[i];
    }
    return NULL;
}

static bool is_free(const struct gen *g, int level)
{
    return g->state == GEN_LIVE && g->level == level && g->target == 0;
}

// Begins to merge the oldest of a level; *did false when there are too few.
static int begin_merge(struct db *db, struct gens *all, int level, int64_t *next_id, bool *did)
{
    struct gen target = {.id = *next_id,
                         .level = level + 1,
                         .state = GEN_BUILDING,
                         .at_series = 0,
                         .at_ts = INT64_MAX};
    struct gen *inputs[GENS_MERGE];
    size_t n = 0;
    uint64_t bytes = 0;
    for (size_t i = 0; i < all->n && n < GENS_MERGE; i++) {
        if (!is_free(&all->p[i], level))
            continue;
        bytes += all->p[i].bytes;
        inputs[n++] = &all->p[i];
    }
    *did = n == GENS_MERGE;
    if (!*did)
        return 0;
    bool too_large = bytes > GENS_MERGED_BYTES_MAX;
    target.rank = inputs[n - 1]->rank;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (too_large)
            inputs[i]->level = GEN_LEVEL_FINAL;
        else
            inputs[i]->target = target.id;
        rc = gen_save(db, inputs[i]);
    }
    if (rc == 0 && !too_large) {
        rc = gen_add(db, &target);
        ++*next_id;
    }
    return rc;
}

static int delete_step(struct db *db, const struct gen *g)
{
    struct stmt *s = db_stmt(db, SQL_TRIM_BLOCKS);
    stmt_int(s, 1, g->id);
    stmt_int(s, 2, GENS_STEP_BLOCKS);
    int rc = stmt_run(s);
    if (rc == 0 && db_changes(db) < GENS_STEP_BLOCKS)
        rc = gen_remove(db, g->id);
    return rc;
}

static int pick_step(struct db *db, struct gens *all, int64_t *next_id, bool *did)
{
    int top = 0;
    *did = true;
    for (size_t i = 0; i < all->n; i++) {
        if (all->p[i].state == GEN_DEAD)
            return delete_step(db, &all->p[i]);
        if (all->p[i].level > top && all->p[i].level != GEN_LEVEL_FINAL)
            top = all->p[i].level;
    }
    // Lower levels first: they keep the number of generations down for the least work.
    for (int level = 0; level <= top; level++) {
        struct gen *building = find_building(all, level + 1);
        *did = building != NULL;
        if (building)
            return merge_step(db, all, building);
        int rc = begin_merge(db, all, level, next_id, did);
        if (rc != 0 || *did)
            return rc;
    }
    return 0;
}

int gens_step(struct db *db, int64_t *next_id, bool *did)
{
    struct gens all = {0};
    int rc = gens_load(db, &all);
    if (rc == 0)
        rc = pick_step(db, &all, next_id, did);
    gens_free(&all);
    return rc;
}
