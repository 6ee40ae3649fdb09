// SPDX-License-Identifier: Apache-2.0
#include "hub/trace.h"

#include "codec/json_out.h"

static struct span metadata_json(struct hub_run *r, const struct hub_msg *m)
{
    struct buf b = {0};
    struct json_out j = {.out = &b};
    struct convert_pairs pairs = hub_msg_metadata(r, m);
    json_out_object(&j);
    for (size_t i = 0; i < pairs.n; i++) {
        json_out_key(&j, pairs.p[i].key);
        json_out_str(&j, pairs.p[i].value);
    }
    json_out_end(&j);
    struct span s = arena_span(&r->arena, buf_span(&b));
    buf_free(&b);
    return s;
}

// One for all copies of a message.
static struct span message_id(struct flow *f, char out[UUID_TEXT_LEN + 1])
{
    struct flow_root *root = f->root->moved ? f->root->moved : f->root;
    if (!root->has_id)
        root->id = uuid_new_v1(loop_clock(f->run->hub->o.loop));
    root->has_id = true;
    uuid_format(root->id, out);
    return span_str(out);
}

static void add(struct flow *f, const struct rule_node *n, const char *direction,
                struct span relation, const char *error)
{
    const struct hub_msg *m = f->msg;
    const struct store_device *d = m->originator;
    char entity[UUID_TEXT_LEN + 1] = "", id[UUID_TEXT_LEN + 1];
    if (d)
        uuid_format(d->uuid, entity);
    struct event_field fields[] = {
        {"type", span_str(direction)},
        {"entityId", d ? span_str(entity) : SPAN_NONE},
        {"entityType", d ? (d->is_asset ? SPAN("ASSET") : SPAN("DEVICE")) : SPAN_NONE},
        {"msgId", message_id(f, id)},
        {"msgType", hub_msg_type_name(m)},
        {"relationType", relation},
        {"dataType", SPAN("JSON")},
        {"data", hub_msg_json(f->run, m)},
        {"metadata", metadata_json(f->run, m)},
        {"error", error ? span_str(error) : SPAN_NONE},
    };
    events_add(f->run->hub->events, n->id, EVENT_DEBUG_RULE_NODE, fields,
               sizeof fields / sizeof *fields);
}

static bool wants(struct flow *f, const struct rule_node *n, bool failed)
{
    return debug_any(&n->debug) &&
           debug_wants(&n->debug, loop_wall_ms(f->run->hub->o.loop), failed) &&
           events_may(f->run->hub->events, n->id);
}

void trace_in(struct flow *f, const struct rule_node *n)
{
    if (wants(f, n, false))
        add(f, n, "IN", SPAN_NONE, NULL);
}

void trace_out(struct flow *f, const struct rule_node *n, struct span relation, const char *error)
{
    if (wants(f, n, error != NULL))
        add(f, n, "OUT", relation, error);
}
