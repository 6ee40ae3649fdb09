// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_SYNTAX_LOWER_H
#define PENSTOCK_SYNTAX_LOWER_H

// The tree of a script into the ES5 that Duktape compiles. What needs no lowering is copied from
// the source, byte for byte; what is made stands on the author's lines, and a map leads from each
// byte back to the source. A script without anything to lower has no lowered text: run the source.
//
// The lowered text calls helpers by names that no script can have (all begin with `prefix`, which
// is in no name of the source); whoever compiles it puts native functions there.
//
// Pure; any thread.

#include "syntax/functions.h"
#include "syntax/scope.h"
#include "syntax/source_map.h"

// Name, and what a call of it is for.
#define LOWER_HELPERS(X)                                                                           \
    X(iter)      /* (v): an array to walk by index, v itself when it is one */                     \
    X(more)      /* (list): whether it has another element past its end, which it gets */          \
    X(close)     /* (list, how): ends its iterator; how 0: something was thrown, 2: a jump */      \
    X(list)      /* (v, n): an array that begins with the first n elements of v; n < 0: all */     \
    X(rest)      /* (list, n): an array of the elements, or arguments, from n on */                \
    X(others)    /* (object, keys...): a copy without those keys */                                \
    X(mix)       /* (to, from, enum lower_mix): to, with the properties of from */                 \
    X(spread)    /* (kind, v, ...): an array; kind 0: v, 1: all of v, 2: a hole */                 \
    X(apply)     /* (f, this, list) */                                                             \
    X(call)      /* (f, this, arguments...) */                                                     \
    X(make)      /* (constructor, list): new */                                                    \
    X(text)      /* (v, ...): the texts in a row */                                                \
    X(site)      /* (raw, cooked...): the first argument of a tag */                               \
    X(object)    /* (v): v, or a TypeError where v has no properties */                            \
    X(fixed)     /* (name, ...): a TypeError for a change of a constant */                         \
    X(dead)      /* (name): a ReferenceError for a variable that is not initialised */             \
    X(unset)     /* not called: the value of a variable that is not initialised */                 \
    X(class)     /* (members, base): the constructor, with the members where they belong */        \
    X(statics)   /* (members, class): sets the static fields */                                    \
    X(fields)    /* (members, object): sets the fields of an object; the object */                 \
    X(needs_new) /* (this, class): a TypeError for a class that is called */                       \
    X(super)     /* (base, this, list): what super() makes */                                      \
    X(once)      /* (object, this): the object; a ReferenceError where there is a `this` before */ \
    X(no_delete) /* (): a ReferenceError for delete super.name */                                  \
    X(super_get) /* (home, key, this) */                                                           \
    X(super_set) /* (home, key, value, this): value */                                             \
    X(super_call) /* (home, key, this, arguments...) */                                            \
    X(super_list) /* (home, key, this, list) */                                                    \
    X(no_this)    /* (): a ReferenceError for `this` before super() */                             \
    X(result)     /* (v, this): what a derived constructor that returns v makes */

// Kinds of members in the list of a class: kind, key, function, and so on.
enum lower_member {
    LOWER_METHOD,
    LOWER_GETTER,
    LOWER_SETTER,
    LOWER_FIELD,
    LOWER_BLOCK,
    LOWER_CONSTRUCTOR,
    LOWER_STATIC = 8, // added to the others
};

// What `mix` takes from its second argument.
enum lower_mix {
    LOWER_SPREAD,    // the values of its properties
    LOWER_LITERAL,   // its properties, accessors as such
    LOWER_PROTOTYPE, // itself, as the prototype
    LOWER_ACCESSOR,  // [kind, key, function]: an accessor with a computed name
};

#define LOWER_TEXT_MAX (32u * 1024 * 1024)

struct lowered {
    bool changed;                      // false: the source runs as it is; text and map are empty
    struct syntax_functions functions; // of the text that runs
    struct span text;                  // in the arena
    struct span prefix;                // of the helpers' names
    struct source_map map;
};

// The tree must come from scope_analyse(). 0, or ERR_INVALID with `e`.
int lower_script(struct ast_tree *tree, struct scope_tree *scopes, struct arena *arena,
                 struct lowered *out, struct syntax_error *e) MUST_CHECK;

#endif
