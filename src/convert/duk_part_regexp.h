// SPDX-License-Identifier: Apache-2.0
// Part of duk_ext.c: what regular expressions of later editions need of the engine.

// Compiling ---------------------------------------------------------------------------------------

static struct span x_bytes_of(const duk_hstring *h)
{
    return span_of((const char *)DUK_HSTRING_GET_DATA(h), DUK_HSTRING_GET_BYTELEN(h));
}

// Pushes the escaped source.
static void duk_x_regexp_source(duk_hthread *thr, duk_hstring *pattern)
{
    struct js_regexp_text out = {0};
    js_regexp_source(x_bytes_of(pattern), &out);
    out.room = out.n;
    out.n = 0;
    out.p = duk_push_buffer_raw(thr, out.room, DUK_BUF_FLAG_NOZERO);
    js_regexp_source(x_bytes_of(pattern), &out);
    duk_buffer_to_string(thr, -1);
}

static duk_uint32_t duk_x_regexp_flags(duk_hthread *thr, duk_hstring *flags)
{
    int bits = js_regexp_flags(x_bytes_of(flags));
    if (bits < 0)
        (void)duk_error(thr, DUK_ERR_SYNTAX_ERROR,
                        "invalid regular expression flags: d, g, i, m, s, u and y are known");
    return (duk_uint32_t)bits;
}

static void x_refuse_pattern(duk_hthread *thr, const char *what)
{
    if (what)
        (void)duk_error(thr, DUK_ERR_SYNTAX_ERROR, "invalid regular expression: %s", what);
}

// [ ] -> [ names translated ], both buffers.
static void duk_x_regexp_translate(duk_hthread *thr, duk_hstring *pattern, duk_uint32_t flags)
{
    struct span in = x_bytes_of(pattern);
    struct js_regexp_text names = {0}, out = {0};
    x_refuse_pattern(thr, js_regexp_names(in, &names));
    names.room = names.n;
    names.n = 0;
    names.p = duk_push_buffer_raw(thr, names.room, DUK_BUF_FLAG_NOZERO);
    x_refuse_pattern(thr, js_regexp_names(in, &names));
    struct span known = span_of(names.p, names.n);
    x_refuse_pattern(thr, js_regexp_translate(in, (int)flags, known, &out));
    out.room = out.n;
    out.n = 0;
    out.p = duk_push_buffer_raw(thr, out.room, DUK_BUF_FLAG_NOZERO);
    (void)js_regexp_translate(in, (int)flags, known, &out);
}

// Surrogate pairs ---------------------------------------------------------------------------------

static bool x_is_high(const duk_uint8_t *p)
{
    return p[0] == 0xed && (p[1] & 0xf0) == 0xa0;
}

static bool x_is_low(const duk_uint8_t *p)
{
    return p[0] == 0xed && (p[1] & 0xf0) == 0xb0;
}

// The code point that begins with `high`, which ends at *sp.
static duk_codepoint_t duk_x_join_pair(duk_codepoint_t high, const duk_uint8_t **sp,
                                       const duk_uint8_t *end)
{
    const duk_uint8_t *p = *sp;
    if (end - p < 3 || !x_is_low(p))
        return high;
    *sp = p + 3;
    return 0x10000 + ((high - 0xd800) << 10) + ((p[1] & 0x0f) << 6 | (p[2] & 0x3f));
}

static int duk_x_is_inside_pair(duk_re_matcher_ctx *re, const duk_uint8_t *sp)
{
    return (re->re_flags & JS_REGEXP_UNICODE) && sp - re->input >= 3 && re->input_end - sp >= 3 &&
           x_is_low(sp) && x_is_high(sp - 3);
}

static const duk_uint8_t *duk_x_backtrack_pairs(duk_re_matcher_ctx *re, const duk_uint8_t **sp,
                                                duk_uint_fast32_t count)
{
    for (; count > 0; count--) {
        (void)duk__utf8_backtrack(re->thr, sp, re->input, re->input_end, 1);
        if (duk_x_is_inside_pair(re, *sp))
            *sp -= 3;
    }
    return *sp;
}

// Look-behind -------------------------------------------------------------------------------------

// Code of a look-behind begins with the length of what it matches + 1, or 0 when that varies. Tries
// it from each place before `sp`, the nearest first.
static const duk_uint8_t *duk_x_match_behind(duk_re_matcher_ctx *re, const duk_uint8_t *pc,
                                             const duk_uint8_t *sp)
{
    const duk_uint8_t *outer = re->x_here, *from = sp, *end = NULL;
    duk_uint32_t length = duk__bc_get_u32(re, &pc), steps = 0;
    re->x_here = sp;
    for (;;) {
        if (length == 0 || steps == length - 1)
            end = duk__match_regexp(re, pc, from);
        if (end || from == re->input || (length > 0 && steps == length - 1))
            break;
        (void)duk__inp_backtrack(re, &from, 1);
        steps++;
    }
    re->x_here = outer;
    return end;
}

// Loops -------------------------------------------------------------------------------------------

// The last turns are known, each in a place of its own until it ends; what was there comes back
// then. Of loops in loops that all stand still, that many are told.

// Whether the turn of that loop that is under way began at the same place.
static int duk_x_is_idle(const duk_re_matcher_ctx *re, const duk_uint8_t *pc, const duk_uint8_t *sp)
{
    for (duk_uint32_t k = 1; k <= DUK_X_TURNS && k <= re->x_n_turns; k++) {
        const struct duk_x_turn *turn = &re->x_turns[(re->x_n_turns - k) % DUK_X_TURNS];
        if (turn->sp != sp)
            return 0;
        if (turn->pc == pc)
            return 1;
    }
    return 0;
}

// Whether the latest turn is one of another loop at the same place.
static int duk_x_is_other(const duk_re_matcher_ctx *re, const duk_uint8_t *pc,
                          const duk_uint8_t *sp)
{
    const struct duk_x_turn *turn = &re->x_turns[(re->x_n_turns - 1) % DUK_X_TURNS];
    return turn->sp == sp && turn->pc != pc;
}

static struct duk_x_turn duk_x_begin_turn(duk_re_matcher_ctx *re, const duk_uint8_t *pc,
                                          const duk_uint8_t *sp)
{
    struct duk_x_turn *turn = &re->x_turns[re->x_n_turns++ % DUK_X_TURNS], under = *turn;
    *turn = (struct duk_x_turn){pc, sp};
    return under;
}

static void duk_x_end_turn(duk_re_matcher_ctx *re, struct duk_x_turn under)
{
    re->x_turns[--re->x_n_turns % DUK_X_TURNS] = under;
}

// Goes on at `pc` with a turn of the loop `loop` that begins at `sp`.
static DUK_NOINLINE const duk_uint8_t *duk_x_match_turn(duk_re_matcher_ctx *re,
                                                        const duk_uint8_t *loop,
                                                        const duk_uint8_t *pc,
                                                        const duk_uint8_t *sp)
{
    struct duk_x_turn under = duk_x_begin_turn(re, loop, sp);
    sp = duk__match_regexp(re, pc, sp);
    duk_x_end_turn(re, under);
    return sp;
}

// Matches -----------------------------------------------------------------------------------------

static bool x_has_capture(const duk_re_matcher_ctx *re, unsigned k)
{
    return re->saved[2 * k] && re->saved[2 * k + 1] && re->saved[2 * k + 1] >= re->saved[2 * k];
}

static void x_push_capture(duk_re_matcher_ctx *re, unsigned k)
{
    if (x_has_capture(re, k))
        duk_push_lstring(re->thr, (const char *)re->saved[2 * k],
                         (duk_size_t)(re->saved[2 * k + 1] - re->saved[2 * k]));
    else
        duk_push_undefined(re->thr);
}

// Where `p` is in units; the match begins at unit `index`.
static void x_push_place(duk_re_matcher_ctx *re, duk_uint32_t index, const duk_uint8_t *p)
{
    const duk_uint8_t *from = p < re->saved[0] ? re->input : re->saved[0];
    duk_size_t n = duk_unicode_unvalidated_utf8_length(from, (duk_size_t)(p - from));
    duk_push_number(re->thr, (double)n + (from == re->input ? 0 : index));
}

static void x_push_indices(duk_re_matcher_ctx *re, duk_uint32_t index, unsigned k)
{
    if (!x_has_capture(re, k)) {
        duk_push_undefined(re->thr);
        return;
    }
    duk_push_array(re->thr);
    x_push_place(re, index, re->saved[2 * k]);
    duk_put_prop_index(re->thr, -2, 0);
    x_push_place(re, index, re->saved[2 * k + 1]);
    duk_put_prop_index(re->thr, -2, 1);
}

// [ object ] -> [ object ], with a property `groups`: texts, or with `indices` their places.
static void x_put_groups(duk_re_matcher_ctx *re, duk_uint32_t index, bool indices,
                         struct span names)
{
    duk_push_literal(re->thr, "groups");
    if (names.n == 0)
        duk_push_undefined(re->thr);
    else
        duk_push_bare_object(re->thr);
    for (struct js_regexp_name name; js_regexp_next_name(&names, &name);) {
        duk_push_lstring(re->thr, name.text.p, name.text.n);
        if (2 * name.group + 1 >= re->nsaved)
            duk_push_undefined(re->thr);
        else if (indices)
            x_push_indices(re, index, name.group);
        else
            x_push_capture(re, name.group);
        duk_def_prop(re->thr, -3, DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_WEC);
    }
    duk_def_prop(re->thr, -3, DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_WEC);
}

// Adds `groups` and `indices` to the result on the top (ECMA-262 22.2.7.2).
static void duk_x_match_properties(duk_re_matcher_ctx *re, duk_uint32_t index,
                                   const duk_uint8_t *names, duk_uint32_t names_n)
{
    struct span known = span_of((const char *)names, names_n);
    x_put_groups(re, index, false, known);
    if (!(re->re_flags & JS_REGEXP_INDICES))
        return;
    duk_push_literal(re->thr, "indices");
    duk_push_array(re->thr);
    for (unsigned k = 0; 2 * k + 1 < re->nsaved; k++) {
        x_push_indices(re, index, k);
        duk_put_prop_index(re->thr, -2, k);
    }
    x_put_groups(re, index, true, known);
    duk_def_prop(re->thr, -3, DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_WEC);
}

// Replacing: the match is at 4 of the value stack -------------------------------------------------

// The last argument of a replacing function.
static void duk_x_push_groups_if_any(duk_hthread *thr)
{
    duk_require_stack(thr, 4);
    (void)duk_get_prop_literal(thr, 4, "groups");
    if (duk_is_undefined(thr, -1))
        duk_pop(thr);
}

// Sets lastIndex of the regular expression at 0; what it was.
static double duk_x_swap_last_index(duk_hthread *thr, double index)
{
    duk_get_prop_stridx_short(thr, 0, DUK_STRIDX_LAST_INDEX);
    double before = duk_to_number(thr, -1);
    duk_pop(thr);
    duk_push_number(thr, index);
    duk_put_prop_stridx_short(thr, 0, DUK_STRIDX_LAST_INDEX);
    return before;
}

// [ regexp ... function argument... ] -> [ regexp ... text ]. `theirs`: lastIndex as the functions
// see and leave it, NULL where it is the same as ours.
static duk_hstring *duk_x_call_replacer(duk_hthread *thr, duk_idx_t first, double *theirs)
{
    double ours = theirs ? duk_x_swap_last_index(thr, *theirs) : 0;
    duk_call(thr, duk_get_top(thr) - first);
    duk_hstring *text = duk_to_hstring_m1(thr);
    if (theirs)
        *theirs = duk_x_swap_last_index(thr, ours);
    return text;
}

// Pushes what `<name>` at p stands for; returns its length, 0 (and pushes nothing) when it stands
// for itself.
static duk_size_t duk_x_push_named(duk_hthread *thr, const duk_uint8_t *p, duk_size_t n)
{
    const duk_uint8_t *end = memchr(p, '>', n);
    (void)duk_get_prop_literal(thr, 4, "groups");
    if (!end || duk_is_undefined(thr, -1)) {
        duk_pop(thr);
        return 0;
    }
    (void)duk_get_prop_lstring(thr, -1, (const char *)p + 1, (duk_size_t)(end - p) - 1);
    duk_remove(thr, -2);
    if (duk_is_undefined(thr, -1)) {
        duk_pop(thr);
        duk_push_literal(thr, "");
    }
    (void)duk_to_string(thr, -1);
    return (duk_size_t)(end - p) + 1;
}

int duk_x_regexp_flags_of(duk_context *ctx, duk_idx_t idx)
{
    if (!x_is_class(ctx, idx, DUK_HOBJECT_CLASS_REGEXP))
        return -1;
    duk_xget_owndataprop_stridx_short(ctx, idx, DUK_STRIDX_INT_BYTECODE);
    int flags = DUK_HSTRING_GET_DATA(duk_require_hstring(ctx, -1))[0];
    duk_pop(ctx);
    return flags;
}
