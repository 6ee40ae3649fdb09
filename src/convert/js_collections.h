// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_COLLECTIONS_H
#define PENSTOCK_CONVERT_JS_COLLECTIONS_H

#include "convert/js_builtins.h"

// In the heap's stash: the prototype of all iterators.
#define JS_LIST_ITERATOR "listIterator"

// Map, Set, and the prototype of iterators; their methods are js_collection_builtins.
void js_collections_install(duk_context *ctx);
// After all methods are there.
void js_collections_finish(duk_context *ctx);

#endif
