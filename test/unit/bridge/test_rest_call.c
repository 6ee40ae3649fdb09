// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"

#include <stdio.h>

#include "base/mem.h"

#include "bridge/rest_answer.h"
#include "bridge/rest_call.h"
#include "net/http_server.h"

// Pure parts --------------------------------------------------------------------------------------

static void repeats_what_it_may(void **state)
{
    (void)state;
    const struct {
        const char *method;
        int try, error, status;
        const char *after;
        bool again;
    } rows[] = {
        {"POST", 1, ERR_CONNECT, 0, "", true},  {"POST", 1, ERR_DNS, 0, "", true},
        {"POST", 1, ERR_TIMEOUT, 0, "", false}, {"POST", 1, ERR_CLOSED, 0, "", false},
        {"PATCH", 1, ERR_CLOSED, 0, "", false}, {"PUT", 1, ERR_CLOSED, 0, "", true},
        {"GET", 1, ERR_TIMEOUT, 0, "", true},   {"GET", 1, ERR_LIMIT, 0, "", false},
        {"GET", 1, ERR_TLS_CERT, 0, "", false}, {"POST", 1, 0, 503, "", true},
        {"POST", 1, 0, 429, "2", true},         {"POST", 1, 0, 429, "11", false},
        {"POST", 1, 0, 502, "", false},         {"DELETE", 1, 0, 502, "", true},
        {"GET", 1, 0, 500, "", false},          {"GET", 1, 0, 404, "", false},
        {"GET", 2, ERR_CONNECT, 0, "", true},   {"GET", REST_TRIES, ERR_CONNECT, 0, "", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = rest_retry_ms(span_str(rows[i].method), rows[i].try, rows[i].error,
                                   rows[i].status, span_str(rows[i].after), 0.5);
        if ((ms >= 0) != rows[i].again)
            fail_msg("row %zu: %lld", i, (long long)ms);
    }
    assert_true(rest_retry_ms(SPAN("GET"), 1, 0, 503, SPAN("3"), 0) >= 3000);
}

static void data_of_an_answer_is_json(void **state)
{
    struct arena a = {0};
    (void)state;
    assert_span_is(rest_json(&a, SPAN(" {\"n\":1.50}\n")), "{\"n\":1.50}");
    assert_span_is(rest_json(&a, SPAN("")), "{}");
    assert_span_is(rest_json(&a, SPAN("so \"it\" is")), "\"so \\\"it\\\" is\"");
    arena_free(&a);
}

// Calls -------------------------------------------------------------------------------------------

struct asked {
    struct hub_rest_request q;
    bool done;
    int status;
    char error[ERR_MSG_MAX];
};

static struct {
    struct loop *loop;
    struct http_client *http;
    struct http_server *server;
    struct rest_calls *calls;
    struct hub_run run;
    unsigned seen;
    struct http_exchange *parked[64];
    unsigned n_parked;
    bool park;
    int refusals; // so many 503 first
    char last[256];
    bool idle;
} f;

static void set_flag(void *ctx)
{
    *(bool *)ctx = true;
}

static void wait_for(const bool *flag)
{
    while (!*flag) {
        if (!loop_turn(f.loop, true) && !*flag)
            fail_msg("nothing is left to wait for");
    }
}

static void serve(void *ctx, struct http_exchange *x)
{
    (void)ctx;
    f.seen++;
    snprintf(f.last, sizeof f.last, "%.*s %.*s?%.*s %.*s|%.*s|%.*s", SPAN_ARG(http_method(x)),
             SPAN_ARG(http_path(x)), SPAN_ARG(http_query(x)),
             SPAN_ARG(http_request_header(x, "X-A")),
             SPAN_ARG(http_request_header(x, "Authorization")), SPAN_ARG(http_body(x)));
    if (f.park) {
        f.parked[f.n_parked++] = x;
    } else if (f.refusals > 0) {
        f.refusals--;
        http_respond_type(x, 503, "text/plain", SPAN("later"));
    } else if (span_is(http_path(x), "/none")) {
        http_respond_type(x, 404, "text/plain", SPAN("not here"));
    } else {
        http_respond_type(x, 200, "application/json", SPAN("{\"ok\":true}"));
    }
}

static int setup(void **state)
{
    struct err e = {0};
    struct http_server_options o = {.host = SPAN("127.0.0.1"), .handler = serve};
    struct http_client_options c = {0};
    (void)state;
    memset(&f, 0, sizeof f);
    f.loop = loop_new(&clock_system);
    assert_int_equal(http_server_new(f.loop, &o, &f.server, &e), 0);
    assert_int_equal(http_client_new(f.loop, &c, &f.http, &e), 0);
    f.calls = rest_calls_new(f.loop, f.http, set_flag, &f.idle);
    return 0;
}

static int teardown(void **state)
{
    bool http = false, server = false;
    (void)state;
    rest_calls_free(f.calls);
    http_client_close(f.http, set_flag, &http);
    wait_for(&http);
    http_server_close(f.server, 1000, set_flag, &server);
    wait_for(&server);
    arena_free(&f.run.arena);
    loop_run(f.loop);
    loop_free(f.loop);
    return 0;
}

static void on_answer(struct hub_rest_request *q, int status, const char *error)
{
    struct asked *a = q->data;
    assert_false(a->done);
    a->done = true;
    a->status = status;
    snprintf(a->error, sizeof a->error, "%s", error ? error : "");
    arena_free_wiped(&q->secret);
}

static int ask(struct asked *a, const struct hub_rest_config *c, const char *target,
               const char *body)
{
    struct err e = {0};
    *a = (struct asked){.q = {.data = a,
                              .done = on_answer,
                              .run = &f.run,
                              .config = c,
                              .node = c,
                              .password = SPAN("p"),
                              .body = span_str(body)}};
    a->q.url =
        arena_printf(&f.run.arena, "http://127.0.0.1:%u%s", http_server_port(f.server), target);
    static const struct convert_pair h[] = {{SPAN("X-A"), SPAN("b")}};
    a->q.headers = (struct convert_pairs){h, 1};
    int status = rest_call_submit(f.calls, &a->q, &e);
    snprintf(a->error, sizeof a->error, "%s", e.msg);
    if (status < 0)
        arena_free_wiped(&a->q.secret);
    return status;
}

static struct span metadata_of(const struct asked *a, const char *key)
{
    for (size_t i = 0; i < a->q.answer.metadata.n; i++) {
        if (span_is(a->q.answer.metadata.p[i].key, key))
            return a->q.answer.metadata.p[i].value;
    }
    return SPAN_NONE;
}

#define POST {.method = SPAN("POST"), .max_buffer_bytes = 1024}

static void an_answer_comes_back(void **state)
{
    struct hub_rest_config c = POST;
    struct asked a;
    (void)state;
    c.basic = true;
    c.username = SPAN("u");
    c.plain_text = true;
    assert_int_equal(ask(&a, &c, "/x?y=1", "\"te\\\"xt\""), 0);
    wait_for(&a.done);
    assert_int_equal(a.status, 0);
    assert_string_equal(f.last, "POST /x?y=1 b|Basic dTpw|te\"xt");
    assert_span_is(a.q.answer.json, "{\"ok\":true}");
    assert_span_is(metadata_of(&a, "status"), "OK");
    assert_span_is(metadata_of(&a, "statusCode"), "200");
    assert_span_is(metadata_of(&a, "Content-Type"), "application/json");
}

static void errors_are_told(void **state)
{
    struct hub_rest_config c = POST;
    struct asked a;
    (void)state;
    assert_int_equal(ask(&a, &c, "/none", "{}"), 0);
    wait_for(&a.done);
    assert_int_equal(a.status, ERR_UNAVAILABLE);
    assert_string_equal(a.error, "127.0.0.1 answered 404 Not Found");
    assert_false(a.q.answer.json.p);
    assert_span_is(metadata_of(&a, "status"), "NOT_FOUND");
    assert_span_is(metadata_of(&a, "error_body"), "not here");
    assert_true(span_is(metadata_of(&a, "error"), a.error));
    assert_int_equal(ask(&a, &c, "/a b", "{}"), ERR_INVALID);
    c.max_buffer_bytes = 4;
    assert_int_equal(ask(&a, &c, "/x", "{}"), 0);
    wait_for(&a.done);
    assert_int_equal(a.status, ERR_LIMIT);
}

static void a_refused_request_is_repeated(void **state)
{
    struct hub_rest_config c = POST;
    struct asked a;
    (void)state;
    f.refusals = 1;
    assert_int_equal(ask(&a, &c, "/x", "{}"), 0);
    wait_for(&a.done);
    assert_int_equal(a.status, 0);
    assert_int_equal(f.seen, 2);
}

static void release(void)
{
    while (f.n_parked)
        http_respond_type(f.parked[--f.n_parked], 200, "text/plain", SPAN_NONE);
}

static void so_many_at_a_time(void **state)
{
    struct hub_rest_config c = POST;
    struct asked a[5];
    unsigned done = 0;
    (void)state;
    c.max_parallel = 2;
    f.park = true;
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask(&a[i], &c, "/x", "{}"), 0);
    while (done < 5) {
        assert_true(f.n_parked <= 2);
        if (f.n_parked == 2 || done == 4)
            release();
        loop_turn(f.loop, true);
        done = 0;
        for (int i = 0; i < 5; i++)
            done += a[i].done;
        assert_true(f.seen <= done + 2);
    }
    assert_int_equal(f.seen, 5);
}

static void the_line_is_bounded(void **state)
{
    struct hub_rest_config c = POST;
    struct asked a[4];
    (void)state;
    c.max_parallel = 1;
    f.park = true;
    char *big = mem_zalloc(REST_WAITING_BYTES);
    memset(big, 'x', REST_WAITING_BYTES - 1);
    assert_int_equal(ask(&a[0], &c, "/x", "{}"), 0);
    assert_int_equal(ask(&a[1], &c, "/x", "{}"), 0);
    assert_int_equal(ask(&a[2], &c, "/x", big), ERR_BUSY);
    mem_free(big);
    while (!f.n_parked)
        loop_turn(f.loop, true);
    rest_calls_stop(f.calls);
    assert_int_equal(ask(&a[3], &c, "/x", "{}"), ERR_CANCELED);
    wait_for(&f.idle);
    assert_int_equal(a[0].status, ERR_CANCELED);
    assert_int_equal(a[1].status, ERR_CANCELED);
    release();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats_what_it_may),
        cmocka_unit_test(data_of_an_answer_is_json),
        TEST(an_answer_comes_back),
        TEST(errors_are_told),
        TEST(a_refused_request_is_repeated),
        TEST(so_many_at_a_time),
        TEST(the_line_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
