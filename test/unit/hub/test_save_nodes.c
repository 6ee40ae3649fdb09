// SPDX-License-Identifier: Apache-2.0
#include "hub_fixture.h"

#include <stdio.h>

#include "base/mem.h"

// Tables for the nodes that save: configuration and message in; connections, stored values and
// messages that follow out.

#define DEV "deviceName=dev,deviceType=default"
#define TELEMETRY "POST_TELEMETRY_REQUEST"
#define ATTRIBUTES "POST_ATTRIBUTES_REQUEST"
#define NODE_ID "13814000-1dd2-11b2-8080-808080808080"

struct save_row {
    const char *conf; // NULL = that of the row before, by the same node
    int64_t ts_ms;    // of the message; 0 = 1000
    const char *type, *json, *metadata;
    const char *want;
    // "KEY=TS VALUE;...", "-" = nothing, TS "now" = the hub's time. Attributes: "SCOPE:KEY".
    const char *stored;
};

// What follows from a save is an ATTRIBUTES_UPDATED: it is kept away from the node.
static void use_save_node(struct hub_fixture *f, const char *class, const char *conf)
{
    char sinks[3][300];
    struct buf b = {0};
    f->n_relations = 0;
    buf_printf(&b,
               "{\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.filter.TbMsgTypeFilterNode\","
               "\"name\":\"f\",\"configuration\":{\"messageTypes\":[\"ATTRIBUTES_UPDATED\"]}},"
               "{\"type\":\"x.%s\",\"name\":\"tested\",\"id\":{\"entityType\":\"RULE_NODE\","
               "\"id\":\"" NODE_ID "\"},\"configuration\":%s},%s,%s,%s],\"connections\":["
               "{\"fromIndex\":0,\"toIndex\":1,\"type\":\"False\"},"
               "{\"fromIndex\":0,\"toIndex\":2,\"type\":\"True\"},"
               "{\"fromIndex\":1,\"toIndex\":3,\"type\":\"Success\"},"
               "{\"fromIndex\":1,\"toIndex\":4,\"type\":\"Failure\"}]}",
               class, conf, sink_node(f, "Follows", sinks[0]), sink_node(f, "Success", sinks[1]),
               sink_node(f, "Failure", sinks[2]));
    use_chain(f, buf_cstr(&b));
    buf_free(&b);
}

static const char *stored_text(struct hub_fixture *f, struct span key, char out[200])
{
    char name[64];
    struct span scope = span_cut(&key, ':');
    struct span own = key.n ? key : scope;
    snprintf(name, sizeof name, "%.*s", SPAN_ARG(own));
    return key.n == 0                 ? latest_text(f, name, out)
           : span_is(scope, "client") ? attribute_at(f, STORE_CLIENT, name, out)
           : span_is(scope, "shared") ? attribute_at(f, STORE_SHARED, name, out)
                                      : attribute_at(f, STORE_SERVER, name, out);
}

static void check_stored(struct hub_fixture *f, const char *stored, int64_t sent_ms)
{
    for (struct span rest = span_str(stored); rest.n;) {
        struct span want = span_cut(&rest, ';');
        struct span key = span_cut(&want, '=');
        char out[200];
        struct span value = span_str(stored_text(f, key, out));
        int64_t ts;
        if (span_has_prefix(want, SPAN("now "))) {
            span_cut(&want, ' ');
            assert_true(span_to_i64(span_cut(&value, ' '), &ts));
            assert_in_range(ts, sent_ms, loop_wall_ms(f->loop));
        }
        if (!span_eq(value, want))
            fail_msg("%.*s: %.*s, not %.*s", SPAN_ARG(key), SPAN_ARG(value), SPAN_ARG(want));
    }
}

static void check_rows(struct hub_fixture *f, const char *class, const struct save_row *rows,
                       size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t sent_ms = loop_wall_ms(f->loop);
        if (rows[i].conf)
            use_save_node(f, class, rows[i].conf);
        f->msg_ts_ms = rows[i].ts_ms;
        send_json(f, rows[i].type, rows[i].json, rows[i].metadata);
        expect_out(f, rows[i].want);
        check_stored(f, rows[i].stored, sent_ms);
    }
}

#define CHECK_ROWS(f, class, rows) check_rows(f, class, rows, sizeof rows / sizeof *(rows))

static void time_series(void **state)
{
    static const struct save_row rows[] = {
        {"{\"defaultTTL\":0}", 0, TELEMETRY,
         "{\"a\":1,\"s\":\"text\",\"t\":true,\"d\":1.5,\"o\":{\"x\":[1]}}", "ts=5000",
         "Success " TELEMETRY
         " {\"a\":1,\"s\":\"text\",\"t\":true,\"d\":1.5,\"o\":{\"x\":[1]}} " DEV ",ts=5000\n",
         "a=5000 1;s=5000 text;t=5000 true;d=5000 1.5;o=5000 {\"x\":[1]}"},
        // Without a time of the metadata the message's own.
        {NULL, 4000, TELEMETRY, "{\"b\":1}", "", "Success " TELEMETRY " {\"b\":1} " DEV "\n",
         "b=4000 1"},
        {NULL, 4000, TELEMETRY, "{\"c\":1}", "ts=soon",
         "Success " TELEMETRY " {\"c\":1} " DEV ",ts=soon\n", "c=4000 1"},
        // The time of a group before both.
        {NULL, 0, TELEMETRY, "{\"ts\":9000,\"values\":{\"g\":2}}", "ts=5000",
         "Success " TELEMETRY " {\"ts\":9000,\"values\":{\"g\":2}} " DEV ",ts=5000\n", "g=9000 2"},
        {NULL, 0, TELEMETRY, "[{\"ts\":9000,\"values\":{\"h\":2}},{\"i\":3}]", "ts=5000",
         "Success " TELEMETRY " [{\"ts\":9000,\"values\":{\"h\":2}},{\"i\":3}] " DEV ",ts=5000\n",
         "h=9000 2;i=5000 3"},
        // A TTL is taken, and everything stays.
        {"{\"defaultTTL\":3600,\"skipLatestPersistence\":false}", 0, TELEMETRY, "{\"j\":1}",
         "TTL=60", "Success " TELEMETRY " {\"j\":1} " DEV ",TTL=60\n", "j=1000 1"},
    };
    CHECK_ROWS(*state, "telemetry.TbMsgTimeseriesNode", rows);
}

static void time_series_by_the_hubs_time(void **state)
{
    static const struct save_row rows[] = {
        {"{\"useServerTs\":true}", 0, TELEMETRY, "{\"a\":1}", "ts=5000",
         "Success " TELEMETRY " {\"a\":1} " DEV ",ts=5000\n", "a=now 1"},
        // What says its time itself keeps it.
        {NULL, 0, TELEMETRY, "[{\"ts\":9000,\"values\":{\"b\":2}},{\"c\":3}]", "",
         "Success " TELEMETRY " [{\"ts\":9000,\"values\":{\"b\":2}},{\"c\":3}] " DEV "\n",
         "b=9000 2;c=now 3"},
        {"{\"useServerTs\":false}", 0, TELEMETRY, "{\"d\":1}", "ts=5000",
         "Success " TELEMETRY " {\"d\":1} " DEV ",ts=5000\n", "d=5000 1"},
    };
    CHECK_ROWS(*state, "telemetry.TbMsgTimeseriesNode", rows);
}

static void time_series_fail(void **state)
{
    static const struct save_row rows[] = {
        {"{}", 0, ATTRIBUTES, "{\"a\":1}", "",
         "Failure " ATTRIBUTES " {\"a\":1} " DEV ",notifyDevice=false\n", "a=-;server:a=-"},
        {NULL, 0, "TIMESERIES_UPDATED", "{\"a\":1}", "",
         "Failure TIMESERIES_UPDATED {\"a\":1} " DEV "\n", "a=-"},
        {NULL, 0, "mine", "{\"a\":1}", "", "Failure mine {\"a\":1} " DEV "\n", "a=-"},
        {NULL, 0, TELEMETRY, "{}", "", "Failure " TELEMETRY " {} " DEV "\n", ""},
        {NULL, 0, TELEMETRY, "[]", "", "Failure " TELEMETRY " [] " DEV "\n", ""},
        {NULL, 0, TELEMETRY, "{\"ts\":9000,\"values\":{}}", "",
         "Failure " TELEMETRY " {\"ts\":9000,\"values\":{}} " DEV "\n", ""},
        {NULL, 0, TELEMETRY, "{\"b\":1,\"a\":null}", "",
         "Failure " TELEMETRY " {\"b\":1,\"a\":null} " DEV "\n", "a=-;b=-"},
        {NULL, 0, TELEMETRY, "5", "", "Failure " TELEMETRY " 5 " DEV "\n", ""},
        {NULL, 0, TELEMETRY, "no JSON", "", "Failure " TELEMETRY " no JSON " DEV "\n", ""},
    };
    CHECK_ROWS(*state, "telemetry.TbMsgTimeseriesNode", rows);
    refuse_node(*state, "telemetry.TbMsgTimeseriesNode",
                "{\"processingSettings\":{\"type\":\"SOMETIMES\"}}", "\"SOMETIMES\"");
}

#define SKIP "{\"type\":\"SKIP\"}"
#define EVERY "{\"type\":\"ON_EVERY_MESSAGE\"}"

static void time_series_by_processing_settings(void **state)
{
    static const struct save_row rows[] = {
        {"{\"processingSettings\":" EVERY "}", 0, TELEMETRY, "{\"a\":1}", "",
         "Success " TELEMETRY " {\"a\":1} " DEV "\n", "a=1000 1"},
        {"{\"processingSettings\":{\"type\":\"WEBSOCKETS_ONLY\"}}", 0, TELEMETRY, "{\"b\":1}", "",
         "Success " TELEMETRY " {\"b\":1} " DEV "\n", "b=-"},
        {"{\"processingSettings\":{\"type\":\"ADVANCED\",\"timeseries\":" SKIP ",\"latest\":" SKIP
         ",\"webSockets\":" EVERY "}}",
         0, TELEMETRY, "{\"c\":1}", "", "Success " TELEMETRY " {\"c\":1} " DEV "\n", "c=-"},
        {"{\"processingSettings\":{\"type\":\"ADVANCED\",\"timeseries\":" EVERY ",\"latest\":" SKIP
         ",\"webSockets\":" SKIP "}}",
         0, TELEMETRY, "{\"d\":1}", "", "Success " TELEMETRY " {\"d\":1} " DEV "\n", "d=1000 1"},
        // The first message of each minute, with all that it holds.
        {"{\"processingSettings\":{\"type\":\"DEDUPLICATE\",\"deduplicationIntervalSecs\":60}}",
         60000, TELEMETRY,
         "[{\"ts\":61000,\"values\":{\"e\":1}},{\"ts\":62000,\"values\":{\"e\":2}}]", "",
         "Success " TELEMETRY
         " [{\"ts\":61000,\"values\":{\"e\":1}},{\"ts\":62000,\"values\":{\"e\":2}}] " DEV "\n",
         "e=62000 2"},
        {NULL, 119999, TELEMETRY, "{\"e\":3}", "", "Success " TELEMETRY " {\"e\":3} " DEV "\n",
         "e=62000 2"},
        {NULL, 1, TELEMETRY, "{\"e\":4}", "ts=120000",
         "Success " TELEMETRY " {\"e\":4} " DEV ",ts=120000\n", "e=120000 4"},
    };
    CHECK_ROWS(*state, "telemetry.TbMsgTimeseriesNode", rows);
}

#define POSTED(json) ATTRIBUTES " " json " " DEV ",notifyDevice=false"

static void attributes(void **state)
{
    static const struct save_row rows[] = {
        {"{\"scope\":\"CLIENT_SCOPE\"}", 4000, ATTRIBUTES,
         "{\"a\":1,\"s\":\"text\",\"t\":true,\"d\":1.5,\"o\":{\"x\":[1]}}", "",
         "Success " POSTED("{\"a\":1,\"s\":\"text\",\"t\":true,\"d\":1.5,\"o\":{\"x\":[1]}}") "\n",
         "client:a=4000 1;client:s=4000 text;client:t=4000 true;client:d=4000 1.5;"
         "client:o=4000 {\"x\":[1]};shared:a=-;server:a=-"},
        // The message's scope before the node's.
        {NULL, 0, ATTRIBUTES, "{\"b\":1}", "scope=SHARED_SCOPE",
         "Success " POSTED("{\"b\":1}") ",scope=SHARED_SCOPE\n",
         "client:b=-;shared:b=1000 1;server:b=-"},
        {NULL, 0, ATTRIBUTES, "{\"c\":1}", "scope=SERVER_SCOPE",
         "Success " POSTED("{\"c\":1}") ",scope=SERVER_SCOPE\n",
         "client:c=-;shared:c=-;server:c=1000 1"},
        {NULL, 0, ATTRIBUTES, "{\"d2\":1}", "scope=", "Success " POSTED("{\"d2\":1}") ",scope=\n",
         "client:d2=1000 1"},
        {NULL, 0, ATTRIBUTES, "{}", "", "Success " POSTED("{}") "\n", ""},
        {"{\"scope\":\"SHARED_SCOPE\"}", 0, ATTRIBUTES, "{\"e\":1}", "",
         "Success " POSTED("{\"e\":1}") "\n", "client:e=-;shared:e=1000 1;server:e=-"},
        {"{}", 0, ATTRIBUTES, "{\"f\":1}", "", "Success " POSTED("{\"f\":1}") "\n",
         "client:f=-;shared:f=-;server:f=1000 1"},
    };
    CHECK_ROWS(*state, "telemetry.TbMsgAttributesNode", rows);
}

static void attributes_fail(void **state)
{
    static const struct save_row rows[] = {
        {"{\"scope\":\"SERVER_SCOPE\"}", 0, TELEMETRY, "{\"a\":1}", "",
         "Failure " TELEMETRY " {\"a\":1} " DEV "\n", "server:a=-;a=-"},
        {NULL, 0, "mine", "{\"a\":1}", "", "Failure mine {\"a\":1} " DEV "\n", "server:a=-"},
        {NULL, 0, ATTRIBUTES, "{\"a\":1}", "scope=NO_SCOPE",
         "Failure " POSTED("{\"a\":1}") ",scope=NO_SCOPE\n", "server:a=-"},
        {NULL, 0, ATTRIBUTES, "{\"b\":1,\"a\":null}", "",
         "Failure " POSTED("{\"b\":1,\"a\":null}") "\n", "server:a=-;server:b=-"},
        {NULL, 0, ATTRIBUTES, "[1]", "", "Failure " POSTED("[1]") "\n", ""},
        {NULL, 0, ATTRIBUTES, "no JSON", "", "Failure " POSTED("no JSON") "\n", ""},
    };
    CHECK_ROWS(*state, "telemetry.TbMsgAttributesNode", rows);
    refuse_node(*state, "telemetry.TbMsgAttributesNode", "{\"scope\":\"NO_SCOPE\"}",
                "configuration.scope: \"NO_SCOPE\"");
}

// A value that is as it was keeps its time.
static void attributes_only_on_value_change(void **state)
{
    static const struct save_row rows[] = {
        {"{\"updateAttributesOnlyOnValueChange\":true}", 1000, ATTRIBUTES, "{\"a\":1}", "",
         "Success " POSTED("{\"a\":1}") "\n", "server:a=1000 1"},
        {NULL, 2000, ATTRIBUTES, "{\"a\":1}", "", "Success " POSTED("{\"a\":1}") "\n",
         "server:a=1000 1"},
        {NULL, 3000, ATTRIBUTES, "{\"a\":1,\"b\":1}", "",
         "Success " POSTED("{\"a\":1,\"b\":1}") "\n", "server:a=1000 1;server:b=3000 1"},
        {NULL, 4000, ATTRIBUTES, "{\"a\":2,\"b\":1}", "",
         "Success " POSTED("{\"a\":2,\"b\":1}") "\n", "server:a=4000 2;server:b=3000 1"},
        {NULL, 5000, ATTRIBUTES, "{\"a\":true}", "", "Success " POSTED("{\"a\":true}") "\n",
         "server:a=5000 true"},
        {NULL, 6000, ATTRIBUTES, "{\"a\":true}", "scope=SHARED_SCOPE",
         "Success " POSTED("{\"a\":true}") ",scope=SHARED_SCOPE\n",
         "server:a=5000 true;shared:a=6000 true"},
        // Without a word only on change, too.
        {"{}", 7000, ATTRIBUTES, "{\"a\":true}", "", "Success " POSTED("{\"a\":true}") "\n",
         "server:a=5000 true"},
        {"{\"updateAttributesOnlyOnValueChange\":false}", 8000, ATTRIBUTES, "{\"a\":true}", "",
         "Success " POSTED("{\"a\":true}") "\n", "server:a=8000 true"},
    };
    CHECK_ROWS(*state, "telemetry.TbMsgAttributesNode", rows);
}

#define FOLLOWS(json, scope)                                                                       \
    "Follows ATTRIBUTES_UPDATED " json " " DEV ",scope=" scope ",ruleNodeId=" NODE_ID "\n"

static void messages_follow_saved_attributes(void **state)
{
    static const struct save_row rows[] = {
        {"{\"scope\":\"SHARED_SCOPE\",\"sendAttributesUpdatedNotification\":true,"
         "\"updateAttributesOnlyOnValueChange\":false}",
         1000, ATTRIBUTES, "{\"a\":1}", "",
         FOLLOWS("{\"a\":1}", "SHARED_SCOPE") "Success " POSTED("{\"a\":1}") "\n",
         "shared:a=1000 1"},
        {NULL, 2000, ATTRIBUTES, "{\"a\":1}", "",
         FOLLOWS("{\"a\":1}", "SHARED_SCOPE") "Success " POSTED("{\"a\":1}") "\n",
         "shared:a=2000 1"},
        {NULL, 0, ATTRIBUTES, "{\"b\":1}", "scope=SERVER_SCOPE",
         FOLLOWS("{\"b\":1}",
                 "SERVER_SCOPE") "Success " POSTED("{\"b\":1}") ",scope=SERVER_SCOPE\n",
         "server:b=1000 1"},
        // Nothing follows from what a device says about itself.
        {NULL, 0, ATTRIBUTES, "{\"c\":1}", "scope=CLIENT_SCOPE",
         "Success " POSTED("{\"c\":1}") ",scope=CLIENT_SCOPE\n", "client:c=1000 1"},
        {NULL, 0, ATTRIBUTES, "{}", "", "Success " POSTED("{}") "\n", ""},
        {NULL, 0, ATTRIBUTES, "{\"d\":null}", "", "Failure " POSTED("{\"d\":null}") "\n", ""},
        {"{\"sendAttributesUpdatedNotification\":false}", 0, ATTRIBUTES, "{\"e\":1}", "",
         "Success " POSTED("{\"e\":1}") "\n", "server:e=1000 1"},
        // Only what has changed, and then only.
        {"{\"sendAttributesUpdatedNotification\":true,\"updateAttributesOnlyOnValueChange\":true}",
         1000, ATTRIBUTES, "{\"f\":1,\"g\":\"x\"}", "",
         FOLLOWS("{\"f\":1,\"g\":\"x\"}",
                 "SERVER_SCOPE") "Success " POSTED("{\"f\":1,\"g\":\"x\"}") "\n",
         "server:f=1000 1;server:g=1000 x"},
        {NULL, 2000, ATTRIBUTES, "{\"f\":1,\"g\":\"x\"}", "",
         "Success " POSTED("{\"f\":1,\"g\":\"x\"}") "\n", "server:f=1000 1;server:g=1000 x"},
        {NULL, 3000, ATTRIBUTES, "{\"f\":1,\"g\":\"y\"}", "",
         FOLLOWS("{\"g\":\"y\"}", "SERVER_SCOPE") "Success " POSTED("{\"f\":1,\"g\":\"y\"}") "\n",
         "server:f=1000 1;server:g=3000 y"},
    };
    CHECK_ROWS(*state, "telemetry.TbMsgAttributesNode", rows);
}

// What the same run has saved before is known, too.
static void nothing_follows_from_what_the_same_message_has_saved(void **state)
{
    struct hub_fixture *f = *state;
    char sinks[2][300];
    struct buf b = {0};
    buf_printf(&b,
               "{\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.filter.TbMsgTypeFilterNode\","
               "\"name\":\"f\",\"configuration\":{\"messageTypes\":[\"ATTRIBUTES_UPDATED\"]}},"
               "{\"type\":\"x.telemetry.TbMsgAttributesNode\",\"name\":\"first\","
               "\"configuration\":{}},"
               "{\"type\":\"x.telemetry.TbMsgAttributesNode\",\"name\":\"tested\","
               "\"configuration\":{\"sendAttributesUpdatedNotification\":true}},%s,%s],"
               "\"connections\":[{\"fromIndex\":0,\"toIndex\":1,\"type\":\"False\"},"
               "{\"fromIndex\":0,\"toIndex\":3,\"type\":\"True\"},"
               "{\"fromIndex\":1,\"toIndex\":2,\"type\":\"Success\"},"
               "{\"fromIndex\":2,\"toIndex\":4,\"type\":\"Success\"}]}",
               sink_node(f, "Follows", sinks[0]), sink_node(f, "Success", sinks[1]));
    use_chain(f, buf_cstr(&b));
    buf_free(&b);
    send_json(f, ATTRIBUTES, "{\"a\":1}", "");
    expect_out(f, "Success " POSTED("{\"a\":1}") "\n");
}

static void attributes_by_processing_settings(void **state)
{
    static const struct save_row rows[] = {
        {"{\"processingSettings\":{\"type\":\"WEBSOCKETS_ONLY\"}}", 0, ATTRIBUTES, "{\"a\":1}", "",
         "Success " POSTED("{\"a\":1}") "\n", "server:a=-"},
        {"{\"processingSettings\":{\"type\":\"ADVANCED\",\"attributes\":" SKIP
         ",\"webSockets\":" EVERY "}}",
         0, ATTRIBUTES, "{\"b\":1}", "", "Success " POSTED("{\"b\":1}") "\n", "server:b=-"},
        {"{\"processingSettings\":{\"type\":\"ADVANCED\",\"attributes\":" EVERY "}}", 0, ATTRIBUTES,
         "{\"c\":1}", "", "Success " POSTED("{\"c\":1}") "\n", "server:c=1000 1"},
        {"{\"processingSettings\":{\"type\":\"DEDUPLICATE\",\"deduplicationIntervalSecs\":60}}",
         60000, ATTRIBUTES, "{\"d\":1}", "", "Success " POSTED("{\"d\":1}") "\n",
         "server:d=60000 1"},
        {NULL, 119999, ATTRIBUTES, "{\"d\":2}", "", "Success " POSTED("{\"d\":2}") "\n",
         "server:d=60000 1"},
        {NULL, 120000, ATTRIBUTES, "{\"d\":2}", "", "Success " POSTED("{\"d\":2}") "\n",
         "server:d=120000 2"},
    };
    CHECK_ROWS(*state, "telemetry.TbMsgAttributesNode", rows);
}

#define MIB (1 << 20)
#define MESSAGES 300

static void on_run_done(struct hub_run *r)
{
    *(bool *)r->data = true;
}

static void on_durable(void *ctx, int status)
{
    struct hub_fixture *f = ctx;
    f->status = status;
    f->done = true;
}

// What one run saves is bounded: more than the store takes at once would stop everything.
static void a_run_that_saves_too_much_fails_in_part(void **state)
{
    struct hub_fixture *f = *state;
    struct hub_run run;
    bool ended = false;
    char *text = mem_alloc(MIB);
    memset(text, 'x', MIB);
    use_chain(f, "{\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.telemetry.TbMsgTimeseriesNode\","
                 "\"name\":\"s\",\"configuration\":{}}],\"connections\":[]}");
    hub_run_begin(f->hub, &run);
    run.data = &ended;
    run.done = on_run_done;
    for (int i = 0; i < MESSAGES; i++) {
        struct kv kv = {SPAN("k"), value_string(span_of(text, MIB))};
        struct kv_group g = {i + 1, &kv, 1};
        struct hub_msg m = {.type = RULE_MSG_POST_TELEMETRY_REQUEST,
                            .originator = f->device,
                            .ts_ms = 1,
                            .telemetry = &g};
        hub_run_message(&run, &m);
    }
    assert_true(hub_run_finish(&run));
    assert_in_range(run.failures, 1, MESSAGES - 100);
    f->done = false;
    hub_run_commit(&run, on_durable, f);
    hub_fixture_wait(f, &f->done);
    assert_int_equal(f->status, 0);
    mem_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HUB_FIXTURE_TEST(time_series),
        HUB_FIXTURE_TEST(time_series_by_the_hubs_time),
        HUB_FIXTURE_TEST(time_series_fail),
        HUB_FIXTURE_TEST(time_series_by_processing_settings),
        HUB_FIXTURE_TEST(attributes),
        HUB_FIXTURE_TEST(attributes_fail),
        HUB_FIXTURE_TEST(attributes_only_on_value_change),
        HUB_FIXTURE_TEST(messages_follow_saved_attributes),
        HUB_FIXTURE_TEST(nothing_follows_from_what_the_same_message_has_saved),
        HUB_FIXTURE_TEST(attributes_by_processing_settings),
        HUB_FIXTURE_TEST(a_run_that_saves_too_much_fails_in_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
