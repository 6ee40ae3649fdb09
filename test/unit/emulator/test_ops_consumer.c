// SPDX-License-Identifier: Apache-2.0
#include "emu_fixture.h"

// Consumers, and the events of a subscription.

#define STREAM "arn:aws:kinesis:us-east-1:000000000000:stream/s"
#define S0 "shardId-000000000000"
#define HALF "170141183460469231731687303715884105728"

static struct emu_subscription sub;
static struct buf event;

static int set_up(void **state)
{
    emu_set_up(state);
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':1}");
    return 0;
}

static int tear_down(void **state)
{
    buf_free(&event);
    return emu_tear_down(state);
}

static const char *add_consumer(const char *name)
{
    struct json *j =
        emu_ok("RegisterStreamConsumer", "{'StreamARN':'" STREAM "','ConsumerName':'%s'}", name);
    return emu_keep(emu_str(json_get(j, "Consumer"), "ConsumerARN"));
}

static const char *status_of(const char *arn)
{
    struct json *j = emu_ok("DescribeStreamConsumer", "{'ConsumerARN':'%s'}", arn);
    return emu_keep(emu_str(json_get(j, "ConsumerDescription"), "ConsumerStatus"));
}

static void put(const char *data)
{
    emu_ok("PutRecord", "{'StreamName':'s','PartitionKey':'k','Data':'%s'}", data);
}

static void subscribe(const char *arn, const char *position)
{
    emu_ok("SubscribeToShard", "{'ConsumerARN':'%s','ShardId':'" S0 "','StartingPosition':{%s}}",
           arn, position);
    assert_int_equal(fx.reply.n, 0);
    sub = fx.subscription;
}

// The next event; its payload in fx.json.
static enum emu_push next(void)
{
    struct err e = {0};
    buf_clear(&event);
    enum emu_push kind = emu_subscription_next(&sub, &fx.account, fx.now, &event, &fx.error);
    json_free(fx.json);
    fx.json = NULL;
    if (kind == EMU_PUSH_EVENT || kind == EMU_PUSH_LAST) {
        fx.json = json_parse(buf_span(&event), &e);
        assert_non_null(fx.json);
    }
    return kind;
}

static size_t records(void)
{
    return json_count(json_get(fx.json, "Records"));
}

static void test_life_of_a_consumer(void **state)
{
    (void)state;
    fx.account.transition_ms = 50;
    const char *arn = add_consumer("c");
    assert_string_equal(arn, STREAM "/consumer/c:1754611200");
    assert_string_equal(status_of(arn), "CREATING");
    emu_error("SubscribeToShard", "ResourceInUseException", "state CREATING",
              "{'ConsumerARN':'%s','ShardId':'" S0 "','StartingPosition':{'Type':'LATEST'}}", arn);
    emu_error("RegisterStreamConsumer", "ResourceInUseException",
              "Consumer c under stream " STREAM " already exists.",
              "{'StreamARN':'" STREAM "','ConsumerName':'c'}");
    emu_advance(50);
    assert_string_equal(status_of(arn), "ACTIVE");
    emu_ok("DeregisterStreamConsumer", "{'StreamARN':'" STREAM "','ConsumerName':'c'}");
    assert_string_equal(status_of(arn), "DELETING");
    emu_error("DeregisterStreamConsumer", "ResourceNotFoundException", "Consumer c",
              "{'ConsumerARN':'%s'}", arn);
    // Its ARN counts in seconds: the next one of its name must have another.
    emu_advance(824);
    assert_string_equal(status_of(arn), "DELETING");
    emu_advance(1);
    emu_error("DescribeStreamConsumer", "ResourceNotFoundException", "Consumer c of stream s",
              "{'ConsumerARN':'%s'}", arn);
    assert_string_not_equal(add_consumer("c"), arn);
    emu_error("DescribeStreamConsumer", "ResourceNotFoundException", NULL, "{'ConsumerARN':'%s'}",
              arn);
}

static void test_which_consumer(void **state)
{
    (void)state;
    add_consumer("c");
    emu_error("DescribeStreamConsumer", "InvalidArgumentException", "Either ConsumerARN", "{}");
    emu_error("DescribeStreamConsumer", "InvalidArgumentException", "Either ConsumerARN",
              "{'StreamARN':'" STREAM "'}");
    emu_error("DescribeStreamConsumer", "ResourceNotFoundException", "Consumer x of stream s",
              "{'StreamARN':'" STREAM "','ConsumerName':'x'}");
    emu_error("DescribeStreamConsumer", "ResourceNotFoundException", "Stream nope",
              "{'StreamARN':'arn:aws:kinesis:us-east-1:000000000000:stream/nope',"
              "'ConsumerName':'c'}");
    emu_error("DescribeStreamConsumer", "ResourceNotFoundException", NULL,
              "{'ConsumerARN':'arn:aws:kinesis:eu-west-1:000000000000:stream/s/consumer/c:1'}");
    static const char *const wrong[] = {STREAM "/consumer/c",   STREAM "/consumer/c:",   STREAM,
                                        STREAM "/consumer/c:x", STREAM "/consumers/c:1", "c"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        emu_error("DescribeStreamConsumer", "ValidationException", "at 'consumerARN'",
                  "{'ConsumerARN':'%s'}", wrong[i]);
}

static void test_limits_of_consumers(void **state)
{
    (void)state;
    char name[16];
    fx.account.transition_ms = 1000;
    for (int i = 0; i < EMU_CONSUMERS_MAX; i++) {
        snprintf(name, sizeof name, "c%02d", (i * 7) % EMU_CONSUMERS_MAX);
        if (i == EMU_CONSUMERS_CREATING_MAX)
            emu_error("RegisterStreamConsumer", "LimitExceededException", "in state CREATING",
                      "{'StreamARN':'" STREAM "','ConsumerName':'%s'}", name);
        if (i >= EMU_CONSUMERS_CREATING_MAX)
            emu_advance(1000);
        add_consumer(name);
    }
    emu_error("RegisterStreamConsumer", "LimitExceededException", "20 registered consumers",
              "{'StreamARN':'" STREAM "','ConsumerName':'one-more'}");
    struct json *j =
        emu_ok("ListStreamConsumers", "{'StreamARN':'" STREAM "','MaxResults':%d}", 19);
    assert_int_equal(json_count(json_get(j, "Consumers")), 19);
    assert_span_is(emu_str(emu_nth(json_get(j, "Consumers"), 18), "ConsumerName"), "c18");
    const char *token = emu_keep(emu_str(j, "NextToken"));
    j = emu_ok("ListStreamConsumers", "{'StreamARN':'" STREAM "','NextToken':'%s'}", token);
    assert_int_equal(json_count(json_get(j, "Consumers")), 1);
    assert_null(json_get(j, "NextToken"));
    emu_advance(EMU_TOKEN_LIFE_MS + 1);
    emu_error("ListStreamConsumers", "ExpiredNextTokenException", NULL,
              "{'StreamARN':'" STREAM "','NextToken':'%s'}", token);
    emu_error("ListStreamConsumers", "InvalidArgumentException", "NextToken",
              "{'StreamARN':'" STREAM "','NextToken':'abc'}");
    emu_error("ListStreamConsumers", "ResourceNotFoundException", "StreamCreationTimestamp",
              "{'StreamARN':'" STREAM "','StreamCreationTimestamp':5}");
}

static void test_a_stream_with_consumers(void **state)
{
    (void)state;
    add_consumer("c");
    emu_error("DeleteStream", "ResourceInUseException", "EnforceConsumerDeletion",
              "{'StreamName':'s'}");
    emu_ok("DeleteStream", "{'StreamName':'s','EnforceConsumerDeletion':true}");
    emu_error("RegisterStreamConsumer", "ResourceInUseException", "in state DELETING",
              "{'StreamARN':'" STREAM "','ConsumerName':'d'}");
}

static void test_events(void **state)
{
    (void)state;
    const char *arn = add_consumer("c");
    put("QQ==");
    put("Qg==");
    subscribe(arn, "'Type':'TRIM_HORIZON'");
    assert_int_equal(next(), EMU_PUSH_EVENT);
    assert_int_equal(records(), 2);
    assert_int_equal(json_get_int(fx.json, "MillisBehindLatest", -1), 0);
    struct span last = emu_str(emu_nth(json_get(fx.json, "Records"), 1), "SequenceNumber");
    const char *continuation = emu_keep(emu_str(fx.json, "ContinuationSequenceNumber"));
    assert_span_equal(last, span_str(continuation));
    assert_null(json_get(fx.json, "ChildShards"));
    assert_int_equal(next(), EMU_PUSH_NOTHING);
    assert_true(emu_subscription_due_ms(&sub, fx.now) == fx.now.mono_ms + EMU_HEARTBEAT_MS);

    // A heartbeat's sequence number has moved on with the time, and leads to the same place.
    emu_advance(EMU_HEARTBEAT_MS - 1);
    assert_int_equal(next(), EMU_PUSH_NOTHING);
    emu_advance(1);
    assert_int_equal(next(), EMU_PUSH_EVENT);
    assert_int_equal(records(), 0);
    const char *later = emu_keep(emu_str(fx.json, "ContinuationSequenceNumber"));
    assert_true(strcmp(later, continuation) > 0);
    put("Qw==");
    emu_advance(EMU_SUBSCRIBE_AGAIN_MS);
    char position[128];
    snprintf(position, sizeof position, "'Type':'AFTER_SEQUENCE_NUMBER','SequenceNumber':'%s'",
             later);
    subscribe(arn, position);
    assert_int_equal(next(), EMU_PUSH_EVENT);
    assert_int_equal(records(), 1);
    assert_span_is(emu_str(emu_nth(json_get(fx.json, "Records"), 0), "Data"), "Qw==");
    assert_true(strcmp(emu_keep(emu_str(fx.json, "ContinuationSequenceNumber")), later) > 0);
}

static void test_an_empty_shard(void **state)
{
    (void)state;
    subscribe(add_consumer("c"), "'Type':'LATEST'");
    assert_int_equal(next(), EMU_PUSH_EVENT);
    const char *continuation = emu_keep(emu_str(fx.json, "ContinuationSequenceNumber"));
    put("QQ==");
    emu_advance(EMU_SUBSCRIBE_AGAIN_MS);
    char position[128];
    snprintf(position, sizeof position, "'Type':'AFTER_SEQUENCE_NUMBER','SequenceNumber':'%s'",
             continuation);
    subscribe(STREAM "/consumer/c:1754611200", position);
    assert_int_equal(next(), EMU_PUSH_EVENT);
    assert_int_equal(records(), 1);
}

static void test_large_events_are_divided(void **state)
{
    (void)state;
    static char data[EMU_EVENT_BYTES / 2];
    char sequence[EMU_SEQUENCE_LEN];
    struct emu_stream *s = emu_account_stream(&fx.account, SPAN("s"));
    for (int i = 0; i < 5; i++)
        emu_shard_put(s->shards[0], SPAN("k"), span_of(data, sizeof data - 1), fx.now.wall_ms,
                      sequence);
    subscribe(add_consumer("c"), "'Type':'TRIM_HORIZON'");
    assert_int_equal(next(), EMU_PUSH_EVENT);
    assert_int_equal(records(), 2);
    assert_true(json_get_int(fx.json, "MillisBehindLatest", 0) > 0);
    buf_clear(&event);
    emu_subscription_empty(&sub, &fx.account, fx.now, &event);
    assert_int_equal(next(), EMU_PUSH_EVENT);
    assert_int_equal(next(), EMU_PUSH_EVENT);
    assert_int_equal(records(), 1);
    assert_int_equal(json_get_int(fx.json, "MillisBehindLatest", -1), 0);
}

static void test_rate(void **state)
{
    (void)state;
    static char data[EMU_EVENT_BYTES];
    char sequence[EMU_SEQUENCE_LEN];
    struct emu_stream *s = emu_account_stream(&fx.account, SPAN("s"));
    for (int i = 0; i < 40; i++)
        emu_shard_put(s->shards[0], SPAN("k"), span_of(data, sizeof data - 1), fx.now.wall_ms,
                      sequence);
    fx.account.limits = true;
    subscribe(add_consumer("c"), "'Type':'TRIM_HORIZON'");
    int n = 0;
    while (next() == EMU_PUSH_EVENT)
        n++;
    assert_int_equal(n, 9);
    int64_t due = emu_subscription_due_ms(&sub, fx.now);
    assert_in_range(due - fx.now.mono_ms, 100, 200);
    emu_advance(due - fx.now.mono_ms);
    assert_int_equal(next(), EMU_PUSH_EVENT);
    emu_error("SubscribeToShard", "LimitExceededException", "Rate exceeded",
              "{'ConsumerARN':'" STREAM "/consumer/c:1754611200','ShardId':'" S0
              "','StartingPosition':{'Type':'LATEST'}}");
}

static void test_one_at_a_time(void **state)
{
    (void)state;
    const char *arn = add_consumer("c");
    subscribe(arn, "'Type':'LATEST'");
    struct emu_subscription first = sub;
    emu_advance(EMU_SUBSCRIBE_AGAIN_MS - 1);
    emu_error("SubscribeToShard", "ResourceInUseException", "Another active subscription",
              "{'ConsumerARN':'%s','ShardId':'" S0 "','StartingPosition':{'Type':'LATEST'}}", arn);
    // Another consumer is not concerned, and a refused call takes nothing from the first.
    subscribe(add_consumer("d"), "'Type':'LATEST'");
    sub = first;
    assert_int_equal(next(), EMU_PUSH_EVENT);
    first = sub;
    emu_advance(1);
    subscribe(arn, "'Type':'LATEST'");
    assert_int_equal(next(), EMU_PUSH_EVENT);
    sub = first;
    assert_int_equal(next(), EMU_PUSH_ERROR);
    assert_string_equal(fx.error.code, "ResourceInUseException");
}

static void test_ends(void **state)
{
    (void)state;
    const char *arn = add_consumer("c");
    subscribe(arn, "'Type':'LATEST'");
    emu_advance(EMU_SUBSCRIPTION_MS - 1);
    assert_int_equal(next(), EMU_PUSH_EVENT);
    emu_advance(1);
    assert_int_equal(next(), EMU_PUSH_END);
    subscribe(arn, "'Type':'LATEST'");
    emu_ok("DeregisterStreamConsumer", "{'ConsumerARN':'%s'}", arn);
    assert_int_equal(next(), EMU_PUSH_ERROR);
    assert_string_equal(fx.error.code, "ResourceNotFoundException");
    subscribe(add_consumer("d"), "'Type':'LATEST'");
    emu_ok("DeleteStream", "{'StreamName':'s','EnforceConsumerDeletion':true}");
    emu_ok("ListStreams", "{}");
    assert_int_equal(next(), EMU_PUSH_ERROR);
    buf_clear(&event);
    emu_subscription_empty(&sub, &fx.account, fx.now, &event);
    assert_int_equal(event.n, 0);
}

static void test_changes_take_their_time(void **state)
{
    (void)state;
    fx.account.transition_ms = 50;
    const char *arn = add_consumer("c");
    assert_true(emu_account_due_ms(&fx.account) == fx.now.mono_ms + 50);
    emu_advance(50);
    subscribe(arn, "'Type':'LATEST'");
    assert_true(emu_account_due_ms(&fx.account) == INT64_MAX);
    add_consumer("d");
    assert_true(emu_account_due_ms(&fx.account) == fx.now.mono_ms + 50);
    // A consumer that is being deleted loses its subscriptions at once.
    emu_ok("DeregisterStreamConsumer", "{'ConsumerARN':'%s'}", arn);
    assert_string_equal(status_of(arn), "DELETING");
    assert_int_equal(next(), EMU_PUSH_ERROR);
    assert_string_equal(fx.error.code, "ResourceNotFoundException");
}

static bool only_shard_0(void *ctx, enum emu_op op, uint32_t shard)
{
    *(enum emu_op *)ctx = op;
    return shard != 0;
}

static void test_a_throttled_shard(void **state)
{
    (void)state;
    enum emu_op asked = EMU_OP_COUNT;
    const char *arn = add_consumer("c");
    emu_ok("UpdateShardCount",
           "{'StreamName':'s','TargetShardCount':2,'ScalingType':'UNIFORM_SCALING'}");
    const char *it = emu_iterator("s", "shardId-000000000002", "LATEST");
    fx.gate = (struct emu_gate){only_shard_0, &asked};
    subscribe(arn, "'Type':'LATEST'");
    assert_int_equal(asked, EMU_OP_SubscribeToShard);
    emu_error("SubscribeToShard", "LimitExceededException", "shardId-000000000002",
              "{'ConsumerARN':'%s','ShardId':'2','StartingPosition':{'Type':'LATEST'}}", arn);
    emu_error("GetShardIterator", "ProvisionedThroughputExceededException", "shard",
              "{'StreamName':'s','ShardId':'2','ShardIteratorType':'LATEST'}");
    emu_error("PutRecord", "ProvisionedThroughputExceededException", "shard",
              "{'StreamName':'s','PartitionKey':'k','Data':''}");
    assert_int_equal(asked, EMU_OP_PutRecord);
    emu_error("GetRecords", "ProvisionedThroughputExceededException", "shardId-000000000002",
              "{'ShardIterator':'%s'}", it);
}

static void test_end_of_a_shard(void **state)
{
    (void)state;
    const char *arn = add_consumer("c");
    put("QQ==");
    subscribe(arn, "'Type':'TRIM_HORIZON'");
    emu_ok("SplitShard",
           "{'StreamName':'s','ShardToSplit':'" S0 "','NewStartingHashKey':'" HALF "'}");
    assert_int_equal(next(), EMU_PUSH_LAST);
    assert_int_equal(records(), 1);
    assert_null(json_get(fx.json, "ContinuationSequenceNumber"));
    struct json *child = json_child(json_get(fx.json, "ChildShards"));
    assert_span_is(emu_str(child, "ShardId"), "shardId-000000000001");
    assert_span_is(json_str(json_child(json_get(child, "ParentShards")), SPAN_NONE), S0);
    emu_ok("MergeShards", "{'StreamName':'s','ShardToMerge':'1','AdjacentShardToMerge':'2'}");
    emu_ok("SubscribeToShard",
           "{'ConsumerARN':'%s','ShardId':'2','StartingPosition':{'Type':'LATEST'}}", arn);
    sub = fx.subscription;
    assert_int_equal(next(), EMU_PUSH_LAST);
    child = json_child(json_get(fx.json, "ChildShards"));
    assert_span_is(emu_str(child, "ShardId"), "shardId-000000000003");
    assert_int_equal(json_count(json_get(child, "ParentShards")), 2);
    // The shard is past retention while its subscription is still there.
    struct emu_subscription old = sub;
    emu_advance(25 * EMU_HOUR);
    sub = old;
    assert_int_equal(next(), EMU_PUSH_ERROR);
    assert_string_equal(fx.error.code, "ResourceNotFoundException");
    emu_error("SubscribeToShard", "ResourceNotFoundException", "Shard 2 in stream s",
              "{'ConsumerARN':'%s','ShardId':'2','StartingPosition':{'Type':'LATEST'}}", arn);
}

static void test_trimmed_under_a_subscription(void **state)
{
    (void)state;
    put("QQ==");
    emu_advance(20 * EMU_HOUR);
    put("Qg==");
    subscribe(add_consumer("c"), "'Type':'TRIM_HORIZON'");
    sub.end_ms = INT64_MAX;
    emu_advance(10 * EMU_HOUR);
    assert_int_equal(next(), EMU_PUSH_EVENT);
    assert_int_equal(records(), 1);
    assert_span_is(emu_str(emu_nth(json_get(fx.json, "Records"), 0), "Data"), "Qg==");
}

static void test_wrong_positions(void **state)
{
    (void)state;
    const char *arn = add_consumer("c");
    static const struct {
        const char *position, *code, *part;
    } cases[] = {
        {"", "ValidationException", "'startingPosition.type'"},
        {"'Type':'FIRST'", "ValidationException", "AT_TIMESTAMP"},
        {"'Type':'AFTER_SEQUENCE_NUMBER'", "InvalidArgumentException", "no StartingSequenceNumber"},
        {"'Type':'AT_TIMESTAMP'", "InvalidArgumentException", "Must specify timestamp"},
        {"'Type':'AT_TIMESTAMP','Timestamp':1954611200}", "SerializationException", NULL},
        {"'Type':'AT_TIMESTAMP','Timestamp':1954611200", "InvalidArgumentException", "greater"},
        {"'Type':'AT_SEQUENCE_NUMBER','SequenceNumber':'5'", "InvalidArgumentException",
         "used in SubscribeToShard on shard"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        emu_error("SubscribeToShard", cases[i].code, cases[i].part,
                  "{'ConsumerARN':'%s','ShardId':'" S0 "','StartingPosition':{%s}}", arn,
                  cases[i].position);
    emu_error("SubscribeToShard", "ValidationException", "'startingPosition'",
              "{'ConsumerARN':'%s','ShardId':'" S0 "'}", arn);
    emu_error("SubscribeToShard", "ResourceNotFoundException", "Shard 7",
              "{'ConsumerARN':'%s','ShardId':'7','StartingPosition':{'Type':'LATEST'}}", arn);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_life_of_a_consumer),
        CASE(test_which_consumer),
        CASE(test_limits_of_consumers),
        CASE(test_a_stream_with_consumers),
        CASE(test_events),
        CASE(test_an_empty_shard),
        CASE(test_large_events_are_divided),
        CASE(test_rate),
        CASE(test_one_at_a_time),
        CASE(test_ends),
        CASE(test_changes_take_their_time),
        CASE(test_a_throttled_shard),
        CASE(test_end_of_a_shard),
        CASE(test_trimmed_under_a_subscription),
        CASE(test_wrong_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
