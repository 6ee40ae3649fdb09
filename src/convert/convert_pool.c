// SPDX-License-Identifier: Apache-2.0
#include "convert/convert.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "convert/js_gate.h"
#include "convert/runner.h"
#include "io/worker.h"

// Happy path: submit wraps the caller's job in a batch of ours and queues it; a worker thread runs
// its records; done() gives the job back on the loop.
// Failure modes: a run that ignores its time limit is given up by the watchdog. From then on its
// thread touches nothing of the caller's (see js_gate_give_up), so the job goes on at once: that
// record has timed out, and the records after it run in a new batch. The old batch is freed when
// its thread comes back, if ever.

#define MEMORY_LEAST ((size_t)1024 * 1024)
#define WATCHDOG_PERIOD_MAX_MS 500
// Enough for what Duktape allows: 1,000 natives deep, 10,000 levels of a regular expression. Only
// what is used takes memory.
#define STACK_BYTES ((size_t)4 * 1024 * 1024)

struct batch {
    struct worker_job job;
    atomic_uint refs; // the loop's, and after it was given up on its thread's
    struct list link; // pool.batches or pool.lost
    struct convert_pool *pool;
    struct convert_script *script; // held
    struct convert_job *cj;
    struct js_gate gate;
    pid_t thread;  // that runs it
    uint32_t next; // the record that runs now
    bool given_up;
    struct runner_stats stats;
};

struct convert_pool {
    struct loop *loop;
    struct worker_pool *workers;
    struct runner_limits limits;
    size_t queue_max;
    int64_t watchdog_ms;
    unsigned lost_max;
    struct timer watchdog;
    struct list batches; // submitted, not done, not given up on
    struct list lost;    // given up on, not back
    struct list waiters;
    struct loop_task wake_task;
    struct convert_stats stats;
    bool closing;
    void (*close_cb)(void *ctx);
    void *close_ctx;
};

static void batch_unref(struct batch *b)
{
    if (atomic_fetch_sub(&b->refs, 1) != 1)
        return;
    script_drop(b->script);
    mem_free(b);
}

// On a worker thread -----------------------------------------------------------------------------
//
// What a thread has is freed by the thread's end and not by the pool, which a lost thread may
// outlive.

struct worker_state {
    struct runner *runner;
    struct batch *lost; // the last one this thread was given up on with
};

static pthread_key_t state_key;

static void free_state(void *p)
{
    struct worker_state *w = p;
    runner_free(w->runner);
    if (w->lost)
        batch_unref(w->lost);
    mem_free(w);
}

static void make_state_key(void)
{
    require(pthread_key_create(&state_key, free_state) == 0);
}

static void *thread_start(void *ctx)
{
    struct worker_state *w = mem_new(struct worker_state);
    w->runner = runner_new(ctx);
    require(pthread_setspecific(state_key, w) == 0);
    return w;
}

static void run_batch(struct worker_job *job, void *thread)
{
    struct worker_state *w = thread;
    struct batch *b = container_of(job, struct batch, job);
    b->thread = (pid_t)syscall(SYS_gettid);
    if (runner_run(w->runner, b->script, b->cj, &b->next, &b->gate, &b->stats))
        return;
    // The worker pool still writes to the job after this; so the reference lives on.
    if (w->lost)
        batch_unref(w->lost);
    w->lost = b;
}

// Waiting for room -------------------------------------------------------------------------------

static bool has_room(const struct convert_pool *p)
{
    return worker_pool_waiting(p->workers) < p->queue_max;
}

static void wake_waiters(struct loop_task *t)
{
    struct convert_pool *p = container_of(t, struct convert_pool, wake_task);
    // Only those who wait now: one may wait again from its wake().
    struct list now;
    list_init(&now);
    list_move_all(&now, &p->waiters);
    while (!list_empty(&now) && (p->closing || has_room(p))) {
        struct convert_waiter *w = container_of(list_pop(&now), struct convert_waiter, link);
        w->wake(w);
    }
    list_move_all(&now, &p->waiters);
    list_move_all(&p->waiters, &now);
}

static void room_changed(struct convert_pool *p)
{
    if (!list_empty(&p->waiters) && !list_linked(&p->wake_task.link))
        loop_post(p->loop, &p->wake_task);
}

void convert_wait_room(struct convert_pool *p, struct convert_waiter *w)
{
    list_push(&p->waiters, &w->link);
    if (p->closing || has_room(p))
        room_changed(p);
}

void convert_cancel_wait(struct convert_waiter *w)
{
    list_remove(&w->link);
}

// Batches ----------------------------------------------------------------------------------------

static void add_stats(struct convert_pool *p, const struct runner_stats *s)
{
    p->stats.runs += s->runs;
    p->stats.failures += s->failures;
    p->stats.timeouts += s->timeouts;
    p->stats.memory_kills += s->memory_kills;
    p->stats.heaps_made += s->heaps_made;
}

static void set_failed(struct convert_job *cj, uint32_t i, int status, struct span error)
{
    if (cj->script->kind == CONVERT_UPLINK) {
        cj->uplink_out[i] = (struct uplink_result){.status = status, .error = error};
    } else if (cj->script->kind == CONVERT_DOWNLINK) {
        cj->downlink_out[i] = (struct downlink_result){.status = status, .error = error};
    } else {
        cj->rule_out[i] = (struct rule_result){.status = status, .error = error};
    }
}

static void cancel_from(struct convert_job *cj, uint32_t first)
{
    for (uint32_t i = first; i < cj->n; i++)
        set_failed(cj, i, ERR_CANCELED, SPAN("the converters are being stopped"));
}

static void finish_job(struct convert_job *cj)
{
    cj->internal = NULL;
    cj->done(cj);
}

static void on_done(struct worker_job *job)
{
    struct batch *b = container_of(job, struct batch, job);
    struct convert_pool *p = b->pool;
    struct convert_job *cj = b->cj;
    bool mine = !b->given_up;
    list_remove(&b->link);
    if (mine) {
        add_stats(p, &b->stats);
        if (list_empty(&p->batches))
            timer_stop(&p->watchdog);
        if (job->canceled)
            cancel_from(cj, b->next);
    } else if (job->abandoned) {
        p->stats.workers_back++;
    }
    batch_unref(b);
    room_changed(p);
    if (mine)
        finish_job(cj);
}

static struct batch *new_batch(struct convert_pool *p, struct convert_job *cj, uint32_t first)
{
    struct batch *b = mem_new(struct batch);
    b->job.run = run_batch;
    b->job.done = on_done;
    b->pool = p;
    b->script = cj->script;
    script_hold(b->script);
    b->cj = cj;
    b->next = first;
    atomic_init(&b->refs, 1);
    return b;
}

static void start_watchdog(struct convert_pool *p)
{
    int64_t ms = p->watchdog_ms / 4 + 1;
    timer_start(p->loop, &p->watchdog, ms < WATCHDOG_PERIOD_MAX_MS ? ms : WATCHDOG_PERIOD_MAX_MS);
}

static int submit_batch(struct convert_pool *p, struct batch *b)
{
    int rc = worker_pool_submit(p->workers, &b->job);
    if (rc < 0) {
        batch_unref(b);
        return rc;
    }
    b->cj->internal = b;
    list_push(&p->batches, &b->link);
    if (!timer_active(&p->watchdog))
        start_watchdog(p);
    return 0;
}

int convert_submit(struct convert_pool *p, struct convert_job *job)
{
    if (p->closing)
        return ERR_CLOSED;
    if (!has_room(p))
        return ERR_BUSY;
    if (job->script->kind == CONVERT_UPLINK)
        job->uplink_out = arena_zalloc(&job->arena, job->n * sizeof(job->uplink_out[0]));
    else if (job->script->kind == CONVERT_DOWNLINK)
        job->downlink_out = arena_zalloc(&job->arena, job->n * sizeof(job->downlink_out[0]));
    else
        job->rule_out = arena_zalloc(&job->arena, job->n * sizeof(job->rule_out[0]));
    return submit_batch(p, new_batch(p, job, 0));
}

// The watchdog -----------------------------------------------------------------------------------

static void give_up(struct convert_pool *p, struct batch *b)
{
    struct convert_job *cj = b->cj;
    uint32_t at = b->next;
    b->given_up = true;
    atomic_fetch_add(&b->refs, 1);
    list_push(&p->lost, &b->link);
    add_stats(p, &b->stats);
    p->stats.runs++;
    p->stats.failures++;
    p->stats.timeouts++;
    log_error("convert", "gave up on a converter's run", "script=\"%.*s\" limit_ms=%lld",
              SPAN_ARG(b->script->name), (long long)p->limits.time_ms);
    pid_t thread = b->thread;
    // When the thread came back this very moment it is not lost.
    if (worker_pool_abandon(p->workers, &b->job) == 0) {
        p->stats.workers_lost++;
        // It may go on for long, but from here on only with what nobody else needs.
        (void)sched_setscheduler(thread, SCHED_IDLE, &(struct sched_param){0});
    }
    set_failed(cj, at, ERR_TIMEOUT,
               arena_printf(&cj->arena,
                            "the script ran longer than %lld ms and could not be stopped",
                            (long long)p->limits.time_ms));
    for (uint32_t i = at + 1; cj->stop_at_timeout && i < cj->n; i++)
        set_failed(cj, i, ERR_BUSY, SPAN_NONE);
    if (!cj->stop_at_timeout && at + 1 < cj->n) {
        if (submit_batch(p, new_batch(p, cj, at + 1)) == 0)
            return;
        cancel_from(cj, at + 1);
    }
    finish_job(cj);
}

// Threads that were given up on and still run.
static uint64_t n_lost(const struct convert_pool *p)
{
    return p->stats.workers_lost - p->stats.workers_back;
}

static void on_watchdog(struct timer *t)
{
    struct convert_pool *p = container_of(t, struct convert_pool, watchdog);
    struct list late;
    uint64_t n_late = 0;
    list_init(&late);
    list_for_safe(it, &p->batches)
    {
        struct batch *b = container_of(it, struct batch, link);
        if (n_lost(p) + n_late < p->lost_max &&
            js_gate_give_up(&b->gate, p->limits.time_ms + p->watchdog_ms)) {
            list_remove(&b->link);
            list_push(&late, &b->link);
            n_late++;
        }
    }
    if (!list_empty(&p->batches))
        start_watchdog(p);
    for (struct list *it; (it = list_pop(&late));)
        give_up(p, container_of(it, struct batch, link));
}

// The pool ---------------------------------------------------------------------------------------

static unsigned default_workers(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 1 ? (unsigned)cores - 1 : 1;
}

int convert_pool_new(struct loop *l, const struct convert_options *o, struct convert_pool **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_state_key);
    struct convert_pool *p = mem_new(struct convert_pool);
    p->loop = l;
    p->limits.time_ms = o->time_limit_ms > 0 ? o->time_limit_ms : CONVERT_TIME_LIMIT_MS;
    p->limits.memory = o->memory_limit ? o->memory_limit : CONVERT_MEMORY_LIMIT;
    if (p->limits.memory < MEMORY_LEAST)
        p->limits.memory = MEMORY_LEAST;
    p->limits.cast_strings = o->cast_strings;
    p->queue_max = o->queue_max ? o->queue_max : CONVERT_QUEUE_MAX;
    p->watchdog_ms = o->watchdog_ms > 0 ? o->watchdog_ms : CONVERT_WATCHDOG_MS;
    p->lost_max = o->lost_max ? o->lost_max : CONVERT_LOST_MAX;
    p->watchdog.fire = on_watchdog;
    p->wake_task.run = wake_waiters;
    list_init(&p->batches);
    list_init(&p->lost);
    list_init(&p->waiters);
    // The queue is bounded here, so that what is left of a batch given up on always finds room.
    struct worker_options w = {.name = "convert",
                               .threads = o->workers ? o->workers : default_workers(),
                               .stack_bytes = STACK_BYTES,
                               .ctx = &p->limits,
                               .thread_start = thread_start};
    int rc = worker_pool_new(l, &w, &p->workers);
    // On failure `p` is left behind: threads that did start may still be reading its limits.
    *out = rc < 0 ? NULL : p;
    return rc;
}

static void on_workers_closed(void *ctx)
{
    struct convert_pool *p = ctx;
    void (*cb)(void *) = p->close_cb;
    void *cb_ctx = p->close_ctx;
    timer_stop(&p->watchdog);
    loop_unpost(&p->wake_task);
    require(list_empty(&p->batches));
    for (struct list *it; (it = list_pop(&p->lost));)
        batch_unref(container_of(it, struct batch, link));
    while (list_pop(&p->waiters))
        continue;
    mem_free(p);
    if (cb)
        cb(cb_ctx);
}

void convert_pool_close(struct convert_pool *p, void (*cb)(void *ctx), void *ctx)
{
    require(!p->closing);
    p->closing = true;
    p->close_cb = cb;
    p->close_ctx = ctx;
    room_changed(p);
    worker_pool_close(p->workers, on_workers_closed, p);
}

void convert_get_stats(const struct convert_pool *p, struct convert_stats *out)
{
    *out = p->stats;
    out->queued = worker_pool_waiting(p->workers);
    out->queue_max = p->queue_max;
    out->workers = worker_pool_threads(p->workers);
}
