// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "codec/kpl_write.h"
#include "stream/poll_pace.h"
#include "stream/producer_internal.h"
#include "stream/status_text.h"

// One PutRecords call: what is in it, and what its reply makes of the records.

#define THROTTLE_BACKOFF_MS 1000
#define MIDST_BACKOFF_MAX_MS 1000
#define LATELY_MS 5000
#define HTTP_CONTENT_TOO_LARGE 413

struct put_call {
    struct kinesis_call call;
    struct put_stream *stream;
    struct put_batch batch;
    struct kinesis_input in;
    struct buf aggregates;
    struct kinesis_put_entry entries[];
};

// An aggregate that is in another shard than predicted: its readers may pass over it.
struct put_unsure {
    struct list link;
    struct list entries;
    char shard_id[];
};

static double unit(struct producer *p)
{
    return clock_random_unit(loop_clock(p->loop));
}

// Replies ----------------------------------------------------------------------------------------

// What a reply makes of its records.
struct reply {
    struct put_stream *s;
    int64_t now_ms;
    double unit; // of all: records that failed equally often go out together again
    struct list done;
    const struct kinesis_put_result *failed; // the last
};

static bool is_throttle(struct span code)
{
    return span_is(code, "ProvisionedThroughputExceededException") ||
           span_is(code, "KMSThrottlingException") || span_is(code, "LimitExceededException");
}

static bool is_accepted(const struct kinesis_put_result *r)
{
    return r->error_code.n == 0 && r->sequence_number.n > 0;
}

static void accept(struct reply *r, struct list *parcel)
{
    struct producer *p = r->s->p;
    for (struct list *it; (it = list_pop(parcel));) {
        struct producer_entry *en = producer_entry_of(it);
        p->stats.records++;
        p->stats.bytes += en->record.n;
        put_queue_finish(&r->s->queue, en, r->now_ms);
        list_push(&r->done, &en->link);
    }
}

static void try_again(struct reply *r, struct list *parcel)
{
    struct producer *p = r->s->p;
    unsigned attempts = producer_entry_of(parcel->next)->attempts + 1;
    // While others are taken the shard's rate is what protects it, and a key should not wait long.
    bool others = r->now_ms - r->s->success_ms < LATELY_MS;
    int64_t max_ms = others && p->max_backoff_ms > MIDST_BACKOFF_MAX_MS ? MIDST_BACKOFF_MAX_MS
                                                                        : p->max_backoff_ms;
    list_for(it, parcel) p->stats.retries++;
    put_queue_delay(&r->s->queue, parcel,
                    r->now_ms + poll_pace_delay(PUT_RECORD_BACKOFF_MS, max_ms, attempts, r->unit));
}

static void keep_unsure(struct put_stream *s, struct list *parcel, struct span shard_id)
{
    struct put_unsure *u = mem_zalloc(sizeof *u + shard_id.n + 1);
    if (shard_id.n > 0)
        memcpy(u->shard_id, shard_id.p, shard_id.n);
    list_init(&u->entries);
    list_move_all(&u->entries, parcel);
    list_push(&s->unsure, &u->link);
}

static bool is_within(const struct list *parcel, const struct put_shard *shard)
{
    list_for(it, parcel)
    {
        struct hash_key h = producer_entry_of(it)->hash;
        if (hash_key_cmp(h, shard->start) < 0 || hash_key_cmp(h, shard->end) > 0)
            return false;
    }
    return true;
}

// An aggregate must lie in a shard that all of its records belong to, or its readers pass over it.
// The shards may have changed since it was made, or what is known of them.
static void take_accepted(struct reply *r, struct put_shard *shard, struct list *parcel,
                          struct span shard_id)
{
    struct put_stream *s = r->s;
    bool known = shard->id.n > 0, elsewhere = known && !span_eq(shard->id, shard_id);
    bool aggregate = parcel->next->next != parcel;
    put_rate_accept(&shard->rate, 1, r->now_ms);
    if (elsewhere)
        put_lister_want(&s->lister);
    if (aggregate && elsewhere)
        keep_unsure(s, parcel, shard_id);
    else if (aggregate && (!known || !is_within(parcel, shard)))
        try_again(r, parcel); // not known: the shards it was made for were forgotten meanwhile
    else
        accept(r, parcel);
}

static void take_refused(struct reply *r, struct put_shard *shard, struct list *parcel,
                         const struct kinesis_put_result *result)
{
    r->failed = result;
    if (is_throttle(result->error_code)) {
        r->s->p->stats.throttles++;
        // Without a map one shard's throttling says nothing about the others.
        if (shard->id.n > 0)
            put_rate_throttle(&shard->rate, r->now_ms);
    }
    try_again(r, parcel);
}

static void take_parcel(struct reply *r, struct put_call *call, unsigned number,
                        const struct kinesis_put_result *result)
{
    struct list parcel, *entries = &call->batch.entries;
    list_init(&parcel);
    while (!list_empty(entries) && producer_entry_of(entries->next)->parcel == number)
        list_push(&parcel, list_pop(entries));
    struct put_shard *shard =
        put_shards_find(&r->s->queue.shards, producer_entry_of(parcel.next)->hash);
    if (is_accepted(result))
        take_accepted(r, shard, &parcel, result->shard_id);
    else
        take_refused(r, shard, &parcel, result);
}

static void note_results(struct reply *r)
{
    if (!r->failed || !list_empty(&r->done)) {
        producer_note_success(r->s);
        return;
    }
    bool throttled = is_throttle(r->failed->error_code);
    // One shard's records alone, while the others' are taken: nothing is wrong with the stream.
    if (throttled && put_shards_known(&r->s->queue.shards) &&
        r->now_ms - r->s->success_ms < LATELY_MS)
        return;
    struct aws_error e = {
        .http_status = 200, .code = r->failed->error_code, .message = r->failed->error_message};
    producer_note_failure(r->s, throttled ? ERR_THROTTLED : ERR_UNAVAILABLE, &e);
}

static void tell_done(struct producer *p, struct list *done)
{
    for (struct list *it; (it = list_pop(done));)
        producer_finish_entry(p, producer_entry_of(it), 0, NULL);
}

static void take_results(struct put_call *call, const struct kinesis_output *out)
{
    struct put_stream *s = call->stream;
    struct reply r = {.s = s, .now_ms = loop_now_ms(s->p->loop), .unit = unit(s->p)};
    list_init(&r.done);
    s->gate_ms = 0;
    for (size_t i = 0; i < out->n_results; i++)
        take_parcel(&r, call, (unsigned)i, &out->results[i]);
    note_results(&r);
    tell_done(s->p, &r.done);
}

void put_call_settle_unsure(struct put_stream *s, bool failed)
{
    struct reply r = {.s = s, .now_ms = loop_now_ms(s->p->loop), .unit = unit(s->p)};
    list_init(&r.done);
    // Without a listing they would go to the wrong shards together again and again.
    if (failed && !list_empty(&s->unsure))
        put_queue_forget_shards(&s->queue, r.now_ms);
    for (struct list *it; (it = list_pop(&s->unsure));) {
        struct put_unsure *u = container_of(it, struct put_unsure, link);
        const struct put_shard *shard =
            failed ? NULL : put_shards_find_id(&s->queue.shards, span_str(u->shard_id));
        if (shard && is_within(&u->entries, shard))
            accept(&r, &u->entries);
        else
            try_again(&r, &u->entries);
        mem_free(u);
    }
    tell_done(s->p, &r.done);
}

// Failures ---------------------------------------------------------------------------------------

// Whether the records themselves may be why the service refused the call.
static bool blames_records(int status, const struct aws_error *e)
{
    if (e && e->http_status == HTTP_CONTENT_TOO_LARGE)
        return true;
    return status == ERR_INVALID && e &&
           (aws_error_is(e, "ValidationException") || aws_error_is(e, "InvalidArgumentException") ||
            aws_error_is(e, "SerializationException"));
}

static void refuse(struct put_call *call, const struct aws_error *error)
{
    struct put_stream *s = call->stream;
    struct producer *p = s->p;
    struct producer_entry *en = producer_entry_of(list_pop(&call->batch.entries));
    char text[STATUS_TEXT_MAX];
    status_text(&(struct status_cause){.operation = kinesis_op_name(KINESIS_PUT_RECORDS),
                                       .stream = s->id,
                                       .host = kinesis_host(p->kinesis),
                                       .status = ERR_INVALID,
                                       .error = error},
                text);
    p->stats.refused++;
    put_queue_finish(&s->queue, en, loop_now_ms(p->loop));
    producer_finish_entry(p, en, ERR_INVALID, text);
}

static void fail_call(struct put_call *call, int status, const struct aws_error *error)
{
    struct put_stream *s = call->stream;
    struct producer *p = s->p;
    int64_t now = loop_now_ms(p->loop);
    if (blames_records(status, error)) {
        if (call->batch.n == 1)
            refuse(call, error);
        else
            put_queue_split(&s->queue, &call->batch);
        return;
    }
    p->stats.retries += call->batch.n;
    p->stats.throttles += status == ERR_THROTTLED;
    put_queue_return(&s->queue, &call->batch, now);
    producer_note_failure(s, status, error);
    s->gate_ms =
        now + poll_pace_delay(status == ERR_THROTTLED ? THROTTLE_BACKOFF_MS : PUT_BACKOFF_MS,
                              p->max_backoff_ms, s->failures, unit(p));
}

static void free_call(struct put_call *call)
{
    require(list_empty(&call->batch.entries));
    buf_free(&call->aggregates);
    mem_free(call);
}

static void on_done(struct kinesis_call *kc, int status, struct kinesis_output *out,
                    const struct aws_error *error)
{
    struct put_call *call = container_of(kc, struct put_call, call);
    struct put_stream *s = call->stream;
    // A reply that does not name every record does not tell which of them are on the stream.
    if (status == 0 && out->n_results != call->batch.n_parcels)
        status = ERR_PROTO;
    if (status == 0)
        take_results(call, out);
    else
        fail_call(call, status, error);
    free_call(call);
    s->n_calls--;
    if (s->p->closing)
        producer_continue_close(s->p);
    else
        producer_step(s);
}

// Calls ------------------------------------------------------------------------------------------

// Appends the aggregate of a parcel; returns the entry behind it.
static struct list *write_aggregate(struct buf *out, struct list *first, const struct list *end)
{
    unsigned parcel = producer_entry_of(first)->parcel;
    size_t n = 0;
    struct list *it = first;
    for (; it != end && producer_entry_of(it)->parcel == parcel; it = it->next)
        n++;
    struct kpl_record *records = mem_alloc_array(n, sizeof *records);
    it = first;
    for (size_t i = 0; i < n; i++, it = it->next) {
        const struct producer_entry *en = producer_entry_of(it);
        records[i] = (struct kpl_record){en->partition_key, en->explicit_hash_key, en->record};
    }
    kpl_write(out, records, n);
    mem_free(records);
    return it;
}

// Aggregates lie behind each other in one buffer, which moves while it grows: their records point
// to nothing until all are written, and have their lengths.
static void fill_call(struct put_call *call)
{
    struct list *entries = &call->batch.entries;
    struct kinesis_put_entry *out = call->entries;
    char hash_key[HASH_KEY_TEXT_MAX];
    for (struct list *it = entries->next; it != entries; out++) {
        const struct producer_entry *en = producer_entry_of(it);
        if (it->next == entries || producer_entry_of(it->next)->parcel != en->parcel) {
            *out = (struct kinesis_put_entry){en->record, en->partition_key, en->explicit_hash_key};
            it = it->next;
            continue;
        }
        size_t before = call->aggregates.n;
        it = write_aggregate(&call->aggregates, it, entries);
        out->data = span_of(NULL, call->aggregates.n - before);
        out->partition_key = SPAN(KPL_PARTITION_KEY);
        out->explicit_hash_key.n = hash_key_format(en->hash, hash_key);
        buf_add(&call->aggregates, hash_key, out->explicit_hash_key.n);
    }
    const char *p = call->aggregates.p;
    for (struct kinesis_put_entry *e = call->entries; e < out; e++) {
        if (e->data.p || e->explicit_hash_key.p || e->explicit_hash_key.n == 0)
            continue;
        e->data.p = p;
        e->explicit_hash_key.p = p + e->data.n;
        p += e->data.n + e->explicit_hash_key.n;
    }
}

static void send_batch(struct put_stream *s, struct put_batch *b)
{
    struct producer *p = s->p;
    struct kinesis_call_options o = {.max_attempts = 1};
    struct put_call *call =
        mem_zalloc(sizeof(*call) + b->n_parcels * sizeof(struct kinesis_put_entry));
    call->stream = s;
    call->call.on_done = on_done;
    call->batch = *b;
    list_init(&call->batch.entries);
    list_move_all(&call->batch.entries, &b->entries);
    fill_call(call);
    call->in = (struct kinesis_input){.entries = call->entries, .n_entries = b->n_parcels};
    if (s->is_arn)
        call->in.stream_arn = s->id;
    else
        call->in.stream_name = s->id;
    int rc = kinesis_start(p->kinesis, &call->call, KINESIS_PUT_RECORDS, &call->in, &o);
    if (rc == 0) {
        p->stats.calls++;
        s->n_calls++;
        return;
    }
    fail_call(call, rc, NULL);
    free_call(call);
}

static void take_expired(struct put_queue *q, struct put_batch *b, int64_t now_ms,
                         struct list *expired)
{
    list_for_safe(it, &b->entries)
    {
        struct producer_entry *en = producer_entry_of(it);
        if (en->expires_ms == 0 || en->expires_ms > now_ms)
            continue;
        list_remove(&en->link);
        put_queue_finish(q, en, now_ms);
        list_push(expired, &en->link);
    }
    if (!list_empty(expired))
        put_batch_recount(b);
}

void put_call_start(struct put_stream *s)
{
    struct producer *p = s->p;
    struct put_batch b;
    struct list expired;
    int64_t now_ms = loop_now_ms(p->loop);
    list_init(&expired);
    if (!put_queue_take(&s->queue, &b, now_ms))
        return;
    take_expired(&s->queue, &b, now_ms, &expired);
    if (b.n > 0)
        send_batch(s, &b);
    for (struct list *it; (it = list_pop(&expired));) {
        p->stats.expired++;
        producer_finish_entry(p, producer_entry_of(it), ERR_TIMEOUT,
                              "not on the stream within its time to live");
    }
}
