// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_CLOCK_SKEW_H
#define PENSTOCK_AWS_CLOCK_SKEW_H

// Whether a refused signature is the clock's fault, read off the reply's Date header. Pure.
// Source: facts/wire.md section 1, clock skew.

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

// Services accept about 5 minutes; below 4 the fault lies elsewhere.
#define AWS_CLOCK_SKEW_MIN_MS (4 * 60 * 1000)

// IMF-fixdate of RFC 9110 section 5.6.7, "Sat, 31 Jan 2026 23:59:59 GMT", in milliseconds.
bool aws_http_date_parse(struct span s, int64_t *out_ms);
// True when the server's time is further from the time signed with than the minimum;
// *skew_ms is then what to add to the local clock.
bool aws_clock_skew(struct span date, int64_t signed_ms, int64_t local_ms, int64_t *skew_ms);

#endif
