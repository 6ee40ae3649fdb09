// SPDX-License-Identifier: Apache-2.0
#include "codec/url.h"
#include "hub/node.h"
#include "hub/template.h"

// REST API call: facts/hub.md section 4.6. The request is made here, and sent by the bridge. The
// node keeps its secrets as the document has them (secrets.h); a request has them open in an arena
// of its own.

#define HEADERS_MAX 100
#define BUFFER_DEFAULT_KB 256
#define BUFFER_MAX_KB (64 * 1024)
#define TIMEOUT_MAX_MS 600000

struct patterns {
    struct convert_pairs pairs;
    bool listed; // each in an object of its own, under "value"
};

struct rest_config {
    struct hub_rest_config sink; // what the sink sees
    struct span url;             // patterns, all of them
    struct patterns query, headers;
    struct span password; // no pattern
    struct span body;
    bool has_body, no_body;
};

struct rest_wait {
    struct flow *flow;
    const struct rule_node *node;
    struct hub_rest_request request;
};

static int read_method(struct node_compile *c, struct rest_config *r)
{
    static const char *const methods[] = {"GET",   "POST", "PUT",    "DELETE",
                                          "PATCH", "HEAD", "OPTIONS"};
    struct span s = json_get_str(c->conf, "requestMethod", SPAN("POST"));
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (span_is(s, methods[i])) {
            r->sink.method = span_str(methods[i]);
            return 0;
        }
    }
    return node_refuse(c, "requestMethod", s, "a method");
}

static int read_limits(struct node_compile *c, struct rest_config *r)
{
    int64_t timeout = json_get_int(c->conf, "readTimeoutMs", 0);
    int64_t parallel = json_get_int(c->conf, "maxParallelRequestsCount", 0);
    int64_t kb = json_get_int(c->conf, "maxInMemoryBufferSizeInKb", BUFFER_DEFAULT_KB);
    if (timeout < 0 || timeout > TIMEOUT_MAX_MS)
        return err_set(c->e, ERR_INVALID, "configuration.readTimeoutMs: must be from 0 to %d",
                       TIMEOUT_MAX_MS);
    if (parallel < 0 || parallel > UINT32_MAX)
        return err_set(c->e, ERR_INVALID, "configuration.maxParallelRequestsCount: out of range");
    if (kb < 1 || kb > BUFFER_MAX_KB)
        return err_set(c->e, ERR_INVALID,
                       "configuration.maxInMemoryBufferSizeInKb: must be from 1 to %d",
                       BUFFER_MAX_KB);
    r->sink.read_timeout_ms = timeout;
    r->sink.max_parallel = (uint32_t)parallel;
    r->sink.max_buffer_bytes = (uint32_t)kb * 1024;
    return 0;
}

static int read_credentials(struct node_compile *c, struct rest_config *r)
{
    const struct json *credentials = json_get(c->conf, "credentials");
    struct span type = json_get_str(credentials, "type", SPAN("anonymous"));
    r->sink.basic = span_is(type, "basic");
    if (!r->sink.basic && !span_is(type, "anonymous"))
        return err_set(c->e, ERR_INVALID,
                       "configuration.credentials.type: \"%.*s\" is not supported (anonymous and "
                       "basic are)",
                       SPAN_ARG(type));
    r->sink.username = arena_span(c->arena, json_get_str(credentials, "username", SPAN_NONE));
    r->password = arena_span(c->arena, json_get_str(credentials, "password", SPAN_NONE));
    return 0;
}

// {"name": "value"}, and in lists [{"key": "name", "value": "value"}].
static int read_pairs(struct node_compile *c, const char *key, struct patterns *out)
{
    const struct json *list = json_get(c->conf, key);
    size_t n = json_count(list);
    bool is_map = json_is(list, JSON_OBJECT);
    if (n > HEADERS_MAX)
        return err_set(c->e, ERR_LIMIT, "configuration.%s: %zu, at most %d", key, n, HEADERS_MAX);
    struct convert_pair *p = arena_array(c->arena, struct convert_pair, n);
    *out = (struct patterns){{p, n}, !is_map};
    for (const struct json *j = json_child(list); j; j = json_next(j), p++) {
        struct span name = is_map ? json_key(j) : json_get_str(j, "key", SPAN_NONE);
        struct span value = json_str(is_map ? j : json_get(j, "value"), SPAN_NONE);
        if (name.n == 0)
            return err_set(c->e, ERR_INVALID, "configuration.%s: a name is missing", key);
        p->key = arena_span(c->arena, name);
        p->value = arena_span(c->arena, value);
    }
    return 0;
}

static int compile_rest(struct node_compile *c)
{
    struct rest_config *r = arena_new(c->arena, struct rest_config);
    struct span body = json_get_str(c->conf, "requestBodyTemplate", SPAN_NONE);
    c->node->config = r;
    r->url = arena_span(c->arena, json_get_str(c->conf, "restEndpointUrlPattern", SPAN_NONE));
    r->no_body = json_get_bool(c->conf, "ignoreRequestBody", false);
    r->has_body = body.n > 0;
    r->body = arena_span(c->arena, body);
    // Older releases called it trimQuotes.
    r->sink.plain_text = json_get_bool(c->conf, "parseToPlainText", false) ||
                         json_get_bool(c->conf, "trimQuotes", false);
    if (json_get_bool(c->conf, "enableProxy", false))
        return err_set(c->e, ERR_INVALID,
                       "configuration.enableProxy: a proxy of one node is not supported");
    if (read_method(c, r) < 0 || read_limits(c, r) < 0 || read_credentials(c, r) < 0 ||
        read_pairs(c, "queryParams", &r->query) < 0)
        return c->e->code;
    return read_pairs(c, "headers", &r->headers);
}

static int open_secret(struct rest_wait *w, struct span member, struct span text, struct span *out,
                       struct err *e)
{
    const struct flow *f = w->flow;
    return secrets_open(f->run->hub->o.secrets, f->chain->id, member, text, &w->request.secret, out,
                        e);
}

static struct span fill(struct rest_wait *w, struct span pattern)
{
    return template_fill_in(&w->request.secret, w->flow->run, w->flow->msg, pattern);
}

static int fill_pairs(struct rest_wait *w, const struct patterns *patterns,
                      struct convert_pairs *out, struct err *e)
{
    const struct convert_pair *from = patterns->pairs.p;
    size_t n = patterns->pairs.n;
    struct convert_pair *p = arena_array(&w->request.secret, struct convert_pair, n);
    for (size_t i = 0; i < n; i++) {
        struct span member = patterns->listed ? SPAN("value") : from[i].key, value;
        if (open_secret(w, member, from[i].value, &value, e) < 0)
            return e->code;
        p[i] = (struct convert_pair){fill(w, from[i].key), fill(w, value)};
    }
    *out = (struct convert_pairs){p, n};
    return 0;
}

// What can stand in no URL is percent-coded; all else is as the pattern and its values have it.
static void add_url(struct buf *b, struct span url)
{
    for (size_t i = 0; i < url.n; i++) {
        unsigned char c = (unsigned char)url.p[i];
        if (c <= ' ' || c >= 0x7f || strchr("\"<>\\^`{|}", c))
            url_encode(b, span_of(url.p + i, 1), false);
        else
            buf_add_char(b, (char)c);
    }
}

static struct span join_url(struct arena *a, struct span url, struct convert_pairs query)
{
    struct buf b = {0};
    size_t most = url.n;
    for (size_t i = 0; i < query.n; i++)
        most += query.p[i].key.n + query.p[i].value.n + 2;
    buf_reserve(&b, 3 * most + 1); // growing would leave a copy
    add_url(&b, url);
    char sep = span_find(url, '?') < url.n ? '&' : '?';
    for (size_t i = 0; i < query.n; i++, sep = '&') {
        buf_add_char(&b, sep);
        url_encode(&b, query.p[i].key, false);
        buf_add_char(&b, '=');
        url_encode(&b, query.p[i].value, false);
    }
    struct span out = arena_span(a, buf_span(&b));
    buf_free_wiped(&b);
    return out;
}

static struct span make_body(struct flow *f, const struct rest_config *r)
{
    if (r->no_body || span_is(r->sink.method, "GET") || span_is(r->sink.method, "HEAD"))
        return SPAN_NONE;
    return r->has_body ? template_fill(f->run, f->msg, r->body) : hub_msg_json(f->run, f->msg);
}

static int make_request(struct rest_wait *w, const struct rest_config *r, struct err *e)
{
    struct hub_rest_request *q = &w->request;
    struct convert_pairs query;
    if (fill_pairs(w, &r->query, &query, e) < 0 || fill_pairs(w, &r->headers, &q->headers, e) < 0 ||
        open_secret(w, SPAN("password"), r->password, &q->password, e) < 0)
        return e->code;
    q->url = join_url(&q->secret, fill(w, r->url), query);
    q->body = make_body(w->flow, r);
    return 0;
}

static void on_answer(struct hub_rest_request *q, int status, const char *error)
{
    struct rest_wait *w = q->data;
    arena_free_wiped(&q->secret);
    flow_end(w->flow, w->node, status, error, &q->answer);
}

static void run_rest(struct flow *f, const struct rule_node *n)
{
    const struct rest_config *r = n->config;
    const struct hub_rest_sink *sink = &f->run->hub->rest_sink;
    struct err e = {0};
    if (!sink->submit) {
        flow_fail(f, n, "calls of REST APIs are not available");
        return;
    }
    if (f->run->replay) {
        flow_succeed(f, n);
        return;
    }
    struct rest_wait *w = arena_new(&f->run->arena, struct rest_wait);
    w->flow = flow_hold(f);
    w->node = n;
    w->request = (struct hub_rest_request){
        .data = w, .done = on_answer, .run = f->run, .config = &r->sink, .node = n};
    int status = make_request(w, r, &e);
    if (status == 0)
        status = sink->submit(sink->ctx, &w->request, &e);
    if (status < 0) {
        arena_free_wiped(&w->request.secret);
        flow_end(w->flow, n, status, e.msg, NULL);
    }
}

const struct rule_node_type node_rest_call = {.suffix = ".rest.TbRestApiCallNode",
                                              .compile = compile_rest,
                                              .run = run_rest,
                                              .opens_secrets = true};
