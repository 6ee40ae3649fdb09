// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_RPC_H
#define PENSTOCK_HUB_RPC_H

// Calls of devices (facts/hub.md sections 3.5 and 3.6): someone calls, the rule chain carries the
// message to an RPC call request node, the device asks for it and replies. Loop thread only.

#include "hub/hub.h"

#define RPC_DEVICE_MAX 100 // calls of one device that are not replied to
#define RPC_MAX 10000      // of all devices

struct rpcs;

// A call by REST. Caller-owned.
struct hub_rpc_call {
    // Once, later: 0 and the reply, which lives during the call (none of a one-way call);
    // ERR_TIMEOUT: the device has it and did not reply; ERR_UNAVAILABLE: it did not ask for it;
    // ERR_BUSY: too many wait for the device; ERR_CANCELED.
    void (*done)(struct hub_rpc_call *c, int status, struct span json);
    // The hub's.
    struct hub *hub;
    struct uuid id;
    struct timer timer;
    struct list asked; // what nodes have asked of devices for it
    bool delivered;
    int failed; // to be told; 0 = not yet known
};
// `json`: {"method":..., "params":...}. Negative: not sent, no callback.
int hub_rpc_call(struct hub *h, struct hub_rpc_call *c, struct store_device *d, struct span json,
                 bool oneway, int64_t timeout_ms, struct err *e);

// The device asks. Out of the queue: {"id":...,"method":...,"params":...} in `out`, or false.
bool hub_rpc_take(struct hub *h, struct store_device *d, struct buf *out);
// Or it waits for the next one: HUB_POLL_CALL of hub/polls.h.
// False: nobody waits for a reply of that id.
bool hub_rpc_reply(struct hub *h, struct store_device *d, int64_t id, struct span json);

// Internal to hub/.
struct rpcs *rpcs_new(struct hub *h);
// Ends all with ERR_CANCELED, and so every later one.
void rpcs_stop(struct rpcs *r);
void rpcs_free(struct rpcs *r); // nothing may be left

#endif
