// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_APP_CMD_H
#define PENSTOCK_APP_CMD_H

// The commands. Each takes the words after its name and returns the process's exit code.

int cmd_serve(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_rekey(int argc, char **argv);

#endif
