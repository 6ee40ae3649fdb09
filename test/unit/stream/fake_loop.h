// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_STREAM_FAKE_LOOP_H
#define PENSTOCK_TEST_STREAM_FAKE_LOOP_H

// Stands in for io/loop.c at link time: timers, tasks and time without sockets, threads or waiting.
// Time moves only in fake_loop_run(). Timers due at the same instant fire in random order when
// `shuffle` is set, which the real loop does not promise but its users must survive.

#include "io/loop.h"
#include "lib/test_clock.h"

struct loop {
    struct test_clock clock;
    struct timer **timers;
    size_t n, cap;
    struct list tasks;
    bool shuffle;
    uint64_t random_state;
};

void fake_loop_init(struct loop *l, uint64_t seed);
// Nothing may be left running.
void fake_loop_deinit(struct loop *l);
// Runs tasks and all timers of the next `ms` milliseconds.
void fake_loop_run(struct loop *l, int64_t ms);
// Runs what is due until `*stop` or `ms` milliseconds have passed; whether *stop.
bool fake_loop_run_until(struct loop *l, const bool *stop, int64_t ms);

#endif
