// SPDX-License-Identifier: Apache-2.0
#include "aws/credentials_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static char *path_of(aws_env_fn *env, void *ctx, enum profile_file_kind kind)
{
    struct arena a = {0};
    const char *name = kind == PROFILE_CONFIG ? "AWS_CONFIG_FILE" : "AWS_SHARED_CREDENTIALS_FILE";
    struct span given = aws_env_get(env, ctx, name), home = aws_env_get(env, ctx, "HOME");
    struct span path = profile_file_path(&a, given.n ? arena_cstr(&a, given) : NULL,
                                         home.n ? arena_cstr(&a, home) : NULL, kind);
    char *out = mem_strndup(path.p, path.n);
    arena_free(&a);
    return out;
}

void credentials_files_init(struct credentials_files *f, aws_env_fn *env, void *ctx)
{
    *f = (struct credentials_files){0};
    f->path[PROFILE_CONFIG] = path_of(env, ctx, PROFILE_CONFIG);
    f->path[PROFILE_CREDENTIALS] = path_of(env, ctx, PROFILE_CREDENTIALS);
}

void credentials_files_free(struct credentials_files *f)
{
    mem_free(f->path[0]);
    mem_free(f->path[1]);
    arena_free_wiped(&f->arena);
    *f = (struct credentials_files){0};
}

static int read_all(int fd, size_t max, struct buf *out)
{
    while (out->n < max) {
        ssize_t n = read(fd, out->p + out->n, max - out->n);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? ERR_IO : 0;
        }
        buf_commit(out, (size_t)n);
    }
    return 0;
}

static int read_open(int fd, size_t max, struct buf *out)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return ERR_IO;
    }
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return ERR_IO;
    }
    // One byte more than allowed shows a file that is too large, or grew since. A pipe has no size.
    bool regular = S_ISREG(st.st_mode) && (uint64_t)st.st_size < max;
    size_t room = regular ? (size_t)st.st_size + 1 : max + 1;
    buf_reserve(out, room);
    return read_all(fd, room, out);
}

int credentials_file_read(const char *path, size_t max, struct buf *out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        int code = errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
        return err_set(e, code, "cannot read %s: %s", path, strerror(errno));
    }
    int status = read_open(fd, max, out);
    if (status < 0) {
        err_set(e, status, "cannot read %s: %s", path, strerror(errno));
    } else if (out->n > max) {
        status = err_set(e, ERR_LIMIT, "%s: larger than %zu bytes", path, max);
    }
    close(fd);
    return status;
}

static struct file_stamp stamp_of(const char *path)
{
    struct stat st;
    if (path[0] == '\0' || stat(path, &st) < 0) {
        return (struct file_stamp){0};
    }
    int64_t mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    return (struct file_stamp){mtime_ns, st.st_size, st.st_ino};
}

bool credentials_files_changed(struct credentials_files *f)
{
    bool changed = false;
    for (int i = 0; i < 2; i++) {
        struct file_stamp now = stamp_of(f->path[i]), *old = &f->stamp[i];
        changed = changed || now.mtime_ns != old->mtime_ns || now.size != old->size ||
                  now.inode != old->inode;
        *old = now;
    }
    return changed;
}

struct span credentials_files_where(const struct credentials_files *f, struct arena *a)
{
    const char *config = f->path[PROFILE_CONFIG], *credentials = f->path[PROFILE_CREDENTIALS];
    if (!config[0] && !credentials[0]) {
        return SPAN("no home directory to look for .aws/credentials in");
    }
    return f->stamp[0].inode || f->stamp[1].inode
               ? arena_printf(a, "%s, %s", credentials, config)
               : arena_printf(a, "neither %s nor %s exists", credentials, config);
}

static int read_one(struct credentials_files *f, enum profile_file_kind kind, struct err *e)
{
    struct buf text = {0};
    const char *path = f->path[kind];
    int status = path[0] ? credentials_file_read(path, PROFILE_FILE_MAX, &text, e) : 0;
    if (status == 0) {
        status = profile_parse(&f->arena, buf_span(&text), kind, &f->list, e);
        if (status < 0) {
            err_wrap(e, "%s", path);
        }
    }
    buf_free_wiped(&text);
    return status == ERR_NOT_FOUND ? 0 : status;
}

int credentials_files_read(struct credentials_files *f, struct err *e)
{
    (void)credentials_files_changed(f);
    int status = read_one(f, PROFILE_CONFIG, e);
    return status < 0 ? status : read_one(f, PROFILE_CREDENTIALS, e);
}
