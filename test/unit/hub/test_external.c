// SPDX-License-Identifier: Apache-2.0
#include "hub_fixture.h"

#include <stdio.h>

// Nodes that ask someone outside: what they ask, what becomes of the answer; and templates, which
// they are made of.

#define DEV "deviceName=dev,deviceType=default"

static const char *const relations[] = {"Success", "Failure", NULL};

// One request at a time, answered as the test says at the end of the loop turn.
static struct {
    struct hub_rest_request *rest;
    struct hub_rpc_request *rpc;
    unsigned n_rpc;
    struct loop_task task;
    struct buf seen;
    int status;
    const char *error, *json;
    struct convert_pair metadata[2];
    size_t n_metadata;
} outside;

static struct hub_answer make_answer(void)
{
    return (struct hub_answer){.json = span_str(outside.json),
                               .metadata = {outside.metadata, outside.n_metadata}};
}

static void answer(struct loop_task *t)
{
    (void)t;
    if (outside.rest) {
        outside.rest->answer = make_answer();
        outside.rest->done(outside.rest, outside.status, outside.error);
    } else {
        outside.rpc->answer = make_answer();
        outside.rpc->done(outside.rpc, outside.status, outside.error);
    }
}

static int refuse(void *ctx, struct hub_rest_request *q, struct err *e)
{
    (void)ctx;
    (void)q;
    return err_set(e, ERR_BUSY, "too many requests");
}

static int take_rest(void *ctx, struct hub_rest_request *q, struct err *e)
{
    struct hub_fixture *f = ctx;
    const struct hub_rest_config *c = q->config;
    (void)e;
    buf_clear(&outside.seen);
    buf_printf(&outside.seen, "%.*s %.*s", SPAN_ARG(c->method), SPAN_ARG(q->url));
    for (size_t i = 0; i < q->headers.n; i++)
        buf_printf(&outside.seen, " %.*s:%.*s", SPAN_ARG(q->headers.p[i].key),
                   SPAN_ARG(q->headers.p[i].value));
    if (q->body.p)
        buf_printf(&outside.seen, " <%.*s>", SPAN_ARG(q->body));
    if (c->basic)
        buf_printf(&outside.seen, " %.*s/%.*s", SPAN_ARG(c->username), SPAN_ARG(q->password));
    buf_printf(&outside.seen, " t=%lld p=%u b=%u%s", (long long)c->read_timeout_ms, c->max_parallel,
               c->max_buffer_bytes, c->plain_text ? " plain" : "");
    outside.rest = q;
    loop_post(f->loop, &outside.task);
    return 0;
}

static int take_rpc(void *ctx, struct hub_rpc_request *q, struct err *e)
{
    struct hub_fixture *f = ctx;
    (void)e;
    buf_clear(&outside.seen);
    buf_printf(&outside.seen, "%.*s %lld %.*s", SPAN_ARG(q->device->name), (long long)q->timeout_ms,
               SPAN_ARG(q->json));
    outside.rpc = q;
    loop_post(f->loop, &outside.task);
    return 0;
}

static int setup(void **state)
{
    hub_fixture_setup(state);
    struct hub_fixture *f = *state;
    struct hub_rest_sink rest = {f, take_rest};
    struct hub_rpc_sink rpc = {f, take_rpc};
    memset(&outside, 0, sizeof outside);
    outside.task.run = answer;
    hub_set_rest_sink(f->hub, &rest);
    hub_set_rpc_sink(f->hub, &rpc);
    return 0;
}

static int teardown(void **state)
{
    buf_free(&outside.seen);
    return hub_fixture_teardown(state);
}

static void expect_request(const char *want)
{
    assert_string_equal(buf_cstr(&outside.seen), want);
}

static void rest_requests_are_made_of_patterns(void **state)
{
    struct hub_fixture *f = *state;
    use_node(f, "rest.TbRestApiCallNode",
             "{\"restEndpointUrlPattern\":\"http://h/${deviceName}/$[id]?x=1\",\"requestMethod\":"
             "\"PUT\",\"queryParams\":[{\"key\":\"k\",\"value\":\"$[text]&=\"}],\"headers\":{"
             "\"X-Name\":\"${deviceType}\"},\"readTimeoutMs\":500,\"maxParallelRequestsCount\":3,"
             "\"maxInMemoryBufferSizeInKb\":2,\"parseToPlainText\":true,\"requestBodyTemplate\":"
             "\"id=$[id] of ${nobody}\",\"credentials\":{\"type\":\"basic\",\"username\":\"u\","
             "\"password\":\"p\"}}",
             relations);
    send_json(f, "T", "{\"id\":\"a b\",\"text\":\"\\u00e9\"}", "");
    expect_request("PUT http://h/dev/a%20b?x=1&k=%C3%A9%26%3D X-Name:default <id=a b of ${nobody}>"
                   " u/p t=500 p=3 b=2048 plain");
    expect_out(f, "Success T {\"id\":\"a b\",\"text\":\"\\u00e9\"} " DEV "\n");
}

// Rather than with an empty password.
static void rest_does_not_call_with_a_secret_that_cannot_be_opened(void **state)
{
    struct hub_fixture *f = *state;
    static const char *const bad[] = {
        "\"credentials\":{\"type\":\"basic\",\"password\":\"sealed:v1:00000000:AAAA\"}",
        "\"headers\":{\"X-Api-Key\":\"sealed:v1:00000000:AAAA\"}",
        "\"queryParams\":[{\"key\":\"token\",\"value\":\"sealed:v1:00000000:AAAA\"}]"};
    for (size_t i = 0; i < 3; i++) {
        char conf[300];
        buf_clear(&outside.seen);
        snprintf(conf, sizeof conf, "{\"restEndpointUrlPattern\":\"http://h/\",%s}", bad[i]);
        use_node(f, "rest.TbRestApiCallNode", conf, relations);
        send_json(f, "T", "{}", "");
        expect_request("");
        assert_non_null(strstr(buf_cstr(&f->out), "Failure T {}"));
        buf_clear(&f->out);
    }
}

static void rest_sends_the_message_unless_told_otherwise(void **state)
{
    struct hub_fixture *f = *state;
    use_node(f, "rest.TbRestApiCallNode", "{\"restEndpointUrlPattern\":\"http://h/\"}", relations);
    send_json(f, "T", "{\"a\":1}", "");
    expect_request("POST http://h/ <{\"a\":1}> t=0 p=0 b=262144");
    use_node(f, "rest.TbRestApiCallNode",
             "{\"restEndpointUrlPattern\":\"http://h/\",\"ignoreRequestBody\":true}", relations);
    send_json(f, "T", "{\"a\":1}", "");
    expect_request("POST http://h/ t=0 p=0 b=262144");
    use_node(f, "rest.TbRestApiCallNode",
             "{\"restEndpointUrlPattern\":\"http://h/\",\"requestMethod\":\"GET\"}", relations);
    send_json(f, "T", "{\"a\":1}", "");
    expect_request("GET http://h/ t=0 p=0 b=262144");
}

static void answers_become_the_message(void **state)
{
    struct hub_fixture *f = *state;
    use_node(f, "rest.TbRestApiCallNode", "{\"restEndpointUrlPattern\":\"http://h/\"}", relations);
    outside.json = "{\"answer\":42}";
    outside.metadata[0] = (struct convert_pair){SPAN("statusCode"), SPAN("200")};
    outside.metadata[1] = (struct convert_pair){SPAN("deviceType"), SPAN("new")};
    outside.n_metadata = 2;
    send_json(f, "T", "{\"a\":1}", "");
    expect_out(f, "Success T {\"answer\":42} deviceName=dev,statusCode=200,deviceType=new\n");
    outside.status = ERR_PROTO;
    outside.error = "503 Service Unavailable";
    outside.json = NULL;
    outside.n_metadata = 1;
    send_json(f, "T", "{\"a\":1}", "");
    expect_out(f, "Failure T {\"a\":1} " DEV ",statusCode=200\n");
    struct hub_rest_sink full = {f, refuse};
    hub_set_rest_sink(f->hub, &full);
    send_json(f, "T", "{\"a\":1}", "");
    expect_out(f, "Failure T {\"a\":1} " DEV "\n");
}

static void calls_of_devices(void **state)
{
    struct hub_fixture *f = *state;
    use_node(f, "rpc.TbSendRPCRequestNode", "{\"timeoutInSeconds\":5}", relations);
    outside.json = "{\"done\":true}";
    send_json(f, "RPC_CALL_FROM_SERVER_TO_DEVICE", "{\"method\":\"m\",\"params\":{\"a\":1}}", "");
    expect_request("dev 5000 {\"method\":\"m\",\"params\":{\"a\":1}}");
    expect_out(f, "Success RPC_CALL_FROM_SERVER_TO_DEVICE {\"done\":true} " DEV "\n");
    send_json(f, "T", "{\"method\":\"m\"}", "");
    expect_out(f, "Failure T {\"method\":\"m\"} " DEV "\n");
    send_json(f, "T", "{\"params\":1}", "");
    expect_out(f, "Failure T {\"params\":1} " DEV "\n");
}

static void on_run_done(struct hub_run *r)
{
    *(bool *)r->data = true;
}

// A run that lost an answer because the program stops is to be given up, whatever else it did.
static void a_canceled_call_gives_up_the_run(void **state)
{
    struct hub_fixture *f = *state;
    bool ended = false;
    struct hub_run run;
    struct hub_msg m = {.type = RULE_MSG_ALARM,
                        .originator = f->device,
                        .ts_ms = 1,
                        .json = SPAN("{\"method\":1,\"params\":1}")};
    use_node(f, "rpc.TbSendRPCRequestNode", "{}", (const char *const[]){NULL});
    outside.status = ERR_CANCELED;
    hub_run_begin(f->hub, &run);
    run.data = &ended;
    run.done = on_run_done;
    hub_run_message(&run, &m);
    assert_false(hub_run_finish(&run));
    hub_fixture_wait(f, &ended);
    assert_true(run.canceled);
    hub_run_abort(&run);
}

static void on_change(void *ctx, int status)
{
    struct hub_fixture *f = ctx;
    f->status = status;
    f->done = true;
}

static int refuse_at_the_end(void *ctx, struct hub_rest_request *q, struct err *e)
{
    (void)ctx;
    (void)q;
    return err_set(e, ERR_CANCELED, "the program stops");
}

static void a_change_that_is_canceled_at_once_is_told_later(void **state)
{
    struct hub_fixture *f = *state;
    struct hub_rest_sink sink = {f, refuse_at_the_end};
    struct kv kv = {SPAN("a"), value_long(1)};
    char out[200];
    hub_set_rest_sink(f->hub, &sink);
    use_node(f, "rest.TbRestApiCallNode", "{}", (const char *const[]){NULL});
    f->done = false;
    hub_save_attributes(f->hub, f->device, STORE_SHARED, &kv, 1, NULL, on_change, f);
    assert_false(f->done);
    hub_fixture_wait(f, &f->done);
    assert_int_equal(f->status, ERR_CANCELED);
    assert_string_equal(attribute_text(f, STORE_SHARED, "a", out), "-");
}

static int stop_rpc(void *ctx, struct hub_rpc_request *q, struct err *e)
{
    (void)ctx;
    (void)q;
    outside.n_rpc++;
    return err_set(e, ERR_CANCELED, "the program stops");
}

// It would be asked for over and over until the end.
static void a_delayed_message_is_canceled_once(void **state)
{
    struct hub_fixture *f = *state;
    struct hub_rpc_sink sink = {f, stop_rpc};
    use_chain(f, "{\"firstNodeIndex\":0,\"nodes\":["
                 "{\"type\":\"x.delay.TbMsgDelayNode\",\"name\":\"d\",\"configuration\":"
                 "{\"periodValue\":0}},"
                 "{\"type\":\"x.rpc.TbSendRPCRequestNode\",\"name\":\"r\",\"configuration\":{}}],"
                 "\"connections\":[{\"fromIndex\":0,\"toIndex\":1,\"type\":\"Success\"}]}");
    hub_set_rpc_sink(f->hub, &sink);
    send_json(f, "T", "{\"method\":1,\"params\":1}", "");
    while (outside.n_rpc == 0)
        hub_fixture_turn(f);
    for (int i = 0; i < 20; i++)
        hub_fixture_settle(f);
    assert_int_equal(outside.n_rpc, 1);
}

// What was done before is not asked for again.
static void replays_ask_nobody(void **state)
{
    struct hub_fixture *f = *state;
    struct hub_run run;
    struct hub_msg m = {.type = RULE_MSG_ALARM,
                        .originator = f->device,
                        .ts_ms = 1,
                        .json = SPAN("{\"method\":1,\"params\":1}")};
    static const char *const classes[] = {"rpc.TbSendRPCRequestNode", "rest.TbRestApiCallNode",
                                          "delay.TbMsgDelayNode"};
    for (size_t i = 0; i < 3; i++) {
        use_node(f, classes[i], "{}", (const char *const[]){NULL});
        hub_run_begin(f->hub, &run);
        hub_run_set_replay(&run);
        hub_run_message(&run, &m);
        assert_true(hub_run_finish(&run));
        assert_null(run.delayed);
        hub_run_abort(&run);
        assert_null(outside.rest);
        assert_null(outside.rpc);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(rest_requests_are_made_of_patterns),
        T(rest_does_not_call_with_a_secret_that_cannot_be_opened),
        T(rest_sends_the_message_unless_told_otherwise),
        T(answers_become_the_message),
        T(calls_of_devices),
        T(a_canceled_call_gives_up_the_run),
        T(replays_ask_nobody),
        T(a_delayed_message_is_canceled_once),
        T(a_change_that_is_canceled_at_once_is_told_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
