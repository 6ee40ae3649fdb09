// SPDX-License-Identifier: Apache-2.0
#include "fake_aws.h"

#include <stdio.h>
#include <time.h>

#include "lib/test.h"

static int64_t wall_ms(void *ctx)
{
    return clock_system.wall_ms(NULL) + ((struct fake *)ctx)->wall_off_ms;
}

static int64_t mono_ms(void *ctx)
{
    (void)ctx;
    return clock_system.mono_ms(NULL);
}

static void random_zero(void *ctx, void *p, size_t n)
{
    (void)ctx;
    memset(p, 0, n);
}

static void keep(char *out, size_t cap, struct span s)
{
    assert_true(s.n < cap);
    memcpy(out, s.p ? s.p : "", s.n);
    out[s.n] = '\0';
}

#define KEEP(field, s) keep(seen->field, sizeof seen->field, s)

static int64_t parse_amz_date(const char *text)
{
    struct tm t = {0};
    const char *end = strptime(text, "%Y%m%dT%H%M%SZ", &t);
    assert_true(end && *end == '\0');
    return (int64_t)timegm(&t) * 1000;
}

// Signs what came, the headers that the client names, and compares.
static bool signature_ok(struct fake *f, struct http_exchange *x, const struct fake_seen *seen)
{
    struct arena a = {0};
    struct sigv4_key key = {0};
    struct sigv4_result want;
    struct http_headers all = http_request_headers(x);
    struct http_header *h = arena_array(&a, struct http_header, all.n);
    size_t n = 0;
    struct span given = http_request_header(x, "authorization");
    const char *names = memmem(given.p, given.n, "SignedHeaders=", 14);
    assert_non_null(names);
    struct span list = span_of(names + 14, (size_t)(given.p + given.n - names - 14));
    list = span_cut(&list, ',');
    while (list.p) {
        struct span name = span_cut(&list, ';');
        if (span_is(name, "x-amz-date") || span_is(name, "x-amz-security-token")) {
            continue;
        }
        char text[64];
        keep(text, sizeof text, name);
        h[n++] = (struct http_header){name, http_header_get(all, text)};
    }
    struct sigv4_request r = {.method = http_method(x),
                              .path = http_path(x),
                              .query = http_query(x),
                              .headers = {h, n},
                              .body = http_body(x),
                              .region = SPAN("eu-west-1"),
                              .service = SPAN("kinesis"),
                              .time_ms = parse_amz_date(seen->date)};
    struct span id = given;
    span_cut(&id, '=');
    id = span_cut(&id, '/');
    struct sigv4_credentials c = {id, span_str(f->secret), span_str(seen->token)};
    assert_int_equal(sigv4_sign(&r, &c, &key, &a, &want), 0);
    bool ok = span_eq(want.authorization, given);
    arena_free(&a);
    return ok;
}

static void note_request(struct fake *f, struct http_exchange *x)
{
    assert_true(f->n_seen < FAKE_STEPS_MAX);
    struct fake_seen *seen = &f->seen[f->n_seen];
    KEEP(method, http_method(x));
    KEEP(path, http_path(x));
    KEEP(host, http_request_header(x, "host"));
    KEEP(type, http_request_header(x, "content-type"));
    KEEP(target, http_request_header(x, "x-amz-target"));
    KEEP(date, http_request_header(x, "x-amz-date"));
    KEEP(token, http_request_header(x, "x-amz-security-token"));
    KEEP(invocation, http_request_header(x, "amz-sdk-invocation-id"));
    KEEP(sdk_request, http_request_header(x, "amz-sdk-request"));
    KEEP(agent, http_request_header(x, "user-agent"));
    buf_add_span(&seen->body, http_body(x));
    seen->signature_ok = signature_ok(f, x, seen);
    seen->time_ms = mono_ms(f);
}

static void answer(struct fake *f, struct http_exchange *x, const struct fake_step *step)
{
    struct http_header h[3];
    size_t n = 0;
    if (step->status == 0) {
        http_cut(x);
        return;
    }
    h[n++] = (struct http_header){SPAN("x-amzn-RequestId"), SPAN("request-1")};
    if (step->type) {
        h[n++] = (struct http_header){SPAN("Content-Type"), span_str(step->type)};
    }
    if (step->retry_after) {
        h[n++] = (struct http_header){SPAN("x-amz-retry-after"), span_str(step->retry_after)};
    }
    f->wall_off_ms += step->date_off_ms;
    http_respond(x, step->status, (struct http_headers){h, n}, step->body);
    f->wall_off_ms -= step->date_off_ms;
}

static void on_request(void *ctx, struct http_exchange *x)
{
    struct fake *f = ctx;
    assert_true(f->n_steps > 0);
    note_request(f, x);
    int i = f->n_seen++;
    const struct fake_step *step = &f->steps[i < f->n_steps ? i : f->n_steps - 1];
    if (step->hold) {
        assert_null(f->held);
        f->held = x;
    } else {
        answer(f, x, step);
    }
}

void fake_start(struct fake *f)
{
    struct err e = {0};
    *f = (struct fake){.clock = {f, wall_ms, mono_ms, random_zero}, .secret = FAKE_SECRET};
    f->loop = loop_new(&f->clock);
    struct http_server_options so = {.host = SPAN("127.0.0.1"), .handler = on_request, .ctx = f};
    struct http_client_options co = {0};
    assert_int_equal(http_server_new(f->loop, &so, &f->server, &e), 0);
    assert_int_equal(http_client_new(f->loop, &co, &f->http, &e), 0);
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%u", http_server_port(f->server));
}

static void note(void *ctx)
{
    *(int *)ctx = 1;
}

void fake_stop(struct fake *f)
{
    int client_closed = 0, server_closed = 0;
    if (f->held) {
        http_cut(f->held);
    }
    http_client_close(f->http, note, &client_closed);
    fake_run_until(f, &client_closed);
    http_server_close(f->server, 0, note, &server_closed);
    fake_run_until(f, &server_closed);
    loop_run(f->loop);
    loop_free(f->loop);
    for (int i = 0; i < f->n_seen; i++) {
        buf_free(&f->seen[i].body);
    }
}

struct fake_step *fake_add(struct fake *f, int status, const char *type, struct span body)
{
    assert_true(f->n_steps < FAKE_STEPS_MAX);
    struct fake_step *step = &f->steps[f->n_steps++];
    *step = (struct fake_step){.status = status, .type = type, .body = body};
    return step;
}

void fake_run_until(struct fake *f, const int *flag)
{
    bool more = true;
    while (!*flag) {
        assert_true(more);
        more = loop_turn(f->loop, true);
    }
}

void fake_run_until_held(struct fake *f)
{
    while (!f->held) {
        assert_true(loop_turn(f->loop, true));
    }
}

void fake_release(struct fake *f, const struct fake_step *step)
{
    struct http_exchange *x = f->held;
    f->held = NULL;
    answer(f, x, step);
}
