// SPDX-License-Identifier: Apache-2.0
#include "net/proxy.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "codec/base64.h"

#define HOST_MAX 255
#define PORT_DEFAULT 80

struct ip {
    int family;
    uint8_t bytes[16];
};

static bool parse_ip(struct span s, struct ip *out)
{
    char text[INET6_ADDRSTRLEN];
    if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
        s = span_of(s.p + 1, s.n - 2);
    if (s.n == 0 || s.n >= sizeof text)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    out->family = memchr(s.p, ':', s.n) ? AF_INET6 : AF_INET;
    return inet_pton(out->family, text, out->bytes) == 1;
}

static bool in_network(const struct ip *ip, int family, const uint8_t *network, unsigned prefix)
{
    if (ip->family != family || memcmp(ip->bytes, network, prefix / 8) != 0)
        return false;
    unsigned rest = prefix % 8;
    uint8_t mask = (uint8_t)(0xff00 >> rest);
    return rest == 0 || ((ip->bytes[prefix / 8] ^ network[prefix / 8]) & mask) == 0;
}

// Proxies -----------------------------------------------------------------------------------------

static int decode_user(struct arena *a, struct span user, struct buf *out, const char *what,
                       struct err *e)
{
    struct span password = user, plain;
    struct span name = span_cut(&password, ':');
    if (url_decode(name, false, a, &plain) < 0)
        return err_set(e, ERR_CONFIG, "%s: its user name is badly percent-encoded", what);
    buf_add_span(out, plain);
    buf_add_char(out, ':');
    if (url_decode(password, false, a, &plain) < 0)
        return err_set(e, ERR_CONFIG, "%s: its password is badly percent-encoded", what);
    buf_add_span(out, plain);
    return 0;
}

// RFC 7617.
static int read_user(struct arena *a, struct span user, struct proxy *out, const char *what,
                     struct err *e)
{
    struct buf plain = {0}, value = {0};
    int status = decode_user(a, user, &plain, what, e);
    if (status == 0) {
        buf_add_str(&value, "Basic ");
        base64_encode(&value, buf_span(&plain));
        out->authorization = arena_span(a, buf_span(&value));
    }
    buf_free_wiped(&plain);
    buf_free_wiped(&value);
    return status;
}

static size_t find_last(struct span s, char c)
{
    size_t at = s.n;
    while (at > 0 && s.p[at - 1] != c)
        at--;
    return at;
}

static int read_proxy(struct arena *a, struct span s, const char *what, struct proxy *out,
                      struct err *e)
{
    s = span_trim(s);
    if (s.n == 0)
        return 0;
    if (span_has_prefix(s, SPAN("https://")))
        return err_set(e, ERR_CONFIG, "%s: a proxy is spoken to in plain HTTP: use http://", what);
    if (span_has_prefix(s, SPAN("http://")))
        s = span_of(s.p + 7, s.n - 7);
    struct span authority = span_cut(&s, '/');
    size_t at = find_last(authority, '@');
    struct span host_port = span_of(authority.p + at, authority.n - at);
    bool has_port = find_last(host_port, ':') > find_last(host_port, ']');
    out->port = PORT_DEFAULT;
    if (has_port && url_parse_hostport(host_port, &out->host, &out->port, NULL) < 0)
        return err_set(e, ERR_CONFIG, "%s: must be http://HOST:PORT", what);
    if (!has_port)
        out->host = span_has_prefix(host_port, SPAN("["))
                        ? span_of(host_port.p + 1, host_port.n - 2)
                        : host_port;
    if (out->host.n == 0 || out->host.n > HOST_MAX || out->port == 0)
        return err_set(e, ERR_CONFIG, "%s: must be http://HOST:PORT", what);
    out->host = arena_span(a, out->host);
    return at > 0 ? read_user(a, span_of(authority.p, at - 1), out, what, e) : 0;
}

// Exceptions --------------------------------------------------------------------------------------

static struct span lower_case(struct arena *a, struct span s)
{
    char *p = arena_dup(a, s.p, s.n);
    for (size_t i = 0; i < s.n; i++) {
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] |= 0x20;
    }
    return span_of(p, s.n);
}

static bool read_network(struct span s, struct proxy_exception *out)
{
    struct span bits = s;
    struct span address = span_cut(&bits, '/');
    struct ip ip = {0};
    uint64_t prefix;
    if (!parse_ip(address, &ip))
        return false;
    uint64_t all = ip.family == AF_INET ? 32 : 128;
    if (address.n == s.n)
        prefix = all;
    else if (!span_to_u64(bits, &prefix) || prefix > all)
        return false;
    out->family = ip.family;
    out->prefix = (unsigned)prefix;
    memcpy(out->network, ip.bytes, sizeof out->network);
    return true;
}

// Cuts ":PORT" off, unless the colons are those of an IPv6 address.
static struct span cut_port(struct span s, uint16_t *port)
{
    size_t colon = span_find(s, ':');
    bool bracketed = s.n && s.p[0] == '[';
    struct span host;
    uint64_t n;
    if (bracketed && url_parse_hostport(s, &host, port, NULL) == 0)
        return host;
    if (bracketed || colon == s.n || memchr(s.p + colon + 1, ':', s.n - colon - 1))
        return s;
    if (!span_to_u64(span_of(s.p + colon + 1, s.n - colon - 1), &n) || n == 0 || n > UINT16_MAX)
        return s;
    *port = (uint16_t)n;
    return span_of(s.p, colon);
}

static void read_exception(struct proxy_rules *r, struct span s, struct proxy_exception *out)
{
    *out = (struct proxy_exception){0};
    s = cut_port(s, &out->port);
    if (read_network(s, out))
        return;
    if (span_has_prefix(s, SPAN("*.")))
        s = span_of(s.p + 2, s.n - 2);
    else if (span_has_prefix(s, SPAN(".")))
        s = span_of(s.p + 1, s.n - 1);
    out->name = lower_case(&r->arena, s);
}

static int read_exceptions(struct proxy_rules *r, struct span list, struct err *e)
{
    r->exceptions = arena_array(&r->arena, struct proxy_exception, PROXY_EXCEPTIONS_MAX);
    while (list.n) {
        struct span s = span_trim(span_cut(&list, ','));
        if (s.n == 0)
            continue;
        if (span_is(s, "*")) {
            r->none = true;
            continue;
        }
        if (r->n_exceptions == PROXY_EXCEPTIONS_MAX)
            return err_set(e, ERR_CONFIG, "NO_PROXY: more than %d entries", PROXY_EXCEPTIONS_MAX);
        read_exception(r, s, &r->exceptions[r->n_exceptions++]);
    }
    return 0;
}

int proxy_rules_init(struct proxy_rules *r, const struct proxy_settings *s, struct err *e)
{
    *r = (struct proxy_rules){0};
    int status = read_proxy(&r->arena, s->https, "HTTPS_PROXY", &r->https, e);
    if (status == 0)
        status = read_proxy(&r->arena, s->http, "HTTP_PROXY", &r->http, e);
    if (status == 0)
        status = read_exceptions(r, s->no_proxy, e);
    if (status < 0)
        proxy_rules_free(r);
    return status;
}

static void wipe(struct proxy *p)
{
    if (p->authorization.n)
        mem_wipe((char *)p->authorization.p, p->authorization.n);
}

void proxy_rules_free(struct proxy_rules *r)
{
    wipe(&r->https);
    wipe(&r->http);
    arena_free(&r->arena);
    *r = (struct proxy_rules){0};
}

// The choice --------------------------------------------------------------------------------------

// RFC 6890: loopback and link-local networks, and the IPv6 address of instance metadata.
static bool is_local(const struct ip *ip)
{
    static const struct {
        int family;
        uint8_t network[16];
        unsigned prefix;
    } networks[] = {{AF_INET, {127}, 8},
                    {AF_INET, {169, 254}, 16},
                    {AF_INET6, {[15] = 1}, 128},
                    {AF_INET6, {0xfe, 0x80}, 10},
                    {AF_INET6, {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54}, 128}};
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        if (in_network(ip, networks[i].family, networks[i].network, networks[i].prefix))
            return true;
    }
    return false;
}

static bool is_below(struct span host, struct span name)
{
    if (host.n < name.n || name.n == 0)
        return false;
    struct span tail = span_of(host.p + host.n - name.n, name.n);
    return span_ieq(tail, name) && (host.n == name.n || host.p[host.n - name.n - 1] == '.');
}

static bool fits(const struct proxy_exception *x, const struct url *origin, const struct ip *ip)
{
    if (x->port && x->port != origin->port)
        return false;
    if (x->family)
        return ip->family && in_network(ip, x->family, x->network, x->prefix);
    return is_below(origin->host, x->name);
}

const struct proxy *proxy_rules_find(const struct proxy_rules *r, const struct url *origin)
{
    const struct proxy *p = origin->tls ? &r->https : &r->http;
    struct ip ip = {0};
    if (p->host.n == 0 || r->none || is_below(origin->host, SPAN("localhost")))
        return NULL;
    if (!parse_ip(origin->host, &ip))
        ip.family = 0;
    else if (is_local(&ip))
        return NULL;
    for (size_t i = 0; i < r->n_exceptions; i++) {
        if (fits(&r->exceptions[i], origin, &ip))
            return NULL;
    }
    return p;
}
