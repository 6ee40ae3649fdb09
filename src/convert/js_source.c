// SPDX-License-Identifier: Apache-2.0
#include "convert/js_source.h"

#include <stdio.h>

#include "base/mem.h"
#include "syntax/lower.h"
#include "syntax/parse.h"

struct js_source {
    enum convert_kind kind;
    struct span text;    // owned; UTF-8
    struct lowered code; // owned where it is changed; the functions always
    struct buf names;    // of them
    int status;
    char error[ERR_MSG_MAX + 64];
};

static const char *const formals_of[][5] = {
    [CONVERT_UPLINK] = {"payload", "metadata"},
    [CONVERT_DOWNLINK] = {"msg", "metadata", "msgType", "integrationMetadata"},
    [CONVERT_LOG] = {"msg", "metadata", "msgType"},
    [CONVERT_FILTER] = {"msg", "metadata", "msgType"},
    [CONVERT_SWITCH] = {"msg", "metadata", "msgType"},
    [CONVERT_TRANSFORM] = {"msg", "metadata", "msgType"},
};

// Bytes that are no UTF-8, as of a file in Latin-1, become U+FFFD, as everywhere else.
static struct span copy_text(struct span text)
{
    if (text.n == 0 || span_is_utf8(text))
        return span_of(mem_strndup(text.p ? text.p : "", text.n), text.n);
    struct buf out = {0};
    for (size_t i = 0; i < text.n;) {
        size_t n = 1;
        while (n <= 4 && i + n <= text.n && !span_is_utf8(span_of(text.p + i, n)))
            n++;
        if (n <= 4 && i + n <= text.n) {
            buf_add(&out, text.p + i, n);
            i += n;
        } else {
            buf_add_str(&out, "\xef\xbf\xbd");
            i++;
        }
    }
    struct span copy = span_of(mem_strndup(out.p, out.n), out.n);
    buf_free(&out);
    return copy;
}

static void set_error(struct js_source *s, const struct syntax_error *e)
{
    struct syntax_place place = syntax_locate(s->text, e->at);
    s->status = ERR_SCRIPT;
    snprintf(s->error, sizeof(s->error), "SyntaxError: %s (line %u, column %u)", e->msg, place.line,
             place.column);
}

static void keep_functions(struct js_source *s, struct syntax_functions f)
{
    s->code.functions = (struct syntax_functions){0};
    if (f.n == 0)
        return;
    struct syntax_function *list = mem_alloc_array(f.n, sizeof(list[0]));
    memcpy(list, f.list, f.n * sizeof(list[0]));
    for (uint32_t i = 0; i < f.n; i++)
        buf_add_span(&s->names, list[i].name);
    const char *name = s->names.p;
    for (uint32_t i = 0; i < f.n; i++) {
        size_t n = list[i].name.n;
        list[i].name = n ? span_of(name, n) : SPAN_NONE;
        name = n ? name + n : name;
    }
    s->code.functions = (struct syntax_functions){list, f.n, f.n};
}

// Out of the arena of the tree, which is much larger.
static void keep_code(struct js_source *s, const struct lowered *code)
{
    s->code = *code;
    keep_functions(s, code->functions);
    if (!code->changed)
        return;
    s->code.text = span_of(mem_strndup(code->text.p, code->text.n), code->text.n);
    s->code.prefix = span_of(mem_strndup(code->prefix.p, code->prefix.n), code->prefix.n);
    s->code.map.runs = mem_alloc_array(code->map.n, sizeof(code->map.runs[0]));
    memcpy(s->code.map.runs, code->map.runs, code->map.n * sizeof(code->map.runs[0]));
}

struct js_source *js_source_new(enum convert_kind kind, struct span text)
{
    struct js_source *s = mem_new(struct js_source);
    s->kind = kind;
    if (text.n > CONVERT_SCRIPT_MAX) {
        s->status = ERR_INVALID;
        snprintf(s->error, sizeof(s->error), "the script is longer than %zu bytes",
                 CONVERT_SCRIPT_MAX);
        return s;
    }
    s->text = copy_text(text);
    struct arena arena = {0};
    struct ast_tree tree;
    struct scope_tree scopes;
    struct lowered code;
    struct syntax_error e;
    if (syntax_parse(s->text, formals_of[kind], &arena, &tree, &e) < 0 ||
        scope_analyse(&tree, &arena, &scopes, &e) < 0 ||
        lower_script(&tree, &scopes, &arena, &code, &e) < 0)
        set_error(s, &e);
    else
        keep_code(s, &code);
    arena_free(&arena);
    return s;
}

void js_source_free(struct js_source *s)
{
    if (!s)
        return;
    mem_free((char *)(uintptr_t)s->text.p);
    mem_free((char *)(uintptr_t)s->code.text.p);
    mem_free((char *)(uintptr_t)s->code.prefix.p);
    mem_free(s->code.map.runs);
    mem_free(s->code.functions.list);
    buf_free(&s->names);
    mem_free(s);
}

int js_source_status(const struct js_source *s, struct span *error)
{
    *error = span_str(s->error);
    return s->status;
}

struct span js_source_code(const struct js_source *s, struct span *helper_prefix)
{
    *helper_prefix = s->code.prefix;
    return s->code.changed ? s->code.text : s->text;
}

const struct syntax_function *js_source_function(const struct js_source *s, uint32_t at)
{
    return syntax_functions_find(&s->code.functions, at);
}

struct syntax_place js_source_locate(const struct js_source *s, uint32_t at)
{
    return syntax_locate(s->text, source_map_find(&s->code.map, at));
}

enum convert_kind js_source_kind(const struct js_source *s)
{
    return s->kind;
}

const char *const *js_source_formals(const struct js_source *s)
{
    return formals_of[s->kind];
}

static bool mentions(struct span text, const char *word)
{
    return text.n > 0 && memmem(text.p, text.n, word, strlen(word)) != NULL;
}

bool js_source_uses_argument(const struct js_source *s, unsigned i)
{
    return mentions(s->text, formals_of[s->kind][i]) || mentions(s->text, "arguments") ||
           mentions(s->text, "\\u");
}
