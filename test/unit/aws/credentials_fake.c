// SPDX-License-Identifier: Apache-2.0
#include "credentials_fake.h"

#include <stdio.h>
#include <sys/wait.h>

#include "base/mem.h"

#define WALL_MS 1600000000000

static struct json *read_json(const char *dir, const char *name)
{
    char path[TEST_PATH_MAX + 40];
    struct err e = {0};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    struct buf text = test_read_file(path);
    struct json *j = json_parse(buf_span(&text), &e);
    if (!j) {
        fail_msg("%s: %s", path, e.msg);
    }
    buf_free(&text);
    return j;
}

void world_open(struct world *w, const char *dir)
{
    *w = (struct world){0};
    snprintf(w->dir, sizeof w->dir, "%s", dir);
    w->env = read_json(dir, "env.json");
    w->traffic = read_json(dir, "http-traffic.json");
    w->test_case = read_json(dir, "test-case.json");
}

void world_close(struct world *w)
{
    json_free(w->env);
    json_free(w->traffic);
    json_free(w->test_case);
    credentials_files_free(&w->files);
    for (size_t i = 0; i < w->n_kept; i++) {
        buf_free(&w->kept[i]);
    }
}

const char *world_env(void *ctx, const char *name)
{
    struct world *w = ctx;
    // Strings of the document end with a NUL byte.
    return json_get_str(w->env, name, SPAN_NONE).p;
}

static struct buf *keep(struct world *w)
{
    assert_true(w->n_kept < sizeof w->kept / sizeof *w->kept);
    return &w->kept[w->n_kept++];
}

static void read_files(struct world *w, struct source_input *in)
{
    struct err e = {0};
    credentials_files_free(&w->files);
    credentials_files_init(&w->files, world_env, w);
    for (int i = 0; i < 2; i++) {
        struct buf path = {0};
        if (!w->files.path[i][0]) {
            continue;
        }
        buf_printf(&path, "%s/fs%s", w->dir, w->files.path[i]);
        mem_free(w->files.path[i]);
        w->files.path[i] = mem_strndup(path.p, path.n);
        buf_free(&path);
    }
    in->status = credentials_files_read(&w->files, &e);
    struct buf *why = keep(w);
    buf_add_str(why, e.msg);
    in->why = buf_span(why);
    in->profiles = w->files.list;
}

static void read_file(struct world *w, struct span name, struct source_input *in)
{
    char path[2 * TEST_PATH_MAX];
    struct err e = {0};
    struct buf *body = keep(w), *why = keep(w);
    snprintf(path, sizeof path, "%s/fs%.*s", w->dir, SPAN_ARG(name));
    in->status = credentials_file_read(path, SOURCE_REPLY_MAX, body, &e);
    buf_add_str(why, e.msg);
    in->body = buf_span(body);
    in->why = buf_span(why);
}

// The recorded commands are lines for a shell, which we do not use: here one stands in, so that
// what is tested is what becomes of their output and exit code.
static void run_command(struct world *w, struct span command, struct source_input *in)
{
    struct buf line = {0}, *out = keep(w);
    buf_add_span(&line, command);
    FILE *f = popen(buf_cstr(&line), "r");
    assert_non_null(f);
    size_t n;
    while ((n = fread(buf_reserve(out, 4096), 1, 4096, f)) > 0) {
        buf_commit(out, n);
    }
    int how = pclose(f);
    in->status = how == 0 ? 0 : ERR_AUTH;
    in->why = SPAN("exited with another code than 0");
    in->body = buf_span(out);
    buf_free(&line);
}

// ---- recorded requests

static const struct json *event(const struct world *w, const char *kind, const char *direction)
{
    const struct json *events = json_get(w->traffic, "events");
    for (const struct json *e = json_child(events); e; e = json_next(e)) {
        const struct json *a = json_get(json_get(e, "action"), kind);
        if (a && json_get_int(e, "connection_id", -1) == w->connection &&
            (!direction || span_is(vectors_str(a, "direction"), direction))) {
            return a;
        }
    }
    return NULL;
}

bool world_all_asked(const struct world *w)
{
    return !event(w, "Request", NULL);
}

static struct span first(const struct json *headers, const char *name)
{
    return json_str(json_child(json_get(headers, name)), SPAN_NONE);
}

static void check_uri(const struct source_http *http, struct span recorded)
{
    struct url want;
    struct err e = {0};
    assert_int_equal(url_parse(recorded, &want, &e), 0);
    assert_int_equal(http->url.tls, want.tls);
    assert_int_equal(http->url.port, want.port);
    assert_span_equal(http->url.host, want.host);
    struct span path = want.path.n ? want.path : SPAN("/");
    assert_span_equal(span_of(http->target.p, path.n), path);
}

// Recorded are other signed headers and other times; what must agree is who signs. One record was
// copied from another case, with that one's signer.
static void check_signer(const struct world *w, const struct source_http *http,
                         struct span recorded)
{
    struct span ours = http_header_get(http->headers, "Authorization");
    size_t slash = span_find(recorded, '/');
    assert_true(slash < recorded.n);
    struct span want = span_of(recorded.p, slash + 1);
    if (strstr(w->dir, "/ecs_assume_role")) {
        want = SPAN("AWS4-HMAC-SHA256 Credential=ASIARTEST/");
    }
    assert_true(span_has_prefix(ours, want));
}

static void check_form(const struct source_http *http, struct span recorded)
{
    struct arena a = {0};
    const char *const names[] = {"Action", "Version"};
    for (size_t i = 0; i < 2; i++) {
        struct span got, want;
        assert_true(url_query_get(http->body, names[i], &a, &got));
        assert_true(url_query_get(recorded, names[i], &a, &want));
        assert_span_equal(got, want);
    }
    arena_free(&a);
}

static void check_request(const struct world *w, const struct source_http *http,
                          const struct json *request, const struct json *data)
{
    const char *const same[] = {"x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds",
                                "accept"};
    const struct json *headers = json_get(request, "headers");
    assert_span_equal(http->method, vectors_str(request, "method"));
    check_uri(http, vectors_str(request, "uri"));
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        assert_span_equal(http_header_get(http->headers, same[i]), first(headers, same[i]));
    }
    struct span authorization = first(headers, "authorization");
    if (authorization.n) {
        check_signer(w, http, authorization);
    }
    if (data) {
        check_form(http, vectors_str(json_get(data, "data"), "Utf8"));
    } else {
        assert_int_equal(http->body.n, 0);
    }
}

static struct http_headers reply_headers(struct resolver *r, const struct json *headers)
{
    size_t n = json_count(headers), i = 0;
    struct http_header *h = arena_array(&r->arena, struct http_header, n + 1);
    for (const struct json *j = json_child(headers); j; j = json_next(j)) {
        h[i++] = (struct http_header){json_key(j), json_str(json_child(j), SPAN_NONE)};
    }
    return (struct http_headers){h, i};
}

static void answer(struct world *w, struct resolver *r, const struct source_http *http,
                   struct source_input *in)
{
    const struct json *request = event(w, "Request", NULL);
    if (!request) {
        fail_msg("a request that was not recorded: %.*s %.*s%.*s", SPAN_ARG(http->method),
                 SPAN_ARG(http->url.host), SPAN_ARG(http->target));
    }
    check_request(w, http, json_get(request, "request"), event(w, "Data", "Request"));
    const struct json *ok = json_get(json_get(event(w, "Response", NULL), "response"), "Ok");
    assert_non_null(ok);
    in->http_status = (int)json_get_int(ok, "status", 0);
    in->headers = reply_headers(r, json_get(ok, "headers"));
    const struct json *data = event(w, "Data", "Response");
    in->body = vectors_str(json_get(data, "data"), "Utf8");
    w->connection++;
}

void world_run(struct world *w, struct resolver *r, struct source_step *end)
{
    struct source_input in;
    resolver_step(r, WALL_MS, 0.5, NULL, end);
    for (;;) {
        in = (struct source_input){0};
        switch (end->want) {
        case SOURCE_VALUE:
        case SOURCE_FAILED:
            return;
        case SOURCE_FILES:
            read_files(w, &in);
            break;
        case SOURCE_READ:
            read_file(w, end->text, &in);
            break;
        case SOURCE_RUN:
            run_command(w, end->text, &in);
            break;
        case SOURCE_HTTP:
            answer(w, r, &end->http, &in);
            break;
        case SOURCE_WAIT:
            w->waits++;
            break;
        }
        resolver_step(r, WALL_MS, 0.5, &in, end);
    }
}
