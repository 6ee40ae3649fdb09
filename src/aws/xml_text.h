// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_XML_TEXT_H
#define PENSTOCK_AWS_XML_TEXT_H

// Just enough XML for the replies of AWS's query services: text of elements without children.
// No attributes, no CDATA, no document type. Pure.

#include "base/arena.h"

// Text of the first element of that name, entities replaced; false when absent or not closed.
bool xml_text_find(struct span xml, const char *element, struct arena *a, struct span *out);
// Name of the outermost element, without prefix; empty when there is none.
struct span xml_root_name(struct span xml);

#endif
