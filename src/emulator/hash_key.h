// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_HASH_KEY_H
#define PENSTOCK_EMULATOR_HASH_KEY_H

// The emulator's own names for codec/hash_key.h.

#include "codec/hash_key.h"

#define emu_hash hash_key
#define emu_hash_cmp hash_key_cmp
#define emu_hash_next hash_key_next
#define emu_hash_prev hash_key_prev
#define emu_hash_of_key hash_key_of
#define emu_hash_parse hash_key_parse
#define emu_hash_format hash_key_format
#define emu_hash_part hash_key_part
#define EMU_HASH_TEXT_MAX HASH_KEY_TEXT_MAX
#define EMU_HASH_MAX HASH_KEY_MAX

#endif
