// SPDX-License-Identifier: Apache-2.0
#include "api/mask.h"

#include "bridge/config.h"
#include "hub/secrets.h"

// Names below `configuration`, at any depth: hub/secrets.h says which.

static void set(struct json *at, struct span key, struct span text)
{
    struct buf name = {0};
    buf_add_span(&name, key);
    json_set_str(at, buf_cstr(&name), text);
    buf_free(&name);
}

static void mask(struct json *at)
{
    for (struct json *m = json_child(at), *next; m; m = next) {
        next = json_next(m);
        if (secrets_is_member(at, m))
            set(at, json_key(m), SPAN(CONFIG_SECRET_MASK));
        else if (json_is(m, JSON_OBJECT) || json_is(m, JSON_ARRAY))
            mask(m);
    }
}

void mask_secrets(struct json *integration)
{
    struct json *configuration = json_get(integration, "configuration");
    if (configuration)
        mask(configuration);
}

// The first text of that name with a value, anywhere: older templates put the keys right under
// `configuration`.
static struct span stored_secret(const struct json *at, struct span key)
{
    struct span s = SPAN_NONE;
    for (const struct json *m = at ? json_child(at) : NULL; m && !s.n; m = json_next(m)) {
        if (secrets_is_member(at, m) && span_eq(json_key(m), key))
            s = json_str(m, SPAN_NONE);
        else if (json_is(m, JSON_OBJECT) || json_is(m, JSON_ARRAY))
            s = stored_secret(m, key);
    }
    return s;
}

// The stored member of that name, or item of that place.
static const struct json *counterpart(const struct json *stored, const struct json *m, size_t at)
{
    const struct json *c = stored ? json_child(stored) : NULL;
    for (; c; c = json_next(c), at--) {
        if (json_is(stored, JSON_ARRAY) ? at == 0 : span_eq(json_key(c), json_key(m)))
            return c;
    }
    return NULL;
}

// `stored` is what stood in the place of `at`, or NULL; `root` all that was there.
static int unmask(struct json *at, const struct json *stored, const struct json *root,
                  struct err *e)
{
    int status = 0;
    size_t i = 0;
    for (struct json *m = json_child(at), *next; m && status == 0; m = next, i++) {
        const struct json *was = counterpart(stored, m, i);
        next = json_next(m);
        if (json_is(m, JSON_OBJECT) || json_is(m, JSON_ARRAY)) {
            status = unmask(m, was, root, e);
        } else if (secrets_is_member(at, m) &&
                   span_is(json_str(m, SPAN_NONE), CONFIG_SECRET_MASK)) {
            struct span secret = json_str(was, SPAN_NONE);
            if (!secret.n)
                secret = stored_secret(root, json_key(m));
            if (!secret.n) {
                return err_set(e, ERR_INVALID,
                               "clientConfiguration.%.*s: is masked and none is stored: give the "
                               "real one",
                               SPAN_ARG(json_key(m)));
            }
            set(at, json_key(m), secret);
        }
    }
    return status;
}

int unmask_secrets(struct json *sent, const struct json *stored, struct err *e)
{
    struct json *configuration = json_get(sent, "configuration");
    const struct json *old = json_get(stored, "configuration");
    return configuration ? unmask(configuration, old, old, e) : 0;
}
