// SPDX-License-Identifier: Apache-2.0
#include "api/script_trial.h"

#include "base/mem.h"

static void free_trial(struct script_trial *t)
{
    if (t->job.script)
        convert_script_unref(t->job.script);
    arena_free(&t->job.arena);
    arena_free(&t->arena);
    mem_free(t);
}

static void on_tried(struct convert_job *job)
{
    struct script_trial *t = container_of(job, struct script_trial, job);
    struct request *q = wait_end(&t->wait);
    if (q)
        t->respond(q, t);
    free_trial(t);
}

static bool prepare_body(struct request *q, struct script_trial *t, const struct json *doc,
                         script_trial_prepare_fn *prepare)
{
    if (json_is(doc, JSON_OBJECT))
        return prepare(q, t, doc);
    respond_error(q, 400, HUB_BAD_REQUEST, "request body must be a JSON object");
    return false;
}

void script_trial_run(struct request *q, script_trial_prepare_fn *prepare)
{
    struct json *doc = request_json(q);
    if (!doc)
        return;
    struct script_trial *t = mem_new(struct script_trial);
    bool ready = prepare_body(q, t, doc, prepare);
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

bool script_trial_read(struct request *q, const struct json *doc, const char *key,
                       struct span *script)
{
    *script = json_get_str(doc, key, SPAN_NONE);
    if (script->n && script->n <= CONVERT_SCRIPT_MAX)
        return true;
    respond_error(q, 400, HUB_BAD_REQUEST, "%s: must be a script of at most %zu bytes", key,
                  CONVERT_SCRIPT_MAX);
    return false;
}

void script_trial_set(struct request *q, struct script_trial *t, enum convert_kind kind,
                      struct span script)
{
    t->kind = kind;
    t->job.script = convert_script_new(hub_convert(q->api->o.hub), kind, SPAN("test"), script);
    t->job.n = 1;
    t->job.done = on_tried;
}

void script_trial_write(struct json_out *j, int status, struct span error, struct span output)
{
    if (status < 0 && !error.n)
        error = span_str(err_text(status));
    json_out_key_str(j, "output", output);
    json_out_key_str(j, "error", status < 0 ? error : SPAN(""));
}
