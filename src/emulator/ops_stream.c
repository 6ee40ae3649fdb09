// SPDX-License-Identifier: Apache-2.0
#include "emulator/ops.h"

// Streams: create, delete, describe, list, retention, account limits.

#define LIST_PAGE 100
#define ON_DEMAND_SHARDS 4
#define ON_DEMAND_STREAM_LIMIT 50
// Calls a second (service quotas), when limits are on.
#define CREATE_RATE 5
#define LIST_STREAMS_RATE 5
#define LIMITS_RATE 1
#define DESCRIBE_RATE 10
#define SUMMARY_RATE 20

bool emu_op_create_stream(struct emu_call *c)
{
    struct span name = EMU_IN(c, STREAM_NAME)->s;
    bool on_demand = span_is(EMU_IN(c, STREAM_MODE)->s, "ON_DEMAND");
    const struct emu_field *count = EMU_IN(c, SHARD_COUNT);
    if (!on_demand && !count->set)
        return emu_call_fail(c, "ValidationException",
                             "1 validation error detected: Value null at 'shardCount' failed to "
                             "satisfy constraint: Member must not be null");
    if (c->in->n_tags > EMU_TAGS_MAX)
        return emu_call_fail(c, "InvalidArgumentException",
                             "A stream cannot have more than %d tags associated with it.",
                             EMU_TAGS_MAX);
    if (emu_account_stream(c->account, name))
        return emu_call_fail(c, "ResourceInUseException",
                             "Stream %.*s under account %s already exists.", SPAN_ARG(name),
                             c->account->id);
    uint32_t shards = on_demand ? ON_DEMAND_SHARDS : (uint32_t)count->i;
    if (!emu_call_rate(c, &c->account->create_calls, CREATE_RATE, NULL) ||
        !emu_call_shard_room(c, shards))
        return false;
    struct emu_stream *s = emu_account_create(c->account, name, shards, c->now.wall_ms);
    s->on_demand = on_demand;
    if (EMU_IN(c, MAX_RECORD_SIZE)->set)
        s->record_kib = (uint32_t)EMU_IN(c, MAX_RECORD_SIZE)->i;
    for (uint32_t i = 0; i < c->in->n_tags; i++)
        emu_stream_tag(s, c->in->tags[i].key, c->in->tags[i].value);
    emu_account_begin(c->account, s, (struct emu_change){.kind = EMU_CHANGE_CREATE}, c->now);
    return true;
}

bool emu_op_delete_stream(struct emu_call *c)
{
    struct emu_stream *s = emu_call_stream(c);
    if (!s)
        return false;
    if (s->status == EMU_DELETING)
        return emu_call_fail(c, "ResourceInUseException",
                             "Stream %.*s under account %s not ACTIVE, instead in state DELETING",
                             SPAN_ARG(s->name), c->account->id);
    if (s->consumers.n && !EMU_IN(c, ENFORCE_DELETION)->b)
        return emu_call_fail(c, "ResourceInUseException",
                             "Stream %.*s under account %s has registered consumers: deregister "
                             "them or set EnforceConsumerDeletion.",
                             SPAN_ARG(s->name), c->account->id);
    emu_account_begin(c->account, s, (struct emu_change){.kind = EMU_CHANGE_DELETE}, c->now);
    return true;
}

bool emu_op_update_max_record_size(struct emu_call *c)
{
    struct emu_stream *s = emu_call_active_stream(c);
    if (!s)
        return false;
    s->record_kib = (uint32_t)EMU_IN(c, MAX_RECORD_SIZE)->i;
    emu_account_begin(c->account, s, (struct emu_change){.kind = EMU_CHANGE_SETTING}, c->now);
    return true;
}

static void put_mode(struct emu_out *o, const struct emu_stream *s)
{
    emu_out_key(o, "StreamModeDetails");
    emu_out_map(o);
    emu_out_key_str(o, "StreamMode", s->on_demand ? SPAN("ON_DEMAND") : SPAN("PROVISIONED"));
    emu_out_end(o);
}

static void put_time(struct emu_out *o, const struct emu_stream *s)
{
    // Whole seconds, as the service shows it.
    emu_out_key(o, "StreamCreationTimestamp");
    emu_out_time(o, s->created_ms / 1000 * 1000);
}

static void put_identity(struct emu_call *c, const struct emu_stream *s)
{
    emu_out_key_str(c->out, "StreamName", s->name);
    emu_out_key_str(c->out, "StreamARN", emu_stream_arn(c, s));
    emu_out_key_str(c->out, "StreamStatus", span_str(emu_status_name(s->status)));
    put_mode(c->out, s);
    put_time(c->out, s);
}

static void put_description(struct emu_call *c, const struct emu_stream *s)
{
    put_identity(c, s);
    emu_out_key_int(c->out, "RetentionPeriodHours", s->retention_h);
    emu_out_key(c->out, "EnhancedMonitoring");
    emu_out_list(c->out, 1);
    emu_out_map(c->out);
    emu_out_key(c->out, "ShardLevelMetrics");
    emu_out_list(c->out, 0);
    emu_out_end(c->out);
    emu_out_end(c->out);
    emu_out_end(c->out);
    emu_out_key_str(c->out, "EncryptionType", SPAN("NONE"));
    emu_out_key(c->out, "KeyId");
    emu_out_null(c->out);
}

bool emu_op_describe_stream(struct emu_call *c)
{
    struct emu_stream *s = emu_call_stream(c);
    if (!s || !emu_call_rate(c, &c->account->describe_calls, DESCRIBE_RATE, s))
        return false;
    emu_stream_trim(s, c->now.wall_ms);
    uint32_t at = 0, n = 0, limit = LIST_PAGE, end;
    if (EMU_IN(c, START_SHARD)->set && emu_shard_id_parse(EMU_IN(c, START_SHARD)->s, &at))
        at++;
    if (EMU_IN(c, LIMIT)->set && EMU_IN(c, LIMIT)->i < limit)
        limit = (uint32_t)EMU_IN(c, LIMIT)->i;
    if (s->status == EMU_CREATING)
        at = s->n_shards;
    for (end = at; end < s->n_shards && n < limit; end++)
        n += !s->shards[end]->gone;

    emu_out_map(c->out);
    emu_out_key(c->out, "StreamDescription");
    emu_out_map(c->out);
    put_description(c, s);
    emu_out_key(c->out, "Shards");
    emu_out_list(c->out, n);
    for (uint32_t i = at; i < end; i++)
        if (!s->shards[i]->gone)
            emu_out_shard(c->out, s->shards[i]);
    emu_out_end(c->out);
    emu_out_key_bool(c->out, "HasMoreShards", end < s->n_shards);
    emu_out_end(c->out);
    emu_out_end(c->out);
    return true;
}

bool emu_op_describe_stream_summary(struct emu_call *c)
{
    struct emu_stream *s = emu_call_stream(c);
    if (!s || !emu_call_rate(c, &c->account->summary_calls, SUMMARY_RATE, s))
        return false;
    emu_out_map(c->out);
    emu_out_key(c->out, "StreamDescriptionSummary");
    emu_out_map(c->out);
    put_description(c, s);
    emu_out_key_int(c->out, "OpenShardCount", s->status == EMU_CREATING ? 0 : s->n_open);
    emu_out_key_int(c->out, "ConsumerCount", s->consumers.n);
    emu_out_key_int(c->out, "MaxRecordSizeInKiB", s->record_kib);
    emu_out_end(c->out);
    emu_out_end(c->out);
    return true;
}

// Where the listing goes on: after a name, given outright or in a token.
static bool list_start(struct emu_call *c, struct span *after)
{
    const struct emu_field *token = EMU_IN(c, NEXT_TOKEN);
    struct emu_token t;
    *after = EMU_IN(c, START_STREAM)->s;
    if (!token->set)
        return true;
    if (EMU_IN(c, START_STREAM)->set)
        return emu_call_fail(c, "InvalidArgumentException",
                             "NextToken and ExclusiveStartStreamName cannot be provided together.");
    if (!emu_token_open(c->account->token_key, EMU_TOKEN_STREAMS, token->s, c->arena, &t))
        return emu_call_fail(c, "InvalidArgumentException", "Invalid NextToken.");
    if (c->now.wall_ms - t.created_ms > EMU_TOKEN_LIFE_MS)
        return emu_call_fail(c, "ExpiredNextTokenException", "NextToken has expired.");
    *after = t.text;
    return true;
}

bool emu_op_list_streams(struct emu_call *c)
{
    struct span after;
    size_t n, at = 0, limit = LIST_PAGE;
    if (!list_start(c, &after) ||
        !emu_call_rate(c, &c->account->list_calls, LIST_STREAMS_RATE, NULL))
        return false;
    struct emu_stream **all = emu_account_sorted(c->account, c->arena, &n);
    while (after.p && at < n && span_cmp(all[at]->name, after) <= 0)
        at++;
    if (EMU_IN(c, LIMIT)->set && EMU_IN(c, LIMIT)->i < LIST_PAGE)
        limit = (size_t)EMU_IN(c, LIMIT)->i;
    size_t end = n - at > limit ? at + limit : n;

    emu_out_map(c->out);
    emu_out_key(c->out, "StreamNames");
    emu_out_list(c->out, end - at);
    for (size_t i = at; i < end; i++)
        emu_out_str(c->out, all[i]->name);
    emu_out_end(c->out);
    emu_out_key(c->out, "StreamSummaries");
    emu_out_list(c->out, end - at);
    for (size_t i = at; i < end; i++) {
        emu_out_map(c->out);
        put_identity(c, all[i]);
        emu_out_end(c->out);
    }
    emu_out_end(c->out);
    emu_out_key_bool(c->out, "HasMoreStreams", end < n);
    if (end < n) {
        struct emu_token t = {EMU_TOKEN_STREAMS, c->now.wall_ms, {0}, all[end - 1]->name};
        emu_out_key_str(c->out, "NextToken", emu_token_seal(c->account->token_key, &t, c->arena));
    }
    emu_out_end(c->out);
    return true;
}

static bool set_retention(struct emu_call *c, bool increase)
{
    struct emu_stream *s = emu_call_active_stream(c);
    int64_t hours = EMU_IN(c, RETENTION_HOURS)->i;
    if (!s)
        return false;
    if (hours < EMU_RETENTION_MIN_H)
        return emu_call_fail(c, "InvalidArgumentException",
                             "Minimum allowed retention period is %d hours. Requested retention "
                             "period (%d hours) is too short.",
                             EMU_RETENTION_MIN_H, (int)hours);
    if (increase ? hours < s->retention_h : hours > s->retention_h)
        return emu_call_fail(
            c, "InvalidArgumentException",
            "Requested retention period (%d hours) for stream %.*s can not be %s "
            "than existing retention period (%u hours). Use %sRetentionPeriod API.",
            (int)hours, SPAN_ARG(s->name), increase ? "shorter" : "longer",
            (unsigned)s->retention_h, increase ? "Decrease" : "Increase");
    s->retention_h = (uint32_t)hours;
    emu_stream_trim(s, c->now.wall_ms);
    emu_account_begin(c->account, s, (struct emu_change){.kind = EMU_CHANGE_SETTING}, c->now);
    return true;
}

bool emu_op_increase_retention(struct emu_call *c)
{
    return set_retention(c, true);
}

bool emu_op_decrease_retention(struct emu_call *c)
{
    return set_retention(c, false);
}

bool emu_op_describe_limits(struct emu_call *c)
{
    struct emu_stream *s;
    int64_t on_demand = 0;
    if (!emu_call_rate(c, &c->account->limits_calls, LIMITS_RATE, NULL))
        return false;
    for (size_t at = 0; (s = map_next(&c->account->by_name, &at, NULL)) != NULL;)
        on_demand += s->on_demand;
    emu_out_map(c->out);
    emu_out_key_int(c->out, "ShardLimit", c->account->shard_limit);
    emu_out_key_int(c->out, "OpenShardCount", emu_account_open_shards(c->account));
    emu_out_key_int(c->out, "OnDemandStreamCount", on_demand);
    emu_out_key_int(c->out, "OnDemandStreamCountLimit", ON_DEMAND_STREAM_LIMIT);
    emu_out_end(c->out);
    return true;
}
