// SPDX-License-Identifier: Apache-2.0
// Dead letters: kept, read, tried again, removed, bounded by number and age; and what else goes
// with its integration.

#include <stdlib.h>

#include "fixture.h"

static const struct uuid one = UUID_BYTE(1), two = UUID_BYTE(2);

static struct store_dead_letter letter(struct uuid integration, int64_t created_ms)
{
    return (struct store_dead_letter){.integration = integration,
                                      .downlink = true,
                                      .payload = SPAN("\x00\x01payload"),
                                      .error = SPAN("TypeError"),
                                      .shard_id = SPAN("shardId-0"),
                                      .sequence = SPAN("42"),
                                      .sub_sequence = 7,
                                      .partition_key = SPAN("pk"),
                                      .arrival_ms = 5,
                                      .created_ms = created_ms};
}

static void add(struct fixture *f, struct uuid integration, int n)
{
    struct store_txn *t = store_txn_new(f->store);
    for (int i = 0; i < n; i++) {
        struct store_dead_letter d = letter(integration, i);
        store_txn_dead_letter(t, &d);
    }
    fixture_commit(f, t);
}

static struct store_stats stats_of(struct fixture *f)
{
    struct store_stats s;
    store_get_stats(f->store, &s);
    return s;
}

static struct store_read page_of(struct uuid integration, size_t page, size_t size)
{
    return (struct store_read){.kind = STORE_READ_DEAD_LETTERS,
                               .integration = integration,
                               .page = page,
                               .page_size = size};
}

static void test_pages(void **state)
{
    struct fixture *f = *state;
    add(f, one, 5);
    add(f, two, 1);
    fixture_reopen(f);
    assert_int_equal(stats_of(f).dead_letters, 6);
    assert_int_equal(stats_of(f).dead_letters_added, 6);
    struct store_read r = page_of(one, 1, 2);
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.total, 5);
    assert_int_equal(r.n_dead, 2);
    assert_int_equal(r.dead_out[0].created_ms, 2);
    assert_int_equal(r.dead_out[1].created_ms, 1);
    assert_span_is(r.dead_out[0].payload, "\x00\x01payload");
    assert_int_equal(r.dead_out[0].size, 9);
    assert_span_is(r.dead_out[0].error, "TypeError");
    assert_span_is(r.dead_out[0].shard_id, "shardId-0");
    assert_span_is(r.dead_out[0].sequence, "42");
    assert_int_equal(r.dead_out[0].sub_sequence, 7);
    assert_span_is(r.dead_out[0].partition_key, "pk");
    assert_int_equal(r.dead_out[0].arrival_ms, 5);
    assert_int_equal(r.dead_out[0].tries, 0);
    assert_true(r.dead_out[0].downlink);
    store_read_free(&r);
}

static void test_pages_cut_payloads(void **state)
{
    struct fixture *f = *state;
    add(f, one, 1);
    struct store_read r = page_of(one, 0, 1);
    r.limit = 3;
    assert_int_equal(fixture_read(f, &r), 0);
    assert_span_is(r.dead_out[0].payload, "\x00\x01p");
    assert_int_equal(r.dead_out[0].size, 9);
    store_read_free(&r);
}

static int read_one(struct fixture *f, struct store_read *r, struct uuid integration, int64_t id)
{
    *r = (struct store_read){
        .kind = STORE_READ_DEAD_LETTER, .integration = integration, .after_id = id};
    return fixture_read(f, r);
}

static void test_one(void **state)
{
    struct fixture *f = *state;
    struct store_read r;
    add(f, one, 3);
    assert_int_equal(read_one(f, &r, one, 2), 0);
    assert_int_equal(r.n_dead, 1);
    assert_int_equal(r.dead_out[0].created_ms, 1);
    assert_span_is(r.dead_out[0].payload, "\x00\x01payload");
    store_read_free(&r);
    assert_int_equal(read_one(f, &r, two, 2), 0); // another integration's
    assert_int_equal(r.n_dead, 0);
    store_read_free(&r);
}

// Whoever has been shown the old one must not remove or replay another.
static void test_ids_are_not_given_again(void **state)
{
    struct fixture *f = *state;
    struct store_read r;
    add(f, one, 3);
    struct store_txn *t = store_txn_new(f->store);
    store_txn_remove_dead_letter(t, one, 3, false);
    store_txn_delete_dead_letters(t, one);
    fixture_commit(f, t);
    fixture_reopen(f);
    add(f, one, 1);
    assert_int_equal(read_one(f, &r, one, 4), 0);
    assert_int_equal(r.n_dead, 1);
    store_read_free(&r);
}

static void test_failed_try_keeps_it(void **state)
{
    struct fixture *f = *state;
    struct store_read r;
    add(f, one, 1);
    for (int i = 1; i <= 2; i++) {
        struct store_txn *t = store_txn_new(f->store);
        store_txn_dead_letter_failed(t, one, 1, SPAN("RangeError"), 100 * i);
        store_txn_dead_letter_failed(t, two, 1, SPAN("not its own"), 999);
        fixture_commit(f, t);
    }
    assert_int_equal(read_one(f, &r, one, 1), 0);
    assert_span_is(r.dead_out[0].error, "RangeError");
    assert_int_equal(r.dead_out[0].tries, 2);
    assert_int_equal(r.dead_out[0].last_try_ms, 200);
    store_read_free(&r);
    assert_int_equal(stats_of(f).dead_letters, 1);
}

static void test_removal_is_counted(void **state)
{
    struct fixture *f = *state;
    struct store_read r;
    add(f, one, 3);
    struct store_txn *t = store_txn_new(f->store);
    store_txn_remove_dead_letter(t, one, 1, true);
    store_txn_remove_dead_letter(t, one, 1, true); // gone already
    store_txn_remove_dead_letter(t, one, 2, false);
    store_txn_remove_dead_letter(t, two, 3, false); // another integration's
    fixture_commit(f, t);
    fixture_reopen(f);
    struct store_stats s = stats_of(f);
    assert_int_equal(s.dead_letters, 1);
    assert_int_equal(s.dead_letters_replayed, 1);
    assert_int_equal(s.dead_letters_discarded, 1);
    assert_int_equal(s.dead_letters_dropped, 0);
    assert_int_equal(read_one(f, &r, one, 3), 0);
    assert_int_equal(r.n_dead, 1);
    store_read_free(&r);
}

static void test_read_after(void **state)
{
    struct fixture *f = *state;
    add(f, one, 4);
    add(f, two, 1);
    struct store_read r = {
        .kind = STORE_READ_DEAD_AFTER, .integration = one, .after_id = 1, .limit = 2};
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.until_id, 4);
    assert_int_equal(r.total, 3);
    assert_int_equal(r.n_dead, 2);
    assert_int_equal(r.dead_out[0].id, 2);
    store_read_free(&r);
    add(f, one, 1); // after the end that the first page has found
    r.after_id = 3;
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.n_dead, 1);
    assert_int_equal(r.dead_out[0].id, 4);
    store_read_free(&r);
}

static void test_read_after_is_cut_by_bytes(void **state)
{
    struct fixture *f = *state;
    struct store_txn *t = store_txn_new(f->store);
    char *big = calloc(1, STORE_DEAD_PAGE_BYTES);
    struct store_dead_letter d = letter(one, 0);
    d.payload = span_of(big, STORE_DEAD_PAGE_BYTES);
    for (int i = 0; i < 3; i++)
        store_txn_dead_letter(t, &d);
    fixture_commit(f, t);
    free(big);
    struct store_read r = {.kind = STORE_READ_DEAD_AFTER, .integration = one};
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.n_dead, 1);
    assert_int_equal(r.total, 3);
    store_read_free(&r);
}

static void test_bounded_by_number(void **state)
{
    struct fixture *f = *state;
    f->options.dead_rows_max = 100;
    fixture_reopen(f);
    add(f, one, 100);
    assert_int_equal(stats_of(f).dead_letters, 100);
    assert_int_equal(stats_of(f).dead_letters_dropped, 0);
    add(f, one, 1);
    fixture_reopen(f);
    assert_int_equal(stats_of(f).dead_letters, 100);
    assert_int_equal(stats_of(f).dead_letters_dropped, 1);
    struct store_read r = page_of(one, 99, 1);
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.dead_out[0].created_ms, 1); // the oldest had 0
    store_read_free(&r);
}

static void test_a_lower_number_drops_at_start(void **state)
{
    struct fixture *f = *state;
    add(f, one, 600); // more than one step of tidying
    f->options.dead_rows_max = 10;
    fixture_reopen(f);
    fixture_settle(f);
    assert_int_equal(stats_of(f).dead_letters, 10);
    assert_int_equal(stats_of(f).dead_letters_dropped, 590);
}

static void test_bounded_by_age(void **state)
{
    struct fixture *f = *state;
    int64_t now = loop_wall_ms(f->loop);
    struct store_txn *t = store_txn_new(f->store);
    struct store_dead_letter old = letter(one, now - 60000), young = letter(one, now);
    store_txn_dead_letter(t, &old);
    store_txn_dead_letter(t, &old);
    store_txn_dead_letter(t, &young);
    fixture_commit(f, t);
    fixture_reopen(f);
    fixture_settle(f);
    assert_int_equal(stats_of(f).dead_letters, 3); // without a limit
    f->options.dead_age_ms = 50000;
    fixture_reopen(f);
    fixture_settle(f);
    assert_int_equal(stats_of(f).dead_letters, 1);
    assert_int_equal(stats_of(f).dead_letters_dropped, 2);
}

// Not only at the start: every ten minutes.
static void test_age_is_looked_at_again(void **state)
{
    struct fixture *f = *state;
    f->options.dead_age_ms = 50000;
    fixture_reopen(f);
    fixture_settle(f);
    struct timer *t = &f->store->dead_timer;
    assert_true(timer_active(t));
    assert_true(t->due_ms - loop_now_ms(f->loop) <= STORE_DEAD_CHECK_MS);
    add(f, one, 3); // of 1970
    fixture_settle(f);
    assert_int_equal(stats_of(f).dead_letters, 3);
    timer_stop(t);
    t->fire(t);
    fixture_settle(f);
    assert_int_equal(stats_of(f).dead_letters, 0);
    assert_int_equal(stats_of(f).dead_letters_dropped, 3);
    assert_true(timer_active(t));
}

static size_t count_checkpoints(struct fixture *f, struct uuid integration)
{
    struct store_read r = {.kind = STORE_READ_CHECKPOINTS, .integration = integration};
    assert_int_equal(fixture_read(f, &r), 0);
    size_t n = r.n_checkpoints;
    store_read_free(&r);
    return n;
}

static void test_integration_goes_whole(void **state)
{
    struct fixture *f = *state;
    struct uuid ids[] = {one, two};
    struct store_txn *t = store_txn_new(f->store);
    for (int i = 0; i < 2; i++) {
        struct store_checkpoint c = {
            .integration = ids[i], .stream = SPAN("s"), .shard_id = SPAN("shardId-0")};
        struct store_outbox_row o = {.integration = ids[i], .stream = SPAN("out")};
        struct store_dead_letter d = letter(ids[i], 1);
        store_txn_checkpoint(t, &c);
        store_txn_outbox_add(t, &o);
        store_txn_outbox_add(t, &o);
        store_txn_dead_letter(t, &d);
    }
    fixture_commit(f, t);
    t = store_txn_new(f->store);
    store_txn_delete_checkpoints(t, one);
    store_txn_delete_outbox(t, one);
    store_txn_delete_dead_letters(t, one);
    fixture_commit(f, t);
    struct store_stats s = stats_of(f);
    assert_int_equal(s.outbox_rows, 2);
    assert_int_equal(s.dead_letters, 1);
    assert_int_equal(s.dead_letters_discarded, 1);
    assert_int_equal(count_checkpoints(f, one), 0);
    assert_int_equal(count_checkpoints(f, two), 1);
}

static void put(struct fixture *f, int64_t value, int64_t ts, bool only_changed, bool keep_newer)
{
    struct store_txn *t = store_txn_new(f->store);
    struct kv kv = {SPAN("a"), {.type = VALUE_LONG, .i = value}};
    if (keep_newer)
        store_txn_keep_newer(t);
    store_txn_attribute(t, fixture_device(f, "d"), STORE_CLIENT, &kv, ts, only_changed);
    fixture_commit(f, t);
}

static void expect(struct fixture *f, int64_t value, int64_t ts)
{
    struct store_read r = {.kind = STORE_READ_ATTRIBUTES, .device = fixture_device(f, "d")};
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.n_attributes, 1);
    assert_int_equal(r.attributes_out[0].value.i, value);
    assert_int_equal(r.attributes_out[0].ts_ms, ts);
    store_read_free(&r);
}

static void test_newer_attributes_stay(void **state)
{
    struct fixture *f = *state;
    put(f, 1, 1000, false, true); // none before
    expect(f, 1, 1000);
    put(f, 2, 999, false, true);
    expect(f, 1, 1000);
    put(f, 2, 999, true, true);
    expect(f, 1, 1000);
    put(f, 3, 1000, false, true);
    expect(f, 3, 1000);
    put(f, 3, 1001, true, true); // the same value
    expect(f, 3, 1000);
    put(f, 4, 1001, true, true);
    expect(f, 4, 1001);
    put(f, 5, 1, false, false);
    expect(f, 5, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_pages),
        T(test_pages_cut_payloads),
        T(test_one),
        T(test_ids_are_not_given_again),
        T(test_failed_try_keeps_it),
        T(test_removal_is_counted),
        T(test_read_after),
        T(test_read_after_is_cut_by_bytes),
        T(test_bounded_by_number),
        T(test_a_lower_number_drops_at_start),
        T(test_bounded_by_age),
        T(test_age_is_looked_at_again),
        T(test_integration_goes_whole),
        T(test_newer_attributes_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
