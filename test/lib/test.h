// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_LIB_TEST_H
#define PENSTOCK_TEST_LIB_TEST_H

// What every unit test includes: cmocka with what it needs, and checks on our own types.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/span.h"

// cmocka shows both texts when they differ.
#define assert_span_is(got, literal) assert_span_equal(got, SPAN(literal))
#define assert_span_equal(got, want)                                                               \
    do {                                                                                           \
        struct span got_ = (got), want_ = (want);                                                  \
        assert_int_equal(got_.n, want_.n);                                                         \
        if (want_.n > 0) {                                                                         \
            assert_memory_equal(got_.p, want_.p, want_.n);                                         \
        }                                                                                          \
    } while (0)

// Runs `run(arg)` in a child process: true when it aborted, as require() does. What the child says
// on stderr is dropped.
bool test_aborts(void (*run)(void *arg), void *arg);

#endif
