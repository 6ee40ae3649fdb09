// SPDX-License-Identifier: Apache-2.0

// A request whose signature the local Kinesis endpoint checks: target, then header lines
// "name:value", an empty line, the body. No input can be signed right.

#include <stdlib.h>

#include "emulator/auth.h"
#include "emulator/faults.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADERS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_of((const char *)data, size), target = span_cut(&rest, '\n');
    struct http_header headers[HEADERS_MAX];
    struct emu_signed r = {.method = SPAN("POST"), .headers = {headers, 0}};
    r.path = span_cut(&target, '?');
    r.query = target;
    while (rest.p && r.headers.n < HEADERS_MAX) {
        struct span line = span_cut(&rest, '\n');
        if (line.n == 0)
            break;
        struct span name = span_cut(&line, ':');
        headers[r.headers.n++] = (struct http_header){name, line.p ? line : SPAN("")};
    }
    r.body = rest;
    struct emu_auth auth = {.id = SPAN("AKID"),
                            .secret = SPAN("not in any corpus 7c1e4e0f9b"),
                            .region = SPAN("us-east-1"),
                            .service = SPAN("kinesis")};
    struct arena arena = {0};
    struct emu_error e = {0};
    if (emu_auth_check(&auth, &r, 1769903999000, &arena, &e) || !e.code)
        abort();
    arena_free(&arena);

    static struct emu_faults faults;
    struct err err = {0};
    emu_faults_clear(&faults);
    if (emu_faults_add(&faults, r.body, &err) != 0 && faults.n != 0)
        abort();
    return 0;
}
