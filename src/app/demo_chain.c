// SPDX-License-Identifier: Apache-2.0
#include "app/demo_chain.h"

#define SWITCH_CLASS ".filter.TbMsgTypeSwitchNode"
#define DOWNLINK_CLASS "org.thingsboard.rule.engine.integration.TbIntegrationDownlinkNode"

static bool is_downlink_for(const struct json *node, struct span integration)
{
    return span_is(json_get_str(node, "type", SPAN_NONE), DOWNLINK_CLASS) &&
           span_eq(json_get_str(json_get(node, "configuration"), "integrationId", SPAN_NONE),
                   integration);
}

static int find_node(const struct json *nodes, const char *class_suffix)
{
    int i = 0;
    for (const struct json *n = json_child(nodes); n; n = json_next(n), i++) {
        if (span_has_suffix(json_get_str(n, "type", SPAN_NONE), span_str(class_suffix)))
            return i;
    }
    return -1;
}

static struct json *new_node(struct span integration)
{
    struct json *node = json_new_object(), *conf = json_new_object(), *at = json_new_object();
    json_set_str(conf, "integrationId", integration);
    json_set_num(at, "layoutX", 825);
    json_set_num(at, "layoutY", 570);
    json_set_str(node, "type", SPAN(DOWNLINK_CLASS));
    json_set_str(node, "name", SPAN("Integration Downlink"));
    json_set(node, "debugSettings", json_new_null());
    json_set(node, "configuration", conf);
    json_set(node, "additionalInfo", at);
    return node;
}

static void connect_nodes(struct json *metadata, int from, int to)
{
    struct json *c = json_new_object();
    json_set_num(c, "fromIndex", from);
    json_set_num(c, "toIndex", to);
    json_set_str(c, "type", SPAN("Attributes Updated"));
    json_add(json_get(metadata, "connections"), c);
}

bool demo_chain_connect(struct hub *h, struct uuid integration, registry_saved_fn *cb, void *ctx)
{
    char text[UUID_TEXT_LEN + 1];
    struct err e = {0};
    struct entity *root = hub_root_chain(h);
    const struct json *old = root ? json_get(root->doc, "metadata") : NULL;
    if (!old)
        return false;
    uuid_format(integration, text);
    for (const struct json *n = json_child(json_get(old, "nodes")); n; n = json_next(n)) {
        if (is_downlink_for(n, span_str(text)))
            return false;
    }
    int from = find_node(json_get(old, "nodes"), SWITCH_CLASS);
    if (from < 0)
        return false;
    struct json *metadata = json_copy(old);
    json_remove(metadata, "version");
    json_set(metadata, "ruleChainId", registry_new_ref("RULE_CHAIN", root->id));
    int to = (int)json_count(json_get(metadata, "nodes"));
    json_add(json_get(metadata, "nodes"), new_node(span_str(text)));
    connect_nodes(metadata, from, to);
    if (hub_save_chain_metadata(h, metadata, cb, ctx, &e) == 0)
        return true;
    json_free(metadata);
    return false;
}
