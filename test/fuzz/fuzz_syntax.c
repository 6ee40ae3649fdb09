// SPDX-License-Identifier: Apache-2.0

// Any text as a script: it ends in a tree whose nodes lie within each other, or in an error at a
// place of the text; and what is lowered leads back into the source.

#include "syntax/lower.h"
#include "syntax/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ranges(void *ctx, struct ast_node *n)
{
    const struct ast_node *parent = ctx;
    require(n->start >= parent->start && n->end <= parent->end && n->start <= n->end);
    require(n->depth < parent->depth || parent->kind == AST_FUNCTION || parent->depth == 1);
    ast_each_child(n, check_ranges, n);
}

static void check_map(const struct lowered *code, struct span text)
{
    for (uint32_t i = 0; i < code->text.n; i++)
        require(source_map_find(&code->map, i) <= text.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const formals[] = {"payload", "metadata", NULL};
    struct span text = span_of((const char *)data, size);
    if (!span_is_utf8(text))
        return 0;
    struct arena arena = {0};
    struct ast_tree tree;
    struct scope_tree scopes;
    struct lowered code;
    struct syntax_error e;
    int rc = syntax_parse(text, formals, &arena, &tree, &e);
    if (rc == 0) {
        ast_each_child(tree.body->c, check_ranges, tree.body);
        rc = scope_analyse(&tree, &arena, &scopes, &e);
    }
    if (rc == 0)
        rc = lower_script(&tree, &scopes, &arena, &code, &e);
    if (rc == 0) {
        check_map(&code, text);
    } else {
        require(e.at <= size && e.msg[0] != 0);
        struct buf out = {0};
        syntax_add_caret(&out, text, syntax_locate(text, e.at));
        buf_free(&out);
    }
    arena_free(&arena);
    return 0;
}
