// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_APP_CONFIG_H
#define PENSTOCK_APP_CONFIG_H

// The configuration file: one JSON document, conf/penstock.json is the documented example. Unknown
// keys are errors, ${NAME} inside strings is replaced from the environment, every key has a
// default. Reading blocks: before the loop runs, or as a job.

#include "base/arena.h"
#include "base/log.h"
#include "codec/json.h"
#include "net/proxy.h"

#define CONFIG_USERS_MAX 100
#define CONFIG_ITEMS_MAX 1000
#define CONFIG_FILE_MAX (4 * 1024 * 1024)

struct config_user {
    struct span email, password, authority;
};

// A converter that the file declares; its script is read with the configuration.
struct config_converter {
    struct span name;
    bool downlink;
    struct span script;
};

struct config_integration {
    struct span name, uplink, downlink; // downlink may be empty
    struct json *doc;                   // as REST takes it, but for the converters' ids
};

struct config {
    struct arena arena;
    struct json *root; // owns the documents
    struct span data;
    enum log_level log_level;
    struct span http_host;
    uint16_t http_port;
    struct span http_cert, http_key; // empty = plain HTTP
    int64_t http_max_connections, http_max_body;
    int64_t inflight, get_records_per_second, poll_ms, shutdown_ms;
    int64_t put_records_per_second, put_bytes_per_second;
    int64_t outbox_rows, outbox_bytes, downlink_days;
    int64_t dead_letters, dead_letter_days; // days: 0 = whatever their age
    int64_t workers, time_limit_ms, memory_limit, queue_max;
    bool cast_strings;
    bool synchronous_normal;
    int64_t head_bytes, head_age_ms, commit_interval_ms;
    // After the environment and the AWS profile were asked.
    struct span aws_region, aws_endpoint, aws_ca_file;
    bool aws_fips, aws_dual_stack;
    int64_t aws_max_attempts; // 0 = as the service wants it
    struct proxy_settings aws_proxies;
    struct span aws_cert, aws_key; // files; empty = none
    struct config_user *users;
    size_t n_users;
    struct config_converter *converters;
    size_t n_converters;
    struct config_integration *integrations;
    size_t n_integrations;
};

typedef const char *config_env_fn(void *ctx, const char *name);

// Reads `path`; NULL = all defaults. `env` NULL = the process's environment. ERR_CONFIG (or ERR_IO)
// with "FILE: key: reason". On failure nothing is left to free.
int config_load(const char *path, config_env_fn *env, void *env_ctx, struct config **out,
                struct err *e);
// The same from text already read; `dir` is what relative file names are relative to.
int config_parse(struct span text, struct span dir, config_env_fn *env, void *env_ctx,
                 struct config **out, struct err *e);
// One that the file declares, or NULL.
const struct config_converter *config_find_converter(const struct config *c, struct span name);
// Whether `b` has settings that a gateway running with `a` takes over at its next start only.
bool config_needs_restart(const struct config *a, const struct config *b);
// Once users and integrations have gone where they belong: neither is there any more.
void config_forget_secrets(struct config *c);
void config_free(struct config *c);

#endif
