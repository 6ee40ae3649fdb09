// SPDX-License-Identifier: Apache-2.0
#include "emulator/ops.h"

// Tags of a stream.

bool emu_op_add_tags(struct emu_call *c)
{
    struct emu_stream *s = emu_call_stream(c);
    if (!s)
        return false;
    uint32_t added = 0;
    for (uint32_t i = 0; i < c->in->n_tags; i++) {
        bool known = false;
        for (uint32_t k = 0; k < s->n_tags; k++)
            known |= span_eq(s->tags[k].key, c->in->tags[i].key);
        added += !known;
    }
    if (s->n_tags + added > EMU_TAGS_MAX)
        return emu_call_fail(c, "InvalidArgumentException",
                             "Failed to add tags to stream %.*s under account %s because a given "
                             "stream cannot have more than %d tags associated with it.",
                             SPAN_ARG(s->name), c->account->id, EMU_TAGS_MAX);
    for (uint32_t i = 0; i < c->in->n_tags; i++)
        emu_stream_tag(s, c->in->tags[i].key, c->in->tags[i].value);
    return true;
}

bool emu_op_remove_tags(struct emu_call *c)
{
    struct emu_stream *s = emu_call_stream(c);
    if (!s)
        return false;
    for (uint32_t i = 0; i < c->in->n_tag_keys; i++)
        emu_stream_untag(s, c->in->tag_keys[i]);
    return true;
}

bool emu_op_list_tags(struct emu_call *c)
{
    struct emu_stream *s = emu_call_stream(c);
    if (!s)
        return false;
    const struct emu_field *after = EMU_IN(c, START_TAG), *limit = EMU_IN(c, TAG_LIMIT);
    uint32_t at = 0, end = s->n_tags;
    while (after->set && at < s->n_tags && span_cmp(s->tags[at].key, after->s) <= 0)
        at++;
    if (limit->set && end - at > (uint32_t)limit->i)
        end = at + (uint32_t)limit->i;

    emu_out_map(c->out);
    emu_out_key(c->out, "Tags");
    emu_out_list(c->out, end - at);
    for (uint32_t i = at; i < end; i++) {
        emu_out_map(c->out);
        emu_out_key_str(c->out, "Key", s->tags[i].key);
        emu_out_key_str(c->out, "Value", s->tags[i].value);
        emu_out_end(c->out);
    }
    emu_out_end(c->out);
    emu_out_key_bool(c->out, "HasMoreTags", end < s->n_tags);
    emu_out_end(c->out);
    return true;
}
