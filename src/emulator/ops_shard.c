// SPDX-License-Identifier: Apache-2.0
#include "emulator/ops.h"

// Shards: list with its filters, split, merge, change of count.

#define SHARDS_PAGE 1000
#define LIST_SHARDS_RATE 1000
#define CHANGE_RATE 5 // SplitShard, MergeShards: calls a second (facts/wire.md section 4)
#define DAY_MS (INT64_C(24) * 3600 * 1000)

enum filter {
    NO_FILTER,
    AFTER_SHARD_ID,
    AT_TRIM_HORIZON,
    FROM_TRIM_HORIZON,
    AT_LATEST,
    AT_TIMESTAMP,
    FROM_TIMESTAMP,
};

static const char *const filter_names[] = {
    "",          "AFTER_SHARD_ID", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON",
    "AT_LATEST", "AT_TIMESTAMP",   "FROM_TIMESTAMP",
};

// One listing, over all its pages.
struct listing {
    struct emu_stream *stream;
    uint32_t next; // first shard index not listed yet
    enum filter filter;
    int64_t time_ms;
};

static bool listed(const struct listing *l, const struct emu_shard *sh)
{
    if (sh->gone)
        return false;
    switch (l->filter) {
    case AT_LATEST:
        return !sh->closed_ms;
    case AT_TRIM_HORIZON:
    case AT_TIMESTAMP:
        // Half-open, so that at the instant of a split the children stand for the parent.
        return sh->created_ms <= l->time_ms && (!sh->closed_ms || sh->closed_ms > l->time_ms);
    case FROM_TRIM_HORIZON:
    case FROM_TIMESTAMP:
        return !sh->closed_ms || sh->closed_ms >= l->time_ms;
    default:
        return true;
    }
}

static bool listing_filter(struct emu_call *c, struct listing *l)
{
    int64_t horizon = emu_stream_horizon(l->stream, c->now.wall_ms);
    const struct emu_field *time = EMU_IN(c, FILTER_TIME);
    uint32_t shard;
    for (int i = AFTER_SHARD_ID; i <= FROM_TIMESTAMP; i++)
        if (span_is(EMU_IN(c, FILTER_TYPE)->s, filter_names[i]))
            l->filter = (enum filter)i;
    l->time_ms = horizon;
    if (l->filter == AFTER_SHARD_ID) {
        if (!EMU_IN(c, FILTER_SHARD)->set ||
            !emu_shard_id_parse(EMU_IN(c, FILTER_SHARD)->s, &shard))
            return emu_call_fail(c, "InvalidArgumentException",
                                 "ShardFilter type AFTER_SHARD_ID needs a valid ShardId.");
        if (l->next <= shard)
            l->next = shard + 1;
    }
    if (l->filter == AT_TIMESTAMP || l->filter == FROM_TIMESTAMP) {
        if (!time->set)
            return emu_call_fail(c, "InvalidArgumentException",
                                 "ShardFilter type %s needs a Timestamp.", filter_names[l->filter]);
        if (time->i > c->now.wall_ms)
            return emu_call_fail(c, "InvalidArgumentException",
                                 "The Timestamp of a ShardFilter cannot be in the future.");
        l->time_ms = time->i > horizon ? time->i : horizon;
    }
    return true;
}

static bool listing_begin(struct emu_call *c, struct listing *l)
{
    const struct emu_field *start = EMU_IN(c, START_SHARD), *created = EMU_IN(c, CREATION_TIME);
    l->stream = emu_call_stream(c);
    if (!l->stream)
        return false;
    int64_t since_ms = created->i - l->stream->created_ms / 1000 * 1000;
    if (created->set && (since_ms < 0 || since_ms >= 1000))
        return emu_call_fail(c, "ResourceNotFoundException",
                             "Stream %.*s under account %s with the given StreamCreationTimestamp "
                             "not found.",
                             SPAN_ARG(l->stream->name), c->account->id);
    if (start->set) {
        if (!emu_shard_id_parse(start->s, &l->next))
            return emu_call_fail(c, "InvalidArgumentException",
                                 "ExclusiveStartShardId %.*s is invalid.", SPAN_ARG(start->s));
        l->next++;
    }
    return !EMU_IN(c, FILTER)->set || listing_filter(c, l);
}

static bool listing_resume(struct emu_call *c, struct listing *l)
{
    struct emu_token t;
    if (EMU_IN(c, STREAM_NAME)->set || EMU_IN(c, STREAM_ARN)->set)
        return emu_call_fail(c, "InvalidArgumentException",
                             "NextToken and StreamName cannot be provided together.");
    if (EMU_IN(c, START_SHARD)->set || EMU_IN(c, CREATION_TIME)->set)
        return emu_call_fail(
            c, "InvalidArgumentException",
            "NextToken and ExclusiveStartShardId or StreamCreationTimestamp cannot "
            "be provided together.");
    if (!emu_token_open(c->account->token_key, EMU_TOKEN_SHARDS, EMU_IN(c, NEXT_TOKEN)->s, c->arena,
                        &t))
        return emu_call_fail(c, "InvalidArgumentException", "Invalid NextToken.");
    if (c->now.wall_ms - t.created_ms > EMU_TOKEN_LIFE_MS)
        return emu_call_fail(c, "ExpiredNextTokenException",
                             "NextToken has expired. It was created at %.*s.",
                             SPAN_ARG(emu_time_text(t.created_ms, c->arena)));
    *l = (struct listing){emu_account_stream_by_uid(c->account, t.field[0]), (uint32_t)t.field[1],
                          (enum filter)t.field[2], (int64_t)t.field[3]};
    return l->stream ||
           emu_call_fail(c, "ResourceNotFoundException", "Stream %.*s under account %s not found.",
                         SPAN_ARG(t.text), c->account->id);
}

bool emu_op_list_shards(struct emu_call *c)
{
    struct listing l = {0};
    if (EMU_IN(c, NEXT_TOKEN)->set ? !listing_resume(c, &l) : !listing_begin(c, &l))
        return false;
    struct emu_stream *s = l.stream;
    if (!emu_call_rate(c, &s->list_shards_calls, LIST_SHARDS_RATE, s))
        return false;
    if (s->status == EMU_CREATING)
        return emu_call_fail(c, "ResourceInUseException",
                             "Stream %.*s under account %s not ACTIVE, instead in state CREATING",
                             SPAN_ARG(s->name), c->account->id);
    emu_stream_trim(s, c->now.wall_ms);
    uint32_t limit = SHARDS_PAGE, n = 0, end, more;
    if (EMU_IN(c, MAX_RESULTS)->set && EMU_IN(c, MAX_RESULTS)->i < limit)
        limit = (uint32_t)EMU_IN(c, MAX_RESULTS)->i;
    for (end = l.next; end < s->n_shards && n < limit; end++)
        n += listed(&l, s->shards[end]);
    for (more = end; more < s->n_shards && !listed(&l, s->shards[more]); more++)
        ;

    emu_out_map(c->out);
    emu_out_key(c->out, "Shards");
    emu_out_list(c->out, n);
    for (uint32_t i = l.next; i < end; i++)
        if (listed(&l, s->shards[i]))
            emu_out_shard(c->out, s->shards[i]);
    emu_out_end(c->out);
    if (more < s->n_shards) {
        struct emu_token t = {EMU_TOKEN_SHARDS,
                              c->now.wall_ms,
                              {s->uid, more, (uint64_t)l.filter, (uint64_t)l.time_ms},
                              s->name};
        emu_out_key_str(c->out, "NextToken", emu_token_seal(c->account->token_key, &t, c->arena));
    }
    emu_out_end(c->out);
    return true;
}

static bool provisioned(struct emu_call *c, const struct emu_stream *s, const char *op)
{
    return !s->on_demand ||
           emu_call_fail(c, "ValidationException",
                         "%s is not supported for stream %.*s under account %s, which is in "
                         "on-demand mode.",
                         op, SPAN_ARG(s->name), c->account->id);
}

// Room for `more` shard structures in the stream, closed ones included.
static bool room(struct emu_call *c, const struct emu_stream *s, uint32_t more)
{
    return s->n_shards + more <= EMU_SHARDS_EVER_MAX ||
           emu_call_fail(c, "LimitExceededException",
                         "Stream %.*s under account %s has had too many shards.", SPAN_ARG(s->name),
                         c->account->id);
}

bool emu_op_split_shard(struct emu_call *c)
{
    struct emu_stream *s = emu_call_active_stream(c);
    struct emu_shard *sh = s ? emu_call_shard(c, s, EMU_IN(c, SPLIT_SHARD)->s) : NULL;
    struct span text = EMU_IN(c, NEW_HASH_KEY)->s;
    struct hash_key key;
    char id[EMU_SHARD_ID_LEN + 1], start[HASH_KEY_TEXT_MAX], end[HASH_KEY_TEXT_MAX];
    if (!sh || !emu_call_rate(c, &c->account->split_calls, CHANGE_RATE, s) ||
        !provisioned(c, s, "SplitShard") || !emu_call_shard_room(c, 1) || !room(c, s, 2))
        return false;
    emu_shard_id(sh->index, id);
    if (sh->closed_ms)
        return emu_call_fail(c, "InvalidArgumentException",
                             "Shard %s in stream %.*s under account %s is closed and cannot be "
                             "split.",
                             id, SPAN_ARG(s->name), c->account->id);
    // Both children must hold at least two keys.
    if (!hash_key_parse(text, &key) || hash_key_cmp(key, sh->start) <= 0 ||
        hash_key_cmp(hash_key_prev(key), sh->start) <= 0 || hash_key_cmp(key, sh->end) >= 0) {
        hash_key_format(sh->start, start);
        hash_key_format(sh->end, end);
        return emu_call_fail(c, "InvalidArgumentException",
                             "NewStartingHashKey %.*s used in SplitShard() on shard %s in stream "
                             "%.*s under account %s is not both greater than one plus the shard's "
                             "StartingHashKey %s and less than the shard's EndingHashKey %s.",
                             SPAN_ARG(text), id, SPAN_ARG(s->name), c->account->id, start, end);
    }
    struct emu_change change = {.kind = EMU_CHANGE_SPLIT, .shard = sh->index, .key = key};
    emu_account_begin(c->account, s, change, c->now);
    return true;
}

static bool adjacent(const struct emu_shard *a, const struct emu_shard *b)
{
    const struct emu_shard *low = hash_key_cmp(a->start, b->start) < 0 ? a : b;
    const struct emu_shard *high = low == a ? b : a;
    return a != b && !a->closed_ms && !b->closed_ms &&
           hash_key_cmp(hash_key_next(low->end), high->start) == 0;
}

bool emu_op_merge_shards(struct emu_call *c)
{
    struct emu_stream *s = emu_call_active_stream(c);
    struct emu_shard *a = s ? emu_call_shard(c, s, EMU_IN(c, MERGE_SHARD)->s) : NULL;
    struct emu_shard *b = a ? emu_call_shard(c, s, EMU_IN(c, ADJACENT_SHARD)->s) : NULL;
    char id_a[EMU_SHARD_ID_LEN + 1], id_b[EMU_SHARD_ID_LEN + 1];
    if (!b || !emu_call_rate(c, &c->account->merge_calls, CHANGE_RATE, s) ||
        !provisioned(c, s, "MergeShards") || !room(c, s, 1))
        return false;
    if (!adjacent(a, b)) {
        emu_shard_id(a->index, id_a);
        emu_shard_id(b->index, id_b);
        return emu_call_fail(c, "InvalidArgumentException",
                             "Shards %s and %s in stream %.*s under account %s are not an adjacent "
                             "pair of shards eligible for merging",
                             id_a, id_b, SPAN_ARG(s->name), c->account->id);
    }
    struct emu_change change = {.kind = EMU_CHANGE_MERGE, .shard = a->index, .adjacent = b->index};
    emu_account_begin(c->account, s, change, c->now);
    return true;
}

static bool target_fits(struct emu_call *c, const struct emu_stream *s, int64_t target)
{
    bool up = target > 2 * (int64_t)s->n_open;
    if (up || target * 2 < s->n_open)
        return emu_call_fail(c, "InvalidArgumentException",
                             "UpdateShardCount cannot scale %s your current open shard count. "
                             "Current open shard count: %u Target shard count: %d",
                             up ? "up over double" : "down below half", (unsigned)s->n_open,
                             (int)target);
    uint32_t more = target > s->n_open ? (uint32_t)target - s->n_open : 0;
    // At worst a cut for every bound, two shards each, and a join of every piece.
    return emu_call_shard_room(c, more) && room(c, s, 3 * ((uint32_t)target + s->n_open));
}

// At most EMU_RESIZES_A_DAY in any 24 hours.
static bool resize_allowed(struct emu_call *c, struct emu_stream *s)
{
    int64_t *slot = &s->resized_ms[s->n_resized % EMU_RESIZES_A_DAY];
    if (c->account->limits && s->n_resized >= EMU_RESIZES_A_DAY && c->now.mono_ms - *slot < DAY_MS)
        return emu_call_fail(c, "LimitExceededException",
                             "Limit exceeded for UpdateShardCount on stream %.*s under account "
                             "%s: %d calls in 24 hours.",
                             SPAN_ARG(s->name), c->account->id, EMU_RESIZES_A_DAY);
    *slot = c->now.mono_ms;
    s->n_resized++;
    return true;
}

bool emu_op_update_shard_count(struct emu_call *c)
{
    struct emu_stream *s = emu_call_active_stream(c);
    int64_t target = EMU_IN(c, TARGET_COUNT)->i;
    if (!s || !provisioned(c, s, "UpdateShardCount") || !target_fits(c, s, target) ||
        !resize_allowed(c, s))
        return false;
    uint32_t current = s->n_open;
    struct emu_change change = {.kind = EMU_CHANGE_RESIZE, .target = (uint32_t)target};
    emu_account_begin(c->account, s, change, c->now);

    emu_out_map(c->out);
    emu_out_key_str(c->out, "StreamName", s->name);
    emu_out_key_int(c->out, "CurrentShardCount", current);
    emu_out_key_int(c->out, "TargetShardCount", target);
    emu_out_key_str(c->out, "StreamARN", emu_stream_arn(c, s));
    emu_out_end(c->out);
    return true;
}
