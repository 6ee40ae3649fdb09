// SPDX-License-Identifier: Apache-2.0
#include "convert/result_json.h"

#include "codec/base64.h"

static void write_kv(struct json_out *j, const struct kv *kv, size_t n)
{
    json_out_object(j);
    for (size_t i = 0; i < n; i++) {
        json_out_key(j, kv[i].key);
        json_out_value(j, &kv[i].value);
    }
    json_out_end(j);
}

static void write_telemetry(struct json_out *j, const struct uplink_msg *m)
{
    if (m->n_telemetry == 1 && m->telemetry[0].ts_ms == 0) {
        write_kv(j, m->telemetry[0].kv, m->telemetry[0].n);
        return;
    }
    json_out_array(j);
    for (uint32_t i = 0; i < m->n_telemetry; i++) {
        json_out_object(j);
        if (m->telemetry[i].ts_ms)
            json_out_key_int(j, "ts", m->telemetry[i].ts_ms);
        json_out_key(j, SPAN("values"));
        write_kv(j, m->telemetry[i].kv, m->telemetry[i].n);
        json_out_end(j);
    }
    json_out_end(j);
}

static void write_text(struct json_out *j, const char *key, struct span s)
{
    if (s.n)
        json_out_key_str(j, key, s);
}

static void write_uplink(struct json_out *j, const struct uplink_msg *m)
{
    json_out_object(j);
    json_out_key_str(j, m->is_asset ? "assetName" : "deviceName", m->name);
    write_text(j, m->is_asset ? "assetType" : "deviceType", m->type);
    write_text(j, m->is_asset ? "assetLabel" : "deviceLabel", m->label);
    write_text(j, "customerName", m->customer);
    write_text(j, "groupName", m->group);
    if (m->n_attributes) {
        json_out_key(j, SPAN("attributes"));
        write_kv(j, m->attributes, m->n_attributes);
    }
    if (m->n_telemetry) {
        json_out_key(j, SPAN("telemetry"));
        write_telemetry(j, m);
    }
    json_out_end(j);
}

void convert_write_uplink(struct json_out *j, const struct uplink_result *r)
{
    if (r->n_msgs == 0) {
        json_out_null(j);
    } else if (r->n_msgs == 1) {
        write_uplink(j, &r->msgs[0]);
    } else {
        json_out_array(j);
        for (uint32_t i = 0; i < r->n_msgs; i++)
            write_uplink(j, &r->msgs[i]);
        json_out_end(j);
    }
}

static const char *content_name(enum downlink_content c)
{
    return c == DOWNLINK_JSON ? "JSON" : c == DOWNLINK_TEXT ? "TEXT" : "BINARY";
}

void convert_write_downlink_members(struct json_out *j, const struct downlink_msg *m)
{
    struct buf text = {0};
    if (m->content == DOWNLINK_BINARY)
        base64_encode(&text, m->data);
    json_out_key_str(j, "contentType", span_str(content_name(m->content)));
    json_out_key_str(j, "data", m->content == DOWNLINK_BINARY ? buf_span(&text) : m->data);
    json_out_key(j, SPAN("metadata"));
    json_out_object(j);
    for (size_t i = 0; i < m->metadata.n; i++) {
        json_out_key(j, m->metadata.p[i].key);
        json_out_str(j, m->metadata.p[i].value);
    }
    json_out_end(j);
    buf_free(&text);
}

void convert_write_downlink(struct json_out *j, const struct downlink_result *r)
{
    if (r->n_msgs != 1)
        json_out_array(j);
    for (uint32_t i = 0; i < r->n_msgs; i++) {
        json_out_object(j);
        convert_write_downlink_members(j, &r->msgs[i]);
        json_out_end(j);
    }
    if (r->n_msgs != 1)
        json_out_end(j);
}
