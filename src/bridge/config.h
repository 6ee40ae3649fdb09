// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BRIDGE_CONFIG_H
#define PENSTOCK_BRIDGE_CONFIG_H

// The `configuration` of an AWS_KINESIS integration (facts/hub.md section 1.1; ours: endpoint,
// sessionToken, initialTimestamp, roleArn, externalId, roleSessionName, aggregateDownlinks), or of
// an HTTP one, which has no stream; of both what webhook_config.h reads. Pure.
// Unknown keys are kept in the document and ignored here.

#include "aws/kinesis.h"
#include "base/arena.h"
#include "base/uuid.h"
#include "bridge/webhook_config.h"
#include "codec/json.h"
#include "convert/convert.h"

// What REST shows instead of a secret; sent back, it means "as it was".
#define CONFIG_SECRET_MASK "********"

enum integration_kind { INTEGRATION_KINESIS, INTEGRATION_HTTP };

struct integration_config {
    struct arena arena;
    enum integration_kind kind;
    struct webhook_config webhook;
    struct uuid id; // null: not saved yet
    struct span stream_name, region, endpoint;
    struct span access_key_id, secret_access_key, session_token;
    struct span role_arn, external_id, role_session_name; // a role to assume; empty = none
    bool instance_metadata, fan_out;
    bool aggregate_downlinks;     // as the Kinesis Producer Library does
    struct span application_name; // empty = none
    enum kinesis_iterator start;
    int64_t start_timestamp_ms;
    int max_records;
    int64_t request_ms;
    // integrationName and the integration's own key/values, for converters.
    struct convert_pair *pairs;
    size_t n_pairs;
};

// `doc` is the whole integration. Secrets stay sealed as they are in it (hub/secrets.h).
// ERR_INVALID names the key. Everything is copied into c->arena.
int integration_config_read(const struct json *doc, struct integration_config *c, struct err *e);
// Whether a member of `configuration` or its `clientConfiguration` is one of those that are read.
bool integration_config_knows(struct span key);
void integration_config_free(struct integration_config *c);

#endif
