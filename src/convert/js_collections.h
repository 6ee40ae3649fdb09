// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_COLLECTIONS_H
#define PENSTOCK_CONVERT_JS_COLLECTIONS_H

#include "convert/js_builtins.h"

// Whether the value is a Map or a Set.
bool js_collection_is(duk_context *ctx, duk_idx_t at);
bool js_collection_is_map(duk_context *ctx, duk_idx_t at); // of one that is a collection
// The next entry of the collection at `of` from *at on; pushes key and value. False at the end.
bool js_collection_next(duk_context *ctx, duk_idx_t of, double *at);

// Map and Set; their methods are js_collection_builtins.
void js_collections_install(duk_context *ctx);
// After all methods are there.
void js_collections_finish(duk_context *ctx);

#endif
