// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BASE_UUID_H
#define PENSTOCK_BASE_UUID_H

// UUIDs: time-based version 1 for entities (the hub's own kind, ordered by creation) and random
// version 4. Source: RFC 9562 sections 5.1 and 5.4.

#include "base/clock.h"
#include "base/span.h"

#define UUID_TEXT_LEN 36

struct uuid {
    uint8_t b[16];
};

// The hub's constant for "no entity": 13814000-1dd2-11b2-8080-808080808080.
extern const struct uuid uuid_null;

// Version 1 with a random node; never twice the same in one process. Loop thread only.
struct uuid uuid_new_v1(const struct clock *c);
struct uuid uuid_new_v4(const struct clock *c);
// Writes 36 characters and a NUL.
void uuid_format(struct uuid u, char out[UUID_TEXT_LEN + 1]);
// Accepts exactly the 36-character form, either case.
bool uuid_parse(struct span s, struct uuid *out);
static inline bool uuid_eq(struct uuid a, struct uuid b)
{
    return memcmp(a.b, b.b, 16) == 0;
}
static inline struct span uuid_span(const struct uuid *u)
{
    return (struct span){(const char *)u->b, 16};
}

#endif
