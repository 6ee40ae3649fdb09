// SPDX-License-Identifier: Apache-2.0
#include "app/cmd_convert.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app/args.h"
#include "app/file.h"
#include "codec/json.h"
#include "convert/convert.h"
#include "syntax/syntax.h"

#define INPUT_MAX ((size_t)64 * 1024 * 1024)
#define SCRIPT_FILE_MAX ((size_t)1024 * 1024)

#define TIMED_RUNS 100 // of each input

// What --time tells.
struct timing {
    double first_ms, total_ms, longest_ms; // loading, all runs together, the longest of them
    unsigned long runs;
};

struct convert_args {
    struct args words;
    const char *direction, *script, *input, *expect;
    struct convert_input in;
    bool lines, time;
    struct span text;     // of the script
    struct span expected; // lines not compared yet
    unsigned long compared, different;
    struct timing timing;
};

static const char usage[] = "use: penstock " CMD_CONVERT_USAGE;

static int parse_option(struct convert_args *a, const char *word)
{
    bool lines = strcmp(word, "--lines") == 0, timed = strcmp(word, "--time") == 0;
    if (lines || timed) {
        a->lines |= lines;
        a->time |= timed;
        return EXIT_OK;
    }
    struct span *text = strcmp(word, "--metadata") == 0   ? &a->in.metadata_json
                        : strcmp(word, "--msg-type") == 0 ? &a->in.msg_type
                        : strcmp(word, "--integration-metadata") == 0
                            ? &a->in.integration_metadata_json
                            : NULL;
    bool expect = strcmp(word, "--expect") == 0;
    if (!text && !expect && strcmp(word, "--input") != 0)
        return args_fail(&a->words, EXIT_USAGE, "unknown option %s: %s", word, usage);
    const char *value = args_value(&a->words);
    if (!value)
        return EXIT_USAGE;
    if (text)
        *text = span_str(value);
    else if (expect)
        a->expect = value;
    else
        a->input = value;
    return EXIT_OK;
}

static int check_object(struct convert_args *a, const char *option, struct span text)
{
    struct err e = {0};
    if (text.n == 0)
        return EXIT_OK;
    struct json *j = json_parse(text, &e);
    int code = EXIT_OK;
    if (!j)
        code = args_fail(&a->words, EXIT_USAGE, "%s: %s", option, e.msg);
    else if (!json_is(j, JSON_OBJECT))
        code = args_fail(&a->words, EXIT_USAGE, "%s: a JSON object is needed", option);
    json_free(j);
    return code;
}

static int parse(struct convert_args *a)
{
    for (const char *word; (word = args_next(&a->words));) {
        int code = EXIT_OK;
        if (word[0] == '-' && word[1] == '-')
            code = parse_option(a, word);
        else if (!a->direction)
            a->direction = word;
        else if (!a->script)
            a->script = word;
        else
            code = args_fail(&a->words, EXIT_USAGE, "unexpected \"%s\": %s", word, usage);
        if (code != EXIT_OK)
            return code;
    }
    if (!a->direction || !a->script)
        return args_fail(&a->words, EXIT_USAGE, "%s", usage);
    if (strcmp(a->direction, "uplink") != 0 && strcmp(a->direction, "downlink") != 0)
        return args_fail(&a->words, EXIT_USAGE, "\"%s\" is neither uplink nor downlink",
                         a->direction);
    int code = check_object(a, "--metadata", a->in.metadata_json);
    if (code == EXIT_OK)
        code = check_object(a, "--integration-metadata", a->in.integration_metadata_json);
    return code;
}

static int read_stdin(struct buf *out, struct err *e)
{
    for (size_t n; (n = fread(buf_reserve(out, 65536), 1, 65536, stdin)) > 0;) {
        buf_commit(out, n);
        if (out->n > INPUT_MAX)
            return err_set(e, ERR_LIMIT, "standard input is larger than %zu bytes", INPUT_MAX);
    }
    return ferror(stdin) ? err_set(e, ERR_IO, "cannot read standard input") : 0;
}

// The place that the message names, shown in the script.
static void show_place(const struct convert_args *a, const char *msg)
{
    struct syntax_place place;
    const char *at = strstr(msg, "(line ");
    if (!at || sscanf(at, "(line %u, column %u", &place.line, &place.column) != 2)
        return;
    struct buf out = {0};
    syntax_add_caret(&out, a->text, place);
    fwrite(out.p, 1, out.n, stderr);
    buf_free(&out);
}

static void show_error(const struct convert_args *a, unsigned long line, const char *msg)
{
    if (line > 0)
        args_fail(&a->words, EXIT_FAILED, "%s: input line %lu: %s", a->script, line, msg);
    else
        args_fail(&a->words, EXIT_FAILED, "%s: %s", a->script, msg);
    show_place(a, msg);
}

// The same JSON, however it is spaced; or an error that begins as the line says behind its "!".
static bool is_expected(struct span want, struct span result, const char *error)
{
    if (want.n > 0 && want.p[0] == '!')
        return error &&
               span_has_prefix(span_str(error), span_trim(span_of(want.p + 1, want.n - 1)));
    if (error)
        return false;
    struct json *w = json_parse(want, NULL), *r = json_parse(result, NULL);
    struct buf want_text = {0}, result_text = {0};
    if (w && r) {
        json_write(w, &want_text);
        json_write(r, &result_text);
    }
    bool same = w && r && span_eq(buf_span(&want_text), buf_span(&result_text));
    buf_free(&want_text);
    buf_free(&result_text);
    json_free(w);
    json_free(r);
    return same;
}

static struct span next_expected(struct convert_args *a)
{
    while (a->expected.p && a->expected.n > 0) {
        struct span line = span_trim(span_cut(&a->expected, '\n'));
        if (line.n > 0)
            return line;
    }
    return SPAN_NONE;
}

static bool compare(struct convert_args *a, struct span result, const char *error,
                    unsigned long line)
{
    struct span want = next_expected(a);
    a->compared++;
    if (is_expected(want, result, error))
        return true;
    a->different++;
    fprintf(stderr, "penstock convert: input %lu differs\n  expected: %.*s\n  result:   %s%.*s\n",
            line > 0 ? line : 1, SPAN_ARG(want.n > 0 ? want : SPAN("(no line left)")),
            error ? "! " : "", SPAN_ARG(error ? span_str(error) : result));
    if (error)
        show_place(a, error);
    return false;
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void time_runs(struct convert_args *a, struct convert_runner *r)
{
    struct buf out = {0};
    for (int i = 0; i < TIMED_RUNS; i++) {
        struct err e = {0};
        buf_clear(&out);
        double from = now_ms();
        (void)convert_runner_run(r, &a->in, &out, &e);
        double ms = now_ms() - from;
        a->timing.total_ms += ms;
        a->timing.runs++;
        if (ms > a->timing.longest_ms)
            a->timing.longest_ms = ms;
    }
    buf_free(&out);
}

// Runs the script on one input and prints the result, or compares it; false on an error or a
// difference, which is on stderr.
static bool run_one(struct convert_args *a, struct convert_runner *r, struct span data,
                    unsigned long line)
{
    struct buf out = {0};
    struct err e = {0};
    a->in.data = data;
    int rc = convert_runner_run(r, &a->in, &out, &e);
    bool ok = rc == 0;
    if (a->expect) {
        ok = compare(a, buf_span(&out), rc == 0 ? NULL : e.msg, line);
    } else if (rc == 0) {
        buf_add_char(&out, '\n');
        fwrite(out.p, 1, out.n, stdout);
    } else {
        show_error(a, line, e.msg);
    }
    buf_free(&out);
    if (a->time)
        time_runs(a, r);
    return ok;
}

static bool finish(struct convert_args *a)
{
    const struct timing *t = &a->timing;
    if (a->time)
        fprintf(stderr, "loaded in %.3f ms; %lu runs: %.4f ms each, at most %.4f ms\n", t->first_ms,
                t->runs, t->runs > 0 ? t->total_ms / (double)t->runs : 0, t->longest_ms);
    if (!a->expect)
        return true;
    struct span left = next_expected(a);
    if (left.n > 0)
        fprintf(stderr, "penstock convert: more results are expected: %.*s\n", SPAN_ARG(left));
    printf("%lu of %lu as expected\n", a->compared - a->different, a->compared);
    return left.n == 0;
}

static int run_all(struct convert_args *a, struct span script, struct span input)
{
    struct convert_options o = {.cast_strings = true};
    enum convert_kind kind =
        strcmp(a->direction, "uplink") == 0 ? CONVERT_UPLINK : CONVERT_DOWNLINK;
    double from = now_ms();
    struct convert_runner *r = convert_runner_new(kind, &o, script);
    a->timing.first_ms = now_ms() - from;
    bool ok = true;
    if (!a->lines) {
        ok = run_one(a, r, input, 0);
    } else {
        unsigned long number = 0;
        while (input.p) {
            struct span line = span_cut(&input, '\n');
            number++;
            if (line.n > 0 && line.p[line.n - 1] == '\r')
                line.n--;
            if (line.n > 0)
                ok = run_one(a, r, line, number) && ok;
        }
    }
    convert_runner_free(r);
    ok = finish(a) && ok;
    if (fflush(stdout) != 0)
        return args_fail(&a->words, EXIT_FAILED, "cannot write the result");
    return ok ? EXIT_OK : EXIT_FAILED;
}

int cmd_convert(int argc, char **argv)
{
    struct convert_args a = {.words = {argc, argv, 0, "convert"}, .input = "-"};
    int code = parse(&a);
    if (code != EXIT_OK)
        return code;
    struct arena arena = {0};
    struct buf from_stdin = {0};
    struct span script, input;
    struct err e = {0};
    int rc = file_read(a.script, SCRIPT_FILE_MAX, &arena, &script, &e);
    if (rc == 0 && strcmp(a.input, "-") == 0) {
        rc = read_stdin(&from_stdin, &e);
        input = span_of(from_stdin.p ? from_stdin.p : "", from_stdin.n);
    } else if (rc == 0) {
        rc = file_read(a.input, INPUT_MAX, &arena, &input, &e);
    }
    if (rc == 0 && a.expect)
        rc = file_read(a.expect, INPUT_MAX, &arena, &a.expected, &e);
    a.text = rc == 0 ? script : SPAN_NONE;
    code = rc == 0 ? run_all(&a, script, input) : args_fail(&a.words, EXIT_USAGE, "%s", e.msg);
    buf_free(&from_stdin);
    arena_free(&arena);
    return code;
}
