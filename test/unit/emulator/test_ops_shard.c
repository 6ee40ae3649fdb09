// SPDX-License-Identifier: Apache-2.0
#include "emu_fixture.h"

#define S0 "shardId-000000000000"
#define HALF "170141183460469231731687303715884105728"

static size_t listed(const char *extra)
{
    struct json *j = emu_ok("ListShards", "{'StreamName':'s'%s}", extra);
    return json_count(json_get(j, "Shards"));
}

static struct span listed_id(size_t n)
{
    return emu_str(emu_nth(json_get(fx.json, "Shards"), n), "ShardId");
}

static void test_split_and_merge(void **state)
{
    (void)state;
    fx.account.transition_ms = 50;
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':1}");
    emu_error("SplitShard", "ResourceInUseException",
              "Stream s under account 000000000000 not ACTIVE, instead in state CREATING",
              "{'StreamName':'s','ShardToSplit':'" S0 "','NewStartingHashKey':'" HALF "'}");
    emu_advance(50);
    emu_ok("SplitShard",
           "{'StreamName':'s','ShardToSplit':'" S0 "','NewStartingHashKey':'" HALF "'}");
    assert_int_equal(listed(""), 1);
    emu_advance(50);
    assert_int_equal(listed(""), 3);
    struct json *closed = emu_nth(json_get(fx.json, "Shards"), 0);
    struct json *child = emu_nth(json_get(fx.json, "Shards"), 2);
    assert_non_null(json_get(json_get(closed, "SequenceNumberRange"), "EndingSequenceNumber"));
    assert_span_is(emu_str(child, "ParentShardId"), S0);
    assert_span_is(emu_str(json_get(child, "HashKeyRange"), "StartingHashKey"), HALF);
    emu_error("SplitShard", "InvalidArgumentException", "is closed",
              "{'StreamName':'s','ShardToSplit':'" S0 "','NewStartingHashKey':'5'}");
    emu_error("MergeShards", "InvalidArgumentException",
              "Shards shardId-000000000000 and shardId-000000000001 in stream s under account "
              "000000000000 are not an adjacent pair of shards eligible for merging",
              "{'StreamName':'s','ShardToMerge':'" S0
              "','AdjacentShardToMerge':'shardId-000000000001'}");
    emu_error("MergeShards", "InvalidArgumentException", "not an adjacent pair",
              "{'StreamName':'s','ShardToMerge':'1','AdjacentShardToMerge':'1'}");
    emu_ok("MergeShards", "{'StreamName':'s','ShardToMerge':'shardId-000000000001',"
                          "'AdjacentShardToMerge':'shardId-000000000002'}");
    emu_advance(50);
    assert_int_equal(listed(""), 4);
    child = emu_nth(json_get(fx.json, "Shards"), 3);
    assert_span_is(emu_str(child, "ParentShardId"), "shardId-000000000001");
    assert_span_is(emu_str(child, "AdjacentParentShardId"), "shardId-000000000002");
}

static void test_split_bounds(void **state)
{
    (void)state;
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':2}");
    static const char *const bad[] = {"0", "1", "170141183460469231731687303715884105727",
                                      "170141183460469231731687303715884105728",
                                      "999999999999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        emu_error("SplitShard", "InvalidArgumentException",
                  "is not both greater than one plus the shard's StartingHashKey 0 and less than "
                  "the shard's EndingHashKey 170141183460469231731687303715884105727.",
                  "{'StreamName':'s','ShardToSplit':'" S0 "','NewStartingHashKey':'%s'}", bad[i]);
    emu_ok("SplitShard", "{'StreamName':'s','ShardToSplit':'" S0 "','NewStartingHashKey':'2'}");
    emu_error("SplitShard", "ResourceNotFoundException",
              "Could not find shard shardId-000000000009 in stream s under account 000000000000.",
              "{'StreamName':'s','ShardToSplit':'shardId-000000000009','NewStartingHashKey':'2'}");
    emu_error("SplitShard", "ResourceNotFoundException", "Could not find shard x",
              "{'StreamName':'s','ShardToSplit':'x','NewStartingHashKey':'2'}");
    fx.account.shard_limit = 3;
    emu_error("SplitShard", "LimitExceededException", "shard limit",
              "{'StreamName':'s','ShardToSplit':'2','NewStartingHashKey':'5'}");
}

static void test_update_shard_count(void **state)
{
    (void)state;
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':2}");
    struct json *j = emu_ok("UpdateShardCount", "{'StreamName':'s','TargetShardCount':4,"
                                                "'ScalingType':'UNIFORM_SCALING'}");
    assert_int_equal(json_get_int(j, "CurrentShardCount", 0), 2);
    assert_int_equal(json_get_int(j, "TargetShardCount", 0), 4);
    assert_int_equal(listed(",'ShardFilter':{'Type':'AT_LATEST'}"), 4);
    emu_error("UpdateShardCount", "InvalidArgumentException",
              "UpdateShardCount cannot scale up over double your current open shard count. Current "
              "open shard count: 4 Target shard count: 9",
              "{'StreamName':'s','TargetShardCount':9,'ScalingType':'UNIFORM_SCALING'}");
    emu_error("UpdateShardCount", "InvalidArgumentException", "down below half",
              "{'StreamName':'s','TargetShardCount':1,'ScalingType':'UNIFORM_SCALING'}");
    emu_ok("UpdateShardCount",
           "{'StreamName':'s','TargetShardCount':2,'ScalingType':'UNIFORM_SCALING'}");
    assert_int_equal(listed(",'ShardFilter':{'Type':'AT_LATEST'}"), 2);
    emu_ok("CreateStream", "{'StreamName':'o','StreamModeDetails':{'StreamMode':'ON_DEMAND'}}");
    emu_error("UpdateShardCount", "ValidationException", "on-demand",
              "{'StreamName':'o','TargetShardCount':4,'ScalingType':'UNIFORM_SCALING'}");
}

#define KEYS 40

static void resize_to(int target)
{
    emu_ok("UpdateShardCount",
           "{'StreamName':'s','TargetShardCount':%d,'ScalingType':'UNIFORM_SCALING'}", target);
}

// Reads a closed or open shard to its end; each key's number must be the next one.
static void read_shard(const char *id, int next[KEYS], bool closed)
{
    struct json *j =
        emu_ok("GetRecords", "{'ShardIterator':'%s'}", emu_iterator("s", id, "TRIM_HORIZON"));
    for (struct json *r = json_child(json_get(j, "Records")); r; r = json_next(r)) {
        struct span key = emu_str(r, "PartitionKey");
        int64_t k, n;
        assert_true(span_to_i64(span_of(key.p + 1, 2), &k));
        assert_true(span_to_i64(span_of(key.p + 4, key.n - 4), &n));
        assert_int_equal(next[k]++, n);
    }
    assert_int_equal(json_get(j, "ChildShards") != NULL, closed);
    assert_int_equal(json_is(json_get(j, "NextShardIterator"), JSON_NULL), closed);
}

// Parents before children, every key's records come once and in order, whatever the shards did.
static void test_order_through_changes(void **state)
{
    (void)state;
    static const int targets[] = {2, 3, 6, 5, 10, 20, 40, 64, 33, 17, 9, 5, 3, 2, 1};
    int next[KEYS] = {0}, rounds = 0;
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':1}");
    for (size_t i = 0; i <= sizeof targets / sizeof *targets; i++, rounds++) {
        for (int k = 0; k < KEYS; k++)
            // The record's number goes behind its key, which is hashed apart from it.
            emu_ok("PutRecord",
                   "{'StreamName':'s','PartitionKey':'k%02d-%d','Data':'','ExplicitHashKey':"
                   "'%d340282366920938463463374607431768211'}",
                   k, rounds, k * 8 + 1);
        emu_advance(1000);
        if (i < sizeof targets / sizeof *targets)
            resize_to(targets[i]);
    }
    struct emu_stream *s = emu_account_stream(&fx.account, SPAN("s"));
    assert_int_equal(s->n_open, 1);
    for (uint32_t i = 0; i < s->n_shards; i++) {
        char id[EMU_SHARD_ID_LEN + 1];
        const struct emu_shard *sh = s->shards[i];
        // In order of their numbers parents come first.
        assert_true(sh->parent == EMU_NO_SHARD || sh->parent < i);
        assert_true(sh->adjacent == EMU_NO_SHARD || sh->adjacent < i);
        emu_shard_id(i, id);
        read_shard(id, next, sh->closed_ms != 0);
    }
    for (int k = 0; k < KEYS; k++)
        assert_int_equal(next[k], rounds);
}

static void test_rates_of_changes(void **state)
{
    (void)state;
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':4}");
    fx.account.limits = true;
    for (int i = 0; i < EMU_RESIZES_A_DAY; i++) {
        resize_to(i % 2 ? 4 : 8);
        emu_advance(1000);
    }
    emu_error("UpdateShardCount", "LimitExceededException", "10 calls in 24 hours",
              "{'StreamName':'s','TargetShardCount':8,'ScalingType':'UNIFORM_SCALING'}");
    emu_advance(24 * EMU_HOUR - EMU_RESIZES_A_DAY * 1000 - 1);
    emu_error("UpdateShardCount", "LimitExceededException", NULL,
              "{'StreamName':'s','TargetShardCount':8,'ScalingType':'UNIFORM_SCALING'}");
    emu_advance(1);
    resize_to(8);
    for (int i = 0; i < 6; i++) {
        const struct emu_stream *s = emu_account_stream(&fx.account, SPAN("s"));
        char half[HASH_KEY_TEXT_MAX];
        struct hash_key key = s->shards[s->open[i]]->start;
        key.hi++;
        hash_key_format(key, half);
        if (i < 5)
            emu_ok("SplitShard", "{'StreamName':'s','ShardToSplit':'%u','NewStartingHashKey':'%s'}",
                   (unsigned)s->open[i], half);
        else
            emu_error("SplitShard", "LimitExceededException", "Rate exceeded",
                      "{'StreamName':'s','ShardToSplit':'%u','NewStartingHashKey':'%s'}",
                      (unsigned)s->open[i], half);
    }
}

static void test_list_pages(void **state)
{
    (void)state;
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':10}");
    assert_int_equal(listed(",'MaxResults':4"), 4);
    const char *token = emu_keep(emu_str(fx.json, "NextToken"));
    emu_error("ListShards", "InvalidArgumentException",
              "NextToken and StreamName cannot be provided together.",
              "{'StreamName':'s','NextToken':'%s'}", token);
    struct json *j = emu_ok("ListShards", "{'NextToken':'%s','MaxResults':5}", token);
    assert_int_equal(json_count(json_get(j, "Shards")), 5);
    assert_span_is(listed_id(0), "shardId-000000000004");
    j = emu_ok("ListShards", "{'NextToken':'%s'}", emu_keep(emu_str(j, "NextToken")));
    assert_int_equal(json_count(json_get(j, "Shards")), 1);
    assert_null(json_get(j, "NextToken"));
    // A page that ends with the list gives no token.
    assert_int_equal(listed(",'MaxResults':10"), 10);
    assert_null(json_get(fx.json, "NextToken"));
    assert_int_equal(listed(",'ExclusiveStartShardId':'shardId-000000000006'"), 3);
    assert_int_equal(listed(",'ExclusiveStartShardId':'shardId-000000000099'"), 0);
    emu_error("ListShards", "InvalidArgumentException", "Invalid NextToken",
              "{'NextToken':'QUFB'}");
    emu_advance(300 * 1000 + 1);
    emu_error("ListShards", "ExpiredNextTokenException", "has expired", "{'NextToken':'%s'}",
              token);
    emu_ok("DeleteStream", "{'StreamName':'s'}");
    emu_error("ListShards", "ResourceNotFoundException", "Stream s", "{'StreamName':'s'}");
}

static void test_filters(void **state)
{
    (void)state;
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':1}");
    emu_advance(10000);
    emu_ok("SplitShard",
           "{'StreamName':'s','ShardToSplit':'" S0 "','NewStartingHashKey':'" HALF "'}");
    emu_advance(10000);
    emu_ok("MergeShards", "{'StreamName':'s','ShardToMerge':'1','AdjacentShardToMerge':'2'}");
    emu_advance(10000);
    assert_int_equal(listed(",'ShardFilter':{'Type':'AFTER_SHARD_ID','ShardId':'" S0 "'}"), 3);
    assert_int_equal(listed(",'ShardFilter':{'Type':'AT_LATEST'}"), 1);
    assert_span_is(listed_id(0), "shardId-000000000003");
    assert_int_equal(listed(",'ShardFilter':{'Type':'AT_TRIM_HORIZON'}"), 1);
    assert_span_is(listed_id(0), S0);
    assert_int_equal(listed(",'ShardFilter':{'Type':'FROM_TRIM_HORIZON'}"), 4);
    // In the middle of the second generation; and at the very instant it began.
    assert_int_equal(listed(",'ShardFilter':{'Type':'AT_TIMESTAMP','Timestamp':1754611215}"), 2);
    assert_span_is(listed_id(0), "shardId-000000000001");
    assert_int_equal(listed(",'ShardFilter':{'Type':'AT_TIMESTAMP','Timestamp':1754611210.125}"),
                     2);
    assert_int_equal(listed(",'ShardFilter':{'Type':'AT_TIMESTAMP','Timestamp':1754611210.124}"),
                     1);
    assert_int_equal(listed(",'ShardFilter':{'Type':'FROM_TIMESTAMP','Timestamp':1.754611215E9}"),
                     3);
    // Before the stream was made: as its horizon.
    assert_int_equal(listed(",'ShardFilter':{'Type':'AT_TIMESTAMP','Timestamp':1000}"), 1);
    emu_error("ListShards", "InvalidArgumentException", "future",
              "{'StreamName':'s','ShardFilter':{'Type':'AT_TIMESTAMP','Timestamp':1954611215}}");
    emu_error("ListShards", "InvalidArgumentException", "needs a Timestamp",
              "{'StreamName':'s','ShardFilter':{'Type':'FROM_TIMESTAMP'}}");
    emu_error("ListShards", "InvalidArgumentException", "needs a valid ShardId",
              "{'StreamName':'s','ShardFilter':{'Type':'AFTER_SHARD_ID'}}");

    // A page after which no shard passes the filter is the last one.
    assert_int_equal(listed(",'MaxResults':1,'ShardFilter':{'Type':'AT_TRIM_HORIZON'}"), 1);
    assert_null(json_get(fx.json, "NextToken"));

    // Filters hold over pages.
    struct json *j = emu_ok("ListShards", "{'StreamName':'s','MaxResults':1,'ShardFilter':"
                                          "{'Type':'AT_TIMESTAMP','Timestamp':1754611215}}");
    j = emu_ok("ListShards", "{'NextToken':'%s'}", emu_keep(emu_str(j, "NextToken")));
    assert_int_equal(json_count(json_get(j, "Shards")), 1);
    assert_span_is(listed_id(0), "shardId-000000000002");
    assert_null(json_get(j, "NextToken"));

    // Past retention the closed ones go.
    emu_advance(24 * EMU_HOUR - 15000);
    assert_int_equal(listed(""), 3);
    assert_int_equal(listed(",'ShardFilter':{'Type':'AT_TRIM_HORIZON'}"), 2);
    emu_advance(15000);
    assert_int_equal(listed(""), 1);
}

static void test_creation_time(void **state)
{
    (void)state;
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':1}");
    assert_int_equal(listed(",'StreamCreationTimestamp':1754611200"), 1);
    emu_error("ListShards", "ResourceNotFoundException", "StreamCreationTimestamp",
              "{'StreamName':'s','StreamCreationTimestamp':1754611199}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EMU_CASE(test_split_and_merge),
        EMU_CASE(test_split_bounds),
        EMU_CASE(test_update_shard_count),
        EMU_CASE(test_order_through_changes),
        EMU_CASE(test_rates_of_changes),
        EMU_CASE(test_list_pages),
        EMU_CASE(test_filters),
        EMU_CASE(test_creation_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
