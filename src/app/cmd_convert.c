// SPDX-License-Identifier: Apache-2.0
#include "app/cmd_convert.h"

#include <stdio.h>
#include <string.h>

#include "app/args.h"
#include "app/file.h"
#include "codec/json.h"
#include "convert/convert.h"

#define INPUT_MAX ((size_t)64 * 1024 * 1024)
#define SCRIPT_FILE_MAX ((size_t)1024 * 1024)

struct convert_args {
    struct args words;
    const char *direction, *script, *input;
    struct convert_input in;
    bool lines;
};

static const char usage[] =
    "use: penstock convert uplink|downlink SCRIPT [--input FILE|-] [--metadata JSON] [--lines] "
    "[--msg-type T] [--integration-metadata JSON]";

static int parse_option(struct convert_args *a, const char *word)
{
    if (strcmp(word, "--lines") == 0) {
        a->lines = true;
        return EXIT_OK;
    }
    struct span *text = strcmp(word, "--metadata") == 0   ? &a->in.metadata_json
                        : strcmp(word, "--msg-type") == 0 ? &a->in.msg_type
                        : strcmp(word, "--integration-metadata") == 0
                            ? &a->in.integration_metadata_json
                            : NULL;
    if (!text && strcmp(word, "--input") != 0)
        return args_fail(&a->words, EXIT_USAGE, "unknown option %s: %s", word, usage);
    const char *value = args_value(&a->words);
    if (!value)
        return EXIT_USAGE;
    if (text)
        *text = span_str(value);
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

// Runs the script on one input and prints the result; false on an error, which is on stderr.
static bool run_one(struct convert_args *a, struct convert_runner *r, struct span data,
                    unsigned long line)
{
    struct buf out = {0};
    struct err e = {0};
    a->in.data = data;
    int rc = convert_runner_run(r, &a->in, &out, &e);
    if (rc == 0) {
        buf_add_char(&out, '\n');
        fwrite(out.p, 1, out.n, stdout);
    } else if (line > 0) {
        args_fail(&a->words, EXIT_FAILED, "%s: input line %lu: %s", a->script, line, e.msg);
    } else {
        args_fail(&a->words, EXIT_FAILED, "%s: %s", a->script, e.msg);
    }
    buf_free(&out);
    return rc == 0;
}

static int run_all(struct convert_args *a, struct span script, struct span input)
{
    struct convert_options o = {.cast_strings = true};
    enum convert_kind kind =
        strcmp(a->direction, "uplink") == 0 ? CONVERT_UPLINK : CONVERT_DOWNLINK;
    struct convert_runner *r = convert_runner_new(kind, &o, script);
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
    code = rc == 0 ? run_all(&a, script, input) : args_fail(&a.words, EXIT_USAGE, "%s", e.msg);
    buf_free(&from_stdin);
    arena_free(&arena);
    return code;
}
