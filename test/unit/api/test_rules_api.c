// SPDX-License-Identifier: Apache-2.0
// Rule chains, their scripts and their debug events by REST.

#include "api/api.h"

#include <stdio.h>

#include "fixture.h"
#include "lib/test.h"

static struct fixture f;

static int setup(void **state)
{
    (void)state;
    f = (struct fixture){0};
    fixture_begin(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_end(&f);
    fixture_remove_dir(&f);
    return 0;
}

static struct json *call(const char *method, const char *target, const char *body, int want)
{
    return fixture_expect(&f, method, target, body, want);
}

static void assert_text(struct span got, const char *want)
{
    if (!span_is(got, want))
        fail_msg("%.*s, not %s", SPAN_ARG(got), want);
}

static void check_script(const char *type, const char *script, const char *output,
                         const char *error)
{
    struct buf b = {0};
    buf_printf(&b,
               "{\"script\":\"%s\",\"scriptType\":\"%s\",\"argNames\":[\"msg\",\"metadata\","
               "\"msgType\"],\"msg\":\"{\\\"t\\\":22}\",\"metadata\":{\"k\":\"v\"},\"msgType\":"
               "\"POST_TELEMETRY_REQUEST\"}",
               script, type);
    struct json *j = call("POST", "/api/ruleChain/testScript", buf_cstr(&b), 200);
    assert_text(json_get_str(j, "error", SPAN_NONE), error);
    assert_text(json_get_str(j, "output", SPAN_NONE), output);
    json_free(j);
    buf_free(&b);
}

static void scripts_can_be_tried(void **state)
{
    (void)state;
    check_script("filter", "return msg.t > 20;", "true", "");
    check_script("switch", "return [msgType];", "[\"POST_TELEMETRY_REQUEST\"]", "");
    check_script("string", "return 't=' + msg.t;", "t=22", "");
    check_script("update", "msg.x = 1; return {msg: msg};",
                 "{\"msg\":{\"t\":22,\"x\":1},\"metadata\":{\"k\":\"v\"},\"msgType\":"
                 "\"POST_TELEMETRY_REQUEST\"}",
                 "");
    check_script("filter", "return nope;", "",
                 "ReferenceError: identifier 'nope' undefined (line 1, column 8)");
    json_free(
        call("POST", "/api/ruleChain/testScript", "{\"script\":\"x\",\"scriptType\":\"y\"}", 400));
    json_free(call("POST", "/api/ruleChain/testScript", "{\"scriptType\":\"filter\"}", 400));
}

static void save_debugged_root(char id[UUID_TEXT_LEN + 1])
{
    struct buf b = {0};
    struct json *page = call("GET", "/api/ruleChains?pageSize=10&page=0", "", 200);
    struct span chain =
        json_get_str(json_get(json_child(json_get(page, "data")), "id"), "id", SPAN_NONE);
    buf_printf(&b,
               "{\"ruleChainId\":{\"entityType\":\"RULE_CHAIN\",\"id\":\"%.*s\"},"
               "\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.flow.TbAckNode\",\"name\":\"n\","
               "\"debugSettings\":{\"failuresEnabled\":true,\"allEnabled\":true,"
               "\"allEnabledUntil\":0}}],\"connections\":[]}",
               SPAN_ARG(chain));
    struct json *saved = call("POST", "/api/ruleChain/metadata", buf_cstr(&b), 200);
    const struct json *node = json_child(json_get(saved, "nodes"));
    snprintf(id, UUID_TEXT_LEN + 1, "%.*s",
             SPAN_ARG(json_get_str(json_get(node, "id"), "id", SPAN_NONE)));
    json_free(saved);
    json_free(page);
    buf_free(&b);
}

static size_t total(const char *method, const char *target, const char *body)
{
    struct json *j = call(method, target, body, 200);
    int64_t n = json_get_int(j, "totalElements", -1);
    json_free(j);
    return (size_t)n;
}

static void events_are_read_by_page_and_filter(void **state)
{
    char id[UUID_TEXT_LEN + 1], url[200];
    (void)state;
    save_debugged_root(id);
    json_free(call("POST", "/api/device", "{\"name\":\"d\"}", 200));
    snprintf(url, sizeof url,
             "/api/events/RULE_NODE/%s/DEBUG_RULE_NODE?tenantId=%s&pageSize=1&page=0", id, id);
    struct json *j = call("GET", url, "", 200);
    assert_int_equal(json_get_int(j, "totalElements", 0), 2);
    assert_true(json_get_bool(j, "hasNext", false));
    const struct json *newest = json_child(json_get(j, "data"));
    assert_span_is(json_get_str(newest, "type", SPAN_NONE), "DEBUG_RULE_NODE");
    assert_span_is(json_get_str(json_get(newest, "body"), "type", SPAN_NONE), "OUT");
    assert_span_is(json_get_str(json_get(newest, "body"), "msgType", SPAN_NONE), "ENTITY_CREATED");
    json_free(j);
    snprintf(url, sizeof url, "/api/events/RULE_NODE/%s?tenantId=%s&pageSize=10&page=0", id, id);
    assert_int_equal(total("GET", url, ""), 2);
    assert_int_equal(total("POST", url,
                           "{\"eventType\":\"DEBUG_RULE_NODE\",\"msgDirectionType\":"
                           "\"IN\"}"),
                     1);
    assert_int_equal(total("POST", url, "{\"eventType\":\"DEBUG_RULE_NODE\",\"isError\":true}"), 0);
    assert_int_equal(total("POST", url,
                           "{\"eventType\":\"DEBUG_RULE_NODE\",\"dataSearch\":"
                           "\"\\\"NAME\\\":\\\"d\\\"\"}"),
                     2);
    assert_int_equal(total("POST", url, "{\"eventType\":\"LC_EVENT\"}"), 0);
    json_free(call("POST", url, "{\"eventType\":\"NONE\"}", 400));
    snprintf(url, sizeof url, "/api/events/RULE_NODE/%s/DEBUG_RULE_NODE?pageSize=1&page=0", id);
    json_free(call("GET", url, "", 400));
    snprintf(url, sizeof url, "/api/events/RULE_NODE/%s/clear", id);
    assert_int_equal(fixture_call(&f, "POST", url, f.token, "{\"eventType\":\"DEBUG_RULE_NODE\"}"),
                     200);
    snprintf(url, sizeof url, "/api/events/RULE_NODE/%s?tenantId=%s&pageSize=10&page=0", id, id);
    assert_int_equal(total("GET", url, ""), 0);
}

static void a_profile_names_its_chain(void **state)
{
    struct buf b = {0};
    char url[100];
    (void)state;
    struct json *page = call("GET", "/api/deviceProfiles?pageSize=10&page=0", "", 200);
    struct json *profile = json_copy(json_child(json_get(page, "data")));
    assert_true(json_get_bool(profile, "default", false));
    json_free(page);
    page = call("GET", "/api/ruleChains?pageSize=10&page=0", "", 200);
    json_set(profile, "defaultRuleChainId",
             json_copy(json_get(json_child(json_get(page, "data")), "id")));
    json_set_bool(profile, "default", false);
    json_free(page);
    json_write(profile, &b);
    struct json *saved = call("POST", "/api/deviceProfile", buf_cstr(&b), 200);
    assert_true(json_get_bool(saved, "default", false));
    snprintf(url, sizeof url, "/api/deviceProfile/%.*s",
             SPAN_ARG(json_get_str(json_get(saved, "id"), "id", SPAN_NONE)));
    json_free(saved);
    saved = call("GET", url, "", 200);
    assert_true(json_is(json_get(saved, "defaultRuleChainId"), JSON_OBJECT));
    json_free(saved);
    json_free(profile);
    buf_free(&b);
    json_free(call("POST", "/api/deviceProfile",
                   "{\"name\":\"p\",\"defaultRuleChainId\":{\"entityType\":\"RULE_CHAIN\",\"id\":"
                   "\"13814000-1dd2-11b2-8080-808080808080\"}}",
                   400));
    json_free(call("POST", "/api/deviceProfile", "{\"name\":\"default\"}", 400));
    json_free(call("POST", "/api/deviceProfile", "{}", 400));
    json_free(call("POST", "/api/deviceProfile", "{\"name\":\"p\"}", 200));
}

static void use_root(const char *metadata)
{
    struct buf b = {0};
    struct json *page = call("GET", "/api/ruleChains?pageSize=10&page=0", "", 200);
    struct span chain =
        json_get_str(json_get(json_child(json_get(page, "data")), "id"), "id", SPAN_NONE);
    buf_printf(&b, "{\"ruleChainId\":{\"entityType\":\"RULE_CHAIN\",\"id\":\"%.*s\"},%s}",
               SPAN_ARG(chain), metadata);
    struct json *saved = call("POST", "/api/ruleChain/metadata", buf_cstr(&b), 200);
    const struct json *first = json_child(json_get(saved, "nodes"));
    assert_false(json_get_bool(first, "unsupported", false));
    json_free(saved);
    json_free(page);
    buf_free(&b);
}

static void the_rule_chain_answers_requests(void **state)
{
    char url[120];
    (void)state;
    use_root("\"firstNodeIndex\":0,\"nodes\":["
             "{\"type\":\"x.filter.TbMsgTypeSwitchNode\",\"name\":\"s\"},"
             "{\"type\":\"x.filter.TbJsFilterNode\",\"name\":\"f\",\"configuration\":{"
             "\"jsScript\":\"return !msg.silent\"}},"
             "{\"type\":\"x.transform.TbTransformMsgNode\",\"name\":\"t\",\"configuration\":{"
             "\"jsScript\":\"return {msg: {a: msg.a + 1, d: metadata.deviceName}}\"}},"
             "{\"type\":\"x.rest.TbSendRestApiCallReplyNode\",\"name\":\"r\",\"configuration\":{"
             "\"requestIdMetaDataAttribute\":\"requestUUID\"}}],\"connections\":["
             "{\"fromIndex\":0,\"toIndex\":1,\"type\":\"REST API request\"},"
             "{\"fromIndex\":1,\"toIndex\":2,\"type\":\"True\"},"
             "{\"fromIndex\":2,\"toIndex\":3,\"type\":\"Success\"}]");
    struct json *d = call("POST", "/api/device", "{\"name\":\"d\"}", 200);
    snprintf(url, sizeof url, "/api/rule-engine/DEVICE/%.*s",
             SPAN_ARG(json_get_str(json_get(d, "id"), "id", SPAN_NONE)));
    struct json *j = call("POST", url, "{\"a\":1}", 200);
    assert_int_equal(json_get_int(j, "a", 0), 2);
    assert_text(json_get_str(j, "d", SPAN_NONE), "d");
    json_free(j);
    j = call("POST", "/api/rule-engine/", "{\"a\":2}", 200);
    assert_int_equal(json_get_int(j, "a", 0), 3);
    json_free(j);
    snprintf(url + strlen(url), sizeof url - strlen(url), "/1");
    json_free(call("POST", url, "{\"silent\":true}", 408));
    json_free(call("POST", url, "{", 400));
    json_free(call("POST", "/api/rule-engine/CUSTOMER/x", "{}", 400));
    url[strlen(url) - 1] = '0';
    json_free(call("POST", url, "{}", 400));
    json_free(d);
}

// Whoever still waits when the program stops is told.
static void waiting_requests_end_with_the_program(void **state)
{
    struct reply r = {0};
    (void)state;
    use_root("\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.flow.TbAckNode\",\"name\":\"a\"}],"
             "\"connections\":[]");
    fixture_send(&f, &r, "POST", "/api/rule-engine/USER/x/300000", f.token, "{}");
    for (int i = 0; i < 20; i++)
        loop_turn(f.loop, false);
    hub_stop(f.hub);
    fixture_wait(&f, &r.done);
    assert_int_equal(r.status, 503);
    reply_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(scripts_can_be_tried, setup, teardown),
        cmocka_unit_test_setup_teardown(events_are_read_by_page_and_filter, setup, teardown),
        cmocka_unit_test_setup_teardown(a_profile_names_its_chain, setup, teardown),
        cmocka_unit_test_setup_teardown(the_rule_chain_answers_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(waiting_requests_end_with_the_program, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
