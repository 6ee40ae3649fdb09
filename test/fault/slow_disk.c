// SPDX-License-Identifier: Apache-2.0
// Preloaded into a process: its disk takes SLOW_DISK_MS longer for each flush.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int flush_slowly(const char *name, int fd)
{
    const char *text = getenv("SLOW_DISK_MS");
    long ms = text ? atol(text) : 0;
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
    int (*flush)(int);
    *(void **)&flush = dlsym(RTLD_NEXT, name);
    return flush(fd);
}

int fsync(int fd)
{
    return flush_slowly("fsync", fd);
}

int fdatasync(int fd)
{
    return flush_slowly("fdatasync", fd);
}
