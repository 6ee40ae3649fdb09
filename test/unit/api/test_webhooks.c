// SPDX-License-Identifier: Apache-2.0
// Requests to integrations, by their routing keys.

#include "api/api.h"

#include <stdio.h>

#include "fixture.h"
#include "lib/test.h"

#define UP                                                                                         \
    "var d = decodeToJson(payload); if (d.bad) throw new Error('bad one');"                        \
    "return {deviceName: d.name, deviceType: 't', telemetry: {t: d.t}, "                           \
    "attributes: {type: metadata['Header:content-type'] || 'none'}};"
#define KEY "/api/v1/integrations/http/the-key"

static struct fixture f;
static char converter[UUID_TEXT_LEN + 1], integration[UUID_TEXT_LEN + 1];

static struct json *call(const char *method, const char *target, const char *body, int want)
{
    return fixture_expect(&f, method, target, body, want);
}

// `more`: further members of the document; the answer is the caller's.
static struct json *save(const char *name, const char *more, int want)
{
    struct buf b = {0};
    buf_printf(&b,
               "{\"name\":\"%s\",\"type\":\"HTTP\",\"enabled\":true,"
               "\"allowCreateDevicesOrAssets\":true,\"defaultConverterId\":{\"entityType\":"
               "\"CONVERTER\",\"id\":\"%s\"},%s}",
               name, converter, more);
    struct json *j = call("POST", "/api/integration", buf_cstr(&b), want);
    buf_free(&b);
    return j;
}

static int setup(void **state)
{
    (void)state;
    f = (struct fixture){0};
    fixture_begin(&f);
    bridge_start(f.bridge);
    fixture_keep_id(call("POST", "/api/converter",
                         "{\"name\":\"up\",\"type\":\"UPLINK\",\"configuration\":{\"decoder\":\"" UP
                         "\"}}",
                         200),
                    converter);
    fixture_keep_id(save("hook", "\"routingKey\":\"the-key\",\"configuration\":{}", 200),
                    integration);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_end(&f);
    fixture_remove_dir(&f);
    return 0;
}

static int hook(const char *target, const char *body)
{
    return fixture_call(&f, "POST", target, SPAN_NONE, body);
}

static void a_request_makes_a_device(void **state)
{
    char url[200], id[UUID_TEXT_LEN + 1];
    (void)state;
    assert_int_equal(hook(KEY, "{\"name\":\"d1\",\"t\":22}"), 204);
    fixture_keep_id(call("GET", "/api/tenant/devices?deviceName=d1", "", 200), id);
    snprintf(url, sizeof url, "/api/plugins/telemetry/DEVICE/%s/values/timeseries", id);
    struct json *j = call("GET", url, "", 200);
    assert_span_is(json_get_str(json_child(json_get(j, "t")), "value", SPAN_NONE), "22");
    json_free(j);
    snprintf(url, sizeof url, "/api/integration/%s/status", integration);
    j = call("GET", url, "", 200);
    assert_span_is(json_get_str(j, "state", SPAN_NONE), "ACTIVE");
    assert_int_equal(json_get_int(j, "recordsApplied", -1), 1);
    json_free(j);
    assert_int_equal(hook("/api/v1/integrations/http/other", "{}"), 404);
}

static void a_failure_is_told_and_kept(void **state)
{
    char url[200];
    (void)state;
    struct json *j = call("POST", KEY, "{\"name\":\"d2\",\"t\":1,\"bad\":true}", 400);
    assert_non_null(strstr(json_get_str(j, "message", SPAN_NONE).p, "bad one"));
    json_free(j);
    assert_int_equal(hook(KEY, "no JSON"), 400);
    snprintf(url, sizeof url, "/api/integration/%s/deadLetters?pageSize=10&page=0", integration);
    j = call("GET", url, "", 200);
    assert_int_equal(json_get_int(j, "totalElements", -1), 2);
    json_free(j);
    // By a converter that takes them, both take effect.
    struct buf b = {0};
    buf_printf(&b,
               "{\"id\":{\"entityType\":\"CONVERTER\",\"id\":\"%s\"},\"name\":\"up\",\"type\":"
               "\"UPLINK\",\"configuration\":{\"decoder\":\"return {deviceName: 'again', "
               "deviceType: 't', attributes: {host: metadata['Header:host']}};\"}}",
               converter);
    json_free(call("POST", "/api/converter", buf_cstr(&b), 200));
    buf_free(&b);
    snprintf(url, sizeof url, "/api/integration/%s/deadLetters/replay", integration);
    json_free(call("POST", url, "", 200));
    for (bool running = true; running;) {
        j = call("GET", url, "", 200);
        running = json_get_bool(j, "running", false);
        if (!running)
            assert_int_equal(json_get_int(j, "replayed", -1), 2);
        json_free(j);
    }
    char id[UUID_TEXT_LEN + 1];
    fixture_keep_id(call("GET", "/api/tenant/devices?deviceName=again", "", 200), id);
    snprintf(url, sizeof url, "/api/plugins/telemetry/DEVICE/%s/values/attributes", id);
    j = call("GET", url, "", 200);
    assert_true(span_has_prefix(json_get_str(json_child(j), "value", SPAN_NONE), SPAN("127.")));
    json_free(j);
}

static void documents_are_checked(void **state)
{
    struct buf b = {0};
    (void)state;
    json_free(save("second", "\"routingKey\":\"the-key\",\"configuration\":{}", 400));
    json_free(save("second", "\"configuration\":{\"enableSecurity\":true}", 400));
    buf_printf(&b,
               "\"configuration\":{},\"downlinkConverterId\":{\"entityType\":\"CONVERTER\","
               "\"id\":\"%s\"}",
               converter);
    json_free(save("second", buf_cstr(&b), 400));
    buf_free(&b);
    // A secret is shown as a mask.
    struct json *j =
        save("second", "\"routingKey\":\"k2\",\"configuration\":{\"signatureSecret\":\"s\"}", 200);
    assert_span_is(json_get_str(json_get(j, "configuration"), "signatureSecret", SPAN_NONE),
                   "********");
    json_free(j);
    assert_int_equal(hook("/api/v1/integrations/http/k2", "{\"name\":\"x\",\"t\":1}"), 401);
}

static void limits_hold(void **state)
{
    struct buf b = {0};
    (void)state;
    buf_add_str(&b, "{\"x\":\"");
    for (size_t i = 0; i < (size_t)1 << 20; i += 16)
        buf_add_str(&b, "aaaaaaaaaaaaaaaa");
    buf_add_str(&b, "\"}");
    assert_int_equal(hook(KEY, buf_cstr(&b)), 413);
    buf_free(&b);
    // Nothing left in the budget but the reserve, which one that is not alone may not have.
    budget_force(&f.budget, f.budget.limit);
    struct reply r;
    fixture_send(&f, &r, "POST", KEY, SPAN_NONE, "{\"name\":\"d\",\"t\":1}");
    fixture_wait(&f, &r.done);
    assert_int_equal(r.status, 503);
    reply_free(&r);
    budget_give(&f.budget, f.budget.limit);
    assert_int_equal(hook(KEY, "{\"name\":\"d\",\"t\":1}"), 204);
}

static void what_is_under_way_ends_before_its_integration(void **state)
{
    struct reply r[8];
    char url[200];
    (void)state;
    for (int i = 0; i < 8; i++)
        fixture_send(&f, &r[i], "POST", KEY, SPAN_NONE, "{\"name\":\"d\",\"t\":1}");
    snprintf(url, sizeof url, "/api/integration/%s", integration);
    json_free(call("DELETE", url, "", 200));
    for (int i = 0; i < 8; i++) {
        fixture_wait(&f, &r[i].done);
        if (r[i].status != 204 && r[i].status != 503 && r[i].status != 404)
            fail_msg("%d", r[i].status);
        reply_free(&r[i]);
    }
    assert_int_equal(hook(KEY, "{\"name\":\"d\",\"t\":1}"), 404);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_makes_a_device),
        TEST(a_failure_is_told_and_kept),
        TEST(documents_are_checked),
        TEST(limits_hold),
        TEST(what_is_under_way_ends_before_its_integration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
