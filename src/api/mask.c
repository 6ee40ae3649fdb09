// SPDX-License-Identifier: Apache-2.0
#include "api/mask.h"

#include "bridge/config.h"

static const char *const secret_keys[] = {"secretAccessKey", "sessionToken"};

#define N_SECRETS (sizeof secret_keys / sizeof *secret_keys)
#define N_PLACES 2

// Older templates put the keys right under `configuration`.
static struct json *place(const struct json *integration, unsigned i)
{
    struct json *configuration = json_get(integration, "configuration");
    return i == 0 ? json_get(configuration, "clientConfiguration") : configuration;
}

void mask_secrets(struct json *integration)
{
    for (unsigned i = 0; i < N_PLACES; i++) {
        struct json *at = place(integration, i);
        for (size_t k = 0; k < N_SECRETS; k++) {
            if (json_get_str(at, secret_keys[k], SPAN_NONE).n)
                json_set_str(at, secret_keys[k], SPAN(CONFIG_SECRET_MASK));
        }
    }
}

static struct span stored_secret(const struct json *stored, const char *key)
{
    struct span s = SPAN_NONE;
    for (unsigned i = 0; i < N_PLACES && !s.n; i++)
        s = json_get_str(place(stored, i), key, SPAN_NONE);
    return s;
}

int unmask_secrets(struct json *sent, const struct json *stored, struct err *e)
{
    for (unsigned i = 0; i < N_PLACES; i++) {
        struct json *at = place(sent, i);
        for (size_t k = 0; k < N_SECRETS; k++) {
            if (!span_is(json_get_str(at, secret_keys[k], SPAN_NONE), CONFIG_SECRET_MASK))
                continue;
            struct span secret = stored_secret(stored, secret_keys[k]);
            if (!secret.n) {
                return err_set(e, ERR_INVALID,
                               "clientConfiguration.%s: is masked and none is stored: give the "
                               "real one",
                               secret_keys[k]);
            }
            json_set_str(at, secret_keys[k], secret);
        }
    }
    return 0;
}
