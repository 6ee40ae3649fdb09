// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024
#define WINDOW_MS 60000

static const char *const level_names[] = {"error", "warn", "info", "debug", "trace"};
static _Atomic int level_now = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&level_now, (int)level, memory_order_relaxed);
}

bool log_parse_level(struct span s, enum log_level *out)
{
    for (int i = LOG_ERROR; i <= LOG_TRACE; i++) {
        if (span_is(s, level_names[i])) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_on(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&level_now, memory_order_relaxed);
}

static size_t put_head(char *line, size_t cap, enum log_level level, const char *module,
                       const char *msg)
{
    struct timespec t;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    size_t n = strftime(line, cap, "%Y-%m-%dT%H:%M:%S", &tm);
    int m = snprintf(line + n, cap - n, ".%03ldZ %-5s %s %s", t.tv_nsec / 1000000,
                     level_names[level], module, msg);
    return m < 0 ? n : n + (size_t)m;
}

void log_write(enum log_level level, const char *module, const char *msg, const char *fmt, ...)
{
    if (!log_on(level))
        return;
    char line[LINE_MAX_BYTES];
    size_t n = put_head(line, sizeof line, level, module, msg);
    if (n < sizeof line - 2 && fmt[0] && fmt[1]) {
        va_list ap;
        va_start(ap, fmt);
        int m = vsnprintf(line + n, sizeof line - n, fmt, ap);
        va_end(ap);
        if (m > 0)
            n += (size_t)m;
    }
    if (n > sizeof line - 1)
        n = sizeof line - 1;
    // A value from outside must not forge a second line.
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    }
    line[n++] = '\n';
    ssize_t done = write(STDERR_FILENO, line, n);
    (void)done;
}

bool log_limit_pass(struct log_limit *l, int64_t mono_ms, uint32_t max, uint32_t *suppressed)
{
    if (mono_ms - l->window_start_ms >= WINDOW_MS || l->window_start_ms == 0) {
        l->window_start_ms = mono_ms ? mono_ms : 1;
        l->in_window = 0;
    }
    if (l->in_window >= max) {
        l->suppressed++;
        return false;
    }
    l->in_window++;
    *suppressed = l->suppressed;
    l->suppressed = 0;
    return true;
}
