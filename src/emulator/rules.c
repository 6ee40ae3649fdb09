// SPDX-License-Identifier: Apache-2.0
#include "emulator/request.h"

#include <ctype.h>
#include <inttypes.h>

// Constraints of the Kinesis service model, and the texts of its validation errors.

#define ERRORS_MAX 10 // the service names no more
#define VALUE_SHOWN_MAX 1024

enum pattern { ANY, NAME_PATTERN, ARN_PATTERN, CONSUMER_PATTERN, HASH_PATTERN, SEQUENCE_PATTERN };

static const char *const pattern_text[] = {
    [NAME_PATTERN] = "[a-zA-Z0-9_.-]+",
    [ARN_PATTERN] = "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+",
    [CONSUMER_PATTERN] = "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/"
                         "[a-zA-Z0-9_.-]+:[0-9]+",
    [HASH_PATTERN] = "0|([1-9]\\d{0,38})",
    [SEQUENCE_PATTERN] = "0|([1-9]\\d{0,128})",
};

// min and max: characters of a string, bytes of a blob, members of a list, else the value itself.
struct rule {
    int64_t min, max;
    enum pattern pattern;
    const char *values; // "A, B": the only ones allowed
};

#define NO_MAX INT64_MAX
#define RULES(X)                                                                                   \
    X(NONE, 0, NO_MAX, ANY, NULL)                                                                  \
    X(NAME, 1, EMU_NAME_MAX, NAME_PATTERN, NULL)                                                   \
    X(ARN, 1, 2048, ARN_PATTERN, NULL)                                                             \
    X(CONSUMER_ARN, 1, 2048, CONSUMER_PATTERN, NULL)                                               \
    X(POSITIVE, 1, NO_MAX, ANY, NULL)                                                              \
    X(STREAM_MODE, 0, NO_MAX, ANY, "PROVISIONED, ON_DEMAND")                                       \
    X(TAGS, 1, EMU_TAGS_A_CALL_MAX, ANY, NULL)                                                     \
    X(TAG_KEYS, 1, EMU_TAG_KEYS_MAX, ANY, NULL)                                                    \
    X(RECORD_KIB, EMU_RECORD_KIB_DEFAULT, EMU_RECORD_KIB_MAX, ANY, NULL)                           \
    X(PAGE, 1, EMU_RECORDS_MAX, ANY, NULL)                                                         \
    X(TAG_PAGE, 1, 50, ANY, NULL)                                                                  \
    X(TOKEN, 1, 1048576, ANY, NULL)                                                                \
    X(TAG_KEY, 1, EMU_TAG_KEY_MAX, ANY, NULL)                                                      \
    X(FILTER_TYPE, 0, NO_MAX, ANY,                                                                 \
      "AFTER_SHARD_ID, AT_TRIM_HORIZON, FROM_TRIM_HORIZON, AT_LATEST, AT_TIMESTAMP, "              \
      "FROM_TIMESTAMP")                                                                            \
    X(DATA, 0, (int64_t)EMU_RECORD_KIB_MAX * 1024, ANY, NULL)                                      \
    X(PARTITION_KEY, 1, EMU_KEY_MAX, ANY, NULL)                                                    \
    X(HASH_KEY, 0, NO_MAX, HASH_PATTERN, NULL)                                                     \
    X(SEQUENCE, 0, NO_MAX, SEQUENCE_PATTERN, NULL)                                                 \
    X(ENTRIES, 1, EMU_ENTRIES_MAX, ANY, NULL)                                                      \
    X(ITERATOR_TYPE, 0, NO_MAX, ANY,                                                               \
      "AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON")             \
    X(ITERATOR, 1, 512, ANY, NULL)                                                                 \
    X(SCALING_TYPE, 0, NO_MAX, ANY, "UNIFORM_SCALING")                                             \
    X(RETENTION, 1, EMU_RETENTION_MAX_H, ANY, NULL)

enum rule_id {
#define RULE_ID(id, min, max, pattern, values) R_##id,
    RULES(RULE_ID)
#undef RULE_ID
};

static const struct rule rules[] = {
#define RULE_ROW(id, min, max, pattern, values) {min, max, pattern, values},
    RULES(RULE_ROW)
#undef RULE_ROW
};

static const uint8_t rule_of_member[] = {
#define MEMBER_RULE(id, name, type, rule) R_##rule,
    EMU_MEMBERS(MEMBER_RULE)
#undef MEMBER_RULE
};

const struct emu_shape *emu_nested_shape(enum emu_type type)
{
    static const struct emu_shape
        filter = {{EMU_M_FILTER_TYPE, EMU_M_FILTER_SHARD, EMU_M_FILTER_TIME}, 3, 1},
        mode = {{EMU_M_STREAM_MODE}, 1, 1},
        position = {{EMU_M_POSITION_TYPE, EMU_M_POSITION_SEQUENCE, EMU_M_POSITION_TIME}, 3, 1};
    return type == EMU_T_FILTER     ? &filter
           : type == EMU_T_MODE     ? &mode
           : type == EMU_T_POSITION ? &position
                                    : NULL;
}

struct checker {
    struct arena *arena;
    struct buf text;
    unsigned errors;
};

static bool is_name(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((uint8_t)s.p[i]) && !strchr("_.-", s.p[i]))
            return false;
    return s.n > 0;
}

static bool is_digits(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

static bool is_decimal(struct span s, size_t max)
{
    return is_digits(s) && s.n <= max && (s.n == 1 || s.p[0] != '0');
}

// arn : aws* : kinesis : region : account : stream/name; *name is what follows "stream/".
static bool arn_name(struct span s, struct span *name)
{
    struct span partition, service, account;
    if (!span_is(span_cut(&s, ':'), "arn"))
        return false;
    partition = span_cut(&s, ':');
    service = span_cut(&s, ':');
    span_cut(&s, ':');
    account = span_cut(&s, ':');
    for (size_t i = 0; i < s.n; i++)
        if (isspace((uint8_t)s.p[i]))
            return false;
    if (!span_has_prefix(partition, SPAN("aws")) || !span_is(service, "kinesis") ||
        account.n != 12 || !is_digits(account) || !span_has_prefix(s, SPAN("stream/")))
        return false;
    *name = span_of(s.p + 7, s.n - 7);
    return name->n > 0;
}

static bool is_arn(struct span s)
{
    struct span name;
    return arn_name(s, &name);
}

// ... stream/name/consumer/name:seconds
static bool is_consumer_arn(struct span s)
{
    struct span rest;
    return arn_name(s, &rest) && is_name(span_cut(&rest, '/')) &&
           span_is(span_cut(&rest, '/'), "consumer") && is_name(span_cut(&rest, ':')) &&
           is_digits(rest);
}

static bool matches(enum pattern p, struct span s)
{
    switch (p) {
    case NAME_PATTERN:
        return is_name(s);
    case ARN_PATTERN:
        return is_arn(s);
    case CONSUMER_PATTERN:
        return is_consumer_arn(s);
    case HASH_PATTERN:
        return is_decimal(s, 39);
    case SEQUENCE_PATTERN:
        return is_decimal(s, 129);
    default:
        return true;
    }
}

static bool among(const char *values, struct span s)
{
    struct span rest = span_str(values);
    while (rest.p)
        if (span_eq(span_trim(span_cut(&rest, ',')), s))
            return true;
    return false;
}

static struct span shown(struct span s)
{
    if (s.n <= VALUE_SHOWN_MAX)
        return s;
    s.n = VALUE_SHOWN_MAX;
    while (s.n && ((uint8_t)s.p[s.n] & 0xc0) == 0x80)
        s.n--;
    return s;
}

// "Value 'x' at 'streamName' failed to satisfy constraint: Member must "; value.p == NULL: not
// shown.
static bool begin(struct checker *c, struct span value, struct span path)
{
    if (c->errors >= ERRORS_MAX)
        return false;
    buf_add_str(&c->text, c->errors++ ? "; Value " : "Value ");
    if (value.p)
        buf_printf(&c->text, "'%.*s' ", SPAN_ARG(shown(value)));
    buf_printf(&c->text, "at '%.*s' failed to satisfy constraint: Member must ", SPAN_ARG(path));
    return true;
}

static void broken_null(struct checker *c, struct span path)
{
    if (c->errors >= ERRORS_MAX)
        return;
    buf_printf(&c->text,
               "%sValue null at '%.*s' failed to satisfy constraint: Member must not be null",
               c->errors++ ? "; " : "", SPAN_ARG(path));
}

static void check_range(struct checker *c, const struct rule *r, int64_t n, const char *what,
                        struct span value, struct span path)
{
    if (n >= r->min && n <= r->max)
        return;
    bool low = n < r->min;
    if (begin(c, value, path))
        buf_printf(&c->text, "have %s %s than or equal to %" PRId64, what, low ? "greater" : "less",
                   low ? r->min : r->max);
}

static void check_string(struct checker *c, const struct rule *r, struct span s, struct span path)
{
    struct span value = s.p ? s : SPAN("");
    if (r->pattern != ANY && !matches(r->pattern, s) && begin(c, value, path))
        buf_printf(&c->text, "satisfy regular expression pattern: %s", pattern_text[r->pattern]);
    check_range(c, r, (int64_t)emu_characters(s), "length", value, path);
    if (r->values && !among(r->values, s) && begin(c, value, path))
        buf_printf(&c->text, "satisfy enum value set: [%s]", r->values);
}

static void check_field(struct checker *c, enum emu_member m, const struct emu_field *f,
                        struct span path)
{
    const struct rule *r = &rules[rule_of_member[m]];
    switch (emu_member_type(m)) {
    case EMU_T_STRING:
        check_string(c, r, f->s, path);
        break;
    case EMU_T_BLOB:
        check_range(c, r, (int64_t)f->s.n, "length", SPAN_NONE, path);
        break;
    case EMU_T_INTEGER:
        check_range(c, r, f->i, "value", arena_printf(c->arena, "%" PRId64, f->i), path);
        break;
    default:
        break;
    }
}

static void check_entry_field(struct checker *c, enum emu_member m, const struct emu_field *f,
                              bool required, uint32_t number)
{
    // The path is made only for a broken member: this runs for each of 500 entries.
    const struct rule *r = &rules[rule_of_member[m]];
    int64_t n = m == EMU_M_DATA ? (int64_t)f->s.n : (int64_t)emu_characters(f->s);
    if (f->set ? n >= r->min && n <= r->max && matches(r->pattern, f->s) : !required)
        return;
    const char *name = emu_member_name(m);
    struct span path = arena_printf(c->arena, "records.%u.member.%c%s", (unsigned)number,
                                    tolower((uint8_t)name[0]), name + 1);
    if (f->set)
        check_field(c, m, f, path);
    else
        broken_null(c, path);
}

static void check_entries(struct checker *c, const struct emu_input *in, struct span path)
{
    check_range(c, &rules[R_ENTRIES], in->n_entries, "length", SPAN_NONE, path);
    for (uint32_t i = 0; i < in->n_entries && i < EMU_ENTRIES_MAX; i++) {
        const struct emu_entry *e = &in->entries[i];
        check_entry_field(c, EMU_M_DATA, &e->data, true, i + 1);
        check_entry_field(c, EMU_M_PARTITION_KEY, &e->key, true, i + 1);
        check_entry_field(c, EMU_M_EXPLICIT_HASH_KEY, &e->hash_key, false, i + 1);
    }
}

static bool tag_key_fits(struct span key)
{
    size_t n = emu_characters(key);
    return n >= 1 && n <= EMU_TAG_KEY_MAX;
}

static void broken_children(struct checker *c, const char *what, int max, int min, struct span path)
{
    if (begin(c, SPAN_NONE, path)) {
        c->text.n -= strlen("Member must ");
        buf_printf(&c->text,
                   "%s satisfy constraint: [Member must have length less than or equal to %d, "
                   "Member must have length greater than or equal to %d]",
                   what, max, min);
    }
}

static void check_tags(struct checker *c, const struct emu_input *in, struct span path)
{
    bool keys = true, values = true;
    check_range(c, &rules[R_TAGS], in->n_tags, "length", SPAN_NONE, path);
    for (uint32_t i = 0; i < in->n_tags; i++) {
        keys &= tag_key_fits(in->tags[i].key);
        values &= emu_characters(in->tags[i].value) <= EMU_TAG_VALUE_MAX;
    }
    if (!keys)
        broken_children(c, "Map keys must", EMU_TAG_KEY_MAX, 1, path);
    if (!values)
        broken_children(c, "Map value must", EMU_TAG_VALUE_MAX, 0, path);
}

static void check_tag_keys(struct checker *c, const struct emu_input *in, struct span path)
{
    bool keys = true;
    check_range(c, &rules[R_TAG_KEYS], in->n_tag_keys, "length", SPAN_NONE, path);
    for (uint32_t i = 0; i < in->n_tag_keys; i++)
        keys &= tag_key_fits(in->tag_keys[i]);
    if (!keys)
        broken_children(c, "Member must", EMU_TAG_KEY_MAX, 1, path);
}

static void check_shape(struct checker *c, const struct emu_shape *shape,
                        const struct emu_input *in, struct span parent);

static void check_member(struct checker *c, enum emu_member m, const struct emu_input *in,
                         struct span path)
{
    const struct emu_shape *nested = emu_nested_shape(emu_member_type(m));
    if (nested) {
        check_shape(c, nested, in, arena_printf(c->arena, "%.*s.", SPAN_ARG(path)));
        return;
    }
    switch (emu_member_type(m)) {
    case EMU_T_ENTRIES:
        check_entries(c, in, path);
        break;
    case EMU_T_TAGS:
        check_tags(c, in, path);
        break;
    case EMU_T_TAG_KEYS:
        check_tag_keys(c, in, path);
        break;
    default:
        check_field(c, m, &in->f[m], path);
    }
}

static void check_shape(struct checker *c, const struct emu_shape *shape,
                        const struct emu_input *in, struct span parent)
{
    for (unsigned i = 0; i < shape->n; i++) {
        enum emu_member m = (enum emu_member)shape->member[i];
        const char *name = emu_member_name(m);
        struct span path = arena_printf(c->arena, "%.*s%c%s", SPAN_ARG(parent),
                                        tolower((uint8_t)name[0]), name + 1);
        if (in->f[m].set)
            check_member(c, m, in, path);
        else if (i < shape->required)
            broken_null(c, path);
    }
}

bool emu_input_check(const struct emu_shape *shape, const struct emu_input *in, struct arena *arena,
                     struct emu_error *e)
{
    struct checker c = {.arena = arena};
    check_shape(&c, shape, in, SPAN(""));
    if (c.errors)
        emu_fail(e, arena, "ValidationException", "%u validation error%s detected: %.*s", c.errors,
                 c.errors > 1 ? "s" : "", SPAN_ARG(buf_span(&c.text)));
    buf_free(&c.text);
    return c.errors == 0;
}
