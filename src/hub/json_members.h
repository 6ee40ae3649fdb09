// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_JSON_MEMBERS_H
#define PENSTOCK_HUB_JSON_MEMBERS_H

// The members of a message's data, for nodes that add, drop or rename some: values stay as they are
// written, so that no number changes on the way. Pure.

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct json_member {
    struct span key; // unescaped
    struct span raw; // the value's text
};

struct json_members {
    struct json_member *p; // in the arena
    size_t n, cap;
};

// ERR_INVALID when the text is no JSON object. A key given twice is there twice.
int json_members_read(struct span json, struct arena *a, struct json_members *out, struct err *e);
// The last of that key, or NULL.
struct json_member *json_members_find(const struct json_members *m, struct span key);
// Sets or adds; the spans are borrowed.
void json_members_set(struct json_members *m, struct arena *a, struct span key, struct span raw);
void json_members_remove(struct json_members *m, struct span key);
struct span json_members_write(const struct json_members *m, struct arena *a);

// JSON text of a string.
struct span json_member_quote(struct arena *a, struct span text);
// A value's text as metadata holds it: a string without its quotes, all else as it is written.
struct span json_member_text(struct arena *a, struct span raw);

#endif
