// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"
#include "stream/reply_size.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

static void test_first_estimate(void **state)
{
    (void)state;
    struct reply_size s;
    reply_size_init(&s);
    assert_in_range(reply_size_estimate(&s, 10000), 64 * KIB, 80 * KIB);
    assert_int_equal(reply_size_limit(&s, 10000, 1), 10000); // nothing is known yet
    assert_in_range(reply_size_correct(&s, 1000000, 10000), 1500000, 1600000);
    // Without a length a full reply of ordinary records is expected.
    assert_in_range(reply_size_correct(&s, -1, 1000), MIB - 100 * KIB, MIB + 100 * KIB);
}

static void test_idle_shard_is_cheap(void **state)
{
    (void)state;
    struct reply_size s;
    reply_size_init(&s);
    for (int i = 0; i < 60; i++)
        reply_size_learn(&s, 100, 600, 0);
    assert_int_equal(reply_size_estimate(&s, 10000), REPLY_SIZE_MIN);
}

static void test_follows_growth_at_once(void **state)
{
    (void)state;
    struct reply_size s;
    reply_size_init(&s);
    for (int i = 0; i < 60; i++)
        reply_size_learn(&s, 100, 600, 0);
    reply_size_learn(&s, 2 * MIB, 3 * MIB, 10000);
    assert_in_range(reply_size_estimate(&s, 10000), 3 * MIB, 4 * MIB);
    // One reply that is empty does not mean that the next one is.
    reply_size_learn(&s, 100, 600, 0);
    assert_true(reply_size_estimate(&s, 10000) > 2 * MIB);
    // Fewer records are less.
    assert_true(reply_size_estimate(&s, 10) < 64 * KIB);
}

static void test_limit_by_room(void **state)
{
    (void)state;
    struct reply_size s;
    reply_size_init(&s);
    for (int i = 0; i < 20; i++)
        reply_size_learn(&s, 8 * MIB, 10 * MIB, 10);
    int limit = reply_size_limit(&s, 10000, 4 * MIB);
    assert_in_range(limit, 3, 5);
    assert_int_equal(reply_size_limit(&s, 10000, 1), 1);
    assert_int_equal(reply_size_limit(&s, 2, 100 * MIB), 2);
}

static void test_small_replies_do_not_mislead(void **state)
{
    (void)state;
    struct reply_size s;
    reply_size_init(&s);
    // One small record in a reply that holds a whole arena chunk.
    for (int i = 0; i < 20; i++)
        reply_size_learn(&s, 300, 300 + 4096 + 200, 1);
    assert_int_equal(reply_size_limit(&s, 10000, 16 * MIB), 10000);
    assert_true(reply_size_correct(&s, (int64_t)MIB, 10000) < 2 * MIB);
}

static void test_bounds(void **state)
{
    (void)state;
    struct reply_size s;
    reply_size_init(&s);
    reply_size_learn(&s, 30 * MIB, 60 * MIB, 10000);
    assert_int_equal(reply_size_estimate(&s, 10000), REPLY_SIZE_MAX);
    assert_int_equal(reply_size_correct(&s, INT64_MAX, 10000), REPLY_SIZE_MAX);
    assert_int_equal(reply_size_correct(&s, 0, 1), 8 * KIB);
}

static void test_overhead_is_learnt(void **state)
{
    (void)state;
    struct reply_size s;
    reply_size_init(&s);
    for (int i = 0; i < 100; i++)
        reply_size_learn(&s, MIB, MIB + 8 * KIB + MIB / 10, 5000);
    assert_in_range(reply_size_correct(&s, (int64_t)MIB, 10000), MIB + MIB / 10,
                    MIB + MIB / 10 + 16 * KIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_estimate),
        cmocka_unit_test(test_idle_shard_is_cheap),
        cmocka_unit_test(test_follows_growth_at_once),
        cmocka_unit_test(test_limit_by_room),
        cmocka_unit_test(test_small_replies_do_not_mislead),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_overhead_is_learnt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
