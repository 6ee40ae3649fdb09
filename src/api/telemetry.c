// SPDX-License-Identifier: Apache-2.0
#include "api/routes.h"
#include "api/target.h"

// Telemetry: facts/hub.md section 3.4. The latest values of a device, asked for over and over, come
// from memory and go straight into the answer.

#define RANGE_LIMIT 100         // points of a key when none is asked for
#define RANGE_POINTS_MAX 200000 // of all keys in one answer
#define RANGE_INTERVALS_MAX 700 // buckets of a key

struct telemetry_read {
    struct store_device *device;
    struct query_list keys;
    bool strict; // JSON's own types instead of strings
};

// Values are strings unless the caller wants them strict.
static void write_value(struct json_out *j, const struct value *v, bool strict)
{
    if (strict) {
        json_out_value(j, v);
    } else if (v->type == VALUE_STRING || v->type == VALUE_JSON) {
        json_out_str(j, v->s);
    } else {
        json_out_raw(j, SPAN("\""));
        value_text(v, j->out);
        buf_add_char(j->out, '"');
    }
}

static void write_point(struct json_out *j, const struct store_point *p, bool strict)
{
    json_out_object(j);
    json_out_key_int(j, "ts", p->ts_ms);
    json_out_key(j, SPAN("value"));
    write_value(j, &p->value, strict);
    json_out_end(j);
}

static void write_series(struct json_out *j, const struct store_series_out *s, bool strict)
{
    json_out_key(j, s->key);
    json_out_array(j);
    for (size_t i = 0; i < s->n; i++)
        write_point(j, &s->points[i], strict);
    json_out_end(j);
}

// The hub shows a key it never saw as null, now.
static void write_unknown(struct json_out *j, struct span key, int64_t now_ms)
{
    json_out_key(j, key);
    json_out_array(j);
    json_out_object(j);
    json_out_key_int(j, "ts", now_ms);
    json_out_key_null(j, "value");
    json_out_end(j);
    json_out_end(j);
}

static const struct store_series_out *find_series(const struct store_read *r, struct span key,
                                                  size_t likely)
{
    if (likely < r->n_series && span_eq(r->series_out[likely].key, key))
        return &r->series_out[likely];
    for (size_t i = 0; i < r->n_series; i++) {
        if (span_eq(r->series_out[i].key, key))
            return &r->series_out[i];
    }
    return NULL;
}

static void respond_latest(struct request *q, const struct telemetry_read *t,
                           const struct store_read *r)
{
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    json_out_object(&j);
    for (size_t i = 0; i < t->keys.n; i++) {
        const struct store_series_out *s = find_series(r, t->keys.items[i], i);
        if (s && s->n)
            write_series(&j, s, t->strict);
        else
            write_unknown(&j, t->keys.items[i], loop_wall_ms(q->api->o.loop));
    }
    for (size_t i = 0; t->keys.n == 0 && i < r->n_series; i++) {
        if (r->series_out[i].n)
            write_series(&j, &r->series_out[i], t->strict);
    }
    json_out_end(&j);
    respond_json(q, buf_span(b));
}

static void on_latest(struct request *q, struct store_read *r)
{
    respond_latest(q, q->data, r);
}

static void read_latest(struct request *q, struct telemetry_read *t)
{
    struct store_read now = {
        .kind = STORE_READ_LATEST, .device = t->device, .keys = t->keys.items, .n_keys = t->keys.n};
    if (store_latest_now(hub_store(q->api->o.hub), &now)) {
        respond_latest(q, t, &now);
        store_read_free(&now);
        return;
    }
    struct store_read *r = read_new(q, STORE_READ_LATEST, on_latest);
    r->device = t->device;
    r->keys = t->keys.items;
    r->n_keys = t->keys.n;
    read_start(r);
}

static void on_range(struct request *q, struct store_read *r)
{
    const struct telemetry_read *t = q->data;
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    json_out_object(&j);
    for (size_t i = 0; i < r->n_series; i++) {
        if (r->series_out[i].n)
            write_series(&j, &r->series_out[i], t->strict);
    }
    json_out_end(&j);
    respond_json(q, buf_span(b));
}

struct range {
    int64_t start, end, interval, limit;
    enum store_agg agg;
    bool ascending;
};

static int read_agg(struct span s, enum store_agg *out, struct err *e)
{
    static const char *const names[] = {"NONE", "MIN", "MAX", "AVG", "SUM", "COUNT"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (span_is(s, names[i])) {
            *out = (enum store_agg)i;
            return 0;
        }
    }
    return err_set(e, ERR_INVALID, "agg: must be NONE, MIN, MAX, AVG, SUM or COUNT");
}

static int check_range(const struct range *r, struct err *e)
{
    uint64_t span = (uint64_t)r->end - (uint64_t)r->start;
    if (r->start > r->end)
        return err_set(e, ERR_INVALID, "startTs must not be after endTs");
    if (r->interval < 0)
        return err_set(e, ERR_INVALID, "interval must not be negative");
    if (r->limit < 1)
        return err_set(e, ERR_INVALID, "limit must be at least 1");
    if (r->agg == STORE_NONE)
        return 0;
    if (span / (uint64_t)r->interval + (span % (uint64_t)r->interval > 0) > RANGE_INTERVALS_MAX) {
        return err_set(e, ERR_INVALID,
                       "more than %d intervals: choose a longer interval or a shorter range",
                       RANGE_INTERVALS_MAX);
    }
    return 0;
}

static int read_range(const struct query *q, struct range *r, struct err *e)
{
    struct span agg = query_get(q, "agg"), order = query_get(q, "orderBy");
    struct span kind = query_get(q, "intervalType");
    r->agg = STORE_NONE;
    if (query_get_int(q, "startTs", 0, &r->start, e) < 0 ||
        query_get_int(q, "endTs", 0, &r->end, e) < 0 ||
        query_get_int(q, "interval", 0, &r->interval, e) < 0 ||
        query_get_int(q, "limit", RANGE_LIMIT, &r->limit, e) < 0)
        return e->code;
    if (agg.n && read_agg(agg, &r->agg, e) < 0)
        return e->code;
    if (kind.n && !span_is(kind, "MILLISECONDS"))
        return err_set(e, ERR_INVALID, "intervalType: only MILLISECONDS is supported");
    r->ascending = span_ieq(order, SPAN("ASC"));
    if (order.n && !r->ascending && !span_ieq(order, SPAN("DESC")))
        return err_set(e, ERR_INVALID, "orderBy: must be ASC or DESC");
    if (r->interval == 0)
        r->agg = STORE_NONE; // as the hub does
    return check_range(r, e);
}

static void read_history(struct request *q, struct telemetry_read *t)
{
    struct range range;
    struct err e = {0};
    if (t->keys.n == 0) {
        respond_text(q, 400, "keys: at least one is needed");
        return;
    }
    if (read_range(&q->query, &range, &e) < 0) {
        respond_text(q, 400, "%s", e.msg);
        return;
    }
    int64_t most = RANGE_POINTS_MAX / (int64_t)t->keys.n;
    struct store_read *r = read_new(q, STORE_READ_RANGE, on_range);
    r->device = t->device;
    r->keys = t->keys.items;
    r->n_keys = t->keys.n;
    r->start_ms = range.start;
    r->end_ms = range.end;
    r->interval_ms = range.interval;
    r->agg = range.agg;
    r->limit = (size_t)(range.limit < most ? range.limit : most);
    r->ascending = range.ascending;
    read_start(r);
}

// NULL: answered.
static struct telemetry_read *begin(struct request *q)
{
    struct telemetry_read *t = arena_new(q->arena, struct telemetry_read);
    struct err e = {0};
    t->device = target_find(q, q->args[0], q->args[1]);
    if (!t->device || !target_keys(q, &t->keys))
        return NULL;
    if (query_get_bool(&q->query, "useStrictDataTypes", false, &t->strict, &e) < 0) {
        respond_text(q, 400, "%s", e.msg);
        return NULL;
    }
    q->data = t;
    return t;
}

// One path, two calls: with a start and an end it is a range.
void telemetry_read(struct request *q)
{
    struct telemetry_read *t = begin(q);
    if (!t)
        return;
    if (query_get(&q->query, "startTs").n && query_get(&q->query, "endTs").n)
        read_history(q, t);
    else
        read_latest(q, t);
}

void telemetry_read_history(struct request *q)
{
    struct telemetry_read *t = begin(q);
    if (!t)
        return;
    if (query_get(&q->query, "startTs").n && query_get(&q->query, "endTs").n)
        read_history(q, t);
    else
        respond_text(q, 400, "startTs and endTs are needed");
}

static void on_keys(struct request *q, struct store_read *r)
{
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    json_out_array(&j);
    for (size_t i = 0; i < r->n_series; i++)
        json_out_str(&j, r->series_out[i].key);
    json_out_end(&j);
    respond_json(q, buf_span(b));
}

void telemetry_keys(struct request *q)
{
    struct store_device *d = target_find(q, q->args[0], q->args[1]);
    if (!d)
        return;
    struct store_read *r = read_new(q, STORE_READ_KEYS, on_keys);
    r->device = d;
    read_start(r);
}

void telemetry_save(struct request *q)
{
    struct hub *h = q->api->o.hub;
    struct kv_group *groups;
    struct err e = {0};
    size_t n, values = 0;
    int64_t ttl;
    struct store_device *d = target_find(q, q->args[0], q->args[1]);
    if (!d)
        return;
    if (q->args[3].n && (!span_to_i64(q->args[3], &ttl) || ttl < 0)) {
        respond_text(q, 400, "ttl: must be a whole number of seconds");
        return;
    }
    if (hub_parse_telemetry(http_body(q->x), hub_cast_strings(h), q->arena, &groups, &n, &e) < 0) {
        respond_text(q, 400, "Invalid JSON: %s", e.msg);
        return;
    }
    for (size_t i = 0; i < n; i++)
        values += groups[i].n;
    if (values == 0) {
        respond_text(q, 400, "the request body holds no telemetry");
        return;
    }
    if (request_may_write(q))
        hub_save_telemetry(h, d, groups, n, &q->who.user, on_committed, committed_new(q, NULL));
}
