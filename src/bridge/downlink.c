// SPDX-License-Identifier: Apache-2.0
#include "bridge/downlink.h"

#include "base/mem.h"
#include "bridge/integration.h"

// Messages of one job at most: small enough that several workers share a burst.
#define JOB_MESSAGES 100
#define STOPPING_MS 5000

struct downlink_job {
    struct list link; // downlinks.jobs
    struct integration *in;
    struct convert_job job;
    struct convert_waiter waiter;
    bool converted;
    uint32_t answered;
    struct hub_downlink_request **requests;
    struct downlink_input *inputs;
};

static struct downlink_job *job_of(struct list *it)
{
    return container_of(it, struct downlink_job, link);
}

// Results ----------------------------------------------------------------------------------------

static struct span metadata_json(struct hub_downlink_request *q)
{
    struct buf text = {0};
    struct json_out j = {.out = &text};
    json_out_object(&j);
    for (size_t i = 0; i < q->input.metadata.n; i++) {
        json_out_key(&j, q->input.metadata.p[i].key);
        json_out_str(&j, q->input.metadata.p[i].value);
    }
    json_out_end(&j);
    struct span copy = arena_span(&q->run->arena, buf_span(&text));
    buf_free(&text);
    return copy;
}

// With all that the converter was given, so that it can be asked again.
static void keep_dead_letter(struct integration *in, struct hub_downlink_request *q,
                             struct span error)
{
    int64_t now_ms = loop_wall_ms(in->bridge->o.loop);
    struct store_dead_letter d = {.integration = in->id,
                                  .downlink = true,
                                  .payload = q->input.msg_json,
                                  .msg_type = q->input.msg_type,
                                  .metadata = metadata_json(q),
                                  .error = error,
                                  .arrival_ms = now_ms,
                                  .created_ms = now_ms};
    store_txn_dead_letter(q->run->txn, &d);
    in->outbox.dead++;
}

static int check_message(const struct downlink_msg *m, struct err *e)
{
    if (m->stream_name.n == 0 && m->stream_arn.n == 0)
        return err_set(e, ERR_INVALID, "the converter's result has no metadata.streamName");
    if (m->partition_key.n == 0)
        return err_set(e, ERR_INVALID, "the converter's result has no metadata.partitionKey");
    return 0;
}

static uint64_t size_of(const struct downlink_msg *m)
{
    return m->data.n + m->stream_name.n + m->stream_arn.n + m->partition_key.n +
           m->explicit_hash_key.n;
}

static int check_room(struct integration *in, const struct downlink_result *out, struct err *e)
{
    struct store *store = hub_store(in->bridge->o.hub);
    struct store_stats s;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < out->n_msgs; i++)
        bytes += size_of(&out->msgs[i]);
    if (out->n_msgs == 0 || store_outbox_has_room(store, out->n_msgs, bytes))
        return 0;
    store_get_stats(store, &s);
    in->downlinks.refused++;
    return err_set(e, ERR_BUSY,
                   "the outbox is full (%llu downlinks, %llu bytes wait for their streams): try "
                   "again later, or raise limits.outboxRows or limits.outboxBytes",
                   (unsigned long long)s.outbox_rows, (unsigned long long)s.outbox_bytes);
}

static void queue_message(struct integration *in, struct hub_run *run, const struct downlink_msg *m)
{
    struct store_outbox_row row = {.integration = in->id,
                                   .stream = m->stream_name,
                                   .stream_arn = m->stream_arn,
                                   .partition_key = m->partition_key,
                                   .explicit_hash_key = m->explicit_hash_key,
                                   .data = m->data,
                                   .created_ms = loop_wall_ms(in->bridge->o.loop)};
    store_txn_outbox_add(run->txn, &row);
    hub_run_outbox(run, in->id);
}

// The first that cannot be sent refuses the result.
int downlink_queue(struct integration *in, struct hub_run *run, const struct downlink_result *out,
                   struct err *e)
{
    // Not ERR_CANCELED, which would give up all that the run does beside: the program goes on.
    if (in->removing)
        return err_set(e, ERR_UNAVAILABLE, "the integration is being removed");
    if (out->status < 0)
        return err_set(e, out->status, "downlink converter: %.*s", SPAN_ARG(out->error));
    for (uint32_t i = 0; i < out->n_msgs; i++) {
        if (check_message(&out->msgs[i], e) < 0)
            return e->code;
    }
    if (check_room(in, out, e) < 0)
        return e->code;
    for (uint32_t i = 0; i < out->n_msgs; i++)
        queue_message(in, run, &out->msgs[i]);
    return 0;
}

static void answer(struct integration *in, struct hub_downlink_request *q,
                   const struct downlink_result *out)
{
    struct err e = {0};
    int status = downlink_queue(in, q->run, out, &e);
    if (status == ERR_BUSY)
        q->run->refused = true;
    else if (status < 0 && status != ERR_CANCELED && !in->removing)
        keep_dead_letter(in, q, span_str(e.msg));
    if (in->trace.on)
        trace_downlink(in, &q->input, out, status < 0 ? span_str(e.msg) : SPAN_NONE);
    q->done(q, status, e.msg);
}

// Jobs -------------------------------------------------------------------------------------------

static void free_job(struct downlink_job *j)
{
    list_remove(&j->link);
    convert_script_unref(j->job.script);
    arena_free(&j->job.arena);
    mem_free(j->requests);
    mem_free(j->inputs);
    mem_free(j);
}

static void run_answers(struct loop_task *t)
{
    struct downlinks *d = container_of(t, struct downlinks, answer_task);
    struct integration *in = d->in;
    while (!list_empty(&d->jobs) && job_of(d->jobs.next)->converted) {
        struct downlink_job *j = job_of(d->jobs.next);
        for (uint32_t i = 0; i < j->job.n; i++)
            answer(in, j->requests[i], &j->job.downlink_out[i]);
        free_job(j);
    }
    integration_maybe_stopped(in);
}

static void on_converted(struct convert_job *job)
{
    struct downlink_job *j = container_of(job, struct downlink_job, job);
    struct downlinks *d = &j->in->downlinks;
    j->converted = true;
    if (!list_linked(&d->answer_task.link))
        loop_post(j->in->bridge->o.loop, &d->answer_task);
}

static void submit_job(struct downlink_job *j);

static void on_room(struct convert_waiter *w)
{
    submit_job(container_of(w, struct downlink_job, waiter));
}

static void submit_job(struct downlink_job *j)
{
    struct convert_pool *pool = hub_convert(j->in->bridge->o.hub);
    if (convert_submit(pool, &j->job) == 0)
        return;
    j->waiter.wake = on_room;
    convert_wait_room(pool, &j->waiter);
}

static void start_job(struct downlinks *d)
{
    struct integration *in = d->in;
    struct downlink_job *j = mem_new(struct downlink_job);
    uint32_t n = 0;
    list_for(it, &d->waiting)
    {
        if (++n == JOB_MESSAGES)
            break;
    }
    j->in = in;
    j->requests = mem_alloc_array(n, sizeof(struct hub_downlink_request *));
    j->inputs = mem_alloc_array(n, sizeof *j->inputs);
    for (uint32_t i = 0; i < n; i++) {
        struct hub_downlink_request *q =
            container_of(list_pop(&d->waiting), struct hub_downlink_request, link);
        j->requests[i] = q;
        j->inputs[i] = q->input;
    }
    j->job = (struct convert_job){.script = convert_script_ref(in->downlink),
                                  .meta = {in->config.pairs, in->config.n_pairs},
                                  .downlink = j->inputs,
                                  .n = n,
                                  .done = on_converted};
    list_push(&d->jobs, &j->link);
    submit_job(j);
}

// Its converter was taken away in this very turn.
static void refuse_waiting(struct downlinks *d)
{
    for (struct list *it; (it = list_pop(&d->waiting));) {
        struct hub_downlink_request *q = container_of(it, struct hub_downlink_request, link);
        q->done(q, ERR_NOT_FOUND, "the integration has no downlink converter");
    }
    integration_maybe_stopped(d->in);
}

static void run_jobs(struct loop_task *t)
{
    struct downlinks *d = container_of(t, struct downlinks, task);
    if (!d->in->downlink) {
        refuse_waiting(d);
        return;
    }
    while (!list_empty(&d->waiting))
        start_job(d);
}

// For the owner ----------------------------------------------------------------------------------

void downlinks_init(struct downlinks *d, struct integration *in)
{
    *d = (struct downlinks){.in = in, .refused = d->refused};
    list_init(&d->waiting);
    list_init(&d->jobs);
    d->task.run = run_jobs;
    d->answer_task.run = run_answers;
}

bool downlinks_idle(const struct downlinks *d)
{
    return list_empty(&d->waiting) && list_empty(&d->jobs) && !list_linked(&d->answer_task.link);
}

// Also while it stops to start again with a change: what the converter makes waits in the outbox.
// Not for long, since it does not stop before this is quiet.
static bool takes_downlinks(const struct integration *in)
{
    int64_t now_ms = loop_now_ms(in->bridge->o.loop);
    return in->phase == PHASE_RUNNING ||
           (in->phase == PHASE_STOPPING && in->downlink && now_ms - in->stop_ms < STOPPING_MS);
}

int downlink_submit(void *ctx, struct hub_downlink_request *q, struct err *e)
{
    struct integration *in = bridge_find(ctx, q->integration);
    if (!in)
        return err_set(e, ERR_NOT_FOUND, "the integration does not exist");
    struct span name = integration_name(in);
    if (!in->wanted)
        return err_set(e, ERR_UNAVAILABLE, "integration \"%.*s\" is disabled", SPAN_ARG(name));
    if (!takes_downlinks(in)) {
        return err_set(e, ERR_UNAVAILABLE, "integration \"%.*s\" is not running: %s",
                       SPAN_ARG(name), in->start_error);
    }
    if (!in->downlink) {
        return err_set(e, ERR_NOT_FOUND, "integration \"%.*s\" has no downlink converter",
                       SPAN_ARG(name));
    }
    list_push(&in->downlinks.waiting, &q->link);
    if (!list_linked(&in->downlinks.task.link))
        loop_post(in->bridge->o.loop, &in->downlinks.task);
    return 0;
}
