// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BRIDGE_PULSE_H
#define PENSTOCK_BRIDGE_PULSE_H

// Whether records, or empty answers, really arrive: the service may be silent without any error.
// Pure: one look over all shards, with a time.
//
// A shard that is being read and has not answered by the deadline is silent, unless it is not asked
// because what it has read waits for us. When nothing at all arrives because everything waits for
// us, that is no pulse either.

#include "stream/consumer.h"

// Least time without an answer that counts: a few polls, a repeated call, a busy machine.
#define PULSE_MS 10000
#define PULSE_POLLS 4
// With fan-out an event, be it empty, comes at least every few seconds; the subscription itself is
// given up after 30 s (facts/kcl.md section 4).
#define PULSE_FAN_OUT_MS 15000

enum pulse { PULSE_BEATS, PULSE_SILENT, PULSE_HELD };

struct pulse_look {
    int64_t now_ms, deadline_ms;
    int64_t newest_ms; // the latest answer of any shard that is read
    size_t reading;    // such shards
    size_t silent;     // of them
    struct span shard; // one of the silent ones: the longest
    int64_t shard_ms;  // its last answer
    const char *why;   // its error, or NULL
};

int64_t pulse_deadline(int64_t poll_ms, bool fan_out);
void pulse_begin(struct pulse_look *l, int64_t now_ms, int64_t deadline_ms);
// True when this shard is silent. s->shard_id and the texts must outlive the look.
bool pulse_shard(struct pulse_look *l, const struct shard_status *s);
enum pulse pulse_end(const struct pulse_look *l);

#endif
