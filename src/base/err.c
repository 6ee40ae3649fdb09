// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *err_text(int code)
{
    switch (code) {
#define ERR_CASE(name, value, text)                                                                \
    case name:                                                                                     \
        return text;
        ERR_LIST(ERR_CASE)
#undef ERR_CASE
    default:
        return code == 0 ? "ok" : "unknown error";
    }
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
    if (!e)
        return code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    e->code = code;
    return code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char head[ERR_MSG_MAX], all[2 * ERR_MSG_MAX + 4];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(head, sizeof head, fmt, ap);
    va_end(ap);
    snprintf(all, sizeof all, "%s: %s", head, e->msg[0] ? e->msg : err_text(e->code));
    memcpy(e->msg, all, sizeof e->msg - 1);
    e->msg[sizeof e->msg - 1] = '\0';
    return e->code;
}

void err_require_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "penstock: broken invariant: %s at %s:%d\n", what, file, line);
    abort();
}
