// SPDX-License-Identifier: Apache-2.0
#include "aws/credentials.h"

#include "aws/credentials_load.h"
#include "aws/credentials_value.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/worker.h"

// Happy path: get() queues the request and posts `pump`; pump answers all that wait from the cached
// value. Without a value it starts one search; its end pumps again. With one that ends soon, or
// whose files have changed, a search runs behind.

// Looks whether the files have changed.
struct check {
    struct worker_job job;
    struct credentials_provider *provider; // NULL when it was freed meanwhile
    struct credentials_files files;
    bool changed;
};

struct credentials_provider {
    struct loop *loop;
    struct worker_pool *pool; // NULL: static
    struct http_client *http;
    struct arena arena; // of the options' spans
    struct resolver_options o;
    struct credentials_value *keys;    // of the options, when a role is assumed with them
    struct credentials_open open_keys; // while a search runs
    struct list waiters;
    struct loop_task pump;
    struct credentials_value *value;
    struct credentials_schedule schedule;
    bool lasting; // of the metadata service
    char *origin, *trail;
    struct credentials_load *load; // at most one runs
    bool have_files;
    struct credentials_files files; // as the value's search saw them
    struct check *check;            // at most one runs
    int64_t checked_ms;
    bool files_changed; // a search is wanted
    // What a service refused last.
    bool dropped_any, dropped_while_loading;
    uint8_t dropped[SHA256_LEN];
    int64_t dropped_ms;
    int failures; // in a row
    int64_t retry_ms;
    bool failed; // `err` answers those that wait
    struct err err;
    int64_t sts_skew_ms;
    bool pumping, freed;
    struct log_limit log_limit;
};

void credentials_digest(const struct sigv4_credentials *c, uint8_t out[SHA256_LEN])
{
    struct sha256 h;
    sha256_begin(&h);
    sha256_add(&h, c->access_key_id);
    sha256_add(&h, SPAN("\n"));
    sha256_add(&h, c->secret_access_key);
    sha256_add(&h, SPAN("\n"));
    sha256_add(&h, c->session_token);
    sha256_end(&h, out);
}

// While pump() runs or is posted the memory is still needed; it ends there then.
static void destroy(struct credentials_provider *p)
{
    if (!p->pumping && !list_linked(&p->pump.link)) {
        credentials_value_free(p->value);
        credentials_value_free(p->keys);
        credentials_value_close(&p->open_keys);
        credentials_files_free(&p->files);
        arena_free_wiped(&p->arena);
        mem_free(p->origin);
        mem_free(p->trail);
        mem_free(p);
    }
}

static char *text_of(const struct buf *b)
{
    return mem_strndup(b->n ? b->p : "", b->n);
}

// Whether what was found is what a service has refused, by a search that began before it did.
static bool is_stale(struct credentials_provider *p, const struct sigv4_credentials *c)
{
    uint8_t digest[SHA256_LEN];
    bool while_loading = p->dropped_while_loading;
    p->dropped_while_loading = false;
    if (!while_loading) {
        return false;
    }
    credentials_digest(c, digest);
    return memcmp(digest, p->dropped, sizeof digest) == 0;
}

static bool may_log(struct credentials_provider *p)
{
    uint32_t held_back;
    return log_limit_pass(&p->log_limit, loop_now_ms(p->loop), 2, &held_back);
}

static void tell_found(struct credentials_provider *p, const char *before)
{
    if (p->schedule.ended_at_once && may_log(p)) {
        log_warn("aws",
                 "credentials had ended when they came; used all the same. Is a clock wrong?",
                 "source=\"%s\"", p->origin);
    } else if (!before || strcmp(before, p->origin) != 0) {
        log_info("aws", "using credentials", "source=\"%s\"", p->origin);
    }
}

static void take_value(struct credentials_provider *p, const struct source_value *v,
                       const struct resolver *r)
{
    char *before = p->origin;
    int64_t now = loop_now_ms(p->loop);
    p->lasting = r->from_instance && r->next_role <= 1;
    p->schedule = credentials_schedule(v, p->lasting, loop_wall_ms(p->loop), now,
                                       clock_random_unit(loop_clock(p->loop)));
    credentials_value_free(p->value);
    p->value = credentials_value_new(&v->c, loop_clock(p->loop));
    p->origin = text_of(&r->origin);
    mem_free(p->trail);
    p->trail = text_of(&r->trail);
    p->failures = 0;
    p->err = (struct err){0};
    tell_found(p, before);
    mem_free(before);
}

static bool value_serves(const struct credentials_provider *p)
{
    return p->value && (!p->schedule.ends || loop_now_ms(p->loop) < p->schedule.end_ms);
}

// A failure leaves the known credentials in use: they may well be good still.
static void take_failure(struct credentials_provider *p, const struct err *e)
{
    double unit = clock_random_unit(loop_clock(p->loop));
    p->failures++;
    p->retry_ms = loop_now_ms(p->loop) + credentials_retry_after_ms(p->failures, p->lasting, unit);
    p->err = *e;
    if (!value_serves(p)) {
        p->failed = true;
    } else if (may_log(p)) {
        log_warn("aws", "cannot refresh AWS credentials; using the old ones", "error=\"%s\"",
                 e->msg);
    }
}

static void pump(struct credentials_provider *p);

static void on_loaded(void *ctx, const struct source_step *end, const struct resolver *r,
                      struct credentials_files *files)
{
    struct credentials_provider *p = ctx;
    p->load = NULL;
    p->files_changed = false;
    p->checked_ms = loop_now_ms(p->loop);
    if (files) {
        credentials_files_free(&p->files);
        p->files = *files;
        *files = (struct credentials_files){0};
        // The values that point into it live as long as the search: it is for the stamps only.
        p->have_files = true;
    }
    if (end->want == SOURCE_FAILED) {
        p->dropped_while_loading = false;
        take_failure(p, &end->err);
    } else if (!is_stale(p, &end->value.c)) {
        take_value(p, &end->value, r);
    }
    arena_free_wiped(&p->files.arena);
    p->files.list = NULL;
    credentials_value_close(&p->open_keys);
    p->o.keys = (struct sigv4_credentials){0};
    pump(p);
}

static void load_start(struct credentials_provider *p)
{
    struct credentials_load_options o = {.loop = p->loop,
                                         .pool = p->pool,
                                         .http = p->http,
                                         .resolver = &p->o,
                                         .sts_skew_ms = &p->sts_skew_ms,
                                         .done = on_loaded,
                                         .ctx = p};
    if (p->keys) {
        credentials_value_open(p->keys, &p->open_keys);
        p->o.keys = p->open_keys.c;
    }
    p->load = credentials_load_start(&o);
}

// ---- changed files

static void check_run(struct worker_job *job, void *thread)
{
    struct check *c = container_of(job, struct check, job);
    (void)thread;
    c->changed = credentials_files_changed(&c->files);
}

static void check_done(struct worker_job *job)
{
    struct check *c = container_of(job, struct check, job);
    struct credentials_provider *p = c->provider;
    if (p) {
        p->check = NULL;
        p->files_changed = c->changed;
        p->checked_ms = loop_now_ms(p->loop);
        if (c->changed && !p->load) {
            load_start(p);
        }
    }
    credentials_files_free(&c->files);
    mem_free(c);
}

static void check_start(struct credentials_provider *p)
{
    struct check *c = mem_new(struct check);
    c->provider = p;
    c->job.run = check_run;
    c->job.done = check_done;
    credentials_files_init(&c->files, p->o.env, p->o.env_ctx);
    memcpy(c->files.stamp, p->files.stamp, sizeof c->files.stamp);
    if (worker_pool_submit(p->pool, &c->job) < 0) {
        credentials_files_free(&c->files);
        mem_free(c);
        return;
    }
    p->check = c;
}

// ---- requests

static void on_canceled(struct loop_task *task)
{
    struct credentials_get *g = container_of(task, struct credentials_get, task);
    struct err e = {0};
    err_set(&e, ERR_CANCELED, "%s", err_text(ERR_CANCELED));
    g->cb(g, ERR_CANCELED, NULL, &e);
}

static void cancel_later(struct loop *l, struct credentials_get *g)
{
    g->provider = NULL;
    g->task.run = on_canceled;
    loop_post(l, &g->task);
}

static void cancel_list(struct loop *l, struct list *list)
{
    for (struct list *it; (it = list_pop(list));) {
        cancel_later(l, container_of(it, struct credentials_get, link));
    }
}

// Answers those that wait now; a callback may get anew, cancel others, expire or free the provider.
static void answer(struct credentials_provider *p, struct list *batch)
{
    for (struct list *it; !p->freed && (it = list_pop(batch));) {
        struct credentials_get *g = container_of(it, struct credentials_get, link);
        if (value_serves(p)) {
            struct credentials_open open;
            g->provider = NULL;
            credentials_value_open(p->value, &open);
            g->cb(g, 0, &open.c, NULL);
            credentials_value_close(&open);
        } else if (p->failed) {
            struct err e = p->err;
            g->provider = NULL;
            g->cb(g, e.code, NULL, &e);
        } else {
            list_push(&p->waiters, it);
        }
    }
}

static bool refresh_is_due(const struct credentials_provider *p)
{
    int64_t now = loop_now_ms(p->loop);
    return p->value && p->schedule.ends && now >= p->schedule.refresh_ms &&
           (!p->failures || now >= p->retry_ms);
}

static bool check_is_due(const struct credentials_provider *p)
{
    return p->value && p->have_files && !p->check &&
           loop_now_ms(p->loop) - p->checked_ms >= CREDENTIALS_CHECK_MS;
}

static void pump(struct credentials_provider *p)
{
    struct list batch;
    struct loop *l = p->loop;
    list_init(&batch);
    list_move_all(&batch, &p->waiters);
    bool used = !list_empty(&batch);
    p->pumping = true;
    answer(p, &batch);
    p->pumping = false;
    p->failed = false;
    if (p->freed) {
        cancel_list(l, &batch);
        destroy(p);
        return;
    }
    bool wanted = !list_empty(&p->waiters);
    if (!p->pool || p->load) {
        return;
    }
    if (wanted || (used && refresh_is_due(p))) {
        load_start(p);
    } else if (used && check_is_due(p)) {
        check_start(p);
    }
}

static void on_pump(struct loop_task *task)
{
    struct credentials_provider *p = container_of(task, struct credentials_provider, pump);
    if (p->freed) {
        destroy(p);
    } else {
        pump(p);
    }
}

void credentials_get(struct credentials_provider *p, struct credentials_get *g)
{
    g->provider = p;
    g->link = (struct list){0};
    g->task = (struct loop_task){0};
    list_push(&p->waiters, &g->link);
    if (!list_linked(&p->pump.link)) {
        loop_post(p->loop, &p->pump);
    }
}

void credentials_cancel(struct credentials_get *g)
{
    struct credentials_provider *p = g->provider;
    if (p) {
        list_remove(&g->link);
        cancel_later(p->loop, g);
    }
}

void credentials_expire(struct credentials_provider *p, const uint8_t *used)
{
    uint8_t current[SHA256_LEN];
    int64_t now = loop_now_ms(p->loop);
    if (!p->pool || !p->value) {
        return;
    }
    struct credentials_open open;
    credentials_value_open(p->value, &open);
    credentials_digest(&open.c, current);
    credentials_value_close(&open);
    if (used && memcmp(used, current, sizeof current) != 0) {
        return;
    }
    bool again = p->dropped_any && memcmp(p->dropped, current, sizeof current) == 0;
    if (again && now - p->dropped_ms < CREDENTIALS_FORCED_MS) {
        return;
    }
    memcpy(p->dropped, current, sizeof current);
    p->dropped_ms = now;
    p->dropped_any = true;
    p->dropped_while_loading = p->load != NULL;
    credentials_value_free(p->value);
    p->value = NULL;
}

void credentials_free(struct credentials_provider *p)
{
    if (!p) {
        return;
    }
    if (p->load) {
        credentials_load_drop(p->load);
    }
    if (p->check) {
        p->check->provider = NULL;
    }
    cancel_list(p->loop, &p->waiters);
    p->freed = true;
    destroy(p);
}

static struct credentials_provider *provider_new(struct loop *l)
{
    struct credentials_provider *p = mem_new(struct credentials_provider);
    p->loop = l;
    list_init(&p->waiters);
    p->pump.run = on_pump;
    p->origin = mem_strndup("", 0);
    p->trail = mem_strndup("", 0);
    return p;
}

struct credentials_provider *credentials_new_static(struct loop *l,
                                                    const struct sigv4_credentials *c)
{
    struct credentials_provider *p = provider_new(l);
    static const char origin[] = "keys of the configuration";
    mem_free(p->origin);
    p->origin = mem_strndup(origin, sizeof origin - 1);
    p->value = credentials_value_new(c, loop_clock(l));
    return p;
}

struct credentials_provider *credentials_new(const struct credentials_options *o)
{
    if (o->keys.access_key_id.n && !o->role_arn.n) {
        return credentials_new_static(o->loop, &o->keys);
    }
    struct credentials_provider *p = provider_new(o->loop);
    struct arena *a = &p->arena;
    p->pool = o->pool;
    p->http = o->http;
    p->o =
        (struct resolver_options){.env = o->env,
                                  .env_ctx = o->env_ctx,
                                  .sources = o->instance_metadata ? RESOLVE_INSTANCE : RESOLVE_ALL,
                                  .region = arena_span(a, o->region),
                                  .role = {.arn = arena_span(a, o->role_arn),
                                           .external_id = arena_span(a, o->role_external_id),
                                           .session_name = arena_span(a, o->role_session_name)}};
    if (o->keys.access_key_id.n) {
        p->keys = credentials_value_new(&o->keys, loop_clock(o->loop));
    }
    return p;
}

void credentials_report(const struct credentials_provider *p, struct credentials_report *out)
{
    *out = (struct credentials_report){
        .origin = p->origin, .trail = p->trail, .error = p->err.code ? p->err.msg : NULL};
    if (p->value && p->schedule.ends) {
        out->ends = true;
        out->ends_in_ms = p->schedule.said_ms - loop_now_ms(p->loop);
    }
}
