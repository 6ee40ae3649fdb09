// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_SYNTAX_SCOPE_WALK_H
#define PENSTOCK_SYNTAX_SCOPE_WALK_H

// The two walks of scope_analyse(): first all declarations, then all references.

#include "syntax/scope.h"

struct scope_walk {
    struct ast_tree *tree;
    struct arena *arena;
    struct scope_tree *out;
    struct syntax_error *error;
    bool failed;
    struct scope *scope;             // innermost
    struct scope_function *function; //
    struct scope_loop *loop;         //
    struct ast_node *within;         // the CASE, in a switch's own scope
    uint32_t class_end;              // in the members of a class: its end
};

void scope_declare(struct scope_walk *w);
void scope_resolve(struct scope_walk *w);

void scope_fail(struct scope_walk *w, uint32_t at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
struct scope_function *scope_child_of(struct scope_function *f, const struct scope_function *outer);

#endif
