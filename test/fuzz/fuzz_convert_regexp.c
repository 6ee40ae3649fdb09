// SPDX-License-Identifier: Apache-2.0

// Any text as a regular expression: what the translation says it writes it writes, and whatever is
// done with the expression ends. The first line is its flags, the second the pattern, the rest what
// it is tried on.

#include "convert/js_engine.h"
#include "convert/js_regexp.h"
#include "convert/js_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 4096

static const char script[] =
    "const { flags, pattern, text } = metadata, r = new RegExp(pattern, flags);\n"
    "const again = new RegExp(r.source, r.flags);\n"
    "if (again.source !== r.source || String(again) !== String(r)) throw 'another source';\n"
    "r.lastIndex = 1;\n"
    "const m = r.exec(text);\n"
    "if (m && text.slice(m.index, m.index + m[0].length) !== m[0]) throw 'another place';\n"
    "if (m && m.indices) m.indices.forEach((at, k) => {\n"
    "    if (at ? text.slice(at[0], at[1]) !== m[k] : m[k] !== undefined) throw 'other indices';\n"
    "});\n"
    "text.search(r); text.split(r, 50); text.match(again); text.replace(r, '[$<a>$1$&]');\n"
    "text.replace(again, (...all) => typeof all[all.length - 1]);\n"
    "return null";

struct input {
    struct span flags, pattern, text;
};

static struct input input;

static void put_member(duk_context *ctx, const char *name, struct span value)
{
    duk_push_lstring(ctx, value.p, value.n);
    (void)duk_put_prop_string(ctx, -2, name);
}

static int push(duk_context *ctx, struct js_call *c)
{
    (void)c;
    duk_x_push_bytes(ctx, SPAN("{}"));
    duk_push_object(ctx);
    put_member(ctx, "flags", input.flags);
    put_member(ctx, "pattern", input.pattern);
    put_member(ctx, "text", input.text);
    return 2;
}

static void take(duk_context *ctx, struct js_call *c)
{
    (void)ctx;
    (void)c;
}

static void translate(struct span pattern, int flags)
{
    char names_room[INPUT_MAX], room[8 * INPUT_MAX];
    struct js_regexp_text names = {names_room, 0, sizeof names_room}, out = {0};
    if (flags < 0 || js_regexp_names(pattern, &names))
        return;
    require(names.n <= sizeof names_room);
    struct span known = span_of(names.p, names.n);
    const char *complaint = js_regexp_translate(pattern, flags, known, &out);
    size_t n = out.n;
    require(n <= sizeof room);
    out = (struct js_regexp_text){room, 0, n};
    require(js_regexp_translate(pattern, flags, known, &out) == complaint && out.n == n);
}

static void run(void)
{
    static struct js_source *source;
    static struct js_engine *e;
    if (!source)
        source = js_source_new(CONVERT_UPLINK, span_str(script));
    struct js_engine_options o = {.source = source, .time_limit_ms = 100, .memory_limit = 8 << 20};
    if (!e)
        e = js_engine_new(&o);
    struct arena a = {0};
    struct js_call c = {.push = push, .take = take, .arena = &a};
    require(js_engine_call(e, NULL, &c) == 0);
    require(c.error.n == 0 || memmem(c.error.p, c.error.n, "thrown", 6) == NULL);
    arena_free(&a);
    if (js_engine_is_spent(e)) {
        js_engine_free(e);
        e = NULL;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char room[JS_TEXT_IN_MAX(INPUT_MAX)];
    if (size > INPUT_MAX)
        return 0;
    struct span rest = span_of(room, js_text_in(room, span_of((const char *)data, size)));
    input.flags = span_cut(&rest, '\n');
    input.pattern = span_cut(&rest, '\n');
    input.text = rest;
    if (input.pattern.n <= INPUT_MAX)
        translate(input.pattern, js_regexp_flags(input.flags));
    run();
    return 0;
}
