// SPDX-License-Identifier: Apache-2.0
#include "api/document.h"

#define SCRIPT_MAX (1024 * 1024) // bytes of one script

#define N(array) (sizeof(array) / sizeof *(array))

static bool is_kind(const struct json *v, enum member_kind kind)
{
    switch (kind) {
    case MEMBER_TEXT:
        return json_is(v, JSON_STRING);
    case MEMBER_BOOL:
        return json_is(v, JSON_BOOL);
    case MEMBER_NUMBER:
        return json_is(v, JSON_NUMBER);
    case MEMBER_OBJECT:
        return json_is(v, JSON_OBJECT);
    default:
        return json_is(v, JSON_ARRAY);
    }
}

static const char *const kind_names[] = {"a string", "true or false", "a number", "an object",
                                         "an array"};

int document_check(struct json *doc, const struct member *members, size_t n, const char *prefix,
                   struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        const struct member *m = &members[i];
        const struct json *v = json_get(doc, m->key);
        if (v && !json_is(v, JSON_NULL)) {
            if (is_kind(v, m->kind))
                continue;
            return err_set(e, ERR_INVALID, "%s%s: must be %s", prefix, m->key, kind_names[m->kind]);
        }
        if (m->json)
            json_set(doc, m->key, json_parse(span_str(m->json), NULL));
    }
    return 0;
}

static int check_object(struct json *doc, const char *what, struct err *e)
{
    if (json_is(doc, JSON_OBJECT))
        return 0;
    return err_set(e, ERR_INVALID, "%s must be a JSON object", what);
}

// facts/hub.md section 2.1.
static const struct member converter_members[] = {
    {"name", MEMBER_TEXT, NULL},
    {"type", MEMBER_TEXT, NULL},
    {"integrationType", MEMBER_TEXT, "null"},
    {"debugMode", MEMBER_BOOL, "false"},
    {"debugSettings", MEMBER_OBJECT, "null"},
    {"configuration", MEMBER_OBJECT, NULL},
    {"additionalInfo", MEMBER_OBJECT, "null"},
    {"edgeTemplate", MEMBER_BOOL, "false"},
    {"converterVersion", MEMBER_NUMBER, "1"},
    {"version", MEMBER_NUMBER, NULL},
};

static const struct member script_members[] = {
    {"scriptLang", MEMBER_TEXT, "\"JS\""}, {"decoder", MEMBER_TEXT, "null"},
    {"tbelDecoder", MEMBER_TEXT, "null"},  {"encoder", MEMBER_TEXT, "null"},
    {"tbelEncoder", MEMBER_TEXT, "null"},  {"updateOnlyKeys", MEMBER_ARRAY, "[]"},
};

static int check_scripts(const struct json *configuration, bool up, struct err *e)
{
    struct span lang = json_get_str(configuration, "scriptLang", SPAN_NONE);
    struct span js = json_get_str(configuration, up ? "decoder" : "encoder", SPAN_NONE);
    struct span tbel = json_get_str(configuration, up ? "tbelDecoder" : "tbelEncoder", SPAN_NONE);
    if (!span_is(lang, "JS") && !span_is(lang, "TBEL"))
        return err_set(e, ERR_INVALID, "configuration.scriptLang: must be JS or TBEL");
    if (!js.n && !tbel.n)
        return err_set(e, ERR_INVALID, "configuration.%s: the script is missing",
                       up ? "decoder" : "encoder");
    if (js.n > SCRIPT_MAX || tbel.n > SCRIPT_MAX)
        return err_set(e, ERR_INVALID, "configuration: a script has at most %d bytes", SCRIPT_MAX);
    const struct json *keys = json_get(configuration, "updateOnlyKeys");
    for (const struct json *k = json_child(keys); k; k = json_next(k)) {
        if (!json_is(k, JSON_STRING))
            return err_set(e, ERR_INVALID, "configuration.updateOnlyKeys: must hold strings");
    }
    return 0;
}

int converter_check(struct json *doc, struct err *e)
{
    if (check_object(doc, "Converter", e) < 0 ||
        document_check(doc, converter_members, N(converter_members), "", e) < 0)
        return e->code;
    struct span type = json_get_str(doc, "type", SPAN_NONE);
    bool up = span_is(type, "UPLINK");
    if (!up && !span_is(type, "DOWNLINK"))
        return err_set(e, ERR_INVALID, "type: must be UPLINK or DOWNLINK");
    struct json *configuration = json_get(doc, "configuration");
    if (!json_is(configuration, JSON_OBJECT))
        return err_set(e, ERR_INVALID, "configuration: missing");
    int status =
        document_check(configuration, script_members, N(script_members), "configuration.", e);
    return status < 0 ? status : check_scripts(configuration, up, e);
}

// facts/hub.md section 3.5.
static const struct member rule_chain_members[] = {
    {"name", MEMBER_TEXT, NULL},
    {"type", MEMBER_TEXT, "\"CORE\""},
    {"firstRuleNodeId", MEMBER_OBJECT, "null"},
    {"root", MEMBER_BOOL, NULL},
    {"debugMode", MEMBER_BOOL, "false"},
    {"configuration", MEMBER_OBJECT, "null"},
    {"additionalInfo", MEMBER_OBJECT, "null"},
    {"version", MEMBER_NUMBER, NULL},
};

int rule_chain_check(struct json *doc, struct err *e)
{
    if (check_object(doc, "Rule chain", e) < 0 ||
        document_check(doc, rule_chain_members, N(rule_chain_members), "", e) < 0)
        return e->code;
    struct span type = json_get_str(doc, "type", SPAN_NONE);
    if (!span_is(type, "CORE") && !span_is(type, "EDGE"))
        return err_set(e, ERR_INVALID, "type: must be CORE or EDGE");
    // Both are shown, never stored: they follow from other documents.
    json_remove(doc, "root");
    json_remove(doc, "firstRuleNodeId");
    return 0;
}

// facts/hub.md section 3.3.
static const struct member profile_members[] = {
    {"name", MEMBER_TEXT, NULL},
    {"type", MEMBER_TEXT, "\"DEFAULT\""},
    {"transportType", MEMBER_TEXT, "\"DEFAULT\""},
    {"provisionType", MEMBER_TEXT, "\"DISABLED\""},
    {"defaultRuleChainId", MEMBER_OBJECT, "null"},
    {"profileData", MEMBER_OBJECT, "null"},
    {"version", MEMBER_NUMBER, NULL},
};

int device_profile_check(struct json *doc, struct err *e)
{
    if (check_object(doc, "Device profile", e) < 0)
        return e->code;
    return document_check(doc, profile_members, N(profile_members), "", e);
}

static const struct member metadata_members[] = {
    {"ruleChainId", MEMBER_OBJECT, NULL},      {"version", MEMBER_NUMBER, NULL},
    {"firstNodeIndex", MEMBER_NUMBER, "null"}, {"nodes", MEMBER_ARRAY, "[]"},
    {"connections", MEMBER_ARRAY, "[]"},       {"ruleChainConnections", MEMBER_ARRAY, "null"},
};

int rule_chain_metadata_check(struct json *doc, struct err *e)
{
    if (check_object(doc, "Rule chain metadata", e) < 0)
        return e->code;
    return document_check(doc, metadata_members, N(metadata_members), "", e);
}

// facts/hub.md section 1.3.
static const struct member integration_members[] = {
    {"name", MEMBER_TEXT, NULL},
    {"type", MEMBER_TEXT, NULL},
    {"debugMode", MEMBER_BOOL, "false"},
    {"debugSettings", MEMBER_OBJECT, "null"},
    {"enabled", MEMBER_BOOL, "true"},
    {"remote", MEMBER_BOOL, "false"},
    {"allowCreateDevicesOrAssets", MEMBER_BOOL, "true"},
    {"edgeTemplate", MEMBER_BOOL, "false"},
    {"defaultConverterId", MEMBER_OBJECT, NULL},
    {"downlinkConverterId", MEMBER_OBJECT, "null"},
    {"routingKey", MEMBER_TEXT, NULL},
    {"secret", MEMBER_TEXT, NULL},
    {"configuration", MEMBER_OBJECT, NULL},
    {"additionalInfo", MEMBER_OBJECT, "null"},
    {"version", MEMBER_NUMBER, NULL},
};

int integration_check(struct json *doc, struct err *e)
{
    if (check_object(doc, "Integration", e) < 0)
        return e->code;
    return document_check(doc, integration_members, N(integration_members), "", e);
}

void converter_fill(struct json *doc)
{
    struct err ignored = {0};
    (void)converter_check(doc, &ignored);
}

void integration_fill(struct json *doc)
{
    struct err ignored = {0};
    (void)integration_check(doc, &ignored);
    if (!json_get_str(doc, "routingKey", SPAN_NONE).n)
        json_set_str(doc, "routingKey", json_get_str(json_get(doc, "id"), "id", SPAN_NONE));
    if (!json_get(doc, "secret"))
        json_set_str(doc, "secret", SPAN(""));
}
