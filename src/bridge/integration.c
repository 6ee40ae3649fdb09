// SPDX-License-Identifier: Apache-2.0
#include "bridge/integration.h"
#include <stdio.h>

#include "base/mem.h"

#define CONSUMER_PREFIX "penstock-"
#define CHECKPOINTS_RETRY_MS 5000 // a line in the log each

// An integration's life. Start: clients, consumer, producer; the consumer asks for checkpoints,
// which come from the store. Stop: no more fetching; batches out are committed; then consumer,
// producer, client close in turn; integration_maybe_stopped() lists what it waits for. A changed
// document stops and starts it again.

static struct entity *find_entity(const struct integration *in, enum store_doc_kind kind,
                                  struct uuid id)
{
    return registry_find(hub_registry(in->bridge->o.hub), kind, id);
}

const struct json *integration_doc(const struct integration *in)
{
    const struct entity *e = find_entity(in, STORE_INTEGRATION, in->id);
    return e ? e->doc : NULL;
}

static void on_status(void *ctx, int status, const char *text)
{
    struct integration *in = ctx;
    in->stream_seen = true;
    in->stream_status = status;
    snprintf(in->stream_error, sizeof in->stream_error, "%s", text ? text : "");
    status_note_change(in);
}

static void on_put_status(void *ctx, int status, const char *text)
{
    struct integration *in = ctx;
    bool changed = in->put_status != status;
    in->put_status = status;
    snprintf(in->put_error, sizeof in->put_error, "%s", text ? text : "");
    if (changed && status < 0) {
        log_warn("bridge", "downlink failing, kept and tried again",
                 "integration=\"%.*s\" error=\"%s\"", SPAN_ARG(integration_name(in)),
                 in->put_error);
    }
}

// A position may also be a start that has seen no record yet (shard_batch.position).
static bool is_sequence(struct span s)
{
    return s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9';
}

// Saved shards of this very stream (a re-created stream has another identity and starts anew).
static void restore_lanes(struct integration *in, const struct store_read *r,
                          struct consumer_checkpoint *cp, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < r->n_checkpoints; i++) {
        const struct store_checkpoint *c = &r->checkpoints_out[i];
        if (!span_is(c->stream, in->stream_identity))
            continue;
        struct lane *lane = uplink_lane(&in->live, c->shard_id);
        lane->applied = lane->applied_durable = c->records_applied;
        lane->ended = c->shard_end;
        mem_free(lane->durable_sequence);
        lane->durable_sequence =
            is_sequence(c->sequence) ? mem_strndup(c->sequence.p, c->sequence.n) : NULL;
        cp[(*n)++] = (struct consumer_checkpoint){.shard_id = lane->shard_id,
                                                  .sequence = c->sequence,
                                                  .sub_sequence = c->sub_sequence,
                                                  .records_applied = c->records_applied,
                                                  .shard_end = c->shard_end};
    }
}

static void request_checkpoints(struct integration *in);

static void on_checkpoints_again(struct timer *t)
{
    request_checkpoints(container_of(t, struct integration, checkpoints_again));
}

static void on_checkpoints(struct store_read *r, int status)
{
    struct integration *in = r->data;
    in->reading_checkpoints = false;
    if (status < 0 && status != ERR_CANCELED && in->phase == PHASE_RUNNING) {
        // Without checkpoints nothing may be read: they are asked for again.
        log_error("bridge", "cannot read checkpoints", "integration=\"%.*s\" error=\"%s\"",
                  SPAN_ARG(integration_name(in)), err_text(status));
        in->checkpoints_again.fire = on_checkpoints_again;
        timer_start(in->bridge->o.loop, &in->checkpoints_again, CHECKPOINTS_RETRY_MS);
    }
    if (status == 0 && in->phase == PHASE_RUNNING) {
        size_t n;
        struct consumer_checkpoint *cp =
            arena_array(&r->arena, struct consumer_checkpoint, r->n_checkpoints + 1);
        restore_lanes(in, r, cp, &n);
        consumer_start_shards(in->consumer, cp, n);
    }
    store_read_free(r);
    integration_maybe_stopped(in);
}

static void request_checkpoints(struct integration *in)
{
    in->reading_checkpoints = true;
    timer_stop(&in->checkpoints_again);
    in->checkpoints = (struct store_read){
        .data = in, .done = on_checkpoints, .kind = STORE_READ_CHECKPOINTS, .integration = in->id};
    store_read(hub_store(in->bridge->o.hub), &in->checkpoints);
}

static void on_stream(void *ctx, struct span identity)
{
    struct integration *in = ctx;
    // Of another stream under the same name nothing is out any more, and its shards are others.
    uplink_free_lanes(&in->live);
    mem_free(in->stream_identity);
    in->stream_identity = mem_strndup(identity.p, identity.n);
    if (!in->reading_checkpoints)
        request_checkpoints(in);
}

static void on_batch(void *ctx, struct shard_batch *b)
{
    struct integration *in = ctx;
    uplink_take(&in->live, b);
}

static const struct consumer_events consumer_events = {on_stream, on_batch, on_status};

// The script of a converter: its JavaScript, or its TBEL, which is close enough to be tried as
// such.
static struct convert_script *make_script(struct integration *in, struct uuid id,
                                          enum convert_kind kind, struct err *e)
{
    bool up = kind == CONVERT_UPLINK;
    struct entity *c = find_entity(in, STORE_CONVERTER, id);
    if (!c) {
        err_set(e, ERR_NOT_FOUND, "the %s converter does not exist", up ? "uplink" : "downlink");
        return NULL;
    }
    const struct json *conf = json_get(c->doc, "configuration");
    struct span js = json_get_str(conf, up ? "decoder" : "encoder", SPAN_NONE);
    struct span tbel = json_get_str(conf, up ? "tbelDecoder" : "tbelEncoder", SPAN_NONE);
    bool prefer_tbel = span_is(json_get_str(conf, "scriptLang", SPAN("JS")), "TBEL");
    struct span text = (prefer_tbel && tbel.n) || !js.n ? tbel : js;
    if (text.n == 0) {
        err_set(e, ERR_INVALID, "converter \"%.*s\" has no script", SPAN_ARG(c->name));
        return NULL;
    }
    return convert_script_new(hub_convert(in->bridge->o.hub), kind, c->name, text);
}

static void read_update_only(struct integration *in)
{
    arena_reset(&in->update_arena);
    in->n_update_only = 0;
    struct entity *c = find_entity(in, STORE_CONVERTER, in->uplink_id);
    const struct json *keys =
        c ? json_get(json_get(c->doc, "configuration"), "updateOnlyKeys") : NULL;
    if (!json_is(keys, JSON_ARRAY))
        return;
    in->update_only = arena_array(&in->update_arena, struct span, json_count(keys));
    for (const struct json *k = json_child(keys); k; k = json_next(k)) {
        if (json_is(k, JSON_STRING)) {
            in->update_only[in->n_update_only++] =
                arena_span(&in->update_arena, json_str(k, SPAN_NONE));
        }
    }
}

static void drop_scripts(struct integration *in)
{
    if (in->uplink)
        convert_script_unref(in->uplink);
    if (in->downlink)
        convert_script_unref(in->downlink);
    in->uplink = in->downlink = NULL;
}

// The scripts before stay when these cannot be had: for what is still on its way.
static int load_scripts(struct integration *in, const struct json *doc, struct err *e)
{
    struct convert_script *up = NULL, *down = NULL;
    if (!registry_ref(doc, "defaultConverterId", &in->uplink_id))
        return err_set(e, ERR_INVALID, "defaultConverterId: missing");
    in->has_downlink = registry_ref(doc, "downlinkConverterId", &in->downlink_id);
    up = make_script(in, in->uplink_id, CONVERT_UPLINK, e);
    if (!up)
        return e->code;
    if (in->has_downlink) {
        down = make_script(in, in->downlink_id, CONVERT_DOWNLINK, e);
        if (!down) {
            convert_script_unref(up);
            return e->code;
        }
    }
    drop_scripts(in);
    in->uplink = up;
    in->downlink = down;
    read_update_only(in);
    trace_load(in);
    return 0;
}

void integration_reload_scripts(struct integration *in)
{
    struct err e = {0};
    if (load_scripts(in, integration_doc(in), &e) == 0)
        return;
    snprintf(in->start_error, sizeof in->start_error, "%s", e.msg);
    integration_stop(in);
}

// One that stays the same, so that a later start goes on with the registered consumer.
static struct span consumer_name(const struct integration *in,
                                 char own[sizeof CONSUMER_PREFIX + UUID_TEXT_LEN])
{
    if (in->config.application_name.n > 0)
        return in->config.application_name;
    memcpy(own, CONSUMER_PREFIX, sizeof CONSUMER_PREFIX);
    uuid_format(in->id, own + sizeof CONSUMER_PREFIX - 1);
    return span_of(own, sizeof CONSUMER_PREFIX - 1 + UUID_TEXT_LEN);
}

static int open_stream(struct integration *in, struct err *e)
{
    const struct bridge_options *o = &in->bridge->o;
    int status = bridge_connect(&in->bridge->o, &in->config, &in->credentials, &in->kinesis, e);
    if (status < 0)
        return status;
    struct producer_options p = {.loop = o->loop,
                                 .kinesis = in->kinesis,
                                 .predict = true,
                                 .shard_records = (double)o->put_records_per_second,
                                 .shard_bytes = (double)o->put_bytes_per_second,
                                 .aggregate = in->config.aggregate_downlinks,
                                 .on_status = on_put_status,
                                 .ctx = in};
    status = producer_new(&p, &in->producer);
    if (status < 0)
        return err_set(e, status, "cannot start the producer: %s", err_text(status));
    struct consumer_options c = {.loop = o->loop,
                                 .kinesis = in->kinesis,
                                 .budget = o->budget,
                                 .stream_name = in->config.stream_name,
                                 .start = in->config.start,
                                 .start_timestamp_ms = in->config.start_timestamp_ms,
                                 .save_start = true,
                                 .max_records = in->config.max_records,
                                 .poll_ms = o->poll_ms,
                                 .request_ms = in->config.request_ms,
                                 .calls_per_second = o->get_records_per_second,
                                 .events = &consumer_events,
                                 .ctx = in};
    char name[sizeof CONSUMER_PREFIX + UUID_TEXT_LEN];
    if (in->config.fan_out)
        c.fan_out_consumer = consumer_name(in, name);
    status = consumer_new(&c, &in->consumer, e);
    in->live.consumer = in->consumer;
    return status;
}

static int try_start(struct integration *in, struct err *e)
{
    const struct json *doc = integration_doc(in);
    integration_config_free(&in->config);
    int status = integration_config_read(doc, &in->config, e);
    if (status < 0)
        return status;
    in->allow_create = json_get_bool(doc, "allowCreateDevicesOrAssets", true);
    status = load_scripts(in, doc, e);
    if (status < 0)
        return status;
    if (in->config.kind == INTEGRATION_KINESIS)
        return open_stream(in, e);
    in->stream_seen = true; // there is nothing to wait for
    return 0;
}

void integration_start(struct integration *in)
{
    struct err e = {0};
    require(in->phase == PHASE_OFF);
    in->start_error[0] = '\0';
    in->stream_status = in->put_status = 0;
    in->stream_seen = false;
    in->stall.code = 0;
    outbox_init(&in->outbox, in);
    downlinks_init(&in->downlinks, in);
    in->phase = PHASE_RUNNING;
    if (try_start(in, &e) < 0) {
        snprintf(in->start_error, sizeof in->start_error, "%s", e.msg);
        integration_stop(in);
        return;
    }
    if (in->producer)
        outbox_kick(&in->outbox);
    else
        status_note_change(in);
}

static void on_consumer_closed(void *ctx)
{
    struct integration *in = ctx;
    in->consumer = in->live.consumer = NULL;
    in->consumer_closing = false;
    integration_maybe_stopped(in);
}

static void on_producer_closed(void *ctx)
{
    struct integration *in = ctx;
    in->producer = NULL;
    in->producer_closing = false;
    integration_maybe_stopped(in);
}

static void on_kinesis_closed(void *ctx)
{
    struct integration *in = ctx;
    in->kinesis = NULL;
    in->kinesis_closing = false;
    integration_maybe_stopped(in);
}

void integration_stop(struct integration *in)
{
    if (in->phase != PHASE_RUNNING)
        return;
    dead_letters_stop(in);
    replay_stop(in->replay);
    in->phase = PHASE_STOPPING;
    in->stop_ms = loop_now_ms(in->bridge->o.loop);
    timer_stop(&in->checkpoints_again);
    if (in->consumer)
        consumer_stop(in->consumer);
    integration_maybe_stopped(in);
}

// Closes the next layer once the one above is quiet. True when all are gone.
static bool close_layers(struct integration *in)
{
    if (in->live.works || !list_empty(&in->hooks) || !downlinks_idle(&in->downlinks) ||
        in->dead.running || !replay_is_over(in->replay) || in->reading_checkpoints)
        return false;
    uplink_cancel_wait(&in->live);
    if (in->consumer && !in->consumer_closing) {
        in->consumer_closing = true;
        consumer_close(in->consumer, on_consumer_closed, in);
    }
    if (in->producer && !in->producer_closing) {
        in->producer_closing = true;
        producer_close(in->producer, on_producer_closed, in);
    }
    if (in->consumer || in->producer || !outbox_idle(&in->outbox))
        return false;
    if (in->kinesis && !in->kinesis_closing) {
        in->kinesis_closing = true;
        kinesis_close(in->kinesis, on_kinesis_closed, in);
    }
    return !in->kinesis;
}

static void forget(struct integration *in)
{
    struct bridge *b = in->bridge;
    integration_config_free(&in->config);
    arena_free(&in->update_arena);
    replay_free(in->replay);
    list_remove(&in->link);
    mem_free(in);
    bridge_maybe_done(b);
}

void integration_maybe_stopped(struct integration *in)
{
    struct bridge *b = in->bridge;
    if (in->phase != PHASE_STOPPING || !close_layers(in))
        return;
    if (in->credentials)
        credentials_free(in->credentials);
    in->credentials = NULL;
    drop_scripts(in);
    uplink_free_lanes(&in->live);
    outbox_deinit(&in->outbox);
    mem_free(in->stream_identity);
    in->stream_identity = NULL;
    in->phase = PHASE_OFF;
    if (in->removed) {
        forget(in);
        return;
    }
    if (in->wanted && !b->draining && !in->start_error[0]) {
        integration_start(in);
        return;
    }
    // On the way down it is off though it is wanted: nothing that people want to know.
    if (!b->draining)
        status_note_change(in);
    bridge_maybe_done(b);
}
