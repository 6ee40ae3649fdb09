// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "net/http_client_internal.h"

#define DEFAULT(field, value) ((field) = (field) ? (field) : (value))
// Origins come from configuration; idle ones beyond this are forgotten.
#define ORIGINS_MAX 64

size_t http_host_value(const struct url *origin, char *out, size_t cap)
{
    bool v6 = memchr(origin->host.p, ':', origin->host.n) != NULL;
    bool named = origin->port != (origin->tls ? 443 : 80);
    char port[8] = "";
    if (named)
        snprintf(port, sizeof(port), ":%u", (unsigned)origin->port);
    int n = snprintf(out, cap, "%s%.*s%s%s", v6 ? "[" : "", SPAN_ARG(origin->host), v6 ? "]" : "",
                     port);
    return n > 0 ? (size_t)n : 0;
}

static void origin_free(struct origin *o)
{
    tls_session_free(o->session);
    mem_free(o);
}

static bool origin_unused(const struct origin *o)
{
    if (o->n_conns > 0 || !list_empty(&o->waiting))
        return false;
    list_for(it, &o->client->calls)
    {
        if (container_of(it, struct client_call, link)->origin == o)
            return false;
    }
    return true;
}

static void forget_one_origin(struct http_client *c)
{
    size_t at = 0;
    for (struct origin *o; (o = map_next(&c->origins, &at, NULL));) {
        if (origin_unused(o)) {
            map_remove(&c->origins, span_str(o->key));
            origin_free(o);
            return;
        }
    }
}

static struct origin *find_origin(struct http_client *c, const struct url *u,
                                  enum http_version version, bool direct)
{
    char host_value[HTTP_HOST_VALUE_MAX], key[HTTP_HOST_VALUE_MAX + 2];
    size_t n = http_host_value(u, host_value, sizeof(host_value));
    if (n >= sizeof(host_value) - 3 || u->host.n == 0 || u->host.n > 255)
        return NULL;
    const char *kind = version == HTTP_2 ? (u->tls ? "t" : "q") : (u->tls ? "s" : "p");
    int key_n = snprintf(key, sizeof(key), "%s%s%s", direct ? "d" : "", kind, host_value);
    for (char *p = key; *p; p++) {
        if (*p >= 'A' && *p <= 'Z')
            *p |= 0x20;
    }
    struct origin *o = map_get(&c->origins, span_of(key, (size_t)key_n));
    if (o)
        return o;
    if (c->origins.n >= ORIGINS_MAX)
        forget_one_origin(c);
    o = mem_new(struct origin);
    o->client = c;
    o->tls = u->tls;
    o->version = version;
    o->port = u->port;
    o->proxy = direct ? NULL : proxy_rules_find(&c->proxies, u);
    list_init(&o->idle);
    list_init(&o->h2);
    list_init(&o->waiting);
    memcpy(o->host, u->host.p, u->host.n);
    memcpy(o->host_value, host_value, n + 1);
    memcpy(o->key, key, (size_t)key_n + 1);
    map_put(&c->origins, span_str(o->key), o);
    return o;
}

// A proxy is asked for the way to a TLS origin; what is plain it is asked for itself.
struct stream_target client_target(struct origin *o)
{
    struct stream_target to = {.host = span_str(o->host), .port = o->port, .session = &o->session};
    if (o->proxy && o->tls) {
        to.proxy = o->proxy;
    } else if (o->proxy) {
        to.host = o->proxy->host;
        to.port = o->proxy->port;
    }
    return to;
}

static void finish_client(struct loop_task *task)
{
    struct http_client *c = container_of(task, struct http_client, finish);
    void (*cb)(void *) = c->close_cb;
    void *ctx = c->close_ctx;
    size_t at = 0;
    for (struct origin *o; (o = map_next(&c->origins, &at, NULL));)
        origin_free(o);
    map_free(&c->origins);
    proxy_rules_free(&c->proxies);
    tls_config_free(c->tls);
    mem_free(c);
    if (cb)
        cb(ctx);
}

void client_maybe_finish(struct http_client *c)
{
    if (c->closing && list_empty(&c->calls) && list_empty(&c->conns) && list_empty(&c->h2_conns) &&
        !list_linked(&c->finish.link))
        loop_post(c->loop, &c->finish);
}

int http_client_new(struct loop *l, const struct http_client_options *o, struct http_client **out,
                    struct err *e)
{
    struct tls_config *tls = NULL;
    struct proxy_rules proxies;
    int rc = proxy_rules_init(&proxies, &o->proxies, e);
    struct stream_client_files files = {o->ca_file, o->cert_file, o->key_file, o->insecure};
    if (rc == 0 && ((o->ca_file && !o->insecure) || o->cert_file))
        rc = stream_client_tls(&files, &tls, e);
    if (rc != 0) {
        proxy_rules_free(&proxies);
        return rc;
    }
    struct http_client *c = mem_new(struct http_client);
    c->loop = l;
    c->o = *o;
    // The caller's memory.
    c->o.ca_file = c->o.cert_file = c->o.key_file = NULL;
    c->o.proxies = (struct proxy_settings){0};
    c->proxies = proxies;
    c->tls = tls;
    DEFAULT(c->o.max_per_origin, 64);
    DEFAULT(c->o.idle_ms, 20000);
    DEFAULT(c->o.max_age_ms, 300000);
    DEFAULT(c->o.ping_ms, 15000);
    DEFAULT(c->o.pong_ms, 10000);
    list_init(&c->calls);
    list_init(&c->conns);
    list_init(&c->h2_conns);
    c->finish.run = finish_client;
    *out = c;
    return 0;
}

void http_client_close(struct http_client *c, void (*cb)(void *ctx), void *ctx)
{
    require(!c->closing);
    c->closing = true;
    c->close_cb = cb;
    c->close_ctx = ctx;
    list_for(it, &c->calls) http_call_cancel(container_of(it, struct client_call, link)->call);
    list_for(it, &c->conns) client_conn_close(container_of(it, struct client_conn, link));
    list_for(it, &c->h2_conns) client_h2_close(container_of(it, struct client_h2, link));
    client_maybe_finish(c);
}

static void call_free(struct client_call *cc)
{
    // Headers may carry a session token or the proxy's password.
    buf_free_wiped(&cc->head);
    buf_free(&cc->h2.tail);
    arena_free_wiped(&cc->h2.arena);
    mem_free(cc);
}

// Calls end through the task list only, so that nothing of the caller's runs inside its own submit.
static void on_call_done(struct loop_task *task)
{
    struct client_call *cc = container_of(task, struct client_call, done);
    struct http_client *c = cc->client;
    struct http_call *call = cc->call;
    list_remove(&cc->link);
    call->internal = NULL;
    call->ev->on_done(call, cc->status, &cc->err);
    call_free(cc);
    client_maybe_finish(c);
}

void client_call_finish(struct client_call *cc, int status, const char *fmt, ...)
{
    if (cc->phase == CALL_FINISHED)
        return;
    cc->phase = CALL_FINISHED;
    cc->status = status;
    cc->err.code = status;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(cc->err.msg, sizeof(cc->err.msg), fmt, ap);
    va_end(ap);
    timer_stop(&cc->timer);
    list_remove(&cc->wait_link);
    // A call that ends while it holds a connection leaves it in the middle of something.
    if (cc->conn)
        client_conn_close(cc->conn);
    client_h2_release(cc);
    loop_post(cc->client->loop, &cc->done);
}

static void set_timer(struct client_call *cc)
{
    int64_t due = cc->phase_due < cc->total_due ? cc->phase_due : cc->total_due;
    if (due == INT64_MAX)
        timer_stop(&cc->timer);
    else
        timer_start(cc->client->loop, &cc->timer, due - loop_now_ms(cc->client->loop));
}

static int64_t phase_limit(const struct client_call *cc)
{
    switch (cc->phase) {
    case CALL_CONNECTING:
        return cc->connect_ms;
    case CALL_SENT:
        return cc->first_byte_ms;
    case CALL_RECEIVING:
        return cc->idle_ms ? cc->idle_ms : INT64_MAX;
    default:
        return INT64_MAX;
    }
}

void client_call_set_phase(struct client_call *cc, enum call_phase phase)
{
    cc->phase = phase;
    int64_t limit = phase_limit(cc);
    if (cc->paused) {
        cc->phase_due = limit;
        return;
    }
    cc->phase_due = limit == INT64_MAX ? INT64_MAX : loop_now_ms(cc->client->loop) + limit;
    set_timer(cc);
}

// Something came. The timer stays: it looks again when it fires.
static void heard(struct client_call *cc)
{
    if (cc->idle_ms && cc->phase == CALL_RECEIVING)
        cc->phase_due = (cc->paused ? 0 : loop_now_ms(cc->client->loop)) + cc->idle_ms;
}

static void on_timer(struct timer *t)
{
    struct client_call *cc = container_of(t, struct client_call, timer);
    const char *host = cc->origin->host_value;
    int64_t now_ms = loop_now_ms(t->loop);
    if (now_ms < cc->total_due && now_ms < cc->phase_due)
        set_timer(cc);
    else if (now_ms >= cc->total_due)
        client_call_finish(cc, ERR_TIMEOUT, "%s: no complete response within %lld ms", host,
                           (long long)cc->total_ms);
    else if (cc->phase == CALL_CONNECTING)
        client_call_finish(cc, ERR_TIMEOUT, "%s: no connection within %lld ms", host,
                           (long long)cc->connect_ms);
    else if (cc->phase == CALL_RECEIVING)
        client_call_finish(cc, ERR_TIMEOUT, "%s: the response was silent for %lld ms", host,
                           (long long)cc->idle_ms);
    else
        client_call_finish(cc, ERR_TIMEOUT, "%s: no response within %lld ms of the request", host,
                           (long long)cc->first_byte_ms);
}

void client_call_head(struct client_call *cc, int status, struct http_headers h,
                      int64_t content_length)
{
    heard(cc);
    if (content_length > 0 && (uint64_t)content_length > cc->max_body)
        client_call_finish(cc, ERR_LIMIT, "%s: response of %lld bytes is over the limit of %zu",
                           cc->origin->host_value, (long long)content_length, cc->max_body);
    else if (cc->call->ev->on_head)
        cc->call->ev->on_head(cc->call, status, h, content_length);
}

void client_call_body(struct client_call *cc, struct span piece)
{
    heard(cc);
    if (piece.n > cc->max_body - cc->received) {
        client_call_finish(cc, ERR_LIMIT, "%s: response is over the limit of %zu bytes",
                           cc->origin->host_value, cc->max_body);
        return;
    }
    cc->received += cc->max_body == SIZE_MAX ? 0 : piece.n;
    if (cc->call->ev->on_body)
        cc->call->ev->on_body(cc->call, piece);
}

void client_call_lost(struct client_call *cc, int status)
{
    const char *when =
        cc->phase == CALL_RECEIVING ? "before the response was complete" : "before a response came";
    client_call_finish(cc, status, "%s: %s %s", cc->origin->host_value,
                       status == ERR_CLOSED ? "connection closed" : err_text(status), when);
}

static bool visible(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
            return false;
    }
    return s.n > 0;
}

static bool header_ok(const struct http_header *h)
{
    for (size_t i = 0; i < h->value.n; i++) {
        char c = h->value.p[i];
        if (c == '\r' || c == '\n' || c == '\0')
            return false;
    }
    return visible(h->name) && !memchr(h->name.p, ':', h->name.n);
}

static bool has_length(const struct http_call_options *o)
{
    return o->body.n > 0 || span_is(o->method, "POST") || span_is(o->method, "PUT");
}

static bool request_ok(const struct http_call_options *o)
{
    for (size_t i = 0; i < o->headers.n; i++) {
        if (!header_ok(&o->headers.h[i]))
            return false;
    }
    return visible(o->method) && visible(o->target) &&
           (o->target.p[0] == '/' || o->target.p[0] == '*');
}

static void write_request_head(struct client_call *cc, const struct http_call_options *o)
{
    struct buf *b = &cc->head;
    const struct proxy *proxy = cc->origin->tls ? NULL : cc->origin->proxy;
    size_t room = o->method.n + o->target.n + 2 * strlen(cc->origin->host_value) + 160;
    for (size_t i = 0; i < o->headers.n; i++)
        room += o->headers.h[i].name.n + o->headers.h[i].value.n + 4;
    if (proxy)
        room += proxy->authorization.n;
    // At once: growing would leave copies of secrets behind.
    buf_reserve(b, room);
    buf_add_span(b, o->method);
    buf_add_char(b, ' ');
    // RFC 9112 section 3.2.2.
    if (proxy)
        buf_printf(b, "http://%s", cc->origin->host_value);
    buf_add_span(b, o->target);
    buf_add_str(b, " HTTP/1.1\r\nHost: ");
    buf_add_str(b, cc->origin->host_value);
    buf_add_str(b, "\r\n");
    if (proxy && proxy->authorization.n)
        buf_printf(b, "Proxy-Authorization: %.*s\r\n", SPAN_ARG(proxy->authorization));
    for (size_t i = 0; i < o->headers.n; i++) {
        const struct http_header *h = &o->headers.h[i];
        buf_add_span(b, h->name);
        buf_add_str(b, ": ");
        buf_add_span(b, h->value);
        buf_add_str(b, "\r\n");
    }
    if (has_length(o))
        buf_printf(b, "Content-Length: %zu\r\n", o->body.n);
    buf_add_str(b, "\r\n");
}

// HTTP/2 says it only when there is a stream, and perhaps a second time.
static void keep_request(struct client_call *cc, const struct http_call_options *o)
{
    struct arena *a = &cc->h2.arena;
    struct http_header *h = arena_array(a, struct http_header, o->headers.n + 1);
    size_t n = 0;
    for (; n < o->headers.n; n++)
        h[n] = (struct http_header){arena_span(a, o->headers.h[n].name),
                                    arena_span(a, o->headers.h[n].value)};
    if (has_length(o))
        h[n++] = (struct http_header){SPAN("content-length"), arena_printf(a, "%zu", o->body.n)};
    cc->h2.request = (struct http2_request){.method = arena_span(a, o->method),
                                            .scheme = span_str(o->origin->tls ? "https" : "http"),
                                            .authority = span_str(cc->origin->host_value),
                                            .path = arena_span(a, o->target),
                                            .headers = {h, n},
                                            .end = o->body.n == 0,
                                            .window = o->window,
                                            .owner = cc};
}

int http_client_start(struct http_client *c, struct http_call *call,
                      const struct http_call_options *o)
{
    require(call->ev && call->ev->on_done);
    if (c->closing)
        return ERR_CLOSED;
    struct origin *origin = find_origin(c, o->origin, o->version, o->direct);
    if (!origin || !request_ok(o) || o->window > INT32_MAX)
        return ERR_INVALID;
    struct client_call *cc = mem_new(struct client_call);
    cc->origin = origin;
    if (o->version == HTTP_2)
        keep_request(cc, o);
    else
        write_request_head(cc, o);
    cc->call = call;
    cc->client = c;
    cc->body = o->body;
    cc->once = o->once;
    cc->secret = o->secret;
    cc->no_body = span_is(o->method, "HEAD");
    cc->max_body = o->max_body ? o->max_body : 16 * 1024 * 1024;
    cc->connect_ms = o->connect_ms ? o->connect_ms : 5000;
    cc->first_byte_ms = o->first_byte_ms ? o->first_byte_ms : 30000;
    cc->total_ms = o->total_ms ? o->total_ms : 60000;
    cc->idle_ms = o->idle_ms;
    cc->total_due = cc->total_ms == HTTP_NO_LIMIT ? INT64_MAX : loop_now_ms(c->loop) + cc->total_ms;
    cc->timer.fire = on_timer;
    cc->done.run = on_call_done;
    call->internal = cc;
    list_push(&c->calls, &cc->link);
    client_assign(cc);
    return 0;
}

void http_call_pause(struct http_call *call)
{
    struct client_call *cc = call->internal;
    if (!cc || cc->paused || cc->phase == CALL_FINISHED)
        return;
    int64_t now_ms = loop_now_ms(cc->client->loop);
    cc->paused = true;
    if (cc->total_due != INT64_MAX)
        cc->total_due -= now_ms;
    if (cc->phase_due != INT64_MAX)
        cc->phase_due -= now_ms;
    timer_stop(&cc->timer);
    if (cc->conn && cc->phase >= CALL_SENDING)
        stream_read_stop(cc->conn->stream);
}

void http_call_resume(struct http_call *call)
{
    struct client_call *cc = call->internal;
    if (!cc || !cc->paused || cc->phase == CALL_FINISHED)
        return;
    int64_t now_ms = loop_now_ms(cc->client->loop);
    cc->paused = false;
    if (cc->total_due != INT64_MAX)
        cc->total_due += now_ms;
    if (cc->phase_due != INT64_MAX)
        cc->phase_due += now_ms;
    set_timer(cc);
    if (cc->conn && cc->phase >= CALL_SENDING)
        client_conn_resume(cc->conn);
    client_h2_resume(cc);
}

void http_call_cancel(struct http_call *call)
{
    struct client_call *cc = call->internal;
    if (!cc)
        return;
    client_call_finish(cc, ERR_CANCELED, "canceled");
    // It may have ended otherwise, without the caller knowing yet.
    cc->status = cc->err.code = ERR_CANCELED;
    snprintf(cc->err.msg, sizeof(cc->err.msg), "canceled");
}
