// SPDX-License-Identifier: Apache-2.0
#include "hub_fixture.h"

#include <stdio.h>

// Chains at work: nested ones, loops, chains of device profiles, delays, scripts that hang.

#define DEV "deviceName=dev,deviceType=default"

static struct hub_stats stats_of(struct hub_fixture *f)
{
    struct hub_stats s;
    hub_get_stats(f->hub, &s);
    return s;
}

static const char *const success_failure[] = {"Success", "Failure", NULL};

static void two_levels(struct hub_fixture *f, const char *connection)
{
    struct buf b = {0};
    char sink[300];
    const char *inner = add_chain(
        f, "inner",
        "{\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.filter.TbMsgTypeFilterNode\",\"name\":"
        "\"f\","
        "\"configuration\":{\"messageTypes\":[\"A\"]}},"
        "{\"type\":\"x.flow.TbRuleChainOutputNode\",\"name\":\"was A\"},"
        "{\"type\":\"x.flow.TbRuleChainOutputNode\",\"name\":\"was not\"}],\"connections\":["
        "{\"fromIndex\":0,\"toIndex\":1,\"type\":\"True\"},"
        "{\"fromIndex\":0,\"toIndex\":2,\"type\":\"False\"}]}");
    buf_printf(&b,
               "{\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.flow.TbRuleChainInputNode\","
               "\"name\":\"in\",\"configuration\":{\"ruleChainId\":\"%s\"}},%s],\"connections\":["
               "{\"fromIndex\":0,\"toIndex\":1,\"type\":\"%s\"}]}",
               inner, sink_node(f, "out", sink), connection);
    use_chain(f, buf_cstr(&b));
    buf_free(&b);
}

static void chains_nest(void **state)
{
    struct hub_fixture *f = *state;
    two_levels(f, "was A");
    send_json(f, "A", "{}", "");
    expect_out(f, "out A {} " DEV "\n");
    send_json(f, "B", "{}", "");
    expect_out(f, "");
}

// Older exports lead from a node straight into another chain.
static void old_connections_between_chains(void **state)
{
    struct hub_fixture *f = *state;
    char sink[300];
    struct buf b = {0}, inner = {0};
    buf_printf(&inner, "{\"firstNodeIndex\":0,\"nodes\":[%s]}", sink_node(f, "inner", sink));
    const char *id = add_chain(f, "inner", buf_cstr(&inner));
    buf_printf(&b,
               "{\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.filter.TbMsgTypeSwitchNode\","
               "\"name\":\"s\"}],\"connections\":[],\"ruleChainConnections\":[{\"fromIndex\":0,"
               "\"targetRuleChainId\":{\"entityType\":\"RULE_CHAIN\",\"id\":\"%s\"},"
               "\"additionalInfo\":null,\"type\":\"Other\"}]}",
               id);
    use_chain(f, buf_cstr(&b));
    buf_free(&b);
    buf_free(&inner);
    send_json(f, "A", "{}", "");
    expect_out(f, "inner A {} " DEV "\n");
}

// A chain that leads into itself ends, and so does one whose scripts send a message round.
static void chains_that_lead_into_each_other_end(void **state)
{
    struct hub_fixture *f = *state;
    char id[UUID_TEXT_LEN + 1];
    struct buf b = {0};
    uint64_t before = stats_of(f).node_failures;
    uuid_format(hub_root_chain(f->hub)->id, id);
    buf_printf(
        &b,
        "{\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.flow.TbRuleChainInputNode\","
        "\"name\":\"in\",\"id\":{\"id\":\"%s\"},\"debugSettings\":{\"failuresEnabled\":true},"
        "\"configuration\":{\"ruleChainId\":\"%s\"}}]}",
        id, id);
    use_chain(f, buf_cstr(&b));
    buf_clear(&b);
    send_json(f, "A", "{}", "");
    assert_int_equal(stats_of(f).node_failures, before + 1);
    const struct event *v = events_next(hub_events(f->hub), hub_root_chain(f->hub)->id, NULL);
    assert_non_null(v);
    buf_add_span(&b, v->body);
    assert_non_null(strstr(buf_cstr(&b), "too many rule chains at once"));
    buf_free(&b);
    // Two ways on at each turn: without a common count this would go on for ever.
    use_chain(f, "{\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.transform.TbTransformMsgNode\","
                 "\"name\":\"t\",\"configuration\":{\"jsScript\":\"return [{}, {}]\"}}],"
                 "\"connections\":[{\"fromIndex\":0,\"toIndex\":0,\"type\":\"Success\"}]}");
    before = stats_of(f).node_failures;
    send_json(f, "A", "{}", "");
    assert_true(stats_of(f).node_failures > before);
}

// Scripts that make much of a message are stopped by its bytes, too.
static void what_scripts_make_is_bounded(void **state)
{
    struct hub_fixture *f = *state;
    use_chain(f, "{\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.transform.TbTransformMsgNode\","
                 "\"name\":\"t\",\"id\":{\"id\":\"11111111-1111-1111-8111-111111111111\"},"
                 "\"debugSettings\":{\"failuresEnabled\":true},\"configuration\":{\"jsScript\":"
                 "\"var s = 'x'; while (s.length < 1000000) s += s; return {msg: s};\"}}],"
                 "\"connections\":[{\"fromIndex\":0,\"toIndex\":0,\"type\":\"Success\"}]}");
    send_json(f, "A", "{}", "");
    struct uuid id;
    assert_true(uuid_parse(SPAN("11111111-1111-1111-8111-111111111111"), &id));
    const struct event *v = events_next(hub_events(f->hub), id, NULL);
    assert_non_null(v);
    struct buf b = {0};
    buf_add_span(&b, v->body);
    assert_non_null(strstr(buf_cstr(&b), "too much of this message"));
    buf_free(&b);
}

static void a_device_profile_may_have_a_chain_of_its_own(void **state)
{
    struct hub_fixture *f = *state;
    char sink[300];
    struct buf own = {0}, root = {0};
    buf_printf(&own, "{\"firstNodeIndex\":0,\"nodes\":[%s]}", sink_node(f, "own", sink));
    buf_printf(&root, "{\"firstNodeIndex\":0,\"nodes\":[%s]}", sink_node(f, "root", sink));
    const char *id = add_chain(f, "own", buf_cstr(&own));
    use_chain(f, buf_cstr(&root));
    buf_free(&own);
    buf_free(&root);
    use_profile_chain(f, id);
    send_json(f, "A", "{}", "");
    expect_out(f, "own A {} " DEV "\n");
    hub_fixture_reopen(f);
    send_json(f, "A", "{}", "");
    expect_out(f, "own A {} " DEV "\n");
    use_profile_chain(f, NULL);
    send_json(f, "A", "{}", "");
    expect_out(f, "root A {} " DEV "\n");
}

static void use_delay(struct hub_fixture *f, const char *conf)
{
    use_node(f, "delay.TbMsgDelayNode", conf, success_failure);
}

// All that was begun so far is durable.
static void wait_for_commits(struct hub_fixture *f)
{
    put_attribute(f, STORE_SERVER, "after", value_long(1));
}

static void delayed_messages_go_on_once(void **state)
{
    struct hub_fixture *f = *state;
    use_delay(f, "{\"periodValue\":1,\"periodTimeUnit\":\"SECONDS\",\"maxPendingMsgs\":2,"
                 "\"usePeriodValuePattern\":true,\"periodValuePattern\":\"${period}\"}");
    send_json(f, "A", "{\"n\":1}", "period=3600");
    expect_out(f, "");
    send_json(f, "A", "{\"n\":2}", "period=0");
    while (f->out.n == 0)
        hub_fixture_turn(f);
    expect_out(f, "Success A {\"n\":2} " DEV ",period=0\n");
    send_json(f, "A", "{}", "period=soon");
    expect_out(f, "Failure A {} " DEV ",period=soon\n");
    // The first one is still there after a restart, and counts.
    hub_fixture_reopen(f);
    send_json(f, "A", "{\"n\":3}", "period=3600");
    expect_out(f, "");
    send_json(f, "A", "{\"n\":4}", "period=3600");
    expect_out(f, "Failure A {\"n\":4} " DEV ",period=3600\n");
}

static void a_delayed_message_survives_a_restart(void **state)
{
    struct hub_fixture *f = *state;
    use_delay(f, "{\"periodInSeconds\":1}");
    send_json(f, "A", "{\"big\":12345678901234567890}", "k=v");
    expect_out(f, "");
    hub_fixture_reopen(f);
    while (f->out.n == 0)
        hub_fixture_turn(f);
    expect_out(f, "Success A {\"big\":12345678901234567890} " DEV ",k=v\n");
    wait_for_commits(f);
    hub_fixture_reopen(f);
    wait_for_commits(f);
    expect_out(f, "");
}

// Its messages fail, soon without being run; other messages of the same chain go on.
static void a_script_that_hangs_harms_its_own_messages_only(void **state)
{
    struct hub_fixture *f = *state;
    char sinks[3][300];
    struct buf b = {0};
    f->time_limit_ms = 100;
    hub_fixture_reopen(f);
    buf_printf(&b,
               "{\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.filter.TbMsgTypeFilterNode\","
               "\"name\":\"f\",\"configuration\":{\"messageTypes\":[\"HANG\"]}},"
               "{\"type\":\"x.filter.TbJsFilterNode\",\"name\":\"hang\",\"configuration\":"
               "{\"jsScript\":\"while (true) {}\"}},"
               "{\"type\":\"x.filter.TbJsFilterNode\",\"name\":\"fine\",\"configuration\":"
               "{\"jsScript\":\"return true\"}},%s,%s],\"connections\":["
               "{\"fromIndex\":0,\"toIndex\":1,\"type\":\"True\"},"
               "{\"fromIndex\":0,\"toIndex\":2,\"type\":\"False\"},"
               "{\"fromIndex\":1,\"toIndex\":3,\"type\":\"Failure\"},"
               "{\"fromIndex\":2,\"toIndex\":4,\"type\":\"True\"}]}",
               sink_node(f, "failed", sinks[0]), sink_node(f, "went on", sinks[1]));
    use_chain(f, buf_cstr(&b));
    buf_free(&b);
    for (int i = 0; i < 20; i++)
        send_json(f, "HANG", "{}", "");
    struct convert_stats s;
    convert_get_stats(f->pool, &s);
    assert_in_range(s.timeouts, 1, 10);
    buf_clear(&f->out);
    send_json(f, "OTHER", "{}", "");
    expect_out(f, "went on OTHER {} " DEV "\n");
    // Within one run, too.
    send_json(f, "HANG", "{}", "");
    expect_out(f, "failed HANG {} " DEV "\n");
}

// A sink that queues what it gets in the run's transaction, as the bridge does.
static int queue_row(void *ctx, struct hub_downlink_request *q, struct err *e)
{
    struct hub_fixture *f = ctx;
    struct store_outbox_row row = {.integration = q->integration,
                                   .stream = SPAN("s"),
                                   .partition_key = SPAN("k"),
                                   .data = q->input.msg_json,
                                   .created_ms = 1};
    (void)e;
    store_txn_outbox_add(q->run->txn, &row);
    hub_run_outbox(q->run, q->integration);
    list_push(&f->requests, &q->link);
    loop_post(f->loop, &f->task);
    return 0;
}

static void on_ended(struct hub_run *r)
{
    *(bool *)r->data = true;
}

static void on_change(void *ctx, int status);

// An uplink's telemetry and the downlink it causes: both or neither.
static void a_downlink_commits_with_its_uplink(void **state)
{
    struct hub_fixture *f = *state;
    struct hub_downlink_sink sink = {.ctx = f, .submit = queue_row};
    struct kv kv = {SPAN("t"), value_long(1)};
    struct kv_group g = {7000, &kv, 1};
    struct uplink_msg m = {.name = SPAN("dev"), .telemetry = &g, .n_telemetry = 1};
    struct hub_uplink_options o = {.arrival_ms = 1};
    struct store_stats s;
    struct err e = {0};
    char node[300], out[200];
    struct buf b = {0};
    buf_printf(&b,
               "{\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.telemetry.TbMsgTimeseriesNode\","
               "\"name\":\"s\"},%s],\"connections\":[{\"fromIndex\":0,\"toIndex\":1,\"type\":"
               "\"Success\"}]}",
               sink_node(f, "down", node));
    use_chain(f, buf_cstr(&b));
    buf_free(&b);
    hub_set_sink(f->hub, &sink);
    for (int commit = 0; commit < 2; commit++) {
        struct hub_run run;
        bool ended = false;
        hub_run_begin(f->hub, &run);
        run.data = &ended;
        run.done = on_ended;
        assert_int_equal(hub_apply_uplink(&run, &m, &o, &e), 0);
        assert_false(hub_run_finish(&run));
        hub_fixture_wait(f, &ended);
        f->done = false;
        if (commit)
            hub_run_commit(&run, on_change, f);
        else
            hub_run_abort(&run);
        if (commit)
            hub_fixture_wait(f, &f->done);
        store_get_stats(f->store, &s);
        assert_int_equal(s.outbox_rows, commit);
        assert_string_equal(latest_text(f, "t", out), commit ? "7000 1" : "-");
    }
}

static void on_change(void *ctx, int status)
{
    struct hub_fixture *f = ctx;
    f->status = status;
    f->done = true;
}

// Their messages carry the device as it is then, and its name in the metadata.
static void devices_are_changed_and_deleted(void **state)
{
    struct hub_fixture *f = *state;
    struct hub_user user = {uuid_null, SPAN("Ann"), SPAN("a@b")};
    struct err e = {0};
    static const char *const relations[] = {"Entity Updated", "Entity Deleted", NULL};
    use_node(f, "filter.TbMsgTypeSwitchNode", "{}", relations);
    put_attribute(f, STORE_SERVER, "a", value_long(1));
    f->done = false;
    assert_int_equal(hub_update_device(f->hub, f->device, SPAN("boiler"), SPAN("cellar"), &user,
                                       on_change, f, &e),
                     0);
    // Durable first, seen then.
    assert_span_is(f->device->label, "lab");
    hub_fixture_wait(f, &f->done);
    assert_int_equal(f->status, 0);
    assert_span_is(f->device->label, "cellar");
    assert_span_is(hub_profile_name(f->hub, f->device->profile), "boiler");
    assert_non_null(strstr(buf_cstr(&f->out), "Entity Updated ENTITY_UPDATED {\"id\":"));
    assert_non_null(strstr(buf_cstr(&f->out), "\"type\":\"boiler\",\"label\":\"cellar\""));
    assert_non_null(strstr(buf_cstr(&f->out), "userName=Ann"));
    assert_non_null(strstr(buf_cstr(&f->out), "entityName=dev,entityType=DEVICE"));
    buf_clear(&f->out);
    hub_fixture_reopen(f);
    assert_span_is(f->device->label, "cellar");
    f->done = false;
    hub_delete_device(f->hub, f->device, &user, on_change, f);
    assert_null(hub_find_device(f->hub, SPAN("dev")));
    hub_fixture_wait(f, &f->done);
    assert_int_equal(f->status, 0);
    assert_non_null(strstr(buf_cstr(&f->out), "Entity Deleted ENTITY_DELETED {\"id\":"));
    assert_null(store_find_device(f->store, SPAN("dev"), false));
    f->done = false;
    f->device = hub_create_device(f->hub, SPAN("dev"), SPAN_NONE, SPAN("lab"), SPAN_NONE, NULL,
                                  on_change, f, &e);
    assert_non_null(f->device);
    hub_fixture_wait(f, &f->done);
    char out[200];
    assert_string_equal(attribute_text(f, STORE_SERVER, "a", out), "-");
}

static void on_run_ended(struct hub_run *r)
{
    *(bool *)r->data = true;
}

// A run that makes a device, at its end.
static void make_device(struct hub_fixture *f, struct hub_run *run, const char *name)
{
    struct err e = {0};
    struct uplink_msg m = {.name = span_str(name), .type = SPAN("by uplink")};
    bool ended = false;
    buf_clear(&f->out);
    hub_run_begin(f->hub, run);
    run->data = &ended;
    run->done = on_run_ended;
    assert_non_null(hub_resolve_device(run, &m, true, &e));
    if (!hub_run_finish(run))
        hub_fixture_wait(f, &ended);
    assert_non_null(strstr(buf_cstr(&f->out), "True ENTITY_CREATED {"));
    buf_clear(&f->out);
}

static void commit(struct hub_fixture *f, struct hub_run *run)
{
    f->done = false;
    hub_run_commit(run, on_change, f);
    hub_fixture_wait(f, &f->done);
    assert_int_equal(f->status, 0);
}

// Nobody has seen it: its name is free, and the next one that needs it makes it.
static void a_device_that_was_made_in_vain_is_made_again(void **state)
{
    struct hub_fixture *f = *state;
    static const char *const relations[] = {"True", NULL};
    struct err e = {0};
    struct hub_run run;
    use_node(f, "filter.TbMsgTypeFilterNode", "{\"messageTypes\":[\"ENTITY_CREATED\"]}", relations);
    make_device(f, &run, "one");
    hub_run_drop_effects(&run);
    commit(f, &run);
    make_device(f, &run, "two");
    hub_run_abort(&run);
    f->done = false;
    assert_non_null(hub_create_device(f->hub, SPAN("one"), SPAN("by hand"), SPAN("lab"), SPAN_NONE,
                                      NULL, on_change, f, &e));
    hub_fixture_wait(f, &f->done);
    assert_int_equal(f->status, 0);
    assert_non_null(strstr(buf_cstr(&f->out), "True ENTITY_CREATED {"));
    make_device(f, &run, "two");
    commit(f, &run);
    for (int again = 0; again < 2; again++) {
        struct store_device *one = hub_find_device(f->hub, SPAN("one"));
        assert_non_null(one);
        assert_span_is(one->label, "lab");
        assert_span_is(hub_profile_name(f->hub, one->profile), "by hand");
        assert_non_null(hub_find_device(f->hub, SPAN("two")));
        assert_int_equal(store_count_devices(f->store), 3);
        if (!again)
            hub_fixture_reopen(f);
    }
}

static void on_profile(void *ctx, int status, struct entity *e, const struct err *err)
{
    (void)ctx;
    (void)e;
    (void)err;
    assert_int_equal(status, 0);
}

static void a_profile_on_its_way_is_not_made_again(void **state)
{
    struct hub_fixture *f = *state;
    struct registry *r = hub_registry(f->hub);
    struct err e = {0};
    struct json *doc = json_new_object();
    size_t before = registry_count(r, STORE_PROFILE);
    json_set_str(doc, "name", SPAN("boiler"));
    registry_save(r, STORE_PROFILE, doc, on_profile, NULL);
    f->done = false;
    struct store_device *d = hub_create_device(f->hub, SPAN("b1"), SPAN("boiler"), SPAN_NONE,
                                               SPAN_NONE, NULL, on_change, f, &e);
    assert_non_null(d);
    hub_fixture_wait(f, &f->done);
    assert_int_equal(registry_count(r, STORE_PROFILE), before + 1);
    assert_span_is(hub_profile_name(f->hub, d->profile), "boiler");
}

static void a_delayed_message_of_a_deleted_device_ends(void **state)
{
    struct hub_fixture *f = *state;
    use_delay(f, "{\"periodInSeconds\":1}");
    send_json(f, "A", "{}", "");
    f->done = false;
    hub_delete_device(f->hub, f->device, NULL, on_change, f);
    hub_fixture_wait(f, &f->done);
    uint64_t before = stats_of(f).node_failures;
    while (stats_of(f).node_failures == before)
        hub_fixture_turn(f);
    expect_out(f, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HUB_FIXTURE_TEST(chains_nest),
        HUB_FIXTURE_TEST(old_connections_between_chains),
        HUB_FIXTURE_TEST(chains_that_lead_into_each_other_end),
        HUB_FIXTURE_TEST(what_scripts_make_is_bounded),
        HUB_FIXTURE_TEST(a_device_profile_may_have_a_chain_of_its_own),
        HUB_FIXTURE_TEST(delayed_messages_go_on_once),
        HUB_FIXTURE_TEST(a_delayed_message_survives_a_restart),
        HUB_FIXTURE_TEST(a_downlink_commits_with_its_uplink),
        HUB_FIXTURE_TEST(devices_are_changed_and_deleted),
        HUB_FIXTURE_TEST(a_profile_on_its_way_is_not_made_again),
        HUB_FIXTURE_TEST(a_device_that_was_made_in_vain_is_made_again),
        HUB_FIXTURE_TEST(a_delayed_message_of_a_deleted_device_ends),
        HUB_FIXTURE_TEST(a_script_that_hangs_harms_its_own_messages_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
