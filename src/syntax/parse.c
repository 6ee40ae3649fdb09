// SPDX-License-Identifier: Apache-2.0
#include "syntax/parse.h"

#include <stdio.h>

#include "syntax/parser.h"

// Nodes -------------------------------------------------------------------------------------------

struct ast_node *parser_node(struct parser *p, enum ast_kind kind, uint32_t start)
{
    if (p->tree->n_nodes++ >= AST_NODES_MAX)
        lexer_fail(&p->lex, start, "the script is too large: it has more than %u parts",
                   AST_NODES_MAX);
    struct ast_node *n = arena_new(p->lex.arena, struct ast_node);
    n->kind = (uint8_t)kind;
    n->start = n->end = start;
    n->depth = 1;
    return n;
}

static uint16_t depth_of(const struct ast_node *n)
{
    uint16_t depth = 0;
    for (; n; n = n->next) {
        if (n->depth > depth)
            depth = n->depth;
    }
    return depth;
}

struct ast_node *parser_finish(struct parser *p, struct ast_node *n)
{
    if (p->lex.previous_end > n->start)
        n->end = p->lex.previous_end;
    const struct ast_node *children[] = {n->a, n->b, n->c, n->d};
    uint16_t depth = 0;
    for (int i = 0; i < 4; i++) {
        uint16_t d = depth_of(children[i]);
        if (d > depth)
            depth = d;
    }
    n->depth = (uint16_t)(depth + 1);
    if (n->depth > AST_DEPTH_MAX)
        lexer_fail(&p->lex, n->start, "the script is nested too deeply: more than %u levels",
                   AST_DEPTH_MAX);
    return n;
}

void parse_list_add(struct parse_list *l, struct ast_node *n)
{
    if (l->last)
        l->last->next = n;
    else
        l->first = n;
    l->last = n;
}

// Tokens ------------------------------------------------------------------------------------------

static const char *spelling_of(enum token_kind kind)
{
    static const char *const table[T_COUNT] = {
#define SPELLING(name, spelling, ...) [name] = spelling,
        TOKEN_WORDS(SPELLING) TOKEN_PUNCTUATORS(SPELLING)
#undef SPELLING
    };
    return table[kind];
}

void parser_unexpected(struct parser *p)
{
    const struct token *t = &p->lex.tok;
    int n = (int)(t->end - t->start > 40 ? 40 : t->end - t->start);
    const char *text = p->tree->text.p + t->start;
    if (p->lex.failed)
        return;
    if (t->kind == T_END)
        lexer_fail(
            &p->lex, t->start,
            "the script ends too early: a closing bracket or the rest of a statement is missing");
    else if (t->kind == T_PRIVATE)
        lexer_fail(&p->lex, t->start,
                   "private names are not supported: write _name instead of #name");
    else if (t->kind == T_STRING || t->kind == T_TEMPLATE)
        lexer_fail(&p->lex, t->start, "a string is not expected here");
    else
        lexer_fail(&p->lex, t->start, "%.*s is not expected here", n, text);
}

bool parser_eat(struct parser *p, enum token_kind kind)
{
    if (parser_kind(p) != kind)
        return false;
    lexer_next(&p->lex);
    return true;
}

static void fail_missing(struct parser *p, const char *what)
{
    const struct token *t = &p->lex.tok;
    bool string = t->kind == T_STRING || t->kind == T_TEMPLATE;
    int n = (int)(t->end - t->start > 40 ? 40 : t->end - t->start);
    if (t->kind == T_END)
        lexer_fail(&p->lex, t->start, "the script ends too early: %s is missing", what);
    else
        lexer_fail(&p->lex, t->start, "%s is missing before %.*s", what, string ? 8 : n,
                   string ? "a string" : p->tree->text.p + t->start);
}

void parser_expect(struct parser *p, enum token_kind kind)
{
    if (!parser_eat(p, kind) && !p->lex.failed)
        fail_missing(p, spelling_of(kind));
}

void parser_expect_comma(struct parser *p, enum token_kind closer)
{
    char what[16];
    snprintf(what, sizeof(what), ", or %s", spelling_of(closer));
    if (!parser_eat(p, T_COMMA) && !p->lex.failed)
        fail_missing(p, what);
}

bool parser_enter(struct parser *p)
{
    if (p->nesting == AST_NESTING_MAX) {
        lexer_fail(&p->lex, p->lex.tok.start,
                   "the script is nested too deeply: more than %u levels", AST_NESTING_MAX);
        return false;
    }
    p->nesting++;
    return !p->lex.failed || (p->nesting--, false);
}

void parser_leave(struct parser *p)
{
    p->nesting--;
}

struct ast_node *parser_end_statement(struct parser *p, struct ast_node *n)
{
    enum token_kind kind = parser_kind(p);
    if (kind == T_SEMICOLON) {
        lexer_next(&p->lex);
    } else {
        n->flags |= AST_BARE;
        if (kind != T_RBRACE && kind != T_END && !p->lex.tok.newline)
            parser_unexpected(p);
    }
    return parser_finish(p, n);
}

// A script ----------------------------------------------------------------------------------------

static void init_names(struct parser *p)
{
    struct {
        struct ast_name **name;
        const char *text;
    } list[] = {{&p->let, "let"},
                {&p->of, "of"},
                {&p->get, "get"},
                {&p->set, "set"},
                {&p->is_static, "static"},
                {&p->async, "async"},
                {&p->await, "await"},
                {&p->yield, "yield"},
                {&p->eval, "eval"},
                {&p->arguments, "arguments"},
                {&p->constructor, "constructor"},
                {&p->prototype, "prototype"},
                {&p->target, "target"}};
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        *list[i].name = lexer_name(&p->lex, span_str(list[i].text));
}

static struct ast_node *parse_script(struct parser *p, const char *const *formals)
{
    struct ast_node *n = parser_node(p, AST_FUNCTION, 0);
    struct parse_function fn = {.own_this = true};
    struct parse_list list = {0};
    for (; *formals; formals++) {
        struct ast_node *formal = parser_node(p, AST_IDENT, 0);
        formal->name = lexer_name(&p->lex, span_str(*formals));
        parse_list_add(&list, formal);
    }
    n->b = list.first;
    n->c = parser_node(p, AST_BLOCK, 0);
    p->fn = &fn;
    n->c->a = parse_function_statements(p, true);
    if (parser_kind(p) != T_END)
        parser_unexpected(p);
    if (p->strict)
        n->flags |= AST_STRICT;
    parser_finish(p, n->c);
    parser_finish(p, n);
    n->end = n->c->end = (uint32_t)p->tree->text.n;
    return n;
}

int syntax_parse(struct span text, const char *const *formals, struct arena *arena,
                 struct ast_tree *out, struct syntax_error *e)
{
    *out = (struct ast_tree){.text = text};
    *e = (struct syntax_error){0};
    if (text.n > SYNTAX_TEXT_MAX) {
        snprintf(e->msg, sizeof(e->msg), "the script is longer than %zu bytes", SYNTAX_TEXT_MAX);
        return ERR_INVALID;
    }
    if (!text.p)
        out->text.p = "";
    struct parser p = {.tree = out};
    lexer_init(&p.lex, out, arena, e);
    init_names(&p);
    out->body = parse_script(&p, formals);
    lexer_free(&p.lex);
    return p.lex.failed ? ERR_INVALID : 0;
}
