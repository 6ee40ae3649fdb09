// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_APP_ARGS_H
#define PENSTOCK_APP_ARGS_H

// Command-line words and exit codes, the same for every command.

#include <stdbool.h>

#include "app/config.h"

#define EXIT_OK 0
#define EXIT_FAILED 1 // at run time
#define EXIT_USAGE 2  // wrong usage or configuration

// Walks "--name value", "--name=value" and "-c value" words.
struct args {
    int argc;
    char **argv;
    int at;
    const char *command; // for messages
};

// The next option's name ("--data"), or NULL at the end. A word that is no option is returned as it
// is.
const char *args_next(struct args *a);
// The value of the option just returned; NULL (with a line on stderr) when there is none.
const char *args_value(struct args *a);
// For commands whose only option is -c FILE: the file, or NULL (with a line on stderr).
const char *args_config_file(struct args *a);
// Loads that file. False: EXIT_USAGE (with a line on stderr).
bool args_load_config(struct args *a, const char **path, struct config **out);
// "penstock COMMAND: ..." on stderr in one line; returns `code`.
int args_fail(const struct args *a, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
