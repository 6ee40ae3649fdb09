// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_IO_WORKER_H
#define PENSTOCK_IO_WORKER_H

// Named threads for what must block. A job owns its input and output outright; only its ownership
// moves. Submit and done run on the loop, run() on a worker thread.

#include "io/loop.h"

struct worker_pool;

struct worker_job {
    struct list link;
    // On the thread. `thread` is what thread_start() returned.
    void (*run)(struct worker_job *job, void *thread);
    // On the loop, exactly once for each submitted job.
    void (*done)(struct worker_job *job);
    bool abandoned; // set before done() when the thread had been given up on
    bool canceled;  // set before done() when the pool closed before run()
};

struct worker_options {
    const char *name;   // thread name, at most 12 bytes; a number is added
    unsigned threads;   // at least 1
    size_t queue_max;   // jobs waiting; 0 = no limit (the submitters bound themselves)
    size_t stack_bytes; // 0 = 1 MiB
    void *ctx;
    void *(*thread_start)(void *ctx);             // on the thread; may be NULL
    void (*thread_stop)(void *ctx, void *thread); // on the thread; may be NULL
    // When set, one thread takes all waiting jobs at once (group commit) instead of run() for each.
    // It moves nothing: every job of `jobs` (linked by job->link) is done when it returns.
    void (*run_all)(void *ctx, void *thread, struct list *jobs);
};

int worker_pool_new(struct loop *l, const struct worker_options *o, struct worker_pool **out);
// ERR_BUSY when the queue is full.
int worker_pool_submit(struct worker_pool *p, struct worker_job *job) MUST_CHECK;
size_t worker_pool_waiting(const struct worker_pool *p);
unsigned worker_pool_threads(const struct worker_pool *p);
// Gives up on the thread that runs `job` now and starts another in its place; when the lost thread
// comes back, its job's done() runs with abandoned = true and the thread ends. 0, or ERR_NOT_FOUND
// when the job is not running (a run_all pool has no running jobs). Should it still not be back
// when the pool closes, its job is never done: the memory stays the lost thread's.
int worker_pool_abandon(struct worker_pool *p, struct worker_job *job);
// Jobs not yet started are returned by done() with canceled = true; running ones finish; threads
// are joined (off the loop's time where they take long); then cb. Lost threads are detached.
void worker_pool_close(struct worker_pool *p, void (*cb)(void *ctx), void *ctx);

#endif
