// SPDX-License-Identifier: Apache-2.0
#include "store/aggregate.h"

#include "lib/test.h"
#include "lib/test_clock.h"

#define BUCKETS_MAX 64

static struct store_point out[BUCKETS_MAX];
static char texts[BUCKETS_MAX][32];

// Feeds the points and collects the buckets.
static size_t run(enum store_agg agg, int64_t start, int64_t end, int64_t interval,
                  const struct store_point *p, size_t n)
{
    struct aggregate a;
    struct store_point b;
    size_t got = 0;
    aggregate_init(&a, agg, start, end, interval);
    for (size_t i = 0; i <= n; i++) {
        bool done = i < n ? aggregate_add(&a, &p[i], &b) : aggregate_finish(&a, &b);
        if (!done)
            continue;
        assert_true(got < BUCKETS_MAX);
        if (b.value.type >= VALUE_STRING) {
            assert_true(b.value.s.n < sizeof texts[got]);
            if (b.value.s.n)
                memcpy(texts[got], b.value.s.p, b.value.s.n);
            b.value.s.p = texts[got];
        }
        out[got++] = b;
    }
    aggregate_free(&a);
    return got;
}

#define L(t, x)                                                                                    \
    {                                                                                              \
        (t),                                                                                       \
        {                                                                                          \
            .type = VALUE_LONG, .i = (x)                                                           \
        }                                                                                          \
    }
#define D(t, x)                                                                                    \
    {                                                                                              \
        (t),                                                                                       \
        {                                                                                          \
            .type = VALUE_DOUBLE, .d = (x)                                                         \
        }                                                                                          \
    }
#define S(t, x)                                                                                    \
    {                                                                                              \
        (t),                                                                                       \
        {                                                                                          \
            .type = VALUE_STRING, .s = {"" x, sizeof(x) - 1}                                       \
        }                                                                                          \
    }
#define B(t, x)                                                                                    \
    {                                                                                              \
        (t),                                                                                       \
        {                                                                                          \
            .type = VALUE_BOOL, .b = (x)                                                           \
        }                                                                                          \
    }

struct row {
    const char *name;
    struct store_point in[4];
    size_t n;
    struct store_point min, max, avg, sum, count; // type 0 = no bucket
};

#define NONE {0, {.type = (enum value_type)0}}

static const struct row rows[] = {
    {"longs", {L(0, 3), L(1, -1), L(2, 5)}, 3, L(5, -1), L(5, 5), D(5, 7.0 / 3), L(5, 7), L(5, 3)},
    {"doubles", {D(0, 1.5), D(9, -2.5)}, 2, D(5, -2.5), D(5, 1.5), D(5, -0.5), D(5, -1.0), L(5, 2)},
    {"mixed", {L(0, 1), D(1, 2.5)}, 2, D(5, 1.0), D(5, 2.5), D(5, 1.75), D(5, 3.5), L(5, 2)},
    {"texts", {S(0, "b"), S(1, "a"), S(2, "bb")}, 3, S(5, "a"), S(5, "bb"), NONE, NONE, L(5, 3)},
    {"empty text", {S(0, ""), S(1, "a")}, 2, S(5, ""), S(5, "a"), NONE, NONE, L(5, 2)},
    {"numbers win", {S(0, "b"), L(1, 4)}, 2, L(5, 4), L(5, 4), D(5, 4.0), L(5, 4), L(5, 2)},
    {"bools", {B(0, true), B(1, false)}, 2, NONE, NONE, NONE, NONE, L(5, 2)},
    {"sum too large",
     {L(0, INT64_MAX), L(1, INT64_MAX)},
     2,
     L(5, INT64_MAX),
     L(5, INT64_MAX),
     D(5, 9223372036854775808.0),
     D(5, 18446744073709551616.0),
     L(5, 2)},
    {"sum back in range",
     {L(0, INT64_MIN), L(1, -1), L(2, 1)},
     3,
     L(5, INT64_MIN),
     L(5, 1),
     D(5, -3074457345618258602.666),
     L(5, INT64_MIN),
     L(5, 3)},
};

static void check(const struct row *r, enum store_agg agg, const struct store_point *want)
{
    size_t n = run(agg, 0, 10, 10, r->in, r->n);
    if (!want->value.type) {
        assert_int_equal(n, 0);
        return;
    }
    assert_int_equal(n, 1);
    assert_int_equal(out[0].ts_ms, want->ts_ms);
    if (out[0].value.type != want->value.type || !value_eq(&out[0].value, &want->value))
        fail_msg("%s, aggregation %d", r->name, agg);
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check(&rows[i], STORE_MIN, &rows[i].min);
        check(&rows[i], STORE_MAX, &rows[i].max);
        check(&rows[i], STORE_AVG, &rows[i].avg);
        check(&rows[i], STORE_SUM, &rows[i].sum);
        check(&rows[i], STORE_COUNT, &rows[i].count);
    }
}

// Buckets begin at the start, the last one is cut, empty ones are left out; a bucket's time is its
// middle.
static void test_buckets(void **state)
{
    (void)state;
    const struct store_point p[] = {L(100, 1), L(109, 2), L(110, 4), L(139, 8), L(140, 16)};
    assert_int_equal(run(STORE_SUM, 100, 145, 10, p, 5), 4);
    assert_int_equal(out[0].ts_ms, 105);
    assert_int_equal(out[0].value.i, 3);
    assert_int_equal(out[1].ts_ms, 115);
    assert_int_equal(out[1].value.i, 4);
    assert_int_equal(out[2].ts_ms, 135);
    assert_int_equal(out[2].value.i, 8);
    assert_int_equal(out[3].ts_ms, 142); // [140, 145)
    assert_int_equal(out[3].value.i, 16);
    assert_int_equal(run(STORE_SUM, 100, 145, 1000, p, 5), 1);
    assert_int_equal(out[0].ts_ms, 122);
}

static void test_whole_range_of_time(void **state)
{
    (void)state;
    const struct store_point p[] = {L(INT64_MIN, 1), L(0, 2), L(INT64_MAX - 1, 4)};
    assert_int_equal(run(STORE_SUM, INT64_MIN, INT64_MAX, INT64_MAX, p, 3), 3);
    assert_int_equal(out[0].ts_ms, INT64_MIN + INT64_MAX / 2);
    assert_int_equal(out[2].value.i, 4); // INT64_MIN + 2 * INT64_MAX = INT64_MAX - 1
}

// Against the plainest way of counting.
static void test_against_naive(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        uint64_t random = seed;
        struct store_point p[100];
        int64_t start = (int64_t)test_random_below(&random, 1000) - 500, ts = start;
        int64_t interval = 1 + (int64_t)test_random_below(&random, 40);
        int64_t end = start + 1 + (int64_t)test_random_below(&random, 60 * (uint64_t)interval);
        size_t n = 0;
        for (; n < 100; n++) {
            ts += (int64_t)test_random_below(&random, 20);
            if (ts >= end)
                break;
            p[n] = (struct store_point)L(ts++, (int64_t)test_random_below(&random, 100));
        }
        size_t buckets = run(STORE_MAX, start, end, interval, p, n), at = 0;
        for (int64_t from = start; from < end; from += interval) {
            int64_t to = from + interval < end ? from + interval : end, max = -1;
            for (size_t i = 0; i < n; i++) {
                if (p[i].ts_ms >= from && p[i].ts_ms < to && p[i].value.i > max)
                    max = p[i].value.i;
            }
            if (max < 0)
                continue;
            assert_true(at < buckets);
            assert_int_equal(out[at].ts_ms, from + (to - from) / 2);
            assert_int_equal(out[at++].value.i, max);
        }
        assert_int_equal(at, buckets);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_whole_range_of_time),
        cmocka_unit_test(test_against_naive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
