// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_ERROR_H
#define PENSTOCK_CONVERT_JS_ERROR_H

#include "convert/js_builtins.h"

// Lets errors take a cause, and makes AggregateError.
void js_error_install(duk_context *ctx);

#endif
