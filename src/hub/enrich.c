// SPDX-License-Identifier: Apache-2.0
#include "hub/enrich.h"

#include "codec/json_out.h"

int enrich_read_target(struct node_compile *c, bool *to_data)
{
    struct span s = json_get_str(c->conf, "fetchTo", SPAN("METADATA"));
    // Older releases said it by fetchToData.
    if (json_get_bool(c->conf, "fetchToData", false))
        s = SPAN("DATA");
    *to_data = span_is(s, "DATA");
    return *to_data || span_is(s, "METADATA") ? 0
                                              : node_refuse(c, "fetchTo", s, "DATA or METADATA");
}

bool enrich_begin(struct enrichment *r, struct flow *f, const struct rule_node *n, bool to_data)
{
    struct err e = {0};
    *r = (struct enrichment){.run = f->run, .to_data = to_data};
    if (to_data &&
        json_members_read(hub_msg_json(f->run, f->msg), &f->run->arena, &r->data, &e) < 0) {
        flow_fail(f, n, e.msg);
        return false;
    }
    r->msg = hub_msg_edit(f->run, f->msg);
    return true;
}

static struct span value_raw(struct arena *a, const struct value *v)
{
    struct buf b = {0};
    struct json_out j = {.out = &b};
    json_out_value(&j, v);
    struct span s = arena_span(a, buf_span(&b));
    buf_free(&b);
    return s;
}

static struct span value_plain(struct arena *a, const struct value *v)
{
    struct buf b = {0};
    value_text(v, &b);
    struct span s = arena_span(a, buf_span(&b));
    buf_free(&b);
    return s.p ? s : SPAN("");
}

void enrich_add(struct enrichment *r, struct span key, const struct value *v)
{
    struct arena *a = &r->run->arena;
    if (r->to_data) {
        json_members_set(&r->data, a, key, value_raw(a, v));
        return;
    }
    struct convert_pair pair = {key, value_plain(a, v)};
    hub_msg_set_all(r->run, r->msg, (struct convert_pairs){&pair, 1});
}

const struct hub_msg *enrich_end(struct enrichment *r)
{
    if (r->to_data)
        hub_msg_set_json(r->msg, json_members_write(&r->data, &r->run->arena));
    return r->msg;
}
