// SPDX-License-Identifier: Apache-2.0
// Second walk: what each name refers to. Names lead to the declaration in force.

#include "syntax/scope_walk.h"

static void walk(void *ctx, struct ast_node *n);

static void walk_list(struct scope_walk *w, struct ast_node *n)
{
    for (; n && !w->failed; n = n->next)
        walk(w, n);
}

static void enter_scope(struct scope_walk *w, struct scope *s)
{
    for (struct scope_binding *b = s->first; b; b = b->next) {
        b->shadowed = b->name->binding;
        b->name->binding = b;
    }
    w->scope = s;
}

// In the reverse order: a block may hold two functions of one name.
static void leave_scope(struct scope_walk *w, struct scope *s)
{
    for (struct scope_binding *b = s->first; b; b = b->next) {
        if (b->name->binding && b->name->binding->scope == s) {
            struct scope_binding *outer = b->name->binding;
            while (outer && outer->scope == s)
                outer = outer->shadowed;
            b->name->binding = outer;
        }
    }
    w->scope = s->outer;
}

// References --------------------------------------------------------------------------------------

// this, arguments or new.target stands here.
static void use_receiver(struct scope_walk *w, enum scope_use use)
{
    struct scope_loop *loop = w->loop;
    for (struct scope_function *f = w->function;; loop = f->loop, f = f->outer) {
        for (; loop && !(loop->uses & use); loop = loop->outer)
            loop->uses |= use;
        if (f == w->function->receiver)
            break;
    }
    if (w->function != w->function->receiver)
        w->function->receiver->captured |= use;
}

static struct scope_edge *add_edge(struct scope_walk *w, struct scope_edge **first,
                                   struct scope_edge **last, uint32_t at, struct scope_function *to)
{
    struct scope_edge *e = arena_new(w->arena, struct scope_edge);
    *e = (struct scope_edge){.at = at, .to = to};
    if (*last)
        (*last)->next = e;
    else
        *first = e;
    *last = e;
    return e;
}

static void add_run(struct scope_walk *w, uint32_t at, struct scope_function *f)
{
    struct scope_function *outer = f->outer;
    if (w->function == outer) {
        add_edge(w, &outer->events, &outer->last_event, at, f);
    } else {
        struct scope_function *caller = scope_child_of(w->function, outer);
        add_edge(w, &caller->calls, &caller->last_call, at, f);
    }
}

static void use_arguments(struct scope_walk *w, const struct ast_node *n)
{
    w->function->receiver->has_arguments = true;
    if (w->function->receiver->node->flags & AST_FIELD)
        scope_fail(w, n->start, "arguments cannot stand in the value of a field");
    use_receiver(w, USE_ARGUMENTS);
}

// Whether the place is among the parameters of the function whose body declares the variable.
static bool is_of_body(const struct scope_binding *b, uint32_t at)
{
    const struct ast_node *f = b->scope->function->node;
    return b->scope->kind == SCOPE_FUNCTION && b->kind != BIND_PARAMETER && at >= f->start &&
           at < f->c->start && f->b != NULL;
}

// A function sees the variable of one turn of a loop.
static void capture(const struct scope_binding *b, struct scope_function *f)
{
    struct scope_loop *loop = b->scope->loop;
    loop->is_fresh = true;
    f = scope_child_of(f, b->scope->function);
    if (b->scope->kind == SCOPE_FOR && f->node->start < loop->node->d->start)
        loop->is_seen = true;
}

static void resolve(struct scope_walk *w, struct ast_node *n, bool is_write)
{
    struct scope_binding *b = n->name->binding;
    while (b && is_of_body(b, n->start)) {
        b->is_passed = true;
        b = b->shadowed;
    }
    if (!b) {
        n->name->is_free = true;
        if (span_is(n->name->text, "arguments"))
            use_arguments(w, n);
        return;
    }
    struct scope_binding *through = b->alias ? b : NULL;
    if (through)
        b = b->alias;
    n->binding = b;
    struct scope_reference *r = arena_new(w->arena, struct scope_reference);
    *r = (struct scope_reference){.ident = n,
                                  .function = w->function,
                                  .through = through,
                                  .is_write = is_write,
                                  .next = b->references};
    b->references = r;
    struct scope_function *value = through ? through->value : b->value;
    if (value)
        add_run(w, n->start, value);
    if (b->scope->function == w->function)
        return;
    b->is_captured = true;
    bool lexical = b->kind == BIND_LET || b->kind == BIND_CONST || b->kind == BIND_CLASS ||
                   (b->kind == BIND_FUNCTION && b->scope->kind != SCOPE_FUNCTION);
    if (lexical && b->scope->loop)
        capture(b, w->function);
}

// A name that a var declares must not be one of a block in between.
static void check_var(struct scope_walk *w, const struct ast_node *n)
{
    const struct scope_binding *b = n->name->binding;
    while (b && b->kind == BIND_CATCH)
        b = b->shadowed;
    if (!b || b->scope->function != w->function || b->kind == BIND_VAR ||
        b->kind == BIND_PARAMETER || b->kind == BIND_SELF)
        return;
    if (b->kind != BIND_FUNCTION || b->scope->kind != SCOPE_FUNCTION)
        scope_fail(w, n->start, "%.*s is already declared here", SPAN_ARG(n->name->text));
}

// The names of a pattern are references to what they declare.
static void walk_target(struct scope_walk *w, struct ast_node *n)
{
    switch (n->kind) {
    case AST_IDENT:
        resolve(w, n, true);
        break;
    case AST_ARRAY_PATTERN:
    case AST_OBJECT_PATTERN:
        for (struct ast_node *e = n->a; e && !w->failed; e = e->next)
            walk_target(w, e);
        break;
    case AST_PROPERTY:
        if (n->flags & AST_COMPUTED)
            walk(w, n->a);
        walk_target(w, n->b);
        break;
    case AST_DEFAULT:
        walk_target(w, n->a);
        walk(w, n->b);
        break;
    case AST_REST:
        walk_target(w, n->a);
        break;
    default:
        walk(w, n);
        break;
    }
}

// A declared name is no reference, but it must know its binding.
static void bind_declared(struct scope_walk *w, struct ast_node *n)
{
    struct scope_binding *b = n->name->binding;
    n->binding = b && b->alias ? b->alias : b;
    (void)w;
}

static void bind_target(struct scope_walk *w, struct ast_node *n, bool is_var)
{
    switch (n->kind) {
    case AST_IDENT:
        if (is_var)
            check_var(w, n);
        bind_declared(w, n);
        break;
    case AST_ARRAY_PATTERN:
    case AST_OBJECT_PATTERN:
        for (struct ast_node *e = n->a; e && !w->failed; e = e->next)
            bind_target(w, e, is_var);
        break;
    case AST_PROPERTY:
        if (n->flags & AST_COMPUTED)
            walk(w, n->a);
        bind_target(w, n->b, is_var);
        break;
    case AST_DEFAULT:
        bind_target(w, n->a, is_var);
        walk(w, n->b);
        break;
    case AST_REST:
        bind_target(w, n->a, is_var);
        break;
    default:
        break;
    }
}

static void walk_var(struct scope_walk *w, struct ast_node *n)
{
    for (struct ast_node *d = n->a; d && !w->failed; d = d->next) {
        bind_target(w, d->a, n->op == T_VAR);
        if (d->b)
            walk(w, d->b);
    }
}

// Functions and classes ---------------------------------------------------------------------------

static void walk_function(struct scope_walk *w, struct ast_node *n)
{
    struct scope_function *f = n->function;
    if (!f->is_bound && f->outer)
        add_run(w, w->class_end ? w->class_end : n->start, f);
    struct scope *named = f->scope->outer;
    bool has_name = n->a && !(n->flags & AST_STATEMENT);
    if (has_name)
        enter_scope(w, named);
    if (n->a && (n->flags & AST_IN_BLOCK))
        f->block = n->a->name->binding;
    if (n->a)
        bind_declared(w, n->a);
    struct scope_walk saved = *w;
    w->function = f;
    w->loop = NULL;
    w->class_end = 0;
    enter_scope(w, f->scope);
    for (struct ast_node *p = n->b; p; p = p->next)
        bind_target(w, p, false);
    if (n->c->kind == AST_BLOCK)
        walk_list(w, n->c->a);
    else
        walk(w, n->c);
    leave_scope(w, f->scope);
    w->function = saved.function;
    w->loop = saved.loop;
    w->class_end = saved.class_end;
    if (has_name)
        leave_scope(w, named);
}

static void walk_member(struct scope_walk *w, struct ast_node *m, uint32_t end)
{
    w->class_end = 0;
    if (m->kind == AST_PROPERTY && (m->flags & AST_COMPUTED))
        walk(w, m->a);
    w->class_end = end;
    struct ast_node *value = m->kind == AST_PROPERTY ? m->b : m->a;
    if (value)
        walk(w, value);
}

static void walk_class(struct scope_walk *w, struct ast_node *n)
{
    uint32_t class_end = w->class_end;
    w->class_end = 0;
    if (w->loop)
        w->loop->is_fresh = true; // as for super
    if (n->a && (n->flags & AST_STATEMENT))
        bind_declared(w, n->a);
    if (n->scope)
        enter_scope(w, n->scope);
    if (n->b)
        walk(w, n->b);
    for (struct ast_node *m = n->c; m && !w->failed; m = m->next)
        walk_member(w, m, n->end);
    if (n->scope)
        leave_scope(w, n->scope);
    w->class_end = class_end;
}

// The rest ----------------------------------------------------------------------------------------

static void walk_for(struct scope_walk *w, struct ast_node *n)
{
    struct scope_loop *outer = w->loop;
    enter_scope(w, n->scope);
    w->loop = n->loop;
    if (n->a && n->kind != AST_FOR && n->a->kind != AST_VAR)
        walk_target(w, n->a);
    else if (n->a)
        walk(w, n->a);
    w->loop = n->kind == AST_FOR ? n->loop : outer;
    if (n->b)
        walk(w, n->b);
    w->loop = n->loop;
    if (n->c)
        walk(w, n->c);
    walk(w, n->d);
    leave_scope(w, n->scope);
    w->loop = outer;
}

static void walk_scoped(struct scope_walk *w, struct ast_node *n, struct scope *s)
{
    enter_scope(w, s);
    if (n->kind == AST_CATCH) {
        if (n->a)
            bind_target(w, n->a, false);
        walk(w, n->b);
    } else {
        walk_list(w, n->a);
    }
    leave_scope(w, s);
}

static void walk_switch(struct scope_walk *w, struct ast_node *n)
{
    walk(w, n->a);
    enter_scope(w, n->scope);
    walk_list(w, n->b);
    leave_scope(w, n->scope);
}

static void walk_loop(struct scope_walk *w, struct ast_node *n)
{
    struct scope_loop *outer = w->loop;
    w->loop = n->loop;
    ast_each_child(n, walk, w);
    w->loop = outer;
}

static void walk_call(struct scope_walk *w, struct ast_node *n)
{
    ast_each_child(n, walk, w);
    const struct ast_node *callee = n->a;
    if (callee->kind != AST_IDENT || callee->binding)
        return;
    if (n->kind == AST_CALL && span_is(callee->name->text, "eval"))
        scope_fail(w, n->start, "eval is not supported: write the code into the script itself");
    if (span_is(callee->name->text, "Function"))
        scope_fail(w, n->start,
                   "new Function is not supported: write the function into the script "
                   "itself");
}

static void walk(void *ctx, struct ast_node *n)
{
    struct scope_walk *w = ctx;
    if (w->failed)
        return;
    switch (n->kind) {
    case AST_IDENT:
        resolve(w, n, false);
        break;
    case AST_THIS:
        use_receiver(w, USE_THIS);
        break;
    case AST_SUPER:
        use_receiver(w, USE_THIS);
        // Where the method starts from is kept in a variable, one for each turn of a loop.
        if (w->function->receiver->loop)
            w->function->receiver->loop->is_fresh = true;
        break;
    case AST_NEW_TARGET:
        use_receiver(w, USE_TARGET);
        break;
    case AST_FUNCTION:
        walk_function(w, n);
        break;
    case AST_CLASS:
        walk_class(w, n);
        break;
    case AST_VAR:
        walk_var(w, n);
        break;
    case AST_ASSIGN:
        walk_target(w, n->a);
        walk(w, n->b);
        break;
    case AST_UPDATE:
        walk_target(w, n->a);
        break;
    case AST_CALL:
    case AST_NEW:
        walk_call(w, n);
        break;
    case AST_BLOCK:
    case AST_CATCH:
        walk_scoped(w, n, n->scope);
        break;
    case AST_SWITCH:
        walk_switch(w, n);
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
    default:
        ast_each_child(n, walk, w);
        break;
    }
}

void scope_resolve(struct scope_walk *w)
{
    for (uint32_t i = 0; i < w->tree->n_names; i++)
        w->tree->names[i]->binding = NULL;
    walk(w, w->tree->body);
}
