// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "hub/chains.h"

// A hub on a real store and converter pool, in a temporary directory; the downlink sink is a fake.

struct fixture {
    char dir[64];
    struct loop *loop;
    struct store *store;
    struct convert_pool *pool;
    struct hub *hub;
    void (*step)(struct fixture *f); // what happens after the current wait
    struct hub_run run;
    struct store_read read;
    int status;
    struct err err;
    unsigned downlinks, queued;
    char downlink_msg[512], downlink_metadata[512];
    struct hub_downlink_request *request;
    struct loop_task task;
};

static void close_store(void *ctx);

static void ignore(void *ctx)
{
    (void)ctx;
}

static void close_all(struct fixture *f)
{
    hub_stop(f->hub);
    convert_pool_close(f->pool, close_store, f);
}

static void close_store(void *ctx)
{
    struct fixture *f = ctx;
    store_close(f->store, ignore, NULL);
}

static int open_all(struct fixture *f)
{
    struct store_options so = {.dir = f->dir};
    struct convert_options co = {.workers = 1, .time_limit_ms = 60000, .cast_strings = true};
    f->loop = loop_new(&clock_system);
    if (store_open(f->loop, &so, &f->store, &f->err) < 0)
        fail_msg("%s", f->err.msg);
    assert_int_equal(convert_pool_new(f->loop, &co, &f->pool), 0);
    struct hub_options ho = {
        .loop = f->loop, .store = f->store, .convert = f->pool, .cast_strings = true};
    if (hub_new(&ho, &f->hub, &f->err) < 0)
        fail_msg("%s", f->err.msg);
    return 0;
}

static int setup(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    // A failed assertion leaves the loop open: end then, too.
    alarm(240);
    strcpy(f->dir, "/tmp/penstock-hub-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    *state = f;
    return open_all(f);
}

static void end_loop(struct fixture *f)
{
    loop_run(f->loop);
    hub_free(f->hub);
    loop_free(f->loop);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char path[128];
    const char *const files[] = {"penstock.db", "penstock.db-wal", "penstock.db-shm"};
    end_loop(f);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", f->dir, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(f->dir), 0);
    mem_free(f);
    return 0;
}

static void on_committed(void *ctx, int status)
{
    struct fixture *f = ctx;
    f->status = status;
    f->step(f);
}

static void on_run_done(struct hub_run *r)
{
    struct fixture *f = r->data;
    hub_run_commit(r, on_committed, f);
}

static void finish(struct fixture *f)
{
    f->run.data = f;
    f->run.done = on_run_done;
    if (hub_run_finish(&f->run))
        on_run_done(&f->run);
}

static struct uplink_msg thermostat(struct kv *kv, struct kv_group *g)
{
    *kv = (struct kv){SPAN("temperature"), value_long(22)};
    *g = (struct kv_group){0, kv, 1};
    return (struct uplink_msg){.name = SPAN("kitchen_thermostat"),
                               .type = SPAN("thermostat"),
                               .telemetry = g,
                               .n_telemetry = 1};
}

static void check_device_stored(struct fixture *f)
{
    struct store_device *d = store_find_device(f->store, SPAN("kitchen_thermostat"), false);
    assert_int_equal(f->status, 0);
    assert_non_null(d);
    assert_true(d->durable);
    assert_span_is(hub_profile_name(f->hub, d->profile), "thermostat");
    const struct store_point *p = store_peek_latest(f->store, d, SPAN("temperature"));
    assert_non_null(p);
    assert_int_equal(p->value.i, 22);
    assert_int_equal(p->ts_ms, 1000);
    close_all(f);
}

static void uplink_makes_the_device_and_keeps_its_telemetry(void **state)
{
    struct fixture *f = *state;
    struct kv kv;
    struct kv_group g;
    struct uplink_msg m = thermostat(&kv, &g);
    struct hub_uplink_options o = {.arrival_ms = 1000, .allow_create = true};
    hub_run_begin(f->hub, &f->run);
    assert_int_equal(hub_apply_uplink(&f->run, &m, &o, &f->err), 0);
    f->step = check_device_stored;
    finish(f);
    loop_run(f->loop);
}

static void refused_uplink_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct kv kv;
    struct kv_group g;
    struct uplink_msg m = thermostat(&kv, &g);
    struct hub_uplink_options o = {.arrival_ms = 1000, .allow_create = false};
    hub_run_begin(f->hub, &f->run);
    assert_int_equal(hub_apply_uplink(&f->run, &m, &o, &f->err), ERR_NOT_FOUND);
    assert_non_null(strstr(f->err.msg, "allowCreateDevicesOrAssets"));
    assert_int_equal(store_count_devices(f->store), 0);
    m.name = SPAN("  ");
    o.allow_create = true;
    assert_int_equal(hub_apply_uplink(&f->run, &m, &o, &f->err), ERR_INVALID);
    static char long_name[HUB_NAME_MAX_BYTES + 1];
    memset(long_name, 'x', sizeof long_name);
    m.name = span_of(long_name, sizeof long_name);
    assert_int_equal(hub_apply_uplink(&f->run, &m, &o, &f->err), ERR_LIMIT);
    m.name.n--;
    assert_int_equal(hub_apply_uplink(&f->run, &m, &o, &f->err), 0);
    f->step = close_all;
    finish(f);
    loop_run(f->loop);
}

// The chain of the tutorial: attributes updated -> integration downlink.
static struct json *downlink_chain(struct fixture *f, const char *extra_edge)
{
    struct buf b = {0};
    buf_printf(
        &b,
        "{\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.filter.TbMsgTypeSwitchNode\",\"name\":"
        "\"switch\"},{\"type\":\"x.integration.TbIntegrationDownlinkNode\",\"name\":\"down\","
        "\"configuration\":{\"integrationId\":\"13814000-1dd2-11b2-8080-808080808080\"}},"
        "{\"type\":\"x.action.TbLogNode\",\"name\":\"log\",\"configuration\":{\"jsScript\":"
        "\"return 'seen ' + msg.version;\"}},{\"type\":\"x.NoSuchNode\",\"name\":\"odd\"}],"
        "\"connections\":[{\"fromIndex\":0,\"toIndex\":1,\"type\":\"Attributes Updated\"}%s]}",
        extra_edge);
    struct json *j = json_parse(buf_span(&b), &f->err);
    buf_free(&b);
    if (!j)
        fail_msg("%s", f->err.msg);
    json_set(j, "ruleChainId", registry_new_ref("RULE_CHAIN", hub_root_chain(f->hub)->id));
    return j;
}

static void on_chain_saved(void *ctx, int status, struct entity *e, const struct err *err)
{
    struct fixture *f = ctx;
    if (status < 0)
        fail_msg("%s", err->msg);
    assert_non_null(e);
    f->step(f);
}

static void use_chain(struct fixture *f, const char *extra_edge, void (*step)(struct fixture *f))
{
    struct json *j = downlink_chain(f, extra_edge);
    f->step = step;
    if (hub_save_chain_metadata(f->hub, j, on_chain_saved, f, &f->err) < 0)
        fail_msg("%s", f->err.msg);
}

static void answer_downlink(struct loop_task *t)
{
    struct fixture *f = container_of(t, struct fixture, task);
    f->request->done(f->request, 0, NULL);
}

static int fake_submit(void *ctx, struct hub_downlink_request *q, struct err *e)
{
    struct fixture *f = ctx;
    (void)e;
    f->downlinks++;
    f->request = q;
    snprintf(f->downlink_msg, sizeof f->downlink_msg, "%.*s %.*s", SPAN_ARG(q->input.msg_type),
             SPAN_ARG(q->input.msg_json));
    size_t n = 0;
    for (size_t i = 0; i < q->input.metadata.n; i++) {
        n += (size_t)snprintf(f->downlink_metadata + n, sizeof f->downlink_metadata - n,
                              "%.*s=%.*s;", SPAN_ARG(q->input.metadata.p[i].key),
                              SPAN_ARG(q->input.metadata.p[i].value));
    }
    hub_run_outbox(q->run, q->integration);
    f->task.run = answer_downlink;
    loop_post(f->loop, &f->task);
    return 0;
}

static int refusing_submit(void *ctx, struct hub_downlink_request *q, struct err *e)
{
    struct fixture *f = ctx;
    (void)q;
    f->downlinks++;
    return err_set(e, ERR_UNAVAILABLE, "integration is disabled");
}

static void fake_queued(void *ctx, const struct uuid *ids, size_t n)
{
    struct fixture *f = ctx;
    assert_int_equal(n, 1);
    assert_true(uuid_eq(ids[0], uuid_null));
    f->queued++;
}

static void save_version(struct fixture *f, void (*step)(struct fixture *f))
{
    struct kv kv = {SPAN("version"), value_string(SPAN("v.0.11"))};
    struct hub_user user = {uuid_null, SPAN("Ann"), SPAN("ann@example.org")};
    struct store_device *d =
        hub_create_device(f->hub, SPAN("kitchen_thermostat"), SPAN("thermostat"), SPAN_NONE,
                          SPAN_NONE, NULL, NULL, NULL, &f->err);
    assert_non_null(d);
    f->step = step;
    hub_save_attributes(f->hub, d, STORE_SHARED, &kv, 1, &user, on_committed, f);
}

static void check_downlink(struct fixture *f)
{
    assert_int_equal(f->status, 0);
    assert_int_equal(f->downlinks, 1);
    assert_int_equal(f->queued, 1);
    assert_string_equal(f->downlink_msg, "ATTRIBUTES_UPDATED {\"version\":\"v.0.11\"}");
    assert_string_equal(f->downlink_metadata,
                        "deviceName=kitchen_thermostat;deviceType=thermostat;scope=SHARED_SCOPE;"
                        "userId=13814000-1dd2-11b2-8080-808080808080;userName=Ann;"
                        "userEmail=ann@example.org;");
    close_all(f);
}

static void save_for_downlink(struct fixture *f)
{
    save_version(f, check_downlink);
}

static void attribute_goes_down_the_chain(void **state)
{
    struct fixture *f = *state;
    struct hub_downlink_sink sink = {f, fake_submit, fake_queued};
    hub_set_sink(f->hub, &sink);
    use_chain(f, "", save_for_downlink);
    loop_run(f->loop);
}

static void check_replayed(struct fixture *f)
{
    struct hub_stats s;
    hub_get_stats(f->hub, &s);
    assert_int_equal(f->status, 0);
    assert_int_equal(f->downlinks, 0);
    assert_int_equal(s.node_failures, 1); // what is behind the downlink goes on: an unknown node
    close_all(f);
}

static void replay_version(struct fixture *f)
{
    struct kv kv = {SPAN("version"), value_string(SPAN("v.0.11"))};
    struct hub_run *r = &f->run;
    hub_run_begin(f->hub, r);
    hub_run_set_replay(r);
    struct hub_msg m = {.type = RULE_MSG_ATTRIBUTES_UPDATED,
                        .originator = hub_create_device(f->hub, SPAN("d"), SPAN_NONE, SPAN_NONE,
                                                        SPAN_NONE, NULL, NULL, NULL, &f->err),
                        .attributes = &kv,
                        .n_attributes = 1};
    assert_non_null(m.originator);
    hub_run_message(r, &m);
    assert_true(hub_run_finish(r));
    f->step = check_replayed;
    hub_run_commit(r, on_committed, f);
}

static void a_replay_sends_nothing_again(void **state)
{
    struct fixture *f = *state;
    struct hub_downlink_sink sink = {f, fake_submit, fake_queued};
    hub_set_sink(f->hub, &sink);
    use_chain(f, ",{\"fromIndex\":1,\"toIndex\":3,\"type\":\"Success\"}", replay_version);
    loop_run(f->loop);
}

static void check_refused(struct fixture *f)
{
    struct hub_stats s;
    hub_get_stats(f->hub, &s);
    assert_int_equal(f->status, 0); // the attribute is saved all the same
    assert_int_equal(f->downlinks, 1);
    assert_int_equal(s.node_failures, 1);
    close_all(f);
}

static void save_for_refusal(struct fixture *f)
{
    save_version(f, check_refused);
}

static void failed_node_does_not_undo_the_change(void **state)
{
    struct fixture *f = *state;
    struct hub_downlink_sink sink = {f, refusing_submit, fake_queued};
    hub_set_sink(f->hub, &sink);
    use_chain(f, "", save_for_refusal);
    loop_run(f->loop);
}

static void check_logged(struct fixture *f)
{
    struct hub_stats s;
    hub_get_stats(f->hub, &s);
    assert_int_equal(s.scripts_logged, 1);
    assert_int_equal(s.node_failures, 1); // the unknown node, by its name
    close_all(f);
}

static void save_for_log(struct fixture *f)
{
    save_version(f, check_logged);
}

static void success_goes_on_to_log_and_unknown_nodes(void **state)
{
    struct fixture *f = *state;
    struct hub_downlink_sink sink = {f, fake_submit, fake_queued};
    hub_set_sink(f->hub, &sink);
    use_chain(f,
              ",{\"fromIndex\":1,\"toIndex\":2,\"type\":\"Success\"},"
              "{\"fromIndex\":2,\"toIndex\":3,\"type\":\"Success\"}",
              save_for_log);
    loop_run(f->loop);
}

static void check_ended(struct fixture *f)
{
    struct hub_stats s;
    hub_get_stats(f->hub, &s);
    assert_int_equal(f->status, 0);
    assert_int_equal(s.node_failures, 1);
    close_all(f);
}

static void save_for_loop(struct fixture *f)
{
    save_version(f, check_ended);
}

// The device's creation goes round until its steps are used up.
static void a_chain_that_runs_in_circles_ends(void **state)
{
    struct fixture *f = *state;
    struct hub_downlink_sink sink = {f, fake_submit, fake_queued};
    hub_set_sink(f->hub, &sink);
    use_chain(f, ",{\"fromIndex\":0,\"toIndex\":0,\"type\":\"Entity Created\"}", save_for_loop);
    loop_run(f->loop);
}

static void refuse_chain(struct fixture *f, const char *text, int code)
{
    struct json *j = json_parse(span_str(text), &f->err);
    assert_non_null(j);
    assert_int_equal(hub_save_chain_metadata(f->hub, j, on_chain_saved, f, &f->err), code);
    json_free(j);
}

static void wrong_metadata_changes_nothing(void **state)
{
    struct fixture *f = *state;
    refuse_chain(f, "{}", ERR_INVALID);
    refuse_chain(f,
                 "{\"ruleChainId\":{\"entityType\":\"RULE_CHAIN\",\"id\":"
                 "\"13814000-1dd2-11b2-8080-808080808080\"}}",
                 ERR_NOT_FOUND);
    assert_int_equal(hub_root_chain(f->hub)->version, 1);
    close_all(f);
    loop_run(f->loop);
}

static void reopen(struct fixture *f)
{
    end_loop(f);
    open_all(f);
}

static void documents_survive_a_restart(void **state)
{
    struct fixture *f = *state;
    struct hub_downlink_sink sink = {f, fake_submit, fake_queued};
    hub_set_sink(f->hub, &sink);
    struct uuid tenant = hub_tenant(f->hub), root = hub_root_chain(f->hub)->id;
    use_chain(f, "", save_for_downlink);
    loop_run(f->loop);
    reopen(f);
    assert_true(uuid_eq(tenant, hub_tenant(f->hub)));
    assert_true(uuid_eq(root, hub_root_chain(f->hub)->id));
    assert_int_equal(hub_root_chain(f->hub)->version, 2);
    assert_int_equal(f->hub->root->chain->n_nodes, 4);
    assert_int_equal(registry_count(hub_registry(f->hub), STORE_PROFILE), 2);
    struct store_device *d = store_find_device(f->store, SPAN("kitchen_thermostat"), false);
    assert_non_null(d);
    assert_span_is(hub_profile_name(f->hub, d->profile), "thermostat");
    close_all(f);
    loop_run(f->loop);
}

#define HUB_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HUB_TEST(uplink_makes_the_device_and_keeps_its_telemetry),
        HUB_TEST(refused_uplink_leaves_nothing),
        HUB_TEST(attribute_goes_down_the_chain),
        HUB_TEST(a_replay_sends_nothing_again),
        HUB_TEST(failed_node_does_not_undo_the_change),
        HUB_TEST(success_goes_on_to_log_and_unknown_nodes),
        HUB_TEST(a_chain_that_runs_in_circles_ends),
        HUB_TEST(wrong_metadata_changes_nothing),
        HUB_TEST(documents_survive_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
