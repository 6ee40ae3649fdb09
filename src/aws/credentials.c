// SPDX-License-Identifier: Apache-2.0
#include "aws/credentials.h"

#include "aws/credentials_files.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/worker.h"

// Happy path: get() queues the request and posts `pump`; pump answers all that wait from the
// environment or the cached value. Without a value it submits one load job; the job's end pumps
// again.

struct load {
    struct worker_job job;
    struct credentials_provider *provider; // NULL when it was freed meanwhile
    uint64_t generation;
    struct credentials_files files;
};

struct credentials_provider {
    struct loop *loop;
    struct worker_pool *pool; // NULL: static
    aws_env_fn *env;
    void *env_ctx;
    struct list waiters;
    struct loop_task pump;
    struct credentials_value *value; // of the files, or the static one
    struct file_stamp stamp[2];
    int64_t checked_ms;
    uint64_t generation; // of what expire() has dropped
    struct load *load;   // at most one runs
    bool failed;         // `err` answers those that wait
    struct err err;
    bool pumping, freed;
    struct log_limit log_limit;
};

// While pump() runs or is posted the memory is still needed; it ends there then.
static void destroy(struct credentials_provider *p)
{
    if (!p->pumping && !list_linked(&p->pump.link)) {
        credentials_value_free(p->value);
        mem_free(p);
    }
}

static bool from_env(struct credentials_provider *p, struct sigv4_credentials *c)
{
    if (!p->pool) {
        return false;
    }
    c->access_key_id = aws_env_get(p->env, p->env_ctx, "AWS_ACCESS_KEY_ID");
    c->secret_access_key = aws_env_get(p->env, p->env_ctx, "AWS_SECRET_ACCESS_KEY");
    c->session_token = aws_env_get(p->env, p->env_ctx, "AWS_SESSION_TOKEN");
    return c->access_key_id.n && c->secret_access_key.n;
}

static const char *env_problem(struct credentials_provider *p)
{
    return aws_env_get(p->env, p->env_ctx, "AWS_ACCESS_KEY_ID").n
               ? "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY"
               : "AWS_ACCESS_KEY_ID is not set";
}

static void fail_all(struct credentials_provider *p, int status, const char *why)
{
    p->failed = true;
    err_set(&p->err, status, "no AWS credentials: %s; %s", env_problem(p), why);
}

static char *path_of(struct credentials_provider *p, enum profile_file_kind kind)
{
    struct arena a = {0};
    const char *name = kind == PROFILE_CONFIG ? "AWS_CONFIG_FILE" : "AWS_SHARED_CREDENTIALS_FILE";
    struct span given = aws_env_get(p->env, p->env_ctx, name);
    struct span home = aws_env_get(p->env, p->env_ctx, "HOME");
    struct span path = profile_file_path(&a, given.n ? arena_cstr(&a, given) : NULL,
                                         home.n ? arena_cstr(&a, home) : NULL, kind);
    char *out = mem_strndup(path.p, path.n);
    arena_free(&a);
    return out;
}

static void pump(struct credentials_provider *p);

static void load_run(struct worker_job *job, void *thread)
{
    (void)thread;
    credentials_files_read(&container_of(job, struct load, job)->files);
}

// A failure leaves the known credentials in use: they may well be good still.
static void keep_old(struct credentials_provider *p, const struct load *load)
{
    uint32_t held_back;
    if (log_limit_pass(&p->log_limit, loop_now_ms(p->loop), 1, &held_back)) {
        log_warn("aws", "cannot refresh AWS credentials; using the old ones", "error=\"%s\"",
                 load->files.err.msg);
    }
}

static void take_result(struct credentials_provider *p, struct load *load)
{
    struct credentials_files *f = &load->files;
    if (load->generation != p->generation) {
        return;
    }
    p->checked_ms = loop_now_ms(p->loop);
    if (load->job.canceled || load->job.abandoned) {
        fail_all(p, ERR_CANCELED, "reading the shared files was canceled");
        return;
    }
    memcpy(p->stamp, f->stamp, sizeof p->stamp);
    if (f->unchanged) {
        return;
    }
    if (f->status == 0) {
        credentials_value_free(p->value);
        p->value = f->value;
        f->value = NULL;
    } else if (p->value) {
        keep_old(p, load);
    } else {
        fail_all(p, f->status, f->err.msg);
    }
}

static void load_done(struct worker_job *job)
{
    struct load *load = container_of(job, struct load, job);
    struct credentials_provider *p = load->provider;
    if (p) {
        p->load = NULL;
        take_result(p, load);
    }
    credentials_files_free(&load->files);
    mem_free(load);
    if (p) {
        pump(p);
    }
}

static void load_start(struct credentials_provider *p)
{
    struct load *load = mem_new(struct load);
    struct span profile = aws_env_get(p->env, p->env_ctx, "AWS_PROFILE");
    load->job.run = load_run;
    load->job.done = load_done;
    load->provider = p;
    load->generation = p->generation;
    load->files.force = !p->value;
    load->files.path[PROFILE_CONFIG] = path_of(p, PROFILE_CONFIG);
    load->files.path[PROFILE_CREDENTIALS] = path_of(p, PROFILE_CREDENTIALS);
    load->files.profile = profile.n ? mem_strndup(profile.p, profile.n) : mem_strndup("default", 7);
    memcpy(load->files.stamp, p->stamp, sizeof p->stamp);
    int status = worker_pool_submit(p->pool, &load->job);
    if (status < 0) {
        credentials_files_free(&load->files);
        mem_free(load);
        fail_all(p, status, "too busy to read the shared files");
        return;
    }
    p->load = load;
}

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
        struct sigv4_credentials c;
        bool have = from_env(p, &c);
        if (!have && p->value) {
            c = p->value->c;
            have = true;
        }
        if (have) {
            g->provider = NULL;
            g->cb(g, 0, &c, NULL);
        } else if (p->failed) {
            struct err e = p->err;
            g->provider = NULL;
            g->cb(g, e.code, NULL, &e);
        } else {
            list_push(&p->waiters, it);
        }
    }
}

static bool check_is_due(const struct credentials_provider *p)
{
    return p->value && loop_now_ms(p->loop) - p->checked_ms >= CREDENTIALS_CHECK_MS;
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
    if (p->pool && !p->load && (wanted || (used && check_is_due(p)))) {
        load_start(p);
    }
    if (p->failed && wanted && !list_linked(&p->pump.link)) {
        loop_post(l, &p->pump);
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

void credentials_expire(struct credentials_provider *p)
{
    if (p->pool) {
        p->generation++;
        credentials_value_free(p->value);
        p->value = NULL;
    }
}

void credentials_free(struct credentials_provider *p)
{
    if (!p) {
        return;
    }
    if (p->load) {
        p->load->provider = NULL;
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
    return p;
}

struct credentials_provider *credentials_new_static(struct loop *l,
                                                    const struct sigv4_credentials *c)
{
    struct credentials_provider *p = provider_new(l);
    p->value = credentials_value_new(c);
    return p;
}

struct credentials_provider *credentials_new_default(struct loop *l, struct worker_pool *pool,
                                                     credentials_env_fn *env, void *env_ctx)
{
    struct credentials_provider *p = provider_new(l);
    p->pool = pool;
    p->env = env;
    p->env_ctx = env_ctx;
    return p;
}
