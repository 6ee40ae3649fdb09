// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/test_clock.h"
#include "store/gens.h"

// Points through head, frozen head and blocks: overwriting, order, ranges, latest values, merges.

static void check_one(struct fixture *f, const char *key, int64_t ts, int64_t want)
{
    struct store_read r;
    fixture_range(f, &r, fixture_device(f, "d"), key, ts, ts + 1);
    assert_int_equal(r.series_out[0].n, 1);
    assert_int_equal(r.series_out[0].points[0].ts_ms, ts);
    assert_int_equal(r.series_out[0].points[0].value.i, want);
    store_read_free(&r);
}

// The same series and time, written again at every stage.
static void test_later_write_wins(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d");
    fixture_point(f, d, "k", 10, value_long(1));
    fixture_point(f, d, "k", 10, value_long(2));
    check_one(f, "k", 10, 2); // head over head
    fixture_flush(f);
    check_one(f, "k", 10, 2); // block
    fixture_point(f, d, "k", 10, value_long(3));
    check_one(f, "k", 10, 3); // head over block
    store_freeze_head(f->store, true);
    assert_non_null(f->store->frozen);
    check_one(f, "k", 10, 3); // frozen head over block
    struct store_txn *t = store_txn_new(f->store);
    fixture_txn_point(t, d, "k", 10, value_long(4));
    fixture_txn_point(t, d, "k", 10, value_long(5));
    fixture_commit(f, t);
    check_one(f, "k", 10, 5); // within a transaction; head over frozen head
    fixture_flush(f);
    check_one(f, "k", 10, 5); // block over block
    fixture_crash(f);
    check_one(f, "k", 10, 5);
}

static void test_range_limits(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d");
    struct store_read r;
    for (int i = 0; i < 10; i++) {
        fixture_point(f, d, "k", i * 10, value_long(i));
        if (i == 3 || i == 6)
            fixture_flush(f);
    }
    fixture_range(f, &r, d, "k", 20, 80); // [20, 80)
    assert_int_equal(r.series_out[0].n, 6);
    assert_int_equal(r.series_out[0].points[0].ts_ms, 20);
    assert_int_equal(r.series_out[0].points[5].ts_ms, 70);
    store_read_free(&r);
    fixture_range(f, &r, d, "k", 50, 50);
    assert_int_equal(r.series_out[0].n, 0);
    store_read_free(&r);
    fixture_range(f, &r, d, "k", 60, 50);
    assert_int_equal(r.series_out[0].n, 0);
    store_read_free(&r);
    fixture_range(f, &r, d, "k", INT64_MIN, INT64_MAX);
    assert_int_equal(r.series_out[0].n, 10);
    store_read_free(&r);
    fixture_range(f, &r, d, "unknown", INT64_MIN, INT64_MAX);
    assert_int_equal(r.series_out[0].n, 0);
    assert_span_is(r.series_out[0].key, "unknown");
    store_read_free(&r);
    struct span k = SPAN("k");
    r = (struct store_read){
        .kind = STORE_READ_RANGE, .device = d, .keys = &k, .n_keys = 1, .end_ms = 1000, .limit = 3};
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.series_out[0].n, 3);
    assert_int_equal(r.series_out[0].points[0].ts_ms, 90);
    assert_int_equal(r.series_out[0].points[2].ts_ms, 70);
    store_read_free(&r);
    r.ascending = true;
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.series_out[0].n, 3);
    assert_int_equal(r.series_out[0].points[0].ts_ms, 0);
    store_read_free(&r);
}

// More points than a block holds, and than one read loads at once.
static void test_one_series_over_many_blocks(void **state)
{
    struct fixture *f = *state;
    enum { N = 30000 };
    struct store_device *d = fixture_device(f, "d");
    struct span k = SPAN("k");
    for (int part = 0; part < 3; part++) {
        struct store_txn *t = store_txn_new(f->store);
        for (int i = 0; i < N / 3; i++) {
            int64_t ts = part * (N / 3) + i;
            fixture_txn_point(t, d, "k", ts, value_double((double)(ts * 7919) / 3));
            fixture_txn_point(t, d, "l", ts, value_long(1));
        }
        fixture_commit(f, t);
        fixture_flush(f);
    }
    for (int ascending = 0; ascending < 2; ascending++) {
        struct store_read r = {.kind = STORE_READ_RANGE,
                               .device = d,
                               .keys = &k,
                               .n_keys = 1,
                               .start_ms = 100,
                               .end_ms = N - 100,
                               .ascending = ascending};
        assert_int_equal(fixture_read(f, &r), 0);
        assert_int_equal(r.series_out[0].n, N - 200);
        for (int i = 0; i < N - 200; i++) {
            int64_t ts = ascending ? 100 + i : N - 101 - i;
            assert_int_equal(r.series_out[0].points[i].ts_ms, ts);
            assert_true(r.series_out[0].points[i].value.d == (double)(ts * 7919) / 3);
        }
        store_read_free(&r);
    }
}

static void test_aggregated_range(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d");
    for (int i = 0; i < 100; i++) {
        fixture_point(f, d, "k", i, value_long(i));
        if (i == 50)
            fixture_flush(f);
    }
    fixture_point(f, d, "k", 7, value_long(1000)); // counts once
    struct span keys[] = {SPAN("k"), SPAN("other")};
    struct store_read r = {.kind = STORE_READ_RANGE,
                           .device = d,
                           .keys = keys,
                           .n_keys = 2,
                           .start_ms = 0,
                           .end_ms = 95,
                           .agg = STORE_SUM,
                           .interval_ms = 10,
                           .limit = 2}; // means nothing here
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.n_series, 2);
    assert_int_equal(r.series_out[1].n, 0);
    assert_int_equal(r.series_out[0].n, 10);
    assert_int_equal(r.series_out[0].points[0].ts_ms, 5);
    assert_int_equal(r.series_out[0].points[0].value.i, 45 - 7 + 1000);
    assert_int_equal(r.series_out[0].points[9].ts_ms, 92);
    assert_int_equal(r.series_out[0].points[9].value.i, 90 + 91 + 92 + 93 + 94);
    store_read_free(&r);
    r.interval_ms = 0; // plain
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.series_out[0].n, 2);
    assert_int_equal(r.series_out[0].points[0].ts_ms, 94);
    store_read_free(&r);
}

static int64_t peek(struct fixture *f, const char *key)
{
    const struct store_point *p =
        store_peek_latest(f->store, fixture_device(f, "d"), span_str(key));
    return p ? p->ts_ms : -1;
}

// A value is latest when its time is not before that of the latest one.
static void test_latest(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d");
    fixture_point(f, d, "k", 100, value_string(SPAN("one")));
    fixture_point(f, d, "k", 50, value_long(2));
    assert_int_equal(peek(f, "k"), 100);
    fixture_point(f, d, "k", 100, value_string(SPAN("three")));
    fixture_point(f, d, "m", 10, value_long(1));
    struct store_read r = {.kind = STORE_READ_LATEST, .device = d};
    assert_true(store_latest_now(f->store, &r));
    assert_int_equal(r.n_series, 2);
    assert_span_is(r.series_out[0].key, "k");
    assert_int_equal(r.series_out[0].n, 1);
    assert_int_equal(r.series_out[0].points[0].ts_ms, 100);
    assert_span_is(r.series_out[0].points[0].value.s, "three");
    store_read_free(&r);
    struct span keys[] = {SPAN("m"), SPAN("nothing")};
    r = (struct store_read){.kind = STORE_READ_LATEST, .device = d, .keys = keys, .n_keys = 2};
    assert_true(store_latest_now(f->store, &r));
    assert_int_equal(r.n_series, 2);
    assert_int_equal(r.series_out[0].n, 1);
    assert_int_equal(r.series_out[1].n, 0);
    store_read_free(&r);
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.series_out[0].points[0].value.i, 1);
    assert_int_equal(r.series_out[1].n, 0);
    store_read_free(&r);
}

// After a restart memory knows only what the log has: blocks may hold something newer.
static void test_latest_after_restart(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d");
    fixture_point(f, d, "old", 5, value_string(SPAN("text")));
    fixture_point(f, d, "both", 100, value_long(1));
    fixture_point(f, d, "same", 100, value_long(1));
    fixture_flush(f);
    fixture_point(f, d, "both", 50, value_long(2));
    fixture_point(f, d, "same", 100, value_long(2));
    fixture_point(f, d, "new", 7, value_long(3));
    fixture_crash(f);
    d = fixture_device(f, "d");
    struct store_read r = {.kind = STORE_READ_LATEST, .device = d};
    assert_int_equal(peek(f, "old"), -1);
    assert_int_equal(peek(f, "both"), -1); // known from the log, but not known to be latest
    assert_false(store_latest_now(f->store, &r));
    assert_null(r.arena.chunks); // nothing to free
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.n_series, 4);
    assert_int_equal(r.series_out[0].points[0].ts_ms, 5);
    assert_span_is(r.series_out[0].points[0].value.s, "text");
    assert_int_equal(r.series_out[1].points[0].ts_ms, 100);
    assert_int_equal(r.series_out[1].points[0].value.i, 1);
    assert_int_equal(r.series_out[2].points[0].value.i, 2);
    assert_int_equal(r.series_out[3].points[0].value.i, 3);
    store_read_free(&r);
    assert_int_equal(peek(f, "both"), 100);
    assert_true(store_latest_now(f->store, &r));
    store_read_free(&r);
}

// Two points of one turn stay what they were while the series goes on.
static void test_peeked_points_last_the_turn(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d");
    fixture_point(f, d, "k", 1, value_string(SPAN("first")));
    const struct store_point *p = store_peek_latest(f->store, d, SPAN("k"));
    for (int i = 0; i < 1000; i++)
        assert_non_null(store_peek_latest(f->store, d, SPAN("k")));
    assert_span_is(p->value.s, "first");
    for (int i = 0; i < 10; i++)
        loop_turn(f->loop, false);
    assert_null(f->store->peeked[0].chunks); // all given back, nothing posted for ever
    assert_null(f->store->peeked[1].chunks);
    assert_false(list_linked(&f->store->peek_task.link));
}

struct slow_read {
    struct fixture *f;
    struct store_device *d;
    struct store_read r;
    bool done;
};

static void on_slow_read(struct store_read *r, int status)
{
    struct slow_read *s = r->data;
    assert_int_equal(status, 0);
    s->done = true;
}

// Reads submitted before, during and after every step of a flush see each point once.
static void test_flush_while_reading(void **state)
{
    struct fixture *f = *state;
    struct store_device *d[200];
    char name[16];
    struct store_txn *t = store_txn_new(f->store);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "d%d", i);
        d[i] = fixture_device(f, name);
        for (int k = 0; k < 1000; k++)
            fixture_txn_point(t, d[i], "k", k, value_double((k * 7919 + i) / 3.0));
    }
    fixture_commit(f, t);
    store_freeze_head(f->store, true);
    store_pump(f->store);
    int rounds = 0;
    do {
        for (int i = 0; i < 200; i += 37) {
            struct store_read r;
            snprintf(name, sizeof name, "d%d", i);
            fixture_range(f, &r, d[i], "k", 0, 1000);
            assert_int_equal(r.series_out[0].n, 1000);
            for (int k = 0; k < 1000; k++)
                assert_true(r.series_out[0].points[k].value.d == (k * 7919 + i) / 3.0);
            store_read_free(&r);
        }
        rounds++;
    } while (f->store->frozen);
    assert_true(rounds > 1);
    // One read is under way while a whole flush of newer points passes.
    struct slow_read s = {.f = f, .d = d[0]};
    struct span k = SPAN("k");
    fixture_point(f, d[0], "k", 5000, value_long(1));
    s.r = (struct store_read){.data = &s,
                              .done = on_slow_read,
                              .kind = STORE_READ_RANGE,
                              .device = d[0],
                              .keys = &k,
                              .n_keys = 1,
                              .end_ms = 10000,
                              .ascending = true};
    store_read(f->store, &s.r);
    fixture_flush(f);
    fixture_until(f, &s.done);
    assert_int_equal(s.r.series_out[0].n, 1001);
    store_read_free(&s.r);
}

static int64_t count(struct fixture *f, const char *sql)
{
    struct db *db = fixture_db(f);
    int64_t n;
    assert_int_equal(db_query_int(db, sql, -1, &n), 0);
    db_close(db);
    return n;
}

// 8 generations of a level become one of the next, dead ones go, and the log is trimmed.
static void test_generations_merge(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d");
    for (int i = 0; i < GENS_MERGE * GENS_MERGE; i++) {
        fixture_point(f, d, "k", i, value_long(i));
        fixture_point(f, d, "k", 1000, value_long(i));
        fixture_flush(f);
        if (i == GENS_MERGE - 2)
            assert_int_equal(count(f, "SELECT count(*) FROM gen"), GENS_MERGE - 1);
        if (i == GENS_MERGE - 1) {
            assert_int_equal(count(f, "SELECT count(*) FROM gen"), 1);
            assert_int_equal(count(f, "SELECT level FROM gen"), 1);
            assert_int_equal(count(f, "SELECT points FROM gen"), GENS_MERGE + 1);
        }
    }
    assert_int_equal(count(f, "SELECT count(*) FROM gen"), 1);
    assert_int_equal(count(f, "SELECT level FROM gen"), 2);
    assert_int_equal(count(f, "SELECT points FROM gen"), GENS_MERGE * GENS_MERGE + 1);
    assert_int_equal(count(f, "SELECT count(*) FROM block"), 1);
    assert_int_equal(count(f, "SELECT count(*) FROM log"), 0);
    struct store_read r;
    fixture_range(f, &r, d, "k", 0, 2000);
    assert_int_equal(r.series_out[0].n, GENS_MERGE * GENS_MERGE + 1);
    assert_int_equal(r.series_out[0].points[GENS_MERGE * GENS_MERGE].value.i,
                     GENS_MERGE * GENS_MERGE - 1);
    store_read_free(&r);
}

// A merge of many steps, cut by restarts and crashes, with reads and flushes in between.
static void test_merge_in_steps(void **state)
{
    struct fixture *f = *state;
    enum { DEVICES = 60, PER = 700 };
    char name[16];
    for (int g = 0; g < GENS_MERGE; g++) {
        struct store_txn *t = store_txn_new(f->store);
        for (int i = 0; i < DEVICES; i++) {
            snprintf(name, sizeof name, "d%d", i);
            for (int k = 0; k < PER; k++)
                fixture_txn_point(t, fixture_device(f, name), "k", g * (PER - 100) + k,
                                  value_double((double)(g * 1000 + k + i) / 7));
        }
        fixture_commit(f, t);
        if (g < GENS_MERGE - 1)
            fixture_flush(f);
    }
    fixture_settle(f);
    store_freeze_head(f->store, true);
    store_pump(f->store);
    int crashes = 0;
    while (f->store->frozen || f->store->tidy_due || f->store->job_running) {
        struct store_read r;
        fixture_range(f, &r, fixture_device(f, "d17"), "k", 0, 100000);
        assert_int_equal(r.series_out[0].n, (GENS_MERGE - 1) * (PER - 100) + PER);
        for (size_t k = 0; k < r.series_out[0].n; k++) {
            int g = (int)k / (PER - 100);
            g = g < GENS_MERGE ? g : GENS_MERGE - 1;
            assert_int_equal(r.series_out[0].points[k].ts_ms, k);
            assert_true(r.series_out[0].points[k].value.d ==
                        (double)(g * 1000 + (int)k - g * (PER - 100) + 17) / 7);
        }
        store_read_free(&r);
        if (!f->store->frozen && crashes++ < 5)
            fixture_crash(f);
    }
    assert_int_equal(count(f, "SELECT count(*) FROM gen WHERE state <> 2"), 0);
    assert_int_equal(count(f, "SELECT level FROM gen"), 1);
    assert_int_equal(count(f, "SELECT points FROM gen"),
                     DEVICES * ((GENS_MERGE - 1) * (PER - 100) + PER));
    assert_true(crashes >= 5);
}

// A small head: flushes and merges come by themselves, memory keeps to the limit.
static void test_head_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct store_stats stats;
    uint64_t random = 3;
    char name[16];
    fixture_close(f);
    f->options.head_bytes = 256 * 1024;
    fixture_open(f);
    for (int i = 0; i < 200; i++) {
        struct store_txn *t = store_txn_new(f->store);
        for (int k = 0; k < 1000; k++) {
            snprintf(name, sizeof name, "d%d", (int)test_random_below(&random, 100));
            fixture_txn_point(t, fixture_device(f, name), "k", i * 1000 + k,
                              value_long((int64_t)test_random(&random)));
        }
        fixture_commit(f, t);
        store_get_stats(f->store, &stats);
        assert_true(stats.head_bytes < 256 * 1024 + 64 * 1024);
    }
    assert_int_equal(stats.points, 200000);
    assert_true(stats.flushes >= 10);
    fixture_settle(f);
    uint64_t total = 0;
    fixture_crash(f);
    for (int i = 0; i < 100; i++) {
        struct store_read r;
        snprintf(name, sizeof name, "d%d", i);
        fixture_range(f, &r, fixture_device(f, name), "k", 0, INT64_MAX);
        total += r.series_out[0].n;
        store_read_free(&r);
    }
    assert_int_equal(total, 200000);
}

static void test_old_head_is_flushed(void **state)
{
    struct fixture *f = *state;
    struct store_stats stats = {0};
    fixture_close(f);
    f->options.head_age_ms = 20;
    fixture_open(f);
    fixture_point(f, fixture_device(f, "d"), "k", 1, value_long(1));
    while (stats.flushes == 0) {
        loop_turn(f->loop, true);
        store_get_stats(f->store, &stats);
    }
    fixture_settle(f);
    assert_int_equal(stats.head_bytes, 0);
    check_one(f, "k", 1, 1);
    assert_int_equal(count(f, "SELECT points FROM gen"), 1);
}

// Everything at random against a plain table in memory.
enum { MODEL_SERIES = 6, MODEL_TIMES = 400 };

struct model {
    int64_t value[MODEL_SERIES][MODEL_TIMES]; // 0 = none
    int64_t latest_ts[MODEL_SERIES];
    int64_t latest[MODEL_SERIES];
};

static const char *const model_keys[MODEL_SERIES] = {"a", "b", "c", "a", "b", "c"};

static struct store_device *model_device(struct fixture *f, int i)
{
    return fixture_device(f, i < 3 ? "d1" : "d2");
}

static void model_write(struct fixture *f, struct model *m, uint64_t *random, int64_t *next)
{
    struct store_txn *t = store_txn_new(f->store);
    size_t n = 1 + (size_t)test_random_below(random, 60);
    for (size_t i = 0; i < n; i++) {
        int s = (int)test_random_below(random, MODEL_SERIES);
        int64_t ts = (int64_t)test_random_below(random, MODEL_TIMES), v = ++*next;
        fixture_txn_point(t, model_device(f, s), model_keys[s], ts, value_long(v));
        m->value[s][ts] = v;
        if (ts >= m->latest_ts[s]) {
            m->latest_ts[s] = ts;
            m->latest[s] = v;
        }
    }
    fixture_commit(f, t);
}

static void model_check_range(struct fixture *f, const struct model *m, uint64_t *random)
{
    int s = (int)test_random_below(random, MODEL_SERIES);
    int64_t from = (int64_t)test_random_below(random, MODEL_TIMES), at;
    int64_t to = from + (int64_t)test_random_below(random, (uint64_t)(MODEL_TIMES - from) + 1);
    struct span key = span_str(model_keys[s]);
    struct store_read r = {.kind = STORE_READ_RANGE,
                           .device = model_device(f, s),
                           .keys = &key,
                           .n_keys = 1,
                           .start_ms = from,
                           .end_ms = to,
                           .ascending = test_random_below(random, 2) == 0,
                           .limit = (size_t)test_random_below(random, 100)};
    assert_int_equal(fixture_read(f, &r), 0);
    size_t n = 0;
    for (int64_t i = 0; i < to - from && (r.limit == 0 || n < r.limit); i++) {
        at = r.ascending ? from + i : to - 1 - i;
        if (m->value[s][at] == 0)
            continue;
        assert_true(n < r.series_out[0].n);
        assert_int_equal(r.series_out[0].points[n].ts_ms, at);
        assert_int_equal(r.series_out[0].points[n++].value.i, m->value[s][at]);
    }
    assert_int_equal(n, r.series_out[0].n);
    store_read_free(&r);
}

static void model_check_latest(struct fixture *f, const struct model *m, int device)
{
    struct store_read r = {.kind = STORE_READ_LATEST, .device = model_device(f, device * 3)};
    assert_int_equal(fixture_read(f, &r), 0);
    for (size_t i = 0; i < r.n_series; i++) {
        int s = device * 3 + r.series_out[i].key.p[0] - 'a';
        assert_int_equal(r.series_out[i].n, 1);
        assert_int_equal(r.series_out[i].points[0].ts_ms, m->latest_ts[s]);
        assert_int_equal(r.series_out[i].points[0].value.i, m->latest[s]);
    }
    store_read_free(&r);
}

static void test_against_a_model(void **state)
{
    struct fixture *f = *state;
    static struct model m;
    uint64_t seed = (uint64_t)clock_system.wall_ms(NULL), random = seed;
    int64_t next = 0;
    memset(&m, 0, sizeof m);
    printf("seed %llu\n", (unsigned long long)seed);
    for (int i = 0; i < 400; i++) {
        switch (test_random_below(&random, 12)) {
        case 0:
            fixture_flush(f);
            break;
        case 1:
            store_freeze_head(f->store, true); // and go on while it is being written
            store_pump(f->store);
            break;
        case 2:
            if (i % 4 == 0)
                fixture_crash(f);
            else
                fixture_reopen(f);
            break;
        case 3:
            model_check_latest(f, &m, (int)test_random_below(&random, 2));
            break;
        case 4:
        case 5:
        case 6:
            model_write(f, &m, &random, &next);
            break;
        default:
            model_check_range(f, &m, &random);
        }
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_later_write_wins),
        T(test_range_limits),
        T(test_one_series_over_many_blocks),
        T(test_aggregated_range),
        T(test_latest),
        T(test_latest_after_restart),
        T(test_peeked_points_last_the_turn),
        T(test_flush_while_reading),
        T(test_generations_merge),
        T(test_merge_in_steps),
        T(test_head_is_bounded),
        T(test_old_head_is_flushed),
        T(test_against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
