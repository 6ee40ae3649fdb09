// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"
#include "stream/shard_cursor.h"

static void test_latest_becomes_a_time(void **state)
{
    (void)state;
    struct shard_cursor c;
    struct kinesis_input in = {0};
    shard_cursor_init(&c, &(struct shard_position){.type = KINESIS_LATEST}, SPAN_NONE);
    shard_cursor_ask(&c, 1000, &in);
    assert_int_equal(in.iterator_type, KINESIS_LATEST);
    assert_int_equal(shard_cursor_position(&c).n, 0);
    // That question was not answered; the next one counts.
    shard_cursor_ask(&c, 2000, &in);
    assert_int_equal(in.iterator_type, KINESIS_LATEST);
    assert_true(shard_cursor_answer(&c));
    assert_span_is(shard_cursor_position(&c), "@2000");
    assert_int_equal(shard_cursor_sequence(&c).n, 0);
    shard_cursor_ask(&c, 900000, &in);
    assert_int_equal(in.iterator_type, KINESIS_AT_TIMESTAMP);
    assert_int_equal(in.timestamp_ms, 2000);
    assert_false(shard_cursor_answer(&c));
    assert_span_is(shard_cursor_position(&c), "@2000");
    shard_cursor_deinit(&c);
}

static void test_start_stays_until_the_first_record(void **state)
{
    (void)state;
    struct shard_cursor c;
    struct kinesis_input in = {0};
    struct shard_position start = {.type = KINESIS_AT_TIMESTAMP, .timestamp_ms = 77};
    shard_cursor_init(&c, &start, SPAN("@77"));
    for (int i = 0; i < 2; i++) {
        shard_cursor_ask(&c, 1000 + i, &in);
        assert_int_equal(in.iterator_type, KINESIS_AT_TIMESTAMP);
        assert_int_equal(in.timestamp_ms, 77);
        assert_int_equal(in.sequence_number.n, 0);
        assert_false(shard_cursor_answer(&c));
    }
    assert_span_is(shard_cursor_position(&c), "@77");
    shard_cursor_advance(&c, SPAN("123"));
    shard_cursor_ask(&c, 1002, &in);
    assert_int_equal(in.iterator_type, KINESIS_AFTER_SEQUENCE_NUMBER);
    assert_span_is(in.sequence_number, "123");
    assert_span_is(shard_cursor_position(&c), "123");
    assert_span_is(shard_cursor_sequence(&c), "123");
    shard_cursor_deinit(&c);
    shard_cursor_init(&c, &(struct shard_position){.type = KINESIS_TRIM_HORIZON}, SPAN_NONE);
    shard_cursor_ask(&c, 1, &in);
    assert_int_equal(in.iterator_type, KINESIS_TRIM_HORIZON);
    assert_int_equal(shard_cursor_position(&c).n, 0);
    shard_cursor_deinit(&c);
}

static size_t left(const struct shard_cursor *c, const char *first)
{
    struct kinesis_record records[] = {{.sequence_number = SPAN("9")},
                                       {.sequence_number = SPAN("10")},
                                       {.sequence_number = SPAN("11")}};
    struct kinesis_output out = {.records = records, .n_records = 3};
    shard_cursor_drop_known(c, &out);
    if (first)
        assert_span_equal(out.records[0].sequence_number, span_str(first));
    return out.n_records;
}

static void test_checkpoint_stays_until_it_is_passed(void **state)
{
    (void)state;
    struct shard_cursor c;
    struct kinesis_input in = {0};
    struct span sequence;
    uint64_t sub;
    struct shard_position start = {
        .type = KINESIS_AT_SEQUENCE_NUMBER, .sequence = SPAN("10"), .sub_sequence = 4};
    shard_cursor_init(&c, &start, SPAN("10"));
    for (int i = 0; i < 2; i++) {
        shard_cursor_ask(&c, 1000, &in);
        assert_int_equal(in.iterator_type, KINESIS_AT_SEQUENCE_NUMBER);
        assert_span_is(in.sequence_number, "10");
    }
    assert_true(shard_cursor_is_at(&c, &sequence, &sub));
    assert_span_is(sequence, "10");
    assert_int_equal(sub, 4);
    assert_int_equal(left(&c, "10"), 2);
    assert_span_is(shard_cursor_sequence(&c), "10");
    shard_cursor_advance(&c, SPAN("10"));
    assert_false(shard_cursor_is_at(&c, &sequence, &sub));
    shard_cursor_ask(&c, 1000, &in);
    assert_int_equal(in.iterator_type, KINESIS_AFTER_SEQUENCE_NUMBER);
    assert_int_equal(left(&c, "11"), 1);
    shard_cursor_deinit(&c);
}

static void test_drops_what_is_known(void **state)
{
    (void)state;
    struct shard_cursor c;
    struct shard_position start = {.type = KINESIS_AFTER_SEQUENCE_NUMBER, .sequence = SPAN("8")};
    shard_cursor_init(&c, &start, SPAN("8"));
    assert_int_equal(left(&c, "9"), 3);
    shard_cursor_advance(&c, SPAN("9"));
    assert_int_equal(left(&c, "10"), 2);
    shard_cursor_advance(&c, SPAN("10"));
    assert_int_equal(left(&c, "11"), 1);
    shard_cursor_advance(&c, SPAN("100"));
    assert_int_equal(left(&c, NULL), 0);
    shard_cursor_deinit(&c);
    // A time is no sequence number.
    start = (struct shard_position){.type = KINESIS_AT_TIMESTAMP, .timestamp_ms = 99999};
    shard_cursor_init(&c, &start, SPAN("@99999"));
    assert_int_equal(left(&c, "9"), 3);
    shard_cursor_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_latest_becomes_a_time),
        cmocka_unit_test(test_start_stays_until_the_first_record),
        cmocka_unit_test(test_checkpoint_stays_until_it_is_passed),
        cmocka_unit_test(test_drops_what_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
