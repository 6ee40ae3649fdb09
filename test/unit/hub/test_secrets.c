// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/secrets.h"
#include "hub/token_doc.h"
#include "io/loop.h"
#include "lib/test.h"
#include "lib/test_clock.h"
#include "lib/test_files.h"

#define KEY_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY_B "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="

static struct {
    struct test_clock clock;
    char dir[64];
    char path[100];
} t;

static int set_up(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    test_clock_init(&t.clock, 7);
    snprintf(t.dir, sizeof t.dir, "/tmp/penstock-secrets-XXXXXX");
    assert_non_null(mkdtemp(t.dir));
    snprintf(t.path, sizeof t.path, "%s/" SECRET_KEY_FILE, t.dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(t.path);
    return rmdir(t.dir);
}

static void write_key_file(const char *text)
{
    FILE *f = fopen(t.path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    chmod(t.path, 0600);
}

static struct secrets *open_with(const char *variable)
{
    struct secrets *s = NULL;
    struct err e = {0};
    if (secrets_new(t.dir, variable, &t.clock.clock, &s, &e) < 0) {
        fail_msg("%s", e.msg);
    }
    return s;
}

static struct uuid id_of(int n)
{
    struct uuid id = uuid_null;
    ((uint8_t *)&id)[15] = (uint8_t)n;
    return id;
}

static struct json *parse(const char *text)
{
    struct err e = {0};
    struct json *j = json_parse(span_str(text), &e);
    assert_non_null(j);
    return j;
}

static const char *text_of(const struct json *j)
{
    static struct buf b;
    buf_clear(&b);
    json_write(j, &b);
    return buf_cstr(&b);
}

#define INTEGRATION                                                                                \
    "{\"name\":\"n\",\"secret\":\"shown\",\"configuration\":{\"clientConfiguration\":{"            \
    "\"accessKeyId\":\"AKID\",\"secretAccessKey\":\"one/secret\",\"sessionToken\":\"\"},"          \
    "\"hmacSecret\":\"two-secret\",\"list\":[{\"Password\":\"three-secret\"},1],\"token\":7}}"

static void test_documents(void **state)
{
    (void)state;
    struct secrets *s = open_with(KEY_A);
    struct json *doc = parse(INTEGRATION);
    struct err e = {0};
    secrets_seal(s, STORE_INTEGRATION, id_of(1), doc, NULL);
    const char *text = text_of(doc);
    assert_null(strstr(text, "one/secret"));
    assert_null(strstr(text, "two-secret"));
    assert_null(strstr(text, "three-secret"));
    assert_non_null(strstr(text, "\"secret\":\"shown\""));
    assert_non_null(strstr(text, "\"accessKeyId\":\"AKID\""));
    assert_non_null(strstr(text, "\"sessionToken\":\"\""));
    // Sealed once is sealed enough.
    char before[2000];
    snprintf(before, sizeof before, "%s", text);
    secrets_seal(s, STORE_INTEGRATION, id_of(1), doc, NULL);
    assert_string_equal(text_of(doc), before);
    assert_int_equal(secrets_open_all(s, id_of(1), doc, &e), 0);
    assert_string_equal(text_of(doc), INTEGRATION);
    json_free(doc);
    secrets_free(s);
}

// The name of a member is as long as it likes.
static void test_long_names(void **state)
{
    (void)state;
    struct secrets *s = open_with(KEY_A);
    char clear[500];
    snprintf(clear, sizeof clear, "{\"%0*d-Api-Key\":\"hush\"}", 300, 0);
    struct json *doc = parse(clear);
    struct err e = {0};
    secrets_seal(s, STORE_RULE_CHAIN, id_of(1), doc, NULL);
    assert_null(strstr(text_of(doc), "hush"));
    assert_int_equal(secrets_open_all(s, id_of(1), doc, &e), 0);
    assert_string_equal(text_of(doc), clear);
    json_free(doc);
    secrets_free(s);
}

// The headers of a REST API call node.
static void test_headers(void **state)
{
    (void)state;
    struct secrets *s = open_with(KEY_A);
    const char *clear = "{\"metadata\":{\"nodes\":[{\"configuration\":{\"headers\":{"
                        "\"X-Api-Key\":\"hush-1\",\"X_Api_Key\":\"hush-2\",\"Cookie\":\"hush-3\","
                        "\"X-Secret-Key\":\"hush-4\",\"Accept\":\"text/plain\"},\"queryParams\":["
                        "{\"key\":\"api_key\",\"value\":\"hush-5\"},"
                        "{\"key\":\"kind\",\"value\":\"text/html\"}]}}]}}";
    struct json *doc = parse(clear);
    struct err e = {0};
    secrets_seal(s, STORE_RULE_CHAIN, id_of(1), doc, NULL);
    assert_null(strstr(text_of(doc), "hush"));
    assert_non_null(strstr(text_of(doc), "\"Accept\":\"text/plain\""));
    assert_non_null(strstr(text_of(doc), "\"value\":\"text/html\""));
    assert_int_equal(secrets_open_all(s, id_of(1), doc, &e), 0);
    assert_string_equal(text_of(doc), clear);
    json_free(doc);
    secrets_free(s);
}

static void test_rule_chains_whole(void **state)
{
    (void)state;
    struct secrets *s = open_with(KEY_A);
    struct json *doc = parse("{\"metadata\":{\"nodes\":[{\"configuration\":{\"credentials\":{"
                             "\"username\":\"u\",\"password\":\"pass-word\"}}}]}}");
    secrets_seal(s, STORE_RULE_CHAIN, id_of(1), doc, NULL);
    assert_null(strstr(text_of(doc), "pass-word"));
    struct json *other = parse("{\"configuration\":{\"password\":\"pass-word\"}}");
    secrets_seal(s, STORE_CONVERTER, id_of(1), other, NULL);
    assert_non_null(strstr(text_of(other), "pass-word"));
    json_free(doc);
    json_free(other);
    secrets_free(s);
}

// An unchanged secret keeps its text, so that documents can be compared; a changed one does not.
static void test_compares_with_old(void **state)
{
    (void)state;
    struct secrets *s = open_with(KEY_A);
    struct json *old = parse(INTEGRATION), *same = parse(INTEGRATION),
                *changed = parse(INTEGRATION);
    secrets_seal(s, STORE_INTEGRATION, id_of(1), old, NULL);
    secrets_seal(s, STORE_INTEGRATION, id_of(1), same, old);
    char text[2000];
    snprintf(text, sizeof text, "%s", text_of(old));
    assert_string_equal(text_of(same), text);
    json_set_str(json_get(changed, "configuration"), "hmacSecret", SPAN("other"));
    secrets_seal(s, STORE_INTEGRATION, id_of(1), changed, old);
    assert_string_not_equal(text_of(changed), text);
    struct err e = {0};
    assert_int_equal(secrets_open_all(s, id_of(1), changed, &e), 0);
    assert_span_is(json_get_str(json_get(changed, "configuration"), "hmacSecret", SPAN_NONE),
                   "other");
    json_free(old);
    json_free(same);
    json_free(changed);
    secrets_free(s);
}

static int open_text(struct secrets *s, int id, const char *member, struct span sealed,
                     struct err *e)
{
    struct arena a = {0};
    struct span out;
    int status = secrets_open(s, id_of(id), span_str(member), sealed, &a, &out, e);
    assert_int_equal(out.n > 0, status == 0);
    arena_free(&a);
    return status;
}

static void test_bound_to_its_place(void **state)
{
    (void)state;
    struct secrets *s = open_with(KEY_A), *b = open_with(KEY_B), *both = open_with(KEY_B " " KEY_A);
    struct json *doc = parse("{\"configuration\":{\"password\":\"p\"}}");
    struct err e = {0};
    secrets_seal(s, STORE_INTEGRATION, id_of(1), doc, NULL);
    struct span sealed = json_get_str(json_get(doc, "configuration"), "password", SPAN_NONE);
    assert_true(secrets_is_sealed(sealed));
    assert_int_equal(open_text(s, 1, "password", sealed, &e), 0);
    assert_int_equal(open_text(both, 1, "password", sealed, &e), 0);
    assert_int_equal(open_text(s, 2, "password", sealed, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "changed or belongs to another document"));
    assert_int_equal(open_text(s, 1, "token", sealed, &e), ERR_CONFIG);
    assert_int_equal(open_text(b, 1, "password", sealed, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "that key is not in secret.key"));
    assert_int_equal(open_text(NULL, 1, "password", sealed, &e), ERR_CONFIG);
    for (size_t n = 1; n < sealed.n; n++) {
        struct span cut = span_of(sealed.p, n);
        assert_int_equal(open_text(s, 1, "password", cut, &e),
                         secrets_is_sealed(cut) ? ERR_CONFIG : 0);
    }
    json_free(doc);
    secrets_free(s);
    secrets_free(b);
    secrets_free(both);
}

static int filter(struct secrets *s, const char *text, struct buf *out, struct err *e)
{
    buf_clear(out);
    return secrets_filter(s, STORE_INTEGRATION, id_of(1), span_str(text), out, e);
}

// Clear texts are sealed, those under an older key sealed anew, and nothing else is touched.
static void test_filter(void **state)
{
    (void)state;
    struct secrets *a = open_with(KEY_A), *ba = open_with(KEY_B "\n" KEY_A), *b = open_with(KEY_B);
    struct buf out = {0}, again = {0};
    struct err e = {0};
    assert_int_equal(filter(a, INTEGRATION, &out, &e), 1);
    assert_null(strstr(buf_cstr(&out), "secret\":\"two"));
    assert_int_equal(filter(a, buf_cstr(&out), &again, &e), 0);
    assert_int_equal(filter(ba, buf_cstr(&out), &again, &e), 1);
    assert_int_equal(filter(b, buf_cstr(&again), &out, &e), 0);
    struct json *doc = parse(buf_cstr(&again));
    assert_int_equal(secrets_open_all(b, id_of(1), doc, &e), 0);
    assert_string_equal(text_of(doc), INTEGRATION);
    json_free(doc);
    assert_int_equal(filter(a, "{\"configuration\":{}}", &out, &e), 0);
    assert_int_equal(filter(a, "no JSON", &out, &e), 0);
    // Not to be opened: stays, for its status to tell.
    assert_int_equal(filter(a, buf_cstr(&again), &out, &e), 0);
    buf_free(&out);
    buf_free(&again);
    secrets_free(a);
    secrets_free(b);
    secrets_free(ba);
}

// Of the log-ins: made anew when it is lost, so that it keeps no gateway from starting.
static void test_setting(void **state)
{
    (void)state;
    const char *clear = "{\"name\":\"jwtSecret\",\"value\":\"c2VjcmV0\"}";
    const char *other = "{\"name\":\"tenant\",\"value\":\"c2VjcmV0\"}";
    struct secrets *s = open_with(KEY_A);
    struct buf out = {0}, again = {0};
    struct err e = {0};
    assert_int_equal(secrets_filter(s, STORE_SETTING, id_of(1), span_str(other), &out, &e), 0);
    assert_int_equal(secrets_filter(s, STORE_SETTING, id_of(1), span_str(clear), &out, &e), 1);
    assert_null(strstr(buf_cstr(&out), "c2VjcmV0"));
    secrets_free(s);
    s = open_with(NULL);
    assert_int_equal(secrets_filter(s, STORE_SETTING, id_of(1), buf_span(&out), &again, &e), 0);
    assert_int_equal(
        secrets_filter(s, STORE_INTEGRATION, id_of(1),
                       SPAN("{\"configuration\":{\"token\":\"sealed:v1:00000000:AA\"}}"), &again,
                       &e),
        ERR_CONFIG);
    secrets_free(s);
    buf_free(&out);
    buf_free(&again);
}

static void test_key_is_made(void **state)
{
    (void)state;
    struct secrets *s = open_with(NULL);
    struct buf out = {0}, again = {0};
    struct err e = {0};
    struct stat st;
    assert_int_equal(secrets_ensure_key(s, &e), 0);
    assert_int_equal(stat(t.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(filter(s, INTEGRATION, &out, &e), 1);
    secrets_free(s);
    // The next start finds it.
    s = open_with(" ");
    assert_int_equal(secrets_ensure_key(s, &e), 0);
    assert_int_equal(filter(s, buf_cstr(&out), &again, &e), 0);
    struct json *doc = parse(buf_cstr(&out));
    assert_int_equal(secrets_open_all(s, id_of(1), doc, &e), 0);
    json_free(doc);
    secrets_free(s);
    // Lost: said, and nothing is made in its place, whatever other documents come before.
    unlink(t.path);
    s = open_with(NULL);
    assert_int_equal(filter(s, "{\"configuration\":{}}", &again, &e), 0);
    assert_int_equal(filter(s, buf_cstr(&out), &again, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "secret.key is missing and the database holds secrets"));
    assert_int_equal(access(t.path, F_OK), -1);
    secrets_free(s);
    // Given up on purpose.
    write_key_file("");
    s = open_with(NULL);
    assert_int_equal(filter(s, buf_cstr(&out), &again, &e), 0);
    assert_int_equal(filter(s, INTEGRATION, &again, &e), 1);
    secrets_free(s);
    buf_free(&out);
    buf_free(&again);
}

#define CREDENTIALS                                                                                \
    "{\"id\":\"208144f0-e9d3-11f1-a248-7f5ddee8da62\",\"createdTime\":5,\"version\":3,"            \
    "\"credentialsId\":\"clear-TOKEN\"}"

static int filter_token(struct secrets *s, const char *text, struct buf *out, struct err *e)
{
    buf_clear(out);
    return secrets_filter(s, STORE_CREDENTIALS, id_of(1), span_str(text), out, e);
}

static void expect_token(struct secrets *s, int device, const char *json, int status)
{
    struct token_doc d;
    struct arena a = {0};
    struct span text;
    struct err e = {0};
    char digest[TOKEN_DIGEST_LEN];
    assert_true(token_doc_read(span_str(json), &a, &d));
    assert_int_equal(d.created_ms, 5);
    assert_int_equal(d.version, 3);
    token_digest(s, SPAN("clear-TOKEN"), digest);
    assert_true(d.has_digest);
    assert_int_equal(memcmp(digest, d.digest, sizeof digest) == 0, secrets_is_current(s, d.sealed));
    assert_int_equal(token_doc_open(s, id_of(device), d.sealed, &a, &text, &e), status);
    if (status == 0)
        assert_span_is(text, "clear-TOKEN");
    arena_free(&a);
}

static void test_tokens_of_devices(void **state)
{
    (void)state;
    struct secrets *a = open_with(KEY_A), *ba = open_with(KEY_B "\n" KEY_A), *b = open_with(KEY_B);
    struct buf sealed = {0}, again = {0};
    struct err e = {0};
    assert_int_equal(filter_token(a, CREDENTIALS, &sealed, &e), 1);
    assert_null(strstr(buf_cstr(&sealed), "clear-TOKEN"));
    assert_non_null(strstr(buf_cstr(&sealed), "208144f0-e9d3-11f1-a248-7f5ddee8da62"));
    expect_token(a, 1, buf_cstr(&sealed), 0);
    expect_token(a, 2, buf_cstr(&sealed), ERR_CONFIG);
    expect_token(b, 1, buf_cstr(&sealed), ERR_CONFIG);
    // As it should be, or not to be opened: stays.
    assert_int_equal(filter_token(a, buf_cstr(&sealed), &again, &e), 0);
    assert_int_equal(filter_token(b, buf_cstr(&sealed), &again, &e), 0);
    assert_int_equal(filter_token(ba, buf_cstr(&sealed), &again, &e), 1);
    expect_token(b, 1, buf_cstr(&again), 0);
    assert_int_equal(filter_token(a, "{\"credentialsId\":\"\"}", &again, &e), 0);
    assert_int_equal(filter_token(a, "no JSON", &again, &e), 0);
    // A digest that is none is made anew.
    memcpy(strstr(buf_cstr(&sealed), "digest"), "Digest", 6);
    assert_int_equal(filter_token(a, buf_cstr(&sealed), &again, &e), 1);
    expect_token(a, 1, buf_cstr(&again), 0);
    secrets_free(a);
    secrets_free(b);
    secrets_free(ba);
    // Lost, and no key is left behind that was made for a clear one before it.
    a = open_with(NULL);
    assert_int_equal(filter_token(a, CREDENTIALS, &sealed, &e), 1);
    assert_int_equal(access(t.path, F_OK), 0);
    assert_int_equal(filter_token(a, buf_cstr(&again), &sealed, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "secret.key is missing and the database holds secrets"));
    assert_int_equal(access(t.path, F_OK), -1);
    secrets_free(a);
    buf_free(&sealed);
    buf_free(&again);
}

static void refuse_key(const char *text, const char *says)
{
    struct secrets *s = NULL;
    struct err e = {0};
    write_key_file(text);
    assert_int_equal(secrets_new(t.dir, NULL, &t.clock.clock, &s, &e), ERR_CONFIG);
    if (!strstr(e.msg, says)) {
        fail_msg("\"%s\" does not say \"%s\"", e.msg, says);
    }
    assert_null(strstr(e.msg, "AAAA"));
}

static void test_key_files(void **state)
{
    (void)state;
    struct secret_keys k;
    struct err e = {0};
    refuse_key("AAAA\n", "secret.key: key 1 is not 32 bytes in base64");
    refuse_key(KEY_A "\n" KEY_A "x\n", "key 2 is not 32 bytes");
    write_key_file("# a comment\n\n  " KEY_A "\r\n" KEY_B " # is no comment\n");
    assert_int_equal(secret_keys_load(t.dir, NULL, &k, &e), ERR_CONFIG);
    write_key_file("# " KEY_A "\n" KEY_B "\n");
    assert_int_equal(secret_keys_load(t.dir, NULL, &k, &e), 0);
    assert_int_equal(k.n, 1);
    assert_int_equal(secret_keys_load(t.dir, KEY_A, &k, &e), 0);
    assert_true(k.from_environment);
    char many[SECRET_KEYS_MAX * 46 + 50] = "";
    for (int i = 0; i < SECRET_KEYS_MAX; i++) {
        strcat(many, KEY_A "\n");
    }
    write_key_file(many);
    assert_int_equal(secret_keys_load(t.dir, NULL, &k, &e), 0);
    assert_int_equal(k.n, SECRET_KEYS_MAX);
    // One more goes to the front, the oldest leaves.
    secret_keys_add(&k, &t.clock.clock);
    assert_int_equal(k.n, SECRET_KEYS_MAX);
    assert_string_not_equal(k.key[0].id, k.key[1].id);
    assert_int_equal(secret_keys_store(t.dir, &k, &e), 0);
    struct secret_keys back;
    assert_int_equal(secret_keys_load(t.dir, NULL, &back, &e), 0);
    assert_int_equal(back.n, k.n);
    assert_memory_equal(back.key, k.key, sizeof k.key);
    strcat(many, KEY_A "\n");
    refuse_key(many, "more than 8 keys");
}

static void test_names(void **state)
{
    (void)state;
    static const char *const yes[] = {"secretAccessKey", "SECRETACCESSKEY",   "password",
                                      "proxyPassword",   "hmacSecret",        "token",
                                      "sessionToken",    "privateKey",        "Authorization",
                                      "X-API-Key",       "X-Api-Key",         "api_key",
                                      "X_API_KEY",       "Secret-Access-Key", "X-Secret-Key",
                                      "access_token",    "X-Auth-Key",        "X-Functions-Key",
                                      "Cookie",          "Set-Cookie",        "X-Auth-Token"};
    static const char *const no[] = {"accessKeyId",
                                     "tokens",
                                     "maxTokens",
                                     "passwords",
                                     "key",
                                     "",
                                     "partitionKey",
                                     "secretName",
                                     "nextToken",
                                     "partition_key",
                                     "access-key-id",
                                     "Idempotency-Key",
                                     "X-Key-Name",
                                     "cookies",
                                     "-",
                                     "_"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        assert_true(secrets_is_key(SPAN("configuration"), span_str(yes[i])));
    }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        assert_false(secrets_is_key(SPAN("configuration"), span_str(no[i])));
    }
    assert_true(secrets_is_key(SPAN("headersFilter"), SPAN("x-anything")));
}

// ---- in a database

static void ignore(void *ctx)
{
    (void)ctx;
}

static void committed(void *ctx, int status)
{
    assert_int_equal(status, 0);
    *(bool *)ctx = true;
}

static int open_store(struct loop *l, struct secrets *s, struct store **out, struct err *e)
{
    struct store_options o = {.dir = t.dir, .filter = s ? secrets_filter : NULL, .filter_ctx = s};
    return store_open(l, &o, out, e);
}

static void close_store(struct loop *l, struct store *s)
{
    if (s)
        store_close(s, ignore, NULL);
    loop_run(l);
    loop_free(l);
}

static bool files_hold(const char *text)
{
    static const char *const files[] = {"penstock.db", "penstock.db-wal"};
    bool found = false;
    for (size_t i = 0; i < 2; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/%s", t.dir, files[i]);
        if (access(path, R_OK) == 0) {
            struct buf b = test_read_file(path);
            found = found || memmem(b.p, b.n, text, strlen(text));
            buf_free(&b);
        }
    }
    return found;
}

static void put_clear(void)
{
    struct loop *l = loop_new(&clock_system);
    struct store *s = NULL;
    struct err e = {0};
    assert_int_equal(open_store(l, NULL, &s, &e), 0);
    // More than once, as documents are: the older texts lie about in free parts of pages.
    for (int i = 0; i < 3; i++) {
        bool done = false;
        struct store_txn *txn = store_txn_new(s);
        store_txn_put_doc(txn, STORE_INTEGRATION, id_of(1), SPAN("n"), SPAN(INTEGRATION));
        store_txn_put_doc(txn, STORE_CREDENTIALS, id_of(3), SPAN(""), SPAN(CREDENTIALS));
        store_txn_put_doc(txn, STORE_CONVERTER, id_of(2), SPAN("c"), SPAN("{\"a\":1}"));
        store_commit(s, txn, committed, &done);
        while (!done)
            loop_turn(l, true);
    }
    close_store(l, s);
}

struct seen {
    int n;
    struct buf integration;
};

static void see(void *ctx, enum store_doc_kind kind, struct uuid id, struct span name,
                struct span json)
{
    struct seen *seen = ctx;
    (void)id;
    (void)name;
    seen->n++;
    if (kind == STORE_INTEGRATION)
        buf_add_span(&seen->integration, json);
}

static void unlink_database(void)
{
    static const char *const files[] = {"penstock.db", "penstock.db-wal", "penstock.db-shm"};
    for (size_t i = 0; i < 3; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/%s", t.dir, files[i]);
        unlink(path);
    }
}

static void test_clear_database(void **state)
{
    (void)state;
    struct err e = {0};
    struct seen seen = {0};
    put_clear();
    assert_true(files_hold("one/secret") && files_hold("clear-TOKEN"));
    struct secrets *s = open_with(NULL);
    struct loop *l = loop_new(&clock_system);
    struct store *store = NULL;
    assert_int_equal(open_store(l, s, &store, &e), 0);
    // While it runs already.
    assert_false(files_hold("one/secret") || files_hold("two-secret") ||
                 files_hold("three-secret") || files_hold("clear-TOKEN"));
    store_load_docs(store, see, &seen);
    assert_int_equal(seen.n, 3);
    struct json *doc = parse(buf_cstr(&seen.integration));
    assert_int_equal(secrets_open_all(s, id_of(1), doc, &e), 0);
    assert_string_equal(text_of(doc), INTEGRATION);
    json_free(doc);
    buf_free(&seen.integration);
    close_store(l, store);
    secrets_free(s);
    // Without its key the database does not open, and is as it was.
    unlink(t.path);
    s = open_with(NULL);
    l = loop_new(&clock_system);
    store = NULL;
    assert_int_equal(open_store(l, s, &store, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "secret.key is missing"));
    close_store(l, store);
    secrets_free(s);
    unlink_database();
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_documents),
        T(test_headers),
        T(test_long_names),
        T(test_rule_chains_whole),
        T(test_compares_with_old),
        T(test_bound_to_its_place),
        T(test_filter),
        T(test_setting),
        T(test_key_is_made),
        T(test_tokens_of_devices),
        T(test_clear_database),
        T(test_key_files),
        T(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
