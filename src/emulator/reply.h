// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_REPLY_H
#define PENSTOCK_EMULATOR_REPLY_H

// Answers of the service with the headers each of its answers has, whole or, by a fault rule, in
// pieces. Loop thread only.

#include "emulator/faults.h"
#include "net/http_server.h"

#define EMU_TYPE_JSON "application/x-amz-json-1.1"
#define EMU_TYPE_CBOR "application/x-amz-cbor-1.1"

struct emulator;

struct emu_reply_headers {
    struct http_header all[3];
    size_t n;
};
// `type` NULL = none. The texts live as long as the exchange.
void emu_reply_headers(struct emulator *e, struct http_exchange *x, const char *type,
                       struct emu_reply_headers *h);
// Answers, now or over some time; body is copied. `rule`: slow, cut_middle, or anything else.
void emu_reply(struct emulator *e, struct http_exchange *x, int status, const char *type,
               struct span body, const struct emu_rule *rule);
// Ends the answers that are under way.
void emu_replies_end(struct emulator *e);

#endif
