// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_UPLINK_H
#define PENSTOCK_CONVERT_UPLINK_H

// The uplink contract: a record in, device and asset messages out, from results of the hub's
// generic and its typed style.

#include "convert/js_engine.h"
#include "convert/result_value.h"

struct uplink_call {
    struct js_call call; // first
    const struct uplink_record *record;
    bool with_metadata; // the script can read it
    struct result_reader reader;
    struct uplink_result *out;
};

// Prepares `c` for one record; its results go to reader.arena.
void uplink_call_init(struct uplink_call *c, const struct uplink_record *record,
                      struct uplink_result *out);

#endif
