// SPDX-License-Identifier: Apache-2.0
#include "script_run.h"

static const struct convert_pair pairs[] = {{SPAN("scope"), SPAN("SHARED_SCOPE")},
                                            {SPAN("n"), SPAN("7")}};

struct row {
    const char *script, *want;
};

// Twice in one heap: nothing of a run is left for the next.
static void check_msg(enum convert_kind kind, const char *script, const char *msg, const char *want)
{
    struct script_run s;
    struct downlink_input in = {
        .msg_json = span_str(msg), .metadata = {pairs, 2}, .msg_type = SPAN("ATTRIBUTES_UPDATED")};
    script_run_init(&s, kind, script, NULL);
    for (int i = 0; i < 2; i++)
        assert_string_equal(script_run_rule(&s, &in), want);
    script_run_free(&s);
}

static void check_rows(enum convert_kind kind, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_msg(kind, rows[i].script, "{\"version\":\"v.0.11\",\"n\":1}", rows[i].want);
}

#define CHECK_ROWS(kind, rows) check_rows(kind, rows, sizeof rows / sizeof *(rows))

static void logs(void **state)
{
    static const struct row rows[] = {
        {"return '\\nIncoming message:\\n' + JSON.stringify(msg) + msgType",
         "\nIncoming message:\n{\"version\":\"v.0.11\",\"n\":1}ATTRIBUTES_UPDATED"},
        {"return metadata", "{\"scope\":\"SHARED_SCOPE\",\"n\":\"7\"}"},
        {"return 5", "5"},
        {"", ""},
        {"return typeof integrationMetadata", "undefined"},
        {"return function () {}", "invalid: a function is not text"},
    };
    (void)state;
    CHECK_ROWS(CONVERT_LOG, rows);
}

static void filters(void **state)
{
    static const struct row rows[] = {
        {"return msg.n === 1 && metadata.n === '7'", "true"},
        {"return msgType === 'POST_TELEMETRY_REQUEST'", "false"},
        {"return 1", "invalid: the result of a filter must be true or false, is a number"},
        {"", "invalid: the result of a filter must be true or false, is undefined"},
        {"return msg.a.b",
         "script: TypeError: cannot read property 'b' of undefined (line 1, column 14)"},
    };
    (void)state;
    CHECK_ROWS(CONVERT_FILTER, rows);
}

static void switches(void **state)
{
    static const struct row rows[] = {
        {"return ['a', msgType]", "a,ATTRIBUTES_UPDATED"},
        {"return 'one'", "one"},
        {"return []", ""},
        {"return ['a', 1]", "invalid: [1]: a connection's name must be a string, is a number"},
        {"return {}", "invalid: the result of a switch must be an array of names, is an object"},
        {"var a = []; for (var i = 0; i < 1000; i++) a.push('x'); a.push('y'); return a",
         "invalid: more than 1000 connections"},
    };
    (void)state;
    CHECK_ROWS(CONVERT_SWITCH, rows);
}

static void transformations(void **state)
{
    static const struct row rows[] = {
        {"return {msg: msg, metadata: metadata, msgType: msgType}",
         "ATTRIBUTES_UPDATED {\"version\":\"v.0.11\",\"n\":1} [scope=SHARED_SCOPE,n=7]"},
        // Changes to the arguments are seen, and gone at the next run.
        {"msg.n += 1; metadata.n = Number(metadata.n) + 1; return {msg: msg, metadata: metadata}",
         " {\"version\":\"v.0.11\",\"n\":2} [scope=SHARED_SCOPE,n=8]"},
        {"return {msgType: 'POST_TELEMETRY_REQUEST'}", "POST_TELEMETRY_REQUEST "},
        {"return {metadata: {a: true, b: {c: 1}, d: null}}", "  [a=true,b={\"c\":1}]"},
        {"return [{msg: {a: 1}}, {msg: [2]}, {msg: 'text'}]", " {\"a\":1};  [2];  \"text\""},
        {"return []", ""},
        {"return 5", "invalid: the result of a transformation must be an object, is a number"},
        {"return [{}, 5]",
         "invalid: [1]: the result of a transformation must be an object, is a number"},
        {"return {metadata: 5}", "invalid: metadata: must be an object, is a number"},
        {"return {msgType: []}", "invalid: msgType: must be a string, is an array"},
    };
    (void)state;
    CHECK_ROWS(CONVERT_TRANSFORM, rows);
}

static void says_when_the_message_is_no_json(void **state)
{
    (void)state;
    check_msg(CONVERT_FILTER, "return true", "{", "invalid: the message's data is not JSON");
}

// The rest of a batch is left to the caller, who may want to run it one by one.
static void a_batch_stops_at_a_time_out(void **state)
{
    struct runner_limits limits = {.time_ms = 100, .memory = (size_t)64 << 20};
    struct script_run s;
    struct downlink_input in[4];
    struct rule_result out[4] = {0};
    (void)state;
    for (int i = 0; i < 4; i++)
        in[i] = (struct downlink_input){.msg_json = i == 1 ? SPAN("{\"hang\":1}") : SPAN("{}")};
    struct convert_job job = {.downlink = in, .rule_out = out, .n = 4, .stop_at_timeout = true};
    script_run_init(&s, CONVERT_FILTER, "while (msg.hang) {} return true", &limits);
    job.script = s.script;
    uint32_t next = 0;
    assert_true(runner_run(s.runner, s.script, &job, &next, NULL, &s.stats));
    assert_int_equal(out[0].status, 0);
    assert_true(out[0].verdict);
    assert_int_equal(out[1].status, ERR_TIMEOUT);
    assert_int_equal(out[2].status, ERR_BUSY);
    assert_int_equal(out[3].status, ERR_BUSY);
    arena_free(&job.arena);
    next = 0;
    job = (struct convert_job){.downlink = in, .rule_out = out, .n = 4, .script = s.script};
    assert_true(runner_run(s.runner, s.script, &job, &next, NULL, &s.stats));
    assert_int_equal(out[1].status, ERR_TIMEOUT);
    assert_int_equal(out[3].status, 0);
    arena_free(&job.arena);
    script_run_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs),
        cmocka_unit_test(filters),
        cmocka_unit_test(switches),
        cmocka_unit_test(transformations),
        cmocka_unit_test(says_when_the_message_is_no_json),
        cmocka_unit_test(a_batch_stops_at_a_time_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
