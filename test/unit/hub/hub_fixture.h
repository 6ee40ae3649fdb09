// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_HUB_FIXTURE_H
#define PENSTOCK_TEST_HUB_FIXTURE_H

// A hub on a real store and converter pool in a temporary directory. Its root chain is what a test
// makes it; messages that reach a downlink node are written down, one a line.

#include "lib/test.h"

#include "hub/chains.h"

struct hub_fixture {
    char dir[64];
    struct loop *loop;
    struct store *store;
    struct convert_pool *pool;
    struct hub *hub;
    struct store_device *device; // "dev", of profile "default"
    int64_t time_limit_ms;       // of a script, from the next reopen on; 0 = 10 s
    // "RELATION TYPE json key=value,..." for each message, in order.
    struct buf out;
    // Relations whose downlink nodes use_node() made, by the last byte of the integration id.
    const char *relations[16];
    unsigned n_relations;
    struct list requests;
    struct loop_task task;
    bool done;
    int status;
};

int hub_fixture_setup(void **state);
int hub_fixture_teardown(void **state);
void hub_fixture_reopen(struct hub_fixture *f);

// Turns the loop until *flag; fails the test after a minute.
void hub_fixture_wait(struct hub_fixture *f, const bool *flag);
// One more turn, when there is something to wait for.
void hub_fixture_turn(struct hub_fixture *f);

// Root chain from metadata without its ruleChainId.
void use_chain(struct hub_fixture *f, const char *metadata);
// Another chain; returns its id as text.
const char *add_chain(struct hub_fixture *f, const char *name, const char *metadata);
// Root chain of one node (class suffix and configuration), with a downlink node behind each of the
// relations (ended by NULL).
void use_node(struct hub_fixture *f, const char *class, const char *conf,
              const char *const *relations);
// `{"type":...}` of a downlink node that writes "RELATION ..." into f->out; for use_chain().
const char *sink_node(struct hub_fixture *f, const char *relation, char out[300]);

// Sends and waits until all of it is durable. `metadata`: "key=value,key=value".
void send_json(struct hub_fixture *f, const char *type, const char *json, const char *metadata);
void send_msg(struct hub_fixture *f, const struct hub_msg *m);
// What came out since the last call.
void expect_out(struct hub_fixture *f, const char *want);

// Stored values: an attribute's text, or "-".
const char *attribute_text(struct hub_fixture *f, enum store_scope scope, const char *key,
                           char out[200]);
void put_attribute(struct hub_fixture *f, enum store_scope scope, const char *key, struct value v);

#define HUB_FIXTURE_TEST(name)                                                                     \
    cmocka_unit_test_setup_teardown(name, hub_fixture_setup, hub_fixture_teardown)

#endif
