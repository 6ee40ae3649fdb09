// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_WRITER_H
#define PENSTOCK_STORE_WRITER_H

// The writing connection and what runs on it: commits, flushes of a frozen head, tidying (trimming
// the log, merging generations), checkpoints. store_open() prepares it, then the writer thread owns
// it; the loop keeps at most one job with it.

#include "io/worker.h"
#include "store/db.h"
#include "store/head.h"
#include "store/outbox.h"
#include "store/txn.h"

enum write_kind {
    WRITE_COMMIT,
    WRITE_FLUSH, // one step; `more` until the head is all written
    WRITE_TIDY,  // one step; `more` while there may be more to do
    WRITE_CHECKPOINT,
    WRITE_CLOSE // moves all of the WAL into the database
};

// Where tests step in, on the writer thread. A negative result fails the job as if SQLite had.
struct store_hooks {
    void *ctx;
    void (*before_job)(void *ctx, struct db *db, enum write_kind kind);
    int (*before_commit)(void *ctx, struct db *db, enum write_kind kind); // of a transaction
};

// Payload bytes of dead letters kept at most, whatever their number.
#define STORE_DEAD_BYTES_MAX (256ll * 1024 * 1024)

// Ids to give out next, and what is counted across restarts. Changes with a commit or not at all.
struct writer_counts {
    int64_t next_log, next_outbox, next_dead, next_gen;
    int64_t log_floor; // log rows up to this id are flushed
    int64_t outbox_rows, outbox_bytes, dead_rows, dead_bytes;
    int64_t device_floor, series_floor; // ids below are never given out again; 0 = none
    int64_t dead_added, dead_replayed, dead_discarded, dead_dropped;
};

// What is kept of dead letters; the oldest go first.
struct dead_limits {
    int64_t rows_max;
    int64_t age_ms; // 0 = whatever their age
};

struct flush; // a head on its way to blocks

struct writer {
    struct db *db;
    const struct store_hooks *hooks; // may be NULL
    struct writer_counts counts;
    struct dead_limits dead;
    struct flush *flush;
    struct outbox_open outbox;
    struct buf scratch;
};

struct write_job {
    struct worker_job wj;
    struct writer *w;
    enum write_kind kind;
    int64_t wall_ms;
    struct list txns;        // WRITE_COMMIT: of struct store_txn
    struct buf rows;         // ... operations that come before theirs
    const struct head *head; // WRITE_FLUSH
    int64_t log_id;          // WRITE_FLUSH in: last log row in the head. WRITE_COMMIT out: its row
    // Results.
    int status;
    struct err err;
    bool more;
    unsigned wal_pages;
    int64_t db_bytes;
    int64_t took_us;
    struct writer_counts counts;
};

// Reads counts, marks left-overs of an unfinished flush.
int writer_init(struct writer *w, struct db *db, struct err *e);
void writer_free(struct writer *w); // closes the connection
// Writes the counts that are not as `before`, within a transaction.
int writer_save_marks(struct writer *w, struct writer_counts *before) MUST_CHECK;
// worker_job.run
void writer_run(struct worker_job *wj, void *thread);

// commit.c
int commit_txns(struct writer *w, struct write_job *job) MUST_CHECK;
// dead.c: operations of a commit, and a step of tidying.
int dead_add(struct writer *w, struct unpack *u) MUST_CHECK;
int dead_note_failure(struct writer *w, struct unpack *u) MUST_CHECK;
int dead_remove(struct writer *w, struct unpack *u) MUST_CHECK;
int dead_remove_all(struct writer *w, struct unpack *u) MUST_CHECK;
int dead_tidy(struct writer *w, int64_t now_ms, bool *more) MUST_CHECK;
// flush.c
int flush_step(struct writer *w, struct write_job *job) MUST_CHECK;
// What flush_step() did is committed, or not.
void flush_settle(struct writer *w, bool committed);
void flush_drop(struct writer *w);

// A log row: a version byte, then pieces, each a varint length and points (store/points.h).
#define LOG_VERSION 1
// Rows of about this size: more than one only for very large commits.
#define LOG_ROW_BYTES (1024 * 1024)

#endif
