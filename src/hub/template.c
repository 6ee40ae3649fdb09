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

struct span template_fill(struct hub_run *r, const struct hub_msg *m, struct span pattern)
{
    struct filling f = {.run = r, .msg = m};
    struct buf b = {0};
    if (span_find(pattern, '$') == pattern.n)
        return pattern;
    for (size_t i = 0; i < pattern.n;) {
        struct span key, value = SPAN_NONE;
        size_t n = placeholder(span_of(pattern.p + i, pattern.n - i), &key);
        if (n)
            value = value_of(&f, pattern.p[i + 1], key);
        else
            n = 1;
        buf_add_span(&b, value.p ? value : span_of(pattern.p + i, n));
        i += n;
    }
    struct span out = arena_span(&r->arena, buf_span(&b));
    buf_free(&b);
    return out;
}
