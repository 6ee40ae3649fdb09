// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

#include <stdio.h>
#include <sys/stat.h>

// Every operation, written, read back, and read back after a restart and after a crash.

static void check_devices(struct fixture *f, size_t n)
{
    assert_int_equal(store_count_devices(f->store), n);
}

static void test_device_is_durable_with_first_commit(void **state)
{
    struct fixture *f = *state;
    struct uuid id = UUID_BYTE(1), profile = UUID_BYTE(2);
    struct store_device *d =
        store_add_device(f->store, id, SPAN("kitchen"), SPAN("upstairs"), profile, false, 1234);
    struct store_device *a =
        store_add_device(f->store, UUID_BYTE(3), SPAN("kitchen"), SPAN(""), profile, true, 5);
    assert_false(d->durable);
    assert_ptr_equal(store_find_device(f->store, SPAN("kitchen"), false), d);
    assert_ptr_equal(store_find_device(f->store, SPAN("kitchen"), true), a);
    assert_null(store_find_device(f->store, SPAN("kitchen2"), false));
    assert_ptr_equal(store_find_device_id(f->store, id), d);

    struct store_txn *t = store_txn_new(f->store);
    store_txn_device(t, d);
    assert_true(store_txn_bytes(t) > 0);
    fixture_commit(f, t);
    assert_true(d->durable);
    assert_false(a->durable);

    fixture_reopen(f);
    check_devices(f, 1);
    d = store_find_device(f->store, SPAN("kitchen"), false);
    assert_non_null(d);
    assert_true(d->durable);
    assert_true(uuid_eq(d->uuid, id));
    assert_true(uuid_eq(d->profile, profile));
    assert_span_is(d->label, "upstairs");
    assert_int_equal(d->created_ms, 1234);
    assert_false(d->is_asset);
    assert_null(store_find_device(f->store, SPAN("kitchen"), true));
    assert_null(store_find_device_id(f->store, UUID_BYTE(3)));
}

// Each is the first to touch the device, and the one begun first is committed last, or never.
static void test_first_committed_transaction_writes_the_rows(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d");
    struct store_txn *first = store_txn_new(f->store), *second = store_txn_new(f->store);
    struct store_txn *dropped = store_txn_new(f->store);
    fixture_txn_point(dropped, d, "a", 1, value_long(1));
    fixture_txn_point(dropped, d, "never", 1, value_long(1));
    fixture_txn_point(first, d, "a", 2, value_long(2));
    fixture_txn_point(second, d, "a", 3, value_long(3));
    fixture_txn_point(second, d, "b", 3, value_long(30));
    store_txn_free(dropped);
    fixture_commit(f, second);
    store_txn_free(first);
    fixture_crash(f);
    d = store_find_device(f->store, SPAN("d"), false);
    assert_non_null(d);
    struct store_read r = {.kind = STORE_READ_KEYS, .device = d};
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.n_series, 2);
    assert_span_is(r.series_out[0].key, "a");
    assert_span_is(r.series_out[1].key, "b");
    store_read_free(&r);
}

static void test_series_not_durable_yet_are_hidden(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d");
    struct store_txn *t = store_txn_new(f->store);
    fixture_txn_point(t, d, "a", 1, value_long(1));
    struct store_read r = {.kind = STORE_READ_KEYS, .device = d};
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.n_series, 0);
    store_read_free(&r);
    assert_null(store_peek_latest(f->store, d, SPAN("a")));
    fixture_commit(f, t);
    const struct store_point *p = store_peek_latest(f->store, d, SPAN("a"));
    assert_non_null(p);
    assert_int_equal(p->ts_ms, 1);
    assert_int_equal(p->value.i, 1);
}

static const struct value samples[] = {
    {.type = VALUE_BOOL, .b = true},
    {.type = VALUE_BOOL, .b = false},
    {.type = VALUE_LONG, .i = 0},
    {.type = VALUE_LONG, .i = INT64_MIN},
    {.type = VALUE_LONG, .i = INT64_MAX},
    {.type = VALUE_DOUBLE, .d = 22.5},
    {.type = VALUE_DOUBLE, .d = 22.1},
    {.type = VALUE_DOUBLE, .d = 0.0},
    {.type = VALUE_DOUBLE, .d = -0.0},
    {.type = VALUE_DOUBLE, .d = 1.0 / 3},
    {.type = VALUE_DOUBLE, .d = 5e-324},
    {.type = VALUE_DOUBLE, .d = -1.7976931348623157e308},
    {.type = VALUE_STRING, .s = {"", 0}},
    {.type = VALUE_STRING, .s = {"v.0.11", 6}},
    {.type = VALUE_STRING, .s = {"a\0b", 3}},
    {.type = VALUE_STRING, .s = {"\xd0\x96\xe2\x82\xac", 5}},
    {.type = VALUE_JSON, .s = {"{\"a\":[1,2]}", 11}},
};
#define N_SAMPLES (sizeof samples / sizeof *samples)

static void check_same(const struct value *got, const struct value *want)
{
    assert_int_equal(got->type, want->type);
    if (want->type == VALUE_BOOL)
        assert_int_equal(got->b, want->b);
    else if (want->type >= VALUE_STRING)
        assert_span_equal(got->s, want->s);
    else
        assert_memory_equal(&got->i, &want->i, sizeof want->i); // every bit of a double
}

static void check_points(struct fixture *f, struct store_device *d)
{
    struct store_read r;
    fixture_range(f, &r, d, "k", 0, 1000);
    assert_int_equal(r.series_out[0].n, N_SAMPLES);
    for (size_t i = 0; i < N_SAMPLES; i++) {
        assert_int_equal(r.series_out[0].points[i].ts_ms, i * 10);
        check_same(&r.series_out[0].points[i].value, &samples[i]);
    }
    store_read_free(&r);
}

static void test_points_come_back_exactly(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d");
    for (size_t i = 0; i < N_SAMPLES; i++)
        fixture_point(f, d, "k", (int64_t)i * 10, samples[i]);
    check_points(f, d);
    fixture_crash(f);
    d = fixture_device(f, "d");
    check_points(f, d);
    fixture_flush(f);
    check_points(f, d);
    fixture_reopen(f);
    check_points(f, fixture_device(f, "d"));
}

static void put_attribute(struct fixture *f, struct store_device *d, enum store_scope scope,
                          const char *key, struct value v, int64_t ts, bool only_changed)
{
    struct store_txn *t = store_txn_new(f->store);
    struct kv kv = {span_str(key), v};
    store_txn_attribute(t, d, scope, &kv, ts, only_changed);
    fixture_commit(f, t);
}

static void check_attribute(struct fixture *f, struct store_device *d, const char *key,
                            const struct value *want, int64_t ts)
{
    struct span k = span_str(key);
    struct store_read r = {.kind = STORE_READ_ATTRIBUTES, .device = d, .keys = &k, .n_keys = 1};
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.n_attributes, want ? 1 : 0);
    if (want) {
        assert_span_equal(r.attributes_out[0].key, k);
        assert_int_equal(r.attributes_out[0].ts_ms, ts);
        check_same(&r.attributes_out[0].value, want);
    }
    store_read_free(&r);
}

static void test_attributes_come_back_exactly(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d");
    char key[8];
    for (size_t i = 0; i < N_SAMPLES; i++) {
        snprintf(key, sizeof key, "k%zu", i);
        put_attribute(f, d, STORE_SHARED, key, samples[i], (int64_t)i, false);
    }
    fixture_reopen(f);
    d = fixture_device(f, "d");
    for (size_t i = 0; i < N_SAMPLES; i++) {
        snprintf(key, sizeof key, "k%zu", i);
        check_attribute(f, d, key, &samples[i], (int64_t)i);
    }
}

static void test_attribute_only_changed_keeps_the_time(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d");
    struct value one = value_long(1), one_text = value_string(SPAN("1")), yes = value_bool(true);
    put_attribute(f, d, STORE_CLIENT, "k", one, 100, true);
    put_attribute(f, d, STORE_CLIENT, "k", one, 200, true);
    check_attribute(f, d, "k", &one, 100);
    put_attribute(f, d, STORE_CLIENT, "k", one, 300, false);
    check_attribute(f, d, "k", &one, 300);
    put_attribute(f, d, STORE_CLIENT, "k", one_text, 400, true);
    check_attribute(f, d, "k", &one_text, 400);
    put_attribute(f, d, STORE_CLIENT, "k", one, 500, true);
    put_attribute(f, d, STORE_CLIENT, "k", yes, 600, true); // the same number in SQL
    check_attribute(f, d, "k", &yes, 600);
    struct store_txn *t = store_txn_new(f->store);
    store_txn_delete_attribute(t, d, STORE_SERVER, SPAN("k")); // another scope
    fixture_commit(f, t);
    check_attribute(f, d, "k", &yes, 600);
    t = store_txn_new(f->store);
    store_txn_delete_attribute(t, d, STORE_CLIENT, SPAN("k"));
    fixture_commit(f, t);
    check_attribute(f, d, "k", NULL, 0);
}

static void test_attributes_by_scope(void **state)
{
    struct fixture *f = *state;
    struct store_device *d = fixture_device(f, "d"), *other = fixture_device(f, "other");
    put_attribute(f, d, STORE_SHARED, "b", value_long(2), 1, false);
    put_attribute(f, d, STORE_SHARED, "a", value_long(1), 1, false);
    put_attribute(f, d, STORE_CLIENT, "c", value_long(3), 1, false);
    put_attribute(f, other, STORE_CLIENT, "z", value_long(4), 1, false);
    struct store_read r = {.kind = STORE_READ_ATTRIBUTES, .device = d, .scope = STORE_SHARED};
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.n_attributes, 2);
    assert_span_is(r.attributes_out[0].key, "a");
    assert_span_is(r.attributes_out[1].key, "b");
    assert_int_equal(r.attributes_out[1].scope, STORE_SHARED);
    store_read_free(&r);
    r = (struct store_read){.kind = STORE_READ_ATTRIBUTES, .device = d};
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.n_attributes, 3);
    store_read_free(&r);
}

static void test_checkpoints(void **state)
{
    struct fixture *f = *state;
    struct store_checkpoint c = {.integration = UUID_BYTE(1),
                                 .stream = SPAN("arn:1@5"),
                                 .shard_id = SPAN("shardId-0"),
                                 .sequence = SPAN("49590338271490256608559692538361571095921"),
                                 .sub_sequence = UINT64_MAX,
                                 .records_applied = 3,
                                 .shard_end = false};
    struct store_txn *t = store_txn_new(f->store);
    store_txn_checkpoint(t, &c);
    c.shard_id = SPAN("shardId-1");
    c.sequence = SPAN_NONE;
    store_txn_checkpoint(t, &c);
    c.integration = UUID_BYTE(2);
    store_txn_checkpoint(t, &c);
    fixture_commit(f, t);
    t = store_txn_new(f->store);
    c.integration = UUID_BYTE(1);
    c.records_applied = 1ull << 40;
    c.shard_end = true;
    store_txn_checkpoint(t, &c);
    fixture_commit(f, t);
    fixture_crash(f);
    struct store_read r = {.kind = STORE_READ_CHECKPOINTS, .integration = UUID_BYTE(1)};
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.n_checkpoints, 2);
    assert_span_is(r.checkpoints_out[0].shard_id, "shardId-0");
    assert_span_is(r.checkpoints_out[0].stream, "arn:1@5");
    assert_span_is(r.checkpoints_out[0].sequence, "49590338271490256608559692538361571095921");
    assert_true(r.checkpoints_out[0].sub_sequence == UINT64_MAX);
    assert_int_equal(r.checkpoints_out[0].records_applied, 3);
    assert_false(r.checkpoints_out[0].shard_end);
    assert_span_is(r.checkpoints_out[1].sequence, "");
    assert_int_equal(r.checkpoints_out[1].records_applied, 1ull << 40);
    assert_true(r.checkpoints_out[1].shard_end);
    store_read_free(&r);

    t = store_txn_new(f->store);
    store_txn_delete_checkpoints(t, UUID_BYTE(1));
    fixture_commit(f, t);
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.n_checkpoints, 0);
    store_read_free(&r);
    r.integration = UUID_BYTE(2);
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.n_checkpoints, 1);
    store_read_free(&r);
}

struct doc_list {
    int n;
    char text[256];
};

static void on_doc(void *ctx, enum store_doc_kind kind, struct uuid id, struct span name,
                   struct span json)
{
    struct doc_list *l = ctx;
    size_t at = strlen(l->text);
    snprintf(l->text + at, sizeof l->text - at, "%d%d%.*s%.*s;", kind, id.b[0], SPAN_ARG(name),
             SPAN_ARG(json));
    l->n++;
}

static void test_docs(void **state)
{
    struct fixture *f = *state;
    struct store_txn *t = store_txn_new(f->store);
    store_txn_put_doc(t, STORE_INTEGRATION, UUID_BYTE(7), SPAN("k"), SPAN("{}"));
    store_txn_put_doc(t, STORE_CONVERTER, UUID_BYTE(7), SPAN("c"), SPAN("[]"));
    store_txn_put_doc(t, STORE_CONVERTER, UUID_BYTE(8), SPAN("gone"), SPAN("1"));
    fixture_commit(f, t);
    t = store_txn_new(f->store);
    store_txn_put_doc(t, STORE_INTEGRATION, UUID_BYTE(7), SPAN("new"), SPAN("{1}"));
    store_txn_delete_doc(t, STORE_CONVERTER, UUID_BYTE(8));
    fixture_commit(f, t);
    fixture_reopen(f);
    struct doc_list l = {0};
    assert_int_equal(store_load_docs(f->store, on_doc, &l), 0);
    assert_string_equal(l.text, "27new{1};17c[];");
}

static void add_named(struct store *s, struct store_txn *t, int i, const char *name,
                      const char *label, uint8_t profile, bool is_asset)
{
    struct store_device *d = store_add_device(s, UUID_BYTE((uint8_t)i), span_str(name),
                                              span_str(label), UUID_BYTE(profile), is_asset, i);
    store_txn_device(t, d);
}

static void check_page(struct fixture *f, struct store_read *r, uint64_t total, const char *names)
{
    char got[256] = "";
    r->kind = STORE_READ_DEVICES;
    assert_int_equal(fixture_read(f, r), 0);
    for (size_t i = 0; i < r->n_devices; i++) {
        size_t at = strlen(got);
        snprintf(got + at, sizeof got - at, "%.*s,", SPAN_ARG(r->devices_out[i].name));
    }
    assert_string_equal(got, names);
    assert_int_equal(r->total, total);
    store_read_free(r);
}

static void test_device_pages(void **state)
{
    struct fixture *f = *state;
    struct store_txn *t = store_txn_new(f->store);
    store_txn_put_doc(t, STORE_PROFILE, UUID_BYTE(100), SPAN("thermostat"), SPAN("{}"));
    store_txn_put_doc(t, STORE_PROFILE, UUID_BYTE(101), SPAN("default"), SPAN("{}"));
    add_named(f->store, t, 1, "Delta", "z", 100, false);
    add_named(f->store, t, 2, "alpha", "y", 101, false);
    add_named(f->store, t, 3, "100%_x\\", "x", 101, false);
    add_named(f->store, t, 4, "Charlie", "alp", 100, false);
    add_named(f->store, t, 5, "asset", "", 101, true);
    fixture_commit(f, t);
    struct store_read r = {.page_size = 10, .sort = STORE_SORT_NAME, .ascending = true};
    check_page(f, &r, 4, "100%_x\\,alpha,Charlie,Delta,");
    r.ascending = false;
    r.page_size = 3;
    check_page(f, &r, 4, "Delta,Charlie,alpha,");
    r.page = 1;
    check_page(f, &r, 4, "100%_x\\,");
    r = (struct store_read){.page_size = 10, .sort = STORE_SORT_CREATED, .ascending = true};
    check_page(f, &r, 4, "Delta,alpha,100%_x\\,Charlie,");
    r.sort = STORE_SORT_LABEL;
    check_page(f, &r, 4, "Charlie,100%_x\\,alpha,Delta,");
    r.sort = STORE_SORT_PROFILE;
    check_page(f, &r, 4, "alpha,100%_x\\,Delta,Charlie,");
    r.sort = STORE_SORT_NAME;
    r.text = SPAN("LPHA"); // names and labels, any case
    check_page(f, &r, 1, "alpha,");
    r.text = SPAN("Alp");
    check_page(f, &r, 2, "alpha,Charlie,");
    r.text = SPAN("thermo"); // and profiles
    check_page(f, &r, 2, "Charlie,Delta,");
    r.text = SPAN("%");
    check_page(f, &r, 1, "100%_x\\,");
    r.text = SPAN("0%_X\\");
    check_page(f, &r, 1, "100%_x\\,");
    r.text = SPAN_NONE;
    r.by_profile = true;
    r.profile = UUID_BYTE(100);
    check_page(f, &r, 2, "Charlie,Delta,");
    r = (struct store_read){.page_size = SIZE_MAX, .page = 1, .is_asset = true};
    check_page(f, &r, 1, "");
    r.page = 0;
    check_page(f, &r, 1, "asset,");
}

static void test_files_are_private(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    assert_int_equal(stat(f->dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(f->store->db_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_device_is_durable_with_first_commit),
        T(test_first_committed_transaction_writes_the_rows),
        T(test_series_not_durable_yet_are_hidden),
        T(test_points_come_back_exactly),
        T(test_attributes_come_back_exactly),
        T(test_attribute_only_changed_keeps_the_time),
        T(test_attributes_by_scope),
        T(test_checkpoints),
        T(test_docs),
        T(test_device_pages),
        T(test_files_are_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
