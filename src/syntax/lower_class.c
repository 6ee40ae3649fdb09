// SPDX-License-Identifier: Apache-2.0
// Classes: (base = ..., members = [kind, key, function, ...], name = class(members, base), ...).
// The members stay where they stand in the source, the constructor among them.

#include "syntax/lowering.h"

static unsigned kind_of(const struct ast_node *m)
{
    unsigned kind = m->flags & AST_CONSTRUCTOR ? LOWER_CONSTRUCTOR
                    : m->flags & AST_GETTER    ? LOWER_GETTER
                    : m->flags & AST_SETTER    ? LOWER_SETTER
                    : m->flags & AST_FIELD     ? LOWER_FIELD
                                               : LOWER_METHOD;
    return m->flags & AST_STATIC ? kind | LOWER_STATIC : kind;
}

static void lower_member_key(struct lower *l, struct ast_node *m)
{
    if (m->flags & AST_COMPUTED) {
        lower_skip_operand(l, m->a);
    } else if (m->a->kind == AST_IDENT) {
        lower_text(l, "\"%.*s\"", SPAN_ARG(m->a->name->text));
        lower_skip(l, m->a->end);
    } else {
        lower_skip_node(l, m->a);
    }
}

static struct span name_of(const struct ast_node *n)
{
    return n->a ? n->a->name->text : n->name ? n->name->text : SPAN_NONE;
}

static void lower_default_constructor(struct lower *l)
{
    const struct lower_class *c = &l->klass;
    struct span p = l->prefix;
    lower_text(l, "%u,0,function", LOWER_CONSTRUCTOR);
    syntax_functions_add_name(&l->functions, l->arena, (uint32_t)l->out.n, c->title);
    lower_text(l, "(){\"use strict\";%.*sneeds_new(this,%.*s);", SPAN_ARG(p), SPAN_ARG(c->name));
    if (c->base.n > 0 || c->has_fields)
        lower_span(l, SPAN("return "));
    if (c->has_fields)
        lower_text(l, "%.*sfields(%.*s,", SPAN_ARG(p), SPAN_ARG(c->members));
    if (c->base.n > 0)
        lower_text(l, "%.*ssuper(%.*s,this,arguments)", SPAN_ARG(p), SPAN_ARG(c->base));
    else if (c->has_fields)
        lower_span(l, SPAN("this"));
    if (c->has_fields)
        lower_span(l, SPAN(")"));
    lower_span(l, SPAN("}"));
}

static void lower_class_member(struct lower *l, struct ast_node *m)
{
    struct ast_node *value = m->kind == AST_STATIC_BLOCK ? m->a : m->b;
    unsigned kind = m->kind == AST_STATIC_BLOCK ? LOWER_BLOCK | LOWER_STATIC : kind_of(m);
    lower_skip(l, m->start);
    lower_text(l, "%u,", kind);
    if (kind == LOWER_CONSTRUCTOR || m->kind == AST_STATIC_BLOCK)
        lower_span(l, SPAN("0"));
    else
        lower_member_key(l, m);
    lower_span(l, SPAN(","));
    if (!value) {
        lower_span(l, SPAN("0"));
    } else {
        l->home.is_itself = (kind & LOWER_STATIC) != 0;
        lower_span(l, SPAN("function"));
        lower_skip(l, value->start);
        lower_function_rest(l, value, true);
    }
    lower_skip(l, m->end);
}

static void lower_members(struct lower *l, struct ast_node *n)
{
    const char *comma = "";
    bool has_constructor = false;
    for (const struct ast_node *m = n->c; m; m = m->next) {
        has_constructor |= (m->flags & AST_CONSTRUCTOR) != 0;
        l->klass.has_fields |= (m->flags & (AST_FIELD | AST_STATIC)) == AST_FIELD;
    }
    if (!has_constructor) {
        lower_default_constructor(l);
        comma = ",";
    }
    for (struct ast_node *m = n->c; m && !l->failed; m = m->next, comma = ",") {
        lower_text(l, "%s", comma);
        lower_class_member(l, m);
    }
}

static struct span declare_name(struct lower *l, const char *stem)
{
    struct span name = lower_new_name(l, stem);
    lower_declare(l, name);
    return name;
}

static bool has_statics(const struct ast_node *n)
{
    for (const struct ast_node *m = n->c; m; m = m->next) {
        if (m->kind == AST_STATIC_BLOCK ||
            (m->flags & (AST_FIELD | AST_STATIC)) == (AST_FIELD | AST_STATIC))
            return true;
    }
    return false;
}

void lower_class_node(struct lower *l, struct ast_node *n)
{
    struct lower_class outer = l->klass;
    struct lower_home outer_home = l->home;
    struct lower_class c = {
        .name = declare_name(l, "c"), .members = declare_name(l, "m"), .title = name_of(n)};
    if (n->flags & AST_STATEMENT)
        lower_text(l, "var %.*s=", SPAN_ARG(n->a->binding->out));
    lower_span(l, SPAN("("));
    if (n->scope) {
        n->scope->first->out = c.name;
        lower_unset(l, n->scope, ",");
    }
    if (n->b) {
        c.base = declare_name(l, "b");
        lower_text(l, "%.*s=", SPAN_ARG(c.base));
        lower_skip_operand(l, n->b);
        lower_span(l, SPAN(","));
    }
    l->klass = c;
    l->home = (struct lower_home){.name = c.name};
    lower_text(l, "%.*s=[", SPAN_ARG(c.members));
    lower_members(l, n);
    lower_span(l, SPAN("],"));
    lower_text(l, "%.*s=%.*sclass(%.*s", SPAN_ARG(c.name), SPAN_ARG(l->prefix),
               SPAN_ARG(c.members));
    if (n->b)
        lower_text(l, ",%.*s", SPAN_ARG(c.base));
    lower_span(l, SPAN(")"));
    if (has_statics(n))
        lower_text(l, ",%.*sstatics(%.*s,%.*s)", SPAN_ARG(l->prefix), SPAN_ARG(c.members),
                   SPAN_ARG(c.name));
    lower_text(l, ",%.*s)%s", SPAN_ARG(c.name), n->flags & AST_STATEMENT ? ";" : "");
    lower_skip(l, n->end);
    l->klass = outer;
    l->home = outer_home;
}
