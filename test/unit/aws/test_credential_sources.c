// SPDX-License-Identifier: Apache-2.0
// Each source of credentials step by step: what it asks for, what it makes of the answers.
#include <stdio.h>

#include "aws/container_credentials.h"
#include "aws/imds.h"
#include "aws/sts.h"
#include "lib/test.h"
#include "net/http_client.h"

#define WALL_MS 1754611200000 // 2025-08-08T00:00:00Z
#define KEYS                                                                                       \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"ID\",\"SecretAccessKey\":\"SECRET\","                 \
    "\"Token\":\"TOKEN\",\"Expiration\":\"2025-08-08T06:00:00Z\"}"

static struct {
    struct arena arena;
    struct source_world w;
    const char *env[16]; // name, value, ...
    int64_t skew_ms;
    struct source_step out;
    struct imds imds;
    struct container_credentials container;
    struct sts sts;
    enum { IMDS, CONTAINER, STS } kind;
} t;

static const char *get_env(void *ctx, const char *name)
{
    (void)ctx;
    for (size_t i = 0; i + 1 < sizeof t.env / sizeof *t.env && t.env[i]; i += 2) {
        if (strcmp(t.env[i], name) == 0) {
            return t.env[i + 1];
        }
    }
    return NULL;
}

static int set_up(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    t.w = (struct source_world){.env = get_env,
                                .arena = &t.arena,
                                .wall_ms = WALL_MS,
                                .unit = 0.5,
                                .region = SPAN("eu-west-1"),
                                .session_name = SPAN("penstock-1"),
                                .sts_skew_ms = &t.skew_ms};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&t.arena);
    return 0;
}

static void set_env(const char *name, const char *value)
{
    size_t i = 0;
    while (t.env[i] && strcmp(t.env[i], name) != 0) {
        i += 2;
    }
    assert_true(i + 1 < sizeof t.env / sizeof *t.env);
    t.env[i] = name;
    t.env[i + 1] = value;
}

static void feed(const struct source_input *in)
{
    if (t.kind == IMDS) {
        imds_step(&t.imds, &t.w, in, &t.out);
    } else if (t.kind == CONTAINER) {
        container_step(&t.container, &t.w, in, &t.out);
    } else {
        sts_step(&t.sts, &t.w, in, &t.out);
    }
}

static void reply_with(int status, const char *body, const char *date)
{
    assert_int_equal(t.out.want, SOURCE_HTTP);
    struct http_header h[] = {{SPAN("Date"), span_str(date)}};
    struct source_input in = {
        .http_status = status, .body = span_str(body), .headers = {h, date ? 1 : 0}};
    feed(&in);
}

static void reply(int status, const char *body)
{
    reply_with(status, body, NULL);
}

static void no_reply(int status)
{
    assert_int_equal(t.out.want, SOURCE_HTTP);
    struct source_input in = {.status = status, .why = SPAN("connecting timed out")};
    feed(&in);
}

static void waited(void)
{
    assert_int_equal(t.out.want, SOURCE_WAIT);
    struct source_input in = {0};
    feed(&in);
}

static void file(int status, const char *body)
{
    assert_int_equal(t.out.want, SOURCE_READ);
    struct source_input in = {
        .status = status, .body = span_str(body), .why = SPAN("cannot read /t: none")};
    feed(&in);
}

static void check_failed(int code, const char *says)
{
    assert_int_equal(t.out.want, SOURCE_FAILED);
    assert_int_equal(t.out.err.code, code);
    if (!strstr(t.out.err.msg, says)) {
        fail_msg("\"%s\" does not say \"%s\"", t.out.err.msg, says);
    }
}

static void check_keys(void)
{
    assert_int_equal(t.out.want, SOURCE_VALUE);
    assert_span_is(t.out.value.c.access_key_id, "ID");
    assert_span_is(t.out.value.c.secret_access_key, "SECRET");
    assert_span_is(t.out.value.c.session_token, "TOKEN");
    assert_int_equal(t.out.value.expires_ms, WALL_MS + 6 * 3600 * 1000);
}

static struct span header(const char *name)
{
    return http_header_get(t.out.http.headers, name);
}

// ---- instance metadata

static void begin_imds(void)
{
    t.kind = IMDS;
    t.imds = (struct imds){0};
    feed(NULL);
}

static void test_imds(void **state)
{
    (void)state;
    set_env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1234/base/");
    set_env("AWS_METADATA_SERVICE_TIMEOUT", "3");
    begin_imds();
    assert_span_is(t.out.http.method, "PUT");
    assert_span_is(t.out.http.target, "/base/latest/api/token");
    assert_span_is(header("x-aws-ec2-metadata-token-ttl-seconds"), "21600");
    assert_int_equal(t.out.http.connect_ms, 3000);
    assert_true(t.out.http.direct);
    reply(200, "session\n");
    assert_span_is(t.out.http.method, "GET");
    assert_span_is(t.out.http.target, "/base/latest/meta-data/iam/security-credentials/");
    assert_span_is(header("x-aws-ec2-metadata-token"), "session");
    reply(200, "a role/..\nanother");
    check_failed(ERR_PROTO, "name of the role");
    begin_imds();
    reply(200, "session");
    reply(200, "role/..\r\nanother");
    assert_span_is(t.out.http.target, "/base/latest/meta-data/iam/security-credentials/role%2F..");
    reply_with(200, KEYS, "Fri, 08 Aug 2025 00:00:01 GMT");
    check_keys();
    assert_int_equal(t.out.value.issued_ms, WALL_MS + 1000);
}

static void test_imds_retries(void **state)
{
    (void)state;
    begin_imds();
    for (int i = 0; i < 2; i++) {
        reply(503, "");
        waited();
    }
    reply(200, "session");
    no_reply(ERR_TIMEOUT);
    waited();
    reply(200, "role");
    for (int i = 0; i < 2; i++) {
        reply(500, "");
        waited();
    }
    reply(500, "");
    check_failed(ERR_UNAVAILABLE, "keys of the role: HTTP 500");
    set_env("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1");
    begin_imds();
    no_reply(ERR_TIMEOUT);
    check_failed(ERR_TIMEOUT, "connecting timed out (no EC2 instance, or in a container");
}

static void test_imds_refusals(void **state)
{
    (void)state;
    begin_imds();
    reply(403, "");
    check_failed(ERR_AUTH, "forbids its use (HTTP 403)");
    begin_imds();
    reply(400, "");
    check_failed(ERR_UNAVAILABLE, "no session token: HTTP 400");
    begin_imds();
    reply(200, "two words");
    check_failed(ERR_PROTO, "the session token is none");
    begin_imds();
    reply(200, "s");
    reply(404, "");
    check_failed(ERR_AUTH, "no IAM role attached");
    begin_imds();
    reply(200, "s");
    reply(200, " \n");
    check_failed(ERR_AUTH, "no IAM role attached");
    begin_imds();
    reply(200, "s");
    reply(200, "r");
    reply(200, "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"EC2 cannot\"}");
    check_failed(ERR_AUTH, "role r: AssumeRoleUnauthorizedAccess EC2 cannot");
    begin_imds();
    reply(200, "s");
    reply(200, "r");
    reply(200, "{\"Code\":\"Success\",\"AccessKeyId\":\"ID\"}");
    check_failed(ERR_PROTO, "no SecretAccessKey");
}

// A token that is refused is fetched anew, once.
static void test_imds_token_renewal(void **state)
{
    (void)state;
    begin_imds();
    reply(200, "one");
    reply(200, "role");
    reply(401, "");
    assert_span_is(t.out.http.method, "PUT");
    reply(200, "two");
    assert_span_is(header("x-aws-ec2-metadata-token"), "two");
    assert_true(span_has_suffix(t.out.http.target, SPAN("/role")));
    reply(401, "");
    check_failed(ERR_UNAVAILABLE, "keys of the role: HTTP 401");
}

// Version 1 serves only who asked for it.
static void test_imds_v1(void **state)
{
    (void)state;
    begin_imds();
    reply(404, "");
    check_failed(ERR_UNAVAILABLE, "no session token: HTTP 404");
    set_env("AWS_EC2_METADATA_V1_DISABLED", "false");
    begin_imds();
    reply(404, "");
    assert_span_is(t.out.http.target, "/latest/meta-data/iam/security-credentials/");
    assert_int_equal(header("x-aws-ec2-metadata-token").n, 0);
    reply(200, "r");
    reply(200, KEYS);
    check_keys();
    begin_imds();
    reply(400, "");
    check_failed(ERR_UNAVAILABLE, "HTTP 400");
}

// ---- containers

static void begin_container(void)
{
    t.kind = CONTAINER;
    t.container = (struct container_credentials){0};
    feed(NULL);
}

static void test_container_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *uri;
        bool good;
    } cases[] = {
        {"http://127.1.2.3/x", true},
        {"http://[::1]:99/", true},
        {"http://LocalHost/", true},
        {"https://example.com/", true},
        {"http://169.254.170.3/", false},
        {"http://169.254.169.254/", false},
        {"http://127.0.0.1.example.com/", false},
        {"http://127.0.0.256/", false},
        {"http://127.0.0/", false},
        {"http://localhost.example.com/", false},
        {"http://10.0.0.1/", false},
        {"http://user@127.0.0.1/", false},
        {"ftp://127.0.0.1/", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set_env("AWS_CONTAINER_CREDENTIALS_FULL_URI", cases[i].uri);
        begin_container();
        if ((t.out.want == SOURCE_HTTP) != cases[i].good) {
            fail_msg("%s", cases[i].uri);
        }
    }
}

static void test_container_token(void **state)
{
    (void)state;
    set_env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:80/creds?x=1");
    set_env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer abc");
    begin_container();
    assert_span_is(header("Authorization"), "Bearer abc");
    assert_span_is(t.out.http.target, "/creds?x=1");
    assert_true(t.out.http.direct);
    reply(200, KEYS);
    check_keys();
    set_env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nX: y");
    begin_container();
    check_failed(ERR_CONFIG, "AWS_CONTAINER_AUTHORIZATION_TOKEN holds a line break");
    set_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/t");
    begin_container();
    assert_span_is(t.out.text, "/t");
    file(0, "from-file\n");
    assert_span_is(header("Authorization"), "from-file");
    begin_container();
    file(0, "a\nb");
    check_failed(ERR_CONFIG, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE holds a line break");
    begin_container();
    file(ERR_NOT_FOUND, "");
    check_failed(ERR_NOT_FOUND, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: cannot read /t");
}

static void test_container_answers(void **state)
{
    (void)state;
    set_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c");
    begin_container();
    for (int i = 0; i < 2; i++) {
        reply(500, "");
        waited();
    }
    no_reply(ERR_TIMEOUT);
    check_failed(ERR_TIMEOUT, "169.254.170.2: connecting timed out");
    begin_container();
    reply(400, "{\"code\":\"AccessDenied\",\"message\":\"no\"}");
    check_failed(ERR_AUTH, "169.254.170.2: HTTP 400 AccessDenied no");
    begin_container();
    reply(200, "<html>");
    check_failed(ERR_PROTO, "no JSON object");
    begin_container();
    reply(200, KEYS " x");
    check_failed(ERR_PROTO, "no JSON object");
    begin_container();
    reply(200, "{\"AccessKeyId\":\"I\",\"SecretAccessKey\":\"S\",\"Expiration\":\"soon\"}");
    check_failed(ERR_PROTO, "Expiration");
}

// ---- STS

#define ARN "arn:aws:iam::123456789012:role/r"
#define STS_KEYS                                                                                   \
    "<R><C><AccessKeyId>ID</AccessKeyId><SecretAccessKey>SECRET</SecretAccessKey>"                 \
    "<SessionToken>TOKEN</SessionToken><Expiration>2025-08-08T06:00:00Z</Expiration></C>"          \
    "<U><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn></U></R>"
#define STS_ERROR(code) "<ErrorResponse><Error><Code>" code "</Code></Error></ErrorResponse>"

static const struct sigv4_credentials source_keys = {
    {"BASE", 4}, {"base-secret", 11}, {"base-token", 10}};

static void begin_sts(const struct sts_role *role)
{
    t.kind = STS;
    t.sts = (struct sts){.role = role, .keys = role->token_file.n ? NULL : &source_keys};
    feed(NULL);
}

// Signs the request anew by what it carries and compares.
static void check_signature(int64_t time_ms)
{
    struct sigv4_key key = {0};
    struct sigv4_result want;
    char host[100];
    size_t n = http_host_value(&t.out.http.url, host, sizeof host);
    struct http_header h[] = {{SPAN("Host"), span_of(host, n)},
                              {SPAN("Content-Type"), header("content-type")}};
    struct sigv4_request r = {.method = SPAN("POST"),
                              .path = t.out.http.target,
                              .headers = {h, 2},
                              .body = t.out.http.body,
                              .region = SPAN("eu-west-1"),
                              .service = SPAN("sts"),
                              .time_ms = time_ms};
    assert_int_equal(sigv4_sign(&r, &source_keys, &key, &t.arena, &want), 0);
    assert_span_equal(header("Authorization"), want.authorization);
    assert_span_equal(header("X-Amz-Date"), want.amz_date);
    assert_span_is(header("X-Amz-Security-Token"), "base-token");
}

static void test_sts_assume_role(void **state)
{
    (void)state;
    struct sts_role role = {.arn = SPAN(ARN),
                            .external_id = SPAN("a b&c"),
                            .session_name = SPAN("me"),
                            .duration_s = 900};
    begin_sts(&role);
    assert_span_is(t.out.http.url.host, "sts.eu-west-1.amazonaws.com");
    assert_true(t.out.http.url.tls && !t.out.http.direct);
    assert_span_is(t.out.http.body,
                   "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A"
                   "123456789012%3Arole%2Fr&RoleSessionName=me&DurationSeconds=900"
                   "&ExternalId=a%20b%26c");
    check_signature(WALL_MS);
    reply_with(200, STS_KEYS, "Fri, 08 Aug 2025 00:00:00 GMT");
    check_keys();
    assert_span_is(t.out.value.account_id, "123456789012");
    assert_int_equal(t.out.value.issued_ms, WALL_MS);
}

static void test_sts_clock(void **state)
{
    (void)state;
    struct sts_role role = {.arn = SPAN(ARN)};
    t.w.wall_ms = 5000; // a machine that starts in 1970
    begin_sts(&role);
    check_signature(5000);
    reply_with(403, STS_ERROR("SignatureDoesNotMatch"), "Fri, 08 Aug 2025 00:00:00 GMT");
    check_signature(WALL_MS);
    assert_int_equal(t.skew_ms, WALL_MS - 5000);
    reply_with(403, STS_ERROR("SignatureDoesNotMatch"), "Fri, 08 Aug 2025 09:00:00 GMT");
    check_failed(ERR_AUTH, "sts.eu-west-1.amazonaws.com: SignatureDoesNotMatch");
    // What was learnt serves the next time.
    begin_sts(&role);
    check_signature(t.skew_ms + 5000);
    reply(200, STS_KEYS);
    check_keys();
}

static void test_sts_retries(void **state)
{
    (void)state;
    struct sts_role role = {.arn = SPAN(ARN)};
    begin_sts(&role);
    reply(503, "");
    waited();
    reply(400, STS_ERROR("Throttling"));
    waited();
    check_signature(WALL_MS);
    reply(200, STS_KEYS);
    check_keys();
    begin_sts(&role);
    for (int i = 0; i < 2; i++) {
        no_reply(ERR_CONNECT);
        waited();
    }
    no_reply(ERR_CONNECT);
    check_failed(ERR_CONNECT, "connecting timed out");
    begin_sts(&role);
    reply(403, STS_ERROR("AccessDenied"));
    check_failed(ERR_AUTH, "AccessDenied");
    begin_sts(&role);
    reply(200, "<R><AccessKeyId>ID</AccessKeyId></R>");
    check_failed(ERR_PROTO, "holds no credentials");
}

static void test_sts_web_identity(void **state)
{
    (void)state;
    struct sts_role role = {.arn = SPAN(ARN), .token_file = SPAN("/t")};
    begin_sts(&role);
    assert_span_is(t.out.text, "/t");
    file(0, "first\n");
    assert_int_equal(header("Authorization").n, 0);
    assert_true(span_has_suffix(t.out.http.body, SPAN("&RoleSessionName=penstock-1"
                                                      "&WebIdentityToken=first")));
    reply(400, STS_ERROR("ExpiredTokenException"));
    file(0, "second");
    assert_true(span_has_suffix(t.out.http.body, SPAN("&WebIdentityToken=second")));
    reply(400, STS_ERROR("IDPCommunicationError"));
    waited();
    reply(200, STS_KEYS);
    check_keys();
    begin_sts(&role);
    file(0, "first");
    reply(400, STS_ERROR("ExpiredTokenException"));
    file(0, "second");
    reply(400, STS_ERROR("ExpiredTokenException"));
    check_failed(ERR_AUTH, "ExpiredTokenException");
    begin_sts(&role);
    file(0, "abc");
    check_failed(ERR_CONFIG, "must be 4 to 20000 characters");
    begin_sts(&role);
    file(ERR_NOT_FOUND, "");
    check_failed(ERR_NOT_FOUND, "web identity token: cannot read /t");
}

static void test_sts_settings(void **state)
{
    (void)state;
    struct sts_role role = {.arn = SPAN(ARN)};
    set_env("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:99/x");
    begin_sts(&role);
    assert_span_is(t.out.http.url.host, "127.0.0.1");
    assert_span_is(t.out.http.target, "/x");
    set_env("AWS_ENDPOINT_URL_STS", "");
    set_env("AWS_USE_DUALSTACK_ENDPOINT", "true");
    t.w.region = SPAN("cn-north-1");
    begin_sts(&role);
    assert_span_is(t.out.http.url.host, "sts.cn-north-1.api.amazonwebservices.com.cn");
    t.w.region = SPAN_NONE;
    begin_sts(&role);
    check_failed(ERR_CONFIG, "no region for STS");
}

static char many[STS_EXTERNAL_ID_MAX + 2];

static void test_sts_role_limits(void **state)
{
    (void)state;
    memset(many, 'x', sizeof many);
    const struct {
        struct sts_role role;
        bool good;
    } cases[] = {
        {{.arn = SPAN(ARN)}, true},
        {{.arn = SPAN("arn:aws:iam::1:x")}, false},
        {{.arn = SPAN("urn:aws:iam::123456789012:role/r")}, false},
        {{.arn = SPAN_NONE}, false},
        {{.arn = SPAN(ARN), .external_id = span_of(many, STS_EXTERNAL_ID_MAX)}, true},
        {{.arn = SPAN(ARN), .external_id = span_of(many, STS_EXTERNAL_ID_MAX + 1)}, false},
        {{.arn = SPAN(ARN), .external_id = span_of(many, 1)}, false},
        {{.arn = SPAN(ARN), .session_name = span_of(many, 64)}, true},
        {{.arn = SPAN(ARN), .session_name = span_of(many, 65)}, false},
        {{.arn = SPAN(ARN), .session_name = SPAN("a b")}, false},
        {{.arn = SPAN(ARN), .duration_s = 900}, true},
        {{.arn = SPAN(ARN), .duration_s = 899}, false},
        {{.arn = SPAN(ARN), .duration_s = 43200}, true},
        {{.arn = SPAN(ARN), .duration_s = 43201}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        if ((sts_role_check(&cases[i].role, &e) == 0) != cases[i].good) {
            fail_msg("case %zu: %s", i, e.msg);
        }
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_imds),
        T(test_imds_retries),
        T(test_imds_refusals),
        T(test_imds_token_renewal),
        T(test_imds_v1),
        T(test_container_hosts),
        T(test_container_token),
        T(test_container_answers),
        T(test_sts_assume_role),
        T(test_sts_clock),
        T(test_sts_retries),
        T(test_sts_web_identity),
        T(test_sts_settings),
        T(test_sts_role_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
