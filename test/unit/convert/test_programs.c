// SPDX-License-Identifier: Apache-2.0
// The table of small programs with Node's results (test/diff/programs.jsonl). That they are Node's
// is checked where there is Node: test/integration/programs.test.mjs.

#include <stdio.h>
#include <stdlib.h>

#include "codec/json.h"
#include "diff/program_run.h"
#include "lib/test.h"

#define TABLE "test/diff/programs.jsonl"
#define ROWS_MIN 400

static void check_row(struct span line, unsigned number)
{
    struct err e = {0};
    struct json *row = json_parse(line, &e);
    if (!row)
        fail_msg("%s:%u: %s", TABLE, number, e.msg);
    struct span program = json_str(json_child(row), SPAN_NONE);
    struct span want = json_str(json_next(json_child(row)), SPAN_NONE);
    struct buf got = {0};
    program_run(program, SPAN("\x01\x02\x03"), &got);
    if (!span_eq(buf_span(&got), want))
        fail_msg("%s:%u: %.*s\n gives %.*s\n not   %.*s", TABLE, number, SPAN_ARG(program),
                 SPAN_ARG(buf_span(&got)), SPAN_ARG(want));
    buf_free(&got);
    json_free(row);
}

static void test_table(void **state)
{
    (void)state;
    FILE *f = fopen(TABLE, "r");
    assert_non_null(f);
    struct buf text = {0};
    for (size_t n; (n = fread(buf_reserve(&text, 65536), 1, 65536, f)) > 0;)
        buf_commit(&text, n);
    fclose(f);
    struct span rest = buf_span(&text);
    unsigned number = 0;
    while (rest.n > 0) {
        struct span line = span_cut(&rest, '\n');
        number++;
        if (line.n > 0)
            check_row(line, number);
    }
    assert_true(number >= ROWS_MIN);
    buf_free(&text);
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
