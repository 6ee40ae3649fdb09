// SPDX-License-Identifier: Apache-2.0
#include "syntax/lowering.h"

// Names -------------------------------------------------------------------------------------------

// As many $ that no name has so many in a row.
static struct span find_prefix(const struct ast_tree *t, struct arena *arena)
{
    size_t longest = 0;
    for (uint32_t i = 0; i < t->n_names; i++) {
        struct span name = t->names[i]->text;
        size_t run = 0;
        for (size_t k = 0; k < name.n; k++) {
            run = name.p[k] == '$' ? run + 1 : 0;
            if (run > longest)
                longest = run;
        }
    }
    char *p = arena_alloc(arena, longest + 1);
    memset(p, '$', longest + 1);
    return span_of(p, longest + 1);
}

// A block's variable moves up to its function, where it may meet another of its name.
static bool moves_up(const struct scope_binding *b)
{
    bool lexical = b->kind == BIND_LET || b->kind == BIND_CONST || b->kind == BIND_CLASS ||
                   b->kind == BIND_FUNCTION;
    return lexical && !b->alias && b->scope->kind != SCOPE_FUNCTION;
}

// What a class is called in itself: the variable that holds it.
static bool is_class_name(const struct scope_binding *b)
{
    return b->kind == BIND_CONST && b->scope->kind == SCOPE_NAME;
}

static void choose_names(struct lower *l)
{
    for (uint32_t i = 0; i < l->tree->n_names; i++) {
        struct ast_name *name = l->tree->names[i];
        unsigned n = name->is_free;
        for (const struct scope_binding *b = name->all; b; b = b->same)
            n += !b->alias && !is_class_name(b);
        for (struct scope_binding *b = name->all; b && n > 1; b = b->same) {
            if (moves_up(b) || b->is_passed)
                b->out = arena_printf(l->arena, "%.*s%.*s%u", SPAN_ARG(name->text),
                                      SPAN_ARG(l->prefix), ++l->next);
        }
    }
}

static void find_lines(struct lower *l)
{
    struct span text = l->tree->text;
    uint32_t n = 0, cap = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '\n')
            continue;
        if (n == cap) {
            uint32_t more = cap ? cap * 2 : 256;
            l->line_starts = arena_grow(l->arena, l->line_starts, cap * sizeof(uint32_t),
                                        more * sizeof(uint32_t));
            cap = more;
        }
        l->line_starts[n++] = (uint32_t)i + 1;
    }
    l->n_lines = n;
}

// Nodes -------------------------------------------------------------------------------------------

static void lower_unary(struct lower *l, struct ast_node *n)
{
    if (n->op == T_DELETE && n->a->kind == AST_CHAIN)
        lower_delete(l, n);
    else if (n->op == T_DELETE && n->a->kind == AST_MEMBER && n->a->a->kind == AST_SUPER)
        lower_super_delete(l, n);
    else
        lower_children(l, n);
}

static void lower_expression(struct lower *l, struct ast_node *n)
{
    switch (n->kind) {
    case AST_IDENT:
        lower_ident(l, n);
        break;
    case AST_THIS:
        lower_this(l, n);
        break;
    case AST_NEW_TARGET:
        lower_new_target(l, n);
        break;
    case AST_NUMBER:
        lower_number(l, n);
        break;
    case AST_STRING:
        lower_string(l, n);
        break;
    case AST_TEMPLATE:
        lower_template(l, n);
        break;
    case AST_TAGGED:
        lower_tagged(l, n);
        break;
    case AST_ARRAY:
        lower_array(l, n);
        break;
    case AST_OBJECT:
        lower_object(l, n);
        break;
    case AST_PROPERTY:
        lower_property(l, n);
        break;
    case AST_FUNCTION:
        lower_function_node(l, n);
        break;
    case AST_CLASS:
        lower_class_node(l, n);
        break;
    case AST_UNARY:
        lower_unary(l, n);
        break;
    case AST_UPDATE:
        lower_update(l, n);
        break;
    case AST_LOGICAL:
        lower_logical(l, n);
        break;
    case AST_ASSIGN:
        lower_assign(l, n);
        break;
    case AST_CALL:
        lower_call(l, n);
        break;
    case AST_NEW:
        lower_new(l, n);
        break;
    case AST_MEMBER:
        lower_member(l, n);
        break;
    case AST_CHAIN:
        lower_chain(l, n);
        break;
    default:
        lower_children(l, n);
        break;
    }
}

void lower_node(struct lower *l, struct ast_node *n)
{
    if (l->failed)
        return;
    if (n->kind >= AST_VAR || (n->flags & AST_STATEMENT))
        lower_statement(l, n);
    else
        lower_expression(l, n);
}

// A script ----------------------------------------------------------------------------------------

static void lower_body(struct lower *l)
{
    struct ast_node *body = l->tree->body;
    struct lower_function fn = {.function = body->function};
    l->fn = &fn;
    struct ast_node *s = body->c->a;
    for (; s && s->kind == AST_EXPRESSION && (s->flags & AST_STATEMENT); s = s->next)
        lower_copy_node(l, s);
    lower_function_start(l, body);
    lower_statements(l, s);
    lower_vars(l);
    lower_copy(l, body->end);
}

// The functions of a source that runs as it is. They are listed from the last to the first.
static void find_functions(const struct scope_tree *scopes, struct arena *arena,
                           struct syntax_functions *out)
{
    for (const struct scope_function *f = scopes->functions; f->outer; f = f->all)
        syntax_functions_add(out, arena, f->node, f->node->parameters, SPAN_NONE);
    for (uint32_t i = 0; i < out->n / 2; i++) {
        struct syntax_function t = out->list[i];
        out->list[i] = out->list[out->n - 1 - i];
        out->list[out->n - 1 - i] = t;
    }
}

// A loop that is left early ends its iterator, which only a script's own can notice: one with a
// method `return`. Scripts that name neither that nor Symbol have none.
static bool has_iterators(const struct ast_tree *tree)
{
    bool found = (tree->features & AST_HAS_RETURN) != 0;
    for (uint32_t i = 0; i < tree->n_names && !found; i++)
        found = span_is(tree->names[i]->text, "Symbol");
    return found;
}

static bool is_changed(const struct ast_tree *tree)
{
    return (tree->features & AST_HAS_LOWERED) != 0;
}

int lower_script(struct ast_tree *tree, struct scope_tree *scopes, struct arena *arena,
                 struct lowered *out, struct syntax_error *e)
{
    *out = (struct lowered){0};
    *e = (struct syntax_error){0};
    if (!is_changed(tree)) {
        find_functions(scopes, arena, &out->functions);
        return 0;
    }
    struct lower l = {.tree = tree, .arena = arena, .error = e};
    if (tree->with)
        lower_fail(&l, tree->with->start,
                   "with is supported in plain ES5 scripts only: name the object instead");
    l.prefix = find_prefix(tree, arena);
    l.closes = has_iterators(tree);
    choose_names(&l);
    find_lines(&l);
    lower_body(&l);
    if (!l.failed) {
        out->changed = true;
        out->text = arena_span(arena, buf_span(&l.out));
        out->prefix = l.prefix;
        out->map = l.map;
        out->functions = l.functions;
    }
    buf_free(&l.out);
    return l.failed ? ERR_INVALID : 0;
}
