// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_SCRIPT_ARGS_H
#define PENSTOCK_CONVERT_SCRIPT_ARGS_H

// Pushing what scripts get as arguments. All may throw (memory).

#include "convert/convert.h"
#include "convert/duk_ext.h"

// UTF-8 text; what is no UTF-8 becomes U+FFFD.
void script_args_push_text(duk_context *ctx, struct span utf8);
// Sets key `name` of the object on the top, unless it is there already or the text is empty.
void script_args_add(duk_context *ctx, const char *name, struct span utf8);
// The same with a number as text.
void script_args_add_int(duk_context *ctx, const char *name, int64_t value);
// A fresh object of the pairs.
void script_args_push_pairs(duk_context *ctx, struct convert_pairs pairs);
// A JSON text parsed.
void script_args_push_json(duk_context *ctx, struct span json);

#endif
