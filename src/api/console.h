// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_API_CONSOLE_H
#define PENSTOCK_API_CONSOLE_H

// The page at "/": the files of console/, embedded at build time by embed.cmake.

#include <stddef.h>

struct console_file {
    const char *path; // "/app.js"; the page itself is "/index.html"
    const unsigned char *data;
    size_t n;
    const char *etag; // quoted
};

extern const struct console_file console_files[];
extern const size_t console_n_files;

#endif
