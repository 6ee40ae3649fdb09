// SPDX-License-Identifier: Apache-2.0
#include "syntax/scope_walk.h"

#include <stdarg.h>
#include <stdio.h>

void scope_fail(struct scope_walk *w, uint32_t at, const char *fmt, ...)
{
    if (w->failed)
        return;
    w->failed = true;
    w->error->at = at;
    va_list args;
    va_start(args, fmt);
    vsnprintf(w->error->msg, sizeof(w->error->msg), fmt, args);
    va_end(args);
}

// When functions can run --------------------------------------------------------------------------

// Everything that runs because `f` runs at `at` of the function around.
static void spread_run(struct scope_function *f, uint32_t at)
{
    if (f->first_run != UINT32_MAX)
        return;
    f->first_run = at;
    for (struct scope_function *work = f; work;) {
        f = work;
        work = f->work;
        for (struct scope_edge *e = f->calls; e; e = e->next) {
            if (e->to->first_run != UINT32_MAX)
                continue;
            e->to->first_run = at;
            e->to->work = work;
            work = e->to;
        }
    }
}

static void find_first_runs(struct scope_tree *t)
{
    for (struct scope_function *f = t->functions; f; f = f->all) {
        for (struct scope_edge *e = f->events; e; e = e->next)
            spread_run(e->to, e->at);
    }
}

// The function directly in `outer` that holds `f`.
struct scope_function *scope_child_of(struct scope_function *f, const struct scope_function *outer)
{
    while (f->outer != outer)
        f = f->outer;
    return f;
}

static bool is_within(const struct ast_node *n, uint32_t at)
{
    return at >= n->start && at < n->end;
}

// Whether the reference may be read before its variable is initialised.
static bool is_early(const struct scope_binding *b, const struct scope_reference *r)
{
    const struct scope_function *home = b->scope->function;
    if (r->function == home)
        return r->ident->start < b->ready || (b->within && !is_within(b->within, r->ident->start));
    const struct scope_function *f = scope_child_of(r->function, home);
    return f->first_run < b->ready || (b->within && !is_within(b->within, f->node->start));
}

static bool is_lexical(const struct scope_binding *b)
{
    return b->kind == BIND_LET || b->kind == BIND_CONST || b->kind == BIND_CLASS;
}

// Whether the scope's variables are there before they are initialised.
static bool is_reached(const struct scope *s)
{
    return s->kind == SCOPE_FUNCTION || s->kind == SCOPE_BLOCK || s->kind == SCOPE_SWITCH ||
           s->kind == SCOPE_NAME || s->kind == SCOPE_FOR;
}

static void check_early(struct scope_binding *b)
{
    if (!is_lexical(b) || !is_reached(b->scope))
        return;
    for (const struct scope_reference *r = b->references; r && !b->is_checked; r = r->next)
        b->is_checked = is_early(b, r);
}

// -------------------------------------------------------------------------------------------------

static void check_all(struct ast_tree *tree)
{
    for (uint32_t i = 0; i < tree->n_names; i++) {
        for (struct scope_binding *b = tree->names[i]->all; b; b = b->same)
            check_early(b);
    }
}

// `this` inside a loop that becomes a function is that of the function around.
static void capture_for_loops(struct scope_tree *t)
{
    for (struct scope_loop *l = t->loops; l; l = l->all) {
        if (l->is_fresh)
            l->function->receiver->captured |= l->uses;
    }
}

// Functions of a loop's blocks
// ---------------------------------------------------------------------

// The block has a variable of its own.
static void split(struct scope_binding *b)
{
    struct scope_binding *v = b->alias;
    b->alias = NULL;
    b->sets = v;
    for (struct scope_reference **at = &v->references; *at;) {
        struct scope_reference *r = *at;
        if (r->through != b) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        r->ident->binding = b;
        r->next = b->references;
        b->references = r;
    }
}

static void split_functions(struct scope_tree *t)
{
    for (struct scope_function *f = t->functions; f; f = f->all) {
        struct scope_binding *b = f->block;
        if (b && b->alias)
            split(b);
        if (b && b->sets)
            f->node->a->binding = b;
    }
}

int scope_analyse(struct ast_tree *tree, struct arena *arena, struct scope_tree *out,
                  struct syntax_error *e)
{
    struct scope_walk w = {.tree = tree, .arena = arena, .out = out, .error = e};
    *out = (struct scope_tree){0};
    *e = (struct syntax_error){0};
    scope_declare(&w);
    if (!w.failed)
        scope_resolve(&w);
    if (w.failed)
        return ERR_INVALID;
    find_first_runs(out);
    check_all(tree);
    capture_for_loops(out);
    if (tree->features & AST_HAS_LOWERED)
        split_functions(out);
    return 0;
}
