// SPDX-License-Identifier: Apache-2.0
#include "emulator/account.h"

#include <stdlib.h>

static struct span uid_key(const struct emu_stream *s)
{
    return span_of((const char *)&s->uid, sizeof s->uid);
}

static void stream_remove(struct emu_account *a, struct emu_stream *s)
{
    map_remove(&a->by_name, s->name);
    map_remove(&a->by_uid, uid_key(s));
    emu_stream_free(s);
}

void emu_account_init(struct emu_account *a, size_t retained_bytes)
{
    emu_store_init(&a->store, retained_bytes);
    if (!a->shard_limit)
        a->shard_limit = EMU_SHARD_LIMIT_DEFAULT;
    if (!a->subscription_ms)
        a->subscription_ms = EMU_SUBSCRIPTION_MS;
    if (!a->subscribe_again_ms)
        a->subscribe_again_ms = EMU_SUBSCRIBE_AGAIN_MS;
}

void emu_account_free(struct emu_account *a)
{
    size_t at = 0;
    struct emu_stream *s;
    while ((s = map_next(&a->by_name, &at, NULL)) != NULL)
        emu_stream_free(s);
    map_free(&a->by_name);
    map_free(&a->by_uid);
}

void emu_account_settle(struct emu_account *a, struct emu_now now)
{
    // A removal ends the walk over the map, so the walk starts anew after each.
    while (a->changing) {
        a->changing = false;
        struct emu_stream *s, *deleted = NULL;
        for (size_t at = 0; !deleted && (s = map_next(&a->by_name, &at, NULL)) != NULL;) {
            a->changing |= emu_stream_settle(s, now);
            if (s->status == EMU_DELETED)
                deleted = s;
        }
        if (!deleted)
            return;
        stream_remove(a, deleted);
        a->changing = true;
    }
}

struct emu_stream *emu_account_stream(const struct emu_account *a, struct span name)
{
    return map_get(&a->by_name, name);
}

struct emu_stream *emu_account_stream_by_uid(const struct emu_account *a, uint64_t uid)
{
    return map_get(&a->by_uid, span_of((const char *)&uid, sizeof uid));
}

struct emu_stream *emu_account_create(struct emu_account *a, struct span name, uint32_t n_shards,
                                      int64_t wall_ms)
{
    struct emu_stream *s = emu_stream_new(&a->store, name, ++a->last_uid, n_shards, wall_ms);
    map_put(&a->by_name, s->name, s);
    map_put(&a->by_uid, uid_key(s), s);
    return s;
}

// Not over in the second of the creation, which a later one of the same name must not share.
static int64_t deletion_ms(const struct emu_account *a, int64_t created_ms, struct emu_now now)
{
    int64_t rest = created_ms / 1000 * 1000 + 1000 - now.wall_ms;
    return rest > a->transition_ms ? rest : a->transition_ms;
}

void emu_account_begin(struct emu_account *a, struct emu_stream *s, struct emu_change change,
                       struct emu_now now)
{
    int64_t after_ms = a->transition_ms;
    if (change.kind == EMU_CHANGE_DELETE)
        after_ms = deletion_ms(a, s->created_ms, now);
    emu_stream_begin(s, change, now, after_ms);
    a->changing = true;
    emu_account_settle(a, now);
}

struct emu_consumer *emu_account_register(struct emu_account *a, struct emu_stream *s,
                                          struct span name, struct emu_now now)
{
    a->changing = true;
    return emu_consumers_add(&s->consumers, name, ++a->last_uid, now, a->transition_ms);
}

void emu_account_deregister(struct emu_account *a, struct emu_stream *s,
                            struct emu_consumer *consumer, struct emu_now now)
{
    emu_consumer_delete(consumer, now, deletion_ms(a, consumer->created_ms, now));
    a->changing = true;
    emu_stream_settle(s, now);
}

int64_t emu_account_due_ms(const struct emu_account *a)
{
    int64_t due = INT64_MAX;
    struct emu_stream *s;
    for (size_t at = 0; a->changing && (s = map_next(&a->by_name, &at, NULL)) != NULL;)
        if (emu_stream_due_ms(s) < due)
            due = emu_stream_due_ms(s);
    return due;
}

uint32_t emu_account_open_shards(const struct emu_account *a)
{
    uint32_t n = 0;
    struct emu_stream *s;
    for (size_t at = 0; (s = map_next(&a->by_name, &at, NULL)) != NULL;)
        n += s->n_open;
    return n;
}

static int by_name(const void *a, const void *b)
{
    return span_cmp((*(struct emu_stream *const *)a)->name, (*(struct emu_stream *const *)b)->name);
}

struct emu_stream **emu_account_sorted(const struct emu_account *a, struct arena *arena, size_t *n)
{
    struct emu_stream **all = arena_array(arena, struct emu_stream *, a->by_name.n), *s;
    *n = 0;
    for (size_t at = 0; (s = map_next(&a->by_name, &at, NULL)) != NULL;)
        all[(*n)++] = s;
    qsort(all, *n, sizeof *all, by_name);
    return all;
}
