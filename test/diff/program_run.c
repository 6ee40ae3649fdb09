// SPDX-License-Identifier: Apache-2.0
#include "diff/program_run.h"

#include "codec/json.h"
#include "convert/convert.h"

// The runner says what the contract thinks of the result, a string, as well; that is not asked.
static void add_result(struct span json, struct buf *out)
{
    struct err e = {0};
    struct json *j = json_parse(json, &e);
    if (j && json_is(j, JSON_STRING))
        buf_add_span(out, json_str(j, SPAN_NONE));
    else
        buf_add_span(out, json);
    json_free(j);
}

void program_run(struct span program, struct span payload, struct buf *out)
{
    struct buf text = {0}, result = {0};
    struct convert_options o = {.time_limit_ms = 20000};
    struct convert_input in = {.data = payload, .metadata_json = SPAN("{\"k\":\"v\"}")};
    struct err e = {0};
    buf_add_str(&text, "return String(JSON.stringify((function (payload, metadata) {");
    buf_add_span(&text, program);
    buf_add_str(&text, "\n})(payload, metadata)))");
    struct convert_runner *r = convert_runner_new(CONVERT_UPLINK, &o, buf_span(&text));
    (void)convert_runner_run(r, &in, &result, &e);
    if (result.n > 0) {
        add_result(buf_span(&result), out);
    } else {
        buf_add_char(out, '!');
        buf_add(out, e.msg, strcspn(e.msg, ":("));
    }
    convert_runner_free(r);
    buf_free(&text);
    buf_free(&result);
}
