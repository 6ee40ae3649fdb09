// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "bridge/check.h"
#include "bridge/integration.h"

struct integration *bridge_find(struct bridge *b, struct uuid id)
{
    list_for(it, &b->integrations)
    {
        struct integration *in = container_of(it, struct integration, link);
        if (uuid_eq(in->id, id) && !in->removed)
            return in;
    }
    return NULL;
}

static void on_live_settled(struct uplink *up)
{
    integration_maybe_stopped(up->in);
}

static struct integration *add_integration(struct bridge *b, const struct entity *e)
{
    struct integration *in = mem_new(struct integration);
    in->bridge = b;
    in->id = e->id;
    in->wanted = json_get_bool(e->doc, "enabled", true);
    uplink_init(&in->live, in, on_live_settled);
    list_init(&in->hooks);
    list_push(&b->integrations, &in->link);
    struct err ignored = {0};
    // For its name in the status; start reports what is wrong.
    (void)integration_config_read(e->doc, &in->config, &ignored);
    return in;
}

static void on_integration_saved(void *ctx, struct entity *e, bool created)
{
    struct bridge *b = ctx;
    struct integration *in = created ? add_integration(b, e) : bridge_find(b, e->id);
    if (!in)
        return;
    in->wanted = json_get_bool(e->doc, "enabled", true);
    in->start_error[0] = '\0';
    if (b->draining)
        return;
    if (in->phase == PHASE_RUNNING)
        integration_stop(in); // starts again when stopped, if wanted
    else if (in->phase == PHASE_OFF && in->wanted)
        integration_start(in);
}

static void on_integration_removing(void *ctx, struct entity *e)
{
    struct integration *in = bridge_find(ctx, e->id);
    if (!in)
        return;
    in->wanted = false;
    in->removing = true;
    integration_stop(in);
}

static void on_integration_removed(void *ctx, struct entity *e)
{
    struct integration *in = bridge_find(ctx, e->id);
    if (!in)
        return;
    in->removed = true;
    if (in->phase == PHASE_OFF) {
        // The same way out as a running one, so that it is freed in one place only.
        outbox_init(&in->outbox, in);
        downlinks_init(&in->downlinks, in);
        in->phase = PHASE_RUNNING;
    }
    integration_stop(in);
}

// Edits of a converter apply at once to all that use it.
static void on_converter_saved(void *ctx, struct entity *e, bool created)
{
    struct bridge *b = ctx;
    (void)created;
    list_for_safe(it, &b->integrations)
    {
        struct integration *in = container_of(it, struct integration, link);
        bool uses =
            uuid_eq(in->uplink_id, e->id) || (in->has_downlink && uuid_eq(in->downlink_id, e->id));
        if (in->removed || b->draining || !uses)
            continue;
        in->start_error[0] = '\0';
        if (in->phase == PHASE_RUNNING)
            integration_reload_scripts(in);
        else if (in->phase == PHASE_OFF && in->wanted)
            integration_start(in);
    }
}

static const struct registry_observer integration_observer = {.on_saved = on_integration_saved,
                                                              .on_removed = on_integration_removed,
                                                              .on_removing =
                                                                  on_integration_removing};
static const struct registry_observer converter_observer = {.on_saved = on_converter_saved};

// One that is off has no outbox; when it starts, it looks by itself.
static void kick(struct integration *in)
{
    if (in->phase == PHASE_RUNNING)
        outbox_kick(&in->outbox);
}

static void on_queued(void *ctx, const struct uuid *ids, size_t n)
{
    struct bridge *b = ctx;
    if (n == 0) {
        list_for(it, &b->integrations)
        {
            kick(container_of(it, struct integration, link));
        }
    }
    for (size_t i = 0; i < n; i++) {
        struct integration *in = bridge_find(b, ids[i]);
        if (in)
            kick(in);
    }
}

static void on_rest_idle(void *ctx)
{
    bridge_maybe_done(ctx);
}

int bridge_new(const struct bridge_options *o, struct bridge **out, struct err *e)
{
    struct bridge *b = mem_new(struct bridge);
    (void)e;
    b->o = *o;
    list_init(&b->integrations);
    list_init(&b->checks);
    b->look_timer.fire = status_on_timer;
    struct registry *r = hub_registry(o->hub);
    for (struct entity *in = NULL; (in = registry_next(r, STORE_INTEGRATION, in));)
        add_integration(b, in);
    registry_observe(r, STORE_INTEGRATION, &integration_observer, b);
    registry_observe(r, STORE_CONVERTER, &converter_observer, b);
    struct hub_downlink_sink sink = {b, downlink_submit, on_queued};
    hub_set_sink(o->hub, &sink);
    b->rest = rest_calls_new(o->loop, o->http, on_rest_idle, b);
    struct hub_rest_sink rest = {b->rest, rest_call_submit};
    hub_set_rest_sink(o->hub, &rest);
    *out = b;
    return 0;
}

void bridge_start(struct bridge *b)
{
    list_for_safe(it, &b->integrations)
    {
        struct integration *in = container_of(it, struct integration, link);
        if (in->wanted && in->phase == PHASE_OFF)
            integration_start(in);
    }
    // Not sooner: one that has not been started yet would look as if it had failed.
    status_on_timer(&b->look_timer);
}

static bool all_off(const struct bridge *b)
{
    list_for(it, &b->integrations)
    {
        if (container_of(it, struct integration, link)->phase != PHASE_OFF)
            return false;
    }
    return true;
}

static void tell_drained(struct loop_task *t)
{
    struct bridge *b = container_of(t, struct bridge, drained_task);
    void (*cb)(void *ctx) = b->drained;
    b->drained = NULL;
    cb(b->drained_ctx);
}

static void free_bridge(struct loop_task *t)
{
    struct bridge *b = container_of(t, struct bridge, closed_task);
    void (*cb)(void *ctx) = b->closed;
    void *ctx = b->closed_ctx;
    struct hub_downlink_sink none = {0};
    struct hub_rest_sink no_rest = {0};
    hub_set_sink(b->o.hub, &none);
    hub_set_rest_sink(b->o.hub, &no_rest);
    rest_calls_free(b->rest);
    registry_observe(hub_registry(b->o.hub), STORE_INTEGRATION, NULL, NULL);
    registry_observe(hub_registry(b->o.hub), STORE_CONVERTER, NULL, NULL);
    list_for_safe(it, &b->integrations)
    {
        struct integration *in = container_of(it, struct integration, link);
        integration_config_free(&in->config);
        arena_free(&in->update_arena);
        replay_free(in->replay);
        mem_free(in);
    }
    mem_free(b);
    cb(ctx);
}

void bridge_maybe_done(struct bridge *b)
{
    if (!b->draining || !all_off(b))
        return;
    if (b->drained && !list_linked(&b->drained_task.link))
        loop_post(b->o.loop, &b->drained_task);
    if (b->closed && list_empty(&b->checks) && rest_calls_idle(b->rest) &&
        !list_linked(&b->closed_task.link))
        loop_post(b->o.loop, &b->closed_task);
}

static void stop_all(struct bridge *b)
{
    b->draining = true;
    timer_stop(&b->look_timer);
    list_for_safe(it, &b->integrations)
    {
        integration_stop(container_of(it, struct integration, link));
    }
}

void bridge_drain(struct bridge *b, void (*cb)(void *ctx), void *ctx)
{
    b->drained = cb;
    b->drained_ctx = ctx;
    b->drained_task.run = tell_drained;
    stop_all(b);
    bridge_maybe_done(b);
}

void bridge_close(struct bridge *b, void (*cb)(void *ctx), void *ctx)
{
    b->closed = cb;
    b->closed_ctx = ctx;
    b->closed_task.run = free_bridge;
    stop_all(b);
    check_cancel_all(b);
    rest_calls_stop(b->rest);
    bridge_maybe_done(b);
}

static int open_secrets(const struct bridge_options *o, const struct integration_config *c,
                        struct arena *a, struct sigv4_credentials *keys, struct err *e)
{
    const struct secrets *s = o->hub ? hub_secrets(o->hub) : NULL;
    keys->access_key_id = c->access_key_id;
    if (secrets_open(s, c->id, SPAN("secretAccessKey"), c->secret_access_key, a,
                     &keys->secret_access_key, e) < 0)
        return e->code;
    return secrets_open(s, c->id, SPAN("sessionToken"), c->session_token, a, &keys->session_token,
                        e);
}

static int new_credentials(const struct bridge_options *o, const struct integration_config *c,
                           struct span region, struct credentials_provider **out, struct err *e)
{
    struct arena a = {0};
    struct credentials_options co = {.loop = o->loop,
                                     .pool = o->jobs,
                                     .http = o->http,
                                     .instance_metadata = c->instance_metadata,
                                     .region = region,
                                     .role_arn = c->role_arn,
                                     .role_external_id = c->external_id,
                                     .role_session_name = c->role_session_name};
    // With the metadata service keys do not count: facts/hub.md section 1.1.
    int status = c->instance_metadata ? 0 : open_secrets(o, c, &a, &co.keys, e);
    if (status == 0)
        *out = credentials_new(&co);
    arena_free_wiped(&a);
    return status;
}

int bridge_connect(const struct bridge_options *o, const struct integration_config *c,
                   struct credentials_provider **credentials, struct kinesis **kinesis,
                   struct err *e)
{
    struct span region = c->region.n ? c->region : o->region;
    if (region.n == 0)
        return err_set(e, ERR_CONFIG, "region: not set (clientConfiguration.region or AWS_REGION)");
    if (new_credentials(o, c, region, credentials, e) < 0)
        return e->code;
    struct kinesis_options k = {
        .aws = {.loop = o->loop,
                .http = o->http,
                .credentials = *credentials,
                .region = region,
                .endpoint = c->endpoint.n ? c->endpoint : o->endpoint,
                .fips = o->fips,
                .dual_stack = o->dual_stack,
                .max_attempts = o->max_attempts,
                .request_ms = c->request_ms},
    };
    int status = kinesis_new(&k, kinesis, e);
    if (status < 0) {
        credentials_free(*credentials);
        *credentials = NULL;
    }
    return status;
}
