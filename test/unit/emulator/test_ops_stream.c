// SPDX-License-Identifier: Apache-2.0
#include "emu_fixture.h"

static struct json *describe(const char *name)
{
    return json_get(emu_ok("DescribeStream", "{'StreamName':'%s'}", name), "StreamDescription");
}

static void test_life_of_a_stream(void **state)
{
    (void)state;
    fx.account.transition_ms = 50;
    emu_ok("CreateStream", "{'StreamName':'tb-test-uplink','ShardCount':1}");
    assert_int_equal(fx.reply.n, 0);
    struct json *d = describe("tb-test-uplink");
    assert_span_is(emu_str(d, "StreamStatus"), "CREATING");
    assert_int_equal(json_count(json_get(d, "Shards")), 0);
    emu_error("PutRecord", "ResourceNotFoundException",
              "Stream tb-test-uplink under account 000000000000 not found.",
              "{'StreamName':'tb-test-uplink','PartitionKey':'k','Data':''}");
    emu_advance(50);
    d = describe("tb-test-uplink");
    assert_span_is(emu_str(d, "StreamStatus"), "ACTIVE");
    assert_span_is(emu_str(d, "StreamARN"),
                   "arn:aws:kinesis:us-east-1:000000000000:stream/tb-test-uplink");
    assert_span_is(emu_str(d, "EncryptionType"), "NONE");
    assert_int_equal(json_get_int(d, "RetentionPeriodHours", 0), 24);
    assert_false(json_get_bool(d, "HasMoreShards", true));
    assert_true(json_num(json_get(d, "StreamCreationTimestamp"), 0) == 1754611200);
    struct json *shard = json_child(json_get(d, "Shards"));
    assert_span_is(emu_str(shard, "ShardId"), "shardId-000000000000");
    assert_span_is(emu_str(json_get(shard, "HashKeyRange"), "StartingHashKey"), "0");
    assert_span_is(emu_str(json_get(shard, "HashKeyRange"), "EndingHashKey"),
                   "340282366920938463463374607431768211455");
    struct json *range = json_get(shard, "SequenceNumberRange");
    assert_int_equal(emu_str(range, "StartingSequenceNumber").n, 56);
    assert_null(json_get(range, "EndingSequenceNumber"));
    assert_null(json_get(shard, "ParentShardId"));

    emu_error("CreateStream", "ResourceInUseException",
              "Stream tb-test-uplink under account 000000000000 already exists.",
              "{'StreamName':'tb-test-uplink','ShardCount':1}");
    emu_ok("DeleteStream", "{'StreamName':'tb-test-uplink'}");
    assert_span_is(emu_str(describe("tb-test-uplink"), "StreamStatus"), "DELETING");
    emu_error("DeleteStream", "ResourceInUseException", "DELETING",
              "{'StreamName':'tb-test-uplink'}");
    // Made at .125 of a second: gone at the start of the next one, not sooner.
    emu_advance(824);
    assert_span_is(emu_str(describe("tb-test-uplink"), "StreamStatus"), "DELETING");
    emu_advance(1);
    emu_error("DescribeStream", "ResourceNotFoundException",
              "Stream tb-test-uplink under account 000000000000 not found.",
              "{'StreamName':'tb-test-uplink'}");
}

static void test_stream_by_arn(void **state)
{
    (void)state;
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':1}");
    emu_ok("DescribeStreamSummary",
           "{'StreamARN':'arn:aws:kinesis:us-east-1:000000000000:stream/s'}");
    emu_ok("DescribeStreamSummary",
           "{'StreamName':'s',"
           "'StreamARN':'arn:aws:kinesis:us-east-1:000000000000:stream/s'}");
    emu_error("DescribeStreamSummary", "InvalidArgumentException", "do not name the same",
              "{'StreamName':'t','StreamARN':'arn:aws:kinesis:us-east-1:000000000000:stream/s'}");
    emu_error("DescribeStreamSummary", "ResourceNotFoundException", "under account 000000000001",
              "{'StreamARN':'arn:aws:kinesis:us-east-1:000000000001:stream/s'}");
    emu_error("DescribeStreamSummary", "ResourceNotFoundException", NULL,
              "{'StreamARN':'arn:aws:kinesis:eu-west-1:000000000000:stream/s'}");
    emu_error("DescribeStreamSummary", "ValidationException", "at 'streamARN'",
              "{'StreamARN':'arn:aws:kinesis:us-east-1:0:stream/s'}");
    emu_error("DescribeStreamSummary", "InvalidArgumentException", "StreamName or StreamARN", "{}");
}

static void test_summary(void **state)
{
    (void)state;
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':3,'MaxRecordSizeInKiB':2048}");
    struct json *d =
        json_get(emu_ok("DescribeStreamSummary", "{'StreamName':'s'}"), "StreamDescriptionSummary");
    assert_int_equal(json_get_int(d, "OpenShardCount", 0), 3);
    assert_int_equal(json_get_int(d, "ConsumerCount", -1), 0);
    assert_int_equal(json_get_int(d, "MaxRecordSizeInKiB", 0), 2048);
    assert_span_is(emu_str(json_get(d, "StreamModeDetails"), "StreamMode"), "PROVISIONED");
    emu_ok("CreateStream", "{'StreamName':'o','StreamModeDetails':{'StreamMode':'ON_DEMAND'}}");
    d = json_get(emu_ok("DescribeStreamSummary", "{'StreamName':'o'}"), "StreamDescriptionSummary");
    assert_span_is(emu_str(json_get(d, "StreamModeDetails"), "StreamMode"), "ON_DEMAND");
    assert_int_equal(json_get_int(d, "OpenShardCount", 0), 4);
}

static void test_describe_pages(void **state)
{
    (void)state;
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':101}");
    struct json *d = describe("s");
    assert_int_equal(json_count(json_get(d, "Shards")), 100);
    assert_true(json_get_bool(d, "HasMoreShards", false));
    d = json_get(emu_ok("DescribeStream", "{'StreamName':'s','Limit':10000,"
                                          "'ExclusiveStartShardId':'shardId-000000000099'}"),
                 "StreamDescription");
    assert_int_equal(json_count(json_get(d, "Shards")), 1);
    assert_false(json_get_bool(d, "HasMoreShards", true));
    assert_span_is(emu_str(json_child(json_get(d, "Shards")), "ShardId"), "shardId-000000000100");
}

static void test_list_pages(void **state)
{
    (void)state;
    struct json *j = emu_ok("ListStreams", "{}");
    assert_int_equal(json_count(json_get(j, "StreamNames")), 0);
    assert_false(json_get_bool(j, "HasMoreStreams", true));
    for (int i = 0; i < 105; i++)
        emu_ok("CreateStream", "{'StreamName':'s%03d','ShardCount':1}", 104 - i);
    j = emu_ok("ListStreams", "{}");
    assert_int_equal(json_count(json_get(j, "StreamNames")), 100);
    assert_true(json_get_bool(j, "HasMoreStreams", false));
    assert_span_is(json_str(emu_nth(json_get(j, "StreamNames"), 0), SPAN_NONE), "s000");
    const char *token = emu_keep(emu_str(j, "NextToken"));
    j = emu_ok("ListStreams", "{'NextToken':'%s'}", token);
    assert_int_equal(json_count(json_get(j, "StreamNames")), 5);
    assert_int_equal(json_count(json_get(j, "StreamSummaries")), 5);
    assert_null(json_get(j, "NextToken"));
    j = emu_ok("ListStreams", "{'ExclusiveStartStreamName':'s050','Limit':2}");
    assert_span_is(json_str(emu_nth(json_get(j, "StreamNames"), 0), SPAN_NONE), "s051");
    assert_int_equal(json_count(json_get(j, "StreamNames")), 2);
    emu_error("ListStreams", "InvalidArgumentException", "Invalid NextToken",
              "{'NextToken':'abc'}");
    emu_advance(300 * 1000);
    emu_ok("ListStreams", "{'NextToken':'%s'}", token);
    emu_advance(1);
    emu_error("ListStreams", "ExpiredNextTokenException", NULL, "{'NextToken':'%s'}", token);
}

static void test_shard_limit(void **state)
{
    (void)state;
    fx.account.shard_limit = 10;
    emu_ok("CreateStream", "{'StreamName':'a','ShardCount':7}");
    emu_error("CreateStream", "LimitExceededException",
              "Current shard count for the account: 7. Limit: 10. Number of additional shards that "
              "would have resulted from this request: 4.",
              "{'StreamName':'b','ShardCount':4}");
    emu_error("CreateStream", "LimitExceededException", NULL,
              "{'StreamName':'b','ShardCount':2147483647}");
    emu_ok("CreateStream", "{'StreamName':'b','ShardCount':3}");
    emu_error("CreateStream", "ValidationException", "Value null at 'shardCount'",
              "{'StreamName':'c'}");
    struct json *j = emu_ok("DescribeLimits", "{}");
    assert_int_equal(json_get_int(j, "ShardLimit", 0), 10);
    assert_int_equal(json_get_int(j, "OpenShardCount", 0), 10);
    assert_int_equal(json_get_int(j, "OnDemandStreamCount", -1), 0);
}

static void test_retention(void **state)
{
    (void)state;
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':1}");
    emu_error("IncreaseStreamRetentionPeriod", "InvalidArgumentException",
              "Minimum allowed retention period is 24 hours.",
              "{'StreamName':'s','RetentionPeriodHours':23}");
    emu_error("IncreaseStreamRetentionPeriod", "ValidationException", "less than or equal to 8760",
              "{'StreamName':'s','RetentionPeriodHours':8761}");
    emu_ok("IncreaseStreamRetentionPeriod", "{'StreamName':'s','RetentionPeriodHours':48}");
    emu_ok("IncreaseStreamRetentionPeriod", "{'StreamName':'s','RetentionPeriodHours':48}");
    emu_ok("DecreaseStreamRetentionPeriod", "{'StreamName':'s','RetentionPeriodHours':48}");
    emu_error("IncreaseStreamRetentionPeriod", "InvalidArgumentException",
              "can not be shorter than existing retention period (48 hours)",
              "{'StreamName':'s','RetentionPeriodHours':47}");
    emu_error("DecreaseStreamRetentionPeriod", "InvalidArgumentException",
              "can not be longer than existing retention period (48 hours)",
              "{'StreamName':'s','RetentionPeriodHours':49}");
    emu_ok("PutRecord", "{'StreamName':'s','PartitionKey':'k','Data':''}");
    const char *it = emu_iterator("s", "shardId-000000000000", "TRIM_HORIZON");
    emu_advance(30 * EMU_HOUR);
    it = emu_iterator("s", "shardId-000000000000", "TRIM_HORIZON");
    assert_int_equal(
        json_count(json_get(emu_ok("GetRecords", "{'ShardIterator':'%s'}", it), "Records")), 1);
    emu_ok("DecreaseStreamRetentionPeriod", "{'StreamName':'s','RetentionPeriodHours':24}");
    assert_int_equal(
        json_count(json_get(emu_ok("GetRecords", "{'ShardIterator':'%s'}", it), "Records")), 0);
}

static void test_tags(void **state)
{
    (void)state;
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':1,'Tags':{'b':'1'}}");
    emu_ok("AddTagsToStream", "{'StreamName':'s','Tags':{'c':'3','a':'','b':'2'}}");
    struct json *j = emu_ok("ListTagsForStream", "{'StreamName':'s'}");
    assert_int_equal(json_count(json_get(j, "Tags")), 3);
    assert_span_is(emu_str(emu_nth(json_get(j, "Tags"), 1), "Value"), "2");
    assert_false(json_get_bool(j, "HasMoreTags", true));
    j = emu_ok("ListTagsForStream", "{'StreamName':'s','Limit':1,'ExclusiveStartTagKey':'a'}");
    assert_int_equal(json_count(json_get(j, "Tags")), 1);
    assert_span_is(emu_str(emu_nth(json_get(j, "Tags"), 0), "Key"), "b");
    assert_true(json_get_bool(j, "HasMoreTags", false));
    emu_ok("RemoveTagsFromStream", "{'StreamName':'s','TagKeys':['a','c','x']}");
    j = emu_ok("ListTagsForStream", "{'StreamName':'s'}");
    assert_int_equal(json_count(json_get(j, "Tags")), 1);
    for (int i = 0; i < 49; i++)
        emu_ok("AddTagsToStream", "{'StreamName':'s','Tags':{'t%d':'x'}}", i);
    emu_error("AddTagsToStream", "InvalidArgumentException", "more than 50 tags",
              "{'StreamName':'s','Tags':{'one more':'x'}}");
    emu_error("AddTagsToStream", "ValidationException", "Map keys must satisfy constraint",
              "{'StreamName':'s','Tags':{'':'x'}}");
}

static void test_call_rates(void **state)
{
    (void)state;
    fx.account.limits = true;
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':1}");
    for (int i = 0; i < 10; i++)
        emu_ok("DescribeStream", "{'StreamName':'s'}");
    emu_error("DescribeStream", "LimitExceededException",
              "Rate exceeded for stream s under account 000000000000.", "{'StreamName':'s'}");
    emu_advance(100);
    emu_ok("DescribeStream", "{'StreamName':'s'}");
    emu_ok("DescribeLimits", "{}");
    emu_error("DescribeLimits", "LimitExceededException", "Rate exceeded", "{}");
    for (int i = 0; i < 5; i++)
        emu_ok("ListStreams", "{}");
    emu_error("ListStreams", "LimitExceededException", "Rate exceeded", "{}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EMU_CASE(test_life_of_a_stream), EMU_CASE(test_stream_by_arn), EMU_CASE(test_summary),
        EMU_CASE(test_describe_pages),   EMU_CASE(test_list_pages),    EMU_CASE(test_shard_limit),
        EMU_CASE(test_retention),        EMU_CASE(test_tags),          EMU_CASE(test_call_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
