// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BRIDGE_REST_CALL_H
#define PENSTOCK_BRIDGE_REST_CALL_H

// The REST API call node's other end (hub_rest_sink): sends requests, so many of a node at a time;
// more wait in line, up to a bound, beyond which the message fails at once. Tries again what may be
// (rest_answer.h). Loop thread only. Internal to bridge/.

#include "hub/hub.h"
#include "net/http_client.h"

#define REST_PARALLEL 64                      // requests of a node that names no number
#define REST_PARALLEL_MAX 1024                // of any node
#define REST_TIMEOUT_MS 30000                 // of a try, when the node names none
#define REST_WAITING_MAX 10000                // requests in line, of all nodes
#define REST_WAITING_BYTES (32 * 1024 * 1024) // their URLs and bodies together

struct rest_calls;

// idle(): the last one has ended, after rest_calls_stop().
struct rest_calls *rest_calls_new(struct loop *l, struct http_client *http, void (*idle)(void *ctx),
                                  void *ctx);
// Ends all with ERR_CANCELED, and so every later one.
void rest_calls_stop(struct rest_calls *r);
bool rest_calls_idle(const struct rest_calls *r);
// It must be idle.
void rest_calls_free(struct rest_calls *r);
// hub_rest_sink.submit; ctx = the calls.
int rest_call_submit(void *ctx, struct hub_rest_request *q, struct err *e);

#endif
