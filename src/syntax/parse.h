// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_SYNTAX_PARSE_H
#define PENSTOCK_SYNTAX_PARSE_H

// The parser: ECMAScript 2021 (ECMA-262, 12th edition, with Annex B) and class fields, without
// generators, async, modules, BigInt and private names, each of which is refused by name.
//
// Our own, by recursive descent, because it is the smaller and safer whole: some 2,000 lines, no
// generated tables (tree-sitter's grammar for JavaScript is 3 MB of C), errors in our words, early
// errors included, and hard bounds (AST_NESTING_MAX, AST_DEPTH_MAX, AST_NODES_MAX). Each character
// is looked at a bounded number of times: what may turn out to be the parameters of an arrow
// function or a pattern is parsed once, as an expression, and converted.
//
// Pure; any thread.

#include "base/arena.h"
#include "syntax/ast.h"
#include "syntax/syntax.h"

// Parses `text`, valid UTF-8, as the body of a sloppy function with the parameters `formals`
// (ends with NULL). The tree lies in the arena and points into `text`. 0, or ERR_INVALID with `e`.
int syntax_parse(struct span text, const char *const *formals, struct arena *arena,
                 struct ast_tree *out, struct syntax_error *e) MUST_CHECK;

#endif
