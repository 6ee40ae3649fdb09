// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include "base/mem.h"
#include "net/http_server_internal.h"

#define DEFAULT(field, value) ((field) = (field) ? (field) : (value))

static void fill_defaults(struct http_server_options *o)
{
    DEFAULT(o->max_head, 32 * 1024);
    DEFAULT(o->max_body, 16 * 1024 * 1024);
    DEFAULT(o->max_body_total, 64 * 1024 * 1024);
    DEFAULT(o->max_connections, 1024);
    DEFAULT(o->head_ms, 10000);
    DEFAULT(o->body_ms, 60000);
    DEFAULT(o->idle_ms, 60000);
    DEFAULT(o->max_streams, 256);
    DEFAULT(o->max_exchanges, 8192);
}

static void on_accept(void *ctx, struct tcp *t)
{
    conn_accept(ctx, t);
}

static void cut_all(struct http_server *s)
{
    list_for_safe(it, &s->conns) conn_cut(container_of(it, struct conn, link));
}

static void on_grace_over(struct timer *t)
{
    cut_all(container_of(t, struct http_server, grace));
}

static void finish(struct loop_task *task)
{
    struct http_server *s = container_of(task, struct http_server, finish);
    void (*cb)(void *) = s->close_cb;
    void *ctx = s->close_ctx;
    timer_stop(&s->grace);
    tls_config_free(s->tls);
    mem_free(s);
    if (cb)
        cb(ctx);
}

void server_maybe_finish(struct http_server *s)
{
    if (s->closing && s->listener_closed && list_empty(&s->conns) && !list_linked(&s->finish.link))
        loop_post(s->loop, &s->finish);
}

static int load_tls(const struct http_server_options *o, struct tls_config **out, struct err *e)
{
    if (!o->tls_cert && !o->tls_key)
        return 0;
    if (!o->tls_cert || !o->tls_key)
        return err_set(e, ERR_CONFIG, "TLS needs both a certificate and a key file");
    int rc = stream_server_tls(o->tls_cert, o->tls_key, out, e);
    if (rc == 0 && !o->no_http2)
        tls_server_config_take_h2(*out);
    return rc;
}

int http_server_new(struct loop *l, const struct http_server_options *o, struct http_server **out,
                    struct err *e)
{
    require(o->handler);
    struct tls_config *tls = NULL;
    int rc = load_tls(o, &tls, e);
    if (rc != 0)
        return rc;
    struct http_server *s = mem_new(struct http_server);
    s->tls = tls;
    s->loop = l;
    s->o = *o;
    fill_defaults(&s->o);
    list_init(&s->conns);
    s->date_s = -1;
    s->grace.fire = on_grace_over;
    s->finish.run = finish;
    rc = tcp_listen(l, o->host, o->port, on_accept, s, &s->listener, e);
    if (rc != 0) {
        tls_config_free(tls);
        mem_free(s);
        return rc;
    }
    s->o.port = tcp_listener_port(s->listener);
    s->o.host = SPAN_NONE; // the caller's memory
    s->o.tls_cert = s->o.tls_key = NULL;
    *out = s;
    return 0;
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->o.port;
}

static void on_listener_closed(void *ctx)
{
    struct http_server *s = ctx;
    s->listener_closed = true;
    server_maybe_finish(s);
}

void http_server_drain(struct http_server *s)
{
    if (s->draining)
        return;
    s->draining = true;
    tcp_listener_close(s->listener, on_listener_closed, s);
    s->listener = NULL;
    list_for_safe(it, &s->conns) conn_drain(container_of(it, struct conn, link));
}

void http_server_close(struct http_server *s, int64_t grace_ms, void (*cb)(void *ctx), void *ctx)
{
    require(!s->closing);
    http_server_drain(s);
    s->closing = true;
    s->close_cb = cb;
    s->close_ctx = ctx;
    if (grace_ms > 0)
        timer_start(s->loop, &s->grace, grace_ms);
    else
        cut_all(s);
    server_maybe_finish(s);
}
