// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BASE_LOG_H
#define PENSTOCK_BASE_LOG_H

// Structured log lines on stderr: time, level, module, message, key=value. Never a secret, never a
// payload. Any thread (one write(2) a line), but worker threads put what they have to say in their
// result where they can.
//
//   log_warn("stream", "shard throttled", "shard=%.*s backoff_ms=%d", SPAN_ARG(id), ms);
//
// gives: 2026-11-23T16:05:27.123Z warn  stream shard throttled shard=shardId-0 backoff_ms=250
// The message is a constant; values go into the key=value format, quoted by the caller where they
// may hold spaces (use \"%s\").

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

// error: someone must act. warn: degraded, heals itself. info: life cycle. debug: per request.
// trace: per read and write.
void log_set_level(enum log_level level);
bool log_parse_level(struct span s, enum log_level *out);
bool log_on(enum log_level level);

// Behind the macros: `fmt` starts with a space.
void log_write(enum log_level level, const char *module, const char *msg, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#define log_error(module, msg, ...) log_write(LOG_ERROR, module, msg, " " __VA_ARGS__)
#define log_warn(module, msg, ...) log_write(LOG_WARN, module, msg, " " __VA_ARGS__)
#define log_info(module, msg, ...) log_write(LOG_INFO, module, msg, " " __VA_ARGS__)
#define log_debug(module, msg, ...)                                                                \
    (log_on(LOG_DEBUG) ? log_write(LOG_DEBUG, module, msg, " " __VA_ARGS__) : (void)0)
#define log_trace(module, msg, ...)                                                                \
    (log_on(LOG_TRACE) ? log_write(LOG_TRACE, module, msg, " " __VA_ARGS__) : (void)0)

// Keeps one kind of line from flooding: embed one per object and condition.
struct log_limit {
    int64_t window_start_ms;
    uint32_t in_window;
    uint32_t suppressed;
};

// True when a line may be written (at most `max` a minute). *suppressed gets how many were held
// back since the last one that was let through.
bool log_limit_pass(struct log_limit *l, int64_t mono_ms, uint32_t max, uint32_t *suppressed);

#endif
