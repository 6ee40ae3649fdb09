// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_SEQUENCE_H
#define PENSTOCK_EMULATOR_SEQUENCE_H

// Sequence numbers in the layout that those of the real service show (its version 2): a 186-bit
// number, always 56 decimal digits. From the top:
//
//   0x2 | 36 bits shard creation, s | 4 bits shard | 64 bits index | 8 bits 0 | 36 bits arrival, s
//       | 32 bits shard | 0x2
//
// The index counts the records of a shard from 1 (0 = the shard's start), so a sequence number
// leads straight to its record. Pure; one thread at a time a generator.

#include "base/span.h"

#define EMU_SEQUENCE_LEN 56
#define EMU_SEQUENCE_TIME_MAX_S ((INT64_C(1) << 36) - 1)
// Index in the EndingSequenceNumber of a closed shard: above all records.
#define EMU_SEQUENCE_END_INDEX INT64_MAX

struct emu_sequence {
    int64_t created_s;
    uint32_t shard;
    uint64_t index;
    int64_t time_s;
};

// Writes 56 digits, no NUL.
void emu_sequence_format(const struct emu_sequence *q, char out[EMU_SEQUENCE_LEN]);
// False when the digits are not a number of this layout.
bool emu_sequence_parse(struct span s, struct emu_sequence *out);

// Makes the numbers of one shard in order: adding in decimal is many times faster than converting.
struct emu_sequence_gen {
    struct emu_sequence last;
    uint32_t limb[7]; // base 10^9, least significant first
    bool started;
};
void emu_sequence_gen_init(struct emu_sequence_gen *g, int64_t created_s, uint32_t shard);
// The number of record `index` that arrived at time_s; 56 digits, no NUL.
void emu_sequence_gen_make(struct emu_sequence_gen *g, uint64_t index, int64_t time_s,
                           char out[EMU_SEQUENCE_LEN]);

#endif
