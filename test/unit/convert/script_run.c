// SPDX-License-Identifier: Apache-2.0
#include "script_run.h"

#include "base/value.h"

void script_run_init(struct script_run *s, enum convert_kind kind, const char *script,
                     const struct runner_limits *limits)
{
    struct runner_limits generous = {.time_ms = 3600000, .memory = (size_t)64 << 20};
    *s = (struct script_run){0};
    s->runner = runner_new(limits ? limits : &generous);
    s->script = convert_script_new(NULL, kind, SPAN("test"), span_str(script));
}

void script_run_free(struct script_run *s)
{
    runner_free(s->runner);
    convert_script_unref(s->script);
    buf_free(&s->text);
}

static void add_value(struct buf *b, const struct value *v)
{
    if (v->type == VALUE_STRING)
        buf_add_char(b, '\'');
    if (v->type == VALUE_JSON)
        buf_add_str(b, "json");
    value_text(v, b);
    if (v->type == VALUE_STRING)
        buf_add_char(b, '\'');
}

static void add_map(struct buf *b, const struct kv *kv, uint32_t n)
{
    buf_add_char(b, '{');
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add_str(b, ", ");
        buf_add_span(b, kv[i].key);
        buf_add_char(b, '=');
        add_value(b, &kv[i].value);
    }
    buf_add_char(b, '}');
}

static void add_name(struct buf *b, const char *what, struct span name)
{
    if (name.n > 0)
        buf_printf(b, " %s=%.*s", what, SPAN_ARG(name));
}

static void add_msg(struct buf *b, const struct uplink_msg *m)
{
    buf_printf(b, "%s %.*s", m->is_asset ? "asset" : "device", SPAN_ARG(m->name));
    add_name(b, "type", m->type);
    add_name(b, "label", m->label);
    add_name(b, "customer", m->customer);
    add_name(b, "group", m->group);
    for (uint32_t i = 0; i < m->n_telemetry; i++) {
        buf_add_str(b, " @");
        if (m->telemetry[i].ts_ms != 0)
            buf_add_i64(b, m->telemetry[i].ts_ms);
        add_map(b, m->telemetry[i].kv, m->telemetry[i].n);
    }
    if (m->n_attributes > 0) {
        buf_add_str(b, " attr");
        add_map(b, m->attributes, m->n_attributes);
    }
}

static bool add_status(struct buf *b, int status, struct span error)
{
    if (status == 0)
        return false;
    buf_add_str(b, status == ERR_INVALID   ? "invalid: "
                   : status == ERR_SCRIPT  ? "script: "
                   : status == ERR_TIMEOUT ? "timeout: "
                   : status == ERR_MEMORY  ? "memory: "
                                           : "other: ");
    buf_add_span(b, error);
    return true;
}

static void run(struct script_run *s, struct convert_job *job)
{
    uint32_t next = 0;
    buf_clear(&s->text);
    job->script = s->script;
    job->n = 1;
    assert_true(runner_run(s->runner, s->script, job, &next, NULL, &s->stats));
    assert_int_equal(next, 1);
}

const char *script_run_uplink_meta(struct script_run *s, const struct uplink_record *record,
                                   struct convert_pairs meta)
{
    struct uplink_result out;
    struct convert_job job = {.uplink = record, .uplink_out = &out, .meta = meta};
    run(s, &job);
    if (!add_status(&s->text, out.status, out.error)) {
        if (out.n_msgs == 0)
            buf_add_str(&s->text, "nothing");
        for (uint32_t i = 0; i < out.n_msgs; i++) {
            if (i > 0)
                buf_add_str(&s->text, "; ");
            add_msg(&s->text, &out.msgs[i]);
        }
    }
    arena_free(&job.arena);
    return buf_cstr(&s->text);
}

const char *script_run_uplink(struct script_run *s, struct span payload)
{
    struct uplink_record record = {.payload = payload};
    return script_run_uplink_meta(s, &record, (struct convert_pairs){0});
}

static void add_downlink(struct buf *b, const struct downlink_msg *m)
{
    static const char *const contents[] = {"JSON", "TEXT", "BINARY"};
    buf_printf(b, "%s %.*s [", contents[m->content], SPAN_ARG(m->data));
    for (size_t i = 0; i < m->metadata.n; i++)
        buf_printf(b, "%s%.*s=%.*s", i > 0 ? "," : "", SPAN_ARG(m->metadata.p[i].key),
                   SPAN_ARG(m->metadata.p[i].value));
    buf_printf(b, "] -> %.*s|%.*s|%.*s|%.*s", SPAN_ARG(m->stream_name), SPAN_ARG(m->stream_arn),
               SPAN_ARG(m->partition_key), SPAN_ARG(m->explicit_hash_key));
}

const char *script_run_downlink(struct script_run *s, const struct downlink_input *in,
                                struct convert_pairs meta)
{
    struct downlink_result out;
    struct convert_job job = {.downlink = in, .downlink_out = &out, .meta = meta};
    run(s, &job);
    if (!add_status(&s->text, out.status, out.error)) {
        if (out.n_msgs == 0)
            buf_add_str(&s->text, "nothing");
        for (uint32_t i = 0; i < out.n_msgs; i++) {
            if (i > 0)
                buf_add_str(&s->text, "; ");
            add_downlink(&s->text, &out.msgs[i]);
        }
    }
    arena_free(&job.arena);
    return buf_cstr(&s->text);
}

static void add_rule_msg(struct buf *b, const struct rule_msg_out *m)
{
    buf_printf(b, "%.*s %.*s", SPAN_ARG(m->msg_type), SPAN_ARG(m->msg_json));
    if (!m->has_metadata)
        return;
    buf_add_str(b, " [");
    for (size_t i = 0; i < m->metadata.n; i++)
        buf_printf(b, "%s%.*s=%.*s", i > 0 ? "," : "", SPAN_ARG(m->metadata.p[i].key),
                   SPAN_ARG(m->metadata.p[i].value));
    buf_add_char(b, ']');
}

static void add_rule_result(struct buf *b, enum convert_kind kind, const struct rule_result *out)
{
    if (kind == CONVERT_LOG)
        buf_add_span(b, out->text);
    else if (kind == CONVERT_FILTER)
        buf_add_str(b, out->verdict ? "true" : "false");
    for (uint32_t i = 0; i < out->n_names; i++)
        buf_printf(b, "%s%.*s", i > 0 ? "," : "", SPAN_ARG(out->names[i]));
    for (uint32_t i = 0; i < out->n_msgs; i++) {
        buf_add_str(b, i > 0 ? "; " : "");
        add_rule_msg(b, &out->msgs[i]);
    }
}

const char *script_run_rule(struct script_run *s, const struct downlink_input *in)
{
    struct rule_result out;
    struct convert_job job = {.downlink = in, .rule_out = &out};
    run(s, &job);
    if (!add_status(&s->text, out.status, out.error))
        add_rule_result(&s->text, s->script->kind, &out);
    arena_free(&job.arena);
    return buf_cstr(&s->text);
}

void assert_uplink(const char *script, const char *payload, const char *want)
{
    struct script_run s;
    script_run_init(&s, CONVERT_UPLINK, script, NULL);
    assert_string_equal(script_run_uplink(&s, span_str(payload)), want);
    script_run_free(&s);
}

void assert_value(const char *expression, const char *want_json)
{
    struct buf script = {0}, want = {0};
    buf_printf(&script, "return {deviceName: 'd', telemetry: {v: JSON.stringify(%s)}}", expression);
    buf_printf(&want, "device d @{v='%s'}", want_json);
    assert_uplink(buf_cstr(&script), "", buf_cstr(&want));
    buf_free(&script);
    buf_free(&want);
}
