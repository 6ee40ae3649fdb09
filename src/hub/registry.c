// SPDX-License-Identifier: Apache-2.0
#include "hub/registry.h"

#include "base/mem.h"
#include "hub/debug.h"
#include "hub/secrets.h"

#define KINDS (STORE_SETTING + 1)
#define NAME_MAX_BYTES 255

struct registry {
    struct loop *loop;
    struct store *store;
    struct secrets *secrets;
    struct uuid tenant;
    struct map by_id[KINDS];
    struct map by_name[KINDS]; // also of names on their way: they are taken
    struct list all[KINDS];    // durable ones, in order of creation
    size_t n[KINDS];
    struct {
        const struct registry_observer *ops;
        void *ctx;
    } observers[KINDS];
};

// One change on its way to the disk.
struct change {
    struct registry *registry;
    struct entity *entity; // NULL when refused before there was one
    struct json *doc;      // the new document; NULL = removal
    bool created;
    bool renames; // the name of `doc` is in by_name beside the old one
    int status;
    struct err err;
    registry_saved_fn *cb;
    void *ctx;
    struct loop_task task;
};

const char *registry_entity_type(enum store_doc_kind kind)
{
    switch (kind) {
    case STORE_CONVERTER:
        return "CONVERTER";
    case STORE_INTEGRATION:
        return "INTEGRATION";
    case STORE_RULE_CHAIN:
        return "RULE_CHAIN";
    case STORE_PROFILE:
        return "DEVICE_PROFILE";
    default:
        return "SETTING";
    }
}

const char *registry_kind_title(enum store_doc_kind kind)
{
    switch (kind) {
    case STORE_CONVERTER:
        return "Converter";
    case STORE_INTEGRATION:
        return "Integration";
    case STORE_RULE_CHAIN:
        return "Rule chain";
    case STORE_PROFILE:
        return "Device profile";
    default:
        return "Setting";
    }
}

struct registry *registry_new(struct loop *l, struct store *s)
{
    struct registry *r = mem_new(struct registry);
    r->loop = l;
    r->store = s;
    r->tenant = uuid_null;
    for (int k = 0; k < KINDS; k++)
        list_init(&r->all[k]);
    return r;
}

void registry_set_secrets(struct registry *r, struct secrets *s)
{
    r->secrets = s;
}

struct secrets *registry_secrets(const struct registry *r)
{
    return r->secrets;
}

void registry_set_tenant(struct registry *r, struct uuid tenant)
{
    r->tenant = tenant;
}

static void free_entity(struct entity *e)
{
    json_free(e->doc);
    mem_free((char *)e->name.p);
    mem_free(e);
}

void registry_free(struct registry *r)
{
    if (!r)
        return;
    for (int k = 0; k < KINDS; k++) {
        list_for_safe(it, &r->all[k]) free_entity(container_of(it, struct entity, link));
        map_free(&r->by_name[k]);
        map_free(&r->by_id[k]);
    }
    mem_free(r);
}

void registry_observe(struct registry *r, enum store_doc_kind kind,
                      const struct registry_observer *o, void *ctx)
{
    r->observers[kind].ops = o;
    r->observers[kind].ctx = ctx;
}

bool registry_ref(const struct json *doc, const char *key, struct uuid *out)
{
    return uuid_parse(json_get_str(json_get(doc, key), "id", SPAN_NONE), out);
}

struct json *registry_new_ref(const char *entity_type, struct uuid id)
{
    char text[UUID_TEXT_LEN + 1];
    uuid_format(id, text);
    struct json *ref = json_new_object();
    json_set_str(ref, "entityType", span_str(entity_type));
    json_set_str(ref, "id", span_str(text));
    return ref;
}

static struct entity *new_entity(enum store_doc_kind kind, struct uuid id, struct span name)
{
    struct entity *e = mem_new(struct entity);
    e->kind = kind;
    e->id = id;
    e->name = span_of(mem_strndup(name.p, name.n), name.n);
    return e;
}

// The entity's document becomes `doc`; what is derived from it follows.
static void adopt_doc(struct entity *e, struct json *doc)
{
    json_free(e->doc);
    e->doc = doc;
    e->created_ms = json_get_int(doc, "createdTime", 0);
    e->version = json_get_int(doc, "version", 1);
}

static void make_visible(struct registry *r, struct entity *e)
{
    map_put(&r->by_id[e->kind], uuid_span(&e->id), e);
    list_push(&r->all[e->kind], &e->link);
    r->n[e->kind]++;
}

// Two rule chains may have one name: the name map knows the first only.
static void reserve_name(struct registry *r, struct entity *e)
{
    if (!map_get(&r->by_name[e->kind], e->name))
        map_put(&r->by_name[e->kind], e->name, e);
}

static void release_name(struct registry *r, struct entity *e)
{
    if (map_get(&r->by_name[e->kind], e->name) == e)
        map_remove(&r->by_name[e->kind], e->name);
}

struct loading {
    struct registry *registry;
    store_doc_fn *other;
    void *ctx;
    struct err *err;
    int status;
};

static void load_one(void *ctx, enum store_doc_kind kind, struct uuid id, struct span name,
                     struct span text)
{
    struct loading *l = ctx;
    if (l->status < 0)
        return;
    if (kind >= KINDS) {
        l->other(l->ctx, kind, id, name, text);
        return;
    }
    struct json *doc = json_parse(text, l->err);
    if (!doc) {
        l->status = err_wrap(l->err, "document %.*s in the database", SPAN_ARG(name));
        return;
    }
    struct entity *e = new_entity(kind, id, name);
    adopt_doc(e, doc);
    reserve_name(l->registry, e);
    make_visible(l->registry, e);
}

int registry_load(struct registry *r, store_doc_fn *other, void *ctx, struct err *e)
{
    struct loading l = {.registry = r, .other = other, .ctx = ctx, .err = e};
    int status = store_load_docs(r->store, load_one, &l);
    if (status < 0)
        return err_set(e, status, "cannot read documents from the database");
    return l.status;
}

struct entity *registry_find(const struct registry *r, enum store_doc_kind kind, struct uuid id)
{
    return map_get(&r->by_id[kind], uuid_span(&id));
}

struct entity *registry_find_name(const struct registry *r, enum store_doc_kind kind,
                                  struct span name)
{
    struct entity *e = map_get(&r->by_name[kind], name);
    return e && e->doc && span_eq(e->name, name) ? e : NULL;
}

struct entity *registry_find_coming(const struct registry *r, enum store_doc_kind kind,
                                    struct span name)
{
    return map_get(&r->by_name[kind], name);
}

struct entity *registry_next(const struct registry *r, enum store_doc_kind kind,
                             const struct entity *after)
{
    const struct list *head = &r->all[kind];
    const struct list *next = after ? after->link.next : head->next;
    return next == head ? NULL : container_of((struct list *)next, struct entity, link);
}

size_t registry_count(const struct registry *r, enum store_doc_kind kind)
{
    return r->n[kind];
}

static void finish(struct change *c)
{
    c->cb(c->ctx, c->status, c->status == 0 && c->doc ? c->entity : NULL, &c->err);
    mem_free(c);
}

static void deliver_refusal(struct loop_task *t)
{
    finish(container_of(t, struct change, task));
}

// Refused before anything was written: the callback still comes later.
static void refuse(struct change *c)
{
    c->status = c->err.code;
    json_free(c->doc);
    c->doc = NULL;
    c->task.run = deliver_refusal;
    loop_post(c->registry->loop, &c->task);
}

static void give_back_new_name(struct registry *r, struct change *c)
{
    if (c->renames)
        map_remove(&r->by_name[c->entity->kind], json_get_str(c->doc, "name", SPAN_NONE));
}

static void undo_names(struct registry *r, struct change *c)
{
    struct entity *e = c->entity;
    e->saving = false;
    give_back_new_name(r, c);
    if (!c->created)
        return;
    release_name(r, e);
    free_entity(e);
    c->entity = NULL;
}

// Until the change is durable the key lies in its document.
static void reserve_new_name(struct registry *r, struct change *c)
{
    struct span name = json_get_str(c->doc, "name", SPAN_NONE);
    struct map *names = &r->by_name[c->entity->kind];
    c->renames = !span_eq(name, c->entity->name) && !map_get(names, name);
    if (c->renames)
        map_put(names, name, c->entity);
}

static void take_new_name(struct registry *r, struct change *c)
{
    struct entity *e = c->entity;
    struct span name = json_get_str(c->doc, "name", SPAN_NONE);
    if (c->created || span_eq(name, e->name))
        return;
    give_back_new_name(r, c);
    release_name(r, e);
    mem_free((char *)e->name.p);
    e->name = span_of(mem_strndup(name.p, name.n), name.n);
    reserve_name(r, e);
}

static void on_saved(void *ctx, int status)
{
    struct change *c = ctx;
    struct registry *r = c->registry;
    struct entity *e = c->entity;
    c->status = status;
    if (status < 0) {
        err_set(&c->err, status, "not saved: %s", err_text(status));
        undo_names(r, c);
        json_free(c->doc);
        c->doc = NULL;
        finish(c);
        return;
    }
    take_new_name(r, c);
    adopt_doc(e, c->doc);
    e->saving = false;
    if (c->created)
        make_visible(r, e);
    const struct registry_observer *o = r->observers[e->kind].ops;
    if (o && o->on_saved)
        o->on_saved(r->observers[e->kind].ctx, e, c->created);
    finish(c);
}

static void on_removed(void *ctx, int status)
{
    struct change *c = ctx;
    struct registry *r = c->registry;
    struct entity *e = c->entity;
    c->status = status;
    e->saving = false;
    if (status < 0) {
        err_set(&c->err, status, "not removed: %s", err_text(status));
        finish(c);
        return;
    }
    map_remove(&r->by_id[e->kind], uuid_span(&e->id));
    release_name(r, e);
    list_remove(&e->link);
    r->n[e->kind]--;
    const struct registry_observer *o = r->observers[e->kind].ops;
    if (o && o->on_removed)
        o->on_removed(r->observers[e->kind].ctx, e);
    c->entity = NULL;
    finish(c);
    free_entity(e);
}

static struct change *new_change(struct registry *r, struct json *doc, registry_saved_fn *cb,
                                 void *ctx)
{
    struct change *c = mem_new(struct change);
    c->registry = r;
    c->doc = doc;
    c->cb = cb;
    c->ctx = ctx;
    return c;
}

static int find_for_change(struct registry *r, enum store_doc_kind kind, struct uuid id,
                           struct change *c)
{
    char text[UUID_TEXT_LEN + 1];
    c->entity = registry_find(r, kind, id);
    if (!c->entity) {
        uuid_format(id, text);
        return err_set(&c->err, ERR_NOT_FOUND, "%s with id [%s] is not found",
                       registry_kind_title(kind), text);
    }
    if (c->entity->saving) {
        return err_set(&c->err, ERR_CONFLICT, "%s is being changed by another request",
                       registry_kind_title(kind));
    }
    return 0;
}

static int check_store(struct registry *r, struct err *e)
{
    struct err why = {0};
    int status = store_health(r->store, &why);
    if (status < 0)
        return err_set(e, ERR_UNAVAILABLE, "storage is failing: %s", why.msg);
    return 0;
}

static int check_name(struct registry *r, enum store_doc_kind kind, struct change *c)
{
    struct span name = json_get_str(c->doc, "name", SPAN_NONE);
    if (span_trim(name).n == 0) {
        return err_set(&c->err, ERR_INVALID, "%s name should be specified!",
                       registry_kind_title(kind));
    }
    if (name.n > NAME_MAX_BYTES || span_find(name, '\0') < name.n) {
        return err_set(&c->err, ERR_INVALID, "%s name must be at most %d bytes without NUL",
                       registry_kind_title(kind), NAME_MAX_BYTES);
    }
    struct entity *same = map_get(&r->by_name[kind], name);
    // Rule chains may share a name in the hub; the other kinds may not.
    if (same && same != c->entity && kind != STORE_RULE_CHAIN) {
        return err_set(&c->err, ERR_EXISTS, "%s with such name already exists!",
                       registry_kind_title(kind));
    }
    return 0;
}

static int check_version(struct change *c)
{
    const struct json *v = json_get(c->doc, "version");
    if (!c->entity || !json_is(v, JSON_NUMBER))
        return 0;
    if (json_int(v, -1) == c->entity->version)
        return 0;
    return err_set(&c->err, ERR_CONFLICT,
                   "the document was changed by someone else: read it again (version is %lld)",
                   (long long)c->entity->version);
}

// Fills what the server gives and keeps createdTime, whatever the client sent.
static void stamp(struct registry *r, struct entity *e, struct json *doc, bool created,
                  int64_t now_ms)
{
    json_set(doc, "id", registry_new_ref(registry_entity_type(e->kind), e->id));
    json_set_num(doc, "createdTime", (double)(created ? now_ms : e->created_ms));
    json_set(doc, "tenantId", registry_new_ref("TENANT", r->tenant));
    json_set_num(doc, "version", (double)(created ? 1 : e->version + 1));
    if (e->kind == STORE_CONVERTER || e->kind == STORE_INTEGRATION)
        debug_settings_stamp(doc, now_ms);
}

static void write_doc(struct store_txn *txn, const struct entity *e, const struct json *doc)
{
    struct buf text = {0};
    json_write(doc, &text);
    store_txn_put_doc(txn, e->kind, e->id, json_get_str(doc, "name", e->name), buf_span(&text));
    buf_free(&text);
}

void registry_save(struct registry *r, enum store_doc_kind kind, struct json *doc,
                   registry_saved_fn *cb, void *ctx)
{
    struct change *c = new_change(r, doc, cb, ctx);
    const struct json *id_doc = json_get(doc, "id");
    struct uuid id;
    if (!json_is(doc, JSON_OBJECT)) {
        err_set(&c->err, ERR_INVALID, "%s must be a JSON object", registry_kind_title(kind));
        refuse(c);
        return;
    }
    if (id_doc && !json_is(id_doc, JSON_NULL)) {
        if (!registry_ref(doc, "id", &id)) {
            err_set(&c->err, ERR_INVALID, "id: must be {\"entityType\":\"%s\",\"id\":UUID}",
                    registry_entity_type(kind));
            refuse(c);
            return;
        }
        if (find_for_change(r, kind, id, c) < 0) {
            refuse(c);
            return;
        }
    }
    if (check_version(c) < 0 || check_name(r, kind, c) < 0 || check_store(r, &c->err) < 0) {
        refuse(c);
        return;
    }
    const struct clock *clock = loop_clock(r->loop);
    c->created = !c->entity;
    if (c->created) {
        c->entity = new_entity(kind, uuid_new_v1(clock), json_get_str(doc, "name", SPAN_NONE));
        reserve_name(r, c->entity);
    }
    c->entity->saving = true;
    if (!c->created)
        reserve_new_name(r, c);
    stamp(r, c->entity, doc, c->created, clock->wall_ms(clock->ctx));
    secrets_seal(r->secrets, kind, c->entity->id, doc, c->entity->doc);
    struct store_txn *txn = store_txn_new(r->store);
    write_doc(txn, c->entity, doc);
    store_commit(r->store, txn, on_saved, c);
}

void registry_remove(struct registry *r, enum store_doc_kind kind, struct uuid id,
                     registry_saved_fn *cb, void *ctx)
{
    struct change *c = new_change(r, NULL, cb, ctx);
    if (find_for_change(r, kind, id, c) < 0 || check_store(r, &c->err) < 0) {
        refuse(c);
        return;
    }
    c->entity->saving = true;
    struct store_txn *txn = store_txn_new(r->store);
    store_txn_delete_doc(txn, kind, id);
    if (kind == STORE_INTEGRATION) {
        store_txn_delete_checkpoints(txn, id);
        store_txn_delete_outbox(txn, id);
        store_txn_delete_dead_letters(txn, id);
    }
    const struct registry_observer *o = r->observers[kind].ops;
    if (o && o->on_removing)
        o->on_removing(r->observers[kind].ctx, c->entity);
    store_commit(r->store, txn, on_removed, c);
}

struct entity *registry_add_in(struct registry *r, enum store_doc_kind kind, struct json *doc,
                               struct store_txn *txn)
{
    const struct clock *clock = loop_clock(r->loop);
    struct entity *e =
        new_entity(kind, uuid_new_v1(clock), json_get_str(doc, "name", SPAN("unnamed")));
    stamp(r, e, doc, true, clock->wall_ms(clock->ctx));
    secrets_seal(r->secrets, kind, e->id, doc, NULL);
    adopt_doc(e, doc);
    reserve_name(r, e);
    make_visible(r, e);
    write_doc(txn, e, doc);
    return e;
}
