// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/test.h"

static int64_t wall(void *ctx)
{
    return ((struct fixture *)ctx)->wall_ms;
}

static int64_t mono(void *ctx)
{
    return clock_system.mono_ms(clock_system.ctx) + ((struct fixture *)ctx)->added_ms;
}

static void fill_random(void *ctx, void *p, size_t n)
{
    (void)ctx;
    clock_system.random(clock_system.ctx, p, n);
}

static void set_flag(void *ctx)
{
    *(bool *)ctx = true;
}

void fixture_keep_id(struct json *j, char out[UUID_TEXT_LEN + 1])
{
    snprintf(out, UUID_TEXT_LEN + 1, "%.*s",
             SPAN_ARG(json_get_str(json_get(j, "id"), "id", SPAN_NONE)));
    json_free(j);
}

void fixture_advance(struct fixture *f, int64_t ms)
{
    f->wall_ms += ms;
    f->added_ms += ms;
    loop_refresh(f->loop);
}

void fixture_wait(struct fixture *f, const bool *flag)
{
    while (!*flag) {
        if (!loop_turn(f->loop, true) && !*flag)
            fail_msg("nothing is left to wait for");
    }
}

static bool is_ready(void *ctx)
{
    return !((struct fixture *)ctx)->not_ready;
}

void fixture_start_hub(struct fixture *f)
{
    struct err e = {0};
    f->clock = (struct clock){f, wall, mono, fill_random};
    if (!f->wall_ms)
        f->wall_ms = clock_system.wall_ms(clock_system.ctx);
    if (!f->dir[0]) {
        snprintf(f->dir, sizeof f->dir, "/tmp/penstock-api-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
    }
    f->loop = loop_new(&f->clock);
    const char *key = f->secret_key ? f->secret_key : FIXTURE_SECRET_KEY;
    if (secrets_new(f->dir, key, &f->clock, &f->secrets, &e) < 0)
        fail_msg("%s", e.msg);
    struct store_options store = {.dir = f->dir,
                                  .commit_interval_ms = f->commit_interval_ms,
                                  .filter = secrets_filter,
                                  .filter_ctx = f->secrets};
    struct worker_options jobs = {.name = "job", .threads = f->job_threads ? f->job_threads : 2};
    struct convert_options convert = {.workers = 1, .time_limit_ms = 60000};
    if (store_open(f->loop, &store, &f->store, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(worker_pool_new(f->loop, &jobs, &f->jobs), 0);
    assert_int_equal(convert_pool_new(f->loop, &convert, &f->convert), 0);
    struct hub_options hub = {
        .loop = f->loop, .store = f->store, .convert = f->convert, .secrets = f->secrets};
    assert_int_equal(hub_new(&hub, &f->hub, &e), 0);
    struct http_client_options http = {0};
    assert_int_equal(http_client_new(f->loop, &http, &f->http, &e), 0);
    budget_init(&f->budget, 1 << 20, 1 << 10);
    struct bridge_options bridge = {.loop = f->loop,
                                    .hub = f->hub,
                                    .http = f->http,
                                    .jobs = f->jobs,
                                    .budget = &f->budget,
                                    .region = SPAN("us-east-1")};
    assert_int_equal(bridge_new(&bridge, &f->bridge, &e), 0);
}

void fixture_start_api(struct fixture *f, const struct api_user *users, size_t n)
{
    struct err e = {0};
    struct api_options o = {.loop = f->loop,
                            .hub = f->hub,
                            .bridge = f->bridge,
                            .jobs = f->jobs,
                            .budget = &f->budget,
                            .users = users,
                            .n_users = n,
                            .http = {.host = SPAN("127.0.0.1")},
                            .version = "1.2.3",
                            .ready = is_ready,
                            .ctx = f};
    if (api_new(&o, &f->api, &e) < 0)
        fail_msg("%s", e.msg);
}

void fixture_close_api(struct fixture *f, int64_t grace_ms)
{
    bool closed = false;
    api_close(f->api, grace_ms, set_flag, &closed);
    fixture_wait(f, &closed);
    f->api = NULL;
}

void fixture_stop_hub(struct fixture *f)
{
    bool bridge = false, http = false, convert = false, store = false, jobs = false;
    hub_stop(f->hub);
    bridge_close(f->bridge, set_flag, &bridge);
    fixture_wait(f, &bridge);
    http_client_close(f->http, set_flag, &http);
    fixture_wait(f, &http);
    convert_pool_close(f->convert, set_flag, &convert);
    fixture_wait(f, &convert);
    store_close(f->store, set_flag, &store);
    fixture_wait(f, &store);
    worker_pool_close(f->jobs, set_flag, &jobs);
    fixture_wait(f, &jobs);
    hub_free(f->hub);
    secrets_free(f->secrets);
    loop_run(f->loop);
    loop_free(f->loop);
}

void fixture_remove_dir(struct fixture *f)
{
    DIR *d = opendir(f->dir);
    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d));) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", f->dir, entry->d_name);
        unlink(path);
    }
    closedir(d);
    assert_int_equal(rmdir(f->dir), 0);
}

static void on_head(struct http_call *call, int status, struct http_headers h,
                    int64_t content_length)
{
    (void)h;
    (void)content_length;
    ((struct reply *)call->data)->status = status;
}

static void on_body(struct http_call *call, struct span piece)
{
    buf_add_span(&((struct reply *)call->data)->body, piece);
}

static void on_done(struct http_call *call, int status, const struct err *e)
{
    struct reply *r = call->data;
    (void)e;
    r->error = status;
    r->done = true;
}

static const struct http_call_events events = {on_head, on_body, on_done};

void fixture_send(struct fixture *f, struct reply *r, const char *method, const char *target,
                  struct span token, const char *body)
{
    *r = (struct reply){.call = {.data = r, .ev = &events}};
    struct url origin = {.host = SPAN("127.0.0.1"), .port = api_port(f->api), .port_given = true};
    r->header.name = SPAN("X-Authorization");
    r->header.value = arena_printf(&r->arena, "Bearer %.*s", SPAN_ARG(token));
    struct http_call_options o = {.method = span_str(method),
                                  .origin = &origin,
                                  .target = arena_span(&r->arena, span_str(target)),
                                  .headers = {&r->header, token.n ? 1 : 0},
                                  .body = arena_span(&r->arena, span_str(body))};
    assert_int_equal(http_client_start(f->http, &r->call, &o), 0);
}

void reply_free(struct reply *r)
{
    buf_free(&r->body);
    arena_free(&r->arena);
}

int fixture_call(struct fixture *f, const char *method, const char *target, struct span token,
                 const char *body)
{
    int status;
    json_free(fixture_json(f, method, target, token, body, &status));
    return status;
}

struct json *fixture_json(struct fixture *f, const char *method, const char *target,
                          struct span token, const char *body, int *status)
{
    struct reply r;
    fixture_send(f, &r, method, target, token, body);
    fixture_wait(f, &r.done);
    assert_int_equal(r.error, 0);
    *status = r.status;
    struct json *doc = json_parse(buf_span(&r.body), NULL);
    reply_free(&r);
    return doc;
}

struct json *fixture_login(struct fixture *f, const char *email, const char *password, int *status)
{
    char body[512];
    snprintf(body, sizeof body, "{\"username\":\"%s\",\"password\":\"%s\"}", email, password);
    return fixture_json(f, "POST", "/api/auth/login", SPAN_NONE, body, status);
}

#define EMAIL "admin@example.org"
#define PASSWORD "secret"

void fixture_begin(struct fixture *f)
{
    static const struct api_user users[] = {{SPAN(EMAIL), SPAN(PASSWORD), SPAN("TENANT_ADMIN")}};
    int status;
    fixture_start_hub(f);
    fixture_start_api(f, users, 1);
    f->session = fixture_login(f, EMAIL, PASSWORD, &status);
    assert_int_equal(status, 200);
    f->token = json_get_str(f->session, "token", SPAN_NONE);
}

void fixture_end(struct fixture *f)
{
    json_free(f->session);
    f->session = NULL;
    fixture_close_api(f, 1000);
    fixture_stop_hub(f);
}

struct json *fixture_expect(struct fixture *f, const char *method, const char *target,
                            const char *body, int want)
{
    int status;
    struct json *j = fixture_json(f, method, target, f->token, body, &status);
    if (status != want) {
        struct buf b = {0};
        if (j)
            json_write(j, &b);
        fail_msg("%s %s: %d, not %d: %.*s", method, target, status, want, SPAN_ARG(buf_span(&b)));
    }
    return j;
}
