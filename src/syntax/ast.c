// SPDX-License-Identifier: Apache-2.0
#include "syntax/ast.h"

static void each_of_list(struct ast_node *n, void (*fn)(void *ctx, struct ast_node *child),
                         void *ctx)
{
    while (n) {
        struct ast_node *next = n->next;
        fn(ctx, n);
        n = next;
    }
}

void ast_each_child(struct ast_node *n, void (*fn)(void *ctx, struct ast_node *child), void *ctx)
{
    bool named = n->kind == AST_PROPERTY && !(n->flags & AST_COMPUTED);
    bool member = n->kind == AST_MEMBER && !(n->flags & AST_COMPUTED);
    if (!named)
        each_of_list(n->a, fn, ctx);
    if (!member)
        each_of_list(n->b, fn, ctx);
    each_of_list(n->c, fn, ctx);
    each_of_list(n->d, fn, ctx);
}

bool ast_is_proto(const struct ast_node *n)
{
    unsigned other = AST_COMPUTED | AST_SHORTHAND | AST_METHOD | AST_GETTER | AST_SETTER;
    return n->kind == AST_PROPERTY && !(n->flags & other) && n->a->name &&
           span_is(n->a->name->text, "__proto__");
}

bool ast_is_odd_method(const struct ast_node *n)
{
    if (!(n->flags & AST_METHOD) || (n->flags & AST_COMPUTED))
        return (n->flags & AST_METHOD) != 0;
    const struct ast_name *name = n->a->kind == AST_IDENT ? n->a->name : NULL;
    return name &&
           (name->word != T_IDENT || span_is(name->text, "get") || span_is(name->text, "set"));
}
