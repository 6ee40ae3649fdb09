// SPDX-License-Identifier: Apache-2.0
#include "codec/base64.h"
#include "codec/cbor.h"
#include "emu_fixture.h"

// Bodies as clients send them, right and wrong, in both encodings.

static void stream(void)
{
    emu_ok("CreateStream", "{'StreamName':'s','ShardCount':1}");
}

static void test_bodies_that_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "{",
                                      "[]",
                                      "null",
                                      "7",
                                      "'x'",
                                      "{'a'}",
                                      "{} {}",
                                      "{'a':1,}",
                                      "{'Limit':nan}",
                                      "{\"StreamName\":\"\\ud800\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        emu_error("ListStreams", "SerializationException", NULL, "%s", bad[i]);
        assert_null(fx.error.message.p);
    }
    static const char *const bad_cbor[] = {"",
                                           "\x80",
                                           "\xf6",
                                           "\xa1",
                                           "\xa1\x01\x02",
                                           "\xbf",
                                           "\xbf\x65Limit",
                                           "\xa0\xa0",
                                           "\xa1\x65Limit\xc1",
                                           "\xa1\x65Limi\xff\x01"};
    for (size_t i = 0; i < sizeof bad_cbor / sizeof *bad_cbor; i++) {
        assert_false(emu_call_raw("ListStreams", true, span_str(bad_cbor[i])));
        assert_string_equal(fx.error.code, "SerializationException");
    }
    assert_true(emu_call_raw("ListStreams", true, SPAN("\xa0")));
    assert_true(emu_call_raw("ListStreams", true, SPAN("\xbf\xff")));
    // Unknown members of any shape, and nulls, are as good as absent.
    emu_ok("ListStreams", "{'Nope':{'a':[1,{'b':null}]},'Limit':null,'StreamId':'x'}");
    assert_true(emu_call_raw("ListStreams", true,
                             SPAN("\xbf\x61x\x9f\x01\xff\x61y\xa1\x61z\xf6\x65Limit\xf6\xff")));
}

static void test_wrong_types(void **state)
{
    (void)state;
    static const struct {
        const char *op, *body, *message;
    } cases[] = {
        {"DescribeStream", "{'StreamName':5}", "can not be converted to an String"},
        {"DescribeStream", "{'StreamName':true}", "java.lang.Boolean can not be converted to an"},
        {"DescribeStream", "{'StreamName':[]}", "Start of list found where not expected"},
        {"DescribeStream", "{'StreamName':{}}", "Start of structure or map found where not"},
        {"DescribeStream", "{'StreamName':'s','Limit':'5'}", "can not be converted to an Integer"},
        {"DeleteStream", "{'EnforceConsumerDeletion':'true'}",
         "can not be converted to an Boolean"},
        {"PutRecord", "{'Data':5}", "can not be converted to a Blob"},
        {"PutRecord", "{'Data':'abc'}", "multiple of 4 bytes but found: 3"},
        {"PutRecord", "{'Data':'ab c'}", "Invalid Base64 character"},
        {"PutRecord", "{'Data':'YQ='}", "multiple of 4"},
        {"PutRecords", "{'Records':{}}", "Start of structure or map found where not expected."},
        {"PutRecords", "{'Records':'x'}", "Expected list or null"},
        {"PutRecords", "{'Records':['x']}", "Expected null"},
        {"PutRecords", "{'Records':[{'Data':1}]}", "can not be converted to a Blob"},
        {"PutRecords", "{'Records':[{'PartitionKey':1}]}", "can not be converted to an String"},
        {"AddTagsToStream", "{'Tags':[]}", "Start of list found where not expected"},
        {"AddTagsToStream", "{'Tags':{'a':1}}", "can not be converted to an String"},
        {"RemoveTagsFromStream", "{'TagKeys':[1]}", "can not be converted to an String"},
        {"ListShards", "{'ShardFilter':'x'}", "Expected null"},
        {"GetShardIterator", "{'Timestamp':'2026'}", "converted to milliseconds since epoch"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        emu_error(cases[i].op, "SerializationException", cases[i].message, "%s", cases[i].body);
    // CBOR: text is no blob, a byte string is no text.
    assert_false(emu_call_raw("PutRecord", true,
                              SPAN("\xa1\x64"
                                   "Data\x61x")));
    assert_string_equal(fx.error.code, "SerializationException");
    assert_false(emu_call_raw("DescribeStream", true, SPAN("\xa1\x6aStreamName\x41x")));
    assert_string_equal(fx.error.code, "SerializationException");
}

static void test_validation_texts(void **state)
{
    (void)state;
    emu_error("DescribeStream", "ValidationException",
              "1 validation error detected: ", "{'StreamName':'a b'}");
    assert_span_is(fx.error.message,
                   "1 validation error detected: Value 'a b' at 'streamName' failed to satisfy "
                   "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+");
    emu_error("DescribeStream", "ValidationException", NULL, "{'StreamName':'','Limit':0}");
    assert_span_is(fx.error.message,
                   "3 validation errors detected: Value '' at 'streamName' failed to satisfy "
                   "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; "
                   "Value '' at 'streamName' failed to satisfy constraint: Member must have length "
                   "greater than or equal to 1; Value '0' at 'limit' failed to satisfy constraint: "
                   "Member must have value greater than or equal to 1");
    emu_error("SplitShard", "ValidationException", NULL, "{'StreamName':'s'}");
    assert_span_is(fx.error.message,
                   "2 validation errors detected: Value null at 'shardToSplit' failed to satisfy "
                   "constraint: Member must not be null; Value null at 'newStartingHashKey' failed "
                   "to satisfy constraint: Member must not be null");
    emu_error(
        "GetShardIterator", "ValidationException",
        "Value 'NOW' at 'shardIteratorType' failed to satisfy constraint: Member must satisfy "
        "enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, "
        "TRIM_HORIZON]",
        "{'StreamName':'s','ShardId':'0','ShardIteratorType':'NOW'}");
    emu_error("ListShards", "ValidationException", "Value null at 'shardFilter.type'",
              "{'StreamName':'s','ShardFilter':{}}");
    emu_error("UpdateShardCount", "ValidationException", "enum value set: [UNIFORM_SCALING]",
              "{'StreamName':'s','TargetShardCount':1,'ScalingType':'x'}");
}

// Ten errors at most are named, and a long value is cut at a character's end.
static void test_validation_is_bounded(void **state)
{
    (void)state;
    struct buf body = {0};
    buf_add_str(&body, "{\"Records\":[");
    for (int i = 0; i < 400; i++)
        buf_add_str(&body, i ? ",{}" : "{}");
    buf_add_str(&body, "]}");
    assert_false(emu_call_raw("PutRecords", false, buf_span(&body)));
    assert_true(span_has_prefix(fx.error.message, SPAN("10 validation errors detected: ")));
    buf_clear(&body);
    buf_add_str(&body, "{\"StreamName\":\"x");
    for (int i = 0; i < 100000; i++)
        buf_add_str(&body, "\xe2\x82\xac");
    buf_add_str(&body, "\"}");
    assert_false(emu_call_raw("DescribeStream", false, buf_span(&body)));
    assert_true(fx.error.message.n < 3000);
    assert_true(span_is_utf8(fx.error.message));
    buf_free(&body);
}

static struct span repeated(struct buf *b, const char *s, size_t n)
{
    size_t each = strlen(s);
    buf_clear(b);
    char *p = buf_reserve(b, n * each + 1);
    for (size_t i = 0; each > 1 && i < n; i++)
        memcpy(p + i * each, s, each);
    if (each == 1)
        memset(p, s[0], n);
    buf_commit(b, n * each);
    return buf_span(b);
}

static void test_lengths_at_and_over(void **state)
{
    (void)state;
    struct buf b = {0};
    stream();
    repeated(&b, "n", 128);
    emu_error("DescribeStream", "ResourceNotFoundException", NULL, "{'StreamName':'%s'}",
              buf_cstr(&b));
    repeated(&b, "n", 129);
    emu_error("DescribeStream", "ValidationException", "length less than or equal to 128",
              "{'StreamName':'%s'}", buf_cstr(&b));
    // Characters, not bytes.
    repeated(&b, "\xc3\xa4", 256);
    emu_ok("PutRecord", "{'StreamName':'s','PartitionKey':'%s','Data':''}", buf_cstr(&b));
    repeated(&b, "\xc3\xa4", 257);
    emu_error("PutRecord", "ValidationException",
              "'partitionKey' failed to satisfy constraint: "
              "Member must have length less than or equal to "
              "256",
              "{'StreamName':'s','PartitionKey':'%s','Data':''}", buf_cstr(&b));
    emu_error("PutRecord", "ValidationException", "greater than or equal to 1",
              "{'StreamName':'s','PartitionKey':'','Data':''}");
    repeated(&b, "9", 39);
    emu_error("PutRecord", "InvalidArgumentException", "must be in the range: [0, 2^128-1]",
              "{'StreamName':'s','PartitionKey':'k','Data':'','ExplicitHashKey':'%s'}",
              buf_cstr(&b));
    repeated(&b, "9", 40);
    emu_error("PutRecord", "ValidationException", "pattern: 0|([1-9]\\d{0,38})",
              "{'StreamName':'s','PartitionKey':'k','Data':'','ExplicitHashKey':'%s'}",
              buf_cstr(&b));
    repeated(&b, "A", 512);
    emu_error("GetRecords", "InvalidArgumentException", "Invalid ShardIterator.",
              "{'ShardIterator':'%s'}", buf_cstr(&b));
    repeated(&b, "A", 513);
    emu_error("GetRecords", "ValidationException", "less than or equal to 512",
              "{'ShardIterator':'%s'}", buf_cstr(&b));
    emu_error("GetRecords", "ValidationException", "less than or equal to 10000",
              "{'ShardIterator':'A','Limit':10001}");
    emu_error("GetRecords", "InvalidArgumentException", NULL,
              "{'ShardIterator':'A','Limit':10000}");
    buf_free(&b);
}

static void put_entries(struct buf *b, size_t n)
{
    buf_clear(b);
    buf_add_str(b, "{\"StreamName\":\"s\",\"Records\":[");
    for (size_t i = 0; i < n; i++)
        buf_add_str(b, i ? ",{\"Data\":\"\",\"PartitionKey\":\"k\"}"
                         : "{\"Data\":\"\",\"PartitionKey\":\"k\"}");
    buf_add_str(b, "]}");
}

static void test_entries_at_and_over(void **state)
{
    (void)state;
    struct buf b = {0};
    stream();
    put_entries(&b, 500);
    assert_true(emu_call_raw("PutRecords", false, buf_span(&b)));
    put_entries(&b, 501);
    assert_false(emu_call_raw("PutRecords", false, buf_span(&b)));
    assert_string_equal(fx.error.code, "ValidationException");
    assert_non_null(memmem(fx.error.message.p, fx.error.message.n,
                           "'records' failed to satisfy constraint: Member must have length less "
                           "than or equal to 500",
                           82));
    put_entries(&b, 0);
    assert_false(emu_call_raw("PutRecords", false, buf_span(&b)));
    put_entries(&b, 100000);
    assert_false(emu_call_raw("PutRecords", false, buf_span(&b)));
    assert_int_equal(fx.account.records_in, 500);
    emu_error("PutRecords", "ValidationException", "Value null at 'records.2.member.data'",
              "{'StreamName':'s','Records':[{'Data':'','PartitionKey':'k'},{'PartitionKey':'k'}]}");
    emu_error(
        "PutRecords", "ValidationException", "at 'records.1.member.explicitHashKey'",
        "{'StreamName':'s','Records':[{'Data':'','PartitionKey':'k','ExplicitHashKey':'x'}]}");
    buf_free(&b);
}

static bool put_size(size_t data, size_t key)
{
    struct buf raw = {0}, body = {0};
    repeated(&raw, "d", data);
    buf_add_str(&body, "{\"StreamName\":\"s\",\"Data\":\"");
    base64_encode(&body, buf_span(&raw));
    buf_add_str(&body, "\",\"PartitionKey\":\"");
    buf_add_span(&body, repeated(&raw, "k", key));
    buf_add_str(&body, "\"}");
    bool ok = emu_call_raw("PutRecord", false, buf_span(&body));
    buf_free(&raw);
    buf_free(&body);
    return ok;
}

static void test_record_size_at_and_over(void **state)
{
    (void)state;
    stream();
    assert_true(put_size((1 << 20) - 10, 10));
    assert_false(put_size((1 << 20) - 10, 11));
    assert_string_equal(fx.error.code, "InvalidArgumentException");
    assert_false(put_size((1 << 20) + 1, 1));
    assert_string_equal(fx.error.code, "ValidationException");
    assert_span_is(fx.error.message,
                   "1 validation error detected: Value at 'data' failed to satisfy constraint: "
                   "Member must have length less than or equal to 1048576");
    emu_ok("UpdateMaxRecordSize", "{'StreamARN':'arn:aws:kinesis:us-east-1:000000000000:stream/s',"
                                  "'MaxRecordSizeInKiB':10240}");
    assert_true(put_size((10 << 20) - 1, 1));
    assert_false(put_size((10 << 20) + 1, 1));
    assert_non_null(memmem(fx.error.message.p, fx.error.message.n, "10485760", 8));
    emu_error("CreateStream", "ValidationException", "maxRecordSizeInKiB",
              "{'StreamName':'t','ShardCount':1,'MaxRecordSizeInKiB':10241}");
}

// Ten entries of 1 MiB, keys included, are 10 MiB: the most. One byte more is too much.
static void test_request_size_at_and_over(void **state)
{
    (void)state;
    struct buf raw = {0}, body = {0};
    stream();
    for (int over = 0; over < 2; over++) {
        buf_clear(&body);
        buf_add_str(&body, "{\"StreamName\":\"s\",\"Records\":[");
        for (int i = 0; i < 11; i++) {
            // Data alone: each entry's key is one byte more.
            size_t n = i < 10 ? (1 << 20) - 3 : 20 - 1 + (size_t)over;
            buf_add_str(&body, i ? ",{\"PartitionKey\":\"k\",\"Data\":\""
                                 : "{\"PartitionKey\":\"k\",\"Data\":\"");
            base64_encode(&body, repeated(&raw, "d", n));
            buf_add_str(&body, "\"}");
        }
        buf_add_str(&body, "]}");
        bool ok = emu_call_raw("PutRecords", false, buf_span(&body));
        assert_int_equal(ok, !over);
    }
    assert_string_equal(fx.error.code, "InvalidArgumentException");
    assert_span_is(fx.error.message, "Records size exceeds 10 MB limit");
    assert_int_equal(fx.account.records_in, 11);
    buf_free(&raw);
    buf_free(&body);
}

// Java's way of writing CBOR: indefinite maps and lists, tag 1 with milliseconds.
static void test_cbor_request(void **state)
{
    (void)state;
    stream();
    assert_true(emu_call_raw("PutRecords", true,
                             SPAN("\xbf\x6aStreamName\x61s\x67Records\x9f\xbf\x64"
                                  "Data\x43\x00\xff\x7f\x6cPartitionKey\x63key\xff\xbf"
                                  "\x64"
                                  "Data\x40\x6cPartitionKey\x7f\x61k\x61y\xff\xff\xff\xff")));
    struct arena *a = &fx.arena;
    struct cbor_reader r;
    struct cbor_item it;
    cbor_reader_init(&r, buf_span(&fx.reply), a);
    assert_true(cbor_read(&r, &it) && it.type == CBOR_MAP && it.count == 2);
    assert_true(cbor_read(&r, &it) && it.type == CBOR_TEXT);
    assert_span_is(it.s, "Records");
    assert_true(cbor_read(&r, &it) && it.type == CBOR_ARRAY && it.count == 2);

    struct buf body = {0};
    buf_add_span(&body, SPAN("\xbf\x6aStreamName\x61s\x67ShardId\x74shardId-000000000000"
                             "\x71ShardIteratorType\x6c"
                             "AT_TIMESTAMP\x69Timestamp\xc1"));
    cbor_put_int(&body, EMU_T0);
    buf_add_char(&body, (char)0xff);
    assert_true(emu_call_raw("GetShardIterator", true, buf_span(&body)));
    cbor_reader_init(&r, buf_span(&fx.reply), a);
    assert_true(cbor_read(&r, &it) && it.type == CBOR_MAP && it.count == 1);
    assert_true(cbor_read(&r, &it) && cbor_read(&r, &it) && it.type == CBOR_TEXT);
    struct span iterator = arena_span(a, it.s);
    buf_clear(&body);
    cbor_put_map(&body, 1);
    cbor_put_text(&body, SPAN("ShardIterator"));
    cbor_put_text(&body, iterator);
    assert_true(emu_call_raw("GetRecords", true, buf_span(&body)));
    cbor_reader_init(&r, buf_span(&fx.reply), a);
    assert_true(cbor_read(&r, &it) && it.type == CBOR_MAP && it.count == 3);
    assert_true(cbor_read(&r, &it));
    assert_span_is(it.s, "Records");
    assert_true(cbor_read(&r, &it) && it.type == CBOR_ARRAY && it.count == 2);
    assert_non_null(memmem(fx.reply.p, fx.reply.n, "\x43\x00\xff\x7f", 4));
    assert_true(cbor_skip(&r, &it));
    buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EMU_CASE(test_bodies_that_are_none),
        EMU_CASE(test_wrong_types),
        EMU_CASE(test_validation_texts),
        EMU_CASE(test_validation_is_bounded),
        EMU_CASE(test_lengths_at_and_over),
        EMU_CASE(test_entries_at_and_over),
        EMU_CASE(test_record_size_at_and_over),
        EMU_CASE(test_request_size_at_and_over),
        EMU_CASE(test_cbor_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
