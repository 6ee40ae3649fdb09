// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_internal.h"

#define CLASS "org.thingsboard.rule.engine."
#define LOG_SCRIPT                                                                                 \
    "return '\\\\nIncoming message:\\\\n' + JSON.stringify(msg) + '\\\\nIncoming metadata:\\\\n' " \
    "+ "                                                                                           \
    "JSON.stringify(metadata);"
#define NODE(name, class, version, x, y, configuration)                                            \
    "{\"type\":\"" CLASS class "\",\"name\":\"" name                                               \
                               "\",\"debugSettings\":null,\"singletonMode\":false,"                \
                               "\"configurationVersion\":" #version                                \
                               ",\"configuration\":" configuration                                 \
                               ",\"additionalInfo\":{\"layoutX\":" #x ",\"layoutY\":" #y "}}"
#define LOG_CONF                                                                                   \
    "{\"scriptLang\":\"JS\",\"jsScript\":\"" LOG_SCRIPT "\",\"tbelScript\":\"" LOG_SCRIPT "\"}"
#define EDGE(from, to, type) "{\"fromIndex\":" #from ",\"toIndex\":" #to ",\"type\":\"" type "\"}"

// The Root Rule Chain of a new tenant: facts/hub.md section 4.5.
const char *hub_default_chain_metadata(void)
{
    return "{\"firstNodeIndex\":2,\"nodes\":[" NODE(
        "Save Timeseries", "telemetry.TbMsgTimeseriesNode", 1, 824, 156,
        "{\"defaultTTL\":0,\"useServerTs\":false,\"processingSettings\":"
        "{\"type\":\"ON_EVERY_MESSAGE\"}}") "," NODE("Save Client Attributes",
                                                     "telemetry.TbMsgAttributesNode", 3, 825, 52,
                                                     "{\"processingSettings\":{\"type\":\"ON_EVERY_"
                                                     "MESSAGE\"},\"scope\":\"CLIENT_SCOPE\","
                                                     "\"notifyDevice\":false,"
                                                     "\"sendAttributesUpdatedNotification\":false,"
                                                     "\"updateAttributesOnlyOnValueChange\":true}") "," NODE("Message Type Switch",
                                                                                                             "filter.TbMsgTypeSwitchNode",
                                                                                                             0,
                                                                                                             347, 149, "{\"version\":0}") "," NODE("Log RPC from Device",
                                                                                                                                                   "action.TbLogNode", 0, 825, 266, LOG_CONF) "," NODE("Log Other", "action.TbLogNode", 0, 825, 379, LOG_CONF) "," NODE("RPC Call Request", "rpc.TbSendRPCRequestNode",
                                                                                                                                                                                                                                                                        0, 825, 468, "{\"timeoutInSeconds\":60}") "],\"connections\":[" EDGE(2, 0, "Post telemetry") "," EDGE(2,
                                                                                                                                                                                                                                                                                                                                                                              1,
                                                                                                                                                                                                                                                                                                                                                                              "Post attributes") "," EDGE(2,
                                                                                                                                                                                                                                                                                                                                                                                                          3,
                                                                                                                                                                                                                                                                                                                                                                                                          "RPC Request from Device") "," EDGE(2,
                                                                                                                                                                                                                                                                                                                                                                                                                                              4,
                                                                                                                                                                                                                                                                                                                                                                                                                                              "Other") "," EDGE(2,
                                                                                                                                                                                                                                                                                                                                                                                                                                                                5,
                                                                                                                                                                                                                                                                                                                                                                                                                                                                "RPC Request to Device") "],\"ruleChainConnections\":null}";
}
