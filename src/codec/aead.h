// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_AEAD_H
#define PENSTOCK_CODEC_AEAD_H

// Authenticated encryption: AES-256-GCM (NIST SP 800-38D; Mbed TLS inside). Any thread; no shared
// state. A nonce must never be used twice with one key: 96 random bits each time are good for 2^32
// messages.

#include <stdint.h>

#include "base/span.h"

#define AEAD_KEY_LEN 32
#define AEAD_NONCE_LEN 12
#define AEAD_TAG_LEN 16

// `out` gets in.n + AEAD_TAG_LEN bytes. `bound` is not in it but must be the same at opening.
void aead_seal(const uint8_t key[AEAD_KEY_LEN], const uint8_t nonce[AEAD_NONCE_LEN],
               struct span bound, struct span in, uint8_t *out);
// `out` gets in.n - AEAD_TAG_LEN bytes. False, and nothing of it in `out`, when anything differs.
bool aead_open(const uint8_t key[AEAD_KEY_LEN], const uint8_t nonce[AEAD_NONCE_LEN],
               struct span bound, struct span in, uint8_t *out);

#endif
