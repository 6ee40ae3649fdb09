// SPDX-License-Identifier: Apache-2.0
#include "stream/unpack.h"

#define PIECE_FIRST 64

bool unpack_is_needed(const struct kinesis_record *records, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (kpl_may_be(records[i].data))
            return true;
    return false;
}

void unpack_deinit(struct unpacker *u)
{
    arena_free(&u->tables);
}

// The piece being filled.
struct piece {
    struct arena *arena;
    struct kinesis_record *records;
    size_t n, cap;
};

static void add(struct piece *p, const struct kinesis_record *r)
{
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : PIECE_FIRST;
        p->records = arena_grow(p->arena, p->records, p->cap * sizeof *r, cap * sizeof *r);
        p->cap = cap;
    }
    p->records[p->n++] = *r;
}

static bool is_known(const struct unpacker *u, struct span sequence, uint64_t sub)
{
    return u->has_known && sub <= u->known_sub && kinesis_sequence_cmp(sequence, u->known) == 0;
}

static void begin_record(struct unpacker *u, struct piece *p)
{
    const struct kinesis_record *r = &u->records[u->at];
    u->sequence = r->sequence_number;
    u->sub_sequence = 0;
    u->next_sub = 0;
    arena_reset(&u->tables);
    if (kpl_may_be(r->data) && kpl_open(&u->kpl, r->data, &u->tables)) {
        u->inside = !u->has_keys || kpl_is_within(&u->kpl, u->first_key, u->last_key);
        u->foreign += !u->inside;
    } else if (!is_known(u, r->sequence_number, 0)) {
        add(p, r);
    }
    if (!u->inside)
        u->at++;
}

static void end_aggregate(struct unpacker *u)
{
    u->inside = false;
    u->at++;
}

static void take_user_record(struct unpacker *u, struct piece *p)
{
    const struct kinesis_record *outer = &u->records[u->at];
    struct kpl_record user;
    enum kpl_step step = kpl_next(&u->kpl, &user);
    if (step != KPL_RECORD) {
        u->broken += step == KPL_BAD_INDEX;
        end_aggregate(u);
        return;
    }
    u->sub_sequence = u->next_sub++;
    if (!is_known(u, outer->sequence_number, u->sub_sequence))
        add(p, &(struct kinesis_record){.sequence_number = outer->sequence_number,
                                        .partition_key = user.partition_key,
                                        .data = user.data,
                                        .arrival_ms = outer->arrival_ms,
                                        .sub_sequence = (uint32_t)u->sub_sequence,
                                        .aggregated = true});
    if (u->kpl.at == u->kpl.message.n)
        end_aggregate(u);
}

struct kinesis_record *unpack_next(struct unpacker *u, struct arena *a, size_t *n)
{
    struct piece p = {.arena = a};
    while (u->at < u->n && p.n < u->piece_max) {
        if (u->inside)
            take_user_record(u, &p);
        else
            begin_record(u, &p);
    }
    *n = p.n;
    return p.records;
}

bool unpack_is_done(const struct unpacker *u)
{
    return u->at == u->n;
}
