// SPDX-License-Identifier: Apache-2.0
#include "codec/json_out.h"

#include <math.h>

#include "base/err.h"
#include "base/num.h"
#include "codec/json_text.h"

#define REPLACEMENT "\xef\xbf\xbd" // U+FFFD

static void put_escape(struct buf *out, unsigned char c)
{
    static const char names[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    char name = c == '"' || c == '\\' ? (char)c : names[c];
    if (name) {
        buf_add(out, (char[]){'\\', name}, 2);
    } else {
        buf_printf(out, "\\u%04x", c);
    }
}

void json_quote(struct buf *out, struct span s)
{
    const unsigned char *p = (const unsigned char *)(s.p ? s.p : ""), *end = p + s.n;
    buf_reserve(out, s.n + 2);
    buf_add_char(out, '"');
    while (p < end) {
        const unsigned char *stop = json_plain_end(p, end);
        buf_add(out, p, (size_t)(stop - p));
        p = stop;
        if (p == end) {
            break;
        }
        if (*p < 0x80) {
            put_escape(out, *p++);
            continue;
        }
        size_t n = json_utf8_len(p, end);
        if (n) {
            buf_add(out, p, n);
            p += n;
        } else {
            buf_add_str(out, REPLACEMENT);
            p++;
        }
    }
    buf_add_char(out, '"');
}

static bool in_object(const struct json_out *j)
{
    return j->depth > 0 && j->close[j->depth - 1] == '}';
}

// Every value starts here.
static void begin_value(struct json_out *j)
{
    require(in_object(j) ? j->after_key : j->depth > 0 || !j->need_comma);
    if (j->need_comma) {
        buf_add_char(j->out, ',');
    }
    j->need_comma = true;
    j->after_key = false;
}

static void open(struct json_out *j, char opening, char closing)
{
    begin_value(j);
    require(j->depth < JSON_OUT_DEPTH);
    buf_add_char(j->out, opening);
    j->close[j->depth++] = closing;
    j->need_comma = false;
}

void json_out_object(struct json_out *j)
{
    open(j, '{', '}');
}

void json_out_array(struct json_out *j)
{
    open(j, '[', ']');
}

void json_out_end(struct json_out *j)
{
    require(j->depth > 0 && !j->after_key);
    buf_add_char(j->out, j->close[--j->depth]);
    j->need_comma = true;
}

void json_out_key(struct json_out *j, struct span key)
{
    require(in_object(j) && !j->after_key);
    if (j->need_comma) {
        buf_add_char(j->out, ',');
    }
    json_quote(j->out, key);
    buf_add_char(j->out, ':');
    j->need_comma = false;
    j->after_key = true;
}

void json_out_str(struct json_out *j, struct span s)
{
    begin_value(j);
    json_quote(j->out, s);
}

void json_out_int(struct json_out *j, int64_t v)
{
    begin_value(j);
    buf_add_i64(j->out, v);
}

void json_out_num(struct json_out *j, double v)
{
    char text[NUM_TEXT_MAX];
    if (!isfinite(v)) {
        json_out_null(j);
        return;
    }
    begin_value(j);
    buf_add(j->out, text, num_format_double(v, text));
}

void json_out_bool(struct json_out *j, bool v)
{
    begin_value(j);
    buf_add_str(j->out, v ? "true" : "false");
}

void json_out_null(struct json_out *j)
{
    begin_value(j);
    buf_add_str(j->out, "null");
}

void json_out_raw(struct json_out *j, struct span json)
{
    begin_value(j);
    buf_add_span(j->out, json);
}

void json_out_uuid(struct json_out *j, struct uuid u)
{
    char text[UUID_TEXT_LEN + 1];
    uuid_format(u, text);
    json_out_str(j, span_of(text, UUID_TEXT_LEN));
}

void json_out_value(struct json_out *j, const struct value *v)
{
    switch (v->type) {
    case VALUE_BOOL:
        json_out_bool(j, v->b);
        break;
    case VALUE_LONG:
        json_out_int(j, v->i);
        break;
    case VALUE_DOUBLE:
        json_out_num(j, v->d);
        break;
    case VALUE_STRING:
        json_out_str(j, v->s);
        break;
    case VALUE_JSON:
        json_out_raw(j, v->s);
        break;
    default:
        require(!"a value has a type");
    }
}

void json_out_key_str(struct json_out *j, const char *key, struct span s)
{
    json_out_key(j, span_str(key));
    json_out_str(j, s);
}

void json_out_key_int(struct json_out *j, const char *key, int64_t v)
{
    json_out_key(j, span_str(key));
    json_out_int(j, v);
}

void json_out_key_bool(struct json_out *j, const char *key, bool v)
{
    json_out_key(j, span_str(key));
    json_out_bool(j, v);
}

void json_out_key_null(struct json_out *j, const char *key)
{
    json_out_key(j, span_str(key));
    json_out_null(j);
}

void json_out_key_raw(struct json_out *j, const char *key, struct span json)
{
    json_out_key(j, span_str(key));
    json_out_raw(j, json);
}
