// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_FAULTS_H
#define PENSTOCK_EMULATOR_FAULTS_H

// Faults on demand: a list of rules, each of which may spoil calls of one operation, or of all, or
// events of a subscription. Rules are asked in order; the first that fires decides. Same rules,
// same calls: same faults. Pure.
//
//   [{"op": "GetRecords", "fault": "throttle", "count": 3},
//    {"op": "PutRecords", "fault": "partial", "fraction": 0.3, "probability": 0.5, "seed": 7},
//    {"fault": "stall", "ms": 2000, "after": 10, "count": 1},
//    {"op": "GetRecords", "fault": "throttle", "shard": "shardId-000000000002"},
//    {"fault": "random", "seed": 4711, "probability": 0.02}]
//
// op           operation name; "SubscribeToShardEvent": each event that a subscription sends;
//              "*" (default): all operations
// fault        one of EMU_FAULTS
// count        fires at most so often (default: no limit)
// after        lets so many matching calls pass first (default 0)
// probability  of firing, 0..1 (default 1), drawn from `seed` (default 1)
// ms           stall, slow: how long (default 1000); random: at most so long
// fraction     partial: part of the entries that fail, 0..1 (default 0.5)
// shard        throttle: only what reads or writes this shard (in any stream); of a PutRecords,
//              the entries that go there
// code, status, message   error: the answer; partial: `code` of the entries
//
// A call:
// throttle, internal, unavailable, expired_token, expired_iterator, html and error answer without
// doing anything; cut closes the connection without doing anything, reset the HTTP/2 stream (on
// HTTP/1.1 the connection); duplicate does it, then closes the connection, so that a client's retry
// does it twice; cut_middle does it, then closes the connection in the middle of the answer; stall
// waits, then does it; slow does it and lets the answer trickle; goaway sends GOAWAY, then does it;
// partial fails part of a PutRecords; empty and redeliver are for GetRecords: a page without
// records though there are some, and a page whose next iterator leads to the same records once
// more.
//
// An event: throttle, unavailable and expired_token end the subscription with an error message,
// internal and error with an exception message; cut, cut_middle and reset as above, in place of the
// event or within it; corrupt spoils its checksum; stall withholds it and all after it; slow lets
// it trickle; goaway sends GOAWAY first; end ends the subscription as if its time were over;
// redeliver sends it twice; empty sends one without records before it.
//
// random draws one of those that fit and that no client may lose records by, or see a record put
// twice: of an operation throttle, internal, unavailable, html, cut, cut_middle, reset, goaway,
// stall, slow, and what GetRecords and PutRecords have; of an event all but expired_token, error.

#include "base/buf.h"
#include "base/err.h"
#include "codec/json_out.h"
#include "emulator/ops.h"

#define EMU_FAULT_RULES_MAX 64
#define EMU_FAULT_TEXT_MAX 200
#define EMU_FAULT_STALL_MAX_MS (10 * 60 * 1000)
#define EMU_FAULT_EVENT EMU_OP_COUNT // stands for an event where an operation is expected

// Where each may happen: on any call, on calls of one operation, on events.
#define EMU_FAULTS(X)                                                                              \
    X(THROTTLE, "throttle", ANY, true)                                                             \
    X(INTERNAL, "internal", ANY, true)                                                             \
    X(UNAVAILABLE, "unavailable", ANY, true)                                                       \
    X(EXPIRED_TOKEN, "expired_token", ANY, true)                                                   \
    X(EXPIRED_ITERATOR, "expired_iterator", EMU_OP_GetRecords, false)                              \
    X(HTML, "html", ANY, false)                                                                    \
    X(ERROR, "error", ANY, true)                                                                   \
    X(CUT, "cut", ANY, true)                                                                       \
    X(CUT_MIDDLE, "cut_middle", ANY, true)                                                         \
    X(RESET, "reset", ANY, true)                                                                   \
    X(GOAWAY, "goaway", ANY, true)                                                                 \
    X(DUPLICATE, "duplicate", ANY, false)                                                          \
    X(STALL, "stall", ANY, true)                                                                   \
    X(SLOW, "slow", ANY, true)                                                                     \
    X(PARTIAL, "partial", EMU_OP_PutRecords, false)                                                \
    X(EMPTY, "empty", EMU_OP_GetRecords, true)                                                     \
    X(REDELIVER, "redeliver", EMU_OP_GetRecords, true)                                             \
    X(CORRUPT, "corrupt", NO_OP, true)                                                             \
    X(END, "end", NO_OP, true)                                                                     \
    X(RANDOM, "random", ANY, true)

enum emu_fault {
    EMU_FAULT_NONE,
#define EMU_FAULT_ENUM(id, name, calls, events) EMU_FAULT_##id,
    EMU_FAULTS(EMU_FAULT_ENUM)
#undef EMU_FAULT_ENUM
        EMU_FAULT_COUNT
};

struct emu_rule {
    enum emu_fault fault;
    int op;                             // enum emu_op or EMU_FAULT_EVENT, or -1 for all operations
    uint32_t shard;                     // EMU_NO_SHARD = any
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
    struct emu_rule drawn; // by a random rule
};

// Adds the rules of a JSON list, all or none; e says which rule is wrong and why.
int emu_faults_add(struct emu_faults *f, struct span json, struct err *e);
void emu_faults_clear(struct emu_faults *f);
// The rule that spoils this call (or event), or NULL; valid until the next call. It counts the
// call.
struct emu_rule *emu_faults_pick(struct emu_faults *f, int op);
// Whether a rule throttles this call's access to the shard. It counts the access.
bool emu_faults_throttle(struct emu_faults *f, enum emu_op op, uint32_t shard);
// The answer of a rule that makes one; false for the other kinds.
bool emu_fault_error(const struct emu_rule *r, int op, struct emu_error *out);
// [0, 1) from the rule's seed.
double emu_fault_random(void *rule);
// The rules and how often each has fired, as a JSON list.
void emu_faults_write(const struct emu_faults *f, struct json_out *out);

#endif
