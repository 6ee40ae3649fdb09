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
    mem_free((char *)(uintptr_t)s->name.p);
    mem_free((char *)(uintptr_t)s->text.p);
    mem_free(s);
}
