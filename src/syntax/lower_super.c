// SPDX-License-Identifier: Apache-2.0
// super() and super.name, which is read and written by helpers: the object that the name is looked
// up from, the key, and the object that it is a property of.

#include "syntax/lowering.h"

void lower_super_call(struct lower *l, struct ast_node *n)
{
    const struct lower_class *c = &l->klass;
    struct span p = l->prefix;
    lower_span(l, SPAN("("));
    if (c->has_fields)
        lower_text(l, "%.*sfields(%.*s,", SPAN_ARG(p), SPAN_ARG(c->members));
    lower_text(l, "%.*sthis=%.*sonce(%.*ssuper(%.*s,%.*sraw,", SPAN_ARG(p), SPAN_ARG(p),
               SPAN_ARG(p), SPAN_ARG(c->base), SPAN_ARG(p));
    lower_skip(l, n->a->end);
    lower_argument_list(l, n->b);
    lower_text(l, "),%.*sthis)%s)", SPAN_ARG(p), c->has_fields ? ")" : "");
    lower_skip(l, n->end);
}

// HOME, key
static void lower_place(struct lower *l, struct ast_node *member)
{
    lower_text(l, "%.*s%s,", SPAN_ARG(l->home.name), l->home.is_itself ? "" : ".prototype");
    if (member->flags & AST_COMPUTED) {
        lower_skip_operand(l, member->b);
    } else {
        lower_text(l, "\"%.*s\"", SPAN_ARG(member->b->name->text));
    }
    lower_skip(l, member->end);
}

void lower_super_member(struct lower *l, struct ast_node *n)
{
    lower_helper(l, "super_get(");
    lower_place(l, n);
    lower_span(l, SPAN(","));
    lower_this_text(l);
    lower_span(l, SPAN(")"));
    lower_skip(l, n->end);
}

void lower_super_method(struct lower *l, struct ast_node *n)
{
    lower_helper(l, lower_has_spread(n->b) ? "super_list(" : "super_call(");
    lower_place(l, n->a);
    lower_span(l, SPAN(","));
    lower_this_text(l);
    lower_arguments_end(l, n);
}

void lower_super_delete(struct lower *l, struct ast_node *n)
{
    lower_helper(l, "no_delete(");
    lower_this_text(l);
    lower_span(l, SPAN(","));
    lower_skip(l, n->a->start);
    lower_place(l, n->a);
    lower_span(l, SPAN(")"));
    lower_skip(l, n->end);
}

// Changes -----------------------------------------------------------------------------------------

void lower_super_bind(struct lower *l, struct ast_node *member, struct span value)
{
    lower_helper(l, "super_set(");
    lower_place(l, member);
    lower_text(l, ",%.*s,", SPAN_ARG(value));
    lower_this_text(l);
    lower_span(l, SPAN(")"));
}

// A place that is read and written: "HOME,key", whose key is found before where it is no name.
static struct span keep_place(struct lower *l, struct ast_node *member)
{
    struct span home = l->home.name;
    const char *part = l->home.is_itself ? "" : ".prototype";
    if (!(member->flags & AST_COMPUTED)) {
        lower_skip(l, member->end);
        return arena_printf(l->arena, "%.*s%s,\"%.*s\"", SPAN_ARG(home), part,
                            SPAN_ARG(member->b->name->text));
    }
    struct span key = lower_temp(l);
    lower_text(l, "%.*s=", SPAN_ARG(key));
    lower_skip_operand(l, member->b);
    lower_span(l, SPAN(","));
    lower_skip(l, member->end);
    return arena_printf(l->arena, "%.*s%s,%.*s", SPAN_ARG(home), part, SPAN_ARG(key));
}

static void lower_get(struct lower *l, struct span place)
{
    lower_helper(l, "super_get(");
    lower_text(l, "%.*s,", SPAN_ARG(place));
    lower_this_text(l);
    lower_span(l, SPAN(")"));
}

static void begin_set(struct lower *l, struct span place)
{
    lower_helper(l, "super_set(");
    lower_text(l, "%.*s,", SPAN_ARG(place));
}

static void end_set(struct lower *l)
{
    lower_span(l, SPAN(","));
    lower_this_text(l);
    lower_span(l, SPAN(")"));
}

// The operator of a compound assignment, without its =.
static const char *operator_of(unsigned op)
{
    static const char *const spellings[T_COUNT] = {
#define SPELLING(name, spelling, value) [name] = spelling,
        TOKEN_PUNCTUATORS(SPELLING)
#undef SPELLING
    };
    return spellings[op];
}

static void lower_compound(struct lower *l, struct ast_node *n, struct span place)
{
    const char *op = operator_of(n->op);
    begin_set(l, place);
    lower_get(l, place);
    lower_text(l, "%.*s", (int)strlen(op) - 1, op);
    lower_span(l, SPAN("("));
    lower_skip_node(l, n->b);
    lower_span(l, SPAN(")"));
    end_set(l);
}

static void lower_logical_set(struct lower *l, struct ast_node *n, struct span place)
{
    if (n->op == T_NULLISH_ASSIGN) {
        struct span t = lower_temp(l);
        lower_text(l, "(%.*s=", SPAN_ARG(t));
        lower_get(l, place);
        lower_text(l, ")!=null?%.*s:", SPAN_ARG(t));
    } else {
        lower_get(l, place);
        lower_text(l, "%s", n->op == T_LOGICAL_AND_ASSIGN ? "&&" : "||");
    }
    begin_set(l, place);
    lower_skip_operand(l, n->b);
    end_set(l);
}

void lower_super_assign(struct lower *l, struct ast_node *n)
{
    lower_skip(l, n->a->start);
    if (n->op == T_ASSIGN) {
        lower_helper(l, "super_set(");
        lower_place(l, n->a);
        lower_span(l, SPAN(","));
        lower_skip_operand(l, n->b);
        end_set(l);
        lower_skip(l, n->end);
        return;
    }
    lower_span(l, SPAN("("));
    struct span place = keep_place(l, n->a);
    if (n->op == T_LOGICAL_AND_ASSIGN || n->op == T_LOGICAL_OR_ASSIGN || n->op == T_NULLISH_ASSIGN)
        lower_logical_set(l, n, place);
    else
        lower_compound(l, n, place);
    lower_span(l, SPAN(")"));
    lower_skip(l, n->end);
}

void lower_super_update(struct lower *l, struct ast_node *n)
{
    const char *one = n->op == T_INC ? "+1" : "-1";
    lower_skip(l, n->a->start);
    lower_span(l, SPAN("("));
    struct span place = keep_place(l, n->a);
    if (n->flags & AST_PREFIX) {
        begin_set(l, place);
        lower_span(l, SPAN("+"));
        lower_get(l, place);
        lower_text(l, "%s", one);
        end_set(l);
    } else {
        struct span t = lower_temp(l);
        lower_text(l, "%.*s=+", SPAN_ARG(t));
        lower_get(l, place);
        lower_span(l, SPAN(","));
        begin_set(l, place);
        lower_text(l, "%.*s%s", SPAN_ARG(t), one);
        end_set(l);
        lower_text(l, ",%.*s", SPAN_ARG(t));
    }
    lower_span(l, SPAN(")"));
    lower_skip(l, n->end);
}
