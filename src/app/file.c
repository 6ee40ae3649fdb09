// SPDX-License-Identifier: Apache-2.0
#include "app/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define READ_STEP 16384

static int read_all(int fd, size_t max, struct buf *b)
{
    for (;;) {
        ssize_t n = read(fd, buf_reserve(b, READ_STEP), READ_STEP);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        if (n == 0)
            return 0;
        buf_commit(b, (size_t)n);
        if (b->n > max)
            return ERR_LIMIT;
    }
}

int file_read(const char *path, size_t max, struct arena *a, struct span *out, struct err *e)
{
    struct buf b = {0};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    // All at once, so that growing leaves no copy of what may be secret.
    if (fstat(fd, &st) == 0 && st.st_size > 0 && (uint64_t)st.st_size <= max)
        buf_reserve(&b, (size_t)st.st_size + READ_STEP);
    int status = read_all(fd, max, &b);
    if (status == ERR_LIMIT)
        err_set(e, status, "%s: larger than %zu bytes", path, max);
    else if (status < 0)
        err_set(e, status, "%s: %s", path, strerror(errno));
    else
        *out = arena_span(a, buf_span(&b));
    close(fd);
    buf_free_wiped(&b);
    return status;
}

int file_read_in(struct span dir, struct span name, size_t max, struct arena *a, struct span *out,
                 struct err *e)
{
    struct span path = name;
    if (name.n == 0 || name.p[0] != '/')
        path = arena_printf(a, "%.*s/%.*s", SPAN_ARG(dir), SPAN_ARG(name));
    return file_read(arena_cstr(a, path), max, a, out, e);
}

struct span file_dir(struct span path)
{
    for (size_t n = path.n; n > 0; n--) {
        if (path.p[n - 1] == '/')
            return n == 1 ? SPAN("/") : span_of(path.p, n - 1);
    }
    return SPAN(".");
}
