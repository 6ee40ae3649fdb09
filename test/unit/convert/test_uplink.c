// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "script_run.h"

struct row {
    const char *script, *want;
};

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_uplink(rows[i].script, "", rows[i].want);
}
#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void test_shapes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"return {deviceName: 'a'}", "device a"},
        {"return {deviceName: 'a', deviceType: 't', deviceLabel: 'l', customerName: 'c', "
         "groupName: 'g'}",
         "device a type=t label=l customer=c group=g"},
        {"return {assetName: 'a', assetType: 't', assetLabel: 'l'}", "asset a type=t label=l"},
        {"return {name: 'a', profile: 'p', label: 'l', customer: 'c', group: 'g', "
         "telemetry: {x: 1}}",
         "device a type=p label=l customer=c group=g @{x=1}"},
        {"return {name: 'a', type: 'ASSET', profile: 'p'}", "asset a type=p"},
        {"return {name: 'a', type: 'device'}", "device a"},
        {"return {deviceName: 12, deviceType: 3.5}", "device 12 type=3.5"},
        {"return {deviceName: 'a', deviceType: null, groupName: undefined}", "device a"},
        {"return {deviceName: 'a', assetName: null}", "device a"},
        {"return {deviceName: 'a', other: {x: 1}, contentAwareAttributeKeys: ['x']}", "device a"},
        {"return null", "nothing"},
        {"return undefined", "nothing"},
        {"", "nothing"},
        {"return []", "nothing"},
        {"return [{deviceName: 'a'}, null, {assetName: 'b'}, undefined]", "device a; asset b"},
    };
    CHECK_ROWS(rows);
}

static void test_telemetry(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"return {deviceName: 'a', telemetry: {x: 22, y: 22.5}}", "device a @{x=22, y=22.5}"},
        {"return {deviceName: 'a', telemetry: {ts: 5, values: {x: 1}}}", "device a @5{x=1}"},
        {"return {deviceName: 'a', telemetry: {ts: '1731942000000', values: {x: 1}}}",
         "device a @1731942000000{x=1}"},
        {"return {deviceName: 'a', telemetry: {ts: '2024-11-18T15:00:00Z', values: {x: 1}}}",
         "device a @1731942000000{x=1}"},
        {"return {deviceName: 'a', telemetry: {ts: new Date(7), values: {x: 1}}}",
         "device a @7{x=1}"},
        {"return {deviceName: 'a', telemetry: {ts: 5.9, values: {x: 1}}}", "device a @5{x=1}"},
        {"return {deviceName: 'a', telemetry: {ts: undefined, values: {x: 1}}}", "device a @{x=1}"},
        {"return {deviceName: 'a', telemetry: {ts: null, values: {x: 1}}}", "device a @{x=1}"},
        {"return {deviceName: 'a', telemetry: {values: {x: 1}}}", "device a @{x=1}"},
        // Without "values" each key is a value, ts too; and with others so is "values".
        {"return {deviceName: 'a', telemetry: {ts: 5}}", "device a @{ts=5}"},
        {"return {deviceName: 'a', telemetry: {ts: 5, x: 1}}", "device a @{ts=5, x=1}"},
        {"return {deviceName: 'a', telemetry: {values: 5}}", "device a @{values=5}"},
        {"return {deviceName: 'a', telemetry: {values: {y: 1}, x: 1}}",
         "device a @{values=json{\"y\":1}, x=1}"},
        {"return {deviceName: 'a', telemetry: [{ts: 5, values: {x: 1}}, {ts: 6, values: {x: 2}}]}",
         "device a @5{x=1} @6{x=2}"},
        {"return {deviceName: 'a', telemetry: [{x: 1}, {y: 2}, null]}", "device a @{x=1} @{y=2}"},
        {"return {deviceName: 'a', telemetry: [{ts: 5, values: {}}, {}, {ts: 6, values: null}]}",
         "device a"},
        {"return {deviceName: 'a', telemetry: null}", "device a"},
        {"return {deviceName: 'a', telemetry: [], attributes: {v: 'v.0.11'}}",
         "device a attr{v='v.0.11'}"},
    };
    CHECK_ROWS(rows);
}

static void test_values(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"return {deviceName: 'a', telemetry: {b: true, c: false, s: 't', n: null, u: undefined, "
         "nan: NaN, i: Infinity, j: -Infinity, z: 0}}",
         "device a @{b=true, c=false, s='t', z=0}"},
        {"return {deviceName: 'a', telemetry: {o: {x: [1, 'a', null, undefined, NaN, "
         "function () {}], y: undefined, f: function () {}}, l: [], e: {}}}",
         "device a @{o=json{\"x\":[1,\"a\",null,null,null,null]}, l=json[], e=json{}}"},
        {"return {deviceName: 'a', telemetry: {d: new Date(0), n: new Number(5), s: new "
         "String('s'), "
         "b: new Boolean(false)}}",
         "device a @{d='1970-01-01T00:00:00.000Z', n=5, s='s', b=false}"},
        {"return {deviceName: 'a', telemetry: {x: {toJSON: function (key) { return key + 1 }}}}",
         "device a @{x='x1'}"},
        {"var r = {deviceName: 'a', telemetry: {}}; Object.defineProperty(r.telemetry, 'x', {get: "
         "function () { return 7 }, enumerable: true}); return r",
         "device a @{x=7}"},
        {"function T() { this.x = 1 } T.prototype.y = 2; return {deviceName: 'a', telemetry: new "
         "T()}",
         "device a @{x=1}"},
        {"return new Proxy({deviceName: 'a', telemetry: {x: 1}}, {})", "device a @{x=1}"},
        {"var t = Object.create(null); t.x = 1; return {deviceName: 'a', telemetry: t}",
         "device a @{x=1}"},
        {"Object.prototype.toJSON = function () { return {deviceName: 'b'} }; return {x: 1}",
         "device b"},
        {"var l = [1]; l[3] = 4; return {deviceName: 'a', telemetry: {l: l}}",
         "device a @{l=json[1,null,null,4]}"},
        {"var l = []; l[5000] = 1; l.length = 2; l[0] = 1; return {deviceName: 'a', telemetry: "
         "{l: l}}",
         "device a @{l=json[1,null]}"},
        {"return {deviceName: 'a', telemetry: {k: 1e21, l: 9007199254740991, m: 1e3, n: -0.5}}",
         "device a @{k=1e+21, l=9007199254740991, m=1000, n=-0.5}"},
        {"return {deviceName: 'a', telemetry: {s: '22', t: '22.5', u: ' 22', v: ''}}",
         "device a @{s='22', t='22.5', u=' 22', v=''}"},
        {"return {deviceName: 'a', telemetry: {'\\u20ac': '\\ud83d\\udca1', l: '\\ud83d'}}",
         "device a @{\xe2\x82\xac='\xf0\x9f\x92\xa1', l='\xef\xbf\xbd'}"},
        {"return {deviceName: 'a', telemetry: {j: ['\\ud83d\\udca1']}}",
         "device a @{j=json[\"\xf0\x9f\x92\xa1\"]}"},
    };
    CHECK_ROWS(rows);
}

static void test_cast(void **state)
{
    (void)state;
    struct runner_limits limits = {
        .time_ms = 3600000, .memory = (size_t)8 << 20, .cast_strings = true};
    struct script_run s;
    script_run_init(&s, CONVERT_UPLINK,
                    "return {deviceName: '7', telemetry: {s: '22', t: '22.5', u: ' 22', v: "
                    "'v.0.11', w: 'true'}, attributes: {x: '-1'}}",
                    &limits);
    assert_string_equal(script_run_uplink(&s, SPAN("")),
                        "device 7 @{s=22, t=22.5, u=' 22', v='v.0.11', w='true'} attr{x=-1}");
    script_run_free(&s);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"return {}", "invalid: deviceName is missing"},
        {"return {deviceName: null}", "invalid: deviceName is missing"},
        {"return [{deviceName: 'a'}, {telemetry: {}}]", "invalid: [1]: deviceName is missing"},
        {"return {deviceName: ''}", "invalid: deviceName: is empty"},
        {"return {deviceName: ' \\t'}", "invalid: deviceName: is empty"},
        {"return {assetName: ''}", "invalid: assetName: is empty"},
        {"return {name: ''}", "invalid: name: is empty"},
        {"return {deviceName: 'a', assetName: 'b'}",
         "invalid: both deviceName and assetName are set"},
        {"return [{deviceName: 'a', assetName: 'b'}]",
         "invalid: [0]: both deviceName and assetName are set"},
        {"return {name: 'a', type: 'GATEWAY'}", "invalid: type: must be DEVICE or ASSET"},
        {"return {deviceName: true}", "invalid: deviceName: must be a string, is a boolean"},
        {"return {deviceName: {}}", "invalid: deviceName: must be a string, is an object"},
        {"return {deviceName: 'a', deviceType: []}",
         "invalid: deviceType: must be a string, is an array"},
        {"return {deviceName: 'a', groupName: function () {}}",
         "invalid: groupName: must be a string, is a function"},
        {"return {deviceName: 'a', deviceLabel: NaN}",
         "invalid: deviceLabel: must be a string, is a number"},
        {"return 'text'", "invalid: the result is a string, not an object"},
        {"return 5", "invalid: the result is a number, not an object"},
        {"return true", "invalid: the result is a boolean, not an object"},
        {"return function () {}", "invalid: the result is a function, not an object"},
        {"return [5]", "invalid: [0]: the result is a number, not an object"},
        {"return [[{deviceName: 'a'}]]", "invalid: [0]: the result is an array, not an object"},
        {"return {deviceName: 'a', telemetry: 5}",
         "invalid: telemetry: must be an object or an array, is a number"},
        {"return {deviceName: 'a', telemetry: [5]}",
         "invalid: telemetry[0]: must be an object, is a number"},
        {"return {deviceName: 'a', telemetry: [{}, [{}]]}",
         "invalid: telemetry[1]: must be an object, is an array"},
        {"return {deviceName: 'a', attributes: []}",
         "invalid: attributes: an array is not an object of keys and values"},
        {"return {deviceName: 'a', telemetry: {temperature: function () {}}}",
         "invalid: telemetry.temperature: a function is not a value"},
        {"return {deviceName: 'a', attributes: {s: Symbol('s')}}",
         "invalid: attributes.s: a symbol is not a value"},
        {"return [{deviceName: 'a', telemetry: [{ts: 1, values: {x: function () {}}}]}]",
         "invalid: [0].telemetry[0].values.x: a function is not a value"},
        {"return {deviceName: 'a', telemetry: {ts: 'soon', values: {x: 1}}}",
         "invalid: telemetry.ts: is neither milliseconds since 1970 nor an ISO 8601 date"},
        {"return {deviceName: 'a', telemetry: {ts: -1, values: {x: 1}}}",
         "invalid: telemetry.ts: is not a time in milliseconds since 1970"},
        {"return {deviceName: 'a', telemetry: {ts: NaN, values: {x: 1}}}",
         "invalid: telemetry.ts: is not a time in milliseconds since 1970"},
        {"return {deviceName: 'a', telemetry: {ts: 8640000000000001, values: {x: 1}}}",
         "invalid: telemetry.ts: is not a time in milliseconds since 1970"},
        {"return {deviceName: 'a', telemetry: {ts: true, values: {x: 1}}}",
         "invalid: telemetry.ts: must be a time, is a boolean"},
        {"return {deviceName: 'a', telemetry: {ts: 1, values: 5}}",
         "invalid: telemetry.values: a number is not an object of keys and values"},
        {"return {deviceName: 'a', telemetry: {'': 5}}", "invalid: telemetry: a key is empty"},
    };
    CHECK_ROWS(rows);
}

// The name, then the wanted text of a device whose one key is `n` letters long.
static void check_key(size_t n, const char *want)
{
    struct buf script = {0};
    buf_printf(&script,
               "var k = {}; k[Array(%zu).join('k')] = 1; return {deviceName: 'a', telemetry: k}",
               n + 1);
    assert_uplink(buf_cstr(&script), "", want);
    buf_free(&script);
}

// At the limit and one over.
static void test_limits(void **state)
{
    (void)state;
    struct buf longest = {0};
    buf_add_str(&longest, "device a @{");
    for (int i = 0; i < CONVERT_KEY_MAX; i++)
        buf_add_char(&longest, 'k');
    buf_add_str(&longest, "=1}");
    check_key(CONVERT_KEY_MAX, buf_cstr(&longest));
    check_key(CONVERT_KEY_MAX + 1, "invalid: telemetry: a key is longer than 255 bytes");
    buf_free(&longest);
    assert_uplink("return {deviceName: Array(255 + 1).join('n'), telemetry: function () {}}", "",
                  "invalid: telemetry: must be an object or an array, is a function");
    assert_uplink("return {deviceName: Array(256 + 1).join('n')}", "",
                  "invalid: deviceName: is longer than 255 bytes");
}

// The text of one value: 8 for a value, 1 for its entry and 1 for its key are counted besides.
static void check_size(size_t n, bool fits)
{
    struct script_run s;
    struct buf script = {0};
    buf_printf(&script,
               "return {deviceName: 'a', telemetry: {x: Array(%zu).join('s')}, attributes: null}",
               n + 1);
    script_run_init(&s, CONVERT_UPLINK, buf_cstr(&script), NULL);
    struct span got = span_str(script_run_uplink(&s, SPAN("")));
    assert_int_equal(got.n > CONVERT_RESULT_MAX - 100, fits);
    if (!fits)
        assert_span_is(got, "invalid: the result is larger than 300000 characters");
    script_run_free(&s);
    buf_free(&script);
}

static void test_result_size(void **state)
{
    (void)state;
    check_size(CONVERT_RESULT_MAX - 10, true);
    check_size(CONVERT_RESULT_MAX - 9, false);
    assert_uplink("var l = []; while (l.length < 100000) l.push('abc'); return {deviceName: 'a', "
                  "telemetry: {l: l}}",
                  "", "invalid: the result is larger than 300000 characters");
    assert_uplink(
        "var t = {}; for (var i = 0; i < 30000; i++) t['k' + i] = i; return {deviceName: 'a', "
        "telemetry: t}",
        "", "invalid: the result is larger than 300000 characters");
}

// The whole result is level 1.
static void check_depth(int levels, const char *want)
{
    struct buf script = {0};
    buf_printf(&script,
               "var v = 1; for (var i = 0; i < %d; i++) v = [v]; return {deviceName: 'a', "
               "telemetry: {v: v}}",
               levels - 2);
    assert_uplink(buf_cstr(&script), "", want);
    buf_free(&script);
}

static void test_depth(void **state)
{
    (void)state;
    check_depth(32,
                "device a @{v=json[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}");
    check_depth(33, "script: RangeError: the result is nested deeper than 32 levels");
    assert_uplink("var r = {deviceName: 'a'}; r.telemetry = {r: r}; return r", "",
                  "script: RangeError: the result is nested deeper than 32 levels");
    assert_uplink("var l = new Array(200001); return {deviceName: 'a', telemetry: {l: l}}", "",
                  "script: RangeError: the result has more than 200000 values");
}

static void test_metadata(void **state)
{
    (void)state;
    struct convert_pair pairs[] = {{SPAN("integrationName"), SPAN("kinesis_integration")},
                                   {SPAN("site"), SPAN("\xc3\xa9")},
                                   {SPAN("__proto__"), SPAN("p")}};
    struct uplink_record record = {.payload = SPAN("x"),
                                   .stream_name = SPAN("tb-up"),
                                   .shard_id = SPAN("shardId-0"),
                                   .sequence_number = SPAN("495"),
                                   .sub_sequence = 7,
                                   .partition_key = SPAN("123"),
                                   .arrival_ms = 1700000000123};
    struct script_run s;
    script_run_init(&s, CONVERT_UPLINK,
                    "var t = {}; Object.getOwnPropertyNames(metadata).forEach(function (k) { "
                    "t['m_' + k] = metadata[k] });"
                    "metadata.site = 'changed'; delete metadata.shardId;"
                    "return {deviceName: 'd', telemetry: t}",
                    NULL);
    for (int i = 0; i < 3; i++)
        assert_string_equal(script_run_uplink_meta(&s, &record, (struct convert_pairs){pairs, 3}),
                            "device d @{m_integrationName='kinesis_integration', "
                            "m_site='\xc3\xa9', m___proto__='p', "
                            "m_streamName='tb-up', m_shardId='shardId-0', "
                            "m_sequenceNumber='495', m_subSequenceNumber='7', "
                            "m_partitionKey='123', m_arrivalTimestamp='1700000000123'}");
    // Configured pairs win, and what is empty is left out.
    struct convert_pair own[] = {{SPAN("shardId"), SPAN("mine")}};
    record.partition_key = record.stream_name = SPAN_NONE;
    record.sub_sequence = 0;
    record.arrival_ms = 0;
    assert_string_equal(
        script_run_uplink_meta(&s, &record, (struct convert_pairs){own, 1}),
        "device d @{m_shardId='mine', m_sequenceNumber='495', m_subSequenceNumber='0'}");
    script_run_free(&s);
    // So many that an object finds them by a hash.
    struct convert_pair many[20];
    char names[20][16];
    for (int i = 0; i < 20; i++) {
        snprintf(names[i], sizeof(names[i]), "key%d", i);
        many[i] = (struct convert_pair){span_str(names[i]), span_str(names[i])};
    }
    struct script_run m;
    script_run_init(
        &m, CONVERT_UPLINK,
        "var ok = 0; for (var i = 0; i < 20; i++) ok += metadata['key' + i] === 'key' + i; "
        "metadata.more = 1; return {deviceName: [ok, metadata.shardId, "
        "Object.keys(metadata).length].join()}",
        NULL);
    for (int i = 0; i < 2; i++)
        assert_string_equal(script_run_uplink_meta(&m, &record, (struct convert_pairs){many, 20}),
                            "device 20,shardId-0,24");
    script_run_free(&m);
    assert_uplink("return {deviceName: typeof arguments[1] + arguments.length}", "",
                  "device object2");
    assert_uplink("return {deviceName: typeof met\\u0061data}", "", "device object");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),      cmocka_unit_test(test_telemetry),
        cmocka_unit_test(test_values),      cmocka_unit_test(test_cast),
        cmocka_unit_test(test_refusals),    cmocka_unit_test(test_limits),
        cmocka_unit_test(test_result_size), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_metadata),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
