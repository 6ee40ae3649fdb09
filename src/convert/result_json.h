// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_RESULT_JSON_H
#define PENSTOCK_CONVERT_RESULT_JSON_H

// Results of converters as JSON, in the form that a script would return them: for people who try
// one or look at what it did. Any thread.

#include "codec/json_out.h"
#include "convert/convert.h"

// null, one message, or an array of them.
void convert_write_uplink(struct json_out *j, const struct uplink_result *r);
// One message, or an array of any other number of them.
void convert_write_downlink(struct json_out *j, const struct downlink_result *r);
// Into an open object.
void convert_write_downlink_members(struct json_out *j, const struct downlink_msg *m);

#endif
