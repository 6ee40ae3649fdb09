// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "codec/json_out.h"
#include "hub/hub_internal.h"
#include "hub/polls.h"
#include "hub/run_writes.h"
#include "hub/shared_changes.h"
#include "hub/tokens.h"

// Changes that people make by REST: what is saved and what the rule chain makes of it become
// durable together, and only then is the caller told. A downlink that the outbox has no room for,
// and that the chain has no Failure connection for, refuses the whole change.

struct change {
    struct hub_run run;
    struct hub *hub;
    struct store_device *makes; // it is in the directory already
    struct token *token;        // of that; NULL = it gets none
    struct buf token_doc;
    struct store_device *deletes;
    struct store_device *updates; // with these, when they are durable
    struct span label;            // owned
    struct uuid profile;
    void (*cb)(void *ctx, int status);
    void *ctx;
};

static struct change *begin(struct hub *h, void (*cb)(void *ctx, int status), void *ctx)
{
    struct change *c = mem_new(struct change);
    c->cb = cb;
    c->ctx = ctx;
    c->hub = h;
    hub_run_begin(h, &c->run);
    return c;
}

static void forget(struct hub *h, struct store_device *d)
{
    tokens_forget(h->tokens, d->uuid);
    for (int what = 0; what < HUB_POLL_FOR_COUNT; what++)
        polls_tell(h->polls, d, what, SPAN_NONE);
}

static void on_durable(void *ctx, int status)
{
    struct change *c = ctx;
    if (c->updates && status == 0)
        store_set_device(c->hub->o.store, c->updates, c->label, c->profile);
    // It is gone from the directory, or it is there again.
    if (c->deletes && status == 0)
        forget(c->hub, c->deletes);
    if (c->deletes)
        c->deletes->hidden = false;
    if (c->token)
        tokens_settle(c->hub->tokens, c->token, status == 0);
    buf_free(&c->token_doc);
    mem_free((char *)c->label.p);
    if (c->cb)
        c->cb(c->ctx, status);
    mem_free(c);
}

static void on_refused(void *ctx, int status)
{
    on_durable(ctx, status < 0 ? status : ERR_BUSY);
}

static void on_canceled(void *ctx, int status)
{
    (void)status;
    on_durable(ctx, ERR_CANCELED);
}

static void delete_device(struct change *c)
{
    tokens_delete(c->hub->tokens, c->run.txn, c->deletes);
    store_txn_delete_device(c->run.txn, c->deletes);
}

// What is beside the run's effects.
static void add_own(struct change *c)
{
    if (c->deletes)
        delete_device(c);
    if (c->token)
        store_txn_put_doc(c->run.txn, STORE_CREDENTIALS, c->makes->uuid, SPAN(""),
                          buf_span(&c->token_doc));
}

static void on_run_done(struct hub_run *r)
{
    struct change *c = container_of(r, struct change, run);
    bool refused = r->refused && r->failures > 0 && !c->makes;
    // The commit of nothing still answers later, as promised.
    if (r->canceled || refused)
        hub_run_drop_effects(r);
    else
        add_own(c);
    hub_run_commit(r, r->canceled ? on_canceled : refused ? on_refused : on_durable, c);
}

static void end(struct change *c)
{
    c->run.done = on_run_done;
    if (hub_run_finish(&c->run))
        on_run_done(&c->run);
}

// userId, userName, userEmail as in facts/hub.md section 4.3.
static struct convert_pairs user_metadata(struct arena *a, const struct hub_user *user)
{
    if (!user)
        return (struct convert_pairs){0};
    char id[UUID_TEXT_LEN + 1];
    uuid_format(user->id, id);
    struct convert_pair *p = arena_array(a, struct convert_pair, 3);
    p[0] = (struct convert_pair){SPAN("userId"), arena_span(a, span_str(id))};
    p[1] = (struct convert_pair){SPAN("userName"), arena_span(a, user->name)};
    p[2] = (struct convert_pair){SPAN("userEmail"), arena_span(a, user->email)};
    return (struct convert_pairs){p, 3};
}

// The same, and what the entity is called.
static struct convert_pairs entity_metadata(struct arena *a, const struct hub_user *user,
                                            const struct store_device *d)
{
    struct convert_pairs by = user_metadata(a, user);
    struct convert_pair *p = arena_array(a, struct convert_pair, by.n + 2);
    if (by.n)
        memcpy(p, by.p, by.n * sizeof *p);
    p[by.n] = (struct convert_pair){SPAN("entityName"), d->name};
    p[by.n + 1] =
        (struct convert_pair){SPAN("entityType"), d->is_asset ? SPAN("ASSET") : SPAN("DEVICE")};
    return (struct convert_pairs){p, by.n + 2};
}

void hub_save_attributes(struct hub *h, struct store_device *d, enum store_scope scope,
                         const struct kv *kv, size_t n, const struct hub_user *user,
                         void (*cb)(void *ctx, int status), void *ctx)
{
    struct change *c = begin(h, cb, ctx);
    int64_t now_ms = loop_wall_ms(h->o.loop);
    for (size_t i = 0; i < n; i++) {
        run_put_attribute(&c->run, d, scope, &kv[i], now_ms, false);
    }
    if (scope == STORE_SHARED)
        shared_changes_save(&c->run, d, kv, n);
    struct hub_msg m = {.type = RULE_MSG_ATTRIBUTES_UPDATED,
                        .originator = d,
                        .ts_ms = now_ms,
                        .metadata = user_metadata(&c->run.arena, user),
                        .attributes = kv,
                        .n_attributes = (uint32_t)n,
                        .scope = scope};
    hub_run_message(&c->run, &m);
    end(c);
}

void hub_delete_attributes(struct hub *h, struct store_device *d, enum store_scope scope,
                           const struct span *keys, size_t n, const struct hub_user *user,
                           void (*cb)(void *ctx, int status), void *ctx)
{
    struct change *c = begin(h, cb, ctx);
    struct kv *kv = arena_zalloc(&c->run.arena, n * sizeof *kv);
    for (size_t i = 0; i < n; i++) {
        run_delete_attribute(&c->run, d, scope, keys[i]);
        kv[i].key = arena_span(&c->run.arena, keys[i]);
    }
    if (scope == STORE_SHARED)
        shared_changes_delete(&c->run, d, keys, n);
    struct hub_msg m = {.type = RULE_MSG_ATTRIBUTES_DELETED,
                        .originator = d,
                        .ts_ms = loop_wall_ms(h->o.loop),
                        .metadata = user_metadata(&c->run.arena, user),
                        .attributes = kv,
                        .n_attributes = (uint32_t)n,
                        .scope = scope};
    hub_run_message(&c->run, &m);
    end(c);
}

void hub_save_telemetry(struct hub *h, struct store_device *d, const struct kv_group *groups,
                        size_t n, const struct hub_user *user, void (*cb)(void *ctx, int status),
                        void *ctx)
{
    struct change *c = begin(h, cb, ctx);
    int64_t now_ms = loop_wall_ms(h->o.loop);
    struct convert_pairs metadata = user_metadata(&c->run.arena, user);
    for (size_t i = 0; i < n; i++) {
        struct kv_group g = groups[i];
        if (g.ts_ms == 0)
            g.ts_ms = now_ms;
        run_put_points(&c->run, d, g.ts_ms, g.kv, g.n);
        struct hub_msg m = {.type = RULE_MSG_TIMESERIES_UPDATED,
                            .originator = d,
                            .ts_ms = now_ms,
                            .metadata = metadata,
                            .telemetry = &g};
        hub_run_message(&c->run, &m);
    }
    end(c);
}

void hub_post_telemetry(struct hub *h, struct store_device *d, const struct kv_group *groups,
                        size_t n, void (*cb)(void *ctx, int status), void *ctx)
{
    struct change *c = begin(h, cb, ctx);
    int64_t now_ms = loop_wall_ms(h->o.loop);
    for (size_t i = 0; i < n; i++) {
        struct kv_group g = groups[i];
        if (g.ts_ms == 0)
            g.ts_ms = now_ms;
        struct hub_msg m = {.type = RULE_MSG_POST_TELEMETRY_REQUEST,
                            .originator = d,
                            .ts_ms = now_ms,
                            .telemetry = &g};
        if (g.n)
            hub_run_message(&c->run, &m);
    }
    end(c);
}

void hub_post_attributes(struct hub *h, struct store_device *d, const struct kv *kv, size_t n,
                         void (*cb)(void *ctx, int status), void *ctx)
{
    struct change *c = begin(h, cb, ctx);
    struct hub_msg m = {.type = RULE_MSG_POST_ATTRIBUTES_REQUEST,
                        .originator = d,
                        .ts_ms = loop_wall_ms(h->o.loop),
                        .attributes = kv,
                        .n_attributes = (uint32_t)n};
    if (n)
        hub_run_message(&c->run, &m);
    end(c);
}

struct store_device *hub_create_device(struct hub *h, struct span name, struct span type,
                                       struct span label, struct span token,
                                       const struct hub_user *user,
                                       void (*cb)(void *ctx, int status), void *ctx, struct err *e)
{
    if (hub_check_device_name(name, e) < 0 || (token.n && hub_check_token(h, NULL, token, e) < 0))
        return NULL;
    if (type.n > HUB_NAME_MAX_BYTES || label.n > HUB_NAME_MAX_BYTES) {
        err_set(e, ERR_LIMIT, "type and label have at most %d bytes", HUB_NAME_MAX_BYTES);
        return NULL;
    }
    if (hub_device_named(h, name, false)) {
        err_set(e, ERR_EXISTS, "Device with such name already exists!");
        return NULL;
    }
    struct change *c = begin(h, cb, ctx);
    struct store_device *d = run_make_device(&c->run, name, type, label, false);
    c->makes = d;
    if (token.n)
        c->token = tokens_claim(h->tokens, d, token, &c->token_doc);
    struct hub_msg m = {.type = RULE_MSG_ENTITY_CREATED,
                        .originator = d,
                        .ts_ms = loop_wall_ms(h->o.loop),
                        .metadata = entity_metadata(&c->run.arena, user, d)};
    hub_run_message(&c->run, &m);
    end(c);
    return d;
}

static struct span device_json(struct hub_run *r, const struct store_device_out *d)
{
    struct buf b = {0};
    struct json_out j = {.out = &b};
    hub_write_device(r->hub, d, &j);
    struct span s = arena_span(&r->arena, buf_span(&b));
    buf_free(&b);
    return s;
}

// The device of this message is as *out says.
static void tell_of_device(struct change *c, enum rule_msg_type type, struct store_device *d,
                           const struct hub_user *user, const struct store_device_out *out)
{
    struct hub_msg m = {.type = type,
                        .originator = d,
                        .ts_ms = loop_wall_ms(c->run.hub->o.loop),
                        .metadata = entity_metadata(&c->run.arena, user, d),
                        .json = device_json(&c->run, out)};
    hub_run_message(&c->run, &m);
}

int hub_update_device(struct hub *h, struct store_device *d, struct span type, struct span label,
                      const struct hub_user *user, void (*cb)(void *ctx, int status), void *ctx,
                      struct err *e)
{
    if (type.n > HUB_NAME_MAX_BYTES || label.n > HUB_NAME_MAX_BYTES)
        return err_set(e, ERR_LIMIT, "type and label have at most %d bytes", HUB_NAME_MAX_BYTES);
    struct change *c = begin(h, cb, ctx);
    c->updates = d;
    c->label = span_of(mem_strndup(label.p ? label.p : "", label.n), label.n);
    c->profile = hub_profile_for(h, type);
    store_txn_update_device(c->run.txn, d, c->label, c->profile);
    struct store_device_out out = hub_device_out(d);
    out.label = c->label;
    out.profile = c->profile;
    tell_of_device(c, RULE_MSG_ENTITY_UPDATED, d, user, &out);
    end(c);
    return 0;
}

void hub_delete_device(struct hub *h, struct store_device *d, const struct hub_user *user,
                       void (*cb)(void *ctx, int status), void *ctx)
{
    struct change *c = begin(h, cb, ctx);
    struct store_device_out out = hub_device_out(d);
    c->deletes = d;
    d->hidden = true;
    tell_of_device(c, RULE_MSG_ENTITY_DELETED, d, user, &out);
    end(c);
}
