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
            emu_stream_settle(s, now);
            if (s->status == EMU_DELETED)
                deleted = s;
            a->changing |= s->change.kind != EMU_CHANGE_NONE;
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

void emu_account_begin(struct emu_account *a, struct emu_stream *s, struct emu_change change,
                       struct emu_now now)
{
    emu_stream_begin(s, change, now, a->transition_ms);
    a->changing = true;
    emu_account_settle(a, now);
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
