// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_KEY_PATTERN_H
#define PENSTOCK_HUB_KEY_PATTERN_H

// Which keys of a message a node means: names, or regular expressions that must fit a whole key.
// The hub's are Java's; what POSIX extended ones share with them is taken (with \d, \w, \s and
// groups without a number), the rest refused. Pure; free it.

#include "base/arena.h"
#include "base/err.h"

#define KEY_PATTERNS_MAX 100
#define KEY_PATTERN_MAX_BYTES 255
#define KEY_PATTERN_SUBJECT_MAX 255 // longer keys fit names only

struct key_pattern;

struct key_patterns {
    struct key_pattern *p; // in the arena
    uint32_t n;
};

// Adds one; the arena must be big enough to outlive it. ERR_INVALID, ERR_LIMIT with text.
int key_patterns_add(struct key_patterns *k, struct arena *a, struct span text, struct err *e);
bool key_patterns_match(const struct key_patterns *k, struct span key);
void key_patterns_free(struct key_patterns *k);

#endif
