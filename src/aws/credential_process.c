// SPDX-License-Identifier: Apache-2.0
#include "aws/credential_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define TICK_MS 50

extern char **environ;

// ---- pure

void process_step(struct process_credentials *s, struct source_world *w,
                  const struct source_input *in, struct source_step *out)
{
    struct source_value v;
    struct span version;
    struct err e = {0};
    if (!in) {
        *out = (struct source_step){.want = SOURCE_RUN, .text = s->command};
    } else if (in->status < 0) {
        source_fail(out, in->status, "credential_process: %.*s", SPAN_ARG(in->why));
    } else if (!source_json_text(in->body, "Version", w->arena, &version) ||
               !span_is(version, "1")) {
        source_fail(out, ERR_PROTO,
                    "credential_process: its output is no JSON object with \"Version\": 1");
    } else if (source_value_parse(w, in->body, "SessionToken", &v, &e) < 0) {
        source_fail(out, e.code, "credential_process: %s", e.msg);
    } else {
        if (!v.account_id.n) {
            v.account_id = s->account_id;
        }
        *out = (struct source_step){.want = SOURCE_VALUE, .value = v};
    }
}

struct splitter {
    struct span in;
    size_t at;
    char *out;
    size_t n;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Copies one quoted part, the opening quote passed already; false when it is not closed.
static bool take_quoted(struct splitter *s, char quote)
{
    while (s->at < s->in.n && s->in.p[s->at] != quote) {
        char c = s->in.p[s->at++];
        bool escapes = quote == '"' && c == '\\' && s->at < s->in.n &&
                       strchr("\"\\$`\n", s->in.p[s->at]) != NULL;
        s->out[s->n++] = escapes ? s->in.p[s->at++] : c;
    }
    return s->at++ < s->in.n;
}

static bool take_word(struct splitter *s)
{
    while (s->at < s->in.n && !is_blank(s->in.p[s->at])) {
        char c = s->in.p[s->at++];
        if (c == '\'' || c == '"') {
            if (!take_quoted(s, c)) {
                return false;
            }
        } else if (c == '\\') {
            if (s->at == s->in.n) {
                return false;
            }
            s->out[s->n++] = s->in.p[s->at++];
        } else {
            s->out[s->n++] = c;
        }
    }
    s->out[s->n++] = '\0';
    return true;
}

char **process_split(struct span command, struct arena *a, struct err *e)
{
    // No word is longer than what it is made of, and each brings one NUL for a blank or the end.
    struct splitter s = {.in = command, .out = arena_alloc(a, command.n + 1)};
    char **words = arena_array(a, char *, PROCESS_WORDS_MAX + 1);
    size_t n = 0;
    if (span_find(command, '\0') < command.n) {
        err_set(e, ERR_CONFIG, "holds a NUL byte");
        return NULL;
    }
    for (;;) {
        while (s.at < s.in.n && is_blank(s.in.p[s.at])) {
            s.at++;
        }
        if (s.at == s.in.n) {
            break;
        }
        if (n == PROCESS_WORDS_MAX) {
            err_set(e, ERR_CONFIG, "has more than %d words", PROCESS_WORDS_MAX);
            return NULL;
        }
        words[n++] = s.out + s.n;
        if (!take_word(&s)) {
            err_set(e, ERR_CONFIG, "has an open quote or ends in a backslash");
            return NULL;
        }
    }
    words[n] = NULL;
    if (n == 0) {
        err_set(e, ERR_CONFIG, "is empty");
        return NULL;
    }
    return words;
}

// ---- blocking

static int start(char *const *words, int out_fd, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out_fd, STDOUT_FILENO);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    int status = posix_spawnp(pid, words[0], &files, &attributes, words, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return status;
}

static int64_t now_ms(void)
{
    return clock_system.mono_ms(clock_system.ctx);
}

// Until end of output. The buffer has room for everything, so that no copy is left behind.
static int collect(int fd, int64_t limit_ms, const atomic_bool *stop, struct buf *out,
                   struct err *e)
{
    int64_t end_ms = now_ms() + limit_ms;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left_ms = end_ms - now_ms();
        if (atomic_load(stop)) {
            return err_set(e, ERR_CANCELED, "stopped");
        }
        if (left_ms <= 0) {
            return err_set(e, ERR_TIMEOUT, "did not end within %lld s", (long long)limit_ms / 1000);
        }
        if (poll(&p, 1, left_ms < TICK_MS ? (int)left_ms : TICK_MS) <= 0) {
            continue;
        }
        ssize_t n = read(fd, out->p + out->n, SOURCE_REPLY_MAX + 1 - out->n);
        if (n > 0) {
            buf_commit(out, (size_t)n);
        } else if (n == 0) {
            return 0;
        } else if (errno != EINTR && errno != EAGAIN) {
            return err_set(e, ERR_IO, "%s", strerror(errno));
        }
        if (out->n > SOURCE_REPLY_MAX) {
            return err_set(e, ERR_LIMIT, "printed more than %d bytes", SOURCE_REPLY_MAX);
        }
    }
}

// A program may close its output and run on: it has until the limit, too.
static int wait_for_end(pid_t pid, int64_t limit_ms, const atomic_bool *stop, int *how)
{
    int64_t end_ms = now_ms() + limit_ms;
    while (waitpid(pid, how, WNOHANG) == 0) {
        if (atomic_load(stop) || now_ms() >= end_ms) {
            return ERR_TIMEOUT;
        }
        poll(NULL, 0, TICK_MS / 10);
    }
    return 0;
}

int process_run(char *const *words, int64_t limit_ms, const atomic_bool *stop, struct buf *out,
                struct err *e)
{
    int ends[2], how = 0;
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return err_set(e, ERR_IO, "no pipe: %s", strerror(errno));
    }
    int64_t begin_ms = now_ms();
    int failed = start(words, ends[1], &pid);
    close(ends[1]);
    if (failed) {
        close(ends[0]);
        return err_set(e, ERR_CONFIG, "cannot start \"%s\": %s", words[0], strerror(failed));
    }
    buf_reserve(out, SOURCE_REPLY_MAX + 1);
    int status = collect(ends[0], limit_ms, stop, out, e);
    close(ends[0]);
    if (status == 0 && wait_for_end(pid, begin_ms + limit_ms - now_ms(), stop, &how) < 0) {
        status = err_set(e, ERR_TIMEOUT, "did not end within %lld s", (long long)limit_ms / 1000);
    }
    if (status < 0) {
        kill(-pid, SIGKILL);
        waitpid(pid, &how, 0);
        return status;
    }
    if (WIFSIGNALED(how)) {
        return err_set(e, ERR_AUTH, "\"%s\" was ended by signal %d", words[0], WTERMSIG(how));
    }
    if (!WIFEXITED(how) || WEXITSTATUS(how) != 0) {
        return err_set(e, ERR_AUTH, "\"%s\" exited with code %d", words[0], WEXITSTATUS(how));
    }
    return 0;
}
