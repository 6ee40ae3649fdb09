// SPDX-License-Identifier: Apache-2.0
#include "api/routes.h"
#include "api/script_trial.h"

// One run of a rule node's script: facts/hub.md section 3.5.

// As the script would have returned it, with what it left out as it came in.
static void write_msg(struct json_out *j, const struct script_trial *t,
                      const struct rule_msg_out *m)
{
    struct convert_pairs metadata = m->has_metadata ? m->metadata : t->input.metadata;
    json_out_object(j);
    json_out_key_raw(j, "msg", m->msg_json.p ? m->msg_json : t->input.msg_json);
    json_out_key(j, SPAN("metadata"));
    json_out_object(j);
    for (size_t i = 0; i < metadata.n; i++) {
        json_out_key(j, metadata.p[i].key);
        json_out_str(j, metadata.p[i].value);
    }
    json_out_end(j);
    json_out_key_str(j, "msgType", m->msg_type.n ? m->msg_type : t->input.msg_type);
    json_out_end(j);
}

static void write_result(struct buf *b, const struct script_trial *t, const struct rule_result *r)
{
    struct json_out j = {.out = b};
    if (t->kind == CONVERT_LOG) {
        buf_add_span(b, r->text);
    } else if (t->kind == CONVERT_FILTER) {
        json_out_bool(&j, r->verdict);
    } else if (t->kind == CONVERT_TRANSFORM && r->n_msgs == 1) {
        write_msg(&j, t, &r->msgs[0]);
    } else {
        json_out_array(&j);
        for (uint32_t i = 0; i < r->n_names; i++)
            json_out_str(&j, r->names[i]);
        for (uint32_t i = 0; i < r->n_msgs; i++)
            write_msg(&j, t, &r->msgs[i]);
        json_out_end(&j);
    }
}

static void respond(struct request *q, const struct script_trial *t)
{
    const struct rule_result *r = &t->job.rule_out[0];
    struct buf result = {0}, *b = request_out(q);
    struct json_out j = {.out = b};
    if (r->status == 0)
        write_result(&result, t, r);
    json_out_object(&j);
    script_trial_write(&j, r->status, r->error, buf_span(&result));
    json_out_end(&j);
    respond_json(q, buf_span(b));
    buf_free(&result);
}

static bool read_kind(struct request *q, const struct json *doc, enum convert_kind *out)
{
    static const struct {
        const char *name;
        enum convert_kind kind;
    } kinds[] = {{"update", CONVERT_TRANSFORM},
                 {"filter", CONVERT_FILTER},
                 {"switch", CONVERT_SWITCH},
                 {"string", CONVERT_LOG}};
    struct span name = json_get_str(doc, "scriptType", SPAN_NONE);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (span_is(name, kinds[i].name)) {
            *out = kinds[i].kind;
            return true;
        }
    }
    respond_error(q, 400, HUB_BAD_REQUEST, "scriptType: must be update, filter, switch or string");
    return false;
}

static bool read_input(struct request *q, struct script_trial *t, const struct json *doc)
{
    struct span msg = json_get_str(doc, "msg", SPAN_NONE);
    if (!json_is(json_get(doc, "msg"), JSON_STRING)) {
        respond_error(q, 400, HUB_BAD_REQUEST, "msg: must be a string that holds JSON");
        return false;
    }
    t->input.msg_json = arena_span(&t->arena, msg);
    t->input.msg_type =
        arena_span(&t->arena, json_get_str(doc, "msgType", SPAN("POST_TELEMETRY_REQUEST")));
    return request_pairs(q, &t->arena, doc, "metadata", &t->input.metadata);
}

static bool prepare(struct request *q, struct script_trial *t, const struct json *doc)
{
    struct span script;
    enum convert_kind kind;
    if (!script_trial_read(q, doc, "script", &script) || !read_kind(q, doc, &kind) ||
        !read_input(q, t, doc))
        return false;
    t->job.downlink = &t->input;
    t->respond = respond;
    script_trial_set(q, t, kind, script);
    return true;
}

void rule_script_test(struct request *q)
{
    script_trial_run(q, prepare);
}
