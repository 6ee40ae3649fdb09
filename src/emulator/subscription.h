// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_SUBSCRIPTION_H
#define PENSTOCK_EMULATOR_SUBSCRIPTION_H

// A subscription to a shard (enhanced fan-out), without its connection: which event comes next, and
// when. It refers to stream, consumer and shard by number, so that any of them may go away; what
// became of them shows at the next event. Pure; one thread at a time.

#include "base/buf.h"
#include "emulator/account.h"
#include "emulator/request.h"

#define EMU_HEARTBEAT_MS 5000 // an event without records when nothing else happens
// Data and keys of one event; a larger record has one to itself.
#define EMU_EVENT_BYTES ((size_t)256 << 10)

struct emu_subscription {
    uint64_t stream_uid, consumer_uid;
    uint64_t serial; // of the grant (consumer.h) that it holds
    uint32_t shard;
    bool cbor;
    uint64_t next;           // record
    int64_t end_ms;          // monotonic, as the others
    int64_t event_ms;        // when an event without records is due
    int64_t room_ms;         // when the rate limit lets the next one through
    struct emu_bucket bytes; // when limits are on
};

enum emu_push {
    EMU_PUSH_NOTHING, // not yet
    EMU_PUSH_EVENT,   // payload is an event's
    EMU_PUSH_LAST,    // likewise; the stream ends after it
    EMU_PUSH_END,     // the stream ends
    EMU_PUSH_ERROR    // the stream ends with an exception
};

// Appends the payload of the event that is due.
enum emu_push emu_subscription_next(struct emu_subscription *s, struct emu_account *a,
                                    struct emu_now now, struct buf *payload, struct emu_error *e);
// The payload of an event without records that leaves the subscription where it is; nothing when
// it has lost its shard.
void emu_subscription_empty(const struct emu_subscription *s, const struct emu_account *a,
                            struct emu_now now, struct buf *payload);
// Monotonic time at which emu_subscription_next() should be asked again, new records or not.
int64_t emu_subscription_due_ms(const struct emu_subscription *s, struct emu_now now);

#endif
