// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_APP_CMD_KINESIS_H
#define PENSTOCK_APP_CMD_KINESIS_H

// `penstock kinesis`: the local Kinesis endpoint alone. Takes the words after its name; returns the
// process's exit code.
int cmd_kinesis(int argc, char **argv);

#endif
