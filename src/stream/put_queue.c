// SPDX-License-Identifier: Apache-2.0
#include "stream/put_queue.h"

#include "base/mem.h"

// A partition key with unfinished records.
struct put_key {
    struct list waiting;
    size_t n_out; // ready or delayed: one; in flight: those of one parcel
    struct span text;
    char bytes[];
};

// A part of a refused call, waiting to be sent by itself.
struct put_part {
    struct list link;
    struct put_batch batch;
};

static struct producer_entry *entry_of(struct list *it)
{
    return container_of(it, struct producer_entry, link);
}

size_t put_size(const struct producer_entry *en)
{
    return en->record.n + en->partition_key.n;
}

static size_t count_chars(struct span utf8)
{
    size_t n = 0;
    for (size_t i = 0; i < utf8.n; i++)
        n += ((unsigned char)utf8.p[i] & 0xc0) != 0x80;
    return n;
}

static bool is_stream_name(struct span s)
{
    if (s.n == 0 || s.n > PUT_MAX_STREAM_NAME)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '.' || c == '-'))
            return false;
    }
    return true;
}

int put_check(const struct producer_entry *en, struct err *e)
{
    struct hash_key ignored;
    if (en->stream_arn.n > PUT_MAX_STREAM_ARN)
        return err_set(e, ERR_INVALID, "stream ARN has more than %d characters",
                       PUT_MAX_STREAM_ARN);
    if (en->stream_arn.n == 0 && !is_stream_name(en->stream_name))
        return err_set(e, ERR_INVALID,
                       "\"%.*s\" is no stream name: 1 to %d of letters, digits, _ . -",
                       (int)(en->stream_name.n < 64 ? en->stream_name.n : 64),
                       en->stream_name.p ? en->stream_name.p : "", PUT_MAX_STREAM_NAME);
    if (en->partition_key.n == 0)
        return err_set(e, ERR_INVALID, "the partition key is empty");
    if (!span_is_utf8(en->partition_key))
        return err_set(e, ERR_INVALID, "the partition key is not UTF-8 text");
    if (count_chars(en->partition_key) > PUT_MAX_KEY_CHARS)
        return err_set(e, ERR_INVALID, "the partition key has more than %d characters",
                       PUT_MAX_KEY_CHARS);
    if (en->explicit_hash_key.n > 0 && !hash_key_parse(en->explicit_hash_key, &ignored))
        return err_set(e, ERR_INVALID, "the explicit hash key is not a number below 2^128");
    if (en->record.n > PUT_MAX_BYTES - en->partition_key.n)
        return err_set(e, ERR_INVALID, "record and partition key have more than %zu bytes",
                       PUT_MAX_BYTES);
    return 0;
}

void put_queue_init(struct put_queue *q, const struct put_queue_options *o, int64_t now_ms)
{
    *q = (struct put_queue){.aggregate = o->aggregate};
    put_shards_init(&q->shards, o->shard_records, o->shard_bytes, now_ms);
    list_init(&q->parts);
    for (int i = 0; i < PUT_LEVELS; i++)
        list_init(&q->levels[i]);
}

void put_queue_deinit(struct put_queue *q)
{
    require(q->n == 0);
    map_free(&q->keys);
    put_shards_deinit(&q->shards);
}

// Ready ------------------------------------------------------------------------------------------

static void enter_shard(struct put_queue *q, struct producer_entry *en, bool first)
{
    struct put_shard *shard = put_shards_find(&q->shards, en->hash);
    if (first)
        list_push_front(&shard->ready, &en->link);
    else
        list_push(&shard->ready, &en->link);
    if (!list_linked(&shard->link))
        list_push(&q->shards.active, &shard->link);
}

static void make_ready(struct put_queue *q, struct producer_entry *en, int64_t now_ms, bool first)
{
    if (q->n_ready == 0)
        q->ready_since_ms = now_ms;
    q->n_ready++;
    q->ready_bytes += put_size(en);
    enter_shard(q, en, first);
}

static struct producer_entry *pop_ready(struct put_queue *q, struct put_shard *shard)
{
    struct producer_entry *en = entry_of(list_pop(&shard->ready));
    if (list_empty(&shard->ready))
        list_remove(&shard->link);
    q->n_ready--;
    q->ready_bytes -= put_size(en);
    return en;
}

static void enter_all(struct put_queue *q, struct list *ready)
{
    for (struct list *it; (it = list_pop(ready));)
        enter_shard(q, entry_of(it), false);
}

int put_queue_set_shards(struct put_queue *q, const struct kinesis_shard *listed, size_t n,
                         int64_t now_ms)
{
    struct list ready;
    list_init(&ready);
    int rc = put_shards_set(&q->shards, listed, n, now_ms, &ready);
    enter_all(q, &ready);
    return rc;
}

void put_queue_forget_shards(struct put_queue *q, int64_t now_ms)
{
    struct list ready;
    list_init(&ready);
    put_shards_forget(&q->shards, now_ms, &ready);
    enter_all(q, &ready);
}

// Keys -------------------------------------------------------------------------------------------

static struct put_key *new_key(struct put_queue *q, struct span text)
{
    struct put_key *key = mem_alloc(sizeof(*key) + text.n);
    list_init(&key->waiting);
    key->n_out = 0;
    memcpy(key->bytes, text.p, text.n);
    key->text = span_of(key->bytes, text.n);
    map_put(&q->keys, key->text, key);
    return key;
}

void put_queue_add(struct put_queue *q, struct producer_entry *en, int64_t now_ms)
{
    q->n++;
    en->attempts = 0;
    if (en->explicit_hash_key.n == 0 || !hash_key_parse(en->explicit_hash_key, &en->hash))
        en->hash = hash_key_of(en->partition_key);
    struct put_key *key = map_get(&q->keys, en->partition_key);
    if (key) {
        en->key = key;
        list_push(&key->waiting, &en->link);
        return;
    }
    en->key = key = new_key(q, en->partition_key);
    key->n_out = 1;
    make_ready(q, en, now_ms, false);
}

void put_queue_finish(struct put_queue *q, struct producer_entry *en, int64_t now_ms)
{
    struct put_key *key = en->key;
    en->key = NULL;
    q->n--;
    if (--key->n_out > 0)
        return;
    struct list *next = list_pop(&key->waiting);
    if (next) {
        key->n_out = 1;
        make_ready(q, entry_of(next), now_ms, false);
        return;
    }
    map_remove(&q->keys, key->text);
    mem_free(key);
}

// Taking back from the last to the first: of a key only its first one stays out, those after it
// wait behind it again.
static bool steps_back(struct producer_entry *en)
{
    struct put_key *key = en->key;
    if (key->n_out == 1)
        return false;
    key->n_out--;
    list_push_front(&key->waiting, &en->link);
    return true;
}

static struct producer_entry *pop_last(struct list *entries)
{
    struct producer_entry *en = entry_of(entries->prev);
    list_remove(&en->link);
    return en;
}

// Delayed ----------------------------------------------------------------------------------------

void put_queue_wake(struct put_queue *q, int64_t now_ms)
{
    for (int i = 0; i < PUT_LEVELS; i++)
        while (!list_empty(&q->levels[i]) && entry_of(q->levels[i].next)->due_ms <= now_ms)
            make_ready(q, entry_of(list_pop(&q->levels[i])), now_ms, false);
}

int64_t put_queue_due(const struct put_queue *q)
{
    int64_t due = INT64_MAX;
    for (int i = 0; i < PUT_LEVELS; i++)
        if (!list_empty(&q->levels[i]) && entry_of(q->levels[i].next)->due_ms < due)
            due = entry_of(q->levels[i].next)->due_ms;
    return due;
}

void put_queue_delay(struct put_queue *q, struct list *parcel, int64_t due_ms)
{
    while (!list_empty(parcel)) {
        struct producer_entry *en = pop_last(parcel);
        en->attempts++;
        if (steps_back(en))
            continue;
        unsigned level = en->attempts < PUT_LEVELS ? en->attempts : PUT_LEVELS - 1;
        // Only the first of each level is looked at: those behind it, which wait about as long, are
        // never ready before it.
        en->due_ms = due_ms;
        list_push(&q->levels[level], &en->link);
    }
}

// Batches ----------------------------------------------------------------------------------------

bool put_queue_has_full(const struct put_queue *q)
{
    return q->n_ready >= PUT_MAX_RECORDS || q->ready_bytes >= PUT_MAX_BYTES ||
           !list_empty(&q->parts);
}

int64_t put_queue_sendable(struct put_queue *q, int64_t now_ms)
{
    int64_t at = INT64_MAX;
    if (!list_empty(&q->parts))
        return now_ms;
    list_for(it, &q->shards.active)
    {
        int64_t due = put_rate_due(&container_of(it, struct put_shard, link)->rate, now_ms);
        if (due <= now_ms)
            return now_ms;
        at = due < at ? due : at;
    }
    return at;
}

static void batch_init(struct put_batch *b, bool apart)
{
    *b = (struct put_batch){.apart = apart};
    list_init(&b->entries);
}

static void batch_move(struct put_batch *to, struct put_batch *from)
{
    batch_init(to, from->apart);
    to->n = from->n;
    to->n_parcels = from->n_parcels;
    to->bytes = from->bytes;
    list_move_all(&to->entries, &from->entries);
    from->n = from->n_parcels = from->bytes = 0;
}

static void batch_add(struct put_batch *b, struct producer_entry *en, bool new_parcel)
{
    b->n_parcels += new_parcel;
    en->parcel = (uint16_t)(b->n_parcels - 1);
    list_push(&b->entries, &en->link);
    b->n++;
    b->bytes += put_size(en);
}

void put_batch_recount(struct put_batch *b)
{
    struct list entries;
    list_init(&entries);
    list_move_all(&entries, &b->entries);
    b->n = b->n_parcels = b->bytes = 0;
    int last = -1;
    for (struct list *it; (it = list_pop(&entries));) {
        struct producer_entry *en = entry_of(it);
        bool is_new = en->parcel != last;
        last = en->parcel;
        batch_add(b, en, is_new);
    }
}

static size_t parcel_size(const struct producer_entry *en)
{
    return put_size(en) + en->explicit_hash_key.n + PUT_PARCEL_OVERHEAD;
}

static bool fits(const struct put_batch *b, const struct producer_entry *en)
{
    return b->n < PUT_MAX_ENTRIES && put_size(en) <= PUT_MAX_BYTES - b->bytes;
}

// What waits behind the key of the record just added follows it into its parcel.
static void add_followers(struct put_queue *q, struct put_shard *shard, struct put_batch *b,
                          struct put_key *key, size_t *room)
{
    while (!list_empty(&key->waiting)) {
        struct producer_entry *en = entry_of(key->waiting.next);
        size_t size = parcel_size(en);
        if (size > *room || !fits(b, en) || put_shards_find(&q->shards, en->hash) != shard)
            return;
        list_remove(&en->link);
        key->n_out++;
        put_rate_send(&shard->rate, 0, put_size(en));
        batch_add(b, en, false);
        *room -= size;
    }
}

// One record of the call: the shard's first ready one, and with aggregation what fits beside it.
static void add_parcel(struct put_queue *q, struct put_shard *shard, struct put_batch *b)
{
    bool aggregate = q->aggregate && shard->id.n > 0;
    size_t room = PUT_PARCEL_BYTES;
    bool begun = false;
    while (!list_empty(&shard->ready)) {
        struct producer_entry *en = entry_of(shard->ready.next);
        size_t size = parcel_size(en);
        if (begun && (size > room || !fits(b, en)))
            return;
        pop_ready(q, shard);
        put_rate_send(&shard->rate, begun ? 0 : 1, put_size(en));
        batch_add(b, en, !begun);
        begun = true;
        if (!aggregate || size > room)
            return;
        room -= size;
        add_followers(q, shard, b, en->key, &room);
    }
}

static void take_shard(struct put_queue *q, struct put_shard *shard, struct put_batch *b,
                       int64_t now_ms)
{
    while (b->n_parcels < PUT_MAX_RECORDS && !list_empty(&shard->ready) &&
           fits(b, entry_of(shard->ready.next)) && put_rate_due(&shard->rate, now_ms) <= now_ms)
        add_parcel(q, shard, b);
}

bool put_queue_take(struct put_queue *q, struct put_batch *out, int64_t now_ms)
{
    batch_init(out, false);
    struct list *first = list_pop(&q->parts);
    if (first) {
        struct put_part *part = container_of(first, struct put_part, link);
        batch_move(out, &part->batch);
        mem_free(part);
        return true;
    }
    struct list turns;
    list_init(&turns);
    list_move_all(&turns, &q->shards.active);
    while (!list_empty(&turns)) {
        struct put_shard *shard = container_of(turns.next, struct put_shard, link);
        size_t before = out->n;
        take_shard(q, shard, out, now_ms);
        if (list_empty(&shard->ready))
            continue; // it has left the list
        // A shard that got its turn goes behind those that did not.
        list_remove(&shard->link);
        if (out->n > before)
            list_push(&q->shards.active, &shard->link);
        else
            list_push_front(&q->shards.active, &shard->link);
    }
    return out->n > 0;
}

// Given back -------------------------------------------------------------------------------------

static void push_part(struct put_queue *q, struct put_batch *b)
{
    struct put_part *part = mem_new(struct put_part);
    batch_move(&part->batch, b);
    part->batch.apart = true;
    list_push(&q->parts, &part->link);
}

void put_queue_return(struct put_queue *q, struct put_batch *b, int64_t now_ms)
{
    if (b->apart) {
        push_part(q, b);
        return;
    }
    while (!list_empty(&b->entries)) {
        struct producer_entry *en = pop_last(&b->entries);
        // Their turn had come before that of those who are ready now.
        if (!steps_back(en))
            make_ready(q, en, now_ms, true);
    }
    b->n = b->n_parcels = b->bytes = 0;
}

// Each record by itself; of a key only the first.
static void unwrap(struct put_batch *b)
{
    struct list entries;
    list_init(&entries);
    list_move_all(&entries, &b->entries);
    b->n = b->n_parcels = b->bytes = 0;
    struct list firsts;
    list_init(&firsts);
    while (!list_empty(&entries)) {
        struct producer_entry *en = pop_last(&entries);
        if (!steps_back(en))
            list_push_front(&firsts, &en->link);
    }
    for (struct list *it; (it = list_pop(&firsts));)
        batch_add(b, entry_of(it), true);
}

void put_queue_split(struct put_queue *q, struct put_batch *b)
{
    require(b->n > 1);
    put_batch_recount(b);
    if (b->n_parcels == 1) {
        unwrap(b);
        push_part(q, b);
        return;
    }
    struct put_batch halves[2];
    size_t half = b->n_parcels / 2;
    batch_init(&halves[0], true);
    batch_init(&halves[1], true);
    int parcel = -1;
    for (struct list *it; (it = list_pop(&b->entries));) {
        struct producer_entry *en = entry_of(it);
        bool is_new = en->parcel != parcel;
        parcel = en->parcel;
        batch_add(&halves[(size_t)parcel >= half], en, is_new);
    }
    b->n = b->n_parcels = b->bytes = 0;
    push_part(q, &halves[0]);
    push_part(q, &halves[1]);
}

static struct producer_entry *pop_part_entry(struct put_queue *q)
{
    struct put_part *part = container_of(q->parts.next, struct put_part, link);
    struct producer_entry *en = entry_of(list_pop(&part->batch.entries));
    if (--part->batch.n == 0) {
        list_remove(&part->link);
        mem_free(part);
    }
    return en;
}

struct producer_entry *put_queue_drain(struct put_queue *q)
{
    struct producer_entry *en;
    put_queue_wake(q, INT64_MAX);
    if (!list_empty(&q->parts))
        en = pop_part_entry(q);
    else if (q->n_ready > 0)
        en = pop_ready(q, container_of(q->shards.active.next, struct put_shard, link));
    else
        return NULL;
    put_queue_finish(q, en, 0);
    return en;
}
