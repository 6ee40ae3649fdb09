// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_GATE_H
#define PENSTOCK_CONVERT_JS_GATE_H

// Between the thread that runs scripts and the one that watches it. A run enters the gate with
// everything it needs copied into its heap, and touches nothing of its caller's until it has left.
// So whoever finds a run in the gate for too long can give up on it and take the caller's memory
// away from under it: its thread cannot leave the gate any more.

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum js_gate_state { GATE_OUTSIDE, GATE_SCRIPT, GATE_LOST };

struct js_gate {
    _Atomic uint64_t word; // number of the run << 2 | enum js_gate_state
    _Atomic int64_t since_ms;
};

// Milliseconds of the coarse monotonic clock (steps of some 4 ms), which gates and time limits use.
int64_t js_now_ms(void);

// On the thread that runs. Returns the number of the run, for leaving.
uint64_t js_gate_enter(struct js_gate *g, int64_t now_ms);
// False when the run was given up meanwhile.
bool js_gate_leave(struct js_gate *g, uint64_t run);

// From any thread: gives up on the run when it has been inside for longer than `ms`. True when it
// was given up.
bool js_gate_give_up(struct js_gate *g, int64_t ms);

#endif
