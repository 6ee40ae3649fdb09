// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/test.h"
#include "lib/test_files.h"
#include "store/schema.h"
#include "store/store_internal.h"

// Texts that a filter replaces leave no byte behind, also those that were replaced before, whatever
// SQLite does by itself.

static char dir[64], path[100];
static struct db *db;

static int set_up(void **state)
{
    struct err e = {0};
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/penstock-rewrite-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/penstock.db", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(db_open(path, false, &db, &e), 0);
    assert_int_equal(db_exec(db, "PRAGMA journal_mode=WAL"), 0);
    assert_int_equal(schema_apply(db, &schema_current, path, &e), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[100];
    db_close(db);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static bool files_hold(const char *text)
{
    static const char *const ends[] = {"", "-wal"};
    bool found = false;
    for (size_t i = 0; i < 2; i++) {
        char name[120];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        if (access(name, R_OK) == 0) {
            struct buf b = test_read_file(name);
            found = found || memmem(b.p, b.n, text, strlen(text));
            buf_free(&b);
        }
    }
    return found;
}

static void put(const char *uuid, const char *head)
{
    char sql[3000];
    snprintf(sql, sizeof sql,
             "INSERT INTO doc(kind, uuid, name, json) VALUES(2, X'%s', 'n', '%s%01500d')", uuid,
             head, 0);
    assert_int_equal(db_exec(db, sql), 0);
}

#define ID(n) "0000000000000000000000000000000" #n

static void fill(const char *mode)
{
    assert_int_equal(db_exec(db, mode), 0);
    put(ID(1), "removed-before");
    put(ID(2), "clear-one");
    put(ID(3), "kept-as-it-is");
    assert_int_equal(db_exec(db, "DELETE FROM doc WHERE uuid = X'" ID(1) "'"), 0);
    assert_int_equal(db_checkpoint(db, true), 0);
    assert_true(files_hold("clear-one") && files_hold("kept-as-it-is"));
}

static int replace_clear(void *ctx, enum store_doc_kind kind, struct uuid id, struct span json,
                         struct buf *out, struct err *e)
{
    (void)id;
    assert_int_equal(kind, STORE_INTEGRATION);
    if (ctx)
        return err_set(e, ERR_CONFIG, "refused");
    if (!span_has_prefix(json, SPAN("clear")))
        return 0;
    buf_add_str(out, "hidden");
    return 1;
}

static void check_rewritten(void)
{
    struct err e = {0};
    struct store_options o = {.filter = replace_clear};
    assert_int_equal(store_rewrite_docs(db, &o, &e), 0);
    assert_false(files_hold("clear-one") || files_hold("removed-before"));
    assert_true(files_hold("hidden") && files_hold("kept-as-it-is"));
    int64_t n;
    assert_int_equal(db_query_int(db, "SELECT count(*) FROM doc", 0, &n), 0);
    assert_int_equal(n, 2);
}

static void test_sqlite_leaves_bytes(void **state)
{
    (void)state;
    int64_t mode;
    fill("PRAGMA secure_delete=OFF");
    assert_true(files_hold("removed-before"));
    check_rewritten();
    assert_int_equal(db_query_int(db, "PRAGMA secure_delete", 9, &mode), 0);
    assert_int_equal(mode, 0);
}

static void test_sqlite_overwrites(void **state)
{
    (void)state;
    int64_t mode;
    fill("PRAGMA secure_delete=ON");
    check_rewritten();
    assert_int_equal(db_query_int(db, "PRAGMA secure_delete", 9, &mode), 0);
    assert_int_equal(mode, 1);
}

static void test_refused(void **state)
{
    (void)state;
    struct err e = {0};
    int any;
    struct store_options o = {.filter = replace_clear, .filter_ctx = &any};
    fill("PRAGMA secure_delete=ON");
    assert_int_equal(store_rewrite_docs(db, &o, &e), ERR_CONFIG);
    assert_string_equal(e.msg, "refused");
    assert_true(files_hold("clear-one"));
    o.filter = NULL;
    assert_int_equal(store_rewrite_docs(db, &o, &e), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_sqlite_leaves_bytes),
        T(test_sqlite_overwrites),
        T(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
