// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_NET_SERVER_H
#define PENSTOCK_TEST_NET_SERVER_H

// The server of tests that need no client.

#include "net/http_server.h"
#include "net_test.h"

extern struct http_server *server;
extern int closed; // it has closed

// At 127.0.0.1, on a loop of its own.
void begin_server(struct http_server_options o);
void close_server(int64_t grace_ms);
// A teardown: closes it, unless the test has.
int end_server(void **state);

#endif
