// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/log.h"
#include "consumer_owner.h"
#include "lib/test.h"
#include "stream/fan_out.h"

static struct owner owner;

static struct owner *begin(enum kinesis_iterator start, int n_shards)
{
    struct owner *o = &owner;
    owner_init(o, 7, start);
    o->options.fan_out_consumer = SPAN("penstock");
    o->options.save_start = true;
    for (int i = 0; i < n_shards; i++)
        fake_add_shard(&o->kinesis, -1, -1);
    return o;
}

static size_t subscriptions(const struct owner *o)
{
    return o->kinesis.counts[KINESIS_SUBSCRIBE_TO_SHARD];
}

static void finish(struct owner *o)
{
    assert_int_equal(o->kinesis.counts[KINESIS_GET_RECORDS], 0);
    assert_int_equal(o->kinesis.counts[KINESIS_GET_SHARD_ITERATOR], 0);
    owner_deinit(o);
}

static struct owner *begin_with_record(void)
{
    struct owner *o = begin(KINESIS_TRIM_HORIZON, 1);
    fake_put(&o->kinesis, 0, 50);
    return o;
}

static void read_record(struct owner *o)
{
    owner_start(o);
    while (o->n_applied == 0)
        fake_loop_run(&o->loop, 10);
}

// All is well and so many have taken effect.
static void finish_reading(struct owner *o, uint64_t applied)
{
    assert_int_equal(o->n_applied, applied);
    assert_int_equal(o->status, 0);
    finish(o);
}

static void test_registers_and_reads(void **state)
{
    (void)state;
    struct owner *o = begin(KINESIS_TRIM_HORIZON, 2);
    for (int i = 0; i < 300; i++)
        fake_put(&o->kinesis, i % 2, 100);
    owner_start(o);
    fake_loop_run(&o->loop, FAKE_CREATING_MS);
    assert_int_equal(o->status, 1); // nothing reads before the consumer is ACTIVE
    assert_int_equal(subscriptions(o), 0);
    fake_loop_run(&o->loop, 10000);
    assert_int_equal(o->status, 0);
    assert_int_equal(o->n_applied, 300);
    assert_int_equal(o->kinesis.n_consumers, 1);
    assert_int_equal(owner_status(o, "shardId-000000000000").state, SHARD_READING);
    owner_shut_down(o);
    // The next run finds the consumer.
    fake_put(&o->kinesis, 0, 100);
    owner_start(o);
    fake_loop_run(&o->loop, 10000);
    assert_int_equal(o->n_applied, 301);
    assert_int_equal(o->kinesis.n_consumers, 1);
    finish(o);
}

#define SHARD_0 "shardId-000000000000"
#define LIFE_MS 20000

// A record a millisecond; the most that waited at any moment to be handed over.
static uint64_t put_for(struct owner *o, int64_t ms)
{
    uint64_t most = 0;
    for (int64_t i = 0; i < ms; i++) {
        uint64_t put = fake_put(&o->kinesis, 0, 50);
        fake_loop_run(&o->loop, 1);
        uint64_t late = put - owner_status(o, SHARD_0).records;
        most = late > most ? late : most;
    }
    return most;
}

static struct owner *begin_flow(int64_t life_ms)
{
    struct owner *o = begin(KINESIS_TRIM_HORIZON, 1);
    o->options.subscription_ms = o->kinesis.subscription_ms = life_ms;
    o->ack_at_once = true;
    o->kinesis.latency_ms = 5;
    o->kinesis.event_records = 1000;
    o->kinesis.slow_ms[KINESIS_SUBSCRIBE_TO_SHARD] = 400;
    owner_start(o);
    fake_loop_run(&o->loop, 5000);
    assert_int_equal(o->status, 0);
    return o;
}

static void test_turns_leave_no_gap(void **state)
{
    (void)state;
    struct owner *o = begin_flow(LIFE_MS);
    uint64_t usual = put_for(o, LIFE_MS / 2), most = put_for(o, 5 * LIFE_MS);
    assert_in_range(subscriptions(o), 6, 7);
    assert_true(most <= 2 * usual);
    assert_true(most < 400); // of the records that one call takes
    fake_loop_run(&o->loop, 1000);
    assert_int_equal(o->n_applied, 5 * LIFE_MS + LIFE_MS / 2);
    assert_int_equal(o->kinesis.n_in_use, 0);
    struct shard_status s = owner_status(o, SHARD_0);
    assert_int_equal(s.errors + s.throttles, 0);
    assert_null(s.past_error);
    assert_int_equal(o->n_statuses, 1);
    finish(o);
}

static void test_turn_is_tried_again(void **state)
{
    (void)state;
    struct owner *o = begin_flow(60000);
    uint64_t usual = put_for(o, LIFE_MS);
    fake_fail(&o->kinesis, KINESIS_SUBSCRIBE_TO_SHARD, 1, ERR_THROTTLED, "LimitExceededException");
    uint64_t most = put_for(o, 60000 - LIFE_MS);
    struct shard_status s = owner_status(o, SHARD_0);
    assert_int_equal(s.throttles, 1);
    assert_int_equal(s.state, SHARD_READING);
    assert_int_equal(subscriptions(o), 3);
    assert_true(most <= 2 * usual);
    // It fails until the old one has ended and longer.
    fake_fail(&o->kinesis, KINESIS_SUBSCRIBE_TO_SHARD, 4, ERR_NOT_FOUND,
              "ResourceNotFoundException");
    put_for(o, 80000);
    assert_int_equal(owner_status(o, SHARD_0).errors, 4);
    fake_loop_run(&o->loop, 20000);
    finish_reading(o, 140000);
}

// The end of the shard, a cut of the connection, and another reader, while the next one is called.
static void test_what_happens_in_a_turn(void **state)
{
    (void)state;
    for (int64_t at = 16000; at < 20000; at += 50) {
        for (int what = 0; what < 3; what++) {
            struct owner *o = begin_flow(LIFE_MS);
            o->check_parents = o->lossless = true;
            put_for(o, at - 2000);
            o->kinesis.cut = what == 1 ? 1000 : 0;
            o->kinesis.takeover = what == 2 ? 1000 : 0;
            put_for(o, 100);
            o->kinesis.cut = o->kinesis.takeover = 0;
            uint64_t n = (uint64_t)at - 1900;
            if (what == 0) {
                fake_split(&o->kinesis, 0);
                fake_put(&o->kinesis, 1, 50);
                fake_put(&o->kinesis, 2, 50);
                n += 2;
            }
            fake_loop_run(&o->loop, 20000);
            finish_reading(o, n);
        }
    }
}

static void test_next_subscription(void **state)
{
    (void)state;
    struct owner *o = begin(KINESIS_LATEST, 1);
    owner_start(o);
    fake_loop_run(&o->loop, 6000);
    uint64_t n = 0;
    // Records every 100 ms for more than two subscriptions: none is missed, none comes twice.
    for (int i = 0; i < 7000; i++) {
        fake_put(&o->kinesis, 0, 50);
        n++;
        fake_loop_run(&o->loop, 100);
    }
    fake_loop_run(&o->loop, 3000);
    assert_int_equal(o->n_applied, n);
    assert_int_equal(subscriptions(o), 3);
    assert_int_equal(o->status, 0);
    assert_int_equal(o->n_statuses, 1);
    finish(o);
}

static void test_idle_shard_keeps_its_place(void **state)
{
    (void)state;
    struct owner *o = begin(KINESIS_LATEST, 1);
    o->options.subscription_ms = 4 * FAKE_SUBSCRIPTION_MS; // ends before it is renewed
    owner_start(o);
    fake_loop_run(&o->loop, 700000);
    assert_true(o->kinesis.n_heartbeats > 100);
    assert_int_equal(subscriptions(o), 3);
    // Heartbeats move on where the next one starts.
    assert_int_equal(o->kinesis.last_start.iterator_type, KINESIS_AFTER_SEQUENCE_NUMBER);
    // The first record of all comes between two subscriptions.
    fake_fail(&o->kinesis, KINESIS_SUBSCRIBE_TO_SHARD, 2, ERR_UNAVAILABLE, "InternalFailure");
    fake_loop_run(&o->loop, 199500);
    fake_put(&o->kinesis, 0, 50);
    fake_loop_run(&o->loop, 20000);
    assert_int_equal(o->n_applied, 1);
    finish(o);
}

// A service for which AFTER_SEQUENCE_NUMBER names the first record that it gives, not the last one
// known.
static void test_nothing_from_before_the_start(void **state)
{
    (void)state;
    struct owner *o = begin(KINESIS_LATEST, 1);
    o->options.subscription_ms = 20000;
    o->kinesis.at_for_after = true;
    fake_put(&o->kinesis, 0, 50);
    // The continuation is that record.
    o->kinesis.next_seq = o->kinesis.shards[0]->records[0].seq + 1;
    owner_start(o);
    fake_loop_run(&o->loop, 50000);
    assert_in_range(subscriptions(o), 3, 4);
    assert_int_equal(o->kinesis.last_start.iterator_type, KINESIS_AFTER_SEQUENCE_NUMBER);
    finish_reading(o, 0);
}

// What an event holds is handed over when it has come, not with the next one.
static void test_aggregate_does_not_wait_for_the_next_event(void **state)
{
    (void)state;
    struct owner *o = begin(KINESIS_TRIM_HORIZON, 1);
    o->kinesis.latency_ms = 5;
    owner_start(o);
    fake_loop_run(&o->loop, 6000);
    assert_int_equal(o->status, 0);
    for (uint64_t i = 1; i <= 5; i++) {
        fake_put_aggregate(&o->kinesis, 0, 3);
        fake_loop_run(&o->loop, 500);
        assert_int_equal(o->n_applied, 3 * i);
    }
    finish_reading(o, 15);
}

static void test_waits_when_in_use(void **state)
{
    (void)state;
    struct owner *o = begin_with_record();
    read_record(o);
    owner_crash(o);
    // A restart within five seconds of the last subscription is refused, and then takes over.
    fake_put(&o->kinesis, 0, 50);
    owner_start(o);
    fake_loop_run(&o->loop, 3000);
    assert_int_equal(o->n_applied, 1);
    assert_non_null(owner_status(o, "shardId-000000000000").last_error);
    fake_loop_run(&o->loop, 10000);
    assert_int_equal(o->n_applied, 2);
    assert_int_equal(o->status, 0);
    assert_null(owner_status(o, "shardId-000000000000").last_error);
    finish(o);
}

static void test_keeps_the_five_seconds(void **state)
{
    (void)state;
    struct owner *o = begin_with_record();
    read_record(o);
    o->kinesis.cut = 1000;
    fake_put(&o->kinesis, 0, 50);
    fake_loop_run(&o->loop, 1000);
    o->kinesis.cut = 0;
    fake_loop_run(&o->loop, 5000);
    assert_int_equal(o->n_applied, 2);
    assert_int_equal(o->kinesis.n_in_use, 0); // the service need not refuse
    finish(o);
}

static void test_silence_is_not_waited_for(void **state)
{
    (void)state;
    struct owner *o = begin_with_record();
    owner_start(o);
    fake_loop_run(&o->loop, 8000);
    assert_int_equal(o->n_applied, 1);
    o->kinesis.stall = 1000;
    fake_put(&o->kinesis, 0, 50);
    fake_loop_run(&o->loop, 8000);
    o->kinesis.stall = 0;
    fake_put(&o->kinesis, 0, 50);
    fake_loop_run(&o->loop, 15000);
    assert_true(o->n_applied < 3);
    fake_loop_run(&o->loop, 20000); // 30 s are over
    assert_int_equal(o->n_applied, 3);
    assert_int_equal(subscriptions(o), 2);
    finish(o);
}

static void test_slow_owner_stalls_its_own_shard(void **state)
{
    (void)state;
    struct owner *o = begin(KINESIS_TRIM_HORIZON, 2);
    o->hold = true;
    budget_init(&o->budget, 400000, 100000);
    owner_start(o);
    fake_loop_run(&o->loop, 6000);
    for (int i = 0; i < 400; i++) {
        fake_put(&o->kinesis, 0, 1000);
        fake_loop_run(&o->loop, 20);
    }
    fake_loop_run(&o->loop, 5000);
    struct shard_status s = owner_status(o, "shardId-000000000000");
    uint64_t stalled = s.records;
    assert_true(stalled > 0 && stalled < 400);
    assert_true(o->budget.used <= o->budget.limit);
    // Batches of the first shard stay out for longer than a subscription lives.
    for (int i = 0; i < 400; i++) {
        fake_put(&o->kinesis, 1, 100);
        fake_loop_run(&o->loop, 1000);
        for (struct list *it = o->out.next; it != &o->out;) {
            struct shard_batch *b = container_of(it, struct shard_batch, link);
            it = it->next;
            if (span_is(b->shard_id, "shardId-000000000001")) {
                // The owner acknowledges what was handed over last.
                list_remove(&b->link);
                list_push(&o->out, &b->link);
                owner_take_last(o);
                it = o->out.next;
            }
        }
    }
    assert_int_equal(owner_status(o, "shardId-000000000000").records, stalled);
    assert_int_equal(o->n_applied, 400);
    o->hold = false;
    for (int i = 0; i < 100; i++) {
        owner_ack_all(o);
        fake_loop_run(&o->loop, 1000);
    }
    assert_int_equal(o->n_applied, 800);
    finish(o);
}

static void test_says_that_it_cannot(void **state)
{
    (void)state;
    struct owner *o = begin_with_record();
    fake_fail(&o->kinesis, KINESIS_DESCRIBE_STREAM_CONSUMER, -1, ERR_INVALID,
              "UnknownOperationException");
    owner_start(o);
    fake_loop_run(&o->loop, 60000);
    assert_int_equal(o->status, ERR_INVALID);
    assert_string_equal(o->text,
                        "stream tb-x in eu-west-1 cannot do enhanced fan-out: "
                        "DescribeStreamConsumer: UnknownOperationException: said the service; "
                        "turn useConsumersWithEnhancedFanOut off");
    assert_int_equal(subscriptions(o), 0);
    // Another reason is told too.
    fake_fail(&o->kinesis, KINESIS_DESCRIBE_STREAM_CONSUMER, 0, 0, NULL);
    fake_fail(&o->kinesis, KINESIS_REGISTER_STREAM_CONSUMER, -1, ERR_THROTTLED,
              "LimitExceededException");
    fake_loop_run(&o->loop, 120000);
    assert_non_null(strstr(o->text, "RegisterStreamConsumer: LimitExceededException"));
    assert_non_null(strstr(o->text, "cannot do enhanced fan-out"));
    fake_fail(&o->kinesis, KINESIS_REGISTER_STREAM_CONSUMER, 0, 0, NULL);
    fake_loop_run(&o->loop, 60000);
    finish_reading(o, 1);
}

static void test_subscribe_says_that_it_cannot(void **state)
{
    (void)state;
    struct owner *o = begin_with_record();
    fake_fail(&o->kinesis, KINESIS_SUBSCRIBE_TO_SHARD, -1, ERR_PROTO, NULL);
    owner_start(o);
    fake_loop_run(&o->loop, 60000);
    assert_int_equal(o->status, ERR_PROTO);
    assert_non_null(strstr(o->text, "cannot do enhanced fan-out: SubscribeToShard"));
    fake_fail(&o->kinesis, KINESIS_SUBSCRIBE_TO_SHARD, 0, 0, NULL);
    fake_loop_run(&o->loop, 60000);
    finish_reading(o, 1);
}

static void test_failing_registration_is_not_forgotten(void **state)
{
    (void)state;
    struct owner *o = begin(KINESIS_TRIM_HORIZON, 1);
    owner_start(o);
    fake_loop_run(&o->loop, 10000);
    assert_int_equal(o->status, 0);
    fake_add_shard(&o->kinesis, -1, -1);
    fake_fail(&o->kinesis, KINESIS_SUBSCRIBE_TO_SHARD, 1, ERR_NOT_FOUND,
              "ResourceNotFoundException");
    fake_fail(&o->kinesis, KINESIS_DESCRIBE_STREAM_CONSUMER, -1, ERR_INVALID,
              "UnknownOperationException");
    // The first shard goes on, and listings succeed.
    for (int i = 0; i < 200; i++) {
        fake_put(&o->kinesis, 0, 50);
        fake_loop_run(&o->loop, 1000);
    }
    assert_int_equal(o->n_applied, 200);
    assert_int_equal(o->status, ERR_INVALID);
    fake_fail(&o->kinesis, KINESIS_DESCRIBE_STREAM_CONSUMER, 0, 0, NULL);
    fake_loop_run(&o->loop, 60000);
    assert_int_equal(o->status, 0);
    finish(o);
}

static void test_consumer_that_is_never_active(void **state)
{
    (void)state;
    struct owner *o = begin(KINESIS_TRIM_HORIZON, 1);
    o->kinesis.stuck_creating = true;
    owner_start(o);
    fake_loop_run(&o->loop, 20000);
    assert_int_equal(o->status, 1);
    fake_loop_run(&o->loop, 40000);
    assert_int_equal(o->status, ERR_UNAVAILABLE);
    assert_non_null(strstr(o->text, "penstock is CREATING"));
    o->kinesis.stuck_creating = false;
    fake_loop_run(&o->loop, 10000);
    assert_int_equal(o->status, 0);
    finish(o);
}

static void test_consumer_is_deregistered(void **state)
{
    (void)state;
    struct owner *o = begin_with_record();
    owner_start(o);
    fake_loop_run(&o->loop, 10000);
    o->kinesis.consumer_since_ms = 0;
    o->kinesis.cut = 1000;
    fake_put(&o->kinesis, 0, 50);
    fake_loop_run(&o->loop, 6000);
    o->kinesis.cut = 0;
    fake_loop_run(&o->loop, 120000);
    assert_int_equal(o->kinesis.n_consumers, 2);
    finish_reading(o, 2);
}

static void test_stream_created_anew(void **state)
{
    (void)state;
    struct owner *o = begin_with_record();
    owner_start(o);
    fake_loop_run(&o->loop, 10000);
    assert_int_equal(o->n_applied, 1);
    fake_recreate(&o->kinesis, 2);
    fake_put(&o->kinesis, 0, 50);
    fake_put(&o->kinesis, 1, 50);
    fake_loop_run(&o->loop, 500000);
    assert_int_equal(o->n_streams, 2);
    assert_int_equal(o->kinesis.n_consumers, 2);
    finish_reading(o, 3);
}

static void test_children_without_a_listing(void **state)
{
    (void)state;
    struct owner *o = begin(KINESIS_TRIM_HORIZON, 1);
    o->check_parents = o->lossless = true;
    for (int i = 0; i < 100; i++)
        fake_put(&o->kinesis, 0, 50);
    o->kinesis.linger = true;
    owner_start(o);
    fake_loop_run(&o->loop, 8000);
    size_t listings = o->kinesis.counts[KINESIS_LIST_SHARDS];
    fake_split(&o->kinesis, 0);
    fake_put(&o->kinesis, 1, 50);
    fake_put(&o->kinesis, 2, 50);
    fake_loop_run(&o->loop, 3000);
    assert_int_equal(o->n_applied, 102);
    assert_int_equal(o->kinesis.counts[KINESIS_LIST_SHARDS], listings);
    assert_int_equal(owner_status(o, "shardId-000000000000").state, SHARD_ENDED);
    assert_int_equal(o->kinesis.n_running, 2); // the parent's subscription is canceled
    finish(o);
}

static void test_close_at_any_moment(void **state)
{
    (void)state;
    for (int ms = 0; ms < 9000; ms += 1 + ms / 7) {
        for (int in = OWNER_NOTHING; in <= OWNER_STATUS; in++) {
            struct owner *o = begin(KINESIS_LATEST, 3);
            o->kinesis.slow_cancel = true;
            o->options.max_records = 3; // an event makes many batches
            o->close_in = (enum owner_event)in;
            o->ack_ms = 500;
            owner_start(o);
            for (int at = 0; at < ms && !o->closed; at += 50) {
                fake_put(&o->kinesis, at / 50 % 3, 50);
                fake_loop_run(&o->loop, 50);
            }
            if (in != OWNER_NOTHING && o->close_in == OWNER_NOTHING)
                assert_true(fake_loop_run_until(&o->loop, &o->closed, 60000));
            finish(o);
        }
    }
}

static void test_close_in_a_turn(void **state)
{
    (void)state;
    for (int64_t ms = 15500; ms < 19500; ms += 40) {
        struct owner *o = begin_flow(LIFE_MS);
        o->kinesis.slow_cancel = ms % 80 == 0;
        put_for(o, ms - 2000);
        finish(o);
    }
}

static void test_wrong_names(void **state)
{
    (void)state;
    struct owner *o = begin(KINESIS_LATEST, 1);
    struct consumer *c;
    struct err e = {0};
    o->options.fan_out_consumer = SPAN("a b");
    assert_int_equal(consumer_new(&o->options, &c, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "applicationName"));
    char name[FAN_OUT_NAME_MAX + 1];
    memset(name, 'x', sizeof name);
    o->options.fan_out_consumer = span_of(name, sizeof name);
    assert_int_equal(consumer_new(&o->options, &c, &e), ERR_CONFIG);
    o->options.fan_out_consumer = span_of(name, sizeof name - 1);
    owner_start(o);
    finish(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registers_and_reads),
        cmocka_unit_test(test_turns_leave_no_gap),
        cmocka_unit_test(test_turn_is_tried_again),
        cmocka_unit_test(test_what_happens_in_a_turn),
        cmocka_unit_test(test_next_subscription),
        cmocka_unit_test(test_idle_shard_keeps_its_place),
        cmocka_unit_test(test_nothing_from_before_the_start),
        cmocka_unit_test(test_aggregate_does_not_wait_for_the_next_event),
        cmocka_unit_test(test_waits_when_in_use),
        cmocka_unit_test(test_keeps_the_five_seconds),
        cmocka_unit_test(test_silence_is_not_waited_for),
        cmocka_unit_test(test_slow_owner_stalls_its_own_shard),
        cmocka_unit_test(test_says_that_it_cannot),
        cmocka_unit_test(test_subscribe_says_that_it_cannot),
        cmocka_unit_test(test_failing_registration_is_not_forgotten),
        cmocka_unit_test(test_consumer_that_is_never_active),
        cmocka_unit_test(test_consumer_is_deregistered),
        cmocka_unit_test(test_stream_created_anew),
        cmocka_unit_test(test_children_without_a_listing),
        cmocka_unit_test(test_close_at_any_moment),
        cmocka_unit_test(test_close_in_a_turn),
        cmocka_unit_test(test_wrong_names),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
