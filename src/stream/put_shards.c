// SPDX-License-Identifier: Apache-2.0
#include "stream/put_shards.h"

#include <stdlib.h>

#include "base/mem.h"

static void init_shard(struct put_shards *s, struct put_shard *shard, int64_t now_ms)
{
    list_init(&shard->ready);
    // Limits are a shard's: what stands for all of them has none.
    bool one = shard->id.n > 0;
    put_rate_init(&shard->rate, one ? s->limit : 0, one ? s->byte_limit : 0, now_ms);
}

static void set_one(struct put_shards *s, int64_t now_ms)
{
    s->n = 1;
    s->shards = mem_new(struct put_shard);
    s->shards[0].end = HASH_KEY_MAX;
    init_shard(s, &s->shards[0], now_ms);
}

void put_shards_init(struct put_shards *s, double limit, double byte_limit, int64_t now_ms)
{
    *s = (struct put_shards){.limit = limit, .byte_limit = byte_limit};
    list_init(&s->active);
    set_one(s, now_ms);
}

void put_shards_deinit(struct put_shards *s)
{
    require(list_empty(&s->active));
    mem_free(s->shards);
    arena_free(&s->ids);
}

static int by_start(const void *a, const void *b)
{
    return hash_key_cmp(((const struct put_shard *)a)->start, ((const struct put_shard *)b)->start);
}

static bool covers_all(const struct put_shard *shards, size_t n)
{
    struct hash_key next = {0, 0};
    for (size_t i = 0; i < n; i++) {
        bool is_last = hash_key_cmp(shards[i].end, HASH_KEY_MAX) == 0;
        if (hash_key_cmp(shards[i].start, next) != 0 ||
            hash_key_cmp(shards[i].end, shards[i].start) < 0 || is_last != (i + 1 == n))
            return false;
        next = hash_key_next(shards[i].end);
    }
    return n > 0;
}

// The open ones of a listing, sorted; NULL when they do not fit together.
static struct put_shard *read_listing(const struct kinesis_shard *listed, size_t n,
                                      struct arena *ids, size_t *n_open)
{
    struct put_shard *shards = mem_alloc_array(n + 1, sizeof *shards);
    *n_open = 0;
    for (size_t i = 0; i < n; i++) {
        struct put_shard *shard = &shards[*n_open];
        *shard = (struct put_shard){0};
        if (listed[i].ending_sequence_number.n > 0)
            continue;
        if (!hash_key_parse(listed[i].starting_hash_key, &shard->start) ||
            !hash_key_parse(listed[i].ending_hash_key, &shard->end) || listed[i].shard_id.n == 0)
            break;
        shard->id = arena_span(ids, listed[i].shard_id);
        ++*n_open;
    }
    qsort(shards, *n_open, sizeof *shards, by_start);
    if (covers_all(shards, *n_open))
        return shards;
    mem_free(shards);
    return NULL;
}

static void drop_shards(struct put_shards *s, struct list *ready)
{
    for (struct list *it; (it = list_pop(&s->active));)
        list_move_all(ready, &container_of(it, struct put_shard, link)->ready);
    mem_free(s->shards);
    arena_free(&s->ids);
}

void put_shards_forget(struct put_shards *s, int64_t now_ms, struct list *ready)
{
    drop_shards(s, ready);
    set_one(s, now_ms);
}

int put_shards_set(struct put_shards *s, const struct kinesis_shard *listed, size_t n,
                   int64_t now_ms, struct list *ready)
{
    struct arena ids = {0};
    size_t n_open;
    struct put_shard *shards = read_listing(listed, n, &ids, &n_open);
    if (!shards) {
        arena_free(&ids);
        return ERR_PROTO;
    }
    for (size_t i = 0; i < n_open; i++) {
        init_shard(s, &shards[i], now_ms);
        const struct put_shard *old = put_shards_find_id(s, shards[i].id);
        if (old)
            shards[i].rate = old->rate;
    }
    drop_shards(s, ready);
    s->shards = shards;
    s->n = n_open;
    s->ids = ids;
    return 0;
}

bool put_shards_known(const struct put_shards *s)
{
    return s->shards[0].id.n > 0;
}

struct put_shard *put_shards_find(struct put_shards *s, struct hash_key h)
{
    size_t low = 0, high = s->n - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (hash_key_cmp(h, s->shards[middle].end) <= 0)
            high = middle;
        else
            low = middle + 1;
    }
    return &s->shards[low];
}

struct put_shard *put_shards_find_id(struct put_shards *s, struct span id)
{
    for (size_t i = 0; i < s->n; i++) {
        if (span_eq(s->shards[i].id, id))
            return &s->shards[i];
    }
    return NULL;
}
