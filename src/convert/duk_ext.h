// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_DUK_EXT_H
#define PENSTOCK_CONVERT_DUK_EXT_H

// What we add to Duktape from inside (duk_ext.c compiles duktape.c itself, with the edits of
// duktape_edits.cmake): function bodies, real arrays filled at once, String.fromCharCode.apply
// without the value stack, a faster JSON.parse, looking at values without running script code, and
// the journal that puts built-ins back as they were. The thread that owns the heap.
//
// The heap's udata must point to a struct duk_x. Functions with a duk_context may throw unless it
// says otherwise.

#include "base/span.h"
#include "duktape.h"

struct duk_x_saved;

// Where code stands in the text that its author wrote; both count from 1.
struct duk_x_place {
    uint32_t line, column;
};

#define DUK_X_NAMES 64

struct duk_x_function {
    struct span name; // no text: as in the code
    int32_t length;   // -1: as in the code
    bool is_method;   // neither a constructor nor with a prototype
};

struct duk_x {
    // Allocates from the heap's own allocator and never fails: a few hundred bytes for each
    // built-in that a script changes.
    void *(*reserve)(struct duk_x *x, size_t n);
    // Property operations until the clock is looked at again.
    uint32_t ticks;
    const char *const *formals; // of the body being compiled
    // Names with this prefix are native functions in the code: those that `helper` knows.
    struct span helper_prefix;
    duk_c_function (*helper)(struct span name);
    // The place of a byte of the compiled text.
    struct duk_x_place (*locate)(const struct duk_x *x, uint32_t at);
    // What is to be said of the function whose parameters begin at that byte; false: nothing.
    bool (*describe)(const struct duk_x *x, uint32_t at, struct duk_x_function *out);
    // While compiling: a byte that code is said to stand at, + 1 (0: where the compiler is); the
    // start of the token before the last.
    uint32_t code_at, token_before;
    uint32_t column;           // of the line found last
    struct duk_x_saved *saved; // the journal
    uint32_t n_saved, cap_saved;
    void *first;              // the newest protected object
    int gc_trigger;           // allocations until a collection, at the start of a run
    void *names[DUK_X_NAMES]; // strings that were members' names in JSON lately, referenced
};

// The lowest address that scripts may use of the stack of this thread: whatever recurses on it
// fails with a RangeError before. Set before the first call on a thread.
extern _Thread_local const char *duk_x_stack_low;

// Counts so many bytes, looked at or written by a native function, against the time limit.
void duk_x_charge(duk_context *ctx, size_t bytes);

// Pushes the function (formals) { text }, sloppy, closed over the global object. `text` is compiled
// as a body alone, so it can neither leave it nor see anything around it; lines count from 1.
// `formals` ends with NULL.
void duk_x_push_body(duk_context *ctx, struct span text, const char *const *formals,
                     const char *file_name);

// The place of the innermost function of that file in the traceback of the error on the top; line 0
// when there is none.
struct duk_x_place duk_x_error_place(duk_context *ctx, const char *file_name);

// Copies the enumerable properties of a simple object into an empty one, but for the keys (strings
// and symbols) at `first` to `end`. False where the objects are not of that kind: nothing is done.
bool duk_x_copy_properties(duk_context *ctx, duk_idx_t to, duk_idx_t from, duk_idx_t first,
                           duk_idx_t end);
// Puts the values of a simple object's properties into an empty array, or their [key, value]. False
// where the object is not of that kind: nothing is done.
bool duk_x_list_entries(duk_context *ctx, duk_idx_t from, duk_idx_t out, bool pairs);
// [ function this list ] -> [ result ] where no value stack is needed for it; else false.
bool duk_x_apply_list(duk_context *ctx);
bool duk_x_is_arguments(duk_context *ctx, duk_idx_t idx);
bool duk_x_is_string_object(duk_context *ctx, duk_idx_t idx);
// Of an object: "Object", "Error", "Uint8Array", ..., whatever its properties say.
const char *duk_x_class_of(duk_context *ctx, duk_idx_t idx);
bool duk_x_is_proxy(duk_context *ctx, duk_idx_t idx);
// The next byte of a string from `at` on where half a surrogate pair stands alone (three bytes).
#define DUK_X_NOWHERE ((duk_size_t) - 1)
duk_size_t duk_x_next_lone(duk_context *ctx, duk_idx_t idx, duk_size_t at);
// Pushes a symbol's description.
void duk_x_push_description(duk_context *ctx, duk_idx_t idx);
// How many arguments the native function on the top is given.
void duk_x_take_arguments(duk_context *ctx, int n);
// The flags of a regular expression (enum js_regexp_flag); -1 for another value.
int duk_x_regexp_flags_of(duk_context *ctx, duk_idx_t idx);

// From here on every object that exists now is put back by duk_x_restore(): own properties, their
// values and attributes, prototype, extensibility. Call it with nothing else on the heap than what
// all records share; again after a change to what they share.
void duk_x_protect(duk_context *ctx);
// Puts the heap back to that moment and frees every object made since. Nothing made since may be on
// the value stack. Never throws. Costs what the run changed or left behind: nothing, for most.
void duk_x_restore(duk_context *ctx);
// Frees the journal; the heap is not used any more.
void duk_x_free(struct duk_x *x);

// A real Array of the bytes as integers.
void duk_x_push_bytes(duk_context *ctx, struct span bytes);
// The low bytes of the first n elements of a plain array, up to the first that is no integer;
// returns how many. Never throws.
size_t duk_x_get_bytes(duk_context *ctx, duk_idx_t idx, unsigned char *out, size_t n);
// A plain object with the same own entries as the plain object at `idx`.
void duk_x_push_copy(duk_context *ctx, duk_idx_t idx);

// [ wrapper object ] -> [ primitive ] for Number, String and Boolean objects; else false.
bool duk_x_unwrap(duk_context *ctx);

// A value as data. Never runs script code, never throws.
enum duk_x_kind {
    DUK_X_UNDEFINED,
    DUK_X_NULL,
    DUK_X_BOOL,
    DUK_X_NUMBER,
    DUK_X_STRING,
    DUK_X_ARRAY,    // dense, of the built-in kind
    DUK_X_OBJECT,   // plain
    DUK_X_FUNCTION, //
    DUK_X_SYMBOL,
    DUK_X_ODD, // anything that may run code when looked at, or needs a conversion
};

struct duk_x_value {
    enum duk_x_kind kind;
    union {
        bool b;
        double d;
        struct span s; // Duktape's encoding (CESU-8); valid while the heap holds the string
        void *object;
    };
    bool is_ascii; // of a string
    uint32_t n;    // DUK_X_ARRAY: its length; DUK_X_OBJECT: at least the number of its entries
};

void duk_x_view(duk_context *ctx, duk_idx_t idx, struct duk_x_value *out);
// The next enumerable own entry of a DUK_X_OBJECT; *at starts at 0. 1, 0 at the end, -1 at one that
// cannot be looked at (an accessor).
int duk_x_next(duk_context *ctx, void *object, uint32_t *at, struct duk_x_value *key,
               struct duk_x_value *value);
// Element i < n of a DUK_X_ARRAY.
void duk_x_item(duk_context *ctx, void *array, uint32_t i, struct duk_x_value *value);
// Whether neither Object.prototype nor Array.prototype was changed by the script, so that plain
// objects inherit no toJSON.
bool duk_x_protos_clean(duk_context *ctx);

#endif
