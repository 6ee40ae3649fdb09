// SPDX-License-Identifier: Apache-2.0
#include "script_run.h"

static const struct convert_pair meta_pairs[] = {{SPAN("integrationName"), SPAN("kinesis")},
                                                 {SPAN("region"), SPAN("eu-west-1")}};
static const struct convert_pair msg_pairs[] = {{SPAN("scope"), SPAN("SHARED_SCOPE")},
                                                {SPAN("userName"), SPAN("\xc3\xa9")}};

static void check_msg(const char *script, const char *msg, const char *want)
{
    struct script_run s;
    struct downlink_input in = {.msg_json = span_str(msg),
                                .metadata = {msg_pairs, 2},
                                .msg_type = SPAN("ATTRIBUTES_UPDATED")};
    script_run_init(&s, CONVERT_DOWNLINK, script, NULL);
    for (int i = 0; i < 2; i++)
        assert_string_equal(script_run_downlink(&s, &in, (struct convert_pairs){meta_pairs, 2}),
                            want);
    script_run_free(&s);
}

static void check(const char *script, const char *want)
{
    check_msg(script, "{\"version\":\"v.0.11\",\"n\":1}", want);
}

static void test_tutorial(void **state)
{
    (void)state;
    check("var data = {devName: 'kitchen_thermostat', version: msg.version}; return {contentType: "
          "'JSON', data: JSON.stringify(data), metadata: {streamName: 'tb-test-downlink', "
          "partitionKey: '123',}};",
          "JSON {\"devName\":\"kitchen_thermostat\",\"version\":\"v.0.11\"} "
          "[streamName=tb-test-downlink,partitionKey=123] -> tb-test-downlink||123|");
}

static void test_arguments(void **state)
{
    (void)state;
    check("return {data: [msg, metadata, msgType, integrationMetadata, arguments.length]}",
          "JSON [{\"version\":\"v.0.11\",\"n\":1},{\"scope\":\"SHARED_SCOPE\",\"userName\":"
          "\"\xc3\xa9\"},\"ATTRIBUTES_UPDATED\",{\"integrationName\":\"kinesis\",\"region\":"
          "\"eu-west-1\"},4] [] -> |||");
    // Fresh and mutable for each run.
    check("var seen = [msg.x, metadata.x, integrationMetadata.x].join(); msg.x = metadata.x = "
          "integrationMetadata.x = 1; return {contentType: 'TEXT', data: 'seen ' + seen}",
          "TEXT seen ,, [] -> |||");
}

static void test_shapes(void **state)
{
    (void)state;
    check("return null", "nothing");
    check("return []", "nothing");
    check("", "nothing");
    check("return {data: ''}", "JSON  [] -> |||");
    check("return {contentType: 'json', data: '{ \"a\" : 1 }'}", "JSON { \"a\" : 1 } [] -> |||");
    check("return {contentType: 'Text', data: 'a\\u20ac\\ud83d\\udca1\\ud83d'}",
          "TEXT a\xe2\x82\xac\xf0\x9f\x92\xa1\xef\xbf\xbd [] -> |||");
    check("return {contentType: 'BINARY', data: 'aGVsbG8='}", "BINARY hello [] -> |||");
}

static void test_binary(void **state)
{
    (void)state;
    struct script_run s;
    struct downlink_input in = {.msg_json = SPAN("{}")};
    script_run_init(&s, CONVERT_DOWNLINK, "return {contentType: 'binary', data: 'aAEC/w=='}", NULL);
    struct downlink_result out;
    struct convert_job job = {.script = s.script, .n = 1, .downlink = &in, .downlink_out = &out};
    uint32_t next = 0;
    assert_true(runner_run(s.runner, s.script, &job, &next, NULL, &s.stats));
    assert_int_equal(out.status, 0);
    assert_int_equal(out.msgs[0].content, DOWNLINK_BINARY);
    assert_span_is(out.msgs[0].data, "h\x01\x02\xff");
    arena_free(&job.arena);
    script_run_free(&s);
}

static void test_data_kinds(void **state)
{
    (void)state;
    check("return {data: {a: [1, 'x', null]}}", "JSON {\"a\":[1,\"x\",null]} [] -> |||");
    check("return {contentType: 'TEXT', data: {a: 1}}", "TEXT {\"a\":1} [] -> |||");
    check("return {contentType: 'TEXT', data: 22}", "TEXT 22 [] -> |||");
    check("return {contentType: null, data: false}", "JSON false [] -> |||");
    check("return {data: new Date(0)}", "JSON 1970-01-01T00:00:00.000Z [] -> |||");
}

static void test_metadata(void **state)
{
    (void)state;
    check("return {data: 1, metadata: {streamName: 's', partitionKey: 7, explicitHashKey: '0', "
          "streamARN: 'arn:aws:kinesis:eu-west-1:1:stream/s', b: true, n: null, u: undefined, o: "
          "{x: 1}}}",
          "JSON 1 [streamName=s,partitionKey=7,explicitHashKey=0,"
          "streamARN=arn:aws:kinesis:eu-west-1:1:stream/s,b=true,o={\"x\":1}] -> "
          "s|arn:aws:kinesis:eu-west-1:1:stream/s|7|0");
    check("return [{data: 1, metadata: {streamName: 'a'}}, null, {data: 2}]",
          "JSON 1 [streamName=a] -> a|||; JSON 2 [] -> |||");
}

static void test_refusals(void **state)
{
    (void)state;
    check("return 'x'", "invalid: the result is a string, not an object");
    check("return [1]", "invalid: [0]: the result is a number, not an object");
    check("return {}", "invalid: data: is missing");
    check("return {data: null}", "invalid: data: is missing");
    check("return [{data: 1}, {}]", "invalid: [1].data: is missing");
    check("return {data: function () {}}", "invalid: data: a function is not text");
    check("return {contentType: 'XML', data: 1}",
          "invalid: contentType: must be JSON, TEXT or BINARY");
    check("return {contentType: {}, data: 1}",
          "invalid: contentType: must be a string, is an object");
    check("return {contentType: 'BINARY', data: 'AAE'}",
          "invalid: data: is not base64, which BINARY needs");
    check("return {contentType: 'BINARY', data: 'AA EC'}",
          "invalid: data: is not base64, which BINARY needs");
    check("return {contentType: 'BINARY', data: [1]}",
          "invalid: data: must be base64 text for BINARY, is an array");
    check("return {data: 1, metadata: 'x'}", "invalid: metadata: must be an object, is a string");
    check("return {data: 1, metadata: {streamName: function () {}}}",
          "invalid: metadata.streamName: a function is not text");
    check("throw new Error('no')", "script: Error: no (line 1, column 7)");
    check_msg("return {data: 1}", "{\"a\":", "invalid: the message's data is not JSON");
    check_msg("return {data: 1}", "", "invalid: the message's data is not JSON");
}

static void test_size(void **state)
{
    (void)state;
    check("var s = 'x'; while (s.length < 3e6) s += s; return {data: s}",
          "invalid: the result is larger than 2097152 characters");
    check("var s = 'x', m = {}; while (s.length < 3e6) s += s; m[s] = 1; return {data: 1, "
          "metadata: m}",
          "invalid: the result is larger than 2097152 characters");
    struct script_run s;
    struct downlink_input in = {.msg_json = SPAN("{}")};
    script_run_init(
        &s, CONVERT_DOWNLINK,
        "var s = 'x'; while (s.length < 2097152) s += s; return {contentType: 'TEXT', data: s}",
        NULL);
    struct span got = span_str(script_run_downlink(&s, &in, (struct convert_pairs){0}));
    assert_int_equal(got.n, strlen("TEXT  [] -> |||") + 2 * 1024 * 1024);
    script_run_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tutorial),   cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_shapes),     cmocka_unit_test(test_binary),
        cmocka_unit_test(test_data_kinds), cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_refusals),   cmocka_unit_test(test_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
