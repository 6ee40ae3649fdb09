// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "aws/aws_error.h"
#include "aws/retry.h"
#include "aws/xml_text.h"
#include "aws_vectors.h"

#define HEADERS_MAX 16

static struct http_headers read_headers(const struct json *j, struct http_header *h)
{
    size_t n = 0;
    for (struct json *it = json_child(json_get(j, "headers")); it; it = json_next(it)) {
        assert_true(n < HEADERS_MAX);
        h[n++] = (struct http_header){json_key(it), json_str(it, SPAN_NONE)};
    }
    return (struct http_headers){h, n};
}

static bool is_acceptable(const struct json *j, struct span code)
{
    for (struct json *it = json_child(json_get(j, "acceptable_codes")); it; it = json_next(it)) {
        if (span_eq(json_str(it, SPAN_NONE), code)) {
            return true;
        }
    }
    return span_eq(vectors_str(j, "expected_code"), code);
}

static void check_retry(const struct json *j, const struct aws_error *e)
{
    bool retryable = json_get_bool(j, "retryable", false);
    bool throttling = json_get_bool(j, "throttling", false);
    retryable = json_get_bool(j, "client_policy_retryable", retryable);
    throttling = json_get_bool(j, "client_policy_throttling", throttling);
    struct span recovery = vectors_str(j, "recovery");
    enum retry_class c = retry_classify(e->code, e->http_status, 0);
    if (span_is(recovery, "clock_skew")) {
        assert_int_equal(c, RETRY_CLOCK);
    } else if (span_has_prefix(recovery, SPAN("refresh_credentials")) ||
               span_is(recovery, "reread_token_file")) {
        assert_int_equal(c, RETRY_CREDENTIALS);
    } else {
        assert_int_equal(c == RETRY_TRANSIENT || c == RETRY_THROTTLE, retryable);
    }
    // KMSThrottlingException is ours to add: the vectors only say that it is to be retried.
    if (!aws_error_is(e, "KMSThrottlingException")) {
        assert_int_equal(c == RETRY_THROTTLE, throttling);
    }
}

static void check_case(const struct json *j)
{
    struct arena a = {0};
    struct http_header h[HEADERS_MAX];
    struct aws_error e;
    struct span body = vectors_hex(&a, j, "body_hex"), name = vectors_str(j, "name");
    aws_error_parse((int)json_get_int(j, "status", 0), read_headers(j, h), body, &a, &e);
    if (!is_acceptable(j, e.code)) {
        fail_msg("%.*s: code is %.*s", SPAN_ARG(name), SPAN_ARG(e.code));
    }
    struct json *message = json_get(j, "expected_message");
    if (json_is(message, JSON_STRING)) {
        assert_span_equal(e.message, json_str(message, SPAN_NONE));
    }
    if (body.n == 0) {
        assert_int_equal(e.message.n, 0);
    }
    assert_span_is(e.request_id, "c0ffee00-0000-1111-2222-333344445555");
    check_retry(j, &e);
    arena_free(&a);
}

static void test_vectors(void **state)
{
    (void)state;
    struct json *j = vectors_json("errors/error_responses.json");
    int n = 0;
    for (struct json *it = json_child(json_get(j, "cases")); it; it = json_next(it)) {
        check_case(it);
        n++;
    }
    assert_int_equal(n, 62);
    json_free(j);
}

// Each body cut at each byte must leave no half-read code behind.
static void test_cut_bodies(void **state)
{
    (void)state;
    struct json *j = vectors_json("errors/error_responses.json");
    for (struct json *it = json_child(json_get(j, "cases")); it; it = json_next(it)) {
        struct arena a = {0};
        struct http_header h[HEADERS_MAX];
        struct http_headers headers = read_headers(it, h);
        struct span body = vectors_hex(&a, it, "body_hex");
        struct span type = http_header_get(headers, "content-type");
        enum aws_body kind = aws_body_kind(type, body);
        for (size_t n = 0; n < body.n; n++) {
            struct aws_error e;
            aws_error_parse(400, headers, arena_span(&a, span_of(body.p, n)), &a, &e);
            bool by_header = http_header_get(headers, "x-amzn-errortype").n ||
                             http_header_get(headers, "x-amzn-query-error").n;
            if (!by_header && (kind == AWS_BODY_JSON || kind == AWS_BODY_CBOR)) {
                assert_int_equal(e.code.n, 0);
                assert_int_equal(e.message.n, 0);
            }
        }
        arena_free(&a);
    }
    json_free(j);
}

static struct aws_error parse(struct arena *a, int status, const char *type, struct span body)
{
    struct http_header h = {SPAN("Content-Type"), span_str(type)};
    struct aws_error e;
    aws_error_parse(status, (struct http_headers){&h, type ? 1 : 0}, body, a, &e);
    return e;
}

static void test_forms(void **state)
{
    (void)state;
    struct arena a = {0};
    struct aws_error e = parse(&a, 400, NULL, SPAN("{\"__type\":\"A\",\"Message\":\"m\"}"));
    assert_span_is(e.code, "A");
    assert_span_is(e.message, "m");
    e = parse(&a, 400, NULL,
              SPAN("\xa1\x66__type\x61"
                   "B"));
    assert_span_is(e.code, "B");
    e = parse(&a, 400, NULL,
              SPAN("<?xml version=\"1.0\"?><R><Code>C</Code><Message>a &lt; b &#x263a; &x;"
                   "</Message><RequestId>7</RequestId></R>"));
    assert_span_is(e.code, "C");
    assert_span_is(e.message, "a < b \xe2\x98\xba &x;");
    assert_span_is(e.request_id, "7");
    e = parse(&a, 400, "text/html", SPAN("{\"__type\":\"A\"}"));
    assert_int_equal(e.code.n, 0);
    e = parse(&a, 400, "application/json",
              SPAN("{\"x\":{\"Output\":{\"__type\":\"A\"}},\"Output\":[{\"__type\":\"A\"}]}"));
    assert_int_equal(e.code.n, 0);
    e = parse(&a, 400, "application/json", SPAN("{\"__type\":\"#\",\"code\":\" \"}"));
    assert_int_equal(e.code.n, 0);
    arena_free(&a);
}

static void test_status(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        int http_status, net_error, want;
    } cases[] = {{"ProvisionedThroughputExceededException", 400, 0, ERR_THROTTLED},
                 {"KMSThrottlingException", 400, 0, ERR_THROTTLED},
                 {"", 429, 0, ERR_THROTTLED},
                 {"AccessDeniedException", 400, 0, ERR_AUTH},
                 {"ExpiredTokenException", 400, 0, ERR_AUTH},
                 {"InvalidSignatureException", 400, 0, ERR_AUTH},
                 {"", 403, 0, ERR_AUTH},
                 {"ResourceNotFoundException", 400, 0, ERR_NOT_FOUND},
                 {"", 404, 0, ERR_NOT_FOUND},
                 {"UnknownOperationException", 404, 0, ERR_INVALID},
                 {"ResourceInUseException", 400, 0, ERR_BUSY},
                 {"InternalFailure", 500, 0, ERR_UNAVAILABLE},
                 {"", 503, 0, ERR_UNAVAILABLE},
                 {"", 501, 0, ERR_UNAVAILABLE},
                 {"ExpiredIteratorException", 400, 0, ERR_INVALID},
                 {"", 0, ERR_TLS_CERT, ERR_TLS_CERT},
                 {"", 200, ERR_PROTO, ERR_PROTO}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct aws_error e = {.http_status = cases[i].http_status,
                              .net_error = cases[i].net_error,
                              .code = span_str(cases[i].code)};
        assert_int_equal(aws_error_status(&e), cases[i].want);
    }
}

static void test_text(void **state)
{
    (void)state;
    struct arena a = {0};
    struct aws_error e = {.http_status = 400,
                          .code = SPAN("ExpiredTokenException"),
                          .message = SPAN("The token is expired")};
    assert_span_is(aws_error_text(&e, &a), "ExpiredTokenException (400): The token is expired");
    e.message = SPAN_NONE;
    assert_span_is(aws_error_text(&e, &a), "ExpiredTokenException (400)");
    e.code = SPAN_NONE;
    e.http_status = 503;
    assert_span_is(aws_error_text(&e, &a), "error (503)");
    e = (struct aws_error){.net_error = ERR_TIMEOUT, .message = SPAN("connect to h:1: timed out")};
    assert_span_is(aws_error_text(&e, &a), "connect to h:1: timed out");
    e.message = SPAN_NONE;
    assert_span_is(aws_error_text(&e, &a), "timed out");
    arena_free(&a);
}

static void test_xml(void **state)
{
    (void)state;
    struct arena a = {0};
    struct span out;
    assert_false(xml_text_find(SPAN("<a>x"), "a", &a, &out));
    assert_false(xml_text_find(SPAN("<a>x<"), "a", &a, &out));
    assert_false(xml_text_find(SPAN("<a><b>x</b></a>"), "a", &a, &out));
    assert_false(xml_text_find(SPAN("</a>x</a>"), "a", &a, &out));
    assert_false(xml_text_find(SPAN("<"), "a", &a, &out));
    assert_false(xml_text_find(SPAN("<ab>x</ab>"), "a", &a, &out));
    assert_true(xml_text_find(SPAN("<ab/><a q='1'>x&amp;&#65;&#xD800;&#;&lt</a>"), "a", &a, &out));
    assert_span_is(out, "x&A&#xD800;&#;&lt");
    assert_true(xml_text_find(SPAN("<a></a>"), "a", &a, &out));
    assert_int_equal(out.n, 0);
    assert_span_is(xml_root_name(SPAN("<?xml?><!-- x --><n:Root a='1'>")), "Root");
    assert_int_equal(xml_root_name(SPAN("text")).n, 0);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_cut_bodies),
        cmocka_unit_test(test_forms),   cmocka_unit_test(test_status),
        cmocka_unit_test(test_text),    cmocka_unit_test(test_xml),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
