// SPDX-License-Identifier: Apache-2.0
// Programs that print credentials: how their command is split, how they are run and ended.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "aws/credential_process.h"
#include "base/mem.h"
#include "lib/test.h"

static void check_words(const char *command, const char *want)
{
    struct arena a = {0};
    struct buf got = {0};
    struct err e = {0};
    char **words = process_split(span_str(command), &a, &e);
    for (char **w = words; w && *w; w++) {
        buf_printf(&got, "<%s>", *w);
    }
    if (strcmp(words ? buf_cstr(&got) : e.msg, want) != 0) {
        fail_msg("%s: %s, not %s", command, words ? buf_cstr(&got) : e.msg, want);
    }
    buf_free(&got);
    arena_free(&a);
}

static void test_split(void **state)
{
    (void)state;
    check_words("a", "<a>");
    check_words("  a\tb  c ", "<a><b><c>");
    check_words("a 'b c' \"d e\"", "<a><b c><d e>");
    check_words("a'b'\"c\"d", "<abcd>");
    check_words("a '' \"\"", "<a><><>");
    check_words("a '\\' \"\\\"\\x\"", "<a><\\><\"\\x>");
    check_words("a b\\ c \\'", "<a><b c><'>");
    check_words("a | b > c; $d `e`", "<a><|><b><>><c;><$d><`e`>");
    check_words("a 'b", "has an open quote or ends in a backslash");
    check_words("a \"b", "has an open quote or ends in a backslash");
    check_words("a \\", "has an open quote or ends in a backslash");
    check_words(" ", "is empty");
    struct buf b = {0};
    for (int i = 0; i < PROCESS_WORDS_MAX; i++) {
        buf_add_str(&b, "x ");
    }
    struct arena a = {0};
    struct err e = {0};
    assert_non_null(process_split(buf_span(&b), &a, &e));
    buf_add_str(&b, "x");
    assert_null(process_split(buf_span(&b), &a, &e));
    assert_null(process_split(SPAN("a\0b"), &a, &e));
    buf_free(&b);
    arena_free(&a);
}

static struct err run_err;

// The last word is a line for a shell.
static int run(const char *line, int64_t limit_ms, bool stopped, struct buf *out)
{
    char *words[] = {"sh", "-c", (char *)line, NULL};
    atomic_bool stop;
    atomic_init(&stop, stopped);
    run_err = (struct err){0};
    return process_run(words, limit_ms, &stop, out, &run_err);
}

static void test_run(void **state)
{
    (void)state;
    struct buf out = {0};
    assert_int_equal(run("echo one; cat; echo two", 60000, false, &out), 0);
    assert_span_is(buf_span(&out), "one\ntwo\n");
    buf_clear(&out);
    assert_int_equal(run("echo secret; exit 7", 60000, false, &out), ERR_AUTH);
    assert_string_equal(run_err.msg, "\"sh\" exited with code 7");
    buf_clear(&out);
    assert_int_equal(run("kill -9 $$", 60000, false, &out), ERR_AUTH);
    assert_string_equal(run_err.msg, "\"sh\" was ended by signal 9");
    char *words[] = {"/nowhere/at all", NULL};
    atomic_bool stop = false;
    assert_int_equal(process_run(words, 1000, &stop, &out, &run_err), ERR_CONFIG);
    assert_non_null(strstr(run_err.msg, "cannot start \"/nowhere/at all\": No such file"));
    buf_free(&out);
}

static void test_output_limit(void **state)
{
    (void)state;
    char line[100];
    struct buf out = {0};
    snprintf(line, sizeof line, "head -c %d /dev/zero", SOURCE_REPLY_MAX);
    assert_int_equal(run(line, 60000, false, &out), 0);
    assert_int_equal(out.n, SOURCE_REPLY_MAX);
    buf_clear(&out);
    assert_int_equal(run("cat /dev/zero", 60000, false, &out), ERR_LIMIT);
    assert_string_equal(run_err.msg, "printed more than 65536 bytes");
    buf_free(&out);
}

// The number of a process that the shell leaves behind: it must be gone, too.
static pid_t child_of(const struct buf *out)
{
    return (pid_t)strtol(out->p, NULL, 10);
}

static void check_gone(pid_t pid)
{
    assert_true(pid > 1);
    for (int i = 0; kill(pid, 0) == 0; i++) {
        assert_true(i < 60000);
        usleep(1000);
    }
    assert_int_equal(errno, ESRCH);
}

static void test_hanging(void **state)
{
    (void)state;
    struct buf out = {0};
    // Time enough for the shell to start.
    for (int64_t limit_ms = 200; out.n == 0 && limit_ms < 100000; limit_ms *= 4)
        assert_int_equal(run("sleep 1000 & echo $!; wait", limit_ms, false, &out), ERR_TIMEOUT);
    assert_non_null(strstr(run_err.msg, "did not end within"));
    check_gone(child_of(&out));
    buf_clear(&out);
    // Output closed, and yet it runs.
    assert_int_equal(run("exec >/dev/null; sleep 1000", 200, false, &out), ERR_TIMEOUT);
    buf_clear(&out);
    assert_int_equal(run("sleep 1000", 60000, true, &out), ERR_CANCELED);
    buf_free(&out);
}

static void check_output(const char *text, int code, const char *says)
{
    struct arena a = {0};
    struct source_world w = {.arena = &a};
    struct process_credentials p = {SPAN("cmd"), SPAN("123")};
    struct source_step out;
    process_step(&p, &w, NULL, &out);
    assert_int_equal(out.want, SOURCE_RUN);
    assert_span_is(out.text, "cmd");
    struct source_input in = {.body = span_str(text)};
    process_step(&p, &w, &in, &out);
    if (code == 0) {
        assert_int_equal(out.want, SOURCE_VALUE);
        assert_span_equal(out.value.account_id, span_str(says));
    } else {
        assert_int_equal(out.want, SOURCE_FAILED);
        assert_int_equal(out.err.code, code);
        if (!strstr(out.err.msg, says)) {
            fail_msg("\"%s\" does not say \"%s\"", out.err.msg, says);
        }
        assert_null(strstr(out.err.msg, "SECRET"));
    }
    arena_free(&a);
}

static void test_output(void **state)
{
    (void)state;
    check_output("{\"Version\":1,\"AccessKeyId\":\"I\",\"SecretAccessKey\":\"SECRET\"}", 0, "123");
    check_output("{\"Version\":1,\"AccessKeyId\":\"I\",\"SecretAccessKey\":\"SECRET\","
                 "\"AccountId\":\"9\"}",
                 0, "9");
    check_output("{\"Version\":2,\"AccessKeyId\":\"I\",\"SecretAccessKey\":\"SECRET\"}", ERR_PROTO,
                 "\"Version\": 1");
    check_output("{\"Version\":1,\"SecretAccessKey\":\"SECRET\"}", ERR_PROTO, "no AccessKeyId");
    check_output("SECRET", ERR_PROTO, "no JSON object");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),        cmocka_unit_test(test_run),
        cmocka_unit_test(test_output_limit), cmocka_unit_test(test_hanging),
        cmocka_unit_test(test_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
