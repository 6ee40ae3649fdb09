// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEADLINE_MS 120000

static int64_t now_ms(void)
{
    return clock_system.mono_ms(clock_system.ctx);
}

static int64_t advanced_ms(void *ctx)
{
    return now_ms() + ((struct fixture *)ctx)->added_ms;
}

void fixture_advance(struct fixture *f, int64_t ms)
{
    f->added_ms += ms;
    loop_refresh(f->loop);
}

static void make_dir(struct fixture *f)
{
    snprintf(f->dir, sizeof f->dir, "/tmp/penstock-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->options.dir = f->dir;
}

static void remove_dir(const char *dir)
{
    static const char *const names[] = {"penstock.db", "penstock.db-wal", "penstock.db-shm"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    // Fails when the store left anything else behind.
    assert_int_equal(rmdir(dir), 0);
}

void fixture_open(struct fixture *f)
{
    struct err e = {0};
    if (store_open_hooked(f->loop, &f->options, f->hooks, &f->store, &e) != 0)
        fail_msg("store_open: %s", e.msg);
}

static void on_closed(void *ctx)
{
    *(bool *)ctx = true;
}

void fixture_until(struct fixture *f, const bool *what)
{
    int64_t deadline = now_ms() + DEADLINE_MS;
    while (!*what) {
        if (now_ms() > deadline)
            fail_msg("waited too long");
        loop_turn(f->loop, true);
    }
}

void fixture_close(struct fixture *f)
{
    bool closed = false;
    if (!f->store)
        return;
    store_close(f->store, on_closed, &closed);
    fixture_until(f, &closed);
    f->store = NULL;
}

void fixture_reopen(struct fixture *f)
{
    fixture_close(f);
    fixture_open(f);
}

int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->clock = clock_system;
    f->clock.ctx = f;
    f->clock.mono_ms = advanced_ms;
    f->loop = loop_new(&f->clock);
    make_dir(f);
    fixture_open(f);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    loop_run(f->loop);
    loop_free(f->loop);
    remove_dir(f->dir);
    free(f);
    return 0;
}

static void copy_file(const char *from_dir, const char *to_dir, const char *name)
{
    static char block[65536];
    char path[128];
    snprintf(path, sizeof path, "%s/%s", from_dir, name);
    FILE *from = fopen(path, "rb");
    if (!from)
        return;
    snprintf(path, sizeof path, "%s/%s", to_dir, name);
    FILE *to = fopen(path, "wb");
    assert_non_null(to);
    size_t n;
    while ((n = fread(block, 1, sizeof block, from)) > 0)
        assert_int_equal(fwrite(block, 1, n, to), n);
    fclose(from);
    assert_int_equal(fclose(to), 0);
}

void fixture_crash(struct fixture *f)
{
    char old[64];
    // Between two jobs, so that the copies of the two files belong together.
    while (f->store->job_running)
        loop_turn(f->loop, true);
    memcpy(old, f->dir, sizeof old);
    make_dir(f);
    copy_file(old, f->dir, "penstock.db");
    copy_file(old, f->dir, "penstock.db-wal");
    fixture_close(f);
    remove_dir(old);
    fixture_open(f);
}

static void on_committed(void *ctx, int status)
{
    assert_int_equal(status, 0);
    *(bool *)ctx = true;
}

void fixture_commit(struct fixture *f, struct store_txn *t)
{
    bool done = false;
    store_commit(f->store, t, on_committed, &done);
    assert_false(done);
    fixture_until(f, &done);
}

void fixture_settle(struct fixture *f)
{
    const struct store *s = f->store;
    int64_t deadline = now_ms() + DEADLINE_MS;
    while (s->job_running || s->frozen || s->tidy_due || !list_empty(&s->queue)) {
        assert_true(now_ms() < deadline);
        loop_turn(f->loop, true);
    }
}

void fixture_flush(struct fixture *f)
{
    fixture_settle(f);
    store_freeze_head(f->store, true);
    store_pump(f->store);
    fixture_settle(f);
}

struct waiting_read {
    bool done;
    int status;
};

static void on_read(struct store_read *r, int status)
{
    struct waiting_read *w = r->data;
    assert_false(w->done);
    w->done = true;
    w->status = status;
}

int fixture_read(struct fixture *f, struct store_read *r)
{
    struct waiting_read w = {0};
    r->data = &w;
    r->done = on_read;
    store_read(f->store, r);
    assert_false(w.done);
    fixture_until(f, &w.done);
    return w.status;
}

struct store_device *fixture_device(struct fixture *f, const char *name)
{
    struct store_device *d = store_find_device(f->store, span_str(name), false);
    if (d)
        return d;
    struct uuid id = uuid_new_v1(&clock_system);
    return store_add_device(f->store, id, span_str(name), SPAN("label"), UUID_BYTE(9), false, 1000);
}

void fixture_txn_point(struct store_txn *t, struct store_device *d, const char *key, int64_t ts,
                       struct value v)
{
    struct kv kv = {span_str(key), v};
    store_txn_points(t, d, ts, &kv, 1);
}

void fixture_point(struct fixture *f, struct store_device *d, const char *key, int64_t ts,
                   struct value v)
{
    struct store_txn *t = store_txn_new(f->store);
    fixture_txn_point(t, d, key, ts, v);
    fixture_commit(f, t);
}

void fixture_range(struct fixture *f, struct store_read *r, struct store_device *d, const char *key,
                   int64_t start, int64_t end)
{
    struct span k = span_str(key);
    *r = (struct store_read){.kind = STORE_READ_RANGE,
                             .device = d,
                             .keys = &k,
                             .n_keys = 1,
                             .start_ms = start,
                             .end_ms = end,
                             .ascending = true};
    assert_int_equal(fixture_read(f, r), 0);
    assert_int_equal(r->n_series, 1);
}

struct db *fixture_db(struct fixture *f)
{
    struct db *db;
    struct err e = {0};
    if (db_open(f->store->db_path, false, &db, &e) != 0)
        fail_msg("%s", e.msg);
    return db;
}
