// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_HASH_KEY_H
#define PENSTOCK_EMULATOR_HASH_KEY_H

// Hash keys: the 128-bit space that shards divide. Two words instead of __int128, which 32-bit
// targets lack. Pure; any thread.

#include "base/span.h"

#define EMU_HASH_TEXT_MAX 40 // 39 digits and a NUL

struct emu_hash {
    uint64_t hi, lo;
};

#define EMU_HASH_MAX ((struct emu_hash){UINT64_MAX, UINT64_MAX})

// <0, 0, >0 by value.
int emu_hash_cmp(struct emu_hash a, struct emu_hash b);
// One more and one less; wrap round at the ends of the space.
struct emu_hash emu_hash_next(struct emu_hash h);
struct emu_hash emu_hash_prev(struct emu_hash h);
// MD5 of the partition key as a big-endian number.
struct emu_hash emu_hash_of_key(struct span partition_key);
// Canonical decimal (0 or no leading zero) below 2^128, as the model's HashKey pattern allows.
bool emu_hash_parse(struct span s, struct emu_hash *out);
// Returns the length; NUL-terminated.
size_t emu_hash_format(struct emu_hash h, char out[EMU_HASH_TEXT_MAX]);
// First key of part `i` (0..n) of the space cut in `n` parts of floor(2^128 / n), the last one
// taking what is left. n >= 1, i < n.
struct emu_hash emu_hash_part(uint32_t i, uint32_t n);

#endif
