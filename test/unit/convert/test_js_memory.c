// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"

#include "lib/test_clock.h"

#include "convert/js_memory.h"

#define N 400

static void test_blocks_do_not_overlap(void **state)
{
    (void)state;
    struct js_memory m = {.limit = (size_t)64 << 20};
    struct {
        unsigned char *p;
        size_t n;
        unsigned char mark;
    } live[N] = {0};
    uint64_t seed = 7;
    for (int step = 0; step < 40000; step++) {
        size_t i = test_random_below(&seed, N);
        size_t n = test_random_below(&seed, step % 10 == 0 ? 9000 : 700) + 1;
        for (size_t k = 0; k < live[i].n; k++)
            assert_int_equal(live[i].p[k], live[i].mark);
        unsigned char mark = (unsigned char)step;
        if (test_random_below(&seed, 3) == 0) {
            size_t keep = live[i].n < n ? live[i].n : n;
            unsigned char *p = js_memory_realloc(&m, live[i].p, n);
            assert_non_null(p);
            for (size_t k = 0; k < keep; k++)
                assert_int_equal(p[k], live[i].mark);
            live[i].p = p;
        } else {
            js_memory_free(&m, live[i].p);
            live[i].p = js_memory_alloc(&m, n);
            assert_non_null(live[i].p);
        }
        assert_int_equal((uintptr_t)live[i].p % 8, 0);
        live[i].n = n;
        live[i].mark = mark;
        memset(live[i].p, mark, n);
    }
    js_memory_release(&m);
    assert_int_equal(m.held, 0);
}

// Each size around the edges of the classes and of what is large.
static void test_every_size(void **state)
{
    (void)state;
    struct js_memory m = {.limit = (size_t)64 << 20};
    for (size_t n = 1; n <= 2200; n++) {
        char *p = js_memory_alloc(&m, n);
        memset(p, 1, n);
        p = js_memory_realloc(&m, p, n + 1);
        p[n] = 2;
        js_memory_free(&m, p);
    }
    assert_null(js_memory_alloc(&m, 0));
    js_memory_free(&m, NULL);
    js_memory_release(&m);
}

static void test_limit(void **state)
{
    (void)state;
    struct js_memory m = {.limit = 1 << 20};
    assert_null(js_memory_alloc(&m, (1 << 20) + 1));
    assert_true(m.refused);
    m.refused = false;
    void *p = js_memory_alloc(&m, 1 << 19);
    assert_non_null(p);
    assert_false(m.refused);
    assert_null(js_memory_realloc(&m, p, (1 << 20) + 1));
    assert_true(m.refused);
    assert_non_null(js_memory_reserve(&m, 1 << 20));
    assert_true(m.held > m.limit);
    js_memory_free(&m, p);
    size_t n = 0;
    m.refused = false;
    while (js_memory_alloc(&m, 100))
        n++;
    assert_int_equal(n, 0);
    js_memory_release(&m);
    while (js_memory_alloc(&m, 100))
        n++;
    assert_true(n * 100 <= m.limit && n * 150 > m.limit);
    assert_null(js_memory_alloc(&m, SIZE_MAX));
    js_memory_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_do_not_overlap),
        cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
