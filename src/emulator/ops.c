// SPDX-License-Identifier: Apache-2.0
#include "emulator/ops.h"

struct op {
    const char *name;
    bool (*run)(struct emu_call *c);
    uint8_t required;
    uint8_t member[EMU_INPUT_MAX]; // EMU_M_COUNT + 1 ends them
};

#define NO_MEMBER (EMU_M_COUNT + 1)
#define OP_ROW(name, fn, required, ...) {#name, emu_op_##fn, required, {__VA_ARGS__, NO_MEMBER}},
static const struct op ops[EMU_OP_COUNT] = {EMU_OPS(OP_ROW)};
#undef OP_ROW

bool emu_op_find(struct span name, enum emu_op *out)
{
    for (int i = 0; i < EMU_OP_COUNT; i++) {
        if (span_is(name, ops[i].name)) {
            *out = (enum emu_op)i;
            return true;
        }
    }
    return false;
}

const char *emu_op_name(enum emu_op op)
{
    return ops[op].name;
}

bool emu_op_run(enum emu_op op, struct emu_call *c, bool cbor, struct span body)
{
    const struct op *o = &ops[op];
    struct emu_shape shape = {.required = o->required};
    for (; o->member[shape.n] < EMU_M_COUNT; shape.n++)
        shape.member[shape.n] = o->member[shape.n];
    c->op = op;
    emu_account_settle(c->account, c->now);
    c->in = arena_new(c->arena, struct emu_input);
    return emu_input_decode(&shape, cbor, body, c->arena, c->in, &c->error) &&
           emu_input_check(&shape, c->in, c->arena, &c->error) && o->run(c);
}

bool emu_call_fail(struct emu_call *c, const char *code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    emu_vfail(&c->error, c->arena, code, fmt, ap);
    va_end(ap);
    return false;
}

struct span emu_stream_arn(const struct emu_call *c, const struct emu_stream *s)
{
    return arena_printf(c->arena, "arn:aws:kinesis:%s:%s:stream/%.*s", c->account->region,
                        c->account->id, SPAN_ARG(s->name));
}

bool emu_call_arn_name(struct emu_call *c, struct span arn, struct span *name)
{
    struct span rest = arn, region, account;
    for (int i = 0; i < 3; i++)
        span_cut(&rest, ':');
    region = span_cut(&rest, ':');
    account = span_cut(&rest, ':');
    span_cut(&rest, '/');
    *name = rest;
    return (span_is(region, c->account->region) && span_is(account, c->account->id)) ||
           emu_call_fail(c, "ResourceNotFoundException",
                         "Stream %.*s under account %.*s not found.", SPAN_ARG(rest),
                         SPAN_ARG(account));
}

static bool stream_name(struct emu_call *c, struct span *name)
{
    const struct emu_field *given = EMU_IN(c, STREAM_NAME), *arn = EMU_IN(c, STREAM_ARN);
    *name = given->s;
    if (!arn->set)
        return given->set || emu_call_fail(c, "InvalidArgumentException",
                                           "Either StreamName or StreamARN should be provided.");
    if (!emu_call_arn_name(c, arn->s, name))
        return false;
    return !given->set || span_eq(given->s, *name) ||
           emu_call_fail(c, "InvalidArgumentException",
                         "StreamName %.*s and StreamARN %.*s do not name the same stream.",
                         SPAN_ARG(given->s), SPAN_ARG(arn->s));
}

struct emu_stream *emu_call_stream(struct emu_call *c)
{
    struct span name;
    if (!stream_name(c, &name))
        return NULL;
    struct emu_stream *s = emu_account_stream(c->account, name);
    if (!s)
        emu_call_fail(c, "ResourceNotFoundException", "Stream %.*s under account %s not found.",
                      SPAN_ARG(name), c->account->id);
    return s;
}

struct emu_stream *emu_call_active_stream(struct emu_call *c)
{
    struct emu_stream *s = emu_call_stream(c);
    if (!s || s->status == EMU_ACTIVE)
        return s;
    emu_call_fail(c, "ResourceInUseException",
                  "Stream %.*s under account %s not ACTIVE, instead in state %s", SPAN_ARG(s->name),
                  c->account->id, emu_status_name(s->status));
    return NULL;
}

struct emu_shard *emu_call_shard(struct emu_call *c, struct emu_stream *s, struct span id)
{
    uint32_t index;
    struct emu_shard *sh = NULL;
    if (emu_shard_id_parse(id, &index) && s->status != EMU_CREATING &&
        (sh = emu_stream_shard(s, index)) != NULL) {
        emu_shard_trim(s, sh, c->now.wall_ms);
        if (!sh->gone)
            return sh;
    }
    emu_call_fail(c, "ResourceNotFoundException",
                  "Could not find shard %.*s in stream %.*s under account %s.", SPAN_ARG(id),
                  SPAN_ARG(s->name), c->account->id);
    return NULL;
}

bool emu_call_no_shard(struct emu_call *c, struct span shard, struct span stream)
{
    return emu_call_fail(c, "ResourceNotFoundException",
                         "Shard %.*s in stream %.*s under account %s does not exist",
                         SPAN_ARG(shard), SPAN_ARG(stream), c->account->id);
}

bool emu_call_gate(struct emu_call *c, const struct emu_shard *sh)
{
    return !c->gate.throttled || !c->gate.throttled(c->gate.ctx, c->op, sh->index);
}

struct span emu_call_rate_message(struct emu_call *c, const struct emu_stream *s,
                                  const struct emu_shard *sh)
{
    char id[EMU_SHARD_ID_LEN + 1];
    emu_shard_id(sh->index, id);
    return arena_printf(c->arena, "Rate exceeded for shard %s in stream %.*s under account %s.", id,
                        SPAN_ARG(s->name), c->account->id);
}

bool emu_call_rate(struct emu_call *c, struct emu_bucket *b, double rate,
                   const struct emu_stream *s)
{
    if (!c->account->limits || emu_bucket_take(b, rate, c->now.mono_ms, 1))
        return true;
    if (!s)
        return emu_call_fail(c, "LimitExceededException", "Rate exceeded for account %s.",
                             c->account->id);
    return emu_call_fail(c, "LimitExceededException",
                         "Rate exceeded for stream %.*s under account %s.", SPAN_ARG(s->name),
                         c->account->id);
}

bool emu_call_shard_room(struct emu_call *c, uint32_t more)
{
    uint32_t have = emu_account_open_shards(c->account);
    if (more <= c->account->shard_limit && have <= c->account->shard_limit - more)
        return true;
    return emu_call_fail(
        c, "LimitExceededException",
        "This request would exceed the shard limit for the account %s in %s. Current shard count "
        "for the account: %u. Limit: %u. Number of additional shards that would have resulted from "
        "this request: %u. Refer to the AWS Service Limits page for current limits and how to "
        "request higher limits.",
        c->account->id, c->account->region, (unsigned)have, (unsigned)c->account->shard_limit,
        (unsigned)more);
}

void emu_out_shard_id(struct emu_out *o, const char *key, uint32_t index)
{
    char id[EMU_SHARD_ID_LEN + 1];
    emu_shard_id(index, id);
    if (key)
        emu_out_key(o, key);
    emu_out_str(o, span_of(id, EMU_SHARD_ID_LEN));
}

void emu_out_hash_range(struct emu_out *o, const struct emu_shard *sh)
{
    char text[HASH_KEY_TEXT_MAX];
    emu_out_key(o, "HashKeyRange");
    emu_out_map(o);
    size_t n = hash_key_format(sh->start, text);
    emu_out_key_str(o, "StartingHashKey", span_of(text, n));
    n = hash_key_format(sh->end, text);
    emu_out_key_str(o, "EndingHashKey", span_of(text, n));
    emu_out_end(o);
}

void emu_out_shard(struct emu_out *o, const struct emu_shard *sh)
{
    char sequence[EMU_SEQUENCE_LEN];
    emu_out_map(o);
    emu_out_shard_id(o, "ShardId", sh->index);
    if (sh->parent != EMU_NO_SHARD)
        emu_out_shard_id(o, "ParentShardId", sh->parent);
    if (sh->adjacent != EMU_NO_SHARD)
        emu_out_shard_id(o, "AdjacentParentShardId", sh->adjacent);
    emu_out_hash_range(o, sh);
    emu_out_key(o, "SequenceNumberRange");
    emu_out_map(o);
    emu_shard_first_sequence(sh, sequence);
    emu_out_key_str(o, "StartingSequenceNumber", span_of(sequence, sizeof sequence));
    if (sh->closed_ms) {
        emu_shard_last_sequence(sh, sequence);
        emu_out_key_str(o, "EndingSequenceNumber", span_of(sequence, sizeof sequence));
    }
    emu_out_end(o);
    emu_out_end(o);
}
