// SPDX-License-Identifier: Apache-2.0
#include "hub/secret_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/base64.h"

#define FILE_MAX_BYTES 4096
#define TEXT_LEN 44 // of a key
#define DIGEST_LABEL "penstock digest v1"

static void set_key(struct secret_key *k, const uint8_t bytes[AEAD_KEY_LEN])
{
    uint8_t digest[SHA256_LEN];
    memcpy(k->key, bytes, AEAD_KEY_LEN);
    sha256(span_of((const char *)bytes, AEAD_KEY_LEN), digest);
    hex_write(k->id, digest, SECRET_KEY_ID_LEN / 2);
    k->id[SECRET_KEY_ID_LEN] = '\0';
    hmac_sha256(span_of((const char *)bytes, AEAD_KEY_LEN), SPAN(DIGEST_LABEL), k->digest_key);
}

static int add_word(struct secret_keys *out, struct span word, const char *where, struct err *e)
{
    char bytes[BASE64_DECODED_MAX(TEXT_LEN)];
    ptrdiff_t n = word.n == TEXT_LEN ? base64_decode(bytes, word) : -1;
    if (n != AEAD_KEY_LEN) {
        return err_set(e, ERR_CONFIG,
                       "%s: key %zu is not 32 bytes in base64 (as `openssl rand -base64 32` makes)",
                       where, out->n + 1);
    }
    if (out->n == SECRET_KEYS_MAX) {
        return err_set(e, ERR_CONFIG, "%s: more than %d keys", where, SECRET_KEYS_MAX);
    }
    set_key(&out->key[out->n++], (const uint8_t *)bytes);
    mem_wipe(bytes, sizeof bytes);
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int secret_keys_parse(const char *text, const char *where, struct secret_keys *out, struct err *e)
{
    *out = (struct secret_keys){0};
    for (struct span rest = span_str(text); rest.p;) {
        struct span line = span_trim(span_cut(&rest, '\n'));
        for (size_t i = 0; i < line.n && line.p[0] != '#';) {
            size_t end = i;
            while (end < line.n && !is_blank(line.p[end])) {
                end++;
            }
            if (end > i && add_word(out, span_of(line.p + i, end - i), where, e) < 0) {
                secret_keys_wipe(out);
                return e->code;
            }
            i = end + 1;
        }
    }
    return 0;
}

static void path_of(const char *dir, const char *name, struct buf *out)
{
    buf_printf(out, "%s/%s", dir, name);
    buf_cstr(out);
}

static int read_fd(int fd, char *text, const char *path, struct err *e)
{
    struct stat st;
    ssize_t n = read(fd, text, FILE_MAX_BYTES);
    if (n < 0 || fstat(fd, &st) < 0) {
        return err_set(e, ERR_IO, "cannot read %s: %s", path, strerror(errno));
    }
    if (n == FILE_MAX_BYTES) {
        return err_set(e, ERR_CONFIG, "%s: larger than %d bytes", path, FILE_MAX_BYTES - 1);
    }
    text[n] = '\0';
    if (st.st_mode & (S_IRWXG | S_IRWXO)) {
        log_warn("hub", "others may read the key of the secrets: chmod 600", "file=\"%s\"", path);
    }
    return 0;
}

static int load_file(const char *path, struct secret_keys *out, struct err *e)
{
    char text[FILE_MAX_BYTES + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        *out = (struct secret_keys){.file_missing = errno == ENOENT || errno == ENOTDIR};
        return out->file_missing
                   ? 0
                   : err_set(e, ERR_CONFIG, "cannot open %s: %s", path, strerror(errno));
    }
    int status = read_fd(fd, text, path, e);
    close(fd);
    if (status == 0) {
        status = secret_keys_parse(text, path, out, e);
    }
    mem_wipe(text, sizeof text);
    return status;
}

int secret_keys_load(const char *dir, const char *variable, struct secret_keys *out, struct err *e)
{
    struct buf path = {0};
    if (span_trim(span_str(variable)).n) {
        int status = secret_keys_parse(variable, SECRET_KEY_VARIABLE, out, e);
        if (status == 0 && out->n == 0) {
            status = err_set(e, ERR_CONFIG, SECRET_KEY_VARIABLE ": holds no key");
        }
        out->from_environment = true;
        return status;
    }
    path_of(dir, SECRET_KEY_FILE, &path);
    int status = load_file(path.p, out, e);
    buf_free(&path);
    return status;
}

void secret_keys_add(struct secret_keys *k, const struct clock *clock)
{
    uint8_t bytes[AEAD_KEY_LEN];
    clock->random(clock->ctx, bytes, sizeof bytes);
    if (k->n == SECRET_KEYS_MAX) {
        k->n--;
    }
    memmove(&k->key[1], &k->key[0], k->n * sizeof *k->key);
    k->n++;
    set_key(&k->key[0], bytes);
    mem_wipe(bytes, sizeof bytes);
}

static int write_new(const char *path, struct span text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -1;
    }
    bool ok =
        fchmod(fd, 0600) == 0 && write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
    return close(fd) == 0 && ok ? 0 : -1;
}

static int sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

int secret_keys_store(const char *dir, const struct secret_keys *k, struct err *e)
{
    struct buf path = {0}, temporary = {0}, text = {0};
    path_of(dir, SECRET_KEY_FILE, &path);
    path_of(dir, SECRET_KEY_FILE ".new", &temporary);
    buf_reserve(&text, FILE_MAX_BYTES);
    buf_add_str(&text, "# Keys of the secrets in penstock.db; the first one is in use. Keep a copy "
                       "apart from the\n# database: without it they are lost.\n");
    for (size_t i = 0; i < k->n; i++) {
        base64_encode(&text, span_of((const char *)k->key[i].key, AEAD_KEY_LEN));
        buf_add_char(&text, '\n');
    }
    int status = 0;
    if (write_new(temporary.p, buf_span(&text)) < 0 || rename(temporary.p, path.p) < 0 ||
        sync_dir(dir) < 0) {
        status = err_set(e, errno == ENOSPC ? ERR_NOSPACE : ERR_IO, "cannot write %s: %s", path.p,
                         strerror(errno));
    }
    buf_free_wiped(&text);
    buf_free(&path);
    buf_free(&temporary);
    return status;
}

void secret_keys_unstore(const char *dir)
{
    struct buf path = {0};
    path_of(dir, SECRET_KEY_FILE, &path);
    unlink(path.p);
    buf_free(&path);
}

void secret_keys_wipe(struct secret_keys *k)
{
    mem_wipe(k, sizeof *k);
}
