// SPDX-License-Identifier: Apache-2.0
#include "io/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#define STACK_DEFAULT (1024 * 1024)
#define NAME_MAX_BYTES 12

// Happy path: submit puts a job on `shared.queue`; a thread takes it, runs it, puts it on
// `shared.results` and wakes the loop, which calls done() for the whole list.
// Failure modes: a thread that does not come back is marked lost and detached; `struct shared` then
// outlives the pool, counted by `refs`.

struct worker_thread {
    struct list link;      // pool.threads; loop only
    struct list exit_link; // shared.exited
    struct shared *sh;
    pthread_t id;
    struct worker_job *job; // running now; under the lock
    bool lost;              // under the lock
    bool returning;         // lost, and back while the pool stands
};

// All fields under `mu` unless fixed at start.
struct shared {
    pthread_mutex_t mu;
    pthread_cond_t work;
    unsigned refs; // pool + threads
    struct worker_options o;
    char name[NAME_MAX_BYTES + 1];
    unsigned next_name;
    bool closing;
    struct list queue;
    size_t waiting;
    struct list results;
    struct list exited;
    unsigned returning; // lost threads that came back and still use ctx
    struct wake *wake;  // NULL once the pool is gone
};

// Loop thread only.
struct worker_pool {
    struct shared *sh;
    struct list threads;
    unsigned n_threads; // in `threads`
    size_t outstanding; // submitted, not done, not on a lost thread
    bool closing;
    void (*close_cb)(void *ctx);
    void *close_ctx;
};

static void shared_unref_locked(struct shared *sh)
{
    bool last = --sh->refs == 0;
    pthread_mutex_unlock(&sh->mu);
    if (!last)
        return;
    pthread_cond_destroy(&sh->work);
    pthread_mutex_destroy(&sh->mu);
    mem_free(sh);
}

static void wake_locked(struct shared *sh)
{
    if (sh->wake)
        wake_send(sh->wake);
}

static void run_group(struct shared *sh, void *state)
{
    struct list jobs;
    list_init(&jobs);
    list_move_all(&jobs, &sh->queue);
    sh->waiting = 0;
    pthread_mutex_unlock(&sh->mu);
    sh->o.run_all(sh->o.ctx, state, &jobs);
    pthread_mutex_lock(&sh->mu);
    list_move_all(&sh->results, &jobs);
    wake_locked(sh);
}

// False when the thread was given up on meanwhile.
static bool run_one(struct shared *sh, struct worker_thread *th, void *state)
{
    struct worker_job *job = container_of(list_pop(&sh->queue), struct worker_job, link);
    sh->waiting--;
    th->job = job;
    pthread_mutex_unlock(&sh->mu);
    job->run(job, state);
    pthread_mutex_lock(&sh->mu);
    th->job = NULL;
    if (th->lost) {
        job->abandoned = true;
        if (!sh->wake)
            return false;
        th->returning = true;
        sh->returning++;
    }
    list_push(&sh->results, &job->link);
    wake_locked(sh);
    return !th->lost;
}

// A lost thread that came back: frees what it has when the pool still stands, and ends unjoined.
static void end_lost(struct shared *sh, struct worker_thread *th, void *state)
{
    if (th->returning) {
        pthread_mutex_unlock(&sh->mu);
        if (sh->o.thread_stop)
            sh->o.thread_stop(sh->o.ctx, state);
        pthread_mutex_lock(&sh->mu);
        sh->returning--;
        wake_locked(sh);
    }
    mem_free(th);
    shared_unref_locked(sh);
}

static void *thread_main(void *arg)
{
    struct worker_thread *th = arg;
    struct shared *sh = th->sh;
    void *state = sh->o.thread_start ? sh->o.thread_start(sh->o.ctx) : NULL;
    pthread_mutex_lock(&sh->mu);
    for (;;) {
        while (list_empty(&sh->queue) && !sh->closing)
            pthread_cond_wait(&sh->work, &sh->mu);
        if (sh->closing)
            break;
        if (sh->o.run_all) {
            run_group(sh, state);
        } else if (!run_one(sh, th, state)) {
            end_lost(sh, th, state);
            return NULL;
        }
    }
    pthread_mutex_unlock(&sh->mu);
    if (sh->o.thread_stop)
        sh->o.thread_stop(sh->o.ctx, state);
    pthread_mutex_lock(&sh->mu);
    list_push(&sh->exited, &th->exit_link);
    wake_locked(sh);
    shared_unref_locked(sh);
    return NULL;
}

static int thread_new(struct worker_pool *p)
{
    struct shared *sh = p->sh;
    struct worker_thread *th = mem_new(struct worker_thread);
    th->sh = sh;
    pthread_attr_t attr;
    require(pthread_attr_init(&attr) == 0);
    pthread_attr_setstacksize(&attr, sh->o.stack_bytes ? sh->o.stack_bytes : STACK_DEFAULT);
    pthread_mutex_lock(&sh->mu);
    sh->refs++;
    unsigned number = sh->next_name++;
    pthread_mutex_unlock(&sh->mu);
    // Signals are the loop's.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&th->id, &attr, thread_main, th);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (rc != 0) {
        mem_free(th);
        pthread_mutex_lock(&sh->mu);
        sh->refs--;
        pthread_mutex_unlock(&sh->mu);
        return ERR_LIMIT;
    }
    char name[16];
    snprintf(name, sizeof(name), "%s%u", sh->name, number % 100);
    pthread_setname_np(th->id, name);
    list_push(&p->threads, &th->link);
    p->n_threads++;
    return 0;
}

// A replacement that the system refused is tried again with the next job.
static void fill_threads(struct worker_pool *p)
{
    while (!p->closing && p->n_threads < p->sh->o.threads) {
        if (thread_new(p) != 0) {
            log_error("io", "cannot start a worker thread", "name=%s running=%u", p->sh->name,
                      p->n_threads);
            return;
        }
    }
}

static void hold_loop(struct worker_pool *p)
{
    wake_hold(p->sh->wake, p->outstanding > 0 || p->closing);
}

// Returns false while something is still on its way.
static bool maybe_closed(struct worker_pool *p)
{
    struct shared *sh = p->sh;
    if (!p->closing || p->n_threads > 0)
        return false;
    pthread_mutex_lock(&sh->mu);
    if (!list_empty(&sh->results) || sh->returning > 0) {
        pthread_mutex_unlock(&sh->mu);
        return false;
    }
    struct wake *wake = sh->wake;
    sh->wake = NULL;
    shared_unref_locked(sh);
    wake_free(wake);
    void (*cb)(void *) = p->close_cb;
    void *ctx = p->close_ctx;
    mem_free(p);
    if (cb)
        cb(ctx);
    return true;
}

static void on_wake(void *ctx)
{
    struct worker_pool *p = ctx;
    struct shared *sh = p->sh;
    struct list results, exited;
    list_init(&results);
    list_init(&exited);
    pthread_mutex_lock(&sh->mu);
    list_move_all(&results, &sh->results);
    list_move_all(&exited, &sh->exited);
    pthread_mutex_unlock(&sh->mu);
    for (struct list *it; (it = list_pop(&results));) {
        struct worker_job *job = container_of(it, struct worker_job, link);
        if (!job->abandoned)
            p->outstanding--;
        job->done(job);
    }
    for (struct list *it; (it = list_pop(&exited));) {
        struct worker_thread *th = container_of(it, struct worker_thread, exit_link);
        list_remove(&th->link);
        // It has nothing left to do but return.
        pthread_join(th->id, NULL);
        mem_free(th);
        p->n_threads--;
    }
    if (!maybe_closed(p))
        hold_loop(p);
}

static void begin_close(struct worker_pool *p)
{
    struct shared *sh = p->sh;
    p->closing = true;
    pthread_mutex_lock(&sh->mu);
    sh->closing = true;
    for (struct list *it; (it = list_pop(&sh->queue));) {
        container_of(it, struct worker_job, link)->canceled = true;
        list_push(&sh->results, it);
    }
    sh->waiting = 0;
    pthread_cond_broadcast(&sh->work);
    pthread_mutex_unlock(&sh->mu);
    hold_loop(p);
    wake_send(sh->wake);
}

int worker_pool_new(struct loop *l, const struct worker_options *o, struct worker_pool **out)
{
    require(o->threads > 0);
    struct shared *sh = mem_new(struct shared);
    require(pthread_mutex_init(&sh->mu, NULL) == 0 && pthread_cond_init(&sh->work, NULL) == 0);
    sh->refs = 1;
    sh->o = *o;
    snprintf(sh->name, sizeof(sh->name), "%s", o->name ? o->name : "worker");
    list_init(&sh->queue);
    list_init(&sh->results);
    list_init(&sh->exited);
    struct worker_pool *p = mem_new(struct worker_pool);
    p->sh = sh;
    list_init(&p->threads);
    sh->wake = wake_new(l, on_wake, p);
    *out = p;
    for (unsigned i = 0; i < o->threads; i++) {
        int rc = thread_new(p);
        if (rc != 0) {
            *out = NULL;
            begin_close(p);
            return rc;
        }
    }
    return 0;
}

int worker_pool_submit(struct worker_pool *p, struct worker_job *job)
{
    struct shared *sh = p->sh;
    require(job->done && (job->run || sh->o.run_all));
    if (p->closing)
        return ERR_CLOSED;
    pthread_mutex_lock(&sh->mu);
    if (sh->o.queue_max && sh->waiting >= sh->o.queue_max) {
        pthread_mutex_unlock(&sh->mu);
        return ERR_BUSY;
    }
    job->abandoned = job->canceled = false;
    list_push(&sh->queue, &job->link);
    sh->waiting++;
    pthread_cond_signal(&sh->work);
    pthread_mutex_unlock(&sh->mu);
    fill_threads(p);
    if (p->outstanding++ == 0)
        hold_loop(p);
    return 0;
}

size_t worker_pool_waiting(const struct worker_pool *p)
{
    pthread_mutex_lock(&p->sh->mu);
    size_t n = p->sh->waiting;
    pthread_mutex_unlock(&p->sh->mu);
    return n;
}

unsigned worker_pool_threads(const struct worker_pool *p)
{
    return p->n_threads;
}

static struct worker_thread *thread_of_locked(struct worker_pool *p, const struct worker_job *job)
{
    list_for(it, &p->threads)
    {
        struct worker_thread *th = container_of(it, struct worker_thread, link);
        if (th->job == job)
            return th;
    }
    return NULL;
}

int worker_pool_abandon(struct worker_pool *p, struct worker_job *job)
{
    struct shared *sh = p->sh;
    pthread_mutex_lock(&sh->mu);
    struct worker_thread *th = thread_of_locked(p, job);
    if (th) {
        th->lost = true;
        list_remove(&th->link);
        pthread_detach(th->id);
    }
    pthread_mutex_unlock(&sh->mu);
    if (!th)
        return ERR_NOT_FOUND;
    p->n_threads--;
    p->outstanding--;
    fill_threads(p);
    hold_loop(p);
    if (p->closing)
        wake_send(sh->wake);
    return 0;
}

void worker_pool_close(struct worker_pool *p, void (*cb)(void *ctx), void *ctx)
{
    require(!p->closing);
    p->close_cb = cb;
    p->close_ctx = ctx;
    begin_close(p);
}
