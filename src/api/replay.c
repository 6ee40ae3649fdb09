// SPDX-License-Identifier: Apache-2.0
#include "api/internal.h"
#include "api/routes.h"

// A stream is read once more: a call of our own, /api/integration/{id}/replay.
//   POST {"shardId":ID, "from":FROM, "until":UNTIL} starts one; GET shows it; DELETE ends it.
// FROM: "TRIM_HORIZON", milliseconds since 1970, or a sequence number (a string of digits, with
// shardId). UNTIL: milliseconds, a sequence number, or left out: where live reading is.

#define SEQUENCE_DIGITS_MAX 129 // facts/wire.md section 4

static void respond_replay(struct request *q, struct uuid integration)
{
    struct buf *b = request_out(q);
    if (bridge_replay_json(q->api->o.bridge, integration, b))
        respond_json(q, buf_span(b));
    else
        respond_error(q, 404, HUB_NOT_FOUND, "the integration is being removed");
}

void replay_show(struct request *q)
{
    struct entity *e = request_entity(q, STORE_INTEGRATION, q->args[0]);
    if (e)
        respond_replay(q, e->id);
}

void replay_cancel(struct request *q)
{
    struct entity *e = request_entity(q, STORE_INTEGRATION, q->args[0]);
    if (!e)
        return;
    bridge_replay_cancel(q->api->o.bridge, e->id);
    respond_replay(q, e->id);
}

static bool is_number(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    }
    return s.n > 0 && s.n <= SEQUENCE_DIGITS_MAX;
}

// Milliseconds or a sequence number.
static bool read_place(const struct json *v, int64_t *ms, struct span *sequence)
{
    if (json_is(v, JSON_STRING)) {
        *sequence = json_str(v, SPAN_NONE);
        return is_number(*sequence);
    }
    *ms = json_int(v, 0);
    return *ms > 0;
}

static int read_replay(const struct json *doc, struct bridge_replay *r, struct err *e)
{
    const struct json *shard = json_get(doc, "shardId"), *from = json_get(doc, "from"),
                      *until = json_get(doc, "until");
    if (!json_is(doc, JSON_OBJECT))
        return err_set(e, ERR_INVALID, "must be a JSON object");
    for (const struct json *m = json_child(doc); m; m = json_next(m)) {
        if (m != shard && m != from && m != until)
            return err_set(e, ERR_INVALID, "%.*s: unknown key", SPAN_ARG(json_key(m)));
    }
    if (shard && !json_is(shard, JSON_NULL) && !json_is(shard, JSON_STRING))
        return err_set(e, ERR_INVALID, "shardId: must be a string");
    r->shard_id = json_str(shard, SPAN_NONE);
    if (span_is(json_str(from, SPAN_NONE), "TRIM_HORIZON")) {
        r->from = KINESIS_TRIM_HORIZON;
    } else if (read_place(from, &r->from_ms, &r->from_sequence)) {
        r->from = r->from_ms ? KINESIS_AT_TIMESTAMP : KINESIS_AT_SEQUENCE_NUMBER;
    } else {
        return err_set(e, ERR_INVALID,
                       "from: must be \"TRIM_HORIZON\", milliseconds since 1970, or a sequence "
                       "number as a string");
    }
    if (until && !json_is(until, JSON_NULL) &&
        !read_place(until, &r->until_ms, &r->until_sequence)) {
        return err_set(e, ERR_INVALID,
                       "until: must be milliseconds since 1970 or a sequence number as a string");
    }
    return 0;
}

void replay_start(struct request *q)
{
    struct err err = {0};
    struct bridge_replay r = {0};
    struct entity *e = request_entity(q, STORE_INTEGRATION, q->args[0]);
    struct json *doc = e && request_may_write(q) ? request_json(q) : NULL;
    if (!doc)
        return;
    if (read_replay(doc, &r, &err) < 0 ||
        bridge_replay_start(q->api->o.bridge, e->id, &r, &err) < 0)
        respond_err(q, &err);
    else
        respond_replay(q, e->id);
    json_free(doc);
}
