// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/log.h"
#include "consumer_owner.h"
#include "lib/test.h"

#define S0 "shardId-000000000000"
#define S1 "shardId-000000000001"
#define S2 "shardId-000000000002"
#define S3 "shardId-000000000003"

static struct owner owner; // large

static struct owner *start(enum kinesis_iterator where, int n_shards)
{
    struct owner *o = &owner;
    owner_init(o, 7, where);
    for (int i = 0; i < n_shards; i++)
        fake_add_shard(&o->kinesis, -1, -1);
    return o;
}

static void put(struct owner *o, int shard, int n)
{
    for (int i = 0; i < n; i++)
        fake_put(&o->kinesis, shard, 100);
}

static void run(struct owner *o, int64_t ms)
{
    fake_loop_run(&o->loop, ms);
}

// Start ------------------------------------------------------------------------------------------

static void test_reads_from_the_beginning(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    o->lossless = true;
    put(o, 0, 2500);
    owner_start(o);
    assert_int_equal(o->n_streams, 0); // nothing happens inside consumer_new()
    run(o, 2000);
    assert_int_equal(o->n_streams, 1);
    assert_string_equal(o->identity, "arn:aws:kinesis:eu-west-1:1:stream/tb-x@1700000000000");
    assert_span_is(consumer_identity(o->consumer),
                   "arn:aws:kinesis:eu-west-1:1:stream/tb-x@1700000000000");
    assert_int_equal(o->n_applied, 2500);
    assert_int_equal(o->status, 0);
    assert_int_equal(o->n_statuses, 1);
    put(o, 0, 1);
    run(o, 300);
    assert_int_equal(o->n_applied, 2501);
    struct shard_status s = owner_status(o, S0);
    assert_int_equal(s.state, SHARD_READING);
    assert_int_equal(s.records, 2501);
    assert_int_equal(s.bytes, 250100);
    assert_int_equal(s.millis_behind, 0);
    assert_null(s.last_error);
    assert_null(s.past_error);
    assert_false(s.held);
    assert_true(loop_now_ms(&o->loop) - s.answered_ms <= 300);
    assert_true(s.calls >= 4 && s.sequence.n > 0);
    owner_deinit(o);
}

static void test_latest_reads_what_comes_after_reading_is_told(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_LATEST, 3);
    put(o, 0, 10);
    o->kinesis.latency_ms = 500;
    owner_start(o);
    while (o->status != 0)
        run(o, 1);
    put(o, 0, 1);
    put(o, 1, 1);
    put(o, 2, 1);
    run(o, 3000);
    assert_int_equal(o->n_applied, 3);
    owner_deinit(o);
}

static void test_starts_at_a_timestamp(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_AT_TIMESTAMP, 1);
    put(o, 0, 5);
    run(o, 10000);
    o->options.start_timestamp_ms = loop_wall_ms(&o->loop);
    put(o, 0, 3);
    owner_start(o);
    run(o, 2000);
    assert_int_equal(o->n_applied, 3);
    owner_deinit(o);
}

static void test_late_answer(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    o->answer_late = true;
    put(o, 0, 3);
    owner_start(o);
    run(o, 200000);
    assert_int_equal(o->n_streams, 1);
    assert_int_equal(o->n_applied, 0);
    owner_answer(o);
    run(o, 1000);
    assert_int_equal(o->n_applied, 3);
    owner_deinit(o);
}

static void test_resumes_after_the_checkpoint(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    put(o, 0, 100);
    o->options.max_records = 10;
    o->kinesis.at_for_after = true; // the record at the checkpoint comes again and is dropped
    owner_start(o);
    while (o->n_applied < 30)
        run(o, 1);
    owner_crash(o);
    uint64_t before = o->n_applied;
    owner_start(o);
    run(o, 10000);
    assert_int_equal(o->n_applied, 100);
    assert_true(before < 100);
    owner_deinit(o);
}

static void test_bad_options(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    struct consumer *c;
    struct err e = {0};
    struct consumer_options p = o->options;
    p.max_records = 10001;
    assert_int_equal(consumer_new(&p, &c, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "maxRecords"));
    p.max_records = 10000;
    p.stream_name = SPAN_NONE;
    assert_int_equal(consumer_new(&p, &c, &e), ERR_CONFIG);
    p = o->options;
    p.start = KINESIS_AFTER_SEQUENCE_NUMBER;
    assert_int_equal(consumer_new(&p, &c, &e), ERR_CONFIG);
    p = o->options;
    p.poll_ms = -1;
    assert_int_equal(consumer_new(&p, &c, &e), ERR_CONFIG);
    owner_deinit(o);
}

// Iterators --------------------------------------------------------------------------------------

static void test_latest_without_a_record_survives_an_outage(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_LATEST, 1);
    put(o, 0, 5);
    owner_start(o);
    run(o, 2000);
    o->kinesis.stuck = true;
    run(o, 300000);
    put(o, 0, 4);
    run(o, 300000);
    o->kinesis.stuck = false;
    run(o, 60000);
    assert_int_equal(o->n_applied, 4);
    owner_deinit(o);
}

static void test_saved_start_survives_a_restart(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_LATEST, 2);
    o->options.save_start = true;
    put(o, 0, 5);
    run(o, 1000);
    owner_start(o);
    run(o, 2000);
    assert_int_equal(o->n_starts, 2);
    assert_int_equal(o->n_applied, 0);
    owner_shut_down(o);
    put(o, 0, 3);
    fake_split(&o->kinesis, 1);
    put(o, 3, 2);
    run(o, 600000);
    owner_start(o);
    run(o, 10000);
    assert_int_equal(o->n_applied, 5);
    assert_int_equal(o->n_starts, 2); // children start at their beginning
    owner_deinit(o);
}

// The start is kept as a time of the service, which refuses those to come.
static void test_saved_start_of_a_wrong_clock(void **state)
{
    (void)state;
    static const int64_t off_ms[] = {-600000, 600000};
    for (int i = 0; i < 2; i++) {
        struct owner *o = start(KINESIS_LATEST, 1);
        o->options.save_start = true;
        o->kinesis.clock_off_ms = off_ms[i];
        put(o, 0, 5);
        run(o, 1000);
        owner_start(o);
        run(o, 2000);
        assert_int_equal(o->n_starts, 1);
        owner_shut_down(o);
        put(o, 0, 3);
        owner_start(o);
        run(o, 10000);
        assert_int_equal(o->n_applied, 3);
        assert_int_equal(o->status, 0);
        owner_deinit(o);
    }
}

static void test_expired_iterator_goes_on_after_the_last_record(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    o->lossless = true;
    put(o, 0, 10);
    owner_start(o);
    run(o, 1000);
    assert_int_equal(o->n_applied, 10);
    fake_fail(&o->kinesis, KINESIS_GET_RECORDS, 1, ERR_INVALID, "ExpiredIteratorException");
    put(o, 0, 10);
    run(o, 1000);
    assert_int_equal(o->n_applied, 20);
    assert_int_equal(owner_status(o, S0).errors, 0); // that is no error
    assert_int_equal(o->n_statuses, 1);
    // For ever, it is one, and it does not spin.
    fake_fail(&o->kinesis, KINESIS_GET_RECORDS, -1, ERR_INVALID, "ExpiredIteratorException");
    size_t calls = o->kinesis.n_calls;
    run(o, 60000);
    assert_true(o->kinesis.n_calls - calls < 60);
    assert_true(owner_status(o, S0).errors > 5);
    fake_fail(&o->kinesis, KINESIS_GET_RECORDS, 0, 0, NULL);
    put(o, 0, 1);
    run(o, 30000);
    assert_int_equal(o->n_applied, 21);
    owner_deinit(o);
}

static void test_owner_that_takes_ten_minutes(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    o->hold = true;
    o->options.max_records = 10;
    put(o, 0, 100);
    owner_start(o);
    run(o, 600000);
    assert_int_equal(o->n_out, 2); // `ahead`
    struct shard_status s = owner_status(o, S0);
    assert_true(s.held);
    assert_true(loop_now_ms(&o->loop) - s.answered_ms > 590000);
    o->hold = false;
    owner_ack_all(o);
    run(o, 20000);
    assert_int_equal(o->n_applied, 100);
    assert_true(o->kinesis.counts[KINESIS_GET_SHARD_ITERATOR] >= 2);
    owner_deinit(o);
}

// Pace -------------------------------------------------------------------------------------------

static void test_idle_shard_is_polled_at_the_interval(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    o->options.poll_ms = 1000;
    owner_start(o);
    run(o, 1000);
    size_t before = o->kinesis.counts[KINESIS_GET_RECORDS];
    run(o, 20000);
    assert_in_range(o->kinesis.counts[KINESIS_GET_RECORDS] - before, 19, 21);
    owner_deinit(o);
}

static void test_catches_up_at_the_allowed_rate(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    o->options.max_records = 10;
    o->ack_ms = 0;
    put(o, 0, 1000);
    owner_start(o);
    run(o, 10100);
    assert_in_range(o->n_applied, 440, 510);
    owner_deinit(o);
}

static void test_rate_of_local_endpoints(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    o->options.max_records = 10;
    o->options.calls_per_second = 1000;
    o->options.ahead = 4;
    o->ack_ms = 0;
    o->kinesis.rate = 0;
    o->kinesis.latency_ms = 1;
    put(o, 0, 1000);
    owner_start(o);
    run(o, 1000);
    assert_int_equal(o->n_applied, 1000);
    owner_deinit(o);
}

static void test_empty_page_with_more_behind_it(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    o->options.poll_ms = 60000;
    put(o, 0, 5);
    o->kinesis.lie_behind = 4;
    owner_start(o);
    run(o, 1500);
    assert_int_equal(o->n_applied, 5);
    owner_deinit(o);
}

static void test_throttled(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    put(o, 0, 5);
    fake_fail(&o->kinesis, KINESIS_GET_RECORDS, 4, ERR_THROTTLED,
              "ProvisionedThroughputExceededException");
    owner_start(o);
    run(o, 500);
    struct shard_status s = owner_status(o, S0);
    assert_int_equal(s.state, SHARD_BACKOFF);
    assert_int_equal(s.throttles, 1);
    assert_non_null(s.last_error);
    assert_true(loop_wall_ms(&o->loop) - s.past_error_ms <= 500);
    run(o, 60000);
    assert_int_equal(o->n_applied, 5);
    assert_int_equal(owner_status(o, S0).throttles, 4);
    s = owner_status(o, S0);
    assert_null(s.last_error);
    assert_non_null(s.past_error);
    assert_int_equal(o->n_statuses, 1); // the stream was reading all the time
    owner_deinit(o);
}

static void test_many_idle_shards(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 256);
    owner_start(o);
    run(o, 5000);
    size_t before = o->kinesis.counts[KINESIS_GET_RECORDS];
    run(o, 10000);
    assert_in_range(o->kinesis.counts[KINESIS_GET_RECORDS] - before, 256 * 38, 256 * 41);
    assert_int_equal(o->n_batches, 0);
    for (int i = 0; i < 256; i++)
        put(o, i, 1);
    run(o, 8000);
    assert_int_equal(o->n_applied, 256);
    // A failing one does not hold up the others.
    assert_true(o->budget.peak < 32u << 20);
    owner_deinit(o);
}

// Failures ---------------------------------------------------------------------------------------

static void test_wrong_secret_then_corrected(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    put(o, 0, 5);
    fake_fail(&o->kinesis, KINESIS_DESCRIBE_STREAM_SUMMARY, 6, ERR_AUTH,
              "InvalidSignatureException");
    owner_start(o);
    run(o, 1000);
    assert_int_equal(o->status, ERR_AUTH);
    assert_non_null(strstr(o->text, "check accessKeyId and secretAccessKey"));
    assert_int_equal(o->n_statuses, 1);
    run(o, 120000);
    assert_int_equal(o->status, 0);
    assert_int_equal(o->n_statuses, 2);
    assert_int_equal(o->n_applied, 5);
    owner_deinit(o);
}

static void test_backoff_is_bounded_and_for_ever(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    o->kinesis.exists = false;
    owner_start(o);
    run(o, 1000);
    assert_int_equal(o->status, ERR_NOT_FOUND);
    assert_string_equal(o->text,
                        "stream tb-x not found in eu-west-1: create it or correct streamName");
    run(o, 3600000);
    assert_in_range(o->kinesis.n_calls, 120, 260);
    o->kinesis.exists = true;
    put(o, 0, 1);
    run(o, 32000);
    assert_int_equal(o->n_applied, 1);
    assert_int_equal(o->status, 0);
    owner_deinit(o);
}

static void test_reason_that_changes_is_told(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    fake_fail(&o->kinesis, KINESIS_DESCRIBE_STREAM_SUMMARY, -1, ERR_AUTH,
              "InvalidSignatureException");
    owner_start(o);
    run(o, 20000);
    assert_int_equal(o->n_statuses, 1);
    fake_fail(&o->kinesis, KINESIS_DESCRIBE_STREAM_SUMMARY, -1, ERR_AUTH, "AccessDeniedException");
    run(o, 40000);
    assert_int_equal(o->n_statuses, 2);
    assert_non_null(strstr(o->text, "allow kinesis:DescribeStreamSummary"));
    owner_deinit(o);
}

static void test_stream_that_is_being_made(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    o->kinesis.status = "CREATING";
    owner_start(o);
    run(o, 1000);
    assert_int_equal(o->status, ERR_UNAVAILABLE);
    assert_non_null(strstr(o->text, "being created"));
    o->kinesis.status = "ACTIVE";
    run(o, 10000);
    assert_int_equal(o->status, 0);
    owner_deinit(o);
}

static void test_cut_and_time_out(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    put(o, 0, 5);
    owner_start(o);
    run(o, 1000);
    size_t iterators = o->kinesis.counts[KINESIS_GET_SHARD_ITERATOR];
    fake_fail(&o->kinesis, KINESIS_GET_RECORDS, 2, ERR_CLOSED, NULL);
    put(o, 0, 5);
    run(o, 2000);
    assert_int_equal(o->n_applied, 10);
    assert_int_equal(owner_status(o, S0).errors, 2);
    fake_fail(&o->kinesis, KINESIS_GET_RECORDS, 2, ERR_TIMEOUT, NULL);
    put(o, 0, 5);
    run(o, 2000);
    assert_int_equal(o->n_applied, 15);
    // The same iterator served again, and nobody needed to know.
    assert_int_equal(o->kinesis.counts[KINESIS_GET_SHARD_ITERATOR], iterators);
    assert_int_equal(o->n_statuses, 1);
    owner_deinit(o);
}

static void test_outage_is_told_and_ends(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 4);
    owner_start(o);
    run(o, 2000);
    fake_fail(&o->kinesis, KINESIS_GET_RECORDS, -1, ERR_CONNECT, NULL);
    run(o, 60000);
    assert_int_equal(o->status, ERR_CONNECT);
    assert_int_equal(o->n_statuses, 2); // not once a shard
    assert_int_equal(owner_status(o, S2).state, SHARD_BACKOFF);
    fake_fail(&o->kinesis, KINESIS_GET_RECORDS, 0, 0, NULL);
    put(o, 2, 3);
    run(o, 60000);
    assert_int_equal(o->status, 0);
    assert_int_equal(o->n_statuses, 3);
    assert_int_equal(o->n_applied, 3);
    owner_deinit(o);
}

static void test_one_shard_that_fails(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 2);
    fake_fail(&o->kinesis, KINESIS_GET_SHARD_ITERATOR, 5, ERR_UNAVAILABLE, "InternalFailure");
    put(o, 0, 3);
    put(o, 1, 3);
    owner_start(o);
    run(o, 30000);
    assert_int_equal(o->n_applied, 6);
    assert_int_equal(o->status, 0);
    owner_deinit(o);
}

static void test_calls_that_do_not_start(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 2);
    put(o, 0, 3);
    put(o, 1, 3);
    o->kinesis.refuse_start = 3;
    owner_start(o);
    run(o, 30000);
    assert_int_equal(o->n_applied, 6);
    o->kinesis.refuse_start = 7;
    put(o, 0, 3);
    put(o, 1, 3);
    run(o, 30000);
    assert_int_equal(o->n_applied, 12);
    owner_deinit(o);
}

static void test_reply_that_is_too_large(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    put(o, 0, 100);
    fake_fail(&o->kinesis, KINESIS_GET_RECORDS, 5, ERR_LIMIT, NULL);
    owner_start(o);
    run(o, 30000);
    assert_int_equal(o->n_applied, 100);
    assert_true(o->n_batches >= 4); // fewer records are asked for
    owner_deinit(o);
}

// Shards that end --------------------------------------------------------------------------------

static void test_split(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    o->check_parents = o->lossless = true;
    put(o, 0, 10);
    owner_start(o);
    run(o, 2000);
    put(o, 0, 5);
    fake_split(&o->kinesis, 0);
    put(o, 1, 7);
    put(o, 2, 8);
    run(o, 3000);
    assert_int_equal(o->n_applied, 30);
    assert_true(owner_shard(o, S0)->end);
    assert_int_equal(owner_status(o, S0).state, SHARD_ENDED);
    assert_int_equal(owner_status(o, S1).state, SHARD_READING);
    owner_deinit(o);
}

static void test_children_wait_for_the_acknowledgement(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    put(o, 0, 10);
    fake_split(&o->kinesis, 0);
    put(o, 1, 5);
    o->hold = true;
    o->options.max_records = 5;
    owner_start(o);
    run(o, 120000);
    // The records of the last reply and the end are one batch.
    assert_int_equal(o->n_out, 2);
    assert_int_equal(owner_status(o, S0).state, SHARD_DRAINING);
    assert_int_equal(owner_status(o, S1).state, SHARD_WAITING_PARENT);
    owner_ack(o, true);
    run(o, 60000);
    assert_int_equal(o->n_out, 1);
    assert_int_equal(owner_status(o, S1).state, SHARD_WAITING_PARENT);
    owner_ack(o, true);
    assert_true(owner_shard(o, S0)->end);
    o->hold = false;
    run(o, 2000);
    assert_int_equal(o->n_applied, 15);
    owner_deinit(o);
}

static void test_end_acknowledged_before_what_comes_before_it(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    put(o, 0, 10);
    fake_split(&o->kinesis, 0);
    o->hold = true;
    o->options.max_records = 5;
    owner_start(o);
    run(o, 5000);
    assert_int_equal(o->n_out, 2);
    owner_drop_last(o);
    run(o, 5000);
    assert_int_equal(owner_status(o, S0).state, SHARD_DRAINING);
    assert_int_equal(owner_status(o, S1).state, SHARD_WAITING_PARENT);
    owner_ack(o, true);
    run(o, 5000);
    assert_int_equal(owner_status(o, S0).state, SHARD_ENDED);
    assert_int_equal(owner_status(o, S1).state, SHARD_READING);
    owner_deinit(o);
}

static void test_merge(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 2);
    o->check_parents = o->lossless = true;
    o->options.max_records = 5;
    owner_start(o);
    run(o, 2000);
    put(o, 0, 5);
    put(o, 1, 50);
    fake_merge(&o->kinesis, 0, 1);
    put(o, 2, 5);
    run(o, 10000);
    assert_int_equal(o->n_applied, 60);
    owner_deinit(o);
}

static void test_end_without_children_in_the_reply(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    o->check_parents = o->lossless = true;
    o->kinesis.no_children = true;
    owner_start(o);
    run(o, 2000);
    put(o, 0, 5);
    fake_split(&o->kinesis, 0);
    put(o, 1, 5);
    put(o, 2, 5);
    run(o, 5000);
    assert_int_equal(o->n_applied, 15);
    owner_deinit(o);
}

static void test_end_that_is_none(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    o->lossless = true;
    owner_start(o);
    run(o, 2000);
    o->kinesis.lie_end = 1;
    put(o, 0, 5);
    run(o, 5000);
    put(o, 0, 5);
    run(o, 5000);
    assert_int_equal(o->n_applied, 10);
    assert_false(owner_shard(o, S0)->end);
    owner_deinit(o);
}

static void test_end_in_doubt_across_a_failing_listing(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    o->kinesis.no_children = true;
    owner_start(o);
    run(o, 2000);
    fake_fail(&o->kinesis, KINESIS_LIST_SHARDS, 5, ERR_UNAVAILABLE, "InternalFailure");
    put(o, 0, 5);
    fake_split(&o->kinesis, 0);
    put(o, 2, 5);
    run(o, 3000);
    assert_int_equal(o->n_applied, 5);
    assert_false(owner_shard(o, S0)->end);
    run(o, 120000);
    assert_int_equal(o->n_applied, 10);
    assert_int_equal(o->status, 0);
    owner_deinit(o);
}

static void test_question_does_not_shorten_the_backoff(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    o->kinesis.no_children = true;
    owner_start(o);
    run(o, 2000);
    fake_fail(&o->kinesis, KINESIS_LIST_SHARDS, -1, ERR_UNAVAILABLE, "InternalFailure");
    run(o, 300000);
    size_t rounds = o->kinesis.counts[KINESIS_LIST_SHARDS];
    while (o->kinesis.counts[KINESIS_LIST_SHARDS] == rounds)
        run(o, 10);
    fake_split(&o->kinesis, 0);
    run(o, 10000);
    assert_int_equal(o->kinesis.counts[KINESIS_LIST_SHARDS], rounds + 1);
    owner_deinit(o);
}

static void test_latest_skips_closed_shards(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_LATEST, 1);
    put(o, 0, 5);
    fake_split(&o->kinesis, 0);
    put(o, 1, 5);
    owner_start(o);
    run(o, 5000);
    assert_int_equal(o->n_applied, 0);
    put(o, 1, 2);
    run(o, 5000);
    assert_int_equal(o->n_applied, 2);
    assert_null(owner_shard(o, S0));
    owner_deinit(o);
}

static void test_restart_while_a_shard_ends(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    o->check_parents = o->lossless = true;
    put(o, 0, 10);
    fake_split(&o->kinesis, 0);
    put(o, 1, 5);
    o->hold = true;
    owner_start(o);
    run(o, 5000);
    assert_int_equal(o->n_out, 1); // records and end
    owner_crash(o);
    assert_int_equal(o->n_applied, 0);
    o->hold = false;
    owner_start(o);
    run(o, 5000);
    assert_int_equal(o->n_applied, 15);
    owner_shut_down(o);
    put(o, 2, 4);
    owner_start(o);
    run(o, 5000);
    assert_int_equal(o->n_applied, 19);
    owner_deinit(o);
}

static void test_shard_that_expired_unread(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    put(o, 0, 10);
    owner_start(o);
    run(o, 2000);
    owner_shut_down(o);
    put(o, 0, 10);
    fake_split(&o->kinesis, 0);
    put(o, 1, 5);
    o->kinesis.shards[0]->gone = true;
    owner_start(o);
    run(o, 30000);
    assert_int_equal(o->n_applied, 15);
    assert_true(owner_shard(o, S0)->end);
    assert_int_equal(o->status, 0);
    owner_deinit(o);
}

static void test_shard_that_expires_while_it_is_read(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    o->hold = true;
    o->options.max_records = 1;
    o->options.ahead = 1;
    put(o, 0, 10);
    fake_split(&o->kinesis, 0);
    put(o, 1, 1);
    owner_start(o);
    run(o, 2000);
    o->kinesis.shards[0]->gone = true;
    o->hold = false;
    owner_ack_all(o);
    run(o, 30000);
    assert_int_equal(o->n_applied, 2);
    assert_true(owner_shard(o, S0)->end);
    owner_deinit(o);
}

static void test_shard_that_is_listed_and_not_known(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    put(o, 0, 3);
    fake_fail(&o->kinesis, KINESIS_GET_SHARD_ITERATOR, -1, ERR_NOT_FOUND,
              "ResourceNotFoundException");
    owner_start(o);
    run(o, 120000);
    assert_int_equal(o->status, ERR_NOT_FOUND);
    fake_fail(&o->kinesis, KINESIS_GET_SHARD_ITERATOR, 0, 0, NULL);
    run(o, 60000);
    assert_int_equal(o->status, 0);
    assert_int_equal(o->n_applied, 3);
    owner_deinit(o);
}

// The answer of a round that was under way may be older than the question.
static void test_unknown_shard_waits_for_a_round_of_its_own(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    owner_start(o);
    run(o, 5000);
    o->kinesis.slow_ms[KINESIS_LIST_SHARDS] = 5000;
    size_t lists = o->kinesis.counts[KINESIS_LIST_SHARDS];
    while (o->kinesis.counts[KINESIS_LIST_SHARDS] == lists)
        run(o, 100);
    size_t iterators = o->kinesis.counts[KINESIS_GET_SHARD_ITERATOR];
    int64_t asked = loop_now_ms(&o->loop);
    fake_fail(&o->kinesis, KINESIS_GET_RECORDS, 1, ERR_NOT_FOUND, "ResourceNotFoundException");
    put(o, 0, 3);
    while (o->kinesis.counts[KINESIS_GET_SHARD_ITERATOR] == iterators)
        run(o, 1);
    assert_int_equal(o->kinesis.counts[KINESIS_LIST_SHARDS], lists + 2);
    assert_true(loop_now_ms(&o->loop) - asked < 15000);
    run(o, 1000);
    assert_int_equal(o->n_applied, 3);
    assert_int_equal(o->n_statuses, 1);
    owner_deinit(o);
}

static void test_question_while_a_failed_round_is_repeated(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    owner_start(o);
    run(o, 5000);
    o->kinesis.slow_ms[KINESIS_LIST_SHARDS] = 5000;
    fake_fail(&o->kinesis, KINESIS_LIST_SHARDS, 1, ERR_UNAVAILABLE, "InternalFailure");
    size_t lists = o->kinesis.counts[KINESIS_LIST_SHARDS];
    while (o->kinesis.counts[KINESIS_LIST_SHARDS] < lists + 2)
        run(o, 100);
    size_t iterators = o->kinesis.counts[KINESIS_GET_SHARD_ITERATOR];
    int64_t asked = loop_now_ms(&o->loop);
    fake_fail(&o->kinesis, KINESIS_GET_RECORDS, 1, ERR_NOT_FOUND, "ResourceNotFoundException");
    put(o, 0, 3);
    while (o->kinesis.counts[KINESIS_GET_SHARD_ITERATOR] == iterators)
        run(o, 1);
    assert_int_equal(o->kinesis.counts[KINESIS_LIST_SHARDS], lists + 3);
    assert_true(loop_now_ms(&o->loop) - asked < 15000);
    run(o, 1000);
    assert_int_equal(o->n_applied, 3);
    owner_deinit(o);
}

static void test_child_that_no_listing_has_shown_is_not_gone(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    owner_start(o);
    run(o, 2000);
    fake_split(&o->kinesis, 0);
    put(o, 1, 3);
    o->kinesis.shards[1]->hidden = o->kinesis.shards[2]->hidden = true;
    fake_fail(&o->kinesis, KINESIS_GET_SHARD_ITERATOR, 6, ERR_NOT_FOUND,
              "ResourceNotFoundException");
    run(o, 20000);
    o->kinesis.shards[1]->hidden = o->kinesis.shards[2]->hidden = false;
    run(o, 60000);
    assert_int_equal(o->n_applied, 3);
    owner_deinit(o);
}

static void test_round_that_fails_once_is_not_told(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    owner_start(o);
    run(o, 2000);
    fake_fail(&o->kinesis, KINESIS_LIST_SHARDS, 2, ERR_UNAVAILABLE, "InternalFailure");
    run(o, 200000);
    assert_int_equal(o->n_statuses, 1);
    fake_fail(&o->kinesis, KINESIS_LIST_SHARDS, -1, ERR_AUTH, "AccessDeniedException");
    run(o, 200000);
    assert_int_equal(o->status, ERR_AUTH);
    put(o, 0, 1);
    run(o, 1000);
    assert_int_equal(o->n_applied, 1); // reading goes on
    owner_deinit(o);
}

static void test_pages_of_shards(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 23);
    o->kinesis.page = 5;
    for (int i = 0; i < 23; i++)
        put(o, i, 1);
    owner_start(o);
    run(o, 5000);
    assert_int_equal(o->n_applied, 23);
    assert_int_equal(o->kinesis.counts[KINESIS_LIST_SHARDS], 5);
    owner_deinit(o);
}

static void test_page_that_fails_starts_over(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 9);
    o->kinesis.page = 2;
    put(o, 8, 1);
    owner_start(o);
    while (o->kinesis.counts[KINESIS_LIST_SHARDS] < 2)
        run(o, 1);
    fake_fail(&o->kinesis, KINESIS_LIST_SHARDS, 1, ERR_INVALID, "ExpiredNextTokenException");
    run(o, 10000);
    assert_int_equal(o->n_applied, 1);
    assert_int_equal(o->status, 0);
    owner_deinit(o);
}

static void test_shard_that_only_a_listing_tells(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_LATEST, 2);
    o->kinesis.shards[1]->hidden = true;
    put(o, 1, 3);
    owner_start(o);
    run(o, 2000);
    o->kinesis.shards[1]->hidden = false;
    run(o, 100000);
    assert_int_equal(o->n_applied, 3);
    owner_deinit(o);
}

static void test_ended_shards_are_forgotten(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    owner_start(o);
    for (int i = 0; i < 20; i++) {
        int last = o->kinesis.n_shards - 1;
        put(o, last, 2);
        fake_split(&o->kinesis, last);
        run(o, 5000);
        o->kinesis.shards[last]->gone = true;
    }
    run(o, 200000);
    assert_int_equal(o->n_applied, 40);
    assert_int_equal(consumer_count_shards(o->consumer), 21);
    owner_deinit(o);
}

// The stream itself ------------------------------------------------------------------------------

static void test_stream_created_again(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    put(o, 0, 10);
    owner_start(o);
    run(o, 2000);
    assert_int_equal(o->n_applied, 10);
    fake_recreate(&o->kinesis, 2);
    o->kinesis.exists = false;
    run(o, 10000);
    assert_int_equal(o->status, ERR_NOT_FOUND);
    o->kinesis.exists = true;
    put(o, 0, 3);
    put(o, 1, 4);
    run(o, 60000);
    assert_int_equal(o->n_streams, 2);
    assert_string_equal(o->identity, "arn:aws:kinesis:eu-west-1:1:stream/tb-x@1700001000000");
    assert_int_equal(o->n_applied, 17);
    assert_int_equal(o->status, 0);
    assert_int_equal(consumer_count_shards(o->consumer), 2);
    owner_deinit(o);
}

static void test_stream_created_again_while_batches_are_out(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    put(o, 0, 10);
    o->hold = true;
    owner_start(o);
    run(o, 2000);
    assert_int_equal(o->n_out, 1);
    fake_recreate(&o->kinesis, 1);
    run(o, 200000);
    // Found by the round of every minute; the new one is not asked for before the old is done.
    assert_int_equal(o->status, ERR_CONFLICT);
    assert_int_equal(o->n_streams, 1);
    owner_ack(o, false);
    o->hold = false;
    put(o, 0, 2);
    run(o, 5000);
    assert_int_equal(o->n_streams, 2);
    assert_int_equal(o->n_applied, 2);
    assert_int_equal(o->status, 0);
    owner_deinit(o);
}

// A time is as good in another stream of the same name: whose records were then taken for the old
// one's, and came again when it was found.
static void test_stream_created_again_while_an_iterator_is_lost(void **state)
{
    (void)state;
    static const char *const codes[] = {"ExpiredIteratorException", "InvalidArgumentException"};
    for (int i = 0; i < 4; i++) {
        struct owner *o = start(i < 2 ? KINESIS_TRIM_HORIZON : KINESIS_LATEST, 1);
        owner_start(o);
        run(o, 5000);
        assert_int_equal(o->status, 0);
        fake_recreate(&o->kinesis, 1);
        put(o, 0, 3);
        fake_fail(&o->kinesis, KINESIS_GET_RECORDS, 1, ERR_INVALID, codes[i % 2]);
        run(o, 200000);
        assert_int_equal(o->n_streams, 2);
        assert_int_equal(o->n_applied, 3);
        owner_deinit(o);
    }
}

// The new stream was there before it was found: what lies in it has come since the start.
static void test_stream_created_again_is_read_whole(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_LATEST, 1);
    o->options.save_start = true;
    put(o, 0, 10);
    run(o, 2000000);
    owner_start(o);
    run(o, 2000);
    put(o, 0, 1);
    run(o, 2000);
    assert_int_equal(o->n_applied, 1);
    fake_recreate(&o->kinesis, 3);
    put(o, 0, 3);
    put(o, 1, 4);
    run(o, 200000);
    assert_int_equal(o->n_streams, 2);
    assert_int_equal(o->n_applied, 8);
    // Also a shard that has got nothing before a restart.
    owner_shut_down(o);
    put(o, 2, 2);
    owner_start(o);
    run(o, 5000);
    assert_int_equal(o->n_applied, 10);
    owner_deinit(o);
}

// Budget -----------------------------------------------------------------------------------------

static void test_reply_waits_for_room(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 4);
    budget_init(&o->budget, 1 << 20, 512 << 10);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 100; k++)
            fake_put(&o->kinesis, i, 3000);
    o->hold = true;
    o->options.max_records = 100;
    owner_start(o);
    run(o, 60000);
    // 300 KB each: two or three fit, the others stay in their sockets.
    assert_in_range(o->n_out, 1, 3);
    assert_true(o->budget.peak <= (1 << 20) + (400 << 10));
    o->hold = false;
    owner_ack_all(o);
    run(o, 60000);
    assert_int_equal(o->n_applied, 400);
    owner_deinit(o);
}

static void test_reply_larger_than_the_budget(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 8);
    budget_init(&o->budget, 100 << 10, 50 << 10);
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 5; k++)
            fake_put(&o->kinesis, i, 1 << 20);
    owner_start(o);
    run(o, 200000);
    assert_int_equal(o->n_applied, 40);
    // One at a time: the first reply came whole, those after it one by one.
    assert_true(o->budget.peak < 13u << 20);
    owner_deinit(o);
}

static void test_small_budget_asks_for_less(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    budget_init(&o->budget, 2 << 20, 1 << 20);
    o->options.max_records = 10000;
    for (int k = 0; k < 3; k++)
        fake_put(&o->kinesis, 0, 100000);
    owner_start(o);
    run(o, 2000);
    assert_int_equal(o->n_applied, 3);
    for (int k = 0; k < 200; k++)
        fake_put(&o->kinesis, 0, 100000);
    o->budget.peak = 0;
    run(o, 60000);
    assert_int_equal(o->n_applied, 203);
    assert_true(o->budget.peak <= 2 << 20);
    owner_deinit(o);
}

static void test_budget_that_others_hold(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 3);
    put(o, 0, 5);
    put(o, 1, 5);
    put(o, 2, 5);
    budget_force(&o->budget, 40 << 20);
    owner_start(o);
    run(o, 10000);
    assert_int_equal(o->n_applied, 0);
    assert_int_equal(o->kinesis.counts[KINESIS_GET_RECORDS], 0);
    assert_true(owner_status(o, S0).held);
    budget_give(&o->budget, 40 << 20);
    run(o, 2000);
    assert_int_equal(o->n_applied, 15);
    owner_deinit(o);
}

static void test_last_batch_back_makes_room(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    budget_init(&o->budget, 1 << 20, 512 << 10);
    o->options.max_records = 100;
    o->hold = true;
    put(o, 0, 150);
    for (int i = 0; i < 100; i++)
        fake_put(&o->kinesis, 0, 1000);
    owner_start(o);
    while (o->n_out < 1)
        run(o, 1);
    budget_force(&o->budget, 600 << 10);
    run(o, 5000);
    assert_int_equal(o->n_out, 1); // it holds something, so it may not touch the reserve
    owner_ack(o, true);
    run(o, 2000);
    assert_int_equal(o->n_out, 1);
    owner_ack_all(o);
    budget_give(&o->budget, 600 << 10);
    owner_deinit(o);
}

static void test_large_reply_is_not_overtaken_for_ever(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 8);
    budget_init(&o->budget, 1 << 20, 512 << 10);
    budget_force(&o->budget, 600 << 10);
    for (int i = 0; i < 5; i++)
        fake_put(&o->kinesis, 0, 100000);
    owner_start(o);
    run(o, 5000);
    size_t calls = o->kinesis.counts[KINESIS_GET_RECORDS];
    run(o, 5000);
    // The idle shards wait behind it instead of living on the room it needs.
    assert_true(o->kinesis.counts[KINESIS_GET_RECORDS] <= calls);
    assert_int_equal(o->n_applied, 0);
    budget_give(&o->budget, 600 << 10);
    run(o, 2000);
    assert_int_equal(o->n_applied, 5);
    assert_true(o->kinesis.counts[KINESIS_GET_RECORDS] > calls + 20);
    owner_deinit(o);
}

static void test_reply_without_a_length(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 4);
    o->kinesis.no_length = true;
    budget_init(&o->budget, 1 << 20, 512 << 10);
    for (int i = 0; i < 4; i++)
        put(o, i, 1000);
    owner_start(o);
    run(o, 60000);
    assert_int_equal(o->n_applied, 4000);
    owner_deinit(o);
}

// Closing ----------------------------------------------------------------------------------------

// Closes at every instant of a start and of the reading after it, with everything it has to do.
static void test_close_at_any_moment(void **state)
{
    (void)state;
    for (int64_t at = 0; at < 400; at++) {
        struct owner *o = start(KINESIS_LATEST, 3);
        o->options.save_start = true;
        budget_init(&o->budget, 300 << 10, 100 << 10);
        put(o, 0, 10);
        owner_start(o);
        run(o, at / 2);
        for (int i = 0; i < 50 && o->kinesis.shards[0]->open; i++)
            fake_put(&o->kinesis, i % 3, 3000);
        if (at % 3 == 0)
            fake_split(&o->kinesis, 0);
        run(o, at);
        if (at % 2)
            owner_crash(o);
        else
            owner_shut_down(o);
        owner_deinit(o);
    }
}

static void test_close_before_anything(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_LATEST, 1);
    owner_start(o);
    owner_crash(o);
    assert_int_equal(o->kinesis.n_calls, 0);
    owner_deinit(o);
}

static void test_close_in_callbacks(void **state)
{
    (void)state;
    for (int e = OWNER_STREAM; e <= OWNER_STATUS; e++)
        for (int late = 0; late < 2; late++) {
            struct owner *o = start(KINESIS_TRIM_HORIZON, 3);
            for (int i = 0; i < 3; i++)
                put(o, i, 3);
            fake_split(&o->kinesis, 0);
            o->close_in = (enum owner_event)e;
            o->hold = late;
            o->answer_late = late && e == OWNER_STREAM;
            owner_start(o);
            run(o, 2000);
            while (o->n_out > 0)
                owner_ack(o, false);
            assert_true(fake_loop_run_until(&o->loop, &o->closed, 1000));
            owner_deinit(o);
        }
}

static void test_close_in_a_failing_status(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 3);
    owner_start(o);
    run(o, 2000);
    o->close_in = OWNER_STATUS;
    fake_fail(&o->kinesis, KINESIS_GET_RECORDS, -1, ERR_CONNECT, NULL);
    run(o, 60000);
    assert_true(o->closed);
    owner_deinit(o);
}

static void test_close_while_the_reply_waits_for_room(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 1);
    budget_init(&o->budget, 200 << 10, 100 << 10);
    for (int k = 0; k < 200; k++)
        fake_put(&o->kinesis, 0, 3000);
    budget_force(&o->budget, 50 << 10);
    owner_start(o);
    run(o, 5000);
    assert_int_equal(o->n_batches, 0);
    assert_int_equal(o->kinesis.n_running, 1); // it is there, and is not let in
    assert_false(list_empty(&o->budget.waiters));
    budget_give(&o->budget, 50 << 10);
    if (o->loop.tasks.next != &o->loop.tasks)
        owner_crash(o); // between the grant and its use
    owner_deinit(o);
}

static void test_acknowledged_inside_on_batch(void **state)
{
    (void)state;
    struct owner *o = start(KINESIS_TRIM_HORIZON, 2);
    o->ack_at_once = o->check_parents = o->lossless = true;
    put(o, 0, 10);
    put(o, 1, 10);
    fake_merge(&o->kinesis, 0, 1);
    put(o, 2, 10);
    owner_start(o);
    run(o, 5000);
    assert_int_equal(o->n_applied, 30);
    owner_deinit(o);
}

static void test_state_names(void **state)
{
    (void)state;
    assert_string_equal(shard_state_name(SHARD_WAITING_PARENT), "WAITING_PARENT");
    assert_string_equal(shard_state_name(SHARD_ENDED), "ENDED");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_from_the_beginning),
        cmocka_unit_test(test_latest_reads_what_comes_after_reading_is_told),
        cmocka_unit_test(test_starts_at_a_timestamp),
        cmocka_unit_test(test_late_answer),
        cmocka_unit_test(test_resumes_after_the_checkpoint),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_latest_without_a_record_survives_an_outage),
        cmocka_unit_test(test_saved_start_survives_a_restart),
        cmocka_unit_test(test_saved_start_of_a_wrong_clock),
        cmocka_unit_test(test_expired_iterator_goes_on_after_the_last_record),
        cmocka_unit_test(test_owner_that_takes_ten_minutes),
        cmocka_unit_test(test_idle_shard_is_polled_at_the_interval),
        cmocka_unit_test(test_catches_up_at_the_allowed_rate),
        cmocka_unit_test(test_rate_of_local_endpoints),
        cmocka_unit_test(test_empty_page_with_more_behind_it),
        cmocka_unit_test(test_throttled),
        cmocka_unit_test(test_many_idle_shards),
        cmocka_unit_test(test_wrong_secret_then_corrected),
        cmocka_unit_test(test_backoff_is_bounded_and_for_ever),
        cmocka_unit_test(test_reason_that_changes_is_told),
        cmocka_unit_test(test_stream_that_is_being_made),
        cmocka_unit_test(test_cut_and_time_out),
        cmocka_unit_test(test_outage_is_told_and_ends),
        cmocka_unit_test(test_one_shard_that_fails),
        cmocka_unit_test(test_calls_that_do_not_start),
        cmocka_unit_test(test_reply_that_is_too_large),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_children_wait_for_the_acknowledgement),
        cmocka_unit_test(test_end_acknowledged_before_what_comes_before_it),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_end_without_children_in_the_reply),
        cmocka_unit_test(test_end_that_is_none),
        cmocka_unit_test(test_end_in_doubt_across_a_failing_listing),
        cmocka_unit_test(test_question_does_not_shorten_the_backoff),
        cmocka_unit_test(test_latest_skips_closed_shards),
        cmocka_unit_test(test_restart_while_a_shard_ends),
        cmocka_unit_test(test_shard_that_expired_unread),
        cmocka_unit_test(test_shard_that_expires_while_it_is_read),
        cmocka_unit_test(test_shard_that_is_listed_and_not_known),
        cmocka_unit_test(test_unknown_shard_waits_for_a_round_of_its_own),
        cmocka_unit_test(test_question_while_a_failed_round_is_repeated),
        cmocka_unit_test(test_child_that_no_listing_has_shown_is_not_gone),
        cmocka_unit_test(test_round_that_fails_once_is_not_told),
        cmocka_unit_test(test_pages_of_shards),
        cmocka_unit_test(test_page_that_fails_starts_over),
        cmocka_unit_test(test_shard_that_only_a_listing_tells),
        cmocka_unit_test(test_ended_shards_are_forgotten),
        cmocka_unit_test(test_stream_created_again),
        cmocka_unit_test(test_stream_created_again_while_batches_are_out),
        cmocka_unit_test(test_stream_created_again_while_an_iterator_is_lost),
        cmocka_unit_test(test_stream_created_again_is_read_whole),
        cmocka_unit_test(test_reply_waits_for_room),
        cmocka_unit_test(test_reply_larger_than_the_budget),
        cmocka_unit_test(test_small_budget_asks_for_less),
        cmocka_unit_test(test_budget_that_others_hold),
        cmocka_unit_test(test_last_batch_back_makes_room),
        cmocka_unit_test(test_large_reply_is_not_overtaken_for_ever),
        cmocka_unit_test(test_reply_without_a_length),
        cmocka_unit_test(test_close_at_any_moment),
        cmocka_unit_test(test_close_before_anything),
        cmocka_unit_test(test_close_in_callbacks),
        cmocka_unit_test(test_close_in_a_failing_status),
        cmocka_unit_test(test_close_while_the_reply_waits_for_room),
        cmocka_unit_test(test_acknowledged_inside_on_batch),
        cmocka_unit_test(test_state_names),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
