// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_REGEXP_OBJECT_H
#define PENSTOCK_CONVERT_JS_REGEXP_OBJECT_H

#include "convert/js_builtins.h"

// The getters of RegExp.prototype that Duktape lacks.
void js_regexp_object_install(duk_context *ctx);

#endif
