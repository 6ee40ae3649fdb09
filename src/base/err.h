// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BASE_ERR_H
#define PENSTOCK_BASE_ERR_H

// Error codes of the whole program, and the record that carries a message a person will read.
//
// Functions return 0 or a negative ERR_* code. Codes of third-party libraries are mapped in the one
// file that includes the library. Thread-safe: no global state.

#include <stddef.h>

#define ERR_LIST(X)                                                                                \
    X(ERR_BUG, -1, "internal error")                                                               \
    X(ERR_INVALID, -2, "invalid input")                                                            \
    X(ERR_LIMIT, -3, "limit exceeded")                                                             \
    X(ERR_BUSY, -4, "too busy")                                                                    \
    X(ERR_TIMEOUT, -5, "timed out")                                                                \
    X(ERR_CANCELED, -6, "canceled")                                                                \
    X(ERR_CLOSED, -7, "connection closed by peer")                                                 \
    X(ERR_CONNECT, -8, "cannot connect")                                                           \
    X(ERR_DNS, -9, "host name not found")                                                          \
    X(ERR_TLS, -10, "TLS failure")                                                                 \
    X(ERR_TLS_CERT, -11, "TLS certificate not accepted")                                           \
    X(ERR_PROTO, -12, "protocol violation by peer")                                                \
    X(ERR_NOT_FOUND, -13, "not found")                                                             \
    X(ERR_EXISTS, -14, "already exists")                                                           \
    X(ERR_IO, -15, "input/output error")                                                           \
    X(ERR_NOSPACE, -16, "no space left on device")                                                 \
    X(ERR_AUTH, -17, "not authorized")                                                             \
    X(ERR_THROTTLED, -18, "throttled")                                                             \
    X(ERR_UNAVAILABLE, -19, "unavailable")                                                         \
    X(ERR_AGAIN, -20, "more data needed")                                                          \
    X(ERR_CONFIG, -21, "wrong configuration")                                                      \
    X(ERR_MEMORY, -22, "memory limit reached")                                                     \
    X(ERR_SCRIPT, -23, "script failed")                                                            \
    X(ERR_CONFLICT, -24, "changed by someone else")

enum err_code {
#define ERR_ENUM(name, value, text) name = value,
    ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
};

#define ERR_MSG_MAX 640

// A code with a message for a person: what failed, where, what to do. Zero-initialise before use.
struct err {
    int code;
    char msg[ERR_MSG_MAX];
};

// Fixed text of a code; "unknown error" for anything else.
const char *err_text(int code);

// Sets code and formatted message (cut at ERR_MSG_MAX - 1). `e` may be NULL. Returns `code`, so
// that a caller can write `return err_set(e, ERR_INVALID, "...")`.
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

// Puts formatted text and ": " in front of the message, as context on the way up. Returns e->code.
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// Aborts with file and line when `c` is false, in every build: a broken invariant must not go on.
#define require(c) ((c) ? (void)0 : err_require_failed(#c, __FILE__, __LINE__))
void err_require_failed(const char *what, const char *file, int line) __attribute__((noreturn));

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
