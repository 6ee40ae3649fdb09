// SPDX-License-Identifier: Apache-2.0
#include "api/document.h"
#include "api/internal.h"
#include "api/routes.h"

// Device profiles: facts/hub.md sections 3.3 and 4.4. The one that is the default stays it.

static void write(struct request *q, struct json_out *j, struct entity *e)
{
    (void)q;
    write_doc(j, e->doc);
}

static void respond(struct request *q, struct entity *e)
{
    respond_entity(q, e, write);
}

// Messages of its devices would start nowhere.
static int check_chain(struct request *q, const struct json *doc, struct err *e)
{
    const struct json *chain = json_get(doc, "defaultRuleChainId");
    struct uuid id;
    if (!chain || json_is(chain, JSON_NULL))
        return 0;
    if (registry_ref(doc, "defaultRuleChainId", &id) &&
        registry_find(hub_registry(q->api->o.hub), STORE_RULE_CHAIN, id))
        return 0;
    return err_set(e, ERR_INVALID, "defaultRuleChainId: no such rule chain");
}

static void keep_default(struct request *q, struct json *doc)
{
    struct uuid id;
    struct entity *old = NULL;
    if (registry_ref(doc, "id", &id))
        old = registry_find(hub_registry(q->api->o.hub), STORE_PROFILE, id);
    json_set_bool(doc, "default", old && json_get_bool(old->doc, "default", false));
}

void profiles_save(struct request *q)
{
    struct err e = {0};
    struct json *doc = request_json(q);
    if (!doc)
        return;
    if (device_profile_check(doc, &e) < 0 || check_chain(q, doc, &e) < 0) {
        json_free(doc);
        respond_err(q, &e);
        return;
    }
    keep_default(q, doc);
    registry_save(hub_registry(q->api->o.hub), STORE_PROFILE, doc, on_saved, saved_new(q, respond));
}

void profiles_get(struct request *q)
{
    struct entity *e = request_entity(q, STORE_PROFILE, q->args[0]);
    if (e)
        respond(q, e);
}

void profiles_list(struct request *q)
{
    respond_entity_page(q, &(struct entity_page){.kind = STORE_PROFILE, .write = write});
}
