// SPDX-License-Identifier: Apache-2.0
#include "hub/shared_changes.h"

#include "base/map.h"
#include "base/mem.h"
#include "codec/json_out.h"
#include "hub/polls.h"

struct shared_change {
    struct shared_change *next;
    struct span key;
    struct value value;
    bool deleted;
};

struct device_changes {
    struct store_device *device; // the map's key
    struct map keys;             // key -> struct shared_change
    struct shared_change *first, **last;
};

// It outlives the run, whose arena ends with the commit's beginning.
struct shared_changes {
    struct arena arena; // of all below
    struct map devices; // device -> struct device_changes
};

static struct device_changes *changes_of(struct hub_run *r, struct store_device *d)
{
    if (!r->shared_changes)
        r->shared_changes = mem_new(struct shared_changes);
    struct shared_changes *c = r->shared_changes;
    struct device_changes *v = map_get(&c->devices, span_of((const char *)&d, sizeof d));
    if (v)
        return v;
    v = arena_new(&c->arena, struct device_changes);
    v->device = d;
    v->last = &v->first;
    map_put(&c->devices, span_of((const char *)&v->device, sizeof v->device), v);
    return v;
}

static struct shared_change *change_of(struct arena *a, struct device_changes *v, struct span key)
{
    struct shared_change *x = map_get(&v->keys, key);
    if (x)
        return x;
    x = arena_new(a, struct shared_change);
    x->key = arena_span(a, key);
    map_put(&v->keys, x->key, x);
    *v->last = x;
    v->last = &x->next;
    return x;
}

void shared_changes_save(struct hub_run *r, struct store_device *d, const struct kv *kv, size_t n)
{
    if (r->replay || n == 0)
        return;
    struct device_changes *v = changes_of(r, d);
    struct arena *a = &r->shared_changes->arena;
    for (size_t i = 0; i < n; i++) {
        struct shared_change *x = change_of(a, v, kv[i].key);
        x->value = kv[i].value;
        if (x->value.type >= VALUE_STRING)
            x->value.s = arena_span(a, x->value.s);
        x->deleted = false;
    }
}

void shared_changes_delete(struct hub_run *r, struct store_device *d, const struct span *keys,
                           size_t n)
{
    if (r->replay || n == 0)
        return;
    struct device_changes *v = changes_of(r, d);
    for (size_t i = 0; i < n; i++)
        change_of(&r->shared_changes->arena, v, keys[i])->deleted = true;
}

// {"key": value, ..., "deleted": ["key", ...]}: facts/hub.md section 3.6. An attribute that is
// itself called so gives way to the list.
static void write(const struct device_changes *v, struct buf *out)
{
    struct json_out j = {.out = out};
    bool any = false;
    for (const struct shared_change *x = v->first; x; x = x->next)
        any |= x->deleted;
    json_out_object(&j);
    for (const struct shared_change *x = v->first; x; x = x->next) {
        if (x->deleted || (any && span_is(x->key, "deleted")))
            continue;
        json_out_key(&j, x->key);
        json_out_value(&j, &x->value);
    }
    if (any) {
        json_out_key(&j, SPAN("deleted"));
        json_out_array(&j);
        for (const struct shared_change *x = v->first; x; x = x->next) {
            if (x->deleted)
                json_out_str(&j, x->key);
        }
        json_out_end(&j);
    }
    json_out_end(&j);
}

static void tell(struct hub *h, const struct device_changes *v)
{
    struct buf b = {0};
    if (!polls_waiting(h->polls, v->device, HUB_POLL_ATTRIBUTES))
        return;
    write(v, &b);
    polls_tell(h->polls, v->device, HUB_POLL_ATTRIBUTES, buf_span(&b));
    buf_free(&b);
}

void shared_changes_settle(struct hub *h, struct shared_changes *c, bool durable)
{
    size_t at = 0;
    struct device_changes *v;
    if (!c)
        return;
    while ((v = map_next(&c->devices, &at, NULL))) {
        if (durable)
            tell(h, v);
        map_free(&v->keys);
    }
    map_free(&c->devices);
    arena_free(&c->arena);
    mem_free(c);
}
