// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_STATUS_TEXT_H
#define PENSTOCK_STREAM_STATUS_TEXT_H

// Says to a person why a call to a stream failed: what, which stream, where, what to do. Pure.

#include "aws/kinesis.h"

#define STATUS_TEXT_MAX 900

struct status_cause {
    const char *operation;         // "GetRecords"
    struct span stream;            // name or ARN
    struct span shard;             // empty = the stream as a whole
    struct span host;              // of the endpoint
    int status;                    // ERR_*
    const struct aws_error *error; // NULL = none
    bool fan_out;                  // the operation is one of enhanced fan-out
};

// Writes a NUL-terminated line, cut at STATUS_TEXT_MAX - 1; control characters become spaces.
void status_text(const struct status_cause *c, char out[STATUS_TEXT_MAX]);
// Failures in a row before a stream that was working counts as failing: what heals by itself is
// given time.
unsigned status_patience(int status);

#endif
