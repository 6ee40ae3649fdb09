// SPDX-License-Identifier: Apache-2.0
#include "hub/polls.h"

#include "base/map.h"
#include "base/mem.h"
#include "hub/hub_internal.h"

struct poll_queue {
    struct store_device *device; // the map's key
    enum hub_poll_for what;
    struct list polls; // never empty
};

struct polls {
    struct map queues[HUB_POLL_FOR_COUNT]; // device -> struct poll_queue
};

static struct span key_of(struct store_device *const *d)
{
    return span_of((const char *)d, sizeof *d);
}

struct polls *polls_new(void)
{
    return mem_new(struct polls);
}

void polls_free(struct polls *s)
{
    for (int i = 0; s && i < HUB_POLL_FOR_COUNT; i++) {
        require(s->queues[i].n == 0);
        map_free(&s->queues[i]);
    }
    mem_free(s);
}

static void drop(struct polls *s, struct poll_queue *v)
{
    map_remove(&s->queues[v->what], key_of(&v->device));
    mem_free(v);
}

void hub_poll_park(struct hub *h, struct store_device *d, enum hub_poll_for what,
                   struct hub_poll *p)
{
    struct map *m = &h->polls->queues[what];
    struct poll_queue *v = map_get(m, key_of(&d));
    if (!v) {
        v = mem_new(struct poll_queue);
        v->device = d;
        v->what = what;
        list_init(&v->polls);
        map_put(m, key_of(&v->device), v);
    }
    p->queue = v;
    list_push(&v->polls, &p->link);
}

void hub_poll_unpark(struct hub *h, struct hub_poll *p)
{
    struct poll_queue *v = p->queue;
    list_remove(&p->link); // of a queue, or of those that polls_tell() still has to tell
    p->queue = NULL;
    if (v && list_empty(&v->polls))
        drop(h->polls, v);
}

bool polls_waiting(const struct polls *s, struct store_device *d, enum hub_poll_for what)
{
    return map_get(&s->queues[what], key_of(&d)) != NULL;
}

struct hub_poll *polls_take(struct polls *s, struct store_device *d, enum hub_poll_for what)
{
    struct poll_queue *v = map_get(&s->queues[what], key_of(&d));
    if (!v)
        return NULL;
    struct hub_poll *p = container_of(list_pop(&v->polls), struct hub_poll, link);
    p->queue = NULL;
    if (list_empty(&v->polls))
        drop(s, v);
    return p;
}

void polls_tell(struct polls *s, struct store_device *d, enum hub_poll_for what, struct span json)
{
    struct list told;
    struct poll_queue *v = map_get(&s->queues[what], key_of(&d));
    if (!v)
        return;
    // An answer may bring the next poll, which waits for the next time, or end another one.
    list_init(&told);
    list_move_all(&told, &v->polls);
    drop(s, v);
    list_for(it, &told) container_of(it, struct hub_poll, link)->queue = NULL;
    for (struct list *it; (it = list_pop(&told));) {
        struct hub_poll *p = container_of(it, struct hub_poll, link);
        p->take(p, json);
    }
}
