// SPDX-License-Identifier: Apache-2.0
#include "store/writer.h"

#include <time.h>

#include "store/gens.h"

// Trimming reads the pages it frees: this many rows a step.
#define LOG_TRIM_ROWS 256

static const struct {
    const char *name;
    size_t offset;
} marks[] = {
    {"log_floor", offsetof(struct writer_counts, log_floor)},
    {"device_floor", offsetof(struct writer_counts, device_floor)},
    {"series_floor", offsetof(struct writer_counts, series_floor)},
    {"outbox_rows", offsetof(struct writer_counts, outbox_rows)},
    {"outbox_bytes", offsetof(struct writer_counts, outbox_bytes)},
    {"dead_rows", offsetof(struct writer_counts, dead_rows)},
    {"dead_bytes", offsetof(struct writer_counts, dead_bytes)},
    {"dead_added", offsetof(struct writer_counts, dead_added)},
    {"dead_replayed", offsetof(struct writer_counts, dead_replayed)},
    {"dead_discarded", offsetof(struct writer_counts, dead_discarded)},
    {"dead_dropped", offsetof(struct writer_counts, dead_dropped)},
};

static int64_t *mark_of(struct writer_counts *c, size_t i)
{
    return (int64_t *)(void *)((char *)c + marks[i].offset);
}

static int load_marks(struct writer *w)
{
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        struct stmt *s = db_stmt(w->db, SQL_GET_MARK);
        stmt_text(s, 1, span_str(marks[i].name));
        int rc = stmt_step(s);
        if (rc < 0)
            return rc;
        if (rc > 0)
            *mark_of(&w->counts, i) = stmt_col_int(s, 0);
        stmt_reset(s);
    }
    return 0;
}

int writer_save_marks(struct writer *w, struct writer_counts *before)
{
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (*mark_of(before, i) == *mark_of(&w->counts, i))
            continue;
        struct stmt *s = db_stmt(w->db, SQL_SET_MARK);
        stmt_text(s, 1, span_str(marks[i].name));
        stmt_int(s, 2, *mark_of(&w->counts, i));
        int rc = stmt_run(s);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int next_id(struct writer *w, const char *sql, int64_t *out)
{
    int rc = db_query_int(w->db, sql, 0, out);
    ++*out;
    return rc;
}

int writer_init(struct writer *w, struct db *db, struct err *e)
{
    struct writer_counts *c = &w->counts;
    w->db = db;
    int rc = load_marks(w);
    if (rc == 0)
        rc = next_id(w, "SELECT max(id) FROM log", &c->next_log);
    if (rc == 0)
        rc = next_id(w, "SELECT max(id) FROM outbox_chunk", &c->next_outbox);
    if (rc == 0)
        rc = next_id(w, "SELECT max(id) FROM dead_letter", &c->next_dead);
    if (rc == 0)
        rc = next_id(w, "SELECT max(id) FROM gen", &c->next_gen);
    if (rc == 0)
        rc = outbox_import(w);
    // A flush that the end of the process cut off begins anew, from the log.
    if (rc == 0)
        rc = db_exec(db, "UPDATE gen SET state = 3 WHERE state = 1 AND level = 0");
    if (c->next_log <= c->log_floor)
        c->next_log = c->log_floor + 1;
    // Those of removed ones are not given again: people hold them.
    if (c->next_dead <= c->dead_added)
        c->next_dead = c->dead_added + 1;
    return rc < 0 ? db_error_of(db, rc, e) : 0;
}

void writer_free(struct writer *w)
{
    flush_drop(w);
    outbox_free_open(w);
    buf_free(&w->scratch);
    db_close(w->db);
    w->db = NULL;
}

static int trim_log(struct writer *w, bool *did)
{
    struct stmt *s = db_stmt(w->db, SQL_TRIM_LOG);
    stmt_int(s, 1, w->counts.log_floor);
    stmt_int(s, 2, LOG_TRIM_ROWS);
    int rc = stmt_run(s);
    *did = rc == 0 && db_changes(w->db) > 0;
    return rc;
}

static int tidy(struct writer *w, struct write_job *job)
{
    int rc = trim_log(w, &job->more);
    if (rc == 0 && !job->more)
        rc = dead_tidy(w, job->wall_ms, &job->more);
    if (rc == 0 && !job->more)
        rc = gens_step(w->db, &w->counts.next_gen, &job->more);
    return rc;
}

static int run_body(struct writer *w, struct write_job *job)
{
    switch (job->kind) {
    case WRITE_COMMIT:
        return commit_txns(w, job);
    case WRITE_FLUSH:
        return flush_step(w, job);
    default:
        return tidy(w, job);
    }
}

// Everything of a job in one transaction, or nothing.
static int run_transaction(struct writer *w, struct write_job *job)
{
    struct writer_counts before = w->counts;
    int rc = db_begin(w->db);
    if (rc == 0)
        rc = run_body(w, job);
    if (rc == 0)
        rc = writer_save_marks(w, &before);
    if (rc == 0 && w->hooks)
        rc = w->hooks->before_commit(w->hooks->ctx, w->db, job->kind);
    if (rc == 0)
        rc = db_commit(w->db);
    if (rc != 0) {
        db_error_of(w->db, rc, &job->err);
        db_rollback(w->db);
        w->counts = before;
    }
    if (w->flush && job->kind == WRITE_FLUSH)
        flush_settle(w, rc == 0);
    return rc;
}

static int run_checkpoint(struct writer *w, struct write_job *job)
{
    int rc = db_checkpoint(w->db, job->kind == WRITE_CLOSE);
    if (rc != 0)
        db_error(w->db, &job->err);
    db_shrink(w->db);
    return rc;
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void writer_run(struct worker_job *wj, void *thread)
{
    struct write_job *job = container_of(wj, struct write_job, wj);
    struct writer *w = thread;
    int64_t start = now_us();
    job->more = false;
    job->err = (struct err){0};
    if (w->hooks)
        w->hooks->before_job(w->hooks->ctx, w->db, job->kind);
    if (job->kind == WRITE_CHECKPOINT || job->kind == WRITE_CLOSE)
        job->status = run_checkpoint(w, job);
    else
        job->status = run_transaction(w, job);
    job->wal_pages = db_wal_pages(w->db);
    if (db_query_int(w->db, "PRAGMA page_count", 0, &job->db_bytes) == 0)
        job->db_bytes *= DB_PAGE_BYTES;
    job->counts = w->counts;
    job->took_us = now_us() - start;
}
