// SPDX-License-Identifier: Apache-2.0
#include "convert/script.h"

#include "base/mem.h"

struct convert_script *convert_script_new(struct convert_pool *p, enum convert_kind kind,
                                          struct span name, struct span text)
{
    (void)p;
    struct convert_script *s = mem_new(struct convert_script);
    s->kind = kind;
    s->name = span_of(mem_strndup(name.p, name.n), name.n);
    s->text = span_of(mem_strndup(text.p, text.n), text.n);
    s->loop_refs = 1;
    atomic_init(&s->refs, 1);
    atomic_init(&s->retired, false);
    atomic_init(&s->source, NULL);
    return s;
}

struct convert_script *convert_script_ref(struct convert_script *s)
{
    require(s->loop_refs > 0);
    s->loop_refs++;
    return s;
}

void convert_script_unref(struct convert_script *s)
{
    if (!s)
        return;
    require(s->loop_refs > 0);
    if (--s->loop_refs > 0)
        return;
    atomic_store(&s->retired, true);
    script_drop(s);
}

void script_hold(struct convert_script *s)
{
    atomic_fetch_add(&s->refs, 1);
}

void script_drop(struct convert_script *s)
{
    if (atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    js_source_free(atomic_load(&s->source));
    mem_free((char *)(uintptr_t)s->name.p);
    mem_free((char *)(uintptr_t)s->text.p);
    mem_free(s);
}

const struct js_source *script_source(struct convert_script *s)
{
    struct js_source *source = atomic_load(&s->source);
    if (source)
        return source;
    struct js_source *mine = js_source_new(s->kind, s->text);
    if (atomic_compare_exchange_strong(&s->source, &source, mine))
        return mine;
    js_source_free(mine);
    return source;
}
