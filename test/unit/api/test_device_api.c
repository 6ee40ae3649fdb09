// SPDX-License-Identifier: Apache-2.0
// What devices call, and their credentials.

#include "api/api.h"

#include <stdio.h>

#include "api/internal.h"
#include "fixture.h"
#include "hub/rpc.h"
#include "lib/test.h"

static struct fixture f;
static char device[UUID_TEXT_LEN + 1];

static struct json *call(const char *method, const char *target, const char *body, int want)
{
    return fixture_expect(&f, method, target, body, want);
}

static int setup(void **state)
{
    (void)state;
    f = (struct fixture){0};
    fixture_begin(&f);
    fixture_keep_id(call("POST", "/api/device?accessToken=TOKEN1", "{\"name\":\"d1\"}", 200),
                    device);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_end(&f);
    fixture_remove_dir(&f);
    return 0;
}

static const char *url(const char *fmt, const char *arg)
{
    static char text[300];
    snprintf(text, sizeof text, fmt, arg);
    return text;
}

static int as_device(const char *method, const char *target, const char *body)
{
    return fixture_call(&f, method, target, SPAN_NONE, body);
}

// The answer as text.
static void expect_body(const char *target, const char *want)
{
    struct reply r;
    fixture_send(&f, &r, "GET", target, SPAN_NONE, "");
    fixture_wait(&f, &r.done);
    assert_int_equal(r.status, 200);
    if (!span_is(buf_span(&r.body), want))
        fail_msg("%.*s, not %s", SPAN_ARG(buf_span(&r.body)), want);
    reply_free(&r);
}

static void credentials_of(const char *id, char out[100])
{
    struct json *j = call("GET", url("/api/device/%s/credentials", id), "", 200);
    snprintf(out, 100, "%.*s", SPAN_ARG(json_get_str(j, "credentialsId", SPAN_NONE)));
    assert_span_is(json_get_str(j, "credentialsType", SPAN_NONE), "ACCESS_TOKEN");
    json_free(j);
}

static void set_token(const char *id, const char *text, int want)
{
    char body[400];
    snprintf(body, sizeof body,
             "{\"deviceId\":{\"entityType\":\"DEVICE\",\"id\":\"%s\"},\"credentialsType\":"
             "\"ACCESS_TOKEN\",\"credentialsId\":\"%s\"}",
             id, text);
    json_free(call("POST", "/api/device/credentials", body, want));
}

static void tokens_are_made_kept_and_changed(void **state)
{
    char text[100], again[100], other[UUID_TEXT_LEN + 1];
    (void)state;
    credentials_of(device, text);
    assert_string_equal(text, "TOKEN1");
    fixture_keep_id(call("POST", "/api/device", "{\"name\":\"d2\"}", 200), other);
    credentials_of(other, text);
    assert_int_equal(strlen(text), 20);
    set_token(other, "TOKEN1", 400);
    set_token(other, "a b", 400);
    set_token(other, "", 400);
    json_free(call("POST", "/api/device?accessToken=TOKEN1", "{\"name\":\"d3\"}", 400));
    set_token(device, "TOKEN2", 200);
    assert_int_equal(as_device("POST", "/api/v1/TOKEN1/telemetry", "{\"t\":1}"), 401);
    assert_int_equal(as_device("POST", "/api/v1/TOKEN2/telemetry", "{\"t\":1}"), 200);
    set_token(other, "TOKEN1", 200); // it is free
    fixture_end(&f);
    fixture_begin(&f);
    credentials_of(device, again);
    assert_string_equal(again, "TOKEN2");
    json_free(call("DELETE", url("/api/device/%s", device), "", 200));
    assert_int_equal(as_device("POST", "/api/v1/TOKEN2/telemetry", "{\"t\":1}"), 401);
    set_token(other, "TOKEN2", 200);
    assert_int_equal(as_device("POST", "/api/v1/TOKEN2/telemetry", "{\"t\":1}"), 200);
}

#define OTHER_KEY "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="

static void start_again_with(const char *secret_key)
{
    fixture_end(&f);
    f.secret_key = secret_key;
    fixture_begin(&f);
}

static void a_token_outlives_a_change_of_the_key_but_not_its_loss(void **state)
{
    char text[100];
    (void)state;
    start_again_with(OTHER_KEY);
    assert_int_equal(as_device("POST", "/api/v1/TOKEN1/telemetry", "{\"t\":1}"), 401);
    struct json *j = call("GET", url("/api/device/%s/credentials", device), "", 500);
    assert_non_null(strstr(json_get_str(j, "message", SPAN_NONE).p, "bring it back"));
    json_free(j);
    // The key is there again, behind another.
    start_again_with(OTHER_KEY " " FIXTURE_SECRET_KEY);
    assert_int_equal(as_device("POST", "/api/v1/TOKEN1/telemetry", "{\"t\":1}"), 200);
    credentials_of(device, text);
    assert_string_equal(text, "TOKEN1");
    start_again_with(OTHER_KEY);
    assert_int_equal(as_device("POST", "/api/v1/TOKEN1/telemetry", "{\"t\":1}"), 200);
    // Gone for good: the device gets another, or the same once more.
    start_again_with(FIXTURE_SECRET_KEY);
    assert_int_equal(as_device("POST", "/api/v1/TOKEN1/telemetry", "{\"t\":1}"), 401);
    set_token(device, "TOKEN1", 200);
    assert_int_equal(as_device("POST", "/api/v1/TOKEN1/telemetry", "{\"t\":1}"), 200);
    start_again_with(FIXTURE_SECRET_KEY);
    assert_int_equal(as_device("POST", "/api/v1/TOKEN1/telemetry", "{\"t\":1}"), 200);
}

static void devices_post_and_read(void **state)
{
    (void)state;
    assert_int_equal(as_device("POST", "/api/v1/TOKEN1/telemetry",
                               "[{\"ts\":1700000000000,\"values\":{\"t\":22,\"n\":null}},"
                               "{\"ts\":1700000000001,\"values\":{\"t\":23}}]"),
                     200);
    struct json *j =
        call("GET", url("/api/plugins/telemetry/DEVICE/%s/values/timeseries", device), "", 200);
    assert_span_is(json_get_str(json_child(json_get(j, "t")), "value", SPAN_NONE), "23");
    assert_null(json_get(j, "n"));
    json_free(j);
    assert_int_equal(as_device("POST", "/api/v1/TOKEN1/telemetry", "22"), 400);
    assert_int_equal(as_device("POST", "/api/v1/NONE/telemetry", "{}"), 401);
    assert_int_equal(
        as_device("POST", "/api/v1/TOKEN1/attributes", "{\"fw\":\"1.0\",\"hw\":2,\"x\":null}"),
        200);
    json_free(call("POST", url("/api/plugins/telemetry/DEVICE/%s/attributes/SHARED_SCOPE", device),
                   "{\"v\":true}", 200));
    json_free(call("POST", url("/api/plugins/telemetry/DEVICE/%s/attributes/SERVER_SCOPE", device),
                   "{\"s\":1}", 200));
    expect_body("/api/v1/TOKEN1/attributes",
                "{\"client\":{\"fw\":\"1.0\",\"hw\":2},\"shared\":{\"v\":true}}");
    expect_body("/api/v1/TOKEN1/attributes?clientKeys=hw,none&sharedKeys=s",
                "{\"client\":{\"hw\":2}}");
    expect_body("/api/v1/TOKEN1/attributes?allSharedKeys=true", "{\"shared\":{\"v\":true}}");
    assert_int_equal(as_device("GET", "/api/v1/NONE/attributes", ""), 401);
    assert_int_equal(as_device("POST", "/api/v1/TOKEN1/claim", "{}"), 404);
    assert_int_equal(as_device("POST", "/api/v1/provision", "{}"), 404);
}

static void expect(struct reply *r, int status, const char *body)
{
    fixture_wait(&f, &r->done);
    assert_int_equal(r->status, status);
    if (body && !span_is(buf_span(&r->body), body))
        fail_msg("%.*s, not %s", SPAN_ARG(buf_span(&r->body)), body);
    reply_free(r);
}

static void start_poll(struct reply *r)
{
    fixture_send(&f, r, "GET", "/api/v1/TOKEN1/rpc", SPAN_NONE, "");
}

// Changes of shared attributes --------------------------------------------------------------------

#define SHARED "/api/plugins/telemetry/DEVICE/%s/SHARED_SCOPE"

static void start_updates(struct reply *r)
{
    fixture_send(&f, r, "GET", "/api/v1/TOKEN1/attributes/updates", SPAN_NONE, "");
}

// Polls that were sent before are parked by now.
static void let_park(void)
{
    while (list_empty(&f.api->polls))
        assert_int_equal(as_device("GET", "/api/v1/TOKEN1/attributes", ""), 200);
}

static void expect_update(const char *method, const char *target, const char *body,
                          const char *want)
{
    struct reply poll;
    start_updates(&poll);
    let_park();
    json_free(call(method, target, body, 200));
    expect(&poll, 200, want);
}

static void shared_attributes_that_change_are_told(void **state)
{
    (void)state;
    expect_update("POST", url(SHARED, device), "{\"a\":1,\"b\":\"x\\\"y\",\"c\":{\"d\":[true]}}",
                  "{\"a\":1,\"b\":\"x\\\"y\",\"c\":{\"d\":[true]}}");
    expect_update("DELETE", url(SHARED "?keys=a,none", device), "",
                  "{\"deleted\":[\"a\",\"none\"]}");
    // Not what others save, or the device itself.
    struct reply poll;
    start_updates(&poll);
    let_park();
    json_free(call("POST", url("/api/plugins/telemetry/DEVICE/%s/SERVER_SCOPE", device),
                   "{\"s\":1}", 200));
    json_free(call("DELETE", url("/api/plugins/telemetry/DEVICE/%s/CLIENT_SCOPE?keys=b", device),
                   "", 200));
    assert_int_equal(as_device("POST", "/api/v1/TOKEN1/attributes", "{\"fw\":1}"), 200);
    assert_false(poll.done);
    json_free(call("POST", url(SHARED, device), "{\"a\":2}", 200));
    expect(&poll, 200, "{\"a\":2}");
}

static void waits_for_changes_end(void **state)
{
    struct reply polls[2];
    (void)state;
    assert_int_equal(as_device("GET", "/api/v1/TOKEN1/attributes/updates?timeout=20", ""), 408);
    assert_int_equal(as_device("GET", "/api/v1/TOKEN1/attributes/updates?timeout=x", ""), 400);
    assert_int_equal(as_device("GET", "/api/v1/NONE/attributes/updates", ""), 401);
    start_updates(&polls[0]);
    let_park();
    start_poll(&polls[1]);
    while (f.api->polls.next->next == &f.api->polls)
        assert_int_equal(as_device("GET", "/api/v1/TOKEN1/attributes", ""), 200);
    json_free(call("DELETE", url("/api/device/%s", device), "", 200));
    for (int i = 0; i < 2; i++)
        expect(&polls[i], 403, "");
    assert_int_equal(as_device("GET", "/api/v1/TOKEN1/attributes/updates", ""), 401);
}

// Calls -------------------------------------------------------------------------------------------

#define CALL "{\"method\":\"set\",\"params\":{\"v\":1},\"timeout\":30000}"
#define QUICK "{\"method\":\"set\",\"timeout\":50}"

static void send_call(struct reply *r, const char *way, const char *body)
{
    fixture_send(&f, r, "POST", url(way, device), f.token, body);
}

static void expect_status(const char *way, const char *body, int status)
{
    struct reply r;
    send_call(&r, way, body);
    expect(&r, status, NULL);
}

// What the device gets; its id.
static int64_t take_call(struct reply *poll)
{
    fixture_wait(&f, &poll->done);
    assert_int_equal(poll->status, 200);
    struct json *j = json_parse(buf_span(&poll->body), NULL);
    assert_span_is(json_get_str(j, "method", SPAN_NONE), "set");
    int64_t id = json_get_int(j, "id", -1);
    json_free(j);
    reply_free(poll);
    return id;
}

static void reply_as_device(int64_t id, const char *body, int status)
{
    char target[100];
    snprintf(target, sizeof target, "/api/v1/TOKEN1/rpc/%lld", (long long)id);
    assert_int_equal(as_device("POST", target, body), status);
}

static void a_call_reaches_a_device_that_waits_and_one_that_asks_later(void **state)
{
    struct reply poll, rest;
    (void)state;
    for (int later = 0; later < 2; later++) {
        if (!later)
            start_poll(&poll);
        send_call(&rest, "/api/rpc/twoway/%s", CALL);
        if (later) {
            assert_int_equal(as_device("GET", "/api/v1/TOKEN1/attributes", ""), 200);
            start_poll(&poll);
        }
        int64_t id = take_call(&poll);
        reply_as_device(id, "no JSON", 400);
        reply_as_device(id + 1000, "{}", 200);
        reply_as_device(id, "{\"ok\":1}", 200);
        expect(&rest, 200, "{\"ok\":1}");
        reply_as_device(id, "{}", 200); // nobody waits for it
    }
    start_poll(&poll);
    send_call(&rest, "/api/plugins/rpc/oneway/%s", CALL);
    take_call(&poll);
    expect(&rest, 200, "");
}

static void calls_end_in_time(void **state)
{
    struct reply poll, rest;
    (void)state;
    expect_status("/api/rpc/twoway/%s", QUICK, 504);
    expect_status("/api/rpc/oneway/%s", QUICK, 504);
    expect_status("/api/plugins/rpc/twoway/%s", QUICK, 409);
    start_poll(&poll);
    // Less than the HTTP client waits.
    send_call(&rest, "/api/plugins/rpc/twoway/%s",
              "{\"method\":\"set\",\"params\":{\"v\":1},\"timeout\":20000}");
    take_call(&poll);
    fixture_advance(&f, 20000);
    expect(&rest, 408, NULL);
    expect_status("/api/rpc/twoway/%s", "{\"params\":1}", 400);
    expect_status("/api/rpc/twoway/%s", "{\"method\":\"m\",\"persistent\":true}", 400);
    expect_status("/api/rpc/twoway/%s", "{\"method\":\"m\",\"timeout\":0}", 400);
    assert_int_equal(as_device("GET", "/api/v1/TOKEN1/rpc?timeout=20", ""), 408);
    assert_int_equal(as_device("GET", "/api/v1/NONE/rpc", ""), 401);
}

struct held {
    struct hub_rpc_call call;
    int status;
};

static void on_held(struct hub_rpc_call *c, int status, struct span json)
{
    (void)json;
    container_of(c, struct held, call)->status = status;
}

static void calls_of_a_device_are_bounded_and_end_with_the_program(void **state)
{
    static struct held held[RPC_DEVICE_MAX];
    struct store_device *d = hub_find_device(f.hub, SPAN("d1"));
    struct err e = {0};
    (void)state;
    for (int i = 0; i < RPC_DEVICE_MAX; i++) {
        held[i] = (struct held){.call = {.done = on_held}};
        assert_int_equal(hub_rpc_call(f.hub, &held[i].call, d,
                                      SPAN("{\"method\":\"m\",\"params\":1}"), false, 60000, &e),
                         0);
    }
    expect_status("/api/rpc/twoway/%s", CALL, 429);
    hub_stop_calls(f.hub);
    for (int i = 0; i < RPC_DEVICE_MAX; i++)
        assert_int_equal(held[i].status, ERR_CANCELED);
    expect_status("/api/rpc/twoway/%s", CALL, 503);
}

// A transform by `script`, whose result each of the `n` nodes gets, as the only chain.
static void set_nodes(const char *script, const char *nodes, int n)
{
    struct buf b = {0};
    struct json *page = call("GET", "/api/ruleChains?pageSize=10&page=0", "", 200);
    buf_printf(
        &b,
        "{\"ruleChainId\":{\"entityType\":\"RULE_CHAIN\",\"id\":\"%.*s\"},"
        "\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.transform.TbTransformMsgNode\","
        "\"name\":\"t\",\"configuration\":{\"jsScript\":\"%s\"}},%s],\"connections\":[",
        SPAN_ARG(json_get_str(json_get(json_child(json_get(page, "data")), "id"), "id", SPAN_NONE)),
        script, nodes);
    for (int i = 1; i <= n; i++)
        buf_printf(&b, "%s{\"fromIndex\":0,\"toIndex\":%d,\"type\":\"Success\"}", i > 1 ? "," : "",
                   i);
    buf_add_str(&b, "]}");
    json_free(call("POST", "/api/ruleChain/metadata", buf_cstr(&b), 200));
    json_free(page);
    buf_free(&b);
}

static void set_chain(const char *script, const char *type, const char *configuration)
{
    struct buf b = {0};
    buf_printf(&b, "{\"type\":\"x.rpc.%s\",\"name\":\"r\",\"configuration\":%s}", type,
               configuration);
    set_nodes(script, buf_cstr(&b), 1);
    buf_free(&b);
}

static void wait_for_scripts(uint64_t runs)
{
    struct convert_stats s;
    do {
        loop_turn(f.loop, true);
        convert_get_stats(f.convert, &s);
    } while (s.runs < runs);
}

static void a_call_that_is_over_reaches_no_device(void **state)
{
    (void)state;
    // The node would wait for longer than the caller does.
    set_chain("metadata.expirationTime = String(Number(metadata.expirationTime) + 60000); "
              "return {metadata: metadata};",
              "TbSendRPCRequestNode", "{\"timeoutInSeconds\":60}");
    expect_status("/api/plugins/rpc/twoway/%s", QUICK, 409);
    assert_int_equal(as_device("GET", "/api/v1/TOKEN1/rpc?timeout=20", ""), 408);
}

// The script is slower than the caller: its message comes to the node when all is over.
static void a_call_that_comes_late_reaches_no_device(void **state)
{
    (void)state;
    set_chain("var end = Date.now() + 200; while (Date.now() < end); "
              "metadata.expirationTime = String(Number(metadata.expirationTime) + 60000); "
              "return {metadata: metadata};",
              "TbSendRPCRequestNode", "{\"timeoutInSeconds\":60}");
    expect_status("/api/plugins/rpc/twoway/%s", QUICK, 409);
    wait_for_scripts(1);
    assert_int_equal(as_device("GET", "/api/v1/TOKEN1/rpc?timeout=20", ""), 408);
}

static void a_call_whose_end_is_no_time_is_late(void **state)
{
    (void)state;
    set_chain("metadata.expirationTime = '-9223372036854775808'; return {metadata: metadata};",
              "TbSendRPCRequestNode", "{\"timeoutInSeconds\":60}");
    expect_status("/api/plugins/rpc/twoway/%s", CALL, 409);
    assert_int_equal(as_device("GET", "/api/v1/TOKEN1/rpc?timeout=20", ""), 408);
}

// Two nodes ask for one caller: the end of the first is the caller's.
static void no_device_gets_the_rest_of_a_call_that_failed(void **state)
{
    struct reply rest;
    (void)state;
    set_nodes("metadata.expirationTime = ''; return {metadata: metadata};",
              "{\"type\":\"x.rpc.TbSendRPCRequestNode\",\"name\":\"a\",\"configuration\":"
              "{\"timeoutInSeconds\":1}},"
              "{\"type\":\"x.rpc.TbSendRPCRequestNode\",\"name\":\"b\",\"configuration\":"
              "{\"timeoutInSeconds\":60}}",
              2);
    send_call(&rest, "/api/plugins/rpc/twoway/%s", CALL);
    expect(&rest, 409, NULL);
    assert_int_equal(as_device("GET", "/api/v1/TOKEN1/rpc?timeout=20", ""), 408);
}

static void a_device_calls_the_server(void **state)
{
    (void)state;
    set_chain("return {msg: {type: msgType, m: msg.method}};", "TbSendRPCReplyNode",
              "{\"requestIdMetaDataAttribute\":\"requestId\"}");
    struct reply r;
    fixture_send(&f, &r, "POST", "/api/v1/TOKEN1/rpc", SPAN_NONE,
                 "{\"method\":\"getTime\",\"params\":{}}");
    expect(&r, 200, "{\"type\":\"TO_SERVER_RPC_REQUEST\",\"m\":\"getTime\"}");
    assert_int_equal(as_device("POST", "/api/v1/TOKEN1/rpc", "{}"), 400);
}

static void devices_that_wait_are_told_of_the_end(void **state)
{
    struct reply polls[5];
    (void)state;
    for (int i = 0; i < 5; i++)
        i % 2 ? start_updates(&polls[i]) : start_poll(&polls[i]);
    assert_int_equal(as_device("GET", "/api/v1/TOKEN1/attributes", ""), 200);
    api_drain(f.api);
    for (int i = 0; i < 5; i++) {
        fixture_wait(&f, &polls[i].done);
        if (polls[i].error == 0)
            assert_int_equal(polls[i].status, 503);
        reply_free(&polls[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tokens_are_made_kept_and_changed),
        TEST(a_token_outlives_a_change_of_the_key_but_not_its_loss),
        TEST(devices_post_and_read),
        TEST(shared_attributes_that_change_are_told),
        TEST(waits_for_changes_end),
        TEST(a_call_reaches_a_device_that_waits_and_one_that_asks_later),
        TEST(calls_end_in_time),
        TEST(a_call_that_is_over_reaches_no_device),
        TEST(a_call_that_comes_late_reaches_no_device),
        TEST(a_call_whose_end_is_no_time_is_late),
        TEST(no_device_gets_the_rest_of_a_call_that_failed),
        TEST(calls_of_a_device_are_bounded_and_end_with_the_program),
        TEST(a_device_calls_the_server),
        TEST(devices_that_wait_are_told_of_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
