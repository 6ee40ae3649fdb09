// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BASE_MEM_H
#define PENSTOCK_BASE_MEM_H

// Allocation that aborts instead of returning NULL. Sizes a peer can choose are bounded before they
// come here. Any thread.

#include <stddef.h>

void *mem_alloc(size_t n);
void *mem_zalloc(size_t n);
void *mem_realloc(void *p, size_t n);
char *mem_strndup(const char *p, size_t n);
// n * size with overflow check (aborts).
void *mem_alloc_array(size_t n, size_t size);
void mem_free(void *p);
// Overwrites bytes that held a secret; not removed by the optimiser.
void mem_wipe(void *p, size_t n);

#define mem_new(type) ((type *)mem_zalloc(sizeof(type)))

#endif
