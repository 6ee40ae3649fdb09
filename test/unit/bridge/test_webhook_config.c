// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"

#include "bridge/webhook_config.h"

static struct arena arena;

static int read_doc(const char *configuration, struct webhook_config *c, struct err *e)
{
    struct buf b = {0};
    buf_printf(&b, "{\"routingKey\":\"key\",\"configuration\":%s}", configuration);
    struct json *j = json_parse(buf_span(&b), e);
    assert_non_null(j);
    int status = webhook_config_read(j, &arena, c, e);
    json_free(j);
    buf_free(&b);
    return status;
}

static void refuse(const char *configuration, const char *reason)
{
    struct webhook_config c;
    struct err e = {0};
    assert_int_equal(read_doc(configuration, &c, &e), ERR_INVALID);
    if (!strstr(e.msg, reason))
        fail_msg("%s: said \"%s\", not \"%s\"", configuration, e.msg, reason);
}

static int authorize(const struct webhook_config *c, const char *name, const char *value,
                     const char *body)
{
    struct err e = {0};
    struct http_header h[] = {{SPAN("Host"), SPAN("h")}, {span_str(name), span_str(value)}};
    return webhook_authorize(c, NULL, uuid_null, (struct http_headers){h, 2}, span_str(body), &e);
}

static void configuration_is_checked(void **state)
{
    struct webhook_config c;
    struct err e = {0};
    (void)state;
    assert_int_equal(read_doc("{}", &c, &e), 0);
    assert_span_is(c.routing_key, "key");
    assert_span_is(c.signature_header, WEBHOOK_SIGNATURE_HEADER);
    assert_false(c.ok_status);
    assert_int_equal(authorize(&c, "X", "y", "body"), 0);
    // Switched off, the filter may stay there; older templates nest the keys.
    assert_int_equal(read_doc("{\"enableSecurity\":false,\"headersFilter\":{\"a\":\"b\"}}", &c, &e),
                     0);
    assert_int_equal(c.filters.n, 0);
    assert_int_equal(read_doc("{\"clientConfiguration\":{\"replaceNoContentToOk\":true}}", &c, &e),
                     0);
    assert_true(c.ok_status);
    refuse("{\"enableSecurity\":1}", "enableSecurity: must be true or false");
    refuse("{\"enableSecurity\":true}", "headersFilter: missing");
    refuse("{\"enableSecurity\":true,\"headersFilter\":[]}", "headersFilter: must be an object");
    refuse("{\"enableSecurity\":true,\"headersFilter\":{}}", "headersFilter: needs 1 to");
    refuse("{\"enableSecurity\":true,\"headersFilter\":{\"a\":\"\"}}", "headersFilter.a: must");
    refuse("{\"signatureSecret\":5}", "signatureSecret: must be a string");
    arena_free(&arena);
}

static void headers_must_have_their_values(void **state)
{
    struct webhook_config c;
    struct err e = {0};
    (void)state;
    assert_int_equal(
        read_doc("{\"enableSecurity\":true,\"headersFilter\":{\"X-Key\":\"v1\"}}", &c, &e), 0);
    assert_int_equal(authorize(&c, "X-Key", "v1", ""), 0);
    assert_int_equal(authorize(&c, "x-key", "v1", ""), 0);
    assert_int_equal(authorize(&c, "X-Key", "v2", ""), ERR_AUTH);
    assert_int_equal(authorize(&c, "X-Key", "v1x", ""), ERR_AUTH);
    assert_int_equal(authorize(&c, "X-Other", "v1", ""), ERR_AUTH);
    assert_int_equal(
        read_doc("{\"enableSecurity\":true,\"headersFilter\":{\"X-Key\":\"v1\",\"Y\":\"2\"}}", &c,
                 &e),
        0);
    assert_int_equal(authorize(&c, "X-Key", "v1", ""), ERR_AUTH);
    arena_free(&arena);
}

// RFC 4231 section 4.3.
#define RFC_BODY "what do ya want for nothing?"
#define RFC_MAC "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

static void signatures_are_checked(void **state)
{
    struct webhook_config c;
    struct err e = {0};
    (void)state;
    assert_int_equal(read_doc("{\"signatureSecret\":\"Jefe\"}", &c, &e), 0);
    assert_int_equal(authorize(&c, "x-hub-signature-256", "sha256=" RFC_MAC, RFC_BODY), 0);
    assert_int_equal(authorize(&c, "X-Hub-Signature-256", RFC_MAC, RFC_BODY), 0);
    assert_int_equal(authorize(&c, "X-Hub-Signature-256", RFC_MAC, "what"), ERR_AUTH);
    assert_int_equal(authorize(&c, "X-Hub-Signature-256", RFC_MAC "00", RFC_BODY), ERR_AUTH);
    assert_int_equal(authorize(&c, "X-Hub-Signature-256", "sha256=", RFC_BODY), ERR_AUTH);
    assert_int_equal(authorize(&c, "X-Other", RFC_MAC, RFC_BODY), ERR_AUTH);
    assert_int_equal(
        read_doc("{\"signatureSecret\":\"Jefe\",\"signatureHeader\":\"X-Mac\"}", &c, &e), 0);
    assert_int_equal(authorize(&c, "X-Mac", RFC_MAC, RFC_BODY), 0);
    arena_free(&arena);
}

static void converters_see_no_proofs(void **state)
{
    struct webhook_config c;
    struct err e = {0};
    (void)state;
    assert_int_equal(read_doc("{\"enableSecurity\":true,\"headersFilter\":{\"X-Key\":\"v1\"},"
                              "\"signatureSecret\":\"s\"}",
                              &c, &e),
                     0);
    struct http_header h[] = {
        {SPAN("Authorization"), SPAN("a")}, {SPAN("x-key"), SPAN("v1")},
        {SPAN("Content-Type"), SPAN("t")},  {SPAN("X-Hub-Signature-256"), SPAN("0")},
        {SPAN("cookie"), SPAN("c")},        {SPAN("X-ApiKey"), SPAN("k")},
    };
    struct convert_pairs p = webhook_header_pairs(&c, (struct http_headers){h, 6}, &arena);
    assert_int_equal(p.n, 1);
    assert_span_is(p.p[0].key, "Header:content-type");
    assert_span_is(p.p[0].value, "t");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configuration_is_checked),
        cmocka_unit_test(headers_must_have_their_values),
        cmocka_unit_test(signatures_are_checked),
        cmocka_unit_test(converters_see_no_proofs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
