// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_SYNTAX_SCOPE_H
#define PENSTOCK_SYNTAX_SCOPE_H

// Which declaration each name of a tree refers to, and what follows from it: early errors of
// declarations (ECMA-262 14.2.1 and others), variables that can be read before they are
// initialised, and loops whose variables are captured by functions. Marks the tree, whose arena
// holds all of it. Pure.

#include "base/arena.h"
#include "syntax/ast.h"
#include "syntax/syntax.h"

enum scope_kind {
    SCOPE_FUNCTION, // parameters and body
    SCOPE_NAME,     // the name of a function expression or class expression
    SCOPE_BLOCK,
    SCOPE_FOR, // the head of a for
    SCOPE_SWITCH,
    SCOPE_CATCH,
};

enum scope_binding_kind {
    BIND_VAR,
    BIND_PARAMETER,
    BIND_FUNCTION, // a declared function; in a block it is the block's own
    BIND_SELF,     // a function expression's name in itself
    BIND_LET,
    BIND_CONST,
    BIND_CLASS,
    BIND_CATCH, // catch (e)
};

enum scope_use { USE_THIS = 1, USE_ARGUMENTS = 2, USE_TARGET = 4 };

struct scope_function;

struct scope_loop {
    struct ast_node *node;
    struct scope_loop *outer; // of the same function
    struct scope_function *function;
    bool is_fresh; // its variables are captured: each turn needs its own
    bool is_seen;  // by a function in the head of a `for`, too
    unsigned uses; // enum scope_use, of the function around it
    struct scope_loop *all;
};

struct scope_reference {
    struct ast_node *ident;
    struct scope_function *function; // where it stands
    struct scope_binding *through;   // the block's function that stands for its variable, or NULL
    bool is_write;
    struct scope_reference *next;
};

struct scope_binding {
    struct ast_name *name;
    enum scope_binding_kind kind;
    struct scope *scope;
    uint32_t start, ready;        // declared at, initialised at
    struct ast_node *within;      // the CASE of a switch that it is declared in
    struct ast_node *from;        // of a parameter: the value it is taken from, found before it
    struct scope_function *value; // what it always is, when that is a function
    struct scope_binding *alias;  // a block's function: the variable outside that stands for it
    struct scope_binding *sets;   // or, in a lowered script, that gets it where it is declared
    bool is_captured, is_checked; // is_checked: may be read before it is ready
    bool is_dead;                 // while lowering: where it never is ready
    bool is_repeated;             // a function that is declared more than once
    bool is_passed;               // a value of a parameter has the name too, and means another
    struct span out;              // its name in the lowered text
    struct scope_reference *references;
    struct scope_binding *next;     // of the scope
    struct scope_binding *same;     // of the same name, anywhere
    struct scope_binding *shadowed; // while walking: in force outside
};

// A function that calls or makes others, for finding out when a function can run first.
struct scope_edge {
    uint32_t at;
    struct scope_function *to;
    struct scope_edge *next;
};

struct scope_function {
    struct ast_node *node;
    struct scope_function *outer;
    struct scope *scope;
    struct scope_loop *loop;         // of `outer`, around it
    struct scope_function *receiver; // whose this and arguments it sees: itself, or not, for arrows
    unsigned captured;  // enum scope_use: by an arrow, or by a loop that becomes a function
    bool is_simple;     // its parameters are names alone
    bool has_arguments; // `arguments` stands in it
    bool is_bound;      // the value of a binding, so that it runs by its name alone
    struct scope_binding *block;            // that it is declared as, of a block
    bool is_made;                           // while lowering: at the block's start
    uint32_t first_run;                     // the first place in `outer` where it may run
    struct scope_edge *calls, *last_call;   // of functions beside it
    struct scope_edge *events, *last_event; // in its own code: functions made or named, in order
    struct scope_function *work;
    struct scope_function *all;
};

struct scope {
    enum scope_kind kind;
    struct scope *outer;
    struct scope_function *function;
    struct scope_loop *loop; // the innermost around it in the function
    struct ast_node *node;
    struct scope_binding *first, *last;
};

struct scope_tree {
    struct scope_function *functions; // all of them, by `all`
    struct scope_loop *loops;
};

// 0, or ERR_INVALID with `e`.
int scope_analyse(struct ast_tree *tree, struct arena *arena, struct scope_tree *out,
                  struct syntax_error *e) MUST_CHECK;

#endif
