// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_REGISTRY_H
#define PENSTOCK_HUB_REGISTRY_H

// The hub's documents in memory: converters, integrations, rule chains, device profiles. Few and
// small; each is the JSON that REST shows, kept whole, unknown keys included. Loop thread only.
//
// A change is checked, written by the store, and only then seen in memory and told to the observer.

#include "base/clock.h"
#include "base/map.h"
#include "codec/json.h"
#include "store/store.h"

struct registry;
struct secrets;

struct entity {
    enum store_doc_kind kind;
    struct uuid id;
    int64_t created_ms;
    int64_t version;
    struct span name; // in doc
    struct json *doc; // owned by the registry; replaced as a whole by an update
    bool saving;      // a change is being written
    void *runtime;    // the observer's: compiled chain, script references, running integration
    struct list link;
};

struct registry_observer {
    // After a change is durable. `e->doc` is new; `created` tells the first time. On removal `e`
    // lives until the call returns.
    void (*on_saved)(void *ctx, struct entity *e, bool created);
    void (*on_removed)(void *ctx, struct entity *e);
    // The removal is on its way to the store: what is committed for the entity from here on comes
    // behind it and would be left over. Fails only when the store closes.
    void (*on_removing)(void *ctx, struct entity *e);
};

struct registry *registry_new(struct loop *l, struct store *s);
// Seals the secrets of what is saved from then on; borrowed. Without: they stay as they come.
void registry_set_secrets(struct registry *r, struct secrets *s);
struct secrets *registry_secrets(const struct registry *r);
void registry_set_tenant(struct registry *r, struct uuid tenant);
void registry_free(struct registry *r);
// Loads all documents from the store (before the loop runs); no observer call. Those of kinds that
// are no entities go to `other`.
int registry_load(struct registry *r, store_doc_fn *other, void *ctx, struct err *e);
// One observer a kind.
void registry_observe(struct registry *r, enum store_doc_kind kind,
                      const struct registry_observer *o, void *ctx);

struct entity *registry_find(const struct registry *r, enum store_doc_kind kind, struct uuid id);
struct entity *registry_find_name(const struct registry *r, enum store_doc_kind kind,
                                  struct span name);
// The same, or the one that is to have the name when what is on its way to the store is durable: it
// may not be found by its id before.
struct entity *registry_find_coming(const struct registry *r, enum store_doc_kind kind,
                                    struct span name);
// Entities of a kind in order of creation: NULL to start; NULL ends.
struct entity *registry_next(const struct registry *r, enum store_doc_kind kind,
                             const struct entity *after);
size_t registry_count(const struct registry *r, enum store_doc_kind kind);
// The hub's EntityId type: "CONVERTER", "INTEGRATION", "RULE_CHAIN", "DEVICE_PROFILE".
const char *registry_entity_type(enum store_doc_kind kind);

typedef void registry_saved_fn(void *ctx, int status, struct entity *e, const struct err *err);

// Creates (no "id" in doc) or updates. Takes `doc`. Fills id, createdTime, tenantId, version; keeps
// createdTime on update. The callback runs later, once: 0; ERR_INVALID (bad or missing name, bad
// id), ERR_EXISTS (name taken), ERR_NOT_FOUND (unknown id), ERR_CONFLICT ("version" given and not
// the current one, or another change being written), ERR_UNAVAILABLE (the store is failing).
void registry_save(struct registry *r, enum store_doc_kind kind, struct json *doc,
                   registry_saved_fn *cb, void *ctx);
// Same checks of existence; `ctx` as above with e == NULL on success.
void registry_remove(struct registry *r, enum store_doc_kind kind, struct uuid id,
                     registry_saved_fn *cb, void *ctx);
// Adds a new document within a transaction of the caller's, visible at once (device profiles made
// by the uplink path). Takes `doc`.
struct entity *registry_add_in(struct registry *r, enum store_doc_kind kind, struct json *doc,
                               struct store_txn *txn);

// {"entityType":TYPE,"id":uuid} <-> uuid. False when the member is missing, null or malformed.
bool registry_ref(const struct json *doc, const char *key, struct uuid *out);
// The name of a kind in the hub's messages: "Converter with id [...] is not found".
const char *registry_kind_title(enum store_doc_kind kind);
struct json *registry_new_ref(const char *entity_type, struct uuid id);

#endif
