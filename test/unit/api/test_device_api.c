// SPDX-License-Identifier: Apache-2.0
// What devices call, and their credentials.

#include "api/api.h"

#include <stdio.h>

#include "fixture.h"
#include "lib/test.h"

static const struct api_user users[] = {
    {SPAN("admin@example.org"), SPAN("secret"), SPAN("TENANT_ADMIN")},
};

static struct fixture f;
static struct json *pair;
static struct span token;
static char device[UUID_TEXT_LEN + 1];

static void start(void)
{
    int status;
    fixture_start_hub(&f);
    fixture_start_api(&f, users, 1);
    pair = fixture_login(&f, "admin@example.org", "secret", &status);
    token = json_get_str(pair, "token", SPAN_NONE);
}

static void stop(void)
{
    json_free(pair);
    fixture_close_api(&f, 1000);
    fixture_stop_hub(&f);
}

static struct json *call(const char *method, const char *target, const char *body, int want)
{
    int status;
    struct json *j = fixture_json(&f, method, target, token, body, &status);
    if (status != want)
        fail_msg("%s %s: %d, not %d", method, target, status, want);
    return j;
}

static int setup(void **state)
{
    (void)state;
    f = (struct fixture){0};
    start();
    struct json *j = call("POST", "/api/device?accessToken=TOKEN1", "{\"name\":\"d1\"}", 200);
    snprintf(device, sizeof device, "%.*s",
             SPAN_ARG(json_get_str(json_get(j, "id"), "id", SPAN_NONE)));
    json_free(j);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stop();
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
    struct json *j = call("POST", "/api/device", "{\"name\":\"d2\"}", 200);
    snprintf(other, sizeof other, "%.*s",
             SPAN_ARG(json_get_str(json_get(j, "id"), "id", SPAN_NONE)));
    json_free(j);
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
    json_free(pair);
    pair = NULL;
    fixture_close_api(&f, 1000);
    fixture_stop_hub(&f);
    start();
    credentials_of(device, again);
    assert_string_equal(again, "TOKEN2");
    json_free(call("DELETE", url("/api/device/%s", device), "", 200));
    assert_int_equal(as_device("POST", "/api/v1/TOKEN2/telemetry", "{\"t\":1}"), 401);
    set_token(other, "TOKEN2", 200);
    assert_int_equal(as_device("POST", "/api/v1/TOKEN2/telemetry", "{\"t\":1}"), 200);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tokens_are_made_kept_and_changed),
        TEST(devices_post_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
