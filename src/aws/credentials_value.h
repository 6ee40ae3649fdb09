// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_CREDENTIALS_VALUE_H
#define PENSTOCK_AWS_CREDENTIALS_VALUE_H

// Credentials with their own memory, wiped when freed, and when to look for the next ones. Pure.
// Between uses they are kept under a one-time pad, so that no text of them lies in memory (a core
// file, say) for long.
// Times are of the monotonic clock: a wall clock that is set does not touch them.

#include "aws/credential_source.h"
#include "base/clock.h"

struct credentials_value;
struct credentials_value *credentials_value_new(const struct sigv4_credentials *c,
                                                const struct clock *clock);
// In the clear, until closed.
struct credentials_open {
    struct sigv4_credentials c;
    char *bytes;
    size_t n;
};
void credentials_value_open(const struct credentials_value *v, struct credentials_open *out);
void credentials_value_close(struct credentials_open *o);
void credentials_value_free(struct credentials_value *v);

// A refresh starts this long before the end, or at half of a short life.
#define CREDENTIALS_EARLY_MS (15 * 60 * 1000)
// None lives longer than this without being asked for again, whatever it says: an hour beyond the
// longest session of STS.
#define CREDENTIALS_LIFE_MAX_MS (13 * 3600 * 1000)
// What has ended already when it came (or a clock is wrong) is used, and asked for again after...
#define CREDENTIALS_ENDED_RETRY_MS (60 * 1000)
// A failed refresh is tried again after 30 s, doubled each time up to...
#define CREDENTIALS_RETRY_MS (30 * 1000)
#define CREDENTIALS_RETRY_MAX_MS (5 * 60 * 1000)
// The metadata service may give out ended keys while it is in trouble, and those still work: they
// are kept, and asked for again after 10 minutes and up to 10 more (botocore).
#define CREDENTIALS_STATIC_RETRY_MS (10 * 60 * 1000)

struct credentials_schedule {
    bool ends;          // else nothing below counts
    bool ended_at_once; // came with its end behind it
    int64_t refresh_ms; // from then on, in the background
    int64_t end_ms;     // not used any more from then on
    int64_t said_ms;    // the end as its issuer says it
};

// `wall_ms` stands in where the issuer's clock is unknown; `unit` in [0, 1) spreads the refreshes
// of many gateways; `lasting`: of the metadata service, good beyond its end.
struct credentials_schedule credentials_schedule(const struct source_value *v, bool lasting,
                                                 int64_t wall_ms, int64_t now_ms, double unit);
// When to try again after the n-th failure in a row (from 1).
int64_t credentials_retry_after_ms(int failures, bool lasting, double unit);

#endif
