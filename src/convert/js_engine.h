// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_ENGINE_H
#define PENSTOCK_CONVERT_JS_ENGINE_H

// One script in one JavaScript heap. A call is: arguments in, the script's function, its result as
// plain data out; between two calls the heap is as it was before the first. One thread at a time.
//
// Script code runs only while the engine is in its gate (js_gate.h). What belongs to the caller
// (arguments, results, arenas) is touched only outside it.

#include "base/arena.h"
#include "base/err.h"
#include "convert/convert.h"
#include "convert/duk_ext.h"
#include "convert/js_gate.h"
#include "convert/js_source.h"

struct js_engine;

struct js_engine_options {
    const struct js_source *source; // borrowed; must outlive the engine
    int64_t time_limit_ms;
    size_t memory_limit;
};

#define JS_ERROR_MAX 2000 // bytes of an error's text

struct js_engine *js_engine_new(const struct js_engine_options *o);
void js_engine_free(struct js_engine *e);
// Whether the script could be compiled.
bool js_engine_is_ready(const struct js_engine *e);
// Out of time or memory, or with too little of it left: make another one for the next call.
bool js_engine_is_spent(const struct js_engine *e);
duk_context *js_engine_context(struct js_engine *e);

// Value stack positions that stay for the life of the heap.
enum { JS_SLOT_FUNCTION, JS_SLOT_TEMPLATE, JS_SLOTS };

// Sets the template for the object that every run gets a copy of (duk_x_push_copy of
// JS_SLOT_TEMPLATE). Not inside a call. Where it does not fit the next call says so.
void js_engine_set_template(struct js_engine *e, struct convert_pairs pairs);

struct js_call {
    // Pushes the arguments and returns how many; may throw. Outside script code.
    int (*push)(duk_context *ctx, struct js_call *c);
    // Looks at the result, which is plain data on the top of the value stack (js_plain.h), and sets
    // status and error where it has the wrong shape. Must not throw. Outside script code.
    void (*take)(duk_context *ctx, struct js_call *c);
    struct arena *arena; // for the error's text
    int status;          // 0, ERR_SCRIPT, ERR_TIMEOUT, ERR_MEMORY, ERR_INVALID
    struct span error;
};

// 0 with c->status set, or ERR_CANCELED when the run was given up: touch nothing then but the
// engine and the gate.
int js_engine_call(struct js_engine *e, struct js_gate *gate, struct js_call *c) MUST_CHECK;

#endif
