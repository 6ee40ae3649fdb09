// SPDX-License-Identifier: Apache-2.0
#include "emulator/consumer.h"

#include "base/mem.h"

static void consumer_free(struct emu_consumer *c)
{
    mem_free((char *)c->name.p);
    mem_free(c->grants);
    mem_free(c);
}

void emu_consumers_free(struct emu_consumers *l)
{
    while (l->n)
        consumer_free(l->all[--l->n]);
}

struct emu_consumer *emu_consumers_find(const struct emu_consumers *l, struct span name)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (span_eq(l->all[i]->name, name))
            return l->all[i];
    return NULL;
}

struct emu_consumer *emu_consumers_by_uid(const struct emu_consumers *l, uint64_t uid)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (l->all[i]->uid == uid)
            return l->all[i];
    return NULL;
}

uint32_t emu_consumers_creating(const struct emu_consumers *l)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n; i++)
        n += l->all[i]->status == EMU_CREATING;
    return n;
}

struct emu_consumer *emu_consumers_add(struct emu_consumers *l, struct span name, uint64_t uid,
                                       struct emu_now now, int64_t after_ms)
{
    require(l->n < EMU_CONSUMERS_MAX);
    struct emu_consumer *c = mem_new(struct emu_consumer);
    c->name = span_of(mem_strndup(name.p, name.n), name.n);
    c->uid = uid;
    c->created_ms = now.wall_ms;
    c->due_ms = now.mono_ms + after_ms;
    uint32_t at = l->n++;
    for (; at > 0 && span_cmp(l->all[at - 1]->name, name) > 0; at--)
        l->all[at] = l->all[at - 1];
    l->all[at] = c;
    emu_consumers_settle(l, now);
    return c;
}

void emu_consumer_delete(struct emu_consumer *c, struct emu_now now, int64_t after_ms)
{
    c->status = EMU_DELETING;
    c->due_ms = now.mono_ms + after_ms;
}

bool emu_consumers_settle(struct emu_consumers *l, struct emu_now now)
{
    bool changing = false;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        struct emu_consumer *c = l->all[i];
        bool due = now.mono_ms >= c->due_ms;
        if (c->status == EMU_DELETING && due) {
            consumer_free(c);
            continue;
        }
        if (c->status == EMU_CREATING && due)
            c->status = EMU_ACTIVE;
        changing |= c->status != EMU_ACTIVE;
        l->all[kept++] = c;
    }
    l->n = kept;
    return changing;
}

struct emu_grant *emu_consumer_grant(struct emu_consumer *c, uint32_t shard)
{
    if (shard >= c->n_grants) {
        uint32_t n = shard < 32 ? 32 : shard + shard / 2;
        c->grants = mem_realloc(c->grants, n * sizeof *c->grants);
        memset(c->grants + c->n_grants, 0, (n - c->n_grants) * sizeof *c->grants);
        c->n_grants = n;
    }
    return &c->grants[shard];
}
