// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_PLAIN_H
#define PENSTOCK_CONVERT_JS_PLAIN_H

// Makes a script's result plain data, as JSON.stringify would see it: getters, proxies and toJSON
// have run, wrapper objects are unwrapped, inherited classes flattened. Functions and symbols stay,
// so that a refusal can name them. Plain results, the usual case, are left as they are.

#include "convert/duk_ext.h"

#define JS_PLAIN_DEPTH 32
#define JS_PLAIN_NODES 200000

// [ value ] -> [ plain value ]. Runs script code, throws.
void js_plain_make(duk_context *ctx);

#endif
