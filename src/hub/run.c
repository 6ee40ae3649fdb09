// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "hub/asks.h"
#include "hub/delays.h"
#include "hub/run_writes.h"
#include "hub/shared_changes.h"

// A run's life: begin, messages, finish, then commit or abort. `pending` counts the nodes that wait
// for a script, plus one until finish is called.

void hub_run_begin(struct hub *h, struct hub_run *r)
{
    r->hub = h;
    r->txn = store_txn_new(h->o.store);
    r->arena = (struct arena){0};
    r->pending = 1;
    r->finishing = false;
    r->frames = NULL;
    r->writes = NULL;
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

static void drop_pending(struct hub_run *r)
{
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
