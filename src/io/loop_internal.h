// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_IO_LOOP_INTERNAL_H
#define PENSTOCK_IO_LOOP_INTERNAL_H

// What the files of io/ share about the loop.

#include <uv.h>

#include "io/addresses.h"
#include "io/loop.h"

#define LOOP_READ_BUF (64 * 1024)

// One read buffer for all sockets: libuv pairs allocation and read callback strictly, and the loop
// is not re-entrant.
char *loop_read_buf(struct loop *l);

// What all dials of the loop learn.
struct bad_addresses *loop_bad_addresses(struct loop *l);

// Maps a libuv status to our codes; 0 stays 0.
int io_err(int uv_status);

#endif
