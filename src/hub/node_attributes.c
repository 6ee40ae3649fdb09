// SPDX-License-Identifier: Apache-2.0
#include "codec/json_out.h"
#include "hub/enrich.h"
#include "hub/run_writes.h"
#include "hub/template.h"
#include "hub/value_reads.h"

// Originator attributes: stored attributes and latest telemetry of the device, put into the
// message under their names with cs_, shared_, ss_ or nothing before them.
//
// Happy path: run -> start -> (what the run itself has not written is read) -> on_read -> finish.

#define NAMES_MAX 1000 // of all scopes together

struct attributes_config {
    struct node_names client, shared, server, telemetry;
    bool fail_if_absent; // tellFailureIfAbsent
    bool with_ts;        // getLatestValueWithTs
    bool to_data;
};

struct wanted {
    enum store_scope scope; // or WRITTEN_TELEMETRY
    struct span key;
    bool known, there;
    struct value value;
    int64_t ts_ms;
};

struct attributes_wait {
    struct flow *flow;
    const struct rule_node *node;
    struct wanted *wanted;
    size_t n;
    struct value_read read;
    struct span *keys;
};

static int compile_attributes(struct node_compile *c)
{
    struct attributes_config *k = arena_new(c->arena, struct attributes_config);
    c->node->config = k;
    c->node->reads_values = true;
    const struct json *absent = json_get(c->conf, "tellFailureIfAbsent");
    k->fail_if_absent = json_bool(absent, true);
    k->with_ts = json_get_bool(c->conf, "getLatestValueWithTs", false);
    if (node_read_names(c, "clientAttributeNames", &k->client) < 0 ||
        node_read_names(c, "sharedAttributeNames", &k->shared) < 0 ||
        node_read_names(c, "serverAttributeNames", &k->server) < 0 ||
        node_read_names(c, "latestTsKeyNames", &k->telemetry) < 0)
        return c->e->code;
    if (k->client.n + k->shared.n + k->server.n + k->telemetry.n > NAMES_MAX)
        return err_set(c->e, ERR_LIMIT, "configuration: more than %d attributes", NAMES_MAX);
    return enrich_read_target(c, &k->to_data);
}

static struct span prefix_of(enum store_scope scope)
{
    return scope == STORE_CLIENT   ? SPAN("cs_")
           : scope == STORE_SHARED ? SPAN("shared_")
           : scope == STORE_SERVER ? SPAN("ss_")
                                   : SPAN("");
}

static void want(struct attributes_wait *w, enum store_scope scope, const struct node_names *names)
{
    struct hub_run *r = w->flow->run;
    const struct hub_msg *m = w->flow->msg;
    for (size_t i = 0; i < names->n; i++) {
        struct wanted *one = &w->wanted[w->n++];
        *one = (struct wanted){.scope = scope, .key = template_fill(r, m, names->p[i])};
        const struct written *own = run_written(r, m->originator, scope, one->key);
        if (!own)
            continue;
        one->known = true;
        one->there = !own->deleted;
        one->value = own->value;
        one->ts_ms = own->ts_ms;
    }
}

static struct span with_ts(struct arena *a, const struct wanted *one)
{
    struct buf b = {0};
    struct json_out j = {.out = &b};
    json_out_object(&j);
    json_out_key_int(&j, "ts", one->ts_ms);
    json_out_key(&j, SPAN("value"));
    json_out_value(&j, &one->value);
    json_out_end(&j);
    struct span s = arena_span(a, buf_span(&b));
    buf_free(&b);
    return s;
}

static void add_value(struct attributes_wait *w, struct enrichment *r, const struct wanted *one)
{
    const struct attributes_config *k = w->node->config;
    struct arena *a = &w->flow->run->arena;
    struct span prefix = prefix_of(one->scope);
    struct span key = arena_printf(a, "%.*s%.*s", SPAN_ARG(prefix), SPAN_ARG(one->key));
    struct value v = one->value;
    if (one->scope == WRITTEN_TELEMETRY && k->with_ts)
        v = value_json(with_ts(a, one));
    enrich_add(r, key, &v);
}

static void name_absent(struct buf *b, const struct wanted *one)
{
    struct span prefix = prefix_of(one->scope);
    buf_add_str(b, b->n ? ", " : "");
    buf_printf(b, "%.*s%.*s", SPAN_ARG(prefix), SPAN_ARG(one->key));
}

static void finish(struct attributes_wait *w)
{
    const struct attributes_config *k = w->node->config;
    struct enrichment r;
    struct buf absent = {0};
    struct err e = {0};
    if (!enrich_begin(&r, w->flow, w->node, k->to_data)) {
        flow_release(w->flow);
        return;
    }
    for (size_t i = 0; i < w->n; i++) {
        if (w->wanted[i].there)
            add_value(w, &r, &w->wanted[i]);
        else
            name_absent(&absent, &w->wanted[i]);
    }
    w->flow->msg = enrich_end(&r);
    if (absent.n)
        err_set(&e, ERR_NOT_FOUND, "the device has no %s", buf_cstr(&absent));
    buf_free(&absent);
    flow_end(w->flow, w->node, k->fail_if_absent ? e.code : 0, e.msg, NULL);
}

// A name that is wanted twice is there twice.
static void take(struct attributes_wait *w, enum store_scope scope, struct span key,
                 const struct value *v, int64_t ts_ms)
{
    for (size_t i = 0; i < w->n; i++) {
        struct wanted *one = &w->wanted[i];
        if (one->known || one->scope != scope || !span_eq(one->key, key))
            continue;
        one->known = one->there = true;
        one->value = *v;
        one->ts_ms = ts_ms;
        if (v->type >= VALUE_STRING)
            one->value.s = arena_span(&w->flow->run->arena, v->s);
    }
}

static void on_attribute(struct value_read *r, enum store_scope scope, struct span key,
                         const struct value *v, int64_t ts_ms)
{
    take(container_of(r, struct attributes_wait, read), scope, key, v, ts_ms);
}

static void on_read(struct value_read *r, int status)
{
    struct attributes_wait *w = container_of(r, struct attributes_wait, read);
    if (status < 0)
        flow_end(w->flow, w->node, status, "the device's values could not be read", NULL);
    else
        finish(w);
}

// The keys that have to be read, telemetry first.
static void start_read(struct attributes_wait *w)
{
    struct arena *a = &w->flow->run->arena;
    struct span *keys = arena_array(a, struct span, w->n);
    struct value_read *r = &w->read;
    size_t n = 0;
    *r = (struct value_read){
        .device = w->flow->msg->originator, .value = on_attribute, .done = on_read};
    r->telemetry_keys = keys;
    for (size_t i = 0; i < w->n; i++) {
        if (!w->wanted[i].known && w->wanted[i].scope == WRITTEN_TELEMETRY)
            keys[n++] = w->wanted[i].key;
    }
    r->n_telemetry = n;
    r->attribute_keys = keys + n;
    for (size_t i = 0; i < w->n; i++) {
        if (!w->wanted[i].known && w->wanted[i].scope != WRITTEN_TELEMETRY)
            keys[n++] = w->wanted[i].key;
    }
    r->n_attributes = n - r->n_telemetry;
    if (n == 0)
        finish(w);
    else
        value_reads_add(w->flow->run->hub->reads, r);
}

static void run_attributes(struct flow *f, const struct rule_node *n)
{
    const struct attributes_config *k = n->config;
    struct arena *a = &f->run->arena;
    if (!f->msg->originator) {
        flow_fail(f, n, "the message has no originator");
        return;
    }
    struct attributes_wait *w = arena_new(a, struct attributes_wait);
    w->flow = flow_hold(f);
    w->node = n;
    w->wanted =
        arena_array(a, struct wanted, k->client.n + k->shared.n + k->server.n + k->telemetry.n);
    want(w, STORE_CLIENT, &k->client);
    want(w, STORE_SHARED, &k->shared);
    want(w, STORE_SERVER, &k->server);
    want(w, WRITTEN_TELEMETRY, &k->telemetry);
    start_read(w);
}

const struct rule_node_type node_originator_attributes = {.suffix = ".metadata.TbGetAttributesNode",
                                                          .compile = compile_attributes,
                                                          .run = run_attributes};
