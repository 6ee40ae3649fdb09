// SPDX-License-Identifier: Apache-2.0
// Functions, their parameters and what stands at their start.

#include "syntax/lowering.h"

// Parameters --------------------------------------------------------------------------------------

static struct ast_node *target_of(struct ast_node *p)
{
    return p->kind == AST_DEFAULT ? p->a : p;
}

static struct span pattern_name(struct lower *l, unsigned i)
{
    return arena_printf(l->arena, "%.*sp%u", SPAN_ARG(l->prefix), i);
}

// Changes of `arguments` change no parameter, and the other way round, where one is more than a
// name: the function takes them by names of ours. Strict code has it so by itself.
static bool is_untied(const struct ast_node *n)
{
    const struct scope_function *f = n->function;
    return f->has_arguments && !f->is_simple && !(n->flags & (AST_STRICT | AST_ARROW));
}

static void describe(struct lower *l, const struct ast_node *n)
{
    struct span name = SPAN_NONE;
    if (n->flags & AST_CONSTRUCTOR)
        name = l->klass.title;
    else if (lower_is_moved(n))
        name = n->a->name->text;
    else if (n->a && n->a->binding && !span_eq(n->a->binding->out, n->a->name->text))
        name = n->a->name->text;
    syntax_functions_add(&l->functions, l->arena, n, (uint32_t)l->out.n, name);
}

static void lower_parameters(struct lower *l, struct ast_node *n)
{
    unsigned i = 0;
    bool untied = is_untied(n);
    describe(l, n);
    lower_span(l, SPAN("("));
    for (struct ast_node *p = n->b; p && p->kind != AST_REST; p = p->next, i++) {
        struct ast_node *target = target_of(p);
        if (i > 0)
            lower_span(l, SPAN(","));
        lower_skip(l, target->start);
        if (target->kind != AST_IDENT || untied)
            lower_span(l, pattern_name(l, i));
        else if (target->end - target->start == target->name->text.n)
            lower_copy(l, target->end);
        else
            lower_name(l, target);
        lower_skip(l, p->end);
    }
    lower_span(l, SPAN(")"));
}

static void lower_rest(struct lower *l, struct ast_node *p, unsigned i)
{
    bool name = p->a->kind == AST_IDENT;
    struct span to = name ? p->a->name->text : pattern_name(l, i);
    lower_text(l, "var %.*s=%.*srest(arguments,%u)", SPAN_ARG(to), SPAN_ARG(l->prefix), i);
    if (!name) {
        lower_span(l, SPAN(","));
        l->at = p->a->start;
        lower_pattern(l, p->a, to, true);
    }
    lower_span(l, SPAN(";"));
}

static void lower_parameter(struct lower *l, struct ast_node *p, unsigned i, bool untied)
{
    struct ast_node *target = target_of(p);
    bool is_name = target->kind == AST_IDENT;
    struct span name = is_name && !untied ? target->name->text : pattern_name(l, i);
    if (p->kind == AST_REST) {
        lower_rest(l, p, i);
        return;
    }
    if (p->kind == AST_DEFAULT) {
        l->at = p->b->start;
        lower_text(l, "if(%.*s===void 0)%.*s=", SPAN_ARG(name), SPAN_ARG(name));
        lower_skip_operand(l, p->b);
        lower_span(l, SPAN(";"));
    }
    if (is_name && !untied)
        return;
    l->at = target->start;
    lower_span(l, SPAN("var "));
    if (is_name)
        lower_text(l, "%.*s=%.*s", SPAN_ARG(target->name->text), SPAN_ARG(name));
    else
        lower_pattern(l, target, name, true);
    lower_span(l, SPAN(";"));
}

// What arrow functions and the bodies of loops see of the function.
static void lower_captured(struct lower *l, const struct ast_node *n)
{
    struct span p = l->prefix;
    const struct scope_function *f = n->function;
    if (n->flags & AST_DERIVED)
        lower_text(l, "var %.*sthis,%.*sraw=this;", SPAN_ARG(p), SPAN_ARG(p));
    else if (f->captured & USE_THIS)
        lower_text(l, "var %.*sthis=this;", SPAN_ARG(p));
    if (f->captured & USE_ARGUMENTS)
        lower_text(l, "var %.*sarguments=arguments;", SPAN_ARG(p));
    if (f->captured & USE_TARGET)
        lower_text(l, "var %.*starget=%s;", SPAN_ARG(p),
                   n->flags & AST_CONSTRUCTOR ? "this.constructor" : "new.target");
}

static void lower_constructor_start(struct lower *l, const struct ast_node *n)
{
    const struct lower_class *c = &l->klass;
    if (!(n->flags & AST_CONSTRUCTOR))
        return;
    lower_text(l, "%.*sneeds_new(this,%.*s);", SPAN_ARG(l->prefix), SPAN_ARG(c->name));
    if (c->has_fields && !(n->flags & AST_DERIVED))
        lower_text(l, "%.*sfields(%.*s,this);", SPAN_ARG(l->prefix), SPAN_ARG(c->members));
}

void lower_function_start(struct lower *l, struct ast_node *n)
{
    uint32_t at = l->at;
    unsigned i = 0;
    lower_captured(l, n);
    lower_constructor_start(l, n);
    bool untied = is_untied(n);
    for (struct ast_node *p = n->b; p; p = p->next, i++) {
        if (p->kind != AST_IDENT || untied)
            lower_parameter(l, p, i, untied);
    }
    l->at = at;
    l->fn->temps = 0;
    lower_scope_start(l, n->function->scope, NULL);
}

// Bodies ------------------------------------------------------------------------------------------

static void lower_block_body(struct lower *l, struct ast_node *n, bool strict)
{
    struct ast_node *s = n->c->a;
    lower_skip(l, n->c->start);
    lower_copy(l, n->c->start + 1);
    if (strict)
        lower_span(l, SPAN("\"use strict\";"));
    for (; s && s->kind == AST_EXPRESSION && (s->flags & AST_STATEMENT); s = s->next)
        lower_copy_node(l, s);
    lower_function_start(l, n);
    lower_statements(l, s);
    if (n->flags & AST_DERIVED)
        lower_text(l, "return %.*sthis||%.*sno_this();", SPAN_ARG(l->prefix), SPAN_ARG(l->prefix));
    lower_vars(l);
    lower_copy(l, n->c->end);
}

static void lower_expression_body(struct lower *l, struct ast_node *n, bool strict)
{
    lower_text(l, "{%s", strict ? "\"use strict\";" : "");
    lower_function_start(l, n);
    lower_span(l, SPAN("return ("));
    lower_skip_node(l, n->c);
    lower_span(l, SPAN(");"));
    lower_skip(l, n->end);
    lower_vars(l);
    lower_span(l, SPAN("}"));
}

void lower_function_rest(struct lower *l, struct ast_node *n, bool strict)
{
    struct lower_function fn = {.outer = l->fn, .function = n->function};
    struct lower_target *targets = l->targets;
    lower_parameters(l, n);
    l->fn = &fn;
    l->targets = NULL;
    if (n->c->kind == AST_BLOCK && !(n->flags & AST_FIELD))
        lower_block_body(l, n, strict);
    else
        lower_expression_body(l, n, strict);
    l->targets = targets;
    l->fn = fn.outer;
    lower_skip(l, n->end);
}

void lower_function_node(struct lower *l, struct ast_node *n)
{
    if (lower_is_moved(n)) {
        lower_block_function(l, n);
        return;
    }
    if (n->flags & AST_ARROW) {
        lower_span(l, SPAN("(function"));
        lower_function_rest(l, n, false);
        lower_span(l, SPAN(")"));
        return;
    }
    if (!(n->flags & AST_METHOD)) {
        lower_copy(l, n->start + 8); // function
        if (n->a) {
            lower_copy(l, n->a->start);
            if (n->a->end - n->a->start == n->a->name->text.n &&
                (!n->a->binding || span_eq(n->a->binding->out, n->a->name->text)))
                lower_copy(l, n->a->end);
            else
                lower_name(l, n->a);
        }
    }
    lower_function_rest(l, n, false);
}
