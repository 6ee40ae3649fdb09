// SPDX-License-Identifier: Apache-2.0
#include "api/mask.h"

#include "bridge/config.h"
#include "lib/test.h"

#define NESTED(secret, token)                                                                      \
    "{\"name\":\"k\",\"configuration\":{\"clientConfiguration\":{\"accessKeyId\":\"AK\","          \
    "\"secretAccessKey\":" secret ",\"sessionToken\":" token "},\"metadata\":{}}}"
#define FLAT(secret) "{\"configuration\":{\"accessKeyId\":\"AK\",\"secretAccessKey\":" secret "}}"
#define MASK "\"" CONFIG_SECRET_MASK "\""

static struct json *parse(const char *text)
{
    struct json *doc = json_parse(span_str(text), NULL);
    assert_non_null(doc);
    return doc;
}

static void assert_text(const struct json *doc, const char *want)
{
    struct buf b = {0};
    json_write(doc, &b);
    assert_span_equal(buf_span(&b), span_str(want));
    buf_free(&b);
}

static void test_masked(void **state)
{
    (void)state;
    static const struct {
        const char *stored, *shown;
    } cases[] = {
        {NESTED("\"s3cr3t\"", "\"t0k3n\""), NESTED(MASK, MASK)},
        {NESTED("\"s3cr3t\"", "\"\""), NESTED(MASK, "\"\"")},
        {NESTED("\"\"", "null"), NESTED("\"\"", "null")},
        {FLAT("\"s3cr3t\""), FLAT(MASK)},
        {"{\"configuration\":null}", "{\"configuration\":null}"},
        {"{\"secret\":\"id\",\"configuration\":{\"a\":[{\"Password\":\"p\"}],\"headersFilter\":{"
         "\"x\":\"y\"},\"other\":\"sealed:v1:00000000:AA\"}}",
         "{\"secret\":\"id\",\"configuration\":{\"a\":[{\"Password\":" MASK "}],\"headersFilter\":{"
         "\"x\":" MASK "},\"other\":" MASK "}}"},
        {"{}", "{}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json *doc = parse(cases[i].stored);
        mask_secrets(doc);
        assert_text(doc, cases[i].shown);
        json_free(doc);
    }
}

static void test_unmasked(void **state)
{
    (void)state;
    static const struct {
        const char *sent, *stored, *want; // want NULL: refused
    } cases[] = {
        {NESTED(MASK, MASK), NESTED("\"s\"", "\"t\""), NESTED("\"s\"", "\"t\"")},
        {NESTED("\"new\"", MASK), NESTED("\"s\"", "\"t\""), NESTED("\"new\"", "\"t\"")},
        {NESTED("\"\"", "null"), NESTED("\"s\"", "\"t\""), NESTED("\"\"", "null")},
        {FLAT(MASK), NESTED("\"s\"", "\"t\""), FLAT("\"s\"")},
        {NESTED(MASK, "null"), FLAT("\"s\""), NESTED("\"s\"", "null")},
        {NESTED(MASK, MASK), NESTED("\"s\"", "\"\""), NULL},
        {NESTED(MASK, "null"), NULL, NULL},
        {NESTED("\"x\"", "\"y\""), NULL, NESTED("\"x\"", "\"y\"")},
        {"{}", NULL, "{}"},
        // Each goes back to its own place.
        {"{\"configuration\":{\"l\":[{\"password\":" MASK "},{\"password\":" MASK "}],\"b\":{"
         "\"password\":" MASK "}}}",
         "{\"configuration\":{\"l\":[{\"password\":\"1\"},{\"password\":\"2\"}],\"b\":{"
         "\"password\":\"3\"}}}",
         "{\"configuration\":{\"l\":[{\"password\":\"1\"},{\"password\":\"2\"}],\"b\":{"
         "\"password\":\"3\"}}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        struct json *sent = parse(cases[i].sent);
        struct json *stored = cases[i].stored ? parse(cases[i].stored) : NULL;
        int status = unmask_secrets(sent, stored, &e);
        assert_int_equal(status, cases[i].want ? 0 : ERR_INVALID);
        if (cases[i].want)
            assert_text(sent, cases[i].want);
        json_free(sent);
        json_free(stored);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masked),
        cmocka_unit_test(test_unmasked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
