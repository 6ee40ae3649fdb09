// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_ACCOUNT_H
#define PENSTOCK_EMULATOR_ACCOUNT_H

// All that one emulator holds: its streams and the settings they share. Pure; one thread at a time.

#include "base/arena.h"
#include "base/map.h"
#include "emulator/stream.h"
#include "emulator/token.h"

#define EMU_ACCOUNT_ID_LEN 12
#define EMU_REGION_MAX 32
#define EMU_SHARD_LIMIT_DEFAULT 500

struct emu_account {
    char id[EMU_ACCOUNT_ID_LEN + 1];
    char region[EMU_REGION_MAX + 1];
    struct map by_name; // of struct emu_stream, owned
    struct map by_uid;
    struct emu_store store;
    uint64_t last_uid;                // of streams, consumers and subscriptions
    uint64_t records_in, records_out; // accepted and handed out, for statistics
    uint32_t shard_limit;
    int64_t transition_ms;                       // how long CREATING, UPDATING and DELETING last
    int64_t subscription_ms, subscribe_again_ms; // consumer.h; 0 = as the service
    bool limits;                                 // enforce the throughput limits
    bool changing;                               // some stream may have a change under way
    uint8_t token_key[EMU_TOKEN_KEY_LEN];
    // Account-level rates, when limits are on.
    struct emu_bucket list_calls, limits_calls, create_calls, describe_calls, summary_calls,
        register_calls, split_calls, merge_calls;
};

// The caller has set what is its own in *a (id, region, limits ...; zero elsewhere).
void emu_account_init(struct emu_account *a, size_t retained_bytes);
void emu_account_free(struct emu_account *a);

// Completes the changes that are due: every operation calls it first.
void emu_account_settle(struct emu_account *a, struct emu_now now);
struct emu_stream *emu_account_stream(const struct emu_account *a, struct span name);
struct emu_stream *emu_account_stream_by_uid(const struct emu_account *a, uint64_t uid);
// The name is free. The stream is ACTIVE; emu_account_begin() makes it CREATING.
struct emu_stream *emu_account_create(struct emu_account *a, struct span name, uint32_t n_shards,
                                      int64_t wall_ms);
// emu_stream_begin() with the account's transition time; a deletion of 0 ms frees the stream. A
// deletion lasts at least to the end of the second of the creation: identities count in seconds.
void emu_account_begin(struct emu_account *a, struct emu_stream *s, struct emu_change change,
                       struct emu_now now);
// Adds a consumer to the stream, which has room for it and none of this name; it is CREATING for
// the transition time. Removal likewise.
struct emu_consumer *emu_account_register(struct emu_account *a, struct emu_stream *s,
                                          struct span name, struct emu_now now);
void emu_account_deregister(struct emu_account *a, struct emu_stream *s,
                            struct emu_consumer *consumer, struct emu_now now);
// Monotonic time at which the next change is due; INT64_MAX when none is under way.
int64_t emu_account_due_ms(const struct emu_account *a);
uint32_t emu_account_open_shards(const struct emu_account *a);
// All streams by name.
struct emu_stream **emu_account_sorted(const struct emu_account *a, struct arena *arena, size_t *n);

#endif
