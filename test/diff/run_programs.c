// SPDX-License-Identifier: Apache-2.0
// Runs programs from standard input: for each a line "BYTES BYTES", the program and its payload.
// For each a line with the number of bytes of its result, and the result.

#include <stdio.h>
#include <stdlib.h>

#include "diff/program_run.h"

#define PART_MAX (1024 * 1024)

static bool read_part(struct buf *b, size_t n)
{
    buf_clear(b);
    if (n > PART_MAX)
        return false;
    if (fread(buf_reserve(b, n + 1), 1, n, stdin) != n)
        return false;
    buf_commit(b, n);
    return true;
}

int main(void)
{
    struct buf program = {0}, payload = {0}, out = {0};
    size_t n, m;
    while (scanf("%zu %zu", &n, &m) == 2) {
        if (getchar() != '\n' || !read_part(&program, n) || !read_part(&payload, m))
            return EXIT_FAILURE;
        buf_clear(&out);
        program_run(buf_span(&program), buf_span(&payload), &out);
        printf("%zu\n", out.n);
        fwrite(out.p, 1, out.n, stdout);
        putchar('\n');
    }
    buf_free(&program);
    buf_free(&payload);
    buf_free(&out);
    return ferror(stdin) || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
