// SPDX-License-Identifier: Apache-2.0
#include "codec/json_scan.h"
#include "hub/hub.h"

// Telemetry and attribute JSON as the hub's REST and rule nodes take it (facts/hub.md section 2.2).

struct ingest {
    struct json_scan scan;
    struct arena *arena;
    bool cast;
    bool skip_null;
    struct err *err;
    struct kv_group *groups;
    size_t n_groups, cap_groups;
};

struct kv_list {
    struct kv *kv;
    uint32_t n, cap;
};

static int fail(struct ingest *in, const char *what)
{
    return err_set(in->err, ERR_INVALID, "%s", what);
}

static int scan_failed(struct ingest *in)
{
    return json_scan_error(&in->scan, in->err);
}

// A repeated key needs no care: what is stored later wins, as in any JSON object.
static void push_kv(struct ingest *in, struct kv_list *l, struct span key, struct value v)
{
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 8;
        l->kv = arena_grow(in->arena, l->kv, l->cap * sizeof *l->kv, cap * sizeof *l->kv);
        l->cap = cap;
    }
    l->kv[l->n++] = (struct kv){key, v};
}

static int read_value(struct ingest *in, enum json_token t, struct span key, struct value *out)
{
    struct span raw;
    switch (t) {
    case JSON_T_TRUE:
    case JSON_T_FALSE:
        *out = value_bool(t == JSON_T_TRUE);
        return 0;
    case JSON_T_NUMBER:
        *out = value_number_text(in->scan.text);
        return 0;
    case JSON_T_STRING:
        *out = in->cast ? value_cast_string(in->scan.text) : value_string(in->scan.text);
        return 0;
    case JSON_T_OBJECT:
    case JSON_T_ARRAY:
        if (json_scan_raw(&in->scan, &raw) < 0)
            return scan_failed(in);
        *out = value_json(raw);
        return 0;
    case JSON_T_NULL:
        return err_set(in->err, ERR_INVALID, "Can't parse value of key \"%.*s\": null",
                       SPAN_ARG(key));
    default:
        return scan_failed(in);
    }
}

// Members of an object whose '{' was consumed, up to its '}'.
static int read_members(struct ingest *in, struct kv_list *l)
{
    for (;;) {
        enum json_token t = json_scan_next(&in->scan);
        if (t == JSON_T_OBJECT_END)
            return 0;
        if (t != JSON_T_KEY)
            return scan_failed(in);
        struct span key = in->scan.text;
        struct value v;
        if (span_trim(key).n == 0)
            return fail(in, "Key can't be empty or contain only spaces");
        t = json_scan_next(&in->scan);
        if (t == JSON_T_NULL && in->skip_null)
            continue;
        int status = read_value(in, t, key, &v);
        if (status < 0)
            return status;
        push_kv(in, l, key, v);
    }
}

static void push_group(struct ingest *in, int64_t ts_ms, struct kv_list l)
{
    if (in->n_groups == in->cap_groups) {
        size_t cap = in->cap_groups ? in->cap_groups * 2 : 4;
        in->groups = arena_grow(in->arena, in->groups, in->cap_groups * sizeof *in->groups,
                                cap * sizeof *in->groups);
        in->cap_groups = cap;
    }
    in->groups[in->n_groups++] = (struct kv_group){ts_ms, l.kv, l.n};
}

static const struct kv *find_kv(const struct kv_list *l, const char *key)
{
    for (uint32_t i = l->n; i > 0; i--) {
        if (span_is(l->kv[i - 1].key, key))
            return &l->kv[i - 1];
    }
    return NULL;
}

static int read_values_text(struct ingest *in, struct span text, struct kv_list *l)
{
    struct json_scan outer = in->scan;
    json_scan_init(&in->scan, text, in->arena);
    int status = json_scan_next(&in->scan) == JSON_T_OBJECT ? read_members(in, l)
                                                            : fail(in, "values must be an object");
    in->scan = outer;
    return status;
}

// An object holding both ts and values is a group with a time; any other is values at no given
// time.
static int read_object(struct ingest *in)
{
    struct kv_list l = {0}, values = {0};
    int status = read_members(in, &l);
    if (status < 0)
        return status;
    const struct kv *ts = find_kv(&l, "ts"), *v = find_kv(&l, "values");
    if (!ts || !v) {
        push_group(in, 0, l);
        return 0;
    }
    struct value when = ts->value;
    if (when.type == VALUE_STRING)
        when = value_cast_string(when.s);
    if (when.type != VALUE_LONG)
        return fail(in, "ts must be a whole number of milliseconds");
    if (v->value.type != VALUE_JSON)
        return fail(in, "values must be an object");
    status = read_values_text(in, v->value.s, &values);
    if (status == 0)
        push_group(in, when.i, values);
    return status;
}

static int read_array(struct ingest *in)
{
    for (;;) {
        enum json_token t = json_scan_next(&in->scan);
        if (t == JSON_T_ARRAY_END)
            return 0;
        if (t == JSON_T_ERROR)
            return scan_failed(in);
        if (t != JSON_T_OBJECT)
            return fail(in, "every element of the array must be an object");
        int status = read_object(in);
        if (status < 0)
            return status;
    }
}

static int expect_end(struct ingest *in)
{
    return json_scan_next(&in->scan) == JSON_T_END ? 0 : scan_failed(in);
}

static int read_telemetry(struct ingest *in, struct span json)
{
    json_scan_init(&in->scan, json, in->arena);
    enum json_token t = json_scan_next(&in->scan);
    int status;
    if (t == JSON_T_OBJECT) {
        status = read_object(in);
    } else if (t == JSON_T_ARRAY) {
        status = read_array(in);
    } else {
        status = t == JSON_T_ERROR ? scan_failed(in) : fail(in, "must be an object or an array");
    }
    return status == 0 ? expect_end(in) : status;
}

int hub_parse_telemetry(struct span json, bool cast, struct arena *a, struct kv_group **groups,
                        size_t *n, struct err *e)
{
    struct ingest in = {.arena = a, .cast = cast, .err = e};
    int status = read_telemetry(&in, json);
    *groups = in.groups;
    *n = in.n_groups;
    return status;
}

int hub_parse_device_telemetry(struct span json, bool cast, struct arena *a,
                               struct kv_group **groups, size_t *n, struct err *e)
{
    struct ingest in = {.arena = a, .cast = cast, .skip_null = true, .err = e};
    int status = read_telemetry(&in, json);
    *groups = in.groups;
    *n = in.n_groups;
    return status;
}

static int read_attributes(struct ingest *in, struct span json, struct kv **kv, size_t *n)
{
    struct kv_list l = {0};
    json_scan_init(&in->scan, json, in->arena);
    enum json_token t = json_scan_next(&in->scan);
    int status = t == JSON_T_OBJECT  ? read_members(in, &l)
                 : t == JSON_T_ERROR ? scan_failed(in)
                                     : fail(in, "must be an object");
    if (status == 0)
        status = expect_end(in);
    *kv = l.kv;
    *n = l.n;
    return status;
}

int hub_parse_attributes(struct span json, bool cast, struct arena *a, struct kv **kv, size_t *n,
                         struct err *e)
{
    struct ingest in = {.arena = a, .cast = cast, .err = e};
    return read_attributes(&in, json, kv, n);
}

int hub_parse_device_attributes(struct span json, bool cast, struct arena *a, struct kv **kv,
                                size_t *n, struct err *e)
{
    struct ingest in = {.arena = a, .cast = cast, .skip_null = true, .err = e};
    return read_attributes(&in, json, kv, n);
}
