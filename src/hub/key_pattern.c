// SPDX-License-Identifier: Apache-2.0
#include "hub/key_pattern.h"

#include <regex.h>

#include "base/buf.h"

struct key_pattern {
    struct span name;
    bool is_regex;
    regex_t regex;
};

static bool is_plain(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (strchr("\\^$.|?*+()[]{}", s.p[i]))
            return false;
    }
    return true;
}

// Java's short classes as POSIX has them; false for what POSIX lacks.
static bool add_escape(struct buf *b, char c, bool in_class)
{
    static const struct {
        char c;
        const char *outside, *inside;
    } classes[] = {
        {'d', "[0-9]", "0-9"},
        {'w', "[A-Za-z0-9_]", "A-Za-z0-9_"},
        {'s', "[[:space:]]", "[:space:]"},
        {'D', "[^0-9]", NULL},
        {'W', "[^A-Za-z0-9_]", NULL},
        {'S', "[^[:space:]]", NULL},
    };
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (classes[i].c != c)
            continue;
        const char *text = in_class ? classes[i].inside : classes[i].outside;
        if (text)
            buf_add_str(b, text);
        return text != NULL;
    }
    bool alnum = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
    if (alnum || (in_class && (c == ']' || c == '\\')))
        return false;
    if (!in_class)
        buf_add_char(b, '\\');
    buf_add_char(b, c);
    return true;
}

static bool is_odd(struct span s, size_t i, bool in_class)
{
    char c = s.p[i], next = i + 1 < s.n ? s.p[i + 1] : 0;
    if (in_class)
        return c == '[' || (c == '&' && next == '&');
    // Lazy and greedy-for-good repetition, and groups that only look.
    if ((c == '*' || c == '+' || c == '?' || c == '}') && (next == '+' || next == '?'))
        return true;
    return c == '(' && next == '?' && !(i + 2 < s.n && s.p[i + 2] == ':');
}

// False: the expression is none that both know.
static bool translate(struct span s, struct buf *b)
{
    bool in_class = false;
    buf_add_str(b, "^(");
    for (size_t i = 0; i < s.n; i++) {
        if (is_odd(s, i, in_class))
            return false;
        if (s.p[i] == '\\') {
            if (++i == s.n || !add_escape(b, s.p[i], in_class))
                return false;
            continue;
        }
        buf_add_char(b, s.p[i]);
        if (!in_class && s.p[i] == '(' && i + 1 < s.n && s.p[i + 1] == '?')
            i += 2;
        in_class = in_class ? s.p[i] != ']' : s.p[i] == '[';
    }
    buf_add_str(b, ")$");
    return !in_class;
}

static int compile(struct key_pattern *p, struct span text, struct err *e)
{
    struct buf b = {0};
    int rc = 0;
    if (!translate(text, &b) || regcomp(&p->regex, buf_cstr(&b), REG_EXTENDED | REG_NOSUB) != 0)
        rc = err_set(e, ERR_INVALID, "\"%.*s\" is not a regular expression that is supported",
                     SPAN_ARG(text));
    buf_free(&b);
    return rc;
}

int key_patterns_add(struct key_patterns *k, struct arena *a, struct span text, struct err *e)
{
    if (k->n == KEY_PATTERNS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d keys", KEY_PATTERNS_MAX);
    if (text.n > KEY_PATTERN_MAX_BYTES)
        return err_set(e, ERR_LIMIT, "a key of %zu bytes, at most %d", text.n,
                       KEY_PATTERN_MAX_BYTES);
    if (span_find(text, '\0') < text.n)
        return err_set(e, ERR_INVALID, "a key holds a NUL");
    if (!k->p)
        k->p = arena_zalloc(a, KEY_PATTERNS_MAX * sizeof *k->p);
    struct key_pattern *p = &k->p[k->n];
    p->name = arena_span(a, text);
    p->is_regex = !is_plain(text);
    if (p->is_regex && compile(p, text, e) < 0)
        return e->code;
    k->n++;
    return 0;
}

static bool match(const struct key_pattern *p, struct span key)
{
    char text[KEY_PATTERN_SUBJECT_MAX + 1];
    if (!p->is_regex)
        return span_eq(p->name, key);
    if (key.n > KEY_PATTERN_SUBJECT_MAX || span_find(key, '\0') < key.n)
        return false;
    if (key.n)
        memcpy(text, key.p, key.n);
    text[key.n] = 0;
    return regexec(&p->regex, text, 0, NULL, 0) == 0;
}

bool key_patterns_match(const struct key_patterns *k, struct span key)
{
    for (uint32_t i = 0; i < k->n; i++) {
        if (match(&k->p[i], key))
            return true;
    }
    return false;
}

void key_patterns_free(struct key_patterns *k)
{
    for (uint32_t i = 0; i < k->n; i++) {
        if (k->p[i].is_regex)
            regfree(&k->p[i].regex);
    }
    k->n = 0;
}
