// SPDX-License-Identifier: Apache-2.0
#include "bridge/rest_call.h"

#include "base/mem.h"
#include "bridge/rest_answer.h"

#define CONNECT_MS 5000

// Requests of one rule node: gone when it has none.
struct node {
    struct list link; // rest_calls.nodes
    const void *key;
    uint32_t running, max;
    struct list waiting; // struct call.line
};

struct call {
    struct list link; // rest_calls.all
    struct list line; // node.waiting
    struct rest_calls *calls;
    struct node *node;
    struct hub_rest_request *q;
    struct url url;
    struct span target, body;
    struct http_headers headers;
    size_t bytes;
    int try;
    struct timer again;
    struct http_call http;
    bool in_flight, canceled;
    int not_started; // why the try under way is not
    // Of the try under way.
    int status;
    struct convert_pairs metadata;
    struct span retry_after;
    struct buf answer;
};

struct rest_calls {
    struct loop *loop;
    struct http_client *http;
    struct list nodes, all;
    size_t n_waiting, waiting_bytes;
    bool stopped;
    void (*idle)(void *ctx);
    void *ctx;
};

static void run_next(struct rest_calls *r, struct node *node);

// The end of a call -------------------------------------------------------------------------------

static void leave_node(struct call *c)
{
    struct node *node = c->node;
    if (list_linked(&c->line)) {
        list_remove(&c->line);
        c->calls->n_waiting--;
        c->calls->waiting_bytes -= c->bytes;
    } else {
        node->running--;
    }
    run_next(c->calls, node);
}

static void finish(struct call *c, int status, const char *error)
{
    struct rest_calls *r = c->calls;
    struct hub_rest_request *q = c->q;
    struct arena *a = &q->run->arena;
    struct span body = buf_span(&c->answer);
    q->answer = (struct hub_answer){.metadata = c->metadata};
    if (status == 0)
        q->answer.json = rest_json(a, body);
    else
        q->answer.metadata = rest_error_metadata(a, c->metadata, span_str(error), body);
    list_remove(&c->link);
    leave_node(c);
    buf_free(&c->answer);
    mem_free(c);
    q->done(q, status, error);
    if (r->stopped && list_empty(&r->all))
        r->idle(r->ctx);
}

// A try -------------------------------------------------------------------------------------------

static void on_head(struct http_call *http, int status, struct http_headers h,
                    int64_t content_length)
{
    struct call *c = http->data;
    struct arena *a = &c->q->run->arena;
    (void)content_length;
    c->status = status;
    c->metadata = rest_metadata(a, status, h);
    c->retry_after = arena_span(a, http_header_get(h, "Retry-After"));
}

static void on_body(struct http_call *http, struct span piece)
{
    struct call *c = http->data;
    buf_add_span(&c->answer, piece);
}

static void on_done(struct http_call *http, int status, const struct err *e)
{
    struct call *c = http->data;
    struct err why = {0};
    c->in_flight = false;
    if (c->canceled || status == ERR_CANCELED) {
        finish(c, ERR_CANCELED, "the program stops");
        return;
    }
    if (status == 0 && c->status >= 200 && c->status < 300) {
        finish(c, 0, NULL);
        return;
    }
    const struct clock *clock = loop_clock(c->calls->loop);
    int64_t ms = rest_retry_ms(c->q->config->method, c->try, status, status ? 0 : c->status,
                               c->retry_after, clock_random_unit(clock));
    if (ms >= 0) {
        timer_start(c->calls->loop, &c->again, ms);
        return;
    }
    if (status < 0)
        err_set(&why, status, "%.*s: %s", SPAN_ARG(c->url.host), e ? e->msg : err_text(status));
    else
        err_set(&why, ERR_UNAVAILABLE, "%.*s answered %d %s", SPAN_ARG(c->url.host), c->status,
                http_status_text(c->status));
    finish(c, why.code, why.msg);
}

static const struct http_call_events http_events = {on_head, on_body, on_done};

static void start(struct call *c)
{
    const struct hub_rest_config *config = c->q->config;
    int64_t ms = config->read_timeout_ms ? config->read_timeout_ms : REST_TIMEOUT_MS;
    struct http_call_options o = {.method = config->method,
                                  .origin = &c->url,
                                  .target = c->target,
                                  .headers = c->headers,
                                  .body = c->body,
                                  .once = !rest_is_idempotent(config->method),
                                  .connect_ms = CONNECT_MS,
                                  .first_byte_ms = ms,
                                  .total_ms = CONNECT_MS + ms,
                                  .max_body = config->max_buffer_bytes};
    c->try++;
    c->status = 0;
    c->metadata = (struct convert_pairs){0};
    c->retry_after = SPAN_NONE;
    buf_clear(&c->answer);
    c->http = (struct http_call){.data = c, .ev = &http_events};
    int status = http_client_start(c->calls->http, &c->http, &o);
    c->in_flight = status == 0;
    c->not_started = status;
    if (status < 0) // not told from within submit
        timer_start(c->calls->loop, &c->again, 0);
}

static void on_again(struct timer *t)
{
    struct call *c = container_of(t, struct call, again);
    if (c->canceled)
        finish(c, ERR_CANCELED, "the program stops");
    else if (c->not_started)
        finish(c, c->not_started, err_text(c->not_started));
    else
        start(c);
}

// The line ----------------------------------------------------------------------------------------

static void run_next(struct rest_calls *r, struct node *node)
{
    while (!r->stopped && node->running < node->max && !list_empty(&node->waiting)) {
        struct call *c = container_of(list_pop(&node->waiting), struct call, line);
        r->n_waiting--;
        r->waiting_bytes -= c->bytes;
        node->running++;
        start(c);
    }
    if (node->running == 0 && list_empty(&node->waiting)) {
        list_remove(&node->link);
        mem_free(node);
    }
}

static struct node *node_of(struct rest_calls *r, const struct hub_rest_request *q)
{
    uint32_t max = q->config->max_parallel ? q->config->max_parallel : REST_PARALLEL;
    list_for(it, &r->nodes)
    {
        struct node *node = container_of(it, struct node, link);
        if (node->key == q->node)
            return node;
    }
    struct node *node = mem_new(struct node);
    node->key = q->node;
    node->max = max < REST_PARALLEL_MAX ? max : REST_PARALLEL_MAX;
    list_init(&node->waiting);
    list_push(&r->nodes, &node->link);
    return node;
}

static int prepare(struct call *c, struct err *e)
{
    struct hub_rest_request *q = c->q;
    if (url_parse(q->url, &c->url, e) < 0 || rest_headers(q, &c->headers, e) < 0)
        return e->code;
    c->body = rest_body(q);
    c->bytes = q->url.n + c->body.n;
    struct span path = c->url.path.n ? c->url.path : SPAN("/");
    c->target = c->url.query.n
                    ? arena_printf(&q->secret, "%.*s?%.*s", SPAN_ARG(path), SPAN_ARG(c->url.query))
                    : path;
    return 0;
}

static int take(struct rest_calls *r, struct call *c, struct err *e)
{
    struct node *node;
    if (prepare(c, e) < 0)
        return e->code;
    node = node_of(r, c->q);
    c->node = node;
    bool at_once = node->running < node->max && list_empty(&node->waiting);
    if (!at_once &&
        (r->n_waiting >= REST_WAITING_MAX || r->waiting_bytes + c->bytes > REST_WAITING_BYTES)) {
        return err_set(e, ERR_BUSY,
                       "too many requests wait (%zu, %zu bytes): raise maxParallelRequestsCount, "
                       "or ask for less",
                       r->n_waiting, r->waiting_bytes);
    }
    list_push(&r->all, &c->link);
    list_push(&node->waiting, &c->line);
    r->n_waiting++;
    r->waiting_bytes += c->bytes;
    run_next(r, node);
    return 0;
}

int rest_call_submit(void *ctx, struct hub_rest_request *q, struct err *e)
{
    struct rest_calls *r = ctx;
    if (r->stopped)
        return err_set(e, ERR_CANCELED, "the program stops");
    struct call *c = mem_new(struct call);
    c->calls = r;
    c->q = q;
    c->again.fire = on_again;
    if (take(r, c, e) == 0)
        return 0;
    mem_free(c);
    return e->code;
}

// Life --------------------------------------------------------------------------------------------

struct rest_calls *rest_calls_new(struct loop *l, struct http_client *http, void (*idle)(void *ctx),
                                  void *ctx)
{
    struct rest_calls *r = mem_new(struct rest_calls);
    r->loop = l;
    r->http = http;
    r->idle = idle;
    r->ctx = ctx;
    list_init(&r->nodes);
    list_init(&r->all);
    return r;
}

void rest_calls_stop(struct rest_calls *r)
{
    r->stopped = true;
    list_for(it, &r->all)
    {
        struct call *c = container_of(it, struct call, link);
        if (c->canceled)
            continue;
        c->canceled = true;
        if (c->in_flight)
            http_call_cancel(&c->http);
        else
            timer_start(r->loop, &c->again, 0);
    }
}

bool rest_calls_idle(const struct rest_calls *r)
{
    return list_empty(&r->all);
}

void rest_calls_free(struct rest_calls *r)
{
    require(list_empty(&r->all));
    mem_free(r);
}
