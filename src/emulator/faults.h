// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_FAULTS_H
#define PENSTOCK_EMULATOR_FAULTS_H

// Faults on demand: a list of rules, each of which may spoil calls of one operation, or of all.
// Rules are asked in order; the first that fires decides. Same rules, same calls: same faults.
// Pure.
//
//   [{"op": "GetRecords", "fault": "throttle", "count": 3},
//    {"op": "PutRecords", "fault": "partial", "fraction": 0.3, "probability": 0.5, "seed": 7},
//    {"fault": "stall", "ms": 2000, "after": 10, "count": 1}]
//
// op           operation name, "*" (default) for all
// fault        one of EMU_FAULTS
// count        fires at most so often (default: no limit)
// after        lets so many matching calls pass first (default 0)
// probability  of firing, 0..1 (default 1), drawn from `seed` (default 1)
// ms           stall: how long (default 1000)
// fraction     partial: part of the entries that fail, 0..1 (default 0.5)
// code, status, message   error: the answer; partial: `code` of the entries
//
// throttle, internal, unavailable, expired_token, expired_iterator, html and error answer without
// doing anything; cut closes the connection without doing anything; duplicate does it, then closes
// the connection, so that a client's retry does it twice; stall waits, then does it; partial
// fails part of a PutRecords; empty and redeliver are for GetRecords: a page without records though
// there are some, and a page whose next iterator leads to the same records once more.

#include "base/buf.h"
#include "base/err.h"
#include "codec/json_out.h"
#include "emulator/ops.h"

#define EMU_FAULT_RULES_MAX 64
#define EMU_FAULT_TEXT_MAX 200
#define EMU_FAULT_STALL_MAX_MS (10 * 60 * 1000)

#define EMU_FAULTS(X)                                                                              \
    X(THROTTLE, "throttle")                                                                        \
    X(INTERNAL, "internal")                                                                        \
    X(UNAVAILABLE, "unavailable")                                                                  \
    X(EXPIRED_TOKEN, "expired_token")                                                              \
    X(EXPIRED_ITERATOR, "expired_iterator")                                                        \
    X(HTML, "html")                                                                                \
    X(ERROR, "error")                                                                              \
    X(CUT, "cut")                                                                                  \
    X(DUPLICATE, "duplicate")                                                                      \
    X(STALL, "stall")                                                                              \
    X(PARTIAL, "partial")                                                                          \
    X(EMPTY, "empty")                                                                              \
    X(REDELIVER, "redeliver")

enum emu_fault {
    EMU_FAULT_NONE,
#define EMU_FAULT_ENUM(id, name) EMU_FAULT_##id,
    EMU_FAULTS(EMU_FAULT_ENUM)
#undef EMU_FAULT_ENUM
        EMU_FAULT_COUNT
};

struct emu_rule {
    enum emu_fault fault;
    int op;                             // enum emu_op, or -1 for all
    uint64_t count, after, seen, fired; // count 0 = no limit
    double probability, fraction;
    uint64_t random;
    int64_t stall_ms;
    int status;
    char code[EMU_FAULT_TEXT_MAX], message[EMU_FAULT_TEXT_MAX];
};

struct emu_faults {
    struct emu_rule rules[EMU_FAULT_RULES_MAX];
    size_t n;
};

// Adds the rules of a JSON list, all or none; e says which rule is wrong and why.
int emu_faults_add(struct emu_faults *f, struct span json, struct err *e);
void emu_faults_clear(struct emu_faults *f);
// The rule that spoils this call, or NULL. It counts the call.
struct emu_rule *emu_faults_pick(struct emu_faults *f, enum emu_op op);
// The answer of a rule that makes one; false for the other kinds.
bool emu_fault_error(const struct emu_rule *r, enum emu_op op, struct emu_error *out);
// [0, 1) from the rule's seed.
double emu_fault_random(void *rule);
// The rules and how often each has fired, as a JSON list.
void emu_faults_write(const struct emu_faults *f, struct json_out *out);

#endif
