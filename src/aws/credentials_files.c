// SPDX-License-Identifier: Apache-2.0
#include "aws/credentials_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

static struct span put(char **at, struct span s)
{
    struct span out = {*at, s.n};
    if (s.n) {
        memcpy(*at, s.p, s.n);
    }
    *at += s.n;
    return out;
}

struct credentials_value *credentials_value_new(const struct sigv4_credentials *c)
{
    size_t n = c->access_key_id.n + c->secret_access_key.n + c->session_token.n;
    struct credentials_value *v = mem_alloc(sizeof *v + n);
    char *at = (char *)(v + 1);
    v->n = n;
    v->c.access_key_id = put(&at, c->access_key_id);
    v->c.secret_access_key = put(&at, c->secret_access_key);
    v->c.session_token = put(&at, c->session_token);
    return v;
}

void credentials_value_free(struct credentials_value *v)
{
    if (v) {
        mem_wipe(v + 1, v->n);
        mem_free(v);
    }
}

static void wipe_free(struct buf *b)
{
    mem_wipe(b->p, b->cap);
    buf_free(b);
}

static int read_all(int fd, size_t size, struct buf *out)
{
    // One byte more than allowed shows a file that is too large, or grew since.
    size_t max = size < PROFILE_FILE_MAX ? size + 1 : PROFILE_FILE_MAX + 1;
    buf_reserve(out, max);
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

// An absent file is an empty one; its stamp stays zero.
static int read_file(const char *path, struct buf *out, struct err *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : err_set(e, ERR_IO, "cannot read %s: %s", path, strerror(errno));
    }
    int status = fstat(fd, &st) < 0 ? ERR_IO : read_all(fd, (size_t)st.st_size, out);
    if (status < 0) {
        err_set(e, ERR_IO, "cannot read %s: %s", path, strerror(errno));
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

static bool stamps_changed(struct credentials_files *f)
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

static int parse_files(struct credentials_files *f, struct arena *a, struct profile **list)
{
    for (int i = 0; i < 2; i++) {
        struct buf text = {0};
        int status = f->path[i][0] ? read_file(f->path[i], &text, &f->err) : 0;
        if (status == 0) {
            status = profile_parse(a, buf_span(&text), (enum profile_file_kind)i, list, &f->err);
            if (status < 0) {
                err_wrap(&f->err, "%s", f->path[i]);
            }
        }
        wipe_free(&text);
        if (status < 0) {
            return status;
        }
    }
    return 0;
}

// Says why a profile without keys does not serve.
static int no_keys(struct credentials_files *f, const struct profile *p)
{
    static const char *const other[] = {"role_arn", "credential_process", "web_identity_token_file",
                                        "sso_session", "sso_start_url"};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        if (profile_get(p, other[i]).n) {
            return err_set(&f->err, ERR_AUTH,
                           "profile \"%s\" uses %s, which is not supported: give it "
                           "aws_access_key_id and aws_secret_access_key",
                           f->profile, other[i]);
        }
    }
    const char *missing =
        profile_get(p, "aws_access_key_id").n ? "aws_secret_access_key" : "aws_access_key_id";
    return err_set(&f->err, ERR_AUTH, "profile \"%s\" has no %s", f->profile, missing);
}

static int no_profile(struct credentials_files *f)
{
    const char *config = f->path[PROFILE_CONFIG], *credentials = f->path[PROFILE_CREDENTIALS];
    if (!config[0] && !credentials[0]) {
        return err_set(&f->err, ERR_AUTH, "no home directory to look for .aws/credentials in");
    }
    bool any = f->stamp[0].inode || f->stamp[1].inode;
    return any ? err_set(&f->err, ERR_AUTH, "no profile \"%s\" in %s and %s", f->profile,
                         credentials, config)
               : err_set(&f->err, ERR_AUTH, "neither %s nor %s exists", credentials, config);
}

static int pick(struct credentials_files *f, const struct profile *list)
{
    const struct profile *p = profile_find(list, span_str(f->profile));
    if (!p) {
        return no_profile(f);
    }
    struct sigv4_credentials c = {
        .access_key_id = profile_get(p, "aws_access_key_id"),
        .secret_access_key = profile_get(p, "aws_secret_access_key"),
        .session_token = profile_get(p, "aws_session_token"),
    };
    if (!c.access_key_id.n || !c.secret_access_key.n) {
        return no_keys(f, p);
    }
    f->value = credentials_value_new(&c);
    return 0;
}

void credentials_files_read(struct credentials_files *f)
{
    struct arena a = {0};
    struct profile *list = NULL;
    if (!stamps_changed(f) && !f->force) {
        f->unchanged = true;
        return;
    }
    f->status = parse_files(f, &a, &list);
    if (f->status == 0) {
        f->status = pick(f, list);
    }
    profile_wipe(list);
    arena_free(&a);
}

void credentials_files_free(struct credentials_files *f)
{
    mem_free(f->path[0]);
    mem_free(f->path[1]);
    mem_free(f->profile);
    credentials_value_free(f->value);
    *f = (struct credentials_files){0};
}
