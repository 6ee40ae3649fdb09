// SPDX-License-Identifier: Apache-2.0
#include "app/provision.h"

#include <stdio.h>

#include "base/mem.h"

struct provision {
    struct hub *hub;
    struct bridge *bridge;
    const struct config *config;
    size_t next_converter, next_integration;
    struct err err;
    int status;
    provision_fn *cb;
    void *ctx;
    struct loop_task task;
};

static void step(struct provision *p);

static void finish(struct loop_task *t)
{
    struct provision *p = container_of(t, struct provision, task);
    p->cb(p->ctx, p->status, &p->err);
    mem_free(p);
}

static void end(struct provision *p, int status)
{
    p->status = status;
    p->task.run = finish;
    loop_post(hub_loop(p->hub), &p->task);
}

static void on_saved(void *ctx, int status, struct entity *e, const struct err *err)
{
    struct provision *p = ctx;
    bool integration = p->next_integration > 0;
    (void)e;
    if (status < 0) {
        p->err = *err;
        err_wrap(&p->err, "%s[%zu]", integration ? "integrations" : "converters",
                 integration ? p->next_integration - 1 : p->next_converter - 1);
        end(p, status == ERR_INVALID ? ERR_CONFIG : status);
        return;
    }
    step(p);
}

static bool same_text(const struct json *a, const struct json *b)
{
    struct buf x = {0}, y = {0};
    json_write(a, &x);
    json_write(b, &y);
    bool same = span_eq(buf_span(&x), buf_span(&y));
    buf_free(&x);
    buf_free(&y);
    return same;
}

// As it would be stored, so that the two can be compared.
static void seal(struct provision *p, struct entity *old, struct json *doc)
{
    if (old)
        secrets_seal(hub_secrets(p->hub), STORE_INTEGRATION, old->id, doc, old->doc);
}

// Saves `doc` (taken) unless it is what is there already. False: nothing to wait for.
static bool save(struct provision *p, enum store_doc_kind kind, struct entity *old,
                 struct json *doc)
{
    if (old && same_text(old->doc, doc)) {
        json_free(doc);
        return false;
    }
    json_remove(doc, "version");
    registry_save(hub_registry(p->hub), kind, doc, on_saved, p);
    return true;
}

static struct json *start_from(struct entity *old)
{
    return old ? json_copy(old->doc) : json_new_object();
}

static bool save_converter(struct provision *p, const struct config_converter *c)
{
    struct entity *old = registry_find_name(hub_registry(p->hub), STORE_CONVERTER, c->name);
    struct json *doc = start_from(old);
    struct json *conf = json_new_object();
    json_set_str(conf, "scriptLang", SPAN("JS"));
    json_set_str(conf, c->downlink ? "encoder" : "decoder", c->script);
    json_set_str(doc, "name", c->name);
    json_set_str(doc, "type", c->downlink ? SPAN("DOWNLINK") : SPAN("UPLINK"));
    json_set(doc, "configuration", conf);
    return save(p, STORE_CONVERTER, old, doc);
}

static int set_converter(struct provision *p, struct json *doc, const char *key, struct span name,
                         const char *type)
{
    struct entity *c = registry_find_name(hub_registry(p->hub), STORE_CONVERTER, name);
    if (!c || !span_is(json_get_str(c->doc, "type", SPAN_NONE), type)) {
        return err_set(&p->err, ERR_CONFIG, "there is no converter \"%.*s\" of type %s",
                       SPAN_ARG(name), type);
    }
    json_set(doc, key, registry_new_ref("CONVERTER", c->id));
    return 0;
}

static struct json *integration_for(struct provision *p, const struct config_integration *in,
                                    struct entity *old)
{
    struct json *doc = start_from(old);
    for (const struct json *v = json_child(in->doc); v; v = json_next(v)) {
        char key[128];
        snprintf(key, sizeof key, "%.*s", SPAN_ARG(json_key(v)));
        json_set(doc, key, json_copy(v));
    }
    int status = set_converter(p, doc, "defaultConverterId", in->uplink, "UPLINK");
    if (status == 0 && in->downlink.n)
        status = set_converter(p, doc, "downlinkConverterId", in->downlink, "DOWNLINK");
    if (status == 0)
        status = bridge_validate(p->bridge, doc, &p->err);
    if (status == 0)
        return doc;
    json_free(doc);
    return NULL;
}

static void step(struct provision *p)
{
    const struct config *c = p->config;
    while (p->next_converter < c->n_converters) {
        if (save_converter(p, &c->converters[p->next_converter++]))
            return;
    }
    while (p->next_integration < c->n_integrations) {
        size_t i = p->next_integration++;
        struct entity *old =
            registry_find_name(hub_registry(p->hub), STORE_INTEGRATION, c->integrations[i].name);
        struct json *doc = integration_for(p, &c->integrations[i], old);
        if (!doc) {
            p->err.code = ERR_CONFIG;
            err_wrap(&p->err, "integrations[%zu]", i);
            end(p, ERR_CONFIG);
            return;
        }
        seal(p, old, doc);
        if (save(p, STORE_INTEGRATION, old, doc))
            return;
    }
    end(p, 0);
}

void provision_start(struct hub *h, struct bridge *b, const struct config *config, provision_fn *cb,
                     void *ctx)
{
    struct provision *p = mem_new(struct provision);
    p->hub = h;
    p->bridge = b;
    p->config = config;
    p->cb = cb;
    p->ctx = ctx;
    step(p);
}
