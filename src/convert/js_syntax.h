// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_SYNTAX_H
#define PENSTOCK_CONVERT_JS_SYNTAX_H

// What lowered scripts call (syntax/lower.h lists it): native functions that Duktape's compiler
// puts into the code as constants, so that a script can neither see nor change them.

#include "convert/duk_ext.h"

// The function of the helper, by its name without the prefix; NULL when there is none.
duk_c_function js_syntax_helper(struct span name);

#endif
