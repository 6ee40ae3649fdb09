// SPDX-License-Identifier: Apache-2.0
#include "stream/put_queue.h"

#include "base/mem.h"

#define HASH_KEY_MAX "340282366920938463463374607431768211455" // 2^128 - 1

// A partition key with unfinished records. One of them (`busy`) is ready, delayed or in flight.
struct put_key {
    struct list waiting;
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

static bool is_hash_key(struct span s)
{
    struct span max = SPAN(HASH_KEY_MAX);
    if (s.n == 0 || s.n > max.n || (s.p[0] == '0' && s.n > 1))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n < max.n || memcmp(s.p, max.p, max.n) <= 0;
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
    if (en->explicit_hash_key.n > 0 && !is_hash_key(en->explicit_hash_key))
        return err_set(e, ERR_INVALID, "the explicit hash key is not a number below 2^128");
    if (en->record.n > PUT_MAX_BYTES - en->partition_key.n)
        return err_set(e, ERR_INVALID, "record and partition key have more than %zu bytes",
                       PUT_MAX_BYTES);
    return 0;
}

void put_queue_init(struct put_queue *q)
{
    *q = (struct put_queue){0};
    list_init(&q->ready);
    list_init(&q->parts);
    for (int i = 0; i < PUT_LEVELS; i++)
        list_init(&q->levels[i]);
}

void put_queue_deinit(struct put_queue *q)
{
    require(q->n == 0);
    map_free(&q->keys);
}

static void make_ready(struct put_queue *q, struct producer_entry *en, int64_t now_ms)
{
    if (q->n_ready == 0)
        q->ready_since_ms = now_ms;
    list_push(&q->ready, &en->link);
    q->n_ready++;
    q->ready_bytes += put_size(en);
}

static void leave_ready(struct put_queue *q, struct producer_entry *en)
{
    list_remove(&en->link);
    q->n_ready--;
    q->ready_bytes -= put_size(en);
}

void put_queue_add(struct put_queue *q, struct producer_entry *en, int64_t now_ms)
{
    q->n++;
    en->attempts = 0;
    struct put_key *key = map_get(&q->keys, en->partition_key);
    if (key) {
        en->key = key;
        list_push(&key->waiting, &en->link);
        return;
    }
    key = mem_alloc(sizeof(*key) + en->partition_key.n);
    list_init(&key->waiting);
    memcpy(key->bytes, en->partition_key.p, en->partition_key.n);
    key->text = span_of(key->bytes, en->partition_key.n);
    map_put(&q->keys, key->text, key);
    en->key = key;
    make_ready(q, en, now_ms);
}

void put_queue_wake(struct put_queue *q, int64_t now_ms)
{
    for (int i = 0; i < PUT_LEVELS; i++)
        while (!list_empty(&q->levels[i]) && entry_of(q->levels[i].next)->due_ms <= now_ms)
            make_ready(q, entry_of(list_pop(&q->levels[i])), now_ms);
}

int64_t put_queue_due(const struct put_queue *q)
{
    int64_t due = INT64_MAX;
    for (int i = 0; i < PUT_LEVELS; i++)
        if (!list_empty(&q->levels[i]) && entry_of(q->levels[i].next)->due_ms < due)
            due = entry_of(q->levels[i].next)->due_ms;
    return due;
}

bool put_queue_has_ready(const struct put_queue *q)
{
    return q->n_ready > 0 || !list_empty(&q->parts);
}

bool put_queue_has_full(const struct put_queue *q)
{
    return q->n_ready >= PUT_MAX_RECORDS || q->ready_bytes >= PUT_MAX_BYTES ||
           !list_empty(&q->parts);
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
    to->bytes = from->bytes;
    list_move_all(&to->entries, &from->entries);
    from->n = from->bytes = 0;
}

static void batch_add(struct put_batch *b, struct producer_entry *en)
{
    list_push(&b->entries, &en->link);
    b->n++;
    b->bytes += put_size(en);
}

bool put_queue_take(struct put_queue *q, struct put_batch *out)
{
    batch_init(out, false);
    struct list *first = list_pop(&q->parts);
    if (first) {
        struct put_part *part = container_of(first, struct put_part, link);
        batch_move(out, &part->batch);
        mem_free(part);
        return true;
    }
    while (q->n_ready > 0 && out->n < PUT_MAX_RECORDS) {
        struct producer_entry *en = entry_of(q->ready.next);
        if (out->bytes + put_size(en) > PUT_MAX_BYTES)
            break;
        leave_ready(q, en);
        batch_add(out, en);
    }
    return out->n > 0;
}

void put_queue_finish(struct put_queue *q, struct producer_entry *en, int64_t now_ms)
{
    struct put_key *key = en->key;
    en->key = NULL;
    q->n--;
    struct list *next = list_pop(&key->waiting);
    if (next) {
        make_ready(q, entry_of(next), now_ms);
        return;
    }
    map_remove(&q->keys, key->text);
    mem_free(key);
}

void put_queue_delay(struct put_queue *q, struct producer_entry *en, int64_t due_ms)
{
    unsigned level = en->attempts < PUT_LEVELS ? en->attempts : PUT_LEVELS - 1;
    // Only the first of each level is looked at: those behind it, which wait about as long, are
    // never ready before it.
    en->due_ms = due_ms;
    list_push(&q->levels[level], &en->link);
}

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
    if (q->n_ready == 0)
        q->ready_since_ms = now_ms;
    q->n_ready += b->n;
    q->ready_bytes += b->bytes;
    // Their turn had come before that of those who are ready now.
    list_move_all(&b->entries, &q->ready);
    list_move_all(&q->ready, &b->entries);
    b->n = b->bytes = 0;
}

void put_queue_split(struct put_queue *q, struct put_batch *b)
{
    require(b->n > 1);
    struct put_batch half;
    batch_init(&half, true);
    for (size_t n = b->n / 2; n > 0; n--) {
        struct producer_entry *en = entry_of(list_pop(&b->entries));
        b->n--;
        b->bytes -= put_size(en);
        batch_add(&half, en);
    }
    push_part(q, &half);
    push_part(q, b);
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
    if (!list_empty(&q->parts)) {
        en = pop_part_entry(q);
    } else if (q->n_ready > 0) {
        en = entry_of(q->ready.next);
        leave_ready(q, en);
    } else {
        return NULL;
    }
    put_queue_finish(q, en, 0);
    return en;
}
