// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/loop.h"

struct probe {
    struct timer timer;
    int id;
    int *order;
    int *n;
};

static int order[16];
static int n_order;
static int64_t fake_now;

static int64_t fake_mono(void *ctx)
{
    (void)ctx;
    return fake_now;
}

static void record(struct timer *t)
{
    struct probe *p = container_of(t, struct probe, timer);
    order[n_order++] = p->id;
}

static int setup(void **state)
{
    n_order = 0;
    *state = loop_new(&clock_system);
    return 0;
}

// A loop whose time is fake_now, so that it does not pass between two starts.
static int setup_fake(void **state)
{
    static struct clock clock;
    clock = clock_system;
    clock.mono_ms = fake_mono;
    fake_now = 1000;
    n_order = 0;
    *state = loop_new(&clock);
    return 0;
}

static int teardown(void **state)
{
    loop_free(*state);
    return 0;
}

// Lets the fake time pass until n timers have fired, and a while longer. Returns when that was.
static int64_t run_until(struct loop *l, int n)
{
    int64_t end = fake_now + 100;
    for (loop_turn(l, false); n_order < n && fake_now < end; loop_turn(l, true))
        fake_now++;
    int64_t at = fake_now;
    fake_now += 100;
    loop_turn(l, false);
    return at;
}

static void timers_fire_by_due_then_by_start(void **state)
{
    struct loop *l = *state;
    struct probe p[5];
    static const int after[5] = {20, 5, 20, 0, 5};
    for (int i = 0; i < 5; i++) {
        p[i] = (struct probe){.timer.fire = record, .id = i};
        timer_start(l, &p[i].timer, after[i]);
        assert_true(timer_active(&p[i].timer));
    }
    int64_t before = fake_now;
    int64_t after_last = run_until(l, 5);
    static const int want[5] = {3, 1, 4, 0, 2};
    assert_int_equal(n_order, 5);
    assert_memory_equal(order, want, sizeof(want));
    assert_int_equal(after_last - before, 20);
    assert_false(timer_active(&p[0].timer));
}

static void a_timer_waits_for_its_time(void **state)
{
    struct loop *l = *state;
    struct probe p = {.timer.fire = record};
    int64_t before = loop_now_ms(l);
    timer_start(l, &p.timer, 20);
    loop_run(l);
    assert_int_equal(n_order, 1);
    assert_true(loop_now_ms(l) - before >= 20);
}

static void stopped_and_moved_timers(void **state)
{
    struct loop *l = *state;
    struct probe a = {.timer.fire = record, .id = 0}, b = a, c = a;
    b.id = 1;
    c.id = 2;
    timer_start(l, &a.timer, 5);
    timer_start(l, &b.timer, 10);
    timer_start(l, &c.timer, 60000);
    timer_start(l, &a.timer, 20); // later
    timer_start(l, &c.timer, 1);  // earlier
    timer_stop(&b.timer);
    timer_stop(&b.timer);
    run_until(l, 2);
    assert_int_equal(n_order, 2);
    assert_int_equal(order[0], 2);
    assert_int_equal(order[1], 0);
}

static void ignore_task(struct loop_task *t)
{
    (void)t;
}

// A loop whose only task was taken back has nothing to wait for (and must not spin).
static void taking_back_the_only_task_lets_the_loop_end(void **state)
{
    struct loop *l = *state;
    struct loop_task task = {.run = ignore_task};
    loop_post(l, &task);
    loop_unpost(&task);
    loop_run(l);
}

static struct timer *victim;

static void stop_other(struct timer *t)
{
    record(t);
    timer_stop(victim);
}

static void timer_stopped_by_one_of_the_same_time(void **state)
{
    struct loop *l = *state;
    struct probe a = {.timer.fire = stop_other, .id = 0}, b = {.timer.fire = record, .id = 1};
    victim = &b.timer;
    timer_start(l, &a.timer, 1);
    timer_start(l, &b.timer, 1);
    loop_run(l);
    assert_int_equal(n_order, 1);
}

static int again;

static void restart(struct timer *t)
{
    if (again-- > 0)
        timer_start(t->loop, t, 0);
    else
        record(t);
}

static void count_task(struct loop_task *t)
{
    (void)t;
    order[n_order++] = 100;
}

static void timer_of_zero_does_not_hold_the_loop(void **state)
{
    struct loop *l = *state;
    again = 3;
    struct probe a = {.timer.fire = restart, .id = 1};
    struct loop_task t = {.run = count_task};
    timer_start(l, &a.timer, 0);
    loop_post(l, &t);
    loop_run(l);
    assert_int_equal(n_order, 2);
    assert_int_equal(order[0], 100);
    assert_int_equal(order[1], 1);
}

static int fired;
static int64_t last_due;

static void check_order(struct timer *t)
{
    assert_true(t->due_ms >= last_due);
    last_due = t->due_ms;
    fired++;
}

// Random starts, moves and stops against a plain count, with the fake clock pushed on.
static void many_timers(void **state)
{
    (void)state;
    struct clock clock = clock_system;
    clock.mono_ms = fake_mono;
    fake_now = 1000;
    struct loop *l = loop_new(&clock);
    enum { N = 10000 };
    struct timer *t = calloc(N, sizeof(*t));
    srandom(7);
    for (int i = 0; i < N; i++)
        t[i].fire = check_order;
    for (int i = 0; i < 10 * N; i++) {
        struct timer *x = &t[random() % N];
        if (random() % 4 == 0)
            timer_stop(x);
        else
            timer_start(l, x, random() % 50);
    }
    int active = 0;
    for (int i = 0; i < N; i++)
        active += timer_active(&t[i]);
    assert_true(active > N / 2 && active < N);
    fired = 0;
    last_due = 0;
    while (fired < active) {
        fake_now += 7;
        loop_turn(l, true);
    }
    assert_int_equal(fired, active);
    for (int i = 0; i < N; i++)
        assert_false(timer_active(&t[i]));
    free(t);
    loop_free(l);
}

static struct loop_task second;

static void post_second(struct loop_task *t)
{
    struct loop **l = (struct loop **)(t + 1);
    order[n_order++] = 1;
    loop_post(*l, &second);
}

static void run_second(struct loop_task *t)
{
    (void)t;
    order[n_order++] = 2;
}

static void tasks_run_in_order_and_later_ones_next_turn(void **state)
{
    struct {
        struct loop_task task;
        struct loop *l;
    } first = {{.run = post_second}, *state};
    struct loop_task unposted = {.run = count_task};
    second = (struct loop_task){.run = run_second};
    loop_post(*state, &first.task);
    loop_post(*state, &unposted);
    loop_unpost(&unposted);
    loop_unpost(&unposted);
    assert_int_equal(n_order, 0);
    loop_run(*state);
    assert_int_equal(n_order, 2);
    assert_int_equal(order[0], 1);
    assert_int_equal(order[1], 2);
}

static void on_signal(void *ctx, int signum)
{
    *(int *)ctx = signum;
}

static void signals_arrive_on_the_loop(void **state)
{
    struct loop *l = *state;
    int got = 0;
    assert_int_equal(loop_on_signal(l, SIGHUP, on_signal, &got), 0);
    assert_int_equal(loop_on_signal(l, SIGHUP, on_signal, &got), ERR_EXISTS);
    assert_int_equal(loop_on_signal(l, SIGKILL, on_signal, &got), ERR_INVALID);
    loop_run(l); // a waiting handler does not keep it running
    kill(getpid(), SIGHUP);
    struct probe keep = {.timer.fire = record};
    timer_start(l, &keep.timer, 10000);
    while (!got)
        loop_turn(l, true);
    timer_stop(&keep.timer);
    assert_int_equal(got, SIGHUP);
    kill(getpid(), SIGPIPE); // ignored
    loop_off_signals(l);
    loop_run(l);
    assert_int_equal(loop_on_signal(l, SIGHUP, on_signal, &got), 0);
}

struct waker {
    struct wake *wake;
    int calls;
    int sent;
    pthread_mutex_t mu;
};

static void *send_many(void *arg)
{
    struct waker *w = arg;
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&w->mu);
        w->sent++;
        pthread_mutex_unlock(&w->mu);
        wake_send(w->wake);
    }
    return NULL;
}

static void on_wake(void *ctx)
{
    struct waker *w = ctx;
    w->calls++;
    pthread_mutex_lock(&w->mu);
    if (w->sent == 2000)
        wake_hold(w->wake, false);
    pthread_mutex_unlock(&w->mu);
}

static void wakes_from_threads(void **state)
{
    struct loop *l = *state;
    struct waker w = {.mu = PTHREAD_MUTEX_INITIALIZER};
    w.wake = wake_new(l, on_wake, &w);
    loop_run(l); // not held: nothing to wait for
    assert_int_equal(w.calls, 0);
    wake_hold(w.wake, true);
    pthread_t a, b;
    pthread_create(&a, NULL, send_many, &w);
    pthread_create(&b, NULL, send_many, &w);
    loop_run(l);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    assert_true(w.calls >= 1 && w.calls <= 2000);
    int calls = w.calls;
    wake_send(w.wake);
    wake_free(w.wake);
    loop_run(l);
    assert_int_equal(w.calls, calls);
}

struct sleeper {
    struct wake *wake;
    struct loop *loop;
    int64_t seen_ms;
};

static void *send_after_a_while(void *arg)
{
    struct sleeper *s = arg;
    struct timespec t = {.tv_nsec = 30 * 1000 * 1000};
    nanosleep(&t, NULL);
    wake_send(s->wake);
    return NULL;
}

static void on_late_wake(void *ctx)
{
    struct sleeper *s = ctx;
    s->seen_ms = loop_now_ms(s->loop);
    wake_hold(s->wake, false);
}

static void time_is_fresh_after_a_wait(void **state)
{
    struct sleeper s = {.loop = *state};
    s.wake = wake_new(s.loop, on_late_wake, &s);
    wake_hold(s.wake, true);
    loop_refresh(s.loop);
    int64_t start_ms = loop_now_ms(s.loop);
    pthread_t thread;
    pthread_create(&thread, NULL, send_after_a_while, &s);
    loop_run(s.loop);
    pthread_join(thread, NULL);
    assert_true(s.seen_ms - start_ms >= 29);
    wake_free(s.wake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_fire_by_due_then_by_start, setup_fake, teardown),
        cmocka_unit_test_setup_teardown(a_timer_waits_for_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(stopped_and_moved_timers, setup_fake, teardown),
        cmocka_unit_test_setup_teardown(timer_stopped_by_one_of_the_same_time, setup, teardown),
        cmocka_unit_test_setup_teardown(timer_of_zero_does_not_hold_the_loop, setup, teardown),
        cmocka_unit_test(many_timers),
        cmocka_unit_test_setup_teardown(tasks_run_in_order_and_later_ones_next_turn, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(taking_back_the_only_task_lets_the_loop_end, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(signals_arrive_on_the_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(wakes_from_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(time_is_fresh_after_a_wait, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
