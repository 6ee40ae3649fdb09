# Our changes to Duktape's source, each found by text that must be there exactly once, so that another
# upstream version fails loudly here. What the DUK_X_* macros do is in duk_ext.c.
#
# penstock_edit_duktape(<duktape.c> <out>)

macro(duktape_edit old new)
    string(FIND "${code}" "${old}" first)
    string(FIND "${code}" "${old}" last REVERSE)
    if(first EQUAL -1 OR NOT first EQUAL last)
        message(FATAL_ERROR "Duktape's source is not the one we know: not exactly once:\n${old}")
    endif()
    string(REPLACE "${old}" "${new}" code "${code}")
endmacro()

# duktape_insert(BEFORE|AFTER text addition)
macro(duktape_insert where text addition)
    if("${where}" STREQUAL "BEFORE")
        duktape_edit("${text}" "${addition}${text}")
    else()
        duktape_edit("${text}" "${text}${addition}")
    endif()
endmacro()

# Every write to an object that was there before the script ran goes into the journal first. The places
# are those where Duktape itself protects objects in ROM.
macro(duktape_edit_writes)
    duktape_insert(AFTER [[		orig = DUK_TVAL_GET_OBJECT(tv_obj);
		DUK_ASSERT(orig != NULL);
]] [[		DUK_X_TOUCH(thr, orig);
]])
    duktape_insert(AFTER [[			orig = h_target; /* resume write to target */
]] [[			DUK_X_TOUCH(thr, orig);
]])
    duktape_insert(BEFORE [[	/* 0 = don't push current value */
	if (!duk__get_own_propdesc_raw(thr, obj, key, arr_idx, &desc, 0 /*flags*/)) { /* don't push value */
		DUK_DDD(DUK_DDDPRINT("property not found, succeed always"));]] [[	DUK_X_TOUCH(thr, obj);
]])
    duktape_insert(BEFORE [[	DUK_DDD(DUK_DDDPRINT("define new property (internal): thr=%p,]] [[	DUK_X_TOUCH(thr, obj);
]])
    duktape_insert(BEFORE [[	DUK_DDD(DUK_DDDPRINT("define new property (internal) arr_idx fast path: thr=%p,]]
        [[	DUK_X_TOUCH(thr, obj);
]])
    duktape_insert(BEFORE [[	has_writable = (defprop_flags & DUK_DEFPROP_HAVE_WRITABLE);
]] [[	DUK_X_TOUCH(thr, obj);
]])
    duktape_insert(BEFORE [[#if defined(DUK_USE_ROM_OBJECTS)
	if (DUK_HEAPHDR_HAS_READONLY((duk_heaphdr *) obj)) {
		DUK_DD(DUK_DDPRINT("attempt to seal/freeze a readonly object, reject"));]] [[	DUK_X_TOUCH(thr, obj);
]])
    duktape_insert(BEFORE [[	DUK_HOBJECT_CLEAR_EXTENSIBLE(h);

	/* A non-extensible object cannot gain]] [[	DUK_X_TOUCH(thr, h);
]])
    duktape_insert(BEFORE [[	DUK_HOBJECT_SET_PROTOTYPE_UPDREF(thr, h_obj, h_new_proto);
]] [[	DUK_X_TOUCH(thr, h_obj);
]])
    duktape_insert(BEFORE [[		flags = DUK_HOBJECT_E_GET_FLAGS(thr->heap, holder, e_idx);
		if (!(flags & DUK_PROPDESC_FLAG_CONFIGURABLE)) {
			if (flags & DUK_PROPDESC_FLAG_ACCESSOR) {
				DUK_DDD(DUK_DDDPRINT("existing property is a non-configurable "]] [[		DUK_X_TOUCH(thr, holder);
]])
    duktape_edit([[DUK_HEAPHDR_SET_FLAGS((duk_heaphdr *) fun_clos, DUK_HEAPHDR_GET_FLAGS_RAW((duk_heaphdr *) fun_temp));]]
        [[DUK_HEAPHDR_SET_FLAGS((duk_heaphdr *) fun_clos, DUK_HEAPHDR_GET_FLAGS_RAW((duk_heaphdr *) fun_temp) & ~DUK_HEAPHDR_FLAG_READONLY);]])
    duktape_insert(BEFORE [[	duk__mark_tval(heap, &heap->lj.value1);
	duk__mark_tval(heap, &heap->lj.value2);

#if defined(DUK_USE_DEBUGGER_SUPPORT)
	for (i = 0; i < heap->dbg_breakpoint_count; i++) {]] [[	DUK_X_MARK(heap);
]])
endmacro()

# Native loops that run no bytecode look at the clock too.
macro(duktape_edit_ticks)
    duktape_edit("#define DUK_HTHREAD_INTCTR_DEFAULT (256L * 1024L)" "#define DUK_HTHREAD_INTCTR_DEFAULT 8192L")
    duktape_insert(AFTER [[			DUK_ERROR_RANGE(re_ctx->thr, DUK_STR_REGEXP_EXECUTOR_STEP_LIMIT);
			DUK_WO_NORETURN(return NULL;);
		}
]] [[		DUK_X_TICK(re_ctx->thr);
]])
    duktape_insert(BEFORE [[	DUK_DDD(DUK_DDDPRINT("hasprop: thr=%p, obj=%p, key=%p (obj -> %!T, key -> %!T)",]] [[	DUK_X_TICK(thr);
]])
    duktape_insert(BEFORE [[	DUK_DDD(DUK_DDDPRINT("getprop: thr=%p, obj=%p, key=%p (obj -> %!T, key -> %!T)",]] [[	DUK_X_TICK(thr);
]])
    duktape_insert(BEFORE [[	DUK_DDD(DUK_DDDPRINT("putprop: thr=%p, obj=%p, key=%p, val=%p, throw=%ld "]] [[	DUK_X_TICK(thr);
]])
    duktape_insert(BEFORE [[	DUK_DDD(DUK_DDDPRINT("delprop_raw: thr=%p, obj=%p, key=%p, throw=%ld, force=%ld (obj -> %!O, key -> %!O)",]]
        [[	DUK_X_TICK(thr);
]])
endmacro()

# Nor do instructions and properties count what one of them may do to a long text or buffer.
macro(duktape_edit_charges)
    duktape_insert(BEFORE [[	strhash = duk_heap_hashstring(heap, str, (duk_size_t) blen);

	/* String table lookup. */

	DUK_ASSERT(DUK__GET_STRTABLE(heap) != NULL);]] [[	DUK_X_CHARGE(heap, blen);
]])
    duktape_insert(BEFORE [[	p = p_start;
	while (p < p_end) {
		p_tmp1 = p;]] [[	DUK_X_CHARGE(thr->heap, (duk_size_t) (p_end - p_start) * 8);
]])
    duktape_insert(BEFORE [[				p_found = duk__scan_forwards(p_start + sce->bidx, p_end, dist_sce);]] [[				DUK_X_CHARGE(heap, dist_sce);
]])
    duktape_insert(BEFORE [[				p_found = duk__scan_backwards(p_start + sce->bidx, p_start, dist_sce);]] [[				DUK_X_CHARGE(heap, dist_sce);
]])
    duktape_insert(BEFORE [[	/* no sce, or sce scan not best */

	if (dist_start <= dist_end) {]] [[	DUK_X_CHARGE(heap, dist_start < dist_end ? dist_start : dist_end);
]])
    duktape_insert(BEFORE [[	firstbyte = q_start[0]; /* leading byte of match string */
	while (p <= p_end && p >= p_start) {
		t = *p;]] [[	DUK_X_CHARGE(thr->heap, (duk_size_t) (p_end - p_start));
]])
    duktape_insert(AFTER [[			DUK_ASSERT(q_blen > 0);
			if (duk_memcmp((const void *) p, (const void *) q_start, (size_t) q_blen) == 0) {
				return cpos;
			}
]] [[			DUK_X_WORK(thr, (duk_size_t) q_blen);
]])
    duktape_insert(AFTER [[				DUK_ASSERT(q_blen > 0); /* no issues with empty memcmp() */
]] [[				DUK_X_WORK(thr, q_blen);
]])
    duktape_insert(BEFORE [[				if (duk_memcmp((const void *) p, (const void *) q_start, (size_t) q_blen) == 0) {
					duk_dup_0(thr);]] [[				DUK_X_WORK(thr, q_blen);
]])
    duktape_insert(BEFORE [[		p_src_base = DUK_HBUFOBJ_GET_SLICE_BASE(thr->heap, h_bufarg);
		p_dst_base = DUK_HBUFOBJ_GET_SLICE_BASE(thr->heap, h_this) + offset_bytes;
]] [[		DUK_X_CHARGE(thr->heap, (duk_size_t) src_length * 8);
]])
    duktape_insert(BEFORE [[			/* The potential allocation in duk_require_stack() may
			 * run a finalizer which modifies the argArray so that
			 * e.g. becomes sparse.]] [[			DUK_X_CHARGE(thr->heap, (duk_size_t) len * sizeof(duk_tval));
]])
    duktape_insert(BEFORE [[	DUK_BW_INSERT_ENSURE_BYTES(re_ctx->thr, &re_ctx->bw, offset, buf, (duk_size_t) len);
	return (duk_uint32_t) len;]] [[	DUK_X_WORK(re_ctx->thr, DUK_BW_GET_SIZE(re_ctx->thr, &re_ctx->bw) - offset);
]])
    # By the character.
    duktape_insert(AFTER [[	DUK_DD(DUK_DDPRINT("case sensitive, process range: [%ld,%ld]", (long) r1, (long) r2));
]] [[	DUK_X_WORK(re_ctx->thr, (duk_size_t) (r2 - r1 + 1) * 64);
]])
endmacro()

# The compiler forgets to look at the stack that is left.
macro(duktape_edit_stack)
    duktape_insert(BEFORE [[	if (comp_ctx->recursion_depth >= comp_ctx->recursion_limit) {]] [[	duk_native_stack_check(comp_ctx->thr);
]])
endmacro()

# Scripts are compiled once, as a whole: nothing makes code out of strings.
macro(duktape_edit_eval)
    duktape_insert(AFTER [[DUK_INTERNAL duk_ret_t duk_bi_function_constructor(duk_hthread *thr) {
]] [[	duk_x_refuse_code(thr, "new Function is not supported: write the function into the script itself");
]])
    duktape_insert(AFTER [[DUK_INTERNAL duk_ret_t duk_bi_global_object_eval(duk_hthread *thr) {
]] [[	duk_x_refuse_code(thr, "eval is not supported: write the code into the script itself");
]])
endmacro()

# A function body is compiled as what it is, with its own line numbers and no text around it.
macro(duktape_edit_compiler)
    duktape_insert(BEFORE [[	if (is_funcexpr) {
		func->is_function = 1;
]] [[	if (flags & DUK_X_COMPILE_BODY) {
		duk_x_parse_body(comp_ctx);
	} else ]])
endmacro()

# Code knows the byte it comes from, not the line: x->locate finds the author's line and column. What is
# emitted for an operator's left side stands at the end of it, a call at its function's name, a
# construction at its `new`.
macro(duktape_edit_places)
    duktape_edit([[	line = comp_ctx->prev_token.start_line;
	if (line == 0) {
		line = comp_ctx->curr_token.start_line;
	}]] [[	line = (duk_int_t) duk_x_code_at(comp_ctx);]])
    duktape_edit([[	line = comp_ctx->curr_token.start_line; /* approximation, close enough */
#endif
	instr->ins = DUK_ENC_OP_ABC(DUK_OP_JUMP, 0);]] [[	line = (duk_int_t) comp_ctx->curr_token.start_offset + 1;
#endif
	instr->ins = DUK_ENC_OP_ABC(DUK_OP_JUMP, 0);]])
    duktape_insert(BEFORE [[	/* make current token the previous; need to fiddle with valstack "backing store" */
]] [[	X_OF_HEAP(thr->heap)->token_before = (uint32_t) comp_ctx->prev_token.start_offset;
	X_OF_HEAP(thr->heap)->code_at = 0;
]])
    duktape_insert(AFTER [[	comp_ctx->curr_func.led_count++;
]] [[	X_OF_HEAP(thr->heap)->code_at = X_OF_HEAP(thr->heap)->token_before + 1;
]])
    duktape_edit([[		duk_regconst_t reg_cs = DUK__ALLOCTEMPS(comp_ctx, 2);
		duk_int_t nargs;
		duk_small_uint_t call_op = DUK_OP_CALL0;
]] [[		duk_regconst_t reg_cs = DUK__ALLOCTEMPS(comp_ctx, 2);
		duk_int_t nargs;
		duk_small_uint_t call_op = DUK_OP_CALL0;
		uint32_t x_at = X_OF_HEAP(thr->heap)->code_at;
]])
    duktape_edit([[		duk__emit_a_bc(comp_ctx, call_op, (duk_regconst_t) nargs /*numargs*/, reg_cs /*basereg*/);
]] [[		X_OF_HEAP(thr->heap)->code_at = x_at;
		duk__emit_a_bc(comp_ctx, call_op, (duk_regconst_t) nargs /*numargs*/, reg_cs /*basereg*/);
		X_OF_HEAP(thr->heap)->code_at = 0;
]])
    duktape_edit([[		duk_regconst_t reg_target;
		duk_int_t nargs;

		DUK_DDD(DUK_DDDPRINT("begin parsing new expression"));
]] [[		duk_regconst_t reg_target;
		duk_int_t nargs;
		uint32_t x_at = (uint32_t) comp_ctx->prev_token.start_offset + 1;
]])
    duktape_edit([[		duk__emit_a_bc(comp_ctx, DUK_OP_CALL0 | DUK_BC_CALL_FLAG_CONSTRUCT, nargs /*num_args*/, reg_target /*target*/);
]] [[		X_OF_HEAP(thr->heap)->code_at = x_at;
		duk__emit_a_bc(comp_ctx, DUK_OP_CALL0 | DUK_BC_CALL_FLAG_CONSTRUCT, nargs /*num_args*/, reg_target /*target*/);
		X_OF_HEAP(thr->heap)->code_at = 0;
]])
    duktape_edit([[				line = (duk_uint_t) duk_hobject_pc2line_query(thr, -4, (duk_uint_fast32_t) pc);]]
        [[				line = duk_x_line(thr, duk_hobject_pc2line_query(thr, -4, (duk_uint_fast32_t) pc));]])
    duktape_edit([[					    "at %s (%s:%lu)%s%s%s%s%s",
					    (const char *) funcname,
					    (const char *) filename,
					    (unsigned long) line,]] [[					    "at %s (%s:%lu:%lu)%s%s%s%s%s",
					    (const char *) funcname,
					    (const char *) filename,
					    (unsigned long) line,
					    (unsigned long) X_OF_HEAP(thr->heap)->column,]])
    # Helpers of lowered scripts are not in the author's text.
    duktape_insert(BEFORE [[			if (t == DUK_TYPE_OBJECT || t == DUK_TYPE_LIGHTFUNC) {
				/*
				 *  ECMAScript/native function call or lightfunc call]] [[			if (t == DUK_TYPE_LIGHTFUNC) {
				duk_pop_2(thr);
				continue;
			}
]])
    duktape_edit([[		duk_push_sprintf(thr,
		                 " (line %ld%s)",
		                 (long) thr->compile_ctx->curr_token.start_line,
		                 at_end ? ", end of input" : "");]] [[		duk_uint_t x_line = duk_x_line(thr, thr->compile_ctx->curr_token.start_offset + 1);
		duk_push_sprintf(thr,
		                 " (line %ld, column %ld%s)",
		                 (long) x_line,
		                 (long) X_OF_HEAP(thr->heap)->column,
		                 at_end ? ", end of input" : "");]])
endmacro()

# Helpers of lowered scripts are constants of the code.
macro(duktape_edit_helpers)
    duktape_insert(BEFORE [[		duk__ivalue_var_hstring(comp_ctx, res, tk->str1);
		return;
	}
	case DUK_TOK_NULL: {]] [[		if (duk_x_push_helper(thr, tk->str1))
			goto plain_value;
]])
    duktape_edit([[		case DUK_TAG_BUFFER: {
			DUK_UNREACHABLE();
			break;
		}
		case DUK_TAG_LIGHTFUNC: {
			DUK_UNREACHABLE();
			break;
		}
#if defined(DUK_USE_FASTINT)
		case DUK_TAG_FASTINT:
#endif
		default: {
			/* number */
			duk_regconst_t dest;]] [[		case DUK_TAG_BUFFER: {
			DUK_UNREACHABLE();
			break;
		}
		case DUK_TAG_LIGHTFUNC: {
			duk_regconst_t dest;
			duk_regconst_t constidx;

			duk_dup(thr, x->valstack_idx);
			constidx = duk__getconst(comp_ctx);
			if (flags & DUK__IVAL_FLAG_ALLOW_CONST) {
				return constidx;
			}
			dest = (forced_reg >= 0 ? forced_reg : DUK__ALLOCTEMP(comp_ctx));
			duk__emit_a_bc(comp_ctx, DUK_OP_LDCONST, dest, constidx);
			return dest;
		}
#if defined(DUK_USE_FASTINT)
		case DUK_TAG_FASTINT:
#endif
		default: {
			/* number */
			duk_regconst_t dest;]])
endmacro()

macro(duktape_edit_calls)
    duktape_insert(AFTER [[			 * Calling code will throw the actual error.
			 */
		} else ]] [[if (!duk_x_apply_native(thr, idx_func)) ]])
endmacro()

# What the language says of a function beside its code.
macro(duktape_edit_functions)
    duktape_insert(BEFORE [[	duk__advance_expect(comp_ctx, DUK_TOK_LPAREN);

	duk__parse_func_formals(comp_ctx);]] [[	duk_size_t x_at = comp_ctx->curr_token.start_offset;
]])
    duktape_insert(AFTER [[	duk__convert_to_func_template(comp_ctx); /* -> [ ... func ] */
]] [[	duk_x_describe(comp_ctx, x_at);
]])
    duktape_insert(BEFORE [[	duk_push_uint(thr, len_value); /* [ ... closure template len_value ] */
]] [[	if (duk_xget_owndataprop_stridx_short(thr, -1, DUK_STRIDX_LENGTH))
		len_value = duk_get_uint(thr, -1);
	duk_pop_unsafe(thr);
]])
endmacro()

# A closure takes its own properties (length, prototype and so on) from its template when something
# looks at them; most are called and nothing else.
macro(duktape_edit_closures)
    duktape_insert(BEFORE [[	duk_uint16_t nregs; /* regs to allocate */]] [[	duk_hobject *x_template;

]])
    duktape_insert(BEFORE [[	/*
	 *  Copy some internal properties directly
	 *
	 *  The properties will be non-writable and non-enumerable, but]] [[	DUK_UNREF(add_auto_proto);
	DUK_UNREF(formals);
	DUK_UNREF(i);
	fun_clos->x_template = (duk_hobject *) fun_temp;
	DUK_HOBJECT_INCREF(thr, (duk_hobject *) fun_temp);
	duk_pop_unsafe(thr); /* [ ... closure ] */
}

/* [ ... closure template ] -> [ ... closure ] */
DUK_LOCAL void duk_x_closure_properties(duk_hthread *thr, duk_hcompfunc *fun_clos, duk_hcompfunc *fun_temp) {
	duk_bool_t add_auto_proto = DUK_HOBJECT_HAS_CONSTRUCTABLE(&fun_clos->obj) != 0;
	duk_harray *formals;
	duk_small_uint_t i;
	duk_uint_t len_value;

]])
    duktape_insert(BEFORE [[	tv = duk_hobject_find_entry_tval_ptr_stridx(heap, obj, stridx);
	if (tv != NULL && DUK_TVAL_IS_OBJECT(tv)) {]] [[	obj = DUK_X_SOURCE(obj);
]])
    duktape_insert(BEFORE [[	tv_val = duk_hobject_find_entry_tval_ptr(thr->heap, h_obj, h_key);]] [[	h_obj = DUK_X_SOURCE(h_obj);
]])
    duktape_edit([[	if (duk_hobject_find_entry(thr->heap, obj, key, &out_desc->e_idx, &out_desc->h_idx)) {
		duk_int_t e_idx = out_desc->e_idx;]] [[	if (duk_hobject_find_entry(thr->heap, obj, key, &out_desc->e_idx, &out_desc->h_idx) ||
	    (DUK_UNLIKELY(DUK_X_IS_LAZY(obj)) && duk_x_complete_for(thr, obj, key) &&
	     duk_hobject_find_entry(thr->heap, obj, key, &out_desc->e_idx, &out_desc->h_idx))) {
		duk_int_t e_idx = out_desc->e_idx;]])
    duktape_insert(AFTER [[	DUK_ASSERT(thr != NULL);

	enum_target = duk_require_hobject(thr, -1);
]] [[	DUK_X_COMPLETE(thr, enum_target);
]])
    duktape_insert(AFTER [[	/* Note: no allocation pressure, no need to check refcounts etc */
]] [[	DUK_X_COMPLETE(thr, obj);
]])
    duktape_insert(BEFORE [[#if defined(DUK_USE_ROM_OBJECTS)
	if (DUK_HEAPHDR_HAS_READONLY((duk_heaphdr *) obj)) {
		DUK_DD(DUK_DDPRINT("attempt to seal/freeze a readonly object, reject"));]] [[	DUK_X_COMPLETE(thr, obj);
]])
    duktape_insert(BEFORE [[	DUK_HOBJECT_CLEAR_EXTENSIBLE(h);

	/* A non-extensible object cannot gain]] [[	DUK_X_COMPLETE(thr, h);
]])
    duktape_insert(AFTER [[		duk__mark_heaphdr(heap, (duk_heaphdr *) DUK_HCOMPFUNC_GET_VARENV(heap, f));
]] [[		duk__mark_heaphdr(heap, (duk_heaphdr *) f->x_template);
]])
    duktape_insert(AFTER [[		DUK_HEAPHDR_DECREF_ALLOWNULL(thr, (duk_heaphdr *) DUK_HCOMPFUNC_GET_VARENV(heap, f));
]] [[		DUK_HEAPHDR_DECREF_ALLOWNULL(thr, (duk_heaphdr *) f->x_template);
]])
endmacro()

# Scopes get their variables' entries in one go.
macro(duktape_edit_scopes)
    duktape_insert(BEFORE [[		duk__preallocate_env_entries(thr, varmap, (duk_hobject *) env);]]
        [[		if (!duk_x_make_scope(thr, varmap, (duk_hobject *) env))
]])
    duktape_insert(BEFORE [[		duk_push_tval(thr,
		              (duk_tval *) (void *) ((duk_uint8_t *) thr->valstack + regbase_byteoff + sizeof(duk_tval) * regnum));]] [[		if (duk_x_close_variable(thr, env, (duk_uint32_t) i, key,
		                         (duk_tval *) (void *) ((duk_uint8_t *) thr->valstack + regbase_byteoff + sizeof(duk_tval) * regnum)))
			continue;
]])
endmacro()

macro(duktape_edit_json)
    duktape_edit([[	duk__json_dec_value(js_ctx); /* -> [ ... value ] */
	DUK_ASSERT(js_ctx->recursion_depth == 0);

	/* Trailing whitespace]] [[	if (flags == 0 && duk_x_json_parse(thr, js_ctx->p_start, js_ctx->p_end))
		js_ctx->p = js_ctx->p_end;
	else
		duk__json_dec_value(js_ctx); /* -> [ ... value ] */
	DUK_ASSERT(js_ctx->recursion_depth == 0);

	/* Trailing whitespace]])
endmacro()

# Lone surrogates are escaped (ECMA-262 25.5.2.3), since they have no form in UTF-8.
macro(duktape_edit_json_quote)
    duktape_edit([[				if (js_ctx->flag_ascii_only) {
#endif
					q = duk__emit_esc_auto_fast(js_ctx, cp, q);
				} else {
					/* as is */]] [[				if (js_ctx->flag_ascii_only || DUK_X_IS_LONE(cp, p, p_start, p_end)) {
#endif
					q = duk__emit_esc_auto_fast(js_ctx, cp, q);
				} else {
					/* as is */]])
endmacro()

macro(duktape_edit_dates)
    duktape_edit([[	if (duk__parse_string_iso8601_subset(thr, str) != 0) {
		return 1;
	}

#if defined(DUK_USE_DATE_PARSE_STRING)]] [[	if (DUK_X_PARSE_DATE(thr, str)) {
		return 1;
	}

#if defined(DUK_USE_DATE_PARSE_STRING)]])
    duktape_insert(BEFORE [[	if (flags & DUK_DATE_FLAG_TOSTRING_LOCALE) {
		/* try locale specific formatter]] [[	if (DUK_X_FORMAT_DATE(thr, parts, tzoffset, flags)) {
		return 1;
	}

]])
endmacro()

# Texts that are no numbers: fractions and signs of those with a prefix, and a NUL with more behind it.
# Numbers halfway between two doubles become the even one; exponents may be of any size. The other way,
# too, digits are V8's.
macro(duktape_edit_numbers)
    duktape_insert(BEFORE [[	nc_ctx->is_s2n = 0;
	nc_ctx->b = 2;
	nc_ctx->B = radix;
	nc_ctx->abs_pos = 0;]] [[	if (c != DUK_FP_ZERO && (flags & DUK_N2S_FLAG_FIXED_FORMAT) == 0) {
		duk_x_push_digits(thr, neg ? -x : x, radix, flags);
		return;
	}

]])
    duktape_edit([[	expt_neg = 0;
	for (;;) {
		ch = *p++;
]] [[	expt_neg = 0;
	DUK_X_CHARGE(thr->heap, (duk_size_t) DUK_HSTRING_GET_BYTELEN(h_str) * 8);
	const duk_uint8_t *x_from = p;
	for (;;) {
		ch = *p++;
]])
    duktape_edit([[				goto parse_explimit_error;
]] [[				expt = DUK_S2N_MAX_EXPONENT / 100;
]])
    duktape_edit([[parse_explimit_error:
	DUK_DDD(DUK_DDDPRINT("parse failed, internal error, can't return a value"));
	DUK_ERROR_RANGE(thr, "exponent too large");
	DUK_WO_NORETURN(return;);
]] [[]])
    duktape_insert(BEFORE [[	/* Quick reject of too large or too small exponents.  This check
	 * would be incorrect for zero]] [[	if (DUK_X_READ_NUMBER(x_from, p - 1, radix, &res)) {
		goto negcheck_and_ret;
	}

]])
    duktape_insert(AFTER [[					DUK_DDD(DUK_DDDPRINT("parse failed: fraction part not allowed"));
]] [[					goto parse_fail;
]])
    duktape_insert(BEFORE [[			radix = detect_radix;
]] [[			if ((flags & DUK_S2N_FLAG_ALLOW_GARBAGE) == 0 && p != DUK_HSTRING_GET_DATA(h_str)) {
				goto parse_fail;
			}
]])
    duktape_insert(BEFORE [[			DUK_DDD(DUK_DDDPRINT("NUL termination"));
]] [[			if ((flags & DUK_S2N_FLAG_ALLOW_GARBAGE) == 0 &&
			    p <= DUK_HSTRING_GET_DATA(h_str) + DUK_HSTRING_GET_BYTELEN(h_str)) {
				goto parse_fail;
			}
]])
endmacro()

# new Error(message, {cause}) (ECMA-262 20.5.8.1).
macro(duktape_edit_errors)
    duktape_insert(BEFORE [[	/* Augment the error if called as a normal function.  __FILE__ and __LINE__]] [[	if (duk_is_object(thr, 1) && duk_has_prop_literal(thr, 1, "cause")) {
		duk_push_literal(thr, "cause");
		(void) duk_get_prop_literal(thr, 1, "cause");
		duk_def_prop(thr, -3, DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_WC);
	}

]])
endmacro()

# Regular expressions of later editions: the pattern is translated first (js_regexp.h), the compiled
# form carries the groups' names behind its number of captures, and the rest is in duk_part_regexp.h.
macro(duktape_edit_regexp_compiler)
    duktape_edit([[	duk__create_escaped_source(thr, -2);

	/* [ ... pattern flags escaped_source ] */]] [[	duk_x_regexp_source(thr, h_pattern);

	/* [ ... pattern flags escaped_source ] */]])
    duktape_edit([[	re_ctx.re_flags = duk__parse_regexp_flags(thr, h_flags);

	DUK_BW_INIT_PUSHBUF(thr, &re_ctx.bw, DUK__RE_INITIAL_BUFSIZE);]] [[	re_ctx.re_flags = duk_x_regexp_flags(thr, h_flags);
	duk_x_regexp_translate(thr, h_pattern, re_ctx.re_flags); /* -> [ ... names translated ] */
	re_ctx.lex.input = (const duk_uint8_t *) duk_get_buffer(thr, -1, &re_ctx.lex.input_length);

	DUK_BW_INIT_PUSHBUF(thr, &re_ctx.bw, DUK__RE_INITIAL_BUFSIZE);]])
    duktape_insert(BEFORE [[	duk__insert_u32(&re_ctx, 0, (re_ctx.captures + 1) * 2);
]] [[	duk_size_t x_n;
	const duk_uint8_t *x_names = (const duk_uint8_t *) duk_get_buffer(thr, -3, &x_n);
	if (x_n > 0)
		DUK_BW_INSERT_ENSURE_BYTES(thr, &re_ctx.bw, 0, x_names, x_n);
	duk__insert_u32(&re_ctx, 0, (duk_uint32_t) x_n);
]])
    duktape_insert(BEFORE [[	duk_remove(thr, -4); /* -> [ ... flags escaped_source bytecode ] */
]] [[	duk_remove(thr, -2);
	duk_remove(thr, -2);
]])
    # Look-behind.
    duktape_insert(AFTER [[				/* (?: */
				advtok = DUK__ADVTOK(3, DUK_RETOK_ATOM_START_NONCAPTURE_GROUP);
]] [[			} else if (DUK__L2() == '<' && DUK__L3() == DUK_ASC_EQUALS) {
				advtok = DUK__ADVTOK(4, DUK_X_RETOK_BEHIND);
			} else if (DUK__L2() == '<' && DUK__L3() == DUK_ASC_EXCLAMATION) {
				advtok = DUK__ADVTOK(4, DUK_X_RETOK_NOT_BEHIND);
]])
    duktape_edit([[		case DUK_RETOK_ASSERT_START_NEG_LOOKAHEAD: {
			duk_uint32_t offset;]] [[		case DUK_RETOK_ASSERT_START_NEG_LOOKAHEAD:
		case DUK_X_RETOK_BEHIND:
		case DUK_X_RETOK_NOT_BEHIND: {
			duk_bool_t x_behind = re_ctx->curr_token.t >= DUK_X_RETOK_BEHIND;
			duk_uint32_t x_opcode = re_ctx->curr_token.t == DUK_X_RETOK_BEHIND ? DUK_X_REOP_BEHIND : DUK_X_REOP_NOT_BEHIND;
			duk_uint32_t offset;]])
    duktape_edit([[			duk__append_reop(re_ctx, DUK_REOP_MATCH);

			(void) duk__insert_u32(re_ctx, offset, opcode);]] [[			if (x_behind) {
				duk__append_reop(re_ctx, DUK_X_REOP_HERE);
				(void) duk__insert_u32(re_ctx, offset, (duk_uint32_t) (tmp_disj.charlen + 1));
				opcode = x_opcode;
			}
			duk__append_reop(re_ctx, DUK_REOP_MATCH);

			(void) duk__insert_u32(re_ctx, offset, opcode);]])
    # A turn that need not be, marked at both ends.
    duktape_edit([[						                  (duk_uint32_t) atom_start_offset,
						                  (duk_uint32_t) atom_code_length);
						if (re_ctx->curr_token.greedy) {
							duk__insert_u32(re_ctx, offset, DUK_REOP_SPLIT1); /* prefer direct */]]
        [[						                  (duk_uint32_t) atom_start_offset,
						                  (duk_uint32_t) atom_code_length);
						duk__insert_u32(re_ctx, offset + (duk_uint32_t) atom_code_length, (duk_uint32_t) atom_code_length);
						duk__insert_u32(re_ctx, offset + (duk_uint32_t) atom_code_length, DUK_X_REOP_END_TURN);
						duk__insert_u32(re_ctx, offset, DUK_X_REOP_TURN);
						if (re_ctx->curr_token.greedy) {
							duk__insert_u32(re_ctx, offset, DUK_REOP_SPLIT1); /* prefer direct */]])
endmacro()

macro(duktape_edit_regexp_matcher)
    duktape_edit([[	duk_uint32_t nsaved;
	duk_uint32_t recursion_depth;]] [[	duk_uint32_t nsaved;
	const duk_uint8_t *x_here; /* where a look-behind must end */
	struct duk_x_turn x_turns[DUK_X_TURNS]; /* of loops that the match is in: the last ones */
	duk_uint32_t x_n_turns;
	duk_uint32_t recursion_depth;]])
    duktape_insert(AFTER [[	res = (duk_codepoint_t) duk_unicode_decode_xutf8_checked(re_ctx->thr, sp, re_ctx->input, re_ctx->input_end);
]] [[	if ((re_ctx->re_flags & JS_REGEXP_UNICODE) && res >= 0xd800 && res < 0xdc00)
		res = duk_x_join_pair(res, sp, re_ctx->input_end);
]])
    duktape_insert(BEFORE [[	return duk__utf8_backtrack(re_ctx->thr, sp, re_ctx->input, re_ctx->input_end, count);
]] [[	if (re_ctx->re_flags & JS_REGEXP_UNICODE)
		return duk_x_backtrack_pairs(re_ctx, sp, count);
]])
    duktape_insert(BEFORE [[		case DUK_REOP_LOOKPOS:
		case DUK_REOP_LOOKNEG: {]] [[		case DUK_X_REOP_HERE: {
			if (sp != re_ctx->x_here)
				goto fail;
			break;
		}
		case DUK_X_REOP_TURN: {
			sp = duk_x_match_turn(re_ctx, pc, pc, sp);
			if (sp)
				goto match;
			goto fail;
		}
		case DUK_X_REOP_END_TURN: {
			const duk_uint8_t *x_op = pc - 1;
			if (duk_x_is_idle(re_ctx, x_op - duk__bc_get_u32(re_ctx, &pc), sp))
				goto fail;
			break;
		}
		case DUK_X_REOP_BEHIND:
		case DUK_X_REOP_NOT_BEHIND:
]])
    duktape_edit([[			sub_sp = duk__match_regexp(re_ctx, pc, sp);
			if (op == DUK_REOP_LOOKPOS) {]] [[			if (op >= DUK_X_REOP_BEHIND)
				sub_sp = duk_x_match_behind(re_ctx, pc, sp);
			else
				sub_sp = duk__match_regexp(re_ctx, pc, sp);
			if (op == DUK_REOP_LOOKPOS || op == DUK_X_REOP_BEHIND) {]])
    # A turn of a loop that takes nothing is none (ECMA-262 22.2.2.3.1).
    duktape_edit([[	re_ctx->recursion_depth++;

	for (;;) {
		duk_small_int_t op;
]] [[	re_ctx->recursion_depth++;
	struct duk_x_turn x_under = {NULL, NULL}; /* what the turn of this call stands on */
	duk_bool_t x_has_turn = 0;

	for (;;) {
		duk_small_int_t op;
]])
    duktape_edit([[				goto match;
			}
			pc += skip;
			break;]] [[				goto match;
			}
			if (skip < 0) {
				if (duk_x_is_idle(re_ctx, pc, sp))
					goto fail;
				if (x_has_turn && duk_x_is_other(re_ctx, pc, sp)) {
					sp = duk_x_match_turn(re_ctx, pc, pc + skip, sp);
					if (sp)
						goto match;
					goto fail;
				}
				if (x_has_turn)
					duk_x_end_turn(re_ctx, x_under);
				x_under = duk_x_begin_turn(re_ctx, pc, sp);
				x_has_turn = 1;
			}
			pc += skip;
			break;]])
    duktape_edit([[match:
	re_ctx->recursion_depth--;
	return sp;

fail:
	re_ctx->recursion_depth--;
]] [[match:
	if (x_has_turn)
		duk_x_end_turn(re_ctx, x_under);
	re_ctx->recursion_depth--;
	return sp;

fail:
	if (x_has_turn)
		duk_x_end_turn(re_ctx, x_under);
	re_ctx->recursion_depth--;
]])
    duktape_edit([[			skip = duk__bc_get_i32(re_ctx, &pc);
			sub_sp = duk__match_regexp(re_ctx, pc + skip, sp);
			if (sub_sp) {]] [[			skip = duk__bc_get_i32(re_ctx, &pc);
			if (skip < 0) {
				if (duk_x_is_idle(re_ctx, pc, sp))
					goto fail;
				sub_sp = duk_x_match_turn(re_ctx, pc, pc + skip, sp);
			} else {
				sub_sp = duk__match_regexp(re_ctx, pc + skip, sp);
			}
			if (sub_sp) {]])
    duktape_edit([[	re_ctx.nsaved = duk__bc_get_u32(&re_ctx, &pc);
]] [[	re_ctx.nsaved = duk__bc_get_u32(&re_ctx, &pc);
	duk_uint32_t x_names_n = duk__bc_get_u32(&re_ctx, &pc);
	const duk_uint8_t *x_names = pc;
	pc += x_names_n;
]])
    duktape_edit([[	global = (duk_small_int_t) (force_global | (duk_small_int_t) (re_ctx.re_flags & DUK_RE_FLAG_GLOBAL));
]] [[	global = (duk_small_int_t) (force_global | (duk_small_int_t) (re_ctx.re_flags & (DUK_RE_FLAG_GLOBAL | JS_REGEXP_STICKY)));
]])
    # A lastIndex before the text is its beginning (ECMA-262 7.1.20).
    duktape_edit([[		if (d < 0.0 || d > (double) DUK_HSTRING_GET_CHARLEN(h_input)) {]]
        [[		if (d < 0.0)
			d = 0.0;
		if (d > (double) DUK_HSTRING_GET_CHARLEN(h_input)) {]])
    duktape_insert(AFTER [[	sp = re_ctx.input + duk_heap_strcache_offset_char2byte(thr, h_input, char_offset);
]] [[	if (duk_x_is_inside_pair(&re_ctx, sp)) {
		sp += 3;
		char_offset++;
	}
]])
    duktape_insert(BEFORE [[		/* advance by one character (code point) and one char_offset */
]] [[		if ((re_ctx.re_flags & JS_REGEXP_STICKY) && !force_global)
			break;
		if (re_ctx.input_end - sp > 3 && duk_x_is_inside_pair(&re_ctx, sp + 3)) {
			sp += 3;
			char_offset++;
		}
]])
    duktape_insert(AFTER [[		duk_dup_m4(thr);
		duk_xdef_prop_stridx_short_wec(thr, -2, DUK_STRIDX_INPUT);
]] [[		duk_x_match_properties(&re_ctx, char_offset, x_names, x_names_n);
]])
    duktape_edit([[		duk_push_int(thr, 0);
		duk_put_prop_stridx_short(thr, -6, DUK_STRIDX_LAST_INDEX);
	}

	/* [ ... re_obj input bc saved_buf res_obj ] */

	duk_insert(thr, -5);]] [[		if (global) {
			duk_push_int(thr, 0);
			duk_put_prop_stridx_short(thr, -6, DUK_STRIDX_LAST_INDEX);
		}
	}

	/* [ ... re_obj input bc saved_buf res_obj ] */

	duk_insert(thr, -5);]])
endmacro()

macro(duktape_edit_regexp_methods)
    duktape_edit([[			if (DUK_HSTRING_GET_BYTELEN(h_match) == 0) {]]
        [[			if (is_global && DUK_HSTRING_GET_BYTELEN(h_match) == 0) {]])
    duktape_insert(BEFORE [[
			/* [ ... replacer match [captures] match_char_offset input ] */
]] [[#if defined(DUK_USE_REGEXP_SUPPORT)
			if (is_regexp)
				duk_x_push_groups_if_any(thr);
#endif
]])
    duktape_insert(AFTER [[					if (!is_regexp) {
						goto repl_write;
					}
]] [[					if (ch2 == '<' && (tmp_sz = duk_x_push_named(thr, r, left)) > 0) {
						duk_hstring *x_named = duk_known_hstring(thr, -1);

						DUK_BW_WRITE_ENSURE_HSTRING(thr, bw, x_named);
						duk_pop(thr);
						r += tmp_sz;
						continue;
					}
]])
    # A replacing function sees the expression as it is when all matches are found (ECMA-262 22.2.6.11).
    duktape_insert(BEFORE [[	for (;;) {
		/*
		 *  If matching with a regexp:
		 *    - non-global RegExp: lastIndex not touched on a match, zeroed]] [[	double x_last_index = 0;

]])
    duktape_edit([[			duk_call(thr, duk_get_top(thr) - idx_args);
			h_repl = duk_to_hstring_m1(thr); /* -> [ ... repl_value ] */
]] [[			h_repl = duk_x_call_replacer(thr, idx_args, is_global ? &x_last_index : NULL);
]])
    duktape_insert(BEFORE [[	/* trailer */
	tmp_sz = (duk_size_t) (DUK_HSTRING_GET_BYTELEN(h_input) - prev_match_end_boff);]] [[	if (is_global && is_repl_func)
		(void) duk_x_swap_last_index(thr, x_last_index);

]])
    # An empty match anywhere must not be found again (ECMA-262 22.2.6.8).
    duktape_edit([[		if (this_index == prev_last_index) {
			this_index++;]] [[		duk_get_prop_index(thr, -1, 0);
		if (duk_get_length(thr, -1) == 0) {
			this_index++;]])
    duktape_edit([[		prev_last_index = this_index;

		duk_get_prop_index(thr, -1, 0); /* match string */]] [[		DUK_UNREF(prev_last_index);
]])
endmacro()

function(penstock_edit_duktape in out)
    file(READ ${in} code)
    duktape_edit_writes()
    duktape_edit_ticks()
    duktape_edit_charges()
    duktape_edit_stack()
    duktape_edit_compiler()
    duktape_edit_eval()
    duktape_edit_places()
    duktape_edit_helpers()
    duktape_edit_calls()
    duktape_edit_functions()
    duktape_edit_closures()
    duktape_edit_scopes()
    duktape_edit_json()
    duktape_edit_json_quote()
    duktape_edit_dates()
    duktape_edit_numbers()
    duktape_edit_errors()
    duktape_edit_regexp_compiler()
    duktape_edit_regexp_matcher()
    duktape_edit_regexp_methods()
    file(WRITE ${out}.new "${code}")
    configure_file(${out}.new ${out} COPYONLY)
endfunction()
