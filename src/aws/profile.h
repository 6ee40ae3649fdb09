// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_PROFILE_H
#define PENSTOCK_AWS_PROFILE_H

// The AWS shared config and credentials file format. Pure. Source: "AWS SDKs and Tools Reference
// Guide", shared config and credentials files; cases in vectors/profile.

#include "base/arena.h"
#include "base/err.h"

struct profile_property {
    struct profile_property *next;
    struct span name; // lower case
    struct span value;
};

enum profile_section {
    PROFILE_SECTION_PROFILE,
    PROFILE_SECTION_SSO_SESSION,
    PROFILE_SECTION_SERVICES
};

struct profile {
    struct profile *next;
    struct span name;
    struct profile_property *properties;
    enum profile_section section;
    bool prefixed; // "[profile default]" beats "[default]"
};

#define PROFILE_FILE_MAX (1024 * 1024)
#define PROFILE_SECTIONS_MAX 10000
#define PROFILE_PROPERTIES_MAX 1000 // of one section

enum profile_file_kind { PROFILE_CONFIG, PROFILE_CREDENTIALS };

// Parses one file into *list (merging over what is there). Everything is allocated in `a`.
// ERR_INVALID with line number on a malformed file.
int profile_parse(struct arena *a, struct span text, enum profile_file_kind kind,
                  struct profile **list, struct err *e);
const struct profile *profile_find_kind(const struct profile *list, enum profile_section kind,
                                        struct span name);
// A section of kind PROFILE_SECTION_PROFILE.
const struct profile *profile_find(const struct profile *list, struct span name);
// p == NULL when absent.
struct span profile_get(const struct profile *p, const char *property);
// Overwrites all values: they may be secrets.
void profile_wipe(struct profile *list);
// Path of a file given the environment: `override` wins, "~" is HOME. Empty when there is no home.
struct span profile_file_path(struct arena *a, const char *override, const char *home,
                              enum profile_file_kind kind);

#endif
