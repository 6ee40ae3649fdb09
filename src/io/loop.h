// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_IO_LOOP_H
#define PENSTOCK_IO_LOOP_H

// The one event loop. It owns every socket, timer and queue; all callbacks of io/ and net/ run on
// the thread that runs it, and everything here but wake_send() is for that thread only.
//
// The asynchronous contract of the whole program:
// - submit: `int x_do(struct x *, struct x_req *req, ...)`. Negative = not started, no callback.
// - the callback runs exactly once, never inside the submitting call; the request's memory is the
//   caller's again when it starts. Spans in it are valid only during it.
// - cancel: the callback still runs, once, later, with ERR_CANCELED.
// - an object with a handle has x_close(x, cb), safe at any moment; memory is freed only after cb.

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"

struct loop;

struct loop *loop_new(const struct clock *clock);
// Runs until nothing is left to wait for. Not re-entrant.
void loop_run(struct loop *l);
// One turn, for tests that drive a loop until a condition holds: waits for the first event when
// `wait`. False when nothing is left to wait for. Not from a callback.
bool loop_turn(struct loop *l, bool wait);
// All handles must be closed: otherwise names them on stderr and aborts (debug) or leaks (release).
void loop_free(struct loop *l);
const struct clock *loop_clock(const struct loop *l);
// Time of this turn, monotonic milliseconds; loop_refresh() after heavy work in a callback.
int64_t loop_now_ms(const struct loop *l);
void loop_refresh(struct loop *l);
int64_t loop_wall_ms(const struct loop *l);
// Opaque to all but io/ (a uv_loop_t).
void *loop_native(struct loop *l);

// A piece of work for the end of this turn (or the next one when posted from such work). Zero or
// unlinked before; loop_unpost() takes it back.
struct loop_task {
    struct list link;
    void (*run)(struct loop_task *t);
};
void loop_post(struct loop *l, struct loop_task *t);
void loop_unpost(struct loop_task *t);

// Timers need no close: stopping is immediate. Zero-initialise, set `fire`.
struct timer {
    struct loop *loop;
    int64_t due_ms;
    uint64_t order; // of start, among all timers
    uint32_t at;    // position in the loop's heap + 1; 0 = stopped
    void (*fire)(struct timer *t);
};
// (Re)starts; fires once, `after_ms` from now (not from the turn's start). Same due: order of
// start.
void timer_start(struct loop *l, struct timer *t, int64_t after_ms);
void timer_stop(struct timer *t);
static inline bool timer_active(const struct timer *t)
{
    return t->at != 0;
}

// SIGINT, SIGTERM, SIGHUP... on the loop. One handler a signal; pending ones do not keep the loop
// running. SIGPIPE is ignored for the whole process from loop_new() on.
int loop_on_signal(struct loop *l, int signum, void (*cb)(void *ctx, int signum), void *ctx);
void loop_off_signals(struct loop *l);

// A wake-up from other threads: sends coalesce, so the callback drains a queue of the owner's.
struct wake;
struct wake *wake_new(struct loop *l, void (*cb)(void *ctx), void *ctx);
void wake_send(struct wake *w); // any thread, until wake_free()
void wake_free(struct wake *w); // senders are joined before; the callback will not run any more
// Whether a pending wake keeps the loop running (default: no).
void wake_hold(struct wake *w, bool hold);

#endif
