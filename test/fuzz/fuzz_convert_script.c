// SPDX-License-Identifier: Apache-2.0

// Any text as a converter: it ends, and after it the heap's built-ins are what they were.

#include "convert/js_engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Names, kinds and attributes of everything that can be reached from the global object by names.
static const char fingerprint[] =
    "(function () { var seen = [], out = '';\n"
    "function walk(o, depth) {\n"
    "    if (seen.indexOf(o) >= 0 || depth > 4) return;\n"
    "    seen.push(o);\n"
    "    out += Object.isExtensible(o) + ' ' + Object.getOwnPropertyNames(o).length + '\\n';\n"
    "    Object.getOwnPropertyNames(o).forEach(function (k) {\n"
    "        var d = Object.getOwnPropertyDescriptor(o, k);\n"
    "        out += k + ' ' + d.writable + d.enumerable + d.configurable + typeof d.value;\n"
    "        if (typeof d.value === 'number' || typeof d.value === 'string') out += d.value;\n"
    "        if (d.value instanceof Object) walk(d.value, depth + 1);\n"
    "    });\n"
    "    if (Object.getPrototypeOf(o)) walk(Object.getPrototypeOf(o), depth + 1);\n"
    "}\n"
    "walk(globalThis, 0); return out })()";

static struct js_engine *make(const struct js_source *source)
{
    struct js_engine_options o = {.source = source, .time_limit_ms = 100, .memory_limit = 4 << 20};
    return js_engine_new(&o);
}

static void take_fingerprint(struct js_engine *e, struct buf *out)
{
    duk_context *ctx = js_engine_context(e);
    buf_clear(out);
    require(duk_peval_string(ctx, fingerprint) == 0);
    buf_add_str(out, duk_get_string(ctx, -1));
    duk_set_top(ctx, JS_SLOTS);
    duk_x_restore(ctx);
}

static int push(duk_context *ctx, struct js_call *c)
{
    (void)c;
    duk_x_push_bytes(ctx, SPAN("{\"a\":1}"));
    duk_push_object(ctx);
    return 2;
}

static void take(duk_context *ctx, struct js_call *c)
{
    (void)ctx;
    (void)c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct buf clean, now;
    if (clean.n == 0) {
        struct js_source *plain = js_source_new(CONVERT_UPLINK, SPAN("return null"));
        struct js_engine *e = make(plain);
        take_fingerprint(e, &clean);
        js_engine_free(e);
        js_source_free(plain);
    }
    struct js_source *source = js_source_new(CONVERT_UPLINK, span_of((const char *)data, size));
    struct js_engine *e = make(source);
    for (int i = 0; i < 2 && !js_engine_is_spent(e); i++) {
        struct arena a = {0};
        struct js_call c = {.push = push, .take = take, .arena = &a};
        require(js_engine_call(e, NULL, &c) == 0);
        bool compiled = c.status == 0 || c.status == ERR_SCRIPT;
        arena_free(&a);
        if (!compiled || js_engine_is_spent(e) || !js_engine_is_ready(e))
            break;
        take_fingerprint(e, &now);
        require(span_eq(buf_span(&clean), buf_span(&now)));
    }
    js_engine_free(e);
    js_source_free(source);
    return 0;
}
