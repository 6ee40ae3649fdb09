// SPDX-License-Identifier: Apache-2.0
#include "aws/profile.h"

#include "base/buf.h"
#include "base/mem.h"

struct parser {
    struct arena *arena;
    enum profile_file_kind kind;
    struct profile **list;
    size_t n_sections;
    struct profile *section; // where properties go; NULL before the first one
    size_t n_properties;
    struct profile ignored;            // stands in for a section that does not count
    struct profile_property *property; // the last one, for continuation lines
    struct buf value;                  // of that property, when it has continuation lines
    bool nested;                       // continuation lines are sub-properties
    int line;
    struct err *e;
};

static bool is_name(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], lower = (char)(c | 0x20);
        bool alnum = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || !strchr("-_/.%@:+", c))) {
            return false;
        }
    }
    return s.n > 0;
}

static bool is_blank_char(char c)
{
    return c == ' ' || c == '\t';
}

static int fail(struct parser *p, const char *what)
{
    return err_set(p->e, ERR_INVALID, "line %d: %s", p->line, what);
}

// The value goes to the arena once it is complete, so that long ones cost no more than their
// length.
static void end_property(struct parser *p)
{
    if (p->property && p->value.n) {
        p->property->value = arena_span(p->arena, buf_span(&p->value));
        mem_wipe(p->value.p, p->value.n);
        buf_clear(&p->value);
    }
    p->property = NULL;
}

static size_t count_properties(const struct profile *s)
{
    size_t n = 0;
    for (const struct profile_property *at = s->properties; at; at = at->next) {
        n++;
    }
    return n;
}

static int enter_section(struct parser *p, enum profile_section kind, struct span name,
                         bool prefixed)
{
    struct profile *s = (struct profile *)profile_find_kind(*p->list, kind, name);
    if (!s) {
        if (++p->n_sections > PROFILE_SECTIONS_MAX) {
            return err_set(p->e, ERR_LIMIT, "line %d: more than %d sections", p->line,
                           PROFILE_SECTIONS_MAX);
        }
        s = arena_new(p->arena, struct profile);
        *s = (struct profile){*p->list, arena_span(p->arena, name), NULL, kind, prefixed};
        *p->list = s;
    } else if (p->kind == PROFILE_CONFIG && prefixed && !s->prefixed) {
        s->properties = NULL;
        s->prefixed = true;
    } else if (p->kind == PROFILE_CONFIG && !prefixed && s->prefixed) {
        s = &p->ignored;
    }
    p->section = s;
    p->n_properties = count_properties(s);
    return 0;
}

// "word name" -> word, and the name in *name; *name is empty when there is one word only.
static struct span first_word(struct span s, struct span *name)
{
    size_t n = 0;
    while (n < s.n && !is_blank_char(s.p[n])) {
        n++;
    }
    *name = span_trim(span_of(s.p + n, s.n - n));
    return span_of(s.p, n);
}

static int on_section(struct parser *p, struct span line)
{
    size_t comment = 0;
    while (comment < line.n && line.p[comment] != '#' && line.p[comment] != ';') {
        comment++;
    }
    line = span_trim(span_of(line.p, comment));
    if (line.p[line.n - 1] != ']') {
        return fail(p, "the definition of a profile must end with ']'");
    }
    struct span inner = span_trim(span_of(line.p + 1, line.n - 2)), name;
    struct span word = first_word(inner, &name);
    end_property(p);
    p->ignored = (struct profile){0};
    p->section = &p->ignored;
    p->n_properties = 0;
    if (p->kind == PROFILE_CREDENTIALS) {
        return is_name(inner) ? enter_section(p, PROFILE_SECTION_PROFILE, inner, false) : 0;
    }
    if (span_is(inner, "default")) {
        return enter_section(p, PROFILE_SECTION_PROFILE, inner, false);
    }
    if (span_is(word, "profile") && is_name(name)) {
        return enter_section(p, PROFILE_SECTION_PROFILE, name, true);
    }
    if (span_is(word, "sso-session") && is_name(name)) {
        return enter_section(p, PROFILE_SECTION_SSO_SESSION, name, true);
    }
    if (span_is(word, "services") && is_name(name)) {
        return enter_section(p, PROFILE_SECTION_SERVICES, name, true);
    }
    return 0;
}

// A comment starts at '#' or ';' after white space.
static struct span without_comment(struct span line)
{
    for (size_t i = 1; i < line.n; i++) {
        if ((line.p[i] == '#' || line.p[i] == ';') && is_blank_char(line.p[i - 1])) {
            return span_of(line.p, i);
        }
    }
    return line;
}

static struct profile_property *add_property(struct parser *p, struct span name)
{
    char *lower = arena_dup(p->arena, name.p, name.n);
    for (size_t i = 0; i < name.n; i++) {
        if (lower[i] >= 'A' && lower[i] <= 'Z') {
            lower[i] = (char)(lower[i] + 32);
        }
    }
    struct span key = span_of(lower, name.n);
    struct profile_property **at = &p->section->properties;
    for (; *at; at = &(*at)->next) {
        if (span_eq((*at)->name, key)) {
            return *at;
        }
    }
    struct profile_property *new = arena_new(p->arena, struct profile_property);
    new->name = key;
    if (is_name(name)) {
        *at = new;
        p->n_properties++;
    }
    return new;
}

static int on_property(struct parser *p, struct span line)
{
    if (!p->section) {
        return fail(p, "a profile such as [default] must be defined before the first property");
    }
    struct span value = without_comment(line);
    size_t equals = span_find(value, '=');
    if (equals == value.n) {
        return fail(p, "a property needs an '=' sign");
    }
    struct span name = span_trim(span_of(value.p, equals));
    value = span_trim(span_of(value.p + equals + 1, value.n - equals - 1));
    if (name.n == 0) {
        return fail(p, "a property needs a name before the '=' sign");
    }
    end_property(p);
    if (p->n_properties >= PROFILE_PROPERTIES_MAX) {
        return err_set(p->e, ERR_LIMIT, "line %d: more than %d properties in a profile", p->line,
                       PROFILE_PROPERTIES_MAX);
    }
    p->property = add_property(p, name);
    p->property->value = arena_span(p->arena, value);
    p->nested = value.n == 0;
    return 0;
}

static int on_continuation(struct parser *p, struct span line)
{
    if (!p->section) {
        return fail(p, "a profile such as [default] must be defined before an indented line");
    }
    if (!p->property) {
        return fail(p, "an indented line continues a property, and there is none before it");
    }
    line = span_trim(line);
    size_t equals = span_find(line, '=');
    if (p->nested && equals == line.n) {
        return fail(p, "a sub-property needs an '=' sign");
    }
    if (p->nested && equals == 0) {
        return fail(p, "a sub-property needs a name before the '=' sign");
    }
    if (p->value.n == 0) {
        buf_add_span(&p->value, p->property->value);
    }
    buf_add_char(&p->value, '\n');
    buf_add_span(&p->value, line);
    return 0;
}

static int on_line(struct parser *p, struct span line)
{
    if (line.n && line.p[line.n - 1] == '\r') {
        line.n--;
    }
    if (span_trim(line).n == 0 || line.p[0] == '#' || line.p[0] == ';') {
        return 0;
    }
    if (line.p[0] == '[') {
        return on_section(p, line);
    }
    return is_blank_char(line.p[0]) ? on_continuation(p, line) : on_property(p, line);
}

int profile_parse(struct arena *a, struct span text, enum profile_file_kind kind,
                  struct profile **list, struct err *e)
{
    struct parser p = {.arena = a, .kind = kind, .list = list, .e = e};
    int status = 0;
    if (text.n > PROFILE_FILE_MAX) {
        return err_set(e, ERR_LIMIT, "larger than %d bytes", PROFILE_FILE_MAX);
    }
    for (const struct profile *s = *list; s; s = s->next) {
        p.n_sections++;
    }
    for (struct span rest = text; rest.p && status == 0;) {
        p.line++;
        status = on_line(&p, span_cut(&rest, '\n'));
    }
    end_property(&p);
    buf_free(&p.value);
    return status;
}

const struct profile *profile_find_kind(const struct profile *list, enum profile_section kind,
                                        struct span name)
{
    for (const struct profile *s = list; s; s = s->next) {
        if (s->section == kind && span_eq(s->name, name)) {
            return s;
        }
    }
    return NULL;
}

const struct profile *profile_find(const struct profile *list, struct span name)
{
    return profile_find_kind(list, PROFILE_SECTION_PROFILE, name);
}

struct span profile_get(const struct profile *p, const char *property)
{
    for (const struct profile_property *at = p ? p->properties : NULL; at; at = at->next) {
        if (span_is(at->name, property)) {
            return at->value;
        }
    }
    return SPAN_NONE;
}

void profile_wipe(struct profile *list)
{
    for (struct profile *s = list; s; s = s->next) {
        for (struct profile_property *at = s->properties; at; at = at->next) {
            // The arena that the list was parsed into holds them: they are ours to change.
            mem_wipe((char *)at->value.p, at->value.n);
        }
    }
}

struct span profile_file_path(struct arena *a, const char *override, const char *home,
                              enum profile_file_kind kind)
{
    const char *name = kind == PROFILE_CONFIG ? "config" : "credentials";
    struct span given = span_trim(span_str(override));
    struct span home_dir = span_str(home);
    if (given.n && !(given.p[0] == '~' && (given.n == 1 || given.p[1] == '/'))) {
        return arena_span(a, given);
    }
    if (home_dir.n == 0) {
        return SPAN_NONE;
    }
    if (given.n) {
        return arena_printf(a, "%.*s%.*s", SPAN_ARG(home_dir), (int)given.n - 1, given.p + 1);
    }
    const char *slash = home_dir.p[home_dir.n - 1] == '/' ? "" : "/";
    return arena_printf(a, "%.*s%s.aws/%s", SPAN_ARG(home_dir), slash, name);
}
