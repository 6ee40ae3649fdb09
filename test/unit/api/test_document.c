// SPDX-License-Identifier: Apache-2.0
#include "api/document.h"

#include "base/err.h"
#include "lib/test.h"

typedef int check_fn(struct json *doc, struct err *e);

struct check_case {
    const char *sent;
    const char *want; // the document after, or a part of the error
    int status;
};

static void run(check_fn *check, const struct check_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct err e = {0};
        struct buf b = {0};
        struct json *doc = json_parse(span_str(cases[i].sent), &e);
        assert_non_null(doc);
        int status = check(doc, &e);
        json_write(doc, &b);
        const char *got = status < 0 ? e.msg : buf_cstr(&b);
        bool good = status == cases[i].status && (status < 0 ? strstr(got, cases[i].want) != NULL
                                                             : strcmp(got, cases[i].want) == 0);
        if (!good)
            fail_msg("%s -> %d %s", cases[i].sent, status, got);
        json_free(doc);
        buf_free(&b);
    }
}

#define FILLED                                                                                     \
    "\"integrationType\":null,\"debugMode\":false,\"debugSettings\":null,"                         \
    "\"additionalInfo\":null,\"edgeTemplate\":false,\"converterVersion\":1"
#define UP "\"name\":\"c\",\"type\":\"UPLINK\""

static void test_converter(void **state)
{
    (void)state;
    static const struct check_case cases[] = {
        {"{" UP ",\"configuration\":{\"decoder\":\"return 1\"}}",
         "{" UP ",\"configuration\":{\"decoder\":\"return 1\",\"scriptLang\":\"JS\","
         "\"tbelDecoder\":null,\"encoder\":null,\"tbelEncoder\":null,\"updateOnlyKeys\":[]}," FILLED
         "}",
         0},
        // What we do not know stays.
        {"{" UP ",\"configuration\":{\"scriptLang\":\"TBEL\",\"tbelDecoder\":\"x\",\"own\":[1]},"
         "\"converterVersion\":2,\"more\":{\"a\":1}}",
         "{" UP ",\"configuration\":{\"scriptLang\":\"TBEL\",\"tbelDecoder\":\"x\",\"own\":[1],"
         "\"decoder\":null,\"encoder\":null,\"tbelEncoder\":null,\"updateOnlyKeys\":[]},"
         "\"converterVersion\":2,\"more\":{\"a\":1},\"integrationType\":null,\"debugMode\":false,"
         "\"debugSettings\":null,\"additionalInfo\":null,\"edgeTemplate\":false}",
         0},
        {"[]", "must be a JSON object", ERR_INVALID},
        {"{\"name\":1}", "name: must be a string", ERR_INVALID},
        {"{\"name\":\"c\"}", "type: must be UPLINK", ERR_INVALID},
        {"{\"name\":\"c\",\"type\":\"uplink\"}", "type: must be UPLINK", ERR_INVALID},
        {"{" UP "}", "configuration: missing", ERR_INVALID},
        {"{" UP ",\"configuration\":[]}", "configuration: must be an object", ERR_INVALID},
        {"{" UP ",\"configuration\":{}}", "configuration.decoder", ERR_INVALID},
        {"{" UP ",\"configuration\":{\"encoder\":\"x\"}}", "configuration.decoder", ERR_INVALID},
        {"{" UP ",\"configuration\":{\"decoder\":5}}", "configuration.decoder: must be a string",
         ERR_INVALID},
        {"{" UP ",\"configuration\":{\"decoder\":\"x\",\"scriptLang\":\"LUA\"}}", "JS or TBEL",
         ERR_INVALID},
        {"{" UP ",\"configuration\":{\"decoder\":\"x\",\"updateOnlyKeys\":[1]}}", "hold strings",
         ERR_INVALID},
        {"{" UP ",\"configuration\":{\"decoder\":\"x\"},\"debugMode\":\"no\"}",
         "debugMode: must be true or false", ERR_INVALID},
        {"{\"name\":\"c\",\"type\":\"DOWNLINK\",\"configuration\":{\"decoder\":\"x\"}}",
         "configuration.encoder", ERR_INVALID},
    };
    run(converter_check, cases, sizeof cases / sizeof *cases);
}

static void test_script_limit(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct err e = {0};
        struct buf script = {0};
        size_t n = 1024 * 1024 + over;
        memset(buf_reserve(&script, n), ' ', n);
        buf_commit(&script, n);
        struct json *doc = json_parse(SPAN("{" UP ",\"configuration\":{}}"), NULL);
        json_set_str(json_get(doc, "configuration"), "decoder", buf_span(&script));
        assert_int_equal(converter_check(doc, &e), over ? ERR_INVALID : 0);
        json_free(doc);
        buf_free(&script);
    }
}

static void test_rule_chain(void **state)
{
    (void)state;
    static const struct check_case cases[] = {
        {"{\"name\":\"r\",\"root\":true,\"firstRuleNodeId\":null}",
         "{\"name\":\"r\",\"type\":\"CORE\",\"debugMode\":false,\"configuration\":null,"
         "\"additionalInfo\":null}",
         0},
        {"{\"name\":\"r\",\"type\":\"EDGE\",\"mine\":1}",
         "{\"name\":\"r\",\"type\":\"EDGE\",\"mine\":1,\"debugMode\":false,\"configuration\":null,"
         "\"additionalInfo\":null}",
         0},
        {"{\"name\":\"r\",\"type\":\"x\"}", "CORE or EDGE", ERR_INVALID},
        {"{\"name\":\"r\",\"root\":\"yes\"}", "root: must be true or false", ERR_INVALID},
        {"5", "must be a JSON object", ERR_INVALID},
    };
    run(rule_chain_check, cases, sizeof cases / sizeof *cases);
}

static void test_integration(void **state)
{
    (void)state;
    static const struct check_case cases[] = {
        {"{\"name\":\"i\",\"enabled\":false,\"x\":null}",
         "{\"name\":\"i\",\"enabled\":false,\"x\":null,\"debugMode\":false,\"debugSettings\":null,"
         "\"remote\":false,\"allowCreateDevicesOrAssets\":true,\"edgeTemplate\":false,"
         "\"downlinkConverterId\":null,\"additionalInfo\":null}",
         0},
        {"{\"configuration\":1}", "configuration: must be an object", ERR_INVALID},
        {"{\"enabled\":1}", "enabled: must be true or false", ERR_INVALID},
        {"{\"routingKey\":[]}", "routingKey: must be a string", ERR_INVALID},
        {"{\"version\":\"1\"}", "version: must be a number", ERR_INVALID},
        {"null", "must be a JSON object", ERR_INVALID},
    };
    run(integration_check, cases, sizeof cases / sizeof *cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_converter),
        cmocka_unit_test(test_script_limit),
        cmocka_unit_test(test_rule_chain),
        cmocka_unit_test(test_integration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
