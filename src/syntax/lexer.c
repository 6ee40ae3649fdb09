// SPDX-License-Identifier: Apache-2.0
#include "syntax/lexer.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

#define END (-1)

void lexer_fail(struct lexer *l, uint32_t at, const char *fmt, ...)
{
    if (!l->failed) {
        l->failed = true;
        l->error->at = at;
        va_list args;
        va_start(args, fmt);
        vsnprintf(l->error->msg, sizeof(l->error->msg), fmt, args);
        va_end(args);
    }
    l->tok = (struct token){.kind = T_END, .start = at, .end = at};
}

// Characters --------------------------------------------------------------------------------------

static int byte_at(const struct lexer *l, uint32_t at)
{
    return at < l->tree->text.n ? (unsigned char)l->tree->text.p[at] : END;
}

static int peek(const struct lexer *l, uint32_t ahead)
{
    return byte_at(l, l->at + ahead);
}

// The character at `at` of text that is valid UTF-8, and its length.
static uint32_t char_at(const struct lexer *l, uint32_t at, uint32_t *n)
{
    const unsigned char *p = (const unsigned char *)l->tree->text.p + at;
    *n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (at + *n > l->tree->text.n)
        *n = 1;
    switch (*n) {
    case 2:
        return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
    case 3:
        return (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    case 4:
        return (p[0] & 7u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
    default:
        return p[0];
    }
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_byte(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '$';
}

// ECMA-262 12.2 and 12.3, beyond ASCII.
static bool is_wide_space(uint32_t c)
{
    return c == 0xa0 || c == 0xfeff || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

static bool is_line_end(uint32_t c)
{
    return c == '\n' || c == '\r' || c == 0x2028 || c == 0x2029;
}

// Punctuation, symbols and what is no character, which no name has (as of typographic quotes). The
// last word on letters is Duktape's.
static bool is_wide_symbol(uint32_t c)
{
    return (c < 0xc0 && c != 0xaa && c != 0xb5 && c != 0xb7 && c != 0xba) || c == 0xd7 ||
           c == 0xf7 || (c >= 0x2000 && c <= 0x206f && c != 0x200c && c != 0x200d && c != 0x203f) ||
           (c >= 0x20a0 && c <= 0x20cf) || (c >= 0x2190 && c <= 0x2bff) ||
           (c >= 0x3001 && c <= 0x3004) || (c >= 0x3008 && c <= 0x3020) ||
           (c >= 0xd800 && c <= 0xf8ff) || (c >= 0xfe00 && c <= 0xfe0f) ||
           (c >= 0xff01 && c <= 0xff0f) || (c >= 0xfff0 && c <= 0xffff) ||
           (c >= 0x1f000 && c <= 0x1faff) || c >= 0xe0000;
}

// The length of a character at `at` that goes on with a word, 0 when there is none.
static uint32_t word_length(const struct lexer *l, uint32_t at)
{
    int c = byte_at(l, at);
    if (c < 0x80)
        return is_word_byte(c);
    uint32_t n, wide = char_at(l, at, &n);
    return is_wide_space(wide) || is_line_end(wide) || is_wide_symbol(wide) ? 0 : n;
}

// Blanks and comments -----------------------------------------------------------------------------

static void skip_line(struct lexer *l)
{
    while (l->at < l->tree->text.n) {
        uint32_t n, c = char_at(l, l->at, &n);
        if (is_line_end(c))
            return;
        l->at += n;
    }
}

static bool skip_comment(struct lexer *l)
{
    uint32_t start = l->at;
    for (l->at += 2; l->at < l->tree->text.n;) {
        if (peek(l, 0) == '*' && peek(l, 1) == '/') {
            l->at += 2;
            return true;
        }
        uint32_t n, c = char_at(l, l->at, &n);
        l->tok.newline |= is_line_end(c);
        l->at += n;
    }
    lexer_fail(l, start, "this comment has no end: */ is missing");
    return false;
}

// <!-- anywhere and --> at the start of a line begin comments (ECMA-262 B.1.3).
static bool at_html_comment(const struct lexer *l)
{
    if (peek(l, 0) == '<')
        return peek(l, 1) == '!' && peek(l, 2) == '-' && peek(l, 3) == '-';
    return peek(l, 0) == '-' && peek(l, 1) == '-' && peek(l, 2) == '>' && l->tok.newline;
}

// False after an error.
static bool skip_blanks(struct lexer *l)
{
    while (l->at < l->tree->text.n) {
        int c = peek(l, 0);
        if (c == ' ' || (c >= '\t' && c <= '\r')) {
            l->tok.newline |= c == '\n' || c == '\r';
            l->at++;
        } else if (c == '/' && peek(l, 1) == '/') {
            skip_line(l);
        } else if (c == '/' && peek(l, 1) == '*') {
            if (!skip_comment(l))
                return false;
        } else if (c >= 0x80) {
            uint32_t n, wide = char_at(l, l->at, &n);
            if (!is_wide_space(wide) && !is_line_end(wide))
                return true;
            l->tok.newline |= is_line_end(wide);
            l->at += n;
        } else if (at_html_comment(l)) {
            skip_line(l);
        } else {
            return true;
        }
    }
    return true;
}

// Words -------------------------------------------------------------------------------------------

static enum token_kind word_of(struct span text)
{
    static const struct {
        const char *text;
        enum token_kind kind;
    } words[] = {
#define WORD(name, spelling) {spelling, name},
        TOKEN_WORDS(WORD)
#undef WORD
    };
    if (text.n < 2 || text.n > 10)
        return T_IDENT;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (span_is(text, words[i].text))
            return words[i].kind;
    }
    return T_IDENT;
}

struct ast_name *lexer_name(struct lexer *l, struct span text)
{
    struct ast_name *name = map_get(&l->names, text);
    if (name)
        return name;
    name = arena_new(l->arena, struct ast_name);
    name->text = text;
    name->word = word_of(text);
    map_put(&l->names, text, name);
    struct ast_tree *t = l->tree;
    if (t->n_names == t->cap_names) {
        uint32_t cap = t->cap_names ? t->cap_names * 2 : 64;
        t->names = arena_grow(l->arena, t->names, t->cap_names * sizeof(name), cap * sizeof(name));
        t->cap_names = cap;
    }
    t->names[t->n_names++] = name;
    return name;
}

// Four hexadecimal digits or {digits} at l->at, after \u. -1 where it is none.
static int32_t read_unicode_escape(struct lexer *l)
{
    int32_t value = 0;
    if (peek(l, 0) == '{') {
        uint32_t n = 0;
        for (l->at++; peek(l, 0) != '}'; l->at++, n++) {
            int digit = peek(l, 0) == END ? -1 : text_hex_value((char)peek(l, 0));
            if (digit < 0 || value > 0x10ffff)
                return -1;
            value = value * 16 + digit;
        }
        l->at++;
        return n > 0 && value <= 0x10ffff ? value : -1;
    }
    for (int i = 0; i < 4; i++, l->at++) {
        int digit = peek(l, 0) == END ? -1 : text_hex_value((char)peek(l, 0));
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

// A word with escapes, from the first of them on; l->tok.start is where it begins.
static void read_escaped_word(struct lexer *l)
{
    struct buf out = {0};
    buf_add(&out, l->tree->text.p + l->tok.start, l->at - l->tok.start);
    for (;;) {
        uint32_t n = word_length(l, l->at);
        if (n > 0) {
            buf_add(&out, l->tree->text.p + l->at, n);
            l->at += n;
            continue;
        }
        if (peek(l, 0) != '\\')
            break;
        uint32_t at = l->at;
        l->at += 2;
        int32_t c = byte_at(l, at + 1) == 'u' ? read_unicode_escape(l) : -1;
        bool fits = c >= 0x80 || (is_word_byte((int)c) && (out.n > 0 || !is_digit((int)c)));
        if (!fits) {
            buf_free(&out);
            lexer_fail(l, at, "this escape is none that a name may have");
            return;
        }
        char utf8[4];
        buf_add(&out, utf8, text_put_utf8(utf8, (uint32_t)c));
        l->tok.lowered |= byte_at(l, at + 2) == '{';
    }
    l->tok.escaped = true;
    l->tok.name = lexer_name(l, arena_span(l->arena, buf_span(&out)));
    l->tok.kind = l->tok.name->word;
    buf_free(&out);
}

static void read_word(struct lexer *l)
{
    for (uint32_t n; (n = word_length(l, l->at)) > 0;)
        l->at += n;
    if (peek(l, 0) == '\\') {
        read_escaped_word(l);
        return;
    }
    l->tok.name = lexer_name(l, span_of(l->tree->text.p + l->tok.start, l->at - l->tok.start));
    l->tok.kind = l->tok.name->word;
}

// Numbers -----------------------------------------------------------------------------------------

static bool is_digit_of(int c, unsigned radix)
{
    if (c == END)
        return false;
    int value = text_hex_value((char)c);
    return value >= 0 && (unsigned)value < radix;
}

// Digits, with single underscores between them, but not behind a leading 0. False after an error.
static bool read_digits(struct lexer *l, unsigned radix)
{
    uint32_t start = l->at;
    while (is_digit_of(peek(l, 0), radix) || peek(l, 0) == '_') {
        if (peek(l, 0) == '_') {
            l->tok.lowered = true;
            bool zero =
                radix == 10 && l->at == l->tok.start + 1 && l->tree->text.p[l->tok.start] == '0';
            if (l->at == start || zero || !is_digit_of(peek(l, 1), radix)) {
                lexer_fail(l, l->at, "an underscore in a number stands between two digits");
                return false;
            }
        }
        l->at++;
    }
    return true;
}

static bool read_radix(struct lexer *l, unsigned radix)
{
    l->at += 2;
    if (!is_digit_of(peek(l, 0), radix)) {
        lexer_fail(l, l->at, "a digit is missing after %.2s", l->tree->text.p + l->tok.start);
        return false;
    }
    return read_digits(l, radix);
}

// 0 followed by digits: octal, or decimal when it has an 8 or 9. True when that was all.
static bool read_legacy(struct lexer *l)
{
    bool decimal = false;
    l->tok.octal = true;
    while (is_digit(peek(l, 0))) {
        decimal |= peek(l, 0) >= '8';
        l->at++;
    }
    return !decimal;
}

static bool read_fraction(struct lexer *l)
{
    if (peek(l, 0) == '.') {
        l->at++;
        if (!read_digits(l, 10))
            return false;
    }
    if (peek(l, 0) != 'e' && peek(l, 0) != 'E')
        return true;
    l->at++;
    if (peek(l, 0) == '+' || peek(l, 0) == '-')
        l->at++;
    if (!is_digit(peek(l, 0))) {
        lexer_fail(l, l->at, "the exponent has no digits");
        return false;
    }
    return read_digits(l, 10);
}

static void read_number(struct lexer *l)
{
    l->tok.kind = T_NUMBER;
    int x = peek(l, 0) == '0' ? peek(l, 1) | 0x20 : 0;
    bool ok = true;
    if (x == 'x' || x == 'o' || x == 'b')
        ok = read_radix(l, x == 'x' ? 16 : x == 'o' ? 8 : 2);
    else if (x && is_digit(peek(l, 1)))
        ok = read_legacy(l) || read_fraction(l);
    else
        ok = read_digits(l, 10) && read_fraction(l);
    if (!ok)
        return;
    if (peek(l, 0) == 'n') {
        lexer_fail(l, l->tok.start,
                   "BigInt is not supported: write the number without n, or as a "
                   "string when it needs more than 53 bits");
        return;
    }
    if (word_length(l, l->at) > 0 || peek(l, 0) == '\\')
        lexer_fail(l, l->at, "a number and a name need a blank between them");
}

// Strings and templates ---------------------------------------------------------------------------

// After a backslash, which is gone. False for an escape without a value.
static bool read_escape(struct lexer *l)
{
    uint32_t n, c = char_at(l, l->at, &n);
    l->at += n;
    if (c == 'x') {
        for (int i = 0; i < 2; i++, l->at++) {
            if (!is_digit_of(peek(l, 0), 16))
                return false;
        }
        return true;
    }
    if (c == 'u') {
        l->tok.lowered |= peek(l, 0) == '{';
        return read_unicode_escape(l) >= 0;
    }
    if (c == '\r' && peek(l, 0) == '\n')
        l->at++;
    if (c >= '0' && c <= '9' && (c != '0' || is_digit(peek(l, 0))))
        l->tok.octal = true;
    return true;
}

static void read_string(struct lexer *l, int quote)
{
    l->tok.kind = T_STRING;
    for (l->at++; l->at < l->tree->text.n;) {
        uint32_t at = l->at, n, c = char_at(l, at, &n);
        l->at += n;
        if (c == (uint32_t)quote)
            return;
        if (c == '\n' || c == '\r')
            break;
        if (c == 0x2028 || c == 0x2029)
            l->tok.lowered = true;
        if (c != '\\' || l->at >= l->tree->text.n)
            continue;
        l->tok.escaped = true;
        if (!read_escape(l)) {
            lexer_fail(l, at, "this escape is not complete: \\xHH, \\uHHHH or \\u{H...}");
            return;
        }
    }
    lexer_fail(l, l->tok.start, "this string has no end: a closing %c is missing", quote);
}

// One piece of a template, after its ` or }.
static void read_piece(struct lexer *l)
{
    l->tok.kind = T_TEMPLATE;
    l->tok.octal = false;
    while (l->at < l->tree->text.n) {
        uint32_t n, c = char_at(l, l->at, &n);
        l->at += n;
        if (c == '`') {
            l->tok.tail = true;
            return;
        }
        if (c == '$' && peek(l, 0) == '{') {
            l->at++;
            return;
        }
        if (c == '\\' && l->at < l->tree->text.n && !read_escape(l))
            l->tok.bad_escape = true;
    }
    lexer_fail(l, l->tok.start, "this template has no end: a closing ` is missing");
}

void lexer_template(struct lexer *l)
{
    if (l->failed)
        return;
    l->at = l->tok.start + 1;
    read_piece(l);
    l->tok.bad_escape |= l->tok.octal;
    if (!l->failed)
        l->tok.end = l->at;
}

void lexer_regexp(struct lexer *l)
{
    if (l->failed)
        return;
    bool in_class = false;
    for (l->at = l->tok.start + 1;;) {
        uint32_t n = 1, c = l->at < l->tree->text.n ? char_at(l, l->at, &n) : '\n';
        if (is_line_end(c)) {
            lexer_fail(l, l->tok.start,
                       "this regular expression has no end: a closing / is missing");
            return;
        }
        l->at += n;
        if (c == '\\' && l->at < l->tree->text.n && !is_line_end(char_at(l, l->at, &n)))
            l->at += n;
        else if (c == '[' || c == ']')
            in_class = c == '[';
        else if (c == '/' && !in_class)
            break;
    }
    for (uint32_t n; (n = word_length(l, l->at)) > 0;)
        l->at += n;
    l->tok.kind = T_REGEXP;
    l->tok.end = l->at;
}

// Punctuators -------------------------------------------------------------------------------------

static const struct {
    const char *text;
    enum token_kind kind;
} punctuators[] = {
#define PUNCTUATOR(name, spelling, precedence) {spelling, name},
    TOKEN_PUNCTUATORS(PUNCTUATOR)
#undef PUNCTUATOR
};

// The longest that fits.
static void read_punctuator(struct lexer *l)
{
    size_t best = 0;
    size_t left = l->tree->text.n - l->at;
    for (size_t i = 0; i < sizeof(punctuators) / sizeof(punctuators[0]); i++) {
        const char *text = punctuators[i].text;
        size_t n = strlen(text);
        if (text[0] != l->tree->text.p[l->at] || n <= best || n > left ||
            memcmp(text, l->tree->text.p + l->at, n) != 0)
            continue;
        // a?.5:b is a condition.
        if (punctuators[i].kind == T_QUESTION_DOT && is_digit(peek(l, 2)))
            continue;
        best = n;
        l->tok.kind = punctuators[i].kind;
    }
    if (best > 0) {
        l->at += (uint32_t)best;
        return;
    }
    uint32_t n, c = char_at(l, l->at, &n);
    if (c >= ' ' && c != 0x7f)
        lexer_fail(l, l->at, "the character %.*s has no meaning here", (int)n,
                   l->tree->text.p + l->at);
    else
        lexer_fail(l, l->at, "a character with the code %u has no meaning here", c);
}

// -------------------------------------------------------------------------------------------------

void lexer_next(struct lexer *l)
{
    if (l->failed)
        return;
    l->previous_end = l->tok.end;
    l->tok = (struct token){.kind = T_END};
    if (!skip_blanks(l))
        return;
    l->tok.start = l->at;
    int c = peek(l, 0);
    if (c == END)
        l->tok.kind = T_END;
    else if (is_digit(c) || (c == '.' && is_digit(peek(l, 1))))
        read_number(l);
    else if (c == '\\' || word_length(l, l->at) > 0)
        read_word(l);
    else if (c == '"' || c == '\'')
        read_string(l, c);
    else if (c == '`')
        lexer_template(l);
    else if (c == '#' && word_length(l, l->at + 1) > 0)
        l->tok.kind = T_PRIVATE;
    else
        read_punctuator(l);
    if (!l->failed)
        l->tok.end = l->at;
}

struct token lexer_peek(struct lexer *l)
{
    struct token here = l->tok;
    uint32_t at = l->at, previous_end = l->previous_end;
    // What is wrong with the next token is told when it is reached.
    bool failed = l->failed;
    struct syntax_error error = *l->error;
    lexer_next(l);
    struct token next = l->tok;
    l->tok = here;
    l->at = at;
    l->previous_end = previous_end;
    l->failed = failed;
    *l->error = error;
    return next;
}

void lexer_init(struct lexer *l, struct ast_tree *tree, struct arena *arena,
                struct syntax_error *error)
{
    *l = (struct lexer){.tree = tree, .arena = arena, .error = error};
    lexer_next(l);
}

void lexer_free(struct lexer *l)
{
    map_free(&l->names);
}
