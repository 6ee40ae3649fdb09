// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_SYNTAX_LEXER_H
#define PENSTOCK_SYNTAX_LEXER_H

// Text into tokens, one at a time. Whether a slash begins a regular expression and a brace goes on
// with a template only the parser knows: it asks for those again. After an error every token is
// T_END, so that a parser's loops end; the first error stays.

#include "base/arena.h"
#include "base/map.h"
#include "syntax/ast.h"
#include "syntax/syntax.h"

struct token {
    enum token_kind kind;
    uint32_t start, end;
    bool newline;          // a line ends between the token before and this one
    bool escaped;          // a word with an escape in it, a string with any
    bool octal;            // 010 or "\10", which strict code may not have
    bool lowered;          // a spelling that Duktape does not know
    bool bad_escape;       // a template piece without a value
    bool tail;             // a template's last piece
    struct ast_name *name; // of words
};

struct lexer {
    struct ast_tree *tree;
    struct arena *arena;
    struct syntax_error *error;
    struct map names; // struct ast_name by text
    bool failed;
    uint32_t at;
    uint32_t previous_end;
    struct token tok;
};

// Reads the first token.
void lexer_init(struct lexer *l, struct ast_tree *tree, struct arena *arena,
                struct syntax_error *error);
void lexer_free(struct lexer *l);
// Reads the next token into l->tok.
void lexer_next(struct lexer *l);
// Reads the present token, T_DIV or T_DIV_ASSIGN, again as a regular expression.
void lexer_regexp(struct lexer *l);
// Reads the present token, T_RBRACE, again as the next piece of a template.
void lexer_template(struct lexer *l);
// The token after the present one, which stays.
struct token lexer_peek(struct lexer *l);
// The first error is kept.
void lexer_fail(struct lexer *l, uint32_t at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

struct ast_name *lexer_name(struct lexer *l, struct span text);

#endif
