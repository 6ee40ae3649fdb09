// SPDX-License-Identifier: Apache-2.0
// The converters that come with Penstock do what converters/README.md says they do.
#include "lib/test.h"

#include <stdio.h>

#include "lib/test_files.h"

#include "convert/convert.h"

static struct buf read_source(const char *name)
{
    char path[TEST_PATH_MAX], up[TEST_PATH_MAX];
    snprintf(up, sizeof(up), "../%s", name);
    test_source_path(up, path);
    return test_read_file(path);
}

// Word i of a line of words.
static struct span word(struct span line, int i)
{
    struct span w = SPAN_NONE;
    for (; i >= 0; i--)
        w = span_cut(&line, ' ');
    return w;
}

// "penstock convert DIRECTION SCRIPT --input FILE" must print `want`.
static void run_line(struct span line, struct span want)
{
    char script_name[200], input_name[200];
    assert_true(span_is(word(line, 4), "--input"));
    snprintf(script_name, sizeof(script_name), "%.*s", SPAN_ARG(word(line, 3)));
    snprintf(input_name, sizeof(input_name), "%.*s", SPAN_ARG(word(line, 5)));
    struct buf script = read_source(script_name), input = read_source(input_name), out = {0};
    struct err e = {0};
    enum convert_kind kind = span_is(word(line, 2), "uplink") ? CONVERT_UPLINK : CONVERT_DOWNLINK;
    struct convert_options o = {.cast_strings = true};
    if (convert_run_once(kind, &o, buf_span(&script), buf_span(&input), SPAN_NONE, &out, &e) != 0)
        fail_msg("%s: %s", script_name, e.msg);
    if (!span_eq(buf_span(&out), want))
        fail_msg("%s prints\n%.*s\nnot\n%.*s", script_name, SPAN_ARG(buf_span(&out)),
                 SPAN_ARG(want));
    buf_free(&script);
    buf_free(&input);
    buf_free(&out);
}

static void test_readme(void **state)
{
    (void)state;
    struct buf readme = read_source("converters/README.md");
    struct span rest = buf_span(&readme), command = SPAN_NONE;
    int runs = 0;
    while (rest.p) {
        struct span line = span_cut(&rest, '\n');
        if (span_has_prefix(line, SPAN("penstock convert "))) {
            command = line;
        } else if (command.p &&
                   (span_has_prefix(line, SPAN("{")) || span_has_prefix(line, SPAN("[")))) {
            run_line(command, line);
            command = SPAN_NONE;
            runs++;
        }
    }
    assert_null(command.p);
    assert_int_equal(runs, 10);
    buf_free(&readme);
}

static struct convert_runner *runner_of(const char *name)
{
    struct buf script = read_source(name);
    struct convert_runner *r =
        convert_runner_new(CONVERT_UPLINK, &(struct convert_options){0}, buf_span(&script));
    buf_free(&script);
    return r;
}

static void check(struct convert_runner *r, struct span input, const char *want)
{
    struct buf out = {0};
    struct err e = {0};
    if (convert_runner_run(r, &(struct convert_input){.data = input}, &out, &e) != 0)
        assert_string_equal(e.msg, want);
    else
        assert_span_equal(buf_span(&out), span_str(want));
    buf_free(&out);
}

static void test_csv(void **state)
{
    (void)state;
    struct convert_runner *r = runner_of("converters/csv_uplink.js");
    check(r, SPAN(""), "[]");
    check(r, SPAN("# only a comment\r\n\r\n"), "[]");
    check(r, SPAN("a,t,5,x=1\r\n"),
          "[{\"deviceName\":\"a\",\"deviceType\":\"t\",\"telemetry\":{\"ts\":5,\"values\":{\"x\":1}"
          "}}]");
    check(r, SPAN("a,t,,\"q=say \"\"hi\"\"\",e=,b=false,=x,y"),
          "[{\"deviceName\":\"a\",\"deviceType\":\"t\",\"telemetry\":{\"q\":\"say "
          "\\\"hi\\\"\",\"e\":\"\","
          "\"b\":false}}]");
    check(r, SPAN("a,t"), "Error: a line needs name,type,time: a,t (line 12, column 15)");
    convert_runner_free(r);
}

static void test_binary(void **state)
{
    (void)state;
    struct convert_runner *r = runner_of("converters/binary_uplink.js");
    check(
        r, SPAN("\x01\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\x02"),
        "{\"deviceName\":\"sensor-4294967295\",\"deviceType\":\"environment sensor\",\"telemetry\":"
        "{\"temperature\":327.67,\"humidity\":655.35,\"battery\":65.535,\"doorOpen\":false,"
        "\"tampered\":true},\"attributes\":{\"raw\":\"01FFFFFFFF7FFFFFFFFFFF02\"}}");
    check(r, SPAN("\x01\x00"),
          "Error: a frame has 12 bytes or more, this one 2 (line 10, column 11)");
    check(r, SPAN("\x02zzzzzzzzzzz"), "Error: unknown frame type 2 (line 13, column 11)");
    convert_runner_free(r);
}

static void test_runner_input(void **state)
{
    (void)state;
    struct convert_runner *r =
        convert_runner_new(CONVERT_DOWNLINK, &(struct convert_options){0},
                           SPAN("return {data: [msg, metadata, msgType, integrationMetadata]}"));
    struct convert_input in = {.data = SPAN("{\"a\":1}"),
                               .metadata_json = SPAN("{\"m\":\"x\"}"),
                               .msg_type = SPAN("T"),
                               .integration_metadata_json = SPAN("{\"i\":2}")};
    struct buf out = {0};
    struct err e = {0};
    assert_int_equal(convert_runner_run(r, &in, &out, &e), 0);
    assert_span_is(buf_span(&out), "{\"data\":[{\"a\":1},{\"m\":\"x\"},\"T\",{\"i\":2}]}");
    in.metadata_json = SPAN("[]");
    assert_int_equal(convert_runner_run(r, &in, &out, &e), ERR_INVALID);
    assert_string_equal(e.msg, "metadata: a JSON object is needed");
    in.metadata_json = SPAN_NONE;
    in.integration_metadata_json = SPAN("{");
    e = (struct err){0};
    assert_int_equal(convert_runner_run(r, &in, &out, &e), ERR_INVALID);
    assert_true(span_has_prefix(span_str(e.msg), SPAN("integration metadata: line 1 column 2: ")));
    in.integration_metadata_json = SPAN_NONE;
    in.data = SPAN("{\"a\":");
    e = (struct err){0};
    assert_int_equal(convert_runner_run(r, &in, &out, &e), ERR_INVALID);
    assert_true(span_has_prefix(span_str(e.msg), SPAN("message: line 1 column 6: ")));
    convert_runner_free(r);
    buf_free(&out);
}

// What a script returned is there even when the contract refuses it.
static void test_runner_refusal(void **state)
{
    (void)state;
    struct convert_options o = {.time_limit_ms = 30};
    struct convert_runner *r = convert_runner_new(
        CONVERT_UPLINK, &o,
        SPAN("if (payload.length === 1) for (;;); return payload.length ? {x: 1} : undefined"));
    struct buf out = {0};
    struct err e = {0};
    struct convert_input in = {.data = SPAN("ab")};
    assert_int_equal(convert_runner_run(r, &in, &out, &e), ERR_INVALID);
    assert_string_equal(e.msg, "deviceName is missing");
    assert_span_is(buf_span(&out), "{\"x\":1}");
    buf_clear(&out);
    in.data = SPAN("a");
    assert_int_equal(convert_runner_run(r, &in, &out, &e), ERR_TIMEOUT);
    assert_int_equal(out.n, 0);
    in.data = SPAN("");
    assert_int_equal(convert_runner_run(r, &in, &out, &e), 0);
    assert_span_is(buf_span(&out), "null");
    convert_runner_free(r);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readme),         cmocka_unit_test(test_csv),
        cmocka_unit_test(test_binary),         cmocka_unit_test(test_runner_input),
        cmocka_unit_test(test_runner_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
