// SPDX-License-Identifier: Apache-2.0
#include "emulator/ops.h"

#include <inttypes.h>
#include <stdio.h>

#include "codec/base64.h"

// Records: put one or many, iterators, get a page.

// Per shard and second (service quotas), when limits are on.
#define WRITE_BYTES (1 << 20)
#define WRITE_RECORDS 1000
#define READ_BYTES (2 << 20)
#define READ_CALLS 5
#define ITERATOR_CALLS 5

// Fields of an iterator's token.
enum { ITERATOR_STREAM, ITERATOR_SHARD, ITERATOR_POSITION };

// The stream, in a state that takes records.
static struct emu_stream *writable_stream(struct emu_call *c)
{
    struct emu_stream *s = emu_call_stream(c);
    if (!s || s->status == EMU_ACTIVE || s->status == EMU_UPDATING)
        return s;
    emu_call_fail(c, "ResourceNotFoundException", "Stream %.*s under account %s not found.",
                  SPAN_ARG(s->name), c->account->id);
    return NULL;
}

static bool route(struct emu_call *c, struct emu_stream *s, struct span key,
                  const struct emu_field *explicit_key, struct emu_shard **out)
{
    struct hash_key h;
    if (!explicit_key->set)
        h = hash_key_of(key);
    else if (!hash_key_parse(explicit_key->s, &h))
        return emu_call_fail(c, "InvalidArgumentException",
                             "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: "
                             "[0, 2^128-1]. Specified value was %.*s",
                             SPAN_ARG(explicit_key->s));
    *out = emu_stream_route(s, h);
    return true;
}

// `where`: the member's path as a validation error shows it.
static bool fits(struct emu_call *c, const struct emu_stream *s, struct span key, struct span data,
                 const char *where)
{
    size_t max = (size_t)s->record_kib * 1024;
    if (data.n > max)
        return emu_call_fail(c, "ValidationException",
                             "1 validation error detected: Value at '%s' failed to satisfy "
                             "constraint: Member must have length less than or equal to %zu",
                             where, max);
    return key.n <= max - data.n ||
           emu_call_fail(c, "InvalidArgumentException",
                         "Record size (%zu bytes of data and partition key) exceeds the maximum of "
                         "%zu bytes of stream %.*s under account %s.",
                         data.n + key.n, max, SPAN_ARG(s->name), c->account->id);
}

// A record above a second's worth needs a full bucket, and is made up for afterwards.
static bool bytes_fit(const struct emu_bucket *b, size_t bytes)
{
    return (double)bytes <= b->tokens || (bytes > WRITE_BYTES && b->tokens >= WRITE_BYTES);
}

static bool write_allowed(struct emu_call *c, struct emu_shard *sh, size_t bytes)
{
    if (!emu_call_gate(c, sh))
        return false;
    if (!c->account->limits)
        return true;
    if (!emu_bucket_open(&sh->puts, WRITE_RECORDS, c->now.mono_ms) ||
        !emu_bucket_open(&sh->put_bytes, WRITE_BYTES, c->now.mono_ms) ||
        !bytes_fit(&sh->put_bytes, bytes) || sh->puts.tokens < 1)
        return false;
    emu_bucket_owe(&sh->puts, 1);
    emu_bucket_owe(&sh->put_bytes, (double)bytes);
    return true;
}

static void put_result(struct emu_out *o, const struct emu_shard *sh,
                       const char sequence[EMU_SEQUENCE_LEN])
{
    emu_out_map(o);
    emu_out_key_str(o, "SequenceNumber", span_of(sequence, EMU_SEQUENCE_LEN));
    emu_out_shard_id(o, "ShardId", sh->index);
    emu_out_end(o);
}

bool emu_op_put_record(struct emu_call *c)
{
    struct emu_stream *s = writable_stream(c);
    struct span key = EMU_IN(c, PARTITION_KEY)->s, data = EMU_IN(c, DATA)->s;
    const struct emu_field *ordering = EMU_IN(c, ORDERING);
    struct emu_sequence earlier;
    struct emu_shard *sh;
    char sequence[EMU_SEQUENCE_LEN];
    if (!s || !fits(c, s, key, data, "data") ||
        !route(c, s, key, EMU_IN(c, EXPLICIT_HASH_KEY), &sh))
        return false;
    if (ordering->set &&
        (!emu_sequence_parse(ordering->s, &earlier) || earlier.time_s > c->now.wall_ms / 1000 + 1))
        return emu_call_fail(c, "InvalidArgumentException",
                             "ExclusiveMinimumSequenceNumber %.*s used in PutRecord on stream %.*s "
                             "under account %s is invalid.",
                             SPAN_ARG(ordering->s), SPAN_ARG(s->name), c->account->id);
    if (!write_allowed(c, sh, key.n + data.n))
        return emu_call_fail(c, EMU_THROTTLED, "%.*s", SPAN_ARG(emu_call_rate_message(c, s, sh)));
    emu_shard_trim(s, sh, c->now.wall_ms);
    emu_shard_put(sh, key, data, c->now.wall_ms, sequence);
    c->account->records_in++;
    put_result(c->out, sh, sequence);
    return true;
}

static void put_failure(struct emu_out *o, const char *code, struct span message)
{
    emu_out_map(o);
    emu_out_key_str(o, "ErrorCode", span_str(code));
    emu_out_key_str(o, "ErrorMessage", message);
    emu_out_end(o);
}

// Writes one entry's result; false when it failed.
static bool put_entry(struct emu_call *c, struct emu_stream *s, struct emu_shard *sh,
                      const struct emu_entry *e)
{
    char sequence[EMU_SEQUENCE_LEN];
    const struct emu_twist *t = &c->twist;
    if (t->fail_fraction > 0 && t->random(t->ctx) < t->fail_fraction) {
        bool throttled = span_is(span_str(t->fail_code), EMU_THROTTLED);
        put_failure(c->out, t->fail_code,
                    throttled ? emu_call_rate_message(c, s, sh)
                              : SPAN("Internal service failure."));
        return false;
    }
    if (!write_allowed(c, sh, e->key.s.n + e->data.s.n)) {
        put_failure(c->out, EMU_THROTTLED, emu_call_rate_message(c, s, sh));
        return false;
    }
    emu_shard_put(sh, e->key.s, e->data.s, c->now.wall_ms, sequence);
    c->account->records_in++;
    put_result(c->out, sh, sequence);
    return true;
}

// All that makes the whole request fail, before any record is written. Fills one shard an entry.
static bool route_entries(struct emu_call *c, struct emu_stream *s, struct emu_shard **shards)
{
    size_t total = 0;
    char where[48];
    for (uint32_t i = 0; i < c->in->n_entries; i++) {
        const struct emu_entry *e = &c->in->entries[i];
        if (e->data.s.n > (size_t)s->record_kib * 1024)
            snprintf(where, sizeof where, "records.%u.member.data", (unsigned)i + 1);
        if (!fits(c, s, e->key.s, e->data.s, where) ||
            !route(c, s, e->key.s, &e->hash_key, &shards[i]))
            return false;
        total += e->key.s.n + e->data.s.n;
    }
    return total <= EMU_REQUEST_DATA_MAX ||
           emu_call_fail(c, "InvalidArgumentException", "Records size exceeds 10 MB limit");
}

bool emu_op_put_records(struct emu_call *c)
{
    struct emu_stream *s = writable_stream(c);
    uint32_t n = c->in->n_entries;
    struct emu_shard **shards = arena_array(c->arena, struct emu_shard *, n);
    if (!s || !route_entries(c, s, shards))
        return false;
    int64_t failed = 0;
    emu_stream_trim(s, c->now.wall_ms);
    emu_out_map(c->out);
    emu_out_key(c->out, "Records");
    emu_out_list(c->out, n);
    for (uint32_t i = 0; i < n; i++)
        failed += !put_entry(c, s, shards[i], &c->in->entries[i]);
    emu_out_end(c->out);
    emu_out_key_int(c->out, "FailedRecordCount", failed);
    emu_out_end(c->out);
    return true;
}

static struct span iterator_seal(struct emu_call *c, const struct emu_stream *s,
                                 const struct emu_shard *sh, uint64_t position)
{
    struct emu_token t = {
        EMU_TOKEN_ITERATOR, c->now.wall_ms, {s->uid, sh->index, position}, s->name};
    return emu_token_seal(c->account->token_key, &t, c->arena);
}

bool emu_op_get_shard_iterator(struct emu_call *c)
{
    struct emu_stream *s = emu_call_stream(c);
    struct span id = EMU_IN(c, SHARD_ID)->s;
    uint64_t at = 0;
    if (!s)
        return false;
    struct emu_shard *sh = emu_call_shard(c, s, id);
    if (!sh)
        return emu_call_no_shard(c, id, s->name);
    if (!emu_call_gate(c, sh) ||
        (c->account->limits && !emu_bucket_take(&sh->iterators, ITERATOR_CALLS, c->now.mono_ms, 1)))
        return emu_call_fail(c, EMU_THROTTLED, "%.*s", SPAN_ARG(emu_call_rate_message(c, s, sh)));
    struct emu_start start = {"GetShardIterator", EMU_IN(c, ITERATOR_TYPE),
                              EMU_IN(c, START_SEQUENCE), EMU_IN(c, TIMESTAMP)};
    if (!emu_call_position(c, s, sh, &start, &at))
        return false;
    emu_out_map(c->out);
    emu_out_key_str(c->out, "ShardIterator", iterator_seal(c, s, sh, at));
    emu_out_end(c->out);
    return true;
}

static bool iterator_open(struct emu_call *c, struct emu_stream **s, struct emu_shard **sh,
                          uint64_t *at)
{
    struct emu_token t;
    char id[EMU_SHARD_ID_LEN + 1];
    if (!emu_token_open(c->account->token_key, EMU_TOKEN_ITERATOR, EMU_IN(c, ITERATOR)->s, c->arena,
                        &t))
        return emu_call_fail(c, "InvalidArgumentException", "Invalid ShardIterator.");
    if (c->now.wall_ms - t.created_ms > EMU_TOKEN_LIFE_MS)
        return emu_call_fail(c, "ExpiredIteratorException",
                             "Iterator expired. The iterator was created at time %.*s while right "
                             "now it is %.*s which is further in the future than the tolerated "
                             "delay of %d milliseconds.",
                             SPAN_ARG(emu_time_text(t.created_ms, c->arena)),
                             SPAN_ARG(emu_time_text(c->now.wall_ms, c->arena)), EMU_TOKEN_LIFE_MS);
    *at = t.field[ITERATOR_POSITION];
    *s = emu_account_stream_by_uid(c->account, t.field[ITERATOR_STREAM]);
    if (*s && (*sh = emu_stream_shard(*s, (uint32_t)t.field[ITERATOR_SHARD])) != NULL) {
        emu_shard_trim(*s, *sh, c->now.wall_ms);
        if (!(*sh)->gone)
            return true;
    }
    emu_shard_id((uint32_t)t.field[ITERATOR_SHARD], id);
    return emu_call_no_shard(c, span_str(id), t.text);
}

static bool read_allowed(struct emu_call *c, const struct emu_stream *s, struct emu_shard *sh)
{
    bool room =
        !c->account->limits || (emu_bucket_open(&sh->get_bytes, READ_BYTES, c->now.mono_ms) &&
                                emu_bucket_take(&sh->gets, READ_CALLS, c->now.mono_ms, 1));
    if (room && emu_call_gate(c, sh))
        return true;
    return emu_call_fail(c, EMU_THROTTLED, "%.*s", SPAN_ARG(emu_call_rate_message(c, s, sh)));
}

bool emu_op_get_records(struct emu_call *c)
{
    struct emu_stream *s = NULL;
    struct emu_shard *sh = NULL;
    uint64_t at = 0;
    size_t limit = EMU_IN(c, LIMIT)->set ? (size_t)EMU_IN(c, LIMIT)->i : EMU_RECORDS_MAX;
    if (!iterator_open(c, &s, &sh, &at))
        return false;
    if (EMU_IN(c, STREAM_ARN)->set && emu_call_stream(c) != s)
        return emu_call_fail(c, "InvalidArgumentException",
                             "The ShardIterator does not come from the stream of StreamARN %.*s.",
                             SPAN_ARG(EMU_IN(c, STREAM_ARN)->s));
    if (!read_allowed(c, s, sh))
        return false;
    if (c->twist.empty_page)
        limit = 0;
    struct emu_page page = emu_log_page(&sh->log, at, limit, EMU_REQUEST_DATA_MAX);
    c->account->records_out += page.end - page.first;
    if (c->account->limits)
        emu_bucket_owe(&sh->get_bytes, (double)page.payload);

    emu_out_map(c->out);
    emu_out_records(c->out, &sh->log, &page);
    uint64_t next = c->twist.redeliver ? page.first : page.end;
    emu_out_key(c->out, "NextShardIterator");
    if (sh->closed_ms && next >= sh->log.next) {
        emu_out_null(c->out);
        emu_out_children(c->out, s, sh);
    } else {
        emu_out_str(c->out, iterator_seal(c, s, sh, next));
    }
    emu_out_key_int(c->out, "MillisBehindLatest", emu_shard_behind(sh, next, c->now.wall_ms));
    emu_out_end(c->out);
    return true;
}
