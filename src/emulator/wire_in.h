// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_WIRE_IN_H
#define PENSTOCK_EMULATOR_WIRE_IN_H

// One view of a request body for both of its encodings, JSON 1.1 and CBOR: a pull reader of typed
// values. Spans point into the body or the arena. An error is sticky. Pure.

#include "base/arena.h"
#include "codec/cbor.h"
#include "codec/json_scan.h"

enum emu_kind {
    EMU_V_ERROR,
    EMU_V_NULL,
    EMU_V_BOOL,   // b
    EMU_V_NUMBER, // d
    EMU_V_STRING, // s
    EMU_V_BYTES,  // s; CBOR only
    EMU_V_LIST,
    EMU_V_MAP,
};

struct emu_value {
    enum emu_kind kind;
    bool b;
    double d;
    struct span s;
    uint64_t left; // CBOR: members not read yet
};

struct emu_reader {
    bool cbor;
    bool failed;
    struct arena *arena;
    struct json_scan json;
    struct cbor_reader bin;
};

void emu_reader_init(struct emu_reader *r, bool cbor, struct span body, struct arena *arena);
// The body's only value, for the start; its members follow by the calls below.
void emu_read_top(struct emu_reader *r, struct emu_value *out);
// Next member of a map: its key, and the head of its value, which must be read or skipped whole
// before the next call. False at the end or on error.
bool emu_read_member(struct emu_reader *r, struct emu_value *map, struct span *key,
                     struct emu_value *out);
// Next element of a list, likewise.
bool emu_read_element(struct emu_reader *r, struct emu_value *list, struct emu_value *out);
// Skips what is inside a list or map whose head was just read; nothing for other values.
void emu_skip(struct emu_reader *r, struct emu_value *v);
// Whether the body has ended where it should.
bool emu_read_done(struct emu_reader *r);

#endif
