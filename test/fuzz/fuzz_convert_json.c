// SPDX-License-Identifier: Apache-2.0

// A payload through a converter that parses it as JSON and writes it again: what it takes is what
// the scanner takes, and what it writes is JSON.

#include "codec/json_scan.h"
#include "convert/runner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH_MAX 24 // of the result, and of the scanner

static const char script_text[] =
    "var v, text = decodeToString(payload);\n"
    "try { v = JSON.parse(text) } catch (e) { return {deviceName: 'refused'} }\n"
    "return {deviceName: 'taken', telemetry: {v: [v], again: JSON.stringify(v)}}";

static bool is_json(struct span text, int *depth)
{
    struct arena a = {0};
    struct json_scan s;
    enum json_token t;
    *depth = 0;
    json_scan_init(&s, text, &a);
    while ((t = json_scan_next(&s)) > JSON_T_END) {
        if (s.depth > *depth)
            *depth = s.depth;
    }
    arena_free(&a);
    return t == JSON_T_END;
}

static void check(struct span text, const struct uplink_result *out)
{
    int depth, ignored;
    bool json = is_json(text, &depth);
    if (out->status != 0)
        return; // larger or deeper than a result may be
    bool taken = span_is(out->msgs[0].name, "taken");
    require(taken || !json);
    if (!taken)
        return;
    // JavaScript takes a surrogate alone, and writes it as an escape that we refuse.
    bool surrogates = memmem(text.p, text.n, "\\u", 2) != NULL;
    require(json || surrogates || depth >= DEPTH_MAX || !span_is_utf8(text));
    const struct kv_group *g = out->msgs[0].telemetry;
    for (uint32_t i = 0; i < g->n; i++)
        require(surrogates || depth >= DEPTH_MAX || is_json(g->kv[i].value.s, &ignored));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct runner *runner;
    static struct convert_script *script;
    if (!runner) {
        runner = runner_new(&(struct runner_limits){.time_ms = 5000, .memory = 32 << 20});
        script = convert_script_new(NULL, CONVERT_UPLINK, SPAN("fuzz"), span_str(script_text));
    }
    struct uplink_record record = {.payload = span_of((const char *)data, size)};
    struct uplink_result out;
    struct runner_stats stats = {0};
    uint32_t next = 0;
    struct convert_job job = {.script = script, .n = 1, .uplink = &record, .uplink_out = &out};
    require(runner_run(runner, script, &job, &next, NULL, &stats));
    check(record.payload, &out);
    arena_free(&job.arena);
    return 0;
}
