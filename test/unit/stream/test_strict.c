// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "aws/aws_request.h"
#include "aws/kinesis.h"
#include "base/log.h"
#include "emulator/emulator.h"
#include "lib/test.h"
#include "lib/test_clock.h"

// Our signatures before a service that proves every one of them, with a clock of its own: two loops
// in one thread, the endpoint's on the true time, the gateway's on any.

#define ID "AKIDSTRICT"
#define SECRET "strict/secret+1"
#define TOKEN "session//token=="
#define DEADLINE_MS 60000
#define DAY_MS (24LL * 3600 * 1000)

static struct {
    struct test_clock clock;
    struct loop *loop, *service_loop;
    struct http_client *http;
    struct emulator *emulator;
    struct credentials_provider *credentials;
    struct kinesis *kinesis;
    char url[64];
    // The call.
    bool done;
    int status;
    char code[64], iterator[600];
    size_t n_records;
} t;

static void note(void *ctx)
{
    *(bool *)ctx = true;
}

static void run_until(const bool *flag)
{
    int64_t limit = clock_system.mono_ms(NULL) + DEADLINE_MS;
    while (!*flag) {
        assert_true(clock_system.mono_ms(NULL) < limit);
        loop_turn(t.loop, false);
        loop_turn(t.service_loop, false);
        // Waits between tries pass.
        t.clock.mono_ms++;
    }
}

static int set_up(void **state)
{
    struct err e = {0};
    struct emulator_stream stream = {"s", 1};
    struct emulator_options eo = {.access_key_id = ID,
                                  .secret_access_key = SECRET,
                                  .session_token = TOKEN,
                                  .streams = &stream,
                                  .n_streams = 1};
    (void)state;
    memset(&t, 0, sizeof t);
    log_set_level(LOG_ERROR);
    test_clock_init(&t.clock, 1);
    t.clock.wall_ms = clock_system.wall_ms(NULL);
    t.loop = loop_new(&t.clock.clock);
    t.service_loop = loop_new(&clock_system);
    assert_int_equal(emulator_new(t.service_loop, &eo, &t.emulator, &e), 0);
    snprintf(t.url, sizeof t.url, "http://127.0.0.1:%u", emulator_port(t.emulator));
    assert_int_equal(http_client_new(t.loop, &(struct http_client_options){0}, &t.http, &e), 0);
    return 0;
}

static void connect(const char *secret, const char *token, bool json_only)
{
    struct err e = {0};
    struct sigv4_credentials c = {SPAN(ID), span_str(secret), span_str(token)};
    t.credentials = credentials_new_static(t.loop, &c);
    struct kinesis_options o = {.aws = {.loop = t.loop,
                                        .http = t.http,
                                        .credentials = t.credentials,
                                        .region = SPAN("us-east-1"),
                                        .endpoint = span_str(t.url)},
                                .json_only = json_only};
    assert_int_equal(kinesis_new(&o, &t.kinesis, &e), 0);
}

static void disconnect(void)
{
    bool closed = false;
    kinesis_close(t.kinesis, note, &closed);
    run_until(&closed);
    credentials_free(t.credentials);
    t.kinesis = NULL;
}

static int tear_down(void **state)
{
    bool http = false, service = false;
    (void)state;
    if (t.kinesis) {
        disconnect();
    }
    http_client_close(t.http, note, &http);
    run_until(&http);
    emulator_close(t.emulator, note, &service);
    run_until(&service);
    loop_run(t.loop);
    loop_run(t.service_loop);
    loop_free(t.loop);
    loop_free(t.service_loop);
    log_set_level(LOG_INFO);
    return 0;
}

static void on_done(struct kinesis_call *call, int status, struct kinesis_output *out,
                    const struct aws_error *error)
{
    (void)call;
    t.done = true;
    t.status = status;
    t.code[0] = '\0';
    if (status < 0) {
        snprintf(t.code, sizeof t.code, "%.*s", SPAN_ARG(error->code));
        return;
    }
    snprintf(t.iterator, sizeof t.iterator, "%.*s", SPAN_ARG(out->iterator));
    t.n_records = out->n_records;
}

static int call(enum kinesis_op op, const struct kinesis_input *in)
{
    struct kinesis_call c = {.on_done = on_done};
    struct kinesis_call_options o = {.max_attempts = 1};
    t.done = false;
    assert_int_equal(kinesis_start(t.kinesis, &c, op, in, &o), 0);
    run_until(&t.done);
    return t.status;
}

static int describe(void)
{
    struct kinesis_input in = {.stream_name = SPAN("s")};
    return call(KINESIS_DESCRIBE_STREAM_SUMMARY, &in);
}

// Bytes with which a form that is re-encoded on the way would not fit its hash.
static void put_and_get(void)
{
    struct kinesis_put_entry entry = {.data = SPAN("\xff\x00 \"'\\\n+/="),
                                      .partition_key = SPAN("k\xc3\xa4 +")};
    struct kinesis_input put = {.stream_name = SPAN("s"), .entries = &entry, .n_entries = 1};
    struct kinesis_input from = {.stream_name = SPAN("s"),
                                 .shard_id = SPAN("shardId-000000000000"),
                                 .iterator_type = KINESIS_TRIM_HORIZON};
    assert_int_equal(call(KINESIS_PUT_RECORDS, &put), 0);
    assert_int_equal(call(KINESIS_GET_SHARD_ITERATOR, &from), 0);
    char iterator[sizeof t.iterator];
    memcpy(iterator, t.iterator, sizeof iterator);
    struct kinesis_input get = {.iterator = span_str(iterator), .limit = 10};
    assert_int_equal(call(KINESIS_GET_RECORDS, &get), 0);
    assert_true(t.n_records > 0);
}

static void test_bodies_and_token(void **state)
{
    (void)state;
    for (int json = 0; json < 2; json++) {
        connect(SECRET, TOKEN, json);
        put_and_get();
        assert_int_equal(kinesis_speaks_cbor(t.kinesis), !json);
        disconnect();
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *secret, *token, *code;
    } cases[] = {
        {SECRET "x", TOKEN, "InvalidSignatureException"},
        {SECRET, TOKEN "x", "UnrecognizedClientException"},
        {SECRET, "", "UnrecognizedClientException"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        connect(cases[i].secret, cases[i].token, false);
        assert_int_equal(describe(), ERR_AUTH);
        assert_string_equal(t.code, cases[i].code);
        assert_int_equal(emulator_calls(t.emulator, "DescribeStreamSummary"), i + 1);
        disconnect();
    }
}

static uint64_t calls(void)
{
    return emulator_calls(t.emulator, "DescribeStreamSummary");
}

// The clock is corrected by the reply, in either direction, once; the correction stays; and when
// somebody sets the clock, it is corrected anew.
static void test_clocks(void **state)
{
    (void)state;
    const int64_t offs[] = {5000 - t.clock.wall_ms, -3 * DAY_MS, 400 * DAY_MS, 6 * 60 * 1000,
                            -6 * 60 * 1000};
    const int64_t now = t.clock.wall_ms;
    for (size_t i = 0; i < sizeof offs / sizeof *offs; i++) {
        t.clock.wall_ms = now + offs[i];
        connect(SECRET, TOKEN, false);
        uint64_t before = calls();
        assert_int_equal(describe(), 0);
        assert_int_equal(calls(), before + 2);
        assert_int_equal(describe(), 0);
        assert_int_equal(calls(), before + 3);
        put_and_get();
        t.clock.wall_ms = now;
        assert_int_equal(describe(), 0);
        assert_int_equal(calls(), before + 5);
        assert_int_equal(describe(), 0);
        assert_int_equal(calls(), before + 6);
        disconnect();
    }
    // Within what the service takes nothing is corrected.
    t.clock.wall_ms = now + 4 * 60 * 1000;
    connect(SECRET, TOKEN, false);
    uint64_t before = calls();
    assert_int_equal(describe(), 0);
    assert_int_equal(calls(), before + 1);
}

// ---- one request by hand

struct raw {
    struct http_call call;
    bool done;
    int status, http_status;
};

static void on_raw_head(struct http_call *call, int status, struct http_headers h, int64_t length)
{
    (void)h;
    (void)length;
    ((struct raw *)call->data)->http_status = status;
}

static void on_raw_done(struct http_call *call, int status, const struct err *e)
{
    struct raw *r = call->data;
    (void)e;
    r->status = status;
    r->done = true;
}

static const struct http_call_events raw_events = {.on_head = on_raw_head, .on_done = on_raw_done};

static int send_raw(struct http_header *h, size_t n, struct span body)
{
    struct url url;
    struct err e = {0};
    struct raw r = {.call = {.data = &r, .ev = &raw_events}};
    assert_int_equal(url_parse(span_str(t.url), &url, &e), 0);
    struct http_call_options o = {.method = SPAN("POST"),
                                  .origin = &url,
                                  .target = SPAN("/"),
                                  .headers = {h, n},
                                  .body = body};
    assert_int_equal(http_client_start(t.http, &r.call, &o), 0);
    run_until(&r.done);
    assert_int_equal(r.status, 0);
    return r.http_status;
}

// The order of headers on the wire and the room around their values do not matter; any byte does.
static void test_header_order(void **state)
{
    (void)state;
    struct arena a = {0};
    struct sigv4_key key = {0};
    struct http_headers h;
    char host[80], body[] = "{\"StreamName\":\"s\"}";
    struct url url;
    struct err e = {0};
    assert_int_equal(url_parse(span_str(t.url), &url, &e), 0);
    struct sigv4_credentials c = {SPAN(ID), SPAN(SECRET), SPAN(TOKEN)};
    struct aws_request q = {.method = SPAN("POST"),
                            .path = SPAN("/"),
                            .host = span_of(host, http_host_value(&url, host, sizeof host)),
                            .content_type = SPAN("application/x-amz-json-1.1"),
                            .target = SPAN("Kinesis_20131202.DescribeStreamSummary"),
                            .body = span_str(body),
                            .region = SPAN("us-east-1"),
                            .service = SPAN("kinesis"),
                            .invocation_id = SPAN("0"),
                            .attempt = 1,
                            .max_attempts = 1,
                            .time_ms = t.clock.wall_ms};
    assert_int_equal(aws_request_sign(&q, &c, &key, &a, &h), 0);
    struct http_header *all = arena_array(&a, struct http_header, h.n);
    memcpy(all, h.h, h.n * sizeof *all);
    for (size_t turn = 0; turn < h.n; turn++) {
        struct http_header first = all[0];
        memmove(all, all + 1, (h.n - 1) * sizeof *all);
        all[h.n - 1] = first;
        assert_int_equal(send_raw(all, h.n, span_str(body)), 200);
    }
    for (size_t i = 0; i < h.n; i++) {
        struct http_header was = all[i];
        all[i].value = arena_printf(&a, "  %.*s ", SPAN_ARG(was.value));
        assert_int_equal(send_raw(all, h.n, span_str(body)), 200);
        bool free_text = span_ieq(was.name, SPAN("user-agent"));
        all[i].value = arena_printf(&a, "%.*sx", SPAN_ARG(was.value));
        assert_int_equal(send_raw(all, h.n, span_str(body)) == 200, free_text);
        all[i] = was;
    }
    for (size_t i = 0; i < sizeof body - 1; i++) {
        body[i] ^= 1;
        assert_int_equal(send_raw(all, h.n, span_str(body)), 400);
        body[i] ^= 1;
    }
    arena_free(&a);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_bodies_and_token),
        T(test_refused),
        T(test_clocks),
        T(test_header_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
