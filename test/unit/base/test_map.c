// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"

#include <stdio.h>

#include "base/mem.h"
#include "lib/test.h"
#include "lib/test_clock.h"

struct thing {
    char name[24];
    bool in; // what the map should say
};

static struct span key_of(const struct thing *t)
{
    return span_str(t->name);
}

static void assert_agrees(const struct map *m, struct thing *things, size_t n)
{
    size_t count = 0, at = 0, seen = 0;
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(map_get(m, key_of(&things[i])), things[i].in ? &things[i] : NULL);
        count += things[i].in;
    }
    assert_int_equal(m->n, count);
    struct span key;
    for (struct thing *t; (t = map_next(m, &at, &key)); seen++) {
        assert_true(t->in);
        assert_span_equal(key, key_of(t));
    }
    assert_int_equal(seen, count);
}

static void test_basics(void **state)
{
    (void)state;
    struct map m = {0};
    int a = 1, b = 2;
    assert_null(map_get(&m, SPAN("a")));
    assert_null(map_remove(&m, SPAN("a")));
    assert_null(map_put(&m, SPAN("a"), &a));
    assert_ptr_equal(map_put(&m, SPAN("a"), &b), &a);
    assert_int_equal(m.n, 1);
    assert_null(map_put(&m, SPAN_NONE, &a));
    assert_ptr_equal(map_get(&m, SPAN("")), &a);
    assert_null(map_put(&m, SPAN("a\0b"), &a));
    assert_ptr_equal(map_get(&m, SPAN("a")), &b);
    assert_ptr_equal(map_get(&m, SPAN("a\0b")), &a);
    assert_ptr_equal(map_remove(&m, SPAN("a")), &b);
    assert_null(map_get(&m, SPAN("a")));
    map_free(&m);
    assert_int_equal(m.n, 0);
}

// The key belongs to the value, so that a replaced value must take its key with it.
static void test_replacing_takes_the_new_key(void **state)
{
    (void)state;
    struct map m = {0};
    struct thing *old = mem_new(struct thing), *new = mem_new(struct thing);
    strcpy(old->name, "same");
    strcpy(new->name, "same");
    map_put(&m, key_of(old), old);
    assert_ptr_equal(map_put(&m, key_of(new), new), old);
    mem_free(old);
    assert_ptr_equal(map_get(&m, SPAN("same")), new);
    map_free(&m);
    mem_free(new);
}

static void test_random_use(void **state)
{
    (void)state;
    enum { N = 700 };
    static struct thing things[N];
    struct map m = {0};
    uint64_t random = 1;
    for (size_t i = 0; i < N; i++) {
        snprintf(things[i].name, sizeof things[i].name, "device-%zu", i);
    }
    for (int step = 0; step < 20000; step++) {
        struct thing *t = &things[test_random_below(&random, N)];
        if (test_random(&random) % 3 == 0) {
            assert_ptr_equal(map_remove(&m, key_of(t)), t->in ? t : NULL);
            t->in = false;
        } else {
            assert_ptr_equal(map_put(&m, key_of(t), t), t->in ? t : NULL);
            t->in = true;
        }
        if (step % 500 == 0) {
            assert_agrees(&m, things, N);
        }
    }
    assert_agrees(&m, things, N);
    map_free(&m);
}

// Keys whose home slots are `homes` slots that end at the table's edge, so that runs wrap round.
static void find_clustered(struct thing *things, size_t n, size_t mask, size_t homes)
{
    for (size_t i = 0, tried = 0; i < n; tried++) {
        snprintf(things[i].name, sizeof things[i].name, "k%zu", tried);
        if (((map_hash(key_of(&things[i])) + homes / 2) & mask) < homes) {
            i++;
        }
    }
}

// Removal from runs of clustered hashes: every order of few, random orders of many.
static void test_removal_from_clusters(void **state)
{
    (void)state;
    enum { N = 20, CAP = 32 };
    for (size_t homes = 1; homes <= 6; homes++) {
        struct thing things[N] = {0};
        find_clustered(things, N, CAP - 1, homes);
        for (uint64_t seed = 1; seed <= 200; seed++) {
            struct map m = {0};
            uint64_t random = seed;
            for (size_t i = 0; i < N; i++) {
                map_put(&m, key_of(&things[i]), &things[i]);
                things[i].in = true;
            }
            assert_int_equal(m.cap, CAP);
            for (size_t left = N; left > 0;) {
                struct thing *t = &things[test_random_below(&random, N)];
                assert_ptr_equal(map_remove(&m, key_of(t)), t->in ? t : NULL);
                left -= t->in;
                t->in = false;
                assert_agrees(&m, things, N);
            }
            map_free(&m);
        }
    }
}

static void test_hash_spreads_and_repeats(void **state)
{
    (void)state;
    char text[64] = {0};
    uint64_t seen[64];
    for (size_t n = 0; n < 64; n++) {
        seen[n] = map_hash(span_of(text, n));
        assert_true(seen[n] == map_hash(span_of(text, n)));
        assert_true(seen[n] != 0);
        for (size_t i = 0; i < n; i++) {
            assert_true(seen[n] != seen[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_basics),
        cmocka_unit_test(test_replacing_takes_the_new_key),
        cmocka_unit_test(test_random_use),
        cmocka_unit_test(test_removal_from_clusters),
        cmocka_unit_test(test_hash_spreads_and_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
