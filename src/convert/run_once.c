// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "codec/json_scan.h"
#include "convert/convert.h"
#include "convert/downlink.h"
#include "convert/rule_script.h"
#include "convert/script_args.h"
#include "convert/uplink.h"

// A runner calls the same contracts as the pool's workers do, and looks at the result twice: as
// text for the caller, and as the contract would.

struct convert_runner {
    enum convert_kind kind;
    struct js_engine_options o;
    struct js_source *source; // owned
    bool cast_strings;
    struct js_engine *engine;
    struct arena arena; // of one run
    struct buf scratch;
};

struct runner_call {
    struct js_call call; // first
    struct convert_runner *r;
    const struct convert_input *in;
    struct js_call *contract;
    struct buf *json;
};

struct convert_runner *convert_runner_new(enum convert_kind kind, const struct convert_options *o,
                                          struct span script)
{
    struct convert_runner *r = mem_new(struct convert_runner);
    r->kind = kind;
    r->source = js_source_new(kind, script);
    r->cast_strings = o->cast_strings;
    r->o = (struct js_engine_options){
        .source = r->source,
        .time_limit_ms = o->time_limit_ms > 0 ? o->time_limit_ms : CONVERT_TIME_LIMIT_MS,
        .memory_limit = o->memory_limit ? o->memory_limit : CONVERT_MEMORY_LIMIT,
    };
    r->engine = js_engine_new(&r->o);
    return r;
}

void convert_runner_free(struct convert_runner *r)
{
    if (!r)
        return;
    js_engine_free(r->engine);
    arena_free(&r->arena);
    buf_free(&r->scratch);
    js_source_free(r->source);
    mem_free(r);
}

static void push_object(duk_context *ctx, struct span json)
{
    if (json.n == 0)
        (void)duk_push_object(ctx);
    else
        script_args_push_json(ctx, json);
}

static int push_arguments(duk_context *ctx, struct js_call *call)
{
    struct runner_call *c = (struct runner_call *)call;
    if (c->r->kind == CONVERT_UPLINK) {
        duk_x_push_bytes(ctx, c->in->data);
        push_object(ctx, c->in->metadata_json);
        return 2;
    }
    script_args_push_json(ctx, c->in->data);
    push_object(ctx, c->in->metadata_json);
    script_args_push_text(ctx, c->in->msg_type);
    if (c->r->kind != CONVERT_DOWNLINK)
        return 3;
    push_object(ctx, c->in->integration_metadata_json);
    return 4;
}

static void take_result(duk_context *ctx, struct js_call *call)
{
    struct runner_call *c = (struct runner_call *)call;
    struct duk_x_value v;
    duk_x_view(ctx, -1, &v);
    struct result_reader reader = {.ctx = ctx,
                                   .arena = &c->r->arena,
                                   .scratch = &c->r->scratch,
                                   .limit = CONVERT_DOWNLINK_MAX};
    struct span text;
    call->status = result_json(&reader, &v, &text);
    call->error = reader.error;
    if (call->status < 0)
        return;
    buf_add_span(c->json, text);
    c->contract->take(ctx, c->contract);
    call->status = c->contract->status;
    call->error = c->contract->error;
}

// The two that must be objects, before they meet the script.
static int check_object(const char *what, struct span json, struct err *e)
{
    if (json.n == 0)
        return 0;
    struct arena arena = {0};
    struct json_scan s;
    json_scan_init(&s, json, &arena);
    enum json_token first = json_scan_next(&s), t = first;
    while (t > JSON_T_END)
        t = json_scan_next(&s);
    int rc = 0;
    if (t == JSON_T_ERROR)
        rc = json_scan_error(&s, e);
    else if (first != JSON_T_OBJECT)
        rc = err_set(e, ERR_INVALID, "a JSON object is needed");
    arena_free(&arena);
    if (rc == 0)
        return 0;
    err_wrap(e, "%s", what);
    return ERR_INVALID;
}

static int check_input(struct convert_runner *r, const struct convert_input *in, struct err *e)
{
    int rc = check_object("metadata", in->metadata_json, e);
    if (rc == 0)
        rc = check_object("integration metadata", in->integration_metadata_json, e);
    if (rc != 0 || r->kind == CONVERT_UPLINK)
        return rc;
    struct arena arena = {0};
    struct json_scan s;
    json_scan_init(&s, in->data, &arena);
    enum json_token t;
    while ((t = json_scan_next(&s)) > JSON_T_END)
        continue;
    if (t == JSON_T_ERROR) {
        (void)json_scan_error(&s, e);
        err_wrap(e, "message");
        rc = ERR_INVALID;
    }
    arena_free(&arena);
    return rc;
}

int convert_runner_run(struct convert_runner *r, const struct convert_input *in,
                       struct buf *result_json, struct err *e)
{
    int rc = check_input(r, in, e);
    if (rc < 0)
        return rc;
    if (js_engine_is_spent(r->engine)) {
        js_engine_free(r->engine);
        r->engine = js_engine_new(&r->o);
    }
    arena_reset(&r->arena);
    struct result_reader reader = {.arena = &r->arena,
                                   .scratch = &r->scratch,
                                   .cast_strings = r->cast_strings,
                                   .limit = CONVERT_RESULT_MAX};
    struct uplink_call up = {.reader = reader};
    struct downlink_call down = {.m.reader = reader};
    struct rule_call rule = {.m.reader = reader};
    struct uplink_result up_out;
    struct downlink_result down_out;
    struct rule_result rule_out;
    struct runner_call c = {.r = r, .in = in, .json = result_json};
    uplink_call_init(&up, NULL, &up_out);
    downlink_call_init(&down, NULL, &down_out);
    rule_call_init(&rule, r->kind, NULL, &rule_out);
    down.m.reader.limit = rule.m.reader.limit = CONVERT_DOWNLINK_MAX;
    c.contract = r->kind == CONVERT_UPLINK     ? &up.call
                 : r->kind == CONVERT_DOWNLINK ? &down.m.call
                                               : &rule.m.call;
    c.call.push = push_arguments;
    c.call.take = take_result;
    c.call.arena = &r->arena;
    rc = js_engine_call(r->engine, NULL, &c.call);
    require(rc == 0);
    if (c.call.status == 0)
        return 0;
    return err_set(e, c.call.status, "%.*s", SPAN_ARG(c.call.error));
}

int convert_run_once(enum convert_kind kind, const struct convert_options *o, struct span script,
                     struct span input, struct span metadata_json, struct buf *result_json,
                     struct err *e)
{
    struct convert_runner *r = convert_runner_new(kind, o, script);
    struct convert_input in = {.data = input, .metadata_json = metadata_json};
    int rc = convert_runner_run(r, &in, result_json, e);
    convert_runner_free(r);
    return rc;
}
