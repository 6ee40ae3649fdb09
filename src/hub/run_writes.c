// SPDX-License-Identifier: Apache-2.0
#include "hub/run_writes.h"

#include "base/map.h"
#include "base/mem.h"

struct run_writes {
    struct map map; // device, scope, key -> struct written in the run's arena
};

#define KEY_FIXED (sizeof(int64_t) + 1)
#define KEY_STACK 256

// The map's key: in `stack` when it fits, else in the arena.
static struct span make_key(struct arena *a, char stack[KEY_STACK], const struct store_device *d,
                            enum store_scope scope, struct span key)
{
    size_t n = KEY_FIXED + key.n;
    char *p = n <= KEY_STACK ? stack : arena_alloc(a, n);
    memcpy(p, &d->id, sizeof d->id);
    p[sizeof d->id] = (char)scope;
    if (key.n)
        memcpy(p + KEY_FIXED, key.p, key.n);
    return span_of(p, n);
}

static void note(struct hub_run *r, const struct store_device *d, enum store_scope scope,
                 struct span key, struct written w)
{
    char stack[KEY_STACK];
    struct arena *a = &r->arena;
    if (!r->writes)
        r->writes = mem_new(struct run_writes);
    struct span k = make_key(a, stack, d, scope, key);
    struct written *found = map_get(&r->writes->map, k);
    if (scope == WRITTEN_TELEMETRY && found && found->ts_ms > w.ts_ms)
        return;
    if (!found) {
        found = arena_new(a, struct written);
        map_put(&r->writes->map, arena_span(a, k), found);
    }
    *found = w;
    if (w.value.type >= VALUE_STRING)
        found->value.s = arena_span(a, w.value.s);
}

// What is left up to STORE_VALUE_MAX holds any one message.
bool run_has_room(const struct hub_run *r)
{
    return store_txn_bytes(r->txn) < STORE_VALUE_MAX / 4 * 3;
}

void run_put_points(struct hub_run *r, struct store_device *d, int64_t ts_ms, const struct kv *kv,
                    size_t n)
{
    store_txn_points(r->txn, d, ts_ms, kv, n);
    r->hub->stats.telemetry_points += n;
    for (size_t i = 0; r->hub->value_readers && i < n; i++)
        note(r, d, WRITTEN_TELEMETRY, kv[i].key, (struct written){kv[i].value, ts_ms, false});
}

void run_put_attribute(struct hub_run *r, struct store_device *d, enum store_scope scope,
                       const struct kv *kv, int64_t ts_ms, bool only_changed)
{
    store_txn_attribute(r->txn, d, scope, kv, ts_ms, only_changed);
    r->hub->stats.attributes++;
    if (r->hub->value_readers)
        note(r, d, scope, kv->key, (struct written){kv->value, ts_ms, false});
}

void run_delete_attribute(struct hub_run *r, struct store_device *d, enum store_scope scope,
                          struct span key)
{
    store_txn_delete_attribute(r->txn, d, scope, key);
    if (r->hub->value_readers)
        note(r, d, scope, key, (struct written){.deleted = true});
}

const struct written *run_written(const struct hub_run *r, const struct store_device *d,
                                  enum store_scope scope, struct span key)
{
    char stack[KEY_STACK];
    struct arena scratch = {0};
    if (!r->writes)
        return NULL;
    const struct written *w = map_get(&r->writes->map, make_key(&scratch, stack, d, scope, key));
    arena_free(&scratch);
    return w;
}

void run_writes_free(struct hub_run *r)
{
    if (!r->writes)
        return;
    map_free(&r->writes->map);
    mem_free(r->writes);
    r->writes = NULL;
}
