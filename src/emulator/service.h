// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_SERVICE_H
#define PENSTOCK_EMULATOR_SERVICE_H

// What the emulator's HTTP side is made of: the object, calls of the service (service.c) and the
// admin paths (admin.c). Loop thread only.

#include "emulator/auth.h"
#include "emulator/emulator.h"
#include "emulator/faults.h"
#include "net/http_server.h"

struct emulator {
    struct loop *loop;
    const struct clock *clock;
    struct http_server *server;
    struct emu_account account;
    struct emu_faults faults;
    bool check_signatures;
    struct emu_auth auth; // its strings are owned
    struct buf reply;     // reused from call to call
    struct list stalled;  // struct stall, in service.c
    struct list trickles; // struct trickle, in reply.c
    struct list pushes;   // struct push, in push.c
    struct loop_task pump;
    struct timer tick;
    int64_t ahead_ms; // of the clock, by the admin path; signatures and timers keep true time
    bool closing;
    uint64_t calls[EMU_OP_COUNT], errors[EMU_OP_COUNT];
    void (*on_closed)(void *ctx);
    void *on_closed_ctx;
};

struct emu_now emu_service_now(const struct emulator *e);
// Answers a request to the Kinesis API, now or (stalled) later.
void emu_service_handle(struct emulator *e, struct http_exchange *x);
// Answers all stalled calls at once.
void emu_service_unstall(struct emulator *e);

#define EMU_ADMIN_PREFIX "/_penstock/"
void emu_admin_handle(struct emulator *e, struct http_exchange *x);

// Callers must sign with these; token empty = none. All is copied.
void emu_service_set_credentials(struct emulator *e, struct span id, struct span secret,
                                 struct span token);

#endif
