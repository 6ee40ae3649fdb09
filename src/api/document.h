// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_API_DOCUMENT_H
#define PENSTOCK_API_DOCUMENT_H

// Checks and defaults of documents that clients send. Pure. What we do not know is kept.

#include "codec/json.h"

enum member_kind { MEMBER_TEXT, MEMBER_BOOL, MEMBER_NUMBER, MEMBER_OBJECT, MEMBER_ARRAY };

struct member {
    const char *key;
    enum member_kind kind;
    const char *json; // default, as JSON text; NULL = leave it out
};

// `doc` is an object, each member is absent, null or of its kind (else ERR_INVALID naming it);
// absent ones get their default, and so do null ones unless the default is null.
int document_check(struct json *doc, const struct member *members, size_t n, const char *prefix,
                   struct err *e);

// Converters and rule chains; the checks that only their content decides.
int converter_check(struct json *doc, struct err *e);
int rule_chain_check(struct json *doc, struct err *e);
// The kinds of the members; hub_save_chain_metadata() checks what is in them.
int device_profile_check(struct json *doc, struct err *e);
int rule_chain_metadata_check(struct json *doc, struct err *e);
// The kinds of an integration's members and their defaults (bridge_validate() knows its content).
int integration_check(struct json *doc, struct err *e);

// Before a stored document is shown: members that it was made without (by a configuration file)
// get their defaults. An integration's routing key is its id then.
void converter_fill(struct json *doc);
void integration_fill(struct json *doc);

#endif
