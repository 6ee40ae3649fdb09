// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_EVENTS_H
#define PENSTOCK_HUB_EVENTS_H

// Debug events of converters, integrations and rule nodes (facts/hub.md section 1.4): the newest
// of each, in memory only, bounded by count and bytes for one entity and for all. Loop thread only.

#include "base/list.h"
#include "base/uuid.h"
#include "hub/debug.h"

#define EVENTS_ENTITY_MAX 500
#define EVENTS_ENTITY_BYTES ((size_t)256 * 1024)
#define EVENTS_ALL_BYTES ((size_t)8 * 1024 * 1024)
#define EVENTS_A_SECOND 200 // of one entity: writing them must not hold up its messages
#define EVENT_TEXT_MAX 4096 // of one text in an event, as in the hub

// The types there are; the others of the hub have no events here.
#define EVENT_TYPES(X)                                                                             \
    X(DEBUG_RULE_NODE)                                                                             \
    X(DEBUG_CONVERTER)                                                                             \
    X(DEBUG_INTEGRATION)
enum event_type {
#define EVENT_ENUM(name) EVENT_##name,
    EVENT_TYPES(EVENT_ENUM)
#undef EVENT_ENUM
        EVENT_TYPE_COUNT
};
const char *event_type_name(enum event_type t);
bool event_type_parse(struct span name, enum event_type *out);

struct event {
    struct uuid id;
    int64_t created_ms;
    enum event_type type;
    struct span body; // a JSON object
    // Of the store of events.
    struct list of_entity, of_all;
    struct event_ring *ring;
};

struct events;
struct events *events_new(const struct clock *clock);
void events_free(struct events *e);

// Whether the entity may write another event now: ask before making one.
bool events_may(const struct events *e, struct uuid entity);
// A member of an event's body; what has no `p` is null. Text beyond EVENT_TEXT_MAX is cut.
struct event_field {
    const char *key;
    struct span text;
};
void events_add(struct events *e, struct uuid entity, enum event_type type,
                const struct event_field *fields, size_t n);
// Newest first: NULL to start, NULL at the end. Good until the loop's next turn.
const struct event *events_next(const struct events *e, struct uuid entity,
                                const struct event *after);
void events_clear(struct events *e, struct uuid entity, enum event_type type);

#endif
