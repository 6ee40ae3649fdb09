// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_AUTH_H
#define PENSTOCK_EMULATOR_AUTH_H

// Checks a request's signature as a service does (AWS Signature Version 4, header form). Written
// apart from the gateway's signer on purpose: the two must agree without sharing a mistake. Pure.

#include "emulator/request.h"
#include "net/http_types.h"

#define EMU_SKEW_MS (5 * 60 * 1000)

// Who may call; the strings outlive it. Zero-initialise the rest.
struct emu_auth {
    struct span id, secret;
    struct span token; // p == NULL: a session token is refused
    struct span ended; // id of those before: told that their token has expired
    struct span region, service;
    // Signing key of the day last used.
    char key_date[8];
    uint8_t key[32];
    bool has_key;
};

struct emu_signed {
    struct span method, path, query; // as sent
    struct http_headers headers;
    struct span body;
};

// False with e set: MissingAuthenticationToken, IncompleteSignature, UnrecognizedClient,
// ExpiredToken, InvalidSignature (also for a date more than EMU_SKEW_MS off).
bool emu_auth_check(struct emu_auth *a, const struct emu_signed *r, int64_t wall_ms,
                    struct arena *arena, struct emu_error *e);
// The canonical request over the given signed headers (";" joined), for messages and tests.
void emu_auth_canonical(const struct emu_signed *r, struct span signed_headers, struct arena *arena,
                        struct buf *out);

#endif
