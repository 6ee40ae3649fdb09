// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "hub/asks.h"
#include "hub/delays.h"
#include "hub/run_writes.h"
#include "hub/shared_changes.h"

// A run's life: begin, messages, finish, then commit or abort. `pending` counts the nodes that wait
// for a script, plus one until finish is called.

struct made_device {
    struct made_device *next;
    struct store_device *device;
};

void hub_run_begin(struct hub *h, struct hub_run *r)
{
    r->hub = h;
    r->txn = store_txn_new(h->o.store);
    r->arena = (struct arena){0};
    r->pending = 1;
    r->finishing = false;
    r->frames = NULL;
    r->writes = NULL;
    r->made = NULL;
    r->delayed = NULL;
    r->replies = NULL;
    r->shared_changes = NULL;
    r->replay = false;
    r->canceled = false;
    r->failures = 0;
    r->refused = false;
    r->n_outbox = 0;
}

void hub_run_set_replay(struct hub_run *r)
{
    r->replay = true;
    store_txn_keep_newer(r->txn);
}

void hub_run_message(struct hub_run *r, const struct hub_msg *m)
{
    r->hub->stats.messages++;
    engine_start(r, m);
}

bool hub_run_finish(struct hub_run *r)
{
    require(!r->finishing);
    r->finishing = true;
    return --r->pending == 0;
}

void run_release(struct hub_run *r)
{
    if (--r->pending == 0)
        r->done(r);
}

void hub_run_outbox(struct hub_run *r, struct uuid integration)
{
    for (unsigned i = 0; i < r->n_outbox && i < HUB_RUN_OUTBOX_MAX; i++) {
        if (uuid_eq(r->outbox[i], integration))
            return;
    }
    if (r->n_outbox < HUB_RUN_OUTBOX_MAX)
        r->outbox[r->n_outbox] = integration;
    if (r->n_outbox <= HUB_RUN_OUTBOX_MAX)
        r->n_outbox++;
}

// What must still be known when the transaction is durable; the run itself may be gone.
struct commit {
    struct hub *hub;
    void (*cb)(void *ctx, int status);
    void *ctx;
    struct uuid outbox[HUB_RUN_OUTBOX_MAX];
    unsigned n_outbox;
    struct delayed *delayed;
    struct ask_reply *replies;
    struct shared_changes *shared_changes;
};

static void on_committed(void *ctx, int status)
{
    struct commit *c = ctx;
    const struct hub_downlink_sink *sink = &c->hub->sink;
    if (status == 0 && c->n_outbox && sink->queued) {
        sink->queued(sink->ctx, c->outbox, c->n_outbox > HUB_RUN_OUTBOX_MAX ? 0 : c->n_outbox);
    }
    if (c->delayed)
        delays_settle(c->hub->delays, c->delayed, status == 0);
    if (c->replies)
        asks_settle(c->hub->asks, c->replies, status == 0);
    shared_changes_settle(c->hub, c->shared_changes, status == 0);
    if (c->cb)
        c->cb(c->ctx, status);
    mem_free(c);
}

struct store_device *run_make_device(struct hub_run *r, struct span name, struct span type,
                                     struct span label, bool is_asset)
{
    struct hub *h = r->hub;
    const struct clock *clock = loop_clock(h->o.loop);
    struct uuid profile = hub_profile_for(h, type);
    struct store_device *d = store_find_device(h->o.store, name, is_asset);
    if (d)
        store_set_device(h->o.store, d, label, profile);
    else
        d = store_add_device(h->o.store, uuid_new_v1(clock), name, label, profile, is_asset,
                             clock->wall_ms(clock->ctx));
    d->vain = false;
    store_txn_device(r->txn, d);
    h->stats.devices_created++;
    struct made_device *m = arena_new(&r->arena, struct made_device);
    *m = (struct made_device){r->made, d};
    r->made = m;
    return d;
}

// Another run may have come to need them, and written them, meanwhile.
static void give_up_made(struct hub_run *r)
{
    for (struct made_device *m = r->made; m; m = m->next)
        m->device->vain = !m->device->durable;
    r->made = NULL;
}

static void drop_pending(struct hub_run *r)
{
    give_up_made(r);
    if (r->delayed)
        delays_settle(r->hub->delays, r->delayed, false);
    if (r->replies)
        asks_settle(r->hub->asks, r->replies, false);
    shared_changes_settle(r->hub, r->shared_changes, false);
    r->delayed = NULL;
    r->replies = NULL;
    r->shared_changes = NULL;
}

static void free_own(struct hub_run *r)
{
    engine_end(r);
    run_writes_free(r);
    arena_free(&r->arena);
}

void hub_run_commit(struct hub_run *r, void (*cb)(void *ctx, int status), void *ctx)
{
    require(r->pending == 0);
    struct commit *c = mem_new(struct commit);
    c->hub = r->hub;
    c->cb = cb;
    c->ctx = ctx;
    c->n_outbox = r->n_outbox;
    memcpy(c->outbox, r->outbox, sizeof c->outbox);
    c->delayed = r->delayed;
    c->replies = r->replies;
    c->shared_changes = r->shared_changes;
    r->delayed = NULL;
    r->replies = NULL;
    r->shared_changes = NULL;
    free_own(r);
    struct store_txn *txn = r->txn;
    r->txn = NULL;
    store_commit(r->hub->o.store, txn, on_committed, c);
}

void hub_run_drop_effects(struct hub_run *r)
{
    store_txn_free(r->txn);
    r->txn = store_txn_new(r->hub->o.store);
    r->n_outbox = 0;
    run_writes_free(r);
    drop_pending(r);
}

void hub_run_abort(struct hub_run *r)
{
    require(r->pending == 0);
    store_txn_free(r->txn);
    r->txn = NULL;
    drop_pending(r);
    free_own(r);
}
