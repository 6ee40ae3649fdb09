// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_SCRIPT_RUN_H
#define PENSTOCK_TEST_SCRIPT_RUN_H

// Runs scripts on the test's own thread and writes what came out as one line of text, to compare.

#include "lib/test.h"

#include "base/buf.h"
#include "convert/runner.h"

struct script_run {
    struct runner *runner;
    struct convert_script *script;
    struct runner_stats stats;
    struct buf text;
};

void script_run_init(struct script_run *s, enum convert_kind kind, const char *script,
                     const struct runner_limits *limits); // NULL: generous ones
void script_run_free(struct script_run *s);

// One record: "device NAME type=T label=L customer=C group=G @TS{key=value, ...} attr{...}",
// messages joined by "; ", "nothing", or "invalid: reason", "script: ...", "timeout: ...", "memory:
// ...". Values: 22, 22.5, true, 'text', json[1,2]. Valid until the next call.
const char *script_run_uplink(struct script_run *s, struct span payload);
const char *script_run_uplink_meta(struct script_run *s, const struct uplink_record *record,
                                   struct convert_pairs meta);
// "JSON data [streamName=...,...] -> STREAM STREAM_ARN KEY HASH_KEY".
const char *script_run_downlink(struct script_run *s, const struct downlink_input *in,
                                struct convert_pairs meta);
// A rule node's script: the text, "true", "name,name", or "TYPE json [key=value,...]; ..." with
// what it left out empty.
const char *script_run_rule(struct script_run *s, const struct downlink_input *in);

// One record through a fresh heap.
void assert_uplink(const char *script, const char *payload, const char *want);
// The script's value as JSON: wraps it as the telemetry of a device.
void assert_value(const char *expression, const char *want_json);

#endif
