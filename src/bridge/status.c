// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "bridge/integration.h"
#include "bridge/pulse.h"

// What people see of an integration: its state, and its shards'. Looked at every second, so that
// rates are known and a change is in the log even when nobody asks.

#define LOOK_MS 1000
#define SHARD_LINES_A_MINUTE 20

const char *integration_state(const struct integration *in, const char **error)
{
    *error = NULL;
    if (in->phase == PHASE_STOPPING)
        return "STOPPING";
    if (in->phase == PHASE_OFF) {
        if (!in->wanted)
            return "DISABLED";
        *error = in->start_error;
        return "FAILED";
    }
    if (in->stream_status < 0) {
        *error = in->stream_error;
        return "FAILED";
    }
    if (!in->stream_seen)
        return "STARTING";
    if (in->stall.code) {
        *error = in->stall.msg;
        return "STALLED";
    }
    // Uplink works; a downlink that does not is worth a word, not the whole state.
    if (in->put_status < 0)
        *error = in->put_error;
    return "ACTIVE";
}

struct span integration_name(const struct integration *in)
{
    return in->config.n_pairs ? in->config.pairs[0].value : SPAN("?");
}

// Looking -----------------------------------------------------------------------------------------

// The same failure for another reason is a change too. What a stall says counts seconds.
static bool is_logged(const struct integration *in, const char *state, const char *error)
{
    return in->logged_state && strcmp(state, in->logged_state) == 0 &&
           (strcmp(state, "FAILED") != 0 || map_hash(span_str(error)) == in->logged_error);
}

void status_note_change(struct integration *in)
{
    const char *error, *state = integration_state(in, &error);
    if (is_logged(in, state, error))
        return;
    const char *before = in->logged_state ? in->logged_state : "NEW";
    in->logged_state = state;
    in->logged_error = map_hash(span_str(error));
    if (strcmp(state, "FAILED") == 0 || strcmp(state, "STALLED") == 0) {
        log_warn("bridge", "integration state",
                 "integration=\"%.*s\" state=%s before=%s error=\"%s\"",
                 SPAN_ARG(integration_name(in)), state, before, error ? error : "");
    } else {
        log_info("bridge", "integration state",
                 "integration=\"%.*s\" state=%s before=%s stream=%.*s",
                 SPAN_ARG(integration_name(in)), state, before, SPAN_ARG(in->config.stream_name));
    }
}

static void note_shard(struct integration *in, struct lane *lane, bool silent,
                       const struct shard_status *s)
{
    uint32_t held_back;
    if (lane->silent == silent)
        return;
    lane->silent = silent;
    if (!log_limit_pass(&in->shard_log, loop_now_ms(in->bridge->o.loop), SHARD_LINES_A_MINUTE,
                        &held_back))
        return;
    if (silent) {
        log_warn("bridge", "shard does not answer",
                 "integration=\"%.*s\" shard=%.*s error=\"%s\" held_back=%u",
                 SPAN_ARG(integration_name(in)), SPAN_ARG(s->shard_id),
                 s->last_error ? s->last_error : "", held_back);
    } else {
        log_info("bridge", "shard answers again", "integration=\"%.*s\" shard=%.*s held_back=%u",
                 SPAN_ARG(integration_name(in)), SPAN_ARG(s->shard_id), held_back);
    }
}

static void look_at_shard(struct integration *in, struct pulse_look *l,
                          const struct shard_status *s)
{
    struct lane *lane = map_get(&in->live.lanes, s->shard_id);
    if (!lane && (s->state == SHARD_WAITING_PARENT || s->state == SHARD_ENDED))
        return;
    if (!lane)
        lane = uplink_lane(&in->live, s->shard_id);
    rate_sample(&lane->records_rate, l->now_ms, s->records);
    rate_sample(&lane->bytes_rate, l->now_ms, s->bytes);
    note_shard(in, lane, pulse_shard(l, s), s);
}

static void say_silent(struct integration *in, const struct pulse_look *l)
{
    err_set(&in->stall, ERR_TIMEOUT, "shard %.*s of stream %.*s has not answered for %lld s%s%s",
            SPAN_ARG(l->shard), SPAN_ARG(in->config.stream_name),
            (long long)(l->now_ms - l->shard_ms) / 1000, l->why ? ": " : "", l->why ? l->why : "");
}

static void say_held(struct integration *in, const struct pulse_look *l)
{
    struct err e = {0};
    int64_t s = (l->now_ms - l->newest_ms) / 1000;
    if (store_health(hub_store(in->bridge->o.hub), &e) < 0) {
        err_set(&in->stall, ERR_TIMEOUT,
                "nothing was read for %lld s, because the database does not take records: %s",
                (long long)s, e.msg);
    } else {
        err_set(&in->stall, ERR_TIMEOUT,
                "nothing was read for %lld s, because %u batches wait to be converted and stored",
                (long long)s, in->live.works);
    }
}

void status_look(struct integration *in)
{
    struct pulse_look l;
    pulse_begin(&l, loop_now_ms(in->bridge->o.loop),
                pulse_deadline(in->bridge->o.poll_ms, in->config.fan_out));
    in->stall.code = 0;
    if (in->phase == PHASE_RUNNING && in->consumer) {
        for (size_t i = 0; i < consumer_count_shards(in->consumer); i++) {
            struct shard_status s;
            consumer_get_shard(in->consumer, i, &s);
            look_at_shard(in, &l, &s);
        }
        enum pulse pulse = pulse_end(&l);
        if (pulse == PULSE_SILENT)
            say_silent(in, &l);
        else if (pulse == PULSE_HELD)
            say_held(in, &l);
    }
    status_note_change(in);
}

void status_on_timer(struct timer *t)
{
    struct bridge *b = container_of(t, struct bridge, look_timer);
    list_for(it, &b->integrations)
    {
        status_look(container_of(it, struct integration, link));
    }
    timer_start(b->o.loop, t, LOOK_MS);
}

// JSON --------------------------------------------------------------------------------------------

static void put_text(struct json_out *j, const char *key, const char *text)
{
    if (text)
        json_out_key_str(j, key, span_str(text));
    else
        json_out_key_null(j, key);
}

static void put_rate(struct json_out *j, const char *key, double per_second)
{
    json_out_key(j, span_str(key));
    // Three digits after the point: more would be noise.
    json_out_num(j, (double)(int64_t)(per_second * 1000 + 0.5) / 1000);
}

static void put_known(struct json_out *j, const char *key, bool known, int64_t v)
{
    if (known)
        json_out_key_int(j, key, v);
    else
        json_out_key_null(j, key);
}

static void write_errors(struct json_out *j, const struct shard_status *s)
{
    json_out_key_int(j, "throttles", (int64_t)s->throttles);
    json_out_key_int(j, "foreignAggregates", (int64_t)s->foreign);
    json_out_key_int(j, "brokenAggregates", (int64_t)s->broken);
    json_out_key_int(j, "errors", (int64_t)s->errors);
    put_text(j, "lastError", s->last_error);
    json_out_key(j, SPAN("pastError"));
    if (!s->past_error) {
        json_out_null(j);
        return;
    }
    json_out_object(j);
    json_out_key_int(j, "ts", s->past_error_ms);
    json_out_key_str(j, "text", span_str(s->past_error));
    json_out_end(j);
}

static void write_shard(struct json_out *j, const struct integration *in,
                        const struct shard_status *s)
{
    static const struct lane none;
    const struct lane *lane = map_get(&in->live.lanes, s->shard_id);
    if (!lane)
        lane = &none;
    json_out_object(j);
    json_out_key_str(j, "shardId", s->shard_id);
    json_out_key_str(j, "state",
                     lane->silent ? SPAN("STALLED") : span_str(shard_state_name(s->state)));
    put_text(j, "sequenceNumber", lane->durable_sequence);
    json_out_key_int(j, "recordsApplied", (int64_t)lane->applied_durable);
    put_known(j, "millisBehindLatest", s->millis_behind >= 0, s->millis_behind);
    put_known(j, "lastArrivalTime", s->last_arrival_ms > 0, s->last_arrival_ms);
    json_out_key_int(j, "recordsRead", (int64_t)s->records);
    json_out_key_int(j, "bytesRead", (int64_t)s->bytes);
    put_rate(j, "recordsPerSecond", rate_per_second(&lane->records_rate));
    put_rate(j, "bytesPerSecond", rate_per_second(&lane->bytes_rate));
    write_errors(j, s);
    json_out_end(j);
}

static void write_known_shards(struct json_out *j, const struct integration *in)
{
    for (size_t i = 0; in->consumer && i < consumer_count_shards(in->consumer); i++) {
        struct shard_status s;
        consumer_get_shard(in->consumer, i, &s);
        write_shard(j, in, &s);
        struct lane *lane = map_get(&in->live.lanes, s.shard_id);
        if (lane)
            lane->shown = true;
    }
}

// Shards that the stream has forgotten but whose records took effect: they count still.
static void write_past_shards(struct json_out *j, const struct integration *in)
{
    list_for(it, &in->live.lane_list)
    {
        struct lane *lane = container_of(it, struct lane, link);
        struct shard_status s = {
            .shard_id = lane->shard_id,
            .state = lane->ended ? SHARD_ENDED : SHARD_STARTING,
            .millis_behind = -1,
        };
        if (!lane->shown)
            write_shard(j, in, &s);
        lane->shown = false;
    }
}

// Where the keys come from and how long they are good; never the keys.
static void write_credentials(struct json_out *j, const struct integration *in)
{
    struct credentials_report r;
    if (!in->credentials) {
        json_out_key_null(j, "credentials");
        return;
    }
    credentials_report(in->credentials, &r);
    json_out_key(j, SPAN("credentials"));
    json_out_object(j);
    json_out_key_str(j, "source", span_str(r.origin));
    if (r.ends) {
        int64_t now = loop_wall_ms(in->bridge->o.loop);
        json_out_key_int(j, "expiresAt", now + r.ends_in_ms);
    } else {
        json_out_key_null(j, "expiresAt");
    }
    put_text(j, "error", r.error);
    json_out_end(j);
}

void status_sum(const struct integration *in, struct status_sums *out)
{
    *out = (struct status_sums){.millis_behind = -1};
    list_for(it, &in->live.lane_list)
    {
        const struct lane *lane = container_of(it, struct lane, link);
        out->records_per_second += rate_per_second(&lane->records_rate);
        out->bytes_per_second += rate_per_second(&lane->bytes_rate);
        out->applied += lane->applied_durable;
    }
    if (in->config.kind == INTEGRATION_HTTP)
        out->applied = in->live.records;
    for (size_t i = 0; in->consumer && i < consumer_count_shards(in->consumer); i++) {
        struct shard_status s;
        consumer_get_shard(in->consumer, i, &s);
        out->shards += s.state != SHARD_ENDED;
        if (s.state != SHARD_ENDED && s.millis_behind > out->millis_behind)
            out->millis_behind = s.millis_behind;
        if (s.last_arrival_ms > out->last_arrival_ms)
            out->last_arrival_ms = s.last_arrival_ms;
    }
}

static void write_sums(struct json_out *j, const struct integration *in)
{
    struct status_sums sums;
    status_sum(in, &sums);
    json_out_key_int(j, "recordsApplied", (int64_t)sums.applied);
    json_out_key_int(j, "recordsFailed", (int64_t)in->live.failed);
    put_rate(j, "recordsPerSecond", sums.records_per_second);
    put_rate(j, "bytesPerSecond", sums.bytes_per_second);
    put_known(j, "millisBehindLatest", sums.millis_behind >= 0, sums.millis_behind);
    put_known(j, "lastArrivalTime", sums.last_arrival_ms > 0, sums.last_arrival_ms);
}

bool bridge_status_json(struct bridge *b, struct uuid integration, struct buf *out)
{
    struct integration *in = bridge_find(b, integration);
    const char *error;
    if (!in)
        return false;
    status_look(in);
    struct json_out j = {.out = out};
    json_out_object(&j);
    json_out_key_str(&j, "state", span_str(integration_state(in, &error)));
    put_text(&j, "error", error);
    write_sums(&j, in);
    write_credentials(&j, in);
    json_out_key(&j, SPAN("shards"));
    json_out_array(&j);
    write_known_shards(&j, in);
    write_past_shards(&j, in);
    json_out_end(&j);
    json_out_end(&j);
    return true;
}

const char *bridge_state(struct bridge *b, struct uuid integration, const char **error)
{
    struct integration *in = bridge_find(b, integration);
    *error = NULL;
    return in ? integration_state(in, error) : "DISABLED";
}

bool bridge_healthy(struct bridge *b)
{
    const char *error;
    list_for(it, &b->integrations)
    {
        struct integration *in = container_of(it, struct integration, link);
        if (strcmp(integration_state(in, &error), "FAILED") == 0)
            return false;
    }
    return true;
}
