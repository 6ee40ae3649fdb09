// SPDX-License-Identifier: Apache-2.0
#include "syntax/parser.h"

// Names of properties -----------------------------------------------------------------------------

// Whether what follows the word makes it a name itself: get(), set: 1, { static }.
static bool is_name_itself(struct parser *p)
{
    enum token_kind next = lexer_peek(&p->lex).kind;
    return next == T_LPAREN || next == T_COMMA || next == T_COLON || next == T_RBRACE ||
           next == T_ASSIGN || next == T_SEMICOLON || next == T_END;
}

uint16_t parse_method_words(struct parser *p)
{
    uint16_t flags = 0;
    if (parser_at_word(p, p->async) && !is_name_itself(p) && !lexer_peek(&p->lex).newline)
        lexer_fail(&p->lex, p->lex.tok.start,
                   "async methods are not supported: a script returns its result at once");
    bool get = parser_at_word(p, p->get), set = parser_at_word(p, p->set);
    if ((get || set) && !is_name_itself(p)) {
        flags = get ? AST_GETTER : AST_SETTER;
        lexer_next(&p->lex);
    }
    if (parser_kind(p) == T_MUL)
        lexer_fail(&p->lex, p->lex.tok.start,
                   "generators are not supported: collect the values in an array");
    return flags;
}

static bool is_plain_number(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    }
    return s.n < 16 && (s.n == 1 || s.p[0] != '0');
}

static struct ast_node *parse_literal_key(struct parser *p, enum ast_kind kind)
{
    struct ast_node *n = parser_node(p, kind, p->lex.tok.start);
    if (p->lex.tok.octal && p->strict)
        lexer_fail(&p->lex, n->start, "octal numbers and escapes are not allowed in strict code");
    if (p->lex.tok.lowered)
        p->tree->features |= AST_HAS_LOWERED;
    // What it names; left out where it is not spelt in the one plain way.
    struct span text = span_of(p->tree->text.p + n->start, p->lex.tok.end - n->start);
    if (kind == AST_STRING && !p->lex.tok.escaped && text.n > 1)
        n->name = lexer_name(&p->lex, span_of(text.p + 1, text.n - 2));
    else if (kind == AST_NUMBER && is_plain_number(text))
        n->name = lexer_name(&p->lex, text);
    lexer_next(&p->lex);
    return parser_finish(p, n);
}

struct ast_node *parse_property_key(struct parser *p, uint16_t *flags)
{
    struct token *t = &p->lex.tok;
    if (t->kind == T_STRING)
        return parse_literal_key(p, AST_STRING);
    if (t->kind == T_NUMBER)
        return parse_literal_key(p, AST_NUMBER);
    struct ast_node *n = parser_node(p, AST_IDENT, t->start);
    if (t->kind == T_LBRACKET) {
        *flags |= AST_COMPUTED;
        lexer_next(&p->lex);
        bool no_in = p->no_in;
        p->no_in = false;
        n = parse_assignment(p);
        p->no_in = no_in;
        parser_expect(p, T_RBRACKET);
        return n;
    }
    n->name = t->name;
    if (t->kind == T_RETURN)
        p->tree->features |= AST_HAS_RETURN;
    if (t->kind == T_PRIVATE)
        lexer_fail(&p->lex, t->start,
                   "private names are not supported: write _name instead of #name");
    else if (!t->name)
        parser_unexpected(p);
    if (t->lowered)
        p->tree->features |= AST_HAS_LOWERED;
    lexer_next(&p->lex);
    return parser_finish(p, n);
}

// Objects -----------------------------------------------------------------------------------------

// {a} and, in a pattern, {a = 1}. The token is the name.
static void parse_shorthand(struct parser *p, struct ast_node *n)
{
    n->flags |= AST_SHORTHAND;
    // Duktape takes {get, ...} for the beginning of a getter.
    if (parser_at_word(p, p->get) || parser_at_word(p, p->set))
        p->tree->features |= AST_HAS_LOWERED;
    n->b = parse_binding_name(p);
    n->a = parser_node(p, AST_IDENT, n->start);
    n->a->name = n->b->name;
    n->a->end = n->b->end;
    if (parser_kind(p) != T_ASSIGN)
        return;
    if (!p->cover)
        p->cover = p->lex.tok.start + 1;
    uint32_t cover = p->cover;
    struct ast_node *value = parser_node(p, AST_DEFAULT, n->start);
    value->a = n->b;
    lexer_next(&p->lex);
    value->b = parse_assignment(p);
    parse_name_value(value->b, n->a->name);
    p->cover = cover;
    n->b = parser_finish(p, value);
}

static bool at_shorthand(struct parser *p)
{
    if (parser_kind(p) != T_IDENT)
        return false;
    enum token_kind next = lexer_peek(&p->lex).kind;
    return next == T_COMMA || next == T_RBRACE || next == T_ASSIGN;
}

static struct ast_node *parse_property(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_PROPERTY, p->lex.tok.start);
    if (parser_kind(p) == T_ELLIPSIS) {
        n->kind = AST_SPREAD;
        lexer_next(&p->lex);
        n->a = parse_assignment_cover(p);
        p->tree->features |= AST_HAS_LOWERED;
        return parser_finish(p, n);
    }
    n->flags = parse_method_words(p);
    if (!n->flags && at_shorthand(p)) {
        parse_shorthand(p, n);
        return parser_finish(p, n);
    }
    n->a = parse_property_key(p, &n->flags);
    if (n->flags & (AST_GETTER | AST_SETTER)) {
        n->b = parse_method(p, n, false);
    } else if (parser_kind(p) == T_LPAREN) {
        n->flags |= AST_METHOD;
        n->b = parse_method(p, n, false);
    } else {
        parser_expect(p, T_COLON);
        n->b = parse_assignment_cover(p);
        if (!p->lex.failed && ast_is_proto(n))
            p->tree->features |= AST_HAS_LOWERED;
        else if (!(n->flags & AST_COMPUTED))
            parse_name_value(n->b, n->a->name);
    }
    if (ast_is_odd_method(n) ||
        ((n->flags & AST_COMPUTED) && (n->flags & (AST_GETTER | AST_SETTER))))
        p->tree->features |= AST_HAS_LOWERED;
    return parser_finish(p, n);
}

struct ast_node *parse_object(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_OBJECT, p->lex.tok.start);
    struct parse_list list = {0};
    bool no_in = p->no_in;
    p->no_in = false;
    lexer_next(&p->lex);
    while (parser_kind(p) != T_RBRACE && parser_kind(p) != T_END) {
        struct ast_node *property = parse_property(p);
        parse_list_add(&list, property);
        if (parser_kind(p) == T_RBRACE)
            break;
        parser_expect_comma(p, T_RBRACE);
        if (property->kind == AST_SPREAD && parser_kind(p) == T_RBRACE)
            property->flags |= AST_BARE;
    }
    parser_expect(p, T_RBRACE);
    p->no_in = no_in;
    n->a = list.first;
    return parser_finish(p, n);
}
