// SPDX-License-Identifier: Apache-2.0
#include "store/directory.h"

#include <stdio.h>

#include "base/map.h"
#include "lib/test.h"
#include "lib/test_clock.h"

static void test_hashidx(void **state)
{
    struct hashidx ix = {0};
    size_t at = 0;
    uint32_t v;
    (void)state;
    assert_false(hashidx_next(&ix, 1, &at, &v));
    for (uint32_t i = 0; i < 5000; i++) {
        hashidx_add(&ix, (uint64_t)(i / 2) * 0x9e3779b97f4a7c15u, i); // two of each hash
        assert_true(ix.n < ix.cap);
    }
    for (uint32_t i = 0; i < 5000; i++) {
        bool found = false;
        int n = 0;
        for (at = 0; hashidx_next(&ix, (uint64_t)(i / 2) * 0x9e3779b97f4a7c15u, &at, &v); n++)
            found |= v == i;
        assert_true(found);
        assert_true(n >= 2 && n < 10);
    }
    hashidx_free(&ix);
    hashidx_reserve(&ix, 100000);
    size_t cap = ix.cap;
    for (uint32_t i = 0; i < 100000; i++)
        hashidx_add(&ix, map_hash(span_of((const char *)&i, 4)), i);
    assert_int_equal(ix.cap, cap);
    hashidx_free(&ix);
}

static struct device *add(struct directory *dir, int i)
{
    char name[32];
    int n = snprintf(name, sizeof name, "device %d", i);
    struct store_device d = {.name = span_of(name, (size_t)n)};
    memcpy(d.uuid.b, &i, sizeof i);
    return directory_add(dir, &d);
}

static void init(struct directory *dir)
{
    *dir = (struct directory){.next_device = 1, .next_series = 1, .n_keys = 1};
}

static void test_devices(void **state)
{
    struct directory dir;
    struct device *all[1000];
    (void)state;
    init(&dir);
    for (int i = 0; i < 1000; i++)
        all[i] = add(&dir, i);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(all[i]->pub.id, i + 1);
        assert_ptr_equal(directory_find(&dir, all[i]->pub.name, false), all[i]);
        assert_null(directory_find(&dir, all[i]->pub.name, true));
        assert_ptr_equal(directory_find_uuid(&dir, all[i]->pub.uuid), all[i]);
    }
    directory_free(&dir);
}

// More keys than are searched one by one, found by a right guess, a wrong one, and none.
static void test_many_series_of_a_device(void **state)
{
    struct directory dir;
    char key[32];
    (void)state;
    init(&dir);
    struct device *d = add(&dir, 1), *other = add(&dir, 2);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 500; i++) {
            int n = snprintf(key, sizeof key, "key %d", i);
            struct span k = span_of(key, (size_t)n);
            if (pass == 0) {
                assert_null(directory_find_series(&dir, d, k, (uint32_t)i));
                assert_int_equal(directory_add_series(&dir, d, k)->series, i + 1);
            }
            const struct series_ref *ref = directory_find_series(&dir, d, k, (uint32_t)i);
            assert_int_equal(ref->series, i + 1);
            assert_ptr_equal(directory_find_series(&dir, d, k, 0), ref);
            assert_ptr_equal(directory_find_series(&dir, d, k, UINT32_MAX), ref);
            assert_span_equal(dir.keys[ref->key].name, k);
            assert_null(directory_find_series(&dir, other, k, 0));
        }
        assert_int_equal(d->n_new, 500);
    }
    assert_null(directory_series(&dir, 0));
    assert_null(directory_series(&dir, 501));
    assert_non_null(directory_series(&dir, 500));
    directory_free(&dir);
}

static void test_pack_and_unpack(void **state)
{
    struct directory dir;
    struct buf packed = {0};
    char key[2] = "a";
    (void)state;
    init(&dir);
    struct device *d = add(&dir, 1);
    for (; key[0] < 'a' + 5; key[0]++)
        directory_add_series(&dir, d, span_str(key));
    directory_pack_series(&dir, d, &packed);
    assert_int_equal(packed.n, 0); // none is submitted yet
    directory_series(&dir, 2)->state = ROW_SUBMITTED;
    directory_series(&dir, 5)->state = ROW_DURABLE;
    directory_pack_series(&dir, d, &packed);
    struct device *copy = add(&dir, 2);
    copy->packed = buf_span(&packed);
    assert_null(directory_find_series(&dir, copy, SPAN("a"), 0));
    assert_int_equal(directory_find_series(&dir, copy, SPAN("b"), 0)->series, 2);
    assert_int_equal(directory_find_series(&dir, copy, SPAN("e"), 0)->series, 5);
    assert_int_equal(copy->n_refs, 2);
    buf_free(&packed);
    directory_free(&dir);
}

static void test_latest_of_every_type(void **state)
{
    struct series s = {0};
    struct store_point p;
    (void)state;
    const struct value v[] = {value_long(INT64_MIN),       value_string(SPAN("abc")),
                              value_string(SPAN("xyz")),   value_json(SPAN("{}")),
                              value_string(SPAN("")),      value_bool(true),
                              value_json(SPAN("[1,2,3]")), value_double(-0.0)};
    assert_false(series_get_latest(&s, &p));
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        series_set_latest(&s, (int64_t)i, &v[i]);
        assert_true(series_get_latest(&s, &p));
        assert_int_equal(p.ts_ms, i);
        assert_true(value_eq(&p.value, &v[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashidx),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_many_series_of_a_device),
        cmocka_unit_test(test_pack_and_unpack),
        cmocka_unit_test(test_latest_of_every_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
