// SPDX-License-Identifier: Apache-2.0
#include "bridge/pulse.h"

#include "lib/test.h"

#define NOW 1000000
#define DEADLINE 10000

static struct shard_status shard(enum shard_state state, int64_t answered_ago_ms, bool held)
{
    return (struct shard_status){.shard_id = SPAN("shardId-0"),
                                 .state = state,
                                 .answered_ms = NOW - answered_ago_ms,
                                 .held = held};
}

static enum pulse look(struct pulse_look *l, const struct shard_status *s, size_t n)
{
    pulse_begin(l, NOW, DEADLINE);
    for (size_t i = 0; i < n; i++)
        pulse_shard(l, &s[i]);
    return pulse_end(l);
}

static enum pulse look_at(enum shard_state state, int64_t answered_ago_ms, bool held)
{
    struct pulse_look l;
    struct shard_status s = shard(state, answered_ago_ms, held);
    return look(&l, &s, 1);
}

static void test_deadline(void **state)
{
    (void)state;
    assert_int_equal(pulse_deadline(250, false), PULSE_MS);
    assert_int_equal(pulse_deadline(60000, false), 4 * 60000);
    assert_int_equal(pulse_deadline(60000, true), PULSE_FAN_OUT_MS);
}

static void test_at_and_over_the_deadline(void **state)
{
    (void)state;
    assert_int_equal(look_at(SHARD_READING, 0, false), PULSE_BEATS);
    assert_int_equal(look_at(SHARD_READING, DEADLINE, false), PULSE_BEATS);
    assert_int_equal(look_at(SHARD_READING, DEADLINE + 1, false), PULSE_SILENT);
    assert_int_equal(look_at(SHARD_STARTING, DEADLINE + 1, false), PULSE_SILENT);
    assert_int_equal(look_at(SHARD_BACKOFF, DEADLINE + 1, false), PULSE_SILENT);
}

static void test_shards_that_are_not_read_say_nothing(void **state)
{
    (void)state;
    assert_int_equal(look_at(SHARD_ENDED, 10 * DEADLINE, false), PULSE_BEATS);
    assert_int_equal(look_at(SHARD_DRAINING, 10 * DEADLINE, false), PULSE_BEATS);
    assert_int_equal(look_at(SHARD_WAITING_PARENT, 10 * DEADLINE, false), PULSE_BEATS);
    struct pulse_look l;
    assert_int_equal(look(&l, NULL, 0), PULSE_BEATS);
}

static void test_a_shard_that_waits_for_us_is_not_silent(void **state)
{
    (void)state;
    struct pulse_look l;
    struct shard_status s[] = {shard(SHARD_READING, 3 * DEADLINE, true),
                               shard(SHARD_READING, 10, false)};
    assert_int_equal(look(&l, s, 2), PULSE_BEATS);
    assert_int_equal(look(&l, s, 1), PULSE_HELD); // but then nothing arrives at all
}

static void test_names_the_longest_silence(void **state)
{
    (void)state;
    struct pulse_look l;
    struct shard_status s[] = {
        shard(SHARD_READING, 10, false), shard(SHARD_READING, 2 * DEADLINE, false),
        shard(SHARD_BACKOFF, 3 * DEADLINE, false), shard(SHARD_READING, 2 * DEADLINE, false)};
    s[2].shard_id = SPAN("shardId-2");
    s[2].last_error = "throttled";
    assert_int_equal(look(&l, s, 4), PULSE_SILENT);
    assert_int_equal(l.silent, 3);
    assert_span_is(l.shard, "shardId-2");
    assert_int_equal(NOW - l.shard_ms, 3 * DEADLINE);
    assert_string_equal(l.why, "throttled");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_at_and_over_the_deadline),
        cmocka_unit_test(test_shards_that_are_not_read_say_nothing),
        cmocka_unit_test(test_a_shard_that_waits_for_us_is_not_silent),
        cmocka_unit_test(test_names_the_longest_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
