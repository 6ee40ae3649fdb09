// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_API_MASK_H
#define PENSTOCK_API_MASK_H

// Secrets of an integration's configuration: never shown, kept when sent back as they were shown.
// Pure.

#include "codec/json.h"

// Replaces secretAccessKey and sessionToken by CONFIG_SECRET_MASK where they are set.
void mask_secrets(struct json *integration);
// Puts the secrets of `stored` where `sent` has the mask. ERR_INVALID when there is none to put:
// `stored` is NULL or has no such secret.
int unmask_secrets(struct json *sent, const struct json *stored, struct err *e);

#endif
