// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_PUSH_H
#define PENSTOCK_EMULATOR_PUSH_H

// Subscriptions with their connections: writes the events of subscription.h as they come about, no
// faster than the peer takes them, and lets fault rules spoil them. A subscriber that does not read
// holds TCP_HIGH_MARK and one event at most. Loop thread only.

#include "emulator/ops.h"
#include "net/http_server.h"

struct emulator;

// Answers the exchange with the events of the subscription.
void emu_push_begin(struct emulator *e, struct http_exchange *x, struct emu_subscription s);
// Something has happened to streams, records, rules or the clock: looks at every subscription at
// the end of this turn.
void emu_push_kick(struct emulator *e);
size_t emu_push_count(const struct emulator *e);
// Ends all subscriptions as if their time were over.
void emu_push_end_all(struct emulator *e);

#endif
