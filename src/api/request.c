// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>

#include "api/internal.h"
#include "base/mem.h"

#define OUT_KEEP (256 * 1024) // an answer's buffer is kept up to this size
#define MESSAGE_MAX 512
// A parsed document takes many times the memory of its text.
#define DOCUMENT_MAX (4 * 1024 * 1024)
#define OPEN_DOCUMENT_MAX (64 * 1024) // from peers that are not logged in

#define JSON_TYPE "application/json"
#define TEXT_TYPE "text/plain;charset=UTF-8"

#define H(name, value) {{"" name, sizeof(name) - 1}, {"" value, sizeof(value) - 1}}

struct buf *request_out(struct request *q)
{
    struct buf *b = &q->api->out;
    if (b->cap > OUT_KEEP)
        buf_free(b);
    buf_clear(b);
    return b;
}

void respond_headers(struct request *q, int status, struct http_headers h, struct span body)
{
    unsigned class = (unsigned)status / 100;
    q->api->counts.by_class[class < 6 ? class : 0]++;
    http_respond(q->x, status, h, body);
}

void respond_type(struct request *q, int status, const char *type, struct span body)
{
    struct http_header h[] = {
        {SPAN("Content-Type"), span_str(type)},
        H("Cache-Control", "no-store"),
        H("X-Content-Type-Options", "nosniff"),
    };
    respond_headers(q, status, (struct http_headers){h, sizeof h / sizeof *h}, body);
}

void respond_json(struct request *q, struct span body)
{
    respond_type(q, 200, JSON_TYPE, body);
}

void respond_empty(struct request *q)
{
    static const struct http_header h[] = {H("Cache-Control", "no-store")};
    respond_headers(q, 200, (struct http_headers){h, 1}, SPAN_NONE);
}

void respond_text(struct request *q, int status, const char *fmt, ...)
{
    char text[MESSAGE_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    respond_type(q, status, TEXT_TYPE, span_str(text));
}

void error_json(struct buf *out, int status, enum hub_error code, struct span message)
{
    struct json_out j = {.out = out};
    json_out_object(&j);
    json_out_key_int(&j, "status", status);
    json_out_key_str(&j, "message", message);
    json_out_key_int(&j, "errorCode", code);
    json_out_key_int(&j, "timestamp", clock_system.wall_ms(clock_system.ctx));
    json_out_end(&j);
}

void respond_error(struct request *q, int status, enum hub_error code, const char *fmt, ...)
{
    char text[MESSAGE_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct buf *b = request_out(q);
    error_json(b, status, code, span_str(text));
    respond_type(q, status, JSON_TYPE, buf_span(b));
}

void respond_err(struct request *q, const struct err *e)
{
    const char *text = e->msg[0] ? e->msg : err_text(e->code);
    switch (e->code) {
    case ERR_INVALID:
    case ERR_EXISTS:
    case ERR_LIMIT:
    case ERR_CONFIG:
        respond_error(q, 400, HUB_BAD_REQUEST, "%s", text);
        return;
    case ERR_NOT_FOUND:
        respond_error(q, 404, HUB_NOT_FOUND, "%s", text);
        return;
    case ERR_CONFLICT:
        respond_error(q, 409, HUB_CONFLICT, "%s", text);
        return;
    case ERR_BUSY:
        respond_error(q, 429, HUB_TOO_MANY, "%s", text);
        return;
    case ERR_UNAVAILABLE:
    case ERR_NOSPACE:
    case ERR_IO:
        respond_error(q, 503, HUB_DATABASE, "%s", text);
        return;
    case ERR_CANCELED:
        respond_error(q, 503, HUB_GENERAL, "the server is shutting down");
        return;
    default:
        respond_error(q, 500, HUB_GENERAL, "%s", text);
        return;
    }
}

struct json *request_json(struct request *q)
{
    struct err e = {0};
    struct span body = http_body(q->x);
    size_t most = q->who.authority.n ? DOCUMENT_MAX : OPEN_DOCUMENT_MAX;
    if (body.n > most) {
        respond_error(q, 413, HUB_BAD_REQUEST, "request body has more than %zu bytes", most);
        return NULL;
    }
    if (span_trim(body).n == 0) {
        respond_error(q, 400, HUB_BAD_REQUEST, "Required request body is missing");
        return NULL;
    }
    struct json *doc = json_parse(body, &e);
    if (!doc)
        respond_error(q, 400, HUB_BAD_REQUEST, "request body is not JSON: %s", e.msg);
    return doc;
}

bool request_uuid(struct request *q, struct span text, struct uuid *out)
{
    if (uuid_parse(text, out))
        return true;
    respond_error(q, 400, HUB_BAD_REQUEST, "Invalid UUID string: %.*s",
                  (int)(text.n < 64 ? text.n : 64), text.p ? text.p : "");
    return false;
}

struct entity *request_entity(struct request *q, enum store_doc_kind kind, struct span id)
{
    struct uuid uuid;
    if (!request_uuid(q, id, &uuid))
        return NULL;
    struct entity *e = registry_find(hub_registry(q->api->o.hub), kind, uuid);
    if (!e) {
        respond_error(q, 404, HUB_NOT_FOUND, "%s with id [%.*s] is not found",
                      registry_kind_title(kind), SPAN_ARG(id));
    }
    return e;
}

struct store_device *request_device(struct request *q, struct span id)
{
    struct uuid uuid;
    if (!request_uuid(q, id, &uuid))
        return NULL;
    struct store_device *d = hub_find_device_id(q->api->o.hub, uuid);
    if (d && !d->is_asset)
        return d;
    respond_error(q, 404, HUB_NOT_FOUND, "Device with id [%.*s] is not found", SPAN_ARG(id));
    return NULL;
}

bool request_page(struct request *q, size_t max_size, struct page_link *out)
{
    struct err e = {0};
    if (query_get_page(&q->query, max_size, out, &e) == 0)
        return true;
    respond_err(q, &e);
    return false;
}

bool request_may_write(struct request *q)
{
    struct err e = {0};
    if (store_health(hub_store(q->api->o.hub), &e) == 0)
        return true;
    respond_error(q, 503, HUB_DATABASE, "storage is failing: %s", e.msg);
    return false;
}

// Waiting ----------------------------------------------------------------------------------------

void wait_begin(struct wait *w, struct request *q)
{
    w->q = q;
    list_push(&q->api->waits, &w->link);
}

struct request *wait_end(struct wait *w)
{
    struct request *q = w->q;
    list_remove(&w->link);
    w->q = NULL;
    return q;
}

struct read_wait {
    struct wait wait;
    struct store_read read;
    read_fn *then;
};

static void on_read(struct store_read *r, int status)
{
    struct read_wait *w = container_of(r, struct read_wait, read);
    struct request *q = wait_end(&w->wait);
    if (q && status == 0) {
        w->then(q, r);
    } else if (q) {
        struct err e = {.code = status};
        respond_err(q, &e);
    }
    store_read_free(r);
    mem_free((char *)r->text.p);
    mem_free(w);
}

struct store_read *read_new(struct request *q, enum store_read_kind kind, read_fn *then)
{
    struct read_wait *w = mem_new(struct read_wait);
    w->wait.q = q;
    w->then = then;
    w->read.kind = kind;
    w->read.done = on_read;
    return &w->read;
}

void read_start(struct store_read *r)
{
    struct read_wait *w = container_of(r, struct read_wait, read);
    r->text = r->text.n ? span_of(mem_strndup(r->text.p, r->text.n), r->text.n) : SPAN_NONE;
    wait_begin(&w->wait, w->wait.q);
    store_read(hub_store(w->wait.q->api->o.hub), r);
}

struct saved_wait {
    struct wait wait;
    saved_fn *then;
};

void *saved_new(struct request *q, saved_fn *then)
{
    struct saved_wait *w = mem_new(struct saved_wait);
    w->then = then;
    wait_begin(&w->wait, q);
    return w;
}

void respond_removed(struct request *q, struct entity *e)
{
    (void)e;
    respond_empty(q);
}

void on_saved(void *ctx, int status, struct entity *e, const struct err *err)
{
    struct saved_wait *w = ctx;
    struct request *q = wait_end(&w->wait);
    saved_fn *then = w->then;
    mem_free(w);
    if (!q)
        return;
    if (status == 0) {
        then(q, e);
        return;
    }
    struct err why = {.code = status};
    if (err && err->code == status)
        why = *err;
    respond_err(q, &why);
}

struct committed_wait {
    struct wait wait;
    void (*then)(struct request *q);
};

void *committed_new(struct request *q, void (*then)(struct request *q))
{
    struct committed_wait *w = mem_new(struct committed_wait);
    w->then = then ? then : respond_empty;
    wait_begin(&w->wait, q);
    return w;
}

void on_committed(void *ctx, int status)
{
    struct committed_wait *w = ctx;
    struct request *q = wait_end(&w->wait);
    void (*then)(struct request *q) = w->then;
    mem_free(w);
    if (!q)
        return;
    if (status == 0) {
        then(q);
        return;
    }
    struct err e = {.code = status};
    if (status == ERR_BUSY)
        err_set(&e, ERR_BUSY,
                "The outbox is full: too many downlinks wait for their streams. Nothing was saved; "
                "try again later");
    respond_err(q, &e);
}

void on_refused(void *ctx, const struct err *e)
{
    struct committed_wait *w = ctx;
    struct request *q = wait_end(&w->wait);
    mem_free(w);
    respond_err(q, e);
}

bool request_pairs(struct request *q, struct arena *a, const struct json *doc, const char *key,
                   struct convert_pairs *out)
{
    const struct json *map = json_get(doc, key);
    if (!map || json_is(map, JSON_NULL))
        return true;
    if (!json_is(map, JSON_OBJECT)) {
        respond_error(q, 400, HUB_BAD_REQUEST, "%s: must be an object", key);
        return false;
    }
    struct convert_pair *p = arena_array(a, struct convert_pair, json_count(map) + 1);
    struct buf text = {0};
    for (const struct json *m = json_child(map); m; m = json_next(m)) {
        buf_clear(&text);
        if (!json_is(m, JSON_STRING))
            json_write(m, &text);
        p[out->n].key = arena_span(a, json_key(m));
        p[out->n++].value = arena_span(a, json_str(m, buf_span(&text)));
    }
    buf_free(&text);
    out->p = p;
    return true;
}
