// SPDX-License-Identifier: Apache-2.0
// First walk: scopes and what is declared in them. Names lead to the innermost declaration so far;
// `shadowed` leads back.

#include "syntax/scope_walk.h"

static void walk(void *ctx, struct ast_node *n);

static void walk_list(struct scope_walk *w, struct ast_node *n)
{
    for (; n && !w->failed; n = n->next)
        walk(w, n);
}

// Scopes ------------------------------------------------------------------------------------------

static struct scope *open_scope(struct scope_walk *w, enum scope_kind kind, struct ast_node *n)
{
    struct scope *s = arena_new(w->arena, struct scope);
    s->kind = kind;
    s->outer = w->scope;
    s->function = w->function;
    s->loop = w->loop;
    s->node = n;
    w->scope = s;
    return s;
}

static bool is_variable(const struct scope_binding *b)
{
    return b->scope->kind == SCOPE_FUNCTION &&
           (b->kind == BIND_VAR || b->kind == BIND_PARAMETER || b->kind == BIND_FUNCTION);
}

static void close_scope(struct scope_walk *w, struct scope *s)
{
    for (struct scope_binding *b = s->first; b; b = b->next) {
        if (is_variable(b))
            b->name->variable = b->shadowed;
        else
            b->name->binding = b->shadowed;
    }
    w->scope = s->outer;
}

// Bindings ----------------------------------------------------------------------------------------

static struct scope_binding *add_binding(struct scope_walk *w, struct scope *s,
                                         enum scope_binding_kind kind, const struct ast_node *ident,
                                         uint32_t ready)
{
    struct ast_name *name = ident->name;
    struct scope_binding *b = arena_new(w->arena, struct scope_binding);
    *b = (struct scope_binding){.name = name,
                                .kind = kind,
                                .scope = s,
                                .start = ident->start,
                                .ready = ready,
                                .within = s->kind == SCOPE_SWITCH ? w->within : NULL,
                                .out = name->text,
                                .same = name->all};
    name->all = b;
    struct scope_binding **in_force = is_variable(b) ? &name->variable : &name->binding;
    b->shadowed = *in_force;
    *in_force = b;
    if (s->last)
        s->last->next = b;
    else
        s->first = b;
    s->last = b;
    return b;
}

static void fail_twice(struct scope_walk *w, const struct ast_node *ident)
{
    scope_fail(w, ident->start, "%.*s is already declared here", SPAN_ARG(ident->name->text));
}

// A var, a parameter or a function's own function.
static struct scope_binding *declare_variable(struct scope_walk *w, struct ast_node *ident,
                                              enum scope_binding_kind kind)
{
    struct scope *s = w->function->scope;
    struct scope_binding *b = ident->name->variable;
    if (ident->name->binding && ident->name->binding->scope == s)
        fail_twice(w, ident);
    if (!b || b->scope != s)
        b = add_binding(w, s, kind, ident, 0);
    else if (kind == BIND_FUNCTION || b->kind == BIND_FUNCTION)
        b->is_repeated = true;
    return b;
}

static struct scope_binding *declare_lexical(struct scope_walk *w, struct ast_node *ident,
                                             enum scope_binding_kind kind, uint32_t ready)
{
    const struct scope *s = w->scope;
    const struct scope_binding *b = ident->name->binding, *v = ident->name->variable;
    bool functions = kind == BIND_FUNCTION && b && b->kind == BIND_FUNCTION &&
                     !(w->function->node->flags & AST_STRICT);
    bool catches = b && s->outer && b->scope == s->outer && s->outer->kind == SCOPE_CATCH;
    if ((b && b->scope == s && !functions) || catches ||
        (s->kind == SCOPE_FUNCTION && v && v->scope == s))
        fail_twice(w, ident);
    return add_binding(w, w->scope, kind, ident, ready);
}

struct declaration {
    struct scope_walk *w;
    enum scope_binding_kind kind;
    uint32_t ready;
    struct ast_node *from;
    bool once; // parameters that must differ
};

// Ready behind its default.
static void declare_parameter(const struct declaration *d, struct ast_node *n)
{
    struct scope_binding *b = declare_variable(d->w, n, BIND_PARAMETER);
    if (b->kind != BIND_PARAMETER || d->w->function->is_simple)
        return;
    b->ready = d->ready > n->end ? d->ready : n->end;
    b->from = d->from;
}

static void declare_target(struct declaration *d, struct ast_node *n);

// The value of a pattern is found before what the pattern takes from it.
static void declare_default(const struct declaration *d, struct ast_node *n)
{
    struct declaration inner = *d;
    if (d->kind == BIND_PARAMETER && n->a->kind == AST_IDENT)
        inner.ready = n->end;
    else if (d->kind == BIND_PARAMETER)
        inner.from = n->b;
    declare_target(&inner, n->a);
    walk(d->w, n->b);
}

// The names of a pattern; values in it are walked.
static void declare_target(struct declaration *d, struct ast_node *n)
{
    struct scope_walk *w = d->w;
    if (w->failed)
        return;
    switch (n->kind) {
    case AST_IDENT:
        if (d->once && n->name->variable && n->name->variable->scope == w->function->scope)
            scope_fail(w, n->start, "two parameters are called %.*s", SPAN_ARG(n->name->text));
        if (d->kind == BIND_PARAMETER)
            declare_parameter(d, n);
        else if (d->kind == BIND_VAR)
            declare_variable(w, n, BIND_VAR);
        else
            declare_lexical(w, n, d->kind, d->ready);
        break;
    case AST_ARRAY_PATTERN:
    case AST_OBJECT_PATTERN:
        for (struct ast_node *e = n->a; e; e = e->next)
            declare_target(d, e);
        break;
    case AST_PROPERTY:
        if (n->flags & AST_COMPUTED)
            walk(w, n->a);
        declare_target(d, n->b);
        break;
    case AST_DEFAULT:
        declare_default(d, n);
        break;
    case AST_REST:
        declare_target(d, n->a);
        break;
    default:
        break;
    }
}

static enum scope_binding_kind kind_of(const struct ast_node *var)
{
    return var->op == T_VAR ? BIND_VAR : var->op == T_LET ? BIND_LET : BIND_CONST;
}

// `ready` 0: each is ready behind its declarator.
static void declare_var(struct scope_walk *w, struct ast_node *n, uint32_t ready)
{
    for (struct ast_node *d = n->a; d && !w->failed; d = d->next) {
        struct declaration decl = {.w = w, .kind = kind_of(n), .ready = ready ? ready : d->end};
        declare_target(&decl, d->a);
        if (d->b)
            walk(w, d->b);
        if (w->failed || n->op != T_CONST || d->a->kind != AST_IDENT || !d->b ||
            d->b->kind != AST_FUNCTION)
            continue;
        d->a->name->binding->value = d->b->function;
        d->b->function->is_bound = true;
    }
}

// Functions and classes ---------------------------------------------------------------------------

// Whether a block's function is also a variable of the function around (ECMA-262 B.3.3).
static void alias_block_function(struct scope_walk *w, struct ast_node *ident,
                                 struct scope_binding *b)
{
    struct scope_binding *v = ident->name->variable;
    if (w->function->node->flags & AST_STRICT)
        return;
    for (struct scope_binding *o = b->shadowed; o && o->scope->function == w->function;
         o = o->shadowed) {
        if (o->kind != BIND_FUNCTION && o->kind != BIND_CATCH)
            return;
    }
    bool there = v && v->scope == w->function->scope;
    if (there && v->kind == BIND_PARAMETER)
        return;
    if (there)
        v->is_repeated = true;
    else
        v = add_binding(w, w->function->scope, BIND_VAR, ident, 0);
    b->alias = v;
}

// Where Duktape's function of the function around would not see the caught value.
static bool is_in_catch(const struct scope *s)
{
    const struct scope_function *f = s->function;
    while (s && s->function == f && s->kind != SCOPE_CATCH)
        s = s->outer;
    return s && s->function == f;
}

static void declare_function_name(struct scope_walk *w, struct ast_node *n,
                                  struct scope_function *f)
{
    struct scope_binding *b;
    f->is_bound = true;
    if (w->scope->kind == SCOPE_FUNCTION) {
        b = declare_variable(w, n->a, BIND_FUNCTION);
        f->is_bound = b->kind == BIND_FUNCTION && !b->is_repeated;
    } else {
        b = declare_lexical(w, n->a, BIND_FUNCTION, 0);
        n->flags |= AST_IN_BLOCK;
        alias_block_function(w, n->a, b);
        // One that is a variable as well runs by that: it counts as made where it stands, too.
        f->is_bound = b->alias == NULL;
        b->value = f;
        // Duktape would make one function of the function around of all of that name.
        if (!b->alias || b->alias->is_repeated || is_in_catch(b->scope))
            w->tree->features |= AST_HAS_LOWERED;
        return;
    }
    if (f->is_bound)
        b->value = f;
    else if (b->value)
        b->value->is_bound = false, b->value = NULL;
}

static void declare_parameters(struct scope_walk *w, struct ast_node *n)
{
    bool simple = true;
    for (const struct ast_node *p = n->b; p; p = p->next)
        simple &= p->kind == AST_IDENT;
    w->function->is_simple = simple;
    struct declaration d = {.w = w,
                            .kind = BIND_PARAMETER,
                            .once = !simple || (n->flags & (AST_STRICT | AST_ARROW | AST_METHOD))};
    for (struct ast_node *p = n->b; p; p = p->next)
        declare_target(&d, p);
}

static void walk_function(struct scope_walk *w, struct ast_node *n)
{
    struct scope_function *f = arena_new(w->arena, struct scope_function);
    f->node = n;
    f->outer = w->function;
    f->loop = w->loop;
    f->receiver = n->flags & AST_ARROW && f->outer ? f->outer->receiver : f;
    f->first_run = UINT32_MAX;
    f->all = w->out->functions;
    w->out->functions = f;
    n->function = f;
    if (n->a && (n->flags & AST_STATEMENT))
        declare_function_name(w, n, f);
    struct scope *named = NULL;
    if (n->a && !(n->flags & AST_STATEMENT)) {
        named = open_scope(w, SCOPE_NAME, n);
        add_binding(w, named, BIND_SELF, n->a, 0);
    }
    struct scope_walk saved = *w;
    w->function = f;
    w->loop = NULL;
    w->within = NULL;
    f->scope = open_scope(w, SCOPE_FUNCTION, n);
    declare_parameters(w, n);
    if (n->c->kind == AST_BLOCK)
        walk_list(w, n->c->a);
    else
        walk(w, n->c);
    close_scope(w, f->scope);
    w->function = saved.function;
    w->loop = saved.loop;
    w->within = saved.within;
    if (named)
        close_scope(w, named);
}

static void walk_class(struct scope_walk *w, struct ast_node *n)
{
    struct scope *named = NULL;
    if (n->a && (n->flags & AST_STATEMENT))
        declare_lexical(w, n->a, BIND_CLASS, n->end);
    // What its members call it stays, whatever becomes of a variable of that name.
    if (n->a) {
        named = open_scope(w, SCOPE_NAME, n);
        add_binding(w, named, BIND_CONST, n->a, n->end);
    }
    n->scope = named;
    if (n->b)
        walk(w, n->b);
    walk_list(w, n->c);
    if (named)
        close_scope(w, named);
}

// Statements --------------------------------------------------------------------------------------

static struct scope_loop *open_loop(struct scope_walk *w, struct ast_node *n)
{
    struct scope_loop *l = arena_new(w->arena, struct scope_loop);
    l->node = n;
    l->outer = w->loop;
    l->function = w->function;
    l->all = w->out->loops;
    w->out->loops = l;
    n->loop = l;
    w->loop = l;
    return l;
}

static void walk_for(struct scope_walk *w, struct ast_node *n)
{
    struct scope_loop *l = open_loop(w, n);
    struct scope *s = open_scope(w, SCOPE_FOR, n);
    bool each = n->kind != AST_FOR;
    n->scope = s;
    if (n->a && n->a->kind == AST_VAR)
        declare_var(w, n->a, each ? n->d->start : 0);
    else if (n->a)
        walk(w, n->a);
    w->loop = each ? l->outer : l;
    if (n->b)
        walk(w, n->b);
    w->loop = l;
    if (n->c)
        walk(w, n->c);
    walk(w, n->d);
    close_scope(w, s);
    w->loop = l->outer;
}

static void walk_loop(struct scope_walk *w, struct ast_node *n)
{
    struct scope_loop *l = open_loop(w, n);
    ast_each_child(n, walk, w);
    w->loop = l->outer;
}

static void walk_switch(struct scope_walk *w, struct ast_node *n)
{
    struct ast_node *within = w->within;
    walk(w, n->a);
    struct scope *s = n->scope = open_scope(w, SCOPE_SWITCH, n);
    for (struct ast_node *c = n->b; c; c = c->next) {
        w->within = c;
        if (c->a)
            walk(w, c->a);
        walk_list(w, c->b);
    }
    w->within = within;
    close_scope(w, s);
}

static void walk_catch(struct scope_walk *w, struct ast_node *n)
{
    struct scope *s = n->scope = open_scope(w, SCOPE_CATCH, n);
    struct declaration d = {.w = w, .kind = BIND_LET, .ready = n->b->start};
    if (n->a && n->a->kind == AST_IDENT)
        add_binding(w, s, BIND_CATCH, n->a, 0);
    else if (n->a)
        declare_target(&d, n->a);
    walk(w, n->b);
    close_scope(w, s);
}

static void walk_block(struct scope_walk *w, struct ast_node *n)
{
    struct scope *s = n->scope = open_scope(w, SCOPE_BLOCK, n);
    walk_list(w, n->a);
    close_scope(w, s);
}

static void walk(void *ctx, struct ast_node *n)
{
    struct scope_walk *w = ctx;
    if (w->failed)
        return;
    switch (n->kind) {
    case AST_FUNCTION:
        walk_function(w, n);
        break;
    case AST_CLASS:
        walk_class(w, n);
        break;
    case AST_BLOCK:
        walk_block(w, n);
        break;
    case AST_FOR:
    case AST_FOR_IN:
    case AST_FOR_OF:
        walk_for(w, n);
        break;
    case AST_WHILE:
    case AST_DO_WHILE:
        walk_loop(w, n);
        break;
    case AST_SWITCH:
        walk_switch(w, n);
        break;
    case AST_CATCH:
        walk_catch(w, n);
        break;
    case AST_VAR:
        declare_var(w, n, 0);
        break;
    default:
        ast_each_child(n, walk, w);
        break;
    }
}

void scope_declare(struct scope_walk *w)
{
    walk(w, w->tree->body);
}
