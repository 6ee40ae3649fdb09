// SPDX-License-Identifier: Apache-2.0
#include "app/config.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/config_aws.h"
#include "app/config_internal.h"
#include "app/file.h"
#include "aws/settings.h"
#include "base/mem.h"
#include "codec/url.h"
#include "store/store.h"

enum key_type { KEY_TEXT, KEY_INT, KEY_BOOL };

struct key {
    const char *path; // "section.key"
    enum key_type type;
    size_t offset;
    int64_t min, max;
    const char *text; // default of KEY_TEXT
    int64_t number;   // default of KEY_INT and KEY_BOOL
};

#define TEXT(path, member, otherwise)                                                              \
    {path, KEY_TEXT, offsetof(struct config_reader, member), 0, 0, otherwise, 0}
#define INT(path, member, min, max, otherwise)                                                     \
    {path, KEY_INT, offsetof(struct config_reader, member), min, max, NULL, otherwise}
#define BOOL(path, member, otherwise)                                                              \
    {path, KEY_BOOL, offsetof(struct config_reader, member), 0, 0, NULL, otherwise}

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define DAY_MS INT64_C(86400000)
#define EXPAND_ROOM 4096 // for the values of variables

static const struct key keys[] = {
    TEXT("data", c.data, "/var/lib/penstock"),
    TEXT("log.level", level, "info"),
    TEXT("http.listen", listen, "127.0.0.1:8080"),
    TEXT("http.tlsCert", c.http_cert, ""),
    TEXT("http.tlsKey", c.http_key, ""),
    INT("http.maxConnections", c.http_max_connections, 1, 100000, 1024),
    INT("http.maxBody", c.http_max_body, KIB, 256 * MIB, 16 * MIB),
    INT("limits.inflight", c.inflight, MIB, 16384 * MIB, 32 * MIB),
    INT("limits.getRecordsPerSecond", c.get_records_per_second, 1, 1000, 5),
    INT("limits.putRecordsPerSecond", c.put_records_per_second, 0, 1000000000, 1000),
    INT("limits.putBytesPerSecond", c.put_bytes_per_second, 0, 1024 * 1024 * MIB, MIB),
    INT("limits.pollMs", c.poll_ms, 1, 60000, 250),
    INT("limits.shutdownMs", c.shutdown_ms, 100, 600000, 10000),
    INT("limits.outboxRows", c.outbox_rows, 1, 1000000000, STORE_OUTBOX_ROWS_DEFAULT),
    INT("limits.outboxBytes", c.outbox_bytes, MIB, 1024 * 1024 * MIB, STORE_OUTBOX_BYTES_DEFAULT),
    INT("limits.downlinkDays", c.downlink_days, 0, 36500, 0),
    INT("limits.deadLetters", c.dead_letters, 1, 10000000, STORE_DEAD_ROWS_DEFAULT),
    INT("limits.deadLetterDays", c.dead_letter_days, 0, 36500, 90),
    INT("converter.workers", c.workers, 0, 256, 0),
    INT("converter.timeLimitMs", c.time_limit_ms, 1, 60000, 1000),
    INT("converter.memoryLimit", c.memory_limit, MIB, 4096 * MIB, 64 * MIB),
    INT("converter.queue", c.queue_max, 1, 10000, 64),
    BOOL("converter.castStrings", c.cast_strings, 1),
    TEXT("storage.synchronous", synchronous, "full"),
    INT("storage.headBytes", c.head_bytes, 64 * KIB, 4096 * MIB, 16 * MIB),
    INT("storage.headAgeMs", c.head_age_ms, 1000, DAY_MS, 900000),
    INT("storage.commitIntervalMs", c.commit_interval_ms, 0, 60000, 0),
    TEXT("aws.region", c.aws_region, ""),
    TEXT("aws.endpoint", c.aws_endpoint, ""),
    TEXT("aws.caBundle", c.aws_ca_file, ""),
    TEXT("aws.tlsCert", c.aws_cert, ""),
    TEXT("aws.tlsKey", c.aws_key, ""),
    TEXT("aws.proxy", c.aws_proxies.https, ""),
    TEXT("aws.noProxy", c.aws_proxies.no_proxy, ""),
    BOOL("aws.fips", c.aws_fips, 0),
    BOOL("aws.dualStack", c.aws_dual_stack, 0),
    INT("aws.maxAttempts", c.aws_max_attempts, 0, AWS_MAX_ATTEMPTS_LIMIT, 0),
};
#define N_KEYS (sizeof keys / sizeof *keys)

static const char *process_env(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

int config_expand(struct config_reader *r, struct arena *a, const char *path, struct span in,
                  struct span *out)
{
    struct buf b = {0};
    int status = 0;
    // Growing would leave parts of a secret behind.
    buf_reserve(&b, in.n + EXPAND_ROOM);
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] != '$' || i + 1 >= in.n || in.p[i + 1] != '{') {
            buf_add_char(&b, in.p[i]);
            continue;
        }
        struct span rest = {in.p + i + 2, in.n - i - 2};
        size_t end = span_find(rest, '}');
        const char *name = arena_cstr(a, span_of(rest.p, end));
        const char *v = end < rest.n ? r->env(r->env_ctx, name) : NULL;
        if (!v) {
            status =
                err_set(r->e, ERR_CONFIG, "%s: environment variable \"%s\" is not set", path, name);
            break;
        }
        buf_add_str(&b, v);
        i += end + 2;
    }
    *out = arena_span(a, buf_span(&b));
    buf_free_wiped(&b);
    return status;
}

static int read_key(struct config_reader *r, const struct key *k, const struct json *v)
{
    void *to = (char *)r + k->offset;
    if (k->type == KEY_TEXT) {
        if (!json_is(v, JSON_STRING))
            return err_set(r->e, ERR_CONFIG, "%s: must be a string", k->path);
        return config_expand(r, &r->c.arena, k->path, json_str(v, SPAN_NONE), to);
    }
    if (k->type == KEY_BOOL) {
        if (!json_is(v, JSON_BOOL))
            return err_set(r->e, ERR_CONFIG, "%s: must be true or false", k->path);
        *(bool *)to = json_bool(v, false);
        return 0;
    }
    int64_t n = json_int(v, k->min - 1);
    if (n < k->min || n > k->max) {
        return err_set(r->e, ERR_CONFIG, "%s: must be a whole number from %lld to %lld", k->path,
                       (long long)k->min, (long long)k->max);
    }
    *(int64_t *)to = n;
    return 0;
}

static void set_defaults(struct config_reader *r)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        void *to = (char *)r + keys[i].offset;
        if (keys[i].type == KEY_TEXT)
            *(struct span *)to = span_str(keys[i].text);
        else if (keys[i].type == KEY_BOOL)
            *(bool *)to = keys[i].number != 0;
        else
            *(int64_t *)to = keys[i].number;
    }
}

static const struct key *find_key(struct span path)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        if (span_is(path, keys[i].path))
            return &keys[i];
    }
    return NULL;
}

static bool is_section(struct span name)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        struct span path = span_str(keys[i].path);
        size_t dot = span_find(path, '.');
        if (dot < path.n && span_eq(span_of(path.p, dot), name))
            return true;
    }
    return false;
}

static int read_member(struct config_reader *r, struct span section, const struct json *v)
{
    struct arena *a = &r->c.arena;
    struct span name = json_key(v);
    struct span path =
        section.n ? arena_printf(a, "%.*s.%.*s", SPAN_ARG(section), SPAN_ARG(name)) : name;
    const struct key *k = find_key(path);
    if (!k)
        return err_set(r->e, ERR_CONFIG, "%.*s: unknown key", SPAN_ARG(path));
    return read_key(r, k, v);
}

static int read_section(struct config_reader *r, const struct json *section)
{
    if (!json_is(section, JSON_OBJECT))
        return err_set(r->e, ERR_CONFIG, "%.*s: must be an object", SPAN_ARG(json_key(section)));
    for (const struct json *v = json_child(section); v; v = json_next(v)) {
        if (read_member(r, json_key(section), v) < 0)
            return r->e->code;
    }
    return 0;
}

static int read_top(struct config_reader *r, struct json *v)
{
    struct span name = json_key(v);
    if (span_is(name, "users"))
        return config_read_users(r, v);
    if (span_is(name, "converters"))
        return config_read_converters(r, v);
    if (span_is(name, "integrations"))
        return config_read_integrations(r, v);
    if (is_section(name))
        return read_section(r, v);
    return read_member(r, SPAN_NONE, v);
}

static int interpret(struct config_reader *r)
{
    struct config *c = &r->c;
    if (!log_parse_level(r->level, &c->log_level)) {
        return err_set(r->e, ERR_CONFIG, "log.level: must be error, warn, info, debug or trace");
    }
    if (url_parse_hostport(r->listen, &c->http_host, &c->http_port, r->e) < 0)
        return err_wrap(r->e, "http.listen");
    if ((c->http_cert.n == 0) != (c->http_key.n == 0))
        return err_set(r->e, ERR_CONFIG, "http.tlsCert: goes together with http.tlsKey");
    if ((c->aws_cert.n == 0) != (c->aws_key.n == 0))
        return err_set(r->e, ERR_CONFIG, "aws.tlsCert: goes together with aws.tlsKey");
    c->synchronous_normal = span_is(r->synchronous, "normal");
    if (!c->synchronous_normal && !span_is(r->synchronous, "full"))
        return err_set(r->e, ERR_CONFIG, "storage.synchronous: must be full or normal");
    if (c->data.n == 0)
        return err_set(r->e, ERR_CONFIG, "data: is empty");
    if (config_check_converters(r) < 0)
        return r->e->code;
    return config_read_aws(c, r->env, r->env_ctx, r->e);
}

// Of two values for one key one would count, silently.
static int check_twice(struct config_reader *r, const struct json *node)
{
    bool object = json_is(node, JSON_OBJECT);
    for (const struct json *v = json_child(node); v; v = json_next(v)) {
        for (const struct json *o = json_child(node); object && o != v; o = json_next(o)) {
            if (span_eq(json_key(o), json_key(v)))
                return err_set(r->e, ERR_CONFIG, "%.*s: is there twice", SPAN_ARG(json_key(v)));
        }
        if (check_twice(r, v) < 0)
            return r->e->code;
    }
    return 0;
}

static int read_root(struct config_reader *r)
{
    struct json *root = r->c.root;
    if (root && !json_is(root, JSON_OBJECT))
        return err_set(r->e, ERR_CONFIG, "must be a JSON object");
    if (root && check_twice(r, root) < 0)
        return r->e->code;
    for (struct json *v = root ? json_child(root) : NULL; v; v = json_next(v)) {
        if (read_top(r, v) < 0)
            return r->e->code;
    }
    return interpret(r);
}

static int finish(struct config_reader *r, struct config **out)
{
    struct config *c = mem_new(struct config);
    int status = read_root(r);
    *c = r->c;
    if (status < 0) {
        r->e->code = ERR_CONFIG;
        config_free(c);
        return ERR_CONFIG;
    }
    *out = c;
    return 0;
}

int config_parse(struct span text, struct span dir, config_env_fn *env, void *env_ctx,
                 struct config **out, struct err *e)
{
    struct config_reader r = {
        .dir = dir, .env = env ? env : process_env, .env_ctx = env_ctx, .e = e};
    set_defaults(&r);
    if (text.p) {
        r.c.root = json_parse(text, e);
        if (!r.c.root)
            return e->code = ERR_CONFIG;
    }
    return finish(&r, out);
}

int config_load(const char *path, config_env_fn *env, void *env_ctx, struct config **out,
                struct err *e)
{
    struct arena a = {0};
    struct span text = SPAN_NONE;
    int status = 0;
    if (path)
        status = file_read(path, CONFIG_FILE_MAX, &a, &text, e);
    if (status == 0) {
        status =
            config_parse(text, path ? file_dir(span_str(path)) : SPAN("."), env, env_ctx, out, e);
        if (status < 0 && path)
            err_wrap(e, "%s", path);
    }
    arena_free_wiped(&a);
    return status;
}

static bool same_value(const struct key *k, const struct config *a, const struct config *b)
{
    const char *x = (const char *)a + k->offset, *y = (const char *)b + k->offset;
    if (k->type == KEY_TEXT)
        return span_eq(*(const struct span *)x, *(const struct span *)y);
    return k->type == KEY_BOOL ? *(const bool *)x == *(const bool *)y
                               : *(const int64_t *)x == *(const int64_t *)y;
}

bool config_needs_restart(const struct config *a, const struct config *b)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        // Those beyond are interpreted: below, but for the log's level, which needs none.
        if (keys[i].offset < sizeof(struct config) && !same_value(&keys[i], a, b))
            return true;
    }
    return !span_eq(a->http_host, b->http_host) || a->http_port != b->http_port ||
           a->synchronous_normal != b->synchronous_normal ||
           !span_eq(a->aws_proxies.http, b->aws_proxies.http);
}

void config_forget_secrets(struct config *c)
{
    for (size_t i = 0; i < c->n_users; i++) {
        mem_wipe((char *)c->users[i].password.p, c->users[i].password.n);
        c->users[i].password.n = 0;
    }
    for (size_t i = 0; i < c->n_integrations; i++)
        json_free(c->integrations[i].doc);
    c->n_integrations = 0;
    json_free(c->root);
    c->root = NULL;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    config_forget_secrets(c);
    arena_free_wiped(&c->arena);
    mem_free(c);
}
