// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "aws/aws_client_internal.h"
#include "aws/aws_request.h"
#include "aws/clock_skew.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/uuid.h"

// Happy path of a call: CALL_CREDENTIALS (asked for) -> CALL_SENDING (signed, HTTP call runs) ->
// on_done. After a failure worth another try: CALL_WAITING (timer) -> CALL_CREDENTIALS; after a
// repair (clock, credentials) at once. Cancelling makes whatever the state waits for end with
// ERR_CANCELED.

#define FIRST_BYTE_MS 10000

enum call_state { CALL_CREDENTIALS, CALL_SENDING, CALL_WAITING, CALL_CANCELED };

struct call {
    struct list link;
    struct aws_call *user;
    struct aws_client *client;
    enum call_state state;
    const struct aws_target *to; // the client's, or `account`
    struct aws_target account;
    bool probe; // of the client's circuit
    bool canceled;
    // The request; spans in `arena`.
    struct arena arena;
    struct span method, path, content_type, target;
    struct buf body;
    char invocation_id[UUID_TEXT_LEN + 1];
    size_t max_body;
    int max_attempts;
    int64_t request_ms, idle_ms;
    uint32_t window;
    enum http_version version;
    // What has been tried.
    int attempts;  // sent
    int repairs;   // of those, after a repair
    int last_cost; // of the retry bucket
    bool clock_repaired, credentials_repaired;
    bool refreshing; // waits for other credentials than those of `used`
    uint8_t used[SHA256_LEN];
    int64_t signed_ms;
    // This try and its reply.
    struct arena try_arena;
    int http_status;
    bool streamed; // pieces of the body went to the user
    struct http_headers headers;
    struct buf reply_body;
    struct aws_error error;
    struct credentials_get get;
    struct http_call http;
    struct timer timer;
    struct loop_task end;
};

static void begin_try(struct call *c);

int64_t aws_client_wall_ms(const struct aws_client *c)
{
    return loop_wall_ms(c->loop) + c->skew_ms;
}

// ---- the end

static void call_free(struct call *c)
{
    arena_free(&c->arena);
    // It has held a session token.
    arena_free_wiped(&c->try_arena);
    buf_free(&c->body);
    buf_free(&c->reply_body);
    mem_free(c);
}

static struct aws_reply reply_of(struct call *c, const struct aws_error *error)
{
    return (struct aws_reply){.http_status = c->http_status,
                              .content_type = http_header_get(c->headers, "content-type"),
                              .body = &c->reply_body,
                              .error = error,
                              .attempts = c->attempts};
}

// The callback may free the user's call, start others and close the client.
static void finish(struct call *c, int status)
{
    struct aws_client *client = c->client;
    if (c->canceled) {
        status = ERR_CANCELED;
        c->error =
            (struct aws_error){.net_error = ERR_CANCELED, .message = SPAN("the call was canceled")};
    }
    struct aws_reply reply = reply_of(c, status < 0 ? &c->error : NULL);
    list_remove(&c->link);
    c->user->internal = NULL;
    c->user->on_done(c->user, status, &reply);
    call_free(c);
    aws_client_call_gone(client);
}

static void on_end(struct loop_task *task)
{
    finish(container_of(task, struct call, end), ERR_CANCELED);
}

static void fail(struct call *c, int net_error, struct span message)
{
    c->error =
        (struct aws_error){.net_error = net_error, .message = arena_span(&c->try_arena, message)};
    finish(c, net_error);
}

// ---- after a failed try

static bool repair_clock(struct call *c)
{
    struct aws_client *client = c->client;
    struct span date = http_header_get(c->headers, "date");
    if (c->clock_repaired ||
        !aws_clock_skew(date, c->signed_ms, loop_wall_ms(client->loop), &client->skew_ms)) {
        return false;
    }
    c->clock_repaired = true;
    log_warn("aws", "this machine's clock is wrong; signing with the service's time",
             "service=%s host=%.*s off_ms=%lld", aws_service_name(client->endpoint.service),
             SPAN_ARG(client->target.host), (long long)-client->skew_ms);
    return true;
}

static bool repair_credentials(struct call *c)
{
    if (c->credentials_repaired) {
        return false;
    }
    c->credentials_repaired = true;
    c->refreshing = true;
    credentials_expire(c->client->credentials, c->used);
    return true;
}

static bool wants_retry(struct call *c)
{
    struct aws_reply reply = reply_of(c, &c->error);
    if (c->streamed || c->attempts - c->repairs >= c->max_attempts) {
        return false;
    }
    return !c->user->on_retry || !c->user->on_retry(c->user, &reply);
}

static void on_timer(struct timer *t)
{
    begin_try(container_of(t, struct call, timer));
}

static bool retry_later(struct call *c, enum retry_class class)
{
    struct aws_client *client = c->client;
    if (!wants_retry(c)) {
        return false;
    }
    bool timed_out = c->error.net_error == ERR_TIMEOUT;
    int cost = retry_bucket_take(&client->bucket, class, timed_out);
    if (!cost) {
        return false;
    }
    int retry = c->attempts - c->repairs;
    int64_t delay_ms = retry_delay_ms(client->bucket.rules, class, retry,
                                      clock_random_unit(loop_clock(client->loop)));
    delay_ms = retry_after_ms(http_header_get(c->headers, "x-amz-retry-after"),
                              http_header_get(c->headers, "retry-after"), delay_ms);
    c->last_cost = cost;
    c->state = CALL_WAITING;
    c->timer.fire = on_timer;
    timer_start(client->loop, &c->timer, delay_ms);
    log_debug("aws", "trying again", "target=%.*s code=%.*s status=%d delay_ms=%lld",
              SPAN_ARG(c->target), SPAN_ARG(c->error.code), c->http_status, (long long)delay_ms);
    return true;
}

static void decide(struct call *c)
{
    enum retry_class class =
        retry_classify(c->error.code, c->error.http_status, c->error.net_error);
    bool again = false;
    switch (class) {
    case RETRY_CLOCK:
    case RETRY_CREDENTIALS:
        again = class == RETRY_CLOCK ? repair_clock(c) : repair_credentials(c);
        if (again) {
            c->repairs++;
            begin_try(c);
        }
        break;
    case RETRY_TRANSIENT:
    case RETRY_THROTTLE:
        again = retry_later(c, class);
        break;
    case RETRY_NO:
        break;
    }
    if (!again) {
        finish(c, aws_error_status(&c->error));
    }
}

// ---- one try

static bool is_success(const struct call *c)
{
    return c->http_status >= 200 && c->http_status <= 299;
}

static void on_head(struct http_call *http, int status, struct http_headers h,
                    int64_t content_length)
{
    struct call *c = http->data;
    struct http_header *copy = arena_array(&c->try_arena, struct http_header, h.n);
    for (size_t i = 0; i < h.n; i++) {
        copy[i].name = arena_span(&c->try_arena, h.h[i].name);
        copy[i].value = arena_span(&c->try_arena, h.h[i].value);
    }
    c->http_status = status;
    c->headers = (struct http_headers){copy, h.n};
    // Now, not at the end: of a subscription that is minutes away.
    if (!c->canceled) {
        circuit_answer(&c->client->circuit);
        c->probe = false;
    }
    if (!is_success(c) || c->canceled) {
        return;
    }
    if (content_length > 0 && (uint64_t)content_length <= c->max_body && !c->user->on_piece) {
        buf_reserve(&c->reply_body, (size_t)content_length);
    }
    if (c->user->on_size && !c->user->on_size(c->user, content_length)) {
        http_call_pause(&c->http);
    }
}

static void on_body(struct http_call *http, struct span piece)
{
    struct call *c = http->data;
    if (!c->user->on_piece || !is_success(c)) {
        // Of an endless call's error, no more than fits: http_call_options has no limit for it.
        size_t room = c->max_body - c->reply_body.n;
        buf_add(&c->reply_body, piece.p, piece.n < room ? piece.n : room);
    } else if (!c->canceled) {
        c->streamed = true;
        c->user->on_piece(c->user, piece);
    }
}

static void tell_circuit(struct call *c, int status, const struct err *e)
{
    struct aws_client *client = c->client;
    if (c->canceled) {
        if (c->probe) {
            circuit_leave(&client->circuit);
        }
    } else if (status == 0 || c->http_status) {
        circuit_answer(&client->circuit);
    } else {
        client->unreachable = e ? *e : (struct err){0};
        client->unreachable.code = status;
        circuit_fail(&client->circuit, loop_now_ms(client->loop),
                     clock_random_unit(loop_clock(client->loop)));
    }
    c->probe = false;
}

static void on_http_done(struct http_call *http, int status, const struct err *e)
{
    struct call *c = http->data;
    tell_circuit(c, status, e);
    if (c->canceled) {
        finish(c, ERR_CANCELED);
        return;
    }
    if (status < 0) {
        struct span message = span_str(e && e->msg[0] ? e->msg : err_text(status));
        c->error =
            (struct aws_error){.net_error = status, .message = arena_span(&c->try_arena, message)};
        decide(c);
        return;
    }
    if (is_success(c)) {
        retry_bucket_success(&c->client->bucket, c->last_cost);
        finish(c, 0);
        return;
    }
    aws_error_parse(c->http_status, c->headers, buf_span(&c->reply_body), &c->try_arena, &c->error);
    decide(c);
}

static const struct http_call_events http_events = {on_head, on_body, on_http_done};

static void forget_reply(struct call *c)
{
    arena_free_wiped(&c->try_arena);
    buf_clear(&c->reply_body);
    c->http_status = 0;
    c->headers = (struct http_headers){0};
    c->error = (struct aws_error){0};
}

static int send_signed(struct call *c, const struct sigv4_credentials *keys)
{
    struct aws_client *client = c->client;
    c->signed_ms = aws_client_wall_ms(client);
    struct aws_request r = {.method = c->method,
                            .path = c->path,
                            .host = c->to->host,
                            .content_type = c->content_type,
                            .target = c->target,
                            .body = buf_span(&c->body),
                            .region = c->to->signing_region,
                            .service = span_str(aws_service_name(client->endpoint.service)),
                            .invocation_id = span_of(c->invocation_id, UUID_TEXT_LEN),
                            .attempt = c->attempts,
                            .max_attempts = c->max_attempts + c->repairs,
                            .time_ms = c->signed_ms};
    struct http_call_options o = {.method = c->method,
                                  .origin = &c->to->origin,
                                  .target = c->path,
                                  .body = r.body,
                                  .first_byte_ms =
                                      c->request_ms < FIRST_BYTE_MS ? c->request_ms : FIRST_BYTE_MS,
                                  .total_ms = c->request_ms,
                                  .max_body = c->max_body,
                                  .version = c->version};
    if (c->user->on_piece) {
        o.first_byte_ms = c->request_ms;
        o.total_ms = HTTP_NO_LIMIT;
        o.idle_ms = c->idle_ms;
        o.window = c->window;
        o.max_body = SIZE_MAX;
    }
    int status = aws_request_sign(&r, keys, &client->key, &c->try_arena, &o.headers);
    if (status < 0) {
        return status;
    }
    c->http = (struct http_call){.data = c, .ev = &http_events};
    return http_client_start(client->http, &c->http, &o);
}

// False when the call has ended or waits, because the endpoint cannot be reached.
static bool enter_circuit(struct call *c)
{
    struct aws_client *client = c->client;
    c->probe = circuit_is_open(&client->circuit);
    if (circuit_enter(&client->circuit, loop_now_ms(client->loop))) {
        return true;
    }
    c->probe = false;
    fail(c, client->unreachable.code, span_str(client->unreachable.msg));
    return false;
}

static void on_credentials(struct credentials_get *g, int status,
                           const struct sigv4_credentials *keys, const struct err *e)
{
    struct call *c = g->data;
    uint8_t digest[SHA256_LEN];
    if (c->canceled) {
        finish(c, ERR_CANCELED);
        return;
    }
    if (status == 0) {
        credentials_digest(keys, digest);
    }
    // No others came: what the service said stands.
    if (c->refreshing && (status < 0 || memcmp(digest, c->used, sizeof digest) == 0)) {
        finish(c, aws_error_status(&c->error));
        return;
    }
    c->refreshing = false;
    forget_reply(c);
    if (status < 0) {
        fail(c, status, span_str(e->msg));
        return;
    }
    memcpy(c->used, digest, sizeof digest);
    c->attempts++;
    c->state = CALL_SENDING;
    if (!enter_circuit(c)) {
        return;
    }
    status = send_signed(c, keys);
    if (status < 0) {
        if (c->probe) {
            circuit_leave(&c->client->circuit);
        }
        fail(c, status, SPAN("the request could not be started"));
    }
}

static void begin_try(struct call *c)
{
    c->state = CALL_CREDENTIALS;
    c->get = (struct credentials_get){.data = c, .cb = on_credentials};
    credentials_get(c->client->credentials, &c->get);
}

// ---- for the user

static struct span or_default(struct span s, struct span otherwise)
{
    return s.n ? s : otherwise;
}

// The account's own host where the rules have one. With an ARN that they refuse the call goes to
// the service all the same, which says what is wrong with it.
static const struct aws_target *choose_target(struct call *c, const struct aws_call_options *o)
{
    struct aws_endpoint_params p = c->client->endpoint;
    p.operation = o->operation;
    p.stream_arn = o->stream_arn;
    p.consumer_arn = o->consumer_arn;
    if (p.stream_arn.n + p.consumer_arn.n == 0 || p.endpoint.n ||
        aws_target_resolve(&p, &c->arena, &c->account, NULL) < 0) {
        return &c->client->target;
    }
    return &c->account;
}

static struct call *call_new(struct aws_client *client, struct aws_call *user,
                             const struct aws_call_options *o)
{
    struct call *c = mem_new(struct call);
    struct span path = or_default(o->path, SPAN("/"));
    c->user = user;
    c->client = client;
    c->to = choose_target(c, o);
    c->end.run = on_end;
    c->method = arena_span(&c->arena, or_default(o->method, SPAN("POST")));
    c->path = arena_printf(&c->arena, "%.*s%.*s", SPAN_ARG(c->to->base_path), SPAN_ARG(path));
    c->content_type = arena_span(&c->arena, o->content_type);
    c->target = arena_span(&c->arena, o->target);
    if (o->take_body) {
        c->body = *o->take_body;
        *o->take_body = (struct buf){0};
    } else {
        buf_add_span(&c->body, o->body);
    }
    c->max_body = o->max_body ? o->max_body : AWS_MAX_BODY_DEFAULT;
    c->max_attempts = o->max_attempts > 0 ? o->max_attempts : client->max_attempts;
    c->request_ms = o->request_ms > 0 ? o->request_ms : client->request_ms;
    c->idle_ms = o->idle_ms;
    c->window = o->window;
    c->version = o->version;
    uuid_format(uuid_new_v4(loop_clock(client->loop)), c->invocation_id);
    return c;
}

int aws_call_start(struct aws_client *client, struct aws_call *user,
                   const struct aws_call_options *o)
{
    if (client->closing) {
        return ERR_CANCELED;
    }
    struct call *c = call_new(client, user, o);
    user->internal = c;
    list_push(&client->calls, &c->link);
    begin_try(c);
    return 0;
}

void aws_call_pause(struct aws_call *user)
{
    struct call *c = user->internal;
    if (c && c->state == CALL_SENDING && !c->canceled) {
        http_call_pause(&c->http);
    }
}

void aws_call_resume(struct aws_call *user)
{
    struct call *c = user->internal;
    if (c && c->state == CALL_SENDING && !c->canceled) {
        http_call_resume(&c->http);
    }
}

static void cancel(struct call *c)
{
    if (c->canceled) {
        return;
    }
    c->canceled = true;
    switch (c->state) {
    case CALL_CREDENTIALS:
        credentials_cancel(&c->get);
        break;
    case CALL_SENDING:
        http_call_cancel(&c->http);
        break;
    case CALL_WAITING:
        timer_stop(&c->timer);
        loop_post(c->client->loop, &c->end);
        break;
    case CALL_CANCELED:
        break;
    }
    c->state = CALL_CANCELED;
}

void aws_call_cancel(struct aws_call *user)
{
    if (user->internal) {
        cancel(user->internal);
    }
}

void aws_client_cancel_calls(struct aws_client *c)
{
    list_for(it, &c->calls)
    {
        cancel(container_of(it, struct call, link));
    }
}
