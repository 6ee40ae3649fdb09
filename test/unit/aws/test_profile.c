// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "aws/profile.h"
#include "aws_vectors.h"

static int parse_both(struct arena *a, const struct json *input, struct profile **list,
                      struct err *e)
{
    int status = profile_parse(a, vectors_str(input, "configFile"), PROFILE_CONFIG, list, e);
    if (status == 0) {
        status =
            profile_parse(a, vectors_str(input, "credentialsFile"), PROFILE_CREDENTIALS, list, e);
    }
    return status;
}

static size_t count_properties(const struct profile *p)
{
    size_t n = 0;
    for (const struct profile_property *it = p->properties; it; it = it->next) {
        n++;
    }
    return n;
}

static const struct profile *find(const struct profile *list, enum profile_section section,
                                  struct span name)
{
    for (; list; list = list->next) {
        if (list->section == section && span_eq(list->name, name)) {
            return list;
        }
    }
    return NULL;
}

static void check_sections(const struct profile *list, enum profile_section section,
                           const struct json *want)
{
    size_t n = 0;
    for (const struct profile *p = list; p; p = p->next) {
        n += p->section == section;
    }
    assert_int_equal(n, json_count(want));
    for (struct json *w = json_child(want); w; w = json_next(w)) {
        const struct profile *p = find(list, section, json_key(w));
        assert_non_null(p);
        assert_int_equal(count_properties(p), json_count(w));
        for (struct json *v = json_child(w); v; v = json_next(v)) {
            char name[200];
            snprintf(name, sizeof name, "%.*s", SPAN_ARG(json_key(v)));
            struct span got = profile_get(p, name);
            assert_non_null(got.p);
            assert_span_equal(got, json_str(v, SPAN_NONE));
        }
    }
}

// Our messages say it in our own words: the suite's kind of error, and what ours must hold.
static const struct {
    const char *theirs, *ours;
} messages[] = {{"Profile definition must end with ']'", "must end with ']'"},
                {"Expected a profile definition", "must be defined before"},
                {"Property did not have a name", "a property needs a name"},
                {"Expected an '=' sign defining a property", "a property needs an '=' sign"},
                {"Expected a property definition", "continues a property"},
                {"Expected a property definition, found continuation", "continues a property"},
                {"Expected an '=' sign defining a sub-property", "a sub-property needs an '='"},
                {"Sub-property did not have a name", "a sub-property needs a name"}};

static void check_error(struct span theirs, const struct err *e)
{
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        if (span_is(theirs, messages[i].theirs)) {
            assert_non_null(strstr(e->msg, messages[i].ours));
            assert_memory_equal(e->msg, "line ", 5);
            return;
        }
    }
    fail_msg("unknown error kind %.*s", SPAN_ARG(theirs));
}

static void check_case(const struct json *j)
{
    struct arena a = {0};
    struct err e = {0};
    struct profile *list = NULL;
    struct json *output = json_get(j, "output");
    struct span error = vectors_str(output, "errorContaining");
    int status = parse_both(&a, json_get(j, "input"), &list, &e);
    if (error.n) {
        assert_int_equal(status, ERR_INVALID);
        check_error(error, &e);
    } else {
        struct json *config = json_get(output, "config");
        assert_int_equal(status, 0);
        check_sections(list, PROFILE_SECTION_PROFILE, json_get(config, "profiles"));
        check_sections(list, PROFILE_SECTION_SSO_SESSION, json_get(config, "sso_sessions"));
    }
    arena_free(&a);
}

static void test_parser_vectors(void **state)
{
    (void)state;
    struct json *j = vectors_json("profile/profile-parser-tests.json");
    int n = 0;
    for (struct json *it = json_child(json_get(j, "tests")); it; it = json_next(it)) {
        check_case(it);
        n++;
    }
    assert_int_equal(n, 65);
    json_free(j);
}

static const char *env_str(struct arena *a, const struct json *env, const char *name)
{
    struct span s = vectors_str(env, name);
    return s.p ? arena_cstr(a, s) : NULL;
}

static void test_location_vectors(void **state)
{
    (void)state;
    struct arena a = {0};
    struct json *j = vectors_json("profile/file-location-tests.json");
    int n = 0, other_platform = 0;
    for (struct json *it = json_child(json_get(j, "tests")); it; it = json_next(it)) {
        if (!span_is(vectors_str(it, "platform"), "linux")) {
            other_platform++;
            continue;
        }
        struct json *env = json_get(it, "environment");
        const char *home = env_str(&a, env, "HOME");
        assert_span_equal(
            profile_file_path(&a, env_str(&a, env, "AWS_CONFIG_FILE"), home, PROFILE_CONFIG),
            vectors_str(it, "configLocation"));
        assert_span_equal(profile_file_path(&a, env_str(&a, env, "AWS_SHARED_CREDENTIALS_FILE"),
                                            home, PROFILE_CREDENTIALS),
                          vectors_str(it, "credentialsLocation"));
        n++;
    }
    assert_int_equal(n, 4);
    assert_int_equal(other_platform, 5);
    json_free(j);
    arena_free(&a);
}

static void test_location(void **state)
{
    (void)state;
    struct arena a = {0};
    assert_int_equal(profile_file_path(&a, NULL, NULL, PROFILE_CONFIG).n, 0);
    assert_int_equal(profile_file_path(&a, "~/x", "", PROFILE_CONFIG).n, 0);
    assert_span_is(profile_file_path(&a, "~/x", "/h", PROFILE_CONFIG), "/h/x");
    assert_span_is(profile_file_path(&a, "~", "/h", PROFILE_CONFIG), "/h");
    assert_span_is(profile_file_path(&a, "~u/x", "/h", PROFILE_CONFIG), "~u/x");
    assert_span_is(profile_file_path(&a, " ", "/h/", PROFILE_CREDENTIALS), "/h/.aws/credentials");
    arena_free(&a);
}

static int parse_text(struct arena *a, struct span text, struct profile **list, struct err *e)
{
    *list = NULL;
    return profile_parse(a, text, PROFILE_CREDENTIALS, list, e);
}

static void test_line_numbers(void **state)
{
    (void)state;
    struct arena a = {0};
    struct err e = {0};
    struct profile *list;
    assert_int_equal(parse_text(&a, SPAN("# c\r\n\r\n[a]\nx = 1\ny\n"), &list, &e), ERR_INVALID);
    assert_string_equal(e.msg, "line 5: a property needs an '=' sign");
    arena_free(&a);
}

static void put_many(struct buf *b, size_t n, const char *format)
{
    for (size_t i = 0; i < n; i++) {
        char line[64];
        snprintf(line, sizeof line, format, (int)i);
        buf_add_str(b, line);
    }
}

static int parse_buf(struct buf *b, struct err *e)
{
    struct arena a = {0};
    struct profile *list;
    *e = (struct err){0};
    int status = parse_text(&a, buf_span(b), &list, e);
    arena_free(&a);
    buf_clear(b);
    return status;
}

static void test_limits(void **state)
{
    (void)state;
    struct buf b = {0};
    struct err e = {0};
    put_many(&b, PROFILE_SECTIONS_MAX, "[p%d]\n");
    assert_int_equal(parse_buf(&b, &e), 0);
    put_many(&b, PROFILE_SECTIONS_MAX + 1, "[p%d]\n");
    assert_int_equal(parse_buf(&b, &e), ERR_LIMIT);
    assert_string_equal(e.msg, "line 10001: more than 10000 sections");
    buf_add_str(&b, "[p]\n");
    put_many(&b, PROFILE_PROPERTIES_MAX, "k%d=1\n");
    assert_int_equal(parse_buf(&b, &e), 0);
    buf_add_str(&b, "[p]\n");
    put_many(&b, PROFILE_PROPERTIES_MAX + 1, "k%d=1\n");
    assert_int_equal(parse_buf(&b, &e), ERR_LIMIT);
    memset(buf_reserve(&b, PROFILE_FILE_MAX + 1), '#', PROFILE_FILE_MAX + 1);
    buf_commit(&b, PROFILE_FILE_MAX);
    assert_int_equal(parse_buf(&b, &e), 0);
    buf_commit(&b, PROFILE_FILE_MAX + 1);
    assert_int_equal(parse_buf(&b, &e), ERR_LIMIT);
    buf_free(&b);
}

// A value of very many lines must not cost their square.
static void test_long_continuation(void **state)
{
    (void)state;
    struct arena a = {0};
    struct buf b = {0};
    struct err e = {0};
    struct profile *list;
    buf_add_str(&b, "[p]\nk = v\n");
    put_many(&b, 200000, " x\n");
    assert_int_equal(parse_text(&a, buf_span(&b), &list, &e), 0);
    assert_int_equal(profile_get(profile_find(list, SPAN("p")), "k").n, 1 + 2 * 200000);
    buf_free(&b);
    arena_free(&a);
}

static void test_wipe(void **state)
{
    (void)state;
    struct arena a = {0};
    struct err e = {0};
    struct profile *list;
    assert_int_equal(parse_text(&a, SPAN("[p]\nk = secret\n"), &list, &e), 0);
    struct span value = profile_get(list, "k");
    assert_span_is(value, "secret");
    profile_wipe(list);
    assert_span_equal(value, span_of("\0\0\0\0\0\0", 6));
    arena_free(&a);
}

// Every cut of every file of the suite: no read outside (a sanitizer sees it), no endless loop.
static void test_cuts(void **state)
{
    (void)state;
    struct json *j = vectors_json("profile/profile-parser-tests.json");
    for (struct json *it = json_child(json_get(j, "tests")); it; it = json_next(it)) {
        struct span text = vectors_str(json_get(it, "input"), "configFile");
        for (size_t n = 0; n < text.n; n++) {
            struct arena a = {0};
            struct err e = {0};
            struct profile *list = NULL;
            struct buf piece = {0};
            buf_add(&piece, text.p, n);
            int status = profile_parse(&a, buf_span(&piece), PROFILE_CONFIG, &list, &e);
            assert_true(status == 0 || status == ERR_INVALID);
            buf_free(&piece);
            arena_free(&a);
        }
    }
    json_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parser_vectors), cmocka_unit_test(test_location_vectors),
        cmocka_unit_test(test_location),       cmocka_unit_test(test_line_numbers),
        cmocka_unit_test(test_limits),         cmocka_unit_test(test_long_continuation),
        cmocka_unit_test(test_wipe),           cmocka_unit_test(test_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
