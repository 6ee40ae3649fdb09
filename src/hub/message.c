// SPDX-License-Identifier: Apache-2.0
#include "base/num.h"
#include "hub/hub_internal.h"

// A message's data and metadata as text, made only when a script or a downlink asks for them.

static struct span take_text(struct hub_run *r, struct buf *b)
{
    struct span s = arena_span(&r->arena, buf_span(b));
    buf_free(b);
    return s;
}

static void write_kv(struct json_out *j, const struct kv *kv, uint32_t n)
{
    json_out_object(j);
    for (uint32_t i = 0; i < n; i++) {
        json_out_key(j, kv[i].key);
        json_out_value(j, &kv[i].value);
    }
    json_out_end(j);
}

static void write_timeseries(struct json_out *j, const struct kv_group *g, int64_t ts_ms)
{
    json_out_object(j);
    json_out_key(j, SPAN("timeseries"));
    json_out_array(j);
    json_out_object(j);
    json_out_key_int(j, "ts", g->ts_ms ? g->ts_ms : ts_ms);
    json_out_key(j, SPAN("values"));
    write_kv(j, g->kv, g->n);
    json_out_end(j);
    json_out_end(j);
    json_out_end(j);
}

static void write_deleted(struct json_out *j, const struct kv *kv, uint32_t n)
{
    json_out_object(j);
    json_out_key(j, SPAN("attributes"));
    json_out_array(j);
    for (uint32_t i = 0; i < n; i++)
        json_out_str(j, kv[i].key);
    json_out_end(j);
    json_out_end(j);
}

struct span hub_msg_json(struct hub_run *r, const struct hub_msg *m)
{
    if (m->json.p)
        return m->json;
    struct buf b = {0};
    struct json_out j = {.out = &b};
    if (m->type == RULE_MSG_ENTITY_CREATED && m->originator) {
        struct store_device_out d = hub_device_out(m->originator);
        hub_write_device(r->hub, &d, &j);
    } else if (m->type == RULE_MSG_TIMESERIES_UPDATED) {
        write_timeseries(&j, m->telemetry, m->ts_ms);
    } else if (m->type == RULE_MSG_ATTRIBUTES_DELETED) {
        write_deleted(&j, m->attributes, m->n_attributes);
    } else if (m->telemetry) {
        write_kv(&j, m->telemetry->kv, m->telemetry->n);
    } else {
        write_kv(&j, m->attributes, m->n_attributes);
    }
    return take_text(r, &b);
}

static struct kv *copy_kv(struct arena *a, const struct kv *kv, size_t n)
{
    struct kv *out = arena_array(a, struct kv, n);
    for (size_t i = 0; i < n; i++) {
        out[i] = kv[i];
        out[i].key = arena_span(a, kv[i].key);
        if (kv[i].value.type >= VALUE_STRING)
            out[i].value.s = arena_span(a, kv[i].value.s);
    }
    return out;
}

struct convert_pairs hub_pairs_copy(struct arena *a, struct convert_pairs pairs)
{
    struct convert_pair *p = arena_array(a, struct convert_pair, pairs.n);
    for (size_t i = 0; i < pairs.n; i++) {
        p[i].key = arena_span(a, pairs.p[i].key);
        p[i].value = arena_span(a, pairs.p[i].value);
    }
    return (struct convert_pairs){p, pairs.n};
}

const struct hub_msg *hub_msg_hold(struct hub_run *r, const struct hub_msg *m)
{
    struct arena *a = &r->arena;
    if (m->held)
        return m;
    struct hub_msg *out = arena_new(a, struct hub_msg);
    *out = *m;
    out->held = true;
    out->custom_type = arena_span(a, m->custom_type);
    out->metadata = hub_pairs_copy(a, m->metadata);
    if (m->telemetry) {
        struct kv_group *g = arena_new(a, struct kv_group);
        *g = *m->telemetry;
        g->kv = copy_kv(a, m->telemetry->kv, m->telemetry->n);
        out->telemetry = g;
    }
    if (m->attributes)
        out->attributes = copy_kv(a, m->attributes, m->n_attributes);
    if (m->json.p)
        out->json = arena_span(a, m->json);
    return out;
}

struct hub_msg *hub_msg_edit(struct hub_run *r, const struct hub_msg *m)
{
    struct hub_msg *out = arena_new(&r->arena, struct hub_msg);
    *out = *hub_msg_hold(r, m);
    out->metadata = hub_msg_metadata(r, out);
    out->whole_metadata = true;
    return out;
}

void hub_msg_set_json(struct hub_msg *m, struct span json)
{
    m->json = json;
    m->telemetry = NULL;
    m->attributes = NULL;
    m->n_attributes = 0;
}

void hub_msg_set_type(struct hub_run *r, struct hub_msg *m, struct span name)
{
    if (span_eq(name, hub_msg_type_name(m)))
        return;
    // What the data looks like goes by the type that the message had until here.
    hub_msg_set_json(m, hub_msg_json(r, m));
    m->type = rule_msg_type_of(name);
    m->custom_type = m->type == RULE_MSG_OTHER ? name : SPAN_NONE;
}

static bool has_key(struct convert_pairs pairs, struct span key)
{
    for (size_t i = 0; i < pairs.n; i++) {
        if (span_eq(pairs.p[i].key, key))
            return true;
    }
    return false;
}

void hub_msg_set_all(struct hub_run *r, struct hub_msg *m, struct convert_pairs pairs)
{
    struct convert_pair *p = arena_array(&r->arena, struct convert_pair, m->metadata.n + pairs.n);
    size_t n = 0;
    for (size_t i = 0; i < m->metadata.n; i++) {
        if (!has_key(pairs, m->metadata.p[i].key))
            p[n++] = m->metadata.p[i];
    }
    for (size_t i = 0; i < pairs.n; i++)
        p[n++] = pairs.p[i];
    m->metadata = (struct convert_pairs){p, n};
}

void hub_msg_unset(struct hub_run *r, struct hub_msg *m, struct span key)
{
    struct convert_pair gone = {key, SPAN_NONE};
    hub_msg_set_all(r, m, (struct convert_pairs){&gone, 1});
    struct convert_pairs *left = &m->metadata;
    left->n--; // it came last
}

struct span hub_msg_type_name(const struct hub_msg *m)
{
    return m->custom_type.n ? m->custom_type : span_str(rule_msg_type_name(m->type));
}

struct downlink_input hub_msg_input(struct hub_run *r, const struct hub_msg *m)
{
    return (struct downlink_input){.msg_json = hub_msg_json(r, m),
                                   .metadata = hub_msg_metadata(r, m),
                                   .msg_type = hub_msg_type_name(m)};
}

enum store_scope hub_scope_of(struct span name)
{
    return span_is(name, "CLIENT_SCOPE")   ? STORE_CLIENT
           : span_is(name, "SHARED_SCOPE") ? STORE_SHARED
           : span_is(name, "SERVER_SCOPE") ? STORE_SERVER
                                           : 0;
}

static struct span scope_name(enum store_scope scope)
{
    return scope == STORE_CLIENT   ? SPAN("CLIENT_SCOPE")
           : scope == STORE_SHARED ? SPAN("SHARED_SCOPE")
                                   : SPAN("SERVER_SCOPE");
}

#define DERIVED_MAX 5

// What follows from the originator and the data: facts/hub.md section 4.3.
static size_t derive(struct hub_run *r, const struct hub_msg *m, struct convert_pair *p)
{
    size_t n = 0;
    if (m->originator) {
        p[n++] = (struct convert_pair){SPAN("deviceName"), m->originator->name};
        p[n++] = (struct convert_pair){SPAN("deviceType"),
                                       hub_profile_name(r->hub, m->originator->profile)};
    }
    if (m->telemetry) {
        int64_t ts = m->telemetry->ts_ms ? m->telemetry->ts_ms : m->ts_ms;
        p[n++] = (struct convert_pair){SPAN("ts"), arena_printf(&r->arena, "%lld", (long long)ts)};
    }
    if (m->type == RULE_MSG_POST_ATTRIBUTES_REQUEST)
        p[n++] = (struct convert_pair){SPAN("notifyDevice"), SPAN("false")};
    if (m->scope)
        p[n++] = (struct convert_pair){SPAN("scope"), scope_name(m->scope)};
    return n;
}

struct convert_pairs hub_msg_metadata(struct hub_run *r, const struct hub_msg *m)
{
    if (m->whole_metadata)
        return m->metadata;
    struct convert_pair *p =
        arena_array(&r->arena, struct convert_pair, DERIVED_MAX + m->metadata.n);
    size_t n = derive(r, m, p);
    for (size_t i = 0; i < m->metadata.n; i++)
        p[n++] = m->metadata.p[i];
    return (struct convert_pairs){p, n};
}

static struct span find_pair(const struct convert_pair *p, size_t n, struct span key)
{
    for (size_t i = 0; i < n; i++) {
        if (span_eq(p[i].key, key))
            return p[i].value.p ? p[i].value : SPAN("");
    }
    return SPAN_NONE;
}

struct span hub_msg_get(struct hub_run *r, const struct hub_msg *m, struct span key)
{
    struct convert_pair derived[DERIVED_MAX];
    struct span own = find_pair(m->metadata.p, m->metadata.n, key);
    if (own.p || m->whole_metadata)
        return own;
    return find_pair(derived, derive(r, m, derived), key);
}

struct store_device_out hub_device_out(const struct store_device *d)
{
    return (struct store_device_out){d->uuid, d->profile, d->name, d->label, d->created_ms};
}

static void write_ref(struct json_out *j, const char *key, const char *type, struct uuid id)
{
    json_out_key(j, span_str(key));
    json_out_object(j);
    json_out_key_str(j, "entityType", span_str(type));
    json_out_key(j, SPAN("id"));
    json_out_uuid(j, id);
    json_out_end(j);
}

void hub_write_device(struct hub *h, const struct store_device_out *d, struct json_out *j)
{
    json_out_object(j);
    write_ref(j, "id", "DEVICE", d->uuid);
    json_out_key_int(j, "createdTime", d->created_ms);
    write_ref(j, "tenantId", "TENANT", h->tenant);
    write_ref(j, "customerId", "CUSTOMER", uuid_null);
    write_ref(j, "ownerId", "TENANT", h->tenant);
    json_out_key_str(j, "name", d->name);
    json_out_key_str(j, "type", hub_profile_name(h, d->profile));
    if (d->label.n) {
        json_out_key_str(j, "label", d->label);
    } else {
        json_out_key_null(j, "label");
    }
    write_ref(j, "deviceProfileId", "DEVICE_PROFILE", d->profile);
    json_out_key_raw(j, "deviceData",
                     SPAN("{\"configuration\":{\"type\":\"DEFAULT\"},"
                          "\"transportConfiguration\":{\"type\":\"DEFAULT\"}}"));
    json_out_key_null(j, "firmwareId");
    json_out_key_null(j, "softwareId");
    json_out_key_null(j, "additionalInfo");
    json_out_key_int(j, "version", 1);
    json_out_end(j);
}
