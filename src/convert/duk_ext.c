// SPDX-License-Identifier: Apache-2.0
// Duktape itself, and what we add from inside it. Duktape is one translation unit by design: its
// internal functions are static, and the additions below use them.

// Before the first look at Duktape's headers, which the name makes complete.
#define DUK_COMPILING_DUKTAPE
#include "convert/duk_ext.h"

#include "base/mem.h"
#include "base/num.h"
#include "convert/js_digits.h"
#include "convert/js_regexp.h"

// Chosen on top of third_party/duktape/duk_options.h: what no script can reach is left out.
#include "duk_config.h"
#undef DUK_USE_FINALIZER_SUPPORT
#undef DUK_USE_NONSTD_STRING_FROMCHARCODE_32BIT
#undef DUK_USE_NONSTD_GETTER_KEY_ARGUMENT
#undef DUK_USE_NONSTD_SETTER_KEY_ARGUMENT
// The language has it otherwise since its edition of 2019.
#undef DUK_USE_NONSTD_JSON_ESC_U2028_U2029
#undef DUK_USE_DATE_PARSE_STRING

#define DUK_USE_NATIVE_STACK_CHECK() ((const char *)__builtin_frame_address(0) < duk_x_stack_low)

struct duk_hthread;
struct duk_hobject;
struct duk_heap;
struct duk_hstring;
struct duk_tval_struct;
struct duk_compiler_ctx;
struct duk_re_matcher_ctx;
static void x_save(struct duk_hthread *thr, struct duk_hobject *obj);
static void x_mark(struct duk_heap *heap);
static void x_look_at_clock(struct duk_hthread *thr);
static void x_charge(struct duk_heap *heap, size_t bytes);
static void x_work(struct duk_hthread *thr, size_t bytes);
static void duk_x_parse_body(struct duk_compiler_ctx *comp_ctx);
static unsigned int duk_x_code_at(struct duk_compiler_ctx *comp_ctx);
static void duk_x_refuse_code(struct duk_hthread *thr, const char *what);
static int duk_x_push_helper(struct duk_hthread *thr, struct duk_hstring *name);
static unsigned int duk_x_line(struct duk_hthread *thr, duk_uint_fast32_t at);
static void duk_x_describe(struct duk_compiler_ctx *comp_ctx, size_t at);
static int duk_x_apply_native(struct duk_hthread *thr, duk_idx_t idx_func);
static int duk_x_complete_for(struct duk_hthread *thr, struct duk_hobject *obj,
                              struct duk_hstring *key);
static void x_complete(struct duk_hthread *thr, struct duk_hobject *obj);
static int duk_x_make_scope(struct duk_hthread *thr, struct duk_hobject *varmap,
                            struct duk_hobject *env);
static int duk_x_json_parse(struct duk_hthread *thr, const unsigned char *p,
                            const unsigned char *end);
static int duk_x_close_variable(struct duk_hthread *thr, struct duk_hobject *env, duk_uint32_t i,
                                struct duk_hstring *key, struct duk_tval_struct *value);

static void duk_x_regexp_source(struct duk_hthread *thr, struct duk_hstring *pattern);
static duk_uint32_t duk_x_regexp_flags(struct duk_hthread *thr, struct duk_hstring *flags);
static void duk_x_regexp_translate(struct duk_hthread *thr, struct duk_hstring *pattern,
                                   duk_uint32_t flags);
static duk_codepoint_t duk_x_join_pair(duk_codepoint_t high, const duk_uint8_t **sp,
                                       const duk_uint8_t *end);
static const duk_uint8_t *duk_x_backtrack_pairs(struct duk_re_matcher_ctx *re,
                                                const duk_uint8_t **sp, duk_uint_fast32_t count);
static int duk_x_is_inside_pair(struct duk_re_matcher_ctx *re, const duk_uint8_t *sp);
// A turn of a loop in a regular expression.
struct duk_x_turn {
    const duk_uint8_t *pc, *sp;
};
#define DUK_X_TURNS 16
static int duk_x_is_idle(const struct duk_re_matcher_ctx *re, const duk_uint8_t *pc,
                         const duk_uint8_t *sp);
static int duk_x_is_other(const struct duk_re_matcher_ctx *re, const duk_uint8_t *pc,
                          const duk_uint8_t *sp);
static struct duk_x_turn duk_x_begin_turn(struct duk_re_matcher_ctx *re, const duk_uint8_t *pc,
                                          const duk_uint8_t *sp);
static void duk_x_end_turn(struct duk_re_matcher_ctx *re, struct duk_x_turn under);
static const duk_uint8_t *duk_x_match_turn(struct duk_re_matcher_ctx *re, const duk_uint8_t *loop,
                                           const duk_uint8_t *pc, const duk_uint8_t *sp);
static const duk_uint8_t *duk_x_match_behind(struct duk_re_matcher_ctx *re, const duk_uint8_t *pc,
                                             const duk_uint8_t *sp);
static void duk_x_match_properties(struct duk_re_matcher_ctx *re, duk_uint32_t index,
                                   const duk_uint8_t *names, duk_uint32_t names_n);
static void duk_x_push_groups_if_any(struct duk_hthread *thr);
static double duk_x_swap_last_index(struct duk_hthread *thr, double index);
static struct duk_hstring *duk_x_call_replacer(struct duk_hthread *thr, duk_idx_t first,
                                               double *theirs);
static duk_size_t duk_x_push_named(struct duk_hthread *thr, const duk_uint8_t *p, duk_size_t n);
enum { DUK_X_RETOK_BEHIND = 40, DUK_X_RETOK_NOT_BEHIND };
enum {
    DUK_X_REOP_HERE = 40,
    DUK_X_REOP_TURN,
    DUK_X_REOP_END_TURN,
    DUK_X_REOP_BEHIND,
    DUK_X_REOP_NOT_BEHIND
};

static int duk_x_parse_date(struct duk_hthread *thr, const char *text);
#define DUK_X_PARSE_DATE(thr, text) duk_x_parse_date((thr), (text))
#define DUK_X_READ_NUMBER(from, end, radix, out)                                                   \
    js_digits_read(span_of((const char *)(from), (size_t)((end) - (from))), (radix), (out))
static void duk_x_push_digits(struct duk_hthread *thr, double v, duk_small_int_t radix,
                              duk_small_uint_t flags);
static int duk_x_format_date(struct duk_hthread *thr, const duk_int_t *parts, duk_int_t offset,
                             unsigned int flags);
#define DUK_X_FORMAT_DATE(thr, parts, offset, flags)                                               \
    duk_x_format_date((thr), (parts), (offset), (flags))

// A surrogate, whose encoding ends at `p`, that has no other half beside it.
#define DUK_X_IS_LONE(cp, p, start, end)                                                           \
    (((cp) >= 0xd800 && (cp) <= 0xdbff &&                                                          \
      !((end) - (p) >= 3 && (p)[0] == 0xed && ((p)[1] & 0xf0) == 0xb0)) ||                         \
     ((cp) >= 0xdc00 && (cp) <= 0xdfff &&                                                          \
      !((p) - (start) >= 6 && (p)[-6] == 0xed && ((p)[-5] & 0xf0) == 0xa0)))

#define X_OF_HEAP(heap) ((struct duk_x *)(heap)->heap_udata)
#define X_TICKS 16384

// An object that all records share carries Duktape's read-only flag, which means nothing else in a
// build without objects in ROM. The first write to it in a run saves it and takes the flag off.
#define DUK_X_TOUCH(thr, obj)                                                                      \
    do {                                                                                           \
        if (DUK_UNLIKELY(DUK_HEAPHDR_HAS_READONLY((duk_heaphdr *)(obj))))                          \
            x_save((thr), (obj));                                                                  \
    } while (0)
#define DUK_X_MARK(heap) x_mark(heap)
#define DUK_X_TICK(thr)                                                                            \
    do {                                                                                           \
        if (DUK_UNLIKELY(--X_OF_HEAP((thr)->heap)->ticks == 0))                                    \
            x_look_at_clock(thr);                                                                  \
    } while (0)
// What goes on in one instruction or access to a property, in bytes looked at or written. Work is
// part of a longer loop, and ends it when the time is over.
#define X_CHARGED_MIN 512
#define X_TICK_BYTES 64
#define DUK_X_CHARGE(heap, bytes)                                                                  \
    do {                                                                                           \
        if (DUK_UNLIKELY((bytes) >= X_CHARGED_MIN))                                                \
            x_charge((heap), (bytes));                                                             \
    } while (0)
#define DUK_X_WORK(thr, bytes)                                                                     \
    do {                                                                                           \
        if (DUK_UNLIKELY((bytes) >= X_CHARGED_MIN))                                                \
            x_work((thr), (bytes));                                                                \
    } while (0)
#define DUK_X_COMPILE_BODY (1U << 30)
// A closure whose own properties are still those of its template.
#define DUK_X_IS_LAZY(obj)                                                                         \
    (DUK_HOBJECT_IS_COMPFUNC(obj) && ((duk_hcompfunc *)(obj))->x_template != NULL)
#define DUK_X_SOURCE(obj) (DUK_X_IS_LAZY(obj) ? ((duk_hcompfunc *)(obj))->x_template : (obj))
#define DUK_X_COMPLETE(thr, obj)                                                                   \
    do {                                                                                           \
        if (DUK_X_IS_LAZY(obj))                                                                    \
            x_complete((thr), (obj));                                                              \
    } while (0)
// Duktape forgets to leave out one use of it.
#define DUK_HEAP_REMOVE_FROM_FINALIZE_LIST(heap, h) ((void)(heap), (void)(h))

#include "duktape.c"

// Named by the table of built-ins although finalizers are left out; no script can reach it.
duk_ret_t duk_bi_duktape_object_fin(duk_context *ctx)
{
    (void)ctx;
    return 0;
}

_Thread_local const char *duk_x_stack_low;

// The clock --------------------------------------------------------------------------------------

static void x_look_at_clock(duk_hthread *thr)
{
    struct duk_x *x = X_OF_HEAP(thr->heap);
    bool over = penstock_duk_timeout_check(x) != 0;
    x->ticks = over ? 1 : X_TICKS;
    if (over)
        (void)duk_error(thr, DUK_ERR_RANGE_ERROR, "execution timeout");
}

// As if they were instructions: the clock is looked at earlier.
static void x_charge(duk_heap *heap, size_t bytes)
{
    struct duk_x *x = X_OF_HEAP(heap);
    duk_hthread *thr = heap->curr_thread;
    size_t ticks = bytes / X_TICK_BYTES;
    x->ticks = x->ticks > ticks ? x->ticks - (uint32_t)ticks : 1;
    if (thr)
        thr->interrupt_counter =
            thr->interrupt_counter > 0 && ticks < (size_t)thr->interrupt_counter
                ? thr->interrupt_counter - (duk_int_t)ticks
                : 0;
}

static void x_work(duk_hthread *thr, size_t bytes)
{
    x_charge(thr->heap, bytes);
    if (X_OF_HEAP(thr->heap)->ticks == 1)
        x_look_at_clock(thr);
}

void duk_x_charge(duk_context *ctx, size_t bytes)
{
    DUK_X_CHARGE(ctx->heap, bytes);
}

// The text of a number that is finite and not zero.
static void duk_x_push_digits(duk_hthread *thr, double v, duk_small_int_t radix,
                              duk_small_uint_t flags)
{
    char text[JS_DIGITS_RADIX_MAX];
    size_t n = radix == 10 ? js_digits_text(v, (flags & DUK_N2S_FLAG_FORCE_EXP) != 0, text)
                           : js_digits_in_radix(v, radix, text);
    duk_push_lstring(thr, text, n);
}

#include "convert/duk_part_text.h"

#include "convert/duk_part_date.h"
#include "convert/duk_part_function.h"
#include "convert/duk_part_json.h"

#include "convert/duk_part_journal.h"
#include "convert/duk_part_regexp.h"
#include "convert/duk_part_value.h"
