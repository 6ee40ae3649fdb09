// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_internal.h"

// A converted message takes effect: its device, its telemetry, its attributes. The hot path.

int hub_check_device_name(struct span name, struct err *e)
{
    if (span_trim(name).n == 0)
        return err_set(e, ERR_INVALID, "device name is empty");
    if (name.n > HUB_NAME_MAX_BYTES) {
        return err_set(e, ERR_LIMIT, "device name has %zu bytes, at most %d", name.n,
                       HUB_NAME_MAX_BYTES);
    }
    if (span_find(name, '\0') < name.n)
        return err_set(e, ERR_INVALID, "device name holds a NUL");
    return 0;
}

static void tell_created(struct hub_run *r, struct store_device *d, int64_t now_ms)
{
    struct hub_msg m = {.type = RULE_MSG_ENTITY_CREATED, .originator = d, .ts_ms = now_ms};
    hub_run_message(r, &m);
}

struct store_device *hub_resolve_device(struct hub_run *r, const struct uplink_msg *m,
                                        bool allow_create, struct err *e)
{
    struct hub *h = r->hub;
    struct store_device *d = hub_device_named(h, m->name, m->is_asset);
    if (d)
        return d;
    if (hub_check_device_name(m->name, e) < 0)
        return NULL;
    if (m->type.n > HUB_NAME_MAX_BYTES) {
        err_set(e, ERR_LIMIT, "device type has %zu bytes, at most %d", m->type.n,
                HUB_NAME_MAX_BYTES);
        return NULL;
    }
    if (!allow_create) {
        err_set(e, ERR_NOT_FOUND,
                "%s \"%.*s\" does not exist and allowCreateDevicesOrAssets is off",
                m->is_asset ? "asset" : "device", SPAN_ARG(m->name));
        return NULL;
    }
    d = run_make_device(r, m->name, m->type, m->label, m->is_asset);
    tell_created(r, d, loop_wall_ms(h->o.loop));
    return d;
}

static bool is_update_only(const struct hub_uplink_options *o, struct span key)
{
    for (size_t i = 0; i < o->n_update_only; i++) {
        if (span_eq(o->update_only[i], key))
            return true;
    }
    return false;
}

// Values of update-only keys that are what is stored already are left out.
static struct kv_group drop_unchanged(struct hub_run *r, struct store_device *d,
                                      const struct kv_group *g, const struct hub_uplink_options *o)
{
    struct kv *kept = arena_array(&r->arena, struct kv, g->n);
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        if (is_update_only(o, g->kv[i].key)) {
            const struct store_point *last = store_peek_latest(r->hub->o.store, d, g->kv[i].key);
            if (last && value_eq(&last->value, &g->kv[i].value))
                continue;
        }
        kept[n++] = g->kv[i];
    }
    return (struct kv_group){g->ts_ms, kept, n};
}

static void send_telemetry(struct hub_run *r, struct store_device *d, const struct kv_group *g,
                           const struct hub_uplink_options *o, struct convert_pairs metadata)
{
    struct kv_group kept;
    if (o->n_update_only) {
        kept = drop_unchanged(r, d, g, o);
        g = &kept;
    }
    if (g->n == 0)
        return;
    struct hub_msg m = {.type = RULE_MSG_POST_TELEMETRY_REQUEST,
                        .originator = d,
                        .ts_ms = o->arrival_ms,
                        .metadata = metadata,
                        .telemetry = g};
    hub_run_message(r, &m);
}

int hub_apply_uplink(struct hub_run *r, const struct uplink_msg *m,
                     const struct hub_uplink_options *o, struct err *e)
{
    struct store_device *d = hub_resolve_device(r, m, o->allow_create, e);
    if (!d)
        return e->code;
    struct convert_pair own[] = {{SPAN("integrationName"), o->integration_name}};
    struct convert_pairs metadata = {own, o->integration_name.n ? 1 : 0};
    for (uint32_t i = 0; i < m->n_telemetry; i++) {
        send_telemetry(r, d, &m->telemetry[i], o, metadata);
    }
    if (m->n_attributes) {
        struct hub_msg a = {.type = RULE_MSG_POST_ATTRIBUTES_REQUEST,
                            .originator = d,
                            .ts_ms = o->arrival_ms,
                            .metadata = metadata,
                            .attributes = m->attributes,
                            .n_attributes = m->n_attributes};
        hub_run_message(r, &a);
    }
    return 0;
}
