// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_READER_H
#define PENSTOCK_STORE_READER_H

// Reads on reader threads, each with a read-only connection that it opens at its first job. The
// loop puts into the job what only it knows: copies of the head's streams of the series asked for.

#include "io/worker.h"
#include "store/db.h"
#include "store/store.h"

struct series;

struct read_series {
    struct span key;       // in r->arena
    struct series *series; // the loop's; NULL: the device has no such series
    uint32_t id;
    // Series streams copied from the head, older first.
    struct span frozen, active;
    // LATEST: what the thread found in blocks.
    bool ask;
    bool found;
    struct store_point point;
};

struct read_job {
    struct worker_job wj;
    struct list link; // completions without a thread
    struct store *store;
    struct store_read *r;
    int status;
    struct err err;
    struct buf text; // STORE_READ_DEVICES: the LIKE pattern; series reads: the head's streams
    struct read_series *series;
    size_t n_series;
    struct span *keys; // STORE_READ_ATTRIBUTES: in r->arena
    int64_t device_id;
};

struct reader_config {
    const char *path;
};
// worker_options.thread_start and thread_stop; ctx is a struct reader_config.
void *reader_start(void *ctx);
void reader_stop(void *ctx, void *thread);
// worker_job.run
void reader_run(struct worker_job *wj, void *thread);

// Room for one more in an array that grows in the arena.
void *reader_grow(struct arena *a, void *p, size_t n, size_t size);

// A result never takes more memory than this; ERR_LIMIT.
#define STORE_RESULT_BYTES_MAX (256u * 1024 * 1024)

// read_series.c, inside a read transaction of `db`.
int read_series_latest(struct db *db, struct read_job *job);
int read_series_range(struct db *db, struct read_job *job);

#endif
