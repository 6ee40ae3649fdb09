// SPDX-License-Identifier: Apache-2.0
#include "hub/json_members.h"

#include "codec/json_out.h"
#include "codec/json_scan.h"

static void push(struct json_members *m, struct arena *a, struct span key, struct span raw)
{
    if (m->n == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 8;
        m->p = arena_grow(a, m->p, m->cap * sizeof *m->p, cap * sizeof *m->p);
        m->cap = cap;
    }
    m->p[m->n++] = (struct json_member){key, raw};
}

int json_members_read(struct span json, struct arena *a, struct json_members *out, struct err *e)
{
    struct json_scan s;
    json_scan_init(&s, json, a);
    *out = (struct json_members){0};
    enum json_token t = json_scan_next(&s);
    if (t != JSON_T_OBJECT) {
        return t == JSON_T_ERROR
                   ? json_scan_error(&s, e)
                   : err_set(e, ERR_INVALID, "the message's data is not a JSON object");
    }
    while ((t = json_scan_next(&s)) == JSON_T_KEY) {
        struct span key = s.text;
        if (json_scan_skip(&s) < 0)
            return json_scan_error(&s, e);
        push(out, a, key, s.text);
    }
    if (t != JSON_T_OBJECT_END || json_scan_next(&s) != JSON_T_END)
        return json_scan_error(&s, e);
    return 0;
}

struct json_member *json_members_find(const struct json_members *m, struct span key)
{
    for (size_t i = m->n; i > 0; i--) {
        if (span_eq(m->p[i - 1].key, key))
            return &m->p[i - 1];
    }
    return NULL;
}

void json_members_set(struct json_members *m, struct arena *a, struct span key, struct span raw)
{
    struct json_member *found = json_members_find(m, key);
    if (found)
        found->raw = raw;
    else
        push(m, a, key, raw);
}

void json_members_remove(struct json_members *m, struct span key)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->n; i++) {
        if (!span_eq(m->p[i].key, key))
            m->p[kept++] = m->p[i];
    }
    m->n = kept;
}

static struct span take(struct arena *a, struct buf *b)
{
    struct span s = arena_span(a, buf_span(b));
    buf_free(b);
    return s;
}

struct span json_members_write(const struct json_members *m, struct arena *a)
{
    struct buf b = {0};
    struct json_out j = {.out = &b};
    json_out_object(&j);
    for (size_t i = 0; i < m->n; i++) {
        json_out_key(&j, m->p[i].key);
        json_out_raw(&j, m->p[i].raw);
    }
    json_out_end(&j);
    return take(a, &b);
}

struct span json_member_quote(struct arena *a, struct span text)
{
    struct buf b = {0};
    json_quote(&b, text);
    return take(a, &b);
}

struct span json_member_text(struct arena *a, struct span raw)
{
    struct json_scan s;
    json_scan_init(&s, raw, a);
    return json_scan_next(&s) == JSON_T_STRING ? s.text : raw;
}
