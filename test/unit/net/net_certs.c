// SPDX-License-Identifier: Apache-2.0
#include "net_certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[64];

// `openssl ca` is the one subcommand of every version that takes both dates.
static const char script[] =
    "set -e; cd %s\n"
    "ec='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'\n"
    "cat >ca.cnf <<E\n"
    "[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=.\ndatabase=db\nserial=serial\ndefault_md=sha256\n"
    "policy=p\nunique_subject=no\nrand_serial=yes\ncopy_extensions=copy\nemail_in_dn=no\n"
    "[p]\ncommonName=supplied\n"
    "E\n"
    ": >db\n"
    "openssl req -x509 $ec -keyout ca.key -out ca.pem -days 30 -subj '/CN=Test Authority'\n"
    "openssl req -x509 $ec -keyout other.key -out other.pem -days 30 -subj '/CN=Other Authority'\n"
    "leaf() {\n"
    "  openssl req -new $5 -keyout $1.key -out $1.csr -subj /CN=$1.example "
    "-addext subjectAltName=$2\n"
    "  openssl ca -batch -notext -config ca.cnf -cert ca.pem -keyfile ca.key -in $1.csr "
    "-out $1.pem -startdate $3 -enddate $4\n"
    "}\n"
    "all=DNS:localhost,DNS:*.wild.example,IP:127.0.0.1,IP:::1\n"
    "leaf good $all 20200101000000Z 20990101000000Z \"$ec\"\n"
    "leaf rsa DNS:localhost 20200101000000Z 20990101000000Z '-newkey rsa:2048 -nodes'\n"
    "leaf name DNS:other.example 20200101000000Z 20990101000000Z \"$ec\"\n"
    "leaf expired $all 20200101000000Z 20210203000000Z \"$ec\"\n"
    "leaf future $all 20980102000000Z 20990101000000Z \"$ec\"\n";

bool certs_make(void)
{
    snprintf(dir, sizeof(dir), "%s", "/tmp/penstock-certs-XXXXXX");
    if (!mkdtemp(dir))
        return false;
    char path[128];
    snprintf(path, sizeof(path), "%s/make.sh", dir);
    FILE *f = fopen(path, "w");
    if (!f)
        return false;
    fprintf(f, script, dir);
    fclose(f);
    char command[256];
    snprintf(command, sizeof(command), "sh %s >%s/log 2>&1", path, dir);
    return system(command) == 0;
}

const char *certs_path(const char *file)
{
    static char paths[4][128];
    static unsigned at;
    char *p = paths[at++ % 4];
    snprintf(p, sizeof(paths[0]), "%s/%s", dir, file);
    return p;
}

void certs_read(const char *file, struct buf *out)
{
    FILE *f = fopen(certs_path(file), "r");
    if (!f)
        abort();
    size_t n = fread(buf_reserve(out, 64 * 1024), 1, 64 * 1024, f);
    buf_commit(out, n);
    fclose(f);
}

void certs_remove(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    if (system(command) != 0)
        perror(dir);
}
