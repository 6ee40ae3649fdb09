// SPDX-License-Identifier: Apache-2.0
#include "store/schema.h"

#include <stdio.h>

// device.series: key and series ids, as directory.c packs them.
// log.points: pieces of the transactions of one commit (store/points.h), until they are flushed.
// gen: a generation of blocks, sorted by series and time. rank orders them: a point in a higher
//   rank was written later. state: enum gen_state in gens.h. target: the generation this one is
//   merged into. at_series, at_ts: how far the merge into this one has come.
// block: id ascends, so that new blocks always fill fresh pages at the end of the table.
// mark: named numbers (log_floor: log rows up to this id are in blocks; dead letter counts).
static const char version_1[] = //
    "CREATE TABLE key(id INTEGER PRIMARY KEY, name TEXT NOT NULL);"
    "CREATE TABLE device(id INTEGER PRIMARY KEY, uuid BLOB NOT NULL, name TEXT NOT NULL, "
    "is_asset INTEGER NOT NULL, label TEXT NOT NULL, profile BLOB NOT NULL, "
    "created INTEGER NOT NULL, series BLOB NOT NULL);"
    "CREATE TABLE attribute(device INTEGER NOT NULL, scope INTEGER NOT NULL, key TEXT NOT NULL, "
    "type INTEGER NOT NULL, value, ts INTEGER NOT NULL, PRIMARY KEY(device, scope, key)) "
    "WITHOUT ROWID;"
    "CREATE TABLE checkpoint(integration BLOB NOT NULL, stream TEXT NOT NULL, "
    "shard TEXT NOT NULL, sequence TEXT NOT NULL, sub_sequence INTEGER NOT NULL, "
    "applied INTEGER NOT NULL, shard_end INTEGER NOT NULL, "
    "PRIMARY KEY(integration, stream, shard)) WITHOUT ROWID;"
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY, integration BLOB NOT NULL, "
    "stream TEXT NOT NULL, stream_arn TEXT NOT NULL, partition_key TEXT NOT NULL, "
    "explicit_hash_key TEXT NOT NULL, created INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE INDEX outbox_of ON outbox(integration);"
    "CREATE TABLE dead_letter(id INTEGER PRIMARY KEY, integration BLOB NOT NULL, "
    "downlink INTEGER NOT NULL, error TEXT NOT NULL, shard TEXT NOT NULL, "
    "sequence TEXT NOT NULL, partition_key TEXT NOT NULL, arrival INTEGER NOT NULL, "
    "created INTEGER NOT NULL, size INTEGER NOT NULL, payload BLOB NOT NULL);"
    "CREATE INDEX dead_letter_of ON dead_letter(integration);"
    "CREATE TABLE doc(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, uuid BLOB NOT NULL, "
    "name TEXT NOT NULL, json TEXT NOT NULL, UNIQUE(kind, uuid));"
    "CREATE TABLE log(id INTEGER PRIMARY KEY, points BLOB NOT NULL);"
    "CREATE TABLE gen(id INTEGER PRIMARY KEY, rank INTEGER NOT NULL, level INTEGER NOT NULL, "
    "state INTEGER NOT NULL, target INTEGER NOT NULL, at_series INTEGER NOT NULL, "
    "at_ts INTEGER NOT NULL, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, "
    "points INTEGER NOT NULL, bytes INTEGER NOT NULL);"
    "CREATE TABLE block(id INTEGER PRIMARY KEY, gen INTEGER NOT NULL, series INTEGER NOT NULL, "
    "t0 INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE INDEX block_at ON block(gen, series, t0);"
    "CREATE TABLE mark(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;";

// dead_letter.tries, tried: replays that failed, and when the last one did.
static const char version_2[] = //
    "ALTER TABLE dead_letter ADD COLUMN sub_sequence INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE dead_letter ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE dead_letter ADD COLUMN tried INTEGER NOT NULL DEFAULT 0;";

// outbox_chunk: downlinks in order of id, packed (store/outbox.c); `outbox` is read once, into it.
// dead_letter of a downlink: what its converter had been given (payload, msg_type, metadata as a
// JSON object), or the record that a stream did not take (payload, stream or stream_arn, keys).
static const char version_3[] = //
    "CREATE TABLE outbox_chunk(id INTEGER PRIMARY KEY, integration BLOB NOT NULL, "
    "rows INTEGER NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE INDEX outbox_chunk_of ON outbox_chunk(integration);"
    "ALTER TABLE dead_letter ADD COLUMN stream TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE dead_letter ADD COLUMN stream_arn TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE dead_letter ADD COLUMN explicit_hash_key TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE dead_letter ADD COLUMN msg_type TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE dead_letter ADD COLUMN metadata TEXT NOT NULL DEFAULT '';";

// The same tables. Documents of CREDENTIALS, and the setting of the log-ins' key, are sealed from
// here on (hub/token_doc.h): an older program would take what it finds for tokens and keys.
static const char version_4[] = "";

static const char *const steps[] = {version_1, version_2, version_3, version_4};
const struct schema schema_current = {steps, sizeof steps / sizeof *steps};

static int run_step(struct db *db, const struct schema *schema, int version)
{
    char mark[100];
    snprintf(mark, sizeof mark, "PRAGMA user_version=%d; PRAGMA application_id=%d", version + 1,
             SCHEMA_APPLICATION_ID);
    int rc = db_begin(db);
    if (rc == 0)
        rc = db_exec(db, schema->steps[version]);
    if (rc == 0)
        rc = db_exec(db, mark);
    if (rc == 0)
        rc = db_commit(db);
    return rc;
}

static int fail(struct db *db, const char *path, struct err *e)
{
    db_error(db, e);
    int code = err_wrap(e, "%s", path);
    db_rollback(db);
    return code;
}

int schema_apply(struct db *db, const struct schema *schema, const char *path, struct err *e)
{
    int64_t version, id, tables;
    if (db_query_int(db, "PRAGMA user_version", 0, &version) != 0 ||
        db_query_int(db, "PRAGMA application_id", 0, &id) != 0 ||
        db_query_int(db, "SELECT count(*) FROM sqlite_schema", 0, &tables) != 0)
        return fail(db, path, e);
    if (id != SCHEMA_APPLICATION_ID && (tables > 0 || version > 0)) {
        return err_set(e, ERR_CONFIG,
                       "%s is a database of another program: choose another data directory", path);
    }
    if (version > schema->n || version < 0) {
        return err_set(e, ERR_CONFIG,
                       "%s was written by a newer penstock (schema %lld, this one knows %d): "
                       "start that version, or choose another data directory",
                       path, (long long)version, schema->n);
    }
    for (; version < schema->n; version++) {
        if (run_step(db, schema, (int)version) != 0)
            return fail(db, path, e);
    }
    return 0;
}
