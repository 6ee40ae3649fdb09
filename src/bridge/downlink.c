// SPDX-License-Identifier: Apache-2.0
#include "bridge/integration.h"

// The integration downlink node's other end: the message goes through the downlink converter, and
// what comes out becomes outbox rows in the transaction of the run that asked.

static void keep_dead_letter(struct integration *in, struct hub_downlink_request *q,
                             struct span error)
{
    struct store_dead_letter d = {.integration = in->id,
                                  .downlink = true,
                                  .payload = q->input.msg_json,
                                  .error = error,
                                  .created_ms = loop_wall_ms(in->bridge->o.loop)};
    store_txn_dead_letter(q->run->txn, &d);
}

static int check_message(const struct downlink_msg *m, struct err *e)
{
    if (m->stream_name.n == 0 && m->stream_arn.n == 0)
        return err_set(e, ERR_INVALID, "the converter's result has no metadata.streamName");
    if (m->partition_key.n == 0)
        return err_set(e, ERR_INVALID, "the converter's result has no metadata.partitionKey");
    return 0;
}

static void queue_message(struct integration *in, struct hub_downlink_request *q,
                          const struct downlink_msg *m)
{
    struct store_outbox_row row = {.integration = in->id,
                                   .stream = m->stream_name,
                                   .stream_arn = m->stream_arn,
                                   .partition_key = m->partition_key,
                                   .explicit_hash_key = m->explicit_hash_key,
                                   .data = m->data,
                                   .created_ms = loop_wall_ms(in->bridge->o.loop)};
    store_txn_outbox_add(q->run->txn, &row);
    hub_run_outbox(q->run, in->id);
}

// All messages of a result or none: the first that cannot be sent refuses the result.
static int take_result(struct integration *in, struct hub_downlink_request *q, struct err *e)
{
    const struct downlink_result *out = &q->job.downlink_out[0];
    if (in->removing)
        return err_set(e, ERR_CANCELED, "the integration is being removed");
    if (out->status < 0)
        return err_set(e, out->status, "downlink converter: %.*s", SPAN_ARG(out->error));
    for (uint32_t i = 0; i < out->n_msgs; i++) {
        if (check_message(&out->msgs[i], e) < 0)
            return e->code;
    }
    for (uint32_t i = 0; i < out->n_msgs; i++)
        queue_message(in, q, &out->msgs[i]);
    return 0;
}

static void on_converted(struct convert_job *job)
{
    struct hub_downlink_request *q = job->data;
    struct integration *in = q->internal;
    struct err e = {0};
    int status = take_result(in, q, &e);
    if (status < 0 && status != ERR_CANCELED)
        keep_dead_letter(in, q, span_str(e.msg));
    convert_script_unref(job->script);
    arena_free(&job->arena);
    in->downlinks--;
    q->done(q, status, e.msg);
    integration_maybe_stopped(in);
}

static void submit_job(struct hub_downlink_request *q);

static void on_room(struct convert_waiter *w)
{
    submit_job(container_of(w, struct hub_downlink_request, waiter));
}

static void submit_job(struct hub_downlink_request *q)
{
    struct integration *in = q->internal;
    struct convert_pool *pool = hub_convert(in->bridge->o.hub);
    if (convert_submit(pool, &q->job) == 0)
        return;
    q->waiter.wake = on_room;
    convert_wait_room(pool, &q->waiter);
}

int downlink_submit(void *ctx, struct hub_downlink_request *q, struct err *e)
{
    struct integration *in = bridge_find(ctx, q->integration);
    if (!in)
        return err_set(e, ERR_NOT_FOUND, "the integration does not exist");
    struct span name = integration_name(in);
    if (!in->wanted)
        return err_set(e, ERR_UNAVAILABLE, "integration \"%.*s\" is disabled", SPAN_ARG(name));
    if (in->phase != PHASE_RUNNING) {
        return err_set(e, ERR_UNAVAILABLE, "integration \"%.*s\" is not running: %s",
                       SPAN_ARG(name), in->start_error);
    }
    if (!in->downlink) {
        return err_set(e, ERR_NOT_FOUND, "integration \"%.*s\" has no downlink converter",
                       SPAN_ARG(name));
    }
    q->internal = in;
    q->job = (struct convert_job){.data = q,
                                  .script = convert_script_ref(in->downlink),
                                  .meta = {in->config.pairs, in->config.n_pairs},
                                  .downlink = &q->input,
                                  .n = 1,
                                  .done = on_converted};
    in->downlinks++;
    submit_job(q);
    return 0;
}
