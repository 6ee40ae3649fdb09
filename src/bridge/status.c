// SPDX-License-Identifier: Apache-2.0
#include "bridge/integration.h"

// What people see of an integration: state, shards, metrics.

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
    // Uplink works; a downlink that does not is worth a word, not the whole state.
    if (in->put_status < 0)
        *error = in->put_error;
    return "ACTIVE";
}

struct span integration_name(const struct integration *in)
{
    return in->config.n_pairs ? in->config.pairs[0].value : SPAN("?");
}

static void write_shard(struct json_out *j, const struct integration *in,
                        const struct shard_status *s)
{
    const struct lane *lane = map_get(&in->live.lanes, s->shard_id);
    json_out_object(j);
    json_out_key_str(j, "shardId", s->shard_id);
    json_out_key_str(j, "state", span_str(shard_state_name(s->state)));
    if (lane && lane->durable_sequence)
        json_out_key_str(j, "sequenceNumber", span_str(lane->durable_sequence));
    else
        json_out_key_null(j, "sequenceNumber");
    json_out_key_int(j, "recordsApplied", lane ? (int64_t)lane->applied_durable : 0);
    if (s->millis_behind >= 0)
        json_out_key_int(j, "millisBehindLatest", s->millis_behind);
    else
        json_out_key_null(j, "millisBehindLatest");
    json_out_key_int(j, "recordsRead", (int64_t)s->records);
    json_out_key_int(j, "bytesRead", (int64_t)s->bytes);
    json_out_key_int(j, "throttles", (int64_t)s->throttles);
    json_out_key_int(j, "errors", (int64_t)s->errors);
    if (s->last_error)
        json_out_key_str(j, "lastError", span_str(s->last_error));
    else
        json_out_key_null(j, "lastError");
    json_out_end(j);
}

static bool consumer_knows(const struct integration *in, struct span shard_id)
{
    struct shard_status s;
    for (size_t i = 0; in->consumer && i < consumer_count_shards(in->consumer); i++) {
        consumer_get_shard(in->consumer, i, &s);
        if (span_eq(s.shard_id, shard_id))
            return true;
    }
    return false;
}

// Shards that the stream has forgotten but whose records took effect: they count still.
static void write_past_shards(struct json_out *j, const struct integration *in)
{
    list_for(it, &in->live.lane_list)
    {
        const struct lane *lane = container_of(it, struct lane, link);
        if (consumer_knows(in, lane->shard_id))
            continue;
        struct shard_status s = {
            .shard_id = lane->shard_id,
            .state = lane->ended ? SHARD_ENDED : SHARD_STARTING,
            .millis_behind = -1,
        };
        write_shard(j, in, &s);
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
    if (r.error)
        json_out_key_str(j, "error", span_str(r.error));
    else
        json_out_key_null(j, "error");
    json_out_end(j);
}

bool bridge_status_json(struct bridge *b, struct uuid integration, struct buf *out)
{
    struct integration *in = bridge_find(b, integration);
    const char *error;
    if (!in)
        return false;
    struct json_out j = {.out = out};
    json_out_object(&j);
    json_out_key_str(&j, "state", span_str(integration_state(in, &error)));
    if (error)
        json_out_key_str(&j, "error", span_str(error));
    else
        json_out_key_null(&j, "error");
    json_out_key_int(&j, "recordsFailed", (int64_t)in->live.failed);
    write_credentials(&j, in);
    json_out_key(&j, SPAN("shards"));
    json_out_array(&j);
    for (size_t i = 0; in->consumer && i < consumer_count_shards(in->consumer); i++) {
        struct shard_status s;
        consumer_get_shard(in->consumer, i, &s);
        write_shard(&j, in, &s);
    }
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

// Label values: backslash, quote and line feed are escaped (Prometheus text exposition format
// 0.0.4).
static void put_label(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\n') {
            buf_add_str(out, "\\n");
            continue;
        }
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, s.p[i]);
    }
}

static void put_metric(struct buf *out, const char *name, struct span integration,
                       struct span shard, int64_t value)
{
    buf_printf(out, "penstock_%s{integration=\"", name);
    put_label(out, integration);
    if (shard.n) {
        buf_add_str(out, "\",shard=\"");
        put_label(out, shard);
    }
    buf_printf(out, "\"} %lld\n", (long long)value);
}

struct family {
    const char *name, *type, *help;
    int64_t (*integration)(const struct integration *in);
    int64_t (*shard)(const struct shard_status *s);
};

static int64_t m_up(const struct integration *in)
{
    const char *error;
    return strcmp(integration_state(in, &error), "ACTIVE") == 0;
}

static int64_t m_failed(const struct integration *in)
{
    return (int64_t)in->live.failed;
}

static int64_t m_applied(const struct integration *in)
{
    return (int64_t)in->live.records;
}

static struct producer_stats producer_stats_of(const struct integration *in)
{
    struct producer_stats s = {0};
    if (in->producer)
        producer_get_stats(in->producer, &s);
    return s;
}

static int64_t m_put(const struct integration *in)
{
    return (int64_t)producer_stats_of(in).records;
}

static int64_t m_put_retries(const struct integration *in)
{
    return (int64_t)producer_stats_of(in).retries;
}

static int64_t m_put_refused(const struct integration *in)
{
    return (int64_t)in->downlinks.refused;
}

static int64_t m_put_dead(const struct integration *in)
{
    return (int64_t)in->outbox.dead;
}

static int64_t m_put_age(const struct integration *in)
{
    int64_t oldest = in->phase == PHASE_OFF ? 0 : outbox_oldest_ms(&in->outbox);
    return oldest ? (loop_wall_ms(in->bridge->o.loop) - oldest) / 1000 : 0;
}

static int64_t m_put_pending(const struct integration *in)
{
    return in->producer ? (int64_t)producer_pending(in->producer) : 0;
}

static int64_t m_read(const struct shard_status *s)
{
    return (int64_t)s->records;
}

static int64_t m_bytes(const struct shard_status *s)
{
    return (int64_t)s->bytes;
}

static int64_t m_behind(const struct shard_status *s)
{
    return s->millis_behind;
}

static int64_t m_throttles(const struct shard_status *s)
{
    return (int64_t)s->throttles;
}

static int64_t m_errors(const struct shard_status *s)
{
    return (int64_t)s->errors;
}

static const struct family families[] = {
    {"integration_active", "gauge", "1 while the integration reads its stream", m_up, NULL},
    {"records_applied_total", "counter", "records that took effect since start", m_applied, NULL},
    {"records_failed_total", "counter", "records kept as dead letters since start", m_failed, NULL},
    {"downlink_records_total", "counter", "records put on streams since start", m_put, NULL},
    {"downlink_retries_total", "counter", "records put again after a failure", m_put_retries, NULL},
    {"downlink_refused_total", "counter", "downlinks refused because the outbox was full",
     m_put_refused, NULL},
    {"downlink_dead_total", "counter", "downlinks that became dead letters since start", m_put_dead,
     NULL},
    {"downlink_oldest_seconds", "gauge", "age of the oldest downlink that waits", m_put_age, NULL},
    {"downlink_in_memory", "gauge", "records handed to the producer, not yet put", m_put_pending,
     NULL},
    {"shard_records_total", "counter", "records read since start", NULL, m_read},
    {"shard_bytes_total", "counter", "payload bytes read since start", NULL, m_bytes},
    {"shard_millis_behind", "gauge", "MillisBehindLatest of the last reply, -1 = not known", NULL,
     m_behind},
    {"shard_throttles_total", "counter", "throttled reads since start", NULL, m_throttles},
    {"shard_errors_total", "counter", "failed reads since start", NULL, m_errors},
};

static void put_family(struct bridge *b, const struct family *f, struct buf *out)
{
    buf_printf(out, "# HELP penstock_%s %s\n# TYPE penstock_%s %s\n", f->name, f->help, f->name,
               f->type);
    list_for(it, &b->integrations)
    {
        const struct integration *in = container_of(it, struct integration, link);
        if (f->integration)
            put_metric(out, f->name, integration_name(in), SPAN_NONE, f->integration(in));
        if (!f->shard || !in->consumer)
            continue;
        for (size_t i = 0; i < consumer_count_shards(in->consumer); i++) {
            struct shard_status s;
            consumer_get_shard(in->consumer, i, &s);
            put_metric(out, f->name, integration_name(in), s.shard_id, f->shard(&s));
        }
    }
}

void bridge_metrics(struct bridge *b, struct buf *out)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        put_family(b, &families[i], out);
}
