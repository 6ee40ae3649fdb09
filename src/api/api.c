// SPDX-License-Identifier: Apache-2.0
#include "api/api.h"

#include "api/internal.h"
#include "api/routes.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/url.h"

// A request: its route is found, its token checked, its arguments decoded; then its handler answers
// it at once or begins a wait and answers later.

#define BODY_MAX (16 * 1024 * 1024) // facts/hub.md section 3.1

static const struct route routes[] = {API_ROUTES(ROUTE_ENTRY)};

#define N_ROUTES (sizeof routes / sizeof *routes)

static struct span bearer(struct http_exchange *x, const char *header)
{
    struct span value = http_request_header(x, header), rest = value;
    if (!value.p || !span_ieq(span_cut(&rest, ' '), SPAN("Bearer")))
        return SPAN_NONE;
    return span_trim(rest);
}

// False: answered.
static bool authenticate(struct request *q)
{
    struct span token = bearer(q->x, "X-Authorization");
    if (!token.n)
        token = bearer(q->x, "Authorization");
    int status = token.n ? auth_check(q->api->auth, token, &q->who) : ERR_AUTH;
    if (status == 0) {
        q->who.user.email = q->who.user.name = arena_span(q->arena, q->who.user.email);
        q->who.authority = arena_span(q->arena, q->who.authority);
        return true;
    }
    if (status == ERR_TIMEOUT)
        respond_error(q, 401, HUB_TOKEN_EXPIRED, "Token has expired");
    else
        respond_error(q, 401, HUB_AUTHENTICATION, "Authentication failed");
    return false;
}

static bool may(struct request *q, enum route_access access)
{
    if (access == ROUTE_OPEN)
        return true;
    if (!authenticate(q))
        return false;
    if (access == ROUTE_USER || span_is(q->who.authority, "TENANT_ADMIN"))
        return true;
    respond_error(q, 403, HUB_DENIED, "You don't have permission to perform this operation!");
    return false;
}

static void refuse_method(struct request *q)
{
    struct buf allowed = {0}, *body = request_out(q);
    route_allowed(routes, N_ROUTES, http_path(q->x), &allowed);
    struct span method = http_method(q->x);
    struct span text = arena_printf(q->arena, "Request method '%.*s' is not supported",
                                    (int)(method.n < 32 ? method.n : 32), method.p);
    error_json(body, 405, HUB_BAD_REQUEST, text);
    struct http_header h[] = {
        {SPAN("Content-Type"), SPAN("application/json")},
        {SPAN("Allow"), buf_span(&allowed)},
        {SPAN("Cache-Control"), SPAN("no-store")},
    };
    respond_headers(q, 405, (struct http_headers){h, 3}, buf_span(body));
    buf_free(&allowed);
}

static bool decode_arguments(struct request *q, const struct route_match *m)
{
    struct err e = {0};
    for (unsigned i = 0; i < m->n_args; i++) {
        if (url_decode(m->args[i], false, q->arena, &q->args[i]) < 0) {
            respond_error(q, 400, HUB_BAD_REQUEST, "path: wrong percent-coding");
            return false;
        }
    }
    if (query_parse(http_query(q->x), q->arena, &q->query, &e) == 0)
        return true;
    respond_err(q, &e);
    return false;
}

static void on_request(void *ctx, struct http_exchange *x)
{
    struct api *a = ctx;
    struct request *q = arena_new(http_arena(x), struct request);
    struct route_match m;
    q->api = a;
    q->x = x;
    q->arena = http_arena(x);
    a->counts.requests++;
    if (a->cut) {
        respond_error(q, 503, HUB_GENERAL, "the server is shutting down");
        return;
    }
    int status = route_find(routes, N_ROUTES, http_method(x), http_path(x), &m);
    if (status == ERR_NOT_FOUND)
        respond_error(q, 404, HUB_NOT_FOUND, "there is nothing at this path");
    else if (status < 0)
        refuse_method(q);
    else if (may(q, m.route->access) && decode_arguments(q, &m))
        m.route->handle(q);
}

static const char *error_body(int status, const char *reason, struct buf *out)
{
    error_json(out, status, status < 500 ? HUB_BAD_REQUEST : HUB_GENERAL, span_str(reason));
    return "application/json";
}

int api_new(const struct api_options *o, struct api **out, struct err *e)
{
    struct api *a = mem_new(struct api);
    a->o = *o;
    a->start_ms = loop_wall_ms(o->loop);
    list_init(&a->waits);
    list_init(&a->polls);
    a->auth = auth_new(o->hub, o->jobs);
    auth_set_users(a->auth, o->users, o->n_users);
    a->o.users = NULL;
    struct http_server_options http = o->http;
    if (http.max_body == 0)
        http.max_body = BODY_MAX;
    http.handler = on_request;
    http.ctx = a;
    http.error_body = error_body;
    int status = http_server_new(o->loop, &http, &a->server, e);
    if (status < 0) {
        auth_free(a->auth);
        mem_free(a);
        return status;
    }
    *out = a;
    return 0;
}

uint16_t api_port(const struct api *a)
{
    return http_server_port(a->server);
}

void api_set_users(struct api *a, const struct api_user *users, size_t n)
{
    auth_set_users(a->auth, users, n);
}

void api_drain(struct api *a)
{
    device_polls_end(a);
    http_server_drain(a->server);
}

static void on_closed(void *ctx)
{
    struct api *a = ctx;
    void (*cb)(void *ctx) = a->closed;
    void *cb_ctx = a->closed_ctx;
    timer_stop(&a->grace);
    auth_free(a->auth);
    buf_free(&a->out);
    mem_free(a);
    cb(cb_ctx);
}

// What still waits is answered now; its results will go nowhere.
static void on_grace_over(struct timer *t)
{
    struct api *a = container_of(t, struct api, grace);
    a->cut = true;
    while (!list_empty(&a->waits)) {
        struct request *q = wait_end(container_of(a->waits.next, struct wait, link));
        respond_error(q, 503, HUB_GENERAL, "the server is shutting down");
    }
}

void api_close(struct api *a, int64_t grace_ms, void (*cb)(void *ctx), void *ctx)
{
    device_polls_end(a);
    a->closed = cb;
    a->closed_ctx = ctx;
    a->grace.fire = on_grace_over;
    timer_start(a->o.loop, &a->grace, grace_ms);
    http_server_close(a->server, grace_ms, on_closed, a);
}
