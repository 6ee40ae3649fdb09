// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "bridge/integration.h"
#include "lib/test.h"
#include "lib/test_clock.h"
#include "store/db.h"

// The outbox over a real store, with a producer that does what the test says. What it needs of the
// rest of the bridge is here.

#define MAX 40000

struct put {
    struct producer_entry *en; // NULL = ended
    int number;
};

static struct {
    struct loop *loop;
    struct store *store;
    struct bridge bridge;
    struct integration in;
    char dir[64];
    struct put puts[MAX];
    size_t n_puts, n_out;
    bool refuse_at_once;
    size_t row_bytes; // 0 = just the number
    bool done;
} f;

struct store *hub_store(struct hub *h)
{
    (void)h;
    return f.store;
}

void hub_run_outbox(struct hub_run *r, struct uuid integration)
{
    (void)r;
    (void)integration;
}

struct span integration_name(const struct integration *in)
{
    (void)in;
    return SPAN("test");
}

void integration_maybe_stopped(struct integration *in)
{
    (void)in;
}

static int number_of(const struct producer_entry *en)
{
    char text[16] = {0};
    memcpy(text, en->record.p, en->record.n < 15 ? en->record.n : 15);
    return atoi(text);
}

int producer_put(struct producer *p, struct producer_entry *en, struct err *e)
{
    (void)p;
    assert_true(f.n_puts < MAX);
    if (f.refuse_at_once)
        return err_set(e, ERR_INVALID, "refused at once");
    f.puts[f.n_puts++] = (struct put){en, number_of(en)};
    f.n_out++;
    return 0;
}

static void end_put(size_t i, int status, const char *error)
{
    struct producer_entry *en = f.puts[i].en;
    f.puts[i].en = NULL;
    f.n_out--;
    en->done(en, status, error);
}

static void end_all(int status)
{
    for (size_t i = 0; i < f.n_puts; i++) {
        if (f.puts[i].en)
            end_put(i, status, status ? "reason" : NULL);
    }
}

// Fixture ----------------------------------------------------------------------------------------

static void on_flag(void *ctx)
{
    *(bool *)ctx = true;
}

static void on_commit(void *ctx, int status)
{
    assert_int_equal(status, 0);
    *(bool *)ctx = true;
}

static void until(const bool *what)
{
    for (int i = 0; i < 100000 && !*what; i++)
        loop_turn(f.loop, true);
    assert_true(*what);
}

// Lets everything that can happen at once happen.
static void settle(void)
{
    struct store_stats before, after;
    do {
        store_get_stats(f.store, &before);
        size_t puts = f.n_puts;
        bool done = false;
        store_commit(f.store, store_txn_new(f.store), on_commit, &done);
        until(&done);
        while (!outbox_idle(&f.in.outbox))
            loop_turn(f.loop, true);
        store_get_stats(f.store, &after);
        if (puts == f.n_puts && after.transactions == before.transactions + 1)
            return;
    } while (true);
}

static void open_store(int64_t rows)
{
    struct err e = {0};
    struct store_options o = {.dir = f.dir, .outbox_rows = rows};
    assert_int_equal(store_open(f.loop, &o, &f.store, &e), 0);
}

static void close_store(void)
{
    bool closed = false;
    store_close(f.store, on_flag, &closed);
    until(&closed);
}

static void start_outbox(void)
{
    f.n_puts = f.n_out = 0;
    f.in.phase = PHASE_RUNNING;
    outbox_init(&f.in.outbox, &f.in);
    outbox_kick(&f.in.outbox);
}

// As integration.c: the producer cancels, then the outbox becomes idle.
static void stop_outbox(void)
{
    f.in.phase = PHASE_STOPPING;
    end_all(ERR_CANCELED);
    while (!outbox_idle(&f.in.outbox))
        loop_turn(f.loop, true);
    outbox_deinit(&f.in.outbox);
}

static void remove_files(void)
{
    static const char *const names[] = {"penstock.db", "penstock.db-wal", "penstock.db-shm"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", f.dir, names[i]);
        unlink(path);
    }
    rmdir(f.dir);
}

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    f.loop = loop_new(&clock_system);
    snprintf(f.dir, sizeof f.dir, "/tmp/penstock-outbox-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    open_store(0);
    f.bridge.o.loop = f.loop;
    f.in.bridge = &f.bridge;
    f.in.id = (struct uuid){{7}};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close_store();
    loop_free(f.loop);
    remove_files();
    return 0;
}

static void add_row(struct store_txn *t, const char *stream, int number, int64_t created_ms)
{
    char text[4096] = {0}, key[16];
    int n = snprintf(text, sizeof text, "%d", number);
    snprintf(key, sizeof key, "k%d", number % 1000);
    struct store_outbox_row row = {.integration = f.in.id,
                                   .stream = span_str(stream),
                                   .partition_key = span_str(key),
                                   .data = span_of(text, f.row_bytes ? f.row_bytes : (size_t)n),
                                   .created_ms = created_ms};
    store_txn_outbox_add(t, &row);
}

static void add(const char *stream, int from, int n)
{
    bool done = false;
    struct store_txn *t = store_txn_new(f.store);
    for (int i = 0; i < n; i++)
        add_row(t, stream, from + i, 1);
    store_commit(f.store, t, on_commit, &done);
    until(&done);
}

// Rows of one partition key, each a chunk.
static void add_one_key(const char *stream, int number)
{
    bool done = false;
    struct store_txn *t = store_txn_new(f.store);
    add_row(t, stream, number * 1000, 1);
    store_commit(f.store, t, on_commit, &done);
    until(&done);
}

static uint64_t rows(void)
{
    struct store_stats s;
    store_get_stats(f.store, &s);
    return s.outbox_rows;
}

static void on_dead_read(struct store_read *r, int status)
{
    assert_int_equal(status, 0);
    *(bool *)r->data = true;
}

static struct store_dead_letter *dead(struct store_read *r)
{
    bool done = false;
    *r = (struct store_read){.data = &done,
                             .done = on_dead_read,
                             .kind = STORE_READ_DEAD_LETTERS,
                             .integration = f.in.id,
                             .page_size = 10};
    store_read(f.store, r);
    until(&done);
    return r->dead_out;
}

// Tests ------------------------------------------------------------------------------------------

static void test_rows_go_out_and_are_removed(void **state)
{
    (void)state;
    add("s", 0, 3);
    start_outbox();
    settle();
    assert_int_equal(f.n_puts, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(f.puts[i].number, i);
    assert_int_equal(rows(), 3); // until they are on the stream
    end_all(0);
    settle();
    assert_int_equal(rows(), 0);
    assert_int_equal(f.in.outbox.sent, 3);
    assert_true(list_empty(&f.in.outbox.chunks));
    add("s", 3, 1);
    outbox_kick(&f.in.outbox);
    settle();
    assert_int_equal(f.n_puts, 4);
    stop_outbox();
}

static void test_clean_stop_keeps_what_was_not_sent(void **state)
{
    (void)state;
    add("s", 0, 10);
    start_outbox();
    settle();
    for (size_t i = 0; i < 4; i++)
        end_put(i, 0, NULL);
    stop_outbox();
    assert_int_equal(rows(), 6);
    start_outbox();
    settle();
    assert_int_equal(f.n_puts, 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(f.puts[i].number, 4 + i);
    end_all(0);
    stop_outbox();
    assert_int_equal(rows(), 0);
}

static void test_refused_rows_become_dead_letters(void **state)
{
    (void)state;
    add("s", 0, 3);
    start_outbox();
    settle();
    end_put(1, ERR_INVALID, "too long");
    settle(); // at once, while the others are under way
    assert_int_equal(rows(), 2);
    struct store_read r;
    struct store_dead_letter *d = dead(&r);
    assert_int_equal(r.n_dead, 1);
    assert_true(d->downlink);
    assert_span_is(d->error, "too long");
    assert_span_is(d->payload, "1");
    assert_span_is(d->stream, "s");
    assert_span_is(d->partition_key, "k1");
    assert_int_equal(d->arrival_ms, 1);
    store_read_free(&r);
    end_all(0);
    settle();
    assert_int_equal(rows(), 0);
    f.refuse_at_once = true;
    add("s", 3, 2);
    outbox_kick(&f.in.outbox);
    settle();
    assert_int_equal(rows(), 0);
    assert_int_equal(f.in.outbox.dead, 3);
    dead(&r);
    assert_int_equal(r.n_dead, 3);
    store_read_free(&r);
    stop_outbox();
}

// By another connection.
static void exec(const char *sql)
{
    char path[128];
    struct db *db;
    struct err e = {0};
    snprintf(path, sizeof path, "%s/penstock.db", f.dir);
    assert_int_equal(db_open(path, false, &db, &e), 0);
    assert_int_equal(db_exec(db, sql), 0);
    db_close(db);
}

static void until_put(size_t n)
{
    for (int i = 0; f.n_puts < n; i++) {
        assert_true(i < 100000);
        loop_turn(f.loop, true);
    }
}

// Nothing new needs to come for that.
static void test_a_read_that_fails_is_tried_again(void **state)
{
    (void)state;
    add("s", 0, 3);
    exec("UPDATE outbox_chunk SET rows = rows + 1");
    start_outbox();
    settle();
    assert_int_equal(f.n_puts, 0);
    exec("UPDATE outbox_chunk SET rows = rows - 1");
    until_put(3);
    end_all(0);
    settle();
    assert_int_equal(rows(), 0);
    stop_outbox();
}

// The same of what reading has left, since a lane had no room for it.
static void test_a_sweep_that_fails_is_tried_again(void **state)
{
    const size_t more = 10;
    (void)state;
    for (size_t i = 0; i < OUTBOX_LANE_ROWS + more; i++)
        add_one_key("s", (int)i);
    start_outbox();
    settle();
    assert_int_equal(f.n_puts, OUTBOX_LANE_ROWS);
    exec("UPDATE outbox_chunk SET rows = rows + 1");
    end_all(0);
    settle();
    assert_int_equal(f.n_puts, OUTBOX_LANE_ROWS);
    exec("UPDATE outbox_chunk SET rows = rows - 1");
    until_put(OUTBOX_LANE_ROWS + more);
    for (size_t i = 0; i < f.n_puts; i++)
        assert_int_equal(f.puts[i].number, i * 1000);
    end_all(0);
    settle();
    assert_int_equal(rows(), 0);
    stop_outbox();
}

static void test_time_to_live(void **state)
{
    (void)state;
    struct store_txn *t = store_txn_new(f.store);
    int64_t now = loop_wall_ms(f.loop);
    bool done = false;
    add_row(t, "s", 0, now - 5000);
    store_commit(f.store, t, on_commit, &done);
    until(&done);
    f.bridge.o.downlink_ttl_ms = 60000;
    start_outbox();
    settle();
    int64_t left = f.puts[0].en->expires_ms - loop_now_ms(f.loop);
    assert_true(left > 30000 && left <= 55000);
    end_put(0, ERR_TIMEOUT, "too old");
    settle();
    struct store_read r;
    assert_span_is(dead(&r)->error, "too old");
    store_read_free(&r);
    stop_outbox();
}

// A backlog of two streams, one of which takes nothing: memory is bounded, the other one empties;
// when the first takes rows again it gets all, in order.
static void drain_backlog(size_t row_bytes)
{
    f.row_bytes = row_bytes;
    enum { N = 12000 };
    for (int i = 0; i < N; i += 1000) {
        add("dead", i, 1000);
        add("live", N + i, 1000);
    }
    start_outbox();
    size_t most = 0;
    for (int turn = 0; rows() > N && turn < 2000000; turn++) {
        loop_turn(f.loop, true);
        if (f.n_out > most)
            most = f.n_out;
        for (size_t i = 0; i < f.n_puts; i++) {
            if (f.puts[i].en && f.puts[i].number >= N)
                end_put(i, 0, NULL);
        }
    }
    assert_int_equal(rows(), N);
    assert_true(most <= 2 * OUTBOX_LANES * OUTBOX_LANE_ROWS);
    assert_true(f.in.outbox.bytes < 20u * 1024 * 1024);
    assert_int_equal(outbox_oldest_ms(&f.in.outbox), 1);
    while (rows() > 0) {
        loop_turn(f.loop, true);
        end_all(0);
    }
    settle();
    int last[1000];
    memset(last, -1, sizeof last);
    for (size_t i = 0; i < f.n_puts; i++) {
        int n = f.puts[i].number;
        if (n >= N)
            continue;
        assert_true(n > last[n % 1000]); // of this key
        last[n % 1000] = n;
    }
    assert_int_equal(f.n_puts, 2 * N); // each once
    assert_int_equal(outbox_oldest_ms(&f.in.outbox), 0);
    assert_true(f.in.outbox.bytes == 0 && list_empty(&f.in.outbox.chunks));
    stop_outbox();
}

static void test_backlog_behind_a_dead_stream(void **state)
{
    (void)state;
    drain_backlog(0);
}

// Here the bytes of the pages are the limit.
static void test_backlog_of_large_rows(void **state)
{
    (void)state;
    drain_backlog(4000);
}

// Rows end in any order, with any status, the integration stops and starts: each row is sent, or a
// dead letter, and none twice but those that were canceled.
static void test_any_course(void **state)
{
    (void)state;
    uint64_t random = 11;
    enum { N = 6000 };
    static uint8_t ended[N];
    memset(ended, 0, sizeof ended);
    int added = 0;
    start_outbox();
    while (added < N || rows() > 0) {
        if (added < N && test_random_below(&random, 4) == 0) {
            int n = 1 + (int)test_random_below(&random, 700);
            n = n < N - added ? n : N - added;
            add(test_random_below(&random, 2) ? "a" : "b", added, n);
            added += n;
            outbox_kick(&f.in.outbox);
        }
        loop_turn(f.loop, true);
        for (size_t i = 0; i < f.n_puts; i++) {
            if (!f.puts[i].en || test_random_below(&random, 3) == 0)
                continue;
            assert_int_equal(ended[f.puts[i].number]++, 0);
            end_put(i, test_random_below(&random, 50) ? 0 : ERR_INVALID, "no");
        }
        if (test_random_below(&random, 20) == 0) {
            stop_outbox();
            start_outbox();
        }
        if (f.n_puts > MAX - 10000 && f.n_out == 0)
            f.n_puts = 0;
    }
    for (int i = 0; i < N; i++)
        assert_int_equal(ended[i], 1);
    stop_outbox();
}

static void test_take_back(void **state)
{
    (void)state;
    struct err e = {0};
    struct hub_run run = {.txn = store_txn_new(f.store)};
    struct store_dead_letter d = {.payload = SPAN("1"), .partition_key = SPAN("k")};
    assert_int_equal(outbox_take_back(&f.in, &run, &d, &e), ERR_INVALID);
    d.stream = SPAN("s");
    assert_int_equal(outbox_take_back(&f.in, &run, &d, &e), 0);
    bool done = false;
    store_commit(f.store, run.txn, on_commit, &done);
    until(&done);
    assert_int_equal(rows(), 1);
    close_store();
    open_store(1);
    run.txn = store_txn_new(f.store);
    assert_int_equal(outbox_take_back(&f.in, &run, &d, &e), ERR_BUSY);
    store_txn_free(run.txn);
    start_outbox();
    settle();
    assert_int_equal(f.n_puts, 1);
    stop_outbox();
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_rows_go_out_and_are_removed),
        T(test_clean_stop_keeps_what_was_not_sent),
        T(test_refused_rows_become_dead_letters),
        T(test_a_read_that_fails_is_tried_again),
        T(test_a_sweep_that_fails_is_tried_again),
        T(test_time_to_live),
        T(test_backlog_behind_a_dead_stream),
        T(test_backlog_of_large_rows),
        T(test_any_course),
        T(test_take_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
