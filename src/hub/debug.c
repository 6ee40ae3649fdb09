// SPDX-License-Identifier: Apache-2.0
#include "hub/debug.h"

struct debug_settings debug_settings_read(const struct json *doc)
{
    const struct json *s = json_get(doc, "debugSettings");
    return (struct debug_settings){.failures = json_get_bool(s, "failuresEnabled", false),
                                   .all_until_ms = json_get_int(s, "allEnabledUntil", 0)};
}

void debug_settings_stamp(struct json *doc, int64_t now_ms)
{
    struct json *s = json_get(doc, "debugSettings");
    if (!json_is(s, JSON_OBJECT)) {
        if (!json_get_bool(doc, "debugMode", false))
            return;
        json_set(doc, "debugSettings", json_new_object());
        s = json_get(doc, "debugSettings");
        json_set_bool(s, "failuresEnabled", true);
        json_set_bool(s, "allEnabled", true);
    }
    int64_t until = json_get_int(s, "allEnabledUntil", 0), latest = now_ms + DEBUG_ALL_MS;
    if (json_get_bool(s, "allEnabled", false) || until > latest)
        until = latest;
    json_set_bool(s, "allEnabled", false);
    json_set_num(s, "allEnabledUntil", (double)until);
}
