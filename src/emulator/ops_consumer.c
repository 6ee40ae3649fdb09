// SPDX-License-Identifier: Apache-2.0
#include "emulator/ops.h"

#include <inttypes.h>

// Consumers of enhanced fan-out: register, describe, list, deregister, subscribe.

#define LIST_PAGE 100
// Calls a second (facts/kcl.md section 4), when limits are on.
#define REGISTER_RATE 5
#define DEREGISTER_RATE 5
#define DESCRIBE_RATE 20
#define LIST_RATE 5
#define SUBSCRIBE_RATE 1

// Fields of a listing's token.
enum { LIST_STREAM };

static struct span consumer_arn(const struct emu_call *c, const struct emu_stream *s,
                                const struct emu_consumer *consumer)
{
    return arena_printf(c->arena, "%.*s/consumer/%.*s:%" PRId64, SPAN_ARG(emu_stream_arn(c, s)),
                        SPAN_ARG(consumer->name), consumer->created_ms / 1000);
}

static bool no_consumer(struct emu_call *c, struct span consumer, struct span stream)
{
    return emu_call_fail(c, "ResourceNotFoundException",
                         "Consumer %.*s of stream %.*s under account %s not found.",
                         SPAN_ARG(consumer), SPAN_ARG(stream), c->account->id);
}

// By an ARN that its pattern has passed: ...stream/NAME/consumer/NAME:SECONDS.
static struct emu_consumer *consumer_by_arn(struct emu_call *c, struct span arn,
                                            struct emu_stream **s)
{
    struct span rest;
    if (!emu_call_arn_name(c, arn, &rest))
        return NULL;
    struct span stream = span_cut(&rest, '/');
    span_cut(&rest, '/');
    struct span name = span_cut(&rest, ':');
    int64_t created_s;
    *s = emu_account_stream(c->account, stream);
    struct emu_consumer *found = *s ? emu_consumers_find(&(*s)->consumers, name) : NULL;
    if (found && span_to_i64(rest, &created_s) && created_s == found->created_ms / 1000)
        return found;
    no_consumer(c, name, stream);
    return NULL;
}

// The one that ConsumerARN, or StreamARN and ConsumerName, name.
static struct emu_consumer *given_consumer(struct emu_call *c, struct emu_stream **s)
{
    const struct emu_field *arn = EMU_IN(c, CONSUMER_ARN), *name = EMU_IN(c, CONSUMER_NAME);
    if (arn->set == (name->set && EMU_IN(c, STREAM_ARN)->set)) {
        emu_call_fail(c, "InvalidArgumentException",
                      "Either ConsumerARN or both StreamARN and ConsumerName should be provided.");
        return NULL;
    }
    if (arn->set)
        return consumer_by_arn(c, arn->s, s);
    *s = emu_call_stream(c);
    struct emu_consumer *found = *s ? emu_consumers_find(&(*s)->consumers, name->s) : NULL;
    if (*s && !found)
        no_consumer(c, name->s, (*s)->name);
    return found;
}

static void put_consumer(struct emu_call *c, const struct emu_stream *s,
                         const struct emu_consumer *consumer, bool with_stream)
{
    emu_out_map(c->out);
    emu_out_key_str(c->out, "ConsumerName", consumer->name);
    emu_out_key_str(c->out, "ConsumerARN", consumer_arn(c, s, consumer));
    emu_out_key_str(c->out, "ConsumerStatus", span_str(emu_status_name(consumer->status)));
    emu_out_key(c->out, "ConsumerCreationTimestamp");
    emu_out_time(c->out, consumer->created_ms / 1000 * 1000);
    if (with_stream)
        emu_out_key_str(c->out, "StreamARN", emu_stream_arn(c, s));
    emu_out_end(c->out);
}

static bool register_allowed(struct emu_call *c, const struct emu_stream *s, struct span name)
{
    if (!emu_call_rate(c, &c->account->register_calls, REGISTER_RATE, NULL))
        return false;
    if (emu_consumers_find(&s->consumers, name))
        return emu_call_fail(c, "ResourceInUseException",
                             "Consumer %.*s under stream %.*s already exists.", SPAN_ARG(name),
                             SPAN_ARG(emu_stream_arn(c, s)));
    if (c->in->n_tags > EMU_TAGS_MAX)
        return emu_call_fail(c, "InvalidArgumentException",
                             "A consumer cannot have more than %d tags associated with it.",
                             EMU_TAGS_MAX);
    if (s->consumers.n >= EMU_CONSUMERS_MAX)
        return emu_call_fail(c, "LimitExceededException",
                             "Stream %.*s under account %s has %d registered consumers, the most "
                             "there can be.",
                             SPAN_ARG(s->name), c->account->id, EMU_CONSUMERS_MAX);
    if (emu_consumers_creating(&s->consumers) >= EMU_CONSUMERS_CREATING_MAX)
        return emu_call_fail(c, "LimitExceededException",
                             "Stream %.*s under account %s has %d consumers in state CREATING, "
                             "the most there can be at a time.",
                             SPAN_ARG(s->name), c->account->id, EMU_CONSUMERS_CREATING_MAX);
    return true;
}

bool emu_op_register_consumer(struct emu_call *c)
{
    struct emu_stream *s = emu_call_stream(c);
    struct span name = EMU_IN(c, CONSUMER_NAME)->s;
    if (!s || !register_allowed(c, s, name))
        return false;
    if (s->status != EMU_ACTIVE && s->status != EMU_UPDATING)
        return emu_call_active_stream(c) != NULL;
    struct emu_consumer *added = emu_account_register(c->account, s, name, c->now);
    emu_out_map(c->out);
    emu_out_key(c->out, "Consumer");
    put_consumer(c, s, added, false);
    emu_out_end(c->out);
    return true;
}

bool emu_op_deregister_consumer(struct emu_call *c)
{
    struct emu_stream *s = NULL;
    struct emu_consumer *found = given_consumer(c, &s);
    if (!found || !emu_call_rate(c, &s->deregister_calls, DEREGISTER_RATE, s))
        return false;
    if (found->status == EMU_DELETING)
        return no_consumer(c, found->name, s->name);
    emu_account_deregister(c->account, s, found, c->now);
    return true;
}

bool emu_op_describe_consumer(struct emu_call *c)
{
    struct emu_stream *s = NULL;
    struct emu_consumer *found = given_consumer(c, &s);
    if (!found || !emu_call_rate(c, &s->describe_consumer_calls, DESCRIBE_RATE, s))
        return false;
    emu_out_map(c->out);
    emu_out_key(c->out, "ConsumerDescription");
    put_consumer(c, s, found, true);
    emu_out_end(c->out);
    return true;
}

// The name after which the listing goes on; p == NULL from the start.
static bool list_after(struct emu_call *c, const struct emu_stream *s, struct span *after)
{
    const struct emu_field *token = EMU_IN(c, NEXT_TOKEN), *created = EMU_IN(c, CREATION_TIME);
    struct emu_token t;
    *after = SPAN_NONE;
    if (created->set && created->i / 1000 != s->created_ms / 1000)
        return emu_call_fail(c, "ResourceNotFoundException",
                             "Stream %.*s under account %s with the given StreamCreationTimestamp "
                             "not found.",
                             SPAN_ARG(s->name), c->account->id);
    if (!token->set)
        return true;
    if (!emu_token_open(c->account->token_key, EMU_TOKEN_CONSUMERS, token->s, c->arena, &t) ||
        t.field[LIST_STREAM] != s->uid)
        return emu_call_fail(c, "InvalidArgumentException", "Invalid NextToken.");
    if (c->now.wall_ms - t.created_ms > EMU_TOKEN_LIFE_MS)
        return emu_call_fail(c, "ExpiredNextTokenException", "NextToken has expired.");
    *after = t.text;
    return true;
}

bool emu_op_list_consumers(struct emu_call *c)
{
    struct emu_stream *s = emu_call_stream(c);
    struct span after;
    if (!s || !emu_call_rate(c, &s->list_consumers_calls, LIST_RATE, s) ||
        !list_after(c, s, &after))
        return false;
    const struct emu_consumers *l = &s->consumers;
    uint32_t at = 0, limit = LIST_PAGE, end;
    if (EMU_IN(c, MAX_RESULTS)->set && EMU_IN(c, MAX_RESULTS)->i < LIST_PAGE)
        limit = (uint32_t)EMU_IN(c, MAX_RESULTS)->i;
    while (after.p && at < l->n && span_cmp(l->all[at]->name, after) <= 0)
        at++;
    end = l->n - at > limit ? at + limit : l->n;

    emu_out_map(c->out);
    emu_out_key(c->out, "Consumers");
    emu_out_list(c->out, end - at);
    for (uint32_t i = at; i < end; i++)
        put_consumer(c, s, l->all[i], false);
    emu_out_end(c->out);
    if (end < l->n) {
        struct emu_token t = {EMU_TOKEN_CONSUMERS, c->now.wall_ms, {s->uid}, l->all[end - 1]->name};
        emu_out_key_str(c->out, "NextToken", emu_token_seal(c->account->token_key, &t, c->arena));
    }
    emu_out_end(c->out);
    return true;
}

// Only one subscription to a shard at a time; a later one takes over (facts/wire.md section 8).
static bool subscribe_allowed(struct emu_call *c, const struct emu_stream *s,
                              const struct emu_shard *sh, const struct emu_consumer *consumer,
                              struct emu_grant *grant)
{
    if (consumer->status != EMU_ACTIVE)
        return emu_call_fail(c, "ResourceInUseException",
                             "Consumer %.*s of stream %.*s under account %s is not ACTIVE, instead "
                             "in state %s",
                             SPAN_ARG(consumer->name), SPAN_ARG(s->name), c->account->id,
                             emu_status_name(consumer->status));
    if (!emu_call_gate(c, sh))
        return emu_call_fail(c, "LimitExceededException", "%.*s",
                             SPAN_ARG(emu_call_rate_message(c, s, sh)));
    if (!emu_call_rate(c, &grant->calls, SUBSCRIBE_RATE, s))
        return false;
    if (grant->serial && c->now.mono_ms - grant->at_ms < c->account->subscribe_again_ms)
        return emu_call_fail(c, "ResourceInUseException",
                             "Another active subscription exists for this consumer: %.*s",
                             SPAN_ARG(EMU_IN(c, CONSUMER_ARN)->s));
    return true;
}

bool emu_op_subscribe_to_shard(struct emu_call *c)
{
    struct emu_stream *s = NULL;
    struct emu_consumer *consumer = consumer_by_arn(c, EMU_IN(c, CONSUMER_ARN)->s, &s);
    struct span id = EMU_IN(c, SHARD_ID)->s;
    struct emu_start start = {"SubscribeToShard", EMU_IN(c, POSITION_TYPE),
                              EMU_IN(c, POSITION_SEQUENCE), EMU_IN(c, POSITION_TIME)};
    uint64_t next;
    if (!consumer)
        return false;
    struct emu_shard *sh = emu_call_shard(c, s, id);
    if (!sh)
        return emu_call_no_shard(c, id, s->name);
    if (!emu_call_position(c, s, sh, &start, &next))
        return false;
    struct emu_grant *grant = emu_consumer_grant(consumer, sh->index);
    if (!subscribe_allowed(c, s, sh, consumer, grant))
        return false;
    grant->serial = ++c->account->last_uid;
    grant->at_ms = c->now.mono_ms;
    c->subscription = (struct emu_subscription){
        .stream_uid = s->uid,
        .consumer_uid = consumer->uid,
        .serial = grant->serial,
        .shard = sh->index,
        .cbor = c->out->cbor,
        .next = next,
        .end_ms = c->now.mono_ms + c->account->subscription_ms,
        .event_ms = c->now.mono_ms,
    };
    return true;
}
