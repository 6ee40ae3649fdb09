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

function(penstock_edit_duktape in out)
    file(READ ${in} code)
    duktape_edit_writes()
    duktape_edit_ticks()
    duktape_edit_compiler()
    duktape_edit_calls()
    file(WRITE ${out}.new "${code}")
    configure_file(${out}.new ${out} COPYONLY)
endfunction()
