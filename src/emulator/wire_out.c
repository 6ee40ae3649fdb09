// SPDX-License-Identifier: Apache-2.0
#include "emulator/wire_out.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "codec/cbor.h"

#define CBOR_MAP_HEAD 0xa0 // RFC 8949: major type 5, count in the low bits below 24
#define CBOR_SMALL 23

void emu_out_init(struct emu_out *o, bool cbor, struct buf *buf)
{
    *o = (struct emu_out){.buf = buf, .cbor = cbor, .json = {.out = buf}};
}

static void cbor_open(struct emu_out *o, bool map)
{
    require(o->depth < EMU_OUT_DEPTH);
    o->open[o->depth].at = o->buf->n;
    o->open[o->depth].members = 0;
    o->open[o->depth++].map = map;
}

void emu_out_map(struct emu_out *o)
{
    if (!o->cbor) {
        json_out_object(&o->json);
        return;
    }
    cbor_open(o, true);
    buf_add_char(o->buf, (char)CBOR_MAP_HEAD);
}

void emu_out_list(struct emu_out *o, size_t n)
{
    if (!o->cbor) {
        json_out_array(&o->json);
        return;
    }
    cbor_open(o, false);
    cbor_put_array(o->buf, n);
}

void emu_out_end(struct emu_out *o)
{
    if (!o->cbor) {
        json_out_end(&o->json);
        return;
    }
    require(o->depth > 0);
    o->depth--;
    if (o->open[o->depth].map)
        o->buf->p[o->open[o->depth].at] = (char)(CBOR_MAP_HEAD + o->open[o->depth].members);
}

void emu_out_key(struct emu_out *o, const char *key)
{
    if (!o->cbor) {
        json_out_key(&o->json, span_str(key));
        return;
    }
    require(o->depth > 0 && o->open[o->depth - 1].map);
    require(o->open[o->depth - 1].members++ < CBOR_SMALL);
    cbor_put_text(o->buf, span_str(key));
}

void emu_out_str(struct emu_out *o, struct span s)
{
    if (o->cbor)
        cbor_put_text(o->buf, s);
    else
        json_out_str(&o->json, s);
}

void emu_out_int(struct emu_out *o, int64_t v)
{
    if (o->cbor)
        cbor_put_int(o->buf, v);
    else
        json_out_int(&o->json, v);
}

void emu_out_bool(struct emu_out *o, bool v)
{
    if (o->cbor)
        cbor_put_bool(o->buf, v);
    else
        json_out_bool(&o->json, v);
}

void emu_out_null(struct emu_out *o)
{
    if (o->cbor)
        cbor_put_null(o->buf);
    else
        json_out_null(&o->json);
}

void emu_out_time(struct emu_out *o, int64_t ms)
{
    if (o->cbor) {
        cbor_put_tag(o->buf, 1);
        cbor_put_int(o->buf, ms);
        return;
    }
    char text[32];
    int n = snprintf(text, sizeof text, "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
    json_out_raw(&o->json, span_of(text, (size_t)n));
}

void emu_out_key_str(struct emu_out *o, const char *key, struct span s)
{
    emu_out_key(o, key);
    emu_out_str(o, s);
}

void emu_out_key_int(struct emu_out *o, const char *key, int64_t v)
{
    emu_out_key(o, key);
    emu_out_int(o, v);
}

void emu_out_key_bool(struct emu_out *o, const char *key, bool v)
{
    emu_out_key(o, key);
    emu_out_bool(o, v);
}
