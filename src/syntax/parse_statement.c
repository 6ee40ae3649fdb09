// SPDX-License-Identifier: Apache-2.0
#include "syntax/parser.h"

bool parse_at_let(struct parser *p)
{
    if (!parser_at_word(p, p->let))
        return false;
    enum token_kind next = lexer_peek(&p->lex).kind;
    return next == T_IDENT || next == T_LBRACKET || next == T_LBRACE;
}

// Declarations ------------------------------------------------------------------------------------

static struct ast_node *parse_declarator(struct parser *p, enum token_kind op)
{
    struct ast_node *n = parser_node(p, AST_DECLARATOR, p->lex.tok.start);
    if (op != T_VAR && parser_at_word(p, p->let))
        lexer_fail(&p->lex, n->start, "let cannot be the name of a variable of let or const");
    n->a = parse_binding_target(p);
    if (parser_eat(p, T_ASSIGN)) {
        n->b = parse_assignment(p);
        if (n->a->kind == AST_IDENT)
            parse_name_value(n->b, n->a->name);
    }
    return parser_finish(p, n);
}

// The declarators; the statement is ended by the caller, who knows whether this is the head of a
// for.
struct ast_node *parse_var(struct parser *p, enum token_kind op)
{
    struct ast_node *n = parser_node(p, AST_VAR, p->lex.tok.start);
    struct parse_list list = {0};
    n->op = (uint8_t)op;
    if (op != T_VAR)
        p->tree->features |= AST_HAS_LOWERED;
    lexer_next(&p->lex);
    do {
        parse_list_add(&list, parse_declarator(p, op));
    } while (parser_eat(p, T_COMMA));
    n->a = list.first;
    return parser_finish(p, n);
}

static void check_initialised(struct parser *p, const struct ast_node *var)
{
    for (const struct ast_node *d = var->a; d && !p->lex.failed; d = d->next) {
        if (d->b)
            continue;
        if (d->a->kind != AST_IDENT)
            lexer_fail(&p->lex, d->start,
                       "a pattern that declares variables needs a value: = is missing");
        else if (var->op == T_CONST)
            lexer_fail(&p->lex, d->start, "const %.*s needs a value: = is missing",
                       SPAN_ARG(d->a->name->text));
    }
}

static struct ast_node *parse_declaration(struct parser *p, enum token_kind op)
{
    struct ast_node *n = parse_var(p, op);
    check_initialised(p, n);
    return parser_end_statement(p, n);
}

// Blocks ------------------------------------------------------------------------------------------

static struct ast_node *parse_statements(struct parser *p)
{
    struct parse_list list = {0};
    while (parser_kind(p) != T_RBRACE && parser_kind(p) != T_END)
        parse_list_add(&list, parse_statement(p, true));
    return list.first;
}

struct ast_node *parse_block(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_BLOCK, p->lex.tok.start);
    parser_expect(p, T_LBRACE);
    if (!parser_enter(p))
        return n;
    n->a = parse_statements(p);
    parser_leave(p);
    parser_expect(p, T_RBRACE);
    return parser_finish(p, n);
}

struct ast_node *parse_function_statements(struct parser *p, bool simple_parameters)
{
    struct parse_list list = {0};
    while (parser_kind(p) == T_STRING) {
        struct token t = p->lex.tok;
        struct ast_node *n = parse_statement(p, true);
        parse_list_add(&list, n);
        if (n->kind != AST_EXPRESSION || n->a->kind != AST_STRING || (n->a->flags & AST_PAREN))
            break;
        n->flags |= AST_STATEMENT; // a directive
        if (t.end - t.start != 12 || memcmp(p->tree->text.p + t.start + 1, "use strict", 10) != 0)
            continue;
        p->strict = true;
        if (!simple_parameters)
            lexer_fail(&p->lex, t.start,
                       "\"use strict\" cannot stand in a function with defaults, "
                       "rest or patterns among its parameters");
    }
    struct ast_node *rest = parse_statements(p);
    if (!list.first)
        return rest;
    list.last->next = rest;
    return list.first;
}

// Conditions and loops ----------------------------------------------------------------------------

static struct ast_node *parse_condition(struct parser *p)
{
    parser_expect(p, T_LPAREN);
    struct ast_node *n = parse_expression(p);
    parser_expect(p, T_RPAREN);
    return n;
}

// The branch of an if, which Annex B lets be a function.
static struct ast_node *parse_branch(struct parser *p)
{
    return parse_statement(p, parser_kind(p) == T_FUNCTION && !p->strict);
}

// A chain of else ifs is read without going deeper for each; meanwhile `next` leads back.
static struct ast_node *parse_if(struct parser *p)
{
    struct ast_node *last = NULL;
    for (;;) {
        struct ast_node *i = parser_node(p, AST_IF, p->lex.tok.start);
        if (last)
            last->c = i;
        i->next = last;
        last = i;
        lexer_next(&p->lex);
        i->a = parse_condition(p);
        i->b = parse_branch(p);
        if (!parser_eat(p, T_ELSE))
            break;
        if (parser_kind(p) != T_IF) {
            i->c = parse_branch(p);
            break;
        }
    }
    for (;;) {
        struct ast_node *outer = last->next;
        last->next = NULL;
        parser_finish(p, last);
        if (!outer)
            return last;
        last = outer;
    }
}

static struct ast_node *parse_loop_body(struct parser *p)
{
    p->fn->loops++;
    struct ast_node *n = parse_statement(p, false);
    p->fn->loops--;
    return n;
}

static struct ast_node *parse_while(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_WHILE, p->lex.tok.start);
    lexer_next(&p->lex);
    n->a = parse_condition(p);
    n->d = parse_loop_body(p);
    return parser_finish(p, n);
}

static struct ast_node *parse_do(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_DO_WHILE, p->lex.tok.start);
    lexer_next(&p->lex);
    n->a = parse_loop_body(p);
    parser_expect(p, T_WHILE);
    n->b = parse_condition(p);
    if (!parser_eat(p, T_SEMICOLON))
        n->flags |= AST_BARE;
    return parser_finish(p, n);
}

// for (VAR of ...: one declarator without a value, except what Annex B allows: for (var a = 1 in
// b).
static void check_for_declaration(struct parser *p, const struct ast_node *var, bool of)
{
    const struct ast_node *d = var->a;
    if (d->next)
        lexer_fail(&p->lex, d->next->start, "one variable is declared here, not several");
    else if (d->b && (of || var->op != T_VAR || p->strict || d->a->kind != AST_IDENT))
        lexer_fail(&p->lex, d->b->start,
                   "the variable of a for-in or for-of loop has no value here");
}

static void parse_for_each(struct parser *p, struct ast_node *n, bool of)
{
    n->kind = of ? AST_FOR_OF : AST_FOR_IN;
    if (of)
        p->tree->features |= AST_HAS_LOWERED;
    if (n->a->kind == AST_VAR) {
        check_for_declaration(p, n->a, of);
    } else if (n->a->kind == AST_OBJECT || n->a->kind == AST_ARRAY) {
        p->cover = 0;
        p->tree->features |= AST_HAS_LOWERED;
        parse_to_pattern(p, n->a, false);
    } else {
        parse_check_target(p, n->a);
    }
    lexer_next(&p->lex);
    n->b = of ? parse_assignment(p) : parse_expression(p);
}

static void parse_for_rest(struct parser *p, struct ast_node *n)
{
    if (n->a && n->a->kind == AST_VAR)
        check_initialised(p, n->a);
    parse_check_cover(p);
    parser_expect(p, T_SEMICOLON);
    if (parser_kind(p) != T_SEMICOLON)
        n->b = parse_expression(p);
    parser_expect(p, T_SEMICOLON);
    if (parser_kind(p) != T_RPAREN)
        n->c = parse_expression(p);
}

static void parse_for_init(struct parser *p, struct ast_node *n)
{
    uint32_t start = p->lex.tok.start;
    p->no_in = true;
    if (parser_kind(p) == T_VAR || parser_kind(p) == T_CONST || parse_at_let(p)) {
        n->a = parse_var(p, parser_kind(p) == T_IDENT ? T_LET : parser_kind(p));
    } else {
        p->cover = 0;
        n->a = parse_assignment_cover(p);
        if (parser_kind(p) == T_COMMA) {
            struct parse_list list = {n->a, n->a};
            parse_check_cover(p);
            n->a = parser_node(p, AST_SEQUENCE, start);
            while (parser_eat(p, T_COMMA))
                parse_list_add(&list, parse_assignment(p));
            n->a->a = list.first;
            parser_finish(p, n->a);
        }
    }
    p->no_in = false;
}

static struct ast_node *parse_for(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_FOR, p->lex.tok.start);
    bool no_in = p->no_in;
    lexer_next(&p->lex);
    if (parser_at_word(p, p->await))
        lexer_fail(&p->lex, p->lex.tok.start,
                   "for await is not supported: a script returns its result at once");
    parser_expect(p, T_LPAREN);
    if (parser_kind(p) != T_SEMICOLON)
        parse_for_init(p, n);
    if (n->a && parser_at_word(p, p->of))
        parse_for_each(p, n, true);
    else if (n->a && parser_kind(p) == T_IN)
        parse_for_each(p, n, false);
    else
        parse_for_rest(p, n);
    p->no_in = no_in;
    parser_expect(p, T_RPAREN);
    n->d = parse_loop_body(p);
    return parser_finish(p, n);
}

// Jumps -------------------------------------------------------------------------------------------

static void check_jump(struct parser *p, const struct ast_node *n, bool is_continue)
{
    const struct parse_label *l = p->fn->labels;
    const char *word = is_continue ? "continue" : "break";
    if (!n->name) {
        if (p->fn->loops == 0 && (is_continue || p->fn->switches == 0))
            lexer_fail(&p->lex, n->start, "%s stands in a loop%s", word,
                       is_continue ? " only" : " or switch only");
        return;
    }
    while (l && l->name != n->name)
        l = l->outer;
    if (!l)
        lexer_fail(&p->lex, n->start, "no label %.*s is around this %s", SPAN_ARG(n->name->text),
                   word);
    else if (is_continue && !l->is_loop)
        lexer_fail(&p->lex, n->start, "the label %.*s is not one of a loop",
                   SPAN_ARG(n->name->text));
}

static struct ast_node *parse_jump(struct parser *p)
{
    bool is_continue = parser_kind(p) == T_CONTINUE;
    struct ast_node *n = parser_node(p, is_continue ? AST_CONTINUE : AST_BREAK, p->lex.tok.start);
    lexer_next(&p->lex);
    if (parser_kind(p) == T_IDENT && !p->lex.tok.newline) {
        n->name = p->lex.tok.name;
        lexer_next(&p->lex);
    }
    check_jump(p, n, is_continue);
    return parser_end_statement(p, n);
}

static struct ast_node *parse_return(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_RETURN, p->lex.tok.start);
    lexer_next(&p->lex);
    enum token_kind kind = parser_kind(p);
    if (!p->lex.tok.newline && kind != T_SEMICOLON && kind != T_RBRACE && kind != T_END)
        n->a = parse_expression(p);
    return parser_end_statement(p, n);
}

static struct ast_node *parse_throw(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_THROW, p->lex.tok.start);
    lexer_next(&p->lex);
    if (p->lex.tok.newline)
        lexer_fail(&p->lex, n->start, "what throw throws must begin on the same line");
    n->a = parse_expression(p);
    return parser_end_statement(p, n);
}

// try, switch, labels -----------------------------------------------------------------------------

static struct ast_node *parse_try(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_TRY, p->lex.tok.start);
    lexer_next(&p->lex);
    n->a = parse_block(p);
    if (parser_kind(p) == T_CATCH) {
        struct ast_node *c = parser_node(p, AST_CATCH, p->lex.tok.start);
        lexer_next(&p->lex);
        if (parser_eat(p, T_LPAREN)) {
            c->a = parse_binding_target(p);
            parser_expect(p, T_RPAREN);
        } else {
            p->tree->features |= AST_HAS_LOWERED;
        }
        c->b = parse_block(p);
        n->b = parser_finish(p, c);
    }
    if (parser_eat(p, T_FINALLY))
        n->c = parse_block(p);
    if (!n->b && !n->c && !p->lex.failed)
        lexer_fail(&p->lex, n->start, "try needs a catch or a finally");
    return parser_finish(p, n);
}

static struct ast_node *parse_case(struct parser *p, bool *has_default)
{
    struct ast_node *n = parser_node(p, AST_CASE, p->lex.tok.start);
    if (parser_kind(p) == T_DEFAULT) {
        if (*has_default)
            lexer_fail(&p->lex, n->start, "a switch has one default");
        *has_default = true;
        lexer_next(&p->lex);
    } else if (parser_kind(p) == T_CASE) {
        lexer_next(&p->lex);
        n->a = parse_expression(p);
    } else {
        parser_unexpected(p);
    }
    parser_expect(p, T_COLON);
    struct parse_list list = {0};
    while (parser_kind(p) != T_CASE && parser_kind(p) != T_DEFAULT && parser_kind(p) != T_RBRACE &&
           parser_kind(p) != T_END)
        parse_list_add(&list, parse_statement(p, true));
    n->b = list.first;
    return parser_finish(p, n);
}

static struct ast_node *parse_switch(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_SWITCH, p->lex.tok.start);
    struct parse_list list = {0};
    bool has_default = false;
    lexer_next(&p->lex);
    n->a = parse_condition(p);
    parser_expect(p, T_LBRACE);
    p->fn->switches++;
    while (parser_kind(p) != T_RBRACE && parser_kind(p) != T_END)
        parse_list_add(&list, parse_case(p, &has_default));
    p->fn->switches--;
    parser_expect(p, T_RBRACE);
    n->b = list.first;
    return parser_finish(p, n);
}

static bool is_loop(enum token_kind kind)
{
    return kind == T_FOR || kind == T_WHILE || kind == T_DO;
}

// Whether the statement behind a row of labels is a loop decides for all of them.
static struct ast_node *parse_label(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_LABEL, p->lex.tok.start);
    struct parse_label *label = arena_new(p->lex.arena, struct parse_label);
    *label = (struct parse_label){.name = p->lex.tok.name, .open = true, .outer = p->fn->labels};
    n->name = p->lex.tok.name;
    for (const struct parse_label *l = label->outer; l; l = l->outer) {
        if (l->name == label->name)
            lexer_fail(&p->lex, n->start, "the label %.*s is already around this place",
                       SPAN_ARG(n->name->text));
    }
    lexer_next(&p->lex);
    lexer_next(&p->lex);
    bool loop = is_loop(parser_kind(p));
    for (struct parse_label *l = label; l && l->open && parser_kind(p) != T_IDENT; l = l->outer) {
        l->is_loop = loop;
        l->open = false;
    }
    p->fn->labels = label;
    n->a = parse_statement(p, parser_kind(p) == T_FUNCTION && !p->strict);
    p->fn->labels = label->outer;
    return parser_finish(p, n);
}

static struct ast_node *parse_with(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_WITH, p->lex.tok.start);
    if (p->strict)
        lexer_fail(&p->lex, n->start, "with is not allowed in strict code");
    p->tree->features |= AST_HAS_WITH;
    if (!p->tree->with)
        p->tree->with = n;
    lexer_next(&p->lex);
    n->a = parse_condition(p);
    n->b = parse_statement(p, false);
    return parser_finish(p, n);
}

// Any ---------------------------------------------------------------------------------------------

static struct ast_node *parse_expression_statement(struct parser *p)
{
    struct ast_node *n = parser_node(p, AST_EXPRESSION, p->lex.tok.start);
    n->a = parse_expression(p);
    return parser_end_statement(p, n);
}

static struct ast_node *parse_simple(struct parser *p, enum ast_kind kind)
{
    struct ast_node *n = parser_node(p, kind, p->lex.tok.start);
    lexer_next(&p->lex);
    return kind == AST_EMPTY ? parser_finish(p, n) : parser_end_statement(p, n);
}

static struct ast_node *parse_declaration_here(struct parser *p, bool allowed, enum token_kind kind)
{
    if (!allowed)
        lexer_fail(&p->lex, p->lex.tok.start, "a declaration needs a block around it here: { }");
    if (kind == T_FUNCTION)
        return parse_function(p, true);
    if (kind == T_CLASS)
        return parse_class(p, true);
    return parse_declaration(p, kind);
}

static struct ast_node *parse_word_statement(struct parser *p, bool declaration)
{
    if (parse_at_let(p))
        return parse_declaration_here(p, declaration, T_LET);
    if (lexer_peek(&p->lex).kind == T_COLON)
        return parse_label(p);
    return parse_expression_statement(p);
}

static struct ast_node *parse_statement_inner(struct parser *p, bool declaration)
{
    enum token_kind kind = parser_kind(p);
    switch (kind) {
    case T_LBRACE:
        return parse_block(p);
    case T_SEMICOLON:
        return parse_simple(p, AST_EMPTY);
    case T_VAR:
        return parse_declaration(p, kind);
    case T_CONST:
    case T_CLASS:
    case T_FUNCTION:
        return parse_declaration_here(p, declaration, kind);
    case T_IF:
        return parse_if(p);
    case T_FOR:
        return parse_for(p);
    case T_WHILE:
        return parse_while(p);
    case T_DO:
        return parse_do(p);
    case T_CONTINUE:
    case T_BREAK:
        return parse_jump(p);
    case T_RETURN:
        return parse_return(p);
    case T_THROW:
        return parse_throw(p);
    case T_TRY:
        return parse_try(p);
    case T_SWITCH:
        return parse_switch(p);
    case T_WITH:
        return parse_with(p);
    case T_DEBUGGER:
        return parse_simple(p, AST_DEBUGGER);
    case T_EXPORT:
        lexer_fail(&p->lex, p->lex.tok.start,
                   "modules are not supported: put the code into the script itself");
        return parser_node(p, AST_EMPTY, p->lex.tok.start);
    case T_IDENT:
        return parse_word_statement(p, declaration);
    default:
        return parse_expression_statement(p);
    }
}

struct ast_node *parse_statement(struct parser *p, bool declaration)
{
    if (!parser_enter(p))
        return parser_node(p, AST_EMPTY, p->lex.tok.start);
    struct ast_node *n = parse_statement_inner(p, declaration);
    parser_leave(p);
    return n;
}
