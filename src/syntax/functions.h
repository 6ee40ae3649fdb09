// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_SYNTAX_FUNCTIONS_H
#define PENSTOCK_SYNTAX_FUNCTIONS_H

// What a script can see of a function that ES5 does not say: the name that it has from its variable
// or property, how many parameters come before the first default, and that `new` refuses it. Each
// is found by the place of the ( of its parameters in the text to be compiled. Pure.

#include "base/arena.h"
#include "syntax/ast.h"

struct syntax_function {
    uint32_t at;      // byte of the text
    uint32_t length;  // as far as has_length
    struct span name; // as far as has_name
    bool has_length, has_name, is_method;
};

// By `at`, in ascending order.
struct syntax_functions {
    struct syntax_function *list;
    uint32_t n, cap;
};

// Adds what is to be said of a function, if anything. `name`: its own, which the compiler takes for
// another one, or empty. Must be called in the order of the places.
void syntax_functions_add(struct syntax_functions *f, struct arena *arena,
                          const struct ast_node *function, uint32_t at, struct span name);
void syntax_functions_add_name(struct syntax_functions *f, struct arena *arena, uint32_t at,
                               struct span name);
const struct syntax_function *syntax_functions_find(const struct syntax_functions *f, uint32_t at);

#endif
