// SPDX-License-Identifier: Apache-2.0
#include "codec/json.h"

#include <malloc.h>
#include <math.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/num.h"
#include "codec/json_out.h"
#include "codec/json_scan.h"

// cJSON holds the tree; reading and writing are our own, because its parser takes more than RFC
// 8259 allows, and its strings end at a NUL.

#define EXACT_MAX 9007199254740992.0 // 2^53

_Static_assert(JSON_DEPTH <= JSON_SCAN_DEPTH_MOST, "the scanner's stack is too small");

// Documents may hold secrets: nothing of one is left in free memory.
static void free_wiped(void *p)
{
    if (p) {
        mem_wipe(p, malloc_usable_size(p));
        free(p);
    }
}

static void __attribute__((constructor)) set_hooks(void)
{
    cJSON_Hooks hooks = {.malloc_fn = malloc, .free_fn = free_wiped};
    cJSON_InitHooks(&hooks);
}

static struct json *wrap(cJSON *c)
{
    return (struct json *)c;
}

static cJSON *tree(struct json *j)
{
    return (cJSON *)j;
}

static const cJSON *node(const struct json *j)
{
    return (const cJSON *)j;
}

static cJSON *must(cJSON *c)
{
    require(c != NULL);
    return c;
}

static cJSON *new_string(struct span s)
{
    cJSON *c = must(cJSON_CreateNull());
    c->type = cJSON_String;
    c->valuestring = mem_strndup(s.p, s.n);
    return c;
}

static int refuse(struct json_scan *s, const char *why, struct err *e)
{
    s->at = s->token;
    s->error = why;
    return json_scan_error(s, e);
}

// The node of a value's first token; NULL with e set.
static cJSON *make_node(struct json_scan *s, enum json_token token, struct err *e)
{
    double number;
    switch (token) {
    case JSON_T_OBJECT:
        return must(cJSON_CreateObject());
    case JSON_T_ARRAY:
        return must(cJSON_CreateArray());
    case JSON_T_STRING:
        if (span_find(s->text, '\0') < s->text.n) {
            refuse(s, "\\u0000 is not accepted in a string", e);
            return NULL;
        }
        return new_string(s->text);
    case JSON_T_NUMBER:
        if (!num_parse_double(s->text, &number) || !isfinite(number)) {
            refuse(s, "the number is too large or too long", e);
            return NULL;
        }
        return must(cJSON_CreateNumber(number));
    case JSON_T_TRUE:
        return must(cJSON_CreateTrue());
    case JSON_T_FALSE:
        return must(cJSON_CreateFalse());
    default:
        return must(cJSON_CreateNull());
    }
}

// A document being read: the containers that are open, and the key waiting for its value.
struct building {
    cJSON *root;
    cJSON *open[JSON_DEPTH];
    int depth;
    char *key;
};

static void attach(struct building *b, cJSON *c)
{
    if (b->depth == 0) {
        b->root = c;
        return;
    }
    c->string = b->key;
    b->key = NULL;
    require(cJSON_AddItemToArray(b->open[b->depth - 1], c));
}

// 0 to go on; JSON_T_END's return is 1; else ERR_INVALID.
static int build_step(struct building *b, struct json_scan *s, struct err *e)
{
    enum json_token token = json_scan_next(s);
    switch (token) {
    case JSON_T_ERROR:
        return json_scan_error(s, e);
    case JSON_T_END:
        return 1;
    case JSON_T_OBJECT_END:
    case JSON_T_ARRAY_END:
        b->depth--;
        return 0;
    case JSON_T_KEY:
        if (span_find(s->text, '\0') < s->text.n) {
            return refuse(s, "\\u0000 is not accepted in a key", e);
        }
        b->key = mem_strndup(s->text.p, s->text.n);
        return 0;
    default: {
        cJSON *c = make_node(s, token, e);
        if (!c) {
            return ERR_INVALID;
        }
        attach(b, c);
        if (token == JSON_T_OBJECT || token == JSON_T_ARRAY) {
            b->open[b->depth++] = c;
        }
        return 0;
    }
    }
}

struct json *json_parse(struct span text, struct err *e)
{
    struct building b = {0};
    struct arena arena = {0};
    struct json_scan s;
    int rc;
    json_scan_init(&s, text, &arena);
    s.max_depth = JSON_DEPTH;
    while ((rc = build_step(&b, &s, e)) == 0) {
    }
    arena_free_wiped(&arena);
    if (rc < 0) {
        mem_free(b.key);
        cJSON_Delete(b.root);
        return NULL;
    }
    return wrap(b.root);
}

void json_free(struct json *j)
{
    cJSON_Delete(tree(j));
}

enum json_kind json_kind(const struct json *j)
{
    switch (node(j)->type & 0xff) {
    case cJSON_False:
    case cJSON_True:
        return JSON_BOOL;
    case cJSON_Number:
        return JSON_NUMBER;
    case cJSON_String:
        return JSON_STRING;
    case cJSON_Array:
        return JSON_ARRAY;
    case cJSON_Object:
        return JSON_OBJECT;
    default:
        return JSON_NULL;
    }
}

bool json_is(const struct json *j, enum json_kind kind)
{
    return j && json_kind(j) == kind;
}

struct json *json_get(const struct json *j, const char *key)
{
    if (!json_is(j, JSON_OBJECT)) {
        return NULL;
    }
    return wrap(cJSON_GetObjectItemCaseSensitive(node(j), key));
}

struct json *json_child(const struct json *j)
{
    return j ? wrap(node(j)->child) : NULL;
}

struct json *json_next(const struct json *j)
{
    return j ? wrap(node(j)->next) : NULL;
}

struct span json_key(const struct json *j)
{
    return j ? span_str(node(j)->string) : SPAN_NONE;
}

size_t json_count(const struct json *j)
{
    return j ? (size_t)cJSON_GetArraySize(node(j)) : 0;
}

struct span json_str(const struct json *j, struct span otherwise)
{
    return json_is(j, JSON_STRING) ? span_str(node(j)->valuestring) : otherwise;
}

bool json_bool(const struct json *j, bool otherwise)
{
    return json_is(j, JSON_BOOL) ? (node(j)->type & 0xff) == cJSON_True : otherwise;
}

double json_num(const struct json *j, double otherwise)
{
    return json_is(j, JSON_NUMBER) ? node(j)->valuedouble : otherwise;
}

int64_t json_int(const struct json *j, int64_t otherwise)
{
    double v = json_num(j, NAN);
    return fabs(v) <= EXACT_MAX && v == trunc(v) ? (int64_t)v : otherwise;
}

struct span json_get_str(const struct json *j, const char *key, struct span otherwise)
{
    return json_str(json_get(j, key), otherwise);
}

bool json_get_bool(const struct json *j, const char *key, bool otherwise)
{
    return json_bool(json_get(j, key), otherwise);
}

int64_t json_get_int(const struct json *j, const char *key, int64_t otherwise)
{
    return json_int(json_get(j, key), otherwise);
}

struct json *json_new_object(void)
{
    return wrap(must(cJSON_CreateObject()));
}

struct json *json_new_array(void)
{
    return wrap(must(cJSON_CreateArray()));
}

struct json *json_new_str(struct span s)
{
    return wrap(new_string(s));
}

struct json *json_new_num(double v)
{
    return wrap(must(cJSON_CreateNumber(v)));
}

struct json *json_new_bool(bool v)
{
    return wrap(must(cJSON_CreateBool(v)));
}

struct json *json_new_null(void)
{
    return wrap(must(cJSON_CreateNull()));
}

struct json *json_copy(const struct json *j)
{
    return wrap(must(cJSON_Duplicate(node(j), 1)));
}

void json_set(struct json *obj, const char *key, struct json *v)
{
    require(json_is(obj, JSON_OBJECT) && v && v != obj);
    cJSON *c = tree(v), *old = cJSON_GetObjectItemCaseSensitive(tree(obj), key);
    mem_free(c->string);
    c->string = mem_strndup(key, strlen(key));
    if (old) {
        require(cJSON_ReplaceItemViaPointer(tree(obj), old, c));
    } else {
        require(cJSON_AddItemToArray(tree(obj), c));
    }
}

void json_set_str(struct json *obj, const char *key, struct span s)
{
    json_set(obj, key, json_new_str(s));
}

void json_set_num(struct json *obj, const char *key, double v)
{
    json_set(obj, key, json_new_num(v));
}

void json_set_bool(struct json *obj, const char *key, bool v)
{
    json_set(obj, key, json_new_bool(v));
}

void json_remove(struct json *obj, const char *key)
{
    cJSON_DeleteItemFromObjectCaseSensitive(tree(obj), key);
}

void json_add(struct json *arr, struct json *v)
{
    require(json_is(arr, JSON_ARRAY) && v && v != arr);
    require(cJSON_AddItemToArray(tree(arr), tree(v)));
}

static void write_number(double v, struct buf *out)
{
    char text[NUM_TEXT_MAX];
    if (isfinite(v)) {
        buf_add(out, text, num_format_double(v, text));
    } else {
        buf_add_str(out, "null");
    }
}

static void write_members(const struct json *j, bool keys, struct buf *out)
{
    buf_add_char(out, keys ? '{' : '[');
    for (const struct json *c = json_child(j); c; c = json_next(c)) {
        if (c != json_child(j)) {
            buf_add_char(out, ',');
        }
        if (keys) {
            json_quote(out, json_key(c));
            buf_add_char(out, ':');
        }
        json_write(c, out);
    }
    buf_add_char(out, keys ? '}' : ']');
}

void json_write(const struct json *j, struct buf *out)
{
    switch (json_kind(j)) {
    case JSON_NULL:
        buf_add_str(out, "null");
        break;
    case JSON_BOOL:
        buf_add_str(out, json_bool(j, false) ? "true" : "false");
        break;
    case JSON_NUMBER:
        write_number(json_num(j, 0), out);
        break;
    case JSON_STRING:
        json_quote(out, json_str(j, SPAN_NONE));
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        write_members(j, json_kind(j) == JSON_OBJECT, out);
        break;
    }
}
