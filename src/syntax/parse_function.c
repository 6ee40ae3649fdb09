// SPDX-License-Identifier: Apache-2.0
#include "syntax/parser.h"

// Parameters and bodies ---------------------------------------------------------------------------

static struct ast_node *parse_parameters(struct parser *p)
{
    struct parse_list list = {0};
    parser_expect(p, T_LPAREN);
    while (parser_kind(p) != T_RPAREN && parser_kind(p) != T_END) {
        struct ast_node *n = parse_binding_element(p);
        parse_list_add(&list, n);
        if (parser_kind(p) == T_RPAREN)
            break;
        if (n->kind == AST_REST) {
            lexer_fail(&p->lex, n->start, "the rest must be the last parameter");
            break;
        }
        parser_expect_comma(p, T_RPAREN);
        if (parser_kind(p) == T_RPAREN)
            p->tree->features |= AST_HAS_LOWERED;
    }
    parser_expect(p, T_RPAREN);
    return list.first;
}

static bool are_simple(const struct ast_node *params)
{
    for (; params; params = params->next) {
        if (params->kind != AST_IDENT)
            return false;
    }
    return true;
}

static struct ast_node *parse_body(struct parser *p, const struct ast_node *params)
{
    struct ast_node *n = parser_node(p, AST_BLOCK, p->lex.tok.start);
    parser_expect(p, T_LBRACE);
    if (!parser_enter(p))
        return n;
    n->a = parse_function_statements(p, are_simple(params));
    parser_leave(p);
    parser_expect(p, T_RBRACE);
    return parser_finish(p, n);
}

struct saved {
    struct parse_function *fn;
    bool strict, no_in;
    uint32_t cover;
};

static struct saved begin_function(struct parser *p, struct parse_function *fn)
{
    struct saved s = {p->fn, p->strict, p->no_in, p->cover};
    p->fn = fn;
    p->no_in = false;
    p->cover = 0;
    return s;
}

static void end_function(struct parser *p, struct ast_node *n, struct saved s)
{
    if (p->strict)
        n->flags |= AST_STRICT;
    p->fn = s.fn;
    p->strict = s.strict;
    p->no_in = s.no_in;
    p->cover = s.cover;
}

void parse_name_value(struct ast_node *value, struct ast_name *name)
{
    bool function = value->kind == AST_FUNCTION || value->kind == AST_CLASS;
    if (function && !value->a && !(value->flags & AST_METHOD))
        value->name = name;
}

// Functions ---------------------------------------------------------------------------------------

struct ast_node *parse_function(struct parser *p, bool statement)
{
    struct ast_node *n = parser_node(p, AST_FUNCTION, p->lex.tok.start);
    struct parse_function fn = {.own_this = true};
    n->flags = statement ? AST_STATEMENT : 0;
    lexer_next(&p->lex);
    if (parser_kind(p) == T_MUL)
        lexer_fail(&p->lex, p->lex.tok.start,
                   "generators are not supported: collect the values in an array");
    if (parser_kind(p) == T_IDENT)
        n->a = parse_binding_target(p);
    else if (statement || parser_kind(p) != T_LPAREN)
        parser_unexpected(p);
    struct saved saved = begin_function(p, &fn);
    n->parameters = p->lex.tok.start;
    n->b = parse_parameters(p);
    n->c = parse_body(p, n->b);
    end_function(p, n, saved);
    return parser_finish(p, n);
}

struct ast_node *parse_method(struct parser *p, const struct ast_node *property, bool derived)
{
    uint16_t flags = property->flags;
    struct ast_node *n = parser_node(p, AST_FUNCTION, p->lex.tok.start);
    struct parse_function fn = {.own_this = true, .super_member = true, .super_call = derived};
    n->flags = (uint16_t)(AST_METHOD | (flags & (AST_CONSTRUCTOR | AST_GETTER | AST_SETTER)) |
                          (derived ? AST_DERIVED : 0));
    n->name = flags & (AST_COMPUTED | AST_CONSTRUCTOR) ? NULL : property->a->name;
    n->parameters = n->start;
    struct saved saved = begin_function(p, &fn);
    n->b = parse_parameters(p);
    bool one = n->b && !n->b->next && n->b->kind != AST_REST;
    if ((flags & AST_GETTER) && n->b)
        lexer_fail(&p->lex, n->b->start, "a getter has no parameters");
    if ((flags & AST_SETTER) && !one)
        lexer_fail(&p->lex, n->start, "a setter has one parameter");
    n->c = parse_body(p, n->b);
    end_function(p, n, saved);
    return parser_finish(p, n);
}

struct ast_node *parse_arrow(struct parser *p, uint32_t start, struct ast_node *params)
{
    struct ast_node *n = parser_node(p, AST_FUNCTION, start);
    struct parse_function fn = {.super_member = p->fn->super_member,
                                .super_call = p->fn->super_call,
                                .own_this = p->fn->own_this};
    n->flags = AST_ARROW;
    n->b = params;
    p->tree->features |= AST_HAS_LOWERED;
    parse_to_parameters(p, params);
    parser_expect(p, T_ARROW);
    bool no_in = p->no_in;
    struct saved saved = begin_function(p, &fn);
    if (parser_kind(p) == T_LBRACE) {
        n->c = parse_body(p, params);
    } else {
        p->no_in = no_in;
        n->c = parse_assignment(p);
    }
    end_function(p, n, saved);
    return parser_finish(p, n);
}

struct ast_node *parse_field_value(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_FUNCTION, p->lex.tok.start);
    struct parse_function fn = {.own_this = true, .super_member = true};
    n->flags = AST_METHOD | AST_FIELD;
    struct saved saved = begin_function(p, &fn);
    n->c = parse_assignment(p);
    end_function(p, n, saved);
    return parser_finish(p, n);
}

struct ast_node *parse_static_block(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_STATIC_BLOCK, p->lex.tok.start);
    struct ast_node *f = parser_node(p, AST_FUNCTION, n->start);
    struct parse_function fn = {.own_this = true, .super_member = true};
    f->flags = AST_METHOD;
    struct saved saved = begin_function(p, &fn);
    f->c = parse_body(p, NULL);
    end_function(p, f, saved);
    n->a = parser_finish(p, f);
    return parser_finish(p, n);
}

// Classes -----------------------------------------------------------------------------------------

static bool is_named(const struct ast_node *n, const struct ast_node *key, const char *name)
{
    return !(n->flags & AST_COMPUTED) && key->name && span_is(key->name->text, name);
}

static void parse_class_method(struct parser *p, struct ast_node *n, bool derived,
                               bool *has_constructor)
{
    bool constructor = !(n->flags & AST_STATIC) && is_named(n, n->a, "constructor");
    if (constructor) {
        if (n->flags & (AST_GETTER | AST_SETTER))
            lexer_fail(&p->lex, n->start, "a constructor cannot be a getter or setter");
        else if (*has_constructor)
            lexer_fail(&p->lex, n->start, "a class has one constructor");
        *has_constructor = true;
        n->flags |= AST_CONSTRUCTOR;
    } else if ((n->flags & AST_STATIC) && is_named(n, n->a, "prototype")) {
        lexer_fail(&p->lex, n->start, "a static member cannot be called prototype");
    }
    if (!(n->flags & (AST_GETTER | AST_SETTER)))
        n->flags |= AST_METHOD;
    n->b = parse_method(p, n, derived && constructor);
}

static void parse_field(struct parser *p, struct ast_node *n)
{
    n->flags |= AST_FIELD;
    if (is_named(n, n->a, "constructor"))
        lexer_fail(&p->lex, n->start, "a field cannot be called constructor");
    if (parser_eat(p, T_ASSIGN)) {
        n->b = parse_field_value(p);
        if (!(n->flags & AST_COMPUTED))
            parse_name_value(n->b->c, n->a->name);
    }
    parser_end_statement(p, n);
}

static struct ast_node *parse_member(struct parser *p, bool derived, bool *has_constructor)
{
    struct ast_node *n = parser_node(p, AST_PROPERTY, p->lex.tok.start);
    if (parser_at_word(p, p->is_static)) {
        enum token_kind next = lexer_peek(&p->lex).kind;
        if (next == T_LBRACE) {
            lexer_next(&p->lex);
            return parse_static_block(p);
        }
        if (next != T_LPAREN && next != T_ASSIGN && next != T_SEMICOLON && next != T_RBRACE) {
            n->flags |= AST_STATIC;
            lexer_next(&p->lex);
        }
    }
    n->flags |= parse_method_words(p);
    n->a = parse_property_key(p, &n->flags);
    if (parser_kind(p) == T_LPAREN || (n->flags & (AST_GETTER | AST_SETTER)))
        parse_class_method(p, n, derived, has_constructor);
    else
        parse_field(p, n);
    return parser_finish(p, n);
}

struct ast_node *parse_class(struct parser *p, bool statement)
{
    struct ast_node *n = parser_node(p, AST_CLASS, p->lex.tok.start);
    struct parse_list list = {0};
    bool strict = p->strict, has_constructor = false;
    n->flags = statement ? AST_STATEMENT : 0;
    p->strict = true;
    p->tree->features |= AST_HAS_LOWERED;
    lexer_next(&p->lex);
    if (parser_kind(p) == T_IDENT)
        n->a = parse_binding_target(p);
    else if (statement)
        parser_unexpected(p);
    if (parser_eat(p, T_EXTENDS)) {
        uint32_t start = p->lex.tok.start;
        struct ast_node *base = parser_kind(p) == T_NEW ? parse_new(p) : parse_primary(p);
        n->b = parse_member_chain(p, start, base, true);
    }
    parser_expect(p, T_LBRACE);
    if (!parser_enter(p))
        return n;
    while (parser_kind(p) != T_RBRACE && parser_kind(p) != T_END) {
        if (!parser_eat(p, T_SEMICOLON))
            parse_list_add(&list, parse_member(p, n->b != NULL, &has_constructor));
    }
    parser_leave(p);
    parser_expect(p, T_RBRACE);
    p->strict = strict;
    n->c = list.first;
    return parser_finish(p, n);
}
