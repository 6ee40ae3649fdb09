// SPDX-License-Identifier: Apache-2.0
#include "syntax/syntax.h"

#define CARET_LINE_MAX 100 // characters shown of a line

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

// The length of the line end at `at`, 0 when there is none.
static uint32_t line_end_length(struct span text, uint32_t at)
{
    const char *p = text.p + at;
    size_t left = text.n - at;
    if (p[0] == '\n')
        return 1;
    if (p[0] == '\r')
        return left > 1 && p[1] == '\n' ? 2 : 1;
    if (left > 2 && memcmp(p, "\xe2\x80", 2) == 0 && (p[2] == '\xa8' || p[2] == '\xa9'))
        return 3;
    return 0;
}

struct syntax_place syntax_locate(struct span text, uint32_t at)
{
    struct syntax_place place = {1, 1};
    for (uint32_t i = 0; i < at && i < text.n;) {
        uint32_t n = line_end_length(text, i);
        if (n > 0 && i + n <= at) {
            place.line++;
            place.column = 1;
            i += n;
            continue;
        }
        i++;
        while (i < text.n && is_continuation(text.p[i]))
            i++;
        place.column++;
    }
    return place;
}

static struct span find_line(struct span text, uint32_t line)
{
    uint32_t at = 0, begin = 0;
    for (uint32_t number = 1; at < text.n;) {
        uint32_t n = line_end_length(text, at);
        if (n == 0) {
            at++;
        } else if (number++ == line) {
            break;
        } else {
            begin = at += n;
        }
    }
    return span_of(text.p + begin, at - begin);
}

void syntax_add_caret(struct buf *out, struct span text, struct syntax_place place)
{
    struct span line = find_line(text, place.line);
    uint32_t from = place.column > CARET_LINE_MAX / 2 ? place.column - CARET_LINE_MAX / 2 : 1;
    struct buf under = {0};
    uint32_t column = 0;
    for (size_t i = 0; i < line.n && column < from + CARET_LINE_MAX; i++) {
        column += !is_continuation(line.p[i]);
        if (column < from || column >= from + CARET_LINE_MAX)
            continue;
        unsigned char c = (unsigned char)line.p[i];
        buf_add_char(out, c < 0x20 && c != '\t' ? ' ' : line.p[i]);
        if (column < place.column && !is_continuation(line.p[i]))
            buf_add_char(&under, c == '\t' ? '\t' : ' ');
    }
    buf_add_char(out, '\n');
    buf_add_span(out, buf_span(&under));
    buf_add_str(out, "^\n");
    buf_free(&under);
}
