// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

// Devices that are deleted or changed, seen at once, after a restart and after a crash.

static void put_attribute(struct fixture *f, struct store_device *d, const char *key)
{
    struct kv kv = {span_str(key), value_long(1)};
    struct store_txn *t = store_txn_new(f->store);
    store_txn_attribute(t, d, STORE_SERVER, &kv, 1, false);
    fixture_commit(f, t);
}

static void delete_device(struct fixture *f, struct store_device *d)
{
    struct store_txn *t = store_txn_new(f->store);
    store_txn_delete_device(t, d);
    fixture_commit(f, t);
}

static size_t count_attributes(struct fixture *f, struct store_device *d)
{
    struct store_read r = {.kind = STORE_READ_ATTRIBUTES, .device = d};
    assert_int_equal(fixture_read(f, &r), 0);
    size_t n = r.n_attributes;
    store_read_free(&r);
    return n;
}

static size_t count_points(struct fixture *f, struct store_device *d, const char *key)
{
    struct store_read r;
    fixture_range(f, &r, d, key, 0, 1000000);
    size_t n = r.n_series ? r.series_out[0].n : 0;
    store_read_free(&r);
    return n;
}

// The new device of the old name has nothing of the old one's, whatever happened in between.
static void check_fresh(struct fixture *f)
{
    struct store_device *d = store_find_device(f->store, SPAN("d"), false);
    assert_non_null(d);
    assert_int_equal(count_attributes(f, d), 0);
    assert_int_equal(count_points(f, d, "k"), 1);
    struct store_read r = {.kind = STORE_READ_KEYS, .device = d};
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.n_series, 1);
    store_read_free(&r);
    assert_int_equal(store_count_devices(f->store), 2);
}

static void a_deleted_device_leaves_its_name(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d");
    struct uuid id = d->uuid;
    fixture_device(f, "other");
    fixture_point(f, store_find_device(f->store, SPAN("other"), false), "k", 1, value_long(1));
    fixture_point(f, d, "k", 1, value_long(1));
    fixture_flush(f);
    fixture_point(f, d, "k", 2, value_long(2));
    fixture_point(f, d, "gone", 2, value_long(2));
    put_attribute(f, d, "a");
    int64_t rows = -1;
    delete_device(f, d);
    struct db *db = fixture_db(f);
    assert_int_equal(db_query_int(db, "SELECT count(*) FROM attribute", 0, &rows), 0);
    assert_int_equal(rows, 0);
    db_close(db);
    assert_null(store_find_device(f->store, SPAN("d"), false));
    assert_null(store_find_device_id(f->store, id));
    assert_int_equal(store_count_devices(f->store), 1);
    // What comes late for the old one goes nowhere.
    fixture_point(f, d, "k", 3, value_long(3));
    put_attribute(f, d, "late");
    struct store_txn *t = store_txn_new(f->store);
    struct store_device *n =
        store_add_device(f->store, UUID_BYTE(77), SPAN("d"), SPAN(""), UUID_BYTE(1), false, 5);
    store_txn_device(t, n);
    fixture_commit(f, t);
    fixture_point(f, n, "k", 9, value_long(9));
    check_fresh(f);
    fixture_crash(f);
    check_fresh(f);
    fixture_flush(f);
    fixture_reopen(f);
    check_fresh(f);
}

// The newest ids are not given out again, although no row names them any more.
static void ids_of_the_last_device_are_not_reused(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d");
    fixture_point(f, d, "k", 1, value_long(1));
    put_attribute(f, d, "a");
    // Begun before, committed after: it names a series of the deleted device.
    struct store_txn *late = store_txn_new(f->store);
    fixture_txn_point(late, d, "late", 1, value_long(1));
    delete_device(f, d);
    fixture_commit(f, late);
    // A series that would be new is none: the log would name what no row and no floor knows.
    fixture_point(f, d, "later", 1, value_long(1));
    fixture_crash(f);
    d = fixture_device(f, "d");
    fixture_point(f, d, "x", 1, value_long(1));
    assert_int_equal(count_attributes(f, d), 0);
    assert_int_equal(count_points(f, d, "x"), 1);
    assert_int_equal(count_points(f, d, "k"), 0);
    fixture_reopen(f);
    d = store_find_device(f->store, SPAN("d"), false);
    assert_int_equal(count_points(f, d, "x"), 1);
    assert_int_equal(count_points(f, d, "late"), 0);
}

static void label_and_profile_can_change(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d");
    fixture_point(f, d, "k", 1, value_long(1));
    struct store_txn *t = store_txn_new(f->store);
    store_txn_update_device(t, d, SPAN("new label"), UUID_BYTE(9));
    fixture_commit(f, t);
    store_set_device(f->store, d, SPAN("new label"), UUID_BYTE(9));
    for (int i = 0; i < 2; i++) {
        d = store_find_device(f->store, SPAN("d"), false);
        assert_span_is(d->label, "new label");
        assert_true(uuid_eq(d->profile, UUID_BYTE(9)));
        assert_int_equal(count_points(f, d, "k"), 1);
        fixture_crash(f);
    }
}

// A transaction may have been begun before the device was deleted, and be committed after.
static void what_was_on_its_way_leaves_no_attribute(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d"), *other = fixture_device(f, "other");
    fixture_point(f, d, "k", 1, value_long(1));
    fixture_point(f, other, "k", 1, value_long(1));
    struct kv kv = {SPAN("late"), value_string(SPAN("secret"))};
    struct store_txn *late[4];
    for (int i = 0; i < 4; i++) {
        late[i] = store_txn_new(f->store);
        if (i & 1)
            store_txn_keep_newer(late[i]);
        store_txn_attribute(late[i], d, STORE_SHARED, &kv, 1, i & 2);
        store_txn_attribute(late[i], other, STORE_SHARED, &kv, i, i & 2);
    }
    delete_device(f, d);
    for (int i = 0; i < 4; i++)
        fixture_commit(f, late[i]);
    int64_t rows = -1;
    struct db *db = fixture_db(f);
    assert_int_equal(db_query_int(db, "SELECT count(*) FROM attribute", 0, &rows), 0);
    db_close(db);
    assert_int_equal(rows, 1);
    assert_int_equal(count_attributes(f, other), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_deleted_device_leaves_its_name),
        T(ids_of_the_last_device_are_not_reused),
        T(label_and_profile_can_change),
        T(what_was_on_its_way_leaves_no_attribute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
