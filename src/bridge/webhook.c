// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "bridge/integration.h"
#include "hub/json_members.h"

// Requests to integrations. One is converted, applied and committed by itself; its caller is told
// when that is durable. What was submitted ends by itself, also when the integration is stopped
// meanwhile: that waits for it.
//
// Uplink: bridge_webhook -> on_converted -> on_run_done -> on_durable. Downlink:
// bridge_webhook_downlink -> on_downlink (downlink.c has converted) -> on_run_done -> on_durable.

#define HOOK_BODY_MAX ((size_t)1024 * 1024) // as a record of a stream
#define HOOK_COST 4096                      // of the budget, beside the body

struct hook {
    struct list link; // integration.hooks
    struct integration *in;
    struct arena arena; // what was asked
    struct convert_job job;
    struct uplink_record record;
    struct convert_pairs headers;
    struct hub_downlink_request downlink;
    struct hub_run run;
    size_t held; // of the budget
    struct err err;
    bridge_done_fn *cb;
    void *ctx;
};

static void free_hook(struct hook *k)
{
    struct integration *in = k->in;
    list_remove(&k->link);
    budget_give(in->bridge->o.budget, k->held);
    if (k->job.script)
        convert_script_unref(k->job.script);
    arena_free(&k->job.arena);
    arena_free(&k->arena);
    mem_free(k);
    integration_maybe_stopped(in);
}

static void finish(struct hook *k, int status)
{
    if (status < 0 && k->err.code != status)
        err_set(&k->err, status, "%s", err_text(status));
    k->cb(k->ctx, k->err.code, k->err.msg);
    free_hook(k);
}

static void on_durable(void *ctx, int status)
{
    struct hook *k = ctx;
    struct uplink *up = &k->in->live;
    if (status == 0 && k->job.n) {
        up->records += k->err.code == 0;
        up->failed += k->err.code < 0;
        up->commits++;
    }
    finish(k, status);
}

static void on_run_done(struct hub_run *r)
{
    struct hook *k = container_of(r, struct hook, run);
    struct budget *budget = k->in->bridge->o.budget;
    if (r->canceled || k->in->removing || k->err.code == ERR_CANCELED) {
        hub_run_abort(r);
        finish(k, ERR_CANCELED);
        return;
    }
    if (r->refused && r->failures > 0 && k->err.code == 0) {
        hub_run_drop_effects(r);
        err_set(&k->err, ERR_BUSY,
                "the outbox is full: too many downlinks wait for their streams; nothing was saved");
    }
    size_t bytes = store_txn_bytes(r->txn);
    budget_force(budget, bytes);
    k->held += bytes;
    hub_run_commit(r, on_durable, k);
}

static void finish_run(struct hook *k)
{
    k->run.done = on_run_done;
    if (hub_run_finish(&k->run))
        on_run_done(&k->run);
}

// Uplink ------------------------------------------------------------------------------------------

static struct span headers_json(struct hook *k)
{
    struct buf text = {0};
    struct json_out j = {.out = &text};
    json_out_object(&j);
    for (size_t i = 0; i < k->headers.n; i++) {
        json_out_key(&j, k->headers.p[i].key);
        json_out_str(&j, k->headers.p[i].value);
    }
    json_out_end(&j);
    struct span copy = arena_span(&k->arena, buf_span(&text));
    buf_free(&text);
    return copy;
}

static void keep_dead_letter(struct hook *k)
{
    struct store_dead_letter d = {.integration = k->in->id,
                                  .payload = k->record.payload,
                                  .error = span_str(k->err.msg),
                                  .metadata = headers_json(k),
                                  .arrival_ms = k->record.arrival_ms,
                                  .created_ms = loop_wall_ms(k->in->bridge->o.loop)};
    store_txn_dead_letter(k->run.txn, &d);
}

static void trace(struct hook *k, const struct uplink_result *result)
{
    struct kinesis_record r = {.data = k->record.payload, .arrival_ms = k->record.arrival_ms};
    if (k->in->trace.on)
        trace_uplink(k->in, &r, SPAN_NONE, result, k->err.code ? span_str(k->err.msg) : SPAN_NONE);
}

static void on_converted(struct convert_job *job)
{
    struct hook *k = job->data;
    const struct uplink_result *result = &job->uplink_out[0];
    hub_run_begin(k->in->bridge->o.hub, &k->run);
    if (result->status == ERR_CANCELED) {
        k->err.code = ERR_CANCELED;
    } else {
        uplink_apply(k->in, &k->run, result, k->record.arrival_ms, &k->err);
        if (k->err.code)
            keep_dead_letter(k);
        trace(k, result);
    }
    finish_run(k);
}

// Copied: a change of the integration's document frees what it has.
static struct convert_pairs join(struct arena *a, const struct integration_config *c,
                                 struct convert_pairs headers)
{
    struct convert_pair *p = arena_array(a, struct convert_pair, c->n_pairs + headers.n);
    for (size_t i = 0; i < c->n_pairs; i++) {
        p[i].key = arena_span(a, c->pairs[i].key);
        p[i].value = arena_span(a, c->pairs[i].value);
    }
    if (headers.n)
        memcpy(p + c->n_pairs, headers.p, headers.n * sizeof *p);
    return (struct convert_pairs){p, c->n_pairs + headers.n};
}

// What both ways have in common -------------------------------------------------------------------

static bool has_key(const struct integration *in, struct span key)
{
    struct span own = in->config.webhook.routing_key;
    char id[UUID_TEXT_LEN + 1];
    if (!own.n) {
        uuid_format(in->id, id);
        own = span_of(id, UUID_TEXT_LEN);
    }
    return span_eq_secret(own, key);
}

static struct integration *find(struct bridge *b, struct span key)
{
    struct integration *found = NULL;
    list_for(it, &b->integrations)
    {
        struct integration *in = container_of(it, struct integration, link);
        if (!in->removed && !in->removing && has_key(in, key))
            found = in;
    }
    return found;
}

static int check_running(const struct integration *in, struct err *e)
{
    struct err why = {0};
    if (!in->wanted)
        return err_set(e, ERR_UNAVAILABLE, "the integration is disabled");
    if (in->phase != PHASE_RUNNING)
        return err_set(e, ERR_UNAVAILABLE, "the integration is not running");
    if (store_health(hub_store(in->bridge->o.hub), &why) < 0)
        return err_set(e, ERR_UNAVAILABLE, "storage is failing: %s", why.msg);
    return 0;
}

static int check_caller(struct integration *in, const struct bridge_webhook *q, struct err *e)
{
    const struct integration_config *c = &in->config;
    uint32_t held_back;
    int status = webhook_authorize(&c->webhook, hub_secrets(in->bridge->o.hub), in->id, q->headers,
                                   q->body, e);
    if (status < 0 &&
        log_limit_pass(&in->shard_log, loop_now_ms(in->bridge->o.loop), 10, &held_back))
        log_warn("bridge", "request refused", "integration=\"%.*s\" reason=\"%s\" held_back=%u",
                 SPAN_ARG(integration_name(in)), e->msg, held_back);
    return status;
}

// NULL with e.
static struct hook *begin(struct bridge *b, const struct bridge_webhook *q, bool up, struct err *e)
{
    struct integration *in = find(b, q->routing_key);
    size_t cost = q->body.n + HOOK_COST;
    if (!in || (up && in->config.kind != INTEGRATION_HTTP)) {
        err_set(e, ERR_NOT_FOUND, "there is no integration%s with this routing key",
                up ? " of type HTTP" : "");
        return NULL;
    }
    if (check_caller(in, q, e) < 0 || check_running(in, e) < 0)
        return NULL;
    if (q->body.n > HOOK_BODY_MAX) {
        err_set(e, ERR_LIMIT, "the request body has more than %zu bytes", HOOK_BODY_MAX);
        return NULL;
    }
    // One that is alone may use the reserve: backlogs of streams must not keep requests out.
    if (!budget_try(b->o.budget, cost, list_empty(&in->hooks))) {
        err_set(e, ERR_BUSY, "too much is in flight: try again later");
        return NULL;
    }
    struct hook *k = mem_new(struct hook);
    k->in = in;
    k->held = cost;
    list_push(&in->hooks, &k->link);
    return k;
}

int bridge_webhook(struct bridge *b, struct bridge_webhook *q, bridge_done_fn *cb, void *ctx,
                   struct err *e)
{
    struct hook *k = begin(b, q, true, e);
    if (!k)
        return e->code;
    struct integration *in = k->in;
    k->cb = cb;
    k->ctx = ctx;
    k->headers = webhook_header_pairs(&in->config.webhook, q->headers, &k->arena);
    k->record = (struct uplink_record){.payload = arena_span(&k->arena, q->body),
                                       .arrival_ms = loop_wall_ms(b->o.loop)};
    k->job = (struct convert_job){.data = k,
                                  .script = convert_script_ref(in->uplink),
                                  .meta = join(&k->arena, &in->config, k->headers),
                                  .uplink = &k->record,
                                  .n = 1,
                                  .done = on_converted};
    q->ok_status = in->config.webhook.ok_status;
    if (convert_submit(hub_convert(b->o.hub), &k->job) == 0)
        return 0;
    free_hook(k);
    return err_set(e, ERR_BUSY, "all converter workers are busy: try again later");
}

// Downlink ----------------------------------------------------------------------------------------

static void on_downlink(struct hub_downlink_request *d, int status, const char *error)
{
    struct hook *k = container_of(d, struct hook, downlink);
    if (status < 0)
        err_set(&k->err, status, "%s", error && *error ? error : err_text(status));
    finish_run(k);
}

static int read_metadata(struct arena *a, struct span raw, struct convert_pairs *out, struct err *e)
{
    struct json_members m;
    *out = (struct convert_pairs){0};
    if (!raw.n || span_is(raw, "null"))
        return 0;
    if (json_members_read(raw, a, &m, e) < 0)
        return err_wrap(e, "metadata");
    struct convert_pair *p = arena_array(a, struct convert_pair, m.n);
    for (size_t i = 0; i < m.n; i++)
        p[i] = (struct convert_pair){m.p[i].key, json_member_text(a, m.p[i].raw)};
    *out = (struct convert_pairs){p, m.n};
    return 0;
}

static struct span raw_of(const struct json_members *m, const char *key)
{
    const struct json_member *found = json_members_find(m, span_str(key));
    return found ? found->raw : SPAN_NONE;
}

// {"msg": ..., "metadata": {...}, "msgType": "..."}.
static int read_message(struct arena *a, struct span body, struct downlink_input *in, struct err *e)
{
    struct json_members m;
    if (json_members_read(body, a, &m, e) < 0)
        return err_wrap(e, "request body");
    struct span type = raw_of(&m, "msgType");
    in->msg_json = raw_of(&m, "msg");
    if (!in->msg_json.n)
        return err_set(e, ERR_INVALID, "msg: missing");
    if (type.n && type.p[0] != '"')
        return err_set(e, ERR_INVALID, "msgType: must be a string");
    in->msg_type = type.n ? json_member_text(a, type) : SPAN("ATTRIBUTES_UPDATED");
    return read_metadata(a, raw_of(&m, "metadata"), &in->metadata, e);
}

int bridge_webhook_downlink(struct bridge *b, struct bridge_webhook *q, bridge_done_fn *cb,
                            void *ctx, struct err *e)
{
    struct downlink_input input;
    struct hook *k = begin(b, q, false, e);
    if (!k)
        return e->code;
    k->cb = cb;
    k->ctx = ctx;
    q->ok_status = true;
    int status = read_message(&k->arena, arena_span(&k->arena, q->body), &input, e);
    if (status == 0) {
        hub_run_begin(b->o.hub, &k->run);
        k->downlink = (struct hub_downlink_request){.data = k,
                                                    .done = on_downlink,
                                                    .run = &k->run,
                                                    .integration = k->in->id,
                                                    .input = input};
        status = downlink_submit(b, &k->downlink, e);
        if (status < 0) {
            (void)hub_run_finish(&k->run);
            hub_run_abort(&k->run);
        }
    }
    if (status < 0)
        free_hook(k);
    return status;
}
