// SPDX-License-Identifier: Apache-2.0
#include "store/run.h"

#include "base/mem.h"

void run_init(struct run *r, struct db *db, int64_t gen)
{
    *r = (struct run){.db = db, .gen = gen};
}

void run_free(struct run *r)
{
    buf_free(&r->block);
    mem_free(r->back);
    *r = (struct run){0};
}

// Loads the block that a statement finds from a place: 1, 0 when there is none, negative.
static int load(struct run *r, enum sql_id by, uint32_t series, int64_t ts)
{
    struct stmt *s = db_stmt(r->db, by);
    stmt_int(s, 1, r->gen);
    stmt_int(s, 2, series);
    stmt_int(s, 3, ts);
    int rc = stmt_step(s);
    if (rc <= 0)
        return rc;
    struct span data = stmt_col_span(s, 2);
    r->block_series = (uint32_t)stmt_col_int(s, 0);
    r->block_ts = stmt_col_int(s, 1);
    buf_clear(&r->block);
    buf_add_span(&r->block, data);
    stmt_reset(s);
    // The order of blocks is that of the table: a block must be what its row says.
    struct block_reader probe;
    struct block_chunk first;
    if (block_reader_init(&probe, buf_span(&r->block)) != 0 || block_next(&probe, &first) != 1 ||
        first.series != r->block_series || first.t0 != r->block_ts)
        return ERR_INVALID;
    return block_reader_init(&r->reader, buf_span(&r->block)) == 0 ? 1 : ERR_INVALID;
}

int run_advance(struct run *r)
{
    int rc;
    r->has_chunk = false;
    while ((rc = block_next(&r->reader, &r->chunk)) == 0) {
        rc = load(r, SQL_BLOCK_AFTER, r->block_series, r->block_ts);
        if (rc <= 0)
            return rc;
    }
    r->has_chunk = rc > 0;
    return rc < 0 ? rc : 0;
}

int run_seek(struct run *r, uint32_t series, int64_t ts)
{
    r->has_chunk = false;
    int rc = load(r, SQL_BLOCK_AT, series, ts);
    if (rc == 0)
        rc = load(r, SQL_BLOCK_AFTER, series, ts);
    if (rc <= 0)
        return rc;
    do {
        rc = run_advance(r);
    } while (rc == 0 && r->has_chunk &&
             (r->chunk.series < series || (r->chunk.series == series && r->chunk.t1 < ts)));
    return rc;
}

// Lists the chunks of the series in the loaded block that begin in time.
static int list_back(struct run *r)
{
    struct block_chunk c;
    int rc;
    while ((rc = block_next(&r->reader, &c)) > 0) {
        if (c.series > r->back_series || (c.series == r->back_series && c.t0 > r->back_ts))
            return 0;
        if (c.series < r->back_series)
            continue;
        if (r->n_back == r->cap_back) {
            r->cap_back = r->cap_back ? r->cap_back * 2 : 8;
            r->back = mem_realloc(r->back, r->cap_back * sizeof *r->back);
        }
        r->back[r->n_back++] = c;
    }
    return rc;
}

int run_seek_back(struct run *r, uint32_t series, int64_t ts)
{
    r->n_back = 0;
    r->back_series = series;
    r->back_ts = ts;
    int rc = load(r, SQL_BLOCK_AT, series, ts);
    if (rc == 0)
        r->block_series = 0;
    return rc > 0 ? list_back(r) : rc;
}

int run_back(struct run *r, struct block_chunk *out)
{
    while (r->n_back == 0) {
        // A block that begins with an earlier series has all of this one's that come before.
        if (r->block_series != r->back_series)
            return 0;
        int rc = load(r, SQL_BLOCK_BEFORE, r->block_series, r->block_ts);
        if (rc <= 0) {
            r->block_series = 0;
            return rc;
        }
        rc = list_back(r);
        if (rc < 0)
            return rc;
    }
    *out = r->back[--r->n_back];
    return 1;
}
