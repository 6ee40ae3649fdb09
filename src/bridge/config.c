// SPDX-License-Identifier: Apache-2.0
#include "bridge/config.h"

#include "aws/sts.h"
#include "base/mem.h"
#include "hub/registry.h"
#include "stream/fan_out.h"

#define MAX_RECORDS_DEFAULT 10000
#define MAX_RECORDS_MAX 10000
#define REQUEST_S_DEFAULT 30
#define REQUEST_S_MAX 600
#define STREAM_NAME_MAX 128

// Older templates put the keys right under `configuration`.
static const struct json *client_part(const struct json *doc)
{
    const struct json *configuration = json_get(doc, "configuration");
    const struct json *client = json_get(configuration, "clientConfiguration");
    return client ? client : configuration;
}

static int get_text(const struct json *client, const char *key, struct arena *a, struct span *out,
                    struct err *e)
{
    const struct json *v = json_get(client, key);
    if (!v || json_is(v, JSON_NULL)) {
        *out = SPAN_NONE;
        return 0;
    }
    if (!json_is(v, JSON_STRING))
        return err_set(e, ERR_INVALID, "clientConfiguration.%s: must be a string", key);
    *out = arena_span(a, span_trim(json_str(v, SPAN_NONE)));
    return 0;
}

static int get_bool(const struct json *client, const char *key, bool *out, struct err *e)
{
    const struct json *v = json_get(client, key);
    if (v && !json_is(v, JSON_NULL) && !json_is(v, JSON_BOOL))
        return err_set(e, ERR_INVALID, "clientConfiguration.%s: must be true or false", key);
    *out = json_bool(v, false);
    return 0;
}

static int get_int(const struct json *client, const char *key, int64_t min, int64_t max,
                   int64_t otherwise, int64_t *out, struct err *e)
{
    const struct json *v = json_get(client, key);
    if (!v || json_is(v, JSON_NULL)) {
        *out = otherwise;
        return 0;
    }
    *out = json_int(v, min - 1);
    if (*out < min || *out > max) {
        return err_set(e, ERR_INVALID,
                       "clientConfiguration.%s: must be a whole number from %lld to %lld", key,
                       (long long)min, (long long)max);
    }
    return 0;
}

static int read_position(const struct json *client, struct integration_config *c, struct err *e)
{
    struct span s;
    if (get_text(client, "initialPositionInStream", &c->arena, &s, e) < 0)
        return e->code;
    if (s.n == 0 || span_is(s, "LATEST")) {
        c->start = KINESIS_LATEST;
    } else if (span_is(s, "TRIM_HORIZON")) {
        c->start = KINESIS_TRIM_HORIZON;
    } else if (span_is(s, "AT_TIMESTAMP")) {
        c->start = KINESIS_AT_TIMESTAMP;
        if (!json_get(client, "initialTimestamp")) {
            return err_set(e, ERR_INVALID,
                           "clientConfiguration.initialTimestamp: needed for AT_TIMESTAMP "
                           "(milliseconds since 1970)");
        }
    } else {
        return err_set(e, ERR_INVALID,
                       "clientConfiguration.initialPositionInStream: \"%.*s\" is not LATEST, "
                       "TRIM_HORIZON or AT_TIMESTAMP",
                       SPAN_ARG(s));
    }
    return get_int(client, "initialTimestamp", 0, INT64_C(1) << 52, 0, &c->start_timestamp_ms, e);
}

static int check_role(const struct integration_config *c, struct err *e)
{
    struct sts_role role = {
        .arn = c->role_arn, .external_id = c->external_id, .session_name = c->role_session_name};
    if (!role.arn.n) {
        return role.external_id.n || role.session_name.n
                   ? err_set(e, ERR_INVALID,
                             "clientConfiguration: externalId and roleSessionName need roleArn")
                   : 0;
    }
    if (sts_role_check(&role, e) < 0) {
        err_wrap(e, "clientConfiguration");
        e->code = ERR_INVALID;
        return ERR_INVALID;
    }
    return 0;
}

static int read_texts(const struct json *client, struct integration_config *c, struct err *e)
{
    const struct {
        const char *key;
        struct span *to;
    } texts[] = {
        {"streamName", &c->stream_name},
        {"region", &c->region},
        {"endpoint", &c->endpoint},
        {"accessKeyId", &c->access_key_id},
        {"secretAccessKey", &c->secret_access_key},
        {"sessionToken", &c->session_token},
        {"applicationName", &c->application_name},
        {"roleArn", &c->role_arn},
        {"externalId", &c->external_id},
        {"roleSessionName", &c->role_session_name},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (get_text(client, texts[i].key, &c->arena, texts[i].to, e) < 0)
            return e->code;
    }
    if (c->stream_name.n == 0)
        return err_set(e, ERR_INVALID, "clientConfiguration.streamName: missing");
    if (c->stream_name.n > STREAM_NAME_MAX) {
        return err_set(e, ERR_INVALID, "clientConfiguration.streamName: at most %d characters",
                       STREAM_NAME_MAX);
    }
    if ((c->access_key_id.n == 0) != (c->secret_access_key.n == 0)) {
        return err_set(e, ERR_INVALID,
                       "clientConfiguration: accessKeyId and secretAccessKey go together");
    }
    if (c->session_token.n && !c->access_key_id.n) {
        return err_set(e, ERR_INVALID,
                       "clientConfiguration: sessionToken needs accessKeyId and secretAccessKey");
    }
    return check_role(c, e);
}

static int read_client(const struct json *client, struct integration_config *c, struct err *e)
{
    int64_t max_records, request_s;
    if (!json_is(client, JSON_OBJECT))
        return err_set(e, ERR_INVALID, "configuration.clientConfiguration: missing");
    if (read_texts(client, c, e) < 0 || read_position(client, c, e) < 0)
        return e->code;
    if (get_bool(client, "useCredentialsFromInstanceMetadata", &c->instance_metadata, e) < 0 ||
        get_bool(client, "useConsumersWithEnhancedFanOut", &c->fan_out, e) < 0 ||
        get_bool(client, "aggregateDownlinks", &c->aggregate_downlinks, e) < 0)
        return e->code;
    if (c->fan_out && c->application_name.n > 0 && !fan_out_is_name(c->application_name)) {
        return err_set(
            e, ERR_INVALID,
            "clientConfiguration.applicationName: names the consumer of enhanced fan-out: "
            "at most %d letters, digits, \"_\", \".\" and \"-\"",
            FAN_OUT_NAME_MAX);
    }
    if (get_int(client, "maxRecords", 1, MAX_RECORDS_MAX, MAX_RECORDS_DEFAULT, &max_records, e) <
            0 ||
        get_int(client, "requestTimeout", 1, REQUEST_S_MAX, REQUEST_S_DEFAULT, &request_s, e) < 0)
        return e->code;
    c->max_records = (int)max_records;
    c->request_ms = request_s * 1000;
    return 0;
}

static int read_pairs(const struct json *doc, struct integration_config *c, struct err *e)
{
    const struct json *metadata = json_get(json_get(doc, "configuration"), "metadata");
    if (metadata && !json_is(metadata, JSON_OBJECT) && !json_is(metadata, JSON_NULL))
        return err_set(e, ERR_INVALID, "configuration.metadata: must be an object of strings");
    size_t n = json_is(metadata, JSON_OBJECT) ? json_count(metadata) : 0;
    c->pairs = arena_array(&c->arena, struct convert_pair, n + 1);
    c->pairs[c->n_pairs].key = SPAN("integrationName");
    c->pairs[c->n_pairs++].value = arena_span(&c->arena, json_get_str(doc, "name", SPAN_NONE));
    for (const struct json *m = n ? json_child(metadata) : NULL; m; m = json_next(m)) {
        if (!json_is(m, JSON_STRING)) {
            return err_set(e, ERR_INVALID, "configuration.metadata.%.*s: must be a string",
                           SPAN_ARG(json_key(m)));
        }
        c->pairs[c->n_pairs].key = arena_span(&c->arena, json_key(m));
        c->pairs[c->n_pairs++].value = arena_span(&c->arena, json_str(m, SPAN_NONE));
    }
    return 0;
}

int integration_config_read(const struct json *doc, struct integration_config *c, struct err *e)
{
    *c = (struct integration_config){0};
    struct span type = json_get_str(doc, "type", SPAN_NONE);
    c->kind = span_is(type, "HTTP") ? INTEGRATION_HTTP : INTEGRATION_KINESIS;
    if (c->kind == INTEGRATION_KINESIS && !span_is(type, "AWS_KINESIS")) {
        return err_set(e, ERR_INVALID, "type: \"%.*s\" is not supported, only AWS_KINESIS and HTTP",
                       SPAN_ARG(type));
    }
    if (!registry_ref(doc, "id", &c->id))
        c->id = uuid_null;
    if ((c->kind == INTEGRATION_KINESIS && read_client(client_part(doc), c, e) < 0) ||
        webhook_config_read(doc, &c->arena, &c->webhook, e) < 0 || read_pairs(doc, c, e) < 0) {
        integration_config_free(c);
        return e->code;
    }
    return 0;
}

bool integration_config_knows(struct span key)
{
    static const char *const keys[] = {
        "clientConfiguration", "metadata",
        // read_client()
        "streamName", "region", "endpoint", "accessKeyId", "secretAccessKey", "sessionToken",
        "applicationName", "roleArn", "externalId", "roleSessionName", "initialPositionInStream",
        "initialTimestamp", "useCredentialsFromInstanceMetadata", "useConsumersWithEnhancedFanOut",
        "aggregateDownlinks", "maxRecords", "requestTimeout",
        // webhook_config_read()
        "enableSecurity", "headersFilter", "replaceNoContentToOk", "signatureSecret",
        "signatureHeader"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (span_is(key, keys[i]))
            return true;
    }
    return false;
}

void integration_config_free(struct integration_config *c)
{
    arena_free_wiped(&c->arena);
    *c = (struct integration_config){0};
}
