// SPDX-License-Identifier: Apache-2.0
#include "bridge/outbox_lanes.h"

#include "base/mem.h"

#define READY_ROWS (OUTBOX_LANE_ROWS / 2)

void outbox_lanes_init(struct outbox_lanes *l)
{
    *l = (struct outbox_lanes){0};
    list_init(&l->streams);
}

void outbox_lanes_deinit(struct outbox_lanes *l)
{
    for (struct list *it; (it = list_pop(&l->streams));)
        mem_free(container_of(it, struct outbox_stream, link));
    map_free(&l->by_id);
}

struct outbox_stream *outbox_lanes_stream(struct outbox_lanes *l, struct span id)
{
    struct outbox_stream *s = map_get(&l->by_id, id);
    if (s)
        return s;
    s = mem_zalloc(sizeof *s + id.n);
    if (id.n)
        memcpy(s->text, id.p, id.n);
    s->id = span_of(s->text, id.n);
    list_push(&l->streams, &s->link);
    map_put(&l->by_id, s->id, s);
    return s;
}

static void forget_if_idle(struct outbox_lanes *l, struct outbox_stream *s)
{
    if (s->rows > 0 || s->parked > 0)
        return;
    list_remove(&s->link);
    map_remove(&l->by_id, s->id);
    mem_free(s);
}

static bool is_ready(const struct outbox_lane *lane)
{
    return lane->parked && lane->rows <= READY_ROWS;
}

static bool has_room(const struct outbox_stream *s, const struct outbox_lane *lane, size_t size)
{
    if (s->rows == 0)
        return true;
    return lane->rows < OUTBOX_LANE_ROWS && size <= OUTBOX_STREAM_BYTES &&
           s->bytes <= OUTBOX_STREAM_BYTES - size;
}

static void set_rows(struct outbox_lanes *l, struct outbox_stream *s, struct outbox_lane *lane,
                     uint32_t rows)
{
    l->n_ready -= is_ready(lane);
    s->rows += rows - lane->rows;
    l->rows += (size_t)rows - lane->rows;
    if (lane->parked)
        l->parked_rows += (size_t)rows - lane->rows;
    lane->rows = rows;
    l->n_ready += is_ready(lane);
}

static void set_parked(struct outbox_lanes *l, struct outbox_stream *s, struct outbox_lane *lane,
                       bool parked)
{
    if (lane->parked == parked)
        return;
    l->n_ready -= is_ready(lane);
    lane->parked = parked;
    s->parked += parked ? 1 : (uint32_t)-1;
    l->n_parked += parked ? 1 : (size_t)-1;
    l->parked_rows += parked ? lane->rows : (size_t)0 - lane->rows;
    l->n_ready += is_ready(lane);
}

static void block(struct outbox_lanes *l, struct outbox_lane *lane)
{
    if (!l->sweeping || lane->blocked)
        return;
    lane->blocked = true;
    l->n_blocked++;
}

bool outbox_lanes_enter(struct outbox_lanes *l, struct outbox_stream *s, unsigned lane_index,
                        size_t size, bool sweep)
{
    struct outbox_lane *lane = &s->lanes[lane_index];
    bool closed = sweep ? lane->blocked : lane->parked;
    if (!closed && has_room(s, lane, size)) {
        set_rows(l, s, lane, lane->rows + 1);
        s->bytes += size;
        return true;
    }
    // What the reader leaves in a lane that was parked before, a sweep under way comes to by
    // itself.
    if (sweep || !lane->parked)
        block(l, lane);
    set_parked(l, s, lane, true);
    return false;
}

void outbox_lanes_leave(struct outbox_lanes *l, struct outbox_stream *s, unsigned lane_index,
                        size_t size)
{
    struct outbox_lane *lane = &s->lanes[lane_index];
    require(lane->rows > 0);
    set_rows(l, s, lane, lane->rows - 1);
    s->bytes -= size;
    l->freed |= s->parked > 0;
    forget_if_idle(l, s);
}

bool outbox_lanes_want_sweep(const struct outbox_lanes *l)
{
    return !l->sweeping && l->freed && l->n_ready > 0;
}

void outbox_lanes_begin_sweep(struct outbox_lanes *l)
{
    require(!l->sweeping && l->n_blocked == 0);
    l->sweeping = true;
    l->freed = false;
}

bool outbox_lanes_all_blocked(const struct outbox_lanes *l)
{
    return l->n_blocked == l->n_parked;
}

void outbox_lanes_end_sweep(struct outbox_lanes *l, bool complete)
{
    require(l->sweeping);
    l->sweeping = false;
    l->n_blocked = 0;
    list_for_safe(it, &l->streams)
    {
        struct outbox_stream *s = container_of(it, struct outbox_stream, link);
        for (int i = 0; i < OUTBOX_LANES && s->parked > 0; i++) {
            struct outbox_lane *lane = &s->lanes[i];
            if (complete && !lane->blocked)
                set_parked(l, s, lane, false);
            lane->blocked = false;
        }
        forget_if_idle(l, s);
    }
}
