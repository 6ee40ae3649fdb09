// SPDX-License-Identifier: Apache-2.0
#include "convert/js_engine.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "convert/js_builtins.h"
#include "convert/js_memory.h"
#include "convert/js_plain.h"
#include "convert/js_syntax.h"
#include "convert/js_text.h"
#include "convert/script_args.h"

#define SCRIPT_FILE "script"

struct js_engine {
    struct duk_x x; // first: the heap's udata
    struct js_memory memory;
    struct js_engine_options o;
    duk_context *ctx;
    size_t held_first; // memory, before the first call
    bool compiled;     // JS_SLOT_FUNCTION is there
    // Why not; every call gets it.
    int status;
    char error[JS_ERROR_MAX];
    bool spent;

    // Of the call that runs now.
    struct js_gate *gate;
    uint64_t run; // its number
    bool in_script, lost, timed_out;
    int64_t deadline_ms;
};

// Script code on and off --------------------------------------------------------------------------

static void enter_script(struct js_engine *e)
{
    int64_t now = js_now_ms();
    e->deadline_ms = now + e->o.time_limit_ms;
    e->in_script = true;
    if (e->gate)
        e->run = js_gate_enter(e->gate, now);
}

// False when the run was given up meanwhile.
static bool leave_script(struct js_engine *e)
{
    if (e->in_script && e->gate && !js_gate_leave(e->gate, e->run))
        e->lost = true;
    e->in_script = false;
    return !e->lost;
}

// Named in third_party/duktape/duk_options.h: Duktape asks it every few thousand instructions, and
// once it said yes, again and again until nothing of the script is left on the stack.
duk_bool_t penstock_duk_timeout_check(void *udata);
duk_bool_t penstock_duk_timeout_check(void *udata)
{
    struct js_engine *e = udata;
    if (e->in_script && !e->timed_out && js_now_ms() >= e->deadline_ms)
        e->timed_out = true;
    return e->timed_out;
}

// The heap ----------------------------------------------------------------------------------------

// What is allocated is also written; most of it is small.
static inline void charge(struct js_engine *e, size_t n)
{
    if (n >= 1024 && e->ctx)
        duk_x_charge(e->ctx, n);
}

static void *on_alloc(void *udata, duk_size_t n)
{
    struct js_engine *e = udata;
    charge(e, n);
    return js_memory_alloc(&e->memory, n);
}

static void *on_realloc(void *udata, void *p, duk_size_t n)
{
    struct js_engine *e = udata;
    charge(e, n);
    return js_memory_realloc(&e->memory, p, n);
}

static void on_free(void *udata, void *p)
{
    js_memory_free(&((struct js_engine *)udata)->memory, p);
}

static void *on_reserve(struct duk_x *x, size_t n)
{
    return js_memory_reserve(&((struct js_engine *)x)->memory, n);
}

static struct duk_x_place on_locate(const struct duk_x *x, uint32_t at)
{
    struct syntax_place place = js_source_locate(((const struct js_engine *)x)->o.source, at);
    return (struct duk_x_place){place.line, place.column};
}

static bool on_describe(const struct duk_x *x, uint32_t at, struct duk_x_function *out)
{
    const struct syntax_function *f =
        js_source_function(((const struct js_engine *)x)->o.source, at);
    if (!f)
        return false;
    out->name = f->has_name ? f->name : SPAN_NONE;
    out->length = f->has_length ? (int32_t)f->length : -1;
    out->is_method = f->is_method;
    return true;
}

static void on_fatal(void *udata, const char *msg)
{
    (void)udata;
    log_error("convert", "JavaScript engine failed", "reason=\"%s\"", msg ? msg : "");
    abort();
}

// Errors ------------------------------------------------------------------------------------------

// [ error ] -> [ error text ]. Runs script code where an error has a toString of its own.
static void push_error_text(struct js_engine *e, duk_context *ctx)
{
    if (!duk_is_error(ctx, -1)) {
        duk_push_string(ctx, "thrown: ");
        duk_dup(ctx, -2);
        if (duk_is_object(ctx, -1) && !duk_is_function(ctx, -1))
            (void)duk_json_encode(ctx, -1);
        (void)duk_safe_to_string(ctx, -1);
        duk_concat(ctx, 2);
        return;
    }
    duk_dup(ctx, -1);
    (void)duk_safe_to_string(ctx, -1);
    // The compiler puts the place into its messages itself.
    if (!e->compiled && strstr(duk_get_string(ctx, -1), "(line "))
        return;
    duk_dup(ctx, -2);
    struct duk_x_place place = duk_x_error_place(ctx, SCRIPT_FILE);
    duk_pop(ctx);
    if (place.line > 0) {
        (void)duk_push_sprintf(ctx, " (line %lu, column %lu)", (unsigned long)place.line,
                               (unsigned long)place.column);
        duk_concat(ctx, 2);
    }
}

static duk_ret_t error_text_call(duk_context *ctx, void *udata)
{
    push_error_text(udata, ctx);
    return 1;
}

// Cut between characters.
static size_t copy_error(char out[JS_ERROR_MAX], struct span s)
{
    size_t n = s.n < JS_ERROR_MAX / 3 ? s.n : JS_ERROR_MAX / 3;
    while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    n = js_text_out(out, span_of(s.p, n));
    out[n] = 0;
    return n;
}

// The error value is on the top of the stack; it is gone after.
static int describe_error(struct js_engine *e, char out[JS_ERROR_MAX])
{
    duk_context *ctx = e->ctx;
    // An error may throw another one when it is looked at; that one is told, then.
    for (int i = 0; i < 2 && !e->timed_out && !e->memory.refused; i++) {
        if (duk_safe_call(ctx, error_text_call, e, 1, 1) == DUK_EXEC_SUCCESS)
            break;
    }
    if (e->timed_out) {
        duk_pop(ctx);
        snprintf(out, JS_ERROR_MAX, "the script ran longer than %lld ms",
                 (long long)e->o.time_limit_ms);
        return ERR_TIMEOUT;
    }
    if (e->memory.refused) {
        duk_pop(ctx);
        snprintf(out, JS_ERROR_MAX, "the script needs more than %zu KiB of memory",
                 e->o.memory_limit / 1024);
        return ERR_MEMORY;
    }
    struct duk_x_value v;
    duk_x_view(ctx, -1, &v);
    copy_error(out, v.kind == DUK_X_STRING ? v.s : SPAN("the error has no text"));
    duk_pop(ctx);
    return ERR_SCRIPT;
}

// The stack ---------------------------------------------------------------------------------------

static void measure_stack(void)
{
    if (duk_x_stack_low)
        return;
    pthread_attr_t attr;
    void *low;
    size_t size;
    require(pthread_getattr_np(pthread_self(), &attr) == 0);
    require(pthread_attr_getstack(&attr, &low, &size) == 0);
    pthread_attr_destroy(&attr);
    // The rest is for natives that do not recurse, collections and the making of the error.
    duk_x_stack_low = (const char *)low + size / 4;
}

// Set-up ------------------------------------------------------------------------------------------

static duk_ret_t prepare_call(duk_context *ctx, void *udata)
{
    struct js_engine *e = udata;
    js_builtins_install(ctx);
    e->x.helper = js_syntax_helper;
    struct span code = js_source_code(e->o.source, &e->x.helper_prefix);
    duk_x_push_body(ctx, code, js_source_formals(e->o.source), SCRIPT_FILE);
    duk_push_undefined(ctx);
    return JS_SLOTS;
}

static void prepare(struct js_engine *e)
{
    measure_stack();
    struct span error;
    e->status = js_source_status(e->o.source, &error);
    if (e->status < 0) {
        snprintf(e->error, sizeof(e->error), "%.*s", SPAN_ARG(error));
        return;
    }
    // Duktape cannot be refused memory before it stands.
    e->memory.limit = SIZE_MAX;
    e->ctx = duk_create_heap(on_alloc, on_realloc, on_free, e, on_fatal);
    require(e->ctx != NULL);
    e->memory.limit = e->o.memory_limit;
    if (duk_safe_call(e->ctx, prepare_call, e, 0, JS_SLOTS) != DUK_EXEC_SUCCESS) {
        duk_set_top(e->ctx, 1);
        e->status = describe_error(e, e->error);
        return;
    }
    duk_gc(e->ctx, 0);
    duk_x_protect(e->ctx);
    e->memory.refused = false;
    e->held_first = e->memory.held;
    e->compiled = true;
}

struct js_engine *js_engine_new(const struct js_engine_options *o)
{
    struct js_engine *e = mem_new(struct js_engine);
    e->x.reserve = on_reserve;
    e->x.ticks = UINT32_MAX;
    e->x.locate = on_locate;
    e->x.describe = on_describe;
    e->o = *o;
    prepare(e);
    return e;
}

void js_engine_free(struct js_engine *e)
{
    if (!e)
        return;
    // What the heap holds is memory and nothing else: no need to walk it.
    duk_x_free(&e->x);
    js_memory_release(&e->memory);
    mem_free(e);
}

bool js_engine_is_ready(const struct js_engine *e)
{
    return e->compiled;
}

bool js_engine_is_spent(const struct js_engine *e)
{
    return e->spent;
}

duk_context *js_engine_context(struct js_engine *e)
{
    return e->ctx;
}

static duk_ret_t template_call(duk_context *ctx, void *udata)
{
    script_args_push_pairs(ctx, *(const struct convert_pairs *)udata);
    return 1;
}

void js_engine_set_template(struct js_engine *e, struct convert_pairs pairs)
{
    if (!e->compiled)
        return;
    if (duk_safe_call(e->ctx, template_call, &pairs, 0, 1) != DUK_EXEC_SUCCESS) {
        e->status = describe_error(e, e->error);
        e->compiled = false;
        e->spent = true;
        return;
    }
    duk_replace(e->ctx, JS_SLOT_TEMPLATE);
    duk_x_protect(e->ctx);
}

// A call ------------------------------------------------------------------------------------------

struct protected_call {
    struct js_engine *e;
    struct js_call *c;
};

static duk_ret_t protected_call(duk_context *ctx, void *udata)
{
    struct protected_call *p = udata;
    duk_dup(ctx, JS_SLOT_FUNCTION);
    int n = p->c->push(ctx, p->c);
    enter_script(p->e);
    duk_call(ctx, n);
    js_plain_make(ctx);
    if (leave_script(p->e))
        p->c->take(ctx, p->c);
    return 0;
}

static void fail(struct js_call *c, int status, const char *text)
{
    c->status = status;
    c->error = arena_span(c->arena, span_str(text));
}

// Small objects leave room for others of their size alone.
static bool is_worn(const struct js_engine *e)
{
    const struct js_memory *m = &e->memory;
    return m->limit > e->held_first && m->held > e->held_first + (m->limit - e->held_first) / 4;
}

static void clean_up(struct js_engine *e)
{
    duk_set_top(e->ctx, JS_SLOTS);
    duk_x_restore(e->ctx);
    if (e->timed_out || e->memory.refused || is_worn(e))
        e->spent = true;
}

int js_engine_call(struct js_engine *e, struct js_gate *gate, struct js_call *c)
{
    c->status = 0;
    c->error = SPAN_NONE;
    if (!e->compiled) {
        fail(c, e->status, e->error);
        return 0;
    }
    measure_stack();
    e->gate = gate;
    e->in_script = e->lost = e->timed_out = false;
    struct protected_call p = {e, c};
    if (duk_safe_call(e->ctx, protected_call, &p, 0, 1) != DUK_EXEC_SUCCESS) {
        char text[JS_ERROR_MAX];
        int status = describe_error(e, text);
        if (leave_script(e))
            fail(c, status, text);
    }
    clean_up(e);
    return e->lost ? ERR_CANCELED : 0;
}
