// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_RUNNER_H
#define PENSTOCK_CONVERT_RUNNER_H

// What one worker thread runs scripts with: a heap for each script it met lately, and the records
// of a batch one after the other.

#include "convert/script.h"

#define RUNNER_HEAPS 16 // of one worker; the longest unused makes room

struct runner;
struct js_gate;

struct runner_limits {
    int64_t time_ms;
    size_t memory; // bytes of a heap
    bool cast_strings;
};

struct runner_stats {
    uint64_t runs, failures, timeouts, memory_kills, heaps_made;
};

struct runner *runner_new(const struct runner_limits *limits);
void runner_free(struct runner *r);

// Runs records *next to job->n - 1; *next is the one that runs now. Results go to the job's
// outputs, which are there already. False when a run was given up at the gate: the job is not to be
// touched.
bool runner_run(struct runner *r, struct convert_script *script, struct convert_job *job,
                uint32_t *next, struct js_gate *gate, struct runner_stats *stats);

#endif
