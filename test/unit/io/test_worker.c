// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "io/worker.h"

// A gate that a job waits at until the test opens it.
struct gate {
    pthread_mutex_t mu;
    pthread_cond_t cond;
    bool open;
    int waiting;
};

static void gate_wait(struct gate *g)
{
    pthread_mutex_lock(&g->mu);
    g->waiting++;
    pthread_cond_broadcast(&g->cond);
    while (!g->open)
        pthread_cond_wait(&g->cond, &g->mu);
    pthread_mutex_unlock(&g->mu);
}

static void gate_open(struct gate *g)
{
    pthread_mutex_lock(&g->mu);
    g->open = true;
    pthread_cond_broadcast(&g->cond);
    pthread_mutex_unlock(&g->mu);
}

static void gate_reached(struct gate *g, int n)
{
    pthread_mutex_lock(&g->mu);
    while (g->waiting < n)
        pthread_cond_wait(&g->cond, &g->mu);
    pthread_mutex_unlock(&g->mu);
}

struct job {
    struct worker_job base;
    struct gate *gate;
    void *thread;
    int ran;
    int done;
    bool was_abandoned;
    bool was_canceled;
    char name[16];
};

static struct worker_pool *pool;
static int n_done;
static int close_after; // close the pool when n_done gets there
static int closed;
static int starts, stops; // changed by threads, read after the close
static pthread_mutex_t count_mu = PTHREAD_MUTEX_INITIALIZER;

static void on_closed(void *ctx)
{
    (void)ctx;
    closed++;
}

static void run(struct worker_job *base, void *thread)
{
    struct job *j = container_of(base, struct job, base);
    if (j->gate)
        gate_wait(j->gate);
    j->ran++;
    j->thread = thread;
    pthread_getname_np(pthread_self(), j->name, sizeof(j->name));
}

static void done(struct worker_job *base)
{
    struct job *j = container_of(base, struct job, base);
    j->done++;
    j->was_abandoned = base->abandoned;
    j->was_canceled = base->canceled;
    if (++n_done == close_after)
        worker_pool_close(pool, on_closed, NULL);
}

static void *thread_start(void *ctx)
{
    pthread_mutex_lock(&count_mu);
    starts++;
    pthread_mutex_unlock(&count_mu);
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    return sigismember(&blocked, SIGTERM) ? ctx : NULL;
}

static struct gate *stop_gate; // for the first thread that stops

static void thread_stop(void *ctx, void *thread)
{
    pthread_mutex_lock(&count_mu);
    struct gate *gate = stop_gate;
    stop_gate = NULL;
    pthread_mutex_unlock(&count_mu);
    if (gate)
        gate_wait(gate);
    pthread_mutex_lock(&count_mu);
    stops += ctx == thread;
    pthread_mutex_unlock(&count_mu);
}

static int state_token;

static struct loop *begin(unsigned threads, size_t queue_max,
                          void (*run_all)(void *, void *, struct list *))
{
    n_done = close_after = closed = starts = stops = 0;
    struct loop *l = loop_new(&clock_system);
    struct worker_options o = {.name = "test",
                               .threads = threads,
                               .queue_max = queue_max,
                               .ctx = &state_token,
                               .thread_start = thread_start,
                               .thread_stop = thread_stop,
                               .run_all = run_all};
    assert_int_equal(worker_pool_new(l, &o, &pool), 0);
    return l;
}

static struct job make_job(struct gate *g)
{
    return (struct job){.base = {.run = run, .done = done}, .gate = g};
}

static void jobs_run_and_come_back(void **state)
{
    (void)state;
    struct loop *l = begin(2, 0, NULL);
    loop_run(l); // an idle pool does not keep the loop running
    static struct job jobs[100];
    for (int i = 0; i < 100; i++) {
        jobs[i] = make_job(NULL);
        assert_int_equal(worker_pool_submit(pool, &jobs[i].base), 0);
    }
    assert_int_equal(n_done, 0);
    loop_run(l);
    assert_int_equal(n_done, 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(jobs[i].ran, 1);
        assert_int_equal(jobs[i].done, 1);
        assert_ptr_equal(jobs[i].thread, &state_token);
        assert_memory_equal(jobs[i].name, "test", 4);
    }
    assert_int_equal(worker_pool_threads(pool), 2);
    worker_pool_close(pool, on_closed, NULL);
    assert_int_equal(closed, 0);
    loop_run(l);
    assert_int_equal(closed, 1);
    assert_int_equal(starts, 2);
    assert_int_equal(stops, 2);
    loop_free(l);
}

static void queue_limit(void **state)
{
    (void)state;
    struct loop *l = begin(1, 2, NULL);
    struct gate g = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
    struct job j[4];
    for (int i = 0; i < 4; i++)
        j[i] = make_job(i == 0 ? &g : NULL);
    assert_int_equal(worker_pool_submit(pool, &j[0].base), 0);
    gate_reached(&g, 1);
    assert_int_equal(worker_pool_submit(pool, &j[1].base), 0);
    assert_int_equal(worker_pool_submit(pool, &j[2].base), 0);
    assert_int_equal(worker_pool_submit(pool, &j[3].base), ERR_BUSY);
    assert_int_equal(worker_pool_waiting(pool), 2);
    gate_open(&g);
    loop_run(l);
    assert_int_equal(n_done, 3);
    assert_int_equal(j[3].done, 0);
    close_after = 4;
    assert_int_equal(worker_pool_submit(pool, &j[3].base), 0);
    loop_run(l); // closes from inside done()
    assert_int_equal(closed, 1);
    loop_free(l);
}

static void close_returns_waiting_jobs(void **state)
{
    (void)state;
    struct loop *l = begin(1, 0, NULL);
    struct gate g = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
    struct job a = make_job(&g), b = make_job(NULL), c = make_job(NULL);
    assert_int_equal(worker_pool_submit(pool, &a.base), 0);
    gate_reached(&g, 1);
    assert_int_equal(worker_pool_submit(pool, &b.base), 0);
    worker_pool_close(pool, on_closed, NULL);
    assert_int_equal(b.done, 0);
    assert_int_equal(worker_pool_submit(pool, &c.base), ERR_CLOSED);
    while (!b.done)
        loop_turn(l, true);
    assert_true(b.was_canceled);
    assert_int_equal(b.ran, 0);
    assert_int_equal(closed, 0);
    gate_open(&g);
    loop_run(l);
    assert_int_equal(closed, 1);
    assert_int_equal(a.done, 1);
    assert_false(a.was_canceled);
    loop_free(l);
}

static void too_late(struct timer *t)
{
    (void)t;
    fail_msg("waited in vain");
}

static void abandoned_thread_comes_back(void **state)
{
    (void)state;
    struct loop *l = begin(1, 0, NULL);
    struct gate g = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
    struct job stuck = make_job(&g), next = make_job(NULL);
    assert_int_equal(worker_pool_abandon(pool, &stuck.base), ERR_NOT_FOUND);
    assert_int_equal(worker_pool_submit(pool, &stuck.base), 0);
    gate_reached(&g, 1);
    assert_int_equal(worker_pool_submit(pool, &next.base), 0);
    assert_int_equal(worker_pool_abandon(pool, &next.base), ERR_NOT_FOUND);
    assert_int_equal(worker_pool_abandon(pool, &stuck.base), 0);
    assert_int_equal(worker_pool_abandon(pool, &stuck.base), ERR_NOT_FOUND);
    loop_run(l); // the other goes on; a lost thread does not keep the loop running
    assert_int_equal(next.done, 1);
    assert_int_equal(stuck.done, 0);
    assert_int_equal(worker_pool_threads(pool), 1);
    gate_open(&g);
    struct timer keep = {.fire = too_late};
    timer_start(l, &keep, 30000);
    while (!stuck.done)
        loop_turn(l, true);
    timer_stop(&keep);
    assert_true(stuck.was_abandoned);
    loop_run(l); // nothing is held
    worker_pool_close(pool, on_closed, NULL);
    loop_run(l);
    assert_int_equal(closed, 1);
    assert_int_equal(starts, 2);
    assert_int_equal(stops, 2);
    loop_free(l);
}

// The pool's owner may free what thread_stop() uses once the pool is closed.
static void close_waits_for_a_returning_thread(void **state)
{
    (void)state;
    struct loop *l = begin(1, 0, NULL);
    struct gate g = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
    struct gate at_stop = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
    struct job stuck = make_job(&g);
    assert_int_equal(worker_pool_submit(pool, &stuck.base), 0);
    gate_reached(&g, 1);
    assert_int_equal(worker_pool_abandon(pool, &stuck.base), 0);
    stop_gate = &at_stop;
    gate_open(&g);
    gate_reached(&at_stop, 1); // the lost thread is back, in thread_stop()
    worker_pool_close(pool, on_closed, NULL);
    while (worker_pool_threads(pool) > 0) // the one in its place ends
        loop_turn(l, true);
    assert_int_equal(closed, 0);
    gate_open(&at_stop);
    loop_run(l);
    assert_int_equal(closed, 1);
    assert_int_equal(stuck.done, 1);
    assert_int_equal(stops, 2);
    loop_free(l);
}

static void lost_thread_outlives_the_pool(void **state)
{
    (void)state;
    struct loop *l = begin(1, 0, NULL);
    static struct gate g = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
    static struct job stuck;
    stuck = make_job(&g);
    assert_int_equal(worker_pool_submit(pool, &stuck.base), 0);
    gate_reached(&g, 1);
    worker_pool_close(pool, on_closed, NULL);
    loop_turn(l, true);
    assert_int_equal(closed, 0);
    assert_int_equal(worker_pool_abandon(pool, &stuck.base), 0);
    loop_run(l);
    assert_int_equal(closed, 1);
    loop_free(l);
    gate_open(&g);
    // The thread frees what it shares with nobody any more; the leak checker and TSan watch.
    struct timespec short_wait = {.tv_nsec = 50 * 1000 * 1000};
    nanosleep(&short_wait, NULL);
    assert_int_equal(stuck.done, 0);
}

static int groups, largest_group;

static void run_all(void *ctx, void *thread, struct list *jobs)
{
    assert_ptr_equal(ctx, thread);
    int n = 0;
    list_for(it, jobs)
    {
        struct job *j = container_of(it, struct job, base.link);
        if (j->gate)
            gate_wait(j->gate);
        j->ran++;
        n++;
    }
    groups++;
    if (n > largest_group)
        largest_group = n;
}

static void group_mode_takes_all_that_wait(void **state)
{
    (void)state;
    groups = largest_group = 0;
    struct loop *l = begin(1, 0, run_all);
    struct gate g = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
    struct job j[10];
    for (int i = 0; i < 10; i++) {
        j[i] = make_job(i == 0 ? &g : NULL);
        j[i].base.run = NULL;
    }
    assert_int_equal(worker_pool_submit(pool, &j[0].base), 0);
    gate_reached(&g, 1);
    for (int i = 1; i < 10; i++)
        assert_int_equal(worker_pool_submit(pool, &j[i].base), 0);
    assert_int_equal(worker_pool_abandon(pool, &j[0].base), ERR_NOT_FOUND);
    gate_open(&g);
    close_after = 10;
    loop_run(l);
    assert_int_equal(closed, 1);
    assert_int_equal(groups, 2);
    assert_int_equal(largest_group, 9);
    for (int i = 0; i < 10; i++)
        assert_int_equal(j[i].ran + j[i].done, 2);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_run_and_come_back),
        cmocka_unit_test(queue_limit),
        cmocka_unit_test(close_returns_waiting_jobs),
        cmocka_unit_test(abandoned_thread_comes_back),
        cmocka_unit_test(close_waits_for_a_returning_thread),
        cmocka_unit_test(lost_thread_outlives_the_pool),
        cmocka_unit_test(group_mode_takes_all_that_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
