// SPDX-License-Identifier: Apache-2.0
#include "net_server.h"

struct http_server *server;
int closed;
static bool closing;

void begin_server(struct http_server_options o)
{
    struct err e = {0};
    begin_loop();
    closed = 0;
    closing = false;
    o.host = SPAN("127.0.0.1");
    if (http_server_new(loop, &o, &server, &e) != 0)
        fail_msg("%s", e.msg);
}

void close_server(int64_t grace_ms)
{
    closing = true;
    http_server_close(server, grace_ms, set_flag, &closed);
}

int end_server(void **state)
{
    (void)state;
    if (!closing)
        close_server(0);
    wait_until(closed);
    end_loop();
    return 0;
}
