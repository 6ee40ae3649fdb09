// SPDX-License-Identifier: Apache-2.0
#include "convert/script_args.h"

#include "base/num.h"
#include "convert/js_text.h"

void script_args_push_text(duk_context *ctx, struct span utf8)
{
    if (utf8.n == 0 || js_text_is_ascii(utf8)) {
        duk_push_lstring(ctx, utf8.p ? utf8.p : "", utf8.n);
        return;
    }
    char *out = duk_push_fixed_buffer(ctx, JS_TEXT_IN_MAX(utf8.n));
    duk_push_lstring(ctx, out, js_text_in(out, utf8));
    duk_remove(ctx, -2);
}

void script_args_add(duk_context *ctx, const char *name, struct span utf8)
{
    if (utf8.n == 0 || duk_has_prop_string(ctx, -1, name))
        return;
    script_args_push_text(ctx, utf8);
    duk_put_prop_string(ctx, -2, name);
}

void script_args_add_int(duk_context *ctx, const char *name, int64_t value)
{
    char text[NUM_TEXT_MAX];
    script_args_add(ctx, name, span_of(text, num_format_i64(value, text)));
}

void script_args_push_pairs(duk_context *ctx, struct convert_pairs pairs)
{
    duk_idx_t to = duk_push_object(ctx);
    for (size_t i = 0; i < pairs.n; i++) {
        script_args_push_text(ctx, pairs.p[i].key);
        script_args_push_text(ctx, pairs.p[i].value);
        // Not a put: a key may be __proto__.
        duk_def_prop(ctx, to, DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_WEC);
    }
}

void script_args_push_json(duk_context *ctx, struct span json)
{
    script_args_push_text(ctx, json);
    duk_json_decode(ctx, -1);
}
