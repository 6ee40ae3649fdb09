// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/test.h"

static int saved_stderr, read_end;

static void capture(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    saved_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    read_end = ends[0];
}

// What was written since capture(); at most one pipe's worth.
static void captured(char *out, size_t cap)
{
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    size_t n = 0;
    for (ssize_t r; n < cap - 1 && (r = read(read_end, out + n, cap - 1 - n)) > 0;) {
        n += (size_t)r;
    }
    out[n] = '\0';
    close(read_end);
}

static void assert_time(const char *line)
{
    const char *shape = "dddd-dd-ddTdd:dd:dd.dddZ ";
    for (size_t i = 0; shape[i]; i++) {
        if (shape[i] == 'd') {
            assert_in_range(line[i], '0', '9');
        } else {
            assert_int_equal(line[i], shape[i]);
        }
    }
}

#define TIME_LEN 25

static void test_line(void **state)
{
    (void)state;
    char out[4096];
    capture();
    log_warn("stream", "shard throttled", "shard=%s backoff_ms=%d", "shardId-0", 250);
    log_info("app", "ready");
    captured(out, sizeof out);
    assert_time(out);
    char *second = strchr(out, '\n') + 1;
    assert_time(second);
    second[-1] = '\0';
    assert_string_equal(out + TIME_LEN,
                        "warn  stream shard throttled shard=shardId-0 backoff_ms=250");
    assert_string_equal(second + TIME_LEN, "info  app ready\n");
}

static void test_level(void **state)
{
    (void)state;
    char out[4096];
    enum log_level level;
    capture();
    log_set_level(LOG_WARN);
    log_info("app", "dropped");
    log_debug("app", "dropped");
    assert_false(log_on(LOG_INFO));
    assert_true(log_on(LOG_ERROR));
    log_set_level(LOG_TRACE);
    log_trace("app", "kept");
    log_set_level(LOG_INFO);
    captured(out, sizeof out);
    assert_string_equal(out + TIME_LEN, "trace app kept\n");
    assert_true(log_parse_level(SPAN("debug"), &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_true(log_parse_level(SPAN("error"), &level));
    assert_int_equal(level, LOG_ERROR);
    assert_true(log_parse_level(SPAN("trace"), &level));
    assert_int_equal(level, LOG_TRACE);
    assert_false(log_parse_level(SPAN("DEBUG"), &level));
    assert_false(log_parse_level(SPAN_NONE, &level));
}

static void test_a_value_cannot_make_a_second_line(void **state)
{
    (void)state;
    char out[4096];
    capture();
    log_info("api", "request", "path=\"%s\"",
             "/\r\n2026-01-01T00:00:00.000Z error\x1b[2J\x7f\tz\xc3\xa9");
    captured(out, sizeof out);
    assert_string_equal(out + TIME_LEN, "info  api request path=\"/??2026-01-01T00:00:00.000Z "
                                        "error?[2J??z\xc3\xa9\"\n");
}

static void test_long_lines_are_cut(void **state)
{
    (void)state;
    char text[3000], out[8192];
    memset(text, 'x', sizeof text);
    // Around the size of a line, and far beyond it.
    for (size_t n = 900; n < sizeof text - 1; n += n < 1100 ? 1 : 500) {
        capture();
        log_info("m", "t", "%.*s", (int)n, text);
        log_info("m", "t", "next");
        captured(out, sizeof out);
        size_t len = strcspn(out, "\n");
        size_t whole = TIME_LEN + strlen("info  m t ") + n;
        assert_int_equal(len, whole < 1023 ? whole : 1023);
        assert_string_equal(out + len + 1 + TIME_LEN, "info  m t next\n");
    }
    // A message that leaves no room, or hardly any, for its values.
    for (size_t n = 970; n < 1030; n++) {
        text[n] = '\0';
        capture();
        log_info("m", text, "k=%d", 12345);
        captured(out, sizeof out);
        size_t whole = TIME_LEN + strlen("info  m  k=12345") + n;
        assert_in_range(strlen(out), whole < 1023 ? whole + 1 : 1022, 1024);
        assert_int_equal(strcspn(out, "\n"), strlen(out) - 1);
        text[n] = 'x';
    }
    capture();
    text[sizeof text - 1] = '\0';
    log_info("m", text, "k=%d", 1);
    captured(out, sizeof out);
    assert_int_equal(strlen(out), 1024);
}

static void test_limit(void **state)
{
    (void)state;
    struct log_limit l = {0};
    uint32_t suppressed = 99;
    for (int i = 0; i < 3; i++) {
        assert_true(log_limit_pass(&l, 5000, 3, &suppressed));
        assert_int_equal(suppressed, 0);
    }
    for (int i = 0; i < 7; i++) {
        assert_false(log_limit_pass(&l, 5000 + 59999, 3, &suppressed));
    }
    assert_true(log_limit_pass(&l, 5000 + 60000, 3, &suppressed));
    assert_int_equal(suppressed, 7);
    assert_true(log_limit_pass(&l, 5000 + 60001, 3, &suppressed));
    assert_int_equal(suppressed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_level),
        cmocka_unit_test(test_a_value_cannot_make_a_second_line),
        cmocka_unit_test(test_long_lines_are_cut),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
