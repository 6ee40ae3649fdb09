// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <stdio.h>
#include <time.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "codec/url.h"
#include "emulator/auth.h"
#include "lib/test.h"
#include "lib/test_files.h"

#define HEADERS_MAX 32

// One request with the arena its parts live in.
struct request {
    struct arena arena;
    struct emu_auth auth;
    struct emu_signed signed_request;
    struct http_header headers[HEADERS_MAX];
    int64_t wall_ms;
    struct emu_error error;
};

static void add_header(struct request *r, struct span name, struct span value)
{
    assert_true(r->signed_request.headers.n < HEADERS_MAX);
    r->headers[r->signed_request.headers.n++] = (struct http_header){name, value};
    r->signed_request.headers.h = r->headers;
}

static struct http_header *header(struct request *r, const char *name)
{
    for (size_t i = 0; i < r->signed_request.headers.n; i++)
        if (span_ieq(r->headers[i].name, span_str(name)))
            return &r->headers[i];
    return NULL;
}

static int64_t time_of(struct span s)
{
    struct tm tm = {0};
    char text[32];
    snprintf(text, sizeof text, "%.*s", SPAN_ARG(s));
    assert_non_null(strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm));
    return (int64_t)timegm(&tm) * 1000;
}

static struct span keep(struct request *r, struct span s)
{
    return arena_span(&r->arena, s);
}

static void set_target(struct request *r, struct span target)
{
    r->signed_request.path = span_cut(&target, '?');
    r->signed_request.query = target;
}

static bool check(struct request *r)
{
    r->error = (struct emu_error){0};
    r->auth.has_key = false;
    return emu_auth_check(&r->auth, &r->signed_request, r->wall_ms, &r->arena, &r->error);
}

static void assert_error(struct request *r, const char *code, const char *part)
{
    assert_false(check(r));
    assert_string_equal(r->error.code, code);
    if (!memmem(r->error.message.p, r->error.message.n, part, strlen(part)))
        fail_msg("\"%s\" not in \"%.*s\"", part, SPAN_ARG(r->error.message));
}

// A case of service_requests_botocore.json, as it would come in.
static void from_case(struct request *r, const struct json *c)
{
    *r = (struct request){0};
    struct url url;
    struct err e = {0};
    struct span text = json_get_str(c, "url", SPAN_NONE),
                hex = json_get_str(c, "body_hex", SPAN(""));
    assert_int_equal(url_parse(keep(r, text), &url, &e), 0);
    r->auth = (struct emu_auth){
        .id = keep(r, json_get_str(c, "access_key_id", SPAN_NONE)),
        .secret = keep(r, json_get_str(c, "secret_access_key", SPAN_NONE)),
        .region = keep(r, json_get_str(c, "region", SPAN_NONE)),
        .service = keep(r, json_get_str(c, "service", SPAN_NONE)),
    };
    if (json_is(json_get(c, "session_token"), JSON_STRING))
        r->auth.token = keep(r, json_get_str(c, "session_token", SPAN_NONE));
    r->signed_request.method = keep(r, json_get_str(c, "method", SPAN_NONE));
    r->signed_request.path = url.path;
    r->signed_request.query = url.query;
    char *body = arena_alloc(&r->arena, hex.n / 2 + 1);
    assert_true(hex_decode(body, hex) >= 0);
    r->signed_request.body = span_of(body, hex.n / 2);
    r->wall_ms = time_of(json_get_str(c, "timestamp", SPAN_NONE));
    for (int k = 0; k < 2; k++) {
        const struct json *h = json_get(c, k ? "headers_added" : "headers");
        for (h = json_child(h); h; h = json_next(h))
            add_header(r, keep(r, json_key(h)), keep(r, json_str(h, SPAN(""))));
    }
    // What a client's HTTP layer adds, from the canonical request's own line.
    if (!header(r, "host")) {
        struct span rest = json_get_str(c, "canonical_request", SPAN_NONE);
        while (rest.p) {
            struct span line = span_cut(&rest, '\n');
            if (span_has_prefix(line, SPAN("host:")))
                add_header(r, SPAN("Host"), keep(r, span_of(line.p + 5, line.n - 5)));
        }
    }
    add_header(r, SPAN("Authorization"), keep(r, json_get_str(c, "authorization", SPAN_NONE)));
}

static struct json *cases(void)
{
    char path[TEST_PATH_MAX];
    struct err e = {0};
    test_source_path("vectors/sigv4/service_requests_botocore.json", path);
    struct buf b = test_read_file(path);
    struct json *j = json_parse(buf_span(&b), &e);
    assert_non_null(j);
    buf_free(&b);
    return j;
}

static void test_service_requests(void **state)
{
    (void)state;
    struct json *all = cases();
    size_t n = 0;
    for (struct json *c = json_child(json_get(all, "cases")); c; c = json_next(c), n++) {
        struct request r;
        struct span name = json_get_str(c, "name", SPAN_NONE);
        from_case(&r, c);
        if (!check(&r))
            fail_msg("%.*s: %.*s", SPAN_ARG(name), SPAN_ARG(r.error.message));
        // One bit of the body, the secret or the signature, and it is wrong.
        struct span body = r.signed_request.body;
        r.signed_request.body = body.n ? span_of(body.p, body.n - 1) : SPAN("x");
        assert_error(&r, "InvalidSignatureException", "does not match the signature");
        r.signed_request.body = body;
        struct span secret = r.auth.secret;
        r.auth.secret.n--;
        assert_error(&r, "InvalidSignatureException", "does not match the signature");
        r.auth.secret = secret;
        struct span *authorization = &header(&r, "authorization")->value;
        ((char *)authorization->p)[authorization->n - 1] ^= 1;
        assert_error(&r, "InvalidSignatureException", "does not match the signature");
        arena_free(&r.arena);
    }
    assert_int_equal(n, 25);
    json_free(all);
}

static void first_case(struct request *r)
{
    struct json *all = cases();
    from_case(r, json_child(json_get(all, "cases")));
    json_free(all);
}

// What clients that speak HTTP/2 sign in place of the host.
static void test_authority(void **state)
{
    (void)state;
    struct request r = {.signed_request = {.method = SPAN("POST"), .path = SPAN("/")}};
    struct buf out = {0};
    add_header(&r, SPAN("host"), SPAN("localhost:4567"));
    emu_auth_canonical(&r.signed_request, SPAN(":authority"), &r.arena, &out);
    assert_non_null(memmem(out.p, out.n, "\n:authority:localhost:4567\n\n:authority\n", 39));
    buf_free(&out);
    r.auth = (struct emu_auth){
        .id = SPAN("a"), .secret = SPAN("s"), .region = SPAN("d"), .service = SPAN("d")};
    r.wall_ms = 0;
    add_header(&r, SPAN("X-Amz-Date"), SPAN("19700101T000000Z"));
    add_header(&r, SPAN("Authorization"),
               SPAN("AWS4-HMAC-SHA256 Credential=a/19700101/d/d/aws4_request, "
                    "SignedHeaders=:authority;x-amz-date, Signature=0"));
    assert_error(&r, "InvalidSignatureException", "The request signature we calculated");
    arena_free(&r.arena);
}

static void test_skew_at_and_over(void **state)
{
    (void)state;
    struct request r;
    first_case(&r);
    int64_t at = r.wall_ms;
    r.wall_ms = at + EMU_SKEW_MS;
    assert_true(check(&r));
    r.wall_ms = at - EMU_SKEW_MS;
    assert_true(check(&r));
    r.wall_ms = at + EMU_SKEW_MS + 1000;
    assert_error(&r, "InvalidSignatureException",
                 "Signature expired: 20260131T235959Z is now earlier than 20260201T000000Z "
                 "(20260201T000500Z - 5 min.)");
    r.wall_ms = at - EMU_SKEW_MS - 1000;
    assert_error(&r, "InvalidSignatureException",
                 "Signature not yet current: 20260131T235959Z is still later than 20260131T235958Z "
                 "(20260131T235458Z + 5 min.)");
    arena_free(&r.arena);
}

static void test_who(void **state)
{
    (void)state;
    struct request r;
    first_case(&r);
    struct emu_auth auth = r.auth;
    r.auth.id = SPAN("AKIDOTHER");
    assert_error(&r, "UnrecognizedClientException", "security token included");
    r.auth = auth;
    r.auth.token = SPAN("token");
    assert_error(&r, "UnrecognizedClientException", "security token included");
    r.auth = auth;
    add_header(&r, SPAN("X-Amz-Security-Token"), SPAN("token"));
    assert_error(&r, "UnrecognizedClientException", "security token included");
    r.auth.token = SPAN("other");
    assert_error(&r, "UnrecognizedClientException", "security token included");
    r.auth.ended = r.auth.id;
    assert_error(&r, "ExpiredTokenException", "is expired");
    arena_free(&r.arena);
}

static void test_scope(void **state)
{
    (void)state;
    struct request r;
    first_case(&r);
    struct emu_auth auth = r.auth;
    r.auth.region = SPAN("eu-west-1");
    assert_error(&r, "InvalidSignatureException", "valid region, not 'us-east-1'");
    r.auth = auth;
    r.auth.service = SPAN("dynamodb");
    assert_error(&r, "InvalidSignatureException", "correct service: 'dynamodb'");
    r.auth = auth;
    header(&r, "x-amz-date")->value = SPAN("20260201T000000Z");
    assert_error(&r, "InvalidSignatureException", "Date in Credential scope does not match");
    arena_free(&r.arena);
}

static void test_incomplete(void **state)
{
    (void)state;
    struct request r;
    first_case(&r);
    struct http_header *h = header(&r, "authorization");
    static const struct {
        const char *value, *code, *part;
    } bad[] = {
        {"a", "IncompleteSignatureException",
         "Authorization header requires 'Credential' parameter. Authorization header requires "
         "'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. "
         "Authorization=a"},
        {"AWS4-HMAC-SHA256 Credential=a/b, Signature=x", "IncompleteSignatureException",
         "requires 'SignedHeaders'"},
        {"AWS4-HMAC-SHA256 Credential=a/b/c/d, SignedHeaders=host, Signature=x",
         "IncompleteSignatureException", "exactly 5 slash-delimited elements"},
        {"AWS4-HMAC-SHA256 Credential=a/b/c/d/e/f, SignedHeaders=host, Signature=x",
         "IncompleteSignatureException", "exactly 5 slash-delimited elements"},
        {"AWS4-HMAC-MD5 Credential=a/b/c/d/e, SignedHeaders=host, Signature=x",
         "IncompleteSignatureException", "Unsupported AWS 'algorithm'"},
        {"AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=content-type, Signature=x",
         "InvalidSignatureException", "'host' must be a 'SignedHeader'"},
        {"AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host;x-amz-date, Signature=x",
         "InvalidSignatureException", "'x-amz-target' must be a 'SignedHeader'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        h->value = span_str(bad[i].value);
        assert_error(&r, bad[i].code, bad[i].part);
    }
    h->name = SPAN("X-Other");
    assert_error(&r, "MissingAuthenticationTokenException", "Missing Authentication Token");
    h->name = SPAN("Authorization");
    header(&r, "x-amz-date")->value = SPAN("yesterday");
    assert_error(&r, "IncompleteSignatureException", "ISO-8601 'basic format'. Got 'yesterday'");
    header(&r, "x-amz-date")->name = SPAN("X-Other");
    assert_error(&r, "IncompleteSignatureException",
                 "requires existence of either a 'X-Amz-Date' or a 'Date' header.");
    arena_free(&r.arena);
}

// A signed request file of the suite: "GET /path HTTP/1.1", headers, empty line, body.
static void from_text(struct request *r, struct span text)
{
    struct span rest = keep(r, text), line = span_cut(&rest, '\n');
    r->signed_request.method = span_cut(&line, ' ');
    size_t n = line.n - strlen(" HTTP/1.1");
    set_target(r, span_of(line.p, n));
    while (rest.p) {
        line = span_cut(&rest, '\n');
        if (line.n == 0)
            break;
        if (line.p[0] == ' ') { // an obsolete folded line: part of the value before it
            struct span *v = &r->headers[r->signed_request.headers.n - 1].value;
            v->n = (size_t)(line.p + line.n - v->p);
            continue;
        }
        struct span name = span_cut(&line, ':');
        add_header(r, name, line);
    }
    r->signed_request.body = rest;
}

static bool run_suite_case(const char *folder, const char *name)
{
    char path[2 * TEST_PATH_MAX];
    struct request r = {0};
    struct err e = {0};
    snprintf(path, sizeof path, "%s/%s/context.json", folder, name);
    struct buf context = test_read_file(path);
    struct json *j = json_parse(buf_span(&context), &e);
    snprintf(path, sizeof path, "%s/%s/header-signed-request.txt", folder, name);
    struct buf text = test_read_file(path);
    const struct json *c = json_get(j, "credentials");
    bool run = json_get_bool(j, "normalize", true);
    if (run) {
        from_text(&r, buf_span(&text));
        r.auth = (struct emu_auth){
            .id = json_get_str(c, "access_key_id", SPAN_NONE),
            .secret = json_get_str(c, "secret_access_key", SPAN_NONE),
            .region = json_get_str(j, "region", SPAN_NONE),
            .service = json_get_str(j, "service", SPAN_NONE),
            .token = json_get_str(c, "token", SPAN_NONE),
        };
        r.wall_ms = time_of(json_get_str(j, "timestamp", SPAN_NONE));
        if (!check(&r))
            fail_msg("%s: %.*s", name, SPAN_ARG(r.error.message));
    }
    arena_free(&r.arena);
    json_free(j);
    buf_free(&context);
    buf_free(&text);
    return run;
}

// The cases that normalize paths, as all services but S3 do.
static void test_upstream_suite(void **state)
{
    (void)state;
    char folder[TEST_PATH_MAX];
    if (!test_vectors_path("sigv4/aws-c-auth/v4", folder))
        skip();
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int n = 0;
    for (struct dirent *d; (d = readdir(dir)) != NULL;)
        if (d->d_name[0] != '.')
            n += run_suite_case(folder, d->d_name);
    closedir(dir);
    assert_int_equal(n, 31);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_requests),
        cmocka_unit_test(test_authority),
        cmocka_unit_test(test_skew_at_and_over),
        cmocka_unit_test(test_who),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_incomplete),
        cmocka_unit_test(test_upstream_suite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
