// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "aws/aws_client.h"
#include "aws/circuit.h"
#include "aws/endpoint.h"
#include "aws_vectors.h"
#include "base/log.h"
#include "base/uuid.h"
#include "fake_aws.h"
#include "io/worker.h"

// One call and what it brought.
struct call {
    struct aws_call aws;
    int done; // times on_done ran
    int status, http_status, attempts;
    char code[64], message[ERR_MSG_MAX], type[64];
    struct buf body;
    int64_t size; // what on_size was told
    bool pause;   // what it shall do
    bool give_up; // what on_retry shall do
    int retries_asked;
};

static struct {
    struct fake fake;
    struct credentials_provider *credentials;
    struct aws_client *client;
} t;

static void new_client(struct span endpoint)
{
    struct err e = {0};
    struct aws_client_options o = {.loop = t.fake.loop,
                                   .http = t.fake.http,
                                   .credentials = t.credentials,
                                   .service = AWS_KINESIS,
                                   .region = SPAN("eu-west-1"),
                                   .endpoint = endpoint};
    if (aws_client_new(&o, &t.client, &e) < 0) {
        fail_msg("%s", e.msg);
    }
}

static int set_up(void **state)
{
    (void)state;
    struct sigv4_credentials c = {SPAN(FAKE_ID), SPAN(FAKE_SECRET), SPAN("session-token")};
    memset(&t, 0, sizeof t);
    fake_start(&t.fake);
    t.credentials = credentials_new_static(t.fake.loop, &c);
    new_client(span_str(t.fake.url));
    return 0;
}

static void note(void *ctx)
{
    *(int *)ctx = 1;
}

static void close_client(void)
{
    int closed = 0;
    aws_client_close(t.client, note, &closed);
    assert_int_equal(closed, 0);
    fake_run_until(&t.fake, &closed);
    t.client = NULL;
}

static int tear_down(void **state)
{
    (void)state;
    if (t.client) {
        close_client();
    }
    credentials_free(t.credentials);
    fake_stop(&t.fake);
    return 0;
}

static void on_done(struct aws_call *aws, int status, const struct aws_reply *reply)
{
    struct call *c = container_of(aws, struct call, aws);
    c->done++;
    c->status = status;
    c->http_status = reply->http_status;
    c->attempts = reply->attempts;
    snprintf(c->type, sizeof c->type, "%.*s", SPAN_ARG(reply->content_type));
    assert_true((status < 0) == (reply->error != NULL));
    if (reply->error) {
        snprintf(c->code, sizeof c->code, "%.*s", SPAN_ARG(reply->error->code));
        snprintf(c->message, sizeof c->message, "%.*s", SPAN_ARG(reply->error->message));
    }
    c->body = *reply->body;
    *reply->body = (struct buf){0};
}

static bool on_size(struct aws_call *aws, int64_t content_length)
{
    struct call *c = container_of(aws, struct call, aws);
    c->size = content_length;
    return !c->pause;
}

static bool on_retry(struct aws_call *aws, const struct aws_reply *reply)
{
    struct call *c = container_of(aws, struct call, aws);
    assert_non_null(reply->error);
    c->retries_asked++;
    return c->give_up;
}

static struct aws_call_options default_options(void)
{
    return (struct aws_call_options){.content_type = SPAN("application/x-amz-json-1.1"),
                                     .target = SPAN("Kinesis_20131202.ListStreams"),
                                     .body = SPAN("{}")};
}

static void start_with(struct call *c, const struct aws_call_options *o)
{
    *c = (struct call){.size = -2};
    c->aws.on_done = on_done;
    c->aws.on_size = on_size;
    c->aws.on_retry = on_retry;
    assert_int_equal(aws_call_start(t.client, &c->aws, o), 0);
    assert_int_equal(c->done, 0);
}

static void start(struct call *c)
{
    struct aws_call_options o = default_options();
    start_with(c, &o);
}

static void finish(struct call *c)
{
    fake_run_until(&t.fake, &c->done);
    buf_free(&c->body);
}

static void run(struct call *c)
{
    start(c);
    finish(c);
}

static void test_ok(void **state)
{
    (void)state;
    struct call c;
    struct uuid id;
    fake_json(&t.fake, 200, "{\"a\":1}");
    start(&c);
    fake_run_until(&t.fake, &c.done);
    assert_int_equal(c.status, 0);
    assert_int_equal(c.http_status, 200);
    assert_int_equal(c.attempts, 1);
    assert_string_equal(c.type, "application/x-amz-json-1.1");
    assert_span_is(buf_span(&c.body), "{\"a\":1}");
    assert_int_equal(c.size, 7);
    buf_free(&c.body);
    const struct fake_seen *seen = &t.fake.seen[0];
    assert_int_equal(t.fake.n_seen, 1);
    assert_true(seen->signature_ok);
    assert_string_equal(seen->method, "POST");
    assert_string_equal(seen->path, "/");
    assert_string_equal(seen->host, t.fake.url + strlen("http://"));
    assert_string_equal(seen->target, "Kinesis_20131202.ListStreams");
    assert_string_equal(seen->token, "session-token");
    assert_string_equal(seen->sdk_request, "attempt=1; max=3");
    assert_string_equal(seen->agent, "penstock/" PENSTOCK_VERSION);
    assert_true(uuid_parse(span_str(seen->invocation), &id));
    assert_span_is(buf_span(&seen->body), "{}");
}

static void test_path_and_method(void **state)
{
    (void)state;
    struct call c;
    char url[128];
    fake_json(&t.fake, 200, "{}");
    close_client();
    snprintf(url, sizeof url, "%s/base/", t.fake.url);
    new_client(span_str(url));
    struct aws_call_options o = {.method = SPAN("GET"), .path = SPAN("/x/%41")};
    start_with(&c, &o);
    finish(&c);
    assert_int_equal(c.status, 0);
    assert_string_equal(t.fake.seen[0].path, "/base/x/%41");
    assert_string_equal(t.fake.seen[0].method, "GET");
    assert_string_equal(t.fake.seen[0].target, "");
    assert_true(t.fake.seen[0].signature_ok);
}

static void test_retries(void **state)
{
    (void)state;
    struct call c;
    fake_add(&t.fake, 500, "text/html", SPAN("<html>"));
    fake_json(&t.fake, 400, "{\"__type\":\"ProvisionedThroughputExceededException\"}");
    fake_json(&t.fake, 200, "{}");
    run(&c);
    assert_int_equal(c.status, 0);
    assert_int_equal(c.attempts, 3);
    assert_int_equal(t.fake.n_seen, 3);
    assert_int_equal(c.retries_asked, 2);
    for (int i = 0; i < 3; i++) {
        char want[40];
        snprintf(want, sizeof want, "attempt=%d; max=3", i + 1);
        assert_string_equal(t.fake.seen[i].sdk_request, want);
        assert_string_equal(t.fake.seen[i].invocation, t.fake.seen[0].invocation);
        assert_true(t.fake.seen[i].signature_ok);
    }
}

static void test_retries_end(void **state)
{
    (void)state;
    struct call c;
    fake_json(&t.fake, 503, "{\"__type\":\"ServiceUnavailable\",\"message\":\"later\"}");
    run(&c);
    assert_int_equal(c.status, ERR_UNAVAILABLE);
    assert_int_equal(c.http_status, 503);
    assert_string_equal(c.code, "ServiceUnavailable");
    assert_string_equal(c.message, "later");
    assert_int_equal(t.fake.n_seen, 3);
    struct aws_call_options o = default_options();
    o.max_attempts = 1;
    start_with(&c, &o);
    finish(&c);
    assert_int_equal(t.fake.n_seen, 4);
    assert_int_equal(c.retries_asked, 0);
    // The owner of the call may know better.
    start(&c);
    c.give_up = true;
    finish(&c);
    assert_int_equal(t.fake.n_seen, 5);
    assert_int_equal(c.retries_asked, 1);
}

static void test_no_retry(void **state)
{
    (void)state;
    struct call c;
    fake_json(&t.fake, 400, "{\"__type\":\"a#ResourceNotFoundException\",\"Message\":\"no s\"}");
    run(&c);
    assert_int_equal(c.status, ERR_NOT_FOUND);
    assert_string_equal(c.code, "ResourceNotFoundException");
    assert_string_equal(c.message, "no s");
    assert_int_equal(t.fake.n_seen, 1);
    assert_int_equal(c.size, -2);
}

static void test_redirect(void **state)
{
    (void)state;
    struct call c;
    fake_add(&t.fake, 301, NULL, SPAN_NONE);
    run(&c);
    assert_int_equal(c.status, ERR_INVALID);
    assert_int_equal(t.fake.n_seen, 1);
}

static void test_retry_after(void **state)
{
    (void)state;
    struct call c;
    fake_add(&t.fake, 503, NULL, SPAN_NONE)->retry_after = "60";
    fake_json(&t.fake, 200, "{}");
    run(&c);
    assert_int_equal(c.status, 0);
    assert_true(t.fake.seen[1].time_ms - t.fake.seen[0].time_ms >= 60);
}

// What one client may spend on retries is bounded, however many calls fail.
static void test_retry_quota(void **state)
{
    (void)state;
    struct call c;
    fake_add(&t.fake, 500, NULL, SPAN_NONE);
    int granted = RETRY_BUCKET_CAPACITY / 14, calls = 0;
    do {
        assert_true(++calls < 40);
        run(&c);
        assert_int_equal(c.status, ERR_UNAVAILABLE);
    } while (c.attempts > 1);
    assert_int_equal(t.fake.n_seen, calls + granted);
    // A success gives a little back; one is not enough for a retry.
    t.fake.steps[0].status = 200;
    run(&c);
    t.fake.steps[0].status = 500;
    run(&c);
    assert_int_equal(c.attempts, 1);
}

static void test_clock_skew(void **state)
{
    (void)state;
    struct call c;
    struct aws_call_options o = default_options();
    const int64_t hour = 3600 * 1000;
    o.max_attempts = 1;
    fake_json(&t.fake, 400, "{\"__type\":\"InvalidSignatureException\",\"message\":\"expired\"}")
        ->date_off_ms = hour;
    fake_json(&t.fake, 200, "{}");
    log_set_level(LOG_ERROR);
    start_with(&c, &o);
    finish(&c);
    log_set_level(LOG_INFO);
    assert_int_equal(c.status, 0);
    assert_int_equal(c.attempts, 2);
    assert_string_not_equal(t.fake.seen[0].date, t.fake.seen[1].date);
    assert_true(t.fake.seen[1].signature_ok);
    // The correction stays.
    start_with(&c, &o);
    finish(&c);
    assert_int_equal(c.attempts, 1);
    assert_true(strcmp(t.fake.seen[2].date, t.fake.seen[0].date) > 0);
    int64_t off = aws_client_wall_ms(t.client) - loop_wall_ms(t.fake.loop);
    assert_in_range(off, hour - 60000, hour + 60000);
    assert_int_equal(t.fake.n_seen, 3);
}

// A refused signature is not the clock's fault when the clock is right, nor twice in one call.
static void test_wrong_secret(void **state)
{
    (void)state;
    struct call c;
    fake_json(&t.fake, 400, "{\"__type\":\"InvalidSignatureException\",\"message\":\"no\"}");
    run(&c);
    assert_int_equal(c.status, ERR_AUTH);
    assert_int_equal(c.attempts, 1);
    t.fake.steps[0].date_off_ms = 3600 * 1000;
    log_set_level(LOG_ERROR);
    run(&c);
    log_set_level(LOG_INFO);
    assert_int_equal(c.status, ERR_AUTH);
    assert_string_equal(c.code, "InvalidSignatureException");
    assert_int_equal(c.attempts, 2);
}

// A service whose clock runs away is not followed more than once a call.
static void test_clock_skew_once(void **state)
{
    (void)state;
    struct call c;
    for (int i = 1; i < 5; i++) {
        fake_json(&t.fake, 400, "{\"__type\":\"RequestTimeTooSkewed\"}")->date_off_ms =
            i * 3600 * 1000;
    }
    log_set_level(LOG_ERROR);
    run(&c);
    log_set_level(LOG_INFO);
    assert_int_equal(c.status, ERR_AUTH);
    assert_int_equal(c.attempts, 2);
}

// An environment whose credentials change with each request for them.
static int env_asked; // the key's number
static bool env_changes;

static const char *get_env(void *ctx, const char *name)
{
    (void)ctx;
    if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0) {
        static char id[32];
        snprintf(id, sizeof id, "AKID%d", env_changes ? env_asked++ : 0);
        return id;
    }
    return strcmp(name, "AWS_SECRET_ACCESS_KEY") == 0 ? FAKE_SECRET : NULL;
}

static void with_environment(bool changes, void (*check)(struct call *c))
{
    struct worker_pool *pool;
    struct worker_options o = {.name = "test", .threads = 1};
    struct call c;
    int closed = 0;
    env_asked = 0;
    env_changes = changes;
    assert_int_equal(worker_pool_new(t.fake.loop, &o, &pool), 0);
    close_client();
    credentials_free(t.credentials);
    t.credentials = credentials_new(&(struct credentials_options){
        .loop = t.fake.loop, .pool = pool, .http = t.fake.http, .env = get_env});
    new_client(span_str(t.fake.url));
    run(&c);
    check(&c);
    worker_pool_close(pool, note, &closed);
    fake_run_until(&t.fake, &closed);
}

static void check_refreshed(struct call *c)
{
    assert_int_equal(c->status, 0);
    assert_int_equal(c->attempts, 2);
    assert_true(t.fake.seen[0].signature_ok && t.fake.seen[1].signature_ok);
}

static void check_expired(struct call *c)
{
    assert_int_equal(c->status, ERR_AUTH);
    assert_string_equal(c->code, "ExpiredTokenException");
    assert_string_equal(c->message, "old");
}

static void check_expired_at_once(struct call *c)
{
    check_expired(c);
    assert_int_equal(c->attempts, 1);
}

static void check_expired_twice(struct call *c)
{
    check_expired(c);
    assert_int_equal(c->attempts, 2);
}

static void test_expired_token(void **state)
{
    (void)state;
    fake_json(&t.fake, 400, "{\"__type\":\"ExpiredTokenException\",\"message\":\"old\"}");
    fake_json(&t.fake, 200, "{}");
    with_environment(true, check_refreshed);
}

static void test_expired_token_same(void **state)
{
    (void)state;
    fake_json(&t.fake, 400, "{\"__type\":\"ExpiredTokenException\",\"message\":\"old\"}");
    with_environment(false, check_expired_at_once);
}

static void test_expired_token_again(void **state)
{
    (void)state;
    fake_json(&t.fake, 400, "{\"__type\":\"ExpiredTokenException\",\"message\":\"old\"}");
    with_environment(true, check_expired_twice);
}

static void check_repair_and_retries(struct call *c)
{
    assert_int_equal(c->status, 0);
    assert_int_equal(c->attempts, 4);
    assert_string_equal(t.fake.seen[3].sdk_request, "attempt=4; max=4");
}

// The repair does not count among the three tries.
static void test_repair_is_no_retry(void **state)
{
    (void)state;
    fake_add(&t.fake, 503, NULL, SPAN_NONE);
    fake_json(&t.fake, 400, "{\"__type\":\"ExpiredTokenException\"}");
    fake_add(&t.fake, 503, NULL, SPAN_NONE);
    fake_json(&t.fake, 200, "{}");
    with_environment(true, check_repair_and_retries);
}

static const char *no_env(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "AWS_EC2_METADATA_DISABLED") == 0 ? "true" : NULL;
}

static void test_no_credentials(void **state)
{
    (void)state;
    struct worker_pool *pool;
    struct worker_options o = {.name = "test", .threads = 1};
    struct call c;
    int closed = 0;
    assert_int_equal(worker_pool_new(t.fake.loop, &o, &pool), 0);
    close_client();
    credentials_free(t.credentials);
    t.credentials = credentials_new(&(struct credentials_options){
        .loop = t.fake.loop, .pool = pool, .http = t.fake.http, .env = no_env});
    new_client(span_str(t.fake.url));
    run(&c);
    assert_int_equal(c.status, ERR_AUTH);
    assert_int_equal(c.attempts, 0);
    assert_non_null(strstr(c.message, "AWS_ACCESS_KEY_ID is not set"));
    worker_pool_close(pool, note, &closed);
    fake_run_until(&t.fake, &closed);
}

static void test_connection_cut(void **state)
{
    (void)state;
    struct call c;
    fake_add(&t.fake, 0, NULL, SPAN_NONE);
    fake_json(&t.fake, 200, "{}");
    run(&c);
    assert_int_equal(c.status, 0);
    assert_int_equal(t.fake.n_seen, 2);
}

static void test_refused(void **state)
{
    (void)state;
    struct call c;
    close_client();
    // Port 1 of the loopback: nobody is there.
    new_client(SPAN("http://127.0.0.1:1"));
    run(&c);
    assert_int_equal(c.status, ERR_CONNECT);
    assert_int_equal(c.http_status, 0);
    assert_int_equal(c.attempts, 3);
    if (!strstr(c.message, "127.0.0.1")) {
        fail_msg("no address in \"%s\"", c.message);
    }
}

static int call_once(void)
{
    struct call c;
    struct aws_call_options o = default_options();
    o.max_attempts = 1;
    start_with(&c, &o);
    finish(&c);
    return c.status;
}

// An endpoint that gives no answers is left alone, but for a probe now and then.
static void test_circuit(void **state)
{
    (void)state;
    for (int i = 0; i < CIRCUIT_FAILURES; i++)
        fake_add(&t.fake, 0, NULL, SPAN_NONE);
    fake_json(&t.fake, 200, "{}");
    for (int i = 0; i < CIRCUIT_FAILURES; i++)
        assert_int_equal(call_once(), ERR_CLOSED);
    assert_int_equal(call_once(), ERR_CLOSED);
    assert_int_equal(t.fake.n_seen, CIRCUIT_FAILURES);
    while (t.fake.n_seen == CIRCUIT_FAILURES && call_once() < 0)
        loop_turn(t.fake.loop, false);
    assert_int_equal(call_once(), 0);
    assert_int_equal(t.fake.n_seen, CIRCUIT_FAILURES + 2);
}

// A probe whose reply takes long, as a subscription's does, keeps nobody waiting once it has begun.
static void test_a_long_probe(void **state)
{
    (void)state;
    struct call probe;
    struct aws_call_options o = default_options();
    o.max_attempts = 1;
    for (int i = 0; i < CIRCUIT_FAILURES; i++)
        fake_add(&t.fake, 0, NULL, SPAN_NONE);
    fake_json(&t.fake, 200, "{\"a\":1}");
    for (int i = 0; i < CIRCUIT_FAILURES; i++)
        assert_int_equal(call_once(), ERR_CLOSED);
    do {
        start_with(&probe, &o);
        probe.pause = true;
        while (probe.size == -2 && !probe.done)
            loop_turn(t.fake.loop, true);
    } while (probe.done);
    assert_int_equal(call_once(), 0);
    assert_int_equal(probe.done, 0);
    aws_call_resume(&probe.aws);
    finish(&probe);
    assert_int_equal(probe.status, 0);
}

// An error is an answer.
static void test_errors_do_not_open_the_circuit(void **state)
{
    (void)state;
    fake_json(&t.fake, 500, "{}");
    for (int i = 0; i < 2 * CIRCUIT_FAILURES; i++)
        assert_true(call_once() < 0);
    assert_int_equal(t.fake.n_seen, 2 * CIRCUIT_FAILURES);
}

static void test_body_limit(void **state)
{
    (void)state;
    struct call c;
    struct aws_call_options o = default_options();
    fake_json(&t.fake, 200, "0123456789");
    o.max_body = 10;
    start_with(&c, &o);
    finish(&c);
    assert_int_equal(c.status, 0);
    o.max_body = 9;
    start_with(&c, &o);
    finish(&c);
    assert_int_equal(c.status, ERR_LIMIT);
    assert_int_equal(t.fake.n_seen, 2);
}

static void test_take_body(void **state)
{
    (void)state;
    struct call c;
    struct buf body = {0};
    struct aws_call_options o = default_options();
    fake_json(&t.fake, 200, "{}");
    buf_add_str(&body, "{\"b\":2}");
    o.take_body = &body;
    start_with(&c, &o);
    assert_null(body.p);
    finish(&c);
    assert_span_is(buf_span(&t.fake.seen[0].body), "{\"b\":2}");
}

static void test_pause(void **state)
{
    (void)state;
    struct call c;
    struct buf big = {0};
    memset(buf_reserve(&big, 4000000), 'x', 4000000);
    buf_commit(&big, 4000000);
    fake_add(&t.fake, 200, "text/plain", buf_span(&big));
    start(&c);
    c.pause = true;
    while (c.size == -2) {
        loop_turn(t.fake.loop, true);
    }
    for (int i = 0; i < 50; i++) {
        loop_turn(t.fake.loop, false);
    }
    assert_int_equal(c.done, 0);
    aws_call_resume(&c.aws);
    fake_run_until(&t.fake, &c.done);
    assert_int_equal(c.status, 0);
    assert_int_equal(c.body.n, 4000000);
    buf_free(&c.body);
    buf_free(&big);
}

static void cancel_and_check(struct call *c)
{
    aws_call_cancel(&c->aws);
    aws_call_cancel(&c->aws);
    assert_int_equal(c->done, 0);
    finish(c);
    assert_int_equal(c->status, ERR_CANCELED);
    assert_string_equal(c->message, "the call was canceled");
    assert_int_equal(c->done, 1);
    // After the end: nothing happens.
    aws_call_cancel(&c->aws);
    aws_call_resume(&c->aws);
}

static void test_cancel_at_start(void **state)
{
    (void)state;
    struct call c;
    fake_json(&t.fake, 200, "{}");
    start(&c);
    cancel_and_check(&c);
    assert_int_equal(t.fake.n_seen, 0);
}

static void test_cancel_sent(void **state)
{
    (void)state;
    struct call c;
    fake_json(&t.fake, 200, "{}")->hold = true;
    start(&c);
    fake_run_until_held(&t.fake);
    cancel_and_check(&c);
}

static void test_cancel_paused(void **state)
{
    (void)state;
    struct call c;
    fake_json(&t.fake, 200, "{\"some\":\"body\"}");
    start(&c);
    c.pause = true;
    while (c.size == -2) {
        loop_turn(t.fake.loop, true);
    }
    cancel_and_check(&c);
}

static void test_cancel_waiting(void **state)
{
    (void)state;
    struct call c;
    fake_add(&t.fake, 503, NULL, SPAN_NONE)->retry_after = "4900";
    start(&c);
    while (c.retries_asked == 0) {
        loop_turn(t.fake.loop, true);
    }
    int64_t start_ms = clock_system.mono_ms(NULL);
    cancel_and_check(&c);
    assert_int_equal(t.fake.n_seen, 1);
    // Not when the delay is over.
    assert_true(clock_system.mono_ms(NULL) - start_ms < 4000);
}

static void test_close_while_pending(void **state)
{
    (void)state;
    struct call c[4];
    int closed = 0;
    fake_add(&t.fake, 503, NULL, SPAN_NONE)->retry_after = "4900";
    fake_json(&t.fake, 200, "{}")->hold = true;
    start(&c[0]);
    while (c[0].retries_asked == 0) {
        loop_turn(t.fake.loop, true);
    }
    start(&c[1]);
    fake_run_until_held(&t.fake);
    start(&c[2]);
    aws_client_close(t.client, note, &closed);
    struct aws_call_options o = default_options();
    assert_int_equal(aws_call_start(t.client, &c[3].aws, &o), ERR_CANCELED);
    fake_run_until(&t.fake, &closed);
    t.client = NULL;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(c[i].done, 1);
        assert_int_equal(c[i].status, ERR_CANCELED);
        buf_free(&c[i].body);
    }
}

// A call that frees itself, starts the next one and closes the client, all from its callback.
struct chain {
    struct aws_call aws;
    int left;
    int *closed;
};

static void on_chain(struct aws_call *aws, int status, const struct aws_reply *reply)
{
    struct chain *c = container_of(aws, struct chain, aws);
    (void)reply;
    assert_int_equal(status, 0);
    if (c->left == 0) {
        aws_client_close(t.client, note, c->closed);
    } else {
        struct chain *next = calloc(1, sizeof *next);
        *next = (struct chain){.left = c->left - 1, .closed = c->closed};
        next->aws.on_done = on_chain;
        struct aws_call_options o = default_options();
        assert_int_equal(aws_call_start(t.client, &next->aws, &o), 0);
    }
    free(c);
}

static void test_reentrant(void **state)
{
    (void)state;
    int closed = 0;
    struct aws_call_options o = default_options();
    struct chain *c = calloc(1, sizeof *c);
    *c = (struct chain){.left = 5, .closed = &closed};
    c->aws.on_done = on_chain;
    fake_json(&t.fake, 200, "{}");
    assert_int_equal(aws_call_start(t.client, &c->aws, &o), 0);
    fake_run_until(&t.fake, &closed);
    t.client = NULL;
    assert_int_equal(t.fake.n_seen, 6);
}

static void test_configuration(void **state)
{
    (void)state;
    struct err e = {0};
    struct aws_client *c = NULL;
    struct aws_client_options o = {.loop = t.fake.loop,
                                   .http = t.fake.http,
                                   .credentials = t.credentials,
                                   .service = AWS_KINESIS};
    int closed = 0;
    assert_int_equal(aws_client_new(&o, &c, &e), ERR_CONFIG);
    o.endpoint = SPAN("http://h");
    assert_int_equal(aws_client_new(&o, &c, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "AWS_REGION"));
    o.region = SPAN("eu-west-1");
    o.endpoint = SPAN("h:1");
    assert_int_equal(aws_client_new(&o, &c, &e), ERR_CONFIG);
    o.endpoint = SPAN("https://Example.com:8443/");
    assert_int_equal(aws_client_new(&o, &c, &e), 0);
    assert_span_is(aws_client_host(c), "example.com:8443");
    assert_true(aws_client_tls(c));
    aws_client_close(c, note, &closed);
    fake_run_until(&t.fake, &closed);
    o.endpoint = SPAN_NONE;
    closed = 0;
    assert_int_equal(aws_client_new(&o, &c, &e), 0);
    assert_span_is(aws_client_host(c), "kinesis.eu-west-1.amazonaws.com");
    aws_client_close(c, note, &closed);
    fake_run_until(&t.fake, &closed);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_ok),
        T(test_path_and_method),
        T(test_retries),
        T(test_retries_end),
        T(test_no_retry),
        T(test_redirect),
        T(test_retry_after),
        T(test_retry_quota),
        T(test_clock_skew),
        T(test_clock_skew_once),
        T(test_wrong_secret),
        T(test_expired_token),
        T(test_expired_token_same),
        T(test_expired_token_again),
        T(test_repair_is_no_retry),
        T(test_no_credentials),
        T(test_connection_cut),
        T(test_refused),
        T(test_circuit),
        T(test_a_long_probe),
        T(test_errors_do_not_open_the_circuit),
        T(test_body_limit),
        T(test_take_body),
        T(test_pause),
        T(test_cancel_at_start),
        T(test_cancel_sent),
        T(test_cancel_paused),
        T(test_cancel_waiting),
        T(test_close_while_pending),
        T(test_reentrant),
        T(test_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
