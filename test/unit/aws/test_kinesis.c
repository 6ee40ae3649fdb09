// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "aws/kinesis.h"
#include "base/log.h"
#include "codec/cbor.h"
#include "fake_aws.h"
#include "lib/test.h"

#define CBOR "application/x-amz-cbor-1.1"
#define JSON "application/x-amz-json-1.1"

struct call {
    struct kinesis_call k;
    int done;
    int status;
    char code[64], message[ERR_MSG_MAX];
    struct kinesis_output out;
    int64_t size;
    bool pause;
};

static struct {
    struct fake fake;
    struct credentials_provider *credentials;
    struct kinesis *kinesis;
} t;

static void new_kinesis(bool json_only)
{
    struct err e = {0};
    struct kinesis_options o = {.aws = {.loop = t.fake.loop,
                                        .http = t.fake.http,
                                        .credentials = t.credentials,
                                        .region = SPAN("eu-west-1"),
                                        .endpoint = span_str(t.fake.url)},
                                .json_only = json_only};
    assert_int_equal(kinesis_new(&o, &t.kinesis, &e), 0);
}

static int set_up(void **state)
{
    (void)state;
    struct sigv4_credentials c = {SPAN(FAKE_ID), SPAN(FAKE_SECRET), SPAN_NONE};
    memset(&t, 0, sizeof t);
    log_set_level(LOG_WARN);
    fake_start(&t.fake);
    t.credentials = credentials_new_static(t.fake.loop, &c);
    new_kinesis(false);
    return 0;
}

static void note(void *ctx)
{
    *(int *)ctx = 1;
}

static void close_kinesis(void)
{
    int closed = 0;
    kinesis_close(t.kinesis, note, &closed);
    fake_run_until(&t.fake, &closed);
    t.kinesis = NULL;
}

static int tear_down(void **state)
{
    (void)state;
    if (t.kinesis) {
        close_kinesis();
    }
    credentials_free(t.credentials);
    fake_stop(&t.fake);
    return 0;
}

static void on_done(struct kinesis_call *k, int status, struct kinesis_output *out,
                    const struct aws_error *error)
{
    struct call *c = container_of(k, struct call, k);
    c->done++;
    c->status = status;
    assert_true((status < 0) == (error != NULL));
    if (error) {
        snprintf(c->code, sizeof c->code, "%.*s", SPAN_ARG(error->code));
        snprintf(c->message, sizeof c->message, "%.*s", SPAN_ARG(error->message));
    }
    c->out = *out;
    *out = (struct kinesis_output){0};
}

static bool on_size(struct kinesis_call *k, int64_t content_length)
{
    struct call *c = container_of(k, struct call, k);
    c->size = content_length;
    return !c->pause;
}

static void start(struct call *c, enum kinesis_op op, const struct kinesis_input *in)
{
    *c = (struct call){.size = -2};
    c->k.on_done = on_done;
    c->k.on_size = on_size;
    assert_int_equal(kinesis_start(t.kinesis, &c->k, op, in, NULL), 0);
    assert_int_equal(c->done, 0);
}

static void finish(struct call *c)
{
    fake_run_until(&t.fake, &c->done);
    kinesis_output_free(&c->out);
}

static void describe(struct call *c)
{
    struct kinesis_input in = {.stream_name = SPAN("s")};
    start(c, KINESIS_DESCRIBE_STREAM_SUMMARY, &in);
}

static void run_describe(struct call *c)
{
    describe(c);
    finish(c);
}

// {"StreamDescriptionSummary": {"StreamStatus": "ACTIVE"}}
#define SUMMARY_CBOR                                                                               \
    SPAN("\xa1\x78\x18StreamDescriptionSummary\xa1\x6cStreamStatus\x66"                            \
         "ACTIVE")
#define SUMMARY_JSON "{\"StreamDescriptionSummary\":{\"StreamStatus\":\"ACTIVE\"}}"

static void test_cbor(void **state)
{
    (void)state;
    struct call c;
    fake_add(&t.fake, 200, CBOR, SUMMARY_CBOR);
    describe(&c);
    fake_run_until(&t.fake, &c.done);
    assert_int_equal(c.status, 0);
    assert_span_is(c.out.stream_status, "ACTIVE");
    assert_int_equal(c.size, SUMMARY_CBOR.n);
    kinesis_output_free(&c.out);
    const struct fake_seen *seen = &t.fake.seen[0];
    assert_string_equal(seen->type, CBOR);
    assert_string_equal(seen->target, "Kinesis_20131202.DescribeStreamSummary");
    assert_span_is(buf_span(&seen->body), "\xa1\x6aStreamName\x61s");
    assert_true(seen->signature_ok);
    assert_true(kinesis_speaks_cbor(t.kinesis));
    assert_span_equal(kinesis_host(t.kinesis), span_str(t.fake.url + strlen("http://")));
}

static void test_json_only(void **state)
{
    (void)state;
    struct call c;
    close_kinesis();
    new_kinesis(true);
    fake_json(&t.fake, 200, SUMMARY_JSON);
    run_describe(&c);
    assert_int_equal(c.status, 0);
    assert_string_equal(t.fake.seen[0].type, JSON);
    assert_false(kinesis_speaks_cbor(t.kinesis));
}

// The form of the reply decides, not that of the request.
static void test_json_reply(void **state)
{
    (void)state;
    struct call c;
    fake_json(&t.fake, 200, SUMMARY_JSON);
    run_describe(&c);
    assert_int_equal(c.status, 0);
    assert_true(kinesis_speaks_cbor(t.kinesis));
    t.fake.steps[0].type = NULL;
    run_describe(&c);
    assert_int_equal(c.status, 0);
}

static void check_fallback(int status, const char *type, struct span body)
{
    struct call c;
    close_kinesis();
    new_kinesis(false);
    int before = t.fake.n_seen;
    t.fake.n_steps = before;
    fake_add(&t.fake, status, type, body);
    fake_json(&t.fake, 200, SUMMARY_JSON);
    // What the input points to may go as soon as the call has started.
    char *name = strdup("my-stream");
    struct kinesis_input in = {.stream_name = span_str(name)};
    start(&c, KINESIS_DESCRIBE_STREAM_SUMMARY, &in);
    memset(name, 'x', strlen(name));
    free(name);
    finish(&c);
    assert_int_equal(c.status, 0);
    assert_int_equal(t.fake.n_seen, before + 2);
    assert_string_equal(t.fake.seen[before].type, CBOR);
    assert_string_equal(t.fake.seen[before + 1].type, JSON);
    assert_string_equal(t.fake.seen[before + 1].sdk_request, "attempt=1; max=3");
    assert_span_is(buf_span(&t.fake.seen[before + 1].body), "{\"StreamName\":\"my-stream\"}");
    assert_false(kinesis_speaks_cbor(t.kinesis));
    // For good.
    run_describe(&c);
    assert_string_equal(t.fake.seen[before + 2].type, JSON);
}

static void test_fallback(void **state)
{
    (void)state;
    check_fallback(500, "text/html", SPAN("<html>"));
    check_fallback(404, "text/html", SPAN("<html>"));
    check_fallback(415, NULL, SPAN_NONE);
    check_fallback(404, "text/xml", SPAN("<UnknownOperationException/>"));
    check_fallback(400, JSON, SPAN("{\"__type\":\"SerializationException\"}"));
    check_fallback(404, "application/json",
                   SPAN("{\"Output\":{\"__type\":\"com.amazon.coral.service#"
                        "UnknownOperationException\"},\"Version\":\"1.0\"}"));
    check_fallback(400, CBOR, SPAN("\xa1\x66__type\x76SerializationException"));
}

static void test_fallback_of_records(void **state)
{
    (void)state;
    struct call c;
    char *text = strdup("key data hash");
    struct kinesis_put_entry entry = {span_of(text + 4, 4), span_of(text, 3), span_of(text + 9, 4)};
    struct kinesis_input in = {.stream_arn = SPAN("arn"), .entries = &entry, .n_entries = 1};
    fake_add(&t.fake, 500, "text/html", SPAN("<html>"));
    fake_json(&t.fake, 200, "{\"FailedRecordCount\":0,\"Records\":[{\"ShardId\":\"s\"}]}");
    start(&c, KINESIS_PUT_RECORDS, &in);
    memset(text, 'x', strlen(text));
    memset(&entry, 0xff, sizeof entry);
    free(text);
    finish(&c);
    assert_int_equal(c.status, 0);
    assert_span_is(buf_span(&t.fake.seen[1].body),
                   "{\"StreamARN\":\"arn\",\"Records\":[{\"Data\":\"ZGF0YQ==\","
                   "\"PartitionKey\":\"key\",\"ExplicitHashKey\":\"hash\"}]}");
}

// Two calls under way when the first refusal comes: each is repeated.
static void test_fallback_twice_at_once(void **state)
{
    (void)state;
    struct call a, b;
    fake_add(&t.fake, 500, "text/html", SPAN("<html>"));
    fake_add(&t.fake, 500, "text/html", SPAN("<html>"));
    fake_json(&t.fake, 200, SUMMARY_JSON);
    describe(&a);
    describe(&b);
    finish(&a);
    finish(&b);
    assert_int_equal(a.status, 0);
    assert_int_equal(b.status, 0);
    assert_int_equal(t.fake.n_seen, 4);
}

// Once known, a page of a load balancer is a failure like any other.
static void test_no_fallback_when_known(void **state)
{
    (void)state;
    struct call c;
    fake_add(&t.fake, 400, CBOR, SPAN("\xa1\x66__type\x78\x19ResourceNotFoundException"));
    fake_add(&t.fake, 500, "text/html", SPAN("<html>"));
    fake_add(&t.fake, 200, CBOR, SUMMARY_CBOR);
    run_describe(&c);
    assert_int_equal(c.status, ERR_NOT_FOUND);
    assert_string_equal(c.code, "ResourceNotFoundException");
    run_describe(&c);
    assert_int_equal(c.status, 0);
    assert_int_equal(t.fake.n_seen, 3);
    assert_string_equal(t.fake.seen[2].type, CBOR);
    assert_true(kinesis_speaks_cbor(t.kinesis));
}

// Other failures say nothing about CBOR.
static void test_no_fallback_otherwise(void **state)
{
    (void)state;
    struct call c;
    fake_add(&t.fake, 503, "text/html", SPAN("<html>"));
    run_describe(&c);
    assert_int_equal(c.status, ERR_UNAVAILABLE);
    assert_int_equal(t.fake.n_seen, 3);
    t.fake.steps[0] = (struct fake_step){
        .status = 500, .type = JSON, .body = SPAN("{\"__type\":\"InternalFailure\"}")};
    run_describe(&c);
    assert_int_equal(c.status, ERR_UNAVAILABLE);
    assert_true(kinesis_speaks_cbor(t.kinesis));
}

// The repeated call fails too: that is the end of it.
static void test_fallback_fails(void **state)
{
    (void)state;
    struct call c;
    fake_add(&t.fake, 404, "text/html", SPAN("<html>"));
    run_describe(&c);
    assert_int_equal(c.status, ERR_NOT_FOUND);
    assert_int_equal(t.fake.n_seen, 2);
}

static void test_wrong_replies(void **state)
{
    (void)state;
    struct call c;
    struct kinesis_put_entry entries[2] = {{SPAN("a"), SPAN("k"), SPAN_NONE},
                                           {SPAN("b"), SPAN("k"), SPAN_NONE}};
    struct kinesis_input in = {.stream_name = SPAN("s"), .entries = entries, .n_entries = 2};
    fake_add(&t.fake, 200, "text/html", SPAN("<html>"));
    run_describe(&c);
    assert_int_equal(c.status, ERR_PROTO);
    assert_non_null(strstr(c.message, "neither CBOR nor JSON but \"text/html\""));
    t.fake.steps[0] = (struct fake_step){.status = 200, .type = CBOR, .body = SPAN("\xa1")};
    run_describe(&c);
    assert_int_equal(c.status, ERR_PROTO);
    assert_non_null(strstr(c.message, "malformed CBOR"));
    t.fake.steps[0] = (struct fake_step){
        .status = 200, .type = JSON, .body = SPAN("{\"Records\":[{\"ShardId\":\"s\"}]}")};
    start(&c, KINESIS_PUT_RECORDS, &in);
    finish(&c);
    assert_int_equal(c.status, ERR_PROTO);
    assert_string_equal(c.message, "reply to PutRecords: 1 results for 2 records");
}

static void test_operations(void **state)
{
    (void)state;
    struct call c;
    struct kinesis_input in = {.iterator = SPAN("it"), .limit = 7};
    fake_json(&t.fake, 200,
              "{\"Records\":[{\"SequenceNumber\":\"5\",\"Data\":\"aGk=\",\"PartitionKey\":\"p\"}],"
              "\"NextShardIterator\":\"next\",\"MillisBehindLatest\":9}");
    start(&c, KINESIS_GET_RECORDS, &in);
    fake_run_until(&t.fake, &c.done);
    assert_int_equal(c.status, 0);
    assert_int_equal(c.out.n_records, 1);
    assert_span_is(c.out.records[0].data, "hi");
    assert_span_is(c.out.iterator, "next");
    assert_int_equal(c.out.millis_behind, 9);
    kinesis_output_free(&c.out);
    assert_string_equal(t.fake.seen[0].target, "Kinesis_20131202.GetRecords");
    assert_span_is(buf_span(&t.fake.seen[0].body), "\xa2\x6dShardIterator\x62it\x65Limit\x07");
}

static void test_options(void **state)
{
    (void)state;
    struct call c = {.size = -2};
    struct kinesis_input in = {.stream_name = SPAN("s")};
    struct kinesis_call_options o = {.max_attempts = 1, .max_body = 4};
    fake_json(&t.fake, 400, "{\"__type\":\"LimitExceededException\"}");
    c.k.on_done = on_done;
    assert_int_equal(kinesis_start(t.kinesis, &c.k, KINESIS_LIST_SHARDS, &in, &o), 0);
    finish(&c);
    assert_int_equal(c.status, ERR_LIMIT);
    assert_int_equal(t.fake.n_seen, 1);
    o.max_body = 0;
    c.done = 0;
    assert_int_equal(kinesis_start(t.kinesis, &c.k, KINESIS_LIST_SHARDS, &in, &o), 0);
    finish(&c);
    assert_int_equal(c.status, ERR_THROTTLED);
    assert_int_equal(t.fake.n_seen, 2);
}

static void test_pause(void **state)
{
    (void)state;
    struct call c;
    fake_json(&t.fake, 200, SUMMARY_JSON);
    describe(&c);
    c.pause = true;
    while (c.size == -2) {
        loop_turn(t.fake.loop, true);
    }
    for (int i = 0; i < 20; i++) {
        loop_turn(t.fake.loop, false);
    }
    assert_int_equal(c.done, 0);
    kinesis_resume(&c.k);
    finish(&c);
    assert_int_equal(c.status, 0);
}

static void test_cancel(void **state)
{
    (void)state;
    struct call c;
    fake_json(&t.fake, 200, SUMMARY_JSON)->hold = true;
    describe(&c);
    kinesis_cancel(&c.k);
    finish(&c);
    assert_int_equal(c.status, ERR_CANCELED);
    describe(&c);
    fake_run_until_held(&t.fake);
    kinesis_cancel(&c.k);
    kinesis_cancel(&c.k);
    finish(&c);
    assert_int_equal(c.status, ERR_CANCELED);
    assert_int_equal(c.done, 1);
    kinesis_cancel(&c.k);
}

static void test_cancel_repeated_call(void **state)
{
    (void)state;
    struct call c;
    fake_add(&t.fake, 500, "text/html", SPAN("<html>"));
    fake_json(&t.fake, 200, SUMMARY_JSON)->hold = true;
    describe(&c);
    fake_run_until_held(&t.fake);
    assert_int_equal(t.fake.n_seen, 2);
    kinesis_cancel(&c.k);
    finish(&c);
    assert_int_equal(c.status, ERR_CANCELED);
}

static void test_close_while_pending(void **state)
{
    (void)state;
    struct call a, b;
    int closed = 0;
    fake_json(&t.fake, 200, SUMMARY_JSON)->hold = true;
    describe(&a);
    fake_run_until_held(&t.fake);
    describe(&b);
    kinesis_close(t.kinesis, note, &closed);
    fake_run_until(&t.fake, &closed);
    t.kinesis = NULL;
    assert_int_equal(a.done, 1);
    assert_int_equal(b.done, 1);
    assert_int_equal(a.status, ERR_CANCELED);
    assert_int_equal(b.status, ERR_CANCELED);
}

static void test_configuration(void **state)
{
    (void)state;
    struct err e = {0};
    struct kinesis *k = NULL;
    struct kinesis_options o = {.aws = {.loop = t.fake.loop,
                                        .http = t.fake.http,
                                        .credentials = t.credentials,
                                        .region = SPAN("no region")}};
    assert_int_equal(kinesis_new(&o, &k, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "no region"));
    assert_null(k);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_cbor),
        T(test_json_only),
        T(test_json_reply),
        T(test_fallback),
        T(test_fallback_of_records),
        T(test_fallback_twice_at_once),
        T(test_no_fallback_when_known),
        T(test_no_fallback_otherwise),
        T(test_fallback_fails),
        T(test_wrong_replies),
        T(test_operations),
        T(test_options),
        T(test_pause),
        T(test_cancel),
        T(test_cancel_repeated_call),
        T(test_close_while_pending),
        T(test_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
