// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BRIDGE_WEBHOOK_CONFIG_H
#define PENSTOCK_BRIDGE_WEBHOOK_CONFIG_H

// Who may call an integration over HTTP, in its `configuration`: enableSecurity and headersFilter
// (header -> value) as the hub's HTTP integration has them; ours: signatureSecret, the key of an
// HMAC-SHA256 over the body, and signatureHeader, where it stands in hexadecimal, by itself or
// after "sha256=". Pure.

#include "base/uuid.h"
#include "codec/http_header.h"
#include "codec/json.h"
#include "convert/convert.h"
#include "hub/secrets.h"

#define WEBHOOK_SIGNATURE_HEADER "X-Hub-Signature-256"

struct webhook_config {
    struct span routing_key; // empty = the integration's id
    struct convert_pairs filters;
    struct span signature_secret; // empty = none
    struct span signature_header;
    bool ok_status; // replaceNoContentToOk: 200 instead of 204
};

// `doc` is the whole integration; everything is copied into `a`, secrets as sealed as they are.
// ERR_INVALID names the key.
int webhook_config_read(const struct json *doc, struct arena *a, struct webhook_config *c,
                        struct err *e);
// 0, ERR_AUTH with what is wrong, or ERR_CONFIG: a secret of the integration cannot be opened.
// Secrets are compared in constant time.
int webhook_authorize(const struct webhook_config *c, const struct secrets *s, struct uuid id,
                      struct http_headers headers, struct span body, struct err *e);
// The headers that a converter may see, as "Header:name" pairs: none that prove who the caller is.
// In `a`.
struct convert_pairs webhook_header_pairs(const struct webhook_config *c,
                                          struct http_headers headers, struct arena *a);

#endif
