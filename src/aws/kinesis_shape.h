// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_KINESIS_SHAPE_H
#define PENSTOCK_AWS_KINESIS_SHAPE_H

// The replies of the Kinesis operations as tables: which member goes to which place of
// struct kinesis_output. One interpreter a wire form reads them: kinesis_decode_cbor.c and
// kinesis_decode_json.c. Used by these files only.

#include "aws/kinesis.h"

enum field_kind {
    FIELD_TEXT,   // struct span
    FIELD_BYTES,  // struct span; base64 where the form has no byte strings
    FIELD_INT,    // int64_t
    FIELD_TIME,   // int64_t, milliseconds since the Unix epoch
    FIELD_OBJECT, // members go to the same struct
    FIELD_LIST    // pointer and size_t; of objects, or of texts (shape == NULL)
};

struct shape;

struct field {
    struct span name;
    enum field_kind kind;
    uint16_t offset;
    uint16_t count_offset; // FIELD_LIST
    uint16_t item_size;
    uint32_t max_items;
    const struct shape *shape;
};

struct shape {
    const struct field *fields;
    size_t n;
};

const struct shape *kinesis_shape(enum kinesis_op op);

// `*hint` is where the last member was found: members mostly come in the same order.
static inline const struct field *shape_find(const struct shape *s, struct span name, size_t *hint)
{
    for (size_t i = 0, at = *hint + 1; i < s->n; i++, at++) {
        const struct field *f = &s->fields[at < s->n ? at : at - s->n];
        if (span_eq(f->name, name)) {
            *hint = (size_t)(f - s->fields);
            return f;
        }
    }
    return NULL;
}

static inline void *field_at(void *target, size_t offset)
{
    return (char *)target + offset;
}

// A list being filled.
struct shape_list {
    const struct field *field;
    struct arena *arena;
    char *items;
    size_t n, cap;
};
// `body_left`: bytes that are still to be read, for the first guess of the size; `count`: what the
// peer says, or SIZE_MAX.
// False when the target holds that list already: repeats could cost any amount of memory.
bool shape_list_begin(struct shape_list *l, const struct field *f, void *target, struct arena *a,
                      size_t body_left, size_t count);
// The next item, zeroed; NULL when the field's max_items are there.
void *shape_list_next(struct shape_list *l);
void shape_list_end(struct shape_list *l, void *target);

// Both read all of `in`, which lies in out->body; ERR_PROTO with a message.
int kinesis_decode_cbor(const struct shape *s, struct span in, struct kinesis_output *out,
                        struct err *e);
int kinesis_decode_json(const struct shape *s, struct span in, struct kinesis_output *out,
                        struct err *e);

#endif
