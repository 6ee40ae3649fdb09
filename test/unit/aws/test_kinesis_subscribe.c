// SPDX-License-Identifier: Apache-2.0
#include "aws/kinesis_subscribe.h"

#include <stdio.h>

#include "aws_vectors.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/event_stream.h"
#include "fake_aws.h"
#include "lib/test.h"
#include "lib/test_clock.h"

#define TYPE "application/vnd.amazon.eventstream"

struct sub {
    struct kinesis_subscription s;
    int opened, messages, events, ended;
    size_t records;
    int status;
    char code[64], message[ERR_MSG_MAX], continuation[80];
    int refuse;        // so many messages
    int cancel_in;     // callback: 1 open, 2 message, 3 event
    int cancel_at_end; // of all messages so far
};

static struct {
    struct fake fake;
    struct credentials_provider *credentials;
    struct kinesis *kinesis;
    struct http_exchange *x; // of the stream
    enum http_version version;
    int64_t idle_ms;
} t;

static void note(void *ctx)
{
    *(int *)ctx = 1;
}

static int set_up(void **state)
{
    struct sigv4_credentials c = {SPAN(FAKE_ID), SPAN(FAKE_SECRET), SPAN_NONE};
    struct err e = {0};
    memset(&t, 0, sizeof t);
    t.version = *state ? HTTP_2 : HTTP_1_1;
    log_set_level(LOG_ERROR);
    fake_start(&t.fake);
    t.credentials = credentials_new_static(t.fake.loop, &c);
    struct kinesis_options o = {.aws = {.loop = t.fake.loop,
                                        .http = t.fake.http,
                                        .credentials = t.credentials,
                                        .region = SPAN("eu-west-1"),
                                        .endpoint = span_str(t.fake.url)}};
    assert_int_equal(kinesis_new(&o, &t.kinesis, &e), 0);
    return 0;
}

static void close_kinesis(void)
{
    int closed = 0;
    kinesis_close(t.kinesis, note, &closed);
    fake_run_until(&t.fake, &closed);
    t.kinesis = NULL;
}

// The answer ends, wherever the peer is by now.
static void end_stream(void)
{
    if (t.x) {
        http_respond_end(t.x);
    }
    t.x = NULL;
}

static int tear_down(void **state)
{
    (void)state;
    end_stream();
    if (t.kinesis) {
        close_kinesis();
    }
    credentials_free(t.credentials);
    fake_stop(&t.fake);
    return 0;
}

static struct sub *sub_of(struct kinesis_subscription *s)
{
    return container_of(s, struct sub, s);
}

static void maybe_cancel(struct sub *s, int in)
{
    if (s->cancel_in == in) {
        kinesis_subscription_cancel(&s->s);
    }
}

static void on_open(struct kinesis_subscription *sub)
{
    sub_of(sub)->opened++;
    maybe_cancel(sub_of(sub), 1);
}

static bool on_message(struct kinesis_subscription *sub, size_t length)
{
    struct sub *s = sub_of(sub);
    assert_true(length >= EVENT_STREAM_OVERHEAD);
    assert_int_equal(s->opened, 1);
    s->messages++;
    maybe_cancel(s, 2);
    return s->refuse-- <= 0;
}

static void on_event(struct kinesis_subscription *sub, struct kinesis_output *out)
{
    struct sub *s = sub_of(sub);
    s->events++;
    s->records += out->n_records;
    snprintf(s->continuation, sizeof s->continuation, "%.*s", SPAN_ARG(out->iterator));
    maybe_cancel(s, 3);
}

static void on_end(struct kinesis_subscription *sub, int status, const struct aws_error *error)
{
    struct sub *s = sub_of(sub);
    s->ended++;
    s->status = status;
    assert_true((status < 0) == (error != NULL));
    if (error) {
        snprintf(s->code, sizeof s->code, "%.*s", SPAN_ARG(error->code));
        snprintf(s->message, sizeof s->message, "%.*s", SPAN_ARG(error->message));
    }
}

static void subscribe(struct sub *s)
{
    struct kinesis_input in = {.consumer_arn = SPAN("arn"),
                               .shard_id = SPAN("shardId-0"),
                               .iterator_type = KINESIS_AFTER_SEQUENCE_NUMBER,
                               .sequence_number = SPAN("5")};
    struct kinesis_subscribe_options o = {.idle_ms = t.idle_ms, .version = t.version};
    s->s = (struct kinesis_subscription){
        .on_open = on_open, .on_message = on_message, .on_event = on_event, .on_end = on_end};
    assert_int_equal(kinesis_subscribe(t.kinesis, &s->s, &in, &o), 0);
    assert_int_equal(s->ended, 0);
}

// Subscribes and lets the server begin its answer.
static void open_stream(struct sub *s)
{
    struct http_header h = {SPAN("Content-Type"), SPAN(TYPE)};
    end_stream();
    fake_add(&t.fake, 200, TYPE, SPAN_NONE)->hold = true;
    subscribe(s);
    fake_run_until_held(&t.fake);
    t.x = t.fake.held;
    t.fake.held = NULL;
    http_respond_start(t.x, 200, (struct http_headers){&h, 1});
    fake_run_until(&t.fake, &s->opened);
}

static void turns(int n)
{
    while (n-- > 0) {
        loop_turn(t.fake.loop, false);
    }
}

static void write_bytes(struct span s)
{
    int status = http_respond_write(t.x, s);
    assert_true(status == 0 || status == ERR_CLOSED);
}

static struct json *vectors(void)
{
    return vectors_json("eventstream/kinesis_subscribe_to_shard.json");
}

static struct span frame(struct arena *a, const struct json *j, const char *name)
{
    for (struct json *c = json_child(json_get(j, "cases")); c; c = json_next(c)) {
        if (span_is(vectors_str(c, "name"), name)) {
            return vectors_hex(a, c, "hex");
        }
    }
    fail_msg("no case %s", name);
    return SPAN_NONE;
}

static void test_stream(void **state)
{
    (void)state;
    struct arena a = {0};
    struct json *j = vectors();
    struct span all = vectors_hex(&a, j, "concatenated_stream_hex");
    struct sub s = {0};
    uint64_t random = 7;
    open_stream(&s);
    while (all.n > 0) {
        size_t n = 1 + (size_t)test_random_below(&random, all.n < 100 ? all.n : 100);
        write_bytes(span_of(all.p, n));
        all = span_of(all.p + n, all.n - n);
        turns(3);
    }
    end_stream();
    fake_run_until(&t.fake, &s.ended);
    assert_int_equal(s.status, 0);
    assert_int_equal(s.messages, 4);
    assert_int_equal(s.events, 3);
    assert_true(s.records > 0);
    assert_string_equal(t.fake.seen[0].target, "Kinesis_20131202.SubscribeToShard");
    assert_string_equal(t.fake.seen[0].type, "application/x-amz-json-1.1");
    assert_true(t.fake.seen[0].signature_ok);
    assert_span_is(buf_span(&t.fake.seen[0].body),
                   "{\"ConsumerARN\":\"arn\",\"ShardId\":\"shardId-0\",\"StartingPosition\":"
                   "{\"Type\":\"AFTER_SEQUENCE_NUMBER\",\"SequenceNumber\":\"5\"}}");
    json_free(j);
    arena_free(&a);
}

// What vectors say of each frame.
static void check_event(const struct json *c, struct span wire)
{
    struct arena a = {0};
    struct event_decoder d;
    struct event_message m;
    struct kinesis_output out = {0};
    struct err e = {0};
    event_decoder_init(&d, 0);
    event_decoder_feed(&d, wire);
    assert_int_equal(event_decoder_next(&d, &m), EVENT_STREAM_MESSAGE);
    struct span payload = m.payload;
    out.body = event_decoder_take(&d);
    assert_int_equal(kinesis_decode_part(KINESIS_SUBSCRIBE_TO_SHARD, false, payload, &out, &e), 0);
    assert_span_equal(out.iterator, vectors_str(c, "continuation"));
    assert_int_equal(out.millis_behind, json_get_int(c, "millis_behind", -1));
    assert_int_equal(out.n_shards, json_count(json_get(c, "child_shards")));
    assert_int_equal(out.n_records, json_get_int(c, "records", -1));
    for (size_t i = 0; i < out.n_shards; i++) {
        assert_true(out.shards[i].n_parents > 0);
    }
    kinesis_output_free(&out);
    event_decoder_deinit(&d);
    arena_free(&a);
}

static void test_vectors(void **state)
{
    (void)state;
    struct arena a = {0};
    struct json *j = vectors();
    size_t events = 0;
    for (struct json *c = json_child(json_get(j, "cases")); c; c = json_next(c)) {
        if (span_is(vectors_str(c, "kind"), "SubscribeToShardEvent")) {
            check_event(c, vectors_hex(&a, c, "hex"));
            events++;
        }
    }
    assert_int_equal(events, 4);
    json_free(j);
    arena_free(&a);
}

static void test_errors_of_the_stream(void **state)
{
    (void)state;
    struct arena a = {0};
    struct json *j = vectors();
    static const struct {
        const char *name, *code;
        int status;
    } cases[] = {
        {"exception_ResourceNotFoundException", "ResourceNotFoundException", ERR_NOT_FOUND},
        {"exception_ResourceInUseException", "ResourceInUseException", ERR_BUSY},
        {"exception_KMSThrottlingException", "KMSThrottlingException", ERR_THROTTLED},
        {"exception_KMSAccessDeniedException", "KMSAccessDeniedException", ERR_AUTH},
        {"exception_InternalFailureException", "InternalFailureException", ERR_UNAVAILABLE},
    };
    struct span event = frame(&a, j, "event_with_records");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sub s = {0};
        open_stream(&s);
        write_bytes(event);
        write_bytes(frame(&a, j, cases[i].name));
        fake_run_until(&t.fake, &s.ended);
        assert_int_equal(s.events, 1);
        assert_string_equal(s.code, cases[i].code);
        assert_int_equal(s.status, cases[i].status);
        assert_true(s.message[0] != '\0');
        turns(5);
    }
    // An error that no model knows, and what comes after it does not count.
    struct sub s = {0};
    open_stream(&s);
    write_bytes(frame(&a, j, "unmodelled_error"));
    fake_run_until(&t.fake, &s.ended);
    assert_true(s.status < 0 && s.code[0] != '\0' && s.message[0] != '\0');
    json_free(j);
    arena_free(&a);
}

static void test_broken_streams(void **state)
{
    (void)state;
    struct arena a = {0};
    struct json *j = vectors();
    struct span event = frame(&a, j, "event_with_records");
    char *bad = arena_dup(&a, event.p, event.n);
    bad[event.n - 30] ^= 1;
    for (int way = 0; way < 4; way++) {
        struct sub s = {0};
        open_stream(&s);
        write_bytes(event);
        if (way == 0) {
            write_bytes(span_of(bad, event.n));
        } else {
            write_bytes(span_of(event.p, way == 1 ? event.n - 1 : 5));
            turns(5);
            if (way == 3) {
                http_reset(t.x);
                t.x = NULL;
            } else {
                end_stream();
            }
        }
        fake_run_until(&t.fake, &s.ended);
        assert_int_equal(s.events, 1);
        assert_true(s.status < 0);
        if (way == 0) {
            assert_int_equal(s.status, ERR_PROTO);
            assert_non_null(strstr(s.message, "checksum"));
        } else if (way < 3) {
            assert_int_equal(s.status, ERR_CLOSED);
        }
        turns(5);
    }
    json_free(j);
    arena_free(&a);
}

static void test_payload_is_no_event(void **state)
{
    (void)state;
    struct buf b = {0};
    struct event_header h = event_header_string(":event-type", SPAN("SubscribeToShardEvent"));
    struct sub s = {0};
    assert_int_equal(event_message_write(&b, &h, 1, SPAN("{\"Records\":7}")), 0);
    open_stream(&s);
    write_bytes(buf_span(&b));
    fake_run_until(&t.fake, &s.ended);
    assert_int_equal(s.status, ERR_PROTO);
    assert_non_null(strstr(s.message, "Records"));
    assert_int_equal(s.events, 0);
    buf_free(&b);
}

static void test_refused_messages_wait(void **state)
{
    (void)state;
    struct arena a = {0};
    struct json *j = vectors();
    struct span event = frame(&a, j, "event_with_records");
    struct sub s = {.refuse = 2};
    open_stream(&s);
    for (int i = 0; i < 3; i++) {
        write_bytes(event);
    }
    end_stream();
    for (int i = 1; i <= 2; i++) {
        fake_run_until(&t.fake, &s.messages);
        turns(20);
        // Neither the event nor the end passes it.
        assert_int_equal(s.events, i - 1);
        assert_int_equal(s.ended, 0);
        assert_int_equal(s.messages, i);
        kinesis_subscription_resume(&s.s);
        assert_int_equal(s.events, i - 1); // never inside
        turns(20);
    }
    fake_run_until(&t.fake, &s.ended);
    assert_int_equal(s.status, 0);
    assert_int_equal(s.events, 3);
    json_free(j);
    arena_free(&a);
}

static void test_refused_before(void **state)
{
    (void)state;
    struct sub s = {0};
    fake_json(&t.fake, 400, "{\"__type\":\"ResourceInUseException\",\"message\":\"in use\"}");
    subscribe(&s);
    fake_run_until(&t.fake, &s.ended);
    assert_int_equal(s.status, ERR_BUSY);
    assert_string_equal(s.code, "ResourceInUseException");
    assert_string_equal(s.message, "in use");
    assert_int_equal(s.opened, 0);
    // Not tried again by itself.
    assert_int_equal(t.fake.n_seen, 1);
    s = (struct sub){0};
    fake_add(&t.fake, 503, "text/html", SPAN("<html>"));
    subscribe(&s);
    fake_run_until(&t.fake, &s.ended);
    assert_int_equal(s.status, ERR_UNAVAILABLE);
    assert_int_equal(t.fake.n_seen, 2);
}

static void test_cancel_inside(void **state)
{
    (void)state;
    struct arena a = {0};
    struct json *j = vectors();
    struct span event = frame(&a, j, "event_with_records");
    for (int in = 1; in <= 3; in++) {
        struct sub s = {.cancel_in = in};
        open_stream(&s);
        if (!s.ended) {
            write_bytes(event);
            write_bytes(event);
        }
        fake_run_until(&t.fake, &s.ended);
        assert_int_equal(s.status, ERR_CANCELED);
        assert_int_equal(s.events, in == 3);
        assert_int_equal(s.ended, 1);
        kinesis_subscription_cancel(&s.s);
        turns(5);
    }
    json_free(j);
    arena_free(&a);
}

static void test_cancel_outside(void **state)
{
    (void)state;
    struct arena a = {0};
    struct json *j = vectors();
    struct span event = frame(&a, j, "event_with_records");
    // Before anything; while a message waits; while it waits and the call is over.
    for (int way = 0; way < 3; way++) {
        struct sub s = {.refuse = 1};
        if (way == 0) {
            fake_add(&t.fake, 200, TYPE, SPAN_NONE)->hold = true;
            subscribe(&s);
        } else {
            open_stream(&s);
            write_bytes(event);
            if (way == 2) {
                end_stream();
            }
            fake_run_until(&t.fake, &s.messages);
            turns(20);
        }
        assert_int_equal(s.ended, 0);
        kinesis_subscription_cancel(&s.s);
        kinesis_subscription_cancel(&s.s);
        assert_int_equal(s.ended, 0);
        fake_run_until(&t.fake, &s.ended);
        assert_int_equal(s.status, ERR_CANCELED);
        assert_int_equal(s.events, 0);
        turns(5);
    }
    json_free(j);
    arena_free(&a);
}

static void test_close_while_subscribed(void **state)
{
    (void)state;
    struct sub s = {0};
    open_stream(&s);
    close_kinesis();
    assert_int_equal(s.ended, 1);
    assert_int_equal(s.status, ERR_CANCELED);
}

static void test_silence(void **state)
{
    (void)state;
    struct sub s = {0};
    t.idle_ms = 50;
    open_stream(&s);
    fake_run_until(&t.fake, &s.ended);
    assert_int_equal(s.status, ERR_TIMEOUT);
}

#define BOTH(test)                                                                                 \
    {#test " HTTP/1.1", test, set_up, tear_down, NULL},                                            \
    {                                                                                              \
        #test " HTTP/2", test, set_up, tear_down, &t                                               \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_stream),
        cmocka_unit_test(test_vectors),
        BOTH(test_errors_of_the_stream),
        BOTH(test_broken_streams),
        BOTH(test_payload_is_no_event),
        BOTH(test_refused_messages_wait),
        BOTH(test_refused_before),
        BOTH(test_cancel_inside),
        BOTH(test_cancel_outside),
        BOTH(test_close_while_subscribed),
        BOTH(test_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
