// SPDX-License-Identifier: Apache-2.0
#include "emulator/wire_in.h"

#include "base/num.h"

static bool fail(struct emu_reader *r, struct emu_value *out)
{
    r->failed = true;
    out->kind = EMU_V_ERROR;
    return false;
}

static bool from_json(struct emu_reader *r, enum json_token t, struct emu_value *out)
{
    *out = (struct emu_value){.kind = EMU_V_NULL, .s = r->json.text};
    switch (t) {
    case JSON_T_OBJECT:
        out->kind = EMU_V_MAP;
        return true;
    case JSON_T_ARRAY:
        out->kind = EMU_V_LIST;
        return true;
    case JSON_T_STRING:
        out->kind = EMU_V_STRING;
        return true;
    case JSON_T_NUMBER:
        out->kind = EMU_V_NUMBER;
        return num_parse_double(r->json.text, &out->d) || fail(r, out);
    case JSON_T_TRUE:
    case JSON_T_FALSE:
        out->kind = EMU_V_BOOL;
        out->b = t == JSON_T_TRUE;
        return true;
    case JSON_T_NULL:
        return true;
    default:
        return fail(r, out);
    }
}

static bool from_cbor(struct emu_reader *r, struct emu_value *out)
{
    struct cbor_item item = {0};
    // Tags say how to read what follows; here the member's type says so already.
    do {
        if (!cbor_read(&r->bin, &item))
            return fail(r, out);
    } while (item.type == CBOR_TAG);
    *out = (struct emu_value){.s = item.s, .left = item.count};
    switch (item.type) {
    case CBOR_UINT:
        out->kind = EMU_V_NUMBER;
        out->d = (double)item.u;
        return true;
    case CBOR_NINT:
        out->kind = EMU_V_NUMBER;
        out->d = -1 - (double)item.u;
        return true;
    case CBOR_FLOAT:
        out->kind = EMU_V_NUMBER;
        out->d = item.d;
        return true;
    case CBOR_BYTES:
        out->kind = EMU_V_BYTES;
        return true;
    case CBOR_TEXT:
        out->kind = EMU_V_STRING;
        return span_is_utf8(item.s) || fail(r, out);
    case CBOR_ARRAY:
        out->kind = EMU_V_LIST;
        return true;
    case CBOR_MAP:
        out->kind = EMU_V_MAP;
        return true;
    case CBOR_TRUE:
    case CBOR_FALSE:
        out->kind = EMU_V_BOOL;
        out->b = item.type == CBOR_TRUE;
        return true;
    case CBOR_NULL:
        out->kind = EMU_V_NULL;
        return true;
    default:
        return fail(r, out);
    }
}

void emu_reader_init(struct emu_reader *r, bool cbor, struct span body, struct arena *arena)
{
    *r = (struct emu_reader){.cbor = cbor, .arena = arena};
    if (cbor)
        cbor_reader_init(&r->bin, body, arena);
    else
        json_scan_init(&r->json, body, arena);
}

void emu_read_top(struct emu_reader *r, struct emu_value *out)
{
    if (r->cbor)
        from_cbor(r, out);
    else
        from_json(r, json_scan_next(&r->json), out);
}

bool emu_read_member(struct emu_reader *r, struct emu_value *map, struct span *key,
                     struct emu_value *out)
{
    if (r->failed)
        return false;
    if (r->cbor) {
        if (!cbor_more(&r->bin, &map->left))
            return r->bin.error ? fail(r, out) : false;
        struct emu_value k;
        if (!from_cbor(r, &k) || k.kind != EMU_V_STRING)
            return fail(r, out);
        *key = k.s;
        return from_cbor(r, out);
    }
    enum json_token t = json_scan_next(&r->json);
    if (t == JSON_T_OBJECT_END)
        return false;
    if (t != JSON_T_KEY)
        return fail(r, out);
    *key = r->json.text;
    return from_json(r, json_scan_next(&r->json), out);
}

bool emu_read_element(struct emu_reader *r, struct emu_value *list, struct emu_value *out)
{
    if (r->failed)
        return false;
    if (r->cbor) {
        if (!cbor_more(&r->bin, &list->left))
            return r->bin.error ? fail(r, out) : false;
        return from_cbor(r, out);
    }
    enum json_token t = json_scan_next(&r->json);
    if (t == JSON_T_ARRAY_END)
        return false;
    return from_json(r, t, out);
}

void emu_skip(struct emu_reader *r, struct emu_value *v)
{
    struct emu_value ignored;
    if (r->failed || (v->kind != EMU_V_LIST && v->kind != EMU_V_MAP))
        return;
    if (r->cbor) {
        struct cbor_item item = {.type = v->kind == EMU_V_LIST ? CBOR_ARRAY : CBOR_MAP,
                                 .count = v->left};
        if (!cbor_skip(&r->bin, &item))
            fail(r, &ignored);
        return;
    }
    struct span raw;
    if (json_scan_raw(&r->json, &raw) != 0)
        fail(r, &ignored);
}

bool emu_read_done(struct emu_reader *r)
{
    if (r->failed)
        return false;
    if (r->cbor)
        return r->bin.at == r->bin.end;
    return json_scan_next(&r->json) == JSON_T_END;
}
