// SPDX-License-Identifier: Apache-2.0
#include "convert/js_regexp_object.h"

#include "convert/js_regexp.h"

// In the order in which `flags` has them (ECMA-262 22.2.6.4).
static const struct {
    const char *name;
    char letter;
    duk_int_t flag; // 0: Duktape's own
} properties[] = {
    {"hasIndices", 'd', JS_REGEXP_INDICES},
    {"global", 'g', 0},
    {"ignoreCase", 'i', 0},
    {"multiline", 'm', 0},
    {"dotAll", 's', JS_REGEXP_DOT_ALL},
    {"unicode", 'u', JS_REGEXP_UNICODE},
    {"unicodeSets", 'v', 128},
    {"sticky", 'y', JS_REGEXP_STICKY},
};
#define PROPERTIES (sizeof properties / sizeof *properties)

static duk_ret_t get_flags(duk_context *ctx)
{
    char text[PROPERTIES];
    size_t n = 0;
    duk_push_this(ctx);
    if (!duk_is_object(ctx, 0))
        return duk_error(ctx, DUK_ERR_TYPE_ERROR, "RegExp.prototype.flags needs an object");
    for (size_t i = 0; i < PROPERTIES; i++) {
        (void)duk_get_prop_string(ctx, 0, properties[i].name);
        if (duk_to_boolean(ctx, -1))
            text[n++] = properties[i].letter;
        duk_pop(ctx);
    }
    duk_push_lstring(ctx, text, n);
    return 1;
}

static duk_ret_t get_flag(duk_context *ctx)
{
    duk_push_this(ctx);
    int flags = duk_x_regexp_flags_of(ctx, 0);
    if (flags >= 0) {
        duk_push_boolean(ctx, (flags & duk_get_current_magic(ctx)) != 0);
        return 1;
    }
    js_builtins_push_prototype(ctx, "RegExp");
    if (duk_strict_equals(ctx, 0, -1))
        return 0;
    return duk_error(ctx, DUK_ERR_TYPE_ERROR, "called on what is no regular expression");
}

void js_regexp_object_install(duk_context *ctx)
{
    duk_idx_t top = duk_get_top(ctx);
    js_builtins_push_prototype(ctx, "RegExp");
    for (size_t i = 0; i < PROPERTIES; i++)
        if (properties[i].flag)
            js_define_getter(ctx, properties[i].name, get_flag, properties[i].flag);
    js_define_getter(ctx, "flags", get_flags, 0);
    duk_set_top(ctx, top);
}
