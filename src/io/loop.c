// SPDX-License-Identifier: Apache-2.0
#include "io/loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/loop_internal.h"

#define SIGNALS_MAX 8
#define HEAP_MIN 64

// The key stays as it was when a timer is moved to a later time: the entry is put right when it
// comes to the top, so that pushing an idle limit ahead costs nothing.
struct heap_entry {
    int64_t due_ms;
    uint64_t order;
    struct timer *timer;
};

struct signal_slot {
    uv_signal_t handle;
    bool used;
    void (*cb)(void *ctx, int signum);
    void *ctx;
};

struct loop {
    uv_loop_t uv;
    uv_timer_t timer;
    uv_prepare_t before_poll;
    uv_check_t after_poll;
    uv_idle_t no_wait; // active while tasks wait: polling must not block
    const struct clock *clock;
    int64_t now_ms;
    uint64_t uv_seen; // libuv's time when now_ms was read
    int64_t armed_ms; // what the libuv timer waits for; INT64_MAX = stopped
    bool firing;
    struct heap_entry *heap;
    uint32_t heap_n, heap_cap;
    uint64_t next_order;
    struct list tasks;
    struct signal_slot signals[SIGNALS_MAX];
    struct bad_addresses bad_addresses;
    char read_buf[LOOP_READ_BUF];
};

struct wake {
    uv_async_t async;
    void (*cb)(void *ctx);
    void *ctx;
};

static int64_t read_clock(struct loop *l)
{
    l->uv_seen = uv_now(&l->uv);
    return l->now_ms = l->clock->mono_ms(l->clock->ctx);
}

static bool entry_before(const struct heap_entry *a, const struct heap_entry *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void heap_set(struct loop *l, uint32_t i, struct heap_entry e)
{
    l->heap[i] = e;
    e.timer->at = i + 1;
}

static void heap_up(struct loop *l, uint32_t i, struct heap_entry e)
{
    while (i > 0) {
        uint32_t parent = (i - 1) / 2;
        if (!entry_before(&e, &l->heap[parent]))
            break;
        heap_set(l, i, l->heap[parent]);
        i = parent;
    }
    heap_set(l, i, e);
}

static void heap_down(struct loop *l, uint32_t i, struct heap_entry e)
{
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= l->heap_n)
            break;
        if (child + 1 < l->heap_n && entry_before(&l->heap[child + 1], &l->heap[child]))
            child++;
        if (!entry_before(&l->heap[child], &e))
            break;
        heap_set(l, i, l->heap[child]);
        i = child;
    }
    heap_set(l, i, e);
}

static void heap_insert(struct loop *l, struct timer *t)
{
    if (l->heap_n == l->heap_cap) {
        l->heap_cap = l->heap_cap ? l->heap_cap * 2 : HEAP_MIN;
        l->heap = mem_realloc(l->heap, sizeof(*l->heap) * l->heap_cap);
    }
    heap_up(l, l->heap_n++, (struct heap_entry){t->due_ms, t->order, t});
}

static void heap_remove(struct loop *l, uint32_t i)
{
    struct heap_entry last = l->heap[--l->heap_n];
    if (i == l->heap_n)
        return;
    if (i > 0 && entry_before(&last, &l->heap[(i - 1) / 2]))
        heap_up(l, i, last);
    else
        heap_down(l, i, last);
}

static void on_uv_timer(uv_timer_t *uv);

// Keeps the libuv timer at the earliest entry. Firing too early is harmless: on_uv_timer() looks
// again.
static void arm(struct loop *l, int64_t fresh_ms, int64_t at_least_ms)
{
    if (l->firing)
        return;
    if (l->heap_n == 0) {
        uv_timer_stop(&l->timer);
        l->armed_ms = INT64_MAX;
        return;
    }
    int64_t due = l->heap[0].due_ms;
    if (due == l->armed_ms)
        return;
    l->armed_ms = due;
    int64_t wait = due > fresh_ms ? due - fresh_ms : 0;
    uv_update_time(&l->uv);
    uv_timer_start(&l->timer, on_uv_timer, (uint64_t)(wait > at_least_ms ? wait : at_least_ms), 0);
}

static void fire_due(struct loop *l)
{
    // Timers started from here on wait for the next round, or a timer of 0 ms would hold the loop.
    uint64_t limit = l->next_order;
    while (l->heap_n > 0) {
        struct heap_entry top = l->heap[0];
        struct timer *t = top.timer;
        if (top.due_ms > l->now_ms || top.order >= limit)
            break;
        if (t->order != top.order) {
            heap_down(l, 0, (struct heap_entry){t->due_ms, t->order, t});
            continue;
        }
        heap_remove(l, 0);
        t->at = 0;
        t->fire(t);
    }
}

static void on_uv_timer(uv_timer_t *uv)
{
    struct loop *l = uv->data;
    read_clock(l);
    l->firing = true;
    fire_due(l);
    l->firing = false;
    // libuv may run what is due at once before it looks at sockets again, hence the millisecond.
    l->armed_ms = INT64_MAX;
    arm(l, l->clock->mono_ms(l->clock->ctx), 1);
}

void timer_start(struct loop *l, struct timer *t, int64_t after_ms)
{
    require(t->fire && (!t->at || t->loop == l));
    int64_t fresh_ms = l->clock->mono_ms(l->clock->ctx);
    if (after_ms < 0)
        after_ms = 0;
    t->loop = l;
    t->order = l->next_order++;
    t->due_ms = after_ms > INT64_MAX - fresh_ms ? INT64_MAX : fresh_ms + after_ms;
    if (t->at && t->due_ms >= l->heap[t->at - 1].due_ms)
        return;
    if (t->at)
        heap_up(l, t->at - 1, (struct heap_entry){t->due_ms, t->order, t});
    else
        heap_insert(l, t);
    if (t->at == 1)
        arm(l, fresh_ms, 0);
}

void timer_stop(struct timer *t)
{
    if (!t->at)
        return;
    struct loop *l = t->loop;
    heap_remove(l, t->at - 1);
    t->at = 0;
    if (l->heap_n == 0)
        arm(l, 0, 0);
}

static void run_tasks(struct loop *l)
{
    struct list now;
    list_init(&now);
    list_move_all(&now, &l->tasks);
    for (struct list *it; (it = list_pop(&now));) {
        struct loop_task *t = container_of(it, struct loop_task, link);
        t->run(t);
    }
    // Also when nothing ran: the only task may have been taken back.
    if (list_empty(&l->tasks))
        uv_idle_stop(&l->no_wait);
}

static void on_before_poll(uv_prepare_t *uv)
{
    run_tasks(uv->data);
}

static void on_after_poll(uv_check_t *uv)
{
    run_tasks(uv->data);
}

static void on_no_wait(uv_idle_t *uv)
{
    (void)uv;
}

void loop_post(struct loop *l, struct loop_task *t)
{
    require(t->run);
    if (list_empty(&l->tasks))
        uv_idle_start(&l->no_wait, on_no_wait);
    list_push(&l->tasks, &t->link);
}

void loop_unpost(struct loop_task *t)
{
    list_remove(&t->link);
}

struct loop *loop_new(const struct clock *clock)
{
    signal(SIGPIPE, SIG_IGN);
    struct loop *l = mem_new(struct loop);
    l->clock = clock;
    l->armed_ms = INT64_MAX;
    list_init(&l->tasks);
    require(uv_loop_init(&l->uv) == 0);
    l->uv.data = l;
    read_clock(l);
    uv_timer_init(&l->uv, &l->timer);
    uv_prepare_init(&l->uv, &l->before_poll);
    uv_check_init(&l->uv, &l->after_poll);
    uv_idle_init(&l->uv, &l->no_wait);
    l->timer.data = l->before_poll.data = l->after_poll.data = l->no_wait.data = l;
    uv_prepare_start(&l->before_poll, on_before_poll);
    uv_check_start(&l->after_poll, on_after_poll);
    uv_unref((uv_handle_t *)&l->before_poll);
    uv_unref((uv_handle_t *)&l->after_poll);
    return l;
}

void loop_run(struct loop *l)
{
    loop_refresh(l);
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

bool loop_turn(struct loop *l, bool wait)
{
    loop_refresh(l);
    return uv_run(&l->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT) != 0;
}

static void name_open_handle(uv_handle_t *h, void *ctx)
{
    (void)ctx;
    fprintf(stderr, "loop_free: still open: %s%s\n", uv_handle_type_name(uv_handle_get_type(h)),
            uv_is_closing(h) ? " (closing)" : "");
}

void loop_free(struct loop *l)
{
    loop_off_signals(l);
    uv_handle_t *own[] = {(uv_handle_t *)&l->timer, (uv_handle_t *)&l->before_poll,
                          (uv_handle_t *)&l->after_poll, (uv_handle_t *)&l->no_wait};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        uv_close(own[i], NULL);
    // Not until all is closed: a handle left open by its owner would keep this waiting for ever.
    for (int turns = 0; turns < 8 && uv_run(&l->uv, UV_RUN_NOWAIT); turns++)
        ;
    if (uv_loop_close(&l->uv) != 0) {
        uv_walk(&l->uv, name_open_handle, NULL);
#ifdef PENSTOCK_IO_STRICT
        abort();
#else
        return;
#endif
    }
    mem_free(l->heap);
    mem_free(l);
}

const struct clock *loop_clock(const struct loop *l)
{
    return l->clock;
}

int64_t loop_now_ms(const struct loop *l)
{
    // libuv refreshes its own time after each wait, before any callback.
    if (uv_now(&l->uv) != l->uv_seen)
        read_clock((struct loop *)l);
    return l->now_ms;
}

void loop_refresh(struct loop *l)
{
    uv_update_time(&l->uv);
    read_clock(l);
    // Our clock may have gone further than libuv's: a test's does.
    if (l->heap_n > 0 && l->heap[0].due_ms <= l->now_ms) {
        l->armed_ms = INT64_MAX;
        arm(l, l->now_ms, 0);
    }
}

int64_t loop_wall_ms(const struct loop *l)
{
    return l->clock->wall_ms(l->clock->ctx);
}

void *loop_native(struct loop *l)
{
    return &l->uv;
}

struct bad_addresses *loop_bad_addresses(struct loop *l)
{
    return &l->bad_addresses;
}

char *loop_read_buf(struct loop *l)
{
    return l->read_buf;
}

static void on_uv_signal(uv_signal_t *uv, int signum)
{
    struct signal_slot *s = uv->data;
    s->cb(s->ctx, signum);
}

static void on_signal_closed(uv_handle_t *h)
{
    struct signal_slot *s = h->data;
    s->used = false;
}

int loop_on_signal(struct loop *l, int signum, void (*cb)(void *ctx, int signum), void *ctx)
{
    struct signal_slot *free_slot = NULL;
    for (size_t i = 0; i < SIGNALS_MAX; i++) {
        struct signal_slot *s = &l->signals[i];
        if (s->used && s->handle.signum == signum)
            return ERR_EXISTS;
        if (!s->used && !free_slot)
            free_slot = s;
    }
    if (!free_slot)
        return ERR_LIMIT;
    require(uv_signal_init(&l->uv, &free_slot->handle) == 0);
    free_slot->used = true;
    free_slot->handle.data = free_slot;
    free_slot->cb = cb;
    free_slot->ctx = ctx;
    uv_unref((uv_handle_t *)&free_slot->handle);
    int rc = uv_signal_start(&free_slot->handle, on_uv_signal, signum);
    if (rc != 0)
        uv_close((uv_handle_t *)&free_slot->handle, on_signal_closed);
    return io_err(rc);
}

void loop_off_signals(struct loop *l)
{
    for (size_t i = 0; i < SIGNALS_MAX; i++) {
        struct signal_slot *s = &l->signals[i];
        if (s->used && !uv_is_closing((uv_handle_t *)&s->handle))
            uv_close((uv_handle_t *)&s->handle, on_signal_closed);
    }
}

static void on_async(uv_async_t *uv)
{
    struct wake *w = uv->data;
    w->cb(w->ctx);
}

struct wake *wake_new(struct loop *l, void (*cb)(void *ctx), void *ctx)
{
    struct wake *w = mem_new(struct wake);
    w->cb = cb;
    w->ctx = ctx;
    require(uv_async_init(&l->uv, &w->async, on_async) == 0);
    w->async.data = w;
    uv_unref((uv_handle_t *)&w->async);
    return w;
}

void wake_send(struct wake *w)
{
    uv_async_send(&w->async);
}

static void on_wake_closed(uv_handle_t *h)
{
    mem_free(h->data);
}

void wake_free(struct wake *w)
{
    uv_close((uv_handle_t *)&w->async, on_wake_closed);
}

void wake_hold(struct wake *w, bool hold)
{
    if (hold)
        uv_ref((uv_handle_t *)&w->async);
    else
        uv_unref((uv_handle_t *)&w->async);
}

int io_err(int uv_status)
{
    switch (uv_status) {
    case 0:
        return 0;
    case UV_EOF:
    case UV_EPIPE:
        return ERR_CLOSED;
    case UV_ECANCELED:
        return ERR_CANCELED;
    case UV_ETIMEDOUT:
        return ERR_TIMEOUT;
    case UV_ENOSPC:
        return ERR_NOSPACE;
    case UV_EINVAL:
        return ERR_INVALID;
    case UV_EMFILE:
    case UV_ENFILE:
    case UV_ENOMEM:
    case UV_ENOBUFS:
        return ERR_LIMIT;
    default:
        return ERR_IO;
    }
}
