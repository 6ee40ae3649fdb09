// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <stdio.h>
#include <time.h>

#include "aws/endpoint.h"
#include "aws/sigv4.h"
#include "aws_vectors.h"
#include "net/http_client.h"

#define HEADERS_MAX 32

// A request file of the suites: request line, headers (some folded), empty line, body.
struct request_file {
    struct span method, path, query, body;
    struct http_header headers[HEADERS_MAX];
    size_t n_headers;
    struct span token; // x-amz-security-token, taken out as x-amz-date is
};

static int64_t parse_time(struct span s)
{
    struct tm t = {0};
    char text[32] = {0};
    assert_true(s.n < sizeof text);
    memcpy(text, s.p, s.n);
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &t);
    assert_non_null(end);
    return (int64_t)timegm(&t) * 1000;
}

static void parse_request_line(struct span line, struct request_file *r)
{
    struct span rest = line;
    r->method = span_cut(&rest, ' ');
    assert_true(span_has_suffix(rest, SPAN(" HTTP/1.1")));
    rest.n -= SPAN(" HTTP/1.1").n;
    r->path = span_cut(&rest, '?');
    r->query = rest;
}

static void parse_request(struct arena *a, struct span text, struct request_file *r)
{
    *r = (struct request_file){0};
    struct span rest = text;
    parse_request_line(span_cut(&rest, '\n'), r);
    while (rest.p) {
        struct span line = span_cut(&rest, '\n');
        if (line.n == 0) {
            r->body = rest;
            return;
        }
        if (line.p[0] == ' ') {
            struct span *v = &r->headers[r->n_headers - 1].value;
            *v = arena_printf(a, "%.*s\n%.*s", SPAN_ARG(*v), SPAN_ARG(line));
            continue;
        }
        struct span value = line, name = span_cut(&value, ':');
        if (span_ieq(name, SPAN("x-amz-security-token"))) {
            r->token = value;
        } else if (!span_ieq(name, SPAN("x-amz-date"))) {
            assert_true(r->n_headers < HEADERS_MAX);
            r->headers[r->n_headers++] = (struct http_header){name, value};
        }
    }
}

static struct span read_span(struct arena *a, const char *folder, const char *file)
{
    char path[TEST_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    struct buf b = test_read_file(path);
    struct span out = arena_span(a, buf_span(&b));
    buf_free(&b);
    return out;
}

static struct sigv4_request to_request(const struct request_file *f)
{
    return (struct sigv4_request){
        .method = f->method,
        .path = f->path,
        .query = f->query,
        .headers = {f->headers, f->n_headers},
        .body = f->body,
    };
}

static bool contains(struct span s, struct span part)
{
    return memmem(s.p, s.n, part.p, part.n) != NULL;
}

static void check_header_form(struct arena *a, const char *folder, const struct sigv4_request *r,
                              const struct sigv4_credentials *c)
{
    struct sigv4_key key = {0};
    struct sigv4_result got;
    assert_int_equal(sigv4_sign(r, c, &key, a, &got), 0);
    assert_span_equal(got.canonical_request, read_span(a, folder, "header-canonical-request.txt"));
    assert_span_equal(got.string_to_sign, read_span(a, folder, "header-string-to-sign.txt"));
    assert_span_equal(got.signature, read_span(a, folder, "header-signature.txt"));
    struct span sent = read_span(a, folder, "header-signed-request.txt");
    assert_true(
        contains(sent, arena_printf(a, "Authorization:%.*s\n", SPAN_ARG(got.authorization))));
}

static void check_query_form(struct arena *a, const char *folder, const struct sigv4_request *r,
                             const struct sigv4_credentials *c, int64_t expires_s, bool whole)
{
    struct sigv4_key key = {0};
    struct sigv4_result got;
    struct span query;
    assert_int_equal(sigv4_presign(r, c, &key, expires_s, a, &got, &query), 0);
    assert_span_equal(got.canonical_request, read_span(a, folder, "query-canonical-request.txt"));
    assert_span_equal(got.string_to_sign, read_span(a, folder, "query-string-to-sign.txt"));
    assert_span_equal(got.signature, read_span(a, folder, "query-signature.txt"));
    struct span sent = read_span(a, folder, "query-signed-request.txt");
    if (whole) {
        assert_true(contains(sent, arena_printf(a, "?%.*s HTTP/1.1\n", SPAN_ARG(query))));
    }
}

static void check_c_auth_case(const char *folder)
{
    struct arena a = {0};
    struct err e = {0};
    struct json *ctx = json_parse(read_span(&a, folder, "context.json"), &e);
    assert_non_null(ctx);
    struct json *keys = json_get(ctx, "credentials");
    struct sigv4_credentials c = {vectors_str(keys, "access_key_id"),
                                  vectors_str(keys, "secret_access_key"),
                                  vectors_str(keys, "token")};
    // Some services want the token unsigned; ours do not.
    bool omit = json_get_bool(ctx, "omit_session_token", false);
    if (omit) {
        c.session_token = SPAN_NONE;
    }
    struct request_file f;
    parse_request(&a, read_span(&a, folder, "request.txt"), &f);
    struct sigv4_request r = to_request(&f);
    r.region = vectors_str(ctx, "region");
    r.service = vectors_str(ctx, "service");
    r.time_ms = parse_time(vectors_str(ctx, "timestamp"));
    r.no_normalize = !json_get_bool(ctx, "normalize", true);
    r.sign_body_header = json_get_bool(ctx, "sign_body", false);
    check_header_form(&a, folder, &r, &c);
    check_query_form(&a, folder, &r, &c, json_get_int(ctx, "expiration_in_seconds", 0), !omit);
    json_free(ctx);
    arena_free(&a);
}

// Calls check() for each sub-folder; returns how many.
static int for_each_folder(const char *path, void (*check)(const char *folder))
{
    int n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *it; (it = readdir(d));) {
        char folder[TEST_PATH_MAX + 300];
        if (it->d_name[0] != '.' && it->d_type == DT_DIR) {
            snprintf(folder, sizeof folder, "%s/%s", path, it->d_name);
            check(folder);
            n++;
        }
    }
    closedir(d);
    return n;
}

static void test_c_auth(void **state)
{
    (void)state;
    char path[TEST_PATH_MAX];
    if (!test_vectors_path("sigv4/aws-c-auth/v4", path)) {
        skip();
    }
    assert_int_equal(for_each_folder(path, check_c_auth_case), 38);
}

static int botocore_cases;

static void check_botocore_case(const char *folder)
{
    struct arena a = {0};
    const char *name = strrchr(folder, '/') + 1;
    char file[TEST_PATH_MAX], path[2 * TEST_PATH_MAX];
    snprintf(file, sizeof file, "%s.req", name);
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *there = fopen(path, "r");
    if (!there) {
        // A folder of folders.
        for_each_folder(folder, check_botocore_case);
        return;
    }
    fclose(there);
    struct request_file f;
    parse_request(&a, read_span(&a, folder, file), &f);
    if (strcmp(name, "get-vanilla-with-session-token") == 0) {
        // Of the credentials, which the suite does not put into a file.
        f.token = SPAN("6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267");
    }
    struct sigv4_request r = to_request(&f);
    struct sigv4_credentials c = {SPAN("AKIDEXAMPLE"),
                                  SPAN("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), f.token};
    struct sigv4_key key = {0};
    struct sigv4_result got;
    r.region = SPAN("us-east-1");
    r.service = SPAN("service");
    r.time_ms = INT64_C(1440938160000);
    assert_int_equal(sigv4_sign(&r, &c, &key, &a, &got), 0);
    snprintf(file, sizeof file, "%s.creq", name);
    assert_span_equal(got.canonical_request, read_span(&a, folder, file));
    snprintf(file, sizeof file, "%s.sts", name);
    assert_span_equal(got.string_to_sign, read_span(&a, folder, file));
    snprintf(file, sizeof file, "%s.authz", name);
    assert_span_equal(got.authorization, read_span(&a, folder, file));
    botocore_cases++;
    arena_free(&a);
}

static void test_botocore(void **state)
{
    (void)state;
    char path[TEST_PATH_MAX];
    if (!test_vectors_path("sigv4/botocore-aws4_testsuite", path)) {
        skip();
    }
    botocore_cases = 0;
    for_each_folder(path, check_botocore_case);
    assert_int_equal(botocore_cases, 34);
}

static void check_chain(struct arena *a, const struct json *j, struct span secret, struct span date,
                        const struct sigv4_request *r)
{
    static const char *const names[] = {"kDate", "kRegion", "kService", "kSigning"};
    uint8_t chain[4][SHA256_LEN];
    sigv4_derive(secret, date, r->region, r->service, chain);
    for (int i = 0; i < 4; i++) {
        struct span want = vectors_hex(a, json_get(j, "signing_keys"), names[i]);
        assert_span_equal(span_of((const char *)chain[i], SHA256_LEN), want);
    }
}

static void check_service_request(const struct json *j)
{
    struct arena a = {0};
    struct err e = {0};
    struct url url;
    char host[300];
    struct http_header headers[HEADERS_MAX];
    size_t n = 0;
    struct span text = vectors_str(j, "url"), no_query = text;
    struct span query = text;
    no_query = span_cut(&query, '?');
    assert_int_equal(aws_endpoint_parse(no_query, &a, &url, &e), 0);
    headers[n++] =
        (struct http_header){SPAN("Host"), span_of(host, http_host_value(&url, host, sizeof host))};
    for (struct json *h = json_child(json_get(j, "headers")); h; h = json_next(h)) {
        headers[n++] = (struct http_header){json_key(h), json_str(h, SPAN_NONE)};
    }
    struct sigv4_request r = {.method = vectors_str(j, "method"),
                              .path = url.path,
                              .query = query,
                              .headers = {headers, n},
                              .body = vectors_hex(&a, j, "body_hex"),
                              .region = vectors_str(j, "region"),
                              .service = vectors_str(j, "service"),
                              .time_ms = parse_time(vectors_str(j, "timestamp"))};
    struct sigv4_credentials c = {vectors_str(j, "access_key_id"),
                                  vectors_str(j, "secret_access_key"),
                                  vectors_str(j, "session_token")};
    struct sigv4_key key = {0};
    struct sigv4_result got;
    assert_int_equal(sigv4_sign(&r, &c, &key, &a, &got), 0);
    assert_span_equal(got.body_sha256, vectors_str(j, "payload_sha256"));
    assert_span_equal(got.canonical_request, vectors_str(j, "canonical_request"));
    assert_span_equal(got.string_to_sign, vectors_str(j, "string_to_sign"));
    assert_span_equal(got.signature, vectors_str(j, "signature"));
    assert_span_equal(got.authorization, vectors_str(j, "authorization"));
    assert_span_equal(got.amz_date, vectors_str(json_get(j, "headers_added"), "X-Amz-Date"));
    check_chain(&a, j, c.secret_access_key, span_of(got.amz_date.p, 8), &r);
    arena_free(&a);
}

static void test_service_requests(void **state)
{
    (void)state;
    struct json *j = vectors_json("sigv4/service_requests_botocore.json");
    int n = 0;
    for (struct json *c = json_child(json_get(j, "cases")); c; c = json_next(c)) {
        check_service_request(c);
        n++;
    }
    assert_int_equal(n, 25);
    json_free(j);
}

static void sign_with(struct arena *a, struct sigv4_key *key, struct span secret, int64_t time_ms,
                      struct sigv4_result *out)
{
    struct http_header host = {SPAN("host"), SPAN("h")};
    struct sigv4_request r = {.method = SPAN("POST"),
                              .headers = {&host, 1},
                              .region = SPAN("eu-west-1"),
                              .service = SPAN("kinesis"),
                              .time_ms = time_ms};
    struct sigv4_credentials c = {SPAN("AKID"), secret, SPAN_NONE};
    assert_int_equal(sigv4_sign(&r, &c, key, a, out), 0);
}

// A kept key must give what a fresh one gives, whatever was signed before.
static void test_kept_key(void **state)
{
    (void)state;
    static const struct {
        const char *secret;
        int64_t time_ms;
    } steps[] = {{"one", INT64_C(1769903999000)},
                 {"one", INT64_C(1769903999999)},
                 {"one", INT64_C(1769904000000)},
                 {"two", INT64_C(1769904000000)},
                 {"one", INT64_C(1769903999000)}};
    struct arena a = {0};
    struct sigv4_key kept = {0};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct sigv4_key fresh = {0};
        struct sigv4_result got, want;
        struct span secret = span_str(steps[i].secret);
        sign_with(&a, &kept, secret, steps[i].time_ms, &got);
        sign_with(&a, &fresh, secret, steps[i].time_ms, &want);
        assert_span_equal(got.signature, want.signature);
    }
    arena_free(&a);
}

static void test_limits(void **state)
{
    (void)state;
    char name[65];
    memset(name, 'r', sizeof name);
    struct arena a = {0};
    struct sigv4_key key = {0};
    struct sigv4_result got;
    struct span query;
    struct sigv4_credentials c = {SPAN("AKID"), SPAN("secret"), SPAN_NONE};
    struct sigv4_request r = {
        .method = SPAN("GET"), .region = span_of(name, 64), .service = span_of(name, 64)};
    assert_int_equal(sigv4_sign(&r, &c, &key, &a, &got), 0);
    assert_int_equal(strlen(key.scope), 8 + 1 + 64 + 1 + 64 + strlen("/aws4_request"));
    r.time_ms = INT64_C(253402300799999);
    assert_int_equal(sigv4_sign(&r, &c, &key, &a, &got), 0);
    assert_span_is(got.amz_date, "99991231T235959Z");
    r.time_ms++;
    assert_int_equal(sigv4_sign(&r, &c, &key, &a, &got), ERR_INVALID);
    r.time_ms = -1;
    assert_int_equal(sigv4_presign(&r, &c, &key, 60, &a, &got, &query), ERR_INVALID);
    r.time_ms = 0;
    r.region.n = 65;
    assert_int_equal(sigv4_sign(&r, &c, &key, &a, &got), ERR_INVALID);
    r.region.n = 64;
    r.service.n = 65;
    assert_int_equal(sigv4_presign(&r, &c, &key, 60, &a, &got, &query), ERR_INVALID);
    arena_free(&a);
}

static void check_canonical_line(struct sigv4_request r, int line, const char *want)
{
    struct arena a = {0};
    struct sigv4_key key = {0};
    struct sigv4_result got;
    struct sigv4_credentials c = {SPAN("AKID"), SPAN("secret"), SPAN_NONE};
    r.method = SPAN("GET");
    r.region = SPAN("r");
    r.service = SPAN("s");
    assert_int_equal(sigv4_sign(&r, &c, &key, &a, &got), 0);
    struct span rest = got.canonical_request, text = SPAN_NONE;
    for (int i = 0; i <= line; i++) {
        text = span_cut(&rest, '\n');
    }
    assert_span_equal(text, span_str(want));
    arena_free(&a);
}

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        const char *path, *want;
    } cases[] = {{"", "/"},          {"/..", "/"},    {"/../../a", "/a"},     {"/a/..//b/", "/b/"},
                 {"/a/b/..", "/a/"}, {"/a/.", "/a/"}, {"/a%2Fb", "/a%252Fb"}, {"/...", "/..."}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sigv4_request r = {.path = span_str(cases[i].path)};
        check_canonical_line(r, 1, cases[i].want);
    }
    struct sigv4_request s3 = {.path = SPAN("/a//b%20c"), .keep_path = true};
    check_canonical_line(s3, 1, "/a//b%20c");
}

static void test_queries(void **state)
{
    (void)state;
    static const struct {
        const char *query, *want;
    } cases[] = {{"&&a&", "a="},
                 {"a=1&a", "a=&a=1"},
                 {"a=b=c", "a=b%3Dc"},
                 {"a=+", "a=%2B"},
                 {"%zz=%4", "%25zz=%254"},
                 {"%7e=~", "~=~"},
                 {"A=1&a=1&%41=0", "A=0&A=1&a=1"},
                 {"=v", "=v"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sigv4_request r = {.query = span_str(cases[i].query)};
        check_canonical_line(r, 2, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_c_auth),   cmocka_unit_test(test_botocore),
        cmocka_unit_test(test_kept_key), cmocka_unit_test(test_service_requests),
        cmocka_unit_test(test_limits),   cmocka_unit_test(test_paths),
        cmocka_unit_test(test_queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
