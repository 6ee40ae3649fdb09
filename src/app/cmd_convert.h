// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_APP_CMD_CONVERT_H
#define PENSTOCK_APP_CMD_CONVERT_H

// `penstock convert`: runs a converter on one payload, or on each line of a file, and prints what
// it returned as JSON, one line a run.

#define CMD_CONVERT_USAGE                                                                          \
    "convert uplink|downlink SCRIPT [--input FILE|-] [--metadata JSON] [--lines] [--expect FILE] " \
    "[--time] [--msg-type T] [--integration-metadata JSON]"

int cmd_convert(int argc, char **argv);

#endif
