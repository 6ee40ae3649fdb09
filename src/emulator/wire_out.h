// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_WIRE_OUT_H
#define PENSTOCK_EMULATOR_WIRE_OUT_H

// One way to write a reply for both of its encodings, JSON 1.1 and CBOR (definite lengths). Pure.
//
//   emu_out_map(o); emu_out_key(o, "A"); emu_out_int(o, 1); emu_out_end(o);

#include "base/buf.h"
#include "codec/json_out.h"

#define EMU_OUT_DEPTH 16

struct emu_out {
    struct buf *buf;
    bool cbor;
    struct json_out json;
    // CBOR: where the head of each open map stands and how many members it has.
    struct {
        size_t at;
        uint8_t members;
        bool map;
    } open[EMU_OUT_DEPTH];
    uint8_t depth;
};

void emu_out_init(struct emu_out *o, bool cbor, struct buf *buf);
// At most 23 members.
void emu_out_map(struct emu_out *o);
void emu_out_list(struct emu_out *o, size_t n);
void emu_out_end(struct emu_out *o);
void emu_out_key(struct emu_out *o, const char *key);
void emu_out_str(struct emu_out *o, struct span s);
void emu_out_int(struct emu_out *o, int64_t v);
void emu_out_bool(struct emu_out *o, bool v);
void emu_out_null(struct emu_out *o);
// JSON: seconds with three decimals; CBOR: tag 1 with milliseconds, as the service does.
void emu_out_time(struct emu_out *o, int64_t ms);
// key + value in one call.
void emu_out_key_str(struct emu_out *o, const char *key, struct span s);
void emu_out_key_int(struct emu_out *o, const char *key, int64_t v);
void emu_out_key_bool(struct emu_out *o, const char *key, bool v);

#endif
