// SPDX-License-Identifier: Apache-2.0
#include "emulator/subscription.h"

#include "emulator/ops.h"

#define RATE_BYTES (2 << 20) // a second, consumer and shard (facts/wire.md section 8)

struct place {
    struct emu_stream *stream;
    struct emu_shard *shard;
};

static enum emu_push lost(struct emu_error *e, const char *code, struct span message)
{
    *e = (struct emu_error){code, 400, message};
    return EMU_PUSH_ERROR;
}

static bool find(const struct emu_subscription *s, const struct emu_account *a, struct place *p)
{
    p->stream = emu_account_stream_by_uid(a, s->stream_uid);
    p->shard = p->stream ? emu_stream_shard(p->stream, s->shard) : NULL;
    return p->shard != NULL;
}

// EMU_PUSH_NOTHING when the subscription stands.
static enum emu_push check(struct emu_subscription *s, const struct emu_account *a,
                           struct emu_now now, struct place *p, struct emu_error *e)
{
    if (!find(s, a, p))
        return lost(e, "ResourceNotFoundException", SPAN("The stream or its shard is gone."));
    struct emu_consumer *c = emu_consumers_by_uid(&p->stream->consumers, s->consumer_uid);
    if (!c || c->status == EMU_DELETING)
        return lost(e, "ResourceNotFoundException", SPAN("The consumer was deregistered."));
    if (emu_consumer_grant(c, s->shard)->serial != s->serial)
        return lost(e, "ResourceInUseException",
                    SPAN("Another active subscription exists for this consumer and shard."));
    emu_shard_trim(p->stream, p->shard, now.wall_ms);
    if (p->shard->gone)
        return lost(e, "ResourceNotFoundException", SPAN("The shard is past retention."));
    return now.mono_ms >= s->end_ms ? EMU_PUSH_END : EMU_PUSH_NOTHING;
}

// From here AFTER_SEQUENCE_NUMBER leads to record `next`, now and later.
static void put_continuation(struct emu_out *o, const struct emu_shard *sh, uint64_t next,
                             int64_t wall_ms)
{
    char text[EMU_SEQUENCE_LEN];
    int64_t second = wall_ms > sh->log.last_ms ? wall_ms / 1000 : sh->log.last_ms / 1000;
    emu_sequence_format(
        &(struct emu_sequence){.created_s = sh->created_s,
                               .shard = sh->index,
                               .index = next - 1,
                               .time_s = second > sh->created_s ? second : sh->created_s},
        text);
    emu_out_key_str(o, "ContinuationSequenceNumber", span_of(text, sizeof text));
}

static void put_event(bool cbor, const struct place *p, const struct emu_page *page, bool last,
                      int64_t wall_ms, struct buf *payload)
{
    struct emu_out o;
    emu_out_init(&o, cbor, payload);
    emu_out_map(&o);
    emu_out_records(&o, &p->shard->log, page);
    if (last)
        emu_out_children(&o, p->stream, p->shard);
    else
        put_continuation(&o, p->shard, page->end, wall_ms);
    emu_out_key_int(&o, "MillisBehindLatest", emu_shard_behind(p->shard, page->end, wall_ms));
    emu_out_end(&o);
}

static void take_room(struct emu_subscription *s, size_t payload, struct emu_now now)
{
    emu_bucket_refill(&s->bytes, RATE_BYTES, now.mono_ms);
    emu_bucket_owe(&s->bytes, (double)payload);
    s->room_ms = now.mono_ms;
    if (s->bytes.tokens < 0)
        s->room_ms += 1 + (int64_t)(-s->bytes.tokens * 1000 / RATE_BYTES);
}

enum emu_push emu_subscription_next(struct emu_subscription *s, struct emu_account *a,
                                    struct emu_now now, struct buf *payload, struct emu_error *e)
{
    struct place p;
    enum emu_push ended = check(s, a, now, &p, e);
    if (ended != EMU_PUSH_NOTHING)
        return ended;
    size_t limit = now.mono_ms < s->room_ms ? 0 : EMU_RECORDS_MAX;
    struct emu_page page = emu_log_page(&p.shard->log, s->next, limit, EMU_EVENT_BYTES);
    bool last = p.shard->closed_ms && page.end >= p.shard->log.next;
    if (page.first == page.end && !last && now.mono_ms < s->event_ms)
        return EMU_PUSH_NOTHING;
    put_event(s->cbor, &p, &page, last, now.wall_ms, payload);
    s->next = page.end;
    s->event_ms = now.mono_ms + EMU_HEARTBEAT_MS;
    a->records_out += page.end - page.first;
    if (a->limits)
        take_room(s, page.payload, now);
    return last ? EMU_PUSH_LAST : EMU_PUSH_EVENT;
}

void emu_subscription_empty(const struct emu_subscription *s, const struct emu_account *a,
                            struct emu_now now, struct buf *payload)
{
    struct place p;
    if (!find(s, a, &p))
        return;
    struct emu_page page = emu_log_page(&p.shard->log, s->next, 0, 0);
    put_event(s->cbor, &p, &page, false, now.wall_ms, payload);
}

int64_t emu_subscription_due_ms(const struct emu_subscription *s, struct emu_now now)
{
    int64_t due = s->event_ms < s->end_ms ? s->event_ms : s->end_ms;
    return s->room_ms > now.mono_ms && s->room_ms < due ? s->room_ms : due;
}
