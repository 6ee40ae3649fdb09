// SPDX-License-Identifier: Apache-2.0
#include "emu_fixture.h"

#define S0 "shardId-000000000000"
#define THROTTLED "ProvisionedThroughputExceededException"

static int set_up(void **state)
{
    emu_set_up(state);
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':1}");
    return 0;
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, emu_tear_down)

static const char *put(const char *key)
{
    struct json *j =
        emu_ok("PutRecord", "{'StreamName':'s','PartitionKey':'%s','Data':'AAE='}", key);
    assert_span_is(emu_str(j, "ShardId"), S0);
    return emu_keep(emu_str(j, "SequenceNumber"));
}

// Reads a page; returns the number of records and leaves the next iterator in *it.
static size_t get(const char **it)
{
    struct json *j = emu_ok("GetRecords", "{'ShardIterator':'%s'}", *it);
    struct span next = emu_str(j, "NextShardIterator");
    *it = next.p ? emu_keep(next) : NULL;
    return json_count(json_get(j, "Records"));
}

static size_t readable(const char *extra)
{
    struct json *j = emu_ok("GetShardIterator", "{'StreamName':'s','ShardId':'" S0 "',%s}", extra);
    const char *it = emu_keep(emu_str(j, "ShardIterator"));
    return get(&it);
}

static void test_put_and_get(void **state)
{
    (void)state;
    const char *it = emu_iterator("s", S0, "TRIM_HORIZON");
    assert_int_equal(get(&it), 0);
    const char *a = put("one"), *b = put("\\\"two\\u0001");
    assert_int_equal(strlen(a), 56);
    assert_true(strcmp(a, b) < 0);
    assert_int_equal(get(&it), 2);
    struct json *r = emu_nth(json_get(fx.json, "Records"), 1);
    assert_span_equal(emu_str(r, "SequenceNumber"), span_str(b));
    assert_span_is(emu_str(r, "Data"), "AAE=");
    assert_span_is(emu_str(r, "PartitionKey"), "\"two\x01");
    assert_true(json_num(json_get(r, "ApproximateArrivalTimestamp"), 0) == 1754611200.125);
    assert_int_equal(json_get_int(fx.json, "MillisBehindLatest", -1), 0);
    assert_int_equal(get(&it), 0);
    assert_int_equal(fx.account.records_out, 2);
}

static void test_limit_and_lag(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        put("k");
        emu_advance(100);
    }
    const char *it = emu_iterator("s", S0, "TRIM_HORIZON");
    struct json *j = emu_ok("GetRecords", "{'ShardIterator':'%s','Limit':2}", it);
    assert_int_equal(json_count(json_get(j, "Records")), 2);
    assert_int_equal(json_get_int(j, "MillisBehindLatest", -1), 300);
    it = emu_keep(emu_str(j, "NextShardIterator"));
    assert_int_equal(get(&it), 3);
    assert_int_equal(json_get_int(fx.json, "MillisBehindLatest", -1), 0);
}

static void test_iterator_types(void **state)
{
    (void)state;
    const char *seq[4];
    for (int i = 0; i < 4; i++) {
        seq[i] = put("k");
        emu_advance(1000);
    }
    char extra[256];
    assert_int_equal(readable("'ShardIteratorType':'TRIM_HORIZON'"), 4);
    assert_int_equal(readable("'ShardIteratorType':'LATEST'"), 0);
    snprintf(extra, sizeof extra,
             "'ShardIteratorType':'AT_SEQUENCE_NUMBER','StartingSequenceNumber':'%s'", seq[1]);
    assert_int_equal(readable(extra), 3);
    snprintf(extra, sizeof extra,
             "'ShardIteratorType':'AFTER_SEQUENCE_NUMBER','StartingSequenceNumber':'%s'", seq[1]);
    assert_int_equal(readable(extra), 2);
    snprintf(extra, sizeof extra,
             "'ShardIteratorType':'AFTER_SEQUENCE_NUMBER','StartingSequenceNumber':'%s'", seq[3]);
    assert_int_equal(readable(extra), 0);
    assert_int_equal(readable("'ShardIteratorType':'AT_TIMESTAMP','Timestamp':1754611200.125"), 4);
    assert_int_equal(readable("'ShardIteratorType':'AT_TIMESTAMP','Timestamp':1754611200.126"), 3);
    assert_int_equal(readable("'ShardIteratorType':'AT_TIMESTAMP','Timestamp':1.7546112E9"), 4);
    assert_int_equal(readable("'ShardIteratorType':'AT_TIMESTAMP','Timestamp':1754611204.125"), 0);
    assert_int_equal(readable("'ShardIteratorType':'AT_TIMESTAMP','Timestamp':0"), 4);

    // The shard's own StartingSequenceNumber stands before its first record.
    struct json *j = emu_ok("ListShards", "{'StreamName':'s'}");
    struct json *range = json_get(emu_nth(json_get(j, "Shards"), 0), "SequenceNumberRange");
    for (int after = 0; after < 2; after++) {
        snprintf(extra, sizeof extra,
                 "'ShardIteratorType':'%s_SEQUENCE_NUMBER',"
                 "'StartingSequenceNumber':'%s'",
                 after ? "AFTER" : "AT", emu_keep(emu_str(range, "StartingSequenceNumber")));
        if (after)
            assert_int_equal(readable(extra), 4);
        else
            assert_int_equal(readable(extra), 4);
        j = emu_ok("ListShards", "{'StreamName':'s'}");
        range = json_get(emu_nth(json_get(j, "Shards"), 0), "SequenceNumberRange");
    }
}

static void test_iterator_errors(void **state)
{
    (void)state;
    const char *seq = put("k");
#define AT "{'StreamName':'s','ShardId':'" S0 "','ShardIteratorType':"
    emu_error("GetShardIterator", "InvalidArgumentException",
              "Request specified LATEST and also a StartingSequenceNumber.",
              AT "'LATEST','StartingSequenceNumber':'%s'}", seq);
    emu_error("GetShardIterator", "InvalidArgumentException",
              "Request specified AT_SEQUENCE_NUMBER and no StartingSequenceNumber.",
              AT "'AT_SEQUENCE_NUMBER'}");
    emu_error("GetShardIterator", "InvalidArgumentException",
              "Must specify timestampInMillis parameter", AT "'AT_TIMESTAMP'}");
    emu_error("GetShardIterator", "InvalidArgumentException",
              "timestampInMillis: 1754611200126, currentTimestampInMillis: 1754611200125",
              AT "'AT_TIMESTAMP','Timestamp':1754611200.126}");
    // Milliseconds where seconds belong: far in the future.
    emu_error("GetShardIterator", "InvalidArgumentException", "cannot be greater than",
              AT "'AT_TIMESTAMP','Timestamp':1754611200125}");
    emu_error("GetShardIterator", "InvalidArgumentException", "is invalid.",
              AT "'AT_SEQUENCE_NUMBER','StartingSequenceNumber':'123'}");
    emu_error("GetShardIterator", "InvalidArgumentException", "did not come from this stream",
              AT "'AT_SEQUENCE_NUMBER','StartingSequenceNumber':"
                 "'49599874927422395224927130964668873176443726009932447746'}");
    emu_error("GetShardIterator", "ResourceNotFoundException",
              "Shard shardId-000000000001 in stream s under account 000000000000 does not exist",
              "{'StreamName':'s','ShardId':'shardId-000000000001','ShardIteratorType':'LATEST'}");
    emu_ok("CreateStream", "{'StreamName':'t','ShardCount':3}");
    emu_error("GetShardIterator", "InvalidArgumentException",
              "It encodes shardId-000000000000, while it was used in a call to a shard with "
              "shardId-000000000001",
              "{'StreamName':'t','ShardId':'shardId-000000000001','ShardIteratorType':"
              "'AT_SEQUENCE_NUMBER','StartingSequenceNumber':'%s'}",
              seq);
}

static void test_iterator_life(void **state)
{
    (void)state;
    const char *it = emu_iterator("s", S0, "TRIM_HORIZON");
    emu_error("GetRecords", "InvalidArgumentException", "Invalid ShardIterator.",
              "{'ShardIterator':'AAAAAAAAAAHHpat8cWmSZ1LSNg2oOra2yaRN'}");
    emu_advance(300 * 1000);
    emu_ok("GetRecords", "{'ShardIterator':'%s'}", it);
    emu_advance(1);
    emu_error("GetRecords", "ExpiredIteratorException",
              "Iterator expired. The iterator was created at time Fri Aug 08 00:00:00 UTC 2025 "
              "while right now it is Fri Aug 08 00:05:00 UTC 2025 which is further in the future "
              "than the tolerated delay of 300000 milliseconds.",
              "{'ShardIterator':'%s'}", it);
    // Of a stream that was made anew under the same name.
    it = emu_iterator("s", S0, "TRIM_HORIZON");
    emu_ok("DeleteStream", "{'StreamName':'s'}");
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':1}");
    emu_error("GetRecords", "ResourceNotFoundException", "Shard " S0 " in stream s",
              "{'ShardIterator':'%s'}", it);
}

static void test_stream_arn_of_get_records(void **state)
{
    (void)state;
    const char *it = emu_iterator("s", S0, "LATEST");
    emu_ok("CreateStream", "{'StreamName':'t','ShardCount':1}");
    emu_ok("GetRecords",
           "{'ShardIterator':'%s',"
           "'StreamARN':'arn:aws:kinesis:us-east-1:000000000000:stream/s'}",
           it);
    emu_error(
        "GetRecords", "InvalidArgumentException", "does not come from the stream",
        "{'ShardIterator':'%s','StreamARN':'arn:aws:kinesis:us-east-1:000000000000:stream/t'}", it);
}

// The last page of a closed shard carries its records, no next iterator, and the children.
static void test_end_of_shard(void **state)
{
    (void)state;
    put("k");
    const char *it = emu_iterator("s", S0, "TRIM_HORIZON"),
               *latest = emu_iterator("s", S0, "LATEST");
    emu_ok("SplitShard", "{'StreamName':'s','ShardToSplit':'" S0 "','NewStartingHashKey':'1000'}");
    const char *first = it;
    struct json *j = emu_ok("GetRecords", "{'ShardIterator':'%s'}", first);
    assert_int_equal(json_count(json_get(j, "Records")), 1);
    assert_true(json_is(json_get(j, "NextShardIterator"), JSON_NULL));
    struct json *children = json_get(j, "ChildShards");
    assert_int_equal(json_count(children), 2);
    assert_span_is(emu_str(emu_nth(children, 0), "ShardId"), "shardId-000000000001");
    assert_span_is(json_str(json_child(json_get(emu_nth(children, 1), "ParentShards")), SPAN_NONE),
                   S0);
    assert_span_is(emu_str(json_get(emu_nth(children, 1), "HashKeyRange"), "StartingHashKey"),
                   "1000");
    assert_int_equal(get(&latest), 0);
    assert_null(latest);

    emu_ok("MergeShards", "{'StreamName':'s','ShardToMerge':'1','AdjacentShardToMerge':'2'}");
    it = emu_iterator("s", "shardId-000000000002", "LATEST");
    j = emu_ok("GetRecords", "{'ShardIterator':'%s'}", it);
    children = json_get(j, "ChildShards");
    assert_int_equal(json_count(children), 1);
    assert_int_equal(json_count(json_get(json_child(children), "ParentShards")), 2);
}

static void test_routing(void **state)
{
    (void)state;
    emu_ok("CreateStream", "{'StreamName':'t','ShardCount':4}");
    struct json *j = emu_ok("PutRecords",
                            "{'StreamName':'t','Records':["
                            "{'Data':'','PartitionKey':'dev-1'},{'Data':'','PartitionKey':'dev-2'},"
                            "{'Data':'','PartitionKey':'k','ExplicitHashKey':'0'},"
                            "{'Data':'','PartitionKey':'k',"
                            "'ExplicitHashKey':'340282366920938463463374607431768211455'},"
                            "{'Data':'','PartitionKey':'k',"
                            "'ExplicitHashKey':'85070591730234615865843651857942052864'}]}");
    static const char *const want[] = {S0, S0, S0, "shardId-000000000003", "shardId-000000000001"};
    assert_int_equal(json_get_int(j, "FailedRecordCount", -1), 0);
    for (size_t i = 0; i < 5; i++)
        assert_span_equal(emu_str(emu_nth(json_get(j, "Records"), i), "ShardId"),
                          span_str(want[i]));
}

static void test_ordering_number(void **state)
{
    (void)state;
    const char *seq = put("k");
    emu_ok("PutRecord",
           "{'StreamName':'s','PartitionKey':'k','Data':'','SequenceNumberForOrdering':'%s'}", seq);
    emu_error("PutRecord", "InvalidArgumentException",
              "ExclusiveMinimumSequenceNumber 5 used in PutRecord on stream s",
              "{'StreamName':'s','PartitionKey':'k','Data':'','SequenceNumberForOrdering':'5'}");
}

static void test_write_limits(void **state)
{
    (void)state;
    fx.account.limits = true;
    int done = 0;
    while (done < 1000) {
        put("k");
        done++;
    }
    emu_error("PutRecord", THROTTLED,
              "Rate exceeded for shard " S0 " in stream s under account 000000000000.",
              "{'StreamName':'s','PartitionKey':'k','Data':''}");
    // One part of the entries fits; the others say why.
    emu_advance(2);
    struct json *j = emu_ok("PutRecords", "{'StreamName':'s','Records':["
                                          "{'Data':'','PartitionKey':'1'},"
                                          "{'Data':'','PartitionKey':'2'},"
                                          "{'Data':'','PartitionKey':'3'}]}");
    assert_int_equal(json_get_int(j, "FailedRecordCount", -1), 1);
    struct json *third = emu_nth(json_get(j, "Records"), 2);
    assert_span_is(emu_str(third, "ErrorCode"), THROTTLED);
    assert_null(json_get(third, "SequenceNumber"));
    assert_int_equal(fx.account.records_in, 1002);
}

static void test_write_bytes_limit(void **state)
{
    (void)state;
    struct buf body = {0};
    fx.account.limits = true;
    // 400,000 bytes each: two fit in the second's mebibyte.
    buf_add_str(&body, "{\"StreamName\":\"s\",\"PartitionKey\":\"k\",\"Data\":\"");
    for (int i = 0; i < 100000; i++)
        buf_add_str(&body, i % 3 ? "AAAAAAAA" : "BBBBBBBB");
    buf_add_str(&body, "\"}");
    assert_false(emu_call_raw("PutRecord", false, buf_span(&body)) &&
                 emu_call_raw("PutRecord", false, buf_span(&body)));
    assert_string_equal(fx.error.code, THROTTLED);
    emu_advance(500);
    assert_true(emu_call_raw("PutRecord", false, buf_span(&body)));
    buf_free(&body);
}

static void test_large_records_burst(void **state)
{
    (void)state;
    struct buf body = {0};
    emu_ok("UpdateMaxRecordSize", "{'StreamARN':'arn:aws:kinesis:us-east-1:000000000000:stream/s',"
                                  "'MaxRecordSizeInKiB':10240}");
    buf_add_str(&body, "{\"StreamName\":\"s\",\"PartitionKey\":\"k\",\"Data\":\"");
    for (int i = 0; i < 1 << 20; i++)
        buf_add_str(&body, "AAAAAAAA"); // 6 MiB
    buf_add_str(&body, "\"}");
    fx.account.limits = true;
    assert_true(emu_call_raw("PutRecord", false, buf_span(&body)));
    emu_advance(5900);
    assert_false(emu_call_raw("PutRecord", false, buf_span(&body)));
    emu_advance(200);
    assert_true(emu_call_raw("PutRecord", false, buf_span(&body)));
    buf_free(&body);
}

static void test_read_limits(void **state)
{
    (void)state;
    struct buf body = {0};
    const char *it = emu_iterator("s", S0, "TRIM_HORIZON");
    buf_add_str(&body, "{\"StreamName\":\"s\",\"PartitionKey\":\"k\",\"Data\":\"");
    for (int i = 0; i < 160000; i++)
        buf_add_str(&body, "AAAAAAAA"); // 960,000 bytes
    buf_add_str(&body, "\"}");
    for (int i = 0; i < 12; i++)
        assert_true(emu_call_raw("PutRecord", false, buf_span(&body)));
    fx.account.limits = true;
    const char *empty = emu_iterator("s", S0, "LATEST");
    for (int i = 0; i < 5; i++)
        emu_ok("GetRecords", "{'ShardIterator':'%s'}", empty);
    emu_error("GetRecords", THROTTLED, "Rate exceeded for shard", "{'ShardIterator':'%s'}", empty);
    emu_advance(1000);
    // A page holds 10 MiB at most; after it the shard rests until 2 MiB/s have made up for it.
    assert_int_equal(get(&it), 10);
    emu_advance(3500);
    emu_error("GetRecords", THROTTLED, "Rate exceeded for shard", "{'ShardIterator':'%s'}", it);
    emu_advance(1500);
    assert_int_equal(get(&it), 2);
    buf_free(&body);
}

static void test_iterator_rate(void **state)
{
    (void)state;
    fx.account.limits = true;
    for (int i = 0; i < 5; i++)
        emu_iterator("s", S0, "LATEST");
    emu_error("GetShardIterator", THROTTLED, "Rate exceeded for shard",
              "{'StreamName':'s','ShardId':'" S0 "','ShardIteratorType':'LATEST'}");
}

// A page of exactly 10 MiB of data and keys goes out whole.
static void test_page_size_at_limit(void **state)
{
    (void)state;
    struct emu_stream *s = emu_account_stream(&fx.account, SPAN("s"));
    static char data[1 << 20];
    char sequence[EMU_SEQUENCE_LEN];
    for (int i = 0; i < 11; i++)
        emu_shard_put(s->shards[0], SPAN("k"), span_of(data, sizeof data - 1), fx.now.wall_ms,
                      sequence);
    const char *it = emu_iterator("s", S0, "TRIM_HORIZON");
    assert_int_equal(get(&it), 10);
    assert_int_equal(get(&it), 1);
}

// Retention holds for streams that nobody reads, too.
static void test_puts_trim(void **state)
{
    (void)state;
    struct emu_stream *s = emu_account_stream(&fx.account, SPAN("s"));
    put("k");
    emu_advance(25 * EMU_HOUR);
    put("k");
    assert_int_equal(s->shards[0]->log.first, 2);
    emu_advance(25 * EMU_HOUR);
    emu_ok("PutRecords", "{'StreamName':'s','Records':[{'Data':'','PartitionKey':'1'}]}");
    assert_int_equal(s->shards[0]->log.first, 3);
}

static double half(void *ctx)
{
    int *n = ctx;
    return (*n)++ % 2 ? 0.9 : 0.1;
}

static void test_twists(void **state)
{
    (void)state;
    int n = 0;
    fx.twist = (struct emu_twist){
        .fail_fraction = 0.5, .fail_code = "InternalFailure", .random = half, .ctx = &n};
    struct json *j = emu_ok("PutRecords", "{'StreamName':'s','Records':["
                                          "{'Data':'','PartitionKey':'1'},"
                                          "{'Data':'','PartitionKey':'2'}]}");
    assert_int_equal(json_get_int(j, "FailedRecordCount", -1), 1);
    assert_span_is(emu_str(emu_nth(json_get(j, "Records"), 0), "ErrorCode"), "InternalFailure");
    assert_int_equal(emu_str(emu_nth(json_get(j, "Records"), 1), "SequenceNumber").n, 56);
    fx.twist = (struct emu_twist){.empty_page = true};
    const char *it = emu_iterator("s", S0, "TRIM_HORIZON");
    assert_int_equal(get(&it), 0);
    assert_true(json_get_int(fx.json, "MillisBehindLatest", 0) > 0);
    fx.twist = (struct emu_twist){.redeliver = true};
    assert_int_equal(get(&it), 1);
    assert_true(json_get_int(fx.json, "MillisBehindLatest", 0) > 0);
    fx.twist = (struct emu_twist){0};
    assert_int_equal(get(&it), 1);
    assert_int_equal(get(&it), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_put_and_get),
        CASE(test_limit_and_lag),
        CASE(test_iterator_types),
        CASE(test_iterator_errors),
        CASE(test_iterator_life),
        CASE(test_stream_arn_of_get_records),
        CASE(test_end_of_shard),
        CASE(test_routing),
        CASE(test_ordering_number),
        CASE(test_write_limits),
        CASE(test_write_bytes_limit),
        CASE(test_large_records_burst),
        CASE(test_read_limits),
        CASE(test_iterator_rate),
        CASE(test_page_size_at_limit),
        CASE(test_puts_trim),
        CASE(test_twists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
