// SPDX-License-Identifier: Apache-2.0
#include "hub/events.h"

#include "base/map.h"
#include "base/mem.h"
#include "codec/json_out.h"

struct event_ring {
    struct uuid entity;
    struct list events; // oldest first
    unsigned n;
    size_t bytes;
    int64_t second; // the one in which `in_second` were written
    unsigned in_second;
};

struct events {
    const struct clock *clock;
    struct map rings;
    struct list all; // oldest first
    size_t bytes;
    struct buf scratch;
};

static const char *const names[] = {
#define EVENT_NAME(name) #name,
    EVENT_TYPES(EVENT_NAME)
#undef EVENT_NAME
};

const char *event_type_name(enum event_type t)
{
    return names[t];
}

bool event_type_parse(struct span name, enum event_type *out)
{
    for (int t = 0; t < EVENT_TYPE_COUNT; t++) {
        if (span_is(name, names[t])) {
            *out = (enum event_type)t;
            return true;
        }
    }
    return false;
}

struct events *events_new(const struct clock *clock)
{
    struct events *e = mem_new(struct events);
    e->clock = clock;
    list_init(&e->all);
    return e;
}

static size_t size_of(const struct event *v)
{
    return sizeof *v + v->body.n;
}

static void drop(struct events *e, struct event *v)
{
    struct event_ring *ring = v->ring;
    list_remove(&v->of_entity);
    list_remove(&v->of_all);
    ring->n--;
    ring->bytes -= size_of(v);
    e->bytes -= size_of(v);
    mem_free(v);
    if (ring->n)
        return;
    map_remove(&e->rings, uuid_span(&ring->entity));
    mem_free(ring);
}

void events_free(struct events *e)
{
    if (!e)
        return;
    while (!list_empty(&e->all))
        drop(e, container_of(e->all.next, struct event, of_all));
    map_free(&e->rings);
    buf_free(&e->scratch);
    mem_free(e);
}

// Cut between characters.
static struct span cut(struct span s)
{
    size_t n = s.n < EVENT_TEXT_MAX ? s.n : EVENT_TEXT_MAX;
    while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    return span_of(s.p, n);
}

static void write_body(struct buf *b, const struct event_field *fields, size_t n)
{
    struct json_out j = {.out = b};
    buf_clear(b);
    json_out_object(&j);
    json_out_key_str(&j, "server", SPAN("penstock"));
    for (size_t i = 0; i < n; i++) {
        if (fields[i].text.p)
            json_out_key_str(&j, fields[i].key, cut(fields[i].text));
        else
            json_out_key_null(&j, fields[i].key);
    }
    json_out_end(&j);
}

static struct event_ring *ring_of(struct events *e, struct uuid entity)
{
    struct event_ring *ring = map_get(&e->rings, uuid_span(&entity));
    if (ring)
        return ring;
    ring = mem_new(struct event_ring);
    ring->entity = entity;
    list_init(&ring->events);
    map_put(&e->rings, uuid_span(&ring->entity), ring);
    return ring;
}

static int64_t now_ms(const struct events *e)
{
    return e->clock->wall_ms(e->clock->ctx);
}

bool events_may(const struct events *e, struct uuid entity)
{
    const struct event_ring *ring = map_get(&e->rings, uuid_span(&entity));
    return !ring || ring->second != now_ms(e) / 1000 || ring->in_second < EVENTS_A_SECOND;
}

static void count_second(struct event_ring *ring, int64_t second)
{
    if (ring->second != second)
        ring->in_second = 0;
    ring->second = second;
    ring->in_second++;
}

// The newest event stays, whatever its size: it is bounded by itself.
static void make_room(struct events *e, struct event_ring *ring)
{
    while (ring->n > 1 && (ring->n > EVENTS_ENTITY_MAX || ring->bytes > EVENTS_ENTITY_BYTES))
        drop(e, container_of(ring->events.next, struct event, of_entity));
    while (e->bytes > EVENTS_ALL_BYTES && e->all.next != e->all.prev)
        drop(e, container_of(e->all.next, struct event, of_all));
}

void events_add(struct events *e, struct uuid entity, enum event_type type,
                const struct event_field *fields, size_t n)
{
    write_body(&e->scratch, fields, n);
    struct event_ring *ring = ring_of(e, entity);
    struct event *v = mem_zalloc(sizeof *v + e->scratch.n);
    char *body = (char *)(v + 1);
    memcpy(body, e->scratch.p, e->scratch.n);
    v->id = uuid_new_v1(e->clock);
    v->created_ms = now_ms(e);
    v->type = type;
    v->body = span_of(body, e->scratch.n);
    v->ring = ring;
    list_push(&ring->events, &v->of_entity);
    list_push(&e->all, &v->of_all);
    ring->n++;
    ring->bytes += size_of(v);
    e->bytes += size_of(v);
    count_second(ring, v->created_ms / 1000);
    make_room(e, ring);
}

const struct event *events_next(const struct events *e, struct uuid entity,
                                const struct event *after)
{
    const struct event_ring *ring = map_get(&e->rings, uuid_span(&entity));
    if (!ring)
        return NULL;
    const struct list *at = after ? after->of_entity.prev : ring->events.prev;
    return at == &ring->events ? NULL : container_of((struct list *)at, struct event, of_entity);
}

void events_clear(struct events *e, struct uuid entity, enum event_type type)
{
    const struct event *v = events_next(e, entity, NULL);
    while (v) {
        const struct event *older = events_next(e, entity, v);
        if (v->type == type)
            drop(e, (struct event *)v);
        v = older;
    }
}
