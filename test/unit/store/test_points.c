// SPDX-License-Identifier: Apache-2.0
#include "store/point_list.h"

#include <stdlib.h>

#include "base/err.h"
#include "lib/test.h"
#include "lib/test_clock.h"

#define N 2000

struct sample {
    uint32_t series;
    int64_t ts;
    struct value v;
};

static char texts[N][24];

static struct value random_value(uint64_t *random, int i)
{
    uint64_t r = test_random(random);
    double raw;
    switch (r % 10) {
    case 0:
        return value_bool(r >> 32 & 1);
    case 1:
        return value_long((int64_t)test_random(random));
    case 2:
    case 3:
        return value_long((int64_t)(r >> 40) - 100);
    case 4:
        memcpy(&raw, &(uint64_t){test_random(random)}, sizeof raw);
        return value_double(raw); // NaN and infinity too
    case 5:
    case 6:
        return value_double((double)(int64_t)(r >> 44) / 10);
    case 7:
        return value_double((double)(int64_t)(r >> 40) / 1000);
    default:
        break;
    }
    size_t n = r >> 8 & 15;
    for (size_t k = 0; k < n; k++)
        texts[i][k] = (char)(test_random(random) & 0xff);
    return r & 16 ? value_string(span_of(texts[i], n)) : value_json(span_of(texts[i], n));
}

static void fill(struct sample *s, uint64_t seed)
{
    uint64_t random = seed;
    int64_t ts = 1700000000000;
    for (int i = 0; i < N; i++) {
        uint64_t r = test_random(&random);
        ts = (int64_t)((uint64_t)ts + (r % 8 ? 1000 + r % 3 : test_random(&random)));
        s[i] = (struct sample){(uint32_t)(r >> 33), ts, random_value(&random, i)};
    }
}

static void assert_same(const struct value *a, const struct value *b)
{
    assert_int_equal(a->type, b->type);
    if (a->type == VALUE_BOOL)
        assert_int_equal(a->b, b->b);
    else if (a->type >= VALUE_STRING)
        assert_span_equal(a->s, b->s);
    else
        assert_memory_equal(&a->i, &b->i, sizeof a->i);
}

static void encode(struct buf *out, const struct sample *s, int n)
{
    struct points_state st = {0};
    for (int i = 0; i < n; i++) {
        uint8_t tmp[POINTS_FIXED_MAX];
        size_t used = (size_t)(points_encode(&st, s[i].ts, &s[i].v, tmp) - tmp);
        assert_true(used <= POINTS_FIXED_MAX);
        buf_add(out, tmp, used);
        if (s[i].v.type >= VALUE_STRING)
            buf_add_span(out, s[i].v.s);
    }
}

static void test_series_stream_round_trip(void **state)
{
    static struct sample s[N];
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct buf b = {0};
        fill(s, seed);
        encode(&b, s, N);
        struct points_state st = {0};
        struct unpack u = unpack_of(buf_span(&b));
        int64_t ts;
        struct value v;
        for (int i = 0; i < N; i++) {
            assert_int_equal(points_decode(&st, &u, &ts, &v), 1);
            assert_int_equal(ts, s[i].ts);
            assert_same(&v, &s[i].v);
        }
        assert_int_equal(points_decode(&st, &u, &ts, &v), 0);
        buf_free(&b);
    }
}

static void test_log_round_trip(void **state)
{
    static struct sample s[N];
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct buf b = {0};
        struct points_log_state out = {0}, in = {0};
        fill(s, seed);
        for (int i = 0; i < N; i++)
            points_log_encode(&out, s[i].series, s[i].ts, &s[i].v, &b);
        struct unpack u = unpack_of(buf_span(&b));
        uint32_t series;
        int64_t ts;
        struct value v;
        for (int i = 0; i < N; i++) {
            assert_int_equal(points_log_decode(&in, &u, &series, &ts, &v), 1);
            assert_int_equal(series, s[i].series);
            assert_int_equal(ts, s[i].ts);
            assert_same(&v, &s[i].v);
        }
        assert_int_equal(points_log_decode(&in, &u, &series, &ts, &v), 0);
        buf_free(&b);
    }
}

static void test_extreme_times(void **state)
{
    static const int64_t times[] = {INT64_MAX, INT64_MIN, 0, -1, INT64_MIN, INT64_MAX, 1};
    struct sample s[7];
    struct buf b = {0};
    struct point_list l = {0};
    (void)state;
    for (int i = 0; i < 7; i++)
        s[i] = (struct sample){1, times[i], value_long(i)};
    encode(&b, s, 7);
    assert_int_equal(point_list_decode(&l, buf_span(&b), INT64_MIN, INT64_MAX), 0);
    assert_int_equal(l.n, 7);
    for (int i = 0; i < 7; i++)
        assert_int_equal(l.p[i].ts_ms, times[i]);
    assert_false(point_list_is_sorted(&l));
    point_list_settle(&l);
    assert_true(point_list_is_sorted(&l));
    assert_int_equal(l.n, 5);
    assert_int_equal(l.p[0].value.i, 4); // of equal times the last
    assert_int_equal(l.p[4].value.i, 5);
    point_list_free(&l);
    buf_free(&b);
}

// What telemetry mostly is takes few bytes: a point a second, one digit after the point.
static void test_steady_decimals_are_small(void **state)
{
    struct sample s[1000];
    struct buf b = {0};
    (void)state;
    for (int i = 0; i < 1000; i++)
        s[i] = (struct sample){1, 1700000000000 + i * 1000, value_double((201 + i % 8) / 10.0)};
    encode(&b, s, 1000);
    assert_true(b.n < 2100);
    buf_free(&b);
}

// Every way of cutting a stream is an error or an early end, never a point too many.
static void test_cut_streams(void **state)
{
    static struct sample s[N];
    struct buf b = {0};
    (void)state;
    fill(s, 77);
    encode(&b, s, 200);
    size_t best = 0;
    for (size_t n = 0; n <= b.n; n++) {
        struct point_list l = {0};
        char *copy = malloc(n ? n : 1); // so that the sanitizer sees a read past the end
        memcpy(copy, b.p, n);
        int rc = point_list_decode(&l, span_of(copy, n), INT64_MIN, INT64_MAX);
        assert_true(rc == 0 || rc == ERR_INVALID);
        assert_true(l.n >= best);
        assert_true(l.n == 200 || n < b.n);
        best = l.n;
        point_list_free(&l);
        free(copy);
    }
    buf_free(&b);
}

static void test_damaged_streams(void **state)
{
    static struct sample s[N];
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct buf b = {0};
        uint64_t random = seed;
        struct point_list l = {0};
        fill(s, seed);
        encode(&b, s, 100);
        for (int k = 0; k < 5; k++)
            b.p[test_random_below(&random, b.n)] ^= (char)(1 << test_random_below(&random, 8));
        int rc = point_list_decode(&l, buf_span(&b), INT64_MIN, INT64_MAX);
        assert_true(rc == 0 || rc == ERR_INVALID);
        point_list_settle(&l);
        point_list_free(&l);
        buf_free(&b);
    }
}

static void test_wrong_tags(void **state)
{
    (void)state;
    static const char no_tag[] = {0}, unknown[] = {1, 100}, bare_decimal[] = {1, POINTS_DECIMAL, 0},
                      long_double[] = {1, POINTS_DOUBLE, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct point_list l = {0};
    assert_int_equal(point_list_decode(&l, span_of(no_tag, 1), 0, 1), ERR_INVALID);
    assert_int_equal(point_list_decode(&l, span_of(unknown, 2), 0, 1), ERR_INVALID);
    assert_int_equal(point_list_decode(&l, span_of(bare_decimal, 3), 0, 1), ERR_INVALID);
    assert_int_equal(point_list_decode(&l, span_of(long_double, 12), 0, 1), ERR_INVALID);
    point_list_free(&l);
}

// The list against the plainest sort there is.
static void test_settle(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        uint64_t random = seed;
        size_t n = (size_t)test_random_below(&random, 200);
        struct sample s[200];
        struct buf b = {0};
        struct point_list l = {0};
        for (size_t i = 0; i < n; i++)
            s[i] =
                (struct sample){1, (int64_t)test_random_below(&random, 50), value_long((int64_t)i)};
        encode(&b, s, (int)n);
        assert_int_equal(point_list_decode(&l, buf_span(&b), 10, 40), 0);
        point_list_settle(&l);
        size_t at = 0;
        for (int64_t ts = 10; ts <= 40; ts++) {
            int64_t last = -1;
            for (size_t i = 0; i < n; i++)
                last = s[i].ts == ts ? (int64_t)i : last;
            if (last < 0)
                continue;
            assert_true(at < l.n);
            assert_int_equal(l.p[at].ts_ms, ts);
            assert_int_equal(l.p[at++].value.i, last);
        }
        assert_int_equal(at, l.n);
        point_list_free(&l);
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_series_stream_round_trip),
        cmocka_unit_test(test_log_round_trip),
        cmocka_unit_test(test_extreme_times),
        cmocka_unit_test(test_steady_decimals_are_small),
        cmocka_unit_test(test_cut_streams),
        cmocka_unit_test(test_damaged_streams),
        cmocka_unit_test(test_wrong_tags),
        cmocka_unit_test(test_settle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
