// SPDX-License-Identifier: Apache-2.0
#include "api/internal.h"
#include "api/routes.h"
#include "base/mem.h"
#include "codec/base64.h"
#include "convert/result_json.h"

// One run of a script that is being written: facts/hub.md section 2.4. Shows what the hub makes of
// the result; a script that fails is a good answer with an error in it.

#define SCRIPT_MAX (1024 * 1024)

struct trial {
    struct wait wait;
    struct arena arena; // what the job reads
    struct convert_job job;
    struct uplink_record record;
    struct downlink_input input;
};

static void free_trial(struct trial *t)
{
    if (t->job.script)
        convert_script_unref(t->job.script);
    arena_free(&t->job.arena);
    arena_free(&t->arena);
    mem_free(t);
}

// {"output": the result's JSON as a string, "error": ""}. A single downlink stands beside it too:
// one of the hub's clients reads it there.
static void respond_trial(struct request *q, const struct trial *t)
{
    const struct uplink_result *up = t->job.uplink_out;
    const struct downlink_result *down = t->job.downlink_out;
    bool uplink = t->job.uplink != NULL;
    int status = uplink ? up->status : down->status;
    struct span error = uplink ? up->error : down->error;
    struct buf result = {0}, *b = request_out(q);
    struct json_out inner = {.out = &result}, j = {.out = b};
    if (status == 0 && uplink)
        convert_write_uplink(&inner, up);
    else if (status == 0)
        convert_write_downlink(&inner, down);
    if (status < 0 && !error.n)
        error = span_str(err_text(status));
    json_out_object(&j);
    json_out_key_str(&j, "output", buf_span(&result));
    json_out_key_str(&j, "error", status < 0 ? error : SPAN(""));
    if (status == 0 && !uplink && down->n_msgs == 1)
        convert_write_downlink_members(&j, &down->msgs[0]);
    json_out_end(&j);
    respond_json(q, buf_span(b));
    buf_free(&result);
}

static void on_tried(struct convert_job *job)
{
    struct trial *t = container_of(job, struct trial, job);
    struct request *q = wait_end(&t->wait);
    if (q)
        respond_trial(q, t);
    free_trial(t);
}

// The script, whichever language it says it is in: TBEL is tried as the JavaScript it resembles.
static bool read_script(struct request *q, const struct json *doc, const char *key,
                        struct span *script)
{
    *script = json_get_str(doc, key, SPAN_NONE);
    if (script->n && script->n <= SCRIPT_MAX)
        return true;
    respond_error(q, 400, HUB_BAD_REQUEST, "%s: must be a script of at most %d bytes", key,
                  SCRIPT_MAX);
    return false;
}

static bool read_payload(struct request *q, struct trial *t, const struct json *doc)
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

static bool read_msg(struct request *q, struct trial *t, const struct json *doc)
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

static bool prepare(struct request *q, struct trial *t, const struct json *doc, bool up)
{
    struct span script;
    if (!json_is(doc, JSON_OBJECT)) {
        respond_error(q, 400, HUB_BAD_REQUEST, "request body must be a JSON object");
        return false;
    }
    if (!read_script(q, doc, up ? "decoder" : "encoder", &script) ||
        !request_pairs(q, &t->arena, doc, up ? "metadata" : "integrationMetadata", &t->job.meta) ||
        !(up ? read_payload(q, t, doc) : read_msg(q, t, doc)))
        return false;
    t->job.script = convert_script_new(
        hub_convert(q->api->o.hub), up ? CONVERT_UPLINK : CONVERT_DOWNLINK, SPAN("test"), script);
    t->job.n = 1;
    t->job.done = on_tried;
    return true;
}

static void try_script(struct request *q, bool up)
{
    struct json *doc = request_json(q);
    if (!doc)
        return;
    struct trial *t = mem_new(struct trial);
    bool ready = prepare(q, t, doc, up);
    json_free(doc);
    if (!ready) {
        free_trial(t);
        return;
    }
    wait_begin(&t->wait, q);
    if (convert_submit(hub_convert(q->api->o.hub), &t->job) == 0)
        return;
    wait_end(&t->wait);
    free_trial(t);
    respond_error(q, 429, HUB_TOO_MANY, "all converter workers are busy: try again");
}

void converter_test_uplink(struct request *q)
{
    try_script(q, true);
}

void converter_test_downlink(struct request *q)
{
    try_script(q, false);
}
