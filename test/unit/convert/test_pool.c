// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "convert/convert.h"
#include "convert/js_collate.h"
#include "convert/js_gate.h"
#include "convert/runner.h"
#include "cpu_clock.h"
#include "io/loop.h"

// "h" as payload is a run that no limit stops, since it is inside one native function for HANG_MS;
// "H" stays there for ever. "l" loops until it is stopped, "t" throws; all else names a device.
static const char script_text[] =
    "var c = String.fromCharCode.apply(String, payload);\n"
    "if (c === 'h' || c === 'H') c.localeCompare('x');\n"
    "if (c === 'l') for (;;);\n"
    "if (c === 't') throw new Error('told to');\n"
    "return {deviceName: c, telemetry: {n: payload.length, leak: typeof leak}}; leak = 1";

// CPU time of the thread that hangs; limit and watchdog go by that of all (cpu_clock.h).
#define HANG_MS 600
#define LIMIT_MS 30
#define WATCHDOG_MS 40

#define RECORDS 8

struct job {
    struct convert_job base;
    struct uplink_record *records; // on the heap, gone when done() returns
    char *payloads;
    int done;
    int status[RECORDS];
    char text[RECORDS][64]; // device name or error
    char expected_order;
    void (*then)(struct job *j);
};

static struct loop *l;
static struct convert_pool *pool;
static struct convert_script *script;
static char order[64];
static int closed;

// In place of the C library's: at that priority a thread may never come back on a machine that is
// busy.
static int lowered;

int sched_setscheduler(pid_t thread, int policy, const struct sched_param *param)
{
    lowered += thread > 0 && policy == SCHED_IDLE && param->sched_priority == 0;
    return 0;
}

static int64_t thread_cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// In place of the program's: a native function that takes as long as the test wants.
int js_collate(struct span a, struct span b, const struct js_collate_options *o)
{
    int64_t end_ms = span_is(a, "H") ? INT64_MAX : thread_cpu_ms() + HANG_MS;
    (void)b;
    (void)o;
    while (thread_cpu_ms() < end_ms)
        continue;
    return 0;
}

static void on_closed(void *ctx)
{
    (void)ctx;
    closed++;
}

static void begin(const struct convert_options *o)
{
    memset(order, 0, sizeof(order));
    closed = 0;
    cpu_clock_hold(false);
    l = loop_new(&clock_system);
    assert_int_equal(convert_pool_new(l, o, &pool), 0);
    script = convert_script_new(pool, CONVERT_UPLINK, SPAN("test script"), span_str(script_text));
}

static void end(void)
{
    convert_pool_close(pool, on_closed, NULL);
    loop_run(l);
    assert_int_equal(closed, 1);
    convert_script_unref(script);
    loop_free(l);
}

static void on_done(struct convert_job *base)
{
    struct job *j = (struct job *)base;
    assert_int_equal(j->done, 0);
    for (uint32_t i = 0; i < base->n; i++) {
        const struct uplink_result *r = &base->uplink_out[i];
        struct span text = r->status ? r->error : r->n_msgs ? r->msgs[0].name : SPAN("nothing");
        j->status[i] = r->status;
        snprintf(j->text[i], sizeof(j->text[i]), "%.*s", SPAN_ARG(text));
        if (r->status == 0 && r->n_msgs)
            assert_span_is(r->msgs[0].telemetry[0].kv[1].value.s, "undefined");
    }
    // A lost thread must have no use for any of this.
    arena_free(&base->arena);
    memset(j->payloads, 0xee, base->n);
    free(j->payloads);
    free(j->records);
    j->done++;
    order[strlen(order)] = j->expected_order ? j->expected_order : '.';
    if (j->then)
        j->then(j);
}

// One record for each letter.
static void fill(struct job *j, const char *letters)
{
    memset(j, 0, sizeof(*j));
    size_t n = strlen(letters);
    assert_true(n <= RECORDS);
    j->payloads = malloc(n + 1);
    memcpy(j->payloads, letters, n);
    j->records = calloc(n + 1, sizeof(j->records[0]));
    for (size_t i = 0; i < n; i++)
        j->records[i].payload = span_of(j->payloads + i, 1);
    j->base.script = script;
    j->base.uplink = j->records;
    j->base.n = (uint32_t)n;
    j->base.done = on_done;
}

static void drop(struct job *j)
{
    arena_free(&j->base.arena);
    free(j->payloads);
    free(j->records);
}

static void submit(struct job *j, const char *letters)
{
    fill(j, letters);
    assert_int_equal(convert_submit(pool, &j->base), 0);
    assert_int_equal(j->done, 0);
}

static struct convert_stats stats(void)
{
    struct convert_stats s;
    convert_get_stats(pool, &s);
    return s;
}

// Until no job waits in the queue: all are with workers.
static void wait_taken(void)
{
    for (int i = 0; i < 60000 && stats().queued > 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_int_equal(stats().queued, 0);
}

static void on_tick(struct timer *t)
{
    (void)t;
}

// Until the threads that were given up on are back. They do not keep the loop running; a timer
// does.
static void wait_back(uint64_t n)
{
    for (int i = 0; i < 60000 && stats().workers_back < n; i++) {
        struct timer t = {.fire = on_tick};
        timer_start(l, &t, 1);
        loop_turn(l, true);
        timer_stop(&t);
    }
    assert_int_equal(stats().workers_back, n);
}

static void test_jobs(void **state)
{
    (void)state;
    begin(&(struct convert_options){.workers = 3});
    static struct job jobs[50];
    for (int i = 0; i < 50; i++)
        submit(&jobs[i], i % 2 ? "abcdefg" : "xty");
    loop_run(l);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(jobs[i].done, 1);
        if (i % 2) {
            for (int k = 0; k < 7; k++) {
                assert_int_equal(jobs[i].status[k], 0);
                assert_int_equal(jobs[i].text[k][0], 'a' + k);
            }
        } else {
            assert_string_equal(jobs[i].text[0], "x");
            assert_int_equal(jobs[i].status[1], ERR_SCRIPT);
            assert_string_equal(jobs[i].text[1], "Error: told to (line 4, column 22)");
            assert_string_equal(jobs[i].text[2], "y");
        }
    }
    assert_int_equal(stats().runs, 250);
    assert_int_equal(stats().failures, 25);
    assert_int_equal(stats().workers, 3);
    assert_true(stats().heaps_made >= 1 && stats().heaps_made <= 3);
    end();
}

static void test_no_records(void **state)
{
    (void)state;
    begin(&(struct convert_options){.workers = 1});
    struct job j;
    submit(&j, "");
    loop_run(l);
    assert_int_equal(j.done, 1);
    end();
}

static void test_time_limit(void **state)
{
    (void)state;
    begin(&(struct convert_options){.workers = 1, .time_limit_ms = 60});
    struct job j;
    submit(&j, "alblc");
    loop_run(l);
    assert_int_equal(j.status[0] | j.status[2] | j.status[4], 0);
    assert_int_equal(j.status[1], ERR_TIMEOUT);
    assert_int_equal(j.status[3], ERR_TIMEOUT);
    assert_string_equal(j.text[1], "the script ran longer than 60 ms");
    assert_string_equal(j.text[4], "c");
    assert_int_equal(stats().timeouts, 2);
    assert_int_equal(stats().heaps_made, 3);
    assert_int_equal(stats().workers_lost, 0);
    end();
}

// A thread that does not come back: the batch goes on elsewhere, and what the caller owned is freed
// long before the thread notices.
static void test_lost_worker(void **state)
{
    (void)state;
    begin(&(struct convert_options){
        .workers = 1, .time_limit_ms = LIMIT_MS, .watchdog_ms = WATCHDOG_MS});
    struct job j, k;
    submit(&j, "ahbtc");
    submit(&k, "xyz");
    k.expected_order = 'k';
    loop_run(l);
    assert_int_equal(j.done, 1);
    assert_int_equal(j.status[0], 0);
    assert_int_equal(j.status[1], ERR_TIMEOUT);
    assert_string_equal(j.text[1], "the script ran longer than 30 ms and could not be stopped");
    assert_string_equal(j.text[2], "b");
    assert_int_equal(j.status[3], ERR_SCRIPT);
    assert_string_equal(j.text[4], "c");
    assert_int_equal(k.done, 1);
    assert_string_equal(k.text[2], "z");
    assert_int_equal(stats().workers_lost, 1);
    assert_int_equal(stats().runs, 8);
    assert_int_equal(stats().failures, 2);
    assert_int_equal(stats().timeouts, 1);
    assert_int_equal(stats().workers, 1);
    // Hangs on the last record, on the only one, and on each of several workers.
    submit(&j, "ah");
    submit(&k, "h");
    loop_run(l);
    assert_int_equal(j.status[1], ERR_TIMEOUT);
    assert_int_equal(k.status[0], ERR_TIMEOUT);
    assert_int_equal(stats().workers_lost, 3);
    assert_int_equal(lowered, 3);
    wait_back(3);
    submit(&j, "ab");
    loop_run(l);
    assert_string_equal(j.text[1], "b");
    end();
}

static void test_lost_twice_in_a_batch(void **state)
{
    (void)state;
    begin(&(struct convert_options){
        .workers = 2, .time_limit_ms = LIMIT_MS, .watchdog_ms = WATCHDOG_MS});
    struct job j;
    submit(&j, "hahb");
    loop_run(l);
    assert_int_equal(j.status[0], ERR_TIMEOUT);
    assert_string_equal(j.text[1], "a");
    assert_int_equal(j.status[2], ERR_TIMEOUT);
    assert_string_equal(j.text[3], "b");
    assert_int_equal(stats().workers_lost, 2);
    end();
}

// With as many lost threads as there may be, a further one is waited for.
static void test_lost_limit(void **state)
{
    (void)state;
    begin(&(struct convert_options){
        .workers = 1, .time_limit_ms = LIMIT_MS, .watchdog_ms = WATCHDOG_MS, .lost_max = 1});
    struct job j;
    submit(&j, "hahb");
    while (!j.done) {
        loop_turn(l, true);
        assert_true(stats().workers_lost - stats().workers_back <= 1);
    }
    assert_int_equal(j.status[0], ERR_TIMEOUT);
    assert_string_equal(j.text[3], "b");
    end();
}

// What recurses deepest, on a worker's stack.
static void test_deep_recursion(void **state)
{
    (void)state;
    static const char *const harms[] = {
        "(function f() { return f() + 1 })()",
        "(function f() { [1].map(f) })()",
        "(function f() { 'x'.replace(/x/, f) })()",
        "(function f() { [2, 1].sort(f) })()",
        "(function f() { new Proxy({}, {get: f}).x })()",
        "(function f() { JSON.stringify({toJSON: f}) })()",
        "(function f() { JSON.parse('[1]', f) })()",
        "JSON.parse(Array(20000).join('['))",
        "var v = []; for (var i = 0; i < 900; i++) v = [v]; JSON.stringify(v); throw 1",
        "new RegExp(Array(20000).join('('))",
        "/(a|b)*$/.test(Array(20000).join('ab') + 'c'); throw 1",
        "/^(?:(?:a?)*)*$/.test(Array(20000).join('a') + 'b'); throw 1",
    };
    static struct job jobs[sizeof(harms) / sizeof(harms[0])];
    size_t n = sizeof(harms) / sizeof(harms[0]);
    begin(&(struct convert_options){.workers = 1, .time_limit_ms = 60000});
    for (size_t i = 0; i < n; i++) {
        struct convert_script *s =
            convert_script_new(pool, CONVERT_UPLINK, SPAN("deep"), span_str(harms[i]));
        fill(&jobs[i], "a");
        jobs[i].base.script = s;
        assert_int_equal(convert_submit(pool, &jobs[i].base), 0);
        loop_run(l);
        if (jobs[i].status[0] != ERR_SCRIPT)
            fail_msg("%s: %d", harms[i], jobs[i].status[0]);
        convert_script_unref(s);
    }
    end();
}

// Closing waits for the watchdog, not for the hanging thread.
static void test_close_while_hanging(void **state)
{
    (void)state;
    begin(&(struct convert_options){
        .workers = 1, .time_limit_ms = LIMIT_MS, .watchdog_ms = WATCHDOG_MS});
    struct job j, k;
    cpu_clock_hold(true);
    submit(&j, "aHb");
    wait_taken();
    submit(&k, "xy");
    convert_pool_close(pool, on_closed, NULL);
    cpu_clock_hold(false);
    assert_int_equal(k.done, 0);
    loop_run(l);
    assert_int_equal(closed, 1);
    assert_string_equal(j.text[0], "a");
    assert_int_equal(j.status[1], ERR_TIMEOUT);
    assert_int_equal(j.status[2], ERR_CANCELED);
    assert_int_equal(k.status[0], ERR_CANCELED);
    assert_int_equal(k.status[1], ERR_CANCELED);
    assert_string_equal(k.text[1], "the converters are being stopped");
    convert_script_unref(script);
    loop_free(l);
    // The thread is detached and still at it: this test is the last one, and the process ends now.
}

static void test_close_with_waiting_jobs(void **state)
{
    (void)state;
    begin(&(struct convert_options){.workers = 1, .time_limit_ms = 200});
    struct job a, b, c, late;
    cpu_clock_hold(true);
    submit(&a, "lz");
    wait_taken();
    submit(&b, "xy");
    submit(&c, "x");
    convert_pool_close(pool, on_closed, NULL);
    fill(&late, "q");
    assert_int_equal(convert_submit(pool, &late.base), ERR_CLOSED);
    drop(&late);
    cpu_clock_hold(false);
    loop_run(l);
    assert_int_equal(closed, 1);
    assert_int_equal(a.status[0], ERR_TIMEOUT);
    assert_string_equal(a.text[1], "z");
    assert_int_equal(b.status[0], ERR_CANCELED);
    assert_int_equal(b.status[1], ERR_CANCELED);
    assert_int_equal(c.status[0], ERR_CANCELED);
    convert_script_unref(script);
    loop_free(l);
}

static void close_now(struct job *j)
{
    (void)j;
    convert_pool_close(pool, on_closed, NULL);
}

static void test_close_in_done(void **state)
{
    (void)state;
    begin(&(struct convert_options){.workers = 2});
    struct job a;
    submit(&a, "ab");
    a.then = close_now;
    loop_run(l);
    assert_int_equal(closed, 1);
    convert_script_unref(script);
    loop_free(l);
}

// Waiting for room -------------------------------------------------------------------------------

struct waiter {
    struct convert_waiter base;
    char name;
    struct job *submit; // when woken
    int woken, status;
};

static void on_wake(struct convert_waiter *base)
{
    struct waiter *w = (struct waiter *)base;
    w->woken++;
    order[strlen(order)] = w->name;
    if (w->submit)
        w->status = convert_submit(pool, &w->submit->base);
}

static void test_queue_full(void **state)
{
    (void)state;
    begin(&(struct convert_options){.workers = 1, .queue_max = 2, .time_limit_ms = 100});
    struct job busy, a, b, c, d;
    cpu_clock_hold(true);
    submit(&busy, "l");
    wait_taken();
    submit(&a, "a");
    submit(&b, "b");
    assert_int_equal(stats().queued, 2);
    assert_int_equal(stats().queue_max, 2);
    fill(&c, "c");
    fill(&d, "d");
    assert_int_equal(convert_submit(pool, &c.base), ERR_BUSY);
    assert_null(c.base.uplink_out);
    struct waiter w[4] = {
        {.name = '1', .submit = &c}, {.name = '2'}, {.name = '3', .submit = &d}, {.name = '4'}};
    for (int i = 0; i < 4; i++) {
        w[i].base.wake = on_wake;
        convert_wait_room(pool, &w[i].base);
    }
    convert_cancel_wait(&w[3].base);
    assert_int_equal(w[0].woken, 0);
    cpu_clock_hold(false);
    loop_run(l);
    // First come, first served, and one that submits nothing holds up nobody.
    for (int i = 0; i < 3; i++)
        assert_int_equal(w[i].woken, 1);
    assert_int_equal(w[3].woken, 0);
    assert_true(strchr(order, '1') < strchr(order, '2') && strchr(order, '2') < strchr(order, '3'));
    assert_int_equal(w[0].status | w[2].status, 0);
    assert_string_equal(c.text[0], "c");
    assert_string_equal(d.text[0], "d");
    end();
}

static void test_wait_with_room(void **state)
{
    (void)state;
    begin(&(struct convert_options){.workers = 1, .queue_max = 1});
    struct job a;
    fill(&a, "a");
    struct waiter w = {.name = '1', .submit = &a};
    w.base.wake = on_wake;
    convert_wait_room(pool, &w.base);
    assert_int_equal(w.woken, 0);
    loop_run(l);
    assert_int_equal(w.woken, 1);
    assert_string_equal(a.text[0], "a");
    end();
}

static void test_close_wakes_waiters(void **state)
{
    (void)state;
    begin(&(struct convert_options){.workers = 1, .queue_max = 1, .time_limit_ms = 50});
    struct job busy, a, b;
    cpu_clock_hold(true);
    submit(&busy, "l");
    wait_taken();
    submit(&a, "a");
    fill(&b, "b");
    struct waiter w[2] = {{.name = '1', .submit = &b}, {.name = '2'}};
    for (int i = 0; i < 2; i++) {
        w[i].base.wake = on_wake;
        convert_wait_room(pool, &w[i].base);
    }
    convert_cancel_wait(&w[1].base);
    cpu_clock_hold(false);
    end();
    assert_int_equal(w[0].woken, 1);
    assert_int_equal(w[0].status, ERR_CLOSED);
    assert_int_equal(w[1].woken, 0);
    drop(&b);
}

// Scripts ----------------------------------------------------------------------------------------

// More scripts than a worker keeps heaps for, and scripts that go while their jobs are queued.
static void test_many_scripts(void **state)
{
    (void)state;
    enum { N = RUNNER_HEAPS + 4 };
    begin(&(struct convert_options){.workers = 1});
    static struct job jobs[N];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            struct convert_script *s = convert_script_new(
                pool, CONVERT_UPLINK, SPAN("s"),
                span_str("leak = 1; return {deviceName: 'x' + payload[0], telemetry: [{a: 0, b: "
                         "'undefined'}]}"));
            fill(&jobs[i], "ab");
            jobs[i].base.script = convert_script_ref(s);
            assert_int_equal(convert_submit(pool, &jobs[i].base), 0);
            convert_script_unref(s);
        }
        loop_run(l);
        for (int i = 0; i < N; i++) {
            assert_string_equal(jobs[i].text[1], "x98");
            convert_script_unref(jobs[i].base.script);
        }
    }
    assert_int_equal(stats().heaps_made, 3 * N);
    end();
}

static void test_least_used_goes(void **state)
{
    (void)state;
    enum { N = RUNNER_HEAPS + 1 };
    begin(&(struct convert_options){.workers = 1});
    struct convert_script *s[N];
    static struct job jobs[N];
    for (int i = 0; i < N; i++)
        s[i] = convert_script_new(
            pool, CONVERT_UPLINK, SPAN("s"),
            span_str("return {deviceName: 'n', telemetry: [{a: 0, b: 'undefined'}]}"));
    static const int uses[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 16, 0, 1};
    uint64_t made = 0;
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        fill(&jobs[0], "a");
        jobs[0].base.script = s[uses[i]];
        assert_int_equal(convert_submit(pool, &jobs[0].base), 0);
        loop_run(l);
        // 16 puts out 1, the longest unused; 0 was used again.
        made += i < 16 || i == 17 || i == 19;
        assert_int_equal(stats().heaps_made, made);
    }
    for (int i = 0; i < N; i++)
        convert_script_unref(s[i]);
    end();
}

static void on_downlink_done(struct convert_job *job)
{
    snprintf(job->data, 64, "%.*s|%.*s", SPAN_ARG(job->downlink_out[0].msgs[0].data),
             SPAN_ARG(job->downlink_out[1].msgs[0].partition_key));
    arena_free(&job->arena);
}

static void test_downlink(void **state)
{
    (void)state;
    begin(&(struct convert_options){.workers = 1});
    struct convert_script *s = convert_script_new(
        pool, CONVERT_DOWNLINK, SPAN("down"),
        span_str(
            "return {data: msg, metadata: {partitionKey: metadata.k + integrationMetadata.i}}"));
    struct convert_pair pair = {SPAN("k"), SPAN("v")}, integration = {SPAN("i"), SPAN("n")};
    struct downlink_input in[2] = {{.msg_json = SPAN("{\"a\":1}"), .metadata = {&pair, 1}},
                                   {.msg_json = SPAN("5"), .metadata = {&pair, 1}}};
    char text[64];
    struct convert_job job = {.script = s,
                              .downlink = in,
                              .n = 2,
                              .meta = {&integration, 1},
                              .done = on_downlink_done,
                              .data = text};
    assert_int_equal(convert_submit(pool, &job), 0);
    loop_run(l);
    assert_string_equal(text, "{\"a\":1}|vn");
    convert_script_unref(s);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs),
        cmocka_unit_test(test_no_records),
        cmocka_unit_test(test_time_limit),
        cmocka_unit_test(test_lost_worker),
        cmocka_unit_test(test_lost_twice_in_a_batch),
        cmocka_unit_test(test_lost_limit),
        cmocka_unit_test(test_deep_recursion),
        cmocka_unit_test(test_close_with_waiting_jobs),
        cmocka_unit_test(test_close_in_done),
        cmocka_unit_test(test_queue_full),
        cmocka_unit_test(test_wait_with_room),
        cmocka_unit_test(test_close_wakes_waiters),
        cmocka_unit_test(test_many_scripts),
        cmocka_unit_test(test_least_used_goes),
        cmocka_unit_test(test_downlink),
        cmocka_unit_test(test_close_while_hanging),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
