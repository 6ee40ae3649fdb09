// SPDX-License-Identifier: Apache-2.0
#include "hub/value_reads.h"

#include "base/mem.h"

// Happy path: add -> (an empty commit behind all others becomes durable) -> pump -> start ->
// on_part twice at most -> done -> pump. Reads that come meanwhile wait for the next such commit,
// all for the same one. Only so many are under way at once: each takes memory that waiting ones do
// not.

#define READS_MAX 64

struct value_reads {
    struct store *store;
    struct list collecting; // for the next barrier
    struct list waiting;    // for the one under way
    struct list ready;      // all that they must see is durable
    unsigned active;
    bool barrier, pumping;
};

struct value_reads *value_reads_new(struct store *s)
{
    struct value_reads *v = mem_new(struct value_reads);
    v->store = s;
    list_init(&v->collecting);
    list_init(&v->waiting);
    list_init(&v->ready);
    return v;
}

void value_reads_free(struct value_reads *v)
{
    mem_free(v);
}

// What those that wait need not have.
struct value_reading {
    struct store_read attributes, telemetry;
};

static void pump(struct value_reads *v);

static void finish_part(struct value_read *r, int status)
{
    struct value_reads *v = r->owner;
    if (status < 0)
        r->status = status;
    if (--r->pending > 0)
        return;
    v->active--;
    mem_free(r->reading);
    r->reading = NULL;
    r->done(r, r->status);
    pump(v);
}

static void on_attributes(struct store_read *sr, int status)
{
    struct value_read *r = sr->data;
    for (size_t i = 0; status == 0 && i < sr->n_attributes; i++) {
        const struct store_attribute_out *a = &sr->attributes_out[i];
        r->value(r, a->scope, a->key, &a->value, a->ts_ms);
    }
    store_read_free(sr);
    finish_part(r, status);
}

static void take_telemetry(struct value_read *r, const struct store_read *sr)
{
    for (size_t i = 0; i < sr->n_series; i++) {
        const struct store_series_out *s = &sr->series_out[i];
        if (s->n)
            r->value(r, 0, s->key, &s->points[0].value, s->points[0].ts_ms);
    }
}

static void on_telemetry(struct store_read *sr, int status)
{
    struct value_read *r = sr->data;
    if (status == 0)
        take_telemetry(r, sr);
    store_read_free(sr);
    finish_part(r, status);
}

static void start_telemetry(struct value_read *r)
{
    r->reading->telemetry = (struct store_read){.data = r,
                                                .done = on_telemetry,
                                                .kind = STORE_READ_LATEST,
                                                .device = r->device,
                                                .keys = r->telemetry_keys,
                                                .n_keys = r->n_telemetry};
    if (!store_latest_now(r->owner->store, &r->reading->telemetry)) {
        store_read(r->owner->store, &r->reading->telemetry);
        return;
    }
    take_telemetry(r, &r->reading->telemetry);
    store_read_free(&r->reading->telemetry);
    finish_part(r, 0);
}

static void start(struct value_read *r)
{
    r->reading = mem_new(struct value_reading);
    // One more, so that neither part ends it inside this call.
    r->pending = 1 + (r->n_attributes > 0) + (r->n_telemetry > 0);
    if (r->n_attributes) {
        r->reading->attributes = (struct store_read){.data = r,
                                                     .done = on_attributes,
                                                     .kind = STORE_READ_ATTRIBUTES,
                                                     .device = r->device,
                                                     .keys = r->attribute_keys,
                                                     .n_keys = r->n_attributes};
        store_read(r->owner->store, &r->reading->attributes);
    }
    if (r->n_telemetry)
        start_telemetry(r);
    finish_part(r, 0);
}

// A read may end within start(), and its end comes back here.
static void pump(struct value_reads *v)
{
    if (v->pumping)
        return;
    v->pumping = true;
    while (v->active < READS_MAX && !list_empty(&v->ready)) {
        v->active++;
        start(container_of(list_pop(&v->ready), struct value_read, link));
    }
    v->pumping = false;
}

static void next_barrier(struct value_reads *v);

static void on_barrier(void *ctx, int status)
{
    struct value_reads *v = ctx;
    v->barrier = false;
    if (status == 0) {
        list_move_all(&v->ready, &v->waiting);
        next_barrier(v);
        pump(v);
        return;
    }
    // The store is closing.
    for (struct list *it; (it = list_pop(&v->waiting));) {
        struct value_read *r = container_of(it, struct value_read, link);
        r->done(r, status);
    }
    next_barrier(v);
}

static void next_barrier(struct value_reads *v)
{
    if (v->barrier || list_empty(&v->collecting))
        return;
    v->barrier = true;
    list_move_all(&v->waiting, &v->collecting);
    store_commit(v->store, store_txn_new(v->store), on_barrier, v);
}

void value_reads_add(struct value_reads *v, struct value_read *r)
{
    r->owner = v;
    r->status = 0;
    list_push(&v->collecting, &r->link);
    next_barrier(v);
}
