// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_VALUE_READS_H
#define PENSTOCK_HUB_VALUE_READS_H

// Reads of a device's stored attributes and latest telemetry by rule nodes. A read begins only when
// all that was committed before it was asked for is durable, so that a message sees what earlier
// ones did. Loop thread only.

#include "store/store.h"

struct value_reads;
struct value_reading;

// Caller-owned, filled in; the keys are borrowed until done().
struct value_read {
    struct store_device *device;
    const struct span *attribute_keys; // of any scope
    size_t n_attributes;
    const struct span *telemetry_keys;
    size_t n_telemetry;
    // For each value that there is: attributes of every scope, and telemetry with scope 0. Spans
    // are valid during the call.
    void (*value)(struct value_read *r, enum store_scope scope, struct span key,
                  const struct value *v, int64_t ts_ms);
    void (*done)(struct value_read *r, int status); // once, later
    // The reader's.
    struct list link;
    struct value_reading *reading; // while it is under way
    struct value_reads *owner;
    unsigned pending;
    int status;
};

struct value_reads *value_reads_new(struct store *s);
// Nothing is being read any more.
void value_reads_free(struct value_reads *v);
void value_reads_add(struct value_reads *v, struct value_read *r);

#endif
