// SPDX-License-Identifier: Apache-2.0
#include "store/writer.h"

// Dead letters on the writer thread: kept, tried again, removed, and the oldest dropped when there
// are too many, too large or too old. Every removal is counted under its reason.

// Rows that one step of tidying drops.
#define DEAD_TIDY_ROWS 256

static int remove_row(struct writer *w, int64_t id, int64_t size, int64_t *count)
{
    struct stmt *s = db_stmt(w->db, SQL_REMOVE_DEAD);
    stmt_int(s, 1, id);
    w->counts.dead_rows--;
    w->counts.dead_bytes -= size;
    ++*count;
    return stmt_run(s);
}

static bool too_many(const struct writer *w)
{
    return w->counts.dead_rows > w->dead.rows_max || w->counts.dead_bytes > STORE_DEAD_BYTES_MAX;
}

// The oldest row goes when it must. 1 = it went, 0 = it stays.
static int drop_oldest(struct writer *w, int64_t before_ms)
{
    struct stmt *s = db_stmt(w->db, SQL_OLDEST_DEAD);
    int rc = stmt_step(s);
    if (rc <= 0) {
        // Counts that outlived their rows: begin again.
        w->counts.dead_rows = w->counts.dead_bytes = 0;
        return rc;
    }
    int64_t id = stmt_col_int(s, 0), size = stmt_col_int(s, 1), created = stmt_col_int(s, 2);
    stmt_reset(s);
    if (!too_many(w) && created >= before_ms)
        return 0;
    rc = remove_row(w, id, size, &w->counts.dead_dropped);
    return rc < 0 ? rc : 1;
}

int dead_add(struct writer *w, struct unpack *u)
{
    struct stmt *s = db_stmt(w->db, SQL_ADD_DEAD);
    stmt_int(s, 1, w->counts.next_dead++);
    struct uuid integration = unpack_uuid(u);
    stmt_uuid(s, 2, &integration);
    stmt_int(s, 3, unpack_byte(u));
    for (int i = 4; i <= 7; i++)
        stmt_text(s, i, unpack_span(u));
    stmt_int(s, 8, unpack_i64(u));
    stmt_int(s, 9, unpack_i64(u));
    struct span payload = unpack_span(u);
    stmt_int(s, 10, (int64_t)payload.n);
    stmt_blob(s, 11, payload);
    stmt_int(s, 12, (int64_t)unpack_u64(u));
    for (int i = 13; i <= 17; i++)
        stmt_text(s, i, unpack_span(u));
    w->counts.dead_rows++;
    w->counts.dead_added++;
    w->counts.dead_bytes += (int64_t)payload.n;
    int rc = stmt_run(s);
    while (rc >= 0 && w->counts.dead_rows > 0 && too_many(w))
        rc = drop_oldest(w, INT64_MIN);
    return rc < 0 ? rc : 0;
}

int dead_note_failure(struct writer *w, struct unpack *u)
{
    struct stmt *s = db_stmt(w->db, SQL_FAIL_DEAD);
    stmt_int(s, 1, unpack_i64(u));
    struct uuid integration = unpack_uuid(u);
    stmt_uuid(s, 2, &integration);
    stmt_text(s, 3, unpack_span(u));
    stmt_int(s, 4, unpack_i64(u));
    return stmt_run(s);
}

int dead_remove(struct writer *w, struct unpack *u)
{
    struct stmt *s = db_stmt(w->db, SQL_SIZE_DEAD);
    int64_t id = unpack_i64(u);
    struct uuid integration = unpack_uuid(u);
    bool replayed = unpack_byte(u) != 0;
    stmt_int(s, 1, id);
    stmt_uuid(s, 2, &integration);
    int rc = stmt_step(s);
    if (rc <= 0) // it was dropped meanwhile
        return rc;
    int64_t size = stmt_col_int(s, 0);
    stmt_reset(s);
    return remove_row(w, id, size, replayed ? &w->counts.dead_replayed : &w->counts.dead_discarded);
}

int dead_remove_all(struct writer *w, struct unpack *u)
{
    struct stmt *s = db_stmt(w->db, SQL_SUM_DEAD);
    struct uuid integration = unpack_uuid(u);
    stmt_uuid(s, 1, &integration);
    int rc = stmt_step(s);
    if (rc <= 0)
        return rc;
    int64_t rows = stmt_col_int(s, 0), bytes = stmt_col_int(s, 1);
    stmt_reset(s);
    if (rows == 0)
        return 0;
    s = db_stmt(w->db, SQL_DELETE_DEAD);
    stmt_uuid(s, 1, &integration);
    w->counts.dead_rows -= rows;
    w->counts.dead_bytes -= bytes;
    w->counts.dead_discarded += rows;
    return stmt_run(s);
}

int dead_tidy(struct writer *w, int64_t now_ms, bool *more)
{
    int64_t before_ms = w->dead.age_ms > 0 ? now_ms - w->dead.age_ms : INT64_MIN;
    int rc = w->counts.dead_rows > 0;
    for (int i = 0; i < DEAD_TIDY_ROWS && rc > 0; i++)
        rc = drop_oldest(w, before_ms);
    *more = rc > 0 && w->counts.dead_rows > 0;
    return rc < 0 ? rc : 0;
}
