// SPDX-License-Identifier: Apache-2.0
#include "syntax/parser.h"

// Cover grammar -----------------------------------------------------------------------------------

void parse_check_cover(struct parser *p)
{
    if (p->cover)
        lexer_fail(&p->lex, p->cover - 1,
                   "a = inside braces is for patterns; a property's value follows a :");
    p->cover = 0;
}

static bool is_arrow(const struct ast_node *n)
{
    return n->kind == AST_FUNCTION && (n->flags & AST_ARROW) && !(n->flags & AST_PAREN);
}

// Operands ----------------------------------------------------------------------------------------

static bool is_unary(enum token_kind kind)
{
    return kind == T_NOT || kind == T_TILDE || kind == T_ADD || kind == T_SUB || kind == T_TYPEOF ||
           kind == T_VOID || kind == T_DELETE;
}

static struct ast_node *parse_unary(struct parser *p);

static struct ast_node *parse_prefix(struct parser *p)
{
    enum token_kind op = parser_kind(p);
    struct ast_node *n = parser_node(p, is_unary(op) ? AST_UNARY : AST_UPDATE, p->lex.tok.start);
    n->op = (uint8_t)op;
    if (!parser_enter(p))
        return n;
    lexer_next(&p->lex);
    n->a = parse_unary(p);
    parser_leave(p);
    parse_check_cover(p);
    if (is_arrow(n->a))
        lexer_fail(&p->lex, n->a->start, "an arrow function stands in parentheses here");
    if (n->kind == AST_UPDATE) {
        n->flags |= AST_PREFIX;
        parse_check_target(p, n->a);
    } else if (op == T_DELETE && p->strict && n->a->kind == AST_IDENT) {
        lexer_fail(&p->lex, n->start, "a variable cannot be deleted in strict code");
    }
    return parser_finish(p, n);
}

static struct ast_node *parse_postfix(struct parser *p)
{
    uint32_t start = p->lex.tok.start;
    struct ast_node *a = parser_kind(p) == T_NEW ? parse_new(p) : parse_primary(p);
    if (is_arrow(a))
        return a;
    a = parse_member_chain(p, start, a, true);
    enum token_kind op = parser_kind(p);
    if ((op != T_INC && op != T_DEC) || p->lex.tok.newline)
        return a;
    parse_check_target(p, a);
    struct ast_node *n = parser_node(p, AST_UPDATE, start);
    n->op = (uint8_t)op;
    n->a = a;
    lexer_next(&p->lex);
    return parser_finish(p, n);
}

static struct ast_node *parse_unary(struct parser *p)
{
    enum token_kind kind = parser_kind(p);
    if (!is_unary(kind) && kind != T_INC && kind != T_DEC)
        return parse_postfix(p);
    struct ast_node *n = parse_prefix(p);
    if (parser_kind(p) == T_EXP && n->kind == AST_UNARY)
        lexer_fail(&p->lex, n->start,
                   "put the operand of ** into parentheses: (-a) ** b or -(a ** b)");
    return n;
}

// Binary operators --------------------------------------------------------------------------------

static unsigned precedence_of(const struct parser *p, enum token_kind kind)
{
    static const uint8_t table[T_COUNT] = {
#define PRECEDENCE(name, spelling, value) [name] = value,
        TOKEN_PUNCTUATORS(PRECEDENCE)
#undef PRECEDENCE
            [T_INSTANCEOF] = 8,
        [T_IN] = 8,
    };
    return kind == T_IN && p->no_in ? 0 : table[kind];
}

static bool is_logical(enum token_kind kind)
{
    return kind == T_AND || kind == T_OR || kind == T_NULLISH;
}

// a ?? b || c needs parentheses.
static void check_mixed(struct parser *p, const struct ast_node *n)
{
    const struct ast_node *sides[] = {n->a, n->b};
    for (int i = 0; i < 2; i++) {
        const struct ast_node *s = sides[i];
        if (s->kind != AST_LOGICAL || (s->flags & AST_PAREN))
            continue;
        if ((s->op == T_NULLISH) != (n->op == T_NULLISH))
            lexer_fail(&p->lex, s->start, "?? and || or && need parentheses around one of them");
    }
}

static struct ast_node *parse_binary(struct parser *p, unsigned least)
{
    uint32_t start = p->lex.tok.start;
    struct ast_node *left = parse_unary(p);
    if (is_arrow(left))
        return left;
    for (;;) {
        enum token_kind op = parser_kind(p);
        unsigned precedence = precedence_of(p, op);
        if (precedence == 0 || precedence < least)
            return left;
        parse_check_cover(p);
        struct ast_node *n = parser_node(p, is_logical(op) ? AST_LOGICAL : AST_BINARY, start);
        n->op = (uint8_t)op;
        n->a = left;
        if (op == T_NULLISH)
            p->tree->features |= AST_HAS_LOWERED;
        lexer_next(&p->lex);
        n->b = parse_binary(p, op == T_EXP ? precedence : precedence + 1);
        parse_check_cover(p);
        if (is_arrow(n->b))
            lexer_fail(&p->lex, n->b->start, "an arrow function stands in parentheses here");
        if (n->kind == AST_LOGICAL)
            check_mixed(p, n);
        left = parser_finish(p, n);
    }
}

static struct ast_node *parse_conditional(struct parser *p)
{
    uint32_t start = p->lex.tok.start;
    struct ast_node *test = parse_binary(p, 1);
    if (parser_kind(p) != T_QUESTION || is_arrow(test))
        return test;
    parse_check_cover(p);
    struct ast_node *n = parser_node(p, AST_CONDITIONAL, start);
    n->a = test;
    if (!parser_enter(p))
        return n;
    lexer_next(&p->lex);
    bool no_in = p->no_in;
    p->no_in = false;
    n->b = parse_assignment(p);
    p->no_in = no_in;
    parser_expect(p, T_COLON);
    n->c = parse_assignment(p);
    parser_leave(p);
    return parser_finish(p, n);
}

// Assignment --------------------------------------------------------------------------------------

static bool is_assignment(enum token_kind kind)
{
    return kind >= T_ASSIGN && kind <= T_NULLISH_ASSIGN;
}

static void check_assignment_target(struct parser *p, struct ast_node *target, enum token_kind op)
{
    bool literal = target->kind == AST_OBJECT || target->kind == AST_ARRAY;
    if (op == T_ASSIGN && literal && !(target->flags & AST_PAREN)) {
        p->cover = 0;
        parse_to_pattern(p, target, false);
        p->tree->features |= AST_HAS_LOWERED;
        return;
    }
    parse_check_cover(p);
    parse_check_target(p, target);
    if (op == T_LOGICAL_AND_ASSIGN || op == T_LOGICAL_OR_ASSIGN || op == T_NULLISH_ASSIGN)
        p->tree->features |= AST_HAS_LOWERED;
}

static struct ast_node *parse_assignment_inner(struct parser *p)
{
    uint32_t start = p->lex.tok.start;
    struct ast_node *left = parse_conditional(p);
    if (parser_kind(p) == T_ARROW && !p->lex.tok.newline && !is_arrow(left)) {
        if (left->kind == AST_IDENT && !(left->flags & AST_PAREN))
            return parse_arrow(p, start, left);
        if (left->kind == AST_CALL && left->a->name == p->async)
            lexer_fail(&p->lex, start,
                       "async functions are not supported: a script returns its result at once");
        else
            parser_unexpected(p);
        return left;
    }
    enum token_kind op = parser_kind(p);
    if (!is_assignment(op) || is_arrow(left))
        return left;
    check_assignment_target(p, left, op);
    struct ast_node *n = parser_node(p, AST_ASSIGN, start);
    n->op = (uint8_t)op;
    n->a = left;
    lexer_next(&p->lex);
    n->b = parse_assignment(p);
    bool plain = op == T_ASSIGN || op >= T_LOGICAL_AND_ASSIGN;
    if (plain && left->kind == AST_IDENT && !(left->flags & AST_PAREN))
        parse_name_value(n->b, left->name);
    return parser_finish(p, n);
}

struct ast_node *parse_assignment_cover(struct parser *p)
{
    uint32_t outer = p->cover;
    p->cover = 0;
    struct ast_node *n = parser_node(p, AST_HOLE, p->lex.tok.start);
    if (!parser_enter(p))
        return n;
    n = parse_assignment_inner(p);
    parser_leave(p);
    if (n->kind != AST_OBJECT && n->kind != AST_ARRAY)
        parse_check_cover(p);
    if (outer)
        p->cover = outer;
    return n;
}

struct ast_node *parse_assignment(struct parser *p)
{
    uint32_t outer = p->cover;
    p->cover = 0;
    struct ast_node *n = parse_assignment_cover(p);
    parse_check_cover(p);
    p->cover = outer;
    return n;
}

struct ast_node *parse_expression(struct parser *p)
{
    uint32_t start = p->lex.tok.start;
    struct ast_node *first = parse_assignment(p);
    if (parser_kind(p) != T_COMMA)
        return first;
    struct ast_node *n = parser_node(p, AST_SEQUENCE, start);
    struct parse_list list = {0};
    parse_list_add(&list, first);
    while (parser_eat(p, T_COMMA))
        parse_list_add(&list, parse_assignment(p));
    n->a = list.first;
    return parser_finish(p, n);
}
