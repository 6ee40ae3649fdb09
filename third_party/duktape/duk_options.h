/* Inserted into duk_config.h, after Duktape has chosen its defaults. */

/* A runaway converter is stopped from here; without the counter it is never called. */
#define DUK_USE_INTERRUPT_COUNTER
#undef DUK_USE_EXEC_TIMEOUT_CHECK
#define DUK_USE_EXEC_TIMEOUT_CHECK(udata) penstock_duk_timeout_check(udata)
extern duk_bool_t penstock_duk_timeout_check(void *udata);

#define DUK_USE_FASTINT
#define DUK_USE_JSON_STRINGIFY_FASTPATH
#define DUK_USE_JSON_DECSTRING_FASTPATH
#define DUK_USE_JSON_DECNUMBER_FASTPATH
#define DUK_USE_JSON_EATWHITE_FASTPATH
#define DUK_USE_JSON_QUOTESTRING_FASTPATH

/* The fatal handler stays the one given to duk_create_heap(). */
#undef DUK_USE_FATAL_HANDLER
