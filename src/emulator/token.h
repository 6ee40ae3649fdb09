// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_TOKEN_H
#define PENSTOCK_EMULATOR_TOKEN_H

// Shard iterators and paging tokens: opaque base64 text, authenticated with a key drawn at start,
// so that one made up, altered, or of an earlier run is told apart from one of ours. Pure.
//
//   8 bytes 0x..01 | kind | created, ms | six u64 fields | text | HMAC-SHA-256 of all before

#include "base/arena.h"

#define EMU_TOKEN_KEY_LEN 32
#define EMU_TOKEN_LIFE_MS (300 * 1000)
#define EMU_TOKEN_FIELDS 6
#define EMU_TOKEN_TEXT_MAX 128

enum emu_token_kind {
    EMU_TOKEN_ITERATOR = 1,
    EMU_TOKEN_SHARDS,
    EMU_TOKEN_STREAMS,
    EMU_TOKEN_CONSUMERS
};

struct emu_token {
    enum emu_token_kind kind;
    int64_t created_ms;
    uint64_t field[EMU_TOKEN_FIELDS];
    struct span text; // at most EMU_TOKEN_TEXT_MAX bytes
};

struct span emu_token_seal(const uint8_t key[EMU_TOKEN_KEY_LEN], const struct emu_token *t,
                           struct arena *arena);
// False for anything but what emu_token_seal() made with this key for this kind.
bool emu_token_open(const uint8_t key[EMU_TOKEN_KEY_LEN], enum emu_token_kind kind,
                    struct span sealed, struct arena *arena, struct emu_token *out);
// Times "Thu Jan 22 01:22:02 UTC 2015", as the service's messages show them.
struct span emu_time_text(int64_t wall_ms, struct arena *arena);

#endif
