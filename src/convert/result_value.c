// SPDX-License-Identifier: Apache-2.0
#include "convert/result_value.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/iso_time.h"
#include "base/num.h"
#include "codec/json_out.h"
#include "convert/js_text.h"

#define VALUE_COST 8
#define TIME_MAX_MS 8640000000000000.0 // ECMA-262 21.4.1.1

static void add_path(struct buf *out, const struct result_at *at)
{
    if (!at)
        return;
    add_path(out, at->up);
    if (!at->key.p) {
        buf_printf(out, "[%u]", at->index);
        return;
    }
    if (out->n > 0)
        buf_add_char(out, '.');
    js_text_out_buf(out, at->key);
}

int result_fail(struct result_reader *r, const struct result_at *at, const char *fmt, ...)
{
    buf_clear(r->scratch);
    add_path(r->scratch, at);
    if (r->scratch->n > CONVERT_KEY_MAX * 4)
        buf_clear(r->scratch);
    if (r->scratch->n > 0)
        buf_add_str(r->scratch, ": ");
    char text[300];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    buf_add_str(r->scratch, text);
    r->error = arena_span(r->arena, buf_span(r->scratch));
    return ERR_INVALID;
}

const char *result_kind_name(const struct duk_x_value *v)
{
    static const char *const names[] = {
        [DUK_X_UNDEFINED] = "undefined", [DUK_X_NULL] = "null",       [DUK_X_BOOL] = "a boolean",
        [DUK_X_NUMBER] = "a number",     [DUK_X_STRING] = "a string", [DUK_X_ARRAY] = "an array",
        [DUK_X_OBJECT] = "an object",    [DUK_X_SYMBOL] = "a symbol", [DUK_X_ODD] = "an object",
        [DUK_X_FUNCTION] = "a function",
    };
    return names[v->kind];
}

static int count(struct result_reader *r, size_t n)
{
    r->size += n;
    if (r->size <= r->limit)
        return 0;
    return result_fail(r, NULL, "the result is larger than %zu characters", r->limit);
}

// JSON text of a nested value, as JSON.stringify writes it.
static void write_json(struct result_reader *r, struct json_out *j, const struct duk_x_value *v);

static bool is_written(const struct duk_x_value *v)
{
    return v->kind != DUK_X_UNDEFINED && v->kind != DUK_X_FUNCTION && v->kind != DUK_X_SYMBOL;
}

static void write_members(struct result_reader *r, struct json_out *j, const struct duk_x_value *v)
{
    struct duk_x_value key, item;
    if (v->kind == DUK_X_ARRAY) {
        json_out_array(j);
        for (uint32_t i = 0; i < v->n; i++) {
            duk_x_item(r->ctx, v->object, i, &item);
            write_json(r, j, &item);
        }
        json_out_end(j);
        return;
    }
    json_out_object(j);
    uint32_t at = 0;
    while (j->out->n <= r->limit && duk_x_next(r->ctx, v->object, &at, &key, &item) > 0) {
        if (!is_written(&item))
            continue;
        json_out_key(j, js_text_out_arena(r->arena, key.s));
        write_json(r, j, &item);
    }
    json_out_end(j);
}

static void write_json(struct result_reader *r, struct json_out *j, const struct duk_x_value *v)
{
    switch (v->kind) {
    case DUK_X_BOOL:
        json_out_bool(j, v->b);
        break;
    case DUK_X_NUMBER:
        json_out_num(j, v->d);
        break;
    case DUK_X_STRING:
        json_out_str(j, js_text_is_ascii(v->s) ? v->s : js_text_out_arena(r->arena, v->s));
        break;
    case DUK_X_ARRAY:
    case DUK_X_OBJECT:
        write_members(r, j, v);
        break;
    default:
        json_out_null(j);
    }
}

int result_json(struct result_reader *r, const struct duk_x_value *v, struct span *out)
{
    buf_clear(r->scratch);
    struct json_out j = {.out = r->scratch};
    write_json(r, &j, v);
    size_t n = r->scratch->n;
    if (count(r, n) < 0)
        return ERR_INVALID;
    *out = arena_span(r->arena, buf_span(r->scratch));
    return 0;
}

int result_value(struct result_reader *r, const struct result_at *at, const struct duk_x_value *v,
                 struct value *out)
{
    if (count(r, VALUE_COST) < 0)
        return ERR_INVALID;
    switch (v->kind) {
    case DUK_X_UNDEFINED:
    case DUK_X_NULL:
        return 0;
    case DUK_X_BOOL:
        *out = value_bool(v->b);
        return 1;
    case DUK_X_NUMBER:
        if (!isfinite(v->d))
            return 0;
        *out = value_number(v->d);
        return 1;
    case DUK_X_STRING: {
        if (count(r, v->s.n) < 0)
            return ERR_INVALID;
        struct span text = js_text_out_arena(r->arena, v->s);
        *out = r->cast_strings ? value_cast_string(text) : value_string(text);
        return 1;
    }
    case DUK_X_ARRAY:
    case DUK_X_OBJECT: {
        struct span text;
        if (result_json(r, v, &text) < 0)
            return ERR_INVALID;
        *out = value_json(text);
        return 1;
    }
    default:
        return result_fail(r, at, "%s is not a value", result_kind_name(v));
    }
}

int result_map(struct result_reader *r, const struct result_at *at, const struct duk_x_value *v,
               struct kv **out, uint32_t *n)
{
    *out = NULL;
    *n = 0;
    if (!result_is_given(v))
        return 0;
    if (v->kind != DUK_X_OBJECT)
        return result_fail(r, at, "%s is not an object of keys and values", result_kind_name(v));
    if (count(r, v->n) < 0)
        return ERR_INVALID;
    struct kv *list = arena_array(r->arena, struct kv, v->n);
    struct duk_x_value key, item;
    uint32_t next = 0;
    while (duk_x_next(r->ctx, v->object, &next, &key, &item) > 0) {
        struct result_at here = {at, key.s, 0};
        if (key.s.n == 0)
            return result_fail(r, at, "a key is empty");
        if (key.s.n > CONVERT_KEY_MAX)
            return result_fail(r, at, "a key is longer than %d bytes", CONVERT_KEY_MAX);
        int rc = result_value(r, &here, &item, &list[*n].value);
        if (rc < 0 || count(r, key.s.n) < 0)
            return ERR_INVALID;
        if (rc > 0)
            list[(*n)++].key = js_text_out_arena(r->arena, key.s);
    }
    *out = list;
    return 0;
}

int result_text(struct result_reader *r, const struct result_at *at, const struct duk_x_value *v,
                struct span *out)
{
    if (v->kind == DUK_X_FUNCTION || v->kind == DUK_X_SYMBOL || v->kind == DUK_X_ODD)
        return result_fail(r, at, "%s is not text", result_kind_name(v));
    if (v->kind != DUK_X_STRING)
        return result_json(r, v, out);
    if (count(r, v->s.n) < 0)
        return ERR_INVALID;
    *out = js_text_out_arena(r->arena, v->s);
    return 0;
}

int result_pairs(struct result_reader *r, const struct result_at *at, const struct duk_x_value *v,
                 struct convert_pairs *out)
{
    if (v->kind != DUK_X_OBJECT)
        return result_fail(r, at, "must be an object, is %s", result_kind_name(v));
    struct convert_pair *pairs = arena_array(r->arena, struct convert_pair, v->n);
    size_t n = 0;
    struct duk_x_value key, item;
    uint32_t next = 0;
    while (duk_x_next(r->ctx, v->object, &next, &key, &item) > 0) {
        struct result_at here = {at, key.s, 0};
        if (!result_is_given(&item))
            continue;
        if (result_text(r, &here, &key, &pairs[n].key) < 0 ||
            result_text(r, &here, &item, &pairs[n].value) < 0)
            return ERR_INVALID;
        n++;
    }
    *out = (struct convert_pairs){pairs, n};
    return 0;
}

int result_name(struct result_reader *r, const struct result_at *at, const struct duk_x_value *v,
                struct span *out)
{
    *out = SPAN_NONE;
    if (!result_is_given(v))
        return 0;
    if (v->kind == DUK_X_NUMBER && isfinite(v->d)) {
        char text[NUM_TEXT_MAX];
        size_t n = num_format_double(v->d, text);
        *out = arena_span(r->arena, span_of(text, n));
        return 0;
    }
    if (v->kind != DUK_X_STRING)
        return result_fail(r, at, "must be a string, is %s", result_kind_name(v));
    if (v->s.n > CONVERT_NAME_MAX)
        return result_fail(r, at, "is longer than %d bytes", CONVERT_NAME_MAX);
    *out = js_text_out_arena(r->arena, v->s);
    return 0;
}

int result_time(struct result_reader *r, const struct result_at *at, const struct duk_x_value *v,
                int64_t *ms)
{
    *ms = 0;
    uint64_t digits;
    switch (v->kind) {
    case DUK_X_UNDEFINED:
    case DUK_X_NULL:
        return 0;
    case DUK_X_NUMBER:
        if (!(v->d >= 0 && v->d <= TIME_MAX_MS))
            return result_fail(r, at, "is not a time in milliseconds since 1970");
        *ms = (int64_t)v->d;
        return 0;
    case DUK_X_STRING:
        if (span_to_u64(v->s, &digits) && (double)digits <= TIME_MAX_MS) {
            *ms = (int64_t)digits;
            return 0;
        }
        if (iso_time_parse(v->s, ms))
            return 0;
        return result_fail(r, at, "is neither milliseconds since 1970 nor an ISO 8601 date");
    default:
        return result_fail(r, at, "must be a time, is %s", result_kind_name(v));
    }
}
