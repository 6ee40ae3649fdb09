// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_ENGINE_H
#define PENSTOCK_HUB_ENGINE_H

// Walks messages through rule chains. Built-in nodes run at once and write into the run's
// transaction; a node that must wait (script, read, network) holds its flow, and the run waits.
// Internal to hub/.

#include "hub/chains.h"

// Node executions that one message may cause, in all its copies and in every chain it passes: ends
// loops.
#define ENGINE_STEPS_MAX 1000
// Bytes of messages that its scripts may make of it.
#define ENGINE_BYTES_MAX ((size_t)16 * 1024 * 1024)
// Chains that one message may be in at once by rule chain nodes.
#define ENGINE_DEPTH_MAX 32

// What all copies of a message share. Lies on the stack of engine_start() until a node holds a
// flow; from then on in the run's arena, and the one on the stack says where.
struct flow_root {
    struct flow_root *moved;
    unsigned steps; // left
    size_t room;    // of ENGINE_BYTES_MAX, left
    bool has_id;
    struct uuid id; // of the message, for debug events; made when it is first needed
};

// Where a message goes on when the chain it was sent into ends at an output node.
struct flow_frame {
    const struct flow_frame *up;
    struct chain_runtime *chain; // referenced until the run ends
    const struct rule_node *node;
    unsigned depth;
    struct flow_frame *next; // of the run
};

// A message at a node. On the stack until a node must wait; then a copy in the run's arena goes on
// from there.
struct flow {
    struct hub_run *run;
    struct chain_runtime *chain;
    const struct flow_frame *up;
    const struct hub_msg *msg;
    struct flow_root *root;
};

// A message starts in the chain of its device.
void engine_start(struct hub_run *r, const struct hub_msg *m);

// A message goes on behind a node by "Success"; `frames` as delays.c writes them. False: the chain
// or the node is not there any more.
bool engine_resume(struct hub_run *r, struct uuid chain, struct uuid node,
                   const struct json *frames, const struct hub_msg *m);
// What the run's frames refer to.
void engine_end(struct hub_run *r);

// How a node goes on ------------------------------------------------------------------------------

// The flow's message goes on by the node's connections of that name. How many there were.
unsigned flow_next(struct flow *f, const struct rule_node *n, struct span relation);
void flow_succeed(struct flow *f, const struct rule_node *n);
// By "Failure"; without such a connection the message ends here, counted and logged.
void flow_fail(struct flow *f, const struct rule_node *n, const char *reason);
// Another message in its place, by "Success".
void flow_succeed_with(struct flow *f, const struct rule_node *n, const struct hub_msg *m);
// Takes `bytes` of what scripts may make of the message; false: there is not so much left.
bool flow_take(struct flow *f, size_t bytes);
// A message of its own starts in the chain of its device; it counts as one of this message's.
void flow_start(struct flow *f, const struct hub_msg *m);

// Into another chain, by a rule chain node; back out of it, by that node's connections of the name.
void flow_enter(struct flow *f, const struct rule_node *n, struct chain_runtime *to);
void flow_leave(struct flow *f, struct span relation);

// The flow in the run's arena, with all it needs; the run does not end before flow_release().
struct flow *flow_hold(struct flow *f);
void flow_release(struct flow *f);
// Ends a held flow's stay at a node: Success, or with a negative status Failure; `answer` (may be
// NULL) is put into the message. Then releases it.
void flow_end(struct flow *f, const struct rule_node *n, int status, const char *error,
              const struct hub_answer *answer);

#endif
