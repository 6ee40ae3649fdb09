// SPDX-License-Identifier: Apache-2.0
// What people change at the moment when something else of it is under way.

#include "bridge/integration.h"

#include <stdio.h>

#include "fixture.h"
#include "lib/test.h"

#define N_STREAMS 6
#define DOWN                                                                                       \
    "return {contentType: 'JSON', data: JSON.stringify(msg), metadata: {streamName: 's', "         \
    "partitionKey: 'k'}};"
// Long enough for a request to come in between.
#define SLOW "var end = Date.now() + 200; while (Date.now() < end); "

static struct fixture f;
static char device[UUID_TEXT_LEN + 1], root[UUID_TEXT_LEN + 1];
static char up[UUID_TEXT_LEN + 1], down[UUID_TEXT_LEN + 1];
static char streams[N_STREAMS][UUID_TEXT_LEN + 1];

static struct json *call(const char *method, const char *target, const char *body, int want)
{
    return fixture_expect(&f, method, target, body, want);
}

static void send(struct reply *r, const char *method, const char *target, const char *body)
{
    fixture_send(&f, r, method, target, f.token, body);
}

static int end(struct reply *r)
{
    fixture_wait(&f, &r->done);
    assert_int_equal(r->error, 0);
    reply_free(r);
    return r->status;
}

static void add_converter(const char *name, const char *type, const char *key, const char *script,
                          char id[UUID_TEXT_LEN + 1])
{
    struct buf b = {0};
    buf_printf(&b, "{\"name\":\"%s\",\"type\":\"%s\",\"configuration\":{\"%s\":\"%s\"}}", name,
               type, key, script);
    fixture_keep_id(call("POST", "/api/converter", buf_cstr(&b), 200), id);
    buf_free(&b);
}

// Of a stream that nobody has: what is queued for it stays.
static void add_stream(int i, bool enabled)
{
    struct buf b = {0};
    buf_printf(&b,
               "{\"name\":\"i%d\",\"type\":\"AWS_KINESIS\",\"enabled\":%s,"
               "\"defaultConverterId\":{\"entityType\":\"CONVERTER\",\"id\":\"%s\"},"
               "\"downlinkConverterId\":{\"entityType\":\"CONVERTER\",\"id\":\"%s\"},"
               "\"configuration\":{\"clientConfiguration\":{\"streamName\":\"s\","
               "\"accessKeyId\":\"a\",\"secretAccessKey\":\"b\","
               "\"endpoint\":\"http://127.0.0.1:1\"}}}",
               i, enabled ? "true" : "false", up, down);
    fixture_keep_id(call("POST", "/api/integration", buf_cstr(&b), 200), streams[i]);
    buf_free(&b);
}

static struct integration *integration_of(int i)
{
    struct uuid id;
    assert_true(uuid_parse(span_str(streams[i]), &id));
    return bridge_find(f.bridge, id);
}

// The root chain: one downlink node for each of the first `n` streams, side by side.
static void set_chain(int n)
{
    struct buf b = {0};
    buf_printf(&b,
               "{\"ruleChainId\":{\"entityType\":\"RULE_CHAIN\",\"id\":\"%s\"},"
               "\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.flow.TbAckNode\",\"name\":\"n\"}",
               root);
    for (int i = 0; i < n; i++)
        buf_printf(&b,
                   ",{\"type\":\"x.integration.TbIntegrationDownlinkNode\",\"name\":\"d\","
                   "\"configuration\":{\"integrationId\":\"%s\"}}",
                   streams[i]);
    buf_add_str(&b, "],\"connections\":[");
    for (int i = 0; i < n; i++)
        buf_printf(&b, "%s{\"fromIndex\":0,\"toIndex\":%d,\"type\":\"Success\"}", i ? "," : "",
                   i + 1);
    buf_add_str(&b, "]}");
    json_free(call("POST", "/api/ruleChain/metadata", buf_cstr(&b), 200));
    buf_free(&b);
}

static void begin(void)
{
    fixture_begin(&f);
    bridge_start(f.bridge);
    struct json *page = call("GET", "/api/ruleChains?pageSize=10&page=0", "", 200);
    fixture_keep_id(json_copy(json_child(json_get(page, "data"))), root);
    json_free(page);
}

static int setup(void **state)
{
    (void)state;
    f = (struct fixture){0};
    begin();
    add_converter("up", "UPLINK", "decoder", "return {deviceName: 'd', deviceType: 't'};", up);
    add_converter("down", "DOWNLINK", "encoder", SLOW DOWN, down);
    fixture_keep_id(call("POST", "/api/device", "{\"name\":\"dev\"}", 200), device);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_end(&f);
    fixture_remove_dir(&f);
    return 0;
}

static void send_attribute(struct reply *r)
{
    char url[200];
    snprintf(url, sizeof url, "/api/plugins/telemetry/DEVICE/%s/SHARED_SCOPE", device);
    send(r, "POST", url, "{\"a\":1}");
}

static void downlinks_of_many_integrations_pass_by_one_that_is_off(void **state)
{
    struct reply r;
    (void)state;
    add_stream(N_STREAMS - 1, false);
    for (int i = 0; i < N_STREAMS - 1; i++)
        add_stream(i, true);
    set_chain(N_STREAMS - 1);
    send_attribute(&r);
    assert_int_equal(end(&r), 200);
}

static void a_change_outlives_an_integration_that_it_has_downlinks_for(void **state)
{
    struct reply change, removal;
    char url[200];
    (void)state;
    add_stream(0, true);
    set_chain(1);
    send_attribute(&change);
    struct integration *in = integration_of(0);
    while (list_empty(&in->downlinks.jobs))
        loop_turn(f.loop, true);
    snprintf(url, sizeof url, "/api/integration/%s", streams[0]);
    send(&removal, "DELETE", url, "");
    while (!in->removing)
        loop_turn(f.loop, true);
    // The downlink fails, and nothing else does: the server goes on.
    assert_int_equal(end(&change), 200);
    assert_int_equal(end(&removal), 200);
    snprintf(url, sizeof url, "/api/plugins/telemetry/DEVICE/%s/values/attributes", device);
    struct json *j = call("GET", url, "", 200);
    assert_span_is(json_get_str(json_child(j), "key", SPAN_NONE), "a");
    json_free(j);
}

// It starts again with what was changed, and has all that came meanwhile.
static void a_change_of_an_integration_loses_no_downlink(void **state)
{
    struct reply before, edit, meanwhile;
    struct store_stats s;
    struct buf b = {0};
    char url[200];
    (void)state;
    add_stream(0, true);
    set_chain(1);
    snprintf(url, sizeof url, "/api/integration/%s", streams[0]);
    struct json *doc = call("GET", url, "", 200);
    json_set_str(doc, "name", SPAN("renamed"));
    json_write(doc, &b);
    json_free(doc);
    struct integration *in = integration_of(0);
    send_attribute(&before);
    while (list_empty(&in->downlinks.jobs))
        loop_turn(f.loop, true);
    send(&edit, "POST", "/api/integration", buf_cstr(&b));
    while (in->phase == PHASE_RUNNING && !edit.done)
        loop_turn(f.loop, true);
    send_attribute(&meanwhile);
    assert_int_equal(end(&before), 200);
    assert_int_equal(end(&edit), 200);
    assert_int_equal(end(&meanwhile), 200);
    store_get_stats(f.store, &s);
    assert_int_equal(s.outbox_rows, 2);
    while (in->phase != PHASE_RUNNING)
        loop_turn(f.loop, true);
    assert_span_is(integration_name(in), "renamed");
    buf_free(&b);
}

// A commit takes long enough for another request to come.
static int setup_slow(void **state)
{
    (void)state;
    f = (struct fixture){.commit_interval_ms = 1000};
    begin();
    return 0;
}

static void add_rule_chain(char id[UUID_TEXT_LEN + 1])
{
    fixture_keep_id(call("POST", "/api/ruleChain", "{\"name\":\"other\"}", 200), id);
}

static void expect_root(const char *id)
{
    char url[200];
    snprintf(url, sizeof url, "/api/ruleChain/%s", id);
    struct json *j = call("GET", url, "", 200);
    assert_true(json_get_bool(j, "root", false));
    json_free(j);
}

static struct entity *entity_of(enum store_doc_kind kind, const char *id)
{
    struct uuid uuid;
    assert_true(uuid_parse(span_str(id), &uuid));
    return registry_find(hub_registry(f.hub), kind, uuid);
}

static void a_chain_that_is_being_removed_does_not_become_root(void **state)
{
    struct reply removal;
    char chain[UUID_TEXT_LEN + 1], url[200];
    (void)state;
    add_rule_chain(chain);
    struct entity *e = entity_of(STORE_RULE_CHAIN, chain);
    snprintf(url, sizeof url, "/api/ruleChain/%s", chain);
    send(&removal, "DELETE", url, "");
    while (!e->saving && !removal.done)
        loop_turn(f.loop, true);
    snprintf(url, sizeof url, "/api/ruleChain/%s/root", chain);
    json_free(call("POST", url, "", 409));
    assert_false(removal.done);
    assert_int_equal(end(&removal), 200);
    expect_root(root);
}

static void a_chain_that_is_becoming_root_is_not_removed(void **state)
{
    struct reply setting;
    char chain[UUID_TEXT_LEN + 1], url[200];
    (void)state;
    add_rule_chain(chain);
    struct entity *e =
        registry_find_name(hub_registry(f.hub), STORE_SETTING, SPAN("rootRuleChain"));
    snprintf(url, sizeof url, "/api/ruleChain/%s/root", chain);
    send(&setting, "POST", url, "");
    while (!e->saving && !setting.done)
        loop_turn(f.loop, true);
    snprintf(url, sizeof url, "/api/ruleChain/%s", chain);
    json_free(call("DELETE", url, "", 400));
    snprintf(url, sizeof url, "/api/ruleChain/%s/root", root);
    json_free(call("POST", url, "", 409));
    assert_false(setting.done);
    assert_int_equal(end(&setting), 200);
    expect_root(chain);
}

static void a_token_of_a_device_on_its_way_is_its_own(void **state)
{
    struct reply making;
    struct buf b = {0};
    char other[UUID_TEXT_LEN + 1], made[UUID_TEXT_LEN + 1], url[200];
    (void)state;
    fixture_keep_id(call("POST", "/api/device", "{\"name\":\"other\"}", 200), other);
    send(&making, "POST", "/api/device?accessToken=T", "{\"name\":\"made\"}");
    while (!store_find_device(f.store, SPAN("made"), false))
        loop_turn(f.loop, true);
    buf_printf(&b,
               "{\"deviceId\":{\"entityType\":\"DEVICE\",\"id\":\"%s\"},"
               "\"credentialsType\":\"ACCESS_TOKEN\",\"credentialsId\":\"T\"}",
               other);
    json_free(call("POST", "/api/device/credentials", buf_cstr(&b), 400));
    buf_free(&b);
    assert_false(making.done);
    assert_int_equal(end(&making), 200);
    fixture_keep_id(call("GET", "/api/tenant/devices?deviceName=made", "", 200), made);
    snprintf(url, sizeof url, "/api/device/%s/credentials", made);
    struct json *j = call("GET", url, "", 200);
    assert_span_is(json_get_str(j, "credentialsId", SPAN_NONE), "T");
    json_free(j);
    assert_int_equal(fixture_call(&f, "POST", "/api/v1/T/telemetry", SPAN_NONE, "{\"t\":1}"), 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#define SLOW_TEST(name) cmocka_unit_test_setup_teardown(name, setup_slow, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(downlinks_of_many_integrations_pass_by_one_that_is_off),
        TEST(a_change_outlives_an_integration_that_it_has_downlinks_for),
        TEST(a_change_of_an_integration_loses_no_downlink),
        SLOW_TEST(a_chain_that_is_being_removed_does_not_become_root),
        SLOW_TEST(a_chain_that_is_becoming_root_is_not_removed),
        SLOW_TEST(a_token_of_a_device_on_its_way_is_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
