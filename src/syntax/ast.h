// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_SYNTAX_AST_H
#define PENSTOCK_SYNTAX_AST_H

// The syntax tree of a script: one kind of node for everything, with up to four children and the
// place in the source. Children that are lists are chained by `next`; in the order a, b, c, d they
// stand in the order of the source (a shorthand property's key and value are one place).
//
// The tree lives in the arena it was made with, beside the text, which must outlive it. Whoever
// holds both may read it on any thread; scope.h fills `binding` and `scope`.

#include "base/span.h"
#include "syntax/token.h"

#define AST_NODES_MAX 400000u // nodes of a script: 30 MiB
#define AST_DEPTH_MAX 800u    // levels of the tree
#define AST_NESTING_MAX 256u  // of brackets, blocks and functions in each other

struct scope;
struct scope_binding;
struct scope_function;
struct scope_loop;

// An identifier's text with escapes decoded; one for each text, so that pointers compare.
struct ast_name {
    struct span text;
    enum token_kind word;           // T_IDENT or the reserved word
    struct scope_binding *binding;  // in force where scope.c looks, of a block
    struct scope_binding *variable; // and of a function
    struct scope_binding *all;      // every binding of this name, by their `same`
    bool is_free;                   // also refers to something outside the script
};

enum ast_kind {
    // Expressions
    AST_IDENT,    // name, binding (NULL: a global)
    AST_NUMBER,   // the source has it
    AST_STRING,   //
    AST_REGEXP,   //
    AST_CONSTANT, // op: T_NULL, T_TRUE, T_FALSE
    AST_TEMPLATE, // a: QUASI, expression, QUASI, ...
    AST_QUASI,    // between start and end; AST_BAD_ESCAPE
    AST_TAGGED,   // a: tag, b: TEMPLATE
    AST_THIS,
    AST_SUPER, // as the callee of CALL or the object of MEMBER
    AST_NEW_TARGET,
    AST_ARRAY,    // a: elements, HOLE and SPREAD among them
    AST_HOLE,     //
    AST_OBJECT,   // a: PROPERTY and SPREAD
    AST_PROPERTY, // a: key, b: value; flags say which kind
    AST_FUNCTION, // a: name or NULL, b: parameters, c: BLOCK, or an expression of an arrow; scope
                  // name: that of what it is the value of, when it has none of its own
    AST_CLASS,    // a: name or NULL, b: base or NULL, c: PROPERTY and STATIC_BLOCK; scope; name
    AST_STATIC_BLOCK, // a: FUNCTION
    AST_UNARY,        // op, a
    AST_UPDATE,       // op, a; AST_PREFIX
    AST_BINARY,       // op, a, b
    AST_LOGICAL,      // op, a, b: && || ??
    AST_ASSIGN,       // op, a: expression or pattern, b
    AST_CONDITIONAL,  // a, b, c
    AST_CALL,         // a: callee, b: arguments; AST_OPTIONAL
    AST_NEW,          // a: callee, b: arguments
    AST_MEMBER, // a: object, b: IDENT (no reference) or, AST_COMPUTED, an expression; AST_OPTIONAL
    AST_CHAIN,  // a: MEMBER or CALL with AST_OPTIONAL somewhere along their objects and callees
    AST_SEQUENCE, // a: expressions
    AST_SPREAD,   // a
    // Patterns; their leaves are IDENT, or MEMBER in an assignment
    AST_ARRAY_PATTERN,  // a: elements, HOLE and REST among them
    AST_OBJECT_PATTERN, // a: PROPERTY and REST
    AST_DEFAULT,        // a: target, b: value; also a parameter
    AST_REST,           // a: target; also a parameter
    // Statements
    AST_VAR,        // op: T_VAR, T_LET, T_CONST; a: DECLARATOR
    AST_DECLARATOR, // a: IDENT or pattern, b: value or NULL
    AST_EXPRESSION, // a
    AST_BLOCK,      // a: statements; scope
    AST_EMPTY,
    AST_IF,       // a, b, c or NULL
    AST_FOR,      // a: VAR, expression or NULL, b: test or NULL, c: update or NULL, d: body; scope
    AST_FOR_IN,   // a: VAR, expression or pattern, b: object, d: body; scope
    AST_FOR_OF,   // the same
    AST_WHILE,    // a: test, d: body
    AST_DO_WHILE, // a: body, b: test
    AST_RETURN,   // a or NULL
    AST_BREAK,    // name or NULL
    AST_CONTINUE, // name or NULL
    AST_THROW,    // a
    AST_TRY,      // a: BLOCK, b: CATCH or NULL, c: BLOCK or NULL
    AST_CATCH,    // a: parameter or NULL, b: BLOCK; scope
    AST_SWITCH,   // a: value, b: CASE; scope
    AST_CASE,     // a: value or NULL for default, b: statements
    AST_LABEL,    // name, a: statement
    AST_WITH,     // a: object, b: body
    AST_DEBUGGER,
};

enum ast_flag {
    AST_COMPUTED = 1 << 0,
    AST_OPTIONAL = 1 << 1,
    AST_PREFIX = 1 << 2,
    AST_SHORTHAND = 1 << 3,
    AST_METHOD = 1 << 4,
    AST_GETTER = 1 << 5,
    AST_SETTER = 1 << 6,
    AST_STATIC = 1 << 7,
    AST_IN_BLOCK = AST_STATIC, // of a FUNCTION: declared in a block
    AST_FIELD = 1 << 8,
    AST_ARROW = 1 << 9,
    AST_STATEMENT = 1 << 10,   // a function or class that is a declaration
    AST_STRICT = 1 << 11,      // a function's code is strict
    AST_PAREN = 1 << 12,       // stands in parentheses, which start and end leave out
    AST_BARE = 1 << 13,        // a statement that ended without its semicolon
    AST_DERIVED = AST_BARE,    // of a FUNCTION: the constructor of a class that extends another
    AST_BAD_ESCAPE = 1 << 14,  // a quasi that has no value, allowed in tagged templates
    AST_CONSTRUCTOR = 1 << 15, // the class's constructor, as PROPERTY and as FUNCTION
};

struct ast_node {
    uint8_t kind;        // enum ast_kind
    uint8_t op;          // enum token_kind
    uint16_t flags;      // enum ast_flag
    uint32_t start, end; // bytes of the text
    uint16_t depth;
    struct ast_node *a, *b, *c, *d, *next;
    struct ast_name *name;
    union {
        struct scope_binding *binding;   // IDENT
        struct scope *scope;             // BLOCK, FOR, FOR_IN, FOR_OF, CATCH, SWITCH, CLASS
        struct scope_function *function; // FUNCTION
    };
    union {
        struct scope_loop *loop; // of a loop
        uint32_t parameters;     // of a FUNCTION that is no arrow: where their ( stands
    };
};

// What a script has that ES5 in Duktape's dialect has not.
enum ast_feature {
    AST_HAS_LOWERED = 1 << 0, // anything to be lowered
    AST_HAS_WITH = 1 << 1,
    AST_HAS_RETURN = 1 << 2, // a property called return, as an iterator may have
};

struct ast_tree {
    struct span text;
    struct ast_node *body;   // FUNCTION: the whole script, with the formals as parameters
    unsigned features;       // enum ast_feature
    struct ast_node *with;   // the first `with`
    struct ast_name **names; // for name prefixes that no script has
    uint32_t n_names, cap_names;
    uint32_t n_nodes;
};

// {__proto__: value}, which sets the prototype.
bool ast_is_proto(const struct ast_node *property);

// A method whose key Duktape does not take: computed, a reserved word, get or set.
bool ast_is_odd_method(const struct ast_node *property);

// The children in the order of the source: calls fn for each, not for their children.
void ast_each_child(struct ast_node *n, void (*fn)(void *ctx, struct ast_node *child), void *ctx);

#endif
