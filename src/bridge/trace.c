// SPDX-License-Identifier: Apache-2.0
#include "bridge/trace.h"

#include "base/num.h"
#include "bridge/integration.h"
#include "codec/base64.h"
#include "convert/result_json.h"

static bool wants(struct integration *in, const struct debug_settings *d, struct uuid id,
                  bool failed)
{
    return debug_any(d) && debug_wants(d, loop_wall_ms(in->bridge->o.loop), failed) &&
           events_may(hub_events(in->bridge->o.hub), id);
}

static struct debug_settings settings_of(struct integration *in, enum store_doc_kind kind,
                                         struct uuid id)
{
    struct entity *e = registry_find(hub_registry(in->bridge->o.hub), kind, id);
    return e ? debug_settings_read(e->doc) : (struct debug_settings){0};
}

void trace_load(struct integration *in)
{
    struct trace *t = &in->trace;
    *t = (struct trace){.integration = settings_of(in, STORE_INTEGRATION, in->id),
                        .uplink = settings_of(in, STORE_CONVERTER, in->uplink_id)};
    if (in->has_downlink)
        t->downlink = settings_of(in, STORE_CONVERTER, in->downlink_id);
    t->on = debug_any(&t->integration) || debug_any(&t->uplink) || debug_any(&t->downlink);
}

// Text as it is, other bytes in base64; *type says which.
static struct span payload_text(struct buf *b, struct span payload, struct span *type)
{
    if (span_is_utf8(payload)) {
        bool json = payload.n && (payload.p[0] == '{' || payload.p[0] == '[');
        *type = json ? SPAN("JSON") : SPAN("TEXT");
        return payload.p ? payload : SPAN("");
    }
    // No more than an event shows.
    size_t n = payload.n < EVENT_TEXT_MAX ? payload.n : EVENT_TEXT_MAX;
    *type = SPAN("BINARY");
    base64_encode(b, span_of(payload.p, n));
    return buf_span(b);
}

static void write_pairs(struct json_out *j, struct convert_pairs pairs)
{
    for (size_t i = 0; i < pairs.n; i++) {
        json_out_key(j, pairs.p[i].key);
        json_out_str(j, pairs.p[i].value);
    }
}

static void add_converter(struct integration *in, struct uuid id,
                          const struct event_field fields[7])
{
    events_add(hub_events(in->bridge->o.hub), id, EVENT_DEBUG_CONVERTER, fields, 7);
}

static void add_integration(struct integration *in, const char *direction, struct span message,
                            struct span type, struct span error)
{
    struct event_field fields[] = {
        {"type", span_str(direction)},
        {"message", message},
        {"messageType", type},
        {"status", error.p ? SPAN("FAILURE") : SPAN("OK")},
        {"error", error},
    };
    events_add(hub_events(in->bridge->o.hub), in->id, EVENT_DEBUG_INTEGRATION, fields,
               sizeof fields / sizeof *fields);
}

static void record_metadata(struct json_out *j, struct integration *in,
                            const struct kinesis_record *r, struct span shard_id)
{
    json_out_object(j);
    write_pairs(j, (struct convert_pairs){in->config.pairs, in->config.n_pairs});
    if (shard_id.n) {
        json_out_key_str(j, "shardId", shard_id);
        json_out_key_str(j, "sequenceNumber", r->sequence_number);
        json_out_key_str(j, "partitionKey", r->partition_key);
    }
    json_out_end(j);
}

void trace_uplink(struct integration *in, const struct kinesis_record *r, struct span shard_id,
                  const struct uplink_result *result, struct span error)
{
    const struct trace *t = &in->trace;
    bool converter = wants(in, &t->uplink, in->uplink_id, result->status < 0);
    bool integration = wants(in, &t->integration, in->id, error.p != NULL);
    if (!converter && !integration)
        return;
    struct buf text = {0}, out = {0}, metadata = {0};
    struct json_out j = {.out = &out}, m = {.out = &metadata};
    struct span type, payload = payload_text(&text, r->data, &type);
    if (converter) {
        if (result->status == 0)
            convert_write_uplink(&j, result);
        record_metadata(&m, in, r, shard_id);
        add_converter(in, in->uplink_id,
                      (struct event_field[]){{"type", SPAN("Uplink")},
                                             {"in", payload},
                                             {"inMessageType", type},
                                             {"out", buf_span(&out)},
                                             {"outMessageType", SPAN("JSON")},
                                             {"metadata", buf_span(&metadata)},
                                             {"error", result->error}});
    }
    if (integration)
        add_integration(in, "Uplink", payload, type, error);
    buf_free(&text);
    buf_free(&out);
    buf_free(&metadata);
}

void trace_downlink(struct integration *in, const struct downlink_input *input,
                    const struct downlink_result *result, struct span error)
{
    const struct trace *t = &in->trace;
    bool converter = wants(in, &t->downlink, in->downlink_id, result->status < 0);
    bool integration = wants(in, &t->integration, in->id, error.p != NULL);
    if (!converter && !integration)
        return;
    struct buf out = {0}, metadata = {0};
    struct json_out j = {.out = &out}, m = {.out = &metadata};
    if (result->status == 0)
        convert_write_downlink(&j, result);
    if (converter) {
        json_out_object(&m);
        write_pairs(&m, input->metadata);
        json_out_end(&m);
        add_converter(in, in->downlink_id,
                      (struct event_field[]){{"type", SPAN("Downlink")},
                                             {"in", input->msg_json},
                                             {"inMessageType", input->msg_type},
                                             {"out", buf_span(&out)},
                                             {"outMessageType", SPAN("JSON")},
                                             {"metadata", buf_span(&metadata)},
                                             {"error", result->error}});
    }
    if (integration)
        add_integration(in, "Downlink", out.n ? buf_span(&out) : input->msg_json, input->msg_type,
                        error);
    buf_free(&out);
    buf_free(&metadata);
}
