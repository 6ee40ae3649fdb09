// SPDX-License-Identifier: Apache-2.0
#include "codec/url.h"

#include "base/text.h"

#define SHOWN_MAX 120 // bytes of a wrong URL that go into a message
#define HOST_MAX 253  // RFC 1035 section 2.3.4, as text
#define IPV6_MAX 45   // characters, with an IPv4 tail

// Without the query, which may hold a secret.
static int shown(struct span s)
{
    size_t n = span_find(s, '?');
    return n < SHOWN_MAX ? (int)n : SHOWN_MAX;
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// A registered name or IPv4 address (RFC 3986 section 3.2.2) without percent-coding.
static bool is_host_name(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '.' && s.p[i] != '_') {
            return false;
        }
    }
    return s.n > 0 && s.n <= HOST_MAX;
}

// What may stand between brackets; the resolver has the last word on the digits.
static bool is_ipv6(struct span s)
{
    size_t colons = 0;
    for (size_t i = 0; i < s.n; i++) {
        colons += s.p[i] == ':';
        if (text_hex_value(s.p[i]) < 0 && s.p[i] != ':' && s.p[i] != '.') {
            return false;
        }
    }
    return colons >= 2 && s.n <= IPV6_MAX;
}

static bool parse_port(struct span s, uint16_t *out)
{
    uint64_t v;
    if (s.n > 5 || !span_to_u64(s, &v) || v > 65535) {
        return false;
    }
    *out = (uint16_t)v;
    return true;
}

// Splits "HOST", "HOST:PORT", "[V6]" or "[V6]:PORT"; *port_text has p == NULL when there is no
// colon.
static bool split_host(struct span s, struct span *host, struct span *port_text)
{
    if (s.n > 0 && s.p[0] == '[') {
        size_t close = span_find(s, ']');
        if (close == s.n) {
            return false;
        }
        *host = span_of(s.p + 1, close - 1);
        struct span rest = span_of(s.p + close + 1, s.n - close - 1);
        if (rest.n > 0 && rest.p[0] != ':') {
            return false;
        }
        *port_text = rest.n > 0 ? span_of(rest.p + 1, rest.n - 1) : SPAN_NONE;
        return is_ipv6(*host);
    }
    *port_text = s;
    *host = span_cut(port_text, ':');
    return is_host_name(*host);
}

static bool is_url_char(char c)
{
    return c > 0x20 && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\' && c != '^' &&
           c != '`' && c != '{' && c != '|' && c != '}';
}

int url_parse(struct span s, struct url *out, struct err *e)
{
    struct url u = {0};
    struct span whole = s, port_text;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_url_char(s.p[i])) {
            return err_set(e, ERR_INVALID,
                           "URL has a character that must be percent-coded, at byte %zu", i + 1);
        }
    }
    if (s.n >= 8 && span_ieq(span_of(s.p, 8), SPAN("https://"))) {
        u.tls = true;
    } else if (s.n < 7 || !span_ieq(span_of(s.p, 7), SPAN("http://"))) {
        return err_set(e, ERR_INVALID, "URL \"%.*s\" must start with http:// or https://",
                       shown(whole), whole.p ? whole.p : "");
    }
    s = span_of(s.p + (u.tls ? 8 : 7), s.n - (u.tls ? 8 : 7));
    if (span_find(s, '#') < s.n) {
        return err_set(e, ERR_INVALID, "URL must not have a fragment (\"#...\")");
    }
    size_t end = 0;
    while (end < s.n && s.p[end] != '/' && s.p[end] != '?') {
        end++;
    }
    struct span authority = span_of(s.p, end), rest = span_of(s.p + end, s.n - end);
    // Not shown: what stands before '@' may be a password.
    if (span_find(authority, '@') < authority.n) {
        return err_set(e, ERR_INVALID, "URL must not have a user name or password before the host");
    }
    if (!split_host(authority, &u.host, &port_text)) {
        return err_set(e, ERR_INVALID, "URL \"%.*s\" has no valid host name", shown(whole),
                       whole.p);
    }
    u.port = u.tls ? 443 : 80;
    if (port_text.n > 0) {
        if (!parse_port(port_text, &u.port) || u.port == 0) {
            return err_set(e, ERR_INVALID, "URL \"%.*s\" has no valid port (1 to 65535)",
                           shown(whole), whole.p);
        }
        u.port_given = true;
    }
    size_t question = span_find(rest, '?');
    u.path = span_of(rest.p, question);
    if (question < rest.n) {
        u.query = span_of(rest.p + question + 1, rest.n - question - 1);
    }
    *out = u;
    return 0;
}

int url_decode(struct span s, bool plus, struct arena *a, struct span *out)
{
    char *p = arena_alloc(a, s.n), *q = p;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            int hi = i + 1 < s.n ? text_hex_value(s.p[i + 1]) : -1;
            int lo = i + 2 < s.n ? text_hex_value(s.p[i + 2]) : -1;
            if (hi < 0 || lo < 0) {
                return ERR_INVALID;
            }
            c = (char)(hi << 4 | lo);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0') {
            return ERR_INVALID;
        }
        *q++ = c;
    }
    *out = span_of(p, (size_t)(q - p));
    return 0;
}

bool url_query_get(struct span query, const char *name, struct arena *a, struct span *out)
{
    while (query.p) {
        struct span value = span_cut(&query, '&'), key;
        struct span raw = span_cut(&value, '=');
        if (url_decode(raw, true, a, &key) == 0 && span_is(key, name)) {
            return url_decode(value, true, a, out) == 0;
        }
    }
    return false;
}

void url_encode(struct buf *out, struct span s, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    char *start = buf_reserve(out, s.n * 3), *q = start;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (is_alnum((char)c) || c == '-' || c == '_' || c == '.' || c == '~' ||
            (c == '/' && keep_slash)) {
            *q++ = (char)c;
        } else {
            *q++ = '%';
            *q++ = digits[c >> 4];
            *q++ = digits[c & 15];
        }
    }
    buf_commit(out, (size_t)(q - start));
}

int url_parse_hostport(struct span s, struct span *host, uint16_t *port, struct err *e)
{
    struct span port_text;
    if (!split_host(s, host, &port_text)) {
        return err_set(e, ERR_INVALID, "\"%.*s\" is no address: HOST:PORT or [IPV6]:PORT expected",
                       shown(s), s.p ? s.p : "");
    }
    if (!parse_port(port_text, port)) {
        return err_set(e, ERR_INVALID,
                       "\"%.*s\" has no valid port: HOST:PORT with 0 to 65535 expected", shown(s),
                       s.p);
    }
    return 0;
}
