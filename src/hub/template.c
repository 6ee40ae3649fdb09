// SPDX-License-Identifier: Apache-2.0
#include "hub/template.h"

#include "hub/json_members.h"

struct filling {
    struct hub_run *run;
    const struct hub_msg *msg;
    bool read; // `members` has been looked at
    struct json_members members;
};

static const struct json_members *data_of(struct filling *f)
{
    struct err e;
    if (!f->read &&
        json_members_read(hub_msg_json(f->run, f->msg), &f->run->arena, &f->members, &e) < 0)
        f->members = (struct json_members){0};
    f->read = true;
    return &f->members;
}

static bool is_plain(struct span raw)
{
    return raw.n && raw.p[0] != '{' && raw.p[0] != '[';
}

// Without p when there is no such value.
static struct span find_path(struct filling *f, struct span path)
{
    struct arena *a = &f->run->arena;
    struct json_members inner;
    const struct json_members *m = data_of(f);
    struct err e;
    for (;;) {
        struct json_member *found = json_members_find(m, span_cut(&path, '.'));
        if (!found)
            return SPAN_NONE;
        if (!path.p)
            return is_plain(found->raw) ? json_member_text(a, found->raw) : SPAN_NONE;
        if (json_members_read(found->raw, a, &inner, &e) < 0)
            return SPAN_NONE;
        m = &inner;
    }
}

static struct span value_of(struct filling *f, char open, struct span key)
{
    return open == '{' ? hub_msg_get(f->run, f->msg, key) : find_path(f, key);
}

// The length of the placeholder that `s` starts with; 0 = none.
static size_t placeholder(struct span s, struct span *key)
{
    if (s.n < 4 || s.p[0] != '$' || (s.p[1] != '{' && s.p[1] != '['))
        return 0;
    struct span rest = span_of(s.p + 2, s.n - 2);
    size_t n = span_find(rest, s.p[1] == '{' ? '}' : ']');
    *key = span_of(rest.p, n);
    return n == 0 || n == rest.n ? 0 : n + 3;
}

static size_t count_of(struct span s, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == c;
    return n;
}

static struct span join(struct arena *a, const struct span *pieces, size_t n)
{
    size_t total = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        total += pieces[i].n;
    char *out = arena_alloc(a, total);
    for (size_t i = 0; i < n; at += pieces[i++].n) {
        if (pieces[i].n)
            memcpy(out + at, pieces[i].p, pieces[i].n);
    }
    return span_of(out, total);
}

struct span template_fill_in(struct arena *a, struct hub_run *r, const struct hub_msg *m,
                             struct span pattern)
{
    struct filling f = {.run = r, .msg = m};
    size_t dollars = count_of(pattern, '$'), n = 0, from = 0;
    if (!dollars)
        return pattern;
    struct span *pieces = arena_array(&r->arena, struct span, 2 * dollars + 1);
    for (size_t i = 0; i < pattern.n;) {
        struct span key, value = SPAN_NONE;
        size_t length = placeholder(span_of(pattern.p + i, pattern.n - i), &key);
        if (length)
            value = value_of(&f, pattern.p[i + 1], key);
        if (value.p) {
            pieces[n++] = span_of(pattern.p + from, i - from);
            pieces[n++] = value;
            from = i + length;
        }
        i += length ? length : 1;
    }
    pieces[n++] = span_of(pattern.p + from, pattern.n - from);
    return join(a, pieces, n);
}

struct span template_fill(struct hub_run *r, const struct hub_msg *m, struct span pattern)
{
    return template_fill_in(&r->arena, r, m, pattern);
}
