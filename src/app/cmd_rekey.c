// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "app/args.h"
#include "app/cmd.h"
#include "app/config.h"
#include "hub/secrets.h"

// `penstock rekey`: a new key in secret.key, and every secret sealed anew under it. The gateway
// must be stopped. At any moment the file holds every key that is needed; an interrupted run is
// repeated.

static void on_closed(void *ctx)
{
    (void)ctx;
}

// Opening the store does the work (secrets_filter).
static int seal_all(const char *dir, struct err *e)
{
    struct loop *l = loop_new(&clock_system);
    struct secrets *secrets = NULL;
    struct store *store = NULL;
    int status = secrets_new(dir, NULL, &clock_system, &secrets, e);
    if (status == 0) {
        struct store_options o = {.dir = dir, .filter = secrets_filter, .filter_ctx = secrets};
        status = store_open(l, &o, &store, e);
    }
    if (status == 0)
        store_close(store, on_closed, NULL);
    loop_run(l);
    loop_free(l);
    secrets_free(secrets);
    return status;
}

static int rekey(const char *dir, struct err *e)
{
    struct secret_keys old, both;
    if (secret_keys_load(dir, NULL, &old, e) < 0)
        return e->code;
    both = old;
    secret_keys_add(&both, &clock_system);
    int status = secret_keys_store(dir, &both, e);
    if (status == 0) {
        status = seal_all(dir, e);
        both.n = 1;
        struct err ignored = {0};
        // Failed: as it was, or many tries would push a key out that is needed.
        int stored = secret_keys_store(dir, status == 0 ? &both : &old, status == 0 ? e : &ignored);
        status = status == 0 ? stored : status;
    }
    if (status == 0)
        printf("every secret is sealed under the new key %s\n", both.key[0].id);
    secret_keys_wipe(&old);
    secret_keys_wipe(&both);
    return status;
}

int cmd_rekey(int argc, char **argv)
{
    struct args a = {argc, argv, 0, "rekey"};
    const char *path = args_config_file(&a);
    struct config *config = NULL;
    struct err e = {0};
    if (!path)
        return EXIT_USAGE;
    if (getenv(SECRET_KEY_VARIABLE) && span_trim(span_str(getenv(SECRET_KEY_VARIABLE))).n) {
        return args_fail(&a, EXIT_USAGE,
                         "the key comes from " SECRET_KEY_VARIABLE
                         ": put a new one before it there, start once, then remove the old one");
    }
    if (config_load(path, NULL, NULL, &config, &e) < 0)
        return args_fail(&a, EXIT_USAGE, "%s", e.msg);
    int status = rekey(arena_cstr(&config->arena, config->data), &e);
    config_free(config);
    return status < 0 ? args_fail(&a, EXIT_FAILED, "%s", e.msg) : EXIT_OK;
}
