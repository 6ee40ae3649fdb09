// SPDX-License-Identifier: Apache-2.0
// Destructuring: each part of a pattern is one assignment, in the order of the source.

#include "syntax/lowering.h"

static void lower_element(struct lower *l, struct ast_node *n, struct span value, bool declares);

void lower_bind(struct lower *l, struct ast_node *target, struct span value, bool declares)
{
    const struct scope_binding *b = target->kind == AST_IDENT ? target->binding : NULL;
    lower_skip(l, target->start);
    if (target->kind == AST_MEMBER && target->a->kind == AST_SUPER) {
        lower_super_bind(l, target, value);
        return;
    }
    if (!declares && b && b->kind == BIND_CONST) {
        lower_helper(l, "fixed(");
        lower_text(l, "\"%.*s\",%.*s)", SPAN_ARG(b->name->text), SPAN_ARG(value));
        return;
    }
    if (!declares && b && b->is_checked)
        lower_check_target(l, b);
    if (target->kind == AST_IDENT)
        lower_name(l, target);
    else
        lower_node(l, target);
    lower_text(l, "=%.*s", SPAN_ARG(value));
}

// value === undefined ? default : value, as the value of a new variable.
static struct span lower_default(struct lower *l, struct ast_node *n, struct span value)
{
    struct span t = lower_temp(l);
    uint32_t at = l->at;
    lower_text(l, "%.*s=%.*s,%.*s=%.*s===void 0?", SPAN_ARG(t), SPAN_ARG(value), SPAN_ARG(t),
               SPAN_ARG(t));
    lower_skip_operand(l, n->b);
    lower_text(l, ":%.*s,", SPAN_ARG(t));
    l->at = at;
    return t;
}

static void lower_element(struct lower *l, struct ast_node *n, struct span value, bool declares)
{
    const struct scope_binding *b = n->a && n->a->kind == AST_IDENT ? n->a->binding : NULL;
    bool plain = n->kind == AST_DEFAULT && n->a->kind == AST_IDENT &&
                 (declares || !b || (b->kind != BIND_CONST && !b->is_checked));
    if (plain) {
        struct span t = lower_temp(l);
        lower_name(l, n->a);
        lower_text(l, "=(%.*s=%.*s)===void 0?", SPAN_ARG(t), SPAN_ARG(value));
        lower_skip_operand(l, n->b);
        lower_text(l, ":%.*s", SPAN_ARG(t));
        lower_skip(l, n->end);
    } else if (n->kind == AST_DEFAULT) {
        struct span t = lower_default(l, n, value);
        lower_element(l, n->a, t, declares);
        lower_skip(l, n->end);
    } else if (n->kind == AST_OBJECT_PATTERN || n->kind == AST_ARRAY_PATTERN) {
        struct span t = lower_temp(l);
        lower_text(l, "%.*s=%.*s,", SPAN_ARG(t), SPAN_ARG(value));
        lower_skip(l, n->start);
        lower_pattern(l, n, t, declares);
    } else {
        lower_bind(l, n, value, declares);
    }
}

// Objects -----------------------------------------------------------------------------------------

// Where the property is: from.name, from["name"] or from[t]. Its key in `keys`, for the rest.
static struct span lower_key(struct lower *l, struct ast_node *p, struct span from,
                             struct buf *keys)
{
    struct span text = span_of(l->tree->text.p + p->a->start, p->a->end - p->a->start);
    if (p->flags & AST_COMPUTED) {
        struct span t = lower_temp(l);
        lower_text(l, "%.*s=", SPAN_ARG(t));
        lower_skip_operand(l, p->a);
        lower_span(l, SPAN(","));
        buf_printf(keys, ",%.*s", SPAN_ARG(t));
        return arena_printf(l->arena, "%.*s[%.*s]", SPAN_ARG(from), SPAN_ARG(t));
    }
    if (p->a->kind == AST_IDENT) {
        struct span name = p->a->name->text;
        buf_printf(keys, ",\"%.*s\"", SPAN_ARG(name));
        return arena_printf(l->arena, "%.*s.%.*s", SPAN_ARG(from), SPAN_ARG(name));
    }
    // A literal is written as everywhere.
    struct source_map map = l->map;
    struct buf out = l->out;
    l->out = (struct buf){0};
    l->map = (struct source_map){0};
    lower_far_node(l, p->a);
    text = arena_span(l->arena, buf_span(&l->out));
    buf_free(&l->out);
    l->out = out;
    l->map = map;
    buf_printf(keys, ",%.*s", SPAN_ARG(text));
    return arena_printf(l->arena, "%.*s[%.*s]", SPAN_ARG(from), SPAN_ARG(text));
}

static void lower_object_pattern(struct lower *l, struct ast_node *n, struct span from,
                                 bool declares)
{
    struct buf keys = {0};
    bool checked = !n->a || n->a->kind == AST_REST || (n->a->flags & AST_COMPUTED);
    if (checked) {
        lower_text(l, "%.*s=", SPAN_ARG(from));
        lower_helper(l, "object(");
        lower_text(l, "%.*s)", SPAN_ARG(from));
    }
    for (struct ast_node *p = n->a; p && !l->failed; p = p->next) {
        if (checked || p != n->a)
            lower_span(l, SPAN(","));
        lower_skip(l, p->start);
        if (p->kind == AST_REST) {
            struct span value = arena_printf(l->arena, "%.*sothers(%.*s%.*s)", SPAN_ARG(l->prefix),
                                             SPAN_ARG(from), SPAN_ARG(buf_span(&keys)));
            lower_bind(l, p->a, value, declares);
        } else {
            struct span value = lower_key(l, p, from, &keys);
            lower_element(l, p->b, value, declares);
        }
    }
    buf_free(&keys);
    lower_skip(l, n->end);
}

// Arrays ------------------------------------------------------------------------------------------

static void lower_array_pattern(struct lower *l, struct ast_node *n, struct span from,
                                bool declares)
{
    int count = 0;
    for (const struct ast_node *e = n->a; e && count >= 0; e = e->next)
        count = e->kind == AST_REST ? -1 : count + 1;
    struct span t = lower_temp(l);
    lower_text(l, "%.*s=", SPAN_ARG(t));
    lower_helper(l, "list(");
    lower_text(l, "%.*s,%d)", SPAN_ARG(from), count);
    unsigned i = 0;
    for (struct ast_node *e = n->a; e && !l->failed; e = e->next, i++) {
        if (e->kind == AST_HOLE)
            continue;
        lower_span(l, SPAN(","));
        lower_skip(l, e->start);
        if (e->kind == AST_REST) {
            struct span value =
                arena_printf(l->arena, "%.*srest(%.*s,%u)", SPAN_ARG(l->prefix), SPAN_ARG(t), i);
            lower_element(l, e->a, value, declares);
        } else {
            struct span value = arena_printf(l->arena, "%.*s[%u]", SPAN_ARG(t), i);
            lower_element(l, e, value, declares);
        }
    }
    lower_skip(l, n->end);
}

void lower_pattern(struct lower *l, struct ast_node *n, struct span from, bool declares)
{
    if (n->kind == AST_OBJECT_PATTERN)
        lower_object_pattern(l, n, from, declares);
    else
        lower_array_pattern(l, n, from, declares);
}
