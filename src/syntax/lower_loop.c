// SPDX-License-Identifier: Apache-2.0
// Loops. One whose variables are captured by a function runs its body as a function, so that each
// turn has variables of its own: the body returns nothing to go on, a number to jump, an array to
// return its element.

#include "syntax/lowering.h"

// How a turn begins: the names that the body's function takes, and from what.
struct turn {
    struct span parameters, arguments;
    struct ast_node *pattern; // assigned from `parameters`, or NULL
    bool declares;
    // Where the head of a `for` is part of the turn: the variable that the first turn sets, and
    // what hands its variables on.
    struct span later, hand_on;
};

// `scope`: of the variables that the target declares for this turn, or NULL.
static void lower_target_value(struct lower *l, struct ast_node *n, struct span value,
                               bool declares, const struct scope *scope)
{
    uint32_t at = l->at;
    l->at = n->start;
    if (n->kind == AST_OBJECT_PATTERN || n->kind == AST_ARRAY_PATTERN) {
        struct span t = lower_temp(l);
        if (scope)
            lower_unset(l, scope, ",");
        lower_text(l, "%.*s=%.*s,", SPAN_ARG(t), SPAN_ARG(value));
        lower_pattern(l, n, t, declares);
    } else {
        lower_bind(l, n, value, declares);
    }
    lower_span(l, SPAN(";"));
    l->at = at;
}

// Bodies as functions -----------------------------------------------------------------------------

static bool is_written(const struct scope_binding *b, const struct ast_node *body)
{
    for (const struct scope_reference *r = b->references; r; r = r->next) {
        if (r->is_write && r->ident->start >= body->start && r->ident->start < body->end)
            return true;
    }
    return false;
}

// What the body of a `for` did to its variables goes on with the next turn: "$w1=i;" at the end of
// the body's function, "i=$w1;" behind it.
struct write_back {
    struct span out, back;
};

static struct write_back find_written(struct lower *l, const struct ast_node *n)
{
    struct write_back w = {0};
    for (const struct scope_binding *b = n->scope->first; b; b = b->next) {
        if (!is_written(b, n->d))
            continue;
        struct span name = lower_new_name(l, "w");
        lower_declare(l, name);
        w.out = arena_printf(l->arena, "%.*s%.*s=%.*s;", SPAN_ARG(w.out), SPAN_ARG(name),
                             SPAN_ARG(b->out));
        w.back = arena_printf(l->arena, "%.*s%.*s=%.*s;", SPAN_ARG(w.back), SPAN_ARG(b->out),
                              SPAN_ARG(name));
    }
    return w;
}

static void lower_exits(struct lower *l, const struct lower_function *body, struct span result)
{
    for (const struct lower_exit *e = body->exits; e; e = e->next) {
        lower_text(l, "if(%.*s===%u)", SPAN_ARG(result), e->code);
        lower_jump_to(l, e->target, e->is_continue, e->label);
    }
    if (!body->returns)
        return;
    bool closes = lower_leaves_turns(l);
    lower_text(l, "if(%.*s)%s", SPAN_ARG(result), closes ? "{" : "");
    lower_leave_turns(l);
    lower_span(l, SPAN("return "));
    if (l->fn->loop) {
        l->fn->returns = true;
        lower_text(l, "%.*s;", SPAN_ARG(result));
    } else if (l->fn->function->node->flags & AST_DERIVED) {
        lower_text(l, "%.*sresult(%.*s[0],%.*sthis);", SPAN_ARG(l->prefix), SPAN_ARG(result),
                   SPAN_ARG(l->prefix));
    } else {
        lower_text(l, "%.*s[0];", SPAN_ARG(result));
    }
    if (closes)
        lower_span(l, SPAN("}"));
}

// The update, but for the first turn, and the test.
static void lower_turn_head(struct lower *l, struct ast_node *n, struct span later)
{
    lower_text(l, "if(%.*s)", SPAN_ARG(later));
    if (n->c)
        lower_far_operand(l, n->c);
    lower_text(l, ";else %.*s=1;", SPAN_ARG(later));
    if (!n->b)
        return;
    lower_span(l, SPAN("if(!"));
    lower_far_operand(l, n->b);
    lower_span(l, SPAN(")"));
    lower_jump_to(l, l->targets, false, NULL);
}

static void lower_body_function(struct lower *l, struct ast_node *n, struct ast_node *body,
                                const struct turn *turn)
{
    struct lower_function fn = {.outer = l->fn, .function = l->fn->function, .loop = n->loop};
    struct span result = lower_temp(l);
    struct write_back w = {0};
    if (turn->later.n > 0)
        w.out = turn->hand_on;
    else if (n->kind == AST_FOR)
        w = find_written(l, n);
    lower_text(l, "{%.*s=(function(%.*s){", SPAN_ARG(result), SPAN_ARG(turn->parameters));
    l->fn = &fn;
    if (turn->pattern) {
        lower_span(l, SPAN("var "));
        lower_target_value(l, turn->pattern, turn->parameters, true, n->scope);
    }
    if (w.out.n > 0)
        lower_span(l, SPAN("try{"));
    if (turn->later.n > 0)
        lower_turn_head(l, n, turn->later);
    lower_skip_node(l, body);
    if (w.out.n > 0)
        lower_text(l, "}finally{%.*s}", SPAN_ARG(w.out));
    lower_vars(l);
    l->fn = fn.outer;
    lower_text(l, "})(%.*s);%.*s", SPAN_ARG(turn->arguments), SPAN_ARG(w.back));
    lower_exits(l, &fn, result);
    lower_span(l, SPAN("}"));
}

// The body of any loop, which may begin with an assignment.
static void lower_loop_body(struct lower *l, struct ast_node *n, struct ast_node *body,
                            const struct turn *turn)
{
    if (n->loop->is_fresh) {
        lower_body_function(l, n, body, turn);
    } else if (turn->pattern) {
        lower_text(l, "{%s", turn->declares ? "var " : "");
        lower_target_value(l, turn->pattern, turn->arguments, turn->declares, n->scope);
        lower_skip_node(l, body);
        lower_span(l, SPAN("}"));
    } else {
        lower_copy_node(l, body);
    }
}

// for (;;) ----------------------------------------------------------------------------------------

static struct span names_of(struct lower *l, const struct scope *s)
{
    struct span out = SPAN_NONE;
    for (const struct scope_binding *b = s->first; b; b = b->next)
        out =
            arena_printf(l->arena, "%.*s%s%.*s", SPAN_ARG(out), out.n ? "," : "", SPAN_ARG(b->out));
    return out;
}

static void lower_for_variables(struct lower *l, struct ast_node *var, const struct scope *s)
{
    bool outside = lower_is_outside(l, var);
    lower_copy(l, var->start);
    if (!outside)
        lower_span(l, SPAN("var "));
    lower_unset(l, s, ",");
    (void)lower_declarators(l, var, !outside);
    lower_skip(l, var->end);
}

// Functions in the head see the variables of their turn: the test and the update are part of it.
// The first values stay, for functions among them.
static void lower_seen_for(struct lower *l, struct ast_node *n)
{
    struct turn turn = {.parameters = names_of(l, n->scope), .later = lower_new_name(l, "f")};
    lower_for_variables(l, n->a, n->scope);
    for (const struct scope_binding *b = n->scope->first; b; b = b->next) {
        struct span name = lower_new_name(l, "w");
        lower_text(l, ",%.*s=%.*s", SPAN_ARG(name), SPAN_ARG(b->out));
        turn.arguments = arena_printf(l->arena, "%.*s%s%.*s", SPAN_ARG(turn.arguments),
                                      turn.arguments.n ? "," : "", SPAN_ARG(name));
        turn.hand_on = arena_printf(l->arena, "%.*s%.*s=%.*s;", SPAN_ARG(turn.hand_on),
                                    SPAN_ARG(name), SPAN_ARG(b->out));
    }
    lower_text(l, ",%.*s=0;;)", SPAN_ARG(turn.later));
    lower_skip(l, n->d->start);
    lower_loop_body(l, n, n->d, &turn);
}

static void lower_for(struct lower *l, struct ast_node *n)
{
    if (n->loop->is_seen) {
        lower_seen_for(l, n);
        return;
    }
    if (n->a && n->a->kind == AST_VAR) {
        lower_for_variables(l, n->a, n->scope);
    } else if (n->a) {
        lower_copy_node(l, n->a);
    }
    if (n->b)
        lower_copy_node(l, n->b);
    if (n->c)
        lower_copy_node(l, n->c);
    struct turn turn = {0};
    if (n->loop->is_fresh) {
        turn.parameters = turn.arguments = names_of(l, n->scope);
        lower_copy(l, n->d->start);
    }
    lower_loop_body(l, n, n->d, &turn);
}

// for in and for of -------------------------------------------------------------------------------

static struct ast_node *target_of(const struct ast_node *n)
{
    return n->a->kind == AST_VAR ? n->a->a->a : n->a;
}

// A turn that begins by giving the loop's variable the value.
static struct turn each_turn(struct lower *l, struct ast_node *n, struct span value)
{
    struct ast_node *target = target_of(n);
    struct turn turn = {.arguments = value, .pattern = target};
    bool block_scoped = n->a->kind == AST_VAR && n->a->op != T_VAR;
    turn.declares = n->a->kind == AST_VAR && !lower_is_outside(l, n->a);
    if (!n->loop->is_fresh || !block_scoped)
        return turn;
    if (target->kind == AST_IDENT) {
        turn.parameters = target->binding->out;
        turn.pattern = NULL;
    } else {
        turn.parameters = lower_new_name(l, "v");
    }
    return turn;
}

// A variable from outside is set before the body's function runs.
static void lower_each_body(struct lower *l, struct ast_node *n, struct span value)
{
    struct turn turn = each_turn(l, n, value);
    bool block_scoped = n->a->kind == AST_VAR && n->a->op != T_VAR;
    if (n->a->kind == AST_VAR && lower_is_outside(l, n->a))
        lower_declare_outside(l, target_of(n));
    l->at = n->d->start;
    if (n->loop->is_fresh && !block_scoped) {
        lower_text(l, "{%s", turn.declares ? "var " : "");
        lower_target_value(l, turn.pattern, value, turn.declares, NULL);
        turn = (struct turn){0};
        lower_loop_body(l, n, n->d, &turn);
        lower_span(l, SPAN("}"));
    } else {
        lower_loop_body(l, n, n->d, &turn);
    }
}

static bool is_plain_head(const struct lower *l, const struct ast_node *n)
{
    const struct ast_node *target = target_of(n);
    if (n->loop->is_fresh || target->kind == AST_OBJECT_PATTERN ||
        target->kind == AST_ARRAY_PATTERN || (n->a->kind == AST_VAR && lower_is_outside(l, n->a)))
        return false;
    if (n->a->kind == AST_VAR)
        return true;
    if (target->kind == AST_MEMBER)
        return target->a->kind != AST_SUPER;
    return !target->binding ||
           (target->binding->kind != BIND_CONST && !target->binding->is_checked);
}

// What is walked is found where the loop's own variables are never initialised.
static void lower_walked(struct lower *l, struct ast_node *n, bool copy)
{
    for (struct scope_binding *b = n->scope->first; b; b = b->next)
        b->is_dead = true;
    if (copy)
        lower_copy_node(l, n->b);
    else
        lower_skip_operand(l, n->b);
    for (struct scope_binding *b = n->scope->first; b; b = b->next)
        b->is_dead = false;
}

static void lower_for_in(struct lower *l, struct ast_node *n)
{
    if (is_plain_head(l, n)) {
        lower_copy(l, n->a->start);
        if (n->a->kind == AST_VAR) {
            struct ast_node *d = n->a->a;
            lower_span(l, SPAN("var "));
            lower_skip(l, d->start);
            lower_name(l, d->a);
            if (d->b)
                lower_copy_node(l, d->b);
        } else {
            lower_node(l, n->a);
        }
        lower_walked(l, n, true);
        lower_copy_node(l, n->d);
        return;
    }
    struct span t = lower_temp(l);
    lower_text(l, "for(%.*s in ", SPAN_ARG(t));
    lower_walked(l, n, false);
    lower_span(l, SPAN(")"));
    lower_each_body(l, n, t);
}

// A turn that does not come to its end closes the iterator: after a jump, or a throw.
static void lower_closing_body(struct lower *l, struct ast_node *n, struct span value,
                               struct span list)
{
    struct span turn = lower_temp(l);
    l->targets->turn = turn;
    lower_text(l, "{%.*s=0;try{", SPAN_ARG(turn));
    lower_each_body(l, n, value);
    lower_text(l, "%.*s=%d;}finally{%.*s===%d||%.*sclose(%.*s,%.*s);}}", SPAN_ARG(turn),
               LOWER_TURN_GOES_ON, SPAN_ARG(turn), LOWER_TURN_GOES_ON, SPAN_ARG(l->prefix),
               SPAN_ARG(list), SPAN_ARG(turn));
}

static void lower_for_of(struct lower *l, struct ast_node *n)
{
    struct span list = lower_temp(l), i = lower_temp(l), v = lower_temp(l), p = l->prefix;
    lower_text(l, "for(%.*s=%.*siter(%.*s=", SPAN_ARG(list), SPAN_ARG(p), SPAN_ARG(v));
    lower_walked(l, n, false);
    // What is walked as it is has no more than its length.
    lower_text(l, "),%.*s=0;%.*s<%.*s.length||%.*s!==%.*s&&%.*smore(%.*s);)", SPAN_ARG(i),
               SPAN_ARG(i), SPAN_ARG(list), SPAN_ARG(list), SPAN_ARG(v), SPAN_ARG(p),
               SPAN_ARG(list));
    struct span value = arena_printf(l->arena, "%.*s[%.*s++]", SPAN_ARG(list), SPAN_ARG(i));
    if (l->closes)
        lower_closing_body(l, n, value, list);
    else
        lower_each_body(l, n, value);
}

// while -------------------------------------------------------------------------------------------

static void lower_while(struct lower *l, struct ast_node *n)
{
    struct turn turn = {0};
    lower_copy_node(l, n->a);
    if (n->loop->is_fresh)
        lower_copy(l, n->d->start);
    lower_loop_body(l, n, n->d, &turn);
}

static void lower_do_while(struct lower *l, struct ast_node *n)
{
    struct turn turn = {0};
    lower_copy(l, n->start + 2);
    lower_span(l, SPAN(" "));
    lower_loop_body(l, n, n->a, &turn);
    lower_copy_node(l, n->b);
    lower_copy(l, n->end);
    if (n->flags & AST_BARE)
        lower_span(l, SPAN(";"));
}

void lower_loop(struct lower *l, struct ast_node *n)
{
    struct lower_target target = {.outer = l->targets, .node = n, .fn = l->fn};
    l->targets = &target;
    switch (n->kind) {
    case AST_FOR:
        lower_for(l, n);
        break;
    case AST_FOR_IN:
        lower_for_in(l, n);
        break;
    case AST_FOR_OF:
        lower_for_of(l, n);
        break;
    case AST_WHILE:
        lower_while(l, n);
        break;
    default:
        lower_do_while(l, n);
        break;
    }
    l->targets = target.outer;
}
