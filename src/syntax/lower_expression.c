// SPDX-License-Identifier: Apache-2.0
// Calls, optional chains, assignments.

#include "syntax/lowering.h"

static bool is_super(const struct ast_node *n)
{
    return n->kind == AST_MEMBER && n->a->kind == AST_SUPER;
}

// Copies up to `to` but for the one comma in front of a closing bracket, which is no part of a
// comment.
static void copy_without_comma(struct lower *l, uint32_t to)
{
    const char *p = l->tree->text.p;
    for (uint32_t i = l->at; i < to; i++) {
        if (p[i] == '/' && i + 1 < to && p[i + 1] == '/') {
            while (i < to && p[i] != '\n')
                i++;
        } else if (p[i] == '/' && i + 1 < to && p[i + 1] == '*') {
            for (i += 2; i + 1 < to && !(p[i] == '*' && p[i + 1] == '/');)
                i++;
            i++;
        } else if (p[i] == ',') {
            lower_copy(l, i);
            lower_skip(l, i + 1);
            break;
        }
    }
    lower_copy(l, to);
}

static void copy_call(struct lower *l, struct ast_node *n)
{
    lower_copy_node(l, n->a);
    for (struct ast_node *a = n->b; a; a = a->next)
        lower_copy_node(l, a);
    if (n->b)
        copy_without_comma(l, n->end);
    lower_copy(l, n->end);
}

// Chains ------------------------------------------------------------------------------------------

// A node whose value is in a variable already.
struct held {
    const struct ast_node *node;
    struct span name;
    struct span receiver; // of a function that was found in an object; else empty
};

static bool is_link(const struct ast_node *n)
{
    return (n->kind == AST_MEMBER || n->kind == AST_CALL) && !(n->flags & AST_PAREN) &&
           n->a->kind != AST_SUPER &&
           !(n->kind == AST_CALL && is_super(n->a) && !(n->flags & AST_OPTIONAL));
}

static void lower_spine(struct lower *l, struct ast_node *n, const struct held *held);

static void lower_link(struct lower *l, struct ast_node *n)
{
    if (n->flags & AST_COMPUTED) {
        lower_span(l, SPAN("["));
        lower_skip_node(l, n->b);
        lower_span(l, SPAN("]"));
    } else {
        lower_skip(l, n->b->start);
        lower_span(l, SPAN("."));
        lower_copy(l, n->b->end);
    }
    lower_skip(l, n->end);
}

// A member whose object stays in a variable: (t = object).name; gives the variable.
static struct span lower_kept_member(struct lower *l, struct ast_node *n, const struct held *held)
{
    struct span object;
    if (lower_is_plain_name(l, n->a) && n->a != held->node) {
        object = n->a->binding->out;
        lower_skip_node(l, n->a);
    } else {
        object = lower_temp(l);
        lower_text(l, "(%.*s=", SPAN_ARG(object));
        lower_spine(l, n->a, held);
        lower_span(l, SPAN(")"));
    }
    lower_link(l, n);
    return object;
}

static void lower_spread_call(struct lower *l, struct ast_node *n, const struct held *held)
{
    lower_helper(l, "apply(");
    if (n->a->kind == AST_MEMBER && !is_super(n->a) && n->a != held->node) {
        struct span object = lower_kept_member(l, n->a, held);
        lower_text(l, ",%.*s,", SPAN_ARG(object));
    } else {
        lower_spine(l, n->a, held);
        if (n->a == held->node && held->receiver.n > 0)
            lower_text(l, ",%.*s,", SPAN_ARG(held->receiver));
        else
            lower_span(l, SPAN(",void 0,"));
    }
    lower_argument_list(l, n->b);
    lower_span(l, SPAN(")"));
    lower_skip(l, n->end);
}

static void lower_spine(struct lower *l, struct ast_node *n, const struct held *held)
{
    if (n == held->node) {
        lower_span(l, held->name);
        lower_skip(l, n->end);
    } else if (!is_link(n)) {
        lower_skip_operand(l, n);
    } else if (n->kind == AST_MEMBER) {
        lower_spine(l, n->a, held);
        lower_link(l, n);
    } else if (lower_has_spread(n->b)) {
        lower_spread_call(l, n, held);
    } else if (n->a == held->node && held->receiver.n > 0) {
        lower_helper(l, "call(");
        lower_text(l, "%.*s,%.*s", SPAN_ARG(held->name), SPAN_ARG(held->receiver));
        lower_skip(l, n->a->end);
        lower_arguments(l, n->b, true);
        lower_span(l, SPAN(")"));
        lower_skip(l, n->end);
    } else {
        lower_spine(l, n->a, held);
        lower_span(l, SPAN("("));
        lower_arguments(l, n->b, false);
        lower_span(l, SPAN(")"));
        lower_skip(l, n->end);
    }
}

// The links with ?. of a chain, innermost first.
static unsigned find_optional(struct ast_node *n, struct ast_node **out, unsigned max)
{
    unsigned count = 0;
    for (struct ast_node *m = n; is_link(m); m = m->a)
        count += (m->flags & AST_OPTIONAL) != 0;
    unsigned i = count;
    for (struct ast_node *m = n; is_link(m); m = m->a) {
        if ((m->flags & AST_OPTIONAL) && --i < max)
            out[i] = m;
    }
    return count;
}

// What is before a ?., tested for null and undefined.
static struct held lower_test(struct lower *l, struct ast_node *link, const struct held *before)
{
    struct ast_node *n = link->a;
    struct held held = {.node = n};
    if (lower_is_plain_name(l, n)) {
        held.name = n->binding->out;
        lower_skip_node(l, n);
        lower_span(l, SPAN("==null"));
        return held;
    }
    held.name = lower_temp(l);
    lower_text(l, "(%.*s=", SPAN_ARG(held.name));
    if (link->kind == AST_CALL && n->kind == AST_MEMBER && !is_super(n)) {
        held.receiver = lower_kept_member(l, n, before);
    } else {
        if (link->kind == AST_CALL && is_super(n))
            held.receiver = lower_this_span(l);
        lower_spine(l, n, before);
    }
    lower_span(l, SPAN(")==null"));
    return held;
}

// (a == null || (t = a.b) == null ? `otherwise` : t.c). With `keep`, its last object stays in a
// variable, which is given back.
static struct span lower_tests(struct lower *l, struct ast_node *chain, const char *otherwise,
                               bool keep)
{
    struct ast_node *links[AST_DEPTH_MAX];
    unsigned n = find_optional(chain->a, links, AST_DEPTH_MAX);
    struct held held = {0};
    struct span kept = SPAN_NONE;
    lower_span(l, SPAN("("));
    for (unsigned i = 0; i < n; i++) {
        held = lower_test(l, links[i], &held);
        if (i + 1 < n)
            lower_span(l, SPAN("||"));
    }
    lower_text(l, "?%s", otherwise);
    if (keep && chain->a->kind == AST_MEMBER)
        kept = lower_kept_member(l, chain->a, &held);
    else
        lower_spine(l, chain->a, &held);
    lower_span(l, SPAN(")"));
    lower_skip(l, chain->end);
    return kept;
}

void lower_chain(struct lower *l, struct ast_node *n)
{
    (void)lower_tests(l, n, "void 0:", false);
}

void lower_delete(struct lower *l, struct ast_node *n)
{
    lower_skip(l, n->a->start);
    (void)lower_tests(l, n->a, "true:delete ", false);
    lower_skip(l, n->end);
}

// (a?.b)(c) calls with the receiver a.
static void lower_chain_call(struct lower *l, struct ast_node *n)
{
    lower_helper(l, lower_has_spread(n->b) ? "apply(" : "call(");
    lower_skip(l, n->a->start);
    struct span receiver = lower_tests(l, n->a, "void 0:", true);
    if (receiver.n == 0)
        receiver = SPAN("void 0");
    lower_text(l, ",%.*s", SPAN_ARG(receiver));
    lower_arguments_end(l, n);
}

// Calls -------------------------------------------------------------------------------------------

void lower_call(struct lower *l, struct ast_node *n)
{
    static const struct held none = {0};
    if (n->a->kind == AST_SUPER)
        lower_super_call(l, n);
    else if (is_super(n->a))
        lower_super_method(l, n);
    else if (n->a->kind == AST_CHAIN)
        lower_chain_call(l, n);
    else if (lower_has_spread(n->b))
        lower_spread_call(l, n, &none);
    else
        copy_call(l, n);
}

void lower_new(struct lower *l, struct ast_node *n)
{
    if (!lower_has_spread(n->b)) {
        copy_call(l, n);
        return;
    }
    lower_helper(l, "make(");
    lower_skip_operand(l, n->a);
    lower_span(l, SPAN(","));
    lower_argument_list(l, n->b);
    lower_span(l, SPAN(")"));
    lower_skip(l, n->end);
}

void lower_member(struct lower *l, struct ast_node *n)
{
    if (is_super(n))
        lower_super_member(l, n);
    else
        lower_children(l, n);
}

// this --------------------------------------------------------------------------------------------

static bool is_own(const struct lower *l)
{
    return !l->fn->loop && l->fn->function->receiver == l->fn->function;
}

struct span lower_this_span(struct lower *l)
{
    struct span p = l->prefix;
    if (l->fn->function->receiver->node->flags & AST_DERIVED)
        return arena_printf(l->arena, "(%.*sthis||%.*sno_this())", SPAN_ARG(p), SPAN_ARG(p));
    return is_own(l) ? SPAN("this") : arena_printf(l->arena, "%.*sthis", SPAN_ARG(p));
}

void lower_this_text(struct lower *l)
{
    lower_span(l, lower_this_span(l));
}

void lower_this(struct lower *l, struct ast_node *n)
{
    if (is_own(l) && !(l->fn->function->node->flags & AST_DERIVED))
        lower_copy(l, n->end);
    else
        lower_this_text(l);
    lower_skip(l, n->end);
}

void lower_new_target(struct lower *l, struct ast_node *n)
{
    bool constructor = (l->fn->function->receiver->node->flags & AST_CONSTRUCTOR) != 0;
    if (!is_own(l))
        lower_helper(l, "target");
    else if (constructor)
        lower_span(l, SPAN("this.constructor"));
    else
        lower_copy(l, n->end);
    lower_skip(l, n->end);
}

// Logical operators -------------------------------------------------------------------------------

void lower_logical(struct lower *l, struct ast_node *n)
{
    if (n->op != T_NULLISH) {
        lower_children(l, n);
        return;
    }
    if (lower_is_plain_name(l, n->a)) {
        struct span name = n->a->binding->out;
        lower_span(l, SPAN("("));
        lower_skip_node(l, n->a);
        lower_text(l, "!=null?%.*s:", SPAN_ARG(name));
    } else {
        struct span t = lower_temp(l);
        lower_text(l, "((%.*s=", SPAN_ARG(t));
        lower_skip_operand(l, n->a);
        lower_text(l, ")!=null?%.*s:", SPAN_ARG(t));
    }
    lower_skip_operand(l, n->b);
    lower_span(l, SPAN(")"));
    lower_skip(l, n->end);
}

// Assignments -------------------------------------------------------------------------------------

// The place of a member that is read and then written: what finds it first, and again.
static void lower_place(struct lower *l, struct ast_node *n, struct buf *again)
{
    static const struct held none = {0};
    if (!(n->flags & AST_COMPUTED)) {
        struct span object = lower_kept_member(l, n, &none);
        buf_printf(again, "%.*s.%.*s", SPAN_ARG(object), SPAN_ARG(n->b->name->text));
        return;
    }
    struct span object = lower_temp(l), key = lower_temp(l);
    lower_text(l, "(%.*s=", SPAN_ARG(object));
    lower_skip_operand(l, n->a);
    lower_text(l, ")[%.*s=", SPAN_ARG(key));
    lower_skip_operand(l, n->b);
    lower_span(l, SPAN("]"));
    lower_skip(l, n->end);
    buf_printf(again, "%.*s[%.*s]", SPAN_ARG(object), SPAN_ARG(key));
}

// a ||= b, a &&= b, a ??= b
static void lower_logical_assign(struct lower *l, struct ast_node *n)
{
    struct buf again = {0};
    bool nullish = n->op == T_NULLISH_ASSIGN;
    struct span t = nullish && n->a->kind != AST_IDENT ? lower_temp(l) : SPAN_NONE;
    lower_span(l, SPAN("("));
    if (t.n > 0)
        lower_text(l, "(%.*s=", SPAN_ARG(t));
    lower_skip(l, n->a->start);
    if (n->a->kind == AST_IDENT) {
        const struct scope_binding *b = n->a->binding;
        buf_add_span(&again, b ? b->out : n->a->name->text);
        lower_node(l, n->a);
    } else {
        lower_place(l, n->a, &again);
    }
    if (t.n > 0)
        lower_text(l, ")!=null?%.*s:(", SPAN_ARG(t));
    else if (nullish)
        lower_text(l, "!=null?%.*s:(", SPAN_ARG(buf_span(&again)));
    else
        lower_text(l, "%s(", n->op == T_LOGICAL_AND_ASSIGN ? "&&" : "||");
    if (n->a->kind == AST_IDENT && n->a->binding && n->a->binding->kind == BIND_CONST) {
        lower_helper(l, "fixed(");
        lower_text(l, "\"%.*s\",", SPAN_ARG(n->a->name->text));
        lower_skip_operand(l, n->b);
        lower_span(l, SPAN(")"));
    } else {
        lower_text(l, "%.*s=", SPAN_ARG(buf_span(&again)));
        lower_skip_operand(l, n->b);
    }
    lower_span(l, SPAN("))"));
    lower_skip(l, n->end);
    buf_free(&again);
}

static void lower_pattern_assign(struct lower *l, struct ast_node *n)
{
    struct span t = lower_temp(l);
    uint32_t at = l->at;
    lower_text(l, "(%.*s=", SPAN_ARG(t));
    lower_skip_operand(l, n->b);
    lower_span(l, SPAN(","));
    l->at = at;
    lower_skip(l, n->a->start);
    lower_pattern(l, n->a, t, false);
    lower_text(l, ",%.*s)", SPAN_ARG(t));
    lower_skip(l, n->end);
}

// A change of a constant, or of a variable that may not be initialised.
static bool lower_guarded(struct lower *l, struct ast_node *n)
{
    const struct scope_binding *b = n->a->kind == AST_IDENT ? n->a->binding : NULL;
    bool dead = b && lower_is_dead(l, n->a);
    if (!b || (b->kind != BIND_CONST && !b->is_checked && !dead))
        return false;
    lower_span(l, SPAN("("));
    if (dead)
        lower_text(l, "%.*sdead(\"%.*s\"),", SPAN_ARG(l->prefix), SPAN_ARG(b->name->text));
    else if (b->is_checked)
        lower_check_target(l, b);
    if (b->kind == BIND_CONST) {
        lower_helper(l, "fixed(");
        lower_text(l, "\"%.*s\"", SPAN_ARG(b->name->text));
        if (n->b) {
            lower_span(l, SPAN(","));
            lower_skip_operand(l, n->b);
        }
        lower_span(l, SPAN(")"));
    } else {
        if (n->flags & AST_PREFIX)
            lower_copy(l, n->a->start);
        lower_name(l, n->a);
        if (n->b)
            lower_copy_node(l, n->b);
        lower_copy(l, n->end);
    }
    lower_span(l, SPAN(")"));
    lower_skip(l, n->end);
    return true;
}

void lower_assign(struct lower *l, struct ast_node *n)
{
    if (is_super(n->a)) {
        lower_super_assign(l, n);
    } else if (n->op == T_LOGICAL_AND_ASSIGN || n->op == T_LOGICAL_OR_ASSIGN ||
               n->op == T_NULLISH_ASSIGN) {
        lower_logical_assign(l, n);
    } else if (n->a->kind == AST_OBJECT_PATTERN || n->a->kind == AST_ARRAY_PATTERN) {
        lower_pattern_assign(l, n);
    } else if (!lower_guarded(l, n)) {
        lower_children(l, n);
    }
}

void lower_update(struct lower *l, struct ast_node *n)
{
    if (is_super(n->a))
        lower_super_update(l, n);
    else if (!lower_guarded(l, n))
        lower_children(l, n);
}
