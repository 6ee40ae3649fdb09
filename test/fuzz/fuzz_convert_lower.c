// SPDX-License-Identifier: Apache-2.0

// What the parser accepts, Duktape compiles once it is lowered: all but regular expressions, which
// are Duktape's own to judge, letters of names beyond ASCII, and its limits.

#include <stdio.h>
#include <stdlib.h>

#include "convert/js_engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

static bool mentions(struct span s, const char *text)
{
    return s.n > 0 && memmem(s.p, s.n, text, strlen(text)) != NULL;
}

static bool is_ascii(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    }
    return !mentions(s, "\\u");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of((const char *)data, size), error;
    struct js_source *source = js_source_new(CONVERT_UPLINK, text);
    if (js_source_status(source, &error) == 0) {
        struct js_engine_options o = {
            .source = source, .time_limit_ms = 50, .memory_limit = 4 << 20};
        struct js_engine *e = js_engine_new(&o);
        struct arena a = {0};
        struct js_call c = {.push = push, .take = take, .arena = &a};
        require(js_engine_call(e, NULL, &c) == 0);
        bool refused = !js_engine_is_ready(e) && c.status == ERR_SCRIPT;
        bool own = mentions(text, "/") || mentions(c.error, "limit") || !is_ascii(text);
        if (refused && !own) {
            printf("%.*s\n", SPAN_ARG(c.error));
            abort();
        }
        arena_free(&a);
        js_engine_free(e);
    }
    js_source_free(source);
    return 0;
}
