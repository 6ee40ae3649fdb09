// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "app/config.h"

static const char *fake_env(void *ctx, const char *name)
{
    (void)ctx;
    if (strcmp(name, "SECRET") == 0)
        return "s3cret";
    if (strcmp(name, "EMPTY") == 0)
        return "";
    return NULL;
}

static const char *aws_env(void *ctx, const char *name)
{
    (void)ctx;
    if (strcmp(name, "AWS_ENDPOINT_URL") == 0)
        return "http://general";
    if (strcmp(name, "AWS_ENDPOINT_URL_KINESIS") == 0)
        return "http://kinesis";
    if (strcmp(name, "AWS_DEFAULT_REGION") == 0)
        return "eu-west-1";
    if (strcmp(name, "HTTPS_PROXY") == 0)
        return "http://upper";
    if (strcmp(name, "https_proxy") == 0)
        return "http://lower";
    if (strcmp(name, "NO_PROXY") == 0)
        return "a.test";
    return NULL;
}

static struct config *parse(const char *text, struct err *e)
{
    struct config *c = NULL;
    config_parse(span_str(text), SPAN("."), fake_env, NULL, &c, e);
    return c;
}

static void refuse(const char *text, const char *reason)
{
    struct err e = {0};
    struct config *c = parse(text, &e);
    if (c)
        fail_msg("%s: accepted", text);
    assert_int_equal(e.code, ERR_CONFIG);
    if (!strstr(e.msg, reason))
        fail_msg("%s: said \"%s\", not \"%s\"", text, e.msg, reason);
}

static void every_key_has_a_default(void **state)
{
    struct err e = {0};
    struct config *c = parse("{}", &e);
    (void)state;
    assert_non_null(c);
    assert_span_is(c->data, "/var/lib/penstock");
    assert_span_is(c->http_host, "127.0.0.1");
    assert_int_equal(c->http_port, 8080);
    assert_int_equal(c->inflight, 32 * 1024 * 1024);
    assert_false(c->synchronous_normal);
    assert_true(c->cast_strings);
    assert_int_equal(c->log_level, LOG_INFO);
    config_free(c);
}

static void the_environment_fills_strings(void **state)
{
    struct err e = {0};
    struct config *c = parse("{\"users\":[{\"email\":\"a\",\"password\":\"x${SECRET}y\"}]}", &e);
    (void)state;
    assert_non_null(c);
    assert_span_is(c->users[0].password, "xs3crety");
    assert_span_is(c->users[0].authority, "TENANT_ADMIN");
    config_free(c);
    refuse("{\"data\":\"${NOT_SET}\"}", "NOT_SET");
    refuse("{\"data\":\"${SECRET\"}", "data");
    refuse("{\"data\":\"${EMPTY}\"}", "data: is empty");
    refuse("{\"users\":[{\"email\":\"a\",\"password\":\"${EMPTY}\"}]}", "users[0].password");
}

static void integrations_are_expanded_throughout(void **state)
{
    struct err e = {0};
    struct config *c = parse("{\"integrations\":[{\"name\":\"k\",\"uplinkConverter\":\"u\","
                             "\"configuration\":{\"clientConfiguration\":{\"secretAccessKey\":"
                             "\"${SECRET}\"}}}]}",
                             &e);
    (void)state;
    assert_non_null(c);
    const struct json *client =
        json_get(json_get(c->integrations[0].doc, "configuration"), "clientConfiguration");
    assert_span_is(json_get_str(client, "secretAccessKey", SPAN_NONE), "s3cret");
    assert_span_is(json_get_str(c->integrations[0].doc, "type", SPAN_NONE), "AWS_KINESIS");
    assert_null(json_get(c->integrations[0].doc, "uplinkConverter"));
    config_free(c);
}

static void aws_variables_go_before_the_file(void **state)
{
    struct err e = {0};
    struct config *c = NULL;
    (void)state;
    config_parse(SPAN("{\"aws\":{\"region\":\"x\",\"endpoint\":\"http://file\",\"caBundle\":\"f\","
                      "\"proxy\":\"http://file\",\"noProxy\":\"b.test\"}}"),
                 SPAN("."), aws_env, NULL, &c, &e);
    assert_non_null(c);
    assert_span_is(c->aws_endpoint, "http://kinesis");
    assert_span_is(c->aws_region, "eu-west-1");
    assert_span_is(c->aws_ca_file, "f");
    assert_span_is(c->aws_proxies.https, "http://lower");
    assert_span_is(c->aws_proxies.http, "http://file");
    assert_span_is(c->aws_proxies.no_proxy, "a.test");
    config_free(c);
}

static char profile_file[64];

static const char *profile_env(void *ctx, const char *name)
{
    (void)ctx;
    if (strcmp(name, "AWS_CONFIG_FILE") == 0)
        return profile_file;
    if (strcmp(name, "AWS_PROFILE") == 0)
        return "edge";
    return NULL;
}

static void write_profile(const char *text)
{
    strcpy(profile_file, "/tmp/penstock-config-XXXXXX");
    int fd = mkstemp(profile_file);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void the_aws_profile_goes_after_the_file(void **state)
{
    struct err e = {0};
    struct config *c = NULL;
    (void)state;
    write_profile("[profile edge]\nregion = eu-north-1\nendpoint_url = http://profile\n"
                  "use_fips_endpoint = true\nmax_attempts = 7\n");
    config_parse(SPAN("{\"aws\":{\"region\":\"x\",\"dualStack\":true}}"), SPAN("."), profile_env,
                 NULL, &c, &e);
    if (!c)
        fail_msg("%s", e.msg);
    assert_span_is(c->aws_region, "x");
    assert_span_is(c->aws_endpoint, "http://profile");
    assert_true(c->aws_fips);
    assert_true(c->aws_dual_stack);
    assert_int_equal(c->aws_max_attempts, 7);
    config_free(c);
    unlink(profile_file);
    write_profile("[profile edge]\nuse_fips_endpoint = 7\n");
    c = NULL;
    assert_int_equal(config_parse(SPAN("{}"), SPAN("."), profile_env, NULL, &c, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "use_fips_endpoint"));
    unlink(profile_file);
}

static void names_the_key_that_is_wrong(void **state)
{
    (void)state;
    refuse("[]", "object");
    refuse("{", "line 1");
    refuse("{\"nonsense\":1}", "nonsense: unknown key");
    refuse("{\"http\":{\"nonsense\":1}}", "http.nonsense: unknown key");
    refuse("{\"http\":5}", "http: must be an object");
    refuse("{\"http\":{\"listen\":5}}", "http.listen: must be a string");
    refuse("{\"http\":{\"listen\":\"nohost\"}}", "http.listen");
    refuse("{\"http\":{\"tlsCert\":\"a\"}}", "http.tlsCert");
    refuse("{\"limits\":{\"inflight\":1}}", "limits.inflight");
    refuse("{\"limits\":{\"inflight\":1.5e7}}x", "");
    refuse("{\"limits\":{\"pollMs\":60001}}", "limits.pollMs");
    refuse("{\"converter\":{\"castStrings\":1}}", "converter.castStrings");
    refuse("{\"storage\":{\"synchronous\":\"off\"}}", "storage.synchronous");
    refuse("{\"log\":{\"level\":\"loud\"}}", "log.level");
    refuse("{\"users\":{}}", "users: must be an array");
    refuse("{\"users\":[{\"email\":\"a\"}]}", "users[0].password: missing");
    refuse("{\"users\":[{\"email\":\"a\",\"password\":\"b\",\"x\":1}]}", "users[0].x: unknown key");
    refuse("{\"users\":[{\"email\":\"a\",\"password\":\"b\",\"authority\":\"GOD\"}]}",
           "users[0].authority");
    refuse("{\"converters\":[{\"name\":\"a\",\"type\":\"SIDEWAYS\",\"file\":\"x\"}]}",
           "converters[0].type");
    refuse("{\"converters\":[{\"name\":\"a\",\"type\":\"UPLINK\",\"file\":\"no/such/file.js\"}]}",
           "converters[0].file: ./no/such/file.js");
    refuse("{\"integrations\":[{\"name\":\"a\"}]}", "integrations[0].uplinkConverter: missing");
}

#define UP "{\"name\":\"u\",\"type\":\"UPLINK\",\"file\":\"converters/csv_uplink.js\"}"
#define DOWN "{\"name\":\"d\",\"type\":\"DOWNLINK\",\"file\":\"converters/csv_uplink.js\"}"
#define INTEGRATION(members) "{\"integrations\":[{\"uplinkConverter\":\"u\"," members "}]}"

static void refuses_what_is_there_twice(void **state)
{
    (void)state;
    refuse("{\"data\":\"a\",\"log\":{},\"data\":\"b\"}", "data: is there twice");
    refuse("{\"limits\":{\"pollMs\":5,\"pollMs\":6}}", "pollMs: is there twice");
    refuse(
        "{\"users\":[{\"email\":\"a\",\"password\":\"b\"},{\"email\":\"a\",\"password\":\"c\"}]}",
        "users[1].email: \"a\" is there twice");
    refuse("{\"converters\":[" UP "," DOWN "," UP "]}", "converters[2].name: \"u\" is there twice");
    refuse("{\"integrations\":[{\"name\":\"i\",\"uplinkConverter\":\"u\"},"
           "{\"name\":\"i\",\"uplinkConverter\":\"u\"}]}",
           "integrations[1].name: \"i\" is there twice");
    refuse("{\"integrations\":[{\"name\":\"i\",\"routingKey\":\"k\",\"uplinkConverter\":\"u\"},"
           "{\"name\":\"j\",\"routingKey\":\"k\",\"uplinkConverter\":\"u\"}]}",
           "integrations[1].routingKey: \"k\" is there twice");
}

static void checks_the_members_of_integrations(void **state)
{
    (void)state;
    refuse(INTEGRATION("\"name\":\"i\",\"enabled\":\"false\""),
           "integrations[0].enabled: must be true or false");
    refuse(INTEGRATION("\"name\":\"i\",\"allowCreateDevicesOrAssets\":0"),
           "integrations[0].allowCreateDevicesOrAssets: must be true or false");
    refuse(INTEGRATION("\"name\":\"i\",\"type\":7"), "integrations[0].type: must be a string");
    refuse(INTEGRATION("\"name\":\"i\",\"routingKey\":7"),
           "integrations[0].routingKey: must be a string");
    refuse(INTEGRATION("\"name\":\"i\",\"configuration\":{\"metaData\":{}}"),
           "integrations[0].configuration.metaData: unknown key");
    refuse(INTEGRATION(
               "\"name\":\"i\",\"configuration\":{\"clientConfiguration\":{\"streamname\":\"s\"}}"),
           "integrations[0].configuration.clientConfiguration.streamname: unknown key");
    refuse("{\"converters\":[" UP "," DOWN "],\"integrations\":[{\"name\":\"i\","
           "\"uplinkConverter\":\"d\"}]}",
           "integrations[0].uplinkConverter: converter \"d\" is not of type UPLINK");
    refuse("{\"converters\":[" UP "," DOWN "],\"integrations\":[{\"name\":\"i\","
           "\"uplinkConverter\":\"u\",\"downlinkConverter\":\"u\"}]}",
           "integrations[0].downlinkConverter: converter \"u\" is not of type DOWNLINK");
    refuse(INTEGRATION("\"name\":\"i\",\"type\":\"HTTP\",\"downlinkConverter\":\"d\""),
           "integrations[0].downlinkConverter: an HTTP integration has no stream");
}

static void expect_restart(const char *text, bool needed)
{
    struct err e = {0};
    struct config *a = parse("{}", &e), *b = parse(text, &e);
    if (!b)
        fail_msg("%s: %s", text, e.msg);
    if (config_needs_restart(a, b) != needed)
        fail_msg("%s: %s", text, needed ? "needs a restart" : "needs none");
    config_free(a);
    config_free(b);
}

static void knows_what_needs_a_restart(void **state)
{
    (void)state;
    expect_restart("{}", false);
    expect_restart("{\"log\":{\"level\":\"debug\"}}", false);
    expect_restart("{\"users\":[{\"email\":\"a\",\"password\":\"b\"}]}", false);
    expect_restart("{\"limits\":{\"pollMs\":251}}", true);
    expect_restart("{\"limits\":{\"shutdownMs\":251}}", true);
    expect_restart("{\"http\":{\"listen\":\"127.0.0.1:8081\"}}", true);
    expect_restart("{\"http\":{\"maxBody\":4096}}", true);
    expect_restart("{\"converter\":{\"castStrings\":false}}", true);
    expect_restart("{\"storage\":{\"synchronous\":\"normal\"}}", true);
    expect_restart("{\"aws\":{\"proxy\":\"http://p\"}}", true);
    expect_restart("{\"aws\":{\"dualStack\":true}}", true);
}

static void the_example_is_valid(void **state)
{
    struct err e = {0};
    struct config *c = NULL;
    (void)state;
    setenv("PENSTOCK_PASSWORD", "x", 1);
    if (config_load("conf/penstock.json", NULL, NULL, &c, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(c->n_converters, 2);
    assert_int_equal(c->n_integrations, 1);
    config_free(c);
    assert_int_equal(config_load("conf/none.json", NULL, NULL, &c, &e), ERR_IO);
    assert_non_null(strstr(e.msg, "conf/none.json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_has_a_default),
        cmocka_unit_test(the_environment_fills_strings),
        cmocka_unit_test(integrations_are_expanded_throughout),
        cmocka_unit_test(aws_variables_go_before_the_file),
        cmocka_unit_test(the_aws_profile_goes_after_the_file),
        cmocka_unit_test(names_the_key_that_is_wrong),
        cmocka_unit_test(refuses_what_is_there_twice),
        cmocka_unit_test(checks_the_members_of_integrations),
        cmocka_unit_test(knows_what_needs_a_restart),
        cmocka_unit_test(the_example_is_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
