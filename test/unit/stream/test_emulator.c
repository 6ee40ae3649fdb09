// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "emulator/emulator.h"
#include "lib/test.h"
#include "stream/consumer.h"
#include "stream/producer.h"

// Producer and consumer over the real loop, HTTP client and Kinesis client against the local
// endpoint, with what goes wrong in life.

#define ID "AKIDEXAMPLE"
#define SECRET "secret"
#define DEADLINE_MS 60000
#define KEYS 50
#define RECORDS 3000

struct item {
    struct producer_entry en;
    char key[16], data[16];
};

static struct {
    struct loop *loop;
    struct http_client *http;
    struct emulator *emulator;
    struct credentials_provider *credentials;
    struct kinesis *kinesis;
    struct aws_client *control;
    struct budget budget;
    struct consumer *consumer;
    struct producer *producer;
    char url[64];
    struct item items[RECORDS];
    int n_put, n_got, n_batches, n_ended;
    int next[KEYS]; // number that comes next of each key
    int enough;
    int status;
    char text[600];
    struct shard_batch *held;
} t;

static void note(void *ctx)
{
    *(bool *)ctx = true;
}

static void run_until(bool (*done)(void))
{
    int64_t limit = clock_system.mono_ms(NULL) + DEADLINE_MS;
    while (!done()) {
        assert_true(clock_system.mono_ms(NULL) < limit);
        loop_turn(t.loop, true);
    }
}

static void run_until_set(const bool *flag)
{
    int64_t limit = clock_system.mono_ms(NULL) + DEADLINE_MS;
    while (!*flag) {
        assert_true(clock_system.mono_ms(NULL) < limit);
        loop_turn(t.loop, true);
    }
}

static void start(unsigned shards, bool limits)
{
    struct err e = {0};
    struct emulator_stream stream = {"tb-x", shards};
    struct emulator_options eo = {.access_key_id = ID,
                                  .secret_access_key = SECRET,
                                  .streams = &stream,
                                  .n_streams = 1,
                                  .limits = limits};
    memset(&t, 0, sizeof(t));
    log_set_level(LOG_ERROR);
    t.status = 1;
    t.loop = loop_new(&clock_system);
    assert_int_equal(emulator_new(t.loop, &eo, &t.emulator, &e), 0);
    snprintf(t.url, sizeof(t.url), "http://127.0.0.1:%u", emulator_port(t.emulator));
    assert_int_equal(http_client_new(t.loop, &(struct http_client_options){0}, &t.http, &e), 0);
    budget_init(&t.budget, 8 << 20, 4 << 20);
}

static void connect(const char *secret)
{
    struct err e = {0};
    struct sigv4_credentials c = {SPAN(ID), span_str(secret), SPAN_NONE};
    t.credentials = credentials_new_static(t.loop, &c);
    struct aws_client_options ao = {.loop = t.loop,
                                    .http = t.http,
                                    .credentials = t.credentials,
                                    .service = AWS_KINESIS,
                                    .region = SPAN("us-east-1"),
                                    .endpoint = span_str(t.url)};
    assert_int_equal(kinesis_new(&(struct kinesis_options){.aws = ao}, &t.kinesis, &e), 0);
    assert_int_equal(aws_client_new(&ao, &t.control, &e), 0);
}

static void on_stream(void *ctx, struct span identity)
{
    (void)ctx;
    assert_true(identity.n > 20);
    consumer_start_shards(t.consumer, NULL, 0);
}

static void take_record(struct span data)
{
    char text[16];
    int key, number;
    assert_true(data.n < sizeof(text));
    memcpy(text, data.p, data.n);
    text[data.n] = '\0';
    assert_int_equal(sscanf(text, "%d:%d", &key, &number), 2);
    assert_int_equal(number, t.next[key]); // once, and in order
    t.next[key]++;
    t.n_got++;
}

static void on_batch(void *ctx, struct shard_batch *b)
{
    (void)ctx;
    for (size_t i = 0; i < b->out.n_records; i++)
        take_record(b->out.records[i].data);
    t.n_batches++;
    t.n_ended += b->shard_end;
    consumer_ack(t.consumer, b);
}

static void on_status(void *ctx, int status, const char *text)
{
    (void)ctx;
    t.status = status;
    snprintf(t.text, sizeof(t.text), "%s", text);
}

static const struct consumer_events events = {on_stream, on_batch, on_status};

static void consume_by(struct span fan_out_consumer, int max_records, int calls_per_second)
{
    struct err e = {0};
    struct consumer_options o = {.loop = t.loop,
                                 .kinesis = t.kinesis,
                                 .budget = &t.budget,
                                 .stream_name = SPAN("tb-x"),
                                 .start = KINESIS_TRIM_HORIZON,
                                 .max_records = max_records,
                                 .poll_ms = 20,
                                 .calls_per_second = calls_per_second,
                                 .fan_out_consumer = fan_out_consumer,
                                 .subscription_ms = 6000, // lasts longer here
                                 .events = &events};
    assert_int_equal(consumer_new(&o, &t.consumer, &e), 0);
}

static void consume(int max_records, int calls_per_second)
{
    consume_by(SPAN_NONE, max_records, calls_per_second);
}

static void stop(void)
{
    bool done[6] = {false};
    if (t.consumer) {
        consumer_close(t.consumer, note, &done[0]);
        run_until_set(&done[0]);
        assert_int_equal(t.budget.used, 0);
    }
    if (t.producer) {
        producer_close(t.producer, note, &done[1]);
        run_until_set(&done[1]);
    }
    kinesis_close(t.kinesis, note, &done[2]);
    run_until_set(&done[2]);
    aws_client_close(t.control, note, &done[3]);
    run_until_set(&done[3]);
    credentials_free(t.credentials);
    http_client_close(t.http, note, &done[4]);
    run_until_set(&done[4]);
    emulator_close(t.emulator, note, &done[5]);
    run_until_set(&done[5]);
    loop_run(t.loop);
    loop_free(t.loop);
}

static void faults(const char *json)
{
    struct err e = {0};
    assert_int_equal(emulator_add_faults(t.emulator, span_str(json), &e), 0);
}

static void on_put(struct producer_entry *en, int status, const char *error)
{
    (void)en;
    (void)error;
    assert_int_equal(status, 0);
    t.n_put++;
}

static void put_all(void)
{
    int numbers[KEYS] = {0};
    struct producer_options o = {.loop = t.loop, .kinesis = t.kinesis, .max_backoff_ms = 300};
    assert_int_equal(producer_new(&o, &t.producer), 0);
    for (int i = 0; i < RECORDS; i++) {
        struct item *it = &t.items[i];
        struct err e = {0};
        int key = i * 7 % KEYS;
        snprintf(it->key, sizeof(it->key), "key-%d", key);
        snprintf(it->data, sizeof(it->data), "%d:%d", key, numbers[key]++);
        it->en = (struct producer_entry){.done = on_put,
                                         .stream_name = SPAN("tb-x"),
                                         .partition_key = span_str(it->key),
                                         .record = span_str(it->data)};
        assert_int_equal(producer_put(t.producer, &it->en, &e), 0);
    }
}

static bool all_put(void)
{
    return t.n_put == RECORDS;
}

static bool all_got(void)
{
    return t.n_got == RECORDS;
}

static bool half_got(void)
{
    return t.n_got >= RECORDS / 2;
}

static bool all_ended(void)
{
    return t.n_ended == 4;
}

static bool parents_ended(void)
{
    return t.n_ended >= 2;
}

static bool is_reading(void)
{
    return t.status == 0;
}

static bool is_failing(void)
{
    return t.status < 0;
}

struct control {
    struct aws_call call;
    bool done;
    int status;
};

static void on_control(struct aws_call *call, int status, const struct aws_reply *reply)
{
    struct control *c = container_of(call, struct control, call);
    (void)reply;
    c->status = status;
    c->done = true;
}

static void control(const char *target, const char *body)
{
    struct control c = {.call = {.on_done = on_control}};
    struct aws_call_options o = {.content_type = SPAN("application/x-amz-json-1.1"),
                                 .target = span_str(target),
                                 .body = span_str(body)};
    assert_int_equal(aws_call_start(t.control, &c.call, &o), 0);
    run_until_set(&c.done);
    assert_int_equal(c.status, 0);
}

static void test_all_that_goes_wrong(void **state)
{
    (void)state;
    start(2, false);
    connect(SECRET);
    faults("[{\"op\":\"GetRecords\",\"fault\":\"throttle\",\"count\":2},"
           "{\"op\":\"GetRecords\",\"fault\":\"expired_iterator\",\"probability\":0.1,\"count\":9},"
           "{\"op\":\"GetRecords\",\"fault\":\"cut\",\"probability\":0.1,\"seed\":2,\"count\":9},"
           "{\"op\":\"GetRecords\",\"fault\":\"empty\",\"probability\":0.1,\"seed\":3,\"count\":9},"
           "{\"op\":\"GetRecords\",\"fault\":\"redeliver\",\"probability\":0.2,\"seed\":4},"
           "{\"op\":\"GetRecords\",\"fault\":\"html\",\"after\":20,\"count\":2},"
           "{\"op\":\"ListShards\",\"fault\":\"internal\",\"count\":1},"
           "{\"op\":\"PutRecords\",\"fault\":\"partial\",\"probability\":0.5,\"seed\":5},"
           "{\"op\":\"PutRecords\",\"fault\":\"unavailable\",\"probability\":0.1,\"seed\":6}]");
    consume(100, 200);
    put_all();
    run_until(half_got);
    control("Kinesis_20131202.UpdateShardCount",
            "{\"StreamName\":\"tb-x\",\"TargetShardCount\":4,\"ScalingType\":\"UNIFORM_SCALING\"}");
    run_until(all_put);
    run_until(all_got);
    run_until(is_reading);
    run_until(parents_ended);
    assert_true(consumer_count_shards(t.consumer) >= 4);
    for (int k = 0; k < KEYS; k++)
        assert_int_equal(t.next[k], RECORDS / KEYS);
    stop();
}

static void test_merged_shards(void **state)
{
    (void)state;
    start(4, false);
    connect(SECRET);
    put_all();
    run_until(all_put);
    control("Kinesis_20131202.UpdateShardCount",
            "{\"StreamName\":\"tb-x\",\"TargetShardCount\":2,\"ScalingType\":\"UNIFORM_SCALING\"}");
    consume(1000, 200);
    run_until(all_got);
    run_until(all_ended);
    stop();
}

static void test_stays_below_the_limits_of_the_service(void **state)
{
    (void)state;
    start(1, true);
    connect(SECRET);
    for (int i = 0; i < 1200; i++) {
        char data[16];
        snprintf(data, sizeof(data), "0:%d", i);
        struct span record = span_str(data);
        assert_int_equal(emulator_put_record(t.emulator, SPAN("tb-x"), SPAN("k"), record), 0);
    }
    consume(50, 0);
    int64_t began = clock_system.mono_ms(NULL);
    while (t.n_got < 700)
        loop_turn(t.loop, true);
    struct shard_status s;
    consumer_get_shard(t.consumer, 0, &s);
    assert_int_equal(s.throttles, 0);
    assert_int_equal(s.errors, 0);
    // 14 calls: five at once, five a second later, and four after two.
    assert_in_range(clock_system.mono_ms(NULL) - began, 1900, 10000);
    stop();
}

struct flow {
    struct timer timer;
    int64_t began_ms;
};

// A record a millisecond.
static void put_next(struct timer *timer)
{
    struct flow *f = container_of(timer, struct flow, timer);
    while (t.n_put < clock_system.mono_ms(NULL) - f->began_ms) {
        char data[16];
        snprintf(data, sizeof(data), "0:%d", t.n_put++);
        struct span record = span_str(data);
        assert_int_equal(emulator_put_record(t.emulator, SPAN("tb-x"), SPAN("k"), record), 0);
    }
    timer_start(t.loop, &f->timer, 1);
}

static bool turned(void)
{
    struct shard_status s;
    consumer_get_shard(t.consumer, 0, &s);
    return s.calls == 2 && emulator_calls(t.emulator, "SubscribeToShard") == 2;
}

static bool enough_got(void)
{
    return t.n_got >= t.enough;
}

// The service ends a subscription when it accepts the next one.
static void test_turn_from_one_subscription_to_the_next(void **state)
{
    (void)state;
    struct shard_status s;
    start(1, false);
    connect(SECRET);
    consume_by(SPAN("penstock"), 100, 0);
    run_until(is_reading);
    struct flow f = {.timer.fire = put_next, .began_ms = clock_system.mono_ms(NULL)};
    put_next(&f.timer);
    run_until(turned);
    t.enough = t.n_put + 1000;
    run_until(enough_got);
    timer_stop(&f.timer);
    consumer_get_shard(t.consumer, 0, &s);
    assert_int_equal(s.calls, 2);
    assert_int_equal(s.errors + s.throttles, 0);
    assert_null(s.past_error);
    stop();
}

static void test_wrong_secret(void **state)
{
    (void)state;
    start(1, false);
    connect("wrong");
    consume(100, 0);
    run_until(is_failing);
    assert_int_equal(t.status, ERR_AUTH);
    assert_non_null(strstr(t.text, "InvalidSignatureException"));
    assert_non_null(strstr(t.text, "check accessKeyId and secretAccessKey"));
    assert_non_null(strstr(t.text, "127.0.0.1"));
    assert_null(strstr(t.text, "wrong:"));
    stop();
}

static void test_unreachable(void **state)
{
    (void)state;
    start(1, false);
    snprintf(t.url, sizeof(t.url), "http://127.0.0.1:1");
    connect(SECRET);
    consume(100, 0);
    run_until(is_failing);
    assert_int_equal(t.status, ERR_CONNECT);
    assert_non_null(strstr(t.text, "127.0.0.1:1"));
    assert_non_null(strstr(t.text, "check region, endpoint and the network"));
    stop();
}

static void test_missing_stream(void **state)
{
    (void)state;
    struct err e = {0};
    start(1, false);
    connect(SECRET);
    struct consumer_options o = {.loop = t.loop,
                                 .kinesis = t.kinesis,
                                 .budget = &t.budget,
                                 .stream_name = SPAN("tb-y"),
                                 .start = KINESIS_LATEST,
                                 .max_records = 10,
                                 .events = &events};
    assert_int_equal(consumer_new(&o, &t.consumer, &e), 0);
    run_until(is_failing);
    assert_int_equal(t.status, ERR_NOT_FOUND);
    assert_non_null(strstr(t.text, "stream tb-y not found at 127.0.0.1"));
    assert_int_equal(emulator_create_stream(t.emulator, "tb-y", 1, &e), 0);
    run_until(is_reading);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_that_goes_wrong),
        cmocka_unit_test(test_merged_shards),
        cmocka_unit_test(test_stays_below_the_limits_of_the_service),
        cmocka_unit_test(test_turn_from_one_subscription_to_the_next),
        cmocka_unit_test(test_wrong_secret),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_missing_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
