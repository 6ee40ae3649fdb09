// SPDX-License-Identifier: Apache-2.0
// Writing the lowered text: the cursor, the map, names.

#include <stdarg.h>
#include <stdio.h>

#include "syntax/lowering.h"

void lower_fail(struct lower *l, uint32_t at, const char *fmt, ...)
{
    if (l->failed)
        return;
    l->failed = true;
    l->error->at = at;
    va_list args;
    va_start(args, fmt);
    vsnprintf(l->error->msg, sizeof(l->error->msg), fmt, args);
    va_end(args);
}

// Text --------------------------------------------------------------------------------------------

void lower_span(struct lower *l, struct span s)
{
    source_map_add(&l->map, l->arena, (uint32_t)l->out.n, l->at | SOURCE_MAP_MADE);
    buf_add_span(&l->out, s);
    if (l->out.n > LOWER_TEXT_MAX)
        lower_fail(l, l->at,
                   "the script is too large once it is lowered to ES5: more than %u bytes",
                   LOWER_TEXT_MAX);
}

void lower_text(struct lower *l, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof(text)) {
        lower_span(l, span_of(text, (size_t)n));
        return;
    }
    // Long names.
    char *big = arena_alloc(l->arena, (size_t)n + 1);
    va_start(args, fmt);
    vsnprintf(big, (size_t)n + 1, fmt, args);
    va_end(args);
    lower_span(l, span_of(big, (size_t)n));
}

void lower_helper(struct lower *l, const char *name)
{
    lower_span(l, l->prefix);
    lower_span(l, span_str(name));
}

// The number of newlines before `at`.
static uint32_t line_of(const struct lower *l, uint32_t at)
{
    uint32_t low = 0, high = l->n_lines;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (l->line_starts[middle] <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void lower_copy(struct lower *l, uint32_t to)
{
    if (to <= l->at)
        return;
    for (uint32_t line = line_of(l, l->at); l->out_line < line; l->out_line++)
        lower_span(l, SPAN("\n"));
    struct span s = span_of(l->tree->text.p + l->at, to - l->at);
    source_map_add(&l->map, l->arena, (uint32_t)l->out.n, l->at);
    buf_add_span(&l->out, s);
    l->out_line += line_of(l, to) - line_of(l, l->at);
    l->at = to;
}

void lower_skip(struct lower *l, uint32_t to)
{
    if (to > l->at)
        l->at = to;
}

void lower_copy_node(struct lower *l, struct ast_node *n)
{
    lower_copy(l, n->start);
    lower_node(l, n);
}

void lower_skip_node(struct lower *l, struct ast_node *n)
{
    lower_skip(l, n->start);
    lower_node(l, n);
}

static bool is_primary(const struct ast_node *n)
{
    switch (n->kind) {
    case AST_IDENT:
    case AST_STRING:
    case AST_CONSTANT:
    case AST_THIS:
    case AST_ARRAY:
    case AST_MEMBER:
    case AST_CALL:
    case AST_TEMPLATE:
    case AST_CHAIN:
        return true;
    default:
        return false;
    }
}

void lower_skip_operand(struct lower *l, struct ast_node *n)
{
    bool bare = is_primary(n);
    if (!bare)
        lower_span(l, SPAN("("));
    lower_skip_node(l, n);
    if (!bare)
        lower_span(l, SPAN(")"));
}

void lower_far_node(struct lower *l, struct ast_node *n)
{
    uint32_t at = l->at;
    l->at = n->start;
    lower_node(l, n);
    l->at = at;
}

void lower_far_operand(struct lower *l, struct ast_node *n)
{
    uint32_t at = l->at;
    l->at = n->start;
    lower_skip_operand(l, n);
    l->at = at;
}

static void copy_child(void *ctx, struct ast_node *child)
{
    struct lower *l = ctx;
    if (!l->failed)
        lower_copy_node(l, child);
}

void lower_children(struct lower *l, struct ast_node *n)
{
    ast_each_child(n, copy_child, l);
    lower_copy(l, n->end);
}

// Names -------------------------------------------------------------------------------------------

struct span lower_temp(struct lower *l)
{
    unsigned number = ++l->fn->temps;
    if (number > l->fn->temps_max)
        l->fn->temps_max = number;
    return arena_printf(l->arena, "%.*s%u", SPAN_ARG(l->prefix), number);
}

void lower_declare(struct lower *l, struct span name)
{
    struct lower_function *f = l->fn;
    if (f->n_vars == f->cap_vars) {
        uint32_t cap = f->cap_vars ? f->cap_vars * 2 : 8;
        f->vars = arena_grow(l->arena, f->vars, f->cap_vars * sizeof(name), cap * sizeof(name));
        f->cap_vars = cap;
    }
    f->vars[f->n_vars++] = name;
}

struct span lower_new_name(struct lower *l, const char *stem)
{
    return arena_printf(l->arena, "%.*s%s%u", SPAN_ARG(l->prefix), stem, ++l->next);
}

void lower_vars(struct lower *l)
{
    const struct lower_function *f = l->fn;
    const char *before = "var ";
    for (unsigned i = 1; i <= f->temps_max; i++, before = ",")
        lower_text(l, "%s%.*s%u", before, SPAN_ARG(l->prefix), i);
    for (uint32_t i = 0; i < f->n_vars; i++, before = ",")
        lower_text(l, "%s%.*s", before, SPAN_ARG(f->vars[i]));
    if (before[0] == ',')
        lower_span(l, SPAN(";"));
}

// The name as it must be spelt: escapes in it are decoded, which Duktape takes.
void lower_name(struct lower *l, const struct ast_node *ident)
{
    const struct scope_binding *b = ident->binding;
    lower_span(l, b ? b->out : ident->name->text);
    lower_skip(l, ident->end);
}

// A name that can be read twice: neither a getter of the global object nor checked.
bool lower_is_plain_name(const struct lower *l, const struct ast_node *n)
{
    return n->kind == AST_IDENT && n->binding && !n->binding->is_checked && !lower_is_dead(l, n);
}

// A parameter's default sees those before it.
bool lower_is_dead(const struct lower *l, const struct ast_node *ident)
{
    const struct scope_binding *b = ident->binding;
    if (!b || b->is_dead)
        return b != NULL;
    if (b->kind != BIND_PARAMETER || b->scope->function != l->fn->function)
        return false;
    return ident->start < b->ready ||
           (b->from && ident->start >= b->from->start && ident->start < b->from->end);
}

void lower_check_target(struct lower *l, const struct scope_binding *b)
{
    lower_text(l, "%.*s===%.*sunset&&%.*sdead(\"%.*s\"),", SPAN_ARG(b->out), SPAN_ARG(l->prefix),
               SPAN_ARG(l->prefix), SPAN_ARG(b->name->text));
}

void lower_ident(struct lower *l, struct ast_node *n)
{
    const struct scope_binding *b = n->binding;
    if (!b) {
        bool own = !l->fn->loop && l->fn->function->receiver == l->fn->function;
        if (!own && span_is(n->name->text, "arguments"))
            lower_helper(l, "arguments");
        else if (n->end - n->start == n->name->text.n)
            lower_copy(l, n->end);
        else
            lower_span(l, n->name->text);
    } else if (lower_is_dead(l, n)) {
        lower_text(l, "%.*sdead(\"%.*s\")", SPAN_ARG(l->prefix), SPAN_ARG(n->name->text));
    } else if (b->is_checked) {
        struct span out = b->out;
        lower_text(l, "(%.*s===%.*sunset?%.*sdead(\"%.*s\"):%.*s)", SPAN_ARG(out),
                   SPAN_ARG(l->prefix), SPAN_ARG(l->prefix), SPAN_ARG(n->name->text),
                   SPAN_ARG(out));
    } else if (span_eq(b->out, span_of(l->tree->text.p + n->start, n->end - n->start))) {
        lower_copy(l, n->end);
    } else {
        lower_span(l, b->out);
    }
    lower_skip(l, n->end);
}
