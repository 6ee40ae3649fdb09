// SPDX-License-Identifier: Apache-2.0
#include "syntax/parser.h"

// Words that strict code reserves (ECMA-262 12.6.2).
static bool is_strict_word(struct span text)
{
    static const char *const words[] = {"implements", "interface", "let",    "package", "private",
                                        "protected",  "public",    "static", "yield"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (span_is(text, words[i]))
            return true;
    }
    return false;
}

// A name as an expression or to be bound.
struct ast_node *parse_binding_name(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_IDENT, p->lex.tok.start);
    n->name = p->lex.tok.name;
    if (parser_kind(p) != T_IDENT) {
        // A reserved word spelt with escapes is none the less reserved.
        if (n->name)
            lexer_fail(&p->lex, n->start, "%.*s is a reserved word, it cannot be a name here",
                       SPAN_ARG(n->name->text));
        else
            parser_unexpected(p);
    } else if (p->strict && is_strict_word(n->name->text)) {
        lexer_fail(&p->lex, n->start, "%.*s is a reserved word in strict code",
                   SPAN_ARG(n->name->text));
    }
    if (p->lex.tok.lowered)
        p->tree->features |= AST_HAS_LOWERED;
    lexer_next(&p->lex);
    return parser_finish(p, n);
}

static void check_bound_name(struct parser *p, const struct ast_node *n)
{
    if (p->strict && (n->name == p->eval || n->name == p->arguments))
        lexer_fail(&p->lex, n->start, "%.*s cannot be assigned to in strict code",
                   SPAN_ARG(n->name->text));
}

struct ast_node *parse_binding_target(struct parser *p)
{
    if (parser_kind(p) == T_LBRACKET || parser_kind(p) == T_LBRACE) {
        uint32_t outer = p->cover;
        p->cover = 0;
        struct ast_node *n = parse_primary(p);
        p->cover = outer;
        parse_to_pattern(p, n, true);
        p->tree->features |= AST_HAS_LOWERED;
        return n;
    }
    struct ast_node *n = parse_binding_name(p);
    if (!p->lex.failed)
        check_bound_name(p, n);
    return n;
}

struct ast_node *parse_binding_element(struct parser *p)
{
    uint32_t start = p->lex.tok.start;
    if (parser_kind(p) == T_ELLIPSIS) {
        struct ast_node *rest = parser_node(p, AST_REST, start);
        lexer_next(&p->lex);
        rest->a = parse_binding_target(p);
        p->tree->features |= AST_HAS_LOWERED;
        return parser_finish(p, rest);
    }
    struct ast_node *target = parse_binding_target(p);
    if (parser_kind(p) != T_ASSIGN)
        return target;
    struct ast_node *n = parser_node(p, AST_DEFAULT, start);
    n->a = target;
    lexer_next(&p->lex);
    n->b = parse_assignment(p);
    if (target->kind == AST_IDENT)
        parse_name_value(n->b, target->name);
    p->tree->features |= AST_HAS_LOWERED;
    return parser_finish(p, n);
}

void parse_check_target(struct parser *p, const struct ast_node *n)
{
    if (p->lex.failed)
        return;
    if (n->kind == AST_IDENT)
        check_bound_name(p, n);
    else if (n->kind == AST_CHAIN)
        lexer_fail(&p->lex, n->start, "a place found by ?. cannot be assigned to");
    else if (n->kind != AST_MEMBER)
        lexer_fail(&p->lex, n->start,
                   "this cannot be assigned to: a variable or a property is needed");
}

// Expressions as patterns -------------------------------------------------------------------------

static void element_to_pattern(struct parser *p, struct ast_node *n, bool binding)
{
    if (n->kind == AST_ASSIGN && n->op == T_ASSIGN && !(n->flags & AST_PAREN)) {
        n->kind = AST_DEFAULT;
        if (binding)
            parse_to_pattern(p, n->a, true);
    } else if (n->kind == AST_DEFAULT) {
        parse_to_pattern(p, n->a, binding);
    } else if (n->kind != AST_HOLE) {
        parse_to_pattern(p, n, binding);
    }
}

static void rest_to_pattern(struct parser *p, struct ast_node *n, bool binding, bool object)
{
    if (n->kind == AST_SPREAD) {
        n->kind = AST_REST;
        if (n->flags & AST_BARE)
            lexer_fail(&p->lex, n->end, "a comma cannot follow the rest of a pattern");
    }
    if (n->next)
        lexer_fail(&p->lex, n->start, "the rest of a pattern must be its last part");
    if (n->a->kind == AST_ASSIGN || n->a->kind == AST_DEFAULT)
        lexer_fail(&p->lex, n->a->start, "the rest of a pattern has no default");
    else if (object && n->a->kind != AST_IDENT && n->a->kind != AST_MEMBER)
        lexer_fail(&p->lex, n->a->start, "the rest of an object needs a name");
    parse_to_pattern(p, n->a, binding);
}

static void property_to_pattern(struct parser *p, struct ast_node *n, bool binding)
{
    if (n->flags & (AST_METHOD | AST_GETTER | AST_SETTER))
        lexer_fail(&p->lex, n->start, "a method cannot be part of a pattern");
    else
        element_to_pattern(p, n->b, binding);
}

static void list_to_pattern(struct parser *p, struct ast_node *n, bool binding)
{
    bool object = n->kind == AST_OBJECT_PATTERN;
    for (struct ast_node *e = n->a; e && !p->lex.failed; e = e->next) {
        if (e->kind == AST_SPREAD || e->kind == AST_REST)
            rest_to_pattern(p, e, binding, object);
        else if (object)
            property_to_pattern(p, e, binding);
        else
            element_to_pattern(p, e, binding);
    }
}

void parse_to_pattern(struct parser *p, struct ast_node *n, bool binding)
{
    if (p->lex.failed)
        return;
    bool literal = n->kind == AST_OBJECT || n->kind == AST_ARRAY;
    if (literal && !(n->flags & AST_PAREN)) {
        n->kind = n->kind == AST_OBJECT ? AST_OBJECT_PATTERN : AST_ARRAY_PATTERN;
        list_to_pattern(p, n, binding);
    } else if (n->kind == AST_OBJECT_PATTERN || n->kind == AST_ARRAY_PATTERN) {
        if (binding)
            list_to_pattern(p, n, true);
    } else if (binding && (n->kind != AST_IDENT || (n->flags & AST_PAREN))) {
        lexer_fail(&p->lex, n->start, "a name is needed here");
    } else {
        parse_check_target(p, n);
    }
}

void parse_to_parameters(struct parser *p, struct ast_node *first)
{
    for (struct ast_node *e = first; e && !p->lex.failed; e = e->next) {
        if (e->kind == AST_REST)
            parse_to_pattern(p, e->a, true);
        else
            element_to_pattern(p, e, true);
    }
}
