// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/schema.h"

// Disks that are full, files that are locked or damaged, closing at any moment: nothing that was
// accepted is dropped, and every callback comes once.

// Hooks that fail the next jobs of a kind, or fill the disk.
struct trouble {
    struct store_hooks hooks;
    bool fail[WRITE_CLOSE + 1]; // fails all jobs of the kind while set; the test's to change only
    bool full;                  // no page can be added
    int flushes;                // flush steps that may pass while `cut` is set
    bool cut;
    int runs[WRITE_CLOSE + 1]; // the writer thread's; read when no job runs
};

static void before_job(void *ctx, struct db *db, enum write_kind kind)
{
    struct trouble *t = ctx;
    __atomic_add_fetch(&t->runs[kind], 1, __ATOMIC_RELEASE);
    bool full = __atomic_load_n(&t->full, __ATOMIC_ACQUIRE);
    int64_t now;
    assert_int_equal(db_query_int(db,
                                  full ? "PRAGMA max_page_count=1" // as many as there are
                                       : "PRAGMA max_page_count=1000000",
                                  0, &now),
                     0);
}

static int before_commit(void *ctx, struct db *db, enum write_kind kind)
{
    struct trouble *t = ctx;
    (void)db;
    if (kind == WRITE_FLUSH && __atomic_load_n(&t->cut, __ATOMIC_ACQUIRE) && t->flushes-- <= 0)
        return ERR_IO;
    return __atomic_load_n(&t->fail[kind], __ATOMIC_ACQUIRE) ? ERR_IO : 0;
}

static struct trouble trouble;

static int setup(void **state)
{
    fixture_setup(state);
    struct fixture *f = *state;
    trouble = (struct trouble){.hooks = {&trouble, before_job, before_commit}};
    f->hooks = &trouble.hooks;
    fixture_reopen(f);
    return 0;
}

static void set(bool *what, bool value)
{
    __atomic_store_n(what, value, __ATOMIC_RELEASE);
}

static int runs(enum write_kind kind)
{
    return __atomic_load_n(&trouble.runs[kind], __ATOMIC_ACQUIRE);
}

static void until_health(struct fixture *f, int want)
{
    struct err e = {0};
    for (int i = 0; store_health(f->store, &e) != want; i++) {
        assert_true(i < 100000);
        loop_turn(f->loop, true);
    }
    if (want) {
        assert_int_equal(e.code, want);
        assert_non_null(strstr(e.msg, "penstock.db"));
    }
}

struct order {
    int n, canceled;
    int seen[64];
};
struct slot {
    struct order *order;
    int i;
};

static void on_done(void *ctx, int status)
{
    struct slot *s = ctx;
    if (status == ERR_CANCELED)
        s->order->canceled++;
    else
        assert_int_equal(status, 0);
    s->order->seen[s->order->n++] = s->i;
    free(s);
}

static void commit_point(struct fixture *f, struct order *o, int i)
{
    struct store_txn *t = store_txn_new(f->store);
    struct slot *s = malloc(sizeof *s);
    *s = (struct slot){o, i};
    char name[16];
    snprintf(name, sizeof name, "d%d", i);
    fixture_txn_point(t, fixture_device(f, name), "k", i, value_long(i));
    store_commit(f->store, t, on_done, s);
}

static void check_order(const struct order *o, int n)
{
    assert_int_equal(o->n, n);
    for (int i = 0; i < n; i++)
        assert_int_equal(o->seen[i], i);
}

static void wait_order(struct fixture *f, const struct order *o, int n)
{
    for (int i = 0; o->n < n; i++) {
        assert_true(i < 100000);
        loop_turn(f->loop, true);
    }
}

static void check_points(struct fixture *f, int from, int to)
{
    char name[16];
    for (int i = from; i < to; i++) {
        struct store_read r;
        snprintf(name, sizeof name, "d%d", i);
        struct store_device *d = store_find_device(f->store, span_str(name), false);
        assert_non_null(d);
        fixture_range(f, &r, d, "k", 0, 1000000);
        assert_int_equal(r.series_out[0].n, 1);
        assert_int_equal(r.series_out[0].points[0].value.i, i);
        store_read_free(&r);
    }
}

static void test_commits_of_a_turn_share_one(void **state)
{
    struct fixture *f = *state;
    struct order o = {0};
    struct store_stats before, after;
    store_get_stats(f->store, &before);
    for (int i = 0; i < 20; i++)
        commit_point(f, &o, i);
    store_get_stats(f->store, &after);
    assert_int_equal(after.queued, 20);
    wait_order(f, &o, 20);
    check_order(&o, 20);
    store_get_stats(f->store, &after);
    assert_int_equal(after.commits - before.commits, 1);
    assert_int_equal(after.transactions - before.transactions, 20);
    assert_int_equal(after.points, 20);
    assert_true(after.last_commit_us > 0);
    assert_true(after.db_bytes >= DB_PAGE_BYTES);
    assert_int_equal(after.queued, 0);
}

// The second transaction is submitted while the first, which writes the device, is under way.
static void test_device_of_two_commits(void **state)
{
    struct fixture *f = *state;
    struct order o = {0};
    struct store_device *d = fixture_device(f, "d");
    struct store_txn *t[2];
    fixture_settle(f);
    for (int i = 0; i < 2; i++) {
        t[i] = store_txn_new(f->store);
        fixture_txn_point(t[i], d, "k", i, value_long(i));
    }
    for (int i = 0; i < 2; i++) {
        struct slot *s = malloc(sizeof *s);
        *s = (struct slot){&o, i};
        store_commit(f->store, t[i], on_done, s);
        while (i == 0 && !f->store->job_running)
            loop_turn(f->loop, false);
    }
    wait_order(f, &o, 2);
    assert_int_equal(store_health(f->store, NULL), 0);
    fixture_crash(f);
    struct store_read r;
    fixture_range(f, &r, fixture_device(f, "d"), "k", 0, 10);
    assert_int_equal(r.series_out[0].n, 2);
    store_read_free(&r);
}

static void test_disk_full_and_room_again(void **state)
{
    struct fixture *f = *state;
    struct order o = {0};
    commit_point(f, &o, 0);
    wait_order(f, &o, 1);
    set(&trouble.full, true);
    // A point fits into pages that are there; this does not.
    static char large[300000];
    struct store_txn *t = store_txn_new(f->store);
    struct slot *s = malloc(sizeof *s);
    *s = (struct slot){&o, 1};
    fixture_txn_point(t, fixture_device(f, "d1"), "k", 1, value_long(1));
    struct store_outbox_row row = {.integration = UUID_BYTE(1)};
    store_txn_outbox_add(t, &row);
    store_txn_put_doc(t, STORE_SETTING, UUID_BYTE(1), SPAN("large"), span_of(large, sizeof large));
    store_commit(f->store, t, on_done, s);
    commit_point(f, &o, 2);
    until_health(f, ERR_NOSPACE);
    for (int i = 3; i < 10; i++)
        commit_point(f, &o, i);
    for (int i = 0; i < 20; i++)
        loop_turn(f->loop, false);
    assert_int_equal(o.n, 1);
    assert_null(store_peek_latest(f->store, fixture_device(f, "d2"), SPAN("k")));
    set(&trouble.full, false);
    until_health(f, 0);
    wait_order(f, &o, 10);
    check_order(&o, 10);
    assert_true(runs(WRITE_COMMIT) > 2);
    struct store_stats stats;
    store_get_stats(f->store, &stats);
    assert_int_equal(stats.outbox_rows, 1); // counted once, however often it was tried
    check_points(f, 0, 10);
    fixture_crash(f);
    check_points(f, 0, 10);
    assert_int_equal(store_count_devices(f->store), 10);
}

// Of three points one is stored, one fails again and again, and one waits behind it.
static void fill_the_disk(struct fixture *f, struct order *o)
{
    commit_point(f, o, 0);
    wait_order(f, o, 1);
    set(&trouble.fail[WRITE_COMMIT], true);
    commit_point(f, o, 1);
    until_health(f, ERR_IO);
    commit_point(f, o, 2);
}

static void test_close_while_the_disk_is_full(void **state)
{
    struct fixture *f = *state;
    struct order o = {0};
    fill_the_disk(f, &o);
    fixture_close(f);
    check_order(&o, 3);
    assert_int_equal(o.canceled, 2);
    set(&trouble.fail[WRITE_COMMIT], false);
    fixture_open(f);
    assert_int_equal(store_count_devices(f->store), 1);
}

static void test_nothing_is_tried_again_when_there_is_no_more_time(void **state)
{
    struct fixture *f = *state;
    struct order o = {0};
    fill_the_disk(f, &o);
    store_stop_retrying(f->store);
    wait_order(f, &o, 3);
    assert_int_equal(o.canceled, 2);
    // What comes behind a gap stays out, though it could be written; reads go on.
    set(&trouble.fail[WRITE_COMMIT], false);
    commit_point(f, &o, 3);
    assert_int_equal(o.n, 3);
    wait_order(f, &o, 4);
    assert_int_equal(o.canceled, 3);
    check_order(&o, 4);
    check_points(f, 0, 1);
    fixture_reopen(f);
    assert_int_equal(store_count_devices(f->store), 1);
}

static void test_commits_go_on_with_little_time(void **state)
{
    struct fixture *f = *state;
    struct order o = {0};
    store_stop_retrying(f->store);
    commit_point(f, &o, 0);
    commit_point(f, &o, 1);
    wait_order(f, &o, 2);
    assert_int_equal(o.canceled, 0);
    check_points(f, 0, 2);
}

static void test_close_commits_what_was_given(void **state)
{
    struct fixture *f = *state;
    struct order o = {0};
    for (int i = 0; i < 5; i++)
        commit_point(f, &o, i);
    fixture_close(f);
    check_order(&o, 5);
    assert_int_equal(o.canceled, 0);
    char wal[128];
    snprintf(wal, sizeof wal, "%s/penstock.db-wal", f->dir);
    assert_int_equal(access(wal, F_OK), -1); // all in the one file
    fixture_open(f);
    check_points(f, 0, 5);
}

static void on_closed(void *ctx)
{
    *(bool *)ctx = true;
}

struct counted_read {
    struct store_read r;
    int done, status;
};

static void on_counted(struct store_read *r, int status)
{
    struct counted_read *c = r->data;
    c->done++;
    c->status = status;
    store_read_free(r);
}

static void start_read(struct fixture *f, struct counted_read *c, enum store_read_kind kind)
{
    c->r = (struct store_read){.data = c,
                               .done = on_counted,
                               .kind = kind,
                               .device = fixture_device(f, "d0"),
                               .end_ms = 1000,
                               .page_size = 10};
    store_read(f->store, &c->r);
}

// Commits and reads given before, and after, the call that closes.
static void test_close_with_everything_pending(void **state)
{
    struct fixture *f = *state;
    struct order before = {0}, after = {0};
    struct counted_read reads[16] = {0};
    bool closed = false;
    commit_point(f, &before, 0);
    wait_order(f, &before, 1);
    for (int i = 0; i < 8; i++)
        start_read(f, &reads[i], (enum store_read_kind)i);
    commit_point(f, &before, 1);
    store_close(f->store, on_closed, &closed);
    for (int i = 8; i < 16; i++)
        start_read(f, &reads[i], (enum store_read_kind)(i - 8));
    commit_point(f, &after, 0);
    assert_int_equal(after.n, 0);
    fixture_until(f, &closed);
    f->store = NULL;
    check_order(&before, 2);
    check_order(&after, 1);
    assert_int_equal(before.canceled, 0);
    assert_int_equal(after.canceled, 1);
    for (int i = 0; i < 16; i++) {
        assert_int_equal(reads[i].done, 1);
        assert_true(reads[i].status == ERR_CANCELED || (i < 8 && reads[i].status == 0));
    }
}

static void on_close_inside(void *ctx, int status)
{
    struct fixture *f = ctx;
    assert_int_equal(status, 0);
    store_close(f->store, on_closed, &f->options.synchronous_normal); // any bool
}

static void test_close_inside_a_callback(void **state)
{
    struct fixture *f = *state;
    struct store_txn *t = store_txn_new(f->store);
    store_txn_put_doc(t, STORE_SETTING, UUID_BYTE(1), SPAN("a"), SPAN("1"));
    store_commit(f->store, t, on_close_inside, f);
    fixture_until(f, &f->options.synchronous_normal);
    f->store = NULL;
}

static void test_locked_by_another_connection(void **state)
{
    struct fixture *f = *state;
    struct order o = {0};
    struct db *db = fixture_db(f);
    assert_int_equal(db_begin(db), 0);
    commit_point(f, &o, 0);
    until_health(f, ERR_BUSY);
    db_rollback(db);
    db_close(db);
    wait_order(f, &o, 1);
    until_health(f, 0);
    check_points(f, 0, 1);
}

// Blocks cannot be written for a while: commits go on, reads find everything, until the head is
// full; then commits wait.
static void test_flush_that_fails(void **state)
{
    struct fixture *f = *state;
    struct order o = {0};
    struct store_stats stats;
    fixture_close(f);
    f->options.head_bytes = 64 * 1024;
    fixture_open(f);
    set(&trouble.fail[WRITE_FLUSH], true);
    for (int i = 0; i < 20; i++)
        commit_point(f, &o, i);
    wait_order(f, &o, 20);
    store_freeze_head(f->store, true);
    store_pump(f->store);
    until_health(f, ERR_IO);
    commit_point(f, &o, 20);
    wait_order(f, &o, 21);
    check_points(f, 0, 21);
    struct store_device *d = fixture_device(f, "d0");
    struct store_txn *t = store_txn_new(f->store);
    for (int i = 0; i < 40000; i++)
        fixture_txn_point(t, d, "other", i * 77, value_long(i * 7919));
    fixture_commit(f, t);
    commit_point(f, &o, 21);
    for (int tried = runs(WRITE_FLUSH); runs(WRITE_FLUSH) < tried + 2;)
        loop_turn(f->loop, true);
    assert_int_equal(o.n, 21); // waits
    set(&trouble.fail[WRITE_FLUSH], false);
    wait_order(f, &o, 22);
    until_health(f, 0);
    fixture_settle(f);
    store_get_stats(f->store, &stats);
    assert_true(stats.flushes >= 2);
    check_points(f, 1, 22);
    fixture_crash(f);
    check_points(f, 1, 22);
    struct store_read r;
    fixture_range(f, &r, fixture_device(f, "d0"), "other", 0, INT64_MAX);
    assert_int_equal(r.series_out[0].n, 40000);
    store_read_free(&r);
}

// Merging comes late: what it merges must not end up behind what was written after.
static void test_merge_keeps_the_order_of_generations(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d");
    set(&trouble.fail[WRITE_TIDY], true);
    for (int i = 0; i < 12; i++) {
        struct store_stats stats;
        fixture_point(f, d, "k", 5, value_long(i));
        fixture_point(f, d, "k", 10 + i, value_long(i));
        store_freeze_head(f->store, true);
        do {
            store_pump(f->store);
            loop_turn(f->loop, true);
            store_get_stats(f->store, &stats);
        } while (stats.flushes <= (uint64_t)i);
    }
    set(&trouble.fail[WRITE_TIDY], false);
    until_health(f, 0);
    fixture_settle(f);
    struct store_read r;
    fixture_range(f, &r, d, "k", 0, 100);
    assert_int_equal(r.series_out[0].n, 13);
    assert_int_equal(r.series_out[0].points[0].value.i, 11);
    store_read_free(&r);
    struct db *db = fixture_db(f);
    int64_t n;
    assert_int_equal(db_query_int(db, "SELECT count(*) FROM gen", 0, &n), 0);
    assert_int_equal(n, 5);
    db_close(db);
}

// A flush that fails in its last step after some were committed, and a crash in the midst of one.
static void test_flush_fails_half_way(void **state)
{
    struct fixture *f = *state;
    struct store_txn *t = store_txn_new(f->store);
    char name[16];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "d%d", i);
        for (int k = 0; k < 500; k++)
            fixture_txn_point(t, fixture_device(f, name), "k", k,
                              value_double((k * 7919 + i) / 3.0));
    }
    fixture_commit(f, t);
    fixture_settle(f);
    for (int round = 0; round < 2; round++) {
        trouble.flushes = 2;
        set(&trouble.cut, true);
        store_freeze_head(f->store, true);
        store_pump(f->store);
        until_health(f, ERR_IO);
        if (round == 0)
            fixture_crash(f);
        set(&trouble.cut, false);
    }
    fixture_settle(f);
    until_health(f, 0);
    fixture_crash(f);
    struct store_stats stats;
    store_get_stats(f->store, &stats);
    assert_int_equal(stats.head_bytes, 0);
    for (int i = 0; i < 300; i += 29) {
        struct store_read r;
        snprintf(name, sizeof name, "d%d", i);
        fixture_range(f, &r, fixture_device(f, name), "k", 0, 1000);
        assert_int_equal(r.series_out[0].n, 500);
        store_read_free(&r);
    }
    fixture_settle(f); // what was left of the cut flush is gone
    struct db *db = fixture_db(f);
    int64_t n;
    assert_int_equal(db_query_int(db, "SELECT count(*) FROM gen", 0, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(db_query_int(db, "SELECT count(DISTINCT gen) FROM block", 0, &n), 0);
    assert_int_equal(n, 1);
    db_close(db);
}

static void test_commit_interval(void **state)
{
    struct fixture *f = *state;
    struct order o = {0};
    struct store_stats stats;
    fixture_close(f);
    f->options.commit_interval_ms = 3600 * 1000;
    fixture_open(f);
    commit_point(f, &o, 0);
    wait_order(f, &o, 1);
    for (int i = 1; i < 10; i++) {
        commit_point(f, &o, i);
        loop_turn(f->loop, false);
    }
    fixture_advance(f, 3000 * 1000);
    for (int i = 0; i < 10; i++)
        loop_turn(f->loop, false);
    check_order(&o, 1);
    fixture_advance(f, 600 * 1000);
    wait_order(f, &o, 10);
    check_order(&o, 10);
    store_get_stats(f->store, &stats);
    assert_int_equal(stats.commits, 2);
    fixture_reopen(f);
    commit_point(f, &o, 10);
    wait_order(f, &o, 11);
    commit_point(f, &o, 11);
    fixture_close(f); // does not wait for the hour
    check_order(&o, 12);
    assert_int_equal(o.canceled, 0);
}

static void test_idle_store_moves_the_wal(void **state)
{
    struct fixture *f = *state;
    struct order o = {0};
    commit_point(f, &o, 0);
    wait_order(f, &o, 1);
    fixture_settle(f);
    assert_true(f->store->wal_pages > 0);
    while (f->store->wal_pages > 0)
        loop_turn(f->loop, true);
    assert_int_equal(runs(WRITE_CHECKPOINT), 1);
    commit_point(f, &o, 1);
    fixture_crash(f);
    check_points(f, 0, 1);
}

static void test_long_wal_is_moved(void **state)
{
    struct fixture *f = *state;
    static char large[1 << 20];
    for (int i = 0; i < 20; i++) {
        struct store_txn *t = store_txn_new(f->store);
        memset(large, 'a' + i, sizeof large);
        store_txn_put_doc(t, STORE_SETTING, UUID_BYTE(1), SPAN("n"), span_of(large, sizeof large));
        fixture_commit(f, t);
    }
    fixture_settle(f);
    assert_true(runs(WRITE_CHECKPOINT) >= 1);
    assert_true(f->store->wal_pages < STORE_WAL_PAGES);
}

// Opening -----------------------------------------------------------------------------------------

static void check_refused(struct fixture *f, int code, const char *text)
{
    struct err e = {0};
    struct store *s = NULL;
    assert_int_equal(store_open(f->loop, &f->options, &s, &e), code);
    assert_int_equal(e.code, code);
    assert_null(s);
    if (!strstr(e.msg, text) || !strstr(e.msg, f->dir))
        fail_msg("%s", e.msg);
}

static void test_second_opener_is_refused(void **state)
{
    struct fixture *f = *state;
    struct order o = {0};
    check_refused(f, ERR_BUSY, "in use by another penstock");
    commit_point(f, &o, 0); // the first one is none the worse
    wait_order(f, &o, 1);
    fixture_reopen(f);
    check_points(f, 0, 1);
}

// Runs SQL on the closed store's file.
static void meddle(struct fixture *f, const char *sql)
{
    char path[128];
    struct db *db;
    struct err e = {0};
    fixture_close(f);
    snprintf(path, sizeof path, "%s/penstock.db", f->dir);
    assert_int_equal(db_open(path, false, &db, &e), 0);
    if (db_exec(db, sql) != 0) {
        db_error(db, &e);
        fail_msg("%s", e.msg);
    }
    db_close(db);
}

static void test_newer_schema_is_refused(void **state)
{
    struct fixture *f = *state;
    meddle(f, "PRAGMA user_version=1000");
    check_refused(f, ERR_CONFIG, "newer penstock");
    meddle(f, "PRAGMA user_version=-1");
    check_refused(f, ERR_CONFIG, "newer penstock");
}

static void test_database_of_another_program_is_refused(void **state)
{
    struct fixture *f = *state;
    meddle(f, "PRAGMA application_id=77");
    check_refused(f, ERR_CONFIG, "another program");
}

static void write_file(struct fixture *f, const char *text, size_t n)
{
    char path[128];
    fixture_close(f);
    snprintf(path, sizeof path, "%s/penstock.db", f->dir);
    FILE *file = fopen(path, "wb");
    assert_int_equal(fwrite(text, 1, n, file), n);
    fclose(file);
}

static void test_file_that_is_no_database(void **state)
{
    struct fixture *f = *state;
    char text[4096];
    memset(text, 'x', sizeof text);
    write_file(f, text, sizeof text);
    check_refused(f, ERR_INVALID, "not a database");
    write_file(f, text, 0); // an empty one is made into one
    fixture_open(f);
}

static void test_directory_that_cannot_be(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct store *s;
    struct store_options o = {.dir = "/dev/null/x"};
    assert_int_equal(store_open(f->loop, &o, &s, &e), ERR_IO);
    assert_non_null(strstr(e.msg, "/dev/null/x"));
    o.dir = "/dev/null";
    assert_int_equal(store_open(f->loop, &o, &s, &e), ERR_IO);
}

static void test_directory_is_made(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    char outer[64];
    fixture_close(f);
    memcpy(outer, f->dir, sizeof outer);
    assert_true(strlen(f->dir) + 5 < sizeof f->dir);
    strcat(f->dir, "/data");
    fixture_open(f);
    assert_int_equal(stat(f->dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    fixture_close(f);
    char path[128];
    snprintf(path, sizeof path, "%s/penstock.db", f->dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(f->dir), 0); // nothing else was left in it
    memcpy(f->dir, outer, sizeof outer);
}

static void test_migration(void **state)
{
    struct fixture *f = *state;
    static const char *const steps[] = {
        "CREATE TABLE t(a); INSERT INTO t VALUES(1)",
        "ALTER TABLE t ADD b INTEGER; UPDATE t SET b = a + 1",
        "UPDATE t SET b = b * 10",
        "UPDATE no_such_table SET b = 1",
    };
    struct schema one = {steps, 1}, three = {steps, 3}, four = {steps, 4};
    struct db *db;
    struct err e = {0};
    int64_t n;
    char path[128];
    write_file(f, "", 0);
    snprintf(path, sizeof path, "%s/penstock.db", f->dir);
    assert_int_equal(db_open(path, false, &db, &e), 0);
    assert_int_equal(schema_apply(db, &one, path, &e), 0);
    assert_int_equal(schema_apply(db, &three, path, &e), 0);
    assert_int_equal(schema_apply(db, &three, path, &e), 0); // nothing left to do
    assert_int_equal(db_query_int(db, "SELECT b FROM t", 0, &n), 0);
    assert_int_equal(n, 20);
    assert_int_equal(db_query_int(db, "PRAGMA user_version", 0, &n), 0);
    assert_int_equal(n, 3);
    assert_true(schema_apply(db, &four, path, &e) < 0);
    assert_non_null(strstr(e.msg, "no_such_table"));
    assert_int_equal(db_query_int(db, "PRAGMA user_version", 0, &n), 0);
    assert_int_equal(n, 3); // the step that failed left nothing
    assert_int_equal(schema_apply(db, &one, path, &e), ERR_CONFIG);
    db_close(db);
}

// Damage ------------------------------------------------------------------------------------------

static void test_damaged_rows_are_refused(void **state)
{
    struct fixture *f = *state;
    struct order o = {0};
    static const char *const damage[][2] = {
        {"UPDATE log SET points = x'0102'", "DELETE FROM log"},
        {"INSERT INTO log VALUES(1000, x'63')", "DELETE FROM log"},
        {"INSERT INTO log VALUES(1000, x'01')", "DELETE FROM log"},           // fine: no pieces
        {"INSERT INTO log VALUES(1000, x'0104ff0f0003')", "DELETE FROM log"}, // unknown series
        {"UPDATE device SET series = x'ff' WHERE id = 1", "DELETE FROM device WHERE id = 1"},
        {"UPDATE device SET series = x'0902' WHERE id = 2", "DELETE FROM device WHERE id = 2"},
        {"UPDATE device SET uuid = x'00' WHERE id = 3", "DELETE FROM device WHERE id = 3"},
        {"UPDATE device SET id = -5 WHERE id = 4", "DELETE FROM device WHERE id = -5"},
        {"UPDATE device SET name = 'd5' WHERE id = 5", "DELETE FROM device WHERE id = 5"},
        {"INSERT INTO key VALUES(1000000000, 'far')", "DELETE FROM key WHERE id > 1000"},
        {"INSERT INTO key VALUES(-1, 'x')", "DELETE FROM key WHERE id < 0"},
        {"INSERT INTO outbox VALUES(1, x'00', 's', '', 'k', '', 0, x'01')", "DELETE FROM outbox"},
    };
    for (int i = 0; i < 8; i++)
        commit_point(f, &o, i);
    wait_order(f, &o, 8);
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        meddle(f, damage[i][0]);
        if (i != 2)
            check_refused(f, ERR_INVALID, "damaged");
        meddle(f, damage[i][1]);
        fixture_open(f);
        fixture_settle(f);
    }
}

static void test_damaged_blocks_fail_the_read_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const damage[] = {
        "UPDATE block SET data = x''",
        "UPDATE block SET data = x'63'",
        "UPDATE block SET data = substr(data, 1, length(data) - 1)",
        "UPDATE block SET series = series + 1",
        "UPDATE block SET t0 = t0 + 1",
        "UPDATE block SET data = randomblob(200)",
    };
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        struct order o = {0};
        commit_point(f, &o, 0);
        commit_point(f, &o, 1);
        wait_order(f, &o, 2);
        fixture_flush(f);
        meddle(f, damage[i]);
        fixture_open(f);
        struct store_read r = {.kind = STORE_READ_RANGE,
                               .device = fixture_device(f, "d0"),
                               .end_ms = 1000,
                               .ascending = true};
        int rc = fixture_read(f, &r);
        // A row in the wrong place may only hide its points.
        assert_true(rc == ERR_INVALID || (i == 3 && rc == 0));
        store_read_free(&r);
        r = (struct store_read){.kind = STORE_READ_LATEST, .device = fixture_device(f, "d0")};
        rc = fixture_read(f, &r);
        assert_true(rc == ERR_INVALID || (i == 3 && rc == 0));
        store_read_free(&r);
        r = (struct store_read){.kind = STORE_READ_DEVICES, .page_size = 10};
        assert_int_equal(fixture_read(f, &r), 0);
        assert_int_equal(r.n_devices, 2);
        store_read_free(&r);
        meddle(f, "DELETE FROM block; DELETE FROM gen");
        fixture_open(f);
    }
}

// Merging damaged blocks reports it, and holds nothing else up.
static void test_damaged_blocks_do_not_stop_commits(void **state)
{
    struct fixture *f = *state;
    struct order o = {0};
    for (int i = 0; i < 7; i++) {
        commit_point(f, &o, i);
        wait_order(f, &o, i + 1);
        fixture_flush(f);
    }
    meddle(f, "UPDATE block SET data = x'63' WHERE id = 3");
    fixture_open(f);
    commit_point(f, &o, 7);
    wait_order(f, &o, 8);
    store_freeze_head(f->store, true);
    store_pump(f->store);
    until_health(f, ERR_INVALID);
    struct err e = {0};
    store_health(f->store, &e);
    assert_non_null(strstr(e.msg, "damaged"));
    commit_point(f, &o, 8);
    wait_order(f, &o, 9);
    assert_non_null(store_peek_latest(f->store, fixture_device(f, "d8"), SPAN("k")));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_commits_of_a_turn_share_one),
        T(test_device_of_two_commits),
        T(test_disk_full_and_room_again),
        T(test_close_while_the_disk_is_full),
        T(test_nothing_is_tried_again_when_there_is_no_more_time),
        T(test_commits_go_on_with_little_time),
        T(test_close_commits_what_was_given),
        T(test_close_with_everything_pending),
        T(test_close_inside_a_callback),
        T(test_locked_by_another_connection),
        T(test_flush_that_fails),
        T(test_merge_keeps_the_order_of_generations),
        T(test_flush_fails_half_way),
        T(test_commit_interval),
        T(test_idle_store_moves_the_wal),
        T(test_long_wal_is_moved),
        T(test_second_opener_is_refused),
        T(test_newer_schema_is_refused),
        T(test_database_of_another_program_is_refused),
        T(test_file_that_is_no_database),
        T(test_directory_that_cannot_be),
        T(test_directory_is_made),
        T(test_migration),
        T(test_damaged_rows_are_refused),
        T(test_damaged_blocks_fail_the_read_alone),
        T(test_damaged_blocks_do_not_stop_commits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
