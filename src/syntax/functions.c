// SPDX-License-Identifier: Apache-2.0
#include "syntax/functions.h"

static void append(struct syntax_functions *f, struct arena *arena, struct syntax_function one)
{
    if (f->n == f->cap) {
        uint32_t cap = f->cap ? f->cap * 2 : 16;
        f->list = arena_grow(arena, f->list, f->cap * sizeof(one), cap * sizeof(one));
        f->cap = cap;
    }
    f->list[f->n++] = one;
}

static struct span name_of(struct arena *arena, const struct ast_node *n)
{
    struct span name = n->name->text;
    if (!(n->flags & (AST_GETTER | AST_SETTER)))
        return name;
    return arena_printf(arena, "%s %.*s", n->flags & AST_GETTER ? "get" : "set", SPAN_ARG(name));
}

void syntax_functions_add(struct syntax_functions *f, struct arena *arena, const struct ast_node *n,
                          uint32_t at, struct span name)
{
    struct syntax_function one = {.at = at, .name = name, .has_name = name.n > 0};
    uint32_t count = 0;
    for (const struct ast_node *p = n->b; p && p->kind != AST_REST; p = p->next, count++) {
        if (p->kind == AST_DEFAULT && !one.has_length) {
            one.has_length = true;
            one.length = count;
        }
    }
    if (!one.has_name && !n->a && n->name) {
        one.has_name = true;
        one.name = name_of(arena, n);
    }
    one.is_method = (n->flags & (AST_ARROW | AST_METHOD)) && !(n->flags & AST_CONSTRUCTOR);
    if (one.has_length || one.has_name || one.is_method)
        append(f, arena, one);
}

void syntax_functions_add_name(struct syntax_functions *f, struct arena *arena, uint32_t at,
                               struct span name)
{
    if (name.n > 0)
        append(f, arena, (struct syntax_function){.at = at, .name = name, .has_name = true});
}

const struct syntax_function *syntax_functions_find(const struct syntax_functions *f, uint32_t at)
{
    uint32_t low = 0, high = f->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (f->list[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low < f->n && f->list[low].at == at ? &f->list[low] : NULL;
}
