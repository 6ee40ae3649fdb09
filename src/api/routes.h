// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_API_ROUTES_H
#define PENSTOCK_API_ROUTES_H

// Every route: method, pattern, handler, who may. The first that fits wins (router.h). The
// handlers' names say their file: devices_list() is in devices.c.

#include "api/router.h"

#define TELEMETRY "/api/plugins/telemetry"

#define API_ROUTES(X)                                                                              \
    X(GET, TELEMETRY "/{type}/{id}/values/timeseries", telemetry_read, USER)                       \
    X(GET, TELEMETRY "/{type}/{id}/values/timeseries/history", telemetry_read_history, USER)       \
    X(GET, TELEMETRY "/{type}/{id}/keys/timeseries", telemetry_keys, USER)                         \
    X(GET, TELEMETRY "/{type}/{id}/values/attributes", attributes_read, USER)                      \
    X(GET, TELEMETRY "/{type}/{id}/values/attributes/{scope}", attributes_read, USER)              \
    X(GET, TELEMETRY "/{type}/{id}/keys/attributes", attributes_keys, USER)                        \
    X(GET, TELEMETRY "/{type}/{id}/keys/attributes/{scope}", attributes_keys, USER)                \
    X(POST, TELEMETRY "/{type}/{id}/timeseries/{any}", telemetry_save, ADMIN)                      \
    X(POST, TELEMETRY "/{type}/{id}/timeseries/{any}/{ttl}", telemetry_save, ADMIN)                \
    X(POST, TELEMETRY "/{type}/{id}/attributes/{scope}", attributes_save, ADMIN)                   \
    X(POST, TELEMETRY "/{type}/{id}/{scope}", attributes_save, ADMIN)                              \
    X(POST, TELEMETRY "/{id}/{scope}", attributes_save_device, ADMIN)                              \
    X(DELETE, TELEMETRY "/{type}/{id}/{scope}", attributes_delete, ADMIN)                          \
    X(DELETE, TELEMETRY "/{id}/{scope}", attributes_delete_device, ADMIN)                          \
    X(GET, "/api/device/{id}/credentials", device_credentials_get, ADMIN)                          \
    X(POST, "/api/device/credentials", device_credentials_save, ADMIN)                             \
    X(POST, "/api/v1/{token}/telemetry", device_api_telemetry, OPEN)                               \
    X(POST, "/api/v1/{token}/attributes", device_api_post_attributes, OPEN)                        \
    X(GET, "/api/v1/{token}/attributes", device_api_get_attributes, OPEN)                          \
    X(GET, "/api/v1/{token}/attributes/updates", device_api_attribute_updates, OPEN)               \
    X(GET, "/api/v1/{token}/rpc", device_rpc_poll, OPEN)                                           \
    X(POST, "/api/v1/{token}/rpc", device_rpc_to_server, OPEN)                                     \
    X(POST, "/api/v1/{token}/rpc/{id}", device_rpc_reply, OPEN)                                    \
    X(POST, "/api/rpc/oneway/{id}", rpc_oneway, ADMIN)                                             \
    X(POST, "/api/rpc/twoway/{id}", rpc_twoway, ADMIN)                                             \
    X(POST, "/api/plugins/rpc/oneway/{id}", rpc_oneway_v1, ADMIN)                                  \
    X(POST, "/api/plugins/rpc/twoway/{id}", rpc_twoway_v1, ADMIN)                                  \
    X(POST, "/api/v1/{token}/claim", device_api_not_supported, OPEN)                               \
    X(POST, "/api/v1/provision", device_api_not_supported, OPEN)                                   \
    X(POST, "/api/v1/integrations/http/{key}", webhooks_uplink, OPEN)                              \
    X(POST, "/api/v1/integrations/{key}/downlink", webhooks_downlink, OPEN)                        \
    X(POST, "/api/auth/login", auth_routes_login, OPEN)                                            \
    X(POST, "/api/auth/token", auth_routes_refresh, OPEN)                                          \
    X(POST, "/api/auth/logout", auth_routes_logout, USER)                                          \
    X(GET, "/api/auth/user", auth_routes_user, USER)                                               \
    X(GET, "/api/tenant/devices", devices_list_or_one, USER)                                       \
    X(GET, "/api/tenant/device", devices_by_name, USER)                                            \
    X(GET, "/api/tenant/deviceInfos", devices_list_infos, USER)                                    \
    X(GET, "/api/deviceInfos/all", devices_list_infos, USER)                                       \
    X(GET, "/api/user/devices", devices_list, USER)                                                \
    X(GET, "/api/devices", devices_by_ids, USER)                                                   \
    X(POST, "/api/device", devices_create, ADMIN)                                                  \
    X(GET, "/api/device/types", devices_types, USER)                                               \
    X(GET, "/api/device/info/{id}", devices_info, USER)                                            \
    X(GET, "/api/device/{id}", devices_get, USER)                                                  \
    X(DELETE, "/api/device/{id}", devices_delete, ADMIN)                                           \
    X(POST, "/api/deviceProfile", profiles_save, ADMIN)                                            \
    X(GET, "/api/deviceProfile/{id}", profiles_get, USER)                                          \
    X(GET, "/api/deviceProfiles", profiles_list, USER)                                             \
    X(GET, "/api/deviceProfileInfos", groups_profiles, USER)                                       \
    X(GET, "/api/entityGroup/all/{owner_type}/{owner}/{type}", groups_all, USER)                   \
    X(GET, "/api/entityGroups/{type}", groups_list, USER)                                          \
    X(GET, "/api/entityGroup/{id}", groups_get, USER)                                              \
    X(GET, "/api/entityGroup/{id}/devices", groups_devices, USER)                                  \
    X(POST, "/api/converter", converters_save, ADMIN)                                              \
    X(POST, "/api/converter/testUpLink", converter_test_uplink, ADMIN)                             \
    X(POST, "/api/converter/testDownLink", converter_test_downlink, ADMIN)                         \
    X(GET, "/api/converter/{id}", converters_get, ADMIN)                                           \
    X(DELETE, "/api/converter/{id}", converters_delete, ADMIN)                                     \
    X(GET, "/api/converters", converters_list, ADMIN)                                              \
    X(GET, "/api/converters/list", converters_by_ids, ADMIN)                                       \
    X(POST, "/api/integration", integrations_save, ADMIN)                                          \
    X(POST, "/api/integration/check", integrations_check, ADMIN)                                   \
    X(GET, "/api/integration/routingKey/{key}", integrations_by_routing_key, ADMIN)                \
    X(GET, "/api/integration/{id}", integrations_get, ADMIN)                                       \
    X(DELETE, "/api/integration/{id}", integrations_delete, ADMIN)                                 \
    X(GET, "/api/integration/{id}/status", integrations_status, ADMIN)                             \
    X(GET, "/api/integration/{id}/replay", replay_show, ADMIN)                                     \
    X(POST, "/api/integration/{id}/replay", replay_start, ADMIN)                                   \
    X(DELETE, "/api/integration/{id}/replay", replay_cancel, ADMIN)                                \
    X(GET, "/api/integration/{id}/deadLetters", dead_letters_list, ADMIN)                          \
    X(DELETE, "/api/integration/{id}/deadLetters", dead_letters_discard_all, ADMIN)                \
    X(GET, "/api/integration/{id}/deadLetters/replay", dead_letters_progress, ADMIN)               \
    X(POST, "/api/integration/{id}/deadLetters/replay", dead_letters_replay_all, ADMIN)            \
    X(DELETE, "/api/integration/{id}/deadLetters/replay", dead_letters_cancel, ADMIN)              \
    X(GET, "/api/integration/{id}/deadLetters/{letter}", dead_letters_get, ADMIN)                  \
    X(DELETE, "/api/integration/{id}/deadLetters/{letter}", dead_letters_discard, ADMIN)           \
    X(POST, "/api/integration/{id}/deadLetters/{letter}/replay", dead_letters_replay, ADMIN)       \
    X(GET, "/api/integrations", integrations_list, ADMIN)                                          \
    X(GET, "/api/integrations/list", integrations_by_ids, ADMIN)                                   \
    X(GET, "/api/integrationInfos", integrations_infos, ADMIN)                                     \
    X(POST, "/api/ruleChain", rule_chains_save, ADMIN)                                             \
    X(POST, "/api/ruleChain/metadata", rule_chains_save_metadata, ADMIN)                           \
    X(GET, "/api/ruleChain/{id}", rule_chains_get, ADMIN)                                          \
    X(DELETE, "/api/ruleChain/{id}", rule_chains_delete, ADMIN)                                    \
    X(GET, "/api/ruleChain/{id}/metadata", rule_chains_metadata, ADMIN)                            \
    X(POST, "/api/ruleChain/{id}/root", rule_chains_set_root, ADMIN)                               \
    X(GET, "/api/ruleChains", rule_chains_list, ADMIN)                                             \
    X(POST, "/api/ruleChain/testScript", rule_script_test, ADMIN)                                  \
    X(POST, "/api/rule-engine", rule_engine_ask, ADMIN)                                            \
    X(POST, "/api/rule-engine/", rule_engine_ask, ADMIN)                                           \
    X(POST, "/api/rule-engine/{type}/{id}", rule_engine_ask, ADMIN)                                \
    X(POST, "/api/rule-engine/{type}/{id}/{timeout}", rule_engine_ask, ADMIN)                      \
    X(POST, "/api/rule-engine/{type}/{id}/{queue}/{timeout}", rule_engine_ask_queue, ADMIN)        \
    X(GET, "/api/events/{type}/{id}/{event}", events_list, ADMIN)                                  \
    X(GET, "/api/events/{type}/{id}", events_list_default, ADMIN)                                  \
    X(POST, "/api/events/{type}/{id}", events_search, ADMIN)                                       \
    X(POST, "/api/events/{type}/{id}/clear", events_clear_all, ADMIN)                              \
    X(GET, "/api/system/info", system_info, USER)                                                  \
    X(GET, "/metrics", metrics_show, OPEN)                                                         \
    X(GET, "/healthz", system_health, OPEN)                                                        \
    X(GET, "/readyz", system_ready, OPEN)                                                          \
    X(GET, "/", console_show, OPEN)                                                                \
    X(GET, "/app.js", console_show, OPEN)                                                          \
    X(GET, "/style.css", console_show, OPEN)                                                       \
    X(GET, "/icon.svg", console_show, OPEN)

// Several routes may name one handler: C allows to declare a function twice.
#define ROUTE_HANDLER(method, pattern, handler, access) void handler(struct request *q);
API_ROUTES(ROUTE_HANDLER)
#undef ROUTE_HANDLER

#define ROUTE_ENTRY(method, pattern, handler, access) {#method, pattern, handler, ROUTE_##access},

#endif
