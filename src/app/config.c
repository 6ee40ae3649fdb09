// SPDX-License-Identifier: Apache-2.0
#include "app/config.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/config_aws.h"
#include "app/file.h"
#include "aws/settings.h"
#include "base/mem.h"
#include "bridge/config.h"
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
    {path, KEY_TEXT, offsetof(struct raw, member), 0, 0, otherwise, 0}
#define INT(path, member, min, max, otherwise)                                                     \
    {path, KEY_INT, offsetof(struct raw, member), min, max, NULL, otherwise}
#define BOOL(path, member, otherwise)                                                              \
    {path, KEY_BOOL, offsetof(struct raw, member), 0, 0, NULL, otherwise}

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define DAY_MS INT64_C(86400000)
#define EXPAND_ROOM 4096 // for the values of variables

// The file's plain keys as they are read, before they are interpreted.
struct raw {
    struct config c;
    struct span listen, level, synchronous;
};

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

struct reader {
    struct raw raw;
    struct span dir;
    config_env_fn *env;
    void *env_ctx;
    struct err *e;
};

static const char *process_env(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

// Replaces every ${NAME}; an unset name is an error, since an empty secret is never what was meant.
static int expand_in(struct reader *r, struct arena *a, const char *path, struct span in,
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

static int expand(struct reader *r, const char *path, struct span in, struct span *out)
{
    return expand_in(r, &r->raw.c.arena, path, in, out);
}

static int read_key(struct reader *r, const struct key *k, const struct json *v)
{
    void *to = (char *)&r->raw + k->offset;
    if (k->type == KEY_TEXT) {
        if (!json_is(v, JSON_STRING))
            return err_set(r->e, ERR_CONFIG, "%s: must be a string", k->path);
        return expand(r, k->path, json_str(v, SPAN_NONE), to);
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

static void set_defaults(struct raw *raw)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        void *to = (char *)raw + keys[i].offset;
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

static int read_member(struct reader *r, struct span section, const struct json *v)
{
    struct arena *a = &r->raw.c.arena;
    struct span name = json_key(v);
    struct span path =
        section.n ? arena_printf(a, "%.*s.%.*s", SPAN_ARG(section), SPAN_ARG(name)) : name;
    const struct key *k = find_key(path);
    if (!k)
        return err_set(r->e, ERR_CONFIG, "%.*s: unknown key", SPAN_ARG(path));
    return read_key(r, k, v);
}

static int read_section(struct reader *r, const struct json *section)
{
    if (!json_is(section, JSON_OBJECT))
        return err_set(r->e, ERR_CONFIG, "%.*s: must be an object", SPAN_ARG(json_key(section)));
    for (const struct json *v = json_child(section); v; v = json_next(v)) {
        if (read_member(r, json_key(section), v) < 0)
            return r->e->code;
    }
    return 0;
}

// A member of a list's item; only those named in `allowed` (NULL-ended) may be there.
static int check_members(struct reader *r, const struct json *item, const char *list, size_t i,
                         const char *const *allowed)
{
    if (!json_is(item, JSON_OBJECT))
        return err_set(r->e, ERR_CONFIG, "%s[%zu]: must be an object", list, i);
    for (const struct json *m = json_child(item); m; m = json_next(m)) {
        size_t k = 0;
        while (allowed[k] && !span_is(json_key(m), allowed[k]))
            k++;
        if (!allowed[k]) {
            return err_set(r->e, ERR_CONFIG, "%s[%zu].%.*s: unknown key", list, i,
                           SPAN_ARG(json_key(m)));
        }
    }
    return 0;
}

static int item_text(struct reader *r, const struct json *item, const char *list, size_t i,
                     const char *key, bool needed, struct span *out)
{
    const struct json *v = json_get(item, key);
    char path[128];
    snprintf(path, sizeof path, "%s[%zu].%s", list, i, key);
    *out = SPAN_NONE;
    if (!v && !needed)
        return 0;
    if (!json_is(v, JSON_STRING))
        return err_set(r->e, ERR_CONFIG, "%s: %s", path, v ? "must be a string" : "missing");
    if (expand(r, path, json_str(v, SPAN_NONE), out) < 0)
        return r->e->code;
    if (needed && out->n == 0)
        return err_set(r->e, ERR_CONFIG, "%s: is empty", path);
    return 0;
}

static int read_user(struct reader *r, const struct json *item, size_t i)
{
    static const char *const allowed[] = {"email", "password", "authority", NULL};
    struct config_user *u = &r->raw.c.users[i];
    if (check_members(r, item, "users", i, allowed) < 0 ||
        item_text(r, item, "users", i, "email", true, &u->email) < 0 ||
        item_text(r, item, "users", i, "password", true, &u->password) < 0 ||
        item_text(r, item, "users", i, "authority", false, &u->authority) < 0)
        return r->e->code;
    if (u->authority.n == 0)
        u->authority = SPAN("TENANT_ADMIN");
    if (!span_is(u->authority, "TENANT_ADMIN"))
        return err_set(r->e, ERR_CONFIG, "users[%zu].authority: only TENANT_ADMIN is known", i);
    r->raw.c.n_users = i + 1;
    return 0;
}

static int read_converter(struct reader *r, const struct json *item, size_t i)
{
    static const char *const allowed[] = {"name", "type", "file", NULL};
    struct config_converter *c = &r->raw.c.converters[i];
    struct span type, file;
    if (check_members(r, item, "converters", i, allowed) < 0 ||
        item_text(r, item, "converters", i, "name", true, &c->name) < 0 ||
        item_text(r, item, "converters", i, "type", true, &type) < 0 ||
        item_text(r, item, "converters", i, "file", true, &file) < 0)
        return r->e->code;
    if (!span_is(type, "UPLINK") && !span_is(type, "DOWNLINK"))
        return err_set(r->e, ERR_CONFIG, "converters[%zu].type: must be UPLINK or DOWNLINK", i);
    c->downlink = span_is(type, "DOWNLINK");
    if (file_read_in(r->dir, file, CONFIG_FILE_MAX, &r->raw.c.arena, &c->script, r->e) < 0)
        return err_wrap(r->e, "converters[%zu].file", i);
    r->raw.c.n_converters = i + 1;
    return 0;
}

// Strings anywhere in an integration's own configuration may refer to the environment too.
static int expand_tree(struct reader *r, struct json *node, const char *path)
{
    for (struct json *v = json_child(node), *next; v; v = next) {
        next = json_next(v);
        if (json_is(v, JSON_STRING) && json_is(node, JSON_OBJECT)) {
            struct arena scratch = {0};
            struct span text, key = json_key(v);
            int status = expand_in(r, &scratch, path, json_str(v, SPAN_NONE), &text);
            if (status == 0 && !span_eq(text, json_str(v, SPAN_NONE)))
                json_set_str(node, arena_cstr(&scratch, key), text);
            arena_free_wiped(&scratch);
            if (status < 0)
                return status;
        } else if (expand_tree(r, v, path) < 0) {
            return r->e->code;
        }
    }
    return 0;
}

static int check_flags(struct reader *r, const struct json *item, size_t i)
{
    static const char *const flags[] = {"enabled", "allowCreateDevicesOrAssets", NULL};
    for (size_t k = 0; flags[k]; k++) {
        const struct json *v = json_get(item, flags[k]);
        if (v && !json_is(v, JSON_BOOL))
            return err_set(r->e, ERR_CONFIG, "integrations[%zu].%s: must be true or false", i,
                           flags[k]);
    }
    return 0;
}

// Clients of the API may send what we do not know; in a file it is a slip of the pen.
static int check_configuration(struct reader *r, const struct json *item, size_t i)
{
    const struct json *configuration = json_get(item, "configuration");
    const struct json *parts[] = {configuration, json_get(configuration, "clientConfiguration")};
    for (size_t k = 0; k < 2; k++) {
        for (const struct json *m = json_is(parts[k], JSON_OBJECT) ? json_child(parts[k]) : NULL; m;
             m = json_next(m)) {
            if (!integration_config_knows(json_key(m)))
                return err_set(r->e, ERR_CONFIG,
                               "integrations[%zu].configuration.%s%.*s: unknown key", i,
                               k ? "clientConfiguration." : "", SPAN_ARG(json_key(m)));
        }
    }
    return 0;
}

static int read_integration(struct reader *r, struct json *item, size_t i)
{
    static const char *const allowed[] = {"name",
                                          "type",
                                          "routingKey",
                                          "enabled",
                                          "allowCreateDevicesOrAssets",
                                          "uplinkConverter",
                                          "downlinkConverter",
                                          "configuration",
                                          NULL};
    struct config_integration *in = &r->raw.c.integrations[i];
    struct span type, routing_key;
    char path[64];
    snprintf(path, sizeof path, "integrations[%zu]", i);
    if (check_members(r, item, "integrations", i, allowed) < 0 ||
        item_text(r, item, "integrations", i, "name", true, &in->name) < 0 ||
        item_text(r, item, "integrations", i, "uplinkConverter", true, &in->uplink) < 0 ||
        item_text(r, item, "integrations", i, "downlinkConverter", false, &in->downlink) < 0 ||
        item_text(r, item, "integrations", i, "type", false, &type) < 0 ||
        item_text(r, item, "integrations", i, "routingKey", false, &routing_key) < 0 ||
        check_flags(r, item, i) < 0 || check_configuration(r, item, i) < 0)
        return r->e->code;
    if (expand_tree(r, item, path) < 0)
        return r->e->code;
    in->doc = json_copy(item);
    r->raw.c.n_integrations = i + 1;
    json_remove(in->doc, "uplinkConverter");
    json_remove(in->doc, "downlinkConverter");
    if (!json_get(in->doc, "type"))
        json_set_str(in->doc, "type", SPAN("AWS_KINESIS"));
    return 0;
}

// Of two items with one name the later would take the place of the other.
static int check_names(struct reader *r, const struct json *list, const char *name, const char *key)
{
    size_t i = 0;
    for (const struct json *v = json_child(list); v; v = json_next(v), i++) {
        struct span text = json_get_str(v, key, SPAN_NONE);
        for (const struct json *o = json_child(list); text.n && o != v; o = json_next(o)) {
            if (span_eq(json_get_str(o, key, SPAN_NONE), text))
                return err_set(r->e, ERR_CONFIG, "%s[%zu].%s: \"%.*s\" is there twice", name, i,
                               key, SPAN_ARG(text));
        }
    }
    return 0;
}

static int count_list(struct reader *r, const struct json *list, const char *name, const char *key,
                      size_t max, size_t *n)
{
    if (!json_is(list, JSON_ARRAY))
        return err_set(r->e, ERR_CONFIG, "%s: must be an array", name);
    *n = json_count(list);
    if (*n > max)
        return err_set(r->e, ERR_CONFIG, "%s: %zu items, at most %zu", name, *n, max);
    return check_names(r, list, name, key);
}

static int read_users(struct reader *r, const struct json *list)
{
    size_t n, i = 0;
    if (count_list(r, list, "users", "email", CONFIG_USERS_MAX, &n) < 0)
        return r->e->code;
    r->raw.c.users = arena_zalloc(&r->raw.c.arena, (n + 1) * sizeof *r->raw.c.users);
    for (const struct json *v = json_child(list); v; v = json_next(v)) {
        if (read_user(r, v, i++) < 0)
            return r->e->code;
    }
    return 0;
}

static int read_converters(struct reader *r, const struct json *list)
{
    size_t n, i = 0;
    if (count_list(r, list, "converters", "name", CONFIG_ITEMS_MAX, &n) < 0)
        return r->e->code;
    r->raw.c.converters = arena_zalloc(&r->raw.c.arena, (n + 1) * sizeof *r->raw.c.converters);
    for (const struct json *v = json_child(list); v; v = json_next(v)) {
        if (read_converter(r, v, i++) < 0)
            return r->e->code;
    }
    return 0;
}

static int read_integrations(struct reader *r, struct json *list)
{
    size_t n, i = 0;
    if (count_list(r, list, "integrations", "name", CONFIG_ITEMS_MAX, &n) < 0 ||
        check_names(r, list, "integrations", "routingKey") < 0)
        return r->e->code;
    r->raw.c.integrations = arena_zalloc(&r->raw.c.arena, (n + 1) * sizeof *r->raw.c.integrations);
    for (struct json *v = json_child(list); v; v = json_next(v)) {
        if (read_integration(r, v, i++) < 0)
            return r->e->code;
    }
    return 0;
}

static int read_top(struct reader *r, struct json *v)
{
    struct span name = json_key(v);
    if (span_is(name, "users"))
        return read_users(r, v);
    if (span_is(name, "converters"))
        return read_converters(r, v);
    if (span_is(name, "integrations"))
        return read_integrations(r, v);
    if (is_section(name))
        return read_section(r, v);
    return read_member(r, SPAN_NONE, v);
}

static int check_converter(struct reader *r, size_t i, const char *key, struct span name,
                           bool downlink)
{
    const struct config_converter *c = config_find_converter(&r->raw.c, name);
    if (!c || c->downlink == downlink)
        return 0; // the database may have it
    return err_set(r->e, ERR_CONFIG, "integrations[%zu].%s: converter \"%.*s\" is not of type %s",
                   i, key, SPAN_ARG(name), downlink ? "DOWNLINK" : "UPLINK");
}

static int check_converters(struct reader *r)
{
    for (size_t i = 0; i < r->raw.c.n_integrations; i++) {
        const struct config_integration *in = &r->raw.c.integrations[i];
        if (check_converter(r, i, "uplinkConverter", in->uplink, false) < 0 ||
            check_converter(r, i, "downlinkConverter", in->downlink, true) < 0)
            return r->e->code;
        if (in->downlink.n && span_is(json_get_str(in->doc, "type", SPAN_NONE), "HTTP"))
            return err_set(r->e, ERR_CONFIG,
                           "integrations[%zu].downlinkConverter: an HTTP integration has no stream "
                           "for downlinks: call the other side by a REST API call node",
                           i);
    }
    return 0;
}

static int interpret(struct reader *r)
{
    struct config *c = &r->raw.c;
    if (!log_parse_level(r->raw.level, &c->log_level)) {
        return err_set(r->e, ERR_CONFIG, "log.level: must be error, warn, info, debug or trace");
    }
    if (url_parse_hostport(r->raw.listen, &c->http_host, &c->http_port, r->e) < 0)
        return err_wrap(r->e, "http.listen");
    if ((c->http_cert.n == 0) != (c->http_key.n == 0))
        return err_set(r->e, ERR_CONFIG, "http.tlsCert: goes together with http.tlsKey");
    if ((c->aws_cert.n == 0) != (c->aws_key.n == 0))
        return err_set(r->e, ERR_CONFIG, "aws.tlsCert: goes together with aws.tlsKey");
    c->synchronous_normal = span_is(r->raw.synchronous, "normal");
    if (!c->synchronous_normal && !span_is(r->raw.synchronous, "full"))
        return err_set(r->e, ERR_CONFIG, "storage.synchronous: must be full or normal");
    if (c->data.n == 0)
        return err_set(r->e, ERR_CONFIG, "data: is empty");
    if (check_converters(r) < 0)
        return r->e->code;
    return config_read_aws(c, r->env, r->env_ctx, r->e);
}

// Of two values for one key one would count, silently.
static int check_twice(struct reader *r, const struct json *node)
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

static int read_root(struct reader *r)
{
    struct json *root = r->raw.c.root;
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

static int finish(struct reader *r, struct config **out)
{
    struct config *c = mem_new(struct config);
    int status = read_root(r);
    *c = r->raw.c;
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
    struct reader r = {.dir = dir, .env = env ? env : process_env, .env_ctx = env_ctx, .e = e};
    set_defaults(&r.raw);
    if (text.p) {
        r.raw.c.root = json_parse(text, e);
        if (!r.raw.c.root)
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

const struct config_converter *config_find_converter(const struct config *c, struct span name)
{
    for (size_t i = 0; i < c->n_converters; i++) {
        if (span_eq(c->converters[i].name, name))
            return &c->converters[i];
    }
    return NULL;
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
