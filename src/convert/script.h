// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_SCRIPT_H
#define PENSTOCK_CONVERT_SCRIPT_H

#include <stdatomic.h>

#include "convert/convert.h"
#include "convert/js_source.h"

// A script's text never changes. The loop's references are counted by convert_script_ref(); a
// worker that holds a heap for it has one of its own.
struct convert_script {
    enum convert_kind kind;
    struct span name, text;
    unsigned loop_refs;                 // loop only
    atomic_uint refs;                   // one for all of loop_refs, one for each holder elsewhere
    atomic_bool retired;                // the loop has none left: heaps for it can go
    _Atomic(struct js_source *) source; // made by the first who needs it
};

// Any thread.
void script_hold(struct convert_script *s);
void script_drop(struct convert_script *s);
// The script made ready for the engine, once for all; lives as long as the script.
const struct js_source *script_source(struct convert_script *s);

#endif
