// SPDX-License-Identifier: Apache-2.0
#include "hub/node.h"

// Nodes whose work is done by someone else through a sink of hub.h.

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
    if (status < 0)
        flow_fail(w->flow, w->node, error);
    else
        flow_succeed(w->flow, w->node);
    flow_release(w->flow);
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
    if (sink->submit(sink->ctx, &w->request, &e) == 0)
        return;
    flow_fail(w->flow, n, e.msg);
    flow_release(w->flow);
}

const struct rule_node_type node_downlink = {.suffix = ".integration.TbIntegrationDownlinkNode",
                                             .compile = compile_downlink,
                                             .run = run_downlink};
