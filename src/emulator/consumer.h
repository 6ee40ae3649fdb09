// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_CONSUMER_H
#define PENSTOCK_EMULATOR_CONSUMER_H

// The registered consumers (enhanced fan-out) of a stream, and who holds the subscription to which
// shard. Owned by the stream. Pure; one thread at a time.

#include "base/err.h"
#include "base/span.h"
#include "emulator/bucket.h"

#define EMU_CONSUMERS_MAX 20         // of a stream (facts/wire.md section 4)
#define EMU_CONSUMERS_CREATING_MAX 5 // of them, at a time
#define EMU_SUBSCRIBE_AGAIN_MS 5000  // a call sooner after a successful one: ResourceInUse
#define EMU_SUBSCRIPTION_MS 300000   // how long a subscription lasts

enum emu_status { EMU_CREATING, EMU_ACTIVE, EMU_UPDATING, EMU_DELETING, EMU_DELETED };

// Time, as one call sees it.
struct emu_now {
    int64_t wall_ms;
    int64_t mono_ms;
};

// The last successful SubscribeToShard of a consumer for one shard.
struct emu_grant {
    uint64_t serial; // of that subscription; 0 = there was none
    int64_t at_ms;   // monotonic
    struct emu_bucket calls;
};

struct emu_consumer {
    struct span name; // owned
    uint64_t uid;     // tells a consumer from an earlier one of the same name
    enum emu_status status;
    int64_t created_ms;
    int64_t due_ms;           // monotonic: when CREATING or DELETING is over
    struct emu_grant *grants; // by shard index; owned
    uint32_t n_grants;
};

struct emu_consumers {
    struct emu_consumer *all[EMU_CONSUMERS_MAX]; // by name, in byte order
    uint32_t n;
};

void emu_consumers_free(struct emu_consumers *l);
struct emu_consumer *emu_consumers_find(const struct emu_consumers *l, struct span name);
struct emu_consumer *emu_consumers_by_uid(const struct emu_consumers *l, uint64_t uid);
uint32_t emu_consumers_creating(const struct emu_consumers *l);
// The name is free and there is room. It is CREATING for after_ms.
struct emu_consumer *emu_consumers_add(struct emu_consumers *l, struct span name, uint64_t uid,
                                       struct emu_now now, int64_t after_ms);
// It is DELETING for after_ms.
void emu_consumer_delete(struct emu_consumer *c, struct emu_now now, int64_t after_ms);
// Completes what is due. True while a consumer is CREATING or DELETING.
bool emu_consumers_settle(struct emu_consumers *l, struct emu_now now);
// The record of the subscriptions to a shard, made when there is none. Valid until the next call.
struct emu_grant *emu_consumer_grant(struct emu_consumer *c, uint32_t shard);

#endif
