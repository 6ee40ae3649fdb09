// SPDX-License-Identifier: Apache-2.0
#include "net/http_server_internal.h"

// What a handler sees of an exchange, whatever version of HTTP carries it.

struct span http_method(const struct http_exchange *x)
{
    return x->method;
}

struct span http_path(const struct http_exchange *x)
{
    return x->path;
}

struct span http_query(const struct http_exchange *x)
{
    return x->query;
}

struct span http_body(const struct http_exchange *x)
{
    return buf_span(&x->body);
}

struct http_headers http_request_headers(const struct http_exchange *x)
{
    return x->headers;
}

struct span http_request_header(const struct http_exchange *x, const char *name)
{
    return http_header_get(x->headers, name);
}

struct arena *http_arena(struct http_exchange *x)
{
    return &x->arena;
}

struct loop *http_loop(struct http_exchange *x)
{
    return x->conn->server->loop;
}

const char *http_peer(const struct http_exchange *x)
{
    struct conn *c = x->conn;
    if (c->peer[0] == '\0' && c->stream)
        stream_peer(c->stream, c->peer, sizeof(c->peer));
    return c->peer[0] ? c->peer : "?";
}

void http_set_data(struct http_exchange *x, void *data)
{
    x->data = data;
}

void *http_data(struct http_exchange *x)
{
    return x->data;
}

void http_on_gone(struct http_exchange *x, void (*cb)(struct http_exchange *x))
{
    x->on_gone = cb;
}

void http_on_drain(struct http_exchange *x, void (*cb)(struct http_exchange *x))
{
    x->on_drain = cb;
}

enum http_version http_version_of(const struct http_exchange *x)
{
    return x->ops->version;
}

void http_respond(struct http_exchange *x, int status, struct http_headers h, struct span body)
{
    require(x->open && !x->streaming);
    x->ops->respond(x, status, h, body);
}

void http_respond_type(struct http_exchange *x, int status, const char *type, struct span body)
{
    struct http_header h = {SPAN("Content-Type"), span_str(type)};
    http_respond(x, status, (struct http_headers){&h, 1}, body);
}

void http_respond_start(struct http_exchange *x, int status, struct http_headers h)
{
    require(x->open && !x->streaming);
    x->streaming = true;
    x->ops->start(x, status, h);
}

int http_respond_write(struct http_exchange *x, struct span piece)
{
    require(x->open && x->streaming);
    return x->ops->write(x, piece);
}

size_t http_respond_queued(const struct http_exchange *x)
{
    return x->ops->queued(x);
}

void http_respond_end(struct http_exchange *x)
{
    require(x->open && x->streaming);
    x->ops->end(x);
}

void http_reset(struct http_exchange *x)
{
    require(x->open);
    x->on_gone = NULL;
    x->ops->reset(x);
}

void http_cut(struct http_exchange *x)
{
    require(x->open);
    x->on_gone = NULL;
    x->ops->cut(x);
}

void http_goaway(struct http_exchange *x)
{
    require(x->open);
    if (x->ops->goaway)
        x->ops->goaway(x);
}

void exchange_tell_gone(struct http_exchange *x)
{
    void (*cb)(struct http_exchange *) = x->on_gone;
    x->on_gone = NULL;
    if (cb && x->open)
        cb(x);
}

void exchange_tell_drained(struct http_exchange *x)
{
    if (x->open && x->streaming && x->on_drain)
        x->on_drain(x);
}

// An absolute-form target names scheme and host first (RFC 9112 section 3.2.2).
void exchange_set_target(struct http_exchange *x, struct span target)
{
    if (target.p[0] != '/' && target.p[0] != '*') {
        struct span rest = target;
        size_t scheme = span_find(target, ':');
        if (target.n - scheme > 3 && memcmp(target.p + scheme, "://", 3) == 0) {
            rest = span_of(target.p + scheme + 3, target.n - scheme - 3);
            size_t path = 0;
            while (path < rest.n && rest.p[path] != '/' && rest.p[path] != '?')
                path++;
            target = span_of(rest.p + path, rest.n - path);
        }
    }
    size_t mark = span_find(target, '?');
    x->path = mark == 0 ? SPAN("/") : span_of(target.p, mark);
    x->query = mark < target.n ? span_of(target.p + mark + 1, target.n - mark - 1) : SPAN("");
}
