// SPDX-License-Identifier: Apache-2.0
#include "convert/uplink.h"

#include "convert/script_args.h"

enum field {
    DEVICE_NAME,
    DEVICE_TYPE,
    DEVICE_LABEL,
    ASSET_NAME,
    ASSET_TYPE,
    ASSET_LABEL,
    CUSTOMER_NAME,
    GROUP_NAME,
    ATTRIBUTES,
    TELEMETRY,
    // The typed style.
    NAME,
    TYPE,
    PROFILE,
    LABEL,
    CUSTOMER,
    GROUP,
    FIELDS
};

static const struct span field_names[FIELDS] = {
    [DEVICE_NAME] = SPAN("deviceName"),
    [DEVICE_TYPE] = SPAN("deviceType"),
    [DEVICE_LABEL] = SPAN("deviceLabel"),
    [ASSET_NAME] = SPAN("assetName"),
    [ASSET_TYPE] = SPAN("assetType"),
    [ASSET_LABEL] = SPAN("assetLabel"),
    [CUSTOMER_NAME] = SPAN("customerName"),
    [GROUP_NAME] = SPAN("groupName"),
    [ATTRIBUTES] = SPAN("attributes"),
    [TELEMETRY] = SPAN("telemetry"),
    [NAME] = SPAN("name"),
    [TYPE] = SPAN("type"),
    [PROFILE] = SPAN("profile"),
    [LABEL] = SPAN("label"),
    [CUSTOMER] = SPAN("customer"),
    [GROUP] = SPAN("group"),
};

// Reading a result -------------------------------------------------------------------------------

static int find_field(struct span key)
{
    for (int i = 0; i < FIELDS; i++) {
        if (field_names[i].n == key.n && memcmp(field_names[i].p, key.p, key.n) == 0)
            return i;
    }
    return -1;
}

static int read_name(struct result_reader *r, const struct result_at *up,
                     const struct duk_x_value *fields, enum field f, struct span *out)
{
    struct result_at at = {up, field_names[f], 0};
    return result_name(r, &at, &fields[f], out);
}

// The object is {ts, values}, or values alone, as against a map of which each key is telemetry.
static bool is_group(struct result_reader *r, const struct duk_x_value *v, struct duk_x_value *ts,
                     struct duk_x_value *values)
{
    struct duk_x_value key, item;
    uint32_t at = 0;
    bool others = false;
    ts->kind = values->kind = DUK_X_UNDEFINED;
    while (duk_x_next(r->ctx, v->object, &at, &key, &item) > 0) {
        if (span_eq(key.s, SPAN("ts")))
            *ts = item;
        else if (span_eq(key.s, SPAN("values")))
            *values = item;
        else
            others = others || item.kind != DUK_X_UNDEFINED;
    }
    if (values->kind == DUK_X_UNDEFINED)
        return false;
    return ts->kind != DUK_X_UNDEFINED || (values->kind == DUK_X_OBJECT && !others);
}

// Adds at most one group.
static int read_group(struct result_reader *r, const struct result_at *at,
                      const struct duk_x_value *v, struct uplink_msg *m)
{
    struct kv_group *g = &m->telemetry[m->n_telemetry];
    struct duk_x_value ts, values;
    int rc;
    g->ts_ms = 0;
    if (is_group(r, v, &ts, &values)) {
        struct result_at at_ts = {at, SPAN("ts"), 0}, at_values = {at, SPAN("values"), 0};
        rc = result_time(r, &at_ts, &ts, &g->ts_ms);
        if (rc == 0)
            rc = result_map(r, &at_values, &values, &g->kv, &g->n);
    } else {
        rc = result_map(r, at, v, &g->kv, &g->n);
    }
    if (rc == 0 && g->n > 0)
        m->n_telemetry++;
    return rc;
}

static int read_telemetry(struct result_reader *r, const struct result_at *up,
                          const struct duk_x_value *v, struct uplink_msg *m)
{
    struct result_at at = {up, field_names[TELEMETRY], 0};
    if (!result_is_given(v))
        return 0;
    if (v->kind == DUK_X_OBJECT) {
        m->telemetry = arena_array(r->arena, struct kv_group, 1);
        return read_group(r, &at, v, m);
    }
    if (v->kind != DUK_X_ARRAY)
        return result_fail(r, &at, "must be an object or an array, is %s", result_kind_name(v));
    m->telemetry = arena_array(r->arena, struct kv_group, v->n);
    for (uint32_t i = 0; i < v->n; i++) {
        struct result_at here = {&at, SPAN_NONE, i};
        struct duk_x_value item;
        duk_x_item(r->ctx, v->object, i, &item);
        if (!result_is_given(&item))
            continue;
        if (item.kind != DUK_X_OBJECT)
            return result_fail(r, &here, "must be an object, is %s", result_kind_name(&item));
        int rc = read_group(r, &here, &item, m);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_names(struct result_reader *r, const struct result_at *at,
                      const struct duk_x_value *fields, enum field name, enum field type,
                      enum field label, enum field customer, enum field group, struct uplink_msg *m)
{
    int rc = read_name(r, at, fields, name, &m->name);
    if (rc == 0)
        rc = read_name(r, at, fields, type, &m->type);
    if (rc == 0)
        rc = read_name(r, at, fields, label, &m->label);
    if (rc == 0)
        rc = read_name(r, at, fields, customer, &m->customer);
    if (rc == 0)
        rc = read_name(r, at, fields, group, &m->group);
    if (rc == 0 && span_trim(m->name).n == 0) {
        struct result_at here = {at, field_names[name], 0};
        rc = result_fail(r, &here, "is empty");
    }
    return rc;
}

static int read_entity(struct result_reader *r, const struct result_at *at,
                       const struct duk_x_value *fields, struct uplink_msg *m)
{
    bool device = result_is_given(&fields[DEVICE_NAME]),
         asset = result_is_given(&fields[ASSET_NAME]);
    if (device && asset)
        return result_fail(r, at, "both deviceName and assetName are set");
    if (device)
        return read_names(r, at, fields, DEVICE_NAME, DEVICE_TYPE, DEVICE_LABEL, CUSTOMER_NAME,
                          GROUP_NAME, m);
    m->is_asset = true;
    if (asset)
        return read_names(r, at, fields, ASSET_NAME, ASSET_TYPE, ASSET_LABEL, CUSTOMER_NAME,
                          GROUP_NAME, m);
    if (!result_is_given(&fields[NAME]))
        return result_fail(r, at, "deviceName is missing");
    struct span type;
    int rc = read_name(r, at, fields, TYPE, &type);
    if (rc < 0)
        return rc;
    m->is_asset = span_ieq(type, SPAN("ASSET"));
    if (!m->is_asset && type.n > 0 && !span_ieq(type, SPAN("DEVICE"))) {
        struct result_at here = {at, field_names[TYPE], 0};
        return result_fail(r, &here, "must be DEVICE or ASSET");
    }
    return read_names(r, at, fields, NAME, PROFILE, LABEL, CUSTOMER, GROUP, m);
}

static int read_msg(struct result_reader *r, const struct result_at *at,
                    const struct duk_x_value *v, struct uplink_msg *m)
{
    if (v->kind != DUK_X_OBJECT)
        return result_fail(r, at, "the result is %s, not an object", result_kind_name(v));
    struct duk_x_value fields[FIELDS], key, item;
    memset(fields, 0, sizeof(fields));
    *m = (struct uplink_msg){0};
    uint32_t next = 0;
    while (duk_x_next(r->ctx, v->object, &next, &key, &item) > 0) {
        int f = find_field(key.s);
        if (f >= 0)
            fields[f] = item;
    }
    struct result_at at_attributes = {at, field_names[ATTRIBUTES], 0};
    int rc = read_entity(r, at, fields, m);
    if (rc == 0)
        rc = read_telemetry(r, at, &fields[TELEMETRY], m);
    if (rc == 0)
        rc = result_map(r, &at_attributes, &fields[ATTRIBUTES], &m->attributes, &m->n_attributes);
    return rc;
}

static int read_result(struct result_reader *r, const struct duk_x_value *v,
                       struct uplink_result *out)
{
    if (!result_is_given(v))
        return 0;
    if (v->kind != DUK_X_ARRAY) {
        out->msgs = arena_array(r->arena, struct uplink_msg, 1);
        int rc = read_msg(r, NULL, v, out->msgs);
        out->n_msgs = rc == 0;
        return rc;
    }
    struct uplink_msg *msgs = arena_array(r->arena, struct uplink_msg, v->n);
    uint32_t n = 0;
    for (uint32_t i = 0; i < v->n; i++) {
        struct result_at at = {NULL, SPAN_NONE, i};
        struct duk_x_value item;
        duk_x_item(r->ctx, v->object, i, &item);
        if (!result_is_given(&item))
            continue;
        int rc = read_msg(r, &at, &item, &msgs[n++]);
        if (rc < 0)
            return rc;
    }
    out->msgs = msgs;
    out->n_msgs = n;
    return 0;
}

// The call ---------------------------------------------------------------------------------------

static void add_record(duk_context *ctx, const struct uplink_record *r)
{
    script_args_add(ctx, "streamName", r->stream_name);
    script_args_add(ctx, "shardId", r->shard_id);
    script_args_add(ctx, "sequenceNumber", r->sequence_number);
    if (r->sequence_number.n > 0)
        script_args_add_int(ctx, "subSequenceNumber", (int64_t)r->sub_sequence);
    script_args_add(ctx, "partitionKey", r->partition_key);
    if (r->arrival_ms > 0)
        script_args_add_int(ctx, "arrivalTimestamp", r->arrival_ms);
}

static int push_arguments(duk_context *ctx, struct js_call *call)
{
    struct uplink_call *c = (struct uplink_call *)call;
    duk_x_push_bytes(ctx, c->record->payload);
    if (!c->with_metadata)
        return 1;
    duk_x_push_copy(ctx, JS_SLOT_TEMPLATE);
    add_record(ctx, c->record);
    return 2;
}

static void take_result(duk_context *ctx, struct js_call *call)
{
    struct uplink_call *c = (struct uplink_call *)call;
    struct duk_x_value v;
    duk_x_view(ctx, -1, &v);
    c->reader.ctx = ctx;
    call->status = read_result(&c->reader, &v, c->out);
    call->error = c->reader.error;
}

void uplink_call_init(struct uplink_call *c, const struct uplink_record *record,
                      struct uplink_result *out)
{
    *out = (struct uplink_result){0};
    c->call.push = push_arguments;
    c->call.take = take_result;
    c->call.arena = c->reader.arena;
    c->record = record;
    c->reader.size = 0;
    c->reader.error = SPAN_NONE;
    c->out = out;
}
