// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "fixture.h"

static void add(struct store_txn *t, uint8_t integration, struct span data)
{
    struct store_outbox_row row = {.integration = UUID_BYTE(integration),
                                   .stream = SPAN("tb-test-downlink"),
                                   .stream_arn = SPAN("arn:aws:kinesis:x"),
                                   .partition_key = SPAN("kitchen"),
                                   .explicit_hash_key = SPAN("123"),
                                   .data = data,
                                   .created_ms = 77};
    store_txn_outbox_add(t, &row);
}

static void add_number(struct store_txn *t, uint8_t integration, int i)
{
    char text[16];
    snprintf(text, sizeof text, "%d", i);
    add(t, integration, span_str(text));
}

static void read_after(struct fixture *f, struct store_read *r, uint8_t integration, int64_t after)
{
    *r = (struct store_read){
        .kind = STORE_READ_OUTBOX, .integration = UUID_BYTE(integration), .after_id = after};
    assert_int_equal(fixture_read(f, r), 0);
}

static struct store_stats stats_of(struct fixture *f)
{
    struct store_stats s;
    store_get_stats(f->store, &s);
    return s;
}

static void test_order_of_commits(void **state)
{
    struct fixture *f = *state;
    struct store_txn *t1 = store_txn_new(f->store), *t2 = store_txn_new(f->store);
    add(t2, 1, SPAN("third"));
    add(t1, 1, SPAN("first\0!"));
    add(t1, 2, SPAN("second"));
    store_commit(f->store, t1, NULL, NULL);
    fixture_commit(f, t2);
    assert_int_equal(stats_of(f).outbox_rows, 3);
    fixture_reopen(f);
    assert_int_equal(stats_of(f).outbox_rows, 3);

    struct store_read r;
    read_after(f, &r, 1, 0);
    assert_int_equal(r.n_outbox, 1); // both commits were one: so is the chunk
    struct store_outbox_chunk c = r.outbox_out[0];
    assert_int_equal(c.n, 2);
    assert_span_is(c.rows[0].data, "first\0!");
    assert_span_is(c.rows[0].stream, "tb-test-downlink");
    assert_span_is(c.rows[0].stream_arn, "arn:aws:kinesis:x");
    assert_span_is(c.rows[0].partition_key, "kitchen");
    assert_span_is(c.rows[0].explicit_hash_key, "123");
    assert_int_equal(c.rows[0].created_ms, 77);
    assert_span_is(c.rows[1].data, "third");
    store_read_free(&r);

    struct store_txn *t = store_txn_new(f->store);
    store_txn_outbox_remove(t, &c);
    store_txn_outbox_remove(t, &c); // again: nothing
    add(t, 1, SPAN("later"));
    fixture_commit(f, t);
    assert_int_equal(stats_of(f).outbox_rows, 2);
    read_after(f, &r, 1, c.id); // ids go on even when the rows are gone
    assert_int_equal(r.n_outbox, 1);
    assert_span_is(r.outbox_out[0].rows[0].data, "later");
    store_read_free(&r);
}

// Reads all rows of an integration, page by page, and checks that they are 0, 1, 2, ...
static size_t check_numbers(struct fixture *f, uint8_t integration, int n)
{
    struct store_read r;
    int64_t after = 0;
    int next = 0;
    size_t chunks = 0;
    for (;;) {
        read_after(f, &r, integration, after);
        for (size_t i = 0; i < r.n_outbox; i++) {
            assert_true(r.outbox_out[i].id > after);
            after = r.outbox_out[i].id;
            chunks++;
            for (size_t k = 0; k < r.outbox_out[i].n; k++) {
                char text[16];
                snprintf(text, sizeof text, "%d", next++);
                assert_true(span_is(r.outbox_out[i].rows[k].data, text));
            }
        }
        bool end = r.n_outbox == 0;
        store_read_free(&r);
        if (end)
            break;
    }
    assert_int_equal(next, n);
    return chunks;
}

static void test_many_integrations_and_rows(void **state)
{
    struct fixture *f = *state;
    struct store_txn *t = store_txn_new(f->store);
    // More integrations than are gathered at once, in turns.
    for (int i = 0; i < 1300; i++) {
        for (uint8_t in = 1; in <= OUTBOX_OPEN_CHUNKS; in++)
            add_number(t, in, i);
    }
    for (int i = 0; i < 20; i++) {
        for (uint8_t in = 100; in < 100 + 2 * OUTBOX_OPEN_CHUNKS; in++)
            add_number(t, in, i);
    }
    fixture_commit(f, t);
    assert_int_equal(check_numbers(f, 1, 1300), 3); // of at most 500
    assert_int_equal(check_numbers(f, OUTBOX_OPEN_CHUNKS, 1300), 3);
    check_numbers(f, 100, 20);
    check_numbers(f, 100 + 2 * OUTBOX_OPEN_CHUNKS - 1, 20);
    assert_int_equal(stats_of(f).outbox_rows, (1300 + 2 * 20) * OUTBOX_OPEN_CHUNKS);
}

static void test_large_rows(void **state)
{
    struct fixture *f = *state;
    static char large[3 * 1024 * 1024];
    struct store_txn *t = store_txn_new(f->store);
    add(t, 1, SPAN("small"));
    add(t, 1, span_of(large, sizeof large));
    add(t, 1, SPAN("small"));
    fixture_commit(f, t);
    struct store_read r;
    read_after(f, &r, 1, 0); // the second makes it large enough
    assert_int_equal(r.n_outbox, 2);
    assert_int_equal(r.outbox_out[1].rows[0].data.n, sizeof large);
    int64_t last = r.outbox_out[1].id;
    store_read_free(&r);
    read_after(f, &r, 1, last);
    assert_int_equal(r.n_outbox, 1);
    assert_span_is(r.outbox_out[0].rows[0].data, "small");
    store_read_free(&r);
}

static void test_keep_some(void **state)
{
    struct fixture *f = *state;
    struct store_txn *t = store_txn_new(f->store);
    for (int i = 0; i < 5; i++)
        add_number(t, 1, i);
    fixture_commit(f, t);
    struct store_read r;
    read_after(f, &r, 1, 0);
    struct store_outbox_chunk c = r.outbox_out[0];
    assert_int_equal(c.bytes, stats_of(f).outbox_bytes);
    const struct store_outbox_row *left[] = {&c.rows[1], &c.rows[4]};
    t = store_txn_new(f->store);
    store_txn_outbox_keep(t, &c, left, 2);
    fixture_commit(f, t);
    store_read_free(&r);
    assert_int_equal(stats_of(f).outbox_rows, 2);
    fixture_crash(f);
    assert_int_equal(stats_of(f).outbox_rows, 2);
    read_after(f, &r, 1, c.id - 1);
    assert_int_equal(r.n_outbox, 1);
    assert_int_equal(r.outbox_out[0].id, c.id);
    assert_int_equal(r.outbox_out[0].n, 2);
    assert_int_equal(r.outbox_out[0].bytes, stats_of(f).outbox_bytes);
    assert_span_is(r.outbox_out[0].rows[0].data, "1");
    assert_span_is(r.outbox_out[0].rows[1].data, "4");
    assert_span_is(r.outbox_out[0].rows[1].partition_key, "kitchen");
    t = store_txn_new(f->store);
    store_txn_outbox_remove(t, &r.outbox_out[0]);
    store_read_free(&r);
    fixture_commit(f, t);
    assert_int_equal(stats_of(f).outbox_rows, 0);
    assert_int_equal(stats_of(f).outbox_bytes, 0);
}

static void test_delete_of_an_integration(void **state)
{
    struct fixture *f = *state;
    struct store_txn *t = store_txn_new(f->store);
    add_number(t, 1, 0);
    add_number(t, 2, 0);
    fixture_commit(f, t);
    t = store_txn_new(f->store);
    add_number(t, 1, 1);
    store_txn_delete_outbox(t, UUID_BYTE(1)); // those of its own transaction, too
    add_number(t, 2, 1);
    fixture_commit(f, t);
    assert_int_equal(stats_of(f).outbox_rows, 2);
    check_numbers(f, 1, 0);
    check_numbers(f, 2, 2);
}

static void test_room(void **state)
{
    struct fixture *f = *state;
    f->options.outbox_rows = 3;
    f->options.outbox_bytes = 1000;
    fixture_reopen(f);
    assert_true(store_outbox_has_room(f->store, 3, 1000));
    assert_false(store_outbox_has_room(f->store, 4, 0));
    assert_false(store_outbox_has_room(f->store, 0, 1001));
    // What is under way counts, until it is dropped.
    struct store_txn *t = store_txn_new(f->store);
    add_number(t, 1, 0);
    assert_false(store_outbox_has_room(f->store, 3, 0));
    assert_false(store_outbox_has_room(f->store, 2, 990));
    store_txn_free(t);
    assert_true(store_outbox_has_room(f->store, 3, 1000));
    t = store_txn_new(f->store);
    add_number(t, 1, 0);
    fixture_commit(f, t);
    assert_false(store_outbox_has_room(f->store, 3, 0));
    assert_true(store_outbox_has_room(f->store, 2, 0));
    fixture_reopen(f);
    assert_false(store_outbox_has_room(f->store, 3, 0));
    assert_true(store_outbox_has_room(f->store, 2, 0));
}

// A database of the first schema: a row a downlink.
static void test_rows_of_an_older_schema(void **state)
{
    struct fixture *f = *state;
    struct db *db = fixture_db(f);
    assert_int_equal(db_exec(db, "INSERT INTO outbox VALUES"
                                 "(3, zeroblob(16), 's', '', 'k', '', 5, x'00ff'),"
                                 "(4, zeroblob(16), '', 'arn', 'k', '9', 6, 'text')"),
                     0);
    db_close(db);
    for (int i = 0; i < 2; i++) {
        fixture_reopen(f); // once, not again
        assert_int_equal(stats_of(f).outbox_rows, 2);
        struct store_read r = {.kind = STORE_READ_OUTBOX};
        assert_int_equal(fixture_read(f, &r), 0);
        assert_int_equal(r.n_outbox, 1);
        assert_int_equal(r.outbox_out[0].n, 2);
        assert_span_is(r.outbox_out[0].rows[0].data, "\0\xff");
        assert_span_is(r.outbox_out[0].rows[0].stream, "s");
        assert_int_equal(r.outbox_out[0].rows[1].created_ms, 6);
        assert_span_is(r.outbox_out[0].rows[1].stream_arn, "arn");
        assert_span_is(r.outbox_out[0].rows[1].explicit_hash_key, "9");
        store_read_free(&r);
    }
}

static void test_damaged_chunk(void **state)
{
    struct fixture *f = *state;
    struct store_txn *t = store_txn_new(f->store);
    add_number(t, 1, 0);
    fixture_commit(f, t);
    static const char *const damages[] = {
        "UPDATE outbox_chunk SET rows = 2",
        "UPDATE outbox_chunk SET rows = 0",
        "UPDATE outbox_chunk SET rows = -1",
        "UPDATE outbox_chunk SET rows = 1, data = zeroblob(5)",
    };
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct db *db = fixture_db(f);
        assert_int_equal(db_exec(db, damages[i]), 0);
        db_close(db);
        struct store_read r = {.kind = STORE_READ_OUTBOX, .integration = UUID_BYTE(1)};
        assert_int_equal(fixture_read(f, &r), ERR_INVALID);
        store_read_free(&r);
    }
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_order_of_commits),
        T(test_many_integrations_and_rows),
        T(test_large_rows),
        T(test_keep_some),
        T(test_delete_of_an_integration),
        T(test_room),
        T(test_rows_of_an_older_schema),
        T(test_damaged_chunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
