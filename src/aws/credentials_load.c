// SPDX-License-Identifier: Apache-2.0
#include "aws/credentials_load.h"

#include "base/mem.h"
#include "io/worker.h"
#include "net/http_client.h"

// One thing is under way at a time: a posted task, a job, a request or a timer. Its end steps the
// resolver. A dropped load is freed by the end of what was under way.

struct load_job {
    struct worker_job job;
    struct credentials_load *load; // NULL when it was dropped
    enum source_want want;
    struct credentials_files files;
    struct arena arena;
    char *path;
    char **words;
    atomic_bool stop;
    struct buf out;
    int status;
    struct err err;
};

struct credentials_load {
    struct credentials_load_options o;
    struct resolver resolver;
    struct source_input input; // for the next step
    bool first;
    bool dropped;
    struct loop_task task;
    struct timer timer;
    struct load_job *job;
    bool calling;
    struct http_call call;
    struct url url;
    struct buf body;
    bool have_files;
    struct credentials_files files;
};

static void load_free(struct credentials_load *l)
{
    resolver_free(&l->resolver);
    buf_free_wiped(&l->body);
    credentials_files_free(&l->files);
    mem_free(l);
}

static struct arena *arena(struct credentials_load *l)
{
    return &l->resolver.arena;
}

static void step_later(struct credentials_load *l, int status, struct span why)
{
    l->input = (struct source_input){.status = status, .why = arena_span(arena(l), why)};
    loop_post(l->o.loop, &l->task);
}

// ---- jobs

static void job_free(struct load_job *j)
{
    credentials_files_free(&j->files);
    buf_free_wiped(&j->out);
    arena_free(&j->arena);
    mem_free(j);
}

static void job_run(struct worker_job *job, void *thread)
{
    struct load_job *j = container_of(job, struct load_job, job);
    (void)thread;
    if (j->want == SOURCE_FILES) {
        j->status = credentials_files_read(&j->files, &j->err);
    } else if (j->want == SOURCE_READ) {
        j->status = credentials_file_read(j->path, SOURCE_REPLY_MAX, &j->out, &j->err);
    } else {
        j->status = process_run(j->words, PROCESS_LIMIT_MS, &j->stop, &j->out, &j->err);
    }
}

static void step(struct credentials_load *l);

static void job_done(struct worker_job *job)
{
    struct load_job *j = container_of(job, struct load_job, job);
    struct credentials_load *l = j->load;
    if (!l) {
        job_free(j);
        return;
    }
    l->job = NULL;
    if (job->canceled || job->abandoned) {
        j->status = err_set(&j->err, ERR_CANCELED, "shutting down");
    }
    struct span why = span_str(j->status < 0 ? j->err.msg : "");
    l->input = (struct source_input){.status = j->status,
                                     .why = arena_span(arena(l), why),
                                     .body = arena_span(arena(l), buf_span(&j->out))};
    if (j->want == SOURCE_FILES) {
        credentials_files_free(&l->files);
        l->files = j->files;
        l->have_files = true;
        l->input.profiles = l->files.list;
        if (j->status == 0) {
            l->input.why = credentials_files_where(&l->files, arena(l));
        }
        j->files = (struct credentials_files){0};
    }
    job_free(j);
    step(l);
}

static void job_submit(struct credentials_load *l, struct load_job *j)
{
    j->job.run = job_run;
    j->job.done = job_done;
    j->load = l;
    int status = worker_pool_submit(l->o.pool, &j->job);
    if (status < 0) {
        step_later(l, status, SPAN("too busy to read files or start programs"));
        job_free(j);
        return;
    }
    l->job = j;
}

static void start_job(struct credentials_load *l, const struct source_step *s)
{
    struct load_job *j = mem_new(struct load_job);
    struct err e = {0};
    j->want = s->want;
    if (s->want == SOURCE_FILES) {
        credentials_files_init(&j->files, l->o.resolver->env, l->o.resolver->env_ctx);
    } else if (s->want == SOURCE_READ) {
        j->path = arena_cstr(&j->arena, s->text);
    } else {
        j->words = process_split(s->text, &j->arena, &e);
        if (!j->words) {
            step_later(l, e.code, span_str(e.msg));
            job_free(j);
            return;
        }
    }
    job_submit(l, j);
}

// ---- requests

static void on_head(struct http_call *call, int status, struct http_headers h,
                    int64_t content_length)
{
    struct credentials_load *l = call->data;
    struct http_header *copy = arena_array(arena(l), struct http_header, h.n);
    (void)content_length;
    for (size_t i = 0; i < h.n; i++) {
        copy[i].name = arena_span(arena(l), h.h[i].name);
        copy[i].value = arena_span(arena(l), h.h[i].value);
    }
    l->input.http_status = status;
    l->input.headers = (struct http_headers){copy, h.n};
    // Once and for all, so that growing leaves no copy behind.
    buf_reserve(&l->body, SOURCE_REPLY_MAX);
}

static void on_body(struct http_call *call, struct span piece)
{
    struct credentials_load *l = call->data;
    buf_add_span(&l->body, piece);
}

static void on_http_done(struct http_call *call, int status, const struct err *e)
{
    struct credentials_load *l = call->data;
    l->calling = false;
    if (l->dropped) {
        load_free(l);
        return;
    }
    l->input.status = status;
    if (status < 0) {
        l->input.why = arena_span(arena(l), span_str(e && e->msg[0] ? e->msg : err_text(status)));
    }
    l->input.body = arena_span(arena(l), buf_span(&l->body));
    step(l);
}

static const struct http_call_events http_events = {on_head, on_body, on_http_done};

static void start_http(struct credentials_load *l, const struct source_http *h)
{
    l->url = h->url;
    struct http_call_options o = {.method = h->method,
                                  .origin = &l->url,
                                  .target = h->target,
                                  .headers = h->headers,
                                  .body = h->body,
                                  .connect_ms = h->connect_ms,
                                  .first_byte_ms = h->first_byte_ms,
                                  .total_ms = h->total_ms,
                                  .max_body = SOURCE_REPLY_MAX,
                                  .secret = true,
                                  .direct = h->direct};
    l->input = (struct source_input){0};
    buf_clear(&l->body);
    l->call = (struct http_call){.data = l, .ev = &http_events};
    int status = http_client_start(l->o.http, &l->call, &o);
    if (status < 0) {
        step_later(l, status, span_str(err_text(status)));
        return;
    }
    l->calling = true;
}

// ---- steps

static void on_timer(struct timer *t)
{
    struct credentials_load *l = container_of(t, struct credentials_load, timer);
    l->input = (struct source_input){0};
    step(l);
}

static void end(struct credentials_load *l, const struct source_step *s)
{
    l->o.done(l->o.ctx, s, &l->resolver, l->have_files ? &l->files : NULL);
    load_free(l);
}

static void step(struct credentials_load *l)
{
    struct source_step s;
    double unit = clock_random_unit(loop_clock(l->o.loop));
    resolver_step(&l->resolver, loop_wall_ms(l->o.loop), unit, l->first ? NULL : &l->input, &s);
    l->first = false;
    switch (s.want) {
    case SOURCE_VALUE:
    case SOURCE_FAILED:
        end(l, &s);
        break;
    case SOURCE_FILES:
    case SOURCE_READ:
    case SOURCE_RUN:
        start_job(l, &s);
        break;
    case SOURCE_HTTP:
        start_http(l, &s.http);
        break;
    case SOURCE_WAIT:
        timer_start(l->o.loop, &l->timer, s.wait_ms);
        break;
    }
}

static void on_task(struct loop_task *task)
{
    step(container_of(task, struct credentials_load, task));
}

struct credentials_load *credentials_load_start(const struct credentials_load_options *o)
{
    struct credentials_load *l = mem_new(struct credentials_load);
    l->o = *o;
    l->first = true;
    l->task.run = on_task;
    l->timer.fire = on_timer;
    resolver_init(&l->resolver, o->resolver, o->sts_skew_ms);
    loop_post(o->loop, &l->task);
    return l;
}

void credentials_load_drop(struct credentials_load *l)
{
    l->dropped = true;
    loop_unpost(&l->task);
    timer_stop(&l->timer);
    if (l->job) {
        atomic_store(&l->job->stop, true);
        l->job->load = NULL;
        l->job = NULL;
    }
    if (l->calling) {
        // The options that the resolver looks at are the provider's, which goes away.
        http_call_cancel(&l->call);
        return;
    }
    load_free(l);
}
