// SPDX-License-Identifier: Apache-2.0
#include "hub/json_members.h"
#include "hub/node.h"

// Integration downlink and RPC call request: work that someone else does through a sink of hub.h.

// Integration downlink ----------------------------------------------------------------------------

struct downlink_config {
    struct uuid integration;
    bool given;
};

struct downlink_wait {
    struct flow *flow;
    const struct rule_node *node;
    struct hub_downlink_request request;
};

static int compile_downlink(struct node_compile *c)
{
    struct downlink_config *d = arena_new(c->arena, struct downlink_config);
    c->node->config = d;
    return node_read_uuid(c, "integrationId", &d->integration, &d->given);
}

static void on_downlink(struct hub_downlink_request *q, int status, const char *error)
{
    struct downlink_wait *w = q->data;
    flow_end(w->flow, w->node, status, error, NULL);
}

static void run_downlink(struct flow *f, const struct rule_node *n)
{
    const struct downlink_config *d = n->config;
    const struct hub_downlink_sink *sink = &f->run->hub->sink;
    if (!d->given || !sink->submit) {
        flow_fail(f, n, "configuration.integrationId is not set");
        return;
    }
    if (f->run->replay) {
        flow_succeed(f, n);
        return;
    }
    struct err e = {0};
    struct downlink_wait *w = arena_new(&f->run->arena, struct downlink_wait);
    w->flow = flow_hold(f);
    w->node = n;
    w->request = (struct hub_downlink_request){.data = w,
                                               .done = on_downlink,
                                               .run = f->run,
                                               .integration = d->integration,
                                               .input = hub_msg_input(f->run, w->flow->msg)};
    if (sink->submit(sink->ctx, &w->request, &e) < 0)
        flow_end(w->flow, n, e.code, e.msg, NULL);
}

const struct rule_node_type node_downlink = {.suffix = ".integration.TbIntegrationDownlinkNode",
                                             .compile = compile_downlink,
                                             .run = run_downlink};

// RPC call request --------------------------------------------------------------------------------

#define RPC_TIMEOUT_DEFAULT_S 60
#define RPC_TIMEOUT_MAX_S 86400

struct rpc_config {
    int64_t timeout_ms;
};

struct rpc_wait {
    struct flow *flow;
    const struct rule_node *node;
    struct hub_rpc_request request;
};

static int compile_rpc(struct node_compile *c)
{
    struct rpc_config *r = arena_new(c->arena, struct rpc_config);
    int64_t s = json_get_int(c->conf, "timeoutInSeconds", RPC_TIMEOUT_DEFAULT_S);
    c->node->config = r;
    if (s < 1 || s > RPC_TIMEOUT_MAX_S)
        return err_set(c->e, ERR_INVALID, "configuration.timeoutInSeconds: must be from 1 to %d",
                       RPC_TIMEOUT_MAX_S);
    r->timeout_ms = s * 1000;
    return 0;
}

static void on_rpc(struct hub_rpc_request *q, int status, const char *error)
{
    struct rpc_wait *w = q->data;
    flow_end(w->flow, w->node, status, error, &q->answer);
}

static int check_rpc(struct flow *f, struct err *e)
{
    struct json_members m;
    const struct store_device *d = f->msg->originator;
    if (!d || d->is_asset)
        return err_set(e, ERR_INVALID, "the message's originator is not a device");
    if (json_members_read(hub_msg_json(f->run, f->msg), &f->run->arena, &m, e) < 0)
        return e->code;
    if (!json_members_find(&m, SPAN("method")))
        return err_set(e, ERR_INVALID, "the message has no method");
    if (!json_members_find(&m, SPAN("params")))
        return err_set(e, ERR_INVALID, "the message has no params");
    return 0;
}

static void run_rpc(struct flow *f, const struct rule_node *n)
{
    const struct rpc_config *r = n->config;
    const struct hub_rpc_sink *sink = &f->run->hub->rpc_sink;
    struct err e = {0};
    if (!sink->submit) {
        flow_fail(f, n, "calls of devices are not available");
        return;
    }
    if (check_rpc(f, &e) < 0) {
        flow_fail(f, n, e.msg);
        return;
    }
    if (f->run->replay) {
        flow_succeed(f, n);
        return;
    }
    struct rpc_wait *w = arena_new(&f->run->arena, struct rpc_wait);
    w->flow = flow_hold(f);
    w->node = n;
    w->request = (struct hub_rpc_request){.data = w,
                                          .done = on_rpc,
                                          .run = f->run,
                                          .device = f->msg->originator,
                                          .timeout_ms = r->timeout_ms,
                                          .json = hub_msg_json(f->run, w->flow->msg),
                                          .metadata = hub_msg_metadata(f->run, w->flow->msg)};
    if (sink->submit(sink->ctx, &w->request, &e) < 0)
        flow_end(w->flow, n, e.code, e.msg, NULL);
}

const struct rule_node_type node_rpc_call = {
    .suffix = ".rpc.TbSendRPCRequestNode", .compile = compile_rpc, .run = run_rpc};
