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

#define GROUPS_MAX 8  // in each other
#define REPEAT_MAX 32 // of {n,m}
#define REPEATS_MAX 4 // {n,m} in one expression

// What is open while an expression is looked at.
struct groups {
    bool repeats[GROUPS_MAX + 1]; // something in the group is repeated
    unsigned depth;
    unsigned counted; // {n,m} so far
};

static bool is_repeat(char c)
{
    return c == '*' || c == '+' || c == '?' || c == '{';
}

// The length of {n}, {n,} or {n,m} at the start of `s`; 0 = it is none, or too many.
static size_t counted_repeat(struct span s)
{
    struct span rest = span_of(s.p + 1, s.n - 1);
    size_t n = span_find(rest, '}');
    struct span upper = span_of(rest.p, n), lower = span_cut(&upper, ',');
    uint64_t low, high = 0;
    if (n == rest.n || !span_to_u64(lower, &low) || low > REPEAT_MAX)
        return 0;
    if (upper.n && (!span_to_u64(upper, &high) || high > REPEAT_MAX || high < low))
        return 0;
    return n + 2;
}

// One group, repetition or end of a group at s[i]. Repetitions of what repeats are refused: the
// library's time and memory for them have no bound.
static bool note(struct groups *g, struct span s, size_t i)
{
    char c = s.p[i], next = i + 1 < s.n ? s.p[i + 1] : 0;
    if (c == '(') {
        // Groups that only look.
        if (next == '?' && !(i + 2 < s.n && s.p[i + 2] == ':'))
            return false;
        if (g->depth == GROUPS_MAX)
            return false;
        g->repeats[++g->depth] = false;
    } else if (c == ')') {
        bool inner = g->depth > 0 && g->repeats[g->depth];
        if (g->depth == 0 || (inner && is_repeat(next)))
            return false;
        g->depth--;
        g->repeats[g->depth] |= inner;
    } else if (is_repeat(c)) {
        size_t n = c == '{' ? counted_repeat(span_of(s.p + i, s.n - i)) : 1;
        if (n == 0 || (i + n < s.n && is_repeat(s.p[i + n])))
            return false;
        if (c == '{' && ++g->counted > REPEATS_MAX)
            return false;
        g->repeats[g->depth] = true;
    }
    return true;
}

static bool is_odd_in_class(struct span s, size_t i)
{
    char next = i + 1 < s.n ? s.p[i + 1] : 0;
    return s.p[i] == '[' || (s.p[i] == '&' && next == '&');
}

// False: the expression is none that both know.
static bool translate(struct span s, struct buf *b)
{
    struct groups g = {.depth = 0};
    bool in_class = false;
    buf_add_str(b, "^(");
    for (size_t i = 0; i < s.n; i++) {
        if (in_class ? is_odd_in_class(s, i) : !note(&g, s, i))
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
    return !in_class && g.depth == 0;
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
