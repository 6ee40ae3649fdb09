// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BRIDGE_REST_ANSWER_H
#define PENSTOCK_BRIDGE_REST_ANSWER_H

// What the REST API call node (facts/hub.md section 4.6) sends and makes of the answer, and when it
// asks again. Pure. Memory: the request's arena of secrets for its headers, else the run's.

#include "hub/hub.h"
#include "net/http_types.h"

#define REST_TRIES 3 // of one request, all together

// Headers of the node, credentials, and application/json for a body without a type. ERR_INVALID:
// a name or a value that would break the message.
int rest_headers(struct hub_rest_request *q, struct http_headers *out, struct err *e);
// The body to send.
struct span rest_body(const struct hub_rest_request *q);

// RFC 9110 section 9.2.2.
bool rest_is_idempotent(struct span method);

// Milliseconds until the request is sent again, or -1: it is not. `try` = 1 for the first;
// status 0: there was no answer, `error` says why. A request that may have been carried out is
// repeated only if its method is idempotent. `unit` in [0, 1).
int64_t rest_retry_ms(struct span method, int try, int error, int status, struct span retry_after,
                      double unit);

// Metadata of the answer: status, statusCode, statusReason and its headers.
struct convert_pairs rest_metadata(struct arena *a, int status, struct http_headers h);
// The same with `error` and, when there was an answer, `error_body`.
struct convert_pairs rest_error_metadata(struct arena *a, struct convert_pairs answer,
                                         struct span error, struct span body);
// The next message's data: the body when it is JSON, {} for none, else a JSON string of it.
struct span rest_json(struct arena *a, struct span body);

#endif
