// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "aws/kinesis.h"
#include "aws_vectors.h"
#include "codec/cbor.h"
#include "lib/test_clock.h"

#define ENTRIES_MAX 8

static bool find_op(struct span name, enum kinesis_op *op)
{
    for (int i = 0; i < KINESIS_OP_COUNT; i++) {
        if (span_is(name, kinesis_op_name((enum kinesis_op)i))) {
            *op = (enum kinesis_op)i;
            return true;
        }
    }
    return false;
}

static int decode(enum kinesis_op op, bool cbor, struct span body, struct kinesis_output *out,
                  struct err *e)
{
    *out = (struct kinesis_output){0};
    *e = (struct err){0};
    buf_add_span(&out->body, body);
    return kinesis_decode(op, cbor, out, e);
}

// ---- requests

static struct span decoded_data(struct arena *a, const struct json *entry)
{
    struct span text = vectors_str(entry, "Data");
    char *out = arena_alloc(a, BASE64_DECODED_MAX(text.n));
    ptrdiff_t n = base64_decode(out, text);
    assert_true(n >= 0);
    return span_of(out, (size_t)n);
}

static void input_from_json(struct arena *a, const struct json *j, struct kinesis_input *in,
                            struct kinesis_put_entry *entries)
{
    *in = (struct kinesis_input){
        .stream_name = vectors_str(j, "StreamName"),
        .stream_arn = vectors_str(j, "StreamARN"),
        .shard_id = vectors_str(j, "ShardId"),
        .iterator = vectors_str(j, "ShardIterator"),
        .limit = (int)json_get_int(j, "Limit", 0),
        .entries = entries,
    };
    if (span_is(vectors_str(j, "ShardIteratorType"), "AT_TIMESTAMP")) {
        in->iterator_type = KINESIS_AT_TIMESTAMP;
        in->timestamp_ms = (int64_t)(json_num(json_get(j, "Timestamp"), 0) * 1000 + 0.5);
    }
    for (struct json *r = json_child(json_get(j, "Records")); r; r = json_next(r)) {
        assert_true(in->n_entries < ENTRIES_MAX);
        entries[in->n_entries++] = (struct kinesis_put_entry){
            decoded_data(a, r), vectors_str(r, "PartitionKey"), vectors_str(r, "ExplicitHashKey")};
    }
}

static void assert_json_equal(const struct json *a, const struct json *b)
{
    assert_int_equal(json_kind(a), json_kind(b));
    assert_int_equal(json_count(a), json_count(b));
    switch (json_kind(a)) {
    case JSON_STRING:
        assert_span_equal(json_str(a, SPAN_NONE), json_str(b, SPAN_NONE));
        break;
    case JSON_NUMBER:
        assert_true(json_num(a, 0) == json_num(b, 1));
        break;
    case JSON_OBJECT:
        for (struct json *it = json_child(a); it; it = json_next(it)) {
            char key[64];
            snprintf(key, sizeof key, "%.*s", SPAN_ARG(json_key(it)));
            assert_json_equal(it, json_get(b, key));
        }
        break;
    case JSON_ARRAY:
        for (a = json_child(a), b = json_child(b); a; a = json_next(a), b = json_next(b)) {
            assert_json_equal(a, b);
        }
        break;
    default:
        break;
    }
}

static void check_request(const struct json *j, enum kinesis_op op)
{
    struct arena a = {0};
    struct err e = {0};
    struct buf cbor = {0}, text = {0};
    struct kinesis_input in;
    struct kinesis_put_entry entries[ENTRIES_MAX];
    struct json *want = json_get(j, "json_equivalent");
    input_from_json(&a, want, &in, entries);
    kinesis_encode(op, &in, true, &cbor);
    kinesis_encode(op, &in, false, &text);
    struct span bytes = vectors_hex(&a, j, "cbor_hex");
    // Ours are maps of definite length; those of the Java SDK say the same in another form.
    if ((unsigned char)bytes.p[0] != 0xbf) {
        assert_span_equal(buf_span(&cbor), bytes);
    }
    struct json *got = json_parse(buf_span(&text), &e);
    assert_non_null(got);
    assert_json_equal(got, want);
    json_free(got);
    buf_free(&cbor);
    buf_free(&text);
    arena_free(&a);
}

// ---- replies

static void assert_shards_equal(const struct kinesis_shard *a, const struct kinesis_shard *b)
{
    assert_span_equal(a->shard_id, b->shard_id);
    assert_span_equal(a->parent_id, b->parent_id);
    assert_span_equal(a->adjacent_parent_id, b->adjacent_parent_id);
    assert_span_equal(a->starting_hash_key, b->starting_hash_key);
    assert_span_equal(a->ending_hash_key, b->ending_hash_key);
    assert_span_equal(a->starting_sequence_number, b->starting_sequence_number);
    assert_span_equal(a->ending_sequence_number, b->ending_sequence_number);
    assert_int_equal(a->n_parents, b->n_parents);
    for (size_t i = 0; i < a->n_parents; i++) {
        assert_span_equal(a->parents[i], b->parents[i]);
    }
}

static void assert_outputs_equal(const struct kinesis_output *a, const struct kinesis_output *b)
{
    assert_span_equal(a->stream_arn, b->stream_arn);
    assert_span_equal(a->stream_status, b->stream_status);
    assert_int_equal(a->created_ms, b->created_ms);
    assert_int_equal(a->retention_hours, b->retention_hours);
    assert_int_equal(a->open_shards, b->open_shards);
    assert_span_equal(a->next_token, b->next_token);
    assert_span_equal(a->iterator, b->iterator);
    assert_int_equal(a->millis_behind, b->millis_behind);
    assert_int_equal(a->failed_count, b->failed_count);
    assert_int_equal(a->n_shards, b->n_shards);
    for (size_t i = 0; i < a->n_shards; i++) {
        assert_shards_equal(&a->shards[i], &b->shards[i]);
    }
    assert_int_equal(a->n_records, b->n_records);
    for (size_t i = 0; i < a->n_records; i++) {
        const struct kinesis_record *x = &a->records[i], *y = &b->records[i];
        assert_span_equal(x->sequence_number, y->sequence_number);
        assert_span_equal(x->partition_key, y->partition_key);
        assert_span_equal(x->data, y->data);
        assert_int_equal(x->arrival_ms, y->arrival_ms);
    }
    assert_int_equal(a->n_results, b->n_results);
    for (size_t i = 0; i < a->n_results; i++) {
        const struct kinesis_put_result *x = &a->results[i], *y = &b->results[i];
        assert_span_equal(x->sequence_number, y->sequence_number);
        assert_span_equal(x->shard_id, y->shard_id);
        assert_span_equal(x->error_code, y->error_code);
        assert_span_equal(x->error_message, y->error_message);
    }
}

// What the tables must find, checked against the document itself.
static void check_records(const struct json *want, const struct kinesis_output *out)
{
    struct arena a = {0};
    assert_int_equal(out->n_records, json_count(want));
    size_t i = 0;
    for (struct json *r = json_child(want); r; r = json_next(r), i++) {
        const struct kinesis_record *got = &out->records[i];
        double seconds = json_num(json_get(r, "ApproximateArrivalTimestamp"), 0);
        assert_span_equal(got->sequence_number, vectors_str(r, "SequenceNumber"));
        assert_span_equal(got->partition_key, vectors_str(r, "PartitionKey"));
        assert_span_equal(got->data, decoded_data(&a, r));
        assert_int_equal(got->arrival_ms, (int64_t)(seconds * 1000 + 0.5));
    }
    arena_free(&a);
}

static void check_reply(const struct json *j, enum kinesis_op op)
{
    struct arena a = {0};
    struct err e;
    struct buf text = {0};
    struct kinesis_output from_cbor, from_json;
    struct json *want = json_get(j, "json_equivalent");
    if (decode(op, true, vectors_hex(&a, j, "cbor_hex"), &from_cbor, &e) < 0) {
        fail_msg("%.*s: %s", SPAN_ARG(vectors_str(j, "name")), e.msg);
    }
    json_write(want, &text);
    assert_int_equal(decode(op, false, buf_span(&text), &from_json, &e), 0);
    assert_outputs_equal(&from_cbor, &from_json);
    if (op == KINESIS_GET_RECORDS) {
        check_records(json_get(want, "Records"), &from_cbor);
        assert_int_equal(from_cbor.millis_behind, json_get_int(want, "MillisBehindLatest", 0));
        assert_span_equal(from_cbor.iterator, vectors_str(want, "NextShardIterator"));
        assert_int_equal(from_cbor.n_shards, json_count(json_get(want, "ChildShards")));
    }
    kinesis_output_free(&from_cbor);
    kinesis_output_free(&from_json);
    buf_free(&text);
    arena_free(&a);
}

static void test_vectors(void **state)
{
    (void)state;
    struct json *j = vectors_json("cbor/kinesis_cbor.json");
    int requests = 0, replies = 0;
    for (struct json *c = json_child(json_get(j, "cases")); c; c = json_next(c)) {
        enum kinesis_op op;
        bool filter = json_get(json_get(c, "json_equivalent"), "ShardFilter") != NULL;
        if (!find_op(vectors_str(c, "operation"), &op) || filter) {
            continue;
        }
        if (span_is(vectors_str(c, "direction"), "request")) {
            check_request(c, op);
            requests++;
        } else {
            check_reply(c, op);
            replies++;
        }
    }
    assert_int_equal(requests, 5);
    assert_int_equal(replies, 13);
    json_free(j);
}

static void test_negative_vectors(void **state)
{
    (void)state;
    struct json *j = vectors_json("cbor/kinesis_cbor.json");
    struct json *list = json_get(j, "negative");
    assert_int_equal(json_count(list), 14);
    for (struct json *c = json_child(list); c; c = json_next(c)) {
        struct arena a = {0};
        struct err e;
        struct kinesis_output out;
        int status = decode(KINESIS_GET_RECORDS, true, vectors_hex(&a, c, "cbor_hex"), &out, &e);
        assert_int_equal(status, ERR_PROTO);
        assert_memory_equal(e.msg, "reply to GetRecords: malformed CBOR: ", 37);
        kinesis_output_free(&out);
        arena_free(&a);
    }
    json_free(j);
}

static void test_describe_and_list(void **state)
{
    (void)state;
    struct err e;
    struct kinesis_output out;
    struct span text =
        SPAN("{\"StreamDescriptionSummary\":{\"StreamName\":\"s\",\"StreamARN\":\"arn\","
             "\"StreamStatus\":\"ACTIVE\",\"RetentionPeriodHours\":24,\"Tags\":[{}],"
             "\"StreamCreationTimestamp\":1.7546102001264E9,\"OpenShardCount\":2},\"More\":{\"a\":["
             "1]}}");
    assert_int_equal(decode(KINESIS_DESCRIBE_STREAM_SUMMARY, false, text, &out, &e), 0);
    assert_span_is(out.stream_arn, "arn");
    assert_span_is(out.stream_status, "ACTIVE");
    assert_int_equal(out.retention_hours, 24);
    assert_int_equal(out.open_shards, 2);
    assert_int_equal(out.created_ms, INT64_C(1754610200126));
    kinesis_output_free(&out);
    text = SPAN("{\"NextToken\":\"t\",\"Shards\":[{\"ShardId\":\"a\",\"ParentShardId\":\"p\","
                "\"AdjacentParentShardId\":\"q\",\"HashKeyRange\":{\"StartingHashKey\":\"0\","
                "\"EndingHashKey\":\"9\"},\"SequenceNumberRange\":{\"StartingSequenceNumber\":"
                "\"5\",\"EndingSequenceNumber\":null}},{\"ShardId\":\"b\"}]}");
    assert_int_equal(decode(KINESIS_LIST_SHARDS, false, text, &out, &e), 0);
    assert_int_equal(out.n_shards, 2);
    assert_span_is(out.next_token, "t");
    assert_span_is(out.shards[0].parent_id, "p");
    assert_span_is(out.shards[0].adjacent_parent_id, "q");
    assert_span_is(out.shards[0].starting_hash_key, "0");
    assert_span_is(out.shards[0].ending_hash_key, "9");
    assert_span_is(out.shards[0].starting_sequence_number, "5");
    assert_int_equal(out.shards[0].ending_sequence_number.n, 0);
    assert_span_is(out.shards[1].shard_id, "b");
    assert_int_equal(out.shards[1].parent_id.n, 0);
    kinesis_output_free(&out);
}

static int64_t json_arrival(const char *number)
{
    char text[200];
    struct err e;
    struct kinesis_output out;
    snprintf(text, sizeof text,
             "{\"Records\":[{\"SequenceNumber\":\"1\",\"ApproximateArrivalTimestamp\":%s}]}",
             number);
    int status = decode(KINESIS_GET_RECORDS, false, span_str(text), &out, &e);
    int64_t ms = status == 0 ? out.records[0].arrival_ms : INT64_MIN;
    kinesis_output_free(&out);
    return ms;
}

static void test_json_times(void **state)
{
    (void)state;
    assert_int_equal(json_arrival("1754611200.125"), INT64_C(1754611200125));
    assert_int_equal(json_arrival("1.754611200125E9"), INT64_C(1754611200125));
    assert_int_equal(json_arrival("1.548118964772e9"), INT64_C(1548118964772));
    assert_int_equal(json_arrival("1754611200"), INT64_C(1754611200000));
    assert_int_equal(json_arrival("1754611200.1"), INT64_C(1754611200100));
    assert_int_equal(json_arrival("1754611200.1254"), INT64_C(1754611200125));
    assert_int_equal(json_arrival("1754611200.1255"), INT64_C(1754611200126));
    assert_int_equal(json_arrival("1754611200.999999999"), INT64_C(1754611201000));
    assert_int_equal(json_arrival("1754611200.12541234567890"), INT64_C(1754611200125));
    assert_int_equal(json_arrival("0"), 0);
    assert_int_equal(json_arrival("-1.5"), -1500);
    assert_int_equal(json_arrival("null"), 0);
    assert_int_equal(json_arrival("1e300"), INT64_MIN);
    assert_int_equal(json_arrival("\"1754611200\""), INT64_MIN);
}

// What kinesis-local sends: base64 text for Data and bare milliseconds, in CBOR.
static void test_cbor_text_data(void **state)
{
    (void)state;
    struct buf b = {0};
    struct err e;
    struct kinesis_output out;
    cbor_put_map(&b, 1);
    cbor_put_text(&b, SPAN("Records"));
    cbor_put_array(&b, 1);
    cbor_put_map(&b, 3);
    cbor_put_text(&b, SPAN("Data"));
    cbor_put_text(&b, SPAN("aGVsbG8="));
    cbor_put_text(&b, SPAN("ApproximateArrivalTimestamp"));
    cbor_put_int(&b, INT64_C(1754611200125));
    cbor_put_text(&b, SPAN("SequenceNumber"));
    cbor_put_text(&b, SPAN("7"));
    assert_int_equal(decode(KINESIS_GET_RECORDS, true, buf_span(&b), &out, &e), 0);
    assert_span_is(out.records[0].data, "hello");
    assert_int_equal(out.records[0].arrival_ms, INT64_C(1754611200125));
    kinesis_output_free(&out);
    buf_free(&b);
}

// The bytes stay where they are: no copy of a record's data.
static void test_zero_copy(void **state)
{
    (void)state;
    struct err e;
    struct kinesis_output out;
    struct span text = SPAN("{\"Records\":[{\"SequenceNumber\":\"1\",\"Data\":\"aGVsbG8=\","
                            "\"PartitionKey\":\"k\"},{\"SequenceNumber\":\"2\","
                            "\"Data\":\"\\/\\/\\/\\/\",\"PartitionKey\":\"\\u00e9\"}]}");
    assert_int_equal(decode(KINESIS_GET_RECORDS, false, text, &out, &e), 0);
    const char *from = out.body.p, *to = from + out.body.n;
    assert_true(out.records[0].data.p > from && out.records[0].data.p < to);
    assert_true(out.records[0].partition_key.p > from && out.records[0].partition_key.p < to);
    assert_span_is(out.records[0].data, "hello");
    assert_span_is(out.records[1].data, "\xff\xff\xff");
    assert_span_is(out.records[1].partition_key, "\xc3\xa9");
    kinesis_output_free(&out);
}

static void check_wrong(enum kinesis_op op, const char *text, const char *says)
{
    struct err e;
    struct kinesis_output out;
    assert_int_equal(decode(op, false, span_str(text), &out, &e), ERR_PROTO);
    if (!strstr(e.msg, says)) {
        fail_msg("\"%s\" does not say \"%s\"", e.msg, says);
    }
    kinesis_output_free(&out);
}

static void test_wrong_json(void **state)
{
    (void)state;
    check_wrong(KINESIS_GET_RECORDS, "", "too early");
    check_wrong(KINESIS_GET_RECORDS, "[]", "an object expected");
    check_wrong(KINESIS_GET_RECORDS, "{} x", "after the end");
    check_wrong(KINESIS_GET_RECORDS, "{\"Records\":{}}", "Records is no array");
    check_wrong(KINESIS_GET_RECORDS, "{\"Records\":[1]}", "an object expected");
    check_wrong(KINESIS_GET_RECORDS, "{\"Records\":[{}]}", "record 0 has no SequenceNumber");
    check_wrong(KINESIS_GET_RECORDS, "{\"Records\":[],\"Records\":[]}", "Records comes twice");
    check_wrong(KINESIS_GET_RECORDS, "{\"Records\":[{\"Data\":\"a\"}]}", "Data is not base64");
    check_wrong(KINESIS_GET_RECORDS, "{\"Records\":[{\"Data\":5}]}", "Data is no text");
    check_wrong(KINESIS_GET_RECORDS, "{\"MillisBehindLatest\":\"5\"}", "is no number");
    check_wrong(KINESIS_GET_RECORDS, "{\"MillisBehindLatest\":1e19}", "within 64 bits");
    check_wrong(KINESIS_GET_RECORDS, "{\"NextShardIterator\":5}", "NextShardIterator is no text");
    check_wrong(KINESIS_GET_RECORDS, "{\"Unknown\":[}", "line 1");
    check_wrong(KINESIS_GET_SHARD_ITERATOR, "{}", "no ShardIterator");
    check_wrong(KINESIS_LIST_SHARDS, "{\"Shards\":[{}]}", "shard 0 has no ShardId");
    check_wrong(KINESIS_GET_RECORDS, "{\"ChildShards\":[{\"ParentShards\":[1]}]}", "no text");
}

// A reply of `n` items of a list, in either form.
static struct buf many(const char *member, size_t n, bool cbor, bool indefinite)
{
    struct buf b = {0};
    if (!cbor) {
        buf_printf(&b, "{\"%s\":[", member);
        for (size_t i = 0; i < n; i++) {
            buf_add_str(&b, i ? ",{\"SequenceNumber\":\"1\",\"ShardId\":\"s\"}"
                              : "{\"SequenceNumber\":\"1\",\"ShardId\":\"s\"}");
        }
        buf_add_str(&b, "]}");
        return b;
    }
    cbor_put_map(&b, 1);
    cbor_put_text(&b, span_str(member));
    if (indefinite) {
        buf_add_char(&b, (char)0x9f);
    } else {
        cbor_put_array(&b, n);
    }
    for (size_t i = 0; i < n; i++) {
        cbor_put_map(&b, 2);
        cbor_put_text(&b, SPAN("SequenceNumber"));
        cbor_put_text(&b, SPAN("1"));
        cbor_put_text(&b, SPAN("ShardId"));
        cbor_put_text(&b, SPAN("s"));
    }
    if (indefinite) {
        buf_add_char(&b, (char)0xff);
    }
    return b;
}

static void check_limit(enum kinesis_op op, const char *member, size_t max)
{
    for (int form = 0; form < 3; form++) {
        for (size_t over = 0; over < 2; over++) {
            struct err e;
            struct kinesis_output out;
            struct buf b = many(member, max + over, form > 0, form > 1);
            int status = decode(op, form > 0, buf_span(&b), &out, &e);
            assert_int_equal(status, over ? ERR_PROTO : 0);
            if (over) {
                assert_non_null(strstr(e.msg, "more elements than the service allows"));
            } else {
                assert_int_equal(out.n_records + out.n_shards + out.n_results, max);
            }
            kinesis_output_free(&out);
            buf_free(&b);
        }
    }
}

static void test_limits(void **state)
{
    (void)state;
    check_limit(KINESIS_GET_RECORDS, "Records", KINESIS_RECORDS_MAX);
    check_limit(KINESIS_GET_RECORDS, "ChildShards", KINESIS_SHARDS_MAX);
    check_limit(KINESIS_LIST_SHARDS, "Shards", KINESIS_SHARDS_MAX);
    check_limit(KINESIS_PUT_RECORDS, "Records", KINESIS_PUT_RECORDS_MAX);
}

// A small reply must not claim much memory, whatever it says of itself.
static void test_memory_bound(void **state)
{
    (void)state;
    struct err e;
    struct kinesis_output out;
    struct buf b = {0};
    buf_add_char(&b, '{');
    for (int i = 0; i < 10000; i++) {
        buf_add_str(&b, "\"Records\":[],");
    }
    buf_add_str(&b, "\"MillisBehindLatest\":0}");
    assert_int_equal(decode(KINESIS_GET_RECORDS, false, buf_span(&b), &out, &e), ERR_PROTO);
    assert_true(out.arena.bytes < 1024 * 1024);
    kinesis_output_free(&out);
    buf_free(&b);
}

static void test_cuts_and_flips(void **state)
{
    (void)state;
    struct json *j = vectors_json("cbor/kinesis_cbor.json");
    uint64_t seed = 4711;
    for (struct json *c = json_child(json_get(j, "cases")); c; c = json_next(c)) {
        enum kinesis_op op;
        if (!find_op(vectors_str(c, "operation"), &op) ||
            span_is(vectors_str(c, "direction"), "request")) {
            continue;
        }
        struct arena a = {0};
        struct buf text = {0};
        json_write(json_get(c, "json_equivalent"), &text);
        for (int form = 0; form < 2; form++) {
            struct span body = form ? vectors_hex(&a, c, "cbor_hex") : buf_span(&text);
            struct err e;
            struct kinesis_output out;
            for (size_t n = 0; n < body.n; n++) {
                assert_int_equal(decode(op, form, span_of(body.p, n), &out, &e), ERR_PROTO);
                kinesis_output_free(&out);
            }
            for (int i = 0; i < 300; i++) {
                struct span copy = arena_span(&a, body);
                ((char *)copy.p)[test_random_below(&seed, copy.n)] = (char)test_random(&seed);
                int status = decode(op, form, copy, &out, &e);
                assert_true(status == 0 || status == ERR_PROTO);
                kinesis_output_free(&out);
            }
        }
        buf_free(&text);
        arena_free(&a);
    }
    json_free(j);
}

static void check_json_request(enum kinesis_op op, const struct kinesis_input *in, const char *want)
{
    struct buf b = {0};
    kinesis_encode(op, in, false, &b);
    assert_span_equal(buf_span(&b), span_str(want));
    buf_free(&b);
}

static void test_requests(void **state)
{
    (void)state;
    struct kinesis_input in = {.stream_name = SPAN("s"), .limit = 100};
    check_json_request(KINESIS_DESCRIBE_STREAM_SUMMARY, &in, "{\"StreamName\":\"s\"}");
    check_json_request(KINESIS_LIST_SHARDS, &in, "{\"StreamName\":\"s\",\"MaxResults\":100}");
    in.next_token = SPAN("t\"");
    check_json_request(KINESIS_LIST_SHARDS, &in, "{\"NextToken\":\"t\\\"\",\"MaxResults\":100}");
    in = (struct kinesis_input){.stream_arn = SPAN("arn"),
                                .shard_id = SPAN("x"),
                                .sequence_number = SPAN("5"),
                                .timestamp_ms = INT64_C(1754611200005)};
    in.iterator_type = KINESIS_LATEST;
    check_json_request(
        KINESIS_GET_SHARD_ITERATOR, &in,
        "{\"StreamARN\":\"arn\",\"ShardId\":\"x\",\"ShardIteratorType\":\"LATEST\"}");
    in.iterator_type = KINESIS_AFTER_SEQUENCE_NUMBER;
    check_json_request(KINESIS_GET_SHARD_ITERATOR, &in,
                       "{\"StreamARN\":\"arn\",\"ShardId\":\"x\",\"ShardIteratorType\":"
                       "\"AFTER_SEQUENCE_NUMBER\",\"StartingSequenceNumber\":\"5\"}");
    in.iterator_type = KINESIS_AT_TIMESTAMP;
    check_json_request(KINESIS_GET_SHARD_ITERATOR, &in,
                       "{\"StreamARN\":\"arn\",\"ShardId\":\"x\",\"ShardIteratorType\":"
                       "\"AT_TIMESTAMP\",\"Timestamp\":1754611200.005}");
    in.timestamp_ms = -1;
    check_json_request(KINESIS_GET_SHARD_ITERATOR, &in,
                       "{\"StreamARN\":\"arn\",\"ShardId\":\"x\",\"ShardIteratorType\":"
                       "\"AT_TIMESTAMP\",\"Timestamp\":-0.001}");
    in = (struct kinesis_input){.stream_arn = SPAN("arn"), .consumer_name = SPAN("c")};
    check_json_request(KINESIS_REGISTER_STREAM_CONSUMER, &in,
                       "{\"StreamARN\":\"arn\",\"ConsumerName\":\"c\"}");
    check_json_request(KINESIS_DESCRIBE_STREAM_CONSUMER, &in,
                       "{\"StreamARN\":\"arn\",\"ConsumerName\":\"c\"}");
    in = (struct kinesis_input){.consumer_arn = SPAN("carn"),
                                .shard_id = SPAN("x"),
                                .iterator_type = KINESIS_AT_TIMESTAMP,
                                .timestamp_ms = INT64_C(1754611200005)};
    check_json_request(KINESIS_SUBSCRIBE_TO_SHARD, &in,
                       "{\"ConsumerARN\":\"carn\",\"ShardId\":\"x\",\"StartingPosition\":"
                       "{\"Type\":\"AT_TIMESTAMP\",\"Timestamp\":1754611200.005}}");
    in.iterator_type = KINESIS_LATEST;
    check_json_request(
        KINESIS_SUBSCRIBE_TO_SHARD, &in,
        "{\"ConsumerARN\":\"carn\",\"ShardId\":\"x\",\"StartingPosition\":{\"Type\":\"LATEST\"}}");
    struct kinesis_put_entry entry = {SPAN("\x00\xff"), SPAN("k\n"), SPAN("7")};
    in = (struct kinesis_input){.stream_name = SPAN("s"), .entries = &entry, .n_entries = 1};
    check_json_request(KINESIS_PUT_RECORDS, &in,
                       "{\"StreamName\":\"s\",\"Records\":[{\"Data\":\"AP8=\",\"PartitionKey\":"
                       "\"k\\n\",\"ExplicitHashKey\":\"7\"}]}");
}

static void test_sequence_cmp(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int want;
    } cases[] = {{"1", "1", 0},   {"9", "10", -1}, {"10", "9", 1},  {"012", "12", 0},
                 {"000", "0", 0}, {"", "0", -1},   {"21", "19", 1}, {"5", "0006", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int got = kinesis_sequence_cmp(span_str(cases[i].a), span_str(cases[i].b));
        assert_int_equal((got > 0) - (got < 0), cases[i].want);
    }
}

// The keys of the KPL vectors: MD5 as a decimal number.
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),           cmocka_unit_test(test_negative_vectors),
        cmocka_unit_test(test_describe_and_list), cmocka_unit_test(test_json_times),
        cmocka_unit_test(test_cbor_text_data),    cmocka_unit_test(test_zero_copy),
        cmocka_unit_test(test_wrong_json),        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_memory_bound),      cmocka_unit_test(test_cuts_and_flips),
        cmocka_unit_test(test_requests),          cmocka_unit_test(test_sequence_cmp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
