// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_DIGEST_H
#define PENSTOCK_CODEC_DIGEST_H

// Digests, keyed digests and password hashing (Mbed TLS inside). Any thread; no shared state.

#include <stdint.h>

#include "base/span.h"

#define SHA256_LEN 32
#define SHA512_LEN 64
#define MD5_LEN 16

struct sha256 {
    _Alignas(16) unsigned char state[128]; // holds the library's context
};

void sha256(struct span in, uint8_t out[SHA256_LEN]);
void sha256_begin(struct sha256 *h);
void sha256_add(struct sha256 *h, struct span in);
void sha256_end(struct sha256 *h, uint8_t out[SHA256_LEN]);
void hmac_sha256(struct span key, struct span in, uint8_t out[SHA256_LEN]);
void hmac_sha512(struct span key, struct span in, uint8_t out[SHA512_LEN]);
// PBKDF2-HMAC-SHA256 (RFC 8018 section 5.2): slow on purpose, for a worker thread.
void pbkdf2_sha256(struct span password, struct span salt, uint32_t rounds, uint8_t *out, size_t n);
// Only to map a partition key to its hash key, as Kinesis does; no security use.
void md5(struct span in, uint8_t out[MD5_LEN]);
uint32_t crc32_ieee(uint32_t seed, struct span in);

#endif
