// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_HUB_FIXTURE_H
#define PENSTOCK_TEST_HUB_FIXTURE_H

// A hub on a real store and converter pool in a temporary directory. Its root chain is what a test
// makes it; messages that reach a downlink node are written down, one a line.

#include "lib/test.h"

#include "hub/chains.h"

#define HUB_FIXTURE_RELATIONS 64

struct hub_fixture {
    char dir[64];
    struct loop *loop;
    struct store *store;
    struct convert_pool *pool;
    struct hub *hub;
    struct store_device *device; // "dev", of profile "default"
    int64_t time_limit_ms;       // of a script, from the next reopen on; 0 = 60 s
    const struct clock *clock;   // from the next reopen on; NULL = the system's
    int64_t msg_ts_ms;           // of what send_json() sends; 0 = 1000
    // "RELATION TYPE json key=value,..." for each message, in order.
    struct buf out;
    // Relations whose downlink nodes use_node() made, by the last byte of the integration id.
    const char *relations[HUB_FIXTURE_RELATIONS];
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

// All that was committed before is durable.
void hub_fixture_settle(struct hub_fixture *f);

// Root chain from metadata without its ruleChainId.
void use_chain(struct hub_fixture *f, const char *metadata);
// Another chain; returns its id as text.
const char *add_chain(struct hub_fixture *f, const char *name, const char *metadata);
// Root chain of one node (class suffix and configuration), with a downlink node behind each of the
// relations (ended by NULL).
void use_node(struct hub_fixture *f, const char *class, const char *conf,
              const char *const *relations);
// The chain of the device's profile; NULL = it has none.
void use_profile_chain(struct hub_fixture *f, const char *chain);
// A root chain of that node is refused with a text that holds `why`.
void refuse_node(struct hub_fixture *f, const char *class, const char *conf, const char *why);
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
// "TS VALUE" of an attribute and of the latest telemetry, or "-".
const char *attribute_at(struct hub_fixture *f, enum store_scope scope, const char *key,
                         char out[200]);
const char *latest_text(struct hub_fixture *f, const char *key, char out[200]);
void put_attribute(struct hub_fixture *f, enum store_scope scope, const char *key, struct value v);

#define HUB_FIXTURE_TEST(name)                                                                     \
    cmocka_unit_test_setup_teardown(name, hub_fixture_setup, hub_fixture_teardown)

#endif
