// SPDX-License-Identifier: Apache-2.0
#include "syntax/parser.h"

// Members and calls -------------------------------------------------------------------------------

struct ast_node *parse_arguments(struct parser *p)
{
    struct parse_list list = {0};
    parser_expect(p, T_LPAREN);
    bool no_in = p->no_in;
    p->no_in = false;
    while (parser_kind(p) != T_RPAREN && parser_kind(p) != T_END) {
        if (parser_kind(p) == T_ELLIPSIS) {
            struct ast_node *n = parser_node(p, AST_SPREAD, p->lex.tok.start);
            lexer_next(&p->lex);
            n->a = parse_assignment(p);
            p->tree->features |= AST_HAS_LOWERED;
            parse_list_add(&list, parser_finish(p, n));
        } else {
            parse_list_add(&list, parse_assignment(p));
        }
        if (parser_kind(p) == T_RPAREN)
            break;
        parser_expect_comma(p, T_RPAREN);
        if (parser_kind(p) == T_RPAREN)
            p->tree->features |= AST_HAS_LOWERED;
    }
    p->no_in = no_in;
    parser_expect(p, T_RPAREN);
    return list.first;
}

static struct ast_node *parse_member_name(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_IDENT, p->lex.tok.start);
    n->name = p->lex.tok.name;
    if (parser_kind(p) == T_RETURN)
        p->tree->features |= AST_HAS_RETURN;
    if (parser_kind(p) == T_PRIVATE)
        lexer_fail(&p->lex, n->start,
                   "private names are not supported: write _name instead of #name");
    else if (!n->name)
        parser_unexpected(p);
    lexer_next(&p->lex);
    return parser_finish(p, n);
}

static void parse_computed_member(struct parser *p, struct ast_node *n)
{
    bool no_in = p->no_in;
    p->no_in = false;
    parser_expect(p, T_LBRACKET);
    n->flags |= AST_COMPUTED;
    n->b = parse_expression(p);
    parser_expect(p, T_RBRACKET);
    p->no_in = no_in;
}

static struct ast_node *parse_optional(struct parser *p, struct ast_node *base, uint32_t start)
{
    lexer_next(&p->lex);
    enum token_kind kind = parser_kind(p);
    struct ast_node *n = parser_node(p, kind == T_LPAREN ? AST_CALL : AST_MEMBER, start);
    n->flags = AST_OPTIONAL;
    n->a = base;
    p->tree->features |= AST_HAS_LOWERED;
    if (kind == T_LPAREN)
        n->b = parse_arguments(p);
    else if (kind == T_LBRACKET)
        parse_computed_member(p, n);
    else if (kind == T_TEMPLATE)
        lexer_fail(&p->lex, p->lex.tok.start, "a template cannot follow ?.");
    else
        n->b = parse_member_name(p);
    return n;
}

static struct ast_node *parse_link(struct parser *p, struct ast_node *base, uint32_t start,
                                   bool chain)
{
    struct ast_node *n = parser_node(p, AST_MEMBER, start);
    n->a = base;
    switch (parser_kind(p)) {
    case T_DOT:
        lexer_next(&p->lex);
        n->b = parse_member_name(p);
        break;
    case T_LBRACKET:
        parse_computed_member(p, n);
        break;
    case T_LPAREN:
        n->kind = AST_CALL;
        n->b = parse_arguments(p);
        break;
    default:
        if (chain)
            lexer_fail(&p->lex, p->lex.tok.start, "a template cannot follow ?.");
        n->kind = AST_TAGGED;
        n->b = parse_template(p, true);
        break;
    }
    return n;
}

struct ast_node *parse_member_chain(struct parser *p, uint32_t start, struct ast_node *base,
                                    bool calls)
{
    bool chain = false;
    for (;;) {
        enum token_kind kind = parser_kind(p);
        if (kind != T_DOT && kind != T_LBRACKET && kind != T_TEMPLATE &&
            !(calls && (kind == T_LPAREN || kind == T_QUESTION_DOT)))
            break;
        parse_check_cover(p);
        if (kind == T_QUESTION_DOT) {
            chain = true;
            base = parser_finish(p, parse_optional(p, base, start));
        } else {
            base = parser_finish(p, parse_link(p, base, start, chain));
        }
    }
    if (!chain)
        return base;
    struct ast_node *n = parser_node(p, AST_CHAIN, start);
    n->a = base;
    return parser_finish(p, n);
}

// new ---------------------------------------------------------------------------------------------

static struct ast_node *parse_new_target(struct parser *p, struct ast_node *n)
{
    lexer_next(&p->lex);
    if (!parser_at_word(p, p->target))
        parser_unexpected(p);
    else if (!p->fn->own_this)
        lexer_fail(&p->lex, n->start, "new.target stands in functions only");
    lexer_next(&p->lex);
    n->kind = AST_NEW_TARGET;
    return parser_finish(p, n);
}

struct ast_node *parse_new(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_NEW, p->lex.tok.start);
    if (!parser_enter(p))
        return n;
    lexer_next(&p->lex);
    if (parser_kind(p) == T_DOT) {
        parser_leave(p);
        return parse_new_target(p, n);
    }
    uint32_t start = p->lex.tok.start;
    struct ast_node *callee = parser_kind(p) == T_NEW ? parse_new(p) : parse_primary(p);
    if (callee->kind == AST_SUPER && parser_kind(p) == T_LPAREN)
        parser_unexpected(p);
    n->a = parse_member_chain(p, start, callee, false);
    if (parser_kind(p) == T_QUESTION_DOT)
        lexer_fail(&p->lex, p->lex.tok.start, "?. cannot stand in what new makes: use parentheses");
    if (parser_kind(p) == T_LPAREN)
        n->b = parse_arguments(p);
    parser_leave(p);
    return parser_finish(p, n);
}

// Templates, arrays, parentheses ------------------------------------------------------------------

static struct ast_node *parse_quasi(struct parser *p, bool tagged)
{
    const struct token *t = &p->lex.tok;
    struct ast_node *n = parser_node(p, AST_QUASI, t->start + 1);
    n->end = t->end - (t->tail ? 1 : 2);
    if (t->bad_escape) {
        n->flags = AST_BAD_ESCAPE;
        if (!tagged)
            lexer_fail(&p->lex, t->start, "an escape in this template is not complete");
    }
    return n;
}

struct ast_node *parse_template(struct parser *p, bool tagged)
{
    struct ast_node *n = parser_node(p, AST_TEMPLATE, p->lex.tok.start);
    struct parse_list list = {0};
    bool no_in = p->no_in;
    p->no_in = false;
    p->tree->features |= AST_HAS_LOWERED;
    parse_list_add(&list, parse_quasi(p, tagged));
    while (!p->lex.tok.tail && parser_kind(p) == T_TEMPLATE) {
        lexer_next(&p->lex);
        parse_list_add(&list, parse_expression(p));
        if (parser_kind(p) != T_RBRACE) {
            parser_unexpected(p);
            break;
        }
        lexer_template(&p->lex);
        if (parser_kind(p) == T_TEMPLATE)
            parse_list_add(&list, parse_quasi(p, tagged));
    }
    lexer_next(&p->lex);
    p->no_in = no_in;
    n->a = list.first;
    return parser_finish(p, n);
}

static struct ast_node *parse_element(struct parser *p)
{
    uint32_t start = p->lex.tok.start;
    if (parser_kind(p) == T_COMMA) {
        struct ast_node *hole = parser_node(p, AST_HOLE, start);
        hole->end = start;
        return hole;
    }
    if (parser_kind(p) != T_ELLIPSIS)
        return parse_assignment_cover(p);
    struct ast_node *n = parser_node(p, AST_SPREAD, start);
    lexer_next(&p->lex);
    n->a = parse_assignment_cover(p);
    p->tree->features |= AST_HAS_LOWERED;
    return parser_finish(p, n);
}

static struct ast_node *parse_array(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_ARRAY, p->lex.tok.start);
    struct parse_list list = {0};
    bool no_in = p->no_in;
    p->no_in = false;
    lexer_next(&p->lex);
    while (parser_kind(p) != T_RBRACKET && parser_kind(p) != T_END) {
        struct ast_node *element = parse_element(p);
        parse_list_add(&list, element);
        if (parser_kind(p) == T_RBRACKET)
            break;
        parser_expect_comma(p, T_RBRACKET);
        // [...a, ] is an array, but no pattern.
        if (element->kind == AST_SPREAD && parser_kind(p) == T_RBRACKET)
            element->flags |= AST_BARE;
    }
    parser_expect(p, T_RBRACKET);
    p->no_in = no_in;
    n->a = list.first;
    return parser_finish(p, n);
}

// ( ) => and (a, ...b) =>, which are parameters and nothing else.
static struct ast_node *parse_rest_parameters(struct parser *p, uint32_t start,
                                              struct parse_list *list)
{
    if (parser_kind(p) == T_ELLIPSIS) {
        struct ast_node *rest = parser_node(p, AST_REST, p->lex.tok.start);
        lexer_next(&p->lex);
        rest->a = parse_binding_target(p);
        parse_list_add(list, parser_finish(p, rest));
    }
    parser_expect(p, T_RPAREN);
    if (parser_kind(p) != T_ARROW || p->lex.tok.newline) {
        if (!p->lex.failed)
            lexer_fail(&p->lex, p->lex.tok.start, "=> is missing after the parameters");
        return parser_node(p, AST_HOLE, start);
    }
    p->cover = 0;
    return parse_arrow(p, start, list->first);
}

// After the last expression in parentheses that are no parameters.
static struct ast_node *close_parentheses(struct parser *p, struct parse_list *list)
{
    parse_check_cover(p);
    struct ast_node *n = list->first;
    if (n->next) {
        n = parser_node(p, AST_SEQUENCE, list->first->start);
        n->a = list->first;
        n->end = list->last->end;
        parser_finish(p, n);
        n->end = list->last->end;
    }
    n->flags |= AST_PAREN;
    return n;
}

static struct ast_node *parse_parentheses(struct parser *p)
{
    uint32_t start = p->lex.tok.start;
    struct parse_list list = {0};
    uint32_t outer = p->cover;
    bool no_in = p->no_in, more = true;
    p->cover = 0;
    p->no_in = false;
    lexer_next(&p->lex);
    while (more && parser_kind(p) != T_RPAREN && parser_kind(p) != T_ELLIPSIS &&
           parser_kind(p) != T_END) {
        uint32_t cover = p->cover;
        p->cover = 0;
        parse_list_add(&list, parse_assignment_cover(p));
        if (cover)
            p->cover = cover;
        more = parser_eat(p, T_COMMA);
    }
    p->no_in = no_in;
    struct ast_node *n;
    if ((more && parser_kind(p) != T_END) || !list.first) {
        n = parse_rest_parameters(p, start, &list);
    } else {
        parser_expect(p, T_RPAREN);
        if (parser_kind(p) == T_ARROW && !p->lex.tok.newline) {
            p->cover = 0;
            n = parse_arrow(p, start, list.first);
        } else {
            n = close_parentheses(p, &list);
        }
    }
    p->cover = outer;
    return n;
}

// The rest ----------------------------------------------------------------------------------------

static bool begins_operand(enum token_kind kind)
{
    return kind == T_IDENT || kind == T_NUMBER || kind == T_STRING || kind == T_NEW ||
           kind == T_THIS;
}

// Names that are words of what is not supported.
static void refuse_word(struct parser *p)
{
    bool async = parser_at_word(p, p->async);
    if (!async && !parser_at_word(p, p->await) && !parser_at_word(p, p->yield))
        return;
    struct token next = lexer_peek(&p->lex);
    uint32_t at = p->lex.tok.start;
    if (next.newline)
        return;
    if (async && (next.kind == T_FUNCTION || next.kind == T_IDENT))
        lexer_fail(&p->lex, at,
                   "async functions are not supported: a script returns its result at once");
    else if (parser_at_word(p, p->await) && begins_operand(next.kind))
        lexer_fail(&p->lex, at, "await is not supported: a script returns its result at once");
    else if (parser_at_word(p, p->yield) && begins_operand(next.kind))
        lexer_fail(&p->lex, at, "generators are not supported: collect the values in an array");
}

static struct ast_node *parse_name(struct parser *p)
{
    refuse_word(p);
    struct ast_node *n = parser_node(p, AST_IDENT, p->lex.tok.start);
    n->name = p->lex.tok.name;
    if (!n->name)
        return n;
    if (p->lex.tok.escaped && p->lex.tok.lowered)
        p->tree->features |= AST_HAS_LOWERED;
    return parse_binding_name(p);
}

static struct ast_node *parse_leaf(struct parser *p, enum ast_kind kind)
{
    const struct token *t = &p->lex.tok;
    struct ast_node *n = parser_node(p, kind, t->start);
    n->op = (uint8_t)t->kind;
    if (t->octal && p->strict)
        lexer_fail(&p->lex, t->start,
                   "octal numbers and escapes are not allowed in strict code: write 0o17 or \\x0f");
    if (t->lowered)
        p->tree->features |= AST_HAS_LOWERED;
    lexer_next(&p->lex);
    return parser_finish(p, n);
}

static struct ast_node *parse_super(struct parser *p)
{
    struct ast_node *n = parse_leaf(p, AST_SUPER);
    enum token_kind kind = parser_kind(p);
    bool ok = kind == T_LPAREN ? p->fn->super_call
                               : (kind == T_DOT || kind == T_LBRACKET) && p->fn->super_member;
    if (!ok && !p->lex.failed)
        lexer_fail(&p->lex, n->start,
                   kind == T_LPAREN
                       ? "super() stands in the constructor of a class that extends another"
                       : "super.name stands in methods only");
    p->tree->features |= AST_HAS_LOWERED;
    return n;
}

struct ast_node *parse_primary(struct parser *p)
{
    switch (parser_kind(p)) {
    case T_IDENT:
        return parse_name(p);
    case T_NUMBER:
        return parse_leaf(p, AST_NUMBER);
    case T_STRING:
        return parse_leaf(p, AST_STRING);
    case T_NULL:
    case T_TRUE:
    case T_FALSE:
        return parse_leaf(p, AST_CONSTANT);
    case T_THIS:
        return parse_leaf(p, AST_THIS);
    case T_DIV:
    case T_DIV_ASSIGN:
        lexer_regexp(&p->lex);
        return parse_leaf(p, AST_REGEXP);
    case T_TEMPLATE:
        return parse_template(p, false);
    case T_LPAREN:
        return parse_parentheses(p);
    case T_LBRACKET:
        return parse_array(p);
    case T_LBRACE:
        return parse_object(p);
    case T_FUNCTION:
        return parse_function(p, false);
    case T_CLASS:
        return parse_class(p, false);
    case T_SUPER:
        return parse_super(p);
    case T_IMPORT:
        lexer_fail(&p->lex, p->lex.tok.start,
                   "modules are not supported: put the code into the script itself");
        break;
    default:
        parser_unexpected(p);
    }
    return parser_node(p, AST_HOLE, p->lex.tok.start);
}
