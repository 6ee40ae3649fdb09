// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BASE_SPAN_H
#define PENSTOCK_BASE_SPAN_H

// A borrowed run of bytes: pointer and length, not NUL-terminated. Passed by value. The bytes
// belong to whoever made them; a span is valid no longer than they are.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const char *p;
    size_t n;
};

#define SPAN(literal) ((struct span){"" literal, sizeof(literal) - 1})
#define SPAN_NONE ((struct span){NULL, 0})
// For printf("%.*s", SPAN_ARG(s)).
#define SPAN_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct span span_of(const char *p, size_t n)
{
    return (struct span){p, n};
}

static inline struct span span_str(const char *s)
{
    return (struct span){s, s ? strlen(s) : 0};
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool span_is(struct span a, const char *s)
{
    return span_eq(a, span_str(s));
}

// ASCII case-insensitive equality.
bool span_ieq(struct span a, struct span b);
bool span_has_prefix(struct span s, struct span prefix);
bool span_has_suffix(struct span s, struct span suffix);
// Byte order, shorter first on a common prefix: <0, 0, >0.
int span_cmp(struct span a, struct span b);
// Without leading and trailing ASCII white space.
struct span span_trim(struct span s);
// Index of `c`, or s.n when absent.
size_t span_find(struct span s, char c);
// Cuts *rest at the first `sep`: returns the part before it and leaves the part after it in *rest.
// Without `sep` returns all and leaves *rest empty with p == NULL, which ends a loop on rest->p.
struct span span_cut(struct span *rest, char sep);
// Decimal digits only, no sign, no space. False on empty, other characters or overflow.
bool span_to_u64(struct span s, uint64_t *out);
// Optional leading '-', else as span_to_u64().
bool span_to_i64(struct span s, int64_t *out);
// Whether the bytes are valid UTF-8 (RFC 3629: no surrogates, no overlong forms, <= U+10FFFF).
bool span_is_utf8(struct span s);
// Compares without a data-dependent branch; for secrets. Different lengths are unequal at once.
bool span_eq_secret(struct span a, struct span b);

#endif
