// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_HASH_KEY_H
#define PENSTOCK_CODEC_HASH_KEY_H

// Hash keys: the 128-bit space that shards divide. Two words instead of __int128, which 32-bit
// targets lack. Pure; any thread.

#include "base/span.h"

#define HASH_KEY_TEXT_MAX 40 // 39 digits and a NUL

struct hash_key {
    uint64_t hi, lo;
};

#define HASH_KEY_MAX ((struct hash_key){UINT64_MAX, UINT64_MAX})

// <0, 0, >0 by value.
int hash_key_cmp(struct hash_key a, struct hash_key b);
// One more and one less; wrap round at the ends of the space.
struct hash_key hash_key_next(struct hash_key h);
struct hash_key hash_key_prev(struct hash_key h);
// MD5 of the partition key as a big-endian number.
struct hash_key hash_key_of(struct span partition_key);
// Canonical decimal (0 or no leading zero) below 2^128, as the model's HashKey pattern allows.
bool hash_key_parse(struct span s, struct hash_key *out);
// Returns the length; NUL-terminated.
size_t hash_key_format(struct hash_key h, char out[HASH_KEY_TEXT_MAX]);
// First key of part `i` (0..n) of the space cut in `n` parts of floor(2^128 / n), the last one
// taking what is left. n >= 1, i < n.
struct hash_key hash_key_part(uint32_t i, uint32_t n);

#endif
