// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_RETRY_H
#define PENSTOCK_AWS_RETRY_H

// The SDKs' "standard" retry mode as pure decisions: classification, token bucket, backoff.
// Source: facts/wire.md section 6, vectors/errors. Loop thread.

#include "base/clock.h"
#include "base/span.h"

enum retry_class {
    RETRY_NO,        // a second try would fail the same way
    RETRY_TRANSIENT, // connection, time-out, 5xx
    RETRY_THROTTLE,
    RETRY_CLOCK,      // clock skew: correct and sign again, once
    RETRY_CREDENTIALS // refresh credentials, once
};

// `code` is the service's error code ("" when there is none), status the HTTP status or 0 when
// there was no response (net_error != 0 is the ERR_* code then).
enum retry_class retry_classify(struct span code, int http_status, int net_error);

// Rule set: vectors/errors/retry_arithmetic.json.
enum retry_rules { RETRY_RULES_STANDARD, RETRY_RULES_V2_1, RETRY_RULES_V2_1_DYNAMODB };
#define RETRY_BUCKET_CAPACITY 500

struct retry_bucket {
    enum retry_rules rules;
    int capacity;
};
void retry_bucket_init(struct retry_bucket *b, enum retry_rules rules);
// Takes the cost of one more try; 0 = not granted. The cost goes back with retry_bucket_success().
int retry_bucket_take(struct retry_bucket *b, enum retry_class c, bool timed_out);
// last_cost = what the successful call's last retry took, 0 = it succeeded at once.
void retry_bucket_success(struct retry_bucket *b, int last_cost);

// Delay before retry number `attempt` (1 = first retry), jittered by `unit` in [0,1), milliseconds.
int64_t retry_delay_ms(enum retry_rules rules, enum retry_class c, int attempt, double unit);
// Upper bound before jitter, milliseconds.
int64_t retry_max_delay_ms(enum retry_rules rules, enum retry_class c, int attempt);
// The delay to use instead of `delay_ms`: as x-amz-retry-after (milliseconds) wishes, else
// Retry-After (seconds; RFC 9110 section 10.2.3). Empty = absent.
int64_t retry_after_ms(struct span amz_header, struct span header, int64_t delay_ms);

#endif
