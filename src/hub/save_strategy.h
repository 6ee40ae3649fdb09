// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_SAVE_STRATEGY_H
#define PENSTOCK_HUB_SAVE_STRATEGY_H

// When a save node writes: the hub's processingSettings (facts/hub.md section 4.6). Pure, but for
// what deduplication remembers.
//
// ON_EVERY_MESSAGE: always. WEBSOCKETS_ONLY: never. DEDUPLICATE: the first message of a device in
// each interval of the messages' time. ADVANCED: one of these, or SKIP, for each thing that the
// node does; it writes when any of those that are kept here says so.

#include "codec/json.h"
#include "store/store.h"

#define SAVE_INTERVAL_MAX_S 86400

struct save_rule {
    enum { SAVE_ALWAYS, SAVE_NEVER, SAVE_FIRST } when;
    int64_t interval_ms;
    int64_t *last; // by device id: the interval written last + 1; owned
    size_t cap;
};

#define SAVE_RULES_MAX 2

struct save_strategy {
    struct save_rule rules[SAVE_RULES_MAX];
    unsigned n;
};

// `parts`: the members of ADVANCED that mean something kept here, ended by NULL. ERR_INVALID with
// text; free it all the same.
int save_strategy_read(const struct json *conf, const char *const *parts, struct save_strategy *out,
                       struct err *e);
bool save_strategy_look(struct save_strategy *s, const struct store_device *d, int64_t ts_ms);
static inline bool save_strategy_wants(struct save_strategy *s, const struct store_device *d,
                                       int64_t ts_ms)
{
    return s->rules[0].when == SAVE_ALWAYS || save_strategy_look(s, d, ts_ms);
}
void save_strategy_free(struct save_strategy *s);

#endif
