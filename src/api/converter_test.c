// SPDX-License-Identifier: Apache-2.0
#include "api/routes.h"
#include "api/script_trial.h"
#include "codec/base64.h"
#include "convert/result_json.h"

// One run of a converter: facts/hub.md section 2.4.

// A single downlink stands beside "output" too: one of the hub's clients reads it there.
static void respond(struct request *q, const struct script_trial *t)
{
    const struct uplink_result *up = t->job.uplink_out;
    const struct downlink_result *down = t->job.downlink_out;
    bool uplink = t->kind == CONVERT_UPLINK;
    int status = uplink ? up->status : down->status;
    struct buf result = {0}, *b = request_out(q);
    struct json_out inner = {.out = &result}, j = {.out = b};
    if (status == 0 && uplink)
        convert_write_uplink(&inner, up);
    else if (status == 0)
        convert_write_downlink(&inner, down);
    json_out_object(&j);
    script_trial_write(&j, status, uplink ? up->error : down->error, buf_span(&result));
    if (status == 0 && !uplink && down->n_msgs == 1)
        convert_write_downlink_members(&j, &down->msgs[0]);
    json_out_end(&j);
    respond_json(q, buf_span(b));
    buf_free(&result);
}

static bool read_payload(struct request *q, struct script_trial *t, const struct json *doc)
{
    struct span text = json_get_str(doc, "payload", SPAN_NONE);
    char *p = arena_alloc(&t->arena, BASE64_DECODED_MAX(text.n));
    ptrdiff_t n = json_is(json_get(doc, "payload"), JSON_STRING) ? base64_decode(p, text) : -1;
    if (n < 0) {
        respond_error(q, 400, HUB_BAD_REQUEST, "payload: must be a string in base64");
        return false;
    }
    t->record.payload = span_of(p, (size_t)n);
    t->record.arrival_ms = loop_wall_ms(q->api->o.loop);
    t->job.uplink = &t->record;
    return true;
}

static bool read_msg(struct request *q, struct script_trial *t, const struct json *doc)
{
    struct err e = {0};
    struct span msg = json_get_str(doc, "msg", SPAN_NONE);
    struct json *parsed = msg.n ? json_parse(msg, &e) : NULL;
    if (!parsed) {
        respond_error(q, 400, HUB_BAD_REQUEST, "msg: must be a string that holds JSON");
        return false;
    }
    json_free(parsed);
    t->input.msg_json = arena_span(&t->arena, msg);
    t->input.msg_type =
        arena_span(&t->arena, json_get_str(doc, "msgType", SPAN("ATTRIBUTES_UPDATED")));
    t->job.downlink = &t->input;
    return request_pairs(q, &t->arena, doc, "metadata", &t->input.metadata);
}

static bool prepare_uplink(struct request *q, struct script_trial *t, const struct json *doc)
{
    struct span script;
    if (!script_trial_read(q, doc, "decoder", &script) ||
        !request_pairs(q, &t->arena, doc, "metadata", &t->job.meta) || !read_payload(q, t, doc))
        return false;
    t->respond = respond;
    script_trial_set(q, t, CONVERT_UPLINK, script);
    return true;
}

static bool prepare_downlink(struct request *q, struct script_trial *t, const struct json *doc)
{
    struct span script;
    if (!script_trial_read(q, doc, "encoder", &script) ||
        !request_pairs(q, &t->arena, doc, "integrationMetadata", &t->job.meta) ||
        !read_msg(q, t, doc))
        return false;
    t->respond = respond;
    script_trial_set(q, t, CONVERT_DOWNLINK, script);
    return true;
}

void converter_test_uplink(struct request *q)
{
    script_trial_run(q, prepare_uplink);
}

void converter_test_downlink(struct request *q)
{
    script_trial_run(q, prepare_downlink);
}
