// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BRIDGE_REPLAY_H
#define PENSTOCK_BRIDGE_REPLAY_H

// An integration's stream is read once more, from a place on, up to where live reading stood when
// it began: by a consumer of its own, beside live reading, which goes first (a fifth of the reads,
// one job in the converters' queue, nothing of the budget's reserve). It writes no checkpoints and
// is not counted as applied. At most one an integration; it ends with the integration's stop, so
// that nothing of it outlives a restart or a change. Internal to bridge/; loop thread only.

#include "bridge/bridge.h"

struct integration;
struct replay;

// What is under way ends; then integration_maybe_stopped(). NULL is fine.
void replay_stop(struct replay *r);
// No part of it runs (NULL too).
bool replay_is_over(const struct replay *r);
// It must be over; NULL is fine.
void replay_free(struct replay *r);

#endif
