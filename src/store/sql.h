// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_SQL_H
#define PENSTOCK_STORE_SQL_H

// Every statement the store runs again and again. Tables: store/schema.c.

#define SQL_LIST(X)                                                                                \
    X(SQL_LOAD_KEYS, "SELECT id, name FROM key")                                                   \
    X(SQL_LOAD_DEVICES, "SELECT id, uuid, name, is_asset, label, profile, created, series "        \
                        "FROM device ORDER BY id")                                                 \
    X(SQL_LOAD_DOCS, "SELECT kind, uuid, name, json FROM doc ORDER BY id")                         \
    X(SQL_LOAD_LOG, "SELECT id, points FROM log WHERE id > ?1 ORDER BY id")                        \
    X(SQL_GET_MARK, "SELECT value FROM mark WHERE name = ?1")                                      \
    X(SQL_SET_MARK, "INSERT INTO mark(name, value) VALUES(?1, ?2) "                                \
                    "ON CONFLICT(name) DO UPDATE SET value = excluded.value")                      \
    X(SQL_ADD_KEY, "INSERT INTO key(id, name) VALUES(?1, ?2)")                                     \
    X(SQL_ADD_DEVICE,                                                                              \
      "INSERT INTO device(id, uuid, name, is_asset, label, profile, created, series) "             \
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                                                    \
    X(SQL_UPDATE_DEVICE, "UPDATE device SET label = ?2, profile = ?3 WHERE id = ?1")               \
    X(SQL_DELETE_DEVICE, "DELETE FROM device WHERE id = ?1")                                       \
    X(SQL_DELETE_ATTRIBUTES, "DELETE FROM attribute WHERE device = ?1")                            \
    X(SQL_SET_SERIES, "UPDATE device SET series = ?2 WHERE id = ?1")                               \
    X(SQL_ADD_LOG, "INSERT INTO log(id, points) VALUES(?1, ?2)")                                   \
    X(SQL_TRIM_LOG, "DELETE FROM log WHERE id IN "                                                 \
                    "(SELECT id FROM log WHERE id <= ?1 ORDER BY id LIMIT ?2)")                    \
    X(SQL_PUT_ATTRIBUTE, SQL_ADD_ATTRIBUTE                                                         \
      "ON CONFLICT DO UPDATE SET type = excluded.type, value = excluded.value, ts = excluded.ts")  \
    X(SQL_CHANGE_ATTRIBUTE, SQL_ADD_ATTRIBUTE                                                      \
      "ON CONFLICT DO UPDATE SET type = excluded.type, value = excluded.value, ts = excluded.ts "  \
      "WHERE type IS NOT excluded.type OR value IS NOT excluded.value")                            \
    X(SQL_PUT_NEWER_ATTRIBUTE, SQL_ADD_ATTRIBUTE                                                   \
      "ON CONFLICT DO UPDATE SET type = excluded.type, value = excluded.value, ts = excluded.ts "  \
      "WHERE excluded.ts >= ts")                                                                   \
    X(SQL_CHANGE_NEWER_ATTRIBUTE, SQL_ADD_ATTRIBUTE                                                \
      "ON CONFLICT DO UPDATE SET type = excluded.type, value = excluded.value, ts = excluded.ts "  \
      "WHERE excluded.ts >= ts AND (type IS NOT excluded.type OR value IS NOT excluded.value)")    \
    X(SQL_DELETE_ATTRIBUTE, "DELETE FROM attribute WHERE device = ?1 AND scope = ?2 AND key = ?3") \
    X(SQL_GET_ATTRIBUTES,                                                                          \
      "SELECT scope, key, type, value, ts FROM attribute WHERE device = ?1 ORDER BY scope, key")   \
    X(SQL_GET_SCOPE, "SELECT scope, key, type, value, ts FROM attribute "                          \
                     "WHERE device = ?1 AND scope = ?2 ORDER BY key")                              \
    X(SQL_PUT_CHECKPOINT,                                                                          \
      "INSERT INTO checkpoint(integration, stream, shard, sequence, sub_sequence, applied, "       \
      "shard_end) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET "                   \
      "sequence = excluded.sequence, sub_sequence = excluded.sub_sequence, "                       \
      "applied = excluded.applied, shard_end = excluded.shard_end")                                \
    X(SQL_DELETE_CHECKPOINTS, "DELETE FROM checkpoint WHERE integration = ?1")                     \
    X(SQL_GET_CHECKPOINTS,                                                                         \
      "SELECT stream, shard, sequence, sub_sequence, applied, shard_end FROM checkpoint "          \
      "WHERE integration = ?1 ORDER BY stream, shard")                                             \
    X(SQL_ADD_OUTBOX, "INSERT INTO outbox_chunk(id, integration, rows, size, data) "               \
                      "VALUES(?1, ?2, ?3, ?4, ?5)")                                                \
    X(SQL_REMOVE_OUTBOX, "DELETE FROM outbox_chunk WHERE id = ?1")                                 \
    X(SQL_KEEP_OUTBOX, "UPDATE outbox_chunk SET rows = ?2, size = ?3, data = ?4 WHERE id = ?1")    \
    X(SQL_SUM_OUTBOX, "SELECT coalesce(sum(rows), 0), coalesce(sum(size), 0) FROM outbox_chunk "   \
                      "WHERE integration = ?1")                                                    \
    X(SQL_DELETE_OUTBOX, "DELETE FROM outbox_chunk WHERE integration = ?1")                        \
    X(SQL_GET_OUTBOX, "SELECT id, rows, data FROM outbox_chunk "                                   \
                      "WHERE integration = ?1 AND id > ?2 ORDER BY id")                            \
    X(SQL_GET_OLD_OUTBOX, "SELECT id, integration, stream, stream_arn, partition_key, "            \
                          "explicit_hash_key, created, data FROM outbox ORDER BY id LIMIT ?1")     \
    X(SQL_REMOVE_OLD_OUTBOX, "DELETE FROM outbox WHERE id <= ?1")                                  \
    X(SQL_ADD_DEAD, "INSERT INTO dead_letter(id, integration, downlink, error, shard, sequence, "  \
                    "partition_key, arrival, created, size, payload, sub_sequence, stream, "       \
                    "stream_arn, explicit_hash_key, msg_type, metadata) VALUES(?1, ?2, ?3, ?4, "   \
                    "?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)")                 \
    X(SQL_OLDEST_DEAD, "SELECT id, size, created FROM dead_letter ORDER BY id LIMIT 1")            \
    X(SQL_REMOVE_DEAD, "DELETE FROM dead_letter WHERE id = ?1")                                    \
    X(SQL_SIZE_DEAD, "SELECT size FROM dead_letter WHERE id = ?1 AND integration = ?2")            \
    X(SQL_FAIL_DEAD, "UPDATE dead_letter SET error = ?3, tried = ?4, tries = tries + 1 "           \
                     "WHERE id = ?1 AND integration = ?2")                                         \
    X(SQL_SUM_DEAD,                                                                                \
      "SELECT count(*), coalesce(sum(size), 0) FROM dead_letter WHERE integration = ?1")           \
    X(SQL_DELETE_DEAD, "DELETE FROM dead_letter WHERE integration = ?1")                           \
    X(SQL_COUNT_DEAD, "SELECT count(*), coalesce(max(id), 0) FROM dead_letter "                    \
                      "WHERE integration = ?1 AND id > ?2 AND id <= ?3")                           \
    X(SQL_GET_DEAD, "SELECT " SQL_DEAD ", substr(payload, 1, ?4) FROM dead_letter "                \
                    "WHERE integration = ?1 ORDER BY id DESC LIMIT ?2 OFFSET ?3")                  \
    X(SQL_GET_DEAD_ONE,                                                                            \
      "SELECT " SQL_DEAD ", payload FROM dead_letter WHERE integration = ?1 AND id = ?2")          \
    X(SQL_GET_DEAD_AFTER,                                                                          \
      "SELECT " SQL_DEAD ", payload FROM dead_letter WHERE integration = ?1 AND id > ?2 "          \
      "AND id <= ?3 ORDER BY id LIMIT ?4")                                                         \
    X(SQL_PUT_DOC, "INSERT INTO doc(kind, uuid, name, json) VALUES(?1, ?2, ?3, ?4) "               \
                   "ON CONFLICT(kind, uuid) DO UPDATE SET name = excluded.name, "                  \
                   "json = excluded.json")                                                         \
    X(SQL_DELETE_DOC, "DELETE FROM doc WHERE kind = ?1 AND uuid = ?2")                             \
    X(SQL_LOAD_GENS, "SELECT id, rank, level, state, target, at_series, at_ts, t0, t1, points, "   \
                     "bytes FROM gen ORDER BY rank, id")                                           \
    X(SQL_ADD_GEN, "INSERT INTO gen(id, rank, level, state, target, at_series, at_ts, t0, t1, "    \
                   "points, bytes) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")          \
    X(SQL_SET_GEN, "UPDATE gen SET rank = ?2, level = ?3, state = ?4, target = ?5, "               \
                   "at_series = ?6, at_ts = ?7, t0 = ?8, t1 = ?9, points = ?10, bytes = ?11 "      \
                   "WHERE id = ?1")                                                                \
    X(SQL_REMOVE_GEN, "DELETE FROM gen WHERE id = ?1")                                             \
    X(SQL_ADD_BLOCK, "INSERT INTO block(gen, series, t0, data) VALUES(?1, ?2, ?3, ?4)")            \
    X(SQL_TRIM_BLOCKS, "DELETE FROM block WHERE id IN "                                            \
                       "(SELECT id FROM block WHERE gen = ?1 ORDER BY series, t0 LIMIT ?2)")       \
    X(SQL_BLOCK_AT, "SELECT series, t0, data FROM block WHERE gen = ?1 "                           \
                    "AND (series, t0) <= (?2, ?3) ORDER BY series DESC, t0 DESC LIMIT 1")          \
    X(SQL_BLOCK_BEFORE, "SELECT series, t0, data FROM block WHERE gen = ?1 "                       \
                        "AND (series, t0) < (?2, ?3) ORDER BY series DESC, t0 DESC LIMIT 1")       \
    X(SQL_BLOCK_AFTER, "SELECT series, t0, data FROM block WHERE gen = ?1 "                        \
                       "AND (series, t0) > (?2, ?3) ORDER BY series, t0 LIMIT 1")                  \
    X(SQL_DEVICES_CREATED, SQL_DEVICES(SQL_PLAIN, "d.created", ""))                                \
    X(SQL_DEVICES_CREATED_DESC, SQL_DEVICES(SQL_PLAIN, "d.created", "DESC"))                       \
    X(SQL_DEVICES_NAME, SQL_DEVICES(SQL_PLAIN, "d.name COLLATE NOCASE", ""))                       \
    X(SQL_DEVICES_NAME_DESC, SQL_DEVICES(SQL_PLAIN, "d.name COLLATE NOCASE", "DESC"))              \
    X(SQL_DEVICES_LABEL, SQL_DEVICES(SQL_PLAIN, "d.label COLLATE NOCASE", ""))                     \
    X(SQL_DEVICES_LABEL_DESC, SQL_DEVICES(SQL_PLAIN, "d.label COLLATE NOCASE", "DESC"))            \
    X(SQL_DEVICES_COUNT, "SELECT count(*) " SQL_PLAIN)                                             \
    X(SQL_SEARCH_CREATED, SQL_DEVICES(SQL_SEARCH, "d.created", ""))                                \
    X(SQL_SEARCH_CREATED_DESC, SQL_DEVICES(SQL_SEARCH, "d.created", "DESC"))                       \
    X(SQL_SEARCH_NAME, SQL_DEVICES(SQL_SEARCH, "d.name COLLATE NOCASE", ""))                       \
    X(SQL_SEARCH_NAME_DESC, SQL_DEVICES(SQL_SEARCH, "d.name COLLATE NOCASE", "DESC"))              \
    X(SQL_SEARCH_LABEL, SQL_DEVICES(SQL_SEARCH, "d.label COLLATE NOCASE", ""))                     \
    X(SQL_SEARCH_LABEL_DESC, SQL_DEVICES(SQL_SEARCH, "d.label COLLATE NOCASE", "DESC"))            \
    X(SQL_SEARCH_PROFILE, SQL_DEVICES(SQL_SEARCH, "p.name COLLATE NOCASE", ""))                    \
    X(SQL_SEARCH_PROFILE_DESC, SQL_DEVICES(SQL_SEARCH, "p.name COLLATE NOCASE", "DESC"))           \
    X(SQL_SEARCH_COUNT, "SELECT count(*) " SQL_SEARCH)

// Nothing for a device that was deleted meanwhile.
#define SQL_ADD_ATTRIBUTE                                                                          \
    "INSERT INTO attribute(device, scope, key, type, value, ts) SELECT ?1, ?2, ?3, ?4, ?5, ?6 "    \
    "WHERE EXISTS(SELECT 1 FROM device WHERE id = ?1) "

#define SQL_DEAD                                                                                   \
    "id, downlink, error, shard, sequence, sub_sequence, partition_key, arrival, created, size, "  \
    "tries, tried, stream, stream_arn, explicit_hash_key, msg_type, metadata"

// Devices: ?1 is_asset, ?2 profile (empty = all), ?3 LIKE pattern (empty = all). Looking every
// profile's name up (STORE_PROFILE is 4) takes most of the time, hence only where it counts.
#define SQL_PLAIN "FROM device d WHERE d.is_asset = ?1 AND (?2 = x'' OR d.profile = ?2) "
#define SQL_SEARCH                                                                                 \
    "FROM device d LEFT JOIN doc p ON p.kind = 4 AND p.uuid = d.profile WHERE d.is_asset = ?1 "    \
    "AND (?2 = x'' OR d.profile = ?2) AND (?3 = '' OR d.name LIKE ?3 ESCAPE '\\' "                 \
    "OR d.label LIKE ?3 ESCAPE '\\' OR p.name LIKE ?3 ESCAPE '\\') "
#define SQL_DEVICES(from, by, order)                                                               \
    "SELECT d.uuid, d.profile, d.name, d.label, d.created " from "ORDER BY " by " " order          \
    ", d.id " order " LIMIT ?4 OFFSET ?5"

enum sql_id {
#define SQL_ENUM(id, text) id,
    SQL_LIST(SQL_ENUM)
#undef SQL_ENUM
        SQL_N
};

#endif
