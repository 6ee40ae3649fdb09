// SPDX-License-Identifier: Apache-2.0
// Statements other than loops.

#include "syntax/lowering.h"

// Declarations ------------------------------------------------------------------------------------

struct lower_function *lower_owner(const struct lower *l)
{
    struct lower_function *f = l->fn;
    while (f->loop)
        f = f->outer;
    return f;
}

bool lower_is_outside(const struct lower *l, const struct ast_node *var)
{
    return var->op == T_VAR && l->fn->loop;
}

static void declare_outside(struct lower *l, struct span name)
{
    struct lower_function *fn = l->fn;
    l->fn = lower_owner(l);
    lower_declare(l, name);
    l->fn = fn;
}

// "f=function(){}", and back to the cursor's place.
static void lower_moved(struct lower *l, struct ast_node *n)
{
    n->function->is_made = true;
    uint32_t at = l->at;
    struct span out = n->a->binding->out;
    lower_declare(l, out);
    l->at = n->start;
    lower_text(l, "%.*s=function", SPAN_ARG(out));
    lower_function_rest(l, n, false);
    l->at = at;
}

// Where a block's function stands. One that is the body of an if or behind a label is made here.
void lower_block_function(struct lower *l, struct ast_node *n)
{
    const struct scope_binding *b = n->a->binding;
    bool made = n->function->is_made;
    if (!made) {
        lower_span(l, SPAN("{"));
        lower_moved(l, n);
    }
    if (!made || !b->sets)
        lower_span(l, SPAN(";"));
    if (b->sets) {
        declare_outside(l, b->sets->out);
        lower_text(l, "%.*s=%.*s;", SPAN_ARG(b->sets->out), SPAN_ARG(b->out));
    }
    if (!made)
        lower_span(l, SPAN("}"));
    lower_skip(l, n->end);
}

void lower_declare_outside(struct lower *l, struct ast_node *n)
{
    if (n->kind == AST_IDENT)
        declare_outside(l, n->binding ? n->binding->out : n->name->text);
    else if (n->kind == AST_DEFAULT || n->kind == AST_REST)
        lower_declare_outside(l, n->a);
    else if (n->kind == AST_PROPERTY)
        lower_declare_outside(l, n->b);
    else if (n->kind != AST_HOLE) {
        for (struct ast_node *e = n->a; e; e = e->next)
            lower_declare_outside(l, e);
    }
}

// A let without a value is undefined again each time it is reached.
static bool needs_value(const struct ast_node *var, const struct ast_node *d)
{
    const struct scope_binding *b = d->a->binding;
    return var->op == T_LET && b && (b->scope->loop || b->is_checked);
}

static void lower_pattern_declarator(struct lower *l, struct ast_node *d, bool declares)
{
    struct span t = lower_temp(l);
    lower_text(l, "%.*s=", SPAN_ARG(t));
    l->at = d->b->start;
    lower_skip_operand(l, d->b);
    lower_span(l, SPAN(","));
    l->at = d->a->start;
    lower_pattern(l, d->a, t, declares);
}

static void lower_name_declarator(struct lower *l, struct ast_node *var, struct ast_node *d)
{
    const struct scope_binding *b = d->a->binding;
    if (d->a->end - d->a->start == d->a->name->text.n && (!b || span_eq(b->out, d->a->name->text)))
        lower_copy(l, d->a->end);
    else
        lower_name(l, d->a);
    if (d->b) {
        lower_copy_node(l, d->b);
        lower_copy(l, d->end);
    } else if (needs_value(var, d)) {
        lower_span(l, SPAN("=void 0"));
    }
}

bool lower_declarators(struct lower *l, struct ast_node *var, bool declares)
{
    bool any = false;
    for (struct ast_node *d = var->a; d && !l->failed; d = d->next) {
        if (!declares) {
            lower_declare_outside(l, d->a);
            if (!d->b)
                continue;
        }
        if (any)
            lower_span(l, SPAN(","));
        any = true;
        lower_skip(l, d->start);
        if (d->a->kind == AST_IDENT)
            lower_name_declarator(l, var, d);
        else
            lower_pattern_declarator(l, d, declares);
        lower_skip(l, d->end);
    }
    return any;
}

void lower_var(struct lower *l, struct ast_node *n)
{
    bool outside = lower_is_outside(l, n);
    if (!outside)
        lower_span(l, SPAN("var "));
    (void)lower_declarators(l, n, !outside);
    lower_span(l, SPAN(";"));
    lower_skip(l, n->end);
}

// Scopes ------------------------------------------------------------------------------------------

static bool is_checked(const struct scope_binding *b)
{
    return b->is_checked && (b->kind == BIND_LET || b->kind == BIND_CONST || b->kind == BIND_CLASS);
}

void lower_unset(struct lower *l, const struct scope *s, const char *separator)
{
    for (const struct scope_binding *b = s->first; b; b = b->next) {
        if (is_checked(b))
            lower_text(l, "%.*s=%.*sunset%s", SPAN_ARG(b->out), SPAN_ARG(l->prefix), separator);
    }
}

void lower_scope_start(struct lower *l, const struct scope *s, struct ast_node *statements)
{
    lower_unset(l, s, ";");
    for (struct ast_node *n = statements; n; n = n->next) {
        if (!lower_is_moved(n))
            continue;
        lower_moved(l, n);
        lower_span(l, SPAN(";"));
    }
}

void lower_statements(struct lower *l, struct ast_node *list)
{
    for (; list && !l->failed; list = list->next)
        lower_copy_node(l, list);
}

static void lower_block(struct lower *l, struct ast_node *n)
{
    lower_copy(l, n->start + 1);
    lower_scope_start(l, n->scope, n->a);
    lower_statements(l, n->a);
    lower_copy(l, n->end);
}

// Jumps -------------------------------------------------------------------------------------------

static bool is_loop(const struct ast_node *n)
{
    return n->kind == AST_FOR || n->kind == AST_FOR_IN || n->kind == AST_FOR_OF ||
           n->kind == AST_WHILE || n->kind == AST_DO_WHILE;
}

static const struct lower_target *find_target(const struct lower *l, const struct ast_node *n)
{
    const struct lower_target *loop = NULL;
    for (const struct lower_target *t = l->targets; t; t = t->outer) {
        bool here = is_loop(t->node);
        if (here)
            loop = t;
        if (!n->name) {
            if (here || (n->kind == AST_BREAK && t->node->kind == AST_SWITCH))
                return t;
        } else if (t->node->kind == AST_LABEL && t->node->name == n->name) {
            return n->kind == AST_CONTINUE ? loop : t;
        }
    }
    return NULL;
}

static unsigned exit_code(struct lower *l, const struct lower_target *target, bool is_continue,
                          struct ast_name *label)
{
    struct lower_function *f = l->fn;
    for (const struct lower_exit *e = f->exits; e; e = e->next) {
        if (e->target == target && e->is_continue == is_continue)
            return e->code;
    }
    struct lower_exit *e = arena_new(l->arena, struct lower_exit);
    *e = (struct lower_exit){.next = f->exits,
                             .target = target,
                             .is_continue = is_continue,
                             .label = label,
                             .code = ++f->n_exits};
    f->exits = e;
    return e->code;
}

static void lower_jump_itself(struct lower *l, const struct lower_target *target, bool is_continue,
                              struct ast_name *label)
{
    if (target->fn == l->fn)
        lower_text(l, "%s %.*s;", is_continue ? "continue" : "break",
                   SPAN_ARG(label ? label->text : SPAN_NONE));
    else if (is_continue && l->fn->loop == target->node->loop)
        lower_span(l, SPAN("return;"));
    else
        lower_text(l, "return %u;", exit_code(l, target, is_continue, label));
}

static void end_turn(struct lower *l, const struct lower_target *t, int how)
{
    if (t->turn.n > 0)
        lower_text(l, "%.*s=%d;", SPAN_ARG(t->turn), how);
}

bool lower_leaves_turns(const struct lower *l)
{
    for (const struct lower_target *t = l->targets; t && t->fn == l->fn; t = t->outer) {
        if (t->turn.n > 0)
            return true;
    }
    return false;
}

void lower_leave_turns(struct lower *l)
{
    for (const struct lower_target *t = l->targets; t && t->fn == l->fn; t = t->outer)
        end_turn(l, t, LOWER_TURN_LEAVES);
}

// The same for a jump, which may go on with the loop that it leads to.
static void end_turns(struct lower *l, const struct lower_target *target, bool is_continue)
{
    const struct lower_target *t = l->targets;
    for (; t && t->fn == l->fn && t != target; t = t->outer)
        end_turn(l, t, LOWER_TURN_LEAVES);
    if (t == target && t->fn == l->fn)
        end_turn(l, t, is_continue ? LOWER_TURN_GOES_ON : LOWER_TURN_LEAVES);
}

void lower_jump_to(struct lower *l, const struct lower_target *target, bool is_continue,
                   struct ast_name *label)
{
    bool closes = lower_leaves_turns(l);
    if (closes) {
        lower_span(l, SPAN("{"));
        end_turns(l, target, is_continue);
    }
    lower_jump_itself(l, target, is_continue, label);
    if (closes)
        lower_span(l, SPAN("}"));
}

void lower_jump(struct lower *l, struct ast_node *n)
{
    const struct lower_target *t = find_target(l, n);
    require(t != NULL);
    lower_jump_to(l, t, n->kind == AST_CONTINUE, n->name);
    lower_skip(l, n->end);
}

// A return of what the text says, as the function around makes it.
static void lower_return_text(struct lower *l, struct span value)
{
    if (l->fn->loop)
        lower_text(l, "return [%.*s];", SPAN_ARG(value));
    else if (l->fn->function->node->flags & AST_DERIVED)
        lower_text(l, "return %.*sresult(%.*s,%.*sthis);", SPAN_ARG(l->prefix), SPAN_ARG(value),
                   SPAN_ARG(l->prefix));
    else
        lower_text(l, "return %.*s;", SPAN_ARG(value));
}

// The iterators that are left are closed when the value is there.
static void lower_closing_return(struct lower *l, struct ast_node *n)
{
    struct span value = SPAN("void 0");
    lower_span(l, SPAN("{"));
    if (n->a) {
        value = lower_temp(l);
        lower_text(l, "%.*s=", SPAN_ARG(value));
        lower_skip_operand(l, n->a);
        lower_span(l, SPAN(";"));
    }
    lower_leave_turns(l);
    lower_return_text(l, value);
    lower_span(l, SPAN("}"));
}

void lower_return(struct lower *l, struct ast_node *n)
{
    if (l->fn->loop)
        l->fn->returns = true;
    if (lower_leaves_turns(l)) {
        lower_closing_return(l, n);
    } else if (l->fn->loop) {
        lower_span(l, SPAN("return ["));
        if (n->a)
            lower_skip_operand(l, n->a);
        else
            lower_span(l, SPAN("void 0"));
        lower_span(l, SPAN("];"));
    } else if (l->fn->function->node->flags & AST_DERIVED) {
        lower_text(l, "return %.*sresult(", SPAN_ARG(l->prefix));
        if (n->a)
            lower_skip_operand(l, n->a);
        else
            lower_span(l, SPAN("void 0"));
        lower_text(l, ",%.*sthis);", SPAN_ARG(l->prefix));
    } else {
        lower_children(l, n);
        if (n->flags & AST_BARE)
            lower_span(l, SPAN(";"));
    }
    lower_skip(l, n->end);
}

// The rest ----------------------------------------------------------------------------------------

static void lower_catch(struct lower *l, struct ast_node *n)
{
    if (n->a && n->a->kind == AST_IDENT) {
        lower_children(l, n);
        return;
    }
    struct span name = lower_new_name(l, "e");
    lower_text(l, "catch(%.*s)", SPAN_ARG(name));
    lower_skip(l, n->b->start);
    lower_copy(l, n->b->start + 1);
    if (n->a) {
        uint32_t at = l->at;
        lower_span(l, SPAN("var "));
        l->at = n->a->start;
        lower_pattern(l, n->a, name, true);
        lower_span(l, SPAN(";"));
        l->at = at;
    }
    lower_scope_start(l, n->b->scope, n->b->a);
    lower_statements(l, n->b->a);
    lower_copy(l, n->end);
}

static void lower_switch(struct lower *l, struct ast_node *n)
{
    struct lower_target target = {.outer = l->targets, .node = n, .fn = l->fn};
    lower_copy(l, n->a->start);
    lower_unset(l, n->scope, ",");
    for (struct ast_node *c = n->b; c; c = c->next) {
        for (struct ast_node *s = c->b; s; s = s->next) {
            if (!lower_is_moved(s))
                continue;
            lower_moved(l, s);
            lower_span(l, SPAN(","));
        }
    }
    l->targets = &target;
    lower_copy_node(l, n->a);
    lower_statements(l, n->b);
    lower_copy(l, n->end);
    l->targets = target.outer;
}

static void lower_case(struct lower *l, struct ast_node *n)
{
    if (n->a)
        lower_copy_node(l, n->a);
    lower_statements(l, n->b);
    lower_copy(l, n->end);
}

static void lower_label(struct lower *l, struct ast_node *n)
{
    struct lower_target target = {.outer = l->targets, .node = n, .fn = l->fn};
    l->targets = &target;
    lower_copy_node(l, n->a);
    l->targets = target.outer;
}

static void lower_any(struct lower *l, struct ast_node *n)
{
    switch (n->kind) {
    case AST_FUNCTION:
        lower_function_node(l, n);
        return;
    case AST_CLASS:
        lower_class_node(l, n);
        return;
    case AST_VAR:
        lower_var(l, n);
        return;
    case AST_BLOCK:
        lower_block(l, n);
        return;
    case AST_FOR:
    case AST_FOR_IN:
    case AST_FOR_OF:
    case AST_WHILE:
    case AST_DO_WHILE:
        lower_loop(l, n);
        return;
    case AST_RETURN:
        lower_return(l, n);
        return;
    case AST_BREAK:
    case AST_CONTINUE:
        lower_jump(l, n);
        return;
    case AST_CATCH:
        lower_catch(l, n);
        return;
    case AST_SWITCH:
        lower_switch(l, n);
        return;
    case AST_CASE:
        lower_case(l, n);
        return;
    case AST_LABEL:
        lower_label(l, n);
        return;
    default:
        lower_children(l, n);
        if (n->flags & AST_BARE)
            lower_span(l, SPAN(";"));
    }
}

void lower_statement(struct lower *l, struct ast_node *n)
{
    unsigned temps = l->fn->temps;
    lower_any(l, n);
    l->fn->temps = temps;
}
