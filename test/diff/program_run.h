// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_DIFF_PROGRAM_RUN_H
#define PENSTOCK_TEST_DIFF_PROGRAM_RUN_H

// A small program as the tables and the differential test have them: the body of a function of
// `payload` (bytes) and `metadata`, whose result is compared as JSON.stringify() writes it.

#include "base/buf.h"

// Appends that text, "undefined", or "!" and the name of the error that the program throws or has.
void program_run(struct span program, struct span payload, struct buf *out);

#endif
