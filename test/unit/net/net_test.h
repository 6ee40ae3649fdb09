// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_NET_TEST_H
#define PENSTOCK_TEST_NET_TEST_H

// What the tests of net/ share: a loop with a deadline, whose time the test moves, and a peer that
// speaks raw bytes.

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "io/tcp.h"

#define DEADLINE_MS 120000

extern struct loop *loop;
extern struct timer deadline;

#define wait_until(condition)                                                                      \
    do {                                                                                           \
        int64_t end_ms_ = clock_system.mono_ms(NULL) + DEADLINE_MS;                                \
        timer_start(loop, &deadline, DEADLINE_MS); /* ends the wait for events */                  \
        while (!(condition)) {                                                                     \
            assert_true(loop_turn(loop, true));                                                    \
            if (clock_system.mono_ms(NULL) > end_ms_)                                              \
                fail_msg("waited in vain");                                                        \
        }                                                                                          \
        timer_stop(&deadline);                                                                     \
    } while (0)

// The loop's clock stands still but for this: what a time limit ends, it ends at that time, neither
// sooner nor later, and however slow the machine is.
void advance_ms(int64_t ms);
// Runs what is due or has come, without waiting for more.
void turns(int n);
void begin_loop(void);
// Closes raw peers a failed test left, runs until nothing is left and frees.
void end_loop(void);
void set_flag(void *ctx); // a close callback: *(int *)ctx += 1

// A TCP peer without HTTP.
struct raw {
    struct list link; // all that are open, for end_loop() after a failed test
    struct tcp *tcp;
    struct buf got;
    int open; // 1 connected, -1 failed
    int ended;
    int status;
    int closed;
};
void raw_connect(struct raw *r, uint16_t port);
void raw_attach(struct raw *r, struct tcp *t); // one that was accepted
void raw_send(struct raw *r, const char *s);
void raw_send_span(struct raw *r, struct span s);
bool raw_has(const struct raw *r, const char *s);
// How often `s` occurs in what came.
int raw_count(const struct raw *r, const char *s);
void raw_close(struct raw *r);

#endif
