// SPDX-License-Identifier: Apache-2.0
#include "api/router.h"

#include "api/routes.h"
#include "base/err.h"
#include "lib/test.h"

static const struct route routes[] = {API_ROUTES(ROUTE_ENTRY)};
#define N (sizeof routes / sizeof *routes)

#define ID "7d2a3c60-5b1e-11f0-8b7a-0123456789ab"
#define T "/api/plugins/telemetry"

struct expected {
    const char *method, *path;
    void (*handle)(struct request *q); // NULL: refused
    int status;
    const char *args[ROUTE_ARGS_MAX];
};

static const struct expected cases[] = {
    // The hub's two- and three-segment forms, and what looks like them.
    {"POST", T "/" ID "/SHARED_SCOPE", attributes_save_device, 0, {ID, "SHARED_SCOPE"}},
    {"POST", T "/DEVICE/" ID "/SHARED_SCOPE", attributes_save, 0, {"DEVICE", ID, "SHARED_SCOPE"}},
    {"POST",
     T "/DEVICE/" ID "/attributes/SERVER_SCOPE",
     attributes_save,
     0,
     {"DEVICE", ID, "SERVER_SCOPE"}},
    {"POST", T "/DEVICE/" ID "/timeseries/ANY", telemetry_save, 0, {"DEVICE", ID, "ANY"}},
    {"POST",
     T "/DEVICE/" ID "/timeseries/attributes",
     telemetry_save,
     0,
     {"DEVICE", ID, "attributes"}},
    {"POST", T "/DEVICE/" ID "/timeseries/ANY/60", telemetry_save, 0, {"DEVICE", ID, "ANY", "60"}},
    {"POST", T "/DEVICE/" ID "/other/SERVER_SCOPE", NULL, ERR_NOT_FOUND, {0}},
    {"POST", T "/DEVICE/" ID "/values/timeseries", NULL, ERR_INVALID, {0}},
    {"GET", T "/DEVICE/" ID "/values/timeseries", telemetry_read, 0, {"DEVICE", ID}},
    {"GET",
     T "/DEVICE/" ID "/values/timeseries/history",
     telemetry_read_history,
     0,
     {"DEVICE", ID}},
    {"GET", T "/DEVICE/" ID "/values/attributes", attributes_read, 0, {"DEVICE", ID}},
    {"GET",
     T "/DEVICE/" ID "/values/attributes/CLIENT_SCOPE",
     attributes_read,
     0,
     {"DEVICE", ID, "CLIENT_SCOPE"}},
    {"GET", T "/DEVICE/" ID "/keys/timeseries", telemetry_keys, 0, {"DEVICE", ID}},
    {"GET", T "/DEVICE/" ID "/keys/attributes", attributes_keys, 0, {"DEVICE", ID}},
    {"GET", T "/DEVICE/" ID "/SHARED_SCOPE", NULL, ERR_INVALID, {0}},
    {"DELETE", T "/" ID "/SHARED_SCOPE", attributes_delete_device, 0, {ID, "SHARED_SCOPE"}},
    {"DELETE", T "/ASSET/" ID "/SHARED_SCOPE", attributes_delete, 0, {"ASSET", ID, "SHARED_SCOPE"}},
    // A literal before a placeholder.
    {"GET", "/api/device/types", devices_types, 0, {0}},
    {"GET", "/api/device/" ID, devices_get, 0, {ID}},
    {"GET", "/api/device/info/" ID, devices_info, 0, {ID}},
    {"POST", "/api/converter/testUpLink", converter_test_uplink, 0, {0}},
    {"GET", "/api/converter/testUpLink", converters_get, 0, {"testUpLink"}},
    {"GET", "/api/integration/routingKey/a-b", integrations_by_routing_key, 0, {"a-b"}},
    {"GET", "/api/integration/" ID "/status", integrations_status, 0, {ID}},
    {"POST", "/api/ruleChain/metadata", rule_chains_save_metadata, 0, {0}},
    {"GET", "/api/ruleChain/" ID "/metadata", rule_chains_metadata, 0, {ID}},
    {"HEAD", "/", console_show, 0, {0}},
    // Unknown paths and methods.
    {"GET", "", NULL, ERR_NOT_FOUND, {0}},
    {"GET", "*", NULL, ERR_NOT_FOUND, {0}},
    {"GET", "/api", NULL, ERR_NOT_FOUND, {0}},
    {"GET", "/api/device/", NULL, ERR_NOT_FOUND, {0}},
    {"GET", "/api/device/" ID "/", NULL, ERR_NOT_FOUND, {0}},
    {"GET", "//api/device/types", NULL, ERR_NOT_FOUND, {0}},
    {"GET", "/api/auth/login", NULL, ERR_INVALID, {0}},
    {"get", "/", NULL, ERR_INVALID, {0}},
    {"PUT", "/api/device/" ID, NULL, ERR_INVALID, {0}},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct expected *c = &cases[i];
        struct route_match m = {0};
        int status = route_find(routes, N, span_str(c->method), span_str(c->path), &m);
        if (status != c->status || (!status && m.route->handle != c->handle))
            fail_msg("%s %s: status %d", c->method, c->path, status);
        for (unsigned k = 0; !status && k < ROUTE_ARGS_MAX && c->args[k]; k++) {
            assert_true(k < m.n_args);
            assert_span_equal(m.args[k], span_str(c->args[k]));
        }
    }
}

// Every route is reached by the path it describes: none stands in the shadow of another.
static void test_no_shadow(void **state)
{
    (void)state;
    for (size_t i = 0; i < N; i++) {
        struct buf path = {0};
        for (const char *p = routes[i].pattern; *p; p++) {
            if (*p != '{') {
                buf_add_char(&path, *p);
                continue;
            }
            buf_add_str(&path, "x-y");
            while (*p != '}')
                p++;
        }
        struct route_match m;
        assert_int_equal(route_find(routes, N, span_str(routes[i].method), buf_span(&path), &m), 0);
        if (m.route != &routes[i])
            fail_msg("%s %s is hidden", routes[i].method, routes[i].pattern);
        buf_free(&path);
    }
}

static void test_allowed(void **state)
{
    (void)state;
    struct buf b = {0};
    route_allowed(routes, N, SPAN("/api/converter/" ID), &b);
    assert_span_is(buf_span(&b), "GET, HEAD, DELETE");
    buf_clear(&b);
    // Both of its two-segment routes.
    route_allowed(routes, N, SPAN(T "/" ID "/SHARED_SCOPE"), &b);
    assert_span_is(buf_span(&b), "POST, DELETE");
    buf_clear(&b);
    route_allowed(routes, N, SPAN("/nowhere"), &b);
    assert_int_equal(b.n, 0);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_no_shadow),
        cmocka_unit_test(test_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
