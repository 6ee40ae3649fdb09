// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *p, size_t n)
{
    if (!p) {
        fprintf(stderr, "penstock: out of memory allocating %zu bytes\n", n);
        abort();
    }
    return p;
}

void *mem_alloc(size_t n)
{
    return checked(malloc(n ? n : 1), n);
}

void *mem_zalloc(size_t n)
{
    return checked(calloc(1, n ? n : 1), n);
}

void *mem_realloc(void *p, size_t n)
{
    return checked(realloc(p, n ? n : 1), n);
}

char *mem_strndup(const char *p, size_t n)
{
    char *s = mem_alloc(n + 1);
    if (n)
        memcpy(s, p, n);
    s[n] = '\0';
    return s;
}

void *mem_alloc_array(size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total))
        checked(NULL, (size_t)-1);
    return mem_alloc(total);
}

void mem_free(void *p)
{
    free(p);
}

void mem_wipe(void *p, size_t n)
{
    if (n)
        explicit_bzero(p, n);
}
