// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/stream.h"

#define SYSTEM_STORE "/etc/ssl/certs/ca-certificates.crt"
#define PEM_FILE_MAX (4 * 1024 * 1024)

static int read_file(const char *path, struct buf *out, struct err *e)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return err_set(e, ERR_CONFIG, "cannot read %s: %s", path, strerror(errno));
    size_t n;
    do {
        n = fread(buf_reserve(out, 64 * 1024), 1, 64 * 1024, f);
        buf_commit(out, n);
    } while (n > 0 && out->n <= PEM_FILE_MAX);
    bool bad = ferror(f);
    fclose(f);
    if (bad)
        return err_set(e, ERR_CONFIG, "cannot read %s: %s", path, strerror(EIO));
    if (out->n > PEM_FILE_MAX)
        return err_set(e, ERR_CONFIG, "cannot use %s: larger than %d bytes", path, PEM_FILE_MAX);
    return 0;
}

int stream_client_tls(const struct stream_client_files *f, struct tls_config **out, struct err *e)
{
    struct tls_client_options o = {.ca_name = f->ca ? f->ca : SYSTEM_STORE,
                                   .insecure = f->insecure,
                                   .cert_name = f->cert,
                                   .key_name = f->key};
    struct buf pem = {0}, cert = {0}, key = {0};
    int rc = f->insecure ? 0 : read_file(o.ca_name, &pem, e);
    if (rc != 0 && !f->ca)
        err_wrap(e, "no trusted authorities (install ca-certificates, or name a PEM file in "
                    "AWS_CA_BUNDLE)");
    if (rc == 0 && f->cert)
        rc = read_file(f->cert, &cert, e);
    if (rc == 0 && f->cert)
        rc = read_file(f->key, &key, e);
    if (rc == 0) {
        o.ca_pem = buf_span(&pem);
        o.cert_pem = buf_span(&cert);
        o.key_pem = buf_span(&key);
        rc = tls_client_config_new(&o, out, e);
    }
    buf_free(&pem);
    buf_free(&cert);
    buf_free_wiped(&key);
    return rc;
}

int stream_server_tls(const char *cert_file, const char *key_file, struct tls_config **out,
                      struct err *e)
{
    struct buf cert = {0}, key = {0};
    int rc = read_file(cert_file, &cert, e);
    if (rc == 0)
        rc = read_file(key_file, &key, e);
    if (rc == 0)
        rc = tls_server_config_new(buf_span(&cert), cert_file, buf_span(&key), key_file, out, e);
    buf_free(&cert);
    buf_free_wiped(&key);
    return rc;
}
