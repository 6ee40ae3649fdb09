// SPDX-License-Identifier: Apache-2.0
#include "hub/script_queue.h"

#include "base/mem.h"
#include "hub/script_guard.h"

// Happy path: add -> (end of the loop turn) submit -> on_done -> each one's done() -> submit.
// Failure modes: the pool's queue is full: wait for room. The script is suspended: all that wait
// fail. The pool is closing: all that wait are canceled, and their runs with them.

struct script_queue {
    struct hub *hub;
    struct convert_script *script;
    struct list waiting;
    struct script_guard guard;
    struct loop_task task;
    struct convert_waiter room;
    struct convert_job job;
    struct script_wait **batch; // of the job, in its arena
    bool running, waits_room;
};

static void submit(struct script_queue *q);

static void on_task(struct loop_task *t)
{
    submit(container_of(t, struct script_queue, task));
}

static void on_room(struct convert_waiter *w)
{
    struct script_queue *q = container_of(w, struct script_queue, room);
    q->waits_room = false;
    submit(q);
}

struct script_queue *script_queue_new(struct hub *h, enum convert_kind kind, struct span name,
                                      struct span text)
{
    struct script_queue *q = mem_new(struct script_queue);
    q->hub = h;
    q->script = convert_script_new(h->o.convert, kind, name, text);
    q->task.run = on_task;
    q->room.wake = on_room;
    list_init(&q->waiting);
    return q;
}

void script_queue_free(struct script_queue *q)
{
    if (!q)
        return;
    require(list_empty(&q->waiting) && !q->running);
    if (q->waits_room)
        convert_cancel_wait(&q->room);
    loop_unpost(&q->task);
    convert_script_unref(q->script);
    mem_free(q);
}

void script_queue_add(struct script_queue *q, struct script_wait *w)
{
    list_push(&q->waiting, &w->link);
    if (!q->running && !q->waits_room && !list_linked(&q->task.link))
        loop_post(q->hub->o.loop, &q->task);
}

// The queue may be gone after: the last flow to go takes the chain along.
static void fail_all(struct script_queue *q, int status, struct span reason)
{
    struct rule_result r = {.status = status, .error = reason};
    struct list failing;
    list_init(&failing);
    list_move_all(&failing, &q->waiting);
    for (struct list *it; (it = list_pop(&failing));) {
        struct script_wait *w = container_of(it, struct script_wait, link);
        if (status == ERR_CANCELED)
            w->flow->run->canceled = true;
        w->done(w, &r);
    }
}

static void fail_suspended(struct script_queue *q, int64_t now_ms)
{
    struct err e = {0};
    err_set(&e, ERR_TIMEOUT,
            "the script is suspended for %lld more seconds: it ran into its time limit %d times "
            "lately",
            (long long)(script_guard_wait_ms(&q->guard, now_ms) / 1000 + 1), SCRIPT_CREDITS);
    fail_all(q, e.code, span_str(e.msg));
}

static void finish_one(struct script_queue *q, uint32_t i, struct list *again)
{
    struct script_wait *w = q->batch[i];
    struct rule_result *r = &q->job.rule_out[i];
    if (r->status == ERR_BUSY) {
        list_push(again, &w->link);
        return;
    }
    if (r->status == ERR_CANCELED)
        w->flow->run->canceled = true;
    w->done(w, r);
}

static void on_done(struct convert_job *job)
{
    struct script_queue *q = container_of(job, struct script_queue, job);
    struct chain_runtime *chain = chain_ref(q->batch[0]->flow->chain);
    struct list again;
    bool timed_out = false;
    for (uint32_t i = 0; i < job->n; i++)
        timed_out |= job->rule_out[i].status == ERR_TIMEOUT;
    script_guard_ran(&q->guard, timed_out, loop_now_ms(q->hub->o.loop));
    list_init(&again);
    for (uint32_t i = 0; i < job->n; i++)
        finish_one(q, i, &again);
    list_move_all(&again, &q->waiting);
    list_move_all(&q->waiting, &again);
    arena_free(&job->arena);
    q->running = false;
    submit(q);
    chain_unref(chain);
}

static void fill_job(struct script_queue *q, unsigned max)
{
    q->job = (struct convert_job){.script = q->script, .stop_at_timeout = true, .done = on_done};
    struct arena *a = &q->job.arena;
    struct downlink_input *input = arena_array(a, struct downlink_input, max);
    q->batch = arena_array(a, struct script_wait *, max);
    while (q->job.n < max && !list_empty(&q->waiting)) {
        struct script_wait *w = container_of(list_pop(&q->waiting), struct script_wait, link);
        q->batch[q->job.n] = w;
        input[q->job.n++] = w->input;
    }
    q->job.downlink = input;
}

static void undo_job(struct script_queue *q)
{
    for (uint32_t i = q->job.n; i-- > 0;)
        list_push_front(&q->waiting, &q->batch[i]->link);
    arena_free(&q->job.arena);
}

static void submit(struct script_queue *q)
{
    int64_t now_ms = loop_now_ms(q->hub->o.loop);
    if (q->running || q->waits_room || list_empty(&q->waiting))
        return;
    unsigned max = script_guard_allow(&q->guard, now_ms);
    if (max == 0) {
        fail_suspended(q, now_ms);
        return;
    }
    fill_job(q, max);
    int rc = convert_submit(q->hub->o.convert, &q->job);
    q->running = rc == 0;
    if (rc == 0)
        return;
    undo_job(q);
    if (rc == ERR_BUSY) {
        q->waits_room = true;
        convert_wait_room(q->hub->o.convert, &q->room);
    } else {
        fail_all(q, ERR_CANCELED, SPAN("the converters are being stopped"));
    }
}
