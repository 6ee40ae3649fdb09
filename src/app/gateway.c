// SPDX-License-Identifier: Apache-2.0
#include "app/gateway.h"

#include <stdlib.h>

#include "api/api.h"
#include "app/config_aws.h"
#include "app/provision.h"
#include "app/version.h"
#include "base/mem.h"

#define JOB_THREADS 2
#define JOB_QUEUE 256
#define GRACE_MS 2000
#define DAY_MS INT64_C(86400000)

enum stage { STAGE_NEW, STAGE_PROVISION, STAGE_READY, STAGE_STOPPING };

struct reload {
    struct worker_job job;
    struct gateway *gateway;
    char *path;
    struct config *config;
    struct err err;
};

struct gateway {
    struct loop *loop;
    struct config *config;
    const struct gateway_events *ev;
    void *ctx;
    enum stage stage;
    struct budget budget;
    struct secrets *secrets;
    struct store *store;
    struct worker_pool *jobs;
    struct convert_pool *convert;
    struct hub *hub;
    struct http_client *http;
    struct bridge *bridge;
    struct api *api;
    bool provisioning, reloading;
    bool drained;
    struct timer deadline;
    void (*stopped)(void *ctx);
    void *stopped_ctx;
};

static size_t budget_reserve(const struct config *c)
{
    // Room for one largest reply (10 MiB and its envelope), or half of a small budget.
    const size_t largest = 11 * 1024 * 1024;
    size_t half = (size_t)c->inflight / 2;
    return largest < half ? largest : half;
}

// The variable is neither for programs that are started (credential_process) nor for those who read
// this one's environment.
static int load_secrets(struct gateway *g, const char *dir, struct err *e)
{
    char *key = getenv(SECRET_KEY_VARIABLE);
    int status = secrets_new(dir, key, loop_clock(g->loop), &g->secrets, e);
    if (key) {
        mem_wipe(key, strlen(key));
        unsetenv(SECRET_KEY_VARIABLE);
    }
    return status;
}

static int make_store(struct gateway *g, struct err *e)
{
    const struct config *c = g->config;
    const char *dir = arena_cstr(&g->config->arena, c->data);
    if (load_secrets(g, dir, e) < 0)
        return e->code;
    struct store_options o = {.dir = dir,
                              .filter = secrets_filter,
                              .filter_ctx = g->secrets,
                              .head_bytes = (size_t)c->head_bytes,
                              .head_age_ms = c->head_age_ms,
                              .synchronous_normal = c->synchronous_normal,
                              .outbox_rows = c->outbox_rows,
                              .outbox_bytes = c->outbox_bytes,
                              .commit_interval_ms = c->commit_interval_ms,
                              .dead_rows_max = c->dead_letters,
                              .dead_age_ms = c->dead_letter_days * DAY_MS};
    int status = store_open(g->loop, &o, &g->store, e);
    return status < 0 ? status : secrets_ensure_key(g->secrets, e);
}

static int make_pools(struct gateway *g, struct err *e)
{
    const struct config *c = g->config;
    struct worker_options jobs = {.name = "job", .threads = JOB_THREADS, .queue_max = JOB_QUEUE};
    struct convert_options o = {.workers = (unsigned)c->workers,
                                .queue_max = (size_t)c->queue_max,
                                .time_limit_ms = c->time_limit_ms,
                                .memory_limit = (size_t)c->memory_limit,
                                .cast_strings = c->cast_strings};
    int status = worker_pool_new(g->loop, &jobs, &g->jobs);
    if (status == 0)
        status = convert_pool_new(g->loop, &o, &g->convert);
    if (status < 0)
        return err_set(e, status, "cannot start worker threads: %s", err_text(status));
    return 0;
}

static int make_http(struct gateway *g, struct err *e)
{
    struct config *c = g->config;
    struct http_client_options o = config_http_options(c);
    return http_client_new(g->loop, &o, &g->http, e);
}

static int make_bridge(struct gateway *g, struct err *e)
{
    const struct config *c = g->config;
    struct bridge_options o = {.loop = g->loop,
                               .hub = g->hub,
                               .http = g->http,
                               .jobs = g->jobs,
                               .budget = &g->budget,
                               .region = c->aws_region,
                               .endpoint = c->aws_endpoint,
                               .fips = c->aws_fips,
                               .dual_stack = c->aws_dual_stack,
                               .max_attempts = (int)c->aws_max_attempts,
                               .poll_ms = c->poll_ms,
                               .downlink_ttl_ms = c->downlink_days * DAY_MS,
                               .get_records_per_second = (int)c->get_records_per_second,
                               .put_records_per_second = c->put_records_per_second,
                               .put_bytes_per_second = c->put_bytes_per_second};
    return bridge_new(&o, &g->bridge, e);
}

static bool is_ready(void *ctx)
{
    struct gateway *g = ctx;
    return g->stage == STAGE_READY;
}

static int make_api(struct gateway *g, struct err *e)
{
    struct config *c = g->config;
    struct api_user *users = arena_array(&c->arena, struct api_user, c->n_users);
    for (size_t i = 0; i < c->n_users; i++) {
        users[i] =
            (struct api_user){c->users[i].email, c->users[i].password, c->users[i].authority};
    }
    struct api_options o = {
        .loop = g->loop,
        .hub = g->hub,
        .bridge = g->bridge,
        .jobs = g->jobs,
        .budget = &g->budget,
        .users = users,
        .n_users = c->n_users,
        .http = {.host = c->http_host,
                 .port = c->http_port,
                 .tls_cert = c->http_cert.n ? arena_cstr(&c->arena, c->http_cert) : NULL,
                 .tls_key = c->http_key.n ? arena_cstr(&c->arena, c->http_key) : NULL,
                 .max_body = (size_t)c->http_max_body,
                 .max_connections = (size_t)c->http_max_connections},
        .version = PENSTOCK_VERSION,
        .ready = is_ready,
        .ctx = g,
    };
    if (c->n_users == 0)
        log_warn("app", "no users are configured: nobody can log in");
    return api_new(&o, &g->api, e);
}

static int make_hub(struct gateway *g, struct err *e)
{
    struct hub_options o = {.loop = g->loop,
                            .secrets = g->secrets,
                            .store = g->store,
                            .convert = g->convert,
                            .cast_strings = g->config->cast_strings};
    return hub_new(&o, &g->hub, e);
}

static int make_parts(struct gateway *g, struct err *e)
{
    if (make_store(g, e) < 0 || make_pools(g, e) < 0 || make_hub(g, e) < 0 || make_http(g, e) < 0 ||
        make_bridge(g, e) < 0 || make_api(g, e) < 0)
        return e->code;
    return 0;
}

static void close_next(struct gateway *g);

int gateway_new(struct loop *l, struct config *config, const struct gateway_events *ev, void *ctx,
                struct gateway **out, struct err *e)
{
    struct gateway *g = mem_new(struct gateway);
    g->loop = l;
    g->config = config;
    g->ev = ev;
    g->ctx = ctx;
    budget_init(&g->budget, (size_t)config->inflight, budget_reserve(config));
    int status = make_parts(g, e);
    if (status < 0) {
        g->stage = STAGE_STOPPING;
        g->drained = true;
        g->config = NULL;
        close_next(g);
        return status;
    }
    *out = g;
    return 0;
}

static void on_provisioned(void *ctx, int status, const struct err *e)
{
    struct gateway *g = ctx;
    g->provisioning = false;
    if (g->stage == STAGE_STOPPING) {
        close_next(g);
        return;
    }
    config_forget_secrets(g->config);
    if (status == 0) {
        bridge_start(g->bridge);
        g->stage = STAGE_READY;
    }
    g->ev->on_ready(g->ctx, status, e);
}

void gateway_start(struct gateway *g)
{
    g->stage = STAGE_PROVISION;
    g->provisioning = true;
    provision_start(g->hub, g->bridge, g->config, on_provisioned, g);
}

uint16_t gateway_port(const struct gateway *g)
{
    return api_port(g->api);
}

struct hub *gateway_hub(struct gateway *g)
{
    return g->hub;
}

const struct config *gateway_config(const struct gateway *g)
{
    return g->config;
}

static void on_reprovisioned(void *ctx, int status, const struct err *e)
{
    struct reload *r = ctx;
    struct gateway *g = r->gateway;
    if (status < 0)
        log_error("app", "configuration not applied whole", "error=\"%s\"", e->msg);
    else
        log_info("app", "configuration reloaded");
    config_free(r->config);
    mem_free(r->path);
    mem_free(r);
    g->reloading = false;
    if (g->stage == STAGE_STOPPING)
        close_next(g);
}

static void apply_users(struct gateway *g, const struct config *c)
{
    struct api_user *users = mem_alloc_array(c->n_users + 1, sizeof *users);
    for (size_t i = 0; i < c->n_users; i++) {
        users[i] =
            (struct api_user){c->users[i].email, c->users[i].password, c->users[i].authority};
    }
    api_set_users(g->api, users, c->n_users);
    mem_free(users);
}

static void load_again(struct worker_job *job, void *thread)
{
    struct reload *r = container_of(job, struct reload, job);
    (void)thread;
    config_load(r->path, NULL, NULL, &r->config, &r->err);
}

static void on_loaded(struct worker_job *job)
{
    struct reload *r = container_of(job, struct reload, job);
    struct gateway *g = r->gateway;
    struct err stopped = {.msg = "shutting down"};
    if (!r->config || g->stage == STAGE_STOPPING) {
        on_reprovisioned(r, ERR_CONFIG, r->config ? &stopped : &r->err);
        return;
    }
    log_set_level(r->config->log_level);
    apply_users(g, r->config);
    if (config_needs_restart(g->config, r->config))
        log_warn("app", "some changed settings take effect at the next start");
    provision_start(g->hub, g->bridge, r->config, on_reprovisioned, r);
}

void gateway_reload(struct gateway *g, const char *path)
{
    if (g->stage != STAGE_READY || g->reloading)
        return;
    struct reload *r = mem_new(struct reload);
    r->gateway = g;
    r->path = mem_strndup(path, strlen(path));
    r->job.run = load_again;
    r->job.done = on_loaded;
    g->reloading = true;
    if (worker_pool_submit(g->jobs, &r->job) < 0) {
        err_set(&r->err, ERR_BUSY, "too busy, send the signal again");
        on_reprovisioned(r, ERR_BUSY, &r->err);
    }
}

#define PART_CLOSED(part)                                                                          \
    static void on_##part##_closed(void *ctx)                                                      \
    {                                                                                              \
        struct gateway *g = ctx;                                                                   \
        g->part = NULL;                                                                            \
        close_next(g);                                                                             \
    }
PART_CLOSED(api)
PART_CLOSED(bridge)
PART_CLOSED(convert)
PART_CLOSED(store)
PART_CLOSED(http)
PART_CLOSED(jobs)
#undef PART_CLOSED

static void free_gateway(struct gateway *g)
{
    void (*cb)(void *ctx) = g->stopped;
    void *ctx = g->stopped_ctx;
    config_free(g->config);
    secrets_free(g->secrets);
    mem_free(g);
    if (cb)
        cb(ctx);
}

// The next part from the top; each one's callback comes back here.
static void close_next(struct gateway *g)
{
    if (!g->drained || g->provisioning || g->reloading)
        return;
    if (g->api) {
        api_close(g->api, GRACE_MS, on_api_closed, g);
    } else if (g->bridge) {
        bridge_close(g->bridge, on_bridge_closed, g);
    } else if (g->convert) {
        if (g->hub)
            hub_stop(g->hub);
        convert_pool_close(g->convert, on_convert_closed, g);
    } else if (g->store) {
        store_close(g->store, on_store_closed, g);
    } else if (g->hub) {
        hub_free(g->hub);
        g->hub = NULL;
        close_next(g);
    } else if (g->http) {
        http_client_close(g->http, on_http_closed, g);
    } else if (g->jobs) {
        worker_pool_close(g->jobs, on_jobs_closed, g);
    } else {
        free_gateway(g);
    }
}

static void leave_drain(struct gateway *g)
{
    if (g->drained)
        return;
    g->drained = true;
    timer_stop(&g->deadline);
    close_next(g);
}

static void on_drained(void *ctx)
{
    leave_drain(ctx);
}

static void on_deadline(struct timer *t)
{
    struct gateway *g = container_of(t, struct gateway, deadline);
    log_warn("app", "shutdown takes too long: what is left in flight is read again next time");
    store_stop_retrying(g->store);
    leave_drain(g);
}

void gateway_stop(struct gateway *g, void (*cb)(void *ctx), void *ctx)
{
    require(g->stage != STAGE_STOPPING);
    g->stage = STAGE_STOPPING;
    g->stopped = cb;
    g->stopped_ctx = ctx;
    g->deadline.fire = on_deadline;
    timer_start(g->loop, &g->deadline, g->config->shutdown_ms);
    hub_stop_calls(g->hub);
    api_drain(g->api);
    bridge_drain(g->bridge, on_drained, g);
}
