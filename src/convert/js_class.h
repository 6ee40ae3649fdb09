// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_CLASS_H
#define PENSTOCK_CONVERT_JS_CLASS_H

// Classes of lowered scripts, by the lists of members that syntax/lower_class.c writes: kind, key,
// function, and so on. Each is a native function; syntax/lower.h has their arguments.

#include "convert/duk_ext.h"

duk_ret_t js_class_make(duk_context *ctx);
duk_ret_t js_class_statics(duk_context *ctx);
duk_ret_t js_class_fields(duk_context *ctx);
duk_ret_t js_class_needs_new(duk_context *ctx);
duk_ret_t js_class_super(duk_context *ctx);
duk_ret_t js_class_once(duk_context *ctx);
duk_ret_t js_class_no_delete(duk_context *ctx);
duk_ret_t js_class_super_get(duk_context *ctx);
duk_ret_t js_class_super_set(duk_context *ctx);
duk_ret_t js_class_super_call(duk_context *ctx);
duk_ret_t js_class_super_list(duk_context *ctx);
duk_ret_t js_class_no_this(duk_context *ctx);
duk_ret_t js_class_result(duk_context *ctx);

#endif
