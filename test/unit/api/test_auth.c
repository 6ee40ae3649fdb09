// SPDX-License-Identifier: Apache-2.0
#include "api/auth_internal.h"

#include "fixture.h"
#include "lib/test.h"

static const struct api_user user = {SPAN("a@example.org"), SPAN("secret"), SPAN("TENANT_ADMIN")};

#define OTHER_KEY "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="

static struct fixture f;
static struct auth *auth;

struct login {
    bool done;
    int status;
    struct buf pair;
};

static int setup(void **state)
{
    (void)state;
    f = (struct fixture){0};
    fixture_start_hub(&f);
    auth = auth_new(f.hub, f.jobs);
    auth_set_users(auth, &user, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    auth_free(auth);
    fixture_stop_hub(&f);
    fixture_remove_dir(&f);
    return 0;
}

static void on_login(void *ctx, int status, struct span pair)
{
    struct login *l = ctx;
    assert_false(l->done);
    l->done = true;
    l->status = status;
    buf_add_span(&l->pair, pair);
}

static int start(struct login *l, const char *password)
{
    *l = (struct login){0};
    return auth_login(auth, user.email, span_str(password), on_login, l);
}

static struct json *log_in(void)
{
    struct login l;
    assert_int_equal(start(&l, "secret"), 0);
    fixture_wait(&f, &l.done);
    assert_int_equal(l.status, 0);
    struct json *pair = json_parse(buf_span(&l.pair), NULL);
    buf_free(&l.pair);
    assert_non_null(pair);
    return pair;
}

static struct span member(const struct json *pair, const char *name)
{
    return json_get_str(pair, name, SPAN_NONE);
}

static int check(const struct json *pair)
{
    struct auth_identity who;
    return auth_check(auth, member(pair, "token"), &who);
}

// The first log-in may be hashed before the user's own hash is there: it waits for it.
static void test_login_at_start(void **state)
{
    (void)state;
    struct login good, bad;
    assert_int_equal(start(&good, "secret"), 0);
    assert_int_equal(start(&bad, "Secret"), 0);
    assert_false(good.done);
    fixture_wait(&f, &good.done);
    fixture_wait(&f, &bad.done);
    assert_int_equal(good.status, 0);
    assert_int_equal(bad.status, ERR_AUTH);
    assert_int_equal(bad.pair.n, 0);
    buf_free(&good.pair);
}

static void test_login_limit(void **state)
{
    (void)state;
    struct login l[AUTH_LOGINS_MAX], over;
    for (int i = 0; i < AUTH_LOGINS_MAX; i++)
        assert_int_equal(start(&l[i], "secret"), 0);
    assert_int_equal(start(&over, "secret"), ERR_BUSY);
    for (int i = 0; i < AUTH_LOGINS_MAX; i++) {
        fixture_wait(&f, &l[i].done);
        assert_int_equal(l[i].status, 0);
        buf_free(&l[i].pair);
    }
    json_free(log_in());
}

static void test_free_cancels(void **state)
{
    (void)state;
    struct login l[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(start(&l[i], "secret"), 0);
    auth_free(auth);
    auth = NULL;
    for (int i = 0; i < 3; i++) {
        assert_true(l[i].done);
        assert_int_equal(l[i].status, ERR_CANCELED);
    }
}

// A log-in that is hashed before its user's own hash is there.
static void test_free_cancels_parked(void **state)
{
    (void)state;
    struct login l;
    json_free(log_in());
    auth_find_user(auth, user.email)->hashed = false;
    assert_int_equal(start(&l, "secret"), 0);
    while (list_empty(&auth->parked))
        loop_turn(f.loop, true);
    assert_false(l.done);
    auth_free(auth);
    auth = NULL;
    assert_true(l.done);
    assert_int_equal(l.status, ERR_CANCELED);
}

// More tokens than are remembered: all stay good.
static void test_cache_limit(void **state)
{
    (void)state;
    struct json *first = log_in(), *pairs[AUTH_CACHED_MAX + 2];
    for (int i = 0; i < AUTH_CACHED_MAX + 2; i++) {
        struct buf b = {0};
        f.wall_ms += 1000; // else the same second gives the same token
        assert_int_equal(auth_refresh(auth, member(first, "refreshToken"), &b), 0);
        pairs[i] = json_parse(buf_span(&b), NULL);
        buf_free(&b);
        assert_int_equal(check(pairs[i]), 0);
        assert_true(auth->n_cached <= AUTH_CACHED_MAX);
    }
    assert_int_equal(auth->n_cached, AUTH_CACHED_MAX);
    for (int i = 0; i < AUTH_CACHED_MAX + 2; i++) {
        assert_int_equal(check(pairs[i]), 0);
        json_free(pairs[i]);
    }
    assert_int_equal(check(first), 0);
    json_free(first);
}

static void log_out_random(int n)
{
    for (int i = 0; i < n; i++) {
        struct auth_identity who = {.session = uuid_new_v4(&clock_system)};
        auth_logout(auth, &who);
    }
}

static void test_logout(void **state)
{
    (void)state;
    struct json *one = log_in(), *other = log_in();
    struct auth_identity who;
    struct buf b = {0};
    assert_int_equal(auth_check(auth, member(one, "token"), &who), 0);
    auth_logout(auth, &who);
    auth_logout(auth, &who);
    assert_int_equal(check(one), ERR_AUTH);
    assert_int_equal(auth_refresh(auth, member(one, "refreshToken"), &b), ERR_AUTH);
    assert_int_equal(check(other), 0);
    json_free(one);
    json_free(other);
    buf_free(&b);
}

static void test_logout_limit(void **state)
{
    (void)state;
    struct json *pair = log_in();
    log_out_random(AUTH_REVOKED_MAX);
    assert_int_equal(check(pair), 0);
    // One more than can be remembered: rather everybody out than one of them in.
    log_out_random(1);
    assert_int_equal(check(pair), ERR_AUTH);
    json_free(pair);
    f.wall_ms += 1000;
    pair = log_in();
    assert_int_equal(check(pair), 0);
    json_free(pair);
    // The clock is set back: who logs in then is in.
    f.wall_ms -= 24 * 3600 * 1000;
    pair = log_in();
    assert_int_equal(check(pair), 0);
    json_free(pair);
}

// Revocations end when the last token they may concern does.
static void test_old_revocations(void **state)
{
    (void)state;
    log_out_random(AUTH_REVOKED_MAX);
    f.wall_ms += (int64_t)AUTH_REFRESH_S * 1000;
    struct json *pair = log_in();
    log_out_random(AUTH_REVOKED_MAX);
    assert_int_equal(check(pair), 0);
    json_free(pair);
}

static void start_again_with(const char *secret_key)
{
    auth_free(auth);
    fixture_stop_hub(&f);
    f.secret_key = secret_key;
    fixture_start_hub(&f);
    auth = auth_new(f.hub, f.jobs);
    auth_set_users(auth, &user, 1);
}

// A copy of the database holds nothing that tokens could be made of, or passwords tried with.
static void test_secret_is_sealed(void **state)
{
    (void)state;
    const struct entity *e =
        registry_find_name(hub_registry(f.hub), STORE_SETTING, SPAN("jwtSecret"));
    assert_true(secrets_is_sealed(json_get_str(e->doc, "value", SPAN_NONE)));
    struct json *pair = log_in();
    start_again_with(NULL);
    assert_int_equal(check(pair), 0);
    // A change of the key ends no session, its loss does: all log in again, once.
    start_again_with(OTHER_KEY " " FIXTURE_SECRET_KEY);
    assert_int_equal(check(pair), 0);
    start_again_with(OTHER_KEY);
    assert_int_equal(check(pair), 0);
    start_again_with(FIXTURE_SECRET_KEY);
    assert_int_equal(check(pair), ERR_AUTH);
    json_free(pair);
    pair = log_in();
    start_again_with(FIXTURE_SECRET_KEY);
    assert_int_equal(check(pair), 0);
    json_free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_login_at_start, setup, teardown),
        cmocka_unit_test_setup_teardown(test_login_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_cancels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_cancels_parked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cache_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_logout, setup, teardown),
        cmocka_unit_test_setup_teardown(test_logout_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_revocations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_secret_is_sealed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
