// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"

#include "bridge/config.h"

#define DOC(client)                                                                                \
    "{\"name\":\"k\",\"type\":\"AWS_KINESIS\",\"configuration\":{\"clientConfiguration\":{" client \
    "},\"metadata\":{\"site\":\"a\"}}}"

static int read_doc(const char *text, struct integration_config *c, struct err *e)
{
    struct json *j = json_parse(span_str(text), e);
    assert_non_null(j);
    int status = integration_config_read(j, c, e);
    json_free(j);
    return status;
}

static void refuse(const char *text, const char *reason)
{
    struct integration_config c;
    struct err e = {0};
    assert_int_equal(read_doc(text, &c, &e), ERR_INVALID);
    if (!strstr(e.msg, reason))
        fail_msg("%s: said \"%s\", not \"%s\"", text, e.msg, reason);
}

static void reads_all_keys(void **state)
{
    struct integration_config c;
    struct err e = {0};
    (void)state;
    assert_int_equal(
        read_doc(
            DOC("\"streamName\":\"s\",\"region\":\"eu-west-1\",\"accessKeyId\":\"A\","
                "\"secretAccessKey\":\"B\",\"sessionToken\":\"T\",\"endpoint\":\"http://h\","
                "\"useCredentialsFromInstanceMetadata\":true,\"applicationName\":\"\","
                "\"initialPositionInStream\":\"AT_TIMESTAMP\",\"initialTimestamp\":1700000000000,"
                "\"useConsumersWithEnhancedFanOut\":true,\"maxRecords\":500,"
                "\"requestTimeout\":7,\"unknown\":1"),
            &c, &e),
        0);
    assert_span_is(c.stream_name, "s");
    assert_span_is(c.endpoint, "http://h");
    assert_span_is(c.session_token, "T");
    assert_true(c.instance_metadata && c.fan_out);
    assert_int_equal(c.start, KINESIS_AT_TIMESTAMP);
    assert_int_equal(c.start_timestamp_ms, 1700000000000);
    assert_int_equal(c.max_records, 500);
    assert_int_equal(c.request_ms, 7000);
    assert_int_equal(c.n_pairs, 2);
    assert_span_is(c.pairs[0].key, "integrationName");
    assert_span_is(c.pairs[0].value, "k");
    assert_span_is(c.pairs[1].value, "a");
    integration_config_free(&c);
}

static void has_the_hubs_defaults(void **state)
{
    struct integration_config c;
    struct err e = {0};
    (void)state;
    assert_int_equal(read_doc(DOC("\"streamName\":\"s\""), &c, &e), 0);
    assert_int_equal(c.max_records, 10000);
    assert_int_equal(c.request_ms, 30000);
    assert_int_equal(c.start, KINESIS_LATEST);
    integration_config_free(&c);
    // Older templates: the keys stand right under configuration.
    assert_int_equal(read_doc("{\"name\":\"k\",\"type\":\"AWS_KINESIS\",\"configuration\":"
                              "{\"streamName\":\"s\"}}",
                              &c, &e),
                     0);
    assert_span_is(c.stream_name, "s");
    integration_config_free(&c);
}

static void names_the_wrong_key(void **state)
{
    (void)state;
    refuse("{\"name\":\"k\",\"type\":\"MQTT\"}", "type");
    refuse("{\"name\":\"k\",\"type\":\"AWS_KINESIS\"}", "clientConfiguration");
    refuse(DOC(""), "streamName");
    refuse(DOC("\"streamName\":5"), "streamName: must be a string");
    refuse(DOC("\"streamName\":\"s\",\"accessKeyId\":\"A\""), "go together");
    refuse(DOC("\"streamName\":\"s\",\"maxRecords\":0"), "maxRecords");
    refuse(DOC("\"streamName\":\"s\",\"maxRecords\":10001"), "maxRecords");
    refuse(DOC("\"streamName\":\"s\",\"requestTimeout\":1.5"), "requestTimeout");
    refuse(DOC("\"streamName\":\"s\",\"useConsumersWithEnhancedFanOut\":\"no\""), "FanOut");
    refuse(DOC("\"streamName\":\"s\",\"initialPositionInStream\":\"SOON\""), "SOON");
    refuse(DOC("\"streamName\":\"s\",\"initialPositionInStream\":\"AT_TIMESTAMP\""),
           "initialTimestamp");
    refuse("{\"name\":\"k\",\"type\":\"AWS_KINESIS\",\"configuration\":{\"clientConfiguration\":{"
           "\"streamName\":\"s\"},\"metadata\":{\"a\":1}}}",
           "metadata.a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all_keys),
        cmocka_unit_test(has_the_hubs_defaults),
        cmocka_unit_test(names_the_wrong_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
