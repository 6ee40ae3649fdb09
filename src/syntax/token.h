// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_SYNTAX_TOKEN_H
#define PENSTOCK_SYNTAX_TOKEN_H

// Tokens of ECMAScript 2021 (ECMA-262, 12th edition, section 12).

// Reserved words: name, spelling.
#define TOKEN_WORDS(X)                                                                             \
    X(T_BREAK, "break")                                                                            \
    X(T_CASE, "case")                                                                              \
    X(T_CATCH, "catch")                                                                            \
    X(T_CLASS, "class")                                                                            \
    X(T_CONST, "const")                                                                            \
    X(T_CONTINUE, "continue")                                                                      \
    X(T_DEBUGGER, "debugger")                                                                      \
    X(T_DEFAULT, "default")                                                                        \
    X(T_DELETE, "delete")                                                                          \
    X(T_DO, "do")                                                                                  \
    X(T_ELSE, "else")                                                                              \
    X(T_ENUM, "enum")                                                                              \
    X(T_EXPORT, "export")                                                                          \
    X(T_EXTENDS, "extends")                                                                        \
    X(T_FALSE, "false")                                                                            \
    X(T_FINALLY, "finally")                                                                        \
    X(T_FOR, "for")                                                                                \
    X(T_FUNCTION, "function")                                                                      \
    X(T_IF, "if")                                                                                  \
    X(T_IMPORT, "import")                                                                          \
    X(T_IN, "in")                                                                                  \
    X(T_INSTANCEOF, "instanceof")                                                                  \
    X(T_NEW, "new")                                                                                \
    X(T_NULL, "null")                                                                              \
    X(T_RETURN, "return")                                                                          \
    X(T_SUPER, "super")                                                                            \
    X(T_SWITCH, "switch")                                                                          \
    X(T_THIS, "this")                                                                              \
    X(T_THROW, "throw")                                                                            \
    X(T_TRUE, "true")                                                                              \
    X(T_TRY, "try")                                                                                \
    X(T_TYPEOF, "typeof")                                                                          \
    X(T_VAR, "var")                                                                                \
    X(T_VOID, "void")                                                                              \
    X(T_WHILE, "while")                                                                            \
    X(T_WITH, "with")

// Punctuators: name, spelling, precedence as a binary operator or 0.
#define TOKEN_PUNCTUATORS(X)                                                                       \
    X(T_LBRACE, "{", 0)                                                                            \
    X(T_RBRACE, "}", 0)                                                                            \
    X(T_LPAREN, "(", 0)                                                                            \
    X(T_RPAREN, ")", 0)                                                                            \
    X(T_LBRACKET, "[", 0)                                                                          \
    X(T_RBRACKET, "]", 0)                                                                          \
    X(T_DOT, ".", 0)                                                                               \
    X(T_ELLIPSIS, "...", 0)                                                                        \
    X(T_SEMICOLON, ";", 0)                                                                         \
    X(T_COMMA, ",", 0)                                                                             \
    X(T_QUESTION, "?", 0)                                                                          \
    X(T_QUESTION_DOT, "?.", 0)                                                                     \
    X(T_COLON, ":", 0)                                                                             \
    X(T_ARROW, "=>", 0)                                                                            \
    X(T_NOT, "!", 0)                                                                               \
    X(T_TILDE, "~", 0)                                                                             \
    X(T_INC, "++", 0)                                                                              \
    X(T_DEC, "--", 0)                                                                              \
    X(T_NULLISH, "??", 1)                                                                          \
    X(T_OR, "||", 2)                                                                               \
    X(T_AND, "&&", 3)                                                                              \
    X(T_BIT_OR, "|", 4)                                                                            \
    X(T_BIT_XOR, "^", 5)                                                                           \
    X(T_BIT_AND, "&", 6)                                                                           \
    X(T_EQ, "==", 7)                                                                               \
    X(T_NE, "!=", 7)                                                                               \
    X(T_SEQ, "===", 7)                                                                             \
    X(T_SNE, "!==", 7)                                                                             \
    X(T_LT, "<", 8)                                                                                \
    X(T_GT, ">", 8)                                                                                \
    X(T_LE, "<=", 8)                                                                               \
    X(T_GE, ">=", 8)                                                                               \
    X(T_SHL, "<<", 9)                                                                              \
    X(T_SAR, ">>", 9)                                                                              \
    X(T_SHR, ">>>", 9)                                                                             \
    X(T_ADD, "+", 10)                                                                              \
    X(T_SUB, "-", 10)                                                                              \
    X(T_MUL, "*", 11)                                                                              \
    X(T_DIV, "/", 11)                                                                              \
    X(T_MOD, "%", 11)                                                                              \
    X(T_EXP, "**", 12)                                                                             \
    X(T_ASSIGN, "=", 0)                                                                            \
    X(T_ADD_ASSIGN, "+=", 0)                                                                       \
    X(T_SUB_ASSIGN, "-=", 0)                                                                       \
    X(T_MUL_ASSIGN, "*=", 0)                                                                       \
    X(T_DIV_ASSIGN, "/=", 0)                                                                       \
    X(T_MOD_ASSIGN, "%=", 0)                                                                       \
    X(T_EXP_ASSIGN, "**=", 0)                                                                      \
    X(T_SHL_ASSIGN, "<<=", 0)                                                                      \
    X(T_SAR_ASSIGN, ">>=", 0)                                                                      \
    X(T_SHR_ASSIGN, ">>>=", 0)                                                                     \
    X(T_AND_ASSIGN, "&=", 0)                                                                       \
    X(T_XOR_ASSIGN, "^=", 0)                                                                       \
    X(T_OR_ASSIGN, "|=", 0)                                                                        \
    X(T_LOGICAL_AND_ASSIGN, "&&=", 0)                                                              \
    X(T_LOGICAL_OR_ASSIGN, "||=", 0)                                                               \
    X(T_NULLISH_ASSIGN, "?\?=", 0)

enum token_kind {
    T_END, // of the text
    T_IDENT,
    T_NUMBER,
    T_STRING,
    T_REGEXP,
    T_TEMPLATE, // from ` or } to ${ or `
    T_PRIVATE,  // #name
    T_LET,      // as the op of AST_VAR; a word like others where it is no declaration
#define TOKEN_ENUM(name, ...) name,
    TOKEN_WORDS(TOKEN_ENUM) TOKEN_PUNCTUATORS(TOKEN_ENUM)
#undef TOKEN_ENUM
        T_COUNT
};

#endif
