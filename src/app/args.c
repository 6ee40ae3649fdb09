// SPDX-License-Identifier: Apache-2.0
#include "app/args.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *args_next(struct args *a)
{
    if (a->at >= a->argc)
        return NULL;
    char *word = a->argv[a->at++];
    char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    if (equals) {
        // The value stays in place as the next word.
        *equals = '\0';
        a->argv[--a->at] = equals + 1;
    }
    return word;
}

const char *args_value(struct args *a)
{
    if (a->at < a->argc)
        return a->argv[a->at++];
    args_fail(a, EXIT_USAGE, "%s needs a value", a->argv[a->argc - 1]);
    return NULL;
}

const char *args_config_file(struct args *a)
{
    const char *path = NULL;
    for (const char *word; (word = args_next(a));) {
        if (strcmp(word, "-c") != 0 && strcmp(word, "--config") != 0) {
            args_fail(a, EXIT_USAGE, "unknown argument \"%s\": use -c FILE", word);
            return NULL;
        }
        path = args_value(a);
        if (!path)
            return NULL;
    }
    if (!path)
        args_fail(a, EXIT_USAGE, "-c FILE is missing");
    return path;
}

bool args_load_config(struct args *a, const char **path, struct config **out)
{
    struct err e = {0};
    *path = args_config_file(a);
    if (!*path)
        return false;
    if (config_load(*path, NULL, NULL, out, &e) == 0)
        return true;
    args_fail(a, EXIT_USAGE, "%s", e.msg);
    return false;
}

int args_fail(const struct args *a, int code, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "penstock %s: ", a->command);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return code;
}
