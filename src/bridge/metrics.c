// SPDX-License-Identifier: Apache-2.0
#include "bridge/integration.h"

// Prometheus text (exposition format 0.0.4) of all integrations. Labels are bounded: states are
// few, shards are shown up to a number an integration, and none that has ended.

#define SHARDS_SHOWN 256

// Label values: backslash, quote and line feed are escaped.
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

static void put_number(struct buf *out, double v)
{
    if (v == (double)(int64_t)v)
        buf_printf(out, "%lld\n", (long long)v);
    else
        buf_printf(out, "%.3f\n", v);
}

static void put_metric(struct buf *out, const char *name, struct span integration,
                       const char *label, struct span value, double number)
{
    buf_printf(out, "penstock_%s{integration=\"", name);
    put_label(out, integration);
    if (label) {
        buf_printf(out, "\",%s=\"", label);
        put_label(out, value);
    }
    buf_add_str(out, "\"} ");
    put_number(out, number);
}

struct family {
    const char *name, *type, *help;
    double (*integration)(const struct integration *in);
    double (*shard)(const struct shard_status *s);
};

static struct status_sums sums_of(const struct integration *in)
{
    struct status_sums s;
    status_sum(in, &s);
    return s;
}

static double m_up(const struct integration *in)
{
    const char *error;
    return strcmp(integration_state(in, &error), "ACTIVE") == 0;
}

static double m_failed(const struct integration *in)
{
    return (double)in->live.failed;
}

static double m_applied(const struct integration *in)
{
    return (double)in->live.records;
}

static double m_applied_ever(const struct integration *in)
{
    return (double)sums_of(in).applied;
}

static double m_records_rate(const struct integration *in)
{
    return sums_of(in).records_per_second;
}

static double m_bytes_rate(const struct integration *in)
{
    return sums_of(in).bytes_per_second;
}

static double m_most_behind(const struct integration *in)
{
    return (double)sums_of(in).millis_behind;
}

static double m_last_arrival(const struct integration *in)
{
    return (double)sums_of(in).last_arrival_ms / 1000;
}

static double m_shards(const struct integration *in)
{
    return (double)sums_of(in).shards;
}

static struct producer_stats producer_stats_of(const struct integration *in)
{
    struct producer_stats s = {0};
    if (in->producer)
        producer_get_stats(in->producer, &s);
    return s;
}

static double m_put(const struct integration *in)
{
    return (double)producer_stats_of(in).records;
}

static double m_put_retries(const struct integration *in)
{
    return (double)producer_stats_of(in).retries;
}

static double m_put_refused(const struct integration *in)
{
    return (double)in->downlinks.refused;
}

static double m_put_dead(const struct integration *in)
{
    return (double)in->outbox.dead;
}

static double m_put_age(const struct integration *in)
{
    int64_t oldest = in->phase == PHASE_OFF ? 0 : outbox_oldest_ms(&in->outbox);
    return oldest ? (double)((loop_wall_ms(in->bridge->o.loop) - oldest) / 1000) : 0;
}

static double m_put_pending(const struct integration *in)
{
    return in->producer ? (double)producer_pending(in->producer) : 0;
}

static double m_read(const struct shard_status *s)
{
    return (double)s->records;
}

static double m_bytes(const struct shard_status *s)
{
    return (double)s->bytes;
}

static double m_behind(const struct shard_status *s)
{
    return (double)s->millis_behind;
}

static double m_arrival(const struct shard_status *s)
{
    return (double)s->last_arrival_ms / 1000;
}

static double m_throttles(const struct shard_status *s)
{
    return (double)s->throttles;
}

static double m_errors(const struct shard_status *s)
{
    return (double)s->errors;
}

static const struct family families[] = {
    {"integration_active", "gauge", "1 while records or empty answers arrive", m_up, NULL},
    {"integration_shards", "gauge", "shards that have not ended", m_shards, NULL},
    {"integration_records_applied", "gauge", "records that took effect, of all time",
     m_applied_ever, NULL},
    {"integration_records_per_second", "gauge", "records read, mean of about 10 s", m_records_rate,
     NULL},
    {"integration_bytes_per_second", "gauge", "payload bytes read, mean of about 10 s",
     m_bytes_rate, NULL},
    {"integration_millis_behind", "gauge", "MillisBehindLatest of the shard furthest behind",
     m_most_behind, NULL},
    {"integration_last_arrival_seconds", "gauge",
     "when the last record read arrived on the stream, seconds since 1970", m_last_arrival, NULL},
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
    {"shard_last_arrival_seconds", "gauge",
     "when the last record read arrived on the stream, seconds since 1970", NULL, m_arrival},
    {"shard_throttles_total", "counter", "throttled reads since start", NULL, m_throttles},
    {"shard_errors_total", "counter", "failed reads since start", NULL, m_errors},
};

static void put_shards(const struct integration *in, const struct family *f, struct buf *out)
{
    size_t shown = 0;
    if (!in->consumer)
        return;
    for (size_t i = 0; i < consumer_count_shards(in->consumer) && shown < SHARDS_SHOWN; i++) {
        struct shard_status s;
        consumer_get_shard(in->consumer, i, &s);
        if (s.state == SHARD_ENDED)
            continue;
        shown++;
        put_metric(out, f->name, integration_name(in), "shard", s.shard_id, f->shard(&s));
    }
}

static void put_family(struct bridge *b, const struct family *f, struct buf *out)
{
    buf_printf(out, "# HELP penstock_%s %s\n# TYPE penstock_%s %s\n", f->name, f->help, f->name,
               f->type);
    list_for(it, &b->integrations)
    {
        const struct integration *in = container_of(it, struct integration, link);
        if (f->integration)
            put_metric(out, f->name, integration_name(in), NULL, SPAN_NONE, f->integration(in));
        if (f->shard)
            put_shards(in, f, out);
    }
}

static void put_states(struct bridge *b, struct buf *out)
{
    buf_add_str(out, "# HELP penstock_integration_state 1 for the state it is in\n"
                     "# TYPE penstock_integration_state gauge\n");
    list_for(it, &b->integrations)
    {
        const struct integration *in = container_of(it, struct integration, link);
        const char *error, *state = integration_state(in, &error);
        put_metric(out, "integration_state", integration_name(in), "state", span_str(state), 1);
    }
}

void bridge_metrics(struct bridge *b, struct buf *out)
{
    list_for(it, &b->integrations)
    {
        status_look(container_of(it, struct integration, link));
    }
    put_states(b, out);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        put_family(b, &families[i], out);
}
