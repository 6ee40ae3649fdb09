// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_ENRICH_H
#define PENSTOCK_HUB_ENRICH_H

// What the enrichment nodes share: values that go into the message's data or into its metadata.
// Internal to hub/.

#include "hub/json_members.h"
#include "hub/node.h"

struct enrichment {
    struct hub_run *run;
    struct hub_msg *msg;
    bool to_data;
    struct json_members data;
};

// fetchTo: DATA, or METADATA (also when it is missing). 0 or ERR_INVALID.
int enrich_read_target(struct node_compile *c, bool *to_data);
// False: the message has gone on by Failure, because its data takes no values.
bool enrich_begin(struct enrichment *r, struct flow *f, const struct rule_node *n, bool to_data);
void enrich_add(struct enrichment *r, struct span key, const struct value *v);
const struct hub_msg *enrich_end(struct enrichment *r);

#endif
