// SPDX-License-Identifier: Apache-2.0
// A rule chain's metadata from a stranger, and the keys of a message against its patterns.

#include "hub/json_members.h"
#include "hub/key_pattern.h"
#include "hub/rule_chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compile(struct span text)
{
    struct err e = {0};
    struct rule_chain *c = NULL;
    struct json *j = json_parse(text, &e);
    if (j && rule_chain_compile(j, SPAN("chain"), &c, &e) == 0) {
        for (uint32_t i = 0; i < c->n_nodes; i++) {
            require(c->nodes[i].type != NULL);
            for (uint32_t k = 0; k < c->nodes[i].n_edges; k++)
                require(c->nodes[i].edges[k].to < c->n_nodes);
        }
    }
    rule_chain_free(c);
    json_free(j);
}

static void edit(struct span text)
{
    struct arena a = {0};
    struct json_members m;
    struct key_patterns k = {0};
    struct err e = {0};
    struct span pattern = span_cut(&text, '\n');
    if (key_patterns_add(&k, &a, pattern, &e) == 0 && json_members_read(text, &a, &m, &e) == 0) {
        for (size_t i = 0; i < m.n; i++)
            (void)key_patterns_match(&k, m.p[i].key);
        json_members_set(&m, &a, SPAN("x"), SPAN("1"));
        struct span out = json_members_write(&m, &a);
        require(json_members_read(out, &a, &m, &e) == 0);
        require(json_members_find(&m, SPAN("x")) != NULL);
    }
    key_patterns_free(&k);
    arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of((const char *)data, size);
    compile(text);
    edit(text);
    return 0;
}
