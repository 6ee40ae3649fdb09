// SPDX-License-Identifier: Apache-2.0
// Numbers, strings, templates, arrays and objects.

#include "base/text.h"
#include "syntax/lowering.h"

static struct span source_of(const struct lower *l, const struct ast_node *n)
{
    return span_of(l->tree->text.p + n->start, n->end - n->start);
}

void lower_number(struct lower *l, struct ast_node *n)
{
    struct span s = source_of(l, n);
    if (span_find(s, '_') == s.n) {
        lower_copy(l, n->end);
        return;
    }
    struct buf digits = {0};
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '_')
            buf_add_char(&digits, s.p[i]);
    }
    lower_span(l, buf_span(&digits));
    buf_free(&digits);
    lower_skip(l, n->end);
}

// Strings -----------------------------------------------------------------------------------------

// A UTF-16 unit as an escape.
static void add_unit(struct buf *out, uint32_t unit)
{
    buf_printf(out, "\\u%04x", unit);
}

static void add_character(struct buf *out, uint32_t c)
{
    if (c >= 0x10000) {
        c -= 0x10000;
        add_unit(out, 0xd800 + (c >> 10));
        add_unit(out, 0xdc00 + (c & 0x3ff));
    } else {
        add_unit(out, c);
    }
}

// \u{...} behind its \u; returns how much of `s` it takes.
static size_t add_braced(struct buf *out, struct span s)
{
    uint32_t c = 0;
    size_t i = 1;
    for (; i < s.n && s.p[i] != '}'; i++)
        c = c * 16 + (uint32_t)text_hex_value(s.p[i]);
    add_character(out, c);
    return i + 1;
}

// The text between quotes: what Duktape does not read is written otherwise. `template`: line ends
// and double quotes may stand in it, and \r\n is \n.
static void add_text(struct buf *out, struct span s, bool template)
{
    for (size_t i = 0; i < s.n;) {
        char c = s.p[i];
        size_t left = s.n - i;
        if (c == '\\' && left > 2 && s.p[i + 1] == 'u' && s.p[i + 2] == '{') {
            i += 2;
            i += add_braced(out, span_of(s.p + i, s.n - i));
        } else if (c == '\\' && left > 1 && (s.p[i + 1] == '\n' || s.p[i + 1] == '\r')) {
            // A line that goes on; its newline is made up for elsewhere.
            i += left > 2 && s.p[i + 1] == '\r' && s.p[i + 2] == '\n' ? 3 : 2;
        } else if (c == '\\' && left > 1) {
            buf_add(out, s.p + i, 2);
            i += 2;
        } else if (left > 2 && c == '\xe2' && s.p[i + 1] == '\x80' &&
                   (s.p[i + 2] == '\xa8' || s.p[i + 2] == '\xa9')) {
            add_unit(out, s.p[i + 2] == '\xa8' ? 0x2028 : 0x2029);
            i += 3;
        } else if (template && (c == '\n' || c == '\r')) {
            buf_add_str(out, "\\n");
            i += c == '\r' && left > 1 && s.p[i + 1] == '\n' ? 2 : 1;
        } else {
            if (template && c == '"')
                buf_add_char(out, '\\');
            buf_add_char(out, c);
            i++;
        }
    }
}

static bool is_odd_string(struct span s)
{
    return memmem(s.p, s.n, "\\u{", 3) || memmem(s.p, s.n, "\xe2\x80\xa8", 3) ||
           memmem(s.p, s.n, "\xe2\x80\xa9", 3);
}

void lower_string(struct lower *l, struct ast_node *n)
{
    struct span s = source_of(l, n);
    if (!is_odd_string(s)) {
        lower_copy(l, n->end);
        return;
    }
    struct buf out = {0};
    buf_add_char(&out, s.p[0]);
    add_text(&out, span_of(s.p + 1, s.n - 2), false);
    buf_add_char(&out, s.p[0]);
    lower_span(l, buf_span(&out));
    buf_free(&out);
    lower_skip(l, n->end);
}

// Templates ---------------------------------------------------------------------------------------

static void lower_quasi(struct lower *l, const struct ast_node *n)
{
    struct buf out = {0};
    buf_add_char(&out, '"');
    add_text(&out, source_of(l, n), true);
    buf_add_char(&out, '"');
    lower_skip(l, n->start);
    lower_span(l, buf_span(&out));
    buf_free(&out);
}

// The source itself as a string.
static void lower_raw(struct lower *l, const struct ast_node *n)
{
    struct span s = source_of(l, n);
    struct buf out = {0};
    buf_add_char(&out, '"');
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\r') {
            buf_add_str(&out, "\\n");
            i += i + 1 < s.n && s.p[i + 1] == '\n';
        } else if (c == '\n') {
            buf_add_str(&out, "\\n");
        } else if (c == '\\' || c == '"') {
            buf_add_char(&out, '\\');
            buf_add_char(&out, c);
        } else {
            size_t take = (unsigned char)c >= 0xe0 && i + 2 < s.n ? 3 : 1;
            add_text(&out, span_of(s.p + i, take), false);
            i += take - 1;
        }
    }
    buf_add_char(&out, '"');
    lower_span(l, buf_span(&out));
    buf_free(&out);
}

void lower_template(struct lower *l, struct ast_node *n)
{
    if (!n->a->next) {
        lower_quasi(l, n->a);
        lower_skip(l, n->end);
        return;
    }
    lower_helper(l, "text(");
    const char *comma = "";
    for (struct ast_node *e = n->a; e; e = e->next) {
        if (e->kind == AST_QUASI && e->start == e->end)
            continue;
        lower_text(l, "%s", comma);
        comma = ",";
        if (e->kind == AST_QUASI)
            lower_quasi(l, e);
        else
            lower_skip_operand(l, e);
    }
    lower_span(l, SPAN(")"));
    lower_skip(l, n->end);
}

// The list of texts that a tag gets is the same each time the place is run: it is kept in a
// variable of the script's outermost function.
static void lower_site(struct lower *l, struct ast_node *n)
{
    struct span name = lower_new_name(l, "s");
    struct lower_function *fn = l->fn;
    while (l->fn->outer)
        l->fn = l->fn->outer;
    lower_declare(l, name);
    l->fn = fn;
    lower_text(l, "%.*s||(%.*s=", SPAN_ARG(name), SPAN_ARG(name));
    lower_helper(l, "site([");
    const char *comma = "";
    for (const struct ast_node *e = n->a; e; e = e->next) {
        if (e->kind != AST_QUASI)
            continue;
        lower_text(l, "%s", comma);
        lower_raw(l, e);
        comma = ",";
    }
    lower_span(l, SPAN("]"));
    uint32_t at = l->at;
    for (const struct ast_node *e = n->a; e; e = e->next) {
        if (e->kind != AST_QUASI)
            continue;
        lower_span(l, SPAN(","));
        if (e->flags & AST_BAD_ESCAPE)
            lower_span(l, SPAN("void 0"));
        else
            lower_quasi(l, e);
    }
    l->at = at;
    lower_span(l, SPAN("))"));
}

void lower_tagged(struct lower *l, struct ast_node *n)
{
    struct ast_node *tag = n->a, *template = n->b;
    lower_span(l, SPAN("("));
    lower_skip_operand(l, tag);
    lower_span(l, SPAN("("));
    lower_site(l, template);
    for (struct ast_node *e = template->a; e; e = e->next) {
        if (e->kind == AST_QUASI)
            continue;
        lower_span(l, SPAN(","));
        lower_skip_operand(l, e);
    }
    lower_span(l, SPAN("))"));
    lower_skip(l, n->end);
}

// Arrays ------------------------------------------------------------------------------------------

bool lower_has_spread(const struct ast_node *list)
{
    for (; list; list = list->next) {
        if (list->kind == AST_SPREAD)
            return true;
    }
    return false;
}

void lower_arguments(struct lower *l, struct ast_node *list, bool comma)
{
    for (; list; list = list->next, comma = true) {
        if (comma)
            lower_span(l, SPAN(","));
        lower_skip_operand(l, list);
    }
}

void lower_arguments_end(struct lower *l, struct ast_node *call)
{
    if (lower_has_spread(call->b)) {
        lower_span(l, SPAN(","));
        lower_argument_list(l, call->b);
    } else {
        lower_arguments(l, call->b, true);
    }
    lower_span(l, SPAN(")"));
    lower_skip(l, call->end);
}

void lower_argument_list(struct lower *l, struct ast_node *list)
{
    if (!lower_has_spread(list)) {
        lower_span(l, SPAN("["));
        lower_arguments(l, list, false);
        lower_span(l, SPAN("]"));
        return;
    }
    if (list->kind == AST_SPREAD && !list->next) {
        lower_helper(l, "list(");
        lower_skip_operand(l, list->a);
        lower_span(l, SPAN(",-1)"));
        return;
    }
    lower_helper(l, "spread(");
    for (const char *comma = ""; list; list = list->next, comma = ",") {
        bool spread = list->kind == AST_SPREAD, hole = list->kind == AST_HOLE;
        lower_text(l, "%s%d,", comma, spread ? 1 : hole ? 2 : 0);
        if (hole)
            lower_span(l, SPAN("0"));
        else
            lower_skip_operand(l, spread ? list->a : list);
    }
    lower_span(l, SPAN(")"));
}

void lower_array(struct lower *l, struct ast_node *n)
{
    if (!lower_has_spread(n->a)) {
        lower_children(l, n);
        return;
    }
    lower_helper(l, "spread(");
    const char *comma = "";
    for (struct ast_node *e = n->a; e; e = e->next, comma = ",") {
        bool spread = e->kind == AST_SPREAD, hole = e->kind == AST_HOLE;
        lower_text(l, "%s%d,", comma, spread ? 1 : hole ? 2 : 0);
        if (hole)
            lower_span(l, SPAN("0"));
        else
            lower_skip_operand(l, spread ? e->a : e);
    }
    lower_span(l, SPAN(")"));
    lower_skip(l, n->end);
}

// Objects -----------------------------------------------------------------------------------------

static bool uses_super(struct ast_node *n);

static void find_super(void *ctx, struct ast_node *n)
{
    bool *found = ctx;
    if (!*found)
        *found = uses_super(n);
}

// In a method, or in arrow functions in it.
static bool uses_super(struct ast_node *n)
{
    bool found = n->kind == AST_SUPER;
    bool inner = (n->kind == AST_FUNCTION && !(n->flags & AST_ARROW)) || n->kind == AST_CLASS;
    if (!found && !inner)
        ast_each_child(n, find_super, &found);
    return found;
}

static bool has_super(const struct ast_node *object)
{
    for (const struct ast_node *p = object->a; p; p = p->next) {
        if (p->kind != AST_PROPERTY || !(p->flags & (AST_METHOD | AST_GETTER | AST_SETTER)))
            continue;
        bool found = false;
        ast_each_child(p->b, find_super, &found);
        if (found)
            return true;
    }
    return false;
}

void lower_property(struct lower *l, struct ast_node *n)
{
    if (n->flags & AST_SHORTHAND) {
        const struct scope_binding *b = n->b->binding;
        struct span name = n->b->name->text;
        bool accessor = span_is(name, "get") || span_is(name, "set");
        lower_copy(l, n->end);
        if (!accessor && (b ? !b->is_checked && !b->is_dead && span_eq(b->out, name)
                            : !span_is(name, "arguments")))
            return;
        lower_span(l, SPAN(":"));
        lower_far_node(l, n->b);
        return;
    }
    if (n->flags & AST_COMPUTED) {
        lower_copy_node(l, n->a);
        if (n->flags & AST_METHOD) {
            lower_copy(l, n->b->start);
            lower_span(l, SPAN(":function"));
        }
    } else if (n->a->kind == AST_IDENT) {
        lower_copy(l, n->a->end);
        if (ast_is_odd_method(n))
            lower_span(l, SPAN(":function"));
    } else {
        lower_copy_node(l, n->a);
    }
    lower_copy_node(l, n->b);
    lower_copy(l, n->end);
}

static bool is_computed_accessor(const struct ast_node *p)
{
    return (p->flags & AST_COMPUTED) && (p->flags & (AST_GETTER | AST_SETTER));
}

// What is no part of a literal: a spread, the prototype, and accessors with computed names.
static bool is_apart(const struct ast_node *p)
{
    return p->kind == AST_SPREAD || ast_is_proto(p) || is_computed_accessor(p);
}

static bool has_apart(const struct ast_node *p)
{
    while (p && !is_apart(p))
        p = p->next;
    return p != NULL;
}

// The properties up to the next such part as a literal; returns where they end.
static struct ast_node *lower_literal_part(struct lower *l, struct ast_node *p)
{
    lower_span(l, SPAN("{"));
    for (const char *comma = ""; p && !is_apart(p); p = p->next, comma = ",") {
        lower_text(l, "%s", comma);
        lower_skip(l, p->start);
        lower_node(l, p);
    }
    lower_span(l, SPAN("}"));
    return p;
}

static void lower_computed_accessor(struct lower *l, struct ast_node *p)
{
    lower_text(l, "[%u,", p->flags & AST_GETTER ? LOWER_GETTER : LOWER_SETTER);
    lower_skip_operand(l, p->a);
    lower_span(l, SPAN(",function"));
    lower_skip(l, p->b->start);
    lower_function_rest(l, p->b, false);
    lower_text(l, "],%d)", LOWER_ACCESSOR);
}

// {a, ...b, c} is mix(mix({a}, b, 0), {c}, 1): each part is made when the one before has been
// copied.
static void lower_mixed(struct lower *l, struct ast_node *n)
{
    bool literal = true;
    for (const struct ast_node *p = n->a; p; p = p->next) {
        if (is_apart(p) || !literal)
            lower_helper(l, "mix(");
        literal = !is_apart(p);
    }
    struct ast_node *p = lower_literal_part(l, n->a);
    while (p) {
        lower_span(l, SPAN(","));
        if (is_computed_accessor(p)) {
            lower_computed_accessor(l, p);
            p = p->next;
        } else if (is_apart(p)) {
            bool spread = p->kind == AST_SPREAD;
            lower_skip_operand(l, spread ? p->a : p->b);
            lower_text(l, ",%d)", spread ? LOWER_SPREAD : LOWER_PROTOTYPE);
            p = p->next;
        } else {
            p = lower_literal_part(l, p);
            lower_text(l, ",%d)", LOWER_LITERAL);
        }
    }
    lower_skip(l, n->end);
}

void lower_object(struct lower *l, struct ast_node *n)
{
    struct lower_home outer = l->home;
    bool home = has_super(n);
    if (home) {
        l->home = (struct lower_home){.name = lower_new_name(l, "h"), .is_itself = true};
        lower_declare(l, l->home.name);
        lower_text(l, "(%.*s=", SPAN_ARG(l->home.name));
    }
    if (has_apart(n->a))
        lower_mixed(l, n);
    else
        lower_children(l, n);
    if (home)
        lower_span(l, SPAN(")"));
    l->home = outer;
}
