// SPDX-License-Identifier: Apache-2.0
#include "store/head.h"

#include <stdlib.h>

#include "base/err.h"
#include "lib/test.h"
#include "lib/test_clock.h"
#include "store/point_list.h"

#define SERIES 50

static struct head_cursor cursors[SERIES];

static struct head_cursor *cursor_of(void *ctx, uint32_t series)
{
    (void)ctx;
    return &cursors[series];
}

static void check(const struct buf *stream, const struct store_point *want, size_t n)
{
    struct point_list l = {0};
    assert_int_equal(point_list_decode(&l, buf_span(stream), INT64_MIN, INT64_MAX), 0);
    assert_int_equal(l.n, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(l.p[i].ts_ms, want[i].ts_ms);
        assert_true(value_eq(&l.p[i].value, &want[i].value));
    }
    point_list_free(&l);
}

// Interleaved series of all lengths, numbers and texts, through extents and pages.
static void test_streams_come_back(void **state)
{
    static struct store_point points[SERIES][3000];
    static char text[9000];
    size_t n[SERIES] = {0}, bytes = 0;
    uint64_t random = 5;
    struct head *h = head_new(1);
    (void)state;
    memset(cursors, 0, sizeof cursors);
    memset(text, 'x', sizeof text);
    assert_int_equal(head_bytes(h), 0);
    for (int i = 0; i < 40000; i++) {
        uint32_t s = (uint32_t)test_random_below(&random, 1 + test_random_below(&random, SERIES));
        struct store_point p = {i * 10, value_long((int64_t)test_random_below(&random, 1000))};
        if (i % 100 == 0)
            p.value = value_string(span_of(text, test_random_below(&random, sizeof text)));
        if (n[s] == 3000)
            continue;
        points[s][n[s]++] = p;
        head_prefetch(h, &cursors[s]);
        head_append(h, &cursors[s], s, p.ts_ms, &p.value);
        assert_true(head_bytes(h) >= bytes);
        bytes = head_bytes(h);
    }
    assert_false(head_crowded(h));
    struct buf b = {0};
    for (uint32_t s = 0; s < SERIES; s++) {
        buf_clear(&b);
        head_read_active(h, &cursors[s], &b);
        check(&b, points[s], n[s]);
    }
    head_freeze(h, cursor_of, NULL);
    const struct head_run *runs;
    size_t n_runs = head_runs(h, &runs);
    assert_true(n_runs <= SERIES && n_runs > SERIES / 2);
    for (size_t i = 0; i < n_runs; i++) {
        buf_clear(&b);
        head_read(h, &runs[i], &b);
        check(&b, points[runs[i].series], n[runs[i].series]);
    }
    buf_free(&b);
    head_free(h);
}

// Three heads after one another; series 0 is in all, 1 in the first and last, 2 in the second.
static void test_frozen_and_active(void **state)
{
    struct head *h[4] = {NULL, head_new(1), head_new(2), head_new(3)};
    struct value v = value_long(1);
    struct buf b = {0};
    (void)state;
    memset(cursors, 0, sizeof cursors);
    head_append(h[1], &cursors[1], 1, 11, &v);
    head_append(h[1], &cursors[0], 0, 10, &v);
    head_freeze(h[1], cursor_of, NULL);
    head_append(h[2], &cursors[0], 0, 20, &v);
    head_read_frozen(h[1], h[2], &cursors[0], 0, &b);
    check(&b, &(struct store_point){10, v}, 1);
    buf_clear(&b);
    head_read_frozen(h[1], h[2], &cursors[1], 1, &b);
    check(&b, &(struct store_point){11, v}, 1);
    buf_clear(&b);
    head_read_active(h[2], &cursors[1], &b);
    head_read_frozen(h[1], h[2], &cursors[2], 2, &b);
    head_read_frozen(NULL, h[2], &cursors[0], 0, &b);
    assert_int_equal(b.n, 0);
    head_append(h[2], &cursors[2], 2, 22, &v);
    head_freeze(h[2], cursor_of, NULL);
    head_append(h[3], &cursors[1], 1, 31, &v);
    head_append(h[3], &cursors[0], 0, 30, &v);
    head_read_frozen(h[2], h[3], &cursors[1], 1, &b); // its number is of the first head
    assert_int_equal(b.n, 0);
    head_read_frozen(h[2], h[3], &cursors[2], 2, &b);
    check(&b, &(struct store_point){22, v}, 1);
    buf_clear(&b);
    head_read_frozen(h[2], h[3], &cursors[0], 0, &b);
    check(&b, &(struct store_point){20, v}, 1);
    buf_free(&b);
    for (int i = 1; i <= 3; i++)
        head_free(h[i]);
}

static void test_crowded(void **state)
{
    struct head *h = head_new(1);
    struct value v = value_bool(true);
    int n = 0;
    (void)state;
    memset(cursors, 0, sizeof cursors);
    while (!head_crowded(h)) {
        assert_true(cursors[0].bytes < HEAD_SERIES_BYTES);
        head_append(h, &cursors[0], 0, n++ * (int64_t)100000, &v);
    }
    assert_true(cursors[0].bytes >= HEAD_SERIES_BYTES);
    assert_true(n > 100000);
    head_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_come_back),
        cmocka_unit_test(test_frozen_and_active),
        cmocka_unit_test(test_crowded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
