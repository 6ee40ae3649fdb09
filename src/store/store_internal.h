// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_STORE_INTERNAL_H
#define PENSTOCK_STORE_STORE_INTERNAL_H

// The loop's side of the store. Internal to store/, and to its tests.

#include "base/log.h"
#include "store/directory.h"
#include "store/reader.h"
#include "store/writer.h"

// Pages of the WAL that make a checkpoint due (16 MiB), and how long after the last commit an idle
// store moves what there is.
#define STORE_WAL_PAGES 2048
#define STORE_IDLE_MS 1000
#define STORE_RETRY_MIN_MS 100
#define STORE_RETRY_MAX_MS 5000
// How often it is looked for dead letters that are too old.
#define STORE_DEAD_CHECK_MS (10 * 60 * 1000)

struct store_doc {
    struct store_doc *next;
    enum store_doc_kind kind;
    struct uuid id;
    struct span name, json;
};

struct store {
    struct loop *loop;
    size_t head_bytes; // of both heads together
    int64_t head_age_ms, commit_interval_ms;
    char *db_path;
    int lock_fd; // of the directory
    struct directory dir;
    struct reader_config reader_config;
    struct writer writer; // the writer thread's
    struct worker_pool *writers, *readers;

    // Telemetry in memory; `frozen` is on its way into blocks, up to which log row.
    struct head *active, *frozen;
    int64_t applied_log_id, frozen_log_id;
    struct timer age_timer;
    struct timer dead_timer;

    struct list queue; // of struct store_txn, waiting
    size_t n_queue;
    struct write_job job;
    bool job_running;
    bool commit_failed; // job.txns wait for their next try
    bool last_try;      // ... and are given up when that fails
    bool gave_up;       // on a commit: none after it may become durable
    bool after_commit;  // the last job was a commit: upkeep has its turn
    bool tidy_due, idle;
    unsigned wal_pages;
    int64_t last_commit_ms;
    struct loop_task pump_task;
    struct timer interval_timer, idle_timer;
    // What keeps the writer from its work, and the wait before the next try.
    struct store_trouble {
        struct err err; // code 0 = none
        int64_t wait_ms;
        struct timer retry;
        struct log_limit log;
    } commit_trouble, upkeep_trouble;

    struct list refused;  // transactions that came too late
    struct list answered; // reads that needed no thread
    size_t n_reads;       // not done yet
    int64_t outbox_rows_max, outbox_bytes_max;
    uint64_t outbox_adding_rows, outbox_adding_bytes; // by transactions under way
    struct loop_task answer_task;
    struct log_limit read_log;

    struct arena peeked[2]; // given out by store_peek_latest() in this turn and the last
    struct loop_task peek_task;
    struct arena docs_arena;
    struct store_doc *docs;
    struct loop_task docs_task;

    bool closing, readers_closing, wal_closed;
    void (*close_cb)(void *ctx);
    void *close_ctx;
    struct store_stats stats;
};

// open.c. With hooks on the writer thread (NULL fine; they must outlive the store).
int store_open_hooked(struct loop *l, const struct store_options *o,
                      const struct store_hooks *hooks, struct store **out, struct err *e);
void store_free(struct store *s); // no thread has anything of it any more

// apply.c: from the log into memory.
int store_apply_points(struct store *s, struct span points); // ERR_INVALID: from a damaged file
int store_replay_log(struct store *s, struct db *db, struct err *e);
bool store_head_full(const struct store *s);
// Freezes the active head when nothing is frozen and it is full, or `not_full` and not empty.
void store_freeze_head(struct store *s, bool not_full);

// store.c
void store_init_writing(struct store *s);
void store_note_counts(struct store *s, const struct writer_counts *c);
void store_pump(struct store *s); // gives the writer its next job

// store_read.c
void store_init_reading(struct store *s);
void store_answer_later(struct store *s); // runs what is refused or answered, in a turn's end

// rewrite.c: runs the options' filter over all documents.
int store_rewrite_docs(struct db *db, const struct store_options *o, struct err *e);

#endif
