// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_SYNTAX_PARSER_H
#define PENSTOCK_SYNTAX_PARSER_H

// What the parts of the parser share. After an error the token is T_END for ever, so that every
// loop ends, and functions return some node; nobody looks at it.

#include "syntax/lexer.h"

struct parse_label {
    const struct ast_name *name;
    bool is_loop;
    bool open; // nothing but labels has followed
    struct parse_label *outer;
};

// Of the function being parsed.
struct parse_function {
    struct parse_label *labels;
    unsigned loops, switches;                // around the place
    bool super_member, super_call, own_this; // what may be written
};

struct parser {
    struct lexer lex;
    struct ast_tree *tree;
    struct parse_function *fn;
    unsigned nesting;
    bool strict;
    bool no_in;       // an `in` ends the expression: the head of a for
    bool declaration; // a declaration may stand here
    // Where something stands that is an error unless it becomes a pattern ({a = 1}), + 1; 0:
    // nowhere
    uint32_t cover;
    struct ast_name *let, *of, *get, *set, *is_static, *async, *await, *yield, *eval, *arguments,
        *constructor, *prototype, *target;
};

// Nodes
struct ast_node *parser_node(struct parser *p, enum ast_kind kind, uint32_t start);
// Ends the node behind the last token and gives it back.
struct ast_node *parser_finish(struct parser *p, struct ast_node *n);

// Tokens
static inline enum token_kind parser_kind(const struct parser *p)
{
    return p->lex.tok.kind;
}
static inline bool parser_at_word(const struct parser *p, const struct ast_name *name)
{
    return p->lex.tok.kind == T_IDENT && p->lex.tok.name == name && !p->lex.tok.escaped;
}
// Goes on when the token is of the kind.
bool parser_eat(struct parser *p, enum token_kind kind);
void parser_expect(struct parser *p, enum token_kind kind);
// The comma in a list that `closer` ends.
void parser_expect_comma(struct parser *p, enum token_kind closer);
void parser_unexpected(struct parser *p);
// Into brackets, a block, a function; false at the limit.
bool parser_enter(struct parser *p);
void parser_leave(struct parser *p);
// The end of a statement: a semicolon, or what stands for one.
struct ast_node *parser_end_statement(struct parser *p, struct ast_node *n);

// A list of nodes being made.
struct parse_list {
    struct ast_node *first, *last;
};
void parse_list_add(struct parse_list *l, struct ast_node *n);

// Expressions
struct ast_node *parse_expression(struct parser *p);
struct ast_node *parse_assignment(struct parser *p);
// May leave p->cover behind.
struct ast_node *parse_assignment_cover(struct parser *p);
void parse_check_cover(struct parser *p);
// Members, calls and templates behind `base`, which with its parentheses begins at `start`.
struct ast_node *parse_member_chain(struct parser *p, uint32_t start, struct ast_node *base,
                                    bool calls);
struct ast_node *parse_arguments(struct parser *p);
struct ast_node *parse_primary(struct parser *p);
struct ast_node *parse_new(struct parser *p);
struct ast_node *parse_template(struct parser *p, bool tagged);
struct ast_node *parse_object(struct parser *p);
// The name of a property or member and what follows it, up to where the value begins.
struct ast_node *parse_property_key(struct parser *p, uint16_t *flags);
// Words before a name that make it an accessor; refuses generators and async.
uint16_t parse_method_words(struct parser *p);

// Functions and classes
struct ast_node *parse_function(struct parser *p, bool statement);
// The function of a property that is a method, getter or setter.
struct ast_node *parse_method(struct parser *p, const struct ast_node *property, bool derived);
struct ast_node *parse_arrow(struct parser *p, uint32_t start, struct ast_node *params);
struct ast_node *parse_class(struct parser *p, bool statement);
// A value that is computed with `this` of its own: a field of a class, as a function.
struct ast_node *parse_field_value(struct parser *p);
struct ast_node *parse_static_block(struct parser *p);

// A function or class without a name of its own gets that of what it is the value of.
void parse_name_value(struct ast_node *value, struct ast_name *name);

// Names and patterns
struct ast_node *parse_binding_name(struct parser *p);
struct ast_node *parse_binding_target(struct parser *p);
struct ast_node *parse_binding_element(struct parser *p);
// What was parsed as an expression becomes a pattern; of names alone when it binds.
void parse_to_pattern(struct parser *p, struct ast_node *n, bool binding);
// Expressions as the parameters of an arrow function.
void parse_to_parameters(struct parser *p, struct ast_node *first);
// The target of an assignment that is no pattern.
void parse_check_target(struct parser *p, const struct ast_node *n);

// Statements
struct ast_node *parse_statement(struct parser *p, bool declaration);
struct ast_node *parse_block(struct parser *p);
// Up to `}` or the end, with the directives in front of it.
struct ast_node *parse_function_statements(struct parser *p, bool simple_parameters);
struct ast_node *parse_var(struct parser *p, enum token_kind op);
bool parse_at_let(struct parser *p);

#endif
