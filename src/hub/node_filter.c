// SPDX-License-Identifier: Apache-2.0
#include "hub/json_members.h"
#include "hub/node.h"

// Nodes that choose a connection and leave the message as it is.

// Message type switch -----------------------------------------------------------------------------

static void run_type_switch(struct flow *f, const struct rule_node *n)
{
    flow_next(f, n, rule_msg_type_connection(f->msg->type));
}

const struct rule_node_type node_msg_type_switch = {.suffix = ".filter.TbMsgTypeSwitchNode",
                                                    .run = run_type_switch};

// Message type filter -----------------------------------------------------------------------------

static int compile_type_filter(struct node_compile *c)
{
    struct node_names *names = arena_new(c->arena, struct node_names);
    c->node->config = names;
    return node_read_names(c, "messageTypes", names);
}

static void run_type_filter(struct flow *f, const struct rule_node *n)
{
    bool is_one = node_names_have(n->config, hub_msg_type_name(f->msg));
    flow_next(f, n, is_one ? SPAN("True") : SPAN("False"));
}

const struct rule_node_type node_msg_type_filter = {.suffix = ".filter.TbMsgTypeFilterNode",
                                                    .compile = compile_type_filter,
                                                    .run = run_type_filter};

// Check existence of fields -----------------------------------------------------------------------

struct check_fields {
    struct node_names data, metadata;
    bool all; // checkAllKeys
};

static int compile_check(struct node_compile *c)
{
    struct check_fields *k = arena_new(c->arena, struct check_fields);
    c->node->config = k;
    k->all = json_get_bool(c->conf, "checkAllKeys", true);
    if (node_read_names(c, "messageNames", &k->data) < 0)
        return c->e->code;
    return node_read_names(c, "metadataNames", &k->metadata);
}

static size_t count_metadata(struct flow *f, const struct node_names *names)
{
    size_t n = 0;
    for (size_t i = 0; i < names->n; i++)
        n += hub_msg_get(f->run, f->msg, names->p[i]).p != NULL;
    return n;
}

// -1: the message has gone on by Failure.
static int count_data(struct flow *f, const struct rule_node *n, const struct node_names *names)
{
    struct json_members m;
    struct err e = {0};
    int found = 0;
    if (names->n == 0)
        return 0;
    if (json_members_read(hub_msg_json(f->run, f->msg), &f->run->arena, &m, &e) < 0) {
        flow_fail(f, n, e.msg);
        return -1;
    }
    for (size_t i = 0; i < names->n; i++)
        found += json_members_find(&m, names->p[i]) != NULL;
    return found;
}

static void run_check(struct flow *f, const struct rule_node *n)
{
    const struct check_fields *k = n->config;
    int data = count_data(f, n, &k->data);
    if (data < 0)
        return;
    size_t there = (size_t)data + count_metadata(f, &k->metadata);
    bool holds = k->all ? there == k->data.n + k->metadata.n : there > 0;
    flow_next(f, n, holds ? SPAN("True") : SPAN("False"));
}

const struct rule_node_type node_check_fields = {
    .suffix = ".filter.TbCheckMessageNode", .compile = compile_check, .run = run_check};

// Originator type ---------------------------------------------------------------------------------

static int compile_originator_types(struct node_compile *c)
{
    struct node_names *names = arena_new(c->arena, struct node_names);
    c->node->config = names;
    return node_read_names(c, "originatorTypes", names);
}

static void run_originator_types(struct flow *f, const struct rule_node *n)
{
    const struct store_device *d = f->msg->originator;
    struct span type = !d ? SPAN("USER") : d->is_asset ? SPAN("ASSET") : SPAN("DEVICE");
    bool is_one = node_names_have(n->config, type);
    flow_next(f, n, is_one ? SPAN("True") : SPAN("False"));
}

const struct rule_node_type node_originator_types = {.suffix = ".filter.TbOriginatorTypeFilterNode",
                                                     .compile = compile_originator_types,
                                                     .run = run_originator_types};

// Device profile switch ---------------------------------------------------------------------------

static void run_profile_switch(struct flow *f, const struct rule_node *n)
{
    const struct store_device *d = f->msg->originator;
    if (d && !d->is_asset)
        flow_next(f, n, hub_profile_name(f->run->hub, d->profile));
    else
        flow_fail(f, n, "the message's originator is not a device");
}

const struct rule_node_type node_profile_switch = {.suffix = ".filter.TbDeviceTypeSwitchNode",
                                                   .run = run_profile_switch};
