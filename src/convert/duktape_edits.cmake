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

# The compiler forgets to look at the stack that is left.
macro(duktape_edit_stack)
    duktape_insert(BEFORE [[	if (comp_ctx->recursion_depth >= comp_ctx->recursion_limit) {]] [[	duk_native_stack_check(comp_ctx->thr);
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

macro(duktape_edit_calls)
    duktape_insert(AFTER [[			 * Calling code will throw the actual error.
			 */
		} else ]] [[if (!duk_x_apply_native(thr, idx_func)) ]])
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

function(penstock_edit_duktape in out)
    file(READ ${in} code)
    duktape_edit_writes()
    duktape_edit_ticks()
    duktape_edit_stack()
    duktape_edit_compiler()
    duktape_edit_calls()
    duktape_edit_closures()
    duktape_edit_scopes()
    duktape_edit_json()
    file(WRITE ${out}.new "${code}")
    configure_file(${out}.new ${out} COPYONLY)
endfunction()
