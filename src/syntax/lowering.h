// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_SYNTAX_LOWERING_H
#define PENSTOCK_SYNTAX_LOWERING_H

// What the parts of the lowering share.
//
// A cursor runs over the source. lower_copy() copies up to a place, lower_skip() leaves out what is
// before it; lower_node() writes the node at the cursor and leaves the cursor behind it. A node
// that is not lowered copies what stands between its children.
//
// What is made for an expression is always a primary expression, so that it can stand wherever the
// source's could. Lines that were skipped are made up for where the next source text is copied.

#include "syntax/lower.h"

// A function of the lowered text: one of the source, or the body of a loop with fresh variables.
struct lower_function {
    struct lower_function *outer;
    struct scope_function *function;
    struct scope_loop *loop;   // that this is the body of, or NULL
    unsigned temps, temps_max; // numbered variables in use, and at most
    struct span *vars;         // others to be declared
    uint32_t n_vars, cap_vars;
    struct lower_exit *exits; // jumps out of a loop's body
    unsigned n_exits;
    bool returns; // a loop's body with a return in it
};

// The object that super.name starts from: the variable it is in, or its prototype.
struct lower_home {
    struct span name;
    bool is_itself;
};

// The variables of a class.
struct lower_class {
    struct span name, base, members; // base: empty when it extends none
    struct span title;               // what its constructor is called
    bool has_fields;
};

// Where break and continue can lead.
struct lower_target {
    struct lower_target *outer;
    struct ast_node *node;     // a loop, SWITCH or LABEL
    struct lower_function *fn; // that it stands in
    struct span turn;          // of a loop that closes its iterator: how the turn ended
};

// How a turn ends, in its variable: 0 while it runs, so when it throws.
#define LOWER_TURN_GOES_ON 1
#define LOWER_TURN_LEAVES 2

// A jump out of the body: it returns the code.
struct lower_exit {
    struct lower_exit *next;
    const struct lower_target *target;
    bool is_continue;
    struct ast_name *label;
    unsigned code;
};

struct lower {
    struct ast_tree *tree;
    struct arena *arena;
    struct syntax_error *error;
    bool failed;
    struct buf out;
    struct source_map map;
    struct span prefix;
    struct syntax_functions functions;
    uint32_t at;           // the cursor
    uint32_t *line_starts; // of the source
    uint32_t n_lines;
    uint32_t out_line; // newlines written
    unsigned next;     // number of the next name
    bool closes;       // iterators of the script's own may be there, which have a `return`
    struct lower_function *fn;
    struct lower_target *targets;
    struct lower_home home;   // of the methods being written
    struct lower_class klass; // whose members are being written
};

// Text
void lower_text(struct lower *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void lower_span(struct lower *l, struct span s);
// prefix + name, of a helper or a variable of ours.
void lower_helper(struct lower *l, const char *name);
void lower_copy(struct lower *l, uint32_t to);
void lower_skip(struct lower *l, uint32_t to);
// Up to the child, then the child.
void lower_copy_node(struct lower *l, struct ast_node *n);
void lower_skip_node(struct lower *l, struct ast_node *n);
// The same with parentheses where the child could bind otherwise than a primary expression.
void lower_skip_operand(struct lower *l, struct ast_node *n);
// A node that is not at the cursor, which stays where it is.
void lower_far_operand(struct lower *l, struct ast_node *n);
void lower_fail(struct lower *l, uint32_t at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

// Names
// A numbered variable of the function, free again at the end of the statement.
struct span lower_temp(struct lower *l);
// A name of its own, declared in the function; may be captured.
struct span lower_new_name(struct lower *l, const char *stem);
void lower_declare(struct lower *l, struct span name);
// `var` and the temps and names of the function, with a semicolon; nothing when it has none.
void lower_vars(struct lower *l);
// The name that a declared or assigned identifier has.
void lower_name(struct lower *l, const struct ast_node *ident);
bool lower_is_plain_name(const struct lower *l, const struct ast_node *n);
// A variable that is not initialised yet, for sure.
bool lower_is_dead(const struct lower *l, const struct ast_node *ident);
// name === unset && dead(name), in front of an assignment.
void lower_check_target(struct lower *l, const struct scope_binding *b);

// Nodes
void lower_node(struct lower *l, struct ast_node *n);
// Copies around the children.
void lower_children(struct lower *l, struct ast_node *n);
void lower_ident(struct lower *l, struct ast_node *n);
void lower_this(struct lower *l, struct ast_node *n);
void lower_new_target(struct lower *l, struct ast_node *n);
void lower_number(struct lower *l, struct ast_node *n);
void lower_string(struct lower *l, struct ast_node *n);
void lower_template(struct lower *l, struct ast_node *n);
void lower_tagged(struct lower *l, struct ast_node *n);
void lower_array(struct lower *l, struct ast_node *n);
void lower_object(struct lower *l, struct ast_node *n);
void lower_property(struct lower *l, struct ast_node *n);
void lower_call(struct lower *l, struct ast_node *n);
void lower_new(struct lower *l, struct ast_node *n);
void lower_member(struct lower *l, struct ast_node *n);
void lower_chain(struct lower *l, struct ast_node *n);
void lower_delete(struct lower *l, struct ast_node *n);
void lower_logical(struct lower *l, struct ast_node *n);
void lower_assign(struct lower *l, struct ast_node *n);
void lower_update(struct lower *l, struct ast_node *n);
void lower_function_node(struct lower *l, struct ast_node *n);
// (parameters) { body }; `strict` code of a class says so.
void lower_function_rest(struct lower *l, struct ast_node *n, bool strict);
void lower_class_node(struct lower *l, struct ast_node *n);
// `this` as it must be spelt here.
struct span lower_this_span(struct lower *l);
void lower_this_text(struct lower *l);
void lower_super_member(struct lower *l, struct ast_node *n);
void lower_super_call(struct lower *l, struct ast_node *n);
// super.name = value, and the other assignments
void lower_super_assign(struct lower *l, struct ast_node *n);
// super.name++
void lower_super_update(struct lower *l, struct ast_node *n);
// A pattern's target that is super.name.
void lower_super_bind(struct lower *l, struct ast_node *member, struct span value);
// delete super.name
void lower_super_delete(struct lower *l, struct ast_node *n);
// super.name(...)
void lower_super_method(struct lower *l, struct ast_node *n);
void lower_var(struct lower *l, struct ast_node *n);
void lower_statement(struct lower *l, struct ast_node *n);
void lower_loop(struct lower *l, struct ast_node *n);
void lower_jump(struct lower *l, struct ast_node *n);
void lower_return(struct lower *l, struct ast_node *n);

// Arguments from the cursor's place on: each with a comma before it. Or, with a spread among them,
// as one list.
bool lower_has_spread(const struct ast_node *list);
void lower_arguments(struct lower *l, struct ast_node *list, bool comma);
// What follows the receiver in a helper's call, its parenthesis included: the arguments of `call`,
// as a list where they spread.
void lower_arguments_end(struct lower *l, struct ast_node *call);
void lower_argument_list(struct lower *l, struct ast_node *list);

// Patterns
// Assigns the value in `from` to the names of the pattern: "a = $1.a, b = ..." without parentheses.
// `declares`: the names are being declared.
void lower_pattern(struct lower *l, struct ast_node *n, struct span from, bool declares);
// "= value" of a variable that is being declared or assigned, with what its kind asks for.
void lower_bind(struct lower *l, struct ast_node *target, struct span value, bool declares);

// Statements
void lower_statements(struct lower *l, struct ast_node *list);
// Marks the scope's variables that can be read too early as not initialised.
void lower_unset(struct lower *l, const struct scope *s, const char *separator);
// What a scope needs at its start: variables that are not initialised, functions of a block.
void lower_scope_start(struct lower *l, const struct scope *s, struct ast_node *statements);
// Without the semicolon; `declares` false: as assignments. False when there is nothing to assign.
bool lower_declarators(struct lower *l, struct ast_node *var, bool declares);
// A `var` in the body of a loop that became a function is a variable of the function around.
bool lower_is_outside(const struct lower *l, const struct ast_node *var);
// Declares the names of a pattern there.
void lower_declare_outside(struct lower *l, struct ast_node *target);
// A function of a block, which is made at the block's start: Duktape would take it for one of the
// function around, which sees neither a caught value nor the turn of a loop.
static inline bool lower_is_moved(const struct ast_node *n)
{
    return n->kind == AST_FUNCTION && (n->flags & AST_IN_BLOCK);
}
void lower_block_function(struct lower *l, struct ast_node *n);
// What stands in front of a function's statements.
void lower_function_start(struct lower *l, struct ast_node *n);
// The function of the source that the place is in.
struct lower_function *lower_owner(const struct lower *l);
void lower_far_node(struct lower *l, struct ast_node *n);
// "turn=2;" for each loop in this function that a return leaves and whose iterator it closes.
void lower_leave_turns(struct lower *l);
bool lower_leaves_turns(const struct lower *l);
// A statement that jumps; the name of the label or NULL.
void lower_jump_to(struct lower *l, const struct lower_target *target, bool is_continue,
                   struct ast_name *label);

#endif
