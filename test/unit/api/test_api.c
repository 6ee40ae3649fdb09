// SPDX-License-Identifier: Apache-2.0
// The API on a running loop: what needs its clock, its users or its end; the routes themselves are
// test/integration's.

#include "api/api.h"

#include <pthread.h>
#include <semaphore.h>

#include "fixture.h"
#include "lib/test.h"

#define ADMIN "admin@example.org"
#define READER "reader@example.org"
#define DEVICES "/api/tenant/devices?pageSize=1&page=0"

static const struct api_user users[] = {
    {SPAN(ADMIN), SPAN("secret"), SPAN("TENANT_ADMIN")},
    {SPAN(READER), SPAN("read only"), SPAN("CUSTOMER_USER")},
};

static struct fixture f;

static int setup(void **state)
{
    (void)state;
    f = (struct fixture){0};
    fixture_start_hub(&f);
    fixture_start_api(&f, users, 2);
    return 0;
}

// While it is shut, jobs of hold() occupy their threads.
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static bool gate_shut;
static sem_t held;

static void open_gate(void)
{
    if (gate_shut)
        pthread_mutex_unlock(&gate);
    gate_shut = false;
}

// A test that fails half-way leaves the gate shut: its threads could not be joined.
static int teardown(void **state)
{
    (void)state;
    open_gate();
    if (f.api)
        fixture_close_api(&f, 1000);
    fixture_stop_hub(&f);
    fixture_remove_dir(&f);
    return 0;
}

static struct span token_of(const struct json *pair)
{
    return json_get_str(pair, "token", SPAN_NONE);
}

static struct json *log_in(const char *email, const char *password)
{
    int status;
    struct json *pair = fixture_login(&f, email, password, &status);
    assert_int_equal(status, 200);
    return pair;
}

static void test_roles(void **state)
{
    (void)state;
    struct json *pair = log_in(READER, "read only");
    struct span token = token_of(pair);
    assert_int_equal(fixture_call(&f, "GET", DEVICES, token, ""), 200);
    assert_int_equal(fixture_call(&f, "GET", "/api/auth/user", token, ""), 200);
    assert_int_equal(fixture_call(&f, "POST", "/api/device", token, "{\"name\":\"x\"}"), 403);
    assert_int_equal(fixture_call(&f, "GET", "/api/integrations?pageSize=1&page=0", token, ""),
                     403);
    int status;
    struct json *e = fixture_json(&f, "DELETE", "/api/converter/x", token, "", &status);
    assert_int_equal(status, 403);
    assert_int_equal(json_get_int(e, "errorCode", 0), 20);
    json_free(e);
    json_free(pair);
}

static int refresh(const struct json *pair, struct json **fresh)
{
    int status;
    struct buf body = {0};
    buf_printf(&body, "{\"refreshToken\":\"%.*s\"}",
               SPAN_ARG(json_get_str(pair, "refreshToken", SPAN_NONE)));
    *fresh = fixture_json(&f, "POST", "/api/auth/token", SPAN_NONE, buf_cstr(&body), &status);
    buf_free(&body);
    return status;
}

static void test_expiry(void **state)
{
    (void)state;
    struct json *pair = log_in(ADMIN, "secret"), *fresh;
    int status;
    f.wall_ms += 8999 * 1000;
    assert_int_equal(fixture_call(&f, "GET", DEVICES, token_of(pair), ""), 200);
    f.wall_ms += 2000;
    struct json *e = fixture_json(&f, "GET", DEVICES, token_of(pair), "", &status);
    assert_int_equal(status, 401);
    assert_int_equal(json_get_int(e, "errorCode", 0), 11);
    assert_span_is(json_get_str(e, "message", SPAN_NONE), "Token has expired");
    json_free(e);
    assert_int_equal(refresh(pair, &fresh), 200);
    assert_int_equal(fixture_call(&f, "GET", DEVICES, token_of(fresh), ""), 200);
    json_free(fresh);
    f.wall_ms += INT64_C(604800) * 1000;
    assert_int_equal(refresh(pair, &fresh), 401);
    assert_int_equal(json_get_int(fresh, "errorCode", 0), 11);
    json_free(fresh);
    json_free(pair);
}

// The secret is kept: tokens outlive the process.
static void test_restart(void **state)
{
    (void)state;
    struct json *pair = log_in(ADMIN, "secret");
    fixture_close_api(&f, 1000);
    fixture_stop_hub(&f);
    fixture_start_hub(&f);
    fixture_start_api(&f, users, 2);
    assert_int_equal(fixture_call(&f, "GET", DEVICES, token_of(pair), ""), 200);
    json_free(pair);
}

static void test_changed_users(void **state)
{
    (void)state;
    static const struct api_user changed[] = {
        {SPAN(READER), SPAN("read only"), SPAN("TENANT_ADMIN")},
        {SPAN(ADMIN), SPAN("another"), SPAN("TENANT_ADMIN")},
    };
    int status;
    struct json *admin = log_in(ADMIN, "secret"), *reader = log_in(READER, "read only"), *fresh;
    assert_int_equal(fixture_call(&f, "GET", DEVICES, token_of(admin), ""), 200);
    api_set_users(f.api, changed, 2);
    // A new password ends what was given for the old one; who has the same keeps his token, and
    // gets what he may do now.
    assert_int_equal(fixture_call(&f, "GET", DEVICES, token_of(admin), ""), 401);
    assert_int_equal(refresh(admin, &fresh), 401);
    json_free(fresh);
    assert_int_equal(fixture_call(&f, "POST", "/api/device", token_of(reader), "{\"name\":\"x\"}"),
                     200);
    json_free(fixture_login(&f, ADMIN, "secret", &status));
    assert_int_equal(status, 401);
    json_free(log_in(ADMIN, "another"));
    api_set_users(f.api, NULL, 0);
    assert_int_equal(fixture_call(&f, "GET", DEVICES, token_of(reader), ""), 401);
    json_free(fixture_login(&f, ADMIN, "another", &status));
    assert_int_equal(status, 401);
    json_free(admin);
    json_free(reader);
}

// Users that change while a log-in is being hashed: it ends by what holds then.
static void test_users_change_during_login(void **state)
{
    (void)state;
    struct reply r;
    fixture_send(&f, &r, "POST", "/api/auth/login", SPAN_NONE,
                 "{\"username\":\"" ADMIN "\",\"password\":\"secret\"}");
    struct json *reader =
        log_in(READER, "read only"); // the first log-in is with the workers by now
    api_set_users(f.api, NULL, 0);
    fixture_wait(&f, &r.done);
    assert_true(r.status == 200 || r.status == 401);
    reply_free(&r);
    json_free(reader);
}

static void test_ready(void **state)
{
    (void)state;
    assert_int_equal(fixture_call(&f, "GET", "/readyz", SPAN_NONE, ""), 200);
    f.not_ready = true;
    assert_int_equal(fixture_call(&f, "GET", "/readyz", SPAN_NONE, ""), 503);
    assert_int_equal(fixture_call(&f, "GET", "/healthz", SPAN_NONE, ""), 200);
}

// Closing with a change that is not durable yet: it is answered, and its end goes nowhere.
static void test_close_while_committing(void **state)
{
    (void)state;
    fixture_close_api(&f, 1000);
    fixture_stop_hub(&f);
    f.commit_interval_ms = 600 * 1000;
    fixture_start_hub(&f);
    fixture_start_api(&f, users, 2);
    struct json *pair = log_in(ADMIN, "secret");
    struct reply slow[3];
    fixture_send(&f, &slow[0], "POST", "/api/device", token_of(pair), "{\"name\":\"first\"}");
    fixture_send(&f, &slow[1], "POST", "/api/device", token_of(pair), "{\"name\":\"second\"}");
    fixture_send(
        &f, &slow[2], "POST", "/api/converter", token_of(pair),
        "{\"name\":\"c\",\"type\":\"UPLINK\",\"configuration\":{\"decoder\":\"return 1\"}}");
    while (!store_find_device(f.store, SPAN("second"), false))
        loop_turn(f.loop, true);
    // Something that comes after them all and is answered: the converter has been asked for too.
    assert_int_equal(fixture_call(&f, "GET", "/readyz", SPAN_NONE, ""), 200);
    fixture_close_api(&f, 50);
    for (int i = 0; i < 3; i++) {
        fixture_wait(&f, &slow[i].done);
        assert_int_equal(slow[i].error, 0);
        assert_int_equal(slow[i].status, 503);
        reply_free(&slow[i]);
    }
    json_free(pair);
}

static void hold(struct worker_job *job, void *thread)
{
    (void)job;
    (void)thread;
    sem_post(&held);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

static void ignore(struct worker_job *job)
{
    (void)job;
}

// Closing with a log-in that waits for a worker.
static void test_close_while_hashing(void **state)
{
    (void)state;
    // Their ends come when the pool closes, after this function.
    static struct worker_job blockers[2] = {{.run = hold, .done = ignore},
                                            {.run = hold, .done = ignore}};
    struct reply r;
    json_free(log_in(ADMIN, "secret"));
    sem_init(&held, 0, 0);
    pthread_mutex_lock(&gate);
    gate_shut = true;
    for (int i = 0; i < 2; i++)
        assert_int_equal(worker_pool_submit(f.jobs, &blockers[i]), 0);
    for (int i = 0; i < 2; i++)
        sem_wait(&held); // both threads are busy from here on
    fixture_send(&f, &r, "POST", "/api/auth/login", SPAN_NONE,
                 "{\"username\":\"" ADMIN "\",\"password\":\"secret\"}");
    while (worker_pool_waiting(f.jobs) < 1) {
        assert_false(r.done); // answered without a worker
        loop_turn(f.loop, true);
    }
    fixture_close_api(&f, 50);
    fixture_wait(&f, &r.done);
    open_gate();
    assert_int_equal(r.status, 503);
    reply_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_roles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expiry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed_users, setup, teardown),
        cmocka_unit_test_setup_teardown(test_users_change_during_login, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ready, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close_while_committing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close_while_hashing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
