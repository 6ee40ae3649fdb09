// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_UNIT_STORE_FIXTURE_H
#define PENSTOCK_TEST_UNIT_STORE_FIXTURE_H

// A store on real files in a directory of its own, driven turn by turn.

#include "base/clock.h"
#include "lib/test.h"
#include "store/store_internal.h"

struct fixture {
    struct loop *loop;
    struct store *store;
    char dir[64];
    struct store_options options;
    const struct store_hooks *hooks;
    struct clock clock; // the system's, and what fixture_advance() has added
    int64_t added_ms;
};

// cmocka's setup and teardown: *state is a struct fixture with an open store.
int fixture_setup(void **state);
int fixture_teardown(void **state);
void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);
void fixture_reopen(struct fixture *f);
// The process ends without closing anything: the store goes on in a copy of its files.
void fixture_crash(struct fixture *f);
// Lets time pass for what waits on the loop.
void fixture_advance(struct fixture *f, int64_t ms);
// Turns the loop until *what; fails the test after two minutes.
void fixture_until(struct fixture *f, const bool *what);
// Commits and waits for it to be durable.
void fixture_commit(struct fixture *f, struct store_txn *t);
// Waits for the writer to have nothing to do at once (upkeep included).
void fixture_settle(struct fixture *f);
// Freezes the head and waits until it is in blocks.
void fixture_flush(struct fixture *f);
// Reads and waits: the status.
int fixture_read(struct fixture *f, struct store_read *r);

struct store_device *fixture_device(struct fixture *f, const char *name);
// One point in a transaction of its own.
void fixture_point(struct fixture *f, struct store_device *d, const char *key, int64_t ts,
                   struct value v);
void fixture_txn_point(struct store_txn *t, struct store_device *d, const char *key, int64_t ts,
                       struct value v);
// Points of one series, all or in [start, end); the caller frees the read.
void fixture_range(struct fixture *f, struct store_read *r, struct store_device *d, const char *key,
                   int64_t start, int64_t end);
// The store's database, by another connection.
struct db *fixture_db(struct fixture *f);

#define UUID_BYTE(x) ((struct uuid){{(x), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}})

#endif
