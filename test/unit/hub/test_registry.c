// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "hub/registry.h"

struct fixture {
    char dir[64];
    struct loop *loop;
    struct store *store;
    struct registry *registry;
    unsigned saved, removed;
    // The last answers, in order.
    int status[16];
    char text[16][ERR_MSG_MAX];
    unsigned answers;
    unsigned expected;
    struct uuid id;
};

static void on_saved(void *ctx, struct entity *e, bool created)
{
    struct fixture *f = ctx;
    (void)created;
    assert_false(e->saving);
    f->saved++;
}

static void on_removed(void *ctx, struct entity *e)
{
    struct fixture *f = ctx;
    assert_null(registry_find(f->registry, e->kind, e->id));
    f->removed++;
}

static const struct registry_observer observer = {.on_saved = on_saved, .on_removed = on_removed};

static int setup(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    struct err e = {0};
    struct store_options o = {.dir = f->dir};
    strcpy(f->dir, "/tmp/penstock-registry-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->loop = loop_new(&clock_system);
    if (store_open(f->loop, &o, &f->store, &e) < 0)
        fail_msg("%s", e.msg);
    f->registry = registry_new(f->loop, f->store);
    registry_observe(f->registry, STORE_CONVERTER, &observer, f);
    *state = f;
    return 0;
}

static void ignore(void *ctx)
{
    (void)ctx;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char path[128];
    const char *const files[] = {"penstock.db", "penstock.db-wal", "penstock.db-shm"};
    store_close(f->store, ignore, NULL);
    loop_run(f->loop);
    assert_int_equal(f->answers, f->expected);
    registry_free(f->registry);
    loop_free(f->loop);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", f->dir, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(f->dir), 0);
    mem_free(f);
    return 0;
}

static void on_answer(void *ctx, int status, struct entity *e, const struct err *err)
{
    struct fixture *f = ctx;
    f->status[f->answers] = status;
    snprintf(f->text[f->answers], ERR_MSG_MAX, "%s", status < 0 ? err->msg : "");
    f->answers++;
    if (e)
        f->id = e->id;
}

static void save(struct fixture *f, const char *text)
{
    struct err e = {0};
    struct json *doc = json_parse(span_str(text), &e);
    assert_non_null(doc);
    registry_save(f->registry, STORE_CONVERTER, doc, on_answer, f);
}

static void save_again(struct fixture *f, const char *name, int64_t version)
{
    struct json *doc = json_new_object();
    json_set(doc, "id", registry_new_ref("CONVERTER", f->id));
    json_set_str(doc, "name", span_str(name));
    json_set_num(doc, "createdTime", 5);
    if (version >= 0)
        json_set_num(doc, "version", (double)version);
    registry_save(f->registry, STORE_CONVERTER, doc, on_answer, f);
}

// Waits for n more answers. (Until the loop has nothing left would be until the store has been
// idle.)
static void answered(struct fixture *f, unsigned n)
{
    f->expected += n;
    while (f->answers < f->expected)
        assert_true(loop_turn(f->loop, true));
}

static void creates_updates_and_removes(void **state)
{
    struct fixture *f = *state;
    save(f, "{\"name\":\"a\",\"extra\":{\"kept\":true}}");
    assert_int_equal(f->answers, 0); // never inside the call
    answered(f, 1);
    assert_int_equal(f->status[0], 0);
    struct entity *e = registry_find_name(f->registry, STORE_CONVERTER, SPAN("a"));
    assert_non_null(e);
    assert_true(json_get_bool(json_get(e->doc, "extra"), "kept", false));
    int64_t created = e->created_ms;
    save_again(f, "b", 1);
    answered(f, 1);
    assert_int_equal(f->status[1], 0);
    assert_int_equal(e->version, 2);
    assert_int_equal(e->created_ms, created);
    assert_null(registry_find_name(f->registry, STORE_CONVERTER, SPAN("a")));
    assert_ptr_equal(registry_find_name(f->registry, STORE_CONVERTER, SPAN("b")), e);
    registry_remove(f->registry, STORE_CONVERTER, f->id, on_answer, f);
    answered(f, 1);
    assert_int_equal(f->status[2], 0);
    assert_int_equal(registry_count(f->registry, STORE_CONVERTER), 0);
    assert_int_equal(f->saved, 2);
    assert_int_equal(f->removed, 1);
}

static void refuse(struct fixture *f, int code, const char *reason)
{
    unsigned before = f->answers;
    answered(f, 1);
    assert_int_equal(f->status[before], code);
    if (!strstr(f->text[before], reason))
        fail_msg("said \"%s\", not \"%s\"", f->text[before], reason);
}

static void refuses_with_the_hubs_words(void **state)
{
    struct fixture *f = *state;
    save(f, "{\"name\":\"a\"}");
    answered(f, 1);
    save(f, "{\"name\":\"a\"}");
    refuse(f, ERR_EXISTS, "Converter with such name already exists!");
    save(f, "{\"name\":\" \"}");
    refuse(f, ERR_INVALID, "Converter name should be specified!");
    save(f, "{\"name\":5}");
    refuse(f, ERR_INVALID, "Converter name should be specified!");
    save(f, "[1]");
    refuse(f, ERR_INVALID, "must be a JSON object");
    save(f, "{\"name\":\"c\",\"id\":\"no\"}");
    refuse(f, ERR_INVALID, "id: must be");
    save(f, "{\"name\":\"c\",\"id\":{\"entityType\":\"CONVERTER\",\"id\":"
            "\"13814000-1dd2-11b2-8080-808080808080\"}}");
    refuse(f, ERR_NOT_FOUND,
           "Converter with id [13814000-1dd2-11b2-8080-808080808080] is not found");
    save_again(f, "a", 7);
    refuse(f, ERR_CONFLICT, "version is 1");
    registry_remove(f->registry, STORE_CONVERTER, uuid_null, on_answer, f);
    refuse(f, ERR_NOT_FOUND, "is not found");
    assert_int_equal(registry_count(f->registry, STORE_CONVERTER), 1);
}

static void bounds_names(void **state)
{
    struct fixture *f = *state;
    char name[300];
    struct json *doc = json_new_object();
    memset(name, 'n', sizeof name);
    json_set_str(doc, "name", span_of(name, 255));
    registry_save(f->registry, STORE_CONVERTER, doc, on_answer, f);
    answered(f, 1);
    assert_int_equal(f->status[0], 0);
    doc = json_new_object();
    json_set_str(doc, "name", span_of(name, 256));
    registry_save(f->registry, STORE_CONVERTER, doc, on_answer, f);
    refuse(f, ERR_INVALID, "at most 255 bytes");
}

static void one_change_at_a_time(void **state)
{
    struct fixture *f = *state;
    save(f, "{\"name\":\"a\"}");
    save(f, "{\"name\":\"a\"}"); // the name is taken although nothing is written yet
    answered(f, 2);
    assert_true((f->status[0] == 0) != (f->status[1] == 0));
    save_again(f, "x", -1);
    save_again(f, "y", -1);
    answered(f, 2);
    assert_true((f->status[2] == ERR_CONFLICT) != (f->status[3] == ERR_CONFLICT));
    assert_non_null(registry_find_name(f->registry, STORE_CONVERTER, SPAN("x")));
}

#define REGISTRY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

// From when it is asked for, not from when it is durable.
static void a_name_on_its_way_is_taken(void **state)
{
    struct fixture *f = *state;
    save(f, "{\"name\":\"a\"}");
    answered(f, 1);
    struct uuid a = f->id;
    save(f, "{\"name\":\"b\"}");
    answered(f, 1);
    save_again(f, "new", -1);
    f->id = a;
    save_again(f, "new", -1);
    save(f, "{\"name\":\"new\"}");
    save(f, "{\"name\":\"b\"}");
    assert_null(registry_find_name(f->registry, STORE_CONVERTER, SPAN("new")));
    answered(f, 4);
    int won = 0;
    for (unsigned i = 2; i < 6; i++)
        won += f->status[i] == 0;
    assert_int_equal(f->answers, 6);
    assert_int_equal(won, 1);
    assert_non_null(registry_find_name(f->registry, STORE_CONVERTER, SPAN("a")));
    assert_non_null(registry_find_name(f->registry, STORE_CONVERTER, SPAN("new")));
    // The old name is free then; one that stays keeps its own.
    save(f, "{\"name\":\"b\"}");
    f->id = a;
    save_again(f, "a", -1);
    answered(f, 2);
    assert_int_equal(f->status[6], 0);
    assert_int_equal(f->status[7], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REGISTRY_TEST(creates_updates_and_removes),
        REGISTRY_TEST(refuses_with_the_hubs_words),
        REGISTRY_TEST(bounds_names),
        REGISTRY_TEST(one_change_at_a_time),
        REGISTRY_TEST(a_name_on_its_way_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
