// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_JSON_H
#define PENSTOCK_CODEC_JSON_H

// JSON documents as a tree (cJSON inside): configuration and REST bodies. Hot paths use
// json_scan.h. The caller of json_parse()/json_new_*() owns the root and frees it; children belong
// to their parent. Any thread, one at a time a tree.

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct json;

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

#define JSON_DEPTH 100

// Parses exactly one document (RFC 8259), nesting up to JSON_DEPTH, no trailing bytes, no duplicate
// check (json_get() finds the first). Refused too: strings with \u0000, numbers beyond a double.
// NULL with e set to ERR_INVALID and "line L column C: ..." on anything else.
struct json *json_parse(struct span text, struct err *e);
void json_free(struct json *j);

enum json_kind json_kind(const struct json *j);
// NULL when `j` is NULL, no object, or without that key. Keys are case-sensitive.
struct json *json_get(const struct json *j, const char *key);
// First child / next sibling, for arrays and objects; NULL ends.
struct json *json_child(const struct json *j);
struct json *json_next(const struct json *j);
// Key of an object's member; empty for others.
struct span json_key(const struct json *j);
size_t json_count(const struct json *j);
bool json_is(const struct json *j, enum json_kind kind);
// Value or the given default when `j` is NULL or of another kind.
struct span json_str(const struct json *j, struct span otherwise);
bool json_bool(const struct json *j, bool otherwise);
double json_num(const struct json *j, double otherwise);
// Integral numbers within +-2^53 only, else the default.
int64_t json_int(const struct json *j, int64_t otherwise);
// Shorthands over json_get().
struct span json_get_str(const struct json *j, const char *key, struct span otherwise);
bool json_get_bool(const struct json *j, const char *key, bool otherwise);
int64_t json_get_int(const struct json *j, const char *key, int64_t otherwise);

struct json *json_new_object(void);
struct json *json_new_array(void);
// A string ends before its first NUL byte.
struct json *json_new_str(struct span s);
struct json *json_new_num(double v);
struct json *json_new_bool(bool v);
struct json *json_new_null(void);
struct json *json_copy(const struct json *j);
// The parent takes ownership of `v`; an existing member of that name is replaced.
void json_set(struct json *obj, const char *key, struct json *v);
void json_set_str(struct json *obj, const char *key, struct span s);
void json_set_num(struct json *obj, const char *key, double v);
void json_set_bool(struct json *obj, const char *key, bool v);
void json_remove(struct json *obj, const char *key);
void json_add(struct json *arr, struct json *v);
// Compact text; bytes that are not UTF-8 become U+FFFD, numbers that are not finite null.
void json_write(const struct json *j, struct buf *out);

#endif
