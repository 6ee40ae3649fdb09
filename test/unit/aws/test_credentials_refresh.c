// SPDX-License-Identifier: Apache-2.0
// Credentials that end: when they are fetched anew, what serves meanwhile, what a clock that is set
// does to it. A server on loopback stands in for the container agent and the metadata service; time
// moves only when told.
#include <stdio.h>
#include <time.h>

#include "aws/credentials.h"
#include "aws/credentials_value.h"
#include "base/log.h"
#include "io/worker.h"
#include "lib/test.h"
#include "lib/test_clock.h"
#include "net/http_client.h"
#include "net/http_server.h"

#define HOUR_MS (3600 * 1000)
#define MINUTE_MS (60 * 1000)

static struct {
    struct test_clock clock;
    struct loop *loop;
    struct worker_pool *pool;
    struct http_client *http;
    struct http_server *server;
    char url[64];
    bool instance; // the metadata service, else a container agent
    struct credentials_provider *p;
    // The server.
    int status;      // of its answers
    int64_t life_ms; // of the keys it gives
    int asked;       // for keys
    bool hold;
    struct http_exchange *held;
} t;

static const char *get_env(void *ctx, const char *name)
{
    static char url[100];
    (void)ctx;
    if (!t.instance && strcmp(name, "AWS_CONTAINER_CREDENTIALS_FULL_URI") == 0) {
        snprintf(url, sizeof url, "%s/keys", t.url);
        return url;
    }
    return t.instance && strcmp(name, "AWS_EC2_METADATA_SERVICE_ENDPOINT") == 0 ? t.url : NULL;
}

static void answer_keys(struct http_exchange *x)
{
    char text[300], end[40];
    time_t seconds = (time_t)((t.clock.wall_ms + t.life_ms) / 1000);
    struct tm tm;
    strftime(end, sizeof end, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &tm));
    snprintf(text, sizeof text,
             "{\"Code\":\"Success\",\"AccessKeyId\":\"K%d\",\"SecretAccessKey\":\"S\","
             "\"Token\":\"T\",\"Expiration\":\"%s\"}",
             t.asked, end);
    http_respond_type(x, t.status, "application/json", span_str(t.status == 200 ? text : ""));
}

static void on_request(void *ctx, struct http_exchange *x)
{
    (void)ctx;
    if (t.instance && span_has_suffix(http_path(x), SPAN("/token"))) {
        http_respond_type(x, 200, "text/plain", SPAN("token"));
    } else if (t.instance && span_has_suffix(http_path(x), SPAN("/"))) {
        http_respond_type(x, 200, "text/plain", SPAN("role"));
    } else {
        t.asked++;
        if (t.hold) {
            t.held = x;
        } else {
            answer_keys(x);
        }
    }
}

static int set_up(void **state)
{
    struct err e = {0};
    struct worker_options o = {.name = "test", .threads = 1};
    struct http_server_options so = {.host = SPAN("127.0.0.1"), .handler = on_request};
    struct http_client_options co = {0};
    (void)state;
    memset(&t, 0, sizeof t);
    t.status = 200;
    t.life_ms = 6 * HOUR_MS;
    test_clock_init(&t.clock, 1);
    t.loop = loop_new(&t.clock.clock);
    assert_int_equal(worker_pool_new(t.loop, &o, &t.pool), 0);
    assert_int_equal(http_server_new(t.loop, &so, &t.server, &e), 0);
    assert_int_equal(http_client_new(t.loop, &co, &t.http, &e), 0);
    snprintf(t.url, sizeof t.url, "http://127.0.0.1:%u", http_server_port(t.server));
    log_set_level(LOG_ERROR);
    return 0;
}

static void start_provider(bool instance)
{
    t.instance = instance;
    struct credentials_options o = {.loop = t.loop,
                                    .pool = t.pool,
                                    .http = t.http,
                                    .env = get_env,
                                    .instance_metadata = instance};
    t.p = credentials_new(&o);
}

static void note(void *ctx)
{
    *(bool *)ctx = true;
}

static void run_until(const bool *flag)
{
    while (!*flag) {
        loop_turn(t.loop, true);
    }
}

static int tear_down(void **state)
{
    bool closed[3] = {0};
    (void)state;
    if (t.held) {
        http_cut(t.held);
    }
    credentials_free(t.p);
    http_client_close(t.http, note, &closed[0]);
    run_until(&closed[0]);
    http_server_close(t.server, 0, note, &closed[1]);
    run_until(&closed[1]);
    worker_pool_close(t.pool, note, &closed[2]);
    run_until(&closed[2]);
    loop_run(t.loop);
    loop_free(t.loop);
    log_set_level(LOG_INFO);
    return 0;
}

struct got {
    struct credentials_get get;
    bool done;
    int status;
    char id[16];
};

static void on_get(struct credentials_get *g, int status, const struct sigv4_credentials *c,
                   const struct err *e)
{
    struct got *got = g->data;
    (void)e;
    assert_false(got->done);
    got->done = true;
    got->status = status;
    snprintf(got->id, sizeof got->id, "%.*s", SPAN_ARG(status == 0 ? c->access_key_id : SPAN_NONE));
}

static void start(struct got *got)
{
    *got = (struct got){.get = {.data = got, .cb = on_get}};
    credentials_get(t.p, &got->get);
}

// Waits between tries pass by a millisecond a turn.
static void turn(void)
{
    loop_turn(t.loop, false);
    test_clock_advance(&t.clock, 1);
}

static void expect(const char *id)
{
    struct got got;
    start(&got);
    while (!got.done) {
        turn();
    }
    assert_string_equal(got.id, id);
    assert_int_equal(got.status == 0, id[0] != '\0');
}

static bool failing(void)
{
    struct credentials_report r;
    credentials_report(t.p, &r);
    return r.error != NULL;
}

static void advance(int64_t ms)
{
    test_clock_advance(&t.clock, ms);
    loop_refresh(t.loop);
}

// A search that runs behind has brought these.
static void expect_behind(const char *id)
{
    struct got got;
    do {
        start(&got);
        while (!got.done) {
            turn();
        }
        assert_int_equal(got.status, 0);
    } while (strcmp(got.id, id) != 0);
}

static void test_refresh_behind(void **state)
{
    (void)state;
    struct got got[3];
    start_provider(false);
    for (int i = 0; i < 3; i++) {
        start(&got[i]);
    }
    while (!got[0].done || !got[1].done || !got[2].done) {
        turn();
    }
    assert_int_equal(t.asked, 1);
    advance(5 * HOUR_MS);
    expect("K1");
    loop_turn(t.loop, false);
    assert_int_equal(t.asked, 1);
    advance(50 * MINUTE_MS);
    t.hold = true;
    expect("K1");
    while (!t.held) {
        turn();
    }
    // One search at a time; the old keys serve meanwhile.
    expect("K1");
    expect("K1");
    assert_int_equal(t.asked, 2);
    answer_keys(t.held);
    t.held = NULL;
    t.hold = false;
    expect_behind("K2");
    assert_int_equal(t.asked, 2);
    assert_false(failing());
}

static void fail_refresh(void)
{
    t.status = 400;
    while (!failing()) {
        expect("K1");
    }
}

static void test_refresh_fails(void **state)
{
    (void)state;
    start_provider(false);
    expect("K1");
    advance(6 * HOUR_MS - 10 * MINUTE_MS);
    fail_refresh();
    assert_int_equal(t.asked, 2);
    // Not again at each use.
    expect("K1");
    expect("K1");
    assert_int_equal(t.asked, 2);
    advance(CREDENTIALS_RETRY_MS);
    t.status = 200;
    expect_behind("K3");
    assert_false(failing());
}

// Past their end keys are not used; with the source back the next request is served.
static void test_end(void **state)
{
    (void)state;
    start_provider(false);
    expect("K1");
    advance(6 * HOUR_MS - 10 * MINUTE_MS);
    fail_refresh();
    advance(10 * MINUTE_MS);
    expect("");
    t.status = 200;
    char id[16];
    snprintf(id, sizeof id, "K%d", t.asked + 1);
    expect(id);
}

// The metadata service's keys work on while it is in trouble.
static void test_end_of_instance_keys(void **state)
{
    (void)state;
    start_provider(true);
    expect("K1");
    advance(6 * HOUR_MS - 10 * MINUTE_MS);
    fail_refresh();
    int asked = t.asked;
    advance(9 * MINUTE_MS);
    expect("K1");
    assert_int_equal(t.asked, asked);
    advance(12 * MINUTE_MS);
    t.status = 200;
    expect_behind("K3");
}

// What had ended when it came is used and asked for again later: the service has the last word.
static void test_ended_at_once(void **state)
{
    (void)state;
    t.life_ms = -HOUR_MS;
    start_provider(false);
    expect("K1");
    expect("K1");
    advance(CREDENTIALS_ENDED_RETRY_MS - 1000);
    expect("K1");
    assert_int_equal(t.asked, 1);
    advance(1000);
    expect("K1");
    expect_behind("K2");
}

static void test_clock_is_set(void **state)
{
    (void)state;
    start_provider(false);
    expect("K1");
    const int64_t jumps[] = {48 * HOUR_MS, -400LL * 24 * HOUR_MS,
                             5000 - TEST_CLOCK_WALL_MS - 48 * HOUR_MS + 400LL * 24 * HOUR_MS,
                             HOUR_MS};
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        test_clock_jump(&t.clock, jumps[i]);
        expect("K1");
        loop_turn(t.loop, false);
    }
    assert_int_equal(t.asked, 1);
    advance(6 * HOUR_MS - 10 * MINUTE_MS);
    expect("K1");
    expect_behind("K2");
}

static void test_free_while_asking(void **state)
{
    (void)state;
    struct got got;
    start_provider(false);
    t.hold = true;
    start(&got);
    while (!t.held) {
        turn();
    }
    credentials_free(t.p);
    t.p = NULL;
    while (!got.done) {
        turn();
    }
    assert_int_equal(got.status, ERR_CANCELED);
}

static void test_client_closes(void **state)
{
    (void)state;
    struct got got;
    bool closed = false;
    struct http_client_options co = {0};
    struct err e = {0};
    start_provider(false);
    t.hold = true;
    start(&got);
    while (!t.held) {
        turn();
    }
    http_client_close(t.http, note, &closed);
    while (!closed) {
        turn();
    }
    // The search goes on to fail, without the client.
    credentials_free(t.p);
    t.p = NULL;
    while (!got.done) {
        turn();
    }
    assert_true(got.status < 0);
    assert_int_equal(http_client_new(t.loop, &co, &t.http, &e), 0);
}

static void check_schedule(int64_t life_ms, bool lasting, double unit, int64_t refresh_ms,
                           int64_t end_ms)
{
    struct source_value v = {.expires_ms = 1000000000 + life_ms, .issued_ms = 1000000000};
    struct credentials_schedule s = credentials_schedule(&v, lasting, 77, 500, unit);
    assert_true(s.ends);
    assert_int_equal(s.refresh_ms, 500 + refresh_ms);
    assert_int_equal(s.end_ms, end_ms == INT64_MAX ? INT64_MAX : 500 + end_ms);
    assert_int_equal(s.ended_at_once, life_ms <= 0);
    assert_int_equal(s.said_ms, 500 + life_ms);
}

static void test_schedule(void **state)
{
    (void)state;
    struct source_value never = {0};
    assert_false(credentials_schedule(&never, false, 1, 2, 0).ends);
    check_schedule(HOUR_MS, false, 0, 45 * MINUTE_MS, HOUR_MS);
    check_schedule(HOUR_MS, false, 0.5, 45 * MINUTE_MS - 150000, HOUR_MS);
    check_schedule(HOUR_MS, true, 0, 45 * MINUTE_MS, INT64_MAX);
    check_schedule(4000, false, 0, 2000, 4000);
    check_schedule(0, false, 0, CREDENTIALS_ENDED_RETRY_MS, INT64_MAX);
    check_schedule(-HOUR_MS, true, 0.5, 15 * MINUTE_MS, INT64_MAX);
    check_schedule(1000LL * HOUR_MS, false, 0, CREDENTIALS_LIFE_MAX_MS - 15 * MINUTE_MS,
                   CREDENTIALS_LIFE_MAX_MS);
    // Without the issuer's clock ours counts.
    struct source_value v = {.expires_ms = 1000 + HOUR_MS};
    assert_int_equal(credentials_schedule(&v, false, 1000, 0, 0).end_ms, HOUR_MS);
    // In 1970 that says nothing: the longest life counts, and the service's word.
    v.expires_ms = TEST_CLOCK_WALL_MS;
    assert_int_equal(credentials_schedule(&v, false, 0, 0, 0).end_ms, CREDENTIALS_LIFE_MAX_MS);
}

static void test_retry(void **state)
{
    (void)state;
    assert_int_equal(credentials_retry_after_ms(1, false, 0), 15000);
    assert_int_equal(credentials_retry_after_ms(2, false, 0), 30000);
    assert_int_equal(credentials_retry_after_ms(1000, false, 0), 150000);
    assert_true(credentials_retry_after_ms(1000, false, 0.9999) < CREDENTIALS_RETRY_MAX_MS);
    assert_int_equal(credentials_retry_after_ms(3, true, 0), CREDENTIALS_STATIC_RETRY_MS);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_refresh_behind),       T(test_refresh_fails), T(test_end),
        T(test_end_of_instance_keys), T(test_ended_at_once), T(test_clock_is_set),
        T(test_free_while_asking),    T(test_client_closes), cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_retry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
