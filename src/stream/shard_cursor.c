// SPDX-License-Identifier: Apache-2.0
#include "stream/shard_cursor.h"

static bool has_record(const struct shard_cursor *c)
{
    return c->start.type == KINESIS_AT_SEQUENCE_NUMBER ||
           c->start.type == KINESIS_AFTER_SEQUENCE_NUMBER;
}

void shard_cursor_init(struct shard_cursor *c, const struct shard_position *start,
                       struct span saved)
{
    *c = (struct shard_cursor){.start = *start};
    buf_add_span(&c->text, has_record(c) ? start->sequence : saved);
}

void shard_cursor_deinit(struct shard_cursor *c)
{
    buf_free(&c->text);
}

void shard_cursor_ask(struct shard_cursor *c, int64_t wall_ms, struct kinesis_input *in)
{
    c->asked_ms = wall_ms;
    in->iterator_type = c->start.type;
    in->timestamp_ms = c->start.timestamp_ms;
    if (has_record(c))
        in->sequence_number = buf_span(&c->text);
}

bool shard_cursor_answer(struct shard_cursor *c)
{
    if (c->start.type != KINESIS_LATEST)
        return false;
    c->start = (struct shard_position){.type = KINESIS_AT_TIMESTAMP, .timestamp_ms = c->asked_ms};
    buf_clear(&c->text);
    return shard_cursor_keep_start(c);
}

bool shard_cursor_keep_start(struct shard_cursor *c)
{
    if (c->start.type != KINESIS_AT_TIMESTAMP || c->text.n > 0)
        return false;
    buf_printf(&c->text, "%c%lld", SHARD_POSITION_TIME, (long long)c->start.timestamp_ms);
    return true;
}

void shard_cursor_advance(struct shard_cursor *c, struct span sequence)
{
    c->start = (struct shard_position){.type = KINESIS_AFTER_SEQUENCE_NUMBER};
    buf_clear(&c->text);
    buf_add_span(&c->text, sequence);
}

static void drop(struct kinesis_output *out, struct span sequence, int most)
{
    while (out->n_records > 0 &&
           kinesis_sequence_cmp(out->records[0].sequence_number, sequence) <= most) {
        out->records++;
        out->n_records--;
    }
}

void shard_cursor_drop_known(const struct shard_cursor *c, struct kinesis_output *out)
{
    if (has_record(c))
        drop(out, buf_span(&c->text), c->start.type == KINESIS_AT_SEQUENCE_NUMBER ? -1 : 0);
}

void shard_cursor_drop_until(struct span sequence, struct kinesis_output *out)
{
    if (sequence.n > 0)
        drop(out, sequence, 0);
}

bool shard_cursor_is_at(const struct shard_cursor *c, struct span *sequence, uint64_t *sub_sequence)
{
    *sequence = buf_span(&c->text);
    *sub_sequence = c->start.sub_sequence;
    return c->start.type == KINESIS_AT_SEQUENCE_NUMBER && !c->start.whole;
}

struct span shard_cursor_position(const struct shard_cursor *c)
{
    return buf_span(&c->text);
}

struct span shard_cursor_sequence(const struct shard_cursor *c)
{
    return has_record(c) ? buf_span(&c->text) : SPAN_NONE;
}
