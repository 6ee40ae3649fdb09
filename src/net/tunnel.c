// SPDX-License-Identifier: Apache-2.0
#include "net/tunnel.h"

#include "base/buf.h"
#include "base/mem.h"
#include "codec/http1.h"

#define HEAD_MAX (16 * 1024)
#define HEADERS_MAX 100

struct tunnel {
    struct buf request; // holds a secret
    struct http1 *parser;
    const struct proxy *proxy;
    struct span to; // in `request`
};

struct tunnel *tunnel_new(const struct proxy *proxy, struct span to)
{
    struct tunnel *t = mem_new(struct tunnel);
    static const struct http1_limits limits = {.head = HEAD_MAX, .headers = HEADERS_MAX};
    t->proxy = proxy;
    t->parser = http1_new(HTTP1_RESPONSES, &limits);
    http1_expect_no_body(t->parser);
    // At once: growing would leave copies of the password behind.
    buf_reserve(&t->request, 2 * to.n + proxy->authorization.n + 128);
    buf_printf(&t->request, "CONNECT %.*s HTTP/1.1\r\nHost: %.*s\r\n", SPAN_ARG(to), SPAN_ARG(to));
    if (proxy->authorization.n)
        buf_printf(&t->request, "Proxy-Authorization: %.*s\r\n", SPAN_ARG(proxy->authorization));
    buf_add_str(&t->request, "\r\n");
    t->to = span_of(t->request.p + strlen("CONNECT "), to.n);
    return t;
}

void tunnel_free(struct tunnel *t)
{
    if (!t)
        return;
    http1_free(t->parser);
    buf_free_wiped(&t->request);
    mem_free(t);
}

struct span tunnel_request(const struct tunnel *t)
{
    return buf_span(&t->request);
}

static int refuse(const struct tunnel *t, int status, struct err *e)
{
    const struct proxy *p = t->proxy;
    if (status == 407)
        return err_set(e, ERR_AUTH,
                       "the proxy %.*s port %u wants a user name and a password: put the right "
                       "ones into its URL (http://USER:PASSWORD@HOST:PORT)",
                       SPAN_ARG(p->host), p->port);
    return err_set(e, status >= 500 ? ERR_UNAVAILABLE : ERR_CONNECT,
                   "the proxy %.*s port %u answered %d when asked for %.*s", SPAN_ARG(p->host),
                   p->port, status, SPAN_ARG(t->to));
}

int tunnel_feed(struct tunnel *t, struct span in, struct span *rest, struct err *e)
{
    http1_feed(t->parser, in);
    for (;;) {
        enum http1_event event = http1_next(t->parser);
        if (event == HTTP1_MORE)
            return ERR_AGAIN;
        if (event == HTTP1_ERROR)
            return err_set(e, ERR_PROTO, "the proxy %.*s port %u: not a valid HTTP response: %s",
                           SPAN_ARG(t->proxy->host), t->proxy->port, http1_error(t->parser).reason);
        if (event != HTTP1_HEAD)
            continue;
        int status = http1_head(t->parser)->status;
        if (status >= 300 || status == 101)
            return refuse(t, status, e);
        if (status >= 200) {
            *rest = http1_rest(t->parser);
            return 0;
        }
    }
}
