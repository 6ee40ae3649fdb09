// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BRIDGE_CHECK_H
#define PENSTOCK_BRIDGE_CHECK_H

// "Check connection": reaches for a stream with an integration's settings, without running it.
// Internal to bridge/; bridge_check() and bridge_validate() of bridge.h live here too.

#include "bridge/integration.h"

void check_cancel_all(struct bridge *b);

#endif
