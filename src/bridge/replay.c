// SPDX-License-Identifier: Apache-2.0
#include "bridge/replay.h"

#include "base/mem.h"
#include "bridge/integration.h"

// Happy path: start -> on_stream gives the consumer its ranges -> batches go the way of uplink.c ->
// the last batch of each shard is durable -> close -> on_closed. An end for another reason (cancel,
// another stream under the name, the integration's stop) lets what is out become durable and
// closes.

// Live reading may use all of the calls that the service allows a shard; this part of them more.
#define CALLS_PART 5

enum replay_state { REPLAY_RUNNING, REPLAY_DONE, REPLAY_CANCELED, REPLAY_FAILED };

struct replay {
    struct integration *in;
    struct consumer *consumer; // NULL: over
    bool closing;
    enum replay_state state;
    struct uplink up;
    struct arena arena;   // of what the ranges refer to
    struct span identity; // of the stream that they are about
    struct consumer_range *ranges;
    size_t n;
    int64_t started_ms, ended_ms;
    struct err err;
};

static const char *state_name(enum replay_state s)
{
    static const char *const names[] = {[REPLAY_RUNNING] = "RUNNING",
                                        [REPLAY_DONE] = "DONE",
                                        [REPLAY_CANCELED] = "CANCELED",
                                        [REPLAY_FAILED] = "FAILED"};
    return names[s];
}

static const char *shown_state(const struct replay *r)
{
    return r->consumer && r->state != REPLAY_RUNNING ? "STOPPING" : state_name(r->state);
}

static void on_closed(void *ctx)
{
    struct replay *r = ctx;
    struct integration *in = r->in;
    r->consumer = r->up.consumer = NULL;
    r->ended_ms = loop_wall_ms(in->bridge->o.loop);
    log_info("bridge", "replay over",
             "integration=\"%.*s\" state=%s records=%llu failed=%llu error=\"%s\"",
             SPAN_ARG(integration_name(in)), state_name(r->state),
             (unsigned long long)r->up.records, (unsigned long long)r->up.failed, r->err.msg);
    integration_maybe_stopped(in);
}

static void maybe_close(struct replay *r)
{
    if (r->state == REPLAY_RUNNING || r->closing || r->up.works > 0)
        return;
    r->closing = true;
    uplink_cancel_wait(&r->up);
    consumer_close(r->consumer, on_closed, r);
}

static void end(struct replay *r, enum replay_state state, int code, const char *text)
{
    if (r->state != REPLAY_RUNNING)
        return;
    r->state = state;
    r->err = (struct err){0};
    if (code)
        err_set(&r->err, code, "%s", text);
    consumer_stop(r->consumer);
    maybe_close(r);
}

static size_t count_ended(const struct replay *r)
{
    size_t n = 0;
    list_for(it, &r->up.lane_list) n += container_of(it, struct lane, link)->ended;
    return n;
}

static void on_settled(struct uplink *up)
{
    struct replay *r = container_of(up, struct replay, up);
    if (count_ended(r) == r->n)
        end(r, REPLAY_DONE, 0, "");
    maybe_close(r);
}

static void on_stream(void *ctx, struct span identity)
{
    struct replay *r = ctx;
    if (!span_eq(identity, r->identity))
        end(r, REPLAY_FAILED, ERR_CONFLICT, "the stream was deleted and created again");
    else
        consumer_start_ranges(r->consumer, r->ranges, r->n);
}

static void on_batch(void *ctx, struct shard_batch *b)
{
    struct replay *r = ctx;
    uplink_take(&r->up, b);
}

// What keeps it from reading now; it goes on by itself.
static void on_status(void *ctx, int status, const char *text)
{
    struct replay *r = ctx;
    if (r->state != REPLAY_RUNNING)
        return;
    r->err = (struct err){0};
    if (status < 0)
        err_set(&r->err, status, "%s", text);
}

static const struct consumer_events events = {on_stream, on_batch, on_status};

// Ranges ------------------------------------------------------------------------------------------

static struct span earlier(struct span a, struct span b)
{
    if (a.n == 0 || b.n == 0)
        return a.n ? a : b;
    return kinesis_sequence_cmp(a, b) < 0 ? a : b;
}

// Live reading has got this far; a shard that it has read to its end has no other end.
static void end_at_live(struct replay *r, const struct shard_status *s, struct consumer_range *out)
{
    int64_t ms;
    if (s->state == SHARD_ENDED)
        return;
    if (s->sequence.n > 0)
        out->until_sequence = earlier(out->until_sequence, s->sequence);
    else if (s->position.n > 1 && span_to_i64(span_of(s->position.p + 1, s->position.n - 1), &ms) &&
             (out->until_ms == 0 || ms < out->until_ms))
        out->until_ms = ms;
    else if (out->until_ms == 0)
        out->until_ms = r->started_ms;
}

static void add_range(struct replay *r, const struct bridge_replay *q, const struct shard_status *s)
{
    struct consumer_range *out = &r->ranges[r->n++];
    *out = (struct consumer_range){.shard_id = s->shard_id,
                                   .start = q->from,
                                   .from_sequence = q->from_sequence,
                                   .from_ms = q->from_ms,
                                   .until_sequence = q->until_sequence,
                                   .until_ms = q->until_ms};
    end_at_live(r, s, out);
    out->shard_id = arena_span(&r->arena, out->shard_id);
    out->from_sequence = arena_span(&r->arena, out->from_sequence);
    out->until_sequence = arena_span(&r->arena, out->until_sequence);
}

// What live reading has not begun needs no second reading.
static void make_ranges(struct replay *r, const struct bridge_replay *q)
{
    struct consumer *live = r->in->consumer;
    size_t n = consumer_count_shards(live);
    r->ranges = arena_array(&r->arena, struct consumer_range, n);
    for (size_t i = 0; i < n; i++) {
        struct shard_status s;
        consumer_get_shard(live, i, &s);
        if (s.state != SHARD_WAITING_PARENT &&
            (q->shard_id.n == 0 || span_eq(q->shard_id, s.shard_id)))
            add_range(r, q, &s);
    }
}

// Life --------------------------------------------------------------------------------------------

static int open_consumer(struct replay *r, struct err *e)
{
    struct integration *in = r->in;
    const struct bridge_options *o = &in->bridge->o;
    int calls = o->get_records_per_second / CALLS_PART;
    struct consumer_options c = {.loop = o->loop,
                                 .kinesis = in->kinesis,
                                 .budget = o->budget,
                                 .stream_name = in->config.stream_name,
                                 .start = KINESIS_TRIM_HORIZON,
                                 .max_records = in->config.max_records,
                                 .poll_ms = o->poll_ms,
                                 .request_ms = in->config.request_ms,
                                 .calls_per_second = calls > 0 ? calls : 1,
                                 .ahead = 1,
                                 .background = true,
                                 .events = &events,
                                 .ctx = r};
    int status = consumer_new(&c, &r->consumer, e);
    r->up.consumer = r->consumer;
    return status;
}

static int check(const struct integration *in, const struct bridge_replay *q, struct err *e)
{
    const char *error, *state = integration_state(in, &error);
    if (in->config.kind == INTEGRATION_HTTP)
        return err_set(e, ERR_INVALID, "an HTTP integration has no stream to be read once more");
    if (!replay_is_over(in->replay))
        return err_set(e, ERR_CONFLICT, "a replay of this integration is running: cancel it first");
    if (in->phase != PHASE_RUNNING || !in->stream_seen || !in->stream_identity) {
        return err_set(e, ERR_CONFLICT, "integration \"%.*s\" is %s, not reading%s%s",
                       SPAN_ARG(integration_name(in)), state, error ? ": " : "",
                       error ? error : "");
    }
    if ((q->from_sequence.n || q->until_sequence.n) && q->shard_id.n == 0)
        return err_set(e, ERR_INVALID,
                       "a sequence number belongs to one shard: shardId is missing");
    return 0;
}

int bridge_replay_start(struct bridge *b, struct uuid id, const struct bridge_replay *q,
                        struct err *e)
{
    struct integration *in = bridge_find(b, id);
    if (!in || in->removing)
        return err_set(e, ERR_NOT_FOUND, "the integration is being removed");
    if (check(in, q, e) < 0)
        return e->code;
    struct replay *r = mem_new(struct replay);
    r->in = in;
    r->started_ms = loop_wall_ms(b->o.loop);
    r->identity = arena_span(&r->arena, span_str(in->stream_identity));
    uplink_init(&r->up, in, on_settled);
    r->up.replay = true;
    make_ranges(r, q);
    if (r->n == 0) {
        err_set(e, ERR_NOT_FOUND, "stream %.*s has no such shard, or it was not read yet",
                SPAN_ARG(in->config.stream_name));
    } else {
        open_consumer(r, e);
    }
    if (!r->consumer) {
        replay_free(r);
        return e->code;
    }
    replay_free(in->replay);
    in->replay = r;
    log_info("bridge", "replay starts", "integration=\"%.*s\" shards=%zu",
             SPAN_ARG(integration_name(in)), r->n);
    return 0;
}

void bridge_replay_cancel(struct bridge *b, struct uuid id)
{
    struct integration *in = bridge_find(b, id);
    if (in && in->replay)
        end(in->replay, REPLAY_CANCELED, ERR_CANCELED, "canceled");
}

void replay_stop(struct replay *r)
{
    if (r)
        end(r, REPLAY_CANCELED, ERR_CANCELED, "the integration was changed or stopped");
}

bool replay_is_over(const struct replay *r)
{
    return !r || !r->consumer;
}

void replay_free(struct replay *r)
{
    if (!r)
        return;
    require(!r->consumer);
    uplink_free_lanes(&r->up);
    arena_free(&r->arena);
    mem_free(r);
}

// What people see ---------------------------------------------------------------------------------

static void put_sequence(struct json_out *j, const char *key, struct span s)
{
    if (s.n)
        json_out_key_str(j, key, s);
    else
        json_out_key_null(j, key);
}

static void put_time(struct json_out *j, const char *key, int64_t ms)
{
    if (ms)
        json_out_key_int(j, key, ms);
    else
        json_out_key_null(j, key);
}

static void write_range(struct json_out *j, const struct replay *r, const struct consumer_range *g)
{
    const struct lane *lane = map_get(&r->up.lanes, g->shard_id);
    json_out_object(j);
    json_out_key_str(j, "shardId", g->shard_id);
    json_out_key_bool(j, "done", lane && lane->ended);
    json_out_key_int(j, "recordsApplied", lane ? (int64_t)lane->applied_durable : 0);
    put_sequence(j, "sequenceNumber", span_str(lane ? lane->durable_sequence : NULL));
    put_sequence(j, "untilSequenceNumber", g->until_sequence);
    put_time(j, "untilTime", g->until_ms);
    json_out_end(j);
}

static void write_replay(struct json_out *j, const struct replay *r)
{
    json_out_key_str(j, "state", span_str(shown_state(r)));
    put_sequence(j, "error", span_str(r->err.msg));
    put_time(j, "startedTime", r->started_ms);
    put_time(j, "endedTime", r->ended_ms);
    json_out_key_int(j, "recordsApplied", (int64_t)r->up.records);
    json_out_key_int(j, "recordsFailed", (int64_t)r->up.failed);
    put_sequence(j, "lastError", span_str(r->up.last_error.msg));
    json_out_key(j, SPAN("shards"));
    json_out_array(j);
    for (size_t i = 0; i < r->n; i++)
        write_range(j, r, &r->ranges[i]);
    json_out_end(j);
}

bool bridge_replay_json(struct bridge *b, struct uuid id, struct buf *out)
{
    const struct integration *in = bridge_find(b, id);
    if (!in)
        return false;
    struct json_out j = {.out = out};
    json_out_object(&j);
    if (in->replay)
        write_replay(&j, in->replay);
    else
        json_out_key_str(&j, "state", SPAN("NONE"));
    json_out_end(&j);
    return true;
}
