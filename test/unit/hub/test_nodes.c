// SPDX-License-Identifier: Apache-2.0
#include "hub_fixture.h"

#include <stdio.h>

// A table for each node type: configuration and message in, connections and messages out, by the
// node's documented behaviour.

static const char *const all[] = {"Success", "Failure", "True", "False", NULL};

#define DEV "deviceName=dev,deviceType=default"

struct row {
    const char *conf;
    const char *type, *json, *metadata;
    const char *want;
};

static void check_rows(struct hub_fixture *f, const char *class, const struct row *rows, size_t n)
{
    const char *conf = NULL;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].conf)
            conf = rows[i].conf;
        if (rows[i].conf)
            use_node(f, class, conf, all);
        send_json(f, rows[i].type, rows[i].json, rows[i].metadata);
        expect_out(f, rows[i].want);
    }
}

#define CHECK_ROWS(f, class, rows) check_rows(f, class, rows, sizeof rows / sizeof *(rows))

// Each type by its connection, all of which are drawn.
static void type_switch(void **state)
{
    struct hub_fixture *f = *state;
    static const struct {
        const char *type, *connection;
    } rows[] = {
        {"POST_ATTRIBUTES_REQUEST", "Post attributes"},
        {"POST_TELEMETRY_REQUEST", "Post telemetry"},
        {"TO_SERVER_RPC_REQUEST", "RPC Request from Device"},
        {"RPC_CALL_FROM_SERVER_TO_DEVICE", "RPC Request to Device"},
        {"ACTIVITY_EVENT", "Activity Event"},
        {"INACTIVITY_EVENT", "Inactivity Event"},
        {"CONNECT_EVENT", "Connect Event"},
        {"DISCONNECT_EVENT", "Disconnect Event"},
        {"ENTITY_CREATED", "Entity Created"},
        {"ENTITY_UPDATED", "Entity Updated"},
        {"ENTITY_DELETED", "Entity Deleted"},
        {"ENTITY_ASSIGNED", "Entity Assigned"},
        {"ENTITY_UNASSIGNED", "Entity Unassigned"},
        {"ATTRIBUTES_UPDATED", "Attributes Updated"},
        {"ATTRIBUTES_DELETED", "Attributes Deleted"},
        {"TIMESERIES_UPDATED", "Timeseries Updated"},
        {"TIMESERIES_DELETED", "Timeseries Deleted"},
        {"ALARM", "Alarm"},
        {"ALARM_CREATED", "Alarm Created"},
        {"ALARM_UPDATED", "Alarm Updated"},
        {"ALARM_SEVERITY_UPDATED", "Alarm Severity Updated"},
        {"ALARM_ACK", "Alarm Acknowledged"},
        {"ALARM_CLEAR", "Alarm Cleared"},
        {"ALARM_ASSIGNED", "Alarm Assigned"},
        {"ALARM_UNASSIGNED", "Alarm Unassigned"},
        {"COMMENT_CREATED", "Comment Created"},
        {"COMMENT_UPDATED", "Comment Updated"},
        {"RPC_QUEUED", "RPC Queued"},
        {"RPC_SENT", "RPC Sent"},
        {"RPC_DELIVERED", "RPC Delivered"},
        {"RPC_SUCCESSFUL", "RPC Successful"},
        {"RPC_TIMEOUT", "RPC Timeout"},
        {"RPC_EXPIRED", "RPC Expired"},
        {"RPC_FAILED", "RPC Failed"},
        {"RPC_DELETED", "RPC Deleted"},
        {"RELATION_ADD_OR_UPDATE", "Relation Added or Updated"},
        {"RELATION_DELETED", "Relation Deleted"},
        {"RELATIONS_DELETED", "All Relations Deleted"},
        {"ENTITY_ASSIGNED_FROM_TENANT", "Entity Assigned From Tenant"},
        {"ENTITY_ASSIGNED_TO_TENANT", "Entity Assigned To Tenant"},
        {"REST_API_REQUEST", "REST API request"},
        {"ADDED_TO_ENTITY_GROUP", "Added to Group"},
        {"REMOVED_FROM_ENTITY_GROUP", "Removed from Group"},
        // Without a connection of their own.
        {"ALARM_DELETE", "Other"},
        {"ENTITY_ASSIGNED_TO_EDGE", "Other"},
        {"ENTITY_UNASSIGNED_FROM_EDGE", "Other"},
        {"PROVISION_SUCCESS", "Other"},
        {"PROVISION_FAILURE", "Other"},
        {"SEND_EMAIL", "Other"},
        {"my type", "Other"},
        {"post_telemetry_request", "Other"},
    };
    enum { N = sizeof rows / sizeof *rows };
    const char *relations[N + 1];
    size_t n = 0;
    for (size_t i = 0; i < N; i++) {
        if (n == 0 || strcmp(relations[n - 1], rows[i].connection) != 0)
            relations[n++] = rows[i].connection;
    }
    relations[n] = NULL;
    use_node(f, "filter.TbMsgTypeSwitchNode", "{\"version\":0}", relations);
    for (size_t i = 0; i < N; i++) {
        bool posts = strcmp(rows[i].type, "POST_ATTRIBUTES_REQUEST") == 0;
        char want[200];
        snprintf(want, sizeof want, "%s %s {} " DEV "%s\n", rows[i].connection, rows[i].type,
                 posts ? ",notifyDevice=false" : "");
        send_json(f, rows[i].type, "{}", "");
        expect_out(f, want);
    }
}

// A known type whose connection is not drawn ends, and is no "Other".
static void type_switch_with_connections_not_drawn(void **state)
{
    struct hub_fixture *f = *state;
    static const char *const relations[] = {"Post telemetry", "Other", NULL};
    use_node(f, "filter.TbMsgTypeSwitchNode", "{}", relations);
    send_json(f, "ALARM", "{}", "");
    expect_out(f, "");
    send_json(f, "POST_TELEMETRY_REQUEST", "{}", "");
    expect_out(f, "Post telemetry POST_TELEMETRY_REQUEST {} " DEV "\n");
}

static void type_filter(void **state)
{
    static const struct row rows[] = {
        {"{\"messageTypes\":[\"POST_TELEMETRY_REQUEST\",\"mine\"]}", "POST_TELEMETRY_REQUEST", "{}",
         "", "True POST_TELEMETRY_REQUEST {} " DEV "\n"},
        {NULL, "mine", "{}", "", "True mine {} " DEV "\n"},
        {NULL, "ATTRIBUTES_UPDATED", "{}", "", "False ATTRIBUTES_UPDATED {} " DEV "\n"},
    };
    CHECK_ROWS(*state, "filter.TbMsgTypeFilterNode", rows);
}

static void check_fields(void **state)
{
    static const struct row rows[] = {
        {"{\"messageNames\":[\"a\",\"b\"],\"metadataNames\":[\"deviceName\",\"m\"],"
         "\"checkAllKeys\":true}",
         "T", "{\"a\":1,\"b\":null}", "m=", "True T {\"a\":1,\"b\":null} " DEV ",m=\n"},
        {NULL, "T", "{\"a\":1}", "m=1", "False T {\"a\":1} " DEV ",m=1\n"},
        {NULL, "T", "{\"a\":1,\"b\":2}", "", "False T {\"a\":1,\"b\":2} " DEV "\n"},
        {NULL, "T", "[1]", "", "Failure T [1] " DEV "\n"},
        {"{\"messageNames\":[\"a\"],\"metadataNames\":[\"m\"],\"checkAllKeys\":false}", "T",
         "{\"a\":1}", "", "True T {\"a\":1} " DEV "\n"},
        {NULL, "T", "{}", "m=x", "True T {} " DEV ",m=x\n"},
        {NULL, "T", "{}", "", "False T {} " DEV "\n"},
        {"{\"messageNames\":[],\"metadataNames\":null}", "T", "{}", "", "True T {} " DEV "\n"},
    };
    CHECK_ROWS(*state, "filter.TbCheckMessageNode", rows);
}

static void originator_types(void **state)
{
    static const struct row rows[] = {
        {"{\"originatorTypes\":[\"DEVICE\"]}", "T", "{}", "", "True T {} " DEV "\n"},
        {"{\"originatorTypes\":[\"ASSET\",\"USER\"]}", "T", "{}", "", "False T {} " DEV "\n"},
    };
    static const char *const profiles[] = {"default", "thermostat", NULL};
    CHECK_ROWS(*state, "filter.TbOriginatorTypeFilterNode", rows);
    use_node(*state, "filter.TbDeviceTypeSwitchNode", "{}", profiles);
    send_json(*state, "T", "{}", "");
    expect_out(*state, "default T {} " DEV "\n");
}

static void script_filter(void **state)
{
    static const struct row rows[] = {
        {"{\"scriptLang\":\"JS\",\"jsScript\":\"return msg.t > 20 && metadata.k === 'v'\"}", "T",
         "{\"t\":21}", "k=v", "True T {\"t\":21} " DEV ",k=v\n"},
        {NULL, "T", "{\"t\":20}", "k=v", "False T {\"t\":20} " DEV ",k=v\n"},
        // Older exports name no language.
        {"{\"jsScript\":\"return msgType === 'T'\"}", "T", "{}", "", "True T {} " DEV "\n"},
        {"{\"jsScript\":\"return 1\"}", "T", "{}", "", "Failure T {} " DEV "\n"},
        {"{\"jsScript\":\"throw new Error('no')\"}", "T", "{}", "", "Failure T {} " DEV "\n"},
        {"{\"jsScript\":\"return true\"}", "T", "no JSON", "", "Failure T no JSON " DEV "\n"},
        {"{\"jsScript\":\"\"}", "T", "{}", "", "Failure T {} " DEV "\n"},
        // TBEL that is JavaScript, too, and TBEL that is not.
        {"{\"scriptLang\":\"TBEL\",\"jsScript\":\"return false\",\"tbelScript\":\"return msg.a == "
         "1;\"}",
         "T", "{\"a\":1}", "", "True T {\"a\":1} " DEV "\n"},
        {"{\"scriptLang\":\"TBEL\",\"tbelScript\":\"foreach (a : msg) { return true; }\"}", "T",
         "{}", "", "Failure T {} " DEV "\n"},
    };
    CHECK_ROWS(*state, "filter.TbJsFilterNode", rows);
}

static void script_switch(void **state)
{
    static const struct row rows[] = {
        {"{\"jsScript\":\"return msg.to\"}", "T", "{\"to\":[\"True\",\"False\"]}", "",
         "True T {\"to\":[\"True\",\"False\"]} " DEV "\n"
         "False T {\"to\":[\"True\",\"False\"]} " DEV "\n"},
        {NULL, "T", "{\"to\":\"Success\"}", "", "Success T {\"to\":\"Success\"} " DEV "\n"},
        {NULL, "T", "{\"to\":[]}", "", ""},
        {NULL, "T", "{\"to\":[\"nowhere\"]}", "", ""},
        {NULL, "T", "{\"to\":[5]}", "", "Failure T {\"to\":[5]} " DEV "\n"},
    };
    CHECK_ROWS(*state, "filter.TbJsSwitchNode", rows);
}

static void script_transform(void **state)
{
    static const struct row rows[] = {
        {"{\"jsScript\":\"msg.b = 2; metadata.x = 'y'; return {msg: msg, metadata: metadata, "
         "msgType: msgType};\"}",
         "T", "{\"a\":1}", "k=v", "Success T {\"a\":1,\"b\":2} " DEV ",k=v,x=y\n"},
        {"{\"jsScript\":\"return {msgType: 'POST_TELEMETRY_REQUEST'}\"}", "T", "{\"a\":1}", "",
         "Success POST_TELEMETRY_REQUEST {\"a\":1} " DEV "\n"},
        {"{\"jsScript\":\"return {metadata: {only: 1}}\"}", "T", "{}", "k=v",
         "Success T {} only=1\n"},
        {"{\"jsScript\":\"return msg.map(function (m) { return {msg: m, msgType: 'one'}; })\"}",
         "T", "[{\"a\":1},{\"a\":2}]", "",
         "Success one {\"a\":1} " DEV "\nSuccess one {\"a\":2} " DEV "\n"},
        {"{\"jsScript\":\"return []\"}", "T", "{}", "", ""},
        {"{\"jsScript\":\"return 'text'\"}", "T", "{}", "", "Failure T {} " DEV "\n"},
    };
    CHECK_ROWS(*state, "transform.TbTransformMsgNode", rows);
}

static void delete_keys(void **state)
{
    static const struct row rows[] = {
        {"{\"deleteFrom\":\"DATA\",\"keys\":[\"a\",\"temp.*\"]}", "T",
         "{\"a\":1,\"b\":12345678901234567890,\"temperature\":1,\"untemp\":1.50}", "",
         "Success T {\"b\":12345678901234567890,\"untemp\":1.50} " DEV "\n"},
        {NULL, "T", "{\"b\":1}", "", "Success T {\"b\":1} " DEV "\n"},
        {NULL, "T", "[1]", "", "Success T [1] " DEV "\n"},
        {"{\"deleteFrom\":\"METADATA\",\"keys\":[\"device.*\",\"k\\\\d\"]}", "T", "{\"k1\":1}",
         "k1=a,k22=b", "Success T {\"k1\":1} k22=b\n"},
        // Older exports.
        {"{\"fromMetadata\":true,\"keys\":[\"k1\"]}", "T", "{\"k1\":1}", "k1=a",
         "Success T {\"k1\":1} " DEV "\n"},
        {"{\"fromMetadata\":false,\"keys\":[\"k1\"]}", "T", "{\"k1\":1}", "k1=a",
         "Success T {} " DEV ",k1=a\n"},
    };
    CHECK_ROWS(*state, "transform.TbDeleteKeysNode", rows);
}

static void rename_keys(void **state)
{
    static const struct row rows[] = {
        {"{\"renameIn\":\"DATA\",\"renameKeysMapping\":{\"temp\":\"temperature\",\"no\":\"x\"}}",
         "T", "{\"temp\":1.0,\"b\":2}", "temp=m",
         "Success T {\"b\":2,\"temperature\":1.0} " DEV ",temp=m\n"},
        {NULL, "T", "[]", "", "Success T [] " DEV "\n"},
        {"{\"renameIn\":\"METADATA\",\"renameKeysMapping\":{\"deviceType\":\"kind\"}}", "T", "{}",
         "", "Success T {} deviceName=dev,kind=default\n"},
        {"{\"fromMetadata\":false,\"renameKeysMapping\":{\"a\":\"b\"}}", "T", "{\"a\":1,\"b\":2}",
         "", "Success T {\"b\":1} " DEV "\n"},
    };
    CHECK_ROWS(*state, "transform.TbRenameKeysNode", rows);
}

static void copy_keys(void **state)
{
    static const struct row rows[] = {
        {"{\"copyFrom\":\"DATA\",\"keys\":[\"a\",\"s\",\"o\"]}", "T",
         "{\"a\":1.50,\"s\":\"t\\u0041\",\"o\":{\"x\":[1]},\"n\":1}", "a=old",
         "Success T {\"a\":1.50,\"s\":\"t\\u0041\",\"o\":{\"x\":[1]},\"n\":1} " DEV
         ",a=1.50,s=tA,o={\"x\":[1]}\n"},
        {"{\"copyFrom\":\"METADATA\",\"keys\":[\"device(Name|Type)\"]}", "T", "{\"a\":1}", "",
         "Success T {\"a\":1,\"deviceName\":\"dev\",\"deviceType\":\"default\"} " DEV "\n"},
        {NULL, "T", "5", "", "Success T 5 " DEV "\n"},
    };
    CHECK_ROWS(*state, "transform.TbCopyKeysNode", rows);
}

static void originator_fields(void **state)
{
    static const struct row rows[] = {
        {"{\"dataMapping\":{\"name\":\"n\",\"type\":\"t\",\"label\":\"l\",\"entityType\":\"e\","
         "\"nothing\":\"x\"},\"ignoreNullStrings\":false,\"fetchTo\":\"METADATA\"}",
         "T", "{}", "n=old", "Success T {} " DEV ",n=dev,t=default,l=lab,e=DEVICE\n"},
        {"{\"dataMapping\":{\"name\":\"n\"},\"fetchTo\":\"DATA\"}", "T", "{\"a\":1}", "",
         "Success T {\"a\":1,\"n\":\"dev\"} " DEV "\n"},
        {NULL, "T", "[1]", "", "Failure T [1] " DEV "\n"},
        // Older exports.
        {"{\"fieldsMapping\":{\"name\":\"deviceName2\"}}", "T", "{}", "",
         "Success T {} " DEV ",deviceName2=dev\n"},
    };
    CHECK_ROWS(*state, "metadata.TbGetOriginatorFieldsNode", rows);
}

static void originator_attributes(void **state)
{
    struct hub_fixture *f = *state;
    static const struct row rows[] = {
        {"{\"clientAttributeNames\":[\"c\"],\"sharedAttributeNames\":[\"s\"],"
         "\"serverAttributeNames\":[\"v\",\"${which}\",\"$[in.data]\"],"
         "\"latestTsKeyNames\":[\"t\"],\"tellFailureIfAbsent\":true,\"fetchTo\":\"METADATA\"}",
         "T", "{\"in\":{\"data\":\"v3\"}}", "which=v2",
         "Success T {\"in\":{\"data\":\"v3\"}} " DEV
         ",which=v2,cs_c=1,shared_s=text,ss_v=true,ss_v2=2.5,ss_v3={\"a\":1},t=22\n"},
        {"{\"sharedAttributeNames\":[\"s\"],\"latestTsKeyNames\":[\"t\"],"
         "\"getLatestValueWithTs\":true,\"fetchTo\":\"DATA\"}",
         "T", "{\"a\":1}", "",
         "Success T {\"a\":1,\"shared_s\":\"text\",\"t\":{\"ts\":5000,\"value\":22}} " DEV "\n"},
        // What there is comes along, also by Failure.
        {"{\"serverAttributeNames\":[\"v\",\"absent\"]}", "T", "{}", "",
         "Failure T {} " DEV ",ss_v=true\n"},
        {"{\"serverAttributeNames\":[\"v\",\"absent\"],\"latestTsKeyNames\":[\"none\"],"
         "\"tellFailureIfAbsent\":false}",
         "T", "{}", "", "Success T {} " DEV ",ss_v=true\n"},
        {"{\"fetchToData\":true,\"serverAttributeNames\":[\"v\"]}", "T", "{}", "",
         "Success T {\"ss_v\":true} " DEV "\n"},
        {"{}", "T", "{}", "", "Success T {} " DEV "\n"},
    };
    struct kv kv = {SPAN("t"), value_long(22)};
    struct kv_group g = {5000, &kv, 1};
    put_attribute(f, STORE_CLIENT, "c", value_long(1));
    put_attribute(f, STORE_SHARED, "s", value_string(SPAN("text")));
    put_attribute(f, STORE_SERVER, "v", value_bool(true));
    put_attribute(f, STORE_SERVER, "v2", value_double(2.5));
    put_attribute(f, STORE_SERVER, "v3", value_json(SPAN("{\"a\":1}")));
    use_node(f, "telemetry.TbMsgTimeseriesNode", "{}", all);
    send_msg(f, &(struct hub_msg){.type = RULE_MSG_POST_TELEMETRY_REQUEST,
                                  .originator = f->device,
                                  .ts_ms = 1,
                                  .telemetry = &g});
    buf_clear(&f->out);
    CHECK_ROWS(f, "metadata.TbGetAttributesNode", rows);
}

// What a message has saved is there for the nodes behind it, before anything is durable.
static void attributes_of_the_same_run(void **state)
{
    struct hub_fixture *f = *state;
    char ok[300];
    struct buf b = {0};
    put_attribute(f, STORE_CLIENT, "a", value_long(1));
    buf_printf(&b,
               "{\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.telemetry.TbMsgAttributesNode\","
               "\"name\":\"s\",\"configuration\":{\"scope\":\"CLIENT_SCOPE\"}},"
               "{\"type\":\"x.metadata.TbGetAttributesNode\",\"name\":\"g\",\"configuration\":"
               "{\"clientAttributeNames\":[\"a\"]}},%s],\"connections\":["
               "{\"fromIndex\":0,\"toIndex\":1,\"type\":\"Success\"},"
               "{\"fromIndex\":1,\"toIndex\":2,\"type\":\"Success\"}]}",
               sink_node(f, "Success", ok));
    use_chain(f, buf_cstr(&b));
    buf_free(&b);
    send_json(f, "POST_ATTRIBUTES_REQUEST", "{\"a\":2}", "");
    expect_out(f, "Success POST_ATTRIBUTES_REQUEST {\"a\":2} " DEV ",notifyDevice=false,cs_a=2\n");
}

static void ignore_status(void *ctx, int status)
{
    (void)ctx;
    assert_int_equal(status, 0);
}

// So is what was committed before, durable or not.
static void attributes_of_earlier_commits(void **state)
{
    struct hub_fixture *f = *state;
    use_node(f, "metadata.TbGetAttributesNode", "{\"serverAttributeNames\":[\"a\"]}", all);
    for (int i = 1; i <= 20; i++) {
        char want[100];
        struct kv kv = {SPAN("a"), value_long(i)};
        hub_save_attributes(f->hub, f->device, STORE_SERVER, &kv, 1, NULL, ignore_status, NULL);
        send_json(f, "T", "{}", "");
        snprintf(want, sizeof want, "Success T {} " DEV ",ss_a=%d\n", i);
        if (!strstr(buf_cstr(&f->out), want))
            fail_msg("%s in %s", want, buf_cstr(&f->out));
        buf_clear(&f->out);
    }
}

static void flow_nodes(void **state)
{
    static const struct row rows[] = {
        {"{}", "T", "{}", "", "Success T {} " DEV "\n"},
    };
    CHECK_ROWS(*state, "flow.TbAckNode", rows);
    CHECK_ROWS(*state, "flow.TbCheckpointNode", rows);
}

static void log_node(void **state)
{
    static const struct row rows[] = {
        {"{\"scriptLang\":\"TBEL\",\"jsScript\":\"\",\"tbelScript\":\"return '\\\\nIncoming "
         "message:\\\\n' + JSON.stringify(msg);\"}",
         "T", "{}", "", "Success T {} " DEV "\n"},
        {"{\"jsScript\":\"return nope\"}", "T", "{}", "", "Failure T {} " DEV "\n"},
    };
    CHECK_ROWS(*state, "action.TbLogNode", rows);
}

static void external_nodes_without_a_sink_fail(void **state)
{
    static const struct row rows[] = {
        {"{}", "T", "{\"method\":\"m\",\"params\":{}}", "",
         "Failure T {\"method\":\"m\",\"params\":{}} " DEV "\n"},
    };
    static const struct row incomplete[] = {
        {"{}", "T", "{\"method\":\"m\"}", "", "Failure T {\"method\":\"m\"} " DEV "\n"},
        {"{}", "T", "{\"params\":1}", "", "Failure T {\"params\":1} " DEV "\n"},
        {"{}", "T", "{\"method\":\"m\",\"params\":1}", "expirationTime=1",
         "Failure T {\"method\":\"m\",\"params\":1} " DEV ",expirationTime=1\n"},
    };
    CHECK_ROWS(*state, "rpc.TbSendRPCRequestNode", incomplete);
    CHECK_ROWS(*state, "rest.TbRestApiCallNode", rows);
    CHECK_ROWS(*state, "no.SuchNode", rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HUB_FIXTURE_TEST(type_switch),
        HUB_FIXTURE_TEST(type_switch_with_connections_not_drawn),
        HUB_FIXTURE_TEST(type_filter),
        HUB_FIXTURE_TEST(check_fields),
        HUB_FIXTURE_TEST(originator_types),
        HUB_FIXTURE_TEST(script_filter),
        HUB_FIXTURE_TEST(script_switch),
        HUB_FIXTURE_TEST(script_transform),
        HUB_FIXTURE_TEST(delete_keys),
        HUB_FIXTURE_TEST(rename_keys),
        HUB_FIXTURE_TEST(copy_keys),
        HUB_FIXTURE_TEST(originator_fields),
        HUB_FIXTURE_TEST(originator_attributes),
        HUB_FIXTURE_TEST(attributes_of_the_same_run),
        HUB_FIXTURE_TEST(attributes_of_earlier_commits),
        HUB_FIXTURE_TEST(flow_nodes),
        HUB_FIXTURE_TEST(log_node),
        HUB_FIXTURE_TEST(external_nodes_without_a_sink_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
