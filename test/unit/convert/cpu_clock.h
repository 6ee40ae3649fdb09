// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_CONVERT_CPU_CLOCK_H
#define PENSTOCK_TEST_CONVERT_CPU_CLOCK_H

// In place of convert/js_now.c: the time limits of scripts count the CPU time of this process. So a
// script that does little stays below a short limit on a machine that lets the test wait, and one
// that loops gets to it.

#include <stdbool.h>

// While held, no limit is reached.
void cpu_clock_hold(bool hold);

#endif
