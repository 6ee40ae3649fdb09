// SPDX-License-Identifier: Apache-2.0
#include "api/internal.h"
#include "api/routes.h"

// Debug events: facts/hub.md sections 1.4 and 3.5. They are in memory (hub/events.h), so each call
// answers at once.

#define PAGE_MAX 1000
#define FILTERS_MAX 16

// What a filter of the request asks of a member of an event's body.
enum match { MATCH_EQUAL, MATCH_CONTAINS, MATCH_IS_ERROR };

static const struct filter_kind {
    const char *name, *member;
    enum match match;
} filter_kinds[] = {
    {"server", "server", MATCH_CONTAINS},
    {"msgDirectionType", "type", MATCH_EQUAL},
    {"type", "type", MATCH_EQUAL},
    {"entityId", "entityId", MATCH_EQUAL},
    {"entityType", "entityType", MATCH_EQUAL},
    {"msgId", "msgId", MATCH_EQUAL},
    {"msgType", "msgType", MATCH_EQUAL},
    {"relationType", "relationType", MATCH_EQUAL},
    {"dataSearch", "data", MATCH_CONTAINS},
    {"metadataSearch", "metadata", MATCH_CONTAINS},
    {"in", "in", MATCH_CONTAINS},
    {"out", "out", MATCH_CONTAINS},
    {"metadata", "metadata", MATCH_CONTAINS},
    {"message", "message", MATCH_CONTAINS},
    {"statusIntegration", "status", MATCH_EQUAL},
    {"errorStr", "error", MATCH_CONTAINS},
    {"isError", "error", MATCH_IS_ERROR},
};

struct filter {
    const struct filter_kind *kind;
    struct span text;
};

struct listing {
    struct uuid entity;
    struct span entity_type;
    bool has_type; // else there are no events of the type that was asked for
    enum event_type type;
    int64_t start_ms, end_ms;
    struct filter filters[FILTERS_MAX];
    size_t n_filters;
};

// Types of the hub that nothing here writes: their lists are empty.
static bool is_silent_type(struct span name)
{
    static const char *const silent[] = {"ERROR",    "LC_EVENT",         "STATS",
                                         "RAW_DATA", "DEBUG_RULE_CHAIN", "DEBUG_CALCULATED_FIELD"};
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++) {
        if (span_is(name, silent[i]))
            return true;
    }
    return false;
}

static bool read_type(struct request *q, struct listing *l, struct span name)
{
    l->has_type = event_type_parse(name, &l->type);
    if (l->has_type || is_silent_type(name))
        return true;
    respond_error(q, 400, HUB_BAD_REQUEST, "eventType: there is no such type of events");
    return false;
}

// What the entity's own debugging writes, where no type was given.
static struct span default_type(struct span entity_type)
{
    return span_is(entity_type, "CONVERTER")     ? SPAN("DEBUG_CONVERTER")
           : span_is(entity_type, "INTEGRATION") ? SPAN("DEBUG_INTEGRATION")
                                                 : SPAN("DEBUG_RULE_NODE");
}

static bool begin(struct request *q, struct listing *l)
{
    struct err e = {0};
    *l = (struct listing){.entity_type = q->args[0]};
    if (!query_get(&q->query, "tenantId").p) {
        respond_error(q, 400, HUB_BAD_REQUEST,
                      "Required request parameter 'tenantId' is not present");
        return false;
    }
    if (query_get_int(&q->query, "startTime", INT64_MIN, &l->start_ms, &e) < 0 ||
        query_get_int(&q->query, "endTime", INT64_MAX, &l->end_ms, &e) < 0) {
        respond_err(q, &e);
        return false;
    }
    return request_uuid(q, q->args[1], &l->entity);
}

static void add_filter(struct listing *l, struct arena *a, const struct filter_kind *kind,
                       const struct json *v)
{
    struct span text = json_str(v, SPAN_NONE);
    if (json_is(v, JSON_BOOL))
        text = json_bool(v, false) ? SPAN("true") : SPAN("false");
    if (text.n && l->n_filters < FILTERS_MAX)
        l->filters[l->n_filters++] = (struct filter){kind, arena_span(a, text)};
}

// {"eventType": ..., and the members that are looked for}.
static bool read_filter(struct request *q, struct listing *l, const struct json *doc)
{
    if (!json_is(doc, JSON_OBJECT)) {
        respond_error(q, 400, HUB_BAD_REQUEST, "the filter must be a JSON object");
        return false;
    }
    for (size_t i = 0; i < sizeof filter_kinds / sizeof *filter_kinds; i++)
        add_filter(l, q->arena, &filter_kinds[i], json_get(doc, filter_kinds[i].name));
    return read_type(q, l, json_get_str(doc, "eventType", default_type(l->entity_type)));
}

// ASCII letters of either case.
static bool contains(struct span s, struct span part)
{
    for (size_t i = 0; i + part.n <= s.n; i++) {
        if (span_ieq(span_of(s.p + i, part.n), part))
            return true;
    }
    return false;
}

static bool fits(const struct filter *f, const struct json *body)
{
    struct span v = json_get_str(body, f->kind->member, SPAN_NONE);
    switch (f->kind->match) {
    case MATCH_EQUAL:
        return span_ieq(v, f->text);
    case MATCH_CONTAINS:
        return contains(v, f->text);
    default:
        return (v.n > 0) == span_is(f->text, "true");
    }
}

static bool keep(const struct listing *l, const struct event *v)
{
    if (v->type != l->type || v->created_ms < l->start_ms || v->created_ms > l->end_ms)
        return false;
    if (l->n_filters == 0)
        return true;
    struct err e;
    struct json *body = json_parse(v->body, &e);
    bool all = body != NULL;
    for (size_t i = 0; all && i < l->n_filters; i++)
        all = fits(&l->filters[i], body);
    json_free(body);
    return all;
}

static void write(struct request *q, struct json_out *j, const struct listing *l,
                  const struct event *v)
{
    char id[UUID_TEXT_LEN + 1];
    uuid_format(v->id, id);
    json_out_object(j);
    json_out_key(j, SPAN("id"));
    json_out_object(j);
    json_out_key_str(j, "id", span_str(id));
    json_out_end(j);
    json_out_key_int(j, "createdTime", v->created_ms);
    write_ref(j, "tenantId", "TENANT", hub_tenant(q->api->o.hub));
    json_out_key_str(j, "type", span_str(event_type_name(v->type)));
    json_out_key_str(j, "uid", span_str(id));
    json_out_key(j, SPAN("entityId"));
    json_out_object(j);
    json_out_key_str(j, "entityType", l->entity_type);
    json_out_key(j, SPAN("id"));
    json_out_uuid(j, l->entity);
    json_out_end(j);
    json_out_key_raw(j, "body", v->body);
    json_out_end(j);
}

static void respond(struct request *q, const struct listing *l)
{
    struct events *events = hub_events(q->api->o.hub);
    struct page_link page;
    if (!request_page(q, PAGE_MAX, &page))
        return;
    const struct event **found = arena_array(q->arena, const struct event *, EVENTS_ENTITY_MAX + 1);
    size_t n = 0;
    for (const struct event *v = NULL; l->has_type && (v = events_next(events, l->entity, v));) {
        if (n < EVENTS_ENTITY_MAX && keep(l, v))
            found[n++] = v;
    }
    bool oldest_first = span_is(query_get(&q->query, "sortOrder"), "ASC");
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    page_begin(&j);
    size_t first = page.page < n / page.page_size + 1 ? page.page * page.page_size : n;
    for (size_t i = first; i < n && i < first + page.page_size; i++)
        write(q, &j, l, found[oldest_first ? n - 1 - i : i]);
    page_end(&j, &page, n);
    respond_json(q, buf_span(b));
}

void events_list(struct request *q)
{
    struct listing l;
    if (begin(q, &l) && read_type(q, &l, q->args[2]))
        respond(q, &l);
}

void events_list_default(struct request *q)
{
    struct listing l;
    if (begin(q, &l) && read_type(q, &l, default_type(l.entity_type)))
        respond(q, &l);
}

void events_search(struct request *q)
{
    struct listing l;
    if (!begin(q, &l))
        return;
    struct json *doc = request_json(q);
    if (!doc)
        return;
    if (read_filter(q, &l, doc))
        respond(q, &l);
    json_free(doc);
}

void events_clear_all(struct request *q)
{
    struct listing l;
    struct uuid entity;
    if (!request_uuid(q, q->args[1], &entity))
        return;
    struct json *doc = request_json(q);
    if (!doc)
        return;
    l = (struct listing){.entity = entity, .entity_type = q->args[0]};
    if (read_filter(q, &l, doc)) {
        if (l.has_type)
            events_clear(hub_events(q->api->o.hub), entity, l.type);
        respond_empty(q);
    }
    json_free(doc);
}
