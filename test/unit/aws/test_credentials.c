// SPDX-License-Identifier: Apache-2.0
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/credentials.h"
#include "aws/profile.h"
#include "base/log.h"
#include "io/worker.h"
#include "lib/test.h"
#include "lib/test_clock.h"

#define ENV_MAX 12

// What a get() brought: the texts are copied, since the value is gone after the callback.
struct got {
    struct credentials_get get;
    int calls;
    int status;
    char id[64], secret[64], token[64];
    char message[ERR_MSG_MAX];
    struct credentials_provider *expire; // or free, in the callback
    struct credentials_provider *free_it;
};

static struct {
    struct test_clock clock;
    struct loop *loop;
    struct worker_pool *pool;
    char dir[64];
    struct {
        const char *name;
        char value[200];
    } env[ENV_MAX];
} t;

static const char *get_env(void *ctx, const char *name)
{
    (void)ctx;
    for (int i = 0; i < ENV_MAX && t.env[i].name; i++) {
        if (strcmp(t.env[i].name, name) == 0) {
            return t.env[i].value;
        }
    }
    return NULL;
}

static void set_env(const char *name, const char *value)
{
    int i = 0;
    while (t.env[i].name && strcmp(t.env[i].name, name) != 0) {
        assert_true(++i < ENV_MAX);
    }
    t.env[i].name = name;
    snprintf(t.env[i].value, sizeof t.env[i].value, "%s", value);
}

static void write_file(const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/.aws/%s", t.dir, name);
    // A new file each time, so that its inode tells it from the old one whatever the clock.
    char temporary[220];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    FILE *f = fopen(temporary, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(rename(temporary, path), 0);
}

static int set_up(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    snprintf(t.dir, sizeof t.dir, "/tmp/penstock-aws-XXXXXX");
    assert_non_null(mkdtemp(t.dir));
    char path[100];
    snprintf(path, sizeof path, "%s/.aws", t.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    set_env("HOME", t.dir);
    set_env("AWS_EC2_METADATA_DISABLED", "true");
    test_clock_init(&t.clock, 1);
    t.loop = loop_new(&t.clock.clock);
    struct worker_options o = {.name = "test", .threads = 1};
    assert_int_equal(worker_pool_new(t.loop, &o, &t.pool), 0);
    return 0;
}

static void note(void *ctx)
{
    *(bool *)ctx = true;
}

static void close_pool(void)
{
    bool closed = false;
    worker_pool_close(t.pool, note, &closed);
    while (!closed) {
        loop_turn(t.loop, true);
    }
    t.pool = NULL;
}

static int tear_down(void **state)
{
    (void)state;
    if (t.pool) {
        close_pool();
    }
    loop_run(t.loop);
    loop_free(t.loop);
    char command[200];
    snprintf(command, sizeof command, "rm -rf '%s'", t.dir);
    return system(command);
}

static void on_get(struct credentials_get *g, int status, const struct sigv4_credentials *c,
                   const struct err *e)
{
    struct got *got = g->data;
    got->calls++;
    got->status = status;
    if (status == 0) {
        snprintf(got->id, sizeof got->id, "%.*s", SPAN_ARG(c->access_key_id));
        snprintf(got->secret, sizeof got->secret, "%.*s", SPAN_ARG(c->secret_access_key));
        snprintf(got->token, sizeof got->token, "%.*s", SPAN_ARG(c->session_token));
    } else {
        snprintf(got->message, sizeof got->message, "%s", e->msg);
    }
    if (got->expire) {
        credentials_expire(got->expire, NULL);
    }
    if (got->free_it) {
        credentials_free(got->free_it);
    }
}

static void start(struct credentials_provider *p, struct got *got)
{
    got->calls = 0;
    got->get = (struct credentials_get){.data = got, .cb = on_get};
    credentials_get(p, &got->get);
    assert_int_equal(got->calls, 0);
}

static void wait_for(struct got *got)
{
    bool more = true;
    while (!got->calls) {
        assert_true(more);
        more = loop_turn(t.loop, true);
    }
    assert_int_equal(got->calls, 1);
}

static struct got get(struct credentials_provider *p)
{
    struct got got = {0};
    start(p, &got);
    wait_for(&got);
    return got;
}

static struct credentials_provider *new_default(void)
{
    struct credentials_options o = {.loop = t.loop, .pool = t.pool, .env = get_env};
    return credentials_new(&o);
}

static void test_static(void **state)
{
    (void)state;
    char secret[] = "secret";
    struct sigv4_credentials c = {SPAN("id"), span_str(secret), SPAN("token")};
    struct credentials_provider *p = credentials_new_static(t.loop, &c);
    memset(secret, 'x', sizeof secret - 1);
    struct got got = get(p);
    assert_int_equal(got.status, 0);
    assert_string_equal(got.id, "id");
    assert_string_equal(got.secret, "secret");
    assert_string_equal(got.token, "token");
    credentials_expire(p, NULL);
    assert_int_equal(get(p).status, 0);
    credentials_free(p);
}

static void test_environment(void **state)
{
    (void)state;
    struct credentials_provider *p = new_default();
    set_env("AWS_ACCESS_KEY_ID", "env-id");
    set_env("AWS_SECRET_ACCESS_KEY", " env-secret ");
    struct got got = get(p);
    assert_string_equal(got.id, "env-id");
    assert_string_equal(got.secret, "env-secret");
    assert_string_equal(got.token, "");
    set_env("AWS_SESSION_TOKEN", "env-token");
    credentials_expire(p, NULL);
    assert_string_equal(get(p).token, "env-token");
    credentials_free(p);
}

static void test_files(void **state)
{
    (void)state;
    write_file("config", "[default]\naws_session_token = from-config\n[profile other]\n"
                         "aws_access_key_id = o\naws_secret_access_key = os\n");
    write_file("credentials", "[default]\naws_access_key_id = d\naws_secret_access_key = ds\n");
    set_env("AWS_ACCESS_KEY_ID", " ");
    struct credentials_provider *p = new_default();
    struct got got = get(p);
    assert_int_equal(got.status, 0);
    assert_string_equal(got.id, "d");
    assert_string_equal(got.secret, "ds");
    assert_string_equal(got.token, "from-config");
    credentials_free(p);
    set_env("AWS_PROFILE", "other");
    p = new_default();
    assert_string_equal(get(p).id, "o");
    credentials_free(p);
    char path[200];
    snprintf(path, sizeof path, "%s/.aws/elsewhere", t.dir);
    write_file("elsewhere", "[other]\naws_access_key_id = e\naws_secret_access_key = es\n");
    set_env("AWS_SHARED_CREDENTIALS_FILE", path);
    p = new_default();
    assert_string_equal(get(p).id, "e");
    credentials_free(p);
}

// Served from memory; a change is seen at the next check, and at once after expire().
static void test_changed_file(void **state)
{
    (void)state;
    struct credentials_provider *p = new_default();
    write_file("credentials", "[default]\naws_access_key_id = 1\naws_secret_access_key = s\n");
    assert_string_equal(get(p).id, "1");
    write_file("credentials", "[default]\naws_access_key_id = 2\naws_secret_access_key = s\n");
    assert_string_equal(get(p).id, "1");
    test_clock_advance(&t.clock, CREDENTIALS_CHECK_MS - 1);
    assert_string_equal(get(p).id, "1");
    test_clock_advance(&t.clock, 1);
    // This one starts the check and does not wait for it.
    assert_string_equal(get(p).id, "1");
    struct got got;
    do {
        got = get(p);
        assert_int_equal(got.status, 0);
    } while (strcmp(got.id, "2") != 0);
    write_file("credentials", "[default]\naws_access_key_id = 3\naws_secret_access_key = s\n");
    credentials_expire(p, NULL);
    assert_string_equal(get(p).id, "3");
    credentials_free(p);
}

// A file that becomes unreadable for the parser leaves the known credentials in use.
static void test_broken_later(void **state)
{
    (void)state;
    struct credentials_provider *p = new_default();
    write_file("credentials", "[default]\naws_access_key_id = 1\naws_secret_access_key = s\n");
    assert_string_equal(get(p).id, "1");
    write_file("credentials", "[default\n");
    test_clock_advance(&t.clock, CREDENTIALS_CHECK_MS);
    log_set_level(LOG_ERROR);
    assert_string_equal(get(p).id, "1");
    loop_run(t.loop);
    assert_string_equal(get(p).id, "1");
    log_set_level(LOG_INFO);
    credentials_free(p);
}

static void check_failure(const char *says)
{
    struct credentials_provider *p = new_default();
    struct got got = get(p);
    assert_true(got.status < 0);
    if (!strstr(got.message, says)) {
        fail_msg("\"%s\" does not say \"%s\"", got.message, says);
    }
    assert_memory_equal(got.message, "no AWS credentials: ", 20);
    credentials_free(p);
}

static void test_failures(void **state)
{
    (void)state;
    char text[600];
    snprintf(text, sizeof text,
             "not by environment: AWS_ACCESS_KEY_ID is not set; shared files: neither "
             "%s/.aws/credentials "
             "nor %s/.aws/config exists: there is no profile \"default\"; web identity: "
             "AWS_WEB_IDENTITY_TOKEN_FILE is not set; container: AWS_CONTAINER_CREDENTIALS_* not "
             "set; instance metadata: AWS_EC2_METADATA_DISABLED is true",
             t.dir, t.dir);
    check_failure(text);
    write_file("config", "[profile x]\n");
    check_failure("/.aws/config: there is no profile \"default\"");
    set_env("AWS_PROFILE", "x");
    check_failure("profile \"x\" holds nothing about credentials");
    write_file("config", "[profile x]\naws_access_key_id = 1\n");
    check_failure("profile \"x\": aws_secret_access_key is missing");
    write_file("config", "[profile x]\nrole_arn = arn\n");
    check_failure("profile \"x\": role_arn needs source_profile or credential_source");
    write_file("config", "\n[profile x\n");
    check_failure(".aws/config: line 2: the definition of a profile must end with ']'");
    set_env("AWS_CONFIG_FILE", t.dir);
    check_failure("cannot read /tmp/");
    set_env("AWS_CONFIG_FILE", "/nowhere");
    set_env("AWS_ACCESS_KEY_ID", "half");
    check_failure("AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY");
    set_env("HOME", "");
    set_env("AWS_CONFIG_FILE", "");
    check_failure("no home directory");
}

static void test_file_limit(void **state)
{
    (void)state;
    char *text = malloc(PROFILE_FILE_MAX + 2);
    const char *head = "[default]\naws_access_key_id = 1\naws_secret_access_key = s\n#";
    memset(text, '#', PROFILE_FILE_MAX + 1);
    memcpy(text, head, strlen(head));
    text[PROFILE_FILE_MAX] = '\0';
    write_file("credentials", text);
    struct credentials_provider *p = new_default();
    assert_string_equal(get(p).id, "1");
    credentials_free(p);
    text[PROFILE_FILE_MAX] = '#';
    text[PROFILE_FILE_MAX + 1] = '\0';
    write_file("credentials", text);
    check_failure("larger than 1048576 bytes");
    free(text);
}

// A failure is not kept: the next request looks again.
static void test_recovery(void **state)
{
    (void)state;
    struct credentials_provider *p = new_default();
    assert_int_equal(get(p).status, ERR_AUTH);
    write_file("credentials", "[default]\naws_access_key_id = 1\naws_secret_access_key = s\n");
    assert_string_equal(get(p).id, "1");
    credentials_free(p);
}

static void test_many_and_cancel(void **state)
{
    (void)state;
    struct got got[5] = {0};
    write_file("credentials", "[default]\naws_access_key_id = 1\naws_secret_access_key = s\n");
    struct credentials_provider *p = new_default();
    for (int i = 0; i < 5; i++) {
        start(p, &got[i]);
    }
    credentials_cancel(&got[1].get);
    credentials_cancel(&got[1].get);
    assert_int_equal(got[1].calls, 0);
    for (int i = 0; i < 5; i++) {
        wait_for(&got[i]);
        assert_int_equal(got[i].status, i == 1 ? ERR_CANCELED : 0);
    }
    // After its end: nothing.
    credentials_cancel(&got[0].get);
    start(p, &got[0]);
    wait_for(&got[0]);
    assert_int_equal(got[0].status, 0);
    credentials_free(p);
}

// Keeps the pool's one thread busy until it is opened.
struct gate {
    struct worker_job job;
    sem_t taken, open;
    bool done;
};

static void gate_run(struct worker_job *job, void *thread)
{
    (void)thread;
    struct gate *gate = container_of(job, struct gate, job);
    sem_post(&gate->taken);
    sem_wait(&gate->open);
}

static void gate_done(struct worker_job *job)
{
    container_of(job, struct gate, job)->done = true;
}

// Returns when the thread is at the gate.
static void gate_submit(struct gate *gate)
{
    *gate = (struct gate){.job = {.run = gate_run, .done = gate_done}};
    sem_init(&gate->taken, 0, 0);
    sem_init(&gate->open, 0, 0);
    assert_int_equal(worker_pool_submit(t.pool, &gate->job), 0);
    sem_wait(&gate->taken);
}

static void gate_open(struct gate *gate)
{
    sem_post(&gate->open);
}

static void gate_wait(struct gate *gate)
{
    while (!gate->done) {
        loop_turn(t.loop, true);
    }
    sem_destroy(&gate->taken);
    sem_destroy(&gate->open);
}

static void test_free_while_loading(void **state)
{
    (void)state;
    struct got got[2] = {0};
    struct gate gate;
    write_file("credentials", "[default]\naws_access_key_id = 1\naws_secret_access_key = s\n");
    struct credentials_provider *p = new_default();
    gate_submit(&gate);
    start(p, &got[0]);
    while (worker_pool_waiting(t.pool) == 0) {
        loop_turn(t.loop, false);
    }
    start(p, &got[1]);
    credentials_free(p);
    for (int i = 0; i < 2; i++) {
        wait_for(&got[i]);
        assert_int_equal(got[i].status, ERR_CANCELED);
    }
    gate_open(&gate);
    gate_wait(&gate);
}

static void test_free_in_callback(void **state)
{
    (void)state;
    struct got got[3] = {0};
    write_file("credentials", "[default]\naws_access_key_id = 1\naws_secret_access_key = s\n");
    struct credentials_provider *p = new_default();
    for (int i = 0; i < 3; i++) {
        start(p, &got[i]);
    }
    got[0].free_it = p;
    for (int i = 0; i < 3; i++) {
        wait_for(&got[i]);
        assert_int_equal(got[i].status, i == 0 ? 0 : ERR_CANCELED);
    }
}

static void wait_for_job(void)
{
    while (worker_pool_waiting(t.pool) == 0) {
        loop_turn(t.loop, false);
    }
}

static void submit_behind(struct gate *gate)
{
    *gate = (struct gate){.job = {.run = gate_run, .done = gate_done}};
    sem_init(&gate->taken, 0, 0);
    sem_init(&gate->open, 0, 0);
    assert_int_equal(worker_pool_submit(t.pool, &gate->job), 0);
}

// What a search read before a service refused it is not taken for what was asked for then.
static void test_expire_while_loading(void **state)
{
    (void)state;
    struct got got = {0};
    struct gate first, before, behind;
    const char *one = "[default]\naws_access_key_id = 1\naws_secret_access_key = s\n";
    write_file("credentials", one);
    struct credentials_provider *p = new_default();
    assert_string_equal(get(p).id, "1");
    // Another file with the same keys: seen by a check, read by a search.
    write_file("credentials", one);
    test_clock_advance(&t.clock, CREDENTIALS_CHECK_MS);
    gate_submit(&first);
    assert_string_equal(get(p).id, "1");
    wait_for_job();
    submit_behind(&before);
    gate_open(&first);
    sem_wait(&before.taken);
    wait_for_job();
    // When this one runs, the file has been read, and no one told the loop.
    gate_open(&before);
    gate_submit(&behind);
    write_file("credentials", "[default]\naws_access_key_id = 2\naws_secret_access_key = s\n");
    credentials_expire(p, NULL);
    start(p, &got);
    gate_open(&behind);
    wait_for(&got);
    assert_string_equal(got.id, "2");
    gate_wait(&first);
    gate_wait(&before);
    gate_wait(&behind);
    credentials_free(p);
}

// One service's refusal of old keys does not drop the new ones, and what the source gives again
// stays for a while.
static void test_expire_what_was_used(void **state)
{
    (void)state;
    uint8_t first[SHA256_LEN], other[SHA256_LEN];
    struct sigv4_credentials c = {.access_key_id = SPAN("1"), .secret_access_key = SPAN("s")};
    credentials_digest(&c, first);
    c.session_token = SPAN("t");
    credentials_digest(&c, other);
    write_file("credentials", "[default]\naws_access_key_id = 1\naws_secret_access_key = s\n");
    struct credentials_provider *p = new_default();
    assert_string_equal(get(p).id, "1");
    write_file("credentials", "[default]\naws_access_key_id = 2\naws_secret_access_key = s\n");
    credentials_expire(p, other);
    assert_string_equal(get(p).id, "1");
    credentials_expire(p, first);
    assert_string_equal(get(p).id, "2");
    credentials_expire(p, first);
    assert_string_equal(get(p).id, "2");
    credentials_expire(p, NULL);
    assert_string_equal(get(p).id, "2");
    write_file("credentials", "[default]\naws_access_key_id = 3\naws_secret_access_key = s\n");
    credentials_expire(p, NULL);
    assert_string_equal(get(p).id, "2");
    test_clock_advance(&t.clock, CREDENTIALS_FORCED_MS);
    loop_refresh(t.loop);
    credentials_expire(p, NULL);
    assert_string_equal(get(p).id, "3");
    credentials_free(p);
}

// The others of the same batch wait for the anew read value.
static void test_expire_in_callback(void **state)
{
    (void)state;
    struct got got[2] = {0};
    write_file("credentials", "[default]\naws_access_key_id = 1\naws_secret_access_key = s\n");
    struct credentials_provider *p = new_default();
    assert_string_equal(get(p).id, "1");
    write_file("credentials", "[default]\naws_access_key_id = 2\naws_secret_access_key = s\n");
    got[0].expire = p;
    start(p, &got[0]);
    start(p, &got[1]);
    wait_for(&got[0]);
    wait_for(&got[1]);
    assert_string_equal(got[0].id, "1");
    assert_string_equal(got[1].id, "2");
    credentials_free(p);
}

static void test_pool_closes(void **state)
{
    (void)state;
    struct got got = {0};
    struct gate gate;
    bool closed = false;
    struct credentials_provider *p = new_default();
    gate_submit(&gate);
    start(p, &got);
    wait_for_job();
    worker_pool_close(t.pool, note, &closed);
    gate_open(&gate);
    wait_for(&got);
    assert_int_equal(got.status, ERR_CANCELED);
    while (!closed) {
        loop_turn(t.loop, true);
    }
    t.pool = NULL;
    gate_wait(&gate);
    credentials_free(p);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_static),
        T(test_environment),
        T(test_files),
        T(test_changed_file),
        T(test_broken_later),
        T(test_failures),
        T(test_file_limit),
        T(test_recovery),
        T(test_many_and_cancel),
        T(test_free_while_loading),
        T(test_free_in_callback),
        T(test_expire_in_callback),
        T(test_expire_while_loading),
        T(test_expire_what_was_used),
        T(test_pool_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
