// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_DEBUG_H
#define PENSTOCK_HUB_DEBUG_H

// When a converter, an integration or a rule node writes debug events: failures only, or all for a
// time (facts/hub.md sections 1.3 and 1.4). Pure.

#include "codec/json.h"

// "All" reverts by itself after this long, whatever a document asks for.
#define DEBUG_ALL_MS ((int64_t)3600 * 1000)

struct debug_settings {
    bool failures;
    int64_t all_until_ms;
};

// Of the document's debugSettings; without any, none.
struct debug_settings debug_settings_read(const struct json *doc);
// Before a document is saved: "all" gets the time when it ends, and so does debugMode of older
// releases where there are no settings yet.
void debug_settings_stamp(struct json *doc, int64_t now_ms);

static inline bool debug_any(const struct debug_settings *d)
{
    return d->failures || d->all_until_ms;
}
static inline bool debug_wants(const struct debug_settings *d, int64_t now_ms, bool failed)
{
    return (failed && d->failures) || now_ms < d->all_until_ms;
}

#endif
