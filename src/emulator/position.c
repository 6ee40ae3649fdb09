// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>

#include "emulator/ops.h"

// Where a reader starts: GetShardIterator and SubscribeToShard.

// Position of StartingSequenceNumber in the shard.
static bool position_of_sequence(struct emu_call *c, const struct emu_stream *s,
                                 const struct emu_shard *sh, const struct emu_start *start,
                                 bool after, uint64_t *out)
{
    struct span text = start->sequence->s;
    struct emu_sequence q;
    char mine[EMU_SHARD_ID_LEN + 1], other[EMU_SHARD_ID_LEN + 1];
    emu_shard_id(sh->index, mine);
    bool parsed = emu_sequence_parse(text, &q);
    if (parsed && q.shard != sh->index) {
        emu_shard_id(q.shard, other);
        return emu_call_fail(
            c, "InvalidArgumentException",
            "Invalid StartingSequenceNumber. It encodes %s, while it was used in a "
            "call to a shard with %s",
            other, mine);
    }
    if (!parsed || q.created_s != sh->created_s)
        return emu_call_fail(c, "InvalidArgumentException",
                             "StartingSequenceNumber %.*s used in %s on shard %s in "
                             "stream %.*s under account %s is invalid%s.",
                             SPAN_ARG(text), start->op, mine, SPAN_ARG(s->name), c->account->id,
                             parsed ? " because it did not come from this stream" : "");
    *out = q.index < sh->log.next ? q.index + after : sh->log.next;
    return true;
}

static bool position_of_time(struct emu_call *c, const struct emu_shard *sh,
                             const struct emu_start *start, uint64_t *out)
{
    const struct emu_field *time = start->time;
    if (!time->set)
        return emu_call_fail(c, "InvalidArgumentException",
                             "Must specify timestampInMillis parameter for iterator of type "
                             "AT_TIMESTAMP. Current request has no timestamp parameter.");
    if (time->i > c->now.wall_ms)
        return emu_call_fail(c, "InvalidArgumentException",
                             "The timestampInMillis parameter cannot be greater than the "
                             "currentTimestampInMillis. timestampInMillis: %" PRId64
                             ", currentTimestampInMillis: %" PRId64,
                             time->i, c->now.wall_ms);
    *out = emu_log_at(&sh->log, time->i);
    return true;
}

bool emu_call_position(struct emu_call *c, const struct emu_stream *s, const struct emu_shard *sh,
                       const struct emu_start *start, uint64_t *out)
{
    struct span type = start->type->s;
    bool at = span_is(type, "AT_SEQUENCE_NUMBER"), after = span_is(type, "AFTER_SEQUENCE_NUMBER");
    bool given = start->sequence->set;
    if (span_is(type, "AT_TIMESTAMP"))
        return position_of_time(c, sh, start, out);
    if (given != (at || after))
        return emu_call_fail(c, "InvalidArgumentException",
                             "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER "
                             "and StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no "
                             "StartingSequenceNumber. Request specified %.*s and %s "
                             "StartingSequenceNumber.",
                             SPAN_ARG(type), given ? "also a" : "no");
    if (at || after)
        return position_of_sequence(c, s, sh, start, after, out);
    *out = span_is(type, "LATEST") ? sh->log.next : sh->log.first;
    return true;
}
